// Package ledger is the append-only record of an installation: one stream of
// commits that every process reads in full and checks, and that the owner of
// each lane writes.
//
// # Words
//
// A commit is one message and holds 1..N transactions that were decided
// together. Its position in the stream is its revision. Commits belong to
// lanes; each lane has one owner, numbers its commits 1, 2, 3, ... and chains
// them by hash. State is what a fold makes of a lane's commits.
//
// # How to use it
//
//	led, err := ledger.Open(ctx, ledger.Config{}, ledger.Deps{...})
//	zones := ledger.Fold(led, ledger.LaneZone, registry.New()) // before Run
//	go led.Run(ctx)
//	state, at := zones.Current()
//	receipt, err := zones.Commit(ctx, ledger.Command[*registry.State]{...})
//
// # Order of checks
//
// A process that reads a commit checks, in this order:
//
//  1. a hole in the stream, another ledger id or another epoch: it halts and
//     names the range;
//  2. a commit id that it knows: it ignores the commit;
//  3. another lane's subject, or a lane position other than the next one: it
//     rejects the commit by rule, as every other process does;
//  4. a wrong hash, or in a lane that it folds a fact it does not know: it halts.
//
// It never skips. A halted ledger answers nothing from behind the hole.
//
// # Hash of a commit
//
// hash = SHA-256 over these fields in this order. Integers are 8 bytes, big
// endian, two's complement. Texts and byte strings are their length as such an
// integer, then their bytes.
//
//	text "zonebench.ledger.v1.Commit"
//	text ledger_id, integer epoch, text lane,
//	integer lane_sequence, integer previous_revision, text commit_id,
//	integer commit_time.seconds, integer commit_time.nanos,
//	integer transaction_count, bytes previous_hash, bytes body_hash
//
// body_hash = SHA-256 over the bytes of body as they are stored.
package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// The lanes of the ledger, each written by one service.
const (
	LaneZone      = "zone"
	LaneIndicator = "indicator"
	LaneRanking   = "ranking"
)

// Vocabulary is the highest LedgerVersion whose facts this build can read.
const Vocabulary = 1

// Stream is the name of the ledger's stream.
const Stream = "LEDGER"

const (
	subjects = "ledger.v1.>"
	prefix   = "ledger.v1."

	metadataID    = "zonebench-ledger-id"
	metadataEpoch = "zonebench-epoch"

	// MaxTransactions bounds the transactions of one commit.
	MaxTransactions = 256
	// MaxCommitBytes bounds the size of one commit, and so of a transaction.
	MaxCommitBytes = 1 << 20

	// messageRoom is what the headers of a message may add to a commit.
	messageRoom = 4 << 10

	// Below this free part of the disk, writes stop.
	minFree = 0.10
)

// Position is where a transaction stands in the ledger.
type Position struct {
	Revision     int64     // of its commit in the stream
	CommitTime   time.Time // never decreases within a lane
	Lane         string
	LaneSequence int64
	Index        int // of the transaction within its commit
}

// Config of a ledger. The zero value opens, or creates, the ledger of a single
// server.
type Config struct {
	// Replicas of a stream that is created, and that an existing one must have;
	// 0 means 1.
	Replicas int
	// LedgerID is the id that is expected. When it is set and the stream is not
	// there, Open refuses instead of making an empty one.
	LedgerID string
	// MarkFile keeps, beside the store, which ledger it held and how far: a
	// store that lost its stream or its end is refused. Empty: no mark.
	MarkFile string
	// ReadOnly opens a ledger that is there, to read it: nothing has to prove that
	// writes are synced.
	ReadOnly bool
}

// Deps are what a ledger stands on.
type Deps struct {
	JetStream jetstream.JetStream
	// Durability proves that the server syncs every write before it
	// acknowledges it. Without a proof Open refuses.
	Durability func(context.Context) error
	// FreeSpace is the free part of the disk below the stream, from 0 to 1.
	// Nil: not known, so writes are not stopped by it.
	FreeSpace func() (float64, error)
	// Now is the clock of commit times.
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: metrics are not exported
	Tracer  trace.Tracer          // nil: there are no spans
}

