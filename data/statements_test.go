package data_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"zonebench.internal/data"
)

// key joins the columns that together say what a row says.
func key(r record, columns ...string) string {
	var cells []string
	for _, c := range columns {
		cells = append(cells, r.of(c))
	}
	return strings.Join(cells, "|")
}

func count(records []record, column string) map[string]int {
	n := make(map[string]int)
	for _, r := range records {
		n[r.of(column)]++
	}
	return n
}

func TestStatementsAreDistinct(t *testing.T) {
	all := table(t, data.Statements)
	seen := make(map[string]int)
	figures := make(map[string][]string)
	for _, r := range all {
		k := key(r, "source", "locator", "subject", "indicator", "period", "class", "extent", "kind", "ambition", "comparator", "value", "unit")
		if line := seen[k]; line != 0 {
			t.Errorf("statements:%d says what line %d says", r.line, line)
		}
		seen[k] = r.line
		f := key(r, "subject", "indicator", "period", "class", "extent", "kind", "ambition")
		figures[f] = append(figures[f], r.of("comparator")+r.of("value"))
	}
	// One figure has two statements: a restatement with another comparator.
	maps.DeleteFunc(figures, func(_ string, said []string) bool { return len(said) == 1 })
	want := map[string][]string{
		"zones/wenzhou-etdz|fixed-asset-investment-growth|2018|above_limit_investment||target|expected": {"=20", ">=20"},
	}
	if !maps.EqualFunc(figures, want, slices.Equal) {
		t.Errorf("figures with several statements: %v, want %v", figures, want)
	}
}

func TestStatementCounts(t *testing.T) {
	all := table(t, data.Statements)
	tests := map[string]map[string]int{
		"source": {"jinhua-2020": 18, "jinan-2020": 50, "qiantang-2020": 64, "shengzhou-2020": 21, "wenzhou-template": 71},
		"subject": {
			"zones/jinhua-etdz": 18, "zones/luan-jinan-edz": 50, "zones/hangzhou-qiantang-na": 64, "referenceUnits/shengzhou": 7,
			"zones/shengzhou-edz": 8, "zones/shengzhou-chengnan-na": 6, "zones/wenzhou-etdz": 71,
		},
		"kind":     {"target": 198, "actual": 26},
		"ambition": {"": 26, "must": 15, "strive": 34, "expected": 149},
		"tag": {
			"headline": 98, "work_item": 71, "project": 9, "observed": 9, "status": 18, "deadline": 4, "enumeration": 15,
		},
		"stage": {"released": 224},
	}
	for column, want := range tests {
		if got := count(all, column); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", column, got, want)
		}
	}
}

func TestStatementReferences(t *testing.T) {
	names := registered(t)
	used := make(map[string]bool)
	for _, r := range table(t, data.Statements) {
		for _, name := range []string{"sources/" + r.of("source"), r.of("subject"), "indicators/" + r.of("indicator")} {
			if !names[name] {
				t.Errorf("statements:%d: %s is not registered", r.line, name)
			}
		}
		used[r.of("indicator")] = true
	}
	growing := make(map[string]bool)
	for _, r := range table(t, data.Indicators) {
		growing[r.of("growth_of")] = true
	}
	var asked strings.Builder
	for _, r := range table(t, data.Lists) {
		asked.WriteString(";" + r.of("criteria"))
	}
	criteria := asked.String()
	for id, r := range byID(t, data.Indicators) {
		if !used[id] && !growing[id] && !strings.Contains(criteria, ";"+id+">") {
			t.Errorf("indicators:%d: nothing is said of %s, nothing is its growth, and no list asks for it", r.line, id)
		}
	}
}

