package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// segmentReader goes through the bytes of one segment.
type segmentReader struct {
	name   string
	data   []byte
	at     int   // where the records begin
	last   int64 // revision before the first record that is looked for
	header segmentHeader
	footer segmentFooter
	sealed bool // it has a footer
	whole  bool // and the digest of it
	damage []hole
	torn   int64
}

// A hole is a part of an archive that holds no message.
type hole struct {
	before, after int64 // revisions of the messages around it; 0: there is none
	cause         string
}

func newSegmentReader(name string, data []byte, last int64) *segmentReader {
	s := &segmentReader{name: name, data: data, last: last}
	var err error
	if s.header, s.at, err = parseHeader(data); err != nil {
		s.damage = append(s.damage, hole{before: last, after: last + 1, cause: name + ": " + err.Error()})
	}
	if s.footer, s.sealed = parseFooter(data); s.sealed {
		s.whole = sha256.Sum256(data[:len(data)-sha256.Size]) == s.footer.digest
		s.sealed = s.whole || name != openSegment // an open one may end in anything
	}
	return s
}

// messages gives the readable records. After a damage it looks for the next one
// at every byte: the length that would tell where it is may be what is damaged.
func (s *segmentReader) messages(yield func(message) bool) {
	end := len(s.data)
	if s.sealed {
		end -= footerBytes
	}
	bad := -1
	for at := s.at; at < end; {
		m, size, ok := parseSegmentRecord(s.data[at:end])
		if !ok || m.sequence <= s.last {
			if bad < 0 {
				bad = at
			}
			at++
			continue
		}
		if bad >= 0 {
			s.hole(bad, at, m.sequence)
			bad = -1
		}
		at += size
		s.last = m.sequence
		if !yield(m) {
			return
		}
	}
	if bad < 0 {
		return
	}
	if s.name == openSegment {
		s.torn = int64(end - bad)
		return
	}
	s.hole(bad, end, 0)
}

func (s *segmentReader) hole(from, to int, after int64) {
	s.damage = append(s.damage, hole{
		before: s.last, after: after, cause: fmt.Sprintf("%s, %d bytes at offset %d: no record has its checksum there", s.name, to-from, from),
	})
}

// archive reads the files of an archive without changing a byte of them.
type archive struct {
	dir   string
	meta  archiveMeta
	holes []hole
	flaws []DamageError // of segments whose messages are all readable
	torn  int64
}

func openArchive(dir string) (*archive, error) {
	meta, err := readArchiveMeta(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no archive: it holds no %s", dir, archiveFile)
	}
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", dir, err)
	}
	return &archive{dir: dir, meta: meta}, nil
}

// read gives every readable message in order.
func (a *archive) read(yield func(message) bool) error {
	names, err := segments(a.dir)
	if err != nil {
		return err
	}
	a.holes, a.flaws, a.torn = nil, nil, 0
	var last int64
	var digest [sha256.Size]byte
	for _, name := range append(names, openSegment) {
		data, err := os.ReadFile(filepath.Join(a.dir, name))
		if name == openSegment && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		s := newSegmentReader(name, data, last)
		if s.header.id != "" && (s.header.id != a.meta.LedgerID || s.header.epoch != a.meta.Epoch) {
			return fmt.Errorf("archive %s: %s is of ledger %s epoch %d: it does not belong here", a.dir, name, s.header.id, s.header.epoch)
		}
		if s.header.first > last+1 {
			a.holes = append(a.holes, hole{before: last, after: s.header.first, cause: segmentName(last+1) + " is missing"})
		}
		before, going := last, true
		for m := range s.messages {
			if going = yield(m); !going {
				break
			}
			last = m.sequence
		}
		a.holes = append(a.holes, s.damage...)
		a.torn = s.torn
		if !going {
			return nil
		}
		a.judge(s, before, digest)
		digest = s.footer.digest
	}
	return nil
}

// judge notes what is wrong with a segment besides its records.
func (a *archive) judge(s *segmentReader, before int64, digest [sha256.Size]byte) {
	flaw := func(cause string) {
		a.flaws = append(a.flaws, DamageError{First: before + 1, Last: max(s.last, before+1), Cause: s.name + ": " + cause})
	}
	switch {
	case len(s.damage) > 0 && s.header.id != "":
		return // the hole in it says so
	case s.header.id == "" && s.name != openSegment:
		flaw(errHeader.Error())
	case s.name == openSegment && s.header.id == "":
		return
	case s.header.first == before+1 && s.header.previous != digest:
		flaw("it does not follow the segment before it")
	case s.name != openSegment && !s.sealed:
		flaw("it has no footer")
	case s.name != openSegment && !s.whole:
		flaw("it does not have the digest that its footer says")
	}
}