// Ledger is one process's view of the ledger. Its methods may be called by many
// at once.
type Ledger struct {
	config Config
	deps   Deps
	js     jetstream.JetStream
	stream jetstream.Stream
	log    *slog.Logger

	id    string
	epoch int64
	mark  *mark
	meter *metrics

	chain *chain // owned by the tail
	times times

	mu      sync.Mutex
	lanes   map[string]folder
	running bool
	applied int64
	// appliedTime is the latest commit time that was applied.
	appliedTime time.Time
	last        int64         // the highest revision that anybody told us of
	advanced    chan struct{} // closed and replaced when applied or halt changes
	halt        error
	ignored     map[int64]bool // revisions that a rule rejects

	caughtUp chan struct{}
	stopped  chan struct{} // closed when Run returns
}

// Open proves that writes are synced, then opens the stream or creates it. An
// existing stream with other settings is refused, never changed. Open starts
// nothing.
func Open(ctx context.Context, config Config, deps Deps) (*Ledger, error) {
	switch {
	case deps.JetStream == nil:
		return nil, errors.New("ledger: no connection")
	case deps.Now == nil:
		return nil, errors.New("ledger: no clock")
	case deps.Durability == nil && !config.ReadOnly:
		return nil, errors.New("ledger: nothing proves that the server syncs every write before it acknowledges it")
	}
	if room := deps.JetStream.Conn().MaxPayload(); room < MaxCommitBytes+messageRoom {
		return nil, fmt.Errorf("ledger: the server takes messages of %d bytes and a commit needs %d: raise its max_payload to 8MB",
			room, MaxCommitBytes+messageRoom)
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Tracer == nil {
		deps.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if config.Replicas == 0 {
		config.Replicas = 1
	}
	if !config.ReadOnly {
		if err := deps.Durability(ctx); err != nil {
			return nil, fmt.Errorf("ledger: acknowledged writes would not be safe: %w", err)
		}
	}
	l := &Ledger{
		config:   config,
		deps:     deps,
		js:       deps.JetStream,
		log:      deps.Log,
		lanes:    make(map[string]folder),
		advanced: make(chan struct{}),
		ignored:  make(map[int64]bool),
		caughtUp: make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	var err error
	if l.mark, err = openMark(config.MarkFile); err != nil {
		return nil, err
	}
	if err := l.openStream(ctx); err != nil {
		return nil, errors.Join(err, l.mark.close())
	}
	if l.meter, err = newMetrics(deps.Metrics); err != nil {
		return nil, errors.Join(err, l.mark.close())
	}
	l.chain = newChain(l.id, l.epoch)
	return l, nil
}

func (l *Ledger) openStream(ctx context.Context) error {
	stream, err := l.js.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if known := cmp.Or(l.config.LedgerID, l.mark.known().id); known != "" {
			return fmt.Errorf("ledger: the store is known to hold ledger %s, but its stream is gone: restore it; it is not made anew", known)
		}
		if l.config.ReadOnly {
			return errors.New("ledger: there is no ledger to read")
		}
		stream, err = l.js.CreateStream(ctx, streamConfig(l.config.Replicas, rand.Text(), 1))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // Another process was first: it is that one's ledger.
			stream, err = l.appearing(ctx)
		}
		if err != nil {
			return fmt.Errorf("ledger: create the stream: %w", err)
		}
		l.log.InfoContext(ctx, "the ledger is new", "id", stream.CachedInfo().Config.Metadata[metadataID])
	case err != nil:
		return fmt.Errorf("ledger: open the stream: %w", err)
	}
	l.stream = stream
	info := stream.CachedInfo()
	if l.id, l.epoch, err = identity(info.Config); err != nil {
		return err
	}
	replicas := l.config.Replicas
	if l.config.ReadOnly {
		replicas = info.Config.Replicas
	}
	if err := verifyConfig(info.Config, streamConfig(replicas, l.id, l.epoch)); err != nil {
		return err
	}
	if l.config.LedgerID != "" && l.config.LedgerID != l.id {
		return fmt.Errorf("ledger: expected ledger %s, but the stream is of ledger %s", l.config.LedgerID, l.id)
	}
	l.last = int64(info.State.LastSeq)
	return l.mark.check(l.id, l.epoch, l.last)
}

// appearing opens a stream that another process is making: the servers of a
// cluster know its name before they know the stream.
func (l *Ledger) appearing(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, appearTimeout)
	defer cancel()
	for {
		stream, err := l.js.Stream(ctx, Stream)
		if !errors.Is(err, jetstream.ErrStreamNotFound) || ctx.Err() != nil {
			return stream, err
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// appearTimeout is how long the servers of a cluster may take to make a stream.
const appearTimeout = 10 * time.Second

// streamConfig is what the stream must be. Nothing is ever removed from it.
func streamConfig(replicas int, id string, epoch int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              Stream,
		Description:       "the record of a zonebench installation",
		Subjects:          []string{subjects},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxConsumers:      -1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		Replicas:          replicas,
		Duplicates:        dedupeWindow,
		DenyDelete:        true,
		DenyPurge:         true,
		Metadata: map[string]string{
			metadataID:    id,
			metadataEpoch: strconv.FormatInt(epoch, 10),
		},
	}
}

// dedupeWindow is for resends; what lies longer back is told apart by commit id.
// Tests shorten it.
var dedupeWindow = 2 * time.Minute

func identity(config jetstream.StreamConfig) (id string, epoch int64, err error) {
	id = config.Metadata[metadataID]
	epoch, err = strconv.ParseInt(config.Metadata[metadataEpoch], 10, 64)
	if id == "" || err != nil || epoch < 1 {
		return "", 0, fmt.Errorf("ledger: the stream %s is not a ledger of zonebench: its metadata lacks %s or %s", Stream, metadataID, metadataEpoch)
	}
	return id, epoch, nil
}

// verifyConfig names the first setting of a stream that is not as it must be.
func verifyConfig(have, want jetstream.StreamConfig) error {
	for _, s := range []struct {
		name       string
		have, want any
	}{
		{"subjects", fmt.Sprint(have.Subjects), fmt.Sprint(want.Subjects)},
		{"storage", have.Storage, want.Storage},
		{"retention", have.Retention, want.Retention},
		{"discard", have.Discard, want.Discard},
		{"replicas", have.Replicas, want.Replicas},
		{"duplicate window", have.Duplicates, want.Duplicates},
		{"deny delete", have.DenyDelete, want.DenyDelete},
		{"deny purge", have.DenyPurge, want.DenyPurge},
		{"max messages", have.MaxMsgs, want.MaxMsgs},
		{"max bytes", have.MaxBytes, want.MaxBytes},
		{"max age", have.MaxAge, want.MaxAge},
		{"max messages per subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"max message size", have.MaxMsgSize, want.MaxMsgSize},
		{"compression", have.Compression, want.Compression},
		{"no ack", have.NoAck, want.NoAck},
		{"direct access", have.AllowDirect, want.AllowDirect}, // it may be answered by a replica that lags
		{"sealed", have.Sealed, want.Sealed},
		{"first sequence", have.FirstSeq <= 1, true},
		{"roll-ups", have.AllowRollup, want.AllowRollup},
		{"message TTL", have.AllowMsgTTL, want.AllowMsgTTL},
		{"persist mode", have.PersistMode, want.PersistMode},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},
		{"subject transform", have.SubjectTransform != nil, false},
	} {
		if s.have != s.want {
			return fmt.Errorf("ledger: the stream %s has %s = %v and must have %v: it was not made by zonebench or was changed since",
				Stream, s.name, s.have, s.want)
		}
	}
	return nil
}

// ID is the id of the ledger, made once when its stream was created.
func (l *Ledger) ID() string { return l.id }

// Epoch counts the restores of the ledger.
func (l *Ledger) Epoch() int64 { return l.epoch }

// Applied is the revision up to which this process has read, checked and folded
// the ledger.
func (l *Ledger) Applied() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.applied
}

// Last asks the stream's leader for the last revision. A leader that was cut off
// from the other servers does not know that it leads no more; it is not believed
// when it has not heard of most of them for a while.
func (l *Ledger) Last(ctx context.Context) (int64, error) {
	info, err := l.stream.Info(ctx)
	if err == nil {
		err = led(info.Cluster)
	}
	if err != nil {
		return 0, unavailable(err)
	}
	last := int64(info.State.LastSeq)
	l.sawLast(last)
	return last, nil
}

// led says why a server that answers for the stream may not lead it.
func led(cluster *jetstream.ClusterInfo) error {
	if cluster == nil {
		return nil
	}
	heard := 1 // itself
	for _, peer := range cluster.Replicas {
		if !peer.Offline && peer.Active < leaderSilence {
			heard++
		}
	}
	if all := len(cluster.Replicas) + 1; 2*heard <= all {
		return fmt.Errorf("the server %s answers for the ledger and has lost contact with the others (%d of %d)", cluster.Leader, heard, all)
	}
	return nil
}

// leaderSilence is how long a leader need not have heard of another server, which
// tells it every second that it is there.
const leaderSilence = 4 * time.Second

// Err is the reason why the ledger halted, nil while it is sound: a fault of
// reason LEDGER_HALTED, with a DamageError in its chain.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.halt
}

