package composite

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// SobolOptions says how [SobolIndices] estimates. The zero value centres and
// does no bootstrap.
type SobolOptions struct {
	// Uncentred takes mean(B (ABi - A)) / V for the first order, as COINr does.
	// It is unbiased too, but noisy where the outcome is far from zero.
	Uncentred bool
	// Bootstrap is the number of resamples for the intervals; 0 for none.
	Bootstrap int
	// Seed starts the resampling; the same seed gives the same bits.
	Seed uint64
	// Level is the probability of the intervals; 0 stands for 0.9 (5 % to 95 %).
	Level float64
}

// SobolIndex is the share of one factor in the variance of the outcome.
type SobolIndex struct {
	// First is the first-order index: the share of the variance that would go
	// on average if this factor alone were fixed. Total is the total-order
	// index: the share that would stay if all the others were fixed. Estimates
	// may fall a little outside 0..1.
	First, Total float64
	// The bounds are bootstrap quantiles (type 7); NaN without bootstrap.
	FirstLow, FirstHigh, TotalLow, TotalHigh float64
}

// Sobol is the outcome of [SobolIndices].
type Sobol struct {
	// Variance is that of A and B pooled, by n-1.
	Variance float64
	Factors  []SobolIndex
	// Points is the number of rows used, Failed the number left out because
	// one of the blocks has no outcome there (NaN).
	Points, Failed int
}

// SobolIndices estimates the variance-based sensitivity indices of d factors
// from the outcomes on given sample blocks. a and b are the outcomes on two
// independent samples A and B of n points; ab[i] is that on A with column i
// taken from B. With V the variance of a and b pooled (divided by 2n-1) and m
// their mean:
//
//	first order, centred:   mean((b - m) (ab[i] - a)) / V
//	first order, uncentred: mean(b (ab[i] - a)) / V
//	total order:            mean((a - ab[i])^2) / (2 V)
//
// The first order is the estimator of Saltelli et al. (Computer Physics
// Communications 181, 2010, table 2 b; uncentred in COINr), centred as in Sobol
// and Myshetskaya (2007); the total order is Jansen's (1999). All blocks are
// without unit or in the unit of the outcome, which cancels.
//
// A point at which any block is NaN is left out of all of them and counted in
// Failed. With no variance (V = 0) every index is NaN. Bootstrap resamples the
// points, all blocks together. An error is returned for blocks of unequal
// length or fewer than 2 usable points.
func SobolIndices(a, b []float64, ab [][]float64, opt SobolOptions) (*Sobol, error) {
	n := len(a)
	if len(b) != n {
		return nil, fmt.Errorf("composite: sobol: block A has %d points, B has %d; they must be as long", n, len(b))
	}
	for i, block := range ab {
		if len(block) != n {
			return nil, fmt.Errorf("composite: sobol: block A has %d points, AB%d has %d; they must be as long", n, i+1, len(block))
		}
	}
	if opt.Level < 0 || opt.Level >= 1 {
		return nil, fmt.Errorf("composite: sobol: level %v; a probability below 1", opt.Level)
	}
	out := &Sobol{Factors: make([]SobolIndex, len(ab))}
	usable := make([]int, 0, n)
	for k := range n {
		s := a[k] + b[k]
		for i := range ab {
			s += ab[i][k]
		}
		if math.IsNaN(s) || math.IsInf(s, 0) {
			out.Failed++
			continue
		}
		usable = append(usable, k)
	}
	out.Points = len(usable)
	if out.Points < 2 {
		return nil, errors.New("composite: sobol: fewer than 2 points have an outcome in every block")
	}
	first, total := make([]float64, len(ab)), make([]float64, len(ab))
	out.Variance = sobolOnce(a, b, ab, usable, opt.Uncentred, first, total)
	for i := range ab {
		out.Factors[i] = SobolIndex{First: first[i], Total: total[i], FirstLow: nan, FirstHigh: nan, TotalLow: nan, TotalHigh: nan}
	}
	if opt.Bootstrap <= 0 {
		return out, nil
	}
	level := opt.Level
	if level == 0 {
		level = 0.9
	}
	firsts, totals := make([][]float64, len(ab)), make([][]float64, len(ab))
	rows := make([]int, len(usable))
	for t := range opt.Bootstrap {
		rng := stream(opt.Seed, streamBootstrap, uint64(t))
		for k := range rows {
			rows[k] = usable[rng.IntN(len(usable))]
		}
		sobolOnce(a, b, ab, rows, opt.Uncentred, first, total)
		for i := range ab {
			firsts[i] = append(firsts[i], first[i])
			totals[i] = append(totals[i], total[i])
		}
	}
	lo, hi := (1-level)/2, (1+level)/2
	for i := range ab {
		f := &out.Factors[i]
		f.FirstLow, f.FirstHigh = Quantile(firsts[i], lo), Quantile(firsts[i], hi)
		f.TotalLow, f.TotalHigh = Quantile(totals[i], lo), Quantile(totals[i], hi)
	}
	return out, nil
}

// sobolOnce estimates on the given rows and returns the variance.
func sobolOnce(a, b []float64, ab [][]float64, rows []int, uncentred bool, first, total []float64) float64 {
	n := float64(len(rows))
	mean := 0.0
	for _, k := range rows {
		mean += a[k] + b[k]
	}
	mean /= 2 * n
	variance := 0.0
	for _, k := range rows {
		variance += (a[k]-mean)*(a[k]-mean) + (b[k]-mean)*(b[k]-mean)
	}
	variance /= 2*n - 1
	centre := mean
	if uncentred {
		centre = 0
	}
	for i, block := range ab {
		s, t := 0.0, 0.0
		for _, k := range rows {
			s += (b[k] - centre) * (block[k] - a[k])
			t += (a[k] - block[k]) * (a[k] - block[k])
		}
		if variance == 0 {
			first[i], total[i] = nan, nan
			continue
		}
		first[i], total[i] = s/n/variance, t/n/(2*variance)
	}
	return variance
}

// Streams keep the random numbers of one purpose apart from those of another.
const (
	streamDraw uint64 = iota + 1
	streamBootstrap
	streamSobol
	streamShapley
	streamSearch
)

// stream is the generator of one draw: it depends on the seed, the purpose and
// the number of the draw alone, so draws may be made in any order and on any
// number of cores.
func stream(seed, purpose, draw uint64) *rand.Rand {
	h := mix64(mix64(seed+0x9e3779b97f4a7c15) ^ mix64(purpose<<56^draw))
	return rand.New(rand.NewPCG(h, mix64(h+0x9e3779b97f4a7c15)))
}

// mix64 is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
