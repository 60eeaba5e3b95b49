package data_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"zonebench.internal/data"
)

// A record is one data row by column name; line is where it stands, the header being 1.
type record struct {
	line int
	cell map[string]string
}

func (r record) of(column string) string { return r.cell[column] }

// list splits a cell that holds several values.
func (r record) list(column string) []string {
	if r.of(column) == "" {
		return nil
	}
	return strings.Split(r.of(column), ";")
}

func parse(t *testing.T, name string, content []byte) []record {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var records []record
	for i, row := range rows[1:] {
		r := record{line: i + 2, cell: make(map[string]string, len(row))}
		for j, column := range rows[0] {
			r.cell[column] = row[j]
		}
		records = append(records, r)
	}
	return records
}

func table(t *testing.T, kind data.Kind) []record {
	t.Helper()
	for _, tab := range data.Tables() {
		if tab.Kind == kind {
			return parse(t, tab.File, tab.Content)
		}
	}
	t.Fatalf("no table of kind %s", kind)
	return nil
}

func byID(t *testing.T, kind data.Kind) map[string]record {
	t.Helper()
	m := make(map[string]record)
	for _, r := range table(t, kind) {
		m[r.of("id")] = r
	}
	return m
}

// registered holds the resource names that the tables create, and the names that relations make of identifiers.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for kind, collection := range map[data.Kind]string{
		data.ReferenceUnits: "referenceUnits/", data.Zones: "zones/", data.Relations: "relations/",
		data.Groups: "groups/", data.Sources: "sources/", data.Indicators: "indicators/", data.Lists: "lists/",
	} {
		for id := range byID(t, kind) {
			names[collection+id] = true
		}
	}
	return names
}

// The columns are those of the import tables; release_time and the like are left out because the facts have none.
func TestTablesAreReadable(t *testing.T) {
	columns := map[data.Kind]string{
		data.ReferenceUnits: "id,type,name_zh,name_en,aliases,parent,division_code,note",
		data.Zones:          "id,type,level,name_zh,name_en,aliases,parent,division_code,certainty,basis,note",
		data.Relations:      "id,type,zone,other,start_date,end_date,certainty,note",
		data.Groups:         "id,name_zh,name_en,filter,members,note",
		data.Sources:        "id,title_zh,title_en,publisher,publish_date,document_number,reliability,note",
		data.Indicators: "id,name_zh,name_en,aliases,definition,unit,nature,direction,price_basis,comparison_base," +
			"growth_of,usual_class,national_authority,concept,contains,succeeds,qualifier,false_friends,component_of,bundle," +
			"completion_of,numerator,denominator,note",
		data.Lists: "id,name_zh,name_en,authority_zh,authority_en,criteria,entries,note",
		data.Statements: "source,locator,subject,indicator,period,class,extent,kind,ambition,comparator,value,due_date," +
			"status,unit,qualifier,tag,subject_certainty,period_certainty,believed_period,stage,number_pending,assigned_by," +
			"rank_groups,better_than_base,list,list_stage,part,note",
		data.Series: "id,name_zh,name_en,authority_zh,authority_en,note",
		data.Rounds: "series,id,group_zh,group_en,ranking_year,data_year,publish_date,units_ranked,complete_to,method,source," +
			"reliability,note",
		data.Places: "round,zone,place,listed,score,note",
	}
	for _, tab := range data.Tables() {
		header, _, _ := strings.Cut(string(tab.Content), "\n")
		if header != columns[tab.Kind] {
			t.Errorf("%s: columns %s, want %s", tab.File, header, columns[tab.Kind])
		}
		if !utf8.Valid(tab.Content) || bytes.HasPrefix(tab.Content, []byte("\ufeff")) || bytes.ContainsRune(tab.Content, '\r') {
			t.Errorf("%s: want UTF-8 without a byte order mark, lines ended by LF", tab.File)
		}
		for _, r := range parse(t, tab.File, tab.Content) {
			for column, cell := range r.cell {
				if cell != strings.TrimSpace(cell) {
					t.Errorf("%s:%d: %s has space around %q", tab.File, r.line, column, cell)
				}
			}
		}
	}
}

func TestCounts(t *testing.T) {
	want := map[data.Kind]int{
		data.ReferenceUnits: 55, data.Zones: 202, data.Relations: 65, data.Groups: 11,
		data.Sources: 5, data.Indicators: 219, data.Lists: 4, data.Statements: 224, data.Series: 5, data.Rounds: 12, data.Places: 93,
	}
	for _, tab := range data.Tables() {
		if n := len(parse(t, tab.File, tab.Content)); n != want[tab.Kind] {
			t.Errorf("%s: %d rows, want %d", tab.File, n, want[tab.Kind])
		}
	}
}

