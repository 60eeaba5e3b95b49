package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// tail reads, checks and folds the whole stream, once for the process. It
// returns when the context ends, or with the reason to halt.
func (l *Ledger) tail(ctx context.Context) error {
	r := &reader{stream: l.stream, log: l.log, sawLast: l.sawLast}
	defer r.stop()
	target, err := l.Last(ctx)
	for wait := idle; err != nil; wait = min(2*wait, idleMax) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.log.WarnContext(ctx, "the ledger cannot be reached, trying again", "error", err)
		pause(ctx, wait)
		target, err = l.Last(ctx)
	}
	// The stream may have shrunk since Open looked at it.
	if known := l.mark.known().revision; target < known {
		return damage(target+1, known, "%s", cutEnd)
	}
	caughtUp := false
	for {
		if !caughtUp && r.last >= target {
			close(l.caughtUp)
			caughtUp = true
		}
		m, err := r.next(ctx)
		if err != nil {
			return err
		}
		span := l.spanApply(ctx, m)
		err = l.take(ctx, m)
		span.End()
		if err != nil {
			return err
		}
	}
}

// take checks a message, folds it if its lane is folded here, and moves on.
func (l *Ledger) take(ctx context.Context, m message) error {
	commit, verdict, err := l.chain.check(m)
	if err != nil {
		return err
	}
	lane := strings.TrimPrefix(m.subject, prefix)
	h := l.chain.heads[lane]
	folder := l.lanes[lane]
	switch {
	case verdict == accepted && folder != nil:
		if err := folder.apply(commit, h); err != nil {
			return fmt.Errorf("%w: %w", damage(m.sequence, m.sequence, "this process cannot read the commit of lane %s", lane), err)
		}
	case verdict == accepted: // nobody here reads its body
	default:
		l.ignore(ctx, m, verdict)
		if folder != nil {
			folder.pass(h)
		}
	}
	if err := l.mark.advance(m.sequence); err != nil {
		return err
	}
	l.times.put(m.sequence, h.time)
	l.advance(m.sequence, h.time)
	return nil
}

// ignore remembers that a rule passes over a message.
func (l *Ledger) ignore(ctx context.Context, m message, v verdict) {
	rule := "lane_position"
	if v == repeated {
		rule = "known_commit"
	}
	l.meter.ignored.WithLabelValues(rule).Inc()
	l.log.WarnContext(ctx, "a message of the ledger is ignored by rule", "revision", m.sequence, "subject", m.subject, "rule", rule)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ignored[m.sequence] = true
}

func (l *Ledger) isIgnored(revision int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ignored[revision]
}

// Tail gives every commit after a revision, in order, to fn, as far as this
// process has checked and folded the ledger, and goes on as it grows. It returns
// fn's first error, the context's, or why the ledger halted.
func (l *Ledger) Tail(ctx context.Context, after int64, fn func(commit *ledgerv1.Commit, revision int64) error) error {
	r := &reader{stream: l.stream, log: l.log, sawLast: l.sawLast, last: after}
	defer r.stop()
	for {
		m, err := r.next(ctx)
		if err != nil {
			return err
		}
		if err := l.WaitFor(ctx, m.sequence); err != nil {
			return err
		}
		if l.isIgnored(m.sequence) {
			continue
		}
		commit, err := l.checked(m)
		if err != nil {
			return err
		}
		if err := fn(commit, m.sequence); err != nil {
			return err
		}
	}
}

// checked decodes a message that the chain has accepted before. The bytes may
// have changed on the disk since.
func (l *Ledger) checked(m message) (*ledgerv1.Commit, error) {
	commit := &ledgerv1.Commit{}
	if err := proto.Unmarshal(m.data, commit); err != nil {
		return nil, damage(m.sequence, m.sequence, "this is not a commit any more (%v)", err)
	}
	body := sha256.Sum256(commit.GetBody())
	if commit.GetLedgerId() != l.id || !bytes.Equal(body[:], commit.GetBodyHash()) || !bytes.Equal(Hash(commit), commit.GetHash()) {
		return nil, damage(m.sequence, m.sequence, "this commit is not the one that was read before")
	}
	return commit, nil
}

// Transactions decodes the body of a commit that Tail gave.
func Transactions(c *ledgerv1.Commit) ([]*ledgerv1.Transaction, error) {
	body, err := open(c)
	return body.GetTransactions(), err
}

// transaction reads one transaction from the stream.
func (l *Ledger) transaction(ctx context.Context, revision int64, index int) (*ledgerv1.Transaction, error) {
	commit, err := l.read(ctx, revision)
	if err != nil {
		return nil, err
	}
	body, err := open(commit)
	if err != nil {
		return nil, halted(err)
	}
	if index >= len(body.GetTransactions()) {
		return nil, halted(damage(revision, revision, "this commit has fewer transactions than were read before"))
	}
	return body.GetTransactions()[index], nil
}

// free is the free part of the disk, all of it when nobody knows.
func (l *Ledger) free() (float64, error) {
	if l.deps.FreeSpace == nil {
		return 1, nil
	}
	return l.deps.FreeSpace()
}
