package composite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Plan says what is uncertain about an index and how often to draw. As JSON (or
// YAML turned into JSON) it is read by [ParsePlan].
//
// Draw number i depends on the seed and on i alone: the same plan gives the same
// bits on any number of cores, and the first thousand draws of two thousand are
// the thousand of a shorter plan.
type Plan struct {
	Draws int    `json:"draws,omitempty" doc:"How many draws; default 1000. The list, if there is one, comes in their place."`
	Seed  uint64 `json:"seed,omitempty" doc:"Start of the random numbers."`

	Weights *WeightDraws `json:"weights,omitempty" doc:"Uncertain weights; absent: those of the recipe."`
	Choices []Choice     `json:"choices,omitempty" doc:"Uncertain choices of method, each drawn on its own."`
	Data    *DataDraws   `json:"data,omitempty" doc:"Uncertain figures; absent: as given."`

	Quantiles []float64 `json:"quantiles,omitempty" doc:"Of the places; default 0.05, 0.25, 0.5, 0.75, 0.95."`
	Top       []int     `json:"top,omitempty" doc:"Places whose probability of being reached or bettered is wanted; default 1, 3, 5, 10."`

	// List holds draws with given parameters. With a list nothing is drawn.
	List []Draw `json:"-"`
}

// WeightDraws is how weights vary. All methods vary the weights among siblings;
// a weight of 0 stays 0.
type WeightDraws struct {
	// Method is noise: w (1 + spread u), u uniform on -1..1 for each node, as
	// COINr get_noisy_weights; dirichlet: shares with the nominal ones as mean and
	// variance s (1 - s) / (concentration + 1); free: shares uniform on the simplex,
	// whatever the nominal ones.
	Method        string             `json:"method,omitempty" words:"noise,dirichlet,free" doc:"Default noise."`
	Spread        *float64           `json:"spread,omitempty" doc:"noise: greatest relative change, below 1; default 0.25."`
	Concentration *float64           `json:"concentration,omitempty" doc:"dirichlet: the greater, the closer to the nominal shares; default 50."`
	Nodes         []string           `json:"nodes,omitempty" doc:"The groups whose children's weights vary; absent: all."`
	By            map[string]float64 `json:"by,omitempty" doc:"noise: spread of single nodes, in place of spread."`
}

// Choice is one point at which a recipe could be otherwise.
type Choice struct {
	Name  string            `json:"name,omitempty" doc:"What the choice is called; default its key."`
	Key   string            `json:"key" doc:"Where in the recipe, with dots: normalise, treat.winsorise.max_points, aggregate."`
	Among []json.RawMessage `json:"among" doc:"What may stand there, as in a recipe; null leaves the key out."`
	// Chances are in any unit; nil stands for equal ones.
	Chances []float64 `json:"chances,omitempty" doc:"Weight of each alternative; default equal."`
}

// DataDraws is how figures vary. It applies to the data as given, before any
// step. Cells of one draw vary independently.
type DataDraws struct {
	Rounding map[string]float64 `json:"rounding,omitempty" doc:"By column: the step of the last printed digit; values vary evenly within half a step."`
	Relative map[string]float64 `json:"relative,omitempty" doc:"By column: standard deviation of a normal factor on the value (past revisions)."`
	Absolute map[string]float64 `json:"absolute,omitempty" doc:"By column: standard deviation of a normal term, in the column's unit."`
	Missing  string             `json:"missing,omitempty" words:"none,donor" doc:"donor: a missing cell takes the value of a unit drawn from those known in the period; default none."`
}

// Draw is the parameters of one draw.
type Draw struct {
	// Weights replace those of the recipe, by code of the node; a code that is
	// not there keeps its weight.
	Weights map[string]float64
	// Choices hold the number of the alternative taken of each choice, -1 for
	// what the recipe says; nil for that everywhere.
	Choices []int
}

// ParsePlan reads a plan in JSON. Unknown keys and words are refused.
func ParsePlan(b []byte) (*Plan, error) {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	var p Plan
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("composite: plan: %w; keys are draws, seed, weights, choices, data, quantiles and top", err)
	}
	return &p, p.check()
}

