package period_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zonebench.internal/pkg/period"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func show(d *typev1.Date) string {
	if d == nil {
		return "-"
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}

func TestEveryKindOfPeriodHasOneNotationAndCivilDates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, canonical string
		kind            period.Kind
		start, end      string
		year            int
		zh              string
	}{
		{"2020", "2020", period.Year, "2020-01-01", "2020-12-31", 2020, "2020年"},
		{"2020-S1", "2020-S1", period.Half, "2020-01-01", "2020-06-30", 2020, "2020年上半年"},
		{"2020-S2", "2020-S2", period.Half, "2020-07-01", "2020-12-31", 2020, "2020年下半年"},
		{"2020-Q1", "2020-Q1", period.Quarter, "2020-01-01", "2020-03-31", 2020, "2020年一季度"},
		{"2020-05", "2020-05", period.Month, "2020-05-01", "2020-05-31", 2020, "2020年5月"},
		{"2020-02", "2020-02", period.Month, "2020-02-01", "2020-02-29", 2020, "2020年2月"},
		{"2020-W15", "2020-W15", period.Week, "2020-04-06", "2020-04-12", 2020, "2020年第15周"},
		{"2020-W53", "2020-W53", period.Week, "2020-12-28", "2021-01-03", 2020, "2020年第53周"},
		{"2021-W01", "2021-W01", period.Week, "2021-01-04", "2021-01-10", 2021, "2021年第1周"},
		{"2020-05-07", "2020-05-07", period.Day, "2020-05-07", "2020-05-07", 2020, "截至2020年5月7日"},
		{"2020-01/2020-02", "2020-01/2020-02", period.Months, "2020-01-01", "2020-02-29", 2020, "2020年1-2月"},
		{"2020-04/2020-05", "2020-04/2020-05", period.Months, "2020-04-01", "2020-05-31", 2020, "2020年4-5月"},
		{"2019-11/2020-02", "2019-11/2020-02", period.Months, "2019-11-01", "2020-02-29", 0, "2019年11月-2020年2月"},
		{"2018/2020", "2018/2020", period.Years, "2018-01-01", "2020-12-31", 0, "2018-2020年"},
		{"P3Y", "P3Y", period.OpenYears, "-", "-", 0, "3年（起始年份未载明）"},
		{"2017-24/2018-21", "2017-24/2018-21", period.Seasons, "2017-12-01", "2018-05-31", 0, "2017年冬季至2018年春季"}, // 去冬今春
		{"2018-22", "2018-22", period.Seasons, "2018-06-01", "2018-08-31", 2018, "2018年夏季"},
		{"not-stated", "not-stated", period.NotStated, "-", "-", 0, "未载明"},
		{"2020;each=quarter", "2020;each=quarter", period.Year, "2020-01-01", "2020-12-31", 2020, "2020年每季度"},
		{"P3Y;each=year", "P3Y;each=year", period.OpenYears, "-", "-", 0, "3年（起始年份未载明）每年"},
		{"not-stated;each=month", "not-stated;each=month", period.NotStated, "-", "-", 0, "未载明每月"},
		// Cumulative, and the other notations of the same time.
		{"2020-05;cumulative", "2020-05;cumulative", period.Month, "2020-01-01", "2020-05-31", 2020, "2020年1-5月"},
		{"2020-01/2020-05", "2020-05;cumulative", period.Month, "2020-01-01", "2020-05-31", 2020, "2020年1-5月"},
		{"2020-Q3;cumulative", "2020-Q3;cumulative", period.Quarter, "2020-01-01", "2020-09-30", 2020, "2020年前三季度"},
		{"2020-09;cumulative", "2020-Q3;cumulative", period.Quarter, "2020-01-01", "2020-09-30", 2020, "2020年前三季度"},
		{"2020-Q1/2020-Q3", "2020-Q3;cumulative", period.Quarter, "2020-01-01", "2020-09-30", 2020, "2020年前三季度"},
		{"2020-02;cumulative", "2020-01/2020-02", period.Months, "2020-01-01", "2020-02-29", 2020, "2020年1-2月"},
		{"2020-01/2020-02;cumulative", "2020-01/2020-02", period.Months, "2020-01-01", "2020-02-29", 2020, "2020年1-2月"},
		{"2020-06;cumulative", "2020-S1", period.Half, "2020-01-01", "2020-06-30", 2020, "2020年上半年"},
		{"2020-Q2;cumulative", "2020-S1", period.Half, "2020-01-01", "2020-06-30", 2020, "2020年上半年"},
		{"2020-12;cumulative", "2020", period.Year, "2020-01-01", "2020-12-31", 2020, "2020年"},
		{"2020;cumulative", "2020", period.Year, "2020-01-01", "2020-12-31", 2020, "2020年"},
		{"2020-01;cumulative", "2020-01", period.Month, "2020-01-01", "2020-01-31", 2020, "2020年1月"},
		{"2020-05-07;cumulative", "2020-05-07;cumulative", period.Day, "2020-01-01", "2020-05-07", 2020, "2020年5月7日止（累计）"},
		{"2020-W15;cumulative", "2020-W15;cumulative", period.Week, "2020-01-01", "2020-04-12", 2020, "2020年第15周止（累计）"},
		{"2018-01/2020-12", "2018/2020", period.Years, "2018-01-01", "2020-12-31", 0, "2018-2020年"},
		{"2020/2020", "2020", period.Year, "2020-01-01", "2020-12-31", 2020, "2020年"},
		{"2020-04/2020-06", "2020-Q2", period.Quarter, "2020-04-01", "2020-06-30", 2020, "2020年二季度"},
	}
	for _, tt := range tests {
		p, err := period.Parse(tt.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.String() != tt.canonical || p.Kind() != tt.kind || show(p.Start()) != tt.start || show(p.End()) != tt.end || p.Year() != tt.year {
			t.Errorf("%s: %s, %s, %s to %s, year %d", tt.text, p, p.Kind(), show(p.Start()), show(p.End()), p.Year())
		}
		if text := p.Text(); text.GetZh() != tt.zh || text.GetEn() == "" {
			t.Errorf("%s: %s, %s", tt.text, text.GetZh(), text.GetEn())
		}
	}
}

