package composite

import (
	"math"
	"slices"
)

// The functions of this file skip NaN, which stands for a cell without a value,
// unless they say otherwise, and return NaN where nothing is defined.

// Sum is the compensated sum (Neumaier, 1974) of the values that are not NaN,
// and their number.
func Sum(x []float64) (sum float64, n int) {
	c := 0.0
	for _, v := range x {
		if v != v {
			continue
		}
		n++
		t := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			c += (sum - t) + v
		} else {
			c += (v - t) + sum
		}
		sum = t
	}
	return sum + c, n
}

// Mean is the arithmetic mean; NaN of nothing.
func Mean(x []float64) float64 {
	s, n := Sum(x)
	if n == 0 {
		return nan
	}
	return s / float64(n)
}

// WeightedMean is sum(w x) / sum(w) over the x that are not NaN: missing
// children are dropped and the weights rescaled among the known (OECD Handbook
// 2008, step 6; COINr a_amean). Weights are from 0 up, in any unit, one a
// value. NaN if nothing is known or the known weigh 0.
func WeightedMean(x, w []float64) float64 {
	s, ws := 0.0, 0.0
	for i, v := range x {
		if v == v && w[i] != 0 {
			s += w[i] * v
			ws += w[i]
		}
	}
	if ws == 0 {
		return nan
	}
	return s / ws
}

// Variance is sum((x - mean)^2) / (n - ddof); NaN for n <= ddof.
func Variance(x []float64, ddof int) float64 {
	m := Mean(x)
	s, n := 0.0, 0
	for _, v := range x {
		if v == v {
			s += (v - m) * (v - m)
			n++
		}
	}
	if n <= ddof {
		return nan
	}
	return s / float64(n-ddof)
}

// Sd is the square root of [Variance].
func Sd(x []float64, ddof int) float64 { return math.Sqrt(Variance(x, ddof)) }

// moments are n, the mean and the sums of the second to fourth powers of the
// deviations from it.
func moments(x []float64) (n, m2, m3, m4 float64) {
	m := Mean(x)
	for _, v := range x {
		if v != v {
			continue
		}
		d := v - m
		n++
		m2 += d * d
		m3 += d * d * d
		m4 += d * d * d * d
	}
	return n, m2, m3, m4
}

// Skewness is the bias-corrected G1 = g1 sqrt(n(n-1)) / (n-2) of Joanes and Gill
// (The Statistician 47, 1998), that of spreadsheets, SAS and COINr. NaN for
// fewer than 3 values or equal ones.
func Skewness(x []float64) float64 {
	skew, _ := shape(x)
	return skew
}

// shape is skewness and kurtosis from one pass over the moments.
func shape(x []float64) (skew, kurt float64) {
	n, m2, m3, m4 := moments(x)
	skew, kurt = nan, nan
	if n < 3 || constant(x) {
		return skew, kurt
	}
	skew = math.Sqrt(n) * m3 / math.Pow(m2, 1.5) * math.Sqrt(n*(n-1)) / (n - 2)
	if n >= 4 {
		r := n * m4 / (m2 * m2)
		kurt = ((n+1)*(r-3) + 6) * (n - 1) / ((n - 2) * (n - 3))
	}
	return skew, kurt
}

// Kurtosis is the bias-corrected excess G2 = ((n+1) g2 + 6) (n-1) / ((n-2)(n-3))
// of Joanes and Gill (1998). NaN for fewer than 4 values or equal ones.
func Kurtosis(x []float64) float64 {
	_, kurt := shape(x)
	return kurt
}

// constant reports whether all values are equal; of none or one it is true.
func constant(x []float64) bool {
	lo, hi := Range(x)
	return !(lo < hi)
}

// Range is the least and the greatest value; NaN of nothing.
func Range(x []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	if lo > hi {
		return nan, nan
	}
	return lo, hi
}

