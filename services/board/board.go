// Package board is what people look at: the built front end, and a gateway by
// which a browser or an internal system speaks the contracts of the services
// over plain HTTP.
//
// The gateway is generic. Its handlers are made from the descriptors of our
// contracts, for the Connect protocol, gRPC-Web and JSON that curl can write; a
// new method appears without a line here. What a method means, who may call it
// and how fresh its answer is are the matter of the service behind it.
//
// The board folds nothing and listens to no events: what is live on a screen
// comes from the services' own streams (WatchRanking), which know versions and
// resume, so a second way to the same truth would only be a chance to differ.
package board

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	// Largest request that is accepted, 4 MiB by default.
	MaxRequestBytes int `env:"MAX_REQUEST_BYTES" help:"largest request that is accepted; 4194304 by default"`
	// How long calls in flight may take to end when the process stops, 10 s by default.
	Grace time.Duration `env:"GRACE" help:"how long calls may take to end when the process stops; 10s by default"`
	// How long one write to a browser may take before it is given up, 30 s by default.
	WriteTimeout time.Duration `env:"WRITE_TIMEOUT" help:"how long a browser may take to accept a part of an answer; 30s by default"`
	// Names, beside localhost and IP addresses, under which browsers may call.
	Hosts []string `env:"HOSTS" help:"host names under which browsers reach the board, separated by commas; localhost and IP addresses always work"`
}

func (c Config) withDefaults() Config {
	c.MaxRequestBytes = cmp.Or(c.MaxRequestBytes, 4<<20)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	return c
}

// Backend is a service behind the board. Methods of the package
// zonebench.NAME.v1 are forwarded to it.
type Backend struct {
	Name string // zone
	Conn grpc.ClientConnInterface
}

// Deps are what the board is given.
type Deps struct {
	// Listener is served on and closed by Run.
	Listener net.Listener
	Backends []Backend
	// Assets is the built front end, Assets() by default.
	Assets  fs.FS
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Around stands around everything that is served, for traces. Nil: nothing does.
	Around func(http.Handler) http.Handler
	Now    func() time.Time
}

// Board serves people. It implements service.Service.
type Board struct {
	cfg     Config
	deps    Deps
	handler http.Handler
	server  *http.Server
	stop    context.CancelCauseFunc // ends the streams
}

// New checks what it is given and starts nothing.
func New(cfg Config, deps Deps) (*Board, error) {
	if deps.Log == nil || deps.Metrics == nil || deps.Now == nil || len(deps.Backends) == 0 {
		return nil, errors.New("board: it needs backends, a log, a metrics registerer and a clock")
	}
	cfg = cfg.withDefaults()
	if deps.Assets == nil {
		built, err := Assets()
		if err != nil {
			return nil, err
		}
		deps.Assets = built
	}
	stopping, stop := context.WithCancelCause(context.Background())
	gateway, err := newGateway(stopping, cfg, deps)
	if err != nil {
		stop(nil)
		return nil, err
	}
	pages, err := newPages(deps.Assets)
	if err != nil {
		stop(nil)
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	gateway.mount(mux)
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /readyz", readyz(deps.Backends))
	b := &Board{cfg: cfg, deps: deps, stop: stop}
	b.handler = secure(cfg, bounded(cfg.WriteTimeout, deps.Now, mux))
	if deps.Around != nil {
		b.handler = deps.Around(b.handler)
	}

	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	b.server = &http.Server{
		Handler:           b.handler,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(deps.Log.Handler(), slog.LevelDebug),
	}
	return b, nil
}

// Name is the name of the unit.
func (b *Board) Name() string { return "board" }

// Register adds nothing: the board answers over HTTP.
func (b *Board) Register(grpc.ServiceRegistrar) {}

// Handler is what Run serves.
func (b *Board) Handler() http.Handler { return b.handler }

// Run serves until ctx is done, then stops in order: streams end with
// UNAVAILABLE, so that their readers resume elsewhere; calls in flight end
// within the grace.
func (b *Board) Run(ctx context.Context) error {
	if b.deps.Listener == nil {
		return errors.New("board: it has no listener to serve on")
	}
	ended := make(chan error, 1)
	go func() { ended <- b.server.Serve(b.deps.Listener) }()
	b.deps.Log.InfoContext(ctx, "the board serves", slog.String("address", b.deps.Listener.Addr().String()))
	select {
	case err := <-ended:
		b.stop(errStopping)
		return fmt.Errorf("board on %s: %w", b.deps.Listener.Addr(), err)
	case <-ctx.Done():
	}
	b.stop(errStopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Grace)
	defer cancel()
	err := b.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		b.deps.Log.WarnContext(ctx, "calls in flight were cut off", slog.Duration("grace", b.cfg.Grace))
		err = b.server.Close()
	}
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// rpc tells the path of a method of ours from the path of a page.
func rpc(path string) bool { return strings.Contains(path, "/zonebench.") }
