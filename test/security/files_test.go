package security

import (
	"log/slog"
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
