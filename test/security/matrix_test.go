package security

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/limit"
	"zonebench.internal/pkg/tlsfiles/tlstest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// unlimited is a limit that these tests do not reach.
var unlimited = limit.Config{Calls: 1e6, Streams: 1e6}

// call makes a call by name with an empty request, and gives its error.
func call(ctx context.Context, conn *grpc.ClientConn, method string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(method[1:], "/", ".")))
	if err != nil {
		return err
	}
	m, ok := desc.(protoreflect.MethodDescriptor)
	if !ok {
		return fmt.Errorf("%s is no method", method)
	}
	message := func(d protoreflect.MessageDescriptor) proto.Message { return dynamicpb.NewMessage(d) }
	if !m.IsStreamingServer() {
		return conn.Invoke(ctx, method, message(m.Input()), message(m.Output()))
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: m.IsStreamingClient()}, method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(message(m.Input())); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := stream.RecvMsg(message(m.Output())); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// guarded are the methods that ask who calls.
func guarded() []string {
	var list []string
	for method, access := range auth.Table() {
		if access.Scope != auth.Open {
			list = append(list, method)
		}
	}
	slices.Sort(list)
	return list
}

// Every role x every method: let in as the table says, refused by name otherwise.
func TestEveryRoleAndEveryMethod(t *testing.T) {
	w := newWorld(t, unlimited)
	conn := w.dial(t, nil)
	var let, refused atomic.Int64
	var all sync.WaitGroup
	for _, role := range append(auth.Roles(), "none") {
		ctx := with(t.Context(), w.role(t, role))
		all.Go(func() {
			for method, access := range auth.Table() {
				err := call(ctx, conn, method)
				in := status.Code(err) != codes.PermissionDenied && status.Code(err) != codes.Unauthenticated
				if want := access.Scope == auth.Open || slices.Contains(access.Roles, role); in != want {
					t.Errorf("%s calls %s: %v", role, method, err)
				}
				if status.Code(err) == codes.Unimplemented {
					t.Errorf("%s is in the table and not served", method)
				}
				if in {
					let.Add(1)
					continue
				}
				refused.Add(1)
				if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_NOT_PERMITTED {
					t.Errorf("%s calls %s: no reason in %v", role, method, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d let in, %d refused", let.Load(), refused.Load())
	if let.Load() == 0 || refused.Load() == 0 {
		t.Error("the matrix is empty")
	}
	// By a certificate, as by a token.
	warehouse := w.dial(t, &tlstest.Leaf{URI: "spiffe://example.org/warehouse"})
	for method, access := range auth.Table() {
		err := call(t.Context(), warehouse, method)
		if want := access.Scope == auth.Open || slices.Contains(access.Roles, auth.Service); want != (status.Code(err) != codes.PermissionDenied) {
			t.Errorf("a service with a certificate calls %s: %v", method, err)
		}
	}
}

// What the server serves is in the table: the walk over the contracts in
// pkg/auth cannot see a service that only a process links.
func TestTheServerServesNothingBeyondTheTable(t *testing.T) {
	w := newWorld(t, unlimited)
	conn := w.dial(t, nil)
	err := conn.Invoke(with(t.Context(), w.role(t, auth.Admin)), "/zonebench.zone.v1.ZoneService/DropEverything", &typev1.ReadState{}, &typev1.ReadState{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that is not there: %v", err)
	}
	served := 0
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			if strings.HasPrefix(string(service.FullName()), "zonebench.") {
				for j := range service.Methods().Len() {
					served++
					if _, ok := auth.Table()[fmt.Sprintf("/%s/%s", service.FullName(), service.Methods().Get(j).Name())]; !ok {
						t.Errorf("%s has no entry", service.Methods().Get(j).FullName())
					}
				}
			}
		}
		return true
	})
	if served < 70 {
		t.Errorf("only %d methods are linked", served)
	}
}

// Tokens that are no good are refused by every method, whatever they claim.
func TestBadTokensAreRefusedByEveryMethod(t *testing.T) {
	w := newWorld(t, unlimited)
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	thief, bare := w.dial(t, &tlstest.Leaf{URI: "spiffe://example.org/thief"}), w.dial(t, nil)
	files := w.authority.Files(tlstest.Leaf{URI: "spiffe://example.org/owner"})
	bound := map[string]any{"cnf": map[string]any{"x5t#S256": thumbprint(t, files.Cert)}}
	ownerConn := dialFiles(t, w, files)
	part := strings.Split(w.sign(t, w.key, nil), ".")
	var all sync.WaitGroup
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k"}`))
	for name, bad := range map[string]struct {
		conn *grpc.ClientConn
		raw  string
	}{
		"expired":                  {bare, w.sign(t, w.key, map[string]any{"iat": w.now.Add(-time.Hour).Unix(), "exp": w.now.Add(-time.Minute).Unix()})},
		"not yet":                  {bare, w.sign(t, w.key, map[string]any{"nbf": w.now.Add(5 * time.Minute).Unix()})},
		"forged":                   {bare, w.sign(t, foreign, nil)},
		"another audience":         {bare, w.sign(t, w.key, map[string]any{"aud": "elsewhere"})},
		"another issuer":           {bare, w.sign(t, w.key, map[string]any{"iss": "https://elsewhere.example"})},
		"alg none":                 {bare, none + "." + part[1] + "."},
		"without end":              {bare, w.sign(t, w.key, map[string]any{"exp": nil})},
		"for a year":               {bare, w.sign(t, w.key, map[string]any{"exp": w.now.AddDate(1, 0, 0).Unix()})},
		"replayed by a thief":      {thief, w.sign(t, w.key, bound)},
		"replayed without a proof": {bare, w.sign(t, w.key, bound)},
		"of the operator":          {bare, w.sign(t, w.key, map[string]any{"sub": auth.LocalOperator})},
		"no token":                 {bare, "secret"},
	} {
		ctx := with(t.Context(), bad.raw)
		all.Go(func() {
			for _, method := range guarded() {
				if err := call(ctx, bad.conn, method); status.Code(err) != codes.Unauthenticated ||
					fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED {
					t.Errorf("%s, %s: %v", name, method, err)
				}
			}
		})
	}
	all.Wait()
	for _, method := range guarded() {
		if err := call(t.Context(), bare, method); status.Code(err) != codes.Unauthenticated {
			t.Errorf("without a credential, %s: %v", method, err)
		}
		if err := call(with(t.Context(), w.sign(t, w.key, bound)), ownerConn, method); status.Code(err) == codes.Unauthenticated {
			t.Errorf("a bound token by its owner, %s: %v", method, err)
		}
	}
}

func thumbprint(t *testing.T, file string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(read(t, file)))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return token.Thumbprint(certificate)
}

// A shows says whether an answer shows something that is not released: of a
// zone, or of the internal ranking, as a caller asks by a context.
type shows func(ctx context.Context, conn *grpc.ClientConn, w *world, zone string) (bool, error)

// found takes a refusal to find it for an answer that shows nothing.
func found(err error) (bool, error) {
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	return err == nil, err
}

// tells says whether an answer has a number in it that is not released.
func tells(m fmt.Stringer, err error) (bool, error) {
	return strings.Contains(m.String(), "777"), err
}

// seen are the methods whose answers depend on who asks about which zone.
var seen = map[string]shows{
	indicatorv1.IndicatorService_GetStatement_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, w *world, zone string) (bool, error) {
		_, err := indicatorv1.NewIndicatorServiceClient(conn).GetStatement(ctx, &indicatorv1.GetStatementRequest{Name: w.drafts[zone].GetName()})
		return found(err)
	},
	indicatorv1.IndicatorService_ListStatements_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(indicatorv1.NewIndicatorServiceClient(conn).ListStatements(ctx, &indicatorv1.ListStatementsRequest{Filter: `key.subject = "` + zone + `"`}))
	},
	indicatorv1.IndicatorService_GetFigure_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		_, err := indicatorv1.NewIndicatorServiceClient(conn).GetFigure(ctx, &indicatorv1.GetFigureRequest{Key: key(zone)})
		return found(err)
	},
	indicatorv1.IndicatorService_ListFigures_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(indicatorv1.NewIndicatorServiceClient(conn).ListFigures(ctx, &indicatorv1.ListFiguresRequest{Filter: `key.subject = "` + zone + `"`}))
	},
	indicatorv1.IndicatorService_ListFigureHistory_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		_, err := indicatorv1.NewIndicatorServiceClient(conn).ListFigureHistory(ctx, &indicatorv1.ListFigureHistoryRequest{Key: key(zone)})
		return found(err)
	},
	indicatorv1.TargetService_ListCompletions_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(indicatorv1.NewTargetServiceClient(conn).ListCompletions(ctx, &indicatorv1.ListCompletionsRequest{
			Subjects: []string{zone}, AsOf: &typev1.Date{Year: 2026, Month: 2, Day: 1},
		}))
	},
	indicatorv1.TargetService_RollUp_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(indicatorv1.NewTargetServiceClient(conn).RollUp(ctx, &indicatorv1.RollUpRequest{
			Zone: zone, Indicator: "indicators/example-tax", Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL,
		}))
	},
	rankingv1.RankingService_CompareZones_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(rankingv1.NewRankingServiceClient(conn).CompareZones(ctx, &rankingv1.CompareZonesRequest{
			Subjects: []string{zone}, Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL,
		}))
	},
	rankingv1.PublishedRankingService_ListRankTargets_FullMethodName: func(ctx context.Context, conn *grpc.ClientConn, _ *world, zone string) (bool, error) {
		return tells(rankingv1.NewPublishedRankingServiceClient(conn).ListRankTargets(ctx, &rankingv1.ListRankTargetsRequest{
			Zones: []string{zone}, AsOf: &typev1.Date{Year: 2026, Month: 2, Day: 1},
		}))
	},
}

