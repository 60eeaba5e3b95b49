package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A network is where the processes of a cluster listen: on free ports of this
// machine's loopback, or each in a network namespace of its own, which can be
// cut off.
type network struct {
	bridge string // empty: the loopback
	prefix string // 10.213.7.

	mu    sync.Mutex
	hosts int
}

// A host is the place of one process in a network.
type host struct {
	network *network
	ip      string
	netns   string // empty: this one
	link    string // this side of its cable
}

// namespaces makes a network of namespaces, joined by a bridge. It needs root and
// iproute2; where they are missing the test is skipped, or fails if it must run.
func namespaces(t testing.TB) *network {
	t.Helper()
	lack := ""
	if _, err := exec.LookPath("ip"); err != nil {
		lack = "there is no command ip: install iproute2"
	} else if os.Geteuid() != 0 {
		lack = "network namespaces need root"
	}
	if lack != "" {
		Missing(t, lack)
	}
	sweep(t)
	pid := os.Getpid()
	number := networks.next()
	n := &network{bridge: fmt.Sprintf("zb%d-%d", pid, number)}
	var err error
	for try := range 200 { // a range that nobody on this machine uses
		n.prefix = fmt.Sprintf("10.213.%d.", (pid+number+try)%250+1)
		if taken(n.prefix) {
			continue
		}
		if err = run("ip", "link", "add", n.bridge, "type", "bridge"); err != nil {
			break
		}
		if err = run("ip", "addr", "add", n.prefix+"254/24", "dev", n.bridge); err == nil {
			err = run("ip", "link", "set", n.bridge, "up")
		}
		break
	}
	t.Cleanup(func() { _ = run("ip", "link", "del", n.bridge) })
	if err != nil {
		Missing(t, "network namespaces are not permitted here: "+err.Error())
	}
	return n
}

// networks numbers the networks of this process.
var networks counter

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

// taken says whether this machine has an address in a range.
func taken(prefix string) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if strings.HasPrefix(a.String(), prefix) {
			return true
		}
	}
	return false
}

// Missing ends a test that needs what this machine does not have: skipped, or
// failed where nothing may be skipped.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("MUST_RUN") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// host adds a host to the network until the test ends.
func (n *network) host(t testing.TB) *host {
	t.Helper()
	if n.bridge == "" {
		return &host{network: n, ip: "127.0.0.1"}
	}
	n.mu.Lock()
	n.hosts++
	number := n.hosts
	n.mu.Unlock()
	h := &host{network: n, ip: n.prefix + strconv.Itoa(number), netns: fmt.Sprintf("%s-%d", n.bridge, number)}
	h.link = fmt.Sprintf("zv%d-%d", os.Getpid()%100000, networks.next())
	t.Cleanup(func() { _ = run("ip", "netns", "del", h.netns) })
	for _, args := range []string{
		"netns add " + h.netns,
		"link add " + h.link + " type veth peer name eth0 netns " + h.netns,
		"link set " + h.link + " master " + n.bridge,
		"link set " + h.link + " up",
		"-n " + h.netns + " addr add " + h.ip + "/24 dev eth0",
		"-n " + h.netns + " link set eth0 up",
		"-n " + h.netns + " link set lo up",
	} {
		if err := run("ip", strings.Fields(args)...); err != nil {
			Missing(t, "network namespaces are not permitted here: "+err.Error())
		}
	}
	return h
}

// address is where a process on the host listens: on a usual port where every
// host has its own, else on a free one.
func (h *host) address(t testing.TB, usual int) string {
	t.Helper()
	if h.netns != "" {
		return net.JoinHostPort(h.ip, strconv.Itoa(usual))
	}
	return Free(t)
}

// command is how a program is started on the host.
func (h *host) command(name string, args ...string) *exec.Cmd {
	if h.netns == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", h.netns, name}, args...)...) // It becomes the program.
}

// cut takes the cable out, and puts it back.
func (h *host) cut(t testing.TB, out bool) {
	t.Helper()
	if h.netns == "" {
		t.Fatal("a process on the loopback cannot be cut off: the cluster must be isolated")
	}
	state := "up"
	if out {
		state = "down"
	}
	if err := run("ip", "link", "set", h.link, state); err != nil {
		t.Fatal(err)
	}
}

// part makes the host deaf to another one, and lets it hear again.
func (h *host) part(t testing.TB, other *host, deaf bool) {
	t.Helper()
	verb := "del"
	if deaf {
		verb = "add"
	}
	if err := run("ip", "-n", h.netns, "route", verb, "blackhole", other.ip+"/32"); err != nil {
		t.Fatal(err)
	}
}

// sweep removes what a killed test left behind.
func sweep(t testing.TB) {
	t.Helper()
	left := func(name string) bool {
		pid, _, ok := strings.Cut(strings.TrimPrefix(name, "zb"), "-")
		if !ok || !strings.HasPrefix(name, "zb") {
			return false
		}
		if _, err := strconv.Atoi(pid); err != nil {
			return false
		}
		_, err := os.Stat("/proc/" + pid)
		return os.IsNotExist(err)
	}
	out, _ := exec.Command("ip", "netns", "list").Output()
	for line := range strings.Lines(string(out)) {
		if name := strings.Fields(line); len(name) > 0 && left(name[0]) {
			_ = run("ip", "netns", "del", name[0])
		}
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if left(i.Name) {
			_ = run("ip", "link", "del", i.Name)
		}
	}
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Free is a loopback address on which nobody listens at the moment.
func Free(t testing.TB) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return lis.Addr().String()
}
