package composite

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// randomIndex is the mean consistency index of random reciprocal matrices of
// order 1 to 15 (Saaty, The Analytic Hierarchy Process, 1980; orders 1 to 10
// as printed there, the rest as in Saaty and Vargas, Models, Methods, Concepts
// and Applications of the AHP, 2012). Orders above 15 use the value of 15.
var randomIndex = [...]float64{0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59}

// RandomIndex is the random index of Saaty for a matrix of order n.
func RandomIndex(n int) float64 {
	if n < 1 {
		return nan
	}
	return randomIndex[min(n, len(randomIndex))-1]
}

// AHP derives weights, summing to 1, from a matrix of pairwise comparisons
// (Saaty, 1980): a[i][j] says how many times i outweighs j. Method
// "eigenvector" (or "") takes the principal right eigenvector, "column_mean" the
// mean of the columns after each is divided by its sum. ratio is the consistency
// ratio ((lambda - n) / (n - 1)) / [RandomIndex](n), 0 for n < 3; above 0.1 the
// comparisons should be looked at again. For column_mean, lambda is the mean
// of (A w)_i / w_i. It refuses a matrix that is not square or has an entry that is
// not above 0.
func AHP(a [][]float64, method string) (weights []float64, ratio float64, err error) {
	n := len(a)
	if n == 0 {
		return nil, 0, fmt.Errorf("composite: ahp: the matrix is empty")
	}
	for i, row := range a {
		if len(row) != n {
			return nil, 0, fmt.Errorf("composite: ahp: row %d has %d entries, the matrix %d rows; it must be square", i+1, len(row), n)
		}
		for j, v := range row {
			if !(v > 0) || math.IsInf(v, 0) {
				return nil, 0, fmt.Errorf("composite: ahp: entry %d,%d is %v; comparisons are finite and above 0", i+1, j+1, v)
			}
		}
	}
	w := make([]float64, n)
	for j := range n {
		sum := 0.0
		for i := range n {
			sum += a[i][j]
		}
		for i := range n {
			w[i] += a[i][j] / sum / float64(n)
		}
	}
	lambda := 0.0
	if method == "column_mean" {
		for i := range n {
			s := 0.0
			for j := range n {
				s += a[i][j] * w[j]
			}
			lambda += s / w[i] / float64(n)
		}
	} else {
		// Power iteration; a positive matrix has one principal eigenvector
		// (Perron, 1907) and the column means are close to it.
		next := make([]float64, n)
		for range 10000 {
			sum := 0.0
			for i := range n {
				next[i] = 0
				for j := range n {
					next[i] += a[i][j] * w[j]
				}
				sum += next[i]
			}
			change := 0.0
			for i := range n {
				next[i] /= sum
				change = max(change, math.Abs(next[i]-w[i])/next[i])
			}
			copy(w, next)
			lambda = sum
			if change < 1e-16*float64(n) {
				break
			}
		}
	}
	if n > 2 {
		ratio = (lambda - float64(n)) / float64(n-1) / RandomIndex(n)
		if math.Abs(ratio) < 1e-14 {
			ratio = 0
		}
	}
	return w, ratio, nil
}

// toShares scales to a sum of 1; it reports false, and gives equal shares, if the
// sum is not above 0.
func toShares(w []float64) bool {
	sum := 0.0
	for _, v := range w {
		sum += v
	}
	if !(sum > 0) {
		for i := range w {
			w[i] = 1 / float64(len(w))
		}
		return false
	}
	for i := range w {
		w[i] /= sum
	}
	return true
}

