package ranking

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// bench is a small world of two provinces to compare in. Facts go straight
// into the folds: what may be recorded is the other services' business.
type bench struct {
	t       *testing.T
	zones   *registry.State
	figures *figures.State
	at      ledger.Position
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, zones: registry.New(), figures: figures.New(), at: ledger.Position{CommitTime: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for id, code := range map[string]string{"zhejiang": "330000", "anhui": "340000"} {
		b.zone(&ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: &zonev1.ReferenceUnit{
			Name: "referenceUnits/" + id, DisplayName: text(id, id), DivisionCode: code,
			Type: zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE,
		}}})
	}
	for id, province := range map[string]string{"jinan": "anhui", "qiantang": "zhejiang", "wenzhou": "zhejiang", "jinhua": "zhejiang"} {
		b.zone(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: &zonev1.Zone{
			Name: "zones/" + id, DisplayName: text(id, id), Parent: "referenceUnits/" + province,
			Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
		}}})
	}
	b.source("official", indicatorv1.Reliability_RELIABILITY_OFFICIAL)
	b.source("template", indicatorv1.Reliability_RELIABILITY_TEMPLATE)
	return b
}

func (b *bench) zone(f *ledgerv1.Fact)   { b.apply(b.zones.Apply, f) }
func (b *bench) figure(f *ledgerv1.Fact) { b.apply(b.figures.Apply, f) }

func (b *bench) apply(to func(ledger.Position, *ledgerv1.Transaction) error, f *ledgerv1.Fact) {
	b.t.Helper()
	b.at.Revision++
	if err := to(b.at, &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{f}}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) source(id string, r indicatorv1.Reliability) {
	b.figure(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{
		Name: "sources/" + id, Title: text(id, id), Reliability: r,
	}}})
}

func (b *bench) indicator(id string, nature indicatorv1.Nature, with ...func(*indicatorv1.Indicator)) {
	i := &indicatorv1.Indicator{
		Name: "indicators/" + id, DisplayName: text(id, id), Unit: "%", Nature: nature,
		Direction: indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER, NationalAuthority: "国家统计局",
	}
	if nature == indicatorv1.Nature_NATURE_COUNT {
		i.Unit = "个"
	}
	for _, w := range with {
		w(i)
	}
	b.figure(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: i}})
}

// say records a statement: "jinan growth 2020 target = 12", and what with adds.
func (b *bench) say(words string, with ...func(*indicatorv1.Statement)) {
	b.t.Helper()
	f := strings.Fields(words)
	ind, ok := b.figures.View(0).Indicator("indicators/" + f[1])
	if !ok {
		b.t.Fatalf("no indicator %s", f[1])
	}
	s := &indicatorv1.Statement{
		Source: "sources/official", Locator: fmt.Sprint(b.at.Revision),
		Key: &indicatorv1.FigureKey{
			Subject: "zones/" + f[0], Indicator: "indicators/" + f[1], Period: f[2], Scope: &typev1.Scope{},
			Kind: indicatorv1.Kind_KIND_TARGET, Ambition: indicatorv1.Ambition_AMBITION_EXPECTED,
		},
		Comparator: map[string]typev1.Comparator{
			"=": typev1.Comparator_COMPARATOR_EQUAL, ">=": typev1.Comparator_COMPARATOR_AT_LEAST,
		}[f[4]],
		Value: &indicatorv1.Statement_Number{Number: f[5]}, Unit: ind.GetUnit(), Tag: indicatorv1.Tag_TAG_HEADLINE,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
		Stage: typev1.Stage_STAGE_RELEASED,
	}
	if f[3] == "actual" {
		s.Key.Kind, s.Key.Ambition = indicatorv1.Kind_KIND_ACTUAL, indicatorv1.Ambition_AMBITION_UNSPECIFIED
	}
	for _, w := range with {
		w(s)
	}
	s.Name = figures.StatementName(s)
	b.figure(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: s}})
}

func class(c typev1.StatisticalClass) func(*indicatorv1.Statement) {
	return func(s *indicatorv1.Statement) { s.Key.Scope.StatisticalClass = c }
}

func extent(e string) func(*indicatorv1.Statement) {
	return func(s *indicatorv1.Statement) { s.Key.Scope.Extent = e }
}

func strive(s *indicatorv1.Statement) { s.Key.Ambition = indicatorv1.Ambition_AMBITION_STRIVE }

