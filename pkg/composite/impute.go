package composite

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// impute fills missing cells. A cell with nothing to take from stays missing;
// a cell that is not applicable is never filled. Every method reads the values
// as they came into the step, never another imputed one, so the order of the
// indicators does not matter.
//
// Mean, median and group value are over the known values of the same indicator
// and period. docs/methods.md has the formulas.
func (x *Index) impute(in *Frame, w *warnings) *Frame {
	im := x.recipe.Impute
	if im == nil {
		return in
	}
	out := in.Clone()
	em := map[*Impute][]int{}
	for c, leaf := range x.tree.Leaves {
		rule := im
		if one, ok := im.PerIndicator[x.tree.Nodes[leaf].Code]; ok {
			rule = one
		}
		if rule.Method == "em" {
			em[rule] = append(em[rule], c)
			continue
		}
		if !slices.Contains(in.State[c], Missing) {
			continue
		}
		switch rule.Method {
		case "mean", "median", "group_mean", "group_median":
			x.imputeFromUnits(rule, in, out, c)
		case "sibling_mean":
			x.imputeFromSiblings(in, out, c)
		case "last", "constant", "linear":
			imputeInTime(rule, in, out, c)
		}
	}
	for _, leaf := range x.tree.Leaves {
		rule := im
		if one, ok := im.PerIndicator[x.tree.Nodes[leaf].Code]; ok {
			rule = one
		}
		if cols := em[rule]; cols != nil {
			delete(em, rule)
			x.imputeEM(rule, in, out, cols, w)
		}
	}
	return out
}

// fill marks a missing cell as imputed if v is a value.
func (f *Frame) fill(c, r int, v float64) {
	if f.State[c][r] == Missing && !math.IsNaN(v) && !math.IsInf(v, 0) {
		f.Values[c][r] = v
		f.State[c][r] = Imputed
	}
}

func (x *Index) imputeFromUnits(rule *Impute, in, out *Frame, c int) {
	var class func(int) string
	if g := x.data.Group(rule.Group); g != nil {
		class = func(r int) string { return g.Values[r] }
	}
	stat := Mean
	if rule.Method == "median" || rule.Method == "group_median" {
		stat = Median
	}
	for _, rows := range partition(in.Units, class) {
		if class != nil && class(rows[0]) == "" {
			// Units of no group are not a group.
			continue
		}
		v := stat(pick(in.Values[c], rows))
		for _, r := range rows {
			out.fill(c, r, v)
		}
	}
}

func pick(x []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = x[r]
	}
	return out
}

// imputeFromSiblings takes the mean of the unit's known siblings as min-max 0..1
// scores, direction first, back into the units of the indicator.
func (x *Index) imputeFromSiblings(in, out *Frame, c int) {
	leaf := x.tree.Leaves[c]
	var siblings []int
	for _, s := range x.tree.Children[x.tree.Parent[leaf]] {
		if l := x.tree.LeafOf[s]; l >= 0 && l != c {
			siblings = append(siblings, l)
		}
	}
	for _, rows := range partition(in.Units, nil) {
		lo, hi := Range(pick(in.Values[c], rows))
		if lo != lo {
			continue
		}
		type span struct{ lo, hi float64 }
		spans := make([]span, len(siblings))
		for i, s := range siblings {
			spans[i].lo, spans[i].hi = Range(pick(in.Values[s], rows))
		}
		for _, r := range rows {
			if in.State[c][r] != Missing {
				continue
			}
			var scores []float64
			for i, s := range siblings {
				v := in.Values[s][r]
				if v != v || !(spans[i].lo < spans[i].hi) {
					continue
				}
				score := (v - spans[i].lo) / (spans[i].hi - spans[i].lo)
				if x.tree.Nodes[x.tree.Leaves[s]].Direction < 0 {
					score = (spans[i].hi - v) / (spans[i].hi - spans[i].lo)
				}
				scores = append(scores, score)
			}
			m := Mean(scores)
			if x.tree.Nodes[leaf].Direction < 0 {
				out.fill(c, r, hi-m*(hi-lo))
			} else {
				out.fill(c, r, lo+m*(hi-lo))
			}
		}
	}
}

