package ranking

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Every text that a comparison says to people is made in this file, in the
// words of the domain, Chinese and English side by side.

func text(zh, en string) *typev1.Localized { return &typev1.Localized{Zh: zh, En: en} }

func english(l *typev1.Localized) string {
	if l.GetEn() != "" {
		return l.GetEn()
	}
	return l.GetZh()
}

// join strings texts together, with one separator for each language.
func join(parts []*typev1.Localized, zh, en string) *typev1.Localized {
	var zhs, ens []string
	for _, p := range parts {
		zhs = append(zhs, p.GetZh())
		ens = append(ens, english(p))
	}
	return text(strings.Join(zhs, zh), strings.Join(ens, en))
}

// name is the display name of a subject; the registry marks a simulated one.
func (c *comparison) name(subject string) *typev1.Localized {
	if l, ok := c.registry.DisplayName(subject); ok {
		return l
	}
	return text(subject, subject)
}

// title says of what kind the compared values are.
func (c *comparison) title() *typev1.Localized {
	when := c.period.Text()
	if c.kind == indicatorv1.Kind_KIND_TARGET {
		return text(when.GetZh()+"目标值对比(非实绩)", "Targets for "+english(when)+" compared (not results)")
	}
	return text(when.GetZh()+"实绩对比", "Results of "+english(when)+" compared")
}

// classified puts the statistical class before a name that does not carry it.
func classified(name *typev1.Localized, class typev1.StatisticalClass) *typev1.Localized {
	var zh, en string
	switch class {
	case typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE:
		zh, en = "规上", "above-scale"
	case typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_TRADE,
		typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT:
		zh, en = "限上", "above-limit"
	default:
		return name
	}
	if strings.Contains(name.GetZh(), zh) {
		return name
	}
	en = english(name) + " (" + en + ")"
	return text(zh+name.GetZh(), en)
}

// label names what several entries of one concept have in common: the
// canonical name in its usual class, or where their indicators have several
// names, all of them.
func (c *comparison) label(concept *indicatorv1.Indicator, entries []*entry) *typev1.Localized {
	names := []*typev1.Localized{classified(concept.GetDisplayName(), concept.GetUsualClass())}
	for _, ind := range c.members[concept.GetName()] {
		used := slices.ContainsFunc(entries, func(e *entry) bool { return e.indicator.GetName() == ind.GetName() })
		if used && ind.GetName() != concept.GetName() {
			names = append(names, ind.GetDisplayName())
		}
	}
	return join(names, " / ", " / ")
}

func missingText(m rankingv1.MissingReason) *typev1.Localized {
	switch m {
	case rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE:
		return text("口径不同", "other scope")
	case rankingv1.MissingReason_MISSING_REASON_OTHER_PERIOD:
		return text("年份不同", "other period")
	case rankingv1.MissingReason_MISSING_REASON_OTHER_KIND:
		return text("目标与实绩不同", "target against actual")
	case rankingv1.MissingReason_MISSING_REASON_CONFLICT:
		return text("表述不一", "conflicting statements")
	case rankingv1.MissingReason_MISSING_REASON_NO_NUMBER:
		return text("有表述无数值", "stated without a number")
	default:
		return text("未公布", "not published")
	}
}

