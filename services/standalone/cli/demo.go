package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"zonebench.internal/data"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/simulate"
	"zonebench.internal/services/standalone/table"
)

// The year of the five plans that most of them are about.
const demoPeriod = "2020"

func (a *app) demo() *cobra.Command {
	var options serving
	var once, province bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Load the five published work plans, show what they allow to compare, and a ranking that moves",
		Long: `Starts an installation in this process, loads the facts that the binary
carries through the public API as anyone would, and prints

  1. the matrix of everyone with figures against the eight headline concepts,
     with the reason in each empty cell;
  2. the strict comparisons, with places and caveats;
  3. the reference lists, with the reason on every row;
  4. who is in no strict comparison, and why;
  5. the places of a zone in published rankings, round by round;
  6. a target on a place, with what is and is not known;
  7. a target that was not printed, from an actual and its rate of completion;
  8. a live ranking, over a small simulated province in an installation of its
     own: a figure is committed, and the event and the delta that come of it.

The plans do not allow to rank zones by a scheme: too few of them have figures
that compare. So for the board it also loads the invented province 示例省, as
"zonebench simulate" does, marked 〔模拟〕 everywhere; --province=false leaves it
out.

Then it keeps serving, until interrupted, and says how to call it. Without
--data the directory is temporary. It can be run again on the same directory.`,
		Example: `  zonebench demo
  zonebench demo --lang en
  zonebench demo --data ~/zonebench --listen 127.0.0.1:0
  zonebench demo --once --json | head`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if once {
				options.listen, options.board = "", "" // Nobody will call.
			} else if a.json {
				return usage(errors.New("--json prints one object and exits: add --once"))
			}
			return a.run(cmd.Context(), options, func(ctx context.Context, in installation) error {
				loaded, err := load(ctx, in.conn)
				if err != nil {
					return err
				}
				resp, err := rankingv1.NewRankingServiceClient(in.conn).CompareZones(ctx, &rankingv1.CompareZonesRequest{
					Period: demoPeriod, Kind: indicatorv1.Kind_KIND_TARGET, Indicators: data.HeadlineConcepts(),
				})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				beyond, err := readMeaning(ctx, in.conn)
				if err != nil {
					return err
				}
				live, err := a.playLive(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.showDemoJSON(resp, beyond, live)
				}
				a.showLoaded(in, loaded)
				a.showComparison(resp)
				a.showMeaning(beyond)
				a.showLive(live, numbered(a.say("八", "8")))
				if once {
					return nil
				}
				newest := ""
				if province {
					if newest, err = a.loadProvince(ctx, in.conn); err != nil {
						return err
					}
				}
				a.showCalls(in.address, newest)
				a.showBoard(in.board)
				return in.wait(ctx)
			})
		},
	}
	options.flags(cmd, a.env.Data, true)
	cmd.Flags().BoolVar(&once, "once", false, "print and exit, without serving")
	cmd.Flags().BoolVar(&province, "province", true, "load the invented province too, so that the board has rankings to show")
	return cmd
}

// loadProvince loads the province that simulate makes by default and returns the
// id of its newest ranking. Where another one is already, that stays.
func (a *app) loadProvince(ctx context.Context, conn *grpc.ClientConn) (string, error) {
	dataset, err := simulate.New(simulate.Default)
	if err != nil {
		return "", err
	}
	s := &simulation{app: a, dataset: dataset, conn: conn}
	err = s.run(ctx)
	if errors.Is(err, errOtherDataset) {
		fmt.Fprintln(a.Out)
		a.linef("%s", a.say("已有另一个模拟数据集,未改动。", "Another simulated dataset is there and stays as it is."))
		return "", nil
	}
	if err != nil {
		return "", err
	}
	fmt.Fprintln(a.Out)
	a.linef(a.say("另已载入示例省〔模拟〕:%d 个开发区,%d 个榜单。", "Loaded as well: Example Province〔模拟〕, %d zones and %d rankings."),
		len(dataset.Zones()), s.out.Rankings)
	return strings.TrimPrefix(dataset.RankingName(dataset.Months()-1), "rankings/"), nil
}

// A loadedTable is what became of one table.
type loadedTable struct {
	table  data.Table
	report *typev1.ImportReport
	state  *typev1.ReadState
}

