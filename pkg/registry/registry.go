// Package registry folds the lane of zones: which zones and reference units
// there are, what they are called, how they relate and which are grouped.
//
// A State takes in transactions; a View reads it as of any revision it holds.
// Nothing is ever overwritten: each resource is a chain of immutable versions,
// newest first, and every index only grows and is checked against the version
// that is read. So a copy of a state costs a few pointers, and the past is read
// as the present is.
package registry

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/nearest"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// SimulatedMark ends every display name of a simulated zone or reference unit.
// The fold puts it there, and Stored takes it off, so that no caller can lose
// it and none has to write it.
const SimulatedMark = "〔模拟〕"

// State is the registry after some commit. The zero value is not usable: New.
type State struct {
	mu sync.Mutex // Clone of one state by several at once

	zones     *btree.Map[string, *version[*zonev1.Zone]]
	units     *btree.Map[string, *version[*zonev1.ReferenceUnit]]
	relations *btree.Map[string, *version[*zonev1.Relation]]
	groups    *btree.Map[string, *version[*zonev1.Group]]

	// Pairs that hold or held once, as keys "left\x00right":
	called *btree.Map[string, struct{}] // normalised name or alias -> subject
	ties   *btree.Map[string, struct{}] // zone -> relation with it on either side

	revision int64

	names atomic.Pointer[[]nearest.Name] // of this revision, once somebody asked
}

// version is one state of a resource.
type version[T any] struct {
	message  T
	revision int64
	deleted  bool
	previous *version[T]
}

// at finds what stood at a revision.
func (v *version[T]) at(revision int64) (message T, ok bool) {
	for ; v != nil; v = v.previous {
		if v.revision <= revision {
			return v.message, !v.deleted
		}
	}
	return message, false
}

// New is the registry before the first commit.
func New() *State {
	return &State{
		zones:     new(btree.Map[string, *version[*zonev1.Zone]]),
		units:     new(btree.Map[string, *version[*zonev1.ReferenceUnit]]),
		relations: new(btree.Map[string, *version[*zonev1.Relation]]),
		groups:    new(btree.Map[string, *version[*zonev1.Group]]),
		called:    new(btree.Map[string, struct{}]),
		ties:      new(btree.Map[string, struct{}]),
	}
}

// Clone gives a copy that Apply may change while s is being read. Several may
// clone one state at once.
func (s *State) Clone() *State {
	s.mu.Lock() // copying a tree marks the original
	defer s.mu.Unlock()
	return &State{
		zones: s.zones.Copy(), units: s.units.Copy(), relations: s.relations.Copy(), groups: s.groups.Copy(),
		called: s.called.Copy(), ties: s.ties.Copy(),
		revision: s.revision,
	}
}

// Apply takes in one transaction.
func (s *State) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	s.names.Store(nil)
	for i, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_LedgerVersion:
		case *ledgerv1.Fact_Zone:
			s.putZone(at, proto.CloneOf(kind.Zone))
		case *ledgerv1.Fact_ReferenceUnit:
			s.putUnit(at, proto.CloneOf(kind.ReferenceUnit))
		case *ledgerv1.Fact_Relation:
			s.putRelation(at, proto.CloneOf(kind.Relation))
		case *ledgerv1.Fact_Group:
			s.putGroup(at, proto.CloneOf(kind.Group))
		case *ledgerv1.Fact_GroupDeleted:
			put(s.groups, kind.GroupDeleted.GetName(), &version[*zonev1.Group]{revision: at.Revision, deleted: true})
		default:
			return fmt.Errorf("registry: fact %d of a transaction at revision %d is a %T: %w", i, at.Revision, kind, ledger.ErrUnknownFact)
		}
	}
	s.revision = max(s.revision, at.Revision)
	return nil
}

func (s *State) putZone(at ledger.Position, z *zonev1.Zone) {
	before, _ := current(s.zones, z.GetName())
	z.Revision, z.Etag = at.Revision, Etag(at.Revision)
	z.CreateTime, z.UpdateTime = times(at, before)
	z.DisplayName = marked(z.GetDisplayName(), z.GetSimulated())
	s.call(z.GetName(), z.GetDisplayName(), z.GetAliases())
	put(s.zones, z.GetName(), &version[*zonev1.Zone]{message: z, revision: at.Revision})
}

