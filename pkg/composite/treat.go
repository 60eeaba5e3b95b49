package composite

import (
	"fmt"
	"math"
	"slices"
)

// treat is the step against outliers, column by column and period by period.
//
// The rule (COINr check_SkewKurt): a column passes if |G1| < skew or G2 <
// kurtosis. One that fails goes through the first treatment, winsorise or
// percentile; if it still fails, the second starts from the untreated values, or
// with combine from the treated ones. What the last step gives stands, pass
// or not. A column with fewer than 4 values or with equal ones has no kurtosis
// and is left alone. Settings of per_indicator always apply.
func (x *Index) treat(in *Frame, w *warnings) (*Frame, []Treatment) {
	t := x.recipe.Treat
	if t == nil {
		return in, nil
	}
	out := in.Clone()
	var record []Treatment
	skew, kurt := 2.0, 3.5
	if t.Skew != nil {
		skew = *t.Skew
	}
	if t.Kurtosis != nil {
		kurt = *t.Kurtosis
	}
	periods := partition(in.Units, nil)
	for c, code := range in.Codes {
		for _, rows := range periods {
			v := pick(in.Values[c], rows)
			have := known(v)
			rec := Treatment{Code: code, Method: "none"}
			if len(rows) > 0 {
				rec.Time = in.Units[rows[0]].Time
			}
			rec.SkewBefore, rec.KurtBefore = shape(have)
			rule := passRule{skew, kurt}
			y := slices.Clone(have)
			one, individual := t.PerIndicator[code]
			switch {
			case individual:
				rec.Individual = true
				var err error
				y, err = treatOne(one, have, &rec)
				if err != nil {
					w.period("treat", code, rec.Time, err.Error()+"; the column is left untreated")
					y, rec.Method = slices.Clone(have), "none"
				}
			case len(have) < 4 || constant(have):
				if len(have) > 0 && len(have) < 4 {
					w.period("treat", code, rec.Time, fmt.Sprintf("%d values are too few for the skewness and kurtosis rule; left untreated", len(have)))
				}
			case rule.pass(have):
			default:
				y = t.byRule(rule, have, &rec, w)
			}
			rec.SkewAfter, rec.KurtAfter = shape(y)
			rec.Pass = rule.pass(y)
			k := 0
			for _, r := range rows {
				if !in.State[c][r].HasValue() {
					continue
				}
				if before := in.Values[c][r]; y[k] != before {
					how := rec.Method
					if rec.Method == "winsorise" || rec.Method == "percentile" {
						how = map[string]string{"winsorise": "winsorised", "percentile": "percentile"}[rec.Method]
						if y[k] < before {
							how += "_high"
						} else {
							how += "_low"
						}
					}
					rec.Cells = append(rec.Cells, TreatedCell{Row: r, Before: before, After: y[k], How: how})
					out.set(c, r, y[k])
				}
				k++
			}
			rec.Points = len(rec.Cells)
			record = append(record, rec)
		}
	}
	return out, record
}

// passRule is the test of skewness and kurtosis.
type passRule struct{ skew, kurt float64 }

func (p passRule) pass(x []float64) bool {
	s, k := shape(x)
	if s != s || k != k {
		return true
	}
	return math.Abs(s) < p.skew || k < p.kurt
}

func (t *Treat) byRule(rule passRule, x []float64, rec *Treatment, w *warnings) []float64 {
	y := slices.Clone(x)
	switch {
	case t.Winsorise != nil:
		rec.Method = "winsorise"
		winsorise(y, t.Winsorise.MaxPoints, rule.pass)
	case t.Percentile != nil:
		rec.Method = "percentile"
		cutPercentiles(y, t.Percentile.Lower, t.Percentile.Upper)
	}
	if rule.pass(y) || t.Otherwise == "" || t.Otherwise == "none" {
		return y
	}
	start := x
	if t.Combine {
		start = y
	}
	z, lambda, err := transformed(t.Otherwise, start, t.Lambda)
	if err != nil {
		w.period("treat", rec.Code, rec.Time, err.Error()+"; what the first treatment gave stands")
		return y
	}
	rec.Method, rec.Lambda = t.Otherwise, lambda
	if t.Combine && (t.Winsorise != nil || t.Percentile != nil) {
		first := "winsorise"
		if t.Winsorise == nil {
			first = "percentile"
		}
		rec.Method = first + "+" + t.Otherwise
	}
	return z
}

func treatOne(one *TreatOne, x []float64, rec *Treatment) ([]float64, error) {
	y := slices.Clone(x)
	rec.Method = one.Method
	switch one.Method {
	case "none":
		return y, nil
	case "winsorise":
		if len(y) < 3 {
			return nil, fmt.Errorf("%d values are too few to know the side of the skew", len(y))
		}
		points := max(1, one.Points)
		winsorise(y, points, func([]float64) bool { return false })
		return y, nil
	case "percentile":
		cutPercentiles(y, one.Lower, one.Upper)
		return y, nil
	}
	y, lambda, err := transformed(one.Method, x, one.Lambda)
	rec.Lambda = lambda
	return y, err
}

