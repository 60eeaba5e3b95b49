package composite

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// Expected numbers: testdata/sobol/README.md.
func TestSobolIshigami(t *testing.T) {
	var want struct {
		N        int       `json:"N"`
		Variance float64   `json:"variance"`
		Si       []float64 `json:"Si"`
		STi      []float64 `json:"STi"`
		Analytic []float64 `json:"analytic_Si"`
	}
	b, err := os.ReadFile("testdata/sobol/sobol_ishigami.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/sobol/sobol_ishigami_sample.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var y []float64
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[len(r)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		y = append(y, v)
	}
	n := want.N
	block := func(i int) []float64 { return y[i*n : (i+1)*n] }
	ab := [][]float64{block(2), block(3), block(4)}
	got, err := SobolIndices(block(0), block(1), ab, SobolOptions{Uncentred: true})
	if err != nil {
		t.Fatal(err)
	}
	// The file prints 15 digits.
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s = %.16g, want %.16g", what, got, want)
		}
	}
	near("variance", got.Variance, want.Variance)
	for i := range ab {
		near("Si", got.Factors[i].First, want.Si[i])
		near("STi", got.Factors[i].Total, want.STi[i])
	}
	centred, err := SobolIndices(block(0), block(1), ab, SobolOptions{Bootstrap: 200, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range centred.Factors {
		if f.Total != got.Factors[i].Total {
			t.Errorf("factor %d: centring changed the total order", i)
		}
		if !(f.FirstLow < f.First && f.First < f.FirstHigh && f.TotalLow < f.Total && f.Total < f.TotalHigh) {
			t.Errorf("factor %d: %+v is not inside its interval", i, f)
		}
		// 0.15 is about three bootstrap standard errors at 512 points.
		if math.Abs(f.First-want.Analytic[i]) > 0.15 {
			t.Errorf("factor %d: first order %v, analytic %v", i, f.First, want.Analytic[i])
		}
	}
	again, err := SobolIndices(block(0), block(1), ab, SobolOptions{Bootstrap: 200, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	for i := range ab {
		if again.Factors[i] != centred.Factors[i] {
			t.Errorf("factor %d: the same seed gave other numbers", i)
		}
	}
}

func TestSobolEdges(t *testing.T) {
	if _, err := SobolIndices([]float64{1}, []float64{1, 2}, nil, SobolOptions{}); err == nil {
		t.Error("unequal blocks were taken")
	}
	flat, err := SobolIndices([]float64{1, 1}, []float64{1, 1}, [][]float64{{1, 1}}, SobolOptions{})
	if err != nil || !math.IsNaN(flat.Factors[0].First) {
		t.Errorf("no variance: %+v, %v; want NaN", flat, err)
	}
	got, err := SobolIndices([]float64{1, 2, nan}, []float64{2, 5, 1}, [][]float64{{3, 1, 1}}, SobolOptions{})
	if err != nil || got.Failed != 1 || got.Points != 2 {
		t.Errorf("%+v, %v; want 1 failed point of 3", got, err)
	}
}
