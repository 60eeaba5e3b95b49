package registry

import (
	"iter"
	"strings"

	"zonebench.internal/pkg/civil"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// View is the registry as of a revision. The messages it returns are shared:
// callers never modify them.
type View struct {
	state    *State
	revision int64
}

// View reads the state as of a revision; 0 or less: the newest it holds.
func (s *State) View(revision int64) View {
	if revision <= 0 {
		revision = s.revision
	}
	return View{state: s, revision: revision}
}

// Revision is the one that the view is of.
func (v View) Revision() int64 { return v.revision }

// Changes are the commits of the zone lane after a revision and up to the
// view's, the newest first, with the names of what each wrote: zones, reference
// units, relations and groups.
func (v View) Changes(after int64) iter.Seq2[int64, []string] {
	return func(yield func(int64, []string) bool) {
		v.state.touched.Descend(v.revision, func(revision int64, names []string) bool {
			return revision > after && yield(revision, names)
		})
	}
}

// Zone finds a zone by its resource name.
func (v View) Zone(name string) (*zonev1.Zone, bool) { return v.state.zones.At(name, v.revision) }

// ReferenceUnit finds a reference unit by its resource name.
func (v View) ReferenceUnit(name string) (*zonev1.ReferenceUnit, bool) {
	return v.state.units.At(name, v.revision)
}

// Relation finds a relation by its resource name.
func (v View) Relation(name string) (*zonev1.Relation, bool) {
	return v.state.relations.At(name, v.revision)
}

// Group finds a group by its resource name.
func (v View) Group(name string) (*zonev1.Group, bool) { return v.state.groups.At(name, v.revision) }

// Zones are all zones in order of their names.
func (v View) Zones() iter.Seq[*zonev1.Zone] { return v.state.zones.All(v.revision) }

// ReferenceUnits are all reference units in order of their names.
func (v View) ReferenceUnits() iter.Seq[*zonev1.ReferenceUnit] { return v.state.units.All(v.revision) }

// Relations are all relations in order of their names.
func (v View) Relations() iter.Seq[*zonev1.Relation] { return v.state.relations.All(v.revision) }

// Groups are all groups in order of their names.
func (v View) Groups() iter.Seq[*zonev1.Group] { return v.state.groups.All(v.revision) }

// RelationsOf are the relations with a zone on either side, in order of their names.
func (v View) RelationsOf(zone string) iter.Seq[*zonev1.Relation] {
	return func(yield func(*zonev1.Relation) bool) {
		for name := range rights(v.state.ties, zone) {
			r, ok := v.Relation(name)
			if ok && (r.GetZone() == zone || r.GetOther() == zone) && !yield(r) {
				return
			}
		}
	}
}

// subject is a zone or a reference unit.
type subject interface {
	GetName() string
	GetDisplayName() *typev1.Localized
	GetAliases() []*zonev1.Alias
	GetParent() string
	GetDivisionCode() string
	GetSimulated() bool
}

func (v View) subject(name string) (subject, bool) {
	if z, ok := v.Zone(name); ok {
		return z, true
	}
	if u, ok := v.ReferenceUnit(name); ok {
		return u, true
	}
	return nil, false
}

// Exists reports whether there is a zone or reference unit of that resource name.
func (v View) Exists(name string) bool {
	_, ok := v.subject(name)
	return ok
}

// DisplayName is the name of a zone or reference unit, with the mark when it is
// simulated. English may be empty: it falls back to Chinese.
func (v View) DisplayName(name string) (*typev1.Localized, bool) {
	s, ok := v.subject(name)
	if !ok {
		return nil, false
	}
	return s.GetDisplayName(), true
}

// Simulated reports whether a zone or reference unit belongs to a simulated dataset.
func (v View) Simulated(name string) bool {
	s, ok := v.subject(name)
	return ok && s.GetSimulated()
}

// Above are a zone's or reference unit's parent, its parent's parent and so on.
func (v View) Above(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		// Commands keep the tree free of cycles; a reader does not rely on it.
		seen := map[string]bool{name: true}
		for s, ok := v.subject(name); ok; {
			parent := s.GetParent()
			if parent == "" || seen[parent] || !yield(parent) {
				return
			}
			seen[parent] = true
			s, ok = v.subject(parent)
		}
	}
}

