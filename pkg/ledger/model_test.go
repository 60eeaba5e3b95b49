package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
)

// TestModel runs random commands of many callers against a model: for each zone,
// the updates in the order of their revisions, as the receipts tell it.
func TestModel(t *testing.T) {
	commands := 10_000
	if testing.Short() {
		commands = 1_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	l, lane := start(t)
	m := &model{written: make(map[string]map[int64]update)}
	var callers sync.WaitGroup
	const n = 32
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		callers.Go(func() {
			c := caller{t: t, l: l, lane: lane, model: m, rng: rng, id: i}
			for range commands / n {
				if err := c.step(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	m.check(t, lane)
}

type update struct{ from, to string } // display before and after

type model struct {
	mu      sync.Mutex
	written map[string]map[int64]update // by zone and revision
}

type caller struct {
	t       *testing.T
	l       *ledger.Ledger
	lane    *ledger.Lane[*zones]
	model   *model
	rng     *rand.Rand
	id      int
	n       int
	highest int64
}

func (c *caller) step(ctx context.Context) error {
	name := fmt.Sprint("zones/", c.rng.IntN(10))
	before, at := c.lane.Current()
	if at.Revision < c.highest {
		return fmt.Errorf("caller %d has seen revision %d and now reads %d", c.id, c.highest, at.Revision)
	}
	zone, _ := before.Get(name)
	c.n++
	to := fmt.Sprintf("%d/%d", c.id, c.n)
	put := ledgertest.Update(name, to, zone.Revision)
	put.RequestID = to
	put.RequestHash = []byte(name)
	receipt, err := c.lane.Commit(ctx, put)
	if errors.Is(err, ledgertest.ErrChanged) {
		return nil // somebody was first
	}
	if err != nil {
		return err
	}
	if receipt.Revision <= c.highest {
		return fmt.Errorf("caller %d wrote at revision %d after it had seen %d", c.id, receipt.Revision, c.highest)
	}
	// Its own token: what was written is there, or what overwrote it.
	revision, err := c.l.Revision(c.l.Token(receipt.Revision))
	if err != nil {
		return err
	}
	if err := c.l.WaitFor(ctx, revision); err != nil {
		return err
	}
	after, at := c.lane.Current()
	if mine, _ := after.Get(name); at.Revision < revision || mine.Revision < revision {
		return fmt.Errorf("caller %d wrote %s at %d and reads revision %d of it at %d", c.id, name, revision, mine.Revision, at.Revision)
	}
	c.highest = at.Revision
	if c.rng.IntN(10) == 0 {
		again, err := c.lane.Commit(ctx, put)
		if err != nil || !again.Duplicate || again.Revision != receipt.Revision {
			return fmt.Errorf("a retry of %+v gave %+v, %w", receipt, again, err)
		}
	}
	return c.model.record(name, receipt.Revision, update{from: zone.Display, to: to})
}

func (m *model) record(name string, revision int64, u update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.written[name] == nil {
		m.written[name] = make(map[int64]update)
	}
	if other, taken := m.written[name][revision]; taken {
		return fmt.Errorf("%s was written twice at revision %d: %v and %v", name, revision, other, u)
	}
	m.written[name][revision] = u
	return nil
}

// check replays the updates of each zone: each must follow from the one before.
func (m *model) check(t *testing.T, lane *ledger.Lane[*zones]) {
	t.Helper()
	state, at := lane.Current()
	updates := 0
	for name, byRevision := range m.written {
		display := ""
		for revision := int64(1); revision <= at.Revision; revision++ {
			u, ok := byRevision[revision]
			if !ok {
				continue
			}
			updates++
			if u.from != display {
				t.Fatalf("%s at revision %d: %q was changed to %q, but %q was there: an update is lost", name, revision, u.from, u.to, display)
			}
			display = u.to
		}
		if zone, _ := state.Get(name); zone.Display != display {
			t.Errorf("%s is %q, the model says %q", name, zone.Display, display)
		}
	}
	t.Logf("%d updates in %d commits", updates, at.LaneSequence)
}
