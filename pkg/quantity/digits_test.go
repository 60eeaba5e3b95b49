package quantity_test

import (
	"math/big"
	"testing"

	"zonebench.internal/pkg/quantity"
)

func TestSignificant(t *testing.T) {
	for _, tc := range []struct {
		a, b   int64
		digits int
		want   string
	}{
		{32, 15, 4, "2.133"},
		{1, 3, 4, "0.3333"},
		{1, 300, 4, "0.003333"},
		{123456, 10, 4, "12350"},
		{99996, 10000, 4, "10.00"},
		{-2, 3, 3, "-0.667"},
		{0, 5, 4, "0"},
		{1, 1, 4, "1.000"},
		{99999, 100, 4, "1000"},
		{1, 10, 2, "0.10"},
	} {
		if got := quantity.Significant(big.NewRat(tc.a, tc.b), tc.digits).String(); got != tc.want {
			t.Errorf("%d/%d to %d: %s, want %s", tc.a, tc.b, tc.digits, got, tc.want)
		}
	}
}
