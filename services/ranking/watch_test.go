package ranking_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking"
)

// served is a world whose service answers over gRPC.
type served struct {
	*world
	client  rankingv1.LiveRankingServiceClient
	metrics *prometheus.Registry
	stop    func()
}

// watchedWorld has n zones in a ranking, and runs.
func watchedWorld(t *testing.T, n int) *served {
	t.Helper()
	s := &served{metrics: prometheus.NewRegistry()}
	s.world = newWorld(t, ledgertest.Server(t, t.TempDir()), func(d *ranking.Deps) { d.Metrics = s.metrics })
	s.settle()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("z%02d", i)
		write(s.world, s.zones, zoneFact(ids[i]))
	}
	write(s.world, s.zones, groupFact("all", ids...))
	return s
}

// serve runs the service until the test ends or stop is called.
func (s *served) serve() {
	s.t.Helper()
	host, err := service.NewHost(service.Config{}, service.Deps{
		Log: slog.New(slog.DiscardHandler), Metrics: s.metrics, Identify: auth.Loopback,
		Unary:  []grpc.UnaryServerInterceptor{revision.UnaryServer(s.ledger)},
		Stream: []grpc.StreamServerInterceptor{revision.StreamServer(s.ledger)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Serve(ctx, nil, s.service) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the service ended: %v", err)
		}
	})
	s.t.Cleanup(s.stop)
	<-host.Serving()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithContextDialer(host.DialLocal), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	s.client = rankingv1.NewLiveRankingServiceClient(conn)
}

// random says a few figures of n zones, or changes who is ranked.
func (s *served) random(r *rand.Rand, n int) int64 {
	s.t.Helper()
	if r.IntN(12) == 0 {
		var ids []string
		for i := range n {
			if r.IntN(8) > 0 {
				ids = append(ids, fmt.Sprintf("z%02d", i))
			}
		}
		return write(s.world, s.zones, groupFact("all", ids...))
	}
	words := make([]string, 1+r.IntN(3))
	for i := range words {
		words[i] = fmt.Sprintf("z%02d %s 2025 %d", r.IntN(n), []string{"tax", "energy"}[r.IntN(2)], 1+r.IntN(40))
	}
	return s.say(words...)
}

// metric reads a counter or gauge.
func (s *served) metric(name string) float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	total := 0.0
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return total
}

// board is what a client of a stream has: it applies what it gets as the contract
// says and knows nothing else.
type board struct {
	version  int64
	revision int64
	rows     map[string]*rankingv1.Standing
	digest   string
	kind     string
}

func (b *board) apply(t *testing.T, resp *rankingv1.WatchRankingResponse) {
	t.Helper()
	if at := resp.GetState().GetRevision(); at < b.revision || resp.GetState().GetToken() == "" {
		t.Errorf("state %v after revision %d", resp.GetState(), b.revision)
	}
	b.revision = resp.GetState().GetRevision()
	switch u := resp.GetUpdate().(type) {
	case *rankingv1.WatchRankingResponse_Snapshot:
		b.kind = "snapshot"
		b.rows = make(map[string]*rankingv1.Standing)
		b.take(u.Snapshot.GetHead(), u.Snapshot.GetStandings())
	case *rankingv1.WatchRankingResponse_Delta:
		b.kind = "delta"
		if u.Delta.GetBaseVersion() != b.version || u.Delta.GetHead().GetVersion() <= b.version {
			t.Errorf("a delta from %d to %d, on version %d", u.Delta.GetBaseVersion(), u.Delta.GetHead().GetVersion(), b.version)
		}
		for _, zone := range u.Delta.GetRemoved() {
			if b.rows[zone] == nil {
				t.Errorf("%s is removed and was not there", zone)
			}
			delete(b.rows, zone)
		}
		b.take(u.Delta.GetHead(), u.Delta.GetStandings())
	case *rankingv1.WatchRankingResponse_Heartbeat:
		b.kind = "heartbeat"
		if u.Heartbeat.GetVersion() != b.version {
			t.Errorf("a heartbeat of version %d, on %d", u.Heartbeat.GetVersion(), b.version)
		}
	}
}

