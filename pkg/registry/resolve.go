package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Normalize makes texts that look alike equal: Unicode NFKC, which also turns
// full-width letters, digits and brackets into half-width ones, without the
// spaces around it and with one space for each run inside.
func Normalize(text string) string {
	text = strings.ToValidUTF8(norm.NFKC.String(text), "\uFFFD")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == 0 }), " ")
}

// Generic reports whether a text names a zone only for those who are in it: the
// words that every zone uses of itself. As an alias it needs a context.
func Generic(text string) bool { return slices.Contains(generic, Normalize(text)) }

var generic = strings.Fields(
	`开发区 经开区 新区 高新区 园区 集聚区 保税区 综保区 我市 我区 我县 我省 我园 本市 本区 本县 本省 全市 全区 全县 全省 全委 全园 区内 市里 区里`)

// fullNames are the normalised display names of a subject, with and without the
// mark of simulated data.
func fullNames(display *typev1.Localized) []string {
	var out []string
	for _, text := range []string{display.GetZh(), display.GetEn()} {
		for _, form := range []string{text, strings.TrimSuffix(text, SimulatedMark)} {
			if form = Normalize(form); form != "" && !slices.Contains(out, form) {
				out = append(out, form)
			}
		}
	}
	return out
}

const maxNearest = 5

// Resolve finds what a text means in a context.
//
// A resource name or a full display name resolves anywhere. An alias without
// contexts does, too. An alias with contexts resolves only where the query's
// context is one of them, or is a zone or reference unit whose alias it is, or in
// which the one lies whose alias it is. Where several fit, a context removes those that an alias
// without contexts brought in and that it does not speak of. If several are
// left, the answer is all of them, ordered by resource name, and never a guess.
func (v View) Resolve(q *zonev1.ZoneQuery) *zonev1.Resolution {
	text := Normalize(q.GetText())
	res := &zonev1.Resolution{Query: q}
	if s, ok := v.subject(text); ok {
		return resolved(res, text, candidateOf(s, text, nil))
	}
	matches := v.matches(text, q.GetContext())
	fit := fitting(matches)
	switch {
	case len(fit) == 1:
		return resolved(res, text, fit[0].candidate)
	case len(fit) > 1:
		return v.ambiguous(res, text, fit)
	case len(matches) > 1:
		return v.ambiguous(res, text, matches)
	case len(matches) == 1:
		return outside(res, text, matches[0])
	default:
		return v.unknown(res, text)
	}
}

// match is a subject that is called by the text.
type match struct {
	candidate *zonev1.Candidate
	full      bool // by its full display name
	fits      bool // in the context of the query
	tied      bool // the context speaks of it
}

// fitting are the matches that fit the context of the query.
func fitting(matches []match) []match {
	fit := slices.DeleteFunc(slices.Clone(matches), func(m match) bool { return !m.fits })
	if slices.ContainsFunc(fit, func(m match) bool { return m.tied }) {
		fit = slices.DeleteFunc(fit, func(m match) bool { return !m.full && !m.tied })
	}
	return fit
}

// matches are the subjects that a text names at all, in order of their names.
func (v View) matches(text, context string) []match {
	var out []match
	if text == "" {
		return nil
	}
	for name := range rights(v.state.called, text) {
		s, ok := v.subject(name)
		if !ok {
			continue
		}
		if m, ok := v.match(s, text, context); ok {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b match) int { return cmp.Compare(a.candidate.GetSubject(), b.candidate.GetSubject()) })
	return out
}

func (v View) match(s subject, text, context string) (match, bool) {
	inContext := context != "" && (context == s.GetName() || v.LiesIn(s.GetName(), context))
	if slices.Contains(fullNames(s.GetDisplayName()), text) {
		return match{candidate: candidateOf(s, s.GetDisplayName().GetZh(), nil), full: true, fits: true, tied: inContext}, true
	}
	var best match
	found := false
	for _, a := range s.GetAliases() {
		if Normalize(a.GetText()) != text {
			continue
		}
		m := match{candidate: candidateOf(s, a.GetText(), a), tied: inContext || slices.Contains(a.GetContexts(), context)}
		m.fits = m.tied || len(a.GetContexts()) == 0
		switch {
		case !found || m.fits && !best.fits || m.tied && !best.tied:
			best = m
		case !m.fits && !best.fits: // the same alias is written once for each context
			best.candidate.Contexts = append(best.candidate.Contexts, m.candidate.GetContexts()...)
		}
		found = true
	}
	return best, found
}

func candidateOf(s subject, matched string, alias *zonev1.Alias) *zonev1.Candidate {
	certainty := max(typev1.Certainty_CERTAINTY_STATED, alias.GetCertainty()) // the values are in order of doubt
	if z, ok := s.(*zonev1.Zone); ok {
		certainty = max(certainty, z.GetCertainty())
	}
	return &zonev1.Candidate{
		Subject: s.GetName(), DisplayName: s.GetDisplayName(), Matched: matched,
		Contexts: slices.Clone(alias.GetContexts()), Certainty: certainty,
	}
}

func resolved(res *zonev1.Resolution, text string, c *zonev1.Candidate) *zonev1.Resolution {
	res.Outcome, res.Subject, res.Candidates = zonev1.Resolution_OUTCOME_RESOLVED, c.GetSubject(), []*zonev1.Candidate{c}
	zh, en := "", ""
	switch c.GetCertainty() {
	case typev1.Certainty_CERTAINTY_INFERRED:
		zh, en = "(推断)", " (inferred)"
	case typev1.Certainty_CERTAINTY_DISPUTED:
		zh, en = "(有争议)", " (disputed)"
	default:
	}
	res.Message = &typev1.Localized{
		Zh: fmt.Sprintf("“%s”指%s%s。", text, c.GetDisplayName().GetZh(), zh),
		En: fmt.Sprintf("%q means %s%s.", text, english(c.GetDisplayName()), en),
	}
	return res
}

