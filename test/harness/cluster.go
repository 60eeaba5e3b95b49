package harness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // clients ask for it
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
)

// Services are the services that a cluster runs, by the lanes that they commit.
var Services = []string{"zone", "indicator", "ranking"}

// quickly is how a client comes back to a replica that was gone: soon, because
// what a test measures is not the client's patience.
var quickly = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.2, Jitter: 0.2, MaxDelay: 500 * time.Millisecond}

// Shape is what a cluster is made of.
type Shape struct {
	NATS     int      // servers; 1 or 3
	Replicas int      // of each service
	Services []string // all of them by default
	// Isolated gives every process a network namespace of its own, so that it can
	// be cut off. The test is skipped where that is not permitted.
	Isolated bool
	Redis    bool     // a real redis-server
	Env      []string // settings of every service process
}

// Cluster is an installation of real processes.
type Cluster struct {
	NATS     []*Node
	Redis    *Node
	Replicas map[string][]*Node // by service

	monitors []string
	shape    Shape
}

// StartCluster starts the processes and returns once all of them serve. They end
// with the test.
func StartCluster(t testing.TB, shape Shape) *Cluster {
	t.Helper()
	bin := binaries(t)
	if shape.Services == nil {
		shape.Services = Services
	}
	n := &network{}
	if shape.Isolated {
		n = namespaces(t)
	}
	c := &Cluster{Replicas: make(map[string][]*Node), shape: shape}
	c.startNATS(t, n, bin)
	env := []string{
		"ZONEBENCH_NATS_URL=" + c.NATSURL(), "ZONEBENCH_NATS_MONITOR_URL=" + strings.Join(c.monitors, ","),
		fmt.Sprint("ZONEBENCH_LEDGER_REPLICAS=", shape.NATS),
	}
	if shape.Redis {
		env = append(env, "ZONEBENCH_REDIS_URL="+c.startRedis(t, n))
	}
	if shape.Isolated {
		env = append(env, "ZONEBENCH_INSECURE=true") // Who is on this network is the test.
	}
	for place, service := range shape.Services {
		for number := range shape.Replicas {
			h := n.host(t)
			address := h.address(t, 7801+place)
			settings := append(slices.Clone(env), "ZONEBENCH_"+strings.ToUpper(service)+"_LISTEN="+address)
			replica := node(t, h, fmt.Sprintf("%s-%d", service, number+1), address, append(settings, shape.Env...), filepath.Join(bin, service))
			replica.Start(t)
			c.Replicas[service] = append(c.Replicas[service], replica)
		}
	}
	for _, replicas := range c.Replicas {
		for _, r := range replicas {
			r.Serves(t)
		}
	}
	return c
}

// NATSURL names all servers.
func (c *Cluster) NATSURL() string {
	urls := make([]string, 0, len(c.NATS))
	for _, s := range c.NATS {
		urls = append(urls, "nats://"+s.Address)
	}
	return strings.Join(urls, ",")
}

func (c *Cluster) startNATS(t testing.TB, n *network, bin string) {
	t.Helper()
	var routes []string
	type place struct{ client, monitor, route string }
	places, hosts := make([]place, c.shape.NATS), make([]*host, c.shape.NATS)
	for i := range places {
		hosts[i] = n.host(t)
		places[i] = place{hosts[i].address(t, 4222), hosts[i].address(t, 8222), hosts[i].address(t, 6222)}
		routes = append(routes, "nats://"+places[i].route)
	}
	for i, at := range places {
		store := t.TempDir()
		// A server that does not answer is given up within seconds, as in deploy/.
		config := fmt.Sprintf(`server_name: nats-%d
listen: %q
http: %q
max_payload: 8MB
ping_interval: "2s"
ping_max: 2
write_deadline: "2s"
jetstream { store_dir: %q, sync_interval: always }
`, i+1, at.client, at.monitor, store)
		if len(places) > 1 {
			config += fmt.Sprintf("cluster { name: zonebench, listen: %q, routes: [%s] }\n", at.route, strings.Join(routes, ", "))
		}
		file := filepath.Join(store, "nats.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		server := node(t, hosts[i], fmt.Sprintf("nats-%d", i+1), at.client, nil, filepath.Join(bin, "nats-server"), "-c", file)
		server.Start(t)
		c.NATS = append(c.NATS, server)
		c.monitors = append(c.monitors, "http://"+at.monitor)
	}
	for _, monitor := range c.monitors {
		Answers(t, monitor+"/healthz")
	}
}

func (c *Cluster) startRedis(t testing.TB, n *network) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		Missing(t, "there is no redis-server")
	}
	h := n.host(t)
	address := h.address(t, 6379)
	ip, port, _ := strings.Cut(address, ":")
	c.Redis = node(t, h, "redis", address, nil, program,
		"--bind", ip, "--port", port, "--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", t.TempDir())
	c.Redis.Start(t)
	return "redis://" + address + "/0"
}

