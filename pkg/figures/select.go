package figures

import (
	"cmp"
	"fmt"
	"slices"

	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Select decides which of the statements of one figure counts.
//
// More preferred is, in this order: a real statement over a simulated one; the
// source of higher reliability (official, press, re-post, self-reported,
// template); the newer source by day of publication, one without a day last.
// The statements that are preferred over all others and equally among
// themselves decide: when they say the same, the one recorded first is
// selected; when they differ, none is, and the conflict says in what.
//
// The statements are given in the order in which they were recorded, with
// their output-only fields; they are returned most preferred first.
func Select(statements []*indicatorv1.Statement, source func(string) *indicatorv1.Source) (
	ordered []*indicatorv1.Statement, selected string, conflict *indicatorv1.Conflict,
) {
	ranked := make([]ranked, len(statements))
	for i, s := range statements {
		ranked[i] = rank(s, source(s.GetSource()))
	}
	slices.SortStableFunc(ranked, compareRanks)
	ordered = make([]*indicatorv1.Statement, len(ranked))
	for i, r := range ranked {
		ordered[i] = r.statement
	}
	best := decisive(ranked)
	if len(best) == 0 {
		return ordered, "", nil
	}
	if conflict = differ(best); conflict != nil {
		return ordered, "", conflict
	}
	return ordered, best[0].statement.GetName(), nil
}

// ranked is a statement and what its preference follows from.
type ranked struct {
	statement   *indicatorv1.Statement
	simulated   bool
	reliability indicatorv1.Reliability
	published   int32 // yyyymmdd; 0: not known
}

func rank(s *indicatorv1.Statement, source *indicatorv1.Source) ranked {
	r := ranked{statement: s, simulated: s.GetSimulated(), reliability: source.GetReliability()}
	if r.reliability == indicatorv1.Reliability_RELIABILITY_UNSPECIFIED {
		r.reliability = indicatorv1.Reliability_RELIABILITY_TEMPLATE + 1
	}
	if d := source.GetPublishDate(); d != nil {
		r.published = d.GetYear()*10_000 + d.GetMonth()*100 + d.GetDay()
	}
	return r
}

func compareRanks(a, b ranked) int {
	if a.simulated != b.simulated {
		if a.simulated {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.reliability, b.reliability), cmp.Compare(b.published, a.published))
}

// decisive are the first of the ranked statements that are equally preferred.
func decisive(r []ranked) []ranked {
	for i := range r {
		if compareRanks(r[0], r[i]) != 0 {
			return r[:i]
		}
	}
	return r
}

// differ says in what equally preferred statements differ, nil when they say the same.
func differ(best []ranked) *indicatorv1.Conflict {
	first := best[0].statement
	var number, comparator bool
	for _, r := range best[1:] {
		number = number || !sameValue(first, r.statement)
		comparator = comparator || first.GetComparator() != r.statement.GetComparator()
	}
	if !number && !comparator {
		return nil
	}
	c := &indicatorv1.Conflict{NumberDiffers: number, ComparatorDiffers: comparator}
	for _, r := range best {
		c.Statements = append(c.Statements, r.statement.GetName())
	}
	n := len(best)
	switch {
	case number && comparator:
		c.Message = &typev1.Localized{
			Zh: fmt.Sprintf("%d条同等优先的表述数值与比较符均不一致，未选定；可由审核人指定其一", n),
			En: fmt.Sprintf("%d equally preferred statements differ in value and comparator, so none is selected; a reviewer may pin one", n),
		}
	case number:
		c.Message = &typev1.Localized{
			Zh: fmt.Sprintf("%d条同等优先的表述数值不一致，未选定；可由审核人指定其一", n),
			En: fmt.Sprintf("%d equally preferred statements differ in value, so none is selected; a reviewer may pin one", n),
		}
	default:
		c.Message = &typev1.Localized{
			Zh: fmt.Sprintf("%d条同等优先的表述数值一致、比较符不一致，未选定；可由审核人指定其一", n),
			En: fmt.Sprintf("%d equally preferred statements agree on the value and differ in the comparator, so none is selected; a reviewer may pin one", n),
		}
	}
	return c
}

// sameValue says whether two statements state the same value: numbers compare
// in the indicator's unit and exactly, so 2.70‰ and 0.27% are the same.
func sameValue(a, b *indicatorv1.Statement) bool {
	if a.GetNumberPending() != b.GetNumberPending() {
		return false
	}
	switch v := a.GetValue().(type) {
	case *indicatorv1.Statement_Number:
		if _, ok := b.GetValue().(*indicatorv1.Statement_Number); !ok {
			return false
		}
		x, y := a.GetNormalizedNumber(), b.GetNormalizedNumber()
		if x == y {
			return true
		}
		c, err := quantity.Compare(x, y)
		return err == nil && c == 0
	case *indicatorv1.Statement_DueDate:
		d := b.GetDueDate()
		return d != nil && v.DueDate.GetYear() == d.GetYear() && v.DueDate.GetMonth() == d.GetMonth() && v.DueDate.GetDay() == d.GetDay()
	case *indicatorv1.Statement_Status:
		_, ok := b.GetValue().(*indicatorv1.Statement_Status)
		return ok && v.Status == b.GetStatus()
	default:
		return b.GetValue() == nil && sameAim(a, b)
	}
}

// sameAim compares targets that have neither number, date nor status.
func sameAim(a, b *indicatorv1.Statement) bool {
	r, q := a.GetRankTarget(), b.GetRankTarget()
	l, m := a.GetListTarget(), b.GetListTarget()
	return r.GetSeries() == q.GetSeries() && r.GetAuthority() == q.GetAuthority() && slices.Equal(r.GetGroups(), q.GetGroups()) &&
		r.GetDataYear() == q.GetDataYear() && r.GetBetterThanBase() == q.GetBetterThanBase() &&
		l.GetList() == m.GetList() && l.GetStage() == m.GetStage()
}
