package indicator

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

const actualKind = indicatorv1.Kind_KIND_ACTUAL

// parted is a park of three parts, 一区三园.
func parted(t *testing.T) *world {
	t.Helper()
	w := stockOf(t)
	w.indicator("tax", flow, higher, "亿元")
	w.indicator("land", stock, higher, "亩")
	w.indicator("tax-per-mu", rated, higher, "万元/亩", func(i *indicatorv1.Indicator) {
		i.Numerator, i.Denominator = "indicators/tax", "indicators/land"
	})
	w.indicator("industrial-share", share, higher, "%", func(i *indicatorv1.Indicator) {
		i.Numerator, i.Denominator = "indicators/tax", "indicators/flow"
	})
	for _, id := range []string{"east", "north", "west"} {
		w.zone(id)
		w.partOf(id, "park", nil, nil)
	}
	return w
}

func (w *world) roll(indicator string, change ...func(*indicatorv1.RollUpRequest)) *indicatorv1.RollUpResponse {
	w.t.Helper()
	req := &indicatorv1.RollUpRequest{Zone: "zones/park", Indicator: "indicators/" + indicator, Period: "2020", Kind: actualKind}
	for _, c := range change {
		c(req)
	}
	resp, err := rollUp(w.figures.View(0), w.zones.View(0), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

func (w *world) rolled(resp *indicatorv1.RollUpResponse, computed, stated, difference string, words ...string) {
	w.t.Helper()
	if resp.GetComputed() != computed || resp.GetStated() != stated || resp.GetDifference() != difference {
		w.t.Errorf("computed %q, stated %q, difference %q; want %q, %q, %q (%s)", resp.GetComputed(), resp.GetStated(), resp.GetDifference(),
			computed, stated, difference, resp.GetMessage().GetZh())
	}
	for _, word := range words {
		if !strings.Contains(resp.GetMessage().GetZh(), word) {
			w.t.Errorf("the message does not say %q: %s", word, resp.GetMessage().GetZh())
		}
	}
}

// A parent from its parts: sums for flows, counts and stocks, stated and
// computed side by side with the difference.
func TestRollUpSums(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.said("east flow 2020 10.5亿元 actual")
	w.said("north flow 2020 20亿元 actual")
	w.said("west flow 2020 30000万元 actual")
	w.rolled(w.roll("flow"), "33.5", "", "", "3个园区", "合计33.5亿元", "没有同口径的公布数")
	w.said("park flow 2020 34亿元 actual")
	w.rolled(w.roll("flow"), "33.5", "34", "-0.5", "公布数34亿元，差-0.5亿元")
	w.said("east count 2020 >=3个 actual")
	w.said("north count 2020 4个 actual")
	w.said("west count 2020 0个 actual")
	w.rolled(w.roll("count"), "7", "", "", "界限或约数")
	// Targets too, in the ambition that the parts have.
	for _, id := range []string{"east", "north", "west", "park"} {
		w.said(id + " flow 2021 5亿元 strive")
	}
	w.rolled(w.roll("flow", func(r *indicatorv1.RollUpRequest) { r.Period, r.Kind = "2021", indicatorv1.Kind_KIND_TARGET }), "15", "5", "10", "力争")
}

// A missing part leaves no computed value, and the answer names it.
func TestRollUpMissingPart(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.said("east flow 2020 10亿元 actual")
	w.said("west flow 2020 30亿元 actual", extent("不含保税区")) // another extent is another figure
	w.said("park flow 2020 34亿元 actual")
	resp := w.roll("flow")
	w.rolled(resp, "", "34", "", "缺north园区、west园区，不合计")
	if len(resp.GetParts()) != 3 || resp.GetParts()[0].GetNumber() != "10" || resp.GetParts()[1].GetNumber() != "" {
		t.Errorf("%v", resp.GetParts())
	}
}

// Rates: the sum of numerators over the sum of denominators, never a mean of rates.
func TestRollUpNeverAveragesRates(t *testing.T) {
	t.Parallel()
	w := parted(t)
	for id, v := range map[string][3]string{"east": {"10", "1000", "100"}, "north": {"1", "9000", "50"}, "west": {"4", "2000", "25"}} {
		w.said(id + " tax 2020 " + v[0] + "亿元 actual")
		w.said(id + " land 2020 " + v[1] + "亩 actual")
		w.said(id + " flow 2020 " + v[2] + "亿元 actual")
		w.said(id + " tax-per-mu 2020 1万元/亩 actual")
	}
	w.said("park tax-per-mu 2020 12万元/亩 actual")
	resp := w.roll("tax-per-mu") // 15 亿元 over 12000 亩
	w.rolled(resp, "12.5", "12", "0.5", "分子合计除以分母合计")
	if p := resp.GetParts()[0]; p.GetNumerator() != "10" || p.GetDenominator() != "1000" || p.GetNumber() != "1" {
		t.Errorf("%v", p)
	}
	w.rolled(w.roll("industrial-share"), "8.571428571", "", "", "十位有效数字") // 15 of 175
	for id := range map[string]bool{"east": true, "north": true, "west": true} {
		w.said(id + " growth 2020 8% actual")
		w.said(id + " rate 2020 80% actual")
		w.said(id + " days 2020 60天 actual")
	}
	w.rolled(w.roll("growth"), "", "", "", "增速不能相加，也不取平均")
	w.rolled(w.roll("rate"), "", "", "", "比率不能相加，也不取平均")
	w.rolled(w.roll("days"), "", "", "", "不能相加")
}

// Membership is of the day: the last one of the period, or the one that is asked for.
func TestRollUpAtTheDate(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	for _, id := range []string{"early", "late", "merged"} {
		w.zone(id)
		w.said(id + " flow 2020 10亿元 actual")
	}
	w.partOf("early", "park", nil, date(2020, 7, 0))
	w.partOf("late", "park", date(2020, 10, 0), nil)
	w.partOf("merged", "park", nil, nil)
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: &zonev1.Relation{
		Name: "relations/merged", Type: zonev1.RelationType_RELATION_TYPE_MERGED_INTO, Zone: "zones/merged", Other: "zones/late", StartDate: date(2020, 11, 0),
	}}})
	for _, tc := range []struct {
		on    *typev1.Date
		parts string
	}{{nil, "late"}, {date(2020, 3, 0), "early merged"}, {date(2020, 8, 1), "merged"}, {date(2020, 10, 15), "late merged"}} {
		var got []string
		resp := w.roll("flow", func(r *indicatorv1.RollUpRequest) { r.AsOf = tc.on })
		for _, p := range resp.GetParts() {
			got = append(got, strings.TrimPrefix(p.GetZone(), "zones/"))
		}
		if strings.Join(got, " ") != tc.parts {
			t.Errorf("on %v: %v, want %s", tc.on, got, tc.parts)
		}
	}
	// A period without an end needs a day.
	if _, err := rollUp(w.figures.View(0), w.zones.View(0), &indicatorv1.RollUpRequest{
		Zone: "zones/park", Indicator: "indicators/flow", Period: "P3Y", Kind: actualKind,
	}); err == nil {
		t.Error("nobody knows the parts of three years without a start")
	}
}

