package composite

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MinMax writes lower + (upper - lower) (x - min) / (max - min) to dst (OECD
// Handbook 2008, step 5; COINr n_minmax) and reports whether it is defined: a
// constant or empty x leaves all of dst NaN. Min and max are over the values
// that are not NaN; NaN stays NaN. dst may be x.
func MinMax(dst, x []float64, lower, upper float64) bool {
	lo, hi := Range(x)
	if !(lo < hi) {
		for i := range dst {
			dst[i] = nan
		}
		return false
	}
	for i, v := range x {
		dst[i] = float64((v-lo)/(hi-lo)*(upper-lower)) + lower
	}
	return true
}

// ZScore writes mean + sd (x - m) / s to dst, with m the mean and s the standard
// deviation of the values that are not NaN, by n - ddof, and reports whether it
// is defined: a constant x or too few values leave all of dst NaN. dst may be x.
func ZScore(dst, x []float64, mean, sd float64, ddof int) bool {
	m, s := Mean(x), Sd(x, ddof)
	if constant(x) || s != s || s == 0 {
		for i := range dst {
			dst[i] = nan
		}
		return false
	}
	for i, v := range x {
		dst[i] = float64((v-m)/s*sd) + mean
	}
	return true
}

// scale is the normalisation of one indicator with everything looked up.
type scale struct {
	rule      *Normalise
	direction float64
	// post are goalposts, value a benchmark or target, in natural units.
	post   [2]float64
	posted bool
	value  float64
	bands  []Band
	// means "by indicator", "panel" and "within" as in the rule.
	global bool
	within string
}

// merge adds the keys of one to a copy of base.
func (base *Normalise) merge(one *Normalise) *Normalise {
	m := *base
	m.PerIndicator = nil
	if one.Lower != nil {
		m.Lower = one.Lower
	}
	if one.Upper != nil {
		m.Upper = one.Upper
	}
	if one.Mean != nil {
		m.Mean = one.Mean
	}
	if one.Sd != nil {
		m.Sd = one.Sd
	}
	if one.Ddof != nil {
		m.Ddof = one.Ddof
	}
	if one.Min != nil {
		m.Min = one.Min
	}
	if one.Max != nil {
		m.Max = one.Max
	}
	if one.Ties != "" {
		m.Ties = one.Ties
	}
	if one.Unit != "" {
		m.Unit = one.Unit
	}
	if one.Cap != nil {
		m.Cap = one.Cap
	}
	if one.File != "" {
		m.File = one.File
	}
	if one.Clip != nil {
		m.Clip = one.Clip
	}
	if one.Scale != nil {
		m.Scale = one.Scale
	}
	if one.Base != nil {
		m.Base = one.Base
	}
	if one.Span != nil {
		m.Span = one.Span
	}
	if one.Goalposts != nil {
		m.Goalposts = one.Goalposts
	}
	if one.Values != nil {
		m.Values = one.Values
	}
	if one.Bands != nil {
		m.Bands = one.Bands
	}
	if one.Range != nil {
		m.Range = one.Range
	}
	if one.Transform != "" {
		m.Transform = one.Transform
	}
	if one.Panel != "" {
		m.Panel = one.Panel
	}
	if one.Within != "" {
		m.Within = one.Within
	}
	return &m
}

// compileScales looks up the parameters of every indicator.
func (x *Index) compileScales() error {
	n := x.recipe.Normalise
	x.scales = make([]scale, len(x.tree.Leaves))
	if n == nil {
		n = &Normalise{Method: "none"}
	}
	if err := x.knownCodes("normalise.per_indicator", keysOf(n.PerIndicator)); err != nil {
		return err
	}
	for c, leaf := range x.tree.Leaves {
		node := x.tree.Nodes[leaf]
		rule, where := n, "normalise"
		if one, ok := n.PerIndicator[node.Code]; ok {
			where = "normalise.per_indicator." + node.Code
			if one.Method != "" {
				rule = one
			} else {
				rule = n.merge(one)
			}
			if one.PerIndicator != nil {
				return fmt.Errorf("%s: per_indicator inside per_indicator; name the indicators on the first level", where)
			}
		}
		if rule.Method == "" {
			return fmt.Errorf("%s: no method; give one of %s", where, strings.Join(Words("normalise", "method"), ", "))
		}
		s := scale{rule: rule, direction: node.Direction, value: nan, within: rule.Within, global: rule.Panel == "global"}
		if rule.Within != "" && x.data.Group(rule.Within) == nil {
			return fmt.Errorf("%s.within: no group column %q%s", where, rule.Within, hint(rule.Within, x.groupCodes()))
		}
		if r := rule.Range; r != nil && !(r[0] < r[1]) {
			return fmt.Errorf("%s.range: %v is not below %v", where, r[0], r[1])
		}
		var err error
		switch rule.Method {
		case "goalposts":
			err = x.lookUpPosts(&s, where, node.Code)
		case "efficacy":
			if rule.File != "" || rule.Goalposts != nil {
				err = x.lookUpPosts(&s, where, node.Code)
			}
		case "benchmark", "two_sided":
			err = x.lookUpValue(&s, where, node.Code)
		case "bands":
			err = x.lookUpBands(&s, where, node.Code)
		case "dist2ref":
			if rule.Unit == "" {
				err = fmt.Errorf("%s: dist2ref needs unit, the code of the unit of reference", where)
			} else if codes := x.unitCodes(); !slices.Contains(codes, rule.Unit) {
				err = fmt.Errorf("%s.unit: no unit %q in the data%s", where, rule.Unit, hint(rule.Unit, codes))
			}
		case "dist2targ":
			if node.Target != node.Target {
				err = fmt.Errorf("%s: dist2targ needs the target of %s; fill the Target column of the table of indicators", where, node.Code)
			}
			s.value = node.Target
		case "zscore":
			if rule.Sd != nil && *rule.Sd <= 0 {
				err = fmt.Errorf("%s.sd: %v; a standard deviation is above 0", where, *rule.Sd)
			}
		case "minmax":
			if lo, hi := or(rule.Lower, 0), or(rule.Upper, 100); !(lo < hi) {
				err = fmt.Errorf("%s: lower %v is not below upper %v", where, lo, hi)
			}
		case "scaled":
			if or(rule.Min, 0) == or(rule.Max, 100) {
				err = fmt.Errorf("%s: min and max are equal", where)
			}
		case "points":
			if or(rule.Max, 100) <= 0 {
				err = fmt.Errorf("%s.max: %v; the most points a judge can give are above 0", where, *rule.Max)
			}
		}
		if err != nil {
			return err
		}
		x.scales[c] = s
	}
	return nil
}

// or is the value of p, or what it is by default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// column finds the columns of an attachment by name.
func (x *Index) table(where, path string, columns ...string) (Table, []int, error) {
	t, ok := x.files[path]
	if !ok {
		return t, nil, fmt.Errorf("%s: the table %q was not attached", where, path)
	}
	at := make([]int, len(columns))
	for i, c := range columns {
		at[i] = slices.Index(t.Header, c)
		if at[i] < 0 {
			return t, nil, fmt.Errorf("%s: %s has no column %s (it has %s)", where, path, c, strings.Join(t.Header, ", "))
		}
	}
	return t, at, nil
}

// cellNumber reads a number of an attachment.
func cellNumber(path string, row int, column, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s, row %d, column %s: %q is not a number", path, row+2, column, text)
	}
	return v, nil
}

