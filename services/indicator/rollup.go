package indicator

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// RollUp implements zonebench.indicator.v1.TargetService.
func (s *Service) RollUp(ctx context.Context, req *indicatorv1.RollUpRequest) (*indicatorv1.RollUpResponse, error) {
	zones, _ := s.deps.Registry.Current()
	resp, err := rollUp(s.view(ctx), zones.View(revision.At(ctx)), req)
	if err != nil {
		return nil, err
	}
	resp.State = revision.State(ctx)
	return resp, nil
}

// part is a zone that is part of another one on a day.
type part struct {
	zone      string
	certainty typev1.Certainty // of the relation
}

// partsOf are the zones that are part of a zone on a day, in order of their
// names. One that lies in another of them is left out: it would count twice.
func partsOf(zones registry.View, zone string, on civil.Day) []part {
	direct := directParts(zones, zone, on)
	return slices.DeleteFunc(slices.Clone(direct), func(p part) bool {
		return slices.ContainsFunc(direct, func(q part) bool { return q.zone != p.zone && within(zones, p.zone, q.zone, on, nil) })
	})
}

func directParts(zones registry.View, zone string, on civil.Day) []part {
	var out []part
	for r := range zones.RelationsOf(zone) {
		if r.GetType() == zonev1.RelationType_RELATION_TYPE_PART_OF && r.GetOther() == zone && registry.Holds(r).Contains(on) && zones.Lives(r.GetZone(), on) {
			out = append(out, part{r.GetZone(), r.GetCertainty()})
		}
	}
	slices.SortFunc(out, func(a, b part) int { return cmp.Compare(a.zone, b.zone) })
	return slices.CompactFunc(out, func(a, b part) bool { return a.zone == b.zone })
}

// within says whether a zone is part of another one on a day, however deep.
func within(zones registry.View, zone, in string, on civil.Day, seen map[string]bool) bool {
	if seen == nil {
		seen = make(map[string]bool)
	}
	if seen[in] {
		return false
	}
	seen[in] = true
	return slices.ContainsFunc(directParts(zones, in, on), func(p part) bool {
		return p.zone == zone || within(zones, zone, p.zone, on, seen)
	})
}

// roll is one roll-up on its way.
type roll struct {
	figures   figures.View
	registry  registry.View
	indicator *indicatorv1.Indicator
	period    string
	kind      indicatorv1.Kind
	resp      *indicatorv1.RollUpResponse
	simulated map[bool]bool
	bounded   bool // a number is a bound or about
	inferred  bool
}

// form is what a parent and its parts must have alike besides the period.
type form struct {
	class    typev1.StatisticalClass
	ambition indicatorv1.Ambition
}

// rollUp computes a parent's figure from its parts beside the stated one.
func rollUp(view figures.View, zones registry.View, req *indicatorv1.RollUpRequest) (*indicatorv1.RollUpResponse, error) {
	if _, ok := zones.Zone(req.GetZone()); !ok {
		return nil, fault.ReferenceNotFound("zone", req.GetZone())
	}
	i, ok := view.Indicator(req.GetIndicator())
	if !ok {
		return nil, fault.ReferenceNotFound("indicator", req.GetIndicator())
	}
	p, err := period.Parse(req.GetPeriod())
	if err != nil {
		return nil, fault.InvalidField("period", "%v", err)
	}
	if err := civil.Check(req.GetAsOf()); err != nil {
		return nil, fault.InvalidField("as_of", "%v", err)
	}
	on := req.GetAsOf()
	if on == nil {
		on = p.End()
	}
	if on == nil {
		return nil, fault.InvalidField("as_of", "the parts of a zone are dated and %q has no last day: say the day", req.GetPeriod())
	}
	r := &roll{
		figures: view, registry: zones, indicator: i, period: p.String(), kind: req.GetKind(), simulated: map[bool]bool{},
		resp: &indicatorv1.RollUpResponse{Unit: i.GetUnit()},
	}
	day := civil.Last(on, civil.Never)
	parts := partsOf(zones, req.GetZone(), day)
	nested := len(directParts(zones, req.GetZone(), day)) - len(parts)
	for n, out := range req.GetWithout() {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.zone == out }) {
			return nil, fault.InvalidField(fmt.Sprintf("without[%d]", n), "%s is not a part of %s on %s", out, req.GetZone(), civil.String(on))
		}
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return slices.Contains(req.GetWithout(), p.zone) })
	for _, p := range parts {
		r.inferred = r.inferred || p.certainty != typev1.Certainty_CERTAINTY_STATED && p.certainty != 0
	}
	return r.answer(req, parts, nested, civil.String(on))
}

