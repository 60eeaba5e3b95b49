package figures

import (
	"iter"
	"strings"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// FiguresUnder are the figures of one indicator of a zone or reference unit
// with at least one standing statement, in order of their keys.
func (v View) FiguresUnder(subject, indicator string) iter.Seq[*indicatorv1.Figure] {
	return v.figuresFrom(subject + " " + indicator + " ")
}

// KeysOf are the keys of a zone or reference unit with at least one standing
// statement, in their order, made without the figures.
func (v View) KeysOf(subject string) iter.Seq[*indicatorv1.FigureKey] {
	return v.keysFrom(subject + " ")
}

// KeysUnder are KeysOf of one indicator.
func (v View) KeysUnder(subject, indicator string) iter.Seq[*indicatorv1.FigureKey] {
	return v.keysFrom(subject + " " + indicator + " ")
}

func (v View) keysFrom(prefix string) iter.Seq[*indicatorv1.FigureKey] {
	return func(yield func(*indicatorv1.FigureKey) bool) {
		v.state.figures.Ascend(prefix, func(key string, f *figure) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			if records, _ := v.standing(f, nil); len(records) == 0 {
				return true
			}
			return yield(parseKey(key))
		})
	}
}
