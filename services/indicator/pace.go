package indicator

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// pace is 序时进度 of a yearly target whose year has no final result yet: an
// amount or count against the share of the year that the profile expects, a
// growth rate by the growth that is needed in what is left.
func (x *assessment) pace(r *result) {
	if x.period.Kind() != period.Year || r != nil && (r.final || r.simulated != x.out.GetSimulated()) {
		return
	}
	switch x.out.GetRule() {
	case indicatorv1.CompletionRule_COMPLETION_RULE_POINTS:
		if ended, _ := x.ended(); !ended {
			x.growthNeeded()
		}
	case indicatorv1.CompletionRule_COMPLETION_RULE_RATIO:
		if r != nil && x.number.Sign() > 0 {
			x.against(r, new(big.Rat).Quo(r.number, x.number))
		}
	case indicatorv1.CompletionRule_COMPLETION_RULE_GAP:
		base := x.base()
		if r != nil && base != nil && base.Cmp(x.number) != 0 {
			x.against(r, progress(base, r.number, x.number))
		}
	default: // What is to stay low does not accrue.
	}
}

// against compares the share that is reached with the one that is expected.
func (x *assessment) against(r *result, share *big.Rat) {
	profile := x.profile
	if profile == indicatorv1.PaceProfile_PACE_PROFILE_UNSPECIFIED {
		profile = indicatorv1.PaceProfile_PACE_PROFILE_LINEAR
	}
	p := &indicatorv1.Pace{Profile: profile, Through: throughText(r.end), ActualNumber: exact(r.number)}
	x.out.Pace = p
	var expected *big.Rat
	var name *typev1.Localized
	switch profile {
	case indicatorv1.PaceProfile_PACE_PROFILE_SEASONAL:
		var years int
		if expected, years = x.seasonal(r.end); expected == nil {
			p.Message = say("历史不足：没有一个往年既有同期累计又有全年数，不能给出季节进度",
				"not enough history: no earlier year has both its result by the same day and its whole")
			return
		}
		name = say(fmt.Sprintf("往年同期占比（%d年平均）", years), fmt.Sprintf("the mean share of %d earlier years", years))
	case indicatorv1.PaceProfile_PACE_PROFILE_CUSTOM:
		expected, name = custom(x.shares, r.end), say("给定进度", "the given profile")
	default:
		expected, name = linear(r.end), say("时间进度", "elapsed time")
	}
	ahead := new(big.Rat).Sub(share, expected)
	p.ExpectedShare = quantity.Round(expected, 4).String()
	p.PointsAhead = quantity.Round(new(big.Rat).Mul(ahead, big.NewRat(100, 1)), 2).String()
	points := quantity.Round(new(big.Rat).Abs(new(big.Rat).Mul(ahead, big.NewRat(100, 1))), 2).Reduced().String()
	through := dateText(r.end)
	zh, en := "快于", "ahead of"
	if ahead.Sign() < 0 {
		zh, en = "慢于", "behind"
	}
	if ahead.Sign() == 0 {
		p.Message = say(fmt.Sprintf("截至%s完成%s，与%s%s持平", through.GetZh(), percent(share), name.GetZh(), percent(expected)),
			fmt.Sprintf("%s by %s, level with %s (%s)", percent(share), english(through), english(name), percent(expected)))
		return
	}
	p.Message = say(fmt.Sprintf("截至%s完成%s，%s%s%s%s个百分点", through.GetZh(), percent(share), zh, name.GetZh(), percent(expected), points),
		fmt.Sprintf("%s by %s, %s points %s %s (%s)", percent(share), english(through), points, en, english(name), percent(expected)))
}

// throughText is the period from the beginning of a year to a day, in the notation of periods.
func throughText(end time.Time) string {
	if end.AddDate(0, 0, 1).Day() == 1 {
		if p, ok := period.OfMonths(end.Year(), 1, int(end.Month())); ok {
			return p.String()
		}
	}
	return end.Format(time.DateOnly) + ";cumulative"
}

// linear is day n of N.
func linear(end time.Time) *big.Rat {
	return big.NewRat(int64(end.YearDay()), int64(yearEnd(end.Year()).YearDay()))
}

func yearStart(year int) time.Time { return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC) }
func yearEnd(year int) time.Time   { return time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC) }

