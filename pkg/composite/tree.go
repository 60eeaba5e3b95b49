package composite

import (
	"fmt"
	"math"
	"slices"
)

// Node is an element of the tree: an indicator if it has no children, else an
// aggregate.
type Node struct {
	Code string
	Name string
	// Parent is the code of the group the node belongs to, "" for the root.
	Parent string
	// Level counts from 1, the indicators. Zero lets [NewTree] take one more
	// than the highest child.
	Level int
	// Direction is 1 where more is better, -1 where less is; 0 stands for 1.
	Direction float64
	// Weight is the share among the siblings, in any unit. 0 leaves the node
	// out.
	Weight float64
	// Aggregate says that the node is a group even if nothing belongs to it.
	Aggregate bool
	// Target is the value that counts as reached, in the indicator's natural
	// units; NaN for none.
	Target float64
	// Denominator is the code of the column that the indicator is divided by,
	// "" for none.
	Denominator string
	// Unit is the unit of measure, for people.
	Unit string
}

// Tree is the structure of an index. The order of the nodes is the order given:
// columns and sums follow it.
type Tree struct {
	Nodes []Node
	// Children[i] are the numbers of the children of node i, in order.
	Children [][]int
	// Parent[i] is the number of the parent of node i, -1 for the root.
	Parent []int
	// Leaves are the numbers of the indicators, in order; LeafOf[i] is the
	// position of node i among them, -1 for an aggregate.
	Leaves []int
	LeafOf []int
	// Groups are the numbers of the aggregates, in the order given; Order is
	// the same set with every child before its parent.
	Groups []int
	Order  []int
	Root   int

	byCode map[string]int
}

// NewTree checks the nodes and links them. It refuses a code given twice, a
// parent that is not there, a cycle, a group without children, and no root or
// more than one. Any depth is allowed, and branches of unequal depth.
func NewTree(nodes []Node) (*Tree, error) {
	n := len(nodes)
	if n == 0 {
		return nil, fmt.Errorf("composite: the tree has no nodes; give at least one indicator and one aggregate")
	}
	t := &Tree{
		Nodes:    append([]Node(nil), nodes...),
		Children: make([][]int, n),
		Parent:   make([]int, n),
		LeafOf:   make([]int, n),
		Root:     -1,
		byCode:   make(map[string]int, n),
	}
	codes := make([]string, n)
	for i := range t.Nodes {
		d := &t.Nodes[i]
		if d.Code == "" {
			return nil, fmt.Errorf("composite: node %d has no code", i+1)
		}
		if _, twice := t.byCode[d.Code]; twice {
			return nil, fmt.Errorf("composite: code %s is given twice in the tree; codes are unique", d.Code)
		}
		t.byCode[d.Code] = i
		codes[i] = d.Code
		switch d.Direction {
		case 0:
			d.Direction = 1
		case 1, -1:
		default:
			return nil, fmt.Errorf("composite: %s: direction %v; it is 1 (more is better) or -1 (less is better)", d.Code, d.Direction)
		}
		if math.IsNaN(d.Weight) || math.IsInf(d.Weight, 0) || d.Weight < 0 {
			return nil, fmt.Errorf("composite: %s: weight %v; a weight is a number from 0 up", d.Code, d.Weight)
		}
		if math.IsInf(d.Target, 0) {
			return nil, fmt.Errorf("composite: %s: the target is infinite", d.Code)
		}
	}
	for i, d := range t.Nodes {
		t.Parent[i] = -1
		if d.Parent == "" {
			continue
		}
		p, ok := t.byCode[d.Parent]
		if !ok {
			return nil, fmt.Errorf("composite: %s: its parent %q is not in the tree%s", d.Code, d.Parent, hint(d.Parent, codes))
		}
		t.Parent[i] = p
		t.Children[p] = append(t.Children[p], i)
	}
	for i, d := range t.Nodes {
		if t.Parent[i] >= 0 {
			continue
		}
		if len(t.Children[i]) == 0 && !d.Aggregate {
			return nil, fmt.Errorf("composite: indicator %s has no parent; name the group it belongs to", d.Code)
		}
		if t.Root >= 0 {
			return nil, fmt.Errorf("composite: %s and %s both have no parent; an index has one root", t.Nodes[t.Root].Code, d.Code)
		}
		t.Root = i
	}
	if t.Root < 0 {
		return nil, fmt.Errorf("composite: every node has a parent, so the tree goes in a circle; the root has none")
	}
	// Depth first from the root, children before parents.
	var visit func(i int)
	seen := 0
	visit = func(i int) {
		seen++
		for _, c := range t.Children[i] {
			visit(c)
		}
		if len(t.Children[i]) > 0 {
			t.Order = append(t.Order, i)
		}
	}
	visit(t.Root)
	if seen != n {
		for i := range t.Nodes {
			up, steps := i, 0
			for up >= 0 && steps <= n {
				up, steps = t.Parent[up], steps+1
			}
			if up >= 0 {
				return nil, fmt.Errorf("composite: %s is its own ancestor; the tree goes in a circle", t.Nodes[i].Code)
			}
		}
	}
	for i, d := range t.Nodes {
		t.LeafOf[i] = -1
		switch {
		case len(t.Children[i]) > 0:
			t.Groups = append(t.Groups, i)
		case d.Aggregate:
			return nil, fmt.Errorf("composite: nothing belongs to the aggregate %s; give it children or take it out", d.Code)
		default:
			t.LeafOf[i] = len(t.Leaves)
			t.Leaves = append(t.Leaves, i)
		}
	}
	for _, i := range t.Leaves {
		if t.Nodes[i].Level == 0 {
			t.Nodes[i].Level = 1
		}
	}
	for _, i := range t.Order {
		if t.Nodes[i].Level == 0 {
			for _, c := range t.Children[i] {
				t.Nodes[i].Level = max(t.Nodes[i].Level, t.Nodes[c].Level+1)
			}
		}
	}
	for i, p := range t.Parent {
		if p >= 0 && t.Nodes[p].Level <= t.Nodes[i].Level {
			return nil, fmt.Errorf("composite: %s (level %d) belongs to %s (level %d); a parent stands on a higher level",
				t.Nodes[i].Code, t.Nodes[i].Level, t.Nodes[p].Code, t.Nodes[p].Level)
		}
	}
	return t, nil
}

