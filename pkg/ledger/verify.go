package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// Verification says what Verify reads.
type Verification struct {
	JetStream jetstream.JetStream
	MarkFile  string // what is known about the store, see Config; only read
	Log       *slog.Logger
	// Progress is told each revision that was read; nil tells nobody.
	Progress func(revision, last int64)
}

// A Report is what Verify found.
type Report struct {
	LedgerID     string
	Epoch        int64
	LastRevision int64
	Commits      int64 // accepted ones
	Transactions int64
	Facts        int64
	Bytes        int64
	Ignored      []int64 // revisions that a rule ignores in every process
	Lanes        []LaneReport
	Damage       []DamageError
	// Torn is the number of bytes at the end of a store that are no whole message:
	// a write that was cut, of which nobody was told that it is done.
	Torn int64
	// Digest chains the accepted commits in order: each step is SHA-256 over the
	// step before (empty at first), lane, lane sequence, seconds and nanoseconds
	// of the commit time, and body hash, encoded as for Hash. It does not
	// depend on the ledger id, the epoch, the revisions or any fold: two ledgers
	// that say the same at the same times have the same.
	Digest string
}

// A LaneReport is where a lane ends.
type LaneReport struct {
	Lane         string
	Sequence     int64
	Revision     int64
	CommitTime   time.Time
	Commits      int64
	Transactions int64
	Hash         string
}

// Sound says that nothing is damaged.
func (r *Report) Sound() bool { return len(r.Damage) == 0 }

// Verify reads the whole ledger against its chain of hashes, whatever is folded
// where, and goes on behind each damage. It reads as far as the ledger reached
// when it began. The error is about verifying; damage is in the report.
func Verify(ctx context.Context, v Verification) (*Report, error) {
	if v.Log == nil {
		v.Log = slog.New(slog.DiscardHandler)
	}
	known, err := readMark(v.MarkFile)
	if err != nil {
		return nil, err
	}
	stream, err := v.JetStream.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return gone(known)
	case err != nil:
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	info := stream.CachedInfo()
	id, epoch, err := identity(info.Config)
	if err != nil {
		return nil, err
	}
	x := newVerifier(id, epoch)
	x.report.LastRevision = int64(info.State.LastSeq)
	r := &reader{stream: stream, log: v.Log, sawLast: func(int64) {}}
	defer r.stop()
	for r.last < x.report.LastRevision {
		m, err := r.next(ctx)
		var d *DamageError
		switch {
		case errors.As(err, &d):
			x.damaged(d)
			r.skip(d.Last)
		case err != nil:
			return nil, err
		default:
			x.take(m)
		}
		if v.Progress != nil {
			v.Progress(r.last, x.report.LastRevision)
		}
	}
	x.compare(known)
	return x.finish(), nil
}

// gone is the report on a store without the stream.
func gone(known marked) (*Report, error) {
	if known.id == "" {
		return nil, errors.New("there is no ledger: the stream has not been made yet")
	}
	return &Report{LedgerID: known.id, Epoch: known.epoch, Damage: []DamageError{
		{First: 1, Last: max(known.revision, 1), Cause: streamGone},
	}}, nil
}

// Stored is a ledger in files that no server runs over.
type Stored struct {
	Metadata map[string]string // of the stream; nil: the store does not have it
	// Read gives every readable message, in order, until yield returns false.
	Read func(yield func(sequence int64, subject string, data []byte) bool) error
	// Cause tells why the messages of a range cannot be read, and Torn how much at
	// the end is no whole message. They are asked after Read.
	Cause    func(first, last int64) string
	Torn     func() int64
	MarkFile string // what is known about the store, see Config; only read
}

