package period

import "time"

// A statistical year is published as figures that count from its first day, as
// figures of its parts, or as both. What follows says how the periods of such a
// series fit together; the numbers are the caller's.
//
// Only amounts and counts may be taken apart and put together in this way. A
// growth rate of a month never follows from the rates of two cumulative periods.

// FromYearStart says whether the period begins with its calendar year and ends
// within it, as every cumulative figure does: 2020-Q1, 2020-S1, 2020-05;cumulative
// and 2020 do, 2020-Q2 does not.
func (p Period) FromYearStart() bool {
	if p.each != NotStated || p.Year() == 0 || p.kind == Seasons || p.kind == Week && !p.cumulative {
		return false
	}
	s := p.Start()
	return s.GetYear() == int32(p.year) && s.GetMonth() == 1 && s.GetDay() == 1
}

// WholeMonths are the months that a period of one year fills: 1 to 6 for
// 2020-S1. False for days, weeks, seasons and what spans years.
func (p Period) WholeMonths() (first, last int, ok bool) {
	switch p.kind {
	case Month, Quarter, Half, Year, Months:
	default:
		return 0, 0, false
	}
	a, b := p.months()
	if p.cumulative {
		a = 12 * p.year
	}
	if a/12 != b/12 {
		return 0, 0, false
	}
	return a%12 + 1, b%12 + 1, true
}

// OfMonths is the period of whole months of a year in its canonical form:
// OfMonths(2020, 1, 6) is 2020-S1. False when there are no such months.
func OfMonths(year, first, last int) (Period, bool) {
	if year < FirstYear || year > LastYear || first < 1 || last > 12 || last < first {
		return Period{}, false
	}
	return whole(12*year+first-1, 12*year+last-1), true
}

// Difference is the period that is left when a figure of earlier is taken from
// one of later, both from the beginning of one year: S1 less May cumulative is
// June, Q1 less Jan-Feb is March. A number obtained so carries every later
// revision of the months before (含前期修订).
func Difference(later, earlier Period) (Period, bool) {
	if !later.FromYearStart() || !earlier.FromYearStart() || later.year != earlier.year {
		return Period{}, false
	}
	_, b, ok := later.WholeMonths()
	_, a, ok2 := earlier.WholeMonths()
	if !ok || !ok2 || a >= b {
		return Period{}, false
	}
	return OfMonths(later.year, a+1, b)
}

// Minuends are the two cumulative periods whose difference the period is, false
// when it is none: 2020-06 is S1 less May cumulative. January and February by
// themselves are not published, so February is no difference.
func (p Period) Minuends() (later, earlier Period, ok bool) {
	first, last, ok := p.WholeMonths()
	if !ok || p.each != NotStated || first <= 2 {
		return Period{}, Period{}, false
	}
	later, _ = OfMonths(p.year, 1, last)
	earlier, _ = OfMonths(p.year, 1, first-1)
	return later, earlier, true
}

// Parts are the periods that `;each=` means one by one, in order: the four
// quarters of `2020;each=quarter`. Nil when the period is meant as a whole, when
// its start is not stated, and for days and weeks, of which nobody sets a target
// one by one in a register.
func (p Period) Parts() []Period {
	months := map[Kind]int{Month: 1, Quarter: 3, Half: 6, Year: 12}[p.each]
	whole := p
	whole.each = NotStated
	first, last := whole.months()
	if months == 0 || p.kind == NotStated || p.kind == OpenYears || p.kind == Seasons || (last-first+1)%months != 0 || first%months != 0 {
		return nil
	}
	var parts []Period
	for m := first; m <= last; m += months {
		part, ok := OfMonths(m/12, m%12+1, m%12+months)
		if !ok {
			return nil
		}
		parts = append(parts, part)
	}
	return parts
}

// Whole is the period without `;each=`.
func (p Period) Whole() Period {
	p.each = NotStated
	return p
}

// SameDayOf is the day of another year that ends the same part of it, for the
// last day of a month its last day: 29 February of 2020 answers to 28 February of 2019.
func SameDayOf(year int, day time.Time) time.Time {
	if day.AddDate(0, 0, 1).Day() == 1 {
		return time.Date(year, day.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(year, day.Month(), min(day.Day(), daysIn(year, int(day.Month()))), 0, 0, 0, 0, time.UTC)
}
