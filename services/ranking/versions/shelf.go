package versions

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

const (
	// Kept is how many versions of a ranking are kept.
	Kept = 64
	// pageRows is how many rows are one page.
	pageRows = 100
	// lifetime is how long what is not written again stays in Redis: an epoch that
	// ended, a ranking that rests. Its rows are computed again when asked for.
	lifetime = 24 * time.Hour
	// goodbye is how long an evicted version stays, for who is reading it.
	goodbye = time.Minute
	// claim is how long a Redis belongs to the installation that wrote its guard
	// last.
	claim = 10 * time.Minute

	readTimeout  = 200 * time.Millisecond
	writeTimeout = time.Second
	checkEvery   = time.Second
	checkAtMost  = 10 * time.Second // apart, while Redis is away
)

// layout is raised when what is written changes its form: a process that knows
// another one looks elsewhere.
const layout = "zonebench:1:"

// A shelf is where processes share versions: a Redis. All of these are under the
// id and the epoch of the ledger, those of a ranking in one slot of a cluster:
//
//	pages    a hash for each version: `head`, and `0`, `1`, ... with 100 rows each
//	pointer  the newest version that anyone put there; it only moves forward
//	heads    a hash from version to head, the newest 64
//	guard    the ledger id, its epoch, a birth mark and the applied revision; one
//	         for the whole Redis
//
// A Redis that is set back to less than a second ago may pass for what it was.
// It lacks some copies then, and that is all.
//
// Nothing on it is believed: pages are asked for by version and held against
// their digest, heads against a checksum. The guard tells when the Redis lost
// what it had, so that it is put there anew, and when it is somebody else's, so
// that nothing is.
//
// A failure makes it unusable until the guard was read again, so that nobody
// else waits for a Redis that hangs.
type shelf struct {
	client redis.UniversalClient
	ledger Ledger
	log    *slog.Logger
	meter  *meter

	mu     sync.Mutex
	usable bool
	mark   int64  // the highest applied revision seen in the guard
	birth  string // of the guard that was seen last
	state  string // what was said last about it, to say it once
}

func newShelf(client redis.UniversalClient, l Ledger, log *slog.Logger, m *meter) *shelf {
	return &shelf{client: client, ledger: l, log: log, meter: m}
}

func (s *shelf) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable
}

// prefix of the keys of a ranking. What is in braces chooses the slot.
func (s *shelf) prefix(name string) string {
	return layout + "{" + s.ledger.ID() + ":" + strconv.FormatInt(s.ledger.Epoch(), 10) + ":" + strings.TrimPrefix(name, "rankings/") + "}:"
}

// pages is the key of a version. The time of its commit tells apart what two
// ledgers say that were one until somebody copied a store.
func (s *shelf) pages(name, version string) string {
	revision, _ := strconv.ParseInt(version, 10, 64)
	return s.prefix(name) + "pages:" + version + ":" + strconv.FormatInt(s.ledger.TimeAt(revision).UnixNano(), 36)
}

// failed notes an error of Redis. An end that the caller asked for is none.
func (s *shelf) failed(ctx context.Context, operation string, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	s.meter.redisErrors.WithLabelValues(operation).Inc()
	s.meter.usable.Set(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usable = false
	if s.enter("away") {
		s.log.WarnContext(ctx, "Redis fails: rankings are answered from memory", "operation", operation, "error", err)
	}
}

// enter reports whether a state is another one than before.
func (s *shelf) enter(state string) bool {
	if s.state == state {
		return false
	}
	s.state = state
	return true
}

// load reads a version; nil when it is not there or not what it should be.
func (s *shelf) load(ctx context.Context, name string, version int64) *Version {
	if !s.ready() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	at := s.pages(name, strconv.FormatInt(version, 10))
	fields, err := s.client.HGetAll(ctx, at).Result()
	if err != nil {
		s.failed(ctx, "load", err)
		return nil
	}
	if len(fields) == 0 {
		return nil
	}
	v, err := s.decode(fields)
	if err == nil && (v.Head.GetRanking() != name || v.Head.GetVersion() != version) {
		err = fmt.Errorf("these are the rows of %s at %d", v.Head.GetRanking(), v.Head.GetVersion())
	}
	if err != nil {
		s.meter.mismatches.Inc()
		s.log.WarnContext(ctx, "a version in Redis is not what was put there: it is computed anew", "ranking", name, "version", version, "error", err)
		// It expires at once: who uses this Redis needs no right to delete.
		if err := s.client.PExpire(ctx, at, time.Millisecond).Err(); err != nil {
			s.failed(ctx, "load", err)
		}
		return nil
	}
	return v
}

// put shares a version. It reports whether this moved the ranking's pointer:
// of all who put a version, one is told so.
func (s *shelf) put(ctx context.Context, v *Version) (won bool, err error) {
	if !s.ready() {
		return false, errUnusable
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			s.failed(ctx, "put", err)
		}
	}()
	name, version := v.Head.GetRanking(), strconv.FormatInt(v.Head.GetVersion(), 10)
	fields, err := s.encode(v)
	if err != nil {
		return false, err
	}
	// The pages are complete before anything points at them.
	if _, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, s.pages(name, version), fields)
		p.PExpire(ctx, s.pages(name, version), lifetime)
		return nil
	}); err != nil {
		return false, err
	}
	head, err := s.seal(v.Head)
	if err != nil {
		return false, err
	}
	reply, err := advance.Run(ctx, s.client, []string{s.prefix(name) + "pointer", s.prefix(name) + "heads"},
		version, head, Kept, lifetime.Milliseconds()).Slice()
	if err != nil {
		return false, err
	}
	if len(reply) == 0 {
		return false, errors.New("an empty reply to a script")
	}
	if gone := reply[1:]; len(gone) > 0 {
		if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, version := range gone {
				p.PExpire(ctx, s.pages(name, fmt.Sprint(version)), goodbye)
			}
			return nil
		}); err != nil {
			return false, err
		}
	}
	return reply[0] == int64(1), nil
}

