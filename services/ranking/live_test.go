package ranking_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/ranking"
)

// clock is the time of a test, which stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is the ranking service on a real ledger, with an invented province: facts
// of the other lanes are committed as their services would.
type world struct {
	t       *testing.T
	ctx     context.Context
	clock   *clock
	ledger  *ledger.Ledger
	zones   *ledger.Lane[*registry.State]
	stated  *ledger.Lane[*figures.State]
	service *ranking.Service
	said    int
}

// newWorld starts the service over an embedded server.
func newWorld(t *testing.T, server *local.Server, with ...func(*ranking.Deps)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}}
	deps := ledgertest.Deps(t, server)
	deps.Now = w.clock.Now
	var err error
	if w.ledger, err = ledger.Open(t.Context(), ledger.Config{}, deps); err != nil {
		t.Fatal(err)
	}
	w.zones = ledger.Fold(w.ledger, ledger.LaneZone, registry.New())
	w.stated = ledger.Fold(w.ledger, ledger.LaneIndicator, figures.New())
	d := ranking.Deps{
		Lane: ledger.Fold(w.ledger, ledger.LaneRanking, ranking.NewPublished()), Ledger: w.ledger, JetStream: deps.JetStream,
		Registry: w.zones, Figures: w.stated, Log: ledgertest.Log(t),
	}
	for _, f := range with {
		f(&d)
	}
	if w.service, err = ranking.New(d); err != nil {
		t.Fatal(err)
	}
	ledgertest.Run(t, w.ledger)
	w.ctx = auth.With(t.Context(), auth.Operator())
	return w
}

// write commits facts in one transaction of a lane.
func write[S ledger.State[S]](w *world, lane *ledger.Lane[S], facts ...*ledgerv1.Fact) int64 {
	w.t.Helper()
	receipt, err := lane.Commit(w.ctx, ledger.Command[S]{
		Method: "test", Actor: "test",
		Decide: func(S, ledger.Position) (ledger.Proposal, error) { return ledger.Proposal{Facts: facts}, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Revision
}

func zoneFact(id string, with ...func(*zonev1.Zone)) *ledgerv1.Fact {
	z := &zonev1.Zone{
		Name: "zones/" + id, DisplayName: &typev1.Localized{Zh: "区" + id, En: "Zone " + id}, Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
		Level: zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL, Certainty: typev1.Certainty_CERTAINTY_STATED,
	}
	for _, f := range with {
		f(z)
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: z}}
}

func groupFact(id string, zones ...string) *ledgerv1.Fact {
	list := &zonev1.MemberList{}
	for _, z := range zones {
		list.Members = append(list.Members, &zonev1.Member{Zone: "zones/" + z})
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{
		Name: "groups/" + id, DisplayName: localized("组" + id), Members: &zonev1.Group_List{List: list},
	}}}
}

func indicatorFact(id, unit string, with ...func(*indicatorv1.Indicator)) *ledgerv1.Fact {
	i := &indicatorv1.Indicator{
		Name: "indicators/" + id, DisplayName: localized("指标" + id), Unit: unit, Nature: indicatorv1.Nature_NATURE_FLOW,
		Direction: indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER, NationalAuthority: "国家统计局",
	}
	for _, f := range with {
		f(i)
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: i}}
}

func growthOf(id string) func(*indicatorv1.Indicator) {
	return func(i *indicatorv1.Indicator) {
		i.GrowthOf, i.Nature = "indicators/"+id, indicatorv1.Nature_NATURE_GROWTH
	}
}

func lower(i *indicatorv1.Indicator) {
	i.Direction = indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER
}

func sourceFact(id string) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{
		Name: "sources/" + id, Title: localized(id), Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
	}}}
}

// statement makes one from words: "a tax 2025 12".
func (w *world) statement(words string, with ...func(*indicatorv1.Statement)) *indicatorv1.Statement {
	w.t.Helper()
	f := strings.Fields(words)
	subject := f[0]
	if !strings.Contains(subject, "/") {
		subject = "zones/" + subject
	}
	state, _ := w.stated.Current()
	i, ok := state.View(0).Indicator("indicators/" + f[1])
	if !ok {
		w.t.Fatalf("no indicator %s", f[1])
	}
	w.said++
	s := &indicatorv1.Statement{
		Source: "sources/yearbook", Locator: fmt.Sprint(w.said),
		Key:   &indicatorv1.FigureKey{Subject: subject, Indicator: i.GetName(), Period: f[2], Kind: indicatorv1.Kind_KIND_ACTUAL},
		Value: &indicatorv1.Statement_Number{Number: f[3]}, Unit: i.GetUnit(), Tag: indicatorv1.Tag_TAG_OBSERVED,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED, Stage: typev1.Stage_STAGE_RELEASED,
	}
	for _, f := range with {
		f(s)
	}
	s.Name = figures.StatementName(s)
	return s
}

// say records statements in one transaction.
func (w *world) say(words ...string) int64 {
	w.t.Helper()
	facts := make([]*ledgerv1.Fact, len(words))
	for i, text := range words {
		facts[i] = &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: w.statement(text)}}
	}
	return write(w, w.stated, facts...)
}

