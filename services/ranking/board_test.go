package ranking

import (
	"testing"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"

	"zonebench.internal/pkg/ledger"
)

// ranked is a bench with a group of three zones and a scheme of one leaf.
func ranked(t *testing.T, state rankingv1.RankingState, with ...func(*rankingv1.Ranking)) (*bench, *Published) {
	t.Helper()
	b := newBench(t)
	b.indicator("tax", indicatorv1.Nature_NATURE_COUNT)
	members := &zonev1.MemberList{}
	for _, id := range []string{"jinan", "qiantang", "wenzhou"} {
		z, _ := b.zones.View(0).Zone("zones/" + id)
		z.Certainty = typev1.Certainty_CERTAINTY_STATED
		members.Members = append(members.Members, &zonev1.Member{Zone: z.GetName()})
	}
	b.zone(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{
		Name: "groups/three", DisplayName: text("三", "three"), Members: &zonev1.Group_List{List: members},
	}}})
	p := NewPublished()
	r := &rankingv1.Ranking{
		Name: "rankings/r", DisplayName: text("榜", "list"), Scheme: "schemes/s", Group: "groups/three", Period: "2020",
		Kind: indicatorv1.Kind_KIND_ACTUAL, Audience: rankingv1.Audience_AUDIENCE_PUBLIC, State: state,
	}
	for _, w := range with {
		w(r)
	}
	for i, f := range []*ledgerv1.Fact{
		{Kind: &ledgerv1.Fact_Scheme{Scheme: &rankingv1.Scheme{
			Name: "schemes/s", DisplayName: text("指数", "index"), Recipe: `{"normalise": "none"}`,
			Nodes: []*rankingv1.SchemeNode{
				{Id: "index"},
				{Id: "tax", Parent: "index", Leaf: &rankingv1.SchemeLeaf{
					Indicator: "indicators/tax", Carry: rankingv1.Carry_CARRY_SAME_KIND, MaxAgeMonths: 12,
				}},
			},
		}}},
		{Kind: &ledgerv1.Fact_Ranking{Ranking: r}},
	} {
		if err := p.Apply(ledger.Position{Revision: int64(i + 1), CommitTime: b.at.CommitTime}, &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{f}}); err != nil {
			t.Fatal(err)
		}
	}
	return b, p
}

func (b *bench) ranking(p *Published) (*rankingv1.VersionHead, map[string]*rankingv1.Standing, *board) {
	b.t.Helper()
	board, err := gather(p.View(0), b.zones.View(0), b.figures.View(0), "rankings/r")
	if err != nil {
		b.t.Fatal(err)
	}
	head, rows := board.compute(b.at.Revision)
	by := make(map[string]*rankingv1.Standing)
	for _, r := range rows {
		by[r.GetSubject()] = r
	}
	return head, by, board
}

func TestPlacesAreShownWhereTheRulesAllow(t *testing.T) {
	flash := rankingv1.RankingState_RANKING_STATE_FLASH
	all := []string{"jinan tax 2020 actual = 5", "qiantang tax 2020 actual = 7", "wenzhou tax 2020 actual = 7"}
	approved := func(s *indicatorv1.Statement) { s.Stage = typev1.Stage_STAGE_APPROVED }
	simulated := func(s *indicatorv1.Statement) { s.Simulated = true }
	for name, c := range map[string]struct {
		state rankingv1.RankingState
		with  func(*rankingv1.Ranking)
		say   []string
		how   func(*indicatorv1.Statement) // the last of them
		want  [3]int32                     // jinan, qiantang, wenzhou
	}{
		"equal scores share a place":       {state: flash, say: all, want: [3]int32{3, 1, 1}},
		"none while collecting":            {state: rankingv1.RankingState_RANKING_STATE_OPEN, say: all},
		"a missing figure is not zero":     {state: flash, say: all[:2], want: [3]int32{2, 1, 0}},
		"an earlier figure is carried":     {state: flash, say: []string{all[0], all[1], "wenzhou tax 2019 actual = 6"}, want: [3]int32{3, 1, 2}},
		"not an older one than the age":    {state: flash, say: []string{all[0], all[1], "wenzhou tax 2018 actual = 6"}, want: [3]int32{2, 1, 0}},
		"the public sees what is released": {state: flash, say: all, how: approved, want: [3]int32{2, 1, 0}},
		"a subject that is inferred":       {state: flash, say: all, how: inferred, want: [3]int32{2, 1, 0}},
		"simulated beside real is refused": {state: flash, say: all, how: simulated},
		"none below the completeness":      {state: flash, say: all[:2], with: func(r *rankingv1.Ranking) { r.RequiredCompleteness = "0.9" }},
		"internal ones use what is approved": {
			state: flash, say: all, how: approved, want: [3]int32{3, 1, 1},
			with: func(r *rankingv1.Ranking) { r.Audience = rankingv1.Audience_AUDIENCE_INTERNAL },
		},
		"simulated beside real when asked for": {
			state: flash, say: all, how: simulated, want: [3]int32{3, 1, 1},
			with: func(r *rankingv1.Ranking) { r.MixSimulated = true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			with := c.with
			if with == nil {
				with = func(*rankingv1.Ranking) {}
			}
			b, p := ranked(t, c.state, with)
			for i, words := range c.say {
				if c.how != nil && i == len(c.say)-1 {
					b.say(words, c.how)
				} else {
					b.say(words)
				}
			}
			_, rows, _ := b.ranking(p)
			for i, id := range []string{"jinan", "qiantang", "wenzhou"} {
				r := rows["zones/"+id]
				if r.GetPlace() != c.want[i] || (r.GetPlace() == 0) != (r.GetReason() != nil) {
					t.Errorf("%s: place %d, reason %v, want place %d", id, r.GetPlace(), r.GetReason(), c.want[i])
				}
			}
		})
	}
}

func TestContributionsSumToTheScore(t *testing.T) {
	b, p := ranked(t, rankingv1.RankingState_RANKING_STATE_FLASH)
	b.say("jinan tax 2020 actual = 5")
	_, rows, board := b.ranking(p)
	list := board.contributions("zones/jinan")
	if len(list) != 1 || list[0].GetPoints() != "5" || list[0].GetNumber() != "5" || rows["zones/jinan"].GetScore() != "5" {
		t.Errorf("contributions %v of score %s", list, rows["zones/jinan"].GetScore())
	}
	if list := board.contributions("zones/wenzhou"); list != nil {
		t.Errorf("contributions %v without a score", list)
	}
}
