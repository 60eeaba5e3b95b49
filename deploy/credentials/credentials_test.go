package credentials_test

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zonebench.internal/deploy/credentials"
)

var day = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// files gives what is in a directory, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func made(t *testing.T, dir string, at time.Time) map[string]string {
	t.Helper()
	if err := credentials.Make(dir, map[string][]string{"board": {"zones.example.org", "192.0.2.1"}}, at); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

func TestCertificatesAreGoodForTheNamesThatAreCalled(t *testing.T) {
	all := made(t, filepath.Join(t.TempDir(), "secrets"), day)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(all["authority/tls.crt"]))
	for _, part := range credentials.Parts() {
		pair, err := tls.X509KeyPair([]byte(all[part.Name+"-tls/tls.crt"]), []byte(all[part.Name+"-tls/tls.key"]))
		if err != nil {
			t.Fatalf("%s: %v", part.Name, err)
		}
		hosts := part.Hosts
		if part.Name == "board" {
			hosts = append(slices.Clone(hosts), "zones.example.org", "192.0.2.1")
		}
		for _, host := range append([]string{""}, hosts...) {
			_, err := pair.Leaf.Verify(x509.VerifyOptions{
				DNSName: host, Roots: roots, CurrentTime: day,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			})
			if err != nil {
				t.Errorf("%s as %q: %v", part.Name, host, err)
			}
		}
		if len(pair.Leaf.URIs) != 1 || pair.Leaf.URIs[0].String() != "spiffe://zonebench/"+part.Name {
			t.Errorf("%s is %v", part.Name, pair.Leaf.URIs)
		}
		if all[part.Name+"-tls/ca.crt"] != all["authority/tls.crt"] {
			t.Errorf("%s trusts another authority", part.Name)
		}
	}
}

func TestWhatIsThereIsKeptAndWhatEndsIsRenewed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	first := made(t, dir, day)
	if again := made(t, dir, day.AddDate(0, 0, 30)); !maps.Equal(first, again) {
		t.Error("made again, something is another")
	}
	later := made(t, dir, day.AddDate(0, 11, 0))
	for path, content := range later {
		certificate := strings.HasSuffix(path, "-tls/tls.crt") || strings.HasSuffix(path, "-tls/tls.key")
		if renewed := content != first[path]; renewed != certificate {
			t.Errorf("%s a month before its end: renewed is %t", path, renewed)
		}
	}
	// One that was seen by others is deleted, and made anew.
	if err := os.RemoveAll(filepath.Join(dir, "zone-nats")); err != nil {
		t.Fatal(err)
	}
	for path, content := range made(t, dir, day.AddDate(0, 11, 0)) {
		if changed := content != later[path]; changed != (path == "zone-nats/nkey" || path == "nats-users/users.env") {
			t.Errorf("%s after another was deleted: changed is %t", path, changed)
		}
	}
}

func TestSecretsHoldEverythingButTheAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	all := made(t, dir, day)
	text, err := credentials.Secrets(dir, "zones", true)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^  name: (.+)$`).FindAllStringSubmatch(string(text), -1)
	want := make(map[string]bool)
	for path := range all {
		if name := filepath.Dir(path); name != "authority" {
			want[name] = true
		}
	}
	for _, n := range names {
		if !want[n[1]] {
			t.Errorf("Secret %s", n[1])
		}
		delete(want, n[1])
	}
	if len(want) > 0 {
		t.Errorf("no Secret of %v", slices.Collect(maps.Keys(want)))
	}
	if strings.Contains(string(text), "zonebench\n") || !strings.Contains(string(text), "namespace: zones") {
		t.Error("another namespace")
	}
	without, err := credentials.Secrets(dir, "zones", false)
	if err != nil || strings.Contains(string(without), "kubernetes.io/tls") {
		t.Errorf("certificates among the Secrets although somebody else issues them: %v", err)
	}
	// Redis has the digest of the password, and nobody else's right.
	password := strings.TrimSpace(all["ranking-redis/password"])
	if acl := all["redis-users/users.acl"]; strings.Contains(acl, password) || !strings.HasPrefix(acl, "user default off\n") {
		t.Errorf("users of Redis: %s", acl)
	}
}
