package service_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/service"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// zones is a service whose GetZone does what the test says.
type zones struct {
	zonev1.UnimplementedZoneServiceServer
	get func(context.Context, *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error)
	run func(context.Context) error
}

func (z *zones) Name() string                     { return "zones" }
func (z *zones) Register(r grpc.ServiceRegistrar) { zonev1.RegisterZoneServiceServer(r, z) }
func (z *zones) Run(ctx context.Context) error {
	if z.run == nil {
		return nil
	}
	return z.run(ctx)
}

func (z *zones) GetZone(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	return z.get(ctx, req)
}

type running struct {
	host    *service.Host
	conn    *grpc.ClientConn
	logs    *lines
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	result  chan error
}

func start(t *testing.T, cfg service.Config, deps service.Deps, svc service.Service) *running {
	t.Helper()
	logs := &lines{}
	deps.Log = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	metrics := prometheus.NewRegistry()
	deps.Metrics = metrics
	if deps.Identify == nil {
		deps.Identify = auth.Loopback
	}
	host, err := service.NewHost(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{host: host, logs: logs, metrics: metrics, cancel: cancel, result: make(chan error, 1)}
	go func() { r.result <- host.Serve(ctx, lis, svc) }()
	r.conn, err = grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.conn.Close() })
	return r
}

// stop ends the host and returns what Serve returned.
func (r *running) stop(t *testing.T) error {
	t.Helper()
	r.cancel()
	return r.ended(t)
}

func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the host did not stop")
		return nil
	}
}

func serving(t *testing.T, r *running) {
	t.Helper()
	select {
	case <-r.host.Serving():
	case <-time.After(10 * time.Second):
		t.Fatal("the host does not serve")
	}
}

func get(t *testing.T, r *running, name string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := zonev1.NewZoneServiceClient(r.conn).GetZone(ctx, &zonev1.GetZoneRequest{Name: name}, grpc.WaitForReady(true))
	return err
}

