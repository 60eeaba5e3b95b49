package ledger

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/fault"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const (
	// defaultDeadline is for callers that set none: nobody waits for ever.
	defaultDeadline = 30 * time.Second
	// stopGrace is how long a batch that is under way may go on after Run's
	// context ended.
	stopGrace = 5 * time.Second
	// maxConflicts is how often a batch is decided again after it lost to
	// another committer of the lane.
	maxConflicts = 16
	// envelopeRoom is what a commit may add to its largest transaction.
	envelopeRoom = 1 << 10
)

// publishTimeout is how long one send waits for its acknowledgement before the
// same bytes are sent again. Tests shorten it.
var publishTimeout = 2 * time.Second

// A Command asks for one transaction.
type Command[S any] struct {
	Method string // full method name, for audit
	Actor  string // opaque subject id of who asks
	// RequestID makes a retry harmless: within seven days by commit time the
	// same actor's second request with it gets the first one's receipt, if its
	// RequestHash is the same, and is refused if not. Empty: no such protection.
	RequestID   string
	RequestHash []byte // SHA-256 over the method and the request
	Traceparent string // W3C trace context, for audit
	// ValidateOnly decides and writes nothing.
	ValidateOnly bool
	// Decide turns the request into facts, or refuses it, on a state that holds
	// everything folded and the transactions accepted before this one. It runs
	// on the committer: it must not block, keep the state or change it, and it
	// may run more than once. The position is tentative: the revision is not the
	// one that the transaction will have, only one that nothing has yet.
	Decide func(state S, at Position) (Proposal, error)
}

// A Proposal is what a command wants to write. Without facts there is nothing
// to write, and the command is answered with the present revision.
type Proposal struct {
	Facts []*ledgerv1.Fact
	Names []string // resources that the facts write, for the receipt
}

// A Receipt says where a transaction is.
type Receipt struct {
	Revision   int64
	CommitTime time.Time
	Names      []string
	Duplicate  bool // the request was written before; this is its receipt
}

// Commit puts a command into the lane's queue and waits until its transaction is
// on the disk and folded here. Only the owner of the lane calls it.
//
// An error of Decide is returned as it is. When the deadline ends before the
// command was decided, nothing was or will be written. When it ends while the
// outcome of a write is not known, the error says OUTCOME_UNKNOWN; the same
// request id then gives certainty.
func (f *Lane[S]) Commit(ctx context.Context, command Command[S]) (Receipt, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	if err := f.ledger.Err(); err != nil {
		return Receipt{}, err
	}
	if ctx.Err() != nil {
		return Receipt{}, undecided(ctx)
	}
	r := &request[S]{ctx: ctx, command: command, answer: make(chan answer, 1)}
	f.queue.put(r)
	select {
	case a := <-r.answer:
		return f.finish(ctx, a)
	case <-ctx.Done():
		if r.leave() {
			return Receipt{}, undecided(ctx)
		}
	}
	select {
	case a := <-r.answer: // it came together with the deadline
		return f.finish(context.WithoutCancel(ctx), a)
	default:
		return Receipt{}, outcomeUnknown(ctx.Err())
	}
}

