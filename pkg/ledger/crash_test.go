package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// The test binary is its own child: with this variable it writes to the ledger
// in that directory until it is killed.
const childVariable = "ZONEBENCH_TEST_LEDGER"

func TestMain(m *testing.M) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir, os.Getenv(childVariable+"_ROUND"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child commits from several writers at once and prints each acknowledged
// request. With the round "once" it stops after a few.
func child(dir, round string, out io.Writer) error {
	server, err := local.NATS(dir, local.Options{Protect: []string{ledger.Stream}})
	if err != nil {
		return err
	}
	defer server.Close()
	js, err := jetstream.New(server.Conn())
	if err != nil {
		return err
	}
	l, err := ledger.Open(context.Background(), ledger.Config{MarkFile: ledgertest.Mark(dir)}, ledger.Deps{
		JetStream: js, Durability: server.Durability, Now: time.Now,
	})
	if err != nil {
		return err
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	writers, each := 16, 1<<30
	if round == "once" {
		writers, each = 1, 5
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	failed := make(chan error, writers)
	for w := range writers {
		all.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%s-%d-%d", round, w, n)
				_, err := lane.Commit(ctx, ledgertest.Put(id, strings.Repeat("x", 1+n%3000), "zones/a"+id, "zones/b"+id))
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				_, err = io.WriteString(out, "ack "+id+"\n")
				mu.Unlock()
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case err := <-ended:
		return errors.Join(errors.New("the ledger ended"), err)
	case err := <-failed:
		return err
	case <-done:
		cancel()
		return <-ended
	}
}

func childCommand(ctx context.Context, dir, round string, wrap ...string) *exec.Cmd {
	wrap = append(wrap, os.Args[0])
	cmd := exec.CommandContext(ctx, wrap[0], wrap[1:]...)
	cmd.Env = append(os.Environ(), childVariable+"="+dir, childVariable+"_ROUND="+round)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKilled: whatever moment a process is killed at, each acknowledged
// transaction is there exactly once, and every transaction is whole.
func TestKilled(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acked := make(map[string]bool)
	for round := range rounds {
		before := len(acked)
		killed(t, dir, fmt.Sprint("k", round), time.Duration(rng.IntN(120))*time.Millisecond, acked)
		count := stored(t, dir)
		for id := range acked {
			if count[id] != 1 {
				t.Fatalf("round %d: acknowledged request %s is there %d times", round, id, count[id])
			}
		}
		if len(acked) == before {
			t.Logf("round %d: killed before the first acknowledgement", round)
		}
	}
	t.Logf("%d rounds, %d acknowledged transactions", rounds, len(acked))
}

// TestKilledWhileCreating: a process that is killed while it makes its first
// ledger leaves a directory that the next one can use.
func TestKilledWhileCreating(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range rounds {
		dir, acked := t.TempDir(), make(map[string]bool)
		killed(t, dir, fmt.Sprint("c", round*10+4), time.Duration(rng.IntN(60))*time.Millisecond, acked)
		count := stored(t, dir)
		for id := range acked {
			if count[id] != 1 {
				t.Fatalf("round %d: acknowledged request %s is there %d times", round, id, count[id])
			}
		}
		t.Logf("round %d: %d acknowledged, %d stored", round, len(acked), len(count))
	}
}

// killed runs a child and kills it some time after its first acknowledgement, or
// in every fifth round after its start, so that recovery is interrupted too.
func killed(t *testing.T, dir, round string, after time.Duration, acked map[string]bool) {
	t.Helper()
	cmd := childCommand(t.Context(), dir, round)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() }
	first := !strings.HasSuffix(round, "4") && !strings.HasSuffix(round, "9")
	if !first {
		defer time.AfterFunc(after, kill).Stop()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if first {
			first = false
			defer time.AfterFunc(after, kill).Stop()
		}
		id, ok := strings.CutPrefix(lines.Text(), "ack ")
		if !ok {
			t.Fatalf("the child says %q", lines.Text())
		}
		acked[id] = true // no line is cut: so short a write to a pipe is whole or absent
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

// stored opens the ledger as the next process does and counts each request.
func stored(t *testing.T, dir string) map[string]int {
	t.Helper()
	server, err := local.NATS(dir, local.Options{Protect: []string{ledger.Stream}}) // its warnings about an unclean stop are expected
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := ledgertest.OpenAt(t, server, ledger.Config{MarkFile: ledgertest.Mark(dir)})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	stop := ledgertest.Run(t, l)
	defer stop()
	count := make(map[string]int)
	last, err := l.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last == 0 {
		return count
	}
	read := errors.New("read")
	err = l.Tail(t.Context(), 0, func(c *ledgerv1.Commit, revision int64) error {
		txs, err := ledger.Transactions(c)
		if err != nil {
			return err
		}
		for _, tx := range txs {
			if len(tx.GetFacts()) != 2 {
				t.Errorf("request %s has %d of 2 facts", tx.GetRequestId(), len(tx.GetFacts()))
			}
			count[tx.GetRequestId()]++
		}
		if revision == last {
			return read
		}
		return nil
	})
	if !errors.Is(err, read) {
		t.Fatal(err)
	}
	state, _ := lane.Current()
	if state.Len() != 2*len(count) {
		t.Errorf("%d zones of %d transactions", state.Len(), len(count))
	}
	return count
}

// TestSyncBeforeAck watches the system calls: what a commit writes to the store
// is synced before the process says that it is acknowledged.
func TestSyncBeforeAck(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("MUST_RUN") == "1" {
			t.Fatal("strace is not installed, and MUST_RUN=1 says that this must run")
		}
		t.Skip("SKIPPED: strace is not installed, so nothing shows that a commit is synced before it is acknowledged")
	}
	dir := t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := childCommand(t.Context(), dir, "once", strace, "-f", "-y", "-s", "200", "-e", "trace=openat,write,writev,pwrite64,fsync,fdatasync", "-o", trace)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	acks := 0
	written, synced := false, false
	unfinished := make(map[string]string) // by thread, a call that another thread's line interrupts
	for line := range strings.Lines(string(data)) {
		thread, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if begun, ok := strings.CutSuffix(call, "<unfinished ...>"); ok {
			unfinished[thread] = begun
			if !strings.HasPrefix(begun, "write(1<") && !isBlockWrite(begun) {
				continue // it counts when it has ended
			}
			call = begun
		} else if strings.HasPrefix(call, "<... ") {
			call = unfinished[thread]
			delete(unfinished, thread)
			if !isBlockSync(call) {
				continue // it counted when it began
			}
		}
		switch {
		case isBlockWrite(call):
			written, synced = true, false
		case isBlockSync(call):
			synced = written
		case strings.HasPrefix(call, "write(1<") && strings.Contains(call, `"ack `):
			if !synced {
				t.Errorf("acknowledged before the store was synced: %s", line)
			}
			written, synced = false, false
			acks++
		}
	}
	if acks != 5 {
		t.Errorf("%d acknowledgements are in the trace, want 5:\n%s", acks, data)
	}
}

func isBlockWrite(call string) bool {
	return (strings.HasPrefix(call, "write") || strings.HasPrefix(call, "pwrite")) && strings.Contains(call, "/LEDGER/msgs/")
}

func isBlockSync(call string) bool {
	return (strings.HasPrefix(call, "fsync") || strings.HasPrefix(call, "fdatasync")) && strings.Contains(call, "/LEDGER/msgs/")
}
