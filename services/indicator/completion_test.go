package indicator

import (
	"fmt"
	"strings"
	"testing"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// stockOf makes one indicator of every nature.
func stockOf(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.indicator("flow", flow, higher, "亿元")
	w.indicator("count", counted, higher, "个")
	w.indicator("growth", growth, higher, "%", func(i *indicatorv1.Indicator) { i.GrowthOf = "indicators/flow" })
	w.indicator("stock", stock, higher, "平方公里")
	w.indicator("rate", rated, higher, "%")
	w.indicator("share", share, higher, "%")
	w.indicator("days", lasts, lower, "天")
	w.indicator("waste-growth", growth, lower, "%")
	w.indicator("neutral", counted, neither, "个")
	w.indicator("state", status, neither, "")
	w.indicator("place", ranked, lower, "名")
	return w
}

// The table of completion by nature, with a printed `=` as reaching it in the good direction.
func TestCompletionByNature(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		target, actual string
		want           string
		says           []string
	}{
		// Flow and count: actual / target (完成率).
		{"flow 2020 64亿元", "flow 2020 72亿元", "ratio, met, rate 1.125", []string{"完成率112.5%"}},
		{"flow 2020 64亿元", "flow 2020 480000万元", "ratio, missed, rate 0.7500", nil},
		{"count 2020 >=5个", "count 2020 5个", "ratio, met, rate 1.000", nil},
		{"count 2020 >5个", "count 2020 5个", "ratio, missed, rate 1.000", nil},
		{"count 2020 15个", "count 2020 32个", "ratio, met, rate 2.133", nil},
		{"count 2020 0个", "count 2020 3个", "ratio, met", []string{"不计算完成率"}},
		// Growth: percentage points, never a ratio.
		{"growth 2020 8%", "growth 2020 9.5%", "points, met, gap 1.5", []string{"+1.5个百分点"}},
		{"growth 2020 >=7%", "growth 2020 -0.3%", "points, missed, gap -7.3", nil},
		{"growth 2020 0%", "growth 2020 1%", "points, met, gap 1", nil},
		// Stock, rate, share: gap in its own unit; no base, no progress.
		{"stock 2020 10平方公里", "stock 2020-12-31 9.5平方公里", "gap, missed, gap -0.5", []string{"期初数未知", "-0.5平方公里"}},
		{"rate 2020 >=80%", "rate 2020 82%", "gap, met, gap 2", []string{"期初数未知", "+2个百分点"}},
		{"share 2020 2.70‰", "share 2020 0.28%", "gap, met, gap 0.01", nil},
		// At most: met and margin (70 天, 零增长).
		{"days 2020 <=70天", "days 2020 65天", "margin, met, gap 5", []string{"余量+5天"}},
		{"days 2020 <=70天", "days 2020 72天", "margin, missed, gap -2", nil},
		{"days 2020 15天", "days 2020 15天", "margin, met, gap 0", nil},
		{"waste-growth 2020 0%", "waste-growth 2020 -1.2%", "margin, met, gap 1.2", []string{"余量+1.2个百分点"}},
		{"waste-growth 2020 0%", "waste-growth 2020 0.4%", "margin, missed, gap -0.4", nil},
		{"flow 2020 <=10亿元", "flow 2020 9亿元", "margin, met, gap 1", nil},
		{"flow 2020 <10亿元", "flow 2020 10亿元", "margin, missed, gap 0", nil},
		// Without a good direction only hitting the number counts.
		{"neutral 2020 7个", "neutral 2020 7个", "ratio, met, rate 1.000", nil},
		{"neutral 2020 7个", "neutral 2020 8个", "ratio, unknown, rate 1.143", []string{"不分好坏方向"}},
		// A bounded result decides only where every value that it allows does.
		{"count 2020 >=4000个", "count 2020 >4500个", "ratio, met, rate 1.125", []string{"实绩不是确数：>4500个"}},
		{"count 2020 >=5000个", "count 2020 >4500个", "ratio, unknown, rate 0.9000", []string{"不足以判断"}},
		{"count 2020 >=5000个", "count 2020 <4500个", "ratio, missed, rate 0.9000", nil},
		{"rate 2020 100%", "rate 2020 ~90%", "gap, unknown, gap -10", []string{"实绩为约数，未给定容差"}},
	} {
		t.Run(tc.target+" against "+tc.actual, func(t *testing.T) {
			t.Parallel()
			w := stockOf(t)
			w.said("park " + tc.target + " target")
			w.said("park " + tc.actual + " actual")
			c := w.one(&indicatorv1.ListCompletionsRequest{})
			if got := brief(c); got != tc.want {
				t.Errorf("%s, want %s (%s)", got, tc.want, c.GetReason().GetZh())
			}
			says(t, c, tc.says...)
			if c.GetTargetBasis() != indicatorv1.TargetBasis_TARGET_BASIS_STATED || len(c.GetStatements()) != 2 || c.GetReason().GetEn() == "" {
				t.Errorf("%v", c)
			}
		})
	}
}

