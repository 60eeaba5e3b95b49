package versionstest

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/redisconn"
)

// Redis is a real server over a socket in a temporary directory.
type Redis struct {
	t       testing.TB
	dir     string
	process *exec.Cmd
}

// StartRedis starts a server until the test ends. Without one on this machine the
// test is skipped, or fails where MUST_RUN is set.
func StartRedis(t testing.TB) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("MUST_RUN") != "" {
			t.Fatal("redis-server is missing: install the package redis-server")
		}
		t.Skip("SKIPPED: redis-server is not on this machine")
	}
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{t: t, dir: dir}
	t.Cleanup(func() {
		r.Kill()
		_ = os.RemoveAll(dir)
	})
	r.Start()
	return r
}

// URL of the server.
func (r *Redis) URL() string { return "unix://" + filepath.Join(r.dir, "s") }

// Client is a client as a process would have it, until the test ends.
func (r *Redis) Client() redis.UniversalClient {
	r.t.Helper()
	c, err := redisconn.Open(redisconn.Config{URL: r.URL()}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Start starts the server over what its directory holds.
func (r *Redis) Start() {
	r.t.Helper()
	r.process = exec.Command("redis-server", "--port", "0", "--unixsocket", filepath.Join(r.dir, "s"), "--dir", r.dir, "--save", "", "--appendonly", "no")
	if err := r.process.Start(); err != nil {
		r.t.Fatal(err)
	}
	c := r.Client()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for c.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			r.t.Fatal("redis-server did not answer within 20 s")
		}
	}
}

// Kill ends the server at once. Killing twice is harmless.
func (r *Redis) Kill() {
	if r.process != nil {
		_ = r.process.Process.Kill()
		_ = r.process.Wait() // it was killed: that is its error
		r.process = nil
	}
}

// Hang stops the server's clock until Wake: it accepts and never answers.
func (r *Redis) Hang() { r.signal(syscall.SIGSTOP) }

// Wake ends what Hang began.
func (r *Redis) Wake() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.process.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// Save keeps what the server holds now, and gives it back.
func (r *Redis) Save() []byte {
	r.t.Helper()
	if err := r.Client().Save(context.Background()).Err(); err != nil {
		r.t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		r.t.Fatal(err)
	}
	return content
}

// Restore puts back what a server held, as an operator does with a copy: it ends
// the server and starts it over the file.
func (r *Redis) Restore(content []byte) {
	r.t.Helper()
	r.Kill()
	if err := os.WriteFile(filepath.Join(r.dir, "dump.rdb"), content, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.Start()
}
