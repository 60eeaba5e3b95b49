package indexcase

import (
	"context"
	"fmt"
	"testing"

	"zonebench.internal/pkg/composite"
)

func newCase(b *testing.B) *composite.Index {
	b.Helper()
	x, err := New()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return x
}

// Everything with all stages kept, as `zonebench index` does.
func BenchmarkRun(b *testing.B) {
	x := newCase(b)
	for b.Loop() {
		if _, err := x.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// Scores and places anew on a warm workspace.
func BenchmarkRecompute(b *testing.B) {
	x := newCase(b)
	ws, err := x.NewWorkspace()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := x.Recompute(ws); err != nil {
			b.Fatal(err)
		}
	}
}

// One cell that does not change the range of its column.
func BenchmarkSetCell(b *testing.B) {
	x := newCase(b)
	ws, err := x.NewWorkspace()
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := x.SetCell(ws, 1+i%(Units-1), i%Indicators, 40+float64(i%20)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMonteCarlo(b *testing.B) {
	x := newCase(b)
	for _, draws := range []int{1000, 10000} {
		b.Run(fmt.Sprint(draws), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.MonteCarlo(context.Background(), Plan(draws), composite.MonteCarloOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
