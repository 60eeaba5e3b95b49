package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
)

// check holds a request against the rules written in its contract.
func (e *edge) check(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return nil
	}
	err := e.rules.Validate(m)
	var invalid *protovalidate.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		fields := make([]fault.Field, 0, len(invalid.Violations))
		for _, v := range invalid.Violations {
			if path := protovalidate.FieldPathString(v.Proto.GetField()); written(m, path, v) {
				fields = append(fields, fault.Field{Path: path, Message: wrong(v)})
			}
		}
		if len(fields) == 0 {
			return nil
		}
		return fault.InvalidFields(fields...)
	default:
		return fmt.Errorf("rules of %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
}

// written says whether a violation is about something that the request writes.
// An update sends the part of a resource that its mask names, or without a mask
// what is set in it (AIP-134): what it leaves out is not missing, for the
// resource that is there has it.
func written(m proto.Message, path string, v *protovalidate.Violation) bool {
	update, ok := m.(interface{ GetUpdateMask() *fieldmaskpb.FieldMask })
	resource, inside, deeper := strings.Cut(path, ".")
	field := m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(resource))
	if !ok || field == nil || field.Message() == nil || !m.ProtoReflect().Has(field) || resource == "update_mask" {
		return true
	}
	paths := update.GetUpdateMask().GetPaths()
	switch {
	case slices.Contains(paths, "*"):
		return true
	case !deeper: // a rule over the whole resource, of which this is a part
		return false
	case len(paths) == 0:
		return v.FieldValue.IsValid() && !absent(v)
	}
	return slices.ContainsFunc(paths, func(named string) bool {
		within := func(a, b string) bool { return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(a, b+"[") }
		return within(inside, named) || within(named, inside)
	})
}

// absent says whether the field that breaks a rule is not set.
func absent(v *protovalidate.Violation) bool {
	f := v.FieldDescriptor
	switch {
	case f == nil:
		return false
	case f.IsList():
		return v.FieldValue.List().Len() == 0
	case f.IsMap():
		return v.FieldValue.Map().Len() == 0
	case f.Message() != nil:
		return !v.FieldValue.Message().IsValid()
	default:
		return v.FieldValue.Equal(f.Default())
	}
}

// wrong says what breaks a rule and how to mend it. Rules that carry a sentence
// of ours are told as they are.
func wrong(v *protovalidate.Violation) string {
	message := v.Proto.GetMessage()
	switch id := v.Proto.GetRuleId(); {
	case id == "required" || strings.HasSuffix(id, ".required"):
		return "is missing: set it"
	case id == "string.pattern":
		return fmt.Sprintf("%s is not of the form %s", found(v), v.RuleValue.String())
	case strings.HasSuffix(id, ".not_in"), id == "enum.defined_only":
		return fmt.Sprintf("%s is not one of the values: use %s", found(v), values(v))
	case strings.HasSuffix(id, ".max_len"), strings.HasSuffix(id, ".min_len"),
		strings.HasSuffix(id, ".max_items"), strings.HasSuffix(id, ".min_items"):
		return message + length(v)
	default:
		return message + ": " + found(v) + " was given"
	}
}

// found is the value that breaks the rule, cut to what a reader takes in.
func found(v *protovalidate.Violation) string {
	if v.FieldDescriptor == nil || !v.FieldValue.IsValid() {
		return "what"
	}
	switch value := v.FieldValue.Interface().(type) {
	case string:
		if r := []rune(value); len(r) > 80 {
			value = string(r[:80]) + "…"
		}
		return fmt.Sprintf("%q", value)
	case protoreflect.EnumNumber:
		if v.FieldDescriptor.Enum() != nil {
			if d := v.FieldDescriptor.Enum().Values().ByNumber(value); d != nil {
				return string(d.Name())
			}
		}
		return fmt.Sprint(int32(value))
	case bool, int32, int64, uint32, uint64, float32, float64:
		return fmt.Sprint(value)
	default:
		return "another value"
	}
}

// length tells how long a text or list is that is too long or too short.
func length(v *protovalidate.Violation) string {
	if v.FieldDescriptor == nil || !v.FieldValue.IsValid() {
		return ""
	}
	switch value := v.FieldValue.Interface().(type) {
	case string:
		return fmt.Sprintf(": it has %d characters", len([]rune(value)))
	case []byte:
		return fmt.Sprintf(": it has %d bytes", len(value))
	case protoreflect.List:
		return fmt.Sprintf(": it has %d", value.Len())
	default:
		return ""
	}
}

// values lists the values of an enum that a caller may set.
func values(v *protovalidate.Violation) string {
	if v.FieldDescriptor == nil || v.FieldDescriptor.Enum() == nil {
		return "one of the documented values"
	}
	all := v.FieldDescriptor.Enum().Values()
	names := make([]string, 0, all.Len())
	for i := range all.Len() {
		if d := all.Get(i); d.Number() != 0 {
			names = append(names, string(d.Name()))
		}
	}
	return strings.Join(names, ", ")
}
