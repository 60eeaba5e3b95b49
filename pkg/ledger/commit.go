package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// ErrUnknownFact is returned by a State for a fact whose kind it does not know.
// The ledger halts on it: to go on would be to guess.
var ErrUnknownFact = errors.New("unknown fact")

const hashDomain = "zonebench.ledger.v1.Commit"

// Hash is the hash of a commit's envelope as the package comment defines it.
func Hash(c *ledgerv1.Commit) []byte {
	h := sha256.New()
	putBytes(h, []byte(hashDomain))
	putBytes(h, []byte(c.GetLedgerId()))
	putInt(h, c.GetEpoch())
	putBytes(h, []byte(c.GetLane()))
	putInt(h, c.GetLaneSequence())
	putInt(h, c.GetPreviousRevision())
	putBytes(h, []byte(c.GetCommitId()))
	putInt(h, c.GetCommitTime().GetSeconds())
	putInt(h, int64(c.GetCommitTime().GetNanos()))
	putInt(h, int64(c.GetTransactionCount()))
	putBytes(h, c.GetPreviousHash())
	putBytes(h, c.GetBodyHash())
	return h.Sum(nil)
}

func putInt(h hash.Hash, v int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(v))
	h.Write(b[:])
}

func putBytes(h hash.Hash, b []byte) {
	putInt(h, int64(len(b)))
	h.Write(b)
}

// seal fills the hashes of a commit and gives the bytes to store.
func seal(c *ledgerv1.Commit) ([]byte, error) {
	sum := sha256.Sum256(c.GetBody())
	c.BodyHash = sum[:]
	c.Hash = Hash(c)
	data, err := proto.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a commit: %w", err)
	}
	return data, nil
}

// A message is what the stream holds at one sequence.
type message struct {
	sequence int64
	subject  string
	data     []byte
	trace    string // traceparent of the commit, empty when it is not traced
}

// A head is where a lane stands.
type head struct {
	sequence int64     // of the lane's last commit, within the lane
	revision int64     // of the lane's last commit
	subject  int64     // last stream sequence on the lane's subject, commits and rejected messages alike
	hash     []byte    // of the lane's last commit
	time     time.Time // of the lane's last commit
}

// A verdict says what becomes of a message.
type verdict int

const (
	accepted verdict = iota
	repeated         // its commit id is known
	rejected         // by rule, in every process alike
)

// knownCommits is how many commit ids of each lane are remembered. More is not
// needed: a commit that comes again later has a lane position that is long
// taken, and is rejected for that. The number only decides by which name.
const knownCommits = 1024

// chain checks messages in the order of the stream. It holds no state of a
// fold, so a process and Verify share it.
type chain struct {
	id    string
	epoch int64
	last  int64 // sequence of the last message that was checked
	heads map[string]head
	known map[string]bool
	order []string // of known, oldest first
}

func newChain(id string, epoch int64) *chain {
	return &chain{id: id, epoch: epoch, heads: make(map[string]head), known: make(map[string]bool)}
}

// A DamageError says which part of the stream cannot be read or trusted.
type DamageError struct {
	First, Last int64 // stream sequences, inclusive
	Cause       string
}

func (e *DamageError) Error() string {
	if e.First == e.Last {
		return fmt.Sprintf("the ledger is damaged at revision %d: %s", e.First, e.Cause)
	}
	return fmt.Sprintf("the ledger is damaged from revision %d to %d: %s", e.First, e.Last, e.Cause)
}

// Causes of damage that a part of the stream is not there.
const (
	streamGone = "the stream of the ledger is gone from the store"

	missing = "the store does not have these messages any more"
	cutEnd  = "the end of the store is cut: these commits were read before and are not there any more"
)

func damage(first, last int64, format string, args ...any) *DamageError {
	return &DamageError{First: first, Last: last, Cause: fmt.Sprintf(format, args...)}
}