// finish completes an answer with what only the ledger has: the names that the
// first request of a retry wrote.
func (f *Lane[S]) finish(ctx context.Context, a answer) (Receipt, error) {
	if a.err != nil || a.lookup == nil {
		return a.receipt, a.err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	tx, err := f.ledger.transaction(ctx, a.lookup.revision, int(a.lookup.index))
	if err != nil {
		return Receipt{}, err
	}
	a.receipt.Names = tx.GetNames()
	return a.receipt, nil
}

// A request is a command in the queue.
type request[S any] struct {
	ctx     context.Context //nolint:containedctx // it travels with the call that waits for it
	command Command[S]
	answer  chan answer
	// owner is who may still give the request up: its caller while it is
	// queued, the committer once it was taken.
	owner atomic.Int32
}

const (
	queued int32 = iota
	taken
	left
)

func (r *request[S]) take() bool  { return r.owner.CompareAndSwap(queued, taken) }
func (r *request[S]) leave() bool { return r.owner.CompareAndSwap(queued, left) }

// An answer is what a request comes to.
type answer struct {
	receipt Receipt
	err     error
	lookup  *answered // the receipt is of a request written before
}

// A queue holds the requests of a lane in the order of their arrival.
type queue[S any] struct {
	mu     sync.Mutex
	items  []*request[S]
	closed error // why nothing is taken any more
	filled chan struct{}
}

func newQueue[S any]() *queue[S] { return &queue[S]{filled: make(chan struct{}, 1)} }

func (q *queue[S]) put(r *request[S]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		r.answer <- answer{err: q.closed}
		return
	}
	q.items = append(q.items, r)
	q.signal()
}

// takeBack puts requests that were taken and did not fit at the front.
func (q *queue[S]) takeBack(rs []*request[S]) {
	if len(rs) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range rs {
		r.owner.Store(queued)
	}
	q.items = append(slices.Clip(rs), q.items...)
	q.signal()
}

func (q *queue[S]) signal() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// take waits for requests and takes up to a batch of them; what queued during
// the last write is the next batch. It returns nil when the context ends.
func (q *queue[S]) take(ctx context.Context) []*request[S] {
	for {
		q.mu.Lock()
		n := min(len(q.items), MaxTransactions)
		var batch []*request[S]
		for _, r := range q.items[:n] {
			if r.take() {
				batch = append(batch, r)
			}
		}
		q.items = q.items[n:]
		q.mu.Unlock()
		if len(batch) > 0 {
			return batch
		}
		if n > 0 {
			continue
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			return nil
		}
	}
}

// close refuses what is queued and what comes.
func (q *queue[S]) close(reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = reason
	for _, r := range q.items {
		if r.take() {
			r.answer <- answer{err: reason}
		}
	}
	q.items = nil
}

// serve is the committer of a lane: it writes batch after batch until the
// context ends, finishing the one that is under way.
func (f *Lane[S]) serve(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	defer stop()

	select {
	case <-f.ledger.caughtUp: // deciding on half a ledger would only lose
	case <-ctx.Done():
	}
	jitter := newJitter()
	for ctx.Err() == nil {
		batch := f.queue.take(ctx)
		if batch == nil {
			break
		}
		f.write(work, jitter, batch)
	}
	reason := f.ledger.Err()
	if reason == nil {
		reason = unavailable(errors.New("the committer has ended"))
	}
	f.queue.close(reason)
}

func newJitter() *rand.Rand {
	var seed [16]byte
	_, _ = crand.Read(seed[:]) // never fails
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
}

// write decides a batch, publishes it and answers its requests.
func (f *Lane[S]) write(ctx context.Context, jitter *rand.Rand, batch []*request[S]) {
	if batch = f.guardDisk(ctx, batch); len(batch) == 0 {
		return
	}
	for attempt := 1; ; attempt++ {
		d := f.decide(batch)
		if len(d.accepted) == 0 {
			d.answer(answered{})
			f.queue.takeBack(d.later)
			return
		}
		at, result, err := f.publish(ctx, d)
		switch {
		case result == won:
			d.answer(at)
			f.queue.takeBack(d.later)
			return
		case result == unknown:
			for _, r := range batch {
				r.answer <- answer{err: outcomeUnknown(err)}
			}
			return
		case attempt == maxConflicts:
			for _, r := range batch {
				r.answer <- answer{err: unavailable(fmt.Errorf("lane %s: %d conflicts with another committer", f.name, attempt))}
			}
			return
		}
		f.ledger.meter.conflicts.Inc()
		pause(ctx, time.Duration(jitter.Int64N(int64(time.Millisecond)<<min(attempt, 7))))
	}
}

