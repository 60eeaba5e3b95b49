// Package standalone is a whole installation in one process: the ledger over an
// embedded NATS server that opens no port, a Redis server inside the process,
// and every service behind one gRPC server on the loopback.
//
// The services are the ones that run as processes of their own; only what they
// are handed differs. This package is the only one that imports them all.
package standalone

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zonebench.internal/pkg/audit"
	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/local"
	"zonebench.internal/pkg/redisconn"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	"zonebench.internal/pkg/status"
	"zonebench.internal/pkg/telemetry"
	"zonebench.internal/services/board"
	"zonebench.internal/services/indicator"
	"zonebench.internal/services/ranking"
	"zonebench.internal/services/zone"
)

// Config of an installation. The zero value is a temporary one without a port.
type Config struct {
	// Dir keeps the ledger. Empty: a temporary directory, removed at the end.
	Dir string
	// Listen is an address to serve on, 127.0.0.1:7800 for example. Empty: only
	// Conn reaches the services.
	Listen string
	// Board is an address to serve the board on, 127.0.0.1:7880 for example.
	// Empty: no board.
	Board string
	// Entrance says who is let in there. Zero: the loopback and nobody else.
	Entrance auth.Entrance
	// RedisURL of a real server, redis://127.0.0.1:6379/0 for example. Empty:
	// one inside this process.
	RedisURL string
	// Archive is a directory into which every commit is copied. Empty: none.
	Archive string

	Host        service.Config
	BoardConfig board.Config
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	Traces      *telemetry.Traces // nil: there are none
	// Now is the clock of commit times, time.Now by default.
	Now func() time.Time
}

// Cluster is a running installation.
type Cluster struct {
	dir     string
	address string
	board   string
	conn    *grpc.ClientConn
	js      jetstream.JetStream
	epoch   int64
	began   int64 // revision at which it started to serve
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // of Serve, once done is closed
}

// Store is where in a data directory the embedded server keeps its streams, and
// Mark the file beside it by which a store that lost its end is recognised.
func Store(dir string) (store, mark string) {
	return filepath.Join(dir, "nats"), filepath.Join(dir, "ledger.mark")
}

