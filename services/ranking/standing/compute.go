package standing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/quantity"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// result is what the engine made of a table.
type result struct {
	index *composite.Index  // nil when nothing was computed
	run   *composite.Result // of the stated members
	rowOf []int             // by row of the engine's data: the member
	at    []int             // by member: row of the run, -1 for none
	scale int               // decimals of scores, -1: as they are
	rows  []*rankingv1.Standing
	order []int // by position: the member
	head  *rankingv1.VersionHead
}

// done computes the table once.
func (t *Table) done() *result {
	t.compute.Do(func() { t.result = t.run(nil) })
	return &t.result
}

// Head is what holds for all rows, without version, commit time and digest. It
// is a new message with each call.
func (t *Table) Head() *rankingv1.VersionHead { return headOf(t.done().head) }

func headOf(h *rankingv1.VersionHead) *rankingv1.VersionHead {
	return &rankingv1.VersionHead{
		Ranking: h.GetRanking(), Rows: h.GetRows(), Placed: h.GetPlaced(), Completeness: h.GetCompleteness(), Leaves: h.GetLeaves(),
		Simulated: h.GetSimulated(), Reason: h.GetReason(), State: h.GetState(), DataCut: h.GetDataCut(),
	}
}

// Rows are the rows by position, without cells, history and previous places. The
// messages are new with each call, their parts are shared.
func (t *Table) Rows() []*rankingv1.Standing { return copied(t.done().rows) }

func copied(rows []*rankingv1.Standing) []*rankingv1.Standing {
	out := make([]*rankingv1.Standing, len(rows))
	for i, r := range rows {
		out[i] = &rankingv1.Standing{
			Subject: r.GetSubject(), DisplayName: r.GetDisplayName(), Position: r.GetPosition(), Place: r.GetPlace(), Of: r.GetOf(),
			Score: r.GetScore(), Completeness: r.GetCompleteness(), Tied: r.GetTied(), Reason: r.GetReason(), Simulated: r.GetSimulated(),
			GapAhead: r.GetGapAhead(), GapBehind: r.GetGapBehind(),
		}
	}
	return out
}

// Places are the places by zone; zones without one are not in it.
func (t *Table) Places() map[string]int32 {
	places := make(map[string]int32)
	for _, r := range t.done().rows {
		if r.GetPlace() > 0 {
			places[r.GetSubject()] = r.GetPlace()
		}
	}
	return places
}

// Try computes the rows as they would be under other weights, by node id. The
// places under the scheme's own weights are their previous places.
func (t *Table) Try(weights map[string]string) (*rankingv1.VersionHead, []*rankingv1.Standing) {
	other := t.run(weights)
	places := t.Places()
	for _, r := range other.rows {
		r.PreviousPlace = places[r.GetSubject()]
	}
	return headOf(other.head), other.rows
}

// run computes the rows, under the scheme's weights or others.
func (t *Table) run(weights map[string]string) result {
	r := result{head: &rankingv1.VersionHead{
		Ranking: t.in.Ranking.GetName(), State: t.in.Ranking.GetState(), DataCut: t.in.Ranking.GetDataCut(),
	}, scale: -1}
	genuine := t.measure(r.head)
	byMember := make([]*rankingv1.Standing, len(t.members))
	for m, member := range t.members {
		row := &rankingv1.Standing{
			Subject: member.zone.GetName(), DisplayName: Marked(member.zone.GetDisplayName(), r.head.GetSimulated()),
			Simulated: member.zone.GetSimulated(), Reason: noScore,
		}
		known, of := 0, len(t.leaves)
		for l := range t.cells {
			c := &t.cells[l][m]
			if c.Known() {
				known++
				row.Simulated = row.GetSimulated() || c.Simulated
			}
			if c.Gap == rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE {
				of--
			}
		}
		row.Completeness = share(known, of)
		if !member.stated {
			row.Reason = uncertain
		}
		byMember[m] = row
	}
	switch {
	case r.head.GetSimulated() && genuine && !t.in.Ranking.GetMixSimulated():
		r.head.Reason = mixed
	case !slices.ContainsFunc(t.members, func(m member) bool { return m.stated }):
		r.head.Reason = noMembers
	default:
		r.head.Reason = t.closed(r.head)
		t.score(&r, weights, byMember)
	}
	if r.head.GetReason() != nil {
		for m, row := range byMember {
			if t.members[m].stated {
				row.Place, row.Reason = 0, r.head.GetReason()
			}
		}
	}
	arrange(&r, byMember)
	return r
}

// measure counts what is known, and reports whether anything is genuine.
func (t *Table) measure(head *rankingv1.VersionHead) (genuine bool) {
	note := func(simulated bool) {
		head.Simulated = head.GetSimulated() || simulated
		genuine = genuine || !simulated
	}
	members, known, of := 0, 0, 0
	for _, m := range t.members {
		if m.stated {
			members++
			note(m.zone.GetSimulated())
		}
	}
	for l, leaf := range t.leaves {
		c := &rankingv1.LeafCompleteness{Node: leaf.ID(), Of: int32(members), Required: leaf.Node.GetLeaf().GetRequiredCompleteness()}
		for m := range t.members {
			cell := &t.cells[l][m]
			if !t.members[m].stated {
				continue
			}
			if cell.Gap == rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE {
				c.Of--
			}
			if cell.Known() {
				c.Known++
				note(cell.Simulated)
			}
			if cell.Carried() {
				c.Carried++
			}
		}
		known, of = known+int(c.GetKnown()), of+int(c.GetOf())
		head.Leaves = append(head.Leaves, c)
	}
	head.Completeness = share(known, of)
	return genuine
}

