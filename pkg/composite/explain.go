package composite

import (
	"cmp"
	"fmt"
	"slices"
)

// Kinds of explanation.
const (
	// Additive: each part is the effective weight among what is known times
	// the score; the parts sum to the score, the start is 0.
	Additive = "additive"
	// Exact: Shapley values over all subsets.
	Exact = "shapley"
	// Sampled: Shapley values from random orders, with a standard error.
	Sampled = "shapley sampled"
)

// Part is what one node gives to a score.
type Part struct {
	Code string
	// Score is the node's own; NaN where it has none, and then Points is 0.
	Score float64
	// Weight is the effective weight among what the unit knows, for additive
	// explanations; else NaN.
	Weight float64
	// Points is the contribution, in points of the score explained.
	Points float64
	// Error is the standard error of Points; 0 unless sampled.
	Error float64
}

// Explanation splits the score of one unit.
type Explanation struct {
	Unit Unit
	Node string
	Kind string
	// Start is the score that the parts add to: 0 for additive ones, else that
	// of a unit with the mean of the period everywhere, or the score of the unit
	// compared with.
	Start float64
	// Parts are the indicators below the node, or its children. Start and the
	// Points of the parts sum to Base.
	Parts []Part
	// Groups, for additive ones, are the aggregates below the node, each the sum
	// of its indicators.
	Groups []Part
	// Bonus, Deduction and Cut lead from Base to Score: Base + Bonus - Deduction +
	// Cut = Score, Cut being what floor and ceiling do. They are 0 below the root.
	Base, Bonus, Deduction, Cut, Score float64
	// Orders is the number of random orders of a sampled explanation.
	Orders int
}

// ExplainOptions is how to explain. The zero value explains additive nodes by
// their indicators and others by their children, exactly.
type ExplainOptions struct {
	// Leaves explains a node that is not additive by its indicators, sampled if
	// there are more than 12.
	Leaves bool
	// Against explains the distance to another row of the result, counted from 1;
	// 0 explains the score itself.
	Against int
	// Orders is the number of random orders; 0 for 400. They come in pairs.
	Orders int
	Seed   uint64
}

// exactPlayers is the most players that are explained over all subsets.
const exactPlayers = 12

// Explain splits the score of a node ("" for the root) in one row of a run into
// contributions.
//
// Where all means on the way are arithmetic or sums, or weights are by benefit of
// the doubt, the contribution of an indicator with score x is x times the product,
// up the tree, of w / sum of w over the siblings that are known; these sum to the
// score exactly (to rounding), and a missing indicator gives 0.
//
// Otherwise it is the Shapley value of the indicator (or child) in the game whose
// worth of a set is the score of a unit with its own values in the set and the mean
// of its period's rows elsewhere; missing ones stay missing. They sum to the score
// less the score at the mean. Flat methods (TOPSIS and the like) are played with
// all other units as they are. With more than 12 players, random orders are drawn
// (each with its reverse) and the standard error is stated.
//
// An error is returned if the row has no score there, or if a mix has none.
func (x *Index) Explain(res *Result, row int, node string, opt ExplainOptions) (*Explanation, error) {
	n := x.tree.Root
	if node != "" {
		if n = x.tree.Find(node); n < 0 {
			return nil, fmt.Errorf("composite: explain: no node %q in the tree%s", node, hint(node, nodeCodes(x.tree)))
		}
	}
	if row < 0 || row >= len(res.Screened.Units) || opt.Against < 0 || opt.Against > len(res.Screened.Units) {
		return nil, fmt.Errorf("composite: explain: no row %d among %d", row, len(res.Screened.Units))
	}
	e := &Explanation{Unit: res.Screened.Units[row], Node: x.tree.Nodes[n].Code, Base: res.node(n)[row]}
	e.Score = e.Base
	if e.Base != e.Base {
		return nil, fmt.Errorf("composite: explain: %s has no score in %s", e.Unit.Code, e.Node)
	}
	if opt.Against > 0 && res.node(n)[opt.Against-1] != res.node(n)[opt.Against-1] {
		return nil, fmt.Errorf("composite: explain: %s has no score in %s", res.Screened.Units[opt.Against-1].Code, e.Node)
	}
	if n == x.tree.Root && res.Adjustments != nil && res.Scores[row] == res.Scores[row] {
		a := res.Adjustments[row]
		e.Bonus, e.Deduction, e.Score = a.Bonus, a.Deduction, res.Scores[row]
		e.Cut = e.Score - (e.Base + e.Bonus - e.Deduction)
	}
	if x.additive(n) {
		x.explainAdditive(res, row, n, opt, e)
		return e, nil
	}
	return e, x.explainShapley(res, row, n, opt, e)
}

