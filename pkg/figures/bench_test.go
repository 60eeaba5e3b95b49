package figures_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// many is a lane of n statements, 1,000 in a commit: 400 zones, 50 indicators,
// monthly, a tenth of them a second statement under a key.
func many(b *testing.B, n int) []*ledgerv1.Transaction {
	b.Helper()
	setup := &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{source("bureau", indicatorv1.Reliability_RELIABILITY_OFFICIAL, "2026-01-01")}}
	for i := range 50 {
		setup.Facts = append(setup.Facts, fact(&indicatorv1.Indicator{Name: fmt.Sprintf("indicators/indicator-number-%02d", i), Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW}))
	}
	txs := []*ledgerv1.Transaction{setup}
	for i := 0; i < n; {
		tx := &ledgerv1.Transaction{Actor: "local:operator"}
		for ; len(tx.Facts) < 1000 && i < n; i++ {
			k := i * 9 / 10
			s := &indicatorv1.Statement{
				Source: "sources/bureau", Locator: fmt.Sprintf("sheet 3, row %d", i), Comparator: equal, Unit: "亿元",
				Key: &indicatorv1.FigureKey{
					Subject: fmt.Sprintf("zones/zone-number-%03d", k%400), Indicator: fmt.Sprintf("indicators/indicator-number-%02d", k/400%50),
					Period: fmt.Sprintf("%04d-%02d;cumulative", 1990+k/20000/12, k/20000%12+1), Kind: indicatorv1.Kind_KIND_ACTUAL,
				},
				Value: &indicatorv1.Statement_Number{Number: fmt.Sprintf("%d.%02d", i%9000, i%100)}, Tag: indicatorv1.Tag_TAG_OBSERVED,
				SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED, Stage: typev1.Stage_STAGE_APPROVED,
			}
			s.Name = figures.StatementName(s)
			tx.Facts = append(tx.Facts, fact(s))
		}
		txs = append(txs, tx)
	}
	return txs
}

// size is how many statements the benchmarks fold: a million, or a tenth of it with -short.
func size() int {
	if testing.Short() {
		return 100_000
	}
	return 1_000_000
}

func foldAll(b *testing.B, txs []*ledgerv1.Transaction) *figures.State {
	b.Helper()
	s := figures.New()
	for i, tx := range txs {
		s = s.Clone()
		if err := s.Apply(ledger.Position{Revision: int64(i + 1), CommitTime: start.Add(time.Duration(i) * time.Second)}, tx); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFold folds many statements and says what one costs.
func BenchmarkFold(b *testing.B) {
	n := size()
	txs := many(b, n)
	before := heap()
	var s *figures.State
	b.ResetTimer()
	for b.Loop() {
		s = foldAll(b, txs)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n)*1e9, "ns/statement")
	b.ReportMetric(float64(heap()-before)/float64(n), "B/statement")
	runtime.KeepAlive(s)
	runtime.KeepAlive(txs)
}

func BenchmarkGetFigure(b *testing.B) {
	s := foldAll(b, many(b, size()))
	v := s.View(0)
	b.ResetTimer()
	i := 0
	for b.Loop() {
		k := i * 7919 % (size() / 10 * 9)
		i++
		key := &indicatorv1.FigureKey{
			Subject: fmt.Sprintf("zones/zone-number-%03d", k%400), Indicator: fmt.Sprintf("indicators/indicator-number-%02d", k/400%50),
			Period: fmt.Sprintf("%04d-%02d;cumulative", 1990+k/20000/12, k/20000%12+1), Kind: indicatorv1.Kind_KIND_ACTUAL,
		}
		if _, ok := v.Figure(key); !ok {
			b.Fatalf("no figure %v", key)
		}
	}
}

// BenchmarkCommitOfOne is what one more statement costs on top of many.
func BenchmarkCommitOfOne(b *testing.B) {
	s := foldAll(b, many(b, size()))
	st := statement("bureau", "x", expected, equal, "1")
	b.ResetTimer()
	i := 0
	for b.Loop() {
		i++
		st.Locator = fmt.Sprint(i)
		st.Name = figures.StatementName(st)
		s = s.Clone()
		if err := s.Apply(ledger.Position{Revision: int64(10_000 + i), CommitTime: start.Add(time.Hour)}, &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{fact(st)}}); err != nil {
			b.Fatal(err)
		}
	}
}
