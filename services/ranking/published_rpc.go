package ranking

import (
	"context"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/filter"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/mask"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/versioned"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// kind is what series and rounds differ in.
type kind[R versioned.Resource] struct {
	field   string   // that holds it in requests
	filters []string // fields of list filters
	get     func(PublishedView, string) (R, bool)
	fact    func(R) *ledgerv1.Fact
	// check holds a resource against the rules that the contract cannot say.
	check func(published PublishedView, zones registry.View, r R) error
}

var seriesKind = kind[*rankingv1.Series]{
	field: "series", filters: []string{"name", "display_name.zh", "authority.zh", "simulated"},
	get: PublishedView.Series,
	fact: func(s *rankingv1.Series) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Series{Series: s}}
	},
	check: checkSeries,
}

var roundKind = kind[*rankingv1.Round]{
	field: "round", filters: []string{"name", "group.zh", "ranking_year", "data_year", "method", "reliability"},
	get: PublishedView.Round,
	fact: func(r *rankingv1.Round) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Round{Round: r}}
	},
	check: checkRound,
}

// stored is a resource in the form that the ledger keeps, under its name.
func stored[R versioned.Resource](r R, name string) R {
	c := versioned.Stored(r)
	c.ProtoReflect().Set(c.ProtoReflect().Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
	return c
}

// create registers a resource under a new name.
func create[R versioned.Resource](
	ctx context.Context, s *Service, k kind[R], method, name string, body R, req command.Request,
) (R, *typev1.ReadState, error) {
	return put(ctx, s, k, method, name, req, func(before PublishedView) (R, error) {
		if _, ok := k.get(before, name); ok {
			return *new(R), fault.Exists(name)
		}
		return stored(body, name), nil
	})
}

// update changes the fields of a resource that the mask names.
func update[R versioned.Resource](
	ctx context.Context, s *Service, k kind[R], method string, body R, fields *fieldmaskpb.FieldMask, req command.Request,
) (R, *typev1.ReadState, error) {
	if err := mask.Check(fields, body.ProtoReflect().Descriptor()); err != nil {
		return *new(R), nil, err
	}
	name := body.GetName()
	return put(ctx, s, k, method, name, req, func(before PublishedView) (R, error) {
		old, ok := k.get(before, name)
		if !ok {
			return *new(R), fault.NotFound(name)
		}
		if etag := body.GetEtag(); etag != "" && etag != old.GetEtag() {
			return *new(R), fault.EtagMismatch(name, old.GetEtag())
		}
		next := stored(old, name)
		mask.Apply(fields, next, body, append(slices.Clip(versioned.Outputs), "name")...)
		return next, nil
	})
}

// put runs the command that writes one resource.
func put[R versioned.Resource](
	ctx context.Context, s *Service, k kind[R], method, name string, req command.Request, decide func(PublishedView) (R, error),
) (R, *typev1.ReadState, error) {
	var none, next R
	c, err := command.New(ctx, method, req, func(state *Published, _ ledger.Position) (ledger.Proposal, error) {
		view := state.View(0)
		var err error
		if next, err = decide(view); err != nil {
			return ledger.Proposal{}, err
		}
		zones, _ := s.deps.Registry.Current()
		if err := k.check(view, zones.View(0), next); err != nil {
			return ledger.Proposal{}, err
		}
		if old, ok := k.get(view, name); ok && proto.Equal(stored(old, name), next) {
			return ledger.Proposal{}, nil
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{k.fact(next)}, Names: []string{name}}, nil
	})
	if err != nil {
		return none, nil, err
	}
	receipt, err := s.deps.Lane.Commit(ctx, c)
	if err != nil {
		return none, nil, err
	}
	if command.ValidateOnly(req) {
		return next, revision.State(ctx), nil
	}
	state, _ := s.deps.Lane.Current()
	shown, ok := k.get(state.View(receipt.Revision), name)
	if !ok {
		return none, nil, fault.NotFound(name)
	}
	return shown, revision.Written(ctx, receipt.Revision), nil
}

func checkSeries(_ PublishedView, _ registry.View, s *rankingv1.Series) error {
	if s.GetDisplayName().GetZh() == "" {
		return fault.InvalidField("series.display_name.zh", "is missing: give the name that the authority uses")
	}
	if s.GetAuthority().GetZh() == "" {
		return fault.InvalidField("series.authority.zh", "is missing: name who publishes the ranking")
	}
	return nil
}

func checkRound(published PublishedView, zones registry.View, r *rankingv1.Round) error {
	if _, ok := published.Series(seriesOf(r.GetName())); !ok {
		return fault.ReferenceNotFound("parent", seriesOf(r.GetName()))
	}
	if r.GetGroup().GetZh() == "" {
		return fault.InvalidField("round.group.zh", "is missing: name the group that was ranked, such as 全国")
	}
	if err := civil.Check(r.GetPublishDate()); err != nil {
		return fault.InvalidField("round.publish_date", "%v", err)
	}
	for other := range published.Rounds() {
		if other.GetName() != r.GetName() && sameRanking(other, r) && r.GetRankingYear() != 0 && other.GetRankingYear() == r.GetRankingYear() {
			return fault.InvalidField("round.ranking_year", "%s is the round of %d for %s already: update it instead",
				other.GetName(), r.GetRankingYear(), r.GetGroup().GetZh())
		}
	}
	return checkPlaces(zones, r)
}

// checkPlaces refuses places that contradict each other or what the round says
// of itself.
func checkPlaces(zones registry.View, r *rankingv1.Round) error {
	seen := make(map[string]bool)
	held := make(map[int32]bool)
	for i, p := range r.GetPlaces() {
		at := func(field string) string { return placePath(i) + field }
		if !zones.Exists(p.GetZone()) {
			return fault.ReferenceNotFound(at("zone"), p.GetZone())
		}
		if seen[p.GetZone()] {
			return fault.InvalidField(at("zone"), "%s is in this round twice", p.GetZone())
		}
		seen[p.GetZone()] = true
		if units := r.GetUnitsRanked(); units > 0 && p.GetPlace() > units {
			return fault.InvalidField(at("place"), "place %d of %d zones", p.GetPlace(), units)
		}
		if (p.GetPlace() == 0) == (p.GetListed() == 0) {
			return fault.InvalidField(at("place"), "set the printed place, or `listed` when the zone is only named in an order")
		}
		held[p.GetPlace()] = true
	}
	if r.GetUnitsRanked() > 0 && r.GetCompleteTo() > r.GetUnitsRanked() {
		return fault.InvalidField("round.complete_to", "complete to %d of %d zones", r.GetCompleteTo(), r.GetUnitsRanked())
	}
	if len(r.GetPlaces()) == 0 { // They come after the round, by import.
		return nil
	}
	ties := len(r.GetPlaces()) - len(held) // Equal places leave the next ones empty.
	gaps := 0
	for k := int32(1); k <= r.GetCompleteTo(); k++ {
		if !held[k] {
			gaps++
		}
	}
	if gaps > ties {
		return fault.InvalidField("round.complete_to", "the list is said to be complete to place %d and lacks %d of these places", r.GetCompleteTo(), gaps)
	}
	return nil
}

// CreateSeries implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) CreateSeries(ctx context.Context, req *rankingv1.CreateSeriesRequest) (*rankingv1.CreateSeriesResponse, error) {
	r, state, err := create(ctx, s, seriesKind, rankingv1.PublishedRankingService_CreateSeries_FullMethodName,
		"series/"+req.GetSeriesId(), req.GetSeries(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.CreateSeriesResponse{Series: r, State: state}, nil
}

// GetSeries implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) GetSeries(ctx context.Context, req *rankingv1.GetSeriesRequest) (*rankingv1.GetSeriesResponse, error) {
	r, ok := s.published(ctx).Series(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &rankingv1.GetSeriesResponse{Series: r, State: revision.State(ctx)}, nil
}

// ListSeries implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) ListSeries(ctx context.Context, req *rankingv1.ListSeriesRequest) (*rankingv1.ListSeriesResponse, error) {
	items, next, total, state, err := list(ctx, s, seriesKind, req, PublishedView.AllSeries, (*rankingv1.Series).GetName)
	if err != nil {
		return nil, err
	}
	return &rankingv1.ListSeriesResponse{Series: items, NextPageToken: next, TotalSize: total, State: state}, nil
}

// UpdateSeries implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) UpdateSeries(ctx context.Context, req *rankingv1.UpdateSeriesRequest) (*rankingv1.UpdateSeriesResponse, error) {
	r, state, err := update(ctx, s, seriesKind, rankingv1.PublishedRankingService_UpdateSeries_FullMethodName,
		req.GetSeries(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.UpdateSeriesResponse{Series: r, State: state}, nil
}

// CreateRound implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) CreateRound(ctx context.Context, req *rankingv1.CreateRoundRequest) (*rankingv1.CreateRoundResponse, error) {
	r, state, err := create(ctx, s, roundKind, rankingv1.PublishedRankingService_CreateRound_FullMethodName,
		req.GetParent()+"/rounds/"+req.GetRoundId(), req.GetRound(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.CreateRoundResponse{Round: r, State: state}, nil
}

// GetRound implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) GetRound(ctx context.Context, req *rankingv1.GetRoundRequest) (*rankingv1.GetRoundResponse, error) {
	r, ok := s.published(ctx).Round(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &rankingv1.GetRoundResponse{Round: r, State: revision.State(ctx)}, nil
}

// ListRounds implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) ListRounds(ctx context.Context, req *rankingv1.ListRoundsRequest) (*rankingv1.ListRoundsResponse, error) {
	rounds := func(v PublishedView) iter.Seq[*rankingv1.Round] {
		return func(yield func(*rankingv1.Round) bool) {
			for _, r := range newestFirst(v, req.GetParent()) {
				if !yield(r) {
					return
				}
			}
		}
	}
	items, next, total, state, err := list(ctx, s, roundKind, req, rounds, newestKey)
	if err != nil {
		return nil, err
	}
	return &rankingv1.ListRoundsResponse{Rounds: items, NextPageToken: next, TotalSize: total, State: state}, nil
}

// UpdateRound implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) UpdateRound(ctx context.Context, req *rankingv1.UpdateRoundRequest) (*rankingv1.UpdateRoundResponse, error) {
	r, state, err := update(ctx, s, roundKind, rankingv1.PublishedRankingService_UpdateRound_FullMethodName,
		req.GetRound(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &rankingv1.UpdateRoundResponse{Round: r, State: state}, nil
}

// ListPublishedPlaces implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) ListPublishedPlaces(
	ctx context.Context, req *rankingv1.ListPublishedPlacesRequest,
) (*rankingv1.ListPublishedPlacesResponse, error) {
	r := s.records(ctx)
	if _, ok := r.registry.Zone(req.GetZone()); !ok {
		return nil, fault.NotFound(req.GetZone())
	}
	if req.GetSeries() != "" {
		if _, ok := r.published.Series(req.GetSeries()); !ok {
			return nil, fault.NotFound(req.GetSeries())
		}
	}
	return &rankingv1.ListPublishedPlacesResponse{
		Places: r.placesOf(req.GetZone(), req.GetSeries(), req.GetShowAbsences()), State: revision.State(ctx),
	}, nil
}

// DeriveProvincialOrder implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) DeriveProvincialOrder(
	ctx context.Context, req *rankingv1.DeriveProvincialOrderRequest,
) (*rankingv1.DeriveProvincialOrderResponse, error) {
	r := s.records(ctx)
	round, ok := r.published.Round(req.GetRound())
	if !ok {
		return nil, fault.NotFound(req.GetRound())
	}
	places, caveat := r.provincialOrder(round, req.GetProvinceCode())
	return &rankingv1.DeriveProvincialOrderResponse{Places: places, Caveat: caveat, State: revision.State(ctx)}, nil
}

// ListRankTargets implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) ListRankTargets(ctx context.Context, req *rankingv1.ListRankTargetsRequest) (*rankingv1.ListRankTargetsResponse, error) {
	if err := civil.Check(req.GetAsOf()); err != nil {
		return nil, fault.InvalidField("as_of", "%v", err)
	}
	r := s.records(ctx)
	view := s.figures(ctx)
	resp := &rankingv1.ListRankTargetsResponse{State: revision.State(ctx)}
	for figure := range view.Figures() {
		key := figure.GetKey()
		if key.GetKind() != indicatorv1.Kind_KIND_TARGET || len(req.GetZones()) > 0 && !slices.Contains(req.GetZones(), key.GetSubject()) {
			continue
		}
		for _, statement := range preferred(figure) {
			ind, _ := view.Indicator(key.GetIndicator())
			if statement.GetRankTarget() == nil && ind.GetNature() != indicatorv1.Nature_NATURE_RANK {
				continue
			}
			groups := statement.GetRankTarget().GetGroups()
			if len(groups) == 0 {
				groups = []string{""}
			}
			for _, group := range groups {
				resp.Targets = append(resp.Targets, r.judge(statement, group, yearOf(key.GetPeriod()), civil.Last(req.GetAsOf(), civil.Never)))
			}
		}
	}
	return resp, nil
}

