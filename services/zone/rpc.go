package zone

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/filter"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// view is the registry as of the revision that the call is answered at.
func (s *Service) view(ctx context.Context) registry.View {
	state, _ := s.deps.Lane.Current()
	return state.View(revision.At(ctx))
}

// written tells the caller the revision of its write.
func (s *Service) written(ctx context.Context, at int64) *typev1.ReadState {
	if state := revision.Written(ctx, at); state != nil {
		return state
	}
	return s.state(at)
}

func (s *Service) state(at int64) *typev1.ReadState {
	return &typev1.ReadState{Revision: at, Token: s.deps.Ledger.Token(at)}
}

// find answers a read of one resource.
func find[T resource](ctx context.Context, s *Service, k kind[T], name string) (T, *typev1.ReadState, error) {
	m, ok := k.get(s.view(ctx), name)
	if !ok {
		return m, nil, fault.NotFound(name)
	}
	return m, revision.State(ctx), nil
}

// listing is one page of a list.
type listing[T resource] struct {
	items []T
	next  string
	total int32
	state *typev1.ReadState
}

// listRequest is a request for a page of a list.
type listRequest interface {
	page.Request
	GetFilter() string
}

// list answers a read of many resources: those of from (nil: all) that fit.
func list[T resource](ctx context.Context, s *Service, k kind[T], req listRequest, from func(registry.View) iter.Seq[T]) (listing[T], error) {
	var none T
	fits, err := filter.Compile(req.GetFilter(), none.ProtoReflect().Descriptor(), k.filters)
	if err != nil {
		return listing[T]{}, err
	}
	p, err := page.Open(req, s.view(ctx).Revision())
	if err != nil {
		return listing[T]{}, err
	}
	// A later page may reach a replica that has not read so far yet.
	if err := s.wait(ctx, p.Revision); err != nil {
		return listing[T]{}, err
	}
	if from == nil {
		from = k.all
	}
	state, _ := s.deps.Lane.Current()
	items, next, total := page.Cut(p, from(state.View(p.Revision)), T.GetName, func(m T) bool { return fits(m) })
	told := s.state(p.Revision)
	if req.GetPageToken() == "" {
		told = revision.State(ctx)
	}
	return listing[T]{items: items, next: next, total: int32(total), state: told}, nil
}

// pageWait bounds the wait of a call without a deadline for the revision of its
// page token, which may be of another ledger.
const pageWait = 10 * time.Second

func (s *Service) wait(ctx context.Context, at int64) error {
	ctx, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	err := s.deps.Ledger.WaitFor(ctx, at)
	if errors.Is(err, context.DeadlineExceeded) {
		applied := strconv.FormatInt(s.deps.Ledger.Applied(), 10)
		return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_REVISION_NOT_REACHED,
			"page_token: revision %d has not arrived, revision %s has: try again, or begin the list anew", at, applied).With("revision", applied)
	}
	return err
}

