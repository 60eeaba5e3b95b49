package kubernetes_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server" //nolint:depguard // outside the workspace, where pkg/local is not; and it must listen
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"zonebench.internal/deploy/image"
)

// binaries builds the programs of all images, once.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "zonebench-binaries-")
	if err != nil {
		return "", err
	}
	built = dir
	args := []string{"build", "-o", dir + "/"}
	for _, i := range image.All() {
		args = append(args, i.Package)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOWORK=", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

var built string // directory of the binaries

func binary(t *testing.T, name string) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// settings are the variables that a program knows.
func settings(t *testing.T, name string) []string {
	t.Helper()
	args := []string{"--help"}
	if name == "zonebench" {
		args = []string{"archive", "--help"}
	}
	out, err := exec.CommandContext(t.Context(), binary(t, name), args...).Output()
	if err != nil {
		t.Fatalf("%s --help: %v", name, err)
	}
	return regexp.MustCompile(`ZONEBENCH_[A-Z_]+`).FindAllString(string(out), -1)
}

// A program refuses a variable that it does not know: a pod with one never starts.
func TestProgramsKnowTheirSettings(t *testing.T) {
	all := everything(t)
	checked := 0
	for _, w := range workloads(all) {
		for _, c := range w.pod.Spec.Containers {
			name, ours := strings.CutPrefix(c.Image, image.Repository+"/")
			if !ours {
				continue
			}
			name, _, _ = strings.Cut(name, ":")
			known := settings(t, name)
			for variable := range environment(t, all, c) {
				checked++
				if strings.HasPrefix(variable, "ZONEBENCH_") && !slices.Contains(known, variable) &&
					(name != "zonebench" || variable != "ZONEBENCH_NATS_URL") { // an argument of the job takes it from there
					t.Errorf("%s: %s does not know %s", w.name, name, variable)
				}
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d variables were found", checked)
	}
}

// The jobs call the command line with words that it has.
func TestJobsCallTheCommandLine(t *testing.T) {
	for _, w := range workloads(everything(t)) {
		for _, c := range w.pod.Spec.Containers {
			if !strings.Contains(c.Image, "/zonebench:") {
				continue
			}
			out, err := exec.CommandContext(t.Context(), binary(t, "zonebench"), c.Args[0], "--help").Output()
			if err != nil {
				t.Fatalf("%s: %v", c.Args[0], err)
			}
			for _, arg := range c.Args[1:] {
				if strings.HasPrefix(arg, "--") && !bytes.Contains(out, []byte(arg+" ")) {
					t.Errorf("%s: zonebench %s does not know %s", w.name, c.Args[0], arg)
				}
			}
		}
	}
}

// natsServer is a real server on ports of the loopback.
func natsServer(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, MaxPayload: 8 << 20, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return s
}

// free finds a port that nobody uses.
func free(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return lis.Addr().String()
}

// run runs a program until the test ends, and says what it said when it failed.
func run(t *testing.T, name string, env ...string) {
	t.Helper()
	cmd := exec.Command(binary(t, name))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%s ended with %v:\n%s", name, err, out.String())
		}
	})
}

