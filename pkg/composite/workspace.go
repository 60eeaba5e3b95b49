package composite

import (
	"fmt"
	"math"
	"slices"
)

// Workspace holds the figures of an index that change and what follows from them:
// scores and places that are kept up as cells are set. It belongs to one
// goroutine; an index may have many.
//
// A workspace is fast where the recipe is a plain one: one period, nothing that
// is not applicable, no derive, impute, screen, treat, adjust or tier step, weights that do not come from the data, a
// normalisation that is a straight line through the figures (minmax, scaled,
// goalposts, efficacy, fracmax, zscore, benchmark of direction 1, none, each
// with any transform), groups aggregated row by row, and places without
// tie-break or exceptions. It then allocates nothing, and the scores are those of
// [Index.Run] to the last bit. Any other recipe works as well, by a full run.
type Workspace struct {
	x *Index
	// data is the workspace's own copy; col[i] is the column of leaf i in it.
	data *Data
	col  []*Column

	scores []float64
	places []int
	groups [][]float64 // by node; nil for an indicator

	// The rest is for the fast way.
	fast    bool
	n       int
	values  [][]float64 // by leaf: denominated, transformed, directed
	missing []int       // by leaf: cells without a value
	lines   []line
	given   []float64 // by node
	divisor []float64 // by node: sum of the weights of the children
	rank    *ranker
	small   []uint16
	vals    []float64
	ws      []float64
}

// line is a normalisation as (x - a) / b * m + k, cut to clip 0..1 before m and at
// top at the end.
type line struct {
	a, b, m, k float64
	clip       bool
	top        float64
	// dead says that the column is missing: the formula divides by zero.
	dead bool
}

// NewWorkspace makes a workspace with the figures of the index and computes it
// once.
func (x *Index) NewWorkspace() (*Workspace, error) {
	ws := &Workspace{x: x, data: x.data.clone()}
	for _, leaf := range x.tree.Leaves {
		ws.col = append(ws.col, ws.data.Column(x.tree.Nodes[leaf].Code))
	}
	ws.groups = make([][]float64, len(x.tree.Nodes))
	if ws.fast = x.plain(); ws.fast {
		ws.prepare()
	}
	return ws, x.Recompute(ws)
}

