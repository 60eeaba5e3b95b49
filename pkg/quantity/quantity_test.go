package quantity_test

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zonebench.internal/pkg/quantity"
)

// The table "Normalised units" of the facts, and what the plans print.
func TestPublishedNumbersConvertExactly(t *testing.T) {
	t.Parallel()
	tests := []struct{ number, from, to, want string }{
		{"2.70", "‰", "%", "0.270"}, // Never 2.70 %, and the printed zero stays.
		{"3800", "万美元", "亿美元", "0.38"},
		{"1.55", "万家", "家", "15500"},
		{"40", "万元/亩", "亿元/平方公里", "6"},
		{"190", "万元/亩", "亿元/平方公里", "28.5"},
		{"3.3", "平方公里", "亩", "4950"},
		{"187", "公顷", "平方公里", "1.87"},
		{"187", "公顷", "亩", "2805"},
		{"30", "万平方米", "平方米", "300000"},
		{"6.7", "万平方米", "平方米", "67000"},
		{"16.61", "亿元", "万元", "166100"},
		{"64", "亿元", "亿元", "64"},
		{"9.80", "%", "%", "9.80"},
		{"-0.50", "万元", "元", "-5000"},
		{"100", "家", "万家", "0.01"},
		{"100.0", "家", "万家", "0.01000"},
		{"70", "天", "小时", "1680"},
		{"12", "", "", "12"},
		{"18000", "亩", "平方公里", "12"},
		{"1", "吨标准煤/万元", "吨标准煤/亿元", "10000"},
	}
	for _, tt := range tests {
		if got, err := quantity.Convert(tt.number, tt.from, tt.to); err != nil || got != tt.want {
			t.Errorf("%s %s in %s: %q, %v; want %s", tt.number, tt.from, tt.to, got, err, tt.want)
		}
	}
}

func TestEveryUnitOfThePlansIsKnown(t *testing.T) {
	t.Parallel()
	for unit := range strings.FieldsSeq("个 % 家 亿元 亩 万平方米 所 项 公顷 次 场 万元/亩 条 个方面 平方公里 万美元 类 ‰ 人 件 万家 幢 公里 天 分钟 名 层 兆瓦 套 个百分点 亿元/平方公里") {
		if err := quantity.Check(unit); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatDoesNotConvertSaysWhyAndWhatFits(t *testing.T) {
	t.Parallel()
	tests := []struct{ from, to, why string }{
		{"万美元", "亿元", "exchange rate"},
		{"亿元", "万美元", "exchange rate"},
		{"个百分点", "%", "difference"},
		{"家", "个", "counts its own things"},
		{"万家", "万户", "counts its own things"},
		{"亩", "亿元", "different things"},
		{"兆瓦", "千瓦时", "energy"},
		{"", "%", "has none"},
		{"家", "", "leave the unit empty"},
		{"亿元/亩", "亿美元/亩", "different things"},
	}
	for _, tt := range tests {
		_, err := quantity.Convert("1", tt.from, tt.to)
		var incompatible *quantity.IncompatibleUnitError
		if !errors.As(err, &incompatible) || !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), tt.from) || !strings.Contains(err.Error(), tt.to) {
			t.Errorf("%s in %s: %v", tt.from, tt.to, err)
			continue
		}
		for _, fit := range incompatible.Fits {
			if quantity.Compatible(fit, tt.to) != nil {
				t.Errorf("%s is said to fit %s", fit, tt.to)
			}
		}
		if tt.to != "" && !slices.Contains(incompatible.Fits, tt.to) {
			t.Errorf("%s does not fit itself", tt.to)
		}
	}
}

func TestAnAreaWithoutAFiniteDecimalIsNotRoundedInSilence(t *testing.T) {
	t.Parallel()
	for number, shown := range map[string]string{"6500": "4.333", "800": "0.533", "11800": "7.867", "4900": "3.267"} {
		_, err := quantity.Convert(number, "亩", "平方公里")
		var inexact *quantity.InexactError
		if !errors.As(err, &inexact) || !strings.Contains(err.Error(), shown) {
			t.Errorf("%s 亩: %v", number, err)
			continue
		}
		if got, err := quantity.Rounded(number, "亩", "平方公里", 3); err != nil || got != shown {
			t.Errorf("%s 亩 is about %s, %v; want %s", number, got, err, shown)
		}
	}
	value, err := quantity.In("6500", "亩", "平方公里")
	if err != nil || value.Cmp(big.NewRat(13, 3)) != 0 {
		t.Errorf("6500 亩 is %v, %v", value, err)
	}
	// Compared exactly all the same: 4.333 < 13/3 < 4.334.
	for b, want := range map[string]int{"4.333": 1, "4.334": -1, "4.33333333333333333333": 1} {
		if got, err := quantity.CompareIn("6500", "亩", b, "平方公里"); err != nil || got != want {
			t.Errorf("6500 亩 with %s 平方公里: %d, %v", b, got, err)
		}
	}
}