// Stock, rate and share: progress only when the base is known.
func TestProgressFromAKnownBase(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park stock 2020 12平方公里 target")
	w.said("park stock 2019-12-31 10平方公里 actual")
	w.said("park stock 2020-12-31 11.5平方公里 actual")
	w.said("park rate 2020 60% target")
	w.said("park rate 2019 50% actual")
	w.said("park rate 2020 65% actual")
	all := w.completions(&indicatorv1.ListCompletionsRequest{})
	for n, want := range []string{"gap, met, gap 5, progress 1.500", "gap, missed, gap -0.5, progress 0.7500"} {
		if got := brief(all[n]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	// Without the base the gap stays and the progress does not.
	w = stockOf(t)
	w.said("park rate 2020 60% target")
	w.said("park rate 2019-12 50% actual") // not the same kind of period: no base
	w.said("park rate 2020 65% actual")
	if got := brief(w.one(&indicatorv1.ListCompletionsRequest{})); got != "gap, met, gap 5" {
		t.Error(got)
	}
}

// `~` is judged only with a stated tolerance, else unknown.
func TestAboutNeedsATolerance(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		target, actual, tolerance, want string
	}{
		{"flow 2020 ~30亿元", "29亿元", "", "ratio, unknown, rate 0.9667"},
		{"flow 2020 ~30亿元", "31亿元", "", "ratio, unknown, rate 1.033"},
		{"flow 2020 ~30亿元", "29亿元", "5", "ratio, met, rate 0.9667"},
		{"flow 2020 ~30亿元", "28.5亿元", "5", "ratio, met, rate 0.9500"},
		{"flow 2020 ~30亿元", "28.49亿元", "5", "ratio, missed, rate 0.9497"},
		{"flow 2020 ~30亿元", "40亿元", "5", "ratio, met, rate 1.333"},
		{"days 2020 ~70天", "73天", "5", "margin, met, gap -3"},
		{"days 2020 ~70天", "74天", "5", "margin, missed, gap -4"},
		{"neutral 2020 ~10个", "12个", "10", "ratio, missed, rate 1.200"},
		{"neutral 2020 ~10个", "11个", "10", "ratio, met, rate 1.100"},
		{"rate 2020 >=80%", "~90%", "10", "gap, met, gap 10"},
		{"rate 2020 >=85%", "~90%", "10", "gap, unknown, gap 5"},
	} {
		w := stockOf(t)
		w.said("park " + tc.target + " target")
		w.said(fmt.Sprintf("park %s 2020 %s actual", strings.Fields(tc.target)[0], tc.actual))
		c := w.one(&indicatorv1.ListCompletionsRequest{AboutTolerance: tc.tolerance})
		if got := brief(c); got != tc.want {
			t.Errorf("%s against %s within %q: %s, want %s", tc.target, tc.actual, tc.tolerance, got, tc.want)
		}
		if tc.tolerance == "" {
			says(t, c, "约数，未给定容差")
		}
	}
}

// Target and actual of different scope, class or extent, give no completion and say why.
func TestOtherScopeGivesNoCompletion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		target, actual func(*indicatorv1.Statement)
		says           []string
	}{
		{aboveScale, func(*indicatorv1.Statement) {}, []string{"口径不同", "规上", "未注统计范围"}},
		{extent("不含城北现代产业园"), func(*indicatorv1.Statement) {}, []string{"口径不同", "不含城北现代产业园"}},
		{extent("不含甲园"), extent("不含乙园"), []string{"不含甲园", "不含乙园"}},
	} {
		w := stockOf(t)
		w.said("park growth 2020 12% target", tc.target)
		w.said("park growth 2020 13% actual", tc.actual)
		c := w.one(&indicatorv1.ListCompletionsRequest{})
		if got := brief(c); got != "points, unknown" || c.GetActualNumber() != "13" {
			t.Errorf("%s, %v", got, c)
		}
		says(t, c, tc.says...)
	}
}

