package composite

import (
	"fmt"
	"math"
	"slices"
)

// compileAggregates settles the method of every group.
func (x *Index) compileAggregates() error {
	t := x.tree
	levels := t.Depth() - 1
	list := x.recipe.Aggregate
	if len(list) == 0 {
		list = Aggregates{{Method: "arithmetic"}}
	}
	if len(list) != 1 && len(list) != levels {
		return fmt.Errorf("aggregate: %d methods for %d levels of groups; give one for all, or one a level from the bottom", len(list), levels)
	}
	for _, l := range []struct {
		name   string
		limits Limits
	}{{"min_known_children", x.recipe.MinKnownChildren}, {"min_known_weight", x.recipe.MinKnownWeight}} {
		if len(l.limits) > 1 && len(l.limits) != levels {
			return fmt.Errorf("%s: %d limits for %d levels of groups; give one for all, or one a level from the bottom", l.name, len(l.limits), levels)
		}
		for _, v := range l.limits {
			if v < 0 || v > 1 {
				return fmt.Errorf("%s: %v; a share is between 0 and 1", l.name, v)
			}
		}
	}
	x.agg = make([]*Aggregate, len(t.Nodes))
	for i, a := range list {
		if err := x.knownCodes(fmt.Sprintf("aggregate[%d].per_node", i), keysOf(a.PerNode)); err != nil {
			return err
		}
		for _, code := range keysOf(a.PerNode) {
			if len(t.Children[t.Find(code)]) == 0 {
				return fmt.Errorf("aggregate[%d].per_node: %s is an indicator; name a group", i, code)
			}
		}
	}
	for _, g := range t.Groups {
		a := list[0]
		where := "aggregate[0]"
		if len(list) > 1 {
			l := t.Nodes[g].Level - 2
			a, where = list[l], fmt.Sprintf("aggregate[%d]", l)
		}
		for _, b := range list {
			if one, ok := b.PerNode[t.Nodes[g].Code]; ok {
				a, where = one, "aggregate.per_node."+t.Nodes[g].Code
			}
		}
		if a.Method == "" {
			a = &Aggregate{Method: "arithmetic"}
		}
		if err := x.checkAggregate(a, g, where); err != nil {
			return err
		}
		x.agg[g] = a
	}
	for _, g := range t.Groups {
		m := x.agg[g].Method
		if m == "vikor" && g != t.Root {
			x.compileWarnings.add("aggregate", t.Nodes[g].Code, fmt.Sprintf(
				"the score is VIKOR's Q, of which less is better; %s takes it as it is", t.Nodes[t.Parent[g]].Code))
		}
		if !flat(m) {
			for _, c := range t.Children[g] {
				if t.LeafOf[c] >= 0 && x.costs(c) {
					x.compileWarnings.add("aggregate", t.Nodes[g].Code, fmt.Sprintf(
						"%s has direction -1 and is not normalised; %s takes its values as they are", t.Nodes[c].Code, m))
				}
			}
		}
	}
	return nil
}

func (x *Index) checkAggregate(a *Aggregate, g int, where string) error {
	children := x.tree.Children[g]
	switch a.Method {
	case "power":
		if len(a.P) != 1 {
			return fmt.Errorf("%s: power needs p, one exponent", where)
		}
	case "owa":
		sum := 0.0
		for _, w := range a.Weights {
			if w < 0 {
				return fmt.Errorf("%s: owa weights are from 0 up, not %v", where, w)
			}
			sum += w
		}
		if !(sum > 0) {
			return fmt.Errorf("%s: owa needs weights that sum to above 0, the highest value's first", where)
		}
	case "vikor":
		if v := or(a.V, 0.5); v < 0 || v > 1 {
			return fmt.Errorf("%s.v: %v; it is between 0 and 1", where, v)
		}
	case "promethee2":
		needP := slices.Contains([]string{"vshape", "level", "vshape_2", "gaussian"}, a.Preference)
		needQ := slices.Contains([]string{"ushape", "level", "vshape_2"}, a.Preference)
		p, err := x.thresholds(a.P, g, where+".p", needP)
		if err != nil {
			return err
		}
		q, err := x.thresholds(a.Q, g, where+".q", needQ)
		if err != nil {
			return err
		}
		for i := range children {
			if needP && needQ && p[i] < q[i] {
				return fmt.Errorf("%s: %s: p %v is below q %v", where, x.tree.Nodes[children[i]].Code, p[i], q[i])
			}
			if a.Preference == "gaussian" && p[i] == 0 {
				return fmt.Errorf("%s: gaussian needs p above 0", where)
			}
		}
	}
	return nil
}

