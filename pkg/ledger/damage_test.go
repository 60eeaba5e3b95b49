package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const commits = 20 // in a store to be damaged

// store makes a directory with a closed ledger: the commit at revision n writes
// zones/n with the text of display(n).
func store(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	server, err := local.NATS(dir, local.Options{Log: ledgertest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := ledgertest.OpenAt(t, server, ledger.Config{MarkFile: ledgertest.Mark(dir)})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	stop := ledgertest.Run(t, l)
	defer stop()
	for n := 1; n <= commits; n++ {
		commit(t, lane, ledgertest.Put("", display(n), fmt.Sprintf("zones/%d", n)))
	}
	return dir
}

func display(n int) string { return strings.Repeat(fmt.Sprintf("<%02d>", n), 50) }

func block(dir string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", "LEDGER", "msgs", "1.blk")
}

// flip changes one bit in the commit of a revision.
func flip(dir string, revision int) error {
	return flipAt(dir, func(data []byte) int {
		return bytes.Index(data, []byte(display(revision))) + 100
	})
}

// flipLength changes the length of the headers of a commit, which the checksum
// of the store does not cover.
func flipLength(dir string, revision int) error {
	return flipAt(dir, func(data []byte) int {
		before, _, _ := bytes.Cut(data, []byte(display(revision)))
		return bytes.LastIndex(before, []byte("NATS/1.0")) - 4
	})
}

func flipAt(dir string, where func(data []byte) int) error {
	data, err := os.ReadFile(block(dir))
	if err != nil {
		return err
	}
	data[where(data)] ^= 1
	return os.WriteFile(block(dir), data, 0o600)
}

// cut takes bytes off the end of the block.
func cut(dir string, n int64) error {
	info, err := os.Stat(block(dir))
	if err != nil {
		return err
	}
	return os.Truncate(block(dir), info.Size()-n)
}

func empty(dir string) error { return os.Truncate(block(dir), 0) }

func remove(dir string) error { return os.Remove(block(dir)) }

func removeIndex(dir string) error {
	return os.Remove(filepath.Join(filepath.Dir(block(dir)), "index.db"))
}

// TestDamage: start-up and Verify name the exact range, in bounded time, and
// nothing from behind it is served.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		harm        func(dir string) error
		first, last int64
	}{
		"a flipped bit": {
			func(dir string) error { return flip(dir, 7) }, 7, 7,
		},
		"a flipped bit in the first commit": {
			func(dir string) error { return flip(dir, 1) }, 1, 1,
		},
		"a flipped bit in the last commit": {
			func(dir string) error { return flip(dir, commits) }, commits, commits,
		},
		"a flipped bit in the length of the headers": {
			func(dir string) error { return flipLength(dir, 7) }, 7, 7,
		},
		"two flipped bits": {
			func(dir string) error { return errors.Join(flip(dir, 7), flip(dir, 8)) }, 7, 8,
		},
		"a flipped bit, the index lost": {
			func(dir string) error { return errors.Join(flip(dir, 7), removeIndex(dir)) }, 7, commits,
		},
		"a cut end": {
			func(dir string) error { return cut(dir, 10) }, commits, commits,
		},
		"a cut end of several commits": {
			func(dir string) error { return cut(dir, 1500) }, commits - 2, commits,
		},
		"a cut end, the index lost": {
			func(dir string) error { return errors.Join(cut(dir, 10), removeIndex(dir)) }, commits, commits,
		},
		"an older copy of the messages": {
			func(dir string) error { return errors.Join(cut(dir, 3000), removeIndex(dir)) }, 0, commits,
		},
		"everything cut": {
			empty, 1, commits,
		},
		"everything cut, the index lost": {
			func(dir string) error { return errors.Join(empty(dir), removeIndex(dir)) }, 1, commits,
		},
		"the block removed": {
			remove, 1, commits,
		},
		"the block removed, and the index": {
			func(dir string) error { return errors.Join(remove(dir), removeIndex(dir)) }, 1, commits,
		},
		"only the index lost": {
			removeIndex, 0, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := store(t)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			inFiles(t, dir, c.first, c.last)
			server, err := local.NATS(dir, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			deps := ledgertest.Deps(t, server)
			deps.Log = nil

			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			report, err := ledger.Verify(ctx, ledger.Verification{JetStream: deps.JetStream, MarkFile: ledgertest.Mark(dir)})
			if err != nil {
				t.Fatal(err)
			}
			if c.last == 0 {
				if !report.Sound() || report.Commits != commits || report.Transactions != commits || report.LastRevision != commits {
					t.Errorf("report = %+v", report)
				}
			} else {
				if n := len(report.Damage); n == 0 || report.Damage[n-1].Last != c.last || c.first > 0 && (n != 1 || report.Damage[0].First != c.first) {
					t.Errorf("damage = %v, want %d to %d", report.Damage, c.first, c.last)
				}
				if lost := c.last - c.first + 1; c.first > 0 && report.Commits != commits-lost {
					t.Errorf("%d commits are read around the damage, want %d", report.Commits, commits-lost)
				}
			}
			served(ctx, t, dir, deps, c.first, c.last)
		})
	}
}

