package composite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func within(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.IsNaN(want[i]) != math.IsNaN(got[i]) || math.Abs(got[i]-want[i]) > tolerance {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func columnsOf(matrix [][]float64) [][]float64 {
	cols := make([][]float64, len(matrix[0]))
	for j := range cols {
		for _, row := range matrix {
			cols[j] = append(cols[j], row[j])
		}
	}
	return cols
}

// one normalises one column and gives it back.
func one(t *testing.T, v []float64, direction, target float64, recipe string, files Attachments) ([]float64, *Result) {
	t.Helper()
	d := &Data{Columns: []Column{{Code: "x", Values: v}}}
	for i := range v {
		d.Units = append(d.Units, Unit{Code: string(rune('a' + i))})
	}
	tree, err := NewTree([]Node{{Code: "x", Parent: "index", Weight: 1, Direction: direction, Target: target}, {Code: "index"}})
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, tree, d, recipe, files)
	return res.Normalised.Values[0], res
}

// Worked by hand from the formulas of docs/methods.md.
func TestNormalisations(t *testing.T) {
	posts := Attachments{
		"posts.csv": {Header: []string{"iCode", "lower", "upper"}, Rows: [][]string{{"x", "0", "5"}}},
		"value.csv": {Header: []string{"iCode", "value"}, Rows: [][]string{{"x", "4"}}},
	}
	na := math.NaN()
	v := []float64{1, 2, 2, na, 6}
	for _, c := range []struct {
		recipe    string
		direction float64
		want      []float64
	}{
		{`"minmax"`, 1, []float64{0, 20, 20, na, 100}},
		{`"minmax"`, -1, []float64{100, 80, 80, na, 0}},
		{`{"method": "minmax", "lower": 1, "upper": 6}`, 1, []float64{1, 2, 2, na, 6}},
		{`{"method": "zscore", "ddof": 0}`, 1, []float64{-1.75 / math.Sqrt(3.6875), -0.75 / math.Sqrt(3.6875), -0.75 / math.Sqrt(3.6875), na, 3.25 / math.Sqrt(3.6875)}},
		{`{"method": "zscore", "mean": 100, "sd": 10}`, -1, []float64{100 + 17.5/math.Sqrt(14.75/3), 100 + 7.5/math.Sqrt(14.75/3), 100 + 7.5/math.Sqrt(14.75/3), na, 100 - 32.5/math.Sqrt(14.75/3)}},
		{`"scaled"`, 1, []float64{1, 2, 2, na, 6}},
		{`{"method": "scaled", "min": -10, "max": 0, "lower": 0, "upper": 1}`, -1, []float64{0.9, 0.8, 0.8, na, 0.4}},
		{`"rank"`, 1, []float64{1, 2, 2, na, 4}},
		{`{"method": "rank", "ties": "average"}`, -1, []float64{4, 2.5, 2.5, na, 1}},
		{`{"method": "rank", "ties": "max"}`, 1, []float64{1, 3, 3, na, 4}},
		{`"prank"`, 1, []float64{0, 1. / 3, 1. / 3, na, 1}},
		{`"borda"`, -1, []float64{3, 1, 1, na, 0}},
		{`"dist2max"`, 1, []float64{0, 0.2, 0.2, na, 1}},
		{`{"method": "dist2ref", "unit": "b"}`, 1, []float64{0, 1, 1, na, 5}},
		{`{"method": "dist2ref", "unit": "b", "cap": true}`, 1, []float64{0, 1, 1, na, 1}},
		{`{"method": "dist2ref", "unit": "b"}`, -1, []float64{1.25, 1, 1, na, 0}},
		{`"dist2targ"`, 1, []float64{0, 1. / 3, 1. / 3, na, 5. / 3}},
		{`{"method": "dist2targ", "cap": true}`, -1, []float64{1, 1, 1, na, 0}},
		{`"fracmax"`, 1, []float64{1. / 6, 1. / 3, 1. / 3, na, 1}},
		{`"fracmax"`, -1, []float64{1, 2, 2, na, 6}},
		{`{"method": "goalposts", "file": "posts.csv"}`, 1, []float64{0.2, 0.4, 0.4, na, 1}},
		{`{"method": "goalposts", "file": "posts.csv", "clip": false, "scale": 10}`, 1, []float64{2, 4, 4, na, 12}},
		{`{"method": "goalposts", "file": "posts.csv"}`, -1, []float64{0.8, 0.6, 0.6, na, 0}},
		{`"efficacy"`, 1, []float64{60, 68, 68, na, 100}},
		{`{"method": "efficacy", "base": 20, "span": 80}`, -1, []float64{100, 84, 84, na, 20}},
		{`{"method": "efficacy", "file": "posts.csv"}`, 1, []float64{68, 76, 76, na, 108}},
		{`{"method": "benchmark", "file": "value.csv"}`, 1, []float64{0.25, 0.5, 0.5, na, 1.5}},
		{`{"method": "benchmark", "file": "value.csv", "cap": 1.2}`, 1, []float64{0.25, 0.5, 0.5, na, 1.2}},
		{`{"method": "benchmark", "file": "value.csv", "cap": "none"}`, -1, []float64{4, 2, 2, na, 2. / 3}},
		{`{"method": "two_sided", "file": "value.csv"}`, 1, []float64{0.25, 0.5, 0.5, na, 0.5}},
		{`{"method": "bands", "bands": [{"up_to": 1, "score": 10}, {"up_to": 2, "score": 20}, {"score": 30}]}`, 1, []float64{10, 20, 20, na, 30}},
		{`{"method": "points", "max": 10}`, 1, []float64{10, 20, 20, na, 60}},
		{`"none"`, -1, []float64{1, 2, 2, na, 6}},
		{`{"method": "minmax", "transform": "sqrt"}`, 1, []float64{0, 100 * (math.Sqrt2 - 1) / (math.Sqrt(6) - 1), 100 * (math.Sqrt2 - 1) / (math.Sqrt(6) - 1), na, 100}},
		{`{"method": "benchmark", "values": {"x": 4}, "transform": "log10"}`, 1, []float64{0, 0.5, 0.5, na, math.Log10(6) / math.Log10(4)}},
	} {
		got, _ := one(t, v, c.direction, 4, `{"normalise": `+c.recipe+`}`, posts)
		if c.recipe == `{"method": "dist2targ", "cap": true}` {
			// -4 is 1 - (-4 - x)/(-4 + 6) for x = -1, -2, -2, -6: above the cap but for the last.
			c.want = []float64{1, 1, 1, na, 0}
		}
		within(t, fmt.Sprintf("%s, direction %v", c.recipe, c.direction), got, c.want, 1e-12)
	}
}

// A recipe with a method stands alone, one without adds its keys.
func TestPerIndicator(t *testing.T) {
	d := &Data{Columns: []Column{{Code: "x", Values: []float64{1, 10, 100}}, {Code: "y", Values: []float64{1, 2, 3}}, {Code: "z", Values: []float64{1, 2, 5}}}}
	for _, c := range "abc" {
		d.Units = append(d.Units, Unit{Code: string(c)})
	}
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 1}, {Code: "z", Parent: "i", Weight: 1}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, tree, d, `{"normalise": {"method": "minmax", "lower": 0, "upper": 10, "per_indicator": {"x": {"transform": "log10"}, "z": {"method": "minmax"}}}}`, nil)
	within(t, "x", res.Normalised.Values[0], []float64{0, 5, 10}, 1e-12)
	within(t, "y", res.Normalised.Values[1], []float64{0, 5, 10}, 1e-12)
	within(t, "z", res.Normalised.Values[2], []float64{0, 25, 100}, 1e-12)
}