var errUnusable = errors.New("redis is not usable")

// heads reads the heads of the kept versions, newest first.
func (s *shelf) heads(ctx context.Context, name string) []*rankingv1.VersionHead {
	if !s.ready() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	sealed, err := s.client.HVals(ctx, s.prefix(name)+"heads").Result()
	if err != nil {
		s.failed(ctx, "heads", err)
		return nil
	}
	var heads []*rankingv1.VersionHead
	for _, one := range sealed {
		head, err := s.unseal(one)
		if err != nil || head.GetRanking() != name {
			s.meter.mismatches.Inc()
			continue
		}
		heads = append(heads, head)
	}
	slices.SortFunc(heads, newestFirst)
	return heads
}

// advance moves the pointer forward and takes the head in. It gives 1 if the
// pointer moved, else 0, then the versions that are kept no longer.
var advance = redis.NewScript(`
local version, keep, life = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4]
local reply = {0}
if version > tonumber(redis.call('GET', KEYS[1]) or '0') then
	redis.call('SET', KEYS[1], ARGV[1], 'PX', life)
	reply[1] = 1
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], life)
local kept = redis.call('HKEYS', KEYS[2])
if #kept > keep then
	table.sort(kept, function(a, b) return tonumber(a) < tonumber(b) end)
	for i = 1, #kept - keep do
		redis.call('HDEL', KEYS[2], kept[i])
		reply[#reply + 1] = kept[i]
	end -- of the oldest ones
end
return reply
`)

// guard gives the guard that was found, as texts, empty when there was none. One
// of this ledger, and of this epoch or an earlier one, is brought up to date.
var guard = redis.NewScript(`
local ledger, epoch, applied, birth, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local found = redis.call('HMGET', KEYS[1], 'ledger', 'epoch', 'applied', 'birth')
for i = 1, 4 do found[i] = found[i] or '' end
if found[1] == ledger and tonumber(found[2]) == epoch then
	if applied > tonumber(found[3]) then redis.call('HSET', KEYS[1], 'applied', ARGV[3]) end
elseif found[1] == '' or (found[1] == ledger and tonumber(found[2]) < epoch) then
	redis.call('HSET', KEYS[1], 'ledger', ledger, 'epoch', ARGV[2], 'applied', ARGV[3], 'birth', birth)
else
	return found
end
redis.call('PEXPIRE', KEYS[1], life)
return found
`)

// A finding is what a look at the guard says.
type finding string

const (
	sound      finding = ""            // it is as it was left
	fresh      finding = "first"       // nobody used it before
	flushed    finding = "flushed"     // it lost everything
	rolledBack finding = "rolled_back" // it is as it was some time ago
	replaced   finding = "replaced"    // another process put a guard there meanwhile
	older      finding = "older_epoch" // it holds what was before a restore
	foreign    finding = "foreign"     // it is another installation's
	outlived   finding = "outlived"    // it holds what comes after a restore that this process missed
)

