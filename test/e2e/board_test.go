package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone"
	"zonebench.internal/services/standalone/cli"
)

// opened is an installation with a board and the invented province.
func opened(t *testing.T) (installation *standalone.Cluster, board string) {
	t.Helper()
	c, err := standalone.Start(context.WithoutCancel(t.Context()), standalone.Config{Listen: "127.0.0.1:0", Board: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if code, _, errOut := run(t, "simulate", "--address", c.Address()); code != 0 {
		t.Fatal(errOut)
	}
	return c, "http://" + c.Board()
}

// An example of the manual: a command, and what it prints.
type example struct {
	command []string
	prints  any
}

// examples reads the commands of a manual and the answers behind them.
func examples(t *testing.T, file string) []example {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []example
	for _, block := range regexp.MustCompile("(?s)```sh\n(curl .*?)```\n+```json\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		e := example{command: words(block[1])}
		if err := json.Unmarshal([]byte(block[2]), &e.prints); err != nil {
			t.Fatalf("%s\n%v", block[2], err)
		}
		list = append(list, e)
	}
	if n := strings.Count(string(text), "```sh\ncurl "); n != len(list) || n == 0 {
		t.Fatalf("%d commands, %d with an answer behind them", n, len(list))
	}
	return list
}

// words splits a command as a shell would: space, single quotes, a backslash before the end of a line.
func words(command string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`'([^']*)'|[^\s\\]+`).FindAllStringSubmatch(command, -1) {
		if m[0][0] == '\'' {
			list = append(list, m[1])
		} else {
			list = append(list, m[0])
		}
	}
	return list
}

// curl does what the command would.
func curl(t *testing.T, board string, command []string) any {
	t.Helper()
	method, url, body := http.MethodGet, "", ""
	headers := make(http.Header)
	for i := 1; i < len(command); i++ {
		switch command[i] {
		case "-s":
		case "-H":
			i++
			name, value, _ := strings.Cut(command[i], ": ")
			headers.Set(name, value)
		case "-d":
			i++
			method, body = http.MethodPost, command[i]
		default:
			url = strings.Replace(command[i], "http://127.0.0.1:7880", board, 1)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = headers
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return answer
}

// differs says where an answer has not the shape of the one in the manual: a
// field is missing or is of another type. It may have more.
func differs(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		fields, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %T", at, got)}
		}
		var all []string
		for name, value := range want {
			if _, ok := fields[name]; !ok {
				all = append(all, at+"."+name+" is missing")
				continue
			}
			all = append(all, differs(at+"."+name, value, fields[name])...)
		}
		return all
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) == 0 && len(want) > 0 {
			return []string{fmt.Sprintf("%s is %v", at, got)}
		}
		return differs(at+"[0]", want[0], list[0])
	case string:
		// Names, codes and constants are what they are; numbers and texts change.
		if regexp.MustCompile(`^([A-Z]+_[A-Z_]+|(rankings|schemes|groups|zones|indicators|sources)/[a-z0-9-]+|[a-z]+_[a-z_]+)$`).MatchString(want) && got != want {
			return []string{fmt.Sprintf("%s is %v, the manual says %s", at, got, want)}
		}
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []string{fmt.Sprintf("%s is %T, the manual says %T", at, got, want)}
	}
	return nil
}