func disputed(s *indicatorv1.Statement) {
	s.PeriodCertainty, s.BelievedPeriod = typev1.Certainty_CERTAINTY_DISPUTED, "2014"
	s.Source = "sources/template"
}

func inferred(s *indicatorv1.Statement) { s.SubjectCertainty = typev1.Certainty_CERTAINTY_INFERRED }

func concept(id string) func(*indicatorv1.Indicator) {
	return func(i *indicatorv1.Indicator) { i.Concept = "indicators/" + id }
}

func local(i *indicatorv1.Indicator) { i.NationalAuthority = "" }

// compare answers for 2020 targets of every subject with figures.
func (b *bench) compare(indicators ...string) *rankingv1.CompareZonesResponse {
	b.t.Helper()
	req := &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET}
	for _, i := range indicators {
		req.Indicators = append(req.Indicators, "indicators/"+i)
	}
	resp, err := b.ask(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func (b *bench) ask(req *rankingv1.CompareZonesRequest) (*rankingv1.CompareZonesResponse, error) {
	return compare(b.zones.View(0), b.figures.View(0), req)
}

// rows writes comparisons as "subject place-or-order number" for each row.
func rows(list []*rankingv1.Comparison) string {
	var all []string
	for _, c := range list {
		var rows []string
		for _, r := range c.GetRows() {
			rows = append(rows, fmt.Sprintf("%s %d %s", strings.TrimPrefix(r.GetSubject(), "zones/"), cmp.Or(r.GetPlace(), r.GetOrder()), r.GetNumber()))
		}
		all = append(all, strings.TrimPrefix(c.GetIndicator(), "indicators/")+": "+strings.Join(rows, ", "))
	}
	return strings.Join(all, "; ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestStrictPlacesOnlySameDefinitionClassPeriodAndKind(t *testing.T) {
	b := newBench(t)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan growth 2020 target = 12")
	b.say("qiantang growth 2020 target = 8")
	b.say("wenzhou growth 2018 target = 20", disputed, inferred)
	b.say("jinhua growth 2020 actual = 30")
	got := b.compare()
	expect(t, "strict", rows(got.GetStrict()), "growth: jinan 1 12, qiantang 2 8")
	expect(t, "reference: what stands beside a strict pair stands in the matrix only", rows(got.GetReference()), "")
	expect(t, "side by side", rows(got.GetSideBySide()), "")
	if of := got.GetStrict()[0].GetRows()[0].GetOf(); of != 2 {
		t.Errorf("of = %d, want 2", of)
	}
	for subject, want := range map[string]string{
		"zones/wenzhou": "年份不同", "zones/jinhua": "目标与实绩不同", "zones/jinan": "", "zones/qiantang": "",
	} {
		i := slices.IndexFunc(got.GetMatrix(), func(c *rankingv1.Cell) bool { return c.GetSubject() == subject })
		cell := got.GetMatrix()[i]
		if (want == "") != (cell.GetNumber() != "") || !strings.Contains(cell.GetReason().GetZh(), want) {
			t.Errorf("cell of %s: number %q, reason %q, want reason %q", subject, cell.GetNumber(), cell.GetReason().GetZh(), want)
		}
	}
}

func TestEqualNumbersSharePlaceWhateverTheirForm(t *testing.T) {
	b := newBench(t)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan growth 2020 target = 12.50")
	b.say("qiantang growth 2020 target >= 12.5")
	b.say("jinhua growth 2020 target = 3")
	expect(t, "strict", rows(b.compare().GetStrict()), "growth: jinan 1 12.50, qiantang 1 12.5, jinhua 3 3")
}

func TestLowerIsBetterPlacesTheLeastFirst(t *testing.T) {
	b := newBench(t)
	b.indicator("days", indicatorv1.Nature_NATURE_DURATION, func(i *indicatorv1.Indicator) {
		i.Unit, i.Direction = "天", indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER
	})
	b.say("jinan days 2020 target = 90")
	b.say("qiantang days 2020 target = 70")
	expect(t, "strict", rows(b.compare().GetStrict()), "days: qiantang 1 70, jinan 2 90")
}

func TestExtentBoundAmbitionReliabilityAndBaseAreCaveats(t *testing.T) {
	b := newBench(t)
	b.indicator("level", indicatorv1.Nature_NATURE_FLOW, func(i *indicatorv1.Indicator) { i.Unit = "亿元" })
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH, func(i *indicatorv1.Indicator) { i.GrowthOf = "indicators/level" })
	b.say("jinan level 2020 target = 13", extent("不含城北现代产业园"))
	b.say("jinan growth 2020 target = 58.5", extent("不含城北现代产业园"))
	b.say("qiantang growth 2020 target >= 16", strive, func(s *indicatorv1.Statement) { s.Source = "sources/template" })
	got := b.compare("growth")
	expect(t, "strict", rows(got.GetStrict()), "growth: jinan 1 58.5, qiantang 2 16")
	var first, second []string
	for _, c := range got.GetStrict()[0].GetRows()[0].GetCaveats() {
		first = append(first, c.GetZh())
	}
	for _, c := range got.GetStrict()[0].GetRows()[1].GetCaveats() {
		second = append(second, c.GetZh())
	}
	expect(t, "caveats", strings.Join(first, "|"), "地域范围:不含城北现代产业园|基数约8.20亿元(由13亿元与增速58.5%推算,非公布值)")
	expect(t, "caveats", strings.Join(second, "|"), "下限值(≥16),按所印数值排列|力争值|来源:范文网站|未公布总量,增速基数不明")
}

func TestReferenceListWhenOnlyTheYearDiffers(t *testing.T) {
	b := newBench(t)
	b.indicator("gdp", indicatorv1.Nature_NATURE_GROWTH)
	b.say("wenzhou gdp 2018 target = 10", disputed, inferred)
	b.say("qiantang gdp 2020 target >= 7")
	got := b.compare()
	expect(t, "strict", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "gdp: wenzhou 1 10, qiantang 2 7")
	for _, r := range got.GetReference()[0].GetRows() {
		if r.GetPlace() != 0 || r.GetReason().GetZh() == "" || !slices.Contains(r.GetDifferences(), rankingv1.Difference_DIFFERENCE_PERIOD) {
			t.Errorf("%s: place %d, differences %v, reason %q: want no place and a reason", r.GetSubject(), r.GetPlace(), r.GetDifferences(), r.GetReason().GetZh())
		}
	}
}

func TestReferenceListWhenBreadthAndSuccessionDiffer(t *testing.T) {
	b := newBench(t)
	b.indicator("old", indicatorv1.Nature_NATURE_GROWTH, concept("wide"))
	b.indicator("narrow", indicatorv1.Nature_NATURE_GROWTH, concept("wide"), func(i *indicatorv1.Indicator) { i.Succeeds = "indicators/old" })
	b.indicator("wide", indicatorv1.Nature_NATURE_GROWTH, concept("wide"), func(i *indicatorv1.Indicator) { i.Contains = []string{"indicators/narrow"} })
	b.say("jinan wide 2020 target = 11")
	b.say("qiantang narrow 2020 target = 10")
	b.say("wenzhou old 2018 target = 8.2", disputed, inferred)
	got := b.compare("wide")
	expect(t, "strict", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "wide: jinan 1 11, qiantang 2 10, wenzhou 3 8.2")
	expect(t, "every name is told", got.GetReference()[0].GetDisplayName().GetZh(), "wide / narrow / old")
}

func TestCountWithoutNationalDefinitionIsStrictInsideAProvinceOnly(t *testing.T) {
	b := newBench(t)
	b.indicator("projects", indicatorv1.Nature_NATURE_COUNT, local)
	b.say("jinan projects 2020 target = 25", strive)
	b.say("qiantang projects 2020 target = 145")
	got := b.compare()
	expect(t, "strict across provinces", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "projects: qiantang 1 145, jinan 2 25")
	b.say("jinhua projects 2020 target = 30")
	expect(t, "strict inside Zhejiang", rows(b.compare().GetStrict()), "projects: qiantang 1 145, jinhua 2 30")
}

func TestAnotherClassIsReferenceOnly(t *testing.T) {
	b := newBench(t)
	b.indicator("investment", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan investment 2020 target = 19.8")
	b.say("qiantang investment 2020 target = 20", class(typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT))
	got := b.compare()
	expect(t, "strict", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "investment: qiantang 1 20, jinan 2 19.8")
	if i := slices.IndexFunc(got.GetMatrix(), func(c *rankingv1.Cell) bool { return c.GetSubject() == "zones/qiantang" }); !strings.Contains(got.GetMatrix()[i].GetReason().GetZh(), "口径不同") {
		t.Errorf("cell: %v, want 口径不同", got.GetMatrix()[i])
	}
}

func TestOtherDefinitionOfOneConceptStandsSideBySide(t *testing.T) {
	b := newBench(t)
	b.indicator("firms", indicatorv1.Nature_NATURE_COUNT, concept("firms"))
	b.indicator("service-firms", indicatorv1.Nature_NATURE_COUNT, concept("firms"), func(i *indicatorv1.Indicator) { i.Qualifier = "仅服务业" })
	b.say("jinan firms 2020 target = 10")
	b.say("qiantang service-firms 2020 target = 355")
	got := b.compare()
	expect(t, "strict", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "")
	expect(t, "side by side has no order", rows(got.GetSideBySide()), "firms: jinan 0 10, qiantang 0 355")
}

func TestUnitsThatDoNotConvertStandSideBySideInTheirOwn(t *testing.T) {
	b := newBench(t)
	b.indicator("land", indicatorv1.Nature_NATURE_FLOW, concept("land"), func(i *indicatorv1.Indicator) { i.Unit = "亩" })
	b.indicator("firms", indicatorv1.Nature_NATURE_COUNT, concept("land"), func(i *indicatorv1.Indicator) { i.Unit = "家" })
	b.say("jinan land 2020 target = 800")
	b.say("jinhua firms 2020 target >= 180")
	got := b.compare("land").GetSideBySide()
	expect(t, "numbers", rows(got), "land: jinan 0 800, jinhua 0 180")
	for i, want := range []string{"亩", "家"} {
		if unit := got[0].GetRows()[i].GetUnit(); unit != want {
			t.Errorf("row %d: unit %q, want %q", i, unit, want)
		}
	}
}

func TestTargetIsNeverComparedWithActual(t *testing.T) {
	b := newBench(t)
	b.indicator("projects", indicatorv1.Nature_NATURE_COUNT)
	b.say("jinan projects 2020 target = 25")
	b.say("qiantang projects 2020 actual = 32")
	got := b.compare()
	expect(t, "strict", rows(got.GetStrict()), "")
	expect(t, "reference", rows(got.GetReference()), "")
}

func TestFalseFriendsAreRefusedWithTheirReason(t *testing.T) {
	b := newBench(t)
	b.indicator("retail", indicatorv1.Nature_NATURE_GROWTH)
	b.indicator("sales", indicatorv1.Nature_NATURE_GROWTH, func(i *indicatorv1.Indicator) {
		i.FalseFriends = []*indicatorv1.FalseFriend{{Indicator: "indicators/retail", Reason: text("只含限上企业", "above the limit only")}}
	})
	b.say("jinan sales 2020 target = 10.5")
	b.say("qiantang retail 2020 target = 8")
	got, err := b.ask(&rankingv1.CompareZonesRequest{
		Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Indicators: []string{"indicators/retail", "indicators/sales"}, AcrossConcepts: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.GetRefused()) != 1 || got.GetRefused()[0].GetReason().GetZh() != "只含限上企业" {
		t.Errorf("refused = %v, want the recorded reason", got.GetRefused())
	}
	if cell := got.GetMatrix()[0]; cell.GetSubject() != "zones/jinan" || !strings.Contains(cell.GetReason().GetZh(), "口径不同") {
		t.Errorf("jinan's retail cell = %v, want 口径不同 naming what was published", cell)
	}
}

func TestGrowthAndLevelAreRefused(t *testing.T) {
	b := newBench(t)
	b.indicator("amount", indicatorv1.Nature_NATURE_FLOW)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan amount 2020 target = 64")
	b.say("qiantang growth 2020 target = 8")
	got, err := b.ask(&rankingv1.CompareZonesRequest{
		Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Indicators: []string{"indicators/amount", "indicators/growth"}, AcrossConcepts: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.GetRefused()) != 1 || !slices.Contains(got.GetRefused()[0].GetDifferences(), rankingv1.Difference_DIFFERENCE_NATURE) {
		t.Errorf("refused = %v, want one for the nature", got.GetRefused())
	}
}

func TestConflictingComparatorsStillCompareByTheAgreedNumber(t *testing.T) {
	b := newBench(t)
	b.indicator("investment", indicatorv1.Nature_NATURE_GROWTH)
	b.say("wenzhou investment 2018 target = 20", disputed)
	b.say("wenzhou investment 2018 target >= 20", disputed)
	b.say("wenzhou investment 2018 target = 25", disputed, strive)
	b.say("jinan investment 2020 target = 19.8")
	got := b.compare()
	expect(t, "reference", rows(got.GetReference()), "investment: wenzhou 1 20, jinan 2 19.8")
	var caveats []string
	for _, c := range got.GetReference()[0].GetRows()[0].GetCaveats() {
		caveats = append(caveats, c.GetZh())
	}
	all := strings.Join(caveats, "|")
	for _, want := range []string{"表述不一:20 与 ≥20", "另有力争25"} {
		if !strings.Contains(all, want) {
			t.Errorf("caveats %s lack %s", all, want)
		}
	}
}

func TestOnlyHeadlineAndObservedTakePartByDefault(t *testing.T) {
	b := newBench(t)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan growth 2020 target = 12", func(s *indicatorv1.Statement) { s.Tag = indicatorv1.Tag_TAG_WORK_ITEM })
	b.say("qiantang growth 2020 target = 8")
	expect(t, "strict", rows(b.compare("growth").GetStrict()), "")
}

func TestReferenceUnitsStandBesideWithoutAPlace(t *testing.T) {
	b := newBench(t)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan growth 2020 target = 12")
	b.say("qiantang growth 2020 target = 8")
	b.say("x growth 2020 target = 9", func(s *indicatorv1.Statement) { s.Key.Subject = "referenceUnits/zhejiang" })
	expect(t, "strict", rows(b.compare().GetStrict()), "growth: jinan 1 12, referenceUnits/zhejiang 0 9, qiantang 2 8")
}

func TestEveryPairIsGivenTheVerdictOfItsDifferences(t *testing.T) {
	for _, c := range []struct {
		differences []rankingv1.Difference
		want        rankingv1.Verdict
	}{
		{nil, rankingv1.Verdict_VERDICT_STRICT},
		{referenceDifferences, rankingv1.Verdict_VERDICT_REFERENCE},
		{[]rankingv1.Difference{rankingv1.Difference_DIFFERENCE_PERIOD_LENGTH}, rankingv1.Verdict_VERDICT_SIDE_BY_SIDE},
		{[]rankingv1.Difference{rankingv1.Difference_DIFFERENCE_DEFINITION, rankingv1.Difference_DIFFERENCE_KIND}, rankingv1.Verdict_VERDICT_SIDE_BY_SIDE},
		{[]rankingv1.Difference{rankingv1.Difference_DIFFERENCE_KIND}, rankingv1.Verdict_VERDICT_REFUSED},
		{[]rankingv1.Difference{rankingv1.Difference_DIFFERENCE_NATURE}, rankingv1.Verdict_VERDICT_REFUSED},
		{[]rankingv1.Difference{rankingv1.Difference_DIFFERENCE_CONCEPT}, rankingv1.Verdict_VERDICT_REFUSED},
	} {
		if got := verdict(c.differences); got != c.want {
			t.Errorf("verdict of %v = %v, want %v", c.differences, got, c.want)
		}
	}
}

func TestSimulatedAndRealFiguresAreNotMixedUnlessAskedFor(t *testing.T) {
	b := newBench(t)
	b.indicator("growth", indicatorv1.Nature_NATURE_GROWTH)
	b.say("jinan growth 2020 target = 12")
	b.say("qiantang growth 2020 target = 8", func(s *indicatorv1.Statement) { s.Simulated = true })
	req := &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET}
	if _, err := b.ask(req); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_MIXED_DATASETS {
		t.Errorf("err = %v, want MIXED_DATASETS", err)
	}
	req.MixSimulated = true
	if got, err := b.ask(req); err != nil || !got.GetSimulated() {
		t.Errorf("asked for: %v, simulated %v, want an answer that says so", err, got.GetSimulated())
	}
}

func TestUnknownSubjectsAndPeriodsAreRefused(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		req  *rankingv1.CompareZonesRequest
		code codes.Code
	}{
		{&rankingv1.CompareZonesRequest{Period: "2020年", Kind: indicatorv1.Kind_KIND_TARGET}, codes.InvalidArgument},
		{&rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Subjects: []string{"zones/nowhere"}}, codes.FailedPrecondition},
		{&rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Indicators: []string{"indicators/nothing"}}, codes.FailedPrecondition},
	} {
		_, err := b.ask(c.req)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code() != c.code {
			t.Errorf("%v: %v, want %v", c.req, err, c.code)
		}
	}
}
