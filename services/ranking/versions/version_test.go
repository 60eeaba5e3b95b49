package versions

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func example() (*rankingv1.VersionHead, []*rankingv1.Standing) {
	head := &rankingv1.VersionHead{
		Ranking: "rankings/a", Version: 7, Placed: 1, Completeness: "0.9",
		Leaves: []*rankingv1.LeafCompleteness{{Node: "n", Known: 1, Of: 2, Required: "0.5", Carried: 1}},
		Reason: &typev1.Localized{Zh: "甲", En: "a"}, CommitTime: &timestamppb.Timestamp{Seconds: 1, Nanos: 2},
		State: rankingv1.RankingState_RANKING_STATE_OPEN, DataCut: &typev1.Date{Year: 2024, Month: 3, Day: 4},
	}
	return head, []*rankingv1.Standing{{
		Subject: "zones/a", DisplayName: &typev1.Localized{Zh: "甲", En: "a"}, Position: 1, Place: 1, Of: 1, Score: "1", Completeness: "1",
		Reason: &typev1.Localized{Zh: "乙", En: "b"}, PreviousPlace: 3, GapAhead: "1", GapBehind: "-1",
	}}
}

// change gives another value to a field, in place.
func change(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsList():
		l := m.Mutable(f).List()
		l.Append(l.NewElement())
	case f.Kind() == protoreflect.StringKind:
		m.Set(f, protoreflect.ValueOfString(m.Get(f).String()+"x"))
	case f.Kind() == protoreflect.BoolKind:
		m.Set(f, protoreflect.ValueOfBool(!m.Get(f).Bool()))
	case f.Kind() == protoreflect.Int32Kind:
		m.Set(f, protoreflect.ValueOfInt32(int32(m.Get(f).Int())+1))
	case f.Kind() == protoreflect.Int64Kind:
		m.Set(f, protoreflect.ValueOfInt64(m.Get(f).Int()+1))
	case f.Kind() == protoreflect.EnumKind:
		m.Set(f, protoreflect.ValueOfEnum(m.Get(f).Enum()+1))
	}
}

// eachField calls fn for every field in a message and in the messages in it.
func eachField(m protoreflect.Message, path string, fn func(path string, m protoreflect.Message, f protoreflect.FieldDescriptor)) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		at := path + "." + string(f.Name())
		switch {
		case f.IsList() && m.Get(f).List().Len() > 0:
			fn(at, m, f)
			eachField(m.Get(f).List().Get(0).Message(), at, fn)
		case f.Kind() == protoreflect.MessageKind && !f.IsList():
			eachField(m.Mutable(f).Message(), at, fn)
		default:
			fn(at, m, f)
		}
	}
}

// A field that is added to the contract and forgotten in the digest fails here.
func TestDigestCoversEveryFieldOfHeadAndRows(t *testing.T) {
	none := map[string]bool{
		".head.rows": true, ".head.digest": true, // made by Seal
		".row.cells": true, ".row.history": true, // not in versions
	}
	head, rows := example()
	want := Seal(head, rows).Digest()
	n := 0
	check := func(head *rankingv1.VersionHead, rows []*rankingv1.Standing) func(string, protoreflect.Message, protoreflect.FieldDescriptor) {
		return func(path string, m protoreflect.Message, f protoreflect.FieldDescriptor) {
			n++
			old := proto.Clone(m.Interface())
			change(m, f)
			v := &Version{Head: head, Rows: rows}
			if (v.Digest() == want) != none[path] {
				t.Errorf("a change of %s: digest changes = %v", path, v.Digest() != want)
			}
			proto.Reset(m.Interface())
			proto.Merge(m.Interface(), old)
		}
	}
	eachField(head.ProtoReflect(), ".head", check(head, rows))
	eachField(rows[0].ProtoReflect(), ".row", check(head, rows))
	if n < 35 {
		t.Errorf("%d fields were changed: the test does not reach them all", n)
	}
	if got := Seal(head, rows).Digest(); got != want {
		t.Errorf("the test did not put back what it changed")
	}
}

// The row's own comparison and the digest must agree on what a change is.
func TestSameSeesEveryFieldOfARow(t *testing.T) {
	_, rows := example()
	a, b := rows[0], proto.CloneOf(rows[0])
	if !same(a, b) {
		t.Fatal("a copy is not the same")
	}
	eachField(b.ProtoReflect(), "", func(path string, m protoreflect.Message, f protoreflect.FieldDescriptor) {
		old := proto.Clone(m.Interface())
		change(m, f)
		if same(a, b) != (path == ".cells" || path == ".history") {
			t.Errorf("a change of %s: same = %v", path, same(a, b))
		}
		proto.Reset(m.Interface())
		proto.Merge(m.Interface(), old)
	})
}

// Stored digests and signatures must hold for ever.
func TestDigestIsWhatItWas(t *testing.T) {
	const golden = "e6864a3603fb8d1bd5ebe20f3dc9d706a74a1b07d2d83bb1cd5cc8b0c3d31df8"
	if got := Seal(example()).Digest(); got != golden {
		t.Errorf("digest %s, want %s", got, golden)
	}
}

func TestSealCountsAndFinds(t *testing.T) {
	v := Seal(example())
	if i, ok := v.Row("zones/a"); v.Head.GetRows() != 1 || !ok || i != 0 || v.Head.GetDigest() != v.Digest() {
		t.Errorf("%v: %d %v", v.Head, i, ok)
	}
	if _, ok := v.Row("zones/b"); ok {
		t.Error("found a zone that has no row")
	}
}

func TestCacheStaysWithinItsBytes(t *testing.T) {
	one := func(n int64) *Version {
		head, rows := example()
		head.Version = n
		return Seal(head, rows)
	}
	c := newCache(3 * one(1).bytes)
	for n := range int64(5) {
		c.put(one(n))
		c.get(key{"rankings/a", 0}) // the first one stays in use
	}
	if n, bytes := c.used(); n != 3 || bytes != 3*one(1).bytes {
		t.Errorf("%d versions of %d bytes", n, bytes)
	}
	for n, want := range map[int64]bool{0: true, 1: false, 2: false, 3: true, 4: true} {
		if got := c.get(key{"rankings/a", n}) != nil; got != want {
			t.Errorf("version %d: %v", n, got)
		}
	}
	small := newCache(1)
	small.put(one(1))
	if n, _ := small.used(); n != 0 {
		t.Error("a version larger than the cache was kept")
	}
}
