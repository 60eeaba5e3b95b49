package composite

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/recipe.schema.json anew")

const schemaFile = "../../docs/recipe.schema.json"

func TestPublishedSchemaIsThatOfTheStruct(t *testing.T) {
	want := RecipeSchema()
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; run go test ./pkg/composite -run Schema -update", schemaFile)
	}
}

// Every key of every struct has a description, and `for` names methods that exist.
func TestTagsAreWhole(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(t2 reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map || typ.Kind() == reflect.Array {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[Cap]() || typ == reflect.TypeFor[Decimals]() {
			return
		}
		seen[typ] = true
		var methods []string
		for _, f := range fieldsOf(typ) {
			if f.short {
				methods = f.words
			}
		}
		for _, f := range fieldsOf(typ) {
			if f.doc == "" {
				t.Errorf("%s.%s has no description", typ.Name(), f.key)
			}
			for _, m := range f.methods {
				if !strings.Contains(","+strings.Join(methods, ",")+",", ","+m+",") {
					t.Errorf("%s.%s is for %q, which is no method", typ.Name(), f.key, m)
				}
			}
			walk(f.typ)
		}
	}
	walk(reflect.TypeFor[Recipe]())
}

func TestRecipeShortForms(t *testing.T) {
	short := mustRecipe(t, `{"denominate": true, "impute": "mean", "normalise": "borda", "weights": "equal", "aggregate": ["geometric", {"method": "power", "p": 2}], "min_known_children": 0.5, "place": {"decimals": 3}}`)
	long := mustRecipe(t, `{"denominate": {"on": true}, "impute": {"method": "mean"}, "normalise": {"method": "borda"}, "weights": {"from": "equal"}, "aggregate": [{"method": "geometric"}, {"method": "power", "p": [2]}], "min_known_children": [0.5], "place": {"decimals": 3}}`)
	if !reflect.DeepEqual(short, long) {
		t.Errorf("short %+v, long %+v", short, long)
	}
	if !reflect.DeepEqual(short, short.Clone()) {
		t.Error("a recipe does not survive a copy")
	}
	if r := mustRecipe(t, `{"aggregate": "geometric", "treat": null}`); len(r.Aggregate) != 1 || r.Treat != nil {
		t.Errorf("%+v", r)
	}
}

func TestRecipeRefusesWithASuggestion(t *testing.T) {
	for recipe, want := range map[string]string{
		`{"normalize": "minmax"}`:                                     `unknown key "normalize"; did you mean "normalise"?`,
		`{"normalise": "minmx"}`:                                      `normalise: unknown word "minmx"; did you mean "minmax"?`,
		`{"normalise": {"method": "minmax", "lowr": 1}}`:              `normalise: unknown key "lowr"; did you mean "lower"?`,
		`{"normalise": {"method": "rank", "lower": 1}}`:               `method "rank" takes no "lower"`,
		`{"normalise": {"method": "minmax", "lower": "one"}}`:         `normalise.lower: "one"; it is a number`,
		`{"normalise": {"per_indicator": {"x": {"transfrm": "ln"}}}}`: `normalise.per_indicator.x: unknown key "transfrm"; did you mean "transform"?`,
		`{"aggregate": [{"method": "geometrc"}]}`:                     `aggregate[0].method: unknown word "geometrc"; did you mean "geometric"?`,
		`{"aggregate": ["arithmetic", "topsi"]}`:                      `did you mean "topsis"?`,
		`{"place": {"decimals": 1.5}}`:                                `place.decimals: 1.5; it is none or a whole number`,
		`{"place": {"decimals": 3, "decimals": 2}}`:                   `place.decimals is given twice`,
		`{"treat": {"winsorise": {}}}`:                                `treat.winsorise: "max_points" is missing`,
		`{"screen": 0.9}`:                                             `screen: 0.9; it is a table of keys`,
		`[]`:                                                          `recipe: a list; it is a table of keys`,
		`{} {}`:                                                       `something follows the end`,
		``:                                                            `empty`,
		`{"treat": {"skew": 1e999}}`:                                  `not a finite number`,
	} {
		_, err := ParseRecipe([]byte(recipe))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", recipe, err, want)
		}
	}
}

