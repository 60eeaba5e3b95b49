package security

import (
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"

	"zonebench.internal/pkg/tlsfiles"
)

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// dialFiles connects with a certificate that is there already.
func dialFiles(t *testing.T, w *world, files tlsfiles.Files) *grpc.ClientConn {
	t.Helper()
	source, err := tlsfiles.Open(files, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(w.cluster.Address(), grpc.WithTransportCredentials(source.Credentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

var (
	curve  = elliptic.P256()
	random = rand.Reader
)

// get is what a server answers.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's timeout is the test's
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
