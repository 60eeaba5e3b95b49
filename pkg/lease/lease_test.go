package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
)

const (
	lane = "zone"
	ttl  = 600 * time.Millisecond
	// patience bounds what a test waits for. It is no measure of how long things take.
	patience = 30 * time.Second
)

// A replica is one process with leases, over a connection of its own.
type replica struct {
	*lease.Leases
	conn    *nats.Conn
	metrics *prometheus.Registry
	fit     atomic.Bool
	cancel  context.CancelFunc
	ended   chan struct{}
}

// start runs a replica until the test ends or it is killed before. Its clock is off.
func start(t *testing.T, server *local.Server, name string, off time.Duration) *replica {
	t.Helper()
	return startOver(t, server, name, off, func(js jetstream.JetStream) jetstream.JetStream { return js })
}

func startOver(t *testing.T, server *local.Server, name string, off time.Duration, wrap func(jetstream.JetStream) jetstream.JetStream) *replica {
	t.Helper()
	r := &replica{conn: connect(t, server), metrics: prometheus.NewRegistry(), ended: make(chan struct{})}
	r.fit.Store(true)
	js, err := jetstream.New(r.conn)
	if err != nil {
		t.Fatal(err)
	}
	r.Leases, err = lease.Open(t.Context(), lease.Config{TTL: ttl}, lease.Deps{
		JetStream: wrap(js), ID: name, Lanes: []string{lane}, Fit: r.fit.Load, Log: ledgertest.Log(t), Metrics: r.metrics,
		Now: func() time.Time { return time.Now().Add(off) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.ended)
		if err := r.Run(ctx); err != nil && !r.conn.IsClosed() { // It may be killed before it has begun.
			t.Error(err)
		}
	}()
	t.Cleanup(r.kill)
	return r
}

func connect(t *testing.T, server *local.Server) *nats.Conn {
	t.Helper()
	conn, err := server.Connect(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// kill ends a replica as a crash does: nothing is given back.
func (r *replica) kill() {
	r.conn.Close()
	r.cancel()
	<-r.ended
}

// becomes waits until the lane stands as it should, as a replica sees it.
func (r *replica) becomes(t *testing.T, what string, is func(lease.Standing) bool) lease.Standing {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	look := time.NewTicker(ttl / 20) // A life that ends tells nobody at once.
	defer look.Stop()
	for {
		s, changed := r.Watch(lane)
		if is(s) {
			return s
		}
		select {
		case <-changed:
		case <-look.C:
		case <-timeout.C:
			t.Fatalf("%s did not see that %s: it sees %+v", r.ID(), what, s)
		}
	}
}

func (r *replica) seesHolder(t *testing.T, id string) {
	t.Helper()
	r.becomes(t, id+" holds the lease", func(s lease.Standing) bool { return s.Holder == id })
}

func TestOneOfTheReplicasHoldsTheLeaseAndAllKnowIt(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	b, c := start(t, server, "b", 0), start(t, server, "c", 0)
	b.seesHolder(t, "a")
	c.seesHolder(t, "a")
	if !a.Standing(lane).Here || b.Standing(lane).Here || c.Standing(lane).Here {
		t.Errorf("a %+v, b %+v, c %+v", a.Standing(lane), b.Standing(lane), c.Standing(lane))
	}
	if mine, _ := a.Turn(lane).Mine(); !mine {
		t.Error("it is not the holder's turn")
	}
	if mine, _ := b.Turn(lane).Mine(); mine {
		t.Error("it is the turn of one that does not hold the lease")
	}
	if s := a.Standing("indicator"); s != (lease.Standing{}) {
		t.Errorf("a lane that nobody campaigns for has the standing %+v", s)
	}
}

func TestALeaseIsRenewedBeyondItsLife(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a, b := start(t, server, "a", 0), start(t, server, "b", 0)
	first := a.becomes(t, "somebody holds the lease", func(s lease.Standing) bool { return s.Holder != "" })
	after := time.NewTimer(4 * ttl)
	for {
		if now := a.Standing(lane); now.Holder != first.Holder {
			t.Fatalf("%s held the lease, now %+v", first.Holder, now)
		}
		select {
		case <-time.After(ttl / 20):
			continue
		case <-after.C:
		}
		break
	}
	for _, r := range []*replica{a, b} {
		if n, err := testutil.GatherAndCount(r.metrics, "zonebench_lease_held"); n != 1 || err != nil {
			t.Errorf("%d gauges, %v", n, err)
		}
	}
}

// A stop gives the lease back before the lease's life ends, and does not take it again.
func TestAReleasedLeaseIsTakenAtOnce(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	b := start(t, server, "b", 0)
	b.seesHolder(t, "a")
	begin := time.Now()
	a.Release()
	b.seesHolder(t, "b")
	t.Logf("handed over in %v of a life of %v", time.Since(begin), ttl)
	a.seesHolder(t, "b")
	b.Release()
	b.becomes(t, "nobody holds the lease", func(s lease.Standing) bool { return s.Holder == "" })
}

// NATS knows when a connection is gone, so a crash costs less than a whole life.
func TestTheLeaseOfACrashedReplicaIsTaken(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	b := start(t, server, "b", 0)
	b.seesHolder(t, "a")
	begin := time.Now()
	a.kill()
	b.seesHolder(t, "b")
	t.Logf("taken in %v of a life of %v", time.Since(begin), ttl)
}

// A holder whose connection stands is not gone: its lease has to end by the
// clock of the one who waits, counted from when that one saw it first.
func TestALeaseThatIsNotRenewedEndsAfterItsLife(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	conn := connect(t, server)
	if _, err := conn.Subscribe(lease.Prefix+lane+".stuck", func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	put(t, conn, "stuck", 0)
	begin := time.Now()
	a := start(t, server, "a", 0)
	a.seesHolder(t, "stuck")
	a.seesHolder(t, "a")
	if took := time.Since(begin); took < ttl {
		t.Errorf("taken after %v, before the life of %v ended", took, ttl)
	}
}

// The life that counts is the longer one of the holder's own and of who waits:
// while a setting is being changed, replicas differ in it.
func TestTheHoldersOwnLifeCounts(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	conn := connect(t, server)
	if _, err := conn.Subscribe(lease.Prefix+lane+".stuck", func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	put(t, conn, "stuck", 2*ttl)
	begin := time.Now()
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	if took := time.Since(begin); took < 2*ttl {
		t.Errorf("taken after %v, before the holder's life of %v ended", took, 2*ttl)
	}
}

func put(t *testing.T, conn *nats.Conn, holder string, life time.Duration) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: lease.Bucket, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	value, err := json.Marshal(map[string]any{"holder": holder, "ttl": life})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), lane, value); err != nil {
		t.Fatal(err)
	}
}

// Clocks that differ by years make no difference: none is compared with another.
func TestClocksMayDiffer(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	const years = 10 * 365 * 24 * time.Hour
	a := start(t, server, "a", -years)
	a.seesHolder(t, "a")
	b, c := start(t, server, "b", years), start(t, server, "c", 0)
	b.seesHolder(t, "a")
	c.seesHolder(t, "a")
	a.Release()
	next := b.becomes(t, "b or c holds the lease", func(s lease.Standing) bool { return s.Holder == "b" || s.Holder == "c" })
	c.seesHolder(t, next.Holder)
	a.seesHolder(t, next.Holder)
}

func TestOneThatCannotCommitDoesNotHold(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	b := start(t, server, "b", 0)
	b.seesHolder(t, "a")
	a.fit.Store(false)
	b.seesHolder(t, "b")
	b.fit.Store(false)
	b.becomes(t, "nobody holds the lease", func(s lease.Standing) bool { return s.Holder == "" })
	a.fit.Store(true)
	b.seesHolder(t, "a")
}

// A renewal whose acknowledgement is lost is still ours, under a revision that
// we learn from others.
func TestOwnLeaseIsRecognised(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	conn := connect(t, server)
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	put(t, conn, "a", ttl)
	for range 10 {
		<-time.After(ttl / 5)
		if s := a.Standing(lane); !s.Here {
			t.Fatalf("lost its own lease: %+v", s)
		}
	}
}

// The bucket may be lost with its server: it is made anew.
func TestABucketThatIsGoneIsMadeAnew(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a, b := start(t, server, "a", 0), start(t, server, "b", 0)
	a.becomes(t, "somebody holds the lease", func(s lease.Standing) bool { return s.Holder != "" })
	js, err := jetstream.New(connect(t, server))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), lease.Bucket); err != nil {
		t.Fatal(err)
	}
	revision := func() uint64 {
		kv, err := js.KeyValue(t.Context(), lease.Bucket)
		if err != nil {
			return 0
		}
		entry, err := kv.Get(t.Context(), lane)
		if err != nil {
			return 0
		}
		return entry.Revision()
	}
	for deadline := time.Now().Add(patience); revision() < 3; <-time.After(ttl / 10) { // renewed in the new bucket
		if time.Now().After(deadline) {
			t.Fatal("nobody holds a lease in a new bucket")
		}
	}
	holder := a.becomes(t, "somebody holds the lease", func(s lease.Standing) bool { return s.Holder != "" }).Holder
	b.seesHolder(t, holder)
}

