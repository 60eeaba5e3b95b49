package quantity

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// MaxDigits is how many digits a number may have on each side of its point. It
// is far beyond any published figure; it bounds what a hostile one can cost.
const MaxDigits = 100

// ErrNotDecimal is behind every error of Parse.
var ErrNotDecimal = errors.New("not an exact decimal")

// Decimal is an exact decimal number that remembers how many decimals it was
// printed with: 2.70 and 2.7 are equal and not the same. The zero value is 0.
type Decimal struct {
	unscaled *big.Int // nil for 0
	decimals int
}

// Parse reads digits with an optional minus sign and an optional point between
// digits. Nothing else: no exponent, no plus sign, no separators.
func Parse(s string) (Decimal, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return Decimal{}, fmt.Errorf("%q: %w; write digits such as 12, -0.5 or 2.70", clip(s), ErrNotDecimal)
	}
	if len(whole) > MaxDigits || len(fraction) > MaxDigits {
		return Decimal{}, fmt.Errorf("%q: %w of at most %d digits on each side of the point", clip(s), ErrNotDecimal, MaxDigits)
	}
	unscaled, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok { // isDigits has seen to it.
		return Decimal{}, fmt.Errorf("%q: %w", clip(s), ErrNotDecimal)
	}
	if negative {
		unscaled.Neg(unscaled)
	}
	return Decimal{unscaled: unscaled, decimals: len(fraction)}, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func (d Decimal) int() *big.Int {
	if d.unscaled == nil {
		return new(big.Int)
	}
	return d.unscaled
}

// String prints the number with the decimals it has: never an exponent, never a
// leading zero before another digit, never -0.
func (d Decimal) String() string {
	n := d.int()
	digits := new(big.Int).Abs(n).String()
	if d.decimals > 0 {
		if missing := d.decimals + 1 - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		digits = digits[:len(digits)-d.decimals] + "." + digits[len(digits)-d.decimals:]
	}
	if n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// Decimals is how many digits stand behind the point.
func (d Decimal) Decimals() int { return d.decimals }

// Rat is the number as an exact fraction, the caller's to change.
func (d Decimal) Rat() *big.Rat {
	return new(big.Rat).SetFrac(d.int(), pow10(d.decimals))
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int { return d.int().Sign() }

// Cmp compares two numbers exactly: -1 for d < e, 0 for equal (2.70 and 2.7 are), 1 for d > e.
func (d Decimal) Cmp(e Decimal) int {
	a, b := d.int(), e.int()
	switch {
	case d.decimals < e.decimals:
		a = new(big.Int).Mul(a, pow10(e.decimals-d.decimals))
	case d.decimals > e.decimals:
		b = new(big.Int).Mul(b, pow10(d.decimals-e.decimals))
	}
	return a.Cmp(b)
}

// Add is the exact sum, with the decimals of the longer one.
func (d Decimal) Add(e Decimal) Decimal {
	decimals := max(d.decimals, e.decimals)
	a := new(big.Int).Mul(d.int(), pow10(decimals-d.decimals))
	b := new(big.Int).Mul(e.int(), pow10(decimals-e.decimals))
	return Decimal{unscaled: a.Add(a, b), decimals: decimals}
}

// Sub is the exact difference d - e, with the decimals of the longer one.
func (d Decimal) Sub(e Decimal) Decimal {
	return d.Add(Decimal{unscaled: new(big.Int).Neg(e.int()), decimals: e.decimals})
}

// Reduced is the same number without zeros at the end of its decimals.
func (d Decimal) Reduced() Decimal {
	n, decimals := new(big.Int).Set(d.int()), d.decimals
	ten, q, r := big.NewInt(10), new(big.Int), new(big.Int)
	for decimals > 0 {
		if q.QuoRem(n, ten, r); r.Sign() != 0 {
			break
		}
		n.Set(q)
		decimals--
	}
	return Decimal{unscaled: n, decimals: decimals}
}

// Compare compares two numbers as Parse reads them; 2.70 and 2.7 are equal.
func Compare(a, b string) (int, error) {
	x, err := Parse(a)
	if err != nil {
		return 0, err
	}
	y, err := Parse(b)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y), nil
}

// Exact is the decimal that equals a fraction, with the fewest decimals that
// do; false when none does, because the expansion never ends or is longer than
// MaxDigits on either side of the point.
func Exact(r *big.Rat) (Decimal, bool) {
	twos, rest := factor(r.Denom(), 2)
	fives, rest := factor(rest, 5)
	decimals := max(twos, fives)
	if rest.Cmp(big.NewInt(1)) != 0 || decimals > MaxDigits {
		return Decimal{}, false
	}
	n := new(big.Int).Mul(r.Num(), pow10(decimals))
	n.Quo(n, r.Denom())
	if len(new(big.Int).Abs(n).String()) > decimals+MaxDigits {
		return Decimal{}, false
	}
	return Decimal{unscaled: n, decimals: decimals}, true
}

// factor divides n by p as often as it goes.
func factor(n *big.Int, p int64) (times int, rest *big.Int) {
	rest = new(big.Int).Set(n)
	by, q, r := big.NewInt(p), new(big.Int), new(big.Int)
	for {
		if q.QuoRem(rest, by, r); r.Sign() != 0 {
			return times, rest
		}
		rest.Set(q)
		times++
	}
}

// Round gives a fraction with so many decimals, for display only. Half goes to
// the even digit, as GB/T 8170-2008 has it (四舍六入五成双).
func Round(r *big.Rat, decimals int) Decimal {
	scaled := new(big.Int).Mul(r.Num(), pow10(decimals))
	q, m := new(big.Int).QuoRem(scaled, r.Denom(), new(big.Int))
	twice := new(big.Int).Abs(m)
	twice.Lsh(twice, 1)
	if c := twice.Cmp(r.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(r.Sign())))
	}
	return Decimal{unscaled: q, decimals: decimals}
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
