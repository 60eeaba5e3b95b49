package composite

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the property tests; 0 takes a new one")

// random gives a generator whose seed a failure prints.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64() //nolint:forbidigo // a new seed each time, printed
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with -seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// randomCase is a small index of whole numbers, which add without rounding:
// three groups of unequal depth, some directions -1.
func randomCase(rng *rand.Rand, units int, missing float64) ([]Node, *Data) {
	nodes := []Node{{Code: "index"}, {Code: "g1", Parent: "index", Weight: 2}, {Code: "g2", Parent: "index", Weight: 1}, {Code: "g3", Parent: "g2", Weight: 1}}
	d := &Data{}
	for u := range units {
		d.Units = append(d.Units, Unit{Code: fmt.Sprintf("u%02d", u), Time: 0})
	}
	region := Grouping{Code: "region"}
	for range units {
		region.Values = append(region.Values, string(rune('a'+rng.IntN(3))))
	}
	d.Groups = []Grouping{region}
	for i, parent := range []string{"g1", "g1", "g1", "g2", "g3", "g3"} {
		dir := 1.0
		if rng.IntN(3) == 0 {
			dir = -1
		}
		code := fmt.Sprintf("i%d", i)
		nodes = append(nodes, Node{Code: code, Parent: parent, Weight: float64(1 + rng.IntN(4)), Direction: dir, Target: float64(20 + rng.IntN(20)), Denominator: "area"})
		c := Column{Code: code}
		for range units {
			v := float64(1 + rng.IntN(30))
			if rng.IntN(12) == 0 {
				v *= 20
			}
			if rng.Float64() < missing {
				v = math.NaN()
			}
			c.Values = append(c.Values, v)
		}
		d.Columns = append(d.Columns, c)
	}
	area := Column{Code: "area"}
	for range units {
		area.Values = append(area.Values, float64(int(1)<<rng.IntN(4)))
	}
	d.Columns = append(d.Columns, area)
	return nodes, d
}

