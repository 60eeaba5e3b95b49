package composite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
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
				key, ok := k.(string)
				if !ok {
					return nil, fmt.Errorf("%s: %v is no key", path, k)
				}
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
	// required keys must be there; they are those without omitempty.
	required bool
	doc      string
	typ      reflect.Type
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		out = append(out, field{
			index: i, key: key, typ: f.Type, doc: f.Tag.Get("doc"),
			words: list(f.Tag.Get("words")), methods: list(f.Tag.Get("for")),
			short: f.Tag.Get("short") == "true", required: options == "" && t != reflect.TypeFor[Denominate](),
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

// place is where a value stands in a recipe, for messages.
type place string

// String is how a message begins: the path and a colon, nothing at the top.
func (p place) String() string {
	if p == "" {
		return ""
	}
	return string(p) + ": "
}

func (p place) key(k string) place { return place(join(string(p), k)) }

func (p place) item(i int) place { return place(fmt.Sprintf("%s[%d]", string(p), i)) }

// wrong is the error of a value of another kind than wanted.
func (p place) wrong(v any, want string) error {
	return fmt.Errorf("%s%s; it is %s", p, describe(v), want)
}

// assign puts a parsed value into a field of the recipe. inherited is the method
// in force where a struct names none (per_indicator without a method). What is
// nil is left alone, as if the key were not there: YAML writes an empty key so.
func assign(at place, v any, dst reflect.Value, inherited string, words []string) error {
	if v == nil {
		return nil
	}
	v, done, err := assignOwn(at, v, dst)
	if done || err != nil {
		return err
	}
	switch dst.Kind() {
	case reflect.Pointer:
		p := reflect.New(dst.Type().Elem())
		if err := assign(at, v, p.Elem(), inherited, words); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	case reflect.Struct:
		return assignStruct(at, v, dst, inherited)
	case reflect.Slice, reflect.Array:
		return assignList(at, v, dst, words)
	case reflect.Map:
		return assignMap(at, v, dst, inherited, words)
	}
	return assignScalar(at, v, dst, words)
}

// assignOwn reads the types that have forms of their own. It returns the value in
// its long form where there is more to do.
func assignOwn(at place, v any, dst reflect.Value) (long any, done bool, err error) {
	switch dst.Interface().(type) {
	case Aggregates, Limits, Numbers:
		if _, isList := v.([]any); !isList {
			v = []any{v}
		}
	case Cap:
		c, ok := readCap(v)
		if !ok {
			return v, false, at.wrong(v, "none, true, false or a number")
		}
		dst.Set(reflect.ValueOf(c))
		return v, true, nil
	case Decimals:
		d, ok := readDecimals(v)
		if !ok {
			return v, false, at.wrong(v, "none or a whole number from 0 to 15")
		}
		dst.Set(reflect.ValueOf(d))
		return v, true, nil
	case Denominate:
		if b, ok := v.(bool); ok {
			dst.Set(reflect.ValueOf(Denominate{On: b}))
			return v, true, nil
		}
		if o, ok := v.(*object); ok {
			if _, given := o.values["on"]; !given {
				o.keys = append(o.keys, "on")
				o.values["on"] = true
			}
		}
	}
	return v, false, nil
}

func readCap(v any) (Cap, bool) {
	switch t := v.(type) {
	case bool:
		return Cap{On: t, At: 1}, true
	case json.Number:
		x, err := number(t)
		return Cap{On: true, At: x}, err == nil
	case string:
		return Cap{}, t == "none"
	}
	return Cap{}, false
}

func readDecimals(v any) (Decimals, bool) {
	switch t := v.(type) {
	case json.Number:
		n, err := strconv.Atoi(t.String())
		return Decimals{On: true, N: n}, err == nil && n >= 0 && n <= 15
	case string:
		return Decimals{}, t == "none"
	}
	return Decimals{}, false
}

func assignList(at place, v any, dst reflect.Value, words []string) error {
	l, ok := v.([]any)
	if !ok {
		return at.wrong(v, "a list")
	}
	if dst.Kind() == reflect.Slice {
		dst.Set(reflect.MakeSlice(dst.Type(), len(l), len(l)))
	} else if len(l) != dst.Len() {
		return fmt.Errorf("%sa list of %d; it takes %d values", at, len(l), dst.Len())
	}
	for i, e := range l {
		if e == nil {
			return fmt.Errorf("%snothing; give a value or take the entry out", at.item(i))
		}
		if err := assign(at.item(i), e, dst.Index(i), "", words); err != nil {
			return err
		}
	}
	return nil
}

func assignMap(at place, v any, dst reflect.Value, inherited string, words []string) error {
	o, ok := v.(*object)
	if !ok {
		return at.wrong(v, "a table of keys")
	}
	m := reflect.MakeMapWithSize(dst.Type(), len(o.keys))
	for _, k := range o.keys {
		if o.values[k] == nil {
			return fmt.Errorf("%snothing; give a value or take the key out", at.key(k))
		}
		e := reflect.New(dst.Type().Elem()).Elem()
		if err := assign(at.key(k), o.values[k], e, inherited, words); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(k), e)
	}
	dst.Set(m)
	return nil
}

func assignScalar(at place, v any, dst reflect.Value, words []string) error {
	num, isNumber := v.(json.Number)
	switch dst.Kind() {
	case reflect.String:
		var s string
		switch t := v.(type) {
		case string:
			s = t
		case json.Number: // codes that look like numbers or truth values arrive as such
			s = t.String()
		case bool:
			s = strconv.FormatBool(t)
		default:
			return at.wrong(v, "a text")
		}
		if words != nil && !slices.Contains(words, s) {
			return fmt.Errorf("%sunknown word %q%s", at, s, hint(s, words))
		}
		dst.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return at.wrong(v, "true or false")
		}
		dst.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(num.String())
		if !isNumber || err != nil {
			return at.wrong(v, "a whole number")
		}
		if words != nil && !slices.Contains(words, strconv.Itoa(n)) {
			return at.wrong(v, strings.Join(words, " or "))
		}
		dst.SetInt(int64(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(num.String(), 10, 64)
		if !isNumber || err != nil {
			return at.wrong(v, "a whole number from 0 up")
		}
		dst.SetUint(n)
	case reflect.Float64:
		if !isNumber {
			return at.wrong(v, "a number")
		}
		x, err := number(num)
		if err != nil {
			return fmt.Errorf("%s%w", at, err)
		}
		dst.SetFloat(x)
	default:
		return fmt.Errorf("%scannot be read (a fault of the program: %s)", at, dst.Type())
	}
	return nil
}

func number(n json.Number) (float64, error) {
	x, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0, fmt.Errorf("%s is not a finite number", n)
	}
	return x, nil
}

func assignStruct(at place, v any, dst reflect.Value, inherited string) error {
	fields := fieldsOf(dst.Type())
	keys := make([]string, len(fields))
	var short *field
	for i, f := range fields {
		keys[i] = f.key
		if f.short {
			short = &fields[i]
		}
	}
	o, ok := v.(*object)
	if !ok {
		if short == nil {
			return at.wrong(v, "a table of keys")
		}
		if s, isWord := v.(string); isWord {
			return assign(at, s, dst.Field(short.index), "", short.words)
		}
		return at.wrong(v, "a word or a table of keys")
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
			return fmt.Errorf("%sunknown key %q%s", at, k, hint(k, slices.Sorted(slices.Values(keys))))
		}
		f := fields[i]
		next := ""
		if f.typ.Kind() == reflect.Map {
			next = method
		}
		if err := assign(at.key(k), o.values[k], dst.Field(f.index), next, f.words); err != nil {
			return err
		}
	}
	for _, f := range fields {
		if f.required && o.values[f.key] == nil {
			return fmt.Errorf("%s%q is missing; it must be given", at, f.key)
		}
	}
	if short == nil || method == "" {
		return nil
	}
	// Which keys go with the method is judged after the words themselves.
	var takes []string
	for _, f := range fields {
		if slices.Contains(f.methods, method) {
			takes = append(takes, f.key)
		}
	}
	for _, k := range o.keys {
		f := fields[slices.Index(keys, k)]
		if f.methods != nil && !slices.Contains(f.methods, method) && o.values[k] != nil {
			return fmt.Errorf("%s%s %q takes no %q%s", at, short.key, method, k, hint(k, takes))
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
