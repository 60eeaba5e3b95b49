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
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

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

const (
	dialTimeout = 500 * time.Millisecond
	// answerTimeout is how long an answer may take, and wait how long a free connection.
	answerTimeout = time.Second
	wait          = 200 * time.Millisecond
)

// Open makes a client, with little patience: what is kept there can be made
// anew, so nobody waits for a server that hangs. It connects when it is used.
// More addresses in the URL (`?addr=host:port`) make it a cluster.
func Open(config Config, now func() time.Time, log *slog.Logger) (redis.UniversalClient, error) {
	// The client's own logger is one for the whole process and writes to standard
	// error; what it says comes as an error of the call, too.
	logging.Disable()
	if err := secret.CheckURLs(config.URL); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if config.User != "" && config.PasswordFile == "" {
		return nil, errors.New("redis: a user without the file of a password")
	}
	var credentials func(context.Context) (string, string, error)
	if config.PasswordFile != "" {
		password := secret.File(config.PasswordFile)
		if _, err := password.Read(); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		credentials = func(context.Context) (string, string, error) {
			word, err := password.Read()
			return config.User, word, err
		}
	}
	dial, err := config.dialer(now, log)
	if err != nil {
		return nil, err
	}
	if strings.Contains(config.URL, "addr=") {
		options, err := redis.ParseClusterURL(config.URL)
		if err != nil {
			return nil, malformed(err)
		}
		options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, answerTimeout, answerTimeout, wait
		options.ContextTimeoutEnabled, options.DisableIdentity = true, true
		options.CredentialsProviderContext, options.Dialer = credentials, dial
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(config.URL)
	if err != nil {
		return nil, malformed(err)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, answerTimeout, answerTimeout, wait
	options.ContextTimeoutEnabled, options.DisableIdentity = true, true
	options.MaxRetries, options.DialerRetries = -1, 1 // who asked has another way by then
	options.CredentialsProviderContext, options.Dialer = credentials, dial
	return redis.NewClient(options), nil
}

// dialer connects with TLS, as the files are then; nil without.
func (c Config) dialer(now func() time.Time, log *slog.Logger) (func(context.Context, string, string) (net.Conn, error), error) {
	if !strings.HasPrefix(c.URL, "rediss://") {
		if c.CertFile != "" || c.CAFile != "" {
			return nil, errors.New("redis: there are files for TLS and the address does not say it: begin it with rediss://")
		}
		return nil, nil //nolint:nilnil // the client has one of its own
	}
	source, err := tlsfiles.Open(tlsfiles.Files{Cert: c.CertFile, Key: c.KeyFile, CA: c.CAFile}, now, log)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return source.Dial, nil
}

func malformed(err error) error {
	return fmt.Errorf("redis URL: %w: write it as redis://127.0.0.1:6379/0", err)
}
