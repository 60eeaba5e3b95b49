package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/limit"
	"zonebench.internal/pkg/telemetry"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// edge is what stands around every handler.
type edge struct {
	host     *Host
	rules    protovalidate.Validator
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	imports  *imports
	limits   *limit.Limiter
}

func newEdge(h *Host) (*edge, error) {
	rules, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("service: rules of the contracts: %w", err)
	}
	e := &edge{
		host:  h,
		rules: rules,
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "zonebench_rpc_duration_seconds",
			Help:    "Duration of calls by method and code.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zonebench_rpc_in_flight",
			Help: "Calls that are being answered.",
		}),
		imports: newImports(),
		limits:  limit.New(h.cfg.Limit, time.Now),
	}
	for _, c := range []prometheus.Collector{e.duration, e.inFlight, e.imports.tables, e.imports.rows} {
		if err := h.deps.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("service: metrics: %w", err)
		}
	}
	return e, nil
}

// unary is the chain in the order a request passes it.
func (e *edge) unary() []grpc.UnaryServerInterceptor {
	return []grpc.UnaryServerInterceptor{e.observe, e.guard, e.gate, e.bound, e.identify, e.validate}
}

func (e *edge) stream() []grpc.StreamServerInterceptor {
	return []grpc.StreamServerInterceptor{e.observeStream, e.guardStream, e.gateStream, e.identifyStream, e.validateStream}
}

// plumbing tells the methods of gRPC itself, health and reflection, which answer
// before anything is ready.
func plumbing(method string) bool { return strings.HasPrefix(method, "/grpc.") }

// call is what the log says of a call, filled in on the way to the handler.
type call struct {
	actor    string
	request  string // its request_id
	revision int64
}

type callKey struct{}

func of(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

func (e *edge) observe(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	c := &call{}
	if r, ok := req.(interface{ GetRequestId() string }); ok {
		c.request = r.GetRequestId()
	}
	ctx = context.WithValue(ctx, callKey{}, c)
	start := time.Now()
	e.inFlight.Inc()
	defer e.inFlight.Dec()
	resp, err := next(ctx, req)
	if s, ok := resp.(interface{ GetState() *typev1.ReadState }); ok {
		c.revision = s.GetState().GetRevision()
	}
	if _, handedOver := auth.Vouched(ctx); err == nil && !handedOver {
		e.imports.count(info.FullMethod, req, resp)
	}
	e.done(ctx, info.FullMethod, time.Since(start), err)
	return resp, err
}

func (e *edge) observeStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	// A stream ends when the host stops: watchers resume with another replica.
	ctx, cancel := context.WithCancelCause(context.WithValue(ss.Context(), callKey{}, &call{}))
	defer cancel(nil)
	go func() {
		select {
		case <-e.host.stop:
			cancel(ErrStopping)
		case <-ctx.Done():
		}
	}()
	start := time.Now()
	e.inFlight.Inc()
	defer e.inFlight.Dec()
	err := next(srv, &stream{ServerStream: ss, ctx: ctx})
	e.done(ctx, info.FullMethod, time.Since(start), err)
	return err
}

// done counts and logs a finished call: what we broke as an error, what we
// refused for our own state as a warning, everything else for information.
func (e *edge) done(ctx context.Context, method string, took time.Duration, err error) {
	code := status.Code(err)
	e.duration.WithLabelValues(method, code.String()).Observe(took.Seconds())
	c := of(ctx)
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.String("code", code.String()),
		slog.Duration("duration", took),
	}
	if c.actor != "" {
		attrs = append(attrs, slog.String("actor", c.actor))
	}
	if c.request != "" {
		attrs = append(attrs, slog.String("request_id", c.request))
	}
	if c.revision != 0 {
		attrs = append(attrs, slog.Int64("revision", c.revision))
	}
	if trace := telemetry.TraceID(ctx); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace))
	}
	level := slog.LevelInfo
	if plumbing(method) {
		level = slog.LevelDebug
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
		switch code {
		case codes.Internal, codes.Unknown, codes.DataLoss:
			level = slog.LevelError
		case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
			level = slog.LevelWarn
		default:
		}
	}
	e.host.deps.Log.LogAttrs(ctx, level, "call", attrs...)
}

// guard makes every error a fault and every panic a bug.
func (e *edge) guard(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, e.panicked(ctx, info.FullMethod, p)
		}
	}()
	resp, err = next(ctx, req)
	if err != nil {
		return nil, e.worded(ctx, info.FullMethod, err)
	}
	return resp, nil
}

