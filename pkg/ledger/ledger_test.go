package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

type (
	zones   = ledgertest.Zones
	command = ledger.Command[*zones]
)

// start gives a running ledger and its folded zone lane.
func start(t testing.TB) (*ledger.Ledger, *ledger.Lane[*zones]) {
	t.Helper()
	l := ledgertest.Open(t)
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	return l, lane
}

func commit(t testing.TB, lane *ledger.Lane[*zones], c command) ledger.Receipt {
	t.Helper()
	receipt, err := lane.Commit(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func wantReason(t testing.TB, err error, reason typev1.ErrorReason) {
	t.Helper()
	if fault.ReasonOf(err) != reason {
		t.Errorf("error = %v, want %v", err, reason)
	}
}

func TestCommitIsReadBack(t *testing.T) {
	l, lane := start(t)
	receipt := commit(t, lane, ledgertest.Put("r1", "Jinhua", "zones/jinhua"))
	if receipt.Revision != 1 || receipt.Duplicate {
		t.Errorf("receipt = %+v", receipt)
	}
	state, at := lane.Current()
	if zone, ok := state.Get("zones/jinhua"); !ok || zone.Display != "Jinhua" || zone.Revision != 1 {
		t.Errorf("zone = %+v, %v", zone, ok)
	}
	if at.Revision != 1 || at.LaneSequence != 1 || l.Applied() != 1 || !at.CommitTime.Equal(receipt.CommitTime) {
		t.Errorf("position = %+v, applied = %d, receipt = %+v", at, l.Applied(), receipt)
	}
	if last, err := l.Last(t.Context()); err != nil || last != 1 {
		t.Errorf("last = %d, %v", last, err)
	}
}

func TestReopenFoldsTheSame(t *testing.T) {
	dir := t.TempDir()
	server := ledgertest.Server(t, dir)
	config := ledger.Config{MarkFile: ledgertest.Mark(dir)}
	l := ledgertest.OpenAt(t, server, config)
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	stop := ledgertest.Run(t, l)
	for i := range 10 {
		commit(t, lane, ledgertest.Put(fmt.Sprint("r", i), fmt.Sprint(i), fmt.Sprint("zones/z", i%3)))
	}
	before, at := lane.Current()
	stop()
	server.Close()

	again := ledgertest.OpenAt(t, ledgertest.Server(t, dir), config)
	lane2 := ledger.Fold(again, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, again)
	after, at2 := lane2.Current()
	if fmt.Sprint(before.All()) != fmt.Sprint(after.All()) || at != at2 || again.ID() != l.ID() {
		t.Errorf("before %v at %+v, after %v at %+v", before.All(), at, after.All(), at2)
	}
	// A retry is known after a restart too.
	receipt := commit(t, lane2, ledgertest.Put("r9", "9", "zones/z0"))
	if !receipt.Duplicate || receipt.Revision != 10 || len(receipt.Names) != 1 || receipt.Names[0] != "zones/z0" {
		t.Errorf("receipt = %+v", receipt)
	}
}

func TestRetry(t *testing.T) {
	_, lane := start(t)
	first := commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
	again := commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
	if !again.Duplicate || again.Revision != first.Revision || !again.CommitTime.Equal(first.CommitTime) || again.Names[0] != "zones/a" {
		t.Errorf("first %+v, again %+v", first, again)
	}
	_, err := lane.Commit(t.Context(), ledgertest.Put("r1", "b", "zones/a"))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED)
	other := ledgertest.Put("r1", "b", "zones/b")
	other.Actor = "somebody else"
	if r := commit(t, lane, other); r.Duplicate {
		t.Error("a request id of one actor was taken for another's")
	}
	if lane.Remembered() != 2 {
		t.Errorf("%d request ids are remembered, want 2", lane.Remembered())
	}
}

func TestRetryIsForgottenAfterAWeek(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	deps := ledgertest.Deps(t, server)
	var clock atomic.Pointer[time.Time]
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock.Store(&now)
	deps.Now = func() time.Time { return *clock.Load() }
	l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	commit(t, lane, ledgertest.Put("r1", "a", "zones/a"))
	week := now.Add(7 * 24 * time.Hour)
	clock.Store(&week)
	if r := commit(t, lane, ledgertest.Put("r1", "a", "zones/a")); !r.Duplicate {
		t.Error("forgotten on the seventh day")
	}
	later := week.Add(time.Second)
	clock.Store(&later)
	if r := commit(t, lane, ledgertest.Put("r1", "a", "zones/a")); r.Duplicate || r.Revision != 2 {
		t.Errorf("remembered after a week: %+v", r)
	}
	if lane.Remembered() != 1 {
		t.Errorf("%d request ids are remembered, want 1", lane.Remembered())
	}
	// The clock jumps back: commit times do not.
	clock.Store(&now)
	if r := commit(t, lane, ledgertest.Put("r2", "b", "zones/a")); !r.CommitTime.Equal(later) || r.Revision != 3 {
		t.Errorf("after the clock jumped back: %+v, want commit time %v", r, later)
	}
}

func TestNothingToWrite(t *testing.T) {
	l, lane := start(t)
	commit(t, lane, ledgertest.Put("", "a", "zones/a"))
	receipt := commit(t, lane, command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) { return ledger.Proposal{}, nil }})
	if receipt.Revision != 1 || l.Applied() != 1 {
		t.Errorf("receipt = %+v, applied = %d", receipt, l.Applied())
	}
	dry := ledgertest.Put("r", "b", "zones/a")
	dry.ValidateOnly = true
	if receipt := commit(t, lane, dry); receipt.Revision != 1 || l.Applied() != 1 {
		t.Errorf("receipt = %+v, applied = %d", receipt, l.Applied())
	}
}

