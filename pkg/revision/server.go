package revision

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// reads tells the methods that read the ledger. Health, reflection and the status
// of the process must answer when the ledger does not.
func reads(method string) bool {
	return strings.HasPrefix(method, "/zonebench.") && !strings.HasPrefix(method, "/zonebench.system.")
}

// consistent is a request that may say how fresh its answer must be.
type consistent interface {
	GetConsistency() *typev1.Consistency
}

// UnaryServer gives the interceptor of a server for calls with one answer.
func UnaryServer(l Ledger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if !reads(info.FullMethod) {
			return handler(ctx, req)
		}
		ctx, err := enter(ctx, l, req)
		if err != nil {
			return nil, err
		}
		resp, err := handler(ctx, req)
		if sent := grpc.SetHeader(ctx, of(ctx).header()); err == nil && sent != nil {
			err = cmp.Or(ctx.Err(), sent) // a caller who is gone takes no header, which is no fault of ours
		}
		return resp, err
	}
}

// StreamServer gives the interceptor of a server for calls with a stream of
// answers. The wait is in the first receive, which brings the request.
func StreamServer(l Ledger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if !reads(info.FullMethod) {
			return handler(srv, stream)
		}
		return handler(srv, &serverStream{ServerStream: stream, ctx: stream.Context(), ledger: l})
	}
}

type serverStream struct {
	grpc.ServerStream
	ctx    context.Context //nolint:containedctx // a stream's context is asked of the stream
	ledger Ledger
	sent   bool
}

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if of(s.ctx) != nil {
		return nil
	}
	ctx, err := enter(s.ctx, s.ledger, m)
	if err != nil {
		return err
	}
	s.ctx = ctx
	return nil
}

func (s *serverStream) SendMsg(m any) error {
	if c := of(s.ctx); c != nil && !s.sent {
		s.sent = true
		if err := s.SetHeader(c.header()); err != nil {
			return err
		}
	}
	return s.ServerStream.SendMsg(m)
}

// enter chooses the revision of a call and puts it into the context.
func enter(ctx context.Context, l Ledger, req any) (context.Context, error) {
	var want *typev1.Consistency
	if r, ok := req.(consistent); ok {
		want = r.GetConsistency()
	}
	at, err := choose(ctx, l, metadata.ValueFromIncomingContext(ctx, TokenKey), want)
	if err != nil {
		return ctx, err
	}
	return With(ctx, l, at), nil
}

func (c *call) header() metadata.MD {
	told := c.told.Load()
	return metadata.Pairs(RevisionKey, strconv.FormatInt(told, 10), TokenKey, c.ledger.Token(told))
}
