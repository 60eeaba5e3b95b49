package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/reload"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Identify proves who makes the call in ctx, or returns a fault when it cannot.
type Identify func(ctx context.Context) (Caller, error)

// Loopback takes every caller on this machine's loopback, or in this process,
// for the local operator, and refuses all others.
func Loopback(ctx context.Context) (Caller, error) {
	p, ok := peer.FromContext(ctx)
	if ok {
		switch a := p.Addr.(type) {
		case *net.TCPAddr:
			if a.IP.IsLoopback() {
				return Operator(), nil
			}
		default:
			if a.Network() == "bufconn" {
				return Operator(), nil
			}
		}
	}
	return Caller{}, unproved("the call carries no identity: this server knows only callers on its own machine; call it through 127.0.0.1 there")
}

// Anyone takes every caller for the local operator. It is for networks where
// somebody else keeps the wrong ones away, and is never the default.
func Anyone(context.Context) (Caller, error) { return Operator(), nil }

// Config is how callers are known who are not the local operator.
type Config struct {
	AccessFile string `env:"ACCESS_FILE" help:"who has which role: docs/operations/security.md; without it only loopback addresses are served"`
	Token      token.Config
}

// Identities knows callers by their certificates and tokens, and what they may
// do by the access file, which is read again when it changes.
type Identities struct {
	access *reload.Value[*access]
	tokens *token.Verifier // nil: none are accepted
	inside string          // what calls from within this process show
}

// OpenIdentities reads the files. It asks the issuer of tokens for nothing yet.
func OpenIdentities(config Config, now func() time.Time, log *slog.Logger) (*Identities, error) {
	fail := func(err error) { log.Error("accesses go on as they were", slog.Any("error", err)) }
	file, err := reload.New(now, fail, func() (*access, error) { return readAccess(config.AccessFile) }, config.AccessFile)
	if err != nil {
		return nil, fmt.Errorf("accesses: %w", err)
	}
	i := &Identities{access: file, inside: rand.Text()}
	if config.Token != (token.Config{}) {
		if i.tokens, err = token.Open(config.Token, now, log); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Identify proves the caller: by its token if it carries one, which must then be
// good; else by its certificate; else it is anonymous, where that is granted.
func (i *Identities) Identify(ctx context.Context) (Caller, error) {
	access := i.access.Get()
	shown := metadata.ValueFromIncomingContext(ctx, insideKey)
	if len(shown) == 1 && subtle.ConstantTimeCompare([]byte(shown[0]), []byte(i.inside)) == 1 && fromInside(ctx) {
		return Operator(), nil
	}
	certificate := certificateOf(ctx)
	switch raw, err := bearer(ctx); {
	case err != nil:
		return Caller{}, err
	case raw != "" && i.tokens == nil:
		return Caller{}, unproved("tokens are not accepted here: show a certificate")
	case raw != "":
		claims, err := i.tokens.Verify(ctx, raw, certificate)
		if err != nil {
			return Caller{}, err //nolint:wrapcheck // faults go to the caller as they are
		}
		return access.token(claims), nil
	}
	if certificate != nil {
		names := namesOf(certificate)
		if len(names) == 0 {
			return Caller{}, unproved("the certificate has no URI and no DNS name by which its owner is known")
		}
		return access.certificate(names), nil
	}
	if caller, ok := access.anonymous(); ok {
		return caller, nil
	}
	how := "a certificate"
	if i.tokens != nil {
		how += ", or a token as the header authorization: Bearer …"
	}
	return Caller{}, unproved("the call carries no identity: show %s", how)
}

// insideKey is the metadata that calls from within the process carry.
const insideKey = "zonebench-inside"

// Inside makes the calls of a connection within the process those of the local operator.
func (i *Identities) Inside() credentials.PerRPCCredentials { return inside(i.inside) }

type inside string

func (s inside) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{insideKey: string(s)}, nil
}

func (inside) RequireTransportSecurity() bool { return false } // It does not leave the process.

func fromInside(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	return ok && p.Addr.Network() == "bufconn"
}

// bearer is the token that a call carries, empty for none.
func bearer(ctx context.Context) (string, error) {
	headers := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(headers) == 0 {
		return "", nil
	}
	scheme, raw, ok := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !ok || !strings.EqualFold(scheme, "bearer") || raw == "" {
		return "", unproved("the header authorization is not one token: write it as Bearer, a space and the token")
	}
	return raw, nil
}

// certificateOf is the certificate that the caller has proved by TLS, nil for none.
func certificateOf(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return nil
	}
	return info.State.VerifiedChains[0][0]
}

// namesOf are the names that a certificate is known by: its URIs, then its DNS names.
func namesOf(certificate *x509.Certificate) []string {
	var names []string
	for _, uri := range certificate.URIs {
		names = append(names, uri.String())
	}
	for _, name := range certificate.DNSNames {
		names = append(names, "dns:"+name)
	}
	return names
}

func unproved(format string, args ...any) error {
	return fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED, format, args...)
}