// Every ambition tier is shown, each against the one result.
func TestEveryTierIsShown(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park growth 2020 20% target")
	w.said("park growth 2020 25% strive")
	w.said("park growth 2020 >=15% must")
	w.said("park growth 2020 22% actual")
	var got []string
	for _, c := range w.completions(&indicatorv1.ListCompletionsRequest{}) {
		got = append(got, word(c.GetTargetKey().GetAmbition())+" "+brief(c))
	}
	want := "must points, met, gap 7; expected points, met, gap 2; strive points, missed, gap -3"
	if g := strings.Join(got, "; "); g != want {
		t.Errorf("%s, want %s", g, want)
	}
}

// 20% and 20%以上 side by side: they reach alike, so they are judged; 20% and
// 超20% do not; two numbers never are.
func TestStatementsThatDiffer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ other, want string }{
		{">=20%", "points, met, gap 0"},
		{">20%", "points, unknown"},
		{"21%", "points, unknown"},
	} {
		w := stockOf(t)
		w.said("park growth 2018 20% target")
		w.said("park growth 2018 " + tc.other + " target")
		w.said("park growth 2018 20% actual")
		c := w.one(&indicatorv1.ListCompletionsRequest{})
		if got := brief(c); got != tc.want {
			t.Errorf("20%% and %s: %s, want %s", tc.other, got, tc.want)
		}
		says(t, c, "同等优先")
	}
}

// Missing is not zero; what has no result is pending before the end of its period and unknown behind it.
func TestMissingIsNotZero(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park count 2020 5个 target")
	for _, tc := range []struct {
		req  *indicatorv1.ListCompletionsRequest
		want string
	}{
		{asOf(2020, 6, 30), "ratio, pending"},
		{asOf(2020, 12, 30), "ratio, pending"},
		{asOf(2020, 12, 31), "ratio, unknown"},
		{asOf(2020, 0, 0), "ratio, unknown"}, // a year means its last day
	} {
		if got := brief(w.one(tc.req)); got != tc.want {
			t.Errorf("as of %v: %s, want %s", tc.req.GetAsOf(), got, tc.want)
		}
	}
	// A result that came later is not known before its period ended.
	w.said("park count 2020 0个 actual")
	if got := brief(w.one(asOf(2020, 6, 30))); got != "ratio, pending" {
		t.Error(got)
	}
	if c := w.one(asOf(2021, 1, 1)); brief(c) != "ratio, missed, rate 0" || c.GetActualNumber() != "0" {
		t.Errorf("zero is a result: %s", brief(c))
	}
}

// Number pending: assigned, by whom; neither missing nor zero.
func TestNumberPending(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park flow 2020 - target", func(s *indicatorv1.Statement) { s.NumberPending, s.AssignedBy = true, "杭州市" })
	w.said("park state 2020 - must", func(s *indicatorv1.Statement) {
		s.NumberPending, s.AssignedBy = true, "温州市"
		s.Value = &indicatorv1.Statement_Status{Status: "完成市下达目标任务"}
	})
	all := w.completions(asOf(2020, 6, 30))
	for n, want := range []string{"ratio, pending", "state, pending"} {
		if got := brief(all[n]); got != want || all[n].GetTargetNumber() != "" {
			t.Errorf("%s, want %s", got, want)
		}
	}
	says(t, all[0], "杭州市下达，目标数待补")
	says(t, all[1], "温州市下达，目标数待补")
	if got := brief(w.completions(asOf(2021, 6, 30))[0]); got != "ratio, unknown" {
		t.Error(got)
	}
}