func (v View) ambiguous(res *zonev1.Resolution, text string, matches []match) *zonev1.Resolution {
	res.Outcome = zonev1.Resolution_OUTCOME_AMBIGUOUS
	example := ""
	for _, m := range matches {
		res.Candidates = append(res.Candidates, m.candidate)
		for _, context := range m.candidate.GetContexts() {
			if example == "" && len(fitting(v.matches(text, context))) == 1 {
				example = context // one that does help
			}
		}
	}
	remedyZh, remedyEn := "请写明上下文,或直接用资源名或全称", "state the context, or use a resource name or a full name"
	if example != "" {
		remedyZh = fmt.Sprintf("请写明上下文(如 %s),或直接用资源名或全称", example)
		remedyEn = fmt.Sprintf("state the context (such as %s), or use a resource name or a full name", example)
	}
	if res.GetQuery().GetContext() != "" {
		remedyZh = fmt.Sprintf("上下文 %s 不足以区分,请直接用资源名或全称", res.GetQuery().GetContext())
		remedyEn = fmt.Sprintf("the context %s does not tell them apart: use a resource name or a full name", res.GetQuery().GetContext())
	}
	zh, en := listed(res.GetCandidates())
	res.Message = &typev1.Localized{
		Zh: fmt.Sprintf("“%s”可指%d处:%s;%s。", text, len(matches), zh, remedyZh),
		En: fmt.Sprintf("%q may mean any of %d: %s; %s.", text, len(matches), en, remedyEn),
	}
	return res
}

// outside answers a text that names one subject, but only in contexts of which
// the query is in none.
func outside(res *zonev1.Resolution, text string, m match) *zonev1.Resolution {
	res.Outcome, res.Candidates = zonev1.Resolution_OUTCOME_UNKNOWN, []*zonev1.Candidate{m.candidate}
	zh, en := listed(res.GetCandidates())
	contexts := strings.Join(m.candidate.GetContexts(), ", ")
	res.Message = &typev1.Localized{
		Zh: fmt.Sprintf("“%s”只在特定上下文(%s)中指%s;请写明该上下文,或直接用资源名或全称。", text, contexts, zh),
		En: fmt.Sprintf("%q means %s only in a context (%s): state it, or use the resource name or the full name.", text, en, contexts),
	}
	return res
}

func (v View) unknown(res *zonev1.Resolution, text string) *zonev1.Resolution {
	res.Outcome = zonev1.Resolution_OUTCOME_UNKNOWN
	for _, near := range nearest.Names(text, v.names(), maxNearest) {
		s, ok := v.subject(near.Of)
		if !ok {
			continue
		}
		var alias *zonev1.Alias
		if !slices.Contains(fullNames(s.GetDisplayName()), near.Text) {
			for _, a := range s.GetAliases() {
				if Normalize(a.GetText()) == near.Text {
					alias = a
				}
			}
		}
		res.Candidates = append(res.Candidates, candidateOf(s, near.Text, alias))
	}
	if len(res.GetCandidates()) == 0 {
		res.Message = &typev1.Localized{
			Zh: fmt.Sprintf("没有名为“%s”的开发区或参照单位;请检查写法,或先登记。", text),
			En: fmt.Sprintf("no zone or reference unit is called %q: check the spelling, or register it first.", text),
		}
		return res
	}
	zh, en := listed(res.GetCandidates())
	res.Message = &typev1.Localized{
		Zh: fmt.Sprintf("没有名为“%s”的开发区或参照单位;相近的有:%s。请改用其一,或先登记。", text, zh),
		En: fmt.Sprintf("no zone or reference unit is called %q; the nearest are: %s. Use one of them, or register it first.", text, en),
	}
	return res
}

// names are all names by which something is called at this revision. Those of
// the newest revision are kept: a batch asks for them once for each text.
func (v View) names() []nearest.Name {
	newest := v.revision >= v.state.revision
	if kept := v.state.names.Load(); newest && kept != nil {
		return *kept
	}
	var out []nearest.Name
	v.state.called.Scan(func(key string, _ struct{}) bool {
		text, name, _ := strings.Cut(key, "\x00")
		if s, ok := v.subject(name); ok && callsItself(s, text) {
			out = append(out, nearest.Name{Text: text, Of: name})
		}
		return true
	})
	if newest {
		v.state.names.Store(&out)
	}
	return out
}

func callsItself(s subject, text string) bool {
	return slices.Contains(fullNames(s.GetDisplayName()), text) ||
		slices.ContainsFunc(s.GetAliases(), func(a *zonev1.Alias) bool { return Normalize(a.GetText()) == text })
}

// listed writes candidates in both languages.
func listed(candidates []*zonev1.Candidate) (zh, en string) {
	var z, e []string
	for _, c := range candidates {
		z = append(z, fmt.Sprintf("%s(%s)", c.GetDisplayName().GetZh(), c.GetSubject()))
		e = append(e, fmt.Sprintf("%s (%s)", english(c.GetDisplayName()), c.GetSubject()))
	}
	return strings.Join(z, "、"), strings.Join(e, ", ")
}

func english(name *typev1.Localized) string { return cmp.Or(name.GetEn(), name.GetZh()) }