func mustTree(t *testing.T, nodes []Node) *Tree {
	t.Helper()
	tree, err := NewTree(nodes)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

var (
	normalisations = []string{
		`"minmax"`, `{"method": "minmax", "lower": 1, "upper": 100}`, `"zscore"`, `{"method": "zscore", "mean": 100, "sd": 10}`, `"scaled"`, `"rank"`, `{"method": "rank", "ties": "average"}`, `"prank"`, `"borda"`,
		`"dist2max"`, `{"method": "dist2ref", "unit": "u01"}`, `"dist2targ"`, `"fracmax"`, `"efficacy"`, `{"method": "minmax", "transform": "ln"}`, `{"method": "minmax", "within": "region"}`, `"none"`,
	}
	aggregations = []string{
		`"arithmetic"`, `"geometric"`, `"harmonic"`, `{"method": "power", "p": 2}`, `"minimum"`, `"sum"`, `"mpi"`, `"ampi"`, `"copeland"`, `"topsis"`, `{"method": "topsis", "normalisation": "minmax"}`,
		`"vikor"`, `"promethee2"`, `"copras"`, `{"method": "owa", "weights": [3, 2, 1]}`,
	}
	weightings  = []string{`"meta"`, `"equal"`, `"entropy"`, `"critic"`, `"sd"`, `"merec"`, `"pca"`, `"correlation"`, `"bod"`}
	imputations = []string{`"none"`, `"mean"`, `"median"`, `{"method": "group_mean", "group": "region"}`, `"sibling_mean"`, `"em"`, `{"method": "em", "within": "all"}`, `"linear"`}
	treatments  = []string{`null`, `{"winsorise": {"max_points": 3}}`, `{"winsorise": {"max_points": 1}, "otherwise": "log_ct", "skew": 0.5, "kurtosis": 0}`, `{"otherwise": "boxcox", "skew": 0.5, "kurtosis": 0}`, `{"percentile": {"lower": 0.1, "upper": 0.9}, "skew": 0, "kurtosis": -9}`}
)

func pickOne(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }

// No NaN escapes and nothing panics, whatever the recipe and the gaps; a run that
// cannot be done is an error.
func TestNothingEscapes(t *testing.T) {
	rng := random(t)
	done := 0
	for range 1500 {
		nodes, d := randomCase(rng, 1+rng.IntN(12), []float64{0, 0.1, 0.6, 1}[rng.IntN(4)])
		if rng.IntN(3) == 0 { // a constant column
			for r := range d.Columns[2].Values {
				d.Columns[2].Values[r] = 7
			}
		}
		if rng.IntN(4) == 0 {
			c := &d.Columns[rng.IntN(6)]
			c.State = make([]Cell, len(c.Values))
			for r := range c.Values {
				c.Values[r], c.State[r] = math.NaN(), NotApplicable
			}
		}
		if rng.IntN(2) == 0 {
			for r := range d.Units {
				d.Units[r].Time = float64(rng.IntN(3))
			}
		}
		recipe := fmt.Sprintf(`{"denominate": %v, "impute": %s, "treat": %s, "normalise": %s, "weights": %s, "aggregate": [%s], "min_known_children": %v, "screen": {"min_known": %v}}`,
			rng.IntN(2) == 0, pickOne(rng, imputations), pickOne(rng, treatments), pickOne(rng, normalisations), pickOne(rng, weightings), pickOne(rng, aggregations), []float64{0, 0.5}[rng.IntN(2)], []float64{0, 0.4}[rng.IntN(2)])
		x, err := Compile(mustRecipe(t, recipe), mustTree(t, nodes), d, nil)
		if err != nil {
			continue // u01 may not be there
		}
		res, err := x.Run()
		if err != nil {
			continue
		}
		done++
		checkStates(t, res)
		for _, set := range res.Weights {
			for _, v := range append(slices.Clone(set.Share), set.Effective...) {
				if math.IsNaN(v) || v < 0 || v > 1+1e-9 {
					t.Fatalf("%s: weight %v", recipe, v)
				}
			}
		}
		for _, c := range append(slices.Clone(res.Completeness), res.CompletenessByWeight...) {
			if !(c >= 0 && c <= 1+1e-12) {
				t.Fatalf("%s: completeness %v", recipe, c)
			}
		}
		if t.Failed() {
			t.Fatal(recipe)
		}
	}
	if done < 600 {
		t.Errorf("only %d runs", done)
	}
}

// Units and columns may stand in any order.
func TestOrderDoesNotMatter(t *testing.T) {
	rng := random(t)
	for range 200 {
		nodes, d := randomCase(rng, 9, 0.1)
		normalise, aggregate := pickOne(rng, normalisations[:14]), pickOne(rng, aggregations)
		if strings.Contains(normalise, "zscore") && strings.Contains(aggregate, "mpi") {
			continue // a mean of about 0 in the denominator magnifies rounding without bound
		}
		recipe := fmt.Sprintf(`{"denominate": true, "impute": %s, "treat": %s, "normalise": %s, "weights": %s, "aggregate": [%s]}`,
			pickOne(rng, imputations[:5]), pickOne(rng, treatments), normalise, pickOne(rng, weightings[:7]), aggregate)
		tree := mustTree(t, nodes)
		x, err := Compile(mustRecipe(t, recipe), tree, d, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := x.Run()
		if err != nil {
			continue
		}
		rows, cols := rng.Perm(9), rng.Perm(len(d.Columns))
		e := &Data{Groups: []Grouping{{Code: "region"}}}
		for _, r := range rows {
			e.Units = append(e.Units, d.Units[r])
			e.Groups[0].Values = append(e.Groups[0].Values, d.Groups[0].Values[r])
		}
		for _, c := range cols {
			e.Columns = append(e.Columns, Column{Code: d.Columns[c].Code, Values: pick(d.Columns[c].Values, rows)})
		}
		b := run(t, tree, e, recipe, nil)
		for i, r := range rows {
			if math.Abs(a.Scores[r]-b.Scores[i]) > 1e-9*(1+math.Abs(a.Scores[r])) || math.IsNaN(a.Scores[r]) != math.IsNaN(b.Scores[i]) {
				t.Fatalf("%s: %s has score %v, in another order %v", recipe, d.Units[r].Code, a.Scores[r], b.Scores[i])
			}
		}
	}
}

// Where a method promises it, a positive affine change of an indicator changes
// nothing. The change is exact in floating point, so places are compared as they
// are.
func TestAffineInvariance(t *testing.T) {
	rng := random(t)
	for _, normalise := range []string{`"minmax"`, `"rank"`, `"prank"`, `"borda"`, `"dist2max"`, `"efficacy"`, `"zscore"`, `{"method": "dist2ref", "unit": "u01"}`} {
		for range 40 {
			nodes, d := randomCase(rng, 10, 0.1)
			d.Columns[0].Values[1], d.Columns[1].Values[1] = 99, 99
			tree := mustTree(t, nodes)
			recipe := fmt.Sprintf(`{"normalise": %s, "aggregate": [%s], "treat": %s, "place": {"decimals": 9}}`, normalise, pickOne(rng, []string{`"arithmetic"`, `"copeland"`, `"minimum"`, `{"method": "topsis", "normalisation": "none"}`}), pickOne(rng, treatments[:3]))
			a := run(t, tree, d, recipe, nil)
			e := d.clone()
			for c := range 6 {
				scale, shift := float64(int(1)<<rng.IntN(5)), float64(rng.IntN(64))
				for r := range e.Columns[c].Values {
					e.Columns[c].Values[r] = e.Columns[c].Values[r]*scale + shift
				}
			}
			b := run(t, tree, e, recipe, nil)
			for r := range a.Scores {
				if math.Abs(a.Scores[r]-b.Scores[r]) > 1e-9*(1+math.Abs(a.Scores[r])) {
					t.Fatalf("%s: row %d has score %v, after an affine change %v", recipe, r, a.Scores[r], b.Scores[r])
				}
			}
		}
	}
}

// A unit that gets better in one indicator does not get a lower score, nor a
// worse place, where the method is monotone.
func TestMonotone(t *testing.T) {
	rng := random(t)
	for _, recipe := range []string{
		`{"normalise": "minmax"}`,
		`{"normalise": {"method": "minmax", "lower": 1, "upper": 100}, "aggregate": ["geometric"]}`,
		`{"normalise": {"method": "minmax", "lower": 1, "upper": 100}, "aggregate": ["harmonic"]}`,
		`{"normalise": {"method": "minmax", "lower": 1, "upper": 100}, "aggregate": [{"method": "power", "p": 3}]}`,
		`{"normalise": "minmax", "aggregate": ["minimum"]}`,
		`{"normalise": "minmax", "aggregate": [{"method": "owa", "weights": [1, 2, 3]}]}`,
		`{"normalise": "rank"}`,
		`{"normalise": {"method": "scaled"}}`,
	} {
		for range 60 {
			nodes, d := randomCase(rng, 8, 0)
			tree := mustTree(t, nodes)
			a := run(t, tree, d, recipe, nil)
			e := d.clone()
			row, col := rng.IntN(8), rng.IntN(6)
			better := float64(1 + rng.IntN(20))
			e.Columns[col].Values[row] += better * nodes[tree.Find(fmt.Sprintf("i%d", col))].Direction
			b := run(t, tree, e, recipe, nil)
			if b.Scores[row] < a.Scores[row]-1e-9 && !(math.IsNaN(a.Scores[row]) || math.IsNaN(b.Scores[row])) {
				t.Fatalf("%s: better by %v, the score fell from %v to %v", recipe, better, a.Scores[row], b.Scores[row])
			}
		}
	}
}

// The effective weights of the indicators sum to 1.
func TestEffectiveWeightsSumToOne(t *testing.T) {
	rng := random(t)
	for range 100 {
		nodes, d := randomCase(rng, 6, 0)
		res := run(t, mustTree(t, nodes), d, `{"normalise": "minmax", "weights": `+pickOne(rng, []string{`"meta"`, `"equal"`, `"sd"`, `"critic"`, `"pca"`})+`}`, nil)
		sum := 0.0
		for _, l := range res.Tree.Leaves {
			sum += res.Weights[0].Effective[l]
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("effective weights sum to %v", sum)
		}
	}
}
