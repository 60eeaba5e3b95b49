package standing_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/ranking/standing"
)

// province is a small invented world in the folds, without a ledger.
type province struct {
	t       testing.TB
	zones   *registry.State
	figures *figures.State
	at      ledger.Position
	ranking *rankingv1.Ranking
	scheme  *rankingv1.Scheme
}

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// newProvince has zones a to d in a group, the indicators tax (higher is better)
// and energy (lower is), and a flash ranking of 2025 by tax alone, as it is.
func newProvince(t testing.TB) *province {
	t.Helper()
	p := &province{t: t, zones: registry.New(), figures: figures.New(), at: ledger.Position{CommitTime: noon}}
	members := &zonev1.MemberList{}
	for _, id := range []string{"a", "b", "c", "d"} {
		p.zone(id, func(*zonev1.Zone) {})
		members.Members = append(members.Members, &zonev1.Member{Zone: "zones/" + id})
	}
	p.apply(p.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{Name: "groups/g", Members: &zonev1.Group_List{List: members}}}})
	p.apply(p.figures, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{
		Name: "sources/s", Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
	}}})
	p.indicator("tax", indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER)
	p.indicator("energy", indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER)
	p.indicator("mood", indicatorv1.Direction_DIRECTION_NEUTRAL)
	p.ranking = &rankingv1.Ranking{
		Name: "rankings/r", Scheme: "schemes/s", Group: "groups/g", Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL,
		Audience: rankingv1.Audience_AUDIENCE_PUBLIC, State: rankingv1.RankingState_RANKING_STATE_FLASH,
	}
	p.scheme = &rankingv1.Scheme{Name: "schemes/s", Nodes: []*rankingv1.SchemeNode{
		{Id: "index"}, {Id: "tax", Parent: "index", Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/tax"}},
	}}
	return p
}

type fold interface {
	Apply(at ledger.Position, tx *ledgerv1.Transaction) error
}

func (p *province) apply(to fold, facts ...*ledgerv1.Fact) {
	p.t.Helper()
	p.at.Revision++
	if err := to.Apply(p.at, &ledgerv1.Transaction{Facts: facts}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *province) zone(id string, with func(*zonev1.Zone)) {
	z := &zonev1.Zone{
		Name: "zones/" + id, DisplayName: &typev1.Localized{Zh: "区" + id}, Type: zonev1.ZoneType_ZONE_TYPE_OTHER,
		Certainty: typev1.Certainty_CERTAINTY_STATED,
	}
	with(z)
	p.apply(p.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: z}})
}

func (p *province) indicator(id string, d indicatorv1.Direction) {
	p.apply(p.figures, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: &indicatorv1.Indicator{
		Name: "indicators/" + id, DisplayName: &typev1.Localized{Zh: id}, Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW, Direction: d,
	}}})
}

func (p *province) leaf(id, weight string, with ...func(*rankingv1.SchemeLeaf)) {
	l := &rankingv1.SchemeLeaf{Indicator: "indicators/" + id}
	for _, f := range with {
		f(l)
	}
	p.scheme.Nodes = append(p.scheme.Nodes, &rankingv1.SchemeNode{Id: id, Parent: "index", Weight: weight, Leaf: l})
}

// say records "a tax 2025 12".
func (p *province) say(words string, with ...func(*indicatorv1.Statement)) {
	p.t.Helper()
	f := strings.Fields(words)
	s := &indicatorv1.Statement{
		Source: "sources/s", Locator: strconv.FormatInt(p.at.Revision, 10), Unit: "亿元",
		Key:   &indicatorv1.FigureKey{Subject: "zones/" + f[0], Indicator: "indicators/" + f[1], Period: f[2], Kind: indicatorv1.Kind_KIND_ACTUAL},
		Value: &indicatorv1.Statement_Number{Number: f[3]}, SubjectCertainty: typev1.Certainty_CERTAINTY_STATED,
		PeriodCertainty: typev1.Certainty_CERTAINTY_STATED, Stage: typev1.Stage_STAGE_RELEASED,
	}
	for _, w := range with {
		w(s)
	}
	s.Name = figures.StatementName(s)
	p.apply(p.figures, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: s}})
}