// guardDisk refuses the writes of a batch when the disk is almost full.
func (f *Lane[S]) guardDisk(ctx context.Context, batch []*request[S]) []*request[S] {
	free, err := f.ledger.free()
	if err == nil && free >= minFree {
		return batch
	}
	if err != nil {
		f.ledger.log.ErrorContext(ctx, "the free space of the ledger's disk is not known", "error", err)
	}
	var rest []*request[S]
	for _, r := range batch {
		if r.command.ValidateOnly {
			rest = append(rest, r)
		} else {
			r.answer <- answer{err: diskFull(free, err)}
		}
	}
	return rest
}

// A decision is what a batch comes to before it is published.
type decision[S any] struct {
	base     *snapshot[S]
	at       Position // of the commit, its revision tentative
	accepted []*ledgerv1.Transaction
	callers  []*request[S] // whose deadlines bound the wait for an unknown outcome
	later    []*request[S] // did not fit, to be decided in the next batch
	// answers of the requests that were decided. They wait for the outcome,
	// refusals too: a refusal may rest on a transaction that is not written yet.
	answers []func(commit answered)
}

// answer answers everybody, given where the commit is.
func (d *decision[S]) answer(commit answered) {
	for _, answer := range d.answers {
		answer(commit)
	}
}

func (d *decision[S]) add(r *request[S], a answer) {
	d.callers = append(d.callers, r)
	d.answers = append(d.answers, func(answered) { r.answer <- a })
}

// decide runs the commands of a batch in order, each on the state that the ones
// before it leave.
func (f *Lane[S]) decide(batch []*request[S]) *decision[S] {
	l := f.ledger
	applied := l.Applied() // before the state, which is then at least as new
	base := f.current.Load()
	now := l.deps.Now().UTC().Round(0) // the wall clock is what is stored
	if now.Before(base.head.time) {
		now = base.head.time
	}
	d := &decision[S]{base: base, at: Position{
		Revision: max(applied, base.head.subject) + 1, CommitTime: now, Lane: f.name, LaneSequence: base.head.sequence + 1,
	}}
	work, size := base.state, envelopeRoom
	mine := make(map[requestKey]*ledgerv1.Transaction)
	for i, r := range batch {
		c := r.command
		if r.ctx.Err() != nil {
			d.add(r, answer{err: undecided(r.ctx)})
			continue
		}
		key := keyOf(c.Actor, c.RequestID)
		remembered := c.RequestID != "" && !c.ValidateOnly
		if remembered {
			if a, found := f.retried(c, mine[key], now); found {
				d.addRetry(r, a, mine[key])
				continue
			}
		}
		at := d.at
		at.Index = len(d.accepted)
		proposal, err := f.propose(c, work, at)
		if err != nil {
			d.add(r, answer{err: err})
			continue
		}
		tx := &ledgerv1.Transaction{
			Actor: c.Actor, RequestId: c.RequestID, RequestHash: c.RequestHash, Method: c.Method,
			Names: proposal.Names, Facts: proposal.Facts, Traceparent: c.Traceparent,
		}
		need := proto.Size(tx) + 8
		switch {
		case need > MaxCommitBytes-envelopeRoom:
			d.add(r, answer{err: tooLarge(need)})
			continue
		case c.ValidateOnly || len(proposal.Facts) == 0:
			d.addUnwritten(r, applied, proposal.Names)
			continue
		case size+need > MaxCommitBytes:
			d.later = batch[i:]
			return d
		}
		if work, err = f.accept(d, work, at, tx); err != nil {
			d.add(r, answer{err: err})
			continue
		}
		size += need
		if remembered {
			mine[key] = tx
		}
		d.addWritten(r, proposal.Names)
	}
	return d
}

