package simulate

import "strings"

// A nature decides how the numbers of a measure come about.
type nature string

const (
	flow     nature = "flow"
	count    nature = "count"
	growth   nature = "growth"
	share    nature = "share"
	rate     nature = "rate"
	duration nature = "duration"
	stock    nature = "stock"
)

// A measure is one indicator of the dataset and how it behaves.
type measure struct {
	id, zh, en string
	nature     nature
	unit       string
	decimals   int
	// base is the number of a zone of usual size in the year before the first one, in ten thousandths: of a whole year for
	// what accrues, else the level.
	base int64
	// trend is by how much it changes in a year, in ten thousandths.
	trend  int64
	season *profile
	class  string // statistical class that it is published for
	lower  bool   // lower is better, and a target is an upper bound
	aims   bool   // zones have yearly targets of it
	of     string // for growth: what grows
	real   bool   // for growth: at constant prices
	// quarterly measures are reported at the ends of quarters only.
	quarterly bool
}

func (m measure) name() string { return "indicators/" + m.resource() }

func (m measure) resource() string { return "example-" + m.id }

func (m measure) accrues() bool { return m.nature == flow || m.nature == count }

// A profile is how a usual year is spread over its months, in ten thousandths.
type profile [12]int64

var (
	// Factories stand still around the Spring Festival and hurry at the ends of quarters.
	output = &profile{700, 600, 900, 800, 820, 950, 780, 790, 900, 850, 880, 1030}
	// Building sites rest in winter.
	building = &profile{300, 350, 800, 900, 1000, 1150, 950, 900, 1000, 900, 850, 900}
	// People buy before the Spring Festival and at the end of the year.
	buying = &profile{950, 900, 780, 760, 800, 810, 780, 790, 830, 880, 850, 870}
	// Taxes of the year before are settled in January, of the quarters in the months after them.
	taxing = &profile{1150, 750, 800, 900, 850, 950, 850, 650, 700, 900, 700, 800}
)

const aboveScale = "above_scale"

