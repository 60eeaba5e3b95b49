package composite

import (
	"math"
)

// Index is a recipe made ready for a tree and data. It is safe for concurrent
// use as long as nothing is set on it; what changes lives in workspaces.
type Index struct {
	recipe *Recipe
	tree   *Tree
	data   *Data
	files  Attachments
	// cols[i] is the column of leaf i, denom[i] that of its denominator.
	cols  []*Column
	denom []*Column
	// norm[i] is the normalisation of leaf i, agg[n] the method of node n.
	norm []*Normalise
	agg  []*Aggregate
}

// Recipe returns the recipe; it must not be changed.
func (x *Index) Recipe() *Recipe { return x.recipe }

// Tree returns the tree; it must not be changed.
func (x *Index) Tree() *Tree { return x.tree }

// Data returns the data the index was compiled with; it must not be changed.
func (x *Index) Data() *Data { return x.data }

var nan = math.NaN()
