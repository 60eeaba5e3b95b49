package figures

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// changes is what a transaction touches, gathered while it is taken in.
type changes struct {
	touched   []string
	embargoes map[int64][]embargo
}

// embargo is a released statement that the public may not see yet.
type embargo struct {
	key      string // of its figure, as KeyText
	recorded int64  // revision
}

func (c *changes) touch(name string) { c.touched = append(c.touched, name) }

func (c *changes) embargo(until time.Time, key string, recorded int64) {
	if c.embargoes == nil {
		c.embargoes = make(map[int64][]embargo)
	}
	at := until.UnixNano()
	c.embargoes[at] = append(c.embargoes[at], embargo{key, recorded})
}

// keepChanges puts what a transaction touched behind the rest of its commit.
func (s *State) keepChanges(revision int64) {
	if len(s.now.touched) > 0 {
		before, _ := s.touched.Get(revision)
		s.touched.Set(revision, append(slices.Clip(before), s.now.touched...))
	}
	for at, list := range s.now.embargoes {
		before, _ := s.embargoes.Get(at)
		s.embargoes.Set(at, append(slices.Clip(before), list...))
	}
	s.now = changes{}
}

// Changes are the commits of the indicator lane after a revision and up to the
// view's, the newest first, with what each touched: figures, by KeyText of
// their keys, whose statements or pins changed, and names of indicators and
// sources.
func (v View) Changes(after int64) iter.Seq2[int64, []string] {
	return func(yield func(int64, []string) bool) {
		v.state.touched.Descend(v.revision, func(revision int64, touched []string) bool {
			return revision > after && yield(revision, touched)
		})
	}
}

// An Opening is the moment at which the public may see a released statement that
// was recorded before it.
type Opening struct {
	Moment   time.Time
	KeyText  string // of the figure
	Recorded int64  // revision of the statement
}

// Openings are those with a moment after one time and up to another, in the
// order of their moments. Statements recorded after the view are not among them.
func (v View) Openings(after, until time.Time) iter.Seq[Opening] {
	return func(yield func(Opening) bool) {
		v.state.embargoes.Ascend(after.UnixNano()+1, func(at int64, list []embargo) bool {
			if at > until.UnixNano() {
				return false
			}
			for _, e := range list {
				if e.recorded <= v.revision && !yield(Opening{time.Unix(0, at).UTC(), e.key, e.recorded}) {
					return false
				}
			}
			return true
		})
	}
}

// NextOpening is the first moment after a time at which the public may see a
// released statement; false when none is on record.
func (v View) NextOpening(after time.Time) (time.Time, bool) {
	var next time.Time
	found := false
	v.state.embargoes.Ascend(after.UnixNano()+1, func(at int64, list []embargo) bool {
		found = slices.ContainsFunc(list, func(e embargo) bool { return e.recorded <= v.revision })
		next = time.Unix(0, at).UTC()
		return !found
	})
	return next, found
}

// SubjectAndIndicator are the first two parts of a text that KeyText made; false
// for another text, such as a resource name.
func SubjectAndIndicator(keyText string) (subject, indicator string, ok bool) {
	for i := range len(keyText) {
		if keyText[i] == ' ' {
			return keyText[:i], indicatorOf(keyText), true
		}
	}
	return "", "", false
}

// PeriodOf is the third part of a text that KeyText made.
func PeriodOf(keyText string) string {
	_, rest, _ := strings.Cut(keyText, " ")
	_, rest, _ = strings.Cut(rest, " ")
	text, _, _ := strings.Cut(rest, " ")
	return text
}
