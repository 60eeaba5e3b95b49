package figures

import (
	"iter"
	"strconv"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// resource is what the lane holds in versions.
type resource interface {
	*indicatorv1.Indicator | *indicatorv1.Source | *indicatorv1.List
	proto.Message
	GetName() string
	GetCreateTime() *timestamppb.Timestamp
}

// resources of one kind by name, each with its earlier versions behind it.
type resources[R resource] struct {
	byName *btree.Map[string, *version[R]]
}

type version[R resource] struct {
	resource R // with its output-only fields
	revision int64
	earlier  *version[R]
}

func newResources[R resource]() resources[R] {
	return resources[R]{byName: new(btree.Map[string, *version[R]])}
}

func (r resources[R]) clone() resources[R] { return resources[R]{byName: r.byName.Copy()} }

// put writes a version. The fact holds the resource without what follows from its commit.
func put[R resource](r *resources[R], by *transaction, written R) {
	m := proto.CloneOf(written)
	earlier, ok := r.byName.Get(m.GetName())
	created := stamp(by.time)
	if ok {
		created = earlier.resource.GetCreateTime()
	}
	switch m := any(m).(type) {
	case *indicatorv1.Indicator:
		m.Etag, m.CreateTime, m.UpdateTime, m.Revision = Etag(by.revision), created, stamp(by.time), by.revision
	case *indicatorv1.Source:
		m.Etag, m.CreateTime, m.UpdateTime, m.Revision = Etag(by.revision), created, stamp(by.time), by.revision
	case *indicatorv1.List:
		m.Etag, m.CreateTime, m.UpdateTime, m.Revision = Etag(by.revision), created, stamp(by.time), by.revision
	}
	r.byName.Set(m.GetName(), &version[R]{resource: m, revision: by.revision, earlier: earlier})
}

// Etag is the etag of a resource that was last written at a revision.
func Etag(revision int64) string { return "r" + strconv.FormatInt(revision, 36) }

// at is the resource as it was at a revision.
func (r resources[R]) at(name string, revision int64) (R, bool) {
	v, ok := r.byName.Get(name)
	if !ok {
		var none R
		return none, false
	}
	return v.at(revision)
}

func (v *version[R]) at(revision int64) (R, bool) {
	for ; v != nil; v = v.earlier {
		if v.revision <= revision {
			return v.resource, true
		}
	}
	var none R
	return none, false
}

// all are the resources as they were at a revision, in order of their names.
func (r resources[R]) all(revision int64) iter.Seq[R] {
	return func(yield func(R) bool) {
		r.byName.Scan(func(_ string, v *version[R]) bool {
			m, ok := v.at(revision)
			return !ok || yield(m)
		})
	}
}
