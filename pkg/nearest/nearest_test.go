package nearest

import "testing"

func TestDistanceCountsASwapAsOneEdit(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"level", "level", 0},
		{"levle", "level", 1},
		{"levl", "level", 1},
		{"Level", "level", 0},
		{"金华开发区", "金华开发", 1},
		{"kitten", "sitting", 3},
		{"", "abc", 3},
		{"ca", "abc", 3},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestWordSuggestsOnlyWhatIsClose(t *testing.T) {
	fields := []string{"name", "level", "type", "parent"}
	for text, want := range map[string]string{"levl": "level", "tpye": "type", "revenue": "", "": ""} {
		if got := Word(text, fields); got != want {
			t.Errorf("Word(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNamesAreBestFirstAndOncePerThing(t *testing.T) {
	names := []Name{
		{"金华经济技术开发区", "jinhua"}, {"金华开发区", "jinhua"}, {"温州经济技术开发区", "wenzhou"}, {"嵊州市", "shengzhou"},
	}
	got := Names("金华开发", names, 5)
	if len(got) != 2 || got[0] != names[1] || got[1] != names[2] {
		t.Errorf("got %v", got)
	}
	if got := Names("XYZ", names, 5); len(got) != 0 {
		t.Errorf("got %v for a text like none", got)
	}
	if got := Names("嵊州世", names, 5); len(got) != 1 || got[0].Of != "shengzhou" {
		t.Errorf("got %v for one wrong character", got)
	}
}

func TestNamesThatEndAlikeAreToldApartByTheirEdits(t *testing.T) {
	t.Parallel()
	got := Names("温洲经济技术开发区", []Name{
		{Text: "安庆经济技术开发区", Of: "a"}, {Text: "北京经济技术开发区", Of: "b"}, {Text: "温州经济技术开发区", Of: "w"},
	}, 1)
	if len(got) != 1 || got[0].Of != "w" {
		t.Errorf("%v", got)
	}
}