// CaughtUp is closed once everything that was in the ledger when Run started is
// folded.
func (l *Ledger) CaughtUp() <-chan struct{} { return l.caughtUp }

// WaitFor waits until a revision is applied. It returns the context's error, or
// why the ledger halted before it came there, or that Run ended.
func (l *Ledger) WaitFor(ctx context.Context, revision int64) error {
	for {
		l.mu.Lock()
		applied, halt, advanced := l.applied, l.halt, l.advanced
		l.mu.Unlock()
		switch {
		case applied >= revision:
			return nil
		case halt != nil:
			return halt
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.stopped:
			if halt := l.Err(); halt != nil {
				return halt
			}
			return unavailable(errors.New("the ledger's reader has ended"))
		}
	}
}

// Run reads the ledger until the context ends or the ledger halts, and serves
// the committers of the folded lanes. It returns when all that it started has
// ended: nil after the context ended, else why the ledger halted. It can run
// once.
func (l *Ledger) Run(ctx context.Context) error {
	l.mu.Lock()
	if l.running {
		l.mu.Unlock()
		return errors.New("ledger: Run was called twice")
	}
	l.running = true
	lanes := l.lanes
	l.mu.Unlock()

	// Committers stop first and finish their batch, for which they need the tail.
	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()

	var err error
	var tail, committers sync.WaitGroup
	tail.Go(func() {
		defer stopWork()
		if err = l.tail(reading); reading.Err() == nil {
			l.stopFor(reading, err)
		}
	})
	for _, lane := range lanes {
		committers.Go(func() { lane.serve(work) })
	}
	<-work.Done()
	committers.Wait()
	stopReading()
	tail.Wait()
	close(l.stopped)
	closeErr := l.mark.close()
	if l.Err() == nil {
		err = nil // the end that was asked for
	}
	return errors.Join(err, closeErr)
}

// stopFor stops everything that waits for the ledger.
func (l *Ledger) stopFor(ctx context.Context, reason error) {
	l.log.ErrorContext(ctx, "the ledger halted", "error", reason)
	l.meter.halted.Set(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halt = halted(reason)
	close(l.advanced)
	l.advanced = make(chan struct{})
}

// advance records that a revision is applied and wakes who waits for it.
func (l *Ledger) advance(revision int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applied = revision
	if at.After(l.appliedTime) { // A message that a rule ignores brings the time of the commit before it.
		l.appliedTime = at
	}
	l.last = max(l.last, revision)
	l.meter.position(l.applied, l.last)
	close(l.advanced)
	l.advanced = make(chan struct{})
}

func (l *Ledger) sawLast(revision int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = max(l.last, revision)
	l.meter.position(l.applied, l.last)
}
