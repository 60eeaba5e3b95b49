package index

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Three zones, four indicators, two periods; names in Chinese.
const (
	verbMeta = `iCode,iName,Level,Parent,Direction,Weight,Type,Denominator,Target,Unit
gdp,地区生产总值,1,eco,1,2,Indicator,,900,亿元
tax,税收,1,eco,1,1,Indicator,area,,亿元
energy,能耗,1,env,-1,1,Indicator,,,吨
green,绿地,1,env,1,1,Indicator,,,%
eco,经济,2,total,1,3,Aggregate,,,
env,环境,2,total,1,1,Aggregate,,,
total,总分,3,,1,1,Aggregate,,,
area,面积,,,,,Denominator,,,
`
	verbData = `uName,uCode,Time,gdp,tax,energy,green,area
示例甲区,a,2023,800,80,5,30,10
示例乙区,b,2023,600,90,3,40,10
示例丙区,c,2023,500,60,4,50,12
示例丁区,d,2023,450,NA,9,20,9
`
	verbLater = `uName,uCode,Time,gdp,tax,energy,green,area
示例甲区,a,2024,805,81,5,30,10
示例乙区,b,2024,950,120,3,42,10
示例丙区,c,2024,520,60,4,50,12
示例丁区,d,2024,455,40,9,20,9
`
	verbRecipe = `normalise: {method: minmax, lower: 0, upper: 100}
`
)

func verbDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"meta.csv": verbMeta, "data.csv": verbData, "later.csv": verbLater, "recipe.yaml": verbRecipe,
		"geometric.yaml": "normalise: {method: minmax, lower: 1, upper: 100}\naggregate: [arithmetic, geometric]\n",
		"plan.yaml":      "draws: 50\nseed: 3\nweights: {spread: 0.3}\nchoices:\n  - {name: scaling, key: normalise, among: [rank, zscore]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runVerb(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := Command()
	if len(cmd.Commands()) == 0 {
		t.Fatal("the command has no verbs")
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "@", dir+"/")
	}
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func inputsOf(verb ...string) []string {
	return append(verb, "--data", "@data.csv", "--meta", "@meta.csv", "--recipe", "@recipe.yaml")
}

func TestVerbAudit(t *testing.T) {
	dir := verbDir(t)
	if out, err := runVerb(t, dir, append(inputsOf("audit"), "--out", "@audit", "--compare", "@geometric.yaml", "--plot", "@heat.svg")...); err != nil {
		t.Fatal(err, out)
	}
	for name, header := range map[string]string{
		"statistics.csv":   "table,iCode,min,max,mean,median,sd,skew,kurt,known",
		"correlations.csv": "table,method,A,B,r",
		"alpha.csv":        "table,group,alpha",
	} {
		b, err := os.ReadFile(filepath.Join(dir, "audit", name))
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(b), "\n"); strings.TrimSpace(first) != header {
			t.Errorf("%s begins %q, want %q", name, first, header)
		}
	}
	for _, name := range []string{"pca.csv", "p_values.csv", "flags.csv", "availability.csv", "leave_one_out.csv", "compare.csv"} {
		if _, err := os.Stat(filepath.Join(dir, "audit", name)); err != nil {
			t.Error(err)
		}
	}
}