// EntropyWeights are proportional to 1 - e, with e = -sum(p ln p) / ln n and p
// = x / sum(x) over the n known values of a column, 0 ln 0 = 0 (Shannon, 1948;
// as used by Hwang and Yoon, Multiple Attribute Decision Making, 1981). Columns
// must be >= 0; one that sums to 0 counts as even. If no column differs between
// units the weights are equal.
func EntropyWeights(cols [][]float64) ([]float64, error) {
	w := make([]float64, len(cols))
	for j, x := range cols {
		if lo, _ := Range(x); lo < 0 {
			return nil, fmt.Errorf("entropy weights need values from 0 up; column %d has %v (normalise to a range from 0 up)", j+1, lo)
		}
		sum, n := Sum(x)
		// An even column has e = 1 exactly in exact arithmetic only.
		if n < 2 || sum == 0 || constant(x) {
			continue
		}
		// 1 - e as the divergence from an even column, sum p ln(p n) / ln n, which
		// does not cancel where columns are almost even.
		d := 0.0
		for _, v := range x {
			if v > 0 {
				p := v / sum
				d += p * math.Log(p*float64(n))
			}
		}
		w[j] = max(0, d/math.Log(float64(n)))
	}
	toShares(w)
	return w, nil
}

// SdWeights are proportional to the standard deviation (n-1) of the columns.
func SdWeights(cols [][]float64) []float64 {
	w := make([]float64, len(cols))
	for j, x := range cols {
		if s := Sd(x, 1); s == s {
			w[j] = s
		}
	}
	toShares(w)
	return w
}

// CRITIC weights are proportional to sd_j sum_k (1 - r_jk), of columns brought to
// 0..1 by min-max (Diakoulaki, Mavrotas and Papayannakis, Computers and
// Operations Research 22, 1995); sd by n-1, r Pearson over the pairs known
// in both. cost[j] reverses a column first; nil reverses none. A constant column
// weighs 0; a correlation that is not defined counts as 0.
func CRITIC(cols [][]float64, cost []bool) []float64 {
	w := make([]float64, len(cols))
	y := make([][]float64, len(cols))
	for j, x := range cols {
		y[j] = make([]float64, len(x))
		copy(y[j], x)
		if cost != nil && cost[j] {
			for i := range y[j] {
				y[j][i] = -y[j][i]
			}
		}
		MinMax(y[j], y[j], 0, 1)
	}
	for j := range y {
		s := Sd(y[j], 1)
		if s != s {
			continue
		}
		conflict := 0.0
		for k := range y {
			if k == j {
				continue
			}
			r := Pearson(y[j], y[k])
			if r != r {
				r = 0
			}
			conflict += 1 - r
		}
		w[j] = s * conflict
	}
	if len(cols) == 1 {
		w[0] = 1
	}
	toShares(w)
	return w
}

// MEREC weights by removal effects (Keshavarz-Ghorabaee et al., Symmetry 13,
// 2021): n_ij = min/x for a benefit, x/max for a cost; S_i = ln(1 + sum_j |ln
// n_ij| / m); E_j = sum_i |S_i without j - S_i|; w = E / sum E. Values must be
// above 0. Units with a missing value in any of the columns are left out.
func MEREC(cols [][]float64, cost []bool) ([]float64, error) {
	m := len(cols)
	w := make([]float64, m)
	rows := completeRows(cols)
	logs := make([][]float64, m)
	for j, x := range cols {
		v := pick(x, rows)
		lo, hi := Range(v)
		if len(v) > 0 && !(lo > 0) {
			return nil, fmt.Errorf("merec weights need values above 0; column %d has %v (normalise to a range above 0, such as 1 to 100)", j+1, lo)
		}
		logs[j] = make([]float64, len(v))
		for i, y := range v {
			if cost != nil && cost[j] {
				logs[j][i] = math.Abs(math.Log(y / hi))
			} else {
				logs[j][i] = math.Abs(math.Log(lo / y))
			}
		}
	}
	for i := range rows {
		total := 0.0
		for j := range m {
			total += logs[j][i]
		}
		s := math.Log1p(total / float64(m))
		for j := range m {
			rest := 0.0
			for k := range m {
				if k != j {
					rest += logs[k][i]
				}
			}
			w[j] += math.Abs(math.Log1p(rest/float64(m)) - s)
		}
	}
	toShares(w)
	return w, nil
}