func (p *province) table() *standing.Table {
	p.t.Helper()
	t, err := standing.Gather(standing.Input{Ranking: p.ranking, Scheme: p.scheme, Zones: p.zones.View(0), Figures: p.figures.View(0), Time: noon})
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

// places writes the rows as "1.a 12".
func places(t *standing.Table) string {
	var words []string
	for _, r := range t.Rows() {
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

func stage(s typev1.Stage) func(*indicatorv1.Statement) {
	return func(m *indicatorv1.Statement) { m.Stage = s }
}

func simulated(s *indicatorv1.Statement) { s.Simulated = true }

func comparator(c typev1.Comparator) func(*indicatorv1.Statement) {
	return func(s *indicatorv1.Statement) { s.Comparator = c }
}

func carry(c rankingv1.Carry, months int32) func(*rankingv1.SchemeLeaf) {
	return func(l *rankingv1.SchemeLeaf) { l.Carry, l.MaxAgeMonths = c, months }
}

func TestDomain3MissingIsNotZero(t *testing.T) {
	p := newProvince(t)
	p.say("a tax 2025 5")
	p.say("b tax 2025 -7")
	table := p.table()
	expect(t, "rows", places(table), "1.a 5, 2.b -7, 0.c, 0.d")
	if r := table.Rows()[2]; r.GetReason().GetZh() == "" || r.GetCompleteness() != "0" {
		t.Errorf("c: %v, want no place with its reason", r)
	}
}

func TestDomain7EqualScoresShareACompetitionPlace(t *testing.T) {
	p := newProvince(t)
	for zone, number := range map[string]string{"a": "5", "b": "7.0", "c": "7", "d": "1"} {
		p.say(zone + " tax 2025 " + number)
	}
	table := p.table()
	expect(t, "rows", places(table), "1.b 7, 1.c 7, 3.a 5, 4.d 1")
	rows := table.Rows()
	if !rows[0].GetTied() || rows[2].GetTied() || rows[1].GetGapAhead() != "0" || rows[2].GetGapAhead() != "2" || rows[2].GetGapBehind() != "-4" {
		t.Errorf("ties and gaps: %v", rows)
	}
}

func TestDomain7NoPlacesWhileFiguresAreCollected(t *testing.T) {
	p := newProvince(t)
	p.say("a tax 2025 5")
	p.ranking.State = rankingv1.RankingState_RANKING_STATE_OPEN
	table := p.table()
	expect(t, "rows", places(table), "0.a 5, 0.b, 0.c, 0.d")
	if cells := table.Cells([]string{"zones/a"}); cells[0][0].GetPlace() != 0 || table.Head().GetReason().GetZh() != "收数中,尚无名次" {
		t.Errorf("cell %v, head %v: want no place anywhere, and why", cells[0][0], table.Head())
	}
}

func TestDomain7PlacesAreNotShownBeforeTheDeclaredCompleteness(t *testing.T) {
	for name, c := range map[string]struct {
		ranking, leaf string
		said          int
		shown         bool
	}{
		"of the whole, below":    {ranking: "0.8", said: 3},
		"of the whole, reached":  {ranking: "0.75", said: 3, shown: true},
		"of a leaf, below":       {leaf: "1", said: 3},
		"of a leaf, reached":     {leaf: "1", said: 4, shown: true},
		"nothing declared":       {said: 1, shown: true},
		"cut, never rounded up:": {ranking: "0.7501", said: 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvince(t)
			p.ranking.RequiredCompleteness = c.ranking
			p.scheme.Nodes[1].Leaf.RequiredCompleteness = c.leaf
			for i := range c.said {
				p.say(fmt.Sprintf("%c tax 2025 %d", 'a'+i, i))
			}
			head := p.table().Head()
			if (head.GetPlaced() > 0) != c.shown || (head.GetReason() == nil) != c.shown {
				t.Errorf("placed %d, reason %v", head.GetPlaced(), head.GetReason())
			}
		})
	}
}

func TestDomain2WhatIsNotStatedIsOutOfRankings(t *testing.T) {
	p := newProvince(t)
	p.zone("d", func(z *zonev1.Zone) { z.Certainty = typev1.Certainty_CERTAINTY_INFERRED })
	p.say("a tax 2025 5")
	p.say("b tax 2025 7", func(s *indicatorv1.Statement) { s.PeriodCertainty = typev1.Certainty_CERTAINTY_DISPUTED })
	p.say("c tax 2025 9", func(s *indicatorv1.Statement) { s.SubjectCertainty = typev1.Certainty_CERTAINTY_INFERRED })
	p.say("d tax 2025 11")
	table := p.table()
	expect(t, "rows", places(table), "1.a 5, 0.b, 0.c, 0.d")
	if head := table.Head(); head.GetLeaves()[0].GetOf() != 3 {
		t.Errorf("%v: a zone that is not stated counts for completeness", head)
	}
	if cell := table.Cells([]string{"zones/b"})[0][0]; cell.GetGap() != rankingv1.GapReason_GAP_REASON_NOT_STATED {
		t.Errorf("b's cell: %v", cell)
	}
}

func TestDomain9SimulatedFiguresAreNotRankedBesideRealOnesUnlessAskedFor(t *testing.T) {
	p := newProvince(t)
	p.say("a tax 2025 5")
	p.say("b tax 2025 7", simulated)
	table := p.table()
	if head := table.Head(); head.GetPlaced() != 0 || !head.GetSimulated() || !strings.Contains(head.GetReason().GetZh(), "模拟") {
		t.Errorf("head %v, want nothing placed and the reason", head)
	}
	if cell := table.Cells([]string{"zones/a"})[0][0]; cell.GetPlace() != 0 {
		t.Errorf("a place in a single column of a mix: %v", cell)
	}
	p.ranking.MixSimulated = true
	table = p.table()
	expect(t, "asked for", places(table), "1.b 7, 2.a 5, 0.c, 0.d")
	for _, r := range table.Rows() {
		if !strings.HasSuffix(r.GetDisplayName().GetZh(), "〔模拟〕") {
			t.Errorf("%s lacks the mark: its place depends on simulated figures", r.GetDisplayName().GetZh())
		}
	}
}

func TestReasonOfEveryGap(t *testing.T) {
	later := func(s *indicatorv1.Statement) { s.ReleaseTime = timestamppb.New(noon.Add(time.Second)) }
	for name, c := range map[string]struct {
		say  func(*province)
		want rankingv1.GapReason
	}{
		"nothing said": {func(*province) {}, rankingv1.GapReason_GAP_REASON_NOT_REPORTED},
		"in review":    {func(p *province) { p.say("a tax 2025 5", stage(typev1.Stage_STAGE_APPROVED)) }, rankingv1.GapReason_GAP_REASON_IN_REVIEW},
		"embargoed":    {func(p *province) { p.say("a tax 2025 5", later) }, rankingv1.GapReason_GAP_REASON_EMBARGOED},
		"conflict": {func(p *province) {
			p.say("a tax 2025 5")
			p.say("a tax 2025 6")
		}, rankingv1.GapReason_GAP_REASON_CONFLICT},
		"a bound": {func(p *province) {
			p.say("a tax 2025 5", comparator(typev1.Comparator_COMPARATOR_AT_LEAST))
		}, rankingv1.GapReason_GAP_REASON_NOT_A_POINT},
		"about": {func(p *province) {
			p.say("a tax 2025 5", comparator(typev1.Comparator_COMPARATOR_ABOUT))
		}, rankingv1.GapReason_GAP_REASON_NOT_A_POINT},
		"a status": {func(p *province) {
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) { s.Value = &indicatorv1.Statement_Status{Status: "done"} })
		}, rankingv1.GapReason_GAP_REASON_NOT_A_POINT},
		"not applicable": {func(p *province) {
			p.say("a tax 2024 4")
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) {
				s.Value, s.Unit = &indicatorv1.Statement_Status{Status: "不适用"}, ""
			})
		}, rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE},
		"pending": {func(p *province) {
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) { s.Value, s.NumberPending = nil, true })
		}, rankingv1.GapReason_GAP_REASON_PENDING},
		"another extent": {func(p *province) {
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) { s.Key.Scope = &typev1.Scope{Extent: "不含某园区"} })
		}, rankingv1.GapReason_GAP_REASON_OTHER_SCOPE},
		"another class": {func(p *province) {
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) {
				s.Key.Scope = &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE}
			})
		}, rankingv1.GapReason_GAP_REASON_OTHER_SCOPE},
		"said": {func(p *province) { p.say("a tax 2025 5") }, rankingv1.GapReason_GAP_REASON_UNSPECIFIED},
		"its moment is now": {func(p *province) {
			p.say("a tax 2025 5", func(s *indicatorv1.Statement) { s.ReleaseTime = timestamppb.New(noon) })
		}, 0},
		"with the comparator =": {func(p *province) { p.say("a tax 2025 5", comparator(typev1.Comparator_COMPARATOR_EQUAL)) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvince(t)
			c.say(p)
			cell := p.table().Cells([]string{"zones/a"})[0][0]
			if cell.GetGap() != c.want || (c.want != 0) != (cell.GetReason().GetZh() != "" && cell.GetReason().GetEn() != "") || (c.want == 0) != (cell.GetNumber() == "5") {
				t.Errorf("cell %v, want %v with words in both languages", cell, c.want)
			}
		})
	}
}

