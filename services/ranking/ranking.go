// Package ranking is the service that compares zones: which figures may be
// placed against each other, which are shown for reference only, which stand
// side by side and which comparison is refused, each with its reason.
//
// It writes nothing of its own yet and keeps no state beside the two folds it
// reads: an answer is a function of the request and the revision.
package ranking

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
)

// Deps are what the service reads. Both folds are of one ledger.
type Deps struct {
	Registry *ledger.Lane[*registry.State]
	Figures  *ledger.Lane[*figures.State]
	Log      *slog.Logger
}

// Service implements zonebench.ranking.v1.RankingService.
type Service struct {
	rankingv1.UnsafeRankingServiceServer // A method without a body must not compile.

	deps Deps
}

// New checks the dependencies and starts nothing.
func New(deps Deps) (*Service, error) {
	if deps.Registry == nil || deps.Figures == nil {
		return nil, errors.New("ranking: both the registry and the figures must be folded")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{deps: deps}, nil
}

// Name is the service's name in logs, metrics and health.
func (s *Service) Name() string { return "ranking" }

// Register adds the handlers.
func (s *Service) Register(r grpc.ServiceRegistrar) { rankingv1.RegisterRankingServiceServer(r, s) }

// Run waits for the end: the folds it reads are tailed by the process.
func (s *Service) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