func (p *Plan) check() error {
	if p.Draws < 0 {
		return fmt.Errorf("composite: plan: draws: %d; a number from 0 up", p.Draws)
	}
	if w := p.Weights; w != nil {
		words := []string{"", "noise", "dirichlet", "free"}
		if !slices.Contains(words, w.Method) {
			return fmt.Errorf("composite: plan: weights.method: %q%s", w.Method, hint(w.Method, words[1:]))
		}
		spreads := []float64{or(w.Spread, 0.25)}
		for _, s := range w.By {
			spreads = append(spreads, s)
		}
		for _, s := range spreads {
			if !(s >= 0 && s < 1) {
				return fmt.Errorf("composite: plan: weights: spread %v; it is from 0 up and below 1, so that no weight turns negative", s)
			}
		}
		if !(or(w.Concentration, 50) > 0) {
			return fmt.Errorf("composite: plan: weights.concentration: %v; it is above 0", *w.Concentration)
		}
	}
	for i, c := range p.Choices {
		if c.Key == "" || len(c.Among) == 0 {
			return fmt.Errorf("composite: plan: choices[%d]: key and among are needed", i)
		}
		if c.Chances != nil && len(c.Chances) != len(c.Among) {
			return fmt.Errorf("composite: plan: choices[%d]: %d chances for %d alternatives", i, len(c.Chances), len(c.Among))
		}
		sum := 0.0
		for _, v := range c.Chances {
			if !(v >= 0) || math.IsInf(v, 0) {
				return fmt.Errorf("composite: plan: choices[%d].chances: %v; numbers from 0 up", i, v)
			}
			sum += v
		}
		if c.Chances != nil && sum == 0 {
			return fmt.Errorf("composite: plan: choices[%d].chances: all are 0", i)
		}
	}
	if d := p.Data; d != nil {
		if d.Missing != "" && d.Missing != "none" && d.Missing != "donor" {
			return fmt.Errorf("composite: plan: data.missing: %q%s", d.Missing, hint(d.Missing, []string{"none", "donor"}))
		}
		for _, m := range []map[string]float64{d.Rounding, d.Relative, d.Absolute} {
			for code, v := range m {
				if !(v >= 0) || math.IsInf(v, 0) {
					return fmt.Errorf("composite: plan: data: %s: %v; a number from 0 up", code, v)
				}
			}
		}
	}
	for _, q := range p.Quantiles {
		if !(q >= 0 && q <= 1) {
			return fmt.Errorf("composite: plan: quantiles: %v; between 0 and 1", q)
		}
	}
	return nil
}

// name of a choice.
func (c *Choice) name() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Key
}

// pick is the alternative at u, uniform on 0..1.
func (c *Choice) pick(u float64) int {
	if c.Chances == nil {
		return min(int(u*float64(len(c.Among))), len(c.Among)-1)
	}
	sum := 0.0
	for _, v := range c.Chances {
		sum += v
	}
	at, last := 0.0, 0
	for i, v := range c.Chances {
		if v == 0 {
			continue
		}
		last = i
		if at += v / sum; u < at {
			return i
		}
	}
	return last
}

// MonteCarloOptions is what to keep of a Monte-Carlo run. The zero value keeps
// the summary alone and uses all processors.
type MonteCarloOptions struct {
	// Workers is the number of goroutines; 0 for one a processor. It has no
	// bearing on the result.
	Workers int
	// Keep keeps places, scores and parameters of every draw.
	Keep bool
	// Pairs counts, for each pair of rows, the draws in which one stands before
	// the other. It takes memory and time with the square of the rows.
	Pairs bool
	// Progress, if not nil, is called now and then with the number of draws
	// done; calls do not overlap.
	Progress func(done int)
}

// MonteCarlo is the outcome of many draws. Rows are those of the data, in order;
// places count within a period as in a run.
type MonteCarlo struct {
	Units []Unit
	// Nominal are the places of the run without a draw, NominalScores its
	// scores; 0 and NaN for rows without one.
	Nominal       []int
	NominalScores []float64

	// Draws is the number drawn, Failed those of which nothing came, for which
	// Failures has the reasons by number of draw (at most 100 of them). Failed
	// draws are in no statistic.
	Draws, Failed int
	Failures      []FailedDraw
	// NoPlace counts, by row, the draws in which it had no place although the
	// draw did not fail. They are in no statistic of the row's places.
	NoPlace []int

	// Mean, Sd (by n-1), Least and Greatest are of the places of a row; NaN and
	// 0 if it never had one. Quantiles[q][row] is of type 7, for Levels[q].
	Mean, Sd        []float64
	Least, Greatest []int
	Levels          []float64
	Quantiles       [][]float64
	// Top[k][row] is the share of draws in which the row's place was at most
	// TopPlaces[k]; a draw without a place for the row counts as not.
	TopPlaces []int
	Top       [][]float64
	// ScoreMean and ScoreSd (by n-1) are of the scores.
	ScoreMean, ScoreSd []float64

	// Places[draw][row], Scores[draw][row] and Parameters[draw] are nil without
	// Keep; Places is nil for a failed draw.
	Places     [][]uint16
	Scores     [][]float64
	Parameters []Draw

	counts [][]uint32 // by row, from place 0 (none) up
	before []uint32   // by pair of rows, nil without Pairs
}

// FailedDraw says why nothing came of a draw.
type FailedDraw struct {
	Draw   int
	Reason string
}

// Probability is the share of the draws that did not fail in which the row had
// the place (place 0: none).
func (m *MonteCarlo) Probability(row, place int) float64 {
	n := m.Draws - m.Failed
	if n == 0 {
		return nan
	}
	if place < 0 || place >= len(m.counts[row]) {
		return 0
	}
	return float64(m.counts[row][place]) / float64(n)
}

// Before is the share of draws in which row i stood before row j, a shared
// place counted half, among those in which both had a place; NaN if there are
// none, or without Pairs, or in different periods.
func (m *MonteCarlo) Before(i, j int) float64 {
	if m.before == nil || m.Units[i].Time != m.Units[j].Time {
		return nan
	}
	n := len(m.Units)
	a, b := m.before[i*n+j], m.before[j*n+i]
	if a+b == 0 {
		return nan
	}
	return float64(a) / float64(a+b)
}

const maxFailures = 100

