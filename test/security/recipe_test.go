package security

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zonebench.internal/services/standalone/cli"
	"zonebench.internal/test/harness"
)

// recipe are the shell blocks of docs/operations/security.md, in order.
func recipe(t *testing.T) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(read(t, "../../docs/operations/security.md"), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// run runs a command line in this process.
func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	code = cli.Main(ctx, cli.Process{
		Name: "zonebench", Args: args, In: strings.NewReader(""), Out: &stdout, Err: &stderr, Version: "test", Now: time.Now,
	})
	return code, stdout.String(), stderr.String()
}

// What the documentation says to type works as it stands there, but for the
// address and the directory.
func TestTheRecipeOfTheDocumentation(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		harness.Missing(t, "there is no openssl")
	}
	blocks := recipe(t)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	dir := t.TempDir()
	prepare := exec.Command("sh", "-euc", blocks[0])
	prepare.Dir = dir
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The server: the test's own binary is the command.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	serve := strings.NewReplacer("zonebench serve", "exec "+self+" serve --json --data "+dir+"/data", "0.0.0.0:7800", "0.0.0.0:0").Replace(blocks[1])
	server := exec.Command("sh", "-euc", serve)
	server.Dir = dir
	server.Env = append(os.Environ(), "HARNESS_MAIN=1")
	log := &output{}
	server.Stderr = log
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	var said struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	port := said.Address[strings.LastIndex(said.Address, ":"):]

	words := strings.Fields(strings.ReplaceAll(blocks[2], ":7800", port))
	for i, word := range words {
		if strings.HasSuffix(word, ".crt") || strings.HasSuffix(word, ".key") {
			words[i] = filepath.Join(dir, word)
		}
	}
	if code, out, errOut := run(t, words[1:]...); code != 0 {
		t.Errorf("audit: %d, %s%s", code, out, errOut)
	}
	// Without the certificate nobody comes in, and without TLS neither.
	if code, _, errOut := run(t, "--address", "127.0.0.1"+port, "--tls-ca", filepath.Join(dir, "ca.crt"), "--timeout", "5s", "audit"); code == 0 {
		t.Errorf("without a certificate: %s", errOut)
	}
	if code, _, errOut := run(t, "--address", "127.0.0.1"+port, "--timeout", "5s", "audit"); code == 0 {
		t.Errorf("without TLS: %s", errOut)
	}
}

func TestAnyAddressIsServedOnlyWithCredentialsOrLoudly(t *testing.T) {
	code, _, errOut := run(t, "serve", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--board", "")
	if code != 2 || !strings.Contains(errOut, "only loopback addresses") {
		t.Errorf("%d: %s", code, errOut)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := spawn(t, []string{"HARNESS_MAIN=1"}, self, "serve", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--board", "", "--insecure")
	for deadline := time.Now().Add(60 * time.Second); strings.Count(log.String(), "INSECURE") < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("it is not said loudly: %s", log)
		}
	}
	if !strings.Contains(log.String(), "everybody who reaches this port is an administrator") {
		t.Errorf("%s", log)
	}
}
