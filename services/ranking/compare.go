package ranking

import (
	"cmp"
	"maps"
	"math"
	"math/big"
	"slices"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// comparison is one CompareZones at work: what it may look at, what it was
// asked, and the figures it found. It reads two immutable views and nothing
// else, so the same question at the same revision has the same answer.
type comparison struct {
	registry registry.View
	figures  figures.View

	subjects []string
	period   period.Period
	kind     indicatorv1.Kind
	tags     map[indicatorv1.Tag]bool

	// found holds the subjects' figures by canonical indicator, then subject.
	found map[string]map[string][]*entry
	// members holds the indicators of each concept that has figures.
	members map[string][]*indicatorv1.Indicator
	kin     kinship
}

// entry is one figure of one subject, read for comparison.
type entry struct {
	subject   string
	indicator *indicatorv1.Indicator
	key       *indicatorv1.FigureKey
	period    period.Period
	// preferred are the statements of the highest precedence; they agree on
	// number, or number is nil.
	preferred  []*indicatorv1.Statement
	number     *big.Rat // in the unit of the concept; nil when none is agreed
	text       string   // the agreed number as an exact decimal, in unit
	unit       string   // of the concept, or the indicator's own when it does not convert
	comparator typev1.Comparator
	conflict   *indicatorv1.Conflict
}

// collect reads every figure of every subject that has a statement with one of
// the wanted tags. Statements with other tags do not take part in the
// selection either: a delivery count must not outvote a headline figure.
func (c *comparison) collect() {
	c.found = make(map[string]map[string][]*entry)
	c.members = make(map[string][]*indicatorv1.Indicator)
	seen := make(map[string]bool)
	for _, subject := range c.subjects {
		for figure := range c.figures.FiguresOf(subject) {
			e := c.read(subject, figure)
			if e == nil {
				continue
			}
			concept := canonical(e.indicator)
			if c.found[concept] == nil {
				c.found[concept] = make(map[string][]*entry)
			}
			c.found[concept][subject] = append(c.found[concept][subject], e)
			if !seen[e.indicator.GetName()] {
				seen[e.indicator.GetName()] = true
				c.members[concept] = append(c.members[concept], e.indicator)
			}
		}
	}
	for _, list := range c.members {
		slices.SortFunc(list, func(a, b *indicatorv1.Indicator) int { return cmp.Compare(a.GetName(), b.GetName()) })
	}
	c.kin = relate(c.figures)
}

// read makes an entry of a figure, nil when none of its statements takes part.
func (c *comparison) read(subject string, figure *indicatorv1.Figure) *entry {
	ind, ok := c.figures.Indicator(figure.GetKey().GetIndicator())
	if !ok {
		return nil
	}
	parsed, err := period.Parse(figure.GetKey().GetPeriod())
	if err != nil { // The indicator service parsed it before it was recorded.
		return nil
	}
	e := &entry{subject: subject, indicator: ind, key: figure.GetKey(), period: parsed}
	part := figure
	if slices.ContainsFunc(figure.GetStatements(), func(s *indicatorv1.Statement) bool { return !c.tags[s.GetTag()] }) {
		kept := slices.DeleteFunc(slices.Clone(figure.GetStatements()), func(s *indicatorv1.Statement) bool { return !c.tags[s.GetTag()] })
		if len(kept) == 0 {
			return nil
		}
		part = figures.Assemble(figure.GetKey(), kept, c.source, pinnedIn(figure), figure.GetPinReason())
	}
	if len(part.GetStatements()) == 0 {
		return nil
	}
	e.conflict, e.comparator = part.GetConflict(), part.GetComparator()
	e.preferred = preferred(part)
	if part.GetNumber() == "" {
		return e
	}
	e.text, e.unit = part.GetNumber(), ind.GetUnit()
	if head, ok := c.figures.Indicator(canonical(ind)); ok && head.GetUnit() != ind.GetUnit() {
		converted, err := quantity.Convert(e.text, ind.GetUnit(), head.GetUnit())
		if err != nil {
			return e // Another unit altogether: shown beside, never ordered.
		}
		e.text, e.unit = converted, head.GetUnit()
	}
	if number, ok := new(big.Rat).SetString(e.text); ok {
		e.number = number
	}
	return e
}

func (c *comparison) source(name string) *indicatorv1.Source {
	s, _ := c.figures.Source(name)
	return s
}

func pinnedIn(figure *indicatorv1.Figure) string {
	if figure.GetPinned() {
		return figure.GetSelected()
	}
	return ""
}

// preferred gives the selected statement, or when a tie selects none the ones
// that tie.
func preferred(figure *indicatorv1.Figure) []*indicatorv1.Statement {
	names := figure.GetConflict().GetStatements()
	if figure.GetSelected() != "" {
		names = []string{figure.GetSelected()}
	}
	var list []*indicatorv1.Statement
	for _, s := range figure.GetStatements() {
		if slices.Contains(names, s.GetName()) {
			list = append(list, s)
		}
	}
	return list
}

// canonical is the indicator that stands for the concept of another.
func canonical(ind *indicatorv1.Indicator) string {
	if ind.GetConcept() != "" {
		return ind.GetConcept()
	}
	return ind.GetName()
}

func (e *entry) class() typev1.StatisticalClass { return e.key.GetScope().GetStatisticalClass() }

// certain says that the source states both whose figure it is and of when.
func (e *entry) certain() bool {
	for _, s := range e.preferred {
		if s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED ||
			s.GetPeriodCertainty() != typev1.Certainty_CERTAINTY_STATED {
			return false
		}
	}
	return len(e.preferred) > 0
}

// referenceDifferences are those that leave a reference comparison possible
// (DOMAIN: only year, class, breadth, succession, certainty or a missing
// national definition differ).
var referenceDifferences = []rankingv1.Difference{
	rankingv1.Difference_DIFFERENCE_PERIOD,
	rankingv1.Difference_DIFFERENCE_CLASS,
	rankingv1.Difference_DIFFERENCE_BREADTH,
	rankingv1.Difference_DIFFERENCE_SUCCESSION,
	rankingv1.Difference_DIFFERENCE_CERTAINTY,
	rankingv1.Difference_DIFFERENCE_NATIONAL_DEFINITION,
}

// differences lists all ways in which two entries differ, in the order of the
// enum. None: they may be placed against each other.
func (c *comparison) differences(a, b *entry) []rankingv1.Difference {
	set := make(map[rankingv1.Difference]bool)
	if canonical(a.indicator) != canonical(b.indicator) {
		set[rankingv1.Difference_DIFFERENCE_CONCEPT] = true
	}
	if a.indicator.GetNature() != b.indicator.GetNature() {
		set[rankingv1.Difference_DIFFERENCE_NATURE] = true
	}
	if a.key.GetKind() != b.key.GetKind() {
		set[rankingv1.Difference_DIFFERENCE_KIND] = true
	}
	switch {
	case !sameLength(a.period, b.period):
		set[rankingv1.Difference_DIFFERENCE_PERIOD_LENGTH] = true
	case a.key.GetPeriod() != b.key.GetPeriod():
		set[rankingv1.Difference_DIFFERENCE_PERIOD] = true
	}
	if a.class() != b.class() {
		set[rankingv1.Difference_DIFFERENCE_CLASS] = true
	}
	for _, d := range c.kin.between(a.indicator.GetName(), b.indicator.GetName()) {
		set[d] = true
	}
	if !a.certain() || !b.certain() {
		set[rankingv1.Difference_DIFFERENCE_CERTAINTY] = true
	}
	if c.localDefinition(a) && c.localDefinition(b) && !c.sameProvince(a, b) {
		set[rankingv1.Difference_DIFFERENCE_NATIONAL_DEFINITION] = true
	}
	for _, e := range []*entry{a, b} {
		switch {
		case e.text != "":
		case e.conflict.GetNumberDiffers():
			set[rankingv1.Difference_DIFFERENCE_CONFLICT] = true
		default:
			set[rankingv1.Difference_DIFFERENCE_NO_NUMBER] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// verdict is the strictest comparison that two entries allow (DOMAIN 5).
func verdict(differences []rankingv1.Difference) rankingv1.Verdict {
	worst := rankingv1.Verdict_VERDICT_STRICT
	other := slices.Contains(differences, rankingv1.Difference_DIFFERENCE_DEFINITION)
	for _, d := range differences {
		v := rankingv1.Verdict_VERDICT_SIDE_BY_SIDE
		switch {
		case slices.Contains(referenceDifferences, d):
			v = rankingv1.Verdict_VERDICT_REFERENCE
		case d == rankingv1.Difference_DIFFERENCE_CONCEPT:
			v = rankingv1.Verdict_VERDICT_REFUSED
		case !other && (d == rankingv1.Difference_DIFFERENCE_KIND || d == rankingv1.Difference_DIFFERENCE_NATURE):
			// One definition as target and as actual, or as growth and as level,
			// invites the comparison that must never be made.
			v = rankingv1.Verdict_VERDICT_REFUSED
		}
		worst = max(worst, v)
	}
	return worst
}

// localDefinition says that each province counts this in its own way.
func (c *comparison) localDefinition(e *entry) bool {
	return e.indicator.GetNature() == indicatorv1.Nature_NATURE_COUNT && e.indicator.GetNationalAuthority() == ""
}

// sameProvince is false unless both provinces are known and equal.
func (c *comparison) sameProvince(a, b *entry) bool {
	p := c.registry.Province(a.subject)
	return p != "" && p == c.registry.Province(b.subject)
}

// closest picks the entry of a subject that comes nearest to what was asked:
// of the kind and period, with a number, of the concept's usual class, of the
// canonical indicator, of the plain ambition, of the whole territory. Nil when
// the subject has nothing on the concept.
func (c *comparison) closest(concept *indicatorv1.Indicator, entries []*entry) *entry {
	if len(entries) == 0 {
		return nil
	}
	return slices.MinFunc(entries, func(a, b *entry) int {
		return cmp.Or(
			order(a.key.GetKind() == c.kind, b.key.GetKind() == c.kind),
			order(a.key.GetPeriod() == c.period.String(), b.key.GetPeriod() == c.period.String()),
			order(a.number != nil, b.number != nil),
			order(a.class() == concept.GetUsualClass(), b.class() == concept.GetUsualClass()),
			order(a.indicator.GetName() == concept.GetName(), b.indicator.GetName() == concept.GetName()),
			cmp.Compare(distance(c.period, a.period), distance(c.period, b.period)),
			compareWording(a, b),
		)
	})
}

// compareWording puts the plain target before the promised and the hoped for,
// and the whole territory before a part, and is total.
func compareWording(a, b *entry) int {
	return cmp.Or(
		cmp.Compare(ambitionOrder(a), ambitionOrder(b)),
		order(a.key.GetScope().GetExtent() == "", b.key.GetScope().GetExtent() == ""),
		cmp.Compare(a.key.GetScope().GetExtent(), b.key.GetScope().GetExtent()),
		cmp.Compare(a.indicator.GetName(), b.indicator.GetName()),
		cmp.Compare(a.key.GetPeriod(), b.key.GetPeriod()),
		cmp.Compare(a.class(), b.class()),
	)
}

func ambitionOrder(e *entry) int {
	switch e.key.GetAmbition() {
	case indicatorv1.Ambition_AMBITION_EXPECTED, indicatorv1.Ambition_AMBITION_UNSPECIFIED:
		return 0
	case indicatorv1.Ambition_AMBITION_MUST:
		return 1
	default:
		return 2
	}
}

// order puts true first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// sameLength says that two periods differ in their year at most: both are
// months, or both cumulative, and so on.
func sameLength(a, b period.Period) bool {
	eachA, _ := a.Each()
	eachB, _ := b.Each()
	return a.Kind() == b.Kind() && a.Cumulative() == b.Cumulative() && eachA == eachB
}

// distance is how many years apart two periods are, far when one has none.
func distance(a, b period.Period) int {
	if a.Year() == 0 || b.Year() == 0 {
		return math.MaxInt
	}
	return max(a.Year()-b.Year(), b.Year()-a.Year())
}

// strict makes the strict comparisons of a concept: entries of one indicator,
// class, period and kind whose subject and period are stated, with two zones
// at least. A count that each province defines for itself is split by province.
func (c *comparison) strict(concept *indicatorv1.Indicator) []*rankingv1.Comparison {
	type cell struct {
		indicator, province string
		class               typev1.StatisticalClass
	}
	parts := make(map[cell]map[string]*entry)
	for _, subject := range c.subjects {
		for _, e := range c.found[concept.GetName()][subject] {
			if e.key.GetKind() != c.kind || e.key.GetPeriod() != c.period.String() || e.number == nil || !e.certain() {
				continue
			}
			at := cell{indicator: e.indicator.GetName(), class: e.class()}
			if c.localDefinition(e) {
				if at.province = c.registry.Province(subject); at.province == "" {
					continue
				}
			}
			if parts[at] == nil {
				parts[at] = make(map[string]*entry)
			}
			if now := parts[at][subject]; now == nil || compareWording(e, now) < 0 {
				parts[at][subject] = e
			}
		}
	}
	var list []*rankingv1.Comparison
	cells := slices.SortedFunc(maps.Keys(parts), func(a, b cell) int {
		return cmp.Or(
			order(a.class == concept.GetUsualClass(), b.class == concept.GetUsualClass()),
			cmp.Compare(a.indicator, b.indicator), cmp.Compare(a.class, b.class), cmp.Compare(a.province, b.province))
	})
	for _, at := range cells {
		entries := slices.Collect(maps.Values(parts[at]))
		if zones(entries) < 2 {
			continue
		}
		list = append(list, c.placed(concept, entries))
	}
	return list
}

func zones(entries []*entry) int {
	n := 0
	for _, e := range entries {
		if !registry.IsReferenceUnit(e.subject) {
			n++
		}
	}
	return n
}

// placed gives strict entries their competition places, the best first;
// reference units stand among the rows by number, without one. An indicator
// without a better direction gets an order but no places.
func (c *comparison) placed(concept *indicatorv1.Indicator, entries []*entry) *rankingv1.Comparison {
	c.sortByNumber(entries)
	ind := entries[0].indicator
	out := c.header(concept, rankingv1.Verdict_VERDICT_STRICT)
	out.Indicator = ind.GetName()
	out.DisplayName = classified(ind.GetDisplayName(), entries[0].class())

	// Places are counted on the dense order of the exact numbers, so that no
	// float64 rounding can make or break a tie.
	var ranked []*entry
	for _, e := range entries {
		if !registry.IsReferenceUnit(e.subject) {
			ranked = append(ranked, e)
		}
	}
	level := make([]float64, len(ranked))
	for i := 1; i < len(ranked); i++ {
		level[i] = level[i-1]
		if ranked[i].number.Cmp(ranked[i-1].number) != 0 {
			level[i]--
		}
	}
	places := composite.Places(nil, level, composite.Competition)

	for _, e := range entries {
		row := c.row(concept, e)
		if i := slices.Index(ranked, e); i >= 0 && ind.GetDirection() != indicatorv1.Direction_DIRECTION_NEUTRAL {
			row.Place, row.Of = int32(places[i]), int32(len(ranked))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// sortByNumber puts the better first by the direction of the indicator, equal
// numbers in order of their subjects.
func (c *comparison) sortByNumber(entries []*entry) {
	slices.SortFunc(entries, func(a, b *entry) int {
		by := b.number.Cmp(a.number)
		if a.indicator.GetDirection() == indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER {
			by = -by
		}
		return cmp.Or(by, slices.Index(c.subjects, a.subject)-slices.Index(c.subjects, b.subject))
	})
}

// reference makes the reference list of a concept on which no strict
// comparison is possible, nil when it has fewer than two zones.
func (c *comparison) reference(concept *indicatorv1.Indicator) *rankingv1.Comparison {
	// Indicators of one concept that nothing but the concept connects are not
	// comparable even for reference; take the family with the most zones, the
	// canonical one's when they are even.
	families := make(map[int][]*entry)
	for _, subject := range c.subjects {
		pick := make(map[int][]*entry)
		for _, e := range c.found[concept.GetName()][subject] {
			if e.key.GetKind() == c.kind && e.number != nil && sameLength(e.period, c.period) &&
				e.indicator.GetNature() == concept.GetNature() {
				f := c.kin.family[e.indicator.GetName()]
				pick[f] = append(pick[f], e)
			}
		}
		for f, entries := range pick {
			families[f] = append(families[f], c.closest(concept, entries))
		}
	}
	own := c.kin.family[concept.GetName()]
	var best []*entry
	for _, f := range slices.Sorted(maps.Keys(families)) {
		if n := zones(families[f]); n > zones(best) || n == zones(best) && f == own {
			best = families[f]
		}
	}
	if zones(best) < 2 {
		return nil
	}
	c.sortByNumber(best)
	out := c.header(concept, rankingv1.Verdict_VERDICT_REFERENCE)
	out.DisplayName = c.label(concept, best)
	position, zone := 0, 0
	var last *big.Rat
	for _, e := range best {
		row := c.row(concept, e)
		if !registry.IsReferenceUnit(e.subject) {
			zone++
			if last == nil || last.Cmp(e.number) != 0 {
				position, last = zone, e.number
			}
			row.Order = int32(position)
		}
		row.Differences = c.differencesToOthers(e, best)
		row.Reason = c.whyReference(concept, e, best, row.GetDifferences())
		out.Rows = append(out.Rows, row)
	}
	return out
}

func (c *comparison) differencesToOthers(e *entry, all []*entry) []rankingv1.Difference {
	set := make(map[rankingv1.Difference]bool)
	for _, other := range all {
		if other != e {
			for _, d := range c.differences(e, other) {
				set[d] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// sideBySide shows what two or more subjects have on a concept that allows
// neither of the above. It makes no order: rows come as the subjects do.
func (c *comparison) sideBySide(concept *indicatorv1.Indicator) *rankingv1.Comparison {
	var all []*entry
	subjects := 0
	for _, subject := range c.subjects {
		entries := c.found[concept.GetName()][subject]
		if len(entries) == 0 {
			continue
		}
		subjects++
		entries = slices.Clone(entries)
		slices.SortFunc(entries, func(a, b *entry) int {
			return cmp.Or(order(a.key.GetKind() == c.kind, b.key.GetKind() == c.kind), compareWording(a, b))
		})
		all = append(all, entries...)
	}
	if subjects < 2 {
		return nil
	}
	out := c.header(concept, rankingv1.Verdict_VERDICT_SIDE_BY_SIDE)
	out.DisplayName = c.label(concept, all)
	for _, e := range all {
		row := c.row(concept, e)
		others := slices.DeleteFunc(slices.Clone(all), func(o *entry) bool { return o.subject == e.subject })
		row.Differences = c.differencesToOthers(e, others)
		row.Reason = c.whyBeside(e, row.GetDifferences())
		out.Rows = append(out.Rows, row)
	}
	return out
}

func (c *comparison) header(concept *indicatorv1.Indicator, v rankingv1.Verdict) *rankingv1.Comparison {
	return &rankingv1.Comparison{
		Indicator: concept.GetName(),
		Verdict:   v,
		Nature:    concept.GetNature(),
		Unit:      concept.GetUnit(),
		Period:    c.period.String(),
		Kind:      c.kind,
	}
}

func (c *comparison) row(concept *indicatorv1.Indicator, e *entry) *rankingv1.Row {
	row := &rankingv1.Row{
		Subject:     e.subject,
		DisplayName: c.name(e.subject),
		Key:         e.key,
		Number:      e.text,
		Unit:        e.unit,
		Comparator:  e.comparator,
		Caveats:     c.caveats(concept, e),
		Simulated:   slices.ContainsFunc(e.preferred, (*indicatorv1.Statement).GetSimulated),
	}
	for _, s := range e.preferred {
		row.Statements = append(row.Statements, s.GetName())
	}
	return row
}

// cell fills one cell of the matrix. A number stands there only when it is of
// the kind and period asked for and of the concept's family of definitions.
func (c *comparison) cell(column int32, concept *indicatorv1.Indicator, subject string) *rankingv1.Cell {
	cell := &rankingv1.Cell{Subject: subject, Column: column}
	e := c.closest(concept, c.found[concept.GetName()][subject])
	if e == nil {
		if friend := c.falseFriend(concept, subject); friend != nil {
			cell.MissingReasons = []rankingv1.MissingReason{rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE}
			cell.Differences = []rankingv1.Difference{rankingv1.Difference_DIFFERENCE_CONCEPT}
			cell.Reason = c.insteadText(cell.GetMissingReasons(), friend)
			cell.Statement = friend.preferred[0].GetName()
			return cell
		}
		cell.MissingReasons = []rankingv1.MissingReason{rankingv1.MissingReason_MISSING_REASON_NOT_PUBLISHED}
		cell.Reason = missingText(rankingv1.MissingReason_MISSING_REASON_NOT_PUBLISHED)
		return cell
	}
	if len(e.preferred) > 0 {
		cell.Statement = e.preferred[0].GetName()
	}
	if e.key.GetKind() != c.kind {
		cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_OTHER_KIND)
	}
	if e.key.GetPeriod() != c.period.String() {
		cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_OTHER_PERIOD)
	}
	family := c.kin.family[e.indicator.GetName()] == c.kin.family[concept.GetName()]
	if otherUnit := e.text != "" && e.number == nil; !family || otherUnit || e.indicator.GetNature() != concept.GetNature() {
		cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE)
		cell.Differences = append(cell.Differences, rankingv1.Difference_DIFFERENCE_DEFINITION)
	}
	switch {
	case e.text != "":
	case e.conflict.GetNumberDiffers():
		cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_CONFLICT)
	default:
		cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_NO_NUMBER)
	}
	own := c.ownDifferences(concept, e)
	scope := slices.ContainsFunc(own, func(d rankingv1.Difference) bool {
		return d == rankingv1.Difference_DIFFERENCE_CLASS || d == rankingv1.Difference_DIFFERENCE_BREADTH
	})
	if len(cell.GetMissingReasons()) > 0 {
		if scope && !slices.Contains(cell.GetMissingReasons(), rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE) {
			cell.MissingReasons = append(cell.MissingReasons, rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE)
		}
		cell.Differences = merge(cell.GetDifferences(), own)
		cell.Reason = c.insteadText(cell.GetMissingReasons(), e)
		return cell
	}
	cell.Number, cell.Comparator, cell.Ambition = e.text, e.comparator, e.key.GetAmbition()
	cell.Differences = own
	if scope {
		cell.Reason = c.otherScopeText(concept, e)
	}
	return cell
}

func merge(a, b []rankingv1.Difference) []rankingv1.Difference {
	set := make(map[rankingv1.Difference]bool)
	for _, d := range slices.Concat(a, b) {
		set[d] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// ownDifferences are an entry's differences from what the column asks for: the
// period, the concept's usual class, the canonical indicator, certainty.
func (c *comparison) ownDifferences(concept *indicatorv1.Indicator, e *entry) []rankingv1.Difference {
	var list []rankingv1.Difference
	if e.key.GetPeriod() != c.period.String() {
		list = append(list, rankingv1.Difference_DIFFERENCE_PERIOD)
	}
	if e.class() != concept.GetUsualClass() {
		list = append(list, rankingv1.Difference_DIFFERENCE_CLASS)
	}
	list = append(list, c.kin.between(e.indicator.GetName(), concept.GetName())...)
	if !e.certain() {
		list = append(list, rankingv1.Difference_DIFFERENCE_CERTAINTY)
	}
	return merge(list, nil)
}

// falseFriend finds a figure of the subject that a reader might take for the
// one that is missing: of an indicator that the concept's indicators name as a
// false friend, or that names one of them, in the period and kind asked for.
func (c *comparison) falseFriend(concept *indicatorv1.Indicator, subject string) *entry {
	friends := c.kin.friends[concept.GetName()]
	var all []*entry
	for _, other := range friends {
		ind, ok := c.figures.Indicator(other)
		if !ok {
			continue
		}
		for _, e := range c.found[canonical(ind)][subject] {
			if e.indicator.GetName() == other && e.key.GetKind() == c.kind && e.number != nil &&
				e.key.GetPeriod() == c.period.String() && e.indicator.GetNature() == concept.GetNature() {
				all = append(all, e)
			}
		}
	}
	return c.closest(concept, all)
}
