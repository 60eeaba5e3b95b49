package harness

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Binary builds the zonebench command once for all tests of a process.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "zonebench-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "zonebench")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "zonebench.internal/services/standalone/cmd/zonebench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &buildError{string(out), err}
	}
	return path, nil
})

type buildError struct {
	out string
	err error
}

func (e *buildError) Error() string { return e.err.Error() + ": " + e.out }
func (e *buildError) Unwrap() error { return e.err }

// Server is `zonebench serve` as a process.
type Server struct {
	Clients
	Address string

	cmd  *exec.Cmd
	done chan error
}

// Serve starts the process over a directory and returns once it serves. It is
// killed at the end of the test if it is still there.
func Serve(t testing.TB, dir string) *Server {
	t.Helper()
	cmd := exec.Command(Binary(t), "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json", "--log-level", "warn")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &Server{cmd: cmd, done: make(chan error, 1)}
	t.Cleanup(func() { s.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("zonebench serve did not say where it serves: %v", err)
	}
	var said struct{ Address, Data string }
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatalf("zonebench serve said %q: %v", line, err)
	}
	go func() { s.done <- cmd.Wait() }()
	s.Address = said.Address
	s.Clients = Dial(t, said.Address)
	return s
}

// Kill ends the process at once, as a power cut ends it, and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // It may have ended already.
	if s.done != nil {
		<-s.done
		s.done = nil
	}
}

// Interrupt asks the process to stop and returns how it ended.
func (s *Server) Interrupt(t testing.TB) error {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-s.done
	s.done = nil
	return err
}
