// Package standing computes the rows of a ranking: which figure of each member
// counts, what is known and what is not and why, scores, places and everything
// that explains them.
//
// A Table is a function of the ledger up to one revision: of the ranking, its
// scheme, the registry and the figures as they were then. The rules are these.
//
// A statement counts when its stage is for the ranking's audience (approved and
// released ones for an internal ranking, for a public one those released whose
// moment has come by the time of the ledger), and when its source states both
// subject and period. Among the statements that count under one key the usual
// precedence selects one, and a tie selects none. A number counts as a point:
// of actuals one without a comparator or with `=`, of targets also `>=`, which
// is how targets are printed.
//
// A source says by the status 不适用 that there can be no figure: such a cell is
// neither missing nor carried.
//
// Where the period has no number, the leaf's carry rule may let an older one
// stand in, with its age.
//
// Members whose certainty is not stated have a row and no place. Simulated
// figures are not ranked beside real ones unless the ranking asks for it; with
// one simulated input everything is marked as simulated.
//
// Places are shown when the ranking is not OPEN and as much is known as the
// ranking and each leaf of its scheme declare. They are competition places.
package standing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// An Input is what a table is computed from: the ledger at one revision.
type Input struct {
	Ranking *rankingv1.Ranking
	Scheme  *rankingv1.Scheme
	Zones   registry.View
	Figures figures.View
	Time    time.Time // of the ledger
}

// A Table is the figures of a ranking's members at one revision, and what
// follows from them. It never changes.
type Table struct {
	in      Input
	period  period.Period
	members []member
	row     map[string]int // of a member by its name
	leaves  []Leaf
	cells   [][]Cell // by leaf, then member

	compute sync.Once
	result  result

	mu     sync.Mutex
	growth [][]Cell // by leaf: the cells of its growth, once asked for
}

// member is a row before it has a place.
type member struct {
	zone *zonev1.Zone
	// stated: the registry states what zone it is. The others get no place.
	stated bool
}

// A Leaf is a leaf of the scheme with its indicator as it was then.
type Leaf struct {
	Node      *rankingv1.SchemeNode
	Indicator *indicatorv1.Indicator
	Class     typev1.StatisticalClass
	// Growth is the indicator that is the growth of this one, nil for none.
	Growth *indicatorv1.Indicator
}

// ID of the node in the scheme.
func (l Leaf) ID() string { return l.Node.GetId() }

// Gather makes the table of an input from nothing.
func Gather(in Input) (*Table, error) {
	t, err := frame(in)
	if err != nil {
		return nil, err
	}
	for l := range t.leaves {
		t.cells[l] = t.column(t.leaves[l].wanted())
	}
	return t, nil
}

// frame is a table without cells.
func frame(in Input) (*Table, error) {
	t := &Table{in: in, row: make(map[string]int)}
	var err error
	if t.period, err = period.Parse(in.Ranking.GetPeriod()); err != nil {
		return nil, fmt.Errorf("%s: %w", in.Ranking.GetName(), err)
	}
	// A group may be deleted while a ranking names it: nobody is a member then.
	if _, ok := in.Zones.Group(in.Ranking.GetGroup()); ok {
		zones, err := in.Zones.Members(in.Ranking.GetGroup(), t.period.End())
		if err != nil {
			return nil, fmt.Errorf("members of %s: %w", in.Ranking.GetGroup(), err)
		}
		for i, z := range zones {
			t.members = append(t.members, member{zone: z, stated: z.GetCertainty() == typev1.Certainty_CERTAINTY_STATED})
			t.row[z.GetName()] = i
		}
	}
	growth := growths(in.Figures)
	for _, node := range in.Scheme.GetNodes() {
		if node.GetLeaf() == nil {
			continue
		}
		indicator, _ := in.Figures.Indicator(node.GetLeaf().GetIndicator())
		t.leaves = append(t.leaves, Leaf{
			Node: node, Indicator: indicator, Growth: growth[indicator.GetName()],
			Class: cmp.Or(node.GetLeaf().GetStatisticalClass(), indicator.GetUsualClass()),
		})
	}
	t.cells = make([][]Cell, len(t.leaves))
	return t, nil
}

// growths are the growth indicators by what grows; of several the first by name.
func growths(view figures.View) map[string]*indicatorv1.Indicator {
	found := make(map[string]*indicatorv1.Indicator)
	for i := range view.Indicators() {
		if of := i.GetGrowthOf(); of != "" && found[of] == nil {
			found[of] = i
		}
	}
	return found
}

// A Touch is a figure that may have changed: everything under an indicator of a
// subject.
type Touch struct{ Subject, Indicator string }

// Renew makes the table of a later revision at which members, scheme,
// indicators and sources are the ones of this table: only the cells of what was
// touched are found again.
func (t *Table) Renew(in Input, touched []Touch) *Table {
	next := &Table{in: in, period: t.period, members: t.members, row: t.row, leaves: t.leaves, cells: slices.Clone(t.cells)}
	for l := range next.leaves {
		own := false
		for _, touch := range touched {
			m, ok := t.row[touch.Subject]
			if !ok || touch.Indicator != t.leaves[l].Indicator.GetName() {
				continue
			}
			if !own {
				own, next.cells[l] = true, slices.Clone(next.cells[l])
			}
			next.cells[l][m] = next.find(touch.Subject, next.leaves[l].wanted())
		}
	}
	return next
}

