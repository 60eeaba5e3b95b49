package board

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"zonebench.internal/pkg/fault"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Metadata that passes, both ways. Everything else stays on its side: cookies
// and addresses of a browser are none of the services' business.
var passing = []string{
	"authorization", "zonebench-token", "zonebench-revision", "accept-language", "content-language",
	"traceparent", "tracestate", "x-request-id",
}

// largestAnswer is what a service may send in one message.
const largestAnswer = 64 << 20

// errStopping is why the streams of a board end that stops.
var errStopping = fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
	"the board is stopping: try again, and resume a stream with the last version received")

// gateway forwards the methods of our contracts.
type gateway struct {
	stopping context.Context //nolint:containedctx // its end is that of every stream
	log      *slog.Logger
	now      func() time.Time
	handlers map[string]http.Handler // by path

	duration *prometheus.HistogramVec
	streams  prometheus.Gauge
}

// message is a message of a type that is known when it is made, not when it is
// compiled: what connect reads into and writes from.
type message struct{ proto.Message }

// method is one method of a service and the backend that answers it.
type method struct {
	backend Backend
	full    string // /zonebench.zone.v1.ZoneService/GetZone
	desc    protoreflect.MethodDescriptor
	input   protoreflect.MessageType
	output  protoreflect.MessageType
}

func newGateway(stopping context.Context, cfg Config, deps Deps) (*gateway, error) {
	g := &gateway{
		stopping: stopping, log: deps.Log, now: deps.Now, handlers: make(map[string]http.Handler),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "zonebench_board_rpc_duration_seconds",
			Help:    "Duration of calls through the board by method and code; of a stream, until its end.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"method", "code"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zonebench_board_streams",
			Help: "Streams that browsers hold open.",
		}),
	}
	for _, c := range []prometheus.Collector{g.duration, g.streams} {
		if err := deps.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("board: metrics: %w", err)
		}
	}
	options := connect.WithHandlerOptions(
		connect.WithReadMaxBytes(cfg.MaxRequestBytes),
		connect.WithCompressMinBytes(1024),
		connect.WithCodec(strictJSON{"json"}),
		connect.WithCodec(strictJSON{"json; charset=utf-8"}),
		connect.WithRecover(g.panicked),
	)
	for i, b := range deps.Backends {
		if err := g.serve("", b, protoreflect.FullName("zonebench."+b.Name+".v1"), options); err != nil {
			return nil, err
		}
		// Every process answers for itself: one path for each backend, and the
		// first one where there is but one process.
		if i == 0 {
			if err := g.serve("", b, system, options); err != nil {
				return nil, err
			}
		}
		if err := g.serve("/"+b.Name, b, system, options); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// contracts has one file of each package that is served; the others of the
// package register themselves with it.
var contracts = []protoreflect.FileDescriptor{
	zonev1.File_zonebench_zone_v1_zone_service_proto,
	indicatorv1.File_zonebench_indicator_v1_indicator_service_proto,
	rankingv1.File_zonebench_ranking_v1_ranking_service_proto,
	systemv1.File_zonebench_system_v1_system_service_proto,
}

// system is the package of the services that every process serves.
const system = "zonebench.system.v1"

// serve makes the handlers of every service of a package.
func (g *gateway) serve(prefix string, b Backend, pkg protoreflect.FullName, options connect.HandlerOption) error {
	if !slices.ContainsFunc(contracts, func(file protoreflect.FileDescriptor) bool { return file.Package() == pkg }) {
		return fmt.Errorf("board: there is no contract %s: a backend is named as the package of its contracts", pkg)
	}
	var failed error
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if failed = g.method(prefix, b, methods.Get(j), options); failed != nil {
					return false
				}
			}
		}
		return true
	})
	return failed
}

