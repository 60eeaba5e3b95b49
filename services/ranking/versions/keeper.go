package versions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/fault"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	// CacheBytes is how many bytes of versions this process holds, 128 MiB by default.
	CacheBytes int64 `env:"CACHE_BYTES" help:"how many bytes of versions this process holds; 134217728 by default"`
}

const (
	defaultCache = 128 << 20
	// interval is the least time between two versions of a ranking: ten a second.
	interval = 100 * time.Millisecond
	// share bounds what one ranking may take of a processor: a quarter.
	share = 4
	// retry is how long to wait after a failure of what is beneath.
	retry = time.Second
)

// Ledger is what a keeper needs of the ledger; *ledger.Ledger is one, and
// documents the methods.
type Ledger interface {
	ID() string
	Epoch() int64
	Applied() int64
	CaughtUp() <-chan struct{}
	TimeAt(revision int64) time.Time
	Token(revision int64) string
	Tail(ctx context.Context, after int64, fn func(commit *ledgerv1.Commit, revision int64) error) error
	Err() error
}

// Deps are what a keeper stands on.
type Deps struct {
	Source Source
	Ledger Ledger
	// Redis shares versions with other processes. Nil: they are not shared.
	Redis redis.UniversalClient
	// JetStream carries RankingUpdated. Nil: nobody is told.
	JetStream jetstream.JetStream
	Replicas  int // of the stream of events, if it is not there yet; 0 means 1
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: metrics are not exported
}

// A Keeper keeps the newest version of every ranking, tells who watches, shares
// it, and finds any version that is asked for.
type Keeper struct {
	deps    Deps
	cache   *cache
	flights *flights
	shelf   *shelf // nil without Redis
	meter   *meter
	slots   chan struct{} // one for each computation at the same time

	rankings *schedule // to be looked at
	herald   *herald

	mu     sync.Mutex
	topics map[string]*topic
}

// A topic is what is known of the newest versions of a ranking.
type topic struct {
	newest  News
	changed chan struct{}            // closed and replaced when newest changes
	heads   []*rankingv1.VersionHead // newest first, at most Kept
	deltas  map[deltaKey]*Delta      // to the newest version
}

// News is the newest version of a ranking that a keeper has made.
type News struct {
	Version int64 // 0: none yet
	// Revision up to which it was the newest one when it was made.
	Revision int64
}

// New checks what it is given and starts nothing.
func New(config Config, deps Deps) (*Keeper, error) {
	if deps.Source == nil || deps.Ledger == nil || deps.Log == nil {
		return nil, errors.New("rankings: a keeper needs a source, the ledger and a log")
	}
	if config.CacheBytes < 0 {
		return nil, fmt.Errorf("rankings: %d bytes of versions cannot be held: leave CACHE_BYTES out, or set it above 0", config.CacheBytes)
	}
	k := &Keeper{
		deps:     deps,
		cache:    newCache(cmp.Or(config.CacheBytes, defaultCache)),
		flights:  newFlights(),
		slots:    make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		rankings: newSchedule(),
		topics:   make(map[string]*topic),
	}
	var err error
	if k.meter, err = newMeter(deps.Metrics, k); err != nil {
		return nil, err
	}
	if deps.Redis != nil {
		k.shelf = newShelf(deps.Redis, deps.Ledger, deps.Log, k.meter)
	}
	k.herald = newHerald(k)
	return k, nil
}

// At gives a ranking as it was after a revision, which must be applied; 0 means
// the newest one. It is never older than that, whatever the state of Redis.
func (k *Keeper) At(ctx context.Context, name string, revision int64) (*Version, error) {
	if revision == 0 {
		revision = k.deps.Ledger.Applied()
	}
	version, err := k.deps.Source.VersionAt(name, revision)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, fault.NotFound(name)
	}
	return k.obtain(ctx, name, version)
}

