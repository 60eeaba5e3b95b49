package ledger

import (
	"sync"
	"time"
)

// times keeps the time of every revision that was applied: 8 bytes each, in
// blocks, so that growing copies nothing.
type times struct {
	mu     sync.RWMutex
	blocks []*[timesBlock]int64 // Unix nanoseconds, for revisions from 1 on
	last   int64                // revision
}

const timesBlock = 4096

// put takes in the next revision. Lanes have clocks of their own, so a commit
// may bear an earlier time than the one before it: the later one stands.
func (t *times) put(revision int64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := int64(0)
	if !at.IsZero() {
		now = at.UnixNano()
	}
	if t.last > 0 {
		now = max(now, t.get(t.last))
	}
	for ; t.last < revision; t.last++ {
		block, i := t.last/timesBlock, t.last%timesBlock
		if int(block) == len(t.blocks) {
			t.blocks = append(t.blocks, new([timesBlock]int64))
		}
		t.blocks[block][i] = now
	}
}

func (t *times) get(revision int64) int64 {
	return t.blocks[(revision-1)/timesBlock][(revision-1)%timesBlock]
}

// TimeAt is the time of the ledger at a revision: the latest commit time up to
// it. It never runs backwards and is the same in every process. Beyond what is
// applied it is that of the last applied revision; zero before the first.
func (l *Ledger) TimeAt(revision int64) time.Time {
	l.times.mu.RLock()
	defer l.times.mu.RUnlock()
	if revision = min(revision, l.times.last); revision <= 0 {
		return time.Time{}
	}
	return time.Unix(0, l.times.get(revision)).UTC()
}

// FirstAt is the first applied revision whose time is not before a moment, 0
// when none is yet.
func (l *Ledger) FirstAt(moment time.Time) int64 {
	l.times.mu.RLock()
	defer l.times.mu.RUnlock()
	wanted := moment.UnixNano()
	low, high := int64(1), l.times.last+1
	for low < high {
		if middle := (low + high) / 2; l.times.get(middle) < wanted {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low > l.times.last {
		return 0
	}
	return low
}
