package revision

import (
	"testing"
	"time"
)

// ShortenLag makes a token from beyond the end be refused soon.
func ShortenLag(t *testing.T, d time.Duration) {
	t.Helper()
	before := lag
	lag = d
	t.Cleanup(func() { lag = before })
}
