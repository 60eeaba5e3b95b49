package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/filter"
	"zonebench.internal/pkg/period"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) rankings() *cobra.Command {
	var expression, group, scheme, state string
	cmd := &cobra.Command{
		Use:   "rankings",
		Short: "List the rankings (榜单) that are kept",
		Long: `Lists the rankings that were created, with their state and what they rank.

A filter (AIP-160) compares fields of a ranking: name, display_name.zh, scheme,
group, period, kind, audience, state. The colon means "contains".`,
		Example: `  zonebench rankings
  zonebench rankings --state flash
  zonebench rankings --filter 'period : "2024"' --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var want []string
			if expression != "" {
				want = append(want, "("+expression+")")
			}
			if group != "" {
				want = append(want, fmt.Sprintf("group = %q", "groups/"+strings.TrimPrefix(group, "groups/")))
			}
			if scheme != "" {
				want = append(want, fmt.Sprintf("scheme = %q", "schemes/"+strings.TrimPrefix(scheme, "schemes/")))
			}
			if state != "" {
				want = append(want, fmt.Sprintf("state = %q", state))
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				all := &rankingv1.ListRankingsResponse{}
				req := &rankingv1.ListRankingsRequest{PageSize: 1000, Filter: strings.Join(want, " AND ")}
				for {
					page, err := rankingv1.NewLiveRankingServiceClient(conn).ListRankings(ctx, req)
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
					all.Rankings = append(all.Rankings, page.GetRankings()...)
					all.TotalSize, all.State = page.GetTotalSize(), page.GetState()
					if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
						break
					}
				}
				if a.json {
					return a.message(all)
				}
				if len(all.GetRankings()) == 0 {
					a.linef("%s", a.say("没有这样的榜单。", "There is no such ranking."))
					return nil
				}
				t := table.New("NAME", a.say("名称", "TITLE"), a.say("期间", "PERIOD"), a.say("状态", "STATE"), a.say("数据截至", "DATA CUT"),
					a.say("考核办法", "SCHEME"), a.say("分组", "GROUP"))
				for _, r := range all.GetRankings() {
					t.Row(r.GetName(), a.text(r.GetDisplayName()), r.GetPeriod(), a.rankingState(r.GetState()), day(r.GetDataCut()),
						strings.TrimPrefix(r.GetScheme(), "schemes/"), strings.TrimPrefix(r.GetGroup(), "groups/"))
				}
				a.table(t)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&expression, "filter", "", `only rankings that match, for example 'period : "2024"'`)
	f.StringVar(&group, "group", "", "only those of this group")
	f.StringVar(&scheme, "scheme", "", "only those by this scheme")
	f.StringVar(&state, "state", "", strings.Join(filter.EnumWords(rankingv1.RankingState(0).Descriptor()), ", "))
	return cmd
}

func day(d *typev1.Date) string {
	if d == nil {
		return ""
	}
	return date(d.GetYear(), d.GetMonth(), d.GetDay())
}

func (a *app) rankingState(s rankingv1.RankingState) string {
	zh := map[rankingv1.RankingState]string{
		rankingv1.RankingState_RANKING_STATE_OPEN: "收数中", rankingv1.RankingState_RANKING_STATE_FLASH: "快报",
		rankingv1.RankingState_RANKING_STATE_FORMAL: "正式", rankingv1.RankingState_RANKING_STATE_FINAL: "定稿",
	}
	return a.say(zh[s], word(s))
}

// wanted is which part of a ranking somebody asked for.
type wanted struct {
	around, zone, prefix, indicator string
	rows                            int32
	version                         int64
	history                         int32
	cells                           bool
}

func (a *app) ranking() *cobra.Command {
	var w wanted
	cmd := &cobra.Command{
		Use:   "ranking NAME",
		Short: "Show the rows of a ranking: places, scores, moves and how much is known",
		Long: `Shows the rows of a ranking at one version: all of them, those around a zone, one
zone, or those whose names begin with a text. A move is counted from the ranking
of the period before, as that is now. Rows without a place come last and say why.

--indicator shows the zones by the figure of one indicator of the scheme, or of
its growth, instead (单项榜). --version asks for a version that was shown before.`,
		Example: `  zonebench ranking example-2024-10
  zonebench ranking example-2024-10 --around 示例开发区 --rows 3
  zonebench ranking example-2024-10 --zone example-zone-0001 --cells
  zonebench ranking example-2024-10 --history 6
  zonebench ranking example-2024-10 --indicator example-gdp-growth
  zonebench ranking example-2024-10 --version 120 --json`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			parts := 0
			for _, part := range []string{w.around, w.zone, w.prefix, w.indicator} {
				if part != "" {
					parts++
				}
			}
			switch {
			case parts > 1:
				return usage(errors.New("--around, --zone, --prefix and --indicator exclude each other: give one"))
			case cmd.Flags().Changed("rows") && w.around == "":
				return usage(errors.New("--rows counts the rows on each side of a zone: add --around ZONE"))
			case w.indicator != "" && (w.cells || w.history > 0):
				return usage(errors.New("--indicator shows one figure a zone: leave out --cells and --history"))
			}
			qualify(args, "rankings/")
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				if w.indicator != "" {
					return a.indicatorRanking(ctx, conn, args[0], w)
				}
				got, err := rowsOf(ctx, conn, args[0], w)
				if err != nil {
					return err
				}
				if a.json {
					return a.message(got)
				}
				return a.showRanking(ctx, conn, got, w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.around, "around", "", "only the rows before and behind this zone")
	f.Int32Var(&w.rows, "rows", 5, "with --around: rows on each side")
	f.StringVar(&w.zone, "zone", "", "only this zone")
	f.StringVar(&w.prefix, "prefix", "", "only zones whose names begin so, in either language")
	f.StringVar(&w.indicator, "indicator", "", "the zones by the figure of this indicator instead")
	f.Int64Var(&w.version, "version", 0, "a version that was shown before; the newest by default")
	f.Int32Var(&w.history, "history", 0, "places in so many rankings before, up to 60")
	f.BoolVar(&w.cells, "cells", false, "the figures behind every row")
	return cmd
}

// rowsOf reads the rows that somebody asked for, of one version.
func rowsOf(ctx context.Context, conn *grpc.ClientConn, name string, w wanted) (*rankingv1.GetRankingResponse, error) {
	req := &rankingv1.GetRankingRequest{Name: name, PageSize: 1000, ShowCells: w.cells, History: w.history, Version: w.version}
	switch {
	case w.around != "":
		zone, err := subject(ctx, conn, w.around)
		if err != nil {
			return nil, err
		}
		req.Part = &rankingv1.GetRankingRequest_Around{Around: &rankingv1.Around{Zone: zone, Rows: w.rows}}
	case w.zone != "":
		zone, err := subject(ctx, conn, w.zone)
		if err != nil {
			return nil, err
		}
		req.Part = &rankingv1.GetRankingRequest_Zone{Zone: zone}
	case w.prefix != "":
		req.Part = &rankingv1.GetRankingRequest_Prefix{Prefix: w.prefix}
	}
	all := &rankingv1.GetRankingResponse{}
	for {
		page, err := rankingv1.NewLiveRankingServiceClient(conn).GetRanking(ctx, req)
		if err != nil {
			return nil, err //nolint:wrapcheck // the server's own words
		}
		page.Standings = append(all.GetStandings(), page.GetStandings()...)
		all = page
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all, nil
		}
	}
}

func (a *app) showRanking(ctx context.Context, conn *grpc.ClientConn, got *rankingv1.GetRankingResponse, w wanted) error {
	a.showHead(got.GetRanking(), got.GetHead())
	if len(got.GetStandings()) == 0 {
		a.linef("%s", a.say("没有这样的开发区在此榜单中。", "No such zone is in this ranking."))
		return nil
	}
	a.showStandings(got.GetStandings(), w.history > 0)
	if !w.cells {
		return nil
	}
	scheme, err := rankingv1.NewLiveRankingServiceClient(conn).GetScheme(ctx, &rankingv1.GetSchemeRequest{Name: got.GetRanking().GetScheme()})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	for _, s := range got.GetStandings() {
		a.heading(a.text(s.GetDisplayName()))
		a.showCells(scheme.GetScheme(), s.GetCells())
	}
	return nil
}

// showHead says what holds for all rows.
func (a *app) showHead(r *rankingv1.Ranking, h *rankingv1.VersionHead) {
	a.linef("%s · %s", a.text(r.GetDisplayName()), r.GetName())
	parts := []string{a.rankingState(h.GetState())}
	if h.GetDataCut() != nil {
		parts = append(parts, a.say("数据截至 ", "data up to ")+day(h.GetDataCut()))
	}
	parts = append(parts,
		fmt.Sprintf(a.say("%d 个开发区,%d 个有位次", "%d zones, %d of them placed"), h.GetRows(), h.GetPlaced()),
		a.say("完整度 ", "completeness ")+percent(h.GetCompleteness()),
		fmt.Sprintf(a.say("版本 %d(%s)", "version %d (%s)"), h.GetVersion(), clock(h.GetCommitTime().AsTime())))
	a.linef("%s", strings.Join(parts, a.say(";", "; ")))
	if reason := a.text(h.GetReason()); reason != "" {
		a.linef(a.say("暂无位次:%s", "No places yet: %s"), reason)
	}
	fmt.Fprintln(a.Out)
}

// when is a period in words, as it is where it has none.
func (a *app) when(text string) string {
	if p, err := period.Parse(text); err == nil {
		return a.text(p.Text())
	}
	return text
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

// percent writes a share as a percentage, exactly.
func percent(share string) string {
	whole, fraction, _ := strings.Cut(share, ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	text := strings.TrimLeft(whole+fraction[:2], "0")
	if text == "" {
		text = "0"
	}
	if rest := strings.TrimRight(fraction[2:], "0"); rest != "" {
		text += "." + rest
	}
	return text + "%"
}

func (a *app) showStandings(rows []*rankingv1.Standing, history bool) {
	heads := []string{
		a.say(">位次", ">PLACE"), a.say("开发区", "ZONE"), a.say(">得分", ">SCORE"), a.say("变动", "MOVE"), a.say(">距前", ">AHEAD"),
		a.say(">距后", ">BEHIND"), a.say(">完整度", ">COMPLETE"),
	}
	if history {
		heads = append(heads, a.say("以往位次", "PLACES BEFORE"))
	}
	t := table.New(append(heads, a.say("说明", "NOTES"))...)
	for _, s := range rows {
		row := []string{
			a.standingPlace(s), a.text(s.GetDisplayName()), s.GetScore(), a.moved(s.GetPreviousPlace(), s.GetPlace()), s.GetGapAhead(),
			s.GetGapBehind(), percent(s.GetCompleteness()),
		}
		if history {
			var past []string
			for _, p := range s.GetHistory() {
				past = append(past, orDash(p.GetPlace()))
			}
			row = append(row, strings.Join(past, " "))
		}
		t.Row(append(row, a.text(s.GetReason()))...)
	}
	a.table(t)
}

func (a *app) standingPlace(s *rankingv1.Standing) string {
	if s.GetTied() {
		return fmt.Sprintf(a.say("并列 %d", "tied %d"), s.GetPlace())
	}
	return orDash(s.GetPlace())
}

func orDash(place int32) string {
	if place == 0 {
		return "-"
	}
	return fmt.Sprint(place)
}

// moved is a change of place in words; nothing where one side has no place.
func (a *app) moved(before, after int32) string {
	switch {
	case before == 0 || after == 0:
		return ""
	case before > after:
		return fmt.Sprintf(a.say("进 %d 位", "up %d"), before-after)
	case before < after:
		return fmt.Sprintf(a.say("退 %d 位", "down %d"), after-before)
	default:
		return a.say("持平", "same")
	}
}

// showCells prints the figures behind a row, in the order of the scheme.
func (a *app) showCells(scheme *rankingv1.Scheme, cells []*rankingv1.LeafCell) {
	titles := make(map[string]string)
	for _, n := range scheme.GetNodes() {
		titles[n.GetId()] = or(a.text(n.GetDisplayName()), n.GetId())
	}
	t := table.New(a.say("指标", "INDICATOR"), a.say(">数值", ">NUMBER"), a.say("期间", "PERIOD"), a.say(">得分", ">SCORE"), a.say(">折合", ">POINTS"),
		a.say(">单项位次", ">PLACE"), a.say("强弱", "MARK"), a.say("说明", "NOTES"))
	for _, c := range cells {
		t.Row(titles[c.GetNode()], or(c.GetNumber(), "-"), a.when(c.GetPeriod()), c.GetScore(), c.GetPoints(), a.cellPlace(c), a.mark(c.GetMark()), a.gap(c))
	}
	a.table(t)
}

func (a *app) cellPlace(c *rankingv1.LeafCell) string {
	if c.GetPlace() == 0 {
		return ""
	}
	return fmt.Sprintf("%d / %d", c.GetPlace(), c.GetOf())
}

func (a *app) mark(m rankingv1.Mark) string {
	switch m {
	case rankingv1.Mark_MARK_STRENGTH:
		return a.say("强项", "strength")
	case rankingv1.Mark_MARK_WEAKNESS:
		return a.say("弱项", "weakness")
	default:
		return ""
	}
}

// gap says why a cell has no number of its own period.
func (a *app) gap(c *rankingv1.LeafCell) string {
	zh, known := map[rankingv1.GapReason]string{
		rankingv1.GapReason_GAP_REASON_NOT_REPORTED: "未报", rankingv1.GapReason_GAP_REASON_IN_REVIEW: "在审",
		rankingv1.GapReason_GAP_REASON_EMBARGOED: "待放行", rankingv1.GapReason_GAP_REASON_CONFLICT: "说法冲突",
		rankingv1.GapReason_GAP_REASON_NOT_A_POINT: "只有界限", rankingv1.GapReason_GAP_REASON_NOT_STATED: "未明确",
		rankingv1.GapReason_GAP_REASON_PENDING: "数待定", rankingv1.GapReason_GAP_REASON_OTHER_SCOPE: "口径不同",
		rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE: "不适用",
	}[c.GetGap()]
	text := a.text(c.GetReason())
	if text == "" && known {
		text = a.say(zh, strings.ReplaceAll(word(c.GetGap()), "_", " "))
	}
	if c.GetNumber() != "" && c.GetAgeMonths() > 0 {
		carried := fmt.Sprintf(a.say("沿用 %d 个月前的数", "carried, %d months old"), c.GetAgeMonths())
		if c.GetAgeMonths() == 1 {
			carried = a.say("沿用上月数", "carried, 1 month old")
		}
		text = strings.TrimPrefix(text+a.say(",", ", ")+carried, a.say(",", ", "))
	}
	return text
}

// indicatorRanking prints a 单项榜.
func (a *app) indicatorRanking(ctx context.Context, conn *grpc.ClientConn, name string, w wanted) error {
	got, err := rankingv1.NewLiveRankingServiceClient(conn).GetIndicatorRanking(ctx, &rankingv1.GetIndicatorRankingRequest{
		Name: name, Indicator: "indicators/" + strings.TrimPrefix(w.indicator, "indicators/"), Version: w.version,
	})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	if a.json {
		return a.message(got)
	}
	a.linef(a.say("%s(%s)· %s,版本 %d", "%s (%s) · %s, version %d"), a.text(got.GetDisplayName()), got.GetUnit(), name, got.GetHead().GetVersion())
	fmt.Fprintln(a.Out)
	t := table.New(a.say(">位次", ">PLACE"), a.say("开发区", "ZONE"), a.say(">数值", ">NUMBER"), a.say("期间", "PERIOD"), a.say("说明", "NOTES"))
	for _, s := range got.GetStandings() {
		t.Row(orDash(s.GetCell().GetPlace()), a.text(s.GetDisplayName()), or(s.GetCell().GetNumber(), "-"), a.when(s.GetCell().GetPeriod()), a.gap(s.GetCell()))
	}
	for _, r := range got.GetReferences() {
		t.Row("", a.text(r.GetDisplayName())+a.say("(参照)", " (reference)"), or(r.GetNumber(), "-"), a.when(r.GetPeriod()), "")
	}
	a.table(t)
	return nil
}
