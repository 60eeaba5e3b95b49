package indicator

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Targets are held against results here, by the nature of the indicator: a flow
// or count by its ratio, a growth rate by percentage points, a stock, rate or
// share by the gap in its own unit, what is to stay low by its margin, and what
// has no number by its state. All of it is a function of two views and a day.

const (
	met     = indicatorv1.CompletionStatus_COMPLETION_STATUS_MET
	missed  = indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED
	pending = indicatorv1.CompletionStatus_COMPLETION_STATUS_PENDING
	unknown = indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN
)

// assessor holds targets against results as of a day.
type assessor struct {
	figures  figures.View
	registry registry.View
	asOf     civil.Day
	about    *big.Rat // how far `~` may be off, as a fraction of the target; nil: it is not judged
	profile  indicatorv1.PaceProfile
	shares   []*big.Rat // of a custom profile: cumulative, January to December
}

// assessment is one stated target on its way to a completion.
type assessment struct {
	*assessor

	out        *indicatorv1.Completion
	indicator  *indicatorv1.Indicator
	statements []*indicatorv1.Statement // that the target stands on
	period     period.Period
	number     *big.Rat          // nil: none, or its statements differ
	goal       typev1.Comparator // what reaches it; 0: its statements differ in that
	results    []actual          // of any scope, by the day of the assessment
}

// assess holds the target of a key against what is known; nil when no
// statement stands under the key.
func (a *assessor) assess(key *indicatorv1.FigureKey) *indicatorv1.Completion {
	f, ok := a.figures.Figure(key)
	if !ok || len(f.GetStatements()) == 0 {
		return nil
	}
	x := a.begin(key, f)
	switch aim := x.statements[0]; {
	case aim.GetRankTarget() != nil || x.indicator.GetNature() == indicatorv1.Nature_NATURE_RANK:
		x.refer()
	case aim.GetListTarget() != nil:
		x.listed(aim.GetListTarget())
	case x.indicator.GetNature() == indicatorv1.Nature_NATURE_STATUS:
		x.state(aim, f)
	case aim.GetNumberPending():
		x.awaited(aim)
	case x.indicator.GetBundle():
		x.bundle()
	default:
		x.measure(f)
	}
	x.components()
	return x.out
}

func (a *assessor) begin(key *indicatorv1.FigureKey, f *indicatorv1.Figure) *assessment {
	x := &assessment{assessor: a, statements: decisive(f), number: number(f.GetNumber())}
	if len(x.statements) == 0 {
		x.statements = f.GetStatements()
	}
	x.indicator, _ = a.figures.Indicator(key.GetIndicator())
	x.period = periodOf(key.GetPeriod())
	x.out = a.blank(key, x.indicator)
	x.out.TargetBasis = indicatorv1.TargetBasis_TARGET_BASIS_STATED
	x.out.TargetNumber, x.out.TargetComparator = f.GetNumber(), f.GetComparator()
	x.out.Rule = ruleOf(x.indicator.GetNature())
	for i, s := range x.statements {
		x.out.Statements = append(x.out.GetStatements(), s.GetName())
		x.out.Simulated = x.out.GetSimulated() || s.GetSimulated()
		if g := effective(s.GetComparator(), x.indicator.GetDirection()); i == 0 {
			x.goal = g
		} else if g != x.goal {
			x.goal = 0
		}
	}
	if keepsLow(x.goal, x.indicator.GetDirection()) && x.number != nil {
		x.out.Rule = indicatorv1.CompletionRule_COMPLETION_RULE_MARGIN
	}
	x.warn(f)
	x.results = actuals(a.figures, key.GetSubject(), key.GetIndicator(), a.asOf)
	return x
}

// blank is a completion of which only the target's key is known.
func (a *assessor) blank(key *indicatorv1.FigureKey, i *indicatorv1.Indicator) *indicatorv1.Completion {
	name, _ := a.registry.DisplayName(key.GetSubject())
	return &indicatorv1.Completion{
		Subject: key.GetSubject(), SubjectName: name, Indicator: key.GetIndicator(), IndicatorName: i.GetDisplayName(),
		TargetKey: key, Unit: i.GetUnit(), Status: unknown, Simulated: i.GetSimulated() || a.registry.Simulated(key.GetSubject()),
	}
}

