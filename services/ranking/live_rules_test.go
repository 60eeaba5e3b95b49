package ranking_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger/ledgertest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// field is the path of the first field that an error names.
func field(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok && len(f.Fields()) > 0 {
		return f.Fields()[0].Path
	}
	return ""
}

func TestSchemeThatCannotBeComputedIsRefusedWithTheFieldToMend(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	write(w, w.stated, indicatorFact("state", "", func(i *indicatorv1.Indicator) { i.Nature = indicatorv1.Nature_NATURE_STATUS }))
	for name, c := range map[string]struct {
		change func(*rankingv1.Scheme)
		field  string
		says   string
	}{
		"no name":                  {func(s *rankingv1.Scheme) { s.DisplayName = nil }, "scheme.display_name.zh", "name the scheme"},
		"supersedes nothing":       {func(s *rankingv1.Scheme) { s.Supersedes = "schemes/none" }, "scheme.supersedes", ""},
		"no such indicator":        {func(s *rankingv1.Scheme) { s.Nodes[1].Leaf.Indicator = "indicators/none" }, "scheme.nodes[1].leaf.indicator", "does not exist"},
		"a status":                 {func(s *rankingv1.Scheme) { s.Nodes[1].Leaf.Indicator = "indicators/state" }, "scheme.nodes[1].leaf.indicator", "no number"},
		"an id twice":              {func(s *rankingv1.Scheme) { s.Nodes[2].Id = "tax" }, "scheme.nodes[2].id", "nodes[1]"},
		"no such parent":           {func(s *rankingv1.Scheme) { s.Nodes[1].Parent = "indx" }, "scheme.nodes[1].parent", "indx"},
		"a leaf as parent":         {func(s *rankingv1.Scheme) { s.Nodes[2].Parent = "tax" }, "scheme.nodes[2].parent", "is a leaf"},
		"a leaf as root":           {func(s *rankingv1.Scheme) { s.Nodes[1].Parent = "" }, "scheme.nodes[1].parent", "belongs to a group"},
		"two roots":                {func(s *rankingv1.Scheme) { s.Nodes = append(s.Nodes, &rankingv1.SchemeNode{Id: "other"}) }, "scheme.nodes", "one root"},
		"the same figures twice":   {func(s *rankingv1.Scheme) { s.Nodes[2].Leaf.Indicator = "indicators/tax" }, "scheme.nodes[2].leaf.indicator", "twice"},
		"an age without a rule":    {func(s *rankingv1.Scheme) { s.Nodes[1].Leaf.MaxAgeMonths = 3 }, "scheme.nodes[1].leaf.max_age_months", ""},
		"a recipe that is no JSON": {func(s *rankingv1.Scheme) { s.Recipe = "{" }, "scheme.recipe", ""},
		"an unknown key":           {func(s *rankingv1.Scheme) { s.Recipe = `{"normalize": "minmax"}` }, "scheme.recipe", "normalise"},
		"a table":                  {func(s *rankingv1.Scheme) { s.Recipe = `{"weights": {"from": "file", "path": "w.csv"}}` }, "scheme.recipe", "w.csv"},
		"other ties":               {func(s *rankingv1.Scheme) { s.Recipe = `{"normalise": "minmax", "place": "dense"}` }, "scheme.recipe", "competition"},
		"growth over time":         {func(s *rankingv1.Scheme) { s.Recipe = `{"derive": [{"code": "tax", "of": "energy", "as": "growth"}]}` }, "scheme.recipe", "several periods"},
		"direction without effect": {func(s *rankingv1.Scheme) { s.Recipe = "" }, "scheme.recipe", "energy"},
		"a node that is not there": {func(s *rankingv1.Scheme) { s.Recipe = `{"normalise": "minmax", "place": {"tie_break": ["gdp"]}}` }, "scheme.recipe", "gdp"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scheme("60")
			c.change(s)
			_, err := w.service.CreateScheme(w.ctx, &rankingv1.CreateSchemeRequest{SchemeId: "bad", Scheme: s})
			if field(err) != c.field || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v, want %q with %q", field(err), err, c.field, c.says)
			}
		})
	}
}

