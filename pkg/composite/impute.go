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
				w.period("impute", code, in.Units[rows[0]].Time, fmt.Sprintf("em over %d indicators from %s on did not settle in %d rounds; the values of the last round stand", len(use), code, iter))
			}
			if ridged {
				w.period("impute", code, in.Units[rows[0]].Time, fmt.Sprintf("em over %d indicators from %s on: too few units for so many indicators, the covariance was stabilised by a ridge", len(use), code))
			}
		}
	}
}

// expectationMaximisation works on standardised columns. It reports the rounds
// taken, whether a ridge was needed, and whether the values settled.
func expectationMaximisation(in, out *Frame, cols, rows []int, maxIter int, tol float64) (iter int, ridged, settled bool) {
	p, n := len(cols), len(rows)
	missing := false
	for _, c := range cols {
		for _, r := range rows {
			missing = missing || in.State[c][r] == Missing
		}
	}
	if p == 0 || !missing {
		return 0, false, true
	}
	centre, scale := make([]float64, p), make([]float64, p)
	z := make([][]float64, n) // rows of standardised values, missing filled
	for i := range z {
		z[i] = make([]float64, p)
	}
	for j, c := range cols {
		v := pick(in.Values[c], rows)
		centre[j], scale[j] = Mean(v), Sd(v, 0)
		for i := range v {
			if v[i] == v[i] {
				z[i][j] = (v[i] - centre[j]) / scale[j]
			}
		}
	}
	mu := make([]float64, p)
	sigma := mat.NewSymDense(p, nil)
	// Start from the known values, missing ones at the mean.
	extra := mat.NewSymDense(p, nil)
	update := func() {
		for j := range mu {
			mu[j] = 0
			for i := range z {
				mu[j] += z[i][j]
			}
			mu[j] /= float64(n)
		}
		for a := range p {
			for b := a; b < p; b++ {
				s := extra.At(a, b)
				for i := range z {
					s += (z[i][a] - mu[a]) * (z[i][b] - mu[b])
				}
				sigma.SetSym(a, b, s/float64(n))
			}
		}
	}
	update()
	for iter = 1; iter <= maxIter; iter++ {
		for a := range p {
			for b := a; b < p; b++ {
				extra.SetSym(a, b, 0)
			}
		}
		change := 0.0
		for i := range z {
			var o, m []int
			for j, c := range cols {
				if in.Values[c][rows[i]] == in.Values[c][rows[i]] {
					o = append(o, j)
				} else {
					// Not applicable cells are carried along and not written back.
					m = append(m, j)
				}
			}
			if len(m) == 0 {
				continue
			}
			// B = Sigma_mo Sigma_oo^-1, residual covariance Sigma_mm - B Sigma_om.
			var chol mat.Cholesky
			if len(o) > 0 {
				soo := mat.NewSymDense(len(o), nil)
				for a := range o {
					for b := a; b < len(o); b++ {
						soo.SetSym(a, b, sigma.At(o[a], o[b]))
					}
				}
				for ridge := 1e-10; (!chol.Factorize(soo) || chol.Cond() > 1e12) && ridge < 1e6; ridge *= 10 {
					ridged = true
					for a := range o {
						soo.SetSym(a, a, sigma.At(o[a], o[a])+ridge)
					}
				}
			}
			b := mat.NewDense(len(m), max(1, len(o)), nil)
			for a, j := range m {
				if len(o) == 0 {
					break
				}
				rhs := mat.NewVecDense(len(o), nil)
				for k, q := range o {
					rhs.SetVec(k, sigma.At(j, q))
				}
				var sol mat.VecDense
				// The condition was bounded above; the error only repeats it.
				_ = chol.SolveVecTo(&sol, rhs)
				for k := range o {
					b.Set(a, k, sol.AtVec(k))
				}
			}
			for a, j := range m {
				v := mu[j]
				for k, q := range o {
					v += b.At(a, k) * (z[i][q] - mu[q])
				}
				change = max(change, math.Abs(v-z[i][j]))
				z[i][j] = v
				for a2 := a; a2 < len(m); a2++ {
					s := sigma.At(j, m[a2])
					for k, q := range o {
						s -= b.At(a, k) * sigma.At(q, m[a2])
					}
					extra.SetSym(min(j, m[a2]), max(j, m[a2]), extra.At(min(j, m[a2]), max(j, m[a2]))+s)
				}
			}
		}
		update()
		if change <= tol && iter > 1 {
			settled = true
			break
		}
	}
	for j, c := range cols {
		for i, r := range rows {
			out.fill(c, r, centre[j]+scale[j]*z[i][j])
		}
	}
	return min(iter, maxIter), ridged, settled
}
