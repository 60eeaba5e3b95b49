package versions

import (
	"container/list"
	"context"
	"sync"
	"unsafe"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// A key names a version.
type key struct {
	ranking string
	version int64
}

// A cache holds the versions that were used last, up to a number of bytes.
type cache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	order *list.List // of *Version, the one used last in front
	by    map[key]*list.Element
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, order: list.New(), by: make(map[key]*list.Element)}
}

func (c *cache) get(k key) *Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	v, _ := e.Value.(*Version)
	return v
}

// put keeps a version, and forgets others until there is room. One that is
// larger than the limit is not kept.
func (c *cache) put(v *Version) {
	k := key{v.Head.GetRanking(), v.Head.GetVersion()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[k] != nil {
		return
	}
	c.by[k] = c.order.PushFront(v)
	c.bytes += v.bytes
	for c.bytes > c.limit {
		oldest := c.order.Back()
		gone, _ := c.order.Remove(oldest).(*Version)
		c.bytes -= gone.bytes
		delete(c.by, key{gone.Head.GetRanking(), gone.Head.GetVersion()})
	}
}

func (c *cache) used() (versions int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.by), c.bytes
}

// size is about what a version takes in memory. Texts that rows share with those
// of other versions are counted for each, so it is rather too much.
func size(head *rankingv1.VersionHead, rows []*rankingv1.Standing) int64 {
	const row, localized, entry = int64(unsafe.Sizeof(rankingv1.Standing{})), 72, 48
	total := int64(1024) + 96*int64(len(head.GetLeaves()))
	for _, r := range rows {
		total += row + 2*localized + entry
		for _, text := range []string{
			r.GetSubject(), r.GetScore(), r.GetCompleteness(), r.GetGapAhead(), r.GetGapBehind(),
			r.GetDisplayName().GetZh(), r.GetDisplayName().GetEn(), r.GetReason().GetZh(), r.GetReason().GetEn(),
		} {
			total += int64(len(text))
		}
	}
	return total
}

// flights let many who want the same version wait for one computation of it.
type flights struct {
	mu sync.Mutex
	by map[key]*flight
}

type flight struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	version *Version
	err     error
}

func newFlights() *flights { return &flights{by: make(map[key]*flight)} }

// do runs make once for all who ask for a key meanwhile. It runs on when the
// first of them has gone, and ends when all of them have.
func (f *flights) do(ctx context.Context, k key, obtain func(context.Context) (*Version, error)) (*Version, error) {
	f.mu.Lock()
	one := f.by[k]
	if one == nil {
		var alone context.Context
		one = &flight{done: make(chan struct{})}
		alone, one.cancel = context.WithCancel(context.WithoutCancel(ctx))
		f.by[k] = one
		go func() {
			defer one.cancel()
			one.version, one.err = obtain(alone)
			f.mu.Lock()
			f.forget(k, one)
			f.mu.Unlock()
			close(one.done)
		}()
	}
	one.waiting++
	f.mu.Unlock()
	select {
	case <-one.done:
		return one.version, one.err
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			one.cancel()
			f.forget(k, one) // whoever asks now starts anew
		}
		return nil, context.Cause(ctx)
	}
}

func (f *flights) forget(k key, one *flight) {
	if f.by[k] == one {
		delete(f.by, k)
	}
}