func (b *board) take(head *rankingv1.VersionHead, rows []*rankingv1.Standing) {
	b.version, b.digest = head.GetVersion(), head.GetDigest()
	for _, row := range rows {
		b.rows[row.GetSubject()] = row
	}
}

func (b *board) sorted() []*rankingv1.Standing {
	var rows []*rankingv1.Standing
	for _, row := range b.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *rankingv1.Standing) int { return cmp.Compare(a.GetPosition(), b.GetPosition()) })
	return rows
}

// check holds a board against GetRanking at its version.
func (s *served) check(what string, b *board, req *rankingv1.WatchRankingRequest) {
	s.t.Helper()
	resp, err := s.service.GetRanking(s.ctx, &rankingv1.GetRankingRequest{Name: req.GetName(), PageSize: 1000, Version: b.version})
	if err != nil {
		s.t.Error(err)
		return
	}
	all := resp.GetStandings()
	var want []*rankingv1.Standing
	switch w := req.GetWindow().(type) {
	case *rankingv1.WatchRankingRequest_First:
		want = all[:min(int(w.First), len(all))]
	case *rankingv1.WatchRankingRequest_Around:
		i := slices.IndexFunc(all, func(r *rankingv1.Standing) bool { return r.GetSubject() == w.Around.GetZone() })
		if i >= 0 {
			want = all[max(0, i-int(w.Around.GetRows())):min(len(all), i+int(w.Around.GetRows())+1)]
		}
	case *rankingv1.WatchRankingRequest_Zones:
		for _, r := range all {
			if slices.Contains(w.Zones.GetZones(), r.GetSubject()) {
				want = append(want, r)
			}
		}
	default:
		want = all
	}
	got := b.sorted()
	if resp.GetHead().GetVersion() != b.version || resp.GetHead().GetDigest() != b.digest || !slices.EqualFunc(got, want, func(a, b *rankingv1.Standing) bool { return proto.Equal(a, b) }) {
		s.t.Errorf("%s: at version %d after a %s:\n got %s\nwant %s", what, b.version, b.kind, table(got), table(want))
	}
}

func randomWindow(r *rand.Rand, n int) *rankingv1.WatchRankingRequest {
	req := &rankingv1.WatchRankingRequest{Name: "rankings/r2025"}
	zone := func() string { return fmt.Sprintf("zones/z%02d", r.IntN(n)) }
	switch r.IntN(4) {
	case 0:
		req.Window = &rankingv1.WatchRankingRequest_First{First: int32(1 + r.IntN(n+3))}
	case 1:
		req.Window = &rankingv1.WatchRankingRequest_Around{Around: &rankingv1.Around{Zone: zone(), Rows: int32(r.IntN(4))}}
	case 2:
		list := &rankingv1.ZoneList{}
		for range 1 + r.IntN(5) {
			list.Zones = append(list.Zones, zone())
		}
		req.Window = &rankingv1.WatchRankingRequest_Zones{Zones: list}
	}
	if r.IntN(3) == 0 {
		req.MaxRate = 1 + 4*r.Float64()
	}
	return req
}