// imputeInTime fills from the same unit in other periods.
func imputeInTime(rule *Impute, in, out *Frame, c int) {
	byUnit := map[string][]int{}
	for r, u := range in.Units {
		byUnit[u.Code] = append(byUnit[u.Code], r)
	}
	for _, rows := range byUnit {
		slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(in.Units[a].Time, in.Units[b].Time) })
		have := func(i int) bool { return in.State[c][rows[i]].HasValue() }
		for i, r := range rows {
			if in.State[c][r] != Missing {
				continue
			}
			before, after := i-1, i+1
			for before >= 0 && !have(before) {
				before--
			}
			for after < len(rows) && !have(after) {
				after++
			}
			hasBefore, hasAfter := before >= 0, after < len(rows)
			value := func(i int) float64 { return in.Values[c][rows[i]] }
			t := func(i int) float64 { return in.Units[rows[i]].Time }
			switch {
			case rule.Method == "last":
				if hasBefore && (rule.MaxAge == nil || t(i)-t(before) <= *rule.MaxAge) {
					out.fill(c, r, value(before))
				}
			case hasBefore && hasAfter && rule.Method == "linear":
				share := (t(i) - t(before)) / (t(after) - t(before))
				out.fill(c, r, value(before)+share*(value(after)-value(before)))
			case hasBefore:
				out.fill(c, r, value(before))
			case hasAfter:
				out.fill(c, r, value(after))
			}
		}
	}
}

// imputeEM fills from a multivariate normal model, period by period: the
// conditional mean of the missing given the known of the same unit, at the
// maximum-likelihood mean and covariance found by expectation-maximisation
// (Dempster, Laird and Rubin, 1977; Little and Rubin, Statistical Analysis with
// Missing Data, 2nd ed. 2002, section 11.2; OECD Handbook 2008, step 3).
// Columns are standardised first, so the result does not depend on units of
// measure; a column that is constant or has fewer than two known values is
// left out of the model. A unit with nothing known in the model gets the mean.
func (x *Index) imputeEM(rule *Impute, in, out *Frame, cols []int, w *warnings) {
	sets := [][]int{cols}
	if rule.Within != "all" {
		byParent := map[int][]int{}
		var parents []int
		for _, c := range cols {
			p := x.tree.Parent[x.tree.Leaves[c]]
			if byParent[p] == nil {
				parents = append(parents, p)
			}
			byParent[p] = append(byParent[p], c)
		}
		sets = nil
		for _, p := range parents {
			sets = append(sets, byParent[p])
		}
	}
	maxIter, tol := rule.MaxIter, rule.Tol
	if maxIter == 0 {
		maxIter = 1000
	}
	if tol == 0 {
		tol = 1e-10
	}
	for _, set := range sets {
		for _, rows := range partition(in.Units, nil) {
			var use []int
			for _, c := range set {
				v := known(pick(in.Values[c], rows))
				if len(v) >= 2 && !constant(v) {
					use = append(use, c)
				} else if len(v) > 0 {
					// Nothing varies, so the mean is all there is to say.
					for _, r := range rows {
						out.fill(c, r, Mean(v))
					}
				}
			}
			iter, ridged, ok := expectationMaximisation(in, out, use, rows, maxIter, tol)
			code := in.Codes[set[0]]
			if !ok {
				w.period("impute", code, in.Units[rows[0]].Time, fmt.Sprintf(
					"em over %d indicators from %s on did not settle in %d rounds; the values of the last round stand", len(use), code, iter))
			}
			if ridged {
				w.period("impute", code, in.Units[rows[0]].Time, fmt.Sprintf(
					"em over %d indicators from %s on: too few units for so many indicators, the covariance was stabilised by a ridge", len(use), code))
			}
		}
	}
}

// expectationMaximisation fits and fills. It reports the rounds taken, whether a
// ridge was needed, and whether the values settled.
func expectationMaximisation(in, out *Frame, cols, rows []int, maxIter int, tol float64) (iter int, ridged, settled bool) {
	missing := false
	for _, c := range cols {
		for _, r := range rows {
			missing = missing || in.State[c][r] == Missing
		}
	}
	if len(cols) == 0 || !missing {
		return 0, false, true
	}
	m := newNormalModel(in, cols, rows)
	for iter = 1; iter <= maxIter; iter++ {
		change := m.expect()
		m.maximise()
		if settled = change <= tol && iter > 1; settled {
			break
		}
	}
	for j, c := range cols {
		for i, r := range rows {
			out.fill(c, r, m.centre[j]+m.scale[j]*m.z[i][j])
		}
	}
	return min(iter, maxIter), m.ridged, settled
}