func (a *archive) cause(first, last int64) string {
	var cause string
	for _, h := range a.holes {
		if h.before <= last && (h.after == 0 || h.after > first) {
			if cause != "" {
				cause += "; "
			}
			cause += h.cause
		}
	}
	return cause
}

// verify reads the archive against the chain of hashes, up to a revision.
func (a *archive) verify(at int64) (*Report, error) {
	x := newVerifier(a.meta.LedgerID, a.meta.Epoch)
	err := a.read(func(m message) bool {
		if m.sequence > at {
			return false
		}
		if last := x.chain.last; m.sequence > last+1 {
			x.damaged(damage(last+1, m.sequence-1, "%s", missing))
		}
		x.report.LastRevision = m.sequence
		x.take(m)
		return true
	})
	if err != nil {
		return nil, err
	}
	if known := min(a.meta.Revision, at); known > x.report.LastRevision {
		x.damaged(damage(x.report.LastRevision+1, known, "%s", archiveCut))
	}
	for i, d := range x.report.Damage {
		if d.Cause != missing && d.Cause != archiveCut {
			continue
		}
		if cause := a.cause(d.First, d.Last); cause != "" {
			x.report.Damage[i].Cause = cause
		}
	}
	x.report.Torn = a.torn
	return x.finish(), nil
}

const archiveCut = "the end of the archive is cut: it held these revisions before"

// everything is a revision behind every one.
const everything = 1<<63 - 1

// VerifyArchive is Verify for an archive. Nothing is changed. It also tells of
// damage that cost no commit: a segment whose footer or header is not what it
// was.
func VerifyArchive(dir string) (*Report, error) {
	a, err := openArchive(dir)
	if err != nil {
		return nil, err
	}
	report, err := a.verify(everything)
	if err != nil {
		return nil, err
	}
	report.Damage = append(report.Damage, a.flaws...)
	return report, nil
}

// Restoration says what Restore writes where.
type Restoration struct {
	Archive string // its directory
	// At is the last revision that is restored; 0: the last in the archive.
	At int64
	// Epoch of the restored ledger; 0: the next one after the archive's. Who
	// restores one archive twice says a higher one for the second time, so that
	// tokens of the first are foreign to it.
	Epoch int64
	// JetStream of the server that is to hold the ledger, which must not have one.
	JetStream jetstream.JetStream
	Replicas  int    // see Config
	MarkFile  string // see Config
	Log       *slog.Logger
	// Progress is told each revision that was written; nil tells nobody.
	Progress func(revision, last int64)
}

// Restore writes a ledger that says what the archive says, at the same
// revisions and times, with the same request ids, in a new epoch: tokens of the
// old one are foreign to it, and nothing that was cached under them is taken for
// the present. The envelopes are sealed anew and chained anew; the bodies stay.
//
// It refuses an archive that is damaged at or before the last revision, and a
// server that holds a ledger. One that did not end leaves a mark that says how
// far the ledger was to reach, so what is there is never taken for all of it.
func Restore(ctx context.Context, r Restoration) (*Report, error) {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	a, err := openArchive(r.Archive)
	if err != nil {
		return nil, err
	}
	want, err := a.restorable(r.At)
	if err != nil {
		return nil, err
	}
	epoch := cmp.Or(r.Epoch, a.meta.Epoch+1)
	if epoch <= a.meta.Epoch {
		return nil, fmt.Errorf("epoch %d does not follow the archive's, which is %d", epoch, a.meta.Epoch)
	}
	if err := r.target(ctx, want, epoch); err != nil {
		return nil, err
	}
	if err := r.publish(ctx, a, want.LastRevision, epoch); err != nil {
		return nil, fmt.Errorf("restore: %w: remove what was written and try again", err)
	}
	got, err := Verify(ctx, Verification{JetStream: r.JetStream, MarkFile: r.MarkFile, Log: r.Log})
	if err != nil {
		return nil, err
	}
	if !got.Sound() || got.Digest != want.Digest || got.LastRevision != want.LastRevision {
		return got, fmt.Errorf("restore: the restored ledger ends at revision %d with digest %s, and the archive at %d with %s",
			got.LastRevision, got.Digest, want.LastRevision, want.Digest)
	}
	return got, nil
}