func completeRows(cols [][]float64) []int {
	var rows []int
	if len(cols) == 0 {
		return nil
	}
next:
	for i := range cols[0] {
		for _, x := range cols {
			if x[i] != x[i] {
				continue next
			}
		}
		rows = append(rows, i)
	}
	return rows
}

// PCAWeights are the loadings of the first principal component of the
// correlation matrix, in absolute value, scaled to 1. An eigenvector has
// no sign of its own; it is turned so that its loadings sum to above 0. mixed
// reports that a loading still points the other way: the children do not
// measure one thing. Units with a missing value are left out; a constant column
// weighs 0; one column weighs 1.
func PCAWeights(cols [][]float64) (weights []float64, mixed bool, err error) {
	m := len(cols)
	w := make([]float64, m)
	rows := completeRows(cols)
	var use []int
	data := make([][]float64, m)
	for j, x := range cols {
		data[j] = pick(x, rows)
		if len(rows) > 1 && !constant(data[j]) {
			use = append(use, j)
		}
	}
	switch len(use) {
	case 0:
		toShares(w)
		return w, false, nil
	case 1:
		w[use[0]] = 1
		return w, false, nil
	}
	corr := mat.NewSymDense(len(use), nil)
	for a := range use {
		corr.SetSym(a, a, 1)
		for b := a + 1; b < len(use); b++ {
			corr.SetSym(a, b, Pearson(data[use[a]], data[use[b]]))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(corr, true) {
		return nil, false, fmt.Errorf("pca: the correlation matrix has no eigenvalues to this precision")
	}
	var vec mat.Dense
	eig.VectorsTo(&vec)
	sum := 0.0
	for a := range use {
		sum += vec.At(a, len(use)-1)
	}
	for a, j := range use {
		l := vec.At(a, len(use)-1)
		if sum < 0 {
			l = -l
		}
		// Loadings at rounding level have no sign to speak of.
		mixed = mixed || l < -1e-9
		w[j] = math.Abs(l)
	}
	toShares(w)
	return w, mixed, nil
}

// CorrelationWeights looks for shares under which the correlations of the
// columns with their weighted mean stand in the proportion wanted (all equal
// if nil), the importance of Paruolo, Saisana and Saltelli (JRSS A 176, 2013) and
// COINr get_opt_weights, which has no bounds. Every share stays in
// lower..upper. It minimises sum_j (r_j / sum r - wanted_j / sum wanted)^2 by moving
// share between pairs with halving steps: deterministic, a local optimum. gap is
// the largest difference left. Units with a missing value are left out; a
// constant column keeps the lower bound.
func CorrelationWeights(cols [][]float64, wanted []float64, lower, upper float64) (weights []float64, gap float64, err error) {
	m := len(cols)
	if lower < 0 || upper > 1 || lower*float64(m) > 1 || upper*float64(m) < 1 {
		return nil, 0, fmt.Errorf("correlation weights: shares between %v and %v cannot sum to 1 over %d children", lower, upper, m)
	}
	if wanted == nil {
		wanted = make([]float64, m)
		for j := range wanted {
			wanted[j] = 1
		}
	}
	goal := slices.Clone(wanted)
	if !toShares(goal) {
		return nil, 0, fmt.Errorf("correlation weights: the wanted importance does not sum to a number above 0")
	}
	rows := completeRows(cols)
	cov := make([][]float64, m)
	for a := range m {
		cov[a] = make([]float64, m)
		for b := range m {
			if len(rows) > 1 {
				cov[a][b] = Covariance(pick(cols[a], rows), pick(cols[b], rows))
			}
		}
	}
	w := make([]float64, m)
	for j := range w {
		w[j] = 1 / float64(m)
	}
	r := make([]float64, m)
	loss := func() (sum, worst float64) {
		total := 0.0
		for a := range m {
			r[a] = 0
			if cov[a][a] > 0 {
				for b := range m {
					r[a] += cov[a][b] * w[b]
				}
				r[a] /= math.Sqrt(cov[a][a])
			}
			total += r[a]
		}
		for a := range m {
			d := goal[a]
			if total > 0 {
				d -= r[a] / total
			} else {
				d++ // an index that its children run against is no solution
			}
			sum += d * d
			worst = max(worst, math.Abs(d))
		}
		return sum, worst
	}
	best, gap := loss()
	for step := 0.25; step > 1e-13; {
		improved := false
		for a := range m {
			for b := range m {
				if a == b {
					continue
				}
				d := min(step, upper-w[a], w[b]-lower)
				if d <= 0 {
					continue
				}
				wa, wb := w[a], w[b]
				w[a], w[b] = wa+d, wb-d
				if l, g := loss(); l < best {
					best, gap, improved = l, g, true
				} else {
					w[a], w[b] = wa, wb
				}
			}
		}
		if !improved {
			step /= 2
		}
	}
	return w, gap, nil
}

// compileWeights settles all weights that do not depend on a run.
func (x *Index) compileWeights() error {
	r := x.recipe.Weights
	if r == nil || r.From == "" {
		base := &Weights{From: "meta"}
		if r != nil {
			base.By, base.Sets = r.By, r.Sets
		}
		r = base
	}
	t := x.tree
	given := make([]float64, len(t.Nodes))
	for i, n := range t.Nodes {
		given[i] = n.Weight
	}
	x.objective = make([]bool, len(t.Nodes))
	var groups []int
	if err := x.knownCodes("weights.nodes", r.Nodes); err != nil {
		return err
	}
	for _, g := range t.Groups {
		if r.Nodes == nil || slices.Contains(r.Nodes, t.Nodes[g].Code) {
			groups = append(groups, g)
		}
	}
	switch r.From {
	case "meta":
	case "equal":
		for _, g := range groups {
			for _, c := range t.Children[g] {
				given[c] = 1
			}
		}
	case "values", "file", "budget":
		values := r.Values
		where := "weights.values"
		if r.From != "values" {
			where = "weights.path"
			if r.Path == "" {
				return fmt.Errorf("weights: from %s needs path, the table of weights", r.From)
			}
			var err error
			if values, err = x.weightsTable(r); err != nil {
				return err
			}
		}
		if err := x.knownCodes(where, keysOf(values)); err != nil {
			return err
		}
		for i, n := range t.Nodes {
			v, ok := values[n.Code]
			if !ok && i != t.Root {
				return fmt.Errorf("%s: no weight for %s; every code but the root needs one (0 leaves it out)", where, n.Code)
			}
			if ok && v < 0 {
				return fmt.Errorf("%s: %s has the weight %v; weights are from 0 up", where, n.Code, v)
			}
			if ok {
				given[i] = v
			}
		}
	case "ahp":
		if err := x.ahpWeights(r, given, groups); err != nil {
			return err
		}
	default:
		for _, g := range groups {
			x.objective[g] = true
		}
	}
	x.sets = []WeightSet{{Given: given}}
	x.setOf = make([]int, len(x.data.Units))
	if r.By != "" {
		if err := x.classWeights(r, given); err != nil {
			return err
		}
	} else if r.Sets != nil {
		return fmt.Errorf("weights.sets needs weights.by, the group column whose classes it names")
	}
	for i := range x.sets {
		x.sets[i].Share = t.Shares(x.sets[i].Given)
		x.sets[i].Effective = t.Effective(x.sets[i].Given)
	}
	return nil
}

func (x *Index) classWeights(r *Weights, given []float64) error {
	g := x.data.Group(r.By)
	if g == nil {
		return fmt.Errorf("weights.by: no group column %q%s", r.By, hint(r.By, x.groupCodes()))
	}
	classes := keysOf(r.Sets)
	for _, class := range classes {
		set := slices.Clone(given)
		if err := x.knownCodes("weights.sets."+class, keysOf(r.Sets[class])); err != nil {
			return err
		}
		for code, v := range r.Sets[class] {
			if v < 0 {
				return fmt.Errorf("weights.sets.%s: %s has the weight %v; weights are from 0 up", class, code, v)
			}
			n := x.tree.Find(code)
			set[n] = v
			if p := x.tree.Parent[n]; p >= 0 {
				if x.objective[p] {
					return fmt.Errorf("weights.sets.%s: the weight of %s comes from %s; limit weights.nodes to other groups", class, code, r.From)
				}
				if method := x.agg[p].Method; flat(method) {
					return fmt.Errorf("weights.sets.%s: %s is aggregated by %s, which compares units under one set of weights; name no child of it",
						class, x.tree.Nodes[p].Code, method)
				}
			}
		}
		x.sets = append(x.sets, WeightSet{Class: class, Given: set})
		found := false
		for row, v := range g.Values {
			if v == class {
				x.setOf[row] = len(x.sets) - 1
				found = true
			}
		}
		if !found {
			return fmt.Errorf("weights.sets: no unit is in class %q of %s%s", class, r.By, hint(class, classesOf(g)))
		}
	}
	return nil
}

func classesOf(g *Grouping) []string {
	c := slices.Clone(g.Values)
	slices.Sort(c)
	return slices.Compact(c)
}

// weightsTable reads iCode,Weight, or for a budget allocation iCode and one column
// a judge, whose allocations are each made shares of their sum and averaged.
func (x *Index) weightsTable(r *Weights) (map[string]float64, error) {
	out := map[string]float64{}
	columns := []string{"iCode", "Weight"}
	if r.From == "budget" {
		columns = columns[:1]
	}
	t, at, err := x.table("weights.path", r.Path, columns...)
	if err != nil {
		return nil, err
	}
	if r.From == "file" {
		for i, row := range t.Rows {
			if _, twice := out[row[at[0]]]; twice {
				return nil, fmt.Errorf("weights.path: %s, row %d: %s is given twice", r.Path, i+2, row[at[0]])
			}
			if text := row[at[1]]; row[at[0]] == x.tree.Nodes[x.tree.Root].Code && (text == "" || text == "NA") {
				continue // the root needs no weight
			}
			if out[row[at[0]]], err = cellNumber(r.Path, i, "Weight", row[at[1]]); err != nil {
				return nil, fmt.Errorf("weights.path: %w", err)
			}
		}
		return out, nil
	}
	judges := 0
	for j, name := range t.Header {
		if j == at[0] {
			continue
		}
		judges++
		points := map[string]float64{}
		for i, row := range t.Rows {
			v, err := cellNumber(r.Path, i, name, row[j])
			if err != nil {
				return nil, fmt.Errorf("weights.path: %w", err)
			}
			points[row[at[0]]] = v
		}
		// A judge spreads a budget among siblings; what counts is the share.
		for _, g := range x.tree.Groups {
			sum := 0.0
			for _, c := range x.tree.Children[g] {
				sum += points[x.tree.Nodes[c].Code]
			}
			if !(sum > 0) {
				return nil, fmt.Errorf("weights.path: %s: %s gives nothing to the children of %s", r.Path, name, x.tree.Nodes[g].Code)
			}
			for _, c := range x.tree.Children[g] {
				code := x.tree.Nodes[c].Code
				if _, ok := points[code]; !ok {
					return nil, fmt.Errorf("weights.path: %s has no row for %s", r.Path, code)
				}
				out[code] += points[code] / sum
			}
		}
		for code := range points {
			if x.tree.Find(code) < 0 {
				return nil, x.knownCodes("weights.path: "+r.Path, []string{code})
			}
		}
	}
	if judges == 0 {
		return nil, fmt.Errorf("weights.path: %s has no column of a judge beside iCode", r.Path)
	}
	for code := range out {
		out[code] /= float64(judges)
	}
	return out, nil
}

func (x *Index) ahpWeights(r *Weights, given []float64, groups []int) error {
	paths := r.Paths
	if r.Path == "" && len(paths) == 0 {
		return fmt.Errorf("weights: from ahp needs path (or paths by group), the matrix of comparisons")
	}
	if err := x.knownCodes("weights.paths", keysOf(paths)); err != nil {
		return err
	}
	used := map[string]bool{}
	for _, g := range groups {
		code := x.tree.Nodes[g].Code
		path, own := paths[code]
		if !own {
			path = r.Path
		}
		if path == "" {
			continue
		}
		t, ok := x.files[path]
		if !ok {
			return fmt.Errorf("weights.path: the table %q was not attached", path)
		}
		if len(t.Header) < 2 || len(t.Rows) != len(t.Header)-1 {
			return fmt.Errorf("weights.path: %s has %d columns of codes and %d rows; the matrix must be square", path, len(t.Header)-1, len(t.Rows))
		}
		at, rowOf := map[string]int{}, map[string]int{}
		for j, row := range t.Rows {
			rowOf[row[0]] = j
		}
		for j, c := range t.Header[1:] {
			if x.tree.Find(c) < 0 {
				return x.knownCodes("weights.path: "+path, []string{c})
			}
			if _, ok := rowOf[c]; !ok {
				return fmt.Errorf("weights.path: %s has a column %q and no row of it; rows and columns have the same codes", path, c)
			}
			at[c] = j
		}
		var in, out []string
		for _, c := range x.tree.Children[g] {
			if _, ok := at[x.tree.Nodes[c].Code]; ok {
				in = append(in, x.tree.Nodes[c].Code)
			} else {
				out = append(out, x.tree.Nodes[c].Code)
			}
		}
		if len(in) == 0 && !own {
			continue
		}
		if len(out) > 0 {
			return fmt.Errorf("weights.path: %s compares children of %s, but not %s", path, code, strings.Join(out, ", "))
		}
		a := make([][]float64, len(in))
		for i, ci := range in {
			a[i] = make([]float64, len(in))
			for j, cj := range in {
				v, err := cellNumber(path, rowOf[ci], cj, t.Rows[rowOf[ci]][at[cj]+1])
				if err != nil {
					return fmt.Errorf("weights.path: %w", err)
				}
				a[i][j] = v
			}
			used[ci] = true
		}
		w, cr, err := AHP(a, r.Method)
		if err != nil {
			return fmt.Errorf("weights.path: %s: %w", path, err)
		}
		if cr > 0.1 {
			x.compileWarnings.add("weights", code, fmt.Sprintf(
				"the comparisons of %s are inconsistent: consistency ratio %.3f is above 0.1 (random index %.2f for order %d)",
				path, cr, RandomIndex(len(in)), len(in)))
		}
		for i, asymmetric := range reciprocal(a) {
			if asymmetric {
				x.compileWarnings.add("weights", code, fmt.Sprintf("%s: the comparisons of %s are not the reciprocals of those with it", path, in[i]))
			}
		}
		x.consistency[code] = cr
		for i, c := range x.tree.Children[g] {
			given[c] = w[i]
		}
	}
	if len(used) == 0 {
		return fmt.Errorf("weights.path: %s compares the children of no group", r.Path)
	}
	return nil
}

// reciprocal says for each row whether a[i][j] a[j][i] is off 1 by more than the
// rounding of a printed matrix.
func reciprocal(a [][]float64) []bool {
	off := make([]bool, len(a))
	for i := range a {
		for j := range a {
			off[i] = off[i] || math.Abs(a[i][j]*a[j][i]-1) > 0.05
		}
	}
	return off
}

// objectiveWeights computes the shares of the children of a group from the
// columns as they enter weighting, all periods together.
func (x *Index) objectiveWeights(g int, cols [][]float64, w *warnings) (out []float64, err error) {
	r := x.recipe.Weights
	node := x.tree.Nodes[g]
	children := x.tree.Children[g]
	cost := make([]bool, len(children))
	for i, c := range children {
		cost[i] = x.costs(c)
	}
	fail := func(err error) error {
		if strings.Contains(err.Error(), "column ") {
			err = fmt.Errorf("%w; the columns are the children of %s: %s", err, node.Code, strings.Join(x.tree.codes(children), ", "))
		}
		return fmt.Errorf("weights: %s: %w", node.Code, err)
	}
	// A child that is missing everywhere weighs nothing and must not keep the
	// others from having complete units.
	var have []int
	for i, col := range cols {
		if len(known(col)) > 0 {
			have = append(have, i)
		}
	}
	if len(have) == 0 {
		equal := make([]float64, len(cols))
		toShares(equal)
		return equal, nil
	}
	if len(have) < len(cols) {
		all, full := cols, make([]float64, len(cols))
		cols, cost, children = make([][]float64, len(have)), make([]bool, len(have)), make([]int, len(have))
		for k, i := range have {
			cols[k], children[k] = all[i], x.tree.Children[g][i]
			cost[k] = x.costs(children[k])
		}
		defer func() {
			if err == nil {
				for k, i := range have {
					full[i] = out[k]
				}
				out = full
			}
		}()
		w.add("weights", node.Code, "children that are missing everywhere weigh nothing")
	}
	switch r.From {
	case "entropy":
		out, err = EntropyWeights(cols)
	case "sd":
		out = SdWeights(cols)
	case "critic":
		if !or(r.Directions, true) {
			cost = nil
		}
		out = CRITIC(cols, cost)
	case "merec":
		out, err = MEREC(cols, cost)
	case "pca":
		var mixed bool
		out, mixed, err = PCAWeights(cols)
		if mixed {
			w.add("weights", node.Code,
				"the first principal component loads some children against the others; absolute values were taken, but these children do not measure one thing")
		}
	case "correlation":
		var wanted []float64
		if r.Values != nil {
			wanted = make([]float64, len(children))
			for i, c := range children {
				v, ok := r.Values[x.tree.Nodes[c].Code]
				if !ok {
					v = 1
				}
				wanted[i] = v
			}
		}
		var gap float64
		out, gap, err = CorrelationWeights(cols, wanted, or(r.Min, 0), or(r.Max, 1))
		if err == nil && gap > 1e-6 {
			w.add("weights", node.Code, fmt.Sprintf(
				"the wanted importance is missed by up to %.3g of the total; the bounds or the correlations do not allow it", gap))
		}
	default:
		err = fmt.Errorf("unknown source %q", r.From)
	}
	if err != nil {
		return nil, fail(err)
	}
	for i, col := range cols {
		if constant(col) && len(cols) > 1 {
			w.add("weights", node.Code, fmt.Sprintf("%s does not differ between units and weighs %.3g", x.tree.Nodes[children[i]].Code, out[i]))
		}
	}
	return out, nil
}

// knownCodes refuses a code that is not in the tree.
func (x *Index) knownCodes(where string, codes []string) error {
	all := make([]string, len(x.tree.Nodes))
	for i, n := range x.tree.Nodes {
		all[i] = n.Code
	}
	for _, c := range codes {
		if x.tree.Find(c) < 0 {
			return fmt.Errorf("%s: no indicator or group %q%s", where, c, hint(c, all))
		}
	}
	return nil
}

func (x *Index) unitCodes() []string {
	codes := make([]string, len(x.data.Units))
	for i, u := range x.data.Units {
		codes[i] = u.Code
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (x *Index) groupCodes() []string {
	var codes []string
	for _, g := range x.data.Groups {
		codes = append(codes, g.Code)
	}
	return codes
}

func (x *Index) columnCodes() []string {
	var codes []string
	for _, c := range x.data.Columns {
		codes = append(codes, c.Code)
	}
	return codes
}

// keysOf are the keys in order.
func keysOf[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
