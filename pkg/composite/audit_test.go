package composite

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The tuna of Hollander and Wolfe (Nonparametric Statistical Methods, 1973, p. 185),
// with the output of R's cor.test as its help page prints it; kendall without
// exact: z = 16 / sqrt(92).
func TestCorrelationTest(t *testing.T) {
	x := []float64{44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1}
	y := []float64{2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8}
	for _, c := range []struct {
		method    string
		r, p, tol float64
	}{
		{PearsonR, 0.5711816, 0.1082, 5e-5},
		{KendallTau, 0.4444444, math.Erfc(16 / math.Sqrt(92) / math.Sqrt2), 1e-12},
		{SpearmanRho, 0.6, 0.0876, 5e-5},
	} {
		r, p, n := CorrelationTest(c.method, x, y)
		if math.Abs(r-c.r) > 1e-7 || math.Abs(p-c.p) > c.tol || n != 9 {
			t.Errorf("%s: %v, p %v, n %d; want %v and %v", c.method, r, p, n, c.r, c.p)
		}
	}
	if r, p, n := CorrelationTest(PearsonR, []float64{1, 1, 1}, []float64{1, 2, 3}); r == r || p == p || n != 3 {
		t.Errorf("a constant side: %v, %v, %d", r, p, n)
	}
	if r, p, _ := CorrelationTest(PearsonR, []float64{1, 2, 3}, []float64{2, 4, 6}); math.Abs(r-1) > 1e-15 || p > 1e-7 {
		t.Errorf("a straight line: %v, %v", r, p)
	}
}

func TestKendallPWithTies(t *testing.T) {
	// By the formula of Kendall (1970): S = 4, n = 5; one pair of ties in x, one in y.
	x := []float64{1, 1, 2, 3, 4}
	y := []float64{1, 2, 3, 3, 2}
	_, p, _ := CorrelationTest(KendallTau, x, y)
	s := 0.0
	for i := range x {
		for j := range i {
			s += sign(x[i]-x[j]) * sign(y[i]-y[j])
		}
	}
	v := (5.0*4*15-2*9-2*2*9)/18 + 2.0*4/(2*5*4)
	if want := math.Erfc(math.Abs(s) / math.Sqrt(v) / math.Sqrt2); math.Abs(p-want) > 1e-12 {
		t.Errorf("p %v, want %v", p, want)
	}
}

func TestAlphaAndPCA(t *testing.T) {
	a, b := []float64{1, 2, 3, 4}, []float64{2, 1, 4, 3}
	// Variances 5/3 each, covariance 1: 2 (1 - (10/3) / (16/3)) = 3/4.
	if got := CronbachAlpha([][]float64{a, b}); math.Abs(got-0.75) > 1e-15 {
		t.Errorf("alpha %v, want 0.75", got)
	}
	if got := CronbachAlpha([][]float64{a}); got == got {
		t.Errorf("alpha of one column: %v", got)
	}
	// r = 0.6: eigenvalues 1.6 and 0.4.
	c, err := PCA([][]float64{a, b})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1.6, 0.4} {
		if math.Abs(c.Eigenvalues[i]-want) > 1e-12 {
			t.Errorf("eigenvalue %d: %v, want %v", i, c.Eigenvalues[i], want)
		}
	}
	for j := range 2 {
		if math.Abs(c.Loadings[0][j]-math.Sqrt(0.5)) > 1e-12 {
			t.Errorf("loading %v", c.Loadings[0])
		}
	}
	if math.Abs(c.Cumulative[1]-1) > 1e-12 {
		t.Errorf("explained %v", c.Cumulative)
	}
	if _, err := PCA([][]float64{a, {1, 1, 1, 1}}); err == nil {
		t.Error("a constant column")
	}
}

func TestAudit(t *testing.T) {
	seed := uint64(61)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	x := drawnIndex(t, rng, 30, 3, 9, 0.1, `{"normalise":"minmax"}`)
	x.data.Columns[1].Values = append([]float64(nil), x.data.Columns[0].Values...) // i01 repeats i00
	x.data.Columns[1].State = append([]Cell(nil), x.data.Columns[0].State...)
	x.cols[1] = &x.data.Columns[1]
	res := mustRun(t, x)
	a, err := x.Audit(res, AuditOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// 9 indicators in 3 groups of 3: 9 pairs, three methods, two tables.
	if len(a.Statistics) != 18 || len(a.Correlations) != 54 || len(a.LeaveOneOut) != 12 || len(a.PCA) != 4 {
		t.Errorf("%d statistics, %d correlations, %d left out, %d components", len(a.Statistics), len(a.Correlations), len(a.LeaveOneOut), len(a.PCA))
	}
	found := false
	for _, r := range a.Redundant {
		found = found || r.A == "i00" && r.B == "i01" && r.R == 1
	}
	if !found {
		t.Errorf("the repeated indicator is not redundant: %+v", a.Redundant)
	}
	for _, l := range a.LeaveOneOut {
		// Taking an element out is a run with its weight 0.
		y := rerun(t, x, &Plan{}, Draw{Weights: map[string]float64{l.Code: 0}})
		most := 0
		for r := range res.Places {
			if p, q := res.Places[r], y.Places[r]; p != 0 && q != 0 {
				most = max(most, p-q, q-p)
			}
		}
		if most != l.MaxShift {
			t.Errorf("%s left out: greatest shift %d, a run has %d", l.Code, l.MaxShift, most)
		}
	}
	same := Compare(res, res)
	if same.MaxShift != 0 || same.MeanShift != 0 || same.Spearman != 1 || same.OnlyA+same.OnlyB != 0 {
		t.Errorf("a run compared with itself: %+v", same)
	}
}

// The quick count has the bits of the definition.
func TestKendallCounts(t *testing.T) {
	seed := uint64(62)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := range 40 {
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(rng.IntN(1+n/2)), float64(rng.IntN(1+n))
		}
		if got, want := countPairs(x, y).tau(), Kendall(x, y); !same(got, want) {
			t.Errorf("n %d: %v, want %v", n, got, want)
		}
	}
}