// load sends the facts of the binary through the public API.
func load(ctx context.Context, conn *grpc.ClientConn) ([]loadedTable, error) {
	var all []loadedTable
	for _, t := range data.Tables() {
		// Each run asks anew: a row that is on record changes nothing, and the report says so.
		u := upload{kind: t.Kind, content: t.Content, charset: typev1.Charset_CHARSET_UTF8, requestID: rand.Text()}
		report, state, _, err := send(ctx, conn, u)
		if err != nil {
			return nil, within("load "+t.File, err)
		}
		if report.GetRejected() > 0 {
			p := report.GetProblems()[0]
			return nil, fmt.Errorf("load %s: line %d, %s %q: %s: %s", t.File, p.GetLine(), p.GetColumn(), p.GetFound(), p.GetMessage(), p.GetRemedy())
		}
		all = append(all, loadedTable{table: t, report: report, state: state})
	}
	return all, nil
}

func (a *app) showLoaded(in installation, loaded []loadedTable) {
	directory := in.dir
	if in.temporary {
		directory += a.say("(临时目录,退出后删除)", " (temporary, removed at the end)")
	}
	a.linef(a.say("数据目录:%s", "Data directory: %s"), directory)
	fmt.Fprintln(a.Out)
	t := table.New(a.say("已载入", "LOADED"), a.say(">行", ">ROWS"), a.say(">新增", ">NEW"), a.say(">更新", ">CHANGED"),
		a.say(">不变", ">UNCHANGED"), a.say(">数据版本号", ">REVISION"))
	for _, l := range loaded {
		r := l.report
		t.Row(l.table.File, fmt.Sprint(r.GetRows()), fmt.Sprint(r.GetCreated()), fmt.Sprint(r.GetUpdated()),
			fmt.Sprint(r.GetUnchanged()), fmt.Sprint(l.state.GetRevision()))
	}
	a.table(t)
}

func (a *app) showCalls(address, newest string) {
	fmt.Fprintln(a.Out)
	a.linef("%s", a.say("正在服务,按 Ctrl-C 停止。在另一个终端可以这样调用:", "Serving until Ctrl-C. Call it from another terminal:"))
	option := ""
	if address != defaultAddress {
		option = " --address " + address
	}
	name := or(a.Name, "zonebench")
	fmt.Fprintf(a.Out, `
  %[1]s zones resolve 金开%[2]s
  %[1]s compare --period 2020 --indicator industrial-investment-growth%[2]s
`, name, option)
	if newest != "" {
		fmt.Fprintf(a.Out, `  %[1]s ranking %[3]s%[2]s
  %[1]s watch %[3]s%[2]s     # %[4]s
  %[1]s simulate --rate 5%[2]s
`, name, option, newest, a.say("下一条命令让它动起来", "the next line makes it move"))
	}
	fmt.Fprintf(a.Out, `
  grpcurl -plaintext %[1]s list
  grpcurl -plaintext -d '{"queries":[{"text":"金开"}]}' \
    %[1]s zonebench.zone.v1.ZoneService/ResolveZones
  grpcurl -plaintext -d '{"period":"2020","kind":"KIND_TARGET"}' \
    %[1]s zonebench.ranking.v1.RankingService/CompareZones

  conn, err := grpc.NewClient(%[2]q,
      grpc.WithTransportCredentials(insecure.NewCredentials()))
  resp, err := rankingv1.NewRankingServiceClient(conn).CompareZones(ctx,
      &rankingv1.CompareZonesRequest{
          Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET})

`, address, address)
}

// What `demo --once --json` prints: keys in snake case, words in lower case,
// places as numbers, values as decimal strings, null where there is nothing.
type demoOutput struct {
	Matrix    []demoCell      `json:"matrix"`
	Strict    []demoStrict    `json:"strict"`
	Reference []demoReference `json:"reference"`
	Excluded  []demoExclusion `json:"excluded"`

	Published   []demoPublished  `json:"published"`
	RankTargets []demoRankTarget `json:"rank_targets"`
	Completion  []demoCompletion `json:"completion"`
	Live        demoLive         `json:"live"`

	Revision string `json:"revision"`
}

type demoCell struct {
	Zone      string  `json:"zone"`
	Indicator string  `json:"indicator"`
	Value     *string `json:"value"`
	Reason    *string `json:"reason"`
}

