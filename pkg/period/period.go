// Package period reads and writes the periods that Chinese statistics speak of,
// in one canonical notation.
//
//	2020                 year
//	2020-S1              half (上半年)
//	2020-Q1              quarter
//	2020-05              month
//	2020-W15             ISO week
//	2020-05-07           day: as of
//	2020-01/2020-02      January and February together (1-2月): January alone is not published
//	2020-04/2020-05      other months
//	2018/2020            years
//	P3Y                  three years, the first of which is not stated
//	2017-24/2018-21      seasons as in ISO 8601-2: 21 spring, 22 summer, 23 autumn, 24 winter (去冬今春)
//	not-stated           the source does not say
//
// Behind it may stand `;cumulative` (from the beginning of the year to the end
// of the period) or `;each=quarter` (every quarter of the period by itself).
//
// The same time has one notation, however it was printed, so that it is one
// key: `2020-06;cumulative`, `2020-Q2;cumulative` and `2020-01/2020-06` are all
// `2020-S1`.
package period

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Kind is the form of a period.
type Kind int

// The kinds. Jan-Feb is a span of months.
const (
	NotStated Kind = iota
	Day
	Week
	Month
	Quarter
	Half
	Year
	Months    // a span of months that is none of the above
	Years     // a span of years
	OpenYears // a number of years, the first of which is not stated
	Seasons   // a season or a span of them
)

var kinds = [...]string{
	NotStated: "not-stated", Day: "day", Week: "week", Month: "month", Quarter: "quarter", Half: "half", Year: "year",
	Months: "months", Years: "years", OpenYears: "open-years", Seasons: "seasons",
}

// String is the word for the kind, the one that `;each=` takes for day to year.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kinds[k]
}

// Years that a period may lie in: outside of them is a typing error.
const (
	FirstYear = 1900
	LastYear  = 2199
)

// Period is a time that a figure is of. Equal periods are equal with ==. The
// zero value is "not stated".
type Period struct {
	kind       Kind
	cumulative bool
	each       Kind // NotStated: not each
	// The first year and, by kind, its month, quarter, half, week or season and day; for OpenYears the number of years.
	year, part, day int
	// The last year and its month or season, for spans.
	lastYear, lastPart int
}

// ParseError says why a text is not a period, and how to mend it.
type ParseError struct {
	Text   string
	Why    string
	Remedy string
}

// Error gives all three.
func (e *ParseError) Error() string {
	return fmt.Sprintf("period %q: %s; %s", clip(e.Text), e.Why, e.Remedy)
}

func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

const notation = "write 2020, 2020-S1, 2020-Q1, 2020-05, 2020-W15, 2020-05-07, 2020-01/2020-02, 2018/2020, P3Y, 2017-24/2018-21 or not-stated, " +
	"with ;cumulative or ;each=quarter behind it when it is so"

// Parse reads a period. What it returns prints in the canonical notation,
// which need not be how it was written.
func Parse(text string) (Period, error) {
	p, err := parse(text)
	if err == nil {
		return p, nil
	}
	if mended, ok := mend(text); ok {
		err.Remedy = "write " + mended
	}
	return Period{}, err
}