const (
	public, internal = "rankings/example-public", "rankings/example-internal"
	release          = "/releases/1"
)

// audiences are the methods whose answers depend on who asks about which
// ranking: an internal one is not there for who does not see everything.
var audiences = map[string]func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error){
	rankingv1.LiveRankingService_GetRanking_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: ranking, ShowCells: true})
		return found(err)
	},
	rankingv1.LiveRankingService_ListRankings_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		resp, err := c.ListRankings(ctx, &rankingv1.ListRankingsRequest{})
		if err == nil && int(resp.GetTotalSize()) != len(resp.GetRankings()) {
			return true, fmt.Errorf("%d of %d rankings", len(resp.GetRankings()), resp.GetTotalSize())
		}
		return slices.ContainsFunc(resp.GetRankings(), func(r *rankingv1.Ranking) bool { return r.GetName() == ranking }), err
	},
	rankingv1.LiveRankingService_WatchRanking_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.WatchRanking(ctx, &rankingv1.WatchRankingRequest{Name: ranking})
		if err == nil {
			_, err = stream.Recv()
		}
		return found(err)
	},
	rankingv1.LiveRankingService_ListVersions_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.ListVersions(ctx, &rankingv1.ListVersionsRequest{Name: ranking})
		return found(err)
	},
	rankingv1.LiveRankingService_CompareVersions_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.CompareVersions(ctx, &rankingv1.CompareVersionsRequest{
			Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: ranking}},
			After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Release{Release: ranking + release}},
		})
		return found(err)
	},
	rankingv1.LiveRankingService_GetProfile_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.GetProfile(ctx, &rankingv1.GetProfileRequest{Name: ranking, Zone: mine})
		return found(err)
	},
	rankingv1.LiveRankingService_GetIndicatorRanking_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.GetIndicatorRanking(ctx, &rankingv1.GetIndicatorRankingRequest{Name: ranking, Indicator: "indicators/example-tax"})
		return found(err)
	},
	rankingv1.LiveRankingService_TryWeights_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.TryWeights(ctx, &rankingv1.TryWeightsRequest{Name: ranking, Weights: map[string]string{"tax": "2"}})
		return found(err)
	},
	rankingv1.LiveRankingService_GetRelease_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.GetRelease(ctx, &rankingv1.GetReleaseRequest{Name: ranking + release})
		return found(err)
	},
	rankingv1.LiveRankingService_ListReleases_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		resp, err := c.ListReleases(ctx, &rankingv1.ListReleasesRequest{Parent: "rankings/-"})
		return slices.ContainsFunc(resp.GetReleases(), func(r *rankingv1.Release) bool { return r.GetName() == ranking+release }), err
	},
	rankingv1.LiveRankingService_ReplayRelease_FullMethodName: func(ctx context.Context, c rankingv1.LiveRankingServiceClient, ranking string) (bool, error) {
		_, err := c.ReplayRelease(ctx, &rankingv1.ReplayReleaseRequest{Name: ranking + release})
		return found(err)
	},
}