func TestDomain3NotApplicableIsNotMissing(t *testing.T) {
	p := newProvince(t)
	carry(rankingv1.Carry_CARRY_ANY, 24)(p.scheme.Nodes[1].GetLeaf())
	p.ranking.RequiredCompleteness = "1"
	for _, zone := range []string{"a", "b", "c"} {
		p.say(zone + " tax 2025 5")
	}
	p.say("d tax 2024 5") // would be carried
	p.say("d tax 2025 5", func(s *indicatorv1.Statement) {
		s.Value, s.Unit = &indicatorv1.Statement_Status{Status: "不适用"}, ""
	})
	table := p.table()
	if head := table.Head(); head.GetCompleteness() != "1" || head.GetPlaced() != 3 || head.GetLeaves()[0].GetOf() != 3 {
		t.Errorf("head %v: what cannot exist counts for nothing", head)
	}
	if cell := table.Cells([]string{"zones/d"})[0][0]; cell.GetNumber() != "" {
		t.Errorf("d's cell: %v, carried although it cannot exist", cell)
	}
}

func TestInternalRankingUsesWhatIsApprovedAndWhatIsNotPublicYet(t *testing.T) {
	p := newProvince(t)
	p.say("a tax 2025 5", stage(typev1.Stage_STAGE_APPROVED))
	p.say("b tax 2025 7", func(s *indicatorv1.Statement) { s.ReleaseTime = timestamppb.New(noon.Add(time.Hour)) })
	p.say("c tax 2025 9", stage(typev1.Stage_STAGE_SUBMITTED))
	expect(t, "public", places(p.table()), "0.a, 0.b, 0.c, 0.d")
	p.ranking.Audience = rankingv1.Audience_AUDIENCE_INTERNAL
	expect(t, "internal", places(p.table()), "1.b 7, 2.a 5, 0.c, 0.d")
}

