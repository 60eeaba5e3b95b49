package service

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Live is the name under which health says that the process runs, ready or not:
// SERVING from the first moment to the last. The empty name and those of the
// gRPC services say whether calls are answered.
const Live = "live"

// Probes answer grpc.health.v1 on a port of their own, without TLS and to
// anyone: the agents that start and stop processes have no certificate. They
// answer from before the ledger is reached, so that a start that waits for it is
// told from a process that hangs.
type Probes struct {
	health *health.Server
	server *grpc.Server
}

// NewProbes makes probes that say alive and not ready.
func NewProbes() *Probes {
	p := &Probes{health: health.NewServer(), server: grpc.NewServer(grpc.MaxRecvMsgSize(4 << 10))}
	p.health.SetServingStatus(Live, healthv1.HealthCheckResponse_SERVING)
	p.health.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	healthv1.RegisterHealthServer(p.server, p.health)
	return p
}

// Serve answers on lis, which it closes, until ctx is done.
func (p *Probes) Serve(ctx context.Context, lis net.Listener) error {
	defer context.AfterFunc(ctx, p.server.Stop)()
	if err := p.server.Serve(lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("probes on %s: %w", lis.Addr(), err)
	}
	return nil
}
