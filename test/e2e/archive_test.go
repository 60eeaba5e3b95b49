package e2e_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/standalone"
	"zonebench.internal/test/harness"
)

// An installation whose directory is destroyed comes back from the archive that
// it wrote while it ran: the same answers at the same revisions.
func TestRestoreFromArchive(t *testing.T) {
	dir, archive := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "archive")
	cluster, err := standalone.Start(context.WithoutCancel(t.Context()), standalone.Config{
		Dir: dir, Archive: archive, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := harness.NewClients(cluster.Conn())
	harness.Load(t, c)
	before := compared(t, c)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	_, stored, _ := run(t, "verify", "--data", dir, "--json")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}

	_, out, _ := run(t, "verify", "--archive", archive, "--json")
	restored := filepath.Join(t.TempDir(), "restored")
	code, again, errOut := run(t, "restore", "--archive", archive, "--data", restored, "--json")
	if code != 0 {
		t.Fatalf("restore: exit code %d\n%s", code, errOut)
	}
	want, kept, got := state(t, stored), state(t, out), state(t, again)
	if kept != want {
		t.Errorf("archived %+v, stored %+v", kept, want)
	}
	if want.Epoch++; got != want {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	if code, _, errOut := run(t, "restore", "--archive", archive, "--data", restored); code == 0 || !strings.Contains(errOut, "not empty") {
		t.Errorf("a second restore to the same place: exit code %d\n%s", code, errOut)
	}
	if after := compared(t, harness.Start(t, restored).Clients); !proto.Equal(after, before) {
		t.Errorf("after the restore\n%v\nbefore\n%v", after, before)
	}
}

type ledgerState struct {
	Sound    bool   `json:"sound"`
	LedgerID string `json:"ledger_id"`
	Epoch    int64  `json:"epoch"`
	Revision int64  `json:"revision"`
	Digest   string `json:"digest"`
}

func state(t *testing.T, report string) (s ledgerState) {
	t.Helper()
	if err := json.Unmarshal([]byte(report), &s); err != nil {
		t.Fatalf("%v: %s", err, report)
	}
	return s
}

// compared is an answer that every fold has a part in, without its token.
func compared(t *testing.T, c harness.Clients) *rankingv1.CompareZonesResponse {
	t.Helper()
	resp, err := c.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET})
	if err != nil {
		t.Fatal(err)
	}
	resp.State.Token = ""
	return resp
}
