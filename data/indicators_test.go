package data_test

import (
	"slices"
	"strings"
	"testing"

	"zonebench.internal/data"
)

type friend struct{ indicator, zh, en string }

// friends reads the false friends of an indicator: `indicator=reason|reason in English`.
func friends(t *testing.T, r record) []friend {
	t.Helper()
	var all []friend
	for _, cell := range r.list("false_friends") {
		id, reason, ok := strings.Cut(cell, "=")
		zh, en, both := strings.Cut(reason, "|")
		if !ok || !both || zh == "" || en == "" {
			t.Fatalf("indicators/%s: %q is no false friend", r.of("id"), cell)
		}
		all = append(all, friend{id, zh, en})
	}
	return all
}

func TestIndicatorReferences(t *testing.T) {
	all := byID(t, data.Indicators)
	for id, r := range all {
		for _, column := range []string{"growth_of", "concept", "succeeds", "component_of", "completion_of", "numerator", "denominator"} {
			if ref := r.of(column); ref != "" && all[ref].cell == nil {
				t.Errorf("indicators/%s: %s %s is not defined", id, column, ref)
			}
		}
		for _, ref := range r.list("contains") {
			if all[ref].of("concept") != r.of("concept") {
				t.Errorf("indicators/%s contains %s, which is of another concept", id, ref)
			}
		}
		if head := r.of("concept"); head != "" && all[head].of("concept") != head {
			t.Errorf("indicators/%s: %s is not the head of its own concept", id, head)
		}
		if r.of("concept") != "" && r.of("concept") != id && r.of("qualifier") == "" {
			t.Errorf("indicators/%s does not say what sets it apart within its concept", id)
		}
		if (r.of("unit") == "") != (r.of("nature") == "status") {
			t.Errorf("indicators/%s: nature %s with unit %q", id, r.of("nature"), r.of("unit"))
		}
		if base := r.of("growth_of"); base != "" {
			if r.of("nature") != "growth" || all[base].of("nature") != "flow" || all[base].of("name_zh") != r.of("name_zh") {
				t.Errorf("indicators/%s: growth of %s", id, base)
			}
		}
		for _, f := range friends(t, r) {
			back := friends(t, all[f.indicator])
			if f.indicator == id || !slices.Contains(back, friend{id, f.zh, f.en}) {
				t.Errorf("indicators/%s: %s does not know it as a false friend, for the same reason", id, f.indicator)
			}
			if all[f.indicator].of("concept") != "" && all[f.indicator].of("concept") == r.of("concept") {
				t.Errorf("indicators/%s: %s is of its concept, and a false friend", id, f.indicator)
			}
		}
	}
}

// A text means one indicator, or a level and its growth, which the nature tells apart.
func TestIndicatorNamesAreUnique(t *testing.T) {
	owners := make(map[string][]string)
	all := byID(t, data.Indicators)
	for id, r := range all {
		for _, text := range append(r.list("aliases"), r.of("name_zh")) {
			owners[text] = append(owners[text], id)
		}
	}
	for text, ids := range owners {
		pair := len(ids) == 2 && (all[ids[0]].of("growth_of") == ids[1] || all[ids[1]].of("growth_of") == ids[0])
		if len(ids) > 1 && !pair {
			t.Errorf("%s means %v", text, ids)
		}
	}
}

// What may be ranked across zones, with the definitions that decide it.
func TestHeadlineConcepts(t *testing.T) {
	want := []struct {
		id, name, unit, nature, class string
		national                      bool
		members                       []string // beside the canonical one
	}{
		{"industrial-value-added-growth", "工业增加值", "%", "growth", "above_scale", true, nil},
		{"gdp-growth", "地区生产总值", "%", "growth", "", true, nil},
		{"retail-sales-growth", "社会消费品零售总额", "%", "growth", "", true, nil},
		{"industrial-investment-growth", "工业投资", "%", "growth", "", true, nil},
		{"fixed-asset-investment-growth", "固定资产投资", "%", "growth", "", true, nil},
		{
			"fiscal-revenue-growth", "财政收入", "%", "growth", "", false,
			[]string{"general-public-budget-revenue-growth", "public-finance-budget-revenue-growth"},
		},
		{"new-100m-projects", "新引进亿元以上项目数", "个", "count", "", false, nil},
		{"new-high-tech-enterprises", "新增高新技术企业数", "家", "count", "", true, nil},
	}
	all := byID(t, data.Indicators)
	for i, name := range data.HeadlineConcepts() {
		w, r := want[i], all[strings.TrimPrefix(name, "indicators/")]
		if r.of("id") != w.id || r.of("name_zh") != w.name || r.of("unit") != w.unit || r.of("nature") != w.nature ||
			r.of("usual_class") != w.class || (r.of("national_authority") != "") != w.national {
			t.Errorf("%s: %v, want %+v", name, r.cell, w)
		}
		if r.of("concept") != w.id {
			t.Errorf("%s is not the head of its concept", name)
		}
		if got := membersOf(all, w.id); !slices.Equal(got, w.members) {
			t.Errorf("%s: members %v, want %v", name, got, w.members)
		}
	}
	if c := all["fiscal-revenue-growth"].of("contains"); c != "general-public-budget-revenue-growth" {
		t.Errorf("财政收入 contains %q", c)
	}
	if s := all["general-public-budget-revenue-growth"].of("succeeds"); s != "public-finance-budget-revenue-growth" {
		t.Errorf("一般公共预算收入 succeeds %q", s)
	}
}

