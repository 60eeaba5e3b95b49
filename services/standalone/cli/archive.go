package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/local"
	"zonebench.internal/pkg/telemetry"
	"zonebench.internal/services/standalone"
)

func (a *app) archive() *cobra.Command {
	var dir, url, to string
	var once bool
	cmd := &cobra.Command{
		Use:   "archive --to DIR (--data DIR | --nats URL)",
		Short: "Copy a ledger into an archive of checksummed segments",
		Long: `Copies every commit into immutable segments in a directory, which should be on
another disk than the ledger. It goes on where an earlier run ended, without a
gap or a repetition, and refuses a directory of another ledger or epoch.

With --data it takes the lock of a directory whose server is stopped, and ends
when all is copied. With --nats it follows the ledger of services that run as
processes of their own until it is interrupted, or ends with --once when what was
there is copied. A server on a directory archives by itself: serve --archive DIR.

` + natsSettings,
		Example: `  zonebench archive --data ./zones --to /mnt/backup/zones
  zonebench archive --nats nats://127.0.0.1:4222 --to /mnt/backup/zones
  zonebench archive --nats nats://127.0.0.1:4222 --once --to /mnt/backup/zones`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case to == "":
				return usage(errors.New("--to is missing: the directory of the archive"))
			case url != "":
				return a.follow(cmd.Context(), url, to, once)
			case dir == "":
				return usage(errors.New("--data is missing: the directory that serve keeps its ledger in; or name a server with --nats"))
			}
			archived, err := a.archiveStored(dir, to)
			if damaged(err) {
				return &failure{code: exitDamaged, err: fmt.Errorf("archived up to revision %d: %w", archived, err)}
			}
			if err == nil {
				a.linef(a.say("已归档至数据版本号 %d。", "archived up to revision %d."), archived)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", a.env.Data, "directory that keeps the ledger")
	f.StringVar(&url, "nats", "", "NATS server whose ledger is followed")
	f.BoolVar(&once, "once", false, "end when what is in the ledger is copied")
	f.StringVar(&to, "to", "", "directory of the archive")
	return cmd
}

func (a *app) archiveStored(dir, to string) (archived int64, err error) {
	store, _ := standalone.Store(dir)
	s, err := local.OpenStore(store, ledger.Stream)
	if err != nil {
		return 0, fmt.Errorf("%s holds no ledger that can be read: %w", dir, err)
	}
	log, err := telemetry.Logger(telemetry.Config{}, a.Err)
	if err != nil {
		return 0, errors.Join(err, s.Close())
	}
	archived, err = ledger.ArchiveStored(ledger.Stored{Metadata: s.Metadata(), Read: messages(s)}, ledger.ArchiveConfig{Dir: to}, log)
	return archived, errors.Join(err, s.Close())
}

// messages gives what a stopped store holds.
func messages(s *local.Store) func(yield func(int64, string, []byte) bool) error {
	return func(yield func(int64, string, []byte) bool) error {
		for m, err := range s.Messages() {
			if err != nil {
				return err
			}
			if !yield(m.Sequence, m.Subject, m.Data) {
				return nil
			}
		}
		return nil
	}
}

// follow archives a ledger in a NATS server until it is interrupted, or once.
func (a *app) follow(ctx context.Context, url, to string, once bool) error {
	log, err := telemetry.Logger(telemetry.Config{}, a.Err)
	if err != nil {
		return err
	}
	conn, js, err := a.jetStream(url, "archive", log)
	if err != nil {
		return err
	}
	defer conn.Close()
	led, err := ledger.Open(ctx, ledger.Config{ReadOnly: true}, ledger.Deps{JetStream: js, Now: a.Now, Log: log})
	if err != nil {
		return started(err)
	}
	archiver, err := ledger.OpenArchive(ctx, led, ledger.ArchiveConfig{Dir: to})
	if err != nil {
		return err
	}
	// The archiver ends first: it goes on to the last revision that was read.
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- led.Run(reading) }()
	archiving, cancel := context.WithCancel(ctx)
	defer cancel()
	copied := make(chan error, 1)
	go func() { copied <- archiver.Run(archiving) }()
	if once {
		go func() {
			select {
			case <-led.CaughtUp():
				cancel()
			case <-archiving.Done():
			}
		}()
	}
	if !once {
		a.linef(a.say("正在将 %s 的账本归档到 %s;按 Ctrl-C 停止。", "Archiving the ledger of %s to %s; Ctrl-C stops it."), url, to)
	}
	select {
	case err = <-ended:
		cancel()
		err = errors.Join(err, <-copied)
	case err = <-copied:
		stop()
		err = errors.Join(err, <-ended)
	}
	if archived, all := archiver.Archived(), led.Applied(); err == nil && once {
		if archived < all {
			return fmt.Errorf("archived up to revision %d of %d: what is wrong with %s is in the log", archived, all, to)
		}
		a.linef(a.say("已归档至数据版本号 %d。", "archived up to revision %d."), archived)
	}
	return started(err)
}

