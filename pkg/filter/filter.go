// Package filter reads AIP-160 filters over protobuf messages.
//
// The language is the part of AIP-160 that a list of resources needs:
//
//	level = national AND (type = new_area OR display_name.zh : "开发区")
//	NOT simulated
//	parent = referenceUnits/zhejiang -level=provincial
//
// Expressions stand next to each other or are joined by AND; OR binds tighter
// than AND, as AIP-160 has it; NOT and a leading minus negate. A restriction is
// field, comparator, value, and for a bool field the field alone.
//
//   - strings: `=` and `!=` compare exactly, a `*` in an unquoted or quoted value
//     stands for any run of characters; `:` finds the value inside the string;
//     `<` and the others order by bytes.
//   - enums: the full name, or its last part in lower case with `_` or `-`
//     (`new_area`); only `=`, `!=` and `:`.
//   - numbers and bools by value.
//   - fields of several values: only `:`, true when one of them fits.
//   - `field:*` is true when the field is set.
//
// A field that is not set has its zero value: `level = unspecified`.
package filter

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Predicate tells whether a message fits a filter.
type Predicate func(proto.Message) bool

// Compile reads a filter over messages of one kind and the fields (paths with
// dots) by which callers may filter. An empty filter fits every message. What
// is wrong with the text comes back as INVALID_FILTER with the position, in
// characters from 1, and what would be right.
func Compile(text string, message protoreflect.MessageDescriptor, fields []string) (Predicate, error) {
	p := &parser{input: []rune(text), message: message, fields: fields}
	p.space()
	if p.end() {
		return func(proto.Message) bool { return true }, nil
	}
	m, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.errorf(p.at, "unexpected %q: join conditions with AND or OR", p.word())
	}
	return func(msg proto.Message) bool { return m(msg.ProtoReflect()) }, nil
}

type match func(protoreflect.Message) bool

// maxDepth bounds how deep parentheses nest.
const maxDepth = 50

type parser struct {
	input   []rune
	at      int
	message protoreflect.MessageDescriptor
	fields  []string
}

