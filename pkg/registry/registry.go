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
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/nearest"
	"zonebench.internal/pkg/versioned"
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

	zones     versioned.Map[*zonev1.Zone]
	units     versioned.Map[*zonev1.ReferenceUnit]
	relations versioned.Map[*zonev1.Relation]
	groups    versioned.Map[*zonev1.Group]

	// Pairs that hold or held once, as keys "left\x00right":
	called *btree.Map[string, struct{}] // normalised name or alias -> subject
	ties   *btree.Map[string, struct{}] // zone -> relation with it on either side

	touched *btree.Map[int64, []string] // by revision: names of what its commit wrote

	revision int64

	names atomic.Pointer[[]nearest.Name] // of this revision, once somebody asked
}

// New is the registry before the first commit.
func New() *State {
	return &State{
		zones:     versioned.New[*zonev1.Zone](),
		units:     versioned.New[*zonev1.ReferenceUnit](),
		relations: versioned.New[*zonev1.Relation](),
		groups:    versioned.New[*zonev1.Group](),
		called:    new(btree.Map[string, struct{}]),
		ties:      new(btree.Map[string, struct{}]),
		touched:   new(btree.Map[int64, []string]),
	}
}

// Clone gives a copy that Apply may change while s is being read. Several may
// clone one state at once.
func (s *State) Clone() *State {
	s.mu.Lock() // copying a tree marks the original
	defer s.mu.Unlock()
	return &State{
		zones: s.zones.Clone(), units: s.units.Clone(), relations: s.relations.Clone(), groups: s.groups.Clone(),
		called: s.called.Copy(), ties: s.ties.Copy(), touched: s.touched.Copy(),
		revision: s.revision,
	}
}

// Apply takes in one transaction.
func (s *State) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	s.names.Store(nil)
	var names []string
	for i, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_LedgerVersion:
		case *ledgerv1.Fact_Zone:
			s.putZone(at, proto.CloneOf(kind.Zone))
			names = append(names, kind.Zone.GetName())
		case *ledgerv1.Fact_ReferenceUnit:
			s.putUnit(at, proto.CloneOf(kind.ReferenceUnit))
			names = append(names, kind.ReferenceUnit.GetName())
		case *ledgerv1.Fact_Relation:
			s.putRelation(at, proto.CloneOf(kind.Relation))
			names = append(names, kind.Relation.GetName())
		case *ledgerv1.Fact_Group:
			s.groups.Put(proto.CloneOf(kind.Group), at.Revision, at.CommitTime)
			names = append(names, kind.Group.GetName())
		case *ledgerv1.Fact_GroupDeleted:
			s.groups.Delete(kind.GroupDeleted.GetName(), at.Revision)
			names = append(names, kind.GroupDeleted.GetName())
		default:
			return fmt.Errorf("registry: fact %d of a transaction at revision %d is a %T: %w", i, at.Revision, kind, ledger.ErrUnknownFact)
		}
	}
	if len(names) > 0 {
		before, _ := s.touched.Get(at.Revision)
		s.touched.Set(at.Revision, append(slices.Clip(before), names...))
	}
	s.revision = max(s.revision, at.Revision)
	return nil
}

func (s *State) putZone(at ledger.Position, z *zonev1.Zone) {
	z.DisplayName = marked(z.GetDisplayName(), z.GetSimulated())
	s.call(z.GetName(), z.GetDisplayName(), z.GetAliases())
	s.zones.Put(z, at.Revision, at.CommitTime)
}

func (s *State) putUnit(at ledger.Position, u *zonev1.ReferenceUnit) {
	u.DisplayName = marked(u.GetDisplayName(), u.GetSimulated())
	s.call(u.GetName(), u.GetDisplayName(), u.GetAliases())
	s.units.Put(u, at.Revision, at.CommitTime)
}

func (s *State) putRelation(at ledger.Position, r *zonev1.Relation) {
	for _, zone := range []string{r.GetZone(), r.GetOther()} {
		s.ties.Set(pair(zone, r.GetName()), struct{}{})
	}
	s.relations.Put(r, at.Revision, at.CommitTime)
}

func (s *State) call(subject string, display *typev1.Localized, aliases []*zonev1.Alias) {
	for _, text := range fullNames(display) {
		s.called.Set(pair(text, subject), struct{}{})
	}
	for _, alias := range aliases {
		s.called.Set(pair(Normalize(alias.GetText()), subject), struct{}{})
	}
}

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
