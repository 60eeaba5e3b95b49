// Package process runs one service as a process of its own: settings from the
// environment, a connection to NATS, the ledger with its proof of durability,
// a host, signals and exit codes. It is what standalone does for all services at
// once over embedded servers.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	"zonebench.internal/pkg/audit"
	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/config"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/natsconn"
	"zonebench.internal/pkg/redisconn"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	"zonebench.internal/pkg/status"
	"zonebench.internal/pkg/telemetry"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// services are the names behind ZONEBENCH_ that begin the settings of a service.
var services = []string{"ZONE_", "INDICATOR_", "RANKING_", "BOARD_"}

// Settings that every service process has.
type settings struct {
	NATS        natsconn.Config `envPrefix:"NATS_"`
	NATSMonitor string          `env:"NATS_MONITOR_URL" envDefault:"http://127.0.0.1:8222" help:"monitoring addresses of all of them, by which sync_interval: always is proved"` //nolint:lll // a field, its tag and its meaning stay on one line
	Replicas    int             `env:"LEDGER_REPLICAS" help:"replicas of the ledger's stream; 1 by default"`
	LedgerID    string          `env:"LEDGER_ID" help:"the ledger that is expected; another one, or none, is refused"`

	Redis        redisconn.Config `envPrefix:"REDIS_"`
	Entrance     auth.Entrance
	ProbesListen string         `env:"PROBES_LISTEN" help:"address for health probes without TLS, such as 0.0.0.0:7808; off by default"`
	Host         service.Config `envPrefix:"HOST_"`
	Lease        lease.Config   `envPrefix:"LEASE_"`
	Telemetry    telemetry.Config
}

type own struct {
	Listen string `env:"LISTEN" help:"address to serve on; others than loopback ones need TLS and an access file"`
}

