package ranking

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

var rankingKind = kind[*rankingv1.Ranking]{
	field:   "ranking",
	filters: []string{"name", "display_name.zh", "scheme", "group", "period", "kind", "audience", "state"},
	get:     PublishedView.Ranking,
	fact: func(r *rankingv1.Ranking) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Ranking{Ranking: r}}
	},
	check: checkRanking,
}

// follows are the states that may follow a state.
var follows = map[rankingv1.RankingState][]rankingv1.RankingState{
	rankingv1.RankingState_RANKING_STATE_OPEN: {rankingv1.RankingState_RANKING_STATE_FLASH},
	rankingv1.RankingState_RANKING_STATE_FLASH: {
		rankingv1.RankingState_RANKING_STATE_FORMAL, rankingv1.RankingState_RANKING_STATE_OPEN,
	},
	rankingv1.RankingState_RANKING_STATE_FORMAL: {
		rankingv1.RankingState_RANKING_STATE_FINAL, rankingv1.RankingState_RANKING_STATE_OPEN,
	},
}

func stateWord(s rankingv1.RankingState) string {
	return strings.TrimPrefix(s.String(), "RANKING_STATE_")
}

func checkRanking(published PublishedView, zones registry.View, r *rankingv1.Ranking) error {
	if r.GetDisplayName().GetZh() == "" {
		return fault.InvalidField("ranking.display_name.zh", "is missing: name the ranking")
	}
	if err := civil.Check(r.GetDataCut()); err != nil {
		return fault.InvalidField("ranking.data_cut", "%v", err)
	}
	for i, name := range r.GetReferences() {
		path := fmt.Sprintf("ranking.references[%d]", i)
		if _, ok := zones.ReferenceUnit(name); !ok {
			return fault.ReferenceNotFound(path, name)
		}
		if slices.Contains(r.GetReferences()[:i], name) {
			return fault.InvalidField(path, "%s is named twice", name)
		}
	}
	if old, ok := published.Ranking(r.GetName()); ok {
		return checkUpdate(old, r)
	}
	if r.GetState() != rankingv1.RankingState_RANKING_STATE_OPEN {
		return fault.InvalidField("ranking.state", "a new ranking is OPEN: leave it out, and update it when places may be shown")
	}
	if _, ok := published.Scheme(r.GetScheme()); !ok {
		return fault.ReferenceNotFound("ranking.scheme", r.GetScheme())
	}
	if _, ok := zones.Group(r.GetGroup()); !ok {
		return fault.ReferenceNotFound("ranking.group", r.GetGroup())
	}
	p, err := period.Parse(r.GetPeriod())
	if err != nil {
		return fault.InvalidField("ranking.period", "%v", err)
	}
	if _, each := p.Each(); each || p.End() == nil {
		return fault.InvalidField("ranking.period", "%s has no end of its own: rank a dated period, such as 2025 or 2025-06", r.GetPeriod())
	}
	if p.String() != r.GetPeriod() {
		return fault.InvalidField("ranking.period", "write it as %s", p)
	}
	return checkPrevious(published, r, p)
}

// checkPrevious holds the ranking before against this one.
func checkPrevious(published PublishedView, r *rankingv1.Ranking, p period.Period) error {
	if r.GetPrevious() == "" {
		return nil
	}
	before, ok := published.Ranking(r.GetPrevious())
	if !ok {
		return fault.ReferenceNotFound("ranking.previous", r.GetPrevious())
	}
	if before.GetGroup() != r.GetGroup() {
		return fault.InvalidField("ranking.previous", "%s ranks %s, this one %s: moves are counted within one group",
			r.GetPrevious(), before.GetGroup(), r.GetGroup())
	}
	if before.GetKind() != r.GetKind() {
		return fault.InvalidField("ranking.previous", "%s ranks another kind: targets are never compared with actuals", r.GetPrevious())
	}
	if r.GetAudience() == rankingv1.Audience_AUDIENCE_PUBLIC && before.GetAudience() != rankingv1.Audience_AUDIENCE_PUBLIC {
		return fault.InvalidField("ranking.previous", "%s is internal: a public ranking may not tell its places", r.GetPrevious())
	}
	q, err := period.Parse(before.GetPeriod())
	if err != nil {
		return fmt.Errorf("%s: %w", before.GetName(), err)
	}
	if civil.Last(q.End(), civil.Never) >= civil.Last(p.End(), civil.Never) {
		return fault.InvalidField("ranking.previous", "%s is for %s, which does not end before %s", r.GetPrevious(), before.GetPeriod(), r.GetPeriod())
	}
	return nil
}

