// Package versioned keeps resources by name with every version that they ever
// had, for the folds of the ledger: a copy shares its structure with the
// original, a change copies the path to what it changes, and any revision can
// be read.
package versioned

import (
	"iter"
	"strconv"
	"time"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Resource is a resource with the fields that every resource of the contracts
// has, and that only the fold fills in: etag, create_time, update_time, revision.
type Resource interface {
	proto.Message
	comparable
	GetName() string
	GetEtag() string
	GetRevision() int64
	GetCreateTime() *timestamppb.Timestamp
	GetUpdateTime() *timestamppb.Timestamp
}

// Outputs are the names of the fields that the fold fills in.
var Outputs = []protoreflect.Name{"etag", "create_time", "update_time", "revision"}

// Map holds the resources of one kind. Its zero value is not usable: New. One
// may be read by many; Clone and Put are for one at a time.
type Map[R Resource] struct {
	byName *btree.Map[string, *version[R]]
}

// version is a resource as one commit left it. It never changes.
type version[R Resource] struct {
	resource R
	revision int64
	deleted  bool
	earlier  *version[R]
}

// New is a map without resources.
func New[R Resource]() Map[R] { return Map[R]{byName: new(btree.Map[string, *version[R]])} }

// Clone gives a map that may be changed while this one is read.
func (m Map[R]) Clone() Map[R] { return Map[R]{byName: m.byName.Copy()} }

// Put writes a resource, which it keeps, and fills in what follows from its
// commit. A resource that was deleted before begins anew.
func (m Map[R]) Put(r R, revision int64, at time.Time) {
	earlier, ok := m.byName.Get(r.GetName())
	updated := timestamppb.New(at)
	created := updated
	if ok && !earlier.deleted {
		created = earlier.resource.GetCreateTime()
	}
	msg := r.ProtoReflect()
	fields := msg.Descriptor().Fields()
	msg.Set(fields.ByName("etag"), protoreflect.ValueOfString(Etag(revision)))
	msg.Set(fields.ByName("create_time"), protoreflect.ValueOfMessage(created.ProtoReflect()))
	msg.Set(fields.ByName("update_time"), protoreflect.ValueOfMessage(updated.ProtoReflect()))
	msg.Set(fields.ByName("revision"), protoreflect.ValueOfInt64(revision))
	m.byName.Set(r.GetName(), &version[R]{resource: r, revision: revision, earlier: earlier})
}

// Delete ends a resource. Earlier revisions still have it.
func (m Map[R]) Delete(name string, revision int64) {
	earlier, _ := m.byName.Get(name)
	m.byName.Set(name, &version[R]{revision: revision, deleted: true, earlier: earlier})
}

// At is a resource as it was at a revision.
func (m Map[R]) At(name string, revision int64) (R, bool) {
	newest, _ := m.byName.Get(name)
	return newest.at(revision)
}

func (v *version[R]) at(revision int64) (r R, ok bool) {
	for ; v != nil; v = v.earlier {
		if v.revision <= revision {
			return v.resource, !v.deleted
		}
	}
	return r, false
}

// All are the resources as they were at a revision, in order of their names.
func (m Map[R]) All(revision int64) iter.Seq[R] {
	return func(yield func(R) bool) {
		m.byName.Scan(func(_ string, newest *version[R]) bool {
			r, ok := newest.at(revision)
			return !ok || yield(r)
		})
	}
}

// Etag is that of a resource that was last written at a revision.
func Etag(revision int64) string { return "r" + strconv.FormatInt(revision, 36) }

// Stored is a copy of a resource in the form that the ledger keeps: without
// what the fold fills in.
func Stored[R Resource](r R) R {
	c := proto.CloneOf(r)
	fields := c.ProtoReflect().Descriptor().Fields()
	for _, name := range Outputs {
		c.ProtoReflect().Clear(fields.ByName(name))
	}
	return c
}
