package versions

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// A meter counts what an operator wants to know of a keeper.
type meter struct {
	recompute   prometheus.Histogram
	lookups     *prometheus.CounterVec // by where the version was found
	events      *prometheus.CounterVec
	redisErrors *prometheus.CounterVec
	rebuilds    *prometheus.CounterVec
	mismatches  prometheus.Counter
	usable      prometheus.Gauge
}

func newMeter(r prometheus.Registerer, k *Keeper) (*meter, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zonebench_ranking_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zonebench_ranking_" + name, Help: help}, value)
	}
	m := &meter{
		recompute: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "zonebench_ranking_recompute_seconds",
			Help:    "Time to compute a version of a ranking.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		lookups:     counter("lookups_total", "Versions that were asked for, by where they were found: memory, redis or computed.", "found"),
		events:      counter("events_total", "Updates of rankings, by what became of them: published, known (by another process) or failed.", "result"),
		redisErrors: counter("redis_errors_total", "Failures of Redis, by operation.", "operation"),
		rebuilds:    counter("redis_rebuilds_total", "How often Redis was not as it was left, by cause.", "cause"),
		mismatches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonebench_ranking_redis_mismatches_total",
			Help: "Versions in Redis that were not what was put there, and were computed anew.",
		}),
		usable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zonebench_ranking_redis_usable",
			Help: "1 while versions are shared in Redis, 0 while it is away or another installation's.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.recompute, m.lookups, m.events, m.redisErrors, m.rebuilds, m.mismatches, m.usable,
		gauge("behind_revisions", "Revisions that are applied and not yet in the newest version of every ranking that they touched.",
			func() float64 { return float64(k.behind()) }),
		gauge("versions_kept", "Versions whose heads are kept.", func() float64 { return float64(k.kept()) }),
		gauge("cache_bytes", "About how many bytes the versions in memory take.", func() float64 {
			_, bytes := k.cache.used()
			return float64(bytes)
		}),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("rankings: metrics: %w", err)
		}
	}
	return m, nil
}
