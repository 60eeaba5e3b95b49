package indicator

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/mask"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// decision turns a request into facts on the state it would be written to. It
// may run more than once; what it leaves in its closure is of the last run.
type decision func(view figures.View, zones registry.View) (ledger.Proposal, error)

// write puts a request into the lane's queue and waits for its transaction.
func (s *Service) write(ctx context.Context, method string, req command.Request, decide decision) (ledger.Receipt, error) {
	c, err := s.command(ctx, method, req, decide)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return s.deps.Lane.Commit(ctx, c) //nolint:wrapcheck // faults go to the caller as they are
}

func (s *Service) command(
	ctx context.Context, method string, req command.Request, decide decision,
) (ledger.Command[*figures.State], error) {
	method = "/" + indicatorv1.IndicatorService_ServiceDesc.ServiceName + "/" + method
	//nolint:wrapcheck // faults go to the caller as they are
	return command.New(ctx, method, req, func(state *figures.State, _ ledger.Position) (ledger.Proposal, error) {
		zones, _ := s.deps.Registry.Current()
		return decide(state.View(0), zones.View(0))
	})
}

// written is the state after a write, for reading back and for the reply. A dry
// run is answered from the state it was judged on.
func (s *Service) written(ctx context.Context, receipt ledger.Receipt) (figures.View, *typev1.ReadState) {
	return s.at(receipt.Revision), revision.Written(ctx, receipt.Revision)
}