// restorable is what the archive holds up to a revision, if it holds all of it.
func (a *archive) restorable(at int64) (*Report, error) {
	if at < 0 {
		return nil, fmt.Errorf("revision %d: revisions begin with 1", at)
	}
	report, err := a.verify(cmp.Or(at, everything))
	switch {
	case err != nil:
		return nil, err
	case !report.Sound():
		return nil, fmt.Errorf("archive %s: %w; what is before it can be restored with a lower revision", a.dir, &report.Damage[0])
	case report.LastRevision < at:
		return nil, fmt.Errorf("archive %s ends at revision %d, before %d", a.dir, report.LastRevision, at)
	case report.LastRevision == 0:
		return nil, fmt.Errorf("archive %s is empty", a.dir)
	}
	return report, nil
}

// target makes the empty ledger, and marks first how far it is to reach.
func (r Restoration) target(ctx context.Context, want *Report, epoch int64) error {
	if _, err := r.JetStream.Stream(ctx, Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		if err == nil {
			err = errors.New("it holds a ledger already")
		}
		return fmt.Errorf("restore: the target is not empty: %w", err)
	}
	m, err := openMark(r.MarkFile)
	if err != nil {
		return err
	}
	if m.last.id != "" {
		return errors.Join(fmt.Errorf("restore: the target is not empty: it is known to hold ledger %s", m.last.id), m.close())
	}
	if m.file != nil {
		err = m.begin(want.LedgerID, epoch)
		err = errors.Join(err, m.advance(want.LastRevision))
		if err == nil {
			err = m.file.Sync()
		}
	}
	if err = errors.Join(err, m.close()); err != nil {
		return err
	}
	if _, err := r.JetStream.CreateStream(ctx, streamConfig(max(r.Replicas, 1), want.LedgerID, epoch)); err != nil {
		return fmt.Errorf("restore: create the stream: %w", err)
	}
	return nil
}

// publish writes the messages up to a revision. Each must come to stand where
// it stood.
func (r Restoration) publish(ctx context.Context, a *archive, last, epoch int64) error {
	resealed := &reseal{chain: newChain(a.meta.LedgerID, a.meta.Epoch), epoch: epoch, hashes: make(map[string][]byte)}
	var waiting []published
	var failed error
	err := a.read(func(m message) bool {
		if m.sequence > last {
			return false
		}
		var data []byte
		if data, failed = resealed.next(m); failed != nil {
			return false
		}
		// Without a message id: two messages may have the same one.
		var ack jetstream.PubAckFuture
		ack, failed = r.JetStream.PublishMsgAsync(&nats.Msg{Subject: m.subject, Data: data, Header: nats.Header{}},
			jetstream.WithExpectStream(Stream), jetstream.WithExpectLastSequence(uint64(m.sequence-1)))
		if failed != nil {
			return false
		}
		if waiting = append(waiting, published{m.sequence, ack}); len(waiting) == restoreAhead {
			failed = r.settle(ctx, waiting[:restoreAhead/2], last)
			waiting = waiting[restoreAhead/2:]
		}
		return failed == nil
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	return r.settle(ctx, waiting, last)
}

// restoreAhead is how many messages wait for their acknowledgement at most.
const restoreAhead = 128

type published struct {
	revision int64
	ack      jetstream.PubAckFuture
}

func (r Restoration) settle(ctx context.Context, waiting []published, last int64) error {
	for _, p := range waiting {
		select {
		case ack := <-p.ack.Ok():
			if int64(ack.Sequence) != p.revision {
				return fmt.Errorf("revision %d came to stand at %d", p.revision, ack.Sequence)
			}
			if r.Progress != nil {
				r.Progress(p.revision, last)
			}
		case err := <-p.ack.Err():
			return fmt.Errorf("write revision %d: %w", p.revision, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// reseal gives messages another epoch. What a rule ignored is ignored by the
// same rule afterwards.
type reseal struct {
	chain  *chain
	epoch  int64
	hashes map[string][]byte // of each lane's last commit, in the new epoch
}

func (s *reseal) next(m message) ([]byte, error) {
	commit, verdict, err := s.chain.check(m)
	if err != nil {
		return nil, err
	}
	commit = proto.CloneOf[*ledgerv1.Commit](commit)
	commit.Epoch = s.epoch
	if verdict == accepted {
		commit.PreviousHash = s.hashes[commit.GetLane()]
	}
	data, err := seal(commit)
	if verdict == accepted {
		s.hashes[commit.GetLane()] = commit.GetHash()
	}
	return data, err
}