// MonteCarlo runs the index under every draw of the plan: other weights, other
// methods, other figures, as the plan says, each draw with all of them. Each is
// a complete run, with weighting, aggregation, adjustment and places as the
// recipe has them; a draw whose recipe cannot run or that gives no row a place
// has failed, and is counted and named.
//
// Uncertain weights of trees of arithmetic means go through a blocked evaluation
// with the same bits as [Index.Run]. Where a recipe computes its weights
// (entropy and the like), the draws vary what it computed.
//
// Method: OECD Handbook (2008), step 7; Saisana, Saltelli and Tarantola (Journal
// of the Royal Statistical Society A 168, 2005).
func (x *Index) MonteCarlo(ctx context.Context, plan *Plan, opt MonteCarloOptions) (*MonteCarlo, error) {
	s, err := newSampler(x, plan)
	if err != nil {
		return nil, err
	}
	draws := plan.Draws
	if draws == 0 {
		draws = 1000
	}
	if plan.List != nil {
		draws = len(plan.List)
	}
	params := make([]params, draws)
	for i := range params {
		if plan.List == nil {
			params[i] = s.drawn(i)
		} else if params[i], err = s.listed(&plan.List[i]); err != nil {
			return nil, err
		}
	}
	m, err := newMonteCarlo(s, plan, draws, opt)
	if err != nil {
		return nil, err
	}
	if opt.Keep {
		m.Parameters = make([]Draw, draws)
		for i := range m.Parameters {
			m.Parameters[i] = s.parameters(&params[i])
		}
	}
	// Memory for the places of a batch is bounded; within it the draws of one
	// recipe go together.
	const batch = 2048
	for from := 0; from < draws; from += batch {
		if err := m.batch(ctx, s, params[from:min(from+batch, draws)], from, opt); err != nil {
			return nil, err
		}
	}
	if err := m.finish(ctx, opt.Workers); err != nil {
		return nil, err
	}
	return m, nil
}

func newMonteCarlo(s *sampler, plan *Plan, draws int, opt MonteCarloOptions) (*MonteCarlo, error) {
	n := len(s.x.data.Units)
	m := &MonteCarlo{
		Units: s.x.data.Units, Draws: draws, Levels: plan.Quantiles, TopPlaces: plan.Top,
		Nominal: s.nominal, NominalScores: s.nominalScores,
		NoPlace: make([]int, n), ScoreMean: make([]float64, n), ScoreSd: make([]float64, n),
		counts: make([][]uint32, n),
	}
	if m.Levels == nil {
		m.Levels = []float64{0.05, 0.25, 0.5, 0.75, 0.95}
	}
	if m.TopPlaces == nil {
		m.TopPlaces = []int{1, 3, 5, 10}
	}
	if n > maxRanked {
		return nil, fmt.Errorf("composite: a Monte-Carlo run holds at most %d rows, not %d", maxRanked, n)
	}
	if opt.Pairs {
		if n > 10000 {
			return nil, fmt.Errorf("composite: pairs of %d rows would take %d MB; they are limited to 10000 rows", n, n*n*4>>20)
		}
		m.before = make([]uint32, n*n)
	}
	if opt.Keep {
		m.Places, m.Scores = make([][]uint16, draws), make([][]float64, draws)
	}
	return m, nil
}

// batch evaluates some draws and adds them to the counts.
func (m *MonteCarlo) batch(ctx context.Context, s *sampler, draws []params, from int, opt MonteCarloOptions) error {
	n := len(m.Units)
	places := make([]uint16, n*len(draws))
	reasons := make([]error, len(draws))
	row := func(i int) []uint16 { return places[i*n : (i+1)*n : (i+1)*n] }
	// Chunks of the draws of one recipe, fixed before anything runs: sums of
	// scores are taken chunk by chunk and added in their order.
	const chunk = 32
	byCombo := make([][]int, len(s.combos))
	for i, p := range draws {
		byCombo[p.combo] = append(byCombo[p.combo], i)
	}
	var chunks [][]int
	for _, list := range byCombo {
		chunks = slices.AppendSeq(chunks, slices.Chunk(list, chunk))
	}
	sums := make([][]float64, len(chunks))
	var progress sync.Mutex
	done := from
	err := inParallel(ctx, opt.Workers, len(chunks), s.space, func(sp *evalSpace, c int) {
		sum := make([]float64, 2*n)
		sums[c] = sum
		for four := range slices.Chunk(chunks[c], blockDraws) {
			list := make([]*params, len(four))
			dst := make([][]uint16, len(four))
			for k, i := range four {
				list[k], dst[k] = &draws[i], row(i)
			}
			errs := s.eval(sp, list, dst)
			for k, i := range four {
				reasons[i] = errs[k]
				if errs[k] != nil {
					continue
				}
				addScores(sum[:n], sum[n:], sp.scores[k], s.shift)
				if opt.Keep {
					m.Places[from+i] = slices.Clone(row(i))
					m.Scores[from+i] = slices.Clone(sp.scores[k])
				}
			}
		}
		if opt.Progress != nil {
			progress.Lock()
			done += len(chunks[c])
			opt.Progress(done)
			progress.Unlock()
		}
	})
	if err != nil {
		return err
	}
	for i, e := range reasons {
		if e == nil {
			continue
		}
		m.Failed++
		if len(m.Failures) < maxFailures {
			m.Failures = append(m.Failures, FailedDraw{Draw: from + i, Reason: e.Error()})
		}
	}
	for _, sum := range sums {
		for r := range n {
			m.ScoreMean[r] += sum[r]
			m.ScoreSd[r] += sum[n+r]
		}
	}
	if err := m.count(ctx, places, reasons, opt.Workers); err != nil {
		return err
	}
	return nil
}

