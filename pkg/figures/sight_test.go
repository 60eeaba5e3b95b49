package figures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func as(role auth.Role, zones ...string) auth.Caller {
	return auth.Caller{Subject: "x", Roles: []auth.Role{role}, Zones: zones}
}

func staged(m *indicatorv1.Statement, stage typev1.Stage, release time.Time) *indicatorv1.Statement {
	m = proto.CloneOf(m)
	m.Stage = stage
	if !release.IsZero() {
		m.ReleaseTime = timestamppb.New(release)
	}
	return m
}

func TestWhoSeesWhichStages(t *testing.T) {
	b := newBook(t)
	draft := staged(statement("self", "1", expected, equal, "1"), typev1.Stage_STAGE_DRAFT, time.Time{})
	approved := staged(statement("self", "2", expected, equal, "2"), typev1.Stage_STAGE_APPROVED, time.Time{})
	released := staged(statement("self", "3", expected, equal, "3"), typev1.Stage_STAGE_RELEASED, time.Time{})
	embargoed := staged(statement("self", "4", expected, equal, "4"), typev1.Stage_STAGE_RELEASED, start.Add(time.Hour))
	b.commit(fact(draft), fact(approved), fact(released), fact(embargoed))
	mine := key(expected).GetSubject()
	for name, c := range map[string]struct {
		caller auth.Caller
		now    time.Time
		want   []*indicatorv1.Statement
	}{
		"nobody":                           {auth.Caller{}, start, []*indicatorv1.Statement{released}},
		"a viewer":                         {as(auth.Viewer), start, []*indicatorv1.Statement{released}},
		"a viewer, after the release time": {as(auth.Viewer), start.Add(time.Hour), []*indicatorv1.Statement{released, embargoed}},
		"the zone's reporter":              {as(auth.Reporter, mine), start, []*indicatorv1.Statement{draft, approved, released, embargoed}},
		"another zone's reporter":          {as(auth.Reporter, "zones/other"), start, []*indicatorv1.Statement{released}},
		"a viewer of a zone":               {as(auth.Viewer, mine), start, []*indicatorv1.Statement{released}},
		"a reviewer":                       {as(auth.Reviewer), start, []*indicatorv1.Statement{draft, approved, released, embargoed}},
		"a publisher":                      {as(auth.Publisher), start, []*indicatorv1.Statement{draft, approved, released, embargoed}},
		"an administrator":                 {as(auth.Admin), start, []*indicatorv1.Statement{draft, approved, released, embargoed}},
		"a service":                        {as(auth.Service), start, []*indicatorv1.Statement{draft, approved, released, embargoed}},
	} {
		view := b.view().For(c.caller, c.now)
		var want []string
		for _, m := range c.want {
			want = append(want, m.GetName())
		}
		if got := names(slices.Collect(view.Statements(true))); !slices.Equal(got, want) || view.CountStatements(true) != len(want) {
			t.Errorf("%s: statements %v, counted %d, want %v", name, got, view.CountStatements(true), want)
		}
		f, ok := view.Figure(key(expected))
		got := names(f.GetStatements())
		slices.Sort(got)
		slices.Sort(want)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: a figure of %v, want %v", name, got, want)
		}
		for _, m := range []*indicatorv1.Statement{draft, approved, released, embargoed} {
			if _, ok := view.Statement(m.GetName()); ok != slices.Contains(want, m.GetName()) {
				t.Errorf("%s: %s is there: %t", name, m.GetName(), ok)
			}
		}
		changes, _ := view.History(key(expected))
		for _, change := range changes {
			if known := c.caller.Sees(mine); (change.GetActor() != "") != known {
				t.Errorf("%s: the actor is %q", name, change.GetActor())
			}
		}
	}
}

func names(list []*indicatorv1.Statement) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.GetName()
	}
	return out
}

