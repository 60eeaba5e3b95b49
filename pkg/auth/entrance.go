package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc/credentials"

	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/tlsfiles"
)

// Entrance is how a server is reached and by whom. The zero value lets this
// machine's loopback in and nobody else.
type Entrance struct {
	CertFile     string `env:"TLS_CERT_FILE" help:"certificate of the server, PEM, with those between it and its authority; none by default"`
	KeyFile      string `env:"TLS_KEY_FILE" help:"private key of the certificate, PEM"`
	ClientCAFile string `env:"TLS_CLIENT_CA_FILE" help:"authorities of the clients' certificates, PEM; without it no client is known by one"`
	Insecure     bool   `env:"INSECURE" help:"serve any address without TLS, or to anyone without an access file; never where others reach it"`
	Auth         Config `envPrefix:"AUTH_"`
}

// Door is an entrance that stands open.
type Door struct {
	Identify Identify
	// TLS of the gRPC server, nil for none, and of pages for browsers, which are
	// not asked for certificates.
	TLS   credentials.TransportCredentials
	Pages *tls.Config
	// Inside makes the calls of a connection within the process those of the
	// local operator. Nil: they are it anyway.
	Inside credentials.PerRPCCredentials
	// Loopback says that only this machine's loopback may be listened on.
	Loopback bool
}

// Open reads the files and says which addresses may be served: Door.Check.
func (e Entrance) Open(now func() time.Time, log *slog.Logger) (*Door, error) {
	if e.CertFile == "" && e.ClientCAFile != "" {
		return nil, errors.New("authorities of clients without a certificate of the server: certificates are shown by TLS only")
	}
	door := &Door{}
	var files, pages *tlsfiles.Source
	if e.CertFile != "" || e.KeyFile != "" {
		var err error
		if files, err = tlsfiles.Open(tlsfiles.Files{Cert: e.CertFile, Key: e.KeyFile, CA: e.ClientCAFile}, now, log); err != nil {
			return nil, err
		}
		if pages, err = tlsfiles.Open(tlsfiles.Files{Cert: e.CertFile, Key: e.KeyFile}, now, log); err != nil {
			return nil, err
		}
	}
	required := false
	switch {
	case e.Auth.AccessFile != "":
		identities, err := OpenIdentities(e.Auth, now, log)
		if err != nil {
			return nil, err
		}
		door.Identify, door.Inside = identities.Identify, identities.Inside()
		_, anonymous := identities.access.Get().anonymous()
		required = e.ClientCAFile != "" && identities.tokens == nil && !anonymous
		door.Loopback = files == nil && !e.Insecure
	case e.Auth.Token != (token.Config{}):
		return nil, errors.New("tokens without an access file: nobody would have a role; see docs/operations/security.md")
	case e.Insecure:
		door.Identify = Anyone
	case files != nil:
		return nil, errors.New("TLS without an access file: nobody would be known; see docs/operations/security.md")
	default:
		door.Identify, door.Loopback = Loopback, true
	}
	if files != nil {
		config, err := files.Server(required)
		if err != nil {
			return nil, err
		}
		door.TLS = credentials.NewTLS(config)
		if door.Pages, err = pages.Server(false); err != nil {
			return nil, err
		}
	}
	if e.Insecure {
		e.warn(log, files != nil)
	}
	return door, nil
}

// warn says loudly what is open. It is said at every start.
func (e Entrance) warn(log *slog.Logger, encrypted bool) {
	if !encrypted {
		log.Warn("INSECURE: calls are not encrypted, whoever is between can read and change them", slog.Bool("insecure", true))
	}
	if e.Auth.AccessFile == "" {
		log.Warn("INSECURE: everybody who reaches this port is an administrator", slog.Bool("insecure", true))
	}
}

// Check says in a sentence why an address may not be served.
func (d *Door) Check(address string) error {
	if !d.Loopback {
		return nil
	}
	return CheckAddress(address)
}

// Listen listens on an address that may be served.
func (d *Door) Listen(ctx context.Context, address string) (net.Listener, error) {
	if err := d.Check(address); err != nil {
		return nil, err
	}
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return lis, nil
}
