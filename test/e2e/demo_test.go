package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zonebench.internal/services/standalone/cli"
	"zonebench.internal/test/harness"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

func TestMain(m *testing.M) { harness.Main(m) }

// run is the command line in this process.
func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(t.Context(), cli.Process{
		Args: args, In: strings.NewReader(""), Out: &o, Err: &e, Version: "test", Now: time.Now,
	})
	return code, o.String(), e.String()
}

// demo is what `demo --once --json` prints. Pointers are null where there is nothing.
type demo struct {
	Matrix []struct {
		Zone      string  `json:"zone"`
		Indicator string  `json:"indicator"`
		Value     *string `json:"value"`
		Reason    *string `json:"reason"`
	} `json:"matrix"`
	Strict    []comparison `json:"strict"`
	Reference []comparison `json:"reference"`
	Excluded  []struct {
		Zone   string `json:"zone"`
		Reason string `json:"reason"`
	} `json:"excluded"`
	// Of these the tests of their own subjects tell.
	Published   []json.RawMessage `json:"published"`
	RankTargets []json.RawMessage `json:"rank_targets"`
	Completion  []json.RawMessage `json:"completion"`
	Live        live              `json:"live"`

	Revision string `json:"revision"`
}

// live is what came of one figure in a ranking that was watched.
type live struct {
	Ranking   string `json:"ranking"`
	Simulated bool   `json:"simulated"`
	Zone      string `json:"zone"`
	Indicator string `json:"indicator"`
	Before    string `json:"before"`
	After     string `json:"after"`
	Event     struct {
		Type    string   `json:"type"`
		Version string   `json:"version"`
		Changed []string `json:"changed"`
	} `json:"event"`
	Moves []struct {
		Zone        string  `json:"zone"`
		PlaceBefore int     `json:"place_before"`
		PlaceAfter  int     `json:"place_after"`
		ScoreBefore *string `json:"score_before"`
		ScoreAfter  *string `json:"score_after"`
	} `json:"moves"`
}

type comparison struct {
	Indicator string `json:"indicator"`
	Nature    string `json:"nature"`
	Unit      string `json:"unit"`
	Period    string `json:"period"`
	Kind      string `json:"kind"`
	Rows      []struct {
		Zone       string   `json:"zone"`
		Value      string   `json:"value"`
		Comparator string   `json:"comparator"`
		Ambition   string   `json:"ambition"`
		Place      *int     `json:"place"`
		Of         *int     `json:"of"`
		Order      *int     `json:"order"`
		Reason     *string  `json:"reason"`
		Caveats    []string `json:"caveats"`
	} `json:"rows"`
}

func decode(t *testing.T, out string) demo {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	var got demo
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one object: %s", out)
	}
	return got
}

// lines writes comparisons so that one can read what is expected.
func lines(list []comparison) []string {
	var all []string
	for _, c := range list {
		var rows []string
		for _, r := range c.Rows {
			rank := "?"
			switch {
			case r.Place != nil && r.Of != nil && r.Order == nil:
				rank = fmt.Sprintf("%d/%d", *r.Place, *r.Of)
			case r.Order != nil && r.Place == nil:
				rank = fmt.Sprintf("#%d", *r.Order)
			}
			rows = append(rows, fmt.Sprintf("%s %s%s %s %s", rank, strings.TrimPrefix(r.Comparator, "="), r.Value, r.Zone, r.Ambition))
		}
		all = append(all, fmt.Sprintf("%s|%s|%s|%s|%s: %s", c.Indicator, c.Nature, c.Unit, c.Period, c.Kind, strings.Join(rows, ", ")))
	}
	return all
}

