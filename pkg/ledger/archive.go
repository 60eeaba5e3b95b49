package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	defaultSegmentBytes = 16 << 20
	defaultSegmentAge   = time.Hour
	// archiveAhead bounds what is read and not yet written.
	archiveAhead = 32
	// archiveGrace is how long an archiver that is stopped goes on to catch up
	// with what is acknowledged.
	archiveGrace = 5 * time.Second
	archiveRetry = 5 * time.Second

	archiveFile = "archive.json"
)

// ArchiveConfig says where an archive is. The directory should be on another
// disk than the ledger.
type ArchiveConfig struct {
	Dir string
	// A segment is sealed when it is this large or this old; 0 means 16 MiB and
	// one hour.
	SegmentBytes int64
	SegmentAge   time.Duration
}

// archiveMeta is what an archive says about itself.
type archiveMeta struct {
	Format   int    `json:"format"`
	LedgerID string `json:"ledger_id"`
	Epoch    int64  `json:"epoch"`
	// Revision is at least this; it is written when a segment is sealed and when
	// an archiver ends.
	Revision int64 `json:"revision"`
}

// An Archiver copies a ledger into segments, message by message. One that ended
// in any way is followed by one that goes on where it was, without a gap and
// without a repetition: what is torn at the end is cut and read again.
type Archiver struct {
	config ArchiveConfig
	meta   archiveMeta
	ledger *Ledger // nil: of a store that no server runs over
	log    *slog.Logger
	lock   *os.File

	open     *segmentWriter // nil: the last segment is sealed
	last     message        // the last one in the archive
	digest   [sha256.Size]byte
	archived atomic.Int64 // synced
	failing  prometheus.Gauge
}

// OpenArchive opens the archive of a ledger, or begins it in an empty directory.
// A directory of another ledger or epoch is refused, and one that holds what
// this ledger does not. Run follows the ledger.
func OpenArchive(ctx context.Context, l *Ledger, config ArchiveConfig) (*Archiver, error) {
	a, err := openArchiver(config, l.id, l.epoch, l.log)
	if err != nil {
		return nil, err
	}
	a.ledger = l
	if err := errors.Join(a.agrees(ctx), a.measure(l.deps.Metrics)); err != nil {
		return nil, errors.Join(err, a.lock.Close())
	}
	return a, nil
}

func openArchiver(config ArchiveConfig, id string, epoch int64, log *slog.Logger) (*Archiver, error) {
	config.SegmentBytes = cmp.Or(config.SegmentBytes, defaultSegmentBytes)
	config.SegmentAge = cmp.Or(config.SegmentAge, defaultSegmentAge)
	if err := os.MkdirAll(config.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	lock, err := lockArchive(config.Dir)
	if err != nil {
		return nil, err
	}
	a := &Archiver{config: config, meta: archiveMeta{Format: 1, LedgerID: id, Epoch: epoch}, lock: lock, log: log}
	if err := a.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("archive %s: %w", config.Dir, err), lock.Close())
	}
	return a, nil
}

