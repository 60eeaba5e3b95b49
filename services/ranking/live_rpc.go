package ranking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
)

func (s *Service) schemeKind() kind[*rankingv1.Scheme] {
	return kind[*rankingv1.Scheme]{
		field: "scheme", filters: []string{"name", "display_name.zh", "supersedes"},
		get: publishedView.Scheme,
		fact: func(r *rankingv1.Scheme) *ledgerv1.Fact {
			return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Scheme{Scheme: r}}
		},
		check: s.checkScheme,
	}
}

var rankingKind = kind[*rankingv1.Ranking]{
	field:   "ranking",
	filters: []string{"name", "display_name.zh", "scheme", "group", "period", "kind", "audience", "state"},
	get:     publishedView.Ranking,
	fact: func(r *rankingv1.Ranking) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Ranking{Ranking: r}}
	},
	check: checkRanking,
}

// checkScheme refuses a tree or a recipe that the engine would not take.
func (s *Service) checkScheme(published publishedView, _ registry.View, scheme *rankingv1.Scheme) error {
	if scheme.GetDisplayName().GetZh() == "" {
		return fault.InvalidField("scheme.display_name.zh", "is missing: name the scheme")
	}
	if old := scheme.GetSupersedes(); old != "" {
		if _, ok := published.Scheme(old); !ok {
			return fault.ReferenceNotFound("scheme.supersedes", old)
		}
	}
	state, _ := s.deps.Figures.Current()
	stated := state.View(0)
	for i, n := range scheme.GetNodes() {
		if n.GetLeaf() == nil {
			continue
		}
		if _, ok := stated.Indicator(n.GetLeaf().GetIndicator()); !ok {
			return fault.ReferenceNotFound(fmt.Sprintf("scheme.nodes[%d].leaf.indicator", i), n.GetLeaf().GetIndicator())
		}
	}
	if _, err := tree(scheme, func(string) indicatorv1.Direction { return indicatorv1.Direction_DIRECTION_UNSPECIFIED }); err != nil {
		return fault.InvalidField("scheme.nodes", "%v", err)
	}
	r, err := recipe(scheme)
	if err != nil {
		return fault.InvalidField("scheme.recipe", "%v", err)
	}
	if paths := r.Paths(); len(paths) > 0 {
		return fault.InvalidField("scheme.recipe", "names the table %s: write its values into the recipe", paths[0])
	}
	return nil
}

// next are the states that may follow a state.
var next = map[rankingv1.RankingState][]rankingv1.RankingState{
	rankingv1.RankingState_RANKING_STATE_OPEN: {rankingv1.RankingState_RANKING_STATE_FLASH},
	rankingv1.RankingState_RANKING_STATE_FLASH: {
		rankingv1.RankingState_RANKING_STATE_FORMAL, rankingv1.RankingState_RANKING_STATE_OPEN,
	},
	rankingv1.RankingState_RANKING_STATE_FORMAL: {
		rankingv1.RankingState_RANKING_STATE_FINAL, rankingv1.RankingState_RANKING_STATE_OPEN,
	},
}

func checkRanking(published publishedView, zones registry.View, r *rankingv1.Ranking) error {
	if r.GetDisplayName().GetZh() == "" {
		return fault.InvalidField("ranking.display_name.zh", "is missing: name the ranking")
	}
	if _, ok := published.Scheme(r.GetScheme()); !ok {
		return fault.ReferenceNotFound("ranking.scheme", r.GetScheme())
	}
	if _, ok := zones.Group(r.GetGroup()); !ok {
		return fault.ReferenceNotFound("ranking.group", r.GetGroup())
	}
	p, err := period.Parse(r.GetPeriod())
	if err != nil || p.String() != r.GetPeriod() || p.End() == nil {
		return fault.InvalidField("ranking.period", "%q is not a canonical period with an end, such as 2025 or 2025-06", r.GetPeriod())
	}
	if err := civil.Check(r.GetDataCut()); r.GetDataCut() != nil && err != nil {
		return fault.InvalidField("ranking.data_cut", "%v", err)
	}
	old, ok := published.Ranking(r.GetName())
	if !ok {
		if r.GetState() != rankingv1.RankingState_RANKING_STATE_OPEN {
			return fault.InvalidField("ranking.state", "a new ranking is OPEN")
		}
		return nil
	}
	if r.GetScheme() != old.GetScheme() || r.GetGroup() != old.GetGroup() || r.GetPeriod() != old.GetPeriod() ||
		r.GetKind() != old.GetKind() || r.GetAudience() != old.GetAudience() {
		return fault.InvalidField("ranking", "scheme, group, period, kind and audience are given once and for all: create another ranking")
	}
	if r.GetState() != old.GetState() && !slices.Contains(next[old.GetState()], r.GetState()) {
		return fault.InvalidField("ranking.state", "%s does not follow %s", r.GetState(), old.GetState())
	}
	return nil
}

