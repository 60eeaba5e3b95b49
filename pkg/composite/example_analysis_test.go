package composite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"zonebench.internal/pkg/composite"
)

// smallIndex is four invented zones with two indicators each in two groups.
func smallIndex(recipe string, time float64, change func(d *composite.Data)) *composite.Index {
	tree, err := composite.NewTree([]composite.Node{
		{Code: "output", Parent: "economy", Weight: 2},
		{Code: "tax", Parent: "economy", Weight: 1},
		{Code: "green", Parent: "place", Weight: 1},
		{Code: "waste", Parent: "place", Weight: 1, Direction: -1},
		{Code: "economy", Parent: "index", Weight: 3},
		{Code: "place", Parent: "index", Weight: 1},
		{Code: "index"},
	})
	if err != nil {
		panic(err)
	}
	data := &composite.Data{
		Columns: []composite.Column{
			{Code: "output", Values: []float64{90, 70, 60, 10}},
			{Code: "tax", Values: []float64{8, 10, 4, 2}},
			{Code: "green", Values: []float64{20, 30, 60, 50}},
			{Code: "waste", Values: []float64{9, 5, 4, 7}},
		},
	}
	for _, code := range []string{"a", "b", "c", "d"} {
		data.Units = append(data.Units, composite.Unit{Code: code, Time: time})
	}
	if change != nil {
		change(data)
	}
	r, err := composite.ParseRecipe([]byte(recipe))
	if err != nil {
		panic(err)
	}
	x, err := composite.Compile(r, tree, data, nil)
	if err != nil {
		panic(err)
	}
	return x
}

func run(x *composite.Index) *composite.Result {
	res, err := x.Run()
	if err != nil {
		panic(err)
	}
	return res
}

// The contributions of a weighted sum add up to the score.
func ExampleIndex_Explain() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	e, err := x.Explain(run(x), 1, "", composite.ExplainOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range e.Parts {
		fmt.Printf("%-7s %6.2f x %.3f = %5.2f\n", p.Code, p.Score, p.Weight, p.Points)
	}
	fmt.Printf("%s, score %.2f\n", e.Kind, e.Score)
	// Output:
	// output   75.00 x 0.500 = 37.50
	// tax     100.00 x 0.250 = 25.00
	// green    25.00 x 0.125 =  3.12
	// waste    80.00 x 0.125 = 10.00
	// additive, score 75.62
}

// Strengths and weaknesses, by the points gained over an average unit.
func ExampleIndex_Traits() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	strong, weak := x.Traits(run(x), 1, 1)
	fmt.Printf("%s %+.2f, place %d; %s %+.2f, place %d\n", strong[0].Code, strong[0].Points, strong[0].Place, weak[0].Code, weak[0].Points, weak[0].Place)
	// Output: tax +12.50, place 1; green -3.12, place 3
}

