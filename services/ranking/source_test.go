package ranking

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

// chronicle writes a random history of everything that may touch a ranking, and
// of what may not, on a real ledger with a clock of its own.
type chronicle struct {
	t        *testing.T
	random   *rand.Rand
	now      time.Time
	ledger   *ledger.Ledger
	lane     *ledger.Lane[*Published]
	zones    *ledger.Lane[*registry.State]
	stated   *ledger.Lane[*figures.State]
	names    []string // of statements that stand
	said     int
	rankings []string
	states   map[string]rankingv1.RankingState
}

func newChronicle(t *testing.T, dir string, random *rand.Rand) *chronicle {
	t.Helper()
	c := &chronicle{t: t, random: random, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), states: make(map[string]rankingv1.RankingState)}
	deps := ledgertest.Deps(t, ledgertest.Server(t, dir))
	deps.Now = func() time.Time { return c.now }
	var err error
	if c.ledger, err = ledger.Open(t.Context(), ledger.Config{}, deps); err != nil {
		t.Fatal(err)
	}
	c.lane = ledger.Fold(c.ledger, ledger.LaneRanking, NewPublished())
	c.zones = ledger.Fold(c.ledger, ledger.LaneZone, registry.New())
	c.stated = ledger.Fold(c.ledger, ledger.LaneIndicator, figures.New())
	ledgertest.Run(t, c.ledger)
	return c
}

func (c *chronicle) source() *source {
	return newSource(Deps{Lane: c.lane, Ledger: c.ledger, Registry: c.zones, Figures: c.stated})
}

func put1[S ledger.State[S]](c *chronicle, lane *ledger.Lane[S], facts ...*ledgerv1.Fact) {
	c.t.Helper()
	_, err := lane.Commit(c.t.Context(), ledger.Command[S]{Method: "test", Actor: "test", Decide: func(S, ledger.Position) (ledger.Proposal, error) {
		return ledger.Proposal{Facts: facts}, nil
	}})
	if err != nil {
		c.t.Fatal(err)
	}
}

const chronicleZones = 9

func (c *chronicle) zone(i int, simulated, stated bool) *ledgerv1.Fact {
	z := &zonev1.Zone{
		Name: fmt.Sprintf("zones/z%d", i), DisplayName: text(fmt.Sprintf("区%d-%d", i, c.random.IntN(3)), ""), Certainty: typev1.Certainty_CERTAINTY_STATED,
		Simulated: simulated, Type: zonev1.ZoneType_ZONE_TYPE_OTHER,
	}
	if !stated {
		z.Certainty = typev1.Certainty_CERTAINTY_INFERRED
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: z}}
}

func (c *chronicle) group() *ledgerv1.Fact {
	list := &zonev1.MemberList{}
	for i := range chronicleZones - 1 {
		if c.random.IntN(5) > 0 {
			list.Members = append(list.Members, &zonev1.Member{Zone: fmt.Sprintf("zones/z%d", i)})
		}
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{
		Name: "groups/g", DisplayName: text("组", ""), Members: &zonev1.Group_List{List: list},
	}}}
}

func (c *chronicle) indicator(id string, of string) *ledgerv1.Fact {
	i := &indicatorv1.Indicator{
		Name: "indicators/" + id, DisplayName: text(id, ""), Unit: "%", Nature: indicatorv1.Nature_NATURE_RATE,
		Direction: indicatorv1.Direction(1 + c.random.IntN(2)), NationalAuthority: "国家统计局",
	}
	if of != "" {
		i.GrowthOf, i.Nature = "indicators/"+of, indicatorv1.Nature_NATURE_GROWTH
	}
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: i}}
}

func (c *chronicle) begin() {
	var zones []*ledgerv1.Fact
	for i := range chronicleZones {
		zones = append(zones, c.zone(i, false, true))
	}
	put1(c, c.zones, append(zones, c.group(), &ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: &zonev1.ReferenceUnit{
		Name: "referenceUnits/p", DisplayName: text("全省", ""), Type: zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE,
	}}})...)
	put1(c, c.stated, c.sourceFact(0), c.sourceFact(1), c.indicator("x", ""), c.indicator("y", ""), c.indicator("x-growth", "x"), c.indicator("unused", ""))
	scheme := &rankingv1.Scheme{Name: "schemes/s", DisplayName: text("办法", ""), Recipe: `{"normalise": {"method": "minmax"}, "place": {"decimals": 1}}`, Nodes: []*rankingv1.SchemeNode{
		{Id: "all"},
		{Id: "x", Parent: "all", Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/x", Carry: rankingv1.Carry_CARRY_ANY, MaxAgeMonths: 6}},
		{Id: "y", Parent: "all", Weight: "2", Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/y", RequiredCompleteness: "0.2"}},
	}}
	put1(c, c.lane, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Scheme{Scheme: scheme}})
	for i, r := range []*rankingv1.Ranking{
		{Name: "rankings/before", Period: "2025-04", Audience: rankingv1.Audience_AUDIENCE_PUBLIC},
		{Name: "rankings/public", Period: "2025-05", Audience: rankingv1.Audience_AUDIENCE_PUBLIC, Previous: "rankings/before", References: []string{"referenceUnits/p"}},
		{Name: "rankings/internal", Period: "2025-05", Audience: rankingv1.Audience_AUDIENCE_INTERNAL, MixSimulated: true},
	} {
		r.DisplayName, r.Scheme, r.Group, r.Kind = text("榜", ""), "schemes/s", "groups/g", indicatorv1.Kind_KIND_ACTUAL
		r.State = rankingv1.RankingState(1 + i%2)
		c.rankings = append(c.rankings, r.GetName())
		put1(c, c.lane, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Ranking{Ranking: r}})
	}
}