func (a *app) restore() *cobra.Command {
	var from, dir, url string
	var at, epoch int64
	var replicas int
	cmd := &cobra.Command{
		Use:   "restore --archive DIR (--data DIR | --nats URL) [--at REVISION]",
		Short: "Make a ledger from an archive",
		Long: `Writes a new data directory that holds what the archive holds, at the same
revisions and times, in the next epoch: tokens of before are refused as foreign,
and everything that was derived is derived again. The target must be empty and
the archive sound up to the revision that is restored.

With --nats the ledger is written to a server, or to as many as --replicas says,
that must have none; the services over it must be stopped.

Restoring one archive a second time, say a higher --epoch than the first time.
The restored ledger needs an archive of its own.

` + natsSettings,
		Example: `  zonebench restore --archive /mnt/backup/zones --data ./restored
  zonebench restore --archive /mnt/backup/zones --data ./earlier --at 1200
  zonebench restore --archive /mnt/backup/zones --nats tls://nats-0.nats:4222 --replicas 3`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || (dir == "") == (url == "") {
				return usage(errors.New("--archive and one of --data and --nats are needed: the archive, and where to restore it"))
			}
			start := a.Now()
			what := ledger.Restoration{Archive: from, At: at, Epoch: epoch, Replicas: replicas}
			into := func(ctx context.Context) (*ledger.Report, error) { return a.restoreInto(ctx, dir, what) }
			if url != "" {
				into = func(ctx context.Context) (*ledger.Report, error) { return a.restoreTo(ctx, url, what) }
			}
			report, err := into(cmd.Context())
			if damaged(err) {
				return &failure{code: exitDamaged, err: err}
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.showVerifiedJSON(report)
			}
			a.showVerified(report, a.Now().Sub(start))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "archive", "", "directory of the archive")
	f.StringVar(&dir, "data", "", "directory to restore into, empty or absent")
	f.StringVar(&url, "nats", "", "NATS server to restore to, without a ledger")
	f.IntVar(&replicas, "replicas", 1, "replicas of the restored ledger, with --nats")
	f.Int64Var(&at, "at", 0, "last revision that is restored; all of them by default")
	f.Int64Var(&epoch, "epoch", 0, "epoch of the restored ledger; the next one after the archive's by default")
	return cmd
}

// restoreTo writes to a server, which syncs each commit.
func (a *app) restoreTo(ctx context.Context, url string, r ledger.Restoration) (*ledger.Report, error) {
	log, err := telemetry.Logger(telemetry.Config{}, a.Err)
	if err != nil {
		return nil, err
	}
	conn, js, err := a.jetStream(url, "operator", log)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r.JetStream, r.Log = js, log
	return ledger.Restore(ctx, r)
}

// restoreInto writes the store without a sync for each commit, and syncs it as a
// whole at the end. The mark, which is written first, tells a store that did not
// come so far.
func (a *app) restoreInto(ctx context.Context, dir string, r ledger.Restoration) (*ledger.Report, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: name a new directory", dir)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	log, err := telemetry.Logger(telemetry.Config{}, a.Err)
	if err != nil {
		return nil, err
	}
	store, mark := standalone.Store(dir)
	server, err := local.NATS(store, local.Options{Log: log, LazySync: true})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	if r.JetStream, err = jetstream.New(server.Conn()); err != nil {
		return nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	r.MarkFile, r.Log = mark, log
	report, err := ledger.Restore(ctx, r)
	if err != nil {
		return nil, err
	}
	server.Close()
	return report, syncTree(dir)
}

// syncTree puts everything below a directory on the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path) //nolint:gosec // the directory was made by us a moment ago
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("sync %s: %w", path, err)
		}
		return nil
	})
}

// verifyArchive reads a whole archive.
func (a *app) verifyArchive(dir string) (*ledger.Report, time.Duration, error) {
	start := a.Now()
	report, err := ledger.VerifyArchive(dir)
	return report, a.Now().Sub(start), err
}