// retried says whether a command was written before, or is in this batch.
func (f *Lane[S]) retried(c Command[S], mine *ledgerv1.Transaction, now time.Time) (answer, bool) {
	if mine != nil {
		if string(mine.GetRequestHash()) != string(c.RequestHash) {
			return answer{err: requestIDReused(c.RequestID)}, true
		}
		return answer{receipt: Receipt{Names: mine.GetNames(), Duplicate: true}}, true
	}
	before, found, same := f.requests.find(c.Actor, c.RequestID, c.RequestHash, now)
	switch {
	case !found:
		return answer{}, false
	case !same:
		return answer{err: requestIDReused(c.RequestID)}, true
	}
	return answer{
		receipt: Receipt{Revision: before.revision, CommitTime: before.time, Duplicate: true},
		lookup:  &before,
	}, true
}

func (d *decision[S]) addRetry(r *request[S], a answer, mine *ledgerv1.Transaction) {
	if a.err != nil || mine == nil {
		d.add(r, a)
		return
	}
	d.callers = append(d.callers, r)
	d.answers = append(d.answers, func(commit answered) {
		a.receipt.Revision, a.receipt.CommitTime = commit.revision, commit.time
		r.answer <- a
	})
}

func (d *decision[S]) addWritten(r *request[S], names []string) {
	d.callers = append(d.callers, r)
	d.answers = append(d.answers, func(commit answered) {
		r.answer <- answer{receipt: Receipt{Revision: commit.revision, CommitTime: commit.time, Names: names}}
	})
}

// addUnwritten answers a command that leaves nothing to write with the revision
// it was decided at, or with the commit whose transactions it was decided on.
func (d *decision[S]) addUnwritten(r *request[S], applied int64, names []string) {
	d.callers = append(d.callers, r)
	d.answers = append(d.answers, func(commit answered) {
		r.answer <- answer{receipt: Receipt{Revision: max(applied, commit.revision), CommitTime: d.base.head.time, Names: names}}
	})
}

// propose runs a command's Decide. A panic in it is a bug of one request and
// must not take the lane down.
func (f *Lane[S]) propose(c Command[S], state S, at Position) (p Proposal, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			id := crand.Text()
			f.ledger.log.Error("a command panicked", "id", id, "method", c.Method, "panic", cause, "stack", string(debug.Stack()))
			err = fault.Bug(id, fmt.Errorf("panic: %v", cause))
		}
	}()
	return c.Decide(state, at)
}

// accept applies a transaction to the working state. One that cannot be applied
// is refused, and the state is made anew from those accepted before.
func (f *Lane[S]) accept(d *decision[S], work S, at Position, tx *ledgerv1.Transaction) (S, error) {
	if len(d.accepted) == 0 {
		work = f.clone(work)
	}
	known, err := vocabulary(tx)
	if err == nil {
		err = work.Apply(at, known)
	}
	if err == nil {
		d.accepted = append(d.accepted, tx)
		return work, nil
	}
	id := crand.Text()
	f.ledger.log.Error("a proposal cannot be applied", "id", id, "method", tx.GetMethod(), "error", err)
	work = d.base.state
	for i, before := range d.accepted {
		if i == 0 {
			work = f.clone(work)
		}
		at.Index = i
		known, again := vocabulary(before)
		if again == nil {
			again = work.Apply(at, known)
		}
		if again != nil {
			return work, fault.Bug(id, errors.Join(err, again))
		}
	}
	return work, fault.Bug(id, err)
}

// result of a publication.
type result int

const (
	won     result = iota // the commit is in the ledger and folded
	lost                  // it is not and never will be
	unknown               // the callers' time ended before it was known
)

