// Package figures folds the indicator lane of the ledger: indicators, sources,
// statements, and the figures that statements under one key make.
//
// No statement is ever lost. One that is withdrawn or superseded is out of its
// figure from that revision on and stays in the history; a View of an earlier
// revision still has it in its figure. Whichever statement counts is decided
// when somebody reads, from the statements that stand and their sources as they
// were at that revision (see Select), so a corrected source changes what is
// selected without a word about the figure.
//
// A State is persistent: a clone shares everything with its original, and a
// change copies the path to what it changes. Readers hold a State as long as
// they like.
package figures

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/versioned"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// StageLife is how long staged chunks wait for their ImportCommitted, by commit time.
const StageLife = 24 * time.Hour

// State is the indicator lane, folded.
type State struct {
	revision   int64
	indicators versioned.Map[*indicatorv1.Indicator]
	sources    versioned.Map[*indicatorv1.Source]
	lists      versioned.Map[*indicatorv1.List]
	// Statements by their sequence, which is the order of recording from 1 on; a statement that was recorded again after
	// it was taken out has a new one.
	statements *btree.Map[uint32, *record]
	byName     *btree.Map[nameID, uint32] // the latest of each name
	figures    *btree.Map[string, *figure]
	last       uint32
	standing   int
	uses       *btree.Map[string, uint32] // by indicator and by source: statements ever recorded
	stages     *btree.Map[string, *stage]
	// What each commit touched, and when what it recorded becomes public: see changes.go.
	touched   *btree.Map[int64, []string]
	embargoes *btree.Map[int64, []embargo]
	now       changes // of the transaction that is being taken in
}

// transaction is what a change is remembered by.
type transaction struct {
	revision int64
	index    int
	time     time.Time
	actor    string
}

func (t *transaction) compare(o *transaction) int {
	return cmp.Or(cmp.Compare(t.revision, o.revision), cmp.Compare(t.index, o.index))
}

// record is one statement: recorded once, taken out at most once. It never changes.
type record struct {
	id        nameID
	sequence  uint32
	stage     uint8  // typev1.Stage, beside the sequence so that it takes no room
	embargoed bool   // it is released at a time of its own
	key       string // KeyText, shared with the figure
	source    string // shared with the source
	rest      string // the message without what stands here, encoded
	recorded  *transaction
	taken     *taken // nil while it stands
	earlier   *record
}

// taken says how a statement was taken out of its figure.
type taken struct {
	by         *transaction
	reason     string
	superseded string // name of the statement in its place, empty for a withdrawal
}

// figure is what was ever recorded under one key, in order of recording. It never changes.
type figure struct {
	key        string
	statements []uint32
	pins       []pin
}

// pin is a decision of a reviewer, or its end.
type pin struct {
	at        *transaction
	statement string // empty: unpinned
	reason    string
	lapsed    bool // ended because the statement was taken out
}

// stage is a large import on its way.
type stage struct {
	begun  time.Time
	chunks []*ledgerv1.StagedStatements
}

// New is the state before the first commit.
func New() *State {
	return &State{
		indicators: versioned.New[*indicatorv1.Indicator](),
		sources:    versioned.New[*indicatorv1.Source](),
		lists:      versioned.New[*indicatorv1.List](),
		statements: new(btree.Map[uint32, *record]),
		byName:     new(btree.Map[nameID, uint32]),
		figures:    new(btree.Map[string, *figure]),
		uses:       new(btree.Map[string, uint32]),
		stages:     new(btree.Map[string, *stage]),
		touched:    new(btree.Map[int64, []string]),
		embargoes:  new(btree.Map[int64, []embargo]),
	}
}

// Clone gives a state that may be changed while this one is read.
func (s *State) Clone() *State {
	c := *s
	c.indicators = s.indicators.Clone()
	c.sources = s.sources.Clone()
	c.lists = s.lists.Clone()
	c.statements = s.statements.Copy()
	c.byName = s.byName.Copy()
	c.figures = s.figures.Copy()
	c.uses = s.uses.Copy()
	c.stages = s.stages.Copy()
	c.touched = s.touched.Copy()
	c.embargoes = s.embargoes.Copy()
	return &c
}