func TestVerbSensitivityAndItsList(t *testing.T) {
	dir := verbDir(t)
	args := append(inputsOf("sensitivity"), "--plan", "@plan.yaml", "--out", "@mc", "--sobol", "16", "--bands", "0.9", "--ranges", "--plot", "@mc.svg")
	if out, err := runVerb(t, dir, args...); err != nil {
		t.Fatal(err, out)
	}
	if out, err := runVerb(t, dir, append(inputsOf("sensitivity"), "--plan", "@plan.yaml", "--list", "@mc/parameters.csv", "--out", "@again", "--workers", "1")...); err != nil {
		t.Fatal(err, out)
	}
	for _, name := range []string{"replicate_ranks.csv", "replicate_scores.csv", "parameters.csv", "summary.csv"} {
		a, err := os.ReadFile(filepath.Join(dir, "mc", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "again", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs when its own parameters are listed", name)
		}
	}
	if _, err := runVerb(t, dir, append(inputsOf("sensitivity"), "--draws", "0")...); err == nil {
		t.Error("no draws were taken")
	}
}

func TestVerbTarget(t *testing.T) {
	dir := verbDir(t)
	out, err := runVerb(t, dir, append(inputsOf("target"), "--unit", "c", "--place", "1", "--json")...)
	if err != nil {
		t.Fatal(err, out)
	}
	var r targetReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Unit != "c" || !r.Feasible || r.PlaceTo != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := runVerb(t, dir, append(inputsOf("target"), "--unit", "x", "--place", "1")...); err == nil || !strings.Contains(err.Error(), "no unit") {
		t.Errorf("unknown unit: %v", err)
	}
}

func TestVerbDiff(t *testing.T) {
	dir := verbDir(t)
	out, err := runVerb(t, dir, "diff", "@data.csv", "@later.csv", "--meta", "@meta.csv", "--recipe", "@recipe.yaml", "--unit", "b", "--json")
	if err != nil {
		t.Fatal(err, out)
	}
	var moves []movedReport
	if err := json.Unmarshal([]byte(out), &moves); err != nil || len(moves) != 1 {
		t.Fatal(out, err)
	}
	sum := 0.0
	for _, p := range moves[0].Parts {
		sum += float64(p.Score)
	}
	if d := sum - float64(moves[0].ScoreTo-moves[0].ScoreFrom); d > 1e-9 || d < -1e-9 {
		t.Errorf("the parts miss the whole by %v", d)
	}
	// A directory stands for its files.
	if out, err := runVerb(t, dir, "diff", dir, "@geometric.yaml", "--meta", "@meta.csv", "--data", "@data.csv"); err != nil {
		t.Error(err, out)
	}
}

// A chart holds Chinese labels as text; pixels are refused without a font that has
// them.
func TestPlotFonts(t *testing.T) {
	dir := verbDir(t)
	if out, err := runVerb(t, dir, append(inputsOf(), "--plot", "@bars.svg")...); err != nil {
		t.Fatal(err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "bars.svg"))
	if err != nil || !strings.Contains(string(b), "示例甲区") {
		t.Errorf("the label is not in the chart as text (%v)", err)
	}
	if _, err := runVerb(t, dir, append(inputsOf(), "--plot", "@bars.png")...); err == nil || !strings.Contains(err.Error(), "--font") {
		t.Errorf("a .png without the characters: %v", err)
	}
	if _, err := runVerb(t, dir, append(inputsOf("audit"), "--plot", "@heat.png")...); err != nil {
		t.Error(err)
	}
	if _, err := runVerb(t, dir, append(inputsOf(), "--plot", "@bars.pdf")...); err == nil {
		t.Error("a .pdf was promised")
	}
}

func TestVerbExplain(t *testing.T) {
	dir := verbDir(t)
	for _, recipe := range []string{"@recipe.yaml", "@geometric.yaml"} {
		for _, more := range [][]string{nil, {"--against", "b"}, {"--leaves"}, {"--node", "eco"}} {
			args := append([]string{"explain", "--data", "@data.csv", "--meta", "@meta.csv", "--recipe", recipe, "--unit", "a", "--json"}, more...)
			out, err := runVerb(t, dir, args...)
			if err != nil {
				t.Fatal(args, err, out)
			}
			var r explanationReport
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			sum := float64(r.Start)
			for _, p := range r.Parts {
				sum += float64(p.Points)
			}
			if d := sum - float64(r.Base); d > 1e-9 || d < -1e-9 {
				t.Errorf("%v: the parts miss the score by %v", args, d)
			}
		}
	}
	if out, err := runVerb(t, dir, append(inputsOf("explain"), "--unit", "a")...); err != nil || !strings.Contains(out, "strengths") {
		t.Error(out, err)
	}
	if _, err := runVerb(t, dir, append(inputsOf("explain"), "--unit", "a", "--against", "zz")...); err == nil {
		t.Error("an unknown rival")
	}
}