// thresholds are those of the children of a group. The list has one number for
// all, one for each child, or one for each node of the children's level, in the
// order of the tree.
func (x *Index) thresholds(given Numbers, g int, where string, need bool) ([]float64, error) {
	if !need {
		return nil, nil
	}
	children := x.tree.Children[g]
	out := make([]float64, len(children))
	var level []int
	for i, n := range x.tree.Nodes {
		if n.Level == x.tree.Nodes[children[0]].Level {
			level = append(level, i)
		}
	}
	for i, c := range children {
		switch len(given) {
		case 1:
			out[i] = given[0]
		case len(children):
			out[i] = given[i]
		case len(level):
			at := slices.Index(level, c)
			if at < 0 {
				return nil, fmt.Errorf("%s: %s stands on another level than its siblings; give one threshold a child", where, x.tree.Nodes[c].Code)
			}
			out[i] = given[at]
		default:
			return nil, fmt.Errorf("%s: %d thresholds for the %d children of %s; give one a child, in the order of the table of indicators",
				where, len(given), len(children), x.tree.Nodes[g].Code)
		}
		if out[i] < 0 {
			return nil, fmt.Errorf("%s: %v; a threshold is from 0 up", where, out[i])
		}
	}
	return out, nil
}

// costs reports that less of a node is better as it enters aggregation, because
// its direction was left alone: with normalise none (or no such step) a node of
// direction -1 is a cost; after any other normalisation every node is a benefit.
func (x *Index) costs(n int) bool {
	if l := x.tree.LeafOf[n]; l >= 0 {
		return x.tree.Nodes[n].Direction < 0 && x.scales[l].rule.Method == "none"
	}
	none := x.recipe.Normalise == nil || x.recipe.Normalise.Method == "none"
	return none && x.tree.Nodes[n].Direction < 0
}

// aggregate fills the column of one group from those of its children.
func (x *Index) aggregate(g int, cols [][]float64, res *Result, out []float64, w *warnings) error {
	t := x.tree
	a := x.agg[g]
	code := t.Nodes[g].Code
	children := t.Children[g]
	units := res.Screened.Units
	level := t.Nodes[g].Level - 2
	minCount, minWeight := x.recipe.MinKnownChildren.at(level), x.recipe.MinKnownWeight.at(level)

	// Rows that know enough of the group. What is not applicable to a unit is no
	// part of its group.
	applies := x.applicable(res, g)
	enough := make([]bool, len(units))
	weights := make([][]float64, len(res.Weights))
	for s := range res.Weights {
		weights[s] = make([]float64, len(children))
		total := 0.0
		for i, c := range children {
			weights[s][i] = res.Weights[s].Given[c]
			total += weights[s][i]
		}
		if total == 0 {
			w.add("aggregate", code, "all children weigh 0, so the score is missing")
		}
	}
	for r := range units {
		ws := weights[res.SetOf[r]]
		size, have := 0, 0
		total, sum := 0.0, 0.0
		for i, col := range cols {
			if ws[i] == 0 || applies != nil && !applies[i][r] {
				continue
			}
			size++
			total += ws[i]
			if col[r] == col[r] {
				have++
				sum += ws[i]
			}
		}
		enough[r] = have > 0 && ratio(have, size) >= minCount && sum/total >= minWeight
	}

	if flat(a.Method) { // all children weigh as much for everyone
		x.aggregateFlat(a, g, cols, weights[0], enough, units, out, w)
		return nil
	}
	if x.recipe.Weights != nil && x.recipe.Weights.From == "bod" && x.objective[g] {
		return x.aggregateDoubt(a, g, cols, enough, res, out)
	}
	vals, ws := make([]float64, 0, len(cols)), make([]float64, 0, len(cols))
	for r := range units {
		out[r] = nan
		if !enough[r] {
			continue
		}
		vals, ws = vals[:0], ws[:0]
		all := 0.0
		for i, col := range cols {
			weight := weights[res.SetOf[r]][i]
			all += weight
			if col[r] == col[r] && weight > 0 {
				vals = append(vals, col[r])
				ws = append(ws, weight)
			}
		}
		v, why := a.of(vals, ws, all)
		if why == "" && (math.IsNaN(v) || math.IsInf(v, 0)) {
			v, why = nan, "the result is not a finite number"
		}
		if why != "" {
			w.unit("aggregate", code, units[r], why+"; the score is missing")
		}
		out[r] = v
	}
	return nil
}

