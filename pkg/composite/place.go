package composite

import (
	"cmp"
	"math"
	"slices"
)

// Ties says how equal scores share places.
type Ties string

// The four ways of counting, for the scores 9, 8, 8, 7.
const (
	// Competition: 1 2 2 4. Equal scores take the least of their places.
	Competition Ties = "competition"
	// Dense: 1 2 2 3. No place is skipped.
	Dense Ties = "dense"
	// Modified: 1 3 3 4. Equal scores take the greatest of their places.
	Modified Ties = "modified"
	// Ordinal: 1 2 3 4. Every place once; equal scores by a stated tie-break,
	// here the order in which they stand.
	Ordinal Ties = "ordinal"
)

// Places gives each score its place, 1 the greatest, and 0 to NaN, which takes
// no place. Scores are equal if they are the same float64. dst receives
// the places and must be as long as scores; nil makes a new slice.
func Places(dst []int, scores []float64, ties Ties) []int {
	if dst == nil {
		dst = make([]int, len(scores))
	}
	order := make([]int, 0, len(scores))
	for i, s := range scores {
		if s == s {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	clear(dst)
	count(order, ties, func(a, b int) bool { return scores[a] == scores[b] }, func(i, place int) { dst[i] = place })
	return dst
}

// count hands out places along an order, best first.
func count(order []int, ties Ties, equal func(a, b int) bool, set func(i, place int)) {
	dense := 0
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && equal(order[i], order[j]) {
			j++
		}
		dense++
		for k := i; k < j; k++ {
			place := i + 1
			switch ties {
			case Competition:
			case Dense:
				place = dense
			case Modified:
				place = j
			case Ordinal:
				place = k + 1
			}
			set(order[k], place)
		}
		i = j
	}
}

// Round rounds to a number of decimals, halves away from zero (四舍五入). It
// works on the product x 10^decimals, so that 0.2875 to three decimals is 0.288
// although the nearest float64 lies a hair below.
func Round(x float64, decimals int) float64 {
	p := math.Pow10(decimals)
	r := math.Round(x*p) / p
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return x
	}
	return r
}

// placeRows is the place step: within each period, and within the classes of
// place.within.
func (x *Index) placeRows(res *Result) {
	p := x.recipe.Place
	if p == nil {
		p = &Place{}
	}
	ties := Ties(p.Ties)
	if ties == "" {
		ties = Competition
	}
	n := len(res.Scores)
	res.Places = make([]int, n)
	res.Unplaced = make([]Absence, n)
	key := make([]float64, n)
	sgn := 1.0
	if res.SmallerIsBetter {
		sgn = -1
	}
	without := x.data.Group(p.WithoutGroup)
	for r := range n {
		key[r] = sgn * res.Scores[r]
		if p.Decimals != nil && p.Decimals.On && key[r] == key[r] {
			key[r] = Round(key[r], p.Decimals.N)
		}
		u := res.Screened.Units[r]
		switch {
		case res.Adjustments != nil && res.Adjustments[r].Veto == "no_place":
			res.Unplaced[r].Cause = VetoPlace
		case res.Adjustments != nil && res.Adjustments[r].Veto == "no_score":
			res.Unplaced[r].Cause = VetoScore
		case key[r] != key[r]:
			res.Unplaced[r].Cause = NoScore
		case slices.Contains(p.Without, u.Code):
			res.Unplaced[r].Cause = PlacelessByName
		case without != nil && slices.Contains(p.WithoutClasses, without.Values[res.RowOf[r]]):
			res.Unplaced[r] = Absence{Cause: PlacelessClass, Column: without.Code, Class: without.Values[res.RowOf[r]]}
		}
	}
	breaks := make([][]float64, len(p.TieBreak))
	for i, code := range p.TieBreak {
		breaks[i] = res.Score(code)
	}
	// compare is negative where a stands before b, by score and tie-break.
	compare := func(a, b int) int {
		if res.Adjustments != nil {
			if c := cmp.Compare(isLast(res, a), isLast(res, b)); c != 0 {
				return c
			}
		}
		if c := cmp.Compare(key[b], key[a]); c != 0 {
			return c
		}
		for _, col := range breaks {
			if col[a] == col[a] || col[b] == col[b] {
				// A known value stands before a missing one.
				if c := cmp.Compare(col[b], col[a]); c != 0 {
					return c
				}
			}
		}
		return 0
	}
	equal := func(a, b int) bool { return compare(a, b) == 0 }
	full := func(a, b int) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		return cmp.Compare(res.Screened.Units[a].Code, res.Screened.Units[b].Code)
	}
	for _, rows := range partition(res.Screened.Units, nil) {
		order := placed(rows, res.Unplaced)
		slices.SortFunc(order, full)
		count(order, ties, equal, func(i, place int) { res.Places[i] = place })
	}
	if g := x.data.Group(p.Within); g != nil {
		res.GroupPlaces = make([]int, n)
		class := func(r int) string { return g.Values[res.RowOf[r]] }
		for _, rows := range partition(res.Screened.Units, class) {
			order := placed(rows, res.Unplaced)
			slices.SortFunc(order, full)
			count(order, ties, equal, func(i, place int) { res.GroupPlaces[i] = place })
		}
	}
}

func isLast(res *Result, r int) int {
	if res.Adjustments[r].Veto == "last" {
		return 1
	}
	return 0
}

func placed(rows []int, unplaced []Absence) []int {
	var out []int
	for _, r := range rows {
		if unplaced[r].Cause == Present {
			out = append(out, r)
		}
	}
	return out
}

// partition splits rows by period, and by class if there is one. Parts
// and rows come in ascending order of time, class and row.
func partition(units []Unit, class func(row int) string) [][]int {
	if class == nil && !slices.ContainsFunc(units, func(u Unit) bool { return u.Time != units[0].Time }) {
		if len(units) == 0 {
			return nil
		}
		all := make([]int, len(units))
		for r := range all {
			all[r] = r
		}
		return [][]int{all}
	}
	type key struct {
		time  float64
		class string
	}
	parts := map[key][]int{}
	var keys []key
	for r, u := range units {
		k := key{time: u.Time}
		if class != nil {
			k.class = class(r)
		}
		if _, ok := parts[k]; !ok {
			keys = append(keys, k)
		}
		parts[k] = append(parts[k], r)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.class, b.class))
	})
	out := make([][]int, len(keys))
	for i, k := range keys {
		out[i] = parts[k]
	}
	return out
}
