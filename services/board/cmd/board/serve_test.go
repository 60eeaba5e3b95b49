package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

type zones struct {
	zonev1.UnimplementedZoneServiceServer
	name string
}

func (z zones) GetZone(context.Context, *zonev1.GetZoneRequest) (*zonev1.GetZoneResponse, error) {
	return &zonev1.GetZoneResponse{Zone: &zonev1.Zone{Name: z.name}}, nil
}

// behind is a zone service that knows one zone.
func behind(t *testing.T, name string) string {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	zonev1.RegisterZoneServiceServer(server, zones{name: name})
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return lis.Addr().String()
}

// certificate writes a certificate for 127.0.0.1 and its key, and gives those who trust it.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "board"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", raw), pool
}

// The program as a process runs it: over TLS and HTTP/2, in front of services
// that it finds at their addresses, until it is told to stop.
func TestServes(t *testing.T) {
	zone := behind(t, "zones/a")
	cert, key, pool := certificate(t)
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(nil, []string{
			"ZONEBENCH_BOARD_LISTEN=127.0.0.1:0", "ZONEBENCH_BOARD_ZONE_ADDRESS=" + zone, "ZONEBENCH_LOG_FORMAT=json",
			"ZONEBENCH_BOARD_TLS_CERT_FILE=" + cert, "ZONEBENCH_BOARD_TLS_KEY_FILE=" + key,
		}, io.Discard, write, time.Now)
		_ = write.Close()
	}()
	var said struct{ Msg, Address string }
	lines := bufio.NewScanner(read)
	for said.Address == "" {
		if !lines.Scan() {
			t.Fatal("it ended before it served")
		}
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()

	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+said.Address+"/zonebench.zone.v1.ZoneService/GetZone", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "zones/a") {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
	if resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s with %v", resp.Proto, resp.Header)
	}

	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
