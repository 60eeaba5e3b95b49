// Package civil orders civil dates that may be a whole month or year.
//
// A date is zonebench.type.v1.Date: day 0 means the month, month 0 the year. A
// Day is one day of the calendar in Asia/Shanghai, never an instant.
package civil

import (
	"fmt"
	"time"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Day is a day written as the number yyyymmdd, so that days order as numbers do.
type Day int32

// Beyond every day of the calendar on either side: an open start, an open end.
const (
	Ever  Day = 0
	Never Day = 99_991_231 + 1
)

// Check says what is wrong with a date, nil when it is a day, month or year of
// the calendar. An absent date is not checked.
func Check(d *typev1.Date) error {
	year, month, day := d.GetYear(), d.GetMonth(), d.GetDay()
	switch {
	case d == nil:
		return nil
	case year < 1 || year > 9999:
		return fmt.Errorf("there is no year %d: give one from 1 to 9999", year)
	case month < 0 || month > 12:
		return fmt.Errorf("there is no month %d: give one from 1 to 12, or 0 for the whole year", month)
	case day != 0 && month == 0:
		return fmt.Errorf("day %d has no month", day)
	case day < 0 || day > daysIn(year, month):
		return fmt.Errorf("there is no day %04d-%02d-%02d: that month has %d days", year, month, day, daysIn(year, month))
	}
	return nil
}

func daysIn(year, month int32) int32 {
	return int32(time.Date(int(year), time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
}

// First is the first day of a date, or absent when there is none.
func First(d *typev1.Date, absent Day) Day {
	if d == nil {
		return absent
	}
	return Day(d.GetYear()*10_000 + max(d.GetMonth(), 1)*100 + max(d.GetDay(), 1))
}

// Last is the last day of a date, or absent when there is none.
func Last(d *typev1.Date, absent Day) Day {
	if d == nil {
		return absent
	}
	month, day := d.GetMonth(), d.GetDay()
	if month == 0 {
		month = 12
	}
	if day == 0 {
		day = daysIn(d.GetYear(), month)
	}
	return Day(d.GetYear()*10_000 + month*100 + day)
}

// String writes a date as people do: 2020, 2020-05 or 2020-05-07.
func String(d *typev1.Date) string {
	switch {
	case d == nil:
		return ""
	case d.GetMonth() == 0:
		return fmt.Sprintf("%04d", d.GetYear())
	case d.GetDay() == 0:
		return fmt.Sprintf("%04d-%02d", d.GetYear(), d.GetMonth())
	default:
		return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	}
}

// Span is the days from Start up to and without End.
type Span struct{ Start, End Day }

// SpanOf is the days on which something holds that begins with start and no
// longer holds from end on; absent dates leave that side open.
func SpanOf(start, end *typev1.Date) Span {
	return Span{Start: First(start, Ever), End: First(end, Never)}
}

// Contains reports whether day is in the span.
func (s Span) Contains(day Day) bool { return s.Start <= day && day < s.End }

// Meet is the days that both spans have.
func (s Span) Meet(t Span) Span { return Span{Start: max(s.Start, t.Start), End: min(s.End, t.End)} }

// Empty reports whether the span has no day.
func (s Span) Empty() bool { return s.Start >= s.End }