// closed says why places are not shown yet, nil when they are.
func (t *Table) closed(head *rankingv1.VersionHead) *typev1.Localized {
	if head.GetState() == rankingv1.RankingState_RANKING_STATE_OPEN {
		return open
	}
	required := t.in.Ranking.GetRequiredCompleteness()
	if below(head.GetCompleteness(), required) {
		return text("完整度"+percent(head.GetCompleteness())+",低于要求的"+percent(required),
			"completeness is "+percent(head.GetCompleteness())+", below the "+percent(required)+" that is required")
	}
	for l, c := range head.GetLeaves() {
		if have := share(int(c.GetKnown()), int(c.GetOf())); below(have, c.GetRequired()) {
			name := t.leaves[l].Name()
			return text(name.GetZh()+"的完整度"+percent(have)+",低于要求的"+percent(c.GetRequired()),
				"completeness of "+english(name)+" is "+percent(have)+", below the "+percent(c.GetRequired())+" that is required")
		}
	}
	return nil
}

// Name is the leaf's display name, or its indicator's.
func (l Leaf) Name() *typev1.Localized {
	if l.Node.GetDisplayName().GetZh() != "" {
		return l.Node.GetDisplayName()
	}
	if l.Indicator.GetDisplayName() != nil {
		return l.Indicator.GetDisplayName()
	}
	return text(l.ID(), l.ID())
}

// nodeName is the display name of a leaf by the id of its node, which is the code
// of its column.
func (t *Table) nodeName(id string) *typev1.Localized {
	for _, l := range t.leaves {
		if l.ID() == id {
			return l.Name()
		}
	}
	return text(id, id)
}

// score takes over what the engine finds.
func (t *Table) score(r *result, weights map[string]string, rows []*rankingv1.Standing) {
	x, members, err := t.index(weights)
	if err == nil {
		r.run, err = x.Run()
	}
	if err != nil {
		r.run = nil
		r.head.Reason = text("无法计算:"+err.Error(), "it cannot be computed: "+err.Error())
		return
	}
	r.index, r.rowOf = x, members
	r.at = make([]int, len(t.members))
	for m := range r.at {
		r.at[m] = -1
	}
	if p := x.Recipe().Place; p != nil && p.Decimals != nil && p.Decimals.On {
		r.scale = p.Decimals.N
	}
	for i, row := range r.run.RowOf {
		m := members[row]
		r.at[m] = i
		out := rows[m]
		if s := r.run.Scores[i]; s == s {
			out.Score = decimal(s, r.scale)
		}
		switch {
		case r.run.Places[i] > 0:
			out.Place, out.Reason = int32(r.run.Places[i]), nil
		default:
			out.Reason = absent(r.run.Unplaced[i], t.nodeName)
		}
	}
	for _, d := range r.run.Dropped {
		rows[t.row[d.Unit.Code]].Reason = absent(d.Reason, t.nodeName)
	}
}

// decimal writes a score with so many decimals, or as it is for -1.
func decimal(x float64, decimals int) string {
	if decimals >= 0 {
		x = composite.Round(x, decimals)
	}
	return strconv.FormatFloat(x+0, 'f', decimals, 64)
}

// arrange puts the rows in order and counts places, ties and distances.
func arrange(r *result, byMember []*rankingv1.Standing) {
	held := make(map[int32]int32)
	for _, row := range byMember {
		if row.GetPlace() > 0 {
			held[row.GetPlace()]++
			r.head.Placed++
		}
	}
	r.order = make([]int, len(byMember))
	for m := range byMember {
		r.order[m] = m
	}
	slices.SortStableFunc(r.order, func(a, b int) int { // Members come in the order of their names.
		return cmp.Compare(behind(byMember[a]), behind(byMember[b]))
	})
	r.rows = make([]*rankingv1.Standing, len(byMember))
	for i, m := range r.order {
		row := byMember[m]
		row.Position = int32(i + 1)
		if row.GetPlace() > 0 {
			row.Of, row.Tied = r.head.GetPlaced(), held[row.GetPlace()] > 1
		}
		r.rows[i] = row
	}
	r.head.Rows = int32(len(r.rows))
	for i := 1; i < int(r.head.GetPlaced()); i++ {
		gap := Difference(r.rows[i-1].GetScore(), r.rows[i].GetScore())
		r.rows[i].GapAhead, r.rows[i-1].GapBehind = gap, negated(gap)
	}
}

// negated is a decimal with the other sign.
func negated(number string) string {
	if positive, negative := strings.CutPrefix(number, "-"); negative {
		return positive
	}
	if strings.Trim(number, "0.") == "" { // None, or nought.
		return number
	}
	return "-" + number
}

// behind is a row's place in the order of rows: without a place behind all others.
func behind(row *rankingv1.Standing) int32 {
	if row.GetPlace() == 0 {
		return 1 << 30
	}
	return row.GetPlace()
}

// Difference is a minus b, exact; empty when one of them is none.
func Difference(a, b string) string {
	x, err := quantity.Parse(a)
	if err != nil {
		return ""
	}
	y, err := quantity.Parse(b)
	if err != nil {
		return ""
	}
	return x.Sub(y).String()
}

// share is n of total, cut after four decimals so that it never rounds up to a whole.
func share(n, total int) string {
	if total == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(n*10_000/total)/10_000, 'f', -1, 64)
}

// below compares shares exactly as they are written.
func below(have, required string) bool {
	if required == "" {
		return false
	}
	h, err := quantity.Parse(have)
	if err != nil {
		return false
	}
	r, err := quantity.Parse(required)
	return err == nil && h.Cmp(r) < 0
}

// percent writes a share for people: 0.875 is 87.5%.
func percent(share string) string {
	f, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return share
	}
	return strconv.FormatFloat(composite.Round(f*100, 4), 'f', -1, 64) + "%"
}