func TestDomain4TargetsAtLeastAreRankedByTheirNumber(t *testing.T) {
	p := newProvince(t)
	p.ranking.Kind = indicatorv1.Kind_KIND_TARGET
	target := func(s *indicatorv1.Statement) {
		s.Key.Kind, s.Key.Ambition = indicatorv1.Kind_KIND_TARGET, indicatorv1.Ambition_AMBITION_EXPECTED
	}
	p.say("a tax 2025 5", target, comparator(typev1.Comparator_COMPARATOR_AT_LEAST))
	p.say("b tax 2025 7", target)
	p.say("c tax 2025 9", target, comparator(typev1.Comparator_COMPARATOR_ABOUT))
	p.say("d tax 2025 100") // an actual is no target
	expect(t, "rows", places(p.table()), "1.b 7, 2.a 5, 0.c, 0.d")
}

func TestDomain7CarriedFiguresHaveTheirRuleAndAge(t *testing.T) {
	for name, c := range map[string]struct {
		period string
		rule   rankingv1.Carry
		age    int32
		said   []string // "period number" of a
		want   string   // "number period age", empty for none
	}{
		"none without a rule":                         {period: "2025", said: []string{"2024 5"}},
		"the newest of the same kind":                 {period: "2025", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 24, said: []string{"2023 4", "2024 5", "2025-Q3 9"}, want: "5 2024 12"},
		"of any kind":                                 {period: "2025", rule: rankingv1.Carry_CARRY_ANY, age: 24, said: []string{"2024 5", "2025-Q1 9"}, want: "9 2025-Q1 9"},
		"not an older one than the age":               {period: "2025", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 11, said: []string{"2024 5"}},
		"never a later one":                           {period: "2025", rule: rankingv1.Carry_CARRY_ANY, age: 24, said: []string{"2026-Q1 5"}},
		"cumulative months":                           {period: "2025-05;cumulative", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 3, said: []string{"2025-04;cumulative 5", "2025-04 6"}, want: "5 2025-04;cumulative 1"},
		"the first half after May cumulative":         {period: "2025-S1", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 3, said: []string{"2025-05;cumulative 5"}, want: "5 2025-05;cumulative 1"},
		"a year is no part of a monthly series":       {period: "2025", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 12, said: []string{"2025-11;cumulative 5", "2024 4"}, want: "4 2024 12"},
		"one that is known, past one that is not":     {period: "2025", rule: rankingv1.Carry_CARRY_SAME_KIND, age: 36, said: []string{"2023 4", "2024 5", "2024 6"}, want: "4 2023 24"},
		"its own period before any that is carried":   {period: "2025", rule: rankingv1.Carry_CARRY_ANY, age: 24, said: []string{"2024 5", "2025 6"}, want: "6 2025 0"},
		"a conflict in its own period lets carry too": {period: "2025", rule: rankingv1.Carry_CARRY_ANY, age: 24, said: []string{"2024 5", "2025 6", "2025 7"}, want: "5 2024 12"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvince(t)
			p.ranking.Period = c.period
			carry(c.rule, c.age)(p.scheme.Nodes[1].GetLeaf())
			for _, s := range c.said {
				p.say("a tax " + s)
			}
			table := p.table()
			cell := table.Cells([]string{"zones/a"})[0][0]
			got := ""
			if cell.GetNumber() != "" {
				got = fmt.Sprintf("%s %s %d", cell.GetNumber(), cell.GetPeriod(), cell.GetAgeMonths())
			}
			expect(t, "cell", got, c.want)
			carried := cell.GetAgeMonths() > 0
			if (cell.GetGap() != 0) != (carried || got == "") || (table.Head().GetLeaves()[0].GetCarried() == 1) != carried {
				t.Errorf("cell %v of %v: a carried figure says why its own period has none, and is counted", cell, table.Head().GetLeaves())
			}
		})
	}
}