// A bundle waits for its indicator set; once somebody names it, each of the set is judged.
func TestBundle(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.indicator("main", growth, higher, "%", func(i *indicatorv1.Indicator) { i.Bundle = true })
	w.said("park main 2020 >=15% must")
	c := w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "points, unknown" {
		t.Error(brief(c))
	}
	says(t, c, "set not named")
	w.indicator("retail-growth", growth, higher, "%")
	w.indicator("main", growth, higher, "%", func(i *indicatorv1.Indicator) {
		i.Bundle, i.BundleOf = true, []string{"indicators/growth", "indicators/retail-growth"}
	})
	w.said("park growth 2020 16% actual")
	req := &indicatorv1.ListCompletionsRequest{Indicators: []string{"indicators/main"}}
	if c = w.one(req); brief(c) != "points, unknown" {
		t.Error(brief(c))
	}
	says(t, c, "2项指标中1项有实绩")
	w.said("park retail-growth 2020 14% actual")
	if c = w.one(req); brief(c) != "points, missed" {
		t.Error(brief(c))
	}
	says(t, c, "retail-growth指标未达目标", "按所含指标各自达到判断")
}

// 32 projects at 213.3% of the target: 15, of the city and not of its zone.
func TestImpliedTarget(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		actual, rate   string
		number         string
		interval, want string
		says           string
	}{
		{"done 2019 32个", "213.3%", "15", "14.999 15.006", "ratio, met, rate 2.133", "其中整数只有15个"},
		{"done 2019 32个", "213%", "15", "14.988 15.059", "ratio, met, rate 2.13", "其中整数只有15个"},
		{"done 2019 320个", "213%", "150", "149.883 150.588", "ratio, met, rate 2.13", ""},
		{"done 2019 3200个", "213.3%", "1500", "1499.883 1500.586", "ratio, met, rate 2.133", ""},
		{"done 2019 3200个", "212%", "", "1505.882 1513.002", "ratio, met, rate 2.12", "没有或不止一个整数"},
		{"done 2019 7个", "70%", "10", "9.929 10.072", "ratio, missed, rate 0.7", ""},
		{"done 2019 10个", "100.0%", "10", "9.995 10.005", "ratio, met, rate 1", ""},
		{"money 2019 48.0亿元", "96.0%", "", "49.922 50.078", "ratio, missed, rate 0.96", "四舍五入所得"},
		{"money 2019 48.0亿元", "100%", "", "47.711 48.291", "ratio, unknown, rate 1", "不能判断"},
		{"done 2019 ~32个", "213.3%", "", " ", "ratio, unknown", "不是确数"},
		{"done 2019 32个", ">213.3%", "", " ", "ratio, unknown", "不是确数"},
		{"done 2019 0个", "0%", "", " ", "ratio, unknown", "不能推算"},
	} {
		w := newWorld(t)
		w.indicator("done", counted, higher, "个")
		w.indicator("money", flow, higher, "亿元")
		of := strings.Fields(tc.actual)[0]
		w.indicator("rate", rated, higher, "%", func(i *indicatorv1.Indicator) { i.CompletionOf = "indicators/" + of })
		w.said("park " + tc.actual + " actual")
		if got := w.completions(&indicatorv1.ListCompletionsRequest{}); len(got) != 0 {
			t.Errorf("a target without a rate: %v", got)
		}
		w.said("park rate 2019 " + tc.rate + " actual")
		c := w.one(&indicatorv1.ListCompletionsRequest{})
		if c.GetTargetBasis() != indicatorv1.TargetBasis_TARGET_BASIS_IMPLIED || c.GetTargetNumber() != tc.number ||
			c.GetIntervalLow()+" "+c.GetIntervalHigh() != tc.interval || c.GetIndicator() != "indicators/"+of {
			t.Errorf("%s at %s: %q in [%s %s], want %q in [%s]", tc.actual, tc.rate, c.GetTargetNumber(), c.GetIntervalLow(), c.GetIntervalHigh(), tc.number, tc.interval)
		}
		if got := brief(c); got != tc.want {
			t.Errorf("%s at %s: %s, want %s", tc.actual, tc.rate, got, tc.want)
		}
		says(t, c, tc.says)
	}
}

