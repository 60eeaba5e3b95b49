package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/tabular"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) targets() *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "targets ZONE",
		Short: "Show a zone's targets, every ambition tier, and how far they are met",
		Long: `Shows every target of a zone: on indicators, on places in rankings and on lists,
in every ambition tier, with its completion as of a day. ZONE is an id, a
resource name or a name.`,
		Example: `  zonebench targets 嵊州经济开发区
  zonebench targets hangzhou-qiantang-na --as-of 2021-03-31
  zonebench targets 杭州钱塘新区 --json`,
		Args: exactly("ZONE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			day, err := dayFlag(asOf)
			if err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				name, err := subject(ctx, conn, args[0])
				if err != nil {
					return err
				}
				completions, err := completions(ctx, conn, &indicatorv1.ListCompletionsRequest{Subjects: []string{name}, AsOf: day})
				if err != nil {
					return err
				}
				ranks := &rankingv1.ListRankTargetsResponse{}
				if strings.HasPrefix(name, "zones/") {
					ranks, err = rankingv1.NewPublishedRankingServiceClient(conn).ListRankTargets(ctx,
						&rankingv1.ListRankTargetsRequest{Zones: []string{name}, AsOf: day})
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
				}
				if a.json {
					return a.messages(map[string]proto.Message{"targets": completions, "rank_targets": ranks})
				}
				a.showCompletions(besides(completions.GetCompletions(), ranks.GetTargets()))
				if len(ranks.GetTargets()) > 0 {
					a.heading(a.say("位次目标", "Targets on places"))
					a.showRankTargets(ranks.GetTargets())
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day on which met, missed and pending are told apart, such as 2021-06-30; today by default")
	return cmd
}

func (a *app) completion() *cobra.Command {
	var asOf, period, profile, tolerance string
	var shares, indicators []string
	cmd := &cobra.Command{
		Use:   "completion [ZONE...]",
		Short: "Hold targets against what was achieved",
		Long: `Holds targets against actuals by the nature of the indicator: amounts and counts
as a rate, growth in percentage points, levels as a gap in their unit, limits as
a margin, places, statuses and dates as met, missed, pending or unknown.
Without ZONE: everyone for whom a target meets an actual.`,
		Example: `  zonebench completion 嵊州市 --period 2019
  zonebench completion --as-of 2021-03-31
  zonebench completion hangzhou-qiantang-na --pace seasonal`,
		RunE: func(cmd *cobra.Command, args []string) error {
			day, err := dayFlag(asOf)
			if err != nil {
				return err
			}
			paces, wrong := tabular.ParseEnum[indicatorv1.PaceProfile](profile)
			if wrong != nil {
				return usage(fmt.Errorf("--pace %s: %s", profile, wrong.Remedy))
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				req := &indicatorv1.ListCompletionsRequest{
					AsOf: day, Period: period, PaceProfile: paces, PaceShares: shares, AboutTolerance: tolerance, Indicators: indicators,
				}
				qualify(req.GetIndicators(), "indicators/")
				for _, arg := range args {
					name, err := subject(ctx, conn, arg)
					if err != nil {
						return err
					}
					req.Subjects = append(req.Subjects, name)
				}
				got, err := completions(ctx, conn, req)
				if err != nil {
					return err
				}
				if len(args) == 0 {
					got.Completions = measured(got.GetCompletions())
				}
				if a.json {
					return a.message(got)
				}
				a.showCompletions(got.GetCompletions())
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&asOf, "as-of", "", "day on which met, missed and pending are told apart; today by default")
	flags.StringVar(&period, "period", "", "only targets of this period")
	flags.StringArrayVar(&indicators, "indicator", nil, "only this indicator; repeat it")
	flags.StringVar(&profile, "pace", "linear", "profile of 序时进度: linear, seasonal or custom")
	flags.StringSliceVar(&shares, "pace-shares", nil, "for a custom profile: twelve cumulative shares from 0 to 1, January to December")
	flags.StringVar(&tolerance, "about", "", "judge 约 (~) targets with this tolerance in percent; not judged by default")
	return cmd
}

// completions reads all pages.
func completions(ctx context.Context, conn *grpc.ClientConn, req *indicatorv1.ListCompletionsRequest) (*indicatorv1.ListCompletionsResponse, error) {
	client := indicatorv1.NewTargetServiceClient(conn)
	all := &indicatorv1.ListCompletionsResponse{}
	for req.PageSize = 1000; ; {
		page, err := client.ListCompletions(ctx, req)
		if err != nil {
			return nil, err //nolint:wrapcheck // the server's own words
		}
		all.Completions = append(all.Completions, page.GetCompletions()...)
		all.TotalSize, all.State = page.GetTotalSize(), page.GetState()
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all, nil
		}
	}
}

// besides leaves out the targets on places, which have a table of their own.
func besides(list []*indicatorv1.Completion, ranks []*rankingv1.RankTargetStatus) []*indicatorv1.Completion {
	return slices.DeleteFunc(slices.Clone(list), func(c *indicatorv1.Completion) bool {
		return slices.ContainsFunc(ranks, func(r *rankingv1.RankTargetStatus) bool { return proto.Equal(r.GetKey(), c.GetTargetKey()) })
	})
}

// measured keeps the completions that hold a target against an actual.
func measured(list []*indicatorv1.Completion) []*indicatorv1.Completion {
	var kept []*indicatorv1.Completion
	for _, c := range list {
		if c.GetActualNumber() != "" && c.GetTargetNumber() != "" {
			kept = append(kept, c)
		}
	}
	return kept
}

func (a *app) showCompletions(list []*indicatorv1.Completion) {
	if len(list) == 0 {
		a.linef("%s", a.say("没有可对照的目标。", "No target to hold against an actual."))
		return
	}
	t := table.New(a.say("单位", "SUBJECT"), a.say("指标", "INDICATOR"), a.say("期间", "PERIOD"), a.say("等级", "TIER"),
		a.say(">目标", ">TARGET"), a.say(">实绩", ">ACTUAL"), a.say(">完成", ">COMPLETION"), a.say("状态", "STATUS"), a.say("说明", "NOTES"))
	for _, c := range list {
		t.Row(a.text(c.GetSubjectName()), a.text(c.GetIndicatorName()), c.GetTargetKey().GetPeriod(), a.tier(c.GetTargetKey().GetAmbition()),
			a.targetNumber(c), c.GetActualNumber(), a.achieved(c), a.status(word(c.GetStatus())), a.completionNotes(c))
	}
	a.table(t)
}

func (a *app) tier(m indicatorv1.Ambition) string {
	zh := map[indicatorv1.Ambition]string{
		indicatorv1.Ambition_AMBITION_MUST: "确保", indicatorv1.Ambition_AMBITION_EXPECTED: "预期", indicatorv1.Ambition_AMBITION_STRIVE: "力争",
	}
	return a.say(zh[m], word(m))
}

func (a *app) targetNumber(c *indicatorv1.Completion) string {
	if c.GetTargetNumber() == "" && c.GetIntervalLow() == "" {
		return ""
	}
	text := bounded(c.GetTargetComparator(), c.GetTargetNumber())
	if c.GetTargetBasis() == indicatorv1.TargetBasis_TARGET_BASIS_IMPLIED {
		text += fmt.Sprintf(a.say("(推算,%s至%s)", " (implied, %s to %s)"), c.GetIntervalLow(), c.GetIntervalHigh())
	}
	if c.GetUnit() != "" {
		text += " " + c.GetUnit()
	}
	return text
}

func (a *app) achieved(c *indicatorv1.Completion) string {
	switch {
	case c.GetRate() != "":
		return fmt.Sprintf(a.say("%s 倍", "ratio %s"), c.GetRate())
	case c.GetGap() != "" && c.GetRule() == indicatorv1.CompletionRule_COMPLETION_RULE_POINTS:
		return fmt.Sprintf(a.say("%s 个百分点", "%s points"), c.GetGap())
	case c.GetGap() != "":
		return c.GetGap() + " " + c.GetUnit()
	default:
		return ""
	}
}

func (a *app) completionNotes(c *indicatorv1.Completion) string {
	var parts []*typev1.Localized
	notes := []*typev1.Localized{c.GetReason(), c.GetDerivation(), c.GetPace().GetMessage(), c.GetComponents().GetMessage()}
	for _, l := range append(notes, c.GetCaveats()...) {
		if l.GetZh() != "" {
			parts = append(parts, l)
		}
	}
	return a.texts(parts)
}
