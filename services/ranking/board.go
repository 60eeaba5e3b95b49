package ranking

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
)

// board is what a ranking is computed from at one revision: its members and
// the figures that count, a function of the ledger.
type board struct {
	ranking *rankingv1.Ranking
	scheme  *rankingv1.Scheme
	period  period.Period
	zones   registry.View
	figures figures.View
	members []*zonev1.Zone // whose certainty is stated
	outside []*zonev1.Zone // the others, which get no place
	leaves  []leaf
	cells   [][]cell // by leaf, then member
}

// leaf is a leaf of the scheme with its indicator as it is at the revision.
type leaf struct {
	node      *rankingv1.SchemeNode
	indicator *indicatorv1.Indicator
	class     typev1.StatisticalClass
}

// cell is the figure that counts for a member, or that there is none.
type cell struct {
	value     float64 // NaN for none
	number    string
	period    string
	simulated bool
}

func (c cell) known() bool { return !math.IsNaN(c.value) }

var unknown = cell{value: math.NaN()}

// gather makes the board of a ranking.
func gather(published publishedView, zones registry.View, stated figures.View, name string) (*board, error) {
	ranking, ok := published.Ranking(name)
	if !ok {
		return nil, fmt.Errorf("ranking: no %s at revision %d", name, published.revision)
	}
	scheme, ok := published.Scheme(ranking.GetScheme())
	if !ok {
		return nil, fmt.Errorf("ranking: no %s at revision %d", ranking.GetScheme(), published.revision)
	}
	b := &board{ranking: ranking, scheme: scheme, zones: zones, figures: stated}
	var err error
	if b.period, err = period.Parse(ranking.GetPeriod()); err != nil {
		return nil, fmt.Errorf("ranking: %s: %w", name, err)
	}
	members, err := zones.Members(ranking.GetGroup(), b.period.End())
	if err != nil {
		return nil, fmt.Errorf("ranking: members of %s: %w", ranking.GetGroup(), err)
	}
	for _, z := range members {
		if z.GetCertainty() == typev1.Certainty_CERTAINTY_STATED {
			b.members = append(b.members, z)
		} else {
			b.outside = append(b.outside, z)
		}
	}
	for _, node := range scheme.GetNodes() {
		if node.GetLeaf() == nil {
			continue
		}
		indicator, _ := stated.Indicator(node.GetLeaf().GetIndicator())
		b.leaves = append(b.leaves, leaf{
			node: node, indicator: indicator, class: cmp.Or(node.GetLeaf().GetStatisticalClass(), indicator.GetUsualClass()),
		})
	}
	b.cells = make([][]cell, len(b.leaves))
	for l := range b.leaves {
		b.cells[l] = make([]cell, len(b.members))
		for m, z := range b.members {
			b.cells[l][m] = b.find(z.GetName(), b.leaves[l])
		}
	}
	return b, nil
}

// find is the figure of the period, or the one that the carry rule takes.
func (b *board) find(subject string, of leaf) cell {
	key := &indicatorv1.FigureKey{
		Subject: subject, Indicator: of.indicator.GetName(), Period: b.period.String(), Kind: b.ranking.GetKind(),
		Scope: &typev1.Scope{StatisticalClass: of.class},
	}
	if key.GetKind() == indicatorv1.Kind_KIND_TARGET {
		key.Ambition = indicatorv1.Ambition_AMBITION_EXPECTED
	}
	if figure, ok := b.figures.Figure(key); ok {
		if c := b.counts(figure); c.known() {
			return c
		}
	}
	carry := of.node.GetLeaf().GetCarry()
	if carry == rankingv1.Carry_CARRY_UNSPECIFIED {
		return unknown
	}
	best, newest := unknown, int32(0)
	end := monthOf(b.period.End())
	for figure := range b.figures.FiguresUnder(subject, of.indicator.GetName()) {
		k := figure.GetKey()
		p, err := period.Parse(k.GetPeriod())
		if err != nil || k.GetKind() != key.GetKind() || k.GetAmbition() != key.GetAmbition() ||
			k.GetScope().GetStatisticalClass() != of.class || k.GetScope().GetExtent() != "" {
			continue
		}
		if carry == rankingv1.Carry_CARRY_SAME_KIND && (p.Kind() != b.period.Kind() || p.Cumulative() != b.period.Cumulative()) {
			continue
		}
		month := monthOf(p.End())
		if month >= end || end-month > of.node.GetLeaf().GetMaxAgeMonths() || month <= newest {
			continue
		}
		if c := b.counts(figure); c.known() {
			best, newest = c, month
		}
	}
	return best
}

