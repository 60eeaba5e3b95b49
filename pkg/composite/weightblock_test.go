package composite

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// blockCase is a two-level tree with random columns.
func blockCase(rng *rand.Rand, units, groups, indicators int, missing float64) (*Tree, [][]float64) {
	var nodes []Node
	for i := range indicators {
		nodes = append(nodes, Node{Code: fmt.Sprintf("i%02d", i), Parent: fmt.Sprintf("g%d", i*groups/indicators), Weight: rng.Float64()})
	}
	for g := range groups {
		nodes = append(nodes, Node{Code: fmt.Sprintf("g%d", g), Parent: "root", Weight: rng.Float64()})
	}
	nodes = append(nodes, Node{Code: "root", Weight: 1})
	tree, err := NewTree(nodes)
	if err != nil {
		panic(err)
	}
	cols := make([][]float64, indicators)
	for c := range cols {
		cols[c] = make([]float64, units)
		for u := range cols[c] {
			cols[c][u] = rng.Float64() * 100
			if rng.Float64() < missing {
				cols[c][u] = nan
			}
		}
	}
	return tree, cols
}

// plainScores is the definition, one unit at a time.
func plainScores(tree *Tree, cols [][]float64, w []float64, least float64) []float64 {
	n := len(cols[0])
	out := make([]float64, n)
	value := make([]float64, len(tree.Nodes))
	for u := range n {
		for l, node := range tree.Leaves {
			value[node] = cols[l][u]
		}
		for _, g := range tree.Order {
			var x, ws []float64
			known := 0
			for _, c := range tree.Children[g] {
				if w[c] == 0 {
					continue
				}
				x, ws = append(x, value[c]), append(ws, w[c])
				if value[c] == value[c] {
					known++
				}
			}
			value[g] = WeightedMean(x, ws)
			if float64(known)/float64(len(x)) < least {
				value[g] = nan
			}
		}
		out[u] = value[tree.Root]
	}
	return out
}

func TestWeightBlockHasTheBitsOfTheDefinition(t *testing.T) {
	seed := uint64(20240607)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, missing := range []float64{0, 0.05, 0.6} {
		for _, least := range []float64{0, 0.5} {
			tree, cols := blockCase(rng, 301, 7, 33, missing)
			for round := range 3 {
				nominal := make([]float64, len(tree.Nodes))
				for i := range nominal {
					nominal[i] = 1
					if round == 2 && rng.Float64() < 0.3 {
						nominal[i] = 0
					}
				}
				b := newWeightBlock(tree, cols, nominal, func(int) float64 { return least })
				sp := b.space()
				var sets, got [][]float64
				for range 1 + rng.IntN(4) {
					w := make([]float64, len(tree.Nodes))
					for i := range w {
						w[i] = rng.Float64() * nominal[i]
					}
					if !b.fits(w) {
						t.Fatal("the weights should fit")
					}
					sets, got = append(sets, w), append(got, make([]float64, 301))
				}
				b.scores(sp, sets, got)
				for d := range sets {
					want := plainScores(tree, cols, sets[d], least)
					for u := range want {
						if got[d][u] != want[u] && (got[d][u] == got[d][u] || want[u] == want[u]) {
							t.Fatalf("missing %v, least %v, draw %d, unit %d: %v, want %v", missing, least, d, u, got[d][u], want[u])
						}
					}
				}
			}
		}
	}
}

// The assembly and its portable twin give the same bits.
func TestSumProductsTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, k := range []int{1, 2, 7, 61} {
		x := make([]blockLine, k)
		var lines []*blockLine
		for i := range x {
			for u := range x[i] {
				x[i][u] = rng.NormFloat64()
			}
		}
		w := make([]float64, blockDraws*k)
		for i := range w {
			w[i] = rng.Float64()
			lines = append(lines, &x[rng.IntN(k)])
		}
		by := [blockDraws]float64{1, 3, 0.7, 11}
		var a, b [blockDraws]blockLine
		sumProducts(&a, x, w, &by)
		sumProductsGo(&b, x, w, &by)
		if a != b {
			t.Errorf("k = %d: sumProducts differs from its twin", k)
		}
		sumProductsEach(&a, lines, w, &by)
		sumProductsEachGo(&b, lines, w, &by)
		if a != b {
			t.Errorf("k = %d: sumProductsEach differs from its twin", k)
		}
	}
}

func TestRankerAgreesWithPlaces(t *testing.T) {
	seed := uint64(77)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, ties := range []Ties{Competition, Dense, Modified, Ordinal} {
		for _, n := range []int{1, 2, 3, 50, 1000} {
			k := newRanker(n, ties)
			for shape := range 6 {
				x := make([]float64, n)
				for i := range x {
					switch shape {
					case 0:
						x[i] = rng.Float64()
					case 1:
						x[i] = float64(rng.IntN(5))
					case 2: // one far value crowds all the rest into a bucket
						x[i] = rng.Float64() * 1e-9
						x[0] = 1e9
					case 3:
						x[i] = nan
					case 4:
						x[i] = 1 + float64(rng.IntN(3))*0x1p-52
						if rng.IntN(4) == 0 {
							x[i] = nan
						}
					case 5:
						x[i] = float64(n-i) * 5e-324
					}
				}
				want := Places(nil, x, ties)
				got := make([]uint16, n)
				k.places(got, x)
				for i := range want {
					if int(got[i]) != want[i] {
						t.Fatalf("%s, n %d, shape %d, row %d: place %d, want %d", ties, n, shape, i, got[i], want[i])
					}
				}
			}
		}
	}
}

func BenchmarkWeightBlock(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	tree, cols := blockCase(rng, 2500, 8, 60, 0)
	ones := make([]float64, len(tree.Nodes))
	for i := range ones {
		ones[i] = 1
	}
	blk := newWeightBlock(tree, cols, ones, func(int) float64 { return 0 })
	sp := blk.space()
	var sets, out [][]float64
	for range blockDraws {
		w := make([]float64, len(tree.Nodes))
		for i := range w {
			w[i] = rng.Float64()
		}
		sets, out = append(sets, w), append(out, make([]float64, 2500))
	}
	b.ReportAllocs()
	for b.Loop() {
		blk.scores(sp, sets, out)
	}
}

func BenchmarkRanker(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, 2500)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	k := newRanker(len(x), Competition)
	dst := make([]uint16, len(x))
	b.ReportAllocs()
	for b.Loop() {
		k.places(dst, x)
	}
}
