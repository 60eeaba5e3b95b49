package versioned_test

import (
	"slices"
	"testing"
	"time"

	"zonebench.internal/pkg/versioned"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

func group(note string) *zonev1.Group { return &zonev1.Group{Name: "groups/a", Note: note} }

func TestEveryRevisionReadsAsItWas(t *testing.T) {
	begin := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	m := versioned.New[*zonev1.Group]()
	m.Put(group("first"), 2, begin)
	m.Put(group("second"), 4, begin.Add(time.Hour))
	m.Delete("groups/a", 6)
	m.Put(group("anew"), 8, begin.Add(2*time.Hour))
	for revision, want := range map[int64]string{1: "", 2: "first", 3: "first", 4: "second", 5: "second", 6: "", 7: "", 8: "anew", 99: "anew"} {
		g, ok := m.At("groups/a", revision)
		if ok != (want != "") || g.GetNote() != want {
			t.Errorf("at %d: %q, %v, want %q", revision, g.GetNote(), ok, want)
		}
		if n := len(slices.Collect(m.All(revision))); (n == 1) != ok {
			t.Errorf("all at %d: %d", revision, n)
		}
	}
	second, _ := m.At("groups/a", 5)
	anew, _ := m.At("groups/a", 8)
	if !second.GetCreateTime().AsTime().Equal(begin) || second.GetEtag() != versioned.Etag(4) || second.GetRevision() != 4 {
		t.Errorf("an update keeps its creation and has the etag of its revision: %v", second)
	}
	if anew.GetCreateTime().AsTime().Equal(begin) {
		t.Errorf("what was deleted begins anew: %v", anew)
	}
	if stored := versioned.Stored(anew); stored.GetEtag() != "" || stored.GetRevision() != 0 || stored.GetCreateTime() != nil || anew.GetEtag() == "" {
		t.Errorf("stored %v, want it without what the fold fills in and the original untouched", stored)
	}
}

func TestCloneDoesNotSeeLaterWrites(t *testing.T) {
	m := versioned.New[*zonev1.Group]()
	m.Put(group("first"), 1, time.Unix(0, 0))
	c := m.Clone()
	c.Put(group("second"), 2, time.Unix(1, 0))
	if g, _ := m.At("groups/a", 9); g.GetNote() != "first" {
		t.Errorf("the original reads %q", g.GetNote())
	}
	if g, _ := c.At("groups/a", 9); g.GetNote() != "second" {
		t.Errorf("the clone reads %q", g.GetNote())
	}
}
