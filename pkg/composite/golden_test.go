package composite

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// readTable reads a CSV file of testdata.
func readTable(tb testing.TB, path string) Table {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", path))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	return Table{Header: rows[0], Rows: rows[1:]}
}

func (t Table) at(row []string, column string) string {
	i := slices.Index(t.Header, column)
	if i < 0 || row[i] == "NA" {
		return ""
	}
	return row[i]
}

func parse(s string, otherwise float64) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return otherwise
	}
	return v
}

// asem is COINr's example.
func asem(tb testing.TB, file string) (*Tree, *Data) {
	tb.Helper()
	meta := readTable(tb, "asem/asem_imeta.csv")
	kind := map[string]string{}
	var nodes []Node
	for _, row := range meta.Rows {
		code, typ := meta.at(row, "iCode"), meta.at(row, "Type")
		kind[code] = typ
		if typ != "Indicator" && typ != "Aggregate" {
			continue
		}
		nodes = append(nodes, Node{
			Code: code, Name: meta.at(row, "iName"), Parent: meta.at(row, "Parent"), Level: int(parse(meta.at(row, "Level"), 0)),
			Direction: parse(meta.at(row, "Direction"), 1), Weight: parse(meta.at(row, "Weight"), 1), Aggregate: typ == "Aggregate",
			Target: parse(meta.at(row, "Target"), math.NaN()), Denominator: meta.at(row, "Denominator"), Unit: meta.at(row, "Unit"),
		})
	}
	tree, err := NewTree(nodes)
	if err != nil {
		tb.Fatal(err)
	}
	table := readTable(tb, file)
	d := &Data{HasTime: true}
	for _, row := range table.Rows {
		d.Units = append(d.Units, Unit{Code: table.at(row, "uCode"), Name: table.at(row, "uName"), Time: parse(table.at(row, "Time"), 0)})
	}
	for i, h := range table.Header {
		switch kind[h] {
		case "Group":
			g := Grouping{Code: h}
			for _, row := range table.Rows {
				g.Values = append(g.Values, row[i])
			}
			d.Groups = append(d.Groups, g)
		case "Indicator", "Denominator":
			c := Column{Code: h}
			for _, row := range table.Rows {
				c.Values = append(c.Values, parse(row[i], math.NaN()))
			}
			d.Columns = append(d.Columns, c)
		}
	}
	return tree, d
}

func run(tb testing.TB, tree *Tree, d *Data, recipe string, files Attachments) *Result {
	tb.Helper()
	x, err := Compile(mustRecipe(tb, recipe), tree, d, files)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := x.Run()
	if err != nil {
		tb.Fatal(err)
	}
	checkStates(tb, res)
	return res
}

// checkStates fails on a NaN that is not marked and on infinities.
func checkStates(tb testing.TB, res *Result) {
	tb.Helper()
	for _, f := range []*Frame{res.Raw, res.Denominated, res.Imputed, res.Screened, res.Treated, res.Normalised, res.Aggregated} {
		for c := range f.Codes {
			for r, v := range f.Values[c] {
				if math.IsInf(v, 0) || f.State[c][r].HasValue() == math.IsNaN(v) {
					tb.Fatalf("%s, %s: %v is marked %v", f.Codes[c], f.Units[r].Code, v, f.State[c][r])
				}
			}
		}
	}
	for r, p := range res.Places {
		if (p == 0) != (res.Unplaced[r].Cause != Present) || p > 0 && math.IsNaN(res.Scores[r]) {
			tb.Fatalf("row %d: place %d, score %v, reason %q", r, p, res.Scores[r], res.Unplaced[r])
		}
	}
}

// near compares to 1e-12 relative; NaN equals NaN.
func near(got, want float64) bool {
	if math.IsNaN(got) || math.IsNaN(want) {
		return math.IsNaN(got) && math.IsNaN(want)
	}
	return math.Abs(got-want) <= 1e-12*math.Abs(want)
}

// matches compares a frame with a golden table, each cell.
func matches(t *testing.T, f *Frame, path string) {
	t.Helper()
	want := readTable(t, path)
	if len(want.Rows) != len(f.Units) {
		t.Fatalf("%s: %d rows, want %d", path, len(f.Units), len(want.Rows))
	}
	for _, row := range want.Rows {
		r := slices.IndexFunc(f.Units, func(u Unit) bool { return u.Code == want.at(row, "uCode") })
		for i, code := range want.Header[1:] {
			if v := f.Values[f.Column(code)][r]; !near(v, parse(row[i+1], math.NaN())) {
				t.Errorf("%s: %s %s is %v, want %s", path, row[0], code, v, row[i+1])
			}
		}
	}
}

const asemSteps = `"denominate": true, "impute": {"method": "group_mean", "group": "EurAsia_group"}, "screen": {"min_known": 0.9},
	"treat": {"winsorise": {"max_points": 5}, "otherwise": "log_ct", "skew": 2, "kurtosis": 3.5}`