// Find returns the number of the node with the code, or -1.
func (t *Tree) Find(code string) int {
	if i, ok := t.byCode[code]; ok {
		return i
	}
	return -1
}

// Depth is the level of the root.
func (t *Tree) Depth() int { return t.Nodes[t.Root].Level }

// LeafCodes are the codes of the indicators, in order.
func (t *Tree) LeafCodes() []string { return t.codes(t.Leaves) }

// GroupCodes are the codes of the aggregates, in the order given.
func (t *Tree) GroupCodes() []string { return t.codes(t.Groups) }

func (t *Tree) codes(nodes []int) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = t.Nodes[n].Code
	}
	return out
}

// Effective returns the effective weight of every node under a set of sibling
// shares: the product, up the tree, of w / sum of w over the siblings (OECD
// Handbook 2008, step 6, as COINr get_eff_weights). The root has 1. Where all
// siblings weigh 0 they have 0.
func (t *Tree) Effective(weights []float64) []float64 {
	share := t.Shares(weights)
	eff := make([]float64, len(t.Nodes))
	eff[t.Root] = 1
	for _, p := range slices.Backward(t.Order) {
		for _, c := range t.Children[p] {
			eff[c] = eff[p] * share[c]
		}
	}
	return eff
}

// Shares scales weights to sum to 1 among siblings; the root has 1.
func (t *Tree) Shares(weights []float64) []float64 {
	share := make([]float64, len(t.Nodes))
	share[t.Root] = 1
	for _, p := range t.Groups {
		sum := 0.0
		for _, c := range t.Children[p] {
			sum += weights[c]
		}
		for _, c := range t.Children[p] {
			if sum != 0 {
				share[c] = weights[c] / sum
			}
		}
	}
	return share
}
