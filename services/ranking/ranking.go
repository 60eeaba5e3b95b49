// Package ranking is the service that compares zones: which figures may be
// placed against each other, which are shown for reference only, which stand
// side by side and which comparison is refused, each with its reason.
//
// It keeps the rankings that authorities publish, in the lane `ranking` of the
// ledger, and reads the places of zones out of them. And it keeps schemes and
// live rankings, whose rows package standing computes from the figures: at each
// commit that touches them they have a new version (package versions), which is
// a function of the ledger, the same in every process and at any later time.
// An answer is a function of the request and the revision.
//
// # Releases
//
// A release is a version as it was published: numbered without a hole, with its
// rows in the ledger and a signature. Who has the answer of GetRelease verifies
// it without this program, by Ed25519 (RFC 8032) with `seal.public_key` over
// the lines below, in UTF-8, each ended by a line feed:
//
//	zonebench release 1
//	{name}
//	number {number}
//	scheme {ranking.scheme}
//	group {ranking.group}
//	period {ranking.period}
//	state {head.state, without RANKING_STATE_}
//	version {head.version}
//	time {head.commit_time, RFC 3339 in UTC, fraction without trailing zeros}
//	simulated {head.simulated, true or false}
//	title {SHA-256 of title.zh, hexadecimal}
//	note {SHA-256 of note, hexadecimal}
//	head {head.digest}
//	inputs {seal.inputs_digest}
//	tree {seal.scheme_digest}
//	rows {seal.rows_digest}
//	engine {seal.engine}
//
// The digests are SHA-256 in hexadecimal over texts, each behind its length in
// bytes as 8 bytes, big endian. That of rows is over subject, place (in decimal
// digits) and score of each row by position; that of inputs over subject, node,
// number and period of each cell, by row and then by leaf in the order of the
// scheme; that of the tree over id, parent and weight of each node, followed by
// indicator, statistical class (its number), carry rule (its number), greatest
// age and required completeness of its leaf, empty and 0 for a group, and at the
// end over the recipe. versions.Version.Digest says what the head's covers.
package ranking

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking/versions"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	Versions versions.Config

	SigningKeyFile string `env:"SIGNING_KEY_FILE" help:"PEM file of the Ed25519 key that signs releases; without one none are made"`
}

// SigningKey reads the key, nil when none is set.
func (c Config) SigningKey() (ed25519.PrivateKey, error) {
	if c.SigningKeyFile == "" {
		return nil, nil
	}
	return SigningKey(c.SigningKeyFile)
}

// Deps are what the service stands on. The folds are of the one ledger.
type Deps struct {
	Lane   *ledger.Lane[*Published] // which this service owns
	Ledger *ledger.Ledger
	// JetStream carries the public events. Nil: none are published.
	JetStream jetstream.JetStream
	Replicas  int         // of the stream of events, if this service is the one to make it; 0 means 1
	Turn      *lease.Turn // of what one replica does for all; nil: there is one
	Registry  *ledger.Lane[*registry.State]
	Figures   *ledger.Lane[*figures.State]
	// SigningKey signs releases. Nil: none can be made here.
	SigningKey ed25519.PrivateKey
	// Redis shares versions of rankings with other replicas. Nil: each computes its
	// own.
	Redis    redis.UniversalClient
	Versions versions.Config
	// Metrics may be nil: they are not exported then.
	Metrics prometheus.Registerer
	// Now tells when statements become public. Nil: only other writes let them.
	Now func() time.Time
	Log *slog.Logger
}

// Service implements zonebench.ranking.v1.RankingService.
type Service struct {
	// A method without a body must not compile.
	rankingv1.UnsafeRankingServiceServer
	rankingv1.UnsafePublishedRankingServiceServer
	rankingv1.UnsafeLiveRankingServiceServer

	deps   Deps
	source *source
	keeper *versions.Keeper
	watch  *watchMeter

	beatEvery time.Duration
}

// New checks the dependencies and starts nothing.
func New(deps Deps) (*Service, error) {
	if deps.Registry == nil || deps.Figures == nil || deps.Lane == nil || deps.Ledger == nil {
		return nil, errors.New("ranking: the ledger, its own lane, the registry and the figures are needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{deps: deps, source: newSource(deps), beatEvery: beatEvery}
	var err error
	if s.keeper, err = versions.New(deps.Versions, versions.Deps{
		Source: s.source, Ledger: deps.Ledger, Redis: deps.Redis, JetStream: deps.JetStream, Replicas: deps.Replicas,
		Log: deps.Log, Metrics: deps.Metrics,
	}); err != nil {
		return nil, err
	}
	if s.watch, err = newWatchMeter(deps.Metrics); err != nil {
		return nil, err
	}
	return s, nil
}

// Name is the service's name in logs, metrics and health.
func (s *Service) Name() string { return "ranking" }

// Register adds the handlers.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	rankingv1.RegisterRankingServiceServer(r, s)
	rankingv1.RegisterPublishedRankingServiceServer(r, s)
	rankingv1.RegisterLiveRankingServiceServer(r, s)
}

// Run keeps the rankings, publishes what changed and keeps the time until ctx is
// done; the folds are tailed by the process.
func (s *Service) Run(ctx context.Context) error {
	work := []func(context.Context) error{s.keeper.Run}
	if s.deps.JetStream != nil {
		work = append(work, event.Publisher{
			Ledger: s.deps.Ledger, JetStream: s.deps.JetStream, Replicas: s.deps.Replicas, Service: s.Name(), Lane: ledger.LaneRanking,
			Topics: []string{changedTopic, releasedTopic}, Make: s.changed, Turn: s.deps.Turn, Log: s.deps.Log,
		}.Run)
	}
	if s.deps.Now != nil {
		work = append(work, func(ctx context.Context) error { return s.deps.Turn.Do(ctx, s.keepTime) })
	}
	return together(ctx, work)
}

// together runs everything until ctx is done or one of them fails, and returns
// when all have ended, with the first failure.
func together(ctx context.Context, work []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	for _, run := range work {
		group.Go(func() {
			if err := run(ctx); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	<-ctx.Done()
	group.Wait()
	if errors.Is(first, context.Canceled) {
		return nil // the end that was asked for
	}
	return first
}
