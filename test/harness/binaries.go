package harness

import "testing"

// Binaries builds the services and nats-server, once for a test binary, and
// gives the directory that they are in.
func Binaries(t testing.TB) string {
	t.Helper()
	return binaries(t)
}