// What the five plans allow, by the rules of the domain: three strict
// comparisons and five reference lists, no more.
func TestDemoSaysWhatMayBeCompared(t *testing.T) {
	code, out, errOut := run(t, "demo", "--once", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	got := decode(t, out)

	strict := []string{
		"规上工业增加值|growth|%|2020|target: 1/2 12 金安经济开发区 expected, 2/2 8 杭州钱塘新区 expected",
		"工业投资|growth|%|2020|target: 1/2 58.5 金安经济开发区 expected, 2/2 16 杭州钱塘新区 expected",
		"新增高新技术企业数|count|家|2020|target: 1/2 110 杭州钱塘新区 expected, 2/2 >=5 金安经济开发区 expected",
	}
	if have := lines(got.Strict); !slices.Equal(have, strict) {
		t.Errorf("strict comparisons:\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(strict, "\n"))
	}
	reference := []string{
		"地区生产总值|growth|%|2020|target: #1 10 温州经济技术开发区 expected, #2 >=7 杭州钱塘新区 expected",
		"社会消费品零售总额|growth|%|2020|target: #1 12 温州经济技术开发区 expected, #2 8 杭州钱塘新区 expected",
		"固定资产投资|growth|%|2020|target: #1 20 温州经济技术开发区 expected, #2 19.8 金安经济开发区 expected",
		"财政收入 / 一般公共预算收入 / 公共财政预算收入|growth|%|2020|target: #1 11 金安经济开发区 expected, #2 10 杭州钱塘新区 expected, #3 8.2 温州经济技术开发区 expected",
		"新引进亿元以上项目数|count|个|2020|target: #1 145 杭州钱塘新区 expected, #2 25 金安经济开发区 strive",
	}
	if have := lines(got.Reference); !slices.Equal(have, reference) {
		t.Errorf("reference lists:\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(reference, "\n"))
	}
	for _, c := range got.Reference {
		for _, r := range c.Rows {
			if r.Reason == nil || *r.Reason == "" {
				t.Errorf("%s, %s: no reason on a reference row", c.Indicator, r.Zone)
			}
		}
	}
	for _, c := range append(slices.Clone(got.Strict), got.Reference...) {
		for _, r := range c.Rows {
			if r.Zone == "金安经济开发区" && !strings.Contains(strings.Join(r.Caveats, ";"), "不含城北现代产业园") {
				t.Errorf("%s: Jin'an's extent is not among the caveats: %v", c.Indicator, r.Caveats)
			}
		}
	}
	if base := strings.Join(got.Strict[1].Rows[0].Caveats, ";"); !strings.Contains(base, "8.2") {
		t.Errorf("the base of Jin'an's investment growth, about 8.2 亿元, is not among the caveats: %s", base)
	}

	var excluded []string
	for _, e := range got.Excluded {
		if e.Reason == "" {
			t.Errorf("%s: no reason", e.Zone)
		}
		excluded = append(excluded, e.Zone)
	}
	slices.Sort(excluded)
	want := []string{"金华开发区", "嵊州城南新区", "嵊州经济开发区", "嵊州市", "温州经济技术开发区"}
	slices.Sort(want)
	if !slices.Equal(excluded, want) {
		t.Errorf("in no strict comparison: %v, want %v", excluded, want)
	}

	if len(got.Matrix) != 7*8 {
		t.Errorf("the matrix has %d cells, want 7 subjects x 8 indicators", len(got.Matrix))
	}
	for _, c := range got.Matrix {
		if c.Value == nil && (c.Reason == nil || *c.Reason == "") {
			t.Errorf("%s, %s: neither value nor reason", c.Zone, c.Indicator)
		}
	}
	golden(t, "testdata/demo.json", pretty(t, out))
}

// pretty indents, and keeps the comparison: what follows it is told by the tests of its own subjects.
func pretty(t *testing.T, out string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(strings.TrimSpace(out)), "", "  "); err != nil {
		t.Fatal(err)
	}
	text, _, found := strings.Cut(b.String(), `,`+"\n"+`  "published"`)
	if !found {
		t.Fatalf("no comparison before the rest of %s", b.String())
	}
	return text + "\n}\n"
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and read the diff:\n%s", path, got)
	}
}

// The comparison as people read it, in both languages, wide and at 80 columns.
func TestDemoForPeople(t *testing.T) {
	for _, c := range []struct{ lang, columns string }{{"zh", "80"}, {"zh", "160"}, {"en", "100"}} {
		var out, errOut bytes.Buffer
		code := cli.Main(t.Context(), cli.Process{
			Args: []string{"demo", "--once", "--lang", c.lang}, Environ: []string{"COLUMNS=" + c.columns},
			In: strings.NewReader(""), Out: &out, Err: &errOut, Version: "test", Now: time.Now,
		})
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errOut.String())
		}
		_, page, found := strings.Cut(out.String(), "\n\n(1)")
		if !found {
			_, page, found = strings.Cut(out.String(), "\n\n一、")
		}
		if !found {
			t.Fatalf("no first section in %s", out.String())
		}
		page, _, found = strings.Cut(page, map[string]string{"zh": "\n数据版本号", "en": "\nRevision"}[c.lang])
		if !found {
			t.Fatalf("no end of the comparison in %s", out.String())
		}
		golden(t, "testdata/demo."+c.lang+"."+c.columns+".txt", page)
	}
}

