package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/tlsfiles/tlstest"
)

const grants = `
claims:
  groups: groups
  roles: zonebench_roles
  zones: zonebench_zones
grants:
  - certificate: spiffe://example.org/warehouse
    roles: [service]
  - certificate: dns:office.example
    roles: [reporter]
    zones: [zones/example-a]
  - subject: "7f3a"
    roles: [reporter]
    zones: [zones/example-a]
  - group: analysts
    roles: [reviewer, publisher]
`

// bench is everything that a caller is known by.
type bench struct {
	identities *auth.Identities
	file       string
	key        *ecdsa.PrivateKey
	authority  *tlstest.Authority
	clock      *atomic.Int64
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func newBench(t *testing.T, accesses string, tokens bool) *bench {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{key: key, file: filepath.Join(t.TempDir(), "access.yaml"), authority: tlstest.NewAuthority(t, "ours"), clock: new(atomic.Int64)}
	tlstest.Write(t, b.file, []byte(accesses))
	config := auth.Config{AccessFile: b.file}
	if tokens {
		keys := filepath.Join(t.TempDir(), "keys.json")
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}})
		if err != nil {
			t.Fatal(err)
		}
		tlstest.Write(t, keys, set)
		config.Token = token.Config{Issuer: "https://issuer.example", Audience: "zonebench", KeysFile: keys}
	}
	b.identities, err = auth.OpenIdentities(config, func() time.Time { return start.Add(time.Duration(b.clock.Load())) }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: b.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"iss": "https://issuer.example", "aud": "zonebench", "iat": start.Unix(), "exp": start.Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	raw, err := jwt.Signed(signer).Claims(all).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// from is the context of a call by who has shown a certificate, or none.
func (b *bench) from(t *testing.T, leaf *tlstest.Leaf, headers ...string) context.Context {
	t.Helper()
	p := &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	if leaf != nil {
		certificate, _ := b.authority.Issue(*leaf)
		block, _ := pem.Decode(certificate)
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		p.AuthInfo = credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{parsed}}}}
	}
	return metadata.NewIncomingContext(peer.NewContext(t.Context(), p), metadata.Pairs(headers...))
}

