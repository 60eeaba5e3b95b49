package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/local"
)

func start(t *testing.T, dir string, opts local.Options) *local.Server {
	t.Helper()
	s, err := local.NATS(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStoreIsLocked(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, local.Options{})
	_, err := local.NATS(dir, local.Options{})
	var locked *local.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error = %v", err)
	}
	s.Close()
	s.Close() // harmless
	start(t, dir, local.Options{})
}

func TestStoreIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	s := start(t, dir, local.Options{})
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	again, err := jetstream.New(start(t, dir, local.Options{}).Conn())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := again.Stream(t.Context(), "S")
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Errorf("%v, %v", stream, err)
	}
}

func TestDurability(t *testing.T) {
	if err := start(t, t.TempDir(), local.Options{}).Durability(t.Context()); err != nil {
		t.Error(err)
	}
	if err := start(t, t.TempDir(), local.Options{LazySync: true}).Durability(t.Context()); err == nil {
		t.Error("a server that does not sync passes for one that does")
	}
}

func TestFreeSpace(t *testing.T) {
	free, err := start(t, t.TempDir(), local.Options{}).FreeSpace()
	if err != nil || free <= 0 || free > 1 {
		t.Errorf("free = %v, %v", free, err)
	}
	if _, err := local.FreeSpace("/does/not/exist"); err == nil {
		t.Error("no error for a path that does not exist")
	}
}

// Nothing of the embedded servers can be reached from outside of the process.
func TestNoPorts(t *testing.T) {
	start(t, t.TempDir(), local.Options{})
	r := local.Redis()
	t.Cleanup(r.Close)
	if err := r.Client().Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if ports := listening(t); len(ports) > 0 {
		t.Errorf("this process listens on %v", ports)
	}
}

// listening gives the local addresses that this process listens on, in the
// kernel's hexadecimal form.
func listening(t *testing.T) []string {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("SKIPPED: this system does not show the sockets of a process in /proc")
	}
	mine := make(map[string]bool)
	for _, fd := range fds {
		link, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if inode, ok := strings.CutPrefix(link, "socket:["); err == nil && ok {
			mine[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var ports []string
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		content, _ := os.ReadFile(table) // without IPv6 there is no second table
		for line := range strings.Lines(string(content)) {
			const listen = "0A"
			if f := strings.Fields(line); len(f) > 9 && f[3] == listen && mine[f[9]] {
				ports = append(ports, f[1])
			}
		}
	}
	return ports
}

func TestRedis(t *testing.T) {
	r := local.Redis()
	t.Cleanup(r.Close)
	c := r.Client()
	if err := c.Set(t.Context(), "k", "v", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for !errors.Is(c.Get(t.Context(), "k").Err(), redis.Nil) {
		if time.Now().After(deadline) {
			t.Fatal("a key with a life of 300 ms is there after 5 s")
		}
	}
	swap := redis.NewScript(`if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("SET", KEYS[1], ARGV[2]) return 1 end return 0`)
	if err := c.Set(t.Context(), "p", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if n, err := swap.Run(t.Context(), c, []string{"p"}, "1", "2").Int(); err != nil || n != want {
			t.Errorf("swap = %d, %v, want %d", n, err, want)
		}
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "p").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after a flush: %v", err)
	}
	r.Close()
	r.Close() // harmless
}

// Many commands at once, with more bytes than any buffer between client and
// server holds.
func TestRedisTakesALargePipeline(t *testing.T) {
	r := local.Redis()
	t.Cleanup(r.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	value := strings.Repeat("x", 100_000)
	replies, err := r.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 50 {
			p.Set(ctx, "k"+strconv.Itoa(i), value, 0)
			p.Get(ctx, "k"+strconv.Itoa(i))
		}
		return nil
	})
	if err != nil || len(replies) != 100 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	if got := r.Client().Get(ctx, "k49").Val(); got != value {
		t.Errorf("k49 has %d bytes", len(got))
	}
}