func monthOf(d *typev1.Date) int32 { return d.GetYear()*12 + d.GetMonth() }

// counts is a figure as its audience may use it: statements of the wrong stage,
// or that do not state subject and period, are as if they were not there.
func (b *board) counts(figure *indicatorv1.Figure) cell {
	var usable []*indicatorv1.Statement
	for _, s := range figure.GetStatements() {
		released := s.GetStage() == typev1.Stage_STAGE_RELEASED
		if released || s.GetStage() == typev1.Stage_STAGE_APPROVED && b.ranking.GetAudience() == rankingv1.Audience_AUDIENCE_INTERNAL {
			if s.GetSubjectCertainty() == typev1.Certainty_CERTAINTY_STATED && s.GetPeriodCertainty() == typev1.Certainty_CERTAINTY_STATED {
				usable = append(usable, s)
			}
		}
	}
	pinned := ""
	if figure.GetPinned() {
		pinned = figure.GetSelected()
	}
	f := figures.Assemble(figure.GetKey(), usable, func(name string) *indicatorv1.Source {
		s, _ := b.figures.Source(name)
		return s
	}, pinned, "")
	i := slices.IndexFunc(usable, func(s *indicatorv1.Statement) bool { return s.GetName() == f.GetSelected() })
	if i < 0 || f.GetNumber() == "" {
		return unknown
	}
	switch f.GetComparator() {
	case typev1.Comparator_COMPARATOR_EQUAL, typev1.Comparator_COMPARATOR_UNSPECIFIED:
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		if b.ranking.GetKind() != indicatorv1.Kind_KIND_TARGET {
			return unknown
		}
	default:
		return unknown
	}
	value, err := strconv.ParseFloat(f.GetNumber(), 64)
	if err != nil {
		return unknown
	}
	return cell{value: value, number: f.GetNumber(), period: figure.GetKey().GetPeriod(), simulated: usable[i].GetSimulated()}
}

// tree is the engine's form of a scheme's tree.
func tree(scheme *rankingv1.Scheme, direction func(string) indicatorv1.Direction) (*composite.Tree, error) {
	var nodes []composite.Node
	for i, n := range scheme.GetNodes() {
		weight, err := strconv.ParseFloat(cmp.Or(n.GetWeight(), "1"), 64)
		if err != nil {
			return nil, fmt.Errorf("nodes[%d].weight: %w", i, err)
		}
		d := composite.Node{
			Code: n.GetId(), Name: n.GetDisplayName().GetZh(), Parent: n.GetParent(), Weight: weight, Aggregate: n.GetLeaf() == nil,
			Target: math.NaN(), Direction: 1,
		}
		if n.GetLeaf() != nil && direction(n.GetLeaf().GetIndicator()) == indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER {
			d.Direction = -1
		}
		nodes = append(nodes, d)
	}
	return composite.NewTree(nodes) //nolint:wrapcheck // the engine's words name the node and the remedy
}

// recipe is the engine's form of a scheme's recipe.
func recipe(scheme *rankingv1.Scheme) (*composite.Recipe, error) {
	if scheme.GetRecipe() == "" {
		return &composite.Recipe{}, nil
	}
	return composite.ParseRecipe([]byte(scheme.GetRecipe())) //nolint:wrapcheck // the engine's words name the key and the remedy
}

// data is the engine's table: the one place where exact numbers become float64.
func (b *board) data() *composite.Data {
	d := &composite.Data{}
	for _, z := range b.members {
		d.Units = append(d.Units, composite.Unit{Code: z.GetName(), Name: z.GetDisplayName().GetZh()})
	}
	for l, leaf := range b.leaves {
		values := make([]float64, len(b.members))
		for m := range values {
			values[m] = b.cells[l][m].value
		}
		d.Columns = append(d.Columns, composite.Column{Code: leaf.node.GetId(), Values: values})
	}
	return d
}

