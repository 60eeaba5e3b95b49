package composite

import (
	"fmt"
	"math"
	"slices"
)

// Cell says what stands behind the value of a cell.
type Cell uint8

// The states of a cell.
const (
	// Known: the value was given.
	Known Cell = iota
	// Missing: there should be a value, it is not known; the value is NaN.
	Missing
	// NotApplicable: there cannot be a value (a zone without a port has no
	// port throughput); the value is NaN, nothing imputes it, and it counts
	// neither for nor against completeness.
	NotApplicable
	// Imputed: the value was filled in by the impute step.
	Imputed
)

// String is the lower-case name of the state.
func (c Cell) String() string {
	switch c {
	case Known:
		return "known"
	case Missing:
		return "missing"
	case NotApplicable:
		return "not applicable"
	case Imputed:
		return "imputed"
	}
	return fmt.Sprintf("Cell(%d)", uint8(c))
}

// HasValue reports whether a number stands in the cell.
func (c Cell) HasValue() bool { return c == Known || c == Imputed }

// Unit is one row of the data: a unit in a period.
type Unit struct {
	Code string
	Name string
	// Time is the period as a number, a year or any other ordered measure.
	// Data of one period may leave it zero everywhere.
	Time float64
}

// Column is a numeric column of the data.
type Column struct {
	Code string
	// Values holds one value a row; NaN where State says there is none.
	Values []float64
	// State holds one state a row. Nil stands for "NaN is Missing, all else
	// Known"; [Compile] fills it in on its own copy.
	State []Cell

	// derived marks a column that the derive step of a recipe made.
	derived bool
}

// Grouping is a text column: the class of each row, "" for none.
type Grouping struct {
	Code   string
	Values []string
}

// Data is the input table. Rows may stand in any order; a pair of unit code and
// time occurs once. Data with more than one distinct time is a panel.
type Data struct {
	Units []Unit
	// HasTime says that Time was given; it is only of note for output.
	HasTime bool
	// Columns are indicators, denominators and columns of events.
	Columns []Column
	Groups  []Grouping
}

// Column returns the column with the code, or nil.
func (d *Data) Column(code string) *Column {
	for i := range d.Columns {
		if d.Columns[i].Code == code {
			return &d.Columns[i]
		}
	}
	return nil
}

// Group returns the grouping with the code, or nil.
func (d *Data) Group(code string) *Grouping {
	for i := range d.Groups {
		if d.Groups[i].Code == code {
			return &d.Groups[i]
		}
	}
	return nil
}

// Periods returns the distinct times, ascending.
func (d *Data) Periods() []float64 {
	var times []float64
	for _, u := range d.Units {
		times = append(times, u.Time)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// Panel reports whether there is more than one period.
func (d *Data) Panel() bool {
	for _, u := range d.Units {
		if u.Time != d.Units[0].Time {
			return true
		}
	}
	return false
}

// check refuses data that no step could work on: columns of another length,
// infinities, states that contradict values, a unit that occurs twice in a
// period.
func (d *Data) check() error {
	type key struct {
		code string
		time float64
	}
	seen := make(map[key]int, len(d.Units))
	for i, u := range d.Units {
		if u.Code == "" {
			return fmt.Errorf("composite: row %d has no unit code; give every unit a code", i+1)
		}
		if math.IsNaN(u.Time) || math.IsInf(u.Time, 0) {
			return fmt.Errorf("composite: unit %s (row %d): the time is not a finite number", u.Code, i+1)
		}
		if first, ok := seen[key{u.Code, u.Time}]; ok {
			return fmt.Errorf("composite: unit %s occurs twice in the same period (rows %d and %d); keep one of them, or give them different times",
				u.Code, first+1, i+1)
		}
		seen[key{u.Code, u.Time}] = i
	}
	codes := make(map[string]bool)
	for i := range d.Columns {
		c := &d.Columns[i]
		if codes[c.Code] {
			return fmt.Errorf("composite: column %s occurs twice", c.Code)
		}
		codes[c.Code] = true
		if len(c.Values) != len(d.Units) {
			return fmt.Errorf("composite: column %s has %d values for %d units", c.Code, len(c.Values), len(d.Units))
		}
		if c.State != nil && len(c.State) != len(c.Values) {
			return fmt.Errorf("composite: column %s has %d states for %d values", c.Code, len(c.State), len(c.Values))
		}
		for r, v := range c.Values {
			if math.IsInf(v, 0) {
				return fmt.Errorf("composite: column %s, unit %s: the value is infinite; mark it missing or give a finite number", c.Code, d.Units[r].Code)
			}
			if c.State != nil && c.State[r].HasValue() == math.IsNaN(v) {
				return fmt.Errorf("composite: column %s, unit %s: the value %v contradicts the state %q", c.Code, d.Units[r].Code, v, c.State[r])
			}
		}
	}
	for _, g := range d.Groups {
		if len(g.Values) != len(d.Units) {
			return fmt.Errorf("composite: group column %s has %d values for %d units", g.Code, len(g.Values), len(d.Units))
		}
	}
	return nil
}

// Frame is a table of one stage: rows by columns, column-major.
type Frame struct {
	// Units are the rows.
	Units []Unit
	// Codes are the columns.
	Codes []string
	// Values[c][r] is the value of column c in row r; NaN where State[c][r]
	// has no value. The columns share one block of memory.
	Values [][]float64
	State  [][]Cell
}

// newFrame makes an all-missing frame.
func newFrame(units []Unit, codes []string) *Frame {
	n := len(units)
	f := &Frame{Units: units, Codes: codes, Values: make([][]float64, len(codes)), State: make([][]Cell, len(codes))}
	values := make([]float64, n*len(codes))
	state := make([]Cell, n*len(codes))
	for i := range values {
		values[i] = math.NaN()
		state[i] = Missing
	}
	for c := range codes {
		f.Values[c] = values[c*n : (c+1)*n : (c+1)*n]
		f.State[c] = state[c*n : (c+1)*n : (c+1)*n]
	}
	return f
}

// Clone is a deep copy; the units are shared.
func (f *Frame) Clone() *Frame {
	g := newFrame(f.Units, f.Codes)
	for c := range f.Codes {
		copy(g.Values[c], f.Values[c])
		copy(g.State[c], f.State[c])
	}
	return g
}

// Column returns the number of the column with the code, or -1.
func (f *Frame) Column(code string) int { return slices.Index(f.Codes, code) }

// keepRows is a frame of some of the rows.
func (f *Frame) keepRows(rows []int) *Frame {
	units := make([]Unit, len(rows))
	for i, r := range rows {
		units[i] = f.Units[r]
	}
	g := newFrame(units, f.Codes)
	for c := range f.Codes {
		for i, r := range rows {
			g.Values[c][i] = f.Values[c][r]
			g.State[c][i] = f.State[c][r]
		}
	}
	return g
}

// set writes a value, or marks the cell missing if it is not finite. An
// imputed cell stays marked as imputed.
func (f *Frame) set(c, r int, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		f.Values[c][r] = math.NaN()
		if f.State[c][r] != NotApplicable {
			f.State[c][r] = Missing
		}
		return
	}
	f.Values[c][r] = v + 0 // no negative zero
	if !f.State[c][r].HasValue() {
		f.State[c][r] = Known
	}
}
