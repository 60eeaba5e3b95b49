package composite

import "slices"

// screen leaves out rows. known / applicable indicators >= min_known, non-zero /
// known >= min_nonzero, and every gate met; an imputed cell is known. A row
// without an applicable indicator has a share of 0, one without a known
// indicator a share of non-zero of 0.
func (x *Index) screen(f *Frame) (kept []int, dropped []Dropped) {
	s := x.recipe.Screen
	for r, u := range f.Units {
		if reason := x.screenRow(s, f, r); reason.Cause != Present && !slices.Contains(s.Keep, u.Code) {
			dropped = append(dropped, Dropped{Unit: u, Reason: reason})
			continue
		}
		kept = append(kept, r)
	}
	return kept, dropped
}

func (x *Index) screenRow(s *Screen, f *Frame, r int) Absence {
	if s == nil {
		return Absence{}
	}
	if slices.Contains(s.Drop, f.Units[r].Code) {
		return Absence{Cause: LeftOutByName}
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
	if ratio(have, applicable) < s.MinKnown {
		return Absence{Cause: TooFewKnown, Have: have, Of: applicable, Limit: s.MinKnown}
	}
	if ratio(nonzero, have) < s.MinNonzero {
		return Absence{Cause: TooManyZeros, Have: nonzero, Of: have, Limit: s.MinNonzero}
	}
	for _, g := range s.Gates {
		v := x.data.Column(g.Column).Values[r]
		switch {
		case v != v:
			if g.Missing != "in" {
				return Absence{Cause: GateMissing, Column: g.Column}
			}
		case g.Min != nil && v < *g.Min:
			return Absence{Cause: GateBelow, Column: g.Column, Value: v, Limit: *g.Min}
		case g.Max != nil && v > *g.Max:
			return Absence{Cause: GateAbove, Column: g.Column, Value: v, Limit: *g.Max}
		}
	}
	return Absence{}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