// publish sends a commit until the ledger shows what became of it. The same
// bytes are sent again: the commit id makes that harmless within the stream's
// duplicate window, the expected sequence after it.
func (f *Lane[S]) publish(ctx context.Context, d *decision[S]) (answered, result, error) {
	l, h := f.ledger, d.base.head
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(&ledgerv1.Body{Transactions: d.accepted})
	if err != nil {
		return answered{}, unknown, fmt.Errorf("encode a commit: %w", err)
	}
	commit := &ledgerv1.Commit{
		LedgerId:         l.id,
		Epoch:            l.epoch,
		Lane:             f.name,
		LaneSequence:     d.at.LaneSequence,
		PreviousRevision: h.revision,
		CommitId:         crand.Text(),
		CommitTime:       timestamppb.New(d.at.CommitTime),
		TransactionCount: int32(len(d.accepted)),
		PreviousHash:     h.hash,
		Body:             body,
	}
	data, err := seal(commit)
	if err != nil {
		return answered{}, unknown, err
	}
	ctx, span := l.spanCommit(ctx, f.name, d.accepted, len(data))
	defer span.End()
	f.expect(commit.GetLaneSequence(), commit.GetCommitId())
	l.meter.transactions.Observe(float64(len(d.accepted)))
	l.meter.commitBytes.Observe(float64(len(data)))
	sent := l.deps.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		revision, err := f.send(ctx, data, commit.GetCommitId(), h.subject)
		if err == nil {
			l.meter.publishSeconds.Observe(l.deps.Now().Sub(sent).Seconds())
			err = l.WaitFor(ctx, revision)
		}
		if err == nil {
			// The server has decided: our commit is there, or its place is taken.
			o := f.outcome()
			if o.revision == 0 {
				return answered{}, lost, nil
			}
			span.SetAttributes(attribute.Int64("zonebench.revision", o.revision))
			return answered{revision: o.revision, time: d.at.CommitTime}, won, nil
		}
		if halt := l.Err(); halt != nil {
			return answered{}, unknown, halt
		}
		if ctx.Err() != nil || d.abandoned() {
			return answered{}, unknown, err
		}
		l.log.WarnContext(ctx, "the outcome of a commit is not known, sending it again", "lane", f.name, "commit", commit.GetCommitId(), "error", err)
		l.meter.resends.Inc()
		pause(ctx, wait)
	}
}

// send publishes a commit once. It returns the revision after which the ledger
// shows what became of it, or an error if that is not known.
func (f *Lane[S]) send(ctx context.Context, data []byte, commitID string, expected int64) (int64, error) {
	l := f.ledger
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	ack, err := l.js.PublishMsg(ctx, &nats.Msg{Subject: prefix + f.name, Data: data, Header: traceHeader(ctx)},
		jetstream.WithMsgID(commitID),
		jetstream.WithExpectStream(Stream),
		jetstream.WithExpectLastSequencePerSubject(uint64(expected)),
		jetstream.WithRetryAttempts(0))
	if err == nil {
		return int64(ack.Sequence), nil
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != wrongLastSequence && api.ErrorCode != wrongLastSequenceConstant {
		return 0, err
	}
	// Another message stands where this one was meant to, says the server. One
	// that was cut off from the others may say so because it lags. Not before the
	// lane has gone on here is it certain that no copy of this commit which is
	// still on its way can be stored.
	return f.overtaken(ctx, expected)
}

// overtaken waits until this process has read a message of the lane behind a
// position, and gives a revision that it has read.
func (f *Lane[S]) overtaken(ctx context.Context, position int64) (int64, error) {
	l := f.ledger
	for {
		l.mu.Lock()
		applied, advanced := l.applied, l.advanced
		l.mu.Unlock()
		if f.current.Load().head.subject > position {
			return applied, nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Error codes of the server for an expected sequence that is not the last one.
const (
	wrongLastSequence         jetstream.ErrorCode = 10071
	wrongLastSequenceConstant jetstream.ErrorCode = 10164
)

// abandoned says that nobody waits for this decision any more.
func (d *decision[S]) abandoned() bool {
	for _, r := range d.callers {
		if r.ctx.Err() == nil {
			return false
		}
	}
	return true
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
