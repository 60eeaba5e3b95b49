package ranking

import (
	"fmt"
	"strings"
	"testing"

	"zonebench.internal/pkg/civil"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// gazette is a bench with published rankings: one series of one authority.
type gazette struct {
	*bench
	published *Published
}

func newGazette(t *testing.T) *gazette {
	t.Helper()
	g := &gazette{bench: newBench(t), published: NewPublished()}
	g.apply(g.published.Apply, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Series{Series: &rankingv1.Series{
		Name: "series/nation", DisplayName: text("全国考核", "National appraisal"), Authority: text("商务部", "MOFCOM"),
	}}})
	return g
}

// round publishes places written as "zone 9, zone 10" for a group and year.
func (g *gazette) round(id, group string, year, units, complete int32, method, places string) {
	g.t.Helper()
	r := &rankingv1.Round{
		Name: "series/nation/rounds/" + id, Group: text(group, group), RankingYear: year, DataYear: max(year-1, 0),
		UnitsRanked: units, CompleteTo: complete, Method: method, Source: "a list", Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
	}
	for entry := range strings.SplitSeq(places, ", ") {
		p := &rankingv1.Place{}
		if _, err := fmt.Sscanf(entry, "%s %d", &p.Zone, &p.Place); err != nil {
			g.t.Fatal(err)
		}
		p.Zone = "zones/" + p.GetZone()
		r.Places = append(r.Places, p)
	}
	g.apply(g.published.Apply, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Round{Round: r}})
}

// title says that a zone holds another's title from a month on.
func (g *gazette) title(zone, other string, from *typev1.Date) {
	g.zone(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: &zonev1.Relation{
		Name: "relations/" + zone + "-" + other, Type: zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE,
		Zone: "zones/" + zone, Other: "zones/" + other, StartDate: from,
	}}})
}

func (g *gazette) records() records {
	return records{registry: g.zones.View(0), published: g.published.View(0)}
}

// places writes places as "round zone@holder place/of move! " and the like.
func places(list []*rankingv1.PublishedPlace) string {
	var rows []string
	for _, p := range list {
		row := p.GetRound()[strings.LastIndex(p.GetRound(), "/")+1:] + " " + strings.TrimPrefix(p.GetZone(), "zones/")
		if p.GetHolder() != "" {
			row += "@" + strings.TrimPrefix(p.GetHolder(), "zones/")
		}
		if p.GetPlaceAtLeast() > 0 {
			row += fmt.Sprintf(" %d..%d", p.GetPlaceAtLeast(), p.GetPlaceAtMost())
		} else {
			row += fmt.Sprintf(" %d", p.GetPlace())
		}
		if p.Move != nil {
			row += fmt.Sprintf(" %+d", p.GetMove())
		}
		if p.GetMethodChange() {
			row += " method"
		}
		rows = append(rows, row)
	}
	return strings.Join(rows, ", ")
}

func TestMovesOnlyBetweenConsecutiveRoundsOfOneSeriesAndGroup(t *testing.T) {
	g := newGazette(t)
	g.round("2018", "全国", 2018, 219, 0, "2016", "wenzhou 9")
	g.round("2020", "全国", 2020, 218, 0, "2016", "wenzhou 10")
	g.round("2021", "全国", 2021, 217, 0, "2016", "wenzhou 9")
	g.round("2021-east", "东部", 2021, 0, 0, "2016", "wenzhou 8")
	g.round("2022", "全国", 2022, 217, 0, "2021", "wenzhou 9")
	expect(t, "places", places(g.records().placesOf("zones/wenzhou", "", false)),
		"2021-east wenzhou 8, 2018 wenzhou 9, 2020 wenzhou 10, 2021 wenzhou 9 +1, 2022 wenzhou 9 +0 method")
}

func TestAbsenceFromACompleteListIsAPlaceBehindIt(t *testing.T) {
	g := newGazette(t)
	g.round("2021", "全国", 2021, 217, 2, "2016", "jinan 1, qiantang 2")
	g.round("2024", "全国", 2024, 229, 0, "2021", "wenzhou 6")
	expect(t, "named in another round", places(g.records().placesOf("zones/wenzhou", "", true)), "2021 wenzhou 3..217, 2024 wenzhou 6")
	expect(t, "not known to be ranked in the group", places(g.records().placesOf("zones/jinhua", "", true)), "")
	expect(t, "a round that is no list says nothing", places(g.records().placesOf("zones/jinan", "", true)), "2021 jinan 1")
}

