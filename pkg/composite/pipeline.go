package composite

import (
	"fmt"
	"math"
	"slices"
)

// Index is a recipe made ready for a tree and data. It is safe for concurrent
// use; what changes lives in a [Workspace].
type Index struct {
	recipe *Recipe
	tree   *Tree
	data   *Data
	files  Attachments
	// cols[i] is the column of leaf i, denom[i] that of its denominator.
	cols  []*Column
	denom []*Column
	// scales[i] is the normalisation of leaf i, agg[n] the method of node n.
	scales []scale
	agg    []*Aggregate
	// sets are the weights of each class, setOf the set of each row of the data.
	sets  []WeightSet
	setOf []int
	// objective[n] says that the weights of the children of node n are computed
	// in the run.
	objective []bool
	// inapplicable says that a cell of an indicator is not applicable.
	inapplicable bool
	// compileWarnings hold for every run; consistency is the ratio of AHP by
	// group.
	compileWarnings warnings
	consistency     map[string]float64
}

// Recipe returns the recipe; it must not be changed.
func (x *Index) Recipe() *Recipe { return x.recipe }

// Tree returns the tree; it must not be changed.
func (x *Index) Tree() *Tree { return x.tree }

// Data returns the index's own copy of the data; it must not be changed.
func (x *Index) Data() *Data { return x.data }

// Attachments returns the tables the index was compiled with.
func (x *Index) Attachments() Attachments { return x.files }

// Method returns how a group is aggregated, nil for a code that is not a group.
func (x *Index) Method(code string) *Aggregate {
	n := x.tree.Find(code)
	if n < 0 {
		return nil
	}
	return x.agg[n]
}

// Consistency returns the consistency ratio of each group weighed by AHP.
func (x *Index) Consistency() map[string]float64 { return x.consistency }

var nan = math.NaN()

// Compile checks recipe, tree, data and tables against each other and makes an
// index of them. Everything that can be known to be wrong before a run is an
// error here, with the place in the recipe and the remedy. A nil recipe is the
// zero recipe. The data is copied.
func Compile(recipe *Recipe, tree *Tree, data *Data, files Attachments) (*Index, error) {
	if recipe == nil {
		recipe = &Recipe{}
	}
	if tree == nil || data == nil {
		return nil, fmt.Errorf("composite: an index needs a tree and data")
	}
	if len(data.Units) == 0 {
		return nil, fmt.Errorf("composite: the data has no rows")
	}
	if err := data.check(); err != nil {
		return nil, err
	}
	x := &Index{recipe: recipe, tree: tree, data: data.clone(), files: files, consistency: map[string]float64{}}
	for _, step := range []func() error{
		x.compileDerive, x.compileColumns, x.compileSteps, x.compileScales, x.compileAggregates, x.compileWeights, x.checkAdjust, x.checkTier, x.checkPlace,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("composite: %w", err)
		}
	}
	return x, nil
}

// clone copies the columns and fills in the states.
func (d *Data) clone() *Data {
	c := *d
	c.Columns = make([]Column, len(d.Columns))
	for i, col := range d.Columns {
		c.Columns[i] = Column{Code: col.Code, Values: slices.Clone(col.Values), State: slices.Clone(col.State), derived: col.derived}
		if col.State == nil {
			c.Columns[i].State = make([]Cell, len(col.Values))
			for r, v := range col.Values {
				if v != v {
					c.Columns[i].State[r] = Missing
				}
			}
		}
	}
	return &c
}

func (x *Index) compileColumns() error {
	for _, leaf := range x.tree.Leaves {
		node := x.tree.Nodes[leaf]
		col := x.data.Column(node.Code)
		if col == nil {
			return fmt.Errorf("indicator %s has no column in the data%s", node.Code, hint(node.Code, x.columnCodes()))
		}
		x.cols = append(x.cols, col)
		x.inapplicable = x.inapplicable || slices.Contains(col.State, NotApplicable)
		var den *Column
		if d := x.recipe.Denominate; d != nil && d.On && node.Denominator != "" {
			if den = x.data.Column(node.Denominator); den == nil {
				return fmt.Errorf("indicator %s: its denominator %s has no column in the data%s",
					node.Code, node.Denominator, hint(node.Denominator, x.columnCodes()))
			}
		}
		x.denom = append(x.denom, den)
	}
	return nil
}

