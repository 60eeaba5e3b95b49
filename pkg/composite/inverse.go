package composite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// Lever says how one indicator of the unit may be moved.
type Lever struct {
	// Locked leaves the figure as it is.
	Locked bool
	// Cost is what one natural unit of the indicator costs, in any currency common
	// to all levers; 0 stands for the default, 1 / standard deviation of the column
	// in the period, which makes all levers comparable without prices.
	Cost float64
	// Limit is how far the figure may go, as the data gives it; NaN or nil for the
	// best figure of any unit of the period. A limit that is no improvement locks
	// the figure.
	Limit *float64
}

// What rivals do in an inverse what-if.
const (
	// Frozen leaves their figures.
	Frozen = "frozen"
	// Trend moves each figure once more by its last change between periods.
	Trend = "trend"
	// AtTargets moves each figure to the target of its indicator where that is
	// better.
	AtTargets = "targets"
)

// TargetQuestion asks what it takes to reach a place.
type TargetQuestion struct {
	// Unit is the code; the latest period counts.
	Unit string
	// Place is the place wanted.
	Place int
	// Rivals is frozen (default), trend or targets.
	Rivals string
	// Levers by code of the indicator; one that is not there has the defaults.
	Levers map[string]Lever
	// Locked locks indicators; Only, if not nil, locks all others.
	Locked, Only []string
}

// TargetAnswer is what it takes.
type TargetAnswer struct {
	Unit string
	// PlaceFrom and ScoreFrom are where the unit stands once the rivals have moved.
	PlaceFrom int
	ScoreFrom float64
	// Place is the place wanted. Feasible says that it can be reached; if not,
	// BestPlace is what everything at its limit gives, and Changes lead there.
	Place     int
	Feasible  bool
	BestPlace int
	// PlaceTo and ScoreTo are where the changes lead, as computed by a run with
	// them.
	PlaceTo int
	ScoreTo float64
	Changes []Change
	// Cost is the sum over the changes. Bound is a cost below which no changes
	// reach the place: equal to Cost if Exact, NaN if none is known; Gap = Cost -
	// Bound.
	Cost, Bound, Gap float64
	// Exact says that Cost is the least. Why says why it is not known to be.
	Exact bool
	Why   string
	// Marginal are the levers by what they give for their cost, the best first.
	Marginal []Marginal
}

// Change is one figure moved.
type Change struct {
	Code     string
	From, To float64
	Cost     float64
}

// Marginal is what one lever gives from where the unit stands.
type Marginal struct {
	Code string
	// Figure is the present one, Limit how far it may go; Cost is that of one
	// natural unit.
	Figure, Limit, Cost float64
	// PerUnit is the gain of score for the first natural unit (at the slope of a
	// small step), PerCost the same for one of cost.
	PerUnit, PerCost float64
	// Full is the gain of score at the limit, PlaceAtFull the place there.
	Full        float64
	PlaceAtFull int
}

// lever is a movable figure.
type lever struct {
	code        string
	leaf        int
	from, limit float64
	cost        float64
	at          float64 // share of the way, 0..1
}

func (l *lever) value(at float64) float64 {
	if at >= 1 {
		return l.limit
	}
	return l.from + at*(l.limit-l.from)
}

func (l *lever) price() float64 { return l.cost * math.Abs(l.limit-l.from) }

// inverse moves the figures of one unit and watches its place.
type inverse struct {
	x      *Index
	ws     *Workspace
	row    int // of the data
	want   int
	levers []*lever
	ties   Ties
}

