package forward

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/telemetry"
	forwardv1 "zonebench.internal/proto/gen/zonebench/forward/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// retry is how long to wait before a call that was not taken is handed over again.
const retry = 20 * time.Millisecond

// Unary is the server's interceptor. It stands before the one that waits for a
// revision: a write is answered where it is decided.
func (f *Forwarder) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	message, requestID, ok := write(req)
	if !ok || handed(ctx) {
		return handler(ctx, req)
	}
	c := &call{f: f, method: info.FullMethod, request: message, repeatable: requestID != ""}
	bound, cancel := bounded(ctx, 10, 100*time.Millisecond)
	defer cancel()
	for {
		standing, changed := f.deps.Leases.Watch(f.deps.Lane)
		switch {
		case standing.Here:
			resp, err := handler(ctx, req)
			if err == nil || !c.again(err, standing.Holder) {
				return c.final(resp, err)
			}
		case standing.Holder == "":
			wait(bound, changed, retry)
		default:
			result, v := c.ask(bound, standing.Holder)
			switch v {
			case answered:
				if err := refused(result.GetStatus()); err == nil || !c.again(err, standing.Holder) {
					return c.final(f.deliver(ctx, info.FullMethod, result))
				}
			case unknown:
				if c.doubt = true; !c.repeatable {
					return nil, c.end(ctx)
				}
			case undone:
				wait(bound, changed, retry)
			}
		}
		if bound.Err() != nil {
			return nil, c.end(ctx)
		}
		if c.attempt > 0 {
			f.meter.repeats.Inc()
		}
	}
}

// final is the answer of the last attempt. A refusal counts only if no attempt
// before may still be decided: who decides later may find another state.
func (c *call) final(resp any, err error) (any, error) {
	if err != nil && c.doubt {
		c.f.meter.sent.WithLabelValues(unknownResult).Inc()
		return nil, outcomeUnknown().Wrap(err)
	}
	return resp, err
}

// again says whether a refusal is of the process and not of the write, and the
// write may be repeated with another one.
func (c *call) again(err error, holder string) bool {
	if !c.repeatable {
		return false
	}
	reason := fault.ReasonOf(err)
	if reason != typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE && reason != typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN {
		return false
	}
	if s, _ := c.f.deps.Leases.Watch(c.f.deps.Lane); s.Holder == holder {
		return false
	}
	c.doubt = c.doubt || reason == typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN
	return true
}

// wait waits for a change, for a while, or for the end of the context.
func wait(ctx context.Context, changed <-chan struct{}, atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// A call is a write on its way to the process that commits its lane.
type call struct {
	f          *Forwarder
	id         string
	method     string
	request    proto.Message
	repeatable bool // it has a request id
	attempt    int
	doubt      bool // it may have been decided
	news       chan news
}

// end is the answer when the time has ended, or nothing else can be done.
func (c *call) end(ctx context.Context) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case c.doubt:
		c.f.meter.sent.WithLabelValues(unknownResult).Inc()
		return outcomeUnknown()
	default:
		c.f.meter.sent.WithLabelValues(nobodyResult).Inc()
		return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
			"no process commits the lane %s at the moment and nothing was written: try again", c.f.deps.Lane)
	}
}

func outcomeUnknown() *fault.Fault {
	return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		"it is not known yet whether this was written: send it again with the same request_id")
}

// A verdict is what is known after a call was handed over.
type verdict int

const (
	answered verdict = iota
	undone           // certainly nothing was done
	unknown          // it may have been decided
)

// news is what comes back of one attempt.
type news struct {
	attempt int
	answer  *forwardv1.Answer // nil: nobody listens
}

