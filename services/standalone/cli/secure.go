package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/secret"
	"zonebench.internal/pkg/tlsfiles"
)

// secured is how the command line proves who it is, and who the server is.
type secured struct {
	ca, cert, key string
	token         string
}

func (s *secured) flags(f *pflag.FlagSet) {
	f.StringVar(&s.ca, "tls-ca", "", "authorities of the server's certificate, PEM; those of the system by default")
	f.StringVar(&s.cert, "tls-cert", "", "certificate to show to the server, PEM")
	f.StringVar(&s.key, "tls-key", "", "private key of that certificate, PEM")
	f.StringVar(&s.token, "token-file", "", "file with a token to show to the server, read again for every call")
}

// options of a connection. Without TLS it stays on this machine, or another
// could listen in.
func (s *secured) options(address string, now func() time.Time, log io.Writer) ([]grpc.DialOption, error) {
	local := auth.CheckAddress(address) == nil
	var options []grpc.DialOption
	if s.ca == "" && s.cert == "" && s.key == "" && local {
		options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	} else {
		source, err := tlsfiles.Open(tlsfiles.Files{Cert: s.cert, Key: s.key, CA: s.ca}, now, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			return nil, fmt.Errorf("--tls-ca, --tls-cert, --tls-key: %w", err)
		}
		options = append(options, grpc.WithTransportCredentials(source.Credentials()))
	}
	if s.token != "" {
		if _, err := secret.File(s.token).Read(); err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer{file: secret.File(s.token), local: local}))
	}
	return options, nil
}

// bearer shows a token with every call.
type bearer struct {
	file  secret.File
	local bool
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := b.file.Read()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	if token == "" {
		return nil, errors.New("the file of the token is empty")
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials: a token
// leaves this machine over TLS only.
func (b bearer) RequireTransportSecurity() bool { return !b.local }