// inFiles verifies the files before a server opens them, and so changes them.
func inFiles(t *testing.T, dir string, first, last int64) {
	t.Helper()
	before, _ := os.ReadFile(block(dir)) // may be removed
	s, err := local.OpenStore(dir, ledger.Stream)
	if err != nil {
		t.Fatal(err)
	}
	report, err := verifyFiles(s, ledgertest.Mark(dir))
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(block(dir)); !bytes.Equal(before, after) {
		t.Error("verifying changed the store")
	}
	if last == 0 || strings.Contains(t.Name(), "flipped") {
		// Files lose nothing behind a flipped bit, whatever became of the index.
		lost := int64(strings.Count(t.Name(), "flipped"))
		if strings.Contains(t.Name(), "two") {
			lost = 2
		}
		if report.Commits != commits-lost || report.Sound() != (lost == 0) {
			t.Errorf("report = %+v", report)
		}
		if lost == 0 {
			return
		}
		if d := report.Damage[0]; len(report.Damage) != 1 || d.First != first || d.Last != first+lost-1 || !strings.Contains(d.Cause, "1.blk") {
			t.Errorf("damage = %v, want %d to %d", report.Damage, first, first+lost-1)
		}
		return
	}
	if n := len(report.Damage); n != 1 || report.Damage[0].Last != last || first > 0 && report.Damage[0].First != first {
		t.Errorf("damage = %v, want %d to %d", report.Damage, first, last)
	}
}

func verifyFiles(s *local.Store, mark string) (*ledger.Report, error) {
	return ledger.VerifyStored(ledger.Stored{
		Metadata: s.Metadata(),
		Read: func(yield func(int64, string, []byte) bool) error {
			for m, err := range s.Messages() {
				if err != nil {
					return err
				}
				if !yield(m.Sequence, m.Subject, m.Data) {
					break
				}
			}
			return nil
		},
		Cause: s.Cause, Torn: s.Torn, MarkFile: mark,
	})
}

