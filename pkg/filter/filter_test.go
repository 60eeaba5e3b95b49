package filter_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/filter"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

var fields = []string{
	"name", "display_name.zh", "display_name.en", "type", "level", "parent", "division_code", "certainty", "simulated",
	"aliases.text", "revision",
}

func descriptor() protoreflect.MessageDescriptor { return (&zonev1.Zone{}).ProtoReflect().Descriptor() }

func jinhua() *zonev1.Zone {
	return &zonev1.Zone{
		Name:         "zones/jinhua-etdz",
		DisplayName:  &typev1.Localized{Zh: "金华经济技术开发区", En: `Jinhua "ETDZ"`},
		Aliases:      []*zonev1.Alias{{Text: "金开"}, {Text: "金华开发区"}},
		Type:         zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
		Level:        zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL,
		Parent:       "referenceUnits/jinhua",
		DivisionCode: "330700",
		Revision:     12,
	}
}

func TestFilterFits(t *testing.T) {
	for text, want := range map[string]bool{
		"":                               true,
		"  ":                             true,
		"level=national":                 true,
		"level = provincial":             false,
		"level=ZONE_LEVEL_NATIONAL":      true,
		"type=economic-development-zone": true,
		"type=economic_development_zone": true,
		"certainty=unspecified":          true,
		"level!=national":                false,
		"simulated":                      false,
		"NOT simulated":                  true,
		"-simulated":                     true,
		"simulated=false":                true,
		"parent=referenceUnits/jinhua":   true,
		`name="zones/jinhua-etdz"`:       true,
		`name=zones/jinhua-etdz`:         true,
		`name=zones/jin*`:                true,
		`name="*-etdz"`:                  true,
		`name=zones/*hua*dz`:             true,
		`name=zones/*hub*dz`:             false,
		`name!=zones/jin*`:               false,
		`name=zones/jinhua-etdz*zones/jinhua-etdz`:       false,
		`display_name.zh="金华经济技术开发区"`:                    true,
		`display_name.zh:开发区`:                            true,
		`display_name.zh : "新区"`:                         false,
		`display_name.en:'"ETDZ"'`:                       true,
		`display_name.en:"\"ETDZ\""`:                     true,
		"division_code>=330000 division_code<340000":     true,
		"division_code>=330000 AND division_code<330700": false,
		"revision>11":                        true,
		"revision<=11":                       false,
		"revision != 12":                     false,
		"aliases.text:金开":                    true,
		"aliases.text:湖海塘":                   false,
		"division_code:*":                    true,
		"certainty:*":                        false,
		"aliases.text:*":                     true,
		"level=provincial OR level=national": true,
		"level=national AND level=provincial OR simulated=false": true, // OR binds tighter than AND
		"(level=provincial AND simulated) OR level=national":     true,
		"level=provincial AND (simulated OR level=national)":     false,
		"NOT (level=provincial OR simulated)":                    true,
		"level=national NOT simulated type=high_tech_zone":       false,
	} {
		fits, err := filter.Compile(text, descriptor(), fields)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := fits(jinhua()); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestANilMessageHasZeroValues(t *testing.T) {
	fits, err := filter.Compile(`display_name.zh="" AND level=unspecified AND NOT simulated`, descriptor(), fields)
	if err != nil {
		t.Fatal(err)
	}
	if !fits(&zonev1.Zone{}) || !fits((*zonev1.Zone)(nil)) {
		t.Error("an empty zone does not fit a filter on zero values")
	}
}

func TestAWrongFilterNamesPositionAndRemedy(t *testing.T) {
	for text, want := range map[string][]string{
		"levl=national":               {"at character 1", `"levl"`, "did you mean level?", "display_name.zh, display_name.en"},
		"simulated AND note=x":        {"at character 15", `"note"`, "one of name"},
		"level=natonal":               {"at character 7", `"natonal"`, "did you mean national?", "national, provincial, municipal"},
		"level":                       {"at character 1", "level=..."},
		"level=":                      {"at character 7", "a value is missing"},
		"level>national":              {"has no order"},
		"simulated=yes":               {"neither true nor false"},
		"revision=many":               {"not a whole number"},
		"(simulated":                  {"at character 1", "not closed"},
		"simulated)":                  {"at character 10", "unexpected"},
		`display_name.zh="金华`:         {"at character 17", "not closed"},
		"simulated AND":               {"at character 14", "missing"},
		"AND simulated":               {"at character 1", "missing"},
		"aliases.text=金开":             {"several values", "aliases.text:金开"},
		"simulated level":             {"at character 11"},
		"=national":                   {"at character 1", "where a field should stand"},
		strings.Repeat("(", 60) + "x": {"parentheses"},
		"NOT":                         {"missing"},
	} {
		_, err := filter.Compile(text, descriptor(), fields)
		if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_INVALID_FILTER {
			t.Errorf("%s: %v, want INVALID_FILTER", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", text, err, part)
			}
		}
	}
}

func TestEnumWordsAreTheLastPartsInLowerCase(t *testing.T) {
	got := strings.Join(filter.EnumWords(zonev1.ZoneLevel(0).Descriptor()), " ")
	if got != "unspecified national provincial municipal" {
		t.Errorf("got %s", got)
	}
}

func FuzzCompileNeverPanics(f *testing.F) {
	f.Add(`level=national AND (type=new_area OR NOT display_name.zh:"开发区")`)
	f.Add("-a")
	f.Add(`"`)
	f.Fuzz(func(_ *testing.T, text string) {
		if fits, err := filter.Compile(text, descriptor(), fields); err == nil {
			fits(jinhua())
		}
	})
}