// Components: the three 6000 亩 add up and the whole is not stated; greening is
// the sum of its two parts, exactly.
func TestComponentsAgainstTheWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.indicator("land", flow, higher, "亩")
	child := func(i *indicatorv1.Indicator) { i.ComponentOf = "indicators/land" }
	for _, id := range []string{"cleared", "raised", "bought"} {
		w.indicator(id, flow, higher, "亩", child)
		w.said("park " + id + " P3Y 6000亩 target")
	}
	w.said("park land 2020 >=6500亩 strive")
	for _, c := range w.completions(asOf(2020, 6, 30)) {
		if c.GetIndicator() == "indicators/land" {
			// The slice of the year is not split and not compared with the three years.
			says(t, c, "合计18000亩，未分解到年")
			if c.GetComponents() != nil {
				t.Errorf("%v", c.GetComponents())
			}
			continue
		}
		if got := c.GetComponents(); len(got.GetKeys()) != 3 || got.GetSum() != "18000" || got.GetWhole() != "" || got.GetDifference() != "" {
			t.Errorf("%v", got)
		}
		says(t, c, "多年目标，原文未分解到年", "起始年份未载明", "合计18000亩为推算")
		if c.GetStatus() != unknown || c.GetPace() != nil {
			t.Errorf("%v", c)
		}
	}

	w = newWorld(t)
	w.indicator("green", flow, higher, "公顷")
	child = func(i *indicatorv1.Indicator) { i.ComponentOf = "indicators/green" }
	w.indicator("forest", flow, higher, "公顷", child)
	w.indicator("urban", flow, higher, "平方公里", child)
	w.said("park green 2017-24/2018-21 >187公顷 target")
	w.said("park forest 2017-24/2018-21 87公顷 target")
	w.said("park urban 2017-24/2018-21 1平方公里 target")
	for _, c := range w.completions(asOf(2018, 6, 30)) {
		if got := c.GetComponents(); len(got.GetKeys()) != 2 || got.GetSum() != "187" || got.GetWhole() != "187" || got.GetDifference() != "0" {
			t.Errorf("%v", got)
		}
		says(t, c, "整体>187公顷，差0公顷")
	}
	// A component whose number is pending leaves no sum.
	w.indicator("water", flow, higher, "公顷", child)
	w.said("park water 2017-24/2018-21 - target", func(s *indicatorv1.Statement) { s.NumberPending = true })
	c := w.completions(asOf(2018, 6, 30))[0]
	if got := c.GetComponents(); len(got.GetKeys()) != 3 || got.GetSum() != "" {
		t.Errorf("%v", got)
	}
	says(t, c, "不合计")
}

// The sum of the children's targets is compared with the parent's.
func TestChildrenAgainstTheParent(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	for _, id := range []string{"east", "west", "old"} {
		w.zone(id)
	}
	w.partOf("east", "park", nil, nil)
	w.partOf("west", "park", date(2019, 0, 0), nil)
	w.partOf("old", "park", nil, date(2020, 6, 0)) // no part any more on the last day of 2020
	w.said("park flow 2020 100亿元 target")
	w.said("east flow 2020 60亿元 target")
	w.said("west flow 2020 45亿元 target")
	w.said("old flow 2020 30亿元 target")
	c := w.completions(&indicatorv1.ListCompletionsRequest{Subjects: []string{"zones/park"}})[0]
	if got := c.GetComponents(); len(got.GetKeys()) != 2 || got.GetSum() != "105" || got.GetWhole() != "100" || got.GetDifference() != "5" {
		t.Errorf("%v", got)
	}
	// Growth rates do not add up.
	w.said("park growth 2020 8% target")
	w.said("east growth 2020 9% target")
	for _, c := range w.completions(&indicatorv1.ListCompletionsRequest{Subjects: []string{"zones/park"}, Indicators: []string{"indicators/growth"}}) {
		if c.GetComponents() != nil {
			t.Errorf("%v", c.GetComponents())
		}
	}
}

// A target over several years is not split; it is met by the years together.
func TestMultiYearTargetsAreNotSplit(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park flow 2018/2020 300亿元 target")
	w.said("park flow 2018 90亿元 actual")
	w.said("park flow 2019 100亿元 actual")
	c := w.one(asOf(2020, 6, 30))
	if brief(c) != "ratio, pending, rate 0.6333" || c.GetPace() != nil {
		t.Errorf("%s, %v", brief(c), c.GetPace())
	}
	says(t, c, "不拆分")
	w.said("park flow 2020 120亿元 actual")
	c = w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, met, rate 1.033" || c.GetActualNumber() != "310" {
		t.Error(brief(c))
	}
	says(t, c, "3期数合计")
}