func (w *world) sayWith(words string, with ...func(*indicatorv1.Statement)) int64 {
	w.t.Helper()
	return write(w, w.stated, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: w.statement(words, with...)}})
}

func releasedAt(t time.Time) func(*indicatorv1.Statement) {
	return func(s *indicatorv1.Statement) { s.ReleaseTime = timestamppb.New(t) }
}

// settle makes four zones a to d in a group, two indicators with growth of one,
// a reference unit, a scheme of two leaves and a flash ranking of 2025 after one
// of 2024.
func (w *world) settle() {
	w.t.Helper()
	write(w, w.zones, zoneFact("a"), zoneFact("b"), zoneFact("c"), zoneFact("d"), zoneFact("outsider"),
		groupFact("all", "a", "b", "c", "d"),
		&ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: &zonev1.ReferenceUnit{
			Name: "referenceUnits/province", DisplayName: localized("全省平均"), Type: zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE,
		}}})
	write(w, w.stated, sourceFact("yearbook"), indicatorFact("tax", "亿元"), indicatorFact("tax-growth", "%", growthOf("tax")),
		indicatorFact("energy", "亿元", lower))
	w.scheme("s1", "60")
	w.ranking("r2024", "s1", "2024", "")
	w.ranking("r2025", "s1", "2025", "rankings/r2024")
}

func (w *world) scheme(id, weight string) {
	w.t.Helper()
	if _, err := w.service.CreateScheme(w.ctx, &rankingv1.CreateSchemeRequest{SchemeId: id, Scheme: scheme(weight)}); err != nil {
		w.t.Fatal(err)
	}
}