// addScores adds the distances of scores from a shift, and their squares, skipping
// NaN.
func addScores(sum, squares, scores, shift []float64) {
	sum, squares, shift = sum[:len(scores)], squares[:len(scores)], shift[:len(scores)]
	for r, v := range scores {
		if d := v - shift[r]; d == d {
			sum[r] += d
			squares[r] += d * d
		}
	}
}

// count adds the places of a batch to the counts of the rows, a strip of rows at
// a time, and to those of the pairs.
func (m *MonteCarlo) count(ctx context.Context, places []uint16, reasons []error, workers int) error {
	n := len(m.Units)
	const strip = 32
	// A row's places are looked for in those of 64 blocks that were touched.
	shift := 0
	for n>>shift > 63 {
		shift++
	}
	type tally struct {
		counts  []uint32 // strip rows of places 0 to n, all 0 between uses
		touched [strip]uint64
	}
	return inParallel(ctx, workers, (n+strip-1)/strip,
		func() *tally { return &tally{counts: make([]uint32, strip*(n+1))} },
		func(t *tally, k int) {
			lo, hi := k*strip, min(k*strip+strip, n)
			clear(t.touched[:])
			for d, e := range reasons {
				if e != nil {
					continue
				}
				line := places[d*n+lo : d*n+hi]
				at := 0
				for i, p := range line {
					t.counts[at+int(p)]++
					t.touched[i&(strip-1)] |= 1 << (p >> shift & 63)
					at += n + 1
				}
				if m.before != nil {
					m.countPairs(lo, line, places[d*n:(d+1)*n])
				}
			}
			for i := range hi - lo {
				row := t.counts[i*(n+1) : (i+1)*(n+1)]
				touched := t.touched[i]
				if touched == 0 {
					continue
				}
				most := min(n, (64-bits.LeadingZeros64(touched))<<shift-1)
				if need := most + 1 - len(m.counts[lo+i]); need > 0 {
					m.counts[lo+i] = append(m.counts[lo+i], make([]uint32, need)...)
				}
				dst := m.counts[lo+i]
				for ; touched != 0; touched &= touched - 1 {
					from := bits.TrailingZeros64(touched) << shift
					to := min(n+1, from+1<<shift)
					part := dst[from:to]
					for p, c := range row[from:to] {
						part[p] += c
					}
					clear(row[from:to])
				}
			}
		})
}

// countPairs adds one draw to the pairs of some rows.
func (m *MonteCarlo) countPairs(lo int, line, all []uint16) {
	n := len(m.Units)
	for i, p := range line {
		if p == 0 {
			continue
		}
		pair := m.before[(lo+i)*n : (lo+i+1)*n]
		for j, q := range all {
			// Two for before, one for a shared place.
			if q != 0 && m.Units[j].Time == m.Units[lo+i].Time {
				if p < q {
					pair[j] += 2
				} else if p == q {
					pair[j]++
				}
			}
		}
	}
}

// finish makes the statistics of the counts.
func (m *MonteCarlo) finish(ctx context.Context, workers int) error {
	n := len(m.Units)
	m.Mean, m.Sd = make([]float64, n), make([]float64, n)
	m.Least, m.Greatest = make([]int, n), make([]int, n)
	m.Quantiles, m.Top = make([][]float64, len(m.Levels)), make([][]float64, len(m.TopPlaces))
	for q := range m.Quantiles {
		m.Quantiles[q] = make([]float64, n)
	}
	for k := range m.Top {
		m.Top[k] = make([]float64, n)
	}
	const strip = 64
	return inParallel(ctx, workers, (n+strip-1)/strip,
		func() []uint32 { return make([]uint32, n+2) },
		func(upTo []uint32, k int) {
			for r := k * strip; r < min(k*strip+strip, n); r++ {
				m.finishRow(r, upTo)
			}
		})
}

