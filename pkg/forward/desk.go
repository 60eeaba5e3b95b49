package forward

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	forwardv1 "zonebench.internal/proto/gen/zonebench/forward/v1"
)

// answering is a call that is being answered, and where its answer is waited for.
type answering struct{ replies []string }

// take accepts a call, or says why not, without blocking.
func (d *desk) take(ctx context.Context, m *nats.Msg) {
	call := &forwardv1.Call{}
	if err := proto.Unmarshal(m.Data, call); err != nil || m.Reply == "" {
		d.f.deps.Log.WarnContext(ctx, "a message is not a call", slog.String("subject", m.Subject), slog.Any("error", err))
		return
	}
	answer := &forwardv1.Answer{Id: call.GetId()}
	switch {
	case d.join(call.GetId(), m.Reply):
		answer.Kind = &forwardv1.Answer_Accepted{Accepted: &forwardv1.Accepted{}}
	case !d.holds():
		answer.Kind = &forwardv1.Answer_NotHolder{NotHolder: &forwardv1.NotHolder{}}
	case !d.begin(ctx, call, m.Reply):
		answer.Kind = &forwardv1.Answer_Busy{Busy: &forwardv1.Busy{}}
	default:
		answer.Kind = &forwardv1.Answer_Accepted{Accepted: &forwardv1.Accepted{}}
	}
	d.say(ctx, m.Reply, answer)
}

func (d *desk) holds() bool {
	s, _ := d.f.deps.Leases.Watch(d.f.deps.Lane)
	return s.Here
}

// join adds one who waits to a call that is being answered already.
func (d *desk) join(id, reply string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.answering[id]
	if ok {
		a.replies = append(a.replies, reply)
	}
	return ok
}

// begin starts to answer a call, unless there are too many.
func (d *desk) begin(ctx context.Context, call *forwardv1.Call, reply string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.answering) >= d.f.limits.calls {
		return false
	}
	d.answering[call.GetId()] = &answering{replies: []string{reply}}
	d.f.meter.answering.Inc()
	d.running.Go(func() {
		result := d.answer(ctx, call)
		d.mu.Lock()
		replies := d.answering[call.GetId()].replies
		delete(d.answering, call.GetId())
		d.mu.Unlock()
		d.f.meter.answering.Dec()
		for _, reply := range replies {
			d.sayParts(ctx, reply, call.GetId(), result)
		}
	})
	return true
}

// answer answers a call as if it had come to this process, for a caller that
// another one has proved.
func (d *desk) answer(ctx context.Context, call *forwardv1.Call) []byte {
	ctx, cancel := context.WithTimeout(ctx, call.GetTimeout().AsDuration())
	defer cancel()
	ctx, cancel = bounded(ctx, 20, 50*time.Millisecond)
	defer cancel()
	caller := auth.Caller{Subject: call.GetCaller().GetSubject(), Zones: call.GetCaller().GetZones()}
	for _, role := range call.GetCaller().GetRoles() {
		caller.Roles = append(caller.Roles, auth.Role(role))
	}
	ctx = metadata.NewIncomingContext(ctx, unpack(call.GetMetadata()))
	ctx = context.WithValue(auth.Vouch(ctx, caller), handedKey{}, true)

	reply := d.host.Invoke(ctx, call.GetMethod(), call.GetRequest())
	result := &forwardv1.Result{Header: pack(reply.Header), Trailer: pack(reply.Trailer)}
	var err error
	if reply.Err != nil {
		st, _ := status.FromError(reply.Err) // What is no status is one of an unknown code.
		result.Status = st.Proto()
	} else if result.Response, err = proto.Marshal(reply.Message); err != nil {
		result.Status = status.Convert(err).Proto()
	}
	encoded, err := proto.Marshal(result)
	if err != nil {
		d.f.deps.Log.ErrorContext(ctx, "an answer cannot be encoded", slog.String("method", call.GetMethod()), slog.Any("error", err))
	}
	return encoded
}

// handedKey marks a call that was handed over: it is not handed on.
type handedKey struct{}

func handed(ctx context.Context) bool {
	h, _ := ctx.Value(handedKey{}).(bool)
	return h
}

// sayParts sends a result in as many messages as it needs.
func (d *desk) sayParts(ctx context.Context, reply, id string, result []byte) {
	size := d.f.limits.part
	if size == 0 {
		size = int(d.f.deps.Conn.MaxPayload()) - room
	}
	count := max(1, (len(result)+size-1)/size)
	for n := range count {
		content := result[n*size : min((n+1)*size, len(result))]
		d.say(ctx, reply, &forwardv1.Answer{Id: id, Kind: &forwardv1.Answer_Part{Part: &forwardv1.Part{
			Number: int32(n + 1), Count: int32(count), Content: content,
		}}})
	}
}

// room is what stands around the content of a message.
const room = 4 << 10

func (d *desk) say(ctx context.Context, reply string, answer *forwardv1.Answer) {
	data, err := proto.Marshal(answer)
	if err == nil {
		err = d.f.deps.Conn.Publish(reply, data)
	}
	if err != nil { // Who waits for it sends its call again.
		d.f.deps.Log.WarnContext(ctx, "an answer could not be sent", slog.String("call", answer.GetId()), slog.Any("error", err))
	}
}