func ruleOf(n indicatorv1.Nature) indicatorv1.CompletionRule {
	switch n {
	case indicatorv1.Nature_NATURE_FLOW, indicatorv1.Nature_NATURE_COUNT:
		return indicatorv1.CompletionRule_COMPLETION_RULE_RATIO
	case indicatorv1.Nature_NATURE_GROWTH:
		return indicatorv1.CompletionRule_COMPLETION_RULE_POINTS
	case indicatorv1.Nature_NATURE_STOCK, indicatorv1.Nature_NATURE_RATE, indicatorv1.Nature_NATURE_SHARE, indicatorv1.Nature_NATURE_DURATION:
		return indicatorv1.CompletionRule_COMPLETION_RULE_GAP
	default:
		return indicatorv1.CompletionRule_COMPLETION_RULE_STATE
	}
}

// effective is what reaches a target: a printed `=` means to reach it in the
// good direction of the indicator.
func effective(c typev1.Comparator, d indicatorv1.Direction) typev1.Comparator {
	if c != typev1.Comparator_COMPARATOR_EQUAL {
		return c
	}
	switch d {
	case indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER:
		return typev1.Comparator_COMPARATOR_AT_LEAST
	case indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER:
		return typev1.Comparator_COMPARATOR_AT_MOST
	default:
		return c
	}
}

// keepsLow says whether the target is a ceiling.
func keepsLow(goal typev1.Comparator, d indicatorv1.Direction) bool {
	switch goal {
	case typev1.Comparator_COMPARATOR_AT_MOST, typev1.Comparator_COMPARATOR_LESS_THAN:
		return true
	case typev1.Comparator_COMPARATOR_ABOUT:
		return d == indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER
	default:
		return false
	}
}

func (x *assessment) caveat(zh, en string) {
	x.out.Caveats = append(x.out.GetCaveats(), say(zh, en))
}

func (x *assessment) conclude(status indicatorv1.CompletionStatus, zh, en string) {
	x.out.Status, x.out.Reason = status, say(zh, en)
}

// warn tells what a reader has to know of the target before its number counts.
func (x *assessment) warn(f *indicatorv1.Figure) {
	s := x.statements[0]
	if c := f.GetConflict(); c != nil && !f.GetPinned() {
		x.out.Caveats = append(x.out.GetCaveats(), c.GetMessage())
	}
	switch s.GetSubjectCertainty() {
	case typev1.Certainty_CERTAINTY_INFERRED:
		x.caveat("原文未写明主体，为推断", "the text does not name the subject: it is inferred")
	case typev1.Certainty_CERTAINTY_DISPUTED:
		x.caveat("主体存疑", "the subject is disputed")
	default:
	}
	switch s.GetPeriodCertainty() {
	case typev1.Certainty_CERTAINTY_INFERRED:
		x.caveat("原文未写明期间，为推断", "the text does not name the period: it is inferred")
	case typev1.Certainty_CERTAINTY_DISPUTED:
		printed, believed := x.period.Text(), periodText(s.GetBelievedPeriod())
		if s.GetBelievedPeriod() == "" {
			believed = say("未知", "not known")
		}
		x.caveat(fmt.Sprintf("期间存疑：印作%s，内容似为%s；按印出的期间判断", printed.GetZh(), believed.GetZh()),
			fmt.Sprintf("the period is disputed: printed %s, believed %s; judged by the printed one", english(printed), english(believed)))
	default:
	}
	if s.GetPart() != "" {
		x.caveat("只涉及："+s.GetPart(), "covers only: "+s.GetPart())
	}
	if s.GetTag() == indicatorv1.Tag_TAG_PROJECT {
		x.caveat("单个项目或地块的属性，不是全区年度数", "an attribute of one project or site, not a figure of the whole zone")
	}
	if by := s.GetAssignedBy(); by != "" {
		x.caveat("由"+by+"下达", "assigned by "+by)
	}
	if source, ok := x.figures.Source(s.GetSource()); ok && source.GetReliability() == indicatorv1.Reliability_RELIABILITY_TEMPLATE {
		x.caveat("来源为范文，可靠程度低", "the source is a sample text")
	}
	if k := x.period.Kind(); k == period.Years || k == period.OpenYears {
		x.caveat("多年目标，原文未分解到年，不拆分", "a target over several years that the text does not split: it is not split")
	}
}