// finishRow is finish for one row; upTo is memory for as many numbers as there
// are places.
func (m *MonteCarlo) finishRow(r int, upTo []uint32) {
	counts := m.counts[r]
	if counts == nil {
		counts = []uint32{0}
	}
	valid := m.Draws - m.Failed
	m.NoPlace[r] = int(counts[0])
	with := valid - m.NoPlace[r]
	// upTo[p] is the number of draws with a place up to p.
	upTo = upTo[:len(counts)]
	upTo[0] = 0
	var sum, squares uint64
	for p := 1; p < len(counts); p++ {
		c := uint64(counts[p])
		upTo[p] = upTo[p-1] + counts[p]
		if c == 0 {
			continue
		}
		if m.Least[r] == 0 {
			m.Least[r] = p
		}
		m.Greatest[r] = p
		sum += c * uint64(p)
		squares += c * uint64(p) * uint64(p)
	}
	m.Mean[r], m.Sd[r] = nan, nan
	if with > 0 {
		m.Mean[r] = float64(sum) / float64(with)
	}
	if with > 1 {
		// Both products are exact integers in the range of use.
		m.Sd[r] = math.Sqrt(max(0, float64(squares)-float64(sum)*float64(sum)/float64(with)) / float64(with-1))
	}
	for q, level := range m.Levels {
		m.Quantiles[q][r] = countQuantile(upTo, with, level)
	}
	for k, top := range m.TopPlaces {
		m.Top[k][r] = float64(upTo[max(0, min(top, len(upTo)-1))]) / float64(valid)
	}
	shift := m.NominalScores[r]
	if shift != shift {
		shift = 0
	}
	mean := m.ScoreMean[r] / float64(with)
	variance := (m.ScoreSd[r] - m.ScoreMean[r]*mean) / float64(with-1)
	m.ScoreMean[r], m.ScoreSd[r] = nan, nan
	if with > 0 {
		m.ScoreMean[r] = shift + mean
	}
	if with > 1 {
		m.ScoreSd[r] = math.Sqrt(max(0, variance))
	}
}

// countQuantile is the quantile of type 7 of n places, of which upTo[p] are up to
// p.
func countQuantile(upTo []uint32, n int, level float64) float64 {
	if n == 0 {
		return nan
	}
	h := float64(n-1) * level
	i := int(h)
	// at is the place with k places before it in ascending order.
	at := func(k int) float64 {
		p, _ := slices.BinarySearch(upTo, uint32(k)+1)
		return float64(p)
	}
	a := at(i)
	if i >= n-1 {
		return a
	}
	return a + (h-float64(i))*(at(i+1)-a)
}

