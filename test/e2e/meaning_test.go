package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// What the five plans say, and what may be made of it: every row of the tables
// of what is comparable, what only stands side by side and what is refused, and
// the traps that reading the plans has, over the facts that the product ships.

// plans is an installation with the shipped facts, and the statements by indicator.
type plans struct {
	harness.Clients

	targets    indicatorv1.TargetServiceClient
	statements map[string][]*indicatorv1.Statement // by indicator id
	indicators map[string]*indicatorv1.Indicator
}

func readPlans(t *testing.T) *plans {
	t.Helper()
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	p := &plans{
		Clients: in.Clients, targets: indicatorv1.NewTargetServiceClient(in.Conn),
		statements: map[string][]*indicatorv1.Statement{}, indicators: map[string]*indicatorv1.Indicator{},
	}
	all, err := in.Indicator.ListStatements(within(t), &indicatorv1.ListStatementsRequest{PageSize: 1000})
	if err != nil || len(all.GetStatements()) != 224 {
		t.Fatalf("%d statements, %v", len(all.GetStatements()), err)
	}
	for _, s := range all.GetStatements() {
		id := strings.TrimPrefix(s.GetKey().GetIndicator(), "indicators/")
		p.statements[id] = append(p.statements[id], s)
	}
	list, err := in.Indicator.ListIndicators(within(t), &indicatorv1.ListIndicatorsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list.GetIndicators() {
		p.indicators[strings.TrimPrefix(i.GetName(), "indicators/")] = i
	}
	return p
}

// said are the statements of an indicator in short: zone, period, comparator, value as printed, ambition.
func (p *plans) said(indicator string) []string {
	var out []string
	for _, s := range p.statements[indicator] {
		words := []string{shortName(s.GetKey().GetSubject()), s.GetKey().GetPeriod(), sign(s.GetComparator()) + s.GetNumber() + s.GetUnit()}
		if s.GetKey().GetKind() == indicatorv1.Kind_KIND_ACTUAL {
			words = append(words, "actual")
		} else {
			words = append(words, strings.ToLower(strings.TrimPrefix(s.GetKey().GetAmbition().String(), "AMBITION_")))
		}
		out = append(out, strings.Join(words, " "))
	}
	slices.Sort(out)
	return out
}

// shortName is the code that the tables of the plans use for a zone.
func shortName(subject string) string {
	if code, ok := map[string]string{
		"zones/jinhua-etdz": "JH", "zones/luan-jinan-edz": "JA", "zones/hangzhou-qiantang-na": "QT", "referenceUnits/shengzhou": "SZ",
		"zones/shengzhou-edz": "SK", "zones/shengzhou-chengnan-na": "SC", "zones/wenzhou-etdz": "WZ",
	}[subject]; ok {
		return code
	}
	return subject
}

func sign(c typev1.Comparator) string {
	return map[typev1.Comparator]string{
		typev1.Comparator_COMPARATOR_AT_LEAST: ">=", typev1.Comparator_COMPARATOR_MORE_THAN: ">", typev1.Comparator_COMPARATOR_AT_MOST: "<=",
		typev1.Comparator_COMPARATOR_LESS_THAN: "<", typev1.Comparator_COMPARATOR_ABOUT: "~",
	}[c]
}

func everyTag() []indicatorv1.Tag {
	return []indicatorv1.Tag{
		indicatorv1.Tag_TAG_HEADLINE, indicatorv1.Tag_TAG_WORK_ITEM, indicatorv1.Tag_TAG_PROJECT, indicatorv1.Tag_TAG_OBSERVED,
		indicatorv1.Tag_TAG_STATUS, indicatorv1.Tag_TAG_DEADLINE, indicatorv1.Tag_TAG_ENUMERATION,
	}
}

func (p *plans) compare(t *testing.T, tags []indicatorv1.Tag, across bool, ids ...string) *rankingv1.CompareZonesResponse {
	t.Helper()
	req := &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Tags: tags, AcrossConcepts: across}
	for _, id := range ids {
		req.Indicators = append(req.Indicators, "indicators/"+id)
	}
	resp, err := p.Ranking.CompareZones(within(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// order writes the rows of a comparison in their order: zone, number.
func order(c *rankingv1.Comparison) string {
	var rows []string
	for _, r := range c.GetRows() {
		rows = append(rows, shortName(r.GetSubject())+" "+sign(r.GetComparator())+r.GetNumber())
	}
	return strings.Join(rows, " > ")
}

func find(list []*rankingv1.Comparison, concept string) *rankingv1.Comparison {
	for _, c := range list {
		if c.GetIndicator() == "indicators/"+concept {
			return c
		}
	}
	return nil
}

// Table A: same concept, same form. The verdict, the order, and the reason on every row that is not strict.
func TestMeaningOfTableA(t *testing.T) {
	t.Parallel()
	p := readPlans(t)
	all := p.compare(t, nil, false)
	for _, tc := range []struct {
		concept           string
		strict, reference string
		reasons           []string // in this order, on the rows of the reference
		matrix            map[string]string
	}{
		{"industrial-value-added-growth", "JA 12 > QT 8", "", nil, map[string]string{"WZ": "年份不同"}},
		{"gdp-growth", "", "WZ 10 > QT >=7", []string{"年份不同", "年份不同"}, nil},
		{"retail-sales-growth", "", "WZ 12 > QT 8", []string{"年份不同", "年份不同"}, nil},
		{"industrial-investment-growth", "JA 58.5 > QT 16", "", nil, map[string]string{"WZ": "年份不同"}},
		{"fixed-asset-investment-growth", "", "WZ 20 > JA 19.8", []string{"统计范围不同", "口径不同"}, nil},
		{"fiscal-revenue-growth", "", "JA 11 > QT 10 > WZ 8.2", []string{"宽窄", "窄于财政收入", "前后名"}, nil},
		{"new-100m-projects", "", "QT 145 > JA 25", []string{"无全国统一定义", "无全国统一定义"}, map[string]string{"SZ": "实绩"}},
		{"new-high-tech-enterprises", "QT 110 > JA >=5", "", nil, map[string]string{"WZ": "年份不同"}},
	} {
		strict, reference := find(all.GetStrict(), tc.concept), find(all.GetReference(), tc.concept)
		if got := order(strict); got != tc.strict {
			t.Errorf("%s: strict %q, want %q", tc.concept, got, tc.strict)
		}
		if got := order(reference); got != tc.reference {
			t.Errorf("%s: reference %q, want %q", tc.concept, got, tc.reference)
		}
		for n, r := range strict.GetRows() {
			if r.GetPlace() != int32(n+1) || r.GetOf() != int32(len(strict.GetRows())) || len(r.GetDifferences()) > 0 {
				t.Errorf("%s: %v", tc.concept, r)
			}
		}
		for n, r := range reference.GetRows() {
			if r.GetPlace() != 0 || r.GetOrder() != int32(n+1) || !strings.Contains(r.GetReason().GetZh(), tc.reasons[n]) {
				t.Errorf("%s, %s: place %d, order %d, %q; want the reason %q", tc.concept, shortName(r.GetSubject()), r.GetPlace(), r.GetOrder(),
					r.GetReason().GetZh(), tc.reasons[n])
			}
		}
		column := slices.IndexFunc(all.GetColumns(), func(c *rankingv1.Column) bool { return c.GetIndicator() == "indicators/"+tc.concept })
		for zone, why := range tc.matrix {
			for _, cell := range all.GetMatrix() {
				if int(cell.GetColumn()) == column && shortName(cell.GetSubject()) == zone && (cell.GetNumber() != "" || !strings.Contains(cell.GetReason().GetZh(), why)) {
					t.Errorf("%s, %s: %q, %q; want empty with %q", tc.concept, zone, cell.GetNumber(), cell.GetReason().GetZh(), why)
				}
			}
		}
	}
	if len(all.GetStrict()) != 3 || len(all.GetReference()) != 5 {
		t.Errorf("%d strict and %d for reference, want 3 and 5", len(all.GetStrict()), len(all.GetReference()))
	}
	if zh := all.GetTitle().GetZh(); !strings.Contains(zh, "目标值对比") || !strings.Contains(zh, "非实绩") {
		t.Errorf("targets are titled %q", zh)
	}
}

// Table B: same concept, only partly compatible. Side by side with what sets
// them apart on the rows, and never with a place or an order.
func TestMeaningOfTableB(t *testing.T) {
	t.Parallel()
	p := readPlans(t)
	all := p.compare(t, everyTag(), false)
	for _, tc := range []struct {
		concept string
		figures map[string]string // indicator: zone and value
		says    []string
	}{
		{"new-above-scale-enterprises", map[string]string{"new-above-scale-enterprises": "JA 10家", "new-above-scale-service-enterprises": "QT 355家"}, []string{"仅服务业"}},
		{"new-100m-enterprises", map[string]string{
			"new-100m-service-enterprises": "QT 45家", "new-100m-enterprises": "WZ 10家", "new-500m-enterprises": "WZ 4家", "new-1b-enterprises": "WZ 3家", "new-2b-enterprises": "WZ 1家",
		}, []string{"仅服务业", "档"}},
		{"new-technology-enterprises", map[string]string{"new-provincial-technology-smes": "QT 180家", "new-technology-enterprises": "WZ 20家"}, []string{"省级认定", "市级以上"}},
		{"new-research-institutions", map[string]string{
			"new-research-institutions": "QT 35家", "new-technology-centres": "WZ 10家", "new-provincial-key-laboratories": "JA 1个", "new-provincial-innovation-centres": "JA 1个",
		}, []string{"省级重点实验室"}},
		{"new-incubators", map[string]string{"new-incubators": "QT 4家", "national-incubator-status": "JA "}, []string{"无家数"}},
		{"inefficient-land-upgraded", map[string]string{
			"inefficient-land-upgraded": "JH >=6500亩", "inefficient-land-enterprises-upgraded": "JH >=180家", "inefficient-land-cleared": "JH 6000亩",
			"inefficient-land-brought-to-standard": "JH 6000亩", "inefficient-land-purchased": "JH 6000亩", "idle-land-revived": "JA >=800亩",
		}, []string{"盘活", "不是整治提升", "三年合计"}},
		{"demolition-area", map[string]string{
			"demolition-area": "JA ~30万平方米", "urban-villages-renovated": "WZ 20万平方米", "old-housing-renovated": "WZ 1万平方米", "old-factories-renovated": "WZ 1万平方米",
			"illegal-buildings-demolished": "WZ >=2万平方米",
		}, []string{"拆迁", "城中村改造"}},
		{"continued-projects-completed", map[string]string{
			"continued-projects-completed": "JA 25个", "signed-projects-started": "JA 16个", "continued-projects-advanced": "SC 21个", "new-projects-advanced": "SC 12个",
		}, []string{"未定完成标准"}},
		{"signed-project-start-rate", map[string]string{
			"signed-project-start-rate": "JA >=80%", "started-project-completion-rate": "JA >=60%", "digital-renovation-coverage": "QT >=90%",
			"online-service-rate": "QT 100%", "mobile-service-rate": "QT 100%", "one-visit-rate": "QT 100%",
			"sewage-interception-rate": "WZ >=100%", "sewage-collection-rate": "WZ >=100%", "sewage-treatment-rate": "WZ >=100%",
		}, []string{"分母"}},
		{"enterprise-resumption-rate", map[string]string{"enterprise-resumption-rate": "QT ~90%", "project-service-resumption-rate": "SC 100%"}, []string{"目标值与实绩"}},
		{"schools-built", map[string]string{
			"schools-built": "QT 16所", "senior-high-schools-built": "WZ 1所", "junior-high-schools-built": "WZ 1所", "primary-schools-built": "WZ 1所",
			"kindergartens-built": "WZ 3所", "schools-extended": "WZ 8个",
		}, []string{"重叠未明示"}},
		{"home-care-centres", map[string]string{"home-care-centres": "QT 4家", "nursing-homes-built": "WZ 1家"}, []string{"居家养老", "护理型"}},
		{"new-listed-companies", map[string]string{"new-listed-companies": "QT 3家", "listed-company-breakthrough": "WZ "}, []string{"无家数"}},
		{"energy-saving-emission-reduction", map[string]string{"energy-saving-emission-reduction": ""}, []string{"目标数在文外"}},
		{"provincial-rank", map[string]string{
			"provincial-rank": "SK <=10名", "high-tech-zone-advance": "QT ", "zone-advance": "WZ ", "district-investment-lead": "JA ",
		}, []string{"无名次", "有名次要求"}},
		{"national-zone-cultivation-list", map[string]string{
			"national-zone-cultivation-list": "SK ", "wanmu-qianyi-list": "SK ", "provincial-high-tech-park-status": "WZ ",
		}, []string{"商务部名单", "省级平台名单"}},
	} {
		got := find(all.GetSideBySide(), tc.concept)
		if got == nil || got.GetVerdict() != rankingv1.Verdict_VERDICT_SIDE_BY_SIDE {
			t.Errorf("%s does not stand side by side", tc.concept)
			continue
		}
		var texts []string
		seen := map[string]bool{}
		for _, r := range got.GetRows() {
			id := strings.TrimPrefix(r.GetKey().GetIndicator(), "indicators/")
			seen[id] = true
			value := shortName(r.GetSubject()) + " " + sign(r.GetComparator()) + r.GetNumber() + r.GetUnit()
			if r.GetNumber() == "" {
				value = shortName(r.GetSubject()) + " "
			}
			if want := tc.figures[id]; want != "" && value != want {
				t.Errorf("%s: %s is %q, want %q", tc.concept, id, value, want)
			}
			if r.GetPlace() != 0 || r.GetOrder() != 0 || len(r.GetDifferences()) == 0 {
				t.Errorf("%s: a row side by side has place %d, order %d, differences %v", tc.concept, r.GetPlace(), r.GetOrder(), r.GetDifferences())
			}
			texts = append(texts, r.GetReason().GetZh())
		}
		reasons := strings.Join(texts, "\n")
		for id := range tc.figures {
			if !seen[id] {
				t.Errorf("%s: %s is not there", tc.concept, id)
			}
			// Negatively: not one of them is placed or ordered anywhere.
			for _, ordered := range append(slices.Clone(all.GetStrict()), all.GetReference()...) {
				for _, r := range ordered.GetRows() {
					if r.GetKey().GetIndicator() == "indicators/"+id {
						t.Errorf("%s is placed or ordered: %v", id, r)
					}
				}
			}
		}
		for _, word := range tc.says {
			if !strings.Contains(reasons, word) {
				t.Errorf("%s: no reason says %q:\n%s", tc.concept, word, reasons)
			}
		}
	}
}

// Table C: looks comparable and is not. Asked for, it is refused with the
// reason; not asked for, no comparison holds two of them.
func TestMeaningOfTableC(t *testing.T) {
	t.Parallel()
	p := readPlans(t)
	all := p.compare(t, everyTag(), false)
	for _, tc := range []struct {
		indicators []string
		says       string
	}{
		{[]string{"overseas-funds-in-place", "utilized-foreign-capital-growth"}, "基数"},
		{[]string{"export-share-of-nation", "foreign-trade-growth"}, "比重"},
		{[]string{"strategic-emerging-output-growth", "high-tech-industry-investment-growth"}, "一为产值,一为投资"},
		{[]string{"enterprise-sales-revenue-growth", "retail-sales-growth"}, "限额以上贸易企业"},
		{[]string{"fixed-asset-investment", "domestic-funds-in-place", "project-investment-completed"}, "三项指标"},
		{[]string{"industrial-output", "industrial-value-added-growth"}, "中间消耗"},
		{[]string{"micro-park-area", "micro-parks"}, ""},
		{[]string{"demonstration-factories", "digital-renovation-coverage"}, ""},
		{[]string{"high-level-talent-teams", "high-level-talent-projects", "class-d-talents"}, ""},
		{[]string{"led-project-investment", "epc-project-investment", "domestic-funds-in-place"}, "单个项目"},
		{[]string{"black-rivers-district", "zero-discharge-estates"}, ""},
		{[]string{"industrial-output", "industrial-output-growth"}, ""},
	} {
		resp := p.compare(t, everyTag(), true, tc.indicators...)
		for i, a := range tc.indicators {
			for _, b := range tc.indicators[i+1:] {
				reason := ""
				for _, r := range resp.GetRefused() {
					if slices.Contains(r.GetIndicators(), "indicators/"+a) && slices.Contains(r.GetIndicators(), "indicators/"+b) && len(r.GetDifferences()) > 0 {
						reason = r.GetReason().GetZh()
					}
				}
				if reason == "" || !strings.Contains(reason, tc.says) {
					t.Errorf("%s and %s: refused with %q, want %q", a, b, reason, tc.says)
				}
				for _, list := range [][]*rankingv1.Comparison{all.GetStrict(), all.GetReference(), resp.GetStrict(), resp.GetReference()} {
					for _, c := range list {
						holds := map[string]bool{}
						for _, r := range c.GetRows() {
							holds[strings.TrimPrefix(r.GetKey().GetIndicator(), "indicators/")] = true
						}
						if holds[a] && holds[b] {
							t.Errorf("%s and %s are ordered together", a, b)
						}
					}
				}
			}
		}
	}
	// 亩均: no other zone gives a number, so there is nothing to compare.
	for _, c := range slices.Concat(all.GetStrict(), all.GetReference(), all.GetSideBySide()) {
		for _, r := range c.GetRows() {
			if strings.HasSuffix(r.GetKey().GetIndicator(), "-per-mu") && len(c.GetRows()) > 1 {
				t.Errorf("%v", c)
			}
		}
	}
	if got := p.said("tax-per-mu"); !slices.Equal(got, []string{"QT 2020 >=40万元/亩 expected"}) {
		t.Errorf("%v", got)
	}
}

func (p *plans) completions(t *testing.T, asOf *typev1.Date, ids ...string) []*indicatorv1.Completion {
	t.Helper()
	req := &indicatorv1.ListCompletionsRequest{AsOf: asOf, PageSize: 1000}
	for _, id := range ids {
		req.Indicators = append(req.Indicators, "indicators/"+id)
	}
	resp, err := p.targets.ListCompletions(within(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetCompletions()
}

// checking is a test in a table: what fails in it is reported at its own line.
type checking struct{ *testing.T }

// The traps, by their numbers in the notes on the plans. Those about reading the texts are not here.
func TestMeaningOfTheTraps(t *testing.T) {
	t.Parallel()
	p := readPlans(t)
	midYear := &typev1.Date{Year: 2020, Month: 6, Day: 30}
	expect := func(t *testing.T, indicator string, want ...string) {
		t.Helper()
		if got := p.said(indicator); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", indicator, got, want)
		}
	}
	for _, trap := range []struct {
		number int
		name   string
		check  func(checking)
	}{
		{1, "level and growth are two figures", func(t checking) {
			for level, value := range map[string]string{
				"industrial-output": "64亿元", "fixed-asset-investment": "46亿元", "industrial-investment": "13亿元", "enterprise-sales-revenue": "46.5亿元", "fiscal-revenue": "7.3亿元",
			} {
				expect(t.T, level, "JA 2020 "+value+" expected")
				growth := p.indicators[level+"-growth"]
				if growth.GetGrowthOf() != "indicators/"+level || growth.GetNature() != indicatorv1.Nature_NATURE_GROWTH || len(p.statements[level+"-growth"]) == 0 {
					t.Errorf("%v", growth)
				}
			}
		}},
		{2, "the scope of every number of Jin'an excludes a park", func(t checking) {
			for _, list := range p.statements {
				for _, s := range list {
					numeric := s.GetKey().GetKind() == indicatorv1.Kind_KIND_TARGET && s.GetNumber() != ""
					if s.GetSource() == "sources/jinan-2020" && (s.GetKey().GetScope().GetExtent() == "不含城北现代产业园") != numeric {
						t.Errorf("%s: %q", s.GetLocator(), s.GetKey().GetScope().GetExtent())
					}
				}
			}
		}},
		{3, "years and kinds are not mixed", func(t checking) {
			expect(t.T, "new-100m-projects", "JA 2020 25个 strive", "QT 2020 145个 expected", "SZ 2019 32个 actual")
			for _, c := range p.compare(t.T, nil, false).GetStrict() {
				for _, r := range c.GetRows() {
					if r.GetKey().GetPeriod() != "2020" || r.GetKey().GetKind() != indicatorv1.Kind_KIND_TARGET {
						t.Errorf("%v", r)
					}
				}
			}
		}},
		{4, "以上 and exact: one indicator, three rows", func(t checking) {
			expect(t.T, "gdp-growth", "QT 2020 >=7% expected", "WZ 2018 10% expected")
			expect(t.T, "fixed-asset-investment-growth", "JA 2020 19.8% expected", "WZ 2018 20% expected", "WZ 2018 25% strive", "WZ 2018 >=20% expected")
			f, err := p.Indicator.GetFigure(within(t.T), &indicatorv1.GetFigureRequest{Key: p.statements["fixed-asset-investment-growth"][1].GetKey()})
			if err != nil || len(f.GetFigure().GetStatements()) != 2 || f.GetFigure().GetNumber() != "20" || !f.GetFigure().GetConflict().GetComparatorDiffers() {
				t.Errorf("%v, %v", f, err)
			}
		}},
		{5, "dual target, and the same number for another indicator", func(t checking) {
			expect(t.T, "industrial-investment-growth", "JA 2020 58.5% expected", "QT 2020 16% expected", "WZ 2018 25% expected")
			var tiers []string
			for _, c := range p.completions(t.T, midYear, "fixed-asset-investment-growth") {
				if c.GetSubject() == "zones/wenzhou-etdz" {
					tiers = append(tiers, c.GetTargetNumber()+" "+c.GetTargetKey().GetAmbition().String())
				}
			}
			if !slices.Equal(tiers, []string{"20 AMBITION_EXPECTED", "25 AMBITION_STRIVE"}) {
				t.Errorf("%v", tiers)
			}
		}},
		{6, "units convert exactly or not at all", func(t checking) {
			for id, want := range map[string]string{
				"export-share-of-nation": "2.70‰ 0.270", "new-market-entities": "1.55万家 15500", "overseas-funds-in-place": "3800万美元 3800",
				"renewal-area": "3.3平方公里 3.3", "public-rental-area": "6.7万平方米 6.7", "tax-per-mu": "40万元/亩 40",
			} {
				s := p.statements[id][0]
				if got := s.GetNumber() + s.GetUnit() + " " + s.GetNormalizedNumber(); got != want {
					t.Errorf("%s: %s, want %s", id, got, want)
				}
			}
			yuan := &indicatorv1.Statement{
				Source: "sources/jinan-2020", Key: p.statements["fixed-asset-investment"][0].GetKey(), Value: &indicatorv1.Statement_Number{Number: "3800"},
				Unit: "万美元", SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
			}
			_, err := p.Indicator.RecordStatements(within(t.T), &indicatorv1.RecordStatementsRequest{Statements: []*indicatorv1.NewStatement{{Statement: yuan}}, ValidateOnly: true})
			if err == nil || !strings.Contains(err.Error(), "exchange rate") {
				t.Errorf("dollars under yuan: %v", err)
			}
		}},
		{7, "规上 and 限上 are three classes", func(t checking) {
			for id, want := range map[string]typev1.StatisticalClass{
				"industrial-output":              typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE,
				"enterprise-sales-revenue":       typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_TRADE,
				"industrial-share-of-investment": typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT,
				"enterprises":                    typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE,
			} {
				if got := p.statements[id][0].GetKey().GetScope().GetStatisticalClass(); got != want {
					t.Errorf("%s: %v", id, got)
				}
			}
		}},
		{8, "a share of the nation is no growth", func(t checking) {
			if i := p.indicators["export-share-of-nation"]; i.GetNature() != indicatorv1.Nature_NATURE_SHARE || i.GetGrowthOf() != "" {
				t.Errorf("%v", i)
			}
			if c := p.completions(t.T, midYear, "export-share-of-nation")[0]; c.GetRule() != indicatorv1.CompletionRule_COMPLETION_RULE_GAP || c.GetRate() != "" {
				t.Errorf("%v", c)
			}
		}},
		{9, "a completion rate is no growth: 213.3% of 15, of 嵊州市", func(t checking) {
			list := p.completions(t.T, midYear, "new-100m-projects")
			at := slices.IndexFunc(list, func(c *indicatorv1.Completion) bool {
				return c.GetTargetBasis() == indicatorv1.TargetBasis_TARGET_BASIS_IMPLIED
			})
			if at < 0 {
				t.Fatal("no target is implied")
			}
			c := list[at]
			got := fmt.Sprint(c.GetSubject(), " ", c.GetSubjectName().GetZh(), " ", c.GetActualNumber(), " ", c.GetTargetNumber(), " ", c.GetIntervalLow(), " ",
				c.GetIntervalHigh(), " ", c.GetRate(), " ", c.GetTargetKey().GetPeriod())
			if want := "referenceUnits/shengzhou 嵊州市 32 15 14.999 15.006 2.133 2019"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if c.GetStatus() != indicatorv1.CompletionStatus_COMPLETION_STATUS_MET || len(c.GetStatements()) != 2 || !strings.Contains(c.GetDerivation().GetZh(), "15个") {
				t.Errorf("%v", c)
			}
			refused := p.compare(t.T, nil, true, "new-100m-projects", "new-100m-projects-completion").GetRefused()
			if len(refused) != 1 {
				t.Errorf("%v", refused)
			}
			for _, r := range refused {
				if !strings.Contains(r.GetReason().GetZh(), "完成率") {
					t.Errorf("%v", r)
				}
			}
		}},
		{11, "one number, three indicators", func(t checking) {
			for _, id := range []string{"sewage-interception-rate", "sewage-collection-rate", "sewage-treatment-rate"} {
				expect(t.T, id, "WZ 2018 >=100% strive")
			}
		}},
		{15, "Chinese numerals that are values", func(t checking) {
			expect(t.T, "provincial-rank", "SK 2020 <=10名 must")
			expect(t.T, "enterprise-resumption-rate", "QT 2020-05-07 ~90% actual")
			expect(t.T, "waste-growth", "QT 2020 0% expected")
			expect(t.T, "micro-park-area", "JH not-stated ~1000亩 expected", "JH not-stated ~1000亩 expected")
			expect(t.T, "enclave-park-area", "SK not-stated ~100亩 expected")
			expect(t.T, "renewal-districts", "JH not-stated 7个 expected")
			expect(t.T, "key-industry-segments", "JH 2020 10个 actual")
			expect(t.T, "infrastructure-project-categories", "JA 2020 6类 actual")
		}},
		{16, "a composite indicator is one", func(t checking) {
			expect(t.T, "infrastructure-ecology-investment-growth", "QT 2020 10% expected")
			if name := p.indicators["infrastructure-ecology-investment-growth"].GetDisplayName().GetZh(); name != "生态环保、城市更新和水利设施投资" {
				t.Error(name)
			}
		}},
		{17, "ambiguous names resolve in their source only", func(t checking) {
			queries := []*zonev1.ZoneQuery{
				{Text: "金开"},
				{Text: "金开", Context: "sources/jinhua-2020"},
				{Text: "金开", Context: "sources/jinan-2020"},
				{Text: "开发区"},
				{Text: "新区"},
				{Text: "全区", Context: "sources/jinan-2020"},
				{Text: "全区", Context: "sources/qiantang-2020"},
				{Text: "我市", Context: "sources/shengzhou-2020"},
				{Text: "嵊州", Context: "sources/shengzhou-2020"},
			}
			want := []string{
				"", "zones/jinhua-etdz", "zones/luan-jinan-edz", "", "", "referenceUnits/jinan-district", "zones/hangzhou-qiantang-na", "referenceUnits/shengzhou", "",
			}
			resp, err := p.Zone.ResolveZones(within(t.T), &zonev1.ResolveZonesRequest{Queries: queries})
			if err != nil {
				t.Fatal(err)
			}
			for n, r := range resp.GetResolutions() {
				if r.GetSubject() != want[n] || want[n] == "" && r.GetOutcome() != zonev1.Resolution_OUTCOME_AMBIGUOUS {
					t.Errorf("%v: %q, %v; want %q", queries[n], r.GetSubject(), r.GetOutcome(), want[n])
				}
			}
		}},
		{20, "printed 2018, believed 2014, in no strict comparison", func(t checking) {
			for _, list := range p.statements {
				for _, s := range list {
					if s.GetSource() == "sources/wenzhou-template" && (s.GetPeriodCertainty() != typev1.Certainty_CERTAINTY_DISPUTED || s.GetBelievedPeriod() == "" ||
						s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_INFERRED) {
						t.Errorf("%v", s)
					}
				}
			}
			resp, err := p.Ranking.CompareZones(within(t.T), &rankingv1.CompareZonesRequest{Period: "2018", Kind: indicatorv1.Kind_KIND_TARGET})
			if err != nil || len(resp.GetStrict()) != 0 {
				t.Errorf("%v, %v", resp.GetStrict(), err)
			}
			c := p.completions(t.T, midYear, "public-finance-budget-revenue-growth")[0]
			if caveats := fmt.Sprint(c.GetCaveats()); !strings.Contains(caveats, "印作2018年，内容似为2014年") {
				t.Error(caveats)
			}
		}},
		{23, "what may be target or actual is one of them, and its note says so", func(t checking) {
			expect(t.T, "greening-area", "WZ 2017-24/2018-21 >187公顷 expected")
			expect(t.T, "projects-under-construction", "WZ 2018 52个 actual")
			expect(t.T, "negotiated-projects-signed", "WZ 2018 >20个 expected")
			expect(t.T, "ten-million-tax-buildings", "QT 2020 32幢 expected")
			expect(t.T, "signed-projects-started", "JA 2020 16个 must")
			for _, id := range []string{"greening-area", "projects-under-construction", "signed-projects-started"} {
				if p.statements[id][0].GetNote() == "" {
					t.Errorf("%s has no note", id)
				}
			}
			for _, c := range p.completions(t.T, midYear, "greening-area", "forest-greening-area", "urban-green-area") {
				if s := c.GetComponents(); s.GetSum() != "187" || s.GetWhole() != "187" || s.GetDifference() != "0" {
					t.Errorf("%v", s)
				}
			}
		}},
		{24, "three years without a start are not split", func(t checking) {
			list := p.completions(t.T, midYear, "inefficient-land-cleared", "inefficient-land-brought-to-standard", "inefficient-land-purchased")
			if len(list) != 3 {
				t.Fatalf("%v", list)
			}
			for _, c := range list {
				if c.GetTargetKey().GetPeriod() != "P3Y" || c.GetPace() != nil || c.GetStatus() != indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN ||
					c.GetComponents().GetSum() != "18000" || c.GetComponents().GetWhole() != "" {
					t.Errorf("%v", c)
				}
			}
			if c := p.completions(t.T, midYear, "inefficient-land-upgraded")[0]; c.GetTargetNumber() != "6500" || !strings.Contains(fmt.Sprint(c.GetCaveats()), "未分解到年") {
				t.Errorf("%v", c)
			}
		}},
		{25, "a bundle names no indicator", func(t checking) {
			c := p.completions(t.T, midYear, "main-indicators-growth")[0]
			if !strings.Contains(c.GetReason().GetZh(), "set not named") || c.GetRate() != "" || c.GetGap() != "" {
				t.Errorf("%v", c)
			}
		}},
		{26, "each quarter: the yearly total is derived; each industry: it is not", func(t checking) {
			c := p.completions(t.T, midYear, "hydrogen-aviation-projects")[0]
			if c.GetTargetNumber() != "1" || !strings.Contains(c.GetDerivation().GetZh(), "合计至少4个") || !strings.Contains(c.GetDerivation().GetZh(), "推算") {
				t.Errorf("%v", c)
			}
			if c := p.completions(t.T, midYear, "leading-enterprises-per-industry")[0]; c.GetDerivation() != nil || !strings.Contains(fmt.Sprint(c.GetCaveats()), "每个产业") {
				t.Errorf("%v", c)
			}
		}},
		{27, "lower is better is a property of the indicator", func(t checking) {
			expect(t.T, "approval-time-limit", "QT 2020 <=70天 expected")
			for _, id := range []string{"approval-time-limit", "waste-growth", "fitness-circle-minutes", "provincial-rank"} {
				if p.indicators[id].GetDirection() != indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER {
					t.Errorf("%s: %v", id, p.indicators[id].GetDirection())
				}
			}
			for _, c := range p.completions(t.T, midYear, "approval-time-limit", "waste-growth") {
				if c.GetRule() != indicatorv1.CompletionRule_COMPLETION_RULE_MARGIN {
					t.Errorf("%v", c)
				}
			}
			for _, c := range p.completions(t.T, midYear, "energy-saving-emission-reduction") {
				if !strings.Contains(c.GetReason().GetZh(), "目标数待补") {
					t.Errorf("%v", c)
				}
			}
		}},
		{29, "alike at the beginning, and not the same", func(t checking) {
			expect(t.T, "hefei-electronics-projects", "JA 2020 >=10个 strive")
			expect(t.T, "hydrogen-aviation-projects", "JA 2020;each=quarter >=1个 strive")
			for _, id := range []string{"infrastructure-ecology-investment-growth", "high-tech-industry-investment-growth", "private-investment-growth"} {
				expect(t.T, id, "QT 2020 10% expected")
			}
		}},
	} {
		t.Run(fmt.Sprintf("%d %s", trap.number, trap.name), func(t *testing.T) {
			t.Parallel()
			trap.check(checking{t})
		})
	}
}
