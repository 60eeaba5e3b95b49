package indicator

import (
	"strings"
	"testing"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

const (
	linearProfile   = indicatorv1.PaceProfile_PACE_PROFILE_LINEAR
	seasonalProfile = indicatorv1.PaceProfile_PACE_PROFILE_SEASONAL
	customProfile   = indicatorv1.PaceProfile_PACE_PROFILE_CUSTOM
)

// Pace: percentage points ahead of or behind 序时进度, by the latest cumulative
// figure or the months together.
func TestPaceOfAmounts(t *testing.T) {
	t.Parallel()
	shares := strings.Fields("0.05 0.10 0.18 0.26 0.35 0.45 0.54 0.63 0.72 0.81 0.90 1")
	for _, tc := range []struct {
		name     string
		actuals  []string
		req      *indicatorv1.ListCompletionsRequest
		through  string
		share    string
		ahead    string
		complete string
		says     string
	}{
		{"half a leap year", []string{"2020-S1 55亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-S1", "0.4973", "5.27", "0.5500", "快于时间进度49.73%5.27个百分点"},
		{"latest of several", []string{"2020-Q1 20亿元", "2020-05;cumulative 40亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-05;cumulative", "0.4153", "-1.53", "0.4000", "慢于时间进度"},
		{"months together", []string{"2020-01/2020-02 10亿元", "2020-03 6亿元", "2020-04 9亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-04;cumulative", "0.3306", "-8.06", "0.2500", "3期数合计"},
		{"a gap ends the sum", []string{"2020-01/2020-02 10亿元", "2020-04 9亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-01/2020-02", "0.1639", "-6.39", "0.1000", ""},
		{"cumulative, then a month", []string{"2020-05;cumulative 40亿元", "2020-06 10亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-S1", "0.4973", "0.27", "0.5000", ""},
		{"to a day", []string{"2020-05-07;cumulative 30亿元"}, &indicatorv1.ListCompletionsRequest{}, "2020-05-07;cumulative", "0.3497", "-4.97", "0.3000", ""},
		{"custom", []string{"2020-S1 55亿元"}, &indicatorv1.ListCompletionsRequest{PaceProfile: customProfile, PaceShares: shares}, "2020-S1", "0.4500", "10.00", "0.5500", "快于给定进度"},
		{"custom within a month", []string{"2020-06-15;cumulative 40亿元"}, &indicatorv1.ListCompletionsRequest{PaceProfile: customProfile, PaceShares: shares}, "2020-06-15;cumulative", "0.4000", "0.00", "0.4000", "持平"},
	} {
		w := stockOf(t)
		w.said("park flow 2020 100亿元 target")
		for _, a := range tc.actuals {
			w.said("park flow " + a + " actual")
		}
		tc.req.AsOf = date(2020, 7, 15)
		c := w.one(tc.req)
		p := c.GetPace()
		if p.GetThrough() != tc.through || p.GetExpectedShare() != tc.share || p.GetPointsAhead() != tc.ahead || c.GetRate() != tc.complete || c.GetStatus() != pending {
			t.Errorf("%s: %v, %s", tc.name, p, brief(c))
		}
		says(t, c, tc.says)
	}
}

// Seasonal: the mean share that the same part of the year had in the years
// before; without one full year it says 历史不足 and gives no number.
func TestSeasonalPace(t *testing.T) {
	t.Parallel()
	w := stockOf(t)
	w.said("park flow 2020 100亿元 target")
	w.said("park flow 2020-S1 50亿元 actual")
	w.said("park flow 2019 80亿元 actual") // without its first half it is no history
	req := &indicatorv1.ListCompletionsRequest{AsOf: date(2020, 7, 15), PaceProfile: seasonalProfile}
	p := w.one(req).GetPace()
	if p.GetExpectedShare() != "" || p.GetPointsAhead() != "" || p.GetProfile() != seasonalProfile {
		t.Errorf("%v", p)
	}
	says(t, w.one(req), "历史不足")
	w.said("park flow 2019-S1 32亿元 actual") // 40%
	if p := w.one(req).GetPace(); p.GetExpectedShare() != "0.4000" || p.GetPointsAhead() != "10.00" {
		t.Errorf("%v", p)
	}
	w.said("park flow 2018-S1 36亿元 actual") // 60%
	w.said("park flow 2018-S2 24亿元 actual")
	if p := w.one(req).GetPace(); p.GetExpectedShare() != "0.5000" || p.GetPointsAhead() != "0.00" {
		t.Errorf("%v", p)
	}
	says(t, w.one(req), "2年平均")
	// The end of February answers to the end of February.
	w.said("park count 2020 10个 target")
	w.said("park count 2020-01/2020-02 3个 actual")
	w.said("park count 2019-01/2019-02 2个 actual")
	w.said("park count 2019 10个 actual")
	c := w.one(&indicatorv1.ListCompletionsRequest{AsOf: date(2020, 3, 15), PaceProfile: seasonalProfile, Indicators: []string{"indicators/count"}})
	if p := c.GetPace(); p.GetExpectedShare() != "0.2000" || p.GetPointsAhead() != "10.00" {
		t.Errorf("%v", p)
	}
}

// Growth targets: the growth needed in what is left of the year, or what is missing for it.
func TestGrowthNeeded(t *testing.T) {
	t.Parallel()
	req := asOf(2020, 7, 15)
	w := stockOf(t)
	w.said("park growth 2020 10% target")
	says(t, w.one(req), "缺2019年全年总量、2020年的累计总量或增速、2019年同期总量")
	w.said("park flow 2019 100亿元 actual")
	w.said("park flow 2020-S1 42亿元 actual")
	says(t, w.one(req), "缺2019年同期总量")
	w.said("park flow 2019-S1 40亿元 actual")
	// (110 - 42) / 60 - 1
	if p := w.one(req).GetPace(); p.GetNeededGrowth() != "13.33" || p.GetThrough() != "2020-S1" || p.GetActualNumber() != "42" {
		t.Errorf("%v", p)
	}
	// So far only a rate is published: 5% on 40 is 42.
	w = stockOf(t)
	w.said("park growth 2020 10% target")
	w.said("park growth 2020-S1 5% actual")
	w.said("park flow 2019 100亿元 actual")
	w.said("park flow 2019-S1 40亿元 actual")
	c := w.one(req)
	if p := c.GetPace(); p.GetNeededGrowth() != "13.33" || brief(c) != "points, pending, gap -5" {
		t.Errorf("%v, %s", p, brief(c))
	}
	// A level that is not registered, and one at other prices.
	w = stockOf(t)
	w.said("park waste-growth 2020 >=1% target")
	says(t, w.one(req), "未登记总量指标")
	w = newWorld(t)
	w.indicator("gdp", flow, higher, "亿元", func(i *indicatorv1.Indicator) { i.PriceBasis = indicatorv1.PriceBasis_PRICE_BASIS_CURRENT })
	w.indicator("gdp-growth", growth, higher, "%", func(i *indicatorv1.Indicator) {
		i.GrowthOf, i.PriceBasis = "indicators/gdp", indicatorv1.PriceBasis_PRICE_BASIS_CONSTANT
	})
	w.said("park gdp-growth 2020 7% target")
	says(t, w.one(req), "增速按不变价，总量按现价")
}

// What is reached before the end of the year is met; a ceiling that is broken is missed; the rest waits.
func TestWithinTheYear(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ target, actual, want string }{
		{"count 2020 5个", "count 2020-S1 6个", "ratio, met, rate 1.200"},
		{"count 2020 <=5个", "count 2020-S1 6个", "margin, missed, gap -1"},
		{"count 2020 <=5个", "count 2020-S1 4个", "margin, pending, gap 1"},
		{"rate 2020 80%", "rate 2020-S1 85%", "gap, pending, gap 5"},
		{"growth 2020 8%", "growth 2020-S1 9%", "points, pending, gap 1"},
		{"growth 2020 8%", "growth 2020-Q2 9%", "points, pending"}, // the rate of a quarter says nothing of the year
		{"stock 2020 10平方公里", "stock 2020-06-30 11平方公里", "gap, pending, gap 1"},
	} {
		w := stockOf(t)
		w.said("park " + tc.target + " target")
		w.said("park " + tc.actual + " actual")
		if got := brief(w.one(asOf(2020, 9, 1))); got != tc.want {
			t.Errorf("%s, %s: %s, want %s", tc.target, tc.actual, got, tc.want)
		}
	}
	// Behind the year, what goes only to its middle does not decide.
	w := stockOf(t)
	w.said("park count 2020 5个 target")
	w.said("park count 2020-S1 3个 actual")
	c := w.one(&indicatorv1.ListCompletionsRequest{})
	if brief(c) != "ratio, unknown, rate 0.6000" || c.GetPace().GetProfile() != linearProfile {
		t.Errorf("%s, %v", brief(c), c.GetPace())
	}
	// Progress of a share from its base, against elapsed time.
	w = stockOf(t)
	w.said("park share 2020 60% target")
	w.said("park share 2019 50% actual")
	w.said("park share 2020-S1 56% actual")
	c = w.one(asOf(2020, 9, 1))
	if brief(c) != "gap, pending, gap -4, progress 0.6000" || c.GetPace().GetPointsAhead() != "10.27" {
		t.Errorf("%s, %v", brief(c), c.GetPace())
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	t.Parallel()
	good := strings.Fields("0.05 0.10 0.18 0.26 0.35 0.45 0.54 0.63 0.72 0.81 0.90 1")
	with := func(n int, value string) []string {
		out := append([]string{}, good...)
		out[n] = value
		return out
	}
	for name, req := range map[string]*indicatorv1.ListCompletionsRequest{
		"eleven":        {PaceProfile: customProfile, PaceShares: good[:11]},
		"falls":         {PaceProfile: customProfile, PaceShares: with(3, "0.1")},
		"beyond one":    {PaceProfile: customProfile, PaceShares: with(10, "1.1")},
		"not the whole": {PaceProfile: customProfile, PaceShares: with(11, "0.95")},
		"no number":     {PaceProfile: customProfile, PaceShares: with(0, "5%")},
		"not asked for": {PaceShares: good},
		"period":        {Period: "2020年上半年"},
		"subject":       {Subjects: []string{"zones/nowhere"}},
		"indicator":     {Indicators: []string{"indicators/nothing"}},
		"day":           {AsOf: date(2020, 2, 30)},
	} {
		w := stockOf(t)
		if req.GetAsOf() == nil {
			req.AsOf = date(2020, 7, 1)
		}
		a := &assessor{figures: w.figures.View(0), registry: w.zones.View(0)}
		if _, err := a.prepare(req); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