// membersOf lists the indicators of a concept without its head, in order.
func membersOf(all map[string]record, concept string) []string {
	var ids []string
	for id, r := range all {
		if r.of("concept") == concept && id != concept {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// What may stand side by side and is never ordered: one concept, several definitions.
func TestConceptsSideBySide(t *testing.T) {
	concepts := map[string][]string{
		"new-above-scale-enterprises": {"new-above-scale-service-enterprises"},
		"new-100m-enterprises":        {"new-100m-service-enterprises", "new-1b-enterprises", "new-2b-enterprises", "new-500m-enterprises"},
		"new-technology-enterprises":  {"new-provincial-technology-smes"},
		"new-research-institutions":   {"new-provincial-innovation-centres", "new-provincial-key-laboratories", "new-technology-centres"},
		"new-incubators":              {"national-incubator-status"},
		"inefficient-land-upgraded": {
			"idle-land-revived", "inefficient-land-brought-to-standard", "inefficient-land-cleared",
			"inefficient-land-enterprises-upgraded", "inefficient-land-purchased",
		},
		"demolition-area": {"illegal-buildings-demolished", "old-factories-renovated", "old-housing-renovated", "urban-villages-renovated"},
		"continued-projects-completed": {
			"continued-projects-advanced", "new-projects-advanced", "signed-projects-started",
		},
		"signed-project-start-rate": {
			"digital-renovation-coverage", "mobile-service-rate", "one-visit-rate", "online-service-rate",
			"sewage-collection-rate", "sewage-interception-rate", "sewage-treatment-rate", "started-project-completion-rate",
		},
		"enterprise-resumption-rate": {
			"enterprise-work-resumption", "project-service-resumption-deadline", "project-service-resumption-rate",
		},
		"schools-built": {
			"junior-high-schools-built", "kindergartens-built", "primary-schools-built", "schools-extended", "senior-high-schools-built",
		},
		"home-care-centres":                {"nursing-homes-built"},
		"new-listed-companies":             {"listed-company-breakthrough"},
		"energy-saving-emission-reduction": nil,
		"provincial-rank":                  {"district-investment-lead", "high-tech-zone-advance", "zone-advance"},
		"national-zone-cultivation-list":   {"provincial-high-tech-park-status", "wanmu-qianyi-list"},
		"fiscal-revenue":                   {"general-public-budget-revenue"},
	}
	all := byID(t, data.Indicators)
	for id, want := range concepts {
		if got := membersOf(all, id); !slices.Equal(got, want) {
			t.Errorf("concept %s: %v, want %v", id, got, want)
		}
		if all[id].of("definition") == "" {
			t.Errorf("concept %s has no definition", id)
		}
	}
	for id, r := range all {
		head := "indicators/" + r.of("concept")
		if _, listed := concepts[r.of("concept")]; r.of("concept") != "" && !listed && !slices.Contains(data.HeadlineConcepts(), head) {
			t.Errorf("indicators/%s: concept %s is not expected", id, r.of("concept"))
		}
	}
}

// What only looks comparable, with a word of the reason.
func TestFalseFriends(t *testing.T) {
	tests := []struct{ a, b, reason string }{
		{"overseas-funds-in-place", "utilized-foreign-capital-growth", "总量"},
		{"export-share-of-nation", "foreign-trade-growth", "比重"},
		{"strategic-emerging-output-growth", "high-tech-industry-investment-growth", "产值"},
		{"enterprise-sales-revenue-growth", "retail-sales-growth", "限额以上"},
		{"fixed-asset-investment", "domestic-funds-in-place", "三项指标"},
		{"fixed-asset-investment", "project-investment-completed", "三项指标"},
		{"domestic-funds-in-place", "project-investment-completed", "三项指标"},
		{"industrial-output", "industrial-value-added-growth", "中间消耗"},
		{"industrial-output-growth", "industrial-value-added-growth", "中间消耗"},
		{"micro-park-area", "micro-parks", "面积"},
		{"demonstration-factories", "digital-renovation-coverage", "覆盖率"},
		{"high-level-talent-teams", "high-level-talent-projects", "团队"},
		{"high-level-talent-teams", "class-d-talents", "团队"},
		{"high-level-talent-projects", "class-d-talents", "人员"},
		{"led-project-investment", "epc-project-investment", "单个项目"},
		{"led-project-investment", "domestic-funds-in-place", "单个项目"},
		{"epc-project-investment", "domestic-funds-in-place", "单个项目"},
		{"black-rivers-district", "zero-discharge-subdistricts", "河道"},
		{"black-rivers-district", "zero-discharge-estates", "河道"},
		{"black-rivers-subdistrict", "zero-discharge-subdistricts", "河道"},
		{"black-rivers-subdistrict", "zero-discharge-estates", "河道"},
		{"tax-per-mu", "value-added-per-mu", "税收"},
		{"new-100m-projects", "new-100m-projects-completion", "完成率"},
		{"new-100m-projects", "new-500m-projects", "门槛"},
		{"new-100m-projects", "new-2b-projects", "门槛"},
		{"enterprises", "new-above-scale-enterprises", "存量"},
		{"industrial-share-of-investment", "industrial-investment-growth", "占比"},
		{"urban-income-growth", "rural-income-growth", "人群"},
	}
	all := byID(t, data.Indicators)
	for _, test := range tests {
		if !slices.ContainsFunc(friends(t, all[test.a]), func(f friend) bool {
			return f.indicator == test.b && strings.Contains(f.zh, test.reason)
		}) {
			t.Errorf("%s and %s are not false friends for %s", test.a, test.b, test.reason)
		}
	}
}
