package composite

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func mustRun(t testing.TB, x *Index) *Result {
	t.Helper()
	res, err := x.Run()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestContributionsSumToTheScore(t *testing.T) {
	seed := uint64(21)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, recipe := range []string{
		`{"normalise":"minmax"}`,
		`{"normalise":"minmax","aggregate":[{"method":"sum"},{"method":"arithmetic"}]}`,
		`{"normalise":"minmax","aggregate":[{"method":"sum","missing":"zero"},{"method":"sum"}]}`,
		`{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["geometric"]}`,
		`{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["arithmetic","harmonic"]}`,
		`{"normalise":"minmax","aggregate":["arithmetic","topsis"]}`,
		`{"normalise":"rank","aggregate":["copeland"]}`,
	} {
		for _, missing := range []float64{0, 0.2} {
			x := drawnIndex(t, rng, 25, 3, 16, missing, recipe)
			res := mustRun(t, x)
			for _, leaves := range []bool{false, true} {
				for row := range 4 {
					if res.Scores[row] != res.Scores[row] {
						continue
					}
					for _, against := range []int{0, 1 + (row+7)%25} {
						if against > 0 && res.Scores[against-1] != res.Scores[against-1] {
							continue
						}
						e, err := x.Explain(res, row, "", ExplainOptions{Leaves: leaves, Against: against, Orders: 20, Seed: 3})
						if err != nil {
							t.Fatalf("%s: %v", recipe, err)
						}
						sum := e.Start
						for _, p := range e.Parts {
							sum += p.Points
							if p.Points != p.Points {
								t.Fatalf("%s: %s has NaN points", recipe, p.Code)
							}
						}
						if e.Kind == Additive && against > 0 {
							want := res.Scores[row]
							if math.Abs(sum-want) > 1e-9 {
								t.Errorf("%s: against: %v, want %v", recipe, sum, want)
							}
						} else if math.Abs(sum-e.Base) > 1e-9*(1+math.Abs(e.Base)) {
							t.Errorf("%s, missing %v, leaves %v, row %d: parts sum to %v, the score is %v (%s)", recipe, missing, leaves, row, sum, e.Base, e.Kind)
						}
					}
				}
			}
		}
	}
}

// A sampled explanation agrees with the exact one within its errors.
func TestSampledShapleyAgreesWithExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	x := drawnIndex(t, rng, 25, 3, 12, 0, `{"normalise":{"method":"minmax","lower":1,"upper":100},"aggregate":["geometric"]}`)
	res := mustRun(t, x)
	e, err := x.Explain(res, 3, "", ExplainOptions{Leaves: true})
	if err != nil || e.Kind != Exact {
		t.Fatal(e, err)
	}
	ev := x.rowEvaluator(res, 3, x.tree.Root)
	part, se, err := shapleySampled(12, 200, stream(1, streamShapley, 0), func(in []bool) (float64, error) {
		for k, leaf := range x.tree.Leaves {
			col := res.node(leaf)
			v := Mean(col)
			if in[k] {
				v = col[3]
			}
			ev.set(leaf, v)
		}
		return ev.score(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for k, p := range e.Parts {
		// Five standard errors: one in a million per part.
		if math.Abs(part[k]-p.Points) > 5*se[k]+1e-9 {
			t.Errorf("%s: sampled %v ± %v, exact %v", p.Code, part[k], se[k], p.Points)
		}
	}
}

func TestLargestRemainder(t *testing.T) {
	for _, c := range []struct {
		parts []float64
		total int
		want  []int
	}{
		{[]float64{0.5, 0.5, 0}, 1, []int{1, 0, 0}},
		{[]float64{-0.5, -0.5, 0}, -1, []int{0, -1, 0}},
		{[]float64{2.7, -1.2, 0, 0.5}, 2, []int{3, -1, 0, 0}},
		{[]float64{3 - 1e-12, 1e-12, 0}, 3, []int{3, 0, 0}},
		{nil, 0, nil},
	} {
		got := LargestRemainder(c.parts, c.total)
		if !slices.Equal(got, c.want) {
			t.Errorf("%v of %d: %v, want %v", c.parts, c.total, got, c.want)
		}
	}
}

// edit copies an index with other data or recipe.
func edit(t *testing.T, x *Index, recipe string, change func(d *Data)) *Index {
	t.Helper()
	d := x.data.clone()
	d.Units = slices.Clone(d.Units)
	if change != nil {
		change(d)
	}
	r := x.recipe
	if recipe != "" {
		var err error
		if r, err = ParseRecipe([]byte(recipe)); err != nil {
			t.Fatal(err)
		}
	}
	y, err := Compile(r, x.tree, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func setTime(time float64) func(*Data) {
	return func(d *Data) {
		for r := range d.Units {
			d.Units[r].Time = time
		}
	}
}

func dropRow(d *Data, r int) {
	d.Units = slices.Delete(d.Units, r, r+1)
	for i := range d.Columns {
		d.Columns[i].Values = slices.Delete(d.Columns[i].Values, r, r+1)
		d.Columns[i].State = slices.Delete(d.Columns[i].State, r, r+1)
	}
}

func TestMovementSingleCause(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	x := drawnIndex(t, rng, 12, 3, 9, 0, `{"normalise":"minmax"}`)
	shift := func(row int) func(*Data) {
		return func(d *Data) {
			for i := range d.Columns {
				d.Columns[i].Values[row] = 100 - d.Columns[i].Values[row]
			}
		}
	}
	both := func(a, b func(*Data)) func(*Data) { return func(d *Data) { a(d); b(d) } }
	for _, c := range []struct {
		name     string
		to       *Index
		restated *Data
		cause    Cause
	}{
		{"own figures of the next period", edit(t, x, "", both(shift(4), setTime(1))), nil, OwnValues},
		{"rivals' figures of the next period", edit(t, x, "", both(shift(7), setTime(1))), nil, RivalValues},
		{"own figures of the same period", edit(t, x, "", shift(4)), nil, OwnRevisions},
		{"rivals' figures of the same period", edit(t, x, "", shift(7)), nil, RivalRevisions},
		{"restated and carried on", edit(t, x, "", both(shift(7), setTime(1))), edit(t, x, "", shift(7)).data, RivalRevisions},
		{"recipe", edit(t, x, `{"normalise":"rank"}`, nil), nil, Method},
		{"a rival leaves", edit(t, x, "", func(d *Data) { dropRow(d, 9) }), nil, Membership},
	} {
		m, err := Movement(context.Background(), x, c.to, "u0004", MovementOptions{Restated: c.restated})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if m.ScoreFrom == m.ScoreTo && m.PlaceFrom == m.PlaceTo {
			t.Logf("%s: nothing moved", c.name)
		}
		for _, k := range Causes() {
			wantScore, wantPlaces := 0.0, 0.0
			if k == c.cause {
				wantScore, wantPlaces = m.ScoreTo-m.ScoreFrom, float64(m.PlaceFrom-m.PlaceTo)
			}
			if m.Score[k] != wantScore || m.Fractions[k] != wantPlaces || m.Places[k] != int(wantPlaces) {
				t.Errorf("%s: %s has %v points, %v (%d) places; want %v and %v", c.name, k, m.Score[k], m.Fractions[k], m.Places[k], wantScore, wantPlaces)
			}
		}
	}
	same, err := Movement(context.Background(), x, x, "u0004", MovementOptions{})
	if err != nil || same.Score != [causes]float64{} || same.Places != [causes]int{} {
		t.Errorf("nothing changed: %+v, %v", same, err)
	}
}

func TestMovementPartsSumAndEqualCauses(t *testing.T) {
	seed := uint64(32)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 10 {
		x := drawnIndex(t, rng, 10, 3, 7, 0.1, `{"normalise":"minmax"}`)
		restated := edit(t, x, "", func(d *Data) {
			for i := range d.Columns {
				for r := range d.Columns[i].Values {
					if rng.Float64() < 0.2 && d.Columns[i].State[r] == Known {
						d.Columns[i].Values[r] *= 1.1
					}
				}
			}
		})
		to := edit(t, restated, `{"normalise":{"method":"zscore"}}`, func(d *Data) {
			setTime(3)(d)
			for i := range d.Columns {
				for r := range d.Columns[i].Values {
					if d.Columns[i].State[r] == Known {
						d.Columns[i].Values[r] += 20 * rng.NormFloat64()
					}
				}
			}
			dropRow(d, 8)
		})
		moves, err := Movements(context.Background(), x, to, nil, MovementOptions{Restated: restated.data})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range moves {
			score, fractions, places := 0.0, 0.0, 0
			for k := range m.Score {
				score += m.Score[k]
				fractions += m.Fractions[k]
				places += m.Places[k]
			}
			if math.Abs(score-(m.ScoreTo-m.ScoreFrom)) > 1e-9 || math.Abs(fractions-float64(m.PlaceFrom-m.PlaceTo)) > 1e-9 || places != m.PlaceFrom-m.PlaceTo {
				t.Errorf("%s: parts %v, %v, %d; the whole is %v and %d", m.Unit, score, fractions, places, m.ScoreTo-m.ScoreFrom, m.PlaceFrom-m.PlaceTo)
			}
			if m.Score[NewPeriod] != 0 {
				t.Errorf("%s: the period itself changes nothing here, it has %v", m.Unit, m.Score[NewPeriod])
			}
		}
		// The mix of everything from the second run is the second run.
		mv, err := newMover(x, to, MovementOptions{Restated: restated.data})
		if err != nil {
			t.Fatal(err)
		}
		all, err := mv.play(1<<causes-1, "")
		if err != nil {
			t.Fatal(err)
		}
		for u, s := range all {
			if w := mv.end[1][u]; math.Abs(s.score-w.score) > 1e-12*math.Abs(w.score) || s.place != w.place {
				t.Errorf("%s: the full mix has %v, the second run %v", u, s, w)
			}
		}
	}
	// Two units A and B alike but for the sign of the change: own and rivals' parts
	// are equal.
	tree, err := NewTree([]Node{{Code: "a", Parent: "r", Weight: 1}, {Code: "r"}})
	if err != nil {
		t.Fatal(err)
	}
	compile := func(time float64, v ...float64) *Index {
		d := &Data{Columns: []Column{{Code: "a", Values: v}}}
		for _, c := range []string{"x", "y"}[:len(v)] {
			d.Units = append(d.Units, Unit{Code: c, Time: time})
		}
		ix, err := Compile(&Recipe{}, tree, d, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ix
	}
	// x falls by 2 and y rises by 2; x loses its place only if both do.
	m, err := Movement(context.Background(), compile(1, 5, 2), compile(2, 3, 4), "x", MovementOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Fractions[OwnValues] != m.Fractions[RivalValues] || m.Fractions[OwnValues] != -0.5 {
		t.Errorf("equal causes: %v", m.Fractions)
	}
}

// Rows of another period, which widen the scale of all periods, are the new
// period's doing.
func TestMovementNewPeriod(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 1))
	x := drawnIndex(t, rng, 8, 2, 5, 0, `{"normalise":{"method":"minmax","panel":"global"}}`)
	now := edit(t, x, "", setTime(2))
	both := edit(t, now, "", func(d *Data) {
		n := len(d.Units)
		for r := range n {
			d.Units = append(d.Units, Unit{Code: d.Units[r].Code, Time: 1})
		}
		for i := range d.Columns {
			for r := range n {
				d.Columns[i].Values = append(d.Columns[i].Values, d.Columns[i].Values[r]*float64(1+i))
				d.Columns[i].State = append(d.Columns[i].State, Known)
			}
		}
	})
	m, err := Movement(context.Background(), now, both, "u0003", MovementOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.ScoreFrom == m.ScoreTo || m.Score[NewPeriod] != m.ScoreTo-m.ScoreFrom {
		t.Errorf("%+v", m)
	}
	// A figure of the earlier period known otherwise is a revision.
	revised := edit(t, both, "", func(d *Data) { d.Columns[4].Values[8+5] *= 50 })
	m, err = Movement(context.Background(), both, revised, "u0003", MovementOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.ScoreFrom == m.ScoreTo || m.Score[RivalRevisions] != m.ScoreTo-m.ScoreFrom {
		t.Errorf("%+v", m)
	}
}
