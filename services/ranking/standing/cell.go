package standing

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A Cell is the figure that counts for a member under an indicator, or why there
// is none.
type Cell struct {
	Value     float64 // NaN for none
	Number    string  // the same, exact
	Period    string
	Age       int32 // months
	Gap       rankingv1.GapReason
	Reason    *typev1.Localized
	Simulated bool
}

// Known reports whether there is a number, of its own period or carried.
func (c *Cell) Known() bool { return !math.IsNaN(c.Value) }

// Carried reports whether the number is of an earlier period.
func (c *Cell) Carried() bool {
	return c.Known() && c.Gap != rankingv1.GapReason_GAP_REASON_UNSPECIFIED
}

func none(gap rankingv1.GapReason, reason *typev1.Localized) Cell {
	return Cell{Value: math.NaN(), Gap: gap, Reason: reason}
}

// wanted says which figures a column takes.
type wanted struct {
	indicator string
	class     typev1.StatisticalClass
	carry     rankingv1.Carry
	maxAge    int32
}

func (l Leaf) wanted() wanted {
	return wanted{
		indicator: l.Node.GetLeaf().GetIndicator(), class: l.Class, carry: l.Node.GetLeaf().GetCarry(), maxAge: l.Node.GetLeaf().GetMaxAgeMonths(),
	}
}

// ofGrowth is the column of the leaf's growth: carried as the leaf is.
func (l Leaf) ofGrowth() wanted {
	w := l.wanted()
	w.indicator = l.Growth.GetName()
	if l.Node.GetLeaf().GetStatisticalClass() == 0 {
		w.class = l.Growth.GetUsualClass()
	}
	return w
}

func (t *Table) column(w wanted) []Cell {
	cells := make([]Cell, len(t.members))
	for m := range t.members {
		cells[m] = t.find(t.members[m].zone.GetName(), w)
	}
	return cells
}

// find is the figure of the period, or the one that the carry rule takes.
func (t *Table) find(subject string, w wanted) Cell {
	key := t.key(subject, w)
	own := t.own(key)
	if own.Known() || own.Gap == rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE {
		return own
	}
	if w.carry != rankingv1.Carry_CARRY_UNSPECIFIED {
		if older, ok := t.carried(key, w); ok {
			older.Gap, older.Reason = own.Gap, own.Reason
			return older
		}
	}
	if own.Gap == rankingv1.GapReason_GAP_REASON_NOT_REPORTED {
		if found := t.otherScope(key); found != nil {
			return none(rankingv1.GapReason_GAP_REASON_OTHER_SCOPE, found)
		}
	}
	return own
}

func (t *Table) key(subject string, w wanted) *indicatorv1.FigureKey {
	key := &indicatorv1.FigureKey{Subject: subject, Indicator: w.indicator, Period: t.period.String(), Kind: t.in.Ranking.GetKind()}
	if w.class != 0 {
		key.Scope = &typev1.Scope{StatisticalClass: w.class}
	}
	if key.GetKind() == indicatorv1.Kind_KIND_TARGET {
		key.Ambition = indicatorv1.Ambition_AMBITION_EXPECTED
	}
	return key
}

// own is the cell of a key.
func (t *Table) own(key *indicatorv1.FigureKey) Cell {
	figure, ok := t.in.Figures.Figure(key)
	if !ok || len(figure.GetStatements()) == 0 {
		return none(rankingv1.GapReason_GAP_REASON_NOT_REPORTED, notReported)
	}
	return t.count(figure)
}

// carried is the newest number of an earlier period that the rule allows.
func (t *Table) carried(key *indicatorv1.FigureKey, w wanted) (Cell, bool) {
	type candidate struct {
		key *indicatorv1.FigureKey
		end *typev1.Date
	}
	var candidates []candidate
	end := t.period.End()
	for k := range t.in.Figures.KeysUnder(key.GetSubject(), key.GetIndicator()) {
		if k.GetKind() != key.GetKind() || k.GetAmbition() != key.GetAmbition() ||
			k.GetScope().GetStatisticalClass() != w.class || k.GetScope().GetExtent() != "" {
			continue
		}
		p, err := period.Parse(k.GetPeriod())
		if err != nil || p.End() == nil || civil.Last(p.End(), civil.Never) >= civil.Last(end, civil.Never) || Months(p.End(), end) > w.maxAge {
			continue
		}
		if w.carry == rankingv1.Carry_CARRY_SAME_KIND && !sameKind(p, t.period) {
			continue
		}
		candidates = append(candidates, candidate{k, p.End()})
	}
	// The newest first; of several that end on one day the first in the order of keys.
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		return int(civil.Last(b.end, civil.Never) - civil.Last(a.end, civil.Never))
	})
	for _, c := range candidates {
		if cell := t.own(c.key); cell.Known() {
			cell.Age = Months(c.end, end)
			return cell, true
		}
	}
	return Cell{}, false
}

