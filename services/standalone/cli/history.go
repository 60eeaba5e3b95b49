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
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) history() *cobra.Command {
	var kind, ambition, class, extent, period string
	cmd := &cobra.Command{
		Use:   "history SUBJECT INDICATOR",
		Short: "Show every change of one figure: who, when, what, and what counted after it",
		Long: `Shows the history of a figure, oldest first. A figure is what all statements
speak of that share subject, indicator, period, scope, kind and ambition; flags
that are left out list the figures that fit when there are several.`,
		Example: `  zonebench history 温州经济技术开发区 fixed-asset-investment-growth --period 2018
  zonebench history hangzhou-qiantang-na gdp-growth --json`,
		Args: exactly("SUBJECT", "INDICATOR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				name, err := subject(ctx, conn, args[0])
				if err != nil {
					return err
				}
				want := []string{
					fmt.Sprintf("key.subject = %q", name),
					fmt.Sprintf("key.indicator = %q", "indicators/"+strings.TrimPrefix(args[1], "indicators/")),
				}
				for field, value := range map[string]string{
					"key.period": period, "key.kind": kind, "key.ambition": ambition, "key.scope.statistical_class": class,
				} {
					if value != "" {
						want = append(want, fmt.Sprintf("%s = %q", field, value))
					}
				}
				client := indicatorv1.NewIndicatorServiceClient(conn)
				found, err := client.ListFigures(ctx, &indicatorv1.ListFiguresRequest{Filter: strings.Join(want, " AND "), PageSize: 1000})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				var keys []*indicatorv1.FigureKey
				for _, f := range found.GetFigures() {
					if extent == "" || f.GetKey().GetScope().GetExtent() == extent {
						keys = append(keys, f.GetKey())
					}
				}
				switch len(keys) {
				case 0:
					return errors.New("no such figure: " + strings.Join(want, ", "))
				case 1:
				default:
					a.showKeys(keys)
					return &failure{code: exitRefused, err: errors.New("several figures fit"), told: true}
				}
				got, err := client.ListFigureHistory(ctx, &indicatorv1.ListFigureHistoryRequest{Key: keys[0]})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.showHistory(got.GetChanges())
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&period, "period", "", "period, such as 2020")
	flags.StringVar(&kind, "kind", "", "target or actual")
	flags.StringVar(&ambition, "ambition", "", strings.Join(filter.EnumWords(indicatorv1.Ambition(0).Descriptor()), ", "))
	flags.StringVar(&class, "class", "", "statistical class, such as above_scale")
	flags.StringVar(&extent, "extent", "", "extent of territory, as recorded")
	return cmd
}

func (a *app) showKeys(keys []*indicatorv1.FigureKey) {
	a.linef("%s", a.say("有多项指标数据符合,请用选项指明其一:", "Several figures fit; name one with the flags:"))
	t := table.New(a.say("期间", "PERIOD"), a.say("类别", "KIND"), a.say("等级", "AMBITION"), a.say("统计范围", "CLASS"), a.say("地域范围", "EXTENT"))
	for _, k := range keys {
		t.Row(k.GetPeriod(), word(k.GetKind()), word(k.GetAmbition()), word(k.GetScope().GetStatisticalClass()), k.GetScope().GetExtent())
	}
	a.table(t)
}

func (a *app) showHistory(changes []*indicatorv1.FigureChange) {
	t := table.New(a.say(">版本号", ">REVISION"), a.say("时间", "TIME"), a.say("何人", "ACTOR"), a.say("变动", "CHANGE"),
		a.say(">修订", ">FIGURE REVISION"), a.say(">此后数值", ">NUMBER AFTER"), a.say("说明", "NOTES"))
	for _, c := range changes {
		var what []string
		for _, s := range c.GetRecorded() {
			what = append(what, a.say("记录 ", "recorded ")+s)
		}
		for _, s := range c.GetWithdrawn() {
			what = append(what, a.say("撤回 ", "withdrawn ")+s)
		}
		if c.GetPinned() != "" {
			what = append(what, a.say("指定 ", "pinned ")+c.GetPinned())
		}
		if c.GetUnpinned() {
			what = append(what, a.say("取消指定", "unpinned"))
		}
		notes := c.GetReason()
		if m := c.GetFigure().GetConflict().GetMessage(); m.GetZh() != "" {
			notes = strings.TrimPrefix(notes+a.say(";", "; ")+a.text(m), a.say(";", "; "))
		}
		t.Row(fmt.Sprint(c.GetRevision()), c.GetCommitTime().AsTime().Local().Format(time.DateTime), c.GetActor(), strings.Join(what, "\n"),
			fmt.Sprint(c.GetFigureRevision()), bounded(c.GetFigure().GetComparator(), c.GetFigure().GetNumber()), notes)
	}
	a.table(t)
}