func TestColumnsThatDivideByZero(t *testing.T) {
	for _, recipe := range []string{`"minmax"`, `"zscore"`, `"dist2max"`, `"efficacy"`, `{"method": "dist2ref", "unit": "a"}`, `"dist2targ"`} {
		got, res := one(t, []float64{4, 4, 4}, 1, 4, `{"normalise": `+recipe+`}`, nil)
		within(t, recipe, got, []float64{nan, nan, nan}, 0)
		if len(res.Warnings) == 0 {
			t.Errorf("%s: no warning", recipe)
		}
	}
	// Stated results where nothing divides.
	for recipe, want := range map[string]float64{`"rank"`: 1, `"borda"`: 0, `"prank"`: 0, `"fracmax"`: 1, `"scaled"`: 4} {
		got, _ := one(t, []float64{4, 4, 4}, 1, 4, `{"normalise": `+recipe+`}`, nil)
		within(t, recipe, got, []float64{want, want, want}, 0)
	}
	// A single unit, and no value at all.
	got, _ := one(t, []float64{4}, 1, 4, `{"normalise": "prank"}`, nil)
	within(t, "one unit", got, []float64{nan}, 0)
	got, res := one(t, []float64{nan, nan}, 1, 4, `{"normalise": "minmax"}`, nil)
	within(t, "nothing known", got, []float64{nan, nan}, 0)
	if res.Places[0] != 0 || res.Unplaced[0].Cause == Present {
		t.Errorf("a unit without a score has place %d", res.Places[0])
	}
}

// Opricovic and Tzeng, European Journal of Operational Research 156 (2004) and
// 178 (2007), as printed: three decimals.
func TestVIKORPapers(t *testing.T) {
	q, s, r := VIKOR(&Matrix{Columns: [][]float64{{1, 2, 5}, {3000, 3750, 4500}}, Weights: []float64{0.5, 0.5}, Cost: []bool{true, false}}, 0.5)
	within(t, "S 2004", s, []float64{0.5, 0.375, 0.5}, 1e-12)
	within(t, "R 2004", r, []float64{0.5, 0.25, 0.5}, 1e-12)
	within(t, "Q 2004", q, []float64{1, 0, 1}, 1e-12)
	matrix := columnsOf([][]float64{
		{4184.3, 2914.0, 407.2, 251.0, 195, 244, 15, 2.41},
		{5211.9, 3630.0, 501.7, 308.3, 282, 346, 21, 1.41},
		{5021.3, 3920.5, 504.0, 278.6, 12, 56, 3, 4.42},
		{5566.1, 3957.9, 559.5, 335.3, 167, 268, 16, 3.36},
		{5060.5, 3293.5, 514.1, 284.2, 69, 90, 7, 4.04},
		{4317.9, 2925.9, 432.8, 239.3, 12, 55, 3, 4.36},
	})
	cost := []bool{false, true, false, false, true, true, true, false}
	for _, c := range []struct{ weights, s, r, q []float64 }{
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1}, []float64{.692, .7, .29, .423, .28, .346}, []float64{.125, .125, .121, .125, .067, .125}, []float64{.991, 1, .473, .670, 0, .578}},
		{[]float64{2, 2, 2, 2, 1, 1, 1, 1}, []float64{.701, .6, .386, .365, .317, .459}, []float64{.167, .114, .161, .167, .089, .167}, []float64{1, .533, .552, .563, 0, .686}},
		{[]float64{1, 1, 1, 1, 3.2, 3.2, 3.2, 3.2}, []float64{.678, .857, .138, .513, .222, .167}, []float64{.129, .190, .057, .139, .042, .060}, []float64{.668, 1, .051, .588, .058, .078}},
	} {
		q, s, r := VIKOR(&Matrix{Columns: matrix, Weights: c.weights, Cost: cost}, 0.5)
		within(t, "S 2007", s, c.s, 1e-3)
		within(t, "R 2007", r, c.r, 1e-3)
		within(t, "Q 2007", q, c.q, 2e-3)
	}
	// A constant criterion and equal regrets count 0.
	q, _, _ = VIKOR(&Matrix{Columns: [][]float64{{1, 5}, {0, 0}, {3, 6}}, Weights: []float64{1, 1, 1}}, 0.5)
	within(t, "constant criterion", q, []float64{1, 0}, 1e-12)
}

// VIKOR through a run: place 1 is the smallest Q.
func TestVIKORPlaces(t *testing.T) {
	res := flatCase(t, [][]float64{{5, 8, 4}, {7, 6, 8}, {8, 8, 6}, {7, 4, 6}}, []float64{.3, .4, .3}, nil, `"vikor"`)
	within(t, "Q", res.Scores, []float64{0.75, 0.25, 0, 1}, 1e-12)
	if !slices.Equal(res.Places, []int{3, 2, 1, 4}) || !res.SmallerIsBetter {
		t.Errorf("places %v", res.Places)
	}
}

