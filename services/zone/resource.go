package zone

import (
	"iter"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/versioned"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// resource is one of the four things that the registry holds.
type resource interface{ versioned.Resource }

// kind is what the four differ in.
type kind[T resource] struct {
	collection string   // first part of the resource name
	field      string   // that holds it in requests
	filters    []string // fields of list filters
	get        func(registry.View, string) (T, bool)
	all        func(registry.View) iter.Seq[T]
	fact       func(T) *ledgerv1.Fact
	// tidy brings what was sent into the form that is stored.
	tidy func(T)
	// check holds the resource, as it stands in the checker's view, against the
	// rules. old is nil for a new one.
	check func(c *checker, old, next T)
}

var zones = kind[*zonev1.Zone]{
	collection: "zones", field: "zone", filters: registry.ZoneFields,
	get: registry.View.Zone, all: registry.View.Zones,
	fact: func(z *zonev1.Zone) *ledgerv1.Fact { return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: z}} },
	tidy: func(z *zonev1.Zone) {
		z.DisplayName = tidyName(z.GetDisplayName())
		tidyAliases(z.GetAliases())
	},
	check: (*checker).zone,
}

var units = kind[*zonev1.ReferenceUnit]{
	collection: "referenceUnits", field: "reference_unit",
	filters: []string{"name", "display_name.zh", "display_name.en", "type", "parent", "division_code", "simulated"},
	get:     registry.View.ReferenceUnit, all: registry.View.ReferenceUnits,
	fact: func(u *zonev1.ReferenceUnit) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: u}}
	},
	tidy: func(u *zonev1.ReferenceUnit) {
		u.DisplayName = tidyName(u.GetDisplayName())
		tidyAliases(u.GetAliases())
	},
	check: (*checker).unit,
}

var relations = kind[*zonev1.Relation]{
	collection: "relations", field: "relation", filters: []string{"name", "type", "zone", "other"},
	get: registry.View.Relation, all: registry.View.Relations,
	fact: func(r *zonev1.Relation) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: r}}
	},
	tidy:  func(*zonev1.Relation) {},
	check: (*checker).relation,
}

var groups = kind[*zonev1.Group]{
	collection: "groups", field: "group", filters: []string{"name", "display_name.zh", "display_name.en"},
	get: registry.View.Group, all: registry.View.Groups,
	fact: func(g *zonev1.Group) *ledgerv1.Fact {
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: g}}
	},
	// Its mark stays: nothing but its name says that a group is of a simulated dataset.
	tidy:  func(g *zonev1.Group) { g.DisplayName = trimmed(g.GetDisplayName()) },
	check: (*checker).group,
}

// stored is a resource in the form that the ledger keeps.
func (k kind[T]) stored(m T) T {
	c := versioned.Stored(m)
	k.tidy(c)
	return c
}

func tidyName(name *typev1.Localized) *typev1.Localized { return trimmed(registry.Unmarked(name)) }

func trimmed(name *typev1.Localized) *typev1.Localized {
	if name != nil {
		name.Zh, name.En = strings.TrimSpace(name.GetZh()), strings.TrimSpace(name.GetEn())
	}
	return name
}

func tidyAliases(aliases []*zonev1.Alias) {
	for _, a := range aliases {
		if a != nil {
			a.Text = strings.TrimSpace(a.GetText())
		}
	}
}

// named gives a stored copy of a resource its name.
func (k kind[T]) named(m T, name string) T {
	c := k.stored(m)
	c.ProtoReflect().Set(c.ProtoReflect().Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
	return c
}