// expression: sequences joined by AND. A sequence of factors side by side means
// AND as well, so both are read in one loop.
func (p *parser) expression(depth int) (match, error) {
	if depth > maxDepth {
		return nil, p.errorf(p.at, "more than %d parentheses inside each other", maxDepth)
	}
	var all []match
	for {
		m, err := p.factor(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
		p.space()
		if p.end() || p.peek() == ')' {
			break
		}
		p.keyword("AND")
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return func(msg protoreflect.Message) bool {
		for _, m := range all {
			if !m(msg) {
				return false
			}
		}
		return true
	}, nil
}

// factor: terms joined by OR.
func (p *parser) factor(depth int) (match, error) {
	var some []match
	for {
		m, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		some = append(some, m)
		if !p.keyword("OR") {
			break
		}
	}
	if len(some) == 1 {
		return some[0], nil
	}
	return func(msg protoreflect.Message) bool {
		return slices.ContainsFunc(some, func(m match) bool { return m(msg) })
	}, nil
}

// term: an optional NOT or minus, then parentheses or a restriction.
func (p *parser) term(depth int) (match, error) {
	p.space()
	not := p.keyword("NOT")
	if !not && p.peek() == '-' {
		p.at++
		not = true
	}
	p.space()
	var m match
	var err error
	if p.peek() == '(' {
		open := p.at
		p.at++
		if m, err = p.expression(depth + 1); err != nil {
			return nil, err
		}
		if p.space(); p.peek() != ')' {
			return nil, p.errorf(open, "this parenthesis is not closed")
		}
		p.at++
	} else if m, err = p.restriction(); err != nil {
		return nil, err
	}
	if not {
		return func(msg protoreflect.Message) bool { return !m(msg) }, nil
	}
	return m, nil
}

// restriction: field comparator value.
func (p *parser) restriction() (match, error) {
	start := p.at
	if p.end() {
		return nil, p.errorf(start, "a condition is missing: write field=value")
	}
	name := p.field()
	if name == "" {
		return nil, p.errorf(start, "unexpected %q where a field should stand: one of %s", p.word(), p.allowed())
	}
	if slices.Contains([]string{"AND", "OR", "NOT"}, name) {
		return nil, p.errorf(start, "a condition is missing before or after %s", name)
	}
	if !slices.Contains(p.fields, name) {
		return nil, p.errorf(start, "%q is not a field to filter by; %sone of %s", name, meant(name, p.fields), p.allowed())
	}
	path, err := p.path(start, name)
	if err != nil {
		return nil, err
	}
	last := path[len(path)-1]
	p.space()
	op := p.comparator()
	if op == "" {
		if last.Kind() == protoreflect.BoolKind && !last.IsList() {
			return func(msg protoreflect.Message) bool {
				return anyValue(msg, path, func(v protoreflect.Value) bool { return v.Bool() })
			}, nil
		}
		return nil, p.errorf(start, "%s needs a comparator and a value: %s=...", name, name)
	}
	p.space()
	valueAt := p.at
	value, quoted, err := p.value()
	if err != nil {
		return nil, err
	}
	if op == ":" && value == "*" && !quoted {
		return func(msg protoreflect.Message) bool { return set(msg, path) }, nil
	}
	if op != ":" && several(path) {
		return nil, p.errorf(start, "%s has several values: write %s:%s", name, name, value)
	}
	test, err := p.test(valueAt, name, last, op, value)
	if err != nil {
		return nil, err
	}
	return func(msg protoreflect.Message) bool { return anyValue(msg, path, test) }, nil
}

// meant suggests the word that a misspelt one is near to.
func meant(text string, words []string) string {
	if near := nearest.Word(text, words); near != "" {
		return "did you mean " + near + "? "
	}
	return ""
}

// path finds the fields that a dotted name goes through.
func (p *parser) path(start int, name string) ([]protoreflect.FieldDescriptor, error) {
	var path []protoreflect.FieldDescriptor
	message := p.message
	for part := range strings.SplitSeq(name, ".") {
		var f protoreflect.FieldDescriptor
		if message != nil {
			f = message.Fields().ByName(protoreflect.Name(part))
		}
		if f == nil || f.IsMap() {
			return nil, p.errorf(start, "%s cannot be read from %s", name, p.message.Name())
		}
		path = append(path, f)
		message = f.Message()
	}
	if message != nil {
		return nil, p.errorf(start, "%s is a message: name one of its fields", name)
	}
	return path, nil
}

// test makes the comparison of one value of the field.
func (p *parser) test(at int, name string, f protoreflect.FieldDescriptor, op, text string) (func(protoreflect.Value) bool, error) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return stringTest(op, text), nil
	case protoreflect.BoolKind:
		want, err := strconv.ParseBool(text)
		if err != nil || text != "true" && text != "false" {
			return nil, p.errorf(at, "%q is neither true nor false, which %s is", text, name)
		}
		return equality(p, at, name, op, func(v protoreflect.Value) bool { return v.Bool() == want })
	case protoreflect.EnumKind:
		want, ok := EnumValue(f.Enum(), text)
		if !ok {
			words := EnumWords(f.Enum())
			return nil, p.errorf(at, "%q is not a %s; %sone of %s", text, name, meant(text, words), strings.Join(words, ", "))
		}
		return equality(p, at, name, op, func(v protoreflect.Value) bool { return v.Enum() == want })
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Sint32Kind, protoreflect.Sint64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
		want, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, p.errorf(at, "%q is not a whole number, which %s is", text, name)
		}
		return func(v protoreflect.Value) bool { return holds(op, compare(v.Int(), want)) }, nil
	default:
		return nil, p.errorf(at, "%s is of a kind (%s) that filters cannot compare", name, f.Kind())
	}
}

