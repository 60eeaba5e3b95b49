package composite

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

func TestTarget(t *testing.T) {
	seed := uint64(51)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, recipe := range []string{
		`{"normalise":"minmax"}`,
		`{"normalise":{"method":"scaled","min":0,"max":100}}`,
		`{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["geometric"]}`,
		`{"normalise":"rank"}`,
		`{"normalise":"minmax","aggregate":["arithmetic","copeland"]}`,
	} {
		x := drawnIndex(t, rng, 20, 3, 9, 0, recipe)
		res := mustRun(t, x)
		for row := range 5 {
			unit := x.data.Units[row].Code
			want := max(1, res.Places[row]-4)
			a, err := x.Target(context.Background(), TargetQuestion{Unit: unit, Place: want, Locked: []string{"i03"}})
			if err != nil {
				t.Fatal(err)
			}
			if !a.Feasible {
				if a.BestPlace <= want {
					t.Errorf("%s: infeasible, but the best place is %d", recipe, a.BestPlace)
				}
				continue
			}
			// A run with the changes confirms the place.
			y := edit(t, x, "", func(d *Data) {
				for _, c := range a.Changes {
					if c.Code == "i03" {
						t.Errorf("%s: a locked figure moved", recipe)
					}
					d.Column(c.Code).Values[row] = c.To
				}
			})
			if got := mustRun(t, y).Places[row]; got > want || got != a.PlaceTo {
				t.Errorf("%s: %s: place %d wanted, %d promised, %d reached", recipe, unit, want, a.PlaceTo, got)
			}
			if a.Bound == a.Bound && (a.Bound > a.Cost*(1+1e-9) || a.Gap < -1e-9) {
				t.Errorf("%s: bound %v above the cost %v", recipe, a.Bound, a.Cost)
			}
			// Cutting planes close the gap of a concave score, all but what the tangents
			// are good to.
			if a.Bound == a.Bound && a.Gap > 1e-3*a.Cost {
				t.Errorf("%s: %s: cost %v, bound %v", recipe, unit, a.Cost, a.Bound)
			}
			if recipe == `{"normalise":{"method":"scaled","min":0,"max":100}}` && !a.Exact {
				t.Errorf("%s: not exact: %s", recipe, a.Why)
			}
			// Random ways to the place are not cheaper than an exact answer, nor than a bound.
			if a.Bound == a.Bound {
				for range 100 {
					cost := 0.0
					z := edit(t, x, "", func(d *Data) {
						for _, m := range a.Marginal {
							at := rng.Float64() * rng.Float64()
							d.Column(m.Code).Values[row] = m.Figure + at*(m.Limit-m.Figure)
							cost += m.Cost * at * math.Abs(m.Limit-m.Figure)
						}
					})
					if mustRun(t, z).Places[row] <= want && cost < a.Bound*(1-1e-9) {
						t.Errorf("%s: %s: reached for %v, the bound is %v", recipe, unit, cost, a.Bound)
					}
				}
			}
		}
	}
}

func TestTargetInfeasible(t *testing.T) {
	tree, err := NewTree([]Node{{Code: "a", Parent: "r", Weight: 1}, {Code: "b", Parent: "r", Weight: 1}, {Code: "r"}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := Compile(&Recipe{}, tree, &Data{
		Units:   []Unit{{Code: "x"}, {Code: "y"}, {Code: "z"}},
		Columns: []Column{{Code: "a", Values: []float64{1, 5, 9}}, {Code: "b", Values: []float64{0, 6, 9}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// With b locked, x reaches (9 + 0) / 2 = 4.5: behind y (5.5) and z (9).
	a, err := x.Target(context.Background(), TargetQuestion{Unit: "x", Place: 2, Locked: []string{"b"}})
	if err != nil || a.Feasible || a.BestPlace != 3 {
		t.Errorf("%+v, %v", a, err)
	}
	// By hand: y stands at 5.5, x at 0.5; b costs 1 a point and gives half a point,
	// a costs 2. So b by 9 (4.5 points), a by 1: 9 + 2 = 11.
	a, err = x.Target(context.Background(), TargetQuestion{Unit: "x", Place: 2, Levers: map[string]Lever{"a": {Cost: 2}, "b": {Cost: 1}}})
	if err != nil || !a.Feasible || !a.Exact || math.Abs(a.Cost-11) > 1e-9 || a.PlaceTo != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	// A limit short of the best.
	limit := 3.0
	a, err = x.Target(context.Background(), TargetQuestion{Unit: "x", Place: 2, Levers: map[string]Lever{"a": {Cost: 2}, "b": {Cost: 1, Limit: &limit}}})
	if err != nil || !a.Feasible || math.Abs(a.Cost-(3+2*7)) > 1e-9 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err = x.Target(context.Background(), TargetQuestion{Unit: "x", Place: 2, Rivals: Trend}); err == nil {
		t.Error("a trend of one period")
	}
}