func lockArchive(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("archive: open the lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fmt.Errorf("archive %s: another process writes to it (%w): an archive has one writer", dir, err)
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// recover finds the end of the archive and cuts what is torn there.
func (a *Archiver) recover() error {
	meta, err := readArchiveMeta(a.config.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return a.begin()
	}
	if err != nil {
		return err
	}
	if meta.LedgerID != a.meta.LedgerID || meta.Epoch != a.meta.Epoch {
		return fmt.Errorf("it is of ledger %s epoch %d, and this is ledger %s epoch %d: name another directory",
			meta.LedgerID, meta.Epoch, a.meta.LedgerID, a.meta.Epoch)
	}
	a.last = message{}
	names, err := segments(a.config.Dir)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := a.pass(name, i == len(names)-1); err != nil {
			return err
		}
	}
	if err := a.resume(); err != nil {
		return err
	}
	if a.last.sequence < meta.Revision {
		return fmt.Errorf("it reached revision %d and ends at %d now: verify it and begin another one", meta.Revision, a.last.sequence)
	}
	a.meta.Revision = meta.Revision
	a.archived.Store(a.last.sequence)
	if a.open != nil && a.open.size >= a.config.SegmentBytes { // it was about to be sealed
		return a.seal()
	}
	return nil
}

// begin makes the archive of an empty directory.
func (a *Archiver) begin() error {
	entries, err := os.ReadDir(a.config.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != "lock" && e.Name() != archiveFile+".new" {
			return fmt.Errorf("it holds %s and no %s: name an empty directory", e.Name(), archiveFile)
		}
	}
	return a.writeMeta()
}

// pass moves over a sealed segment. The last one is read whole: the next one
// says its digest.
func (a *Archiver) pass(name string, final bool) error {
	path := filepath.Join(a.config.Dir, name)
	footer, err := readFooter(path)
	if err != nil {
		return err
	}
	if name != segmentName(a.last.sequence+1) {
		return fmt.Errorf("it has no %s, and %s follows: verify it and begin another one", segmentName(a.last.sequence+1), name)
	}
	a.last.sequence, a.digest = footer.last, footer.digest
	if !final {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s := newSegmentReader(name, data, 0)
	for m := range s.messages {
		a.last = m
	}
	if len(s.damage) > 0 || a.last.sequence != footer.last {
		return fmt.Errorf("%s is damaged: verify the archive and begin another one", name)
	}
	return nil
}

// resume goes on with the open segment, if there is one worth it.
func (a *Archiver) resume() error {
	path := filepath.Join(a.config.Dir, openSegment)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	header, at, err := parseHeader(data)
	if err != nil { // its beginning was not written whole: nothing in it was synced
		if len(data) > len(header.encode())+len(a.meta.LedgerID) {
			return fmt.Errorf("%s: %w: verify the archive and begin another one", openSegment, err)
		}
		return os.Remove(path)
	}
	if header.first != a.last.sequence+1 || header.previous != a.digest {
		return fmt.Errorf("%s does not follow revision %d: verify the archive and begin another one", openSegment, a.last.sequence)
	}
	last := a.last
	for m, size, ok := parseSegmentRecord(data[at:]); ok && m.sequence == last.sequence+1; m, size, ok = parseSegmentRecord(data[at:]) {
		last, at = m, at+size
	}
	if a.open, err = resumeSegment(a.config.Dir, data[:at], header.first, last.sequence); err != nil {
		return err
	}
	a.last = last
	return a.open.sync()
}

// agrees refuses an archive that holds what the ledger does not.
func (a *Archiver) agrees(ctx context.Context) error {
	if a.last.sequence == 0 {
		return nil
	}
	last, err := a.ledger.Last(ctx)
	if err != nil {
		return err
	}
	if last < a.last.sequence {
		return fmt.Errorf("archive %s: it reaches revision %d and the ledger ends at %d: the ledger lost its end, restore it",
			a.config.Dir, a.last.sequence, last)
	}
	raw, err := a.ledger.stream.GetMsg(ctx, uint64(a.last.sequence))
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.Code != unavailableCode:
		return nil // the ledger's own reader says what is missing
	case err != nil:
		return unavailable(err)
	}
	return a.same(message{sequence: a.last.sequence, subject: raw.Subject, data: raw.Data})
}

func (a *Archiver) same(m message) error {
	if m.subject == a.last.subject && bytes.Equal(m.data, a.last.data) {
		return nil
	}
	return fmt.Errorf("archive %s: the ledger has another commit at revision %d: it is not the one that was archived, name another directory",
		a.config.Dir, m.sequence)
}

func (a *Archiver) measure(r prometheus.Registerer) error {
	a.failing = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "zonebench", Subsystem: "ledger", Name: "archive_failing", Help: "1 while the archive cannot be written.",
	})
	if r == nil {
		return nil
	}
	archived := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "zonebench", Subsystem: "ledger", Name: "archived_revision",
		Help: "Revision up to which the archive holds the ledger, synced.",
	}, func() float64 { return float64(a.archived.Load()) })
	return errors.Join(r.Register(a.failing), r.Register(archived))
}

// Archived is the revision up to which the ledger is in the archive and synced.
func (a *Archiver) Archived() int64 { return a.archived.Load() }

// Run follows the ledger until the context ends, and then as far as the ledger
// is applied. A disk that fails is tried again and again: the ledger goes on
// without it, and the metrics tell.
func (a *Archiver) Run(ctx context.Context) error {
	var err error
	for {
		if err = a.follow(ctx); ctx.Err() != nil || a.ledger.Err() != nil {
			break
		}
		a.failing.Set(1)
		a.log.ErrorContext(ctx, "the archive cannot be written, trying again", "dir", a.config.Dir, "archived", a.Archived(), "error", err)
		pause(ctx, archiveRetry)
		if again := a.reopen(); again != nil {
			a.log.ErrorContext(ctx, "the archive cannot be opened", "dir", a.config.Dir, "error", again)
		}
	}
	if a.ledger.Err() != nil {
		err = nil // the ledger itself says why
	}
	return errors.Join(err, a.close())
}

// reopen finds the end of the archive again after a failure.
func (a *Archiver) reopen() error {
	if a.open != nil {
		_ = a.open.file.Close() // what it holds is read again
		a.open = nil
	}
	return a.recover()
}

func (a *Archiver) close() error {
	err := a.sync()
	if err == nil && a.last.sequence > a.meta.Revision {
		a.meta.Revision = a.last.sequence
		err = a.writeMeta()
	}
	if a.open != nil {
		err = errors.Join(err, a.open.file.Close())
		a.open = nil
	}
	if err = errors.Join(err, a.lock.Close()); err != nil {
		return fmt.Errorf("archive %s: close: %w", a.config.Dir, err)
	}
	return nil
}

// follow archives until the context ends and everything applied is there.
func (a *Archiver) follow(ctx context.Context) error {
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(archiveGrace, cancel) })
	defer stop()
	messages := make(chan message, archiveAhead)
	ended := make(chan error, 1)
	after := a.last.sequence
	go func() { ended <- a.read(reading, after, messages) }()
	err := a.take(ctx, messages, ended)
	cancel()
	for range messages { // until the reader has ended
	}
	return err
}