func (s *State) putUnit(at ledger.Position, u *zonev1.ReferenceUnit) {
	before, _ := current(s.units, u.GetName())
	u.Revision, u.Etag = at.Revision, Etag(at.Revision)
	u.CreateTime, u.UpdateTime = times(at, before)
	u.DisplayName = marked(u.GetDisplayName(), u.GetSimulated())
	s.call(u.GetName(), u.GetDisplayName(), u.GetAliases())
	put(s.units, u.GetName(), &version[*zonev1.ReferenceUnit]{message: u, revision: at.Revision})
}

func (s *State) putRelation(at ledger.Position, r *zonev1.Relation) {
	before, _ := current(s.relations, r.GetName())
	r.Revision, r.Etag = at.Revision, Etag(at.Revision)
	r.CreateTime, r.UpdateTime = times(at, before)
	for _, zone := range []string{r.GetZone(), r.GetOther()} {
		s.ties.Set(pair(zone, r.GetName()), struct{}{})
	}
	put(s.relations, r.GetName(), &version[*zonev1.Relation]{message: r, revision: at.Revision})
}

func (s *State) putGroup(at ledger.Position, g *zonev1.Group) {
	before, _ := current(s.groups, g.GetName())
	g.Revision, g.Etag = at.Revision, Etag(at.Revision)
	g.CreateTime, g.UpdateTime = times(at, before)
	put(s.groups, g.GetName(), &version[*zonev1.Group]{message: g, revision: at.Revision})
}

func (s *State) call(subject string, display *typev1.Localized, aliases []*zonev1.Alias) {
	for _, text := range fullNames(display) {
		s.called.Set(pair(text, subject), struct{}{})
	}
	for _, alias := range aliases {
		s.called.Set(pair(Normalize(alias.GetText()), subject), struct{}{})
	}
}

// put makes v the newest version of a resource.
func put[T any](m *btree.Map[string, *version[T]], name string, v *version[T]) {
	v.previous, _ = m.Get(name)
	m.Set(name, v)
}

func current[T any](m *btree.Map[string, *version[T]], name string) (message T, ok bool) {
	v, ok := m.Get(name)
	if !ok || v.deleted {
		return message, false
	}
	return v.message, true
}

// times are those of a resource that is written now and was before as given: a
// message without values when it is new.
func times(at ledger.Position, before interface{ GetCreateTime() *timestamppb.Timestamp }) (create, update *timestamppb.Timestamp) {
	update = timestamppb.New(at.CommitTime)
	if create = before.GetCreateTime(); create == nil {
		create = update
	}
	return create, update
}

// Etag is that of a resource that was last written at a revision.
func Etag(revision int64) string { return "r" + strconv.FormatInt(revision, 36) }

// pair makes the key of a pair. No name and no normalised text has a NUL.
func pair(left, right string) string { return left + "\x00" + right }

// rights are the right sides of the pairs with this left side, in order.
func rights(pairs *btree.Map[string, struct{}], left string) iter.Seq[string] {
	return func(yield func(string) bool) {
		prefix := pair(left, "")
		pairs.Ascend(prefix, func(key string, _ struct{}) bool {
			right, ok := strings.CutPrefix(key, prefix)
			return ok && yield(right)
		})
	}
}

// marked puts the mark of simulated data behind a display name.
func marked(name *typev1.Localized, simulated bool) *typev1.Localized {
	if !simulated {
		return name
	}
	mark := func(text string) string {
		if text == "" || strings.HasSuffix(text, SimulatedMark) {
			return text
		}
		return text + SimulatedMark
	}
	return &typev1.Localized{Zh: mark(name.GetZh()), En: mark(name.GetEn())}
}

// Unmarked is a display name as it is stored: without the mark.
func Unmarked(name *typev1.Localized) *typev1.Localized {
	if name == nil {
		return nil
	}
	return &typev1.Localized{
		Zh: strings.TrimSuffix(name.GetZh(), SimulatedMark),
		En: strings.TrimSuffix(name.GetEn(), SimulatedMark),
	}
}
