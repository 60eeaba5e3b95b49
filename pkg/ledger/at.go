package ledger

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// CommitAt reads the commit at a revision that this process has applied, and
// checks it again. It is nil for a revision that a rule passes over.
func (l *Ledger) CommitAt(ctx context.Context, revision int64) (*ledgerv1.Commit, error) {
	if revision < 1 || revision > l.Applied() {
		return nil, errors.New("ledger: the revision has not been applied")
	}
	if l.isIgnored(revision) {
		return nil, nil //nolint:nilnil // that there is none is what is said
	}
	return l.read(ctx, revision)
}

// read reads a commit from the store and checks it as it was checked before.
func (l *Ledger) read(ctx context.Context, revision int64) (*ledgerv1.Commit, error) {
	raw, err := l.stream.GetMsg(ctx, uint64(revision))
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.Code != unavailableCode:
		return nil, halted(damage(revision, revision, "the store does not have this message any more"))
	case err != nil:
		return nil, unavailable(err)
	}
	commit, err := l.checked(message{sequence: revision, subject: raw.Subject, data: raw.Data})
	if err != nil {
		return nil, halted(err)
	}
	return commit, nil
}
