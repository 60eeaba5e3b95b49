package ledger

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a ledger. Every field works without a registerer too.
type metrics struct {
	applied, last, lag, halted prometheus.Gauge
	commitBytes, transactions  prometheus.Histogram
	publishSeconds             prometheus.Histogram
	conflicts, resends         prometheus.Counter
	ignored                    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "zonebench", Subsystem: "ledger", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "zonebench", Subsystem: "ledger", Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "zonebench", Subsystem: "ledger", Name: name, Help: help, Buckets: buckets,
		})
	}
	seconds := prometheus.ExponentialBuckets(0.0005, 2, 14)
	m := &metrics{
		applied:        gauge("applied_revision", "Revision up to which this process has read, checked and folded the ledger."),
		last:           gauge("last_revision", "Last revision of the ledger that this process has heard of."),
		lag:            gauge("lag_revisions", "Revisions that this process has heard of and not applied."),
		halted:         gauge("halted", "1 when this process halted because the ledger is damaged or not readable to it."),
		commitBytes:    histogram("commit_bytes", "Size of the commits that this process wrote.", prometheus.ExponentialBuckets(256, 4, 8)),
		transactions:   histogram("commit_transactions", "Transactions in the commits that this process wrote.", prometheus.ExponentialBuckets(1, 2, 9)),
		publishSeconds: histogram("publish_seconds", "Time from sending a commit to the acknowledgement that it is on the disk.", seconds),
		conflicts:      counter("conflicts_total", "Commits that lost to another committer of the same lane and were decided again."),
		resends:        counter("resends_total", "Commits that were sent again because their outcome was not known."),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "zonebench", Subsystem: "ledger", Name: "ignored_total",
			Help: "Messages of the ledger that a rule ignores, by rule.",
		}, []string{"rule"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.applied, m.last, m.lag, m.halted, m.commitBytes, m.transactions, m.publishSeconds, m.conflicts, m.resends, m.ignored,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("ledger: register metrics: %w", err)
		}
	}
	return m, nil
}

// position sets the gauges of how far this process is.
func (m *metrics) position(applied, last int64) {
	m.applied.Set(float64(applied))
	m.last.Set(float64(last))
	m.lag.Set(float64(last - applied))
}
