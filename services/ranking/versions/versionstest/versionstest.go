// Package versionstest gives tests a ledger in memory with rankings whose rows
// are easy to know, and real Redis servers.
package versionstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/versions"
)

// Ledger is a ledger and a source in memory: each commit gives scores to zones
// of one or more rankings. A zone with a negative score is not ranked.
type Ledger struct {
	id    string
	epoch int64
	born  time.Time

	mu       sync.Mutex
	commits  []commit // of revision 1, 2, ...
	rankings map[string][]int64
	grown    chan struct{}
	computed map[string]int

	// Gate, when it is set, is called before a version is computed.
	Gate func(ctx context.Context, name string, version int64) error
}

type commit struct {
	scores map[string]map[string]int // by ranking and zone
	names  []string
}

// New makes a ledger without a commit. Its revisions are a second apart.
func New(id string, epoch int64, born time.Time) *Ledger {
	return &Ledger{
		id: id, epoch: epoch, born: born,
		rankings: make(map[string][]int64), grown: make(chan struct{}), computed: make(map[string]int),
	}
}

// Replica is another process's view of the same ledger, as far as it has come.
func (l *Ledger) Replica() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := New(l.id, l.epoch, l.born)
	for _, c := range l.commits {
		r.append(c)
	}
	return r
}

// Commit gives zones their scores in a ranking.
func (l *Ledger) Commit(name string, scores map[string]int) int64 {
	return l.CommitAll(map[string]map[string]int{name: scores})
}

// CommitAll gives zones their scores in several rankings at once.
func (l *Ledger) CommitAll(scores map[string]map[string]int) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(commit{scores: scores})
}

// Random commits scores for a few zones of n, and now and then takes one out.
func (l *Ledger) Random(r *rand.Rand, name string, n int) int64 {
	scores := make(map[string]int)
	for range 1 + r.IntN(4) {
		score := r.IntN(50)
		if r.IntN(10) == 0 {
			score = -1
		}
		scores[Zone(r.IntN(n))] = score
	}
	return l.Commit(name, scores)
}

// Fill commits one score for each of n zones.
func (l *Ledger) Fill(name string, n int) int64 {
	scores := make(map[string]int, n)
	for i := range n {
		scores[Zone(i)] = i % 50
	}
	return l.Commit(name, scores)
}

// Zone is the name of the i-th zone.
func Zone(i int) string { return fmt.Sprintf("zones/z%03d", i) }

func (l *Ledger) append(c commit) int64 {
	for name := range c.scores {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	l.commits = append(l.commits, c)
	revision := int64(len(l.commits))
	for _, name := range c.names {
		l.rankings[name] = append(l.rankings[name], revision)
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return revision
}

// ID is the id that New was given.
func (l *Ledger) ID() string { return l.id }

// Epoch is the epoch that New was given.
func (l *Ledger) Epoch() int64 { return l.epoch }

// Err is nil: this ledger never halts.
func (l *Ledger) Err() error { return nil }

// Applied is the last revision.
func (l *Ledger) Applied() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.commits))
}

// CaughtUp is closed from the beginning.
func (l *Ledger) CaughtUp() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// TimeAt is as many seconds after the birth of the ledger as the revision says.
func (l *Ledger) TimeAt(revision int64) time.Time {
	return l.born.Add(time.Duration(revision) * time.Second)
}

// Token is a readable one.
func (l *Ledger) Token(revision int64) string {
	return l.id + "-" + strconv.FormatInt(l.epoch, 10) + "-" + strconv.FormatInt(revision, 10)
}

// Tail is as that of a ledger; the commits are empty.
func (l *Ledger) Tail(ctx context.Context, after int64, fn func(*ledgerv1.Commit, int64) error) error {
	for {
		l.mu.Lock()
		last, grown := int64(len(l.commits)), l.grown
		l.mu.Unlock()
		for ; after < last; after++ {
			if err := fn(&ledgerv1.Commit{LedgerId: l.id}, after+1); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// Rankings implements versions.Source.
func (l *Ledger) Rankings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name := range l.rankings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// VersionAt implements versions.Source.
func (l *Ledger) VersionAt(name string, revision int64) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.rankings[name]
	n, exact := slices.BinarySearch(at, revision)
	if exact {
		return revision, nil
	}
	if n == 0 {
		return 0, nil
	}
	return at[n-1], nil
}

// Touched implements versions.Source.
func (l *Ledger) Touched(_ *ledgerv1.Commit, revision int64) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commits[revision-1].names, nil
}

// Compute implements versions.Source.
func (l *Ledger) Compute(ctx context.Context, name string, version int64) (*versions.Version, error) {
	if l.Gate != nil {
		if err := l.Gate(ctx, name, version); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.computed[name]++
	return l.at(name, version), nil
}

// Computed is how often a ranking was computed.
func (l *Ledger) Computed(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.computed[name]
}

// Want is what a ranking must be at a revision.
func (l *Ledger) Want(t testing.TB, name string, revision int64) *versions.Version {
	t.Helper()
	version, _ := l.VersionAt(name, revision)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at(name, version)
}

func (l *Ledger) at(name string, version int64) *versions.Version {
	scores := make(map[string]int)
	for _, c := range l.commits[:version] {
		for zone, score := range c.scores[name] {
			if scores[zone] = score; score < 0 {
				delete(scores, zone)
			}
		}
	}
	rows := make([]*rankingv1.Standing, 0, len(scores))
	for zone, score := range scores {
		rows = append(rows, &rankingv1.Standing{
			Subject: zone, DisplayName: &typev1.Localized{Zh: "示例区 " + zone, En: "Example " + zone}, Of: int32(len(scores)),
			Score: strconv.Itoa(score), Completeness: "1", Simulated: true,
		})
	}
	slices.SortFunc(rows, func(a, b *rankingv1.Standing) int {
		if x, y := scores[a.GetSubject()], scores[b.GetSubject()]; x != y {
			return y - x
		}
		if a.GetSubject() < b.GetSubject() {
			return -1
		}
		return 1
	})
	for i, row := range rows {
		row.Position, row.Place = int32(i+1), int32(i+1)
		if i > 0 && rows[i-1].GetScore() == row.GetScore() {
			row.Place, row.Tied, rows[i-1].Tied = rows[i-1].GetPlace(), true, true
		}
	}
	return versions.Seal(&rankingv1.VersionHead{
		Ranking: name, Version: version, Placed: int32(len(rows)), Completeness: "1", Simulated: true,
		CommitTime: timestamppb.New(l.TimeAt(version)), State: rankingv1.RankingState_RANKING_STATE_FORMAL,
	}, rows)
}
