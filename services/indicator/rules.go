package indicator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/nearest"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// flaw is one thing that is wrong with a resource or a statement. A request is
// refused because of it; in an import it becomes the problem of a row.
type flaw struct {
	path    string // field within the message: key.period
	reason  typev1.ErrorReason
	message string // what is wrong
	remedy  string // how to mend it
	// One machine-readable detail for the caller, such as the resource that is missing.
	detail, value string
}

const invalidField = typev1.ErrorReason_ERROR_REASON_INVALID_FIELD

func invalid(path, remedy, format string, args ...any) flaw {
	return flaw{path: path, reason: invalidField, message: fmt.Sprintf(format, args...), remedy: remedy}
}

func missing(path, name, near string) flaw {
	remedy := "create it first or correct the name"
	if near != "" {
		remedy = fmt.Sprintf("create it first, or did you mean %q?", near)
	}
	return flaw{
		path: path, reason: typev1.ErrorReason_ERROR_REASON_REFERENCE_NOT_FOUND,
		message: name + " does not exist", remedy: remedy, detail: "resource", value: name,
	}
}

func contradicts(path, remedy, format string, args ...any) flaw {
	return flaw{
		path: path, reason: typev1.ErrorReason_ERROR_REASON_CONTRADICTS_HISTORY,
		message: fmt.Sprintf(format, args...), remedy: remedy,
	}
}

// codeOf is the code that goes with a reason, as the contract of reasons has it.
func codeOf(reason typev1.ErrorReason) codes.Code {
	switch reason {
	case invalidField, typev1.ErrorReason_ERROR_REASON_INCOMPATIBLE_UNIT:
		return codes.InvalidArgument
	case notPermitted:
		return codes.PermissionDenied
	default:
		return codes.FailedPrecondition
	}
}

// refuse makes the error of a request out of what is wrong with it, nil when
// nothing is. Prefix is the path of the message within the request.
func refuse(prefix string, flaws []flaw) error {
	if len(flaws) == 0 {
		return nil
	}
	fields := make([]fault.Field, len(flaws))
	for i, f := range flaws {
		if f.reason != invalidField {
			// What is not the shape of the request says so with its own reason; the first of them is enough to go on with.
			err := fault.New(codeOf(f.reason), f.reason, "%s%s: %s; %s", prefix, f.path, f.message, f.remedy).With("field", prefix+f.path)
			if f.detail != "" {
				err = err.With(f.detail, f.value)
			}
			return err
		}
		fields[i] = fault.Field{Path: prefix + f.path, Message: f.message + "; " + f.remedy}
	}
	return fault.InvalidFields(fields...)
}

// under puts a prefix before the paths of flaws.
func under(prefix string, flaws []flaw) []flaw {
	for i := range flaws {
		flaws[i].path = prefix + flaws[i].path
	}
	return flaws
}

// clearOutputs empties what only the service writes, so that a resource can be
// put into a fact or compared with what a caller sent.
func clearOutputs[M proto.Message](m M) M {
	switch m := any(m).(type) {
	case *indicatorv1.Indicator:
		m.Etag, m.CreateTime, m.UpdateTime, m.Revision = "", nil, nil, 0
	case *indicatorv1.Source:
		m.Etag, m.CreateTime, m.UpdateTime, m.Revision = "", nil, nil, 0
	case *indicatorv1.Statement:
		m.NormalizedNumber, m.CreateTime, m.Revision, m.Simulated = "", nil, 0, false
		m.WithdrawnRevision, m.WithdrawnReason, m.SupersededBy = 0, "", ""
	}
	return m
}

// same says whether two resources say the same, whenever they were written.
func same[M proto.Message](a, b M) bool {
	return proto.Equal(clearOutputs(proto.CloneOf(a)), clearOutputs(proto.CloneOf(b)))
}

// catalog is the indicators and sources that a command sees: those of the view,
// and those that it is about to write.
type catalog struct {
	view       figures.View
	indicators map[string]*indicatorv1.Indicator
	sources    map[string]*indicatorv1.Source
}

func newCatalog(view figures.View) *catalog {
	return &catalog{view: view, indicators: map[string]*indicatorv1.Indicator{}, sources: map[string]*indicatorv1.Source{}}
}

