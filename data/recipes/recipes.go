// Package recipes carries ready recipes of composite indicators, each with a
// table of indicators that fits it: evaluation systems in use, as far as their
// rules are published. Each file begins with its source.
package recipes

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.yaml *.meta.csv
var files embed.FS

// Recipe is a recipe and its table of indicators.
type Recipe struct {
	// Name is the name of the files: NAME.yaml and NAME.meta.csv.
	Name string
	// Title is the first line of the recipe.
	Title string
	// YAML is the recipe, Meta the table of indicators as CSV; the columns of the
	// data have the codes of that table.
	YAML, Meta []byte
}

// All returns the recipes by name.
func All() []Recipe {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err) //nolint:forbidigo // the pattern is constant
	}
	slices.Sort(names)
	out := make([]Recipe, len(names))
	for i, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".yaml")
		out[i] = Recipe{Name: name, YAML: read(n), Meta: read(name + ".meta.csv")}
		first, _, _ := strings.Cut(string(out[i].YAML), "\n")
		out[i].Title = strings.TrimSpace(strings.TrimPrefix(first, "#"))
	}
	return out
}

// Find returns the recipe with the name.
func Find(name string) (Recipe, error) {
	var names []string
	for _, r := range All() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("no recipe %q; there are %s", name, strings.Join(names, ", "))
}

// read reads a file that was compiled in.
func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("recipes: %v", err)) //nolint:forbidigo // the files are compiled in; a test reads them all
	}
	return b
}