func (g *gateway) method(prefix string, b Backend, desc protoreflect.MethodDescriptor, options connect.HandlerOption) error {
	m := method{backend: b, desc: desc, full: fmt.Sprintf("/%s/%s", desc.Parent().FullName(), desc.Name())}
	if desc.IsStreamingClient() {
		return fmt.Errorf("board: %s: a browser cannot send a stream; give the method one request", m.full)
	}
	var err error
	if m.input, err = protoregistry.GlobalTypes.FindMessageByName(desc.Input().FullName()); err != nil {
		return fmt.Errorf("board: %s: %w", m.full, err)
	}
	if m.output, err = protoregistry.GlobalTypes.FindMessageByName(desc.Output().FullName()); err != nil {
		return fmt.Errorf("board: %s: %w", m.full, err)
	}
	all := []connect.HandlerOption{
		options, connect.WithSchema(desc), connect.WithIdempotency(idempotency(desc)),
		connect.WithRequestInitializer(func(_ connect.Spec, into any) error {
			msg, ok := into.(*message)
			if !ok {
				return fmt.Errorf("a request of type %T", into)
			}
			msg.Message = m.input.New().Interface()
			return nil
		}),
	}
	var h http.Handler
	if desc.IsStreamingServer() {
		h = connect.NewServerStreamHandler(m.full, g.stream(m), all...)
	} else {
		h = connect.NewUnaryHandler(m.full, g.unary(m), all...)
	}
	path := prefix + m.full
	if _, twice := g.handlers[path]; twice {
		return fmt.Errorf("board: two backends answer %s", path)
	}
	g.handlers[path] = h
	return nil
}

// idempotency is what the contract says: only a method that is marked as free of
// side effects is answered to a GET.
func idempotency(desc protoreflect.MethodDescriptor) connect.IdempotencyLevel {
	options, ok := desc.Options().(*descriptorpb.MethodOptions)
	if !ok {
		return connect.IdempotencyUnknown
	}
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return connect.IdempotencyNoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return connect.IdempotencyIdempotent
	default:
		return connect.IdempotencyUnknown
	}
}

// mount adds the handlers.
func (g *gateway) mount(mux *http.ServeMux) {
	for path, h := range g.handlers {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			h.ServeHTTP(w, r)
		})
	}
}

func (g *gateway) unary(m method) func(context.Context, *connect.Request[message]) (*connect.Response[message], error) {
	return func(ctx context.Context, req *connect.Request[message]) (*connect.Response[message], error) {
		start := g.now()
		answer := m.output.New().Interface()
		var header, trailer metadata.MD
		err := m.backend.Conn.Invoke(outgoing(ctx, req.Header()), m.full, req.Msg.Message, answer,
			grpc.Header(&header), grpc.Trailer(&trailer), grpc.MaxCallRecvMsgSize(largestAnswer))
		if err != nil {
			refused := g.refused(ctx, m, err)
			pass(refused.Meta(), header, trailer)
			g.done(ctx, m, start, refused)
			return nil, refused
		}
		resp := connect.NewResponse(&message{answer})
		pass(resp.Header(), header)
		pass(resp.Trailer(), trailer)
		g.done(ctx, m, start, nil)
		return resp, nil
	}
}

func (g *gateway) stream(m method) func(context.Context, *connect.Request[message], *connect.ServerStream[message]) error {
	desc := &grpc.StreamDesc{StreamName: string(m.desc.Name()), ServerStreams: true}
	return func(ctx context.Context, req *connect.Request[message], out *connect.ServerStream[message]) error {
		start := g.now()
		g.streams.Inc()
		defer g.streams.Dec()
		// What is behind ends when the browser goes, when the board stops and
		// when this returns.
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(g.stopping, func() { cancel(errStopping) })() //nolint:contextcheck // two ends meet here, and only one can be inherited
		err := g.copy(outgoing(inner, req.Header()), m, desc, req.Msg.Message, out)
		if err == nil {
			g.done(ctx, m, start, nil)
			return nil
		}
		refused := g.refused(inner, m, err)
		g.done(ctx, m, start, refused)
		return refused
	}
}

