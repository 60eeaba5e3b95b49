package e2e_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/test/harness"
)

// program is the Go code of the README, word for word.
func program(ctx context.Context, address string, out io.Writer) error {
	// README: begin
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := rankingv1.NewRankingServiceClient(conn).CompareZones(ctx, &rankingv1.CompareZonesRequest{
		Period: "2020",
		Kind:   indicatorv1.Kind_KIND_TARGET,
	})
	if err != nil {
		return err
	}
	for _, comparison := range answer.GetStrict() {
		for _, row := range comparison.GetRows() {
			fmt.Fprintf(out, "%s: %s %s%s, place %d of %d\n", comparison.GetDisplayName().GetZh(),
				row.GetDisplayName().GetZh(), row.GetNumber(), comparison.GetUnit(), row.GetPlace(), row.GetOf())
		}
	}
	// README: end
	return nil
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The Go code of the README compiles and does what it says.
func TestReadmeGo(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "// README: begin\n")
	code, _, _ := strings.Cut(rest, "\t// README: end")
	code = strings.TrimPrefix(strings.ReplaceAll("\n"+code, "\n\t", "\n"), "\n")
	if !strings.Contains(readme(t), "```go\n"+code+"```\n") {
		t.Errorf("the README does not show this code:\n%s", code)
	}

	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	var out strings.Builder
	if err := program(within(t), in.Cluster.Address(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"规上工业增加值: 金安经济开发区 12%, place 1 of 2\n", "规上工业增加值: 杭州钱塘新区 8%, place 2 of 2\n",
		"工业投资: 金安经济开发区 58.5%, place 1 of 2\n", "工业投资: 杭州钱塘新区 16%, place 2 of 2\n",
		"新增高新技术企业数: 杭州钱塘新区 110家, place 1 of 2\n", "新增高新技术企业数: 金安经济开发区 5家, place 2 of 2\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 6 {
		t.Errorf("%d strict rows, want 6:\n%s", n, out.String())
	}
}

// The calls with grpcurl in the README are answered: the same bodies, sent
// through reflection as grpcurl does.
func TestReadmeCalls(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	calls := regexp.MustCompile(`grpcurl -plaintext (?:-d '([^']*)' )?127\.0\.0\.1:7800 ([\w.]+)/(\w+)`).FindAllStringSubmatch(readme(t), -1)
	if len(calls) < 4 {
		t.Fatalf("found %d calls in the README", len(calls))
	}
	reflect := newReflection(t, harness.Dial(t, in.Cluster.Address()).Conn)
	for _, c := range calls {
		body, service, method := c[1], c[2], c[3]
		if body == "" {
			body = "{}"
		}
		answer, err := reflect.call(service, method, body)
		if err != nil || answer == "{}" {
			t.Errorf("%s/%s %s: %s, %v", service, method, body, answer, err)
		}
	}
}

// commands are the command lines of a part of the README, with their comments.
func commands(t *testing.T, from, to string) (lines, comments []string) {
	t.Helper()
	_, rest, found := strings.Cut(readme(t), from)
	block, _, ends := strings.Cut(rest, to)
	if !found || !ends {
		t.Fatalf("the README has no part from %q to %q", from, to)
	}
	for line := range strings.Lines(block) {
		line, comment, _ := strings.Cut(line, "#")
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "zonebench "); ok {
			lines, comments = append(lines, command), append(comments, comment)
		}
	}
	return lines, comments
}

func arguments(line string) []string {
	var args []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
	}
	return args
}

// The command lines of the first ten minutes end with 0, or with 1 where the
// answer is a list of candidates.
func TestReadmeCommands(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	lines, comments := commands(t, "## The first ten minutes", "A table is accepted whole")
	ran := 0
	for i, line := range lines {
		if strings.Contains(line, "my.csv") {
			continue
		}
		want := 0
		if strings.Contains(comments[i], "you get both") {
			want = 1
		}
		code, out, errOut := run(t, append(arguments(line), "--address", in.Cluster.Address())...)
		if code != want || out == "" {
			t.Errorf("zonebench %s: exit code %d, want %d\n%s%s", line, code, want, out, errOut)
		}
		ran++
	}
	if ran < 7 {
		t.Errorf("only %d command lines were found", ran)
	}
}

// The command lines of the ranking that moves end with 0, in their order, and
// say what their comments promise. Those that go on for ever are stopped.
func TestReadmeRanking(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	lines, comments := commands(t, "## A ranking that moves", "The same `--seed`")
	if len(lines) < 14 {
		t.Fatalf("only %d command lines were found", len(lines))
	}
	for i, line := range lines {
		args := append(arguments(line), "--address", in.Cluster.Address())
		if strings.HasPrefix(line, "watch ") || strings.Contains(line, "--rate") {
			args = append(args, "--count", "1")
		}
		code, out, errOut := run(t, args...)
		if code != 0 || out == "" {
			t.Errorf("zonebench %s: exit code %d\n%s%s", line, code, out, errOut)
		}
		if months := regexp.MustCompile(`(\d+) months`).FindStringSubmatch(comments[i]); months != nil {
			if n := strings.Count(out, "rankings/example-"); fmt.Sprint(n) != months[1] {
				t.Errorf("zonebench %s lists %d rankings, the comment says %s", line, n, months[1])
			}
		}
	}
}

// What the README shows of the demo is what the demo prints.
func TestReadmeShowsTheDemo(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "## What you see")
	part, _, _ := strings.Cut(rest, "\n## ")
	printed := make(map[string]bool)
	for _, name := range []string{"demo.zh.160.txt", "demo-live.zh.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			printed[strings.TrimRight(line, "\n")] = true
		}
	}
	shown := 0
	for i, block := range strings.Split(part, "```") {
		if i%2 == 0 {
			continue // between the blocks
		}
		for line := range strings.SplitSeq(strings.Trim(block, "\n"), "\n") {
			if line == "" || strings.TrimSpace(line) == "..." {
				continue
			}
			if shown++; !printed[line] {
				t.Errorf("the demo does not print %q", line)
			}
		}
	}
	if shown < 20 {
		t.Errorf("only %d lines are shown", shown)
	}
}

// The pictures and files that the README links to are there.
func TestReadmeLinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		path, _, _ := strings.Cut(m[1], "#")
		if _, err := os.Stat("../../" + path); err != nil {
			t.Errorf("the README links to %s: %v", path, err)
		}
	}
}