func (c *catalog) indicator(name string) (*indicatorv1.Indicator, bool) {
	if i, ok := c.indicators[name]; ok {
		return i, true
	}
	return c.view.Indicator(name)
}

// nearIndicator is the indicator that a name was probably meant for.
func (c *catalog) nearIndicator(name string) string {
	var names []string
	for i := range c.view.Indicators() {
		names = append(names, i.GetName())
	}
	for n := range c.indicators {
		names = append(names, n)
	}
	return nearest.Word(name, names)
}

func (c *catalog) nearSource(name string) string {
	var names []string
	for m := range c.view.Sources() {
		names = append(names, m.GetName())
	}
	return nearest.Word(name, names)
}

// checkIndicator says what is wrong with an indicator among the others. Present
// is what it would replace, nil when it is new.
func (c *catalog) checkIndicator(i, present *indicatorv1.Indicator) []flaw {
	var flaws []flaw
	add := func(f flaw) { flaws = append(flaws, f) }
	if strings.TrimSpace(i.GetDisplayName().GetZh()) == "" {
		add(invalid("display_name.zh", "give the Chinese name", "it is empty"))
	}
	c.checkUnit(i, add)
	growth := i.GetNature() == indicatorv1.Nature_NATURE_GROWTH
	if i.GetComparisonBase() != 0 && !growth {
		add(invalid("comparison_base", "leave it empty", "only growth has a base that it is compared with"))
	}
	if i.GetGrowthOf() != "" && !growth {
		add(invalid("growth_of", "leave it empty, or set nature growth", "only growth is growth of something"))
	}
	if present != nil && c.view.Uses(i.GetName()) > 0 {
		c.checkFrozen(i, present, add)
	}
	c.checkReferences(i, add)
	c.checkDependents(i, present, add)
	return flaws
}

func (c *catalog) checkUnit(i *indicatorv1.Indicator, add func(flaw)) {
	unit, nature := i.GetUnit(), i.GetNature()
	var unknown *quantity.UnknownUnitError
	switch err := quantity.Check(unit); {
	case nature == indicatorv1.Nature_NATURE_STATUS && unit != "":
		add(invalid("unit", "leave it empty", "a status has no unit"))
	case nature != indicatorv1.Nature_NATURE_STATUS && nature != indicatorv1.Nature_NATURE_RANK && unit == "":
		add(invalid("unit", "give the unit in which values are kept, such as 亿元, % or 家", "it is empty"))
	case errors.As(err, &unknown) && unknown.Near != "":
		add(invalid("unit", fmt.Sprintf("did you mean %q?", unknown.Near), "unit %q is not known", unit))
	case err != nil:
		add(invalid("unit", "use the symbol of a unit such as 亿元, %, 亩 or 家", "unit %q is not known", unit))
	case (nature == indicatorv1.Nature_NATURE_GROWTH || nature == indicatorv1.Nature_NATURE_SHARE) && quantity.Compatible(unit, "%") != nil:
		add(invalid("unit", "use % or ‰", "growth and shares are percentages, not %s", unit))
	}
}

// checkFrozen refuses to change what the values on record mean.
func (c *catalog) checkFrozen(i, present *indicatorv1.Indicator, add func(flaw)) {
	n := c.view.Uses(i.GetName())
	refuse := func(path, was, is string) {
		if was == is {
			return
		}
		add(flaw{
			path: path, reason: typev1.ErrorReason_ERROR_REASON_RESOURCE_IN_USE,
			message: fmt.Sprintf("it cannot change from %q to %q, because %d statements were recorded under it", was, is, n),
			remedy:  "make another indicator", detail: "resource", value: i.GetName(),
		})
	}
	refuse("unit", present.GetUnit(), i.GetUnit())
	refuse("nature", word(present.GetNature()), word(i.GetNature()))
	refuse("growth_of", present.GetGrowthOf(), i.GetGrowthOf())
}