func TestTitleIsCarriedToItsHolderFromItsDateWithTheTerritoryCaveat(t *testing.T) {
	g := newGazette(t)
	g.title("qiantang", "wenzhou", &typev1.Date{Year: 2019, Month: 4})
	g.round("2018", "全国", 2018, 219, 0, "2016", "wenzhou 9")
	g.round("2021", "全国", 2021, 217, 0, "2016", "wenzhou 9")
	of := g.records()
	expect(t, "the titled zone", places(of.placesOf("zones/wenzhou", "", false)), "2018 wenzhou 9, 2021 wenzhou@qiantang 9")
	held := of.placesOf("zones/qiantang", "", false)
	expect(t, "its holder, while it holds", places(held), "2021 wenzhou@qiantang 9")
	if len(held) == 1 && !strings.Contains(held[0].GetCaveats()[0].GetZh(), "地域范围未公布") {
		t.Errorf("caveats %v lack the territory", held[0].GetCaveats())
	}
}

func TestProvincialOrderIsDerivedAsFarAsTheListIsComplete(t *testing.T) {
	g := newGazette(t)
	g.round("2021", "全国", 2021, 217, 3, "2016", "qiantang 1, jinan 2, wenzhou 3, jinhua 40")
	round, _ := g.published.View(0).Round("series/nation/rounds/2021")
	list, caveat := g.records().provincialOrder(round, "330000")
	expect(t, "order in Zhejiang", places(list), "2021 qiantang 1, 2021 wenzhou 2")
	if !strings.Contains(caveat.GetZh(), "推算") || !list[0].GetDerived() {
		t.Errorf("caveat %q, derived %v: want 推算", caveat.GetZh(), list[0].GetDerived())
	}
}

func TestRankTargetsAreMetMissedPendingOrUnknown(t *testing.T) {
	g := newGazette(t)
	g.round("2021", "全国", 2021, 217, 2, "2016", "jinan 1, qiantang 2, jinhua 12")
	g.round("2020", "全国", 2020, 218, 0, "2016", "jinhua 14, jinan 1, wenzhou 30")
	aim := func(zone string, place string, series, group string, better bool) *indicatorv1.Statement {
		return &indicatorv1.Statement{
			Key: &indicatorv1.FigureKey{Subject: "zones/" + zone, Period: "2020"}, Comparator: typev1.Comparator_COMPARATOR_AT_MOST,
			NormalizedNumber: place, RankTarget: &indicatorv1.RankTarget{Series: series, Groups: []string{group}, BetterThanBase: better},
		}
	}
	day := func(year int32) civil.Day {
		return civil.Last(&typev1.Date{Year: year, Month: 6, Day: 30}, civil.Never)
	}
	const nation = "series/nation"
	for _, c := range []struct {
		name    string
		target  *indicatorv1.Statement
		group   string
		year    int32
		asOf    civil.Day
		want    indicatorv1.CompletionStatus
		placesN int32
	}{
		{"the text does not say which ranking", aim("wenzhou", "10", "", "", false), "", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN, 0},
		{"within", aim("qiantang", "10", nation, "全国", false), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_MET, 0},
		{"behind", aim("jinhua", "10", nation, "全国", false), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED, 2},
		{"absence decides a target inside the list", aim("wenzhou", "2", nation, "全国", false), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED, 0},
		{"absence does not decide a target behind it", aim("wenzhou", "10", nation, "全国", false), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN, 0},
		{"not published yet", aim("jinhua", "10", nation, "全国", false), "全国", 2021, day(2022), indicatorv1.CompletionStatus_COMPLETION_STATUS_PENDING, 0},
		{"long due and never published", aim("jinhua", "10", nation, "全国", false), "全国", 2021, day(2030), indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN, 0},
		{"争先进位 against the base place", aim("jinhua", "", nation, "全国", true), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_MET, 0},
		{"争先进位 without a gain", aim("jinan", "", nation, "全国", true), "全国", 2020, day(2021), indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED, 1},
	} {
		got := g.records().judge(c.target, c.group, c.year, c.asOf)
		if got.GetStatus() != c.want || got.GetPlacesToGo() != c.placesN || got.GetReason().GetZh() == "" {
			t.Errorf("%s: %v, %d to go, reason %q, want %v, %d to go", c.name, got.GetStatus(), got.GetPlacesToGo(), got.GetReason().GetZh(), c.want, c.placesN)
		}
	}
}
