package security

import (
	"context"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/limit"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// retryIn is when an error says to try again, 0 when it does not say.
func retryIn(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func limited(err error) bool {
	return status.Code(err) == codes.ResourceExhausted && fault.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_RATE_LIMITED && retryIn(err) > 0
}

func TestWhoAsksTooMuchIsToldWhenToTryAgain(t *testing.T) {
	w := newWorld(t, limit.Config{Calls: 0.01, Burst: 5, Streams: 2})
	w.settle(t) // The local operator has no limit.
	zones, live := zonev1.NewZoneServiceClient(w.dial(t, nil)), rankingv1.NewLiveRankingServiceClient(w.dial(t, nil))
	reviewer, viewer, watcher := with(t.Context(), w.role(t, auth.Reviewer)), with(t.Context(), w.role(t, auth.Viewer)), with(t.Context(), w.role(t, auth.Publisher))
	for n := range 6 {
		_, err := zones.GetZone(reviewer, &zonev1.GetZoneRequest{Name: mine})
		if n < 5 && err != nil || n == 5 && !limited(err) {
			t.Errorf("call %d: %v", n+1, err)
		}
	}
	if _, err := zones.GetZone(viewer, &zonev1.GetZoneRequest{Name: mine}); err != nil {
		t.Errorf("another subject: %v", err)
	}
	watch := func(ctx context.Context) error {
		stream, err := live.WatchRanking(ctx, &rankingv1.WatchRankingRequest{Name: public})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	for range 2 {
		if err := watch(watcher); err != nil {
			t.Fatal(err)
		}
	}
	if err := watch(watcher); !limited(err) {
		t.Errorf("a third stream: %v", err)
	}
	if err := watch(viewer); err != nil {
		t.Errorf("a stream of another subject: %v", err)
	}
}
