package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zonebench.internal/pkg/secret"
)

func TestAFileHoldsOneSecretInOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "word")
	for content, want := range map[string]string{"hunter2": "hunter2", "hunter2\n": "hunter2", "hunter2\r\n": "hunter2", "a b": "a b", "": "", "\n": "", "alpha\nbeta": ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := secret.File(path).Read()
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "alpha")) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if got, err := secret.File("").Read(); got != "" || err != nil {
		t.Errorf("no file: %q, %v", got, err)
	}
	if _, err := secret.File(path + "x").Read(); err == nil {
		t.Error("a file that is not there")
	}
}

func TestAddressesCarryNoSecrets(t *testing.T) {
	for _, good := range []string{"", "nats://127.0.0.1:4222", "tls://a:4222,tls://b:4222", "rediss://redis:6379/0", "https://nats-0.nats:8222"} {
		if err := secret.CheckURLs(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"nats://user:hunter2@127.0.0.1:4222", "tls://a:4222,tls://hunter2@b:4222", "redis://:hunter2@redis:6379/0", "redis://:hun%zzter2@redis", "redis://redis?password=hunter2",
	} {
		if err := secret.CheckURLs(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
