package ranking

import (
	"maps"
	"slices"

	"zonebench.internal/pkg/figures"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// kinship is how the indicators of one concept relate: which is wider, which
// is a former name of which, and which merely look alike.
type kinship struct {
	// family numbers the sets of indicators that breadth or succession connects.
	family map[string]int
	edges  map[string][]edge
	// friends lists, by canonical indicator, the false friends of its concept.
	friends map[string][]string
}

type edge struct {
	to         string
	difference rankingv1.Difference
}

// relate reads the relations between all indicators of a view.
func relate(view figures.View) kinship {
	k := kinship{family: make(map[string]int), edges: make(map[string][]edge), friends: make(map[string][]string)}
	link := func(a, b string, d rankingv1.Difference) {
		k.edges[a] = append(k.edges[a], edge{b, d})
		k.edges[b] = append(k.edges[b], edge{a, d})
	}
	friends := make(map[string]map[string]bool)
	befriend := func(concept, other string) {
		if friends[concept] == nil {
			friends[concept] = make(map[string]bool)
		}
		friends[concept][other] = true
	}
	var names []string
	for ind := range view.Indicators() {
		name := ind.GetName()
		names = append(names, name)
		for _, narrower := range ind.GetContains() {
			link(name, narrower, rankingv1.Difference_DIFFERENCE_BREADTH)
		}
		if former := ind.GetSucceeds(); former != "" {
			link(name, former, rankingv1.Difference_DIFFERENCE_SUCCESSION)
		}
		for _, f := range ind.GetFalseFriends() {
			befriend(canonical(ind), f.GetIndicator())
			if other, ok := view.Indicator(f.GetIndicator()); ok {
				befriend(canonical(other), name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if _, done := k.family[name]; done {
			continue
		}
		number := len(k.family) + 1
		for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
			if _, done := k.family[queue[0]]; done {
				continue
			}
			k.family[queue[0]] = number
			for _, e := range k.edges[queue[0]] {
				queue = append(queue, e.to)
			}
		}
	}
	for concept, set := range friends {
		k.friends[concept] = slices.Sorted(maps.Keys(set))
	}
	return k
}

// between says how two indicators differ: not at all when they are the same,
// by breadth and succession along the shortest chain that connects them, else
// by definition.
func (k kinship) between(a, b string) []rankingv1.Difference {
	if a == b {
		return nil
	}
	type step struct {
		at   string
		path []rankingv1.Difference
	}
	seen := map[string]bool{a: true}
	for queue := []step{{at: a}}; len(queue) > 0; queue = queue[1:] {
		for _, e := range k.edges[queue[0].at] {
			path := append(slices.Clone(queue[0].path), e.difference)
			if e.to == b {
				slices.Sort(path)
				return slices.Compact(path)
			}
			if !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, step{e.to, path})
			}
		}
	}
	return []rankingv1.Difference{rankingv1.Difference_DIFFERENCE_DEFINITION}
}
