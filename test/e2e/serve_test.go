package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/revision"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	t.Cleanup(cancel)
	return ctx
}

func newZone(title string) *zonev1.Zone {
	return &zonev1.Zone{
		DisplayName: &typev1.Localized{Zh: title},
		Type:        zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
		Certainty:   typev1.Certainty_CERTAINTY_STATED,
	}
}

// What grpcurl does: it learns everything from reflection, then calls.
func TestCallByReflection(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	reflect := newReflection(t, harness.Dial(t, in.Cluster.Address()).Conn)
	want := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"zonebench.indicator.v1.IndicatorService", "zonebench.ranking.v1.PublishedRankingService",
		"zonebench.ranking.v1.RankingService", "zonebench.zone.v1.ZoneService",
	}
	got := reflect.services()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not among the services %v", name, got)
		}
	}
	answer, err := reflect.call("zonebench.zone.v1.ZoneService", "ResolveZones",
		`{"queries":[{"text":"金开"},{"text":"金开","context":"sources/jinan-2020"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	typed := &zonev1.ResolveZonesResponse{}
	if err := protojson.Unmarshal([]byte(answer), typed); err != nil {
		t.Fatal(err)
	}
	if o := typed.GetResolutions()[0].GetOutcome(); o != zonev1.Resolution_OUTCOME_AMBIGUOUS {
		t.Errorf("金开 is %v", o)
	}
	if s := typed.GetResolutions()[1].GetSubject(); s != "zones/luan-jinan-edz" {
		t.Errorf("金开 in Jin'an's plan is %q", s)
	}
}

func TestHealth(t *testing.T) {
	in := harness.Start(t, "")
	probe := healthv1.NewHealthClient(harness.Dial(t, in.Cluster.Address()).Conn)
	for _, name := range []string{
		"", "zonebench.zone.v1.ZoneService", "zonebench.indicator.v1.IndicatorService", "zonebench.ranking.v1.RankingService",
	} {
		resp, err := probe.Check(within(t), &healthv1.HealthCheckRequest{Service: name})
		if err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", name, resp.GetStatus(), err)
		}
	}
	if _, err := probe.Check(within(t), &healthv1.HealthCheckRequest{Service: "zonebench.moon.v1.MoonService"}); status.Code(err) != codes.NotFound {
		t.Errorf("a service that is not there: %v", err)
	}
}

// writers create zones from many callers at once until the context ends, and
// keep what was acknowledged.
type writers struct {
	mu    sync.Mutex
	acked map[string]int64 // name to revision
	group sync.WaitGroup
}

func (w *writers) start(ctx context.Context, clients harness.Clients, prefix string, callers int) {
	if w.acked == nil {
		w.acked = make(map[string]int64)
	}
	for c := range callers {
		w.group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%s-%d-%d", prefix, c, n)
				resp, err := clients.Zone.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: id, Zone: newZone(id), RequestId: id})
				if err != nil {
					return
				}
				w.mu.Lock()
				w.acked[resp.GetZone().GetName()] = resp.GetState().GetRevision()
				w.mu.Unlock()
			}
		})
	}
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// until waits for n acknowledged writes.
func (w *writers) until(t *testing.T, n int) {
	t.Helper()
	deadline := time.NewTimer(harness.Patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.count() < n {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("only %d of %d writes were acknowledged", w.count(), n)
		}
	}
}

func allZones(t *testing.T, clients harness.Clients) map[string]*zonev1.Zone {
	t.Helper()
	all := make(map[string]*zonev1.Zone)
	req := &zonev1.ListZonesRequest{PageSize: 1000}
	for {
		page, err := clients.Zone.ListZones(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range page.GetZones() {
			if all[z.GetName()] != nil {
				t.Errorf("%s is listed twice", z.GetName())
			}
			all[z.GetName()] = z
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

// What was acknowledged is there after a kill, once, at its revision; and what
// was not is there whole or not at all.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acked := make(map[string]int64)
	for round := range 3 {
		server := harness.Serve(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		var w writers
		w.start(ctx, server.Clients, fmt.Sprintf("r%d", round), 16)
		w.until(t, 20+random.IntN(200))
		server.Kill()
		cancel()
		w.group.Wait()
		maps.Copy(acked, w.acked)
		t.Logf("round %d: %d acknowledged before the kill", round, len(w.acked))

		again := harness.Serve(t, dir)
		there := allZones(t, again.Clients)
		for name, at := range acked {
			switch z := there[name]; {
			case z == nil:
				t.Errorf("%s was acknowledged and is gone", name)
			case z.GetRevision() != at:
				t.Errorf("%s was acknowledged at revision %d and is of %d", name, at, z.GetRevision())
			}
		}
		for name, z := range there {
			if "zones/"+z.GetDisplayName().GetZh() != name {
				t.Errorf("%s is half there: %v", name, z)
			}
		}
		if err := again.Interrupt(t); err != nil {
			t.Fatalf("stopping in order: %v", err)
		}
	}
	if code, out, errOut := run(t, "verify", "--data", dir); code != 0 {
		t.Errorf("verify: %d %s %s", code, out, errOut)
	}
}

// A stop in order ends what is being written, refuses the rest, and loses nothing.
func TestGracefulStop(t *testing.T) {
	dir := t.TempDir()
	in := harness.Start(t, dir)
	var w writers
	w.start(t.Context(), harness.Dial(t, in.Cluster.Address()), "g", 16)
	w.until(t, 100)
	in.Stop(t)
	w.group.Wait()

	again := harness.Start(t, dir)
	there := allZones(t, again.Clients)
	if len(there) != len(w.acked) {
		t.Errorf("%d zones are there, %d were acknowledged: a stop in order leaves nothing open", len(there), len(w.acked))
	}
	for name := range w.acked {
		if there[name] == nil {
			t.Errorf("%s was acknowledged and is gone", name)
		}
	}
}

// Of many callers with one etag, one wins.
func TestOneEtagOneWinner(t *testing.T) {
	in := harness.Start(t, "")
	ctx := within(t)
	created, err := in.Zone.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "contested", Zone: newZone("甲")})
	if err != nil {
		t.Fatal(err)
	}
	var wins, losses sync.Map
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		group.Go(func() {
			<-start
			z := proto.CloneOf(created.GetZone())
			z.DisplayName.Zh = fmt.Sprint("乙", i)
			_, err := in.Zone.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: z})
			switch status.Code(err) {
			case codes.OK:
				wins.Store(i, z.GetDisplayName().GetZh())
			case codes.Aborted:
				losses.Store(i, true)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	if count(&wins) != 1 || count(&losses) != 63 {
		t.Errorf("%d won and %d lost", count(&wins), count(&losses))
	}
}

// Every answer carries revision and token; a read that brings the token sees
// the write, and a token of another ledger is refused.
func TestReadYourWrites(t *testing.T) {
	in := harness.Start(t, "")
	outside := harness.Dial(t, in.Cluster.Address())
	ctx := within(t)
	var header metadata.MD
	created, err := outside.Zone.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "mine", Zone: newZone("我")}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	state := created.GetState()
	if got := header.Get(revision.RevisionKey); len(got) != 1 || got[0] != fmt.Sprint(state.GetRevision()) {
		t.Errorf("header %s is %v, the answer says %d", revision.RevisionKey, got, state.GetRevision())
	}
	if got := header.Get(revision.TokenKey); len(got) != 1 || got[0] != state.GetToken() {
		t.Errorf("header %s is %v, the answer says %s", revision.TokenKey, got, state.GetToken())
	}
	fresh := &typev1.Consistency{Requirement: &typev1.Consistency_AtLeastAsFresh{AtLeastAsFresh: state.GetToken()}}
	if _, err := outside.Zone.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/mine", Consistency: fresh}); err != nil {
		t.Error(err)
	}
	other := harness.Start(t, "")
	if _, err := other.Zone.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/mine", Consistency: fresh}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a token of another ledger: %v", err)
	}
	past := &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: state.GetRevision() + 100}}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = outside.Zone.GetZone(short, &zonev1.GetZoneRequest{Name: "zones/mine", Consistency: past})
	if code := status.Code(err); code != codes.Unavailable {
		t.Errorf("a revision that has not come: %v", err)
	}
}

// A repeated request is answered as the first one was; another body under the
// same id is refused.
func TestRequestIDMakesARetryHarmless(t *testing.T) {
	in := harness.Start(t, "")
	ctx := within(t)
	req := &zonev1.CreateZoneRequest{ZoneId: "once", Zone: newZone("一次"), RequestId: "11111111-2222-4333-8444-555555555555"}
	first, err := in.Zone.CreateZone(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := in.Zone.CreateZone(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if first.GetState().GetRevision() != second.GetState().GetRevision() {
		t.Errorf("revisions %d and %d", first.GetState().GetRevision(), second.GetState().GetRevision())
	}
	req.Zone = newZone("另一个")
	if _, err := in.Zone.CreateZone(ctx, req); status.Code(err) != codes.AlreadyExists || !strings.Contains(err.Error(), "request_id") {
		t.Errorf("another body: %v", err)
	}
}
