package versions

import (
	"context"
	"sync"
	"time"
)

// A schedule says which ranking is to be looked at next. A ranking that was
// marked is due at once, but not before it has rested from its last turn. The
// one that has been due for longest comes first, so none starves however often
// others are marked.
type schedule struct {
	mu    sync.Mutex
	due   []*turn // the one that has been due for longest in front
	turns map[string]*turn
	wake  chan struct{} // one waiting worker looks again
}

// A turn is what the schedule knows of one ranking.
type turn struct {
	name  string
	since int64 // the oldest revision of its marks; 0: not marked
	taken int64 // since, of the turn that is running; 0: none is
	rests bool
	waits bool // in due
}

func newSchedule() *schedule {
	return &schedule{turns: make(map[string]*turn), wake: make(chan struct{}, 1)}
}

// mark asks for a turn: a ranking may have changed at a revision, which is not 0.
func (s *schedule) mark(name string, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.turns[name]
	if t == nil {
		t = &turn{name: name}
		s.turns[name] = t
	}
	if t.since == 0 || revision < t.since {
		t.since = revision
	}
	s.line(t)
}

// line puts a ranking in line, if it is to have a turn now.
func (s *schedule) line(t *turn) {
	if t.since != 0 && t.taken == 0 && !t.rests && !t.waits {
		t.waits = true
		s.due = append(s.due, t)
		s.signal()
	}
}

// next waits for a turn. Whoever takes it calls done.
func (s *schedule) next(ctx context.Context) (string, error) {
	for {
		if name, ok := s.take(); ok {
			return name, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-s.wake:
		}
	}
}

func (s *schedule) take() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return "", false
	}
	t := s.due[0]
	s.due[0] = nil
	s.due = s.due[1:]
	t.waits, t.taken, t.since = false, t.since, 0
	if len(s.due) > 0 {
		s.signal() // the next one may be another worker's
	}
	return t.name, true
}

// done ends a turn and lets the ranking rest.
func (s *schedule) done(name string, rest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.turns[name]
	t.taken, t.rests = 0, true
	time.AfterFunc(rest, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.rests = false
		s.line(t)
	})
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
	for _, t := range s.turns {
		for _, revision := range []int64{t.since, t.taken} {
			if revision != 0 && (oldest == 0 || revision < oldest) {
				oldest = revision
			}
		}
	}
	return oldest
}
