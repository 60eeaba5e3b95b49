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
	MetricsListen string `env:"METRICS_LISTEN" help:"loopback address for /metrics and /debug/pprof, such as 127.0.0.1:7890; off by default"`
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

// Serve answers /metrics and /debug/pprof on a loopback address until ctx is
// done. Anyone who reaches a profile reads memory, so other addresses are
// refused.
func Serve(ctx context.Context, address string, metrics prometheus.Gatherer) error {
	lis, err := auth.Listen(ctx, address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: local(mux), ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics on %s: %w", address, err)
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
