package composite

import (
	"fmt"
	"math"
)

// Matrix is a decision problem for the flat methods: units by criteria,
// column-major, each criterion with a weight from 0 up and a direction.
//
// A NaN is a missing value: the criterion is dropped for that unit (for that
// pair of units where a method compares pairs) and the weights are rescaled
// among the rest; the ends and sums of a column are those of its known values.
// A unit with nothing known gets NaN.
type Matrix struct {
	Columns [][]float64
	Weights []float64
	// Cost[j] says that less is better in column j; nil for none.
	Cost []bool
	// Computed[j] says that column j holds scores that were added up, so that values
	// which differ by no more than 1e-12 of the greatest compare as equal. Figures
	// compare as they are. Nil for none.
	Computed []bool
}

func (m *Matrix) units() int {
	if len(m.Columns) == 0 {
		return 0
	}
	return len(m.Columns[0])
}

func (m *Matrix) cost(j int) bool { return m.Cost != nil && m.Cost[j] }

// grain is the difference in column j that still counts as none. For figures it
// is 0; for computed scores 1e-12 of the greatest, so that scores which are equal
// but for the order of a sum do not decide a comparison.
func (m *Matrix) grain() []float64 {
	g := make([]float64, len(m.Columns))
	for j, x := range m.Columns {
		if m.Computed == nil || !m.Computed[j] {
			continue
		}
		lo, hi := Range(x)
		if lo == lo {
			g[j] = 1e-12 * max(math.Abs(lo), math.Abs(hi))
		}
	}
	return g
}

// weight is the sum of the weights of the criteria known for unit i.
func (m *Matrix) weight(i int) float64 {
	s := 0.0
	for j, x := range m.Columns {
		if x[i] == x[i] {
			s += m.Weights[j]
		}
	}
	return s
}

// TOPSIS is the closeness d- / (d+ + d-) to the ideal, with Euclidean distances
// of weighted normalised values from the best and the worst value of each
// criterion (Hwang and Yoon, 1981). Normalisation "vector" divides by the root
// of the sum of squares, and the ideal of a cost is its minimum; "minmax" brings
// to 0..1, costs reversed; "none" takes the values as they are. Higher is
// better. Where both distances are 0 (one unit, or all alike) there is no
// closeness: NaN.
func TOPSIS(m *Matrix, normalisation string) []float64 {
	n := m.units()
	best, worst := make([]float64, n), make([]float64, n)
	for j, x := range m.Columns {
		div, shift := 1.0, 0.0
		lo, hi := Range(x)
		switch normalisation {
		case "", "vector":
			// Divided by the largest first, so that squares stay in range.
			top := max(math.Abs(lo), math.Abs(hi))
			s := 0.0
			for _, v := range x {
				if v == v && top > 0 {
					s += v / top * (v / top)
				}
			}
			div = top * math.Sqrt(s)
		case "minmax":
			div, shift = hi-lo, lo
		}
		if div == 0 || div != div {
			continue // no difference to speak of
		}
		up, down := hi, lo
		if m.cost(j) {
			up, down = lo, hi
		}
		for i, v := range x {
			if v != v {
				continue
			}
			r := (v - shift) / div
			db := m.Weights[j] * (r - (up-shift)/div)
			dw := m.Weights[j] * (r - (down-shift)/div)
			best[i] += db * db
			worst[i] += dw * dw
		}
	}
	out := make([]float64, n)
	for i := range out {
		b, w := math.Sqrt(best[i]), math.Sqrt(worst[i])
		out[i] = w / (b + w)
		if m.weight(i) == 0 {
			out[i] = nan
		}
	}
	return out
}

