// Package token verifies the tokens that callers carry: JSON Web Tokens (RFC
// 7519) of one issuer, for one audience, signed by a key that the issuer
// publishes or an administrator has laid down in a file.
//
// What is checked: the signature by RS256, ES256 or EdDSA and by no other way;
// iss, aud, exp, nbf and iat, with half a minute for clocks that differ; that
// the token lives no longer than it may; and that whoever shows it holds the
// certificate it is bound to, if it is bound to one (cnf x5t#S256, RFC 8705).
//
// A token that is bound to no certificate is good for whoever has it until it
// expires: so tokens live shortly, travel over TLS only, and Config.Bound
// refuses those that are not bound. One that was shown before is no reason to
// refuse it: a client shows its token with every call.
package token

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Config is what an operator may set. Without an issuer no token is accepted.
type Config struct {
	Issuer   string        `env:"ISSUER" help:"issuer of the tokens that are accepted, as their claim iss has it; none by default"`
	Audience string        `env:"AUDIENCE" help:"what tokens must name in their claim aud; required with an issuer"`
	KeysFile string        `env:"KEYS_FILE" help:"JSON Web Key Set of the issuer; by default it is found by OpenID Connect discovery"`
	CAFile   string        `env:"ISSUER_CA_FILE" help:"authorities of the issuer's certificate; those of the system by default"`
	MaxAge   time.Duration `env:"TOKEN_MAX_AGE" help:"longest life of a token, from iat to exp; 1h by default"`
	Bound    bool          `env:"TOKEN_BOUND" help:"refuse tokens that are not bound to the caller's certificate (RFC 8705)"`
}

const (
	// skew is how far the clocks of the issuer and this machine may differ.
	skew = 30 * time.Second
	// longest is how many bytes a token may have.
	longest = 8 << 10
	// leastRSA is how many bits an RSA key must have.
	leastRSA = 2048
)

// algorithms that signatures may be made by. Symmetric ones and none are not among them.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// reserved begin the subjects that are not made from tokens.
var reserved = []string{"local:", "dns:", "spiffe:", "https:", "http:", "urn:"}

// Claims are what a verified token says.
type Claims struct {
	Subject string
	all     map[string]any
}

// List is a claim that is a text or a list of texts; a dot leads into an object,
// as in `realm_access.roles`.
func (c Claims) List(claim string) []string {
	var value any = c.all
	for part := range strings.SplitSeq(claim, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[part]
	}
	switch v := value.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		var list []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	default:
		return nil
	}
}

// Verifier verifies tokens.
type Verifier struct {
	config Config
	keys   keys
	now    func() time.Time
}

// keys finds the key of an id.
type keys interface {
	// key gives the keys that have an id, of which there are several only by mistake. It may ask the issuer, within ctx.
	key(ctx context.Context, id string) ([]jose.JSONWebKey, error)
}

// Verify says what a token claims, when it is one of ours and the caller may
// show it. The certificate is the caller's, proved by TLS, or nil.
func (v *Verifier) Verify(ctx context.Context, raw string, certificate *x509.Certificate) (Claims, error) {
	if len(raw) > longest {
		return Claims{}, refused("the token is longer than %d bytes", longest)
	}
	parsed, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return Claims{}, refused("the token is not a JSON Web Token signed by RS256, ES256 or EdDSA").Wrap(err)
	}
	if len(parsed.Headers) != 1 || parsed.Headers[0].KeyID == "" {
		return Claims{}, refused("the token does not say by which key it is signed (kid)")
	}
	header := parsed.Headers[0]
	found, err := v.keys.key(ctx, header.KeyID)
	if err != nil {
		return Claims{}, fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED,
			"the keys of the issuer cannot be had now: try again").Wrap(err)
	}
	var registered jwt.Claims
	var bound struct {
		Confirmation map[string]any `json:"cnf"`
	}
	all := map[string]any{}
	err = errUnknownKey
	for _, key := range found {
		if err = fit(key, header.Algorithm); err != nil {
			continue
		}
		if err = parsed.Claims(key.Key, &registered, &bound, &all); err == nil {
			break
		}
	}
	if err != nil {
		return Claims{}, refused("the token is not signed by a key of %s", v.config.Issuer).Wrap(err)
	}
	if err := v.registered(registered); err != nil {
		return Claims{}, err
	}
	if err := v.bound(bound.Confirmation, certificate); err != nil {
		return Claims{}, err
	}
	return Claims{Subject: registered.Subject, all: all}, nil
}

