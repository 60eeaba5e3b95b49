package board_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/board"
)

// services stand behind the board of a test. They answer by the functions that a
// test sets, and keep what they were called with.
type services struct {
	zonev1.UnimplementedZoneServiceServer
	rankingv1.UnimplementedLiveRankingServiceServer
	systemv1.UnimplementedSystemServiceServer

	get    func(context.Context, *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error)
	watch  func(*rankingv1.WatchRankingRequest, grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error
	health *health.Server
	server *grpc.Server
	seen   atomic.Pointer[metadata.MD]
	open   atomic.Int64 // streams that are being answered
	closed chan struct{}
}

func (s *services) GetZone(ctx context.Context, req *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.seen.Store(&md)
	if s.get != nil {
		return s.get(ctx, req)
	}
	return &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: req.GetName()}}, nil
}

func (s *services) WatchRanking(req *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
	s.open.Add(1)
	defer func() {
		s.open.Add(-1)
		s.closed <- struct{}{}
	}()
	return s.watch(req, stream)
}

func (s *services) GetStatus(context.Context, *systemv1.GetStatusRequest) (*systemv1.GetStatusResponse, error) {
	return &systemv1.GetStatusResponse{Version: "test"}, nil
}

// A fixture is a board that serves, with services behind it.
type fixture struct {
	*services
	url    string
	client *http.Client
	logged *bytes.Buffer
	stop   func() error // stops the board and waits
}

// files are a front end as the builder makes one.
var files = fstest.MapFS{
	"index.html":                      {Data: []byte("<!doctype html><title>board</title>")},
	"favicon.svg":                     {Data: []byte("<svg/>")},
	"assets/app-B3kd93Ks.js":          {Data: bytes.Repeat([]byte("console.log('zonebench');\n"), 200)},
	"assets/app-B3kd93Ks.js.br":       {Data: []byte("as brotli made it")},
	"assets/_plugin-export-Z_Fqki.js": {Data: []byte("export{}")},
}

func start(t testing.TB, behind *services, change ...func(*board.Config, *board.Deps)) *fixture {
	t.Helper()
	behind.health, behind.closed = health.NewServer(), make(chan struct{}, 100)
	behind.server = grpc.NewServer()
	zonev1.RegisterZoneServiceServer(behind.server, behind)
	rankingv1.RegisterLiveRankingServiceServer(behind.server, behind)
	systemv1.RegisterSystemServiceServer(behind.server, behind)
	healthv1.RegisterHealthServer(behind.server, behind.health)
	inside := bufconn.Listen(64 << 10)
	go func() { _ = behind.server.Serve(inside) }()
	t.Cleanup(behind.server.Stop)
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return inside.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logged := &bytes.Buffer{}
	cfg := board.Config{Grace: 5 * time.Second}
	deps := board.Deps{
		Listener: lis, Assets: files, Log: slog.New(slog.NewTextHandler(logged, nil)), Metrics: prometheus.NewRegistry(), Now: time.Now,
		Backends: []board.Backend{{Name: "zone", Conn: conn}, {Name: "indicator", Conn: conn}, {Name: "ranking", Conn: conn}},
	}
	for _, c := range change {
		c(&cfg, &deps)
	}
	b, err := board.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	var stopped atomic.Bool
	f := &fixture{services: behind, url: "http://" + lis.Addr().String(), client: &http.Client{Timeout: 20 * time.Second}, logged: logged}
	f.stop = func() error {
		cancel()
		if stopped.Swap(true) {
			return nil
		}
		return <-ended
	}
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		if err := f.stop(); err != nil {
			t.Errorf("the board ended with %v", err)
		}
	})
	return f
}

// answer is what is left of a response whose body was read.
type answer struct {
	StatusCode int
	Header     http.Header
}

// ask makes a request and reads the answer.
func (f *fixture) ask(t *testing.T, method, path, body string, headers ...string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, string(content)
}

const getZone = "/zonebench.zone.v1.ZoneService/GetZone"

// json calls a method as curl does.
func (f *fixture) json(t *testing.T, path, body string, headers ...string) (answer, string) {
	t.Helper()
	return f.ask(t, http.MethodPost, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}