func TestSchemeNeverChanges(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	before, err := w.service.GetScheme(w.ctx, &rankingv1.GetSchemeRequest{Name: "schemes/s1"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.service.CreateScheme(w.ctx, &rankingv1.CreateSchemeRequest{SchemeId: "s1", Scheme: scheme("60")})
	if err != nil || !proto.Equal(again.GetScheme(), before.GetScheme()) {
		t.Errorf("the same content again: %v, %v, want the scheme as it is", again, err)
	}
	if _, err := w.service.CreateScheme(w.ctx, &rankingv1.CreateSchemeRequest{SchemeId: "s1", Scheme: scheme("61")}); code(err) != codes.AlreadyExists {
		t.Errorf("other content: %v", err)
	}
	list, err := w.service.ListSchemes(w.ctx, &rankingv1.ListSchemesRequest{})
	if err != nil || list.GetTotalSize() != 1 || !proto.Equal(list.GetSchemes()[0], before.GetScheme()) {
		t.Errorf("schemes: %v, %v, want the one", list, err)
	}
}

func TestRankingIsHeldAgainstWhatItNames(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	write(w, w.zones, groupFact("other", "a", "b"))
	w.ranking("secret", "s1", "2023", "", func(r *rankingv1.Ranking) { r.Audience = rankingv1.Audience_AUDIENCE_INTERNAL })
	w.ranking("elsewhere", "s1", "2023", "", func(r *rankingv1.Ranking) { r.Group = "groups/other" })
	for name, c := range map[string]struct {
		change func(*rankingv1.Ranking)
		field  string
	}{
		"no name":                       {func(r *rankingv1.Ranking) { r.DisplayName = nil }, "ranking.display_name.zh"},
		"no such scheme":                {func(r *rankingv1.Ranking) { r.Scheme = "schemes/none" }, "ranking.scheme"},
		"no such group":                 {func(r *rankingv1.Ranking) { r.Group = "groups/none" }, "ranking.group"},
		"no period":                     {func(r *rankingv1.Ranking) { r.Period = "soon" }, "ranking.period"},
		"a period written otherwise":    {func(r *rankingv1.Ranking) { r.Period = "2026-01/2026-06" }, "ranking.period"},
		"a period without an end":       {func(r *rankingv1.Ranking) { r.Period = "P3Y" }, "ranking.period"},
		"each quarter":                  {func(r *rankingv1.Ranking) { r.Period = "2026;each=quarter" }, "ranking.period"},
		"places before any figure":      {func(r *rankingv1.Ranking) { r.State = rankingv1.RankingState_RANKING_STATE_FINAL }, "ranking.state"},
		"no such day":                   {func(r *rankingv1.Ranking) { r.DataCut = &typev1.Date{Year: 2026, Month: 2, Day: 30} }, "ranking.data_cut"},
		"no such previous one":          {func(r *rankingv1.Ranking) { r.Previous = "rankings/none" }, "ranking.previous"},
		"a previous one of another set": {func(r *rankingv1.Ranking) { r.Previous = "rankings/elsewhere" }, "ranking.previous"},
		"a previous one that is later": {func(r *rankingv1.Ranking) {
			r.Period, r.Previous = "2025-Q1", "rankings/r2025"
		}, "ranking.previous"},
		"a previous one that is internal": {func(r *rankingv1.Ranking) { r.Previous = "rankings/secret" }, "ranking.previous"},
		"a zone as reference":             {func(r *rankingv1.Ranking) { r.References = []string{"zones/a"} }, "ranking.references[0]"},
		"a reference twice": {func(r *rankingv1.Ranking) {
			r.References = []string{"referenceUnits/province", "referenceUnits/province"}
		}, "ranking.references[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &rankingv1.Ranking{
				DisplayName: localized("榜"), Scheme: "schemes/s1", Group: "groups/all", Period: "2026", Kind: indicatorv1.Kind_KIND_ACTUAL,
				Audience: rankingv1.Audience_AUDIENCE_PUBLIC,
			}
			c.change(r)
			if _, err := w.service.CreateRanking(w.ctx, &rankingv1.CreateRankingRequest{RankingId: "bad", Ranking: r}); field(err) != c.field {
				t.Errorf("%q: %v, want %q", field(err), err, c.field)
			}
		})
	}
}