// registered judges the claims of RFC 7519.
func (v *Verifier) registered(c jwt.Claims) error {
	now := v.now()
	switch {
	case c.Issuer != v.config.Issuer:
		return refused("the token is of another issuer than %s", v.config.Issuer)
	case !slices.Contains(c.Audience, v.config.Audience):
		return refused("the token is not for the audience %s", v.config.Audience)
	case c.Expiry == nil || c.IssuedAt == nil:
		return refused("the token does not say until when it is good, or since when (exp, iat)")
	case !now.Before(c.Expiry.Time().Add(skew)):
		return refused("the token has expired at %s: get another one", c.Expiry.Time().UTC().Format(time.RFC3339))
	case c.NotBefore != nil && now.Add(skew).Before(c.NotBefore.Time()):
		return refused("the token is not good before %s", c.NotBefore.Time().UTC().Format(time.RFC3339))
	case now.Add(skew).Before(c.IssuedAt.Time()):
		return refused("the token is of %s, which has not come yet: check the clocks", c.IssuedAt.Time().UTC().Format(time.RFC3339))
	case c.Expiry.Time().Sub(c.IssuedAt.Time()) > v.config.MaxAge:
		return refused("the token lives for %v and may for %v", c.Expiry.Time().Sub(c.IssuedAt.Time()), v.config.MaxAge)
	case c.Subject == "" || len(c.Subject) > 255 || strings.ContainsFunc(c.Subject, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return refused("the token does not say whose it is (sub)")
	case slices.ContainsFunc(reserved, func(prefix string) bool { return strings.HasPrefix(c.Subject, prefix) }):
		return refused("a token may not be of a subject that begins with %s", strings.Join(reserved, " or "))
	}
	return nil
}

// bound judges whether the caller holds what the token is bound to.
func (v *Verifier) bound(confirmation map[string]any, certificate *x509.Certificate) error {
	if len(confirmation) == 0 {
		if v.config.Bound {
			return refused("the token is not bound to a certificate (cnf x5t#S256), and only such tokens are accepted")
		}
		return nil
	}
	want, ok := confirmation["x5t#S256"].(string)
	switch {
	case !ok || len(confirmation) != 1:
		return refused("the token is bound to something other than a certificate, which cannot be proved here")
	case certificate == nil:
		return refused("the token is bound to a certificate: show that certificate")
	}
	if subtle.ConstantTimeCompare([]byte(Thumbprint(certificate)), []byte(want)) != 1 {
		return refused("the token is bound to another certificate than the one that was shown")
	}
	return nil
}

// Thumbprint is what a token that is bound to a certificate has as cnf x5t#S256.
func Thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var errUnknownKey = errors.New("no key has the id that the token names")

// fit says why a key may not have signed by an algorithm.
func fit(key jose.JSONWebKey, algorithm string) error {
	switch {
	case !key.Valid() || !key.IsPublic():
		return errors.New("the key is not a public one")
	case key.Use != "" && key.Use != "sig":
		return fmt.Errorf("the key is for %s", key.Use)
	case key.Algorithm != "" && key.Algorithm != algorithm:
		return fmt.Errorf("the key is for %s and the token is signed by %s", key.Algorithm, algorithm)
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < leastRSA {
		return fmt.Errorf("the RSA key has %d bits, fewer than %d", k.N.BitLen(), leastRSA)
	}
	return nil
}

func refused(format string, args ...any) *fault.Fault {
	return fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED, format, args...)
}