// check judges the next message. After an error the chain must not be used
// further, except by Verify, which says what it skips.
func (c *chain) check(m message) (*ledgerv1.Commit, verdict, error) {
	if m.sequence > c.last+1 {
		return nil, 0, damage(c.last+1, m.sequence-1, "%s", missing)
	}
	commit := &ledgerv1.Commit{}
	if err := proto.Unmarshal(m.data, commit); err != nil {
		return nil, 0, damage(m.sequence, m.sequence, "this is not a commit (%v)", err)
	}
	if commit.GetLedgerId() != c.id || commit.GetEpoch() != c.epoch {
		return nil, 0, damage(m.sequence, m.sequence, "this commit is of ledger %q epoch %d, the stream is of ledger %q epoch %d",
			commit.GetLedgerId(), commit.GetEpoch(), c.id, c.epoch)
	}
	c.last = m.sequence
	lane := strings.TrimPrefix(m.subject, prefix)
	h := c.heads[lane]
	h.subject = m.sequence
	c.heads[lane] = h
	if c.known[commit.GetCommitId()] {
		return commit, repeated, nil
	}
	if commit.GetLane() != lane || commit.GetLaneSequence() != h.sequence+1 || commit.GetPreviousRevision() != h.revision {
		return commit, rejected, nil
	}
	sum := sha256.Sum256(commit.GetBody())
	switch {
	case !bytes.Equal(sum[:], commit.GetBodyHash()):
		return nil, 0, damage(m.sequence, m.sequence, "the body of this commit does not have the hash that its envelope says")
	case !bytes.Equal(Hash(commit), commit.GetHash()):
		return nil, 0, damage(m.sequence, m.sequence, "the envelope of this commit does not have the hash that it says")
	case !bytes.Equal(commit.GetPreviousHash(), h.hash):
		return nil, 0, damage(m.sequence, m.sequence, "this commit does not follow commit %d of lane %s: the chain of hashes is broken", h.sequence, lane)
	}
	c.heads[lane] = head{
		sequence: commit.GetLaneSequence(),
		revision: m.sequence,
		subject:  m.sequence,
		hash:     commit.GetHash(),
		time:     commit.GetCommitTime().AsTime(),
	}
	c.remember(commit.GetCommitId())
	return commit, accepted, nil
}

func (c *chain) remember(commitID string) {
	c.known[commitID] = true
	c.order = append(c.order, commitID)
	if len(c.order) > knownCommits {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
}

// open decodes the body of a commit that was checked.
func open(c *ledgerv1.Commit) (*ledgerv1.Body, error) {
	body := &ledgerv1.Body{}
	if err := proto.Unmarshal(c.GetBody(), body); err != nil {
		return nil, fmt.Errorf("its body is not readable: %w", err)
	}
	if n := len(body.GetTransactions()); n != int(c.GetTransactionCount()) {
		return nil, fmt.Errorf("its body has %d transactions, its envelope says %d", n, c.GetTransactionCount())
	}
	return body, nil
}

// vocabulary refuses facts that this build cannot read and takes LedgerVersion,
// which is the ledger's own, away from the transaction that a fold sees.
func vocabulary(tx *ledgerv1.Transaction) (*ledgerv1.Transaction, error) {
	own := false
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case nil:
			return nil, fmt.Errorf("%w: its kind is not in this build's vocabulary", ErrUnknownFact)
		case *ledgerv1.Fact_LedgerVersion:
			if v := kind.LedgerVersion.GetVersion(); v > Vocabulary {
				return nil, fmt.Errorf("%w: from here on the vocabulary is version %d, this build reads %d", ErrUnknownFact, v, Vocabulary)
			}
			own = true
		}
	}
	if !own {
		return tx, nil
	}
	rest := &ledgerv1.Transaction{
		Actor: tx.GetActor(), RequestId: tx.GetRequestId(), RequestHash: tx.GetRequestHash(),
		Method: tx.GetMethod(), Names: tx.GetNames(), Traceparent: tx.GetTraceparent(),
	}
	for _, fact := range tx.GetFacts() {
		if fact.GetLedgerVersion() == nil {
			rest.Facts = append(rest.Facts, fact)
		}
	}
	return rest, nil
}