// Target finds the least change of a unit's figures, by cost, that brings it to a
// place (or better), the rivals being frozen, on trend or at their targets.
//
// For a tree of arithmetic means or sums in which every movable figure enters along a
// straight line up to its limit, the least cost is a fractional knapsack: levers are used
// in the order of points per cost, the last one in part. The answer is then exact. Limits
// are by default the best figures of the period, so that the best end of a min-max scale
// does not move; where the unit holds the worst end alone its move shifts the scale of
// all, which is computed but not linear, and the answer is then the best found.
//
// Otherwise levers are moved in small steps, each time the one with the most points per
// cost, and what turns out unneeded is taken back. If the score is concave in the figures
// (geometric, harmonic and power means with p <= 1, on straight scales) tangents bound the
// cost from below and better the answer (cutting planes), mostly to within a millionth; the gap
// is stated. Else the bound is NaN.
//
// If all levers at their limits do not reach the place, Feasible is false and BestPlace is
// the place they reach. Every answer is checked by a run. Missing figures cannot be moved.
// A denominator stays as it is; a derived indicator follows the figure it comes from and is
// not moved itself.
func (x *Index) Target(ctx context.Context, q TargetQuestion) (*TargetAnswer, error) {
	if q.Place < 1 {
		return nil, fmt.Errorf("composite: target: place %d; places count from 1", q.Place)
	}
	y, err := x.withRivals(&q)
	if err != nil {
		return nil, err
	}
	in, err := y.inverse(&q)
	if err != nil {
		return nil, err
	}
	out := &TargetAnswer{Unit: q.Unit, Place: q.Place, Bound: nan, Gap: nan}
	if out.PlaceFrom, out.ScoreFrom, err = in.standing(); err != nil {
		return nil, err
	}
	if out.ScoreFrom != out.ScoreFrom || out.PlaceFrom == 0 {
		return nil, fmt.Errorf("composite: target: %s has no place, so there is nothing to move from", q.Unit)
	}
	straight, err := in.survey(out)
	if err != nil {
		return nil, err
	}
	if out.PlaceFrom <= q.Place {
		out.Feasible, out.BestPlace, out.PlaceTo, out.ScoreTo = true, out.PlaceFrom, out.PlaceFrom, out.ScoreFrom
		out.Exact, out.Cost, out.Bound, out.Gap = true, 0, 0, 0
		return out, nil
	}
	for _, l := range in.levers {
		if err := in.set(l, 1); err != nil {
			return nil, err
		}
	}
	if out.BestPlace, out.ScoreTo, err = in.standing(); err != nil {
		return nil, err
	}
	out.PlaceTo = out.BestPlace
	out.Feasible = out.BestPlace != 0 && out.BestPlace <= q.Place
	if out.Feasible {
		for _, l := range in.levers {
			if err := in.set(l, 0); err != nil {
				return nil, err
			}
		}
		if straight == "" {
			err = in.knapsack(out)
		} else if err = in.search(ctx); err == nil {
			out.Bound, err = in.refine(ctx)
		}
		if err != nil {
			return nil, err
		}
		if out.PlaceTo, out.ScoreTo, err = in.standing(); err != nil {
			return nil, err
		}
	}
	for _, l := range in.levers {
		if l.at > 0 {
			c := Change{Code: l.code, From: l.from, To: l.value(l.at), Cost: l.at * l.price()}
			out.Changes = append(out.Changes, c)
			out.Cost += c.Cost
		}
	}
	out.Why = straight
	if out.Feasible {
		if straight == "" {
			out.Exact, out.Bound = true, out.Cost
		}
		out.Gap = out.Cost - out.Bound
	}
	return out, nil
}

// withRivals is the index with the rivals' figures moved.
func (x *Index) withRivals(q *TargetQuestion) (*Index, error) {
	switch q.Rivals {
	case "", Frozen:
		return x, nil
	case Trend, AtTargets:
	default:
		return nil, fmt.Errorf("composite: target: rivals %q%s", q.Rivals, hint(q.Rivals, []string{Frozen, Trend, AtTargets}))
	}
	d := x.data.clone()
	periods := d.Periods()
	last := periods[len(periods)-1]
	if q.Rivals == Trend && len(periods) < 2 {
		return nil, fmt.Errorf("composite: target: a trend needs more than one period of data")
	}
	for c, leaf := range x.tree.Leaves {
		node := x.tree.Nodes[leaf]
		col := d.Column(node.Code)
		old := x.cols[c].Values
		if q.Rivals == AtTargets && node.Target != node.Target {
			continue
		}
		before := map[string]float64{}
		if q.Rivals == Trend {
			for r, u := range d.Units {
				if u.Time == periods[len(periods)-2] {
					before[u.Code] = old[r]
				}
			}
		}
		for r, u := range d.Units {
			if u.Time != last || u.Code == q.Unit || old[r] != old[r] {
				continue
			}
			if q.Rivals == Trend {
				if b, ok := before[u.Code]; ok && b == b {
					col.Values[r] = old[r] + (old[r] - b)
				}
			} else if node.Direction*(node.Target-old[r]) > 0 {
				col.Values[r] = node.Target
			}
		}
	}
	return Compile(x.recipe, x.tree, d, x.files)
}

