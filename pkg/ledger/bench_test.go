package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
)

// BenchmarkCommit is the rate of transactions of about 200 bytes that are on the
// disk and folded, for one caller and for 64.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			l := ledgertest.Open(b)
			lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
			ledgertest.Run(b, l)
			work := make(chan int)
			ended := make(chan error, callers)
			b.ResetTimer()
			for range callers {
				go func() {
					var failed error
					for i := range work {
						if failed != nil {
							continue
						}
						_, failed = lane.Commit(context.Background(), ledgertest.Put(fmt.Sprint("r", i), strings.Repeat("x", 100), fmt.Sprint("zones/", i%100)))
					}
					ended <- failed
				}()
			}
			for i := range b.N {
				work <- i
			}
			close(work)
			for range callers {
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
			b.ReportMetric(float64(b.N)/float64(l.Applied()), "transactions/commit")
		})
	}
}

// BenchmarkReplay is the rate at which a process reads, checks and folds a
// ledger of 1,000 commits with 100 facts each.
func BenchmarkReplay(b *testing.B) {
	const commits, facts = 1000, 100
	server := ledgertest.Server(b, b.TempDir())
	l := ledgertest.OpenAt(b, server, ledger.Config{})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(b, l)
	for i := range commits {
		names := make([]string, facts)
		for n := range names {
			names[n] = fmt.Sprint("zones/", n)
		}
		if _, err := lane.Commit(b.Context(), ledgertest.Put(fmt.Sprint(i), strings.Repeat("x", 100), names...)); err != nil {
			b.Fatal(err)
		}
	}
	for _, folded := range []bool{true, false} {
		b.Run(fmt.Sprint("folded=", folded), func(b *testing.B) {
			for b.Loop() {
				l := ledgertest.OpenAt(b, server, ledger.Config{})
				if folded {
					ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
				}
				ledgertest.Run(b, l)()
			}
			b.ReportMetric(float64(commits*facts*b.N)/b.Elapsed().Seconds(), "facts/s")
			b.ReportMetric(float64(commits*b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
	b.Run("verify", func(b *testing.B) {
		js := ledgertest.Deps(b, server).JetStream
		for b.Loop() {
			if r, err := ledger.Verify(b.Context(), ledger.Verification{JetStream: js}); err != nil || !r.Sound() {
				b.Fatal(r, err)
			}
		}
		b.ReportMetric(float64(commits*facts*b.N)/b.Elapsed().Seconds(), "facts/s")
	})
}

// BenchmarkStart is the time from nothing to a ledger that can be written, in an
// empty directory.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		server := ledgertest.Server(b, b.TempDir())
		l := ledgertest.OpenAt(b, server, ledger.Config{})
		ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
		ledgertest.Run(b, l)
	}
}
