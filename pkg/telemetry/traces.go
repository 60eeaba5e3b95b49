package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// tracerName is the name of the instrumentation in spans.
const tracerName = "zonebench.internal"

// w3c is how traces cross processes: the headers traceparent and tracestate.
var w3c = propagation.TraceContext{}

// Traces are the spans of this process. The zero value makes none.
type Traces struct {
	provider *sdktrace.TracerProvider
}

// OpenTraces sends spans as the standard variables OTEL_* of the process say,
// by OTLP over gRPC. Without an endpoint in them, and where OTEL_SDK_DISABLED or
// OTEL_TRACES_EXPORTER=none say so, none are made.
//
// A collector that is away costs spans, not calls.
func OpenTraces(ctx context.Context, unit string, log *slog.Logger) (*Traces, error) {
	if !traced() {
		return &Traces{}, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if p := variable(name); p != "" && p != "grpc" {
			return nil, fmt.Errorf("%s=%s: traces are sent by grpc", name, p)
		}
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	build := ThisBuild()
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", unit), attribute.String("service.namespace", "zonebench"),
			attribute.String("service.version", build.Version),
		),
		resource.WithHost(), resource.WithFromEnv(), // what the environment says, wins
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("traces: %w", err), exporter.Shutdown(ctx))
	}
	// The exporter has nobody else to tell. There is one for the process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WarnContext(context.WithoutCancel(ctx), "spans are lost", slog.Any("error", err)) }))
	return &Traces{provider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))}, nil
}

// variable reads the environment of the process, as the exporter itself does:
// another one that was handed in would hold for the half of it.
func variable(name string) string { return os.Getenv(name) } //nolint:forbidigo // see above

// traced says whether the environment asks for traces.
func traced() bool {
	if strings.EqualFold(variable("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch variable("OTEL_TRACES_EXPORTER") {
	case "none":
		return false
	case "otlp":
		return true
	}
	return variable("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Close sends what is left, for a few seconds, though ctx has ended.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil || t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	return nil
}

// Tracer makes spans, or none.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil || t.provider == nil {
		return noop.NewTracerProvider().Tracer(tracerName)
	}
	return t.provider.Tracer(tracerName)
}

// Server makes a span of every call that a gRPC server answers, but for those of
// gRPC itself. Nil: none are made.
func (t *Traces) Server() stats.Handler {
	if t == nil || t.provider == nil {
		return nil
	}
	return otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(t.provider), otelgrpc.WithPropagators(w3c),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return strings.HasPrefix(info.FullMethodName, "/zonebench.") }))
}

// Client makes a span of every call over a connection.
func (t *Traces) Client() grpc.DialOption {
	if t == nil || t.provider == nil {
		return grpc.EmptyDialOption{}
	}
	return grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(t.provider), otelgrpc.WithPropagators(w3c)))
}

// HTTP makes a span of every call of a contract over HTTP, under a span of the
// caller if it has one. Pages and their parts get none.
func (t *Traces) HTTP(next http.Handler) http.Handler {
	if t == nil || t.provider == nil {
		return next
	}
	tracer := t.Tracer()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/zonebench.") {
			next.ServeHTTP(w, r)
			return
		}
		ctx := w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, strings.TrimPrefix(r.URL.Path, "/"), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Traceparent is where a call is in its trace: in the span that is open, else
// where its caller said. It is empty for a call without a trace.
func Traceparent(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		carrier := propagation.MapCarrier{}
		w3c.Inject(ctx, carrier)
		return carrier["traceparent"]
	}
	if told := metadata.ValueFromIncomingContext(ctx, "traceparent"); len(told) == 1 {
		return told[0]
	}
	return ""
}

// TraceID is the trace of a call, empty for none.
func TraceID(ctx context.Context) string {
	if parts := strings.Split(Traceparent(ctx), "-"); len(parts) >= 4 {
		return parts[1]
	}
	return ""
}
