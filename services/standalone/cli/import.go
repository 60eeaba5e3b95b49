package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/data"
	"zonebench.internal/pkg/nearest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone/table"
)

// maxTable is the limit of the contract on one table.
const maxTable = 3 << 20

// A sender is one service's import: it takes a table and answers with a report.
type sender func(ctx context.Context, conn *grpc.ClientConn, u upload) (*typev1.ImportReport, *typev1.ReadState, proto.Message, error)

func registryTable(kind zonev1.RegistryTable) sender {
	return func(ctx context.Context, conn *grpc.ClientConn, u upload) (*typev1.ImportReport, *typev1.ReadState, proto.Message, error) {
		resp, err := zonev1.NewZoneServiceClient(conn).ImportRegistry(ctx, &zonev1.ImportRegistryRequest{
			Kind: kind, Table: u.table(), RequestId: u.requestID, ValidateOnly: u.dryRun,
		})
		return resp.GetReport(), resp.GetState(), resp, err //nolint:wrapcheck // the server's own words
	}
}

func figureTable(kind indicatorv1.FigureTable) sender {
	return func(ctx context.Context, conn *grpc.ClientConn, u upload) (*typev1.ImportReport, *typev1.ReadState, proto.Message, error) {
		resp, err := indicatorv1.NewIndicatorServiceClient(conn).ImportFigures(ctx, &indicatorv1.ImportFiguresRequest{
			Kind: kind, Table: u.table(), RequestId: u.requestID, ValidateOnly: u.dryRun,
		})
		return resp.GetReport(), resp.GetState(), resp, err //nolint:wrapcheck // the server's own words
	}
}

func publishedTable(kind rankingv1.PublishedRankingTable) sender {
	return func(ctx context.Context, conn *grpc.ClientConn, u upload) (*typev1.ImportReport, *typev1.ReadState, proto.Message, error) {
		resp, err := rankingv1.NewPublishedRankingServiceClient(conn).ImportPublishedRankings(ctx, &rankingv1.ImportPublishedRankingsRequest{
			Kind: kind, Table: u.table(), RequestId: u.requestID, ValidateOnly: u.dryRun,
		})
		return resp.GetReport(), resp.GetState(), resp, err //nolint:wrapcheck // the server's own words
	}
}

// tables are the kinds of tables in the order in which they can be loaded.
var tables = []struct {
	kind    data.Kind
	send    sender
	columns string
}{
	{
		data.ReferenceUnits, registryTable(zonev1.RegistryTable_REGISTRY_TABLE_REFERENCE_UNITS),
		"id,type,name_zh,name_en,aliases,parent,division_code,note,simulated",
	},
	{
		data.Zones, registryTable(zonev1.RegistryTable_REGISTRY_TABLE_ZONES),
		"id,type,level,name_zh,name_en,aliases,parent,division_code,certainty,basis,note,simulated",
	},
	{
		data.Relations, registryTable(zonev1.RegistryTable_REGISTRY_TABLE_RELATIONS),
		"id,type,zone,other,start_date,end_date,certainty,note",
	},
	{
		data.Groups, registryTable(zonev1.RegistryTable_REGISTRY_TABLE_GROUPS),
		"id,name_zh,name_en,filter,members,note",
	},
	{
		data.Sources, figureTable(indicatorv1.FigureTable_FIGURE_TABLE_SOURCES),
		"id,title_zh,title_en,publisher,publish_date,document_number,reliability,note,simulated",
	},
	{
		data.Indicators, figureTable(indicatorv1.FigureTable_FIGURE_TABLE_INDICATORS),
		"id,name_zh,name_en,aliases,definition,unit,nature,direction,price_basis,comparison_base,growth_of,usual_class," +
			"national_authority,concept,contains,succeeds,qualifier,false_friends,component_of,bundle,bundle_of,completion_of," +
			"numerator,denominator,size_denominator,note,simulated",
	},
	{
		data.Lists, figureTable(indicatorv1.FigureTable_FIGURE_TABLE_LISTS),
		"id,name_zh,name_en,authority_zh,authority_en,criteria,entries,note,simulated",
	},
	{
		data.Statements, figureTable(indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS),
		"source,locator,subject,indicator,period,class,extent,kind,ambition,comparator,value,due_date,status,unit,qualifier," +
			"tag,subject_certainty,period_certainty,believed_period,reporter,vintage,stage,release_time,number_pending,assigned_by," +
			"rank_series,rank_authority,rank_groups,rank_data_year,better_than_base,list,list_stage,part,note,supersedes",
	},
	{
		data.Series, publishedTable(rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_SERIES),
		"id,name_zh,name_en,authority_zh,authority_en,note,simulated",
	},
	{
		data.Rounds, publishedTable(rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_ROUNDS),
		"series,id,group_zh,group_en,ranking_year,data_year,publish_date,units_ranked,complete_to,method,source,reliability,note",
	},
	{
		data.Places, publishedTable(rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_PLACES),
		"round,zone,place,listed,score,note",
	},
}

// An upload is one table on its way to the server.
type upload struct {
	kind      data.Kind
	content   []byte
	charset   typev1.Charset
	dryRun    bool
	requestID string
}

func (u upload) table() *typev1.Table { return &typev1.Table{Content: u.content, Charset: u.charset} }

// send imports a table through the public API. The answer is the message of
// the service that took it.
func send(ctx context.Context, conn *grpc.ClientConn, u upload) (*typev1.ImportReport, *typev1.ReadState, proto.Message, error) {
	for _, known := range tables {
		if known.kind == u.kind {
			return known.send(ctx, conn, u)
		}
	}
	return nil, nil, nil, fmt.Errorf("no table %q", u.kind)
}