// Watchers of random windows at random rates, while figures come in: whatever a
// watcher was sent, what it has is what GetRanking says of that version.
func TestAWatcherHasWhatGetRankingSays(t *testing.T) {
	seed := rand.Uint64() //nolint:forbidigo // it is printed
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const n = 20
	s := watchedWorld(t, n)
	s.serve()
	type seen struct {
		request *rankingv1.WatchRankingRequest
		boards  []board
	}
	var watchers sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := make([]seen, 16)
	last := make(chan struct{}) // closed when lastVersion is known
	var lastVersion int64
	for i := range all {
		all[i].request = randomWindow(r, n)
		stream, err := s.client.WatchRanking(ctx, all[i].request)
		if err != nil {
			t.Fatal(err)
		}
		watchers.Go(func() {
			b := board{}
			for {
				resp, err := stream.Recv()
				if err != nil {
					t.Errorf("watcher %d of %v: %v", i, all[i].request, err)
					return
				}
				b.apply(t, resp)
				copied := b
				copied.rows = maps.Clone(b.rows)
				all[i].boards = append(all[i].boards, copied)
				select {
				case <-last:
					if b.version == lastVersion {
						return
					}
				default:
				}
			}
		})
	}
	pace := time.NewTicker(8 * time.Millisecond)
	defer pace.Stop()
	for range 250 {
		s.random(r, n)
		<-pace.C
	}
	write(s.world, s.zones, groupFact("all", "z00", "z01", "z02"))
	lastVersion = s.ledger.Applied() + 1
	close(last)
	if got := s.say("z00 tax 2025 77"); got != lastVersion {
		t.Fatalf("the last commit is at %d, not at %d", got, lastVersion)
	}
	watchers.Wait()
	deltas := 0
	for i, w := range all {
		for _, b := range w.boards {
			s.check(fmt.Sprintf("watcher %d of %v", i, w.request), &b, w.request)
			if b.kind == "delta" {
				deltas++
			}
		}
	}
	if deltas < 5*len(all) {
		t.Errorf("%d deltas only", deltas)
	}
}

// stuck is a stream whose reader does not read until it is let.
type stuck struct {
	grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]
	ctx  context.Context
	sent chan *rankingv1.WatchRankingResponse
}

func (s *stuck) Context() context.Context { return s.ctx }

