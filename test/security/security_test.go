// Package security holds an installation of real processes, with everything
// that keeps the wrong ones out, against those who should be kept out: users of
// NATS and of Redis, callers of every role, and whoever reads logs.
package security

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nkeys"

	"zonebench.internal/pkg/tlsfiles"
	"zonebench.internal/pkg/tlsfiles/tlstest"
	"zonebench.internal/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// users of NATS, as deploy/nats/accounts.conf has them.
var users = []string{"zone", "indicator", "ranking", "archive"}

// keys are the NKeys of the users: a file with the seed of each, and what the
// server is told of them.
type keys struct {
	file   map[string]string
	public []string // for the environment of the server
	seeds  []string
}

func newKeys(t *testing.T) keys {
	t.Helper()
	k := keys{file: map[string]string{}}
	for _, user := range users {
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		seed, err := pair.Seed()
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		k.file[user] = filepath.Join(t.TempDir(), "nkey")
		tlstest.Write(t, k.file[user], append(seed, '\n'))
		k.public = append(k.public, strings.ToUpper(user)+"_NKEY="+public)
		k.seeds = append(k.seeds, string(seed))
	}
	return k
}

// startNATS runs a server with the accounts of deploy/, with TLS when files are given.
func startNATS(t *testing.T, k keys, files *tlsfiles.Files) (address, monitor string, log *output) {
	t.Helper()
	address, monitor = harness.Free(t), harness.Free(t)
	accounts, err := filepath.Abs("../../deploy/nats/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(accounts)
	if err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	config := fmt.Sprintf("listen: %q\nhttp: %q\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: always }\ninclude ./accounts.conf\n", address, monitor, store)
	if files != nil {
		config = strings.Replace(config, "http:", "https:", 1) +
			fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q }\n", files.Cert, files.Key, files.CA)
	}
	tlstest.Write(t, filepath.Join(store, "accounts.conf"), content)
	tlstest.Write(t, filepath.Join(store, "nats.conf"), []byte(config))
	log = spawn(t, k.public, filepath.Join(harness.Binaries(t), "nats-server"), "-c", filepath.Join(store, "nats.conf"))
	if files == nil {
		harness.Answers(t, "http://"+monitor+"/healthz")
	}
	return address, monitor, log
}

// output is what a process has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// spawn runs a program until the test ends.
func spawn(t *testing.T, env []string, program string, args ...string) *output {
	t.Helper()
	log := &output{}
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("%s: %s", filepath.Base(program), text[max(0, len(text)-4000):])
		}
	})
	return log
}