// CreateIndicator implements zonebench.indicator.v1.IndicatorService.
func (s *Service) CreateIndicator(ctx context.Context, req *indicatorv1.CreateIndicatorRequest) (*indicatorv1.CreateIndicatorResponse, error) {
	made := clearOutputs(proto.CloneOf(req.GetIndicator()))
	made.Name = "indicators/" + req.GetIndicatorId()
	receipt, err := s.write(ctx, "CreateIndicator", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		if _, taken := view.Indicator(made.GetName()); taken {
			return ledger.Proposal{}, fault.Exists(made.GetName())
		}
		c := newCatalog(view)
		c.indicators[made.GetName()] = made
		if err := refuse("indicator.", c.checkIndicator(made, nil)); err != nil {
			return ledger.Proposal{}, err
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{indicatorFact(made)}, Names: []string{made.GetName()}}, nil
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	if i, ok := view.Indicator(made.GetName()); ok {
		made = i
	}
	return &indicatorv1.CreateIndicatorResponse{Indicator: made, State: state}, nil
}

// UpdateIndicator implements zonebench.indicator.v1.IndicatorService.
func (s *Service) UpdateIndicator(ctx context.Context, req *indicatorv1.UpdateIndicatorRequest) (*indicatorv1.UpdateIndicatorResponse, error) {
	sent := req.GetIndicator()
	var updated *indicatorv1.Indicator
	receipt, err := s.write(ctx, "UpdateIndicator", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		present, ok := view.Indicator(sent.GetName())
		if !ok {
			return ledger.Proposal{}, fault.NotFound(sent.GetName())
		}
		var err error
		if updated, err = merge(present, sent, req.GetUpdateMask()); err != nil || same(present, updated) {
			return ledger.Proposal{}, err
		}
		c := newCatalog(view)
		c.indicators[updated.GetName()] = updated
		if err := refuse("indicator.", c.checkIndicator(updated, present)); err != nil {
			return ledger.Proposal{}, err
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{indicatorFact(updated)}, Names: []string{updated.GetName()}}, nil
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	if i, ok := view.Indicator(sent.GetName()); ok && !req.GetValidateOnly() {
		updated = i
	}
	return &indicatorv1.UpdateIndicatorResponse{Indicator: updated, State: state}, nil
}

// tagged is a resource with an etag.
type tagged interface {
	proto.Message
	GetName() string
	GetEtag() string
}

// merge is what an update makes of the present resource, or the refusal of an
// etag that is not the present one.
func merge[M tagged](present, sent M, fields *fieldmaskpb.FieldMask) (M, error) {
	if etag := sent.GetEtag(); etag != "" && etag != present.GetEtag() {
		return present, fault.EtagMismatch(present.GetName(), present.GetEtag())
	}
	if err := mask.Check(fields, present.ProtoReflect().Descriptor()); err != nil {
		return present, err //nolint:wrapcheck // faults go to the caller as they are
	}
	updated := proto.CloneOf(present)
	mask.Apply(fields, updated, sent, "name", "etag", "create_time", "update_time", "revision")
	return updated, nil
}

// CreateSource implements zonebench.indicator.v1.IndicatorService.
func (s *Service) CreateSource(ctx context.Context, req *indicatorv1.CreateSourceRequest) (*indicatorv1.CreateSourceResponse, error) {
	made := clearOutputs(proto.CloneOf(req.GetSource()))
	made.Name = "sources/" + req.GetSourceId()
	receipt, err := s.write(ctx, "CreateSource", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		if _, taken := view.Source(made.GetName()); taken {
			return ledger.Proposal{}, fault.Exists(made.GetName())
		}
		if err := refuse("source.", checkSource(made)); err != nil {
			return ledger.Proposal{}, err
		}
		if err := refuse("source.", mayAdd(auth.From(ctx), made)); err != nil {
			return ledger.Proposal{}, err
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{sourceFact(made)}, Names: []string{made.GetName()}}, nil
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	if m, ok := view.Source(made.GetName()); ok {
		made = m
	}
	return &indicatorv1.CreateSourceResponse{Source: made, State: state}, nil
}

// UpdateSource implements zonebench.indicator.v1.IndicatorService.
func (s *Service) UpdateSource(ctx context.Context, req *indicatorv1.UpdateSourceRequest) (*indicatorv1.UpdateSourceResponse, error) {
	sent := req.GetSource()
	var updated *indicatorv1.Source
	receipt, err := s.write(ctx, "UpdateSource", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		present, ok := view.Source(sent.GetName())
		if !ok {
			return ledger.Proposal{}, fault.NotFound(sent.GetName())
		}
		var err error
		if updated, err = merge(present, sent, req.GetUpdateMask()); err != nil || same(present, updated) {
			return ledger.Proposal{}, err
		}
		if err := refuse("source.", checkSource(updated)); err != nil {
			return ledger.Proposal{}, err
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{sourceFact(updated)}, Names: []string{updated.GetName()}}, nil
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	if m, ok := view.Source(sent.GetName()); ok && !req.GetValidateOnly() {
		updated = m
	}
	return &indicatorv1.UpdateSourceResponse{Source: updated, State: state}, nil
}

func indicatorFact(i *indicatorv1.Indicator) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: clearOutputs(proto.CloneOf(i))}}
}

func sourceFact(m *indicatorv1.Source) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: clearOutputs(proto.CloneOf(m))}}
}

