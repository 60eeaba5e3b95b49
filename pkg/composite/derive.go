package composite

import "fmt"

// derive fills the derived columns of the index's data: from the figure of the
// same unit lag units of Time earlier, or over the periods less than that far
// back. A figure that is missing, or a base of zero under growth, leaves the
// derived one missing; one that is not applicable leaves it not applicable.
func (x *Index) derive() {
	if len(x.recipe.Derive) == 0 {
		return
	}
	type key struct {
		code string
		time float64
	}
	rows := map[key]int{}
	ofUnit := map[string][]int{}
	for r, u := range x.data.Units {
		rows[key{u.Code, u.Time}] = r
		ofUnit[u.Code] = append(ofUnit[u.Code], r)
	}
	for _, d := range x.recipe.Derive {
		from, to := x.data.Column(d.Of), x.data.Column(d.Code)
		lag := or(d.Lag, 1)
		for r, u := range x.data.Units {
			v := nan
			switch d.As {
			case "mean":
				sum, n, whole := 0.0, 0, true
				for _, q := range ofUnit[u.Code] {
					if t := x.data.Units[q].Time; t <= u.Time && t > u.Time-lag {
						whole = whole && from.State[q].HasValue()
						sum += from.Values[q]
						n++
					}
				}
				if whole && n > 0 {
					v = sum / float64(n)
				}
			default:
				before, ok := rows[key{u.Code, u.Time - lag}]
				if !ok || !from.State[r].HasValue() || !from.State[before].HasValue() {
					break
				}
				v = from.Values[r] - from.Values[before]
				if d.As == "growth" {
					if v = 100 * v / from.Values[before]; from.Values[before] == 0 {
						v = nan
					}
				}
			}
			to.Values[r], to.State[r] = v, Known
			if v != v {
				to.State[r] = Missing
				if from.State[r] == NotApplicable {
					to.State[r] = NotApplicable
				}
			}
		}
	}
}

// compileDerive adds the derived columns to the index's copy of the data.
func (x *Index) compileDerive() error {
	for i, d := range x.recipe.Derive {
		where := fmt.Sprintf("derive[%d]", i)
		if x.data.Column(d.Of) == nil {
			return fmt.Errorf("%s.of: no column %q in the data%s", where, d.Of, hint(d.Of, x.columnCodes()))
		}
		if d.Code == "" || d.As == "" {
			return fmt.Errorf("%s: code and as are both needed", where)
		}
		if c := x.data.Column(d.Code); c != nil {
			if c.derived { // the data of an index compiled before
				continue
			}
			return fmt.Errorf("%s.code: the data has a column %s already; name a new one", where, d.Code)
		}
		if or(d.Lag, 1) <= 0 {
			return fmt.Errorf("%s.lag: %v; it is above 0", where, *d.Lag)
		}
		n := len(x.data.Units)
		x.data.Columns = append(x.data.Columns, Column{Code: d.Code, Values: make([]float64, n), State: make([]Cell, n), derived: true})
	}
	x.derive()
	return nil
}