// Each quarter: judged quarter by quarter; the yearly minimum is derived and says so.
func TestEachQuarter(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park count 2020;each=quarter >=1个 target")
	c := w.one(asOf(2020, 5, 1))
	if brief(c) != "ratio, pending" || c.GetTargetNumber() != "1" {
		t.Error(brief(c))
	}
	says(t, c, "推算：每期≥1个，2020年4期合计至少4个，原文未写出")
	w.said("park count 2020-Q1 2个 actual")
	w.said("park count 2020-S1 3个 actual") // Q2 is the difference of the two
	w.said("park count 2020-Q3 1个 actual")
	c = w.one(asOf(2020, 11, 1))
	if brief(c) != "ratio, pending" || c.GetActualNumber() != "4" {
		t.Errorf("%s, %s", brief(c), c.GetActualNumber())
	}
	says(t, c, "已过3期，其中3期有实绩")
	w.said("park count 2020-Q4 0个 actual")
	c = w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, missed, rate 1.000" {
		t.Error(brief(c))
	}
	says(t, c, "2020年四季度未达≥1个")
	// From the year alone only a shortfall follows.
	for actual, want := range map[string]string{"3个": "ratio, missed", "9个": "ratio, unknown"} {
		w = stockOf(t)
		w.said("park count 2020;each=quarter >=1个 target")
		w.said("park count 2020 " + actual + " actual")
		if got := brief(w.one(&indicatorv1.ListCompletionsRequest{})); got != want {
			t.Errorf("%s in the year: %s, want %s", actual, got, want)
		}
	}
	// How many quarters three years have is known; how many no stated period has is not.
	w = stockOf(t)
	w.said("park count not-stated;each=quarter >=1个 target")
	says(t, w.one(&indicatorv1.ListCompletionsRequest{}), "期数未知")
}

// Status and deadline: met, missed, pending or unknown, with the days left.
func TestStateAndDeadline(t *testing.T) {
	t.Parallel()
	words := func(text string) func(*indicatorv1.Statement) {
		return func(s *indicatorv1.Statement) { s.Value = &indicatorv1.Statement_Status{Status: text} }
	}
	due := func(y, m, d int32) func(*indicatorv1.Statement) {
		return func(s *indicatorv1.Statement) {
			s.Value, s.Comparator = &indicatorv1.Statement_DueDate{DueDate: date(y, m, d)}, typev1.Comparator_COMPARATOR_AT_MOST
		}
	}
	for _, tc := range []struct {
		name   string
		fill   func(*world)
		req    *indicatorv1.ListCompletionsRequest
		status indicatorv1.CompletionStatus
		says   string
	}{
		{"days left", func(*world) {}, asOf(2020, 3, 1), pending, "还有30天"},
		{"the last day", func(*world) {}, asOf(2020, 3, 31), pending, "还有0天"},
		{"over, nothing known", func(*world) {}, asOf(2020, 4, 2), unknown, "已过2天，未见实绩"},
		{"done in time", func(w *world) { w.said("park state 2020-03-20 - actual", words("全面复工")) }, asOf(2020, 4, 2), met, "2020-03-20"},
		{"known later, day not stated", func(w *world) { w.said("park state 2020-05-20 - actual", words("全面复工")) }, asOf(2020, 6, 2), unknown, "何日完成未载明"},
		{"done late", func(w *world) { w.said("park state 2020-05 - actual", due(2020, 4, 15)) }, asOf(2020, 6, 2), missed, "2020-04-15完成"},
	} {
		w := stockOf(t)
		w.said("park state 2020-03 - must", due(2020, 3, 31))
		tc.fill(w)
		c := w.one(tc.req)
		if c.GetStatus() != tc.status || c.GetRule() != indicatorv1.CompletionRule_COMPLETION_RULE_STATE {
			t.Errorf("%s: %v, %s", tc.name, c.GetStatus(), c.GetReason().GetZh())
		}
		says(t, c, tc.says)
	}
	for _, tc := range []struct {
		said   string
		status indicatorv1.CompletionStatus
	}{{"", unknown}, {"全覆盖", met}, {"基本全覆盖", unknown}} {
		w := stockOf(t)
		w.said("park state 2020 - target", words("全覆盖"))
		if tc.said != "" {
			w.said("park state 2020-12-20 - actual", words(tc.said))
		}
		if c := w.one(&indicatorv1.ListCompletionsRequest{}); c.GetStatus() != tc.status {
			t.Errorf("%q: %v", tc.said, c)
		}
	}
}

