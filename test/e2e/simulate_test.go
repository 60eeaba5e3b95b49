package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// province is an installation with a simulated one.
type province struct {
	*harness.Installation
	live rankingv1.LiveRankingServiceClient
}

func simulated(t *testing.T, args ...string) province {
	t.Helper()
	in := harness.Start(t, "")
	code, _, errOut := run(t, append([]string{"simulate", "--address", in.Cluster.Address()}, args...)...)
	if code != 0 {
		t.Fatalf("simulate: exit code %d: %s", code, errOut)
	}
	return province{in, rankingv1.NewLiveRankingServiceClient(in.Conn)}
}

func (p province) rows(t *testing.T, name string) *rankingv1.GetRankingResponse {
	t.Helper()
	got, err := p.live.GetRanking(within(t), &rankingv1.GetRankingRequest{Name: name, PageSize: 1000, ShowCells: true, History: 60})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func gapsIn(rows []*rankingv1.Standing) (gaps map[rankingv1.GapReason]int, carried int) {
	gaps = make(map[rankingv1.GapReason]int)
	for _, s := range rows {
		for _, c := range s.GetCells() {
			switch {
			case c.GetNumber() == "":
				gaps[c.GetGap()]++
			case c.GetAgeMonths() > 0:
				carried++
			}
		}
	}
	return gaps, carried
}

// Whatever the seed, the newest month of a simulated province has every reason
// for which a cell may be empty that a reader is to meet.
func TestSimulatedNewestMonthHasEveryGap(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	p := simulated(t, "--zones", "13", "--months", "4", "--seed", fmt.Sprint(seed))
	got := p.rows(t, "rankings/example-2023-04")
	gaps, carried := gapsIn(got.GetStandings())
	for _, want := range []rankingv1.GapReason{
		rankingv1.GapReason_GAP_REASON_NOT_REPORTED, rankingv1.GapReason_GAP_REASON_IN_REVIEW, rankingv1.GapReason_GAP_REASON_CONFLICT,
		rankingv1.GapReason_GAP_REASON_NOT_A_POINT, rankingv1.GapReason_GAP_REASON_NOT_STATED, rankingv1.GapReason_GAP_REASON_OTHER_SCOPE,
	} {
		if gaps[want] == 0 {
			t.Errorf("no cell with %v: %v", want, gaps)
		}
	}
	if carried == 0 {
		t.Error("no quarterly figure is carried")
	}
	if c := got.GetHead().GetCompleteness(); c >= "1" {
		t.Errorf("completeness is %s, want gaps", c)
	}
	if last := got.GetStandings()[len(got.GetStandings())-1]; last.GetPlace() != 0 || last.GetReason().GetZh() == "" {
		t.Errorf("the zone that is being set up has place %d, reason %v", last.GetPlace(), last.GetReason())
	}
}

// The province as it is by default has what each screen of a board shows.
func TestSimulatedProvinceFillsABoard(t *testing.T) {
	p := simulated(t)
	ctx := within(t)
	newest := p.rows(t, "rankings/example-2024-10")
	ties, moves := 0, 0
	for _, s := range newest.GetStandings() {
		if s.GetTied() {
			ties++
		}
		if s.GetPreviousPlace() > 0 && s.GetPlace() > 0 && s.GetPreviousPlace() != s.GetPlace() {
			moves++
		}
	}
	if len(newest.GetStandings()) != 24 || ties == 0 || moves == 0 {
		t.Errorf("%d rows, %d tied, %d moved", len(newest.GetStandings()), ties, moves)
	}
	changed := false
	for _, past := range newest.GetStandings()[0].GetHistory() {
		changed = changed || past.GetSchemeChanged()
	}
	if n := len(newest.GetStandings()[0].GetHistory()); n != 19 || !changed {
		t.Errorf("a history of %d months, scheme changed %v, want 19 and a change", n, changed)
	}
	states := map[string]rankingv1.RankingState{
		"rankings/example-2024-10": rankingv1.RankingState_RANKING_STATE_FLASH, "rankings/example-2024-09": rankingv1.RankingState_RANKING_STATE_FORMAL,
		"rankings/example-2024-08": rankingv1.RankingState_RANKING_STATE_FINAL, "rankings/example-2023-02": rankingv1.RankingState_RANKING_STATE_FINAL,
	}
	for name, want := range states {
		if got := p.rows(t, name).GetRanking().GetState(); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}

	releases, err := p.live.ListReleases(ctx, &rankingv1.ListReleasesRequest{Parent: "rankings/-", PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	seconds := 0
	for _, r := range releases.GetReleases() {
		if r.GetNumber() == 2 {
			seconds++
			if len(r.GetChanges()) == 0 {
				t.Errorf("%s changes nothing", r.GetName())
			}
		}
	}
	if seconds == 0 {
		t.Errorf("%d releases, none is a correction", len(releases.GetReleases()))
	}
	for _, name := range []string{"rankings/example-2024-03/releases/1", "rankings/example-2024-03/releases/2"} {
		replayed, err := p.live.ReplayRelease(ctx, &rankingv1.ReplayReleaseRequest{Name: name})
		if err != nil || !replayed.GetSignatureValid() || !replayed.GetRowsIntact() || !replayed.GetReproduced() {
			t.Errorf("%s replayed: %v, %v", name, replayed.GetDifferences(), err)
		}
	}

	profile, err := p.live.GetProfile(ctx, &rankingv1.GetProfileRequest{Name: "rankings/example-2024-10", Zone: newest.GetStandings()[4].GetSubject()})
	if err != nil {
		t.Fatal(err)
	}
	beside := 0
	for _, h := range profile.GetHeadlines() {
		if h.GetReference().GetSubject() == "referenceUnits/example-province" && h.GetGrowthAboveReference() != "" {
			beside++
		}
	}
	if beside < 4 {
		t.Errorf("%d headlines stand beside the province, want those with growth", beside)
	}
	p.targets(t)
	p.places(ctx, t)
}

// targets: some are ahead of their pace and some behind it, some places are
// reached, some missed, some still open.
func (p province) targets(t *testing.T) {
	t.Helper()
	ctx := within(t)
	day := &typev1.Date{Year: 2024, Month: 10, Day: 31}
	ahead, behind := 0, 0
	req := &indicatorv1.ListCompletionsRequest{Period: "2024", AsOf: day, PageSize: 1000}
	for {
		page, err := indicatorv1.NewTargetServiceClient(p.Conn).ListCompletions(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.GetCompletions() {
			if !c.GetSimulated() {
				t.Errorf("the completion of %s, %s is not marked", c.GetSubject(), c.GetIndicator())
			}
			switch points := c.GetPace().GetPointsAhead(); {
			case strings.HasPrefix(points, "-"):
				behind++
			case points != "":
				ahead++
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if ahead == 0 || behind == 0 {
		t.Errorf("%d targets ahead of their pace, %d behind", ahead, behind)
	}
	ranks, err := p.Published.ListRankTargets(ctx, &rankingv1.ListRankTargetsRequest{AsOf: day})
	if err != nil {
		t.Fatal(err)
	}
	statuses := make(map[indicatorv1.CompletionStatus]int)
	for _, r := range ranks.GetTargets() {
		statuses[r.GetStatus()]++
	}
	for _, want := range []indicatorv1.CompletionStatus{
		indicatorv1.CompletionStatus_COMPLETION_STATUS_MET, indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED,
		indicatorv1.CompletionStatus_COMPLETION_STATUS_PENDING,
	} {
		if statuses[want] == 0 {
			t.Errorf("no target on a place is %v: %v", want, statuses)
		}
	}
}

// places: a zone has moved between rounds, and one is absent from a complete list.
func (p province) places(ctx context.Context, t *testing.T) {
	t.Helper()
	moved, absent := 0, 0
	for n := 1; n <= 24; n++ {
		got, err := p.Published.ListPublishedPlaces(ctx, &rankingv1.ListPublishedPlacesRequest{Zone: fmt.Sprintf("zones/example-zone-%04d", n), ShowAbsences: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range got.GetPlaces() {
			if place.GetMove() != 0 {
				moved++
			}
			if place.GetPlaceAtLeast() > 0 {
				absent++
			}
		}
	}
	if moved == 0 || absent == 0 {
		t.Errorf("%d moves, %d absences in the published rankings", moved, absent)
	}
}

// DOMAIN 9: whatever stands on a simulated figure says so, and every name of it
// ends in the mark.
func TestSimulatedIsMarkedEverywhere(t *testing.T) {
	p := simulated(t, "--zones", "13", "--months", "4")
	ctx := within(t)
	marked := func(what string, names ...*typev1.Localized) {
		t.Helper()
		for _, name := range names {
			if !strings.HasSuffix(name.GetZh(), "〔模拟〕") || name.GetEn() != "" && !strings.HasSuffix(name.GetEn(), "〔模拟〕") {
				t.Errorf("%s is called %s, %s", what, name.GetZh(), name.GetEn())
			}
		}
	}
	said := func(what string, simulated bool) {
		t.Helper()
		if !simulated {
			t.Errorf("%s does not say that it is simulated", what)
		}
	}
	zones, err := p.Zone.ListZones(ctx, &zonev1.ListZonesRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range zones.GetZones() {
		marked(z.GetName(), z.GetDisplayName())
		said(z.GetName(), z.GetSimulated())
	}
	units, err := p.Zone.ListReferenceUnits(ctx, &zonev1.ListReferenceUnitsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units.GetReferenceUnits() {
		marked(u.GetName(), u.GetDisplayName())
		said(u.GetName(), u.GetSimulated())
	}
	groups, err := p.Zone.ListGroups(ctx, &zonev1.ListGroupsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.GetGroups() {
		marked(g.GetName(), g.GetDisplayName())
	}
	indicators, err := p.Indicator.ListIndicators(ctx, &indicatorv1.ListIndicatorsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range indicators.GetIndicators() {
		marked(i.GetName(), i.GetDisplayName())
		said(i.GetName(), i.GetSimulated())
	}
	sources, err := p.Indicator.ListSources(ctx, &indicatorv1.ListSourcesRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources.GetSources() {
		marked(s.GetName(), s.GetTitle())
		said(s.GetName(), s.GetSimulated())
	}
	series, err := p.Published.ListSeries(ctx, &rankingv1.ListSeriesRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range series.GetSeries() {
		marked(s.GetName(), s.GetDisplayName(), s.GetAuthority())
		said(s.GetName(), s.GetSimulated())
	}
	schemes, err := p.live.ListSchemes(ctx, &rankingv1.ListSchemesRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range schemes.GetSchemes() {
		marked(s.GetName(), s.GetDisplayName())
	}
	rankings, err := p.live.ListRankings(ctx, &rankingv1.ListRankingsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(rankings.GetRankings()) != 3 {
		t.Errorf("%d rankings, want 3", len(rankings.GetRankings()))
	}
	for _, r := range rankings.GetRankings() {
		marked(r.GetName(), r.GetDisplayName())
		got := p.rows(t, r.GetName())
		said(r.GetName(), got.GetHead().GetSimulated())
		for _, s := range got.GetStandings() {
			marked(s.GetSubject(), s.GetDisplayName())
			said(s.GetSubject(), s.GetSimulated())
			for _, c := range s.GetCells() {
				if c.GetNumber() != "" {
					said(s.GetSubject()+" "+c.GetNode(), c.GetSimulated())
				}
			}
		}
		profile, err := p.live.GetProfile(ctx, &rankingv1.GetProfileRequest{Name: r.GetName(), Zone: "zones/example-zone-0001"})
		if err != nil {
			t.Fatal(err)
		}
		marked("the sentence of a profile", profile.GetSentence())
		for _, h := range profile.GetHeadlines() {
			marked("a headline", h.GetDisplayName())
			if h.GetSentence().GetZh() != "" {
				marked("the sentence of a headline", h.GetSentence())
			}
		}
		single, err := p.live.GetIndicatorRanking(ctx, &rankingv1.GetIndicatorRankingRequest{Name: r.GetName(), Indicator: "indicators/example-gdp-growth"})
		if err != nil {
			t.Fatal(err)
		}
		marked("a single list", single.GetDisplayName())
		if name := single.GetDisplayName(); strings.Count(name.GetZh(), "〔模拟〕") != 1 || strings.Count(name.GetEn(), "〔模拟〕") != 1 {
			t.Errorf("a single list is called %s, %s: the mark stands once, at the end", name.GetZh(), name.GetEn())
		}
		for _, ref := range single.GetReferences() {
			marked(ref.GetSubject(), ref.GetDisplayName())
		}
	}
	releases, err := p.live.ListReleases(ctx, &rankingv1.ListReleasesRequest{Parent: "rankings/-", PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range releases.GetReleases() {
		marked(r.GetName(), r.GetTitle(), r.GetRanking().GetDisplayName())
		said(r.GetName(), r.GetHead().GetSimulated())
	}
}

// Live reports move rows of the newest ranking, and a later run goes on behind them.
func TestSimulateLiveMovesTheNewestRanking(t *testing.T) {
	p := simulated(t, "--zones", "13", "--months", "4")
	before := p.rows(t, "rankings/example-2023-04")
	for range 2 {
		code, _, errOut := run(t, "simulate", "--address", p.Cluster.Address(), "--zones", "13", "--months", "4", "--rate", "1000", "--count", "60")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errOut)
		}
		after := p.rows(t, "rankings/example-2023-04")
		diff, err := p.live.CompareVersions(within(t), &rankingv1.CompareVersionsRequest{
			Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/example-2023-04"}, Version: before.GetHead().GetVersion()},
			After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/example-2023-04"}, Version: after.GetHead().GetVersion()},
		})
		if err != nil {
			t.Fatal(err)
		}
		places := 0
		for _, m := range diff.GetMoves() {
			if m.GetPlaceBefore() != m.GetPlaceAfter() {
				places++
			}
		}
		if places == 0 {
			t.Errorf("60 reports moved nobody: %v", diff)
		}
		before = after
	}
}
