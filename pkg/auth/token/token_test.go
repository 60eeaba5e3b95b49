package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/tlsfiles/tlstest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	issuer   = "https://issuer.example/realm"
	audience = "zonebench"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

type clock struct{ offset atomic.Int64 }

func (c *clock) Now() time.Time          { return start.Add(time.Duration(c.offset.Load())) }
func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// signer signs as an issuer does.
type signer struct {
	id        string
	algorithm jose.SignatureAlgorithm
	key       crypto.Signer
}

func signers(t *testing.T) (rs, es, ed signer) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{"rsa", jose.RS256, r}, signer{"ec", jose.ES256, e}, signer{"ed", jose.EdDSA, d}
}

func (s signer) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Use: "sig", Algorithm: string(s.algorithm)}
}

func (s signer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: s.algorithm, Key: s.key}, (&jose.SignerOptions{}).WithHeader("kid", s.id))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(made).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// good is what a good token claims, with changes; nil takes a claim out.
func good(changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": issuer, "aud": []string{"other", audience}, "sub": "7f3a", "iat": start.Unix(), "exp": start.Add(10 * time.Minute).Unix(),
		"realm_access": map[string]any{"roles": []string{"bureau-analysts"}}, "scope": "read write",
	}
	for name, value := range changes {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	return claims
}