// ask hands the call to a holder and waits for its answer, or for what makes it
// pointless to wait.
func (c *call) ask(ctx context.Context, holder string) (*forwardv1.Result, verdict) {
	f := c.f
	if c.id == "" {
		c.id, c.news = rand.Text(), make(chan news, 64)
		f.mu.Lock()
		f.calls[c.id] = c
		f.mu.Unlock()
		context.AfterFunc(ctx, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.calls, c.id)
		})
	}
	c.attempt++
	begin := left(ctx)
	if result, v := c.send(ctx, holder); v != unknown {
		return result, v
	}
	limits, parts, accepted := f.limits, parts{}, false
	silence, gone := time.NewTimer(limits.accepted), time.NewTimer(limits.late)
	defer silence.Stop()
	defer gone.Stop()
	gone.Stop()
	leaving, late := false, time.Duration(0)
	for {
		standing, changed := f.deps.Leases.Watch(f.deps.Lane)
		if standing.Holder != holder && !leaving {
			leaving = true
			gone.Reset(limits.late)
		}
		select {
		case n := <-c.news:
			switch kind := n.answer.GetKind().(type) {
			case *forwardv1.Answer_Part:
				result, complete := parts.add(n.attempt, kind.Part)
				if !complete {
					continue
				}
				f.meter.sent.WithLabelValues(answeredResult).Inc()
				f.meter.seconds.Observe((begin - left(ctx)).Seconds())
				return result, answered
			case *forwardv1.Answer_Accepted:
				if n.attempt == c.attempt {
					accepted = true
					silence.Reset(limits.silent)
				}
			default: // nobody, not the holder, or busy
				if n.attempt == c.attempt && !accepted {
					return nil, undone
				}
			}
		case <-silence.C:
			if c.repeatable {
				return nil, unknown
			}
		case <-gone.C:
			// What cannot be repeated is worth waiting for, if there is somebody to answer it still.
			if late += limits.late; c.repeatable || late >= limits.silent || f.gone(ctx, holder) {
				return nil, unknown
			}
			gone.Reset(limits.late)
		case <-changed:
		case <-ctx.Done():
			return nil, unknown
		}
	}
}

// gone says whether NATS denies that a process is there.
func (f *Forwarder) gone(ctx context.Context, holder string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := f.deps.Conn.RequestWithContext(ctx, lease.Prefix+f.deps.Lane+"."+holder, nil)
	return errors.Is(err, nats.ErrNoResponders)
}

// send publishes an attempt. Its verdict is unknown when the call is on its way.
func (c *call) send(ctx context.Context, holder string) (*forwardv1.Result, verdict) {
	f := c.f
	body, err := proto.Marshal(c.request)
	if err != nil {
		return refusal(fault.Bug(c.id, err)), answered
	}
	caller := auth.From(ctx)
	roles := make([]string, 0, len(caller.Roles))
	for _, role := range caller.Roles {
		roles = append(roles, string(role))
	}
	md := make(metadata.MD)
	for _, key := range passed {
		if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
			md.Set(key, values...)
		}
	}
	if trace := telemetry.Traceparent(ctx); trace != "" {
		md.Set("traceparent", trace)
	}
	data, err := proto.Marshal(&forwardv1.Call{
		Id: c.id, Method: c.method, Timeout: durationpb.New(left(ctx)), Metadata: pack(md), Request: body, From: f.deps.Leases.ID(),
		Caller: &forwardv1.Caller{Subject: caller.Subject, Roles: roles, Zones: caller.Zones},
	})
	if err != nil {
		return refusal(fault.Bug(c.id, err)), answered
	}
	if most := f.deps.Conn.MaxPayload(); int64(len(data)) > most {
		return refusal(fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
			"the request has %d bytes, and NATS carries %d to the process that commits it: send it in parts, or raise max_payload of the NATS servers",
			len(data), most).With("limit", strconv.FormatInt(most, 10))), answered
	}
	if !f.deps.Conn.IsConnected() { // It would be kept and sent when nobody waits any more.
		return nil, undone
	}
	subject := Prefix + f.deps.Lane + "." + holder
	if err := f.deps.Conn.PublishRequest(subject, f.inbox+"."+c.id+"."+strconv.Itoa(c.attempt), data); err != nil {
		f.deps.Log.WarnContext(ctx, "a call could not be handed over", slog.String("holder", holder), slog.Any("error", err))
		return nil, undone
	}
	return nil, unknown
}