// inParallel calls do for 0..n-1, each goroutine with a space of its own.
func inParallel[S any](ctx context.Context, workers, n int, space func() S, do func(s S, i int)) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			s := space()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(s, i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// params are the parameters of one draw: the recipe by number, weights given by
// node, and, if it is drawn, the seeds that weights and figures come from.
type params struct {
	combo         int
	given         map[int]float64
	drawn         bool
	weights, data uint64
}

// source is the generator that starts from a seed of params.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, mix64(seed))) }

// sampler turns parameters into places. Its recipes are compiled and run once.
type sampler struct {
	x      *Index
	plan   *Plan
	combos []*combo
	number map[string]int

	nominal       []int
	nominalScores []float64
	shift         []float64 // the nominal scores, 0 where there is none
	// vary are the groups whose children's weights are uncertain.
	vary []int
}

// combo is one recipe among those that the choices give.
type combo struct {
	choices []int
	index   *Index
	base    *Result
	block   *weightBlock // nil where every draw needs a run from the scores up
	parts   [][]int      // rows with a place, by period
	err     error
}

// nominalCombo is the number of the recipe without choices.
const nominalCombo = 0

func newSampler(x *Index, plan *Plan) (*sampler, error) {
	if err := plan.check(); err != nil {
		return nil, err
	}
	s := &sampler{x: x, plan: plan, number: map[string]int{}}
	if w := plan.Weights; w != nil {
		for _, code := range w.Nodes {
			g := x.tree.Find(code)
			if g < 0 || x.tree.LeafOf[g] >= 0 {
				return nil, fmt.Errorf("composite: plan: weights.nodes: no group %q%s", code, hint(code, x.tree.GroupCodes()))
			}
		}
		for code := range w.By {
			if x.tree.Find(code) < 0 {
				return nil, fmt.Errorf("composite: plan: weights.by: no node %q", code)
			}
		}
		for _, g := range x.tree.Groups {
			if w.Nodes == nil || slices.Contains(w.Nodes, x.tree.Nodes[g].Code) {
				s.vary = append(s.vary, g)
			}
		}
	}
	if d := plan.Data; d != nil {
		for _, m := range []map[string]float64{d.Rounding, d.Relative, d.Absolute} {
			for code := range m {
				if x.data.Column(code) == nil {
					return nil, fmt.Errorf("composite: plan: data: no column %q in the data%s", code, hint(code, x.columnCodes()))
				}
			}
		}
	}
	none := make([]int, len(plan.Choices))
	for i := range none {
		none[i] = -1
	}
	s.combo(none)
	base := s.combos[nominalCombo]
	if base.err != nil {
		return nil, base.err
	}
	n := len(x.data.Units)
	s.nominal, s.nominalScores = make([]int, n), make([]float64, n)
	for r := range s.nominalScores {
		s.nominalScores[r] = nan
	}
	for r, row := range base.base.RowOf {
		s.nominal[row], s.nominalScores[row] = base.base.Places[r], base.base.Scores[r]
	}
	s.shift = make([]float64, n)
	for r, v := range s.nominalScores {
		if v == v {
			s.shift[r] = v
		}
	}
	return s, nil
}

// combo finds or makes the recipe of the alternatives.
func (s *sampler) combo(choices []int) int {
	key := fmt.Sprint(choices)
	if k, ok := s.number[key]; ok {
		return k
	}
	c := &combo{choices: slices.Clone(choices)}
	c.index, c.err = s.x.with(s.plan.Choices, choices)
	if c.err == nil {
		c.base, c.err = c.index.Run()
	}
	if c.err == nil {
		c.block, c.parts = c.index.fastPath(c.base)
	}
	s.number[key] = len(s.combos)
	s.combos = append(s.combos, c)
	return len(s.combos) - 1
}

// with compiles the recipe with alternatives in the place of what it says.
func (x *Index) with(list []Choice, choices []int) (*Index, error) {
	changed := false
	for _, k := range choices {
		changed = changed || k >= 0
	}
	if !changed {
		return x, nil
	}
	b, err := json.Marshal(x.recipe)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	for i, k := range choices {
		if k < 0 {
			continue
		}
		c := &list[i]
		if k >= len(c.Among) {
			return nil, fmt.Errorf("composite: plan: %s has %d alternatives, there is no number %d", c.name(), len(c.Among), k+1)
		}
		if err := setKey(doc, strings.Split(c.Key, "."), c.Among[k]); err != nil {
			return nil, fmt.Errorf("composite: plan: %s: %w", c.name(), err)
		}
	}
	if b, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	recipe, err := ParseRecipe(b)
	if err != nil {
		return nil, err
	}
	return Compile(recipe, x.tree, x.data, x.files)
}

// setKey sets a key of a JSON document; null takes it out.
func setKey(doc map[string]any, path []string, value json.RawMessage) error {
	for _, p := range path[:len(path)-1] {
		next, ok := doc[p].(map[string]any)
		if !ok {
			if doc[p] != nil {
				return fmt.Errorf("%s is not a list of keys", p)
			}
			next = map[string]any{}
			doc[p] = next
		}
		doc = next
	}
	last := path[len(path)-1]
	if strings.TrimSpace(string(value)) == "null" {
		delete(doc, last)
		return nil
	}
	doc[last] = value
	return nil
}

// drawn are the parameters of a draw by number.
func (s *sampler) drawn(i int) params {
	rng := stream(s.plan.Seed, streamDraw, uint64(i))
	u := make([]float64, len(s.plan.Choices))
	for k := range u {
		u[k] = rng.Float64()
	}
	return s.at(u, rng.Uint64(), rng.Uint64())
}

// at are the parameters for given positions of the choices and seeds of weights
// and figures.
func (s *sampler) at(u []float64, weights, data uint64) params {
	choices := make([]int, len(u))
	for k := range u {
		choices[k] = s.plan.Choices[k].pick(u[k])
	}
	return params{combo: s.combo(choices), drawn: true, weights: weights, data: data}
}

// listed are the parameters of a draw in a list.
func (s *sampler) listed(d *Draw) (params, error) {
	choices := make([]int, len(s.plan.Choices))
	for i := range choices {
		choices[i] = -1
	}
	if d.Choices != nil {
		if len(d.Choices) != len(choices) {
			return params{}, fmt.Errorf("composite: plan: a listed draw makes %d choices of %d", len(d.Choices), len(choices))
		}
		copy(choices, d.Choices)
	}
	p := params{combo: s.combo(choices), given: map[int]float64{}}
	for code, w := range d.Weights {
		node := s.x.tree.Find(code)
		if node < 0 {
			return params{}, fmt.Errorf("composite: plan: a listed draw weighs %q, which is not in the tree%s", code, hint(code, nodeCodes(s.x.tree)))
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return params{}, fmt.Errorf("composite: plan: a listed draw gives %s the weight %v; a weight is a number from 0 up", code, w)
		}
		p.given[node] = w
	}
	return p, nil
}

func nodeCodes(t *Tree) []string {
	codes := make([]string, len(t.Nodes))
	for i, n := range t.Nodes {
		codes[i] = n.Code
	}
	return codes
}

// parameters are those of a draw in words: the alternatives and all weights that
// differ from the recipe's.
func (s *sampler) parameters(p *params) Draw {
	c := s.combos[p.combo]
	d := Draw{Choices: c.choices}
	if c.err != nil {
		return d
	}
	given := c.base.Weights[0].Given
	w := slices.Clone(given)
	s.weigh(w, given, p)
	d.Weights = map[string]float64{}
	for i, v := range w {
		if v != given[i] {
			d.Weights[s.x.tree.Nodes[i].Code] = v
		}
	}
	return d
}

// weigh writes the weights of a draw, in the order of the tree.
func (s *sampler) weigh(dst, given []float64, p *params) {
	copy(dst, given)
	for node, w := range p.given {
		dst[node] = w
	}
	w := s.plan.Weights
	if !p.drawn || w == nil {
		return
	}
	rng := source(p.weights)
	spread, conc := or(w.Spread, 0.25), or(w.Concentration, 50)
	for _, g := range s.vary {
		children := s.x.tree.Children[g]
		switch w.Method {
		case "", "noise":
			for _, c := range children {
				f := spread
				if w.By != nil {
					if own, ok := w.By[s.x.tree.Nodes[c].Code]; ok {
						f = own
					}
				}
				dst[c] = given[c] * (1 + f*(2*rng.Float64()-1))
			}
		case "dirichlet", "free":
			sum := 0.0
			for _, c := range children {
				sum += given[c]
			}
			if sum == 0 {
				continue
			}
			total := 0.0
			for _, c := range children {
				shape := 1.0
				if w.Method == "dirichlet" {
					shape = conc * given[c] / sum
				}
				dst[c] = 0
				if given[c] > 0 {
					// The least keeps a weight that is almost 0 from vanishing.
					dst[c] = max(gamma(rng, shape), 1e-300)
					total += dst[c]
				}
			}
			for _, c := range children {
				dst[c] *= sum / total
			}
		}
	}
}

// gamma draws from the gamma distribution of scale 1 (Marsaglia and Tsang, ACM
// Transactions on Mathematical Software 26, 2000).
func gamma(rng *rand.Rand, shape float64) float64 {
	if shape == 1 {
		return rng.ExpFloat64()
	}
	if shape < 1 {
		u := 1 - rng.Float64()
		return gamma(rng, shape+1) * math.Pow(u, 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		z := rng.NormFloat64()
		v := 1 + c*z
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - rng.Float64()
		if math.Log(u) < z*z/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// fastPath is the block of an index whose scores are nothing but weighted means
// and whose places follow from scores alone; nil otherwise. parts are the rows
// with a place, by period.
func (x *Index) fastPath(base *Result) (*weightBlock, [][]int) {
	if len(base.Weights) != 1 || x.recipe.Adjust != nil || x.inapplicable {
		return nil, nil
	}
	if p := x.recipe.Place; p != nil && len(p.TieBreak) > 0 {
		return nil, nil
	}
	if w := x.recipe.Weights; w != nil && w.From == "bod" {
		return nil, nil
	}
	for _, g := range x.tree.Groups {
		if x.agg[g].Method != "arithmetic" {
			return nil, nil
		}
	}
	for _, l := range x.recipe.MinKnownWeight {
		if l > 0 {
			return nil, nil
		}
	}
	if len(base.RowOf) > maxRanked {
		return nil, nil
	}
	var parts [][]int
	for _, rows := range partition(base.Screened.Units, nil) {
		part := placed(rows, base.Unplaced)
		if p := x.recipe.Place; p != nil && Ties(p.Ties) == Ordinal && !slices.IsSortedFunc(part, func(a, b int) int {
			return cmp.Compare(base.Screened.Units[a].Code, base.Screened.Units[b].Code)
		}) {
			return nil, nil // a run parts equal scores by code, the quick way by row
		}
		parts = append(parts, part)
	}
	block := newWeightBlock(x.tree, base.Normalised.Values, base.Weights[0].Given, func(g int) float64 {
		return x.recipe.MinKnownChildren.at(x.tree.Nodes[g].Level - 2)
	})
	return block, parts
}

// evalSpace is the memory of one goroutine.
type evalSpace struct {
	scores  [blockDraws][]float64 // by row of the data
	weights [blockDraws][]float64
	rows    [blockDraws][]float64 // by row of the combo
	block   *blockSpace
	of      *weightBlock
	rankers map[int]*ranker
	buf     []float64
	out     []uint16
}

func (s *sampler) space() *evalSpace {
	sp := &evalSpace{rankers: map[int]*ranker{}}
	n := len(s.x.data.Units)
	for d := range blockDraws {
		sp.scores[d] = make([]float64, n)
		sp.rows[d] = make([]float64, n)
		sp.weights[d] = make([]float64, len(s.x.tree.Nodes))
	}
	sp.buf, sp.out = make([]float64, n), make([]uint16, n)
	return sp
}

var errNoPlace = errors.New("no unit has a place")

// eval evaluates up to four draws of one combo: places go to dst, by row of the
// data, scores to the space. It returns why a draw failed.
func (s *sampler) eval(sp *evalSpace, list []*params, dst [][]uint16) [blockDraws]error {
	var errs [blockDraws]error
	c := s.combos[list[0].combo]
	if c.err != nil {
		for k := range list {
			errs[k] = c.err
		}
		return errs
	}
	fast := c.block != nil
	for k, p := range list {
		s.weigh(sp.weights[k], c.base.Weights[0].Given, p)
		fast = fast && !s.varies(p) && c.block.fits(sp.weights[k])
	}
	if fast {
		s.evalBlock(sp, c, len(list), dst)
	} else {
		for k, p := range list {
			errs[k] = s.evalRun(sp, c, p, k, dst[k])
		}
	}
	for k := range list {
		if errs[k] == nil && !slices.ContainsFunc(dst[k], func(p uint16) bool { return p != 0 }) {
			errs[k] = errNoPlace
		}
	}
	return errs
}

// evalBlock is eval on the fast path.
func (s *sampler) evalBlock(sp *evalSpace, c *combo, draws int, dst [][]uint16) {
	if sp.of != c.block {
		sp.block, sp.of = c.block.space(), c.block
	}
	n := len(c.base.RowOf)
	whole := n == len(s.x.data.Units)
	var out [blockDraws][]float64
	for k := range draws {
		if out[k] = sp.rows[k][:n]; whole {
			out[k] = sp.scores[k]
		}
	}
	c.block.scores(sp.block, sp.weights[:draws], out[:draws])
	place := c.index.recipe.Place
	if place == nil {
		place = &Place{}
	}
	for k := range draws {
		if !whole {
			for r := range sp.scores[k] {
				sp.scores[k][r] = nan
			}
			for r, row := range c.base.RowOf {
				sp.scores[k][row] = out[k][r]
			}
		}
		direct := whole && len(c.parts) == 1 && len(c.parts[0]) == n
		if direct && place.Decimals == nil {
			sp.ranker(n, Ties(place.Ties)).places(dst[k], out[k])
			continue
		}
		clear(dst[k])
		for _, part := range c.parts {
			buf := sp.buf[:len(part)]
			for i, r := range part {
				buf[i] = out[k][r]
				if place.Decimals != nil && place.Decimals.On && buf[i] == buf[i] {
					buf[i] = Round(buf[i], place.Decimals.N)
				}
			}
			sp.ranker(len(part), Ties(place.Ties)).places(sp.out[:len(part)], buf)
			for i, r := range part {
				dst[k][c.base.RowOf[r]] = sp.out[i]
			}
		}
	}
}

func (sp *evalSpace) ranker(n int, ties Ties) *ranker {
	k := sp.rankers[n]
	if k == nil || k.ties != ties && !(ties == "" && k.ties == Competition) {
		k = newRanker(n, ties)
		sp.rankers[n] = k
	}
	return k
}

// evalRun is eval by a run: of everything if figures vary, else from the
// normalised scores up.
func (s *sampler) evalRun(sp *evalSpace, c *combo, p *params, k int, dst []uint16) error {
	base, index := c.base, c.index
	if s.varies(p) {
		data := s.figures(source(p.data))
		x, err := Compile(index.recipe, index.tree, data, index.files)
		if err != nil {
			return err
		}
		if base, err = x.Run(); err != nil {
			return err
		}
		index = x
	}
	res := base
	if p.drawn && s.plan.Weights != nil || len(p.given) > 0 {
		sets := make([][]float64, len(base.Weights))
		for i := range sets {
			sets[i] = make([]float64, len(index.tree.Nodes))
			s.weigh(sets[i], base.Weights[i].Given, p)
		}
		var err error
		if res, err = index.reweigh(base, sets); err != nil {
			return err
		}
	}
	clear(dst)
	for r := range sp.scores[k] {
		sp.scores[k][r] = nan
	}
	for r, row := range res.RowOf {
		dst[row] = uint16(res.Places[r])
		sp.scores[k][row] = res.Scores[r]
	}
	return nil
}

// reweigh is a result with other weights: everything from the normalised scores
// up is computed again. sets has the weights of each set of the result.
func (x *Index) reweigh(base *Result, sets [][]float64) (*Result, error) {
	res := *base
	res.Weights = make([]WeightSet, len(sets))
	for i, given := range sets {
		res.Weights[i] = WeightSet{Class: base.Weights[i].Class, Given: given, Share: x.tree.Shares(given), Effective: x.tree.Effective(given)}
	}
	return x.reaggregate(&res)
}

// reaggregate computes everything above the normalised scores of res again, with
// the weights that it has.
func (x *Index) reaggregate(res *Result) (*Result, error) {
	t := x.tree
	res.RowWeights, res.Adjustments, res.Places, res.GroupPlaces, res.Unplaced, res.Tiers, res.Warnings = nil, nil, nil, nil, nil, nil, nil
	res.Aggregated = newFrame(res.Screened.Units, t.GroupCodes())
	w := &warnings{}
	out := make([]float64, len(res.Screened.Units))
	for _, g := range t.Order {
		cols := make([][]float64, len(t.Children[g]))
		for i, c := range t.Children[g] {
			cols[i] = res.node(c)
		}
		if err := x.aggregate(g, cols, res, out, w); err != nil {
			return nil, err
		}
		k := slices.Index(t.Groups, g)
		for r, v := range out {
			res.Aggregated.set(k, r, v)
		}
	}
	res.Base = slices.Clone(res.node(t.Root))
	res.Scores = slices.Clone(res.Base)
	x.adjust(res, w)
	x.placeRows(res)
	res.Warnings = w.list
	return res, nil
}

// varies says that the draw has figures of its own.
func (s *sampler) varies(p *params) bool { return p.drawn && s.plan.Data != nil }

// figures is the data with one draw of its figures.
func (s *sampler) figures(rng *rand.Rand) *Data {
	d := s.x.data.clone()
	plan := s.plan.Data
	for i := range d.Columns {
		col := &d.Columns[i]
		step, rel, abs := plan.Rounding[col.Code], plan.Relative[col.Code], plan.Absolute[col.Code]
		var donors map[float64][]float64
		if plan.Missing == "donor" && s.x.tree.Find(col.Code) >= 0 {
			donors = map[float64][]float64{}
			for r, v := range s.x.data.Columns[i].Values {
				if v == v {
					donors[d.Units[r].Time] = append(donors[d.Units[r].Time], v)
				}
			}
		}
		if step == 0 && rel == 0 && abs == 0 && donors == nil {
			continue
		}
		for r, v := range col.Values {
			if v != v {
				if from := donors[d.Units[r].Time]; len(from) > 0 && col.State[r] == Missing {
					col.Values[r], col.State[r] = from[rng.IntN(len(from))], Known
				}
				continue
			}
			if step > 0 {
				v += step * (rng.Float64() - 0.5)
			}
			if rel > 0 {
				v *= 1 + rel*rng.NormFloat64()
			}
			if abs > 0 {
				v += abs * rng.NormFloat64()
			}
			col.Values[r] = v
		}
	}
	return d
}
