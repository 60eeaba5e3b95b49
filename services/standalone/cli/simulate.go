package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone/simulate"
)

// maxRate bounds reports a second. More than that no server here can sync.
const maxRate = 10_000

// simulation is one run of simulate.
type simulation struct {
	*app
	dataset *simulate.Dataset
	conn    *grpc.ClientConn
	rate    int
	count   int // 0: until interrupted
	// caughtUp: nothing ahead is on record.
	caughtUp bool

	out simulated
}

// simulated is what a run came to, as --json prints it.
type simulated struct {
	Tables    int   `json:"tables"`
	Rows      int   `json:"rows"`
	Created   int   `json:"created"`
	Updated   int   `json:"updated"`
	Unchanged int   `json:"unchanged"`
	Rankings  int   `json:"rankings"`
	Releases  int   `json:"releases"`
	Live      int   `json:"live"`
	Revision  int64 `json:"revision,omitempty"`
}

func (a *app) simulate() *cobra.Command {
	cfg := simulate.Config{}
	s := &simulation{app: a}
	var dryRun bool
	var dir string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Fill a server with an invented province, its monthly figures and its rankings, marked as simulated",
		Long: `Makes up a province (示例省) with zones under invented names and indicators of its
own, and what the zones report month by month: levels, growth rates, shares,
rates and durations with trend and season; reports that come late, are in review,
dispute each other or give a bound only; cells that stay empty, figures that are
corrected later; the province's own figures to stand beside; targets for every
year, on amounts and on places; and the assessment that the province publishes.

Of these it keeps what a bureau would: a scheme for each method, a ranking for
every month behind the one of the month before, releases of the older ones, the
second where corrections came after the first. The newest month is a flash
ranking (快报) that is still being filled, the one before is formal (正式), the
others are final (定稿). It all goes through the public API like anyone's data:

  groups/example-zones, referenceUnits/example-province
  schemes/example-2023, schemes/example-2024
  rankings/example-2023-02 ... rankings/example-2024-10
  series/example-assessment

Everything is marked: names end in 〔模拟〕, and what stands on such figures says
that it is simulated. It cannot stand beside real figures unless asked for.

The same --seed, --from and --indicators make the same figures, to the last
digit, so a second run changes nothing and a run with more zones or months adds
to what is there. With --rate the newest month goes on: what is wanting in it is
reported one by one, that many a second, then its figures are revised again and
again, so that the ranking moves, until --count are committed or until
interrupted; a later run goes on where it ended.`,
		Example: `  zonebench simulate
  zonebench simulate --rate 5
  zonebench simulate --rate 100 --count 1000
  zonebench simulate --zones 500 --indicators 30 --months 12
  zonebench simulate --zones 10 --months 12 --out tables
  zonebench simulate --zones 2500 --dry-run`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.dataset, err = simulate.New(cfg); err != nil {
				return usage(err)
			}
			rated, counted := cmd.Flags().Changed("rate"), cmd.Flags().Changed("count")
			switch {
			case rated && (s.rate < 1 || s.rate > maxRate):
				return usage(fmt.Errorf("--rate %d: use 1 to %d reports a second", s.rate, maxRate))
			case counted && !rated:
				return usage(errors.New("--count ends the live reports: add --rate"))
			case counted && s.count < 1:
				return usage(fmt.Errorf("--count %d: use 1 or more, or leave it out to go on until interrupted", s.count))
			case rated && (dryRun || dir != ""):
				return usage(errors.New("--rate commits to a server: leave out --dry-run and --out"))
			case dir != "":
				err = s.write(dir, dryRun)
			case dryRun:
				err = s.each(cmd.Context(), func(simulate.Table) error { return nil }, nil)
			default:
				err = a.connect(func(conn *grpc.ClientConn) error {
					s.conn = conn
					return s.run(cmd.Context())
				})
			}
			if err != nil {
				return err
			}
			return s.show(dryRun, dir)
		},
	}
	f := cmd.Flags()
	f.IntVar(&cfg.Zones, "zones", simulate.Default.Zones, fmt.Sprintf("number of zones, up to %d", simulate.MaxZones))
	f.IntVar(&cfg.Indicators, "indicators", simulate.Default.Indicators, fmt.Sprintf("number of indicators in the scheme, up to %d", simulate.MaxIndicators))
	f.IntVar(&cfg.Months, "months", simulate.Default.Months, fmt.Sprintf("months of history, up to %d; no month of January is reported", simulate.MaxMonths))
	f.IntVar(&cfg.From, "from", simulate.Default.From, "first year")
	f.Uint64Var(&cfg.Seed, "seed", simulate.Default.Seed, "what the random numbers begin with")
	f.IntVar(&s.rate, "rate", 0, "after the history, go on with reports of the newest month, so many a second")
	f.IntVar(&s.count, "count", 0, "end after so many reports; without it --rate goes on until interrupted")
	f.BoolVar(&dryRun, "dry-run", false, "say how much it would be; needs no server and writes nothing")
	f.StringVar(&dir, "out", "", "write the tables of figures into this directory instead, numbered in the order of loading")
	return cmd
}