func TestAnUnknownUnitIsAskedFor(t *testing.T) {
	t.Parallel()
	for unit, near := range map[string]string{"％": "%", "平方千米": "平方公里", "万元/平方千米": "万元/平方公里", "平方公理": "平方公里", "zzzz": "", "元/万元": ""} {
		err := quantity.Check(unit)
		var unknown *quantity.UnknownUnitError
		if !errors.As(err, &unknown) || unknown.Near != near {
			t.Errorf("%s: %v", unit, err)
		}
	}
}

func TestHalfGoesToTheEvenDigit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		num, denom int64
		decimals   int
		want       string
	}{{1, 2, 0, "0"}, {3, 2, 0, "2"}, {5, 2, 0, "2"}, {-1, 2, 0, "0"}, {-3, 2, 0, "-2"}, {1, 8, 2, "0.12"}, {3, 8, 2, "0.38"}, {2, 3, 2, "0.67"}, {-2, 3, 2, "-0.67"}, {5, 1, 1, "5.0"}} {
		if got := quantity.Round(big.NewRat(tt.num, tt.denom), tt.decimals).String(); got != tt.want {
			t.Errorf("%d/%d to %d decimals: %s, want %s", tt.num, tt.denom, tt.decimals, got, tt.want)
		}
	}
}

func TestPrintedZerosStayAndCompareEqual(t *testing.T) {
	t.Parallel()
	a, _ := quantity.Parse("2.70")
	b, _ := quantity.Parse("2.7")
	if a.Cmp(b) != 0 || a.String() != "2.70" || a.Reduced().String() != "2.7" || a.Decimals() != 2 {
		t.Errorf("%s and %s", a, b)
	}
	var zero quantity.Decimal
	if minus, _ := quantity.Parse("-0.0"); zero.Cmp(minus) != 0 || minus.String() != "0.0" || zero.String() != "0" || zero.Sign() != 0 {
		t.Errorf("zero is %s, minus zero %s", zero, minus)
	}
	if got := a.Add(b).String(); got != "5.40" {
		t.Errorf("sum %s", got)
	}
	if got := b.Sub(a).String(); got != "0.00" {
		t.Errorf("difference %s", got)
	}
}

func TestWhatIsNoDecimalIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-", ".", "1.", ".5", "+1", "1e3", "1,5", "１２", "0x1", " 1", "1 ", "--1", "1.2.3", "NaN", strings.Repeat("9", quantity.MaxDigits+1)} {
		if d, err := quantity.Parse(s); !errors.Is(err, quantity.ErrNotDecimal) {
			t.Errorf("%q: %s, %v", s, d, err)
		}
	}
}

func decimals() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,14})([.][0-9]{1,10})?`)
}

func TestConversionIsReversibleAndKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals().Draw(t, "a"), decimals().Draw(t, "b")
		from := rapid.SampledFrom(quantity.Symbols()).Draw(t, "from")
		to := rapid.SampledFrom(quantity.Fits(from)).Draw(t, "to")
		before, err := quantity.Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		there, err := quantity.Convert(a, from, to)
		if inexact, ok := errors.AsType[*quantity.InexactError](err); ok {
			if back, err := quantity.In(inexact.Value.Num().String(), to, from); err != nil ||
				back.Quo(back, new(big.Rat).SetInt(inexact.Value.Denom())).FloatString(30) != rat(t, a).FloatString(30) {
				t.Fatalf("%s %s is not %s %s: %v", a, from, inexact.Value, to, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// 10 亩 is not a decimal of 平方公里, but what is one comes back.
		if c, err := quantity.CompareIn(there, to, a, from); err != nil || c != 0 {
			t.Fatalf("%s %s became %s %s: %v", a, from, there, to, err)
		}
		if after, err := quantity.CompareIn(b, from, there, to); err != nil || after != -before {
			t.Fatalf("order of %s and %s changed: %v", a, b, err)
		}
	})
}

func rat(t *rapid.T, s string) *big.Rat {
	d, err := quantity.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d.Rat()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2.70", "-0.0", "007", "1e9", "１", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := quantity.Parse(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || d.Rat().Cmp(want) != 0 {
			t.Fatalf("%q read as %s", s, d)
		}
		again, err := quantity.Parse(d.String())
		if err != nil || again.String() != d.String() || again.Cmp(d) != 0 {
			t.Fatalf("%q prints as %s, which reads as %s: %v", s, d, again, err)
		}
		if exact, ok := quantity.Exact(d.Rat()); !ok || exact.Cmp(d) != 0 || exact.String() != d.Reduced().String() {
			t.Fatalf("%s is exactly %s", d, exact)
		}
	})
}

func FuzzConvert(f *testing.F) {
	f.Add("2.70", "‰", "%")
	f.Add("40", "万元/亩", "亿元/平方公里")
	f.Add("1", "万/家", "//")
	f.Fuzz(func(t *testing.T, number, from, to string) {
		got, err := quantity.Convert(number, from, to)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a word")
			}
			return
		}
		if c, err := quantity.CompareIn(number, from, got, to); err != nil || c != 0 {
			t.Fatalf("%s %s became %s %s: %v", number, from, got, to, err)
		}
	})
}
