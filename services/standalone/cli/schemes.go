package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/standalone/index"
	"zonebench.internal/services/standalone/table"
)

func (a *app) schemes() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schemes",
		Short: "List schemes (考核办法), show the tree of one, or create one from a file",
		Args:  a.commands,
		RunE:  help,
	}
	cmd.AddCommand(a.schemesList(), a.schemesShow(), a.schemesCreate())
	return cmd
}

func (a *app) schemesList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List schemes",
		Example: `  zonebench schemes list
  zonebench schemes list --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				all := &rankingv1.ListSchemesResponse{}
				req := &rankingv1.ListSchemesRequest{PageSize: 1000}
				for {
					page, err := rankingv1.NewLiveRankingServiceClient(conn).ListSchemes(ctx, req)
					if err != nil {
						return err //nolint:wrapcheck // the server's own words
					}
					all.Schemes = append(all.Schemes, page.GetSchemes()...)
					all.TotalSize, all.State = page.GetTotalSize(), page.GetState()
					if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
						break
					}
				}
				if a.json {
					return a.message(all)
				}
				t := table.New("NAME", a.say("名称", "TITLE"), a.say(">指标", ">INDICATORS"), a.say("取代", "SUPERSEDES"))
				for _, s := range all.GetSchemes() {
					t.Row(s.GetName(), a.text(s.GetDisplayName()), fmt.Sprint(leavesOf(s)), s.GetSupersedes())
				}
				a.table(t)
				return nil
			})
		},
	}
}

func leavesOf(s *rankingv1.Scheme) int {
	n := 0
	for _, node := range s.GetNodes() {
		if node.GetLeaf() != nil {
			n++
		}
	}
	return n
}

func (a *app) schemesShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show the tree of a scheme with its weights, and its recipe",
		Example: `  zonebench schemes show example-2024
  zonebench schemes show example-2024 --json > scheme.json`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				qualify(args, "schemes/")
				got, err := rankingv1.NewLiveRankingServiceClient(conn).GetScheme(ctx, &rankingv1.GetSchemeRequest{Name: args[0]})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(got)
				}
				return a.showScheme(got.GetScheme())
			})
		},
	}
}

func (a *app) showScheme(s *rankingv1.Scheme) error {
	a.linef("%s · %s", a.text(s.GetDisplayName()), s.GetName())
	if s.GetSupersedes() != "" {
		a.linef(a.say("取代 %s", "It supersedes %s"), s.GetSupersedes())
	}
	if s.GetNote() != "" {
		a.linef("%s", s.GetNote())
	}
	fmt.Fprintln(a.Out)
	depth := make(map[string]int)
	t := table.New(a.say("节点", "NODE"), a.say("名称", "TITLE"), a.say(">权重", ">WEIGHT"), a.say("指标", "INDICATOR"), a.say("沿用", "CARRY"),
		a.say(">需完整度", ">REQUIRED"))
	for _, n := range s.GetNodes() {
		if n.GetParent() != "" {
			depth[n.GetId()] = depth[n.GetParent()] + 1
		}
		t.Row(strings.Repeat("  ", depth[n.GetId()])+n.GetId(), a.text(n.GetDisplayName()), n.GetWeight(), n.GetLeaf().GetIndicator(),
			a.carry(n.GetLeaf()), n.GetLeaf().GetRequiredCompleteness())
	}
	a.table(t)
	if s.GetRecipe() != "" {
		a.heading(a.say("计分规则", "Recipe"))
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(s.GetRecipe()), "", "  "); err != nil {
			return fmt.Errorf("the recipe of %s is no JSON: %w", s.GetName(), err)
		}
		fmt.Fprintln(a.Out, b.String())
	}
	return nil
}

func (a *app) carry(leaf *rankingv1.SchemeLeaf) string {
	switch leaf.GetCarry() {
	case rankingv1.Carry_CARRY_ANY:
		return fmt.Sprintf(a.say("任意期间,至多 %d 个月", "any period, up to %d months old"), leaf.GetMaxAgeMonths())
	case rankingv1.Carry_CARRY_SAME_KIND:
		return fmt.Sprintf(a.say("同类期间,至多 %d 个月", "same kind of period, up to %d months old"), leaf.GetMaxAgeMonths())
	default:
		return ""
	}
}

func (a *app) schemesCreate() *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "create NAME --file FILE",
		Short: "Create a scheme from a file; it never changes afterwards",
		Long: `Creates a scheme from YAML or JSON with the fields of the contract (Scheme in
proto/zonebench/ranking/v1/scheme.proto): what "schemes show --json" prints is
such a file. The recipe, which docs/methods.md describes, may stand in it as it
is instead of as a text, and weights as numbers:

  display_name: {zh: 示例办法, en: Example}
  nodes:
    - {id: index}
    - {id: gdp, parent: index, weight: 60, leaf: {indicator: indicators/example-gdp}}
    - {id: tax, parent: index, weight: 40, leaf: {indicator: indicators/example-tax-per-mu}}
  recipe:
    normalise: {method: efficacy, base: 60, span: 40}
    place: {decimals: 1}

A scheme cannot be changed: a new version is another scheme that names the one
it takes the place of in supersedes.`,
		Example: `  zonebench schemes create example-2025 --file scheme.yaml --dry-run
  zonebench schemes create example-2025 --file scheme.yaml
  zonebench schemes show example-2024 --json | zonebench schemes create copy-2024 --file -`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usage(errors.New("--file is missing: name a YAML or JSON file, or - for standard input"))
			}
			content, err := a.read(file)
			if err != nil {
				return err
			}
			scheme, err := readScheme(content)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := rankingv1.NewLiveRankingServiceClient(conn).CreateScheme(ctx, &rankingv1.CreateSchemeRequest{
					SchemeId: strings.TrimPrefix(args[0], "schemes/"), Scheme: scheme, RequestId: rand.Text(), ValidateOnly: dryRun,
				})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				switch {
				case a.json:
					return a.message(got)
				case dryRun:
					a.linef(a.say("%s:可以建立。试运行,未写入。", "%s can be created. Dry run, nothing was written."), "schemes/"+strings.TrimPrefix(args[0], "schemes/"))
				default:
					a.linef(a.say("已建立 %s,数据版本号 %d。", "Created %s, revision %d."), got.GetScheme().GetName(), got.GetState().GetRevision())
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "YAML or JSON file with the scheme; - for standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say whether it can be created and write nothing")
	return cmd
}

// readScheme reads a scheme from YAML or JSON as people write it: the recipe in
// place, and weights as numbers.
func readScheme(content []byte) (*rankingv1.Scheme, error) {
	text, err := index.JSON(content)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // Weights are exact.
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not an object with the fields of a scheme: %w", err)
	}
	if inner, ok := doc["scheme"].(map[string]any); ok { // As `schemes show --json` prints it.
		doc = inner
	}
	if recipe, ok := doc["recipe"].(map[string]any); ok {
		raw, err := json.Marshal(recipe)
		if err != nil {
			return nil, fmt.Errorf("recipe: %w", err)
		}
		doc["recipe"] = string(raw)
	}
	nodes, _ := doc["nodes"].([]any)
	for _, n := range nodes {
		node, _ := n.(map[string]any)
		asText(node, "weight")
		leaf, _ := node["leaf"].(map[string]any)
		asText(leaf, "required_completeness")
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("read the scheme: %w", err)
	}
	s := &rankingv1.Scheme{}
	if err := protojson.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("not the fields of a scheme: %w", err)
	}
	return s, nil
}

func asText(fields map[string]any, key string) {
	if n, ok := fields[key].(json.Number); ok {
		fields[key] = n.String()
	}
}
