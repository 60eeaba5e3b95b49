package zone

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/registry"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// problem is one broken rule.
type problem struct {
	reason  typev1.ErrorReason
	path    string // in the resource: `aliases[2].text`
	message string // what is wrong
	remedy  string // how to mend it
	name    string // of the resource that is missing, for REFERENCE_NOT_FOUND
}

// checker holds resources against the rules, on the registry as it would be.
type checker struct {
	view registry.View
	// assumed are resources to take as given although they are not there: rows of
	// the same table that are refused for reasons of their own.
	assumed  map[string]bool
	problems []problem
}

func (c *checker) addf(reason typev1.ErrorReason, path, remedy, format string, args ...any) {
	c.problems = append(c.problems, problem{reason: reason, path: path, message: fmt.Sprintf(format, args...), remedy: remedy})
}

func (c *checker) invalidf(path, remedy, format string, args ...any) {
	c.addf(typev1.ErrorReason_ERROR_REASON_INVALID_FIELD, path, remedy, format, args...)
}

func (c *checker) contradictsf(path, remedy, format string, args ...any) {
	c.addf(typev1.ErrorReason_ERROR_REASON_CONTRADICTS_HISTORY, path, remedy, format, args...)
}

// missing reports a reference to something that is not there.
func (c *checker) missing(path, name string) {
	if c.assumed[name] {
		return
	}
	c.problems = append(c.problems, problem{
		reason: typev1.ErrorReason_ERROR_REASON_REFERENCE_NOT_FOUND, path: path, name: name,
		message: name + " does not exist", remedy: "create it first or correct the name",
	})
}

// err is the error of a request that breaks rules: of its own form before its
// relation to others.
func (c *checker) err(prefix string) error {
	var fields []fault.Field
	for _, p := range c.problems {
		if p.reason == typev1.ErrorReason_ERROR_REASON_INVALID_FIELD {
			fields = append(fields, fault.Field{Path: prefix + p.path, Message: p.message + ": " + p.remedy})
		}
	}
	if len(fields) > 0 {
		return fault.InvalidFields(fields...)
	}
	for _, p := range c.problems {
		switch p.reason {
		case typev1.ErrorReason_ERROR_REASON_REFERENCE_NOT_FOUND:
			return fault.ReferenceNotFound(prefix+p.path, p.name)
		case typev1.ErrorReason_ERROR_REASON_INVALID_FILTER:
			return fault.New(codes.InvalidArgument, p.reason, "%s%s: %s", prefix, p.path, p.message)
		default:
			return fault.New(codes.FailedPrecondition, p.reason, "%s%s: %s: %s", prefix, p.path, p.message, p.remedy)
		}
	}
	return nil
}