func TestWhatIsNoPeriodSaysHowToMendIt(t *testing.T) {
	t.Parallel()
	for text, remedy := range map[string]string{
		"":                              "not-stated",
		"2020年":                         "write 2020",
		"２０２０":                          "write 2020",
		"2020年上半年":                      "write 2020-S1",
		"2020H1":                        "write 2020-S1",
		"2020Q1":                        "write 2020-Q1",
		"2020-q3":                       "write 2020-Q3",
		"2020年一季度":                      "write 2020-Q1",
		"2020年第三季度":                     "write 2020-Q3",
		"2020-5":                        "write 2020-05",
		"2020.5":                        "write 2020-05",
		"2020年5月":                       "write 2020-05",
		"2020年5月7日":                     "write 2020-05-07",
		"20200507":                      "write 2020-05-07",
		"2020/5/7":                      "write 2020-05-07",
		"2020年1-2月":                     "write 2020-01/2020-02",
		"2020年1-5月":                     "write 2020-05;cumulative",
		"2020年1-11月":                    "write 2020-11;cumulative",
		"2020W15":                       "write 2020-W15",
		"2020年第5周":                      "write 2020-W05",
		"2018-2020":                     "write 2018/2020",
		"2018年至2020年":                   "write 2018/2020",
		"三年":                            "write P3Y",
		"3-year; start not stated":      "write P3Y",
		"not stated":                    "write not-stated",
		"未载明":                           "write not-stated",
		"2020-13":                       "from 1 to 12",
		"2019-02-29":                    "to 28",
		"2021-W53":                      "from 1 to 52",
		"2020-Q5":                       "from 1 to 4",
		"2020-S3":                       "from 1 to 2",
		"0202":                          "correct the year",
		"P0Y":                           "P3Y",
		"2020/2018":                     "earlier end first",
		"2018-21/2017-24":               "earlier season first",
		"2020/2020-05":                  "both ends alike",
		"2020-05-01/2020-05-07":         "2020-01/2020-02",
		"2020;yearly":                   ";cumulative or ;each=quarter",
		"2020;each=year":                "shorter",
		"2020-05;each=week":             "shorter",
		"2020;each=decade":              "day, week, month",
		"2018/2020;cumulative":          "leave ;cumulative out",
		"not-stated;cumulative":         "leave ;cumulative out",
		"2020-05;cumulative;each=month": "one of them",
		"去冬今春":                          "2017-24/2018-21",
		"last year":                     "write 2020",
	} {
		p, err := period.Parse(text)
		var wrong *period.ParseError
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Remedy, remedy) {
			t.Errorf("%q: %v, %v; want the remedy %q", text, p, err, remedy)
		}
	}
}

func TestASpanInTheSameWordsIsOnePeriodHoweverPrinted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.IntRange(period.FirstYear, period.LastYear-3).Draw(t, "year")
		first := rapid.IntRange(0, 23).Draw(t, "first")
		last := rapid.IntRange(first, 35).Draw(t, "last")
		text := fmt.Sprintf("%04d-%02d/%04d-%02d", year+first/12, first%12+1, year+last/12, last%12+1)
		p, err := period.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		start, end := p.Start(), p.End()
		if int(start.GetYear()) != year+first/12 || int(start.GetMonth()) != first%12+1 || int(end.GetYear()) != year+last/12 || int(end.GetMonth()) != last%12+1 {
			t.Fatalf("%s became %s: %s to %s", text, p, show(start), show(end))
		}
		again, err := period.Parse(p.String())
		if err != nil || again != p {
			t.Fatalf("%s reads back as %s: %v", p, again, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2020", "2020-S1", "2020-Q1", "2020-05", "2020-W15", "2020-05-07", "2020-01/2020-02", "2018/2020", "P3Y", "2017-24/2018-21",
		"not-stated", "2020;each=quarter", "2020-05;cumulative", "2020年1-5月", "２０２０", "P;", "P00Y", ";;", "/", "-",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := period.Parse(s)
		if err != nil {
			var wrong *period.ParseError
			if !errors.As(err, &wrong) || wrong.Why == "" || wrong.Remedy == "" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := period.Parse(p.String())
		if err != nil || again != p || again.String() != p.String() {
			t.Fatalf("%q is %s, which reads as %s: %v", s, p, again, err)
		}
		if len(p.String()) > 64 {
			t.Fatalf("%s does not fit into a key", p)
		}
		if start, end := p.Start(), p.End(); (start == nil) != (end == nil) || start != nil && show(start) > show(end) {
			t.Fatalf("%s goes from %s to %s", p, show(start), show(end))
		}
		if text := p.Text(); text.GetZh() == "" || text.GetEn() == "" {
			t.Fatalf("%s has no words", p)
		}
	})
}