// ended says whether the target's period is over on the day of the assessment;
// known is false when its end is not stated.
func (x *assessment) ended() (ended, known bool) {
	end := x.period.End()
	return civil.Last(end, civil.Never) <= x.asOf, end != nil
}

// open concludes what cannot be told yet or at all.
func (x *assessment) open(zh, en string) {
	switch ended, known := x.ended(); {
	case !known && x.period.Kind() == period.OpenYears:
		x.conclude(unknown, "起始年份未载明，不知何时到期；"+zh, "its first year is not stated, so nobody knows when it is due; "+en)
	case !known:
		x.conclude(unknown, "期间未载明；"+zh, "its period is not stated; "+en)
	case ended:
		x.conclude(unknown, "期间已结束，"+zh, "its period is over, and "+en)
	default:
		x.conclude(pending, "期间未结束，"+zh, "its period has not ended, and "+en)
	}
}

// refer sends targets on places to the service that has the rankings.
func (x *assessment) refer() {
	x.out.Rule = indicatorv1.CompletionRule_COMPLETION_RULE_STATE
	x.conclude(unknown,
		"名次目标按已公布的排名判断，见 zonebench.ranking.v1.PublishedRankingService/ListRankTargets",
		"targets on a place are judged by published rankings: zonebench.ranking.v1.PublishedRankingService/ListRankTargets")
}

// awaited is a target whose number is assigned and not known: neither missing nor zero.
func (x *assessment) awaited(s *indicatorv1.Statement) {
	by := s.GetAssignedBy()
	if by == "" {
		by = "上级"
	}
	x.open("目标由"+by+"下达，目标数待补", "its number is pending: it was assigned by "+by+" and is not on record")
}

// measure judges a target with a number.
func (x *assessment) measure(f *indicatorv1.Figure) {
	switch _, each := x.period.Each(); {
	case x.number == nil:
		x.open("目标数未定："+f.GetConflict().GetMessage().GetZh(), "the target has no one number: "+english(f.GetConflict().GetMessage()))
	case x.goal == 0:
		x.open("同等优先的表述比较符不同，不判断", "equally preferred statements bound it differently, so it is not judged")
	case each:
		x.eachPart()
	default:
		r := x.result(x.period)
		if r == nil {
			x.unmatched()
		} else {
			x.hold(r)
		}
		x.pace(r)
	}
}

// result is what a period came to as far as is known.
type result struct {
	accrual

	comparator typev1.Comparator
	final      bool // it is of the whole period
	key        *indicatorv1.FigureKey
	simulated  bool
}

func single(a actual, final bool) *result {
	return &result{
		accrual:    accrual{parts: []actual{a}, end: a.end, number: a.number},
		comparator: a.comparator, final: final, key: a.key, simulated: a.simulated,
	}
}

func summed(a *accrual, final bool) *result {
	r := &result{accrual: *a, comparator: typev1.Comparator_COMPARATOR_EQUAL, final: final, key: a.parts[len(a.parts)-1].key}
	if len(a.parts) == 1 {
		r.key = a.parts[0].key
	}
	for _, p := range a.parts {
		r.simulated = r.simulated || p.simulated
	}
	return r
}