// Every role x every read x its own and another zone, a public and an internal ranking.
func TestEveryRoleSeesItsStagesZonesAndRankings(t *testing.T) {
	w := newWorld(t, unlimited)
	w.settle(t)
	conn := w.dial(t, nil)
	live := rankingv1.NewLiveRankingServiceClient(conn)
	for method, access := range auth.Table() {
		_, zones := seen[method]
		_, rankings := audiences[method]
		if (access.Scope == auth.Seen) != (zones || rankings) {
			t.Errorf("%s is %s, and a case for it is there: %t", method, access.Scope, zones || rankings)
		}
	}
	var asking sync.WaitGroup
	for _, role := range auth.Roles() {
		ctx := with(t.Context(), w.role(t, role))
		all := slices.Contains([]auth.Role{auth.Reviewer, auth.Publisher, auth.Admin, auth.Service}, role)
		asking.Go(func() {
			for method, show := range seen {
				for _, zone := range []string{mine, other} {
					want := all || role == auth.Reporter && zone == mine
					if got, err := show(ctx, conn, w, zone); err != nil || got != want {
						t.Errorf("%s asks %s about %s: shown %t, %v", role, method, zone, got, err)
					}
				}
			}
			for method, show := range audiences {
				for ranking, want := range map[string]bool{public: true, internal: all} {
					if got, err := show(ctx, live, ranking); err != nil || got != want {
						t.Errorf("%s asks %s about %s: shown %t, %v", role, method, ranking, got, err)
					}
				}
			}
		})
	}
	asking.Wait()
}

