package ledger_test

import (
	"slices"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
)

// A write is one trace: the commit below the call that asked for it, and below
// the commit what every process does with it.
func TestACommitIsTracedThroughTheStream(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	open := func() (*ledger.Ledger, *ledger.Lane[*ledgertest.Zones]) {
		deps := ledgertest.Deps(t, server)
		deps.Tracer = provider.Tracer("test")
		l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
		if err != nil {
			t.Fatal(err)
		}
		return l, ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	}
	writer, zones := open()
	ledgertest.Run(t, writer)
	other, _ := open()
	ledgertest.Run(t, other)

	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	command := ledgertest.Put("", "A", "zones/a")
	command.Traceparent = parent
	receipt, err := zones.Commit(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zones.Commit(t.Context(), ledgertest.Put("", "B", "zones/b")); err != nil { // of a caller without a trace
		t.Fatal(err)
	}
	if err := other.WaitFor(t.Context(), receipt.Revision+1); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range spans.Ended() {
		if s.SpanContext().TraceID().String() != parent[3:35] {
			continue
		}
		names = append(names, s.Name())
		if s.Name() == "commit zone" && s.Parent().SpanID().String() != parent[36:52] {
			t.Errorf("the commit is below %s", s.Parent().SpanID())
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"apply zone", "apply zone", "commit zone"}) {
		t.Errorf("the trace of the caller has the spans %v", names)
	}
}
