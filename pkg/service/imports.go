package service

import (
	"github.com/prometheus/client_golang/prometheus"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// imports counts what became of tables: every answer that holds an ImportReport.
type imports struct {
	tables, rows *prometheus.CounterVec
}

func newImports() *imports {
	return &imports{
		tables: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_imports_total",
			Help: "Tables that were imported, by method and by whether they were committed, refused or only tried.",
		}, []string{"method", "outcome"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_import_rows_total",
			Help: "Rows of tables that were not only tried, by method and by what became of them.",
		}, []string{"method", "became"}),
	}
}

// count counts an answer, if it is one of an import. A call that was handed over
// is counted where it arrived.
func (i *imports) count(method string, req, resp any) {
	answer, ok := resp.(interface{ GetReport() *typev1.ImportReport })
	if !ok || answer.GetReport() == nil {
		return
	}
	report := answer.GetReport()
	trial, _ := req.(interface{ GetValidateOnly() bool })
	switch {
	case trial != nil && trial.GetValidateOnly():
		i.tables.WithLabelValues(method, "tried").Inc()
		return
	case report.GetCommitted():
		i.tables.WithLabelValues(method, "committed").Inc()
	default:
		i.tables.WithLabelValues(method, "refused").Inc()
	}
	for became, rows := range map[string]int32{
		"rejected": report.GetRejected(), "created": report.GetCreated(), "updated": report.GetUpdated(), "unchanged": report.GetUnchanged(),
	} {
		if became == "rejected" || report.GetCommitted() {
			i.rows.WithLabelValues(method, became).Add(float64(rows))
		}
	}
}
