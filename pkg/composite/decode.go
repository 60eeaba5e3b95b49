package composite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// ParseRecipe reads a recipe from JSON. It is strict: an unknown key, an unknown
// word, a value of the wrong kind, a key given twice, or a key that the method
// does not take is an error that names the place and what to write.
func ParseRecipe(data []byte) (*Recipe, error) {
	v, err := parseJSON(data)
	if err != nil {
		return nil, fmt.Errorf("composite: recipe: %w", err)
	}
	r := new(Recipe)
	if err := assign("", v, reflect.ValueOf(r).Elem(), "", nil); err != nil {
		return nil, fmt.Errorf("composite: recipe: %w", err)
	}
	return r, nil
}

// UnmarshalJSON is [ParseRecipe].
func (r *Recipe) UnmarshalJSON(data []byte) error {
	p, err := ParseRecipe(data)
	if err != nil {
		return err
	}
	*r = *p
	return nil
}

// object is a JSON object in the order given.
type object struct {
	keys   []string
	values map[string]any
}

// parseJSON reads one JSON value, keeping the order of keys and refusing
// duplicates, which encoding/json would drop without a word.
func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the end of the recipe")
	}
	return v, nil
}

func parseValue(d *json.Decoder, path string, depth int) (any, error) {
	if depth > 64 {
		return nil, fmt.Errorf("%s: nested more than 64 deep", path)
	}
	tok, err := d.Token()
	if err == io.EOF {
		return nil, fmt.Errorf("it is empty or ends too early")
	}
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		switch t {
		case '{':
			o := &object{values: map[string]any{}}
			for d.More() {
				k, err := d.Token()
				if err != nil {
					return nil, err
				}
				key := k.(string)
				v, err := parseValue(d, join(path, key), depth+1)
				if err != nil {
					return nil, err
				}
				if _, twice := o.values[key]; twice {
					return nil, fmt.Errorf("%s is given twice", join(path, key))
				}
				o.keys = append(o.keys, key)
				o.values[key] = v
			}
			_, err := d.Token()
			return o, err
		case '[':
			list := []any{}
			for d.More() {
				v, err := parseValue(d, fmt.Sprintf("%s[%d]", path, len(list)), depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		return nil, fmt.Errorf("%s: unexpected %v", path, t)
	default:
		return tok, nil
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// describe names a JSON value for a message.
func describe(v any) string {
	switch t := v.(type) {
	case nil:
		return "nothing"
	case string:
		return strconv.Quote(t)
	case json.Number:
		return t.String()
	case bool:
		return strconv.FormatBool(t)
	case []any:
		return "a list"
	case *object:
		return "a table of keys"
	}
	return fmt.Sprint(v)
}

// field is one key of a recipe struct, read off its tags.
type field struct {
	index   int
	key     string
	words   []string
	methods []string
	short   bool
	doc     string
	typ     reflect.Type
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		out = append(out, field{
			index: i, key: key, typ: f.Type, doc: f.Tag.Get("doc"),
			words: list(f.Tag.Get("words")), methods: list(f.Tag.Get("for")),
			short: f.Tag.Get("short") == "true",
		})
	}
	return out
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// wordsAt follows a path of keys to the words of the last.
func wordsAt(path []string) []string {
	t := reflect.TypeFor[Recipe]()
	for i, key := range path {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return nil
		}
		found := false
		for _, f := range fieldsOf(t) {
			if f.key == key {
				if i == len(path)-1 {
					return f.words
				}
				t, found = f.typ, true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return nil
}

// assign puts a parsed value into a field of the recipe. inherited is the method
// in force where a struct names none (per_indicator without a method).
func assign(path string, v any, dst reflect.Value, inherited string, words []string) error {
	at := path
	if at == "" {
		at = "the recipe"
	}
	wrong := func(want string) error { return fmt.Errorf("%s: %s; it is %s", at, describe(v), want) }
	if v == nil {
		// As if the key were not there; YAML writes an empty key so.
		return nil
	}
	switch dst.Interface().(type) {
	case Aggregates:
		if _, isList := v.([]any); !isList {
			v = []any{v}
		}
	case Limits, Numbers:
		if _, isList := v.([]any); !isList {
			v = []any{v}
		}
	case Cap:
		switch t := v.(type) {
		case bool:
			dst.Set(reflect.ValueOf(Cap{On: t, At: 1}))
			return nil
		case json.Number:
			x, err := number(t)
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			dst.Set(reflect.ValueOf(Cap{On: true, At: x}))
			return nil
		case string:
			if t == "none" {
				dst.Set(reflect.ValueOf(Cap{}))
				return nil
			}
		}
		return wrong("none, true, false or a number")
	case Decimals:
		switch t := v.(type) {
		case json.Number:
			n, err := strconv.Atoi(t.String())
			if err != nil || n < 0 || n > 15 {
				return wrong("none or a whole number from 0 to 15")
			}
			dst.Set(reflect.ValueOf(Decimals{On: true, N: n}))
			return nil
		case string:
			if t == "none" {
				dst.Set(reflect.ValueOf(Decimals{}))
				return nil
			}
		}
		return wrong("none or a whole number from 0 to 15")
	case Denominate:
		if b, ok := v.(bool); ok {
			dst.Set(reflect.ValueOf(Denominate{On: b}))
			return nil
		}
		if o, ok := v.(*object); ok {
			if _, given := o.values["on"]; !given {
				o.keys = append(o.keys, "on")
				o.values["on"] = true
			}
		}
	}
	switch dst.Kind() {
	case reflect.Pointer:
		p := reflect.New(dst.Type().Elem())
		if err := assign(path, v, p.Elem(), inherited, words); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	case reflect.Struct:
		return assignStruct(path, v, dst, inherited)
	case reflect.Slice, reflect.Array:
		l, ok := v.([]any)
		if !ok {
			return wrong("a list")
		}
		if dst.Kind() == reflect.Array {
			if len(l) != dst.Len() {
				return fmt.Errorf("%s: a list of %d; it takes %d values", at, len(l), dst.Len())
			}
		} else {
			dst.Set(reflect.MakeSlice(dst.Type(), len(l), len(l)))
		}
		for i, e := range l {
			if e == nil {
				return fmt.Errorf("%s[%d]: nothing; give a value or take the entry out", at, i)
			}
			if err := assign(fmt.Sprintf("%s[%d]", path, i), e, dst.Index(i), "", words); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		o, ok := v.(*object)
		if !ok {
			return wrong("a table of keys")
		}
		m := reflect.MakeMapWithSize(dst.Type(), len(o.keys))
		for _, k := range o.keys {
			if o.values[k] == nil {
				return fmt.Errorf("%s: nothing; give a value or take the key out", join(path, k))
			}
			e := reflect.New(dst.Type().Elem()).Elem()
			if err := assign(join(path, k), o.values[k], e, inherited, words); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k), e)
		}
		dst.Set(m)
		return nil
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			// Codes that look like numbers or truth values arrive as such.
			switch t := v.(type) {
			case json.Number:
				s = t.String()
			case bool:
				s = strconv.FormatBool(t)
			default:
				return wrong("a text")
			}
		}
		if words != nil && !slices.Contains(words, s) {
			return fmt.Errorf("%s: unknown word %q%s", at, s, hint(s, words))
		}
		dst.SetString(s)
		return nil
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return wrong("true or false")
		}
		dst.SetBool(b)
		return nil
	case reflect.Int:
		num, ok := v.(json.Number)
		if !ok {
			return wrong("a whole number")
		}
		n, err := strconv.Atoi(num.String())
		if err != nil {
			return wrong("a whole number")
		}
		if words != nil && !slices.Contains(words, strconv.Itoa(n)) {
			return wrong(strings.Join(words, " or "))
		}
		dst.SetInt(int64(n))
		return nil
	case reflect.Float64:
		num, ok := v.(json.Number)
		if !ok {
			return wrong("a number")
		}
		x, err := number(num)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		dst.SetFloat(x)
		return nil
	}
	return fmt.Errorf("%s: cannot be read (a fault of the program: %s)", at, dst.Type())
}

func number(n json.Number) (float64, error) {
	x, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0, fmt.Errorf("%s is not a finite number", n)
	}
	return x, nil
}

func assignStruct(path string, v any, dst reflect.Value, inherited string) error {
	at := path
	if at == "" {
		at = "the recipe"
	}
	fields := fieldsOf(dst.Type())
	var short *field
	for i := range fields {
		if fields[i].short {
			short = &fields[i]
		}
	}
	o, ok := v.(*object)
	if !ok {
		if s, isWord := v.(string); isWord && short != nil {
			return assign(path, s, dst.Field(short.index), "", short.words)
		}
		want := "a table of keys"
		if short != nil {
			want = "a word or a table of keys"
		}
		return fmt.Errorf("%s: %s; it is %s", at, describe(v), want)
	}
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	method := inherited
	if short != nil {
		if s, given := o.values[short.key].(string); given {
			method = s
		}
	}
	for _, k := range o.keys {
		i := slices.Index(keys, k)
		if i < 0 {
			known := append([]string(nil), keys...)
			sort.Strings(known)
			return fmt.Errorf("%s: unknown key %q%s", at, k, hint(k, known))
		}
		f := fields[i]
		next := method
		if f.typ.Kind() != reflect.Map {
			next = ""
		}
		if err := assign(join(path, k), o.values[k], dst.Field(f.index), next, f.words); err != nil {
			return err
		}
	}
	// Which keys go with the method is judged after the words themselves.
	if short != nil && method != "" {
		var takes []string
		for _, f := range fields {
			if slices.Contains(f.methods, method) {
				takes = append(takes, f.key)
			}
		}
		for _, k := range o.keys {
			f := fields[slices.Index(keys, k)]
			if f.methods != nil && !slices.Contains(f.methods, method) && o.values[k] != nil {
				return fmt.Errorf("%s: %s %q takes no %q%s", at, short.key, method, k, hint(k, takes))
			}
		}
	}
	return nil
}

// MarshalJSON writes none, true or the number.
func (c Cap) MarshalJSON() ([]byte, error) {
	switch {
	case !c.On:
		return []byte(`"none"`), nil
	case c.At == 1:
		return []byte("true"), nil
	}
	return json.Marshal(c.At)
}

// MarshalJSON writes none or the number.
func (d Decimals) MarshalJSON() ([]byte, error) {
	if !d.On {
		return []byte(`"none"`), nil
	}
	return json.Marshal(d.N)
}
