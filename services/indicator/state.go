package indicator

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// state judges targets without a number: a deadline by days, words by words.
func (x *assessment) state(aim *indicatorv1.Statement, f *indicatorv1.Figure) {
	x.out.Rule = indicatorv1.CompletionRule_COMPLETION_RULE_STATE
	if c := f.GetConflict(); c.GetNumberDiffers() && !f.GetPinned() {
		x.open("目标的表述不一致", "the statements of the target differ")
		return
	}
	if due := aim.GetDueDate(); due != nil {
		x.deadline(due)
		return
	}
	done := x.said()
	switch {
	case done != nil && done.GetStatus() == aim.GetStatus():
		x.conclude(met, "实绩与目标一致："+done.GetStatus(), "the result says what the target says: "+done.GetStatus())
	case aim.GetNumberPending():
		x.awaited(aim)
	case done != nil:
		x.open("实绩为“"+done.GetStatus()+"”，目标为“"+aim.GetStatus()+"”，文字不同，不判断",
			"the result says "+done.GetStatus()+", the target "+aim.GetStatus()+": the words differ, so it is not judged")
	default:
		x.open("未见实绩", "no result is on record")
	}
}

// said is the last status that is on record by the end of the target's period.
func (x *assessment) said() *indicatorv1.Statement {
	var last *indicatorv1.Statement
	var when time.Time
	for _, a := range x.results {
		end := x.period.End()
		if len(a.statements) == 0 || end != nil && a.end.After(day(end)) || !sameScope(a.key.GetScope(), x.out.GetTargetKey().GetScope()) {
			continue
		}
		if s := a.statements[0]; s.GetStatus() != "" && (last == nil || a.end.After(when)) && s.GetSimulated() == x.out.GetSimulated() {
			last, when = s, a.end
			x.out.ActualKey = a.key
		}
	}
	if last != nil {
		x.out.Statements = append(x.out.GetStatements(), last.GetName())
	}
	return last
}

// deadline judges what is due by a day: done by then, done later, days left, or
// over with nothing on record, which proves nothing.
func (x *assessment) deadline(due *typev1.Date) {
	last := civil.Last(due, civil.Never)
	by := civil.String(due)
	for _, a := range x.results {
		if len(a.statements) == 0 || a.statements[0].GetSimulated() != x.out.GetSimulated() {
			continue
		}
		// A result states the day on which it was reached, or that it is the case by the end of its period.
		s, when := a.statements[0], dayOf(a.end)
		if d := s.GetDueDate(); d != nil {
			when = civil.Last(d, civil.Never)
		}
		x.out.ActualKey = a.key
		x.out.Statements = append(x.out.GetStatements(), s.GetName())
		on := civil.String(dateOf(timeOf(when)))
		if when <= last {
			x.conclude(met, "限期"+by+"，"+on+"已有实绩", "due by "+by+", on record by "+on)
			return
		}
		if s.GetDueDate() != nil {
			x.conclude(missed, "限期"+by+"，"+on+"完成", "due by "+by+", done on "+on)
			return
		}
		x.conclude(unknown, "限期"+by+"，实绩见于"+on+"，何日完成未载明", "due by "+by+", on record of "+on+" without the day on which it was done")
		return
	}
	days := int(timeOf(last).Sub(timeOf(x.asOf)).Hours() / 24)
	if days >= 0 {
		x.conclude(pending, fmt.Sprintf("限期%s，还有%d天", by, days), fmt.Sprintf("due by %s, %d days left", by, days))
		return
	}
	x.conclude(unknown, fmt.Sprintf("限期%s，已过%d天，未见实绩", by, -days), fmt.Sprintf("due by %s, %d days ago, and no result is on record", by, -days))
}

func timeOf(d civil.Day) time.Time {
	return time.Date(int(d)/10_000, time.Month(int(d)/100%100), int(d)%100, 0, 0, 0, 0, time.UTC)
}