// Unit b falls behind a: by its own figures alone.
func ExampleMovement() {
	before := smallIndex(`{"normalise": {"method": "scaled", "min": 0, "max": 100}}`, 2023, nil)
	after := smallIndex(`{"normalise": {"method": "scaled", "min": 0, "max": 100}}`, 2024, func(d *composite.Data) {
		d.Column("output").Values[1] = 40
	})
	m, err := composite.Movement(context.Background(), before, after, "b", composite.MovementOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("place %d to %d\n", m.PlaceFrom, m.PlaceTo)
	for _, c := range composite.Causes() {
		if m.Score[c] != 0 {
			fmt.Printf("%s: %+d places, %+.1f points\n", c, m.Places[c], m.Score[c])
		}
	}
	// Output:
	// place 2 to 3
	// own values: -1 places, -15.0 points
}

func ExampleMovements() {
	before := smallIndex(`{"normalise": "minmax"}`, 2023, nil)
	after := smallIndex(`{"normalise": "minmax"}`, 2024, func(d *composite.Data) { d.Column("output").Values[2] = 90 })
	moves, err := composite.Movements(context.Background(), before, after, nil, composite.MovementOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range moves {
		fmt.Printf("%s %d to %d: own %+d, rivals %+d\n", m.Unit, m.PlaceFrom, m.PlaceTo, m.Places[composite.OwnValues], m.Places[composite.RivalValues])
	}
	// Output:
	// a 2 to 3: own +0, rivals -1
	// b 1 to 2: own +0, rivals -1
	// c 3 to 1: own +2, rivals +0
	// d 4 to 4: own +0, rivals +0
}

func ExampleLargestRemainder() {
	fmt.Println(composite.LargestRemainder([]float64{1.6, 0.9, 0, -0.5}, 2))
	// Output: [2 1 0 -1]
}

// How the places hold when weights and scaling vary.
func ExampleIndex_MonteCarlo() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	m, err := x.MonteCarlo(context.Background(), &composite.Plan{
		Draws: 1000, Seed: 1,
		Weights: &composite.WeightDraws{Method: "free"},
		Choices: []composite.Choice{{Key: "normalise", Among: []json.RawMessage{[]byte(`"minmax"`), []byte(`"rank"`)}}},
	}, composite.MonteCarloOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for r, u := range m.Units {
		fmt.Printf("%s: place %d, median %.0f, at most %d\n", u.Code, m.Nominal[r], m.Quantiles[2][r], m.Greatest[r])
	}
	fmt.Println("failed:", m.Failed)
	// Output:
	// a: place 2, median 3, at most 4
	// b: place 1, median 2, at most 3
	// c: place 3, median 1, at most 3
	// d: place 4, median 4, at most 4
	// failed: 0
}

// Units that the draws do not tell apart share a band.
func ExampleMonteCarlo_Bands() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	m, err := x.MonteCarlo(context.Background(), &composite.Plan{Draws: 500, Seed: 1, Weights: &composite.WeightDraws{}}, composite.MonteCarloOptions{Pairs: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	bands, err := m.Bands(0, 0.95)
	if err != nil {
		fmt.Println(err)
		return
	}
	for k, b := range bands {
		fmt.Print(k+1, ":")
		for _, r := range b.Rows {
			fmt.Print(" ", m.Units[r].Code)
		}
		fmt.Println()
	}
	// Output:
	// 1: b
	// 2: a c
	// 3: d
}

// y = x1 + 2 x2 on the corners of a square: the second factor has 4 / 5.
func ExampleSobolIndices() {
	y := func(x1, x2 float64) float64 { return x1 + 2*x2 }
	var a, b []float64
	ab := make([][]float64, 2)
	for _, p := range [][4]float64{{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0, 0, 1, 1}, {0, 1, 0, 0}, {0, 1, 0, 1}, {0, 1, 1, 0}, {0, 1, 1, 1}, {1, 0, 0, 0}, {1, 0, 0, 1}, {1, 0, 1, 0}, {1, 0, 1, 1}, {1, 1, 0, 0}, {1, 1, 0, 1}, {1, 1, 1, 0}, {1, 1, 1, 1}} {
		a, b = append(a, y(p[0], p[1])), append(b, y(p[2], p[3]))
		ab[0], ab[1] = append(ab[0], y(p[2], p[1])), append(ab[1], y(p[0], p[3]))
	}
	s, err := composite.SobolIndices(a, b, ab, composite.SobolOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The variance is divided by 2 n - 1 = 31, hence the 31 / 32.
	for _, f := range s.Factors {
		fmt.Printf("%.4f %.4f\n", f.First, f.Total)
	}
	// Output:
	// 0.1938 0.1938
	// 0.7750 0.7750
}

func ExampleIndex_Sensitivity() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	s, err := x.Sensitivity(context.Background(), &composite.Plan{
		Seed: 1, Weights: &composite.WeightDraws{},
		Choices: []composite.Choice{{Name: "remark", Key: "note", Among: []json.RawMessage{[]byte(`"x"`), []byte(`"y"`)}}},
	}, composite.SensitivityOptions{Unit: "c", Points: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A remark changes nothing: all of the variance is the weights'.
	fmt.Println(s.Outcome, s.Names, s.Factors[0].Total)
	// Output: place of c [remark weights] 0
}

// Whatever the weights, within half of what they are, d is last.
func ExampleIndex_Attainable() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	a, err := x.Attainable(context.Background(), run(x), composite.Admissible{Spread: 0.5}, 100, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, u := range a.Units {
		fmt.Printf("%s: %d to %d\n", u.Code, a.Best[i], a.Worst[i])
	}
	fmt.Println("b above d:", a.Dominates[1][3])
	// Output:
	// a: 1 to 3
	// b: 1 to 3
	// c: 1 to 3
	// d: 4 to 4
	// b above d: true
}

// What the missing figure of c could make of the places.
func ExampleIndex_PlaceRange() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, func(d *composite.Data) {
		d.Column("output").Values[2] = math.NaN()
	})
	pr, err := x.PlaceRange(run(x))
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, u := range pr.Units {
		fmt.Printf("%s: place %d, %d to %d\n", u.Code, pr.Nominal[i], pr.Best[i], pr.Worst[i])
	}
	// Output:
	// a: place 2, 2 to 3
	// b: place 1, 1 to 2
	// c: place 3, 1 to 3
	// d: place 4, 4 to 4
}

// What it takes c to come first, with the waste as it is.
func ExampleIndex_Target() {
	x := smallIndex(`{"normalise": {"method": "scaled", "min": 0, "max": 100}}`, 0, nil)
	a, err := x.Target(context.Background(), composite.TargetQuestion{
		Unit: "c", Place: 1, Locked: []string{"waste"},
		Levers: map[string]composite.Lever{"output": {Cost: 1}, "tax": {Cost: 3}, "green": {Cost: 1}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range a.Changes {
		fmt.Printf("%s from %.0f to %.0f\n", c.Code, c.From, c.To)
	}
	fmt.Printf("place %d to %d, cost %.0f, exact %v\n", a.PlaceFrom, a.PlaceTo, a.Cost, a.Exact)
	// Output:
	// output from 60 to 81
	// place 3 to 1, cost 21, exact true
}

func ExampleIndex_Audit() {
	x := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	a, err := x.Audit(run(x), composite.AuditOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range a.LeaveOneOut {
		fmt.Printf("without %-7s places shift by %.1f on average\n", l.Code, l.MeanShift)
	}
	// Output:
	// without output  places shift by 0.0 on average
	// without tax     places shift by 1.0 on average
	// without green   places shift by 0.0 on average
	// without waste   places shift by 0.2 on average
	// without economy places shift by 2.0 on average
	// without place   places shift by 0.5 on average
}

func ExampleCorrelationTest() {
	r, p, n := composite.CorrelationTest(composite.PearsonR, []float64{1, 2, 3, 4, 5}, []float64{2, 1, 4, 3, 5})
	fmt.Printf("r = %.1f, p = %.3f, n = %d\n", r, p, n)
	// Output: r = 0.8, p = 0.104, n = 5
}

func ExampleCronbachAlpha() {
	fmt.Println(composite.CronbachAlpha([][]float64{{1, 2, 3, 4}, {2, 1, 4, 3}}))
	// Output: 0.75
}

func ExamplePCA() {
	c, err := composite.PCA([][]float64{{1, 2, 3, 4}, {2, 1, 4, 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f %.2f\n", c.Eigenvalues, c.Explained)
	// Output: [1.6 0.4] [0.80 0.20]
}

func ExampleCompare() {
	a := smallIndex(`{"normalise": "minmax"}`, 0, nil)
	b := smallIndex(`{"normalise": "minmax", "weights": "equal"}`, 0, nil)
	c := composite.Compare(run(a), run(b))
	fmt.Printf("mean shift %.1f, greatest %d, rank correlation %.1f\n", c.MeanShift, c.MaxShift, c.Spearman)
	// Output: mean shift 1.0, greatest 2, rank correlation 0.4
}

func ExampleParsePlan() {
	_, err := composite.ParsePlan([]byte(`{"draws": 100, "weights": {"method": "noisy"}}`))
	fmt.Println(err)
	// Output: composite: plan: weights.method: "noisy"; did you mean "noise"?
}
