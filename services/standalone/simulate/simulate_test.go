package simulate

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/data"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

func dataset(t *testing.T, cfg Config) *Dataset {
	t.Helper()
	t.Logf("%+v", cfg)
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func tables(t *testing.T, d *Dataset) []Table {
	t.Helper()
	var all []Table
	for table, err := range d.Tables() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, table)
	}
	return all
}

// rows reads a table as columns by name.
func rows(t *testing.T, content []byte) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, r := range records[1:] {
		row := make(map[string]string)
		for i, column := range records[0] {
			row[column] = r[i]
		}
		list = append(list, row)
	}
	return list
}

func TestSameSeedSameBytes(t *testing.T) {
	cfg := Config{Seed: 11, Zones: 7, From: 2023, Indicators: 12, Months: 24}
	a, b := tables(t, dataset(t, cfg)), tables(t, dataset(t, cfg))
	if len(a) != len(b) {
		t.Fatalf("%d tables, then %d", len(a), len(b))
	}
	for i := range a {
		if a[i].File != b[i].File || !bytes.Equal(a[i].Content, b[i].Content) {
			t.Errorf("%s differs from %s", a[i].File, b[i].File)
		}
	}
	cfg.Seed++
	if c := tables(t, dataset(t, cfg)); bytes.Equal(a[1].Content, c[1].Content) || bytes.Equal(a[len(a)-1].Content, c[len(c)-1].Content) {
		t.Error("another seed makes the same")
	}
}