// winsorise changes x in place: while it does not pass, every copy of the
// maximum becomes the next value below if skewness >= 0, else every copy of the
// minimum the next above; it stops once max points differ from where they began,
// which ties may exceed (COINr winsorise).
func winsorise(x []float64, maxPoints int, pass func([]float64) bool) {
	before := slices.Clone(x)
	for !pass(x) && differing(before, x) < maxPoints {
		lo, hi := Range(x)
		if !(lo < hi) {
			return
		}
		if s := Skewness(x); s >= 0 || s != s {
			next := math.Inf(-1)
			for _, v := range x {
				if v < hi {
					next = max(next, v)
				}
			}
			for i, v := range x {
				if v == hi {
					x[i] = next
				}
			}
		} else {
			next := math.Inf(1)
			for _, v := range x {
				if v > lo {
					next = min(next, v)
				}
			}
			for i, v := range x {
				if v == lo {
					x[i] = next
				}
			}
		}
	}
}

func differing(a, b []float64) int {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// cutPercentiles raises to the lower and lowers to the upper quantile (type 7).
func cutPercentiles(x []float64, lower, upper *float64) {
	lo, hi := math.Inf(-1), math.Inf(1)
	if lower != nil {
		lo = Quantile(x, *lower)
	}
	if upper != nil {
		hi = Quantile(x, *upper)
	}
	for i, v := range x {
		x[i] = max(lo, min(hi, v))
	}
}

// transformed applies one of the transformations against skew (names and formulas
// of COINr):
//
//	log          ln x
//	log_ct       ln(x - min + 0.01 (max - min))
//	log_ct_orig  ln(x - min + 1)
//	log_gii      ln((max - 1) (x - min) / (max - min) + 1)
//	boxcox       (y^lambda - 1) / lambda, ln y for lambda 0, with y = x - min + 1
//
// Box-Cox without a lambda takes that of greatest likelihood in -5..5 (Box and
// Cox, 1964).
func transformed(name string, x []float64, lambda *float64) ([]float64, float64, error) {
	lo, hi := Range(x)
	if !(lo < hi) {
		return nil, 0, fmt.Errorf("%s: all values are equal", name)
	}
	y := make([]float64, len(x))
	l := 0.0
	if name == "boxcox" {
		for i, v := range x {
			y[i] = v - lo + 1
		}
		if lambda != nil {
			l = *lambda
		} else {
			l = boxCoxLambda(y)
		}
	}
	for i, v := range x {
		switch name {
		case "log":
			if v <= 0 {
				return nil, 0, fmt.Errorf("log: the value %v has no logarithm", v)
			}
			y[i] = math.Log(v)
		case "log_ct":
			y[i] = math.Log(v - lo + 0.01*(hi-lo))
		case "log_ct_orig":
			y[i] = math.Log(v - lo + 1)
		case "log_gii":
			if hi < 1 {
				return nil, 0, fmt.Errorf("log_gii: the maximum %v is below 1, which would turn the order round", hi)
			}
			y[i] = math.Log((hi-1)*(v-lo)/(hi-lo) + 1)
		case "boxcox":
			y[i] = boxCox(y[i], l)
		default:
			return nil, 0, fmt.Errorf("unknown transformation %q", name)
		}
	}
	return y, l, nil
}

func boxCox(y, lambda float64) float64 {
	if lambda == 0 {
		return math.Log(y)
	}
	return (math.Pow(y, lambda) - 1) / lambda
}

// boxCoxLambda maximises the likelihood -n/2 ln var(z) + (lambda - 1) sum ln y of
// z = boxCox(y, lambda) on -5..5, by halving the interval in which its
// derivative changes sign; the function has one maximum.
func boxCoxLambda(y []float64) float64 {
	sumLog := 0.0
	for _, v := range y {
		sumLog += math.Log(v)
	}
	z, dz := make([]float64, len(y)), make([]float64, len(y))
	slope := func(l float64) float64 {
		for i, v := range y {
			ln := math.Log(v)
			if math.Abs(l*ln) < 1e-4 {
				// Series of (e^(l ln) - 1) / l and its derivative about 0.
				z[i] = ln * (1 + l*ln/2*(1+l*ln/3))
				dz[i] = ln * ln * (0.5 + l*ln/3*(1+3*l*ln/8))
				continue
			}
			p := math.Pow(v, l)
			z[i] = (p - 1) / l
			dz[i] = (p*ln - z[i]) / l
		}
		m := Mean(z)
		cross, square := 0.0, 0.0
		for i := range z {
			cross += (z[i] - m) * dz[i]
			square += (z[i] - m) * (z[i] - m)
		}
		return sumLog - float64(len(y))*cross/square
	}
	a, b := -5.0, 5.0
	for b-a > 1e-14 {
		c := (a + b) / 2
		if c == a || c == b {
			break
		}
		if slope(c) > 0 {
			a = c
		} else {
			b = c
		}
	}
	return (a + b) / 2
}
