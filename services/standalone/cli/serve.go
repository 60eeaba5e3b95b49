package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/telemetry"
	"zonebench.internal/services/standalone"
)

// serving is how serve and demo run an installation.
type serving struct {
	data    string
	listen  string
	board   string
	redis   string
	metrics string
	log     string
	events  bool
	archive string
	open    bool
	given   func(flag string) bool
}

func (s *serving) flags(cmd *cobra.Command, dir string, temporary bool) {
	f := cmd.Flags()
	s.given = f.Changed
	if temporary {
		f.StringVar(&s.data, "data", "", "directory that keeps the ledger; temporary by default")
		f.StringVar(&s.log, "log-level", "warn", "debug, info, warn or error")
	} else {
		f.StringVar(&s.data, "data", dir, "directory that keeps the ledger")
		f.StringVar(&s.log, "log-level", "info", "debug, info, warn or error")
	}
	f.StringVar(&s.listen, "listen", defaultAddress, "address to serve on; port 0 takes a free one; others than loopback ones need TLS and an access file")
	f.StringVar(&s.board, "board", defaultBoard, "address of the board, as --listen; empty for none; a free port when the usual one is taken")
	f.StringVar(&s.redis, "redis", "", "URL of a real Redis or Valkey; one inside the process by default")
	f.StringVar(&s.metrics, "metrics", "", "loopback address for /metrics and /debug/pprof; off by default")
	f.StringVar(&s.archive, "archive", "", "directory, on another disk, into which every commit is copied; none by default")
	f.BoolVar(&s.open, "insecure", false, "serve any address without TLS, and to anyone without an access file")
	f.BoolVar(&s.events, "print-events", false, "print the public events as they happen, one JSON object a line")
}

// installation is a running one, as a command sees it.
type installation struct {
	conn      *grpc.ClientConn
	dir       string
	temporary bool
	address   string
	board     string
	wait      func(context.Context) error
}

func (a *app) serve() *cobra.Command {
	var options serving
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run an installation on this machine",
		Long: `Runs every service in this process: the zone, indicator and ranking services
behind one gRPC server on the loopback, over a ledger in a directory, and the
board for a browser. What was acknowledged is on the disk and survives a kill.

Other addresses than the loopback are refused unless callers have to prove who
they are: set ZONEBENCH_TLS_CERT_FILE, ZONEBENCH_TLS_KEY_FILE and
ZONEBENCH_AUTH_ACCESS_FILE as docs/operations/security.md says, or give
--insecure where somebody else keeps the wrong ones away. The directory is
locked while it is in use.`,
		Example: `  zonebench serve
  zonebench serve --data ./zones --listen 127.0.0.1:7801
  zonebench serve --metrics 127.0.0.1:7890 --print-events`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd.Context(), options, func(ctx context.Context, in installation) error {
				if a.json {
					fmt.Fprintf(a.Out, "{\"address\":%q,\"board\":%q,\"data\":%q}\n", in.address, in.board, in.dir)
				} else {
					a.showBoard(in.board)
					fmt.Fprintf(a.Out, a.say("正在 %s 服务,数据目录 %s;按 Ctrl-C 停止。\n", "Serving on %s, data in %s; Ctrl-C stops it.\n"), in.address, in.dir)
				}
				return in.wait(ctx)
			})
		},
	}
	options.flags(cmd, or(a.env.Data, a.home()), false)
	return cmd
}

// home is where serve keeps its ledger when nobody says otherwise.
func (a *app) home() string {
	env := func(key string) string {
		for _, v := range a.Environ {
			if value, ok := strings.CutPrefix(v, key+"="); ok {
				return value
			}
		}
		return ""
	}
	if dir := env("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "zonebench")
	}
	if dir := env("HOME"); dir != "" {
		return filepath.Join(dir, ".local", "share", "zonebench")
	}
	return "zonebench-data"
}

// run starts an installation, hands it to do, and stops it in order. Whatever
// ends first ends the other.
func (a *app) run(ctx context.Context, s serving, do func(context.Context, installation) error) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.log)); err != nil {
		return usage(fmt.Errorf("--log-level %s: use debug, info, warn or error", s.log))
	}
	log, err := telemetry.Logger(telemetry.Config{Level: level}, a.Err)
	if err != nil {
		return usage(err)
	}
	entrance := a.env.Entrance
	entrance.Insecure = entrance.Insecure || s.open
	if err := s.check(entrance, a.Now); err != nil {
		return usage(err)
	}
	if !s.given("board") && s.board != "" && taken(ctx, s.board) {
		s.board = anyPort
	}
	traces, err := telemetry.OpenTraces(ctx, "zonebench", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, traces.Close(ctx)) }()
	metrics := telemetry.Metrics()
	cluster, err := standalone.Start(ctx, standalone.Config{
		Dir: s.data, Listen: s.listen, Board: s.board, RedisURL: s.redis, Archive: s.archive, Entrance: entrance,
		Log: log, Metrics: metrics, Traces: traces, Now: a.Now,
	})
	if err != nil {
		return started(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside := make(chan error, 2)
	running := 0
	if s.metrics != "" {
		running++
		go func() {
			beside <- telemetry.Serve(ctx, telemetry.Config{MetricsListen: s.metrics, ProfilesListen: s.metrics}, metrics)
		}()
	}
	if s.events {
		running++
		go func() { beside <- ended(cluster.Events(ctx, a.printEvent)) }()
	}
	err = do(ctx, installation{
		conn: cluster.Conn(), dir: cluster.Dir(), temporary: s.data == "", address: cluster.Address(), board: cluster.Board(),
		wait: func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-cluster.Done():
				return cluster.Wait()
			case err := <-beside:
				running--
				return err
			}
		},
	})
	cancel()
	for range running {
		err = errors.Join(err, <-beside)
	}
	if stop := cluster.Stop(); err == nil {
		err = started(stop)
	}
	return err
}

// check says why an address may not be served, before anything is started.
func (s *serving) check(entrance auth.Entrance, now func() time.Time) error {
	door, err := entrance.Open(now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err //nolint:wrapcheck // it names the setting
	}
	for _, address := range []string{s.listen, s.board} {
		if address == "" {
			continue
		}
		if err := door.Check(address); err != nil {
			return err //nolint:wrapcheck // it names the address
		}
	}
	if s.metrics != "" {
		return auth.CheckAddress(s.metrics) //nolint:wrapcheck // it names the address
	}
	return nil
}

// taken reports whether somebody listens on an address already.
func taken(ctx context.Context, address string) bool {
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return errors.Is(err, syscall.EADDRINUSE)
	}
	_ = lis.Close() // It was only a question.
	return false
}

// showBoard says where to look.
func (a *app) showBoard(address string) {
	if address != "" {
		fmt.Fprintf(a.Out, a.say("看板:http://%s/\n", "Board: http://%s/\n"), address)
	}
}

// started gives the reasons for which an installation does not run their exit codes.
func started(err error) error {
	switch {
	case err == nil:
		return nil
	case damaged(err):
		return &failure{code: exitDamaged, err: err}
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: choose a directory of your own with --data", err)
	default:
		return err
	}
}
