package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A site is a ledger with one commit in the zone lane, to which raw messages are
// published past the committer.
type site struct {
	t      *testing.T
	server *local.Server
	led    *ledger.Ledger
	lane   *ledger.Lane[*zones]
	ended  chan error
	first  *ledgerv1.Commit // revision 1
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, server: ledgertest.Server(t, t.TempDir()), ended: make(chan error, 1)}
	s.led = ledgertest.OpenAt(t, s.server, ledger.Config{})
	s.lane = ledger.Fold(s.led, ledger.LaneZone, ledgertest.NewZones())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.ended <- s.led.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	commit(t, s.lane, ledgertest.Put("r1", "first", "zones/a"))
	s.first = s.read(1)
	return s
}

func (s *site) read(revision uint64) *ledgerv1.Commit {
	s.t.Helper()
	js := ledgertest.Deps(s.t, s.server).JetStream
	stream, err := js.Stream(s.t.Context(), "LEDGER")
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := stream.GetMsg(s.t.Context(), revision)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &ledgerv1.Commit{}
	if err := proto.Unmarshal(raw.Data, c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// next is a commit that would be right, to be spoilt.
func (s *site) next(facts ...*ledgerv1.Fact) *ledgerv1.Commit {
	s.t.Helper()
	body, err := proto.Marshal(&ledgerv1.Body{Transactions: []*ledgerv1.Transaction{{Actor: "raw", Facts: facts}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return &ledgerv1.Commit{
		LedgerId: s.first.GetLedgerId(), Epoch: s.first.GetEpoch(), Lane: "zone", LaneSequence: 2, PreviousRevision: 1,
		CommitId: "raw", CommitTime: s.first.GetCommitTime(), TransactionCount: 1, PreviousHash: s.first.GetHash(), Body: body,
	}
}

func (s *site) publish(lane string, data []byte) {
	s.t.Helper()
	if _, err := ledgertest.Deps(s.t, s.server).JetStream.Publish(s.t.Context(), ledger.Subject(lane), data); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) seal(c *ledgerv1.Commit) []byte {
	s.t.Helper()
	data, err := ledger.Seal(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// replica is another process that reads the same ledger from its start.
func (s *site) replica() (*ledger.Ledger, *ledger.Lane[*zones], chan error) {
	l := ledgertest.OpenAt(s.t, s.server, ledger.Config{})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ctx, cancel := context.WithCancel(context.Background())
	ended, done := make(chan error, 1), make(chan struct{})
	go func() { ended <- l.Run(ctx); close(done) }()
	s.t.Cleanup(func() { cancel(); <-done })
	return l, lane, ended
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestIgnoredByRule: what a rule passes over is passed over by every process
// alike, and does not stop the lane.
func TestIgnoredByRule(t *testing.T) {
	for name, spoil := range map[string]func(s *site) (lane string, data []byte){
		"the same commit again": func(s *site) (string, []byte) {
			data, _ := proto.Marshal(s.first)
			return "zone", data
		},
		"a stale lane position": func(s *site) (string, []byte) {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			c.LaneSequence, c.PreviousRevision, c.PreviousHash = 1, 0, nil
			return "zone", s.seal(c)
		},
		"a stale previous revision": func(s *site) (string, []byte) {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			c.PreviousRevision = 0
			return "zone", s.seal(c)
		},
		"a lane position from the future": func(s *site) (string, []byte) {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			c.LaneSequence = 3
			return "zone", s.seal(c)
		},
		"another lane's subject": func(s *site) (string, []byte) {
			return "indicator", s.seal(s.next(ledgertest.Fact("zones/a", "raw")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.publish(spoil(s))
			if err := s.led.WaitFor(soon(t), 2); err != nil {
				t.Fatal(err)
			}
			receipt := commit(t, s.lane, ledgertest.Put("r2", "second", "zones/b"))
			if receipt.Revision != 3 {
				t.Errorf("receipt = %+v", receipt)
			}
			replica, lane, _ := s.replica()
			if err := replica.WaitFor(soon(t), 3); err != nil {
				t.Fatal(err)
			}
			mine, _ := s.lane.Current()
			theirs, _ := lane.Current()
			if fmt.Sprint(mine.All()) != fmt.Sprint(theirs.All()) || mine.All()["zones/a"].Display != "first" {
				t.Errorf("here %v, in another process %v", mine.All(), theirs.All())
			}
			report, err := ledger.Verify(soon(t), ledger.Verification{JetStream: ledgertest.Deps(t, s.server).JetStream})
			if err != nil || !report.Sound() || report.Commits != 2 || fmt.Sprint(report.Ignored) != "[2]" {
				t.Errorf("report = %+v, %v", report, err)
			}
			err = s.led.Tail(soon(t), 0, func(_ *ledgerv1.Commit, revision int64) error {
				if revision == 2 {
					t.Error("the ignored message is tailed")
				}
				if revision == 3 {
					return context.Canceled
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// TestHalts: what cannot be trusted or understood stops every process at the
// same place, and nothing behind it is served.
func TestHalts(t *testing.T) {
	for name, spoil := range map[string]func(s *site) []byte{
		"another ledger": func(s *site) []byte {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			c.LedgerId = "other"
			return s.seal(c)
		},
		"another epoch": func(s *site) []byte {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			c.Epoch = 2
			return s.seal(c)
		},
		"not a commit": func(*site) []byte { return []byte("hello") },
		"a wrong body hash": func(s *site) []byte {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			s.seal(c)
			c.Body = append(c.Body, 0)
			data, _ := proto.Marshal(c)
			return data
		},
		"a wrong hash": func(s *site) []byte {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			s.seal(c)
			c.TransactionCount = 2
			data, _ := proto.Marshal(c)
			return data
		},
		"a broken chain": func(s *site) []byte {
			c := s.next(ledgertest.Fact("zones/a", "raw"))
			sum := sha256.Sum256([]byte("other"))
			c.PreviousHash = sum[:]
			return s.seal(c)
		},
		"a fact of another lane": func(s *site) []byte {
			return s.seal(s.next(&ledgerv1.Fact{Kind: &ledgerv1.Fact_FigurePinned{FigurePinned: &ledgerv1.FigurePinned{}}}))
		},
		"a fact that this build does not know": func(s *site) []byte {
			fact := &ledgerv1.Fact{}
			fact.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
			return s.seal(s.next(fact))
		},
		"a newer vocabulary": func(s *site) []byte {
			return s.seal(s.next(&ledgerv1.Fact{Kind: &ledgerv1.Fact_LedgerVersion{LedgerVersion: &ledgerv1.LedgerVersion{Version: ledger.Vocabulary + 1}}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.publish("zone", spoil(s))
			err := <-s.ended
			var damage *ledger.DamageError
			if !errors.As(err, &damage) || damage.First != 2 || damage.Last != 2 {
				t.Fatalf("ended with %v", err)
			}
			wantReason(t, s.led.Err(), typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED)
			_, err = s.lane.Commit(t.Context(), ledgertest.Put("r2", "second", "zones/a"))
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED)
			wantReason(t, s.led.WaitFor(t.Context(), 2), typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED)
			replica, lane, ended := s.replica()
			if err := <-ended; !errors.As(err, &damage) || damage.First != 2 {
				t.Errorf("another process ended with %v", err)
			}
			if state, at := lane.Current(); at.Revision != 1 || state.All()["zones/a"].Display != "first" || replica.Applied() != 1 {
				t.Errorf("another process is at %+v with %v", at, state.All())
			}
		})
	}
}

// A process that does not fold a lane checks its chain and does not need to know
// its facts.
func TestForeignLaneIsNotDecoded(t *testing.T) {
	s := newSite(t)
	fact := &ledgerv1.Fact{}
	fact.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
	s.publish("zone", s.seal(s.next(fact)))
	<-s.ended
	l := ledgertest.OpenAt(t, s.server, ledger.Config{})
	ledgertest.Run(t, l)
	if l.Applied() != 2 {
		t.Errorf("applied = %d", l.Applied())
	}
}

// A LedgerVersion that this build reads is the ledger's own: folds do not see it.
func TestLedgerVersion(t *testing.T) {
	s := newSite(t)
	s.publish("zone", s.seal(s.next(
		&ledgerv1.Fact{Kind: &ledgerv1.Fact_LedgerVersion{LedgerVersion: &ledgerv1.LedgerVersion{Version: ledger.Vocabulary}}},
		ledgertest.Fact("zones/b", "after"))))
	if err := s.led.WaitFor(soon(t), 2); err != nil {
		t.Fatal(err)
	}
	if state, _ := s.lane.Current(); state.All()["zones/b"].Display != "after" {
		t.Errorf("state = %v", state.All())
	}
}

// Two processes that both own the lane: the fence is the expected sequence, so
// no update is lost, whoever writes.
func TestTwoCommitters(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	server := ledgertest.Server(t, t.TempDir())
	var lanes []*ledger.Lane[*zones]
	var ledgers []*ledger.Ledger
	for range 2 {
		l := ledgertest.OpenAt(t, server, ledger.Config{})
		lanes = append(lanes, ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones()))
		ledgers = append(ledgers, l)
		ledgertest.Run(t, l)
	}
	const callers, each = 8, 20
	errs := make(chan error, callers)
	for i := range callers {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		go func() { errs <- increment(soon(t), lanes[i%2], each, rng) }()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	last, err := ledgers[0].Last(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range ledgers {
		if err := l.WaitFor(soon(t), last); err != nil {
			t.Fatal(err)
		}
		state, _ := lanes[i].Current()
		if n := total(state); n != callers*each {
			t.Errorf("process %d counts %d of %d increments", i, n, callers*each)
		}
	}
}

// increment adds one to a random counter, n times. Counters are zones whose
// display is as long as the count.
func increment(ctx context.Context, lane *ledger.Lane[*zones], n int, rng *rand.Rand) error {
	for range n {
		name := fmt.Sprint("zones/z", rng.IntN(3))
		_, err := lane.Commit(ctx, command{Actor: "counter", Decide: func(z *zones, _ ledger.Position) (ledger.Proposal, error) {
			zone, _ := z.Get(name)
			return ledger.Proposal{Facts: []*ledgerv1.Fact{ledgertest.Fact(name, zone.Display+"x")}}, nil
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

func total(z *zones) int {
	n := 0
	for _, zone := range z.All() {
		n += strings.Count(zone.Display, "x")
	}
	return n
}

// A stream that is deleted, or replaced, under a running process halts it.
func TestStreamLostWhileRunning(t *testing.T) {
	for name, replace := range map[string]bool{"deleted": false, "replaced by an empty one": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			js := ledgertest.Deps(t, s.server).JetStream
			if err := js.DeleteStream(t.Context(), ledger.Stream); err != nil {
				t.Fatal(err)
			}
			if replace {
				// The server still removes the directory of the old one: it may fail to make the new one in it.
				_, err := js.CreateStream(t.Context(), ledger.StreamConfig(1, s.led.ID(), 1))
				for within := soon(t); err != nil && within.Err() == nil; {
					_, err = js.CreateStream(within, ledger.StreamConfig(1, s.led.ID(), 1))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-s.ended:
				var damage *ledger.DamageError
				if !errors.As(err, &damage) || damage.First != 1 || damage.Last != 1 {
					t.Errorf("ended with %v", err)
				}
			case <-soon(t).Done():
				t.Fatal("goes on without its stream")
			}
		})
	}
}
