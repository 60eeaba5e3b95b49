package lease

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	held     *prometheus.GaugeVec
	changes  *prometheus.CounterVec
	failures *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, lanes []string) (*metrics, error) {
	labels := []string{"lane"}
	m := &metrics{
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "zonebench_lease_held",
			Help: "1 while this process commits the lane. The sum over the replicas of a service is 1.",
		}, labels),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_lease_changes_total",
			Help: "Changes of the process that commits the lane, as this process saw them.",
		}, labels),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_lease_failures_total",
			Help: "Writes of the lease that NATS did not acknowledge in time.",
		}, labels),
	}
	for _, c := range []prometheus.Collector{m.held, m.changes, m.failures} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("lease: metrics: %w", err)
		}
	}
	for _, lane := range lanes {
		m.held.WithLabelValues(lane).Set(0)
		m.changes.WithLabelValues(lane)
		m.failures.WithLabelValues(lane)
	}
	return m, nil
}

func (m *metrics) changed(lane string, here bool) {
	m.changes.WithLabelValues(lane).Inc()
	value := 0.0
	if here {
		value = 1
	}
	m.held.WithLabelValues(lane).Set(value)
}