// By hand: costs and benefits over sums, weights one half.
func TestCOPRASByHand(t *testing.T) {
	// Benefit 1 2 3, cost 2 2 4: S+ = 1/12, 2/12, 3/12; S- = 1/8, 1/8, 1/4.
	// sum S- = 1/2, sum 1/S- = 20, so Q = S+ + 1/2 / (20 S-).
	got := COPRAS(&Matrix{Columns: [][]float64{{1, 2, 3}, {2, 2, 4}}, Weights: []float64{1, 1}, Cost: []bool{false, true}})
	within(t, "Q", got, []float64{1./12 + .2, 2./12 + .2, 3./12 + .1}, 1e-12)
	got = COPRAS(&Matrix{Columns: [][]float64{{1, 2, 3}, {2, 2, 4}}, Weights: []float64{1, 1}})
	within(t, "benefits only", got, []float64{1./12 + .125, 2./12 + .125, 3./12 + .25}, 1e-12)
	got = COPRAS(&Matrix{Columns: [][]float64{{1, 2, 3}, {0, 2, 2}}, Weights: []float64{1, 1}, Cost: []bool{false, true}})
	within(t, "a cost of zero", got, []float64{nan, 2./12 + .25, 3./12 + .25}, 1e-12)
}

func TestPROMETHEEByHand(t *testing.T) {
	m := &Matrix{Columns: [][]float64{{10, 14, 20}, {3, 1, 2}}, Weights: []float64{0.6, 0.4}, Cost: []bool{false, true}}
	// usual: a-b: -0.6 -0.4 = -1; a-c: -0.6 -0.4 = -1; b-c: -0.6 +0.4 = -0.2
	within(t, "usual", PROMETHEE2(m, "usual", nil, nil), []float64{-1, 0.4, 0.6}, 1e-12)
	// vshape p = 8, 2: a-b: -0.6/2 -0.4 = -0.7; a-c: -0.6 -0.2 = -0.8; b-c: -0.6*6/8 + 0.2 = -0.25
	within(t, "vshape", PROMETHEE2(m, "vshape", []float64{8, 2}, nil), []float64{-0.75, 0.225, 0.525}, 1e-12)
	// vshape_2 q = 4, 1, p = 8, 2: a-b: 0 -0.4; a-c: -0.6 0; b-c: -0.6/2 0
	within(t, "vshape_2", PROMETHEE2(m, "vshape_2", []float64{8, 2}, []float64{4, 1}), []float64{-0.5, 0.05, 0.45}, 1e-12)
	// level: a-b: 0 (4 is not above q) - 0.4/2; a-c: -0.6 (10 > 8) 0; b-c: -0.3 0
	within(t, "level", PROMETHEE2(m, "level", []float64{8, 2}, []float64{4, 1}), []float64{-0.4, -0.05, 0.45}, 1e-12)
	// ushape: a-b: 0 -0.4; a-c: -0.6 0; b-c: -0.6 0
	within(t, "ushape", PROMETHEE2(m, "ushape", nil, []float64{4, 1}), []float64{-0.5, -0.1, 0.6}, 1e-12)
	within(t, "gaussian", PROMETHEE2(&Matrix{Columns: [][]float64{{0, 2}}, Weights: []float64{1}}, "gaussian", []float64{2}, nil), []float64{-(1 - math.Exp(-0.5)), 1 - math.Exp(-0.5)}, 1e-12)
	within(t, "one unit", PROMETHEE2(&Matrix{Columns: [][]float64{{3}}, Weights: []float64{1}}, "usual", nil, nil), []float64{0}, 0)
	// Thresholds in the order of the table of indicators, through a run.
	res := flatCase(t, [][]float64{{10, 3}, {14, 1}, {20, 2}}, []float64{3, 2}, []float64{1, -1}, `{"method": "promethee2", "preference": "vshape_2", "p": [8, 2], "q": [4, 1]}`)
	within(t, "run", res.Scores, []float64{-0.5, 0.05, 0.45}, 1e-12)
}

func TestCopelandByHand(t *testing.T) {
	// a beats b in 2 of 3, loses to c in 2 of 3, b and c split evenly (one equal).
	got := Copeland(&Matrix{Columns: [][]float64{{3, 2, 1}, {3, 2, 4}, {1, 2, 2}}, Weights: []float64{1, 1, 1}})
	within(t, "Copeland", got, []float64{0, -1, 1}, 0)
	// a over b: 2/3. a over c: 1/3. b over c: 1/3 + 1/6 = exactly half.
	within(t, "half", []float64{got[1] + 1}, []float64{0}, 0)
}

// Hwang and Yoon's closeness is 1 for the ideal and 0 for its opposite.
func TestTOPSISEnds(t *testing.T) {
	got := TOPSIS(&Matrix{Columns: [][]float64{{1, 2, 3}, {9, 5, 1}}, Weights: []float64{1, 1}, Cost: []bool{false, true}}, "vector")
	within(t, "ends", []float64{got[0], got[2]}, []float64{0, 1}, 1e-15)
	within(t, "one unit", TOPSIS(&Matrix{Columns: [][]float64{{1}}, Weights: []float64{1}}, "vector"), []float64{nan}, 0)
	// A missing criterion is dropped: u has the middle of what it has.
	got = TOPSIS(&Matrix{Columns: [][]float64{{0, 1, 2}, {0, nan, 2}}, Weights: []float64{1, 3}}, "none")
	within(t, "missing", got, []float64{0, 0.5, 1}, 1e-15)
}

