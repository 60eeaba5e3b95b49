package ledger

import (
	"testing"
	"time"
)

// ShortenDedupe makes streams created in this test forget commit ids soon.
func ShortenDedupe(t *testing.T, d time.Duration) {
	t.Helper()
	before := dedupeWindow
	dedupeWindow = d
	t.Cleanup(func() { dedupeWindow = before })
}

// ShortenPublish makes an unanswered send be repeated soon.
func ShortenPublish(t *testing.T, d time.Duration) {
	t.Helper()
	before := publishTimeout
	publishTimeout = d
	t.Cleanup(func() { publishTimeout = before })
}

// Seal fills the hashes of a commit and gives the bytes to store.
var Seal = seal

// Subject is where a lane's commits go.
func Subject(lane string) string { return prefix + lane }

// StreamConfig is what the stream of a ledger must be.
var StreamConfig = streamConfig

// Remembered is the number of request ids that a lane knows.
func (f *Lane[S]) Remembered() int {
	f.requests.mu.Lock()
	defer f.requests.mu.Unlock()
	return len(f.requests.byKey)
}

// Queued is the number of requests that wait for the committer.
func (f *Lane[S]) Queued() int {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	return len(f.queue.items)
}
