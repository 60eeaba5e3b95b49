package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// A Publisher publishes the events of one service: what Make says of each
// transaction of its lane.
type Publisher struct {
	Ledger    *ledger.Ledger
	JetStream jetstream.JetStream
	Service   string // the last part of the source
	Lane      string
	Topics    []string     // every topic that Make gives; no other publisher has them
	Replicas  int          // of the stream, if it is not there yet
	Log       *slog.Logger // required
	// Turn says when this process is the one that publishes: others would only
	// repeat it. Nil: always.
	Turn *lease.Turn
	// Make gives the public events of a transaction, without ID, Source and
	// Time. It is a function of its arguments: it runs again after a restart.
	Make func(tx *ledgerv1.Transaction, at ledger.Position) []Event
}

// retryWait is how long a publisher waits after a failure of the stream.
const retryWait = time.Second

// Run publishes while it is this process's turn, until the context ends or the
// ledger halts. A stream that is gone or out of reach is retried: events are
// late then, not lost.
func (p Publisher) Run(ctx context.Context) error { return p.Turn.Do(ctx, p.run) }

func (p Publisher) run(ctx context.Context) error {
	for {
		err := p.publish(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end that was asked for
		}
		if halt := p.Ledger.Err(); halt != nil {
			return halt
		}
		if _, permanent := errors.AsType[*foreignError](err); permanent {
			return err
		}
		p.Log.WarnContext(ctx, "events are delayed", "service", p.Service, "error", err)
		timer := time.NewTimer(retryWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// A foreignError says that the stream holds another ledger's events.
type foreignError struct{ have, want string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("the stream %s holds events of %s, this is %s: it belongs to another installation", streamName, e.have, e.want)
}

// publish finds the place behind the last event and goes on from there.
func (p Publisher) publish(ctx context.Context) error {
	stream, err := openStream(ctx, p.JetStream, p.Replicas)
	if err != nil {
		return err
	}
	last, err := p.last(ctx, stream)
	if err != nil {
		return err
	}
	return p.Ledger.Tail(ctx, max(last.Revision-1, 0), func(commit *ledgerv1.Commit, revision int64) error {
		if commit.GetLane() != p.Lane {
			return nil
		}
		events, err := p.of(commit, revision)
		if err != nil {
			return err
		}
		for _, e := range events {
			if (last != ID{}) && !e.ID.After(last) {
				continue
			}
			if err := p.send(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// last is the last event of this publisher that the stream still holds. Events
// of an earlier epoch do not count: revisions begin anew with a restore.
func (p Publisher) last(ctx context.Context, stream jetstream.Stream) (ID, error) {
	var last ID
	for _, topic := range p.Topics {
		raw, err := stream.GetLastMsgForSubject(ctx, root+topic)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return ID{}, fmt.Errorf("find the last event: %w", err)
		}
		e, err := received(raw.Subject, raw.Header, raw.Data)
		if err != nil {
			return ID{}, err
		}
		if e.Source != p.source() {
			return ID{}, &foreignError{have: e.Source, want: p.source()}
		}
		if e.ID.Epoch == p.Ledger.Epoch() && e.ID.After(last) {
			last = e.ID
		}
	}
	return last, nil
}

func (p Publisher) source() string { return source(p.Ledger.ID(), p.Service) }

func source(ledgerID, service string) string {
	return strings.Join([]string{"/zonebench", ledgerID, service}, "/")
}

// of gives the events of a commit with their identity.
func (p Publisher) of(commit *ledgerv1.Commit, revision int64) ([]Event, error) {
	txs, err := ledger.Transactions(commit)
	if err != nil {
		return nil, err
	}
	at := ledger.Position{
		Revision: revision, CommitTime: commit.GetCommitTime().AsTime(), Lane: commit.GetLane(), LaneSequence: commit.GetLaneSequence(),
	}
	var events []Event
	for i, tx := range txs {
		at.Index = i
		for _, e := range p.Make(tx, at) {
			e.ID = ID{Epoch: p.Ledger.Epoch(), Revision: revision, N: len(events)}
			e.Source = p.source()
			e.Time = at.CommitTime
			events = append(events, e)
		}
	}
	return events, nil
}

func (p Publisher) send(ctx context.Context, e Event) error {
	msg, err := e.message()
	if err != nil {
		return err
	}
	// Within the duplicate window a publisher that restarts, or a second one,
	// repeats nothing; beyond it the id tells.
	if _, err := p.JetStream.PublishMsg(ctx, msg, jetstream.WithMsgID(e.ID.String()+"@"+e.Topic), jetstream.WithExpectStream(streamName)); err != nil {
		return fmt.Errorf("publish event %v: %w", e.ID, err)
	}
	return nil
}
