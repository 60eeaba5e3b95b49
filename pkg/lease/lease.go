// Package lease names, for each lane of the ledger, the one process that commits
// it, among the replicas of the service that owns the lane.
//
// # What it is for
//
// Replicas that commit a lane in competition slow each other down, and a large
// commit hardly ever gets in. So one of them holds the lane's lease and the
// others hand their writes to it (package forward). Nothing rests on the lease
// being right: a lane's expected sequence in the stream refuses whoever believes
// in a lease that another one has by now. A wrong lease costs time only.
//
// # How it works
//
// A lease is a key in a bucket of NATS. Its holder writes it anew, again and
// again, always on top of the revision that it wrote last, so of two writers one
// is refused. A process that has not seen a new revision for the lease's whole
// life takes it over, by the same rule. Nobody compares clocks: each process
// measures with its own how long a revision has been there since it saw it
// first. The holder stops to believe in its lease at three quarters of its life,
// counted from before its last renewal, so before anybody else may take it. Only
// while the bucket answers nobody, because its servers elect a leader, all go on
// with what they knew: the lanes may well have theirs.
//
// Two shortcuts make a change of holder quick. A process that stops gives its
// leases back, and the others see it at once. And who waits for a lease asks the
// holder now and then whether it is there: when NATS says twice that nobody
// listens for that process, it is gone, and its lease is taken without waiting.
package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Bucket is the name of the bucket with the leases of an installation.
const Bucket = "LEASES"

// Prefix begins the subjects on which a process says that it is there:
// lease.v1.LANE.HOLDER.
const Prefix = "lease.v1."

// absences is how many times in a row nobody must answer for a holder before it
// counts as gone: once may be a connection that is being made anew.
const absences = 2

// Config of the leases. The zero value is good.
type Config struct {
	// TTL is how long a lease lives after its last renewal, 3 s by default. It is
	// renewed every third of it.
	TTL time.Duration `env:"TTL" help:"how long a process that is cut off stays the committer of its lane; 3s by default"`
}

// Deps are what leases stand on.
type Deps struct {
	JetStream jetstream.JetStream
	Replicas  int // of the bucket, if it is not there yet; 0 means 1
	// ID names this process for as long as it lives; it is part of a subject, so
	// it is made of letters, digits, '-' and '_'. See NewID.
	ID string
	// Lanes are those that this process may commit.
	Lanes []string
	// Ready is closed when this process can commit: its ledger is read. Nil: at once.
	Ready <-chan struct{}
	// Fit says whether it still can: its ledger is sound. Nil: always.
	Fit     func() bool
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // monotonic, as time.Now; it is compared with itself only
}

// Leases are the leases of an installation, as one process sees them.
type Leases struct {
	cfg   Config
	deps  Deps
	meter *metrics
	stop  chan struct{} // closed by Release
	once  sync.Once

	mu      sync.Mutex
	kv      jetstream.KeyValue
	lanes   map[string]*lane
	changed chan struct{} // closed and replaced when a holder changes
}

// A lane is what this process knows of one lease. It is guarded by Leases.mu.
type lane struct {
	name     string
	mine     bool          // this process may hold it
	wake     chan struct{} // its campaign is to look now
	revision uint64        // of the key; 0: not known, or there is none
	record   record
	seen     time.Time // when the revision was seen first
	heard    time.Time // when anything was heard of the key
	until    time.Time // this process holds it until then, if nobody else does
	renewed  time.Time // when the last renewal that succeeded began
	tried    time.Time // when the last renewal that failed ended, zero after one that did not
	absent   int       // how many times in a row nobody answered for the holder
	told     Standing  // what was told last
}

// A record is the value of a key.
type record struct {
	Holder string        `json:"holder,omitempty"` // empty: given back
	TTL    time.Duration `json:"ttl"`              // in nanoseconds
}

// Standing is who holds a lease.
type Standing struct {
	Holder string // empty: nobody is known to
	Here   bool   // it is this process
}