// contract holds a resource against the rules that are written in its contract.
// Requests that create meet them at the edge; rows of tables, and what an update
// comes to, meet them here. Of each place, as where names it, one problem is
// enough.
func (c *checker) contract(rules protovalidate.Validator, m proto.Message, where func(path string) string) error {
	err := rules.Validate(m)
	var invalid *protovalidate.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return fmt.Errorf("rules of %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	said := make(map[string]bool)
	for _, p := range c.problems {
		said[where(p.path)] = true
	}
	for _, v := range invalid.Violations {
		path, rule := protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetRuleId()
		if said[where(path)] {
			continue
		}
		said[where(path)] = true
		switch {
		case rule == "required", strings.HasSuffix(rule, ".not_in"):
			c.invalidf(path, "set it", "is missing")
		case strings.HasSuffix(rule, ".max_len"):
			c.invalidf(path, "shorten the text", "%s", v.Proto.GetMessage())
		default:
			c.invalidf(path, "correct it", "%s", v.Proto.GetMessage())
		}
	}
	return nil
}

func (c *checker) zone(old, next *zonev1.Zone) {
	c.displayName(next.GetDisplayName())
	c.aliases(next.GetName(), next.GetAliases())
	switch parent := next.GetParent(); {
	case parent == "":
	case !registry.IsZone(parent) && !registry.IsReferenceUnit(parent):
		c.invalidf("parent", "write zones/… or referenceUnits/…", "%q is not the name of a zone or reference unit", parent)
	case !c.view.Exists(parent):
		c.missing("parent", parent)
	case parent == next.GetName() || c.reaches(parent, next.GetName(), always):
		c.contradictsf("parent", "choose another parent, or end the relation that puts it inside",
			"%s lies in %s itself", parent, next.GetName())
	}
	c.divisionCode(next.GetParent(), next.GetDivisionCode(), next.GetSimulated())
	c.simulated(old != nil, old.GetSimulated(), next.GetSimulated(), next.GetParent())
}

func (c *checker) unit(old, next *zonev1.ReferenceUnit) {
	c.displayName(next.GetDisplayName())
	c.aliases(next.GetName(), next.GetAliases())
	parent := next.GetParent()
	top := next.GetType() == zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_NATION ||
		next.GetType() == zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_REGION
	switch above, exists := c.view.ReferenceUnit(parent); {
	case parent == "":
	case top:
		c.invalidf("parent", "leave it empty", "a nation or region has no parent")
	case !registry.IsReferenceUnit(parent):
		c.invalidf("parent", "write referenceUnits/…", "%q is not the name of a reference unit", parent)
	case !exists:
		c.missing("parent", parent)
	case parent == next.GetName() || slices.Contains(slices.Collect(c.view.Above(parent)), next.GetName()):
		c.contradictsf("parent", "choose another parent", "%s lies in %s itself", parent, next.GetName())
	case above.GetType() >= next.GetType():
		c.invalidf("parent", "name a unit of a higher level", "%s (%s) is not above a %s",
			parent, word(above.GetType()), word(next.GetType()))
	}
	code := next.GetDivisionCode()
	c.divisionCode(parent, code, next.GetSimulated())
	if len(code) == 6 {
		switch next.GetType() {
		case zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE:
			if !strings.HasSuffix(code, "0000") {
				c.invalidf("division_code", "such as 330000", "the code of a province ends in 0000")
			}
		case zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PREFECTURE:
			if !strings.HasSuffix(code, "00") || strings.HasSuffix(code, "0000") {
				c.invalidf("division_code", "such as 330700", "the code of a prefecture ends in 00, and not in 0000")
			}
		default:
		}
	}
	c.simulated(old != nil, old.GetSimulated(), next.GetSimulated(), parent)
}

func word(t zonev1.ReferenceUnitType) string {
	return strings.ToLower(strings.TrimPrefix(t.String(), "REFERENCE_UNIT_TYPE_"))
}

func (c *checker) displayName(name *typev1.Localized) {
	for _, text := range []struct{ path, text string }{{"display_name.zh", name.GetZh()}, {"display_name.en", name.GetEn()}} {
		if strings.ContainsFunc(text.text, unicode.IsControl) {
			c.invalidf(text.path, "remove it", "the name has a line break or another control character")
		}
	}
	if registry.Normalize(registry.Unmarked(name).GetZh()) == "" {
		c.invalidf("display_name.zh", "give the Chinese name", "is empty")
	}
}

func (c *checker) aliases(of string, aliases []*zonev1.Alias) {
	seen := make(map[string]int)
	for i, a := range aliases {
		path := fmt.Sprintf("aliases[%d]", i)
		text := registry.Normalize(a.GetText())
		if text == "" {
			c.invalidf(path+".text", "give the text or remove the alias", "is empty")
			continue
		}
		if len(a.GetContexts()) == 0 && registry.Generic(text) {
			c.invalidf(path+".contexts", "give the sources or units in which it means this one",
				"every zone or unit is called %q by those who are in it", a.GetText())
		}
		key := text + "\x00" + strings.Join(slices.Sorted(slices.Values(a.GetContexts())), "\x00")
		if first, ok := seen[key]; ok {
			c.invalidf(path, "remove one of them", "says the same as aliases[%d]", first)
		}
		seen[key] = i
		for j, context := range a.GetContexts() {
			at := fmt.Sprintf("%s.contexts[%d]", path, j)
			collection, id, _ := strings.Cut(context, "/")
			switch {
			case collection == "sources" && idForm.MatchString(id): // the registry does not hold sources
			case !registry.IsZone(context) && !registry.IsReferenceUnit(context):
				c.invalidf(at, "write sources/…, zones/… or referenceUnits/…", "%q is not the name of a source, zone or reference unit", context)
			case context != of && !c.view.Exists(context):
				c.missing(at, context)
			}
		}
	}
}

// provinces are the first two digits of GB/T 2260.
var provinces = strings.Fields("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82")

func (c *checker) divisionCode(parent, code string, simulated bool) {
	if code == "" {
		return
	}
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		c.invalidf("division_code", "such as 330783", "%q is not a code of six digits", code)
		return
	}
	// The province of a simulated dataset is an invented one.
	if !slices.Contains(provinces, code[:2]) && !simulated {
		c.invalidf("division_code", "look it up in GB/T 2260", "no province has codes that begin with %s", code[:2])
		return
	}
	if parent == "" {
		return
	}
	if above := c.view.Province(parent); above != "" && above[:2] != code[:2] {
		c.invalidf("division_code", "correct the code or the parent", "%s is in province %s0000, but %s is in %s", code, code[:2], parent, above)
	}
}