func (x *Index) inverse(q *TargetQuestion) (*inverse, error) {
	in := &inverse{x: x, row: -1, want: q.Place, ties: Competition}
	if p := x.recipe.Place; p != nil && p.Ties != "" {
		in.ties = Ties(p.Ties)
	}
	for r, u := range x.data.Units {
		if u.Code == q.Unit && (in.row < 0 || u.Time > x.data.Units[in.row].Time) {
			in.row = r
		}
	}
	if in.row < 0 {
		return nil, fmt.Errorf("composite: target: no unit %q in the data%s", q.Unit, hint(q.Unit, x.unitCodes()))
	}
	codes := x.tree.LeafCodes()
	given := append(keysOf(q.Levers), q.Locked...)
	for _, code := range append(given, q.Only...) {
		if !slices.Contains(codes, code) {
			return nil, fmt.Errorf("composite: target: no indicator %q%s", code, hint(code, codes))
		}
	}
	now := x.data.Units[in.row].Time
	for c, leaf := range x.tree.Leaves {
		node := x.tree.Nodes[leaf]
		own := q.Levers[node.Code]
		if own.Locked || slices.Contains(q.Locked, node.Code) || q.Only != nil && !slices.Contains(q.Only, node.Code) {
			continue
		}
		l := &lever{code: node.Code, leaf: c, from: x.cols[c].Values[in.row], cost: own.Cost}
		if l.from != l.from || x.cols[c].derived {
			continue
		}
		var column []float64
		for r, v := range x.cols[c].Values {
			if x.data.Units[r].Time == now {
				column = append(column, v)
			}
		}
		if l.cost == 0 {
			if sd := Sd(column, 1); sd > 0 {
				l.cost = 1 / sd
			}
		}
		if !(l.cost > 0) || math.IsInf(l.cost, 0) {
			if own.Cost != 0 {
				return nil, fmt.Errorf("composite: target: %s: cost %v; it is above 0", node.Code, own.Cost)
			}
			continue // constant in the period: there is nothing to gain by it
		}
		lo, hi := Range(column)
		l.limit = hi
		up := node.Direction > 0
		if s := x.scales[c]; s.rule.Method == "two_sided" {
			up = l.from < s.value
			l.limit = s.value
		} else if !up {
			l.limit = lo
		}
		if own.Limit != nil && *own.Limit == *own.Limit {
			l.limit = *own.Limit
		}
		if up && l.limit <= l.from || !up && l.limit >= l.from {
			continue
		}
		in.levers = append(in.levers, l)
	}
	var err error
	in.ws, err = x.NewWorkspace()
	return in, err
}

// set moves a lever.
func (in *inverse) set(l *lever, at float64) error {
	if at == l.at {
		return nil
	}
	l.at = at
	return in.x.SetCell(in.ws, in.row, l.leaf, l.value(at))
}

// standing is the place and the score of the unit.
func (in *inverse) standing() (int, float64, error) {
	if len(in.ws.Scores()) == len(in.x.data.Units) {
		return in.ws.Places()[in.row], in.ws.Scores()[in.row], nil
	}
	// Rows were screened out: the workspace has those that stayed.
	y := *in.x
	y.data, y.cols = in.ws.data, in.ws.col
	res, err := y.Run()
	if err != nil {
		return 0, nan, err
	}
	for r, row := range res.RowOf {
		if row == in.row {
			return res.Places[r], res.Scores[r], nil
		}
	}
	return 0, nan, nil
}

