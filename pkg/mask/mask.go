// Package mask applies the field masks of update methods (AIP-134).
package mask

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Update gives the present resource with the sent one's values in the fields of
// a mask. Absent, the mask is every field that is set in what was sent; `*` is
// the whole resource, so that what is not set is cleared. A field that only the
// service writes, and the name, stay as they are whatever the mask says.
func Update[M proto.Message](present, sent M, mask *fieldmaskpb.FieldMask) (M, error) {
	updated := proto.CloneOf(present)
	to, from := updated.ProtoReflect(), sent.ProtoReflect()
	fields := to.Descriptor().Fields()
	switch paths := mask.GetPaths(); {
	case len(paths) == 0:
		for i := range fields.Len() {
			if f := fields.Get(i); from.Has(f) {
				set(to, from, f)
			}
		}
	case slices.Contains(paths, "*"):
		if len(paths) > 1 {
			return updated, invalid("update_mask: * stands alone")
		}
		for i := range fields.Len() {
			set(to, from, fields.Get(i))
		}
	default:
		for _, path := range paths {
			if err := setPath(to, from, path); err != nil {
				return updated, err
			}
		}
	}
	return updated, nil
}

// set copies a field, or clears it where it is not set.
func set(to, from protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case kept(f):
	case !from.Has(f):
		to.Clear(f)
	default:
		to.Set(f, proto.Clone(from.Interface()).ProtoReflect().Get(f)) // shares nothing with the request
	}
}

func setPath(to, from protoreflect.Message, path string) error {
	names := strings.Split(path, ".")
	for i, name := range names {
		f := to.Descriptor().Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return unknown(to.Descriptor(), path, name)
		}
		if i == len(names)-1 {
			set(to, from, f)
			return nil
		}
		if f.Message() == nil || f.IsList() || f.IsMap() {
			return invalid("update_mask: %q: %s has no fields of its own", path, name)
		}
		if kept(f) {
			return nil
		}
		to, from = to.Mutable(f).Message(), from.Get(f).Message()
	}
	return nil
}

func unknown(d protoreflect.MessageDescriptor, path, name string) error {
	known := make([]string, d.Fields().Len())
	for i := range known {
		known[i] = string(d.Fields().Get(i).Name())
	}
	if near := nearest.Word(name, known); near != "" {
		return invalid("update_mask: %q: no field %q; did you mean %q?", path, name, near)
	}
	return invalid("update_mask: %q: no field %q; fields are %s", path, name, strings.Join(known, ", "))
}

func invalid(format string, args ...any) error {
	return fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FILTER, "%s", fmt.Sprintf(format, args...))
}

// kept says whether callers cannot write a field: the name, the etag they only
// send back, and what the service fills in.
func kept(f protoreflect.FieldDescriptor) bool {
	behaviors, ok := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return ok && (slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) || slices.Contains(behaviors, annotations.FieldBehavior_IDENTIFIER))
}
