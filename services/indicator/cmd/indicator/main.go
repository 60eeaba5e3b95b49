// Command indicator serves zonebench.indicator.v1.IndicatorService from a ledger in NATS JetStream.
package main

import (
	"os"
	"time"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/process"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/service"
	"zonebench.internal/services/indicator"
)

func main() {
	os.Exit(process.Program{
		Name:   "indicator",
		Listen: "127.0.0.1:7802",
		Build: func(p *process.Process) (service.Service, error) {
			return indicator.New(indicator.Config{}, indicator.Deps{
				Lane:     ledger.Fold(p.Ledger, ledger.LaneIndicator, figures.New()),
				Registry: ledger.Fold(p.Ledger, ledger.LaneZone, registry.New()),
				Ledger:   p.Ledger, JetStream: p.JetStream, Replicas: p.Replicas, Turn: p.Turn, Log: p.Log,
			})
		},
	}.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, time.Now))
}
