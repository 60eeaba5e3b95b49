package ranking

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

// source computes the versions of rankings from the folded ledger. It is the
// versions.Source of the service.
//
// A commit touches the rows of a ranking when it writes
//   - the ranking itself;
//   - its group, one of its members, a relation of a member, or a reference unit
//     that stands beside it;
//   - an indicator of a leaf or its growth, or a source that was there before;
//   - a statement of a member or reference unit under such an indicator, or a pin,
//     of the ranking's period or of one whose figures may be carried into it;
//   - or, for a public ranking, when it is the first one not earlier than the
//     moment at which such a statement becomes public.
//
// The rows also tell the places of the ranking before, so what touches that one
// touches this one. Whether a commit touches is decided by what the ledger says
// up to that commit and nothing else, so every process has the same versions.
type source struct {
	lane     *ledger.Lane[*Published]
	registry *ledger.Lane[*registry.State]
	figures  *ledger.Lane[*figures.State]
	ledger   clockwork

	mu     sync.Mutex
	tracks map[string]*track
	plans  map[string]*plan
	recent []*track // by use, the latest last, of those that keep tables
}

// clockwork is what a source needs of the ledger.
type clockwork interface {
	Applied() int64
	TimeAt(revision int64) time.Time
	FirstAt(moment time.Time) int64
}

// track is what is known of one ranking: where its newest version lies, and the
// tables that were computed last. All of it can be found again.
type track struct {
	mu      sync.Mutex // held for a look, never while a table is computed
	version int64      // own one, which holds
	through int64      // from there to here

	computing sync.Mutex // comes before mu
	tables    []kept

	roster atomic.Pointer[roster]
}

// kept is a table of a version of the ranking's own.
type kept struct {
	version int64
	table   *standing.Table
}

// tablesKept is how many tables a ranking keeps, rankingsKept how many rankings
// keep any: a table of 500 members and 30 leaves takes about 4 MB.
const (
	tablesKept   = 2
	rankingsKept = 16
)

// roster is the members of a group as of a commit of the zone lane. It never changes.
type roster struct {
	revision int64 // of that commit
	members  map[string]bool
}

func newSource(deps Deps) *source {
	return &source{
		lane: deps.Lane, registry: deps.Registry, figures: deps.Figures, ledger: deps.Ledger, tracks: make(map[string]*track), plans: make(map[string]*plan),
	}
}

// Rankings implements versions.Source.
func (s *source) Rankings() []string {
	lane, _ := s.lane.Current()
	var names []string
	for r := range lane.View(s.ledger.Applied()).Rankings() {
		names = append(names, r.GetName())
	}
	return names
}

// Touched implements versions.Source.
func (s *source) Touched(_ *ledgerv1.Commit, revision int64) ([]string, error) {
	lane, _ := s.lane.Current()
	var names []string
	for r := range lane.View(revision).Rankings() {
		v, err := s.VersionAt(r.GetName(), revision)
		if err != nil {
			return nil, err
		}
		if v == revision {
			names = append(names, r.GetName())
		}
	}
	return names, nil
}

// VersionAt implements versions.Source.
func (s *source) VersionAt(name string, revision int64) (int64, error) {
	own, ranking, err := s.own(name, revision)
	if err != nil || own == 0 || ranking.GetPrevious() == "" {
		return own, err
	}
	before, _, err := s.own(ranking.GetPrevious(), revision)
	return max(own, before), err
}

// own is the last revision up to the one given whose commit touched the ranking
// itself, its previous one aside.
func (s *source) own(name string, revision int64) (int64, *rankingv1.Ranking, error) {
	w, ok, err := s.watch(name, revision)
	if err != nil || !ok {
		return 0, nil, err
	}
	v, err := s.track(name).at(w, revision)
	return v, w.ranking, err
}

func (s *source) track(name string) *track {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tracks[name]
	if !ok {
		t = &track{}
		s.tracks[name] = t
	}
	return t
}