// What a dataset says stays when it grows, so that a larger run adds to a smaller one.
func TestMoreZonesAndYearsAdd(t *testing.T) {
	small := dataset(t, Config{Seed: 3, Zones: 5, From: 2023, Indicators: 12, Months: 12})
	large := dataset(t, Config{Seed: 3, Zones: 9, From: 2023, Indicators: 12, Months: 24})
	all := make(map[string]bool)
	for n := range small.Months() {
		m, err := large.At(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(m.Targets, m.Reports...) {
			all[Name(s)] = true
		}
	}
	for n := range small.Months() {
		m, err := small.At(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(m.Targets, m.Reports...) {
			if !all[Name(s)] {
				t.Fatalf("the larger dataset does not say %v", s)
			}
		}
	}
	if small.Note() != large.Note() {
		t.Errorf("%s is another dataset than %s", large.Note(), small.Note())
	}
}

func TestNoRealNames(t *testing.T) {
	var known []string
	for _, table := range data.Tables() {
		if table.Kind != data.Zones && table.Kind != data.ReferenceUnits {
			continue
		}
		for _, row := range rows(t, table.Content) {
			known = append(known, row["name_zh"])
			for alias := range strings.SplitSeq(row["aliases"], ";") {
				text, _, _ := strings.Cut(alias, "@")
				known = append(known, strings.TrimSuffix(text, "?"))
			}
		}
	}
	text := strings.Join(known, "\n")
	for n := range stems() {
		if zh, _ := stem(n); strings.Contains(text, zh) {
			t.Errorf("%s stands in the name of a real place", zh)
		}
	}
	for _, list := range [][]syllable{firsts, seconds} {
		for i, s := range list {
			if slices.ContainsFunc(list[:i], func(o syllable) bool { return o.zh == s.zh }) {
				t.Errorf("%s stands twice", s.zh)
			}
			if len([]rune(s.zh)) != 1 || strings.Trim(s.en, "abcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%v is no character with its reading", s)
			}
		}
	}
	seen := make(map[string]bool)
	for _, z := range dataset(t, Config{Seed: 5, Zones: MaxZones, From: 2023, Indicators: 12, Months: 12}).zones {
		if seen[z.zh] {
			t.Errorf("two zones are called %s", z.zh)
		}
		seen[z.zh] = true
		if slices.Contains(known, z.zh) {
			t.Errorf("%s is a real zone", z.zh)
		}
	}
}

func TestMarks(t *testing.T) {
	for _, table := range tables(t, dataset(t, Config{Seed: 1, Zones: 3, From: 2023, Indicators: 12, Months: 12})) {
		if len(table.Content) > 3<<20 {
			t.Errorf("%s has %d bytes", table.File, len(table.Content))
		}
		for _, row := range rows(t, table.Content) {
			name := row["name_zh"] + row["title_zh"]
			switch table.Kind {
			case data.Statements, data.Rounds, data.Places: // Of a simulated source or series.
			case data.Groups:
				if !strings.HasSuffix(name, mark) || !strings.HasPrefix(row["filter"], "simulated = true") {
					t.Errorf("%s: %v", table.File, row)
				}
			case data.ReferenceUnits, data.Zones: // The registry puts the mark behind their names.
				if row["simulated"] != "true" || strings.Contains(name, mark) {
					t.Errorf("%s: %v", table.File, row)
				}
			default:
				if row["simulated"] != "true" || !strings.HasSuffix(name, mark) || !strings.HasPrefix(row["id"], "example-") {
					t.Errorf("%s: %v", table.File, row)
				}
			}
		}
	}
}

// No figure is of January, none twice, and the mistaken ones are put right by
// statements under the same key that take their place.
func TestReports(t *testing.T) {
	d := dataset(t, Config{Seed: 4, Zones: 20, From: 2023, Indicators: 12, Months: 24})
	standing := make(map[string][]*indicatorv1.Statement) // by key
	lateOnes, corrections, disputes, cells, pending := 0, 0, 0, 0, 0
	ambitions := make(map[indicatorv1.Ambition]int)
	for n := range d.Months() {
		m, err := d.At(n)
		if err != nil {
			t.Fatal(err)
		}
		if (len(m.Targets) > 0) != (m.Month == 2) {
			t.Errorf("%d-%d has %d targets", m.Year, m.Month, len(m.Targets))
		}
		for _, s := range append(m.Targets, m.Reports...) {
			key := figures.KeyText(s.GetStatement().GetKey())
			p, err := period.Parse(s.GetStatement().GetKey().GetPeriod())
			if err != nil || p.String() != s.GetStatement().GetKey().GetPeriod() {
				t.Fatalf("period %s: %v", s.GetStatement().GetKey().GetPeriod(), err)
			}
			if p.End().GetMonth() == 1 {
				t.Errorf("%v is of January", s)
			}
			if number := s.GetStatement().GetNumber(); number != "" {
				if _, err := quantity.Parse(number); err != nil {
					t.Errorf("%v: %v", s, err)
				}
			} else {
				pending++
			}
			ambitions[s.GetStatement().GetKey().GetAmbition()]++
			at := slices.IndexFunc(standing[key], func(old *indicatorv1.Statement) bool { return figures.StatementName(old) == s.GetSupersedes() })
			switch {
			case s.GetSupersedes() != "" && at < 0:
				t.Fatalf("%v takes the place of nothing", s)
			case s.GetSupersedes() != "":
				if old := standing[key][at]; s.GetStatement().GetLocator() == "更正" {
					corrections++
					if old.GetNumber() == s.GetStatement().GetNumber() {
						t.Errorf("%v corrects nothing", s)
					}
				}
				standing[key] = slices.Delete(standing[key], at, at+1)
			case len(standing[key]) > 0:
				if locators := standing[key][0].GetLocator() + s.GetStatement().GetLocator(); locators != "附表月报表" && locators != "月报表附表" {
					t.Fatalf("%v stands beside %v", s, standing[key])
				}
				disputes++
			}
			if s.GetStatement().GetLocator() == "补报" {
				lateOnes++
			}
			standing[key] = append(standing[key], s.GetStatement())
			cells++
		}
	}
	if lateOnes == 0 || corrections == 0 || disputes == 0 || pending == 0 || len(ambitions) != 4 {
		t.Errorf("%d late, %d corrected, %d disputed, %d pending, ambitions %v", lateOnes, corrections, disputes, pending, ambitions)
	}
	if whole := d.Months() * 21 * len(d.measured); cells-ambitions[1]-ambitions[2]-ambitions[3] >= whole {
		t.Errorf("nothing is missing: %d of %d", cells, whole)
	}
}

// Over many zones the months have the shares of their season; cumulative
// figures do not fall; shares stay shares.
func TestSeason(t *testing.T) {
	const zones = 60
	d := dataset(t, Config{Seed: 9, Zones: zones, From: 2023, Indicators: 12, Months: 24})
	for m, spec := range measures {
		for _, year := range []int{2023, 2024} {
			var sums [13]int64
			for z := range zones {
				last := int64(0)
				for month := 2; month <= 12; month++ {
					v := d.truth(z, m, year, month)
					switch {
					case spec.accrues():
						if v < last {
							t.Errorf("%s of zone %d falls in month %d of %d", spec.id, z, month, year)
						}
						sums[month] += v
					case spec.nature == growth:
						if v < -60*one || v > 80*one {
							t.Errorf("%s of zone %d in month %d of %d is %s", spec.id, z, month, year, printed(v, 1))
						}
					case v <= 0 || spec.nature == share && v > 100*one:
						t.Errorf("%s of zone %d in month %d of %d is %s", spec.id, z, month, year, printed(v, 1))
					}
					last = v
				}
			}
			if !spec.accrues() {
				continue
			}
			due := spec.season[0]
			for month := 2; month <= 12; month++ {
				due += spec.season[month-1]
				// The noise of a month is up to 6%, of the sum over many zones far less.
				if got := sums[month] * one / sums[12]; got < due-100 || got > due+100 {
					t.Errorf("%s by month %d of %d: %d ten thousandths, want about %d", spec.id, month, year, got, due)
				}
			}
		}
	}
	for _, p := range []*profile{output, building, buying, taxing} {
		sum := int64(0)
		for _, share := range p {
			sum += share
		}
		if sum != one {
			t.Errorf("a year of %d ten thousandths", sum)
		}
	}
}

func TestPrinted(t *testing.T) {
	for _, c := range []struct {
		value    int64
		decimals int
		want     string
	}{
		{0, 0, "0"},
		{0, 2, "0.00"},
		{5000, 0, "1"},
		{4999, 0, "0"},
		{-4999, 0, "0"},
		{-5000, 0, "-1"},
		{12_345, 2, "1.23"},
		{12_350, 2, "1.24"},
		{-150, 2, "-0.02"},
		{150, 3, "0.015"},
		{987_654_321, 4, "98765.4321"},
	} {
		if got := printed(c.value, c.decimals); got != c.want {
			t.Errorf("printed(%d, %d) = %s, want %s", c.value, c.decimals, got, c.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, cfg := range []Config{{}, {Zones: 1, From: 2023, Months: 12}, {Zones: 1, From: 2023, Indicators: MaxIndicators + 1, Months: 12}, {Zones: MaxZones + 1, From: 2023, Indicators: 12, Months: 12}, {Zones: 1, From: 2023}, {Zones: 1, From: 2023, Indicators: 12, Months: MaxMonths + 1}, {Zones: 1, From: 1900, Indicators: 12, Months: 12}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
