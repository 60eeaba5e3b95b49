package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/test/harness"
)

// An outcome is what a client knows of its write.
type outcome int

const (
	acknowledged outcome = iota
	refused              // it was told that nothing was written
	unknown
)

func (o outcome) String() string { return [...]string{"acknowledged", "refused", "unknown"}[o] }

// outcomeOf tells what an answer says about the write.
func outcomeOf(err error) outcome {
	switch status.Code(err) {
	case codes.OK:
		return acknowledged
	case codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown:
		return unknown
	case codes.Unavailable:
		reason := fault.ReasonOf(err) // unspecified is what gRPC says of a connection that broke
		if reason == typev1.ErrorReason_ERROR_REASON_UNSPECIFIED || reason == typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN {
			return unknown
		}
		return refused
	default:
		return refused
	}
}

// failed says whether an answer is the installation's failure and not the request's.
func failed(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.Canceled, codes.DataLoss:
		return true
	default:
		return false
	}
}

// An operation is one write that a client asked for.
type operation struct {
	requestID string // empty: it was sent without
	resource  string // that it writes
	method    string
	outcome   outcome
	revision  int64 // that was told with the acknowledgement
	err       error
}

// key is by which it is found in the ledger.
func (o operation) key() string {
	if o.requestID != "" {
		return o.requestID
	}
	return o.resource
}

// A history is every operation of a run.
type history struct {
	mu         sync.Mutex
	operations []operation
}

func (h *history) add(o operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, o)
}

func (h *history) all() []operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.operations)
}

// mark begins every request id and the id of every resource of this test.
const mark = "chaos-"

// check holds the history against the ledger. It returns how many operations had
// each outcome, and how many unknown ones were written.
func (h *history) check(t *testing.T, c *harness.Cluster) (counts map[outcome]int, written int) {
	t.Helper()
	found := readLedger(t, c)
	counts = make(map[outcome]int)
	asked := make(map[string]bool)
	problems := 0
	wrong := func(format string, args ...any) {
		if problems++; problems <= 20 {
			t.Errorf(format, args...)
		}
	}
	for _, o := range h.all() {
		asked[o.key()] = true
		counts[o.outcome]++
		at := found[o.key()]
		switch {
		case o.outcome == acknowledged && len(at) != 1:
			wrong("%s %s was acknowledged at %d and is in the ledger %d times: %v", o.method, o.key(), o.revision, len(at), at)
		case o.outcome == acknowledged && o.revision != at[0]:
			wrong("%s %s was acknowledged at %d and is in the ledger at %d", o.method, o.key(), o.revision, at[0])
		case o.outcome == refused && len(at) != 0:
			wrong("%s %s was refused (%v) and is in the ledger at %v", o.method, o.key(), o.err, at)
		case o.outcome == unknown && len(at) > 1:
			wrong("%s %s is in the ledger %d times: %v", o.method, o.key(), len(at), at)
		}
		if o.outcome == unknown {
			written += len(at)
		}
	}
	for key, at := range found {
		if !asked[key] {
			wrong("nobody asked for %s, which is in the ledger at %v", key, at)
		}
	}
	if problems > 20 {
		t.Errorf("and %d more", problems-20)
	}
	return counts, written
}

// readLedger reads the whole ledger as the product reads it, and tells at which
// revisions each operation of this test is.
func readLedger(t *testing.T, c *harness.Cluster) map[string][]int64 {
	t.Helper()
	js, err := jetstream.New(c.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	led, err := ledger.Open(ctx, ledger.Config{ReadOnly: true}, ledger.Deps{JetStream: js, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = led.Run(reading) }() // What halts it is found by WaitFor.
	last, err := led.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := led.WaitFor(ctx, last); err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]int64)
	err = led.Tail(ctx, 0, func(commit *ledgerv1.Commit, revision int64) error {
		txs, err := ledger.Transactions(commit)
		if err != nil {
			return err
		}
		for _, tx := range txs {
			switch {
			case strings.HasPrefix(tx.GetRequestId(), mark):
				found[tx.GetRequestId()] = append(found[tx.GetRequestId()], revision)
			case len(tx.GetNames()) == 1 && strings.Contains(tx.GetNames()[0], "/"+mark):
				found[tx.GetNames()[0]] = append(found[tx.GetNames()[0]], revision)
			}
		}
		if revision == last {
			return errEnd
		}
		return nil
	})
	if last > 0 && !isEnd(err) {
		t.Fatal(err)
	}
	return found
}

// verify reads the ledger against its hashes, with each NATS server in turn as
// the one that answers: a replica that lost something is found by its own reading.
func verify(t *testing.T, c *harness.Cluster) *ledger.Report {
	t.Helper()
	js, err := jetstream.New(c.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	var first *ledger.Report
	leaders := make(map[string]bool)
	for try := 0; len(leaders) < len(c.NATS); try++ {
		if try > 20*len(c.NATS) {
			t.Fatalf("only %v have led the ledger's stream", leaders)
		}
		leader := c.Leader(t, js)
		if !leaders[leader] {
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			report, err := ledger.Verify(ctx, ledger.Verification{JetStream: js})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if !report.Sound() {
				t.Errorf("%s tells a damaged ledger: %v", leader, report.Damage)
			}
			if first == nil {
				first = report
			} else if report.Digest != first.Digest {
				t.Errorf("%s tells another ledger: %s at %d, not %s at %d", leader, report.Digest, report.LastRevision, first.Digest, first.LastRevision)
			}
			leaders[leader] = c.Leader(t, js) == leader // else somebody else answered in between
		}
		c.StepDown(t, js)
	}
	return first
}

// converge waits until every replica has folded the ledger to its end, and one
// of each service commits.
func converge(t *testing.T, c *harness.Cluster) {
	t.Helper()
	js, err := jetstream.New(c.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	for _, service := range harness.Services {
		c.Committer(t, service)
		for _, r := range c.Replicas[service] {
			for {
				stream, err := js.Stream(ctx, ledger.Stream)
				if err != nil {
					t.Fatal(err)
				}
				last := int64(stream.CachedInfo().State.LastSeq)
				at := r.Status(ctx, t)
				if at.GetHalted() != "" {
					t.Fatalf("%s halted: %s", r.Name, at.GetHalted())
				}
				if at.GetAppliedRevision() >= last {
					break
				}
				if !pause(ctx, 20*time.Millisecond) {
					t.Fatalf("%s has read up to %d of %d", r.Name, at.GetAppliedRevision(), last)
				}
			}
		}
	}
}

// pause waits, and says whether the context lives on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errEnd = fmt.Errorf("the end")

func isEnd(err error) bool { return err == errEnd } //nolint:errorlint // Tail returns it as it is
