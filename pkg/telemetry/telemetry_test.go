package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"zonebench.internal/pkg/telemetry"
)

func TestLogger(t *testing.T) {
	for format, want := range map[string]string{"": `"msg":"hello"`, "json": `"msg":"hello"`, "text": "msg=hello"} {
		var b bytes.Buffer
		log, err := telemetry.Logger(telemetry.Config{Format: format}, &b)
		if err != nil {
			t.Fatal(err)
		}
		log.InfoContext(t.Context(), "hello")
		log.DebugContext(t.Context(), "not at this level")
		if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "not at") {
			t.Errorf("format %q: %s", format, b.String())
		}
	}
	if _, err := telemetry.Logger(telemetry.Config{Format: "xml"}, io.Discard); err == nil {
		t.Error("xml was accepted")
	}
}

func TestServesMetricsOnLoopbackOnly(t *testing.T) {
	if err := telemetry.Serve(t.Context(), "0.0.0.0:0", telemetry.Metrics()); err == nil {
		t.Error("0.0.0.0 was accepted")
	}

	// Serve takes an address, so find one that is free.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- telemetry.Serve(ctx, address, telemetry.Metrics()) }()

	get := func(path, host string) (int, string) {
		deadline := time.Now().Add(10 * time.Second)
		for {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				if time.Now().After(deadline) {
					t.Fatal(err)
				}
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			return resp.StatusCode, string(body)
		}
	}
	if code, body := get("/metrics", address); code != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics: %d %s", code, body)
	}
	if code, _ := get("/debug/pprof/", "localhost"); code != http.StatusOK {
		t.Errorf("/debug/pprof/: %d", code)
	}
	if code, _ := get("/metrics", "zonebench.example"); code != http.StatusForbidden {
		t.Errorf("a page of another site got %d", code)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
