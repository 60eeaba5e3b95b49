// Package tlsfiles gives servers and clients TLS from files, which are rotated
// without a restart: every handshake uses the certificates and the authorities
// that the files hold at that moment.
//
// TLS 1.3 is the least. Sessions are not resumed, for a resumed session is not
// judged by the authorities of today.
package tlsfiles

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	"zonebench.internal/pkg/reload"
)

// Files names the files. All of them are PEM.
type Files struct {
	// Cert is the own certificate, with those between it and its authority behind it, and Key its private key.
	Cert, Key string
	// CA holds the authorities that certificates of the other side come from.
	CA string
}

// Source is what the files hold.
type Source struct {
	current *reload.Value[material]
}

type material struct {
	certificate *tls.Certificate // nil: none
	authorities *x509.CertPool   // nil: those of the system for clients, none for servers
}

// Open reads the files. Certificate and key belong together; each of the others
// may be left out. Later changes that cannot be used are logged.
func Open(files Files, now func() time.Time, log *slog.Logger) (*Source, error) {
	if (files.Cert == "") != (files.Key == "") {
		return nil, fmt.Errorf("certificate file %q and key file %q: name both or neither", files.Cert, files.Key)
	}
	var paths []string
	for _, path := range []string{files.Cert, files.Key, files.CA} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	load := func() (material, error) { return read(files) }
	fail := func(err error) { log.Error("TLS goes on with the certificates that it has", slog.Any("error", err)) }
	current, err := reload.New(now, fail, load, paths...)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return &Source{current: current}, nil
}

func read(files Files) (material, error) {
	var m material
	if files.Cert != "" {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return material{}, fmt.Errorf("certificate %s with key %s: %w", files.Cert, files.Key, err)
		}
		m.certificate = &pair
	}
	if files.CA != "" {
		pool, err := authorities(files.CA)
		if err != nil {
			return material{}, err
		}
		m.authorities = pool
	}
	return m, nil
}

func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the path and what is wrong
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authorities %s: there is no PEM certificate in it", path)
	}
	return pool, nil
}

// NotAfter is when the own certificate ends, zero when there is none.
func (s *Source) NotAfter() time.Time {
	certificate := s.current.Get().certificate
	if certificate == nil || certificate.Leaf == nil {
		return time.Time{}
	}
	return certificate.Leaf.NotAfter
}

// Server is the configuration of a server. Clients show a certificate of the
// authorities when they have one; when it is required, they cannot connect
// without.
func (s *Source) Server(required bool) (*tls.Config, error) {
	first := s.current.Get()
	switch {
	case first.certificate == nil:
		return nil, errors.New("TLS: a server needs a certificate and its key")
	case required && first.authorities == nil:
		return nil, errors.New("TLS: to require certificates of clients, name the authorities that they come from")
	}
	now := func() *tls.Config {
		m := s.current.Get()
		config := &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*m.certificate}, ClientCAs: m.authorities,
			NextProtos: []string{"h2", "http/1.1"}, SessionTicketsDisabled: true,
		}
		switch {
		case required:
			config.ClientAuth = tls.RequireAndVerifyClientCert
		case m.authorities != nil:
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
		return config
	}
	outer := now()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return now(), nil }
	return outer, nil
}

// Client is the configuration of one connection of a client: ask again for the next.
func (s *Source) Client() *tls.Config {
	m := s.current.Get()
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: m.authorities}
	if m.certificate != nil {
		config.Certificates = []tls.Certificate{*m.certificate}
	}
	return config
}

// Certificate is the own certificate, if there is one, and Authorities are those
// of the other side, nil for the system's: for clients that ask before each connection.
func (s *Source) Certificate() (tls.Certificate, error) {
	if certificate := s.current.Get().certificate; certificate != nil {
		return *certificate, nil
	}
	return tls.Certificate{}, nil
}

// Authorities of the other side.
func (s *Source) Authorities() (*x509.CertPool, error) { return s.current.Get().authorities, nil }

// Dial makes a TLS connection, for clients that take a function for it.
func (s *Source) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: s.Client()}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s with TLS: %w", address, err)
	}
	return conn, nil
}

// Credentials are those of a gRPC client.
func (s *Source) Credentials() credentials.TransportCredentials {
	return &client{TransportCredentials: credentials.NewTLS(s.Client()), source: s}
}

// client makes each handshake with what the files hold then.
type client struct {
	credentials.TransportCredentials // answers all but the handshake of a client
	source                           *Source
}

func (c *client) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(c.source.Client()).ClientHandshake(ctx, authority, conn)
}

func (c *client) Clone() credentials.TransportCredentials {
	return &client{TransportCredentials: c.TransportCredentials.Clone(), source: c.source}
}