func TestTablesAreTheCallersOwn(t *testing.T) {
	first := data.Tables()[0].Content
	first[0] = 'X'
	if data.Tables()[0].Content[0] == 'X' {
		t.Error("a caller's change is seen by the next caller")
	}
}

func TestIdentifiers(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
	for _, kind := range []data.Kind{data.ReferenceUnits, data.Zones, data.Relations, data.Groups, data.Sources, data.Indicators, data.Lists} {
		seen := make(map[string]bool)
		for _, r := range table(t, kind) {
			id := r.of("id")
			if !form.MatchString(id) {
				t.Errorf("%s:%d: %q is no identifier", kind, r.line, id)
			}
			if seen[id] {
				t.Errorf("%s:%d: %s again", kind, r.line, id)
			}
			seen[id] = true
		}
	}
}

// TestWordsOfTheContracts holds every word of a closed set against the enums in the protos, so that a renamed value
// is found here and not at a user's import.
func TestWordsOfTheContracts(t *testing.T) {
	enums := contractEnums(t)
	columns := []struct {
		kind         data.Kind
		column, enum string
		optional     bool
	}{
		{data.ReferenceUnits, "type", "ReferenceUnitType", false},
		{data.Zones, "type", "ZoneType", false},
		{data.Zones, "level", "ZoneLevel", true},
		{data.Zones, "certainty", "Certainty", false},
		{data.Relations, "type", "RelationType", false},
		{data.Relations, "certainty", "Certainty", false},
		{data.Sources, "reliability", "Reliability", false},
		{data.Indicators, "nature", "Nature", false},
		{data.Indicators, "direction", "Direction", false},
		{data.Indicators, "price_basis", "PriceBasis", true},
		{data.Indicators, "comparison_base", "ComparisonBase", true},
		{data.Indicators, "usual_class", "StatisticalClass", true},
		{data.Statements, "class", "StatisticalClass", true},
		{data.Statements, "kind", "Kind", false},
		{data.Statements, "ambition", "Ambition", true},
		{data.Statements, "tag", "Tag", false},
		{data.Statements, "subject_certainty", "Certainty", false},
		{data.Statements, "period_certainty", "Certainty", false},
		{data.Statements, "stage", "Stage", false},
		{data.Statements, "list_stage", "ListStage", true},
	}
	for _, c := range columns {
		words := enums[c.enum]
		if len(words) == 0 {
			t.Fatalf("the protos have no enum %s", c.enum)
		}
		for _, r := range table(t, c.kind) {
			word := r.of(c.column)
			if word == "" && c.optional {
				continue
			}
			if !slices.Contains(words, word) {
				t.Errorf("%s:%d: %s is %q, want one of %v", c.kind, r.line, c.column, word, words)
			}
		}
	}
}

// contractEnums reads the values of every enum in the protos, as tables spell them. The text is read rather than the
// generated code so that this module depends on nothing.
func contractEnums(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../proto/zonebench/*/v1/*.proto")
	if err != nil || len(files) == 0 {
		t.Fatalf("no protos beside the data: %v", err)
	}
	open := regexp.MustCompile(`(?m)^enum (\w+) \{((?s:.*?))^\}`)
	value := regexp.MustCompile(`(?m)^\s+([A-Z0-9_]+) = [0-9]+;`)
	capital := regexp.MustCompile(`([a-z0-9])([A-Z])`)
	enums := make(map[string][]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range open.FindAllStringSubmatch(string(text), -1) {
			prefix := strings.ToUpper(capital.ReplaceAllString(e[1], "${1}_${2}")) + "_"
			for _, v := range value.FindAllStringSubmatch(e[2], -1) {
				if word := strings.ToLower(strings.TrimPrefix(v[1], prefix)); word != "unspecified" {
					enums[e[1]] = append(enums[e[1]], word)
				}
			}
		}
	}
	return enums
}

func TestPublishedPlacesNameRoundsAndZones(t *testing.T) {
	names := registered(t)
	rounds := make(map[string]bool)
	for _, r := range table(t, data.Rounds) {
		if byID(t, data.Series)[r.of("series")].cell == nil {
			t.Errorf("rounds.csv:%d: no series %s", r.line, r.of("series"))
		}
		rounds[r.of("series")+"/"+r.of("id")] = true
	}
	for _, r := range table(t, data.Places) {
		if !rounds[r.of("round")] {
			t.Errorf("places.csv:%d: no round %s", r.line, r.of("round"))
		}
		if !names["zones/"+r.of("zone")] {
			t.Errorf("places.csv:%d: no zone %s", r.line, r.of("zone"))
		}
	}
}
