package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) series() *cobra.Command {
	return &cobra.Command{
		Use:   "series [SERIES]",
		Short: "List the rankings that authorities publish, or the rounds of one",
		Example: `  zonebench series
  zonebench series mofcom-etdz
  zonebench series mofcom-etdz --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				client := rankingv1.NewPublishedRankingServiceClient(conn)
				if len(args) == 0 {
					all, err := client.ListSeries(ctx, &rankingv1.ListSeriesRequest{PageSize: 1000})
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
					if a.json {
						return a.message(all)
					}
					t := table.New("NAME", a.say("名称", "TITLE"), a.say("发布机关", "AUTHORITY"))
					for _, s := range all.GetSeries() {
						t.Row(s.GetName(), a.text(s.GetDisplayName()), a.text(s.GetAuthority()))
					}
					a.table(t)
					return nil
				}
				name := args
				qualify(name, "series/")
				if _, err := client.GetSeries(ctx, &rankingv1.GetSeriesRequest{Name: name[0]}); err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				all, err := client.ListRounds(ctx, &rankingv1.ListRoundsRequest{Parent: name[0], PageSize: 1000})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(all)
				}
				a.showRounds(all.GetRounds())
				return nil
			})
		},
	}
}

func (a *app) showRounds(rounds []*rankingv1.Round) {
	t := table.New("NAME", a.say("组别", "GROUP"), a.say(">排名年", ">YEAR"), a.say(">数据年", ">DATA"), a.say("发布", "PUBLISHED"),
		a.say(">参排", ">RANKED"), a.say(">完整至", ">COMPLETE TO"), a.say("办法", "METHOD"), a.say(">已知位次", ">PLACES"), a.say("可靠性", "RELIABILITY"))
	for _, r := range rounds {
		published := ""
		if d := r.GetPublishDate(); d != nil {
			published = date(d.GetYear(), d.GetMonth(), d.GetDay())
		}
		t.Row(r.GetName(), a.text(r.GetGroup()), stated(r.GetRankingYear()), stated(r.GetDataYear()), published,
			stated(r.GetUnitsRanked()), stated(r.GetCompleteTo()), r.GetMethod(), fmt.Sprint(len(r.GetPlaces())), word(r.GetReliability()))
	}
	a.table(t)
}

// stated is a number, or nothing when it is not stated.
func stated(n int32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (a *app) places() *cobra.Command {
	var series string
	var absences bool
	cmd := &cobra.Command{
		Use:   "places ZONE",
		Short: "Show a zone's places in published rankings, round by round",
		Long: `Shows the places of a zone, and those of the titles it holds, in the rankings
that authorities publish. A move is shown between rounds of consecutive years of
one series and group only. ZONE is an id, a resource name or a name.`,
		Example: `  zonebench places 杭州钱塘新区
  zonebench places hangzhou-etdz --absences
  zonebench places 嘉兴经济技术开发区 --series mofcom-etdz --json`,
		Args: exactly("ZONE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				zone, err := subject(ctx, conn, args[0])
				if err != nil {
					return err
				}
				req := &rankingv1.ListPublishedPlacesRequest{Zone: zone, ShowAbsences: absences}
				if series != "" {
					req.Series = "series/" + strings.TrimPrefix(series, "series/")
				}
				got, err := rankingv1.NewPublishedRankingServiceClient(conn).ListPublishedPlaces(ctx, req)
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.showPlaces(got.GetPlaces())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&series, "series", "", "only this series")
	cmd.Flags().BoolVar(&absences, "absences", false, "also the rounds in which it is absent from a complete list")
	return cmd
}

func (a *app) showPlaces(places []*rankingv1.PublishedPlace) {
	if len(places) == 0 {
		a.linef("%s", a.say("没有已公布的位次记录。", "No published place is on record."))
		return
	}
	t := table.New(a.say("排名", "RANKING"), a.say("组别", "GROUP"), a.say(">年", ">YEAR"), a.say("参排开发区", "ZONE RANKED"),
		a.say("位次", "PLACE"), a.say("升降", "MOVE"), a.say("说明", "NOTES"))
	for _, p := range places {
		place := fmt.Sprint(p.GetPlace())
		switch {
		case p.GetPlaceAtLeast() > 0:
			place = fmt.Sprintf(a.say("%d 至 %d", "%d to %d"), p.GetPlaceAtLeast(), p.GetPlaceAtMost())
		case p.GetPlace() == 0:
			place = fmt.Sprintf(a.say("列第 %d 位", "listed %d"), p.GetListed())
		case p.GetOf() > 0:
			place += fmt.Sprintf(" / %d", p.GetOf())
		}
		zone := a.text(p.GetZoneName())
		if p.GetHolder() != "" {
			zone += fmt.Sprintf(a.say("(%s持有)", " (held by %s)"), a.text(p.GetHolderName()))
		}
		t.Row(a.text(p.GetSeriesName()), a.text(p.GetGroup()), stated(p.GetRankingYear()), zone, place, a.move(p), a.texts(p.GetCaveats()))
	}
	a.table(t)
}

// move is a change of place in words: colour and arrows alone would not do.
func (a *app) move(p *rankingv1.PublishedPlace) string {
	switch {
	case p.Move == nil:
		return a.say("未知", "not known")
	case p.GetMove() > 0:
		return fmt.Sprintf(a.say("进 %d 位", "up %d"), p.GetMove())
	case p.GetMove() < 0:
		return fmt.Sprintf(a.say("退 %d 位", "down %d"), -p.GetMove())
	default:
		return a.say("持平", "same")
	}
}

// texts joins the texts of a list in the language of the command.
func (a *app) texts(list []*typev1.Localized) string {
	parts := make([]string, len(list))
	for i, l := range list {
		parts[i] = a.text(l)
	}
	return strings.Join(parts, a.say(";", "; "))
}

// showRankTargets prints targets on places with what is and is not known.
func (a *app) showRankTargets(targets []*rankingv1.RankTargetStatus) {
	t := table.New(a.say("开发区", "ZONE"), a.say("目标", "TARGET"), a.say("排名与组别", "RANKING, GROUP"), a.say("状态", "STATUS"), a.say("说明", "REASON"))
	for _, r := range targets {
		aim := fmt.Sprintf(a.say("前 %d 名", "place %d or better"), r.GetPlace())
		if r.GetBetterThanBase() || r.GetPlace() == 0 {
			aim = a.say("争先进位", "gain places")
		}
		where := strings.Trim(r.GetSeries()+" "+r.GetGroup(), " ")
		if where == "" {
			where = a.say("未载明", "not stated")
		}
		t.Row(a.text(r.GetZoneName()), aim, where, a.status(word(r.GetStatus())), a.text(r.GetReason()))
	}
	a.table(t)
}

// status puts a completion status into words.
func (a *app) status(s string) string {
	zh, known := map[string]string{"met": "达到", "missed": "未达到", "pending": "待定(期未满)", "unknown": "无法判断"}[s]
	if !known {
		return s
	}
	return a.say(zh, s)
}

// subject finds the resource name that an argument means: an id of a zone, a
// resource name, or a name that no other has.
func subject(ctx context.Context, conn *grpc.ClientConn, arg string) (string, error) {
	if strings.Contains(arg, "/") {
		return arg, nil
	}
	client := zonev1.NewZoneServiceClient(conn)
	if isID(arg) {
		return "zones/" + arg, nil
	}
	got, err := client.ResolveZones(ctx, &zonev1.ResolveZonesRequest{Queries: []*zonev1.ZoneQuery{{Text: arg}}})
	if err != nil {
		return "", err //nolint:wrapcheck // the server's own words
	}
	r := got.GetResolutions()[0]
	if r.GetOutcome() != zonev1.Resolution_OUTCOME_RESOLVED {
		return "", errors.New(r.GetMessage().GetZh())
	}
	return r.GetSubject(), nil
}

func isID(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// dayFlag reads a civil date; empty is today, which is the caller's clock and
// never the server's.
func dayFlag(text string) (*typev1.Date, error) {
	if text == "" {
		now := time.Now().In(time.FixedZone("Asia/Shanghai", 8*60*60)) // a person's today, sent as a parameter
		return &typev1.Date{Year: int32(now.Year()), Month: int32(now.Month()), Day: int32(now.Day())}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, usage(errors.New("--as-of " + text + ": write a day as 2021-06-30"))
	}
	return &typev1.Date{Year: int32(day.Year()), Month: int32(day.Month()), Day: int32(day.Day())}, nil
}
