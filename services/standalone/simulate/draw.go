package simulate

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
)

// draws gives the random numbers of one dataset. Each number hangs only on the
// seed and on what it is for, so a dataset of more zones or years says the same
// of those that a smaller one has too. Everything is reckoned in integers:
// floating point differs between processors in the last place.
type draws struct{ seed uint64 }

// of is a source of numbers for one purpose.
func (d draws) of(purpose string, at ...int) *rand.Rand {
	h := fnv.New64a()
	text := []byte(purpose)
	for _, n := range at {
		text = strconv.AppendInt(append(text, '/'), int64(n), 10)
	}
	_, _ = h.Write(text) // A hash takes everything.
	return rand.New(rand.NewPCG(d.seed, h.Sum64()))
}

// between is a number of a range, both ends included.
func between(r *rand.Rand, low, high int64) int64 { return low + r.Int64N(high-low+1) }

// around is a number around zero, more often near it: the mean of three.
func around(r *rand.Rand, width int64) int64 {
	return (between(r, -width, width) + between(r, -width, width) + between(r, -width, width)) / 3
}

// one is the whole of which shares and factors are ten thousandths.
const one = 10_000

func times(value, factor int64) int64 { return value * factor / one }

// printed writes a number kept in ten thousandths with so many decimals,
// rounded half away from zero.
func printed(value int64, decimals int) string {
	step := int64(one)
	for range decimals {
		step /= 10
	}
	negative := value < 0
	if negative {
		value = -value
	}
	value = (value + step/2) / step
	text := strconv.FormatInt(value, 10)
	for len(text) <= decimals {
		text = "0" + text
	}
	if decimals > 0 {
		text = text[:len(text)-decimals] + "." + text[len(text)-decimals:]
	}
	if negative && value != 0 {
		text = "-" + text
	}
	return text
}
