package versions_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/services/ranking/versions"
	"zonebench.internal/services/ranking/versions/versionstest"
)

const name = "rankings/a"

func newLedger() *versionstest.Ledger {
	return versionstest.New("ledger-1", 1, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
}

// process is a keeper with the ledger that it sees and what it tells an operator.
type process struct {
	*versions.Keeper
	*versionstest.Ledger
	metrics *prometheus.Registry
	log     *strings.Builder
	logging *sync.Mutex
	ctx     context.Context
	stop    func()
}

// Write takes a line of the log.
func (p *process) Write(line []byte) (int, error) {
	p.logging.Lock()
	defer p.logging.Unlock()
	return p.log.Write(line)
}

func (p *process) said() string {
	p.logging.Lock()
	defer p.logging.Unlock()
	return p.log.String()
}

// start makes a keeper and runs it until the test ends or stop is called.
func start(t *testing.T, l *versionstest.Ledger, deps versions.Deps) *process {
	t.Helper()
	p := prepare(t, l, deps)
	p.run(t)
	return p
}

func prepare(t *testing.T, l *versionstest.Ledger, deps versions.Deps) *process {
	t.Helper()
	p := &process{Ledger: l, metrics: prometheus.NewRegistry(), log: &strings.Builder{}, logging: &sync.Mutex{}}
	deps.Source, deps.Ledger, deps.Metrics = l, l, p.metrics
	deps.Log = slog.New(slog.NewTextHandler(p, nil))
	k, err := versions.New(versions.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	p.Keeper = k
	return p
}

func (p *process) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.ctx = ctx
	ended := make(chan error, 1)
	go func() { ended <- p.Keeper.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the keeper ended: %v", err)
		}
	})
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("a process said:\n%s", p.said())
		}
	})
}

// waitFor waits until a version is the newest one that is ready.
func (p *process) waitFor(t *testing.T, name string, version int64) {
	t.Helper()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	for {
		news, changed := p.Newest(name)
		if news.Version >= version {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("%s is at %d, not at %d", name, news.Version, version)
		}
	}
}

// metric reads a counter or a gauge by its name and the values of its labels.
func (p *process) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := p.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "zonebench_ranking_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if fmt.Sprint(have) == fmt.Sprint(labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// equal compares an answer with what the ledger says.
func equal(t *testing.T, l *versionstest.Ledger, got *versions.Version, revision int64) {
	t.Helper()
	want := l.Want(t, got.Head.GetRanking(), revision)
	if got.Head.GetVersion() != want.Head.GetVersion() || got.Digest() != want.Digest() || got.Head.GetDigest() != want.Digest() {
		t.Errorf("%s at %d is version %d %s, want %d %s", got.Head.GetRanking(), revision,
			got.Head.GetVersion(), got.Digest(), want.Head.GetVersion(), want.Digest())
	}
}

func source(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64() //nolint:forbidigo // the seed is printed
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestARankingHasTenVersionsASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		l.Fill(name, 10)
		p := start(t, l, versions.Deps{})
		p.waitFor(t, name, 1)
		began := l.Computed(name)
		for i := range 1000 {
			l.Commit(name, map[string]int{versionstest.Zone(i % 10): i})
			<-time.After(10 * time.Millisecond)
		}
		if made := l.Computed(name) - began; made < 90 || made > 101 {
			t.Errorf("%d versions were made in 10 s", made)
		}
		<-time.After(200 * time.Millisecond)
		if news, _ := p.Newest(name); news.Version != 1001 {
			t.Errorf("the newest version is %d, the last commit 1001", news.Version)
		}
		if behind := p.metric(t, "behind_revisions"); behind != 0 {
			t.Errorf("%v revisions behind, with nothing left to do", behind)
		}
		p.stop()
	})
}

// The first commit after a rest does not wait.
func TestAQuietRankingIsMadeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		l.Fill(name, 10)
		p := start(t, l, versions.Deps{})
		p.waitFor(t, name, 1)
		<-time.After(time.Second)
		before := time.Now()
		p.waitFor(t, name, l.Fill(name, 3))
		if waited := time.Since(before); waited > 0 {
			t.Errorf("it took %v", waited)
		}
		p.stop()
	})
}