// additive reports whether a node's score is a weighted sum of its indicators.
func (x *Index) additive(n int) bool {
	if x.tree.LeafOf[n] >= 0 {
		return true
	}
	if m := x.agg[n].Method; m != "arithmetic" && m != "sum" {
		return false
	}
	for _, c := range x.tree.Children[n] {
		if !x.additive(c) {
			return false
		}
	}
	return true
}

// Additive reports whether the score of the index, before adjustment, is a weighted
// sum of the indicators' scores: every group is an arithmetic mean or a sum.
func (x *Index) Additive() bool { return x.additive(x.tree.Root) }

// coefficients are the effective weights of the nodes below n in one row, among
// what is known there; 0 where there is no score.
func (x *Index) coefficients(res *Result, row, n int) []float64 {
	t := x.tree
	out := make([]float64, len(t.Nodes))
	out[n] = 1
	given := res.Weights[res.SetOf[row]].Given
	for _, g := range slices.Backward(t.Order) {
		if out[g] == 0 || res.node(g)[row] != res.node(g)[row] {
			continue
		}
		all, have := 0.0, 0.0
		weight := func(c int) float64 {
			if own := res.RowWeights[c]; own != nil {
				return own[row]
			}
			return given[c]
		}
		for _, c := range t.Children[g] {
			all += weight(c)
			if v := res.node(c)[row]; v == v {
				have += weight(c)
			}
		}
		for _, c := range t.Children[g] {
			v := res.node(c)[row]
			w := weight(c)
			if v != v || w == 0 {
				continue
			}
			switch {
			case res.RowWeights[c] != nil:
				out[c] = out[g] * w
			case x.agg[g].Method == "sum" && x.agg[g].Missing == "zero":
				out[c] = out[g] * w
			case x.agg[g].Method == "sum":
				out[c] = out[g] * (w * (all / have))
			default:
				out[c] = out[g] * (w / have)
			}
		}
	}
	return out
}

func (x *Index) explainAdditive(res *Result, row, n int, opt ExplainOptions, e *Explanation) {
	t := x.tree
	e.Kind = Additive
	coef := x.coefficients(res, row, n)
	var other []float64
	if opt.Against > 0 {
		other = x.coefficients(res, opt.Against-1, n)
		e.Start = res.node(n)[opt.Against-1]
	}
	points := make([]float64, len(t.Nodes))
	for _, leaf := range t.Leaves {
		v := res.node(leaf)
		if coef[leaf] != 0 {
			points[leaf] = coef[leaf] * v[row]
		}
		if other != nil && other[leaf] != 0 {
			points[leaf] -= other[leaf] * v[opt.Against-1]
		}
	}
	for _, g := range t.Order {
		for _, c := range t.Children[g] {
			points[g] += points[c]
		}
	}
	for i := range t.Nodes {
		if !t.below(i, n) {
			continue
		}
		p := Part{Code: t.Nodes[i].Code, Score: res.node(i)[row], Weight: coef[i], Points: points[i]}
		if t.LeafOf[i] >= 0 {
			e.Parts = append(e.Parts, p)
		} else {
			e.Groups = append(e.Groups, p)
		}
	}
}

// below reports whether node i stands under n; n itself counts if it is an
// indicator.
func (t *Tree) below(i, n int) bool {
	if i == n {
		return t.LeafOf[i] >= 0
	}
	for i >= 0 {
		if i = t.Parent[i]; i == n {
			return true
		}
	}
	return false
}