// checkReferences follows every field that names another indicator.
func (c *catalog) checkReferences(i *indicatorv1.Indicator, add func(flaw)) {
	see := func(path, name string, selfToo bool) *indicatorv1.Indicator {
		if name == "" {
			return nil
		}
		if name == i.GetName() {
			if !selfToo {
				add(invalid(path, "name another indicator", "an indicator is not in this relation to itself"))
			}
			return nil
		}
		other, ok := c.indicator(name)
		if !ok {
			add(missing(path, name, c.nearIndicator(name)))
			return nil
		}
		return other
	}
	if of := see("growth_of", i.GetGrowthOf(), false); of.GetNature() == indicatorv1.Nature_NATURE_GROWTH {
		add(invalid("growth_of", "name the quantity that grows", "%s is a growth itself", i.GetGrowthOf()))
	}
	if canonical := see("concept", i.GetConcept(), true); canonical != nil && canonical.GetConcept() != canonical.GetName() {
		add(invalid("concept", "name the canonical indicator, whose concept is itself", "%s is not the canonical indicator of its concept", i.GetConcept()))
	}
	see("succeeds", i.GetSucceeds(), false)
	see("component_of", i.GetComponentOf(), false)
	see("completion_of", i.GetCompletionOf(), false)
	see("numerator", i.GetNumerator(), false)
	see("denominator", i.GetDenominator(), false)
	see("size_denominator", i.GetSizeDenominator(), false)
	for n, name := range i.GetContains() {
		see(fmt.Sprintf("contains[%d]", n), name, false)
	}
	for n, name := range i.GetBundleOf() {
		see(fmt.Sprintf("bundle_of[%d]", n), name, false)
	}
	for n, f := range i.GetFalseFriends() {
		see(fmt.Sprintf("false_friends[%d].indicator", n), f.GetIndicator(), false)
	}
	for _, relation := range []struct {
		path string
		next func(*indicatorv1.Indicator) []string
	}{
		{"succeeds", func(i *indicatorv1.Indicator) []string { return []string{i.GetSucceeds()} }},
		{"contains", (*indicatorv1.Indicator).GetContains},
		{"component_of", func(i *indicatorv1.Indicator) []string { return []string{i.GetComponentOf()} }},
		{"bundle_of", (*indicatorv1.Indicator).GetBundleOf},
	} {
		if circle := c.circle(i, relation.next); circle != nil {
			add(invalid(relation.path, "take one of them out", "it goes in a circle: %s", strings.Join(circle, " → ")))
		}
	}
}

