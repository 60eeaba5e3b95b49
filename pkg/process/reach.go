package process

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How long a start waits before it tries again, at first and at most.
const (
	firstWait   = time.Second
	longestWait = 10 * time.Second
)

// reach does what needs a server that may not run yet, again and again until it
// can be done: processes may be started in any order. What waiting does not
// mend, such as a wrong password or another ledger, is returned at once.
func reach(ctx context.Context, log *slog.Logger, do func(context.Context) error) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := do(ctx)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		log.WarnContext(ctx, "cannot start yet, trying again", slog.Any("error", err), slog.Duration("in", wait))
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// passing tells the errors that a server gives that is not there, or not ready.
func passing(err error) bool {
	for _, known := range []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionClosed,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, context.DeadlineExceeded, io.EOF,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	// A cluster without a leader, or with too few servers for the replicas that are asked for.
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.Code >= 500 || api.ErrorCode == noSuitablePeers
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	slow, ok := errors.AsType[net.Error](err) // A malformed address is one too, and is not mended.
	return ok && slow.Timeout()
}

// noSuitablePeers is the server's code when fewer servers run than replicas are asked for.
const noSuitablePeers = 10005