func TestRefusals(t *testing.T) {
	l, lane := start(t)
	refusal := errors.New("no")
	_, err := lane.Commit(t.Context(), command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) { return ledger.Proposal{}, refusal }})
	if !errors.Is(err, refusal) {
		t.Errorf("error = %v", err)
	}
	_, err = lane.Commit(t.Context(), ledgertest.Put("", strings.Repeat("x", ledger.MaxCommitBytes), "zones/a"))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_TOO_LARGE)
	_, err = lane.Commit(t.Context(), command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) { panic("bug") }})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_BUG)
	_, err = lane.Commit(t.Context(), command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) {
		return ledger.Proposal{Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_GroupDeleted{}}}}, nil
	}})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_BUG)
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err = lane.Commit(expired, ledgertest.Put("", "a", "zones/a"))
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error = %v", err)
	}
	if l.Applied() != 0 {
		t.Errorf("applied = %d: something was written", l.Applied())
	}
}

// A call whose deadline ends in the queue leaves it, while the committer is busy.
func TestDeadlineInTheQueue(t *testing.T) {
	l, lane := start(t)
	busy, release := make(chan struct{}), make(chan struct{})
	var calls sync.WaitGroup
	calls.Go(func() {
		_, err := lane.Commit(t.Context(), command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) {
			close(busy)
			<-release
			return ledger.Proposal{}, nil
		}})
		if err != nil {
			t.Error(err)
		}
	})
	<-busy
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := lane.Commit(ctx, ledgertest.Put("", "a", "zones/a"))
	if status.Code(err) != codes.DeadlineExceeded || fault.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN {
		t.Errorf("error = %v", err)
	}
	close(release)
	calls.Wait()
	commit(t, lane, ledgertest.Put("", "b", "zones/b"))
	state, _ := lane.Current()
	if _, ok := state.Get("zones/a"); ok || l.Applied() != 1 {
		t.Error("what left the queue was written")
	}
}

// together holds the committer until n commands wait, so that they meet in one batch.
func together(t *testing.T, lane *ledger.Lane[*zones], n int, send func(i int)) {
	t.Helper()
	busy, release := make(chan struct{}), make(chan struct{})
	var first, rest sync.WaitGroup
	first.Go(func() {
		_, _ = lane.Commit(t.Context(), command{Decide: func(*zones, ledger.Position) (ledger.Proposal, error) {
			close(busy)
			<-release
			return ledger.Proposal{}, nil
		}})
	})
	<-busy
	for i := range n {
		rest.Go(func() { send(i) })
	}
	for lane.Queued() < n {
		time.Sleep(time.Millisecond) //nolint:forbidigo // polls; nothing tells when a queue is filled
	}
	close(release)
	first.Wait()
	rest.Wait()
}