func TestPointsOfTheLeavesSumToTheScore(t *testing.T) {
	p := newProvince(t)
	p.leaf("energy", "3")
	p.scheme.Recipe = `{"normalise": "minmax"}`
	for i, zone := range []string{"a", "b", "c"} {
		p.say(fmt.Sprintf("%s tax 2025 %d", zone, 3*i+1))
		if zone != "b" {
			p.say(fmt.Sprintf("%s energy 2025 %d", zone, i*i+2))
		}
	}
	table := p.table()
	for _, r := range table.Rows() {
		sum := 0.0
		cells := table.Cells([]string{r.GetSubject()})[0]
		for _, c := range cells {
			if c.GetPoints() != "" {
				points, err := strconv.ParseFloat(c.GetPoints(), 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += points
			}
		}
		score, _ := strconv.ParseFloat(r.GetScore(), 64) // Empty is 0, as no points are.
		if diff := sum - score; diff > 1e-5 || diff < -1e-5 {
			t.Errorf("%s: points sum to %v, its score is %q: %v", r.GetSubject(), sum, r.GetScore(), cells)
		}
	}
	p.scheme.Recipe = `{"normalise": {"method": "minmax", "lower": 1}, "aggregate": "geometric"}`
	if c := p.table().Cells([]string{"zones/c"})[0][0]; c.GetPoints() != "" || c.GetScore() == "" {
		t.Errorf("a geometric mean is no sum, and yet %v", c)
	}
}

func TestPlacesInAColumnRespectDirection(t *testing.T) {
	p := newProvince(t)
	p.leaf("energy", "1")
	p.leaf("mood", "1")
	p.scheme.Recipe = `{"normalise": "minmax"}`
	for zone, number := range map[string]string{"a": "1", "b": "2", "c": "2.0"} {
		for _, i := range []string{"tax", "energy", "mood"} {
			p.say(zone + " " + i + " 2025 " + number)
		}
	}
	table := p.table()
	var got []string
	for _, cells := range table.Cells([]string{"zones/a", "zones/b", "zones/c", "zones/d"}) {
		for _, c := range cells {
			got = append(got, fmt.Sprintf("%d/%d", c.GetPlace(), c.GetOf()))
		}
	}
	expect(t, "tax, energy, mood of a to d", strings.Join(got, " "), "3/3 1/3 0/0 1/3 2/3 0/0 1/3 2/3 0/0 0/0 0/0 0/0")
}

func TestStrengthsLieInTheUpperHalfAndWeaknessesInTheLower(t *testing.T) {
	p := newProvince(t)
	for zone, number := range map[string]string{"a": "4", "b": "3", "c": "2", "d": "1"} {
		p.say(zone + " tax 2025 " + number)
	}
	var got []string
	for _, cells := range p.table().Cells([]string{"zones/a", "zones/b", "zones/c", "zones/d"}) {
		got = append(got, cells[0].GetMark().String()[len("MARK_"):][:1])
	}
	expect(t, "marks by place", strings.Join(got, ""), "SSWW")
}

func TestOfFewLeavesAQuarterAreTheBest(t *testing.T) {
	p := newProvince(t)
	p.scheme.Recipe = `{"normalise": "minmax"}`
	for i := range 7 {
		id := fmt.Sprintf("i%d", i)
		p.indicator(id, indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER)
		p.leaf(id, "1")
	}
	members := &zonev1.MemberList{}
	for z := range 21 {
		id := fmt.Sprintf("z%02d", z)
		p.zone(id, func(*zonev1.Zone) {})
		members.Members = append(members.Members, &zonev1.Member{Zone: "zones/" + id})
		// z04 is fifth, seventh, ... by the leaves from the first on, and sixteenth by tax.
		for i := range 7 {
			p.say(fmt.Sprintf("%s i%d 2025 %d", id, i, (z+2*i)%21*-1))
		}
		p.say(fmt.Sprintf("%s tax 2025 %d", id, -(z+11)%21))
	}
	p.apply(p.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{Name: "groups/g", Members: &zonev1.Group_List{List: members}}}})
	var got []string
	for _, c := range p.table().Cells([]string{"zones/z04"})[0] {
		got = append(got, fmt.Sprintf("%d%s", c.GetPlace(), c.GetMark().String()[len("MARK_"):][:1]))
	}
	// Two of eight leaves are the best and two the worst.
	expect(t, "places and marks", strings.Join(got, " "), "16W 5S 7S 9U 11U 13U 15U 17W")
}

