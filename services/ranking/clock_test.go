package ranking_test

import (
	"context"
	"testing"
	"time"

	"zonebench.internal/pkg/ledger/ledgertest"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking"
)

func TestDomainPublicSeesWhatIsReleasedWhenItsMomentComesAlthoughNobodyWrites(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	var w *world
	w = newWorld(t, server, func(d *ranking.Deps) { d.Now = func() time.Time { return w.clock.Now() } })
	w.settle()
	w.ranking("inside", "s1", "2025", "", func(r *rankingv1.Ranking) { r.Audience = rankingv1.Audience_AUDIENCE_INTERNAL })
	w.say("a tax 2025 30", "b tax 2025 20")
	moment := w.clock.Now().Add(time.Hour)
	embargoed := w.sayWith("c tax 2025 90", releasedAt(moment))
	expect(t, "the public before", table(w.get(&rankingv1.GetRankingRequest{Name: "r2025"}).GetStandings()), "1.a 100.00, 2.b 0.00, 0.c, 0.d")
	cell := w.get(&rankingv1.GetRankingRequest{
		Name: "r2025", ShowCells: true, Part: &rankingv1.GetRankingRequest_Zone{Zone: "zones/c"},
	}).GetStandings()[0].GetCells()[0]
	if cell.GetGap() != rankingv1.GapReason_GAP_REASON_EMBARGOED || cell.GetNumber() != "" {
		t.Errorf("c's cell: %v, want 待放行 without the number", cell)
	}
	expect(t, "inside", table(w.get(&rankingv1.GetRankingRequest{Name: "inside"}).GetStandings()), "1.c 100.00, 2.a 14.29, 3.b 0.00, 0.d")

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	w.clock.Move(time.Hour)
	if err := w.ledger.WaitFor(ctx, embargoed+1); err != nil {
		t.Fatalf("nobody told that the moment had come: %v", err)
	}
	after := w.get(&rankingv1.GetRankingRequest{Name: "r2025"})
	expect(t, "the public after", table(after.GetStandings()), "1.c 100.00, 2.a 14.29, 3.b 0.00, 0.d")
	if v := after.GetHead().GetVersion(); v != embargoed+1 {
		t.Errorf("version %d, want that of the clock's commit, %d", v, embargoed+1)
	}
	expect(t, "as it was", table(w.get(&rankingv1.GetRankingRequest{Name: "r2025", Version: embargoed}).GetStandings()), "1.a 100.00, 2.b 0.00, 0.c, 0.d")
	// Once is enough: another one at the same moment writes nothing.
	other := newWorld(t, server, func(d *ranking.Deps) { d.Now = w.clock.Now })
	other.clock.Move(2 * time.Hour)
	told := make(chan error, 1)
	go func() { told <- other.service.Run(ctx) }()
	last := w.say("d tax 2025 1")
	if last != embargoed+2 {
		t.Errorf("the next commit is revision %d, want %d: the clock tells a moment once", last, embargoed+2)
	}
	cancel()
	for _, end := range []chan error{ended, told} {
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
}
