package status_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	"zonebench.internal/pkg/status"
	"zonebench.internal/pkg/telemetry"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// started is a process with a ledger that is read as soon as read is closed.
type started struct {
	systemv1.SystemServiceClient
	zones  *ledger.Lane[*ledgertest.Zones]
	ledger *ledger.Ledger
	host   *service.Host
	read   chan struct{}
}

func start(t *testing.T, change func(*status.Deps)) *started {
	t.Helper()
	deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
	led, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	s := &started{ledger: led, zones: ledger.Fold(led, ledger.LaneZone, ledgertest.NewZones()), read: make(chan struct{})}
	of := status.Deps{
		Ledger: led, Services: []string{"zone"}, Owns: []string{ledger.LaneZone}, Build: telemetry.ThisBuild(), Now: time.Now,
	}
	if change != nil {
		change(&of)
	}
	svc, err := status.New(of)
	if err != nil {
		t.Fatal(err)
	}
	s.host, err = service.NewHost(service.Config{}, service.Deps{
		Log: ledgertest.Log(t), Metrics: prometheus.NewRegistry(), Identify: auth.Loopback, Ready: led.CaughtUp(),
		Unary: []grpc.UnaryServerInterceptor{revision.UnaryServer(led)},
		Beneath: []service.Task{{Name: "ledger", Run: func(ctx context.Context) error {
			select {
			case <-s.read:
				return led.Run(ctx)
			case <-ctx.Done():
				return nil
			}
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.host.Serve(ctx, nil, svc) }()
	conn, err := grpc.NewClient("passthrough:///in-process", grpc.WithContextDialer(s.host.DialLocal),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close() // the server is stopped next
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the host ended with %v", err)
		}
	})
	s.SystemServiceClient = systemv1.NewSystemServiceClient(conn)
	return s
}

func (s *started) status(t *testing.T) *systemv1.GetStatusResponse {
	t.Helper()
	resp, err := s.GetStatus(t.Context(), &systemv1.GetStatusRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestStatusIsAnsweredBeforeTheLedgerIsRead(t *testing.T) {
	s := start(t, nil)
	got := s.status(t)
	if got.GetLedgerId() != s.ledger.ID() || got.GetEpoch() != 1 || got.GetAppliedRevision() != 0 || got.GetAppliedTime() != nil {
		t.Errorf("got %v", got)
	}
	if got.GetVersion() == "" || got.GetStartTime().AsTime().IsZero() || !slices.Equal(got.GetServices(), []string{"zone"}) {
		t.Errorf("got %v", got)
	}
}

func TestStatusFollowsTheLedger(t *testing.T) {
	s := start(t, nil)
	close(s.read)
	<-s.host.Serving()
	receipt, err := s.zones.Commit(t.Context(), ledgertest.Put("", "A", "zones/a"))
	if err != nil {
		t.Fatal(err)
	}
	got := s.status(t)
	if got.GetAppliedRevision() != receipt.Revision || got.GetLastRevision() != receipt.Revision ||
		!got.GetAppliedTime().AsTime().Equal(receipt.CommitTime) || got.GetHalted() != "" {
		t.Errorf("after %+v: %v", receipt, got)
	}
	if lanes := got.GetLanes(); len(lanes) != 1 || lanes[0].GetLane() != ledger.LaneZone || lanes[0].GetLaneSequence() != 1 ||
		!lanes[0].GetCommitter() {
		t.Errorf("lanes %v", lanes)
	}
}

// halted is a ledger that found damage.
type halted struct{ *ledger.Ledger }

func (halted) Standing() ledger.Standing {
	return ledger.Standing{Halted: errors.New("a hole from 3 to 4"), Lanes: []ledger.LaneStanding{{Lane: "zone"}, {Lane: "ranking"}}}
}

type holders struct{}

func (holders) Holder(lane string) (string, bool) { return "replica of " + lane, lane == "ranking" }

func TestStatusNamesTheDamageAndTheCommitters(t *testing.T) {
	s := start(t, func(d *status.Deps) {
		d.Ledger, d.Holders = halted{d.Ledger.(*ledger.Ledger)}, holders{}
	})
	got := s.status(t)
	if got.GetHalted() != "a hole from 3 to 4" {
		t.Errorf("halted: %q", got.GetHalted())
	}
	zone, ranking := got.GetLanes()[0], got.GetLanes()[1]
	if zone.GetCommitter() || zone.GetHolder() != "replica of zone" || !ranking.GetCommitter() {
		t.Errorf("lanes %v", got.GetLanes())
	}
}

func TestStatusNeedsAnIdentity(t *testing.T) {
	host, err := service.NewHost(service.Config{}, service.Deps{
		Log: ledgertest.Log(t), Metrics: prometheus.NewRegistry(),
		Identify: func(context.Context) (auth.Caller, error) {
			return auth.Caller{}, fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED, "nobody")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := status.New(status.Deps{Ledger: halted{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Serve(ctx, nil, svc) }()
	conn, err := grpc.NewClient("passthrough:///in-process", grpc.WithContextDialer(host.DialLocal),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = systemv1.NewSystemServiceClient(conn).GetStatus(t.Context(), &systemv1.GetStatusRequest{}, grpc.WaitForReady(true))
	if grpcstatus.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v", err)
	}
	_ = conn.Close() // the server is stopped next
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
