package ledger

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// A commit is traced where it is written and where it is folded: its message
// carries the span of its writer. The ledger does not depend on what stands in
// that header.

// traceparent is the header of messages, and the field of transactions, by which
// spans in several processes become one trace.
const traceparent = "traceparent"

var w3c = propagation.TraceContext{}

// spanCommit opens the span of a commit. It is below the span of the first
// transaction that is traced, and linked to those of the others.
func (l *Ledger) spanCommit(ctx context.Context, lane string, transactions []*ledgerv1.Transaction, bytes int) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(
			attribute.String("zonebench.lane", lane), attribute.Int("zonebench.transactions", len(transactions)),
			attribute.Int("messaging.message.body.size", bytes),
		),
	}
	var parent trace.SpanContext
	for _, tx := range transactions {
		at := trace.SpanContextFromContext(w3c.Extract(ctx, propagation.MapCarrier{traceparent: tx.GetTraceparent()}))
		switch {
		case !at.IsValid():
		case !parent.IsValid():
			parent = at
		default:
			options = append(options, trace.WithLinks(trace.Link{SpanContext: at}))
		}
	}
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return l.deps.Tracer.Start(ctx, "commit "+lane, options...) //nolint:spancheck // the caller ends it
}

// traceHeader is the header of a message that is sent within a span.
func traceHeader(ctx context.Context) nats.Header {
	header := make(nats.Header)
	w3c.Inject(ctx, carrier(header))
	return header
}

// carrier writes names as they are: NATS does not change their case.
type carrier nats.Header

func (h carrier) Get(key string) string { return nats.Header(h).Get(key) }
func (h carrier) Set(key, value string) { nats.Header(h).Set(key, value) }
func (h carrier) Keys() []string        { return nil } // nobody asks: it is only written

// spanApply opens the span of a commit that is checked and folded here, if its
// writer is traced: replicas of all services then stand in the trace of the write.
func (l *Ledger) spanApply(ctx context.Context, m message) trace.Span {
	if m.trace == "" {
		return noop.Span{}
	}
	at := w3c.Extract(ctx, propagation.MapCarrier{traceparent: m.trace})
	_, span := l.deps.Tracer.Start(at, "apply "+strings.TrimPrefix(m.subject, prefix), //nolint:spancheck // the caller ends it
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.Int64("zonebench.revision", m.sequence)))
	return span //nolint:spancheck // the caller ends it
}