// Status targets on lists: stage reached against the one aimed at, and the gap to each criterion.
func TestListTargets(t *testing.T) {
	t.Parallel()
	stage := func(s indicatorv1.ListStage, since *typev1.Date) *indicatorv1.ListEntry {
		return &indicatorv1.ListEntry{Zone: "zones/park", Stage: s, Since: since}
	}
	const (
		applied  = indicatorv1.ListStage_LIST_STAGE_APPLIED
		nurtured = indicatorv1.ListStage_LIST_STAGE_NURTURED
		left     = indicatorv1.ListStage_LIST_STAGE_LEFT
	)
	for _, tc := range []struct {
		name    string
		entries []*indicatorv1.ListEntry
		req     *indicatorv1.ListCompletionsRequest
		status  indicatorv1.CompletionStatus
		says    string
	}{
		{"no entry", nil, asOf(2020, 6, 1), pending, "未收录本区"},
		{"no entry, over", nil, asOf(2021, 6, 1), unknown, "未收录本区"},
		{"on the way", []*indicatorv1.ListEntry{stage(applied, date(2020, 2, 0))}, asOf(2020, 6, 1), pending, "现为申报，目标为培育，还差1步"},
		{"not in time", []*indicatorv1.ListEntry{stage(applied, date(2020, 2, 0))}, asOf(2021, 6, 1), missed, "期满时为申报"},
		{"reached", []*indicatorv1.ListEntry{stage(applied, nil), stage(nurtured, date(2020, 5, 0))}, asOf(2020, 6, 1), met, "已到培育"},
		{"reached later", []*indicatorv1.ListEntry{stage(applied, nil), stage(nurtured, date(2021, 2, 0))}, asOf(2021, 6, 1), missed, "期满后于2021-02到培育"},
		{"left again", []*indicatorv1.ListEntry{stage(nurtured, date(2019, 1, 0)), stage(left, date(2020, 3, 0))}, asOf(2021, 6, 1), missed, "期满时为退出"},
	} {
		w := stockOf(t)
		w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_List{List: &indicatorv1.List{
			Name: "lists/ten-thousand", DisplayName: say("“万亩千亿”培育名单", ""), Entries: tc.entries,
			Criteria: []*indicatorv1.Criterion{
				{Indicator: "indicators/stock", Comparator: typev1.Comparator_COMPARATOR_AT_LEAST, Number: "10000", Unit: "亩"},
				{Indicator: "indicators/flow", Comparator: typev1.Comparator_COMPARATOR_AT_LEAST, Number: "1000", Unit: "亿元"},
				{Indicator: "indicators/rate", Comparator: typev1.Comparator_COMPARATOR_AT_LEAST, Number: "50", Unit: "%"},
			},
		}}})
		w.said("park state 2020 - strive", func(s *indicatorv1.Statement) {
			s.ListTarget = &indicatorv1.ListTarget{List: "lists/ten-thousand", Stage: nurtured}
		})
		w.said("park stock 2019-12-31 6平方公里 actual")
		w.said("park flow 2019 1200亿元 actual")
		c := w.one(tc.req)
		if c.GetStatus() != tc.status {
			t.Errorf("%s: %v, %s", tc.name, c.GetStatus(), c.GetReason().GetZh())
		}
		says(t, c, tc.says, "≥10000亩，截至2019年12月31日为9000亩，差距-1000亩，未达到", "≥1000亿元，2019年为1200亿元，差距+200亿元，达到", "≥50%，未见实绩")
	}
}

// Targets on a place are judged where the rankings are.
func TestRankTargetsAreReferred(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park place 2020 <=10名 must", func(s *indicatorv1.Statement) { s.RankTarget = &indicatorv1.RankTarget{Groups: []string{"全省"}} })
	w.said("park state 2020 - target", func(s *indicatorv1.Statement) { s.RankTarget = &indicatorv1.RankTarget{BetterThanBase: true} })
	for _, c := range w.completions(&indicatorv1.ListCompletionsRequest{}) {
		if brief(c) != "state, unknown" {
			t.Error(brief(c))
		}
		says(t, c, "ListRankTargets")
	}
}

// A period that the source does not state ends on no day: nothing is judged.
func TestNotStatedPeriods(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park stock not-stated ~100亩 target")
	w.said("park stock not-stated 100亩 actual")
	c := w.one(&indicatorv1.ListCompletionsRequest{AboutTolerance: "10"})
	if brief(c) != "gap, unknown" || c.GetActualKey() != nil {
		t.Errorf("%v", c)
	}
	says(t, c, "期间未载明")
}