func (c *chronicle) sourceFact(i int) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{
		Name: fmt.Sprintf("sources/s%d", i), Title: text("来源", ""), Reliability: indicatorv1.Reliability(1 + c.random.IntN(3)),
	}}}
}

func (c *chronicle) statement() *indicatorv1.Statement {
	c.said++
	pick := func(list ...string) string { return list[c.random.IntN(len(list))] }
	subject := fmt.Sprintf("zones/z%d", c.random.IntN(chronicleZones))
	if c.random.IntN(15) == 0 {
		subject = "referenceUnits/p"
	}
	s := &indicatorv1.Statement{
		Source: fmt.Sprintf("sources/s%d", c.random.IntN(2)), Locator: fmt.Sprint(c.said),
		Key: &indicatorv1.FigureKey{
			Subject: subject, Indicator: "indicators/" + pick("x", "x", "y", "y", "x-growth", "unused"),
			Period: pick("2025-03", "2025-04", "2025-05", "2025-05", "2025-Q1", "2025-06"), Kind: indicatorv1.Kind_KIND_ACTUAL,
		},
		Value: &indicatorv1.Statement_Number{Number: fmt.Sprint(c.random.IntN(6))}, Unit: "%", Tag: indicatorv1.Tag_TAG_OBSERVED,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty(1 + max(0, c.random.IntN(12)-10)),
		Stage: typev1.Stage(2 + c.random.IntN(3)), Simulated: c.random.IntN(40) == 0,
	}
	if c.random.IntN(12) == 0 {
		s.Comparator = typev1.Comparator(1 + c.random.IntN(6))
	}
	if s.GetStage() == typev1.Stage_STAGE_RELEASED && c.random.IntN(3) == 0 {
		s.ReleaseTime = timestamppb.New(c.now.Add(time.Duration(c.random.IntN(8)-2) * time.Second))
	}
	s.Name = figures.StatementName(s)
	return s
}

// step writes one commit.
func (c *chronicle) step() {
	c.now = c.now.Add(time.Duration(c.random.IntN(1500)) * time.Millisecond)
	switch n := c.random.IntN(40); {
	case n < 26:
		var facts []*ledgerv1.Fact
		for range 1 + c.random.IntN(3) {
			s := c.statement()
			c.names = append(c.names, s.GetName())
			facts = append(facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: s}})
		}
		put1(c, c.stated, facts...)
	case n < 29 && len(c.names) > 0:
		i := c.random.IntN(len(c.names))
		name := c.names[i]
		c.names = append(c.names[:i], c.names[i+1:]...)
		put1(c, c.stated, &ledgerv1.Fact{Kind: &ledgerv1.Fact_StatementWithdrawn{StatementWithdrawn: &ledgerv1.StatementWithdrawn{Name: name}}})
	case n < 31 && len(c.names) > 0:
		name := c.names[c.random.IntN(len(c.names))]
		state, _ := c.stated.Current()
		s, _ := state.View(0).Statement(name)
		put1(c, c.stated, &ledgerv1.Fact{Kind: &ledgerv1.Fact_FigurePinned{FigurePinned: &ledgerv1.FigurePinned{Key: s.GetKey(), Statement: name, Reason: "test"}}})
	case n == 31:
		put1(c, c.stated, c.sourceFact(c.random.IntN(3)))
	case n == 32:
		put1(c, c.stated, c.indicator([]string{"x", "y", "unused"}[c.random.IntN(3)], ""))
	case n == 33:
		put1(c, c.stated, c.indicator("x-growth", []string{"x", "unused"}[c.random.IntN(2)]))
	case n == 34:
		put1(c, c.zones, c.group())
	case n == 35:
		put1(c, c.zones, c.zone(c.random.IntN(chronicleZones), c.random.IntN(6) == 0, c.random.IntN(4) > 0))
	case n == 36:
		a, b := c.random.IntN(chronicleZones), c.random.IntN(chronicleZones)
		r := &zonev1.Relation{
			Name: fmt.Sprintf("relations/r%d", c.random.IntN(4)), Zone: fmt.Sprintf("zones/z%d", a), Other: fmt.Sprintf("zones/z%d", b),
			Type: []zonev1.RelationType{
				zonev1.RelationType_RELATION_TYPE_MERGED_INTO, zonev1.RelationType_RELATION_TYPE_RENAMED, zonev1.RelationType_RELATION_TYPE_SPLIT_FROM,
			}[c.random.IntN(3)], StartDate: &typev1.Date{Year: 2025, Month: int32(1 + c.random.IntN(12))},
		}
		if c.random.IntN(2) == 0 {
			r.EndDate = &typev1.Date{Year: 2025, Month: 5}
		}
		put1(c, c.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: r}})
	default:
		name := c.rankings[c.random.IntN(len(c.rankings))]
		lane, _ := c.lane.Current()
		r, _ := lane.View(0).Ranking(name)
		next := stored(r, name)
		next.State = rankingv1.RankingState(1 + c.random.IntN(4))
		next.RequiredCompleteness = []string{"", "0.3", "0.9"}[c.random.IntN(3)]
		put1(c, c.lane, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Ranking{Ranking: next}})
	}
}

