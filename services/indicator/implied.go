package indicator

import (
	"fmt"
	"math/big"

	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A published result and its published rate of completion imply the target that
// the text does not give: 32 个 at 213.3% is a target of 15 个.

// impliedKey is the key of the target that a published rate implies; nil when
// the figure is no such rate, or the result it is the rate of is not on record.
func (a *assessor) impliedKey(rate *indicatorv1.FigureKey) *indicatorv1.FigureKey {
	of, ok := a.figures.Indicator(rate.GetIndicator())
	if !ok || of.GetCompletionOf() == "" || rate.GetKind() != indicatorv1.Kind_KIND_ACTUAL {
		return nil
	}
	if f, ok := a.figures.Figure(resultKey(rate, of.GetCompletionOf())); !ok || len(f.GetStatements()) == 0 {
		return nil
	}
	return &indicatorv1.FigureKey{
		Subject: rate.GetSubject(), Indicator: of.GetCompletionOf(), Period: rate.GetPeriod(), Scope: rate.GetScope(),
		// A yearly task without a modal is the plain target.
		Kind: indicatorv1.Kind_KIND_TARGET, Ambition: indicatorv1.Ambition_AMBITION_EXPECTED,
	}
}

func resultKey(rate *indicatorv1.FigureKey, indicator string) *indicatorv1.FigureKey {
	return &indicatorv1.FigureKey{
		Subject: rate.GetSubject(), Indicator: indicator, Period: rate.GetPeriod(), Scope: rate.GetScope(), Kind: indicatorv1.Kind_KIND_ACTUAL,
	}
}

// periodOf is the period of a key, not stated if it cannot be read.
func periodOf(text string) period.Period {
	p, err := period.Parse(text)
	if err != nil { // It was parsed before it was recorded.
		return period.Period{}
	}
	return p
}

// rounded is the half-open interval [low, high) of what rounds half up to a
// number with so many decimals.
func rounded(d quantity.Decimal) (low, high *big.Rat) {
	half := big.NewRat(1, 2)
	ten := big.NewRat(1, 10)
	for range d.Decimals() {
		half.Mul(half, ten)
	}
	return new(big.Rat).Sub(d.Rat(), half), new(big.Rat).Add(d.Rat(), half)
}

// imply derives the target behind a published rate of completion; nil when one
// of the two numbers is not exact.
func (a *assessor) imply(rateKey *indicatorv1.FigureKey) *indicatorv1.Completion {
	key := a.impliedKey(rateKey)
	if key == nil {
		return nil
	}
	rateFigure, ok := a.figures.Figure(rateKey)
	if !ok {
		return nil
	}
	actualKey := resultKey(rateKey, key.GetIndicator())
	actualFigure, _ := a.figures.Figure(actualKey)
	i, _ := a.figures.Indicator(key.GetIndicator())
	out := a.blank(key, i)
	out.TargetBasis, out.TargetComparator = indicatorv1.TargetBasis_TARGET_BASIS_IMPLIED, typev1.Comparator_COMPARATOR_EQUAL
	out.Rule = ruleOf(i.GetNature())
	out.ActualKey, out.ActualNumber = actualKey, actualFigure.GetNumber()
	x := &assessment{assessor: a, out: out, indicator: i}
	// Both numbers as they were printed: their decimals say how they were rounded.
	var printed [2]*indicatorv1.Statement
	for n, f := range []*indicatorv1.Figure{actualFigure, rateFigure} {
		list := decisive(f)
		for _, s := range list {
			out.Statements = append(out.GetStatements(), s.GetName())
			out.Simulated = out.GetSimulated() || s.GetSimulated()
		}
		if len(list) > 0 {
			printed[n] = list[0]
		}
		if f.GetNumber() == "" || f.GetComparator() != typev1.Comparator_COMPARATOR_EQUAL {
			x.conclude(unknown, "实绩或完成率不是确数，不推算目标", "the result or its rate is no exact number, so no target is derived")
			return out
		}
	}
	for _, s := range printed {
		if s.GetPeriodCertainty() != typev1.Certainty_CERTAINTY_STATED || s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED {
			x.caveat("所依据的实绩或完成率的主体或期间为推断", "the subject or period of the result or its rate is inferred")
			break
		}
	}
	if p := periodOf(rateKey.GetPeriod()); p.Kind() != period.Year {
		x.caveat("完成率所对的目标是本期的还是全年的，原文未写明；按本期推算", "whether the rate is of the target of this period or of the year is not stated: taken as of this period")
	}
	x.derive(printed[0], printed[1])
	return out
}

// derive computes the interval of the target, and the one number in it for a count.
//
// The printed rate stands for every rate that rounds half up to it, [r-h, r+h),
// and so does the printed result unless it counts things. The target is result
// over rate, so it lies above lowest result / highest rate, which it does not
// reach, and up to highest result / lowest rate.
func (x *assessment) derive(actual, rate *indicatorv1.Statement) {
	inPercent, err := quantity.In("1", rate.GetUnit(), "%")
	printedRate, err2 := quantity.Parse(rate.GetNumber())
	printedActual, err3 := quantity.Parse(actual.GetNumber())
	toOwn, err4 := quantity.In("1", actual.GetUnit(), x.indicator.GetUnit())
	if err != nil || err2 != nil || err3 != nil || err4 != nil || printedRate.Sign() <= 0 || printedActual.Sign() <= 0 {
		x.conclude(unknown, "完成率或实绩不大于零，或单位不是百分数，不能推算目标",
			"the rate of completion or the result is not above zero, or not in percent, so no target follows")
		return
	}
	hundredth := new(big.Rat).Quo(inPercent, big.NewRat(100, 1))
	lowRate, highRate := rounded(printedRate)
	lowRate.Mul(lowRate, hundredth)
	highRate.Mul(highRate, hundredth)
	lowActual, highActual := printedActual.Rat(), printedActual.Rat()
	count := x.indicator.GetNature() == indicatorv1.Nature_NATURE_COUNT && printedActual.Decimals() == 0
	if !count {
		lowActual, highActual = rounded(printedActual)
	}
	low := new(big.Rat).Quo(lowActual.Mul(lowActual, toOwn), highRate)
	high := new(big.Rat).Quo(highActual.Mul(highActual, toOwn), lowRate)
	const decimals = 3
	x.out.IntervalLow, x.out.IntervalHigh = quantity.Round(low, decimals).String(), quantity.Round(high, decimals).String()
	published := new(big.Rat).Mul(printedRate.Rat(), hundredth)
	x.out.Rate = exact(published)
	var whole *big.Int
	if count {
		whole = wholeIn(low, high)
	}
	unit := x.indicator.GetUnit()
	name, _ := x.registry.DisplayName(x.out.GetSubject())
	zh := fmt.Sprintf("%s实绩%s，完成率%s%s（四舍五入，在%s与%s之间），目标在(%s, %s]%s",
		name.GetZh(), of(actual.GetNumber(), actual.GetUnit()), rate.GetNumber(), rate.GetUnit(),
		percent3(lowRate), percent3(highRate), x.out.GetIntervalLow(), x.out.GetIntervalHigh(), unit)
	en := fmt.Sprintf("%s: result %s at %s%s (rounded half up: from %s to below %s), so the target lies in (%s, %s] %s",
		english(name), ofEn(actual.GetNumber(), actual.GetUnit()), rate.GetNumber(), rate.GetUnit(),
		percent3(lowRate), percent3(highRate), x.out.GetIntervalLow(), x.out.GetIntervalHigh(), unit)
	switch {
	case !count:
		x.caveat("实绩按印出的位数也视为四舍五入所得", "the result is taken as rounded to the digits that were printed too")
	case whole != nil:
		x.out.TargetNumber = whole.String()
		zh, en = zh+"，其中整数只有"+of(whole.String(), unit), en+", in which "+ofEn(whole.String(), unit)+" is the only whole number"
	default:
		x.caveat("区间内没有或不止一个整数，目标数不能定", "the interval holds no whole number or several, so the target is not one number")
	}
	x.out.Derivation = say(zh, en)
	x.caveat("目标为推算，原文未写出；区间端点取三位小数，整数按未取舍的区间判断",
		"the target is derived, the text does not give it; the ends are shown to three decimals, the whole number is found in the exact interval")
	x.impliedStatus(lowActual, lowRate, highRate, whole)
}

func percent3(r *big.Rat) string {
	return exact(new(big.Rat).Mul(r, big.NewRat(100, 1))) + "%"
}

// wholeIn is the one whole number in (low, high], nil when there is none or more.
func wholeIn(low, high *big.Rat) *big.Int {
	first := new(big.Int).Div(low.Num(), low.Denom()) // rounds down
	first.Add(first, big.NewInt(1))
	last := new(big.Int).Div(high.Num(), high.Denom())
	if first.Cmp(last) != 0 {
		return nil
	}
	return first
}

// impliedStatus judges the published rate: of a known whole number by the result
// itself, else only where rounding leaves no doubt.
func (x *assessment) impliedStatus(actual, lowRate, highRate *big.Rat, whole *big.Int) {
	low, high := new(big.Rat).Set(lowRate), new(big.Rat).Set(highRate)
	highOpen := true
	if whole != nil {
		low.Quo(actual, new(big.Rat).SetInt(whole))
		high, highOpen = low, false
	}
	goal := effective(typev1.Comparator_COMPARATOR_EQUAL, x.indicator.GetDirection())
	percent := percent(number(x.out.GetRate()))
	switch judged(goal, big.NewRat(1, 1), interval{low: low, high: high, highOpen: highOpen}) {
	case reaches:
		x.conclude(met, "完成率"+percent+"，为公布数", "completion "+percent+", as published")
	case fails:
		x.conclude(missed, "完成率"+percent+"，为公布数", "completion "+percent+", as published")
	default:
		x.conclude(unknown, "完成率"+percent+"，不能判断是否达到", "completion "+percent+", which does not decide whether it is reached")
	}
}