// Held gives a version if it is in memory or in Redis, else nil.
func (k *Keeper) Held(ctx context.Context, name string, version int64) *Version {
	if at, err := k.deps.Source.VersionAt(name, version); err != nil || at != version || version == 0 {
		return nil // it is no version of this ledger
	}
	one := key{name, version}
	if v := k.cache.get(one); v != nil {
		return v
	}
	if k.shelf == nil {
		return nil
	}
	v := k.shelf.load(ctx, name, version)
	if v != nil {
		k.cache.put(v)
	}
	return v
}

// Newest is the newest version that is ready, and a channel that is closed when
// there is a newer one.
func (k *Keeper) Newest(name string) (News, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.topic(name)
	return t.newest, t.changed
}

// Kept are the heads of the newest versions that were made, newest first, at
// most 64. They are shared: never modify them.
func (k *Keeper) Kept(name string) []*rankingv1.VersionHead {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.topic(name).heads)
}

// Run keeps the rankings until ctx ends or the ledger halts. It returns when all
// that it started has ended.
func (k *Keeper) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-k.deps.Ledger.CaughtUp():
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	after := k.deps.Ledger.Applied()
	if k.shelf != nil {
		k.shelf.check(ctx) // so that what is there can be used from the beginning
		group.Go(func() { k.shelf.tend(ctx, k.putAnew) })
	}
	for _, name := range k.deps.Source.Rankings() {
		k.rankings.mark(name, max(after, 1))
	}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		group.Go(func() { k.work(ctx) })
	}
	group.Go(func() { k.herald.run(ctx) })
	return k.follow(ctx, after)
}

// follow marks what commits touch.
func (k *Keeper) follow(ctx context.Context, after int64) error {
	for {
		err := k.deps.Ledger.Tail(ctx, after, func(commit *ledgerv1.Commit, revision int64) error {
			names, err := k.deps.Source.Touched(commit, revision)
			if err != nil {
				return err
			}
			for _, name := range names {
				k.rankings.mark(name, revision)
			}
			after = revision
			return nil
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end that was asked for
		}
		if halt := k.deps.Ledger.Err(); halt != nil {
			return halt
		}
		k.deps.Log.WarnContext(ctx, "rankings are late: what commits touch cannot be read, trying again", "error", err)
		if !pause(ctx, retry) {
			return nil
		}
	}
}

// work makes the versions of rankings that are due.
func (k *Keeper) work(ctx context.Context) {
	for {
		name, err := k.rankings.next(ctx)
		if err != nil {
			return
		}
		turn := prometheus.NewTimer(nil)
		rest := interval
		if err := k.refresh(ctx, name); err != nil && ctx.Err() == nil {
			k.deps.Log.ErrorContext(ctx, "a version of a ranking cannot be made, trying again", "ranking", name, "error", err)
			k.rankings.mark(name, max(k.deps.Ledger.Applied(), 1))
			rest = retry
		}
		took := turn.ObserveDuration()
		k.rankings.done(name, max(rest-took, (share-1)*took))
	}
}

// refresh makes the newest version of a ranking, if there is a newer one than
// the newest that is ready.
func (k *Keeper) refresh(ctx context.Context, name string) error {
	revision := k.deps.Ledger.Applied()
	version, err := k.deps.Source.VersionAt(name, revision)
	if err != nil || version == 0 {
		return err
	}
	news, _ := k.Newest(name)
	if news.Version >= version {
		return nil
	}
	if news.Version == 0 {
		k.recall(ctx, name, revision)
		if k.herald.known(ctx, name, version) {
			// After a start most rankings are as everybody knows them: their rows are
			// computed when somebody asks.
			k.tell(name, News{Version: version, Revision: revision})
			return nil
		}
	}
	v, err := k.obtain(ctx, name, version)
	if err != nil {
		return err
	}
	k.tell(name, News{Version: version, Revision: revision}, v.Head)
	k.herald.proclaim(name, version, news.Version == 0)
	return nil
}

// recall learns which versions were kept before this process began.
func (k *Keeper) recall(ctx context.Context, name string, revision int64) {
	if k.shelf == nil {
		return
	}
	heads := slices.DeleteFunc(k.shelf.heads(ctx, name), func(head *rankingv1.VersionHead) bool {
		if head.GetVersion() > revision {
			return true // this process is not there yet
		}
		at, err := k.deps.Source.VersionAt(name, head.GetVersion())
		return err != nil || at != head.GetVersion()
	})
	k.tell(name, News{}, heads...)
}

// tell makes a version the newest one and wakes who waits for it.
func (k *Keeper) tell(name string, news News, heads ...*rankingv1.VersionHead) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.topic(name)
	t.heads = merge(t.heads, heads)
	if news.Version <= t.newest.Version {
		return
	}
	t.newest = news
	t.deltas = nil
	close(t.changed)
	t.changed = make(chan struct{})
}