func TestOneOfManyWins(t *testing.T) {
	l, lane := start(t)
	commit(t, lane, ledgertest.Put("", "old", "zones/a"))
	var won, changed atomic.Int32
	together(t, lane, 64, func(i int) {
		_, err := lane.Commit(t.Context(), ledgertest.Update("zones/a", fmt.Sprint(i), 1))
		switch {
		case err == nil:
			won.Add(1)
		case errors.Is(err, ledgertest.ErrChanged):
			changed.Add(1)
		default:
			t.Error(err)
		}
	})
	if won.Load() != 1 || changed.Load() != 63 || l.Applied() != 2 {
		t.Errorf("%d won, %d were refused, revision %d", won.Load(), changed.Load(), l.Applied())
	}
}

func TestBatch(t *testing.T) {
	l, lane := start(t)
	receipts := make([]ledger.Receipt, 300)
	together(t, lane, len(receipts), func(i int) {
		c := ledgertest.Put(fmt.Sprint("r", i/2), "same", fmt.Sprint("zones/z", i/2)) // each request twice
		r, err := lane.Commit(t.Context(), c)
		if err != nil {
			t.Error(err)
		}
		receipts[i] = r
	})
	for i := 0; i < len(receipts); i += 2 {
		a, b := receipts[i], receipts[i+1]
		if a.Revision != b.Revision || a.Duplicate == b.Duplicate || a.Names[0] != b.Names[0] {
			t.Errorf("request %d: %+v and %+v", i/2, a, b)
		}
	}
	state, _ := lane.Current()
	if l.Applied() != 2 || state.Len() != 150 {
		t.Errorf("%d commits, %d zones", l.Applied(), state.Len())
	}
}

// What does not fit into a commit goes into the next one.
func TestBatchIsCutBySize(t *testing.T) {
	l, lane := start(t)
	together(t, lane, 10, func(i int) {
		if _, err := lane.Commit(t.Context(), ledgertest.Put("", strings.Repeat("x", 300<<10), fmt.Sprint("zones/z", i))); err != nil {
			t.Error(err)
		}
	})
	state, _ := lane.Current()
	if state.Len() != 10 || l.Applied() != 4 {
		t.Errorf("%d zones in %d commits", state.Len(), l.Applied())
	}
}

func TestDiskGuard(t *testing.T) {
	deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
	var free atomic.Int64
	free.Store(10)
	deps.FreeSpace = func() (float64, error) { return float64(free.Load()) / 100, nil }
	l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	commit(t, lane, ledgertest.Put("", "a", "zones/a"))
	free.Store(9)
	_, err = lane.Commit(t.Context(), ledgertest.Put("", "b", "zones/a"))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_LEDGER_DISK_FULL)
	if state, _ := lane.Current(); state.All()["zones/a"].Display != "a" {
		t.Error("reads do not go on")
	}
	free.Store(50)
	commit(t, lane, ledgertest.Put("", "c", "zones/a"))
}

