package security

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/tlsfiles"
	"zonebench.internal/pkg/tlsfiles/tlstest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// rights is what deploy/credentials gives the ranking service in Redis.
func rights(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)const RankingRights = (.*?)\n\n`).FindStringSubmatch(read(t, "../../deploy/credentials/credentials.go"))
	if m == nil {
		t.Fatal("deploy/credentials does not say RankingRights any more")
	}
	var all strings.Builder
	for _, part := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[1], -1) {
		all.WriteString(part[1])
	}
	return all.String()
}

// Services as processes of their own, two of each, over NATS and Redis with the
// accounts and rights of deploy/, everything by TLS: what has to work works with
// the rights that there are, and no secret is in a log, an error or a list of processes.
func TestAnInstallationWithAllThatKeepsTheWrongOnesOut(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four commands")
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		harness.Missing(t, "there is no redis-server")
	}
	w := &world{authority: tlstest.NewAuthority(t, "ours"), now: time.Now()}
	k := newKeys(t)
	dir := t.TempDir()
	const password = "correct-horse-battery-staple"
	server := w.authority.Files(tlstest.Leaf{})
	natsAddress, monitor, natsLog := startNATS(t, k, &server)
	w.ca = server.CA

	redisAddress := harness.Free(t)
	_, port, _ := net.SplitHostPort(redisAddress)
	sum := sha256.Sum256([]byte(password))
	tlstest.Write(t, filepath.Join(dir, "users.acl"), []byte("user default off\nuser ranking on #"+hex.EncodeToString(sum[:])+" "+rights(t)+"\n"))
	redisLog := spawn(t, nil, program, "--bind", "127.0.0.1", "--port", "0", "--tls-port", port, "--tls-cert-file", server.Cert, "--tls-key-file", server.Key,
		"--tls-ca-cert-file", server.CA, "--tls-auth-clients", "optional", "--save", "", "--aclfile", filepath.Join(dir, "users.acl"), "--dir", dir)
	tlstest.Write(t, filepath.Join(dir, "password"), []byte(password+"\n"))

	if w.key, err = newKey(); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	tlstest.Write(t, filepath.Join(dir, "keys.json"), set)
	tlstest.Write(t, filepath.Join(dir, "access.yaml"), []byte(accesses))
	signing := exec.Command("openssl", "genpkey", "-algorithm", "ed25519", "-out", filepath.Join(dir, "signing.pem"))
	if out, err := signing.CombinedOutput(); err != nil {
		harness.Missing(t, fmt.Sprintf("no signing key: %v: %s", err, out))
	}

	logs := map[string]*output{"nats": natsLog, "redis": redisLog}
	conns, metrics := map[string][]*grpc.ClientConn{}, map[string][]string{}
	client := w.authority.Files(tlstest.Leaf{URI: "spiffe://example.org/nobody"})
	source, err := tlsfiles.Open(tlsfiles.Files{CA: client.CA}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zone", "indicator", "ranking"} {
		for replica := range 2 {
			address, measured := harness.Free(t), harness.Free(t)
			metrics[name] = append(metrics[name], measured)
			env := []string{
				"ZONEBENCH_METRICS_LISTEN=" + measured,
				"ZONEBENCH_NATS_URL=tls://" + natsAddress, "ZONEBENCH_NATS_MONITOR_URL=https://" + monitor, "ZONEBENCH_NATS_TLS_CA_FILE=" + server.CA,
				"ZONEBENCH_NATS_NKEY_FILE=" + k.file[name],
				"ZONEBENCH_TLS_CERT_FILE=" + server.Cert, "ZONEBENCH_TLS_KEY_FILE=" + server.Key, "ZONEBENCH_TLS_CLIENT_CA_FILE=" + server.CA,
				"ZONEBENCH_AUTH_ACCESS_FILE=" + filepath.Join(dir, "access.yaml"), "ZONEBENCH_AUTH_ISSUER=" + issuer, "ZONEBENCH_AUTH_AUDIENCE=" + audience,
				"ZONEBENCH_AUTH_KEYS_FILE=" + filepath.Join(dir, "keys.json"), "ZONEBENCH_LOG_LEVEL=debug", "ZONEBENCH_LOG_FORMAT=text",
				"ZONEBENCH_REDIS_URL=rediss://" + redisAddress + "/0", "ZONEBENCH_REDIS_USER=ranking",
				"ZONEBENCH_REDIS_PASSWORD_FILE=" + filepath.Join(dir, "password"), "ZONEBENCH_REDIS_TLS_CA_FILE=" + server.CA,
				"ZONEBENCH_RANKING_SIGNING_KEY_FILE=" + filepath.Join(dir, "signing.pem"),
				"ZONEBENCH_" + strings.ToUpper(name) + "_LISTEN=" + address,
			}
			logs[fmt.Sprint(name, replica+1)] = spawn(t, env, filepath.Join(harness.Binaries(t), name))
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(source.Credentials()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			conns[name] = append(conns[name], conn)
		}
	}
	w.works(t, conns)
	for _, address := range metrics["ranking"] {
		if text := get(t, "http://"+address+"/metrics"); !strings.Contains(text, "\nzonebench_ranking_redis_usable 1\n") {
			t.Error("a ranking service does without Redis")
		}
	}

	all := map[string]string{}
	for name, log := range logs {
		all["log of "+name] = log.String()
		for _, refusal := range []string{"ermissions Violation", "ermissions violation", "NOPERM", "WRONGPASS", "uthorization Violation"} {
			if _, after, refused := strings.Cut(log.String(), refusal); refused {
				line, _, _ := strings.Cut(after, "\n")
				t.Errorf("%s had fewer rights than it needs: %s%s", name, refusal, line)
			}
		}
	}
	maps.Copy(all, processes(t))
	secrets := append(slices.Clone(k.seeds), password, strings.Split(read(t, server.Key), "\n")[1], strings.Split(read(t, filepath.Join(dir, "signing.pem")), "\n")[1],
		strings.Split(w.role(t, auth.Admin), ".")[0]+".")
	for where, text := range all {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("a secret is in the %s", where)
			}
		}
	}
}

// works does what every service is for, by both replicas of each.
func (w *world) works(t *testing.T, conns map[string][]*grpc.ClientConn) {
	t.Helper()
	admin, reporter := with(t.Context(), w.role(t, auth.Admin)), with(t.Context(), w.role(t, auth.Reporter))
	do := func(what string, call func(ctx context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(admin, 90*time.Second)
		defer cancel()
		for {
			err := call(ctx)
			if err == nil {
				return
			}
			if code := status.Code(err); code != codes.Unavailable || ctx.Err() != nil { // Processes start in any order.
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	for i, id := range []string{"example-mine", "example-other"} {
		// One of the two replicas hands the write over to the other.
		do("zone", func(ctx context.Context) error {
			_, err := zonev1.NewZoneServiceClient(conns["zone"][i]).CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: id, RequestId: id, Zone: &zonev1.Zone{
				DisplayName: zh("示例" + id), Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE, Certainty: typev1.Certainty_CERTAINTY_STATED,
			}}, grpc.WaitForReady(true))
			return err
		})
	}
	do("group", func(ctx context.Context) error {
		_, err := zonev1.NewZoneServiceClient(conns["zone"][0]).CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: "example-both", RequestId: "g", Group: &zonev1.Group{
			DisplayName: zh("示例组"), Members: &zonev1.Group_List{List: &zonev1.MemberList{Members: []*zonev1.Member{{Zone: mine}, {Zone: other}}}},
		}})
		return err
	})
	for i := range 2 {
		figures := indicatorv1.NewIndicatorServiceClient(conns["indicator"][i])
		do("indicator", func(ctx context.Context) error {
			_, err := figures.CreateIndicator(ctx, &indicatorv1.CreateIndicatorRequest{RequestId: fmt.Sprint("i", i), IndicatorId: fmt.Sprint("example-tax", []string{"", "-2"}[i]), Indicator: &indicatorv1.Indicator{
				DisplayName: zh(fmt.Sprint("税收", i)), Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW, Direction: indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER,
				NationalAuthority: "国家统计局",
			}}, grpc.WaitForReady(true))
			return err
		})
	}
	figures := indicatorv1.NewIndicatorServiceClient(conns["indicator"][0])
	do("source", func(ctx context.Context) error {
		_, err := figures.CreateSource(ctx, &indicatorv1.CreateSourceRequest{RequestId: "s", SourceId: "example-bureau", Source: &indicatorv1.Source{
			Title: zh("公报"), Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
		}})
		return err
	})
	for i, zone := range []string{mine, other} {
		do("statement", func(ctx context.Context) error {
			_, err := figures.RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{RequestId: zone, Statements: []*indicatorv1.NewStatement{
				{Statement: statement(key(zone), "released", fmt.Sprint(50+i), "亿元", typev1.Stage_STAGE_RELEASED)},
			}})
			return err
		})
	}
	// A reporter's zones travel with a write that one replica hands to the other: both judge the same.
	for i := range 2 {
		c := indicatorv1.NewIndicatorServiceClient(conns["indicator"][i])
		for zone, want := range map[string]codes.Code{mine: codes.OK, other: codes.PermissionDenied} {
			_, err := c.RecordStatements(reporter, &indicatorv1.RecordStatementsRequest{RequestId: fmt.Sprint(zone, i), Statements: []*indicatorv1.NewStatement{
				{Statement: statement(key(zone), fmt.Sprint("draft", i), "7", "亿元", typev1.Stage_STAGE_DRAFT)},
			}})
			if status.Code(err) != want {
				t.Errorf("a reporter at replica %d for %s: %v", i+1, zone, err)
			}
		}
	}
	live := rankingv1.NewLiveRankingServiceClient(conns["ranking"][0])
	do("scheme", func(ctx context.Context) error {
		_, err := live.CreateScheme(ctx, &rankingv1.CreateSchemeRequest{RequestId: "s", SchemeId: "example", Scheme: &rankingv1.Scheme{
			DisplayName: zh("示例"), Recipe: `{"normalise": {"method": "minmax"}, "place": {"decimals": 2}}`,
			Nodes: []*rankingv1.SchemeNode{
				{Id: "index", DisplayName: zh("指数")}, {Id: "tax", Parent: "index", Weight: "1", Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/example-tax"}},
			},
		}}, grpc.WaitForReady(true))
		return err
	})
	do("ranking", func(ctx context.Context) error {
		_, err := live.CreateRanking(ctx, &rankingv1.CreateRankingRequest{RequestId: "r", RankingId: "example", Ranking: &rankingv1.Ranking{
			DisplayName: zh("示例榜"), Scheme: "schemes/example", Group: "groups/example-both", Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL,
			Audience: rankingv1.Audience_AUDIENCE_PUBLIC,
		}})
		return err
	})
	for _, state := range []rankingv1.RankingState{rankingv1.RankingState_RANKING_STATE_FLASH, rankingv1.RankingState_RANKING_STATE_FORMAL} {
		do("state", func(ctx context.Context) error {
			_, err := live.UpdateRanking(ctx, &rankingv1.UpdateRankingRequest{RequestId: state.String(), Ranking: &rankingv1.Ranking{Name: "rankings/example", State: state}})
			return err
		})
	}
	for i := range 2 {
		c := rankingv1.NewLiveRankingServiceClient(conns["ranking"][i])
		do("watch", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stream, err := c.WatchRanking(ctx, &rankingv1.WatchRankingRequest{Name: "rankings/example"}, grpc.WaitForReady(true))
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		})
	}
	do("release", func(ctx context.Context) error {
		got, err := live.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: "rankings/example"})
		if err != nil {
			return err
		}
		_, err = live.CreateRelease(ctx, &rankingv1.CreateReleaseRequest{Parent: "rankings/example", Version: got.GetHead().GetVersion()})
		return err
	})
	audit, err := systemv1.NewAuditServiceClient(conns["zone"][1]).ListTransactions(admin, &systemv1.ListTransactionsRequest{Actor: "test-reporter"})
	if err != nil || len(audit.GetTransactions()) != 2 || audit.GetTransactions()[0].GetMethod() != indicatorv1.IndicatorService_RecordStatements_FullMethodName {
		t.Errorf("the audit of the reporter: %v, %v", audit, err)
	}
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(curve, random) }

// processes are the command lines and environments of what this test has started.
func processes(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	self := fmt.Sprint(os.Getpid())
	for _, e := range entries {
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); !ok || strings.Fields(rest)[1] != self {
			continue
		}
		for _, name := range []string{"cmdline", "environ"} {
			content, err := os.ReadFile(filepath.Join("/proc", e.Name(), name))
			if err != nil {
				t.Errorf("%s of %s: %v", name, e.Name(), err)
			}
			found[fmt.Sprintf("%s of process %s (%.60s)", name, e.Name(), strings.ReplaceAll(string(content), "\x00", " "))] = string(content)
		}
	}
	if len(found) < 8 {
		t.Errorf("only %d texts of processes", len(found))
	}
	return found
}