// copy hands every message on as it comes. The next one is read when the browser
// has taken the last: a slow one slows the service down, which then skips
// versions, and nothing piles up here.
func (g *gateway) copy(
	ctx context.Context, m method, desc *grpc.StreamDesc, request proto.Message, out *connect.ServerStream[message],
) error {
	in, err := m.backend.Conn.NewStream(ctx, desc, m.full, grpc.MaxCallRecvMsgSize(largestAnswer))
	if err != nil {
		return err
	}
	if err := in.SendMsg(request); err != nil && !errors.Is(err, io.EOF) { // EOF: RecvMsg knows why.
		return err
	}
	if err := in.CloseSend(); err != nil {
		return err
	}
	if header, err := in.Header(); err == nil {
		pass(out.ResponseHeader(), header)
	}
	for {
		answer := m.output.New().Interface()
		switch err := in.RecvMsg(answer); {
		case errors.Is(err, io.EOF):
			pass(out.ResponseTrailer(), in.Trailer())
			return nil
		case err != nil:
			pass(out.ResponseTrailer(), in.Trailer())
			return err
		}
		if err := out.Send(&message{answer}); err != nil {
			return err
		}
	}
}

// outgoing is the context of a call to a service: the deadline and the end of
// the browser's call, and the metadata that may pass.
func outgoing(ctx context.Context, header http.Header) context.Context {
	md := metadata.MD{}
	for _, key := range passing {
		if values := header.Values(key); len(values) > 0 {
			md.Append(key, values...)
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// pass copies the metadata of an answer that may pass.
func pass(header http.Header, from ...metadata.MD) {
	for _, md := range from {
		for _, key := range passing {
			for _, value := range md.Get(key) {
				header.Add(key, value)
			}
		}
	}
}

// refused is the error of a service as the browser sees it: code, message and
// details as they are. An error that no service worded gets words here, without
// the addresses inside it.
func (g *gateway) refused(ctx context.Context, m method, err error) *connect.Error {
	if done := context.Cause(ctx); errors.Is(done, errStopping) {
		err = errStopping
	}
	if sent, ok := errors.AsType[*connect.Error](err); ok { // The browser did not take the answer.
		return sent
	}
	st := status.Convert(err)
	worded := fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED
	switch {
	case worded || ctx.Err() != nil:
	case st.Code() == codes.Canceled:
		// Nobody here cancelled it: the service stops.
		st = fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
			"the %s service ended the call because it stops: try again, and resume a stream with the last version received",
			m.backend.Name).GRPCStatus()
	case st.Code() == codes.Unavailable:
		g.log.WarnContext(ctx, "a service is not reached", slog.String("service", m.backend.Name), slog.Any("error", err))
		st = fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
			"the %s service is not reached: try again; when it stays so, an operator looks at that process", m.backend.Name).GRPCStatus()
	default:
	}
	refused := connect.NewError(connect.Code(st.Code()), errors.New(st.Message()))
	for _, detail := range st.Proto().GetDetails() {
		if d, err := connect.NewErrorDetail(detail); err == nil {
			refused.AddDetail(d)
		}
	}
	return refused
}

func (g *gateway) done(ctx context.Context, m method, start time.Time, err *connect.Error) {
	code, took := "ok", g.now().Sub(start)
	if err != nil {
		code = err.Code().String()
	}
	g.duration.WithLabelValues(m.full, code).Observe(took.Seconds())
	g.log.DebugContext(ctx, "call", slog.String("method", m.full), slog.String("code", code), slog.Duration("duration", took))
}

func (g *gateway) panicked(ctx context.Context, spec connect.Spec, _ http.Header, p any) error {
	g.log.ErrorContext(ctx, "the gateway panicked", slog.String("method", spec.Procedure), slog.Any("panic", p))
	return connect.NewError(connect.CodeInternal, errors.New("internal error of the board; its log says more"))
}

// strictJSON is the JSON of protobuf, and refuses a field that the contract does
// not know: a misspelt field that is ignored would be an answer to another
// question.
type strictJSON struct{ name string }

func (c strictJSON) Name() string { return c.name }

func (c strictJSON) Marshal(msg any) ([]byte, error) { return c.MarshalAppend(nil, msg) }

func (c strictJSON) MarshalAppend(to []byte, msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a message", msg)
	}
	return protojson.MarshalOptions{}.MarshalAppend(to, m)
}

func (c strictJSON) Unmarshal(data []byte, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is not a message", msg)
	}
	if len(data) == 0 {
		return errors.New("the request has no body: an empty request is written {}")
	}
	if err := protojson.Unmarshal(data, m); err != nil {
		// The library varies the space in its errors so that nobody compares them.
		return errors.New(strings.ReplaceAll(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: "), "  ", " "))
	}
	return nil
}