// CreateZone registers a zone.
func (s *Service) CreateZone(ctx context.Context, req *zonev1.CreateZoneRequest) (*zonev1.CreateZoneResponse, error) {
	z, state, err := create(ctx, s, zones, zonev1.ZoneService_CreateZone_FullMethodName, req.GetZoneId(), req.GetZone(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.CreateZoneResponse{Zone: z, State: state}, nil
}

// GetZone reads a zone.
func (s *Service) GetZone(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	z, state, err := find(ctx, s, zones, req.GetName())
	if err != nil {
		return nil, err
	}
	return &zonev1.GetZoneResponse{Zone: z, State: state}, nil
}

// ListZones lists zones in order of their names.
func (s *Service) ListZones(ctx context.Context, req *zonev1.ListZonesRequest) (*zonev1.ListZonesResponse, error) {
	l, err := list(ctx, s, zones, req, nil)
	if err != nil {
		return nil, err
	}
	return &zonev1.ListZonesResponse{Zones: l.items, NextPageToken: l.next, TotalSize: l.total, State: l.state}, nil
}

// UpdateZone changes a zone.
func (s *Service) UpdateZone(ctx context.Context, req *zonev1.UpdateZoneRequest) (*zonev1.UpdateZoneResponse, error) {
	z, state, err := update(ctx, s, zones, zonev1.ZoneService_UpdateZone_FullMethodName, req.GetZone(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.UpdateZoneResponse{Zone: z, State: state}, nil
}

// CreateReferenceUnit registers a reference unit.
func (s *Service) CreateReferenceUnit(
	ctx context.Context, req *zonev1.CreateReferenceUnitRequest,
) (*zonev1.CreateReferenceUnitResponse, error) {
	u, state, err := create(ctx, s, units, zonev1.ZoneService_CreateReferenceUnit_FullMethodName,
		req.GetReferenceUnitId(), req.GetReferenceUnit(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.CreateReferenceUnitResponse{ReferenceUnit: u, State: state}, nil
}

// GetReferenceUnit reads a reference unit.
func (s *Service) GetReferenceUnit(ctx context.Context, req *zonev1.GetReferenceUnitRequest) (*zonev1.GetReferenceUnitResponse, error) {
	u, state, err := find(ctx, s, units, req.GetName())
	if err != nil {
		return nil, err
	}
	return &zonev1.GetReferenceUnitResponse{ReferenceUnit: u, State: state}, nil
}

// ListReferenceUnits lists reference units in order of their names.
func (s *Service) ListReferenceUnits(ctx context.Context, req *zonev1.ListReferenceUnitsRequest) (*zonev1.ListReferenceUnitsResponse, error) {
	l, err := list(ctx, s, units, req, nil)
	if err != nil {
		return nil, err
	}
	return &zonev1.ListReferenceUnitsResponse{ReferenceUnits: l.items, NextPageToken: l.next, TotalSize: l.total, State: l.state}, nil
}

// UpdateReferenceUnit changes a reference unit.
func (s *Service) UpdateReferenceUnit(
	ctx context.Context, req *zonev1.UpdateReferenceUnitRequest,
) (*zonev1.UpdateReferenceUnitResponse, error) {
	u, state, err := update(ctx, s, units, zonev1.ZoneService_UpdateReferenceUnit_FullMethodName,
		req.GetReferenceUnit(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.UpdateReferenceUnitResponse{ReferenceUnit: u, State: state}, nil
}

// CreateRelation records a relation between two zones.
func (s *Service) CreateRelation(ctx context.Context, req *zonev1.CreateRelationRequest) (*zonev1.CreateRelationResponse, error) {
	r, state, err := create(ctx, s, relations, zonev1.ZoneService_CreateRelation_FullMethodName, req.GetRelationId(), req.GetRelation(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.CreateRelationResponse{Relation: r, State: state}, nil
}

// GetRelation reads a relation.
func (s *Service) GetRelation(ctx context.Context, req *zonev1.GetRelationRequest) (*zonev1.GetRelationResponse, error) {
	r, state, err := find(ctx, s, relations, req.GetName())
	if err != nil {
		return nil, err
	}
	return &zonev1.GetRelationResponse{Relation: r, State: state}, nil
}

// ListRelations lists relations in order of their names: all, those of a zone,
// those that hold on a date; a month or year means its last day.
func (s *Service) ListRelations(ctx context.Context, req *zonev1.ListRelationsRequest) (*zonev1.ListRelationsResponse, error) {
	if err := civil.Check(req.GetAsOf()); err != nil {
		return nil, fault.InvalidField("as_of", "%s", err)
	}
	l, err := list(ctx, s, relations, req, func(v registry.View) iter.Seq[*zonev1.Relation] {
		all := v.Relations()
		if zone := req.GetZone(); zone != "" {
			all = v.RelationsOf(zone)
		}
		return func(yield func(*zonev1.Relation) bool) {
			for r := range all {
				if req.GetAsOf() != nil && !registry.Holds(r).Contains(civil.Last(req.GetAsOf(), civil.Never)) {
					continue
				}
				if !yield(r) {
					return
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return &zonev1.ListRelationsResponse{Relations: l.items, NextPageToken: l.next, TotalSize: l.total, State: l.state}, nil
}

// UpdateRelation changes the dates, certainty or note of a relation.
func (s *Service) UpdateRelation(ctx context.Context, req *zonev1.UpdateRelationRequest) (*zonev1.UpdateRelationResponse, error) {
	r, state, err := update(ctx, s, relations, zonev1.ZoneService_UpdateRelation_FullMethodName, req.GetRelation(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.UpdateRelationResponse{Relation: r, State: state}, nil
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, req *zonev1.CreateGroupRequest) (*zonev1.CreateGroupResponse, error) {
	g, state, err := create(ctx, s, groups, zonev1.ZoneService_CreateGroup_FullMethodName, req.GetGroupId(), req.GetGroup(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.CreateGroupResponse{Group: g, State: state}, nil
}

// GetGroup reads a group.
func (s *Service) GetGroup(ctx context.Context, req *zonev1.GetGroupRequest) (*zonev1.GetGroupResponse, error) {
	g, state, err := find(ctx, s, groups, req.GetName())
	if err != nil {
		return nil, err
	}
	return &zonev1.GetGroupResponse{Group: g, State: state}, nil
}

// ListGroups lists groups in order of their names.
func (s *Service) ListGroups(ctx context.Context, req *zonev1.ListGroupsRequest) (*zonev1.ListGroupsResponse, error) {
	l, err := list(ctx, s, groups, req, nil)
	if err != nil {
		return nil, err
	}
	return &zonev1.ListGroupsResponse{Groups: l.items, NextPageToken: l.next, TotalSize: l.total, State: l.state}, nil
}

// UpdateGroup changes a group.
func (s *Service) UpdateGroup(ctx context.Context, req *zonev1.UpdateGroupRequest) (*zonev1.UpdateGroupResponse, error) {
	g, state, err := update(ctx, s, groups, zonev1.ZoneService_UpdateGroup_FullMethodName, req.GetGroup(), req.GetUpdateMask(), req)
	if err != nil {
		return nil, err
	}
	return &zonev1.UpdateGroupResponse{Group: g, State: state}, nil
}

// DeleteGroup deletes a group. It stays readable at earlier revisions.
func (s *Service) DeleteGroup(ctx context.Context, req *zonev1.DeleteGroupRequest) (*zonev1.DeleteGroupResponse, error) {
	state, err := s.remove(ctx, req)
	if err != nil {
		return nil, err
	}
	return &zonev1.DeleteGroupResponse{State: state}, nil
}

// ListGroupMembers lists the zones of a group on a date.
func (s *Service) ListGroupMembers(ctx context.Context, req *zonev1.ListGroupMembersRequest) (*zonev1.ListGroupMembersResponse, error) {
	members, err := s.view(ctx).Members(req.GetGroup(), req.GetAsOf())
	if err != nil {
		return nil, err
	}
	return &zonev1.ListGroupMembersResponse{Zones: members, State: revision.State(ctx)}, nil
}

// ResolveZones finds what texts mean.
func (s *Service) ResolveZones(ctx context.Context, req *zonev1.ResolveZonesRequest) (*zonev1.ResolveZonesResponse, error) {
	v := s.view(ctx)
	resp := &zonev1.ResolveZonesResponse{State: revision.State(ctx)}
	for _, q := range req.GetQueries() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		resp.Resolutions = append(resp.Resolutions, v.Resolve(q))
	}
	return resp, nil
}