// Connect connects to NATS, to whichever server is there.
func (c *Cluster) Connect(t testing.TB) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(c.NATSURL(), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// Dial connects to all replicas of a service, one call after the other going to
// the next of them, as in production; nothing is tried again by the client.
func (c *Cluster) Dial(t testing.TB, service string, options ...grpc.DialOption) Clients {
	t.Helper()
	addresses := make([]string, 0, len(c.Replicas[service]))
	for _, r := range c.Replicas[service] {
		addresses = append(addresses, r.Address)
	}
	return DialAll(t, addresses, options...)
}

// DialAll is Dial for addresses.
func DialAll(t testing.TB, addresses []string, options ...grpc.DialOption) Clients {
	t.Helper()
	state := resolver.State{}
	for _, a := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: a}}})
	}
	replicas := manual.NewBuilderWithScheme("replicas")
	replicas.InitialState(state)
	conn, err := grpc.NewClient("replicas:///", append([]grpc.DialOption{
		grpc.WithResolvers(replicas), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(),
		// A replica that starts or stops says so, and is passed over.
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quickly, MinConnectTimeout: 2 * time.Second}),
		// A machine that is lost closes no connection; what it does not acknowledge for so long is given up.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 3 * time.Second}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return NewClients(conn)
}

// Committer waits until exactly one replica of a service says that it commits
// its lane, and returns it.
func (c *Cluster) Committer(t testing.TB, service string) *Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var found []*Node
		for _, r := range c.Replicas[service] {
			if lane := r.Lane(ctx, t, service); lane.GetCommitter() {
				found = append(found, r)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d replicas of %s say that they commit", len(found), service)
		}
	}
}

// Lane is how a lane stands in a replica, empty when it does not say.
func (n *Node) Lane(ctx context.Context, t testing.TB, lane string) *systemv1.LaneStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, l := range n.Status(ctx, t).GetLanes() {
		if l.GetLane() == lane {
			return l
		}
	}
	return nil
}

// Status is what a replica says about itself, nil when it does not.
func (n *Node) Status(ctx context.Context, t testing.TB) *systemv1.GetStatusResponse {
	t.Helper()
	resp, err := systemv1.NewSystemServiceClient(n.conn(t)).GetStatus(ctx, &systemv1.GetStatusRequest{})
	if err != nil {
		return nil
	}
	return resp
}

// Serves waits until a replica says that it serves.
func (n *Node) Serves(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	health := healthv1.NewHealthClient(n.conn(t))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := health.Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err == nil && resp.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not serve: %v", n.Name, err)
		}
	}
}

// conn is a connection to this replica alone.
func (n *Node) conn(t testing.TB) *grpc.ClientConn {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.direct == nil {
		conn, err := grpc.NewClient(n.Address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: quickly, MinConnectTimeout: 2 * time.Second}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		n.direct = conn
	}
	return n.direct
}

// Clients are the clients of this replica alone.
func (n *Node) Clients(t testing.TB) Clients { t.Helper(); return NewClients(n.conn(t)) }

// Answers waits until a URL answers with 200.
func Answers(t testing.TB, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	client := &http.Client{Timeout: time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
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

// binaries builds the programs once for the test binary.
func binaries(t testing.TB) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "zonebench-bin-")
	if err != nil {
		return "", err
	}
	where.Store(&dir)
	root, err := exec.Command("go", "env", "GOWORK").Output()
	if err != nil {
		return dir, err
	}
	top := filepath.Dir(strings.TrimSpace(string(root)))
	for module, packages := range map[string][]string{
		".": {
			"zonebench.internal/services/zone/cmd/zone", "zonebench.internal/services/indicator/cmd/indicator",
			"zonebench.internal/services/ranking/cmd/ranking",
		},
		"pkg/local": {"github.com/nats-io/nats-server/v2"}, // the version that is embedded, as a program
	} {
		cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", dir + "/"}, packages...)...)
		cmd.Dir = filepath.Join(top, module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("%w: %s", err, out)
		}
	}
	return dir, nil
})

// unbuild removes the programs, if there are any.
func unbuild() {
	if dir := where.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
}

// where the programs were built.
var where atomic.Pointer[string]

// Leader is the NATS server that answers for the ledger's stream, by name.
func (c *Cluster) Leader(t testing.TB, js jetstream.JetStream) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ask, stop := context.WithTimeout(ctx, 2*time.Second)
		stream, err := js.Stream(ask, "LEDGER")
		stop()
		if err == nil && stream.CachedInfo().Cluster != nil && stream.CachedInfo().Cluster.Leader != "" {
			return stream.CachedInfo().Cluster.Leader
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the ledger's stream has no leader: %v", err)
		}
	}
}

// StepDown makes another NATS server answer for the ledger's stream.
func (c *Cluster) StepDown(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	before := c.Leader(t, js)
	if _, err := js.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN.LEDGER", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(Patience)
	for c.Leader(t, js) == before {
		if time.Now().After(deadline) {
			t.Fatalf("%s goes on to lead the ledger's stream", before)
		}
	}
}

// Server is the NATS server of a name.
func (c *Cluster) Server(t testing.TB, name string) *Node {
	t.Helper()
	for _, n := range c.NATS {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("there is no server %s", name)
	return nil
}

// Current waits until every NATS server has all of every stream.
func (c *Cluster) Current(t testing.TB) {
	t.Helper()
	for _, monitor := range c.monitors {
		Answers(t, monitor+"/healthz")
	}
}