// No byte of the store may change without being noticed: a sample of them, each
// with another of its bits.
func TestEveryByteCounts(t *testing.T) {
	dir := store(t)
	whole, err := os.ReadFile(block(dir))
	if err != nil {
		t.Fatal(err)
	}
	s, err := local.OpenStore(dir, ledger.Stream)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	step := 5
	if testing.Short() {
		step = 31
	}
	for at := 0; at < len(whole)/4; at += step { // five commits
		data := bytes.Clone(whole)
		data[at] ^= 1 << (at % 8)
		if err := os.WriteFile(block(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := verifyFiles(s, ledgertest.Mark(dir))
		if err != nil || len(report.Damage) != 1 || report.Damage[0].First != report.Damage[0].Last || report.Commits != commits-1 {
			t.Fatalf("byte %d: %+v, %v", at, report, err)
		}
	}
}

// served starts a process over a store and checks that it halts before the damage.
func served(ctx context.Context, t *testing.T, dir string, deps ledger.Deps, first, last int64) {
	t.Helper()
	var damage *ledger.DamageError
	l, err := ledger.Open(ctx, ledger.Config{MarkFile: ledgertest.Mark(dir)}, deps)
	if errors.As(err, &damage) { // found before anything is served
		if last == 0 || damage.Last != last || first > 0 && damage.First != first {
			t.Errorf("refused with %v, want %d to %d", err, first, last)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	if last == 0 {
		ledgertest.Run(t, l) //nolint:contextcheck // it runs until the test ends
		if state, _ := lane.Current(); state.Len() != commits {
			t.Errorf("%d zones", state.Len())
		}
		return
	}
	err = l.Run(ctx)
	if !errors.As(err, &damage) || damage.First != first || damage.Last != last {
		t.Errorf("ended with %v, want %d to %d", err, first, last)
	}
	select {
	case <-l.CaughtUp():
		t.Error("says that it has caught up")
	default:
	}
	if state, at := lane.Current(); at.Revision != first-1 || state.Len() != int(first-1) {
		t.Errorf("served at %+v with %d zones", at, state.Len())
	}
	_, err = lane.Commit(ctx, ledgertest.Put("", "x", "zones/x"))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED)
}

func TestStreamDirectoryRemoved(t *testing.T) {
	dir := store(t)
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(block(dir)))); err != nil {
		t.Fatal(err)
	}
	deps := ledgertest.Deps(t, ledgertest.Server(t, dir))
	_, err := ledger.Open(t.Context(), ledger.Config{MarkFile: ledgertest.Mark(dir)}, deps)
	if err == nil || !strings.Contains(err.Error(), "its stream is gone") {
		t.Errorf("error = %v", err)
	}
	if _, err := deps.JetStream.Stream(t.Context(), "LEDGER"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream was made anew: %v", err)
	}
	report, err := ledger.Verify(t.Context(), ledger.Verification{JetStream: deps.JetStream, MarkFile: ledgertest.Mark(dir)})
	if err != nil || len(report.Damage) != 1 || report.Damage[0].First != 1 || report.Damage[0].Last != commits {
		t.Errorf("report = %+v, %v", report, err)
	}
}

// The digest depends on what the commits say and on nothing else.
func TestDigest(t *testing.T) {
	s := newSite(t)
	js := ledgertest.Deps(t, s.server).JetStream
	one, err := ledger.Verify(t.Context(), ledger.Verification{JetStream: js})
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.Verify(t.Context(), ledger.Verification{JetStream: js})
	if err != nil || one.Digest != again.Digest || len(one.Digest) != 64 {
		t.Errorf("digests %q and %q, %v", one.Digest, again.Digest, err)
	}
	commit(t, s.lane, ledgertest.Put("r2", "second", "zones/a"))
	more, err := ledger.Verify(t.Context(), ledger.Verification{JetStream: js})
	if err != nil || more.Digest == one.Digest || more.Lanes[0].Sequence != 2 || more.Lanes[0].Lane != "zone" || more.Facts != 2 {
		t.Errorf("report = %+v, %v", more, err)
	}
}

// The files of a stream that is gone, with and without a mark that knew it.
func TestVerifyStoredWithoutStream(t *testing.T) {
	dir := store(t)
	report, err := ledger.VerifyStored(ledger.Stored{MarkFile: ledgertest.Mark(dir)})
	if err != nil || len(report.Damage) != 1 || report.Damage[0].Last != commits {
		t.Errorf("report = %+v, %v", report, err)
	}
	if _, err := ledger.VerifyStored(ledger.Stored{}); err == nil {
		t.Error("no ledger passes for a sound one")
	}
}
