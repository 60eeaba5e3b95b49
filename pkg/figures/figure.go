package figures

import (
	"iter"
	"slices"
	"strings"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// Figure gives the statements that stand under a key and the one that counts.
// False when no statement was ever recorded under it; a figure whose
// statements are all withdrawn has none and is there.
func (v View) Figure(key *indicatorv1.FigureKey) (*indicatorv1.Figure, bool) {
	f, ok := v.state.figures.Get(KeyText(key))
	if !ok {
		return nil, false
	}
	return v.figure(f)
}

// Figures with at least one standing statement, in order of their keys.
func (v View) Figures() iter.Seq[*indicatorv1.Figure] { return v.figuresFrom("") }

// FiguresOf a zone or reference unit with at least one standing statement, in order of their keys.
func (v View) FiguresOf(subject string) iter.Seq[*indicatorv1.Figure] {
	return v.figuresFrom(subject + " ")
}

func (v View) figuresFrom(prefix string) iter.Seq[*indicatorv1.Figure] {
	return func(yield func(*indicatorv1.Figure) bool) {
		v.state.figures.Ascend(prefix, func(key string, f *figure) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			m, ok := v.figure(f)
			if !ok || len(m.GetStatements()) == 0 {
				return true
			}
			return yield(m)
		})
	}
}

func (v View) figure(f *figure) (*indicatorv1.Figure, bool) {
	records, known := v.standing(f, nil)
	if !known {
		return nil, false
	}
	m, revision := v.assemble(f, records, nil), int64(0)
	for _, sequence := range f.statements {
		r, _ := v.state.statements.Get(sequence)
		if !v.sees(r) {
			continue
		}
		if r.recorded.revision <= v.revision {
			revision = max(revision, r.recorded.revision)
		}
		if r.taken != nil && r.taken.by.revision <= v.revision {
			revision = max(revision, r.taken.by.revision)
		}
	}
	for p := range v.pins(f) {
		revision = max(revision, p.at.revision)
	}
	m.Revision = revision
	return m, true
}

// standing are the records that stand after a transaction, or in the view for
// nil; known is whether any had been recorded by then.
func (v View) standing(f *figure, after *transaction) (records []*record, known bool) {
	by := func(t *transaction) bool {
		if after != nil {
			return t.compare(after) <= 0
		}
		return t.revision <= v.revision
	}
	for _, sequence := range f.statements {
		r, _ := v.state.statements.Get(sequence)
		if !by(r.recorded) || !v.sees(r) {
			continue
		}
		known = true
		if r.taken == nil || !by(r.taken.by) {
			records = append(records, r)
		}
	}
	return records, known
}

// assemble makes the figure of records, with the pin in force after a transaction.
func (v View) assemble(f *figure, records []*record, after *transaction) *indicatorv1.Figure {
	statements := make([]*indicatorv1.Statement, len(records))
	for i, r := range records {
		statements[i] = v.message(r)
	}
	if after == nil {
		after = &transaction{revision: v.revision, index: 1 << 30}
	}
	p := f.pinned(after)
	return Assemble(parseKey(f.key), statements, func(name string) *indicatorv1.Source {
		s, _ := v.Source(name)
		return s
	}, p.statement, p.reason) // A pin on a statement that is not among them has no effect.
}

// pins are the decisions that the view shows, in order: a pin when it showed the
// statement then, and the end of one that it shows.
func (v View) pins(f *figure) iter.Seq[pin] {
	return func(yield func(pin) bool) {
		inForce := false
		for _, p := range f.pins {
			switch {
			case p.at.revision > v.revision:
				return
			case v.owns(f.key), p.statement != "" && v.showed(p.statement, p.at), p.statement == "" && inForce:
				if !yield(p) {
					return
				}
				inForce = p.statement != ""
			default:
			}
		}
	}
}

