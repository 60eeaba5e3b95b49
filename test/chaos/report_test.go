package chaos

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zonebench.internal/pkg/ledger"
)

func (r *report) total(counts map[outcome]int, written int, sound *ledger.Report) {
	r.sum = fmt.Sprintf("%d writes: %d acknowledged, each in the ledger exactly once; %d refused, none in it; %d of unknown outcome, "+
		"%d of them in it, none twice. The ledger is sound as each of the three NATS servers tells it (%d commits, %d transactions, "+
		"%d messages ignored by rule), and every replica has folded it to the end.",
		counts[acknowledged]+counts[refused]+counts[unknown], counts[acknowledged], counts[refused], counts[unknown], written,
		sound.Commits, sound.Transactions, len(sound.Ignored))
}

// String is the report as it stands in the documents.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Form %s, seed %d, %s, load average at the end %s; three NATS servers, two replicas of each service, ", r.form.name, r.seed,
		time.Since(r.begin).Round(time.Second), loadAverage())
	fmt.Fprintf(&b, "%d writes a second to each service, clients without retries at %v a call.\n\n", rate, deadline)
	b.WriteString("| while | service | writes | calls that failed | longest time without an answer | median | slowest answer |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	for _, row := range r.rows {
		b.WriteString(row + "\n")
	}
	b.WriteString("\n")
	for _, how := range []string{"killed", "frozen"} {
		if took := slices.Sorted(slices.Values(r.takeovers[how])); len(took) > 0 {
			fmt.Fprintf(&b, "A committer was %s %d times; another one committed after %.1f s (median), %.1f s at most.\n",
				how, len(took), took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
		}
	}
	for _, note := range r.notes {
		b.WriteString(note + "\n")
	}
	b.WriteString(r.sum + "\n")
	return b.String()
}

func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(content))[:3], " ")
}

// The report stands between these lines of the files that CHAOS_REPORT names.
const (
	reportBegin = "<!-- make chaos writes from here -->\n"
	reportEnd   = "<!-- to here -->\n"
)

func (r *report) write(t *testing.T) {
	t.Helper()
	for file := range strings.FieldsSeq(os.Getenv("CHAOS_REPORT")) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := bytes.Cut(content, []byte(reportBegin))
		_, after, closed := bytes.Cut(rest, []byte(reportEnd))
		if !ok || !closed {
			t.Fatalf("%s has no place for the report", file)
		}
		content = slices.Concat(before, []byte(reportBegin), []byte("\n"+r.String()+"\n"), []byte(reportEnd), after)
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
