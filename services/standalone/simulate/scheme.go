package simulate

import (
	"fmt"
	"slices"

	"zonebench.internal/pkg/period"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A branch is a group of the scheme's tree. The method changes after the first
// year: what weighed before and what weighs since.
type branch struct {
	id, zh, en    string
	before, since string
}

var branches = []branch{
	{"scale", "经济规模", "Size of the economy", "35", "30"},
	{"investment", "投资与项目", "Investment and projects", "25", "25"},
	{"openness", "开放与创新", "Openness and innovation", "15", "20"},
	{"quality", "质量效益", "Quality and efficiency", "25", "25"},
}

// twig is a leaf of the scheme before it is one.
type twig struct{ measure, branch, weight string }

// twigs are the leaves in the order in which schemes of more indicators take
// them in: twelve that make a scheme, then further levels, then growth.
var twigs = []twig{
	{"gdp", "scale", "40"},
	{"industrial-value-added", "scale", "30"},
	{"budget-revenue", "scale", "30"},
	{"fixed-asset-investment", "investment", "40"},
	{"industrial-investment", "investment", "30"},
	{"new-projects", "investment", "30"},
	{"exports", "openness", "40"},
	{"high-tech-share", "openness", "30"},
	{"research-intensity", "openness", "30"},
	{"tax-per-mu", "quality", "40"},
	{"energy-intensity", "quality", "30"},
	{"approval-time", "quality", "30"},
	{"industrial-output", "scale", "20"},
	{"retail-sales", "scale", "20"},
	{"tax-revenue", "scale", "20"},
	{"foreign-capital", "openness", "20"},
	{"new-firms-above-scale", "investment", "20"},
	{"new-high-tech-firms", "openness", "20"},
	{"value-added-per-mu", "quality", "20"},
	{"registration-time", "quality", "20"},
	{"green-power-share", "quality", "20"},
	{"gdp-growth", "scale", "20"},
	{"industrial-value-added-growth", "scale", "20"},
	{"budget-revenue-growth", "scale", "20"},
	{"fixed-asset-investment-growth", "investment", "20"},
	{"industrial-investment-growth", "investment", "20"},
	{"exports-growth", "openness", "20"},
	{"industrial-output-growth", "scale", "10"},
	{"retail-sales-growth", "scale", "10"},
	{"tax-revenue-growth", "scale", "10"},
}

// MaxIndicators is how many leaves a scheme can have.
const MaxIndicators = 30

// apart are measures that stand beside every scheme: a stock as of a day, and
// one of which neither more nor less is better.
var apart = []string{"industrial-electricity", "firms-above-scale"}

// measuredBy are the measures of a dataset whose scheme has so many leaves:
// these, what they grow by, what they are the growth of, and those apart.
func measuredBy(leaves int) []int {
	wanted := make(map[string]bool)
	for _, id := range apart {
		wanted[id] = true
	}
	for _, t := range twigs[:leaves] {
		wanted[t.measure] = true
		if of := measures[places[t.measure]].of; of != "" {
			wanted[of] = true
		}
	}
	var list []int
	for i, m := range measures {
		if wanted[m.id] || m.nature == growth && wanted[m.of] {
			list = append(list, i)
		}
	}
	return list
}

// recipe of every scheme: the efficacy coefficient that such assessments use.
const recipe = `{
  "name": "example",
  "note": "功效系数法:60 + 40 × (数值 - 最小) / (最大 - 最小);分项按权重加总;知晓的指标不足一半的不参评。",
  "screen": {"min_known": 0.5},
  "normalise": {"method": "efficacy", "base": 60, "span": 40},
  "weights": "meta",
  "aggregate": ["arithmetic"],
  "place": {"ties": "competition", "decimals": 1}
}`

func schemeName(year int) string { return fmt.Sprintf("schemes/example-%d", year) }

// schemeYear is the year whose method a year's rankings follow.
func (d *Dataset) schemeYear(year int) int { return min(year, d.cfg.From+1) }

// Schemes are the methods that the rankings follow, the older one first.
func (d *Dataset) Schemes() []*rankingv1.Scheme {
	first := d.scheme(d.cfg.From)
	if last, _ := d.dateOf(d.Months() - 1); last == d.cfg.From {
		return []*rankingv1.Scheme{first}
	}
	return []*rankingv1.Scheme{first, d.scheme(d.cfg.From + 1)}
}

func (d *Dataset) scheme(year int) *rankingv1.Scheme {
	s := &rankingv1.Scheme{
		Name:        schemeName(year),
		DisplayName: marked(fmt.Sprintf("示例省开发区综合评价办法(%d年)", year), fmt.Sprintf("Assessment of the zones of Example Province (%d)", year)),
		Recipe:      recipe,
		Note:        "模拟的考核办法,不是任何部门的办法。",
		Nodes:       []*rankingv1.SchemeNode{{Id: "index", DisplayName: &typev1.Localized{Zh: "综合得分", En: "Score"}}},
	}
	if year > d.cfg.From {
		s.Supersedes = schemeName(year - 1)
	}
	for _, b := range branches {
		var leaves []*rankingv1.SchemeNode
		for _, t := range twigs[:d.cfg.Indicators] {
			if t.branch == b.id {
				leaves = append(leaves, t.leaf())
			}
		}
		if len(leaves) == 0 {
			continue
		}
		weight := b.since
		if year == d.cfg.From {
			weight = b.before
		}
		s.Nodes = append(s.Nodes, &rankingv1.SchemeNode{
			Id: b.id, DisplayName: &typev1.Localized{Zh: b.zh, En: b.en}, Parent: "index", Weight: weight,
		})
		s.Nodes = append(s.Nodes, leaves...)
	}
	return s
}

func (t twig) leaf() *rankingv1.SchemeNode {
	m := measures[places[t.measure]]
	leaf := &rankingv1.SchemeLeaf{Indicator: m.name()}
	if m.quarterly {
		leaf.Carry, leaf.MaxAgeMonths = rankingv1.Carry_CARRY_ANY, 3
	}
	zh, en := m.zh, m.en
	if m.nature == growth {
		zh, en = zh+"增速", "Growth of "+en
	}
	return &rankingv1.SchemeNode{
		Id: m.id, DisplayName: &typev1.Localized{Zh: zh, En: en}, Parent: t.branch, Weight: t.weight, Leaf: leaf,
	}
}

// RankingName is the ranking of a month, counted from 0.
func (d *Dataset) RankingName(n int) string {
	year, month := d.dateOf(n)
	return fmt.Sprintf("rankings/example-%04d-%02d", year, month)
}

// Ranking is the one that a bureau keeps for a month, counted from 0: of what
// came together since January, behind the one of the month before.
func (d *Dataset) Ranking(n int) (*rankingv1.Ranking, error) {
	year, month := d.dateOf(n)
	when, ok := period.OfMonths(year, 1, month)
	if !ok {
		return nil, fmt.Errorf("months 1 to %d of %d are no period", month, year)
	}
	text := when.Text()
	r := &rankingv1.Ranking{
		Name:        d.RankingName(n),
		DisplayName: marked("示例省开发区综合排名 "+text.GetZh(), "Zones of Example Province, "+text.GetEn()),
		Scheme:      schemeName(d.schemeYear(year)), Group: Group, Period: when.String(), Kind: indicatorv1.Kind_KIND_ACTUAL,
		Audience: rankingv1.Audience_AUDIENCE_INTERNAL, RequiredCompleteness: "0.6", DataCut: when.End(),
		References: []string{Province},
		Note:       d.Note(),
	}
	if n > 0 {
		r.Previous = d.RankingName(n - 1)
	}
	return r, nil
}

func marked(zh, en string) *typev1.Localized { return &typev1.Localized{Zh: zh + mark, En: en + mark} }

// leaves are the measures of the scheme's leaves.
func (d *Dataset) leaves() []int {
	var list []int
	for _, t := range twigs[:d.cfg.Indicators] {
		list = append(list, places[t.measure])
	}
	slices.Sort(list)
	return list
}
