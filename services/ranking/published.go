package ranking

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/versioned"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// Published is the fold of the ranking lane: the series of authorities and their
// rounds, schemes, the rankings that are computed by them, and what was released
// of them. Like every fold it is persistent, so a reader holds one as long as it
// likes and any revision can be read.
type Published struct {
	revision int64
	series   versioned.Map[*rankingv1.Series]
	rounds   versioned.Map[*rankingv1.Round]
	schemes  versioned.Map[*rankingv1.Scheme]
	rankings versioned.Map[*rankingv1.Ranking]
	releases *btree.Map[string, *released] // by releaseKey
	clock    time.Time                     // the latest that ClockReached told
}

// released is a release as it was published. It never changes.
type released struct {
	release *rankingv1.Release
	rows    []byte // as in ledgerv1.Released
}

// NewPublished is the state before the first commit.
func NewPublished() *Published {
	return &Published{
		series: versioned.New[*rankingv1.Series](), rounds: versioned.New[*rankingv1.Round](),
		schemes: versioned.New[*rankingv1.Scheme](), rankings: versioned.New[*rankingv1.Ranking](),
		releases: new(btree.Map[string, *released]),
	}
}

// Clone gives a copy that may change while this one is read.
func (p *Published) Clone() *Published {
	return &Published{
		revision: p.revision, series: p.series.Clone(), rounds: p.rounds.Clone(),
		schemes: p.schemes.Clone(), rankings: p.rankings.Clone(), releases: p.releases.Copy(), clock: p.clock,
	}
}

// Apply takes in a transaction of the ranking lane.
func (p *Published) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	p.revision = at.Revision
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Series:
			p.series.Put(proto.CloneOf(kind.Series), at.Revision, at.CommitTime)
		case *ledgerv1.Fact_Round:
			p.rounds.Put(proto.CloneOf(kind.Round), at.Revision, at.CommitTime)
		case *ledgerv1.Fact_Scheme:
			p.schemes.Put(proto.CloneOf(kind.Scheme), at.Revision, at.CommitTime)
		case *ledgerv1.Fact_Ranking:
			p.rankings.Put(proto.CloneOf(kind.Ranking), at.Revision, at.CommitTime)
		case *ledgerv1.Fact_Released:
			p.release(at, kind.Released)
		case *ledgerv1.Fact_ClockReached:
			p.clock = kind.ClockReached.GetTime().AsTime()
		default:
			return fmt.Errorf("revision %d: %w: %T in lane %s", at.Revision, ledger.ErrUnknownFact, kind, ledger.LaneRanking)
		}
	}
	return nil
}

// PublishedView reads the published rankings as they were at a revision.
type PublishedView struct {
	state    *Published
	revision int64
}

// View reads at a revision, the newest for 0.
func (p *Published) View(revision int64) PublishedView {
	if revision <= 0 {
		revision = p.revision
	}
	return PublishedView{p, revision}
}

// Series gives `series/{series}`.
func (v PublishedView) Series(name string) (*rankingv1.Series, bool) {
	return v.state.series.At(name, v.revision)
}

// Round gives `series/{series}/rounds/{round}`.
func (v PublishedView) Round(name string) (*rankingv1.Round, bool) {
	return v.state.rounds.At(name, v.revision)
}

// Scheme gives `schemes/{scheme}`.
func (v PublishedView) Scheme(name string) (*rankingv1.Scheme, bool) {
	return v.state.schemes.At(name, v.revision)
}

// Schemes in order of their names.
func (v PublishedView) Schemes() iter.Seq[*rankingv1.Scheme] { return v.state.schemes.All(v.revision) }

// Ranking gives `rankings/{ranking}`.
func (v PublishedView) Ranking(name string) (*rankingv1.Ranking, bool) {
	return v.state.rankings.At(name, v.revision)
}

// Rankings in order of their names.
func (v PublishedView) Rankings() iter.Seq[*rankingv1.Ranking] {
	return v.state.rankings.All(v.revision)
}

// AllSeries in order of their names.
func (v PublishedView) AllSeries() iter.Seq[*rankingv1.Series] {
	return v.state.series.All(v.revision)
}

// Rounds in order of their names.
func (v PublishedView) Rounds() iter.Seq[*rankingv1.Round] {
	return v.state.rounds.All(v.revision)
}

// seriesOf is the series that a round's name says it is of.
func seriesOf(round string) string {
	series, _, _ := strings.Cut(round, "/rounds/")
	return series
}

// byRound puts places in the order in which people read them: by series and
// group, the oldest round first, rounds without a year last.
func byRound(a, b *rankingv1.PublishedPlace) int {
	return cmp.Or(
		cmp.Compare(a.GetSeries(), b.GetSeries()),
		cmp.Compare(a.GetGroup().GetZh(), b.GetGroup().GetZh()),
		order(a.GetRankingYear() != 0, b.GetRankingYear() != 0),
		cmp.Compare(a.GetRankingYear(), b.GetRankingYear()),
		cmp.Compare(a.GetRound(), b.GetRound()),
		cmp.Compare(a.GetZone(), b.GetZone()),
	)
}

// placeIn finds a zone in a round.
func placeIn(round *rankingv1.Round, zone string) *rankingv1.Place {
	i := slices.IndexFunc(round.GetPlaces(), func(p *rankingv1.Place) bool { return p.GetZone() == zone })
	if i < 0 {
		return nil
	}
	return round.GetPlaces()[i]
}

// newestFirst lists the rounds of a series, or all, the newest ranking year
// first and those without a year last.
func newestFirst(v PublishedView, series string) []*rankingv1.Round {
	var list []*rankingv1.Round
	for r := range v.Rounds() {
		if series == "" || seriesOf(r.GetName()) == series {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *rankingv1.Round) int { return cmp.Compare(newestKey(a), newestKey(b)) })
	return list
}

// newestKey orders rounds by its bytes: years descend, then names ascend.
func newestKey(r *rankingv1.Round) string {
	return fmt.Sprintf("%04d %s", 9999-r.GetRankingYear(), r.GetName())
}

// placePath is the path of a place's fields in a request that holds a round.
func placePath(i int) string { return fmt.Sprintf("round.places[%d].", i) }
