package versions

import (
	"cmp"
	"container/heap"
	"context"
	"sync"
	"time"
)

// A schedule says which ranking is to be looked at next. A ranking that was
// marked is due at once, but not sooner after its last turn than an interval;
// the one that has been due for longest comes first, so none starves however
// often others are marked.
type schedule struct {
	now func() time.Time

	mu      sync.Mutex
	queue   turns
	entries map[string]*turn
	wake    chan struct{} // one waiting worker looks again
}

// A turn is what the schedule knows of one ranking.
type turn struct {
	name  string
	due   time.Time
	after time.Time // not before, whoever marks it
	since int64     // the oldest revision of its marks; 0: not marked
	taken int64     // since, of the turn that is running
	index int       // in the queue, -1 when it is not there
	runs  bool
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, entries: make(map[string]*turn), wake: make(chan struct{}, 1)}
}

// mark asks for a turn: a ranking may have changed at a revision.
func (s *schedule) mark(name string, revision int64, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.entries[name]
	if t == nil {
		t = &turn{name: name, index: -1}
		s.entries[name] = t
	}
	if t.since == 0 || revision < t.since {
		t.since = revision
	}
	due := s.now().Add(wait)
	if due.Before(t.after) {
		due = t.after
	}
	switch {
	case t.runs: // it is put back into the queue at its end
		if t.due.IsZero() || due.Before(t.due) {
			t.due = due
		}
	case t.index < 0:
		t.due = due
		heap.Push(&s.queue, t)
		s.signal()
	case due.Before(t.due):
		t.due = due
		heap.Fix(&s.queue, t.index)
		s.signal()
	}
}

// next waits for a turn. Whoever takes it calls done.
func (s *schedule) next(ctx context.Context) (string, error) {
	for {
		name, wait, ok := s.take()
		if ok {
			return name, nil
		}
		var timeout <-chan time.Time
		var timer *time.Timer
		if wait > 0 {
			timer = time.NewTimer(wait)
			timeout = timer.C
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timeout:
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}

// take gives the turn that is due, or how long to wait for one; 0: until a mark.
func (s *schedule) take() (name string, wait time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return "", 0, false
	}
	first := s.queue[0]
	if wait := first.due.Sub(s.now()); wait > 0 {
		return "", wait, false
	}
	heap.Pop(&s.queue)
	first.runs, first.taken, first.since, first.due = true, first.since, 0, time.Time{}
	if len(s.queue) > 0 {
		s.signal() // the next one may be another worker's
	}
	return first.name, 0, true
}

// done ends a turn: the next one of this ranking is not before a time.
func (s *schedule) done(name string, after time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.entries[name]
	t.runs, t.taken, t.after = false, 0, after
	if t.since != 0 {
		if t.due.Before(after) {
			t.due = after
		}
		heap.Push(&s.queue, t)
		s.signal()
	}
}

// signal wakes one worker. The channel holds a signal that nobody waited for.
func (s *schedule) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// oldest is the lowest revision that a ranking waits for to be looked at, 0 when
// none waits.
func (s *schedule) oldest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest int64
	for _, t := range s.entries {
		for _, revision := range []int64{t.since, t.taken} {
			if revision != 0 && (oldest == 0 || revision < oldest) {
				oldest = revision
			}
		}
	}
	return oldest
}

// turns is a heap by due time, then by name.
type turns []*turn

func (q turns) Len() int { return len(q) }

func (q turns) Less(i, j int) bool {
	return cmp.Or(q[i].due.Compare(q[j].due), cmp.Compare(q[i].name, q[j].name)) < 0
}

func (q turns) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push and Pop are what container/heap asks for.
func (q *turns) Push(x any) {
	t, _ := x.(*turn)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *turns) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.index = -1
	return t
}
