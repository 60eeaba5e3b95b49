package composite

import "fmt"

// denominate divides each indicator by its denominator, times the scale of the
// recipe. A denominator that is missing or zero leaves the cell missing, with
// a warning; a cell without a value stays as it is.
func (x *Index) denominate(raw *Frame, w *warnings) *Frame {
	d := x.recipe.Denominate
	if d == nil || !d.On {
		return raw
	}
	f := raw.Clone()
	for c, leaf := range x.tree.Leaves {
		den := x.denom[c]
		scale, scaled := d.Scale[x.tree.Nodes[leaf].Code]
		if den == nil && !scaled {
			continue
		}
		for r := range f.Units {
			if !f.State[c][r].HasValue() {
				continue
			}
			v := f.Values[c][r]
			if den != nil {
				q := den.Values[r]
				switch {
				case q != q:
					w.cell("denominate", f, c, r, fmt.Sprintf("its denominator %s is missing, so the value is missing", den.Code))
				case q == 0:
					w.cell("denominate", f, c, r, fmt.Sprintf("its denominator %s is zero, so the value is missing", den.Code))
					q = nan
				}
				v /= q
			}
			if scaled {
				v *= scale
			}
			f.set(c, r, v)
		}
	}
	return f
}

// warnings collects what a run has to say.
type warnings struct{ list []Warning }

func (w *warnings) add(stage, code, text string) {
	w.list = append(w.list, Warning{Stage: stage, Code: code, Text: text})
}

func (w *warnings) cell(stage string, f *Frame, c, r int, text string) {
	w.list = append(w.list, Warning{Stage: stage, Code: f.Codes[c], Unit: f.Units[r].Code, Time: f.Units[r].Time, Text: text})
}

func (w *warnings) unit(stage, code string, u Unit, text string) {
	w.list = append(w.list, Warning{Stage: stage, Code: code, Unit: u.Code, Time: u.Time, Text: text})
}

func (w *warnings) period(stage, code string, time float64, text string) {
	w.list = append(w.list, Warning{Stage: stage, Code: code, Time: time, Text: text})
}
