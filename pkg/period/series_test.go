package period_test

import (
	"testing"
	"time"

	"zonebench.internal/pkg/period"
)

func parse(t *testing.T, text string) period.Period {
	t.Helper()
	p, err := period.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A month is the difference of two cumulative figures; January and February come as one.
func TestDifference(t *testing.T) {
	for _, tc := range []struct{ later, earlier, want string }{
		{"2020-06;cumulative", "2020-05;cumulative", "2020-06"},
		{"2020-S1", "2020-Q1", "2020-Q2"},
		{"2020", "2020-S1", "2020-S2"},
		{"2020-Q1", "2020-01/2020-02", "2020-03"},
		{"2020-11;cumulative", "2020-Q3;cumulative", "2020-10/2020-11"},
		{"2020-Q3;cumulative", "2020-S1", "2020-Q3"},
		{"2020-05;cumulative", "2020-S1", ""},
		{"2020-S1", "2019-05;cumulative", ""},
		{"2020-Q2", "2020-Q1", ""},
		{"2018/2020", "2018", ""},
		{"2020;each=quarter", "2020-Q1", ""},
	} {
		got, ok := period.Difference(parse(t, tc.later), parse(t, tc.earlier))
		if ok != (tc.want != "") || ok && got.String() != tc.want {
			t.Errorf("%s less %s: %v, %v; want %q", tc.later, tc.earlier, got, ok, tc.want)
		}
		if !ok {
			continue
		}
		if later, earlier, ok := got.Minuends(); !ok || later != parse(t, tc.later) || earlier != parse(t, tc.earlier) {
			t.Errorf("%v is %v less %v, %v", got, later, earlier, ok)
		}
	}
	for _, none := range []string{"2020-01", "2020-02", "2020-01/2020-02", "2020", "2020-W15", "2020-05-07", "P3Y", "not-stated"} {
		if _, _, ok := parse(t, none).Minuends(); ok {
			t.Errorf("%s is a difference", none)
		}
	}
}

func TestFromYearStart(t *testing.T) {
	for text, want := range map[string]bool{
		"2020": true, "2020-S1": true, "2020-Q1": true, "2020-05;cumulative": true, "2020-05-07;cumulative": true, "2020-01/2020-02": true, "2020-01": true,
		"2020-Q2": false, "2020-05": false, "2020-05-07": false, "2018/2020": false, "P3Y": false, "not-stated": false, "2020;each=quarter": false,
		"2020-22": false, "2020-W01": false,
	} {
		if got := parse(t, text).FromYearStart(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestParts(t *testing.T) {
	for text, want := range map[string][]string{
		"2020;each=quarter":   {"2020-Q1", "2020-Q2", "2020-Q3", "2020-Q4"},
		"2018/2019;each=half": {"2018-S1", "2018-S2", "2019-S1", "2019-S2"},
		"2020-Q2;each=month":  {"2020-04", "2020-05", "2020-06"},
		"2020":                nil, "P3Y;each=year": nil, "not-stated;each=quarter": nil, "2020;each=week": nil,
	} {
		got := parse(t, text).Parts()
		if len(got) != len(want) {
			t.Errorf("%s: %v", text, got)
			continue
		}
		for i := range got {
			if got[i].String() != want[i] {
				t.Errorf("%s: %v", text, got)
			}
		}
		if whole := parse(t, text).Whole(); len(want) > 0 && whole.String()+text[len(whole.String()):] != text {
			t.Errorf("%s: whole %s", text, whole)
		}
	}
}

func TestSameDayOf(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for _, tc := range []struct{ day, want time.Time }{
		{day(2020, 2, 29), day(2019, 2, 28)},
		{day(2020, 6, 30), day(2019, 6, 30)},
		{day(2021, 2, 28), day(2019, 2, 28)},
		{day(2020, 5, 7), day(2019, 5, 7)},
	} {
		if got := period.SameDayOf(2019, tc.day); !got.Equal(tc.want) {
			t.Errorf("%v: %v", tc.day, got)
		}
	}
	if got := period.SameDayOf(2020, day(2019, 2, 28)); !got.Equal(day(2020, 2, 29)) {
		t.Errorf("the end of February is %v", got)
	}
}