// The expected tables are COINr 1.1.14's; see testdata/README.md.
func TestASEMPipeline(t *testing.T) {
	tree, d := asem(t, "asem/asem_idata.csv")
	res := run(t, tree, d, `{`+asemSteps+`, "normalise": {"method": "minmax", "lower": 0, "upper": 100}, "min_known_children": 0.5}`, nil)
	matches(t, res.Denominated, "asem/expected/pipeline_1_denominated.csv")
	matches(t, res.Imputed, "asem/expected/pipeline_2_imputed.csv")
	matches(t, res.Treated, "asem/expected/pipeline_3_treated.csv")
	matches(t, res.Normalised, "asem/expected/pipeline_4_normalised_minmax_0_100.csv")
	matches(t, res.Aggregated, "asem/expected/pipeline_5_aggregated_amean.csv")
	scores := readTable(t, "asem/expected/results_scores.csv")
	ranks := readTable(t, "asem/expected/results_ranks_full.csv")
	for _, row := range scores.Rows {
		r := slices.IndexFunc(res.Screened.Units, func(u Unit) bool { return u.Code == row[0] })
		if float64(res.Places[r]) != parse(scores.at(row, "Rank"), 0) {
			t.Errorf("%s has place %d, want %s", row[0], res.Places[r], scores.at(row, "Rank"))
		}
		for i, code := range scores.Header[2:] {
			if v := res.Score(code)[r]; !near(v, parse(row[i+2], 0)) {
				t.Errorf("%s %s is %v, want %s", row[0], code, v, row[i+2])
			}
		}
	}
	for i, code := range ranks.Header[1:] {
		places := Places(nil, res.Score(code), Competition)
		for _, row := range ranks.Rows {
			r := slices.IndexFunc(res.Screened.Units, func(u Unit) bool { return u.Code == row[0] })
			if float64(places[r]) != parse(row[i+1], 0) {
				t.Errorf("%s has place %d in %s, want %s", row[0], places[r], code, row[i+1])
			}
		}
	}
}

func TestASEMNormalisationsAndGeometricMean(t *testing.T) {
	tree, d := asem(t, "asem/asem_idata.csv")
	matches(t, run(t, tree, d, `{`+asemSteps+`, "normalise": {"method": "zscore", "mean": 0, "sd": 1}}`, nil).Normalised, "asem/expected/normalise_zscore_0_1.csv")
	matches(t, run(t, tree, d, `{`+asemSteps+`, "normalise": "rank"}`, nil).Normalised, "asem/expected/normalise_rank.csv")
	matches(t, run(t, tree, d, `{`+asemSteps+`, "normalise": {"method": "minmax", "lower": 1, "upper": 100}, "aggregate": ["geometric"]}`, nil).Aggregated, "asem/expected/aggregate_1_100_gmean.csv")
}

// In the panel the year 2018 is the one-year table, so period by period it
// must come out the same.
func TestASEMPanelGoesPeriodByPeriod(t *testing.T) {
	tree, d := asem(t, "asem/asem_idata_panel.csv")
	const recipe = `{` + asemSteps + `, "normalise": {"method": "minmax"}}`
	all := run(t, tree, d, recipe, nil)
	for _, year := range d.Periods() {
		one := &Data{HasTime: true}
		var rows []int
		for r, u := range d.Units {
			if u.Time == year {
				rows = append(rows, r)
				one.Units = append(one.Units, u)
			}
		}
		for _, c := range d.Columns {
			one.Columns = append(one.Columns, Column{Code: c.Code, Values: pick(c.Values, rows)})
		}
		for _, g := range d.Groups {
			v := make([]string, len(rows))
			for i, r := range rows {
				v[i] = g.Values[r]
			}
			one.Groups = append(one.Groups, Grouping{Code: g.Code, Values: v})
		}
		res := run(t, tree, one, recipe, nil)
		for i, u := range res.Screened.Units {
			r := slices.Index(all.Screened.Units, u)
			if all.Places[r] != res.Places[i] || !near(all.Scores[r], res.Scores[i]) {
				t.Fatalf("%s in %v: place %d, score %v; alone %d, %v", u.Code, year, all.Places[r], all.Scores[r], res.Places[i], res.Scores[i])
			}
		}
	}
}

