package board

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// policy is what the pages may do: run and fetch what this server sends, nothing else.
// There is no script, style sheet or frame inside or from elsewhere.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self' data: blob:",
	"font-src 'self'",
	"connect-src 'self'",
	"manifest-src 'self'",
	"worker-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
}, "; ")

// secure sets the headers by which a browser protects the page, and refuses
// requests that another site made a browser send: by name (the Host must be
// ours) and by origin (a write must come from our own pages).
func secure(cfg Config, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), fullscreen=(self), clipboard-write=(self)")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !known(r.Host, cfg.Hosts) {
			http.Error(w, "the board does not answer under this host name: call it by 127.0.0.1, or list the name in ZONEBENCH_BOARD_HOSTS",
				http.StatusMisdirectedRequest)
			return
		}
		origin.ServeHTTP(w, r)
	})
}

// known reports whether a browser may call us by this name. An address cannot be
// rebound by a foreign name server; a name can.
func known(hostport string, names []string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || net.ParseIP(host) != nil ||
		slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

// bounded gives every read and write on the connection a time limit of its own:
// a stream may last for days, and a browser that takes nothing is let go.
func bounded(limit time.Duration, now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody {
			_ = control.SetReadDeadline(now().Add(limit)) // A writer of a test has none.
			r.Body = &boundedBody{ReadCloser: r.Body, control: control, left: r.ContentLength}
		}
		next.ServeHTTP(&boundedWriter{ResponseWriter: w, control: control, limit: limit, now: now}, r)
		_ = control.SetWriteDeadline(now().Add(limit)) // of what is still buffered
	})
}

// boundedBody lifts the limit when the request has arrived. What is read then is
// only whether the browser is still there, and a silence would be taken for its end.
type boundedBody struct {
	io.ReadCloser
	control *http.ResponseController
	left    int64 // bytes to come, negative when nobody said how many
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if b.left == 0 || err != nil {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// boundedWriter limits each write by itself. The limit is lifted behind it: over
// HTTP/2 one that passes ends a stream though nothing is being written.
type boundedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	now     func() time.Time
}

func (w *boundedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *boundedWriter) Write(p []byte) (int, error) {
	defer w.begin()()
	return w.ResponseWriter.Write(p)
}

func (w *boundedWriter) Flush() {
	defer w.begin()()
	_ = w.control.Flush() // A failed one is told by the next write.
}

func (w *boundedWriter) begin() (end func()) {
	_ = w.control.SetWriteDeadline(w.now().Add(w.limit))
	return func() { _ = w.control.SetWriteDeadline(time.Time{}) }
}

var notFound = connect.NewErrorWriter()

// notMethod answers a call of a method that no contract has.
func notMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	// Of the protocols, only Connect's plain calls have a status of HTTP to say it with.
	if contentType := r.Header.Get("Content-Type"); strings.HasPrefix(contentType, "application/grpc") ||
		strings.HasPrefix(contentType, "application/connect+") {
		_ = notFound.Write(w, r, connect.NewError(connect.CodeUnimplemented, errNoMethod))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"code":"unimplemented","message":"`+errNoMethod.Error()+`"}`)
}

var errNoMethod = errors.New("no contract has this method: docs/api.md lists them")

// healthz says that the process lives.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

// readyz says whether every service behind the board answers.
func readyz(backends []Backend) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		var text strings.Builder
		code := http.StatusOK
		for _, b := range backends {
			resp, err := healthv1.NewHealthClient(b.Conn).Check(ctx, &healthv1.HealthCheckRequest{})
			state := "serving"
			if err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
				state, code = "not serving", http.StatusServiceUnavailable
			}
			text.WriteString(b.Name + ": " + state + "\n")
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text.String())
	})
}