// Canonical is the one notation of a period, however it was written.
func Canonical(text string) (string, error) {
	p, err := Parse(text)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

func parse(text string) (Period, *ParseError) {
	fail := func(why, remedy string) (Period, *ParseError) {
		return Period{}, &ParseError{Text: text, Why: why, Remedy: remedy}
	}
	base, suffix, has := strings.Cut(text, ";")
	var p Period
	switch first, last, span := strings.Cut(base, "/"); {
	case base == "":
		return fail("it is empty", "write not-stated when the source does not say")
	case span:
		a, err := single(first)
		if err != nil {
			return fail(err.Why, err.Remedy)
		}
		b, err := single(last)
		if err != nil {
			return fail(err.Why, err.Remedy)
		}
		if p, err = between(a, b); err != nil {
			return fail(err.Why, err.Remedy)
		}
	default:
		var err *ParseError
		if p, err = single(base); err != nil {
			return fail(err.Why, err.Remedy)
		}
	}
	if !has {
		return p, nil
	}
	var err *ParseError
	switch word, value, _ := strings.Cut(suffix, "="); {
	case suffix == "cumulative":
		p, err = cumulative(p)
	case word == "each":
		p, err = each(p, value)
	default:
		return fail(fmt.Sprintf("%q is not known behind a period", suffix), "write ;cumulative or ;each=quarter, one of them")
	}
	if err != nil {
		return fail(err.Why, err.Remedy)
	}
	return p, nil
}

func wrong(remedy, format string, args ...any) *ParseError {
	return &ParseError{Why: fmt.Sprintf(format, args...), Remedy: remedy}
}

// single reads a period that is not a span.
func single(s string) (Period, *ParseError) {
	if s == "not-stated" {
		return Period{}, nil
	}
	if n, ok := strings.CutPrefix(s, "P"); ok {
		digits, ok := strings.CutSuffix(n, "Y")
		years, err := number(digits)
		if !ok || err != nil || digits[0] == '0' {
			return Period{}, wrong("write P3Y for three years", "a number of years without a first one is P, digits, Y")
		}
		if years < 1 || years > 99 {
			return Period{}, wrong("write P1Y to P99Y", "%d years are no plan", years)
		}
		return Period{kind: OpenYears, part: years}, nil
	}
	head, rest, more := strings.Cut(s, "-")
	year, err := number(head)
	if err != nil || len(head) != 4 {
		return Period{}, wrong(notation, "it does not begin with a year of four digits")
	}
	if year < FirstYear || year > LastYear {
		return Period{}, wrong("correct the year", "the year %s is outside %d to %d", head, FirstYear, LastYear)
	}
	if !more {
		return Period{kind: Year, year: year}, nil
	}
	return inYear(year, rest)
}

func inYear(year int, rest string) (Period, *ParseError) {
	part := func(kind Kind, digits string, width, most int, called string) (Period, *ParseError) {
		n, err := number(digits)
		if err != nil || len(digits) != width {
			return Period{}, wrong(notation, "%q is not a %s", rest, called)
		}
		if n < 1 || n > most {
			return Period{}, wrong(fmt.Sprintf("they go from 1 to %d", most), "%d has no %s %s", year, called, digits)
		}
		return Period{kind: kind, year: year, part: n}, nil
	}
	switch {
	case strings.HasPrefix(rest, "S"):
		return part(Half, rest[1:], 1, 2, "half")
	case strings.HasPrefix(rest, "Q"):
		return part(Quarter, rest[1:], 1, 4, "quarter")
	case strings.HasPrefix(rest, "W"):
		return part(Week, rest[1:], 2, weeksIn(year), "week")
	}
	month, day, more := strings.Cut(rest, "-")
	if n, err := number(month); err == nil && len(month) == 2 && !more && n >= 21 && n <= 24 {
		return Period{kind: Seasons, year: year, part: n, lastYear: year, lastPart: n}, nil
	}
	p, err := part(Month, month, 2, 12, "month")
	if err != nil || !more {
		return p, err
	}
	n, nerr := number(day)
	if nerr != nil || len(day) != 2 {
		return Period{}, wrong(notation, "%q is not a day", day)
	}
	if most := daysIn(year, p.part); n < 1 || n > most {
		return Period{}, wrong(fmt.Sprintf("they go from 01 to %d", most), "%d-%02d has no day %s", year, p.part, day)
	}
	p.kind, p.day = Day, n
	return p, nil
}

func number(digits string) (int, error) {
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.Atoi(digits)
}

// between makes a span out of its first and last period.
func between(a, b Period) (Period, *ParseError) {
	if a.kind != b.kind {
		return Period{}, wrong("write both ends alike, such as 2020-04/2020-05", "a span from a %s to a %s", a.kind, b.kind)
	}
	switch a.kind {
	case Year, Half, Quarter, Month:
		first, _ := a.months()
		_, last := b.months()
		if last < first {
			return Period{}, wrong("write the earlier end first", "the span ends before it begins")
		}
		return whole(first, last), nil
	case Seasons:
		p := Period{kind: Seasons, year: a.year, part: a.part, lastYear: b.year, lastPart: b.part}
		if b.year < a.year || b.year == a.year && b.part < a.part {
			return Period{}, wrong("write the earlier season first; winter belongs to the year in which it begins", "the span ends before it begins")
		}
		return p, nil
	default:
		return Period{}, wrong(notation, "there are no spans of this kind (%s)", a.kind)
	}
}

// A month is counted from year 0, so that spans are intervals of numbers.
func (p Period) months() (first, last int) {
	y := 12 * p.year
	switch p.kind {
	case Year:
		return y, y + 11
	case Half:
		return y + 6*(p.part-1), y + 6*p.part - 1
	case Quarter:
		return y + 3*(p.part-1), y + 3*p.part - 1
	case Month:
		return y + p.part - 1, y + p.part - 1
	case Months:
		return y + p.part - 1, 12*p.lastYear + p.lastPart - 1
	case Years:
		return y, 12*p.lastYear + 11
	default:
		return 0, -1
	}
}

// whole is the canonical form of a span of whole months: the shortest name that it has.
func whole(first, last int) Period {
	fy, fm, ly, lm := first/12, first%12+1, last/12, last%12+1
	switch n := last - first + 1; {
	case n == 1:
		return Period{kind: Month, year: fy, part: fm}
	case n == 3 && fm%3 == 1:
		return Period{kind: Quarter, year: fy, part: fm/3 + 1}
	case n == 6 && fm%6 == 1:
		return Period{kind: Half, year: fy, part: fm/6 + 1}
	case n == 12 && fm == 1:
		return Period{kind: Year, year: fy}
	case fm == 1 && lm == 12:
		return Period{kind: Years, year: fy, lastYear: ly}
	case fm == 1 && fy == ly && lm == 9:
		return Period{kind: Quarter, year: fy, part: 3, cumulative: true}
	case fm == 1 && fy == ly && lm > 2:
		return Period{kind: Month, year: fy, part: lm, cumulative: true}
	default: // Among them Jan-Feb, which is published as one.
		return Period{kind: Months, year: fy, part: fm, lastYear: ly, lastPart: lm}
	}
}

// cumulative is the time from the beginning of the year to the end of the period.
func cumulative(p Period) (Period, *ParseError) {
	switch p.kind {
	case Day, Week:
		p.cumulative = true
		return p, nil
	case Month, Quarter, Half, Year:
		_, last := p.months()
		return whole(12*p.year, last), nil
	case Months:
		if p.part == 1 && p.year == p.lastYear {
			return p, nil
		}
	case NotStated, Years, OpenYears, Seasons:
	}
	return Period{}, wrong("leave ;cumulative out", "cumulative counts from the beginning of one year, which %s does not have", p)
}

// each is every period of a kind within p, by itself.
func each(p Period, word string) (Period, *ParseError) {
	for k := Day; k <= Year; k++ {
		if k.String() != word {
			continue
		}
		if !p.holds(k) {
			return Period{}, wrong("name a shorter one", "%s has not several periods of the kind %s", p, k)
		}
		p.each = k
		return p, nil
	}
	return Period{}, wrong("write ;each= with day, week, month, quarter, half or year", "%q is not a kind of period", clip(word))
}

// holds says whether several periods of kind k make up p.
func (p Period) holds(k Kind) bool {
	if p.cumulative {
		return false
	}
	switch p.kind {
	case NotStated:
		return true
	case Years, OpenYears:
		return k <= Year
	case Months:
		return k <= Month
	case Seasons:
		return k <= Month
	default:
		return k < p.kind && !(k == Week && p.kind == Month) // Weeks straddle months.
	}
}

// String is the canonical notation.
func (p Period) String() string {
	var s string
	switch p.kind {
	case NotStated:
		s = "not-stated"
	case Day:
		s = fmt.Sprintf("%04d-%02d-%02d", p.year, p.part, p.day)
	case Week:
		s = fmt.Sprintf("%04d-W%02d", p.year, p.part)
	case Month:
		s = fmt.Sprintf("%04d-%02d", p.year, p.part)
	case Quarter:
		s = fmt.Sprintf("%04d-Q%d", p.year, p.part)
	case Half:
		s = fmt.Sprintf("%04d-S%d", p.year, p.part)
	case Year:
		s = fmt.Sprintf("%04d", p.year)
	case Months:
		s = fmt.Sprintf("%04d-%02d/%04d-%02d", p.year, p.part, p.lastYear, p.lastPart)
	case Years:
		s = fmt.Sprintf("%04d/%04d", p.year, p.lastYear)
	case OpenYears:
		s = fmt.Sprintf("P%dY", p.part)
	case Seasons:
		s = fmt.Sprintf("%04d-%02d", p.year, p.part)
		if p.lastYear != p.year || p.lastPart != p.part {
			s += fmt.Sprintf("/%04d-%02d", p.lastYear, p.lastPart)
		}
	}
	switch {
	case p.cumulative:
		s += ";cumulative"
	case p.each != NotStated:
		s += ";each=" + p.each.String()
	}
	return s
}

// Kind is the form of the period; of `2020;each=quarter` it is Year.
func (p Period) Kind() Kind { return p.kind }

// Cumulative says whether the period counts from the beginning of its year and
// is not called by a name of its own: `2020-05;cumulative` is, `2020-S1` is not.
func (p Period) Cumulative() bool { return p.cumulative }

// Each is the kind of the periods within p that are meant one by one, false when p is meant as a whole.
func (p Period) Each() (Kind, bool) { return p.each, p.each != NotStated }

// JanFeb says whether the period is January and February together.
func (p Period) JanFeb() bool {
	return p.kind == Months && p.part == 1 && p.lastPart == 2 && p.year == p.lastYear
}

// Year is the calendar year the period lies in, of a week the ISO year; 0 when
// it lies in several or in none that is stated.
func (p Period) Year() int {
	switch p.kind {
	case NotStated, OpenYears, Years:
		return 0
	case Months, Seasons:
		if p.year != p.lastYear {
			return 0
		}
	case Day, Week, Month, Quarter, Half, Year:
	}
	return p.year
}

// Start is the first day of the period, nil when it is not stated. Seasons
// begin as in meteorology: spring in March, winter in December of its year.
func (p Period) Start() *typev1.Date {
	switch p.kind {
	case NotStated, OpenYears:
		return nil
	case Day, Week:
		if p.cumulative {
			return date(p.year, 1, 1)
		}
		if p.kind == Day {
			return date(p.year, p.part, p.day)
		}
		return civil(monday(p.year, p.part))
	case Seasons:
		return date(p.year, 3*(p.part-20), 1)
	default:
		if p.cumulative {
			return date(p.year, 1, 1)
		}
		first, _ := p.months()
		return date(first/12, first%12+1, 1)
	}
}

// End is the last day of the period, nil when it is not stated.
func (p Period) End() *typev1.Date {
	switch p.kind {
	case NotStated, OpenYears:
		return nil
	case Day:
		return date(p.year, p.part, p.day)
	case Week:
		return civil(monday(p.year, p.part).AddDate(0, 0, 6))
	case Seasons:
		last := 12*p.lastYear + 3*(p.lastPart-20) + 1
		return date(last/12, last%12+1, daysIn(last/12, last%12+1))
	default:
		_, last := p.months()
		return date(last/12, last%12+1, daysIn(last/12, last%12+1))
	}
}

func date(year, month, day int) *typev1.Date {
	return &typev1.Date{Year: int32(year), Month: int32(month), Day: int32(day)}
}

func civil(t time.Time) *typev1.Date { return date(t.Year(), int(t.Month()), t.Day()) }

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// monday is the first day of an ISO week: week 1 is the one with January 4.
func monday(year, week int) time.Time {
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(fourth.Weekday()) + 6) % 7
	return fourth.AddDate(0, 0, 7*(week-1)-sinceMonday)
}

func weeksIn(year int) int {
	_, week := time.Date(year, time.December, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
	return week
}