func (x *Index) explainShapley(res *Result, row, n int, opt ExplainOptions, e *Explanation) error {
	t := x.tree
	given := res.Weights[res.SetOf[row]].Given
	var players []int
	for i := range t.Nodes {
		if opt.Leaves && t.LeafOf[i] >= 0 && t.below(i, n) || !opt.Leaves && t.Parent[i] == n {
			players = append(players, i)
		}
	}
	// What the player has, and what stands in for it.
	own, base := make([]float64, len(players)), make([]float64, len(players))
	var active []int
	for k, i := range players {
		col := res.node(i)
		own[k] = col[row]
		if opt.Against > 0 {
			base[k] = col[opt.Against-1]
		} else {
			sum, count := 0.0, 0
			for r, v := range col {
				if v == v && res.Screened.Units[r].Time == e.Unit.Time {
					sum += v
					count++
				}
			}
			base[k] = sum / float64(count)
		}
		weighs := given[i] > 0
		if opt.Against > 0 {
			// A value that one of the two lacks counts too.
			if weighs && !(own[k] != own[k] && base[k] != base[k]) {
				active = append(active, k)
			}
		} else if weighs && own[k] == own[k] {
			active = append(active, k)
		}
	}
	ev := x.rowEvaluator(res, row, n)
	value := func(in func(k int) bool) (float64, error) {
		for a, k := range active {
			v := base[k]
			if in(a) {
				v = own[k]
			}
			ev.set(players[k], v)
		}
		v := ev.score()
		if v != v {
			return 0, fmt.Errorf("composite: explain: %s: a mix of its scores with the mean has no score in %s, so it cannot be split", e.Unit.Code, e.Node)
		}
		return v, nil
	}
	var err error
	if e.Start, err = value(func(int) bool { return false }); err != nil {
		return err
	}
	var points, errs []float64
	if len(active) <= exactPlayers {
		e.Kind = Exact
		points, err = shapley(len(active), func(set uint) (float64, error) {
			return value(func(a int) bool { return set>>a&1 == 1 })
		})
	} else {
		e.Kind = Sampled
		if e.Orders = opt.Orders; e.Orders <= 0 {
			e.Orders = 400
		}
		half := max(1, e.Orders/2)
		e.Orders = 2 * half
		points, errs, err = shapleySampled(len(active), half, stream(opt.Seed, streamShapley, uint64(row)), func(in []bool) (float64, error) {
			return value(func(a int) bool { return in[a] })
		})
	}
	if err != nil {
		return err
	}
	at := 0
	for k, i := range players {
		p := Part{Code: t.Nodes[i].Code, Score: own[k], Weight: nan}
		if at < len(active) && active[at] == k {
			p.Points = points[at]
			if errs != nil {
				p.Error = errs[at]
			}
			at++
		}
		e.Parts = append(e.Parts, p)
	}
	return nil
}

// rowEvaluator computes the score of one node in one row with other values in
// that row, everything else as in a run.
type rowEvaluator struct {
	x    *Index
	res  Result
	row  int
	node int
	path []int // groups between the node and what was set, children first
	flat bool
	out  []float64
	own  map[int][]float64 // columns of the nodes that were set or computed
	used map[int]bool
}

func (x *Index) rowEvaluator(res *Result, row, node int) *rowEvaluator {
	ev := &rowEvaluator{x: x, res: *res, row: row, node: node, out: make([]float64, len(res.Screened.Units)), own: map[int][]float64{}, used: map[int]bool{}}
	for _, g := range x.tree.Order {
		if g == node || x.tree.below(g, node) {
			ev.flat = ev.flat || flat(x.agg[g].Method)
		}
	}
	return ev
}

// set puts a value in the row's cell of a node.
func (ev *rowEvaluator) set(node int, v float64) {
	col, ok := ev.own[node]
	if !ok {
		col = slices.Clone(ev.res.node(node))
		ev.own[node] = col
		ev.path = nil
		ev.used[node] = true
	}
	col[ev.row] = v
}

func (ev *rowEvaluator) column(n int) []float64 {
	if col, ok := ev.own[n]; ok {
		return col
	}
	return ev.res.node(n)
}

// score is that of the node after what was set.
func (ev *rowEvaluator) score() float64 {
	t := ev.x.tree
	if ev.path == nil {
		dirty := map[int]bool{}
		for _, g := range t.Order {
			for _, c := range t.Children[g] {
				if (ev.used[c] || dirty[c]) && !ev.used[g] {
					dirty[g] = true
				}
			}
			if dirty[g] {
				ev.path = append(ev.path, g)
				if _, ok := ev.own[g]; !ok {
					ev.own[g] = slices.Clone(ev.res.node(g))
				}
			}
			if g == ev.node {
				break
			}
		}
	}
	for _, g := range ev.path {
		if ev.flat {
			ev.whole(g)
		} else {
			ev.own[g][ev.row] = ev.single(g)
		}
	}
	return ev.column(ev.node)[ev.row]
}