func TestRecipeTellsZonesApartByTheirClass(t *testing.T) {
	p := newProvince(t)
	p.zone("a", func(z *zonev1.Zone) { z.Level = zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL })
	p.scheme.Recipe = `{"place": {"without_group": "level", "without_classes": ["NATIONAL"]}}`
	p.say("a tax 2025 9")
	p.say("b tax 2025 5")
	table := p.table()
	expect(t, "rows", places(table), "1.b 5, 0.a 9, 0.c, 0.d")
	i := slices.IndexFunc(table.Rows(), func(r *rankingv1.Standing) bool { return r.GetSubject() == "zones/a" })
	expect(t, "why", table.Rows()[i].GetReason().GetZh(), "该类开发区参加计分,不排名次")
}

func TestRecipeThatCannotBeComputedSaysSoInsteadOfPlaces(t *testing.T) {
	p := newProvince(t)
	p.scheme.Recipe = `{"place": {"without": ["zones/elsewhere"]}}`
	p.say("a tax 2025 9")
	head := p.table().Head()
	if head.GetPlaced() != 0 || !strings.Contains(head.GetReason().GetZh(), "zones/elsewhere") {
		t.Errorf("head %v, want the reason that names the zone", head)
	}
}

func TestGroupThatWasDeletedHasNoRows(t *testing.T) {
	p := newProvince(t)
	p.apply(p.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_GroupDeleted{GroupDeleted: &ledgerv1.GroupDeleted{Name: "groups/g"}}})
	table := p.table()
	if len(table.Rows()) != 0 || table.Head().GetReason().GetZh() == "" {
		t.Errorf("rows %v, head %v", table.Rows(), table.Head())
	}
}
