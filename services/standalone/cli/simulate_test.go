package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	"zonebench.internal/services/standalone"
)

// command runs a command line as a person would.
func command(t *testing.T, address string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, bad bytes.Buffer
	code = Main(t.Context(), Process{
		Name: "zonebench", Args: args, Environ: []string{"ZONEBENCH_ADDRESS=" + address},
		In: strings.NewReader(""), Out: &out, Err: &bad, Version: "test", Now: time.Now,
	})
	return code, out.String(), bad.String()
}

func serveFor(t *testing.T) *standalone.Cluster {
	t.Helper()
	cluster, err := standalone.Start(t.Context(), standalone.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() }) // The end of the test's context has stopped it.
	return cluster
}

// recorded counts the statements on record, with those that were corrected.
func recorded(t *testing.T, cluster *standalone.Cluster) int {
	t.Helper()
	client := indicatorv1.NewIndicatorServiceClient(cluster.Conn())
	n, token := 0, ""
	for {
		resp, err := client.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{PageSize: 1000, PageToken: token, ShowWithdrawn: true})
		if err != nil {
			t.Fatal(err)
		}
		n += len(resp.GetStatements())
		if token = resp.GetNextPageToken(); token == "" {
			return n
		}
	}
}

func TestSimulateLive(t *testing.T) {
	cluster := serveFor(t)
	run := func(args ...string) simulated {
		t.Helper()
		code, out, bad := command(t, cluster.Address(), append([]string{"simulate", "--json", "--zones", "13", "--months", "4", "--seed", "8"}, args...)...)
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, bad)
		}
		var s simulated
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := run()
	if first.Created != first.Rows || first.Live != 0 {
		t.Errorf("%+v", first)
	}
	history := recorded(t, cluster)
	// So many that what was wanting is through and figures are revised for the second time.
	if s := run("--rate", "5000", "--count", "250"); s.Live != 250 {
		t.Errorf("%d live reports, want 250", s.Live)
	}
	after := recorded(t, cluster)
	if after < history+250 {
		t.Errorf("%d statements after 250 reports, %d before", after, history)
	}
	// A later run goes on where that one ended.
	if s := run("--rate", "5000", "--count", "40"); s.Live != 40 || s.Unchanged < s.Rows || recorded(t, cluster) < after+40 {
		t.Errorf("%+v, %d recorded, want at least 40", s, recorded(t, cluster)-after)
	}
	// The history is there whatever has been corrected since.
	if s := run(); s.Unchanged != s.Rows || s.Created+s.Updated != 0 {
		t.Errorf("%+v", s)
	}
	if code, _, bad := command(t, cluster.Address(), "simulate", "--seed", "9"); code != exitRefused || !strings.Contains(bad, "another simulated dataset") {
		t.Errorf("another seed: exit %d: %s", code, bad)
	}
}

func TestSimulateWithoutServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	code, dry, bad := command(t, "127.0.0.1:1", "simulate", "--lang", "en", "--zones", "4", "--months", "12", "--dry-run", "--out", dir)
	if code != exitOK || !strings.Contains(dry, "nothing was written") {
		t.Fatalf("exit %d: %s%s", code, dry, bad)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a dry run writes")
	}
	code, out, bad := command(t, "127.0.0.1:1", "simulate", "--lang", "en", "--zones", "4", "--months", "12", "--out", dir)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, bad)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, strconv.Itoa(len(files))+" tables") || files[1].Name() != "0002-zones.csv" {
		t.Errorf("%d files, the second %s: %s", len(files), files[1].Name(), out)
	}
	for _, args := range [][]string{
		{"--zones", "2501"}, {"--months", "1"}, {"--indicators", "31"}, {"--count", "5"}, {"--rate", "0"}, {"--rate", "5", "--count", "0"}, {"--rate", "5", "--dry-run"}, {"--from", "12"},
	} {
		if code, _, bad := command(t, "127.0.0.1:1", append([]string{"simulate"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, bad)
		}
	}
	if code, _, bad := command(t, "127.0.0.1:1", "simulate"); code != exitUnavailable {
		t.Errorf("nobody there: exit %d: %s", code, bad)
	}
}