// RecordStatements implements zonebench.indicator.v1.IndicatorService.
func (s *Service) RecordStatements(ctx context.Context, req *indicatorv1.RecordStatementsRequest) (*indicatorv1.RecordStatementsResponse, error) {
	sent := make([]*indicatorv1.Statement, len(req.GetStatements()))
	var flaws []flaw
	for i, n := range req.GetStatements() {
		sent[i] = proto.CloneOf(n.GetStatement())
		flaws = append(flaws, under(fmt.Sprintf("statements[%d].statement.", i), canonicalize(sent[i]))...)
	}
	if err := refuse("", flaws); err != nil {
		return nil, err
	}
	unchanged := int32(0)
	receipt, err := s.write(ctx, "RecordStatements", req, func(view figures.View, zones registry.View) (ledger.Proposal, error) {
		r := newRecorder(auth.From(ctx), view, zones)
		var flaws []flaw
		unchanged = 0
		for i, m := range sent {
			result, wrong := r.add(m, req.GetStatements()[i].GetSupersedes())
			flaws = append(flaws, under(fmt.Sprintf("statements[%d].", i), wrong)...)
			if result == alreadyOnRecord {
				unchanged++
			}
		}
		return r.proposal(), refuse("", flaws)
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	resp := &indicatorv1.RecordStatementsResponse{State: state}
	for _, m := range sent {
		onRecord, ok := view.Statement(m.GetName())
		switch {
		case ok && !req.GetValidateOnly():
			resp.Statements = append(resp.Statements, onRecord)
			if receipt.Duplicate && onRecord.GetRevision() < receipt.Revision {
				unchanged++ // The first answer said so too; the retry was not decided again.
			}
		default:
			i, _ := view.Indicator(m.GetKey().GetIndicator())
			m.NormalizedNumber = figures.Normalize(m.GetNumber(), m.GetUnit(), i.GetUnit())
			resp.Statements = append(resp.Statements, m)
		}
	}
	resp.Unchanged = unchanged
	return resp, nil
}

// outcome is what becomes of a statement that is to be recorded.
type outcome int

const (
	refused outcome = iota
	toRecord
	alreadyOnRecord
	onceWithdrawn // on record, and taken out since
)

// recorder collects the statements of one transaction in order, each on what the ones before it leave.
type recorder struct {
	ground
	caller auth.Caller
	// again lets a statement that was withdrawn be recorded once more. An import does not: its file may be older than the withdrawal.
	again    bool
	recorded map[string]*indicatorv1.Statement
	taken    map[string]string // by name: the statement in its place
	facts    []*ledgerv1.Fact
	names    []string
}

func newRecorder(caller auth.Caller, view figures.View, zones registry.View) *recorder {
	return &recorder{
		caller: caller, ground: ground{catalog: newCatalog(view), registry: zones}, again: true,
		recorded: map[string]*indicatorv1.Statement{}, taken: map[string]string{},
	}
}

func (r *recorder) proposal() ledger.Proposal { return ledger.Proposal{Facts: r.facts, Names: r.names} }

// standing gives a statement that stands after what was collected so far; out
// is the one that was on record and does not stand any more.
func (r *recorder) standing(name string) (stands, out *indicatorv1.Statement) {
	if m, ok := r.recorded[name]; ok {
		if _, gone := r.taken[name]; gone && r.taken[name] != name {
			return nil, m
		}
		return m, nil
	}
	m, ok := r.view.Statement(name)
	switch _, gone := r.taken[name]; {
	case !ok:
		return nil, nil
	case gone || m.GetWithdrawnRevision() != 0:
		return nil, m
	default:
		return m, nil
	}
}

// add records a canonical statement, in the place of another one if it
// supersedes it. A statement that supersedes itself says anew what it says with
// other attributes: another stage, tag, certainty or note.
func (r *recorder) add(m *indicatorv1.Statement, supersedes string) (outcome, []flaw) {
	// Who may not say it is told nothing about what is on record.
	if flaws := under("statement.", permitted(r.caller, m)); len(flaws) > 0 {
		return refused, flaws
	}
	if flaws := under("statement.", r.check(m)); len(flaws) > 0 {
		return refused, flaws
	}
	present, out := r.standing(m.GetName())
	itself := supersedes == m.GetName()
	if present != nil {
		switch different := differences(present, m); {
		case len(different) > 0 && itself:
			if flaws := mayTake(r.caller, "supersedes", present); len(flaws) > 0 {
				return refused, flaws
			}
			r.take(supersedes, m.GetName(), "restated with another "+different[0])
			return r.put(m), nil
		case len(different) > 0:
			return refused, []flaw{contradicts("statement."+different[0],
				"a statement is never overwritten: to restate it with this, let it supersede itself",
				"%s is on record with another %s", m.GetName(), different[0])}
		case supersedes == "" || itself:
			return alreadyOnRecord, nil
		}
	}
	if supersedes != "" && !itself {
		done, flaws := r.supersede(m, supersedes)
		if len(flaws) > 0 {
			return refused, flaws
		}
		if present != nil {
			if done {
				return alreadyOnRecord, nil
			}
			return toRecord, nil // Only the other one had to go.
		}
	}
	if itself && present == nil && out == nil {
		return refused, []flaw{missing("supersedes", supersedes, "")}
	}
	if out != nil && !r.again {
		return onceWithdrawn, nil
	}
	return r.put(m), nil
}

// supersede takes another statement out. Done is true when that was so before.
func (r *recorder) supersede(m *indicatorv1.Statement, name string) (done bool, flaws []flaw) {
	old, out := r.standing(name)
	for _, m := range []*indicatorv1.Statement{old, out} {
		if m != nil && !r.caller.SpeaksFor(m.GetKey().GetSubject()) {
			return false, mayTake(r.caller, "supersedes", m)
		}
	}
	switch {
	case old == nil && out == nil:
		return false, []flaw{missing("supersedes", name, "")}
	case old == nil && out.GetSupersededBy() == m.GetName():
		return true, nil
	case old == nil:
		return false, []flaw{contradicts("supersedes", "name a statement that stands, or none", "%s does not stand any more", name)}
	case figures.KeyText(old.GetKey()) != figures.KeyText(m.GetKey()):
		return false, []flaw{invalid("supersedes", "a statement takes the place of one under the same key; withdraw the other one and record this",
			"%s is under another key: %s", name, describe(old.GetKey()))}
	}
	if flaws := mayTake(r.caller, "supersedes", old); len(flaws) > 0 {
		return false, flaws
	}
	r.take(name, m.GetName(), "superseded")
	return false, nil
}

func (r *recorder) take(name, successor, reason string) {
	r.taken[name] = successor
	r.facts = append(r.facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_StatementWithdrawn{StatementWithdrawn: &ledgerv1.StatementWithdrawn{
		Name: name, Reason: reason, SupersededBy: successor,
	}}})
}

func (r *recorder) put(m *indicatorv1.Statement) outcome {
	written := proto.CloneOf(m)
	clearOutputs(written).Simulated = m.GetSimulated() // Which follows from the registry too, a lane that the fold does not see.
	r.recorded[m.GetName()] = m
	r.facts = append(r.facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: written}})
	r.names = append(r.names, m.GetName())
	return toRecord
}

