package forward_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/forward"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	forwardv1 "zonebench.internal/proto/gen/zonebench/forward/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// patience bounds what a test waits for. It is no measure of how long things take.
const patience = 30 * time.Second

// leases are what a test says.
type leases struct {
	id      string
	mu      *sync.Mutex
	holder  *string
	changed *chan struct{}
}

func (l leases) ID() string { return l.id }

func (l leases) Watch(string) (lease.Standing, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return lease.Standing{Holder: *l.holder, Here: *l.holder == l.id}, *l.changed
}

// installation is replicas of a service over one NATS server.
type installation struct {
	t        *testing.T
	server   *local.Server
	replicas map[string]*replica

	mu      sync.Mutex
	holder  string
	changed chan struct{}
}

func install(t *testing.T, names ...string) *installation {
	t.Helper()
	in := &installation{t: t, server: ledgertest.Server(t, t.TempDir()), replicas: make(map[string]*replica), changed: make(chan struct{})}
	for _, name := range names {
		in.replicas[name] = in.start(name)
	}
	return in
}

// holds says which replica holds the lease.
func (in *installation) holds(name string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.holder = name
	close(in.changed)
	in.changed = make(chan struct{})
}

// replica is one process: a ledger, a host and a zone service that writes notes.
type replica struct {
	zonev1.UnimplementedZoneServiceServer
	name    string
	ledger  *ledger.Ledger
	lane    *ledger.Lane[*ledgertest.Zones]
	forward *forward.Forwarder
	conn    *nats.Conn
	client  zonev1.ZoneServiceClient
	stop    func() error
	metrics *prometheus.Registry

	decided atomic.Int64 // how many writes its handler was asked for
	// before and after stand around a write, if the test wants.
	before func(ctx context.Context, req *zonev1.CreateZoneRequest) error
	after  func(ctx context.Context, req *zonev1.CreateZoneRequest)
}

func (r *replica) Name() string                       { return "zones" }
func (r *replica) Register(reg grpc.ServiceRegistrar) { zonev1.RegisterZoneServiceServer(reg, r) }
func (r *replica) Run(ctx context.Context) error      { <-ctx.Done(); return nil }
func (r *replica) knows(zone string) (revision int64) {
	s, _ := r.lane.Current()
	z, _ := s.Get(zone)
	return z.Revision
}

// CreateZone writes a zone with its note and answers with who did it.
func (r *replica) CreateZone(ctx context.Context, req *zonev1.CreateZoneRequest) (*zonev1.CreateZoneResponse, error) {
	r.decided.Add(1)
	if r.before != nil {
		if err := r.before(ctx, req); err != nil {
			return nil, err
		}
	}
	c, err := command.New(ctx, zonev1.ZoneService_CreateZone_FullMethodName, req,
		func(z *ledgertest.Zones, _ ledger.Position) (ledger.Proposal, error) {
			if _, there := z.Get("zones/" + req.GetZoneId()); there {
				return ledger.Proposal{}, fault.Exists("zones/" + req.GetZoneId())
			}
			return ledger.Proposal{Facts: []*ledgerv1.Fact{ledgertest.Fact("zones/"+req.GetZoneId(), req.GetZone().GetNote())}}, nil
		})
	if err != nil {
		return nil, err
	}
	receipt, err := r.lane.Commit(ctx, c)
	if err != nil {
		return nil, err
	}
	if r.after != nil {
		r.after(ctx, req)
	}
	revision.Written(ctx, receipt.Revision)
	token := strings.Join(metadata.ValueFromIncomingContext(ctx, "traceparent"), ",")
	caller := auth.From(ctx)
	if err := grpc.SetTrailer(ctx, metadata.Pairs("who", r.name)); err != nil {
		return nil, err
	}
	return &zonev1.CreateZoneResponse{Zone: &zonev1.Zone{
		Name: "zones/" + req.GetZoneId(), Note: fmt.Sprint(caller.Subject, caller.Roles, caller.Zones, token) + strings.Repeat("x", len(req.GetZone().GetNote())),
	}}, nil
}

