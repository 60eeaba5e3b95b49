package lease

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NewID names this process: the host, so that an operator finds it, and
// something that no other start of it has.
func NewID(host string) string {
	clean := strings.Map(func(r rune) rune {
		if valid(string(r)) {
			return r
		}
		return '-'
	}, host)
	return strings.Trim(clean, "-") + "-" + strings.ToLower(rand.Text()[:8])
}

// campaign gets the lease of a lane, or waits for it, until the process stops.
func (l *Leases) campaign(ctx context.Context, at *lane) {
	tick := time.NewTicker(l.cfg.TTL / 6)
	defer tick.Stop()
	for {
		l.step(ctx, at)
		select {
		case <-tick.C:
		case <-at.wake:
		case <-l.stop:
			l.giveBack(ctx, at)
			return
		case <-ctx.Done():
			l.giveBack(ctx, at)
			return
		}
	}
}

// step does what is due now.
func (l *Leases) step(ctx context.Context, at *lane) {
	fit, now := l.deps.Fit(), l.deps.Now()
	l.mu.Lock()
	l.tell(at, now) // A life may have ended since.
	known := *at
	l.mu.Unlock()
	holder := known.record.Holder
	switch {
	case holder == l.deps.ID && known.revision != 0:
		switch {
		case !fit:
			l.deps.Log.WarnContext(ctx, "this process cannot commit and gives its lease back", slog.String("lane", at.name))
			l.giveBack(ctx, at)
		case now.Sub(known.renewed) >= l.cfg.TTL/3:
			l.take(ctx, at, known.revision)
		}
	case !fit:
	case known.revision == 0 || holder == "" || known.expired(l.cfg.TTL, now):
		l.take(ctx, at, known.revision)
	default:
		if now.Sub(known.heard) >= l.cfg.TTL/3 { // Nothing was heard, though it is renewed that often.
			l.refresh(ctx, at, false)
		}
		if l.gone(ctx, at, holder) {
			l.deps.Log.WarnContext(ctx, "the holder of a lease is gone", slog.String("lane", at.name), slog.String("holder", holder))
			l.take(ctx, at, known.revision)
		}
	}
}

// take writes the lease on top of a revision: to get it, or to renew it.
func (l *Leases) take(ctx context.Context, at *lane, on uint64) {
	r := record{Holder: l.deps.ID, TTL: l.cfg.TTL}
	began := l.deps.Now()
	revision, err := l.write(ctx, at.name, r, on)
	switch {
	case err == nil:
		l.mu.Lock()
		defer l.mu.Unlock()
		if revision < at.revision {
			return // Somebody has taken it since, and that was heard first.
		}
		at.revision, at.record, at.absent = revision, r, 0
		at.seen, at.heard = l.deps.Now(), l.deps.Now()
		// A quarter of the life is what anybody else waits longer, at least.
		at.renewed, at.until, at.tried = began, began.Add(l.cfg.TTL-l.cfg.TTL/4), time.Time{}
		l.tell(at, l.deps.Now())
	case refused(err):
		l.refresh(ctx, at, true)
	default:
		l.unanswered(at, began)
		l.meter.failures.WithLabelValues(at.name).Inc()
		l.deps.Log.DebugContext(ctx, "a lease could not be written", slog.String("lane", at.name), slog.Any("error", err))
		l.refresh(ctx, at, false)
	}
}

// unanswered notes that a write of the lease failed without being refused. A
// process that stood still meanwhile does not know whether others were answered.
func (l *Leases) unanswered(at *lane, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended, before := l.deps.Now(), at.renewed
	if at.tried.After(before) {
		before = at.tried
	}
	at.tried = time.Time{}
	if ended.Sub(began) < l.cfg.TTL*2/3 && began.Sub(before) < l.cfg.TTL {
		at.tried = ended
	}
}

// giveBack ends this process's turn at once and lets the others know.
func (l *Leases) giveBack(ctx context.Context, at *lane) {
	l.mu.Lock()
	held, revision := at.record.Holder == l.deps.ID && at.revision != 0, at.revision
	if held {
		at.until = time.Time{}
		l.tell(at, l.deps.Now())
	}
	l.mu.Unlock()
	if !held {
		return
	}
	given := record{TTL: l.cfg.TTL}
	revision, err := l.write(context.WithoutCancel(ctx), at.name, given, revision)
	if err != nil {
		l.deps.Log.WarnContext(ctx, "a lease could not be given back: it ends by itself", slog.String("lane", at.name), slog.Any("error", err))
		return
	}
	l.observe(at.name, revision, given, false)
}

func (l *Leases) write(ctx context.Context, key string, r record, on uint64) (uint64, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/3)
	defer cancel()
	if on == 0 {
		return l.bucket().Create(ctx, key, value)
	}
	return l.bucket().Update(ctx, key, value, on)
}

// refused says whether somebody else has written the key meanwhile.
func refused(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}

// refresh reads a key. When our own write was refused, what it has now counts,
// even if its revision is lower: the bucket may have been made anew.
func (l *Leases) refresh(ctx context.Context, at *lane, certain bool) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/3)
	defer cancel()
	entry, err := l.bucket().Get(ctx, at.name)
	switch {
	case err == nil:
		l.observe(at.name, entry.Revision(), decode(entry), certain)
	case errors.Is(err, jetstream.ErrKeyNotFound):
		l.observe(at.name, 0, record{}, certain)
	default:
		kv, err := openBucket(ctx, l.deps.JetStream, l.deps.Replicas)
		if err != nil {
			l.deps.Log.DebugContext(ctx, "the leases cannot be read", slog.Any("error", err))
			return
		}
		l.mu.Lock()
		l.kv = kv
		l.mu.Unlock()
	}
}

// gone asks whether a holder is there, and says whether NATS has denied it often
// enough. A holder that cannot be reached but whose connection stands is not
// gone: its lease has to end.
func (l *Leases) gone(ctx context.Context, at *lane, holder string) bool {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/6)
	defer cancel()
	_, err := l.deps.JetStream.Conn().RequestWithContext(ctx, Prefix+at.name+"."+holder, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !errors.Is(err, nats.ErrNoResponders) || at.record.Holder != holder {
		at.absent = 0
		return false
	}
	at.absent++
	return at.absent >= absences
}