// WithdrawStatements implements zonebench.indicator.v1.IndicatorService.
func (s *Service) WithdrawStatements(
	ctx context.Context, req *indicatorv1.WithdrawStatementsRequest,
) (*indicatorv1.WithdrawStatementsResponse, error) {
	receipt, err := s.write(ctx, "WithdrawStatements", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		p := ledger.Proposal{Names: req.GetNames()}
		caller := auth.From(ctx)
		view = view.For(caller, s.deps.Ledger.TimeAt(s.deps.Ledger.Applied())) // What the caller does not see is not found.
		for i, name := range req.GetNames() {
			m, ok := view.Statement(name)
			if !ok {
				return ledger.Proposal{}, fault.NotFound(name)
			}
			if err := refuse("", mayTake(caller, fmt.Sprintf("names[%d]", i), m)); err != nil {
				return ledger.Proposal{}, err
			}
			if m.GetWithdrawnRevision() != 0 {
				return ledger.Proposal{}, refuse("", []flaw{contradicts(fmt.Sprintf("names[%d]", i), "leave it out",
					"%s was taken out at revision %d already (%s)", name, m.GetWithdrawnRevision(), m.GetWithdrawnReason())})
			}
			p.Facts = append(p.Facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_StatementWithdrawn{StatementWithdrawn: &ledgerv1.StatementWithdrawn{
				Name: name, Reason: req.GetReason(),
			}}})
		}
		return p, nil
	})
	if err != nil {
		return nil, err
	}
	view, state := s.written(ctx, receipt)
	resp := &indicatorv1.WithdrawStatementsResponse{State: state}
	for _, name := range req.GetNames() {
		if m, ok := view.Statement(name); ok {
			resp.Statements = append(resp.Statements, m)
		}
	}
	return resp, nil
}

