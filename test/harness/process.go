package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"zonebench.internal/services/standalone/cli"
)

// mainVariable makes the test's own binary run as zonebench.
const mainVariable = "HARNESS_MAIN"

// Main is what TestMain of a package calls that starts processes: its test
// binary is the zonebench command too, so nothing has to be built.
func Main(m *testing.M) {
	if os.Getenv(mainVariable) == "" {
		code := m.Run()
		unbuild()
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Environ: os.Environ(), In: strings.NewReader(""), Out: os.Stdout, Err: os.Stderr, Version: "test", Now: time.Now,
	})
	stop()
	os.Exit(code)
}

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
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json", "--log-level", "warn")
	cmd.Env = append(os.Environ(), mainVariable+"=1")
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
	go func() { s.done <- cmd.Wait() }() // Kill and Interrupt wait for it, also when what follows fails.
	if err != nil {
		t.Fatalf("zonebench serve did not say where it serves: %v", err)
	}
	var said struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatalf("zonebench serve said %q: %v", line, err)
	}
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
