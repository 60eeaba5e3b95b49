package simulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	rankIndicator = "example-provincial-rank"
	rankGroup     = "全省"
	// roundsBefore is how many rounds there are on years before the first one.
	roundsBefore = 3
	// truncatedAt is how long the list is that the oldest round printed.
	truncatedAt = 10
)

func seriesRows() [][]string {
	return [][]string{
		{"id", "name_zh", "name_en", "authority_zh", "authority_en", "note", "simulated"},
		{
			strings.TrimPrefix(Series, "series/"), "示例省开发区年度考核评价" + mark, "Yearly assessment of the zones of Example Province" + mark,
			"示例省商务厅" + mark, "Commerce department of Example Province" + mark, "", "true",
		},
	}
}

// dataYears are the years whose data the known rounds are about: those that
// have ended, and some before the first.
func (d *Dataset) dataYears() []int {
	last, month := d.dateOf(d.Months() - 1)
	if month < 12 {
		last--
	}
	var years []int
	for year := d.cfg.From - roundsBefore; year <= last; year++ {
		years = append(years, year)
	}
	return years
}

func (d *Dataset) roundRows() [][]string {
	rows := [][]string{strings.Split("series,id,group_zh,group_en,ranking_year,data_year,publish_date,units_ranked,complete_to,method,source,reliability", ",")}
	for i, year := range d.dataYears() {
		method := fmt.Sprintf("%d年办法", d.cfg.From-roundsBefore)
		if year >= d.cfg.From-1 {
			method = fmt.Sprintf("%d年办法", d.cfg.From)
		}
		ranked := len(d.assessed(year))
		complete := ranked
		if i == 0 {
			complete = min(ranked, truncatedAt)
		}
		rows = append(rows, []string{
			strings.TrimPrefix(Series, "series/"), fmt.Sprint(year + 1), rankGroup, "Province", fmt.Sprint(year + 1), fmt.Sprint(year),
			fmt.Sprintf("%d-06-18", year+1), fmt.Sprint(ranked), fmt.Sprint(complete), method, "示例省商务厅通报" + mark, "official",
		})
	}
	return rows
}

func (d *Dataset) placeRows() [][]string {
	rows := [][]string{{"round", "zone", "place", "score"}}
	for i, year := range d.dataYears() {
		round := fmt.Sprintf("%s/%d", strings.TrimPrefix(Series, "series/"), year+1)
		for _, a := range d.assessed(year) {
			if i == 0 && a.place > truncatedAt {
				break
			}
			rows = append(rows, []string{round, d.zones[a.zone].id, fmt.Sprint(a.place), printed(a.score, 2)})
		}
	}
	return rows
}

// assessment is what a round says of one zone.
type assessment struct {
	zone, place int
	score       int64
}

// assessed are the zones of a round, the best first; equal scores as printed share a place.
func (d *Dataset) assessed(year int) []assessment {
	var list []assessment
	for z := range d.zones {
		if d.zones[z].young {
			continue
		}
		// Large zones lead, the more so the less the luck of the year. A square root is the same everywhere.
		size := int64(math.Sqrt(float64(d.zones[z].size * one)))
		score := 55*one + size*14 + around(d.draws.of("assessed", z), 4*one) + around(d.draws.of("assessed", z, year), 2*one)
		list = append(list, assessment{zone: z, score: score / 100 * 100})
	}
	slices.SortFunc(list, func(a, b assessment) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.zone, b.zone)) })
	for i := range list {
		if list[i].place = i + 1; i > 0 && list[i].score == list[i-1].score {
			list[i].place = list[i-1].place
		}
	}
	return list
}

// rankTargets are the places that zones aim at with the data of a year: within
// the first three or ten, or better than the year before (争先进位).
func (d *Dataset) rankTargets(year int) []*indicatorv1.NewStatement {
	var list []*indicatorv1.NewStatement
	for _, a := range d.assessed(year - 1) {
		aim, ambition := 0, indicatorv1.Ambition_AMBITION_EXPECTED
		switch { // By the score, which hangs on nobody else.
		case a.score >= 76*one:
			aim, ambition = 3, indicatorv1.Ambition_AMBITION_MUST
		case a.score >= 68*one:
			aim, ambition = 10, indicatorv1.Ambition_AMBITION_STRIVE
		case d.draws.of("rank", a.zone, year).IntN(100) < 40:
			continue
		}
		s := &indicatorv1.Statement{
			Source: "sources/" + planSource(year), Locator: "位次目标",
			Key: &indicatorv1.FigureKey{
				Subject: "zones/" + d.zones[a.zone].id, Indicator: "indicators/" + rankIndicator, Period: fmt.Sprint(year),
				Kind: indicatorv1.Kind_KIND_TARGET, Ambition: ambition,
			},
			Tag: indicatorv1.Tag_TAG_HEADLINE, SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
			Stage:      typev1.Stage_STAGE_RELEASED,
			RankTarget: &indicatorv1.RankTarget{Series: Series, Groups: []string{rankGroup}, DataYear: int32(year), BetterThanBase: aim == 0},
		}
		if aim > 0 {
			s.Comparator, s.Unit, s.Qualifier = typev1.Comparator_COMPARATOR_AT_MOST, "名", "进入前"
			s.Value = &indicatorv1.Statement_Number{Number: fmt.Sprint(aim)}
		}
		list = append(list, plain(s))
	}
	return list
}
