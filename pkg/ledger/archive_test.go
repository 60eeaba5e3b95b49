package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const segmentBytes = 4 << 10 // about ten commits of display's

// archiving follows a ledger until stop is called.
func archiving(t *testing.T, l *ledger.Ledger, dir string) (a *ledger.Archiver, stop func()) {
	t.Helper()
	a, err := ledger.OpenArchive(t.Context(), l, ledger.ArchiveConfig{Dir: dir, SegmentBytes: segmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stop = func() {
		cancel()
		if err, ok := <-ended; ok {
			close(ended)
			if err != nil {
				t.Errorf("the archiver failed: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return a, stop
}

// archived makes a ledger of the commits of store, with a message that a rule
// ignores, and its archive. It returns what the fold made of it, and a token.
func archived(t *testing.T) (data, archive string, zones map[string]ledgertest.Zone, token string) {
	t.Helper()
	data, archive = t.TempDir(), t.TempDir()
	server, err := local.NATS(data, local.Options{Log: ledgertest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := ledgertest.OpenAt(t, server, ledger.Config{MarkFile: ledgertest.Mark(data)})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	stop := ledgertest.Run(t, l)
	_, end := archiving(t, l, archive)
	for n := 1; n <= commits; n++ {
		commit(t, lane, ledgertest.Put(fmt.Sprintf("request-%d", n), display(n), fmt.Sprintf("zones/%d", n)))
		if n == commits/2 { // the first commit once more, as one who lost its answer would send it long after
			repeatFirst(t, server)
		}
	}
	end()
	stop()
	state, at := lane.Current()
	return data, archive, state.All(), l.Token(at.Revision)
}

func repeatFirst(t *testing.T, server *local.Server) {
	t.Helper()
	js := ledgertest.Deps(t, server).JetStream
	stream, err := js.Stream(t.Context(), ledger.Stream)
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), first.Subject, first.Data); err != nil {
		t.Fatal(err)
	}
}

func restore(t *testing.T, r ledger.Restoration) (dir string, report *ledger.Report, err error) {
	t.Helper()
	dir = t.TempDir()
	server := ledgertest.Server(t, dir)
	defer server.Close()
	r.JetStream, r.MarkFile = ledgertest.Deps(t, server).JetStream, ledgertest.Mark(dir)
	report, err = ledger.Restore(t.Context(), r)
	return dir, report, err
}

// A store that is gone comes back from its archive: the same state at the same
// revisions, the same answers to retries, tokens of before foreign.
func TestRestore(t *testing.T) {
	data, dir, zones, token := archived(t)
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	before, err := ledger.VerifyArchive(dir)
	if err != nil || !before.Sound() || before.Commits != commits || len(before.Ignored) != 1 {
		t.Fatalf("the archive: %+v %v", before, err)
	}
	restored, report, err := restore(t, ledger.Restoration{Archive: dir})
	if err != nil {
		t.Fatal(err)
	}
	if report.Digest != before.Digest || report.LastRevision != commits+1 || report.Epoch != 2 || report.LedgerID != before.LedgerID {
		t.Errorf("restored %+v, archived %+v", report, before)
	}
	if fmt.Sprint(report.Ignored) != fmt.Sprint(before.Ignored) {
		t.Errorf("ignored %v, before %v", report.Ignored, before.Ignored)
	}

	l := ledgertest.OpenAt(t, ledgertest.Server(t, restored), ledger.Config{MarkFile: ledgertest.Mark(restored)})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	if state, _ := lane.Current(); !maps.Equal(state.All(), zones) {
		t.Errorf("folded %v, before %v", state.All(), zones)
	}
	if _, err := l.Revision(token); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN || codeOf(err) != codes.FailedPrecondition {
		t.Errorf("a token of before the restore: %v", err)
	}
	again, err := lane.Commit(t.Context(), ledgertest.Put("request-3", display(3), "zones/3"))
	if err != nil || !again.Duplicate || again.Revision != 3 || again.Names[0] != "zones/3" {
		t.Errorf("a retry after the restore: %+v %v", again, err)
	}
	if next := commit(t, lane, ledgertest.Put("", "new", "zones/new")); next.Revision != commits+2 {
		t.Errorf("the next commit is revision %d", next.Revision)
	}
	// The archive goes on for the old epoch only.
	if _, err := ledger.OpenArchive(t.Context(), l, ledger.ArchiveConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "epoch 1") {
		t.Errorf("an archive of another epoch: %v", err)
	}
}

func codeOf(err error) codes.Code {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Code()
	}
	return codes.Unknown
}

// A restore to an earlier revision has that state and no later one.
func TestRestoreAt(t *testing.T) {
	_, dir, zones, _ := archived(t)
	restored, report, err := restore(t, ledger.Restoration{Archive: dir, At: 7, Epoch: 5})
	if err != nil || report.LastRevision != 7 || report.Epoch != 5 {
		t.Fatalf("%+v %v", report, err)
	}
	l := ledgertest.OpenAt(t, ledgertest.Server(t, restored), ledger.Config{})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	state, _ := lane.Current()
	maps.DeleteFunc(zones, func(_ string, z ledgertest.Zone) bool { return z.Revision > 7 })
	if !maps.Equal(state.All(), zones) {
		t.Errorf("folded %v, before %v", state.All(), zones)
	}
	for name, r := range map[string]ledger.Restoration{
		"behind the end":       {Archive: dir, At: commits + 2},
		"an epoch of the past": {Archive: dir, Epoch: 1},
		"no archive":           {Archive: t.TempDir()},
	} {
		if _, _, err := restore(t, r); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
}

// A server that holds a ledger is not written over, nor one whose ledger is lost.
func TestRestoreRefusesTarget(t *testing.T) {
	data, dir, _, _ := archived(t)
	for _, lost := range []bool{false, true} {
		if lost {
			if err := os.RemoveAll(filepath.Join(data, "jetstream")); err != nil {
				t.Fatal(err)
			}
		}
		server := ledgertest.Server(t, data)
		_, err := ledger.Restore(t.Context(), ledger.Restoration{
			Archive: dir, JetStream: ledgertest.Deps(t, server).JetStream, MarkFile: ledgertest.Mark(data),
		})
		server.Close()
		if err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("lost=%v: %v", lost, err)
		}
	}
}

// Whatever was cut or left half done when an archiver ended, the next one goes on
// without a gap or a repetition: the archive becomes what it would have been.
func TestArchiverCrash(t *testing.T) {
	data, want, _, _ := archived(t)
	server := ledgertest.Server(t, data)
	l := ledgertest.OpenAt(t, server, ledger.Config{})
	ledgertest.Run(t, l)
	names, err := fs.Glob(os.DirFS(want), "*.segment")
	if err != nil || len(names) < 2 {
		t.Fatalf("segments: %v %v", names, err)
	}
	meta := fmt.Appendf(nil, "{\"format\":1,\"ledger_id\":%q,\"epoch\":1,\"revision\":0}", l.ID())
	crash := func(t *testing.T, files map[string][]byte) {
		t.Helper()
		dir := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, stop := archiving(t, l, dir)
		stop()
		if a.Archived() != commits+1 {
			t.Errorf("archived %d", a.Archived())
		}
		same(t, want, dir)
	}
	first, second := read(t, want, names[0]), read(t, want, names[1])
	step := 1 + len(second)/40 // each start waits for the server's answers
	if os.Getenv("CHAOS") != "" {
		step = 1
	}
	for n := 0; n <= len(second); n += step {
		crash(t, map[string][]byte{"archive.json": meta, names[0]: first, "open": second[:n]})
	}
	crash(t, map[string][]byte{"archive.json": meta, "open": first}) // with its footer, before its name
	crash(t, map[string][]byte{"archive.json": meta, names[0]: first, names[1]: second, "archive.json.new": []byte("{")})
	crash(t, map[string][]byte{"archive.json.new": []byte("{")})
	crash(t, nil)
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// same compares all files of two archives.
func same(t *testing.T, want, got string) {
	t.Helper()
	entries, err := os.ReadDir(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(got, e.Name()))
		if err != nil || !bytes.Equal(data, read(t, want, e.Name())) {
			t.Errorf("%s is not what it would have been: %v", e.Name(), err)
		}
	}
}

// Damage to an archive is named by the revisions that it costs and the file, and
// is never restored.
func TestArchiveDamage(t *testing.T) {
	_, dir, _, _ := archived(t) //nolint:dogsled // only the archive matters here
	names, err := fs.Glob(os.DirFS(dir), "*.segment")
	if err != nil || len(names) < 2 {
		t.Fatalf("segments: %v %v", names, err)
	}
	var second int64 // revision that the second segment begins with
	if _, err := fmt.Sscanf(names[1], "%d", &second); err != nil {
		t.Fatal(err)
	}
	const sealed = 3 // a revision in the first segment
	flip := func(name string, where func([]byte) int) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[where(data)] ^= 1
			return errors.Join(os.Remove(path), os.WriteFile(path, data, 0o600))
		}
	}
	for name, c := range map[string]struct {
		harm        func(dir string) error
		first, last int64 // 0: nothing is damaged
		names       string
		restores    bool
	}{
		"a flipped byte in a commit": {
			flip(names[0], func(b []byte) int { return bytes.Index(b, []byte(display(sealed))) + 50 }), sealed, sealed, names[0], false,
		},
		"a flipped byte in the length of a record": {
			flip(names[0], func(b []byte) int { return recordOf(b, sealed) }), sealed, sealed, names[0], false,
		},
		"a flipped byte in a header": {
			flip(names[0], func([]byte) int { return 25 }), 1, second - 1, "header", true,
		},
		"a flipped byte in a digest": {
			flip(names[0], func(b []byte) int { return len(b) - 1 }), 1, second - 1, "digest", true,
		},
		"a missing segment": {
			func(dir string) error { return os.Remove(filepath.Join(dir, names[0])) }, 1, second - 1, names[0] + " is missing", false,
		},
		"the last files missing": {
			func(dir string) error {
				return errors.Join(os.Remove(filepath.Join(dir, names[1])), os.RemoveAll(filepath.Join(dir, "open")))
			}, second, commits + 1, "cut", false,
		},
		"a torn tail that was never synced": {
			func(dir string) error {
				file, err := os.OpenFile(filepath.Join(dir, "open"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
				if err != nil {
					return err
				}
				_, err = file.WriteString("half a record")
				return errors.Join(err, file.Close())
			}, 0, 0, "", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			hurt := t.TempDir()
			if err := os.CopyFS(hurt, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(hurt); err != nil {
				t.Fatal(err)
			}
			report, err := ledger.VerifyArchive(hurt)
			if err != nil {
				t.Fatal(err)
			}
			if c.first == 0 {
				if !report.Sound() || report.Torn == 0 {
					t.Errorf("%+v", report)
				}
			} else if d := report.Damage; len(d) == 0 || d[0].First != c.first || d[0].Last != c.last || !strings.Contains(d[0].Cause, c.names) {
				t.Errorf("damage %+v, want %d to %d of %s", d, c.first, c.last, c.names)
			}
			if _, _, err := restore(t, ledger.Restoration{Archive: hurt}); (err == nil) != c.restores {
				t.Errorf("restore: %v", err)
			}
		})
	}
}

// recordOf finds the record of a revision in a segment.
func recordOf(b []byte, revision int64) int {
	at := bytes.Index(b, []byte(display(int(revision))))
	return bytes.LastIndex(b[:at], []byte("ledger.v1.zone")) - 18 + 3 // the last byte of its length
}

// An archive of a stopped store holds what the archive of a running one holds;
// a damaged store is archived up to the damage.
func TestArchiveStored(t *testing.T) {
	data, want, _, _ := archived(t)
	dir := t.TempDir()
	stored := func() (int64, error) {
		s, err := local.OpenStore(data, ledger.Stream)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		return ledger.ArchiveStored(ledger.Stored{Metadata: s.Metadata(), Read: func(yield func(int64, string, []byte) bool) error {
			for m, err := range s.Messages() {
				if err != nil || !yield(m.Sequence, m.Subject, m.Data) {
					return err
				}
			}
			return nil
		}}, ledger.ArchiveConfig{Dir: dir, SegmentBytes: segmentBytes}, slog.New(slog.DiscardHandler))
	}
	for range 2 { // the second has nothing to add
		if n, err := stored(); err != nil || n != commits+1 {
			t.Fatalf("archived %d: %v", n, err)
		}
	}
	running, err := ledger.VerifyArchive(want)
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := ledger.VerifyArchive(dir)
	if err != nil || !stopped.Sound() || stopped.Digest != running.Digest {
		t.Errorf("%+v, running %+v: %v", stopped, running, err)
	}
	if err := flip(data, 7); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	n, err := stored()
	if d, ok := errors.AsType[*ledger.DamageError](err); n != 6 || !ok || d.First != 7 {
		t.Errorf("of a damaged store %d were archived: %v", n, err)
	}
}

// One archive has one writer, and what was acknowledged a moment ago is in it.
func TestArchiveFollows(t *testing.T) {
	l := ledgertest.Open(t)
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	dir := t.TempDir()
	a, stop := archiving(t, l, dir)
	if _, err := ledger.OpenArchive(t.Context(), l, ledger.ArchiveConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "one writer") {
		t.Errorf("a second archiver: %v", err)
	}
	receipt := commit(t, lane, ledgertest.Put("", "a", "zones/a"))
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(time.Millisecond); a.Archived() < receipt.Revision; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("archived %d of %d", a.Archived(), receipt.Revision)
		}
	}
	stop()
	// Another ledger is refused.
	other := ledgertest.Open(t)
	if _, err := ledger.OpenArchive(t.Context(), other, ledger.ArchiveConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("an archive of another ledger: %v", err)
	}
}
