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

// free finds an address that nobody uses: Serve takes an address.
func free(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return lis.Addr().String()
}

// serve runs Serve until the test ends.
func serve(t *testing.T, cfg telemetry.Config) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- telemetry.Serve(ctx, cfg, telemetry.Metrics()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// get asks until somebody listens.
func get(t *testing.T, address, path, host string) (int, string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
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

func TestServesMetricsAndProfilesAtOneAddress(t *testing.T) {
	address := free(t)
	serve(t, telemetry.Config{MetricsListen: address, ProfilesListen: address})
	code, body := get(t, address, "/metrics", address)
	for _, metric := range []string{"go_goroutines", `zonebench_build_info{go="go1.`} {
		if code != http.StatusOK || !strings.Contains(body, metric) {
			t.Errorf("/metrics: %d, without %s: %s", code, metric, body)
		}
	}
	if code, _ := get(t, address, "/debug/pprof/", "localhost"); code != http.StatusOK {
		t.Errorf("/debug/pprof/: %d", code)
	}
	if code, _ := get(t, address, "/metrics", "zonebench.example"); code != http.StatusForbidden {
		t.Errorf("a page of another site got %d", code)
	}
}

func TestProfilesAreServedOnLoopbackOnly(t *testing.T) {
	err := telemetry.Serve(t.Context(), telemetry.Config{ProfilesListen: "0.0.0.0:0"}, telemetry.Metrics())
	if err == nil || !strings.Contains(err.Error(), "profiles") {
		t.Errorf("0.0.0.0: %v", err)
	}
	metrics, profiles := free(t), free(t)
	_, port, _ := net.SplitHostPort(metrics)
	serve(t, telemetry.Config{MetricsListen: "0.0.0.0:" + port, ProfilesListen: profiles})
	if code, _ := get(t, metrics, "/metrics", "10.0.0.7:"+port); code != http.StatusOK {
		t.Errorf("a scraper from elsewhere got %d", code)
	}
	if code, _ := get(t, metrics, "/debug/pprof/", metrics); code != http.StatusNotFound {
		t.Errorf("profiles where metrics are: %d", code)
	}
	if code, _ := get(t, profiles, "/debug/pprof/", profiles); code != http.StatusOK {
		t.Errorf("profiles: %d", code)
	}
}

func TestServesNothingWithoutAnAddress(t *testing.T) {
	if err := telemetry.Serve(t.Context(), telemetry.Config{}, telemetry.Metrics()); err != nil {
		t.Error(err)
	}
}
