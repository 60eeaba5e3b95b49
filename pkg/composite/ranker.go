package composite

import (
	"cmp"
	"slices"
)

// ranker finds the places of many score vectors of one length without
// allocating. It maps the scores linearly, the greatest first, to 22 bits, sorts
// these by radix, and puts what fell on the same number in order by comparison:
// the worst case is that of a comparison sort. A ranker serves one goroutine and
// at most 65,535 units.
type ranker struct {
	ties       Ties
	low, high  [1 << radixBits]uint32
	keys, next []uint64 // 22 bits of the score above 32 bits of the row
}

const (
	radixBits = 11
	radixMask = 1<<radixBits - 1
	// maxRanked is the most units that places of 16 bits can tell apart.
	maxRanked = 1<<16 - 1
)

func newRanker(n int, ties Ties) *ranker {
	if ties == "" {
		ties = Competition
	}
	return &ranker{ties: ties, keys: make([]uint64, n), next: make([]uint64, n)}
}

// places writes the places of the scores, 1 the greatest, 0 for NaN. Equal
// float64 share a place as the ranker's ties say; Ordinal parts them by row.
func (k *ranker) places(dst []uint16, scores []float64) {
	lo, hi := ends(scores)
	if lo > hi {
		clear(dst)
		return
	}
	scale := (1<<(2*radixBits) - 1) / (hi - lo)
	if scale*0 != 0 {
		scale = 0 // equal or too close for the quotient: one number for all
	}
	clear(k.low[:])
	clear(k.high[:])
	keys, next := k.keys[:len(scores)], k.next
	n := 0
	for i, s := range scores {
		if s != s {
			dst[i] = 0
			continue
		}
		b := uint64((hi - s) * scale)
		k.low[b&radixMask]++
		k.high[b>>radixBits&radixMask]++
		keys[n] = b<<32 | uint64(i)
		n++
	}
	keys, next = keys[:n], next[:n]
	var sumLow, sumHigh uint32
	for i := range k.low {
		k.low[i], sumLow = sumLow, sumLow+k.low[i]
		k.high[i], sumHigh = sumHigh, sumHigh+k.high[i]
	}
	for _, x := range keys {
		p := &k.low[x>>32&radixMask]
		next[*p] = x
		*p++
	}
	for _, x := range next {
		p := &k.high[x>>(32+radixBits)&radixMask]
		keys[*p] = x
		*p++
	}
	for i := 0; i+1 < n; i++ {
		if keys[i]>>32 != keys[i+1]>>32 {
			continue
		}
		j := i + 2
		for j < n && keys[j]>>32 == keys[i]>>32 {
			j++
		}
		slices.SortFunc(keys[i:j], func(a, b uint64) int {
			return cmp.Or(cmp.Compare(scores[uint32(b)], scores[uint32(a)]), cmp.Compare(a, b))
		})
		i = j - 1
	}
	k.count(dst, keys, scores)
}

// count hands out places along sorted keys.
func (k *ranker) count(dst []uint16, keys []uint64, scores []float64) {
	if k.ties == Competition {
		place, last := 0, nan
		for i, x := range keys {
			row := uint32(x)
			if s := scores[row]; s != last {
				place, last = i+1, s
			}
			dst[row] = uint16(place)
		}
		return
	}
	dense := 0
	for i := 0; i < len(keys); {
		j := i + 1
		for j < len(keys) && scores[uint32(keys[j])] == scores[uint32(keys[i])] {
			j++
		}
		dense++
		for m := i; m < j; m++ {
			place := m + 1
			switch k.ties {
			case Dense:
				place = dense
			case Modified:
				place = j
			default: // ordinal; competition was done above
			}
			dst[uint32(keys[m])] = uint16(place)
		}
		i = j
	}
}
