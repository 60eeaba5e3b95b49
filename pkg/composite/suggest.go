package composite

import (
	"fmt"
	"strings"
)

// Nearest returns the known word closest to word by edit distance
// (Damerau-Levenshtein, restricted; case ignored), or "" if none is near:
// farther than a third of its length, at least two edits. The first of equals
// wins.
func Nearest(word string, known []string) string {
	best, bestD := "", 1<<30
	for _, k := range known {
		d := editDistance(strings.ToLower(word), strings.ToLower(k))
		if d < bestD {
			best, bestD = k, d
		}
	}
	if bestD > max(2, (len([]rune(word))+2)/3) {
		// A word that begins like a known one is near enough too.
		w := strings.ToLower(word)
		for _, name := range known {
			k := strings.ToLower(name)
			if len(w) >= 3 && strings.HasPrefix(k, w) || len(k) >= 3 && strings.HasPrefix(w, k) {
				return name
			}
		}
		return ""
	}
	return best
}

// hint is the end of a message about an unknown word.
func hint(word string, known []string) string {
	if s := Nearest(word, known); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	switch {
	case len(known) == 0:
		return ""
	case len(known) <= 24:
		return "; known: " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("; known: %s, ... (%d in all)", strings.Join(known[:24], ", "), len(known))
}

func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev2 := make([]int, len(y)+1)
	prev := make([]int, len(y)+1)
	cur := make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(y)]
}
