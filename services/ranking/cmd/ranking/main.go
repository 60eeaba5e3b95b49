// Command ranking serves the services of zonebench.ranking.v1 from a ledger in NATS JetStream.
package main

import (
	"os"
	"time"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/process"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/service"
	"zonebench.internal/services/ranking"
)

func main() {
	config := ranking.Config{}
	os.Exit(process.Program{
		Name:   "ranking",
		Listen: "127.0.0.1:7803",
		Config: &config,
		Build: func(p *process.Process) (service.Service, error) {
			key, err := config.SigningKey()
			if err != nil {
				return nil, err
			}
			return ranking.New(ranking.Deps{
				Lane:   ledger.Fold(p.Ledger, ledger.LaneRanking, ranking.NewPublished()),
				Ledger: p.Ledger, JetStream: p.JetStream, Replicas: p.Replicas, Turn: p.Turn,
				Registry:   ledger.Fold(p.Ledger, ledger.LaneZone, registry.New()),
				Figures:    ledger.Fold(p.Ledger, ledger.LaneIndicator, figures.New()),
				SigningKey: key, Redis: p.Redis, Versions: config.Versions,
				Now: time.Now, Log: p.Log, Metrics: p.Metrics,
			})
		},
	}.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, time.Now))
}
