package civil_test

import (
	"testing"

	"zonebench.internal/pkg/civil"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func date(y, m, d int32) *typev1.Date { return &typev1.Date{Year: y, Month: m, Day: d} }

func TestAMonthOrYearHasAFirstAndALastDay(t *testing.T) {
	for _, c := range []struct {
		date        *typev1.Date
		first, last civil.Day
		text        string
	}{
		{date(2020, 0, 0), 20200101, 20201231, "2020"},
		{date(2020, 2, 0), 20200201, 20200229, "2020-02"},
		{date(2019, 2, 0), 20190201, 20190228, "2019-02"},
		{date(2020, 5, 7), 20200507, 20200507, "2020-05-07"},
		{nil, civil.Ever, civil.Never, ""},
	} {
		if got := civil.First(c.date, civil.Ever); got != c.first {
			t.Errorf("First(%v) = %d, want %d", c.date, got, c.first)
		}
		if got := civil.Last(c.date, civil.Never); got != c.last {
			t.Errorf("Last(%v) = %d, want %d", c.date, got, c.last)
		}
		if got := civil.String(c.date); got != c.text {
			t.Errorf("String(%v) = %q, want %q", c.date, got, c.text)
		}
	}
}

func TestCheckKnowsTheCalendar(t *testing.T) {
	for _, d := range []*typev1.Date{nil, date(1, 0, 0), date(2020, 2, 29), date(2000, 2, 29), date(9999, 12, 31)} {
		if err := civil.Check(d); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	for _, d := range []*typev1.Date{
		{}, date(2019, 2, 29), date(1900, 2, 29), date(2020, 13, 0), date(2020, 0, 7), date(2020, 4, 31), date(10000, 1, 1), date(2020, -1, 0),
	} {
		if civil.Check(d) == nil {
			t.Errorf("%v is accepted", d)
		}
	}
}

func TestASpanEndsBeforeItsEnd(t *testing.T) {
	s := civil.SpanOf(date(2019, 4, 0), date(2021, 0, 0))
	for day, want := range map[civil.Day]bool{20190331: false, 20190401: true, 20201231: true, 20210101: false} {
		if got := s.Contains(day); got != want {
			t.Errorf("Contains(%d) = %v, want %v", day, got, want)
		}
	}
	if !s.Meet(civil.SpanOf(date(2021, 1, 1), nil)).Empty() {
		t.Error("a span meets one that begins where it ends")
	}
	if s.Meet(civil.SpanOf(nil, nil)) != s {
		t.Error("a span without dates does not hold always")
	}
}
