package composite

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The coefficients of [CorrelationTest].
const (
	PearsonR    = "pearson"
	SpearmanRho = "spearman"
	KendallTau  = "kendall"
)

// CorrelationTest is a correlation over the pairs known in both, with the number
// of pairs and the two-sided p-value of the hypothesis that there is none.
//
//   - pearson: t = r sqrt((n-2) / (1-r^2)) on n-2 degrees of freedom;
//   - spearman: the same with the ranks, ties averaged (an approximation, that
//     of R's cor.test with exact = FALSE and no continuity correction);
//   - kendall: tau-b, S / sqrt(var S) against the normal distribution with the
//     variance corrected for ties (Kendall, Rank Correlation Methods, 1970, as
//     R's cor.test with exact = FALSE).
//
// r is NaN for fewer than 2 pairs or where a side is constant; p also for
// fewer than 3 pairs. An unknown method gives NaN.
func CorrelationTest(method string, x, y []float64) (r, p float64, n int) {
	a, b := pairs(x, y)
	n = len(a)
	switch method {
	case PearsonR:
		r = Pearson(a, b)
	case SpearmanRho:
		r = Spearman(a, b)
	case KendallTau:
		k := countPairs(a, b)
		return k.tau(), k.p(a, b), n
	default:
		return nan, nan, n
	}
	if r != r || n < 3 {
		return r, nan, n
	}
	if math.Abs(r) == 1 {
		return r, 0, n
	}
	df := float64(n - 2)
	t := math.Abs(r) * math.Sqrt(df/((1-r)*(1+r)))
	return r, 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(t), n
}

// kendallCount is what tau-b is made of: S, concordant pairs less discordant ones,
// and the pairs that are not tied in the first and in the second column.
type kendallCount struct{ s, first, second float64 }

// countPairs counts in n log n steps (Knight, Journal of the American Statistical
// Association 61, 1966): sorted by a, then b, the discordant pairs are the exchanges
// that sorting by b takes.
func countPairs(a, b []float64) kendallCount {
	n := len(a)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(a[i], a[j]), cmp.Compare(b[i], b[j])) })
	x, y := make([]float64, n), make([]float64, n)
	for i, k := range order {
		x[i], y[i] = a[k], b[k]
	}
	// Pairs tied in runs of equal neighbours.
	tied := func(equal func(i, j int) bool) float64 {
		t := 0.0
		for i := 0; i < n; {
			j := i + 1
			for j < n && equal(i, j) {
				j++
			}
			t += float64(j-i) * float64(j-i-1) / 2
			i = j
		}
		return t
	}
	all := float64(n) * float64(n-1) / 2
	tiedA := tied(func(i, j int) bool { return x[i] == x[j] })
	tiedBoth := tied(func(i, j int) bool { return x[i] == x[j] && y[i] == y[j] })
	exchanges := mergeSort(y, make([]float64, n))
	tiedB := tied(func(i, j int) bool { return y[i] == y[j] })
	return kendallCount{s: all - tiedA - tiedB + tiedBoth - 2*exchanges, first: all - tiedA, second: all - tiedB}
}

// mergeSort sorts and counts the exchanges of neighbours it stands for.
func mergeSort(v, space []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	m := len(v) / 2
	count := mergeSort(v[:m], space[:m]) + mergeSort(v[m:], space[m:])
	copy(space, v)
	i, j := 0, m
	for k := range v {
		if j >= len(v) || i < m && space[i] <= space[j] {
			v[k] = space[i]
			i++
		} else {
			v[k] = space[j]
			j++
			count += float64(m - i)
		}
	}
	return count
}

func (k kendallCount) tau() float64 {
	if k.first == 0 || k.second == 0 {
		return nan
	}
	return k.s / (math.Sqrt(k.first) * math.Sqrt(k.second))
}