// Apply takes in a transaction of the indicator lane.
func (s *State) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	s.revision = at.Revision
	s.expire(at.CommitTime)
	by := &transaction{revision: at.Revision, index: at.Index, time: at.CommitTime, actor: tx.GetActor()}
	for _, fact := range tx.GetFacts() {
		if err := s.apply(by, fact); err != nil {
			return fmt.Errorf("revision %d, transaction %d: %w", at.Revision, at.Index, err)
		}
	}
	s.keepChanges(at.Revision)
	return nil
}

func (s *State) apply(by *transaction, fact *ledgerv1.Fact) error {
	switch kind := fact.GetKind().(type) {
	case *ledgerv1.Fact_Indicator:
		s.indicators.Put(proto.CloneOf(kind.Indicator), by.revision, by.time)
		s.now.touch(kind.Indicator.GetName())
	case *ledgerv1.Fact_Source:
		s.sources.Put(proto.CloneOf(kind.Source), by.revision, by.time)
		s.now.touch(kind.Source.GetName())
	case *ledgerv1.Fact_List:
		s.lists.Put(proto.CloneOf(kind.List), by.revision, by.time)
	case *ledgerv1.Fact_Statement:
		return s.record(by, kind.Statement)
	case *ledgerv1.Fact_StatementWithdrawn:
		return s.take(by, kind.StatementWithdrawn)
	case *ledgerv1.Fact_FigurePinned:
		return s.pin(KeyText(kind.FigurePinned.GetKey()), pin{at: by, statement: kind.FigurePinned.GetStatement(), reason: kind.FigurePinned.GetReason()})
	case *ledgerv1.Fact_FigureUnpinned:
		return s.pin(KeyText(kind.FigureUnpinned.GetKey()), pin{at: by, reason: kind.FigureUnpinned.GetReason()})
	case *ledgerv1.Fact_StagedStatements:
		return s.stage(by, kind.StagedStatements)
	case *ledgerv1.Fact_ImportCommitted:
		return s.commit(by, kind.ImportCommitted)
	default:
		return fmt.Errorf("%w: %T in the indicator lane", ledger.ErrUnknownFact, kind)
	}
	return nil
}

// ErrContradiction is returned by Apply for a fact that cannot follow on what
// stands before it. The committer never writes one.
var ErrContradiction = errors.New("a fact contradicts the ones before it")

func contradiction(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrContradiction, fmt.Sprintf(format, args...))
}

// record takes a statement in. One that stands already is one statement: the first stays.
func (s *State) record(by *transaction, m *indicatorv1.Statement) error {
	id, ok := parseName(m.GetName())
	if !ok {
		return contradiction("%q is no name of a statement", m.GetName())
	}
	var earlier *record
	if sequence, ok := s.byName.Get(id); ok {
		if earlier, _ = s.statements.Get(sequence); earlier.taken == nil {
			return nil
		}
	}
	rest := proto.CloneOf(m)
	key := KeyText(rest.GetKey())
	source := rest.GetSource()
	rest.Name, rest.Source, rest.Key = "", "", nil
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(rest)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.GetName(), err)
	}
	f, ok := s.figures.Get(key)
	if !ok {
		f = &figure{key: key}
	}
	if m, ok := s.sources.At(source, s.revision); ok {
		source = m.GetName() // one string for all its statements
	}
	s.last++
	r := &record{
		id: id, sequence: s.last, stage: uint8(m.GetStage()), embargoed: m.GetReleaseTime() != nil,
		key: f.key, source: source, rest: string(encoded), recorded: by, earlier: earlier,
	}
	s.statements.Set(r.sequence, r)
	s.byName.Set(id, r.sequence)
	s.figures.Set(key, &figure{key: f.key, statements: append(slices.Clip(f.statements), r.sequence), pins: f.pins})
	s.now.touch(f.key)
	if release := m.GetReleaseTime(); release != nil && release.AsTime().After(by.time) {
		s.now.embargo(release.AsTime(), f.key, by.revision)
	}
	s.use(indicatorOf(key))
	s.use(source)
	s.standing++
	return nil
}

func (s *State) use(name string) {
	n, _ := s.uses.Get(name)
	s.uses.Set(name, n+1)
}