// applicable says for each child of a group and each row whether the child can
// have a value at all: an indicator that is not marked as not applicable, a
// group with such a child. Nil stands for all.
func (x *Index) applicable(res *Result, g int) [][]bool {
	if !x.inapplicable {
		return nil
	}
	t := x.tree
	var of func(n int) []bool
	of = func(n int) []bool {
		out := make([]bool, len(res.Screened.Units))
		if l := t.LeafOf[n]; l >= 0 {
			for r, s := range res.Screened.State[l] {
				out[r] = s != NotApplicable
			}
			return out
		}
		for _, c := range t.Children[n] {
			for r, ok := range of(c) {
				out[r] = out[r] || ok
			}
		}
		return out
	}
	all := make([][]bool, len(t.Children[g]))
	for i, c := range t.Children[g] {
		all[i] = of(c)
	}
	return all
}

// of aggregates the known values of one unit, each product rounded before it is
// added, as the draws do it on every processor; all is the weight of all
// children. It returns why there is no result, or "".
func (a *Aggregate) of(v, w []float64, all float64) (float64, string) {
	sum, ws := 0.0, 0.0
	switch a.Method {
	case "arithmetic":
		for i := range v {
			sum += float64(w[i] * v[i])
			ws += w[i]
		}
		return sum / ws, ""
	case "sum":
		for i := range v {
			sum += float64(w[i] * v[i])
			ws += w[i]
		}
		if a.Missing == "zero" {
			return sum, ""
		}
		return sum * (all / ws), ""
	case "geometric":
		for i := range v {
			if v[i] <= 0 {
				return nan, fmt.Sprintf("a child is %v, which has no geometric mean", v[i])
			}
			sum += float64(w[i] * math.Log(v[i]))
			ws += w[i]
		}
		return math.Exp(sum / ws), ""
	case "harmonic":
		for i := range v {
			if v[i] == 0 {
				return nan, "a child is 0, which has no harmonic mean"
			}
			sum += w[i] / v[i]
			ws += w[i]
		}
		if sum == 0 {
			return nan, "the reciprocals of the children cancel out"
		}
		return ws / sum, ""
	case "power":
		return powerMean(v, w, a.P[0])
	case "minimum":
		return slices.Min(v), ""
	case "mpi", "ampi":
		m := Mean(v)
		ddof := 1
		if a.Method == "ampi" {
			ddof = 0
		}
		if m == 0 {
			return nan, "the mean of the children is 0, so the penalty divides by zero"
		}
		penalty := 0.0
		if len(v) > 1 {
			penalty = Variance(v, ddof) / m
		}
		if a.Penalty == "plus" {
			return m + penalty, ""
		}
		return m - penalty, ""
	case "owa":
		return orderedMean(v, a.Weights), ""
	}
	return nan, fmt.Sprintf("unknown method %q", a.Method)
}

// powerMean is (sum w x^p / sum w)^(1/p), the geometric mean for p = 0.
func powerMean(v, w []float64, p float64) (float64, string) {
	if p == 0 {
		g := Aggregate{Method: "geometric"}
		return g.of(v, w, 0)
	}
	sum, ws := 0.0, 0.0
	for i := range v {
		y := math.Pow(v[i], p)
		if math.IsNaN(y) || math.IsInf(y, 0) {
			return nan, fmt.Sprintf("a child is %v, which has no power mean with p = %v", v[i], p)
		}
		sum += float64(w[i] * y)
		ws += w[i]
	}
	m := math.Pow(sum/ws, 1/p)
	if math.IsNaN(m) || math.IsInf(m, 0) {
		return nan, fmt.Sprintf("the children have no power mean with p = %v", p)
	}
	return m, ""
}

// orderedMean is the ordered weighted average (Yager, IEEE Transactions on
// Systems, Man and Cybernetics 18, 1988): weights go to the ordered values, the
// highest first, and are made to sum to 1; the weights of the children play no
// part. If there are fewer or more values than weights, the weights are read as
// the steps of a quantifier that is linear in between (Yager, 1996).
func orderedMean(v, weights []float64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	slices.Reverse(s)
	cum := make([]float64, len(weights)+1)
	for i, w := range weights {
		cum[i+1] = cum[i] + w
	}
	total := cum[len(weights)]
	out := 0.0
	if len(s) == len(weights) {
		for i, y := range s {
			out += float64(weights[i] * y)
		}
		return out / total
	}
	q := func(share float64) float64 {
		at := share * float64(len(weights))
		i := min(int(at), len(weights)-1)
		return cum[i] + (at-float64(i))*weights[i]
	}
	n := float64(len(s))
	for i, y := range s {
		out += (q(float64(i+1)/n) - q(float64(i)/n)) * y
	}
	return out / total
}

