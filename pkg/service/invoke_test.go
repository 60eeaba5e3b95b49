package service_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/service"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

const getZone = "/zonebench.zone.v1.ZoneService/GetZone"

// A call that another process took passes the same checks as one from outside,
// and brings back what the handler says beside its answer.
func TestInvokedCallsPassTheEdge(t *testing.T) {
	svc := &zones{get: func(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		if auth.Actor(ctx) != "person:1" {
			t.Errorf("the actor is %q", auth.Actor(ctx))
		}
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the call has no deadline")
		}
		if err := grpc.SetHeader(ctx, metadata.Pairs("told", "header")); err != nil {
			t.Error(err)
		}
		if err := grpc.SetTrailer(ctx, metadata.Pairs("told", "trailer")); err != nil {
			t.Error(err)
		}
		if req.GetName() == "zones/none" {
			return nil, fault.NotFound(req.GetName())
		}
		return &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: req.GetName()}}, nil
	}}
	r := start(t, service.Config{}, service.Deps{}, svc)
	serving(t, r)
	invoke := func(ctx context.Context, method, name string) service.Reply {
		request, err := proto.Marshal(&zonev1.GetZoneRequest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return r.host.Invoke(ctx, method, request)
	}
	vouched := auth.Vouch(t.Context(), auth.Caller{Subject: "person:1", Roles: []auth.Role{auth.Admin}})

	reply := invoke(vouched, getZone, "zones/a")
	if answer, ok := reply.Message.(*zonev1.GetZoneResponse); reply.Err != nil || !ok || answer.GetZone().GetName() != "zones/a" {
		t.Errorf("answered %v, %v", reply.Message, reply.Err)
	}
	if reply.Header.Get("told")[0] != "header" || reply.Trailer.Get("told")[0] != "trailer" {
		t.Errorf("said %v and %v", reply.Header, reply.Trailer)
	}
	if reply := invoke(vouched, getZone, "zones/none"); fault.ReasonOf(reply.Err) != typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND {
		t.Errorf("refused with %v", reply.Err)
	}
	if reply := invoke(vouched, getZone, ""); status.Code(reply.Err) != codes.InvalidArgument {
		t.Errorf("the rules of the contract were not asked: %v", reply.Err)
	}
	if reply := invoke(vouched, "/zonebench.zone.v1.ZoneService/Unknown", "zones/a"); status.Code(reply.Err) != codes.Unimplemented {
		t.Errorf("a method that nobody serves: %v", reply.Err)
	}
	if reply := invoke(t.Context(), getZone, "zones/a"); reply.Err == nil {
		t.Error("a call that nobody vouches for was answered")
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
}

// Calls that arrive while the others end are answered, not refused: a client
// that has not heard yet loses nothing.
func TestAnswersCallsWhileItDrains(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	svc := &zones{get: func(_ context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		if req.GetName() == "zones/slow" {
			close(entered)
			<-release
		}
		return &zonev1.GetZoneResponse{}, nil
	}}
	r := start(t, service.Config{}, service.Deps{}, svc)
	serving(t, r)
	slow := make(chan error, 1)
	go func() { slow <- get(t, r, "zones/slow") }()
	<-entered
	r.cancel()
	for !r.logs.has("stopping") { // bounded by the test's own limit
		<-time.After(time.Millisecond)
	}
	for range 50 { // The stop goes on meanwhile.
		if reply := r.host.Invoke(auth.Vouch(t.Context(), auth.Operator()), getZone, []byte("\n\x07zones/a")); reply.Err != nil {
			t.Fatalf("while draining: %v", reply.Err)
		}
		<-time.After(time.Millisecond)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the slow call: %v", err)
	}
	if err := r.ended(t); err != nil {
		t.Fatal(err)
	}
}
