package ledger

import (
	"cmp"
	"slices"
	"time"
)

// A Standing is how far a process is with the ledger, at one moment.
type Standing struct {
	Applied     int64     // revision up to which the ledger is read, checked and folded
	AppliedTime time.Time // latest commit time that was applied, zero without a commit
	Last        int64     // the highest revision that this process has heard of
	Halted      error     // why the ledger halted, nil while it is sound
	Lanes       []LaneStanding
}

// A LaneStanding is how far a lane is that is folded in this process.
type LaneStanding struct {
	Lane     string
	Sequence int64 // of the last commit that was folded, within the lane
	Revision int64 // of the same commit
}

// Standing tells how far this process is. It asks nobody and waits for nothing.
func (l *Ledger) Standing() Standing {
	l.mu.Lock()
	s := Standing{Applied: l.applied, AppliedTime: l.appliedTime, Last: l.last, Halted: l.halt}
	lanes := make([]folder, 0, len(l.lanes))
	for _, f := range l.lanes {
		lanes = append(lanes, f)
	}
	l.mu.Unlock()
	for _, f := range lanes {
		s.Lanes = append(s.Lanes, f.standing())
	}
	slices.SortFunc(s.Lanes, func(a, b LaneStanding) int { return cmp.Compare(a.Lane, b.Lane) })
	return s
}

func (f *Lane[S]) standing() LaneStanding {
	h := f.current.Load().head
	return LaneStanding{Lane: f.name, Sequence: h.sequence, Revision: h.revision}
}