// The last section: a figure is committed and the row it is of moves up; who
// watches and who listens to events is told the same. The output is the same
// every time, so it is compared.
func TestDemoMovesALiveRanking(t *testing.T) {
	code, out, errOut := run(t, "demo", "--once", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	got := decode(t, out).Live
	if !got.Simulated || !strings.HasSuffix(got.Ranking, "〔模拟〕") || !strings.HasSuffix(got.Zone, "〔模拟〕") {
		t.Errorf("not marked as simulated: %+v", got)
	}
	if got.Event.Type != "RankingUpdated" || len(got.Event.Changed) != len(got.Moves) {
		t.Errorf("the event tells of %d rows, the delta of %d", len(got.Event.Changed), len(got.Moves))
	}
	moved := false
	for _, m := range got.Moves {
		moved = moved || m.Zone == got.Zone && m.PlaceAfter < m.PlaceBefore
	}
	if !moved {
		t.Errorf("%s did not move up: %+v", got.Zone, got.Moves)
	}
	for _, lang := range []string{"zh", "en"} {
		code, out, errOut := run(t, "demo", "--once", "--lang", lang)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errOut)
		}
		_, section, found := strings.Cut(out, map[string]string{"zh": "\n八、", "en": "\n(8) "}[lang])
		if !found {
			t.Fatalf("no last section in %s", out)
		}
		golden(t, "testdata/demo-live."+lang+".txt", section)
	}
}

// Loading the same facts again changes nothing, on the same directory too.
func TestDemoAgain(t *testing.T) {
	dir := t.TempDir()
	first, firstOut, errOut := run(t, "demo", "--once", "--json", "--data", dir)
	if first != 0 {
		t.Fatal(errOut)
	}
	second, secondOut, errOut := run(t, "demo", "--once", "--json", "--data", dir)
	if second != 0 {
		t.Fatal(errOut)
	}
	if firstOut != secondOut {
		t.Errorf("the second run printed\n%s\nthe first\n%s", secondOut, firstOut)
	}
	if code, out, errOut := run(t, "verify", "--data", dir); code != 0 {
		t.Errorf("verify: %d %s %s", code, out, errOut)
	}
}

// A demo that serves ends when it is interrupted, with code 0.
func TestDemoServesUntilInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(ctx, cli.Process{
			Args: []string{"demo", "--province=false", "--listen", "127.0.0.1:0", "--print-events"}, In: strings.NewReader(""), Out: w, Err: io.Discard, Version: "test", Now: time.Now,
		})
		_ = w.Close()
	}()
	var seen strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), "Ctrl-C") || !strings.Contains(seen.String(), `"type":"zonebench.event.v1.FiguresChanged"`) {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("%v after %s", err, seen.String())
		}
		seen.Write(buf[:n])
	}
	if !strings.Contains(seen.String(), `"type":"zonebench.event.v1.ZoneChanged"`) {
		t.Error("no ZoneChanged was printed")
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