// spoken are the methods by which somebody speaks for a zone, at a stage.
var spoken = map[string]func(ctx context.Context, c indicatorv1.IndicatorServiceClient, w *world, zone string) error{
	indicatorv1.IndicatorService_RecordStatements_FullMethodName: func(ctx context.Context, c indicatorv1.IndicatorServiceClient, _ *world, zone string) error {
		_, err := c.RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{ValidateOnly: true, Statements: []*indicatorv1.NewStatement{
			{Statement: statement(key(zone), "new", "1", "亿元", typev1.Stage_STAGE_SUBMITTED)},
		}})
		return err
	},
	indicatorv1.IndicatorService_WithdrawStatements_FullMethodName: func(ctx context.Context, c indicatorv1.IndicatorServiceClient, w *world, zone string) error {
		_, err := c.WithdrawStatements(ctx, &indicatorv1.WithdrawStatementsRequest{ValidateOnly: true, Reason: "wrong", Names: []string{w.drafts[zone].GetName()}})
		return err
	},
	indicatorv1.IndicatorService_ImportFigures_FullMethodName: func(ctx context.Context, c indicatorv1.IndicatorServiceClient, _ *world, zone string) error {
		// By its name, which is resolved to the zone on the server.
		text := "source,locator,subject,indicator,period,kind,comparator,value,unit,stage\n" +
			"example-bureau,new,示例" + strings.TrimPrefix(zone, "zones/") + ",example-tax,2025,actual,=,1,亿元,draft\n"
		resp, err := c.ImportFigures(ctx, &indicatorv1.ImportFiguresRequest{
			ValidateOnly: true, Kind: indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS, Table: &typev1.Table{Content: []byte(text)},
		})
		if err == nil && resp.GetReport().GetRejected() > 0 {
			return status.Error(codes.PermissionDenied, resp.GetReport().String())
		}
		return err
	},
	indicatorv1.IndicatorService_CreateSource_FullMethodName: func(ctx context.Context, c indicatorv1.IndicatorServiceClient, _ *world, _ string) error {
		_, err := c.CreateSource(ctx, &indicatorv1.CreateSourceRequest{ValidateOnly: true, SourceId: "example-new", Source: &indicatorv1.Source{
			Title: zh("自报"), Reliability: indicatorv1.Reliability_RELIABILITY_SELF_REPORTED,
		}})
		return err
	},
}

// Every role x every write about a zone x its own and another zone.
func TestEveryRoleSpeaksForItsZones(t *testing.T) {
	w := newWorld(t, unlimited)
	w.settle(t)
	conn := w.dial(t, nil)
	client := indicatorv1.NewIndicatorServiceClient(conn)
	for method, access := range auth.Table() {
		if _, ok := spoken[method]; ok != (access.Scope == auth.Spoken) {
			t.Errorf("%s is %s, and a case for it is there: %t", method, access.Scope, ok)
		}
	}
	for _, role := range auth.Roles() {
		ctx := with(t.Context(), w.role(t, role))
		for method, speak := range spoken {
			for _, zone := range []string{mine, other} {
				want := slices.Contains([]auth.Role{auth.Reviewer, auth.Publisher, auth.Admin}, role) || role == auth.Reporter && zone == mine
				switch method {
				case indicatorv1.IndicatorService_CreateSource_FullMethodName: // A source is of no zone.
					want = want || role == auth.Reporter
				case indicatorv1.IndicatorService_WithdrawStatements_FullMethodName: // It is approved, which is beyond a reporter.
					want = want && role != auth.Reporter
				}
				err := speak(ctx, client, w, zone)
				if want && err != nil {
					t.Errorf("%s calls %s for %s: %v", role, method, zone, err)
				}
				if code := status.Code(err); !want && code != codes.PermissionDenied && code != codes.NotFound {
					t.Errorf("%s calls %s for %s: %v", role, method, zone, err)
				}
			}
		}
	}
}
