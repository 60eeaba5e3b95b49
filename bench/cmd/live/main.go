// Command live measures how long a written figure takes until who watches the
// ranking has it. It starts an installation as a process of its own and, when it
// is on this machine, a Redis server beside it; fills a ranking of 500 zones by 30
// indicators; writes at a rate that does not wait for answers; and watches the
// whole ranking meanwhile. Beside the latencies it prints what the machine can do
// at best: one synced write, one page in Redis, the engine alone, one call.
//
//	make build && go run ./bench/cmd/live
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// options is what a run is asked for.
type options struct {
	binary            string
	redis             string
	zones, indicators int
	rate              int
	lasts             time.Duration
	watchers          int
	rankings          int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var o options
	flag.StringVar(&o.binary, "binary", "bin/zonebench", "the command to measure")
	flag.StringVar(&o.redis, "redis", "redis-server", "Redis server to start beside it; empty for the one inside the process")
	flag.IntVar(&o.zones, "zones", 500, "zones in the ranking")
	flag.IntVar(&o.indicators, "indicators", 30, "leaves of its scheme")
	flag.IntVar(&o.rate, "rate", 100, "writes a second")
	flag.DurationVar(&o.lasts, "for", 30*time.Second, "how long to write")
	flag.IntVar(&o.watchers, "watchers", 1, "watchers of the whole ranking; the first one is measured")
	flag.IntVar(&o.rankings, "rankings", 1, "rankings: the one that is watched, and others of months before, which its figures do not touch")
	flag.Parse()
	err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, o options) (err error) {
	dir, err := os.MkdirTemp("", "zonebench-live-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // It is temporary.
	args := []string{"serve", "--json", "--log-level", "error", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--board", ""}
	where := "the Redis inside the process"
	var redis *process
	if path, missing := exec.LookPath(o.redis); o.redis != "" && missing == nil {
		socket := filepath.Join(dir, "redis")
		if redis, err = start(ctx, path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, redis.stop()) }()
		args = append(args, "--redis", "unix://"+socket)
		where = "redis-server beside it"
	}
	server, err := start(ctx, o.binary, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	address, err := server.address()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()

	p := &province{options: o, conn: conn, said: make(map[cell]string)}
	if err := p.fill(ctx); err != nil {
		return err
	}
	load, _ := os.ReadFile("/proc/loadavg") // Without it the line is empty.
	fmt.Fprintf(w, "%d zones x %d indicators, %d ranking(s), %d writes/s for %v, %d watcher(s) of the whole ranking; %s\n",
		o.zones, o.indicators, o.rankings, o.rate, o.lasts, o.watchers, where)
	fmt.Fprintf(w, "%s, %d processors, %s; load average before %s\n", processor(), runtime.NumCPU(), runtime.Version(), firstWords(string(load), 3))

	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	var sight sight
	var watchers sync.WaitGroup
	failed := make(chan error, o.watchers)
	for i := range o.watchers {
		stream, err := rankingv1.NewLiveRankingServiceClient(conn).WatchRanking(watching, &rankingv1.WatchRankingRequest{Name: ranking})
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		see := (&sight).took
		if i > 0 {
			see = func(*rankingv1.WatchRankingResponse) {}
		}
		first, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		see(first)
		watchers.Go(func() {
			for {
				update, err := stream.Recv()
				if watching.Err() != nil {
					return
				}
				if err != nil {
					failed <- err
					return
				}
				see(update)
			}
		})
	}
	before, redisBefore, own := server.cpu(), redis.cpu(), self()
	began := time.Now()
	writes, err := p.write(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	used, redisUsed, ownUsed := server.cpu()-before, redis.cpu()-redisBefore, self()-own
	if err := sight.reaches(ctx, writes[len(writes)-1].revision, failed); err != nil {
		return err
	}
	unwatch()
	watchers.Wait()

	sight.report(w, writes, took)
	fmt.Fprintf(w, "CPU of the server %.2f cores, of Redis %.2f, of this program %.2f\n",
		used.Seconds()/took.Seconds(), redisUsed.Seconds()/took.Seconds(), ownUsed.Seconds()/took.Seconds())
	return limits(ctx, w, o, dir, redis, conn)
}

// sight is what the first watcher saw, and when.
type sight struct {
	mu       sync.Mutex
	versions []seen
	bytes    int
	rows     int
	deltas   int
}

type seen struct {
	version int64
	at      time.Time
}

func (s *sight) took(update *rankingv1.WatchRankingResponse) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case update.GetSnapshot() != nil:
		s.versions = append(s.versions, seen{update.GetSnapshot().GetHead().GetVersion(), now})
	case update.GetDelta() != nil:
		s.versions = append(s.versions, seen{update.GetDelta().GetHead().GetVersion(), now})
		s.deltas++
		s.rows += len(update.GetDelta().GetStandings()) + len(update.GetDelta().GetRemoved())
		s.bytes += proto.Size(update)
	}
}

// reaches waits until a version was seen.
func (s *sight) reaches(ctx context.Context, version int64, failed <-chan error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		last := s.versions[len(s.versions)-1].version
		s.mu.Unlock()
		if last >= version {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the watcher is at %d and did not come to %d", last, version)
		case err := <-failed:
			return fmt.Errorf("watch: %w", err)
		case <-ticker.C:
		}
	}
}

func (s *sight) report(w io.Writer, writes []written, took time.Duration) {
	var ack, watched, end []time.Duration
	ahead := 0
	for _, write := range writes {
		ack = append(ack, write.acked.Sub(write.sent))
		i, _ := slices.BinarySearchFunc(s.versions, write.revision, func(v seen, revision int64) int { return cmp.Compare(v.version, revision) })
		at := s.versions[i].at
		if at.Before(write.acked) {
			ahead++
		}
		watched = append(watched, max(0, at.Sub(write.acked)))
		end = append(end, at.Sub(write.sent))
	}
	fmt.Fprintf(w, "%d writes, %.1f/s; %d versions seen, %.1f/s; a delta has %d rows, %d bytes\n",
		len(writes), float64(len(writes))/took.Seconds(), s.deltas, float64(s.deltas)/took.Seconds(), s.rows/max(s.deltas, 1), s.bytes/max(s.deltas, 1))
	fmt.Fprintf(w, "%-34s %s\n", "", "p50        p95        p99        max")
	spread(w, "write sent to acknowledged", ack)
	spread(w, "acknowledged to watcher", watched)
	spread(w, "write sent to watcher", end)
	fmt.Fprintf(w, "%d of the writes were seen before their own acknowledgement arrived (0 above)\n", ahead)
}

// spread prints quantiles of durations.
func spread(w io.Writer, name string, all []time.Duration) {
	slices.Sort(all)
	fmt.Fprintf(w, "%-34s", name)
	for _, q := range []float64{.5, .95, .99, 1} {
		fmt.Fprintf(w, " %-10s", rounded(all[min(len(all)-1, int(q*float64(len(all))))]))
	}
	fmt.Fprintln(w)
}

func rounded(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(100 * time.Nanosecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(100 * time.Microsecond).String()
	}
}

func processor() string {
	content, _ := os.ReadFile("/proc/cpuinfo") // Elsewhere the name is not known.
	for line := range strings.Lines(string(content)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t: "))
		}
	}
	return runtime.GOARCH
}

func firstWords(s string, n int) string {
	words := strings.Fields(s)
	return strings.Join(words[:min(n, len(words))], " ")
}

// self is the CPU time of this program.
func self() time.Duration { return cpu("/proc/self/stat") }

// cpu reads the user and system time of a process.
func cpu(stat string) time.Duration {
	content, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick
}
