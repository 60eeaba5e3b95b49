package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/test/bufconn"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/limit"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	// Largest request that is accepted, 4 MiB by default.
	MaxRequestBytes int `env:"MAX_REQUEST_BYTES" help:"largest request that is accepted; 4194304 by default"`
	// How long calls in flight may take to end when the process stops, 10 s by default.
	Grace time.Duration `env:"GRACE" help:"how long calls may take to end when the process stops; 10s by default"`
	// Deadline of a call that comes without one, 60 s by default.
	Deadline time.Duration `env:"DEADLINE" help:"deadline of a call that comes without one; 60s by default"`
	// Streams that one connection may hold at once, calls among them, 1,000 by default.
	MaxStreams uint32 `env:"MAX_STREAMS" help:"streams that one connection may hold at once, calls among them; 1000 by default"`
	// How much one subject may ask for.
	Limit limit.Config `envPrefix:"LIMIT_"`
	// How long a connection is kept before its client is asked to make another, so that calls reach new replicas; 30 min by default.
	ConnectionAge time.Duration `env:"CONNECTION_AGE" help:"how long a connection is kept before its client is asked to make another; 30m by default"` //nolint:lll // a field, its tag and its meaning stay on one line
}

func (c Config) withDefaults() Config {
	if c.MaxRequestBytes == 0 {
		c.MaxRequestBytes = 4 << 20
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Deadline == 0 {
		c.Deadline = time.Minute
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = 1000
	}
	if c.ConnectionAge == 0 {
		c.ConnectionAge = 30 * time.Minute
	}
	return c
}

// Deps are what a host is given.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Identify proves who calls.
	Identify auth.Identify
	// TLS of the listener, nil for none. Calls inside the process have none.
	TLS credentials.TransportCredentials
	// Ready is closed when calls can be answered: the ledger is folded. Until
	// then health says NOT_SERVING and calls are refused. Nil: at once.
	Ready <-chan struct{}
	// Unary and Stream stand between the checks of the host and the handlers,
	// such as those that wait for a revision.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
	// Stats sees every call, for traces. Nil: nobody does.
	Stats stats.Handler
	// Probes answer health on a port of their own too, from before the host is
	// made. Nil: only the host's own port does.
	Probes *Probes
	// Beneath runs below the services.
	Beneath []Task
}

// Host serves services on a listener and, for calls inside the process, on a
// connection in memory. It serves once.
type Host struct {
	cfg     Config
	deps    Deps
	local   *bufconn.Listener
	health  *health.Server
	server  *grpc.Server
	unary   []grpc.UnaryServerInterceptor
	methods map[string]method // of all services, for Invoke
	ready   atomic.Bool
	serving chan struct{} // closed when health says SERVING
	stop    chan struct{} // closed when stopping begins
	started atomic.Bool
}

// NewHost checks what it is given and starts nothing.
func NewHost(cfg Config, deps Deps) (*Host, error) {
	if deps.Log == nil || deps.Metrics == nil || deps.Identify == nil {
		return nil, errors.New("service: a host needs a log, a metrics registerer and a proof of identity")
	}
	h := &Host{
		cfg:     cfg.withDefaults(),
		deps:    deps,
		local:   bufconn.Listen(1 << 20),
		health:  health.NewServer(),
		methods: make(map[string]method),
		serving: make(chan struct{}),
		stop:    make(chan struct{}),
	}
	if deps.Probes != nil {
		h.health = deps.Probes.health
	}
	around, err := newEdge(h)
	if err != nil {
		return nil, err
	}
	h.unary = append(around.unary(), deps.Unary...)
	options := []grpc.ServerOption{
		grpc.Creds(byOrigin{outside: cmp.Or[credentials.TransportCredentials](deps.TLS, insecure.NewCredentials()), inside: insecure.NewCredentials()}),
		grpc.MaxConcurrentStreams(h.cfg.MaxStreams),
		grpc.ChainUnaryInterceptor(h.unary...),
		grpc.ChainStreamInterceptor(append(around.stream(), deps.Stream...)...),
		// Four times what is accepted can be received, so that most oversized
		// requests get our own answer, which says what to do.
		grpc.MaxRecvMsgSize(4 * h.cfg.MaxRequestBytes),
		grpc.MaxSendMsgSize(64 << 20),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: time.Minute, Timeout: 20 * time.Second,
			// Without an age a client never finds a replica that came later. Calls in
			// flight get as long as any call may take; streams resume elsewhere.
			MaxConnectionAge: h.cfg.ConnectionAge, MaxConnectionAgeGrace: h.cfg.Deadline,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 15 * time.Second, PermitWithoutStream: true}),
		grpc.ConnectionTimeout(20 * time.Second),
	}
	if deps.Stats != nil {
		options = append(options, grpc.StatsHandler(deps.Stats))
	}
	h.server = grpc.NewServer(options...)
	h.health.SetServingStatus(Live, healthv1.HealthCheckResponse_SERVING)
	h.health.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	return h, nil
}