func TestMeans(t *testing.T) {
	tests := []struct {
		method string
		want   float64
	}{
		{`"arithmetic"`, (2 + 3*8) / 4.},
		{`"geometric"`, math.Pow(2*8*8*8, 1./4)},
		{`"harmonic"`, 4 / (1./2 + 3./8)},
		{`{"method": "power", "p": 2}`, math.Sqrt((4 + 3*64) / 4.)},
		{`{"method": "power", "p": -1}`, 4 / (1./2 + 3./8)},
		{`{"method": "power", "p": 0}`, math.Pow(2*8*8*8, 1./4)},
		{`"minimum"`, 2},
		{`"sum"`, 26},
		{`"mpi"`, 5 - 18./5},
		{`{"method": "mpi", "penalty": "plus"}`, 5 + 18./5},
		{`"ampi"`, 5 - 9./5},
		{`{"method": "owa", "weights": [0.25, 0.75]}`, 0.25*8 + 0.75*2},
		{`{"method": "owa", "weights": [1, 0, 0, 0]}`, 0.5*8 + 0.5*8 - 0}, // half of the values take all the weight
	}
	for _, c := range tests {
		res := flatCase(t, [][]float64{{2, 8}}, []float64{1, 3}, nil, c.method)
		within(t, c.method, res.Scores, []float64{c.want}, 1e-12)
	}
	for _, c := range []struct {
		method string
		row    []float64
		want   float64
	}{
		{`"geometric"`, []float64{0, 8}, nan},
		{`"geometric"`, []float64{-1, 8}, nan},
		{`"harmonic"`, []float64{0, 8}, nan},
		{`"harmonic"`, []float64{-2, 8}, 4 / (-1./2 + 3./8)},
		{`{"method": "power", "p": -1}`, []float64{0, 8}, nan},
		{`{"method": "power", "p": 2}`, []float64{0, 8}, math.Sqrt(48)},
		{`{"method": "power", "p": 0.5}`, []float64{-1, 8}, nan},
		{`"arithmetic"`, []float64{nan, 8}, 8},
		{`"sum"`, []float64{nan, 8}, 32},
		{`{"method": "sum", "missing": "zero"}`, []float64{nan, 8}, 24},
		{`"mpi"`, []float64{nan, 8}, 8},
	} {
		res := flatCase(t, [][]float64{c.row, {4, 4}}, []float64{1, 3}, nil, c.method)
		within(t, fmt.Sprintf("%s of %v", c.method, c.row), res.Scores[:1], []float64{c.want}, 1e-12)
		if math.IsNaN(c.want) && (len(res.Warnings) != 1 || res.Warnings[0].Unit != "u001") {
			t.Errorf("%s of %v: warnings %v", c.method, c.row, res.Warnings)
		}
		if math.IsNaN(res.Scores[1]) {
			t.Errorf("%s: the other unit has no score", c.method)
		}
	}
}

func TestThresholdsByCountAndWeight(t *testing.T) {
	m := [][]float64{{1, nan, nan}, {1, 2, nan}, {1, 2, 3}}
	d := func(extra string) []float64 {
		t.Helper()
		data := &Data{}
		nodes := []Node{{Code: "index"}}
		for j := range 3 {
			c := Column{Code: string(rune('x' + j))}
			for _, row := range m {
				c.Values = append(c.Values, row[j])
			}
			data.Columns = append(data.Columns, c)
			nodes = append(nodes, Node{Code: c.Code, Parent: "index", Weight: []float64{4, 1, 1}[j]})
		}
		for i := range m {
			data.Units = append(data.Units, Unit{Code: string(rune('a' + i))})
		}
		tree, err := NewTree(nodes)
		if err != nil {
			t.Fatal(err)
		}
		return run(t, tree, data, `{"normalise": "none"`+extra+`}`, nil).Scores
	}
	within(t, "none", d(``), []float64{1, 6. / 5, 9. / 6}, 1e-12)
	within(t, "count", d(`, "min_known_children": 0.5`), []float64{nan, 6. / 5, 9. / 6}, 1e-12)
	within(t, "count, a list", d(`, "min_known_children": [0.7]`), []float64{nan, nan, 9. / 6}, 1e-12)
	within(t, "weight", d(`, "min_known_weight": 0.6`), []float64{1, 6. / 5, 9. / 6}, 1e-12)
	within(t, "weight", d(`, "min_known_weight": 0.7`), []float64{nan, 6. / 5, 9. / 6}, 1e-12)
}

// Saaty (1980): the principal eigenvector of 1 3 5 / 1/3 1 3 / 1/5 1/3 1 is .637
// .258 .105 with lambda 3.0385.
func TestAHP(t *testing.T) {
	a := [][]float64{{1, 3, 5}, {1. / 3, 1, 3}, {1. / 5, 1. / 3, 1}}
	w, cr, err := AHP(a, "eigenvector")
	if err != nil {
		t.Fatal(err)
	}
	within(t, "weights", w, []float64{0.6370, 0.2583, 0.1047}, 5e-5)
	within(t, "ratio", []float64{cr}, []float64{0.0385 / 2 / 0.58}, 5e-5)
	// For order 3 the eigenvector is that of the geometric row means.
	g := []float64{math.Cbrt(15), 1, math.Cbrt(1. / 15)}
	toShares(g)
	within(t, "row means", w, g, 1e-14)
	w, _, err = AHP(a, "column_mean")
	if err != nil {
		t.Fatal(err)
	}
	c := []float64{1 + 1./3 + 1./5, 3 + 1 + 1./3, 9}
	within(t, "column means", w, []float64{
		(1/c[0] + 3/c[1] + 5/c[2]) / 3, (1/3./c[0] + 1/c[1] + 3/c[2]) / 3, (1/5./c[0] + 1/3./c[1] + 1/c[2]) / 3,
	}, 1e-14)
	// A consistent matrix gives its weights back, and a ratio of 0.
	w, cr, err = AHP([][]float64{{1, 2, 4}, {.5, 1, 2}, {.25, .5, 1}}, "")
	if err != nil || cr != 0 {
		t.Errorf("ratio %v, error %v", cr, err)
	}
	within(t, "consistent", w, []float64{4. / 7, 2. / 7, 1. / 7}, 1e-14)
}