// GetZone is a read.
func (r *replica) GetZone(_ context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	return &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: req.GetName(), Note: r.name}}, nil
}

// reporter is who calls in these tests.
var reporter = auth.Caller{Subject: "person:7", Roles: []auth.Role{auth.Reporter, auth.Reviewer}, Zones: []string{"zones/a"}}

func (in *installation) start(name string) *replica {
	t := in.t
	t.Helper()
	r := &replica{name: name, metrics: prometheus.NewRegistry(), ledger: ledgertest.OpenAt(t, in.server, ledger.Config{})}
	r.lane = ledger.Fold(r.ledger, ledger.LaneZone, ledgertest.NewZones())
	var err error
	if r.conn, err = in.server.Connect(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.conn.Close)
	if _, err := r.conn.Subscribe(lease.Prefix+"zone."+name, func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil { // as leases do
		t.Fatal(err)
	}
	r.forward, err = forward.New(forward.Deps{
		Conn: r.conn, Lane: ledger.LaneZone, Ledger: r.ledger, Log: ledgertest.Log(t), Metrics: r.metrics,
		Leases: leases{id: name, mu: &in.mu, holder: &in.holder, changed: &in.changed},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.forward.SetStop(time.Second)
	host, err := service.NewHost(service.Config{Grace: patience}, service.Deps{
		Log: ledgertest.Log(t), Metrics: r.metrics, Ready: r.ledger.CaughtUp(),
		Identify: func(context.Context) (auth.Caller, error) { return reporter, nil },
		Unary:    []grpc.UnaryServerInterceptor{r.forward.Unary, revision.UnaryServer(r.ledger)},
		Beneath:  []service.Task{{Name: "ledger", Run: r.ledger.Run}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Serve(ctx, lis, r, r.forward.Through(host)) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil && !r.conn.IsClosed() {
			t.Errorf("%s: %v", name, err)
		}
	})
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r.client = zonev1.NewZoneServiceClient(conn)
	select {
	case <-host.Serving():
	case <-time.After(patience):
		t.Fatal("the host does not serve")
	}
	return r
}

// create sends a write to a replica.
func (r *replica) create(t *testing.T, zone, requestID string, opts ...grpc.CallOption) (*zonev1.CreateZoneResponse, error) {
	t.Helper()
	return r.createWithin(t, patience, zone, requestID, opts...)
}

func (r *replica) createWithin(t *testing.T, d time.Duration, zone, requestID string, opts ...grpc.CallOption) (*zonev1.CreateZoneResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", "00-trace", "authorization", "secret")
	return r.client.CreateZone(ctx, request(zone, requestID, "note"), opts...)
}

func request(zone, requestID, note string) *zonev1.CreateZoneRequest {
	return &zonev1.CreateZoneRequest{
		ZoneId: zone, RequestId: requestID,
		Zone: &zonev1.Zone{DisplayName: &typev1.Localized{Zh: "示例"}, Type: 1, Level: 1, DivisionCode: "330000", Note: note},
	}
}

func TestAWriteIsAnsweredByTheHolder(t *testing.T) {
	in := install(t, "a", "b")
	in.holds("a")
	a, b := in.replicas["a"], in.replicas["b"]
	var header, trailer metadata.MD
	resp, err := b.create(t, "one", "", grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	if a.decided.Load() != 1 || b.decided.Load() != 0 {
		t.Errorf("a decided %d, b %d", a.decided.Load(), b.decided.Load())
	}
	// The caller is who was proved where the call arrived, and the trace goes on.
	if want := "person:7[reporter reviewer] [zones/a]00-trace"; !strings.HasPrefix(resp.GetZone().GetNote(), want) {
		t.Errorf("the holder saw %q, want %q", resp.GetZone().GetNote(), want)
	}
	if got := trailer.Get("who"); len(got) != 1 || got[0] != "a" {
		t.Errorf("trailer %v", trailer)
	}
	tokens := header.Get(revision.TokenKey)
	if len(tokens) != 1 || len(header.Get(revision.RevisionKey)) != 1 {
		t.Fatalf("header %v", header)
	}
	// Who reads where it wrote sees what it wrote, also without the token.
	if at, err := b.ledger.Revision(tokens[0]); err != nil || b.ledger.Applied() < at || b.knows("zones/one") != at {
		t.Errorf("b has read up to %d, the write is at %d (%v)", b.ledger.Applied(), at, err)
	}
	read, err := b.client.GetZone(t.Context(), &zonev1.GetZoneRequest{Name: "zones/one"})
	if err != nil || read.GetZone().GetNote() != "b" {
		t.Errorf("a read was answered by %q: %v", read.GetZone().GetNote(), err)
	}
	if _, err := a.create(t, "two", ""); err != nil || a.decided.Load() != 2 {
		t.Errorf("at the holder itself: %v, %d decided", err, a.decided.Load())
	}
}

func TestARefusalComesBackWithAllDetails(t *testing.T) {
	in := install(t, "a", "b")
	in.holds("a")
	b := in.replicas["b"]
	if _, err := b.create(t, "one", ""); err != nil {
		t.Fatal(err)
	}
	_, err := b.create(t, "one", "")
	st, _ := status.FromError(err)
	if st.Code() != codes.AlreadyExists || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_RESOURCE_EXISTS {
		t.Fatalf("%v", err)
	}
	if info, ok := st.Details()[0].(*errdetails.ErrorInfo); !ok || info.GetMetadata()["resource"] != "zones/one" {
		t.Errorf("details %v", st.Details())
	}
	// The rules of the contract are held where the call arrives.
	before := in.replicas["a"].decided.Load()
	if _, err := b.create(t, "NOT AN ID", ""); status.Code(err) != codes.InvalidArgument || in.replicas["a"].decided.Load() != before {
		t.Errorf("%v", err)
	}
}

// An answer that is larger than one message comes in several.
func TestALargeAnswerComesInParts(t *testing.T) {
	in := install(t, "a", "b")
	in.holds("a")
	in.replicas["a"].forward.SetPart(100)
	note := strings.Repeat("字", 500)
	resp, err := in.replicas["b"].client.CreateZone(t.Context(), request("one", "", note))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(resp.GetZone().GetNote(), strings.Repeat("x", len(note))) {
		t.Error("the answer is not whole")
	}
}

func TestARequestTooLargeForNATSNamesTheSetting(t *testing.T) {
	in := install(t, "a", "b")
	in.holds("a")
	f := in.replicas["b"].forward
	req := request("one", "", strings.Repeat("x", local.MaxPayload))
	ctx := auth.With(t.Context(), reporter)
	_, err := f.Unary(ctx, req, &grpc.UnaryServerInfo{FullMethod: zonev1.ZoneService_CreateZone_FullMethodName},
		func(context.Context, any) (any, error) { return nil, errors.New("it was answered here") })
	if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_TOO_LARGE || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("%v", err)
	}
}

func TestWithoutAHolderAWriteWaitsForOne(t *testing.T) {
	in := install(t, "a", "b")
	b := in.replicas["b"]
	result := make(chan error, 1)
	go func() {
		_, err := b.create(t, "one", "")
		result <- err
	}()
	select {
	case err := <-result:
		t.Fatalf("answered without a holder: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	in.holds("a")
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// Nobody commits: nothing was written, and the answer says so and when to try again.
func TestWithoutAHolderTheAnswerIsUnavailable(t *testing.T) {
	in := install(t, "b")
	for name, holder := range map[string]string{"nobody": "", "one that is gone": "ghost"} {
		in.holds(holder)
		begin := time.Now()
		_, err := in.replicas["b"].createWithin(t, 600*time.Millisecond, "one", "")
		st, _ := status.FromError(err)
		if st.Code() != codes.Unavailable || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE {
			t.Errorf("%s: %v after %v", name, err, time.Since(begin))
		}
		retry := false
		for _, d := range st.Details() {
			_, ok := d.(*errdetails.RetryInfo)
			retry = retry || ok
		}
		if !retry {
			t.Errorf("%s: no RetryInfo in %v", name, st.Details())
		}
	}
}

// Whoever believes in whom: a call that was handed over is not handed on.
func TestNoCircles(t *testing.T) {
	in := install(t, "a", "b")
	a, b := in.replicas["a"], in.replicas["b"]
	in.holds("ghost")
	// a is told that it commits, and knows that it does not.
	data, err := proto.Marshal(&forwardv1.Call{Id: "x", Method: zonev1.ZoneService_CreateZone_FullMethodName})
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.conn.Request(forward.Prefix+"zone.a", data, patience)
	if err != nil {
		t.Fatal(err)
	}
	answer := &forwardv1.Answer{}
	if err := proto.Unmarshal(m.Data, answer); err != nil || answer.GetNotHolder() == nil {
		t.Errorf("answered %v, %v", answer, err)
	}
	if a.decided.Load() != 0 {
		t.Error("a decided a write without the lease")
	}
}

// The holder dies with the call in its hands, before or after it was written.
// With a request id the write is made exactly once, by the next holder.
func TestAHolderThatDiesWithTheCall(t *testing.T) {
	for name, after := range map[string]bool{"before it was written": false, "after it was written": true} {
		t.Run(name, func(t *testing.T) {
			in := install(t, "a", "b", "c")
			a, b, c := in.replicas["a"], in.replicas["b"], in.replicas["c"]
			in.holds("a")
			dead := make(chan struct{})
			die := func(ctx context.Context) {
				a.conn.Close() // It says nothing any more.
				in.holds("c")
				close(dead)
				<-ctx.Done()
			}
			if after {
				a.after = func(ctx context.Context, _ *zonev1.CreateZoneRequest) { die(ctx) }
			} else {
				a.before = func(ctx context.Context, _ *zonev1.CreateZoneRequest) error { die(ctx); return ctx.Err() }
			}
			if _, err := b.create(t, "one", "request-1"); err != nil {
				t.Fatal(err)
			}
			<-dead
			if c.decided.Load() != 1 {
				t.Errorf("the next holder was asked %d times", c.decided.Load())
			}
			s, _ := c.lane.Current()
			if s.Len() != 1 || c.knows("zones/one") != 1 {
				t.Errorf("%d zones, this one at %d: it was written again", s.Len(), c.knows("zones/one"))
			}
		})
	}
}

// Without a request id nobody can tell whether it was written: the answer says so.
func TestWithoutARequestIDTheOutcomeIsUnknown(t *testing.T) {
	in := install(t, "a", "b", "c")
	a, b, c := in.replicas["a"], in.replicas["b"], in.replicas["c"]
	in.holds("a")
	a.after = func(ctx context.Context, _ *zonev1.CreateZoneRequest) {
		a.conn.Close()
		in.holds("c")
		<-ctx.Done()
	}
	begin := time.Now()
	_, err := b.create(t, "one", "")
	if took := time.Since(begin); took > patience/3 {
		t.Errorf("it waited %v for one that is gone", took)
	}
	if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN {
		t.Errorf("%v", err)
	}
	if c.decided.Load() != 0 {
		t.Error("it was decided again")
	}
}

// A message that is lost is sent again, and one that arrives twice joins the
// call that is being answered.
func TestARepeatedMessageJoinsTheCall(t *testing.T) {
	in := install(t, "a", "b")
	a, b := in.replicas["a"], in.replicas["b"]
	in.holds("a")
	b.forward.SetPatience(time.Second, 50*time.Millisecond, time.Second) // It becomes impatient while a works.
	release := make(chan struct{})
	a.before = func(context.Context, *zonev1.CreateZoneRequest) error { <-release; return nil }
	result := make(chan error, 1)
	go func() {
		_, err := b.create(t, "one", "request-1")
		result <- err
	}()
	calls, err := b.conn.SubscribeSync(forward.Prefix + "zone.a")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // repeated at least twice
		if _, err := calls.NextMsg(patience); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if n := a.decided.Load(); n != 1 {
		t.Errorf("the call was answered %d times", n)
	}
}

// A holder that has too much to do says so, and the call is handed over again.
func TestABusyHolderIsAskedAgain(t *testing.T) {
	in := install(t, "a", "b")
	a, b := in.replicas["a"], in.replicas["b"]
	in.holds("a")
	a.forward.SetCalls(1)
	var answers sync.WaitGroup
	for n := range 20 {
		answers.Go(func() {
			if _, err := b.create(t, fmt.Sprint("z", n), ""); err != nil {
				t.Error(err)
			}
		})
	}
	answers.Wait()
	s, _ := b.lane.Current()
	if s.Len() != 20 || a.decided.Load() != 20 {
		t.Errorf("%d zones after %d decisions", s.Len(), a.decided.Load())
	}
}

// A holder that stops answers what it has accepted, and the rest goes to the
// next one: not one call fails.
func TestAHandOverLosesNothing(t *testing.T) {
	in := install(t, "a", "b", "c")
	a, b, c := in.replicas["a"], in.replicas["b"], in.replicas["c"]
	in.holds("a")
	var answers sync.WaitGroup
	half := make(chan struct{})
	var done atomic.Int64
	for worker := range 8 {
		answers.Go(func() {
			for n := range 50 {
				if _, err := b.create(t, fmt.Sprintf("z%d-%d", worker, n), ""); err != nil {
					t.Error(err)
				}
				if done.Add(1) == 200 {
					close(half)
				}
			}
		})
	}
	<-half
	in.holds("c")
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	answers.Wait()
	s, _ := b.lane.Current()
	if s.Len() != 400 {
		t.Errorf("%d zones of 400", s.Len())
	}
	if a.decided.Load() == 0 || c.decided.Load() == 0 {
		t.Errorf("a decided %d, c %d", a.decided.Load(), c.decided.Load())
	}
}

// A call that has arrived when its holder stops is answered all the same: nobody
// else has it, and who sent it cannot know whether it was done.
func TestACallThatHasArrivedWhenTheHolderStopsIsAnswered(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	connect := func(name string) *nats.Conn {
		conn, err := server.Connect(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	holder, other := connect("holder"), connect("other")
	mu, nobody, changed := new(sync.Mutex), "", make(chan struct{})
	f, err := forward.New(forward.Deps{
		Conn: holder, Lane: ledger.LaneZone, Ledger: ledgertest.OpenAt(t, server, ledger.Config{}), Log: ledgertest.Log(t),
		Metrics: prometheus.NewRegistry(), Leases: leases{id: "a", mu: mu, holder: &nobody, changed: &changed},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Through(nil).Run(ctx) }() // It holds nothing, so no call comes to a host.

	subject := forward.Prefix + "zone.a"
	listens := func() bool {
		within, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := other.RequestWithContext(within, subject, []byte("no call"))
		return !errors.Is(err, nats.ErrNoResponders)
	}
	for deadline := time.Now().Add(patience); !listens(); {
		if time.Now().After(deadline) {
			t.Fatal("nobody listens")
		}
	}
	const calls = 3
	answers, err := other.SubscribeSync("answers.*")
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock() // The first call stands before the question who holds the lane, the others behind it.
	for n := range calls {
		call, err := proto.Marshal(&forwardv1.Call{Id: fmt.Sprint(n)})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.PublishRequest(subject, fmt.Sprint("answers.", n), call); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range []*nats.Conn{other, holder} { // After this they have arrived.
		if err := conn.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for deadline := time.Now().Add(patience); listens(); {
		if time.Now().After(deadline) {
			t.Fatal("it listens after it was stopped")
		}
	}
	mu.Unlock()
	for n := range calls {
		m, err := answers.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		answer := &forwardv1.Answer{}
		if err := proto.Unmarshal(m.Data, answer); err != nil || answer.GetId() != fmt.Sprint(n) || answer.GetNotHolder() == nil {
			t.Errorf("call %d is answered by %v (%v)", n, answer, err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