// VerifyStored is Verify for files: it changes nothing, and sees what a server
// would cut off behind a damage.
func VerifyStored(s Stored) (*Report, error) {
	known, err := readMark(s.MarkFile)
	if err != nil {
		return nil, err
	}
	if s.Metadata == nil {
		return gone(known)
	}
	id, epoch, err := identity(jetstream.StreamConfig{Metadata: s.Metadata})
	if err != nil {
		return nil, err
	}
	x := newVerifier(id, epoch)
	err = s.Read(func(sequence int64, subject string, data []byte) bool {
		last := x.chain.last
		if sequence <= last {
			return true // the same message in two files: a block that was being rewritten
		}
		if sequence > last+1 {
			x.damaged(damage(last+1, sequence-1, "%s", missing))
		}
		x.report.LastRevision = sequence
		x.take(message{sequence: sequence, subject: subject, data: data})
		return true
	})
	if err != nil {
		return nil, err
	}
	x.compare(known)
	for i, d := range x.report.Damage {
		if d.Cause != missing && d.Cause != cutEnd {
			continue
		}
		if cause := s.Cause(d.First, d.Last); cause != "" {
			x.report.Damage[i].Cause = cause
		}
	}
	x.report.Torn = s.Torn()
	return x.finish(), nil
}

// verifier goes through a ledger and collects what is wrong with it.
type verifier struct {
	chain  *chain
	report *Report
	lanes  map[string]*LaneReport
	sum    []byte // of the digest so far
}

func newVerifier(id string, epoch int64) *verifier {
	return &verifier{chain: newChain(id, epoch), report: &Report{LedgerID: id, Epoch: epoch}, lanes: make(map[string]*LaneReport)}
}

// compare tells whether the store ends before what is known to have been in it.
func (x *verifier) compare(known marked) {
	if known.id == x.report.LedgerID && known.epoch == x.report.Epoch && known.revision > x.report.LastRevision {
		x.damaged(damage(x.report.LastRevision+1, known.revision, "%s", cutEnd))
	}
}

func (x *verifier) damaged(d *DamageError) {
	x.report.Damage = append(x.report.Damage, *d)
	x.chain.last = max(x.chain.last, d.Last)
}

func (x *verifier) take(m message) {
	if !x.report.Sound() {
		x.adopt(m)
	}
	commit, verdict, err := x.chain.check(m)
	if d, ok := errors.AsType[*DamageError](err); ok {
		x.damaged(d)
		return
	}
	if verdict != accepted {
		x.report.Ignored = append(x.report.Ignored, m.sequence)
		return
	}
	body, err := open(commit)
	if err != nil {
		x.damaged(damage(m.sequence, m.sequence, "%v", err))
		return
	}
	x.count(commit, body, len(m.data))
}

// adopt lets a lane go on behind a damage that took some of its commits: what
// follows is checked against what it says it follows.
func (x *verifier) adopt(m message) {
	commit := &ledgerv1.Commit{}
	if proto.Unmarshal(m.data, commit) != nil {
		return // check says so
	}
	h := x.chain.heads[commit.GetLane()]
	if m.subject != prefix+commit.GetLane() || commit.GetLaneSequence() <= h.sequence+1 {
		return
	}
	h.sequence, h.revision, h.hash = commit.GetLaneSequence()-1, commit.GetPreviousRevision(), commit.GetPreviousHash()
	x.chain.heads[commit.GetLane()] = h
}

func (x *verifier) count(c *ledgerv1.Commit, body *ledgerv1.Body, size int) {
	lane := x.lanes[c.GetLane()]
	if lane == nil {
		lane = &LaneReport{Lane: c.GetLane()}
		x.lanes[c.GetLane()] = lane
	}
	lane.Commits++
	lane.Transactions += int64(c.GetTransactionCount())
	x.report.Commits++
	x.report.Transactions += int64(c.GetTransactionCount())
	x.report.Bytes += int64(size)
	for _, tx := range body.GetTransactions() {
		x.report.Facts += int64(len(tx.GetFacts()))
	}
	h := sha256.New()
	putBytes(h, x.sum)
	putBytes(h, []byte(c.GetLane()))
	putInt(h, c.GetLaneSequence())
	putInt(h, c.GetCommitTime().GetSeconds())
	putInt(h, int64(c.GetCommitTime().GetNanos()))
	putBytes(h, c.GetBodyHash())
	x.sum = h.Sum(nil)
}

func (x *verifier) finish() *Report {
	for _, name := range slices.Sorted(maps.Keys(x.lanes)) {
		lane, h := x.lanes[name], x.chain.heads[name]
		lane.Sequence, lane.Revision, lane.CommitTime, lane.Hash = h.sequence, h.revision, h.time, hex.EncodeToString(h.hash)
		x.report.Lanes = append(x.report.Lanes, *lane)
	}
	x.report.Digest = hex.EncodeToString(x.sum)
	return x.report
}