func TestStatementValues(t *testing.T) {
	decimal := regexp.MustCompile(`^-?[0-9]{1,30}([.][0-9]{1,20})?$`)
	date := regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}){0,2}$`)
	period := regexp.MustCompile(`^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?(;each=quarter)?|P3Y|not-stated|20(17|13)-24/20(18|14)-21)$`)
	natures := byID(t, data.Indicators)
	for _, r := range table(t, data.Statements) {
		nature := natures[r.of("indicator")].of("nature")
		value, due, status := r.of("value"), r.of("due_date"), r.of("status")
		if n := len(value) + len(due) + len(status); n == 0 || n != max(len(value), len(due), len(status)) {
			t.Errorf("statements:%d: wants exactly one of value, due_date and status", r.line)
		}
		switch {
		case value != "" && (!decimal.MatchString(value) || r.of("unit") == "" || nature == "status"):
			t.Errorf("statements:%d: %q %q of nature %s", r.line, value, r.of("unit"), nature)
		case due != "" && (!date.MatchString(due) || nature != "status" || r.of("tag") != "deadline" || r.of("kind") != "target"):
			t.Errorf("statements:%d: due %q", r.line, due)
		case status != "" && (nature != "status" || r.of("unit") != "" || r.of("tag") != "status"):
			t.Errorf("statements:%d: status %q of nature %s", r.line, status, nature)
		}
		if (r.of("kind") == "target") != (r.of("ambition") != "") {
			t.Errorf("statements:%d: %s with ambition %q", r.line, r.of("kind"), r.of("ambition"))
		}
		if r.of("tag") == "enumeration" && r.of("kind") != "actual" {
			t.Errorf("statements:%d: the length of a list is an actual", r.line)
		}
		if !slices.Contains([]string{"", "=", ">=", ">", "<=", "<", "~"}, r.of("comparator")) {
			t.Errorf("statements:%d: comparator %q", r.line, r.of("comparator"))
		}
		if !period.MatchString(r.of("period")) || r.of("believed_period") != "" && !period.MatchString(r.of("believed_period")) {
			t.Errorf("statements:%d: period %q, believed %q", r.line, r.of("period"), r.of("believed_period"))
		}
		if n := utf8.RuneCountInString(r.of("locator")); n == 0 || n > 25 {
			t.Errorf("statements:%d: the locator has %d characters", r.line, n)
		}
	}
}

// What the plans do not state is marked: the zone of two subjects, the year of two sources.
func TestCertainty(t *testing.T) {
	for _, r := range table(t, data.Statements) {
		subject, period := "stated", "stated"
		switch r.of("source") {
		case "shengzhou-2020":
			period = "inferred"
		case "wenzhou-template":
			subject, period = "inferred", "disputed"
		}
		if r.of("subject") == "zones/shengzhou-edz" {
			subject = "inferred"
		}
		if r.of("subject_certainty") != subject || r.of("period_certainty") != period {
			t.Errorf("statements:%d: %s and %s, want %s and %s", r.line, r.of("subject_certainty"), r.of("period_certainty"), subject, period)
		}
		if believed := strings.NewReplacer("2017", "2013", "2018", "2014").Replace(r.of("period")); period == "disputed" != (r.of("believed_period") != "") ||
			period == "disputed" && r.of("believed_period") != believed {
			t.Errorf("statements:%d: period %s, believed %q", r.line, r.of("period"), r.of("believed_period"))
		}
	}
}

// Admission to a list is aimed at with a list and a stage, and no list is registered in vain.
func TestListTargets(t *testing.T) {
	want := map[string]string{
		"zones/shengzhou-edz|national-zone-cultivation-list":  "national-zone-cultivation|nurtured",
		"zones/shengzhou-edz|wanmu-qianyi-list":               "wanmu-qianyi|nurtured",
		"zones/luan-jinan-edz|national-incubator-status":      "national-incubator|recognised",
		"zones/wenzhou-etdz|provincial-high-tech-park-status": "provincial-high-tech-park|recognised",
	}
	got, lists := make(map[string]string), byID(t, data.Lists)
	for _, r := range table(t, data.Statements) {
		if k := key(r, "list", "list_stage"); k != "|" {
			got[key(r, "subject", "indicator")] = k
			delete(lists, r.of("list"))
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(lists) > 0 {
		t.Errorf("nobody aims at %v", slices.Sorted(maps.Keys(lists)))
	}
}

// Targets that a city assigned without a number that is known, and targets on a place in a ranking.
func TestAssignedAndRankTargets(t *testing.T) {
	want := map[string]string{
		"qiantang-2020|energy-saving-emission-reduction":    "true|杭州市||",
		"qiantang-2020|city-assigned-investment-task":       "true|杭州市||",
		"wenzhou-template|energy-saving-emission-reduction": "true|温州市||",
		"wenzhou-template|synthetic-leather-lines-cut":      "true|温州市||",
		"qiantang-2020|high-tech-zone-advance":              "||高新区|true",
		"wenzhou-template|zone-advance":                     "||全国;全省|true",
	}
	got := make(map[string]string)
	for _, r := range table(t, data.Statements) {
		if k := key(r, "number_pending", "assigned_by", "rank_groups", "better_than_base"); k != "|||" {
			got[key(r, "source", "indicator")] = k
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The scope of every number of Jin'an is without one park; no other extent is a territory but two blocks of Jinhua.
func TestExtent(t *testing.T) {
	for _, r := range table(t, data.Statements) {
		switch extent := r.of("extent"); r.of("source") {
		case "jinan-2020":
			numeric := r.of("kind") == "target" && r.of("value") != ""
			if numeric != (extent == "不含城北现代产业园") {
				t.Errorf("statements:%d: extent %q", r.line, extent)
			}
		case "jinhua-2020":
			if (extent != "") != (r.of("indicator") == "micro-park-area") {
				t.Errorf("statements:%d: extent %q", r.line, extent)
			}
		default:
			if extent != "" {
				t.Errorf("statements:%d: extent %q", r.line, extent)
			}
		}
	}
}

// The numbers that comparisons stand on, and those that are easily misread.
func TestKnownStatements(t *testing.T) {
	tests := []struct{ subject, indicator, want string }{
		// Strictly comparable.
		{"zones/luan-jinan-edz", "industrial-value-added-growth", "2020|above_scale|不含城北现代产业园|target|expected|=|12|%|headline"},
		{"zones/hangzhou-qiantang-na", "industrial-value-added-growth", "2020|above_scale||target|expected|=|8|%|headline"},
		{"zones/luan-jinan-edz", "industrial-investment-growth", "2020||不含城北现代产业园|target|expected|=|58.5|%|headline"},
		{"zones/hangzhou-qiantang-na", "industrial-investment-growth", "2020|||target|expected|=|16|%|headline"},
		{"zones/luan-jinan-edz", "new-high-tech-enterprises", "2020||不含城北现代产业园|target|expected|>=|5|家|headline"},
		{"zones/hangzhou-qiantang-na", "new-high-tech-enterprises", "2020|||target|expected|=|110|家|headline"},
		// For reference.
		{"zones/hangzhou-qiantang-na", "gdp-growth", "2020|||target|expected|>=|7|%|headline"},
		{"zones/wenzhou-etdz", "gdp-growth", "2018|||target|expected|=|10|%|headline"},
		{"zones/hangzhou-qiantang-na", "retail-sales-growth", "2020|||target|expected|=|8|%|headline"},
		{"zones/wenzhou-etdz", "retail-sales-growth", "2018|||target|expected|=|12|%|headline"},
		{"zones/wenzhou-etdz", "industrial-value-added-growth", "2018|||target|expected|=|12|%|headline"},
		{"zones/wenzhou-etdz", "industrial-investment-growth", "2018|above_limit_investment||target|expected|=|25|%|headline"},
		{"zones/wenzhou-etdz", "fixed-asset-investment-growth", "2018|above_limit_investment||target|strive|=|25|%|headline"},
		{"zones/luan-jinan-edz", "fixed-asset-investment-growth", "2020||不含城北现代产业园|target|expected|=|19.8|%|headline"},
		{"zones/luan-jinan-edz", "fiscal-revenue-growth", "2020||不含城北现代产业园|target|expected|=|11|%|headline"},
		{"zones/hangzhou-qiantang-na", "general-public-budget-revenue-growth", "2020|||target|expected|=|10|%|headline"},
		{"zones/wenzhou-etdz", "public-finance-budget-revenue-growth", "2018|||target|expected|=|8.2|%|headline"},
		{"zones/luan-jinan-edz", "new-100m-projects", "2020||不含城北现代产业园|target|strive|=|25|个|headline"},
		{"zones/hangzhou-qiantang-na", "new-100m-projects", "2020|||target|expected|=|145|个|headline"},
		{"referenceUnits/shengzhou", "new-100m-projects", "2019|||actual||=|32|个|observed"},
		{"zones/wenzhou-etdz", "new-high-tech-enterprises", "2018|||target|expected|=|5|家|headline"},
		// As printed.
		{"zones/hangzhou-qiantang-na", "export-share-of-nation", "2020|||target|expected|=|2.70|‰|headline"},
		{"zones/hangzhou-qiantang-na", "new-market-entities", "2020|||target|expected|=|1.55|万家|headline"},
		{"zones/luan-jinan-edz", "overseas-funds-in-place", "2020||不含城北现代产业园|target|strive|=|3800|万美元|headline"},
		{"zones/luan-jinan-edz", "enterprise-sales-revenue-growth", "2020|above_limit_trade|不含城北现代产业园|target|expected|=|10.5|%|headline"},
		{"zones/luan-jinan-edz", "hydrogen-aviation-projects", "2020;each=quarter||不含城北现代产业园|target|strive|>=|1|个|work_item"},
		{"zones/shengzhou-edz", "provincial-rank", "2020|||target|must|<=|10|名|headline"},
		{"referenceUnits/shengzhou", "new-100m-projects-completion", "2019|||actual||=|213.3|%|observed"},
		{"zones/hangzhou-qiantang-na", "enterprise-resumption-rate", "2020-05-07|above_scale||actual||~|90|%|observed"},
		{"zones/jinhua-etdz", "inefficient-land-cleared", "P3Y|||target|expected|=|6000|亩|headline"},
		{"zones/wenzhou-etdz", "greening-area", "2017-24/2018-21|||target|expected|>|187|公顷|work_item"},
		{"zones/wenzhou-etdz", "industrial-share-of-investment", "2018|above_limit_investment||target|must|>=|50|%|headline"},
	}
	all := table(t, data.Statements)
	for _, test := range tests {
		var got []string
		for _, r := range all {
			if r.of("subject") == test.subject && r.of("indicator") == test.indicator {
				got = append(got, key(r, "period", "class", "extent", "kind", "ambition", "comparator", "value", "unit", "tag"))
			}
		}
		if !slices.Contains(got, test.want) {
			t.Errorf("%s, %s: %v, want %s", test.subject, test.indicator, got, test.want)
		}
	}
}
