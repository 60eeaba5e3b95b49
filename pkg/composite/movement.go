package composite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// Cause is one of the seven reasons for which a score or a place changes.
type Cause int

// The causes, in the order in which they are shown.
const (
	OwnValues Cause = iota
	RivalValues
	OwnRevisions
	RivalRevisions
	Method
	Membership
	NewPeriod
	causes
)

// String names the cause.
func (c Cause) String() string {
	return [...]string{"own values", "rivals' values", "own revisions", "rivals' revisions", "method or weights", "membership", "new period"}[c]
}

// Causes lists all causes in order.
func Causes() []Cause {
	out := make([]Cause, causes)
	for i := range out {
		out[i] = Cause(i)
	}
	return out
}

// MovementOptions says what to compare. The zero value compares the latest
// periods.
type MovementOptions struct {
	// From and To are the periods of the two runs that are compared; nil for the
	// latest of each.
	From, To *float64
	// Restated holds the figures of the first period as they are known at the
	// second run, by unit code; where it is nil the second run's own rows of the
	// first period are taken, if it has them.
	Restated *Data
}

// Moved is the movement of one unit split by cause.
type Moved struct {
	Unit               string
	ScoreFrom, ScoreTo float64
	PlaceFrom, PlaceTo int
	// Score has a part for each cause; they sum to ScoreTo - ScoreFrom.
	Score [causes]float64
	// Fractions are the parts of the movement in places, upward counted
	// positive; they sum to PlaceFrom - PlaceTo. Places are the same rounded by
	// the largest remainder, and sum to it too.
	Fractions [causes]float64
	Places    [causes]int
	// Mixes is the number of mixed runs; Undefined counts those in which the
	// unit had no score or place and the first run's stands in.
	Mixes, Undefined int
}

// Movement splits, for one unit, the change of score and place between two runs
// by cause, as Shapley values over mixed runs: each cause is taken from the first
// run or the second, in all combinations of the causes that differ at all, and a
// cause gets the mean of what it adds over all orders. The parts sum to the whole;
// a single cause gets all of it; a cause in which the runs do not differ is not
// played and gets exactly 0; equal causes get equal parts.
//
// What belongs to which cause:
//
//   - values: a figure that the later run has for its period in the place of the
//     earlier run's figure for its own. In runs of the same period: a figure that
//     was missing and came in.
//   - revisions: a figure for the first run's period that is known otherwise at
//     the second run (from opt.Restated, or from the second run's rows of that
//     period; in runs of the same period, every changed or withdrawn figure).
//   - own is the unit's, rivals' are all others'.
//   - method: recipe, tree, weights and tables. A column that only one run has
//     comes with it.
//   - membership: which units take part, and in which class they are.
//   - new period: what follows from the calendar alone: the label of the period,
//     and rows of periods other than the two compared that only one run has (they
//     matter to imputation in time and to scaling over all periods).
//
// A cell that was revised and then replaced is, in the mix with the new value but
// without the revision, the old figure plus the change (or times the ratio, if that
// would turn positive figures negative).
//
// It needs the unit to have a score in both runs. It takes up to 2^7 runs, 2^k for k
// causes that differ; see [Movements] for several units.
func Movement(ctx context.Context, from, to *Index, unit string, opt MovementOptions) (*Moved, error) {
	m, err := newMover(from, to, opt)
	if err != nil {
		return nil, err
	}
	return m.move(ctx, unit)
}

