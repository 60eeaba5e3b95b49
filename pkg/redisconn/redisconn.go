// Package redisconn connects to Redis or Valkey: with TLS, and as a user of its
// access list whose password stands in a file. Both are read again for every
// new connection.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/secret"
	"zonebench.internal/pkg/tlsfiles"
)

// Config is what an operator may set.
type Config struct {
	URL          string `env:"URL" help:"Redis or Valkey server without a secret in it, such as redis://127.0.0.1:6379/0, or rediss:// for TLS"`
	User         string `env:"USER" help:"user of the server's access list; default by default"`
	PasswordFile string `env:"PASSWORD_FILE" help:"file with the password of the user"`
	CertFile     string `env:"TLS_CERT_FILE" help:"certificate that is shown to the server, PEM"`
	KeyFile      string `env:"TLS_KEY_FILE" help:"private key of that certificate, PEM"`
	CAFile       string `env:"TLS_CA_FILE" help:"authorities of the server's certificate, PEM; those of the system by default"`
}

// Open makes a client. It connects when it is used.
func Open(config Config, now func() time.Time, log *slog.Logger) (*redis.Client, error) {
	if err := secret.CheckURLs(config.URL); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	options, err := redis.ParseURL(config.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: %w: write the address as redis://127.0.0.1:6379/0", err)
	}
	if config.User != "" && config.PasswordFile == "" {
		return nil, errors.New("redis: a user without the file of a password")
	}
	if config.PasswordFile != "" {
		password := secret.File(config.PasswordFile)
		if _, err := password.Read(); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		options.CredentialsProviderContext = func(context.Context) (string, string, error) {
			word, err := password.Read()
			return config.User, word, err
		}
	}
	secured := options.TLSConfig != nil
	if !secured && (config.CertFile != "" || config.CAFile != "") {
		return nil, errors.New("redis: there are files for TLS and the address does not say it: begin it with rediss://")
	}
	if secured {
		source, err := tlsfiles.Open(tlsfiles.Files{Cert: config.CertFile, Key: config.KeyFile, CA: config.CAFile}, now, log)
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		options.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) { return source.Dial(ctx, network, address) }
	}
	return redis.NewClient(options), nil
}