// Process is what the service is built from.
type Process struct {
	Ledger    *ledger.Ledger
	JetStream jetstream.JetStream
	Redis     redis.UniversalClient // nil: none
	Replicas  int                   // of streams that the service makes
	// Turn says when this replica is the one that commits the service's lane,
	// for work that one of them does for all.
	Turn    *lease.Turn
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Program is one service's main.
type Program struct {
	Name   string // zone
	Listen string // its usual address
	// Config points to the service's own settings, or is nil.
	Config any
	// Build makes the service; folds of the ledger are made here.
	Build func(*Process) (service.Service, error)
}

// Main runs the program until it is interrupted and returns its exit code.
// Arguments, environment and output are the process's own.
func (p Program) Main(args, environ []string, out, errOut io.Writer, now func() time.Time) int {
	prefix := strings.ToUpper(p.Name) + "_"
	common, mine := settings{}, own{Listen: p.Listen}
	parts := []config.Part{{Into: &common}, {Prefix: prefix, Into: &mine}}
	if p.Config != nil {
		parts = append(parts, config.Part{Prefix: prefix, Into: p.Config})
	}
	if len(args) > 0 {
		return p.usage(args, out, errOut, parts)
	}
	others := []string{"ADDRESS", "DATA", "LANG"} // of the command line
	for _, s := range services {
		if s != prefix {
			others = append(others, s)
		}
	}
	if err := config.Load(environ, others, parts...); err != nil {
		fmt.Fprintf(errOut, "%s: %v\n", p.Name, err)
		return exitUsage
	}
	log, err := telemetry.Logger(common.Telemetry, errOut)
	if err != nil {
		fmt.Fprintf(errOut, "%s: %v\n", p.Name, err)
		return exitUsage
	}
	log = log.With(slog.String("unit", p.Name))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := p.run(ctx, common, mine, log, now); err != nil {
		log.ErrorContext(ctx, "ended", slog.Any("error", err))
		return exitFailed
	}
	return exitOK
}

func (p Program) usage(args []string, out, errOut io.Writer, parts []config.Part) int {
	if args[0] != "--help" && args[0] != "-h" {
		fmt.Fprintf(errOut, "%s: unknown argument %q: settings come from the environment, see --help\n", p.Name, args[0])
		return exitUsage
	}
	fmt.Fprintf(out, `Runs the %s service of zonebench over a NATS server with JetStream.
For everything in one process on one machine, run zonebench serve.

Settings, from the environment:
`, p.Name)
	if err := config.Usage(out, parts...); err != nil {
		return exitFailed
	}
	return exitOK
}

func (p Program) run(ctx context.Context, common settings, mine own, log *slog.Logger, now func() time.Time) (err error) {
	door, err := common.Entrance.Open(now, log)
	if err != nil {
		return err
	}
	lis, err := door.Listen(ctx, mine.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = lis.Close() }() // The gRPC server has closed it before, if it came so far.
	metrics, probes := telemetry.Metrics(), service.NewProbes()
	ctx, cancel := context.WithCancel(ctx)
	told := p.tell(ctx, cancel, common, metrics, probes)
	defer func() {
		cancel()
		err = errors.Join(err, <-told)
	}()
	traces, err := telemetry.OpenTraces(ctx, p.Name, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, traces.Close(ctx)) }()
	var conn *nats.Conn
	if err := reach(ctx, log, func(context.Context) error {
		conn, err = natsconn.Connect(common.NATS, p.Name, now, log, connection(log)...)
		return err
	}); err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("connect to JetStream: %w", err)
	}
	monitoring, err := natsconn.Monitoring(common.NATS, common.NATSMonitor, now, log)
	if err != nil {
		return err
	}
	var led *ledger.Ledger
	if err := reach(ctx, log, func(ctx context.Context) (err error) {
		led, err = ledger.Open(ctx, ledger.Config{Replicas: common.Replicas, LedgerID: common.LedgerID}, ledger.Deps{
			JetStream: js, Durability: ledger.SyncByMonitoring(monitoring, strings.Split(common.NATSMonitor, ",")...),
			Now: now, Log: log, Metrics: metrics, Tracer: traces.Tracer(),
		})
		return err
	}); err != nil {
		return err
	}
	var among replicas
	if err := reach(ctx, log, func(ctx context.Context) (err error) {
		among, err = p.replicas(ctx, common, js, led, log, metrics, now)
		return err
	}); err != nil {
		return err
	}
	var rdb redis.UniversalClient
	if common.Redis.URL != "" {
		if rdb, err = redisconn.Open(common.Redis, now, log); err != nil {
			return err
		}
		defer func() { _ = rdb.Close() }() // Nothing is kept for it.
	}
	svc, err := p.Build(&Process{
		Ledger: led, JetStream: js, Redis: rdb, Replicas: common.Replicas, Turn: among.Turn(p.Name), Log: log, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	sys, err := status.New(status.Deps{
		Ledger: led, Services: []string{p.Name}, Owns: []string{p.Name}, Holders: among,
		Build: telemetry.ThisBuild(), Now: now,
	})
	if err != nil {
		return err
	}
	aud, err := audit.New(led)
	if err != nil {
		return err
	}
	host, err := service.NewHost(common.Host, service.Deps{
		Log: log, Metrics: metrics, Identify: door.Identify, TLS: door.TLS, Ready: led.CaughtUp(), Probes: probes, Stats: traces.Server(),
		Unary:   []grpc.UnaryServerInterceptor{among.Unary, revision.UnaryServer(led)},
		Stream:  []grpc.StreamServerInterceptor{revision.StreamServer(led)},
		Beneath: []service.Task{{Name: "ledger", Run: led.Run}, {Name: "lease", Run: among.Run}},
	})
	if err != nil {
		return err
	}
	return host.Serve(ctx, lis, svc, sys, aud, among.Through(host))
}

// tell answers metrics, profiles and probes from before anything else is
// reached until ctx ends. What it returns gets one value: why it could not.
// Then cancel was called, because an operator who asked for them wants to know
// at once.
func (p Program) tell(
	ctx context.Context, cancel func(), common settings, metrics prometheus.Gatherer, probes *service.Probes,
) <-chan error {
	parts := []func(context.Context) error{
		func(ctx context.Context) error { return telemetry.Serve(ctx, common.Telemetry, metrics) },
		func(ctx context.Context) error {
			if common.ProbesListen == "" {
				return nil
			}
			lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", common.ProbesListen)
			if err != nil {
				return fmt.Errorf("probes: listen on %s: %w", common.ProbesListen, err)
			}
			return probes.Serve(ctx, lis)
		},
	}
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() {
			err := part(ctx)
			if err != nil {
				cancel()
			}
			ended <- err
		}()
	}
	all := make(chan error, 1)
	go func() {
		var err error
		for range parts {
			err = errors.Join(err, <-ended)
		}
		all <- err
	}()
	return all
}
