package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) zones() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zones",
		Short: "List zones, show one, or ask which one a name means",
		Args:  a.commands,
		RunE:  help,
	}
	cmd.AddCommand(a.zonesList(), a.zonesGet(), a.zonesResolve())
	return cmd
}

func (a *app) zonesList() *cobra.Command {
	var filter string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List zones",
		Long: `Lists zones in the order of their resource names.

A filter (AIP-160) compares fields of a zone: name, display_name.zh,
display_name.en, type, level, parent, division_code, certainty, simulated.
The colon means "contains".`,
		Example: `  zonebench zones list
  zonebench zones list --filter 'level = national AND division_code : "33"'
  zonebench zones list --filter 'parent = "zones/jinhua-etdz"'
  zonebench zones list --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				all := &zonev1.ListZonesResponse{}
				req := &zonev1.ListZonesRequest{PageSize: 1000, Filter: filter}
				for {
					page, err := zonev1.NewZoneServiceClient(conn).ListZones(ctx, req)
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
					all.Zones = append(all.Zones, page.GetZones()...)
					all.TotalSize, all.State = page.GetTotalSize(), page.GetState()
					if page.GetNextPageToken() == "" {
						break
					}
					req.PageToken = page.GetNextPageToken()
				}
				if a.json {
					return a.message(all)
				}
				t := table.New("NAME", a.say("名称", "TITLE"), a.say("类型", "TYPE"), a.say("级别", "LEVEL"),
					a.say("所在", "PARENT"), a.say("区划", "CODE"), a.say("确定性", "CERTAINTY"))
				for _, z := range all.GetZones() {
					t.Row(z.GetName(), a.text(z.GetDisplayName()), word(z.GetType()), word(z.GetLevel()),
						z.GetParent(), z.GetDivisionCode(), word(z.GetCertainty()))
				}
				a.table(t)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&filter, "filter", "", "only zones that match, for example 'type = high_tech_zone'")
	return cmd
}

func (a *app) zonesGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME",
		Short: "Show a zone with its aliases and relations",
		Example: `  zonebench zones get zones/hangzhou-qiantang-na
  zonebench zones get hangzhou-qiantang-na --json`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if !strings.Contains(name, "/") {
				name = "zones/" + name
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				client := zonev1.NewZoneServiceClient(conn)
				got, err := client.GetZone(ctx, &zonev1.GetZoneRequest{Name: name})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				relations, err := client.ListRelations(ctx, &zonev1.ListRelationsRequest{Zone: name, PageSize: 1000})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				a.showZone(got.GetZone(), relations.GetRelations())
				return nil
			})
		},
	}
}

func (a *app) showZone(z *zonev1.Zone, relations []*zonev1.Relation) {
	t := table.New(a.say("项", "FIELD"), a.say("内容", "VALUE"))
	row := func(zh, en, value string) {
		if value != "" {
			t.Row(a.say(zh, en), value)
		}
	}
	row("资源名", "name", z.GetName())
	row("名称", "title", z.GetDisplayName().GetZh())
	row("英文名", "english", z.GetDisplayName().GetEn())
	row("类型", "type", word(z.GetType()))
	row("级别", "level", word(z.GetLevel()))
	row("所在", "parent", z.GetParent())
	row("区划代码", "division code", z.GetDivisionCode())
	row("确定性", "certainty", word(z.GetCertainty()))
	row("依据", "basis", z.GetBasis())
	row("说明", "note", z.GetNote())
	for _, alias := range z.GetAliases() {
		text := alias.GetText()
		if len(alias.GetContexts()) > 0 {
			text += a.say(" 仅在 ", " only in ") + strings.Join(alias.GetContexts(), ", ")
		}
		if c := word(alias.GetCertainty()); c != "" && c != "stated" {
			text += " (" + c + ")"
		}
		row("别名", "alias", text)
	}
	for _, r := range relations {
		text := fmt.Sprintf("%s %s %s", r.GetZone(), word(r.GetType()), r.GetOther())
		if d := r.GetStartDate(); d.GetYear() != 0 {
			text += a.say(" 自 ", " since ") + date(d.GetYear(), d.GetMonth(), d.GetDay())
		}
		if d := r.GetEndDate(); d.GetYear() != 0 {
			text += a.say(" 至 ", " until ") + date(d.GetYear(), d.GetMonth(), d.GetDay())
		}
		row("关系", "relation", text)
	}
	row("版本号", "revision", fmt.Sprint(z.GetRevision()))
	row("etag", "etag", z.GetEtag())
	a.table(t)
}

func date(year, month, day int32) string {
	switch {
	case month == 0:
		return fmt.Sprintf("%04d", year)
	case day == 0:
		return fmt.Sprintf("%04d-%02d", year, month)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	}
}

func (a *app) zonesResolve() *cobra.Command {
	var within string
	cmd := &cobra.Command{
		Use:   "resolve TEXT...",
		Short: "Ask which zone a text means",
		Long: `Finds the zone or reference unit that a text means. A text that fits several
is answered with all candidates and exit code 1, never with a guess; a context
(the source it stands in, or who speaks) settles it.`,
		Example: `  zonebench zones resolve 金华经济技术开发区
  zonebench zones resolve 金开
  zonebench zones resolve 金开 --context sources/jinan-2020`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("TEXT is missing: " + cmd.UseLine()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			req := &zonev1.ResolveZonesRequest{}
			for _, text := range args {
				req.Queries = append(req.Queries, &zonev1.ZoneQuery{Text: text, Context: within})
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := zonev1.NewZoneServiceClient(conn).ResolveZones(ctx, req)
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					err = a.message(got)
				} else {
					a.showResolutions(got.GetResolutions())
				}
				if err != nil {
					return err
				}
				for _, r := range got.GetResolutions() {
					if r.GetOutcome() != zonev1.Resolution_OUTCOME_RESOLVED {
						return &failure{code: exitRefused, err: errors.New("not resolved"), told: true}
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&within, "context", "", "sources/… in which the text stands, or zones/… or referenceUnits/… that speaks")
	return cmd
}

func (a *app) showResolutions(list []*zonev1.Resolution) {
	for i, r := range list {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		a.linef("%s", a.text(r.GetMessage()))
		t := table.New(a.say("候选", "CANDIDATE"), a.say("名称", "TITLE"), a.say("匹配", "MATCHED"),
			a.say("在何处可用", "CONTEXTS"), a.say("确定性", "CERTAINTY"))
		for _, c := range r.GetCandidates() {
			t.Row(c.GetSubject(), a.text(c.GetDisplayName()), c.GetMatched(), strings.Join(c.GetContexts(), " "), word(c.GetCertainty()))
		}
		if t.Len() > 0 {
			a.table(t)
		}
	}
}