// survey fills in the marginal gains and says why the answer would not be exact,
// "" if it is.
func (in *inverse) survey(out *TargetAnswer) (string, error) {
	why := ""
	note := func(s string) {
		if why == "" {
			why = s
		}
	}
	if !in.x.Additive() {
		note("the index is not a weighted sum of its indicators")
	}
	if !in.ws.Fast() {
		note("the recipe has steps that do not follow straight lines (imputing, treatment, ranks, weights from the data, adjustments, or several periods)")
	}
	others := slices.Clone(in.ws.Scores())
	const small = 1e-3
	for _, l := range in.levers {
		m := Marginal{Code: l.code, Figure: l.from, Limit: l.limit, Cost: l.cost}
		span := math.Abs(l.limit - l.from)
		var gain [3]float64
		for k, at := range []float64{small, 0.5, 1} {
			if err := in.set(l, at); err != nil {
				return "", err
			}
			place, score, err := in.standing()
			if err != nil {
				return "", err
			}
			gain[k] = score - out.ScoreFrom
			m.PlaceAtFull = place
			if why == "" {
				for r, v := range in.ws.Scores() {
					if r != in.row && !(v == others[r] || v != v && others[r] != others[r]) {
						note(fmt.Sprintf("moving %s shifts the scale of all units", l.code))
						break
					}
				}
			}
		}
		if err := in.set(l, 0); err != nil {
			return "", err
		}
		m.Full = gain[2]
		m.PerUnit = gain[0] / (small * span)
		m.PerCost = m.PerUnit / l.cost
		// A cap that is reached on the way shortens the lever; beyond it is flat.
		if why == "" {
			if in.shorten(l, &gain, out.ScoreFrom, small) {
				m.Limit = l.limit
			}
			if scale := math.Abs(gain[2]); math.Abs(gain[1]-gain[2]/2) > 1e-9*(scale+1) || math.Abs(gain[0]-small*gain[2]) > 1e-9*(scale+1) {
				note(fmt.Sprintf("the score of %s does not follow a straight line up to the limit", l.code))
			}
		}
		out.Marginal = append(out.Marginal, m)
	}
	slices.SortStableFunc(out.Marginal, func(a, b Marginal) int { return cmp.Compare(b.PerCost, a.PerCost) })
	return why, nil
}

// shorten moves the limit of a lever to where a cap makes the rest of the way
// useless, and reports whether it did.
func (in *inverse) shorten(l *lever, gain *[3]float64, from, small float64) bool {
	if !(gain[0] > 0) || gain[2] >= gain[0]/small*(1-1e-9) {
		return false
	}
	// The straight line from the start meets the level of the end here.
	at := small * gain[2] / gain[0]
	if !(at > small && at < 1) {
		return false
	}
	probe := func(at float64) float64 {
		if in.set(l, at) != nil {
			return nan
		}
		_, s, err := in.standing()
		if err != nil {
			return nan
		}
		return s - from
	}
	half, corner := probe(at/2), probe(at)
	if in.set(l, 0) != nil {
		return false
	}
	if math.Abs(corner-gain[2]) > 1e-9*(1+math.Abs(gain[2])) || math.Abs(half-gain[2]/2) > 1e-9*(1+math.Abs(gain[2])) {
		return false
	}
	l.limit = l.value(at)
	gain[0], gain[1] = small*corner, half
	return true
}

// reached reports whether the unit has the place wanted.
func (in *inverse) reached() (bool, error) {
	place, _, err := in.standing()
	return place != 0 && place <= in.want, err
}

// knapsack uses levers in the order of gain per cost, the last one in part.
func (in *inverse) knapsack(out *TargetAnswer) error {
	order := slices.Clone(in.levers)
	rate := map[string]float64{}
	for _, m := range out.Marginal {
		rate[m.Code] = m.PerCost
	}
	slices.SortStableFunc(order, func(a, b *lever) int { return cmp.Compare(rate[b.code], rate[a.code]) })
	for _, l := range order {
		if rate[l.code] <= 0 {
			break
		}
		if err := in.set(l, 1); err != nil {
			return err
		}
		ok, err := in.reached()
		if err != nil {
			return err
		}
		if ok {
			return in.least(l)
		}
	}
	return nil
}