func TestCallersAreKnownByCertificateOrToken(t *testing.T) {
	b := newBench(t, grants, true)
	office := &tlstest.Leaf{DNS: "office.example"}
	bearer := func(claims map[string]any) []string { return []string{"authorization", "Bearer " + b.token(t, claims)} }
	for name, c := range map[string]struct {
		leaf    *tlstest.Leaf
		headers []string
		want    auth.Caller
	}{
		"a URI": {&tlstest.Leaf{URI: "spiffe://example.org/warehouse"}, nil, auth.Caller{Subject: "spiffe://example.org/warehouse", Roles: []auth.Role{auth.Service}}},
		"a DNS name": {
			office, nil,
			auth.Caller{Subject: "dns:office.example", Roles: []auth.Role{auth.Reporter}, Zones: []string{"zones/example-a"}},
		},
		"the name that is granted something": {
			&tlstest.Leaf{URI: "spiffe://example.org/new", DNS: "office.example"}, nil,
			auth.Caller{Subject: "dns:office.example", Roles: []auth.Role{auth.Reporter}, Zones: []string{"zones/example-a"}},
		},
		"a name without a grant": {&tlstest.Leaf{DNS: "other.example"}, nil, auth.Caller{Subject: "dns:other.example"}},
		"a subject": {
			nil, bearer(map[string]any{"sub": "7f3a"}),
			auth.Caller{Subject: "7f3a", Roles: []auth.Role{auth.Reporter}, Zones: []string{"zones/example-a"}},
		},
		"a group": {
			nil, bearer(map[string]any{"sub": "9c", "groups": []string{"others", "analysts"}}),
			auth.Caller{Subject: "9c", Roles: []auth.Role{auth.Reviewer, auth.Publisher}},
		},
		"roles and zones of the token": {
			nil,
			bearer(map[string]any{"sub": "9d", "zonebench_roles": []string{"reporter", "chef"}, "zonebench_zones": "zones/example-b x"}),
			auth.Caller{Subject: "9d", Roles: []auth.Role{auth.Reporter}, Zones: []string{"zones/example-b"}},
		},
		"both are added up": {
			nil, bearer(map[string]any{"sub": "7f3a", "groups": "analysts", "zonebench_zones": "zones/example-b"}),
			auth.Caller{Subject: "7f3a", Roles: []auth.Role{auth.Reporter, auth.Reviewer, auth.Publisher}, Zones: []string{"zones/example-a", "zones/example-b"}},
		},
		"a token goes before a certificate":                    {&tlstest.Leaf{URI: "spiffe://example.org/warehouse"}, bearer(map[string]any{"sub": "1"}), auth.Caller{Subject: "1"}},
		"a token whose sub is a name of a certificate's grant": {nil, bearer(map[string]any{"sub": "office.example"}), auth.Caller{Subject: "office.example"}},
	} {
		got, err := b.identities.Identify(b.from(t, c.leaf, c.headers...))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestCallersWhoAreNotKnown(t *testing.T) {
	b, strict := newBench(t, grants, true), newBench(t, grants, false)
	warehouse := &tlstest.Leaf{URI: "spiffe://example.org/warehouse"}
	good := "Bearer " + b.token(t, map[string]any{"sub": "7f3a"})
	for name, c := range map[string]struct {
		b       *bench
		leaf    *tlstest.Leaf
		headers []string
	}{
		"nothing":                                   {b, nil, nil},
		"this machine's loopback":                   {b, nil, nil},
		"a certificate without a name":              {b, &tlstest.Leaf{}, nil},
		"a bad token, a good certificate":           {b, warehouse, []string{"authorization", "Bearer x"}},
		"two tokens":                                {b, warehouse, []string{"authorization", good, "authorization", good}},
		"a password":                                {b, warehouse, []string{"authorization", "Basic YTpi"}},
		"a token where none is accepted":            {strict, warehouse, []string{"authorization", good}},
		"what is said inside, from outside":         {b, nil, []string{"zonebench-inside", "x"}},
		"an expired token":                          {b, nil, []string{"authorization", "Bearer " + b.token(t, map[string]any{"sub": "7f3a", "exp": start.Unix() - 60})}},
		"a token of another audience":               {b, nil, []string{"authorization", "Bearer " + b.token(t, map[string]any{"sub": "7f3a", "aud": "x"})}},
		"a token of another issuer":                 {b, nil, []string{"authorization", "Bearer " + b.token(t, map[string]any{"sub": "7f3a", "iss": "x"})}},
		"a token bound to a certificate, elsewhere": {b, warehouse, []string{"authorization", "Bearer " + b.token(t, map[string]any{"sub": "7f3a", "cnf": map[string]string{"x5t#S256": "x"}})}},
	} {
		if got, err := c.b.identities.Identify(c.b.from(t, c.leaf, c.headers...)); status.Code(err) != codes.Unauthenticated || len(got.Roles) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// What the handshake has not verified proves nothing.
	ctx := b.from(t, warehouse)
	p, _ := peer.FromContext(ctx)
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		t.Fatal("no TLS")
	}
	info.State.PeerCertificates, info.State.VerifiedChains = info.State.VerifiedChains[0], nil
	ctx = peer.NewContext(t.Context(), &peer.Peer{Addr: p.Addr, AuthInfo: info})
	if got, err := b.identities.Identify(ctx); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a certificate that is not verified: %+v, %v", got, err)
	}
}

func TestAccessesAreTakenUpWithoutARestart(t *testing.T) {
	b := newBench(t, grants, false)
	ctx := b.from(t, &tlstest.Leaf{URI: "spiffe://example.org/warehouse"})
	if caller, err := b.identities.Identify(ctx); err != nil || !caller.Is(auth.Service) {
		t.Fatalf("%+v, %v", caller, err)
	}
	tlstest.Write(t, b.file, []byte(strings.Replace(grants, "[service]", "[viewer]", 1)))
	b.clock.Add(int64(2 * time.Second))
	if caller, err := b.identities.Identify(ctx); err != nil || !caller.Is(auth.Viewer) || caller.Is(auth.Service) {
		t.Errorf("%+v, %v", caller, err)
	}
	tlstest.Write(t, b.file, []byte("grants: [{certificate: x}]"))
	b.clock.Add(int64(2 * time.Second))
	if caller, err := b.identities.Identify(ctx); err != nil || !caller.Is(auth.Viewer) {
		t.Errorf("after a bad change: %+v, %v", caller, err)
	}
}

func TestAnonymousCallersSeeWhatIsReleased(t *testing.T) {
	b := newBench(t, "grants: [{anonymous: true, roles: [viewer]}]", false)
	if caller, err := b.identities.Identify(b.from(t, nil)); err != nil || caller.Subject != "anonymous" || !reflect.DeepEqual(caller.Roles, []auth.Role{auth.Viewer}) {
		t.Errorf("%+v, %v", caller, err)
	}
	if caller, err := b.identities.Identify(b.from(t, nil, "authorization", "Bearer x")); err == nil {
		t.Errorf("with a bad token: %+v", caller)
	}
}

func TestAccessFilesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ file, why string }{
		"two names":              {"grants: [{subject: a, group: b, roles: [viewer]}]", "name one of"},
		"no name":                {"grants: [{roles: [viewer]}]", "name one of"},
		"a bare DNS name":        {"grants: [{certificate: office.example, roles: [viewer]}]", "dns:"},
		"no role":                {"grants: [{subject: a}]", "no role"},
		"an unknown role":        {"grants: [{subject: a, roles: [root]}]", `role "root"`},
		"a reporter of nothing":  {"grants: [{subject: a, roles: [reporter]}]", "speaks for zones"},
		"zones of a viewer":      {"grants: [{subject: a, roles: [viewer], zones: [zones/a]}]", "speaks for zones"},
		"not a zone":             {"grants: [{subject: a, roles: [reporter], zones: [example-a]}]", "zones/example-a"},
		"a misspelt word":        {"grants: [{subject: a, role: [viewer]}]", "role not found"},
		"anonymous reviewers":    {"grants: [{anonymous: true, roles: [reviewer]}]", "nothing else"},
		"anonymous and reporter": {"grants: [{anonymous: true, roles: [viewer, reporter], zones: [zones/a]}]", "nothing else"},
		"nothing at all":         {"", "EOF"},
	} {
		file := filepath.Join(t.TempDir(), "access.yaml")
		tlstest.Write(t, file, []byte(c.file))
		_, err := auth.OpenIdentities(auth.Config{AccessFile: file}, time.Now, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
