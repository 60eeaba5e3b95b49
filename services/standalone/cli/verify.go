package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/local"
	"zonebench.internal/services/standalone"
	"zonebench.internal/services/standalone/table"
)

func (a *app) verify() *cobra.Command {
	var dir, archive string
	cmd := &cobra.Command{
		Use:   "verify --data DIR | --archive DIR",
		Short: "Read a whole ledger and check it against its chain of hashes",
		Long: `Reads every commit in a data directory, checks that none is missing and that
each is what was written, and names every damaged range. It takes the lock of
the directory, so the server on it must be stopped. With --archive it does the
same for an archive, which may be written meanwhile. Nothing is changed.

The digest is the same for two ledgers that say the same at the same times.
Exit code 4 means damage.`,
		Example: `  zonebench verify --data ~/.local/share/zonebench
  zonebench verify --data ./zones --json
  zonebench verify --archive /mnt/backup/zones`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			check := func() (*ledger.Report, time.Duration, error) { return a.check(dir) }
			switch {
			case archive != "":
				check = func() (*ledger.Report, time.Duration, error) { return a.verifyArchive(archive) }
			case dir == "":
				return usage(errors.New("--data is missing: the directory that serve keeps its ledger in"))
			}
			report, took, err := check()
			if err != nil {
				return err
			}
			if a.json {
				err = a.showVerifiedJSON(report)
			} else {
				a.showVerified(report, took)
			}
			if err == nil && !report.Sound() {
				return &failure{code: exitDamaged, err: errors.New("damaged"), told: true}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "data", a.env.Data, "directory that keeps the ledger")
	cmd.Flags().StringVar(&archive, "archive", "", "directory of an archive, instead")
	return cmd
}

// check reads the files of the store. No server opens them: one would cut what
// lies behind a damage.
func (a *app) check(dir string) (*ledger.Report, time.Duration, error) {
	start := a.Now()
	store, mark := standalone.Store(dir)
	if info, err := os.Stat(store); err != nil || !info.IsDir() {
		return nil, 0, fmt.Errorf("%s holds no ledger: name the directory that was given to serve or demo with --data", dir)
	}
	s, err := local.OpenStore(store, ledger.Stream)
	if errors.Is(err, local.ErrNoStream) {
		report, err := ledger.VerifyStored(ledger.Stored{MarkFile: mark})
		return report, a.Now().Sub(start), err
	}
	if err != nil {
		return nil, 0, err
	}
	report, err := ledger.VerifyStored(ledger.Stored{
		Metadata: s.Metadata(),
		Read:     messages(s),
		Cause:    s.Cause, Torn: s.Torn, MarkFile: mark,
	})
	return report, a.Now().Sub(start), errors.Join(err, s.Close())
}

func (a *app) showVerified(r *ledger.Report, took time.Duration) {
	t := table.New("LANE", ">COMMITS", ">TRANSACTIONS", ">REVISION", "COMMIT TIME", "HASH")
	for _, l := range r.Lanes {
		t.Row(l.Lane, fmt.Sprint(l.Commits), fmt.Sprint(l.Transactions), fmt.Sprint(l.Revision),
			l.CommitTime.UTC().Format(time.RFC3339), l.Hash)
	}
	a.linef(a.say("账本 %s,第 %d 代,数据版本号 %d", "ledger %s, epoch %d, revision %d"), r.LedgerID, r.Epoch, r.LastRevision)
	fmt.Fprintln(a.Out)
	a.table(t)
	fmt.Fprintln(a.Out)
	a.linef(a.say("共 %d 次提交、%d 笔事务、%d 条事实、%d 字节,用时 %v", "%d commits, %d transactions, %d facts, %d bytes, read in %v"),
		r.Commits, r.Transactions, r.Facts, r.Bytes, took.Round(time.Millisecond))
	if len(r.Ignored) > 0 {
		a.linef(a.say("按规则忽略的版本:%v", "revisions ignored by rule: %v"), r.Ignored)
	}
	a.linef(a.say("摘要 %s", "digest %s"), r.Digest)
	if r.Sound() {
		a.linef("%s", a.say("完好。", "sound."))
		return
	}
	fmt.Fprintln(a.Out)
	d := table.New(a.say(">自", ">FROM"), a.say(">至", ">TO"), a.say("损坏", "DAMAGE"))
	for _, x := range r.Damage {
		d.Row(fmt.Sprint(x.First), fmt.Sprint(x.Last), x.Cause)
	}
	a.table(d)
	a.linef("%s", a.say("已损坏:不要在此目录上启动服务,请从备份恢复。", "damaged: do not serve from this directory, restore it from a copy."))
}

// verified is a report as JSON.
type verified struct {
	Sound        bool           `json:"sound"`
	LedgerID     string         `json:"ledger_id"`
	Epoch        int64          `json:"epoch"`
	Revision     int64          `json:"revision"`
	Commits      int64          `json:"commits"`
	Transactions int64          `json:"transactions"`
	Facts        int64          `json:"facts"`
	Bytes        int64          `json:"bytes"`
	Ignored      []int64        `json:"ignored"`
	Lanes        []verifiedLane `json:"lanes"`
	Damage       []damagedRange `json:"damage"`
	Digest       string         `json:"digest"`
}

type verifiedLane struct {
	Lane       string    `json:"lane"`
	Commits    int64     `json:"commits"`
	Sequence   int64     `json:"sequence"`
	Revision   int64     `json:"revision"`
	CommitTime time.Time `json:"commit_time"`
	Hash       string    `json:"hash"`
}

type damagedRange struct {
	First int64  `json:"first_revision"`
	Last  int64  `json:"last_revision"`
	Cause string `json:"cause"`
}

func (a *app) showVerifiedJSON(r *ledger.Report) error {
	v := verified{
		Sound: r.Sound(), LedgerID: r.LedgerID, Epoch: r.Epoch, Revision: r.LastRevision, Commits: r.Commits,
		Transactions: r.Transactions, Facts: r.Facts, Bytes: r.Bytes, Ignored: append([]int64{}, r.Ignored...),
		Lanes: []verifiedLane{}, Damage: []damagedRange{}, Digest: r.Digest,
	}
	for _, l := range r.Lanes {
		v.Lanes = append(v.Lanes, verifiedLane{
			Lane: l.Lane, Commits: l.Commits, Sequence: l.Sequence, Revision: l.Revision, CommitTime: l.CommitTime, Hash: l.Hash,
		})
	}
	for _, d := range r.Damage {
		v.Damage = append(v.Damage, damagedRange{First: d.First, Last: d.Last, Cause: d.Cause})
	}
	encoder := json.NewEncoder(a.Out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// damaged reports whether a ledger did not open or halted because of damage:
// found in its commits, or in the files below them before a server opened them.
func damaged(err error) bool {
	var inLedger *ledger.DamageError
	var inStore *local.DamagedError
	return errors.As(err, &inLedger) || errors.As(err, &inStore)
}
