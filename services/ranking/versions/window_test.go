package versions_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking/versions"
	"zonebench.internal/services/ranking/versions/versionstest"
)

func randomWindow(r *rand.Rand, zones int) versions.Window {
	switch r.IntN(4) {
	case 0:
		return versions.Window{First: 1 + r.IntN(zones+3)}
	case 1:
		return versions.Window{Around: versionstest.Zone(r.IntN(zones)), Beside: r.IntN(4)}
	case 2:
		w := versions.Window{}
		for range 1 + r.IntN(5) {
			w.Zones = append(w.Zones, versionstest.Zone(r.IntN(zones)))
		}
		slices.Sort(w.Zones)
		w.Zones = slices.Compact(w.Zones)
		return w
	default:
		return versions.Window{}
	}
}

// From any version to any later one: who applies the delta has the window.
func TestADeltaTurnsOneWindowIntoTheOther(t *testing.T) {
	r := source(t)
	for range 200 {
		zones := 1 + r.IntN(30)
		l := newLedger()
		l.Fill(name, zones)
		for range 40 {
			l.Random(r, name, zones)
		}
		w := randomWindow(r, zones)
		at := int64(1)
		have := slices.Clone(w.Rows(l.Want(t, name, at)))
		for at < l.Applied() {
			next := at + 1 + r.Int64N(l.Applied()-at)
			delta := w.Delta(l.Want(t, name, at), l.Want(t, name, next))
			if delta.GetBaseVersion() != at || delta.GetHead().GetVersion() != next {
				t.Fatalf("from %d to %d: %v", at, next, delta)
			}
			have = slices.DeleteFunc(have, func(row *rankingv1.Standing) bool {
				return slices.Contains(delta.GetRemoved(), row.GetSubject()) ||
					slices.ContainsFunc(delta.GetStandings(), func(now *rankingv1.Standing) bool { return now.GetSubject() == row.GetSubject() })
			})
			have = append(have, delta.GetStandings()...)
			slices.SortFunc(have, func(a, b *rankingv1.Standing) int { return int(a.GetPosition() - b.GetPosition()) })
			if want := w.Rows(l.Want(t, name, next)); fmt.Sprint(have) != fmt.Sprint(want) {
				t.Fatalf("%+v from %d to %d:\n got %v\nwant %v", w, at, next, have, want)
			}
			at = next
		}
	}
}

func TestRowsThatStayAreNotInADelta(t *testing.T) {
	l := newLedger()
	l.Fill(name, 30)
	l.Commit(name, map[string]int{"zones/z003": 4}) // between those that were there
	delta := versions.Window{}.Delta(l.Want(t, name, 1), l.Want(t, name, 2))
	if n := len(delta.GetStandings()); n == 0 || n > 4 {
		t.Errorf("a figure moves one place, and %d rows are sent", n)
	}
}

// Whoever asks for the same gets the same message, made once.
func TestEqualWindowsShareADelta(t *testing.T) {
	l := newLedger()
	l.Fill(name, 30)
	p := start(t, l, versions.Deps{})
	p.waitFor(t, name, 1)
	p.waitFor(t, name, l.Commit(name, map[string]int{"zones/z003": 4}))
	from, to := l.Want(t, name, 1), l.Want(t, name, 2)
	one, two := versions.Window{First: 10}, versions.Window{First: 10}
	if a, b := p.Delta(one, from, to), p.Delta(two, from, to); a != b {
		t.Error("two watchers of one window got two deltas")
	}
	if a, b := p.Delta(one, from, to), p.Delta(versions.Window{First: 9}, from, to); a == b {
		t.Error("two windows share a delta")
	}
	// To a version that is not the newest one it is made anew, and nothing is kept.
	p.waitFor(t, name, l.Commit(name, map[string]int{"zones/z003": 5}))
	if a, b := p.Delta(one, from, to), p.Delta(two, from, to); a == b {
		t.Error("a delta to an old version is kept")
	}
	p.stop()
}
