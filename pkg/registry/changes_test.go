package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zonebench.internal/pkg/registry"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

func TestChangesTellWhatEachCommitWrote(t *testing.T) {
	s := fold(t,
		[]*ledgerv1.Fact{zone("a", "甲", ""), zone("b", "乙", "")},
		[]*ledgerv1.Fact{group(&zonev1.Group{Name: "groups/g"})},
		[]*ledgerv1.Fact{relation(zonev1.RelationType_RELATION_TYPE_PART_OF, "zones/a", "zones/b", nil, nil)},
		[]*ledgerv1.Fact{{Kind: &ledgerv1.Fact_GroupDeleted{GroupDeleted: &ledgerv1.GroupDeleted{Name: "groups/g"}}}},
	)
	changes := func(v registry.View, after int64) string {
		var list []string
		for revision, names := range v.Changes(after) {
			list = append(list, fmt.Sprint(revision, ":", strings.Join(names, "+")))
		}
		return strings.Join(list, " ")
	}
	name := ""
	for r := range s.View(0).Relations() {
		name = r.GetName()
	}
	if got, want := changes(s.View(0), 0), "4:groups/g 3:"+name+" 2:groups/g 1:zones/a+zones/b"; got != want {
		t.Errorf("all: %s, want %s", got, want)
	}
	if got, want := changes(s.View(3), 1), "3:"+name+" 2:groups/g"; got != want {
		t.Errorf("of a part: %s, want %s", got, want)
	}
}

func TestIsMemberAgreesWithMembers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := registry.New()
		for i, facts := range genCommits(r) {
			if err := s.Apply(at(int64(i+1)), &ledgerv1.Transaction{Facts: facts}); err != nil {
				r.Fatal(err)
			}
		}
		v := s.View(0)
		asOf := day(int32(rapid.IntRange(2015, 2025).Draw(r, "year")), 6, 30)
		for g := range v.Groups() {
			zones, err := v.Members(g.GetName(), asOf)
			if err != nil {
				continue // A filter that is none has no members either.
			}
			in := make(map[string]bool)
			for _, z := range zones {
				in[z.GetName()] = true
			}
			for z := range v.Zones() {
				if is, err := v.IsMember(g.GetName(), z.GetName(), asOf); err != nil || is != in[z.GetName()] {
					r.Fatalf("%s in %s: %v, %v, want %v", z.GetName(), g.GetName(), is, err, in[z.GetName()])
				}
			}
		}
	})
}