// custom is the given share by the end of the month, and in between in
// proportion to the days of the month.
func custom(shares []*big.Rat, end time.Time) *big.Rat {
	month := int(end.Month())
	before := new(big.Rat)
	if month > 1 {
		before.Set(shares[month-2])
	}
	days := time.Date(end.Year(), end.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	part := new(big.Rat).Sub(shares[month-1], before)
	part.Mul(part, big.NewRat(int64(end.Day()), int64(days)))
	return before.Add(before, part)
}

// seasonal is the mean, over the earlier years that have both, of what the year
// came to by the same day as a share of the whole year.
func (x *assessment) seasonal(end time.Time) (*big.Rat, int) {
	list := inScope(x.results, x.out.GetTargetKey().GetScope())
	first := end.Year()
	for _, a := range list {
		if a.end.Year() > 1 {
			first = min(first, a.end.Year())
		}
	}
	sum, years := new(big.Rat), 0
	for year := first; year < end.Year(); year++ {
		whole := cover(list, yearStart(year), yearEnd(year))
		part := cover(list, yearStart(year), period.SameDayOf(year, end))
		if whole == nil || part == nil || whole.Sign() <= 0 {
			continue
		}
		sum.Add(sum, new(big.Rat).Quo(part, whole))
		years++
	}
	if years == 0 {
		return nil, 0
	}
	return sum.Quo(sum, big.NewRat(int64(years), 1)), years
}

// cover is what a flow came to from one day exactly to another, nil when it is not known.
func cover(list []actual, first, last time.Time) *big.Rat {
	if a := accrued(list, first, last); a != nil && a.end.Equal(last) {
		return a.number
	}
	return nil
}

// growthNeeded says by how much what is left of the year has to grow for the
// year to reach its rate: last year's levels have to be known by the same day
// and for the whole year, and this year's so far, as a level or as a rate.
func (x *assessment) growthNeeded() {
	p := &indicatorv1.Pace{Profile: x.profile}
	x.out.Pace = p
	level, ok := x.figures.Indicator(x.indicator.GetGrowthOf())
	if !ok {
		p.Message = say("未登记总量指标，算不出余下期间所需增速", "the level that grows is not registered, so the growth needed cannot be computed")
		return
	}
	if x.indicator.GetPriceBasis() == indicatorv1.PriceBasis_PRICE_BASIS_CONSTANT && level.GetPriceBasis() == indicatorv1.PriceBasis_PRICE_BASIS_CURRENT {
		p.Message = say("增速按不变价，总量按现价，不能由总量推算所需增速",
			"the rate is at constant prices and the level at current ones, so the growth needed does not follow")
		return
	}
	scope := x.out.GetTargetKey().GetScope()
	var list []actual
	for _, a := range inScope(actuals(x.figures, x.out.GetSubject(), level.GetName(), x.asOf), scope) {
		if a.simulated == x.out.GetSimulated() {
			list = append(list, a)
		}
	}
	year := x.period.Year()
	first := yearStart(year)
	so, rate := accrued(list, first, yearEnd(year)), x.result(x.period)
	end := time.Time{}
	switch {
	case so != nil:
		end = so.end
	case rate != nil:
		end = rate.end
	}
	var missing, missingEn []string
	lack := func(zh, en string) { missing, missingEn = append(missing, zh), append(missingEn, en) }
	whole := cover(list, yearStart(year-1), yearEnd(year-1))
	if whole == nil {
		lack(fmt.Sprintf("%d年全年总量", year-1), fmt.Sprintf("the level of %d", year-1))
	}
	var same *big.Rat
	if end.IsZero() {
		lack(fmt.Sprintf("%d年的累计总量或增速", year), fmt.Sprintf("a level or rate of %d so far", year))
		lack(fmt.Sprintf("%d年同期总量", year-1), fmt.Sprintf("the level of %d by the same day", year-1))
	} else if same = cover(list, yearStart(year-1), period.SameDayOf(year-1, end)); same == nil {
		lack(fmt.Sprintf("%d年同期总量", year-1), fmt.Sprintf("the level of %d by the same day", year-1))
	}
	if len(missing) > 0 {
		p.Message = say("缺"+strings.Join(missing, "、")+"，算不出余下期间所需增速",
			"missing: "+strings.Join(missingEn, ", ")+"; so the growth needed in what is left cannot be computed")
		return
	}
	one := big.NewRat(1, 1)
	hundredth := big.NewRat(1, 100)
	var now *big.Rat
	if so != nil {
		now = so.number
	} else {
		now = new(big.Rat).Add(one, new(big.Rat).Mul(rate.number, hundredth))
		now.Mul(now, same)
	}
	wanted := new(big.Rat).Add(one, new(big.Rat).Mul(x.number, hundredth))
	wanted.Mul(wanted, whole)
	left := new(big.Rat).Sub(whole, same)
	p.Through, p.ActualNumber = throughText(end), exact(now)
	if left.Sign() <= 0 {
		p.Message = say("上年余下期间总量不大于零，算不出所需增速", "last year had nothing left after that day, so no growth follows")
		return
	}
	needed := new(big.Rat).Sub(wanted, now)
	needed.Quo(needed, left).Sub(needed, one).Mul(needed, big.NewRat(100, 1))
	p.NeededGrowth = quantity.Round(needed, 2).String()
	through := dateText(end)
	p.Message = say(fmt.Sprintf("%s之后需增长%s%%，全年才能达到%s%%；上年基数为公布数，未按可比口径调整", through.GetZh(), p.GetNeededGrowth(), exact(x.number)),
		fmt.Sprintf("after %s it has to grow by %s%% for the year to reach %s%%; last year's base is as published, not revised to be comparable",
			english(through), p.GetNeededGrowth(), exact(x.number)))
}