// result finds the result of a period in the scope of the target; nil when there is none.
func (x *assessment) result(p period.Period) *result {
	if p.End() == nil {
		return nil // Of two periods that are not stated nobody knows that they are the same.
	}
	list := inScope(x.results, x.out.GetTargetKey().GetScope())
	for _, a := range list {
		if a.period == p && a.number != nil {
			r := single(a, true)
			r.falls = p.FromYearStart() && falls(list, a.start, a.end)
			return r
		}
	}
	first, last := day(p.Start()), day(p.End())
	switch x.indicator.GetNature() {
	case indicatorv1.Nature_NATURE_FLOW, indicatorv1.Nature_NATURE_COUNT:
		sum := accrued(list, first, last)
		if sum != nil && sum.end.Equal(last) {
			return summed(sum, true)
		}
		if d := difference(list, p); d != nil {
			return summed(d, true)
		}
		if sum != nil {
			return summed(sum, false)
		}
	case indicatorv1.Nature_NATURE_GROWTH:
		// A rate of a part of the year counts from its beginning too; it is never put together or taken apart.
		return latest(list, func(a actual) bool { return p.FromYearStart() && a.start.Equal(first) && a.end.Before(last) }, nil)
	case indicatorv1.Nature_NATURE_STOCK:
		return latest(list, func(a actual) bool { return !a.end.Before(first) && !a.end.After(last) }, &last)
	default:
		return latest(list, func(a actual) bool { return !a.start.Before(first) && !a.end.After(last) }, nil)
	}
	return nil
}

// latest is the last result that fits; it is final when it is of a stated day.
func latest(list []actual, fits func(actual) bool, final *time.Time) *result {
	var best *actual
	for i := range list {
		if a := &list[i]; a.number != nil && fits(*a) && (best == nil || a.end.After(best.end)) {
			best = a
		}
	}
	if best == nil {
		return nil
	}
	return single(*best, final != nil && best.end.Equal(*final))
}

// unmatched says why a target has no result to be held against.
func (x *assessment) unmatched() {
	scope := x.out.GetTargetKey().GetScope()
	for _, a := range x.results {
		if a.period == x.period && !sameScope(a.key.GetScope(), scope) {
			x.out.ActualKey = a.key
			if a.number != nil {
				x.out.ActualNumber = exact(a.number)
			}
			t, r := scopeText(scope), scopeText(a.key.GetScope())
			x.conclude(unknown,
				fmt.Sprintf("口径不同，不计算完成率：目标为%s，实绩为%s", t.GetZh(), r.GetZh()),
				fmt.Sprintf("target and result differ in scope, so there is no completion: target %s, result %s", english(t), english(r)))
			return
		}
		if a.period == x.period && a.number == nil {
			x.out.ActualKey = a.key
			x.conclude(unknown, "实绩的表述不一致，未选定", "the statements of the result differ and none is selected")
			return
		}
	}
	if first, last, ok := x.period.WholeMonths(); ok && first == 1 && last == 1 {
		x.open("1月单月不单独公布，1-2月合并公布", "January alone is not published: January and February come together")
		return
	}
	x.open("未见实绩", "no result is on record")
}

// hold judges the target by a result.
func (x *assessment) hold(r *result) {
	if r.simulated != x.out.GetSimulated() {
		x.out.ActualKey = r.key
		x.conclude(unknown, "目标与实绩一为真实、一为模拟，不混用", "one of target and result is simulated and the other is not: they are not mixed")
		return
	}
	x.out.ActualKey, x.out.ActualNumber = r.key, exact(r.number)
	for _, p := range r.parts {
		for _, s := range p.statements {
			x.out.Statements = append(x.out.GetStatements(), s.GetName())
		}
	}
	x.describe(r)
	x.compute(r)
	x.judge(r)
}

