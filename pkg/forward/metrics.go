package forward

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	sent      *prometheus.CounterVec
	repeats   prometheus.Counter
	answering prometheus.Gauge
	seconds   prometheus.Histogram
}

// Results of a call that was to be handed over.
const (
	answeredResult = "answered"
	unknownResult  = "unknown"
	nobodyResult   = "nobody"
)

func newMetrics(r prometheus.Registerer, lane string) (*metrics, error) {
	labels := prometheus.Labels{"lane": lane}
	m := &metrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonebench_forward_calls_total", ConstLabels: labels,
			Help: "Writes handed to the process that commits the lane: answered, of unknown outcome, or nobody to hand them to.",
		}, []string{"result"}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonebench_forward_repeats_total", ConstLabels: labels,
			Help: "Times that a write was handed over again.",
		}),
		answering: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zonebench_forward_answering", ConstLabels: labels,
			Help: "Writes of other processes that this one is answering.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zonebench_forward_duration_seconds", ConstLabels: labels,
			Help:    "How long a write that was handed over took to be answered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, c := range []prometheus.Collector{m.sent, m.repeats, m.answering, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("forward: metrics: %w", err)
		}
	}
	for _, result := range []string{answeredResult, unknownResult, nobodyResult} {
		m.sent.WithLabelValues(result)
	}
	return m, nil
}