func TestDomain7StatesFollowOneAnotherAndFinalIsFinal(t *testing.T) {
	const (
		open   = rankingv1.RankingState_RANKING_STATE_OPEN
		flash  = rankingv1.RankingState_RANKING_STATE_FLASH
		formal = rankingv1.RankingState_RANKING_STATE_FORMAL
		final  = rankingv1.RankingState_RANKING_STATE_FINAL
	)
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	update := func(r *rankingv1.Ranking, paths ...string) error {
		r.Name = "rankings/r2025"
		req := &rankingv1.UpdateRankingRequest{Ranking: r}
		if len(paths) > 0 {
			req.UpdateMask = &fieldmaskpb.FieldMask{Paths: paths}
		}
		_, err := w.service.UpdateRanking(w.ctx, req)
		return err
	}
	for _, step := range []struct {
		to rankingv1.RankingState
		ok bool
	}{{final, false}, {open, true}, {formal, false}, {flash, true}, {formal, true}, {flash, false}, {open, true}, {flash, true}, {formal, true}, {final, true}, {open, false}, {formal, false}, {final, true}} {
		err := update(&rankingv1.Ranking{State: step.to})
		if (err == nil) != step.ok || err != nil && field(err) != "ranking.state" {
			t.Fatalf("to %v: %v, want it allowed: %v", step.to, err, step.ok)
		}
	}
	if err := update(&rankingv1.Ranking{Note: "later"}); code(err) != codes.FailedPrecondition {
		t.Errorf("a note on what is final: %v", err)
	}
	for path, r := range map[string]*rankingv1.Ranking{
		"period": {Period: "2026"}, "scheme": {Scheme: "schemes/s2"}, "group": {Group: "groups/x"}, "audience": {Audience: rankingv1.Audience_AUDIENCE_INTERNAL},
		"kind": {Kind: indicatorv1.Kind_KIND_TARGET}, "previous": {},
	} {
		if err := update(r, path); field(err) != "ranking" {
			t.Errorf("another %s: %v", path, err)
		}
	}
}

func TestInternalRankingIsSeenByThoseWhoSeeWhatIsNotReleased(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.ranking("secret", "s1", "2025", "", func(r *rankingv1.Ranking) { r.Audience = rankingv1.Audience_AUDIENCE_INTERNAL })
	viewer := auth.With(t.Context(), auth.Caller{Subject: "somebody", Roles: []auth.Role{auth.Viewer}})
	if _, err := w.service.GetRanking(viewer, &rankingv1.GetRankingRequest{Name: "rankings/secret"}); code(err) != codes.NotFound {
		t.Errorf("a viewer reads an internal ranking: %v", err)
	}
	if _, err := w.service.GetProfile(viewer, &rankingv1.GetProfileRequest{Name: "rankings/secret", Zone: "zones/a"}); code(err) != codes.NotFound {
		t.Errorf("a viewer reads a profile of an internal ranking: %v", err)
	}
	if _, err := w.service.GetRanking(w.ctx, &rankingv1.GetRankingRequest{Name: "rankings/secret"}); err != nil {
		t.Errorf("the operator: %v", err)
	}
	for want, ctx := range map[int32]context.Context{2: viewer, 3: w.ctx} {
		if list, err := w.service.ListRankings(ctx, &rankingv1.ListRankingsRequest{}); err != nil || list.GetTotalSize() != want {
			t.Errorf("%d rankings are listed, %v, want %d", list.GetTotalSize(), err, want)
		}
	}
}

func TestDomain9EveryNameOfASimulatedRankingEndsInTheMark(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	write(w, w.zones, zoneFact("a", simulatedZone), zoneFact("b", simulatedZone), zoneFact("c", simulatedZone), zoneFact("d", simulatedZone))
	for _, words := range []string{"a tax 2025 5", "b tax 2025 7", "referenceUnits/province tax 2025 6"} {
		w.sayWith(words, func(s *indicatorv1.Statement) { s.Simulated = true })
	}
	var names []*typev1.Localized
	list, err := w.service.ListRankings(w.ctx, &rankingv1.ListRankingsRequest{Filter: `name = "rankings/r2025"`})
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, list.GetRankings()[0].GetDisplayName())
	got := w.get(&rankingv1.GetRankingRequest{Name: "r2025"})
	names = append(names, got.GetRanking().GetDisplayName(), got.GetStandings()[0].GetDisplayName())
	single, err := w.service.GetIndicatorRanking(w.ctx, &rankingv1.GetIndicatorRankingRequest{Name: "rankings/r2025", Indicator: "indicators/tax"})
	if err != nil || len(single.GetReferences()) != 1 {
		t.Fatalf("%v, %v, want the reference unit beside", single, err)
	}
	names = append(names, single.GetDisplayName(), single.GetStandings()[0].GetDisplayName(), single.GetReferences()[0].GetDisplayName())
	p, err := w.service.GetProfile(w.ctx, &rankingv1.GetProfileRequest{Name: "rankings/r2025", Zone: "zones/a"})
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, p.GetSentence(), p.GetHeadlines()[0].GetSentence(), p.GetHeadlines()[0].GetDisplayName())
	for i, name := range names {
		if !strings.HasSuffix(name.GetZh(), "〔模拟〕") {
			t.Errorf("text %d, %q, lacks the mark", i, name.GetZh())
		}
	}
}

func simulatedZone(z *zonev1.Zone) { z.Simulated = true }