// describe adds what a reader has to know of the result.
func (x *assessment) describe(r *result) {
	if len(r.parts) > 1 && !r.differenced {
		x.caveat(fmt.Sprintf("实绩由%d期数合计", len(r.parts)), fmt.Sprintf("the result is the sum of %d published figures", len(r.parts)))
	}
	if r.differenced {
		x.caveat("实绩由累计数相减，含前期修订", "the result is the difference of two cumulative figures and carries earlier revisions")
	}
	if r.falls {
		x.caveat("累计数低于前期累计数，请核对", "a cumulative figure is lower than an earlier one: check it")
	}
	if c := r.comparator; c != typev1.Comparator_COMPARATOR_EQUAL {
		n := comparatorText(c) + exact(r.number)
		x.caveat("实绩不是确数："+of(n, x.indicator.GetUnit()), "the result is no exact number: "+ofEn(n, x.indicator.GetUnit()))
	}
	for _, p := range r.parts {
		for _, s := range p.statements {
			if s.GetPeriodCertainty() != typev1.Certainty_CERTAINTY_STATED || s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED {
				x.caveat("实绩的主体或期间非明示", "the subject or period of the result is not stated")
				return
			}
		}
	}
}

// compute fills rate, gap and progress by the rule.
func (x *assessment) compute(r *result) {
	switch x.out.GetRule() {
	case indicatorv1.CompletionRule_COMPLETION_RULE_RATIO:
		if x.number.Sign() <= 0 {
			x.caveat("目标不大于零，不计算完成率", "the target is not above zero, so there is no rate of completion")
			return
		}
		x.out.Rate = quantity.Significant(new(big.Rat).Quo(r.number, x.number), 4).String()
	case indicatorv1.CompletionRule_COMPLETION_RULE_MARGIN:
		x.out.Gap = exact(new(big.Rat).Sub(x.number, r.number))
	case indicatorv1.CompletionRule_COMPLETION_RULE_POINTS, indicatorv1.CompletionRule_COMPLETION_RULE_GAP:
		gap := new(big.Rat).Sub(r.number, x.number)
		if x.indicator.GetDirection() == indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER {
			gap.Neg(gap)
		}
		x.out.Gap = exact(gap)
	default:
	}
	if x.out.GetRule() != indicatorv1.CompletionRule_COMPLETION_RULE_GAP {
		return
	}
	if base := x.base(); base != nil && base.Cmp(x.number) != 0 {
		x.out.Progress = quantity.Significant(progress(base, r.number, x.number), 4).String()
	} else {
		x.caveat("期初数未知，只给差距，不给进度", "the value at the beginning is not known: a gap, no progress")
	}
}

func progress(base, actual, target *big.Rat) *big.Rat {
	return new(big.Rat).Quo(new(big.Rat).Sub(actual, base), new(big.Rat).Sub(target, base))
}

// base is the value from which a stock, rate or share sets out: the one of the
// year before, or for a stock of the day before the period begins.
func (x *assessment) base() *big.Rat {
	if x.period.Start() == nil {
		return nil
	}
	before := day(x.period.Start()).AddDate(0, 0, -1)
	for _, a := range inScope(x.results, x.out.GetTargetKey().GetScope()) {
		if a.number == nil || a.comparator != typev1.Comparator_COMPARATOR_EQUAL || !a.end.Equal(before) {
			continue
		}
		if x.indicator.GetNature() == indicatorv1.Nature_NATURE_STOCK || a.period.Kind() == x.period.Kind() {
			return a.number
		}
	}
	return nil
}

// verdict is what a result says of a target.
type verdict int

const (
	undecided verdict = iota
	reaches
	fails
)

// interval is where a result may lie.
type interval struct {
	low, high         *big.Rat // nil: no bound
	lowOpen, highOpen bool
}

func intervalOf(n *big.Rat, c typev1.Comparator, about *big.Rat) (interval, bool) {
	switch c {
	case typev1.Comparator_COMPARATOR_EQUAL:
		return interval{low: n, high: n}, true
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return interval{low: n}, true
	case typev1.Comparator_COMPARATOR_MORE_THAN:
		return interval{low: n, lowOpen: true}, true
	case typev1.Comparator_COMPARATOR_AT_MOST:
		return interval{high: n}, true
	case typev1.Comparator_COMPARATOR_LESS_THAN:
		return interval{high: n, highOpen: true}, true
	case typev1.Comparator_COMPARATOR_ABOUT:
		if about != nil {
			off := new(big.Rat).Mul(new(big.Rat).Abs(n), about)
			return interval{low: new(big.Rat).Sub(n, off), high: new(big.Rat).Add(n, off)}, true
		}
	default:
	}
	return interval{}, false
}