func (r *roll) answer(req *indicatorv1.RollUpRequest, parts []part, nested int, on string) (*indicatorv1.RollUpResponse, error) {
	f := r.form(req.GetZone(), parts)
	stated := r.stated(req.GetZone(), f, req.GetWithout())
	if stated != nil {
		r.resp.Stated = exact(stated)
	}
	computed, message := r.compute(parts, f)
	if r.simulated[true] && r.simulated[false] {
		return nil, fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_MIXED_DATASETS,
			"simulated and real figures would be added up: leave the simulated parts out by `without`")
	}
	if computed != nil {
		r.resp.Computed = exact(computed)
		_, whole := quantity.Exact(computed)
		if !whole {
			message.Zh, message.En = message.GetZh()+"，取十位有效数字", message.GetEn()+", to ten significant digits"
		}
		if stated != nil {
			difference := new(big.Rat).Sub(computed, stated)
			r.resp.Difference = exact(difference)
			message.Zh += "；公布数" + of(r.resp.GetStated(), r.resp.GetUnit()) + "，差" + of(r.resp.GetDifference(), r.resp.GetUnit())
			message.En += "; stated " + ofEn(r.resp.GetStated(), r.resp.GetUnit()) + ", difference " + ofEn(r.resp.GetDifference(), r.resp.GetUnit())
		}
	}
	note := func(zh, en string) {
		message.Zh, message.En = message.GetZh()+"；"+zh, message.GetEn()+"; "+en
	}
	if stated == nil {
		note("本区没有同口径的公布数", "the zone itself states nothing of the same scope")
	}
	if r.bounded {
		note("有的园区只公布了界限或约数，合计按印出的数", "some parts state a bound or about: the sum is of the printed numbers")
	}
	if r.inferred {
		note("园区归属有推断的", "some parts belong to the zone by inference")
	}
	if nested > 0 {
		note(fmt.Sprintf("另有%d个在其他园区之内，不重复计", nested), fmt.Sprintf("%d more lie inside other parts and are not counted twice", nested))
	}
	scope := scopeText(&typev1.Scope{StatisticalClass: f.class})
	zh, en := scope.GetZh(), english(scope)
	if r.kind == indicatorv1.Kind_KIND_TARGET {
		zh, en = zh+"、"+ambitionText(f.ambition).GetZh(), en+", "+english(ambitionText(f.ambition))
	}
	message.Zh = fmt.Sprintf("%s的%d个园区（%s）：%s", on, len(parts), zh, message.GetZh())
	message.En = fmt.Sprintf("%d parts on %s (%s): %s", len(parts), on, en, message.GetEn())
	r.resp.Message = message
	return r.resp, nil
}

// form is the class and ambition in which most parts have a figure; of several,
// the one that the parent states, then the usual class, then the first.
func (r *roll) form(zone string, parts []part) form {
	count := make(map[form]int)
	see := func(subject string, weight int) {
		seen := make(map[form]bool)
		for f := range r.figures.FiguresUnder(subject, r.leading()) {
			k := f.GetKey()
			at := form{k.GetScope().GetStatisticalClass(), k.GetAmbition()}
			if k.GetPeriod() == r.period && k.GetKind() == r.kind && !seen[at] {
				seen[at] = true
				count[at] += weight
			}
		}
	}
	see(zone, 1)
	for _, p := range parts {
		see(p.zone, 2)
	}
	best := form{ambition: indicatorv1.Ambition_AMBITION_EXPECTED}
	if r.kind == indicatorv1.Kind_KIND_ACTUAL {
		best.ambition = 0
	}
	rank := func(f form) int {
		n := 4 * count[f]
		if f.class == r.indicator.GetUsualClass() {
			n += 2
		}
		if f.ambition == indicatorv1.Ambition_AMBITION_EXPECTED {
			n++
		}
		return n
	}
	for f := range count {
		if c := cmp.Or(cmp.Compare(rank(f), rank(best)), cmp.Compare(best.class, f.class), cmp.Compare(best.ambition, f.ambition)); c > 0 || count[best] == 0 {
			if count[best] == 0 && count[f] == 0 {
				continue
			}
			best = f
		}
	}
	return best
}

// leading is the indicator whose figures decide the form: of a ratio its numerator.
func (r *roll) leading() string {
	if r.ratio() {
		return r.indicator.GetNumerator()
	}
	return r.indicator.GetName()
}

func (r *roll) ratio() bool {
	n := r.indicator.GetNature()
	divides := n == indicatorv1.Nature_NATURE_RATE || n == indicatorv1.Nature_NATURE_SHARE
	return divides && r.indicator.GetNumerator() != "" && r.indicator.GetDenominator() != ""
}

// stated is what the parent's own statements say: for the whole zone, or, when
// parts are left out, for an extent that names every one of them.
func (r *roll) stated(zone string, f form, without []string) *big.Rat {
	for fig := range r.figures.FiguresUnder(zone, r.indicator.GetName()) {
		k := fig.GetKey()
		if k.GetPeriod() != r.period || k.GetKind() != r.kind || k.GetAmbition() != f.ambition || k.GetScope().GetStatisticalClass() != f.class && !r.ratio() {
			continue
		}
		extent := k.GetScope().GetExtent()
		fits := (extent == "") == (len(without) == 0)
		for _, w := range without {
			name, _ := r.registry.DisplayName(w)
			fits = fits && strings.HasPrefix(extent, "不含") && strings.Contains(extent, name.GetZh())
		}
		if n := number(fig.GetNumber()); fits && n != nil {
			r.note(fig)
			return n
		}
	}
	return nil
}