// take takes a statement out of its figure.
func (s *State) take(by *transaction, w *ledgerv1.StatementWithdrawn) error {
	r, ok := s.find(w.GetName())
	if !ok || r.taken != nil {
		return contradiction("%s does not stand, so it cannot be withdrawn", w.GetName())
	}
	out := *r
	out.taken = &taken{by: by, reason: w.GetReason(), superseded: w.GetSupersededBy()}
	s.statements.Set(r.sequence, &out)
	s.now.touch(r.key)
	s.standing--
	f, _ := s.figures.Get(r.key)
	// A pin ends with its statement, unless the statement only says anew what it says with other attributes.
	if p := f.pinned(nil); p.statement == w.GetName() && w.GetSupersededBy() != w.GetName() {
		return s.pin(r.key, pin{at: by, reason: w.GetReason(), lapsed: true})
	}
	return nil
}

func (s *State) find(name string) (*record, bool) {
	id, ok := parseName(name)
	if !ok {
		return nil, false
	}
	sequence, ok := s.byName.Get(id)
	if !ok {
		return nil, false
	}
	return s.statements.Get(sequence)
}

func (s *State) pin(key string, p pin) error {
	f, ok := s.figures.Get(key)
	if !ok {
		return contradiction("no figure %q to pin or unpin", key)
	}
	s.figures.Set(key, &figure{key: f.key, statements: f.statements, pins: append(slices.Clip(f.pins), p)})
	s.now.touch(f.key)
	return nil
}

// pinned is the pin in force after a transaction, or now for nil; none is empty.
func (f *figure) pinned(after *transaction) pin {
	for _, p := range slices.Backward(f.pins) {
		if after != nil && p.at.compare(after) > 0 {
			continue
		}
		if p.statement == "" {
			break
		}
		return p
	}
	return pin{}
}

// stage keeps a chunk that nobody sees.
func (s *State) stage(by *transaction, chunk *ledgerv1.StagedStatements) error {
	st, ok := s.stages.Get(chunk.GetImportId())
	if !ok {
		st = &stage{begun: by.time}
	}
	if int(chunk.GetChunk()) != len(st.chunks)+1 {
		return contradiction("chunk %d of import %s follows on %d", chunk.GetChunk(), chunk.GetImportId(), len(st.chunks))
	}
	s.stages.Set(chunk.GetImportId(), &stage{begun: st.begun, chunks: append(slices.Clip(st.chunks), chunk)})
	return nil
}

// commit makes the chunks of an import statements, all in this transaction.
func (s *State) commit(by *transaction, c *ledgerv1.ImportCommitted) error {
	st, ok := s.stages.Get(c.GetImportId())
	if !ok {
		return contradiction("import %s has no staged statements", c.GetImportId())
	}
	digest, count := NewDigest(), int64(0)
	for _, chunk := range st.chunks {
		for _, m := range chunk.GetStatements() {
			digest.Add(m)
			count++
		}
	}
	if count != c.GetCount() || !bytes.Equal(digest.Sum(), c.GetDigest()) {
		return contradiction("import %s has %d staged statements, which are not the %d that were committed", c.GetImportId(), count, c.GetCount())
	}
	s.stages.Delete(c.GetImportId())
	for _, chunk := range st.chunks {
		for _, m := range chunk.GetStatements() {
			if err := s.record(by, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// expire drops what was staged too long ago.
func (s *State) expire(now time.Time) {
	var old []string
	s.stages.Scan(func(id string, st *stage) bool {
		if now.Sub(st.begun) > StageLife {
			old = append(old, id)
		}
		return true
	})
	for _, id := range old {
		s.stages.Delete(id)
	}
}

// Staged says how many chunks of an import wait to be committed, 0 when it is not known or has expired.
func (s *State) Staged(importID string) int {
	st, ok := s.stages.Get(importID)
	if !ok {
		return 0
	}
	return len(st.chunks)
}

// Digest is the SHA-256 over staged statements in order, each as its name and its deterministic encoding.
type Digest struct{ sum hash.Hash }

// NewDigest is the digest of no statements.
func NewDigest() *Digest { return &Digest{sum: sha256.New()} }

// Add takes in the next statement.
func (d *Digest) Add(s *indicatorv1.Statement) {
	text(d.sum, s.GetName())
	// It cannot fail for a statement that was decoded or is about to be encoded into the same commit.
	encoded, _ := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	text(d.sum, string(encoded))
}

// Sum is the digest so far.
func (d *Digest) Sum() []byte { return d.sum.Sum(nil) }

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