// sameKind says whether a figure of one period may stand in for one of another
// under CARRY_SAME_KIND: the form is the same, or both count from the beginning
// of a year and the later one, which is not a whole year, is one of a monthly
// series: May cumulative stands in for the first half.
func sameKind(p, of period.Period) bool {
	if p.Kind() == of.Kind() && p.Cumulative() == of.Cumulative() {
		return true
	}
	return of.Kind() != period.Year && p.Kind() != period.Year && p.FromYearStart() && of.FromYearStart()
}

// Months from the end of one period to that of another.
func Months(from, to *typev1.Date) int32 {
	return to.GetYear()*12 + to.GetMonth() - from.GetYear()*12 - from.GetMonth()
}

// otherScope says which other scopes have a figure of the period, nil for none.
func (t *Table) otherScope(key *indicatorv1.FigureKey) *typev1.Localized {
	var found []*typev1.Localized
	for k := range t.in.Figures.KeysUnder(key.GetSubject(), key.GetIndicator()) {
		if k.GetPeriod() == key.GetPeriod() && k.GetKind() == key.GetKind() && k.GetAmbition() == key.GetAmbition() {
			found = append(found, scopeText(k.GetScope()))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return otherScopes(found)
}

// count is a figure as its audience may use it.
func (t *Table) count(figure *indicatorv1.Figure) Cell {
	var usable []*indicatorv1.Statement
	embargoed, uncertain := false, false
	var opens *indicatorv1.Statement
	for _, s := range figure.GetStatements() {
		switch ok, later := t.reaches(s); {
		case later:
			if embargoed = true; opens == nil || s.GetReleaseTime().AsTime().Before(opens.GetReleaseTime().AsTime()) {
				opens = s
			}
		case !ok:
		case s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED || s.GetPeriodCertainty() != typev1.Certainty_CERTAINTY_STATED:
			uncertain = true
		default:
			usable = append(usable, s)
		}
	}
	switch {
	case len(usable) > 0:
	case uncertain:
		return none(rankingv1.GapReason_GAP_REASON_NOT_STATED, notStated)
	case embargoed:
		return none(rankingv1.GapReason_GAP_REASON_EMBARGOED, opensAt(opens.GetReleaseTime().AsTime()))
	default:
		return none(rankingv1.GapReason_GAP_REASON_IN_REVIEW, inReview)
	}
	pinned := ""
	if figure.GetPinned() {
		pinned = figure.GetSelected()
	}
	f := figures.Assemble(figure.GetKey(), usable, func(name string) *indicatorv1.Source {
		s, _ := t.in.Figures.Source(name)
		return s
	}, pinned, "")
	i := slices.IndexFunc(usable, func(s *indicatorv1.Statement) bool { return s.GetName() == f.GetSelected() })
	if i < 0 {
		return none(rankingv1.GapReason_GAP_REASON_CONFLICT, f.GetConflict().GetMessage())
	}
	if s := usable[i].GetStatus(); s == "不适用" || strings.EqualFold(s, "not applicable") {
		return none(rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE, notApplicable)
	}
	if usable[i].GetNumberPending() {
		return none(rankingv1.GapReason_GAP_REASON_PENDING, pending)
	}
	if !t.point(f) {
		return none(rankingv1.GapReason_GAP_REASON_NOT_A_POINT, notAPoint(f.GetComparator(), f.GetNumber()))
	}
	value, err := strconv.ParseFloat(f.GetNumber(), 64)
	if err != nil || math.IsInf(value, 0) { // No number, such as a day or a status.
		return none(rankingv1.GapReason_GAP_REASON_NOT_A_POINT, notANumber)
	}
	return Cell{Value: value, Number: f.GetNumber(), Period: figure.GetKey().GetPeriod(), Simulated: usable[i].GetSimulated()}
}

// reaches says whether a statement is for the ranking's audience, or will be
// when its moment comes.
func (t *Table) reaches(s *indicatorv1.Statement) (now, later bool) {
	internal := t.in.Ranking.GetAudience() == rankingv1.Audience_AUDIENCE_INTERNAL
	switch s.GetStage() {
	case typev1.Stage_STAGE_RELEASED:
		open := internal || s.GetReleaseTime() == nil || !s.GetReleaseTime().AsTime().After(t.in.Time)
		return open, !open
	case typev1.Stage_STAGE_APPROVED:
		return internal, false
	default:
		return false, false
	}
}

// point says whether the number of a figure is one that is compared.
func (t *Table) point(f *indicatorv1.Figure) bool {
	switch f.GetComparator() {
	case typev1.Comparator_COMPARATOR_UNSPECIFIED, typev1.Comparator_COMPARATOR_EQUAL:
		return true
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return t.in.Ranking.GetKind() == indicatorv1.Kind_KIND_TARGET
	default:
		return false
	}
}
