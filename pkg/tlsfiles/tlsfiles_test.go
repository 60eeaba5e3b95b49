package tlsfiles_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/reload"
	"zonebench.internal/pkg/tlsfiles"
	"zonebench.internal/pkg/tlsfiles/tlstest"
)

// stepping is a clock by which every look at the files is due.
func stepping() func() time.Time {
	var steps atomic.Int64
	return func() time.Time { return time.Unix(0, 0).Add(time.Duration(steps.Add(1)) * reload.Every) }
}

func open(t *testing.T, files tlsfiles.Files) *tlsfiles.Source {
	t.Helper()
	source, err := tlsfiles.Open(files, stepping(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// serve answers health with mutual TLS.
func serve(t *testing.T, source *tlsfiles.Source, required bool) (address string) {
	t.Helper()
	config, err := source.Server(required)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	healthv1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return lis.Addr().String()
}

// check makes a call over a new connection and tells the serial number of the server's certificate.
func check(ctx context.Context, address string, creds credentials.TransportCredentials) (serial string, err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return call(ctx, conn)
}

func call(ctx context.Context, conn *grpc.ClientConn) (serial string, err error) {
	var p peer.Peer
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err = healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.Peer(&p))
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		serial = info.State.PeerCertificates[0].SerialNumber.String()
	}
	return serial, err
}

// Certificates of both sides and the authority itself are exchanged while calls
// are made over old and new connections, and none of them fails.
func TestCertificatesAreSwappedUnderLoadWithoutAFailedCall(t *testing.T) {
	before, after := tlstest.NewAuthority(t, "before"), tlstest.NewAuthority(t, "after")
	serverFiles := before.Files(tlstest.Leaf{DNS: "zone.example"})
	clientFiles := before.Files(tlstest.Leaf{URI: "spiffe://example.org/board"})
	client := open(t, clientFiles)
	address := serve(t, open(t, serverFiles), true)

	var calls, failed atomic.Int64
	var load sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	made := func(err error) {
		calls.Add(1)
		if err != nil && ctx.Err() == nil {
			failed.Add(1)
			t.Errorf("a call failed: %v", err)
		}
	}
	lasting, err := grpc.NewClient(address, grpc.WithTransportCredentials(client.Credentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lasting.Close() }()
	for range 2 {
		load.Go(func() {
			for ctx.Err() == nil {
				_, err := check(ctx, address, client.Credentials())
				made(err)
			}
		})
		load.Go(func() {
			for ctx.Err() == nil {
				_, err := call(ctx, lasting)
				made(err)
			}
		})
	}
	// some waits until calls were made with what the files hold now.
	some := func() {
		t.Helper()
		for until := calls.Load() + 200; calls.Load() < until && !t.Failed(); {
			if _, err := check(ctx, address, client.Credentials()); err != nil {
				t.Fatal(err)
			}
		}
	}
	serialBefore, err := check(ctx, address, client.Credentials())
	if err != nil {
		t.Fatal(err)
	}
	some()
	both := tlstest.Bundle(before, after)
	tlstest.Write(t, serverFiles.CA, both)
	tlstest.Write(t, clientFiles.CA, both)
	some()
	swap := func(files tlsfiles.Files, leaf tlstest.Leaf) {
		certificate, key := after.Issue(leaf)
		tlstest.Write(t, files.Cert, certificate) // Between the two they do not fit together.
		some()
		tlstest.Write(t, files.Key, key)
		some()
	}
	swap(serverFiles, tlstest.Leaf{DNS: "zone.example"})
	swap(clientFiles, tlstest.Leaf{URI: "spiffe://example.org/board"})
	tlstest.Write(t, serverFiles.CA, after.PEM)
	tlstest.Write(t, clientFiles.CA, after.PEM)
	some()
	serialAfter, err := check(ctx, address, client.Credentials())
	if err != nil || serialAfter == serialBefore {
		t.Errorf("the server still shows the certificate %s (%v)", serialAfter, err)
	}
	stop()
	load.Wait()
	t.Logf("%d calls, %d failed", calls.Load(), failed.Load())

	// Who has only the old certificate is not let in any more.
	old := before.Files(tlstest.Leaf{URI: "spiffe://example.org/board"}, after)
	if _, err := check(t.Context(), address, open(t, old).Credentials()); status.Code(err) != codes.Unavailable {
		t.Errorf("with a certificate of the old authority: %v", err)
	}
}

func TestWhoIsLetIn(t *testing.T) {
	ours, theirs := tlstest.NewAuthority(t, "ours"), tlstest.NewAuthority(t, "theirs")
	required := serve(t, open(t, ours.Files(tlstest.Leaf{})), true)
	optional := serve(t, open(t, ours.Files(tlstest.Leaf{})), false)
	bare := tlsfiles.Files{CA: ours.Files(tlstest.Leaf{}).CA}
	old := &tls.Config{MaxVersion: tls.VersionTLS12, RootCAs: open(t, bare).Client().RootCAs}
	for name, c := range map[string]struct {
		creds              credentials.TransportCredentials
		required, optional bool
	}{
		"a certificate of ours": {open(t, ours.Files(tlstest.Leaf{})).Credentials(), true, true},
		"no certificate":        {open(t, bare).Credentials(), false, true},
		// A client keeps a certificate to itself that the server does not ask for.
		"a certificate of theirs":   {open(t, theirs.Files(tlstest.Leaf{}, ours)).Credentials(), false, true},
		"an expired certificate":    {open(t, ours.Files(tlstest.Leaf{Expired: true})).Credentials(), false, false},
		"a server it does not know": {open(t, ours.Files(tlstest.Leaf{}, theirs)).Credentials(), false, false},
		"TLS 1.2":                   {credentials.NewTLS(old), false, false},
		"no TLS":                    {insecure.NewCredentials(), false, false},
	} {
		for address, want := range map[string]bool{required: c.required, optional: c.optional} {
			if _, err := check(t.Context(), address, c.creds); (err == nil) != want {
				t.Errorf("%s, certificates required %t: %v", name, address == required, err)
			}
		}
	}
}

func TestFilesThatCannotBeUsedSayWhyAndWithoutTheKey(t *testing.T) {
	a := tlstest.NewAuthority(t, "ours")
	good, other := a.Files(tlstest.Leaf{}), a.Files(tlstest.Leaf{})
	key, err := os.ReadFile(good.Key)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(string(key), "\n")[1]
	for name, c := range map[string]struct {
		files tlsfiles.Files
		want  string
	}{
		"a certificate without a key": {tlsfiles.Files{Cert: good.Cert}, "both or neither"},
		"the key of another":          {tlsfiles.Files{Cert: good.Cert, Key: other.Key}, good.Cert},
		"a key for a certificate":     {tlsfiles.Files{Cert: good.Key, Key: good.Key}, good.Key},
		"authorities without any":     {tlsfiles.Files{CA: good.Key}, "no PEM certificate"},
		"a file that is not there":    {tlsfiles.Files{CA: good.CA + "x"}, "no such file"},
	} {
		_, err := tlsfiles.Open(c.files, stepping(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(t, tlsfiles.Files{CA: good.CA}).Server(false); err == nil {
		t.Error("a server without a certificate")
	}
	if _, err := open(t, tlsfiles.Files{Cert: good.Cert, Key: good.Key}).Server(true); err == nil {
		t.Error("a server that requires certificates of nobody")
	}
}