func TestAHPWarnsAboveATenth(t *testing.T) {
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 1}, {Code: "z", Parent: "i", Weight: 1}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	d := &Data{Units: []Unit{{Code: "a"}, {Code: "b"}}}
	for _, c := range "xyz" {
		d.Columns = append(d.Columns, Column{Code: string(c), Values: []float64{1, 2}})
	}
	m := Table{Header: []string{"", "x", "y", "z"}, Rows: [][]string{{"x", "1", "5", "0.2"}, {"y", "0.2", "1", "5"}, {"z", "5", "0.2", "1"}}}
	res := run(t, tree, d, `{"normalise": "none", "weights": {"from": "ahp", "path": "m.csv"}}`, Attachments{"m.csv": m})
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0].Text, "above 0.1") {
		t.Errorf("warnings: %v", res.Warnings)
	}
	within(t, "weights", res.Weights[0].Share[:3], []float64{1. / 3, 1. / 3, 1. / 3}, 1e-12)
}

// Diakoulaki, Mavrotas and Papayannakis (1995): 0.20 0.48 0.32.
func TestCRITICPaper(t *testing.T) {
	w := CRITIC(columnsOf([][]float64{
		{61, 1.08, 4.33},
		{20.7, 0.26, 4.34},
		{16.3, 1.98, 2.53},
		{9.0, 3.29, 1.65},
		{5.4, 2.77, 2.33},
		{4.0, 4.12, 1.21},
		{-6.1, 3.52, 2.10},
		{-34.6, 3.31, 0.98},
	}), nil)
	within(t, "CRITIC", w, []float64{0.20222554, 0.48090173, 0.31687273}, 5e-9)
}

// Keshavarz-Ghorabaee et al., Symmetry 13 (2021), 525, as printed.
func TestMERECPaper(t *testing.T) {
	w, err := MEREC(columnsOf([][]float64{
		{450, 8000, 54, 145}, {10, 9100, 2, 160}, {100, 8200, 31, 153}, {220, 9300, 1, 162}, {5, 8400, 23, 158},
	}), []bool{false, false, true, true})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "MEREC", w, []float64{0.5752, 0.0141, 0.4016, 0.0091}, 6e-5)
}

func TestEntropyAndSdByHand(t *testing.T) {
	// Two units: e = -(p ln p + q ln q) / ln 2 with p = 1/5 and 1/9.
	h := func(p float64) float64 { return 1 + (p*math.Log(p)+(1-p)*math.Log(1-p))/math.Ln2 }
	w, err := EntropyWeights([][]float64{{1, 4}, {2, 16}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "entropy", w, []float64{h(0.2) / (h(0.2) + h(1./9)), h(1./9) / (h(0.2) + h(1./9))}, 1e-14)
	w, err = EntropyWeights([][]float64{{0, 4}, {3, 3}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "a zero and a constant", w, []float64{1, 0}, 1e-14)
	within(t, "sd", SdWeights([][]float64{{1, 4}, {2, 16}}), []float64{3. / 17, 14. / 17}, 1e-14)
	if _, err := EntropyWeights([][]float64{{-1, 4}}); err == nil {
		t.Error("entropy takes a value below 0")
	}
}

func TestPCAWeights(t *testing.T) {
	// Two columns always load 1/sqrt 2 each, whatever the sign of r.
	w, mixed, err := PCAWeights([][]float64{{1, 2, 3, 5}, {2, 1, 4, 6}})
	if err != nil || mixed {
		t.Fatal(err, mixed)
	}
	within(t, "two", w, []float64{0.5, 0.5}, 1e-14)
	w, mixed, err = PCAWeights([][]float64{{1, 2, 3, 5}, {-2, -1, -4, -6}})
	if err != nil || !mixed {
		t.Fatal(err, mixed)
	}
	within(t, "against", w, []float64{0.5, 0.5}, 1e-14)
	w, _, err = PCAWeights([][]float64{{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "one", w, []float64{1}, 0)
}

func TestCorrelationWeightsMeetTheirAim(t *testing.T) {
	// One factor in three columns with noise of different size: the aim can be met.
	rng := rand.New(rand.NewPCG(3, 4))
	cols := make([][]float64, 3)
	for range 40 {
		f := rng.NormFloat64()
		for j := range cols {
			cols[j] = append(cols[j], (f+float64(j+1)*0.7*rng.NormFloat64())*float64(1+4*j))
		}
	}
	w, gap, err := CorrelationWeights(cols, nil, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if gap > 1e-9 {
		t.Errorf("gap %v", gap)
	}
	index := make([]float64, 40)
	for j, c := range cols {
		for i := range c {
			index[i] += w[j] * c[i]
		}
	}
	r := Pearson(cols[0], index)
	within(t, "correlations", []float64{Pearson(cols[1], index), Pearson(cols[2], index)}, []float64{r, r}, 1e-8)
	w, _, err = CorrelationWeights(cols, []float64{100, 1, 1}, 0.2, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w {
		if v < 0.2-1e-12 || v > 0.5+1e-12 {
			t.Errorf("weights %v leave their bounds", w)
		}
	}
}

func TestBenefitOfTheDoubtByHand(t *testing.T) {
	cols := [][]float64{{1, 0, 0.3, 0.5}, {0, 1, 0.3, 0.25}}
	s, w, err := BenefitOfTheDoubt(cols, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "free", s, []float64{1, 1, 0.6, 0.75}, 1e-9)
	for i := range s {
		for k := range s {
			if w[0][i]*cols[0][k]+w[1][i]*cols[1][k] > 1+1e-9 {
				t.Errorf("under the weights of %d, %d passes 1", i, k)
			}
		}
	}
	// With each part between 0.4 and 0.6 the specialists cannot hide a zero.
	s, _, err = BenefitOfTheDoubt(cols, 0.4, 0.6)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "bounded", s[:2], []float64{0, 0}, 1e-9)
	if s[2] > 0.6+1e-9 || s[3] > 0.75 {
		t.Errorf("bounds raised the score: %v", s)
	}
}

// With one complete column the likelihood factors, and the estimates are those of
// the regression on the complete units (Anderson, 1957).
func TestEMOfMonotoneDataIsRegression(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5, 6, 7}
	y := []float64{1.1, 2.3, 2.8, 4.4, 4.9, nan, nan}
	d := &Data{Columns: []Column{{Code: "x", Values: x}, {Code: "y", Values: y}}}
	for i := range x {
		d.Units = append(d.Units, Unit{Code: string(rune('a' + i))})
	}
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 1}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, tree, d, `{"impute": {"method": "em", "tol": 1e-13}}`, nil)
	b := Covariance(x[:5], y[:5]) / Variance(x[:5], 1)
	a := Mean(y[:5]) - b*Mean(x[:5])
	within(t, "em", res.Imputed.Values[1][5:], []float64{a + 6*b, a + 7*b}, 1e-8)
	if res.Imputed.State[1][5] != Imputed {
		t.Error("the cell is not marked as imputed")
	}
}

func TestImputations(t *testing.T) {
	d := &Data{HasTime: true}
	row := func(code string, time float64) { d.Units = append(d.Units, Unit{Code: code, Time: time}) }
	for _, y := range []float64{2019, 2020, 2022, 2023} {
		row("a", y)
	}
	for _, y := range []float64{2019, 2020, 2022, 2023} {
		row("b", y)
	}
	d.Columns = []Column{
		{Code: "x", Values: []float64{nan, 1, nan, 7, 5, 6, nan, nan}},
		{Code: "y", Values: []float64{1, 2, 3, 4, 5, 6, 7, 8}},
	}
	d.Groups = []Grouping{{Code: "g", Values: []string{"p", "p", "p", "p", "p", "p", "q", "q"}}}
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 1, Direction: -1}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	for recipe, want := range map[string][]float64{
		`"last"`:                                 {nan, 1, 1, 7, 5, 6, 6, 6},
		`"constant"`:                             {1, 1, 1, 7, 5, 6, 6, 6},
		`"linear"`:                               {1, 1, 5, 7, 5, 6, 6, 6},
		`"mean"`:                                 {5, 1, nan, 7, 5, 6, nan, 7},
		`{"method": "last", "max_age": 2}`:       {nan, 1, 1, 7, 5, 6, 6, nan},
		`{"method": "group_mean", "group": "g"}`: {5, 1, nan, 7, 5, 6, nan, nan},
		`{"method": "mean", "per_indicator": {"x": "none"}}`: {nan, 1, nan, 7, 5, 6, nan, nan},
		// In 2019 x is 5 alone; y is 1 and 5, and less is better, so a is best.
		`"sibling_mean"`: {5, 1, nan, 7, 5, 6, nan, 7},
		`"none"`:         {nan, 1, nan, 7, 5, 6, nan, nan},
	} {
		res := run(t, tree, d, `{"impute": `+recipe+`}`, nil)
		within(t, recipe, res.Imputed.Values[0], want, 1e-12)
	}
	// Two known values and one missing: the unit's other score is 1 of 0..1 after
	// direction, so it gets the maximum.
	d = &Data{Units: []Unit{{Code: "a"}, {Code: "b"}, {Code: "c"}}, Columns: []Column{
		{Code: "x", Values: []float64{10, 30, nan}}, {Code: "y", Values: []float64{3, 2, 1}},
	}}
	res := run(t, tree, d, `{"impute": "sibling_mean"}`, nil)
	within(t, "sibling_mean", res.Imputed.Values[0], []float64{10, 30, 30}, 1e-12)
}

func TestScreenAndGates(t *testing.T) {
	d := &Data{Units: []Unit{{Code: "a"}, {Code: "b"}, {Code: "c"}, {Code: "d"}}, Columns: []Column{
		{Code: "x", Values: []float64{1, nan, 0, 4}},
		{Code: "y", Values: []float64{1, 2, 0, nan}, State: []Cell{Known, Known, Known, NotApplicable}},
		{Code: "gdp", Values: []float64{700, 500, 900, 600}},
	}}
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 1}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	for recipe, want := range map[string]string{
		`{"min_known": 0.5}`:                         "abcd",
		`{"min_known": 0.9}`:                         "acd",
		`{"min_nonzero": 0.1}`:                       "abd",
		`{"gates": [{"column": "gdp", "min": 600}]}`: "acd",
		`{"gates": [{"column": "gdp", "min": 600}], "keep": ["b"], "drop": ["a"]}`: "bcd",
	} {
		res := run(t, tree, d, `{"screen": `+recipe+`}`, nil)
		var codes []string
		for _, u := range res.Screened.Units {
			codes = append(codes, u.Code)
		}
		if got := strings.Join(codes, ""); got != want || len(res.Dropped) != 4-len(want) {
			t.Errorf("%s keeps %v, want %s", recipe, codes, want)
		}
	}
}