// index runs the engine.
func (b *board) index() (*composite.Index, *composite.Result, error) {
	t, err := tree(b.scheme, func(name string) indicatorv1.Direction {
		i, _ := b.figures.Indicator(name)
		return i.GetDirection()
	})
	if err != nil {
		return nil, nil, err
	}
	r, err := recipe(b.scheme)
	if err != nil {
		return nil, nil, err
	}
	x, err := composite.Compile(r, t, b.data(), nil)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // as above
	}
	res, err := x.Run()
	return x, res, err //nolint:wrapcheck // as above
}

// compute makes the rows of a board, by position.
func (b *board) compute(revision int64) (*rankingv1.VersionHead, []*rankingv1.Standing) {
	head := &rankingv1.VersionHead{Ranking: b.ranking.GetName(), Version: revision}
	rows := make([]*rankingv1.Standing, 0, len(b.members)+len(b.outside))
	mixed := b.measure(head)
	for m, z := range b.members {
		known, simulated := 0, z.GetSimulated()
		for l := range b.leaves {
			if c := b.cells[l][m]; c.known() {
				known++
				simulated = simulated || c.simulated
			}
		}
		rows = append(rows, &rankingv1.Standing{
			Subject: z.GetName(), DisplayName: marked(z.GetDisplayName(), head.GetSimulated()), Simulated: simulated, Completeness: share(known, len(b.leaves)),
			Reason: text("没有得分", "it has no score"),
		})
	}
	switch {
	case mixed && !b.ranking.GetMixSimulated():
		head.Reason = text("模拟数据与真实数据混在一起,未要求如此", "simulated figures stand beside real ones, which was not asked for")
	case len(rows) == 0:
		head.Reason = text("分组在该时期没有成员", "the group has no members in the period")
	default:
		if _, res, err := b.index(); err != nil {
			head.Reason = text("无法计算:"+err.Error(), "it cannot be computed: "+err.Error())
		} else {
			b.score(head, rows, res)
		}
	}
	for _, z := range b.outside {
		rows = append(rows, &rankingv1.Standing{
			Subject: z.GetName(), DisplayName: marked(z.GetDisplayName(), head.GetSimulated()), Simulated: z.GetSimulated(), Completeness: "0",
			Reason: text("该区的身份并非明确", "what zone this is, is not stated"),
		})
	}
	arrange(head, rows)
	return head, rows
}

// measure counts what is known and says whether real and simulated data meet.
func (b *board) measure(head *rankingv1.VersionHead) (mixed bool) {
	known, genuine := 0, false
	note := func(simulated bool) {
		head.Simulated = head.GetSimulated() || simulated
		genuine = genuine || !simulated
	}
	for _, z := range b.members {
		note(z.GetSimulated())
	}
	for l, leaf := range b.leaves {
		n := 0
		for _, c := range b.cells[l] {
			if c.known() {
				n++
				note(c.simulated)
			}
		}
		known += n
		head.Leaves = append(head.Leaves, &rankingv1.LeafCompleteness{
			Node: leaf.node.GetId(), Known: int32(n), Of: int32(len(b.members)), Required: leaf.node.GetLeaf().GetRequiredCompleteness(),
		})
	}
	head.Completeness = share(known, len(b.members)*len(b.leaves))
	return head.GetSimulated() && genuine
}

// score takes over what the engine found.
func (b *board) score(head *rankingv1.VersionHead, rows []*rankingv1.Standing, res *composite.Result) {
	r, _ := recipe(b.scheme) // It ran.
	decimals := -1
	if r.Place != nil && r.Place.Decimals != nil && r.Place.Decimals.On {
		decimals = r.Place.Decimals.N
	}
	head.Reason = b.closed(head)
	for i, row := range res.RowOf {
		out := rows[row]
		if s := res.Scores[i]; s == s {
			if decimals >= 0 {
				s = composite.Round(s, decimals)
			}
			out.Score = strconv.FormatFloat(s, 'f', decimals, 64)
		}
		switch {
		case head.GetReason() != nil:
			out.Reason = head.GetReason()
		case res.Places[i] > 0:
			out.Place, out.Reason = int32(res.Places[i]), nil
		case res.Unplaced[i] != "":
			out.Reason = text(res.Unplaced[i], res.Unplaced[i])
		}
	}
	for _, d := range res.Dropped {
		if i := slices.IndexFunc(rows, func(s *rankingv1.Standing) bool { return s.GetSubject() == d.Unit.Code }); i >= 0 {
			rows[i].Reason = text(d.Reason, d.Reason)
		}
	}
}

