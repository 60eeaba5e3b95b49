// Package revision decides, once for each call, which revision of the ledger it
// is answered at, and tells the caller.
//
// A request says how fresh its answer must be in a field `consistency`, and a
// client's interceptor sends the highest token that it has seen in the metadata
// `zonebench-token`. The server's interceptor waits for both, bounded by the
// deadline, and puts the revision into the context. Handlers only ask At.
//
// Every answer carries the revision and its token as the headers
// `zonebench-revision` and `zonebench-token`.
package revision

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Names of the metadata.
const (
	TokenKey    = "zonebench-token"
	RevisionKey = "zonebench-revision"
)

// Ledger is what the interceptors need of the ledger; *ledger.Ledger is one, and
// documents the methods.
type Ledger interface {
	Applied() int64
	Last(ctx context.Context) (int64, error)
	WaitFor(ctx context.Context, revision int64) error
	Token(revision int64) string
	Revision(token string) (int64, error)
	Err() error
}

// defaultWait bounds the wait of a call without a deadline.
const defaultWait = 10 * time.Second

// A call is what the context knows about one call.
type call struct {
	ledger Ledger
	at     int64        // the revision to read at
	told   atomic.Int64 // the revision that the headers tell
}

type callKey struct{}

func of(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// With puts a revision into the context, as the interceptor does. It is for
// callers that are not reached over gRPC.
func With(ctx context.Context, l Ledger, at int64) context.Context {
	c := &call{ledger: l, at: at}
	c.told.Store(at)
	return context.WithValue(ctx, callKey{}, c)
}

// At is the revision that the call is to be answered at; 0, the newest, outside
// of a call.
func At(ctx context.Context) int64 {
	if c := of(ctx); c != nil {
		return c.at
	}
	return 0
}

// State is the state that a read was answered from, for the reply.
func State(ctx context.Context) *typev1.ReadState {
	if c := of(ctx); c != nil {
		return &typev1.ReadState{Revision: c.at, Token: c.ledger.Token(c.at)}
	}
	return nil
}

// Written says that the call wrote at a revision: the headers tell it, so that
// the caller's next read sees it. It gives the state for the reply.
func Written(ctx context.Context, revision int64) *typev1.ReadState {
	c := of(ctx)
	if c == nil {
		return nil
	}
	c.told.Store(revision)
	return &typev1.ReadState{Revision: revision, Token: c.ledger.Token(revision)}
}

// choose waits until the ledger is as fresh as a call wants it, and gives the
// revision to read at.
func choose(ctx context.Context, l Ledger, tokens []string, want *typev1.Consistency) (int64, error) {
	exact := want.GetAtExactRevision()
	if err := l.Err(); err != nil && (exact == 0 || exact > l.Applied()) {
		return 0, err // what is applied was sound, but it is not the present any more
	}
	if fresh := want.GetAtLeastAsFresh(); fresh != "" {
		tokens = append(slices.Clip(tokens), fresh)
	}
	least := exact
	for _, token := range tokens {
		revision, err := l.Revision(token)
		if err != nil {
			return 0, err
		}
		if exact == 0 { // an exact revision is what was known then, whatever the caller has seen since
			least = max(least, revision)
		}
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	if want.GetFullyConsistent() || least > l.Applied() {
		last, err := l.Last(ctx)
		if err == nil && least > last && exact == 0 {
			last, err = doubt(ctx, l, least)
		}
		switch {
		case err != nil:
			return 0, err
		case least > last && exact == 0:
			return 0, fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN,
				"the token is from beyond the end of the ledger, which is revision %d: leave it out", last)
		case want.GetFullyConsistent():
			least = max(least, last)
		}
	}
	if err := l.WaitFor(ctx, least); err != nil {
		if ctx.Err() == nil {
			return 0, err
		}
		applied := strconv.FormatInt(l.Applied(), 10)
		return 0, fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_REVISION_NOT_REACHED,
			"revision %d has not arrived, revision %s has: try again or ask for less", least, applied).With("revision", applied).Wrap(err)
	}
	if exact > 0 {
		return exact, nil
	}
	return l.Applied(), nil
}

// doubt asks again for the end of the ledger, after a while in which a revision
// that should be beyond it may arrive: a server that was cut off lags, and does
// not know for some seconds that it leads no more.
func doubt(ctx context.Context, l Ledger, revision int64) (int64, error) {
	wait, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	if err := l.WaitFor(wait, revision); err == nil {
		return revision, nil
	}
	if ctx.Err() != nil {
		return revision, nil // The caller is told that it has not arrived.
	}
	return l.Last(ctx)
}

// lag is longer than such a server is believed. Tests shorten it.
var lag = 6 * time.Second

// bounded ends a little before the caller's deadline, so that the answer that
// says why still arrives.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, defaultWait)
	}
	left := time.Until(deadline) //nolint:forbidigo // a deadline is by the clock of this machine
	return context.WithDeadline(ctx, deadline.Add(-min(left/10, 100*time.Millisecond)))
}