func TestCompileRefusesWithARemedy(t *testing.T) {
	tree, err := NewTree([]Node{{Code: "growth", Parent: "index", Weight: 1, Target: nan}, {Code: "level", Parent: "index", Weight: 1, Denominator: "area"}, {Code: "index"}})
	if err != nil {
		t.Fatal(err)
	}
	d := &Data{
		Units: []Unit{{Code: "zone-a"}, {Code: "zone-c"}}, Columns: []Column{{Code: "growth", Values: []float64{1, 2}}, {Code: "level", Values: []float64{1, 2}}, {Code: "people", Values: []float64{1, 2}}},
		Groups: []Grouping{{Code: "region", Values: []string{"east", "west"}}},
	}
	for recipe, want := range map[string]string{
		`{"denominate": true}`:                                                                 `its denominator area has no column`,
		`{"impute": {"method": "group_mean"}}`:                                                 `needs group`,
		`{"impute": {"method": "group_mean", "group": "regon"}}`:                               `did you mean "region"?`,
		`{"normalise": {"method": "dist2ref", "unit": "zoe-a"}}`:                               `did you mean "zone-a"?`,
		`{"normalise": "dist2targ"}`:                                                           `fill the Target column`,
		`{"normalise": {"method": "minmax", "per_indicator": {"grwth": {"transform": "ln"}}}}`: `did you mean "growth"?`,
		`{"normalise": {"method": "goalposts", "file": "g.csv"}}`:                              `was not attached`,
		`{"normalise": {"method": "minmax", "lower": 5, "upper": 1}}`:                          `not below upper`,
		`{"aggregate": ["arithmetic", "geometric"]}`:                                           `2 methods for 1 levels`,
		`{"aggregate": [{"method": "power"}]}`:                                                 `needs p`,
		`{"aggregate": [{"method": "promethee2", "preference": "vshape", "p": [1, 2, 3]}]}`:    `3 thresholds for the 2 children`,
		`{"min_known_children": 1.5}`:                                                          `between 0 and 1`,
		`{"weights": {"from": "values", "values": {"growth": 1}}}`:                             `no weight for level`,
		`{"weights": {"from": "values", "values": {"growth": 1, "levl": 2}}}`:                  `did you mean "level"?`,
		`{"weights": "file"}`:                                                                  `needs path`,
		`{"weights": {"by": "region", "sets": {"est": {"growth": 2}}}}`:                        `did you mean "east"?`,
		`{"screen": {"gates": [{"column": "peple", "min": 1}]}}`:                               `did you mean "people"?`,
		`{"adjust": {"bonus": [{"column": "prizes"}]}}`:                                        `no column "prizes"`,
		`{"place": {"without": ["zne-c"]}}`:                                                    `did you mean "zone-c"?`,
		`{"tier": {"method": "share", "shares": [0.5, 0.4]}}`:                                  `not to 1`,
		`{"weights": "entropy", "normalise": "zscore"}`:                                        ``,
	} {
		x, err := Compile(mustRecipe(t, recipe), tree, d, nil)
		if err == nil {
			_, err = x.Run()
			if want == "" && err != nil && strings.Contains(err.Error(), "normalise to a range from 0 up") {
				continue
			}
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", recipe, err, want)
		}
	}
}

func TestTreeRefuses(t *testing.T) {
	for want, nodes := range map[string][]Node{
		"no nodes":            {},
		"is not in the tree":  {{Code: "a", Parent: "idx"}, {Code: "index", Aggregate: true}},
		"given twice":         {{Code: "a", Parent: "b"}, {Code: "a", Parent: "b"}, {Code: "b"}},
		"both have no parent": {{Code: "a", Parent: "b"}, {Code: "b"}, {Code: "c", Parent: "d"}, {Code: "d"}},
		"goes in a circle":    {{Code: "a", Parent: "b"}, {Code: "b", Parent: "a"}},
		"its own ancestor":    {{Code: "r"}, {Code: "x", Parent: "r"}, {Code: "a", Parent: "b"}, {Code: "b", Parent: "a"}},
		"has no parent":       {{Code: "a"}},
		"nothing belongs":     {{Code: "a", Parent: "r"}, {Code: "e", Parent: "r", Aggregate: true}, {Code: "r"}},
		"stands on a higher":  {{Code: "a", Parent: "r", Level: 2}, {Code: "r", Level: 2}},
		"more is better":      {{Code: "a", Parent: "r", Direction: 2}, {Code: "r"}},
		"a number from 0 up":  {{Code: "a", Parent: "r", Weight: -1}, {Code: "r"}},
	} {
		if _, err := NewTree(nodes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", nodes, err, want)
		}
	}
}

func FuzzParseRecipe(f *testing.F) {
	for _, s := range workspaceRecipes {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{` + asemSteps + `}`))
	f.Add([]byte(`{"normalise": {"method": "bands", "bands": [{"up_to": 1, "score": 2}], "cap": 3}, "weights": {"by": "g", "sets": {"a": {"x": 1}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecipe(b)
		if err != nil {
			return
		}
		// What was accepted is written and read back the same.
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRecipe(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if b, _ := json.Marshal(again); !bytes.Equal(b, out) {
			t.Fatalf("%s became %s", out, b)
		}
	})
}