// VIKOR is Q = v (S - S*) / (S- - S*) + (1 - v) (R - R*) / (R- - R*), with S the
// weighted sum and R the greatest of the terms w (best - x) / (best - worst)
// (Opricovic and Tzeng, European Journal of Operational Research 156, 2004).
// The smallest Q is the best. A term whose range is zero counts 0. Weights are
// made to sum to 1.
func VIKOR(m *Matrix, v float64) (q, s, r []float64) {
	n := m.units()
	q, s, r = make([]float64, n), make([]float64, n), make([]float64, n)
	for j, x := range m.Columns {
		best, worst := Range(x)
		if !m.cost(j) {
			best, worst = worst, best
		}
		if best == worst || best != best {
			continue
		}
		for i, y := range x {
			if y != y {
				continue
			}
			t := m.Weights[j] * (best - y) / (best - worst)
			s[i] += t
			r[i] = max(r[i], t)
		}
	}
	for i := range s {
		w := m.weight(i)
		if w == 0 {
			s[i], r[i] = nan, nan
			continue
		}
		s[i] /= w
		r[i] /= w
	}
	sLo, sHi := Range(s)
	rLo, rHi := Range(r)
	for i := range q {
		if s[i] != s[i] {
			q[i] = nan
			continue
		}
		if sHi > sLo {
			q[i] += v * (s[i] - sLo) / (sHi - sLo)
		}
		if rHi > rLo {
			q[i] += (1 - v) * (r[i] - rLo) / (rHi - rLo)
		}
	}
	return q, s, r
}

// PROMETHEE2 is the net flow sum_b (pi(a,b) - pi(b,a)) / (n - 1), with pi the
// weighted sum of preferences (Brans, Vincke and Mareschal, European Journal of
// Operational Research 24, 1986). With d how far a is better than b in a
// criterion, in its units:
//
//	usual     1 if d > 0
//	ushape    1 if d > q
//	vshape    d / p, 0 below 0, 1 above p
//	level     0 up to q, 1/2 up to p, 1 above
//	vshape_2  0 up to q, (d - q) / (p - q) up to p, 1 above
//	gaussian  1 - exp(-d^2 / (2 p^2)), 0 below 0
//
// p and q hold one threshold a criterion; those that the function does not use
// may be nil. Computed scores that differ by no more than 1e-12 of the column's
// greatest are equal. Higher is better; a single unit has 0.
func PROMETHEE2(m *Matrix, preference string, p, q []float64) []float64 {
	n := m.units()
	out := make([]float64, n)
	rivals := 0
	grain := m.grain()
	for i := range n {
		if m.weight(i) == 0 {
			out[i] = nan
		} else {
			rivals++
		}
	}
	for a := range n {
		for b := range a {
			if out[a] != out[a] || out[b] != out[b] {
				continue
			}
			net, w := 0.0, 0.0
			for j, x := range m.Columns {
				if x[a] != x[a] || x[b] != x[b] {
					continue
				}
				d := x[a] - x[b]
				if math.Abs(d) <= grain[j] {
					d = 0
				}
				if m.cost(j) {
					d = -d
				}
				pj, qj := 0.0, 0.0
				if p != nil {
					pj = p[j]
				}
				if q != nil {
					qj = q[j]
				}
				w += m.Weights[j]
				if d > 0 {
					net += m.Weights[j] * prefer(preference, d, pj, qj)
				} else {
					net -= m.Weights[j] * prefer(preference, -d, pj, qj)
				}
			}
			if w > 0 {
				out[a] += net / w
				out[b] -= net / w
			}
		}
	}
	for i := range out {
		if rivals > 1 {
			out[i] /= float64(rivals - 1)
		}
	}
	return out
}

// prefer is the preference for an advantage d >= 0.
func prefer(function string, d, p, q float64) float64 {
	switch function {
	case "ushape":
		if d > q {
			return 1
		}
		return 0
	case "vshape":
		if d > p {
			return 1
		}
		if d <= 0 {
			return 0
		}
		return d / p
	case "level":
		switch {
		case d > p:
			return 1
		case d > q:
			return 0.5
		}
		return 0
	case "vshape_2":
		switch {
		case d > p:
			return 1
		case d > q:
			return (d - q) / (p - q)
		}
		return 0
	case "gaussian":
		if d <= 0 {
			return 0
		}
		return -math.Expm1(-d * d / (2 * p * p))
	}
	if d > 0 {
		return 1
	}
	return 0
}

