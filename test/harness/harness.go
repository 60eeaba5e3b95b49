// Package harness runs whole installations for tests: standalone in this
// process, or the zonebench binary as a process that can be killed. The
// composition is the product's own; nothing is faked.
package harness

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zonebench.internal/data"
	"zonebench.internal/pkg/service"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone"
)

// Patience bounds what a test waits for. It is no measure of how long things take.
const Patience = time.Minute

// Clients are the services of an installation, as a caller sees them.
type Clients struct {
	Conn      *grpc.ClientConn
	Zone      zonev1.ZoneServiceClient
	Indicator indicatorv1.IndicatorServiceClient
	Ranking   rankingv1.RankingServiceClient
	Published rankingv1.PublishedRankingServiceClient
	Live      rankingv1.LiveRankingServiceClient
}

// NewClients makes the clients of a connection.
func NewClients(conn *grpc.ClientConn) Clients {
	return Clients{
		Conn:      conn,
		Zone:      zonev1.NewZoneServiceClient(conn),
		Indicator: indicatorv1.NewIndicatorServiceClient(conn),
		Ranking:   rankingv1.NewRankingServiceClient(conn),
		Published: rankingv1.NewPublishedRankingServiceClient(conn),
		Live:      rankingv1.NewLiveRankingServiceClient(conn),
	}
}

// Dial connects to an address until the test ends.
func Dial(t testing.TB, address string, options ...grpc.DialOption) Clients {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return NewClients(conn)
}

// Installation is standalone in this process.
type Installation struct {
	Clients
	Cluster *standalone.Cluster
}

// Start runs an installation over a directory until the test ends, or until it
// is stopped before. An empty directory is a temporary one.
func Start(t testing.TB, dir string) *Installation {
	t.Helper()
	return StartHost(t, dir, service.Config{})
}

// StartHost is Start with settings of the host.
func StartHost(t testing.TB, dir string, host service.Config) *Installation {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	// t.Context ends before the cleanups run, so the stop there is orderly all the same.
	cluster, err := standalone.Start(context.WithoutCancel(t.Context()), standalone.Config{
		Dir: dir, Listen: "127.0.0.1:0", Host: host, Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	in := &Installation{Clients: NewClients(cluster.Conn()), Cluster: cluster}
	t.Cleanup(func() { in.Stop(t) })
	return in
}

// Stop stops it in order.
func (in *Installation) Stop(t testing.TB) {
	t.Helper()
	if err := in.Cluster.Stop(); err != nil {
		t.Error(err)
	}
}

// testLog writes a log to the test's, which shows it when the test fails.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil { // After the test nobody may log to it.
		l.t.Logf("%s", p)
	}
	return len(p), nil
}

// Load imports the facts that the product ships with, through the public API,
// and returns the reports by kind of table.
func Load(t testing.TB, c Clients) map[data.Kind]*typev1.ImportReport {
	t.Helper()
	reports := make(map[data.Kind]*typev1.ImportReport)
	for _, table := range data.Tables() {
		report := Import(t, c, table.Kind, table.Content)
		if report.GetRejected() > 0 {
			t.Fatalf("%s: %v", table.File, report)
		}
		reports[table.Kind] = report
	}
	return reports
}

// Import imports one table of UTF-8 text.
func Import(t testing.TB, c Clients, kind data.Kind, content []byte) *typev1.ImportReport {
	t.Helper()
	registry := map[data.Kind]zonev1.RegistryTable{
		data.ReferenceUnits: zonev1.RegistryTable_REGISTRY_TABLE_REFERENCE_UNITS,
		data.Zones:          zonev1.RegistryTable_REGISTRY_TABLE_ZONES,
		data.Relations:      zonev1.RegistryTable_REGISTRY_TABLE_RELATIONS,
		data.Groups:         zonev1.RegistryTable_REGISTRY_TABLE_GROUPS,
	}
	figures := map[data.Kind]indicatorv1.FigureTable{
		data.Sources:    indicatorv1.FigureTable_FIGURE_TABLE_SOURCES,
		data.Indicators: indicatorv1.FigureTable_FIGURE_TABLE_INDICATORS,
		data.Lists:      indicatorv1.FigureTable_FIGURE_TABLE_LISTS,
		data.Statements: indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS,
	}
	published := map[data.Kind]rankingv1.PublishedRankingTable{
		data.Series: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_SERIES,
		data.Rounds: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_ROUNDS,
		data.Places: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_PLACES,
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	table := &typev1.Table{Content: content}
	if k, ok := registry[kind]; ok {
		resp, err := c.Zone.ImportRegistry(ctx, &zonev1.ImportRegistryRequest{Kind: k, Table: table})
		if err != nil {
			t.Fatalf("import %s: %v", kind, err)
		}
		return resp.GetReport()
	}
	if k, ok := published[kind]; ok {
		resp, err := c.Published.ImportPublishedRankings(ctx, &rankingv1.ImportPublishedRankingsRequest{Kind: k, Table: table})
		if err != nil {
			t.Fatalf("import %s: %v", kind, err)
		}
		return resp.GetReport()
	}
	resp, err := c.Indicator.ImportFigures(ctx, &indicatorv1.ImportFiguresRequest{Kind: figures[kind], Table: table})
	if err != nil {
		t.Fatalf("import %s: %v", kind, err)
	}
	return resp.GetReport()
}