func equality(p *parser, at int, name, op string, is func(protoreflect.Value) bool) (func(protoreflect.Value) bool, error) {
	switch op {
	case "=", ":":
		return is, nil
	case "!=":
		return func(v protoreflect.Value) bool { return !is(v) }, nil
	default:
		return nil, p.errorf(at, "%s has no order: compare it with = or !=", name)
	}
}

func stringTest(op, want string) func(protoreflect.Value) bool {
	switch op {
	case "=", "!=":
		equal := func(s string) bool { return s == want }
		if strings.Contains(want, "*") {
			parts := strings.Split(want, "*")
			equal = func(s string) bool { return wildcard(s, parts) }
		}
		return func(v protoreflect.Value) bool { return equal(v.String()) == (op == "=") }
	case ":":
		return func(v protoreflect.Value) bool { return strings.Contains(v.String(), want) }
	default:
		return func(v protoreflect.Value) bool { return holds(op, strings.Compare(v.String(), want)) }
	}
}

// wildcard matches s against literal parts with anything between them.
func wildcard(s string, parts []string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func holds(op string, order int) bool {
	switch op {
	case "=", ":":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// several reports whether the path goes through a repeated field.
func several(path []protoreflect.FieldDescriptor) bool {
	return slices.ContainsFunc(path, protoreflect.FieldDescriptor.IsList)
}

// anyValue applies test to the value at the end of the path, or to each of them
// where the path goes through repeated fields.
func anyValue(msg protoreflect.Message, path []protoreflect.FieldDescriptor, test func(protoreflect.Value) bool) bool {
	f, rest := path[0], path[1:]
	v := msg.Get(f)
	inside := func(v protoreflect.Value) bool {
		if len(rest) == 0 {
			return test(v)
		}
		return anyValue(v.Message(), rest, test)
	}
	if !f.IsList() {
		return inside(v)
	}
	for i := range v.List().Len() {
		if inside(v.List().Get(i)) {
			return true
		}
	}
	return false
}

// set reports whether the field at the end of the path has a value.
func set(msg protoreflect.Message, path []protoreflect.FieldDescriptor) bool {
	f, rest := path[0], path[1:]
	if !msg.Has(f) {
		return false
	}
	if len(rest) == 0 {
		return true
	}
	if !f.IsList() {
		return set(msg.Get(f).Message(), rest)
	}
	list := msg.Get(f).List()
	for i := range list.Len() {
		if set(list.Get(i).Message(), rest) {
			return true
		}
	}
	return false
}

// EnumWords are the words by which callers name the values of an enum: the last
// part of the proto name in lower case.
func EnumWords(enum protoreflect.EnumDescriptor) []string {
	words := make([]string, 0, enum.Values().Len())
	for i := range enum.Values().Len() {
		words = append(words, enumWord(enum.Values().Get(i)))
	}
	return words
}

func enumWord(v protoreflect.EnumValueDescriptor) string {
	zero := string(v.Parent().(protoreflect.EnumDescriptor).Values().Get(0).Name()) //nolint:errcheck,forcetypeassert // the parent of an enum value is its enum
	return strings.ToLower(strings.TrimPrefix(string(v.Name()), strings.TrimSuffix(zero, "UNSPECIFIED")))
}

// EnumValue finds the value of an enum by its word (with `_` or `-`) or its full
// proto name.
func EnumValue(enum protoreflect.EnumDescriptor, text string) (protoreflect.EnumNumber, bool) {
	word := strings.ReplaceAll(text, "-", "_")
	for i := range enum.Values().Len() {
		if v := enum.Values().Get(i); word == enumWord(v) || text == string(v.Name()) {
			return v.Number(), true
		}
	}
	return 0, false
}

func (p *parser) allowed() string { return strings.Join(p.fields, ", ") }

func (p *parser) errorf(at int, format string, args ...any) error {
	return fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FILTER,
		"filter: at character %d: "+format, append([]any{at + 1}, args...)...).
		With("position", strconv.Itoa(at+1)).With("fields", p.allowed())
}
