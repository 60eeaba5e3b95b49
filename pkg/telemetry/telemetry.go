// Package telemetry is what a process tells its operator: logs, metrics and
// profiles. Nothing is global: what is made here is handed on.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"zonebench.internal/pkg/auth"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	Level  slog.Level `env:"LOG_LEVEL" help:"debug, info (default), warn or error"`
	Format string     `env:"LOG_FORMAT" help:"text or json; by default text on a terminal, else json"`
	// Empty: no metrics are served.
	MetricsListen string `env:"METRICS_LISTEN" help:"address for /metrics, such as 127.0.0.1:7890; off by default"`
	// Empty: no profiles are served. It may be the same address.
	ProfilesListen string `env:"PPROF_LISTEN" help:"loopback address for /debug/pprof, such as 127.0.0.1:7891; off by default"`
}

// Logger writes to w: as text when that is a terminal, else as JSON.
func Logger(cfg Config, w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: cfg.Level}
	format := cfg.Format
	if format == "" {
		format = "json"
		if Terminal(w) {
			format = "text"
		}
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	default:
		return nil, fmt.Errorf("log format %q: use text or json", cfg.Format)
	}
}

// Terminal reports whether a person reads w.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Metrics makes the registry of a process, with what Go, the system and the
// build tell of it.
func Metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(ThisBuild()))
	return r
}

// Serve answers /metrics and /debug/pprof at their addresses until ctx is done,
// or returns why it cannot. Without an address it returns at once.
//
// Anyone who reaches a profile reads memory, so profiles are served on loopback
// addresses only. Metrics are counts: whoever scrapes them may be on another
// machine.
func Serve(ctx context.Context, cfg Config, metrics prometheus.Gatherer) error {
	muxes := make(map[string]*http.ServeMux)
	at := func(address string) *http.ServeMux {
		if muxes[address] == nil {
			muxes[address] = http.NewServeMux()
		}
		return muxes[address]
	}
	if cfg.MetricsListen != "" {
		at(cfg.MetricsListen).Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	}
	if cfg.ProfilesListen != "" {
		if err := auth.CheckAddress(cfg.ProfilesListen); err != nil {
			return fmt.Errorf("profiles: %w", err)
		}
		profiles(at(cfg.ProfilesListen))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(muxes))
	for address, mux := range muxes {
		go func() {
			defer cancel() // An operator who asked for them wants to know at once.
			ended <- serve(ctx, address, mux)
		}()
	}
	var all error
	for range muxes {
		all = errors.Join(all, <-ended)
	}
	return all
}

func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func serve(ctx context.Context, address string, mux *http.ServeMux) error {
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("metrics and profiles: listen on %s: %w", address, err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	if auth.CheckAddress(address) == nil {
		server.Handler = local(mux)
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics and profiles on %s: %w", address, err)
	}
	return nil
}

// local refuses requests that a web page made a browser send here under a name
// of its own.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "call this address by 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
