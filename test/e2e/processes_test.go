package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/test/harness"
)

// Three services as processes of their own, started at once over a NATS server
// that is new, say the same as one process does: what is written to one is read
// from another with its token.
func TestSeparateProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four commands")
	}
	bin := t.TempDir()
	build := func(dir string, packages ...string) {
		t.Helper()
		cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", bin + "/"}, packages...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	build(".", "zonebench.internal/services/zone/cmd/zone", "zonebench.internal/services/indicator/cmd/indicator",
		"zonebench.internal/services/ranking/cmd/ranking")
	build("../../pkg/local", "github.com/nats-io/nats-server/v2")

	port, monitor := free(t), free(t)
	store := t.TempDir()
	config := filepath.Join(store, "nats.conf")
	settings := fmt.Sprintf("listen: %q\nhttp: %q\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: always }\n", port, monitor, store)
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	spawn(t, nil, filepath.Join(bin, "nats-server"), "-c", config)
	answers(t, "http://"+monitor+"/healthz")

	addresses := map[string]string{"zone": free(t), "indicator": free(t), "ranking": free(t)}
	running := make(map[string]*exec.Cmd)
	for name, address := range addresses {
		running[name] = spawn(t, []string{
			"ZONEBENCH_NATS_URL=nats://" + port, "ZONEBENCH_NATS_MONITOR_URL=http://" + monitor,
			"ZONEBENCH_" + strings.ToUpper(name) + "_LISTEN=" + address, "ZONEBENCH_LOG_LEVEL=warn",
		}, filepath.Join(bin, name))
	}
	// One client's interceptor for all three: it keeps the highest token it has seen, from whichever service.
	seen := grpc.WithUnaryInterceptor(new(revision.Client).Unary)
	zones, figures, ranking := harness.Dial(t, addresses["zone"], seen), harness.Dial(t, addresses["indicator"], seen), harness.Dial(t, addresses["ranking"], seen)
	for name, c := range map[string]harness.Clients{"zone": zones, "indicator": figures, "ranking": ranking} {
		serves(t, name, c.Conn)
	}

	// Each call goes to the service that answers it. Imports refer to what
	// another process wrote a moment ago.
	harness.Load(t, harness.Clients{Zone: zones.Zone, Indicator: figures.Indicator, Ranking: ranking.Ranking, Published: ranking.Published})
	compared, err := ranking.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{
		Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET,
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(compared.GetStrict()); n != 3 {
		t.Errorf("%d strict comparisons, want 3: %v", n, compared.GetStrict())
	}

	// The events of both services are on the server's stream.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := exec.CommandContext(ctx, os.Args[0], "events", "--nats", "nats://"+port)
	events.Env = append(os.Environ(), "HARNESS_MAIN=1")
	out, err := events.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Start(); err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]bool)
	for d := json.NewDecoder(out); len(kinds) < 2; {
		var e struct {
			Type string `json:"type"`
		}
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		kinds[e.Type] = true
	}
	cancel()
	_ = events.Wait() // It was ended by us.

	for name, cmd := range running {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s did not stop in order: %v\n%s", name, err, cmd.Stderr)
		}
	}
}

// free is a loopback address on which nobody listens at the moment.
func free(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return lis.Addr().String()
}

// spawn starts a process that is killed at the end of the test if it is there still.
func spawn(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), log.String())
		}
	})
	return cmd
}

// answers waits until a URL answers with 200.
func answers(t *testing.T, url string) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", url, err)
		}
	}
}

// serves waits until a service says that it serves.
func serves(t *testing.T, name string, conn *grpc.ClientConn) {
	t.Helper()
	ctx := within(t)
	watch, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := watch.Recv()
		if err != nil {
			t.Fatalf("%s does not serve: %v", name, err)
		}
		if resp.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return
		}
	}
}
