package security

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/limit"
	"zonebench.internal/pkg/service"
	"zonebench.internal/pkg/tlsfiles"
	"zonebench.internal/pkg/tlsfiles/tlstest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/standalone"
)

const (
	mine, other = "zones/example-mine", "zones/example-other"

	issuer   = "https://issuer.example"
	audience = "zonebench"

	accesses = `
claims: {roles: roles, zones: zones}
grants:
  - certificate: spiffe://example.org/warehouse
    roles: [service]
`
)

// world is an installation that is reached by TLS alone, with figures of two
// zones that are released and that are not, a public and an internal ranking.
type world struct {
	cluster   *standalone.Cluster
	authority *tlstest.Authority
	key       *ecdsa.PrivateKey
	ca        string
	now       time.Time
	// What is not released: for each zone a statement, and an internal ranking with its release.
	drafts map[string]*indicatorv1.Statement
}

func newWorld(t *testing.T, limits limit.Config) *world {
	t.Helper()
	w := &world{authority: tlstest.NewAuthority(t, "ours"), now: time.Now(), drafts: map[string]*indicatorv1.Statement{}}
	var err error
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	access, keySet := filepath.Join(dir, "access.yaml"), filepath.Join(dir, "keys.json")
	tlstest.Write(t, access, []byte(accesses))
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
	if err != nil {
		t.Fatal(err)
	}
	tlstest.Write(t, keySet, set)
	files := w.authority.Files(tlstest.Leaf{})
	w.ca = files.CA
	w.cluster, err = standalone.Start(t.Context(), standalone.Config{
		Listen: "127.0.0.1:0", Host: service.Config{Limit: limits},
		Entrance: auth.Entrance{
			CertFile: files.Cert, KeyFile: files.Key, ClientCAFile: files.CA,
			Auth: auth.Config{AccessFile: access, Token: token.Config{Issuer: issuer, Audience: audience, KeysFile: keySet}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cluster.Stop() })
	return w
}

// sign makes a token; changes replace its claims, nil takes one out.
func (w *world) sign(t *testing.T, key *ecdsa.PrivateKey, changes map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{
		"iss": issuer, "aud": audience, "sub": "person", "iat": w.now.Unix(), "exp": w.now.Add(50 * time.Minute).Unix(), "roles": []string{"admin"},
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// role is a token of somebody with one role; a reporter speaks for mine.
func (w *world) role(t *testing.T, role auth.Role) string {
	t.Helper()
	claims := map[string]any{"sub": "test-" + string(role), "roles": []string{string(role)}}
	if role == auth.Reporter {
		claims["zones"] = []string{mine}
	}
	return w.sign(t, w.key, claims)
}

// with makes the calls of a context show a token.
func with(ctx context.Context, raw string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+raw)
}

// dial connects over TLS, with a certificate or without.
func (w *world) dial(t *testing.T, leaf *tlstest.Leaf) *grpc.ClientConn {
	t.Helper()
	files := tlsfiles.Files{CA: w.ca}
	if leaf != nil {
		files = w.authority.Files(*leaf)
	}
	source, err := tlsfiles.Open(files, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(w.cluster.Address(), grpc.WithTransportCredentials(source.Credentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func zh(text string) *typev1.Localized { return &typev1.Localized{Zh: text} }

// key of the results of a zone.
func key(zone string) *indicatorv1.FigureKey {
	return &indicatorv1.FigureKey{Subject: zone, Indicator: "indicators/example-tax", Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL}
}

func statement(k *indicatorv1.FigureKey, locator, number, unit string, stage typev1.Stage) *indicatorv1.Statement {
	return &indicatorv1.Statement{
		Source: "sources/example-bureau", Locator: locator, Key: k, Comparator: typev1.Comparator_COMPARATOR_EQUAL, Unit: unit,
		Value: &indicatorv1.Statement_Number{Number: number}, Stage: stage, Tag: indicatorv1.Tag_TAG_OBSERVED,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
	}
}

// settle fills the installation, by calls of the local operator. Numbers that
// are not released begin with 777.
func (w *world) settle(t *testing.T) {
	t.Helper()
	ctx, conn := t.Context(), w.cluster.Conn()
	zones, figures, live := zonev1.NewZoneServiceClient(conn), indicatorv1.NewIndicatorServiceClient(conn), rankingv1.NewLiveRankingServiceClient(conn)
	done := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	list := &zonev1.MemberList{}
	for _, id := range []string{"example-mine", "example-other", "example-mine-part", "example-other-part"} {
		done(zones.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: id, Zone: &zonev1.Zone{
			DisplayName: zh("示例" + id), Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE, Certainty: typev1.Certainty_CERTAINTY_STATED,
		}}))
	}
	for _, zone := range []string{mine, other} {
		list.Members = append(list.Members, &zonev1.Member{Zone: zone})
		done(zones.CreateRelation(ctx, &zonev1.CreateRelationRequest{RelationId: zone[len("zones/"):] + "-part", Relation: &zonev1.Relation{
			Type: zonev1.RelationType_RELATION_TYPE_PART_OF, Zone: zone + "-part", Other: zone, Certainty: typev1.Certainty_CERTAINTY_STATED,
		}}))
	}
	done(zones.CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: "example-both", Group: &zonev1.Group{
		DisplayName: zh("示例组"), Members: &zonev1.Group_List{List: list},
	}}))
	for id, i := range map[string]*indicatorv1.Indicator{
		"example-tax":   {DisplayName: zh("税收"), Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW, NationalAuthority: "国家统计局"},
		"example-place": {DisplayName: zh("省级排名"), Nature: indicatorv1.Nature_NATURE_RANK, Unit: "位"},
	} {
		i.Direction = indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER
		if id == "example-place" {
			i.Direction = indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER
		}
		done(figures.CreateIndicator(ctx, &indicatorv1.CreateIndicatorRequest{IndicatorId: id, Indicator: i}))
	}
	done(figures.CreateSource(ctx, &indicatorv1.CreateSourceRequest{SourceId: "example-bureau", Source: &indicatorv1.Source{
		Title: zh("公报"), Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
	}}))
	req := &indicatorv1.RecordStatementsRequest{}
	for i, zone := range []string{mine, other} {
		target, place, before := key(zone), key(zone), key(zone)
		target.Kind, target.Ambition = indicatorv1.Kind_KIND_TARGET, indicatorv1.Ambition_AMBITION_EXPECTED
		place.Kind, place.Ambition, place.Indicator = target.GetKind(), target.GetAmbition(), "indicators/example-place"
		before.Period = "2024"
		for _, m := range []*indicatorv1.Statement{
			statement(target, "target", "100", "亿元", typev1.Stage_STAGE_RELEASED),
			statement(before, "released", fmt.Sprint(50+i), "亿元", typev1.Stage_STAGE_RELEASED),
			statement(key(zone), "approved", fmt.Sprint(77700+i), "亿元", typev1.Stage_STAGE_APPROVED),
			statement(place, "place", fmt.Sprint(7770+i), "位", typev1.Stage_STAGE_DRAFT),
		} {
			req.Statements = append(req.Statements, &indicatorv1.NewStatement{Statement: m})
		}
	}
	recorded, err := figures.RecordStatements(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range recorded.GetStatements() {
		if m.GetLocator() == "approved" {
			w.drafts[m.GetKey().GetSubject()] = m
		}
	}
	done(live.CreateScheme(ctx, &rankingv1.CreateSchemeRequest{SchemeId: "example", Scheme: &rankingv1.Scheme{
		DisplayName: zh("示例"), Recipe: `{"normalise": {"method": "minmax"}, "place": {"decimals": 2}}`,
		Nodes: []*rankingv1.SchemeNode{
			{Id: "index", DisplayName: zh("指数")}, {Id: "tax", Parent: "index", Weight: "1", Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/example-tax"}},
		},
	}}))
	for id, r := range map[string]*rankingv1.Ranking{
		"example-public":   {Period: "2024", Audience: rankingv1.Audience_AUDIENCE_PUBLIC},
		"example-internal": {Period: "2025", Audience: rankingv1.Audience_AUDIENCE_INTERNAL},
	} {
		r.DisplayName, r.Scheme, r.Group, r.Kind = zh("示例榜"), "schemes/example", "groups/example-both", indicatorv1.Kind_KIND_ACTUAL
		done(live.CreateRanking(ctx, &rankingv1.CreateRankingRequest{RankingId: id, Ranking: r}))
		for _, state := range []rankingv1.RankingState{rankingv1.RankingState_RANKING_STATE_FLASH, rankingv1.RankingState_RANKING_STATE_FORMAL} {
			done(live.UpdateRanking(ctx, &rankingv1.UpdateRankingRequest{Ranking: &rankingv1.Ranking{Name: "rankings/" + id, State: state}}))
		}
		got, err := live.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: "rankings/" + id})
		if err != nil {
			t.Fatal(err)
		}
		done(live.CreateRelease(ctx, &rankingv1.CreateReleaseRequest{Parent: "rankings/" + id, Version: got.GetHead().GetVersion()}))
	}
}