// p is the p-value of tau-b.
func (k kendallCount) p(a, b []float64) float64 {
	n := float64(len(a))
	if n < 3 || k.first == 0 || k.second == 0 {
		return nan
	}
	t1, t2, t3 := tieSums(a)
	u1, u2, u3 := tieSums(b)
	v := (n*(n-1)*(2*n+5)-t3-u3)/18 + t2*u2/(9*n*(n-1)*(n-2)) + t1*u1/(2*n*(n-1))
	if !(v > 0) {
		return nan
	}
	return math.Erfc(math.Abs(k.s) / math.Sqrt(v) / math.Sqrt2)
}

// tieSums are the sums over groups of t equal values of t(t-1), t(t-1)(t-2) and
// t(t-1)(2t+5).
func tieSums(x []float64) (one, two, three float64) {
	same := map[float64]float64{}
	for _, v := range x {
		same[v]++
	}
	for _, t := range same { // whole numbers: the order is of no account
		one += t * (t - 1)
		two += t * (t - 1) * (t - 2)
		three += t * (t - 1) * (2*t + 5)
	}
	return one, two, three
}

// CronbachAlpha is k/(k-1) (1 - sum of variances / sum of all covariances) of k
// columns (Cronbach, Psychometrika 16, 1951), each covariance over the pairs known
// in both, by n-1, as COINr get_cronbach. Columns are not turned. NaN for fewer than
// two columns, or where a covariance is not defined or they sum to 0.
func CronbachAlpha(cols [][]float64) float64 {
	k := float64(len(cols))
	if k < 2 {
		return nan
	}
	diagonal, all := 0.0, 0.0
	for i := range cols {
		for j := range cols {
			c := Covariance(cols[i], cols[j])
			all += c
			if i == j {
				diagonal += c
			}
		}
	}
	if all == 0 {
		return nan
	}
	return k / (k - 1) * (1 - diagonal/all)
}

// Components is a principal component analysis.
type Components struct {
	// Eigenvalues of the correlation matrix, the greatest first; Explained is
	// their share in the number of columns, Cumulative the running sum of it.
	Eigenvalues, Explained, Cumulative []float64
	// Loadings[k][j] is the element of the unit eigenvector of component k for
	// column j. The sign is chosen so that the elements sum to 0 or more.
	Loadings [][]float64
	// Rows is the number of complete rows used.
	Rows int
}

