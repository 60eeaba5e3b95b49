package registry

import (
	"cmp"
	"slices"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/filter"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// ZoneFields are the fields by which zones are filtered, in lists and in groups.
var ZoneFields = []string{
	"name", "display_name.zh", "display_name.en", "type", "level", "parent", "division_code", "certainty", "simulated",
}

// CompileZoneFilter reads an AIP-160 filter over zones.
func CompileZoneFilter(text string) (filter.Predicate, error) {
	return filter.Compile(text, (&zonev1.Zone{}).ProtoReflect().Descriptor(), ZoneFields)
}

// Members are the zones that belong to a group on a day, in order of their
// names; a month or year means its last day. A zone that has ended by then, or
// had not begun, is no member. Zones whose certainty is not `stated` are among
// them: whether they count is for the caller to decide.
func (v View) Members(group string, asOf *typev1.Date) ([]*zonev1.Zone, error) {
	g, ok := v.Group(group)
	if !ok {
		return nil, fault.NotFound(group)
	}
	if asOf == nil {
		return nil, fault.InvalidField("as_of", "membership is dated: name the date")
	}
	if err := civil.Check(asOf); err != nil {
		return nil, fault.InvalidField("as_of", "%s", err)
	}
	day := civil.Last(asOf, civil.Never)
	var out []*zonev1.Zone
	switch members := g.GetMembers().(type) {
	case *zonev1.Group_List:
		for _, m := range members.List.GetMembers() {
			z, ok := v.Zone(m.GetZone())
			if ok && civil.SpanOf(m.GetStartDate(), m.GetEndDate()).Contains(day) && v.Lives(z.GetName(), day) {
				out = append(out, z)
			}
		}
		slices.SortFunc(out, func(a, b *zonev1.Zone) int { return cmp.Compare(a.GetName(), b.GetName()) })
		out = slices.Compact(out)
	case *zonev1.Group_Filter:
		fits, err := CompileZoneFilter(members.Filter)
		if err != nil {
			return nil, err
		}
		for z := range v.Zones() {
			if fits(z) && v.Lives(z.GetName(), day) {
				out = append(out, z)
			}
		}
	}
	return out, nil
}

// IsMember reports whether a zone is among the Members of a group on a day.
func (v View) IsMember(group, zone string, asOf *typev1.Date) (bool, error) {
	g, ok := v.Group(group)
	if !ok {
		return false, nil
	}
	z, ok := v.Zone(zone)
	day := civil.Last(asOf, civil.Never)
	if !ok || !v.Lives(zone, day) {
		return false, nil
	}
	switch members := g.GetMembers().(type) {
	case *zonev1.Group_List:
		return slices.ContainsFunc(members.List.GetMembers(), func(m *zonev1.Member) bool {
			return m.GetZone() == zone && civil.SpanOf(m.GetStartDate(), m.GetEndDate()).Contains(day)
		}), nil
	case *zonev1.Group_Filter:
		fits, err := CompileZoneFilter(members.Filter)
		return err == nil && fits(z), err
	}
	return false, nil
}