// What docs/api.md says is what the board does, for curl, Connect and gRPC-Web.
func TestBoard(t *testing.T) {
	c, board := opened(t)

	t.Run("the manual", func(t *testing.T) {
		for _, e := range examples(t, "../../docs/api.md") {
			url := e.command[slices.IndexFunc(e.command, func(w string) bool { return strings.HasPrefix(w, "http") })]
			for _, d := range differs("", e.prints, curl(t, board, e.command)) {
				t.Errorf("%s: %s", url[strings.LastIndex(url, "/"):], d)
			}
		}
	})

	t.Run("every protocol reads what gRPC reads", func(t *testing.T) {
		req := &rankingv1.GetRankingRequest{Name: "rankings/example-2024-10", ShowCells: true, History: 3}
		want, err := rankingv1.NewLiveRankingServiceClient(c.Conn()).GetRanking(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for name, options := range map[string][]connect.ClientOption{
			"Connect": nil, "JSON": {connect.WithProtoJSON()}, "gRPC-Web": {connect.WithGRPCWeb()},
		} {
			got, err := call[rankingv1.GetRankingRequest, rankingv1.GetRankingResponse](t, board, "ranking.v1.LiveRankingService/GetRanking", req, options...)
			if err != nil || !proto.Equal(got, want) {
				t.Errorf("%s: %v\n%v", name, err, got)
			}
		}
	})

	t.Run("a write is read back by its token", func(t *testing.T) {
		create := connect.NewClient[zonev1.CreateReferenceUnitRequest, zonev1.CreateReferenceUnitResponse](&http.Client{},
			board+"/zonebench.zone.v1.ZoneService/CreateReferenceUnit")
		made, err := create.CallUnary(t.Context(), connect.NewRequest(&zonev1.CreateReferenceUnitRequest{
			ReferenceUnitId: "example-north",
			ReferenceUnit: &zonev1.ReferenceUnit{
				DisplayName: &typev1.Localized{Zh: "示例省北部〔模拟〕"}, Type: zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PREFECTURE,
				Parent: "referenceUnits/example-province", DivisionCode: "990900", Simulated: true,
			},
			RequestId: "6a1c0f9b-8e0e-4a55-8ac2-0e2f6b1b8d10",
		}))
		if err != nil {
			t.Fatal(err)
		}
		token := made.Header().Get("Zonebench-Token")
		if token == "" || token != made.Msg.GetState().GetToken() {
			t.Fatalf("the headers of a write: %v", made.Header())
		}
		read := connect.NewRequest(&zonev1.GetReferenceUnitRequest{Name: "referenceUnits/example-north"})
		read.Header().Set("Zonebench-Token", token)
		get := connect.NewClient[zonev1.GetReferenceUnitRequest, zonev1.GetReferenceUnitResponse](&http.Client{},
			board+"/zonebench.zone.v1.ZoneService/GetReferenceUnit")
		got, err := get.CallUnary(t.Context(), read)
		if err != nil || got.Msg.GetState().GetRevision() < made.Msg.GetState().GetRevision() {
			t.Errorf("%v, %v", got, err)
		}
	})

	t.Run("a report moves the stream", func(t *testing.T) { moves(t, c, board) })
}

func call[Req, Resp any](t *testing.T, board, method string, req *Req, options ...connect.ClientOption) (*Resp, error) {
	t.Helper()
	resp, err := connect.NewClient[Req, Resp](&http.Client{}, board+"/zonebench."+method, options...).CallUnary(t.Context(), connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return resp.Msg, nil
}

// moves watches a ranking through the board while a figure is revised, ends the
// board, and finds the reason in the stream.
func moves(t *testing.T, c *standalone.Cluster, board string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watch := connect.NewClient[rankingv1.WatchRankingRequest, rankingv1.WatchRankingResponse](&http.Client{}, board+"/zonebench.ranking.v1.LiveRankingService/WatchRanking")
	stream, err := watch.CallServerStream(ctx, connect.NewRequest(&rankingv1.WatchRankingRequest{Name: "rankings/example-2024-10"}))
	if err != nil || !stream.Receive() || stream.Msg().GetSnapshot() == nil {
		t.Fatalf("no snapshot: %v, %v", err, stream.Err())
	}
	have := stream.Msg().GetSnapshot().GetHead().GetVersion()
	row := stream.Msg().GetSnapshot().GetStandings()[0]

	indicators := indicatorv1.NewIndicatorServiceClient(c.Conn())
	figure, err := indicators.GetFigure(ctx, &indicatorv1.GetFigureRequest{Key: &indicatorv1.FigureKey{
		Subject: row.GetSubject(), Indicator: "indicators/example-new-projects", Period: "2024-10;cumulative", Kind: indicatorv1.Kind_KIND_ACTUAL,
	}})
	if err != nil {
		t.Fatal(err)
	}
	said := figure.GetFigure().GetStatements()[0]
	wrote, err := indicators.RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{
		RequestId: "f5c1b2fe-3f2e-4a4e-a27b-0b9c2f8f2a11",
		Statements: []*indicatorv1.NewStatement{{
			Statement: &indicatorv1.Statement{
				Source: said.GetSource(), Locator: said.GetLocator() + ",更正", Key: said.GetKey(), Comparator: said.GetComparator(),
				Value: &indicatorv1.Statement_Number{Number: "1"}, Unit: said.GetUnit(), Tag: said.GetTag(), SubjectCertainty: said.GetSubjectCertainty(),
				PeriodCertainty: said.GetPeriodCertainty(), Reporter: said.GetReporter(), Vintage: said.GetVintage(), Stage: said.GetStage(),
			},
			Supersedes: said.GetName(),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
		delta := stream.Msg().GetDelta()
		if delta == nil {
			continue
		}
		if delta.GetBaseVersion() != have {
			t.Errorf("a delta from %d, the watcher has %d", delta.GetBaseVersion(), have)
		}
		have = delta.GetHead().GetVersion()
		if have >= wrote.GetState().GetRevision() {
			break
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if have != wrote.GetState().GetRevision() {
		t.Fatalf("written at %d, the stream came to %d", wrote.GetState().GetRevision(), have)
	}

	stopped := make(chan error, 1)
	go func() { stopped <- c.Stop() }()
	for stream.Receive() {
		continue
	}
	if end, ok := errors.AsType[*connect.Error](stream.Err()); !ok || end.Code() != connect.CodeUnavailable {
		t.Errorf("the stream of a board that stops ended with %v", stream.Err())
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Whoever has one board running may start another installation: it takes a free
// port and says which.
func TestServeSaysWhereTheBoardIs(t *testing.T) {
	dir := t.TempDir()
	read, write := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(ctx, cli.Process{
			Args: []string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--json", "--log-level", "error"},
			In:   strings.NewReader(""), Out: write, Err: io.Discard, Version: "test", Now: time.Now,
		})
	}()
	var said struct{ Address, Board string }
	if err := json.NewDecoder(read).Decode(&said); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	resp, err := (&http.Client{}).Get("http://" + said.Board + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(body, []byte("ranking: serving")) {
		t.Errorf("%s, %v", body, err)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