// PinFigure implements zonebench.indicator.v1.IndicatorService.
func (s *Service) PinFigure(ctx context.Context, req *indicatorv1.PinFigureRequest) (*indicatorv1.PinFigureResponse, error) {
	key, err := canonicalKey(req.GetKey())
	if err != nil {
		return nil, err
	}
	var would *indicatorv1.Figure
	receipt, err := s.write(ctx, "PinFigure", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		f, ok := view.Figure(key)
		if !ok {
			return ledger.Proposal{}, noFigure(key)
		}
		stands := false
		for _, m := range f.GetStatements() {
			stands = stands || m.GetName() == req.GetStatement()
		}
		if !stands {
			return ledger.Proposal{}, refuse("", []flaw{contradicts("statement", "name one of the statements of the figure that stand",
				"%s does not stand under this key: %s", req.GetStatement(), describe(key))})
		}
		if f.GetPinned() && f.GetSelected() == req.GetStatement() && f.GetPinReason() == req.GetReason() {
			would = f
			return ledger.Proposal{}, nil
		}
		would = reassemble(view, f, req.GetStatement(), req.GetReason())
		return ledger.Proposal{
			Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_FigurePinned{FigurePinned: &ledgerv1.FigurePinned{
				Key: key, Statement: req.GetStatement(), Reason: req.GetReason(),
			}}}},
			Names: []string{req.GetStatement()},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	f, state := s.figureAfter(ctx, receipt, req, key, would)
	return &indicatorv1.PinFigureResponse{Figure: f, State: state}, nil
}

// reassemble is a figure as it would be with a pin, or with none.
func reassemble(view figures.View, f *indicatorv1.Figure, pinned, reason string) *indicatorv1.Figure {
	return figures.Assemble(f.GetKey(), f.GetStatements(), func(name string) *indicatorv1.Source {
		m, _ := view.Source(name)
		return m
	}, pinned, reason)
}

// figureAfter is the figure for the reply: as written, or as it would be.
func (s *Service) figureAfter(
	ctx context.Context, receipt ledger.Receipt, req command.Request, key *indicatorv1.FigureKey, would *indicatorv1.Figure,
) (*indicatorv1.Figure, *typev1.ReadState) {
	view, state := s.written(ctx, receipt)
	if f, ok := view.Figure(key); ok && !command.ValidateOnly(req) {
		return f, state
	}
	return would, state
}

// UnpinFigure implements zonebench.indicator.v1.IndicatorService.
func (s *Service) UnpinFigure(ctx context.Context, req *indicatorv1.UnpinFigureRequest) (*indicatorv1.UnpinFigureResponse, error) {
	key, err := canonicalKey(req.GetKey())
	if err != nil {
		return nil, err
	}
	var would *indicatorv1.Figure
	receipt, err := s.write(ctx, "UnpinFigure", req, func(view figures.View, _ registry.View) (ledger.Proposal, error) {
		f, ok := view.Figure(key)
		if !ok {
			return ledger.Proposal{}, noFigure(key)
		}
		if !f.GetPinned() {
			return ledger.Proposal{}, fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_CONTRADICTS_HISTORY,
				"this figure is not pinned: %s", describe(key))
		}
		would = reassemble(view, f, "", "")
		return ledger.Proposal{
			Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_FigureUnpinned{FigureUnpinned: &ledgerv1.FigureUnpinned{Key: key, Reason: req.GetReason()}}}},
			Names: []string{f.GetSelected()},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	f, state := s.figureAfter(ctx, receipt, req, key, would)
	return &indicatorv1.UnpinFigureResponse{Figure: f, State: state}, nil
}