// COPRAS is Q = S+ + sum(S-) / (S- sum(1 / S-)), with S+ and S- the weighted
// sums over benefits and over costs of the columns divided by their sums
// (Zavadskas, Kaklauskas and Sarka, Technological and Economic Development of
// Economy 1, 1994); without costs Q = S+. Weights are made to sum to 1. Higher
// is better. A unit whose S- is 0 has no Q: NaN. A column that sums to 0 (to 1e-12
// of the sum of its magnitudes, as z-scores do) counts 0; the method is meant for
// values from 0 up.
func COPRAS(m *Matrix) []float64 {
	n := m.units()
	plus, minus := make([]float64, n), make([]float64, n)
	costs := false
	for j, x := range m.Columns {
		sum, _ := Sum(x)
		if m.Weights[j] == 0 {
			continue
		}
		costs = costs || m.cost(j)
		if sumsToZero(x, sum) {
			continue
		}
		for i, v := range x {
			switch {
			case v != v:
			case m.cost(j):
				minus[i] += m.Weights[j] * v / sum
			default:
				plus[i] += m.Weights[j] * v / sum
			}
		}
	}
	sum, inverse := 0.0, 0.0
	for i := range n {
		w := m.weight(i)
		if w == 0 {
			plus[i], minus[i] = nan, nan
			continue
		}
		plus[i] /= w
		minus[i] /= w
		if costs && minus[i] != 0 {
			sum += minus[i]
			inverse += 1 / minus[i]
		}
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = plus[i]
		if costs {
			if minus[i] == 0 || inverse == 0 {
				out[i] = nan
				continue
			}
			out[i] += sum / (minus[i] * inverse)
		}
	}
	return out
}

// sumsToZero reports whether the sum of x is nothing but rounding.
func sumsToZero(x []float64, sum float64) bool {
	size := 0.0
	for _, v := range x {
		if v == v {
			size += math.Abs(v)
		}
	}
	return math.Abs(sum) <= 1e-12*size
}

// Copeland is, for each unit, the number of units it outranks less the number
// that outrank it. a outranks b if the weight of the criteria in which a is
// better, plus half the weight of those in which they are equal, is more than
// half; to 1e-9 of half nobody outranks. Computed scores that differ by no more than
// 1e-12 of the column's greatest are equal (Copeland, 1951; Munda and Nardo, 2009;
// COINr a_copeland). It takes units^2 x criteria steps.
func Copeland(m *Matrix) []float64 {
	n := m.units()
	out := make([]float64, n)
	grain := m.grain()
	for i := range n {
		if m.weight(i) == 0 {
			out[i] = nan
		}
	}
	for a := range n {
		for b := range a {
			if out[a] != out[a] || out[b] != out[b] {
				continue
			}
			s, w := 0.0, 0.0
			for j, x := range m.Columns {
				va, vb := x[a], x[b]
				if va != va || vb != vb {
					continue
				}
				w += m.Weights[j]
				switch {
				case math.Abs(va-vb) <= grain[j]:
					s += m.Weights[j] / 2
				case (va > vb) != m.cost(j):
					s += m.Weights[j]
				}
			}
			if w == 0 {
				continue
			}
			switch share := s / w; {
			case math.Abs(share-0.5) <= 1e-9:
			case share > 0.5:
				out[a]++
				out[b]--
			default:
				out[a]--
				out[b]++
			}
		}
	}
	return out
}

// flat reports whether a method looks at all units of a period at once.
func flat(method string) bool {
	switch method {
	case "copeland", "topsis", "vikor", "promethee2", "copras":
		return true
	}
	return false
}

