package composite

import (
	"fmt"
	"slices"
)

// screen leaves out rows. known / applicable indicators >= min_known, non-zero /
// known >= min_nonzero, and every gate met; an imputed cell is known. A row
// without an applicable indicator has a share of 0, one without a known
// indicator a share of non-zero of 0.
func (x *Index) screen(f *Frame) (kept []int, dropped []Dropped) {
	s := x.recipe.Screen
	for r, u := range f.Units {
		if reason := x.screenRow(s, f, r); reason != "" && !slices.Contains(s.Keep, u.Code) {
			dropped = append(dropped, Dropped{Unit: u, Reason: reason})
			continue
		}
		kept = append(kept, r)
	}
	return kept, dropped
}

func (x *Index) screenRow(s *Screen, f *Frame, r int) string {
	if s == nil {
		return ""
	}
	if slices.Contains(s.Drop, f.Units[r].Code) {
		return "left out by name (screen.drop)"
	}
	applicable, have, nonzero := 0, 0, 0
	for c := range f.Codes {
		if f.State[c][r] != NotApplicable {
			applicable++
		}
		if f.State[c][r].HasValue() {
			have++
			if f.Values[c][r] != 0 {
				nonzero++
			}
		}
	}
	if share := ratio(have, applicable); share < s.MinKnown {
		return fmt.Sprintf("%d of %d indicators known, a share of %.3g; the limit is %v", have, applicable, share, s.MinKnown)
	}
	if share := ratio(nonzero, have); share < s.MinNonzero {
		return fmt.Sprintf("%d of %d known indicators are not zero, a share of %.3g; the limit is %v", nonzero, have, share, s.MinNonzero)
	}
	for _, g := range s.Gates {
		v := x.data.Column(g.Column).Values[r]
		switch {
		case v != v:
			if g.Missing != "in" {
				return fmt.Sprintf("gate on %s: the value is missing", g.Column)
			}
		case g.Min != nil && v < *g.Min:
			return fmt.Sprintf("gate on %s: %v is below %v", g.Column, v, *g.Min)
		case g.Max != nil && v > *g.Max:
			return fmt.Sprintf("gate on %s: %v is above %v", g.Column, v, *g.Max)
		}
	}
	return ""
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