// PCA is the principal component analysis of the correlation matrix of the
// columns over the rows known in all of them (OECD Handbook 2008, step 4). An
// error is returned for fewer than 3 complete rows or a column that is constant
// on them.
func PCA(cols [][]float64) (*Components, error) {
	k := len(cols)
	if k == 0 {
		return nil, fmt.Errorf("composite: PCA of no columns")
	}
	rows := completeRows(cols)
	if len(rows) < 3 {
		return nil, fmt.Errorf("composite: PCA: %d rows are complete; 3 are needed", len(rows))
	}
	full := make([][]float64, k)
	for j := range cols {
		full[j] = pick(cols[j], rows)
		if constant(full[j]) {
			return nil, fmt.Errorf("composite: PCA: column %d is constant on the complete rows", j+1)
		}
	}
	corr := mat.NewSymDense(k, nil)
	for i := range k {
		for j := range i + 1 {
			corr.SetSym(i, j, Pearson(full[i], full[j]))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(corr, true) {
		return nil, fmt.Errorf("composite: PCA: the eigenvalues were not found")
	}
	values := eig.Values(nil)
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	c := &Components{Rows: len(rows)}
	sum := 0.0
	for i := k - 1; i >= 0; i-- {
		c.Eigenvalues = append(c.Eigenvalues, values[i])
		c.Explained = append(c.Explained, values[i]/float64(k))
		sum += values[i] / float64(k)
		c.Cumulative = append(c.Cumulative, sum)
		load, total := make([]float64, k), 0.0
		for j := range load {
			load[j] = vectors.At(j, i)
			total += load[j]
		}
		if total < 0 {
			for j := range load {
				load[j] = -load[j]
			}
		}
		c.Loadings = append(c.Loadings, load)
	}
	return c, nil
}

// Audit is what an analyst looks at before trusting an index.
type Audit struct {
	Statistics   []Statistic
	Correlations []Correlation
	Alpha        []Reliability
	PCA          []GroupComponents
	Redundant    []Correlation
	Opposed      []Correlation
	Denominators []Correlation
	Availability []Availability
	LeaveOneOut  []LeftOut
}

// Statistic is the distribution of one indicator over all periods. Skew and Kurt
// are G1 and G2; what is not defined is NaN.
type Statistic struct {
	Table, Code                            string
	Min, Max, Mean, Median, Sd, Skew, Kurt float64
	Known, Zeros, Distinct                 int
	// Outliers says that |skew| > 2 and kurt > 3.5 (COINr get_stats).
	Outliers bool
}

// Correlation is one pair of columns.
type Correlation struct {
	Table, Method, A, B string
	R, P                float64
	N                   int
}

// Reliability is Cronbach's alpha of the children of a group.
type Reliability struct {
	Table, Group string
	Alpha        float64
}

// GroupComponents is the PCA of the children of a group; Reason says why there is
// none.
type GroupComponents struct {
	Group    string
	Children []string
	*Components
	Reason string
}

// Availability is how much is known, as given, of a unit (over the indicators)
// or of an indicator (over the units), in one node: Group is a group of the tree
// or "". Cells that are not applicable do not count.
type Availability struct {
	Unit, Code, Group string
	Time              float64
	Known, Of         int
	Share             float64
}

// LeftOut is what taking an element out (its weight set to 0) does to the places.
type LeftOut struct {
	Code string
	// MeanShift and MaxShift are of the absolute change of place over the rows
	// placed in both; MaxUnit is the first unit with the greatest, Lost the
	// number of rows that lose their place.
	MeanShift float64
	MaxShift  int
	MaxUnit   string
	Lost      int
	// Correlation is Spearman's, of the scores with and without.
	Correlation float64
}

// AuditOptions are the bounds of an audit; zero values stand for the defaults.
type AuditOptions struct {
	// Redundant flags siblings with |Pearson| above it on the normalised
	// scores; default 0.92 (COINr). Opposed flags siblings with r below it;
	// default -0.4. Denominator flags |r| of an indicator and a denominator above
	// it; default 0.6.
	Redundant, Opposed, Denominator float64
}

// Audit examines a run of the index: distributions, gaps, correlations among
// siblings, reliability, components, redundancy, size effects, and what each
// element does to the places.
//
// Tables are raw (the data as read, before denominating and without
// directions), treated, normalised and aggregated. Rows of all periods count
// together.
func (x *Index) Audit(res *Result, opt AuditOptions) (*Audit, error) {
	if opt.Redundant == 0 {
		opt.Redundant = 0.92
	}
	if opt.Opposed == 0 {
		opt.Opposed = -0.4
	}
	if opt.Denominator == 0 {
		opt.Denominator = 0.6
	}
	a := &Audit{}
	for _, t := range []struct {
		name  string
		frame *Frame
	}{{"raw", res.Raw}, {"treated", res.Treated}} {
		for c, code := range t.frame.Codes {
			a.Statistics = append(a.Statistics, statistic(t.name, code, t.frame.Values[c]))
		}
	}
	for _, table := range []string{"raw", "normalised"} {
		a.siblings(x.tree, res, table, opt)
	}
	for _, table := range []string{"raw", "normalised", "aggregated"} {
		for _, g := range x.tree.Groups {
			cols, _ := childColumns(x.tree, res, g, table)
			if len(cols) > 0 {
				a.Alpha = append(a.Alpha, Reliability{Table: table, Group: x.tree.Nodes[g].Code, Alpha: CronbachAlpha(cols)})
			}
		}
	}
	for _, g := range x.tree.Groups {
		one := GroupComponents{Group: x.tree.Nodes[g].Code}
		var cols [][]float64
		for _, c := range x.tree.Children[g] {
			one.Children = append(one.Children, x.tree.Nodes[c].Code)
			cols = append(cols, res.node(c))
		}
		var err error
		if one.Components, err = PCA(cols); err != nil {
			one.Reason = err.Error()
		}
		a.PCA = append(a.PCA, one)
	}
	a.sizeEffects(x, res, opt)
	a.availability(x, res)
	if err := a.leaveOneOut(x, res); err != nil {
		return nil, err
	}
	return a, nil
}

func statistic(table, code string, v []float64) Statistic {
	s := Statistic{
		Table: table, Code: code, Mean: Mean(v), Median: Median(v), Sd: Sd(v, 1),
		Skew: Skewness(v), Kurt: Kurtosis(v),
	}
	s.Min, s.Max = Range(v)
	k := known(v)
	s.Known = len(k)
	slices.Sort(k)
	for i, y := range k {
		if y == 0 {
			s.Zeros++
		}
		if i == 0 || y != k[i-1] {
			s.Distinct++
		}
	}
	s.Outliers = math.Abs(s.Skew) > 2 && s.Kurt > 3.5
	return s
}

// childColumns are the columns of the children of a group that stand in a table:
// indicators in raw and normalised, groups in aggregated.
func childColumns(t *Tree, res *Result, g int, table string) (cols [][]float64, codes []string) {
	for _, c := range t.Children[g] {
		l := t.LeafOf[c]
		switch {
		case l >= 0 && table == "raw":
			cols = append(cols, res.Raw.Values[l])
		case l >= 0 && table == "normalised", l < 0 && table == "aggregated":
			cols = append(cols, res.node(c))
		default:
			continue
		}
		codes = append(codes, t.Nodes[c].Code)
	}
	return cols, codes
}

// siblings correlates indicators of one parent, in the order of the tree.
func (a *Audit) siblings(t *Tree, res *Result, table string, opt AuditOptions) {
	for _, method := range []string{PearsonR, SpearmanRho, KendallTau} {
		for _, g := range t.Groups {
			cols, codes := childColumns(t, res, g, table)
			for i := range cols {
				for j := i + 1; j < len(cols); j++ {
					c := Correlation{Table: table, Method: method, A: codes[i], B: codes[j]}
					c.R, c.P, c.N = CorrelationTest(method, cols[i], cols[j])
					a.Correlations = append(a.Correlations, c)
					if method != PearsonR || table != "normalised" {
						continue
					}
					if math.Abs(c.R) > opt.Redundant {
						a.Redundant = append(a.Redundant, c)
					}
					if c.R < opt.Opposed {
						a.Opposed = append(a.Opposed, c)
					}
				}
			}
		}
	}
}

// sizeEffects correlates every indicator, as given, with every denominator that
// the tree names.
func (a *Audit) sizeEffects(x *Index, res *Result, opt AuditOptions) {
	var codes []string
	for _, n := range x.tree.Nodes {
		if n.Denominator != "" && !slices.Contains(codes, n.Denominator) {
			codes = append(codes, n.Denominator)
		}
	}
	for c, code := range res.Raw.Codes {
		for _, d := range codes {
			col := x.data.Column(d)
			if col == nil {
				continue
			}
			one := Correlation{Table: "raw", Method: PearsonR, A: code, B: d}
			one.R, one.P, one.N = CorrelationTest(PearsonR, res.Raw.Values[c], col.Values)
			if math.Abs(one.R) > opt.Denominator {
				a.Denominators = append(a.Denominators, one)
			}
		}
	}
}

func (a *Audit) availability(x *Index, res *Result) {
	t := x.tree
	under := func(leaf, g int) bool {
		for n := leaf; n >= 0; n = t.Parent[n] {
			if n == g {
				return true
			}
		}
		return false
	}
	count := func(one *Availability, s Cell) {
		if s == NotApplicable {
			return
		}
		one.Of++
		if s == Known {
			one.Known++
		}
	}
	add := func(one Availability) {
		one.Share = nan
		if one.Of > 0 {
			one.Share = float64(one.Known) / float64(one.Of)
		}
		a.Availability = append(a.Availability, one)
	}
	for c, code := range res.Raw.Codes {
		one := Availability{Code: code}
		for r := range x.data.Units {
			count(&one, res.Raw.State[c][r])
		}
		add(one)
	}
	for r, u := range x.data.Units {
		for _, g := range t.Groups {
			one := Availability{Unit: u.Code, Time: u.Time, Group: t.Nodes[g].Code}
			for c, leaf := range t.Leaves {
				if under(leaf, g) {
					count(&one, res.Raw.State[c][r])
				}
			}
			add(one)
		}
	}
}

func (a *Audit) leaveOneOut(x *Index, res *Result) error {
	for n := range x.tree.Nodes {
		if n == x.tree.Root {
			continue
		}
		sets := make([][]float64, len(res.Weights))
		for s := range sets {
			sets[s] = slices.Clone(res.Weights[s].Given)
			sets[s][n] = 0
		}
		without, err := x.reweigh(res, sets)
		if err != nil {
			return err
		}
		one := LeftOut{Code: x.tree.Nodes[n].Code, Correlation: Spearman(res.Scores, without.Scores)}
		sum, count := 0, 0
		for r, p := range res.Places {
			q := without.Places[r]
			if p != 0 && q == 0 {
				one.Lost++
			}
			if p == 0 || q == 0 {
				continue
			}
			d := max(p-q, q-p)
			sum += d
			count++
			if d > one.MaxShift {
				one.MaxShift, one.MaxUnit = d, res.Screened.Units[r].Code
			}
		}
		one.MeanShift = nan
		if count > 0 {
			one.MeanShift = float64(sum) / float64(count)
		}
		a.LeaveOneOut = append(a.LeaveOneOut, one)
	}
	return nil
}

// Comparison holds two runs against each other, by unit and period.
type Comparison struct {
	Rows []CompareRow
	// MeanShift and MaxShift are of the absolute change of place over the rows
	// with a place in both.
	MeanShift float64
	MaxShift  int
	// Spearman and Kendall are of the scores of the rows scored in both, turned
	// so that more is better. OnlyA and OnlyB count rows with a place in one.
	Spearman, Kendall float64
	OnlyA, OnlyB      int
}

// CompareRow is one unit in both runs; place 0 and score NaN for none.
type CompareRow struct {
	Unit           Unit
	PlaceA, PlaceB int
	ScoreA, ScoreB float64
}

// Compare holds two runs against each other: of two recipes on the same data,
// for example. Rows are in the order of a, then those that only b has.
func Compare(a, b *Result) *Comparison {
	type key struct {
		code string
		time float64
	}
	out := &Comparison{MeanShift: nan}
	at := map[key]int{}
	for r, u := range a.Screened.Units {
		at[key{u.Code, u.Time}] = len(out.Rows)
		out.Rows = append(out.Rows, CompareRow{Unit: u, PlaceA: a.Places[r], ScoreA: a.Scores[r], ScoreB: nan})
	}
	for r, u := range b.Screened.Units {
		i, ok := at[key{u.Code, u.Time}]
		if !ok {
			i = len(out.Rows)
			out.Rows = append(out.Rows, CompareRow{Unit: u, ScoreA: nan})
		}
		out.Rows[i].PlaceB, out.Rows[i].ScoreB = b.Places[r], b.Scores[r]
	}
	up := func(v float64, smaller bool) float64 {
		if smaller {
			return -v
		}
		return v
	}
	var sa, sb []float64
	sum, n := 0, 0
	for _, r := range out.Rows {
		sa, sb = append(sa, up(r.ScoreA, a.SmallerIsBetter)), append(sb, up(r.ScoreB, b.SmallerIsBetter))
		switch {
		case r.PlaceA != 0 && r.PlaceB != 0:
			d := max(r.PlaceA-r.PlaceB, r.PlaceB-r.PlaceA)
			sum += d
			n++
			out.MaxShift = max(out.MaxShift, d)
		case r.PlaceA != 0:
			out.OnlyA++
		case r.PlaceB != 0:
			out.OnlyB++
		}
	}
	if n > 0 {
		out.MeanShift = float64(sum) / float64(n)
	}
	out.Spearman, out.Kendall = Spearman(sa, sb), Kendall(sa, sb)
	return out
}
