package composite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// SensitivityOptions says how [Index.Sensitivity] samples. The zero value takes
// 256 points and no bootstrap.
type SensitivityOptions struct {
	// Points is the number of rows of each block; the runs are Points times the
	// number of factors plus two.
	Points int
	// Estimate is handed to [SobolIndices]; its seed is that of the plan.
	Estimate SobolOptions
	// Unit takes the place of a unit as the outcome, in the latest period; ""
	// stands for the mean over the rows of |place - nominal place| (COINr).
	Unit     string
	Workers  int
	Progress func(done int)
}

// Sensitivity is the outcome of [Index.Sensitivity].
type Sensitivity struct {
	*Sobol
	// Names are the factors: the choices of the plan by name, weights, data.
	Names []string
	// Outcome says what the variance is of.
	Outcome string
	// Runs is the number of runs, FailedRuns that of those without an outcome.
	Runs, FailedRuns int
}

// Sensitivity finds how much each uncertain part of the plan (each choice, the
// weights together, the figures together) bears on the outcome: Sobol indices of
// first and total order (see [SobolIndices]) on two random blocks and their
// crossings. A row of the sample depends on the seed and its number alone. A draw of
// weights or figures is one factor, a point on 0..1 that stands for a stream of
// random numbers.
func (x *Index) Sensitivity(ctx context.Context, plan *Plan, opt SensitivityOptions) (*Sensitivity, error) {
	s, err := newSampler(x, plan)
	if err != nil {
		return nil, err
	}
	out := &Sensitivity{Outcome: "mean absolute shift of place"}
	for _, c := range plan.Choices {
		out.Names = append(out.Names, c.name())
	}
	k := len(plan.Choices)
	weights, data := -1, -1
	if plan.Weights != nil {
		weights = len(out.Names)
		out.Names = append(out.Names, "weights")
	}
	if plan.Data != nil {
		data = len(out.Names)
		out.Names = append(out.Names, "data")
	}
	d := len(out.Names)
	if d < 2 {
		return nil, errors.New("composite: sensitivity: the plan has fewer than two uncertain parts; there is nothing to share out")
	}
	unit := -1
	if opt.Unit != "" {
		for r, u := range x.data.Units {
			if u.Code == opt.Unit && (unit < 0 || u.Time > x.data.Units[unit].Time) {
				unit = r
			}
		}
		if unit < 0 {
			return nil, fmt.Errorf("composite: sensitivity: no unit %q in the data%s", opt.Unit, hint(opt.Unit, x.unitCodes()))
		}
		out.Outcome = "place of " + opt.Unit
	}
	n := opt.Points
	if n <= 0 {
		n = 256
	}
	// Blocks A, B, AB1 ... ABd of n points each.
	list := make([]params, n*(d+2))
	for i := range n {
		rng := stream(plan.Seed, streamSobol, uint64(i))
		a, b := make([]float64, d), make([]float64, d)
		for j := range d {
			a[j], b[j] = rng.Float64(), rng.Float64()
		}
		for block := range d + 2 {
			u := slices.Clone(a)
			switch {
			case block == 1:
				u = b
			case block > 1:
				u[block-2] = b[block-2]
			}
			var seedW, seedD uint64
			if weights >= 0 {
				seedW = mix64(plan.Seed ^ math.Float64bits(u[weights]))
			}
			if data >= 0 {
				seedD = mix64(plan.Seed ^ ^math.Float64bits(u[data]))
			}
			list[block*n+i] = s.at(u[:k], seedW, seedD)
		}
	}
	y := make([]float64, len(list))
	rows := len(x.data.Units)
	byCombo := make([][]int, len(s.combos))
	for i, p := range list {
		byCombo[p.combo] = append(byCombo[p.combo], i)
	}
	var chunks [][]int
	for _, c := range byCombo {
		chunks = slices.AppendSeq(chunks, slices.Chunk(c, blockDraws))
	}
	type memory struct {
		*evalSpace
		places [blockDraws][]uint16
	}
	err = inParallel(ctx, opt.Workers, len(chunks), func() *memory {
		m := &memory{evalSpace: s.space()}
		for k := range m.places {
			m.places[k] = make([]uint16, rows)
		}
		return m
	}, func(m *memory, c int) {
		ps := make([]*params, len(chunks[c]))
		for k, i := range chunks[c] {
			ps[k] = &list[i]
		}
		errs := s.eval(m.evalSpace, ps, m.places[:len(ps)])
		for k, i := range chunks[c] {
			y[i] = nan
			if errs[k] == nil {
				y[i] = outcome(m.places[k], s.nominal, unit)
			}
		}
		if opt.Progress != nil && c%64 == 0 {
			opt.Progress(c * blockDraws)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, v := range y {
		if v != v {
			out.FailedRuns++
		}
	}
	out.Runs = len(y)
	ab := make([][]float64, d)
	for j := range ab {
		ab[j] = y[(j+2)*n : (j+3)*n]
	}
	est := opt.Estimate
	est.Seed = plan.Seed
	if out.Sobol, err = SobolIndices(y[:n], y[n:2*n], ab, est); err != nil {
		return nil, err
	}
	return out, nil
}

// outcome of a run: the place of a row, or the mean absolute shift.
func outcome(places []uint16, nominal []int, unit int) float64 {
	if unit >= 0 {
		if places[unit] == 0 {
			return nan
		}
		return float64(places[unit])
	}
	sum, n := 0, 0
	for r, p := range places {
		if q := nominal[r]; p != 0 && q != 0 {
			sum += max(int(p)-q, q-int(p))
			n++
		}
	}
	if n == 0 {
		return nan
	}
	return float64(sum) / float64(n)
}

// Admissible is a set of weights: bounds on the shares among siblings, and orders
// of effective weight.
type Admissible struct {
	// Spread allows every share w among siblings from w (1 - Spread) to w (1 +
	// Spread), cut at 1; 1 allows from 0 to twice the share.
	Spread float64
	// Free lists groups whose children may have any shares.
	Free []string
	// Lower and Upper replace the bounds of single nodes, as shares among siblings.
	Lower, Upper map[string]float64
	// AtLeast demands that the effective weight of the first be at least that of
	// the second.
	AtLeast [][2]string
}

// Attainable is what places a unit can have over a set of admissible weights.
type Attainable struct {
	Units []Unit
	// Nominal are the places of the run.
	Nominal []int
	// Best and Worst bound the places: no admissible weights give a better or
	// worse one. Best is 1 plus the number of units that are better under all
	// admissible weights, Worst likewise from below (Dominates).
	Best, Worst []int
	// FoundBest and FoundWorst were attained by weights that were tried. Where
	// they equal Best and Worst the interval is exact.
	FoundBest, FoundWorst []int
	// Dominates[i][j] says that row i scores above row j under all admissible
	// weights; rows are those of Units.
	Dominates [][]bool
}

// Attainable finds, for trees of arithmetic means with complete scores, which
// places each unit of the latest period can have over a set of admissible weights,
// and which units dominate which.
//
// Row i dominates row j if the least score difference over the set is above 0.
// Bounds on shares alone leave the groups independent, so the least difference is
// found exactly from the bottom up: in each group the children with the least
// difference get as much as their bounds allow (a fractional knapsack). With
// AtLeast it is a linear program in the effective weights, solved by the simplex
// method of gonum. Dominance gives bounds on the places (necessary preference,
// Greco, Mousseau and Slowinski, European Journal of Operational Research 191,
// 2008); whether they are attained is shown by trying the weights that are best and
// worst for each unit against each other unit, and tries random ones.
//
// The time goes with the square of the units; groups that are not arithmetic or rows
// with missing scores are an error.
func (x *Index) Attainable(ctx context.Context, res *Result, set Admissible, tries int, seed uint64) (*Attainable, error) {
	t := x.tree
	if !x.additive(t.Root) || len(res.Weights) != 1 || res.RowWeights != nil || res.Adjustments != nil {
		return nil, errors.New("composite: attainable: only trees of arithmetic means with one set of weights and no adjustment have exact bounds; " +
			"use MonteCarlo")
	}
	for _, g := range t.Groups {
		if x.agg[g].Method != "arithmetic" {
			return nil, fmt.Errorf("composite: attainable: %s is a %s, not an arithmetic mean; use MonteCarlo", t.Nodes[g].Code, x.agg[g].Method)
		}
	}
	lower, upper, err := set.bounds(t, res.Weights[0].Share)
	if err != nil {
		return nil, err
	}
	last := math.Inf(-1)
	for _, u := range res.Screened.Units {
		last = max(last, u.Time)
	}
	out := &Attainable{}
	var rows []int
	for r, u := range res.Screened.Units {
		if u.Time == last && res.Places[r] != 0 {
			rows = append(rows, r)
			out.Units = append(out.Units, u)
			out.Nominal = append(out.Nominal, res.Places[r])
		}
	}
	n := len(rows)
	values := make([][]float64, n) // by row, then leaf
	for i, r := range rows {
		values[i] = make([]float64, len(t.Leaves))
		for l, leaf := range t.Leaves {
			v := res.node(leaf)[r]
			if v != v && res.Weights[0].Effective[leaf] == 0 {
				v = 0
			}
			if v != v {
				return nil, fmt.Errorf("composite: attainable: %s has no score in %s; impute it, or see PlaceRange for what it could be",
					out.Units[i].Code, t.Nodes[leaf].Code)
			}
			values[i][l] = v
		}
	}
	solver := newLeast(t, lower, upper, set.AtLeast)
	dominates := make([][]bool, n)
	for i := range dominates {
		dominates[i] = make([]bool, n)
	}
	// The weights that were worst for i against j are tried as candidates.
	tried := make([][][]float64, n)
	errs := make([]error, n)
	err = inParallel(ctx, 0, n, solver.space, func(sp *leastSpace, i int) {
		for j := range n {
			if i == j {
				continue
			}
			least, w, e := sp.least(values[i], values[j])
			if e != nil {
				errs[i] = e
				return
			}
			dominates[i][j] = least > 1e-12
			if len(tried[i]) < 200 || j%(1+n/200) == 0 {
				tried[i] = append(tried[i], slices.Clone(w))
			}
		}
	})
	if err = errors.Join(err, errors.Join(errs...)); err != nil {
		return nil, err
	}
	out.Dominates = dominates
	out.Best, out.Worst = make([]int, n), make([]int, n)
	out.FoundBest, out.FoundWorst = slices.Clone(out.Nominal), slices.Clone(out.Nominal)
	if set.excludes(t, res.Weights[0].Effective, lower, upper) {
		for i := range n {
			out.FoundBest[i], out.FoundWorst[i] = n+1, 0
		}
	}
	for i := range n {
		out.Best[i], out.Worst[i] = 1, n
		for j := range n {
			if dominates[j][i] {
				out.Best[i]++
			}
			if dominates[i][j] {
				out.Worst[i]--
			}
		}
	}
	var candidates [][]float64
	for _, list := range tried {
		candidates = append(candidates, list...)
	}
	for k := range tries {
		rng := stream(seed, streamSearch, uint64(k))
		d := make([]float64, len(t.Leaves))
		for l := range d {
			d[l] = rng.NormFloat64()
		}
		sp := solver.space()
		zero := make([]float64, len(d))
		if _, w, e := sp.least(d, zero); e == nil {
			candidates = append(candidates, slices.Clone(w))
		}
	}
	// Too many to try all: every so-many-th, the same whatever the processors.
	if limit := 20_000_000 / max(1, n*len(t.Leaves)); len(candidates) > max(500, limit) {
		keep := max(500, limit)
		thin := make([][]float64, 0, keep)
		for k := range keep {
			thin = append(thin, candidates[k*len(candidates)/keep])
		}
		candidates = thin
	}
	score := make([]float64, n)
	place := make([]uint16, n)
	rank, last2 := newRanker(n, Competition), newRanker(n, Modified)
	for _, w := range candidates {
		for i := range n {
			score[i] = 0
			for l, v := range values[i] {
				score[i] += w[l] * v
			}
		}
		rank.places(place, score)
		for i, p := range place {
			out.FoundBest[i] = min(out.FoundBest[i], max(int(p), out.Best[i]))
		}
		last2.places(place, score)
		for i, p := range place {
			out.FoundWorst[i] = max(out.FoundWorst[i], min(int(p), out.Worst[i]))
		}
	}
	return out, nil
}

// bounds are the shares allowed among siblings.
func (set *Admissible) bounds(t *Tree, share []float64) (lower, upper []float64, err error) {
	if !(set.Spread >= 0) {
		return nil, nil, fmt.Errorf("composite: attainable: spread %v; it is from 0 up", set.Spread)
	}
	lower, upper = make([]float64, len(t.Nodes)), make([]float64, len(t.Nodes))
	free := map[int]bool{}
	for _, code := range set.Free {
		g := t.Find(code)
		if g < 0 || t.LeafOf[g] >= 0 {
			return nil, nil, fmt.Errorf("composite: attainable: free: no group %q%s", code, hint(code, t.GroupCodes()))
		}
		free[g] = true
	}
	for i := range t.Nodes {
		lower[i], upper[i] = max(0, share[i]*(1-set.Spread)), min(1, share[i]*(1+set.Spread))
		if free[t.Parent[i]] && t.Parent[i] >= 0 {
			lower[i], upper[i] = 0, 1
		}
	}
	for _, b := range []struct {
		given map[string]float64
		into  []float64
	}{{set.Lower, lower}, {set.Upper, upper}} {
		for code, v := range b.given {
			n := t.Find(code)
			if n < 0 {
				return nil, nil, fmt.Errorf("composite: attainable: no node %q%s", code, hint(code, nodeCodes(t)))
			}
			b.into[n] = v
		}
	}
	for _, g := range t.Groups {
		lo, hi := 0.0, 0.0
		for _, c := range t.Children[g] {
			if !(0 <= lower[c] && lower[c] <= upper[c] && upper[c] <= 1) {
				return nil, nil, fmt.Errorf("composite: attainable: %s: bounds %v and %v; they are shares, the lower not above the upper",
					t.Nodes[c].Code, lower[c], upper[c])
			}
			lo += lower[c]
			hi += upper[c]
		}
		if lo > 1+1e-9 || hi < 1-1e-9 {
			return nil, nil, fmt.Errorf("composite: attainable: no shares of the children of %s fit the bounds: they sum to %v to %v, not 1",
				t.Nodes[g].Code, lo, hi)
		}
	}
	for _, p := range set.AtLeast {
		for _, code := range p {
			if t.Find(code) < 0 {
				return nil, nil, fmt.Errorf("composite: attainable: at least: no node %q%s", code, hint(code, nodeCodes(t)))
			}
		}
	}
	return lower, upper, nil
}

// excludes reports that the nominal weights are not in the set.
func (set *Admissible) excludes(t *Tree, effective, lower, upper []float64) bool {
	for i, p := range t.Parent {
		if p >= 0 && effective[p] > 0 {
			if s := effective[i] / effective[p]; s < lower[i]-1e-12 || s > upper[i]+1e-12 {
				return true
			}
		}
	}
	for _, p := range set.AtLeast {
		if effective[t.Find(p[0])] < effective[t.Find(p[1])]-1e-12 {
			return true
		}
	}
	return false
}

// leastSolver finds the weights under which one unit does worst against another.
type leastSolver struct {
	t            *Tree
	lower, upper []float64
	atLeast      [][2]string
}

type leastSpace struct {
	*leastSolver
	d, share, eff []float64 // by node
	out           []float64 // by leaf
	order         []int
}

func newLeast(t *Tree, lower, upper []float64, atLeast [][2]string) *leastSolver {
	return &leastSolver{t, lower, upper, atLeast}
}

func (s *leastSolver) space() *leastSpace {
	n := len(s.t.Nodes)
	return &leastSpace{leastSolver: s, d: make([]float64, n), share: make([]float64, n), eff: make([]float64, n), out: make([]float64, len(s.t.Leaves))}
}

// least is the least of sum w (a - b) over the set, and the effective weights of
// the leaves that give it.
func (s *leastSpace) least(a, b []float64) (float64, []float64, error) {
	t := s.t
	for l, leaf := range t.Leaves {
		s.d[leaf] = a[l] - b[l]
	}
	if len(s.atLeast) > 0 {
		return s.program()
	}
	for _, g := range t.Order {
		s.order = append(s.order[:0], t.Children[g]...)
		slices.SortStableFunc(s.order, func(i, j int) int {
			switch {
			case s.d[i] < s.d[j]:
				return -1
			case s.d[i] > s.d[j]:
				return 1
			}
			return 0
		})
		left := 1.0
		for _, c := range s.order {
			s.share[c] = s.lower[c]
			left -= s.lower[c]
		}
		sum := 0.0
		for _, c := range s.order {
			add := max(0, min(left, s.upper[c]-s.lower[c]))
			s.share[c] += add
			left -= add
			sum += s.share[c] * s.d[c]
		}
		s.d[g] = sum
	}
	s.eff[t.Root] = 1
	for _, g := range slices.Backward(t.Order) {
		for _, c := range t.Children[g] {
			s.eff[c] = s.eff[g] * s.share[c]
		}
	}
	for l, leaf := range t.Leaves {
		s.out[l] = s.eff[leaf]
	}
	return s.d[t.Root], s.out, nil
}

// program is least with orders of effective weights: a linear program in the
// effective weights of the leaves.
//
//	minimise d w subject to sum w = 1, lower_c W_g <= W_c <= upper_c W_g for each child c
//	of each group g, W_a >= W_b for each order; W of a node is the sum over its leaves
func (s *leastSpace) program() (float64, []float64, error) {
	t := s.t
	k := len(t.Leaves)
	under := make([][]float64, len(t.Nodes))
	for l, leaf := range t.Leaves {
		for n := leaf; n >= 0; n = t.Parent[n] {
			if under[n] == nil {
				under[n] = make([]float64, k)
			}
			under[n][l] = 1
		}
	}
	// Each row says that row . w >= 0.
	var rows [][]float64
	ge := func(a []float64, fa float64, b []float64, fb float64) {
		row := make([]float64, k)
		for l := range row {
			row[l] = fa*a[l] - fb*b[l]
		}
		rows = append(rows, row)
	}
	for _, g := range t.Groups {
		for _, c := range t.Children[g] {
			if s.lower[c] > 0 {
				ge(under[c], 1, under[g], s.lower[c])
			}
			if s.upper[c] < 1 {
				ge(under[g], s.upper[c], under[c], 1)
			}
		}
	}
	for _, p := range s.atLeast {
		ge(under[t.Find(p[0])], 1, under[t.Find(p[1])], 1)
	}
	// Standard form with a slack a row.
	m := len(rows) + 1
	a := mat.NewDense(m, k+len(rows), nil)
	c := make([]float64, k+len(rows))
	rhs := make([]float64, m)
	for l, leaf := range t.Leaves {
		a.Set(0, l, 1)
		c[l] = s.d[leaf]
	}
	rhs[0] = 1
	for i, row := range rows {
		for l, v := range row {
			a.Set(i+1, l, v)
		}
		a.Set(i+1, k+i, -1)
	}
	opt, w, err := lp.Simplex(c, a, rhs, 1e-10, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("composite: attainable: the linear program over the weights: %w", err)
	}
	copy(s.out, w[:k])
	return opt, s.out, nil
}

// PlaceRange is what the missing figures of a period could make of the places.
type PlaceRange struct {
	Units []Unit
	// Nominal are the places of the run, Best and Worst the ends of what is
	// possible, Gaps the number of cells of the unit that are open.
	Nominal, Best, Worst []int
	Gaps                 []int
	// Low and High are the scores with every open cell at its worst and best.
	Low, High []float64
}

// PlaceRange finds the places that each unit of the latest period could have if its
// missing figures, and all others', were known. A cell is open if it was missing as
// given, imputed or not; cells that are not applicable are not. An open cell could be
// anything between the least and the greatest normalised score of its indicator in the
// period; scales stay as they are, and a group that is dropped for too few known children
// counts with the open cells filled.
//
// Every mean of the recipe must be monotone in each child on its own: arithmetic, sum,
// geometric, harmonic, power, minimum or owa. Then the ends are exact: the best place has
// the unit's cells at their best and every rival's at their worst.
func (x *Index) PlaceRange(res *Result) (*PlaceRange, error) {
	t := x.tree
	for _, g := range t.Groups {
		if m := x.agg[g].Method; flat(m) || m == "mpi" || m == "ampi" {
			return nil, fmt.Errorf("composite: place range: %s is aggregated by %s, which is not monotone in each child on its own; "+
				"draw the missing figures with MonteCarlo (data.missing: donor)", t.Nodes[g].Code, m)
		}
	}
	if res.RowWeights != nil {
		return nil, errors.New("composite: place range: weights by benefit of the doubt depend on the figures; use MonteCarlo")
	}
	ends := [2]*Result{}
	open := make([]int, len(res.Screened.Units))
	for k := range ends {
		filled := *res
		filled.Normalised = res.Normalised.Clone()
		for c, leaf := range t.Leaves {
			for _, rows := range partition(res.Screened.Units, nil) {
				lo, hi := Range(pick(res.Normalised.Values[c], rows))
				v := hi
				if (k == 0) != x.costs(leaf) {
					v = lo
				}
				for _, r := range rows {
					if s := res.Raw.State[c][res.RowOf[r]]; s != Missing {
						continue
					}
					if k == 0 {
						open[r]++
					}
					filled.Normalised.set(c, r, v)
				}
			}
		}
		var err error
		if ends[k], err = x.reaggregate(&filled); err != nil {
			return nil, err
		}
	}
	last := math.Inf(-1)
	for _, u := range res.Screened.Units {
		last = max(last, u.Time)
	}
	out := &PlaceRange{}
	for r, u := range res.Screened.Units {
		if u.Time != last || ends[1].Unplaced[r].Cause != Present {
			continue
		}
		out.Units = append(out.Units, u)
		out.Nominal, out.Gaps = append(out.Nominal, res.Places[r]), append(out.Gaps, open[r])
		out.Low, out.High = append(out.Low, ends[0].Scores[r]), append(out.High, ends[1].Scores[r])
	}
	for i := range out.Units {
		best, worst := 1, 1
		for j := range out.Units {
			if i == j {
				continue
			}
			if out.Low[j] > out.High[i] {
				best++
			}
			if out.High[j] > out.Low[i] {
				worst++
			}
		}
		out.Best, out.Worst = append(out.Best, best), append(out.Worst, worst)
	}
	return out, nil
}

// TieBand is a set of units whose order the draws do not settle.
type TieBand struct {
	// Rows of the Monte-Carlo run, in the order of the nominal places.
	Rows []int
	// Weakest is the least probability, over the rows, that the first of the band
	// stands before the row.
	Weakest float64
}

// Bands groups the units of one period by what the draws can tell apart. The
// relation "i stands before j in at least a share of the common draws" is not
// transitive, so the grouping rule matters: rows are gone through in the order of their
// nominal places; a row joins the band if the band's first row stands before it in less
// than sure of the draws, and opens a new band otherwise. Every row of a band is thus tied
// with its first, not necessarily with each other. sure is between 0.5 and 1, such as 0.95.
//
// The run must have been made with Pairs. To keep uncertainty of data apart from that of
// method, make two runs, one with a plan of data draws alone and one with weights and
// choices alone, and band each.
func (m *MonteCarlo) Bands(time, sure float64) ([]TieBand, error) {
	if m.before == nil {
		return nil, errors.New("composite: bands need a run with pairs")
	}
	if !(sure >= 0.5 && sure <= 1) {
		return nil, fmt.Errorf("composite: bands: sure %v; it is between 0.5 and 1", sure)
	}
	var rows []int
	for r, u := range m.Units {
		if u.Time == time && m.Nominal[r] != 0 {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return m.Nominal[a] - m.Nominal[b] })
	var out []TieBand
	for _, r := range rows {
		if len(out) > 0 {
			band := &out[len(out)-1]
			// A pair without common draws is not told apart.
			p := m.Before(band.Rows[0], r)
			if p != p || p < sure {
				band.Rows = append(band.Rows, r)
				if p == p {
					band.Weakest = min(band.Weakest, p)
				}
				continue
			}
		}
		out = append(out, TieBand{Rows: []int{r}, Weakest: 1})
	}
	return out, nil
}