// check reads the guard and writes it. It reports whether everything should be
// put there anew.
func (s *shelf) check(ctx context.Context) (rebuild bool) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	s.mu.Lock()
	applied := max(s.ledger.Applied(), s.mark)
	s.mu.Unlock()
	birth := rand.Text()
	found, err := guard.Run(ctx, s.client, []string{layout + "guard"},
		s.ledger.ID(), s.ledger.Epoch(), applied, birth, claim.Milliseconds()).StringSlice()
	if err == nil && len(found) != 4 {
		err = fmt.Errorf("a guard of %d parts", len(found))
	}
	if err != nil {
		s.failed(ctx, "guard", err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.usable
	what := s.compare(found)
	if s.usable = what != foreign && what != outlived; !s.usable {
		s.meter.usable.Set(0)
		if s.enter(string(what)) {
			s.meter.rebuilds.WithLabelValues(string(what)).Inc()
			s.log.ErrorContext(ctx, "this Redis belongs to another installation, or to a later epoch of this one: it is not used. "+
				"Give this one a Redis of its own, or empty that one; what nobody tends is taken over after a while",
				"ledger", found[0], "epoch", found[1], "after", claim)
		}
		return false
	}
	s.meter.usable.Set(1)
	s.mark = applied
	switch what {
	case sound, replaced:
		revision, _ := strconv.ParseInt(found[2], 10, 64)
		s.mark, s.birth = max(applied, revision), found[3]
	case rolledBack: // it has the birth mark that it had
	default:
		s.birth = birth
	}
	if what != sound && what != fresh {
		s.meter.rebuilds.WithLabelValues(string(what)).Inc()
		s.log.WarnContext(ctx, "Redis is not as it was left: versions are put there anew", "cause", string(what))
	}
	if s.enter("usable") {
		s.log.InfoContext(ctx, "versions are shared in Redis")
	}
	// What was not put there while it was away is put there now.
	return what != sound || !before
}

// compare says what a guard means for this process.
func (s *shelf) compare(found []string) finding {
	epoch, _ := strconv.ParseInt(found[1], 10, 64)
	applied, _ := strconv.ParseInt(found[2], 10, 64)
	switch {
	case found[0] == "" && s.birth == "":
		return fresh
	case found[0] == "":
		return flushed
	case found[0] != s.ledger.ID():
		return foreign
	case epoch > s.ledger.Epoch():
		return outlived
	case epoch < s.ledger.Epoch():
		return older
	case s.birth != "" && found[3] != s.birth:
		return replaced
	case applied < s.mark:
		return rolledBack
	default:
		return sound
	}
}

// tend looks at the guard every second, less often while Redis is away, and calls
// rebuild when everything should be put there anew.
func (s *shelf) tend(ctx context.Context, rebuild func()) {
	wait := checkEvery
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if s.check(ctx) {
			rebuild()
		}
		if wait = min(2*wait, checkAtMost); s.ready() {
			wait = checkEvery
		}
		timer.Reset(wait)
	}
}

// encode makes the fields of a version.
func (s *shelf) encode(v *Version) (map[string]any, error) {
	head, err := s.seal(v.Head)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{"head": head}
	page := 0
	for rows := range slices.Chunk(v.Rows, pageRows) {
		var b bytes.Buffer
		for _, row := range rows {
			if _, err := protodelim.MarshalTo(&b, row); err != nil {
				return nil, fmt.Errorf("encode a row of %s: %w", v.Head.GetRanking(), err)
			}
		}
		fields[strconv.Itoa(page)] = b.Bytes()
		page++
	}
	return fields, nil
}

// decode reads a version and holds it against its digest.
func (s *shelf) decode(fields map[string]string) (*Version, error) {
	head, err := s.unseal(fields["head"])
	if err != nil {
		return nil, err
	}
	rows := make([]*rankingv1.Standing, 0, min(head.GetRows(), 1<<20))
	for page := 0; page*pageRows < int(head.GetRows()); page++ {
		r := strings.NewReader(fields[strconv.Itoa(page)])
		for {
			row := &rankingv1.Standing{}
			err := protodelim.UnmarshalFrom(r, row)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("page %d: %w", page, err)
			}
			rows = append(rows, row)
		}
	}
	says, count := head.GetDigest(), int(head.GetRows())
	v := Seal(head, rows)
	if len(rows) != count || v.Head.GetDigest() != says {
		return nil, fmt.Errorf("%d rows of %d, with another digest than the head says", len(rows), count)
	}
	return v, nil
}

// seal is a head behind a checksum over it and the time that the ledger had
// then, so that a head of a copy of this ledger which went another way is wrong.
func (s *shelf) seal(head *rankingv1.VersionHead) (string, error) {
	b, err := proto.Marshal(head)
	if err != nil {
		return "", fmt.Errorf("encode the head of %s: %w", head.GetRanking(), err)
	}
	return s.checksum(b, head.GetVersion()) + string(b), nil
}

func (s *shelf) unseal(sealed string) (*rankingv1.VersionHead, error) {
	if len(sealed) < sha256.Size {
		return nil, fmt.Errorf("a head of %d bytes", len(sealed))
	}
	b := []byte(sealed[sha256.Size:])
	head := &rankingv1.VersionHead{}
	if err := proto.Unmarshal(b, head); err != nil {
		return nil, fmt.Errorf("a head: %w", err)
	}
	if s.checksum(b, head.GetVersion()) != sealed[:sha256.Size] {
		return nil, errors.New("a head with a wrong checksum")
	}
	return head, nil
}

func (s *shelf) checksum(head []byte, version int64) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(slices.Clip(head), uint64(s.ledger.TimeAt(version).UnixNano())))
	return string(sum[:])
}