func (e *edge) guardStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.panicked(ss.Context(), info.FullMethod, p)
		}
	}()
	if err := next(srv, ss); err != nil {
		return e.worded(ss.Context(), info.FullMethod, err)
	}
	return nil
}

func (e *edge) panicked(ctx context.Context, method string, p any) error {
	id := rand.Text()
	e.host.deps.Log.ErrorContext(ctx, "a handler panicked", slog.String("id", id), slog.String("method", method),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	return fault.Bug(id, fmt.Errorf("panic: %v", p))
}

// worded turns an error into one that callers may see. A fault stays what it
// is. An error that we did not word is a bug: the caller gets an id, the log
// the chain.
func (e *edge) worded(ctx context.Context, method string, err error) error {
	var f *fault.Fault
	switch {
	case errors.As(err, &f):
		if f.Unwrap() != nil {
			e.host.deps.Log.WarnContext(ctx, "cause of a refusal", slog.String("method", method), slog.Any("error", err))
		}
		return f
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded,
			"the deadline passed before the answer; whether a write was made is told by repeating it with the same request_id")
	case errors.Is(err, ErrStopping), errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrStopping):
		return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
			"the server is stopping: call again, another replica answers or this one when it is back")
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled,
			"the call was cancelled; whether a write was made is told by repeating it with the same request_id")
	case plumbing(method), fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED:
		return err
	default:
		id := rand.Text()
		e.host.deps.Log.ErrorContext(ctx, "an error that callers do not see", slog.String("id", id),
			slog.String("method", method), slog.Any("error", err))
		return fault.Bug(id, err)
	}
}

func (e *edge) gate(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := e.open(info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (e *edge) gateStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := e.open(info.FullMethod); err != nil {
		return err
	}
	return next(srv, ss)
}

// open refuses calls while the ledger is being read: an answer would be one of the past.
func (e *edge) open(method string) error {
	if e.host.ready.Load() || plumbing(method) || strings.HasPrefix(method, "/zonebench.system.v1.SystemService/") {
		return nil // How far a start has come is asked before it is ready.
	}
	return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		"the service is starting or stopping: try again, or wait until its health is SERVING")
}

// bound gives a call without a deadline one, and refuses requests over the limit.
func (e *edge) bound(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if m, ok := req.(proto.Message); ok {
		if size, limit := proto.Size(m), e.host.cfg.MaxRequestBytes; size > limit {
			return nil, fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
				"the request has %d bytes and the limit is %d (%.1f MiB): send it in parts", size, limit, float64(limit)/(1<<20)).
				With("limit", fmt.Sprint(limit))
		}
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.host.cfg.Deadline)
		defer cancel()
	}
	if err := ctx.Err(); err != nil { // It passed on the way here: do nothing for nobody.
		return nil, err
	}
	return next(ctx, req)
}

func (e *edge) identify(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := e.known(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (e *edge) identifyStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := e.known(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	if subject := auth.Actor(ctx); subject != "" && subject != auth.LocalOperator {
		done, err := e.limits.Stream(subject)
		if err != nil {
			return err
		}
		defer done()
	}
	return next(srv, &stream{ServerStream: ss, ctx: ctx})
}

// known proves who calls, that they do not call too often, and that they may
// call this method.
func (e *edge) known(ctx context.Context, method string) (context.Context, error) {
	if auth.IsOpen(method) {
		return ctx, nil
	}
	caller, ok := auth.Vouched(ctx)
	if !ok {
		var err error
		if caller, err = e.host.deps.Identify(ctx); err != nil {
			return nil, err
		}
	}
	of(ctx).actor = caller.Subject
	if !ok && caller.Subject != auth.LocalOperator { // Who took a vouched call has counted it; the operator has the machine anyway.
		if err := e.limits.Call(caller.Subject); err != nil {
			return nil, err
		}
	}
	if err := auth.Permit(caller, method); err != nil {
		return nil, err
	}
	return auth.With(ctx, caller), nil
}

func (e *edge) validate(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := e.check(req); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (e *edge) validateStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return next(srv, &stream{ServerStream: ss, ctx: ss.Context(), received: e.check})
}

// stream is a stream with another context, whose messages are checked as they arrive.
type stream struct {
	grpc.ServerStream
	ctx      context.Context //nolint:containedctx // it is what grpc.ServerStream.Context returns
	received func(any) error
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // io.EOF and statuses pass as they are
	}
	if s.received == nil {
		return nil
	}
	return s.received(m)
}