// What a viewer does not see is not there: its view says what the view of a
// ledger says that never had it.
func TestAViewerSeesALedgerWithoutWhatIsNotReleased(t *testing.T) {
	subjects := []string{"zones/a", "zones/b"}
	rapid.Check(t, func(t *rapid.T) {
		now := start.Add(time.Hour)
		whole, public := figures.New(), figures.New()
		type known struct {
			seen, stands, pinned bool
			m                    *indicatorv1.Statement
		}
		all := map[string]*known{}
		pinned := map[string]*known{} // by key
		at := int64(0)
		// commit writes facts to both ledgers, to the public one only those that the public sees.
		commit := func(facts, seen []*ledgerv1.Fact) {
			at++
			position := ledger.Position{Revision: at, CommitTime: start.Add(time.Duration(at) * time.Second), Lane: ledger.LaneIndicator, LaneSequence: at}
			for state, list := range map[**figures.State][]*ledgerv1.Fact{&whole: facts, &public: seen} {
				next := (*state).Clone()
				if err := next.Apply(position, &ledgerv1.Transaction{Actor: "person:1", Facts: list}); err != nil {
					t.Fatal(err)
				}
				*state = next
			}
		}
		definitions := []*ledgerv1.Fact{
			fact(&indicatorv1.Indicator{Name: "indicators/x", Unit: "%", Nature: indicatorv1.Nature_NATURE_GROWTH, DisplayName: &typev1.Localized{Zh: "x"}}),
			source("self", indicatorv1.Reliability_RELIABILITY_SELF_REPORTED, "2022-01-01"), source("press", indicatorv1.Reliability_RELIABILITY_PRESS, "2022-01-01"),
		}
		commit(definitions, definitions)
		pick := func() *known {
			list := make([]string, 0, len(all))
			for name := range all {
				list = append(list, name)
			}
			slices.Sort(list)
			if len(list) == 0 {
				return nil
			}
			return all[rapid.SampledFrom(list).Draw(t, "statement")]
		}
		taken := func(k *known, by string) *ledgerv1.Fact {
			return fact(&ledgerv1.StatementWithdrawn{Name: k.m.GetName(), Reason: "for a reason", SupersededBy: by})
		}
		stage := func(m *indicatorv1.Statement) *known {
			m = staged(m, typev1.Stage(rapid.IntRange(1, 4).Draw(t, "stage")), time.Time{})
			if m.GetStage() == typev1.Stage_STAGE_RELEASED && rapid.Bool().Draw(t, "embargo") {
				m.ReleaseTime = timestamppb.New(now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "hours")) * time.Hour))
			}
			seen := m.GetStage() == typev1.Stage_STAGE_RELEASED && !m.GetReleaseTime().AsTime().After(now)
			return &known{seen: seen || m.GetStage() == typev1.Stage_STAGE_RELEASED && m.GetReleaseTime() == nil, stands: true, m: m}
		}
		t.Repeat(map[string]func(*rapid.T){
			"record": func(t *rapid.T) {
				m := &indicatorv1.Statement{
					Source: rapid.SampledFrom([]string{"sources/self", "sources/press"}).Draw(t, "source"), Locator: fmt.Sprint(at),
					Key: &indicatorv1.FigureKey{
						Subject: rapid.SampledFrom(subjects).Draw(t, "subject"), Indicator: "indicators/x", Period: "2025",
						Kind: indicatorv1.Kind_KIND_ACTUAL,
					},
					Comparator: equal, Unit: "%", Value: &indicatorv1.Statement_Number{Number: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "number"))},
				}
				m.Name = figures.StatementName(m)
				k := stage(m)
				all[m.GetName()] = k
				facts := []*ledgerv1.Fact{fact(k.m)}
				commit(facts, only(k.seen, facts))
			},
			"restate": func(t *rapid.T) {
				k := pick()
				if k == nil || !k.stands || k.pinned {
					t.Skip()
				}
				next := stage(k.m)
				if next.m.GetStage() != typev1.Stage_STAGE_RELEASED {
					next.m.ReleaseTime = nil
				}
				next.seen = next.m.GetStage() == typev1.Stage_STAGE_RELEASED && (next.m.GetReleaseTime() == nil || !next.m.GetReleaseTime().AsTime().After(now))
				out, in := []*ledgerv1.Fact{taken(k, k.m.GetName())}, []*ledgerv1.Fact{fact(next.m)}
				commit(append(slices.Clone(out), in...), append(only(k.seen, out), only(next.seen, in)...))
				all[k.m.GetName()] = next
			},
			"withdraw": func(t *rapid.T) {
				k := pick()
				if k == nil || !k.stands {
					t.Skip()
				}
				facts := []*ledgerv1.Fact{taken(k, "")}
				commit(facts, only(k.seen, facts))
				k.stands = false
				if k.pinned {
					k.pinned = false
					delete(pinned, figures.KeyText(k.m.GetKey()))
				}
			},
			"pin": func(t *rapid.T) {
				k := pick()
				if k == nil || !k.stands {
					t.Skip()
				}
				key := figures.KeyText(k.m.GetKey())
				if before := pinned[key]; before != nil {
					if before.seen != k.seen {
						t.Skip() // Which of two pins is in force when one is not seen is said in words, not here.
					}
					before.pinned = false
				}
				facts := []*ledgerv1.Fact{fact(&ledgerv1.FigurePinned{Key: k.m.GetKey(), Statement: k.m.GetName(), Reason: "a better one"})}
				commit(facts, only(k.seen, facts))
				k.pinned = true
				pinned[key] = k
			},
			"unpin": func(t *rapid.T) {
				k := pick()
				if k == nil || !k.pinned {
					t.Skip()
				}
				facts := []*ledgerv1.Fact{fact(&ledgerv1.FigureUnpinned{Key: k.m.GetKey(), Reason: "no better one"})}
				commit(facts, only(k.seen, facts))
				k.pinned = false
				delete(pinned, figures.KeyText(k.m.GetKey()))
			},
			"": func(t *rapid.T) {
				revision := rapid.Int64Range(1, at).Draw(t, "revision")
				got, want := whole.View(revision).For(as(auth.Viewer), now), public.View(revision)
				said, should := describeView(got, subjects, false), describeView(want, subjects, true)
				if said != should {
					t.Fatalf("at revision %d the viewer is shown\n%s\nand should be\n%s", revision, said, should)
				}
			},
		})
	})
}