func (s *stuck) SendMsg(message any) error {
	select {
	case s.sent <- message.(*rankingv1.WatchRankingResponse):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s *served) watchStuck(req *rankingv1.WatchRankingRequest) (*stuck, func() error) {
	ctx, cancel := context.WithCancel(s.ctx)
	stream := &stuck{ctx: ctx, sent: make(chan *rankingv1.WatchRankingResponse)}
	ended := make(chan error, 1)
	go func() { ended <- s.service.WatchRanking(req, stream) }()
	return stream, func() error {
		cancel()
		return <-ended
	}
}

func (s *served) next(stream *stuck) *rankingv1.WatchRankingResponse {
	s.t.Helper()
	select {
	case resp := <-stream.sent:
		return resp
	case <-time.After(20 * time.Second):
		s.t.Fatal("nothing was sent for 20 s")
		return nil
	}
}

func TestASlowWatcherGetsTheNewestStateLater(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := watchedWorld(t, 20)
	s.serve()
	req := &rankingv1.WatchRankingRequest{Name: "rankings/r2025"}
	stream, end := s.watchStuck(req)
	b := &board{}
	b.apply(t, s.next(stream))
	pace := time.NewTicker(40 * time.Millisecond)
	defer pace.Stop()
	for range 30 { // more than a second, and nobody reads
		s.random(r, 20)
		<-pace.C
	}
	last := s.say("z00 tax 2025 1") // of the versions before, one waits in Send
	newest, err := s.client.ListVersions(s.ctx, &rankingv1.ListVersionsRequest{Name: req.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	if len(newest.GetVersions()) < 5 {
		t.Fatalf("%d versions only", len(newest.GetVersions()))
	}
	for updates := 0; b.version < last; updates++ {
		b.apply(t, s.next(stream))
		s.check("slow", b, req)
		if updates > 3 {
			t.Fatalf("%d updates, and version %d is not there: it is at %d", updates, last, b.version)
		}
	}
	if s.metric("zonebench_ranking_coalesced_versions_total") < 3 || s.metric("zonebench_ranking_watchers") != 1 {
		t.Errorf("%v versions were coalesced, %v watchers", s.metric("zonebench_ranking_coalesced_versions_total"), s.metric("zonebench_ranking_watchers"))
	}
	if err := end(); status.FromContextError(err).Code() != codes.Canceled {
		t.Errorf("it ended with %v", err)
	}
	if n := s.metric("zonebench_ranking_watchers"); n != 0 {
		t.Errorf("%v watchers after the end", n)
	}
}

func TestAWatcherResumes(t *testing.T) {
	s := watchedWorld(t, 6)
	first := s.say("z00 tax 2025 10", "z01 tax 2025 20")
	s.serve()
	req := &rankingv1.WatchRankingRequest{Name: "rankings/r2025"}
	watch := func(resume int64, digest ...string) (*board, *rankingv1.WatchRankingResponse) {
		t.Helper()
		stream, end := s.watchStuck(&rankingv1.WatchRankingRequest{
			Name: req.GetName(), ResumeVersion: resume, ResumeDigest: strings.Join(digest, ""),
		})
		resp := s.next(stream)
		if err := end(); status.FromContextError(err).Code() != codes.Canceled {
			t.Errorf("it ended with %v", err)
		}
		b := &board{}
		if resume > 0 {
			v, err := s.service.GetRanking(s.ctx, &rankingv1.GetRankingRequest{Name: req.GetName(), Version: resume})
			if err == nil {
				b.rows = make(map[string]*rankingv1.Standing)
				b.take(v.GetHead(), v.GetStandings())
			}
		}
		b.apply(t, resp)
		s.check(fmt.Sprint("resumed at ", resume), b, req)
		return b, resp
	}
	begun, _ := watch(0)
	if begun.kind != "snapshot" || begun.version != first {
		t.Errorf("at first: a %s of version %d, want %d", begun.kind, begun.version, first)
	}
	second := s.say("z02 tax 2025 15")
	if b, _ := watch(first); b.kind != "delta" || b.version != second {
		t.Errorf("from %d: a %s of version %d, want %d", first, b.kind, b.version, second)
	}
	if b, resp := watch(second); b.kind != "heartbeat" || resp.GetState().GetRevision() != s.ledger.Applied() {
		t.Errorf("from the newest: a %s at %v", b.kind, resp.GetState())
	}
	// The same revision said something else before a restore, or it did not.
	for _, resume := range []int64{first, second} {
		if b, _ := watch(resume, strings.Repeat("0", 64)); b.kind != "snapshot" || b.version != second {
			t.Errorf("from another %d: a %s of version %d", resume, b.kind, b.version)
		}
	}
	if b, _ := watch(first, begun.digest); b.kind != "delta" {
		t.Errorf("from the same %d: a %s", first, b.kind)
	}
	// One that is no version of this ranking, and one from the future.
	other := s.say("z02 tax-growth 2020 1")
	for _, resume := range []int64{1, other + 1000} {
		if b, _ := watch(resume); b.kind != "snapshot" || b.version < second {
			t.Errorf("from %d: a %s of version %d", resume, b.kind, b.version)
		}
	}
}

func TestAQuietWatcherHearsAHeartbeatAtThePresentRevision(t *testing.T) {
	s := watchedWorld(t, 6)
	version := s.say("z00 tax 2025 10")
	ranking.BeatEvery(s.service, 20*time.Millisecond)
	s.serve()
	stream, end := s.watchStuck(&rankingv1.WatchRankingRequest{Name: "rankings/r2025"})
	b := &board{}
	b.apply(t, s.next(stream))
	elsewhere := s.say("outsider tax 2025 99")
	for b.revision < elsewhere {
		b.apply(t, s.next(stream))
		if b.kind != "heartbeat" || b.version != version {
			t.Fatalf("a %s of version %d", b.kind, b.version)
		}
	}
	_ = end()
}

func TestAWatcherOfAStoppingServerIsToldWhereToGoOn(t *testing.T) {
	s := watchedWorld(t, 6)
	version := s.say("z00 tax 2025 10")
	s.serve()
	stream, err := s.client.WatchRanking(t.Context(), &rankingv1.WatchRankingRequest{Name: "rankings/r2025"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	_, err = stream.Recv()
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), fmt.Sprint("resume_version ", version)) {
		t.Errorf("it got %v, want version %d", err, version)
	}
}

func TestAWatcherSeesWhatWasWrittenBefore(t *testing.T) {
	s := watchedWorld(t, 6)
	s.serve()
	for i := range 20 {
		written := s.say(fmt.Sprintf("z00 tax 2025 %d", i+1))
		stream, err := s.client.WatchRanking(t.Context(), &rankingv1.WatchRankingRequest{
			Name:        "rankings/r2025",
			Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_AtLeastAsFresh{AtLeastAsFresh: s.ledger.Token(written)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if v := resp.GetSnapshot().GetHead().GetVersion(); v < written {
			t.Errorf("written at %d, the snapshot is of %d", written, v)
		}
	}
	// As of an exact revision it begins there and goes on.
	then := s.ledger.Applied() - 5
	stream, err := s.client.WatchRanking(t.Context(), &rankingv1.WatchRankingRequest{
		Name: "rankings/r2025", Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: then}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &board{}
	for b.version < s.ledger.Applied() {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		b.apply(t, resp)
		if b.kind == "snapshot" && b.version != then {
			t.Errorf("as of %d it begins with %d", then, b.version)
		}
	}
}

func TestWatchRefusals(t *testing.T) {
	s := watchedWorld(t, 6)
	s.serve()
	for name, c := range map[string]struct {
		req  *rankingv1.WatchRankingRequest
		code codes.Code
	}{
		"no such ranking": {&rankingv1.WatchRankingRequest{Name: "rankings/none"}, codes.NotFound},
		"too slow":        {&rankingv1.WatchRankingRequest{Name: "rankings/r2025", MaxRate: 0.05}, codes.InvalidArgument},
		"too fast":        {&rankingv1.WatchRankingRequest{Name: "rankings/r2025", MaxRate: 11}, codes.InvalidArgument},
		"another ledger's token": {&rankingv1.WatchRankingRequest{
			Name: "rankings/r2025", Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_AtLeastAsFresh{AtLeastAsFresh: "x"}},
		}, codes.InvalidArgument},
	} {
		stream, err := s.client.WatchRanking(t.Context(), c.req)
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != c.code {
			t.Errorf("%s: %v, want %v", name, err, c.code)
		}
	}
}

func TestVersionsAreListedNewestFirst(t *testing.T) {
	s := watchedWorld(t, 6)
	s.serve()
	versions := []int64{}
	stream, end := s.watchStuck(&rankingv1.WatchRankingRequest{Name: "rankings/r2025"})
	for i := range 5 {
		version := s.say(fmt.Sprintf("z00 tax 2025 %d", i+1))
		versions = append([]int64{version}, versions...)
		for got := int64(0); got < version; { // so that each is one
			resp := s.next(stream)
			got = max(resp.GetDelta().GetHead().GetVersion(), resp.GetSnapshot().GetHead().GetVersion())
		}
	}
	_ = end()
	list := func(c *typev1.Consistency) []int64 {
		t.Helper()
		resp, err := s.client.ListVersions(t.Context(), &rankingv1.ListVersionsRequest{Name: "rankings/r2025", Consistency: c})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, head := range resp.GetVersions() {
			got = append(got, head.GetVersion())
			v, err := s.client.GetRanking(t.Context(), &rankingv1.GetRankingRequest{Name: "rankings/r2025", Version: head.GetVersion()})
			if err != nil || v.GetHead().GetDigest() != head.GetDigest() {
				t.Errorf("version %d: %v, %v", head.GetVersion(), v.GetHead(), err)
			}
		}
		return got
	}
	if got := list(nil); !slices.Equal(got[:5], versions) {
		t.Errorf("versions %v, want %v at the head", got, versions)
	}
	exact := &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: versions[2]}}
	if got := list(exact); !slices.Equal(got[:3], versions[2:]) {
		t.Errorf("as of %d: versions %v, want %v at the head", versions[2], got, versions[2:])
	}
	if _, err := s.client.ListVersions(t.Context(), &rankingv1.ListVersionsRequest{Name: "rankings/none"}); status.Code(err) != codes.NotFound {
		t.Errorf("of no ranking: %v", err)
	}
}