func keySet(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	content, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func open(t *testing.T, c *clock, config token.Config, keys ...jose.JSONWebKey) (v *token.Verifier, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys.json")
	tlstest.Write(t, file, keySet(t, keys...))
	config.Issuer, config.Audience, config.KeysFile = issuer, audience, file
	v, err := token.Open(config, c.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v, file
}

func parsed(t *testing.T, certificate []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certificate)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoodTokensOfEveryAlgorithm(t *testing.T) {
	rs, es, ed := signers(t)
	v, _ := open(t, &clock{}, token.Config{}, rs.public(), es.public(), ed.public())
	for _, s := range []signer{rs, es, ed} {
		claims, err := v.Verify(t.Context(), s.sign(t, good(nil)), nil)
		if err != nil || claims.Subject != "7f3a" {
			t.Errorf("%s: %+v, %v", s.algorithm, claims, err)
		}
		if !slices.Equal(claims.List("realm_access.roles"), []string{"bureau-analysts"}) || !slices.Equal(claims.List("scope"), []string{"read", "write"}) ||
			claims.List("none") != nil || claims.List("sub.x") != nil {
			t.Errorf("%s: lists of %+v", s.algorithm, claims)
		}
	}
}

func TestRefusedTokens(t *testing.T) {
	rs, es, ed := signers(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := signer{"weak", jose.RS256, small}
	_, other, _ := signers(t)
	forged := other
	forged.id = es.id
	c := &clock{}
	v, _ := open(t, c, token.Config{}, rs.public(), es.public(), ed.public(), weak.public(),
		jose.JSONWebKey{Key: other.key.Public(), KeyID: "enc", Use: "enc"})
	raw := es.sign(t, good(nil))
	part := strings.Split(raw, ".")
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	// The oldest trick: a symmetric signature with the public key as the secret.
	der, err := x509.MarshalPKIXPublicKey(rs.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.HS256, Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	}, (&jose.SignerOptions{}).WithHeader("kid", rs.id))
	if err != nil {
		t.Fatal(err)
	}
	confused, err := jwt.Signed(symmetric).Claims(good(nil)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	encrypting := other
	encrypting.id = "enc"
	without := es
	without.id = ""
	for name, refused := range map[string]struct{ raw, why string }{
		"nothing":                   {"", "not a JSON Web Token"},
		"no token":                  {"abc", "not a JSON Web Token"},
		"alg none":                  {encoded(`{"alg":"none","kid":"ec"}`) + "." + part[1] + ".", "not a JSON Web Token"},
		"alg none, signature kept":  {encoded(`{"alg":"none","kid":"ec"}`) + "." + part[1] + "." + part[2], "not a JSON Web Token"},
		"alg HS256 by a public key": {confused, "not a JSON Web Token"},
		"forged":                    {forged.sign(t, good(nil)), "not signed by a key of"},
		"changed":                   {part[0] + "." + encoded(`{"iss":"`+issuer+`","aud":"zonebench","sub":"admin"}`) + "." + part[2], "not signed by a key of"},
		"signature taken off":       {part[0] + "." + part[1] + ".", "not signed by a key of"},
		"another algorithm's key":   {signer{"rsa", jose.ES256, es.key}.sign(t, good(nil)), "not signed by a key of"},
		"an unknown key":            {signer{"new", jose.ES256, es.key}.sign(t, good(nil)), "not signed by a key of"},
		"no key id":                 {without.sign(t, good(nil)), "kid"},
		"a short RSA key":           {weak.sign(t, good(nil)), "not signed by a key of"},
		"a key for encryption":      {encrypting.sign(t, good(nil)), "not signed by a key of"},
		"too long":                  {raw + strings.Repeat("x", 9<<10), "longer than"},
		"another issuer":            {es.sign(t, good(map[string]any{"iss": "https://issuer.example/other"})), "another issuer"},
		"no issuer":                 {es.sign(t, good(map[string]any{"iss": nil})), "another issuer"},
		"another audience":          {es.sign(t, good(map[string]any{"aud": "other"})), "not for the audience"},
		"no audience":               {es.sign(t, good(map[string]any{"aud": nil})), "not for the audience"},
		"expired":                   {es.sign(t, good(map[string]any{"exp": start.Add(-time.Minute).Unix(), "iat": start.Add(-2 * time.Minute).Unix()})), "expired"},
		"no expiry":                 {es.sign(t, good(map[string]any{"exp": nil})), "until when"},
		"no time of issue":          {es.sign(t, good(map[string]any{"iat": nil})), "since when"},
		"issued in the future":      {es.sign(t, good(map[string]any{"iat": start.Add(time.Minute).Unix()})), "has not come yet"},
		"not good yet":              {es.sign(t, good(map[string]any{"nbf": start.Add(time.Minute).Unix()})), "not good before"},
		"too long a life":           {es.sign(t, good(map[string]any{"exp": start.Add(2 * time.Hour).Unix()})), "lives for 2h"},
		"no subject":                {es.sign(t, good(map[string]any{"sub": nil})), "whose it is"},
		"the operator's subject":    {es.sign(t, good(map[string]any{"sub": "local:operator"})), "begins with local:"},
		"a certificate's subject":   {es.sign(t, good(map[string]any{"sub": "spiffe://example.org/admin"})), "begins with"},
		"two lines of a log":        {es.sign(t, good(map[string]any{"sub": "a\nb"})), "whose it is"},
		"bound, without a proof":    {es.sign(t, good(map[string]any{"cnf": map[string]any{"x5t#S256": "x"}})), "show that certificate"},
		"bound to something else":   {es.sign(t, good(map[string]any{"cnf": map[string]any{"jkt": "x"}})), "cannot be proved"},
	} {
		_, err := v.Verify(t.Context(), refused.raw, nil)
		if status.Code(err) != codes.Unauthenticated || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED ||
			!strings.Contains(err.Error(), refused.why) {
			t.Errorf("%s: %v", name, err)
		}
		// Who reads a log must not be able to use what is in it.
		if err != nil && (strings.Contains(err.Error(), part[2]) || refused.raw != "" && len(refused.raw) > 10 && strings.Contains(err.Error(), refused.raw)) {
			t.Errorf("%s: the token is in the error: %v", name, err)
		}
	}
	if _, err := v.Verify(t.Context(), raw, nil); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestClocksMayDifferByHalfAMinute(t *testing.T) {
	_, es, _ := signers(t)
	c := &clock{}
	v, _ := open(t, c, token.Config{}, es.public())
	raw := es.sign(t, good(map[string]any{"nbf": start.Unix()}))
	for _, step := range []struct {
		at time.Duration
		ok bool
	}{
		{-31 * time.Second, false}, {-29 * time.Second, true}, {0, true}, {10*time.Minute + 29*time.Second, true}, {10*time.Minute + 31*time.Second, false},
	} {
		c.offset.Store(int64(step.at))
		if _, err := v.Verify(t.Context(), raw, nil); (err == nil) != step.ok {
			t.Errorf("at %v: %v", step.at, err)
		}
	}
}

// A token that was stolen and is shown again by who has another certificate, or
// none, is refused when it is bound (RFC 8705).
func TestAReplayedTokenIsRefusedWithoutItsCertificate(t *testing.T) {
	_, es, _ := signers(t)
	a := tlstest.NewAuthority(t, "ours")
	one, _ := a.Issue(tlstest.Leaf{URI: "spiffe://example.org/one"})
	two, _ := a.Issue(tlstest.Leaf{URI: "spiffe://example.org/two"})
	owner, thief := parsed(t, one), parsed(t, two)
	bound := es.sign(t, good(map[string]any{"cnf": map[string]any{"x5t#S256": token.Thumbprint(owner)}}))
	v, _ := open(t, &clock{}, token.Config{}, es.public())
	strict, _ := open(t, &clock{}, token.Config{Bound: true}, es.public())
	for name, c := range map[string]struct {
		v           *token.Verifier
		raw         string
		certificate *x509.Certificate
		ok          bool
	}{
		"bound, by its owner":                    {v, bound, owner, true},
		"bound, by its owner once more":          {v, bound, owner, true},
		"bound, by a thief with a certificate":   {v, bound, thief, false},
		"bound, by a thief without":              {v, bound, nil, false},
		"not bound":                              {v, es.sign(t, good(nil)), owner, true},
		"not bound where all have to be":         {strict, es.sign(t, good(nil)), owner, false},
		"bound where all have to be":             {strict, bound, owner, true},
		"bound where all have to be, by a thief": {strict, bound, thief, false},
	} {
		if _, err := c.v.Verify(t.Context(), c.raw, c.certificate); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLaidDownKeysAreExchangedWithoutARestart(t *testing.T) {
	_, es, ed := signers(t)
	c := &clock{}
	v, file := open(t, c, token.Config{}, es.public())
	old, next := es.sign(t, good(nil)), ed.sign(t, good(nil))
	if _, err := v.Verify(t.Context(), next, nil); err == nil {
		t.Error("a key that is not there yet")
	}
	tlstest.Write(t, file, keySet(t, ed.public()))
	c.forward(2 * time.Second)
	if _, err := v.Verify(t.Context(), next, nil); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if _, err := v.Verify(t.Context(), old, nil); err == nil {
		t.Error("a key that was taken away")
	}
}

// realm is an issuer that is asked over HTTP.
type realm struct {
	*httptest.Server
	mu    sync.Mutex
	keys  []byte
	name  string // what it calls itself, its address by default
	down  bool
	asked int
}

func newRealm(t *testing.T, keys []byte) *realm {
	t.Helper()
	r := &realm{keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		if r.down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		name := r.name
		if name == "" {
			name = r.URL
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": name, "jwks_uri": r.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, _ = w.Write(r.keys)
	})
	r.Server = httptest.NewTLSServer(mux)
	t.Cleanup(r.Close)
	return r
}

func (r *realm) set(change func(*realm)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *realm) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func (r *realm) verifier(t *testing.T, c *clock) *token.Verifier {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	tlstest.Write(t, ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
	v, err := token.Open(token.Config{Issuer: r.URL, Audience: audience, CAFile: ca, MaxAge: 48 * time.Hour}, c.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestKeysAreFoundByDiscoveryAndRotated(t *testing.T) {
	_, es, ed := signers(t)
	r, c := newRealm(t, keySet(t, es.public())), &clock{}
	v := r.verifier(t, c)
	long := map[string]any{"iss": r.URL, "exp": start.Add(47 * time.Hour).Unix()}
	old, next := es.sign(t, good(long)), ed.sign(t, good(long))
	for range 10 {
		if _, err := v.Verify(t.Context(), old, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.questions(); n != 1 {
		t.Errorf("ten tokens made %d questions", n)
	}
	// A new key is known at once, and invented ones do not make a question each.
	r.set(func(r *realm) { r.keys = keySet(t, es.public(), ed.public()) })
	if _, err := v.Verify(t.Context(), next, nil); err == nil {
		t.Error("the issuer was asked twice within half a minute")
	}
	c.forward(31 * time.Second)
	if _, err := v.Verify(t.Context(), next, nil); err != nil {
		t.Errorf("the new key: %v", err)
	}
	before := r.questions()
	for _, id := range []string{"a", "b", "c"} {
		if _, err := v.Verify(t.Context(), signer{id, jose.EdDSA, ed.key}.sign(t, good(long)), nil); err == nil {
			t.Error("an invented key")
		}
	}
	if n := r.questions(); n != before {
		t.Errorf("invented keys made %d questions", n-before)
	}
	// The old key is taken away.
	r.set(func(r *realm) { r.keys = keySet(t, ed.public()) })
	c.forward(11 * time.Minute)
	if _, err := v.Verify(t.Context(), old, nil); err == nil {
		t.Error("a key that was taken away")
	}
	// The issuer is gone: its keys are used for half a day.
	r.set(func(r *realm) { r.down = true })
	c.forward(11 * time.Hour)
	if _, err := v.Verify(t.Context(), next, nil); err != nil {
		t.Errorf("half a day without the issuer: %v", err)
	}
	c.forward(2 * time.Hour)
	if _, err := v.Verify(t.Context(), next, nil); status.Code(err) != codes.Unavailable {
		t.Errorf("more than half a day without the issuer: %v", err)
	}
	r.set(func(r *realm) { r.down = false })
	c.forward(time.Minute)
	if _, err := v.Verify(t.Context(), next, nil); err != nil {
		t.Errorf("the issuer is back: %v", err)
	}
}

func TestManyAskOnce(t *testing.T) {
	_, es, _ := signers(t)
	r := newRealm(t, keySet(t, es.public()))
	v := r.verifier(t, &clock{})
	raw := es.sign(t, good(map[string]any{"iss": r.URL}))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := v.Verify(context.Background(), raw, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.questions(); n != 1 {
		t.Errorf("20 tokens at once made %d questions", n)
	}
}

func TestAnIssuerThatCallsItselfOtherwiseIsRefused(t *testing.T) {
	_, es, _ := signers(t)
	r := newRealm(t, keySet(t, es.public()))
	r.set(func(r *realm) { r.name = "https://elsewhere.example" })
	_, err := r.verifier(t, &clock{}).Verify(t.Context(), es.sign(t, good(map[string]any{"iss": r.URL})), nil)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "calls itself") {
		t.Errorf("error = %v", err)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	rs, _, _ := signers(t)
	dir := t.TempDir()
	private := filepath.Join(dir, "private.json")
	tlstest.Write(t, private, keySet(t, jose.JSONWebKey{Key: rs.key, KeyID: "x"}))
	empty := filepath.Join(dir, "empty.json")
	tlstest.Write(t, empty, []byte(`{"keys":[]}`))
	word := filepath.Join(dir, "word.json")
	tlstest.Write(t, word, []byte(`hunter2`))
	for name, c := range map[string]struct {
		config token.Config
		why    string
	}{
		"no audience":           {token.Config{Issuer: issuer}, "audience"},
		"no issuer":             {token.Config{Audience: audience}, "issuer"},
		"plain http":            {token.Config{Issuer: "http://issuer.example", Audience: audience}, "only https"},
		"no address":            {token.Config{Issuer: "issuer", Audience: audience}, "is not an address"},
		"a password in it":      {token.Config{Issuer: "https://a:hunter2@issuer.example", Audience: audience}, "only https"},
		"no such file":          {token.Config{Issuer: issuer, Audience: audience, KeysFile: private + "x"}, "no such file"},
		"private keys":          {token.Config{Issuer: issuer, Audience: audience, KeysFile: private}, "not a public one"},
		"no keys":               {token.Config{Issuer: issuer, Audience: audience, KeysFile: empty}, "has no key"},
		"not a set":             {token.Config{Issuer: issuer, Audience: audience, KeysFile: word}, "not a JSON Web Key Set"},
		"authorities not there": {token.Config{Issuer: issuer, Audience: audience, CAFile: private + "x"}, "no such file"},
	} {
		_, err := token.Open(c.config, time.Now, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
