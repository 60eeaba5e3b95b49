package zone_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/zone"
)

// system is the service as it is deployed, behind the host's interceptors and on
// a real ledger in a temporary directory; only the network is left out.
type system struct {
	zonev1.ZoneServiceClient
	ledger *ledger.Ledger
	deps   ledger.Deps
}

func start(t testing.TB) *system {
	t.Helper()
	return startAt(t, t.TempDir())
}

func startAt(t testing.TB, dir string) *system {
	t.Helper()
	deps := ledgertest.Deps(t, ledgertest.Server(t, dir))
	led, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := zone.New(zone.Config{}, zone.Deps{
		Lane: ledger.Fold(led, ledger.LaneZone, registry.New()), Ledger: led, JetStream: deps.JetStream, Log: ledgertest.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := service.NewHost(service.Config{}, service.Deps{
		Log: ledgertest.Log(t), Metrics: prometheus.NewRegistry(), Identify: auth.Loopback, Ready: led.CaughtUp(),
		Unary:   []grpc.UnaryServerInterceptor{revision.UnaryServer(led)},
		Beneath: []service.Task{{Name: "ledger", Run: led.Run}},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///in-process", grpc.WithContextDialer(host.DialLocal),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(new(revision.Client).Unary))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Serve(ctx, nil, svc) }()
	t.Cleanup(func() {
		_ = conn.Close() // the server is stopped next
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the host ended with %v", err)
		}
	})
	select {
	case <-host.Serving():
	case err := <-ended:
		ended <- err
		t.Fatalf("the host did not start: %v", err)
	}
	return &system{ZoneServiceClient: zonev1.NewZoneServiceClient(conn), ledger: led, deps: deps}
}

// zoneOf is a zone with what it needs.
func zoneOf(zh string, change ...func(*zonev1.Zone)) *zonev1.Zone {
	z := &zonev1.Zone{
		DisplayName: &typev1.Localized{Zh: zh}, Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
		Certainty: typev1.Certainty_CERTAINTY_STATED,
	}
	for _, c := range change {
		c(z)
	}
	return z
}

func (s *system) zone(t testing.TB, id, zh string, change ...func(*zonev1.Zone)) *zonev1.Zone {
	t.Helper()
	resp, err := s.CreateZone(t.Context(), &zonev1.CreateZoneRequest{ZoneId: id, Zone: zoneOf(zh, change...)})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetZone()
}

func (s *system) unit(t testing.TB, id, zh string, level zonev1.ReferenceUnitType, parent, code string) *zonev1.ReferenceUnit {
	t.Helper()
	resp, err := s.CreateReferenceUnit(t.Context(), &zonev1.CreateReferenceUnitRequest{
		ReferenceUnitId: id,
		ReferenceUnit:   &zonev1.ReferenceUnit{DisplayName: &typev1.Localized{Zh: zh}, Type: level, Parent: parent, DivisionCode: code},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetReferenceUnit()
}

func (s *system) relate(t testing.TB, id string, r *zonev1.Relation) (*zonev1.Relation, error) {
	t.Helper()
	resp, err := s.CreateRelation(t.Context(), &zonev1.CreateRelationRequest{RelationId: id, Relation: r})
	return resp.GetRelation(), err
}

// wantReason checks code, reason and parts of the sentence of an error.
func wantReason(t testing.TB, err error, reason typev1.ErrorReason, parts ...string) {
	t.Helper()
	if got := fault.ReasonOf(err); got != reason {
		t.Errorf("the reason is %v (%v), want %v", got, err, reason)
		return
	}
	for _, part := range parts {
		if !strings.Contains(status.Convert(err).Message(), part) {
			t.Errorf("%q does not say %q", status.Convert(err).Message(), part)
		}
	}
}

func wantCode(t testing.TB, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("the code is %v (%v), want %v", status.Code(err), err, code)
	}
}

func names[T interface{ GetName() string }](items []T) string {
	var out []string
	for _, item := range items {
		out = append(out, strings.TrimPrefix(item.GetName(), "zones/"))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func date(y, m, d int32) *typev1.Date { return &typev1.Date{Year: y, Month: m, Day: d} }

func exact(at int64) *typev1.Consistency {
	return &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: at}}
}
