package composite

import (
	"fmt"
	"math"
)

// adjust is the step after aggregation: score + bonus - deductions, each event
// counted from a column of the data, cut at its own cap and then at the common
// one, the result kept within floor and ceiling; a veto costs the place, the
// score, or puts the unit last. A missing count is no event, with a warning; a
// unit without a score gets none.
func (x *Index) adjust(res *Result, w *warnings) {
	a := x.recipe.Adjust
	if a == nil {
		return
	}
	res.Adjustments = make([]Adjustment, len(res.Base))
	for r, row := range res.RowOf {
		adj := &res.Adjustments[r]
		count := func(code string) float64 {
			v := x.data.Column(code).Values[row]
			if v != v {
				w.unit("adjust", code, res.Screened.Units[r], "the count of events is missing; none was counted")
				return 0
			}
			return v
		}
		sum := func(events []Event, sgn float64, limit *float64) float64 {
			total := 0.0
			for _, e := range events {
				n := count(e.Column)
				points := n * or(e.Per, 1)
				if e.Cap != nil {
					points = min(points, *e.Cap)
				}
				if points != 0 {
					adj.Items = append(adj.Items, AdjustmentItem{Column: e.Column, Count: n, Points: sgn * points})
				}
				total += points
			}
			if limit != nil {
				total = min(total, *limit)
			}
			return total
		}
		adj.Bonus = sum(a.Bonus, 1, a.MaxBonus)
		adj.Deduction = sum(a.Deductions, -1, a.MaxDeduct)
		s := res.Base[r] + adj.Bonus - adj.Deduction
		if a.Floor != nil && s == s {
			s = max(s, *a.Floor)
		}
		if a.Ceiling != nil && s == s {
			s = min(s, *a.Ceiling)
		}
		// The harshest veto holds: no_score, no_place, last.
		harsh := map[string]int{"": 0, "last": 1, "no_place": 2, "no_score": 3}
		for _, v := range a.Veto {
			if count(v.Column) > 0 {
				effect := v.Effect
				if effect == "" {
					effect = "no_place"
				}
				if harsh[effect] > harsh[adj.Veto] {
					adj.Veto = effect
				}
			}
		}
		if adj.Veto == "no_score" {
			s = nan
		}
		res.Scores[r] = s
	}
}

func (x *Index) checkAdjust() error {
	a := x.recipe.Adjust
	if a == nil {
		return nil
	}
	if x.agg[x.tree.Root].Method == "vikor" {
		return fmt.Errorf("adjust: the score is VIKOR's Q, of which less is better; bonus and deductions have no sense on it")
	}
	column := func(where, code string) error {
		if x.data.Column(code) == nil {
			return fmt.Errorf("%s: no column %q in the data%s", where, code, hint(code, x.columnCodes()))
		}
		return nil
	}
	for i, e := range a.Bonus {
		if err := column(fmt.Sprintf("adjust.bonus[%d].column", i), e.Column); err != nil {
			return err
		}
	}
	for i, e := range a.Deductions {
		if err := column(fmt.Sprintf("adjust.deductions[%d].column", i), e.Column); err != nil {
			return err
		}
	}
	for i, v := range a.Veto {
		if err := column(fmt.Sprintf("adjust.veto[%d].column", i), v.Column); err != nil {
			return err
		}
	}
	if a.Floor != nil && a.Ceiling != nil && *a.Floor > *a.Ceiling {
		return fmt.Errorf("adjust: floor %v is above ceiling %v", *a.Floor, *a.Ceiling)
	}
	return nil
}

// tier cuts the placed rows of each period into tiers.
//
// share: a unit is in the first tier whose cumulated share times the number of
// placed units reaches its place, so that equal places share a tier. cut: the first
// tier whose least score it reaches (with place.decimals on the rounded score).
// breaks: the classes of least squared deviation from their means (Fisher, JASA
// 53, 1958; Jenks, 1967), found exactly.
func (x *Index) tier(res *Result) {
	t := x.recipe.Tier
	if t == nil {
		return
	}
	res.Tiers = make([]string, len(res.Scores))
	score := func(r int) float64 {
		s := res.Scores[r]
		if p := x.recipe.Place; p != nil && p.Decimals != nil && p.Decimals.On {
			s = Round(s, p.Decimals.N)
		}
		if res.SmallerIsBetter {
			return -s
		}
		return s
	}
	for _, rows := range partition(res.Screened.Units, nil) {
		order := placed(rows, res.Unplaced)
		for _, r := range rows {
			if res.Unplaced[r].Cause != Present {
				res.Tiers[r] = t.Unplaced
			}
		}
		var class []int
		scores := make([]float64, len(order))
		for i, r := range order {
			scores[i] = score(r)
		}
		if t.Method == "breaks" {
			k := t.Count
			if k == 0 {
				k = len(t.Names)
			}
			class = NaturalBreaks(scores, k)
		}
		for i, r := range order {
			k := 0
			switch t.Method {
			case "share":
				sum := 0.0
				for k = range t.Shares {
					sum += t.Shares[k]
					if float64(res.Places[r]) <= sum*float64(len(order))+1e-9 {
						break
					}
				}
			case "cut":
				for k < len(t.Cuts) {
					cut := t.Cuts[k]
					if res.SmallerIsBetter {
						cut = -cut
					}
					if scores[i] >= cut {
						break
					}
					k++
				}
			case "breaks":
				k = class[i]
			}
			res.Tiers[r] = t.name(k)
		}
	}
}

