package harness

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// A Node is one process of a cluster, which can be killed, stopped, cut off and
// started again.
type Node struct {
	Name    string
	Address string // where it is reached

	host *host
	env  []string
	args []string // the program first
	log  *tail

	mu     sync.Mutex
	cmd    *exec.Cmd
	done   chan struct{}
	err    error            // how it ended, once done is closed
	direct *grpc.ClientConn // to this process alone
}

// Start starts the process, again if it has ended.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cmd = n.host.command(n.args[0], n.args[1:]...)
	n.cmd.Env = append(slices.Clone(os.Environ()), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // It goes with the test, however that ends.
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", n.Name, err)
	}
	cmd, done := n.cmd, make(chan struct{})
	n.done = done
	go func() {
		err := cmd.Wait()
		n.mu.Lock()
		n.err = err
		n.mu.Unlock()
		close(done)
	}()
}

// signal sends a signal, to a process that may have ended.
func (n *Node) signal(s os.Signal) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		ended := make(chan struct{})
		close(ended)
		return ended
	}
	_ = n.cmd.Process.Signal(s)
	return n.done
}

// Kill ends the process at once, as a power cut ends it, and waits until it is gone.
func (n *Node) Kill() { <-n.signal(syscall.SIGKILL) }

// Interrupt asks the process to stop, and returns how it ended.
func (n *Node) Interrupt(t testing.TB) error {
	t.Helper()
	select {
	case <-n.signal(syscall.SIGTERM):
	case <-time.After(Patience):
		n.Kill()
		t.Fatalf("%s did not stop within %v", n.Name, Patience)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Pause stops the process where it is, and Resume lets it go on.
func (n *Node) Pause() { _ = n.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (n *Node) Resume() { _ = n.signal(syscall.SIGCONT) }

// Cut takes the process off the network; it runs on.
func (n *Node) Cut(t testing.TB) { t.Helper(); n.host.cut(t, true) }

// Heal puts it back.
func (n *Node) Heal(t testing.TB) { t.Helper(); n.host.cut(t, false) }

// Part takes the way between two processes; both reach everybody else. The
// result puts it back.
func (n *Node) Part(t testing.TB, other *Node) (heal func()) {
	t.Helper()
	n.host.part(t, other.host, true)
	other.host.part(t, n.host, true)
	return func() {
		n.host.part(t, other.host, false)
		other.host.part(t, n.host, false)
	}
}

// node adds a process to the test, which ends with it.
func node(t testing.TB, h *host, name, address string, env []string, args ...string) *Node {
	t.Helper()
	n := &Node{Name: name, Address: address, host: h, env: env, args: args, log: &tail{}}
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() {
			t.Logf("the end of the log of %s (%s):\n%s", name, filepath.Base(args[0]), n.log)
		}
	})
	return n
}

// tail keeps the end of a log.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailBytes = 16 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if over := l.buf.Len() - tailBytes; over > tailBytes {
		l.buf.Next(over)
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
