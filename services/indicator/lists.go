package indicator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/nearest"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// storedList is a list in the form that the ledger keeps, without what follows from its commit.
func storedList(l *indicatorv1.List) *indicatorv1.List {
	m := proto.CloneOf(l)
	m.Etag, m.CreateTime, m.UpdateTime, m.Revision = "", nil, nil, 0
	return m
}

func listFact(l *indicatorv1.List) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_List{List: storedList(l)}}
}

// checkList says what is wrong with a list among indicators, zones and sources.
func (c *catalog) checkList(l *indicatorv1.List, zones registry.View) []flaw {
	var flaws []flaw
	add := func(f flaw) { flaws = append(flaws, f) }
	if strings.TrimSpace(l.GetDisplayName().GetZh()) == "" {
		add(invalid("display_name.zh", "give the name of the list", "it is empty"))
	}
	for n, cr := range l.GetCriteria() {
		at := func(field string) string { return fmt.Sprintf("criteria[%d].%s", n, field) }
		i, ok := c.indicator(cr.GetIndicator())
		if !ok {
			add(missing(at("indicator"), cr.GetIndicator(), c.nearIndicator(cr.GetIndicator())))
			continue
		}
		if i.GetNature() == indicatorv1.Nature_NATURE_STATUS {
			add(invalid(at("indicator"), "name an indicator with numbers", "%s is a status and has no number", i.GetName()))
			continue
		}
		if _, err := quantity.Parse(cr.GetNumber()); err != nil {
			add(invalid(at("number"), "write digits such as 10000 or 0.5", "%q is not an exact decimal", cr.GetNumber()))
		}
		if err := quantity.Compatible(cr.GetUnit(), i.GetUnit()); err != nil {
			f := criterionUnit(at("unit"), cr, i, err)
			add(f)
		}
	}
	c.checkEntries(l, zones, add)
	return flaws
}

func criterionUnit(path string, cr *indicatorv1.Criterion, i *indicatorv1.Indicator, err error) flaw {
	fits := quantity.Fits(i.GetUnit())
	f := flaw{
		path: path, reason: typev1.ErrorReason_ERROR_REASON_INCOMPATIBLE_UNIT, detail: "fits", value: strings.Join(fits, ","),
		message: fmt.Sprintf("%s does not convert to %s, the unit of %s", cmp.Or(cr.GetUnit(), "a number without unit"),
			cmp.Or(i.GetUnit(), "a number without unit"), i.GetName()),
		remedy: "units that fit are " + strings.Join(fits, ", "),
	}
	if unknownUnit, ok := errors.AsType[*quantity.UnknownUnitError](err); ok {
		f.message = fmt.Sprintf("unit %q is not known", cr.GetUnit())
		if unknownUnit.Near != "" {
			f.remedy = fmt.Sprintf("did you mean %q? %s", unknownUnit.Near, f.remedy)
		}
	}
	return f
}

// checkEntries refuses entries of zones or sources that do not exist, and two
// stages of one zone from the same day on.
func (c *catalog) checkEntries(l *indicatorv1.List, zones registry.View, add func(flaw)) {
	type from struct {
		zone string
		day  civil.Day
	}
	first := make(map[from]int)
	for n, e := range l.GetEntries() {
		at := func(field string) string { return fmt.Sprintf("entries[%d].%s", n, field) }
		if _, ok := zones.Zone(e.GetZone()); !ok {
			var names []string
			for z := range zones.Zones() {
				names = append(names, z.GetName())
			}
			add(missing(at("zone"), e.GetZone(), nearest.Word(e.GetZone(), names)))
		}
		if err := civil.Check(e.GetSince()); err != nil {
			add(invalid(at("since"), "correct the date", "%v", err))
		}
		if e.GetSource() != "" {
			if _, ok := c.view.Source(e.GetSource()); !ok && c.sources[e.GetSource()] == nil {
				add(missing(at("source"), e.GetSource(), c.nearSource(e.GetSource())))
			}
		}
		key := from{e.GetZone(), civil.First(e.GetSince(), civil.Ever)}
		if other, taken := first[key]; taken {
			add(invalid(at("since"), "keep one of the two, or correct the day",
				"%s is at two stages from the same day on: see entries[%d]", e.GetZone(), other))
			continue
		}
		first[key] = n
	}
}

