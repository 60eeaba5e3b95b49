package chaos

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"zonebench.internal/data"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/simulate"
	"zonebench.internal/test/harness"
)

// importRows is how many rows a large import has, at least.
const importRows = 10_000

// province loads an invented province through the replicas, once for a run, and
// gives clients that have seen it.
func (o *ordeal) province(t *testing.T) (*simulate.Dataset, harness.Clients) {
	t.Helper()
	seen := grpc.WithUnaryInterceptor(new(revision.Client).Unary)
	clients := o.cluster.Dial(t, "zone", seen)
	indicator, ranking := o.cluster.Dial(t, "indicator", seen), o.cluster.Dial(t, "ranking", seen)
	clients.Indicator, clients.Ranking, clients.Published, clients.Live = indicator.Indicator, ranking.Ranking, ranking.Published, ranking.Live
	dataset, err := simulate.New(simulate.Config{Seed: o.seed, Zones: 60, Indicators: 8, From: 2023, Months: 3})
	if err != nil {
		t.Fatal(err)
	}
	if o.loaded {
		return dataset, clients
	}
	o.loaded = true
	for table, err := range dataset.Tables() {
		if err != nil {
			t.Fatal(err)
		}
		if report := harness.Import(t, clients, table.Kind, table.Content); report.GetRejected() > 0 {
			t.Fatalf("%s: %v", table.File, report.GetProblems()[0])
		}
	}
	return dataset, clients
}

// A table of more rows than one commit holds gets in while others commit to the
// same lane all the time: once through the replica that commits, once through
// the other one. Replicas in free competition refuse it.
func (o *ordeal) largeImport(t *testing.T) {
	t.Helper()
	dataset, clients := o.province(t)
	harness.Import(t, clients, data.Indicators, []byte("id,name_zh,unit,nature,direction,simulated\nmass-output,示例产值,亿元,flow,higher_is_better,true\n"))
	harness.Import(t, clients, data.Sources, []byte("id,title_zh,publisher,reliability,simulated\nmass-0,示例零,示例,official,true\nmass-1,示例一,示例,official,true\n"))
	o.under(t, o.form.commits, []string{"indicator"}, func(l *load) {
		committer := o.cluster.Committer(t, "indicator")
		for n, r := range o.cluster.Replicas["indicator"] {
			table := mass(n, dataset.Zones())
			before, begin := l.acked("indicator"), time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			resp, err := r.Clients(t).Indicator.ImportFigures(ctx, &indicatorv1.ImportFiguresRequest{
				Kind: indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS, Table: &typev1.Table{Content: table},
				RequestId: fmt.Sprintf("mass-%d-%d", o.seed, n),
			})
			cancel()
			if err != nil {
				t.Fatalf("through %s: %v", r.Name, err)
			}
			took := time.Since(begin)
			rows := bytes.Count(table, []byte("\n")) - 1
			if report := resp.GetReport(); int(report.GetCreated()) != rows || !report.GetCommitted() {
				t.Errorf("through %s: %v", r.Name, report)
			}
			through := "a replica that hands it over"
			if r == committer {
				through = "the replica that commits"
			}
			o.report.notef(t, "An import of %d rows (%.1f MiB) through %s took %.1f s, beside %.0f writes a second to the same lane.",
				rows, float64(len(table))/(1<<20), through, took.Seconds(), float64(l.acked("indicator")-before)/took.Seconds())
			for _, reader := range o.cluster.Replicas["indicator"] { // They are all there, on every replica.
				listed, err := reader.Clients(t).Indicator.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{
					PageSize: 1, Filter: fmt.Sprintf("source = \"sources/mass-%d\"", n),
					Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_AtLeastAsFresh{AtLeastAsFresh: resp.GetState().GetToken()}},
				})
				if err != nil || int(listed.GetTotalSize()) != rows {
					t.Errorf("%s lists %d statements of %d: %v", reader.Name, listed.GetTotalSize(), rows, err)
				}
			}
		}
	})
}

// mass is a table of statements that is larger than one commit.
func mass(n int, zones []string) []byte {
	var b bytes.Buffer
	b.WriteString("source,subject,indicator,period,kind,value,unit,locator\n")
	for row := range importRows {
		month := row / len(zones)
		fmt.Fprintf(&b, "mass-%d,%s,mass-output,%d-%02d,actual,%d.%d,亿元,%s\n", n, zones[row%len(zones)],
			1990+month/12, month%12+1, row%977, n, strings.Repeat("示例", 8))
	}
	return b.Bytes()
}
