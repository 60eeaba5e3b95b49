// Package nearest finds the words that a misspelt one was probably meant to be,
// for messages that say "did you mean".
package nearest

import (
	"cmp"
	"slices"
	"unicode"
)

// Word is the candidate closest to text, empty when none is close: at most one
// edit in three letters.
func Word(text string, candidates []string) string {
	best, distance := "", 0
	for _, c := range candidates {
		d := Distance(text, c)
		if 3*d > max(runes(text), runes(c)) {
			continue
		}
		if best == "" || d < distance || d == distance && c < best {
			best, distance = c, d
		}
	}
	return best
}

// A Name is a text that stands for something, as a place does under several names.
type Name struct {
	Text string
	Of   string // what it stands for
}

// Names are the n things whose names are most like text, best first, each under
// its best name. Things that share no two neighbouring characters with text, and
// are not within an edit of it, are left out; within one edit a name counts as at
// least half alike, so that short names with a typing error are found.
func Names(text string, names []Name, n int) []Name {
	type scored struct {
		Name
		score float64
	}
	wanted := pairs(nil, text)
	var scratch [][2]rune
	best := make(map[string]scored)
	for _, name := range names {
		scratch = pairs(scratch[:0], name.Text)
		s := likeness(wanted, scratch)
		if s < 0.5 && runes(text) > 1 && abs(len(wanted)-len(scratch)) <= 1 && Distance(text, name.Text) <= 1 {
			s = 0.5
		}
		if s == 0 {
			continue
		}
		if b, ok := best[name.Of]; !ok || s > b.score || s == b.score && name.Text < b.Text {
			best[name.Of] = scored{name, s}
		}
	}
	order := make([]scored, 0, len(best))
	for _, s := range best {
		order = append(order, s)
	}
	// Names that end alike (经济技术开发区) score alike: the one with fewer edits is meant.
	slices.SortFunc(order, func(a, b scored) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return cmp.Or(cmp.Compare(Distance(text, a.Text), Distance(text, b.Text)), cmp.Compare(a.Of, b.Of))
	})
	out := make([]Name, 0, n)
	for _, s := range order[:min(n, len(order))] {
		out = append(out, s.Name)
	}
	return out
}

// likeness is Dice's coefficient over pairs of neighbouring characters, in
// [0, 1]; a pair that occurs k times counts k times. It takes the pairs of b out
// of order.
//
// L. R. Dice, Measures of the Amount of Ecologic Association Between Species,
// Ecology 26 (1945).
func likeness(a, b [][2]rune) float64 {
	if len(a)+len(b) == 0 {
		return 0
	}
	both, left := 0, b
	for _, p := range a {
		if i := slices.Index(left, p); i >= 0 {
			both++
			left[i] = left[len(left)-1]
			left = left[:len(left)-1]
		}
	}
	return 2 * float64(both) / float64(len(a)+len(b))
}

func pairs(out [][2]rune, s string) [][2]rune {
	var last rune
	for i, r := range s {
		r = unicode.ToLower(r)
		if i > 0 {
			out = append(out, [2]rune{last, r})
		}
		last = r
	}
	return out
}

func abs(n int) int { return max(n, -n) }

// Distance counts the edits (insert, delete, replace, swap neighbours) between
// two words without regard to case; no character is edited twice (optimal
// string alignment).
func Distance(a, b string) int {
	x, y := letters(a), letters(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			replace := last[j]
			if x[i] != y[j] {
				replace++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, replace)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

func letters(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		out = append(out, unicode.ToLower(r))
	}
	return out
}

func runes(s string) int { return len([]rune(s)) }