// plain reports whether the fast way gives what a run gives.
func (x *Index) plain() bool {
	r := x.recipe
	if r.Derive != nil || r.Impute != nil || r.Screen != nil || r.Treat != nil || r.Adjust != nil || r.Tier != nil ||
		len(x.sets) > 1 || x.inapplicable || x.data.Panel() || len(x.data.Units) > maxRanked || x.agg[x.tree.Root].Method == "vikor" {
		return false
	}
	if p := r.Place; p != nil && (len(p.TieBreak) > 0 || len(p.Without) > 0 || p.WithoutGroup != "" || p.Within != "" ||
		p.Ties == string(Ordinal) || p.Decimals != nil && p.Decimals.On) {
		return false
	}
	for _, g := range x.tree.Groups {
		if x.objective[g] || flat(x.agg[g].Method) {
			return false
		}
	}
	for i := range x.scales {
		s := &x.scales[i]
		if s.within != "" || s.rule.Range != nil {
			return false
		}
		switch s.rule.Method {
		case "minmax", "scaled", "goalposts", "efficacy", "fracmax", "zscore", "none":
		case "benchmark":
			if s.direction < 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (ws *Workspace) prepare() {
	x := ws.x
	ws.n = len(x.data.Units)
	slab := make([]float64, ws.n*len(ws.col))
	ws.values = make([][]float64, len(ws.col))
	ws.missing = make([]int, len(ws.col))
	ws.lines = make([]line, len(ws.col))
	for c := range ws.col {
		ws.values[c] = slab[c*ws.n : (c+1)*ws.n : (c+1)*ws.n]
		for r := range ws.values[c] {
			v := ws.value(c, r)
			ws.values[c][r] = v
			if v != v {
				ws.missing[c]++
			}
		}
	}
	ws.given = slices.Clone(x.sets[0].Given)
	ws.divisor = make([]float64, len(x.tree.Nodes))
	most := 0
	for _, g := range x.tree.Groups {
		ws.groups[g] = make([]float64, ws.n)
		most = max(most, len(x.tree.Children[g]))
	}
	ws.scores = ws.groups[x.tree.Root]
	ws.places = make([]int, ws.n)
	ws.small = make([]uint16, ws.n)
	ties := Competition
	if x.recipe.Place != nil && x.recipe.Place.Ties != "" {
		ties = Ties(x.recipe.Place.Ties)
	}
	ws.rank = newRanker(ws.n, ties)
	ws.vals, ws.ws = make([]float64, 0, most), make([]float64, 0, most)
}

// value is a figure as it enters normalisation.
func (ws *Workspace) value(c, r int) float64 {
	v := ws.col[c].Values[r]
	if d := ws.x.recipe.Denominate; d != nil && d.On {
		node := ws.x.tree.Nodes[ws.x.tree.Leaves[c]]
		if den := ws.x.denom[c]; den != nil {
			q := ws.data.Column(den.Code).Values[r]
			if q == 0 {
				return nan
			}
			v /= q
		}
		if scale, ok := d.Scale[node.Code]; ok {
			v *= scale
		}
	}
	s := &ws.x.scales[c]
	v = transformOne(s.rule.Transform, v)
	if s.direction < 0 && s.rule.Method != "none" {
		v = -v
	}
	if math.IsInf(v, 0) {
		return nan
	}
	return v
}

// Scores are the scores of the index, one a row of the data (in the fast way) or
// of the rows that stay; NaN where there is none. They change with the next
// call and must not be written.
func (ws *Workspace) Scores() []float64 { return ws.scores }

// Places are the places, 0 for none, as [Workspace.Scores].
func (ws *Workspace) Places() []int { return ws.places }

// Group is the score of a group by its code, nil for an unknown one.
func (ws *Workspace) Group(code string) []float64 {
	if n := ws.x.tree.Find(code); n >= 0 {
		return ws.groups[n]
	}
	return nil
}

// Fast reports whether the recipe is computed the fast way.
func (ws *Workspace) Fast() bool { return ws.fast }

// SetWeight changes the weight of a node for the next [Index.Recompute]. It
// reports false for an unknown code, a weight below 0, or weights that the recipe
// computes.
func (ws *Workspace) SetWeight(code string, weight float64) bool {
	n := ws.x.tree.Find(code)
	if n < 0 || !(weight >= 0) || math.IsInf(weight, 0) || !ws.fast {
		return false
	}
	ws.given[n] = weight
	return true
}

// Recompute computes scores and places anew from the figures of the workspace.
func (x *Index) Recompute(ws *Workspace) error {
	if !ws.fast {
		return ws.run()
	}
	for c := range ws.values {
		ws.lines[c] = ws.line(c)
	}
	for _, g := range x.tree.Order {
		ws.group(g)
	}
	ws.place()
	return nil
}

// run is the slow way.
func (ws *Workspace) run() error {
	y := *ws.x
	y.data = ws.data
	y.derive()
	y.cols = ws.col
	y.denom = slices.Clone(ws.x.denom)
	for i, d := range y.denom {
		if d != nil {
			y.denom[i] = ws.data.Column(d.Code)
		}
	}
	res, err := y.Run()
	if err != nil {
		return err
	}
	ws.scores, ws.places = res.Scores, res.Places
	for i, g := range y.tree.Groups {
		ws.groups[g] = res.Aggregated.Values[i]
	}
	return nil
}

// SetCell changes one figure, as the data gives it: NaN makes it missing. The
// leaf counts the indicators in the order of the tree. Scores and places follow.
// In the fast way a change that leaves the range of the column alone touches the
// row's groups and the places between the old and the new score only; other
// changes recompute.
func (x *Index) SetCell(ws *Workspace, row, leaf int, value float64) error {
	if row < 0 || row >= len(x.data.Units) || leaf < 0 || leaf >= len(ws.col) {
		return fmt.Errorf("composite: no cell in row %d of indicator %d", row, leaf)
	}
	if math.IsInf(value, 0) {
		return fmt.Errorf("composite: %s, unit %s: the value is infinite", ws.col[leaf].Code, x.data.Units[row].Code)
	}
	col := ws.col[leaf]
	col.Values[row] = value
	if value != value {
		col.State[row] = Missing
	} else {
		col.State[row] = Known
	}
	if !ws.fast {
		return ws.run()
	}
	// A column may be the denominator of others, too.
	for c := range ws.values {
		if c != leaf && x.denom[c] != nil && x.denom[c].Code == col.Code {
			ws.reload(c, row)
		}
	}
	before, after := ws.reload(leaf, row)
	changed := before != after && (before == before || after == after)
	if !changed {
		return nil
	}
	l := ws.line(leaf)
	if l != ws.lines[leaf] || x.denominates(col.Code) {
		return x.Recompute(ws)
	}
	// Up the tree, this row only.
	for g := x.tree.Parent[x.tree.Leaves[leaf]]; g >= 0; g = x.tree.Parent[g] {
		old := ws.groups[g][row]
		ws.groups[g][row] = ws.row(g, row)
		if g == x.tree.Root {
			ws.move(row, old, ws.scores[row])
		}
	}
	return nil
}

func (x *Index) denominates(code string) bool {
	for _, d := range x.denom {
		if d != nil && d.Code == code {
			return true
		}
	}
	return false
}

// reload takes a figure in again.
func (ws *Workspace) reload(c, r int) (before, after float64) {
	before, after = ws.values[c][r], ws.value(c, r)
	if before != before {
		ws.missing[c]--
	}
	if after != after {
		ws.missing[c]++
	}
	ws.values[c][r] = after
	return before, after
}

// line finds the line of a column from its values.
func (ws *Workspace) line(c int) line {
	s := &ws.x.scales[c]
	n := s.rule
	v := ws.values[c]
	l := line{b: 1, m: 1, top: math.Inf(1)}
	switch n.Method {
	case "none":
		return l
	case "minmax":
		lo, hi := ends(v)
		lower, upper := or(n.Lower, 0), or(n.Upper, 100)
		l.a, l.b, l.m, l.k = lo, hi-lo, upper-lower, lower
	case "scaled":
		lo, hi := or(n.Min, 0), or(n.Max, 100)
		lower, upper := or(n.Lower, 0), or(n.Upper, 100)
		l.a, l.b, l.m, l.k = lo, hi-lo, upper-lower, lower
	case "fracmax":
		_, l.b = ends(v)
	case "zscore":
		l.a, l.b, l.m, l.k = Mean(v), Sd(v, or(n.Ddof, 1)), or(n.Sd, 1), or(n.Mean, 0)
		if constant(v) {
			l.b = 0
		}
	case "benchmark":
		l.b = transformOne(n.Transform, s.value)
		if n.Cap != nil && n.Cap.On {
			l.top = n.Cap.At
		}
	case "goalposts", "efficacy":
		lo, hi := ends(v)
		if s.posted {
			lo, hi = s.posts()
		}
		l.a, l.b = lo, hi-lo
		l.clip = or(n.Clip, n.Method == "goalposts")
		if n.Method == "goalposts" {
			l.m = or(n.Scale, 1)
		} else {
			l.m, l.k = or(n.Span, 40), or(n.Base, 60)
		}
	}
	// NaN would make a line unequal to itself.
	if !(math.Abs(l.b) > 0) || math.IsInf(l.b, 0) || l.a != l.a {
		return line{dead: true}
	}
	return l
}

// ends is the least and the greatest value, infinities of nothing.
func ends(v []float64) (lo, hi float64) {
	// Four of each, so that comparisons do not wait for one another.
	inf := math.Inf(1)
	l0, l1, l2, l3 := inf, inf, inf, inf
	h0, h1, h2, h3 := -inf, -inf, -inf, -inf
	i := 0
	for ; i+4 <= len(v); i += 4 {
		q := v[i : i+4 : i+4]
		if q[0] < l0 {
			l0 = q[0]
		}
		if q[0] > h0 {
			h0 = q[0]
		}
		if q[1] < l1 {
			l1 = q[1]
		}
		if q[1] > h1 {
			h1 = q[1]
		}
		if q[2] < l2 {
			l2 = q[2]
		}
		if q[2] > h2 {
			h2 = q[2]
		}
		if q[3] < l3 {
			l3 = q[3]
		}
		if q[3] > h3 {
			h3 = q[3]
		}
	}
	for ; i < len(v); i++ {
		if v[i] < l0 {
			l0 = v[i]
		}
		if v[i] > h0 {
			h0 = v[i]
		}
	}
	return min(l0, l1, l2, l3), max(h0, h1, h2, h3)
}

// of is the normalised value.
func (l *line) of(v float64) float64 {
	if l.dead {
		return nan
	}
	v = (v - l.a) / l.b
	if l.clip {
		switch {
		case v < 0:
			v = 0
		case v > 1:
			v = 1
		}
	}
	v = float64(v*l.m) + l.k
	if v > l.top {
		v = l.top
	}
	return v
}

// child is the score of a node in a row.
func (ws *Workspace) child(n, r int) float64 {
	if c := ws.x.tree.LeafOf[n]; c >= 0 {
		return ws.lines[c].of(ws.values[c][r])
	}
	return ws.groups[n][r]
}

// complete reports whether no child of a group that weighs anything is missing
// anywhere and the group is a mean that can be added up column by column.
func (ws *Workspace) complete(g int) bool {
	t := ws.x.tree
	if ws.x.agg[g].Method != "arithmetic" {
		return false
	}
	for _, n := range t.Children[g] {
		if ws.given[n] == 0 {
			return false
		}
		if c := t.LeafOf[n]; c >= 0 {
			if l := &ws.lines[c]; ws.missing[c] > 0 || l.dead || l.clip || l.top < math.Inf(1) {
				return false
			}
		} else if ws.divisor[n] == 0 {
			return false
		}
	}
	return true
}

// group computes the column of a group. The divisor says that it is complete:
// the sum of its weights, 0 otherwise.
func (ws *Workspace) group(g int) {
	t := ws.x.tree
	out := ws.groups[g]
	if !ws.complete(g) {
		ws.divisor[g] = 0
		for r := range out {
			out[r] = ws.row(g, r)
		}
		return
	}
	clear(out)
	sum := 0.0
	for _, n := range t.Children[g] {
		w := ws.given[n]
		sum += w
		if c := t.LeafOf[n]; c >= 0 {
			addLine(out, ws.values[c], &ws.lines[c], w)
		} else {
			addWeighted(out, ws.groups[n], w)
		}
	}
	ws.divisor[g] = sum
	if sum != 1 {
		for r := range out {
			out[r] /= sum
		}
	}
}

func addLine(dst, v []float64, l *line, w float64) {
	a, b, m, k := l.a, l.b, l.m, l.k
	v = v[:len(dst)]
	for r := range dst {
		dst[r] += float64(w * (float64((v[r]-a)/b*m) + k))
	}
}

func addWeighted(dst, v []float64, w float64) {
	v = v[:len(dst)]
	for r := range dst {
		dst[r] += float64(w * v[r])
	}
}

// row computes one row of a group.
func (ws *Workspace) row(g, r int) float64 {
	x := ws.x
	if d := ws.divisor[g]; d != 0 && ws.complete(g) {
		sum := 0.0
		for _, n := range x.tree.Children[g] {
			sum += float64(ws.given[n] * ws.child(n, r))
		}
		return sum / d
	}
	ws.divisor[g] = 0
	vals, weights := ws.vals[:0], ws.ws[:0]
	all, size, sum := 0.0, 0, 0.0
	for _, n := range x.tree.Children[g] {
		w := ws.given[n]
		if w == 0 {
			continue
		}
		all += w
		size++
		if v := ws.child(n, r); v == v {
			vals = append(vals, v)
			weights = append(weights, w)
			sum += w
		}
	}
	level := x.tree.Nodes[g].Level - 2
	if len(vals) == 0 || ratio(len(vals), size) < x.recipe.MinKnownChildren.at(level) || sum/all < x.recipe.MinKnownWeight.at(level) {
		return nan
	}
	v, _ := x.agg[g].of(vals, weights, all)
	if math.IsInf(v, 0) {
		return nan
	}
	return v
}

// place ranks all rows.
func (ws *Workspace) place() {
	ws.rank.places(ws.small, ws.scores)
	for i, p := range ws.small {
		ws.places[i] = int(p)
	}
}

// move puts one row in its new place: of competition places only those between
// the old and the new score change, each by one.
func (ws *Workspace) move(row int, old, now float64) {
	if ws.rank.ties != Competition || old != old || now != now {
		ws.place()
		return
	}
	place := 1
	for r, s := range ws.scores {
		if r == row || s != s {
			continue
		}
		if s > now {
			place++
		}
		// Whether the row stood, and stands, before this one.
		if old > s {
			ws.places[r]--
		}
		if now > s {
			ws.places[r]++
		}
	}
	ws.places[row] = place
}
