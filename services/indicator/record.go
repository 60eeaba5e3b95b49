package indicator

import (
	"math/big"
	"slices"
	"time"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// actual is one published result: a figure with its period on the calendar and
// its number as a fraction.
type actual struct {
	key        *indicatorv1.FigureKey
	period     period.Period
	start, end time.Time // zero when the period is not stated
	number     *big.Rat  // nil: none, or its statements differ
	comparator typev1.Comparator
	statements []*indicatorv1.Statement // that decide, in order of preference
	simulated  bool
}

// decisive are the statements a figure stands on: the selected one and those
// that say the same, or all that a conflict names.
func decisive(f *indicatorv1.Figure) []*indicatorv1.Statement {
	if names := f.GetConflict().GetStatements(); len(names) > 0 && !f.GetPinned() {
		return slices.DeleteFunc(slices.Clone(f.GetStatements()), func(s *indicatorv1.Statement) bool { return !slices.Contains(names, s.GetName()) })
	}
	for _, s := range f.GetStatements() {
		if s.GetName() == f.GetSelected() {
			return []*indicatorv1.Statement{s}
		}
	}
	return nil
}

// number reads a figure's number, nil when there is none.
func number(text string) *big.Rat {
	d, err := quantity.Parse(text)
	if err != nil {
		return nil
	}
	return d.Rat()
}

// actuals are the results of an indicator that a subject has, whatever their
// scope, whose period ended by a day; those without a stated end are left out.
func actuals(view figures.View, subject, indicator string, by civil.Day) []actual {
	var out []actual
	for f := range view.FiguresUnder(subject, indicator) {
		if f.GetKey().GetKind() != indicatorv1.Kind_KIND_ACTUAL {
			continue
		}
		p, err := period.Parse(f.GetKey().GetPeriod())
		if err != nil || p.End() == nil || civil.Last(p.End(), civil.Never) > by {
			continue
		}
		if _, each := p.Each(); each {
			continue
		}
		a := actual{
			key: f.GetKey(), period: p, start: day(p.Start()), end: day(p.End()),
			number: number(f.GetNumber()), comparator: f.GetComparator(), statements: decisive(f),
		}
		for _, s := range a.statements {
			a.simulated = a.simulated || s.GetSimulated()
		}
		out = append(out, a)
	}
	return out
}

// day is a whole civil date as a point of the calendar.
func day(d *typev1.Date) time.Time {
	return time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
}

func dayOf(t time.Time) civil.Day {
	return civil.Day(t.Year()*10_000 + int(t.Month())*100 + t.Day())
}

func dateOf(t time.Time) *typev1.Date {
	return &typev1.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())}
}

func sameScope(a, b *typev1.Scope) bool {
	return a.GetStatisticalClass() == b.GetStatisticalClass() && a.GetExtent() == b.GetExtent()
}

// inScope are the actuals of one scope, with the numbers that one may add.
func inScope(list []actual, scope *typev1.Scope) []actual {
	return slices.DeleteFunc(slices.Clone(list), func(a actual) bool { return !sameScope(a.key.GetScope(), scope) })
}

// accrual is what a flow or count has come to from one day to another: one
// cumulative figure, or several that follow on each other without a gap.
type accrual struct {
	parts  []actual
	end    time.Time // last day that is covered
	number *big.Rat
	// falls is set when a cumulative figure is lower than an earlier one of the same year.
	falls bool
	// differenced is set when the number is the difference of two cumulative ones.
	differenced bool
}

// accrued adds up what is known from a first day on, as far as it goes without
// a gap and not beyond a last day; nil when nothing begins there. A longer
// figure is preferred to the shorter ones it is made of, since it carries their
// revisions.
func accrued(list []actual, first, last time.Time) *accrual {
	a := &accrual{number: new(big.Rat)}
	for next := first; ; {
		var best *actual
		for i := range list {
			x := &list[i]
			exact := x.comparator == typev1.Comparator_COMPARATOR_EQUAL
			if x.number != nil && exact && x.start.Equal(next) && !x.end.After(last) && (best == nil || x.end.After(best.end)) {
				best = x
			}
		}
		if best == nil {
			break
		}
		a.parts, a.end = append(a.parts, *best), best.end
		a.number.Add(a.number, best.number)
		next = best.end.AddDate(0, 0, 1)
	}
	if len(a.parts) == 0 {
		return nil
	}
	a.falls = falls(list, first, a.end)
	return a
}

// falls says whether figures that count from a day on get lower with time.
func falls(list []actual, first, last time.Time) bool {
	var run []actual
	for _, x := range list {
		if x.number != nil && x.start.Equal(first) && !x.end.After(last) {
			run = append(run, x)
		}
	}
	slices.SortFunc(run, func(a, b actual) int { return a.end.Compare(b.end) })
	for i := 1; i < len(run); i++ {
		if run[i].number.Cmp(run[i-1].number) < 0 {
			return true
		}
	}
	return false
}

// difference is what a period inside a year comes to when only cumulative
// figures are published; nil when they are not. It is for flows and counts: a
// growth rate is never differenced.
func difference(list []actual, p period.Period) *accrual {
	later, earlier, ok := p.Minuends()
	if !ok {
		return nil
	}
	find := func(q period.Period) *actual {
		for i := range list {
			if list[i].period == q && list[i].number != nil && list[i].comparator == typev1.Comparator_COMPARATOR_EQUAL {
				return &list[i]
			}
		}
		return nil
	}
	a, b := find(later), find(earlier)
	if a == nil || b == nil {
		return nil
	}
	n := new(big.Rat).Sub(a.number, b.number)
	return &accrual{parts: []actual{*a, *b}, end: a.end, number: n, differenced: true, falls: n.Sign() < 0}
}
