package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// lossy is a connection that loses requests or replies, as its field says.
type lossy struct {
	jetstream.JetStream
	lose  func(attempt int) loss
	sends atomic.Int32
	late  []func() // requests that are still on their way
}

type loss int

const (
	nothing loss = iota
	theRequest
	theReply
	overtakes // the request arrives late, before the one after the next
	stale     // a server that lags refuses the request
)

var errLost = errors.New("lost on the way")

func (j *lossy) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	loss := j.lose(int(j.sends.Add(1)))
	switch loss {
	case theRequest:
		return nil, errLost
	case overtakes:
		j.late = append(j.late, func() { _, _ = j.JetStream.PublishMsg(context.WithoutCancel(ctx), msg, opts...) })
		return nil, errLost
	case stale:
		return nil, &jetstream.APIError{Code: 400, ErrorCode: 10164, Description: "wrong last sequence"}
	case nothing, theReply: // it arrives
	}
	for _, arrive := range j.late {
		arrive()
	}
	j.late = nil
	ack, err := j.JetStream.PublishMsg(ctx, msg, opts...)
	if loss == theReply {
		return nil, errLost
	}
	return ack, err
}

func startLossy(t *testing.T, lose func(attempt int) loss) (*ledger.Ledger, *ledger.Lane[*zones], *lossy) {
	t.Helper()
	deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
	js := &lossy{JetStream: deps.JetStream, lose: lose}
	deps.JetStream = js
	l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	return l, lane, js
}

// count is how often each request id is in the ledger.
func count(t *testing.T, l *ledger.Ledger) map[string]int {
	t.Helper()
	last, err := l.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, read := make(map[string]int), errors.New("read")
	if last == 0 {
		return n
	}
	err = l.Tail(soon(t), 0, func(c *ledgerv1.Commit, revision int64) error {
		txs, err := ledger.Transactions(c)
		if err != nil {
			return err
		}
		for _, tx := range txs {
			n[tx.GetRequestId()]++
		}
		if revision == last {
			return read
		}
		return nil
	})
	if !errors.Is(err, read) {
		t.Fatal(err)
	}
	return n
}

func TestLostOnTheWay(t *testing.T) {
	for name, what := range map[string]loss{"request": theRequest, "reply": theReply} {
		t.Run(name, func(t *testing.T) {
			l, lane, js := startLossy(t, func(n int) loss {
				if n <= 3 {
					return what
				}
				return nothing
			})
			first := commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
			second := commit(t, lane, ledgertest.Put("r2", "b", "zones/b"))
			if first.Revision != 1 || first.Duplicate || second.Revision != 2 || js.sends.Load() != 5 {
				t.Errorf("%+v, %+v after %d sends", first, second, js.sends.Load())
			}
			if n := count(t, l); n["r1"] != 1 || n["r2"] != 1 {
				t.Errorf("stored %v", n)
			}
		})
	}
}

// Beyond the duplicate window the server takes a resend for another commit; its
// refusal and the ledger tell what happened.
func TestReplyLostBeyondTheDuplicateWindow(t *testing.T) {
	ledger.ShortenDedupe(t, 100*time.Millisecond)
	l, lane, js := startLossy(t, func(n int) loss {
		switch n {
		case 1:
			return theReply
		case 2:
			<-time.After(300 * time.Millisecond)
		}
		return nothing
	})
	receipt := commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
	if receipt.Revision != 1 || js.sends.Load() != 2 {
		t.Errorf("%+v after %d sends", receipt, js.sends.Load())
	}
	if n := count(t, l); n["r1"] != 1 {
		t.Errorf("stored %v", n)
	}
}

// A server that was cut off lags behind, and refuses a commit as if another one
// had taken its place. Its word does not count: the commit may be on its way to
// the others, and deciding it anew would write it twice.
func TestAServerThatLagsIsNotBelieved(t *testing.T) {
	ledger.ShortenPublish(t, 200*time.Millisecond)
	l, lane, js := startLossy(t, func(n int) loss {
		switch n {
		case 1:
			return overtakes
		case 2:
			return stale
		}
		return nothing
	})
	receipt := commit(t, lane, ledgertest.Put("", "a", "zones/a"))
	last, err := l.Last(t.Context())
	if err != nil || last != 1 || receipt.Revision != 1 {
		t.Errorf("%+v after %d sends, and the ledger ends at %d (%v)", receipt, js.sends.Load(), last, err)
	}
}

// When the deadline ends first, the caller is told that nobody knows, and its
// retry finds out.
func TestOutcomeUnknown(t *testing.T) {
	for name, what := range map[string]loss{"request": theRequest, "reply": theReply} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			l, lane, _ := startLossy(t, func(int) loss {
				if broken.Load() {
					return what
				}
				return nothing
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := lane.Commit(ctx, ledgertest.Put("r1", "a", "zones/a"))
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN)
			broken.Store(false)
			receipt := commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
			// A lost request may still have been sent once more before the retry.
			if what == theReply && !receipt.Duplicate || receipt.Revision != 1 || receipt.Names[0] != "zones/a" {
				t.Errorf("retry gave %+v", receipt)
			}
			if n := count(t, l); n["r1"] != 1 {
				t.Errorf("stored %v", n)
			}
		})
	}
}

// A request is lost, and before it is sent again another process takes its
// place: it is decided anew, on what the other one left.
func TestRequestLostAndOvertaken(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	other := ledgertest.OpenAt(t, server, ledger.Config{})
	otherLane := ledger.Fold(other, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, other)

	for name, what := range map[string]loss{"request": theRequest, "reply": theReply} {
		t.Run(name, func(t *testing.T) {
			deps := ledgertest.Deps(t, server)
			js := &lossy{JetStream: deps.JetStream}
			js.lose = func(n int) loss {
				switch n {
				case 1:
					return what
				case 2:
					if err := other.WaitFor(soon(t), lastOf(t, other)); err != nil {
						t.Error(err)
					}
					if _, err := otherLane.Commit(soon(t), ledgertest.Put("", "other "+name, "zones/"+name)); err != nil {
						t.Error(err)
					}
				}
				return nothing
			}
			deps.JetStream = js
			l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
			if err != nil {
				t.Fatal(err)
			}
			lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
			ledgertest.Run(t, l)
			var seen []string
			receipt := commit(t, lane, command{Actor: "test", RequestID: name, Decide: func(z *zones, _ ledger.Position) (ledger.Proposal, error) {
				zone, _ := z.Get("zones/" + name)
				seen = append(seen, zone.Display)
				return ledger.Proposal{Facts: []*ledgerv1.Fact{ledgertest.Fact("zones/"+name, "mine")}}, nil
			}})
			want := map[loss]string{theRequest: fmt.Sprintf("[ other %s]", name), theReply: "[]"}[what]
			if fmt.Sprint(seen) != want {
				t.Errorf("decided on %q, want %q", fmt.Sprint(seen), want)
			}
			if n := count(t, l); n[name] != 1 {
				t.Errorf("stored %v", n)
			}
			state, _ := lane.Current()
			wantLast := map[loss]string{theRequest: "mine", theReply: "other " + name}[what]
			if zone, _ := state.Get("zones/" + name); receipt.Revision == 0 || zone.Display != wantLast {
				t.Errorf("receipt %+v, the zone says %q, want %q", receipt, zone.Display, wantLast)
			}
		})
	}
}

func lastOf(t *testing.T, l *ledger.Ledger) int64 {
	t.Helper()
	last, err := l.Last(t.Context())
	if err != nil {
		t.Error(err)
	}
	return last
}
