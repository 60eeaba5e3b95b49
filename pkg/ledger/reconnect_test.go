package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
)

// A reader whose connection breaks and whose consumers are deleted under it
// misses nothing.
func TestInterruptedReader(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	writer := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(writer, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, writer)

	deps := ledgertest.Deps(t, server)
	deps.Log = nil // it warns, as it should
	reader, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	readerLane := ledger.Fold(reader, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, reader)
	stream, err := ledgertest.Deps(t, server).JetStream.Stream(t.Context(), ledger.Stream)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 60 {
		commit(t, lane, ledgertest.Put("", fmt.Sprint(n), fmt.Sprint("zones/", n)))
		switch n % 20 {
		case 5:
			if err := deps.JetStream.Conn().ForceReconnect(); err != nil {
				t.Fatal(err)
			}
		case 15:
			names := stream.ConsumerNames(t.Context())
			for name := range names.Name() {
				_ = stream.DeleteConsumer(t.Context(), name) // the writer's too; it may be gone already
			}
		}
	}
	if err := reader.WaitFor(soon(t), 60); err != nil {
		t.Fatal(err)
	}
	mine, _ := lane.Current()
	theirs, _ := readerLane.Current()
	if fmt.Sprint(mine.All()) != fmt.Sprint(theirs.All()) || theirs.Len() != 60 {
		t.Errorf("the writer has %d zones, the reader %d", mine.Len(), theirs.Len())
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	deps := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir()))
	deps.Metrics = registry
	l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	commit(t, lane, ledgertest.Put("", "a", "zones/a"))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		got[f.GetName()] = number(f.GetMetric()[0])
	}
	for name, want := range map[string]float64{
		"zonebench_ledger_applied_revision":    1,
		"zonebench_ledger_last_revision":       1,
		"zonebench_ledger_lag_revisions":       0,
		"zonebench_ledger_halted":              0,
		"zonebench_ledger_commit_bytes":        1, // observations
		"zonebench_ledger_commit_transactions": 1,
		"zonebench_ledger_publish_seconds":     1,
		"zonebench_ledger_conflicts_total":     0,
		"zonebench_ledger_resends_total":       0,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s = %v, %v, want %v", name, n, ok, want)
		}
	}
}

func number(m *dto.Metric) float64 {
	switch {
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	}
	return float64(m.GetHistogram().GetSampleCount())
}

// The answers are what nats-server 2.15 gives.
func TestSyncByMonitoring(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"synced":       {`{"server_id":"A","config":{"max_memory":1,"store_dir":"/x","sync_interval":120000000000,"sync_always":true}}`, ""},
		"not synced":   {`{"server_id":"A","config":{"max_memory":1,"store_dir":"/x","sync_interval":120000000000}}`, "sync_interval"},
		"no JetStream": {`{"server_id":"A","disabled":true,"config":{}}`, "without JetStream"},
		"no JSON":      {`<html>`, "not readable"},
	} {
		t.Run(name, func(t *testing.T) {
			monitor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/jsz" || r.URL.Query().Get("config") != "true" {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(c.answer)) // the client finds what is missing
			}))
			defer monitor.Close()
			err := ledger.SyncByMonitoring(monitor.Client(), monitor.URL)(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error = %v", err)
			}
		})
	}
	if err := ledger.SyncByMonitoring(http.DefaultClient)(t.Context()); err == nil { //nolint:forbidigo // asks nobody
		t.Error("no server proves that it syncs")
	}
}

// A process can start while one server of three is down, and not while two are:
// then an acknowledgement could come from servers of which nobody knows anything.
func TestMostServersMustProveThatTheySync(t *testing.T) {
	monitor := func(answer string) string {
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(answer)) // the client finds what is missing
		}))
		t.Cleanup(m.Close)
		return m.URL
	}
	synced, lazy := monitor(`{"config":{"sync_always":true}}`), monitor(`{"config":{}}`)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, c := range map[string]struct {
		servers []string
		want    string
	}{
		"all":                {[]string{synced, synced, synced}, ""},
		"one down":           {[]string{gone.URL, synced, synced}, ""},
		"two down":           {[]string{gone.URL, synced, gone.URL}, "connection refused"},
		"one of two down":    {[]string{gone.URL, synced}, "connection refused"},
		"one does not sync":  {[]string{synced, synced, lazy}, "sync_interval"},
		"lazy, another down": {[]string{gone.URL, synced, lazy}, "sync_interval"},
	} {
		err := ledger.SyncByMonitoring(monitorClient, c.servers...)(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var monitorClient = &http.Client{Timeout: 10 * time.Second}

// One server that answers is no proof for three.
func TestSyncBySystem(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	asked, answering := ledgertest.Deps(t, server).JetStream.Conn(), ledgertest.Deps(t, server).JetStream.Conn()
	sub, err := answering.SubscribeSync("$SYS.REQ.SERVER.PING.JSZ")
	if err != nil {
		t.Fatal(err)
	}
	if err := answering.Flush(); err != nil {
		t.Fatal(err)
	}
	answer := func(bodies ...string) {
		msg, err := sub.NextMsgWithContext(context.Background())
		for _, body := range bodies {
			if err == nil {
				err = msg.Respond([]byte(body))
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	synced := `{"server":{"name":"a"},"data":{"config":{"sync_always":true}}}`
	lazy := `{"server":{"name":"b"},"data":{"config":{}}}`
	edge := `{"server":{"name":"c"},"data":{"disabled":true}}`
	go answer(synced, edge, synced)
	if err := ledger.SyncBySystem(asked, 2)(t.Context()); err != nil {
		t.Error(err)
	}
	go answer(synced, lazy)
	if err := ledger.SyncBySystem(asked, 2)(t.Context()); err == nil || !strings.Contains(err.Error(), "server b") {
		t.Errorf("error = %v", err)
	}
	go answer(synced)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := ledger.SyncBySystem(asked, 2)(ctx); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("error = %v", err)
	}
}
