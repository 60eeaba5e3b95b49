package figures

import (
	"iter"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// View reads a State as it was at a revision, and shows everything unless For
// made it for a caller. Resources it returns are shared: never modify them.
// Statements and figures are made for each call.
type View struct {
	state    *State
	revision int64
	sight    *sight // nil: everything
}

// View reads at a revision, or the newest for 0.
func (s *State) View(revision int64) View {
	if revision <= 0 || revision > s.revision {
		revision = s.revision
	}
	return View{state: s, revision: revision}
}

// Revision is that of the last commit of the indicator lane that is in the view, or the one that was asked for.
func (v View) Revision() int64 { return v.revision }

// Indicator gives `indicators/{indicator}`.
func (v View) Indicator(name string) (*indicatorv1.Indicator, bool) {
	return v.state.indicators.At(name, v.revision)
}

// Indicators in order of their names.
func (v View) Indicators() iter.Seq[*indicatorv1.Indicator] {
	return v.state.indicators.All(v.revision)
}

// Source gives `sources/{source}`.
func (v View) Source(name string) (*indicatorv1.Source, bool) {
	return v.state.sources.At(name, v.revision)
}

// Sources in order of their names.
func (v View) Sources() iter.Seq[*indicatorv1.Source] { return v.state.sources.All(v.revision) }

// List gives `lists/{list}`.
func (v View) List(name string) (*indicatorv1.List, bool) {
	return v.state.lists.At(name, v.revision)
}

// Lists in order of their names.
func (v View) Lists() iter.Seq[*indicatorv1.List] { return v.state.lists.All(v.revision) }

// IndicatorByText finds the indicators that a text names: by display name in
// either language or by alias, spaces and letter case aside. 工业增加值 names two,
// the amount and its growth; none is guessed.
func (v View) IndicatorByText(text string) []*indicatorv1.Indicator {
	want := fold(text)
	if want == "" {
		return nil
	}
	var found []*indicatorv1.Indicator
	for i := range v.Indicators() {
		names := append([]string{i.GetDisplayName().GetZh(), i.GetDisplayName().GetEn()}, i.GetAliases()...)
		if slices.ContainsFunc(names, func(n string) bool { return fold(n) == want }) {
			found = append(found, i)
		}
	}
	return found
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// Uses says how many statements were ever recorded of an indicator or from a source.
func (v View) Uses(name string) int {
	n, _ := v.state.uses.Get(name)
	return int(n)
}

// Standing is how many statements stand now, whatever the revision of the view.
func (v View) Standing() int { return v.state.standing }

// Statement gives a statement, a withdrawn one too. Of one that was recorded
// again after it was taken out, it gives the last recorded.
func (v View) Statement(name string) (*indicatorv1.Statement, bool) {
	r, ok := v.state.find(name)
	if !ok {
		return nil, false
	}
	for ; r != nil; r = r.earlier {
		if r.recorded.revision <= v.revision && v.sees(r) {
			return v.message(r), true
		}
	}
	return nil, false
}

// Statements in the order in which they were recorded, of one transaction in
// the order it names them.
func (v View) Statements(showWithdrawn bool) iter.Seq[*indicatorv1.Statement] {
	return func(yield func(*indicatorv1.Statement) bool) {
		for _, s := range v.StatementsAfter(0, showWithdrawn) {
			if !yield(s) {
				return
			}
		}
	}
}

// StatementsAfter is Statements behind a sequence number, each with its own,
// which grows in the order of recording and never changes.
func (v View) StatementsAfter(sequence uint32, showWithdrawn bool) iter.Seq2[uint32, *indicatorv1.Statement] {
	return func(yield func(uint32, *indicatorv1.Statement) bool) {
		v.state.statements.Ascend(sequence+1, func(n uint32, r *record) bool {
			if r.recorded.revision > v.revision {
				return false
			}
			if !v.sees(r) || !showWithdrawn && !v.stands(r) {
				return true
			}
			return yield(n, v.message(r))
		})
	}
}

// CountStatements counts what StatementsAfter(0, showWithdrawn) yields without making it.
func (v View) CountStatements(showWithdrawn bool) int {
	if v.revision == v.state.revision && v.sight == nil {
		if showWithdrawn {
			return int(v.state.last)
		}
		return v.state.standing
	}
	n := 0
	v.state.statements.Scan(func(_ uint32, r *record) bool {
		if r.recorded.revision > v.revision {
			return false
		}
		if v.sees(r) && (showWithdrawn || v.stands(r)) {
			n++
		}
		return true
	})
	return n
}

func (v View) stands(r *record) bool {
	return v.sees(r) && r.recorded.revision <= v.revision && (r.taken == nil || r.taken.by.revision > v.revision)
}

// message makes a statement as the view sees it.
func (v View) message(r *record) *indicatorv1.Statement {
	m := &indicatorv1.Statement{}
	_ = proto.Unmarshal([]byte(r.rest), m) // State.record encoded it, so it decodes.
	m.Name, m.Source, m.Key = r.id.String(), r.source, parseKey(r.key)
	m.CreateTime, m.Revision = stamp(r.recorded.time), r.recorded.revision
	if r.taken != nil && r.taken.by.revision <= v.revision {
		m.WithdrawnRevision, m.WithdrawnReason, m.SupersededBy = r.taken.by.revision, r.taken.reason, r.taken.superseded
	}
	indicator, _ := v.Indicator(m.GetKey().GetIndicator())
	source, _ := v.Source(r.source)
	m.Simulated = m.GetSimulated() || indicator.GetSimulated() || source.GetSimulated()
	if m.GetNumber() != "" {
		m.NormalizedNumber = Normalize(m.GetNumber(), m.GetUnit(), indicator.GetUnit())
	}
	return m
}

// Normalize is a number in the indicator's unit, exact; empty when it cannot
// be, which a statement on record never is.
func Normalize(number, unit, indicatorUnit string) string {
	n, err := quantity.Convert(number, unit, indicatorUnit)
	if err != nil {
		return ""
	}
	return n
}

// RecordedAt are the keys that the transactions of one commit touched, in the order of their texts.
func (v View) RecordedAt(revision int64) []*indicatorv1.FigureKey {
	keys := make(map[string]bool)
	v.state.statements.Reverse(func(_ uint32, r *record) bool {
		if r.recorded.revision == revision && v.sees(r) {
			keys[r.key] = true
		}
		return r.recorded.revision >= revision
	})
	texts := make([]string, 0, len(keys))
	for k := range keys {
		texts = append(texts, k)
	}
	slices.Sort(texts)
	out := make([]*indicatorv1.FigureKey, len(texts))
	for i, t := range texts {
		out[i] = parseKey(t)
	}
	return out
}
