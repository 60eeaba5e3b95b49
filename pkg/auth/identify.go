package auth

import (
	"context"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Identify proves who makes the call in ctx and returns the subject id, or a
// fault when it cannot.
type Identify func(ctx context.Context) (subject string, err error)

// Loopback takes every caller on this machine's loopback, or in this process,
// for the local operator, and refuses all others: there are no credentials yet
// by which they could be known.
func Loopback(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if ok {
		switch a := p.Addr.(type) {
		case *net.TCPAddr:
			if a.IP.IsLoopback() {
				return LocalOperator, nil
			}
		default:
			if a.Network() == "bufconn" {
				return LocalOperator, nil
			}
		}
	}
	return "", fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED,
		"the call carries no identity: this server knows only callers on its own machine; call it through 127.0.0.1 there")
}
