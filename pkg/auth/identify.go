package auth

import (
	"context"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Identify proves who makes the call in ctx, or returns a fault when it cannot.
type Identify func(ctx context.Context) (Caller, error)

// Loopback takes every caller on this machine's loopback, or in this process,
// for the local operator, and refuses all others.
func Loopback(ctx context.Context) (Caller, error) {
	p, ok := peer.FromContext(ctx)
	if ok {
		switch a := p.Addr.(type) {
		case *net.TCPAddr:
			if a.IP.IsLoopback() {
				return Operator(), nil
			}
		default:
			if a.Network() == "bufconn" {
				return Operator(), nil
			}
		}
	}
	return Caller{}, fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED,
		"the call carries no identity: this server knows only callers on its own machine; call it through 127.0.0.1 there")
}
