package composite

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// RecipeSchema is the JSON schema (draft 2020-12) of recipes, made from the same
// tags as the strict reader, so that the two say the same. What it cannot say,
// such as that a code is in the tree, [Compile] says.
func RecipeSchema() []byte {
	s := schemaBuilder{defs: map[string]any{}}
	root := s.structure(reflect.TypeFor[Recipe]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://zonebench.internal/schema/recipe.json"
	root["title"] = "Recipe of a composite indicator"
	root["$defs"] = s.defs
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("composite: schema does not marshal: " + err.Error()) //nolint:forbidigo // maps of plain values always do
	}
	return append(b, '\n')
}

type schemaBuilder struct{ defs map[string]any }

func (s *schemaBuilder) structure(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range fieldsOf(t) {
		p := s.value(f.typ, f.words)
		if f.doc != "" || f.methods != nil {
			doc := f.doc
			if f.methods != nil {
				doc += " For " + strings.Join(f.methods, ", ") + "."
			}
			if _, ref := p["$ref"]; ref {
				p = map[string]any{"allOf": []any{p}}
			}
			p["description"] = doc
		}
		properties[f.key] = p
		if f.required {
			required = append(required, f.key)
		}
	}
	m := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		slices.Sort(required)
		m["required"] = required
	}
	return m
}

func (s *schemaBuilder) value(t reflect.Type, words []string) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	number := map[string]any{"type": "number"}
	either := func(options ...any) map[string]any { return map[string]any{"anyOf": options} }
	switch t {
	case reflect.TypeFor[Cap]():
		return either(map[string]any{"const": "none"}, map[string]any{"type": "boolean"}, number)
	case reflect.TypeFor[Decimals]():
		return either(map[string]any{"const": "none"}, map[string]any{"type": "integer", "minimum": 0, "maximum": 15})
	case reflect.TypeFor[Limits](), reflect.TypeFor[Numbers]():
		return either(number, map[string]any{"type": "array", "items": number})
	case reflect.TypeFor[Aggregates]():
		item := s.value(reflect.TypeFor[Aggregate](), nil)
		return either(item, map[string]any{"type": "array", "items": item})
	}
	switch t.Kind() {
	case reflect.Struct:
		name := t.Name()
		if _, done := s.defs[name]; !done {
			s.defs[name] = nil // a struct that holds itself refers back
			def := s.structure(t)
			for _, f := range fieldsOf(t) {
				if f.short {
					def = either(map[string]any{"enum": f.words}, def)
				}
			}
			if t == reflect.TypeFor[Denominate]() {
				def = either(map[string]any{"type": "boolean"}, def)
			}
			s.defs[name] = def
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.value(t.Elem(), words)}
	case reflect.Array:
		return map[string]any{"type": "array", "items": s.value(t.Elem(), words), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.value(t.Elem(), words)}
	case reflect.String:
		if words != nil {
			return map[string]any{"enum": words}
		}
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	}
	return number
}
