package telemetry_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"zonebench.internal/pkg/telemetry"
)

// collector is what spans are sent to.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracev1.Span
	about []string // resource attributes
}

func (c *collector) Export(
	_ context.Context, req *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range req.GetResourceSpans() {
		for _, a := range r.GetResource().GetAttributes() {
			c.about = append(c.about, a.GetKey()+"="+a.GetValue().GetStringValue())
		}
		for _, s := range r.GetScopeSpans() {
			c.spans = append(c.spans, s.GetSpans()...)
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func collect(t *testing.T) *collector {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := &collector{}, grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(lis) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+lis.Addr().String())
	return c
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestSpansOfHTTPGoToTheCollectorBelowTheirCaller(t *testing.T) {
	c := collect(t)
	traces, err := telemetry.OpenTraces(t.Context(), "board", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	inside := ""
	handler := traces.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = telemetry.Traceparent(r.Context()) }))
	for _, path := range []string{"/zonebench.zone.v1.ZoneService/ListZones", "/index.html"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody)
		req.Header.Set("Traceparent", parent)
		handler.ServeHTTP(httptest.NewRecorder(), req)
		if path != "/index.html" && (!strings.HasPrefix(inside, parent[:36]) || strings.HasPrefix(inside, parent[:52])) {
			t.Errorf("inside the span the trace is at %q", inside)
		}
	}
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.spans) != 1 || c.spans[0].GetName() != "zonebench.zone.v1.ZoneService/ListZones" {
		t.Errorf("spans %v", c.spans)
	}
	if about := strings.Join(c.about, " "); !strings.Contains(about, "service.name=board") || !strings.Contains(about, "service.version=devel") {
		t.Errorf("about the process: %s", about)
	}
}

func TestNothingIsTracedUnlessTheEnvironmentAsksForIt(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing said": {},
		"disabled":     {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
		"no exporter":  {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			traces, err := telemetry.OpenTraces(t.Context(), "zone", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if traces.Server() != nil {
				t.Error("calls are traced")
			}
			_, span := traces.Tracer().Start(t.Context(), "x")
			if span.IsRecording() {
				t.Error("spans are recorded")
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	if _, err := telemetry.OpenTraces(t.Context(), "zone", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("another protocol was accepted, and would not be spoken")
	}
}

// Without a collector a caller's trace is still in the log and in the ledger.
func TestTheCallersTraceIsKnownWithoutACollector(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", parent))
	if got := telemetry.Traceparent(ctx); got != parent {
		t.Errorf("traceparent %q", got)
	}
	if got := telemetry.TraceID(ctx); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("trace id %q", got)
	}
	if telemetry.TraceID(t.Context()) != "" {
		t.Error("a trace out of nothing")
	}
}
