package auth_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/pkg/auth"
)

var update = flag.Bool("update", false, "write docs/operations/permissions.md anew")

// The table that people read is the one that is asked.
func TestThePermissionsInTheDocumentationAreTheTable(t *testing.T) {
	const file = "../../docs/operations/permissions.md"
	var b strings.Builder
	b.WriteString(`# Who may call what

Made from pkg/auth/table.go by its test. **alike**: everybody who may call it gets the same. **seen**: the answer holds what the
caller sees. **spoken**: a reporter for its own zones only, and nobody at a stage beyond their role. **open**: without an identity too.

| method | scope |`)
	for _, r := range auth.Roles() {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(auth.Roles())) + "\n")
	table := auth.Table()
	for _, method := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "| `%s` | %s |", strings.TrimPrefix(method, "/"), table[method].Scope)
		for _, r := range auth.Roles() {
			mark := ""
			if table[method].Scope == auth.Open || slices.Contains(table[method].Roles, r) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != b.String() {
		t.Errorf("%s is not the table: go test ./pkg/auth -run Permissions -update", file)
	}
}