// Open opens the bucket, or makes it, and starts nothing.
func Open(ctx context.Context, cfg Config, deps Deps) (*Leases, error) {
	switch {
	case deps.JetStream == nil || deps.Log == nil || deps.Metrics == nil || deps.Now == nil:
		return nil, errors.New("lease: a connection, a log, a metrics registerer and a clock are needed")
	case !valid(deps.ID):
		return nil, fmt.Errorf("lease: %q cannot name a process: use letters, digits, - and _", deps.ID)
	}
	if cfg.TTL == 0 {
		cfg.TTL = 3 * time.Second
	}
	if cfg.TTL < minTTL {
		return nil, fmt.Errorf("lease: a life of %v is too short to be renewed in time: at least %v", cfg.TTL, minTTL)
	}
	if deps.Fit == nil {
		deps.Fit = func() bool { return true }
	}
	l := &Leases{
		cfg: cfg, deps: deps, stop: make(chan struct{}), lanes: make(map[string]*lane), changed: make(chan struct{}),
	}
	for _, name := range deps.Lanes {
		l.lanes[name] = &lane{name: name, mine: true, wake: make(chan struct{}, 1)}
	}
	var err error
	if l.kv, err = openBucket(ctx, deps.JetStream, deps.Replicas); err != nil {
		return nil, err
	}
	if l.meter, err = newMetrics(deps.Metrics, deps.Lanes); err != nil {
		return nil, err
	}
	return l, nil
}

// minTTL is the shortest life that can be renewed in time.
const minTTL = 100 * time.Millisecond

func openBucket(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		if err != nil {
			return nil, fmt.Errorf("lease: open the bucket %s: %w", Bucket, err)
		}
		return kv, nil
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: Bucket, Description: "which process commits a lane of the ledger", History: 1,
		Storage: jetstream.FileStorage, Replicas: max(replicas, 1),
	})
	// Another process was first; the servers of a cluster know the name before they know the bucket.
	for again := 0; again < 100 && (errors.Is(err, jetstream.ErrBucketExists) || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) ||
		errors.Is(err, jetstream.ErrBucketNotFound)); again++ {
		pause(ctx, time.Duration(again)*time.Millisecond)
		kv, err = js.KeyValue(ctx, Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("lease: make the bucket %s: %w", Bucket, err)
	}
	return kv, nil
}

// ID is the id of this process.
func (l *Leases) ID() string { return l.deps.ID }

// Standing tells who holds a lane's lease, as far as this process knows.
func (l *Leases) Standing(lane string) Standing {
	s, _ := l.Watch(lane)
	return s
}

// Holder is Standing in two values.
func (l *Leases) Holder(lane string) (id string, here bool) {
	s := l.Standing(lane)
	return s.Holder, s.Here
}

// Watch is Standing with a channel that is closed when anything about any lease
// may have changed since.
func (l *Leases) Watch(lane string) (Standing, <-chan struct{}) {
	now := l.deps.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.lanes[lane]
	if !ok {
		return Standing{}, l.changed
	}
	return l.standing(at, now), l.changed
}

// standing is called with the lock held.
func (l *Leases) standing(at *lane, now time.Time) Standing {
	switch {
	case at.revision == 0 || at.record.Holder == "":
		return Standing{}
	case at.record.Holder == l.deps.ID:
		if now.Before(at.until) || at.unasked(l.cfg.TTL, now) {
			return Standing{Holder: l.deps.ID, Here: true}
		}
		return Standing{}
	case at.expired(l.cfg.TTL, now):
		return Standing{}
	default:
		return Standing{Holder: at.record.Holder}
	}
}

// expired says whether nobody has renewed the lease for its whole life, by this
// process's clock. While the bucket cannot be read, that is not known.
func (at *lane) expired(ttl time.Duration, now time.Time) bool {
	life := max(ttl, at.record.TTL)
	return now.Sub(at.seen) >= life && at.heard.Sub(at.seen) >= life-ttl/3
}

// unasked says whether this process goes on to hold a lease that it cannot renew
// because the bucket does not answer: nobody else can take it then.
func (at *lane) unasked(ttl time.Duration, now time.Time) bool {
	return !at.until.IsZero() && !at.tried.IsZero() && now.Sub(at.tried) < ttl
}

// Turn is one lane's lease, for work that one replica is to do. A nil Turn is
// for a process without replicas: it is always its turn.
type Turn struct {
	leases *Leases
	lane   string
}

// Turn gives the turn of a lane.
func (l *Leases) Turn(lane string) *Turn { return &Turn{leases: l, lane: lane} }

// Mine says whether it is this process's turn, with a channel that is closed
// when that may have changed.
func (t *Turn) Mine() (bool, <-chan struct{}) {
	if t == nil {
		return true, nil
	}
	s, changed := t.leases.Watch(t.lane)
	return s.Here, changed
}

// Do does work while it is this process's turn: it waits for the turn, and ends
// the work's context with it. It returns when ctx is done, and when the work
// returns before its turn has ended.
func (t *Turn) Do(ctx context.Context, work func(context.Context) error) error {
	for {
		mine, changed := t.Mine()
		if !mine {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		turn, end := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() {
			defer end()
			for mine, changed := t.Mine(); mine; mine, changed = t.Mine() {
				select {
				case <-changed:
				case <-turn.Done():
					return
				}
			}
		})
		err := work(turn)
		over := turn.Err() != nil
		end()
		watching.Wait()
		if ctx.Err() != nil || !over {
			return err
		}
	}
}