// fromScratch computes what holds at a revision, knowing nothing before.
func (c *chronicle) fromScratch(name string, revision int64) *versions.Version {
	c.t.Helper()
	lane, _ := c.lane.Current()
	zones, _ := c.zones.Current()
	stated, _ := c.stated.Current()
	gather := func(name string) *standing.Table {
		view := lane.View(revision)
		r, _ := view.Ranking(name)
		s, _ := view.Scheme(r.GetScheme())
		t, err := standing.Gather(standing.Input{
			Ranking: r, Scheme: s, Zones: zones.View(revision), Figures: stated.View(revision), Time: c.ledger.TimeAt(revision),
		})
		if err != nil {
			c.t.Fatal(err)
		}
		return t
	}
	table := gather(name)
	head, rows := table.Head(), table.Rows()
	if previous := table.Ranking().GetPrevious(); previous != "" {
		places := gather(previous).Places()
		for _, r := range rows {
			r.PreviousPlace = places[r.GetSubject()]
		}
	}
	return versions.Seal(head, rows)
}

// said is what a version says, whichever version it is.
func said(v *versions.Version) string {
	head := proto.CloneOf(v.Head)
	head.Version, head.CommitTime = 0, nil
	return versions.Seal(head, v.Rows).Head.GetDigest()
}

func TestEveryVersionIsWhatIsComputedFromScratchOnAnyHistory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	c := newChronicle(t, dir, rand.New(rand.NewPCG(seed, 1)))
	c.begin()
	const steps = 400
	first := c.ledger.Applied()
	source := c.source()
	type seen struct {
		version int64
		digest  string
	}
	all := make(map[string]map[int64]seen)
	for _, name := range c.rankings {
		all[name] = make(map[int64]seen)
	}
	moved := 0
	for range steps {
		c.step()
		now := c.ledger.Applied()
		for _, name := range c.rankings {
			if c.random.IntN(4) == 0 { // What is not asked for is not followed.
				continue
			}
			version, err := source.VersionAt(name, now)
			if err != nil {
				t.Fatal(err)
			}
			v, err := source.Compute(t.Context(), name, version)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := said(v), said(c.fromScratch(name, now)); got != want {
				t.Fatalf("%s at revision %d, version %d, is not what is computed from scratch:\n%v\n%v", name, now, version, v.Rows, c.fromScratch(name, now).Rows)
			}
			if version == now {
				moved++
			}
			all[name][now] = seen{version, v.Head.GetDigest()}
		}
	}
	if moved < steps/4 {
		t.Errorf("only %d versions in %d steps: the history tests little", moved, steps)
	}
	// The same for revisions in any order, for a source that has seen nothing: old
	// ones, and one after another where each follows or precedes the one before.
	other := c.source()
	for range 200 {
		name := c.rankings[c.random.IntN(len(c.rankings))]
		revision := first + c.random.Int64N(c.ledger.Applied()-first)
		want, known := all[name][revision]
		if !known {
			continue
		}
		version, err := other.VersionAt(name, revision)
		if err != nil || version != want.version {
			t.Fatalf("%s at revision %d: version %d, %v; the one who followed said %d", name, revision, version, err, want.version)
		}
		v, err := other.Compute(t.Context(), name, version)
		if err != nil || v.Head.GetDigest() != want.digest {
			t.Fatalf("%s version %d: another digest, %v", name, version, err)
		}
	}
	// Between a version and the next nothing changes.
	for name, list := range all {
		for revision, s := range list {
			if s.version == revision {
				continue
			}
			if got, want := said(c.fromScratch(name, revision)), said(c.fromScratch(name, s.version)); got != want {
				t.Fatalf("%s: revision %d differs from version %d, which should hold there", name, revision, s.version)
			}
		}
	}
	touched := c.source()
	for revision := first + 1; revision <= c.ledger.Applied(); revision++ {
		names, err := touched.Touched(nil, revision)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range c.rankings {
			want, known := all[name][revision]
			if !known {
				continue
			}
			if got := slices.Contains(names, name); got != (want.version == revision) {
				t.Fatalf("revision %d touches %v; %s was version %d then", revision, names, name, want.version)
			}
		}
	}
}

var _ versions.Source = (*source)(nil)
