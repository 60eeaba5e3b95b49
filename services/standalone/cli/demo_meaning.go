package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// What the demo shows beside the comparison: the zone that the authorities rank
// under a title another zone holds, and the plan that aims at a place.
const (
	demoTitle    = "zones/hangzhou-etdz"
	demoAspirant = "zones/shengzhou-edz"
	demoAchiever = "referenceUnits/shengzhou" // who published an actual and its rate of completion, and not the target
)

// demoDay is the day on which the demo tells met from missed: the end of the
// year of the plans, so that the output is the same on any day.
var demoDay = &typev1.Date{Year: 2020, Month: 12, Day: 31}

// meaning is what the facts say beyond single figures.
type meaning struct {
	places      []*rankingv1.PublishedPlace
	ranks       []*rankingv1.RankTargetStatus
	completions []*indicatorv1.Completion
}

func readMeaning(ctx context.Context, conn *grpc.ClientConn) (meaning, error) {
	client := rankingv1.NewPublishedRankingServiceClient(conn)
	places, err := client.ListPublishedPlaces(ctx, &rankingv1.ListPublishedPlacesRequest{Zone: demoTitle})
	if err != nil {
		return meaning{}, err //nolint:wrapcheck // the server's own words
	}
	ranks, err := client.ListRankTargets(ctx, &rankingv1.ListRankTargetsRequest{Zones: []string{demoAspirant}, AsOf: demoDay})
	if err != nil {
		return meaning{}, err //nolint:wrapcheck // the server's own words
	}
	done, err := completions(ctx, conn, &indicatorv1.ListCompletionsRequest{Subjects: []string{demoAchiever}, AsOf: demoDay})
	if err != nil {
		return meaning{}, err
	}
	return meaning{places: places.GetPlaces(), ranks: ranks.GetTargets(), completions: measured(done.GetCompletions())}, nil
}

func (a *app) showMeaning(m meaning) {
	section := numbered(a.say("五六七八九", "56789"))
	a.heading(section(a.say("已公布排名:杭州经济技术开发区(由杭州钱塘新区持有)历年位次", "Published rankings: the places of Hangzhou ETDZ, whose title Qiantang holds")))
	a.showPlaces(m.places)
	a.heading(section(a.say("位次目标:嵊州经济开发区省级排名前十", "A target on a place: Shengzhou aims at the first ten")))
	a.showRankTargets(m.ranks)
	a.heading(section(a.say("完成率213.3%的目标是多少:嵊州市", "213.3% of what: the target that Shengzhou did not print")))
	a.showCompletions(m.completions)
}

type demoPublished struct {
	Series       string  `json:"series"`
	Group        string  `json:"group"`
	Round        *string `json:"round"`
	Zone         string  `json:"zone"`
	Holder       *string `json:"holder"`
	Place        *int32  `json:"place"`
	Of           *int32  `json:"of"`
	CompleteTo   *int32  `json:"complete_to"`
	Move         *int32  `json:"move"`
	MethodChange bool    `json:"method_change"`
}

type demoRankTarget struct {
	Zone       string  `json:"zone"`
	Comparator *string `json:"comparator"`
	Place      *int32  `json:"place"`
	Series     *string `json:"series"`
	Status     *string `json:"status"`
	Reason     *string `json:"reason"`
}

func (a *app) demoPublished(m meaning) []demoPublished {
	rows := make([]demoPublished, 0, len(m.places))
	for _, p := range m.places {
		row := demoPublished{
			Series: a.text(p.GetSeriesName()), Group: a.text(p.GetGroup()), Zone: a.text(p.GetZoneName()),
			Holder: null(a.text(p.GetHolderName())), Place: nullNumber(p.GetPlace()), Of: nullNumber(p.GetOf()),
			CompleteTo: nullNumber(p.GetCompleteTo()), Move: p.Move, MethodChange: p.GetMethodChange(),
		}
		if p.GetRankingYear() != 0 {
			row.Round = null(fmt.Sprint(p.GetRankingYear()))
		}
		rows = append(rows, row)
	}
	return rows
}

func (a *app) demoRankTargets(m meaning) []demoRankTarget {
	rows := make([]demoRankTarget, 0, len(m.ranks))
	for _, r := range m.ranks {
		rows = append(rows, demoRankTarget{
			Zone: a.text(r.GetZoneName()), Comparator: null(comparator(r.GetComparator())), Place: nullNumber(r.GetPlace()),
			Series: null(r.GetSeries()), Status: null(word(r.GetStatus())), Reason: null(a.text(r.GetReason())),
		})
	}
	return rows
}

type demoCompletion struct {
	Zone        string    `json:"zone"`
	Indicator   string    `json:"indicator"`
	Actual      *string   `json:"actual"`
	Target      *string   `json:"target"`
	TargetBasis *string   `json:"target_basis"`
	Interval    *[]string `json:"interval"`
	Rate        *string   `json:"rate"`
}

func (a *app) demoCompletions(m meaning) []demoCompletion {
	rows := make([]demoCompletion, 0, len(m.completions))
	for _, c := range m.completions {
		row := demoCompletion{
			Zone: a.text(c.GetSubjectName()), Indicator: a.text(c.GetIndicatorName()), Actual: null(c.GetActualNumber()),
			Target: null(c.GetTargetNumber()), TargetBasis: null(word(c.GetTargetBasis())), Rate: null(c.GetRate()),
		}
		if c.GetIntervalLow() != "" {
			row.Interval = &[]string{c.GetIntervalLow(), c.GetIntervalHigh()}
		}
		rows = append(rows, row)
	}
	return rows
}
