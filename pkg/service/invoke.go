package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Reply is what a call came to.
type Reply struct {
	Message         proto.Message // nil when Err is not
	Err             error         // with a gRPC status
	Header, Trailer metadata.MD
}

// Invoke answers a call with one answer that another process of the
// installation took and handed over, by everything that stands around a handler.
// The caller was proved there and is vouched for in ctx (auth.Vouch); its
// incoming metadata and its deadline are those of ctx. The encoded request must
// not change until Invoke returns.
func (h *Host) Invoke(ctx context.Context, method string, request []byte) Reply {
	m, ok := h.methods[method]
	if !ok {
		return Reply{Err: fault.New(codes.Unimplemented, typev1.ErrorReason_ERROR_REASON_BUG,
			"this process does not serve %s: run the same version everywhere", method)}
	}
	if _, ok := auth.Vouched(ctx); !ok {
		return Reply{Err: errors.New("service: nobody vouches for the caller")}
	}
	said := &transport{method: method}
	ctx = grpc.NewContextWithServerTransportStream(ctx, said)
	decode := func(into any) error {
		message, ok := into.(proto.Message)
		if !ok {
			return errors.New("service: a request that is no message")
		}
		return proto.Unmarshal(request, message)
	}
	answer, err := m.handle(m.server, ctx, decode, chain(h.unary))
	header, trailer := said.told()
	if err != nil {
		return Reply{Err: err, Header: header, Trailer: trailer}
	}
	message, ok := answer.(proto.Message)
	if !ok {
		return Reply{Err: errors.New("service: an answer that is no message"), Header: header, Trailer: trailer}
	}
	return Reply{Message: message, Header: header, Trailer: trailer}
}

// chain makes one interceptor of several, the first outermost.
func chain(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		next := handler
		for _, around := range slices.Backward(interceptors) {
			inner := next
			next = func(ctx context.Context, req any) (any, error) { return around(ctx, req, info, inner) }
		}
		return next(ctx, req)
	}
}

// A method is a registered handler.
type method struct {
	server any
	handle grpc.MethodHandler
}

// register registers a service and keeps its handlers for Invoke.
type register struct {
	grpc.ServiceRegistrar
	methods map[string]method
}

func (r register) RegisterService(desc *grpc.ServiceDesc, server any) {
	r.ServiceRegistrar.RegisterService(desc, server)
	for _, m := range desc.Methods {
		r.methods["/"+desc.ServiceName+"/"+m.MethodName] = method{server: server, handle: m.Handler}
	}
}

// transport keeps what a handler says beside its answer.
type transport struct {
	method string

	mu              sync.Mutex
	header, trailer metadata.MD
}

// Method implements grpc.ServerTransportStream.
func (t *transport) Method() string { return t.method }

// SetHeader implements grpc.ServerTransportStream.
func (t *transport) SetHeader(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.header = metadata.Join(t.header, md)
	return nil
}

// SendHeader implements grpc.ServerTransportStream: the header goes with the answer.
func (t *transport) SendHeader(md metadata.MD) error { return t.SetHeader(md) }

// SetTrailer implements grpc.ServerTransportStream.
func (t *transport) SetTrailer(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trailer = metadata.Join(t.trailer, md)
	return nil
}

func (t *transport) told() (header, trailer metadata.MD) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.header), maps.Clone(t.trailer)
}
