package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"zonebench.internal/pkg/natsconn"
	"zonebench.internal/pkg/service"
)

func TestAStartWaitsForServersThatAreNotThereYet(t *testing.T) {
	passing := []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders,
		&jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"},
		&jetstream.APIError{Code: 400, ErrorCode: 10005, Description: "no suitable peers for placement"},
		&net.OpError{Op: "dial", Err: errors.New("connection refused")},
		context.DeadlineExceeded,
	}
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		err := reach(t.Context(), slog.New(slog.DiscardHandler), func(context.Context) error {
			if calls++; calls <= len(passing) {
				return fmt.Errorf("open: %w", passing[calls-1])
			}
			return nil
		})
		if err != nil || calls != len(passing)+1 {
			t.Errorf("%d calls, %v", calls, err)
		}
		if waited := time.Since(start); waited != (1+2+4+8+10+10+10)*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestAStartEndsAtOnceForWhatWaitingDoesNotMend(t *testing.T) {
	for _, cause := range []error{
		nats.ErrAuthorization, errors.New("ledger: expected ledger A, but the stream is of ledger B"),
		&jetstream.APIError{Code: 400, ErrorCode: 10052, Description: "stream name required"},
	} {
		calls := 0
		err := reach(t.Context(), slog.New(slog.DiscardHandler), func(context.Context) error { calls++; return cause })
		if !errors.Is(err, cause) || calls != 1 {
			t.Errorf("%v: %d calls, %v", cause, calls, err)
		}
	}
}

func TestAStartThatWaitsIsAliveAndNotReady(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := lis.Addr().String()
	_ = lis.Close() // The program takes an address, so one that is free was looked for.
	program := Program{Name: "zone", Build: func(*Process) (service.Service, error) {
		return nil, errors.New("nobody comes this far")
	}}
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- program.run(ctx, settings{NATS: natsconn.Config{URL: "nats://127.0.0.1:1"}, ProbesListen: address}, own{Listen: "127.0.0.1:0"},
			slog.New(slog.NewTextHandler(&out, nil)), time.Now)
	}()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for name, want := range map[string]healthv1.HealthCheckResponse_ServingStatus{
		service.Live: healthv1.HealthCheckResponse_SERVING, "": healthv1.HealthCheckResponse_NOT_SERVING,
	} {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		got, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
		stop()
		if err != nil || got.GetStatus() != want {
			t.Errorf("%q: %v, %v", name, got.GetStatus(), err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, nats.ErrNoServers) {
		t.Errorf("ended with %v", err)
	}
}