// compileSteps checks denominate, impute, screen and treat.
func (x *Index) compileSteps() error {
	r := x.recipe
	leaves := func(where string, codes []string) error {
		if err := x.knownCodes(where, codes); err != nil {
			return err
		}
		for _, c := range codes {
			if x.tree.LeafOf[x.tree.Find(c)] < 0 {
				return fmt.Errorf("%s: %s is a group; name an indicator", where, c)
			}
		}
		return nil
	}
	if r.Denominate != nil {
		if err := leaves("denominate.scale", keysOf(r.Denominate.Scale)); err != nil {
			return err
		}
	}
	if im := r.Impute; im != nil {
		if err := leaves("impute.per_indicator", keysOf(im.PerIndicator)); err != nil {
			return err
		}
		if err := x.checkImpute("impute", im); err != nil {
			return err
		}
		for _, c := range keysOf(im.PerIndicator) {
			if err := x.checkImpute("impute.per_indicator."+c, im.PerIndicator[c]); err != nil {
				return err
			}
		}
	}
	if s := r.Screen; s != nil {
		for _, l := range []struct {
			name  string
			value float64
		}{{"min_known", s.MinKnown}, {"min_nonzero", s.MinNonzero}} {
			if l.value < 0 || l.value > 1 {
				return fmt.Errorf("screen.%s: %v; a share is between 0 and 1", l.name, l.value)
			}
		}
		for i, g := range s.Gates {
			if x.data.Column(g.Column) == nil {
				return fmt.Errorf("screen.gates[%d].column: no column %q in the data%s", i, g.Column, hint(g.Column, x.columnCodes()))
			}
			if g.Min == nil && g.Max == nil {
				return fmt.Errorf("screen.gates[%d]: neither min nor max", i)
			}
		}
		for _, l := range [][]string{s.Keep, s.Drop} {
			for _, u := range l {
				if codes := x.unitCodes(); !slices.Contains(codes, u) {
					return fmt.Errorf("screen: no unit %q in the data%s", u, hint(u, codes))
				}
			}
		}
	}
	if t := r.Treat; t != nil {
		if err := leaves("treat.per_indicator", keysOf(t.PerIndicator)); err != nil {
			return err
		}
		if t.Winsorise != nil && t.Percentile != nil {
			return fmt.Errorf("treat: winsorise and percentile both come first; give one of them")
		}
		if t.Winsorise != nil && t.Winsorise.MaxPoints < 0 {
			return fmt.Errorf("treat.winsorise.max_points: %d; it is from 0 up", t.Winsorise.MaxPoints)
		}
		bounds := []*Percentile{t.Percentile}
		for _, c := range keysOf(t.PerIndicator) {
			one := t.PerIndicator[c]
			if one.Method == "" {
				return fmt.Errorf("treat.per_indicator.%s: no method", c)
			}
			bounds = append(bounds, &Percentile{Lower: one.Lower, Upper: one.Upper})
		}
		for _, p := range bounds {
			if p != nil && (or(p.Lower, 0) < 0 || or(p.Upper, 1) > 1 || or(p.Lower, 0) > or(p.Upper, 1)) {
				return fmt.Errorf("treat: percentile: lower and upper are shares between 0 and 1, lower below upper")
			}
		}
	}
	return nil
}

func (x *Index) checkImpute(where string, im *Impute) error {
	if im.Method == "" && len(im.PerIndicator) == 0 {
		return fmt.Errorf("%s: no method", where)
	}
	if im.Method == "group_mean" || im.Method == "group_median" {
		if im.Group == "" {
			return fmt.Errorf("%s: %s needs group, the code of a group column", where, im.Method)
		}
		if x.data.Group(im.Group) == nil {
			return fmt.Errorf("%s.group: no group column %q%s", where, im.Group, hint(im.Group, x.groupCodes()))
		}
	}
	if where != "impute" && im.PerIndicator != nil {
		return fmt.Errorf("%s: per_indicator inside per_indicator", where)
	}
	return nil
}

