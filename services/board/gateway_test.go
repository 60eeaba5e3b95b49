package board_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"zonebench.internal/pkg/fault"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/board"
)

// protocols are what a browser or a program may speak.
var protocols = map[string][]connect.ClientOption{
	"Connect":      nil,
	"Connect JSON": {connect.WithProtoJSON()},
	"gRPC-Web":     {connect.WithGRPCWeb()},
	"gRPC":         {connect.WithGRPC()},
}

// h2c speaks HTTP/2 without TLS, which gRPC needs.
func h2c(t *testing.T) *http.Client {
	t.Helper()
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: p}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (f *fixture) by(t *testing.T, name string) *http.Client {
	t.Helper()
	if name == "gRPC" {
		return h2c(t)
	}
	return f.client
}

func zones(f *fixture, client *http.Client, options ...connect.ClientOption) *connect.Client[zonev1.GetZoneRequest, zonev1.GetZoneResponse] {
	return connect.NewClient[zonev1.GetZoneRequest, zonev1.GetZoneResponse](client, f.url+getZone, options...)
}

func watching(f *fixture, client *http.Client, options ...connect.ClientOption) *connect.Client[rankingv1.WatchRankingRequest, rankingv1.WatchRankingResponse] {
	return connect.NewClient[rankingv1.WatchRankingRequest, rankingv1.WatchRankingResponse](client, f.url+watchRanking, options...)
}

const watchRanking = "/zonebench.ranking.v1.LiveRankingService/WatchRanking"

func TestEveryProtocolGivesTheSameAnswer(t *testing.T) {
	f := start(t, &services{})
	want := &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: "zones/金华"}}
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			resp, err := zones(f, f.by(t, name), options...).CallUnary(t.Context(), connect.NewRequest(&zonev1.GetZoneRequest{Name: "zones/金华"}))
			if err != nil || !proto.Equal(resp.Msg, want) {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
	resp, body := f.json(t, getZone, `{"name":"zones/a"}`)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" || !json.Valid([]byte(body)) {
		t.Errorf("curl: %d %s", resp.StatusCode, body)
	}
}