func (r *roll) note(f *indicatorv1.Figure) {
	for _, s := range decisive(f) {
		r.simulated[s.GetSimulated()] = true
	}
}

// find is a part's number for an indicator.
func (r *roll) find(zone, indicator string, f form) *big.Rat {
	key := &indicatorv1.FigureKey{Subject: zone, Indicator: indicator, Period: r.period, Kind: r.kind, Ambition: f.ambition}
	if f.class != 0 {
		key.Scope = &typev1.Scope{StatisticalClass: f.class}
	}
	fig, ok := r.figures.Figure(key)
	n := number(fig.GetNumber())
	if !ok || n == nil {
		return nil
	}
	r.bounded = r.bounded || fig.GetComparator() != typev1.Comparator_COMPARATOR_EQUAL
	r.note(fig)
	return n
}

// compute adds up the parts; nil when one is missing or the nature does not add up.
func (r *roll) compute(parts []part, f form) (*big.Rat, *typev1.Localized) {
	above, below := new(big.Rat), new(big.Rat)
	var missing []*typev1.Localized
	for _, p := range parts {
		name, _ := r.registry.DisplayName(p.zone)
		out := &indicatorv1.Part{Zone: p.zone, DisplayName: name}
		r.resp.Parts = append(r.resp.GetParts(), out)
		n := r.find(p.zone, r.indicator.GetName(), f)
		if n != nil {
			out.Number = exact(n)
		}
		if !r.ratio() {
			if n == nil {
				missing = append(missing, name)
			} else {
				above.Add(above, n)
			}
			continue
		}
		a, b := r.find(p.zone, r.indicator.GetNumerator(), f), r.find(p.zone, r.indicator.GetDenominator(), f)
		if a != nil {
			out.Numerator = exact(a)
			above.Add(above, a)
		}
		if b != nil {
			out.Denominator = exact(b)
			below.Add(below, b)
		}
		if a == nil || b == nil {
			missing = append(missing, name)
		}
	}
	switch n := r.indicator.GetNature(); {
	case r.ratio():
	case n == indicatorv1.Nature_NATURE_FLOW || n == indicatorv1.Nature_NATURE_STOCK || n == indicatorv1.Nature_NATURE_COUNT:
	case n == indicatorv1.Nature_NATURE_RATE || n == indicatorv1.Nature_NATURE_SHARE:
		return nil, say("比率不能相加，也不取平均；未登记分子、分母指标", "rates do not add up and are never averaged; numerator and denominator are not registered")
	case n == indicatorv1.Nature_NATURE_GROWTH:
		return nil, say("增速不能相加，也不取平均；由总量另算的增速是另一指标", "growth rates do not add up and are never averaged; growth computed from levels is another indicator")
	default:
		return nil, say("该指标不能相加", "this indicator does not add up")
	}
	switch {
	case len(parts) == 0:
		return nil, say("没有所属园区", "the zone has no parts")
	case len(missing) > 0:
		names := listText(missing)
		return nil, say("缺"+names.GetZh()+"，不合计", "missing: "+english(names)+"; so there is no sum")
	case !r.ratio():
		n := exact(above)
		return above, say("合计"+of(n, r.indicator.GetUnit()), "sum "+ofEn(n, r.indicator.GetUnit()))
	case below.Sign() == 0:
		return nil, say("分母合计为零", "the denominators add up to zero")
	}
	factor, err := r.ratioUnit()
	if err != nil {
		return nil, say("分子、分母的单位与本指标不合，不能相除", "the units of numerator and denominator do not give that of the rate")
	}
	ratio := new(big.Rat).Quo(above, below)
	ratio.Mul(ratio, factor)
	n := exact(ratio)
	return ratio, say("分子合计除以分母合计，得"+of(n, r.indicator.GetUnit()), "sum of numerators over sum of denominators is "+ofEn(n, r.indicator.GetUnit()))
}

// ratioUnit is how many units of the rate one numerator unit over one denominator unit is.
func (r *roll) ratioUnit() (*big.Rat, error) {
	a, _ := r.figures.Indicator(r.indicator.GetNumerator())
	b, _ := r.figures.Indicator(r.indicator.GetDenominator())
	if same, err := quantity.In("1", a.GetUnit(), b.GetUnit()); err == nil {
		in, err := quantity.In("100", "%", r.indicator.GetUnit())
		if err != nil {
			return nil, err //nolint:wrapcheck // only whether there is one matters
		}
		return in.Mul(in, same), nil
	}
	return quantity.In("1", a.GetUnit()+"/"+b.GetUnit(), r.indicator.GetUnit()) //nolint:wrapcheck // only whether there is one matters
}
