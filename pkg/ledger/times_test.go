package ledger

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTimeOfTheLedgerNeverRunsBackwards(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := &Ledger{}
	if !l.TimeAt(1).IsZero() || l.FirstAt(time.Unix(0, 0)) != 0 {
		t.Error("an empty ledger has a time")
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	latest, want := time.Time{}, []time.Time{{}}
	at := start
	for revision := int64(1); revision <= 3*timesBlock+7; revision++ {
		at = at.Add(time.Duration(random.IntN(1000)-300) * time.Millisecond)
		l.times.put(revision, at)
		if at.After(latest) {
			latest = at
		}
		want = append(want, latest)
	}
	last := int64(len(want) - 1)
	for revision := int64(1); revision <= last; revision++ {
		if got := l.TimeAt(revision); !got.Equal(want[revision]) {
			t.Fatalf("revision %d: %v, want %v", revision, got, want[revision])
		}
		first := l.FirstAt(want[revision])
		if first > revision || !want[first].Equal(want[revision]) || first > 1 && !want[first-1].Before(want[first]) {
			t.Fatalf("the first revision at %v is %d, asked for that of revision %d", want[revision], first, revision)
		}
	}
	if got := l.TimeAt(last + 5); !got.Equal(want[last]) {
		t.Errorf("beyond the end: %v, want %v", got, want[last])
	}
	if got := l.FirstAt(want[last].Add(1)); got != 0 {
		t.Errorf("a moment that has not come is at revision %d", got)
	}
}