// closed says why places are not shown yet, nil when they are.
func (b *board) closed(head *rankingv1.VersionHead) *typev1.Localized {
	if b.ranking.GetState() == rankingv1.RankingState_RANKING_STATE_OPEN {
		return text("收数中,尚无名次", "figures are being collected: there are no places yet")
	}
	if below(head.GetCompleteness(), b.ranking.GetRequiredCompleteness()) {
		return text("完整度"+head.GetCompleteness()+",低于要求的"+b.ranking.GetRequiredCompleteness(),
			"completeness is "+head.GetCompleteness()+", below the "+b.ranking.GetRequiredCompleteness()+" that is required")
	}
	for _, l := range head.GetLeaves() {
		if have := share(int(l.GetKnown()), int(l.GetOf())); below(have, l.GetRequired()) {
			return text(l.GetNode()+"的完整度"+have+",低于要求的"+l.GetRequired(),
				"completeness of "+l.GetNode()+" is "+have+", below the "+l.GetRequired()+" that is required")
		}
	}
	return nil
}

func below(have, required string) bool {
	if required == "" {
		return false
	}
	h, _ := strconv.ParseFloat(have, 64)
	r, _ := strconv.ParseFloat(required, 64)
	return h < r
}

// share is n of total, cut after four decimals so that it never rounds up to a whole.
func share(n, total int) string {
	if total == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(n*10_000/total)/10_000, 'f', -1, 64)
}

// arrange puts rows in order and counts places and ties.
func arrange(head *rankingv1.VersionHead, rows []*rankingv1.Standing) {
	held := make(map[int32]int32)
	for _, r := range rows {
		if r.GetPlace() > 0 {
			held[r.GetPlace()]++
			head.Placed++
		}
	}
	slices.SortFunc(rows, func(a, b *rankingv1.Standing) int {
		return cmp.Or(order(a.GetPlace() > 0, b.GetPlace() > 0), cmp.Compare(a.GetPlace(), b.GetPlace()), cmp.Compare(a.GetSubject(), b.GetSubject()))
	})
	for i, r := range rows {
		r.Position = int32(i + 1)
		if r.GetPlace() > 0 {
			r.Of, r.Tied = head.GetPlaced(), held[r.GetPlace()] > 1
		}
	}
	head.Rows = int32(len(rows))
}

// marked is a display name with the mark of simulated data.
func marked(name *typev1.Localized, simulated bool) *typev1.Localized {
	const mark = "〔模拟〕"
	if !simulated || strings.HasSuffix(name.GetZh(), mark) {
		return name
	}
	m := proto.CloneOf(name)
	m.Zh += mark
	if m.GetEn() != "" {
		m.En += mark
	}
	return m
}

// contributions are what each leaf gives to the score of a row; nil where the
// score is no weighted sum.
func (b *board) contributions(subject string) []*rankingv1.Contribution {
	x, res, err := b.index()
	if err != nil || !x.Additive() {
		return nil
	}
	row := slices.IndexFunc(res.Screened.Units, func(u composite.Unit) bool { return u.Code == subject })
	if row < 0 {
		return nil
	}
	e, err := x.Explain(res, row, "", composite.ExplainOptions{})
	if err != nil { // It has no score.
		return nil
	}
	var list []*rankingv1.Contribution
	for _, part := range e.Parts {
		l := slices.IndexFunc(b.leaves, func(l leaf) bool { return l.node.GetId() == part.Code })
		if l < 0 {
			continue
		}
		c := b.cells[l][res.RowOf[row]]
		out := &rankingv1.Contribution{Node: part.Code, Indicator: b.leaves[l].indicator.GetName(), Number: c.number, Period: c.period}
		if part.Score == part.Score {
			out.Score = strconv.FormatFloat(part.Score, 'f', -1, 64)
		}
		out.Points = strconv.FormatFloat(part.Points, 'f', -1, 64)
		list = append(list, out)
	}
	return list
}