// at finds the version that holds at a revision, looking only at commits behind
// the newest one that is known.
func (t *track) at(w *watch, revision int64) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version > 0 && t.version <= revision && revision <= t.through {
		return t.version, nil
	}
	// The ranking was written then, so that is a version.
	base, after := w.ranking.GetRevision(), w.ranking.GetRevision()
	if t.version > 0 && t.through <= revision && t.version >= base {
		base, after = t.version, t.through
	}
	found, err := w.lastTouch(t, after, revision)
	if err != nil {
		return 0, err
	}
	v := max(base, found)
	if revision > t.through {
		t.version, t.through = v, revision
	}
	return v, nil
}

// watch is a ranking at a revision, and what touches it.
type watch struct {
	*source
	*plan
	zones  *registry.State
	stated *figures.State
}

// plan is what a ranking says about what touches it. It never changes.
type plan struct {
	ranking *rankingv1.Ranking
	scheme  *rankingv1.Scheme
	end     *typev1.Date
	leaves  map[string]int32 // by indicator: how many months its figures are carried
	beside  map[string]bool  // reference units
}

// watch gives false when there is no such ranking at the revision.
func (s *source) watch(name string, revision int64) (*watch, bool, error) {
	lane, _ := s.lane.Current()
	view := lane.View(revision)
	r, ok := view.Ranking(name)
	if !ok {
		return nil, false, nil
	}
	p, err := s.plan(view, r)
	if err != nil {
		return nil, false, err
	}
	w := &watch{source: s, plan: p}
	w.zones, _ = s.registry.Current()
	w.stated, _ = s.figures.Current()
	return w, true, nil
}

// plan makes the plan of a ranking, or gives the one made last when it is of the
// same ranking.
func (s *source) plan(view PublishedView, r *rankingv1.Ranking) (*plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.plans[r.GetName()]; p != nil && p.ranking == r {
		return p, nil
	}
	p := &plan{ranking: r, leaves: make(map[string]int32), beside: make(map[string]bool)}
	var ok bool
	if p.scheme, ok = view.Scheme(r.GetScheme()); !ok {
		return nil, fmt.Errorf("%s names %s, which the ledger does not have", r.GetName(), r.GetScheme())
	}
	when, err := period.Parse(r.GetPeriod())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.GetName(), err)
	}
	p.end = when.End()
	for _, n := range p.scheme.GetNodes() {
		if leaf := n.GetLeaf(); leaf != nil {
			p.leaves[leaf.GetIndicator()] = max(p.leaves[leaf.GetIndicator()], leaf.GetMaxAgeMonths())
		}
	}
	for _, unit := range r.GetReferences() {
		p.beside[unit] = true
	}
	s.plans[r.GetName()] = p
	return p, nil
}

// lastTouch is the last commit in (after, until] that touches the ranking, 0 for
// none.
func (w *watch) lastTouch(t *track, after, until int64) (int64, error) {
	last := int64(0)
	for revision, names := range w.zones.View(until).Changes(after) {
		touches, err := w.zoneTouches(revision, names)
		if err != nil {
			return 0, err
		}
		if touches {
			last = revision
			break
		}
	}
	for revision, names := range w.stated.View(until).Changes(max(after, last)) {
		touches, err := w.figureTouches(t, revision, names)
		if err != nil {
			return 0, err
		}
		if touches {
			last = max(last, revision)
			break
		}
	}
	opened, err := w.opened(t, max(after, last), until)
	if err != nil {
		return 0, err
	}
	for revision := range opened {
		last = max(last, revision)
	}
	return last, nil
}