// normalModel is a multivariate normal distribution of standardised columns, and the
// rows it is fitted to.
type normalModel struct {
	centre, scale []float64
	// z are the rows, missing values filled with their expectation; gaps[i] are
	// the columns that row i does not have, have[i] the others.
	z          [][]float64
	gaps, have [][]int
	mu         []float64
	sigma      *mat.SymDense
	// extra is the sum of the conditional covariances of the gaps.
	extra  *mat.SymDense
	ridged bool
}

func newNormalModel(in *Frame, cols, rows []int) *normalModel {
	p, n := len(cols), len(rows)
	m := &normalModel{
		centre: make([]float64, p), scale: make([]float64, p), mu: make([]float64, p),
		z: make([][]float64, n), gaps: make([][]int, n), have: make([][]int, n),
		sigma: mat.NewSymDense(p, nil), extra: mat.NewSymDense(p, nil),
	}
	for i := range m.z {
		m.z[i] = make([]float64, p)
	}
	for j, c := range cols {
		v := pick(in.Values[c], rows)
		m.centre[j], m.scale[j] = Mean(v), Sd(v, 0)
		for i := range v {
			if v[i] == v[i] {
				m.z[i][j] = (v[i] - m.centre[j]) / m.scale[j]
				m.have[i] = append(m.have[i], j)
			} else {
				// What is not applicable is carried along and not written back.
				m.gaps[i] = append(m.gaps[i], j)
			}
		}
	}
	m.maximise()
	return m
}

// maximise sets mean and covariance to those of the filled rows.
func (m *normalModel) maximise() {
	n := float64(len(m.z))
	for j := range m.mu {
		m.mu[j] = 0
		for i := range m.z {
			m.mu[j] += m.z[i][j]
		}
		m.mu[j] /= n
	}
	for a := range m.mu {
		for b := a; b < len(m.mu); b++ {
			s := m.extra.At(a, b)
			for i := range m.z {
				s += (m.z[i][a] - m.mu[a]) * (m.z[i][b] - m.mu[b])
			}
			m.sigma.SetSym(a, b, s/n)
		}
	}
}

// expect fills the gaps with their conditional means and returns the largest
// change.
func (m *normalModel) expect() float64 {
	m.extra.Zero()
	change := 0.0
	for i := range m.z {
		if len(m.gaps[i]) == 0 {
			continue
		}
		b := m.regression(m.gaps[i], m.have[i])
		for a, j := range m.gaps[i] {
			v := m.mu[j]
			for k, q := range m.have[i] {
				v += b[a][k] * (m.z[i][q] - m.mu[q])
			}
			change = max(change, math.Abs(v-m.z[i][j]))
			m.z[i][j] = v
			for _, l := range m.gaps[i][a:] {
				s := m.sigma.At(j, l)
				for k, q := range m.have[i] {
					s -= b[a][k] * m.sigma.At(q, l)
				}
				m.extra.SetSym(j, l, m.extra.At(j, l)+s)
			}
		}
	}
	return change
}

// regression is Sigma_go Sigma_oo^-1, the coefficients of the gaps on what is known.
func (m *normalModel) regression(gaps, have []int) [][]float64 {
	b := make([][]float64, len(gaps))
	if len(have) == 0 {
		return b
	}
	soo := mat.NewSymDense(len(have), nil)
	for a := range have {
		for c := a; c < len(have); c++ {
			soo.SetSym(a, c, m.sigma.At(have[a], have[c]))
		}
	}
	var chol mat.Cholesky
	for ridge := 1e-10; (!chol.Factorize(soo) || chol.Cond() > 1e12) && ridge < 1e6; ridge *= 10 {
		m.ridged = true
		for a := range have {
			soo.SetSym(a, a, m.sigma.At(have[a], have[a])+ridge)
		}
	}
	rhs := mat.NewVecDense(len(have), nil)
	for a, j := range gaps {
		for k, q := range have {
			rhs.SetVec(k, m.sigma.At(j, q))
		}
		var sol mat.VecDense
		// The condition was bounded above; the error only repeats it.
		_ = chol.SolveVecTo(&sol, rhs)
		b[a] = make([]float64, len(have))
		for k := range have {
			b[a][k] = sol.AtVec(k)
		}
	}
	return b
}