func (a *app) importTable() *cobra.Command {
	var u upload
	var charset string
	var columns strings.Builder
	names := make([]string, 0, len(tables))
	for _, t := range tables {
		names = append(names, string(t.kind))
		fmt.Fprintf(&columns, "\n  %s\n%s\n", t.kind, indent(table.Wrap(strings.ReplaceAll(t.columns, ",", ", "), 74)))
	}
	cmd := &cobra.Command{
		Use:   "import TABLE FILE",
		Short: "Load a CSV table, whole or not at all",
		Long: `Loads a CSV table. It is accepted whole or refused whole, with a report by row:
line, column, what was found and how to mend it. A row that says what is on
record already changes nothing, so a table can be loaded again.

FILE is - for standard input. The first line names the columns, in any order;
optional ones may be absent. Text is UTF-8 unless --charset says otherwise.
Lists in one cell are separated by semicolons.

Tables, in the order in which they can be loaded, and their columns:
` + columns.String(),
		Example: `  zonebench import zones zones.csv --dry-run
  zonebench import zones zones.csv
  zonebench import statements targets.csv --charset gbk
  zonebench import sources - < sources.csv`,
		Args: exactly("TABLE", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u.kind = data.Kind(args[0])
			if !known(u.kind) {
				message := fmt.Sprintf("there is no table %q: use %s", args[0], strings.Join(names, ", "))
				if near := nearest.Word(args[0], names); near != "" {
					message = fmt.Sprintf("there is no table %q: did you mean %s?", args[0], near)
				}
				return usage(errors.New(message))
			}
			switch strings.ToLower(charset) {
			case "utf-8", "utf8":
				u.charset = typev1.Charset_CHARSET_UTF8
			case "gb18030", "gbk", "gb2312":
				u.charset = typev1.Charset_CHARSET_GB18030
			default:
				return usage(fmt.Errorf("--charset %s: use utf-8 or gb18030 (which includes GBK)", charset))
			}
			var err error
			if u.content, err = a.read(args[1]); err != nil {
				return err
			}
			if u.requestID == "" {
				u.requestID = rand.Text() // A retry inside the client is harmless.
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				report, state, answer, err := send(ctx, conn, u)
				if err != nil {
					return err
				}
				if a.json {
					err = a.message(answer)
				} else {
					a.showReport(filepath.Base(args[1]), report, state, u.dryRun)
				}
				if err == nil && report.GetRejected() > 0 {
					return &failure{code: exitRefused, err: errors.New("refused"), told: true}
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&u.dryRun, "dry-run", false, "report what would happen and write nothing")
	cmd.Flags().StringVar(&charset, "charset", "utf-8", "utf-8 or gb18030 (also written gbk)")
	cmd.Flags().StringVar(&u.requestID, "request-id", "", "id of an import whose outcome is not known, to repeat it harmlessly")
	return cmd
}

func known(kind data.Kind) bool {
	for _, t := range tables {
		if t.kind == kind {
			return true
		}
	}
	return false
}

// read takes in a file, or standard input, within the limit of a table.
func (a *app) read(name string) ([]byte, error) {
	in := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, maxTable+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(content) == 0:
		return nil, fmt.Errorf("%s is empty: the first line must name the columns", name)
	case len(content) > maxTable:
		return nil, fmt.Errorf("%s is larger than %d bytes (3 MiB), the limit of one table: split it, with the header in each part", name, maxTable)
	default:
		return content, nil
	}
}

func (a *app) showReport(file string, r *typev1.ImportReport, state *typev1.ReadState, dryRun bool) {
	if len(r.GetProblems()) > 0 {
		t := table.New(a.say(">行", ">LINE"), a.say("列", "COLUMN"), a.say("原文", "FOUND"), a.say("问题", "PROBLEM"), a.say("改法", "REMEDY"))
		for _, p := range r.GetProblems() {
			message := p.GetMessage()
			if p.GetSeverity() == typev1.RowProblem_SEVERITY_WARNING {
				message = a.say("提醒:", "warning: ") + message
			}
			line := ""
			if p.GetLine() > 0 {
				line = fmt.Sprint(p.GetLine())
			}
			t.Row(line, p.GetColumn(), p.GetFound(), message, p.GetRemedy())
		}
		a.table(t)
		fmt.Fprintln(a.Out)
	}
	counts := fmt.Sprintf(a.say("%s:%d 行,新增 %d,更新 %d,不变 %d,有误 %d", "%s: %d rows: %d new, %d changed, %d unchanged, %d with errors"),
		file, r.GetRows(), r.GetCreated(), r.GetUpdated(), r.GetUnchanged(), r.GetRejected())
	var outcome string
	switch {
	case r.GetRejected() > 0:
		outcome = a.say("整表未写入,改正后重试", "Refused whole, nothing was written: mend the rows and repeat")
	case dryRun:
		outcome = a.say("试运行,未写入", "Dry run, nothing was written")
	case r.GetCreated()+r.GetUpdated() > 0:
		outcome = fmt.Sprintf(a.say("已写入,数据版本号 %d", "Written, revision %d"), state.GetRevision())
	default:
		outcome = fmt.Sprintf(a.say("无变化,数据版本号 %d", "Nothing to write, revision %d"), state.GetRevision())
	}
	a.linef("%s", counts+a.say("。", ". ")+outcome+a.say("。", "."))
}

func indent(lines []string) string { return "    " + strings.Join(lines, "\n    ") }
