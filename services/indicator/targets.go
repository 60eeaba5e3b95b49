package indicator

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// ListCompletions implements zonebench.indicator.v1.TargetService.
func (s *Service) ListCompletions(
	ctx context.Context, req *indicatorv1.ListCompletionsRequest,
) (*indicatorv1.ListCompletionsResponse, error) {
	at := revision.At(ctx)
	if at == 0 {
		at = s.at(0).Revision()
	}
	p, err := page.Open(req, at)
	if err != nil {
		return nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	zones, _ := s.deps.Registry.Current()
	a := &assessor{figures: s.seen(ctx, p.Revision), registry: zones.View(p.Revision)}
	wanted, err := a.prepare(req)
	if err != nil {
		return nil, err
	}
	// Only the targets of this page are held against results; the others are counted by their keys.
	items, next, total := page.Cut(p, a.targets(req, wanted), targeted.text, func(targeted) bool { return true })
	resp := &indicatorv1.ListCompletionsResponse{NextPageToken: next, TotalSize: int32(total), State: s.state(p)}
	for _, t := range items {
		c := a.assess(t.key)
		if t.rate != nil {
			c = a.imply(t.rate)
		}
		if c != nil {
			resp.Completions = append(resp.GetCompletions(), c)
		}
	}
	return resp, nil
}

// prepare reads what a request asks for; the period is canonical, empty for all.
func (a *assessor) prepare(req *indicatorv1.ListCompletionsRequest) (string, error) {
	if err := civil.Check(req.GetAsOf()); err != nil {
		return "", fault.InvalidField("as_of", "%v", err)
	}
	a.asOf = civil.Last(req.GetAsOf(), civil.Never)
	for n, subject := range req.GetSubjects() {
		if !a.registry.Exists(subject) {
			return "", fault.ReferenceNotFound(fmt.Sprintf("subjects[%d]", n), subject)
		}
	}
	for n, name := range req.GetIndicators() {
		if _, ok := a.figures.Indicator(name); !ok {
			return "", fault.ReferenceNotFound(fmt.Sprintf("indicators[%d]", n), name)
		}
	}
	if t := req.GetAboutTolerance(); t != "" {
		d, err := quantity.Parse(t)
		if err != nil {
			return "", fault.InvalidField("about_tolerance", "%v", err)
		}
		a.about = new(big.Rat).Quo(d.Rat(), big.NewRat(100, 1))
	}
	if err := a.readProfile(req); err != nil {
		return "", err
	}
	if req.GetPeriod() == "" {
		return "", nil
	}
	canonical, err := period.Canonical(req.GetPeriod())
	if err != nil {
		return "", fault.InvalidField("period", "%v", err)
	}
	return canonical, nil
}

const monthsOfYear = 12

// readProfile reads the profile of the pace: a custom one has twelve cumulative
// shares that never fall and end with the whole.
func (a *assessor) readProfile(req *indicatorv1.ListCompletionsRequest) error {
	a.profile = req.GetPaceProfile()
	custom := a.profile == indicatorv1.PaceProfile_PACE_PROFILE_CUSTOM
	switch n := len(req.GetPaceShares()); {
	case custom && n != monthsOfYear:
		return fault.InvalidField("pace_shares", "give twelve cumulative shares, January to December, not %d", n)
	case !custom && n > 0:
		return fault.InvalidField("pace_shares", "leave them out, or ask for the custom profile")
	case !custom:
		return nil
	}
	before, one := new(big.Rat), big.NewRat(1, 1)
	for n, text := range req.GetPaceShares() {
		d, err := quantity.Parse(text)
		path := fmt.Sprintf("pace_shares[%d]", n)
		switch {
		case err != nil:
			return fault.InvalidField(path, "%v", err)
		case d.Rat().Cmp(before) < 0:
			return fault.InvalidField(path, "%s is less than the share before: cumulative shares never fall", text)
		case d.Rat().Cmp(one) > 0:
			return fault.InvalidField(path, "%s is more than 1, the whole year", text)
		case n == monthsOfYear-1 && d.Rat().Cmp(one) != 0:
			return fault.InvalidField(path, "December is %s: by its end the share is 1", text)
		}
		before = d.Rat()
		a.shares = append(a.shares, before)
	}
	return nil
}

// targeted is one target of the list: a stated one by its key, an implied one by
// the key of the published rate behind it too.
type targeted struct {
	key, rate *indicatorv1.FigureKey
}

// text is its place in the list: by subject, indicator, period and ambition, an
// implied target behind a stated one of the same key.
func (t targeted) text() string {
	if t.rate != nil {
		return figures.KeyText(t.key) + "\x00" + t.rate.GetIndicator()
	}
	return figures.KeyText(t.key)
}

// targets are the targets that a request asks for, in order.
func (a *assessor) targets(req *indicatorv1.ListCompletionsRequest, wanted string) iter.Seq[targeted] {
	fits := func(k *indicatorv1.FigureKey) bool {
		return (wanted == "" || k.GetPeriod() == wanted) && (len(req.GetIndicators()) == 0 || slices.Contains(req.GetIndicators(), k.GetIndicator()))
	}
	return func(yield func(targeted) bool) {
		var implied []targeted // of the subject at hand, waiting for their place
		subject := ""
		flush := func(before string) bool {
			for len(implied) > 0 && (before == "" || implied[0].text() < before) {
				if !yield(implied[0]) {
					return false
				}
				implied = implied[1:]
			}
			return true
		}
		for k := range a.keys(req.GetSubjects()) {
			if k.GetSubject() != subject {
				if !flush("") {
					return
				}
				subject, implied = k.GetSubject(), a.impliedOf(k.GetSubject(), fits)
			}
			if k.GetKind() != indicatorv1.Kind_KIND_TARGET || !fits(k) {
				continue
			}
			t := targeted{key: k}
			if !flush(t.text()) || !yield(t) {
				return
			}
		}
		flush("")
	}
}

// keys are those of some subjects, or of all.
func (a *assessor) keys(subjects []string) iter.Seq[*indicatorv1.FigureKey] {
	if len(subjects) == 0 {
		return a.figures.Keys()
	}
	return func(yield func(*indicatorv1.FigureKey) bool) {
		for _, subject := range slices.Sorted(slices.Values(subjects)) {
			for k := range a.figures.KeysOf(subject) {
				if !yield(k) {
					return
				}
			}
		}
	}
}

// impliedOf are the targets that published rates of completion of a subject imply.
func (a *assessor) impliedOf(subject string, fits func(*indicatorv1.FigureKey) bool) []targeted {
	var out []targeted
	for i := range a.figures.Indicators() {
		if i.GetCompletionOf() == "" {
			continue
		}
		for f := range a.figures.FiguresUnder(subject, i.GetName()) {
			if k := a.impliedKey(f.GetKey()); k != nil && fits(k) && a.over(k) {
				out = append(out, targeted{key: k, rate: f.GetKey()})
			}
		}
	}
	slices.SortFunc(out, func(x, y targeted) int { return strings.Compare(x.text(), y.text()) })
	return out
}

// over says whether the period of a key has ended on the day of the assessment,
// before which no rate of it can be known.
func (a *assessor) over(k *indicatorv1.FigureKey) bool {
	return civil.Last(periodOf(k.GetPeriod()).End(), civil.Ever) <= a.asOf
}
