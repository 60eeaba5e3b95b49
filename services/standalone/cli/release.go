package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) release() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Publish a version of a ranking (发布版), list and show what was published, replay it",
		Args:  a.commands,
		RunE:  help,
	}
	cmd.AddCommand(a.releaseCreate(), a.releaseList(), a.releaseShow(), a.releaseReplay())
	return cmd
}

func (a *app) releaseCreate() *cobra.Command {
	req := &rankingv1.CreateReleaseRequest{}
	var title, titleEn string
	cmd := &cobra.Command{
		Use:   "create NAME --version VERSION",
		Short: "Freeze a version of a ranking: number it, sign it and store its rows",
		Long: `Publishes a version of a ranking that is formal (正式) or final (定稿). It is
numbered, signed and stored with its rows; a correction later is the next
release, with the list of what changed.

--version is the one that you looked at ("ranking NAME" shows it). It must still
be the newest, so that nobody publishes what nobody saw.`,
		Example: `  zonebench ranking example-2024-09
  zonebench release create example-2024-09 --version 131 --dry-run
  zonebench release create example-2024-09 --version 131 --title 示例省开发区排名通报`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			qualify(args, "rankings/")
			if req.GetVersion() == 0 {
				return usage(fmt.Errorf("--version is missing: give the version that `zonebench ranking %s` shows", args[0]))
			}
			req.Parent, req.RequestId = args[0], rand.Text()
			if title != "" {
				req.Title = &typev1.Localized{Zh: title, En: titleEn}
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).CreateRelease(ctx, req)
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				switch {
				case a.json:
					return a.message(got)
				case req.GetValidateOnly():
					a.linef(a.say("版本 %d 可以发布。试运行,未写入。", "Version %d can be published. Dry run, nothing was written."), req.GetVersion())
				default:
					a.linef(a.say("已发布 %s(第 %d 次发布),数据版本号 %d。", "Published %s (release %d), revision %d."), got.GetRelease().GetName(),
						got.GetRelease().GetNumber(), got.GetState().GetRevision())
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.Int64Var(&req.Version, "version", 0, "the version that you looked at")
	f.StringVar(&title, "title", "", "title in Chinese")
	f.StringVar(&titleEn, "title-en", "", "title in English, beside --title")
	f.StringVar(&req.Note, "note", "", "a note")
	f.BoolVar(&req.ValidateOnly, "dry-run", false, "say whether it can be published and write nothing")
	return cmd
}

func (a *app) releaseList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "List the releases of a ranking, or of all",
		Example: `  zonebench release list
  zonebench release list example-2024-08 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			parent := []string{"rankings/-"}
			if len(args) > 0 {
				parent = args
			}
			qualify(parent, "rankings/")
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				all := &rankingv1.ListReleasesResponse{}
				req := &rankingv1.ListReleasesRequest{Parent: parent[0], PageSize: 100}
				for {
					page, err := rankingv1.NewLiveRankingServiceClient(conn).ListReleases(ctx, req)
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
					all.Releases = append(all.Releases, page.GetReleases()...)
					all.TotalSize, all.State = page.GetTotalSize(), page.GetState()
					if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
						break
					}
				}
				if a.json {
					return a.message(all)
				}
				if len(all.GetReleases()) == 0 {
					a.linef("%s", a.say("尚无发布。", "Nothing was published yet."))
					return nil
				}
				t := table.New("NAME", a.say("标题", "TITLE"), a.say("发布时间", "PUBLISHED"), a.say("发布人", "BY"), a.say(">版本", ">VERSION"),
					a.say(">有位次", ">PLACED"), a.say(">与前次不同", ">CHANGES"))
				for _, r := range all.GetReleases() {
					t.Row(r.GetName(), a.text(r.GetTitle()), clock(r.GetCreateTime().AsTime()), r.GetActor(), fmt.Sprint(r.GetHead().GetVersion()),
						fmt.Sprint(r.GetHead().GetPlaced()), fmt.Sprint(r.GetTotalChanges()))
				}
				a.table(t)
				return nil
			})
		},
	}
}

// releaseName is the resource name of a release as people write it.
func releaseName(text string) (string, error) {
	name := "rankings/" + strings.TrimPrefix(text, "rankings/")
	if !strings.Contains(name, "/releases/") {
		return "", usage(fmt.Errorf("%s: write a release as NAME/releases/1; `zonebench release list` shows them", text))
	}
	return name, nil
}

func (a *app) releaseShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show RELEASE",
		Short: "Show a release as it was published: rows, what changed, and its seal",
		Example: `  zonebench release show example-2024-08/releases/1
  zonebench release show example-2024-08/releases/2 --json`,
		Args: exactly("RELEASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := releaseName(args[0])
			if err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).GetRelease(ctx, &rankingv1.GetReleaseRequest{Name: name})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				a.showRelease(got)
				return nil
			})
		},
	}
}

func (a *app) showRelease(got *rankingv1.GetReleaseResponse) {
	r := got.GetRelease()
	a.linef(a.say("%s · 第 %d 次发布 · %s · %s", "%s · release %d · %s · by %s"), or(a.text(r.GetTitle()), a.text(r.GetRanking().GetDisplayName())), r.GetNumber(),
		clock(r.GetCreateTime().AsTime()), r.GetActor())
	if r.GetNote() != "" {
		a.linef("%s", r.GetNote())
	}
	a.showHead(r.GetRanking(), r.GetHead())
	a.showStandings(got.GetStandings(), false)
	if len(r.GetChanges()) > 0 {
		a.heading(a.say("与前一次发布的不同", "What differs from the release before"))
		a.showMoves(r.GetChanges())
	}
	a.heading(a.say("封签", "Seal"))
	t := table.New(a.say("项", "FIELD"), a.say("内容", "VALUE"))
	t.Row(a.say("指标数据摘要", "inputs"), r.GetSeal().GetInputsDigest())
	t.Row(a.say("办法摘要", "scheme"), r.GetSeal().GetSchemeDigest())
	t.Row(a.say("位次与得分摘要", "rows"), r.GetSeal().GetRowsDigest())
	t.Row(a.say("计算引擎", "engine"), r.GetSeal().GetEngine())
	t.Row(a.say("公钥", "public key"), hex.EncodeToString(r.GetSeal().GetPublicKey()))
	t.Row(a.say("签名", "signature"), hex.EncodeToString(r.GetSeal().GetSignature()))
	a.table(t)
}

func (a *app) releaseReplay() *cobra.Command {
	return &cobra.Command{
		Use:   "replay RELEASE",
		Short: "Compute a release anew from the ledger and hold it against what was published",
		Long: `Computes a release anew from the ledger at its version, and says whether the
signature holds, whether the stored rows are the signed ones, and whether the
rows computed now are the stored ones. Ends with 0 when all three hold, else 1.`,
		Example: `  zonebench release replay example-2024-08/releases/1
  zonebench release replay example-2024-08/releases/1 --json`,
		Args: exactly("RELEASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := releaseName(args[0])
			if err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).ReplayRelease(ctx, &rankingv1.ReplayReleaseRequest{Name: name})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					err = a.message(got)
				} else {
					a.showReplay(got)
				}
				if err == nil && !(got.GetSignatureValid() && got.GetRowsIntact() && got.GetReproduced()) {
					return &failure{code: exitRefused, err: errors.New("the release is not what was published"), told: true}
				}
				return err
			})
		},
	}
}

func (a *app) showReplay(got *rankingv1.ReplayReleaseResponse) {
	yes := func(holds bool) string {
		if holds {
			return a.say("是", "yes")
		}
		return a.say("否", "NO")
	}
	r := got.GetRelease()
	a.linef(a.say("%s,发布于版本 %d", "%s, published at version %d"), r.GetName(), r.GetHead().GetVersion())
	fmt.Fprintln(a.Out)
	t := table.New(a.say("检查", "CHECK"), a.say("结果", "RESULT"))
	t.Row(a.say("签名有效", "the signature holds"), yes(got.GetSignatureValid()))
	t.Row(a.say("存档未被改动", "the stored rows are the signed ones"), yes(got.GetRowsIntact()))
	t.Row(a.say("重算结果与存档一致", "the rows computed now are the stored ones"), yes(got.GetReproduced()))
	t.Row(a.say("重算摘要", "digest computed now"), got.GetDigest())
	a.table(t)
	if len(got.GetDifferences()) > 0 {
		a.heading(a.say("不一致之处", "Where they differ"))
		a.showMoves(got.GetDifferences())
	}
}
