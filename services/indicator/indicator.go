// Package indicator is the service that keeps what is measured, who said what
// about it, and which of the statements counts: indicators, sources,
// statements, and the figures that statements under one key make. It also holds
// targets against results, and keeps the lists that zones want to be admitted to.
//
// It owns the lane `indicator` of the ledger. What callers may write is decided
// in commands.go and rules.go, on the state that the committer hands over; what
// is read comes from pkg/figures at the revision of the call.
package indicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"buf.build/go/protovalidate"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// Config is what an operator may set for this service alone, which is nothing so far.
type Config struct{}

// Deps are what the service stands on. Both folds are of the one ledger.
type Deps struct {
	Lane      *ledger.Lane[*figures.State]  // which this service owns
	Registry  *ledger.Lane[*registry.State] // read only: subjects of statements
	Ledger    *ledger.Ledger
	JetStream jetstream.JetStream // of the public events; nil: none are published
	Replicas  int                 // of the stream of public events, if it is not there yet; 0 means 1
	Turn      *lease.Turn         // of what one replica does for all; nil: there is one
	Log       *slog.Logger
}

// Service implements zonebench.indicator.v1.IndicatorService and TargetService.
type Service struct {
	indicatorv1.UnsafeIndicatorServiceServer // A method without a body must not compile.
	indicatorv1.UnsafeTargetServiceServer

	deps  Deps
	rules protovalidate.Validator
}

// New checks what it is given and starts nothing.
func New(_ Config, deps Deps) (*Service, error) {
	if deps.Lane == nil || deps.Registry == nil || deps.Ledger == nil {
		return nil, errors.New("indicator: the ledger, its own lane and the registry are needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	rules, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("indicator: rules of the contracts: %w", err)
	}
	return &Service{deps: deps, rules: rules}, nil
}

// Name is the service's name in logs, metrics and health.
func (s *Service) Name() string { return "indicator" }

// Register adds the handlers.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	indicatorv1.RegisterIndicatorServiceServer(r, s)
	indicatorv1.RegisterTargetServiceServer(r, s)
}

// Run publishes FiguresChanged until the context ends.
func (s *Service) Run(ctx context.Context) error {
	if s.deps.JetStream == nil {
		<-ctx.Done()
		return nil
	}
	return event.Publisher{
		Ledger: s.deps.Ledger, JetStream: s.deps.JetStream, Service: s.Name(), Lane: ledger.LaneIndicator,
		Topics: []string{topic}, Replicas: s.deps.Replicas, Turn: s.deps.Turn, Log: s.deps.Log,
		Make: func(tx *ledgerv1.Transaction, at ledger.Position) []event.Event { return s.events(ctx, tx, at) },
	}.Run(ctx)
}