// aggregateFlat runs a flat method period by period, over the rows that know
// enough and the children that weigh something.
func (x *Index) aggregateFlat(a *Aggregate, g int, cols [][]float64, weights []float64, enough []bool, units []Unit, out []float64, w *warnings) {
	t := x.tree
	// Compile made sure that the thresholds are there.
	p, _ := x.thresholds(a.P, g, "", a.Method == "promethee2" && len(a.P) > 0)
	q, _ := x.thresholds(a.Q, g, "", a.Method == "promethee2" && len(a.Q) > 0)
	for _, rows := range partition(units, nil) {
		var take []int
		for _, r := range rows {
			out[r] = nan
			if enough[r] {
				take = append(take, r)
			}
		}
		m := &Matrix{}
		var mp, mq []float64
		for i, c := range t.Children[g] {
			if weights[i] == 0 {
				continue
			}
			m.Columns = append(m.Columns, pick(cols[i], take))
			m.Weights = append(m.Weights, weights[i])
			m.Cost = append(m.Cost, x.costs(c))
			m.Computed = append(m.Computed, t.LeafOf[c] < 0)
			if p != nil {
				mp = append(mp, p[i])
			}
			if q != nil {
				mq = append(mq, q[i])
			}
		}
		if len(take) == 0 || len(m.Columns) == 0 {
			continue
		}
		toShares(m.Weights)
		var score []float64
		why := "the score is not defined"
		switch a.Method {
		case "topsis":
			score = TOPSIS(m, a.Normalisation)
			why = "TOPSIS: the unit has no distance from the best nor from the worst"
		case "vikor":
			score, _, _ = VIKOR(m, or(a.V, 0.5))
		case "promethee2":
			score = PROMETHEE2(m, a.Preference, mp, mq)
		case "copras":
			score = COPRAS(m)
			for j, col := range m.Columns {
				if sum, n := Sum(col); n > 0 && sumsToZero(col, sum) {
					w.period("aggregate", t.Nodes[g].Code, units[take[0]].Time, fmt.Sprintf(
						"COPRAS: child %d of those that weigh something sums to 0 and counts nothing", j+1))
				}
			}
			why = "COPRAS: the unit's sum over costs is 0, which divides by zero"
		case "copeland":
			score = Copeland(m)
		}
		for i, r := range take {
			v := score[i]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v = nan
				w.unit("aggregate", t.Nodes[g].Code, units[r], why+"; the score is missing")
			}
			out[r] = v
		}
	}
}

// aggregateDoubt scores by benefit of the doubt, period by period.
func (x *Index) aggregateDoubt(a *Aggregate, g int, cols [][]float64, enough []bool, res *Result, out []float64) error {
	t := x.tree
	code := t.Nodes[g].Code
	if a.Method != "arithmetic" {
		return fmt.Errorf("weights: bod scores %s itself; aggregate it by arithmetic, not %s, or name other groups in weights.nodes", code, a.Method)
	}
	if res.RowWeights == nil {
		res.RowWeights = map[int][]float64{}
	}
	children := t.Children[g]
	for _, c := range children {
		res.RowWeights[c] = make([]float64, len(out))
	}
	part := make([]float64, len(children))
	n := 0
	for _, rows := range partition(res.Screened.Units, nil) {
		var take []int
		for _, r := range rows {
			out[r] = nan
			if enough[r] {
				take = append(take, r)
			}
		}
		if len(take) == 0 {
			continue
		}
		sub := make([][]float64, len(cols))
		for i := range cols {
			sub[i] = pick(cols[i], take)
		}
		score, weights, err := BenefitOfTheDoubt(sub, or(x.recipe.Weights.Min, 0), or(x.recipe.Weights.Max, 1))
		if err != nil {
			return fmt.Errorf("weights: %s: %w", code, err)
		}
		for k, r := range take {
			out[r] = score[k]
			for i, c := range children {
				res.RowWeights[c][r] = weights[i][k]
				if score[k] > 0 && sub[i][k] == sub[i][k] {
					part[i] += weights[i][k] * sub[i][k] / score[k]
				}
			}
			n++
		}
	}
	// The shares of weights.csv are the mean parts in the score.
	if n > 0 {
		toShares(part)
		for i, c := range children {
			for s := range res.Weights {
				res.Weights[s].Given[c] = part[i]
			}
		}
	}
	return nil
}
