package composite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// drawnIndex is a two-level index with random figures.
func drawnIndex(t testing.TB, rng *rand.Rand, units, groups, indicators int, missing float64, recipe string) *Index {
	t.Helper()
	tree, cols := blockCase(rng, units, groups, indicators, missing)
	d := &Data{}
	for u := range units {
		d.Units = append(d.Units, Unit{Code: fmt.Sprintf("u%04d", u)})
	}
	for c, code := range tree.LeafCodes() {
		d.Columns = append(d.Columns, Column{Code: code, Values: cols[c]})
	}
	r, err := ParseRecipe([]byte(recipe))
	if err != nil {
		t.Fatal(err)
	}
	x, err := Compile(r, tree, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// rerun is a draw as a run of its own.
func rerun(t *testing.T, x *Index, plan *Plan, d Draw) *Result {
	t.Helper()
	y, err := x.with(plan.Choices, d.Choices)
	if err != nil {
		t.Fatal(err)
	}
	r := y.recipe.Clone()
	r.Weights = &Weights{From: "values", Values: map[string]float64{}}
	for _, n := range x.tree.Nodes {
		r.Weights.Values[n.Code] = n.Weight
	}
	maps.Copy(r.Weights.Values, d.Weights)
	if y, err = Compile(r, x.tree, x.data, nil); err != nil {
		t.Fatal(err)
	}
	res, err := y.Run()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func same(a, b float64) bool { return a == b || a != a && b != b }

func TestMonteCarloDrawsAreRuns(t *testing.T) {
	seed := uint64(11)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, missing := range []float64{0, 0.2} {
		for _, recipe := range []string{
			`{"normalise":"minmax","min_known_children":0.5}`,
			`{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["arithmetic","geometric"],"place":"dense"}`,
			`{"normalise":"rank","place":{"ties":"modified","decimals":1}}`,
			`{"normalise":"minmax","place":{"ties":"ordinal","decimals":0,"without":["u0003"]}}`,
			`{"normalise":"minmax","screen":{"min_known":0.9},"adjust":{"floor":40}}`,
		} {
			x := drawnIndex(t, rng, 150, 4, 17, missing, recipe)
			plan := &Plan{
				Draws: 40, Seed: 5, Weights: &WeightDraws{},
				Choices: []Choice{{Key: "normalise", Among: []json.RawMessage{[]byte(`"zscore"`), []byte(`{"method":"minmax","lower":1,"upper":10}`)}}},
			}
			if strings.Contains(recipe, "geometric") {
				plan.Choices = nil
			}
			m, err := x.MonteCarlo(context.Background(), plan, MonteCarloOptions{Keep: true, Pairs: true})
			if err != nil {
				t.Fatal(err)
			}
			for d := range m.Draws {
				res := rerun(t, x, plan, m.Parameters[d])
				for r, row := range res.RowOf {
					if !same(m.Scores[d][row], res.Scores[r]) || int(m.Places[d][row]) != res.Places[r] {
						t.Fatalf("%s, missing %v, draw %d, row %d: score %v place %d, the run has %v and %d",
							recipe, missing, d, row, m.Scores[d][row], m.Places[d][row], res.Scores[r], res.Places[r])
					}
				}
			}
			checkSummary(t, m)
			// The same parameters as a list give the same places.
			listed, err := x.MonteCarlo(context.Background(), &Plan{List: m.Parameters, Choices: plan.Choices}, MonteCarloOptions{Keep: true})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(listed.Places, m.Places) {
				t.Error("the listed draws gave other places")
			}
		}
	}
}

// checkSummary holds the statistics against the places of each draw.
func checkSummary(t *testing.T, m *MonteCarlo) {
	t.Helper()
	for r := range m.Units {
		var p []float64
		for _, line := range m.Places {
			if line != nil && line[r] != 0 {
				p = append(p, float64(line[r]))
			}
		}
		near := func(what string, got, want float64) {
			t.Helper()
			if !same(got, want) && math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
				t.Fatalf("row %d: %s %v, want %v", r, what, got, want)
			}
		}
		near("mean", m.Mean[r], Mean(p))
		near("sd", m.Sd[r], Sd(p, 1))
		sum := 0.0
		for place := range len(m.Units) + 1 {
			sum += m.Probability(r, place)
		}
		near("sum of probabilities", sum, 1)
		for q, level := range m.Levels {
			near("quantile", m.Quantiles[q][r], Quantile(p, level))
		}
		if m.before != nil && r > 0 {
			b, n := 0.0, 0.0
			for _, line := range m.Places {
				if line == nil || line[r] == 0 || line[0] == 0 {
					continue
				}
				n++
				switch {
				case line[r] < line[0]:
					b++
				case line[r] == line[0]:
					b += 0.5
				}
			}
			near("before", m.Before(r, 0), b/n)
		}
	}
}

func TestMonteCarloSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	x := drawnIndex(t, rng, 90, 4, 17, 0.1, `{"normalise":"minmax"}`)
	for _, method := range []string{"noise", "dirichlet", "free"} {
		plan := &Plan{Draws: 333, Seed: 9, Weights: &WeightDraws{Method: method}, Data: &DataDraws{Relative: map[string]float64{"i00": 0.05}}}
		if method == "free" {
			plan.Data = nil
		}
		var first *MonteCarlo
		for _, workers := range []int{1, 2, 5} {
			m, err := x.MonteCarlo(context.Background(), plan, MonteCarloOptions{Workers: workers, Keep: true, Pairs: true})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = m
				checkSummary(t, m)
			} else if fmt.Sprintf("%x", m) != fmt.Sprintf("%x", first) || !reflect.DeepEqual(m.counts, first.counts) {
				t.Errorf("%s: %d workers gave other bits", method, workers)
			}
		}
		// A longer plan begins with the draws of a shorter one.
		plan.Draws = 400
		m, err := x.MonteCarlo(context.Background(), plan, MonteCarloOptions{Keep: true})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m.Places[:333], first.Places) {
			t.Errorf("%s: more draws changed the first ones", method)
		}
	}
}

func TestMonteCarloCountsFailedDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	x := drawnIndex(t, rng, 20, 2, 6, 0, `{"normalise":"minmax"}`)
	plan := &Plan{
		Draws: 100,
		Choices: []Choice{{
			Key:   "normalise",
			Among: []json.RawMessage{[]byte(`"zscore"`), []byte(`{"method":"dist2ref","unit":"nobody"}`), []byte(`null`)},
		}},
	}
	m, err := x.MonteCarlo(context.Background(), plan, MonteCarloOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Failed == 0 || m.Failed >= 100 || len(m.Failures) != m.Failed || !strings.Contains(m.Failures[0].Reason, "nobody") {
		t.Errorf("failed %d, reasons %v", m.Failed, m.Failures)
	}
	sum := 0.0
	for p := range 21 {
		sum += m.Probability(0, p)
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("probabilities sum to %v", sum)
	}
}

func BenchmarkMonteCarlo(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := drawnIndex(b, rng, 2500, 8, 60, 0, `{"normalise":"minmax"}`)
	for _, draws := range []int{1000, 10000} {
		b.Run(fmt.Sprint(draws), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.MonteCarlo(context.Background(), &Plan{Draws: draws, Weights: &WeightDraws{}}, MonteCarloOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzParsePlan(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"draws": 10, "seed": 1, "weights": {"method": "dirichlet", "concentration": 5}}`,
		`{"choices": [{"key": "normalise", "among": ["rank", null], "chances": [1, 0]}], "quantiles": [0.5], "top": [1]}`,
		`{"data": {"rounding": {"a": 0.1}, "missing": "donor"}}`,
	} {
		f.Add([]byte(s))
	}
	rng := rand.New(rand.NewPCG(14, 1))
	x := drawnIndex(f, rng, 6, 2, 4, 0, `{"normalise":"minmax"}`)
	f.Fuzz(func(_ *testing.T, b []byte) {
		p, err := ParsePlan(b)
		if err != nil {
			return
		}
		p.Draws = min(p.Draws, 3)
		// Any plan that is read runs or is refused; it does not crash.
		_, _ = x.MonteCarlo(context.Background(), p, MonteCarloOptions{Keep: true, Pairs: true})
	})
}