func TestCallsPassTheEdge(t *testing.T) {
	secret := errors.New("a chain that callers must not see")
	answers := map[string]func(context.Context) error{
		"zones/ok":       func(context.Context) error { return nil },
		"zones/missing":  func(context.Context) error { return fault.NotFound("zones/missing").Wrap(secret) },
		"zones/unworded": func(context.Context) error { return secret },
		"zones/panics":   func(context.Context) error { panic(secret) },
		"zones/late":     func(context.Context) error { return context.DeadlineExceeded },
		"zones/actor": func(ctx context.Context) error {
			if auth.Actor(ctx) != auth.LocalOperator {
				return errors.New("actor is " + auth.Actor(ctx))
			}
			if _, ok := ctx.Deadline(); !ok {
				return errors.New("no deadline")
			}
			return nil
		},
	}
	svc := &zones{get: func(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		if err := answers[req.GetName()](ctx); err != nil {
			return nil, err
		}
		return &zonev1.GetZoneResponse{State: &typev1.ReadState{Revision: 7}}, nil
	}}
	r := start(t, service.Config{}, service.Deps{}, svc)
	serving(t, r)

	for _, c := range []struct {
		name    string
		code    codes.Code
		reason  typev1.ErrorReason
		message string
	}{
		{"zones/ok", codes.OK, 0, ""},
		{"zones/actor", codes.OK, 0, ""},
		{"zones/missing", codes.NotFound, typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND, "zones/missing does not exist"},
		{"zones/unworded", codes.Internal, typev1.ErrorReason_ERROR_REASON_BUG, "internal error; quote "},
		{"zones/panics", codes.Internal, typev1.ErrorReason_ERROR_REASON_BUG, "internal error; quote "},
		{"zones/late", codes.DeadlineExceeded, 0, "the deadline passed"},
		{"Zones/Wrong", codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD, `name: "Zones/Wrong" is not of the form`},
	} {
		err := get(t, r, c.name)
		st := status.Convert(err)
		if st.Code() != c.code || !strings.HasPrefix(st.Message(), c.message) {
			t.Errorf("%s: got %v %q, want %v %q…", c.name, st.Code(), st.Message(), c.code, c.message)
		}
		if got := fault.ReasonOf(err); got != c.reason {
			t.Errorf("%s: reason %v, want %v", c.name, got, c.reason)
		}
		if strings.Contains(st.Message(), secret.Error()) {
			t.Errorf("%s: the chain crossed the wire: %s", c.name, st.Message())
		}
		if c.reason == typev1.ErrorReason_ERROR_REASON_BUG {
			id := st.Details()[0].(*errdetails.ErrorInfo).GetMetadata()["id"]
			if id == "" || !r.logs.has("id="+id, secret.Error()) {
				t.Errorf("%s: the id %q is not in the log beside the cause", c.name, id)
			}
		}
	}
	if !r.logs.has("method=/zonebench.zone.v1.ZoneService/GetZone", "code=OK", "actor="+auth.LocalOperator, "revision=7") {
		t.Error("the log does not tell method, code, actor and revision of a call")
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestOversizedRequestIsToldTheLimit(t *testing.T) {
	r := start(t, service.Config{MaxRequestBytes: 1000}, service.Deps{}, &zones{})
	serving(t, r)
	for _, size := range []int{1001, 5000} { // ours, and gRPC's own beyond four times the limit
		err := get(t, r, strings.Repeat("x", size))
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "000") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if err := get(t, r, strings.Repeat("x", 1001)); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_TOO_LARGE {
		t.Errorf("no reason: %v", err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestRefusesCallsUntilReadyAndAnswersProbes(t *testing.T) {
	ready := make(chan struct{})
	svc := &zones{get: func(context.Context, *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		return &zonev1.GetZoneResponse{}, nil
	}}
	r := start(t, service.Config{}, service.Deps{Ready: ready}, svc)
	probe := healthv1.NewHealthClient(r.conn)
	expect := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, name := range []string{"", "zonebench.zone.v1.ZoneService"} {
			resp, err := probe.Check(t.Context(), &healthv1.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
			if err != nil || resp.GetStatus() != want {
				t.Errorf("health of %q is %v, %v; want %v", name, resp.GetStatus(), err, want)
			}
		}
	}
	expect(healthv1.HealthCheckResponse_NOT_SERVING)
	if err := get(t, r, "zones/a"); status.Code(err) != codes.Unavailable {
		t.Errorf("before it is ready: %v", err)
	}
	close(ready)
	serving(t, r)
	expect(healthv1.HealthCheckResponse_SERVING)
	if err := get(t, r, "zones/a"); err != nil {
		t.Error(err)
	}

	// Someone who watches health sees it end, and does not hold up the stop.
	watch, err := probe.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatal(first, err)
	}
	begin := time.Now()
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestReflection(t *testing.T) {
	r := start(t, service.Config{}, service.Deps{}, &zones{})
	serving(t, r)
	ask, err := reflectionv1.NewServerReflectionClient(r.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := ask.Send(request); err != nil {
		t.Fatal(err)
	}
	answer, err := ask.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if got := strings.Join(names, " "); !strings.Contains(got, "zonebench.zone.v1.ZoneService") || !strings.Contains(got, "grpc.health.v1.Health") {
		t.Errorf("services: %s", got)
	}
	_ = ask.CloseSend()
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

// The order of stopping: calls in flight, then services, then what is beneath.
func TestStopsInOrder(t *testing.T) {
	order := make(chan string, 10)
	entered := make(chan struct{})
	release := make(chan struct{})
	svc := &zones{
		get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
			close(entered)
			<-release
			order <- "call"
			return &zonev1.GetZoneResponse{}, ctx.Err()
		},
		run: func(ctx context.Context) error {
			<-ctx.Done()
			order <- "service"
			return ctx.Err()
		},
	}
	deps := service.Deps{Beneath: []service.Task{{Name: "ledger", Run: func(ctx context.Context) error {
		<-ctx.Done()
		order <- "ledger"
		return ctx.Err()
	}}}}
	r := start(t, service.Config{}, deps, svc)
	serving(t, r)
	answered := make(chan error, 1)
	go func() { answered <- get(t, r, "zones/a") }()
	<-entered
	r.cancel()
	close(release)
	if err := r.ended(t); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	close(order)
	var got []string
	for s := range order {
		got = append(got, s)
	}
	if strings.Join(got, " ") != "call service ledger" {
		t.Errorf("stopped in the order %v", got)
	}
}

func TestCutsOffCallsAfterTheGrace(t *testing.T) {
	entered := make(chan struct{})
	svc := &zones{get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	r := start(t, service.Config{Grace: 10 * time.Millisecond}, service.Deps{}, svc)
	serving(t, r)
	go func() { _ = get(t, r, "zones/a") }()
	<-entered
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestFirstFailureStopsAllAndIsNamed(t *testing.T) {
	broken := errors.New("a hole at 3")
	deps := service.Deps{
		Ready:   make(chan struct{}),
		Beneath: []service.Task{{Name: "ledger", Run: func(context.Context) error { return broken }}},
	}
	r := start(t, service.Config{}, deps, &zones{run: func(context.Context) error {
		return errors.New("the ledger is gone") // What it notices of the failure beneath is not the cause.
	}})
	if err := r.ended(t); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "ledger: ") {
		t.Errorf("got %v", err)
	}
}

// watched is a service with a stream that ends with its context.
type watched struct {
	rankingv1.UnimplementedLiveRankingServiceServer
	cause chan error
}

func (w *watched) Name() string                     { return "watched" }
func (w *watched) Register(r grpc.ServiceRegistrar) { rankingv1.RegisterLiveRankingServiceServer(r, w) }
func (w *watched) Run(context.Context) error        { return nil }

func (w *watched) WatchRanking(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
	if err := stream.Send(&rankingv1.WatchRankingResponse{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	w.cause <- context.Cause(stream.Context())
	return stream.Context().Err()
}

// A stream would keep the server from stopping until the grace is over: it is
// told, and its caller hears that another replica answers.
func TestStreamsEndWhenTheHostStops(t *testing.T) {
	svc := &watched{cause: make(chan error, 1)}
	r := start(t, service.Config{Grace: time.Minute}, service.Deps{}, svc)
	serving(t, r)
	stream, err := rankingv1.NewLiveRankingServiceClient(r.conn).WatchRanking(t.Context(), &rankingv1.WatchRankingRequest{Name: "rankings/a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	if cause := <-svc.cause; !errors.Is(cause, service.ErrStopping) {
		t.Errorf("the stream ended for %v", cause)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("its caller got %v", err)
	}
}

// A caller that goes away is no stop.
func TestAStreamThatItsCallerEndsIsCancelled(t *testing.T) {
	svc := &watched{cause: make(chan error, 1)}
	r := start(t, service.Config{}, service.Deps{}, svc)
	serving(t, r)
	ctx, leave := context.WithCancel(t.Context())
	stream, err := rankingv1.NewLiveRankingServiceClient(r.conn).WatchRanking(ctx, &rankingv1.WatchRankingRequest{Name: "rankings/a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	leave()
	if cause := <-svc.cause; !errors.Is(cause, context.Canceled) || errors.Is(cause, service.ErrStopping) {
		t.Errorf("the stream ended for %v", cause)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

// A client that keeps its connection would never find a replica that came later.
func TestConnectionsEndAfterTheirAge(t *testing.T) {
	var mu sync.Mutex
	from := map[string]bool{}
	svc := &zones{get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		p, _ := peer.FromContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		from[p.Addr.String()] = true
		return &zonev1.GetZoneResponse{}, nil
	}}
	r := start(t, service.Config{ConnectionAge: 50 * time.Millisecond}, service.Deps{}, svc)
	serving(t, r)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if err := get(t, r, "zones/a"); err != nil {
			t.Fatalf("a call failed when its connection ended: %v", err)
		}
		mu.Lock()
		connections := len(from)
		mu.Unlock()
		if connections >= 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections in 20 s", connections)
		}
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestProbesTellAliveFromReady(t *testing.T) {
	ready, probes := make(chan struct{}), service.NewProbes()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- probes.Serve(ctx, lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	health := func(name string) healthv1.HealthCheckResponse_ServingStatus {
		got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		return got.GetStatus()
	}
	const zoneService = "zonebench.zone.v1.ZoneService"
	r := start(t, service.Config{}, service.Deps{Ready: ready, Probes: probes}, &zones{})
	if live, all := health(service.Live), health(""); live != healthv1.HealthCheckResponse_SERVING || all != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("before the ledger is read: live %v, all %v", live, all)
	}
	close(ready)
	serving(t, r)
	if all, one := health(""), health(zoneService); all != healthv1.HealthCheckResponse_SERVING || one != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("ready: all %v, the service %v", all, one)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	if live, one := health(service.Live), health(zoneService); live != healthv1.HealthCheckResponse_SERVING || one != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("stopped: live %v, the service %v", live, one)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
