package standing

import (
	"cmp"
	"slices"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// cellDecimals is how far the scores of leaves and their points are told: they
// explain and decide nothing.
const cellDecimals = 6

// Cells gives the cells of the rows of the named zones, in the order of the
// scheme, with their places among all rows, scores, points and marks. The engine
// runs once, however many rows there are.
func (t *Table) Cells(zones []string) [][]*rankingv1.LeafCell {
	done := t.done()
	places := make([][]int32, len(t.leaves))
	ofs := make([]int32, len(t.leaves))
	for l := range t.leaves {
		places[l], ofs[l] = t.places(t.cells[l], t.leaves[l].Indicator, l)
	}
	out := make([][]*rankingv1.LeafCell, len(zones))
	for i, zone := range zones {
		m, ok := t.row[zone]
		if !ok {
			continue
		}
		points := done.points(m)
		cells := make([]*rankingv1.LeafCell, len(t.leaves))
		for l, leaf := range t.leaves {
			c := message(&t.cells[l][m], leaf.ID(), leaf.Node.GetLeaf().GetIndicator())
			c.Place = places[l][m]
			if c.GetPlace() > 0 {
				c.Of = ofs[l]
			}
			if done.run != nil && done.at[m] >= 0 {
				if s := done.run.Score(leaf.ID())[done.at[m]]; s == s {
					c.Score = decimal(composite.Round(s, cellDecimals), -1)
				}
			}
			c.Points = points[leaf.ID()]
			cells[l] = c
		}
		mark(cells)
		out[i] = cells
	}
	return out
}

// message is a cell as it is told.
func message(c *Cell, node, indicator string) *rankingv1.LeafCell {
	return &rankingv1.LeafCell{
		Node: node, Indicator: indicator, Number: c.Number, Period: c.Period, AgeMonths: c.Age, Gap: c.Gap, Reason: c.Reason, Simulated: c.Simulated,
	}
}

// points are what the leaves give to the score of a member; nil where the score
// is no weighted sum.
func (r *result) points(m int) map[string]string {
	if r.run == nil || r.at[m] < 0 || !r.index.Additive() {
		return nil
	}
	e, err := r.index.Explain(r.run, r.at[m], "", composite.ExplainOptions{})
	if err != nil { // It has no score.
		return nil
	}
	points := make(map[string]string, len(e.Parts))
	for _, p := range e.Parts {
		if p.Score == p.Score {
			points[p.Code] = decimal(composite.Round(p.Points, cellDecimals), -1)
		}
	}
	return points
}

// places are competition places by number, in the good direction, among the
// stated members, and how many have one. There are none while the ranking is
// OPEN or refused as a mix, below the completeness that the leaf asks for, and
// where no direction is good. A column that is no leaf's has leaf -1.
func (t *Table) places(column []Cell, indicator *indicatorv1.Indicator, leaf int) (places []int32, of int32) {
	places = make([]int32, len(column))
	head := t.done().head
	if head.GetState() == rankingv1.RankingState_RANKING_STATE_OPEN || head.GetReason() == mixed {
		return places, 0
	}
	if leaf >= 0 {
		c := head.GetLeaves()[leaf]
		if below(share(int(c.GetKnown()), int(c.GetOf())), c.GetRequired()) {
			return places, 0
		}
	}
	better := betterFirst(indicator)
	if better == nil {
		return places, 0
	}
	var order []int
	for m := range column {
		if t.members[m].stated && column[m].Known() {
			order = append(order, m)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return better(&column[a], &column[b]) })
	for i, m := range order {
		places[m] = int32(i + 1)
		if i > 0 && better(&column[order[i-1]], &column[m]) == 0 {
			places[m] = places[order[i-1]]
		}
	}
	return places, int32(len(order))
}

// betterFirst orders cells by their numbers, the better first; nil where neither
// direction is good.
func betterFirst(indicator *indicatorv1.Indicator) func(a, b *Cell) int {
	switch indicator.GetDirection() {
	case indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER:
		return func(a, b *Cell) int { return compareNumbers(b, a) }
	case indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER:
		return compareNumbers
	default:
		return nil
	}
}

// compareNumbers is exact: float64 decides only where it differs.
func compareNumbers(a, b *Cell) int {
	if c := cmp.Compare(a.Value, b.Value); c != 0 || a.Number == b.Number {
		return c
	}
	c, err := quantity.Compare(a.Number, b.Number)
	if err != nil { // Both were parsed before.
		return 0
	}
	return c
}

// How many cells of a row are its best, and which places always count.
const (
	marked     = 10
	firstThree = 3
)

// mark tells the strengths and weaknesses among the cells of one row, by the rule
// of the Global Innovation Index: the ten best by percentile and the first three
// places are strengths, the ten worst and the last three weaknesses. That rule is
// made for some eighty indicators. So that it says something of a few, not more
// than a quarter of the leaves are the best or the worst by percentile, and a
// strength lies in the upper half of its column, a weakness in the lower.
func mark(cells []*rankingv1.LeafCell) {
	type ranked struct {
		cell *rankingv1.LeafCell
		at   float64 // share of the others that do not stand before it
	}
	var list []ranked
	for _, c := range cells {
		if c.GetOf() > 1 {
			list = append(list, ranked{c, float64(c.GetOf()-c.GetPlace()) / float64(c.GetOf()-1)})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.at, a.at) })
	n := min(marked, (len(list)+3)/4)
	for _, r := range list {
		best := r.at >= list[n-1].at || r.cell.GetPlace() <= firstThree
		worst := r.at <= list[len(list)-n].at || r.cell.GetPlace() > r.cell.GetOf()-firstThree
		switch {
		case best && r.at > 0.5:
			r.cell.Mark = rankingv1.Mark_MARK_STRENGTH
		case worst && r.at < 0.5:
			r.cell.Mark = rankingv1.Mark_MARK_WEAKNESS
		}
	}
}