// Release gives every lease back and takes none any more. It is for the
// beginning of a stop, while calls in flight still end. It does not wait.
func (l *Leases) Release() { l.once.Do(func() { close(l.stop) }) }

// Run holds and watches the leases until ctx is done, then gives them back. It
// returns when all that it started has ended.
func (l *Leases) Run(ctx context.Context) error {
	defer l.Release()
	conn := l.deps.JetStream.Conn()
	for _, name := range l.deps.Lanes {
		sub, err := conn.Subscribe(Prefix+name+"."+l.deps.ID, func(m *nats.Msg) { _ = m.Respond(nil) }) // Who asked asks again.
		if err != nil {
			return fmt.Errorf("lease: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }() // The connection ends with the process.
	}
	var running sync.WaitGroup
	running.Go(func() { l.watch(ctx) })
	l.mu.Lock()
	lanes := make([]*lane, 0, len(l.lanes))
	for _, at := range l.lanes {
		if at.mine {
			lanes = append(lanes, at)
		}
	}
	l.mu.Unlock()
	for _, at := range lanes {
		running.Go(func() {
			select {
			case <-l.ready():
				l.campaign(ctx, at)
			case <-ctx.Done():
			}
		})
	}
	running.Wait()
	return nil
}

func (l *Leases) ready() <-chan struct{} {
	if l.deps.Ready != nil {
		return l.deps.Ready
	}
	always := make(chan struct{})
	close(always)
	return always
}

// watch hears of every change of the bucket. When it cannot, the campaigns
// still look for themselves.
func (l *Leases) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := l.listen(ctx); err != nil && ctx.Err() == nil {
			l.deps.Log.WarnContext(ctx, "changes of the leases are heard late", slog.Any("error", err))
		}
		pause(ctx, l.cfg.TTL/3)
	}
}

func (l *Leases) listen(ctx context.Context) error {
	watcher, err := l.bucket().WatchAll(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }() // It is stopped, or there is no connection.
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return errors.New("the subscription ended")
			case entry != nil: // nil: everything that was there has been told
				l.observe(entry.Key(), entry.Revision(), decode(entry), false)
			}
		}
	}
}

func decode(entry jetstream.KeyValueEntry) record {
	var r record
	if entry.Operation() == jetstream.KeyValuePut {
		_ = json.Unmarshal(entry.Value(), &r) // What is no record names no holder.
	}
	return r
}

// observe takes news of a key. A revision that is older than the known one is
// late news, unless it is what the key has now for certain.
func (l *Leases) observe(name string, revision uint64, r record, certain bool) {
	now := l.deps.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.lanes[name]
	if !ok {
		at = &lane{name: name, wake: make(chan struct{}, 1)}
		l.lanes[name] = at
	}
	if now.Sub(at.heard) > l.cfg.TTL {
		at.seen = now // Nobody was answered, the holder neither: its life begins again.
	}
	at.heard = now
	if revision == at.revision || revision < at.revision && !certain {
		return
	}
	if r.Holder != at.record.Holder {
		at.until, at.renewed, at.tried, at.absent = time.Time{}, time.Time{}, time.Time{}, 0
	}
	at.revision, at.record, at.seen = revision, r, now
	l.tell(at, now)
	if r.Holder == "" {
		select {
		case at.wake <- struct{}{}:
		default: // It is awake.
		}
	}
}

// tell wakes who waits when the standing of a lane has changed. It is called
// with the lock held.
func (l *Leases) tell(at *lane, now time.Time) {
	s := l.standing(at, now)
	if s == at.told {
		return
	}
	if at.mine {
		l.meter.changed(at.name, s.Here)
		switch {
		case s.Here:
			l.deps.Log.Info("this process commits the lane", slog.String("lane", at.name), slog.String("holder", s.Holder))
		case at.told.Here:
			l.deps.Log.Info("this process does not commit the lane any more", slog.String("lane", at.name), slog.String("holder", s.Holder))
		case s.Holder != "":
			l.deps.Log.Info("another process commits the lane", slog.String("lane", at.name), slog.String("holder", s.Holder))
		default:
			l.deps.Log.Info("nobody commits the lane", slog.String("lane", at.name), slog.String("was", at.told.Holder))
		}
	}
	at.told = s
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Leases) bucket() jetstream.KeyValue {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kv
}

// valid says whether a text can be a token of a subject.
func valid(id string) bool {
	return id != "" && !slices.ContainsFunc([]rune(id), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// pause waits for a while or for the end of the context.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