// simulated keeps simulated data apart: what it is cannot change, and nothing
// real lies in it.
func (c *checker) simulated(known, before, now bool, parent string) {
	if known && before != now {
		c.invalidf("simulated", "register it anew under another id", "what is simulated stays so, and what is real, too")
	}
	if !now && c.view.Simulated(parent) {
		c.invalidf("simulated", "set it, or choose another parent", "%s is simulated, so what lies in it is", parent)
	}
}

var always = civil.Span{Start: civil.Ever, End: civil.Never}

// reaches reports whether a zone lies in another one, by parents and by
// relations `part_of` that hold together on some day of the span.
func (c *checker) reaches(from, to string, span civil.Span) bool {
	return c.climbs(from, to, zonev1.RelationType_RELATION_TYPE_PART_OF, span, make(map[string][]civil.Span))
}

func (c *checker) climbs(from, to string, by zonev1.RelationType, span civil.Span, seen map[string][]civil.Span) bool {
	if span.Empty() {
		return false
	}
	if from == to {
		return true
	}
	for _, s := range seen[from] {
		if s.Meet(span) == span {
			return false // been here for all of these days
		}
	}
	seen[from] = append(seen[from], span)
	if by == zonev1.RelationType_RELATION_TYPE_PART_OF {
		if z, ok := c.view.Zone(from); ok && registry.IsZone(z.GetParent()) && c.climbs(z.GetParent(), to, by, span, seen) {
			return true
		}
	}
	for r := range c.view.RelationsOf(from) {
		if r.GetType() == by && r.GetZone() == from && c.climbs(r.GetOther(), to, by, span.Meet(registry.Holds(r)), seen) {
			return true
		}
	}
	return false
}

type side struct{ path, zone string }

func sides(r *zonev1.Relation) []side {
	return []side{{"zone", r.GetZone()}, {"other", r.GetOther()}}
}

func (c *checker) relation(old, next *zonev1.Relation) {
	if old != nil && (old.GetType() != next.GetType() || old.GetZone() != next.GetZone() || old.GetOther() != next.GetOther()) {
		c.invalidf("type", "end this relation and create another", "the type and the zones of a relation do not change")
		return
	}
	sound := true
	for _, side := range sides(next) {
		if _, ok := c.view.Zone(side.zone); !ok {
			c.missing(side.path, side.zone)
			sound = false
		}
	}
	if next.GetZone() == next.GetOther() {
		c.invalidf("other", "name another zone", "a zone has no relation with itself")
		sound = false
	}
	if !c.span(next.GetStartDate(), next.GetEndDate(), "") || !sound {
		return
	}
	c.doubled(next)
	c.ended(next)
	holds := registry.Holds(next)
	switch next.GetType() {
	case zonev1.RelationType_RELATION_TYPE_PART_OF:
		if c.reaches(next.GetOther(), next.GetZone(), holds) {
			c.contradictsf("other", "end or correct the relation or parent that says so",
				"%s is part of %s itself at that time", next.GetOther(), next.GetZone())
		}
	case zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE:
		if c.climbs(next.GetOther(), next.GetZone(), next.GetType(), holds, make(map[string][]civil.Span)) {
			c.contradictsf("other", "end or correct the relation that says so", "%s holds the title of %s itself at that time", next.GetOther(), next.GetZone())
		}
	default:
	}
}

// span checks two dates, the second without which something holds.
func (c *checker) span(start, end *typev1.Date, prefix string) bool {
	ok := true
	for _, d := range []struct {
		path string
		date *typev1.Date
	}{{"start_date", start}, {"end_date", end}} {
		if err := civil.Check(d.date); err != nil {
			c.invalidf(prefix+d.path, "correct the date", "%s", err)
			ok = false
		}
	}
	if ok && start != nil && end != nil && civil.SpanOf(start, end).Empty() {
		c.invalidf(prefix+"end_date", "the end is the first day without it: write a later one",
			"%s is not after the start %s", civil.String(end), civil.String(start))
		ok = false
	}
	return ok
}