// merge gives the newest of two lists of heads.
func merge(a, b []*rankingv1.VersionHead) []*rankingv1.VersionHead {
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, newestFirst)
	all = slices.CompactFunc(all, func(a, b *rankingv1.VersionHead) bool { return a.GetVersion() == b.GetVersion() })
	return all[:min(len(all), Kept)]
}

func newestFirst(a, b *rankingv1.VersionHead) int { return cmp.Compare(b.GetVersion(), a.GetVersion()) }

// topic finds or makes the topic of a ranking. The caller holds mu.
func (k *Keeper) topic(name string) *topic {
	t := k.topics[name]
	if t == nil {
		t = &topic{changed: make(chan struct{})}
		k.topics[name] = t
	}
	return t
}

// putAnew shares once more what this process has of the newest versions.
func (k *Keeper) putAnew() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, t := range k.topics {
		if k.cache.get(key{name, t.newest.Version}) != nil {
			k.herald.proclaim(name, t.newest.Version, true)
		}
	}
}

// obtain finds a version: in memory, in Redis, or by computing it.
func (k *Keeper) obtain(ctx context.Context, name string, version int64) (*Version, error) {
	one := key{name, version}
	if v := k.cache.get(one); v != nil {
		k.meter.lookups.WithLabelValues("memory").Inc()
		return v, nil
	}
	return k.flights.do(ctx, one, func(ctx context.Context) (*Version, error) {
		if v := k.cache.get(one); v != nil { // another flight has just ended
			return v, nil
		}
		if k.shelf != nil {
			if v := k.shelf.load(ctx, name, version); v != nil {
				k.meter.lookups.WithLabelValues("redis").Inc()
				k.cache.put(v)
				return v, nil
			}
		}
		v, err := k.compute(ctx, name, version)
		if err != nil {
			return nil, err
		}
		k.meter.lookups.WithLabelValues("computed").Inc()
		k.cache.put(v)
		return v, nil
	})
}

func (k *Keeper) compute(ctx context.Context, name string, version int64) (*Version, error) {
	select {
	case k.slots <- struct{}{}:
		defer func() { <-k.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	timer := prometheus.NewTimer(k.meter.recompute)
	v, err := k.deps.Source.Compute(ctx, name, version)
	if err != nil {
		return nil, err
	}
	timer.ObserveDuration()
	if v.Head.GetRanking() != name || v.Head.GetVersion() != version {
		return nil, fmt.Errorf("asked for %s at %d, computed %s at %d", name, version, v.Head.GetRanking(), v.Head.GetVersion())
	}
	return v, nil
}

// behind is how many applied revisions are not in the newest versions yet.
func (k *Keeper) behind() int64 {
	if oldest := k.rankings.oldest(); oldest != 0 {
		return max(0, k.deps.Ledger.Applied()-oldest+1)
	}
	return 0
}

// kept is how many versions are kept, of all rankings.
func (k *Keeper) kept() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, t := range k.topics {
		n += len(t.heads)
	}
	return n
}

// pause waits, and reports false when the context ended before.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