type demoComparison struct {
	Indicator string  `json:"indicator"`
	Nature    *string `json:"nature"`
	Unit      *string `json:"unit"`
	Period    *string `json:"period"`
	Kind      *string `json:"kind"`
}

type demoStrict struct {
	demoComparison
	Rows []demoStrictRow `json:"rows"`
}

type demoReference struct {
	demoComparison
	Rows []demoReferenceRow `json:"rows"`
}

type demoRow struct {
	Zone       string  `json:"zone"`
	Value      *string `json:"value"`
	Comparator *string `json:"comparator"`
	Ambition   *string `json:"ambition"`
}

type demoStrictRow struct {
	demoRow
	Place   *int32   `json:"place"`
	Of      *int32   `json:"of"`
	Caveats []string `json:"caveats"`
}

type demoReferenceRow struct {
	demoRow
	Order   *int32   `json:"order"`
	Reason  *string  `json:"reason"`
	Caveats []string `json:"caveats"`
}

type demoExclusion struct {
	Zone   string  `json:"zone"`
	Reason *string `json:"reason"`
}

func (a *app) showDemoJSON(resp *rankingv1.CompareZonesResponse, beyond meaning, live *liveMove) error {
	out := demoOutput{
		Matrix: []demoCell{}, Strict: []demoStrict{}, Reference: []demoReference{}, Excluded: []demoExclusion{},
		Published: a.demoPublished(beyond), RankTargets: a.demoRankTargets(beyond), Completion: a.demoCompletions(beyond), Live: a.demoLive(live),
		Revision: fmt.Sprint(resp.GetState().GetRevision()),
	}
	names := make(map[string]string, len(resp.GetSubjects()))
	for _, s := range resp.GetSubjects() {
		names[s.GetSubject()] = a.text(s.GetDisplayName())
	}
	for _, c := range resp.GetMatrix() {
		out.Matrix = append(out.Matrix, demoCell{
			Zone:      names[c.GetSubject()],
			Indicator: a.text(resp.GetColumns()[c.GetColumn()].GetDisplayName()),
			Value:     null(c.GetNumber()), Reason: null(a.text(c.GetReason())),
		})
	}
	for _, c := range resp.GetStrict() {
		strict := demoStrict{demoComparison: a.demoComparison(c)}
		for _, r := range c.GetRows() {
			strict.Rows = append(strict.Rows, demoStrictRow{
				demoRow: a.demoRow(r), Place: nullNumber(r.GetPlace()), Of: nullNumber(r.GetOf()), Caveats: a.demoCaveats(r),
			})
		}
		out.Strict = append(out.Strict, strict)
	}
	for _, c := range resp.GetReference() {
		reference := demoReference{demoComparison: a.demoComparison(c)}
		for _, r := range c.GetRows() {
			reference.Rows = append(reference.Rows, demoReferenceRow{
				demoRow: a.demoRow(r), Order: nullNumber(r.GetOrder()), Reason: null(a.text(r.GetReason())), Caveats: a.demoCaveats(r),
			})
		}
		out.Reference = append(out.Reference, reference)
	}
	for _, e := range resp.GetExcluded() {
		out.Excluded = append(out.Excluded, demoExclusion{Zone: a.text(e.GetDisplayName()), Reason: null(a.text(e.GetReason()))})
	}
	encoder := json.NewEncoder(a.Out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	return nil
}

func (a *app) demoComparison(c *rankingv1.Comparison) demoComparison {
	return demoComparison{
		Indicator: a.text(c.GetDisplayName()), Nature: null(word(c.GetNature())), Unit: null(c.GetUnit()),
		Period: null(c.GetPeriod()), Kind: null(word(c.GetKind())),
	}
}

func (a *app) demoRow(r *rankingv1.Row) demoRow {
	return demoRow{
		Zone: a.text(r.GetDisplayName()), Value: null(r.GetNumber()), Comparator: null(comparator(r.GetComparator())),
		Ambition: null(word(r.GetKey().GetAmbition())),
	}
}

func (a *app) demoCaveats(r *rankingv1.Row) []string {
	texts := make([]string, 0, len(r.GetCaveats()))
	for _, c := range r.GetCaveats() {
		texts = append(texts, a.text(c))
	}
	return texts
}

func null(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func nullNumber(n int32) *int32 {
	if n == 0 {
		return nil
	}
	return &n
}
