package data_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/data"
)

// An alias as a table spells it: `text`, `text@context,context`, with `?` behind it when inferred.
type alias struct {
	text     string
	contexts []string
}

func aliases(r record) []alias {
	var all []alias
	for _, cell := range r.list("aliases") {
		text, contexts, _ := strings.Cut(strings.TrimSuffix(cell, "?"), "@")
		a := alias{text: text}
		if contexts != "" {
			a.contexts = strings.Split(contexts, ",")
		}
		all = append(all, a)
	}
	return all
}

// subjects calls f for every zone and reference unit.
func subjects(t *testing.T, f func(name string, r record)) {
	t.Helper()
	for _, r := range table(t, data.ReferenceUnits) {
		f("referenceUnits/"+r.of("id"), r)
	}
	for _, r := range table(t, data.Zones) {
		f("zones/"+r.of("id"), r)
	}
}

// candidates lists, in order of their names, the subjects that a text may mean: in a context those whose alias holds
// there, or without one all that have the text as name or alias.
func candidates(t *testing.T, text, context string) []string {
	t.Helper()
	var found []string
	subjects(t, func(name string, r record) {
		if r.of("name_zh") == text {
			found = append(found, name)
		}
		for _, a := range aliases(r) {
			if a.text == text && (context == "" || len(a.contexts) == 0 || slices.Contains(a.contexts, context)) {
				found = append(found, name)
			}
		}
	})
	slices.Sort(found)
	return slices.Compact(found)
}

func TestRegistryReferences(t *testing.T) {
	names := registered(t)
	subjects(t, func(name string, r record) {
		if p := r.of("parent"); p != "" && !names[p] {
			t.Errorf("%s: parent %s is not registered", name, p)
		}
		if strings.HasPrefix(name, "zones/") && r.of("parent") == "" {
			t.Errorf("%s: no parent", name)
		}
		for _, a := range aliases(r) {
			if a.text == "" || a.text == r.of("name_zh") {
				t.Errorf("%s: alias %q says nothing new", name, a.text)
			}
			for _, c := range a.contexts {
				if !names[c] {
					t.Errorf("%s: context %s of %s is not registered", name, c, a.text)
				}
			}
		}
	})
	for _, r := range table(t, data.Relations) {
		if !names["zones/"+r.of("zone")] || !names["zones/"+r.of("other")] || r.of("zone") == r.of("other") {
			t.Errorf("relations:%d: %s to %s", r.line, r.of("zone"), r.of("other"))
		}
	}
	for _, r := range table(t, data.Groups) {
		if (r.of("filter") == "") == (r.of("members") == "") {
			t.Errorf("groups:%d: %s wants either a filter or members", r.line, r.of("id"))
		}
		for _, m := range r.list("members") {
			if !names["zones/"+m] {
				t.Errorf("groups:%d: member %s is not registered", r.line, m)
			}
		}
		for _, u := range regexp.MustCompile(`referenceUnits/[a-z0-9-]+`).FindAllString(r.of("filter"), -1) {
			if !names[u] {
				t.Errorf("groups:%d: the filter names %s, which is not registered", r.line, u)
			}
		}
	}
}

// No place is registered twice: what resolves anywhere resolves to one subject.
func TestNamesAreUnique(t *testing.T) {
	owner := make(map[string]string)
	take := func(name, text string) {
		if other := owner[text]; other != "" {
			t.Errorf("%s means %s and %s", text, other, name)
		}
		owner[text] = name
	}
	subjects(t, func(name string, r record) {
		take(name, r.of("name_zh"))
		take(name, r.of("name_en"))
		for _, a := range aliases(r) {
			if len(a.contexts) == 0 {
				take(name, a.text)
			}
		}
	})
	for _, texts := range [][2]string{
		{"金华开发区", "金华经济技术开发区"},
		{"上海漕河泾开发区", "上海漕河泾新兴技术开发区"},
		{"钱塘新区", "杭州钱塘新区"},
		{"安徽六安金安经济开发区", "金安经济开发区"},
	} {
		if a, b := candidates(t, texts[0], ""), candidates(t, texts[1], ""); !slices.Equal(a, b) || len(a) != 1 {
			t.Errorf("%s means %v and %s means %v, want one zone", texts[0], a, texts[1], b)
		}
	}
}

