package ranking

import (
	"cmp"
	"context"
	"slices"

	"zonebench.internal/pkg/fault"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking/standing"
)

// side is one side of a comparison.
type side struct {
	ranking *rankingv1.Ranking
	head    *rankingv1.VersionHead
	rows    map[string]*rankingv1.Standing
	table   *standing.Table // nil where only published rows are at hand
}

// CompareVersions implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) CompareVersions(ctx context.Context, req *rankingv1.CompareVersionsRequest) (*rankingv1.CompareVersionsResponse, error) {
	now, err := s.reading(ctx, 0)
	if err != nil {
		return nil, err
	}
	before, err := s.side(ctx, "before", req.GetBefore(), now)
	if err != nil {
		return nil, err
	}
	after, err := s.side(ctx, "after", req.GetAfter(), now)
	if err != nil {
		return nil, err
	}
	if !s.chained(before.ranking, after.ranking, now) && !s.chained(after.ranking, before.ranking, now) {
		return nil, fault.InvalidField("after", "%s is not in one chain with %s: moves are counted between rankings that follow one another",
			after.ranking.GetName(), before.ranking.GetName())
	}
	resp := &rankingv1.CompareVersionsResponse{
		Before: before.head, After: after.head, SchemeChanged: before.ranking.GetScheme() != after.ranking.GetScheme(), State: s.stateAt(now),
	}
	resp.Moves = moves(before, after)
	union := len(after.rows)
	for zone := range before.rows {
		if after.rows[zone] == nil {
			union++
		}
	}
	resp.Unchanged = int32(union - len(resp.GetMoves()))
	return resp, nil
}

// side reads one side of a comparison.
func (s *Service) side(ctx context.Context, field string, ref *rankingv1.VersionReference, now int64) (side, error) {
	if name := ref.GetRelease(); name != "" {
		if ref.GetVersion() != 0 {
			return side{}, fault.InvalidField(field+".version", "a release is one version: leave it out")
		}
		r, rows, err := s.releaseOf(ctx, name, now)
		if err != nil {
			return side{}, err
		}
		return side{ranking: r.GetRanking(), head: r.GetHead(), rows: bySubject(rows)}, nil
	}
	at := now
	if v := ref.GetVersion(); v > now {
		return side{}, fault.InvalidField(field+".version", "%d is not known at revision %d", v, now)
	} else if v > 0 {
		at = v
	}
	ranking, v, err := s.read(ctx, ref.GetRanking(), at)
	if err != nil {
		return side{}, err
	}
	table, err := s.source.table(ref.GetRanking(), at)
	if err != nil {
		return side{}, err
	}
	return side{ranking: ranking, head: v.Head, rows: bySubject(v.Rows), table: table}, nil
}

func bySubject(rows []*rankingv1.Standing) map[string]*rankingv1.Standing {
	m := make(map[string]*rankingv1.Standing, len(rows))
	for _, r := range rows {
		m[r.GetSubject()] = r
	}
	return m
}

// chained reports whether one ranking is another or follows it.
func (s *Service) chained(before, after *rankingv1.Ranking, at int64) bool {
	lane, _ := s.deps.Lane.Current()
	view := lane.View(at)
	for r, ok := after, true; ok; r, ok = view.Ranking(r.GetPrevious()) {
		if r.GetName() == before.GetName() {
			return true
		}
	}
	return false
}

// moves are the rows that differ, by place after; those that left come last.
func moves(before, after side) []*rankingv1.Move {
	zones := make([]string, 0, len(after.rows))
	for zone := range after.rows {
		zones = append(zones, zone)
	}
	for zone := range before.rows {
		if after.rows[zone] == nil {
			zones = append(zones, zone)
		}
	}
	cells := changedCells(before.table, after.table, zones)
	var list []*rankingv1.Move
	for _, zone := range zones {
		b, a := before.rows[zone], after.rows[zone]
		name := a.GetDisplayName()
		if a == nil {
			name = b.GetDisplayName()
		}
		m := &rankingv1.Move{
			Subject: zone, DisplayName: name, PlaceBefore: b.GetPlace(), PlaceAfter: a.GetPlace(), ScoreBefore: b.GetScore(), ScoreAfter: a.GetScore(),
			Cells: cells[zone],
		}
		if m.GetPlaceBefore() != m.GetPlaceAfter() || m.GetScoreBefore() != m.GetScoreAfter() || len(m.GetCells()) > 0 || (a == nil) != (b == nil) {
			list = append(list, m)
		}
	}
	position := func(m *rankingv1.Move) int32 {
		if r := after.rows[m.GetSubject()]; r != nil {
			return r.GetPosition()
		}
		return 1 << 30
	}
	slices.SortFunc(list, func(x, y *rankingv1.Move) int {
		return cmp.Or(cmp.Compare(position(x), position(y)), cmp.Compare(x.GetSubject(), y.GetSubject()))
	})
	return list
}

// changedCells are the figures that differ between two tables, by zone, in the
// order of the later scheme. Nodes are the same when id and indicator are.
func changedCells(before, after *standing.Table, zones []string) map[string][]*rankingv1.CellChange {
	if before == nil || after == nil {
		return nil
	}
	out := make(map[string][]*rankingv1.CellChange)
	old, now := before.Figures(zones), after.Figures(zones)
	for _, zone := range zones {
		for _, node := range after.Leaves() {
			key := standing.FigureOf{Zone: zone, Node: node.ID()}
			x, y := old[key], now[key]
			if x == y || x.Indicator != "" && x.Indicator != y.Indicator {
				continue
			}
			if x.Indicator == "" && before.Has(zone) { // The earlier scheme has no such node.
				continue
			}
			if x.Number == y.Number && x.Period == y.Period {
				continue
			}
			out[zone] = append(out[zone], &rankingv1.CellChange{
				Node: node.ID(), Indicator: node.Node.GetLeaf().GetIndicator(),
				NumberBefore: x.Number, NumberAfter: y.Number, PeriodBefore: x.Period, PeriodAfter: y.Period,
			})
		}
	}
	return out
}
