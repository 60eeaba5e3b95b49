// Package indexcase is the case that the index engine is timed on: 2,500 units, 60
// indicators in 8 groups, min-max, a weighted mean on two levels, places.
package indexcase

import (
	"fmt"
	"math/rand/v2"

	"zonebench.internal/pkg/composite"
)

// The size of the case.
const (
	Units      = 2500
	Indicators = 60
	Groups     = 8
)

// New makes the case with random figures, always the same.
func New() (*composite.Index, error) {
	rng := rand.New(rand.NewPCG(1, 1))
	var nodes []composite.Node
	for i := range Indicators {
		nodes = append(nodes, composite.Node{Code: fmt.Sprintf("i%02d", i), Parent: fmt.Sprintf("g%d", i*Groups/Indicators), Weight: 0.1 + rng.Float64()})
	}
	for g := range Groups {
		nodes = append(nodes, composite.Node{Code: fmt.Sprintf("g%d", g), Parent: "index", Weight: 0.1 + rng.Float64()})
	}
	tree, err := composite.NewTree(append(nodes, composite.Node{Code: "index", Weight: 1}))
	if err != nil {
		return nil, err
	}
	data := &composite.Data{}
	for u := range Units {
		data.Units = append(data.Units, composite.Unit{Code: fmt.Sprintf("u%04d", u)})
	}
	for _, code := range tree.LeafCodes() {
		col := composite.Column{Code: code, Values: make([]float64, Units)}
		for u := range col.Values {
			col.Values[u] = 100 * rng.Float64()
		}
		data.Columns = append(data.Columns, col)
	}
	recipe, err := composite.ParseRecipe([]byte(`{"normalise": {"method": "minmax", "lower": 0, "upper": 100}}`))
	if err != nil {
		return nil, err
	}
	return composite.Compile(recipe, tree, data, nil)
}

// Plan is so many draws of weights, each w (1 + 0.25 u) with u even on -1..1.
func Plan(draws int) *composite.Plan {
	spread := 0.25
	return &composite.Plan{Draws: draws, Seed: 2, Weights: &composite.WeightDraws{Spread: &spread}}
}
