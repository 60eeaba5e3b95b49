package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) profile() *cobra.Command {
	var version int64
	var history int32
	cmd := &cobra.Command{
		Use:   "profile NAME ZONE",
		Short: "Show where a zone stands in a ranking and why: its rivals, its figures, its growth",
		Long: `Shows one zone in a ranking: its place and move, the zones in front (标兵) and
behind (追兵) with the points between, and every figure of the scheme with its
growth, the growth of the reference unit beside it, and both places. The
sentences are ready to copy. ZONE is an id, a resource name or a name.`,
		Example: `  zonebench profile example-2024-10 example-zone-0001
  zonebench profile example-2024-10 example-zone-0001 --history 12 --json`,
		Args: exactly("NAME", "ZONE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				zone, err := subject(ctx, conn, args[1])
				if err != nil {
					return err
				}
				name := args[:1]
				qualify(name, "rankings/")
				got, err := rankingv1.NewLiveRankingServiceClient(conn).GetProfile(ctx, &rankingv1.GetProfileRequest{
					Name: name[0], Zone: zone, Version: version, History: history,
				})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.showProfile(got)
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&version, "version", 0, "a version that was shown before; the newest by default")
	cmd.Flags().Int32Var(&history, "history", 0, "places in so many rankings before, up to 60")
	return cmd
}

func (a *app) showProfile(p *rankingv1.GetProfileResponse) {
	a.showHead(p.GetRanking(), p.GetHead())
	if sentence := a.text(p.GetSentence()); sentence != "" {
		a.linef("%s", sentence)
	}
	if p.GetPointsToTopTen() != "" {
		a.linef(a.say("距前十 %s 分", "%s points to the first ten"), p.GetPointsToTopTen())
	}
	a.heading(a.say("标兵与追兵", "In front and behind"))
	rows := append(append(append([]*rankingv1.Standing{}, p.GetAhead()...), p.GetStanding()), p.GetBehind()...)
	a.showStandings(rows, len(p.GetStanding().GetHistory()) > 0)
	a.heading(a.say("指标", "Figures"))
	t := table.New(a.say("指标", "INDICATOR"), a.say(">数值", ">NUMBER"), a.say("单位", "UNIT"), a.say(">位次", ">PLACE"), a.say(">增速 %", ">GROWTH %"),
		a.say(">增速位次", ">PLACE BY GROWTH"), a.say(">高于参照", ">ABOVE REFERENCE"), a.say("强弱", "MARK"), a.say("说明", "NOTES"))
	for _, h := range p.GetHeadlines() {
		t.Row(a.text(h.GetDisplayName()), or(h.GetLevel().GetNumber(), "-"), h.GetUnit(), a.cellPlace(h.GetLevel()), h.GetGrowth().GetNumber(),
			a.cellPlace(h.GetGrowth()), h.GetGrowthAboveReference(), a.mark(h.GetLevel().GetMark()), a.gap(h.GetLevel()))
	}
	a.table(t)
	first := true
	for _, h := range p.GetHeadlines() {
		if sentence := a.text(h.GetSentence()); sentence != "" {
			if first {
				a.heading(a.say("可引用的句子", "Sentences to copy"))
				first = false
			}
			a.linef("%s", sentence)
		}
	}
}

func (a *app) weights() *cobra.Command {
	var version int64
	cmd := &cobra.Command{
		Use:   "weights NAME NODE=WEIGHT...",
		Short: "Try a ranking under other weights; nothing is written",
		Long: `Computes the rows of a ranking as they would be under other weights, beside the
places under the scheme's own. Weights are shares among siblings in any unit;
nodes that are not named keep theirs. "schemes show" lists the nodes. Nothing is
written, and no place in it is anybody's place.`,
		Example: `  zonebench weights example-2024-10 scale=50
  zonebench weights example-2024-10 scale=20 quality=40 energy-intensity=60
  zonebench weights example-2024-10 scale=0 --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(errors.New("NAME and at least one NODE=WEIGHT are needed: " + cmd.UseLine()))
			}
			weights := make(map[string]string)
			for _, arg := range args[1:] {
				node, weight, ok := strings.Cut(arg, "=")
				if !ok || node == "" || weight == "" {
					return usage(errors.New(arg + ": write a weight as NODE=WEIGHT, such as scale=50"))
				}
				weights[node] = weight
			}
			name := args[:1]
			qualify(name, "rankings/")
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).TryWeights(ctx, &rankingv1.TryWeightsRequest{
					Name: name[0], Weights: weights, Version: version,
				})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.linef(a.say("权重试算,不写入、不是名次:%s,版本 %d", "A trial of weights, not written and nobody's place: %s, version %d"),
					name[0], got.GetHead().GetVersion())
				fmt.Fprintln(a.Out)
				t := table.New(a.say(">试算", ">TRIAL"), a.say(">现行", ">PRESENT"), a.say("变动", "MOVE"), a.say("开发区", "ZONE"), a.say(">试算得分", ">SCORE"),
					a.say("说明", "NOTES"))
				for _, s := range got.GetStandings() {
					t.Row(a.standingPlace(s), orDash(s.GetPreviousPlace()), a.moved(s.GetPreviousPlace(), s.GetPlace()), a.text(s.GetDisplayName()),
						s.GetScore(), a.text(s.GetReason()))
				}
				a.table(t)
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&version, "version", 0, "a version that was shown before; the newest by default")
	return cmd
}