// zoneTouches looks at a commit of the zone lane.
func (w *watch) zoneTouches(revision int64, names []string) (bool, error) {
	now, before := w.zones.View(revision), w.zones.View(revision-1)
	member := func(zone string) (bool, error) {
		for _, view := range []registry.View{now, before} {
			if ok, err := view.IsMember(w.ranking.GetGroup(), zone, w.end); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	for _, name := range names {
		if name == w.ranking.GetGroup() || w.beside[name] {
			return true, nil
		}
		concerned := []string{name}
		if r, ok := now.Relation(name); ok {
			concerned = []string{r.GetZone(), r.GetOther()}
			if old, ok := before.Relation(name); ok {
				concerned = append(concerned, old.GetZone(), old.GetOther())
			}
		}
		for _, zone := range concerned {
			if ok, err := member(zone); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// figureTouches looks at a commit of the indicator lane.
func (w *watch) figureTouches(t *track, revision int64, names []string) (bool, error) {
	for _, name := range names {
		if w.gathers(revision, name) {
			return true, nil
		}
		if touch, ok, err := w.touch(t, revision, name); ok || err != nil {
			return touch.Subject != "", err
		}
	}
	return false, nil
}

// gathers reports whether a resource that a commit wrote changes the figures of
// a ranking as a whole.
func (w *watch) gathers(revision int64, name string) bool {
	switch {
	case strings.HasPrefix(name, "indicators/"):
		_, now := w.uses(name, revision)
		_, before := w.uses(name, revision-1)
		return now || before
	case strings.HasPrefix(name, "sources/"): // What is said in a new one touches by itself.
		_, known := w.stated.View(revision - 1).Source(name)
		return known
	default:
		return false
	}
}

// uses reports whether an indicator is a leaf's or the growth of one, and how
// many months its figures are carried.
func (w *watch) uses(indicator string, revision int64) (carried int32, ok bool) {
	if carried, ok = w.leaves[indicator]; ok {
		return carried, true
	}
	i, known := w.stated.View(revision).Indicator(indicator)
	if !known {
		return 0, false
	}
	carried, ok = w.leaves[i.GetGrowthOf()]
	return carried, ok
}

// touch is what a figure that a commit changed touches, false for nothing.
func (w *watch) touch(t *track, revision int64, keyText string) (standing.Touch, bool, error) {
	subject, indicator, ok := figures.SubjectAndIndicator(keyText)
	if !ok || !w.beside[subject] && !registry.IsZone(subject) {
		return standing.Touch{}, false, nil
	}
	carried, ok := w.uses(indicator, revision)
	if !ok || !w.looksAt(figures.PeriodOf(keyText), carried) {
		return standing.Touch{}, false, nil
	}
	if !w.beside[subject] {
		members, err := w.members(t, revision)
		if err != nil || !members[subject] {
			return standing.Touch{}, false, err
		}
	}
	return standing.Touch{Subject: subject, Indicator: indicator}, true, nil
}

// looksAt reports whether a cell may look at figures of a period: the ranking's
// own, or one that ends before it by no more months than figures are carried. So
// the months that come in leave the rankings of other months alone.
func (w *watch) looksAt(text string, carried int32) bool {
	if text == w.ranking.GetPeriod() {
		return true
	}
	if carried == 0 {
		return false
	}
	p, err := period.Parse(text)
	if err != nil || p.End() == nil {
		return false
	}
	return civil.Last(p.End(), civil.Never) < civil.Last(w.end, civil.Never) && standing.Months(p.End(), w.end) <= carried
}

// members are those of the group at a revision.
func (w *watch) members(t *track, revision int64) (map[string]bool, error) {
	view := w.zones.View(revision)
	at := int64(0)
	for r := range view.Changes(0) {
		at = r
		break
	}
	if r := t.roster.Load(); r != nil && r.revision == at {
		return r.members, nil
	}
	r := &roster{revision: at, members: make(map[string]bool)}
	if _, ok := view.Group(w.ranking.GetGroup()); ok {
		zones, err := view.Members(w.ranking.GetGroup(), w.end)
		if err != nil {
			return nil, fmt.Errorf("members of %s: %w", w.ranking.GetGroup(), err)
		}
		for _, z := range zones {
			r.members[z.GetName()] = true
		}
	}
	t.roster.Store(r)
	return r.members, nil
}

// opened are the commits in (after, until] that pass the moment at which
// statements become public, with what they touch of a public ranking.
func (w *watch) opened(t *track, after, until int64) (map[int64][]standing.Touch, error) {
	if w.ranking.GetAudience() != rankingv1.Audience_AUDIENCE_PUBLIC {
		return map[int64][]standing.Touch{}, nil
	}
	out := make(map[int64][]standing.Touch)
	for o := range w.stated.View(until).Openings(w.ledger.TimeAt(after), w.ledger.TimeAt(until)) {
		revision := w.ledger.FirstAt(o.Moment)
		if revision <= o.Recorded { // The clock of another lane was ahead: it counted at once.
			continue
		}
		touch, ok, err := w.touch(t, revision, o.KeyText)
		if err != nil {
			return nil, err
		}
		if ok {
			out[revision] = append(out[revision], touch)
		}
	}
	return out, nil
}

// table is the table of a ranking at a revision, which is one of its own
// versions when it is kept.
func (s *source) table(name string, revision int64) (*standing.Table, error) {
	w, ok, err := s.watch(name, revision)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.NotFound(name)
	}
	t := s.track(name)
	version, err := t.at(w, revision)
	if err != nil {
		return nil, err
	}
	s.used(t)
	t.computing.Lock()
	defer t.computing.Unlock()
	for _, k := range t.tables {
		if k.version == version {
			return k.table, nil
		}
	}
	table, err := s.compute(w, t, version)
	if err != nil {
		return nil, err
	}
	t.keep(kept{version, table})
	return table, nil
}

// keep puts a table beside the newest of the others.
func (t *track) keep(k kept) {
	if len(t.tables) == tablesKept {
		slices.SortFunc(t.tables, func(a, b kept) int { return cmp.Compare(a.version, b.version) })
		t.tables = t.tables[1:]
	}
	t.tables = append(slices.Clip(t.tables), k)
}

// used lets the tables go of the rankings that were not asked for longest.
func (s *source) used(t *track) {
	s.mu.Lock()
	s.recent = append(slices.DeleteFunc(s.recent, func(o *track) bool { return o == t }), t)
	var old *track
	if len(s.recent) > rankingsKept {
		old, s.recent = s.recent[0], s.recent[1:]
	}
	s.mu.Unlock()
	if old != nil && old.computing.TryLock() { // Who holds it is using it.
		old.tables = nil
		old.computing.Unlock()
	}
}

// compute makes a table, from the one before it where only figures changed since.
func (s *source) compute(w *watch, t *track, version int64) (*standing.Table, error) {
	in := standing.Input{
		Ranking: w.ranking, Scheme: w.scheme, Zones: w.zones.View(version), Figures: w.stated.View(version), Time: s.ledger.TimeAt(version),
	}
	before := kept{}
	for _, k := range t.tables {
		if k.version < version && k.version > before.version {
			before = k
		}
	}
	if before.table != nil {
		touched, ok, err := w.since(t, before.version, version)
		if err != nil {
			return nil, err
		}
		if ok {
			return before.table.Renew(in, touched), nil
		}
	}
	return standing.Gather(in)
}

// maxTouched bounds what is found again one by one.
const maxTouched = 4096

// since lists what was touched in (after, until]; false when all must be
// gathered anew.
func (w *watch) since(t *track, after, until int64) ([]standing.Touch, bool, error) {
	for revision, names := range w.zones.View(until).Changes(after) {
		if touches, err := w.zoneTouches(revision, names); touches || err != nil {
			return nil, false, err
		}
	}
	var touched []standing.Touch
	for revision, names := range w.stated.View(until).Changes(after) {
		for _, name := range names {
			if w.gathers(revision, name) || len(touched) > maxTouched {
				return nil, false, nil
			}
			touch, ok, err := w.touch(t, revision, name)
			if err != nil {
				return nil, false, err
			}
			if ok {
				touched = append(touched, touch)
			}
		}
	}
	opened, err := w.opened(t, after, until)
	if err != nil {
		return nil, false, err
	}
	for _, list := range opened {
		touched = append(touched, list...)
	}
	return touched, true, nil
}

// Compute implements versions.Source.
func (s *source) Compute(ctx context.Context, name string, version int64) (*versions.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	table, err := s.table(name, version)
	if err != nil {
		return nil, err
	}
	head, rows := table.Head(), table.Rows()
	head.Version, head.CommitTime = version, timestamppb.New(s.ledger.TimeAt(version))
	if previous := table.Ranking().GetPrevious(); previous != "" {
		before, err := s.table(previous, version)
		if err != nil {
			return nil, err
		}
		places := before.Places()
		for _, r := range rows {
			r.PreviousPlace = places[r.GetSubject()]
		}
	}
	return versions.Seal(head, rows), nil
}