// known returns a copy of x without NaN.
func known(x []float64) []float64 {
	out := make([]float64, 0, len(x))
	for _, v := range x {
		if v == v {
			out = append(out, v)
		}
	}
	return out
}

// Quantile is the p-quantile, 0 <= p <= 1, linear between order statistics: type 7
// of Hyndman and Fan (The American Statistician 50, 1996), the default of R and
// numpy. NaN of nothing.
func Quantile(x []float64, p float64) float64 {
	s := known(x)
	if len(s) == 0 || p < 0 || p > 1 || p != p {
		return nan
	}
	slices.Sort(s)
	return quantileSorted(s, p)
}

func quantileSorted(s []float64, p float64) float64 {
	h := float64(len(s)-1) * p
	i := int(h)
	if i >= len(s)-1 {
		return s[len(s)-1]
	}
	return s[i] + (h-float64(i))*(s[i+1]-s[i])
}

// Median is the 0.5-quantile.
func Median(x []float64) float64 {
	s := known(x)
	if len(s) == 0 {
		return nan
	}
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// Ranks ranks upward: 1 is the lowest. Equal values get the least, the mean
// or the greatest of their ranks: ties is min, average or max, as in R's rank.
// NaN stays NaN and takes no rank.
func Ranks(x []float64, ties string) []float64 {
	order := make([]int, 0, len(x))
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = nan
		if v == v {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		rank := float64(i + 1)
		switch ties {
		case "average":
			rank = float64(i+1+j) / 2
		case "max":
			rank = float64(j)
		}
		for ; i < j; i++ {
			out[order[i]] = rank
		}
	}
	return out
}

// pairs keeps the positions where both have a value.
func pairs(x, y []float64) (a, b []float64) {
	a, b = make([]float64, 0, len(x)), make([]float64, 0, len(x))
	for i := range x {
		if x[i] == x[i] && y[i] == y[i] {
			a = append(a, x[i])
			b = append(b, y[i])
		}
	}
	return a, b
}

// Pearson is the product-moment correlation over the pairs known in both; NaN
// for fewer than 2 pairs or where one side is constant.
func Pearson(x, y []float64) float64 {
	a, b := pairs(x, y)
	if len(a) < 2 || constant(a) || constant(b) {
		return nan
	}
	ma, mb := Mean(a), Mean(b)
	sab, saa, sbb := 0.0, 0.0, 0.0
	for i := range a {
		da, db := a[i]-ma, b[i]-mb
		sab += da * db
		saa += da * da
		sbb += db * db
	}
	r := sab / (math.Sqrt(saa) * math.Sqrt(sbb))
	return max(-1, min(1, r))
}

// Covariance divides by n-1, over the pairs known in both; NaN for fewer than 2.
func Covariance(x, y []float64) float64 {
	a, b := pairs(x, y)
	if len(a) < 2 {
		return nan
	}
	ma, mb := Mean(a), Mean(b)
	s := 0.0
	for i := range a {
		s += (a[i] - ma) * (b[i] - mb)
	}
	return s / float64(len(a)-1)
}

// Spearman is [Pearson] of the ranks, ties averaged, over the pairs known in
// both (as R's cor on pairwise complete observations).
func Spearman(x, y []float64) float64 {
	a, b := pairs(x, y)
	return Pearson(Ranks(a, "average"), Ranks(b, "average"))
}

// Kendall is tau-b (Kendall, 1945), which allows for ties, over the pairs
// known in both; NaN where one side is constant. It takes n^2 steps.
func Kendall(x, y []float64) float64 {
	a, b := pairs(x, y)
	var s, na, nb float64
	for i := range a {
		for j := range i {
			sa, sb := sign(a[i]-a[j]), sign(b[i]-b[j])
			s += sa * sb
			na += sa * sa
			nb += sb * sb
		}
	}
	if na == 0 || nb == 0 {
		return nan
	}
	return s / (math.Sqrt(na) * math.Sqrt(nb))
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
