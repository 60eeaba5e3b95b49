package composite_test

import (
	"fmt"
	"math"

	"zonebench.internal/pkg/composite"
)

// Two indicators, one of which counts less when it is higher, make an index.
func Example() {
	tree, err := composite.NewTree([]composite.Node{
		{Code: "tax", Name: "税收", Parent: "index", Weight: 2, Direction: 1},
		{Code: "energy", Name: "能耗", Parent: "index", Weight: 1, Direction: -1},
		{Code: "index", Name: "指数"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	data := &composite.Data{
		Units: []composite.Unit{{Code: "zone-a"}, {Code: "zone-c"}, {Code: "zone-b"}},
		Columns: []composite.Column{
			{Code: "tax", Values: []float64{30, 50, 10}},
			{Code: "energy", Values: []float64{0.2, 0.4, math.NaN()}},
		},
	}
	recipe, err := composite.ParseRecipe([]byte(`{"normalise": "minmax", "aggregate": "arithmetic"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := composite.Compile(recipe, tree, data, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := index.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	for r, u := range result.Screened.Units {
		fmt.Printf("%d %-6s %.2f, %.0f%% known\n", result.Places[r], u.Code, result.Scores[r], 100*result.Completeness[r])
	}
	// Output:
	// 1 zone-a 66.67, 100% known
	// 1 zone-c 66.67, 100% known
	// 3 zone-b 0.00, 50% known
}

// A workspace follows figures as they change.
func ExampleIndex_SetCell() {
	tree, err := composite.NewTree([]composite.Node{{Code: "tax", Parent: "index", Weight: 1}, {Code: "index"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	data := &composite.Data{
		Units:   []composite.Unit{{Code: "a"}, {Code: "b"}, {Code: "c"}},
		Columns: []composite.Column{{Code: "tax", Values: []float64{1, 2, 5}}},
	}
	recipe, err := composite.ParseRecipe([]byte(`{"normalise": {"method": "goalposts", "goalposts": {"tax": [0, 10]}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := composite.Compile(recipe, tree, data, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ws, err := index.NewWorkspace()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ws.Scores(), ws.Places())
	if err := index.SetCell(ws, 0, 0, 3); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ws.Scores(), ws.Places())
	// Output:
	// [0.1 0.2 0.5] [3 2 1]
	// [0.3 0.2 0.5] [2 3 1]
}

func ExampleParseRecipe() {
	_, err := composite.ParseRecipe([]byte(`{"normalise": {"method": "minmax", "uper": 10}}`))
	fmt.Println(err)
	// Output: composite: recipe: normalise: unknown key "uper"; did you mean "upper"?
}

func ExamplePlaces() {
	scores := []float64{8, 9, 8, 7, math.NaN()}
	for _, ties := range []composite.Ties{composite.Competition, composite.Dense, composite.Modified, composite.Ordinal} {
		fmt.Println(ties, composite.Places(nil, scores, ties))
	}
	// Output:
	// competition [2 1 2 4 0]
	// dense [2 1 2 3 0]
	// modified [3 1 3 4 0]
	// ordinal [2 1 3 4 0]
}

func ExampleMinMax() {
	x := []float64{1, 2, math.NaN(), 5}
	fmt.Println(composite.MinMax(x, x, 0, 100), x)
	// Output: true [0 25 NaN 100]
}

func ExampleWeightedMean() {
	fmt.Println(composite.WeightedMean([]float64{10, math.NaN(), 40}, []float64{1, 7, 2}))
	// Output: 30
}

func ExampleAHP() {
	weights, ratio, err := composite.AHP([][]float64{{1, 3, 5}, {1. / 3, 1, 3}, {1. / 5, 1. / 3, 1}}, "eigenvector")
	fmt.Printf("%.3f, consistency ratio %.3f, %v\n", weights, ratio, err)
	// Output: [0.637 0.258 0.105], consistency ratio 0.033, <nil>
}

func ExampleTOPSIS() {
	m := &composite.Matrix{
		Columns: [][]float64{{520, 310, 880}, {140, 90, 260}},
		Weights: []float64{0.6, 0.4},
		Cost:    []bool{false, true},
	}
	fmt.Printf("%.3f\n", composite.TOPSIS(m, "vector"))
	// Output: [0.479 0.408 0.592]
}

func ExampleVIKOR() {
	// Opricovic and Tzeng (2004): three ways up a mountain, by risk and altitude.
	m := &composite.Matrix{
		Columns: [][]float64{{1, 2, 5}, {3000, 3750, 4500}},
		Weights: []float64{0.5, 0.5},
		Cost:    []bool{true, false},
	}
	q, s, r := composite.VIKOR(m, 0.5)
	fmt.Println(q, s, r)
	// Output: [1 0 1] [0.5 0.375 0.5] [0.5 0.25 0.5]
}

func ExampleCopeland() {
	m := &composite.Matrix{Columns: [][]float64{{3, 2, 1}, {3, 2, 4}, {1, 2, 2}}, Weights: []float64{1, 1, 1}}
	fmt.Println(composite.Copeland(m))
	// Output: [0 -1 1]
}

func ExampleNaturalBreaks() {
	fmt.Println(composite.NaturalBreaks([]float64{91, 90, 70, 68, 69, 31}, 3))
	// Output: [0 0 1 1 1 2]
}

func ExampleNearest() {
	fmt.Println(composite.Nearest("geometrc", composite.Words("aggregate", "method")))
	// Output: geometric
}