// listed judges admission to a list: the stage reached against the stage aimed
// at, and the gap to each criterion.
func (x *assessment) listed(aim *indicatorv1.ListTarget) {
	x.out.Rule = indicatorv1.CompletionRule_COMPLETION_RULE_STATE
	list, ok := x.figures.List(aim.GetList())
	if !ok {
		x.open("名单未登记", "the list is not on record")
		return
	}
	x.out.Simulated = x.out.GetSimulated() || list.GetSimulated()
	aimed := stageText(aim.GetStage())
	by := x.asOf
	if end := x.period.End(); end != nil {
		by = min(by, civil.Last(end, civil.Never))
	}
	then, now := standing(list, x.out.GetSubject(), by), standing(list, x.out.GetSubject(), x.asOf)
	ended, known := x.ended()
	name := list.GetDisplayName()
	switch {
	case reached(then.GetStage(), aim.GetStage()):
		x.conclude(met, fmt.Sprintf("%s：已到%s，目标为%s", name.GetZh(), stageText(then.GetStage()).GetZh(), aimed.GetZh()),
			fmt.Sprintf("%s: %s, aimed at %s", english(name), english(stageText(then.GetStage())), english(aimed)))
	case then == nil && now == nil:
		x.open(fmt.Sprintf("%s未收录本区；目标为%s", name.GetZh(), aimed.GetZh()),
			fmt.Sprintf("%s has no entry of the zone; aimed at %s", english(name), english(aimed)))
	case ended && known && reached(now.GetStage(), aim.GetStage()):
		since := civil.String(now.GetSince())
		x.conclude(missed, fmt.Sprintf("%s：期满后于%s到%s", name.GetZh(), since, stageText(now.GetStage()).GetZh()),
			fmt.Sprintf("%s: %s since %s, after the period", english(name), english(stageText(now.GetStage())), since))
	case ended && known:
		at := stageText(then.GetStage())
		x.conclude(missed, fmt.Sprintf("%s：期满时为%s，目标为%s%s", name.GetZh(), at.GetZh(), aimed.GetZh(), stepsZh(then, aim)),
			fmt.Sprintf("%s: %s at the end of the period, aimed at %s%s", english(name), english(at), english(aimed), stepsEn(then, aim)))
	default:
		at := stageText(now.GetStage())
		x.open(fmt.Sprintf("%s：现为%s，目标为%s%s", name.GetZh(), at.GetZh(), aimed.GetZh(), stepsZh(now, aim)),
			fmt.Sprintf("%s: %s now, aimed at %s%s", english(name), english(at), english(aimed), stepsEn(now, aim)))
	}
	for _, c := range list.GetCriteria() {
		x.criterion(c)
	}
}

// standing is where a zone stands on a list on a day; an entry without a first
// day holds from ever. Nil: it has no entry by then.
func standing(list *indicatorv1.List, zone string, on civil.Day) *indicatorv1.ListEntry {
	var last *indicatorv1.ListEntry
	for _, e := range list.GetEntries() {
		since := civil.First(e.GetSince(), civil.Ever)
		if e.GetZone() == zone && since <= on && (last == nil || since >= civil.First(last.GetSince(), civil.Ever)) {
			last = e
		}
	}
	return last
}

// reached says whether a stage is as far as another one. Who has left the list stands nowhere on it.
func reached(stage, aim indicatorv1.ListStage) bool {
	if aim == indicatorv1.ListStage_LIST_STAGE_LEFT || stage == indicatorv1.ListStage_LIST_STAGE_LEFT {
		return stage == aim
	}
	return stage >= aim && stage != 0
}

func steps(at *indicatorv1.ListEntry, aim *indicatorv1.ListTarget) int {
	if at.GetStage() == indicatorv1.ListStage_LIST_STAGE_LEFT || aim.GetStage() == indicatorv1.ListStage_LIST_STAGE_LEFT {
		return 0
	}
	return int(aim.GetStage() - at.GetStage())
}

func stepsZh(at *indicatorv1.ListEntry, aim *indicatorv1.ListTarget) string {
	if n := steps(at, aim); n > 0 && at != nil {
		return fmt.Sprintf("，还差%d步", n)
	}
	return ""
}

func stepsEn(at *indicatorv1.ListEntry, aim *indicatorv1.ListTarget) string {
	if n := steps(at, aim); n > 0 && at != nil {
		return fmt.Sprintf(", %d stages to go", n)
	}
	return ""
}