// checkUpdate refuses what is given once and for all, and steps that are none.
func checkUpdate(old, r *rankingv1.Ranking) error {
	if r.GetScheme() != old.GetScheme() || r.GetGroup() != old.GetGroup() || r.GetPeriod() != old.GetPeriod() || r.GetKind() != old.GetKind() ||
		r.GetAudience() != old.GetAudience() || r.GetPrevious() != old.GetPrevious() {
		return fault.InvalidField("ranking", "scheme, group, period, kind, audience and previous are given once and for all: create another ranking")
	}
	if r.GetState() != old.GetState() && !slices.Contains(follows[old.GetState()], r.GetState()) {
		remedy := "it is final"
		var words []string
		for _, next := range follows[old.GetState()] {
			words = append(words, stateWord(next))
		}
		if len(words) > 0 {
			remedy = "next is " + strings.Join(words, " or ")
		}
		return fault.InvalidField("ranking.state", "%s does not follow %s: %s", stateWord(r.GetState()), stateWord(old.GetState()), remedy)
	}
	if old.GetState() == rankingv1.RankingState_RANKING_STATE_FINAL && !proto.Equal(stored(old, old.GetName()), r) {
		return fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD,
			"%s is FINAL and does not change any more: correct it by a further release or create another ranking", old.GetName())
	}
	return nil
}

// CreateScheme implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) CreateScheme(ctx context.Context, req *rankingv1.CreateSchemeRequest) (*rankingv1.CreateSchemeResponse, error) {
	k, name := s.schemeKind(), "schemes/"+req.GetSchemeId()
	r, state, err := put(ctx, s, k, rankingv1.LiveRankingService_CreateScheme_FullMethodName, name, req,
		func(before PublishedView) (*rankingv1.Scheme, error) {
			body := stored(req.GetScheme(), name)
			if old, ok := k.get(before, name); ok && !proto.Equal(stored(old, name), body) {
				return nil, fault.Exists(name).With("remedy", "a scheme never changes: choose another id and name this one in supersedes")
			}
			return body, nil // The same content again writes nothing.
		})
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
	items, token, total, state, err := list(ctx, s, s.schemeKind(), req, PublishedView.Schemes, (*rankingv1.Scheme).GetName)
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
	items, token, total, state, err := list(ctx, s, rankingKind, req, func(v PublishedView) iter.Seq[*rankingv1.Ranking] {
		return func(yield func(*rankingv1.Ranking) bool) {
			for r := range v.Rankings() {
				if visible(ctx, r) && !yield(r) {
					return
				}
			}
		}
	}, (*rankingv1.Ranking).GetName)
	if err != nil {
		return nil, err
	}
	for i, r := range items {
		if items[i], _, err = s.read(ctx, r.GetName(), state.GetRevision()); err != nil {
			return nil, err
		}
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

// read gives a ranking that the caller may see, marked when its rows are
// simulated, and the version that holds at a revision.
func (s *Service) read(ctx context.Context, name string, at int64) (*rankingv1.Ranking, *versions.Version, error) {
	lane, _ := s.deps.Lane.Current()
	r, ok := lane.View(at).Ranking(name)
	if !ok || !visible(ctx, r) {
		return nil, nil, fault.NotFound(name)
	}
	v, err := s.keeper.At(ctx, name, at)
	if err != nil {
		return nil, nil, err
	}
	if marked := standing.Marked(r.GetDisplayName(), v.Head.GetSimulated()); marked != r.GetDisplayName() {
		r = proto.CloneOf(r)
		r.DisplayName = marked
	}
	return r, v, nil
}

// visible reports whether a caller may see a ranking: internal ones are for those
// who see what is not released.
func visible(ctx context.Context, r *rankingv1.Ranking) bool {
	return r.GetAudience() == rankingv1.Audience_AUDIENCE_PUBLIC || auth.From(ctx).SeesAll()
}

// reading is the revision at which a request about a version is answered: that
// of the version, or for 0 the one of the call.
func (s *Service) reading(ctx context.Context, version int64) (int64, error) {
	now := revision.At(ctx)
	if now <= 0 {
		now = s.deps.Ledger.Applied()
	}
	if version > now {
		return 0, fault.InvalidField("version", "%d is not known at revision %d: name a version that was answered before, or 0 for the newest", version, now)
	}
	if version > 0 {
		return version, nil
	}
	return now, nil
}

func (s *Service) stateAt(revision int64) *typev1.ReadState {
	return &typev1.ReadState{Revision: revision, Token: s.deps.Ledger.Token(revision)}
}

// GetRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetRanking(ctx context.Context, req *rankingv1.GetRankingRequest) (*rankingv1.GetRankingResponse, error) {
	at, err := s.reading(ctx, req.GetVersion())
	if err != nil {
		return nil, err
	}
	p, err := page.Open(req, at)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, err
	}
	ranking, v, err := s.read(ctx, req.GetName(), p.Revision)
	if err != nil {
		return nil, err
	}
	resp := &rankingv1.GetRankingResponse{Ranking: ranking, Head: v.Head, State: s.stateAt(p.Revision)}
	rows, err := part(req, v)
	if err != nil {
		return nil, err
	}
	key := func(r *rankingv1.Standing) string { return fmt.Sprintf("%06d", r.GetPosition()) }
	rows, resp.NextPageToken, _ = page.Cut(p, slices.Values(rows), key, func(*rankingv1.Standing) bool { return true })
	resp.Standings, err = s.furnish(ctx, req.GetName(), p.Revision, rows, req.GetShowCells(), req.GetHistory())
	return resp, err
}

