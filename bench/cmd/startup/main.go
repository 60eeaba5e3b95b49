// Command startup measures how long `zonebench serve` takes until it serves and
// how much memory it holds when idle, on an empty directory and on one with the
// facts that the product ships with. Medians are to be within the limits that
// the flags name; it exits with 1 when one is not.
//
//	make build && go run ./bench/cmd/startup
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

type limits struct {
	empty, loaded time.Duration
	memory        int // MB, of 10^6 bytes
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	binary := flag.String("binary", "bin/zonebench", "the command to measure")
	runs := flag.Int("runs", 5, "runs of each case")
	idle := flag.Duration("idle", 5*time.Second, "how long a server is left alone before its memory is read")
	var l limits
	flag.DurationVar(&l.empty, "limit-empty", time.Second, "limit of the median on an empty directory")
	flag.DurationVar(&l.loaded, "limit-loaded", 2*time.Second, "limit of the median on the facts")
	flag.IntVar(&l.memory, "limit-memory", 120, "limit of the median idle memory, in MB")
	flag.Parse()
	err := run(ctx, os.Stdout, *binary, *runs, *idle, l)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, binary string, runs int, idle time.Duration, l limits) error {
	loaded, err := os.MkdirTemp("", "zonebench-startup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(loaded) }() // It is temporary.
	if out, err := exec.CommandContext(ctx, binary, "demo", "--once", "--json", "--data", loaded).CombinedOutput(); err != nil {
		return fmt.Errorf("load the facts: %w: %s", err, out)
	}
	var problems []error
	for _, c := range []struct {
		name  string
		dir   string
		limit time.Duration
	}{{"empty", "", l.empty}, {"loaded", loaded, l.loaded}} {
		var starts []time.Duration
		var memory []int
		for range runs {
			took, mb, err := once(ctx, binary, c.dir, idle)
			if err != nil {
				return err
			}
			starts, memory = append(starts, took), append(memory, mb)
		}
		slices.Sort(starts)
		slices.Sort(memory)
		start, mb := starts[len(starts)/2], memory[len(memory)/2]
		fmt.Fprintf(w, "%-7s serving after %v (%v to %v), idle memory %d MB (%d to %d), median of %d\n", c.name,
			start.Round(time.Millisecond), starts[0].Round(time.Millisecond), starts[len(starts)-1].Round(time.Millisecond),
			mb, memory[0], memory[len(memory)-1], runs)
		if start > c.limit {
			problems = append(problems, fmt.Errorf("%s: serving after %v, the limit is %v", c.name, start, c.limit))
		}
		if mb > l.memory {
			problems = append(problems, fmt.Errorf("%s: %d MB idle, the limit is %d MB", c.name, mb, l.memory))
		}
	}
	return errors.Join(problems...)
}

// once starts a server, waits until its health says SERVING, leaves it alone,
// reads its memory and stops it.
func once(ctx context.Context, binary, dir string, idle time.Duration) (took time.Duration, mb int, err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "zonebench-startup-"); err != nil {
			return 0, 0, err
		}
		defer func() { _ = os.RemoveAll(dir) }() // It is temporary.
	}
	cmd := exec.CommandContext(ctx, binary, "serve", "--json", "--log-level", "error",
		"--data", filepath.Clean(dir), "--listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, fmt.Errorf("start: %w", err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, fmt.Errorf("start: %w", err)
	}
	defer func() {
		stopped := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
		if err == nil {
			err = stopped
		}
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("read where it serves: %w", err)
	}
	var said struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return 0, 0, fmt.Errorf("read where it serves: %w", err)
	}
	if err := serving(ctx, said.Address); err != nil {
		return 0, 0, err
	}
	took = time.Since(begin)
	wait := time.NewTimer(idle)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	mb, err = resident(cmd.Process.Pid)
	return took, mb, err
}

func serving(ctx context.Context, address string) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	resp, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("health of %s: %w", address, err)
	}
	if resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("health of %s is %v", address, resp.GetStatus())
	}
	return nil
}

// resident is the memory of a process that is in RAM, in MB.
func resident(pid int) (int, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			return kib * 1024 / 1e6, err
		}
	}
	return 0, errors.New("the kernel does not tell the memory of a process")
}
