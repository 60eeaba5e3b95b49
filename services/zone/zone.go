// Package zone is the service that keeps the registry: it decides what is
// written to the lane of zones, answers what the registry says, and finds the
// zone that a text means.
package zone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"buf.build/go/protovalidate"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Config of the service. It has no settings of its own yet.
type Config struct{}

// Deps are what the service stands on.
type Deps struct {
	// Lane is the fold of the registry. This service is its only writer.
	Lane   *ledger.Lane[*registry.State]
	Ledger *ledger.Ledger
	// JetStream carries the public events. Nil: none are published.
	JetStream jetstream.JetStream
	Replicas  int          // of the stream of events, if this service is the one to make it
	Turn      *lease.Turn  // of what one replica does for all; nil: there is one
	Log       *slog.Logger // nil: nothing is logged
}

// Service implements zonebench.zone.v1.ZoneService.
type Service struct {
	zonev1.UnsafeZoneServiceServer // A method without a body must not compile.

	deps  Deps
	rules protovalidate.Validator
}

// New checks the dependencies and starts nothing.
func New(_ Config, deps Deps) (*Service, error) {
	if deps.Lane == nil || deps.Ledger == nil {
		return nil, errors.New("zone: the ledger and the fold of its lane of zones are required")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	rules, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("zone: rules of the contracts: %w", err)
	}
	return &Service{deps: deps, rules: rules}, nil
}

// Name is the service's name in logs, metrics and health.
func (s *Service) Name() string { return "zone" }

// Register adds the handlers.
func (s *Service) Register(r grpc.ServiceRegistrar) { zonev1.RegisterZoneServiceServer(r, s) }

// Run publishes what changed until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	if s.deps.JetStream == nil {
		<-ctx.Done()
		return nil
	}
	return event.Publisher{
		Ledger: s.deps.Ledger, JetStream: s.deps.JetStream, Replicas: s.deps.Replicas,
		Service: s.Name(), Lane: ledger.LaneZone, Topics: []string{changedTopic}, Make: s.changed, Turn: s.deps.Turn, Log: s.deps.Log,
	}.Run(ctx)
}