// circle follows a relation from an indicator and gives the way back to it, nil when there is none.
func (c *catalog) circle(from *indicatorv1.Indicator, next func(*indicatorv1.Indicator) []string) []string {
	seen := map[string]bool{}
	var walk func(i *indicatorv1.Indicator, way []string) []string
	walk = func(i *indicatorv1.Indicator, way []string) []string {
		way = append(slices.Clip(way), i.GetName())
		for _, name := range next(i) {
			if name == from.GetName() && len(way) > 1 {
				return append(way, name)
			}
			other, ok := c.indicator(name)
			if !ok || seen[name] {
				continue
			}
			seen[name] = true
			if found := walk(other, way); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(from, nil)
}

// checkDependents refuses a change under which what others say of this indicator would be wrong.
func (c *catalog) checkDependents(i, present *indicatorv1.Indicator, add func(flaw)) {
	if present == nil {
		return
	}
	stopsBeingCanonical := present.GetConcept() == i.GetName() && i.GetConcept() != i.GetName()
	becomesGrowth := present.GetNature() != i.GetNature() && i.GetNature() == indicatorv1.Nature_NATURE_GROWTH
	if !stopsBeingCanonical && !becomesGrowth {
		return
	}
	for other := range c.view.Indicators() {
		if now, ok := c.indicators[other.GetName()]; ok {
			other = now
		}
		path := ""
		switch {
		case other.GetName() == i.GetName():
		case stopsBeingCanonical && other.GetConcept() == i.GetName():
			path = "concept"
		case becomesGrowth && other.GetGrowthOf() == i.GetName():
			path = "nature"
		}
		if path != "" {
			add(flaw{
				path: path, reason: typev1.ErrorReason_ERROR_REASON_RESOURCE_IN_USE,
				message: fmt.Sprintf("%s refers to %s as it is", other.GetName(), i.GetName()), remedy: "change that one first",
				detail: "resource", value: other.GetName(),
			})
			return
		}
	}
}

func checkSource(m *indicatorv1.Source) []flaw {
	var flaws []flaw
	if strings.TrimSpace(m.GetTitle().GetZh()) == "" {
		flaws = append(flaws, invalid("title.zh", "give the title as published", "it is empty"))
	}
	if err := civil.Check(m.GetPublishDate()); err != nil {
		flaws = append(flaws, invalid("publish_date", "correct it, or leave it out when it is not known", "%v", err))
	}
	return flaws
}

// canonicalKey is the key of a request with the one notation of its period.
func canonicalKey(key *indicatorv1.FigureKey) (*indicatorv1.FigureKey, error) {
	key = proto.CloneOf(key)
	return key, refuse("key.", canonicalizeKey(key))
}

func canonicalizeKey(key *indicatorv1.FigureKey) []flaw {
	var flaws []flaw
	p, err := period.Parse(key.GetPeriod())
	if wrong, ok := errors.AsType[*period.ParseError](err); ok {
		flaws = append(flaws, invalid("period", wrong.Remedy, "%q: %s", wrong.Text, wrong.Why))
	} else {
		key.Period = p.String()
	}
	target := key.GetKind() == indicatorv1.Kind_KIND_TARGET
	switch {
	case key.GetKind() == 0:
		flaws = append(flaws, invalid("kind", "say target or actual", "it is not stated"))
	case target && key.GetAmbition() == 0:
		flaws = append(flaws, invalid("ambition", "say must (确保), expected (no modal, or 计划) or strive (力争)", "a target has an ambition"))
	case !target && key.GetAmbition() != 0:
		flaws = append(flaws, invalid("ambition", "leave it empty, or say kind target", "an actual has no ambition"))
	}
	if key.GetScope() != nil {
		key.Scope.Extent = strings.TrimSpace(key.GetScope().GetExtent())
		if strings.ContainsFunc(key.GetScope().GetExtent(), func(r rune) bool { return r < ' ' }) {
			flaws = append(flaws, invalid("scope.extent", "write it in one line", "it holds a line break or another control character"))
		}
		if key.GetScope().GetExtent() == "" && key.GetScope().GetStatisticalClass() == 0 {
			key.Scope = nil // The same as none.
		}
	}
	return flaws
}

// canonicalize brings a statement, which it may change, into the one form that
// its name is made from, and says what is wrong with it by itself.
func canonicalize(s *indicatorv1.Statement) []flaw {
	clearOutputs(s)
	flaws := under("key.", canonicalizeKey(s.GetKey()))
	add := func(f flaw) { flaws = append(flaws, f) }
	s.Locator = strings.TrimSpace(s.GetLocator())
	if s.GetStage() == 0 {
		s.Stage = typev1.Stage_STAGE_DRAFT
	}
	if s.GetReleaseTime() != nil && s.GetStage() != typev1.Stage_STAGE_RELEASED {
		add(invalid("release_time", "leave it out, or say stage released", "only a released statement has a time of release"))
	}
	if s.GetBelievedPeriod() != "" {
		p, err := period.Parse(s.GetBelievedPeriod())
		var wrong *period.ParseError
		switch {
		case errors.As(err, &wrong):
			add(invalid("believed_period", wrong.Remedy, "%q: %s", wrong.Text, wrong.Why))
		case p.String() == s.GetKey().GetPeriod():
			add(invalid("believed_period", "leave it out", "it is the printed period"))
		default:
			s.BelievedPeriod = p.String()
		}
	}
	canonicalizeValue(s, add)
	s.Name = figures.StatementName(s)
	return flaws
}

func canonicalizeValue(s *indicatorv1.Statement, add func(flaw)) {
	target := s.GetKey().GetKind() == indicatorv1.Kind_KIND_TARGET
	if !target {
		for _, field := range []struct {
			path string
			set  bool
		}{
			{"number_pending", s.GetNumberPending()},
			{"rank_target", s.GetRankTarget() != nil},
			{"list_target", s.GetListTarget() != nil},
			{"assigned_by", s.GetAssignedBy() != ""},
		} {
			if field.set {
				add(invalid(field.path, "leave it out, or say kind target", "only a target has it"))
			}
		}
	}
	switch v := s.GetValue().(type) {
	case *indicatorv1.Statement_Number:
		if _, err := quantity.Parse(v.Number); err != nil {
			add(invalid("number", "write digits such as 12, -0.5 or 2.70", "%q is not an exact decimal", v.Number))
		}
		if s.GetComparator() == 0 {
			s.Comparator = typev1.Comparator_COMPARATOR_EQUAL // A number without a bounding word.
		}
		if s.GetNumberPending() {
			add(invalid("number_pending", "leave it out", "the number is there"))
		}
		return
	case *indicatorv1.Statement_DueDate:
		if err := civil.Check(v.DueDate); err != nil {
			add(invalid("due_date", "correct the date", "%v", err))
		}
		if v.DueDate.GetYear() == 0 {
			add(invalid("due_date", "give the year at least", "it has no year"))
		}
		if s.GetComparator() == 0 {
			s.Comparator = typev1.Comparator_COMPARATOR_AT_MOST // Due by that day.
		}
	case *indicatorv1.Statement_Status:
		s.Value = &indicatorv1.Statement_Status{Status: strings.TrimSpace(v.Status)}
		if s.GetStatus() == "" {
			add(invalid("status", "say in words what is to be reached or is the case", "it is empty"))
		}
		// 全覆盖 is reached, 基本全覆盖 about reached; no status is more than another.
		if c := s.GetComparator(); c > typev1.Comparator_COMPARATOR_EQUAL && c != typev1.Comparator_COMPARATOR_ABOUT {
			add(invalid("comparator", "leave it out, or use = or ~", "a status is not more or less than another"))
		}
	default:
		aimed := s.GetListTarget() != nil || s.GetRankTarget().GetBetterThanBase()
		if !s.GetNumberPending() && !aimed {
			add(invalid("value", "give a number, due_date or status; for a target whose number is not known yet, number_pending",
				"it is missing: missing is not zero"))
		}
		if s.GetComparator() != 0 {
			add(invalid("comparator", "leave it out", "it has no value to stand before"))
		}
	}
	if s.GetUnit() != "" && !s.GetNumberPending() {
		add(invalid("unit", "leave it empty", "only a number has a unit"))
	}
}

// ground is what a statement is checked against: the figures and the registry.
type ground struct {
	*catalog
	registry registry.View
}

// check says what is wrong with a canonical statement in its surroundings, and
// marks it when it is part of a simulated dataset.
func (g *ground) check(s *indicatorv1.Statement) []flaw {
	var flaws []flaw
	add := func(f flaw) { flaws = append(flaws, f) }
	key := s.GetKey()
	if !g.registry.Exists(key.GetSubject()) {
		add(missing("key.subject", key.GetSubject(), g.nearSubject(key.GetSubject())))
	}
	source, ok := g.view.Source(s.GetSource())
	if !ok {
		add(missing("source", s.GetSource(), g.nearSource(s.GetSource())))
	}
	indicator, ok := g.indicator(key.GetIndicator())
	if !ok {
		add(missing("key.indicator", key.GetIndicator(), g.nearIndicator(key.GetIndicator())))
		return flaws
	}
	s.Simulated = source.GetSimulated() || indicator.GetSimulated() || g.registry.Simulated(key.GetSubject())
	g.checkValue(s, indicator, add)
	if list := s.GetListTarget().GetList(); list != "" {
		if _, ok := g.view.List(list); !ok {
			add(missing("list_target.list", list, ""))
		}
	}
	return flaws
}

func (g *ground) nearSubject(name string) string {
	var names []string
	for z := range g.registry.Zones() {
		names = append(names, z.GetName())
	}
	for u := range g.registry.ReferenceUnits() {
		names = append(names, u.GetName())
	}
	return nearest.Word(name, names)
}

// checkValue holds the kind of value and its unit against the indicator.
func (g *ground) checkValue(s *indicatorv1.Statement, i *indicatorv1.Indicator, add func(flaw)) {
	status := i.GetNature() == indicatorv1.Nature_NATURE_STATUS
	_, number := s.GetValue().(*indicatorv1.Statement_Number)
	switch {
	case status && number:
		add(invalid("number", "give a status in words or a due_date, or use an indicator of amounts",
			"%s is a status and has no number", i.GetName()))
		return
	case !status && (s.GetStatus() != "" || s.GetDueDate() != nil):
		add(invalid("value", "give a number, or use an indicator whose nature is status",
			"%s is a %s, which has a number and neither a status nor a due date", i.GetName(), word(i.GetNature())))
		return
	case s.GetRankTarget() != nil && !status && i.GetNature() != indicatorv1.Nature_NATURE_RANK:
		add(invalid("rank_target", "leave it out", "%s is not a rank", i.GetName()))
	case s.GetListTarget() != nil && !status:
		add(invalid("list_target", "leave it out", "%s is not a status", i.GetName()))
	}
	if status || !number && s.GetUnit() == "" {
		return
	}
	if !number { // Pending: the unit is checked all the same.
		if err := quantity.Compatible(s.GetUnit(), i.GetUnit()); err != nil {
			add(wrongUnit(s, i, err))
		}
		return
	}
	if _, err := quantity.Convert(s.GetNumber(), s.GetUnit(), i.GetUnit()); err != nil && !errors.Is(err, quantity.ErrNotDecimal) {
		add(wrongUnit(s, i, err))
	}
}

func wrongUnit(s *indicatorv1.Statement, i *indicatorv1.Indicator, err error) flaw {
	f := flaw{path: "unit", reason: typev1.ErrorReason_ERROR_REASON_INCOMPATIBLE_UNIT, detail: "fits", value: strings.Join(quantity.Fits(i.GetUnit()), ",")}
	var unknown *quantity.UnknownUnitError
	var inexact *quantity.InexactError
	var incompatible *quantity.IncompatibleUnitError
	switch {
	case errors.As(err, &unknown):
		f.message = fmt.Sprintf("unit %q is not known", unknown.Unit)
		f.remedy = "units that fit are " + strings.Join(quantity.Fits(i.GetUnit()), ", ")
		if unknown.Near != "" {
			f.remedy = fmt.Sprintf("did you mean %q? %s", unknown.Near, f.remedy)
		}
	case errors.As(err, &inexact):
		f.message = fmt.Sprintf("%s %s is exactly %s %s (about %s), which no decimal states exactly", s.GetNumber(), s.GetUnit(),
			inexact.Value.RatString(), i.GetUnit(), quantity.Round(inexact.Value, 3))
		f.remedy = fmt.Sprintf("record it under an indicator kept in %s", s.GetUnit())
	case errors.As(err, &incompatible):
		f.message = fmt.Sprintf("%s does not convert to %s, the unit of %s", cmp.Or(s.GetUnit(), "a number without unit"),
			cmp.Or(i.GetUnit(), "a number without unit"), i.GetName())
		if incompatible.Why != "" {
			f.message += ": " + incompatible.Why
		}
		f.remedy = "leave the unit empty"
		if len(incompatible.Fits) > 0 {
			f.remedy = "units that fit are " + strings.Join(incompatible.Fits, ", ")
		}
	default:
		f.message, f.remedy = err.Error(), "correct the unit or the number"
	}
	return f
}

// word is the last part of an enum value's name, in lower case, as people read it.
func word(e interface {
	protoreflect.Enum
	fmt.Stringer
},
) string {
	prefix := strings.TrimSuffix(string(e.Descriptor().Values().ByNumber(0).Name()), "UNSPECIFIED")
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(e.String(), prefix)), "_", " ")
}

// describe is a key in words, for messages.
func describe(key *indicatorv1.FigureKey) string {
	parts := []string{key.GetSubject(), key.GetIndicator(), key.GetPeriod(), word(key.GetKind())}
	if key.GetAmbition() != 0 {
		parts = append(parts, word(key.GetAmbition()))
	}
	if c := key.GetScope().GetStatisticalClass(); c != 0 {
		parts = append(parts, word(c))
	}
	if e := key.GetScope().GetExtent(); e != "" {
		parts = append(parts, e)
	}
	return strings.Join(parts, ", ")
}

// differences names the fields in which two statements of one name differ.
func differences(a, b *indicatorv1.Statement) []string {
	x, y := clearOutputs(proto.CloneOf(a)).ProtoReflect(), clearOutputs(proto.CloneOf(b)).ProtoReflect()
	var out []string
	fields := x.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if x.Has(f) != y.Has(f) || x.Has(f) && !x.Get(f).Equal(y.Get(f)) {
			out = append(out, string(f.Name()))
		}
	}
	return out
}
