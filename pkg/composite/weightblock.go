package composite

// weightBlock evaluates a tree of arithmetic means under many sets of weights.
// It adds up the children in their order and divides by the sum of the weights
// of those known, as a run does, so that a draw has the bits of a run with the
// same weights; only the loops are turned: four draws and a block of units at a
// time, everything in the first-level caches. A weightBlock is safe for
// concurrent use; what changes lives in a blockSpace.
type weightBlock struct {
	tree  *Tree
	units int
	// groups are in the order children first.
	groups []blockGroup
	// slot is the number of a group by node, -1 for a leaf.
	slot []int
	// positive says which nodes weigh anything.
	positive []bool
}

type blockGroup struct {
	node     int
	children []int
	// leaves says that all children are indicators. packed then holds, block by
	// block of units and child by child, the values, 0 for missing ones and to
	// fill the last block; known likewise 1 or 0, nil where every child is known
	// for every unit.
	leaves bool
	packed []blockLine
	known  []blockLine
	// col and mask are, by child and block, the values and 1 or 0 of an
	// indicator among mixed children; nil for a group.
	col, mask [][]blockLine
	// out says that the unit has too few known children, whatever the
	// weights; nil if none has.
	out []bool
}

const (
	blockDraws = 4
	blockUnits = 128
)

// newWeightBlock packs columns of normalised indicators, one a leaf of the tree.
// least is the share of children, by count, that a group needs; children that
// weigh nothing do not count, so a draw must leave the same ones without weight
// as the nominal weights do: see fits.
func newWeightBlock(tree *Tree, cols [][]float64, nominal []float64, least func(group int) float64) *weightBlock {
	b := &weightBlock{tree: tree, slot: make([]int, len(tree.Nodes)), positive: make([]bool, len(tree.Nodes))}
	for i, w := range nominal {
		b.positive[i] = w > 0
	}
	if len(cols) > 0 {
		b.units = len(cols[0])
	}
	for i := range b.slot {
		b.slot[i] = -1
	}
	for _, g := range tree.Order {
		b.slot[g] = len(b.groups)
		b.groups = append(b.groups, packGroup(tree, g, cols, b.units))
	}
	// Which groups have a value: known follows from counts alone.
	has := make([][]bool, len(b.groups))
	for s := range b.groups {
		g := &b.groups[s]
		has[s] = make([]bool, b.units)
		limit := least(g.node)
		for u := range b.units {
			n, size := 0, 0
			for _, c := range g.children {
				if !b.positive[c] {
					continue
				}
				size++
				if l := tree.LeafOf[c]; l >= 0 && cols[l][u] == cols[l][u] || l < 0 && has[b.slot[c]][u] {
					n++
				}
			}
			has[s][u] = n > 0 && ratio(n, size) >= limit
			if !has[s][u] {
				if g.out == nil {
					g.out = make([]bool, b.units)
				}
				g.out[u] = true
			}
		}
	}
	return b
}

// fits reports whether the weights leave the same nodes without weight as the
// nominal ones.
func (b *weightBlock) fits(weights []float64) bool {
	for i, w := range weights {
		if w > 0 != b.positive[i] {
			return false
		}
	}
	return true
}

func packGroup(tree *Tree, node int, cols [][]float64, units int) blockGroup {
	g := blockGroup{node: node, children: tree.Children[node], leaves: true}
	for _, c := range g.children {
		g.leaves = g.leaves && tree.LeafOf[c] >= 0
	}
	k := len(g.children)
	if !g.leaves {
		g.col, g.mask = make([][]blockLine, k), make([][]blockLine, k)
		for i, c := range g.children {
			l := tree.LeafOf[c]
			if l < 0 {
				continue
			}
			blocks := (units + blockUnits - 1) / blockUnits
			g.col[i], g.mask[i] = make([]blockLine, blocks), make([]blockLine, blocks)
			for u, v := range cols[l] {
				if v == v {
					g.col[i][u/blockUnits][u%blockUnits], g.mask[i][u/blockUnits][u%blockUnits] = v, 1
				}
			}
		}
		return g
	}
	blocks := (units + blockUnits - 1) / blockUnits
	g.packed = make([]blockLine, k*blocks)
	for i, c := range g.children {
		for u, v := range cols[tree.LeafOf[c]] {
			at := u/blockUnits*k + i
			if v == v {
				g.packed[at][u%blockUnits] = v
				continue
			}
			if g.known == nil {
				g.known = make([]blockLine, k*blocks)
				for j := range g.known {
					for m := range g.known[j] {
						g.known[j][m] = 1
					}
				}
			}
			g.known[at][u%blockUnits] = 0
		}
	}
	return g
}