func (x *Index) checkPlace() error {
	p := x.recipe.Place
	if p == nil {
		return nil
	}
	if err := x.knownCodes("place.tie_break", p.TieBreak); err != nil {
		return err
	}
	for _, g := range []struct{ name, code string }{{"within", p.Within}, {"without_group", p.WithoutGroup}} {
		if g.code != "" && x.data.Group(g.code) == nil {
			return fmt.Errorf("place.%s: no group column %q%s", g.name, g.code, hint(g.code, x.groupCodes()))
		}
	}
	for _, u := range p.Without {
		if codes := x.unitCodes(); !slices.Contains(codes, u) {
			return fmt.Errorf("place.without: no unit %q in the data%s", u, hint(u, codes))
		}
	}
	return nil
}

// raw is the indicators as given.
func (x *Index) raw() *Frame {
	f := newFrame(x.data.Units, x.tree.LeafCodes())
	for c, col := range x.cols {
		copy(f.Values[c], col.Values)
		copy(f.State[c], col.State)
	}
	return f
}

// Run computes the index with every stage. Frames of steps that the recipe leaves
// out are those of the step before.
func (x *Index) Run() (*Result, error) {
	w := &warnings{list: slices.Clone(x.compileWarnings.list)}
	res := &Result{Tree: x.tree}
	res.Raw = x.raw()
	res.Denominated = x.denominate(res.Raw, w)
	res.Imputed = x.impute(res.Denominated, w)
	res.RowOf, res.Dropped = x.screen(res.Imputed)
	res.Screened = res.Imputed
	if len(res.RowOf) < len(x.data.Units) {
		res.Screened = res.Imputed.keepRows(res.RowOf)
	}
	res.Treated, res.Treatment = x.treat(res.Screened, w)
	res.Normalised = x.normalise(res.Treated, res.RowOf, w)
	res.SetOf = make([]int, len(res.RowOf))
	for r, row := range res.RowOf {
		res.SetOf[r] = x.setOf[row]
	}
	if err := x.aggregateAll(res, w); err != nil {
		return nil, fmt.Errorf("composite: %w", err)
	}
	res.Base = slices.Clone(res.node(x.tree.Root))
	res.Scores = slices.Clone(res.Base)
	res.SmallerIsBetter = x.agg[x.tree.Root].Method == "vikor"
	x.adjust(res, w)
	x.placeRows(res)
	x.tier(res)
	x.completeness(res)
	res.Warnings = w.list
	return res, nil
}

// aggregateAll goes up the tree: the weights of the children of a group, then its
// scores.
func (x *Index) aggregateAll(res *Result, w *warnings) error {
	t := x.tree
	res.Aggregated = newFrame(res.Screened.Units, t.GroupCodes())
	res.Weights = make([]WeightSet, len(x.sets))
	for i, s := range x.sets {
		res.Weights[i] = WeightSet{Class: s.Class, Given: slices.Clone(s.Given)}
	}
	out := make([]float64, len(res.Screened.Units))
	for _, g := range t.Order {
		cols := make([][]float64, len(t.Children[g]))
		for i, c := range t.Children[g] {
			cols[i] = res.node(c)
		}
		if x.objective[g] && x.recipe.Weights.From != "bod" {
			given, err := x.objectiveWeights(g, cols, w)
			if err != nil {
				return err
			}
			for i, c := range t.Children[g] {
				for s := range res.Weights {
					res.Weights[s].Given[c] = given[i]
				}
			}
		}
		if err := x.aggregate(g, cols, res, out, w); err != nil {
			return err
		}
		k := slices.Index(t.Groups, g)
		for r, v := range out {
			res.Aggregated.set(k, r, v)
		}
	}
	for i := range res.Weights {
		res.Weights[i].Share = t.Shares(res.Weights[i].Given)
		res.Weights[i].Effective = t.Effective(res.Weights[i].Given)
	}
	return nil
}

// completeness is the share of indicators known as given, among the applicable.
func (x *Index) completeness(res *Result) {
	n := len(res.RowOf)
	res.Completeness = make([]float64, n)
	res.CompletenessByWeight = make([]float64, n)
	for r, row := range res.RowOf {
		eff := res.Weights[res.SetOf[r]].Effective
		have, all := 0, 0
		haveW, allW := 0.0, 0.0
		for c, leaf := range x.tree.Leaves {
			s := res.Raw.State[c][row]
			if s == NotApplicable {
				continue
			}
			if s == Known {
				have++
				haveW += eff[leaf]
			}
			all++
			allW += eff[leaf]
		}
		res.Completeness[r] = ratio(have, all)
		if allW > 0 {
			res.CompletenessByWeight[r] = haveW / allW
		}
	}
}