// whole computes a group for all rows, which flat methods need.
func (ev *rowEvaluator) whole(g int) {
	var cols [][]float64
	for _, c := range ev.x.tree.Children[g] {
		cols = append(cols, ev.column(c))
	}
	w := &warnings{}
	if err := ev.x.aggregate(g, cols, &ev.res, ev.out, w); err != nil {
		for r := range ev.out {
			ev.out[r] = nan
		}
	}
	copy(ev.own[g], ev.out)
}

// single computes a group for the row, by the rules of a run.
func (ev *rowEvaluator) single(g int) float64 {
	x, t := ev.x, ev.x.tree
	given := ev.res.Weights[ev.res.SetOf[ev.row]].Given
	level := t.Nodes[g].Level - 2
	var v, w []float64
	size := 0
	all, have := 0.0, 0.0
	for _, c := range t.Children[g] {
		wc := given[c]
		if own := ev.res.RowWeights[c]; own != nil {
			wc = own[ev.row]
		}
		if wc == 0 {
			continue
		}
		size++
		all += wc
		if y := ev.column(c)[ev.row]; y == y {
			v, w = append(v, y), append(w, wc)
			have += wc
		}
	}
	if len(v) == 0 || ratio(len(v), size) < x.recipe.MinKnownChildren.at(level) || have/all < x.recipe.MinKnownWeight.at(level) {
		return nan
	}
	if ev.res.RowWeights[t.Children[g][0]] != nil {
		sum := 0.0
		for i := range v {
			sum += w[i] * v[i]
		}
		return sum
	}
	y, why := x.agg[g].of(v, w, all)
	if why != "" || y-y != 0 {
		return nan
	}
	return y
}

// Trait is an indicator that sets a unit apart.
type Trait struct {
	Code string
	// Score is the unit's, Mean that of the rows of its period; Gap = Score - Mean.
	Score, Mean, Gap float64
	// Points is Gap times the effective weight: what the unit gains over an
	// average one where the index is additive.
	Points float64
	// Place is that of the unit in the indicator among Of units.
	Place, Of int
}

// Traits are the strengths and weaknesses of a row: the up to n indicators by
// which it gains most, and loses most, over the mean of its period, judged by the
// gap to the mean times the effective weight. Indicators at the mean, missing ones
// and those without weight are neither. Equal ones come in the order of the tree.
func (x *Index) Traits(res *Result, row, n int) (strengths, weaknesses []Trait) {
	eff := res.Weights[res.SetOf[row]].Effective
	var all []Trait
	for _, leaf := range x.tree.Leaves {
		col := res.node(leaf)
		tr := Trait{Code: x.tree.Nodes[leaf].Code, Score: col[row], Place: 1}
		if tr.Score != tr.Score || eff[leaf] == 0 {
			continue
		}
		sum := 0.0
		for r, v := range col {
			if v != v || res.Screened.Units[r].Time != res.Screened.Units[row].Time {
				continue
			}
			sum += v
			tr.Of++
			if v > tr.Score != x.costs(leaf) && v != tr.Score {
				tr.Place++
			}
		}
		tr.Mean = sum / float64(tr.Of)
		tr.Gap = tr.Score - tr.Mean
		if x.costs(leaf) {
			tr.Gap = -tr.Gap
		}
		tr.Points = tr.Gap * eff[leaf]
		all = append(all, tr)
	}
	slices.SortStableFunc(all, func(a, b Trait) int { return cmp.Compare(b.Points, a.Points) })
	for i := 0; i < len(all) && len(strengths) < n && all[i].Points > 0; i++ {
		strengths = append(strengths, all[i])
	}
	slices.SortStableFunc(all, func(a, b Trait) int { return cmp.Compare(a.Points, b.Points) })
	for i := 0; i < len(all) && len(weaknesses) < n && all[i].Points < 0; i++ {
		weaknesses = append(weaknesses, all[i])
	}
	return strengths, weaknesses
}