// Start runs every service in this process and returns once they serve. The
// end of ctx stops them, as Stop does; Wait tells when they have ended.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cluster{done: make(chan struct{})}
	var undo stack
	defer func() { undo.run() }() // Whatever was made before a failure.

	if c.dir = cfg.Dir; c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "zonebench-"); err != nil {
			return nil, err
		}
		undo.push(func() { _ = os.RemoveAll(c.dir) }) // It is temporary: nothing depends on it.
	}
	door, err := cfg.Entrance.Open(cfg.Now, cfg.Log)
	if err != nil {
		return nil, err
	}
	var lis net.Listener
	if cfg.Listen != "" {
		if lis, err = door.Listen(ctx, cfg.Listen); err != nil {
			return nil, err
		}
		undo.push(func() { _ = lis.Close() }) // The gRPC server has closed it before, if it came so far.
		c.address = lis.Addr().String()
	}
	var web net.Listener
	if cfg.Board != "" {
		if web, err = door.Listen(ctx, cfg.Board); err != nil {
			return nil, err
		}
		if door.Pages != nil {
			web = tls.NewListener(web, door.Pages)
		}
		undo.push(func() { _ = web.Close() }) // As above, with the board's.
		c.board = web.Addr().String()
	}

	store, mark := Store(c.dir)
	nats, err := local.NATS(store, local.Options{
		Log: cfg.Log.With(slog.String("unit", "nats")), Protect: []string{ledger.Stream},
	})
	if err != nil {
		return nil, err
	}
	undo.push(nats.Close)
	rdb, closeRedis, err := openRedis(cfg)
	if err != nil {
		return nil, err
	}
	undo.push(closeRedis)
	if c.js, err = jetstream.New(nats.Conn()); err != nil {
		return nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	led, err := ledger.Open(ctx, ledger.Config{MarkFile: mark}, ledger.Deps{
		JetStream: c.js, Durability: nats.Durability, FreeSpace: nats.FreeSpace,
		Now: cfg.Now, Log: cfg.Log.With(slog.String("unit", "ledger")), Metrics: cfg.Metrics,
		Tracer: cfg.Traces.Tracer(),
	})
	if err != nil {
		return nil, err
	}
	zones := ledger.Fold(led, ledger.LaneZone, registry.New())
	statements := ledger.Fold(led, ledger.LaneIndicator, figures.New())
	published := ledger.Fold(led, ledger.LaneRanking, ranking.NewPublished())

	zon, err := zone.New(zone.Config{}, zone.Deps{
		Lane: zones, Ledger: led, JetStream: c.js, Log: cfg.Log.With(slog.String("unit", "zone")),
	})
	if err != nil {
		return nil, err
	}
	ind, err := indicator.New(indicator.Config{}, indicator.Deps{
		Lane: statements, Registry: zones, Ledger: led, JetStream: c.js, Log: cfg.Log.With(slog.String("unit", "indicator")),
	})
	if err != nil {
		return nil, err
	}
	key, err := ranking.OwnSigningKey(c.dir)
	if err != nil {
		return nil, err
	}
	ran, err := ranking.New(ranking.Deps{
		Lane: published, Ledger: led, JetStream: c.js, Registry: zones, Figures: statements,
		SigningKey: key, Redis: rdb, Now: cfg.Now, Log: cfg.Log.With(slog.String("unit", "ranking")), Metrics: cfg.Metrics,
	})
	if err != nil {
		return nil, err
	}

	sys, err := status.New(status.Deps{
		Ledger: led, Services: []string{zon.Name(), ind.Name(), ran.Name()},
		Owns:  []string{ledger.LaneZone, ledger.LaneIndicator, ledger.LaneRanking},
		Build: telemetry.ThisBuild(), Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	aud, err := audit.New(led)
	if err != nil {
		return nil, err
	}
	beneath := []service.Task{{Name: "ledger", Run: led.Run}}
	if cfg.Archive != "" {
		archiver, err := ledger.OpenArchive(ctx, led, ledger.ArchiveConfig{Dir: cfg.Archive})
		if err != nil {
			return nil, err
		}
		beneath = append(beneath, service.Task{Name: "archive", Run: archiver.Run})
	}
	host, err := service.NewHost(cfg.Host, service.Deps{
		Log: cfg.Log, Metrics: cfg.Metrics, Identify: door.Identify, TLS: door.TLS, Ready: led.CaughtUp(), Stats: cfg.Traces.Server(),
		Unary:   []grpc.UnaryServerInterceptor{revision.UnaryServer(led)},
		Stream:  []grpc.StreamServerInterceptor{revision.StreamServer(led)},
		Beneath: beneath,
	})
	if err != nil {
		return nil, err
	}
	mine := []grpc.DialOption{grpc.WithUnaryInterceptor(new(revision.Client).Unary)}
	if door.Inside != nil {
		mine = append(mine, grpc.WithPerRPCCredentials(door.Inside))
	}
	if c.conn, err = within(host, mine...); err != nil {
		return nil, err
	}
	undo.push(func() { _ = c.conn.Close() })
	services := []service.Service{zon, ind, ran, sys, aud}
	if web != nil {
		// A connection of its own: what a browser reads and who it is are not this process's.
		conn, err := within(host, cfg.Traces.Client())
		if err != nil {
			return nil, err
		}
		undo.push(func() { _ = conn.Close() })
		brd, err := board.New(cfg.BoardConfig, board.Deps{ //nolint:contextcheck // it starts nothing
			Listener: web, Backends: []board.Backend{{Name: "zone", Conn: conn}, {Name: "indicator", Conn: conn}, {Name: "ranking", Conn: conn}},
			Log: cfg.Log.With(slog.String("unit", "board")), Metrics: cfg.Metrics, Around: cfg.Traces.HTTP,
			Now: time.Now, // Time limits of connections are the machine's, whatever commit times are.
		})
		if err != nil {
			return nil, err
		}
		services = append(services, brd)
	}

	ctx, c.cancel = context.WithCancel(ctx)
	release := undo.take()
	go func() {
		defer close(c.done)
		c.err = host.Serve(ctx, lis, services...)
		release.run()
	}()
	select {
	case <-host.Serving():
		c.epoch, c.began = led.Epoch(), led.Applied()
		return c, nil
	case <-c.done:
		if c.err == nil {
			c.err = ctx.Err()
		}
		return nil, c.err
	}
}

// within connects to a host inside the process.
func within(host *service.Host, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///in-process", append(options,
		grpc.WithContextDialer(host.DialLocal),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connect inside the process: %w", err)
	}
	return conn, nil
}

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dir != "" {
		dir, err := filepath.Abs(cfg.Dir)
		if err != nil {
			return cfg, err
		}
		cfg.Dir = dir
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// openRedis connects to a real server, or starts one in this process. One that
// does not answer yet is used when it does.
func openRedis(cfg Config) (redis.UniversalClient, func(), error) {
	if cfg.RedisURL == "" {
		inside := local.Redis()
		return inside.Client(), inside.Close, nil
	}
	client, err := redisconn.Open(redisconn.Config{URL: cfg.RedisURL}, cfg.Now, cfg.Log)
	if err != nil {
		return nil, nil, err
	}
	return client, func() { _ = client.Close() }, nil
}

// Dir is the data directory.
func (c *Cluster) Dir() string { return c.dir }

// Address is where the services listen, empty without a port.
func (c *Cluster) Address() string { return c.address }

// Board is where the board listens, empty without one.
func (c *Cluster) Board() string { return c.board }

// Conn reaches the services inside the process, by the same interceptors as a
// call from outside. It keeps the highest token it has seen, so reads see the
// writes made through it.
func (c *Cluster) Conn() *grpc.ClientConn { return c.conn }

// Events hands the public events since Start to fn, in order, until ctx ends or
// fn returns an error. No other process can read them: the embedded server
// opens no port.
func (c *Cluster) Events(ctx context.Context, fn func(event.Event) error) error {
	return event.Subscribe(ctx, c.js, ">", event.ID{Epoch: c.epoch, Revision: c.began, N: math.MaxInt}, fn)
}

// Wait blocks until everything has ended and returns what failed, nil after a stop.
func (c *Cluster) Wait() error {
	<-c.done
	return c.err
}

// Done is closed when everything has ended.
func (c *Cluster) Done() <-chan struct{} { return c.done }

// Stop stops in order and waits for the end. Stopping twice is harmless.
func (c *Cluster) Stop() error {
	c.cancel()
	return c.Wait()
}

// stack is what to undo, the last first.
type stack []func()

func (s *stack) push(f func()) { *s = append(*s, f) }

// take hands the duty over: the stack left behind is empty.
func (s *stack) take() *stack {
	taken := *s
	*s = nil
	return &taken
}

func (s *stack) run() {
	for _, undo := range slices.Backward(*s) {
		undo()
	}
	*s = nil
}