// DialLocal connects inside the process: grpc.WithContextDialer(h.DialLocal).
func (h *Host) DialLocal(ctx context.Context, _ string) (net.Conn, error) {
	conn, err := h.local.DialContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial inside the process: %w", err)
	}
	return conn, nil
}

// Serving is closed when the services answer calls.
func (h *Host) Serving() <-chan struct{} { return h.serving }

// Serve runs the services until ctx is done or the first of them fails, then
// stops everything in order: health says NOT_SERVING, calls in flight end
// within the grace, services stop, what is beneath them stops. It blocks until
// all of it has ended. The error names what failed; a stop by ctx is none.
//
// A nil listener serves only inside the process.
func (h *Host) Serve(ctx context.Context, lis net.Listener, services ...Service) error {
	if h.started.Swap(true) {
		return errors.New("service: a host serves once")
	}
	for _, s := range services {
		s.Register(register{ServiceRegistrar: h.server, methods: h.methods})
	}
	healthv1.RegisterHealthServer(h.server, h.health)
	reflection.Register(h.server)
	h.serve(healthv1.HealthCheckResponse_NOT_SERVING)

	failed := make(chan struct{}, 1)
	beneath := newCrew(ctx, failed)
	for _, t := range h.deps.Beneath {
		beneath.start(t.Name, t.Run)
	}
	above := newCrew(ctx, failed)
	for _, s := range services {
		above.start(s.Name(), s.Run)
	}
	servers := newCrew(ctx, failed)
	for _, l := range []net.Listener{h.local, lis} {
		if l != nil {
			servers.start("server on "+l.Addr().String(), func(context.Context) error {
				if err := h.server.Serve(l); !errors.Is(err, grpc.ErrServerStopped) { // It may be stopped before it began.
					return err
				}
				return nil
			})
		}
	}
	watch, unwatch := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { h.open(watch) })

	select {
	case <-ctx.Done():
		h.deps.Log.InfoContext(ctx, "stopping")
	case <-failed:
		h.deps.Log.ErrorContext(ctx, "stopping after a failure")
	}

	unwatch()
	watching.Wait()
	h.serve(healthv1.HealthCheckResponse_NOT_SERVING)
	close(h.stop)
	// Calls that are on their way are answered, those that came by Invoke too:
	// refusing them would only lose them.
	h.drain(ctx)
	servers.end()
	above.end()
	h.ready.Store(false)
	beneath.end()
	// What failed beneath is why the services above it failed, whoever noticed first.
	return cmp.Or(beneath.err, above.err, servers.err)
}

// open lets calls in when what is beneath the services is ready.
func (h *Host) open(ctx context.Context) {
	if h.deps.Ready != nil {
		select {
		case <-h.deps.Ready:
		case <-ctx.Done():
			return
		}
	}
	h.ready.Store(true)
	h.serve(healthv1.HealthCheckResponse_SERVING)
	close(h.serving)
	h.deps.Log.InfoContext(ctx, "serving")
}

// serve sets the health of every service, and of all together. Live stays as it is.
func (h *Host) serve(status healthv1.HealthCheckResponse_ServingStatus) {
	for name := range h.server.GetServiceInfo() {
		h.health.SetServingStatus(name, status)
	}
	h.health.SetServingStatus("", status)
}

// drain lets calls in flight end, within the grace.
func (h *Host) drain(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		h.server.GracefulStop()
		close(done)
	}()
	grace := time.NewTimer(h.cfg.Grace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		h.deps.Log.WarnContext(ctx, "calls in flight were cut off", slog.Duration("grace", h.cfg.Grace))
		h.server.Stop()
		<-done
	}
}

// A crew is goroutines that end together.
type crew struct {
	ctx    context.Context //nolint:containedctx // it is the lifetime of the crew
	cancel context.CancelFunc
	group  sync.WaitGroup
	failed chan<- struct{} // told of a failure

	once sync.Once
	err  error // the first failure, to be read after end
}

// newCrew detaches the crew from the end of ctx: it ends when it is told to.
func newCrew(ctx context.Context, failed chan<- struct{}) *crew {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &crew{ctx: ctx, cancel: cancel, failed: failed}
}

func (c *crew) start(name string, run func(context.Context) error) {
	c.group.Go(func() {
		err := run(c.ctx)
		if err == nil || c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		c.once.Do(func() { c.err = fmt.Errorf("%s: %w", name, err) })
		select {
		case c.failed <- struct{}{}:
		default: // Somebody has told already.
		}
	})
}

func (c *crew) end() {
	c.cancel()
	c.group.Wait()
}