// markSimulated marks a list that simulated zones or indicators are part of.
func (c *catalog) markSimulated(l *indicatorv1.List, zones registry.View) {
	for _, cr := range l.GetCriteria() {
		i, _ := c.indicator(cr.GetIndicator())
		l.Simulated = l.GetSimulated() || i.GetSimulated()
	}
	for _, e := range l.GetEntries() {
		l.Simulated = l.GetSimulated() || zones.Simulated(e.GetZone())
	}
}

// putList runs the command that writes one list.
func (s *Service) putList(
	ctx context.Context, method string, req command.Request, decide func(figures.View) (*indicatorv1.List, error),
) (*indicatorv1.List, *typev1.ReadState, error) {
	var next *indicatorv1.List
	c, err := command.New(ctx, method, req, func(state *figures.State, _ ledger.Position) (ledger.Proposal, error) {
		view := state.View(0)
		var err error
		if next, err = decide(view); err != nil {
			return ledger.Proposal{}, err
		}
		current, _ := s.deps.Registry.Current()
		zones := current.View(0)
		known := newCatalog(view)
		if err := refuse("list.", known.checkList(next, zones)); err != nil {
			return ledger.Proposal{}, err
		}
		known.markSimulated(next, zones)
		if present, ok := view.List(next.GetName()); ok && proto.Equal(storedList(present), next) {
			return ledger.Proposal{}, nil
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{listFact(next)}, Names: []string{next.GetName()}}, nil
	})
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	receipt, err := s.deps.Lane.Commit(ctx, c)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	if command.ValidateOnly(req) {
		return next, revision.State(ctx), nil
	}
	name := ""
	if next != nil {
		name = next.GetName()
	} else if len(receipt.Names) > 0 { // A retry is not decided again.
		name = receipt.Names[0]
	}
	shown, ok := s.at(receipt.Revision).List(name)
	if !ok {
		return nil, nil, fault.NotFound(name)
	}
	return shown, revision.Written(ctx, receipt.Revision), nil
}

// CreateList implements zonebench.indicator.v1.TargetService.
func (s *Service) CreateList(ctx context.Context, req *indicatorv1.CreateListRequest) (*indicatorv1.CreateListResponse, error) {
	name := "lists/" + req.GetListId()
	l, state, err := s.putList(ctx, indicatorv1.TargetService_CreateList_FullMethodName, req, func(view figures.View) (*indicatorv1.List, error) {
		if _, taken := view.List(name); taken {
			return nil, fault.Exists(name)
		}
		made := storedList(req.GetList())
		made.Name = name
		return made, nil
	})
	if err != nil {
		return nil, err
	}
	return &indicatorv1.CreateListResponse{List: l, State: state}, nil
}

// UpdateList implements zonebench.indicator.v1.TargetService.
func (s *Service) UpdateList(ctx context.Context, req *indicatorv1.UpdateListRequest) (*indicatorv1.UpdateListResponse, error) {
	name := req.GetList().GetName()
	l, state, err := s.putList(ctx, indicatorv1.TargetService_UpdateList_FullMethodName, req, func(view figures.View) (*indicatorv1.List, error) {
		present, ok := view.List(name)
		if !ok {
			return nil, fault.NotFound(name)
		}
		next, err := merge(present, req.GetList(), req.GetUpdateMask())
		if err != nil {
			return nil, err
		}
		return storedList(next), nil
	})
	if err != nil {
		return nil, err
	}
	return &indicatorv1.UpdateListResponse{List: l, State: state}, nil
}

// GetList implements zonebench.indicator.v1.TargetService.
func (s *Service) GetList(ctx context.Context, req *indicatorv1.GetListRequest) (*indicatorv1.GetListResponse, error) {
	l, ok := s.view(ctx).List(req.GetName())
	if !ok {
		return nil, fault.NotFound(req.GetName())
	}
	return &indicatorv1.GetListResponse{List: l, State: revision.State(ctx)}, nil
}

var listFields = []string{"name", "display_name.zh", "authority.zh", "simulated"}

// ListLists implements zonebench.indicator.v1.TargetService.
func (s *Service) ListLists(ctx context.Context, req *indicatorv1.ListListsRequest) (*indicatorv1.ListListsResponse, error) {
	p, view, fits, err := s.open(ctx, req, &indicatorv1.List{}, listFields)
	if err != nil {
		return nil, err
	}
	items, next, total := page.Cut(p, view.Lists(), (*indicatorv1.List).GetName, func(l *indicatorv1.List) bool { return fits(l) })
	return &indicatorv1.ListListsResponse{Lists: items, NextPageToken: next, TotalSize: int32(total), State: s.state(p)}, nil
}