// Work that one replica is to do moves with the lease.
func TestWorkMovesWithTheTurn(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	a := start(t, server, "a", 0)
	a.seesHolder(t, "a")
	b := start(t, server, "b", 0)
	b.seesHolder(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began, ended := make(chan string, 10), make(chan error, 2)
	for _, r := range []*replica{a, b} {
		go func() {
			ended <- r.Turn(lane).Do(ctx, func(turn context.Context) error {
				began <- r.ID()
				<-turn.Done()
				return turn.Err()
			})
		}()
	}
	if first := <-began; first != "a" {
		t.Errorf("%s began, and a holds the lease", first)
	}
	a.Release()
	if next := <-began; next != "b" {
		t.Errorf("%s began, and b holds the lease", next)
	}
	cancel()
	for range 2 {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	broken := errors.New("the work's own end")
	var none *lease.Turn
	if err := none.Do(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// Whatever is stopped, killed and started, never do two believe at once that
// they hold the lease, and in the end one does.
func TestNeverTwoAtOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	server := ledgertest.Server(t, t.TempDir())
	var running []*replica
	for n := range 12 {
		running = append(running, start(t, server, fmt.Sprintf("r%d", n), time.Duration(random.Int64N(int64(time.Hour)))))
		if len(running) > 3 {
			victim := random.IntN(len(running))
			if random.IntN(2) == 0 {
				running[victim].Release()
			} else {
				running[victim].kill()
			}
			running = append(running[:victim:victim], running[victim+1:]...)
		}
		for range 20 {
			here := 0
			for _, r := range running {
				if r.Standing(lane).Here {
					here++
				}
			}
			if here > 1 {
				t.Fatalf("round %d: %d replicas believe that they hold the lease", n, here)
			}
			<-time.After(ttl / 30)
		}
	}
	running[0].becomes(t, "somebody holds the lease", func(s lease.Standing) bool { return s.Holder != "" })
}

func TestOpenRefuses(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	js, err := jetstream.New(connect(t, server))
	if err != nil {
		t.Fatal(err)
	}
	good := lease.Deps{JetStream: js, ID: "a", Log: ledgertest.Log(t), Metrics: prometheus.NewRegistry(), Now: time.Now}
	for name, change := range map[string]func(*lease.Config, *lease.Deps){
		"an id that is no token of a subject": func(_ *lease.Config, d *lease.Deps) { d.ID = "a.b" },
		"no id":                               func(_ *lease.Config, d *lease.Deps) { d.ID = "" },
		"no clock":                            func(_ *lease.Config, d *lease.Deps) { d.Now = nil },
		"a life too short to renew":           func(c *lease.Config, _ *lease.Deps) { c.TTL = time.Millisecond },
	} {
		cfg, deps := lease.Config{}, good
		change(&cfg, &deps)
		if _, err := lease.Open(t.Context(), cfg, deps); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if id := lease.NewID("pod-1.zone.svc"); id == lease.NewID("pod-1.zone.svc") {
		t.Errorf("two starts have the same id %s", id)
	}
	var none *lease.Turn
	if mine, _ := none.Mine(); !mine {
		t.Error("without replicas it is always one's turn")
	}
}

// deaf is a connection on which the bucket does not answer while the test says so.
type deaf struct {
	jetstream.JetStream
	silent *atomic.Bool
}

type deafBucket struct {
	jetstream.KeyValue
	silent *atomic.Bool
}

func (d deaf) KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	if d.silent.Load() {
		return nil, context.DeadlineExceeded
	}
	kv, err := d.JetStream.KeyValue(ctx, bucket)
	return deafBucket{KeyValue: kv, silent: d.silent}, err
}

func (d deafBucket) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	if d.silent.Load() {
		return nil, context.DeadlineExceeded
	}
	return d.KeyValue.Get(ctx, key)
}

func (d deafBucket) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	if d.silent.Load() {
		return 0, context.DeadlineExceeded
	}
	return d.KeyValue.Update(ctx, key, value, last)
}

// While the servers of the bucket elect a leader nobody can take a lease, so its
// holder keeps it and the others go on to hand their writes to it: the lanes of
// the ledger may well have their leader.
func TestALeaseOutlivesASilentBucket(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	var silent atomic.Bool
	wrap := func(js jetstream.JetStream) jetstream.JetStream { return deaf{JetStream: js, silent: &silent} }
	a := startOver(t, server, "a", 0, wrap)
	a.seesHolder(t, "a")
	b := startOver(t, server, "b", 0, wrap)
	b.seesHolder(t, "a")
	silent.Store(true)
	until := time.NewTimer(4 * ttl)
	for {
		if s := a.Standing(lane); !s.Here {
			t.Fatalf("the holder gave up: %+v", s)
		}
		if s := b.Standing(lane); s.Holder != "a" {
			t.Fatalf("the other one sees %+v", s)
		}
		select {
		case <-time.After(ttl / 20):
			continue
		case <-until.C:
		}
		break
	}
	silent.Store(false)
	for range 20 { // And it is still the same one.
		<-time.After(ttl / 10)
		if s := a.Standing(lane); !s.Here {
			t.Fatalf("after the silence: %+v", s)
		}
	}
}