func differenceText(d rankingv1.Difference) *typev1.Localized {
	switch d {
	case rankingv1.Difference_DIFFERENCE_PERIOD:
		return text("年份不同", "other period")
	case rankingv1.Difference_DIFFERENCE_CLASS:
		return text("口径不同(统计范围)", "other statistical class")
	case rankingv1.Difference_DIFFERENCE_BREADTH:
		return text("口径不同(宽窄)", "one indicator is wider")
	case rankingv1.Difference_DIFFERENCE_SUCCESSION:
		return text("指标更名", "one indicator is the former name")
	case rankingv1.Difference_DIFFERENCE_CERTAINTY:
		return text("主体或期间非明示", "zone or period not stated")
	case rankingv1.Difference_DIFFERENCE_NATIONAL_DEFINITION:
		return text("无全国统一定义", "no national definition")
	case rankingv1.Difference_DIFFERENCE_DEFINITION:
		return text("定义不同", "defined otherwise")
	case rankingv1.Difference_DIFFERENCE_KIND:
		return text("目标值与实绩不可比", "target against actual")
	case rankingv1.Difference_DIFFERENCE_NATURE:
		return text("指标性质不同(如增速与总量)", "other nature, such as growth against level")
	case rankingv1.Difference_DIFFERENCE_CONFLICT:
		return text("表述不一", "conflicting statements")
	case rankingv1.Difference_DIFFERENCE_NO_NUMBER:
		return text("无数值", "no number")
	case rankingv1.Difference_DIFFERENCE_PERIOD_LENGTH:
		return text("期间长短不同", "period of another length")
	default:
		return text("概念不同", "other concept")
	}
}

func differencesText(list []rankingv1.Difference) *typev1.Localized {
	var parts []*typev1.Localized
	for _, d := range list {
		parts = append(parts, differenceText(d))
	}
	return join(parts, "、", ", ")
}

// sign is the comparator as people write it before a number.
func sign(comparator typev1.Comparator) string {
	switch comparator {
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return "≥"
	case typev1.Comparator_COMPARATOR_MORE_THAN:
		return ">"
	case typev1.Comparator_COMPARATOR_AT_MOST:
		return "≤"
	case typev1.Comparator_COMPARATOR_LESS_THAN:
		return "<"
	case typev1.Comparator_COMPARATOR_ABOUT:
		return "约"
	default:
		return ""
	}
}

// when is the period of an entry, with what is doubtful about it.
func (e *entry) when() *typev1.Localized {
	l := e.period.Text()
	for _, s := range e.preferred {
		switch {
		case s.GetPeriodCertainty() == typev1.Certainty_CERTAINTY_DISPUTED && s.GetBelievedPeriod() != "":
			return text(l.GetZh()+"(原文所印,存疑,内容似"+s.GetBelievedPeriod()+"年)",
				english(l)+" (as printed; disputed, the content fits "+s.GetBelievedPeriod()+")")
		case s.GetPeriodCertainty() == typev1.Certainty_CERTAINTY_DISPUTED:
			return text(l.GetZh()+"(存疑)", english(l)+" (disputed)")
		case s.GetPeriodCertainty() == typev1.Certainty_CERTAINTY_INFERRED:
			return text(l.GetZh()+"(推断)", english(l)+" (inferred)")
		}
	}
	return l
}

func (e *entry) label() *typev1.Localized { return classified(e.indicator.GetDisplayName(), e.class()) }

// value is the entry's number with bound and unit, or what it says instead.
func (e *entry) value() *typev1.Localized {
	if e.text == "" {
		for _, s := range e.preferred {
			if s.GetStatus() != "" {
				return text("“"+s.GetStatus()+"”", "“"+s.GetStatus()+"”")
			}
			if d := s.GetDueDate(); d != nil {
				t := dateText(d)
				return text("期限"+t, "due "+t)
			}
		}
		return text("无数值", "no number")
	}
	zh := sign(e.comparator) + e.text + e.unit
	if e.indicator.GetNature() == indicatorv1.Nature_NATURE_GROWTH {
		return text("增长"+zh, "growth "+zh)
	}
	return text(zh, zh)
}

func dateText(d *typev1.Date) string {
	t := strconv.Itoa(int(d.GetYear()))
	if d.GetMonth() > 0 {
		t += fmt.Sprintf("-%02d", d.GetMonth())
	}
	if d.GetDay() > 0 {
		t += fmt.Sprintf("-%02d", d.GetDay())
	}
	return t
}

func kindText(k indicatorv1.Kind) *typev1.Localized {
	if k == indicatorv1.Kind_KIND_ACTUAL {
		return text("实绩", "actual")
	}
	return text("目标", "target")
}

