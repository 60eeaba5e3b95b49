package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// idle is how long a reader waits for the next message before it asks
	// whether there is one. It doubles up to idleMax while there is none.
	idle    = 100 * time.Millisecond
	idleMax = time.Second
	// askTimeout bounds one question to the servers. Who asked a server that died
	// gets no answer, and must not wait for it while another one leads by now.
	askTimeout = time.Second
	// confirmations is how often, a second apart, servers that replicate must say
	// that something is missing before it is believed: one that was cut off lags,
	// and goes on to answer for about ten seconds.
	confirmations = 15
	// prefetch bounds what the server sends ahead; it holds any one message.
	prefetch = 16 << 20
)

// reader gives the messages of the stream one after another, without a hole.
//
// The ordered consumer under it makes itself anew after a lost connection, but
// it passes over messages that the store lost, and never ends when the end of
// the store is cut. So the reader trusts only sequences: what is missing is
// asked for by number, and is a DamageError if the store does not have it.
type reader struct {
	stream  jetstream.Stream
	log     *slog.Logger
	sawLast func(int64) // told what the last sequence is
	last    int64       // sequence of the last message that was given

	iter   jetstream.MessagesContext
	unhook func() bool
	doubt  bool // the stream has said once that it does not end where the reader is
	denied int  // how often in a row something was said to be missing
}

// next waits for the next message. After a DamageError the reader can go on
// behind the damage with skip.
func (r *reader) next(ctx context.Context) (message, error) {
	wait := idle
	for {
		if ctx.Err() != nil {
			return message{}, ctx.Err()
		}
		if r.iter == nil {
			err := r.start(ctx)
			switch {
			case ctx.Err() != nil:
				return message{}, ctx.Err()
			case errors.Is(err, jetstream.ErrStreamNotFound) && r.confirmed(ctx):
				return message{}, r.gone()
			case err != nil:
				r.log.WarnContext(ctx, "the ledger cannot be read, trying again", "after", r.last, "error", err)
				pause(ctx, wait)
				wait = min(2*wait, idleMax)
				continue
			}
		}
		m, err := r.receive(wait)
		switch {
		case err == nil && m.sequence <= r.last: // delivered again
			continue
		case err == nil && m.sequence == r.last+1:
			r.last, r.doubt, r.denied = m.sequence, false, 0
			return m, nil
		case err == nil: // messages are missing before this one
			r.stop()
			m, err = r.fetch(ctx, m.sequence-1)
			if err == nil || isDamage(err) && r.confirmed(ctx) {
				return m, err
			}
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
			wait = min(2*wait, idleMax)
			m, err = r.overdue(ctx)
			if err == nil && m.data != nil || isDamage(err) && r.confirmed(ctx) {
				return m, err
			}
			if err != nil {
				r.stop() // The consumer may have been on the server that does not answer.
			}
		case errors.Is(err, jetstream.ErrStreamNotFound) && r.confirmed(ctx):
			return message{}, r.gone()
		default:
			r.stop()
		}
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "reading the ledger was interrupted", "after", r.last, "error", err)
			pause(ctx, idle)
		}
	}
}

// confirmed says whether to believe that something is missing. A single server
// is believed at once.
func (r *reader) confirmed(ctx context.Context) bool {
	if info := r.stream.CachedInfo(); info.Config.Replicas <= 1 {
		return true
	}
	if r.denied++; r.denied >= confirmations {
		return true
	}
	r.stop()
	pause(ctx, idleMax)
	return false
}

func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}

func (r *reader) gone() error { return damage(1, max(r.last, 1), "%s", streamGone) }

// receive takes the next message that the consumer delivers.
func (r *reader) receive(wait time.Duration) (message, error) {
	msg, err := r.iter.Next(jetstream.NextMaxWait(wait))
	if err != nil {
		return message{}, err
	}
	meta, err := msg.Metadata()
	if err != nil {
		return message{}, err
	}
	sequence := int64(meta.Sequence.Stream)
	if meta.NumPending > 0 { // so that the lag is known while there is no time to ask
		r.sawLast(sequence + int64(meta.NumPending))
	}
	return message{
		sequence: sequence, subject: msg.Subject(), data: nonNil(msg.Data()), trace: msg.Headers().Get(traceparent),
	}, nil
}

// overdue is called when nothing came for a while. If the stream says twice in a
// row that there is more, the next message is asked for by number; if it says
// twice that there is less than was read, its end is lost.
func (r *reader) overdue(ctx context.Context) (message, error) {
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := r.stream.Info(ask)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return message{}, r.gone()
	}
	if err == nil {
		err = led(info.Cluster)
	}
	if err != nil {
		return message{}, err
	}
	last := int64(info.State.LastSeq)
	r.sawLast(last)
	switch {
	case last == r.last:
		r.doubt, r.denied = false, 0
		return message{}, nil
	case !r.doubt: // it may be on its way
		r.doubt = true
		return message{}, nil
	case last < r.last:
		return message{}, damage(last+1, r.last, "%s", cutEnd)
	}
	r.stop()
	return r.fetch(ctx, last)
}

// fetch asks the store for the next message by number. If it does not have it,
// the damage reaches to the next one that it has, or to the end, which is at
// least at the given sequence.
func (r *reader) fetch(ctx context.Context, end int64) (message, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	raw, err := r.stream.GetMsg(ctx, uint64(r.last+1), jetstream.WithGetMsgSubject(subjects))
	if err == nil && int64(raw.Sequence) == r.last+1 {
		r.last, r.doubt, r.denied = r.last+1, false, 0
		return message{sequence: r.last, subject: raw.Subject, data: nonNil(raw.Data)}, nil
	}
	var api *jetstream.APIError
	switch {
	case err == nil:
		end = int64(raw.Sequence) - 1
	case errors.As(err, &api) && api.Code != unavailableCode: // the store has nothing from here on
	default:
		return message{}, err
	}
	cause := missing
	if _, err := r.stream.GetMsg(ctx, uint64(r.last+1)); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && errors.As(err, &api) {
		cause = fmt.Sprintf("%s (%s)", cause, api.Description)
	}
	return message{}, damage(r.last+1, end, "%s", cause)
}

// unavailableCode is the status of an API error that may pass.
const unavailableCode = 503

// skip goes on behind a damage.
func (r *reader) skip(to int64) {
	r.stop()
	r.last, r.doubt, r.denied = to, false, 0
}

func (r *reader) start(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	consumer, err := r.stream.OrderedConsumer(ask, jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       uint64(r.last + 1),
		InactiveThreshold: time.Minute,
		MaxResetAttempts:  1, // its own retries can take ten seconds and do not heed the context
	})
	if err != nil {
		return err
	}
	iter, err := consumer.Messages(jetstream.PullMaxBytes(prefetch))
	if err != nil {
		return err
	}
	r.iter = iter
	r.unhook = context.AfterFunc(ctx, iter.Stop)
	return nil
}

// stop gives the consumer up; next makes another one.
func (r *reader) stop() {
	if r.iter != nil {
		r.unhook()
		r.iter.Stop()
		r.iter = nil
	}
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