// What is inferred or disputed says so: period as printed and period as believed are kept apart.
func TestCertaintyIsACaveat(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park growth 2018 10% target", func(s *indicatorv1.Statement) {
		s.SubjectCertainty, s.PeriodCertainty = typev1.Certainty_CERTAINTY_INFERRED, typev1.Certainty_CERTAINTY_DISPUTED
		s.BelievedPeriod = "2014"
	})
	// A result of the believed year is not the result of the printed one.
	w.said("park growth 2014 11% actual")
	c := w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "points, unknown" {
		t.Error(brief(c))
	}
	says(t, c, "主体，为推断", "印作2018年，内容似为2014年")
}

// Simulated and real are not held against each other.
func TestSimulatedIsNotMixed(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{Name: "sources/toy", Title: say("示例", ""), Simulated: true}}})
	w.said("park flow 2020 10亿元 target")
	w.said("park flow 2020 12亿元 actual", func(s *indicatorv1.Statement) { s.Source = "sources/toy" })
	c := w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, unknown" || c.GetActualNumber() != "" || c.GetSimulated() {
		t.Errorf("%v", c)
	}
	says(t, c, "不混用")
	w.said("park count 2020 10个 target", func(s *indicatorv1.Statement) { s.Source = "sources/toy" })
	w.said("park count 2020 12个 actual", func(s *indicatorv1.Statement) { s.Source = "sources/toy" })
	if c := w.completions(&indicatorv1.ListCompletionsRequest{Indicators: []string{"indicators/count"}})[0]; brief(c) != "ratio, met, rate 1.200" || !c.GetSimulated() {
		t.Errorf("%v", c)
	}
}

// A month that is only published within cumulative figures is their difference
// and carries 含前期修订; a growth rate is never differenced; falling cumulative
// figures warn and do not block; January alone is not published.
func TestCumulativeFigures(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park flow 2020-06 10亿元 target")
	w.said("park flow 2020-05;cumulative 40亿元 actual")
	w.said("park flow 2020-S1 52亿元 actual")
	c := w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, met, rate 1.200" || c.GetActualNumber() != "12" {
		t.Errorf("%s, %s", brief(c), c.GetActualNumber())
	}
	says(t, c, "含前期修订")

	w = stockOf(t)
	w.said("park growth 2020-06 10% target")
	w.said("park growth 2020-05;cumulative 8% actual")
	w.said("park growth 2020-S1 9% actual")
	if c := w.one(&indicatorv1.ListCompletionsRequest{}); brief(c) != "points, unknown" {
		t.Errorf("%v", c)
	}

	w = stockOf(t)
	w.said("park flow 2020 60亿元 target")
	w.said("park flow 2020-05;cumulative 40亿元 actual")
	w.said("park flow 2020-S1 39亿元 actual")
	w.said("park flow 2020 61亿元 actual")
	c = w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, met, rate 1.017" {
		t.Error(brief(c))
	}
	says(t, c, "低于前期累计数")

	w = stockOf(t)
	w.said("park flow 2020-01 5亿元 target")
	w.said("park flow 2020-01/2020-02 12亿元 actual")
	says(t, w.one(&indicatorv1.ListCompletionsRequest{}), "1月单月不单独公布")

	// A year from Jan-Feb, the months and quarters that follow without a gap.
	w = stockOf(t)
	w.said("park flow 2020 100亿元 target")
	w.said("park flow 2020-01/2020-02 12亿元 actual")
	w.said("park flow 2020-03 8亿元 actual")
	w.said("park flow 2020-Q2 30亿元 actual")
	w.said("park flow 2020-S2 55亿元 actual")
	c = w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, met, rate 1.050" || c.GetActualNumber() != "105" {
		t.Error(brief(c))
	}
	says(t, c, "4期数合计")
}

// Levels and growth of one thing are two indicators; one is never held against the other.
func TestLevelIsNotGrowth(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park growth 2020 9.8% target")
	w.said("park flow 2020 64亿元 actual")
	w.said("park flow 2019 58亿元 actual")
	if c := w.one(&indicatorv1.ListCompletionsRequest{}); brief(c) != "points, unknown" || c.GetActualNumber() != "" {
		t.Errorf("growth computed from levels took the place of a published one: %v", c)
	}
}