// Nothing lists the methods: whatever the contracts have is served, and what they
// have not is 404.
func TestEveryMethodOfTheContractsIsServed(t *testing.T) {
	f := start(t, &services{watch: func(*rankingv1.WatchRankingRequest, grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
		return nil
	}})
	n := 0
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "zonebench.") {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				n++
				m := service.Methods().Get(j)
				contentType, body := "application/json", "{}"
				if m.IsStreamingServer() {
					contentType, body = "application/connect+json", "\x00\x00\x00\x00\x02{}"
				}
				path := fmt.Sprintf("/%s/%s", service.FullName(), m.Name())
				// The service behind knows few methods; the gateway knows all.
				if resp, got := f.ask(t, http.MethodPost, path, body, "Content-Type", contentType); resp.StatusCode == http.StatusNotFound {
					t.Errorf("%s: %s", path, got)
				}
				if resp, _ := f.ask(t, http.MethodGet, path+"?encoding=json&message={}", ""); resp.StatusCode != http.StatusMethodNotAllowed {
					t.Errorf("GET %s, which no contract marks as free of side effects: %d", path, resp.StatusCode)
				}
			}
		}
		return true
	})
	if n < 60 {
		t.Errorf("%d methods in the contracts", n)
	}
	for _, path := range []string{"/zonebench.zone.v1.ZoneService/Nothing", "/zonebench.ledger.v1.Ledger/Append", "/zonebench.zone.v1.ZoneService"} {
		for contentType, want := range map[string]int{"application/json": 404, "application/proto": 404, "application/grpc-web+proto": 200} {
			resp, body := f.ask(t, http.MethodPost, path, "{}", "Content-Type", contentType)
			if resp.StatusCode != want || !strings.Contains(body+fmt.Sprint(resp.Header), "no contract has this method") {
				t.Errorf("%s as %s: %d %q", path, contentType, resp.StatusCode, body)
			}
		}
	}
	for _, name := range []string{"", "/zone", "/indicator", "/ranking"} {
		if resp, body := f.json(t, name+"/zonebench.system.v1.SystemService/GetStatus", "{}"); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"test"`) {
			t.Errorf("status of %q: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestErrorsKeepCodeMessageAndDetails(t *testing.T) {
	sent := fault.InvalidFields(fault.Field{Path: "name", Message: "写成 zones/…"}, fault.Field{Path: "etag", Message: "old"})
	f := start(t, &services{get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("zonebench-revision", "7", "set-cookie", "a=b"))
		return nil, sent
	}})
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			_, err := zones(f, f.by(t, name), options...).CallUnary(t.Context(), connect.NewRequest(&zonev1.GetZoneRequest{}))
			got, ok := errors.AsType[*connect.Error](err)
			if !ok || got.Code() != connect.CodeInvalidArgument || got.Message() != sent.Message() || len(got.Details()) != 2 {
				t.Fatalf("%v", err)
			}
			info, err1 := got.Details()[0].Value()
			bad, err2 := got.Details()[1].Value()
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if info.(*errdetails.ErrorInfo).GetReason() != "INVALID_FIELD" || len(bad.(*errdetails.BadRequest).GetFieldViolations()) != 2 {
				t.Errorf("%v %v", info, bad)
			}
			if got.Meta().Get("Zonebench-Revision") != "7" || got.Meta().Get("Set-Cookie") != "" {
				t.Errorf("metadata: %v", got.Meta())
			}
		})
	}
	resp, body := f.json(t, getZone, "{}")
	var read struct {
		Code    string
		Details []struct {
			Debug struct {
				Reason          string
				FieldViolations []struct{ Field, Description string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &read); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadRequest || read.Code != "invalid_argument" || read.Details[0].Debug.Reason != "INVALID_FIELD" ||
		read.Details[1].Debug.FieldViolations[0].Description != "写成 zones/…" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// Only what is on the list passes: a cookie of the browser is not the services'
// business, nor a header by which a caller would pretend to be inside the process.
func TestMetadataPassesByAList(t *testing.T) {
	f := start(t, &services{get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("zonebench-token", "t2", "zonebench-revision", "9", "server-secret", "x", "set-cookie", "a=b"))
		return &zonev1.GetZoneResponse{}, nil
	}})
	passing := []string{"authorization", "zonebench-token", "accept-language", "traceparent", "x-request-id"}
	staying := []string{"cookie", "zonebench-inside", "x-forwarded-for", "zonebench-anything", "user-agent-of-mine"}
	headers := []string{}
	for _, h := range append(passing, staying...) {
		headers = append(headers, h, "value of "+h)
	}
	resp, _ := f.json(t, getZone, "{}", headers...)
	seen := *f.seen.Load()
	for _, h := range passing {
		if got := seen.Get(h); len(got) != 1 || got[0] != "value of "+h {
			t.Errorf("%s arrived as %q", h, got)
		}
	}
	for _, h := range staying {
		if got := seen.Get(h); got != nil {
			t.Errorf("%s arrived as %q", h, got)
		}
	}
	if resp.Header.Get("Zonebench-Token") != "t2" || resp.Header.Get("Zonebench-Revision") != "9" {
		t.Errorf("headers of the answer: %v", resp.Header)
	}
	for _, h := range []string{"server-secret", "set-cookie"} {
		if resp.Header.Get(h) != "" {
			t.Errorf("%s came back", h)
		}
	}
}

func TestDeadlinesPass(t *testing.T) {
	f := start(t, &services{get: func(ctx context.Context, _ *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		<-ctx.Done() // It ends by the deadline of the request, or the test hangs.
		return nil, ctx.Err()
	}})
	resp, body := f.json(t, getZone, "{}", "Connect-Timeout-Ms", "50")
	if resp.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, "deadline_exceeded") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestLargeRequestsAreRefused(t *testing.T) {
	f := start(t, &services{}, func(c *board.Config, _ *board.Deps) { c.MaxRequestBytes = 1000 })
	resp, body := f.json(t, getZone, `{"name":"`+strings.Repeat("z", 2000)+`"}`)
	if resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "resource_exhausted") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(w, `{"name":"`+strings.Repeat("z", 1<<20)+`"}`)
	_ = w.Close()
	if bomb.Len() > 2000 {
		t.Fatal("not much of a bomb")
	}
	if resp, body := f.json(t, getZone, bomb.String(), "Content-Encoding", "gzip"); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("packed: %d %s", resp.StatusCode, body)
	}
}

func TestAnswersArePacked(t *testing.T) {
	f := start(t, &services{})
	resp, body := f.json(t, getZone, `{"name":"`+strings.Repeat("z", 3000)+`"}`, "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || len(body) > 1000 {
		t.Errorf("%d bytes as %q", len(body), resp.Header.Get("Content-Encoding"))
	}
}

// A misspelt field is not ignored: its caller would take the answer for one to the question meant.
func TestUnknownFieldsAreRefused(t *testing.T) {
	f := start(t, &services{})
	for body, want := range map[string]string{
		`{"nmae":"zones/a"}`: `unknown field "nmae"`, `{"name":1}`: "invalid value", ``: "{}", `[]`: "unexpected token", `{"name":"a"`: "unexpected",
	} {
		resp, got := f.json(t, getZone, body)
		var read struct{ Code, Message string }
		if err := json.Unmarshal([]byte(got), &read); err != nil || resp.StatusCode != http.StatusBadRequest || read.Code != "invalid_argument" || !strings.Contains(read.Message, want) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, got)
		}
	}
}

func TestAServiceThatIsGoneIsSaid(t *testing.T) {
	f := start(t, &services{})
	f.server.Stop()
	resp, body := f.json(t, getZone, "{}")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "the zone service is not reached") || strings.Contains(body, "dial") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := f.ask(t, http.MethodGet, "/readyz", ""); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "ranking: not serving") {
		t.Errorf("readiness: %d %s", resp.StatusCode, body)
	}
	if resp, _ := f.ask(t, http.MethodGet, "/healthz", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("health: %d", resp.StatusCode)
	}
}

func TestReadyWhenTheServicesAre(t *testing.T) {
	f := start(t, &services{})
	if resp, body := f.ask(t, http.MethodGet, "/readyz", ""); resp.StatusCode != http.StatusOK || body != "zone: serving\nindicator: serving\nranking: serving\n" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	f.health.Shutdown()
	if resp, _ := f.ask(t, http.MethodGet, "/readyz", ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d", resp.StatusCode)
	}
}

func heartbeat(version int64) *rankingv1.WatchRankingResponse {
	return &rankingv1.WatchRankingResponse{Update: &rankingv1.WatchRankingResponse_Heartbeat{Heartbeat: &rankingv1.Heartbeat{Version: version}}}
}

// The next message is made only when the test has read the last: a gateway that
// buffered would never pass.
func TestStreamsAreNotBuffered(t *testing.T) {
	next := make(chan struct{})
	f := start(t, &services{watch: func(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
		_ = stream.SetHeader(metadata.Pairs("zonebench-token", "t"))
		for i := range int64(5) {
			if err := stream.Send(heartbeat(i)); err != nil {
				return err
			}
			<-next
		}
		return nil
	}})
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			stream, err := watching(f, f.by(t, name), options...).CallServerStream(t.Context(), connect.NewRequest(&rankingv1.WatchRankingRequest{Name: "rankings/a"}))
			if err != nil {
				t.Fatal(err)
			}
			for i := range int64(5) {
				if !stream.Receive() || stream.Msg().GetHeartbeat().GetVersion() != i {
					t.Fatalf("message %d: %v, %v", i, stream.Msg(), stream.Err())
				}
				next <- struct{}{}
			}
			if stream.Receive() || stream.Err() != nil || stream.ResponseHeader().Get("Zonebench-Token") != "t" {
				t.Errorf("the end: %v, %v", stream.Err(), stream.ResponseHeader())
			}
			<-f.closed
		})
	}
}

// forever sends until somebody ends it.
func forever(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
	for i := range int64(1) << 60 {
		if err := stream.Send(heartbeat(i)); err != nil {
			return err
		}
	}
	return nil
}

// idle sends once and waits to be ended.
func idle(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
	if err := stream.Send(heartbeat(0)); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func TestStreamsEndBehindWhenTheBrowserGoes(t *testing.T) {
	for what, watch := range map[string]func(*rankingv1.WatchRankingRequest, grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error{
		"idle": idle, "busy": forever,
	} {
		for name, options := range protocols {
			t.Run(what+" "+name, func(t *testing.T) {
				f := start(t, &services{watch: watch})
				client := f.by(t, name)
				before := runtime.NumGoroutine()
				for range streams {
					ctx, cancel := context.WithCancel(t.Context())
					stream, err := watching(f, client, options...).CallServerStream(ctx, connect.NewRequest(&rankingv1.WatchRankingRequest{}))
					if err != nil || !stream.Receive() {
						t.Fatal(err, stream.Err())
					}
					cancel()
					<-f.closed // or the test times out
					_ = stream.Close()
				}
				if f.open.Load() != 0 {
					t.Error("streams are still open behind")
				}
				client.CloseIdleConnections()
				settle(t, before)
			})
		}
	}
}

// streams is how many a test opens, so that one goroutine left by each stands out
// from those of the connections.
const streams = 50

// settle waits until the streams have left nothing.
func settle(t *testing.T, before int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before+streams/2 {
		select {
		case <-deadline:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		case <-tick.C:
		}
	}
}

// A browser that takes nothing any more is let go, and the service with it.
func TestABrowserThatStallsIsLetGo(t *testing.T) {
	f := start(t, &services{watch: forever}, func(c *board.Config, _ *board.Deps) { c.WriteTimeout = 200 * time.Millisecond })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/connect+json\r\nContent-Length: 7\r\n\r\n\x00\x00\x00\x00\x02{}", watchRanking)
	select {
	case <-f.closed: // Nothing was read.
	case <-time.After(20 * time.Second):
		t.Fatal("the service still sends to a browser that takes nothing")
	}
}

// A stream without news is not one that stalls: the limits are on reads and writes, not on waiting.
func TestAQuietStreamLives(t *testing.T) {
	speak := make(chan struct{})
	f := start(t, &services{watch: func(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
		if err := stream.Send(heartbeat(1)); err != nil {
			return err
		}
		select {
		case <-speak:
			return stream.Send(heartbeat(2))
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}}, func(c *board.Config, _ *board.Deps) { c.WriteTimeout = 20 * time.Millisecond })
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			stream, err := watching(f, f.by(t, name), options...).CallServerStream(t.Context(), connect.NewRequest(&rankingv1.WatchRankingRequest{}))
			if err != nil || !stream.Receive() {
				t.Fatal(err, stream.Err())
			}
			<-time.After(150 * time.Millisecond) // many times the limit
			speak <- struct{}{}
			if !stream.Receive() || stream.Msg().GetHeartbeat().GetVersion() != 2 {
				t.Errorf("after a silence: %v", stream.Err())
			}
		})
	}
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	got, ok := errors.AsType[*connect.Error](err)
	if !ok || got.Code() != connect.CodeUnavailable || len(got.Details()) == 0 {
		t.Fatalf("the stream ended with %v", err)
	}
	info, err := got.Details()[0].Value()
	if err != nil || info.(*errdetails.ErrorInfo).GetDomain() != fault.Domain {
		t.Errorf("%v, %v", info, err)
	}
}

func TestStreamsEndWithUnavailableWhenTheBoardStops(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			f := start(t, &services{watch: idle})
			stream, err := watching(f, f.by(t, name), options...).CallServerStream(t.Context(), connect.NewRequest(&rankingv1.WatchRankingRequest{}))
			if err != nil || !stream.Receive() {
				t.Fatal(err, stream.Err())
			}
			stopped := make(chan error, 1)
			go func() { stopped <- f.stop() }()
			if stream.Receive() {
				t.Fatal("a message after the end")
			}
			unavailable(t, stream.Err())
			f.client.CloseIdleConnections()
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// A service that stops cancels its streams. To the browser, who cancelled
// nothing, that is a reason to come again.
func TestStreamsEndWithUnavailableWhenTheServiceStops(t *testing.T) {
	f := start(t, &services{watch: func(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
		if err := stream.Send(heartbeat(1)); err != nil {
			return err
		}
		return status.Error(codes.Canceled, "the call was cancelled")
	}})
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			stream, err := watching(f, f.by(t, name), options...).CallServerStream(t.Context(), connect.NewRequest(&rankingv1.WatchRankingRequest{}))
			if err != nil || !stream.Receive() {
				t.Fatal(err, stream.Err())
			}
			if stream.Receive() {
				t.Fatal("a message after the end")
			}
			unavailable(t, stream.Err())
		})
	}
}

// A call in flight when the board stops gets its answer.
func TestCallsInFlightEndWithinTheGrace(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	f := start(t, &services{get: func(context.Context, *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
		close(entered)
		<-leave
		return &zonev1.GetZoneResponse{}, nil
	}})
	answered := make(chan int, 1)
	go func() {
		resp, _ := f.json(t, getZone, "{}")
		answered <- resp.StatusCode
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	close(leave)
	if code := <-answered; code != 200 {
		t.Errorf("the call in flight: %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNewRefusesWhatItCannotServe(t *testing.T) {
	for name, change := range map[string]func(*board.Config, *board.Deps){
		"no package has that name": func(_ *board.Config, d *board.Deps) { d.Backends[0].Name = "weather" },
		"two for one service":      func(_ *board.Config, d *board.Deps) { d.Backends[0].Name = "ranking" },
		"no backends":              func(_ *board.Config, d *board.Deps) { d.Backends = nil },
	} {
		t.Run(name, func(t *testing.T) {
			var cfg board.Config
			var deps board.Deps
			start(t, &services{}, func(c *board.Config, d *board.Deps) { cfg, deps = *c, *d })
			deps.Backends = append([]board.Backend(nil), deps.Backends...)
			change(&cfg, &deps)
			if _, err := board.New(cfg, deps); err == nil || !strings.HasPrefix(err.Error(), "board: ") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// frames reads the messages of a body in the form of gRPC-Web and Connect streams.
func frames(t *testing.T, body []byte) (flags []byte, contents [][]byte) {
	t.Helper()
	for len(body) >= 5 {
		n := int(binary.BigEndian.Uint32(body[1:5]))
		flags, contents = append(flags, body[0]), append(contents, body[5:5+n])
		body = body[5+n:]
	}
	if len(body) != 0 {
		t.Fatalf("%d bytes behind the last frame", len(body))
	}
	return flags, contents
}

// What curl sees of a stream: one JSON object for each message, the last with the end.
func TestAStreamAsJSON(t *testing.T) {
	f := start(t, &services{watch: func(_ *rankingv1.WatchRankingRequest, stream grpc.ServerStreamingServer[rankingv1.WatchRankingResponse]) error {
		_ = stream.Send(heartbeat(3))
		return fault.NotFound("rankings/a")
	}})
	resp, body := f.ask(t, http.MethodPost, watchRanking, "\x00\x00\x00\x00\x02{}", "Content-Type", "application/connect+json")
	flags, contents := frames(t, []byte(body))
	if resp.StatusCode != http.StatusOK || len(contents) != 2 || flags[0] != 0 || flags[1] != 2 {
		t.Fatalf("%d %q", resp.StatusCode, body)
	}
	var end struct {
		Error struct {
			Code    string
			Details []struct{ Value string }
		}
	}
	if err := json.Unmarshal(contents[1], &end); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawStdEncoding.DecodeString(end.Error.Details[0].Value)
	var info errdetails.ErrorInfo
	if err != nil || proto.Unmarshal(raw, &info) != nil || end.Error.Code != "not_found" || info.GetReason() != "RESOURCE_NOT_FOUND" {
		t.Errorf("%s", contents[1])
	}
	if !strings.Contains(string(contents[0]), `"3"`) {
		t.Errorf("%s", contents[0])
	}
}

// Whatever arrives as JSON is answered with JSON: with an answer, or with a
// refusal that is not the board's own failure.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"name":"zones/a"}`, `{}`, ``, `{"name":1e999}`, "{\"name\":\"\xff\"}", `{"consistency":{"atExact":"9"}}`, `[[[[`, `{"name":null,"name":"a"}`} {
		f.Add([]byte(seed))
	}
	behind := start(f, &services{})
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, behind.url+getZone, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := behind.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 500 || !json.Valid(answer) {
			t.Errorf("%q: %d %q %v", body, resp.StatusCode, answer, err)
		}
	})
}
