package recipes_test

import (
	"strings"
	"testing"

	"zonebench.internal/data/recipes"
)

func TestEveryRecipeNamesItsSource(t *testing.T) {
	all := recipes.All()
	if len(all) < 6 {
		t.Fatalf("%d recipes", len(all))
	}
	for _, r := range all {
		if r.Title == "" || !strings.Contains(string(r.YAML), "# Source:") {
			t.Errorf("%s: title %q; the header names the source", r.Name, r.Title)
		}
		if !strings.HasPrefix(string(r.Meta), "iCode,iName,Level,Parent,Direction,Weight,Type") {
			t.Errorf("%s: the table of indicators begins otherwise", r.Name)
		}
		if got, err := recipes.Find(r.Name); err != nil || got.Title != r.Title {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	if _, err := recipes.Find("hdx"); err == nil || !strings.Contains(err.Error(), "hdi") {
		t.Errorf("unknown recipe: %v", err)
	}
}