func (x *Index) lookUpPosts(s *scale, where, code string) error {
	if p, ok := s.rule.Goalposts[code]; ok {
		s.post, s.posted = p, true
	} else if s.rule.File != "" {
		t, at, err := x.table(where+".file", s.rule.File, "iCode", "lower", "upper")
		if err != nil {
			return err
		}
		for i, row := range t.Rows {
			if row[at[0]] != code {
				continue
			}
			for k := range 2 {
				if s.post[k], err = cellNumber(s.rule.File, i, t.Header[at[k+1]], row[at[k+1]]); err != nil {
					return fmt.Errorf("%s.file: %w", where, err)
				}
			}
			s.posted = true
		}
	}
	if !s.posted {
		return fmt.Errorf("%s: no goalposts for %s; add a row to the file or a key to goalposts", where, code)
	}
	if s.post[0] == s.post[1] {
		return fmt.Errorf("%s: the goalposts of %s are equal", where, code)
	}
	return nil
}

func (x *Index) lookUpValue(s *scale, where, code string) error {
	found := false
	if v, ok := s.rule.Values[code]; ok {
		s.value, found = v, true
	} else if s.rule.File != "" {
		t, at, err := x.table(where+".file", s.rule.File, "iCode", "value")
		if err != nil {
			return err
		}
		for i, row := range t.Rows {
			if row[at[0]] != code {
				continue
			}
			if s.value, err = cellNumber(s.rule.File, i, "value", row[at[1]]); err != nil {
				return fmt.Errorf("%s.file: %w", where, err)
			}
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s: no value for %s; add a row to the file or a key to values", where, code)
	}
	return nil
}

func (x *Index) lookUpBands(s *scale, where, code string) error {
	s.bands = s.rule.Bands
	if s.bands == nil && s.rule.File != "" {
		t, at, err := x.table(where+".file", s.rule.File, "iCode", "up_to", "score")
		if err != nil {
			return err
		}
		for i, row := range t.Rows {
			if row[at[0]] != code {
				continue
			}
			var b Band
			if up := strings.TrimSpace(row[at[1]]); up != "" && up != "NA" {
				v, err := cellNumber(s.rule.File, i, "up_to", up)
				if err != nil {
					return fmt.Errorf("%s.file: %w", where, err)
				}
				b.UpTo = &v
			}
			if b.Score, err = cellNumber(s.rule.File, i, "score", row[at[2]]); err != nil {
				return fmt.Errorf("%s.file: %w", where, err)
			}
			s.bands = append(s.bands, b)
		}
	}
	if len(s.bands) == 0 {
		return fmt.Errorf("%s: no bands for %s; add rows to the file or give bands", where, code)
	}
	for i, b := range s.bands {
		last := i == len(s.bands)-1
		if b.UpTo == nil && !last || i > 0 && b.UpTo != nil && *b.UpTo <= *s.bands[i-1].UpTo {
			return fmt.Errorf("%s: the bands of %s are not in ascending order; only the last may have no up_to", where, code)
		}
	}
	return nil
}

// normalise is the step. Missing stays missing; a column (of a period, or of a
// class within it) whose formula divides by zero is missing with a warning.
func (x *Index) normalise(in *Frame, rowOf []int, w *warnings) *Frame {
	if x.recipe.Normalise == nil {
		return in
	}
	out := in.Clone()
	byPeriod, atOnce := partition(in.Units, nil), partitionAcross(in.Units, nil)
	for c := range in.Codes {
		s := &x.scales[c]
		v := slices.Clone(in.Values[c])
		if lost := transformInPlace(s.rule.Transform, v); lost > 0 {
			w.add("normalise", in.Codes[c], fmt.Sprintf("%d values have no %s and are missing", lost, s.rule.Transform))
		}
		var class func(int) string
		if g := x.data.Group(s.within); g != nil {
			class = func(r int) string { return g.Values[rowOf[r]] }
		}
		// Ranges over all periods still take the unit of reference, and warn,
		// period by period.
		parts := byPeriod
		switch {
		case class != nil && s.global:
			parts = partitionAcross(in.Units, class)
		case class != nil:
			parts = partition(in.Units, class)
		case s.global:
			parts = atOnce
		}
		for _, rows := range parts {
			part := pick(v, rows)
			if why := s.apply(part, in.Units, rows); why != "" {
				w.period("normalise", in.Codes[c], in.Units[rows[0]].Time, why+"; the column is missing")
			}
			lost := 0
			for i, r := range rows {
				if part[i] != part[i] && v[r] == v[r] {
					lost++
				}
				out.set(c, r, part[i])
			}
			if lost > 0 && lost < len(rows) && s.rule.Method == "benchmark" {
				w.period("normalise", in.Codes[c], in.Units[rows[0]].Time, fmt.Sprintf("benchmark / value divides by zero in %d rows, which are missing", lost))
			}
		}
	}
	return out
}

// partitionAcross ignores time.
func partitionAcross(units []Unit, class func(int) string) [][]int {
	timeless := make([]Unit, len(units))
	return partition(timeless, class)
}

// transformOne is the transformation of a value; NaN where there is none.
func transformOne(name string, v float64) float64 {
	switch name {
	case "ln", "log10":
		if v <= 0 {
			return nan
		}
		if name == "ln" {
			return math.Log(v)
		}
		return math.Log10(v)
	case "sqrt":
		return math.Sqrt(v)
	}
	return v
}

func transformInPlace(name string, v []float64) (lost int) {
	if name == "" || name == "none" {
		return 0
	}
	for i := range v {
		t := transformOne(name, v[i])
		if t != t && v[i] == v[i] {
			lost++
		}
		v[i] = t
	}
	return lost
}

// apply normalises v, the transformed values of some rows, in place, and stretches
// the result to the range of the rule. It returns why the whole column has no
// result, or "".
func (s *scale) apply(v []float64, units []Unit, rows []int) string {
	why := s.method(v, units, rows)
	r := s.rule.Range
	if why != "" || r == nil {
		return why
	}
	switch s.rule.Method {
	case "goalposts", "prank", "dist2max", "two_sided":
		top := 1.0
		if s.rule.Method == "goalposts" {
			top = or(s.rule.Scale, 1)
		}
		for i, y := range v {
			v[i] = float64(y/top*(r[1]-r[0])) + r[0]
		}
	default:
		if !MinMax(v, v, r[0], r[1]) && len(known(v)) > 0 {
			return "all scores are equal, so they have no range"
		}
	}
	return ""
}

// missingColumn leaves nothing of a column and says why.
func missingColumn(v []float64, why string) string {
	for i := range v {
		v[i] = nan
	}
	return why
}

// method is the formula of the rule. Those that read values in natural units come
// first; the others see them directed.
func (s *scale) method(v []float64, units []Unit, rows []int) string {
	if len(known(v)) == 0 {
		return ""
	}
	switch s.rule.Method {
	case "none":
		return ""
	case "bands":
		s.banded(v)
		return ""
	case "points":
		for i, y := range v {
			v[i] = y / or(s.rule.Max, 100) * or(s.rule.Upper, 100)
		}
		return ""
	case "benchmark":
		return s.benchmarked(v)
	case "two_sided":
		return s.twoSided(v)
	}
	if s.direction < 0 {
		for i := range v {
			v[i] = -v[i]
		}
	}
	switch s.rule.Method {
	case "rank", "prank", "borda":
		return s.ranked(v)
	case "dist2ref":
		return s.distanceToUnit(v, units, rows)
	case "goalposts", "efficacy":
		return s.between(v)
	}
	return s.spread(v)
}

func (s *scale) banded(v []float64) {
	for i, y := range v {
		if y != y {
			continue
		}
		v[i] = nan
		for _, b := range s.bands {
			if b.UpTo == nil || y <= transformOne(s.rule.Transform, *b.UpTo) {
				v[i] = b.Score
				break
			}
		}
	}
}

func (s *scale) benchmarked(v []float64) string {
	b := transformOne(s.rule.Transform, s.value)
	if b != b || b == 0 && s.direction > 0 {
		return missingColumn(v, fmt.Sprintf("the benchmark %v cannot divide", s.value))
	}
	for i, y := range v {
		switch {
		case s.direction < 0 && y == 0:
			v[i] = nan // no cap makes a score of a division by zero
		case s.direction < 0:
			v[i] = s.capped(b / y)
		default:
			v[i] = s.capped(y / b)
		}
	}
	return ""
}

func (s *scale) twoSided(v []float64) string {
	t := transformOne(s.rule.Transform, s.value)
	if t != t || t == 0 {
		return missingColumn(v, fmt.Sprintf("the target %v cannot divide", s.value))
	}
	for i, y := range v {
		if y != y {
			continue
		}
		r := y / t
		if r > 1 {
			r = 2 - r
		}
		v[i] = max(0, min(1, r))
	}
	return ""
}

func (s *scale) ranked(v []float64) string {
	count := float64(len(known(v)))
	if s.rule.Method == "prank" && count == 1 {
		return missingColumn(v, "one known value only, so percentile ranks divide by zero")
	}
	for i, r := range Ranks(v, s.rule.Ties) {
		switch s.rule.Method {
		case "rank":
			v[i] = r
		case "prank":
			v[i] = (r - 1) / (count - 1)
		case "borda":
			v[i] = r - 1
		}
	}
	return ""
}

// distanceToUnit takes the value of the unit of reference in the same period, also
// where the minimum is over all periods.
func (s *scale) distanceToUnit(v []float64, units []Unit, rows []int) string {
	lo, _ := Range(v)
	refs := map[float64]float64{}
	for i, r := range rows {
		if units[r].Code == s.rule.Unit {
			refs[units[r].Time] = v[i]
		}
	}
	why := ""
	for i, r := range rows {
		ref, ok := refs[units[r].Time]
		switch {
		case !ok || ref != ref:
			why = fmt.Sprintf("the unit of reference %s has no value", s.rule.Unit)
			v[i] = nan
		case ref == lo:
			why = fmt.Sprintf("the unit of reference %s has the lowest value, so dist2ref divides by zero", s.rule.Unit)
			v[i] = nan
		default:
			v[i] = s.capped(1 - (ref-v[i])/(ref-lo))
		}
	}
	return why
}

func (s *scale) between(v []float64) string {
	n := s.rule
	lo, hi := Range(v)
	if s.posted {
		lo, hi = s.posts()
	}
	if lo == hi || lo != lo || hi != hi {
		return missingColumn(v, "the lower and the upper end are equal or not defined, so the formula divides by zero")
	}
	clip := or(n.Clip, n.Method == "goalposts")
	for i, y := range v {
		y = (y - lo) / (hi - lo)
		if clip && y == y {
			y = max(0, min(1, y))
		}
		if n.Method == "goalposts" {
			v[i] = y * or(n.Scale, 1)
		} else {
			v[i] = or(n.Base, 60) + float64(or(n.Span, 40)*y)
		}
	}
	return ""
}

// spread is the methods that measure against the spread of the column itself, or
// against a line that is given.
func (s *scale) spread(v []float64) string {
	n := s.rule
	lo, hi := Range(v)
	switch n.Method {
	case "minmax":
		if !MinMax(v, v, or(n.Lower, 0), or(n.Upper, 100)) {
			return "all values are equal, so min-max divides by zero"
		}
	case "zscore":
		if !ZScore(v, v, or(n.Mean, 0), or(n.Sd, 1), or(n.Ddof, 1)) {
			return "the standard deviation is zero or not defined, so z-scores divide by zero"
		}
	case "scaled":
		least, most := or(n.Min, 0), or(n.Max, 100)
		a, b := or(n.Lower, 0), or(n.Upper, 100)
		for i, y := range v {
			v[i] = float64((y-least)/(most-least)*(b-a)) + a
		}
	case "dist2max":
		if lo == hi {
			return missingColumn(v, "all values are equal, so dist2max divides by zero")
		}
		for i, y := range v {
			v[i] = 1 - (hi-y)/(hi-lo)
		}
	case "dist2targ":
		t := transformOne(n.Transform, s.value) * s.direction
		if t != t || t == lo {
			return missingColumn(v, fmt.Sprintf("the target %v is the lowest value or has no %s, so dist2targ divides by zero", s.value, n.Transform))
		}
		for i, y := range v {
			v[i] = s.capped(1 - (t-y)/(t-lo))
		}
	case "fracmax":
		if hi == 0 {
			return missingColumn(v, "the maximum is zero, so fracmax divides by zero")
		}
		for i, y := range v {
			v[i] = y / hi
		}
	}
	return ""
}

// posts are the goalposts as they stand beside directed values.
func (s *scale) posts() (lo, hi float64) {
	lo, hi = transformOne(s.rule.Transform, s.post[0]), transformOne(s.rule.Transform, s.post[1])
	if s.direction < 0 {
		lo, hi = -hi, -lo
	}
	return lo, hi
}

func (s *scale) capped(y float64) float64 {
	if c := s.rule.Cap; c != nil && c.On && y > c.At {
		return c.At
	}
	return y
}
