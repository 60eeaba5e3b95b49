package ranking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/service"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/versions"
)

const (
	// beatEvery is how often a watcher hears that nothing changed.
	beatEvery = 15 * time.Second
	// fullRate is as many versions a second as a ranking has.
	fullRate = 10
)

// watchMeter counts what watchers get.
type watchMeter struct {
	watchers  prometheus.Gauge
	coalesced prometheus.Counter
	updates   *prometheus.CounterVec
}

func newWatchMeter(r prometheus.Registerer) (*watchMeter, error) {
	m := &watchMeter{
		watchers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zonebench_ranking_watchers",
			Help: "Streams of WatchRanking.",
		}),
		coalesced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonebench_ranking_coalesced_versions_total",
			Help: "Versions that watchers did not get on their own, for they were slow or asked for a rate.",
		}),
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_ranking_updates_total",
			Help: "What watchers were sent: snapshot, delta or heartbeat.",
		}, []string{"kind"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.watchers, m.coalesced, m.updates} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("ranking: metrics: %w", err)
		}
	}
	return m, nil
}

// A watcher is one stream. It holds the number of the version that it sent last,
// no rows: a stream that is not read costs nothing but its buffers, and goes on
// from there to the newest version when it is read again.
type watcher struct {
	service *Service
	stream  grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]
	name    string
	window  versions.Window
	rest    time.Duration // between two versions, 0 for none
	sent    int64
}

// WatchRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) WatchRanking(
	req *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse],
) error {
	w := &watcher{service: s, stream: stream, name: req.GetName(), window: window(req)}
	if rate := req.GetMaxRate(); rate > 0 && rate < fullRate {
		if rate < 0.1 {
			return fault.InvalidField("max_rate", "%v versions a second is too few: ask for 0.1 to 10, or 0 for all of them", rate)
		}
		w.rest = time.Duration(float64(time.Second) / rate)
	}
	s.watch.watchers.Inc()
	defer s.watch.watchers.Dec()
	ctx := stream.Context()
	err := w.begin(ctx, req.GetResumeVersion(), req.GetResumeDigest())
	if err == nil {
		err = w.follow(ctx)
	}
	if errors.Is(context.Cause(ctx), service.ErrStopping) {
		return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
			"the server is stopping: watch again with resume_version %d", w.sent).With("version", fmt.Sprint(w.sent))
	}
	return err
}

// window is the part of the rows that a request watches.
func window(req *rankingv1.WatchRankingRequest) versions.Window {
	switch w := req.GetWindow().(type) {
	case *rankingv1.WatchRankingRequest_First:
		return versions.Window{First: int(w.First)}
	case *rankingv1.WatchRankingRequest_Around:
		return versions.Window{Around: w.Around.GetZone(), Beside: int(w.Around.GetRows())}
	case *rankingv1.WatchRankingRequest_Zones:
		zones := slices.Clone(w.Zones.GetZones())
		slices.Sort(zones)
		return versions.Window{Zones: slices.Compact(zones)}
	default:
		return versions.Window{}
	}
}

// begin sends what the watcher needs to have the version of the call's revision:
// a delta when it has one that the ledger knows, and that is the same.
func (w *watcher) begin(ctx context.Context, resume int64, digest string) error {
	at, err := w.service.reading(ctx, 0)
	if err != nil {
		return err
	}
	ranking, v, err := w.service.read(ctx, w.name, at)
	if err != nil {
		return err
	}
	state := w.service.stateAt(at)
	same := func(has *versions.Version) bool {
		return has != nil && (digest == "" || digest == has.Head.GetDigest())
	}
	if resume == v.Head.GetVersion() && same(v) {
		w.sent = resume
		return w.beat(state)
	}
	if resume > 0 && resume < v.Head.GetVersion() {
		if from := w.service.keeper.Held(ctx, w.name, resume); same(from) {
			return w.send("delta", v.Head.GetVersion(), changed(w.window.Delta(from, v), state))
		}
	}
	return w.snapshot(ranking, v, state)
}