func only(seen bool, facts []*ledgerv1.Fact) []*ledgerv1.Fact {
	if seen {
		return slices.Clone(facts)
	}
	return nil
}

// describeView is everything that a view says, in one text; the actors are
// taken out where the public would not see them.
func describeView(v figures.View, subjects []string, hide bool) string {
	var text strings.Builder
	add := func(m proto.Message) {
		encoded, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		fmt.Fprintf(&text, "%T %x %v\n", m, encoded, m)
	}
	for _, withdrawn := range []bool{true, false} {
		n := 0
		for m := range v.Statements(withdrawn) {
			add(m)
			n++
		}
		fmt.Fprintf(&text, "%d counted %d\n", n, v.CountStatements(withdrawn))
	}
	for f := range v.Figures() {
		add(f)
	}
	for k := range v.Keys() {
		add(k)
	}
	for _, subject := range subjects {
		for k := range v.KeysUnder(subject, "indicators/x") {
			add(k)
		}
		k := &indicatorv1.FigureKey{Subject: subject, Indicator: "indicators/x", Period: "2025", Kind: indicatorv1.Kind_KIND_ACTUAL}
		changes, ok := v.History(k)
		fmt.Fprintf(&text, "%s known %t\n", subject, ok)
		for _, c := range changes {
			if hide {
				c.Actor = ""
			}
			add(c)
		}
	}
	return text.String()
}
