// Package mask updates resources by field masks as AIP-134 has it.
package mask

import (
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// All is the path that means the whole resource.
const All = "*"

// Check refuses a mask with a path that the resource does not have. Paths go
// into messages by dots; lists are written as a whole.
func Check(m *fieldmaskpb.FieldMask, resource protoreflect.MessageDescriptor) error {
	for _, path := range m.GetPaths() {
		if path == All {
			if len(m.GetPaths()) > 1 {
				return invalid("%q stands for the whole resource: leave the other paths out", All)
			}
			continue
		}
		at := resource
		for part := range strings.SplitSeq(path, ".") {
			if at == nil {
				return invalid("%q goes into a field that is not a message, or into a list: name the field itself", path)
			}
			f := at.Fields().ByName(protoreflect.Name(part))
			if f == nil {
				return invalid("%s has no field %q; %sone of %s", at.Name(), path, meant(part, names(at)), strings.Join(names(at), ", "))
			}
			at = nil
			if !f.IsList() && !f.IsMap() {
				at = f.Message()
			}
		}
	}
	return nil
}

func meant(part string, names []string) string {
	if near := nearest.Word(part, names); near != "" {
		return "did you mean " + near + "? "
	}
	return ""
}

func names(m protoreflect.MessageDescriptor) []string {
	var out []string
	for i := range m.Fields().Len() {
		out = append(out, string(m.Fields().Get(i).Name()))
	}
	return out
}

func invalid(format string, args ...any) error {
	return fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FILTER, "update_mask: "+format, args...)
}

// Apply writes the fields of src that a checked mask names into dst, one that
// is not set in src is cleared. Without a mask it writes every field that is set
// in src, and with `*` all. It keeps the fields named in keep as they are in dst
// whatever the mask says, and shares nothing with src.
func Apply(m *fieldmaskpb.FieldMask, dst, src proto.Message, keep ...protoreflect.Name) {
	to, from := dst.ProtoReflect(), proto.Clone(src).ProtoReflect()
	fields := to.Descriptor().Fields()
	switch {
	case len(m.GetPaths()) == 0:
		merge(to, from, keep)
	case m.GetPaths()[0] == All:
		for i := range fields.Len() {
			if f := fields.Get(i); !slices.Contains(keep, f.Name()) {
				set(to, from, f)
			}
		}
	default:
		for _, path := range m.GetPaths() {
			parts := strings.Split(path, ".")
			if !slices.Contains(keep, protoreflect.Name(parts[0])) {
				write(to, from, parts)
			}
		}
	}
}

func merge(to, from protoreflect.Message, keep []protoreflect.Name) {
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case slices.Contains(keep, f.Name()):
		case f.Message() != nil && !f.IsList() && !f.IsMap() && to.Has(f) && f.ContainingOneof() == nil:
			merge(to.Mutable(f).Message(), v.Message(), nil)
		default:
			to.Set(f, v)
		}
		return true
	})
}

// set copies one field, cleared when it is not set. Clearing a member of a oneof
// leaves another member that is set alone.
func set(to, from protoreflect.Message, f protoreflect.FieldDescriptor) {
	if from.Has(f) {
		to.Set(f, from.Get(f))
	} else {
		to.Clear(f)
	}
}

func write(to, from protoreflect.Message, parts []string) {
	f := to.Descriptor().Fields().ByName(protoreflect.Name(parts[0]))
	if len(parts) == 1 || !from.Has(f) && !to.Has(f) {
		set(to, from, f)
		return
	}
	write(to.Mutable(f).Message(), from.Get(f).Message(), parts[1:])
}