// judged says whether every value of the interval reaches the goal, or none does.
func judged(goal typev1.Comparator, target *big.Rat, i interval) verdict {
	switch goal {
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return decided(i.low != nil && i.low.Cmp(target) >= 0, i.high != nil && (i.high.Cmp(target) < 0 || i.highOpen && i.high.Cmp(target) == 0))
	case typev1.Comparator_COMPARATOR_MORE_THAN:
		return decided(i.low != nil && (i.low.Cmp(target) > 0 || i.lowOpen && i.low.Cmp(target) == 0), i.high != nil && i.high.Cmp(target) <= 0)
	case typev1.Comparator_COMPARATOR_AT_MOST:
		return decided(i.high != nil && i.high.Cmp(target) <= 0, i.low != nil && (i.low.Cmp(target) > 0 || i.lowOpen && i.low.Cmp(target) == 0))
	case typev1.Comparator_COMPARATOR_LESS_THAN:
		return decided(i.high != nil && (i.high.Cmp(target) < 0 || i.highOpen && i.high.Cmp(target) == 0), i.low != nil && i.low.Cmp(target) >= 0)
	case typev1.Comparator_COMPARATOR_EQUAL:
		// Without a good direction, only hitting it is clear.
		return decided(i.low != nil && i.high != nil && i.low.Cmp(target) == 0 && i.high.Cmp(target) == 0, false)
	default:
		return undecided
	}
}

func decided(yes, no bool) verdict {
	switch {
	case yes:
		return reaches
	case no:
		return fails
	default:
		return undecided
	}
}

// verdict judges a result against the target, `~` with the stated tolerance:
// as a floor, or a ceiling where low is better, and on both sides where neither is.
func (x *assessment) verdict(r *result) verdict {
	i, ok := intervalOf(r.number, r.comparator, x.about)
	if !ok {
		return undecided
	}
	if x.goal != typev1.Comparator_COMPARATOR_ABOUT {
		return judged(x.goal, x.number, i)
	}
	band, ok := intervalOf(x.number, typev1.Comparator_COMPARATOR_ABOUT, x.about)
	if !ok {
		return undecided
	}
	switch x.indicator.GetDirection() {
	case indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER:
		return judged(typev1.Comparator_COMPARATOR_AT_LEAST, band.low, i)
	case indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER:
		return judged(typev1.Comparator_COMPARATOR_AT_MOST, band.high, i)
	default:
		low, high := judged(typev1.Comparator_COMPARATOR_AT_LEAST, band.low, i), judged(typev1.Comparator_COMPARATOR_AT_MOST, band.high, i)
		return decided(low == reaches && high == reaches, low == fails || high == fails)
	}
}

// judge concludes from a verdict and whether the result is of the whole period.
func (x *assessment) judge(r *result) {
	v := x.verdict(r)
	zh, en := x.inWords(r)
	adds := x.out.GetRule() == indicatorv1.CompletionRule_COMPLETION_RULE_RATIO
	ceiling := x.out.GetRule() == indicatorv1.CompletionRule_COMPLETION_RULE_MARGIN &&
		ruleOf(x.indicator.GetNature()) == indicatorv1.CompletionRule_COMPLETION_RULE_RATIO
	switch {
	case r.final && v == reaches:
		x.conclude(met, zh, en)
	case r.final && v == fails:
		x.conclude(missed, zh, en)
	case r.final:
		why := x.undecided(r)
		x.conclude(unknown, zh+"；"+why.GetZh(), en+"; "+english(why))
	case adds && v == reaches: // What has come in does not go away by the end of the period.
		through := dateText(r.end)
		x.conclude(met, "截至"+through.GetZh()+"已达目标："+zh, "reached by "+english(through)+": "+en)
	case ceiling && v == fails:
		through := dateText(r.end)
		x.conclude(missed, "截至"+through.GetZh()+"已超上限："+zh, "beyond the ceiling by "+english(through)+": "+en)
	default:
		through := dateText(r.end)
		x.open("实绩截至"+through.GetZh()+"："+zh, "the last result is through "+english(through)+": "+en)
	}
}