// least moves a lever back as far as the place holds, to a relative precision of
// 1e-12 of its way.
func (in *inverse) least(l *lever) error {
	lo, hi := 0.0, l.at
	if err := in.set(l, 0); err != nil {
		return err
	}
	ok, err := in.reached()
	if ok || err != nil {
		return err
	}
	for range 60 {
		mid := (lo + hi) / 2
		if hi-lo <= 1e-13*hi || mid == lo || mid == hi {
			break
		}
		if err := in.set(l, mid); err != nil {
			return err
		}
		ok, err := in.reached()
		if err != nil {
			return err
		}
		if ok {
			hi = mid
		} else {
			lo = mid
		}
	}
	return in.set(l, hi)
}

// search moves levers in steps by gain per cost, then takes back what is not
// needed.
func (in *inverse) search(ctx context.Context) error {
	const steps = 20
	_, score, err := in.standing()
	if err != nil {
		return err
	}
	sgn := 1.0
	if in.x.agg[in.x.tree.Root].Method == "vikor" {
		sgn = -1
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ok, err := in.reached()
		if err != nil {
			return err
		}
		if ok {
			break
		}
		var best *lever
		bestTo, bestRate, bestScore := 0.0, math.Inf(-1), score
		for _, l := range in.levers {
			was := l.at
			if was >= 1 {
				continue
			}
			// One step, and the whole way for scores that move in jumps.
			for _, to := range []float64{min(1, was+1.0/steps), 1} {
				if err := in.set(l, to); err != nil {
					return err
				}
				_, s, err := in.standing()
				if err != nil {
					return err
				}
				if rate := sgn * (s - score) / ((to - was) * l.price()); rate > bestRate {
					best, bestTo, bestRate, bestScore = l, to, rate, s
				}
			}
			if err := in.set(l, was); err != nil {
				return err
			}
		}
		if best == nil {
			break
		}
		if err := in.set(best, bestTo); err != nil {
			return err
		}
		score = bestScore
	}
	// The dearest first.
	order := slices.Clone(in.levers)
	slices.SortStableFunc(order, func(a, b *lever) int { return cmp.Compare(b.at*b.price(), a.at*a.price()) })
	for _, l := range order {
		if l.at > 0 {
			if err := in.least(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// concave reports whether the score is a concave function of the levers that is
// smooth, and leaves the rivals alone: then tangents bound it from above.
func (in *inverse) concave() bool {
	if !in.ws.Fast() {
		return false
	}
	for _, g := range in.x.tree.Groups {
		switch a := in.x.agg[g]; a.Method {
		case "arithmetic", "sum", "geometric", "harmonic":
		case "power":
			if a.P[0] > 1 {
				return false
			}
		default:
			return false
		}
	}
	for _, l := range in.levers {
		if t := in.x.scales[l.leaf].rule.Transform; t != "" && t != "none" {
			return false
		}
		if line := in.ws.lines[l.leaf]; line.clip || line.m < 0 || line.top < math.Inf(1) {
			return false
		}
	}
	return true
}

// cut is a tangent of the score: slope . at >= need must hold wherever the place
// is reached.
type cut struct {
	slope []float64
	need  float64
}

// tangent is the cut at where the levers stand. ok is false where a rival's score
// moves with a lever.
func (in *inverse) tangent(threshold float64) (c cut, ok bool, err error) {
	_, at, err := in.standing()
	if err != nil {
		return c, false, err
	}
	before := slices.Clone(in.ws.Scores())
	c.need = threshold - at
	for _, l := range in.levers {
		was := l.at
		lo, hi := max(0, was-1e-6), min(1, was+1e-6)
		var s [2]float64
		for k, to := range []float64{lo, hi} {
			if err := in.set(l, to); err != nil {
				return c, false, err
			}
			if _, s[k], err = in.standing(); err != nil {
				return c, false, err
			}
		}
		for r, v := range in.ws.Scores() {
			ok = r == in.row || v == before[r] || v != v
			if !ok {
				return c, false, in.set(l, was)
			}
		}
		if err := in.set(l, was); err != nil {
			return c, false, err
		}
		slope := max(0, (s[1]-s[0])/(hi-lo))
		c.slope = append(c.slope, slope)
		c.need += slope * was
	}
	return c, true, nil
}

// cheapest is the least cost of levers between 0 and 1 that meets all cuts: a
// linear program, solved by gonum's simplex method.
func (in *inverse) cheapest(cuts []cut) (float64, []float64, error) {
	n, m := len(in.levers), len(cuts)
	// Variables: levers, what is left of each lever, what each cut has to spare.
	a := mat.NewDense(n+m, 2*n+m, nil)
	c, rhs := make([]float64, 2*n+m), make([]float64, n+m)
	for j, l := range in.levers {
		c[j] = l.price()
		a.Set(j, j, 1)
		a.Set(j, n+j, 1)
		rhs[j] = 1
	}
	for i, k := range cuts {
		for j, v := range k.slope {
			a.Set(n+i, j, v)
		}
		a.Set(n+i, 2*n+i, -1)
		rhs[n+i] = k.need
	}
	cost, at, err := lp.Simplex(c, a, rhs, 1e-10, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("composite: target: the linear program: %w", err)
	}
	return cost, at[:n], nil
}

// refine brings an answer and a bound on its cost together where the score is
// concave, by cutting planes (Kelley, Journal of the SIAM 8, 1960): the cheapest
// levers that meet the tangents found so far cost no more than the best answer; from
// there the way to the answer at hand is gone back until the place holds, which gives a
// new answer, and a tangent is added. It returns the bound, NaN if there is none.
func (in *inverse) refine(ctx context.Context) (float64, error) {
	bound := nan
	if !in.concave() {
		return bound, nil
	}
	threshold := in.threshold()
	best, bestCost := in.position()
	first, ok, err := in.tangent(threshold)
	if err != nil || !ok {
		return bound, err
	}
	cuts := []cut{first}
	const rounds, precision = 60, 1e-6
	for range rounds {
		if err := ctx.Err(); err != nil {
			return nan, err
		}
		cost, at, err := in.cheapest(cuts)
		if err != nil {
			break // what was found so far stands
		}
		// A tangent from differences is good to about a millionth.
		if b := cost * (1 - precision); !(b <= bound) {
			bound = b
		}
		if bestCost-bound <= 2*precision*bestCost {
			break
		}
		if err := in.move(at); err != nil {
			return nan, err
		}
		next, ok, err := in.tangent(threshold)
		if err != nil {
			return nan, err
		}
		if !ok {
			return nan, in.move(best)
		}
		cuts = append(cuts, next)
		// From the point outside towards the best answer, as little as may be.
		lo, hi := 0.0, 1.0
		for range 40 {
			mid := (lo + hi) / 2
			if err := in.move(between(at, best, mid)); err != nil {
				return nan, err
			}
			if ok, err = in.reached(); err != nil {
				return nan, err
			}
			if ok {
				hi = mid
			} else {
				lo = mid
			}
		}
		if err := in.move(between(at, best, hi)); err != nil {
			return nan, err
		}
		if ok, err = in.reached(); err != nil {
			return nan, err
		}
		if now, cost := in.position(); ok && cost < bestCost {
			best, bestCost = now, cost
			if next, ok, err = in.tangent(threshold); err != nil {
				return nan, err
			}
			if ok {
				cuts = append(cuts, next)
			}
		}
	}
	return min(bound, bestCost), in.move(best)
}

// position is where the levers stand, and what it costs.
func (in *inverse) position() (at []float64, cost float64) {
	for _, l := range in.levers {
		at = append(at, l.at)
		cost += l.at * l.price()
	}
	return at, cost
}

// move sets all levers.
func (in *inverse) move(at []float64) error {
	for i, l := range in.levers {
		if err := in.set(l, max(0, min(1, at[i]))); err != nil {
			return err
		}
	}
	return nil
}

func between(a, b []float64, t float64) []float64 {
	out := make([]float64, len(a))
	for i := range out {
		out[i] = a[i] + t*(b[i]-a[i])
	}
	return out
}

// threshold is the score of the rival whose place is wanted.
func (in *inverse) threshold() float64 {
	var rivals []float64
	for r, v := range in.ws.Scores() {
		if r != in.row && v == v && in.ws.Places()[r] != 0 {
			rivals = append(rivals, v)
		}
	}
	slices.SortFunc(rivals, func(a, b float64) int { return cmp.Compare(b, a) })
	if in.want > len(rivals) {
		return math.Inf(-1)
	}
	return rivals[in.want-1]
}
