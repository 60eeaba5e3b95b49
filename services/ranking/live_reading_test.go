package ranking_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/ledger/ledgertest"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

func TestProfileSaysInSentencesOnlyWhatIsKnown(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.say("a tax-growth 2024 3", "b tax-growth 2024 5", "a tax 2024 10", "b tax 2024 20", "a energy 2024 5", "b energy 2024 4")
	w.say("a tax 2025 30", "b tax 2025 20", "a tax-growth 2025 8.2", "b tax-growth 2025 -1.5", "referenceUnits/province tax-growth 2025 6.9")
	p, err := w.service.GetProfile(w.ctx, &rankingv1.GetProfileRequest{Name: "rankings/r2025", Zone: "zones/a", History: 2})
	if err != nil {
		t.Fatal(err)
	}
	tax := p.GetHeadlines()[0]
	expect(t, "tax", tax.GetSentence().GetZh(), "指标tax30亿元,增长8.2%,高于全省平均1.3个百分点,居第1位,前移1位")
	if tax.GetGrowthAboveReference() != "1.3" || tax.GetReference().GetNumber() != "6.9" || tax.GetGrowth().GetPlace() != 1 || tax.GetUnit() != "亿元" {
		t.Errorf("headline %v", tax)
	}
	expect(t, "energy, carried and without growth", p.GetHeadlines()[1].GetSentence().GetZh(), "指标energy5亿元,沿用2024年数据,居第2位,位次不变")
	expect(t, "the whole", p.GetSentence().GetZh(), "区a在榜r2025(2025年)中得60.00分,居第1位(共2个),较上期前移1位")
	if len(p.GetBehind()) != 1 || len(p.GetAhead()) != 0 || len(p.GetStanding().GetCells()) != 2 || len(p.GetStanding().GetHistory()) != 1 {
		t.Errorf("behind %v, ahead %v, standing %v", p.GetBehind(), p.GetAhead(), p.GetStanding())
	}
	b, err := w.service.GetProfile(w.ctx, &rankingv1.GetProfileRequest{Name: "rankings/r2025", Zone: "zones/b"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a fall", b.GetHeadlines()[0].GetSentence().GetZh(), "指标tax20亿元,下降1.5%,低于全省平均8.4个百分点,居第2位,后移1位")
	d, err := w.service.GetProfile(w.ctx, &rankingv1.GetProfileRequest{Name: "rankings/r2025", Zone: "zones/d"})
	if err != nil {
		t.Fatal(err)
	}
	if d.GetHeadlines()[0].GetSentence() != nil {
		t.Errorf("a sentence on nothing: %v", d.GetHeadlines()[0].GetSentence())
	}
	expect(t, "no place", d.GetSentence().GetZh(), "区d在榜r2025(2025年)中暂无名次:没有得分")
}

func TestDomain7IndicatorRankingRespectsDirectionAndPlacesNoReferenceUnit(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.say("a energy 2025 5", "b energy 2025 4.0", "c energy 2025 4", "referenceUnits/province energy 2025 1", "a tax-growth 2025 3", "c tax-growth 2025 9")
	for indicator, want := range map[string]string{
		"energy":     "1.b 4.0, 1.c 4, 3.a 5, 0.d",
		"tax-growth": "1.c 9, 2.a 3, 0.b, 0.d",
	} {
		got, err := w.service.GetIndicatorRanking(w.ctx, &rankingv1.GetIndicatorRankingRequest{Name: "rankings/r2025", Indicator: "indicators/" + indicator})
		if err != nil {
			t.Fatal(err)
		}
		var rows []*rankingv1.Standing
		for _, r := range got.GetStandings() {
			rows = append(rows, &rankingv1.Standing{Subject: r.GetSubject(), Place: r.GetCell().GetPlace(), Score: r.GetCell().GetNumber()})
		}
		expect(t, indicator, table(rows), want)
		if indicator == "energy" && (len(got.GetReferences()) != 1 || got.GetReferences()[0].GetNumber() != "1") {
			t.Errorf("references %v, want the province's 1 beside", got.GetReferences())
		}
	}
	_, err := w.service.GetIndicatorRanking(w.ctx, &rankingv1.GetIndicatorRankingRequest{Name: "rankings/r2025", Indicator: "indicators/none"})
	if code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "indicators/tax") {
		t.Errorf("an indicator outside the scheme: %v, want an error that names the leaves", err)
	}
}

func TestWeightsAreTriedWithoutWritingAnything(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	w.say("a tax 2025 30", "b tax 2025 20", "a energy 2025 9", "b energy 2025 3")
	before := w.ledger.Applied()
	got, err := w.service.TryWeights(w.ctx, &rankingv1.TryWeightsRequest{Name: "rankings/r2025", Weights: map[string]string{"energy": "90"}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "rows", table(got.GetStandings()[:2]), "1.b 60.00, 2.a 40.00")
	if p := got.GetStandings()[0].GetPreviousPlace(); p != 2 {
		t.Errorf("b's place under the scheme's weights is %d, want 2", p)
	}
	expect(t, "the ranking itself", table(w.get(&rankingv1.GetRankingRequest{Name: "r2025"}).GetStandings()[:2]), "1.a 60.00, 2.b 40.00")
	if w.ledger.Applied() != before {
		t.Error("a trial was written")
	}
	_, err = w.service.TryWeights(w.ctx, &rankingv1.TryWeightsRequest{Name: "rankings/r2025", Weights: map[string]string{"none": "1"}})
	if code(err) != codes.InvalidArgument {
		t.Errorf("a node outside the scheme: %v", err)
	}
}

func TestVersionsAreComparedRowByRowAndCellByCell(t *testing.T) {
	w := newWorld(t, ledgertest.Server(t, t.TempDir()))
	w.settle()
	first := w.say("a tax 2025 30", "b tax 2025 20", "c tax 2025 10")
	w.say("c tax 2024 1")
	write(w, w.zones, groupFact("all", "a", "b", "c"))
	last := w.say("b tax 2025 35")
	got, err := w.service.CompareVersions(w.ctx, &rankingv1.CompareVersionsRequest{
		Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/r2025"}, Version: first},
		After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/r2025"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetAfter().GetVersion() != last || got.GetSchemeChanged() {
		t.Errorf("after %v, want version %d of one scheme", got.GetAfter(), last)
	}
	var words []string
	for _, m := range got.GetMoves() {
		word := strings.TrimPrefix(m.GetSubject(), "zones/")
		for _, c := range m.GetCells() {
			word = fmt.Sprintf("%s %s %s>%s", word, c.GetNode(), c.GetNumberBefore(), c.GetNumberAfter())
		}
		words = append(words, word)
	}
	// Two statements of b differ and none is selected, so its cell is gone and c moves up; d left the group.
	expect(t, "moves", strings.Join(words, ", "), "c, b tax 20>, d")
	if got.GetUnchanged() != 1 {
		t.Errorf("%d rows unchanged, want a", got.GetUnchanged())
	}
	w.scheme("s2", "10")
	w.ranking("r2026", "s2", "2026", "rankings/r2025")
	across, err := w.service.CompareVersions(w.ctx, &rankingv1.CompareVersionsRequest{
		Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/r2024"}},
		After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/r2026"}},
	})
	if err != nil || !across.GetSchemeChanged() {
		t.Errorf("two rankings of one chain: %v, %v, want the change of scheme told", across, err)
	}
	w.ranking("other", "s1", "2025", "")
	if _, err := w.service.CompareVersions(w.ctx, &rankingv1.CompareVersionsRequest{
		Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/other"}},
		After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: "rankings/r2026"}},
	}); code(err) != codes.InvalidArgument {
		t.Errorf("rankings of no common chain: %v", err)
	}
}
