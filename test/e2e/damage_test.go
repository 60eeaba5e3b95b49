package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/test/harness"
)

// blocks are the files in which a directory keeps its ledger, in order.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".blk" && strings.Contains(path, "LEDGER") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no blocks of the ledger under %s: %v", dir, err)
	}
	slices.Sort(found)
	return found
}

// A flipped bit and a cut tail: verify and serve name the damage, with a code
// of their own, and nothing is served.
func TestDamageIsNamedAndNothingIsServed(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, content []byte) []byte{
		"a flipped bit": func(_ *testing.T, content []byte) []byte {
			content[len(content)/2] ^= 1
			return content
		},
		"a cut tail": func(_ *testing.T, content []byte) []byte { return content[:len(content)-777] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in := harness.Start(t, dir)
			harness.Load(t, in.Clients)
			in.Stop(t)
			block := blocks(t, dir)[0]
			content, err := os.ReadFile(block)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(block, harm(t, content), 0o600); err != nil {
				t.Fatal(err)
			}

			code, out, errOut := run(t, "verify", "--data", dir, "--json")
			if code != 4 {
				t.Fatalf("verify: exit code %d\n%s%s", code, out, errOut)
			}
			var report struct {
				Sound  bool `json:"sound"`
				Damage []struct {
					First int64  `json:"first_revision"`
					Last  int64  `json:"last_revision"`
					Cause string `json:"cause"`
				} `json:"damage"`
			}
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatal(err)
			}
			if report.Sound || len(report.Damage) == 0 || report.Damage[0].First < 1 || report.Damage[0].Last < report.Damage[0].First ||
				report.Damage[0].Cause == "" {
				t.Errorf("the report names no range: %s", out)
			}
			t.Logf("%s", out)

			code, out, errOut = run(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "error")
			if code != 4 || out != "" {
				t.Errorf("serve: exit code %d\n%s%s", code, out, errOut)
			}
			t.Logf("%s", errOut)

			// Looking at it has not made it worse.
			if again, _, _ := run(t, "verify", "--data", dir); again != 4 {
				t.Errorf("the second verify: exit code %d", again)
			}
		})
	}
}
