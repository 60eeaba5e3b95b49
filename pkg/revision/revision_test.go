package revision_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/revision"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// gated folds slowly: it waits at its gate before each transaction.
type gated struct {
	*ledgertest.Zones
	gate chan struct{}
}

func (g *gated) Clone() *gated { return &gated{Zones: g.Zones.Clone(), gate: g.gate} }

func (g *gated) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	<-g.gate
	return g.Zones.Apply(at, tx)
}

// service answers with the revision that it is to read at, and writes a zone.
type service struct {
	zonev1.UnimplementedZoneServiceServer
	lane *ledger.Lane[*ledgertest.Zones]
}

func (s service) GetZone(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	if revision.State(ctx).GetRevision() != revision.At(ctx) {
		return nil, status.Error(codes.Internal, "state and revision differ")
	}
	return &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: req.GetName()}, State: revision.State(ctx)}, nil
}

func (s service) CreateZone(ctx context.Context, req *zonev1.CreateZoneRequest) (*zonev1.CreateZoneResponse, error) {
	receipt, err := s.lane.Commit(ctx, ledgertest.Put(req.GetRequestId(), "x", "zones/"+req.GetZoneId()))
	if err != nil {
		return nil, err
	}
	return &zonev1.CreateZoneResponse{State: revision.Written(ctx, receipt.Revision)}, nil
}

