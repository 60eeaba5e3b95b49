package ranking

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	// maxCells bounds the matrix so that an answer fits into a message.
	maxCells = 20_000
	// maxAcross bounds the pairs that across_concepts looks at.
	maxAcross = 50
)

// CompareZones compares subjects on concepts under the four verdicts.
func (s *Service) CompareZones(
	ctx context.Context, req *rankingv1.CompareZonesRequest,
) (*rankingv1.CompareZonesResponse, error) {
	zones, _ := s.deps.Registry.Current()
	resp, err := compare(zones.View(revision.At(ctx)), s.figures(ctx), req)
	if err != nil {
		return nil, err
	}
	resp.State = revision.State(ctx)
	return resp, nil
}

// figures are what was stated, as the caller sees it.
func (s *Service) figures(ctx context.Context) figures.View {
	at := revision.At(ctx)
	if at == 0 {
		at = s.deps.Ledger.Applied()
	}
	stated, _ := s.deps.Figures.Current()
	return stated.View(at).For(auth.From(ctx), s.deps.Ledger.TimeAt(at))
}

// compare is the whole of CompareZones: a function of two views and a request.
func compare(
	zones registry.View, stated figures.View, req *rankingv1.CompareZonesRequest,
) (*rankingv1.CompareZonesResponse, error) {
	c := &comparison{registry: zones, figures: stated, kind: req.GetKind()}
	var err error
	if c.period, err = period.Parse(req.GetPeriod()); err != nil {
		return nil, fault.InvalidField("period", "%v", err)
	}
	c.tags = make(map[indicatorv1.Tag]bool)
	for _, t := range req.GetTags() {
		c.tags[t] = true
	}
	if len(c.tags) == 0 {
		c.tags[indicatorv1.Tag_TAG_HEADLINE], c.tags[indicatorv1.Tag_TAG_OBSERVED] = true, true
	}
	if err := c.choose(req); err != nil {
		return nil, err
	}
	c.collect()
	concepts, err := c.concepts(req)
	if err != nil {
		return nil, err
	}
	if n := len(c.subjects) * len(concepts); n > maxCells {
		return nil, fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
			"%d subjects x %d concepts are %d cells, more than %d: compare fewer subjects or name the indicators",
			len(c.subjects), len(concepts), n, maxCells)
	}
	if err := c.unmixed(concepts, req.GetMixSimulated()); err != nil {
		return nil, err
	}
	resp := c.answer(concepts)
	if req.GetAcrossConcepts() {
		if resp.Refused, err = c.across(req.GetIndicators()); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// choose settles the subjects: those named, the members of the group, or
// everyone with figures. Zones come before reference units only when nobody
// said an order.
func (c *comparison) choose(req *rankingv1.CompareZonesRequest) error {
	for i, subject := range req.GetSubjects() {
		if !c.registry.Exists(subject) {
			return fault.ReferenceNotFound(fmt.Sprintf("subjects[%d]", i), subject)
		}
	}
	c.subjects = slices.Clone(req.GetSubjects())
	if group := req.GetGroup(); group != "" {
		end := c.period.End()
		if end == nil {
			return fault.InvalidField("period",
				"membership of %s is dated and %q has no end: name a dated period or list the subjects", group, req.GetPeriod())
		}
		members, err := c.registry.Members(group, end)
		if err != nil {
			return err
		}
		for _, z := range members {
			if !slices.Contains(c.subjects, z.GetName()) {
				c.subjects = append(c.subjects, z.GetName())
			}
		}
		return nil
	}
	if len(c.subjects) == 0 {
		seen := make(map[string]bool)
		for f := range c.figures.Figures() {
			seen[f.GetKey().GetSubject()] = true
		}
		if !req.GetMixSimulated() {
			c.oneDataset(seen, req.GetIndicators())
		}
		c.subjects = slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
			return cmp.Or(order(!registry.IsReferenceUnit(a), !registry.IsReferenceUnit(b)), cmp.Compare(a, b))
		})
	}
	return nil
}

// oneDataset keeps the real subjects among everyone, or the simulated ones when
// a simulated indicator is asked for or there are no others: whoever names
// nobody means one dataset.
func (c *comparison) oneDataset(subjects map[string]bool, indicators []string) {
	simulated := slices.ContainsFunc(indicators, func(name string) bool {
		ind, _ := c.figures.Indicator(name)
		return ind.GetSimulated()
	})
	if !simulated {
		simulated = true
		for name := range subjects {
			simulated = simulated && c.registry.Simulated(name)
		}
	}
	maps.DeleteFunc(subjects, func(name string, _ bool) bool { return c.registry.Simulated(name) != simulated })
}

// concepts settles the columns: the concepts of the named indicators in their
// order, or every concept on which a subject has a figure.
func (c *comparison) concepts(req *rankingv1.CompareZonesRequest) ([]*indicatorv1.Indicator, error) {
	var names []string
	for i, name := range req.GetIndicators() {
		ind, ok := c.figures.Indicator(name)
		if !ok {
			return nil, fault.ReferenceNotFound(fmt.Sprintf("indicators[%d]", i), name)
		}
		if concept := canonical(ind); !slices.Contains(names, concept) {
			names = append(names, concept)
		}
	}
	if len(req.GetIndicators()) == 0 {
		names = slices.Sorted(maps.Keys(c.found))
	}
	var list []*indicatorv1.Indicator
	for _, name := range names {
		if ind, ok := c.figures.Indicator(name); ok {
			list = append(list, ind)
		}
	}
	return list, nil
}

