package indicator

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/filter"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// view is the state that a call is answered from, as its caller sees it.
func (s *Service) view(ctx context.Context) figures.View { return s.seen(ctx, revision.At(ctx)) }

// seen is the state at a revision as the caller sees it.
func (s *Service) seen(ctx context.Context, revision int64) figures.View {
	if revision == 0 {
		revision = s.deps.Ledger.Applied()
	}
	return s.at(revision).For(auth.From(ctx), s.deps.Ledger.TimeAt(revision))
}

func (s *Service) at(revision int64) figures.View {
	state, _ := s.deps.Lane.Current()
	return state.View(revision)
}

// GetIndicator implements zonebench.indicator.v1.IndicatorService.
func (s *Service) GetIndicator(ctx context.Context, req *indicatorv1.GetIndicatorRequest) (*indicatorv1.GetIndicatorResponse, error) {
	i, ok := s.view(ctx).Indicator(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &indicatorv1.GetIndicatorResponse{Indicator: i, State: revision.State(ctx)}, nil
}

// GetSource implements zonebench.indicator.v1.IndicatorService.
func (s *Service) GetSource(ctx context.Context, req *indicatorv1.GetSourceRequest) (*indicatorv1.GetSourceResponse, error) {
	m, ok := s.view(ctx).Source(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &indicatorv1.GetSourceResponse{Source: m, State: revision.State(ctx)}, nil
}

// GetStatement implements zonebench.indicator.v1.IndicatorService.
func (s *Service) GetStatement(ctx context.Context, req *indicatorv1.GetStatementRequest) (*indicatorv1.GetStatementResponse, error) {
	m, ok := s.view(ctx).Statement(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &indicatorv1.GetStatementResponse{Statement: m, State: revision.State(ctx)}, nil
}

// GetFigure implements zonebench.indicator.v1.IndicatorService.
func (s *Service) GetFigure(ctx context.Context, req *indicatorv1.GetFigureRequest) (*indicatorv1.GetFigureResponse, error) {
	key, err := canonicalKey(req.GetKey())
	if err != nil {
		return nil, err
	}
	f, ok := s.view(ctx).Figure(key)
	if !ok {
		return nil, noFigure(key)
	}
	return &indicatorv1.GetFigureResponse{Figure: f, State: revision.State(ctx)}, nil
}

// noFigure says that nothing was ever recorded under a key.
func noFigure(key *indicatorv1.FigureKey) error {
	return fault.New(codes.NotFound, typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND,
		"nothing was recorded under this key: %s", describe(key)).With("resource", figures.KeyText(key))
}

// ListFigureHistory implements zonebench.indicator.v1.IndicatorService.
func (s *Service) ListFigureHistory(
	ctx context.Context, req *indicatorv1.ListFigureHistoryRequest,
) (*indicatorv1.ListFigureHistoryResponse, error) {
	key, err := canonicalKey(req.GetKey())
	if err != nil {
		return nil, err
	}
	changes, ok := s.view(ctx).History(key)
	if !ok {
		return nil, noFigure(key)
	}
	return &indicatorv1.ListFigureHistoryResponse{Changes: changes, State: revision.State(ctx)}, nil
}

// Fields by which lists may be filtered, as the contracts name them.
var (
	indicatorFields = []string{
		"name", "display_name.zh", "display_name.en", "unit", "nature", "direction", "growth_of", "concept", "national_authority", "simulated",
	}
	sourceFields    = []string{"name", "title.zh", "publisher", "document_number", "reliability", "simulated"}
	figureFields    = []string{"key.subject", "key.indicator", "key.period", "key.kind", "key.ambition", "key.scope.statistical_class"}
	statementFields = append([]string{"source", "tag", "stage", "reporter", "vintage", "simulated"}, figureFields...)
)

// list is a list request as this service reads it.
type list interface {
	page.Request
	GetFilter() string
}

// open finds out what a list request asks for, and waits for the revision that
// its page token pins.
func (s *Service) open(ctx context.Context, req list, item proto.Message, fields []string) (page.Page, figures.View, filter.Predicate, error) {
	fits, err := filter.Compile(req.GetFilter(), item.ProtoReflect().Descriptor(), fields)
	if err != nil {
		return page.Page{}, figures.View{}, nil, err
	}
	at := revision.At(ctx)
	if at == 0 {
		at = s.at(0).Revision()
	}
	p, err := page.Open(req, at)
	if err != nil {
		return page.Page{}, figures.View{}, nil, err
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return page.Page{}, figures.View{}, nil, err
	}
	return p, s.seen(ctx, p.Revision), fits, nil
}

// state is that of a page, which later pages keep.
func (s *Service) state(p page.Page) *typev1.ReadState {
	return &typev1.ReadState{Revision: p.Revision, Token: s.deps.Ledger.Token(p.Revision)}
}

// ListIndicators implements zonebench.indicator.v1.IndicatorService.
func (s *Service) ListIndicators(ctx context.Context, req *indicatorv1.ListIndicatorsRequest) (*indicatorv1.ListIndicatorsResponse, error) {
	p, view, fits, err := s.open(ctx, req, &indicatorv1.Indicator{}, indicatorFields)
	if err != nil {
		return nil, err
	}
	items, next, total := page.Cut(p, view.Indicators(), (*indicatorv1.Indicator).GetName,
		func(i *indicatorv1.Indicator) bool { return fits(i) })
	return &indicatorv1.ListIndicatorsResponse{Indicators: items, NextPageToken: next, TotalSize: int32(total), State: s.state(p)}, nil
}

// ListSources implements zonebench.indicator.v1.IndicatorService.
func (s *Service) ListSources(ctx context.Context, req *indicatorv1.ListSourcesRequest) (*indicatorv1.ListSourcesResponse, error) {
	p, view, fits, err := s.open(ctx, req, &indicatorv1.Source{}, sourceFields)
	if err != nil {
		return nil, err
	}
	items, next, total := page.Cut(p, view.Sources(), (*indicatorv1.Source).GetName, func(m *indicatorv1.Source) bool { return fits(m) })
	return &indicatorv1.ListSourcesResponse{Sources: items, NextPageToken: next, TotalSize: int32(total), State: s.state(p)}, nil
}

// ListStatements implements zonebench.indicator.v1.IndicatorService.
func (s *Service) ListStatements(ctx context.Context, req *indicatorv1.ListStatementsRequest) (*indicatorv1.ListStatementsResponse, error) {
	p, view, fits, err := s.open(ctx, req, &indicatorv1.Statement{}, statementFields)
	if err != nil {
		return nil, err
	}
	resp := &indicatorv1.ListStatementsResponse{State: s.state(p)}
	after, counted := sequence(p.After), req.GetFilter() == ""
	from := uint32(0)
	if counted { // Nothing has to be read to be counted, and nothing before the page.
		resp.TotalSize, from = int32(view.CountStatements(req.GetShowWithdrawn())), after
	}
	last := after
	for n, m := range view.StatementsAfter(from, req.GetShowWithdrawn()) {
		if !counted && !fits(m) {
			continue
		}
		if !counted {
			resp.TotalSize++
		}
		switch {
		case n <= after:
		case len(resp.GetStatements()) < p.Size:
			resp.Statements, last = append(resp.GetStatements(), m), n
		case resp.GetNextPageToken() == "":
			resp.NextPageToken = p.Token(fmt.Sprint(last))
		}
		if counted && resp.GetNextPageToken() != "" {
			break
		}
	}
	return resp, nil
}

// sequence reads the position of a page of statements; the token vouches for it.
func sequence(after string) uint32 {
	var n uint32
	if _, err := fmt.Sscan(after, &n); err != nil {
		return 0
	}
	return n
}

// ListFigures implements zonebench.indicator.v1.IndicatorService.
func (s *Service) ListFigures(ctx context.Context, req *indicatorv1.ListFiguresRequest) (*indicatorv1.ListFiguresResponse, error) {
	p, view, fits, err := s.open(ctx, req, &indicatorv1.Figure{}, figureFields)
	if err != nil {
		return nil, err
	}
	// Filters only ask for the key, so the figures of other pages need not be made.
	keys, next, total := page.Cut(p, view.Keys(), figures.KeyText, func(k *indicatorv1.FigureKey) bool {
		return req.GetFilter() == "" || fits(&indicatorv1.Figure{Key: k})
	})
	resp := &indicatorv1.ListFiguresResponse{NextPageToken: next, TotalSize: int32(total), State: s.state(p)}
	for _, k := range keys {
		if f, ok := view.Figure(k); ok {
			resp.Figures = append(resp.GetFigures(), f)
		}
	}
	return resp, nil
}
