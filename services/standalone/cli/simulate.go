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

	out simulated
}

// simulated is what a run came to, as --json prints it.
type simulated struct {
	Tables    int   `json:"tables"`
	Rows      int   `json:"rows"`
	Created   int   `json:"created"`
	Updated   int   `json:"updated"`
	Unchanged int   `json:"unchanged"`
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
		Short: "Fill a server with an invented province and its monthly figures, marked as simulated",
		Long: `Makes up a province (示例省) with zones under invented names, 30 indicators of its
own and what the zones report month by month: levels, growth rates, shares,
rates and durations with trend and season; reports that come late, cells that
stay empty, figures corrected later, and targets for every year. It loads them
through the public API like anyone's tables.

Everything is marked: names end in 〔模拟〕, and what stands on such figures says
that it is simulated. It cannot stand beside real figures unless asked for.

The same --seed and --from make the same figures, to the last digit, so a second
run changes nothing and a run with more zones or years adds to what is there.
With --rate the reports of the months after the history follow one by one, that
many a second, until --count are committed or until interrupted; a later run
goes on where it ended.`,
		Example: `  zonebench simulate
  zonebench simulate --zones 500 --years 3 --seed 7
  zonebench simulate --rate 5
  zonebench simulate --rate 100 --count 1000
  zonebench simulate --zones 10 --years 1 --out tables
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
				err = s.each(cmd.Context(), func(simulate.Table) error { return nil })
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
	f.IntVar(&cfg.Zones, "zones", 60, fmt.Sprintf("number of zones, up to %d", simulate.MaxZones))
	f.IntVar(&cfg.Years, "years", 2, fmt.Sprintf("years of history, up to %d", simulate.MaxYears))
	f.IntVar(&cfg.From, "from", 2023, "first year")
	f.Uint64Var(&cfg.Seed, "seed", 1, "what the random numbers begin with")
	f.IntVar(&s.rate, "rate", 0, "after the history, go on with reports one by one, so many a second")
	f.IntVar(&s.count, "count", 0, "end after so many reports; without it --rate goes on until interrupted")
	f.BoolVar(&dryRun, "dry-run", false, "say how much it would be; needs no server and writes nothing")
	f.StringVar(&dir, "out", "", "write the tables into this directory instead, numbered in the order of loading")
	return cmd
}

// run loads the history and goes on with the live reports.
func (s *simulation) run(ctx context.Context) error {
	if err := s.only(ctx); err != nil {
		return err
	}
	if err := s.each(ctx, func(t simulate.Table) error { return s.load(ctx, t) }); err != nil {
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
		return fmt.Errorf("another simulated dataset is there (%s): use its --seed and --from, or a server without one", note)
	}
	return nil
}

// each hands the tables on and shows how far it came.
func (s *simulation) each(ctx context.Context, do func(simulate.Table) error) error {
	defer s.progress("")
	for t, err := range s.dataset.Tables() {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted before %s: run it again to go on", t.File)
		}
		s.progress(fmt.Sprintf(s.say("%s（已处理 %d 行）", "%s (%d rows done)"), t.File, s.out.Rows))
		if err := do(t); err != nil {
			return err
		}
		s.out.Tables++
		s.out.Rows += t.Rows
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

// live commits the reports behind the history one by one.
func (s *simulation) live(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(s.rate))
	defer tick.Stop()
	defer s.progress("")
	for n := s.dataset.Months(); ; n++ {
		month, err := s.dataset.At(n)
		if err != nil {
			return err
		}
		if err := s.load(ctx, s.dataset.Sources(n)); err != nil {
			return err
		}
		for _, report := range append(month.Targets, month.Reports...) {
			if s.count > 0 && s.out.Live == s.count {
				return nil
			}
			done, err := s.known(ctx, report)
			if err != nil {
				return err
			}
			if done {
				continue
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("interrupted after %d reports: %w", s.out.Live, ctx.Err())
			}
			if err := s.commit(ctx, report); err != nil {
				return err
			}
			s.progress(fmt.Sprintf(s.say("%d年1—%d月：已提交 %d 条", "months 1 to %[2]d of %[1]d: %[3]d committed"), month.Year, month.Month, s.out.Live))
		}
	}
}

// known says whether a report was committed by an earlier run. One that was
// corrected since must not be recorded again.
func (s *simulation) known(ctx context.Context, report *indicatorv1.NewStatement) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := indicatorv1.NewIndicatorServiceClient(s.conn).GetStatement(ctx, &indicatorv1.GetStatementRequest{Name: simulate.Name(report)})
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	return err == nil, err //nolint:wrapcheck // the server's own words
}

func (s *simulation) commit(ctx context.Context, report *indicatorv1.NewStatement) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := indicatorv1.NewIndicatorServiceClient(s.conn).RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{
		Statements: []*indicatorv1.NewStatement{report},
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
	})
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
		s.linef(s.say("%s:新增 %d,更新 %d,不变 %d;逐条上报 %d。数据版本号 %d。", "%s: %d new, %d changed, %d unchanged; %d live reports. Revision %d."),
			sizes, s.out.Created, s.out.Updated, s.out.Unchanged, s.out.Live, s.out.Revision)
	}
	return nil
}