func scheme(weight string) *rankingv1.Scheme {
	return &rankingv1.Scheme{
		DisplayName: localized("综合考核"), Recipe: `{"normalise": {"method": "minmax"}, "place": {"decimals": 2}}`,
		Nodes: []*rankingv1.SchemeNode{
			{Id: "index", DisplayName: localized("综合指数")},
			{Id: "tax", Parent: "index", Weight: weight, Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/tax"}},
			{Id: "energy", Parent: "index", Weight: "40", Leaf: &rankingv1.SchemeLeaf{
				Indicator: "indicators/energy", Carry: rankingv1.Carry_CARRY_SAME_KIND, MaxAgeMonths: 12,
			}},
		},
	}
}

func (w *world) ranking(id, scheme, period, previous string, with ...func(*rankingv1.Ranking)) {
	w.t.Helper()
	r := &rankingv1.Ranking{
		DisplayName: localized("榜" + id), Scheme: "schemes/" + scheme, Group: "groups/all", Period: period, Kind: indicatorv1.Kind_KIND_ACTUAL,
		Audience: rankingv1.Audience_AUDIENCE_PUBLIC, Previous: previous, References: []string{"referenceUnits/province"},
	}
	for _, f := range with {
		f(r)
	}
	if _, err := w.service.CreateRanking(w.ctx, &rankingv1.CreateRankingRequest{RankingId: id, Ranking: r}); err != nil {
		w.t.Fatal(err)
	}
	w.state(id, rankingv1.RankingState_RANKING_STATE_FLASH)
}

func (w *world) state(id string, states ...rankingv1.RankingState) {
	w.t.Helper()
	for _, s := range states {
		if _, err := w.service.UpdateRanking(w.ctx, &rankingv1.UpdateRankingRequest{Ranking: &rankingv1.Ranking{Name: "rankings/" + id, State: s}}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) get(req *rankingv1.GetRankingRequest) *rankingv1.GetRankingResponse {
	w.t.Helper()
	req.Name = "rankings/" + req.GetName()
	resp, err := w.service.GetRanking(w.ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

// table writes rows as "place.zone score".
func table(rows []*rankingv1.Standing) string {
	var words []string
	for _, r := range rows {
		words = append(words, strings.TrimSpace(fmt.Sprintf("%d.%s %s", r.GetPlace(), strings.TrimPrefix(r.GetSubject(), "zones/"), r.GetScore())))
	}
	return strings.Join(words, ", ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestLiveRankingMovesWithEveryCommitAndAnyRevisionIsAnsweredAsItWas(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.say("a tax 2024 10", "b tax 2024 20", "a energy 2024 5", "b energy 2024 4", "c tax 2024 15", "c energy 2024 6")
	first := w.say("a tax 2025 30", "b tax 2025 20", "c tax 2025 10")
	got := w.get(&rankingv1.GetRankingRequest{Name: "r2025", ShowCells: true, History: 3})
	// minmax: tax 100, 50, 0 of weight 60; energy carried, lower is better: 50, 100, 0 of weight 40.
	expect(t, "rows", table(got.GetStandings()), "1.a 80.00, 2.b 70.00, 3.c 0.00, 0.d")
	if h := got.GetHead(); h.GetVersion() != first || h.GetPlaced() != 3 || h.GetRows() != 4 || h.GetCompleteness() != "0.75" {
		t.Errorf("head %v, want version %d with 3 of 4 placed and 6 of 8 cells", h, first)
	}
	a := got.GetStandings()[0]
	if a.GetPreviousPlace() != 3 || a.GetGapBehind() != "-10.00" || a.GetGapAhead() != "" {
		t.Errorf("a came from %d, gaps %q %q; want 3, none ahead and -10.00", a.GetPreviousPlace(), a.GetGapAhead(), a.GetGapBehind())
	}
	if h := a.GetHistory(); len(h) != 1 || h[0].GetPlace() != 3 || h[0].GetPeriod() != "2024" {
		t.Errorf("history %v, want place 3 in 2024", h)
	}
	energy := a.GetCells()[1]
	if energy.GetNumber() != "5" || energy.GetPeriod() != "2024" || energy.GetAgeMonths() != 12 || energy.GetPlace() != 2 ||
		energy.GetGap() != rankingv1.GapReason_GAP_REASON_NOT_REPORTED || energy.GetScore() != "50" || energy.GetPoints() != "20" {
		t.Errorf("energy of a: %v, want 5 of 2024 carried, second, 50 and 20 points", energy)
	}
	w.say("d tax 2025 40", "d energy 2025 1")
	after := w.get(&rankingv1.GetRankingRequest{Name: "r2025"})
	expect(t, "with d", table(after.GetStandings()), "1.d 100.00, 2.a 48.00, 3.b 36.00, 4.c 0.00")
	then := w.get(&rankingv1.GetRankingRequest{Name: "r2025", Version: first})
	expect(t, "as it was", table(then.GetStandings()), table(got.GetStandings()))
	if then.GetHead().GetDigest() != got.GetHead().GetDigest() {
		t.Error("the digest of the old version is another one now")
	}
	// What is under no leaf of a member makes no version.
	for words, touches := range map[string]bool{
		"outsider tax 2025 99": false, "a tax 2022 7": false, "a tax 2026 7": false, "a energy 2022 7": false, "a energy 2026 7": false,
		"c energy 2025-Q1 7": true, // it may be carried, by its age
	} {
		before := w.get(&rankingv1.GetRankingRequest{Name: "r2025"}).GetHead().GetVersion()
		at := w.say(words)
		if v := w.get(&rankingv1.GetRankingRequest{Name: "r2025"}).GetHead().GetVersion(); v != at && touches || v != before && !touches {
			t.Errorf("version %d after %q at revision %d, and %d before", v, words, at, before)
		}
	}
}

func TestPartsOfARanking(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.say("a tax 2025 40", "b tax 2025 30", "c tax 2025 20", "d tax 2025 10")
	for name, c := range map[string]struct {
		req  *rankingv1.GetRankingRequest
		want string
	}{
		"around": {&rankingv1.GetRankingRequest{Part: &rankingv1.GetRankingRequest_Around{Around: &rankingv1.Around{Zone: "zones/b", Rows: 1}}}, "1.a 100.00, 2.b 66.67, 3.c 33.33"},
		"one":    {&rankingv1.GetRankingRequest{Part: &rankingv1.GetRankingRequest_Zone{Zone: "zones/c"}}, "3.c 33.33"},
		"prefix": {&rankingv1.GetRankingRequest{Part: &rankingv1.GetRankingRequest_Prefix{Prefix: "zone D"}}, "4.d 0.00"},
	} {
		c.req.Name = "r2025"
		expect(t, name, table(w.get(c.req).GetStandings()), c.want)
	}
	// Pages are of one version, whatever is written between them.
	first := w.get(&rankingv1.GetRankingRequest{Name: "r2025", PageSize: 2})
	w.say("d tax 2025 99")
	second := w.get(&rankingv1.GetRankingRequest{Name: "r2025", PageSize: 2, PageToken: first.GetNextPageToken()})
	expect(t, "pages", table(slices.Concat(first.GetStandings(), second.GetStandings())), "1.a 100.00, 2.b 66.67, 3.c 33.33, 4.d 0.00")
	if second.GetNextPageToken() != "" || second.GetHead().GetVersion() != first.GetHead().GetVersion() {
		t.Errorf("second page: token %q, version %d, want the end of version %d", second.GetNextPageToken(), second.GetHead().GetVersion(), first.GetHead().GetVersion())
	}
	if _, err := w.service.GetRanking(w.ctx, &rankingv1.GetRankingRequest{
		Name: "rankings/r2025", Part: &rankingv1.GetRankingRequest_Zone{Zone: "zones/outsider"},
	}); code(err) != codes.NotFound {
		t.Errorf("a zone outside the group: %v", err)
	}
}

// The months that come in leave the rankings of earlier months as they are.
func TestAFigureOfALaterPeriodTouchesNoEarlierRanking(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	before := w.say("a tax 2024 10", "b tax 2024 20")
	w.say("a tax 2025 30")
	w.say("a tax 2025-06 30")
	for id, want := range map[string]int64{"r2024": before, "r2025": before + 1} {
		if v := w.get(&rankingv1.GetRankingRequest{Name: id}).GetHead().GetVersion(); v != want {
			t.Errorf("%s is at version %d, want %d", id, v, want)
		}
	}
}
