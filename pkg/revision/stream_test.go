package revision_test

import (
	"testing"
	"time"

	"google.golang.org/grpc"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/revision"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// watch is a call with a stream of answers; the contracts have none yet.
var watch = grpc.StreamDesc{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(&zonev1.GetZoneRequest{}); err != nil {
		return err
	}
	for range 2 {
		if err := stream.SendMsg(&zonev1.GetZoneResponse{State: revision.State(stream.Context())}); err != nil {
			return err
		}
	}
	return nil
}}

func TestStreams(t *testing.T) {
	revision.ShortenLag(t, 50*time.Millisecond)
	l := ledgertest.Open(t)
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	put(t, lane, "zones/a")
	put(t, lane, "zones/b")
	var client revision.Client
	conn := serve(t, l, service{lane: lane})(grpc.WithStreamInterceptor(client.Stream))

	call := func(want *typev1.Consistency) (int64, error) {
		stream, err := conn.NewStream(t.Context(), &watch, "/zonebench.test.v1.Test/Watch")
		if err != nil {
			return 0, err
		}
		if err := stream.SendMsg(&zonev1.GetZoneRequest{Consistency: want}); err != nil {
			return 0, err
		}
		if err := stream.CloseSend(); err != nil {
			return 0, err
		}
		var resp zonev1.GetZoneResponse
		for range 2 {
			if err := stream.RecvMsg(&resp); err != nil {
				return 0, err
			}
		}
		return resp.GetState().GetRevision(), nil
	}
	if at, err := call(nil); err != nil || at != 2 || client.Token() != l.Token(2) {
		t.Errorf("read at %d, %v, the client has %q", at, err, client.Token())
	}
	if at, err := call(exact(1)); err != nil || at != 1 || client.Token() != l.Token(2) {
		t.Errorf("read at %d, %v, the client has %q", at, err, client.Token())
	}
	_, err := call(fresh(l.Token(9)))
	if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN || client.Token() != "" {
		t.Errorf("error = %v, the client has %q", err, client.Token())
	}
}