// doubled refuses what another relation says already: the same thing twice, or
// one title with two holders.
func (c *checker) doubled(next *zonev1.Relation) {
	for r := range c.view.RelationsOf(next.GetOther()) {
		if r.GetName() == next.GetName() || r.GetType() != next.GetType() || r.GetOther() != next.GetOther() ||
			registry.Holds(r).Meet(registry.Holds(next)).Empty() {
			continue
		}
		switch {
		case r.GetZone() == next.GetZone():
			c.contradictsf("zone", "update that one instead", "%s says the same for some of these days", r.GetName())
		case next.GetType() == zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE:
			c.contradictsf("other", "end that one first", "%s holds this title at that time (%s)", r.GetZone(), r.GetName())
		}
	}
}

// ended refuses relations of a zone from after its end, on whichever side comes
// second: the end, or the relation.
func (c *checker) ended(next *zonev1.Relation) {
	ends, _ := registry.Ends(next)
	for _, side := range sides(next) {
		path, zone := side.path, side.zone
		for r := range c.view.RelationsOf(zone) {
			if r.GetName() == next.GetName() {
				continue
			}
			other, _ := registry.Ends(r)
			nextEnds, rEnds := ends == zone && next.GetEndDate() == nil, other == zone && r.GetEndDate() == nil
			switch {
			case nextEnds && rEnds:
				c.contradictsf(path, "a zone ends once: correct or end that relation first", "%s has ended by %s%s", zone, r.GetName(), on(r))
			case rEnds && begins(next, r):
				c.contradictsf("start_date", "correct the date, or that relation", "%s has ended by %s%s", zone, r.GetName(), on(r))
			case nextEnds && begins(r, next):
				c.contradictsf("start_date", "correct the date, or that relation",
					"%s would have ended before %s begins%s", zone, r.GetName(), on(r))
			}
		}
	}
}

// begins reports whether a relation certainly begins when the zone has ended.
// Within the month or year that is all that is known of the end, it need not.
func begins(r, end *zonev1.Relation) bool {
	return r.GetStartDate() != nil && end.GetStartDate() != nil &&
		civil.First(r.GetStartDate(), civil.Ever) >= civil.Last(end.GetStartDate(), civil.Never)
}

func on(r *zonev1.Relation) string {
	if r.GetStartDate() == nil {
		return ""
	}
	return " on " + civil.String(r.GetStartDate())
}

func (c *checker) group(_, next *zonev1.Group) {
	c.displayName(next.GetDisplayName())
	switch members := next.GetMembers().(type) {
	case *zonev1.Group_Filter:
		if strings.TrimSpace(members.Filter) == "" {
			c.invalidf("filter", "write a filter such as level=national", "is empty")
			return
		}
		if _, err := registry.CompileZoneFilter(members.Filter); err != nil {
			c.addf(fault.ReasonOf(err), "filter", "correct the filter", "%s", strings.TrimPrefix(err.Error(), "filter: "))
		}
	case *zonev1.Group_List:
		c.members(members.List.GetMembers())
	default:
		c.invalidf("members", "give a list or a filter", "is missing")
	}
}

func (c *checker) members(members []*zonev1.Member) {
	if len(members) == 0 {
		c.invalidf("list.members", "name at least one zone", "is empty")
	}
	spans := make(map[string][]civil.Span)
	for i, m := range members {
		path := fmt.Sprintf("list.members[%d].", i)
		if _, ok := c.view.Zone(m.GetZone()); !ok {
			c.missing(path+"zone", m.GetZone())
		}
		if !c.span(m.GetStartDate(), m.GetEndDate(), path) {
			continue
		}
		span := civil.SpanOf(m.GetStartDate(), m.GetEndDate())
		if slices.ContainsFunc(spans[m.GetZone()], func(s civil.Span) bool { return !s.Meet(span).Empty() }) {
			c.invalidf(path+"zone", "make the times of its membership follow each other", "%s is a member twice at one time", m.GetZone())
		}
		spans[m.GetZone()] = append(spans[m.GetZone()], span)
		if end := c.view.End(m.GetZone()); end != nil && end.GetStartDate() != nil && m.GetStartDate() != nil &&
			span.Start >= civil.Last(end.GetStartDate(), civil.Never) {
			c.contradictsf(path+"start_date", "correct the date, or leave the zone out", "%s has ended by %s%s", m.GetZone(), end.GetName(), on(end))
		}
	}
}