// The probes of the manifests are answered by the programs, under the names that
// they ask for, and the metrics of rules and dashboards are exported.
func TestProgramsAnswerProbesAndExportMetrics(t *testing.T) {
	nats := natsServer(t)
	exported := make(map[string]bool)
	addresses := make(map[string]string)
	metrics := make(map[string]string)
	for _, name := range []string{"zone", "indicator", "ranking"} {
		addresses[name], metrics[name] = free(t), free(t)
		probes := free(t)
		run(t, name, "ZONEBENCH_NATS_URL="+nats.ClientURL(), "ZONEBENCH_NATS_MONITOR_URL=http://"+nats.MonitorAddr().String(),
			"ZONEBENCH_"+strings.ToUpper(name)+"_LISTEN="+addresses[name],
			"ZONEBENCH_PROBES_LISTEN="+probes, "ZONEBENCH_METRICS_LISTEN="+metrics[name])
		for _, w := range workloads(everything(t)) {
			if w.name != name {
				continue
			}
			c := w.pod.Spec.Containers[0]
			for _, probe := range []*string{c.StartupProbe.GRPC.Service, c.LivenessProbe.GRPC.Service, c.ReadinessProbe.GRPC.Service} {
				serving(t, probes, *probe)
			}
		}
		serving(t, addresses[name], "") // a call that is counted
	}
	address := free(t)
	metrics["board"] = free(t)
	run(t, "board", "ZONEBENCH_BOARD_LISTEN="+address, "ZONEBENCH_METRICS_LISTEN="+metrics["board"],
		"ZONEBENCH_BOARD_ZONE_ADDRESS="+addresses["zone"], "ZONEBENCH_BOARD_INDICATOR_ADDRESS="+addresses["indicator"],
		"ZONEBENCH_BOARD_RANKING_ADDRESS="+addresses["ranking"])
	for _, w := range workloads(everything(t)) {
		if w.name != "board" {
			continue
		}
		c := w.pod.Spec.Containers[0]
		for _, path := range []string{c.StartupProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path} {
			get(t, "http://"+address+path)
		}
	}
	resp, err := http.Post("http://"+address+"/zonebench.zone.v1.ZoneService/ListZones", "application/json", strings.NewReader("{}"))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a call through the board: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	help := regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	for _, at := range metrics {
		for _, m := range help.FindAllStringSubmatch(get(t, "http://"+at+"/metrics"), -1) {
			exported[m[1]] = true
			if m[2] == "histogram" {
				for _, part := range []string{"_bucket", "_count", "_sum"} {
					exported[m[1]+part] = true
				}
			}
		}
	}
	for where, names := range asked(t) {
		for _, name := range names {
			if at, ok := later[name]; ok {
				source, err := os.ReadFile(filepath.Join("../..", at.file))
				if err != nil || !bytes.Contains(source, []byte(at.text)) {
					t.Errorf("%s: %s does not make %s: %v", where, at.file, name, err)
				}
			} else if !exported[name] {
				t.Errorf("%s: no program exports %s", where, name)
			}
		}
	}
}

// later are metrics that a program does not export before something has
// happened, with where they are made.
var later = map[string]struct{ file, text string }{
	"zonebench_ledger_archive_failing":     {"pkg/ledger/archive.go", `"archive_failing"`},
	"zonebench_ranking_lookups_total":      {"services/ranking/versions/metrics.go", `"lookups_total"`},
	"zonebench_ranking_redis_errors_total": {"services/ranking/versions/metrics.go", `"redis_errors_total"`},
	"zonebench_ranking_updates_total":      {"services/ranking/watch.go", `"zonebench_ranking_updates_total"`},
}

// serving waits until health says SERVING under a name.
func serving(t *testing.T, address, name string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		got, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
		if err == nil && got.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("health %q at %s: %v, %v", name, address, got, err)
		}
		<-time.After(50 * time.Millisecond) // as a probe asks again
	}
}

// get asks until the answer is good.
func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(time.Minute); ; {
		resp, err := client.Get(url)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return string(body)
			}
			err = fmt.Errorf("%s: %s", resp.Status, body)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", url, err)
		}
		<-time.After(50 * time.Millisecond) // as a probe asks again
	}
}

// zonebench runs the command line and gives what it said.
func zonebench(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary(t, "zonebench"), append(args, "--lang", "en")...).CombinedOutput()
	if err != nil {
		t.Fatalf("zonebench %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// What the jobs of the manifests do, on real servers: copy what is new and end,
// check the copy, and write it into servers that hold nothing.
func TestAnArchivedLedgerIsRestoredIntoOtherServers(t *testing.T) {
	nats, other := natsServer(t), natsServer(t)
	address, probes, archive := free(t), free(t), filepath.Join(t.TempDir(), "ledger")
	run(t, "zone", "ZONEBENCH_NATS_URL="+nats.ClientURL(), "ZONEBENCH_NATS_MONITOR_URL=http://"+nats.MonitorAddr().String(),
		"ZONEBENCH_ZONE_LISTEN="+address, "ZONEBENCH_PROBES_LISTEN="+probes)
	serving(t, probes, "zonebench.zone.v1.ZoneService")

	digest := regexp.MustCompile(`digest ([0-9a-f]{64})`)
	var copied string
	for _, table := range []string{"reference_units", "zones"} { // the second copy goes on where the first ended
		zonebench(t, "--address", address, "import", table, "../../data/"+table+".csv")
		zonebench(t, "archive", "--nats", nats.ClientURL(), "--once", "--to", archive)
		found := digest.FindStringSubmatch(zonebench(t, "verify", "--archive", archive))
		if len(found) != 2 || found[1] == copied {
			t.Fatalf("the copy has the digest %v after %s, before that %s", found, table, copied)
		}
		copied = found[1]
	}
	restored := digest.FindStringSubmatch(zonebench(t, "restore", "--archive", archive, "--nats", other.ClientURL()))
	if len(restored) != 2 || restored[1] != copied {
		t.Errorf("restored with digest %v, copied %s", restored, copied)
	}
}