// insteadText says why a cell is empty and what was published in its place.
func (c *comparison) insteadText(reasons []rankingv1.MissingReason, e *entry) *typev1.Localized {
	var parts []*typev1.Localized
	for _, m := range reasons {
		parts = append(parts, missingText(m))
	}
	head := join(parts, "、", ", ")
	when, label, value, kind := e.when(), e.label(), e.value(), kindText(e.key.GetKind())
	return text(
		head.GetZh()+":"+when.GetZh()+kind.GetZh()+","+label.GetZh()+value.GetZh(),
		english(head)+": "+english(when)+" "+english(kind)+", "+english(label)+" "+english(value))
}

// otherScopeText marks a number that stands in the matrix under a definition
// that is not quite the column's.
func (c *comparison) otherScopeText(concept *indicatorv1.Indicator, e *entry) *typev1.Localized {
	why := c.deviation(concept, e)
	return text("口径不同:"+why.GetZh(), "other scope: "+english(why))
}

// deviation says in words how an entry departs from what the concept's column
// asks for; nil when it does not.
func (c *comparison) deviation(concept *indicatorv1.Indicator, e *entry) *typev1.Localized {
	var parts []*typev1.Localized
	for _, d := range c.ownDifferences(concept, e) {
		switch d {
		case rankingv1.Difference_DIFFERENCE_PERIOD:
			when := e.when()
			parts = append(parts, text("年份不同:"+when.GetZh(), "other period: "+english(when)))
		case rankingv1.Difference_DIFFERENCE_CLASS:
			label := e.label()
			parts = append(parts, text("统计范围不同:"+label.GetZh()+classNote(e.class()).GetZh(),
				"other statistical class: "+english(label)+english(classNote(e.class()))))
		case rankingv1.Difference_DIFFERENCE_BREADTH:
			label, head := e.label(), concept.GetDisplayName()
			if slices.Contains(e.indicator.GetContains(), concept.GetName()) {
				parts = append(parts, text(label.GetZh()+"宽于"+head.GetZh(), english(label)+" is wider than "+english(head)))
			} else {
				parts = append(parts, text(label.GetZh()+"窄于"+head.GetZh(), english(label)+" is narrower than "+english(head)))
			}
		case rankingv1.Difference_DIFFERENCE_SUCCESSION:
			label := e.label()
			parts = append(parts, text(label.GetZh()+"与现用名称为同一指标的前后名", english(label)+" is a former or later name"))
		case rankingv1.Difference_DIFFERENCE_CERTAINTY:
			if slices.ContainsFunc(e.preferred, func(s *indicatorv1.Statement) bool {
				return s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED
			}) {
				parts = append(parts, text("主体为推断", "the zone is inferred"))
			} else if e.key.GetPeriod() == c.period.String() {
				when := e.when()
				parts = append(parts, text("期间非明示:"+when.GetZh(), "period not stated: "+english(when)))
			}
		default: // Not among an entry's own.
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return join(parts, ";", "; ")
}

func classNote(class typev1.StatisticalClass) *typev1.Localized {
	if class == typev1.StatisticalClass_STATISTICAL_CLASS_UNSPECIFIED {
		return text("(未注明统计范围)", " (no class stated)")
	}
	return text("", "")
}

// whyReference gives the reason that every row of a reference list carries:
// how the row itself departs from the strict question, or else how the others do.
func (c *comparison) whyReference(
	concept *indicatorv1.Indicator, e *entry, all []*entry, differences []rankingv1.Difference,
) *typev1.Localized {
	var parts []*typev1.Localized
	if own := c.deviation(concept, e); own != nil {
		parts = append(parts, own)
	}
	if slices.Contains(differences, rankingv1.Difference_DIFFERENCE_NATIONAL_DEFINITION) {
		parts = append(parts, text("该计数无全国统一定义,各省自定,跨省仅供参考",
			"each province defines this count for itself; across provinces for reference only"))
	}
	if len(parts) > 0 {
		return join(parts, ";", "; ")
	}
	for _, other := range all {
		if other == e {
			continue
		}
		if d := c.differences(e, other); len(d) > 0 {
			name, how := c.name(other.subject), differencesText(d)
			parts = append(parts, text("与"+name.GetZh()+how.GetZh(), "against "+english(name)+": "+english(how)))
		}
	}
	return join(parts, ";", "; ")
}

func (c *comparison) whyBeside(e *entry, differences []rankingv1.Difference) *typev1.Localized {
	l := differencesText(differences)
	if q := e.indicator.GetQualifier(); q != "" {
		l = text(l.GetZh()+"("+q+")", english(l)+" ("+q+")")
	}
	return l
}

// caveats lists what a reader must know beside a row's number.
func (c *comparison) caveats(concept *indicatorv1.Indicator, e *entry) []*typev1.Localized {
	var list []*typev1.Localized
	add := func(zh, en string) { list = append(list, text(zh, en)) }

	if extent := e.key.GetScope().GetExtent(); extent != "" {
		add("地域范围:"+extent, "extent: "+extent)
	}
	switch e.comparator {
	case typev1.Comparator_COMPARATOR_AT_LEAST, typev1.Comparator_COMPARATOR_MORE_THAN:
		add("下限值("+sign(e.comparator)+e.text+"),按所印数值排列", "a lower bound ("+sign(e.comparator)+e.text+"), ordered by the printed number")
	case typev1.Comparator_COMPARATOR_AT_MOST, typev1.Comparator_COMPARATOR_LESS_THAN:
		add("上限值("+sign(e.comparator)+e.text+"),按所印数值排列", "an upper bound ("+sign(e.comparator)+e.text+"), ordered by the printed number")
	case typev1.Comparator_COMPARATOR_ABOUT:
		add("约数", "approximate")
	default:
	}
	if e.conflict.GetComparatorDiffers() {
		var forms []string
		for _, s := range e.preferred {
			form := sign(s.GetComparator()) + s.GetNumber()
			if !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
		add("表述不一:"+strings.Join(forms, " 与 "), "conflicting wordings: "+strings.Join(forms, " and "))
	}
	switch e.key.GetAmbition() {
	case indicatorv1.Ambition_AMBITION_MUST:
		add("确保值", "a must target")
	case indicatorv1.Ambition_AMBITION_STRIVE:
		add("力争值", "a strive target")
	default:
	}
	for _, other := range c.found[concept.GetName()][e.subject] {
		if other != e && other.number != nil && other.indicator == e.indicator && other.key.GetKind() == e.key.GetKind() &&
			other.key.GetPeriod() == e.key.GetPeriod() && other.class() == e.class() &&
			other.key.GetScope().GetExtent() == e.key.GetScope().GetExtent() {
			tier := map[indicatorv1.Ambition]*typev1.Localized{
				indicatorv1.Ambition_AMBITION_MUST:     text("确保", "must"),
				indicatorv1.Ambition_AMBITION_EXPECTED: text("预期", "expected"),
				indicatorv1.Ambition_AMBITION_STRIVE:   text("力争", "strive"),
			}[other.key.GetAmbition()]
			add("另有"+tier.GetZh()+sign(other.comparator)+other.text, "also "+english(tier)+" "+sign(other.comparator)+other.text)
		}
	}
	if len(e.preferred) > 0 {
		if source, ok := c.figures.Source(e.preferred[0].GetSource()); ok {
			if zh, en := reliability(source.GetReliability()); zh != "" {
				add("来源:"+zh, "source: "+en)
			}
		}
	}
	switch e.indicator.GetNature() {
	case indicatorv1.Nature_NATURE_GROWTH:
		list = append(list, c.base(e))
	case indicatorv1.Nature_NATURE_COUNT, indicatorv1.Nature_NATURE_FLOW, indicatorv1.Nature_NATURE_STOCK:
		add("未按规模折算", "not scaled by the size of the zone")
	default:
	}
	if e.indicator.GetDirection() == indicatorv1.Direction_DIRECTION_NEUTRAL {
		add("指标无优劣方向,不排位次", "neither direction is better: no place")
	}
	return list
}

func reliability(r indicatorv1.Reliability) (zh, en string) {
	switch r {
	case indicatorv1.Reliability_RELIABILITY_PRESS:
		return "媒体报道", "press"
	case indicatorv1.Reliability_RELIABILITY_RE_POST:
		return "转载", "re-post"
	case indicatorv1.Reliability_RELIABILITY_SELF_REPORTED:
		return "自报", "self-reported"
	case indicatorv1.Reliability_RELIABILITY_TEMPLATE:
		return "范文网站", "template site"
	default:
		return "", ""
	}
}

// base says on what level a growth rate stands: level / (1 + growth), when the
// same subject states the level of the same period, kind and scope. It is
// derived, never an observation, and says so.
func (c *comparison) base(e *entry) *typev1.Localized {
	unknown := text("未公布总量,增速基数不明", "no level published: the base of the growth is not known")
	of := e.indicator.GetGrowthOf()
	level, ok := c.figures.Indicator(of)
	if !ok || e.number == nil {
		return unknown
	}
	for _, other := range c.found[canonical(level)][e.subject] {
		if other.indicator.GetName() != of || other.number == nil || other.key.GetKind() != e.key.GetKind() ||
			other.key.GetPeriod() != e.key.GetPeriod() || other.class() != e.class() ||
			other.key.GetScope().GetExtent() != e.key.GetScope().GetExtent() {
			continue
		}
		factor := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Quo(e.number, big.NewRat(100, 1)))
		if factor.Sign() <= 0 {
			return unknown
		}
		base := new(big.Rat).Quo(other.number, factor).FloatString(2)
		unit := level.GetUnit()
		return text(
			"基数约"+base+unit+"(由"+other.text+unit+"与增速"+e.text+"%推算,非公布值)",
			"on a base of about "+base+" "+unit+" (derived from "+other.text+" "+unit+" and "+e.text+"%, not published)")
	}
	return unknown
}

// whyExcluded says why a subject with figures has no strict row.
func (c *comparison) whyExcluded(subject string, concepts []*indicatorv1.Indicator) *typev1.Localized {
	if registry.IsReferenceUnit(subject) {
		return text("参照单位,只作对照,不排位次", "a reference unit stands beside, without a place")
	}
	var (
		alone, uncertain, other int
		when                    *typev1.Localized
	)
	for _, concept := range concepts {
		e := c.closest(concept, c.found[concept.GetName()][subject])
		switch {
		case e == nil:
		case e.key.GetKind() != c.kind || e.key.GetPeriod() != c.period.String():
			other++
			when = e.when()
		case !e.certain():
			uncertain++
		case e.number != nil:
			alone++
		}
	}
	n := strconv.Itoa(len(concepts))
	what := c.title()
	var parts []*typev1.Localized
	if alone == 0 && uncertain == 0 && other == 0 {
		return text("所比"+n+"项指标均未公布", "published none of the "+n+" indicators compared")
	}
	if other > 0 {
		parts = append(parts, text(strconv.Itoa(other)+"项不属本次期间或类别:"+when.GetZh(),
			strconv.Itoa(other)+" of another period or kind: "+english(when)))
	}
	if uncertain > 0 {
		parts = append(parts, text(strconv.Itoa(uncertain)+"项的主体或期间非明示", strconv.Itoa(uncertain)+" with a zone or period that is not stated"))
	}
	if alone > 0 {
		parts = append(parts, text(strconv.Itoa(alone)+"项没有另一开发区同口径同期数值", strconv.Itoa(alone)+" without another zone of the same definition and period"))
	}
	if slices.ContainsFunc(concepts, func(ind *indicatorv1.Indicator) bool {
		return slices.ContainsFunc(c.found[ind.GetName()][subject], func(e *entry) bool {
			return slices.ContainsFunc(e.preferred, func(s *indicatorv1.Statement) bool {
				return s.GetSubjectCertainty() != typev1.Certainty_CERTAINTY_STATED
			})
		})
	}) {
		parts = append(parts, text("主体为推断", "the zone is inferred"))
	}
	l := join(parts, ";", "; ")
	return text("不进入"+what.GetZh()+":"+l.GetZh(), english(what)+": left out, "+english(l))
}