// UNDP, Human Development Report 2021/22: 573 published values and 191
// published places.
func TestHDI(t *testing.T) {
	in := readTable(t, "hdi/hdi.csv")
	d := &Data{HasTime: true}
	codes := []string{"life_expectancy", "expected_years_schooling", "mean_years_schooling", "gni_per_capita_ppp2017"}
	for _, c := range codes {
		d.Columns = append(d.Columns, Column{Code: c})
	}
	for _, row := range in.Rows {
		d.Units = append(d.Units, Unit{Code: in.at(row, "iso3"), Name: in.at(row, "country"), Time: parse(in.at(row, "year"), 0)})
		for i, c := range codes {
			d.Columns[i].Values = append(d.Columns[i].Values, parse(in.at(row, c), math.NaN()))
		}
	}
	tree, err := NewTree([]Node{
		{Code: codes[0], Parent: "health", Weight: 1},
		{Code: codes[1], Parent: "education", Weight: 1},
		{Code: codes[2], Parent: "education", Weight: 1},
		{Code: codes[3], Parent: "income", Weight: 1},
		{Code: "health", Parent: "HDI", Weight: 1},
		{Code: "education", Parent: "HDI", Weight: 1},
		{Code: "income", Parent: "HDI", Weight: 1},
		{Code: "HDI"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Goalposts map[string][2]float64 `json:"goalposts"`
		Worked    []struct {
			ISO3      string  `json:"iso3"`
			Health    float64 `json:"health"`
			Education float64 `json:"education"`
			Income    float64 `json:"income"`
			HDICalc   float64 `json:"hdi_calc"`
		} `json:"worked"`
	}
	b, err := os.ReadFile("testdata/hdi/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &expected); err != nil {
		t.Fatal(err)
	}
	posts := Table{Header: []string{"iCode", "lower", "upper"}}
	for _, c := range codes {
		key := c
		if c == codes[3] {
			key = "gni_per_capita"
		}
		p := expected.Goalposts[key]
		posts.Rows = append(posts.Rows, []string{c, fmt.Sprint(p[0]), fmt.Sprint(p[1])})
	}
	res := run(t, tree, d, `{"normalise": {"method": "goalposts", "file": "goalposts.csv", "per_indicator": {"gni_per_capita_ppp2017": {"transform": "ln"}}},
		"aggregate": ["arithmetic", "geometric"], "place": {"ties": "competition", "decimals": 3}}`, Attachments{"goalposts.csv": posts})
	values, places := 0, 0
	for r, row := range in.Rows {
		if want := in.at(row, "published_hdi"); want != "" {
			if got := Round(res.Scores[r], 3); got != parse(want, 0) {
				t.Errorf("%s %v: %v, published %s", row[0], res.Screened.Units[r].Time, got, want)
			}
			values++
		}
		if want := in.at(row, "published_rank_2021"); want != "" {
			if strconv.Itoa(res.Places[r]) != want {
				t.Errorf("%s: place %d, published %s", row[0], res.Places[r], want)
			}
			places++
		}
	}
	if values != 573 || places != 191 {
		t.Errorf("compared %d values and %d places, want 573 and 191", values, places)
	}
	for _, w := range expected.Worked {
		r := slices.IndexFunc(res.Screened.Units, func(u Unit) bool { return u.Code == w.ISO3 && u.Time == 2021 })
		for code, want := range map[string]float64{"health": w.Health, "education": w.Education, "income": w.Income, "HDI": w.HDICalc} {
			if got := res.Score(code)[r]; math.Abs(got-want) > 5.1e-5 { // printed to 4 decimals
				t.Errorf("%s %s: %v, printed %v", w.ISO3, code, got, want)
			}
		}
	}
}

// pymcdm 1.4.0, scikit-criteria 0.9 and the textbook formula.
func TestTOPSISGolden(t *testing.T) {
	b, err := os.ReadFile("testdata/mcdm/topsis.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name       string      `json:"name"`
			Matrix     [][]float64 `json:"matrix"`
			Weights    []float64   `json:"weights"`
			Types      []float64   `json:"types"`
			Parameters struct {
				Normalisation string `json:"normalisation"`
			} `json:"parameters"`
			Expected struct {
				Closeness []float64 `json:"closeness"`
				Rank      []float64 `json:"rank"`
			} `json:"expected"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range golden.Cases {
		res := flatCase(t, c.Matrix, c.Weights, c.Types, fmt.Sprintf(`{"method": "topsis", "normalisation": %q}`, c.Parameters.Normalisation))
		for i, want := range c.Expected.Closeness {
			if !near(res.Scores[i], want) {
				t.Errorf("%s %s: unit %d is %v, want %v", c.Name, c.Parameters.Normalisation, i, res.Scores[i], want)
			}
			if float64(res.Places[i]) != c.Expected.Rank[i] {
				t.Errorf("%s %s: unit %d has place %d, want %v", c.Name, c.Parameters.Normalisation, i, res.Places[i], c.Expected.Rank[i])
			}
		}
	}
}

// flatCase runs a flat method on a decision matrix, rows are units.
func flatCase(tb testing.TB, matrix [][]float64, weights, types []float64, aggregate string) *Result {
	tb.Helper()
	d := &Data{}
	var nodes []Node
	for j := range matrix[0] {
		c := Column{Code: fmt.Sprintf("c%d", j+1)}
		for _, row := range matrix {
			c.Values = append(c.Values, row[j])
		}
		d.Columns = append(d.Columns, c)
		n := Node{Code: c.Code, Parent: "index", Weight: weights[j], Direction: 1}
		if types != nil {
			n.Direction = types[j]
		}
		nodes = append(nodes, n)
	}
	for i := range matrix {
		d.Units = append(d.Units, Unit{Code: fmt.Sprintf("u%03d", i+1)})
	}
	tree, err := NewTree(append(nodes, Node{Code: "index"}))
	if err != nil {
		tb.Fatal(err)
	}
	return run(tb, tree, d, `{"normalise": "none", "aggregate": [`+aggregate+`]}`, nil)
}
