// Package status answers how a process is: zonebench.system.v1.SystemService
// over its ledger. Every process serves it, ready or not, so that an operator
// sees how far a start has come.
package status

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/telemetry"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
)

// Ledger is what is asked of *ledger.Ledger.
type Ledger interface {
	ID() string
	Epoch() int64
	Standing() ledger.Standing
}

// A Holder tells which process commits a lane.
type Holder interface {
	// Holder is the id of the process that commits the lane, empty when it is
	// not known, and whether that is this process. It does not block.
	Holder(lane string) (id string, here bool)
}

// Deps are what the service is built from.
type Deps struct {
	Ledger Ledger
	// Services are the names of the services in this process.
	Services []string
	// Owns are the lanes whose owner is a service of this process.
	Owns []string
	// Holders tells which replica commits a lane. Nil: whoever owns it does, as
	// there is only one.
	Holders Holder
	Build   telemetry.Build
	Now     func() time.Time
}

// Service serves SystemService.
type Service struct {
	systemv1.UnimplementedSystemServiceServer
	deps    Deps
	started time.Time
}

// New checks what it is given. The process started when this was called.
func New(deps Deps) (*Service, error) {
	if deps.Ledger == nil || deps.Now == nil {
		return nil, errors.New("status: a ledger and a clock are needed")
	}
	return &Service{deps: deps, started: deps.Now()}, nil
}

// Name implements service.Service.
func (s *Service) Name() string { return "system" }

// Register implements service.Service.
func (s *Service) Register(r grpc.ServiceRegistrar) { systemv1.RegisterSystemServiceServer(r, s) }

// Run implements service.Service: there is nothing to do between calls.
func (s *Service) Run(context.Context) error { return nil }

// GetStatus implements zonebench.system.v1.SystemService.
func (s *Service) GetStatus(context.Context, *systemv1.GetStatusRequest) (*systemv1.GetStatusResponse, error) {
	at := s.deps.Ledger.Standing()
	resp := &systemv1.GetStatusResponse{
		Version:         s.deps.Build.String(),
		Services:        s.deps.Services,
		StartTime:       timestamppb.New(s.started),
		LedgerId:        s.deps.Ledger.ID(),
		Epoch:           s.deps.Ledger.Epoch(),
		AppliedRevision: at.Applied,
		LastRevision:    at.Last,
	}
	if !at.AppliedTime.IsZero() {
		resp.AppliedTime = timestamppb.New(at.AppliedTime)
	}
	if at.Halted != nil {
		resp.Halted = at.Halted.Error()
	}
	for _, lane := range at.Lanes {
		resp.Lanes = append(resp.Lanes, s.lane(lane))
	}
	return resp, nil
}

func (s *Service) lane(at ledger.LaneStanding) *systemv1.LaneStatus {
	lane := &systemv1.LaneStatus{Lane: at.Lane, LaneSequence: at.Sequence}
	if s.deps.Holders != nil {
		lane.Holder, lane.Committer = s.deps.Holders.Holder(at.Lane)
	} else {
		lane.Committer = slices.Contains(s.deps.Owns, at.Lane)
	}
	return lane
}
