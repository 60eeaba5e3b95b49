// Package forward hands a write that reaches a replica which does not commit the
// lane to the one that does, over NATS, and brings its answer back.
//
// A write is a request with a field request_id (AIP-155). The process that took
// it has proved who calls; the one that commits answers it by its own whole
// chain, for the caller that it is told (auth.Vouch). That is trusted because
// only users of the installation may publish on these subjects, and it is all
// that is handed on besides the request: the caller, the token, the trace and
// what is left of the caller's time.
//
// # What the caller is told
//
// A call that certainly has done nothing (nobody listens, the process does not
// hold the lease, it has too much to do) is handed over again, to whoever holds
// the lease then, until the caller's time ends; then it is UNAVAILABLE and
// nothing was written. A call that may have been decided is sent again only if
// it has a request_id, which the ledger knows for seven days: the repetition is
// answered with what the first one wrote. Without one, or when the time ends,
// the answer is OUTCOME_UNKNOWN.
//
// # What it cannot do
//
// A call that was handed over is never handed on: who does not commit the lane
// says so. So there are no circles, however wrong the leases are.
//
// A request has to fit into one message of NATS, an answer comes in as many as
// it needs: a write that succeeded must not fail on the size of its report.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	forwardv1 "zonebench.internal/proto/gen/zonebench/forward/v1"
)

// Prefix begins the subjects on which a process takes calls: forward.v1.LANE.HOLDER.
const Prefix = "forward.v1."

// passed is the metadata that is handed on with a call. What proves the caller
// stays where it was proved.
var passed = []string{revision.TokenKey, "traceparent", "tracestate"}

// Leases is what is asked of the leases; *lease.Leases is one, and documents
// the methods.
type Leases interface {
	ID() string
	Watch(lane string) (lease.Standing, <-chan struct{})
}

// Ledger is what is asked of the ledger: to wait until a revision is folded here.
type Ledger interface {
	WaitFor(ctx context.Context, revision int64) error
}

// Deps are what a Forwarder stands on.
type Deps struct {
	Conn    *nats.Conn
	Lane    string // that the service of this process writes
	Leases  Leases
	Ledger  Ledger
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// A Forwarder hands the writes of one lane over.
type Forwarder struct {
	deps   Deps
	meter  *metrics
	inbox  string // answers come to inbox.CALL.ATTEMPT
	limits limits

	mu    sync.Mutex
	calls map[string]*call // under way, by id
}

// limits are what tests change.
type limits struct {
	calls    int           // that are answered at once
	part     int           // bytes of one message of an answer; 0: what NATS takes
	accepted time.Duration // how long a call may take to arrive before it is sent again
	silent   time.Duration // how long an accepted one may take before it is sent again
	late     time.Duration // how long a former holder may take to answer what it had accepted
	stop     time.Duration // how long calls may take to end at a stop
}

var usual = limits{
	calls: 1024, accepted: time.Second, silent: 10 * time.Second, late: 250 * time.Millisecond, stop: 10 * time.Second,
}

// New checks the dependencies and starts nothing.
func New(deps Deps) (*Forwarder, error) {
	if deps.Conn == nil || deps.Lane == "" || deps.Leases == nil || deps.Ledger == nil || deps.Log == nil || deps.Metrics == nil {
		return nil, errors.New("forward: a connection, a lane, its leases, the ledger, a log and a metrics registerer are needed")
	}
	f := &Forwarder{deps: deps, limits: usual, inbox: deps.Conn.NewRespInbox(), calls: make(map[string]*call)}
	var err error
	if f.meter, err = newMetrics(deps.Metrics, deps.Lane); err != nil {
		return nil, err
	}
	return f, nil
}

// Host is what answers calls that were handed over; *service.Host is one.
type Host interface {
	Invoke(ctx context.Context, method string, request []byte) service.Reply
}

// Through gives the service that takes calls of other processes and answers them
// through a host, and that brings this process's own ones back.
func (f *Forwarder) Through(host Host) service.Service {
	return &desk{f: f, host: host, answering: make(map[string]*answering)}
}

// A desk takes what other processes hand over.
type desk struct {
	f    *Forwarder
	host Host

	mu        sync.Mutex
	closed    bool
	answering map[string]*answering // calls that are being answered, by id
	running   sync.WaitGroup
}

// Name implements service.Service.
func (d *desk) Name() string { return "forward" }

// Register implements service.Service: it has no methods of its own.
func (d *desk) Register(grpc.ServiceRegistrar) {}

// Run implements service.Service. At the end it lets the calls that it has
// accepted end.
func (d *desk) Run(ctx context.Context) error {
	conn := d.f.deps.Conn
	answers, err := conn.Subscribe(d.f.inbox+".>", d.f.heard)
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	calls, err := conn.Subscribe(Prefix+d.f.deps.Lane+"."+d.f.deps.Leases.ID(), func(m *nats.Msg) { d.take(work, m) })
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	if err := errors.Join(calls.SetPendingLimits(1<<16, 256<<20), answers.SetPendingLimits(1<<16, 256<<20)); err != nil {
		return fmt.Errorf("forward: %w", err)
	}

	<-ctx.Done()
	cut := time.AfterFunc(d.f.limits.stop, cancel)
	defer cut.Stop()
	// What has arrived is answered: nobody else has it, and who sent it would wait.
	drained := calls.StatusChanged(nats.SubscriptionClosed)
	if err := calls.Drain(); err == nil { // Without a connection there is nothing to end.
		select {
		case <-drained:
		case <-work.Done():
		}
	}
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.running.Wait()
	_ = answers.Unsubscribe()
	_ = conn.FlushTimeout(time.Second) // Who waits for an answer that is lost sends its call again.
	return nil
}

// pack and unpack turn gRPC metadata into what is sent and back.
func pack(md metadata.MD) []*forwardv1.Metadata {
	packed := make([]*forwardv1.Metadata, 0, len(md))
	for key, values := range md {
		entry := &forwardv1.Metadata{Key: key}
		for _, value := range values {
			entry.Values = append(entry.Values, []byte(value))
		}
		packed = append(packed, entry)
	}
	slices.SortFunc(packed, func(a, b *forwardv1.Metadata) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	return packed
}

func unpack(packed []*forwardv1.Metadata) metadata.MD {
	md := make(metadata.MD, len(packed))
	for _, entry := range packed {
		for _, value := range entry.GetValues() {
			md.Append(entry.GetKey(), string(value))
		}
	}
	return md
}

// write gives the request if it is one that writes.
func write(req any) (message proto.Message, requestID string, ok bool) {
	message, ok = req.(proto.Message)
	if !ok {
		return nil, "", false
	}
	m := message.ProtoReflect()
	field := m.Descriptor().Fields().ByName("request_id")
	if field == nil {
		return nil, "", false
	}
	return message, m.Get(field).String(), true
}

// left is what is left of a context's time.
func left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultDeadline
	}
	return time.Until(deadline) //nolint:forbidigo // a deadline is by the clock of this machine
}

// defaultDeadline is for calls that come without one, which the host forbids.
const defaultDeadline = 30 * time.Second

// bounded ends a little before a deadline, so that the answer that says why still arrives.
func bounded(ctx context.Context, part int64, most time.Duration) (context.Context, context.CancelFunc) {
	total := left(ctx)
	return context.WithTimeout(ctx, total-min(total/time.Duration(part), most))
}