// measures are the indicators of every simulated dataset.
var measures = []measure{
	{
		id: "gdp", zh: "地区生产总值", en: "Gross regional product",
		nature: flow, unit: "亿元", decimals: 2, base: 260 * one, trend: 620, season: output, aims: true,
	},
	{id: "gdp-growth", zh: "地区生产总值", en: "Gross regional product", nature: growth, of: "gdp", real: true, aims: true},
	{
		id: "industrial-output", zh: "工业总产值", en: "Industrial output",
		nature: flow, unit: "亿元", decimals: 2, base: 540 * one, trend: 680, season: output, class: aboveScale, aims: true,
	},
	{
		id: "industrial-output-growth", zh: "工业总产值", en: "Industrial output",
		nature: growth, of: "industrial-output", class: aboveScale, aims: true,
	},
	{
		id: "industrial-value-added", zh: "工业增加值", en: "Industrial value added",
		nature: flow, unit: "亿元", decimals: 2, base: 120 * one, trend: 650, season: output, class: aboveScale,
	},
	{
		id: "industrial-value-added-growth", zh: "工业增加值", en: "Industrial value added",
		nature: growth, of: "industrial-value-added", real: true, class: aboveScale, aims: true,
	},
	{
		id: "fixed-asset-investment", zh: "固定资产投资", en: "Fixed asset investment",
		nature: flow, unit: "亿元", decimals: 2, base: 95 * one, trend: 740, season: building, aims: true,
	},
	{
		id: "fixed-asset-investment-growth", zh: "固定资产投资", en: "Fixed asset investment",
		nature: growth, of: "fixed-asset-investment", aims: true,
	},
	{
		id: "industrial-investment", zh: "工业投资", en: "Industrial investment",
		nature: flow, unit: "亿元", decimals: 2, base: 48 * one, trend: 900, season: building, aims: true,
	},
	{
		id: "industrial-investment-growth", zh: "工业投资", en: "Industrial investment",
		nature: growth, of: "industrial-investment", aims: true,
	},
	{
		id: "retail-sales", zh: "社会消费品零售总额", en: "Retail sales of consumer goods",
		nature: flow, unit: "亿元", decimals: 2, base: 64 * one, trend: 580, season: buying,
	},
	{id: "retail-sales-growth", zh: "社会消费品零售总额", en: "Retail sales of consumer goods", nature: growth, of: "retail-sales", aims: true},
	{
		id: "budget-revenue", zh: "一般公共预算收入", en: "General public budget revenue",
		nature: flow, unit: "亿元", decimals: 2, base: 21 * one, trend: 560, season: taxing, aims: true,
	},
	{id: "budget-revenue-growth", zh: "一般公共预算收入", en: "General public budget revenue", nature: growth, of: "budget-revenue", aims: true},
	{id: "tax-revenue", zh: "税收收入", en: "Tax revenue", nature: flow, unit: "亿元", decimals: 2, base: 34 * one, trend: 540, season: taxing},
	{id: "tax-revenue-growth", zh: "税收收入", en: "Tax revenue", nature: growth, of: "tax-revenue"},
	{id: "exports", zh: "出口总额", en: "Exports", nature: flow, unit: "亿元", decimals: 2, base: 150 * one, trend: 480, season: output, aims: true},
	{id: "exports-growth", zh: "出口总额", en: "Exports", nature: growth, of: "exports", aims: true},
	{
		id: "foreign-capital", zh: "实际使用外资", en: "Foreign capital used",
		nature: flow, unit: "万美元", decimals: 0, base: 6800 * one, trend: 300, season: building, aims: true,
	},
	{
		id: "industrial-electricity", zh: "工业用电量", en: "Electricity used by industry",
		nature: flow, unit: "万千瓦时", decimals: 1, base: 42_000 * one, trend: 450, season: output,
	},
	{
		id: "new-projects", zh: "新签约亿元以上项目", en: "New projects of 100 million yuan and more",
		nature: count, unit: "个", base: 26 * one, trend: 420, season: building, aims: true,
	},
	{
		id: "new-firms-above-scale", zh: "新增规模以上工业企业", en: "Industrial firms that came above scale",
		nature: count, unit: "家", base: 18 * one, trend: 350, season: output, aims: true,
	},
	{
		id: "firms-above-scale", zh: "规模以上工业企业数", en: "Industrial firms above scale",
		nature: stock, unit: "家", base: 210 * one, trend: 430, class: aboveScale,
	},
	{
		id: "high-tech-share", zh: "高新技术产业增加值占比", en: "Share of high-tech industry in value added",
		nature: share, unit: "%", decimals: 1, base: 52 * one, trend: 180, class: aboveScale, aims: true,
	},
	{
		id: "research-intensity", zh: "研发经费投入强度", en: "Research spending in gross regional product",
		nature: share, unit: "%", decimals: 2, base: 29_000, trend: 260, aims: true, quarterly: true,
	},
	{
		id: "tax-per-mu", zh: "亩均税收", en: "Tax per mu",
		nature: rate, unit: "万元/亩", decimals: 1, base: 24 * one, trend: 400, class: aboveScale, aims: true,
	},
	{
		id: "value-added-per-mu", zh: "亩均增加值", en: "Value added per mu",
		nature: rate, unit: "万元/亩", decimals: 1, base: 138 * one, trend: 480, class: aboveScale, aims: true,
	},
	{
		id: "energy-intensity", zh: "万元工业增加值能耗", en: "Energy for 10,000 yuan of industrial value added",
		nature: rate, unit: "吨标准煤/万元", decimals: 3, base: 5200, trend: -350, class: aboveScale, lower: true, aims: true,
	},
	{
		id: "new-high-tech-firms", zh: "新增高新技术企业", en: "New high-tech firms",
		nature: count, unit: "家", base: 34 * one, trend: 500, season: output, aims: true,
	},
	{
		id: "green-power-share", zh: "绿色电力消费占比", en: "Share of green power",
		nature: share, unit: "%", decimals: 1, base: 31 * one, trend: 700, aims: true,
	},
	{
		id: "registration-time", zh: "企业开办时间", en: "Time to register a firm",
		nature: duration, unit: "小时", decimals: 1, base: 15 * one, trend: -900, lower: true, aims: true,
	},
	{
		id: "approval-time", zh: "项目审批时间", en: "Time to approve a project",
		nature: duration, unit: "个工作日", decimals: 1, base: 42 * one, trend: -700, lower: true, aims: true,
	},
}

var places = func() map[string]int {
	at := make(map[string]int, len(measures))
	for i := range measures {
		m := &measures[i]
		at[m.id] = i
		if m.nature == growth {
			m.unit, m.decimals = "%", 1
		}
	}
	return at
}()

// growthOf is the growth measure of a level, by its id.
var growthOf = func() map[string]int {
	of := make(map[string]int)
	for i, m := range measures {
		if m.of != "" {
			of[m.of] = i
		}
	}
	return of
}()

func (d *Dataset) indicatorRows() [][]string {
	rows := [][]string{strings.Split("id,name_zh,name_en,definition,unit,nature,direction,price_basis,comparison_base,growth_of,"+
		"usual_class,national_authority,note,simulated", ",")}
	for _, i := range d.measured {
		m := measures[i]
		direction, prices, base, of := "higher_is_better", "", "", ""
		switch {
		case m.lower:
			direction = "lower_is_better"
		case m.id == "industrial-electricity":
			direction = "neutral"
		}
		switch {
		case m.nature == growth:
			base, prices, of = "as_published", "current", "example-"+m.of
			if m.real {
				base, prices = "comparable", "constant"
			}
		case m.unit == "亿元":
			prices = "current"
		}
		rows = append(rows, []string{
			m.resource(), m.zh + mark, m.en + mark, "模拟指标，不是任何部门的统计口径。", m.unit, string(m.nature), direction, prices, base, of,
			m.class, bureau, "", "true",
		})
	}
	return append(rows, []string{
		rankIndicator, "省内位次" + mark, "Place in the province" + mark, "在示例省年度考核中的位次。", "名", "rank", "lower_is_better", "", "", "",
		"", bureau, "", "true",
	})
}
