package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

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
	options, err := a.secured.options(a.address, a.Now, a.Err)
	if err != nil {
		return usage(err)
	}
	conn, err := grpc.NewClient(a.address, append(options,
		grpc.WithUnaryInterceptor(new(revision.Client).Unary), // Later calls of one command see no less.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)...)
	if err != nil {
		return usage(fmt.Errorf("--address %s: %w", a.address, err))
	}
	defer func() { _ = conn.Close() }()
	return do(conn)
}
