package ranking

import (
	"fmt"
	"slices"
	"strings"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking/standing"
)

func (s *Service) schemeKind() kind[*rankingv1.Scheme] {
	return kind[*rankingv1.Scheme]{
		field: "scheme", filters: []string{"name", "display_name.zh", "supersedes"},
		get: PublishedView.Scheme,
		fact: func(r *rankingv1.Scheme) *ledgerv1.Fact {
			return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Scheme{Scheme: r}}
		},
		check: func(published PublishedView, _ registry.View, scheme *rankingv1.Scheme) error {
			stated, _ := s.deps.Figures.Current()
			return checkScheme(published, stated.View(0), scheme)
		},
	}
}

// checkScheme refuses what could never be computed, and says which field is to
// be mended.
func checkScheme(published PublishedView, stated figures.View, scheme *rankingv1.Scheme) error {
	if scheme.GetDisplayName().GetZh() == "" {
		return fault.InvalidField("scheme.display_name.zh", "is missing: name the scheme")
	}
	if old := scheme.GetSupersedes(); old != "" {
		if _, ok := published.Scheme(old); !ok {
			return fault.ReferenceNotFound("scheme.supersedes", old)
		}
	}
	if err := checkNodes(stated, scheme); err != nil {
		return err
	}
	direction := func(name string) indicatorv1.Direction {
		i, _ := stated.Indicator(name)
		return i.GetDirection()
	}
	tree, err := standing.Tree(scheme, direction)
	if err != nil {
		return fault.InvalidField("scheme.nodes", "%s", plain(err))
	}
	recipe, err := standing.Recipe(scheme)
	if err != nil {
		return fault.InvalidField("scheme.recipe", "%s", plain(err))
	}
	if err := checkRecipe(recipe, tree); err != nil {
		return err
	}
	if _, err := composite.Compile(recipe, tree, sample(recipe, tree), nil); err != nil {
		return fault.InvalidField("scheme.recipe", "does not fit the tree: %s", plain(err))
	}
	return nil
}

// plain is an error of the engine without the engine's name.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "composite: ") }

// checkNodes holds each node against the others and its indicator.
func checkNodes(stated figures.View, scheme *rankingv1.Scheme) error {
	at := func(i int, field string) string { return fmt.Sprintf("scheme.nodes[%d].%s", i, field) }
	byID := make(map[string]int)
	for i, n := range scheme.GetNodes() {
		if before, twice := byID[n.GetId()]; twice {
			return fault.InvalidField(at(i, "id"), "%s is the id of nodes[%d] already: give each node its own", n.GetId(), before)
		}
		byID[n.GetId()] = i
	}
	type figure struct {
		indicator string
		class     int32
	}
	taken := make(map[figure]string)
	for i, n := range scheme.GetNodes() {
		if p := n.GetParent(); p != "" {
			parent, ok := byID[p]
			switch {
			case !ok:
				return fault.InvalidField(at(i, "parent"), "there is no node %s in this scheme: name a group of it", p)
			case scheme.GetNodes()[parent].GetLeaf() != nil:
				return fault.InvalidField(at(i, "parent"), "%s is a leaf: name a group", p)
			}
		}
		leaf := n.GetLeaf()
		if leaf == nil {
			continue
		}
		indicator, ok := stated.Indicator(leaf.GetIndicator())
		switch {
		case !ok:
			return fault.ReferenceNotFound(at(i, "leaf.indicator"), leaf.GetIndicator())
		case indicator.GetNature() == indicatorv1.Nature_NATURE_STATUS:
			return fault.InvalidField(at(i, "leaf.indicator"), "%s is a status, which has no number: take an indicator that has", leaf.GetIndicator())
		case indicator.GetBundle():
			return fault.InvalidField(at(i, "leaf.indicator"), "%s is a bundle of indicators: name each of them", leaf.GetIndicator())
		case n.GetParent() == "":
			return fault.InvalidField(at(i, "parent"), "is missing: a leaf belongs to a group")
		case (leaf.GetCarry() == rankingv1.Carry_CARRY_UNSPECIFIED) != (leaf.GetMaxAgeMonths() == 0):
			return fault.InvalidField(at(i, "leaf.max_age_months"), "a carry rule needs a greatest age of at least 1 month, and only a carry rule has one")
		}
		f := figure{leaf.GetIndicator(), int32(leaf.GetStatisticalClass())}
		if before := taken[f]; before != "" {
			return fault.InvalidField(at(i, "leaf.indicator"), "node %s takes the same figures: they would count twice", before)
		}
		taken[f] = n.GetId()
	}
	return nil
}

// checkRecipe refuses what the contract excludes or what has no meaning for the
// figures of one period.
func checkRecipe(recipe *composite.Recipe, tree *composite.Tree) error {
	if paths := recipe.Paths(); len(paths) > 0 {
		return fault.InvalidField("scheme.recipe", "names the table %s: write its values into the recipe", paths[0])
	}
	if len(recipe.Derive) > 0 {
		return fault.InvalidField("scheme.recipe", "derive needs several periods: take the growth as an indicator of its own")
	}
	if p := recipe.Place; p != nil && p.Ties != "" && p.Ties != string(composite.Competition) {
		return fault.InvalidField("scheme.recipe", "place.ties is %s: the places of a ranking are competition places, leave it out", p.Ties)
	}
	if recipe.Normalise == nil || recipe.Normalise.Method == "none" {
		for _, leaf := range tree.Leaves {
			node := tree.Nodes[leaf]
			if node.Direction < 0 && (recipe.Normalise == nil || recipe.Normalise.PerIndicator[node.Code] == nil) {
				return fault.InvalidField("scheme.recipe",
					"%s is better when it is lower, and figures as they are count higher as better: normalise, with minmax for example", node.Code)
			}
		}
	}
	return nil
}

// sample is data of the form that the recipe will meet: the zones that it names
// and two others.
func sample(recipe *composite.Recipe, tree *composite.Tree) *composite.Data {
	named := []string{"zones/sample-one", "zones/sample-two"}
	if recipe.Screen != nil {
		named = append(append(named, recipe.Screen.Keep...), recipe.Screen.Drop...)
	}
	if recipe.Place != nil {
		named = append(named, recipe.Place.Without...)
	}
	slices.Sort(named)
	named = slices.Compact(named)
	d := &composite.Data{}
	for _, n := range named {
		d.Units = append(d.Units, composite.Unit{Code: n, Name: n})
	}
	for _, code := range tree.LeafCodes() {
		c := composite.Column{Code: code}
		for i := range named {
			c.Values = append(c.Values, float64(i+1))
		}
		d.Columns = append(d.Columns, c)
	}
	for _, class := range standing.Classes(nil) {
		d.Groups = append(d.Groups, composite.Grouping{Code: class.Code, Values: make([]string, len(named))})
	}
	return d
}