// 不含某园区: without a part, beside the figure whose extent leaves it out.
func TestRollUpWithout(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.said("east flow 2020 10亿元 actual")
	w.said("north flow 2020 20亿元 actual")
	w.said("park flow 2020 40亿元 actual")
	w.said("park flow 2020 31亿元 actual", extent("不含west园区"))
	without := func(zones ...string) func(*indicatorv1.RollUpRequest) {
		return func(r *indicatorv1.RollUpRequest) { r.Without = zones }
	}
	w.rolled(w.roll("flow", without("zones/west")), "30", "31", "-1", "2个园区")
	w.rolled(w.roll("flow", without("zones/west", "zones/east")), "20", "", "", "1个园区")
	_, err := rollUp(w.figures.View(0), w.zones.View(0), &indicatorv1.RollUpRequest{
		Zone: "zones/park", Indicator: "indicators/flow", Period: "2020", Kind: actualKind, Without: []string{"zones/park"},
	})
	if err == nil || !strings.Contains(err.Error(), "without[0]") {
		t.Errorf("%v", err)
	}
}

// A part inside another part is not counted twice.
func TestRollUpCountsNestedPartsOnce(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.zone("inner")
	w.partOf("inner", "east", nil, nil)
	w.partOf("inner", "park", nil, nil)
	for _, id := range []string{"east", "north", "west", "inner"} {
		w.said(id + " flow 2020 10亿元 actual")
	}
	w.rolled(w.roll("flow"), "30", "", "", "另有1个在其他园区之内，不重复计")
}

// The class in which the parts have figures is one, and it is named.
func TestRollUpClass(t *testing.T) {
	t.Parallel()
	w := parted(t)
	for _, id := range []string{"east", "north", "west"} {
		w.said(id+" flow 2020 10亿元 actual", aboveScale)
	}
	w.said("east flow 2020 12亿元 actual")
	w.said("park flow 2020 29亿元 actual", aboveScale)
	w.rolled(w.roll("flow"), "30", "29", "1", "规上")
}

// Simulated and real parts are not added up.
func TestRollUpDoesNotMix(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{Name: "sources/toy", Title: say("示例", ""), Simulated: true}}})
	toy := func(s *indicatorv1.Statement) { s.Source = "sources/toy" }
	w.said("east flow 2020 10亿元 actual")
	w.said("north flow 2020 10亿元 actual", toy)
	w.said("west flow 2020 10亿元 actual")
	req := &indicatorv1.RollUpRequest{Zone: "zones/park", Indicator: "indicators/flow", Period: "2020", Kind: actualKind}
	_, err := rollUp(w.figures.View(0), w.zones.View(0), req)
	if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_MIXED_DATASETS {
		t.Errorf("%v", err)
	}
	req.Without = []string{"zones/north"}
	if _, err := rollUp(w.figures.View(0), w.zones.View(0), req); err != nil {
		t.Error(err)
	}
}

func TestRollUpRefuses(t *testing.T) {
	t.Parallel()
	w := parted(t)
	w.zone("alone")
	for name, req := range map[string]*indicatorv1.RollUpRequest{
		"zone":      {Zone: "zones/nowhere", Indicator: "indicators/flow", Period: "2020"},
		"indicator": {Zone: "zones/park", Indicator: "indicators/nothing", Period: "2020"},
		"period":    {Zone: "zones/park", Indicator: "indicators/flow", Period: "2020年"},
		"day":       {Zone: "zones/park", Indicator: "indicators/flow", Period: "2020", AsOf: date(2020, 13, 1)},
	} {
		req.Kind = actualKind
		_, err := rollUp(w.figures.View(0), w.zones.View(0), req)
		var f *fault.Fault
		if f, _ = err.(*fault.Fault); f == nil || f.Code() != codes.InvalidArgument && f.Code() != codes.FailedPrecondition { //nolint:errorlint // a fault is not wrapped here
			t.Errorf("%s: %v", name, err)
		}
	}
	resp, err := rollUp(w.figures.View(0), w.zones.View(0), &indicatorv1.RollUpRequest{Zone: "zones/alone", Indicator: "indicators/flow", Period: "2020", Kind: actualKind})
	if err != nil || resp.GetComputed() != "" || !strings.Contains(resp.GetMessage().GetZh(), "没有所属园区") {
		t.Errorf("%v, %v", resp, err)
	}
}