// furnish adds cells and history to copies of rows.
func (s *Service) furnish(
	ctx context.Context, name string, at int64, rows []*rankingv1.Standing, cells bool, history int32,
) ([]*rankingv1.Standing, error) {
	if !cells && history == 0 {
		return rows, nil
	}
	zones := make([]string, len(rows))
	out := make([]*rankingv1.Standing, len(rows))
	for i, r := range rows {
		zones[i] = r.GetSubject()
		out[i] = proto.CloneOf(r)
	}
	if cells {
		table, err := s.source.table(name, at)
		if err != nil {
			return nil, err
		}
		for i, list := range table.Cells(zones) {
			out[i].Cells = list
		}
	}
	if history > 0 {
		past, err := s.history(ctx, name, at, zones, int(history))
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].History = past[i]
		}
	}
	return out, nil
}

// history are the places of zones in the rankings before, the oldest first.
func (s *Service) history(ctx context.Context, name string, at int64, zones []string, back int) ([][]*rankingv1.PastPlace, error) {
	lane, _ := s.deps.Lane.Current()
	view := lane.View(at)
	after, _ := view.Ranking(name)
	past := make([][]*rankingv1.PastPlace, len(zones))
	for range back {
		before, ok := view.Ranking(after.GetPrevious())
		if !ok {
			break
		}
		v, err := s.keeper.At(ctx, before.GetName(), at)
		if err != nil {
			return nil, err
		}
		for i, zone := range zones {
			p := &rankingv1.PastPlace{
				Ranking: before.GetName(), Period: before.GetPeriod(), SchemeChanged: before.GetScheme() != after.GetScheme(),
			}
			if row, ok := v.Row(zone); ok { // else it was no member then
				p.Place, p.Of, p.Score = v.Rows[row].GetPlace(), v.Rows[row].GetOf(), v.Rows[row].GetScore()
			}
			past[i] = append(past[i], p)
		}
		after = before
	}
	for i := range past {
		slices.Reverse(past[i])
	}
	return past, nil
}

// part is the rows that a request asks for.
func part(req *rankingv1.GetRankingRequest, v *versions.Version) ([]*rankingv1.Standing, error) {
	find := func(zone string) (int, error) {
		if i, ok := v.Row(zone); ok {
			return i, nil
		}
		return 0, fault.NotFound(zone + " in " + req.GetName())
	}
	switch want := req.GetPart().(type) {
	case *rankingv1.GetRankingRequest_Zone:
		i, err := find(want.Zone)
		if err != nil {
			return nil, err
		}
		return v.Rows[i : i+1], nil
	case *rankingv1.GetRankingRequest_Around:
		i, err := find(want.Around.GetZone())
		if err != nil {
			return nil, err
		}
		n := int(want.Around.GetRows())
		return v.Rows[max(i-n, 0):min(i+n+1, len(v.Rows))], nil
	case *rankingv1.GetRankingRequest_Prefix:
		return slices.Collect(named(v.Rows, want.Prefix)), nil
	}
	return v.Rows, nil
}

// named are the rows whose display name begins with a text, letter case aside.
func named(rows []*rankingv1.Standing, prefix string) iter.Seq[*rankingv1.Standing] {
	prefix = strings.ToLower(prefix)
	return func(yield func(*rankingv1.Standing) bool) {
		for _, r := range rows {
			l := r.GetDisplayName()
			if (strings.HasPrefix(strings.ToLower(l.GetZh()), prefix) || strings.HasPrefix(strings.ToLower(l.GetEn()), prefix)) && !yield(r) {
				return
			}
		}
	}
}