// LiesIn reports whether a zone or reference unit is inside another one: by its
// parents, or as part of a zone, at whatever date.
func (v View) LiesIn(name, in string) bool {
	seen := map[string]bool{}
	var climb func(string) bool
	climb = func(at string) bool {
		if seen[at] {
			return false
		}
		seen[at] = true
		for _, up := range v.up(at) {
			if up == in || climb(up) {
				return true
			}
		}
		return false
	}
	return name != in && climb(name)
}

// up is what a zone or reference unit lies in directly.
func (v View) up(name string) []string {
	var out []string
	if s, ok := v.subject(name); ok && s.GetParent() != "" {
		out = append(out, s.GetParent())
	}
	for r := range v.RelationsOf(name) {
		if r.GetType() == zonev1.RelationType_RELATION_TYPE_PART_OF && r.GetZone() == name {
			out = append(out, r.GetOther())
		}
	}
	return out
}

// Province is the GB/T 2260 code of the province that a zone or reference unit
// lies in, such as 330000: by its own division code, else by that of the
// nearest thing it lies in. Empty when it is not known.
func (v View) Province(name string) string {
	seen := map[string]bool{}
	for level := []string{name}; len(level) > 0; {
		var next []string
		for _, n := range level {
			if seen[n] {
				continue
			}
			seen[n] = true
			if s, ok := v.subject(n); ok {
				if code := s.GetDivisionCode(); len(code) == 6 && code[:2] != "00" {
					return code[:2] + "0000"
				}
			}
			next = append(next, v.up(n)...)
		}
		level = next
	}
	return ""
}

// Holds is the days on which a relation holds.
func Holds(r *zonev1.Relation) civil.Span { return civil.SpanOf(r.GetStartDate(), r.GetEndDate()) }

// Ends names the zone that a relation ends and begins, each empty when it does
// not: what is merged ends, and a renamed zone ends under its old name and
// begins under the new one.
func Ends(r *zonev1.Relation) (ends, begins string) {
	switch r.GetType() {
	case zonev1.RelationType_RELATION_TYPE_MERGED_INTO:
		return r.GetZone(), ""
	case zonev1.RelationType_RELATION_TYPE_RENAMED:
		return r.GetOther(), r.GetZone()
	case zonev1.RelationType_RELATION_TYPE_SPLIT_FROM:
		return "", r.GetZone()
	default:
		return "", ""
	}
}

// End is the relation that ends a zone and was not undone, the earliest if there
// are several; nil while it lives.
func (v View) End(zone string) *zonev1.Relation {
	var end *zonev1.Relation
	for r := range v.RelationsOf(zone) {
		if ends, _ := Ends(r); ends == zone && r.GetEndDate() == nil && (end == nil || Holds(r).Start < Holds(end).Start) {
			end = r
		}
	}
	return end
}

// Lives reports whether a zone exists on a day, as far as its relations say. Of
// one that ended at a date that is not known, nothing is claimed: it does not.
func (v View) Lives(zone string, day civil.Day) bool {
	for r := range v.RelationsOf(zone) {
		ends, begins := Ends(r)
		if ends == zone && Holds(r).Contains(day) || begins == zone && day < Holds(r).Start {
			return false
		}
	}
	return true
}

// IsZone reports whether a resource name is a zone's by its form.
func IsZone(name string) bool { return strings.HasPrefix(name, "zones/") }

// IsReferenceUnit reports whether a resource name is a reference unit's by its form.
func IsReferenceUnit(name string) bool { return strings.HasPrefix(name, "referenceUnits/") }
