package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/revision"
)

// call connects to the server for one command.
func (a *app) call(ctx context.Context, do func(context.Context, *grpc.ClientConn) error) error {
	return a.connect(func(conn *grpc.ClientConn) error {
		ctx, cancel := context.WithTimeout(ctx, a.timeout)
		defer cancel()
		return do(ctx, conn)
	})
}

// connect is call for a command of many calls, each of which has the time that one may take.
func (a *app) connect(do func(*grpc.ClientConn) error) error {
	// A connection without credentials stays on this machine, or another could listen in.
	if err := auth.CheckAddress(a.address); err != nil {
		return usage(err)
	}
	conn, err := grpc.NewClient(a.address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(new(revision.Client).Unary), // Later calls of one command see no less.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)
	if err != nil {
		return usage(fmt.Errorf("--address %s: %w", a.address, err))
	}
	defer func() { _ = conn.Close() }()
	return do(conn)
}