// unmixed refuses to put simulated figures beside real ones unless asked to.
func (c *comparison) unmixed(concepts []*indicatorv1.Indicator, asked bool) error {
	var simulated, genuine string
	for _, concept := range concepts {
		for subject, entries := range c.found[concept.GetName()] {
			for _, e := range entries {
				if slices.ContainsFunc(e.preferred, (*indicatorv1.Statement).GetSimulated) {
					simulated = subject
				} else {
					genuine = subject
				}
			}
		}
	}
	if simulated == "" || genuine == "" || asked {
		return nil
	}
	return fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_MIXED_DATASETS,
		"simulated figures (%s) would stand beside real ones (%s): name subjects of one dataset, or set mix_simulated",
		simulated, genuine)
}

func (c *comparison) answer(concepts []*indicatorv1.Indicator) *rankingv1.CompareZonesResponse {
	resp := &rankingv1.CompareZonesResponse{Title: c.title()}
	strictly := make(map[string]bool)
	for _, concept := range concepts {
		var shown []*entry
		for _, subject := range c.subjects {
			for _, e := range c.found[concept.GetName()][subject] {
				if e.key.GetKind() == c.kind && e.number != nil && c.kin.family[e.indicator.GetName()] == c.kin.family[concept.GetName()] {
					shown = append(shown, e)
				}
			}
		}
		resp.Columns = append(resp.Columns, &rankingv1.Column{
			Indicator:        concept.GetName(),
			DisplayName:      c.label(concept, shown),
			StatisticalClass: concept.GetUsualClass(),
			Nature:           concept.GetNature(),
			Unit:             concept.GetUnit(),
		})
		strict := c.strict(concept)
		resp.Strict = append(resp.Strict, strict...)
		for _, comparison := range strict {
			for _, row := range comparison.GetRows() {
				strictly[row.GetSubject()] = true
			}
		}
		// What stands beside a strict comparison stands in the matrix only.
		if len(strict) > 0 {
			continue
		}
		if reference := c.reference(concept); reference != nil {
			resp.Reference = append(resp.Reference, reference)
		} else if beside := c.sideBySide(concept); beside != nil {
			resp.SideBySide = append(resp.SideBySide, beside)
		}
	}
	for _, subject := range c.subjects {
		resp.Subjects = append(resp.Subjects, &rankingv1.Subject{
			Subject: subject, DisplayName: c.name(subject), ReferenceUnit: registry.IsReferenceUnit(subject),
		})
		for i, concept := range concepts {
			resp.Matrix = append(resp.Matrix, c.cell(int32(i), concept, subject))
		}
		if strictly[subject] && !registry.IsReferenceUnit(subject) {
			continue
		}
		if c.hasFigures(subject) {
			resp.Excluded = append(resp.Excluded, &rankingv1.Exclusion{
				Subject: subject, DisplayName: c.name(subject), Reason: c.whyExcluded(subject, concepts),
			})
		}
	}
	for _, list := range [][]*rankingv1.Comparison{resp.GetStrict(), resp.GetReference(), resp.GetSideBySide()} {
		for _, comparison := range list {
			resp.Simulated = resp.GetSimulated() || slices.ContainsFunc(comparison.GetRows(), (*rankingv1.Row).GetSimulated)
		}
	}
	return resp
}

func (c *comparison) hasFigures(subject string) bool {
	for range c.figures.FiguresOf(subject) {
		return true
	}
	return false
}

// across refuses, pair by pair, the comparisons between indicators of
// different concepts that the caller asked for.
func (c *comparison) across(names []string) ([]*rankingv1.Refusal, error) {
	if len(names) < 2 || len(names) > maxAcross {
		return nil, fault.InvalidField("indicators", "across_concepts compares 2 to %d indicators with each other: name them", maxAcross)
	}
	var list []*rankingv1.Refusal
	for i, a := range names {
		for _, b := range names[i+1:] {
			x, _ := c.figures.Indicator(a)
			y, _ := c.figures.Indicator(b)
			if canonical(x) == canonical(y) {
				continue
			}
			refusal := &rankingv1.Refusal{
				Indicators:  []string{a, b},
				Differences: []rankingv1.Difference{rankingv1.Difference_DIFFERENCE_CONCEPT},
			}
			if x.GetNature() != y.GetNature() {
				refusal.Differences = merge(refusal.GetDifferences(), []rankingv1.Difference{rankingv1.Difference_DIFFERENCE_NATURE})
			}
			refusal.Reason = whyRefused(x, y, refusal.GetDifferences())
			list = append(list, refusal)
		}
	}
	return list, nil
}

// whyRefused gives the recorded reason of false friends, else the differences.
func whyRefused(x, y *indicatorv1.Indicator, differences []rankingv1.Difference) *typev1.Localized {
	for _, pair := range [][2]*indicatorv1.Indicator{{x, y}, {y, x}} {
		for _, f := range pair[0].GetFalseFriends() {
			if f.GetIndicator() == pair[1].GetName() {
				return f.GetReason()
			}
		}
	}
	how := differencesText(differences)
	return text(
		x.GetDisplayName().GetZh()+"与"+y.GetDisplayName().GetZh()+"不可比:"+how.GetZh(),
		english(x.GetDisplayName())+" and "+english(y.GetDisplayName())+" may not be compared: "+english(how))
}
