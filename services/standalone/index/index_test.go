package index

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zonebench.internal/data/recipes"
	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/tabular"
)

// write puts files into a new directory and returns their paths by name.
func write(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func execute(args ...string) (stdout, stderr string, err error) {
	var out, bad bytes.Buffer
	cmd := Command()
	cmd.SetOut(&out)
	cmd.SetErr(&bad)
	cmd.SetArgs(args)
	err = cmd.Execute()
	return out.String(), bad.String(), err
}

const (
	data = "\ufeffuName,uCode,Time,region,area,tax,growth,water,remark\n" +
		"丙区,zone-c,2024,东,10,50,8,3,x\n" +
		"甲区,zone-a,2024,东,20,80,NA,2,y\n" +
		"乙区,zone-b,2024,西,5,10,4,NAP,z\n"
	meta = "iCode,iName,Level,Parent,Direction,Weight,Type,Denominator,Target,Unit,Extra\n" +
		"tax,税收,1,output,1,2,Indicator,area,NA,亿元,?\n" +
		"growth,增速,1,output,1,1,Indicator,NA,NA,%,?\n" +
		"water,水耗,1,green,-1,1,Indicator,NA,NA,吨,?\n" +
		"output,产出,2,index,1,3,Aggregate,NA,NA,分,?\n" +
		"green,绿色,2,index,1,1,Aggregate,NA,NA,分,?\n" +
		"index,指数,3,NA,1,1,Aggregate,NA,NA,分,?\n" +
		"area,面积,NA,NA,NA,NA,Denominator,NA,NA,亩,?\n" +
		"region,地区,NA,NA,NA,NA,Group,NA,NA,NA,?\n"
	recipe = "denominate: true\nimpute: {method: group_mean, group: region}\nnormalise: minmax\n"
)

func example(t *testing.T) (func(string) string, []string) {
	t.Helper()
	at := write(t, map[string]string{"d.csv": data, "m.csv": meta, "r.yaml": recipe})
	return at, []string{"--data", at("d.csv"), "--meta", at("m.csv"), "--recipe", at("r.yaml")}
}

func TestOutWritesEveryStage(t *testing.T) {
	at, args := example(t)
	if _, _, err := execute(append(args, "--out", at("out"))...); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(at("out"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := "aggregated.csv denominated.csv imputed.csv normalised.csv results.csv screened.csv treated.csv treatment.csv weights.csv"; strings.Join(names, " ") != want {
		t.Errorf("files %v, want %s", names, want)
	}
	for name, want := range map[string]string{
		"denominated.csv": "uCode,tax,growth,water\nzone-a,4,NA,2\nzone-b,2,4,NA\nzone-c,5,8,3\n",
		"imputed.csv":     "uCode,tax,growth,water\nzone-a,4,8,2\nzone-b,2,4,NA\nzone-c,5,8,3\n",
		"normalised.csv":  "uCode,tax,growth,water\nzone-a,66.66666666666666,100,100\nzone-b,0,0,NA\nzone-c,100,100,0\n",
		"treatment.csv":   "uCode,tax,growth,water\nzone-a,NA,NA,NA\nzone-b,NA,NA,NA\nzone-c,NA,NA,NA\n",
		"weights.csv":     "iCode,Weight,Effective\ntax,0.6666666666666666,0.5\ngrowth,0.3333333333333333,0.25\nwater,1,0.25\noutput,0.75,0.75\ngreen,0.25,0.25\nindex,1,1\n",
		"results.csv":     "place,uCode,uName,output,green,index\n1,zone-a,甲区,77.77777777777777,100,83.33333333333333\n2,zone-c,丙区,100,0,75\n3,zone-b,乙区,0,NA,0\n",
	} {
		got, err := os.ReadFile(filepath.Join(at("out"), name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is\n%swant\n%s", name, got, want)
		}
	}
}

func TestJSONAddsUp(t *testing.T) {
	_, args := example(t)
	out, _, err := execute(append(args, "--json")...)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Units []struct {
			UCode         string             `json:"uCode"`
			Place         *int               `json:"place"`
			Score         *float64           `json:"score"`
			Contributions map[string]float64 `json:"contributions"`
			Completeness  float64            `json:"completeness"`
		} `json:"units"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for _, u := range got.Units {
		sum := 0.0
		for _, c := range u.Contributions {
			sum += c
		}
		if u.Score == nil || math.Abs(sum-*u.Score) > 1e-9 {
			t.Errorf("%s: contributions sum to %v, the score is %v", u.UCode, sum, u.Score)
		}
	}
	// What is not applicable does not count, what was imputed is not known.
	if got.Units[0].UCode != "zone-a" || math.Abs(got.Units[0].Completeness-2./3) > 1e-12 || got.Units[2].Completeness != 1 {
		t.Errorf("completeness %+v", got.Units)
	}
}

func TestJSONSplitsWhatIsNoSum(t *testing.T) {
	at, args := example(t)
	for _, method := range []string{"{method: power, p: 2}", "topsis", "minimum"} {
		if err := os.WriteFile(at("r.yaml"), []byte(recipe+"aggregate: ["+method+"]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		out, _, err := execute(append(args, "--json")...)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Units []struct {
				UCode         string             `json:"uCode"`
				Score         *float64           `json:"score"`
				Contributions map[string]float64 `json:"contributions"`
				Start         float64            `json:"contributions_start"`
			} `json:"units"`
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		for _, u := range got.Units {
			sum := u.Start
			for _, c := range u.Contributions {
				sum += c
			}
			if u.Score != nil && math.Abs(sum-*u.Score) > 1e-9 {
				t.Errorf("%s, %s: contributions sum to %v, the score is %v", method, u.UCode, sum, *u.Score)
			}
		}
	}
}

func TestTablesForPeople(t *testing.T) {
	_, args := example(t)
	out, _, err := execute(args...)
	if err != nil {
		t.Fatal(err)
	}
	if want := "    1  zone-a  甲区  83.3333  77.7778    100    67%\n"; !strings.Contains(out, want) {
		t.Errorf("the table is\n%s", out)
	}
	out, _, err = execute(append(args, "--unit", "zone-a")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"place 1 of 3", "imputed", "税收"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if _, _, err := execute(append(args, "--unit", "zoe-a")...); err == nil || !strings.Contains(err.Error(), `did you mean "zone-a"?`) {
		t.Errorf("unknown unit: %v", err)
	}
}

func TestPanelTablesHaveTheTime(t *testing.T) {
	at, args := example(t)
	panel := data + "丙区,zone-c,2023,东,10,40,8,3,x\n甲区,zone-a,2023,东,20,90,9,2,y\n"
	if err := os.WriteFile(at("d.csv"), []byte(panel), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := execute(append(args, "--out", at("out"))...); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"denominated.csv": "uCode,Time,tax,growth,water\nzone-a,2023,4.5,9,2\nzone-a,2024,4,NA,2\n",
		"aggregated.csv":  "uCode,Time,output,green,index\n",
		"results.csv":     "place,uCode,Time,uName,output,green,index\n1,zone-a,2023,甲区,",
	} {
		got, err := os.ReadFile(filepath.Join(at("out"), name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got), want) {
			t.Errorf("%s is\n%swant it to begin\n%s", name, got, want)
		}
	}
}

func TestBadInputIsNamed(t *testing.T) {
	for _, c := range []struct{ file, from, to, want string }{
		{"r.yaml", "normalise", "normalize", `unknown key "normalize"; did you mean "normalise"?`},
		{"r.yaml", "minmax", "minimax", `did you mean "minmax"?`},
		{"r.yaml", "region", "regoin", `no group column "regoin"; did you mean "region"?`},
		{"r.yaml", "minmax", "{method: goalposts, file: g.csv}", "g.csv"},
		{"r.yaml", "minmax", "[", "yaml"},
		{"m.csv", "Denominator,NA,NA,亩", "Denominaor,NA,NA,亩", `column Type: unknown type "Denominaor"; did you mean "Denominator"?`},
		{"m.csv", "水耗,1,green,-1", "水耗,1,green,-2", "m.csv, line 4, column Direction: -2"},
		{"m.csv", "税收,1,output", "税收,1,outptu", `did you mean "output"?`},
		{"m.csv", "iCode", "code", "has no column iCode"},
		{"m.csv", "tax,税收,1,output,1,2", "tax,税收,1,output,1,x", `m.csv, line 2, column Weight: "x" is not a number`},
		{"d.csv", "uCode", "code", "has no column uCode"},
		{"d.csv", ",50,", ",五十,", `d.csv, line 2, column tax: "五十" is not a number`},
		{"d.csv", "80,NA", "80", "d.csv, line 3: 8 cells under a header of 9"},
		{"d.csv", "zone-a", "zone-c", "unit zone-c was given already on line 2"},
		{"d.csv", "tax,growth", "tax2,growth", "indicator tax has no column in the data"},
		{"d.csv", "tax,growth", "tax,tax", `two columns are named "tax"`},
	} {
		at, args := example(t)
		b, err := os.ReadFile(at(c.file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), c.from) {
			t.Fatalf("%s does not hold %q", c.file, c.from)
		}
		if err := os.WriteFile(at(c.file), []byte(strings.Replace(string(b), c.from, c.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := execute(args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want %s", c.from, c.to, err, c.want)
		}
	}
	if _, _, err := execute("--data", "x.csv"); err == nil {
		t.Error("flags are missing without an error")
	}
}

func TestYAMLKeepsWhatJSONSays(t *testing.T) {
	yaml := "# a comment\nnormalise: &n\n  method: minmax\n  upper: 1e2\n  per_indicator:\n    no: {transform: ln}\nplace: {decimals: 3}\naggregate: [arithmetic, {method: power, p: 2}]\n"
	json := `{"normalise": {"method": "minmax", "upper": 100, "per_indicator": {"no": {"transform": "ln"}}}, "place": {"decimals": 3}, "aggregate": ["arithmetic", {"method": "power", "p": 2}]}`
	a, err := ParseRecipe([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseRecipe([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	if *a.Normalise.Upper != *b.Normalise.Upper || a.Normalise.PerIndicator["no"].Transform != "ln" || len(a.Aggregate) != 2 || a.Place.Decimals.N != 3 {
		t.Errorf("%+v", a)
	}
	for _, bad := range []string{"a: 1\na: 2\n", "normalise: {method: .inf}\n", "screen: {min_known: .nan}\n", "? [x]\n: 1\n", "treat: {skew: 2, skew: 3}\n"} {
		if _, err := ParseRecipe([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// Every recipe that comes with the program computes on data of its table.
func TestShippedRecipes(t *testing.T) {
	for _, r := range recipes.All() {
		rec, err := ParseRecipe(r.YAML)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		grid, err := tabular.ReadGrid(r.Name, r.Meta)
		if err != nil {
			t.Fatal(err)
		}
		types, nodes, err := readMeta(grid)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := composite.NewTree(nodes)
		if err != nil {
			t.Fatal(err)
		}
		d := &composite.Data{}
		for u := range 6 {
			d.Units = append(d.Units, composite.Unit{Code: "u" + strconv.Itoa(u)})
		}
		var codes []string
		for code := range types {
			codes = append(codes, code)
		}
		slices.Sort(codes)
		for _, code := range codes {
			switch types[code] {
			case typeGroup:
				d.Groups = append(d.Groups, composite.Grouping{Code: code, Values: []string{"东", "西", "东", "西", "东", "西"}})
			case typeAggregate:
			default:
				c := composite.Column{Code: code}
				for u := range 6 {
					v := float64(30 + (u*7+len(code))%6)
					if code == "gni_per_capita" {
						v *= 100 // below the lower goalpost there is no geometric mean
					}
					c.Values = append(c.Values, v)
				}
				d.Columns = append(d.Columns, c)
			}
		}
		x, err := composite.Compile(rec, tree, d, nil)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		res, err := x.Run()
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		for i, p := range res.Places {
			if p == 0 {
				t.Errorf("%s: no place: %s", r.Name, res.Unplaced[i])
			}
		}
	}
}

// A firm at every benchmark has 100 points, one with twice the tax 30 more; a
// missing emission figure gets the mean points of the others.
func TestPerMuBenefit(t *testing.T) {
	r, err := recipes.Find("mu-benefit-huangyan")
	if err != nil {
		t.Fatal(err)
	}
	at := write(t, map[string]string{"r.yaml": string(r.YAML), "m.csv": string(r.Meta), "d.csv": `uCode,tax_per_mu,value_added_per_mu,value_added_per_energy,value_added_per_emission,labour_productivity,rd_share
a,24.097,136.16,2.694,4929.81,18.14,0.0302
b,48.194,136.16,2.694,4929.81,18.14,0.0302
c,24.097,136.16,2.694,NA,18.14,0.0302
d,24.097,136.16,2.694,19719.24,18.14,0.0302
`})
	out, _, err := execute("--data", at("d.csv"), "--meta", at("m.csv"), "--recipe", at("r.yaml"), "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Units []struct {
			UCode string  `json:"uCode"`
			Score float64 `json:"score"`
		} `json:"units"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for _, u := range got.Units {
		want := map[string]float64{"a": 100, "b": 130, "c": 110, "d": 130}[u.UCode]
		if math.Abs(u.Score-want) > 1e-9 {
			t.Errorf("%s has %v, want %v", u.UCode, u.Score, want)
		}
	}
}

func TestRecipesCommand(t *testing.T) {
	out, _, err := execute("recipes")
	if err != nil || !strings.Contains(out, "hdi") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _, err = execute("recipes", "hdi")
	if err != nil || !strings.Contains(out, "goalposts") {
		t.Errorf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	if _, _, err := execute("recipes", "hdi", "--dir", dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := execute("recipes", "hdi", "--dir", dir); err == nil {
		t.Error("files are replaced")
	}
}

func FuzzTables(f *testing.F) {
	f.Add([]byte(data), []byte(meta), []byte(recipe))
	f.Add([]byte("uCode,a\nx,1\n"), []byte("iCode,Parent\na,b\nb,NA\n"), []byte(`{"normalise":"zscore","weights":"pca","aggregate":["topsis"]}`))
	f.Fuzz(func(t *testing.T, d, m, r []byte) {
		if len(d)+len(m)+len(r) > 4000 {
			return
		}
		rec, err := ParseRecipe(r)
		if err != nil {
			return
		}
		mg, err := tabular.ReadGrid("m", m)
		if err != nil {
			return
		}
		types, nodes, err := readMeta(mg)
		if err != nil {
			return
		}
		tree, err := composite.NewTree(nodes)
		if err != nil {
			return
		}
		dg, err := tabular.ReadGrid("d", d)
		if err != nil {
			return
		}
		table, err := readData(dg, types)
		if err != nil {
			return
		}
		x, err := composite.Compile(rec, tree, table, nil)
		if err != nil {
			return
		}
		res, err := x.Run()
		if err != nil {
			return
		}
		for c := range res.Aggregated.Codes {
			for i, v := range res.Aggregated.Values[c] {
				if math.IsInf(v, 0) || math.IsNaN(v) == res.Aggregated.State[c][i].HasValue() {
					t.Fatalf("%v is marked %v", v, res.Aggregated.State[c][i])
				}
			}
		}
	})
}