// read gives the messages behind a revision, as far as they are checked.
func (a *Archiver) read(ctx context.Context, after int64, messages chan<- message) error {
	defer close(messages)
	l := a.ledger
	r := &reader{stream: l.stream, log: l.log, sawLast: l.sawLast, last: after}
	defer r.stop()
	for {
		m, err := r.next(ctx)
		if err == nil {
			err = l.WaitFor(ctx, m.sequence)
		}
		if err == nil && !l.isIgnored(m.sequence) {
			_, err = l.checked(m)
		}
		if err != nil {
			return err
		}
		select {
		case messages <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take writes what comes. What is there at once is synced at once.
func (a *Archiver) take(ctx context.Context, messages <-chan message, ended <-chan error) error {
	age := time.NewTicker(a.config.SegmentAge)
	defer age.Stop()
	done := ctx.Done()
	for {
		if ctx.Err() != nil && a.last.sequence >= a.ledger.Applied() {
			return nil
		}
		select {
		case m, ok := <-messages:
			if !ok {
				return <-ended
			}
			if err := a.append(m); err != nil {
				return err
			}
			if len(messages) > 0 {
				continue
			}
			if err := a.sync(); err != nil {
				return err
			}
			a.failing.Set(0)
		case <-age.C:
			if err := a.seal(); err != nil {
				return err
			}
		case <-done:
			done = nil // go on until everything applied is there
		}
	}
}

func (a *Archiver) append(m message) error {
	if a.open == nil {
		header := segmentHeader{id: a.meta.LedgerID, epoch: a.meta.Epoch, first: m.sequence, previous: a.digest}
		var err error
		if a.open, err = createSegment(a.config.Dir, header); err != nil {
			return err
		}
	}
	if err := a.open.add(m); err != nil {
		return err
	}
	a.last = m
	if a.open.size >= a.config.SegmentBytes {
		return a.seal()
	}
	return nil
}

func (a *Archiver) sync() error {
	if a.open != nil {
		if err := a.open.sync(); err != nil {
			return err
		}
	}
	a.archived.Store(a.last.sequence)
	return nil
}

func (a *Archiver) seal() error {
	if a.open == nil || a.open.records == 0 {
		return nil
	}
	digest, err := a.open.seal(a.config.Dir)
	a.open = nil
	if err != nil {
		return err
	}
	a.digest = digest
	a.archived.Store(a.last.sequence)
	a.meta.Revision = a.last.sequence
	return a.writeMeta()
}

func (a *Archiver) writeMeta() error {
	data, err := json.MarshalIndent(a.meta, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(a.config.Dir, archiveFile)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(a.config.Dir)
}

func readArchiveMeta(dir string) (archiveMeta, error) {
	var meta archiveMeta
	data, err := os.ReadFile(filepath.Join(dir, archiveFile))
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(data, &meta); err != nil {
		return meta, fmt.Errorf("%s is not readable: %w", archiveFile, err)
	}
	if meta.Format != 1 {
		return meta, fmt.Errorf("it has format %d and this build reads format 1", meta.Format)
	}
	return meta, nil
}

// segments lists the sealed segments in order.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segmentTail) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func readFooter(path string) (segmentFooter, error) {
	file, err := os.Open(path)
	if err != nil {
		return segmentFooter{}, err
	}
	defer func() { _ = file.Close() }() // it was read
	b := make([]byte, footerBytes)
	info, err := file.Stat()
	if err == nil {
		_, err = file.ReadAt(b, max(info.Size()-footerBytes, 0))
	}
	footer, ok := parseFooter(b)
	if err != nil || !ok {
		return footer, fmt.Errorf("%s has no footer: verify the archive and begin another one", filepath.Base(path))
	}
	return footer, nil
}

// ArchiveStored brings an archive up to a ledger in files that no server runs
// over, and seals it. It stops before the first damage and returns it.
func ArchiveStored(s Stored, config ArchiveConfig, log *slog.Logger) (archived int64, err error) {
	id, epoch, err := identity(jetstream.StreamConfig{Metadata: s.Metadata})
	if err != nil {
		return 0, err
	}
	a, err := openArchiver(config, id, epoch, log)
	if err != nil {
		return 0, err
	}
	before := a.last.sequence
	c := newChain(id, epoch)
	var failed error
	err = s.Read(func(sequence int64, subject string, data []byte) bool {
		m := message{sequence: sequence, subject: subject, data: data}
		if sequence <= c.last {
			return true // the same message in two files
		}
		if _, _, failed = c.check(m); failed != nil {
			return false
		}
		switch {
		case sequence == before:
			failed = a.same(m)
		case sequence > before:
			m.data = bytes.Clone(data)
			failed = a.append(m)
		}
		return failed == nil
	})
	if err = errors.Join(err, failed); err == nil && c.last < before {
		err = fmt.Errorf("archive %s: it reaches revision %d and the ledger ends at %d: the ledger lost its end, restore it", config.Dir, before, c.last)
	}
	err = errors.Join(err, a.seal(), a.close())
	return a.Archived(), err
}
