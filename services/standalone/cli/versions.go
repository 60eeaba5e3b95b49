package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) versions() *cobra.Command {
	return &cobra.Command{
		Use:   "versions NAME",
		Short: "List the newest versions of a ranking",
		Long: `Lists the newest versions of a ranking, newest first, at most 64. A version is the
revision of the ledger whose commit changed what the rows are computed from; an
older one can still be asked for, and is computed anew.`,
		Example: `  zonebench versions example-2024-10
  zonebench diff example-2024-10@120 example-2024-10`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			qualify(args, "rankings/")
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).ListVersions(ctx, &rankingv1.ListVersionsRequest{Name: args[0]})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				t := table.New(a.say(">版本", ">VERSION"), a.say("时间", "TIME"), a.say("状态", "STATE"), a.say(">开发区", ">ZONES"), a.say(">有位次", ">PLACED"),
					a.say(">完整度", ">COMPLETE"), a.say("摘要", "DIGEST"))
				for _, h := range got.GetVersions() {
					t.Row(fmt.Sprint(h.GetVersion()), clock(h.GetCommitTime().AsTime()), a.rankingState(h.GetState()), fmt.Sprint(h.GetRows()),
						fmt.Sprint(h.GetPlaced()), percent(h.GetCompleteness()), short(h.GetDigest()))
				}
				a.table(t)
				return nil
			})
		},
	}
}

// short is so much of a digest as people compare.
func short(digest string) string { return digest[:min(len(digest), 12)] }

func (a *app) diff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Show what moved between two versions, two releases or two months of a ranking",
		Long: `Shows the rows that differ between two sides, with the figures behind the change
where both are computed. A side is

  example-2024-10              a ranking as it is now
  example-2024-10@120          the same at a version
  example-2024-10/releases/1   a release, as it was published

Both sides are of one ranking, or of two in one chain. For the results of two
recipes over tables, see "zonebench index diff".`,
		Example: `  zonebench diff example-2024-09 example-2024-10
  zonebench diff example-2024-08/releases/1 example-2024-08/releases/2
  zonebench diff example-2024-08/releases/1 example-2024-08
  zonebench diff example-2024-10@120 example-2024-10 --json`,
		Args: exactly("BEFORE", "AFTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, err := side(args[0])
			if err != nil {
				return usage(err)
			}
			after, err := side(args[1])
			if err != nil {
				return usage(err)
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).CompareVersions(ctx, &rankingv1.CompareVersionsRequest{Before: before, After: after})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.showDiff(got)
				return nil
			})
		},
	}
}

// side reads one side of a comparison as people write it.
func side(text string) (*rankingv1.VersionReference, error) {
	name, version, dated := strings.Cut(text, "@")
	name = "rankings/" + strings.TrimPrefix(name, "rankings/")
	if strings.Contains(name, "/releases/") {
		if dated {
			return nil, fmt.Errorf("%s: a release has its version already: leave out @%s", text, version)
		}
		return &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Release{Release: name}}, nil
	}
	ref := &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: name}}
	if dated {
		n, err := strconv.ParseInt(version, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is no version: write a number behind the @, as `zonebench versions` shows them", text, version)
		}
		ref.Version = n
	}
	return ref, nil
}

func (a *app) showDiff(got *rankingv1.CompareVersionsResponse) {
	a.linef(a.say("%s 版本 %d → %s 版本 %d:%d 行有变,%d 行不变", "%s version %d -> %s version %d: %d rows differ, %d say the same"),
		got.GetBefore().GetRanking(), got.GetBefore().GetVersion(), got.GetAfter().GetRanking(), got.GetAfter().GetVersion(),
		len(got.GetMoves()), got.GetUnchanged())
	if got.GetSchemeChanged() {
		a.linef("%s", a.say("考核办法不同:位次变化不全是开发区自身的变化。", "The scheme differs: a move is not only the zones' doing."))
	}
	a.showMoves(got.GetMoves())
}

func (a *app) showMoves(moves []*rankingv1.Move) {
	if len(moves) == 0 {
		return
	}
	fmt.Fprintln(a.Out)
	t := table.New(a.say(">位次", ">PLACE"), a.say(">前位次", ">BEFORE"), a.say("变动", "MOVE"), a.say("开发区", "ZONE"), a.say(">得分", ">SCORE"),
		a.say(">前得分", ">BEFORE"), a.say("变化的数", "FIGURES"))
	for _, m := range moves {
		var cells []string
		for _, c := range m.GetCells() {
			cell := fmt.Sprintf("%s %s → %s", c.GetNode(), or(c.GetNumberBefore(), "-"), or(c.GetNumberAfter(), "-"))
			cells = append(cells, cell)
		}
		t.Row(orDash(m.GetPlaceAfter()), orDash(m.GetPlaceBefore()), a.moved(m.GetPlaceBefore(), m.GetPlaceAfter()), a.text(m.GetDisplayName()),
			m.GetScoreAfter(), m.GetScoreBefore(), a.few(cells))
	}
	a.table(t)
}

// few is a list that a line can hold: its beginning, and how many more there are.
func (a *app) few(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, "\n")
	}
	return strings.Join(list[:most], "\n") + "\n" + fmt.Sprintf(a.say("另有 %d 项", "and %d more"), len(list)-most)
}