// run loads the history with its rankings and goes on with the live reports.
func (s *simulation) run(ctx context.Context) error {
	if err := s.only(ctx); err != nil {
		return err
	}
	keep := newKeeping(s)
	if err := s.each(ctx, func(t simulate.Table) error { return s.load(ctx, t) }, func(month int) error { return keep.month(ctx, month) }); err != nil {
		return err
	}
	if s.rate == 0 {
		return nil
	}
	err := s.live(ctx)
	if ctx.Err() != nil && s.count == 0 { // Interrupting is how it ends.
		return nil
	}
	return err
}

var errOtherDataset = errors.New("another simulated dataset is there")

// only refuses to write beside another dataset: the ids are the same, and the
// figures of both would contradict each other.
func (s *simulation) only(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := zonev1.NewZoneServiceClient(s.conn).GetReferenceUnit(ctx, &zonev1.GetReferenceUnitRequest{Name: simulate.Province})
	switch {
	case status.Code(err) == codes.NotFound:
		return nil
	case err != nil:
		return err //nolint:wrapcheck // the server's own words
	}
	if note := resp.GetReferenceUnit().GetNote(); note != s.dataset.Note() {
		return fmt.Errorf("%w (%s): use its --seed, --from and --indicators, or a server without one", errOtherDataset, note)
	}
	return nil
}

// each hands the tables on, says when those of a month are through, and shows
// how far it came.
func (s *simulation) each(ctx context.Context, do func(simulate.Table) error, through func(month int) error) error {
	defer s.progress("")
	month := -1
	for t, err := range s.dataset.Tables() {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted before %s: run it again to go on", t.File)
		}
		if t.Month != month && month >= 0 && through != nil {
			if err := through(month); err != nil {
				return err
			}
		}
		month = t.Month
		s.progress(fmt.Sprintf(s.say("%s(已处理 %d 行)", "%s (%d rows done)"), t.File, s.out.Rows))
		if err := do(t); err != nil {
			return err
		}
		s.out.Tables++
		s.out.Rows += t.Rows
	}
	if through != nil {
		return through(month)
	}
	return nil
}

func (s *simulation) load(ctx context.Context, t simulate.Table) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	report, state, _, err := send(ctx, s.conn, upload{
		kind: t.Kind, content: t.Content, charset: typev1.Charset_CHARSET_UTF8, requestID: rand.Text(), // A retry inside the client is harmless.
	})
	if err != nil {
		return within("load "+t.File, err)
	}
	if report.GetRejected() > 0 {
		p := report.GetProblems()[0]
		return fmt.Errorf("load %s: line %d, %s %q: %s: %s", t.File, p.GetLine(), p.GetColumn(), p.GetFound(), p.GetMessage(), p.GetRemedy())
	}
	s.out.Created += int(report.GetCreated())
	s.out.Updated += int(report.GetUpdated())
	s.out.Unchanged += int(report.GetUnchanged())
	s.out.Revision = state.GetRevision()
	return nil
}

// alreadyAtOnce is how many live reports are looked up together when a run goes
// on where another ended.
const alreadyAtOnce = 64

// live commits what comes in for the newest month, one report after the other.
func (s *simulation) live(ctx context.Context) error {
	live, err := s.dataset.Live()
	if err != nil {
		return err
	}
	if err := s.load(ctx, live.Sources()); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second / time.Duration(s.rate))
	defer tick.Stop()
	defer s.progress("")
	for {
		reports, err := s.ahead(ctx, live)
		if err != nil {
			return err
		}
		for _, report := range reports {
			if s.count > 0 && s.out.Live == s.count {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("interrupted after %d reports: %w", s.out.Live, ctx.Err())
			}
			if err := s.commit(ctx, report); err != nil {
				return err
			}
			s.progress(fmt.Sprintf(s.say("已提交 %d 条", "%d committed"), s.out.Live))
		}
	}
}

