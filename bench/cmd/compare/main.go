// Command compare times the index engine against numpy on the same case, turn by
// turn, and prints medians, ratios of medians, CPU seconds beside wall seconds, the
// load average and the machine. It needs a Python with numpy (Debian:
// python3-numpy).
//
//	go run ./bench/cmd/compare
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zonebench.internal/bench/indexcase"
	"zonebench.internal/pkg/composite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	python := flag.String("python", "/usr/bin/python3", "a Python with numpy; empty for ours alone")
	script := flag.String("script", "bench/peers/numpy_composite.py", "the peer")
	rounds := flag.Int("rounds", 11, "turns of each")
	flag.Parse()
	err := run(ctx, *python, *script, *rounds, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// spent is wall and CPU seconds.
type spent struct{ wall, cpu float64 }

// one is a case: what we do, and what the peer calls it ("" for none).
type one struct {
	name, peer string
	repeat     int // ours is so short that it is done so often for one timing
	do         func() error
	ours, its  []spent
}

func run(ctx context.Context, python, script string, rounds int, w io.Writer) error {
	x, err := indexcase.New()
	if err != nil {
		return err
	}
	ws, err := x.NewWorkspace()
	if err != nil {
		return err
	}
	draws := func(n int) func() error {
		return func() error {
			_, err := x.MonteCarlo(ctx, indexcase.Plan(n), composite.MonteCarloOptions{})
			return err
		}
	}
	turn := 0
	cases := []*one{
		{name: "recompute", peer: "recompute", repeat: 20, do: func() error { return x.Recompute(ws) }},
		{name: "one cell", repeat: 2000, do: func() error {
			turn++
			return x.SetCell(ws, 1+turn%(indexcase.Units-1), turn%indexcase.Indicators, 40+float64(turn%20))
		}},
		{name: "all stages", repeat: 1, do: func() error { _, err := x.Run(); return err }},
		{name: "1,000 draws", peer: "draws", repeat: 1, do: draws(1000)},
		{name: "10,000 draws", repeat: 1, do: draws(10000)},
	}
	var peer *peer
	if python != "" {
		if peer, err = start(ctx, python, script); err != nil {
			return err
		}
		defer peer.close()
	}
	for r := range rounds + 1 {
		for _, c := range cases {
			mine, err := measure(c)
			if err != nil {
				return err
			}
			var its spent
			if peer != nil && c.peer != "" {
				if its, err = peer.measure(c.peer); err != nil {
					return err
				}
			}
			if r == 0 {
				continue // the first turn warms up
			}
			c.ours = append(c.ours, mine)
			if peer != nil && c.peer != "" {
				c.its = append(c.its, its)
			}
		}
	}
	report(w, cases, peer, rounds)
	return nil
}

func measure(c *one) (spent, error) {
	cpu, at := used(), time.Now()
	for range c.repeat {
		if err := c.do(); err != nil {
			return spent{}, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	n := float64(c.repeat)
	return spent{time.Since(at).Seconds() / n, (used() - cpu) / n}, nil
}

// used is the CPU time of the process in seconds.
func used() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func peak() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Maxrss) / 1024
}

// peer is the other program, which waits for the name of a case and answers with
// seconds.
type peer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	version string
}

func start(ctx context.Context, python, script string) (*peer, error) {
	p := &peer{cmd: exec.CommandContext(ctx, python, script)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	version, err := p.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s %s did not start (is numpy installed? Debian: python3-numpy): %w", python, script, err)
	}
	p.version = strings.TrimSpace(version)
	return p, nil
}

func (p *peer) measure(name string) (spent, error) {
	if _, err := fmt.Fprintln(p.in, name); err != nil {
		return spent{}, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return spent{}, fmt.Errorf("the peer stopped in %s: %w", name, err)
	}
	f := strings.Fields(line)
	if len(f) != 2 {
		return spent{}, fmt.Errorf("the peer answered %q", line)
	}
	wall, err1 := strconv.ParseFloat(f[0], 64)
	cpu, err2 := strconv.ParseFloat(f[1], 64)
	return spent{wall, cpu}, errors.Join(err1, err2)
}

func (p *peer) close() {
	_ = p.in.Close() // it ends with its input
	_ = p.cmd.Wait()
}

func median(list []spent, of func(spent) float64) float64 {
	v := make([]float64, len(list))
	for i, s := range list {
		v[i] = of(s)
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func wall(s spent) float64 { return s.wall }
func cpu(s spent) float64  { return s.cpu }

func report(w io.Writer, cases []*one, p *peer, rounds int) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown\n")
	}
	fmt.Fprintf(w, "%d units x %d indicators x %d groups, min-max, two-level weighted mean, places\n", indexcase.Units, indexcase.Indicators, indexcase.Groups)
	fmt.Fprintf(w, "medians of %d turns; %s, %d processors, %s; load average %s", rounds, processor(), runtime.GOMAXPROCS(0), runtime.Version(), load)
	if p != nil {
		fmt.Fprintf(w, "peer: %s\n", p.version)
	}
	fmt.Fprintf(w, "\n%-14s %12s %12s %12s %12s %8s %8s\n", "", "ours wall", "ours CPU", "peer wall", "peer CPU", "wall x", "CPU x")
	for _, c := range cases {
		fmt.Fprintf(w, "%-14s %9.4f ms %9.4f ms", c.name, 1e3*median(c.ours, wall), 1e3*median(c.ours, cpu))
		if len(c.its) > 0 {
			fmt.Fprintf(w, " %9.4f ms %9.4f ms %8.1f %8.1f", 1e3*median(c.its, wall), 1e3*median(c.its, cpu),
				median(c.its, wall)/median(c.ours, wall), median(c.its, cpu)/median(c.ours, cpu))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "peak memory of ours: %.0f MB\n", peak())
}

// processor is the model as the system names it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