// criterion adds the gap to one criterion of a list, from the last result of
// the zone, in the unit of the criterion.
func (x *assessment) criterion(c *indicatorv1.Criterion) {
	i, ok := x.figures.Indicator(c.GetIndicator())
	if !ok {
		return
	}
	threshold := number(c.GetNumber())
	name := i.GetDisplayName()
	want := comparatorText(c.GetComparator()) + c.GetNumber()
	head, headEn := fmt.Sprintf("条件：%s%s", name.GetZh(), of(want, c.GetUnit())), fmt.Sprintf("criterion: %s %s", english(name), ofEn(want, c.GetUnit()))
	last := latest(actuals(x.figures, x.out.GetSubject(), i.GetName(), x.asOf), func(a actual) bool { return a.simulated == x.out.GetSimulated() }, nil)
	if last == nil || threshold == nil {
		x.caveat(head+"，未见实绩", headEn+", no result is on record")
		return
	}
	factor, err := quantity.In("1", i.GetUnit(), c.GetUnit())
	if err != nil { // The command that wrote the list has checked it.
		x.caveat(head+"，单位不能换算", headEn+", the unit does not convert")
		return
	}
	value := new(big.Rat).Mul(last.number, factor)
	goal := effective(c.GetComparator(), i.GetDirection())
	gap := new(big.Rat).Sub(value, threshold)
	if keepsLow(goal, i.GetDirection()) {
		gap.Neg(gap)
	}
	bounds, bounded := intervalOf(value, last.comparator, x.about)
	verdictZh, verdictEn := "不能判断", "not decided"
	if bounded {
		switch judged(goal, threshold, bounds) {
		case reaches:
			verdictZh, verdictEn = "达到", "reached"
		case fails:
			verdictZh, verdictEn = "未达到", "not reached"
		default:
		}
	}
	p := periodText(last.key.GetPeriod())
	is := comparatorText(last.comparator) + exact(value)
	x.caveat(fmt.Sprintf("%s，%s为%s，差距%s，%s", head, p.GetZh(), of(is, c.GetUnit()), of(signed(gap), c.GetUnit()), verdictZh),
		fmt.Sprintf("%s: %s in %s, gap %s, %s", headEn, ofEn(is, c.GetUnit()), english(p), ofEn(signed(gap), c.GetUnit()), verdictEn))
}

// components shows the children of a target beside the whole: components of its
// indicator, or the targets of the parts of its zone. Sums are exact.
func (x *assessment) components() {
	if x.number == nil && x.indicator.GetComponentOf() == "" {
		return
	}
	if of := x.indicator.GetComponentOf(); of != "" {
		x.out.Components = x.sum(of)
	} else if c := x.sum(x.indicator.GetName()); c != nil {
		x.out.Components = c
	}
	x.longer()
	if x.out.GetComponents() == nil {
		x.out.Components = x.ofParts()
	}
}

// sibling is the key of a target like this one under another indicator or of another subject.
func (x *assessment) sibling(subject, indicator, period string) *indicatorv1.FigureKey {
	k := x.out.GetTargetKey()
	return &indicatorv1.FigureKey{
		Subject: subject, Indicator: indicator, Period: period, Scope: k.GetScope(), Kind: k.GetKind(), Ambition: k.GetAmbition(),
	}
}

// children are the indicators that are components of one, in order of their names.
func (a *assessor) children(of string) []*indicatorv1.Indicator {
	var out []*indicatorv1.Indicator
	for i := range a.figures.Indicators() {
		if i.GetComponentOf() == of {
			out = append(out, i)
		}
	}
	return out
}

// sum holds the targets on the components of an indicator against the target on
// the whole, of the same subject, period, scope and ambition; nil when no
// component has one.
func (x *assessment) sum(whole string) *indicatorv1.Components {
	parent, ok := x.figures.Indicator(whole)
	if !ok {
		return nil
	}
	var keys []*indicatorv1.FigureKey
	for _, child := range x.children(whole) {
		keys = append(keys, x.sibling(x.out.GetSubject(), child.GetName(), x.out.GetTargetKey().GetPeriod()))
	}
	return x.added(keys, x.sibling(x.out.GetSubject(), whole, x.out.GetTargetKey().GetPeriod()), parent,
		parent.GetDisplayName().GetZh(), english(parent.GetDisplayName()))
}