// blockLine is one value a unit of a block.
type blockLine = [blockUnits]float64

// blockSpace is the memory of one goroutine.
type blockSpace struct {
	// value and mask are, by group, the results of four draws over a block of
	// units; holes says that mask is not all 1, and only then it is written.
	value, mask [][blockDraws]blockLine
	holes       []bool
	weights     []float64 // of the children, child by child, four draws each
	sums        [blockDraws]float64
	den         [blockDraws]blockLine
	lines       []*blockLine
	ones        blockLine
}

func (b *weightBlock) space() *blockSpace {
	most := 0
	for _, g := range b.groups {
		most = max(most, len(g.children))
	}
	sp := &blockSpace{
		value:   make([][blockDraws]blockLine, len(b.groups)),
		mask:    make([][blockDraws]blockLine, len(b.groups)),
		holes:   make([]bool, len(b.groups)),
		weights: make([]float64, blockDraws*most),
		lines:   make([]*blockLine, blockDraws*most),
	}
	for u := range sp.ones {
		sp.ones[u] = 1
	}
	return sp
}

// scores writes the scores of the root under up to four sets of weights, one
// value a node each; NaN where there is none. dst[d] has one value a unit.
func (b *weightBlock) scores(sp *blockSpace, weights [][]float64, dst [][]float64) {
	for from := 0; from < b.units; from += blockUnits {
		n := min(blockUnits, b.units-from)
		for s := range b.groups {
			b.group(sp, s, weights, from, n)
		}
		root := len(b.groups) - 1
		for d := range weights {
			out := dst[d][from : from+n]
			copy(out, sp.value[root][d][:n])
			if sp.holes[root] {
				for u := range out {
					if sp.mask[root][d][u] == 0 {
						out[u] = nan
					}
				}
			}
		}
	}
}

// group evaluates one group for a block of units.
func (b *weightBlock) group(sp *blockSpace, s int, weights [][]float64, from, n int) {
	g := &b.groups[s]
	k := len(g.children)
	w := sp.weights[:blockDraws*k]
	holes := false // a draw in which all children weigh 0
	for d := range blockDraws {
		sp.sums[d] = 0
		for i, c := range g.children {
			if d < len(weights) {
				w[i*blockDraws+d] = weights[d][c]
			} else {
				w[i*blockDraws+d] = 1
			}
			sp.sums[d] += w[i*blockDraws+d]
		}
		holes = holes || sp.sums[d] == 0
	}
	value, mask := &sp.value[s], &sp.mask[s]
	at := from / blockUnits
	one := [blockDraws]float64{1, 1, 1, 1}
	if g.leaves {
		x := g.packed[at*k : (at+1)*k]
		if g.known == nil && !holes {
			sumProducts(value, x, w, &sp.sums)
		} else {
			sumProducts(value, x, w, &one)
			if g.known != nil {
				sumProducts(&sp.den, g.known[at*k:(at+1)*k], w, &one)
			} else {
				spread(&sp.den, &sp.sums)
			}
			holes = divide(value, mask, &sp.den)
		}
	} else {
		lines := sp.lines[:blockDraws*k]
		whole := true
		for i, c := range g.children {
			for d := range blockDraws {
				if cs := b.slot[c]; cs >= 0 {
					lines[i*blockDraws+d] = &sp.value[cs][d]
					whole = whole && !sp.holes[cs]
				} else {
					lines[i*blockDraws+d] = &g.col[i][at]
					whole = whole && (d > 0 || allOnes(g.mask[i][at][:n]))
				}
			}
		}
		if whole && !holes {
			sumProductsEach(value, lines, w, &sp.sums)
		} else {
			sumProductsEach(value, lines, w, &one)
			for i, c := range g.children {
				for d := range blockDraws {
					switch cs := b.slot[c]; {
					case cs < 0:
						lines[i*blockDraws+d] = &g.mask[i][at]
					case sp.holes[cs]:
						lines[i*blockDraws+d] = &sp.mask[cs][d]
					default:
						lines[i*blockDraws+d] = &sp.ones
					}
				}
			}
			sumProductsEach(&sp.den, lines, w, &one)
			holes = divide(value, mask, &sp.den)
		}
	}
	if g.out != nil {
		if !holes {
			for d := range mask {
				mask[d] = sp.ones
			}
		}
		holes = true
		for u, out := range g.out[from : from+n] {
			if out {
				for d := range mask {
					mask[d][u], value[d][u] = 0, 0
				}
			}
		}
	}
	sp.holes[s] = holes
}

