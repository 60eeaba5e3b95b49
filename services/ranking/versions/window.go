package versions

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A Window is a part of the rows of a ranking. The zero value is all of them.
type Window struct {
	First int // the first rows; 0: all
	// Around and its neighbours, Beside on each side, wherever it stands.
	Around string
	Beside int
	Zones  []string // certain zones, sorted
}

// Key is the same for equal windows.
func (w Window) Key() string {
	return strconv.Itoa(w.First) + "|" + w.Around + "|" + strconv.Itoa(w.Beside) + "|" + strings.Join(w.Zones, ",")
}

// Rows are the rows of a version inside the window, by position. They are
// shared: never modify them.
func (w Window) Rows(v *Version) []*rankingv1.Standing {
	switch {
	case w.First > 0:
		return v.Rows[:min(w.First, len(v.Rows))]
	case w.Around != "":
		i, ok := v.Row(w.Around)
		if !ok {
			return nil
		}
		return v.Rows[max(0, i-w.Beside):min(len(v.Rows), i+w.Beside+1)]
	case len(w.Zones) > 0:
		var at []int
		for _, zone := range w.Zones {
			if i, ok := v.Row(zone); ok {
				at = append(at, i)
			}
		}
		slices.Sort(at)
		rows := make([]*rankingv1.Standing, len(at))
		for n, i := range at {
			rows[n] = v.Rows[i]
		}
		return rows
	default:
		return v.Rows
	}
}

// Delta turns the window of one version into that of another: take out what was
// removed, put in the rows in place of those of the same zones, order by
// position.
func (w Window) Delta(from, to *Version) *rankingv1.RankingDelta {
	before, after := w.Rows(from), w.Rows(to)
	delta := &rankingv1.RankingDelta{BaseVersion: from.Head.GetVersion(), Head: to.Head}
	old := make(map[string]*rankingv1.Standing, len(before))
	for _, row := range before {
		old[row.GetSubject()] = row
	}
	for _, row := range after {
		if was := old[row.GetSubject()]; was == nil || !same(was, row) {
			delta.Standings = append(delta.Standings, row)
		}
		delete(old, row.GetSubject())
	}
	for _, row := range before {
		if old[row.GetSubject()] != nil {
			delta.Removed = append(delta.Removed, row.GetSubject())
		}
	}
	return delta
}

// maxDeltas bounds the deltas to one version that are shared.
const maxDeltas = 512

// A deltaKey tells apart the deltas to the newest version of a ranking.
type deltaKey struct {
	from   int64
	window string
}

// A Delta is made once, by the first who asks, and so is what a transport makes of
// it.
type Delta struct {
	once    sync.Once
	message *rankingv1.RankingDelta

	encoding sync.Once
	encoded  any
}

// Message is the delta. It is shared: never modify it.
func (d *Delta) Message() *rankingv1.RankingDelta { return d.message }

// Encoded is what encode gave when it was asked for the first time.
func (d *Delta) Encoded(encode func() any) any {
	d.encoding.Do(func() { d.encoded = encode() })
	return d.encoded
}

// Delta is Window.Delta, made once for all who want the same from one version to
// the newest one.
func (k *Keeper) Delta(w Window, from, to *Version) *Delta {
	d := k.delta(deltaKey{from: from.Head.GetVersion(), window: w.Key()}, to)
	d.once.Do(func() { d.message = w.Delta(from, to) })
	return d
}

// delta finds or makes the place of a delta, which others find if it leads to the
// newest version.
func (k *Keeper) delta(key deltaKey, to *Version) *Delta {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.topic(to.Head.GetRanking())
	if d := t.deltas[key]; d != nil && t.newest.Version == to.Head.GetVersion() {
		return d
	}
	d := &Delta{}
	if t.newest.Version == to.Head.GetVersion() && len(t.deltas) < maxDeltas {
		if t.deltas == nil {
			t.deltas = make(map[deltaKey]*Delta)
		}
		t.deltas[key] = d
	}
	return d
}

// same says whether two rows say the same: what the digest covers.
func same(a, b *rankingv1.Standing) bool {
	return a == b || a.GetSubject() == b.GetSubject() &&
		a.GetPosition() == b.GetPosition() && a.GetPlace() == b.GetPlace() && a.GetOf() == b.GetOf() && a.GetPreviousPlace() == b.GetPreviousPlace() &&
		a.GetScore() == b.GetScore() && a.GetGapAhead() == b.GetGapAhead() && a.GetGapBehind() == b.GetGapBehind() &&
		a.GetCompleteness() == b.GetCompleteness() && a.GetTied() == b.GetTied() && a.GetSimulated() == b.GetSimulated() &&
		alike(a.GetDisplayName(), b.GetDisplayName()) && alike(a.GetReason(), b.GetReason())
}

func alike(a, b *typev1.Localized) bool { return a.GetZh() == b.GetZh() && a.GetEn() == b.GetEn() }
