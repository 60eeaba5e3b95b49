package ledger

import (
	"context"
	"sync"
	"sync/atomic"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// State is what a fold makes of a lane.
type State[S any] interface {
	// Clone gives a copy that Apply may change while the original is being read.
	// It must be cheap: copies share their structure. The ledger never clones one
	// state twice at the same time.
	Clone() S
	// Apply takes in one transaction. It is a function of the state and its
	// arguments: no clock, no randomness, no order of maps. It returns
	// ErrUnknownFact for a fact whose kind it does not know. After an error the
	// copy is thrown away.
	Apply(at Position, tx *ledgerv1.Transaction) error
}

// Lane is one lane of the ledger, folded in this process.
type Lane[S State[S]] struct {
	ledger   *Ledger
	name     string
	current  atomic.Pointer[snapshot[S]]
	requests *requests
	queue    *queue[S]

	cloning sync.Mutex // held while a state is cloned: the tail and the committer may meet

	mu      sync.Mutex
	pending pending // what the committer waits to see
}

// A snapshot is a lane after one of its commits. It never changes.
type snapshot[S any] struct {
	state S
	at    Position
	head  head
}

// pending is a commit whose outcome the committer wants to know.
type pending struct {
	sequence int64 // in the lane; 0: none
	commitID string
	seen     bool  // the lane has come to this sequence
	revision int64 // of our commit, 0 if the sequence went to another
}

// folder is a lane of any state, as the tail sees it.
type folder interface {
	apply(commit *ledgerv1.Commit, h head) error
	pass(h head)
	serve(ctx context.Context)
	standing() LaneStanding
}

// Fold folds a lane in this process, from an empty state. It must be called
// before Run, once for a lane.
func Fold[S State[S]](l *Ledger, lane string, empty S) *Lane[S] {
	f := &Lane[S]{ledger: l, name: lane, requests: newRequests(), queue: newQueue[S]()}
	f.current.Store(&snapshot[S]{state: empty, at: Position{Lane: lane}})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes[lane] = f
	return f
}

// Current is the state after the last commit that was applied, and where that
// commit stands. It is shared: never modify it.
func (f *Lane[S]) Current() (S, Position) {
	s := f.current.Load()
	return s.state, s.at
}

// apply folds a commit that was checked. Only the tail calls it.
func (f *Lane[S]) apply(commit *ledgerv1.Commit, h head) error {
	body, err := open(commit)
	if err != nil {
		return err
	}
	next := f.clone(f.current.Load().state)
	at := Position{Revision: h.revision, CommitTime: h.time, Lane: f.name, LaneSequence: h.sequence}
	for i, tx := range body.GetTransactions() {
		at.Index = i
		known, err := vocabulary(tx)
		if err != nil {
			return err
		}
		if err := next.Apply(at, known); err != nil {
			return err
		}
		f.requests.add(at, tx)
	}
	// The requests come first: whoever sees the new state must know them.
	f.current.Store(&snapshot[S]{state: next, at: at, head: h})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending.sequence == h.sequence {
		f.pending.seen = true
		if f.pending.commitID == commit.GetCommitId() {
			f.pending.revision = h.revision
		}
	}
	return nil
}

func (f *Lane[S]) clone(state S) S {
	f.cloning.Lock()
	defer f.cloning.Unlock()
	return state.Clone()
}

// pass moves the lane's head over a message that is not a commit of it.
func (f *Lane[S]) pass(h head) {
	s := *f.current.Load()
	s.head = h
	f.current.Store(&s)
}

// expect says which commit the committer is about to publish.
func (f *Lane[S]) expect(sequence int64, commitID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = pending{sequence: sequence, commitID: commitID}
}

// outcome says whether the expected commit was seen, as far as the lane is read.
func (f *Lane[S]) outcome() pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending
}
