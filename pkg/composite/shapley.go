package composite

import (
	"math"
	"math/rand/v2"
)

// shapley splits v(all) - v(none) among k players: the mean, over the orders in
// which they may come in, of what each adds (Shapley, 1953). set is a bit set of
// players. It takes 2^k evaluations. The parts sum to the difference to rounding.
func shapley(k int, v func(set uint) (float64, error)) ([]float64, error) {
	value := make([]float64, 1<<k)
	for s := range value {
		var err error
		if value[s], err = v(uint(s)); err != nil {
			return nil, err
		}
	}
	return shapleyOf(k, value), nil
}

// shapleyOf is shapley for values already found, by bit set.
func shapleyOf(k int, value []float64) []float64 {
	// weight[s] = s! (k-s-1)! / k!, for s players before.
	weight := make([]float64, k)
	for s := range weight {
		weight[s] = 1 / float64(k)
		// 1 / binomial(k-1, s)
		for i := range s {
			weight[s] *= float64(i+1) / float64(k-1-i)
		}
	}
	part := make([]float64, k)
	for s := range value {
		size := 0
		for i := range k {
			size += s >> i & 1
		}
		for i := range k {
			if s>>i&1 == 0 {
				part[i] += weight[size] * (value[s|1<<i] - value[s])
			}
		}
	}
	return part
}

// shapleySampled estimates the split from pairs of random orders, each with its
// reverse, which halves the error where the players act almost additively. The
// parts sum to v(all) - v(none) exactly as in each order. se is the standard
// error of each part from the spread of the pairs.
func shapleySampled(k, pairs int, rng *rand.Rand, v func(in []bool) (float64, error)) (part, se []float64, err error) {
	part, se = make([]float64, k), make([]float64, k)
	in := make([]bool, k)
	none, err := v(in)
	if err != nil {
		return nil, nil, err
	}
	one := make([]float64, k)
	squares := make([]float64, k)
	order := make([]int, k)
	for range pairs {
		for i := range order {
			order[i] = i
		}
		rng.Shuffle(k, func(i, j int) { order[i], order[j] = order[j], order[i] })
		clear(one)
		for pass := range 2 {
			clear(in)
			last := none
			for n := range order {
				i := order[n]
				if pass == 1 {
					i = order[k-1-n]
				}
				in[i] = true
				now, err := v(in)
				if err != nil {
					return nil, nil, err
				}
				one[i] += (now - last) / 2
				last = now
			}
		}
		for i, d := range one {
			part[i] += d
			squares[i] += d * d
		}
	}
	n := float64(pairs)
	for i := range part {
		part[i] /= n
		se[i] = nan
		if pairs > 1 {
			se[i] = math.Sqrt(max(0, squares[i]/n-part[i]*part[i]) / (n - 1))
		}
	}
	return part, se, nil
}

// LargestRemainder rounds parts to whole numbers that sum to total (Hamilton's
// method): each is rounded down, and what is still missing goes, one each, to the
// greatest remainders, equal ones in order. The parts must sum to total to within
// rounding; a part that is whole to 1e-9 counts as whole, so a part of 0 stays 0.
// NaN counts as 0.
func LargestRemainder(parts []float64, total int) []int {
	out := make([]int, len(parts))
	rest := make([]float64, len(parts))
	left := total
	for i, p := range parts {
		if p != p {
			continue
		}
		if r := math.Round(p); math.Abs(p-r) < 1e-9 {
			p = r
		}
		f := math.Floor(p)
		out[i], rest[i] = int(f), p-f
		left -= int(f)
	}
	for ; left > 0; left-- {
		best := -1
		for i, r := range rest {
			if r > 0 && (best < 0 || r > rest[best]+1e-9) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		out[best]++
		rest[best] = 0
	}
	return out
}
