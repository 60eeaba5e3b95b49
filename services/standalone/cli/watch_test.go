package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"zonebench.internal/services/standalone"
)

// A watcher whose server stops waits for it and goes on behind the version that
// it saw last: what was committed meanwhile comes as a change, or as all rows.
func TestWatchGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	cluster, err := standalone.Start(context.WithoutCancel(t.Context()), standalone.Config{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	address := cluster.Address()
	small := []string{"--zones", "12", "--months", "3"}
	if code, _, bad := command(t, address, append([]string{"simulate"}, small...)...); code != exitOK {
		t.Fatalf("exit %d: %s", code, bad)
	}

	r, w := io.Pipe()
	ended := make(chan int, 1)
	var bad bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // What the test waits for at most.
	defer cancel()
	go func() {
		ended <- Main(ctx, Process{
			Name: "zonebench", Args: []string{"watch", "example-2023-03", "--count", "3", "--json"}, Environ: []string{"ZONEBENCH_ADDRESS=" + address},
			In: strings.NewReader(""), Out: w, Err: &bad, Version: "test", Now: time.Now,
		})
		_ = w.Close() // The reader sees the end.
	}()
	updates := bufio.NewScanner(r)
	updates.Buffer(nil, 1<<20)
	next := func() (kind string, version string) {
		for updates.Scan() {
			var u struct {
				Snapshot, Delta *struct{ Head struct{ Version string } }
			}
			if err := json.Unmarshal(updates.Bytes(), &u); err != nil {
				t.Fatalf("%v in %s", err, updates.Text())
			}
			switch {
			case u.Snapshot != nil:
				return "snapshot", u.Snapshot.Head.Version
			case u.Delta != nil:
				return "delta", u.Delta.Head.Version
			}
		}
		t.Fatalf("no update any more: %v, %s", updates.Err(), bad.String())
		return "", ""
	}
	if kind, _ := next(); kind != "snapshot" {
		t.Errorf("it begins with a %s", kind)
	}
	report := func() {
		t.Helper()
		if code, _, bad := command(t, address, append([]string{"simulate", "--rate", "1000", "--count", "1"}, small...)...); code != exitOK {
			t.Fatalf("exit %d: %s", code, bad)
		}
	}
	report()
	kind, before := next()
	if kind != "delta" {
		t.Errorf("a report comes as a %s", kind)
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if cluster, err = standalone.Start(context.WithoutCancel(t.Context()), standalone.Config{Dir: dir, Listen: address}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	}()
	report()
	if _, after := next(); after == before {
		t.Errorf("version %s came twice", after)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if code := <-ended; code != exitOK {
		t.Errorf("exit %d: %s", code, bad.String())
	}
}