// added sums targets and compares the sum with the whole.
func (x *assessment) added(
	keys []*indicatorv1.FigureKey, wholeKey *indicatorv1.FigureKey, whole *indicatorv1.Indicator, zh, en string,
) *indicatorv1.Components {
	c := &indicatorv1.Components{}
	sum, complete := new(big.Rat), true
	for _, k := range keys {
		f, ok := x.figures.Figure(k)
		if !ok || len(f.GetStatements()) == 0 {
			continue
		}
		c.Keys = append(c.GetKeys(), k)
		child, _ := x.figures.Indicator(k.GetIndicator())
		n, err := quantity.In(f.GetNumber(), child.GetUnit(), whole.GetUnit())
		if err != nil {
			complete = false
			continue
		}
		sum.Add(sum, n)
	}
	if len(c.GetKeys()) == 0 {
		return nil
	}
	all := len(c.GetKeys()) == len(keys)
	f, _ := x.figures.Figure(wholeKey)
	c.Whole = f.GetNumber()
	unit := whole.GetUnit()
	count := fmt.Sprintf("%d项中%d项有目标", len(keys), len(c.GetKeys()))
	countEn := fmt.Sprintf("%d of %d have a target", len(c.GetKeys()), len(keys))
	if !complete {
		c.Message = say(zh+"："+count+"，其中有的没有数值，不合计", en+": "+countEn+", and not each has a number, so there is no sum")
		return c
	}
	c.Sum = exact(sum)
	switch n := number(c.GetWhole()); {
	case n == nil:
		c.Message = say(fmt.Sprintf("%s：%s，合计%s为推算，整体目标原文未写出", zh, count, of(c.GetSum(), unit)),
			fmt.Sprintf("%s: %s, their sum of %s is derived and the whole is not stated", en, countEn, ofEn(c.GetSum(), unit)))
	default:
		difference := new(big.Rat).Sub(sum, n)
		c.Difference = exact(difference)
		printed := comparatorText(f.GetComparator()) + c.GetWhole()
		c.Message = say(fmt.Sprintf("%s：%s，合计%s，整体%s，差%s", zh, count, of(c.GetSum(), unit), of(printed, unit), of(signed(difference), unit)),
			fmt.Sprintf("%s: %s, sum %s, whole %s, difference %s", en, countEn, ofEn(c.GetSum(), unit), ofEn(printed, unit), ofEn(signed(difference), unit)))
		if !all {
			c.Message.Zh += "；未列全，不能据此判断是否一致"
			c.Message.En += "; not all are on record, so this does not show whether they agree"
		}
	}
	return c
}

// longer says that components exist for a longer period, which their text does not split by year.
func (x *assessment) longer() {
	if x.period.Kind() != period.Year {
		return
	}
	seen := make(map[string]*indicatorv1.Components)
	for _, child := range x.children(x.indicator.GetName()) {
		for f := range x.figures.FiguresUnder(x.out.GetSubject(), child.GetName()) {
			k := f.GetKey()
			p, err := period.Parse(k.GetPeriod())
			longer := p.Kind() == period.Years || p.Kind() == period.OpenYears
			if err != nil || k.GetKind() != indicatorv1.Kind_KIND_TARGET || !longer || seen[k.GetPeriod()] != nil {
				continue
			}
			like := *x
			like.out = &indicatorv1.Completion{Subject: x.out.GetSubject(), TargetKey: k}
			c := like.sum(x.indicator.GetName())
			seen[k.GetPeriod()] = c
			when := p.Text()
			x.caveat(fmt.Sprintf("%s的分项目标合计%s，未分解到年，与本年目标的对应关系原文未写出", when.GetZh(), of(c.GetSum(), x.indicator.GetUnit())),
				fmt.Sprintf("components over %s add up to %s; the text does not split them by year nor relate them to this target",
					english(when), ofEn(c.GetSum(), x.indicator.GetUnit())))
		}
	}
}

// ofParts compares the target of a zone with the sum of those of its parts on
// the last day of the period.
func (x *assessment) ofParts() *indicatorv1.Components {
	switch x.indicator.GetNature() {
	case indicatorv1.Nature_NATURE_FLOW, indicatorv1.Nature_NATURE_COUNT, indicatorv1.Nature_NATURE_STOCK:
	default:
		return nil
	}
	on := x.asOf
	if end := x.period.End(); end != nil {
		on = civil.Last(end, civil.Never)
	}
	k := x.out.GetTargetKey()
	var keys []*indicatorv1.FigureKey
	for _, part := range partsOf(x.registry, k.GetSubject(), on) {
		keys = append(keys, x.sibling(part.zone, k.GetIndicator(), k.GetPeriod()))
	}
	slices.SortFunc(keys, func(a, b *indicatorv1.FigureKey) int { return strings.Compare(a.GetSubject(), b.GetSubject()) })
	return x.added(keys, k, x.indicator, "所属园区目标", "targets of the parts")
}
