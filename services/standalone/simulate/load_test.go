package simulate_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/data"
	"zonebench.internal/pkg/fault"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone"
	"zonebench.internal/services/standalone/simulate"
)

// installation is a whole one in this process, with its clients.
type installation struct {
	zones    zonev1.ZoneServiceClient
	figures  indicatorv1.IndicatorServiceClient
	rankings rankingv1.RankingServiceClient
	series   rankingv1.PublishedRankingServiceClient
}

func start(t *testing.T) installation {
	t.Helper()
	cluster, err := standalone.Start(t.Context(), standalone.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() }) // The end of the test's context has stopped it.
	return installation{
		zonev1.NewZoneServiceClient(cluster.Conn()), indicatorv1.NewIndicatorServiceClient(cluster.Conn()),
		rankingv1.NewRankingServiceClient(cluster.Conn()), rankingv1.NewPublishedRankingServiceClient(cluster.Conn()),
	}
}

var (
	registryKinds = map[data.Kind]zonev1.RegistryTable{
		data.ReferenceUnits: zonev1.RegistryTable_REGISTRY_TABLE_REFERENCE_UNITS, data.Zones: zonev1.RegistryTable_REGISTRY_TABLE_ZONES,
		data.Groups: zonev1.RegistryTable_REGISTRY_TABLE_GROUPS, data.Relations: zonev1.RegistryTable_REGISTRY_TABLE_RELATIONS,
	}
	figureKinds = map[data.Kind]indicatorv1.FigureTable{
		data.Sources: indicatorv1.FigureTable_FIGURE_TABLE_SOURCES, data.Indicators: indicatorv1.FigureTable_FIGURE_TABLE_INDICATORS,
		data.Statements: indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS, data.Lists: indicatorv1.FigureTable_FIGURE_TABLE_LISTS,
	}
	publishedKinds = map[data.Kind]rankingv1.PublishedRankingTable{
		data.Series: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_SERIES,
		data.Rounds: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_ROUNDS,
		data.Places: rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_PLACES,
	}
)

// load imports a table and returns the report.
func (in installation) load(t *testing.T, kind data.Kind, content []byte) *typev1.ImportReport {
	t.Helper()
	table := &typev1.Table{Content: content, Charset: typev1.Charset_CHARSET_UTF8}
	var report *typev1.ImportReport
	switch {
	case registryKinds[kind] != 0:
		resp, err := in.zones.ImportRegistry(t.Context(), &zonev1.ImportRegistryRequest{Kind: registryKinds[kind], Table: table})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		report = resp.GetReport()
	case figureKinds[kind] != 0:
		resp, err := in.figures.ImportFigures(t.Context(), &indicatorv1.ImportFiguresRequest{Kind: figureKinds[kind], Table: table})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		report = resp.GetReport()
	default:
		resp, err := in.series.ImportPublishedRankings(t.Context(), &rankingv1.ImportPublishedRankingsRequest{Kind: publishedKinds[kind], Table: table})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		report = resp.GetReport()
	}
	if report.GetRejected() > 0 {
		t.Fatalf("%s: %v", kind, report.GetProblems()[0])
	}
	return report
}

func generate(t *testing.T, cfg simulate.Config) (*simulate.Dataset, []simulate.Table) {
	t.Helper()
	t.Logf("%+v", cfg)
	d, err := simulate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var tables []simulate.Table
	for table, err := range d.Tables() {
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	return d, tables
}

func TestServicesAcceptEveryTable(t *testing.T) {
	in := start(t)
	_, tables := generate(t, simulate.Config{Seed: 2, Zones: 12, From: 2023, Indicators: 12, Months: 12})
	for _, table := range tables {
		r := in.load(t, table.Kind, table.Content)
		if int(r.GetCreated()) != table.Rows || len(r.GetProblems()) > 0 {
			t.Errorf("%s: %v", table.File, r)
		}
	}
	for _, table := range tables {
		if r := in.load(t, table.Kind, table.Content); int(r.GetUnchanged()) != table.Rows {
			t.Errorf("%s once more: %d of %d rows unchanged", table.File, r.GetUnchanged(), table.Rows)
		}
	}
}

func TestMarkedToTheEnd(t *testing.T) {
	in := start(t)
	d, tables := generate(t, simulate.Config{Seed: 6, Zones: 12, From: 2020, Indicators: 12, Months: 12})
	for _, table := range tables {
		in.load(t, table.Kind, table.Content)
	}
	for _, name := range d.Zones() {
		resp, err := in.zones.GetZone(t.Context(), &zonev1.GetZoneRequest{Name: name})
		if z := resp.GetZone(); err != nil || !z.GetSimulated() || !strings.HasSuffix(z.GetDisplayName().GetZh(), "〔模拟〕") ||
			!strings.HasSuffix(z.GetDisplayName().GetEn(), "〔模拟〕") {
			t.Errorf("%v, %v", z, err)
		}
	}
	compare := &rankingv1.CompareZonesRequest{
		Period: "2020", Kind: indicatorv1.Kind_KIND_ACTUAL, Group: "groups/example-zones", Indicators: d.Indicators(),
	}
	resp, err := in.rankings.CompareZones(t.Context(), compare)
	if err != nil || !resp.GetSimulated() || len(resp.GetStrict()) < 20 {
		t.Fatalf("simulated %v, %d strict comparisons, %v", resp.GetSimulated(), len(resp.GetStrict()), err)
	}
	for _, comparison := range resp.GetStrict() {
		for _, row := range comparison.GetRows() {
			if !row.GetSimulated() || !strings.HasSuffix(row.GetDisplayName().GetZh(), "〔模拟〕") {
				t.Errorf("%v is not marked", row)
			}
		}
	}

	// Beside the real plans of the same year nothing is compared unless asked for.
	for _, table := range data.Tables() {
		in.load(t, table.Kind, table.Content)
	}
	both := &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET, Subjects: []string{d.Zones()[0], "zones/hangzhou-qiantang-na"}}
	if _, err := in.rankings.CompareZones(t.Context(), both); status.Code(err) != codes.FailedPrecondition ||
		fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_MIXED_DATASETS {
		t.Errorf("mixed: %v", err)
	}
	everyone := &rankingv1.CompareZonesRequest{Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET}
	if resp, err := in.rankings.CompareZones(t.Context(), everyone); err != nil || resp.GetSimulated() {
		t.Errorf("everyone: simulated %v, %v, want the real ones", resp.GetSimulated(), err)
	}
	everyone.MixSimulated = true
	if resp, err := in.rankings.CompareZones(t.Context(), everyone); err != nil || !resp.GetSimulated() {
		t.Errorf("mixed as asked for: simulated %v, %v", resp.GetSimulated(), err)
	}
}
