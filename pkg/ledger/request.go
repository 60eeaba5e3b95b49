package ledger

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"time"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const (
	// requestLife is how long a request id is known, by commit time.
	requestLife = 7 * 24 * time.Hour
	// maxRequests bounds the memory of a lane's request ids, at about 100 bytes
	// each; beyond it the oldest are forgotten before their time.
	maxRequests = 1 << 20
)

// requests are the request ids of a lane. What is in it is a function of the
// lane's commits, so every process gives the same answer to a retry.
type requests struct {
	mu    sync.Mutex
	byKey map[requestKey]answered
	order []requestKey // oldest first
}

// requestKey is a digest of an actor and its request id.
type requestKey [16]byte

// answered is a request that is in the ledger. What it wrote stays there: the
// names are read from its commit when a retry asks.
type answered struct {
	revision int64
	index    int32
	hash     [16]byte
	time     time.Time
}

func newRequests() *requests { return &requests{byKey: make(map[requestKey]answered)} }

func keyOf(actor, requestID string) requestKey {
	h := sha256.New()
	putBytes(h, []byte(actor))
	putBytes(h, []byte(requestID))
	return requestKey(h.Sum(nil)[:16])
}

// add records a transaction and forgets what is too old at its time.
func (r *requests) add(at Position, tx *ledgerv1.Transaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 {
		oldest := r.byKey[r.order[0]]
		if len(r.order) < maxRequests && at.CommitTime.Sub(oldest.time) <= requestLife {
			break
		}
		delete(r.byKey, r.order[0])
		r.order = r.order[1:]
	}
	if tx.GetRequestId() == "" {
		return
	}
	key := keyOf(tx.GetActor(), tx.GetRequestId())
	if _, ok := r.byKey[key]; ok {
		return // a committer never writes it twice; if one did, the first answer stands
	}
	a := answered{revision: at.Revision, index: int32(at.Index), time: at.CommitTime}
	copy(a.hash[:], tx.GetRequestHash())
	r.byKey[key] = a
	r.order = append(r.order, key)
}

// find looks a request up. A found one with another hash is a misuse.
func (r *requests) find(actor, requestID string, hash []byte, now time.Time) (a answered, found, same bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, found = r.byKey[keyOf(actor, requestID)]
	if !found || now.Sub(a.time) > requestLife {
		return answered{}, false, false
	}
	var want [16]byte
	copy(want[:], hash)
	return a, true, bytes.Equal(want[:], a.hash[:])
}