// Movements is [Movement] for several units, nil for all with a score in both runs,
// in the order of the second. Mixed runs that do not tell own from rivals' are
// shared.
func Movements(ctx context.Context, from, to *Index, units []string, opt MovementOptions) ([]*Moved, error) {
	m, err := newMover(from, to, opt)
	if err != nil {
		return nil, err
	}
	if units == nil {
		for _, u := range m.data[1].Units {
			if u.Time == m.time[1] && m.end[0][u.Code].scored() && m.end[1][u.Code].scored() {
				units = append(units, u.Code)
			}
		}
	}
	out := make([]*Moved, len(units))
	for i, u := range units {
		if out[i], err = m.move(ctx, u); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// standing is a score and a place.
type standing struct {
	score float64
	place int
	has   bool
}

func (s standing) scored() bool { return s.has && s.score == s.score }

// cell is a value with its state.
type cellValue struct {
	v float64
	s Cell
}

var absent = cellValue{nan, Missing}

// mover mixes two runs.
type mover struct {
	index [2]*Index
	data  [2]*Data
	time  [2]float64
	// row of a unit in the period compared, and of units in other periods.
	row     [2]map[string]int
	codes   []string // columns of either
	column  [2]map[string]int
	restate func(unit, code string) (cellValue, bool)
	units   []string // of either, in order
	groups  []string
	end     [2]map[string]standing
	// active causes other than those of values and revisions.
	method, members, period bool
	cache                   map[uint]map[string]standing
	cells                   map[string]unitCells
	history                 []Unit
	historyRow              [2]map[Unit]int
}

// unitCells are the cells of a unit: as the first run has them, restated, and as
// the second has them.
type unitCells struct {
	a, r, b         []cellValue
	revised, valued bool
}

func newMover(from, to *Index, opt MovementOptions) (*mover, error) {
	if from == nil || to == nil {
		return nil, errors.New("composite: movement: two runs are needed")
	}
	m := &mover{index: [2]*Index{from, to}, data: [2]*Data{from.data, to.data}, cache: map[uint]map[string]standing{}, cells: map[string]unitCells{}}
	seen := map[string]bool{}
	for k, d := range m.data {
		periods := d.Periods()
		m.time[k] = periods[len(periods)-1]
		if t := [2]*float64{opt.From, opt.To}[k]; t != nil {
			if !slices.Contains(periods, *t) {
				return nil, fmt.Errorf("composite: movement: the data of run %d have no period %v", k+1, *t)
			}
			m.time[k] = *t
		}
		m.row[k], m.column[k], m.historyRow[k] = map[string]int{}, map[string]int{}, map[Unit]int{}
		for r, u := range d.Units {
			if u.Time == m.time[k] {
				m.row[k][u.Code] = r
				if !seen["u"+u.Code] {
					seen["u"+u.Code] = true
					m.units = append(m.units, u.Code)
				}
			}
		}
		for c := range d.Columns {
			if d.Columns[c].derived {
				continue // a mix derives its own
			}
			m.column[k][d.Columns[c].Code] = c
			if code := d.Columns[c].Code; !seen["c"+code] {
				seen["c"+code] = true
				m.codes = append(m.codes, code)
			}
		}
		for _, g := range d.Groups {
			if !seen["g"+g.Code] {
				seen["g"+g.Code] = true
				m.groups = append(m.groups, g.Code)
			}
		}
	}
	slices.Sort(m.units)
	m.restatements(opt)
	m.otherPeriods()
	for _, u := range m.units {
		m.cells[u] = m.compareCells(u)
	}
	m.method = !sameMethod(from, to)
	for _, u := range m.units {
		a, inA := m.row[0][u]
		b, inB := m.row[1][u]
		m.members = m.members || inA != inB
		for _, g := range m.groups {
			if inA && inB && class(m.data[0], g, a) != class(m.data[1], g, b) {
				m.members = true
			}
		}
	}
	for k, x := range m.index {
		res, err := x.Run()
		if err != nil {
			return nil, fmt.Errorf("composite: movement: run %d: %w", k+1, err)
		}
		m.end[k] = standings(res, m.time[k])
	}
	return m, nil
}

func standings(res *Result, time float64) map[string]standing {
	out := map[string]standing{}
	for r, u := range res.Screened.Units {
		if u.Time == time {
			out[u.Code] = standing{res.Scores[r], res.Places[r], true}
		}
	}
	return out
}

func class(d *Data, group string, row int) string {
	if g := d.Group(group); g != nil {
		return g.Values[row]
	}
	return ""
}

func sameMethod(a, b *Index) bool {
	ra, err1 := json.Marshal(a.recipe)
	rb, err2 := json.Marshal(b.recipe)
	if err1 != nil || err2 != nil || string(ra) != string(rb) || len(a.tree.Nodes) != len(b.tree.Nodes) {
		return false
	}
	for i, n := range a.tree.Nodes {
		o := b.tree.Nodes[i]
		if n.Target != n.Target && o.Target != o.Target {
			n.Target, o.Target = 0, 0
		}
		n.Name, o.Name, n.Unit, o.Unit = "", "", "", ""
		if n != o {
			return false
		}
	}
	for _, p := range a.recipe.Paths() {
		if !reflect.DeepEqual(a.files[p], b.files[p]) {
			return false
		}
	}
	return true
}

// restatements finds the figures of the first period as known at the second run.
func (m *mover) restatements(opt MovementOptions) {
	d := opt.Restated
	if d == nil && m.time[0] != m.time[1] {
		d = m.data[1]
	}
	if d == nil {
		m.restate = func(string, string) (cellValue, bool) { return absent, false }
		return
	}
	row := map[string]int{}
	for r, u := range d.Units {
		if u.Time == m.time[0] || opt.Restated != nil && !d.Panel() {
			row[u.Code] = r
		}
	}
	m.restate = func(unit, code string) (cellValue, bool) {
		r, ok := row[unit]
		if !ok {
			return absent, false
		}
		col := d.Column(code)
		if col == nil {
			return absent, false
		}
		return cellOf(col, r), true
	}
}

func cellOf(c *Column, r int) cellValue {
	s := Known
	if c.State != nil {
		s = c.State[r]
	} else if c.Values[r] != c.Values[r] {
		s = Missing
	}
	return cellValue{c.Values[r], s}
}

// otherPeriods lists the rows of periods that are not compared.
func (m *mover) otherPeriods() {
	for k, d := range m.data {
		for r, u := range d.Units {
			key := Unit{Code: u.Code, Time: u.Time}
			if u.Time == m.time[k] {
				continue
			}
			m.historyRow[k][key] = r
			if !slices.Contains(m.history, key) {
				m.history = append(m.history, key)
			}
		}
	}
	same := m.time[0] == m.time[1]
	for _, u := range m.history {
		_, a := m.historyRow[0][u]
		_, b := m.historyRow[1][u]
		// A row of the other run's own period is not history there.
		m.period = m.period || a != b || !same
	}
}

func (m *mover) cell(k int, unit, code string) (cellValue, bool) {
	r, ok := m.row[k][unit]
	c, has := m.column[k][code]
	if !ok || !has {
		return absent, false
	}
	return cellOf(&m.data[k].Columns[c], r), true
}

// compareCells sorts the changes of a unit's figures into revisions and values.
func (m *mover) compareCells(unit string) unitCells {
	var u unitCells
	same := m.time[0] == m.time[1]
	for _, code := range m.codes {
		a, inA := m.cell(0, unit, code)
		b, inB := m.cell(1, unit, code)
		switch {
		case !inA:
			a = b
		case !inB:
			b = a
		}
		r, restated := m.restate(unit, code)
		switch {
		case !inA || !inB:
			r = a
		case restated:
		case same && a.s.HasValue() && !equalCells(a, b):
			r = b
		default:
			r = a
		}
		u.revised = u.revised || !equalCells(a, r)
		u.valued = u.valued || !equalCells(r, b)
		u.a, u.r, u.b = append(u.a, a), append(u.r, r), append(u.b, b)
	}
	// Earlier and later periods that both runs have: a change is a revision.
	for _, h := range m.history {
		ra, inA := m.historyRow[0][h]
		rb, inB := m.historyRow[1][h]
		if h.Code != unit || !inA || !inB {
			continue
		}
		for _, code := range m.codes {
			ca, okA := m.column[0][code]
			cb, okB := m.column[1][code]
			if okA && okB && !equalCells(cellOf(&m.data[0].Columns[ca], ra), cellOf(&m.data[1].Columns[cb], rb)) {
				u.revised = true
			}
		}
	}
	return u
}

func equalCells(a, b cellValue) bool {
	return a.s.HasValue() == b.s.HasValue() && (!a.s.HasValue() && a.s == b.s || a.s.HasValue() && a.v == b.v)
}

// mixed is a cell with or without the revision and the new value.
func mixed(a, r, b cellValue, revised, valued bool) cellValue {
	switch {
	case revised && valued:
		return b
	case revised:
		return r
	case !valued || equalCells(r, b):
		return a
	case equalCells(a, r) || !a.s.HasValue() || !r.s.HasValue() || !b.s.HasValue():
		return b
	}
	v := a.v + (b.v - r.v)
	if a.v > 0 && r.v > 0 && b.v > 0 && v <= 0 {
		v = a.v * (b.v / r.v)
	}
	return cellValue{v, Known}
}

// play runs a mix. set has a bit for each cause that is taken from the second run.
func (m *mover) play(set uint, unit string) (map[string]standing, error) {
	on := func(c Cause) bool { return set>>c&1 == 1 }
	// Without a difference between own and rivals' the mix serves every unit.
	shared := on(OwnValues) == on(RivalValues) && on(OwnRevisions) == on(RivalRevisions)
	if shared {
		if got, ok := m.cache[set]; ok {
			return got, nil
		}
	}
	bit := func(c Cause) int {
		if on(c) {
			return 1
		}
		return 0
	}
	method := m.index[bit(Method)]
	member, period := bit(Membership), bit(NewPeriod)
	d := &Data{HasTime: m.data[period].HasTime}
	type from struct {
		run, row int
	}
	var source []from
	var cells [][]cellValue
	takesPart := map[string]bool{}
	for _, u := range m.units {
		row, ok := m.row[member][u]
		if !ok {
			continue
		}
		takesPart[u] = true
		revised, valued := on(RivalRevisions), on(RivalValues)
		if u == unit {
			revised, valued = on(OwnRevisions), on(OwnValues)
		}
		c := m.cells[u]
		line := make([]cellValue, len(m.codes))
		for i := range line {
			line[i] = mixed(c.a[i], c.r[i], c.b[i], revised, valued)
		}
		d.Units = append(d.Units, Unit{Code: u, Name: m.data[member].Units[row].Name, Time: m.time[period]})
		source, cells = append(source, from{member, row}), append(cells, line)
	}
	for _, h := range m.history {
		row, ok := m.historyRow[period][h]
		if !ok || !takesPart[h.Code] {
			continue
		}
		// A figure that both runs have in a period not compared is revised or not.
		run, r := period, row
		revised := on(RivalRevisions)
		if h.Code == unit {
			revised = on(OwnRevisions)
		}
		k := 0
		if revised {
			k = 1
		}
		if other, both := m.historyRow[k][h]; both {
			run, r = k, other
		} else if k == 0 && h.Time == m.time[0] {
			// The first run's own period, now history, as it was known then.
			if other, had := m.row[0][h.Code]; had {
				run, r = 0, other
			}
		}
		line := make([]cellValue, len(m.codes))
		for i, code := range m.codes {
			line[i] = absent
			if c, ok := m.column[run][code]; ok {
				line[i] = cellOf(&m.data[run].Columns[c], r)
			} else if c, ok := m.column[period][code]; ok {
				line[i] = cellOf(&m.data[period].Columns[c], row)
			}
		}
		d.Units = append(d.Units, Unit{Code: h.Code, Name: m.data[period].Units[row].Name, Time: h.Time})
		source, cells = append(source, from{period, row}), append(cells, line)
	}
	for i, code := range m.codes {
		col := Column{Code: code, Values: make([]float64, len(cells)), State: make([]Cell, len(cells))}
		for r, line := range cells {
			col.Values[r], col.State[r] = line[i].v, line[i].s
		}
		d.Columns = append(d.Columns, col)
	}
	for _, g := range m.groups {
		col := Grouping{Code: g, Values: make([]string, len(source))}
		for r, s := range source {
			col.Values[r] = class(m.data[s.run], g, s.row)
			if m.data[s.run].Group(g) == nil {
				if row, ok := m.row[1-s.run][d.Units[r].Code]; ok {
					col.Values[r] = class(m.data[1-s.run], g, row)
				}
			}
		}
		d.Groups = append(d.Groups, col)
	}
	out := map[string]standing{}
	if len(d.Units) > 0 {
		x, err := Compile(method.recipe, method.tree, d, method.files)
		if err != nil {
			return nil, fmt.Errorf("composite: movement: a mix of the two runs cannot be computed: %w", err)
		}
		res, err := x.Run()
		if err != nil {
			return nil, fmt.Errorf("composite: movement: a mix of the two runs cannot be computed: %w", err)
		}
		out = standings(res, m.time[period])
	}
	if shared {
		m.cache[set] = out
	}
	return out, nil
}

// active are the causes in which the runs differ for the unit.
func (m *mover) active(unit string) []Cause {
	var differ [causes]bool
	for u, c := range m.cells {
		if u == unit {
			differ[OwnValues], differ[OwnRevisions] = c.valued, c.revised
		} else {
			differ[RivalValues] = differ[RivalValues] || c.valued
			differ[RivalRevisions] = differ[RivalRevisions] || c.revised
		}
	}
	differ[Method], differ[Membership], differ[NewPeriod] = m.method, m.members, m.period
	var out []Cause
	for c, d := range differ {
		if d {
			out = append(out, Cause(c))
		}
	}
	return out
}

func (m *mover) move(ctx context.Context, unit string) (*Moved, error) {
	for k := range m.end {
		if !m.end[k][unit].scored() {
			return nil, fmt.Errorf("composite: movement: %s has no score in run %d, so there is no movement to split", unit, k+1)
		}
	}
	a, b := m.end[0][unit], m.end[1][unit]
	out := &Moved{Unit: unit, ScoreFrom: a.score, ScoreTo: b.score, PlaceFrom: a.place, PlaceTo: b.place}
	players := m.active(unit)
	scores, places := make([]float64, 1<<len(players)), make([]float64, 1<<len(players))
	for s := range scores {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var set uint
		for i, c := range players {
			set |= uint(s>>i&1) << c
		}
		var now standing
		switch s {
		case 0:
			now = a
		case len(scores) - 1:
			now = b
		default:
			mix, err := m.play(set, unit)
			if err != nil {
				return nil, err
			}
			now = mix[unit]
			out.Mixes++
		}
		if !now.scored() || now.place == 0 && a.place != 0 && b.place != 0 {
			out.Undefined++
			if !now.scored() {
				now.score = a.score
			}
			now.place = a.place
		}
		scores[s], places[s] = now.score, -float64(now.place)
	}
	if len(players) == 0 {
		return out, nil
	}
	parts := shapleyOf(len(players), scores)
	for i, c := range players {
		out.Score[c] = parts[i]
	}
	if a.place == 0 || b.place == 0 {
		for _, c := range players {
			out.Fractions[c] = nan
		}
		return out, nil
	}
	parts = shapleyOf(len(players), places)
	for i, c := range players {
		out.Fractions[c] = parts[i]
		// Sums of a few thousandths of whole numbers: what is whole is whole.
		if r := math.Round(parts[i]); math.Abs(parts[i]-r) < 1e-9 {
			out.Fractions[c] = r
		}
	}
	copy(out.Places[:], LargestRemainder(out.Fractions[:], a.place-b.place))
	return out, nil
}
