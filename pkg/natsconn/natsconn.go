// Package natsconn connects to NATS: with TLS, and as the user whose NKey seed
// or credentials stand in a file. Both are read again at every reconnect.
package natsconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"zonebench.internal/pkg/secret"
	"zonebench.internal/pkg/tlsfiles"
)

// Config is what an operator may set.
type Config struct {
	URL       string `env:"URL" envDefault:"nats://127.0.0.1:4222" help:"NATS server or servers with JetStream, separated by commas, without a secret in them"`
	NKeyFile  string `env:"NKEY_FILE" help:"file with the NKey seed of this process's user"`
	CredsFile string `env:"CREDS_FILE" help:"file with a user's JWT and seed, in place of an NKey"`
	CertFile  string `env:"TLS_CERT_FILE" help:"certificate that is shown to the servers, PEM"`
	KeyFile   string `env:"TLS_KEY_FILE" help:"private key of that certificate, PEM"`
	CAFile    string `env:"TLS_CA_FILE" help:"authorities of the servers' certificates, PEM; with it only TLS is spoken"`
}

// Connect connects as a program, with further options that have nothing to do
// with who connects. The inboxes of the program bear its name: its user may be
// allowed those and no others.
func Connect(config Config, program string, now func() time.Time, log *slog.Logger, options ...nats.Option) (*nats.Conn, error) {
	if err := secret.CheckURLs(config.URL); err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	options = append(slices.Clip(options), nats.Name("zonebench "+program), nats.CustomInboxPrefix("_INBOX."+program))
	switch {
	case config.NKeyFile != "" && config.CredsFile != "":
		return nil, errors.New("NATS: name an NKey file or a credentials file, not both")
	case config.NKeyFile != "":
		pair, err := readSeed(config.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
		public, err := pair.PublicKey()
		pair.Wipe()
		if err != nil {
			return nil, fmt.Errorf("NATS: NKey file %s: %w", config.NKeyFile, err)
		}
		options = append(options, nats.Nkey(public, func(nonce []byte) ([]byte, error) { return sign(config.NKeyFile, nonce) }))
	case config.CredsFile != "":
		if _, err := os.Stat(config.CredsFile); err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
		options = append(options, nats.UserCredentials(config.CredsFile))
	}
	if config.CertFile != "" || config.CAFile != "" {
		source, err := config.tls(now, log)
		if err != nil {
			return nil, err
		}
		var certificate nats.TLSCertHandler
		var authorities nats.RootCAsHandler
		if config.CertFile != "" {
			certificate = source.Certificate
		}
		if config.CAFile != "" {
			authorities = source.Authorities
		}
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13}), nats.ClientTLSConfig(certificate, authorities))
	}
	conn, err := nats.Connect(config.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", config.URL, err)
	}
	return conn, nil
}

func (c Config) tls(now func() time.Time, log *slog.Logger) (*tlsfiles.Source, error) {
	source, err := tlsfiles.Open(tlsfiles.Files{Cert: c.CertFile, Key: c.KeyFile, CA: c.CAFile}, now, log)
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	return source, nil
}

// Monitoring is a client for the monitoring addresses of the servers, separated
// by commas, which speak the same TLS where they begin with https.
func Monitoring(config Config, addresses string, now func() time.Time, log *slog.Logger) (*http.Client, error) {
	if err := secret.CheckURLs(addresses); err != nil {
		return nil, fmt.Errorf("NATS monitoring: %w", err)
	}
	source, err := config.tls(now, log)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{DialTLSContext: source.Dial, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
	}, nil
}

// sign answers the server's challenge.
func sign(file string, nonce []byte) ([]byte, error) {
	pair, err := readSeed(file)
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	signature, err := pair.Sign(nonce)
	if err != nil {
		return nil, fmt.Errorf("NKey file %s: %w", file, err)
	}
	return signature, nil
}

func readSeed(file string) (nkeys.KeyPair, error) {
	seed, err := secret.File(file).Read()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return nil, fmt.Errorf("NKey file %s: %w", file, err)
	}
	return pair, nil
}
