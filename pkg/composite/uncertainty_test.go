package composite

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestSensitivity(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	x := drawnIndex(t, rng, 40, 3, 12, 0, `{"normalise":"minmax"}`)
	plan := &Plan{
		Seed: 3, Weights: &WeightDraws{},
		Choices: []Choice{
			{Key: "normalise", Among: []json.RawMessage{[]byte(`"minmax"`), []byte(`"rank"`)}},
			{Name: "nothing", Key: "note", Among: []json.RawMessage{[]byte(`"a"`), []byte(`"b"`)}},
		},
	}
	var first *Sensitivity
	for _, workers := range []int{1, 2} {
		s, err := x.Sensitivity(context.Background(), plan, SensitivityOptions{Points: 128, Workers: workers, Estimate: SobolOptions{Bootstrap: 50}})
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !reflect.DeepEqual(s, first) {
			t.Error("the number of workers changed the indices")
		}
		first = s
	}
	if !slices.Equal(first.Names, []string{"normalise", "nothing", "weights"}) || first.FailedRuns != 0 || first.Runs != 5*128 {
		t.Errorf("%+v", first)
	}
	// A factor that does nothing has exactly no share.
	if f := first.Factors[1]; f.First != 0 || f.Total != 0 {
		t.Errorf("an idle factor has %+v", f)
	}
	if first.Factors[0].Total <= 0 || first.Factors[2].Total <= 0 {
		t.Errorf("%+v", first.Factors)
	}
}

func TestAttainable(t *testing.T) {
	seed := uint64(42)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 4 {
		x := drawnIndex(t, rng, 20, 3, 9, 0, `{"normalise":"minmax"}`)
		res := mustRun(t, x)
		for _, set := range []Admissible{
			{Spread: 0.3},
			{Spread: 0.2, Free: []string{"root"}},
			{Spread: 0.5, AtLeast: [][2]string{{"g0", "g0"}}},
		} {
			a, err := x.Attainable(context.Background(), res, set, 200, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range a.Units {
				if !(a.Best[i] <= a.FoundBest[i] && a.FoundBest[i] <= a.Nominal[i] && a.Nominal[i] <= a.FoundWorst[i] && a.FoundWorst[i] <= a.Worst[i]) {
					t.Errorf("row %d: best %d found %d nominal %d found %d worst %d", i, a.Best[i], a.FoundBest[i], a.Nominal[i], a.FoundWorst[i], a.Worst[i])
				}
				for j := range a.Units {
					if a.Dominates[i][j] && (a.Nominal[i] >= a.Nominal[j] || a.Best[i] > a.Best[j] || a.Worst[i] > a.Worst[j] || a.Dominates[j][i]) {
						t.Errorf("row %d dominates %d, but the places disagree", i, j)
					}
				}
			}
			// No draw from the set leaves the interval.
			if len(set.Free)+len(set.AtLeast) > 0 {
				continue
			}
			spread := set.Spread / (2 + set.Spread) // so that shares stay inside after rescaling
			m, err := x.MonteCarlo(context.Background(), &Plan{Draws: 500, Weights: &WeightDraws{Spread: &spread}}, MonteCarloOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range a.Units {
				if m.Least[i] < a.Best[i] || m.Greatest[i] > a.Worst[i] {
					t.Errorf("row %d: draws from %d to %d, bounds %d and %d", i, m.Least[i], m.Greatest[i], a.Best[i], a.Worst[i])
				}
			}
		}
	}
}

// The linear program and the knapsack agree where both apply.
func TestLeastByProgram(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 1))
	x := drawnIndex(t, rng, 12, 3, 9, 0, `{"normalise":"minmax"}`)
	res := mustRun(t, x)
	set := Admissible{Spread: 0.4}
	lower, upper, err := set.bounds(x.tree, res.Weights[0].Share)
	if err != nil {
		t.Fatal(err)
	}
	sp := newLeast(x.tree, lower, upper, nil).space()
	for range 20 {
		a, b := make([]float64, 9), make([]float64, 9)
		for i := range a {
			a[i], b[i] = rng.Float64(), rng.Float64()
		}
		want, _, _ := sp.least(a, b)
		got, _, err := sp.program()
		if err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("program %v (%v), knapsack %v", got, err, want)
		}
	}
}

func TestPlaceRange(t *testing.T) {
	seed := uint64(44)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, recipe := range []string{
		`{"normalise":"minmax"}`,
		`{"impute":"mean","normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["geometric"]}`,
	} {
		x := drawnIndex(t, rng, 15, 3, 9, 0.1, recipe)
		res := mustRun(t, x)
		pr, err := x.PlaceRange(res)
		if err != nil {
			t.Fatal(err)
		}
		for i := range pr.Units {
			if pr.Best[i] > pr.Nominal[i] || pr.Worst[i] < pr.Nominal[i] || pr.Low[i] > pr.High[i] {
				t.Errorf("%s: row %d: %d..%d around %d", recipe, i, pr.Best[i], pr.Worst[i], pr.Nominal[i])
			}
			if pr.Gaps[i] == 0 && pr.Low[i] != pr.High[i] {
				t.Errorf("%s: row %d is complete but its score ranges %v..%v", recipe, i, pr.Low[i], pr.High[i])
			}
		}
	}
	x := drawnIndex(t, rng, 15, 3, 9, 0.1, `{"normalise":"rank","aggregate":["copeland"]}`)
	if _, err := x.PlaceRange(mustRun(t, x)); err == nil {
		t.Error("copeland has no exact range")
	}
}

func TestBands(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 1))
	x := drawnIndex(t, rng, 30, 3, 9, 0, `{"normalise":"minmax"}`)
	m, err := x.MonteCarlo(context.Background(), &Plan{Draws: 400, Weights: &WeightDraws{}}, MonteCarloOptions{Pairs: true})
	if err != nil {
		t.Fatal(err)
	}
	bands, err := m.Bands(0, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for k, b := range bands {
		n += len(b.Rows)
		for _, r := range b.Rows[1:] {
			if m.Before(b.Rows[0], r) >= 0.95 {
				t.Errorf("band %d: row %d should stand alone", k, r)
			}
		}
		if k > 0 && m.Before(bands[k-1].Rows[0], b.Rows[0]) < 0.95 {
			t.Errorf("band %d should not have been opened", k)
		}
	}
	if n != 30 {
		t.Errorf("%d rows are in bands, want 30", n)
	}
}
