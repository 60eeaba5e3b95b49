package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// version is set when a binary is built: -X zonebench.internal/pkg/telemetry.version=v1.2.3.
var version = "devel"

// Build is which build of the program runs.
type Build struct {
	Version  string // v1.2.3, or the commit, or devel
	Go       string // go1.26.8
	Platform string // linux/amd64
}

// ThisBuild is the build that runs.
func ThisBuild() Build {
	return Build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

func (b Build) String() string { return b.Version + " (" + b.Go + ", " + b.Platform + ")" }

// buildInfo is the metric by which dashboards know which build runs where.
func buildInfo(b Build) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "zonebench_build_info",
		Help:        "Which build runs: always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "go": b.Go, "platform": b.Platform},
	}, func() float64 { return 1 })
}