func TestTreatments(t *testing.T) {
	v := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 100}
	for _, c := range []struct {
		recipe string
		last   float64
		how    string
		points int
	}{
		{`{"winsorise": {"max_points": 5}}`, 9, "winsorised_high", 1},
		{`{"percentile": {"lower": 0.1, "upper": 0.9}}`, Quantile(v, 0.9), "percentile_high", 2},
		{`{"otherwise": "log_ct"}`, math.Log(99 + 0.99), "log_ct", 10},
		{`{"otherwise": "log"}`, math.Log(100), "log", 10},
		{`{"otherwise": "log_ct_orig"}`, math.Log(100), "log_ct_orig", 10},
		{`{"otherwise": "boxcox", "lambda": 0.5}`, (math.Sqrt(100) - 1) / 0.5, "boxcox", 10},
		{`{"winsorise": {"max_points": 0}, "otherwise": "none"}`, 100, "", 0},
		{`{"per_indicator": {"x": {"method": "winsorise", "points": 2}}}`, 9, "winsorised_high", 2},
		{`{"per_indicator": {"x": "none"}, "otherwise": "log"}`, 100, "", 0},
	} {
		_, res := one(t, v, 1, nan, `{"treat": `+c.recipe+`}`, nil)
		rec := res.Treatment[0]
		within(t, c.recipe, res.Treated.Values[0][9:], []float64{c.last}, 1e-12)
		if rec.Points != c.points || c.points > 0 && rec.Cells[len(rec.Cells)-1].How != c.how {
			t.Errorf("%s: record %+v", c.recipe, rec)
		}
	}
	// Individual settings apply even where the rule passes.
	_, res := one(t, []float64{1, 2, 3, 4, 5}, 1, nan, `{"treat": {"winsorise": {"max_points": 5}, "per_indicator": {"x": "winsorise"}}}`, nil)
	within(t, "always", res.Treated.Values[0], []float64{1, 2, 3, 4, 4}, 0)
	// Box-Cox without lambda: likelihood is not lower at the found lambda than beside it.
	_, lambda, err := transformed("boxcox", v, nil)
	if err != nil {
		t.Fatal(err)
	}
	likelihood := func(l float64) float64 {
		z, _, err := transformed("boxcox", v, &l)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, x := range v {
			sum += math.Log(x) // y = x - 1 + 1
		}
		return -5*math.Log(Variance(z, 0)) + (l-1)*sum
	}
	if best := likelihood(lambda); best < likelihood(lambda-1e-3) || best < likelihood(lambda+1e-3) {
		t.Errorf("lambda %v is not the likeliest", lambda)
	}
}