func allOnes(x []float64) bool {
	for _, v := range x {
		if v != 1 {
			return false
		}
	}
	return true
}

func spread(dst *[blockDraws]blockLine, v *[blockDraws]float64) {
	for d := range dst {
		for u := range dst[d] {
			dst[d][u] = v[d]
		}
	}
}

// divide makes means of sums and reports whether any is without value, which
// it marks in mask and sets to 0. mask is written only if so.
func divide(value, mask, den *[blockDraws]blockLine) bool {
	holes := false
	for d := range value {
		v, q := &value[d], &den[d]
		for u := range v {
			if q[u] == 0 {
				holes = true
				v[u] = 0
				continue
			}
			v[u] /= q[u]
		}
	}
	if holes {
		for d := range mask {
			for u := range mask[d] {
				mask[d][u] = 1
				if den[d][u] == 0 {
					mask[d][u] = 0
				}
			}
		}
	}
	return holes
}

// sumProductsGo writes, for a block of units, k lines of values and four sets of k
// weights, the sums of products by set over a divisor of the set:
//
//	dst[d][u] = (sum over i of w[4i+d] x[i][u]) / by[d]
//
// added up in the order of i, each product rounded before it is added.
func sumProductsGo(dst *[blockDraws]blockLine, x []blockLine, w []float64, by *[blockDraws]float64) {
	for u := 0; u < blockUnits; u += 2 {
		var a0, a1, a2, a3, b0, b1, b2, b3 float64
		ww := w
		for i := range x {
			p, q := x[i][u], x[i][u+1]
			if len(ww) < 4 {
				break
			}
			w0, w1, w2, w3 := ww[0], ww[1], ww[2], ww[3]
			ww = ww[4:]
			a0 += float64(w0 * p)
			b0 += float64(w0 * q)
			a1 += float64(w1 * p)
			b1 += float64(w1 * q)
			a2 += float64(w2 * p)
			b2 += float64(w2 * q)
			a3 += float64(w3 * p)
			b3 += float64(w3 * q)
		}
		dst[0][u], dst[0][u+1] = a0/by[0], b0/by[0]
		dst[1][u], dst[1][u+1] = a1/by[1], b1/by[1]
		dst[2][u], dst[2][u+1] = a2/by[2], b2/by[2]
		dst[3][u], dst[3][u+1] = a3/by[3], b3/by[3]
	}
}

// sumProductsEachGo is sumProductsGo with lines of each set's own: x[4i+d].
func sumProductsEachGo(dst *[blockDraws]blockLine, x []*blockLine, w []float64, by *[blockDraws]float64) {
	for d := range dst {
		out := &dst[d]
		clear(out[:])
		for i := d; i < len(x); i += blockDraws {
			wi := w[i]
			for u, v := range x[i] {
				out[u] += float64(wi * v)
			}
		}
		for u := range out {
			out[u] /= by[d]
		}
	}
}
