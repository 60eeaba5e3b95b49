package quantity

import "math/big"

// Significant gives a fraction with so many significant digits, for display
// only: 32/15 to four is 2.133, 12345.6 to four is 12350. Half goes to the even digit.
func Significant(r *big.Rat, digits int) Decimal {
	if r.Sign() == 0 {
		return Decimal{}
	}
	decimals := digits - magnitude(r)
	rounded := at(r, decimals)
	// 9.9996 to four digits is 10.00, which has one digit too many.
	if magnitude(rounded.Rat()) > magnitude(r) {
		rounded = at(r, decimals-1)
	}
	return rounded
}

// magnitude is how many digits stand before the point, 0 or less for fractions below one tenth.
func magnitude(r *big.Rat) int {
	abs := new(big.Rat).Abs(r)
	n := len(new(big.Int).Quo(abs.Num(), abs.Denom()).String())
	one := big.NewRat(1, 1)
	if abs.Cmp(one) >= 0 {
		return n
	}
	ten := big.NewRat(10, 1)
	n = 0
	for abs.Mul(abs, ten).Cmp(one) < 0 {
		n--
	}
	return n
}

func at(r *big.Rat, decimals int) Decimal {
	if decimals >= 0 {
		return Round(r, decimals)
	}
	scale := new(big.Rat).SetInt(pow10(-decimals))
	return shift(Round(new(big.Rat).Quo(r, scale), 0), decimals)
}