// undecided says why a final result does not decide.
func (x *assessment) undecided(r *result) *typev1.Localized {
	switch {
	case x.goal == typev1.Comparator_COMPARATOR_ABOUT && x.about == nil:
		return say("目标为约数，未给定容差，不判断", "the target says about and no tolerance is stated, so it is not judged")
	case r.comparator == typev1.Comparator_COMPARATOR_ABOUT && x.about == nil:
		return say("实绩为约数，未给定容差，不判断", "the result says about and no tolerance is stated, so it is not judged")
	case x.goal == typev1.Comparator_COMPARATOR_EQUAL:
		return say("指标不分好坏方向，只有相等才算达到", "the indicator has no good direction: only hitting the number would count")
	default:
		return say("实绩只给出界限，不足以判断", "the result is only bounded, which does not decide")
	}
}

// inWords is the comparison of number and target in a sentence.
func (x *assessment) inWords(r *result) (zh, en string) {
	unit := x.indicator.GetUnit()
	actual := comparatorText(r.comparator) + exact(r.number)
	target := comparatorText(x.out.GetTargetComparator()) + exact(x.number)
	zh, en = fmt.Sprintf("实绩%s，目标%s", of(actual, unit), of(target, unit)), fmt.Sprintf("result %s, target %s", ofEn(actual, unit), ofEn(target, unit))
	switch x.out.GetRule() {
	case indicatorv1.CompletionRule_COMPLETION_RULE_RATIO:
		if rate := number(x.out.GetRate()); rate != nil {
			return zh + "，完成率" + percent(rate), en + ", completion " + percent(rate)
		}
	case indicatorv1.CompletionRule_COMPLETION_RULE_POINTS:
		gap := signed(number(x.out.GetGap()))
		return zh + "，差" + gap + "个百分点", en + ", " + gap + " percentage points"
	case indicatorv1.CompletionRule_COMPLETION_RULE_MARGIN:
		margin, gap := x.gapUnit(), signed(number(x.out.GetGap()))
		return zh + "，余量" + gap + margin.GetZh(), en + ", margin " + ofEn(gap, english(margin))
	case indicatorv1.CompletionRule_COMPLETION_RULE_GAP:
		own, gap := x.gapUnit(), signed(number(x.out.GetGap()))
		return zh + "，差距" + gap + own.GetZh(), en + ", gap " + ofEn(gap, english(own))
	default:
	}
	return zh, en
}

// gapUnit is the unit of a difference: of two percentages it is the percentage point.
func (x *assessment) gapUnit() *typev1.Localized {
	if x.indicator.GetUnit() == "%" {
		return say("个百分点", "percentage points")
	}
	return say(x.indicator.GetUnit(), x.indicator.GetUnit())
}

