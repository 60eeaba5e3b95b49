package service_test

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/service"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// registry is a service that answers imports with the reports it is given, in turn.
type registry struct {
	zones
	reports []*typev1.ImportReport
}

func (r *registry) Register(reg grpc.ServiceRegistrar) { zonev1.RegisterZoneServiceServer(reg, r) }

func (r *registry) ImportRegistry(context.Context, *zonev1.ImportRegistryRequest) (*zonev1.ImportRegistryResponse, error) {
	report := r.reports[0]
	r.reports = r.reports[1:]
	return &zonev1.ImportRegistryResponse{Report: report}, nil
}

// Imports are counted by what became of them; what was only tried writes no row,
// and what another process handed over is counted there.
func TestImportsAreCountedOnceByWhatBecameOfThem(t *testing.T) {
	svc := &registry{reports: []*typev1.ImportReport{
		{Rows: 6, Created: 3, Updated: 2, Unchanged: 1, Committed: true},
		{Rows: 5, Created: 4, Rejected: 1},
		{Rows: 7, Created: 6, Rejected: 1},
		{Rows: 9, Created: 9, Committed: true}, // handed over
	}}
	r := start(t, service.Config{}, service.Deps{}, svc)
	serving(t, r)
	request := &zonev1.ImportRegistryRequest{
		Kind: zonev1.RegistryTable_REGISTRY_TABLE_ZONES, Table: &typev1.Table{Content: []byte("id\n")},
	}
	for n := range 3 {
		request.ValidateOnly = n == 2
		if _, err := zonev1.NewZoneServiceClient(r.conn).ImportRegistry(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	body, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	vouched := auth.Vouch(t.Context(), auth.Caller{Subject: "person:1", Roles: []auth.Role{auth.Admin}})
	if reply := r.host.Invoke(vouched, zonev1.ZoneService_ImportRegistry_FullMethodName, body); reply.Err != nil {
		t.Fatal(reply.Err)
	}
	method := `method="` + zonev1.ZoneService_ImportRegistry_FullMethodName + `"`
	want := strings.ReplaceAll(`
# HELP zonebench_import_rows_total Rows of tables that were not only tried, by method and by what became of them.
# TYPE zonebench_import_rows_total counter
zonebench_import_rows_total{became="created",METHOD} 3
zonebench_import_rows_total{became="rejected",METHOD} 1
zonebench_import_rows_total{became="unchanged",METHOD} 1
zonebench_import_rows_total{became="updated",METHOD} 2
# HELP zonebench_imports_total Tables that were imported, by method and by whether they were committed, refused or only tried.
# TYPE zonebench_imports_total counter
zonebench_imports_total{METHOD,outcome="committed"} 1
zonebench_imports_total{METHOD,outcome="refused"} 1
zonebench_imports_total{METHOD,outcome="tried"} 1
`, "METHOD", method)
	if err := testutil.GatherAndCompare(r.metrics, strings.NewReader(want), "zonebench_imports_total", "zonebench_import_rows_total"); err != nil {
		t.Error(err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}