// Assemble makes a figure of the statements that stand under a key: Select's
// choice, or the pinned statement when it is one of them.
func Assemble(key *indicatorv1.FigureKey, statements []*indicatorv1.Statement, source func(string) *indicatorv1.Source,
	pinned, reason string,
) *indicatorv1.Figure {
	ordered, selected, conflict := Select(statements, source)
	f := &indicatorv1.Figure{Key: key, Statements: ordered, Selected: selected, Conflict: conflict}
	at := slices.IndexFunc(statements, func(s *indicatorv1.Statement) bool { return pinned != "" && s.GetName() == pinned })
	if at >= 0 {
		f.Selected, f.Pinned, f.PinReason = pinned, true, reason
		f.Number, f.Comparator = statements[at].GetNormalizedNumber(), statements[at].GetComparator()
		return f
	}
	if len(ordered) == 0 {
		return f
	}
	// The statements that decide agree on whatever the conflict does not name.
	first := ordered[0]
	if !conflict.GetNumberDiffers() {
		f.Number = first.GetNormalizedNumber()
	}
	if !conflict.GetComparatorDiffers() {
		f.Comparator = first.GetComparator()
	}
	return f
}

// History is every change of a figure, oldest first; false when no statement
// was ever recorded under the key.
func (v View) History(key *indicatorv1.FigureKey) ([]*indicatorv1.FigureChange, bool) {
	f, ok := v.state.figures.Get(KeyText(key))
	if !ok {
		return nil, false
	}
	steps := v.steps(f)
	if len(steps) == 0 {
		return nil, false
	}
	changes := make([]*indicatorv1.FigureChange, 0, len(steps))
	var value *indicatorv1.Statement // the last that was selected
	revised := int32(0)
	for _, s := range steps {
		c := s.change
		records, _ := v.standing(f, s.at)
		// Sources and indicators count as they were then.
		then := View{state: v.state, revision: s.at.revision, sight: v.sight}
		c.Figure = then.assemble(f, records, s.at)
		if selected := find(c.GetFigure()); selected != nil {
			if value != nil && (!sameValue(value, selected) || value.GetComparator() != selected.GetComparator()) {
				revised++
			}
			value = selected
		}
		c.Figure.Statements, c.Figure.Revision = nil, c.GetRevision()
		c.FigureRevision = revised
		changes = append(changes, c)
	}
	return changes, true
}

func find(f *indicatorv1.Figure) *indicatorv1.Statement {
	for _, s := range f.GetStatements() {
		if s.GetName() == f.GetSelected() {
			return s
		}
	}
	return nil
}

// step is one transaction that changed a figure.
type step struct {
	at     *transaction
	change *indicatorv1.FigureChange
}

func (v View) steps(f *figure) []step {
	var steps []step
	at := func(t *transaction) *indicatorv1.FigureChange {
		i, found := slices.BinarySearchFunc(steps, t, func(s step, t *transaction) int { return s.at.compare(t) })
		if !found {
			change := &indicatorv1.FigureChange{Revision: t.revision, CommitTime: stamp(t.time)}
			if v.owns(f.key) { // Who works with the figures knows each other; the public does not know who they are.
				change.Actor = t.actor
			}
			steps = slices.Insert(steps, i, step{t, change})
		}
		return steps[i].change
	}
	for _, sequence := range f.statements {
		r, _ := v.state.statements.Get(sequence)
		if !v.sees(r) {
			continue
		}
		if r.recorded.revision <= v.revision {
			c := at(r.recorded)
			c.Recorded = append(c.GetRecorded(), r.id.String())
		}
		if r.taken != nil && r.taken.by.revision <= v.revision {
			c := at(r.taken.by)
			c.Withdrawn, c.Reason = append(c.GetWithdrawn(), r.id.String()), r.taken.reason
		}
	}
	for p := range v.pins(f) {
		c := at(p.at)
		c.Reason = p.reason
		if p.statement == "" {
			c.Unpinned = true
		} else {
			c.Pinned = p.statement
		}
	}
	return steps
}

// showed says whether the view shows a statement as it was recorded by a transaction.
func (v View) showed(name string, by *transaction) bool {
	r, _ := v.state.find(name)
	for ; r != nil; r = r.earlier {
		if r.recorded.compare(by) <= 0 {
			return v.sees(r)
		}
	}
	return false
}

// Keys of the figures with at least one standing statement, in their order.
func (v View) Keys() iter.Seq[*indicatorv1.FigureKey] {
	return func(yield func(*indicatorv1.FigureKey) bool) {
		v.state.figures.Scan(func(key string, f *figure) bool {
			stands := slices.ContainsFunc(f.statements, func(sequence uint32) bool {
				r, _ := v.state.statements.Get(sequence)
				return v.stands(r)
			})
			return !stands || yield(parseKey(key))
		})
	}
}