// eachPart judges a target that holds for every quarter or month by itself. The
// yearly minimum follows from it and is labelled as derived.
func (x *assessment) eachPart() {
	parts, unit := x.period.Parts(), x.indicator.GetUnit()
	kind, _ := x.period.Each()
	if len(parts) == 0 {
		x.open("按期分别考核，期数未知", "it holds for each "+kind.String()+", and how many there are is not known")
		return
	}
	target := comparatorText(x.goal) + exact(x.number)
	total := new(big.Rat).Mul(x.number, big.NewRat(int64(len(parts)), 1))
	floor := x.goal == typev1.Comparator_COMPARATOR_AT_LEAST || x.goal == typev1.Comparator_COMPARATOR_MORE_THAN
	adds := x.out.GetRule() == indicatorv1.CompletionRule_COMPLETION_RULE_RATIO
	if floor && adds {
		whole := x.period.Whole().Text()
		x.out.Derivation = say(
			fmt.Sprintf("推算：每期%s，%s%d期合计至少%s，原文未写出", of(target, unit), whole.GetZh(), len(parts), of(exact(total), unit)),
			fmt.Sprintf("derived: %s in each %s, so at least %s over the %d of %s; the text does not say so",
				ofEn(target, unit), kind, ofEn(exact(total), unit), len(parts), english(whole)))
	}
	known, short, over := 0, "", 0
	sum := new(big.Rat)
	for _, p := range parts {
		if civil.Last(p.End(), civil.Never) > x.asOf {
			continue
		}
		over++
		r := x.result(p)
		if r == nil || !r.final || r.simulated != x.out.GetSimulated() {
			continue
		}
		known++
		sum.Add(sum, r.number)
		x.out.ActualKey = r.key
		for _, a := range r.parts {
			for _, s := range a.statements {
				if !slices.Contains(x.out.GetStatements(), s.GetName()) {
					x.out.Statements = append(x.out.GetStatements(), s.GetName())
				}
			}
		}
		if x.verdict(r) == fails && short == "" {
			short = p.String()
		}
	}
	if known > 0 && adds {
		x.out.ActualNumber = exact(sum)
	}
	if known == len(parts) && floor && adds && total.Sign() > 0 {
		x.out.Rate = quantity.Significant(new(big.Rat).Quo(sum, total), 4).String()
	}
	whole := x.result(x.period.Whole())
	switch {
	case short != "":
		when := periodText(short)
		x.conclude(missed, when.GetZh()+"未达"+of(target, unit), english(when)+" is below "+ofEn(target, unit))
	case known == len(parts):
		x.conclude(met, fmt.Sprintf("%d期均达%s", known, of(target, unit)), fmt.Sprintf("all %d reach %s", known, ofEn(target, unit)))
	case floor && adds && whole != nil && whole.final && whole.comparator == typev1.Comparator_COMPARATOR_EQUAL && whole.number.Cmp(total) < 0:
		x.out.ActualKey, x.out.ActualNumber = whole.key, exact(whole.number)
		x.conclude(missed, "全期合计"+of(exact(whole.number), unit)+"，低于各期之和，必有未达的一期",
			"the whole came to "+ofEn(exact(whole.number), unit)+", less than the parts must add up to, so one of them fell short")
	default:
		x.open(fmt.Sprintf("已过%d期，其中%d期有实绩", over, known), fmt.Sprintf("%d parts are over, %d of them with a result", over, known))
	}
}

// bundle judges 主要经济指标 when somebody has named the set, and otherwise says
// that nobody has.
func (x *assessment) bundle() {
	set := x.indicator.GetBundleOf()
	if len(set) == 0 {
		x.open("所含指标未列明（set not named），不判断", "set not named: the indicators of the bundle are not stated, so it is not judged")
		return
	}
	if x.number == nil || x.goal == 0 {
		x.open("目标数未定", "the target has no one number")
		return
	}
	x.caveat("按所含指标各自达到判断", "judged as each indicator of the set by itself")
	known, short := 0, ""
	for _, name := range set {
		i, ok := x.figures.Indicator(name)
		if !ok {
			continue
		}
		member := *x
		member.indicator, member.results = i, actuals(x.figures, x.out.GetSubject(), name, x.asOf)
		r := member.result(x.period)
		if r == nil || !r.final || r.simulated != x.out.GetSimulated() {
			continue
		}
		known++
		n := exact(r.number)
		x.caveat(i.GetDisplayName().GetZh()+"："+of(n, i.GetUnit()), english(i.GetDisplayName())+": "+ofEn(n, i.GetUnit()))
		if member.verdict(r) == fails && short == "" {
			short = name
		}
	}
	switch {
	case short != "":
		i, _ := x.figures.Indicator(short)
		x.conclude(missed, i.GetDisplayName().GetZh()+"未达目标", english(i.GetDisplayName())+" is short of it")
	case known == len(set):
		x.conclude(met, fmt.Sprintf("%d项指标均达目标", known), fmt.Sprintf("all %d indicators reach it", known))
	default:
		x.open(fmt.Sprintf("%d项指标中%d项有实绩", len(set), known), fmt.Sprintf("%d of %d indicators have a result", known, len(set)))
	}
}