// yearOf is the year that a target's period ends in, 0 when it has none.
func yearOf(text string) int32 {
	p, err := period.Parse(text)
	if err != nil { // The indicator service parsed it before it was recorded.
		return 0
	}
	return p.End().GetYear()
}

func (s *Service) published(ctx context.Context) PublishedView {
	state, _ := s.deps.Lane.Current()
	return state.View(revision.At(ctx))
}

func (s *Service) records(ctx context.Context) records {
	zones, _ := s.deps.Registry.Current()
	return records{registry: zones.View(revision.At(ctx)), published: s.published(ctx)}
}

type listRequest interface {
	page.Request
	GetFilter() string
}

// list answers a list request from the revision that its page token pins.
func list[R versioned.Resource](
	ctx context.Context, s *Service, k kind[R], req listRequest, all func(PublishedView) iter.Seq[R], key func(R) string,
) (items []R, next string, total int32, state *typev1.ReadState, err error) {
	fits, err := filter.Compile(req.GetFilter(), (*new(R)).ProtoReflect().Descriptor(), k.filters)
	if err != nil {
		return nil, "", 0, nil, err
	}
	now, err := s.reading(ctx, 0)
	if err != nil {
		return nil, "", 0, nil, err
	}
	p, err := page.Open(req, now)
	if err != nil {
		return nil, "", 0, nil, err
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, "", 0, nil, err
	}
	current, _ := s.deps.Lane.Current()
	items, next, n := page.Cut(p, all(current.View(p.Revision)), key, func(r R) bool { return fits(r) })
	return items, next, int32(n), &typev1.ReadState{Revision: p.Revision, Token: s.deps.Ledger.Token(p.Revision)}, nil
}
