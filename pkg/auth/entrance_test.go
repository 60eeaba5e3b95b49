package auth_test

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/peer"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/auth/token"
	"zonebench.internal/pkg/tlsfiles/tlstest"
)

func TestWhichAddressesAreServed(t *testing.T) {
	files := tlstest.NewAuthority(t, "ours").Files(tlstest.Leaf{})
	access := filepath.Join(t.TempDir(), "access.yaml")
	tlstest.Write(t, access, []byte(grants))
	known := auth.Config{AccessFile: access}
	const everywhere, here = "0.0.0.0:7800", "127.0.0.1:7800"
	for name, c := range map[string]struct {
		entrance   auth.Entrance
		everywhere bool // beside the loopback, which is always served
		tls        bool
		loud       int // warnings
		refused    string
	}{
		"nothing":                         {entrance: auth.Entrance{}},
		"credentials":                     {entrance: auth.Entrance{Auth: known}},
		"credentials and TLS":             {entrance: auth.Entrance{Auth: known, CertFile: files.Cert, KeyFile: files.Key}, everywhere: true, tls: true},
		"credentials and mutual TLS":      {entrance: auth.Entrance{Auth: known, CertFile: files.Cert, KeyFile: files.Key, ClientCAFile: files.CA}, everywhere: true, tls: true},
		"insecure":                        {entrance: auth.Entrance{Insecure: true}, everywhere: true, loud: 2},
		"insecure with credentials":       {entrance: auth.Entrance{Insecure: true, Auth: known}, everywhere: true, loud: 1},
		"insecure with TLS":               {entrance: auth.Entrance{Insecure: true, CertFile: files.Cert, KeyFile: files.Key}, everywhere: true, tls: true, loud: 1},
		"TLS without credentials":         {entrance: auth.Entrance{CertFile: files.Cert, KeyFile: files.Key}, refused: "nobody would be known"},
		"authorities without TLS":         {entrance: auth.Entrance{ClientCAFile: files.CA}, refused: "shown by TLS only"},
		"a certificate without a key":     {entrance: auth.Entrance{CertFile: files.Cert}, refused: "both or neither"},
		"an access file that is not here": {entrance: auth.Entrance{Auth: auth.Config{AccessFile: access + "x"}}, refused: "no such file"},
		"tokens without an access file":   {entrance: auth.Entrance{Auth: auth.Config{Token: token.Config{Issuer: "https://x.example"}}}, refused: "nobody would have a role"},
		"tokens without an audience":      {entrance: auth.Entrance{Auth: auth.Config{AccessFile: access, Token: token.Config{Issuer: "https://x.example"}}}, refused: "audience"},
	} {
		var said bytes.Buffer
		door, err := c.entrance.Open(time.Now, slog.New(slog.NewTextHandler(&said, nil)))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := door.Check(here); err != nil {
			t.Errorf("%s: the loopback: %v", name, err)
		}
		if err := door.Check(everywhere); (err == nil) != c.everywhere {
			t.Errorf("%s: every address: %v", name, err)
		}
		if (door.TLS != nil) != c.tls {
			t.Errorf("%s: TLS is %v", name, door.TLS)
		}
		if loud := strings.Count(said.String(), "level=WARN msg=\"INSECURE"); loud != c.loud {
			t.Errorf("%s: %d warnings: %s", name, loud, said.String())
		}
		// Without credentials the loopback is the operator; with them it has to show some, too.
		caller, err := door.Identify(peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}))
		if open := c.entrance.Auth.AccessFile == ""; open != (err == nil && caller.Is(auth.Admin)) {
			t.Errorf("%s: the loopback is %+v, %v", name, caller, err)
		}
	}
}