// follow sends what changes until the stream ends.
func (w *watcher) follow(ctx context.Context) error {
	quiet := time.NewTimer(w.service.beatEvery)
	defer quiet.Stop()
	rested := time.NewTimer(w.rest)
	defer rested.Stop()
	resting := w.rest > 0
	for {
		news, changed := w.service.keeper.Newest(w.name)
		newer := news.Version > w.sent
		if newer && !resting {
			if err := w.advance(ctx, news); err != nil {
				return err
			}
			quiet.Reset(w.service.beatEvery)
			if resting = w.rest > 0; resting {
				rested.Reset(w.rest)
			}
			continue
		}
		if newer {
			changed = nil // what is newer still comes with it, after the rest
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-rested.C:
			resting = false
		case <-quiet.C:
			if err := w.alive(); err != nil {
				return err
			}
			quiet.Reset(w.service.beatEvery)
		}
	}
}

// advance sends the newest version.
func (w *watcher) advance(ctx context.Context, news versions.News) error {
	v, err := w.service.keeper.At(ctx, w.name, news.Version)
	if err != nil {
		return err
	}
	w.service.watch.coalesced.Add(float64(w.skipped(news.Version)))
	state := w.service.stateAt(news.Revision)
	if from := w.service.keeper.Held(ctx, w.name, w.sent); from != nil {
		return w.shared(w.service.keeper.Delta(w.window, from, v), news)
	}
	ranking, v, err := w.service.read(ctx, w.name, news.Version)
	if err != nil {
		return err
	}
	return w.snapshot(ranking, v, state)
}

// skipped counts the versions between the one that was sent last and another.
func (w *watcher) skipped(to int64) int {
	n := 0
	for _, head := range w.service.keeper.Kept(w.name) {
		if v := head.GetVersion(); v > w.sent && v < to {
			n++
		}
	}
	return n
}

// alive sends a heartbeat, unless there is a version that is not sent yet: that
// one tells as much, and a heartbeat would be wrong.
func (w *watcher) alive() error {
	at := w.service.deps.Ledger.Applied()
	version, err := w.service.source.VersionAt(w.name, at)
	if err != nil || version != w.sent {
		return err
	}
	return w.beat(w.service.stateAt(at))
}

func (w *watcher) beat(state *typev1.ReadState) error {
	return w.send("heartbeat", w.sent, &rankingv1.WatchRankingResponse{
		Update: &rankingv1.WatchRankingResponse_Heartbeat{Heartbeat: &rankingv1.Heartbeat{Version: w.sent}}, State: state,
	})
}

// shared sends a delta to the newest version, which is encoded once for all who
// get the same: for five hundred watchers of five hundred rows that is most of
// the work.
func (w *watcher) shared(d *versions.Delta, news versions.News) error {
	update := changed(d.Message(), w.service.stateAt(news.Revision))
	message := d.Encoded(func() any {
		prepared := &grpc.PreparedMsg{}
		if err := prepared.Encode(w.stream, update); err != nil { // a stream that is not of a server
			return update
		}
		return prepared
	})
	return w.send("delta", news.Version, message)
}

func changed(d *rankingv1.RankingDelta, state *typev1.ReadState) *rankingv1.WatchRankingResponse {
	return &rankingv1.WatchRankingResponse{Update: &rankingv1.WatchRankingResponse_Delta{Delta: d}, State: state}
}

func (w *watcher) snapshot(ranking *rankingv1.Ranking, v *versions.Version, state *typev1.ReadState) error {
	return w.send("snapshot", v.Head.GetVersion(), &rankingv1.WatchRankingResponse{
		Update: &rankingv1.WatchRankingResponse_Snapshot{Snapshot: &rankingv1.RankingSnapshot{
			Ranking: ranking, Head: v.Head, Standings: w.window.Rows(v),
		}},
		State: state,
	})
}

func (w *watcher) send(kind string, version int64, message any) error {
	if err := w.stream.SendMsg(message); err != nil {
		return err
	}
	w.sent = version
	w.service.watch.updates.WithLabelValues(kind).Inc()
	return nil
}

// ListVersions implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) ListVersions(ctx context.Context, req *rankingv1.ListVersionsRequest) (*rankingv1.ListVersionsResponse, error) {
	at, err := s.reading(ctx, 0)
	if err != nil {
		return nil, err
	}
	_, v, err := s.read(ctx, req.GetName(), at)
	if err != nil {
		return nil, err
	}
	// The newest one may not have been kept yet.
	heads := []*rankingv1.VersionHead{v.Head}
	for _, head := range s.keeper.Kept(req.GetName()) {
		if head.GetVersion() < v.Head.GetVersion() && len(heads) < versions.Kept {
			heads = append(heads, head)
		}
	}
	return &rankingv1.ListVersionsResponse{Versions: heads, State: s.stateAt(at)}, nil
}