// 500 rankings, each of which takes 5 ms to compute: one that is touched all the
// time takes nothing from the others, and all of them come round.
func TestNoRankingStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		all := make(map[string]map[string]int)
		for i := range 500 {
			all[fmt.Sprintf("rankings/r%03d", i)] = map[string]int{"zones/a": 1, "zones/b": 2}
		}
		l.CommitAll(all)
		l.Gate = func(ctx context.Context, _ string, _ int64) error {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		}
		p := start(t, l, versions.Deps{})
		last := l.Applied()
		for i := range 30_000 { // 30 s
			switch {
			case i%1000 == 0:
				last = l.CommitAll(all)
			default:
				l.Commit("rankings/r000", map[string]int{"zones/a": i})
			}
			<-time.After(time.Millisecond)
		}
		<-time.After(5 * time.Second)
		least := 1 << 30
		for name := range all {
			if name == "rankings/r000" {
				continue
			}
			if news, _ := p.Newest(name); news.Version != last {
				t.Fatalf("%s is at %d, its last commit is %d", name, news.Version, last)
			}
			least = min(least, l.Computed(name))
		}
		// A round takes 500 x 5 ms on one worker: there is time for at least ten.
		if hot := l.Computed("rankings/r000"); least < 9 || hot > 360 || hot < 10 {
			t.Errorf("the others were made %d times at least, the one that is always touched %d times", least, hot)
		}
		p.stop()
	})
}

func TestOfAHundredReadersOneComputes(t *testing.T) {
	l := newLedger()
	l.Fill(name, 20)
	begun, release := make(chan struct{}), make(chan struct{})
	var cancelled atomic.Bool
	l.Gate = func(ctx context.Context, _ string, _ int64) error {
		close(begun)
		select {
		case <-release:
		case <-ctx.Done():
			cancelled.Store(true)
		}
		return ctx.Err()
	}
	p := prepare(t, l, versions.Deps{})
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := p.At(ctx, name, 1)
		first <- err
	}()
	<-begun
	var readers sync.WaitGroup
	var joined sync.WaitGroup
	joined.Add(99)
	for range 99 {
		readers.Go(func() {
			joined.Done()
			v, err := p.At(t.Context(), name, 0)
			if err != nil {
				t.Error(err)
				return
			}
			equal(t, l, v, 1)
		})
	}
	joined.Wait()
	eventually(t, "a reader beside the first one", func() bool { return versions.Waiting(p.Keeper, name, 1) == 100 })
	leave() // who began it goes away, the others get their answer
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	close(release)
	readers.Wait()
	if n := l.Computed(name); n != 1 || cancelled.Load() {
		t.Errorf("computed %d times, cancelled: %v", n, cancelled.Load())
	}
}

func TestNobodyWaitingEndsTheComputation(t *testing.T) {
	l := newLedger()
	l.Fill(name, 20)
	begun, ended := make(chan struct{}), make(chan struct{})
	l.Gate = func(ctx context.Context, _ string, _ int64) error {
		close(begun)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	}
	p := prepare(t, l, versions.Deps{})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-begun
		leave()
	}()
	if _, err := p.At(ctx, name, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	<-ended
	l.Gate = nil
	v, err := p.At(t.Context(), name, 1) // and the next one begins anew
	if err != nil {
		t.Fatal(err)
	}
	equal(t, l, v, 1)
}

func TestAnyOldVersionIsFound(t *testing.T) {
	r := source(t)
	l := newLedger()
	l.Fill(name, 30)
	for range 300 {
		l.Random(r, name, 30)
		l.Random(r, "rankings/b", 30)
	}
	p := start(t, l, versions.Deps{})
	p.waitFor(t, name, l.Applied()-1)
	for range 200 {
		revision := 1 + r.Int64N(l.Applied())
		v, err := p.At(t.Context(), name, revision)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, l, v, revision)
	}
	if _, err := p.At(t.Context(), "rankings/none", 0); status.Code(err) != codes.NotFound {
		t.Errorf("a ranking that is not there: %v", err)
	}
	if _, err := p.At(t.Context(), "rankings/b", 1); status.Code(err) != codes.NotFound {
		t.Errorf("a ranking before it was made: %v", err)
	}
}

func TestTheNewest64HeadsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		l.Fill(name, 10)
		p := start(t, l, versions.Deps{})
		for i := range 100 {
			p.waitFor(t, name, l.Commit(name, map[string]int{"zones/z001": 100 + i}))
		}
		kept := p.Kept(name)
		if len(kept) != versions.Kept || p.metric(t, "versions_kept") != versions.Kept {
			t.Fatalf("%d heads are kept", len(kept))
		}
		for i, head := range kept {
			if head.GetVersion() != l.Applied()-int64(i) {
				t.Errorf("head %d is of version %d", i, head.GetVersion())
			}
		}
		p.stop()
	})
}

func TestAKeeperNeedsItsParts(t *testing.T) {
	if _, err := versions.New(versions.Config{}, versions.Deps{}); err == nil {
		t.Error("made of nothing")
	}
	l := newLedger()
	if _, err := versions.New(versions.Config{CacheBytes: -1}, versions.Deps{Source: l, Ledger: l, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a cache of less than nothing")
	}
}
