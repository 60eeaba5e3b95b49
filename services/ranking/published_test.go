package ranking_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/registry"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking"
)

// start gives the service on a real ledger in a temporary directory, and a
// context of its local operator.
func start(t *testing.T) (context.Context, *ranking.Service, ledger.Deps) {
	t.Helper()
	deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
	led, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := ranking.New(ranking.Deps{
		Lane: ledger.Fold(led, ledger.LaneRanking, ranking.NewPublished()), Ledger: led, JetStream: deps.JetStream,
		Registry: ledger.Fold(led, ledger.LaneZone, registry.New()),
		Figures:  ledger.Fold(led, ledger.LaneIndicator, figures.New()), Log: ledgertest.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Run(t, led)
	ctx, cancel := context.WithCancel(auth.With(t.Context(), auth.Operator()))
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return ctx, svc, deps
}

func localized(zh string) *typev1.Localized { return &typev1.Localized{Zh: zh} }

func code(err error) codes.Code {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Code()
	}
	return codes.OK
}

func TestPublishedRankingsAreWrittenOnceCheckedAndTold(t *testing.T) {
	ctx, svc, deps := start(t)
	create := &rankingv1.CreateSeriesRequest{
		SeriesId: "nation", RequestId: "r-1", Series: &rankingv1.Series{DisplayName: localized("全国考核"), Authority: localized("商务部")},
	}
	made, err := svc.CreateSeries(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	again, err := svc.CreateSeries(ctx, create)
	if err != nil || again.GetSeries().GetRevision() != made.GetSeries().GetRevision() {
		t.Errorf("a retry: %v, %v, want what the first one made", again, err)
	}
	round := &rankingv1.CreateRoundRequest{
		Parent: "series/nation", RoundId: "2021", Round: &rankingv1.Round{
			Group: localized("全国"), RankingYear: 2021, UnitsRanked: 217, Source: "a list", Reliability: indicatorv1.Reliability_RELIABILITY_PRESS,
		},
	}
	if _, err := svc.CreateRound(ctx, round); err != nil {
		t.Fatal(err)
	}
	round.RoundId = "2021-again"
	if _, err := svc.CreateRound(ctx, round); code(err) != codes.InvalidArgument {
		t.Errorf("a second round of one year and group: %v", err)
	}
	round.Parent, round.RoundId = "series/none", "x1"
	if _, err := svc.CreateRound(ctx, round); code(err) != codes.FailedPrecondition {
		t.Errorf("a round of no series: %v", err)
	}
	stale := &rankingv1.Series{Name: "series/nation", Note: "注", Etag: "stale"}
	if _, err := svc.UpdateSeries(ctx, &rankingv1.UpdateSeriesRequest{Series: stale}); code(err) != codes.Aborted {
		t.Errorf("a stale etag: %v", err)
	}
	stale.Etag = made.GetSeries().GetEtag()
	updated, err := svc.UpdateSeries(ctx, &rankingv1.UpdateSeriesRequest{Series: stale})
	if err != nil || updated.GetSeries().GetNote() != "注" || updated.GetSeries().GetDisplayName().GetZh() != "全国考核" {
		t.Errorf("an update: %v, %v", updated, err)
	}
	places, err := svc.ImportPublishedRankings(ctx, &rankingv1.ImportPublishedRankingsRequest{
		Kind:  rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_PLACES,
		Table: &typev1.Table{Content: []byte("round,zone,place\nnation/2021,nowhere,1\n")},
	})
	if err != nil || places.GetReport().GetRejected() != 1 || places.GetReport().GetCommitted() {
		t.Errorf("a place of an unknown zone: %v, %v, want it refused with its row", places, err)
	}

	var told []string
	err = event.Subscribe(ctx, deps.JetStream, "published.changed", event.ID{}, func(e event.Event) error {
		data := &eventv1.PublishedRankingsChanged{}
		if err := e.Decode(data); err != nil {
			return err
		}
		if told = append(told, data.GetNames()...); len(told) == 3 {
			return errEnough
		}
		return nil
	})
	if want := []string{"series/nation", "series/nation/rounds/2021", "series/nation"}; !errors.Is(err, errEnough) || !slices.Equal(told, want) {
		t.Errorf("events tell of %v (%v), want %v", told, err, want)
	}
}

var errEnough = errors.New("enough")