// refusal is a result that this process makes itself.
func refusal(err *fault.Fault) *forwardv1.Result {
	return &forwardv1.Result{Status: err.GRPCStatus().Proto()}
}

// heard takes what comes back and gives it to the call that waits for it.
func (f *Forwarder) heard(m *nats.Msg) {
	id, number, _ := strings.Cut(strings.TrimPrefix(m.Subject, f.inbox+"."), ".")
	attempt, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	n := news{attempt: attempt}
	if len(m.Data) > 0 || m.Header.Get("Status") != "503" {
		n.answer = &forwardv1.Answer{}
		if err := proto.Unmarshal(m.Data, n.answer); err != nil || n.answer.GetId() != id {
			f.deps.Log.Warn("a message is not an answer", slog.String("subject", m.Subject), slog.Any("error", err))
			return
		}
	}
	f.mu.Lock()
	c := f.calls[id]
	f.mu.Unlock()
	if c == nil {
		return // It came too late.
	}
	select {
	case c.news <- n:
	default: // Nobody reads any more; a call that still waits sends it again.
	}
}

// parts puts the parts of a result together. Those of an attempt come in order;
// a gap makes it worthless, and the attempt is repeated.
type parts struct {
	attempt int
	next    int32
	content []byte
}

func (p *parts) add(attempt int, part *forwardv1.Part) (*forwardv1.Result, bool) {
	if part.GetNumber() == 1 {
		*p = parts{attempt: attempt, next: 1}
	}
	if attempt != p.attempt || part.GetNumber() != p.next {
		return nil, false
	}
	p.next++
	p.content = append(p.content, part.GetContent()...)
	if part.GetNumber() < part.GetCount() {
		return nil, false
	}
	result := &forwardv1.Result{}
	if err := proto.Unmarshal(p.content, result); err != nil {
		return nil, false
	}
	return result, true
}

// deliver gives a result to the caller, as if it had been made here: this
// process has read what was written before it says so.
func (f *Forwarder) deliver(ctx context.Context, method string, result *forwardv1.Result) (any, error) {
	header := unpack(result.GetHeader())
	if revisions := header.Get(revision.RevisionKey); len(revisions) > 0 && result.GetStatus() == nil {
		if at, err := strconv.ParseInt(revisions[0], 10, 64); err == nil {
			bound, cancel := bounded(ctx, 10, 50*time.Millisecond)
			err := f.deps.Ledger.WaitFor(bound, at)
			cancel()
			if err != nil { // It is written all the same, and the token tells where.
				f.deps.Log.WarnContext(ctx, "what was written is not read here yet", slog.Int64("revision", at), slog.Any("error", err))
			}
		}
	}
	if err := errors.Join(grpc.SetHeader(ctx, header), grpc.SetTrailer(ctx, unpack(result.GetTrailer()))); err != nil {
		f.deps.Log.WarnContext(ctx, "the metadata of an answer is lost", slog.Any("error", err))
	}
	if err := refused(result.GetStatus()); err != nil {
		return nil, err
	}
	resp, err := response(method)
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(result.GetResponse(), resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// refused is the error of a status, if it is one. One that tells of the end of
// the call's time has no reason; it is worded here as if the time had ended here.
func refused(st *spb.Status) error {
	if st == nil {
		return nil
	}
	err := status.ErrorProto(st)
	if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return err
	}
	switch codes.Code(st.GetCode()) {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	default:
		return err
	}
}

// response makes an empty response of a method.
func response(method string) (proto.Message, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	desc, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, errors.New(name + " is not a method")
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(desc.Output().FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}
