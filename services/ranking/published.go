package ranking

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"

	"zonebench.internal/pkg/ledger"
)

// Published is the fold of the ranking lane's published rankings: the series
// of authorities and their rounds. Like every fold it is persistent, so a
// reader holds one as long as it likes and any revision can be read.
type Published struct {
	revision int64
	series   versions[*rankingv1.Series]
	rounds   versions[*rankingv1.Round]
}

// NewPublished is the state before the first commit.
func NewPublished() *Published {
	return &Published{series: newVersions[*rankingv1.Series](), rounds: newVersions[*rankingv1.Round]()}
}

// Clone gives a copy that may change while this one is read.
func (p *Published) Clone() *Published {
	return &Published{revision: p.revision, series: p.series.clone(), rounds: p.rounds.clone()}
}

// Apply takes in a transaction of the ranking lane.
func (p *Published) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	p.revision = at.Revision
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Series:
			s := proto.CloneOf(kind.Series)
			created, updated := p.series.times(s.GetName(), at)
			s.CreateTime, s.UpdateTime, s.Revision, s.Etag = created, updated, at.Revision, etag(at.Revision)
			p.series.put(s, at.Revision)
		case *ledgerv1.Fact_Round:
			r := proto.CloneOf(kind.Round)
			created, updated := p.rounds.times(r.GetName(), at)
			r.CreateTime, r.UpdateTime, r.Revision, r.Etag = created, updated, at.Revision, etag(at.Revision)
			p.rounds.put(r, at.Revision)
		default:
			return fmt.Errorf("revision %d: %w: %T in lane %s", at.Revision, ledger.ErrUnknownFact, kind, ledger.LaneRanking)
		}
	}
	return nil
}

// publishedView reads the published rankings as they were at a revision.
type publishedView struct {
	state    *Published
	revision int64
}

// View reads at a revision, the newest for 0.
func (p *Published) View(revision int64) publishedView {
	if revision <= 0 {
		revision = p.revision
	}
	return publishedView{p, revision}
}

func (v publishedView) Series(name string) (*rankingv1.Series, bool) {
	return v.state.series.at(name, v.revision)
}

func (v publishedView) Round(name string) (*rankingv1.Round, bool) {
	return v.state.rounds.at(name, v.revision)
}

func (v publishedView) AllSeries() iter.Seq[*rankingv1.Series] {
	return v.state.series.all(v.revision)
}

func (v publishedView) Rounds() iter.Seq[*rankingv1.Round] {
	return v.state.rounds.all(v.revision)
}

// seriesOf is the series that a round's name says it is of.
func seriesOf(round string) string {
	series, _, _ := strings.Cut(round, "/rounds/")
	return series
}

func etag(revision int64) string { return "r" + strconv.FormatInt(revision, 36) }

// versions holds resources of one kind by name, each with its earlier versions
// behind it.
type versions[R resource] struct {
	byName *btree.Map[string, *version[R]]
}

type resource interface {
	*rankingv1.Series | *rankingv1.Round
	GetName() string
	GetCreateTime() *timestamppb.Timestamp
}

type version[R resource] struct {
	resource R
	revision int64
	earlier  *version[R]
}

func newVersions[R resource]() versions[R] {
	return versions[R]{byName: new(btree.Map[string, *version[R]])}
}

func (v versions[R]) clone() versions[R] { return versions[R]{byName: v.byName.Copy()} }

// times are the creation and update times of a resource that is written now.
func (v versions[R]) times(name string, at ledger.Position) (created, updated *timestamppb.Timestamp) {
	updated = timestamppb.New(at.CommitTime)
	if before, ok := v.byName.Get(name); ok {
		return before.resource.GetCreateTime(), updated
	}
	return updated, updated
}

func (v versions[R]) put(r R, revision int64) {
	earlier, _ := v.byName.Get(r.GetName())
	v.byName.Set(r.GetName(), &version[R]{resource: r, revision: revision, earlier: earlier})
}

func (v versions[R]) at(name string, revision int64) (R, bool) {
	last, _ := v.byName.Get(name)
	for ; last != nil; last = last.earlier {
		if last.revision <= revision {
			return last.resource, true
		}
	}
	var none R
	return none, false
}

// all are the resources as they were at a revision, in order of their names.
func (v versions[R]) all(revision int64) iter.Seq[R] {
	return func(yield func(R) bool) {
		v.byName.Scan(func(name string, _ *version[R]) bool {
			r, ok := v.at(name, revision)
			return !ok || yield(r)
		})
	}
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
func newestFirst(v publishedView, series string) []*rankingv1.Round {
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
