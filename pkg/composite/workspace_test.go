package composite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// plainCase is an index of units x 60 indicators in 8 groups, the size that the
// benchmarks are about.
func plainCase(tb testing.TB, units int, recipe *Recipe, missing float64) *Index {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	nodes := []Node{{Code: "index", Weight: 1}}
	for g := range 8 {
		nodes = append(nodes, Node{Code: fmt.Sprintf("g%d", g), Parent: "index", Weight: 1 + float64(g%3)})
	}
	d := &Data{}
	for u := range units {
		d.Units = append(d.Units, Unit{Code: fmt.Sprintf("u%04d", u)})
	}
	for i := range 60 {
		code := fmt.Sprintf("i%02d", i)
		dir := 1.0
		if i%7 == 0 {
			dir = -1
		}
		nodes = append(nodes, Node{Code: code, Parent: fmt.Sprintf("g%d", i%8), Weight: 1 + float64(i%5), Direction: dir})
		col := Column{Code: code, Values: make([]float64, units)}
		for u := range units {
			col.Values[u] = math.Round(1e4*math.Exp(rng.NormFloat64())) / 100
			if rng.Float64() < missing {
				col.Values[u] = math.NaN()
			}
		}
		d.Columns = append(d.Columns, col)
	}
	tree, err := NewTree(nodes)
	if err != nil {
		tb.Fatal(err)
	}
	x, err := Compile(recipe, tree, d, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func mustRecipe(tb testing.TB, s string) *Recipe {
	tb.Helper()
	r, err := ParseRecipe([]byte(s))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var workspaceRecipes = []string{
	`{"normalise":"minmax"}`,
	`{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["geometric"],"place":"dense"}`,
	`{"normalise":"zscore","place":"modified"}`,
	`{"normalise":{"method":"efficacy"},"aggregate":["arithmetic",{"method":"power","p":2}],"min_known_children":0.9}`,
	`{"normalise":{"method":"fracmax","transform":"sqrt"},"aggregate":["harmonic","arithmetic"]}`,
	`{"normalise":"none","aggregate":"sum","weights":"equal"}`,
	`{"normalise":"rank"}`,
	`{"normalise":"minmax","impute":"median","treat":{"winsorise":{"max_points":3}}}`,
}

func sameBits(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: row %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestWorkspaceAgreesWithRunBitForBit(t *testing.T) {
	for _, s := range workspaceRecipes {
		for _, missing := range []float64{0, 0.05} {
			x := plainCase(t, 120, mustRecipe(t, s), missing)
			ws, err := x.NewWorkspace()
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(7, 8))
			data := x.Data().clone()
			for step := range 60 {
				row, leaf := rng.IntN(120), rng.IntN(60)
				v := math.Round(1e4*math.Exp(rng.NormFloat64())) / 100
				if step%9 == 0 {
					v = math.NaN()
				}
				if err := x.SetCell(ws, row, leaf, v); err != nil {
					t.Fatal(err)
				}
				data.Columns[leaf].Values[row] = v
				data.Columns[leaf].State = nil
				y, err := Compile(x.Recipe(), x.Tree(), data, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := y.Run()
				if err != nil {
					t.Fatal(err)
				}
				sameBits(t, fmt.Sprintf("%s, missing %v, step %d", s, missing, step), ws.Scores(), res.Scores)
				for i, p := range res.Places {
					if ws.Places()[i] != p {
						t.Fatalf("%s, missing %v, step %d: place of row %d is %d, want %d", s, missing, step, i, ws.Places()[i], p)
					}
				}
			}
		}
	}
}

func TestRecomputeAllocatesNothing(t *testing.T) {
	x := plainCase(t, 500, mustRecipe(t, `{"normalise":"minmax"}`), 0)
	ws, err := x.NewWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	if !ws.Fast() {
		t.Fatal("the plain recipe is not computed the fast way")
	}
	v := 1.5
	if n := testing.AllocsPerRun(20, func() {
		if err := x.Recompute(ws); err != nil {
			t.Fatal(err)
		}
		v += 0.01
		if err := x.SetCell(ws, 17, 11, v); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecompute2500x60x8(b *testing.B) {
	x := plainCase(b, 2500, mustRecipe(b, `{"normalise":"minmax"}`), 0)
	ws, err := x.NewWorkspace()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Recompute(ws); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetCell2500x60x8(b *testing.B) {
	x := plainCase(b, 2500, mustRecipe(b, `{"normalise":"minmax"}`), 0)
	ws, err := x.NewWorkspace()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := x.SetCell(ws, i%2500, i%60, 50+float64(i%7)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun2500x60x8(b *testing.B) {
	for _, s := range []string{`{"normalise":"minmax"}`, `{"impute":"median","treat":{"winsorise":{"max_points":5},"otherwise":"log_ct"},"normalise":"zscore","weights":"critic"}`} {
		b.Run(s, func(b *testing.B) {
			x := plainCase(b, 2500, mustRecipe(b, s), 0)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