// ahead are the next reports without those that an earlier run committed. Only
// while there are such ones it asks.
func (s *simulation) ahead(ctx context.Context, live *simulate.Live) ([][]*indicatorv1.NewStatement, error) {
	if s.caughtUp {
		report, err := live.Next()
		return [][]*indicatorv1.NewStatement{report}, err
	}
	var list [][]*indicatorv1.NewStatement
	for range alreadyAtOnce {
		report, err := live.Next()
		if err != nil {
			return nil, err
		}
		list = append(list, report)
	}
	if live.Revising() { // Revisions come in order: the last one tells of those before it.
		known, err := s.known(ctx, list[len(list)-1])
		if err != nil || known {
			return nil, err
		}
		s.caughtUp = true
	}
	return s.unknown(ctx, list)
}

// unknown keeps the reports that are not on record. One that was replaced since
// must not be recorded again.
func (s *simulation) unknown(ctx context.Context, list [][]*indicatorv1.NewStatement) ([][]*indicatorv1.NewStatement, error) {
	var kept [][]*indicatorv1.NewStatement
	for _, report := range list {
		known, err := s.known(ctx, report)
		if err != nil {
			return nil, err
		}
		if !known {
			kept = append(kept, report)
		}
	}
	return kept, nil
}

func (s *simulation) known(ctx context.Context, report []*indicatorv1.NewStatement) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := indicatorv1.NewIndicatorServiceClient(s.conn).GetStatement(ctx, &indicatorv1.GetStatementRequest{Name: simulate.Name(report[0])})
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	return err == nil, err //nolint:wrapcheck // the server's own words
}

func (s *simulation) commit(ctx context.Context, report []*indicatorv1.NewStatement) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := indicatorv1.NewIndicatorServiceClient(s.conn).RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{
		Statements: report, RequestId: rand.Text(), // A retry inside the client is harmless.
	})
	if err != nil {
		return within(fmt.Sprintf("commit report %d", s.out.Live+1), err)
	}
	s.out.Live++
	s.out.Revision = resp.GetState().GetRevision()
	return nil
}

// write puts the tables into a directory.
func (s *simulation) write(dir string, dryRun bool) error {
	if !dryRun {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	return s.each(context.Background(), func(t simulate.Table) error {
		if dryRun {
			return nil
		}
		return os.WriteFile(filepath.Join(dir, t.File), t.Content, 0o600)
	}, nil)
}

// progress shows where a run is, in one line of a terminal that the next one
// replaces; elsewhere nothing.
func (s *simulation) progress(text string) {
	if f, ok := s.Err.(*os.File); ok && !s.json && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(f, "\r\x1b[K%s", text)
	}
}

func (s *simulation) show(dryRun bool, dir string) error {
	if s.json {
		if err := json.NewEncoder(s.Out).Encode(s.out); err != nil {
			return fmt.Errorf("print the outcome: %w", err)
		}
		return nil
	}
	sizes := fmt.Sprintf(s.say("示例省〔模拟〕:%d 张表,%d 行", "Example Province〔模拟〕: %d tables, %d rows"), s.out.Tables, s.out.Rows)
	switch {
	case dryRun:
		s.linef("%s", sizes+s.say("。试运行,未写入。", ". Dry run, nothing was written."))
	case dir != "":
		s.linef("%s", sizes+s.say("。已写入目录 ", ". Written into ")+dir)
	default:
		s.linef(s.say("%s:新增 %d,更新 %d,不变 %d;榜单 %d 个,新发布 %d 次;逐条上报 %d。数据版本号 %d。",
			"%s: %d new, %d changed, %d unchanged; %d rankings, %d new releases; %d live reports. Revision %d."),
			sizes, s.out.Created, s.out.Updated, s.out.Unchanged, s.out.Rankings, s.out.Releases, s.out.Live, s.out.Revision)
		s.linef(s.say("最新一期:%s", "The newest month: %s"), s.dataset.RankingName(s.dataset.Months()-1))
	}
	return nil
}