func TestOpenRefuses(t *testing.T) {
	t.Run("no proof of sync", func(t *testing.T) {
		deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
		deps.Durability = nil
		if _, err := ledger.Open(t.Context(), ledger.Config{}, deps); err == nil {
			t.Error("opened")
		}
	})
	t.Run("a server that does not sync", func(t *testing.T) {
		server, err := local.NATS(t.TempDir(), local.Options{LazySync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		_, err = ledger.Open(t.Context(), ledger.Config{}, ledgertest.Deps(t, server))
		if err == nil || !strings.Contains(err.Error(), "sync") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("other settings", func(t *testing.T) {
		deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
		config := ledger.StreamConfig(1, "id", 1)
		config.DenyPurge = false
		if _, err := deps.JetStream.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		_, err := ledger.Open(t.Context(), ledger.Config{}, deps)
		if err == nil || !strings.Contains(err.Error(), "deny purge = false") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("a stream that is gone", func(t *testing.T) {
		dir := t.TempDir()
		server := ledgertest.Server(t, dir)
		config := ledger.Config{MarkFile: ledgertest.Mark(dir)}
		l := ledgertest.OpenAt(t, server, config)
		deps := ledgertest.Deps(t, server)
		if err := deps.JetStream.DeleteStream(t.Context(), "LEDGER"); err != nil {
			t.Fatal(err)
		}
		for _, config := range []ledger.Config{config, {LedgerID: l.ID()}} {
			_, err := ledger.Open(t.Context(), config, deps)
			if err == nil || !strings.Contains(err.Error(), l.ID()) {
				t.Errorf("error = %v", err)
			}
		}
		if _, err := deps.JetStream.Stream(t.Context(), "LEDGER"); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("the stream was made anew: %v", err)
		}
	})
	t.Run("another ledger", func(t *testing.T) {
		server := ledgertest.Server(t, t.TempDir())
		ledgertest.OpenAt(t, server, ledger.Config{})
		if _, err := ledger.Open(t.Context(), ledger.Config{LedgerID: "other"}, ledgertest.Deps(t, server)); err == nil {
			t.Error("opened")
		}
		mark := filepath.Join(t.TempDir(), "mark")
		ledgertest.OpenAt(t, ledgertest.Server(t, t.TempDir()), ledger.Config{MarkFile: mark})
		if _, err := ledger.Open(t.Context(), ledger.Config{MarkFile: mark}, ledgertest.Deps(t, server)); err == nil {
			t.Error("opened over the mark of another ledger")
		}
	})
}

func TestStopAnswersEverybody(t *testing.T) {
	l := ledgertest.Open(t)
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	stop := ledgertest.Run(t, l)
	stop()
	_, err := lane.Commit(t.Context(), ledgertest.Put("", "a", "zones/a"))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE)
	if err := l.WaitFor(t.Context(), 1); err == nil {
		t.Error("waited for a revision that cannot come")
	}
	if err := l.Run(t.Context()); err == nil {
		t.Error("ran twice")
	}
}

func TestTokens(t *testing.T) {
	l := ledgertest.Open(t)
	for _, revision := range []int64{0, 1, 127, 128, 1 << 40} {
		token := l.Token(revision)
		if got, err := l.Revision(token); err != nil || got != revision {
			t.Errorf("Revision(Token(%d)) = %d, %v", revision, got, err)
		}
		for i := range token {
			c := byte('A')
			if token[i] == c {
				c = 'B'
			}
			if _, err := l.Revision(token[:i] + string(c) + token[i+1:]); err == nil {
				t.Errorf("token %s changed at %d was accepted", token, i)
			}
		}
	}
	_, err := l.Revision("zones")
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_MALFORMED_TOKEN)
	other := ledgertest.Open(t)
	_, err = l.Revision(other.Token(1))
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN)
}

func TestTail(t *testing.T) {
	l, lane := start(t)
	for i := range 5 {
		commit(t, lane, ledgertest.Put("", fmt.Sprint(i), "zones/a"))
	}
	done := errors.New("done")
	var got []int64
	err := l.Tail(t.Context(), 2, func(c *ledgerv1.Commit, revision int64) error {
		txs, err := ledger.Transactions(c)
		if err != nil || len(txs) != 1 {
			t.Errorf("revision %d: %v, %v", revision, txs, err)
		}
		if got = append(got, revision); len(got) == 4 {
			return done
		}
		if revision == 5 {
			go func() { _, _ = lane.Commit(context.Background(), ledgertest.Put("", "later", "zones/a")) }()
		}
		return nil
	})
	if !errors.Is(err, done) || fmt.Sprint(got) != "[3 4 5 6]" {
		t.Errorf("tail gave %v, %v", got, err)
	}
}

// Processes that start at once over a new server find one ledger.
func TestOpenTogether(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	ids := make(chan string, 8)
	start := make(chan struct{})
	for range cap(ids) {
		deps := ledgertest.Deps(t, server)
		go func() {
			<-start
			l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
			if err != nil {
				ids <- err.Error()
				return
			}
			ids <- l.ID()
		}()
	}
	close(start)
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("one opened %s, another %s", first, id)
		}
	}
}