// serve runs a service over a ledger in this process.
func serve(t *testing.T, l revision.Ledger, s service) (dial func(opts ...grpc.DialOption) *grpc.ClientConn) {
	t.Helper()
	lis := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.UnaryInterceptor(revision.UnaryServer(l)), grpc.StreamInterceptor(revision.StreamServer(l)))
	zonev1.RegisterZoneServiceServer(server, s)
	healthv1.RegisterHealthServer(server, health.NewServer())
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "zonebench.test.v1.Test", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{watch}}, s)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return func(opts ...grpc.DialOption) *grpc.ClientConn {
		conn, err := grpc.NewClient("passthrough:///test", append(opts,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}

func get(ctx context.Context, conn *grpc.ClientConn, want *typev1.Consistency) (int64, metadata.MD, error) {
	var header metadata.MD
	resp, err := zonev1.NewZoneServiceClient(conn).GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/a", Consistency: want}, grpc.Header(&header))
	return resp.GetState().GetRevision(), header, err
}

func fresh(token string) *typev1.Consistency {
	return &typev1.Consistency{Requirement: &typev1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
}

func exact(revision int64) *typev1.Consistency {
	return &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: revision}}
}

var full = &typev1.Consistency{Requirement: &typev1.Consistency_FullyConsistent{FullyConsistent: true}}

func put(t *testing.T, lane *ledger.Lane[*ledgertest.Zones], name string) {
	t.Helper()
	if _, err := lane.Commit(t.Context(), ledgertest.Put("", "x", name)); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestModes(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	writer := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(writer, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, writer)
	for range 3 {
		put(t, lane, "zones/a")
	}
	// The reader folds slowly: one commit for each pass of the gate.
	gate := make(chan struct{}, 10)
	reader := ledgertest.OpenAt(t, server, ledger.Config{})
	ledger.Fold(reader, ledger.LaneZone, &gated{Zones: ledgertest.NewZones(), gate: gate})
	for range 3 {
		gate <- struct{}{}
	}
	ledgertest.Run(t, reader)
	conn := serve(t, reader, service{lane: lane})()
	put(t, lane, "zones/b") // revision 4, not folded by the reader

	at, header, err := get(within(t, 5*time.Second), conn, nil)
	if err != nil || at != 3 || header.Get(revision.RevisionKey)[0] != "3" || header.Get(revision.TokenKey)[0] != writer.Token(3) {
		t.Errorf("minimize latency: %d, %v, %v", at, header, err)
	}
	if at, _, err = get(within(t, 5*time.Second), conn, exact(2)); err != nil || at != 2 {
		t.Errorf("exact: %d, %v", at, err)
	}
	if at, _, err = get(within(t, 5*time.Second), conn, fresh(writer.Token(2))); err != nil || at != 3 {
		t.Errorf("at least as fresh as 2: %d, %v", at, err)
	}
	for name, want := range map[string]*typev1.Consistency{"token": fresh(writer.Token(4)), "full": full, "exact": exact(4)} {
		_, _, err := get(within(t, 200*time.Millisecond), conn, want)
		if status.Code(err) != codes.Unavailable || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_REVISION_NOT_REACHED {
			t.Errorf("%s with a slow fold: %v", name, err)
		}
	}
	done := make(chan int64, 1)
	go func() {
		at, _, err := get(within(t, 5*time.Second), conn, fresh(writer.Token(4)))
		if err != nil {
			t.Error(err)
		}
		done <- at
	}()
	gate <- struct{}{}
	if at := <-done; at != 4 {
		t.Errorf("after the wait: %d", at)
	}
	if at, _, err = get(within(t, 5*time.Second), conn, full); err != nil || at != 4 {
		t.Errorf("full: %d, %v", at, err)
	}
}

// cutOff is a ledger whose server lags and does not know it.
type cutOff struct{ *ledger.Ledger }

func (cutOff) Last(context.Context) (int64, error) { return 0, nil }

// A server that was cut off from the others tells an end of the ledger that is
// long past. A token from behind it is not foreign for that.
func TestATokenFromBehindALaggingServerIsWaitedFor(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	writer := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(writer, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, writer)
	receipt, err := lane.Commit(t.Context(), ledgertest.Put("", "a", "zones/a"))
	if err != nil {
		t.Fatal(err)
	}
	reader := ledgertest.OpenAt(t, server, ledger.Config{})
	answered := make(chan error, 1)
	go func() {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(revision.TokenKey, writer.Token(receipt.Revision)))
		_, err := revision.UnaryServer(cutOff{reader})(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/zonebench.test/Get"},
			func(ctx context.Context, _ any) (any, error) {
				if at := revision.At(ctx); at != receipt.Revision {
					t.Errorf("answered at %d, and %d was asked for", at, receipt.Revision)
				}
				return nil, errRead
			})
		answered <- err
	}()
	ledgertest.Run(t, reader)
	if err := <-answered; !errors.Is(err, errRead) {
		t.Errorf("%v", err)
	}
}

var errRead = errors.New("read")

func TestTokensOfOthers(t *testing.T) {
	revision.ShortenLag(t, 50*time.Millisecond)
	l := ledgertest.Open(t)
	ledgertest.Run(t, l)
	conn := serve(t, l, service{})()
	other := ledgertest.Open(t)
	for name, c := range map[string]struct {
		token string
		code  codes.Code
		want  typev1.ErrorReason
	}{
		"another ledger": {other.Token(0), codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN},
		"beyond the end": {l.Token(7), codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN},
		"malformed":      {"zones", codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_TOKEN},
	} {
		_, _, err := get(within(t, 5*time.Second), conn, fresh(c.token))
		if status.Code(err) != c.code || fault.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		_, _, err = get(metadata.AppendToOutgoingContext(within(t, 5*time.Second), revision.TokenKey, c.token), conn, nil)
		if status.Code(err) != c.code || fault.ReasonOf(err) != c.want {
			t.Errorf("%s in the metadata: %v", name, err)
		}
	}
}

// Two services over two processes: what a client wrote through one it reads
// through the other.
func TestClientReadsItsWrites(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	writer := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(writer, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, writer)
	reader := ledgertest.OpenAt(t, server, ledger.Config{})
	ledgertest.Run(t, reader)

	var client revision.Client
	interceptors := []grpc.DialOption{grpc.WithUnaryInterceptor(client.Unary), grpc.WithStreamInterceptor(client.Stream)}
	writing := serve(t, writer, service{lane: lane})(interceptors...)
	reading := serve(t, reader, service{lane: lane})(interceptors...)
	for i := range 50 {
		resp, err := zonev1.NewZoneServiceClient(writing).CreateZone(t.Context(), &zonev1.CreateZoneRequest{ZoneId: strconv.Itoa(i)})
		if err != nil {
			t.Fatal(err)
		}
		wrote := resp.GetState().GetRevision()
		if client.Token() != writer.Token(wrote) {
			t.Fatal("the client does not know what it wrote")
		}
		if at, _, err := get(t.Context(), reading, nil); err != nil || at < wrote {
			t.Fatalf("wrote at %d, read at %d, %v", wrote, at, err)
		}
	}
	// After a restore the client starts anew instead of failing for ever.
	foreign := ledgertest.Open(t)
	ledgertest.Run(t, foreign)
	restored := serve(t, foreign, service{})(interceptors...)
	if _, _, err := get(t.Context(), restored, nil); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN {
		t.Errorf("error = %v", err)
	}
	if _, _, err := get(t.Context(), restored, nil); err != nil {
		t.Errorf("after the foreign token: %v", err)
	}
}

// A halted ledger answers only what is known to be sound, and health goes on.
func TestHalted(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	l := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(context.Background()) }()
	<-l.CaughtUp()
	put(t, lane, "zones/a")
	if _, err := ledgertest.Deps(t, server).JetStream.Publish(t.Context(), "ledger.v1.zone", []byte("damage")); err != nil {
		t.Fatal(err)
	}
	<-ended
	conn := serve(t, l, service{lane: lane})()
	for name, want := range map[string]*typev1.Consistency{"newest": nil, "full": full, "behind": exact(2)} {
		if _, _, err := get(within(t, 5*time.Second), conn, want); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED {
			t.Errorf("%s: %v", name, err)
		}
	}
	if at, _, err := get(within(t, 5*time.Second), conn, exact(1)); err != nil || at != 1 {
		t.Errorf("before the damage: %d, %v", at, err)
	}
	if _, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
}