// Ranking as it was.
func (t *Table) Ranking() *rankingv1.Ranking { return t.in.Ranking }

// Scheme as it was.
func (t *Table) Scheme() *rankingv1.Scheme { return t.in.Scheme }

// Input that the table was computed from.
func (t *Table) Input() Input { return t.in }

// Leaves in the order of the scheme.
func (t *Table) Leaves() []Leaf { return t.leaves }

// Has reports whether a zone has a row.
func (t *Table) Has(zone string) bool {
	_, ok := t.row[zone]
	return ok
}

// Tree is the engine's form of a scheme's tree.
func Tree(scheme *rankingv1.Scheme, direction func(indicator string) indicatorv1.Direction) (*composite.Tree, error) {
	nodes := make([]composite.Node, 0, len(scheme.GetNodes()))
	for _, n := range scheme.GetNodes() {
		weight, err := strconv.ParseFloat(cmp.Or(n.GetWeight(), "1"), 64)
		if err != nil {
			return nil, fmt.Errorf("%s: weight %q is not a number: %w", n.GetId(), n.GetWeight(), err)
		}
		d := composite.Node{
			Code: n.GetId(), Name: n.GetDisplayName().GetZh(), Parent: n.GetParent(), Weight: weight, Aggregate: n.GetLeaf() == nil,
			Target: math.NaN(), Direction: 1,
		}
		if n.GetLeaf() != nil && direction(n.GetLeaf().GetIndicator()) == indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER {
			d.Direction = -1
		}
		nodes = append(nodes, d)
	}
	return composite.NewTree(nodes)
}

// Recipe is the engine's form of a scheme's recipe: without one, weighted means
// of the figures as they are.
func Recipe(scheme *rankingv1.Scheme) (*composite.Recipe, error) {
	if scheme.GetRecipe() == "" {
		return &composite.Recipe{}, nil
	}
	return composite.ParseRecipe([]byte(scheme.GetRecipe()))
}

// data is the engine's table, the one place where exact numbers become float64:
// the stated members, their rows in the table, and their classes.
func (t *Table) data() (*composite.Data, []int) {
	d, rows := &composite.Data{}, []int(nil)
	level, kind := composite.Grouping{Code: "level"}, composite.Grouping{Code: "type"}
	for m, member := range t.members {
		if !member.stated {
			continue
		}
		rows = append(rows, m)
		d.Units = append(d.Units, composite.Unit{Code: member.zone.GetName(), Name: member.zone.GetDisplayName().GetZh()})
		class := Classes(member.zone)
		level.Values, kind.Values = append(level.Values, class[0].Value), append(kind.Values, class[1].Value)
	}
	for l, leaf := range t.leaves {
		c := composite.Column{Code: leaf.ID(), Values: make([]float64, len(rows)), State: make([]composite.Cell, len(rows))}
		for i, m := range rows {
			cell := &t.cells[l][m]
			c.Values[i] = cell.Value
			switch {
			case cell.Known():
			case cell.Gap == rankingv1.GapReason_GAP_REASON_NOT_APPLICABLE:
				c.State[i] = composite.NotApplicable
			default:
				c.State[i] = composite.Missing
			}
		}
		d.Columns = append(d.Columns, c)
	}
	d.Groups = []composite.Grouping{level, kind}
	return d, rows
}

// A Class of a zone, by which a recipe may tell zones apart.
type Class struct{ Code, Value string }

// Classes are those of a zone, in the words of the contract: level NATIONAL, type
// HIGH_TECH_ZONE.
func Classes(z *zonev1.Zone) [2]Class {
	return [2]Class{
		{"level", z.GetLevel().String()[len("ZONE_LEVEL_"):]},
		{"type", z.GetType().String()[len("ZONE_TYPE_"):]},
	}
}

// index compiles the engine for the table, under the scheme's weights or others.
func (t *Table) index(weights map[string]string) (*composite.Index, []int, error) {
	scheme := t.in.Scheme
	if len(weights) > 0 {
		scheme = reweighted(scheme, weights)
	}
	tree, err := Tree(scheme, func(name string) indicatorv1.Direction {
		i, _ := t.in.Figures.Indicator(name)
		return i.GetDirection()
	})
	if err != nil {
		return nil, nil, err
	}
	recipe, err := Recipe(scheme)
	if err != nil {
		return nil, nil, err
	}
	data, rows := t.data()
	x, err := composite.Compile(recipe, tree, data, nil)
	return x, rows, err
}

// reweighted is a scheme with other weights for some nodes.
func reweighted(scheme *rankingv1.Scheme, weights map[string]string) *rankingv1.Scheme {
	other := &rankingv1.Scheme{Name: scheme.GetName(), Recipe: scheme.GetRecipe()}
	for _, n := range scheme.GetNodes() {
		m := &rankingv1.SchemeNode{Id: n.GetId(), DisplayName: n.GetDisplayName(), Parent: n.GetParent(), Weight: n.GetWeight(), Leaf: n.GetLeaf()}
		if w, ok := weights[n.GetId()]; ok {
			m.Weight = w
		}
		other.Nodes = append(other.Nodes, m)
	}
	return other
}