func TestPlaces(t *testing.T) {
	s := []float64{8, 9, nan, 8, 7}
	for ties, want := range map[Ties][]int{
		Competition: {2, 1, 0, 2, 4}, Dense: {2, 1, 0, 2, 3}, Modified: {3, 1, 0, 3, 4}, Ordinal: {2, 1, 0, 3, 4},
	} {
		if got := Places(nil, s, ties); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", ties, got, want)
		}
	}
	if Round(0.2875, 3) != 0.288 || Round(-2.5, 0) != -3 || Round(1e300, 15) != 1e300 {
		t.Error("rounding")
	}
}

func TestAdjustPlaceAndTier(t *testing.T) {
	d := &Data{}
	for _, c := range "abcde" {
		d.Units = append(d.Units, Unit{Code: string(c)})
	}
	d.Columns = []Column{
		{Code: "x", Values: []float64{90, 80, 70, 60, 50}},
		{Code: "y", Values: []float64{1, 2, 3, 4, 5}},
		{Code: "prizes", Values: []float64{0, 9, 0, 0, nan}},
		{Code: "findings", Values: []float64{0, 2, 4, 0, 0}},
		{Code: "accidents", Values: []float64{1, 0, 0, 0, 0}},
	}
	d.Groups = []Grouping{{Code: "kind", Values: []string{"p", "q", "p", "q", "p"}}}
	tree, err := NewTree([]Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "y", Parent: "i", Weight: 0}, {Code: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, tree, d, `{"adjust": {"bonus": [{"column": "prizes", "per": 2, "cap": 10}], "deductions": [{"column": "findings", "per": 0.3}], "max_deduct": 1, "veto": [{"column": "accidents"}]},
		"place": {"without": ["e"], "within": "kind"}, "tier": {"method": "share", "shares": [0.4, 0.6], "names": ["good", "rest"]}}`, nil)
	within(t, "scores", res.Scores, []float64{90, 80 + 10 - 0.6, 70 - 1, 60, 50}, 1e-12)
	if !slices.Equal(res.Places, []int{0, 1, 2, 3, 0}) || !slices.Equal(res.GroupPlaces, []int{0, 1, 1, 2, 0}) {
		t.Errorf("places %v, in groups %v, because %q", res.Places, res.GroupPlaces, res.Unplaced)
	}
	if !slices.Equal(res.Tiers, []string{"", "good", "rest", "rest", ""}) {
		t.Errorf("tiers %q", res.Tiers)
	}
	res = run(t, tree, d, `{"adjust": {"veto": [{"column": "accidents", "effect": "last"}]}, "tier": {"method": "cut", "cuts": [75, 65]}}`, nil)
	if !slices.Equal(res.Places, []int{5, 1, 2, 3, 4}) || !slices.Equal(res.Tiers, []string{"A", "A", "B", "C", "C"}) {
		t.Errorf("places %v, tiers %q", res.Places, res.Tiers)
	}
	res = run(t, tree, d, `{"weights": {"by": "kind", "sets": {"q": {"x": 0, "y": 1}}}}`, nil)
	within(t, "weights by class", res.Scores, []float64{90, 2, 70, 4, 50}, 1e-12)
	if got := NaturalBreaks([]float64{1, 2, 50, 51, 99, 98, 1}, 3); !slices.Equal(got, []int{2, 2, 1, 1, 0, 0, 2}) {
		t.Errorf("natural breaks %v", got)
	}
	// Ties go to the child named, then to the code.
	d.Columns[0].Values = []float64{1, 1, 1, 2, 2}
	d.Columns[1].Values = []float64{3, 5, 5, 1, 1}
	res = run(t, tree, d, `{"place": {"tie_break": ["y"]}}`, nil)
	if !slices.Equal(res.Places, []int{5, 3, 3, 1, 1}) {
		t.Errorf("tie-break: %v", res.Places)
	}
	res = run(t, tree, d, `{"place": {"ties": "ordinal", "tie_break": ["y"]}}`, nil)
	if !slices.Equal(res.Places, []int{5, 3, 4, 1, 2}) {
		t.Errorf("ordinal: %v", res.Places)
	}
}

// Values of R 4.2.2: skewness and kurtosis of type 2 (e1071), quantile type 7.
func TestStatistics(t *testing.T) {
	x := []float64{1, 2, 3, 4, 10}
	// n = 5, mean 4, m2 = 50/5, m3 = 180/5, m4 = 1394/5.
	within(t, "skewness", []float64{Skewness(x)}, []float64{(36 / math.Pow(10, 1.5)) * math.Sqrt(20) / 3}, 1e-12)
	within(t, "kurtosis", []float64{Kurtosis(x)}, []float64{(6*(278.8/100-3) + 6) * 4 / 6.}, 1e-12)
	within(t, "quantiles", []float64{Quantile(x, 0), Quantile(x, 0.25), Quantile(x, 0.9), Quantile(x, 1), Median(x)}, []float64{1, 2, 7.6, 10, 3}, 1e-12)
	y := []float64{2, 1, 4, 3, 3}
	within(t, "kendall", []float64{Kendall(x, y)}, []float64{(6. - 3) / math.Sqrt(10*9)}, 1e-12)
	within(t, "spearman", []float64{Spearman(x, y)}, []float64{Pearson([]float64{1, 2, 3, 4, 5}, []float64{2, 1, 5, 3.5, 3.5})}, 1e-12)
	if v := Skewness([]float64{3, 3, 3}); !math.IsNaN(v) {
		t.Errorf("skewness of a constant is %v", v)
	}
}

