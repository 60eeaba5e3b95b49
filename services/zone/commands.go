package zone

import (
	"context"
	"regexp"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/mask"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/versioned"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Commands decide on the state that the committer hands them: what is folded
// and what was accepted before. A command applies its facts to a copy of that
// state and holds the outcome against the rules, so that a rule reads the
// registry as it would be.

var idForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

const idRemedy = "use 2 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen"

// create registers a resource under a new id.
func create[T resource](ctx context.Context, s *Service, k kind[T], method, id string, body T, req command.Request) (T, *typev1.ReadState, error) {
	var none T
	switch {
	case !idForm.MatchString(id):
		return none, nil, fault.InvalidField(k.field+"_id", "%q is not an id: %s", id, idRemedy)
	case body == none:
		return none, nil, fault.InvalidField(k.field, "is missing: set it")
	}
	name := k.collection + "/" + id
	next := k.named(body, name)
	return put(ctx, s, k, method, name, req, func(before registry.View) (old, stored T, err error) {
		if _, ok := k.get(before, name); ok {
			return none, none, fault.Exists(name)
		}
		return none, next, nil
	})
}

// update changes the fields of a resource that the mask names.
func update[T resource](
	ctx context.Context, s *Service, k kind[T], method string, body T, fields *fieldmaskpb.FieldMask, req command.Request,
) (T, *typev1.ReadState, error) {
	var none T
	if body == none {
		return none, nil, fault.InvalidField(k.field, "is missing: set it")
	}
	if err := mask.Check(fields, body.ProtoReflect().Descriptor()); err != nil {
		return none, nil, err
	}
	name := body.GetName()
	return put(ctx, s, k, method, name, req, func(before registry.View) (old, stored T, err error) {
		old, ok := k.get(before, name)
		if !ok {
			return none, none, fault.NotFound(name)
		}
		if etag := body.GetEtag(); etag != "" && etag != old.GetEtag() {
			return none, none, fault.EtagMismatch(name, old.GetEtag())
		}
		next := k.stored(old)
		mask.Apply(fields, next, body, append(slices.Clip(versioned.Outputs), "name")...)
		return old, k.stored(next), nil
	})
}

// put runs the command that writes one resource: decide gives it as it stands
// and as it is to be stored.
func put[T resource](
	ctx context.Context, s *Service, k kind[T], method, name string, req command.Request, decide func(registry.View) (old, next T, err error),
) (T, *typev1.ReadState, error) {
	var none, shown T
	var changed bool
	receipt, err := s.commit(ctx, method, req, func(state *registry.State, at ledger.Position) (ledger.Proposal, error) {
		old, next, err := decide(state.View(0))
		if err != nil {
			return ledger.Proposal{}, err
		}
		if old != none && proto.Equal(next, k.stored(old)) {
			shown, changed = old, false
			return ledger.Proposal{}, nil
		}
		p := ledger.Proposal{Facts: []*ledgerv1.Fact{k.fact(next)}, Names: []string{name}}
		after, err := outcome(state, at, p)
		if err != nil {
			return ledger.Proposal{}, err
		}
		c := checker{view: after}
		k.check(&c, old, next)
		if err := c.contract(s.rules, next, func(path string) string { return path }); err != nil {
			return ledger.Proposal{}, err
		}
		shown, changed = get(k, after, name), true
		return p, c.err(k.field + ".")
	})
	if err != nil {
		return none, nil, err
	}
	if command.ValidateOnly(req) {
		if changed { // when and at which revision it would stand there is not known
			shown = versioned.Stored(shown) // with its mark, without what only a commit gives
		}
		return shown, revision.State(ctx), nil
	}
	state, _ := s.deps.Lane.Current()
	// As of its revision: where others wrote it in the same commit behind us, the
	// caller sees what stands, with the etag that fits.
	if stands, ok := k.get(state.View(receipt.Revision), name); ok {
		shown = stands
	}
	if shown == none {
		return none, nil, fault.NotFound(name)
	}
	return shown, s.written(ctx, receipt.Revision), nil
}

func get[T resource](k kind[T], v registry.View, name string) T {
	m, _ := k.get(v, name)
	return m
}

// outcome is the registry as it would be after a proposal.
func outcome(state *registry.State, at ledger.Position, p ledger.Proposal) (registry.View, error) {
	next := state.Clone()
	if err := next.Apply(at, &ledgerv1.Transaction{Facts: p.Facts}); err != nil {
		return registry.View{}, err
	}
	return next.View(0), nil
}

// remove deletes a group: the only resource that can be.
func (s *Service) remove(ctx context.Context, req *zonev1.DeleteGroupRequest) (*typev1.ReadState, error) {
	name := req.GetName()
	receipt, err := s.commit(ctx, zonev1.ZoneService_DeleteGroup_FullMethodName, req,
		func(state *registry.State, _ ledger.Position) (ledger.Proposal, error) {
			g, ok := state.View(0).Group(name)
			if !ok {
				return ledger.Proposal{}, fault.NotFound(name)
			}
			if etag := req.GetEtag(); etag != "" && etag != g.GetEtag() {
				return ledger.Proposal{}, fault.EtagMismatch(name, g.GetEtag())
			}
			return ledger.Proposal{
				Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_GroupDeleted{GroupDeleted: &ledgerv1.GroupDeleted{Name: name}}}},
				Names: []string{name},
			}, nil
		})
	if err != nil {
		return nil, err
	}
	return s.written(ctx, receipt.Revision), nil
}

// commit hands a command to the committer of the lane.
func (s *Service) commit(
	ctx context.Context, method string, req command.Request, decide func(*registry.State, ledger.Position) (ledger.Proposal, error),
) (ledger.Receipt, error) {
	c, err := command.New(ctx, method, req, decide)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return s.deps.Lane.Commit(ctx, c)
}