// CreateScheme implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) CreateScheme(ctx context.Context, req *rankingv1.CreateSchemeRequest) (*rankingv1.CreateSchemeResponse, error) {
	r, state, err := create(ctx, s, s.schemeKind(), rankingv1.LiveRankingService_CreateScheme_FullMethodName,
		"schemes/"+req.GetSchemeId(), req.GetScheme(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.CreateSchemeResponse{Scheme: r, State: state}, nil
}

// GetScheme implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetScheme(ctx context.Context, req *rankingv1.GetSchemeRequest) (*rankingv1.GetSchemeResponse, error) {
	r, ok := s.published(ctx).Scheme(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &rankingv1.GetSchemeResponse{Scheme: r, State: revision.State(ctx)}, nil
}

// ListSchemes implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) ListSchemes(ctx context.Context, req *rankingv1.ListSchemesRequest) (*rankingv1.ListSchemesResponse, error) {
	items, token, total, state, err := list(ctx, s, s.schemeKind(), req, publishedView.Schemes, (*rankingv1.Scheme).GetName)
	if err != nil {
		return nil, err
	}
	return &rankingv1.ListSchemesResponse{Schemes: items, NextPageToken: token, TotalSize: total, State: state}, nil
}

// CreateRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) CreateRanking(ctx context.Context, req *rankingv1.CreateRankingRequest) (*rankingv1.CreateRankingResponse, error) {
	body := stored(req.GetRanking(), "")
	if body.GetState() == rankingv1.RankingState_RANKING_STATE_UNSPECIFIED {
		body.State = rankingv1.RankingState_RANKING_STATE_OPEN
	}
	r, state, err := create(ctx, s, rankingKind, rankingv1.LiveRankingService_CreateRanking_FullMethodName,
		"rankings/"+req.GetRankingId(), body, req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.CreateRankingResponse{Ranking: r, State: state}, nil
}

// ListRankings implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) ListRankings(ctx context.Context, req *rankingv1.ListRankingsRequest) (*rankingv1.ListRankingsResponse, error) {
	items, token, total, state, err := list(ctx, s, rankingKind, req, publishedView.Rankings, (*rankingv1.Ranking).GetName)
	if err != nil {
		return nil, err
	}
	return &rankingv1.ListRankingsResponse{Rankings: items, NextPageToken: token, TotalSize: total, State: state}, nil
}

// UpdateRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) UpdateRanking(ctx context.Context, req *rankingv1.UpdateRankingRequest) (*rankingv1.UpdateRankingResponse, error) {
	r, state, err := update(ctx, s, rankingKind, rankingv1.LiveRankingService_UpdateRanking_FullMethodName,
		req.GetRanking(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.UpdateRankingResponse{Ranking: r, State: state}, nil
}

// GetRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetRanking(ctx context.Context, req *rankingv1.GetRankingRequest) (*rankingv1.GetRankingResponse, error) {
	p, err := page.Open(req, max(revision.At(ctx), 1))
	if err != nil {
		return nil, err
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, err
	}
	lane, _ := s.deps.Lane.Current()
	zones, _ := s.deps.Registry.Current()
	stated, _ := s.deps.Figures.Current()
	view := lane.View(p.Revision)
	if _, ok := view.Ranking(req.GetName()); !ok {
		return nil, fault.NotFound(req.GetName())
	}
	b, err := gather(view, zones.View(p.Revision), stated.View(p.Revision), req.GetName())
	if err != nil {
		return nil, err
	}
	head, rows := b.compute(p.Revision)
	if rows, err = part(req, rows); err != nil {
		return nil, err
	}
	resp := &rankingv1.GetRankingResponse{
		Ranking: b.ranking, Head: head, State: &typev1.ReadState{Revision: p.Revision, Token: s.deps.Ledger.Token(p.Revision)},
	}
	key := func(r *rankingv1.Standing) string { return fmt.Sprintf("%06d", r.GetPosition()) }
	all := slices.Values(rows)
	resp.Standings, resp.NextPageToken, _ = page.Cut(p, all, key, func(*rankingv1.Standing) bool { return true })
	if req.GetShowContributions() {
		for _, r := range resp.GetStandings() {
			r.Contributions = b.contributions(r.GetSubject())
		}
	}
	return resp, nil
}

// part is the rows that a request asks for.
func part(req *rankingv1.GetRankingRequest, rows []*rankingv1.Standing) ([]*rankingv1.Standing, error) {
	at := func(zone string) int {
		return slices.IndexFunc(rows, func(r *rankingv1.Standing) bool { return r.GetSubject() == zone })
	}
	switch want := req.GetPart().(type) {
	case *rankingv1.GetRankingRequest_Zone:
		i := at(want.Zone)
		if i < 0 {
			return nil, fault.NotFound(want.Zone)
		}
		return rows[i : i+1], nil
	case *rankingv1.GetRankingRequest_Around:
		i, n := at(want.Around.GetZone()), int(want.Around.GetRows())
		if i < 0 {
			return nil, fault.NotFound(want.Around.GetZone())
		}
		return rows[max(i-n, 0):min(i+n+1, len(rows))], nil
	case *rankingv1.GetRankingRequest_Prefix:
		return slices.DeleteFunc(rows, func(r *rankingv1.Standing) bool {
			return !strings.HasPrefix(r.GetDisplayName().GetZh(), want.Prefix) && !strings.HasPrefix(r.GetDisplayName().GetEn(), want.Prefix)
		}), nil
	}
	return rows, nil
}
