// Command zone serves zonebench.zone.v1.ZoneService from a ledger in NATS JetStream.
package main

import (
	"os"
	"time"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/process"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/service"
	"zonebench.internal/services/zone"
)

func main() {
	os.Exit(process.Program{
		Name:   "zone",
		Listen: "127.0.0.1:7801",
		Build: func(p *process.Process) (service.Service, error) {
			return zone.New(zone.Config{}, zone.Deps{
				Lane:   ledger.Fold(p.Ledger, ledger.LaneZone, registry.New()),
				Ledger: p.Ledger, JetStream: p.JetStream, Replicas: p.Replicas, Turn: p.Turn, Log: p.Log,
			})
		},
	}.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, time.Now))
}
