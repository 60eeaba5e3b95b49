package ranking

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const (
	// clockActor is who the ledger says told the time.
	clockActor  = "zonebench:clock"
	clockMethod = "zonebench.ranking.v1.LiveRankingService/clock"
	// look is how long the clock trusts a waiting time: a machine's clock may be set.
	look = time.Second
)

// keepTime lets statements become public when their moment has come although
// nobody writes: it commits that the time has been reached. Several processes
// may do so at once; one of them writes.
func (s *Service) keepTime(ctx context.Context) error {
	for ctx.Err() == nil {
		applied := s.deps.Ledger.Applied()
		stated, _ := s.deps.Figures.Current()
		next, pending := stated.View(applied).NextOpening(s.deps.Ledger.TimeAt(applied))
		if pending && !s.deps.Now().Before(next) {
			if err := s.reach(ctx, next); err != nil {
				if halt := s.deps.Ledger.Err(); halt != nil {
					return halt
				}
				s.deps.Log.WarnContext(ctx, "statements are public later than they were to be", slog.Time("moment", next), slog.Any("error", err))
			}
			// Written, or the clock of commits is behind ours.
			applied = min(applied, s.deps.Ledger.Applied())
		}
		if err := s.nextCommit(ctx, applied, pending); err != nil {
			return err
		}
	}
	return nil
}

// nextCommit waits for a commit after a revision, not longer than a while if
// something is pending.
func (s *Service) nextCommit(ctx context.Context, after int64, pending bool) error {
	waiting := ctx
	if pending {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, look)
		defer cancel()
	}
	if err := s.deps.Ledger.WaitFor(waiting, after+1); err != nil && waiting.Err() == nil {
		return err
	}
	return nil
}

// reach commits that a moment has been reached, unless a commit says so already.
func (s *Service) reach(ctx context.Context, moment time.Time) error {
	_, err := s.deps.Lane.Commit(ctx, ledger.Command[*Published]{
		Method: clockMethod, Actor: clockActor,
		Decide: func(state *Published, at ledger.Position) (ledger.Proposal, error) {
			told := !state.clock.Before(moment) || !s.deps.Ledger.TimeAt(s.deps.Ledger.Applied()).Before(moment)
			if told || at.CommitTime.Before(moment) {
				return ledger.Proposal{}, nil
			}
			return ledger.Proposal{Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_ClockReached{
				ClockReached: &ledgerv1.ClockReached{Time: timestamppb.New(moment)},
			}}}}, nil
		},
	})
	return err
}