func TestTextsThatNeedAContext(t *testing.T) {
	tests := []struct {
		text string
		want []string // without a context
		in   map[string]string
	}{
		{
			"嵊州",
			[]string{"referenceUnits/shengzhou", "zones/shengzhou-chengnan-na", "zones/shengzhou-edz", "zones/shengzhou-hightech-park"},
			map[string]string{"zones/shengzhou-edz": "zones/shengzhou-edz", "zones/shengzhou-chengnan-na": "zones/shengzhou-chengnan-na"},
		},
		{
			"金开",
			[]string{"zones/jinhua-etdz", "zones/luan-jinan-edz"},
			map[string]string{"sources/jinhua-2020": "zones/jinhua-etdz", "sources/jinan-2020": "zones/luan-jinan-edz"},
		},
		{
			"开发区",
			[]string{"zones/jinhua-etdz", "zones/luan-jinan-edz", "zones/shengzhou-edz", "zones/wenzhou-etdz"},
			map[string]string{"sources/jinhua-2020": "zones/jinhua-etdz", "sources/jinan-2020": "zones/luan-jinan-edz", "sources/shengzhou-2020": "zones/shengzhou-edz", "sources/wenzhou-template": "zones/wenzhou-etdz"},
		},
		{
			"新区",
			[]string{"zones/hangzhou-qiantang-na", "zones/jinhua-huhaitang-na", "zones/shengzhou-chengnan-na"},
			map[string]string{"sources/qiantang-2020": "zones/hangzhou-qiantang-na", "sources/shengzhou-2020": "zones/shengzhou-chengnan-na"},
		},
		{
			"高新区",
			[]string{"zones/qiantang-linjiang-hightech", "zones/shengzhou-hightech-park"},
			map[string]string{"sources/qiantang-2020": "zones/qiantang-linjiang-hightech"},
		},
		{
			"全区",
			[]string{"referenceUnits/jinan-district", "zones/hangzhou-qiantang-na", "zones/wenzhou-etdz"},
			map[string]string{"sources/jinan-2020": "referenceUnits/jinan-district", "sources/qiantang-2020": "zones/hangzhou-qiantang-na", "sources/wenzhou-template": "zones/wenzhou-etdz"},
		},
		{
			"我市",
			[]string{"referenceUnits/jinhua", "referenceUnits/shengzhou"},
			map[string]string{"sources/jinhua-2020": "referenceUnits/jinhua", "sources/shengzhou-2020": "referenceUnits/shengzhou"},
		},
		{"我区", []string{"zones/wenzhou-etdz"}, map[string]string{"sources/wenzhou-template": "zones/wenzhou-etdz", "sources/jinan-2020": ""}},
		{"滨海", []string{"zones/wenzhou-binhai-new-town", "zones/wenzhou-binhai-park"}, nil},
		{"临江", []string{"zones/qiantang-linjiang", "zones/qiantang-linjiang-park"}, nil},
		{"金海", []string{"zones/wenzhou-jinhai-park"}, map[string]string{"sources/wenzhou-template": "zones/wenzhou-jinhai-park"}},
	}
	for _, test := range tests {
		if got := candidates(t, test.text, ""); !slices.Equal(got, test.want) {
			t.Errorf("%s: candidates %v, want %v", test.text, got, test.want)
		}
		subjects(t, func(name string, r record) {
			for _, a := range aliases(r) {
				if a.text == test.text && len(a.contexts) == 0 {
					t.Errorf("%s resolves to %s anywhere", test.text, name)
				}
			}
		})
		for context, want := range test.in {
			got := candidates(t, test.text, context)
			if want == "" && len(got) == 0 {
				continue
			}
			if !slices.Equal(got, []string{want}) {
				t.Errorf("%s in %s: %v, want %s", test.text, context, got, want)
			}
		}
	}
}

// Every place that the plans name is registered, or stands here with the reason why it is none.
func TestNamedPlaces(t *testing.T) {
	content, err := os.ReadFile("testdata/named_places.csv")
	if err != nil {
		t.Fatal(err)
	}
	places := parse(t, "named_places.csv", content)
	if len(places) != 95 {
		t.Errorf("%d named places, want 95", len(places))
	}
	names := registered(t)
	for _, p := range places {
		found := candidates(t, p.of("name"), "")
		as := p.list("registered_as")
		for _, name := range as {
			if !names[name] {
				t.Errorf("%s: %s is not registered", p.of("name"), name)
			}
		}
		switch {
		case len(as) == 0 && p.of("reason") == "":
			t.Errorf("%s is not registered and no reason is given", p.of("name"))
		case len(as) == 0 && len(found) > 0:
			t.Errorf("%s is registered as %v, and should not be: %s", p.of("name"), found, p.of("reason"))
		case len(as) == 1 && !slices.Contains(found, as[0]):
			t.Errorf("%s is neither name nor alias of %s", p.of("name"), as[0])
		}
	}
}

// Codes are those of GB/T 2260 that the sources give; none is made up.
func TestDivisionCodes(t *testing.T) {
	known := map[string]string{
		"zhejiang": "330000", "anhui": "340000", "hangzhou": "330100", "qiantang-district": "330114", "wenzhou": "330300",
		"shaoxing": "330600", "shengzhou": "330683", "jinhua": "330700", "luan": "341500", "jinan-district": "341502",
	}
	for id, r := range byID(t, data.ReferenceUnits) {
		if r.of("division_code") != known[id] {
			t.Errorf("referenceUnits/%s: code %q, want %q", id, r.of("division_code"), known[id])
		}
	}
	codes := slices.Collect(maps.Values(known))
	for id, r := range byID(t, data.Zones) {
		if code := r.of("division_code"); code != "" && !slices.Contains(codes, code) {
			t.Errorf("zones/%s: code %s is not a known one", id, code)
		}
	}
}

// A zone that lies in another is its part, and the other way round.
func TestPartsHaveParents(t *testing.T) {
	parts := make(map[string]string)
	for _, r := range table(t, data.Relations) {
		if r.of("type") == "part_of" {
			parts[r.of("zone")] = "zones/" + r.of("other")
		}
	}
	for id, r := range byID(t, data.Zones) {
		if p := r.of("parent"); strings.HasPrefix(p, "zones/") && parts[id] != p {
			t.Errorf("zones/%s: parent %s, part of %q", id, p, parts[id])
		} else if !strings.HasPrefix(p, "zones/") && parts[id] != "" {
			t.Errorf("zones/%s: part of %s, parent %s", id, parts[id], p)
		}
	}
	relations := byID(t, data.Relations)
	for id, want := range map[string][4]string{
		"qiantang-holds-hangzhou-etdz":     {"holds_title", "hangzhou-qiantang-na", "hangzhou-etdz", "2019-04"},
		"dajiangdong-merged-into-qiantang": {"merged_into", "hangzhou-dajiangdong", "hangzhou-qiantang-na", "2019-04"},
	} {
		r := relations[id]
		if got := [4]string{r.of("type"), r.of("zone"), r.of("other"), r.of("start_date")}; got != want {
			t.Errorf("relations/%s: %v, want %v", id, got, want)
		}
	}
}