// BenefitOfTheDoubt gives each unit the weights that suit it best: the greatest
// sum_j w_j x_ij such that no unit passes 1 under the same weights (Melyn and
// Moesen, 1991; Cherchye et al., Social Indicators Research 82, 2007). The part
// of each term in the unit's own score lies in lower..upper (0 and 1 leave it
// free). Values must be from 0 up; a missing value counts as 0 here and in the
// comparisons. weights[j][i] are the multipliers; a unit without a positive value
// has the score 0 and no weights. One linear programme a unit, by the simplex
// method with Bland's rule.
func BenefitOfTheDoubt(cols [][]float64, lower, upper float64) (scores []float64, weights [][]float64, err error) {
	m := len(cols)
	if m == 0 {
		return nil, nil, nil
	}
	if lower < 0 || upper > 1 || lower*float64(m) > 1+1e-12 || upper*float64(m) < 1-1e-12 {
		return nil, nil, fmt.Errorf("benefit of the doubt: parts between %v and %v cannot sum to 1 over %d children", lower, upper, m)
	}
	n := len(cols[0])
	x := make([][]float64, n)
	top := make([]float64, m)
	for i := range x {
		x[i] = make([]float64, m)
		for j, c := range cols {
			switch v := c[i]; {
			case v < 0:
				return nil, nil, fmt.Errorf("benefit of the doubt needs values from 0 up; column %d has %v (normalise to a range from 0 up)", j+1, v)
			case v == v:
				x[i][j] = v
				top[j] = max(top[j], v)
			}
		}
	}
	// Columns in units of their maximum keep the tableau well scaled.
	for i := range x {
		for j := range m {
			if top[j] > 0 {
				x[i][j] /= top[j]
			}
		}
	}
	scores = make([]float64, n)
	weights = make([][]float64, m)
	for j := range weights {
		weights[j] = make([]float64, n)
	}
	var rows [][]float64
	for i := range n {
		rows = rows[:0]
		for k := range n {
			rows = append(rows, append(append([]float64(nil), x[k]...), 1))
		}
		for j := range m {
			if upper < 1 {
				row := make([]float64, m+1)
				for l := range m {
					row[l] = -upper * x[i][l]
				}
				row[j] += x[i][j]
				rows = append(rows, row)
			}
			if lower > 0 {
				row := make([]float64, m+1)
				for l := range m {
					row[l] = lower * x[i][l]
				}
				row[j] -= x[i][j]
				rows = append(rows, row)
			}
		}
		w := simplex(rows, x[i])
		for j := range m {
			scores[i] += w[j] * x[i][j]
			if top[j] > 0 {
				weights[j][i] = w[j] / top[j]
			}
		}
	}
	return scores, weights, nil
}

// simplex maximises c w for w >= 0 under rows [a | b] with a w <= b, b >= 0, from
// the origin, which is feasible, with Bland's rule against cycling. It works on
// rows in place.
func simplex(rows [][]float64, c []float64) []float64 {
	m := len(c)
	obj := append(append([]float64(nil), c...), 0)
	basis := make([]int, len(rows)) // variable of each row: slack m+i
	free := make([]int, m)          // variable of each column
	for i := range basis {
		basis[i] = m + i
	}
	for j := range free {
		free[j] = j
	}
	const eps = 1e-11
	for {
		col := -1
		for j := range m {
			if obj[j] > eps && (col < 0 || free[j] < free[col]) {
				col = j
			}
		}
		if col < 0 {
			break
		}
		row := -1
		for i := range rows {
			if rows[i][col] <= eps {
				continue
			}
			if row < 0 {
				row = i
				continue
			}
			a, b := rows[i][m]/rows[i][col], rows[row][m]/rows[row][col]
			if a < b-1e-15 || a <= b+1e-15 && basis[i] < basis[row] {
				row = i
			}
		}
		if row < 0 {
			break // unbounded; cannot be, every positive value is bounded by 1
		}
		pivot := rows[row]
		d := pivot[col]
		for j := range pivot {
			pivot[j] /= d
		}
		pivot[col] = 1 / d
		for i := range rows {
			if i != row {
				eliminate(rows[i], pivot, col)
			}
		}
		eliminate(obj, pivot, col)
		basis[row], free[col] = free[col], basis[row]
	}
	w := make([]float64, m)
	for i, v := range basis {
		if v < m {
			w[v] = max(0, rows[i][m])
		}
	}
	return w
}

func eliminate(row, pivot []float64, col int) {
	f := row[col]
	if f == 0 {
		return
	}
	for j := range row {
		if j != col {
			row[j] -= f * pivot[j]
		}
	}
	row[col] = -f * pivot[col]
}