func (t *Tier) name(k int) string {
	if k < len(t.Names) {
		return t.Names[k]
	}
	if k < 26 {
		return string(rune('A' + k))
	}
	return fmt.Sprintf("tier %d", k+1)
}

func (x *Index) checkTier() error {
	t := x.recipe.Tier
	if t == nil {
		return nil
	}
	var tiers int
	switch t.Method {
	case "share":
		tiers = len(t.Shares)
		sum := 0.0
		for _, s := range t.Shares {
			sum += s
			if s < 0 {
				return fmt.Errorf("tier.shares: %v is below 0", s)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			return fmt.Errorf("tier.shares: they sum to %v, not to 1", sum)
		}
	case "cut":
		tiers = len(t.Cuts) + 1
		down := x.agg[x.tree.Root].Method != "vikor"
		for i := 1; i < len(t.Cuts); i++ {
			if (t.Cuts[i] < t.Cuts[i-1]) != down {
				return fmt.Errorf("tier.cuts: %v follows %v; the best tier comes first", t.Cuts[i], t.Cuts[i-1])
			}
		}
	case "breaks":
		tiers = t.Count
		if tiers == 0 {
			tiers = len(t.Names)
		}
		if tiers < 1 {
			return fmt.Errorf("tier: breaks needs count or names")
		}
	default:
		return fmt.Errorf("tier: no method; give share, cut or breaks")
	}
	if len(t.Names) > 0 && len(t.Names) != tiers {
		return fmt.Errorf("tier: %d names for %d tiers", len(t.Names), tiers)
	}
	return nil
}

// NaturalBreaks splits values into at most k classes of least total squared
// deviation from their means and gives the class of each value, 0 the class of the
// greatest. Equal values stay together. Fisher (JASA 53, 1958); exact, in k n^2
// steps over the n distinct values. NaN is not allowed.
func NaturalBreaks(x []float64, k int) []int {
	out := make([]int, len(x))
	order := Places(nil, x, Dense)
	n := 0
	for _, p := range order {
		n = max(n, p)
	}
	k = min(k, n)
	if k < 1 {
		return out
	}
	// Distinct values, the greatest first, with their multiplicity.
	value, times := make([]float64, n), make([]float64, n)
	for i, p := range order {
		value[p-1] = x[i]
		times[p-1]++
	}
	s0, s1, s2 := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
	base := value[0]
	for i := range n {
		v := value[i] - base
		s0[i+1] = s0[i] + times[i]
		s1[i+1] = s1[i] + times[i]*v
		s2[i+1] = s2[i] + times[i]*v*v
	}
	ss := func(a, b int) float64 { // classes of value[a:b]
		m := s1[b] - s1[a]
		return s2[b] - s2[a] - m*m/(s0[b]-s0[a])
	}
	best := make([][]float64, k+1)
	from := make([][]int, k+1)
	for c := range best {
		best[c] = make([]float64, n+1)
		from[c] = make([]int, n+1)
		for b := range best[c] {
			best[c][b] = math.Inf(1)
		}
	}
	best[0][0] = 0
	for c := 1; c <= k; c++ {
		for b := c; b <= n; b++ {
			for a := c - 1; a < b; a++ {
				if v := best[c-1][a] + ss(a, b); v < best[c][b] {
					best[c][b], from[c][b] = v, a
				}
			}
		}
	}
	class := make([]int, n)
	for c, b := k, n; c > 0; c-- {
		a := from[c][b]
		for i := a; i < b; i++ {
			class[i] = c - 1
		}
		b = a
	}
	for i, p := range order {
		out[i] = class[p-1]
	}
	return out
}