// Growth next to level, increments and three-year means of the same column.
func TestDerive(t *testing.T) {
	d := &Data{Columns: []Column{{Code: "gdp", Values: []float64{100, 110, 99, 0, nan, 8}}}}
	for _, u := range []string{"a", "b"} {
		for _, y := range []float64{2021, 2022, 2023} {
			d.Units = append(d.Units, Unit{Code: u, Time: y})
		}
	}
	tree := mustTree(t, []Node{{Code: "gdp", Parent: "i", Weight: 1}, {Code: "growth", Parent: "i", Weight: 1}, {Code: "more", Parent: "i", Weight: 1}, {Code: "mean", Parent: "i", Weight: 1}, {Code: "i"}})
	recipe := `{"derive": [{"code": "growth", "of": "gdp", "as": "growth"}, {"code": "more", "of": "gdp", "as": "increment", "lag": 2}, {"code": "mean", "of": "gdp", "as": "mean", "lag": 3}]}`
	res := run(t, tree, d, recipe, nil)
	within(t, "growth", res.Raw.Values[1], []float64{nan, 10, -10, nan, nan, nan}, 1e-12)
	within(t, "increment", res.Raw.Values[2], []float64{nan, nan, -1, nan, nan, 8}, 1e-12)
	within(t, "mean", res.Raw.Values[3], []float64{100, 105, 103, 0, nan, nan}, 1e-12)
	x, err := Compile(mustRecipe(t, recipe), tree, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(x.Recipe(), tree, x.Data(), nil); err != nil {
		t.Errorf("the data of an index does not compile again: %v", err)
	}
	ws, err := x.NewWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	if err := x.SetCell(ws, 1, 0, 120); err != nil {
		t.Fatal(err)
	}
	within(t, "after a change", ws.data.Column("growth").Values[:3], []float64{nan, 20, 100 * (99. - 120) / 120}, 1e-12)
}

// A range of any method, so that geometric means exist.
func TestRange(t *testing.T) {
	for recipe, want := range map[string][]float64{
		`{"method": "zscore", "range": [1, 11]}`:                                            {1, 3, 11},
		`{"method": "rank", "range": [1, 3]}`:                                               {1, 2, 3},
		`{"method": "prank", "range": [10, 20]}`:                                            {10, 15, 20},
		`{"method": "goalposts", "goalposts": {"x": [0, 10]}, "scale": 5, "range": [1, 2]}`: {1.1, 1.2, 1.6},
	} {
		got, _ := one(t, []float64{1, 2, 6}, 1, nan, `{"normalise": `+recipe+`}`, nil)
		within(t, recipe, got, want, 1e-12)
	}
}

// What is not applicable to a unit is no part of its groups.
func TestNotApplicableIsNotAGap(t *testing.T) {
	d := &Data{Units: []Unit{{Code: "a"}, {Code: "b"}}, Columns: []Column{
		{Code: "port", Values: []float64{nan, nan}, State: []Cell{NotApplicable, Missing}},
		{Code: "rail", Values: []float64{3, 3}},
	}}
	tree := mustTree(t, []Node{{Code: "port", Parent: "i", Weight: 1}, {Code: "rail", Parent: "i", Weight: 1}, {Code: "i"}})
	res := run(t, tree, d, `{"impute": "mean", "min_known_children": 1}`, nil)
	within(t, "scores", res.Scores, []float64{3, nan}, 0)
	within(t, "completeness", res.Completeness, []float64{1, 0.5}, 0)
}

// With panel global the ends are those of all periods, per_period those of each.
func TestPanelGlobal(t *testing.T) {
	d := &Data{Columns: []Column{{Code: "x", Values: []float64{0, 10, 10, 40}}}, Groups: []Grouping{{Code: "g", Values: []string{"p", "q", "p", "q"}}}}
	for _, y := range []float64{1, 2} {
		for _, u := range []string{"a", "b"} {
			d.Units = append(d.Units, Unit{Code: u, Time: y})
		}
	}
	tree := mustTree(t, []Node{{Code: "x", Parent: "i", Weight: 1}, {Code: "i"}})
	for recipe, want := range map[string][]float64{
		`"minmax"`: {0, 100, 0, 100},
		`{"method": "minmax", "panel": "per_period"}`:            {0, 100, 0, 100},
		`{"method": "minmax", "panel": "global"}`:                {0, 25, 25, 100},
		`{"method": "rank", "panel": "global"}`:                  {1, 2, 2, 4},
		`{"method": "fracmax", "panel": "global"}`:               {0, 0.25, 0.25, 1},
		`{"method": "minmax", "panel": "global", "within": "g"}`: {0, 0, 100, 100},
	} {
		res := run(t, tree, d, `{"normalise": `+recipe+`}`, nil)
		within(t, recipe, res.Normalised.Values[0], want, 1e-12)
		if !slices.Equal(res.Places, []int{2, 1, 2, 1}) && !strings.Contains(recipe, "within") {
			t.Errorf("%s: places %v go by period", recipe, res.Places)
		}
	}
}

// A division by zero is no score, however high the cap: that cell is missing.
func TestBenchmarkOfNothing(t *testing.T) {
	v := []float64{0, 2, 4}
	for _, limit := range []string{`"none"`, `true`, `1.2`} {
		got, _ := one(t, v, -1, nan, `{"normalise": {"method": "benchmark", "values": {"x": 2}, "cap": `+limit+`}}`, nil)
		within(t, "cap "+limit, got, []float64{nan, 1, 0.5}, 1e-12)
	}
}

// Figures compare as they are, computed scores but for the order of a sum.
func TestEqualToTheGrain(t *testing.T) {
	m := &Matrix{Columns: [][]float64{{5.1, math.Nextafter(5.1, 6)}}, Weights: []float64{1}}
	within(t, "figures, promethee2", PROMETHEE2(m, "usual", nil, nil), []float64{-1, 1}, 0)
	within(t, "figures, copeland", Copeland(m), []float64{-1, 1}, 0)
	m.Computed = []bool{true}
	within(t, "scores, promethee2", PROMETHEE2(m, "usual", nil, nil), []float64{0, 0}, 0)
	within(t, "scores, copeland", Copeland(m), []float64{0, 0}, 0)
}
