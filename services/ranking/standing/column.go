package standing

import (
	"cmp"
	"slices"

	"zonebench.internal/pkg/period"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// A Column is the figures of one indicator for all members: a leaf's own, or
// those of its growth.
type Column struct {
	Leaf      Leaf
	Indicator *indicatorv1.Indicator
	table     *Table
	wanted    wanted
	cells     []Cell
	places    []int32
	of        int32
}

// Column of an indicator that is a leaf's or the growth of one; false for another.
func (t *Table) Column(indicator string) (*Column, bool) {
	for l, leaf := range t.leaves {
		if leaf.Node.GetLeaf().GetIndicator() == indicator {
			return t.leafColumn(l), true
		}
	}
	for l, leaf := range t.leaves {
		if leaf.Growth != nil && leaf.Growth.GetName() == indicator {
			return t.growthColumn(l), true
		}
	}
	return nil, false
}

func (t *Table) leafColumn(l int) *Column {
	leaf := t.leaves[l]
	c := &Column{Leaf: leaf, Indicator: leaf.Indicator, table: t, wanted: leaf.wanted(), cells: t.cells[l]}
	c.places, c.of = t.places(c.cells, c.Indicator, l)
	return c
}

// growthColumn finds the cells once for a table.
func (t *Table) growthColumn(l int) *Column {
	leaf := t.leaves[l]
	c := &Column{Leaf: leaf, Indicator: leaf.Growth, table: t, wanted: leaf.ofGrowth()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.growth == nil {
		t.growth = make([][]Cell, len(t.leaves))
	}
	if t.growth[l] == nil {
		t.growth[l] = t.column(c.wanted)
	}
	c.cells = t.growth[l]
	c.places, c.of = t.places(c.cells, c.Indicator, -1)
	return c
}

// Growth is the column of the growth of the leaf with that number, nil for none.
func (t *Table) Growth(leaf int) *Column {
	if t.leaves[leaf].Growth == nil {
		return nil
	}
	return t.growthColumn(leaf)
}

// Cell of a zone, with its place; nil when it has no row.
func (c *Column) Cell(zone string) *rankingv1.LeafCell {
	m, ok := c.table.row[zone]
	if !ok {
		return nil
	}
	return c.cell(m)
}

func (c *Column) cell(m int) *rankingv1.LeafCell {
	out := message(&c.cells[m], c.Leaf.ID(), c.Indicator.GetName())
	if out.Place = c.places[m]; out.GetPlace() > 0 {
		out.Of = c.of
	}
	return out
}

// Rows are all rows by place, then those without one: with a number by number,
// the others by name.
func (c *Column) Rows() []*rankingv1.IndicatorStanding {
	t := c.table
	order := make([]int, len(t.members))
	for m := range order {
		order[m] = m
	}
	rank := func(m int) int32 {
		if c.places[m] == 0 {
			return 1 << 30
		}
		return c.places[m]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &c.cells[a], &c.cells[b]
		if r := cmp.Compare(rank(a), rank(b)); r != 0 {
			return r
		}
		if x.Known() != y.Known() {
			if x.Known() {
				return -1
			}
			return 1
		}
		// Without places the order tells none.
		return 0
	})
	simulated := t.done().head.GetSimulated()
	rows := make([]*rankingv1.IndicatorStanding, len(order))
	for i, m := range order {
		zone := t.members[m].zone
		rows[i] = &rankingv1.IndicatorStanding{Subject: zone.GetName(), DisplayName: Marked(zone.GetDisplayName(), simulated), Cell: c.cell(m)}
	}
	return rows
}

// References are the figures of the ranking's reference units, for a period or
// the ranking's own for "". A simulated one does not stand beside real rows, nor
// a real one beside simulated rows, unless the ranking mixes them.
func (c *Column) References(of string) []*rankingv1.ReferenceValue {
	t := c.table
	simulated := t.done().head.GetSimulated()
	var list []*rankingv1.ReferenceValue
	for _, name := range t.in.Ranking.GetReferences() {
		unit, ok := t.in.Zones.ReferenceUnit(name)
		if !ok {
			continue
		}
		key := t.key(name, c.wanted)
		if p, err := period.Parse(of); err == nil && of != "" {
			key.Period = p.String()
		}
		cell := t.own(key)
		if !cell.Known() || (cell.Simulated || unit.GetSimulated()) != simulated && !t.in.Ranking.GetMixSimulated() {
			continue
		}
		list = append(list, &rankingv1.ReferenceValue{
			Subject: name, DisplayName: Marked(unit.GetDisplayName(), simulated), Indicator: c.Indicator.GetName(), Number: cell.Number, Period: cell.Period,
		})
	}
	return list
}

// Period of the ranking.
func (t *Table) Period() period.Period { return t.period }

// Weighs reports whether the weights of the scheme's tree are what the recipe
// weighs by; otherwise it makes its own, and other weights would change nothing.
func (t *Table) Weighs() bool {
	recipe, err := Recipe(t.in.Scheme)
	return err == nil && (recipe.Weights == nil || recipe.Weights.From == "" || recipe.Weights.From == "meta")
}

// FigureOf names a cell.
type FigureOf struct{ Zone, Node string }

// A Figure is what a cell takes into the score.
type Figure struct{ Indicator, Number, Period string }

// Figures are those of the named zones that have a row.
func (t *Table) Figures(zones []string) map[FigureOf]Figure {
	out := make(map[FigureOf]Figure)
	for _, zone := range zones {
		m, ok := t.row[zone]
		if !ok {
			continue
		}
		for l, leaf := range t.leaves {
			c := &t.cells[l][m]
			out[FigureOf{zone, leaf.ID()}] = Figure{leaf.Node.GetLeaf().GetIndicator(), c.Number, c.Period}
		}
	}
	return out
}
