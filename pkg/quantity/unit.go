// Package quantity keeps published numbers exact: decimals as they were
// printed, units, and conversions that either hold exactly or say why not.
//
// A unit is known by the symbol that Chinese statistics print: `亿元`, `亩`,
// `‰`, `万家`. Only units of one dimension convert. What looks convertible and
// is not has a reason: dollars need a dated exchange rate, a percentage point
// is a difference of two percentages, and a counter word counts its own things
// (10 家 are not 10 个).
package quantity

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"zonebench.internal/pkg/nearest"
)

// unit is one symbol: what it measures and how many base units one of it is.
type unit struct {
	dimension string
	factor    *big.Rat
}

// Dimensions whose relation to another one needs words.
const (
	yuan    = "元"
	dollar  = "美元"
	percent = "%"
	point   = "个百分点"
)

// family are the units of one dimension: symbol and factor as numerator and denominator.
type family struct {
	dimension string
	units     []multiple
}

type multiple struct {
	symbol     string
	num, denom int64
}

var families = []family{
	{"平方米", []multiple{{"平方米", 1, 1}, {"亩", 2000, 3}, {"万平方米", 10_000, 1}, {"公顷", 10_000, 1}, {"万亩", 20_000_000, 3}, {"平方公里", 1_000_000, 1}}},
	{yuan, []multiple{{"元", 1, 1}, {"万元", 10_000, 1}, {"亿元", 100_000_000, 1}, {"万亿元", 1_000_000_000_000, 1}}},
	{dollar, []multiple{{"美元", 1, 1}, {"万美元", 10_000, 1}, {"亿美元", 100_000_000, 1}}},
	{percent, []multiple{{"%", 1, 1}, {"‰", 1, 10}}},
	{point, []multiple{{"个百分点", 1, 1}}},
	{"米", []multiple{{"米", 1, 1}, {"公里", 1000, 1}, {"万米", 10_000, 1}}},
	{"千瓦", []multiple{{"千瓦", 1, 1}, {"兆瓦", 1000, 1}, {"万千瓦", 10_000, 1}}},
	{"千瓦时", []multiple{{"千瓦时", 1, 1}, {"万千瓦时", 10_000, 1}, {"亿千瓦时", 100_000_000, 1}}},
	{"吨", []multiple{{"吨", 1, 1}, {"万吨", 10_000, 1}, {"亿吨", 100_000_000, 1}}},
	{"吨标准煤", []multiple{{"吨标准煤", 1, 1}, {"万吨标准煤", 10_000, 1}}},
	{"立方米", []multiple{{"立方米", 1, 1}, {"万立方米", 10_000, 1}, {"亿立方米", 100_000_000, 1}}},
	// Durations. A month and a working day are not a fixed number of days.
	{"分钟", []multiple{{"分钟", 1, 1}, {"小时", 60, 1}, {"天", 1440, 1}, {"周", 10_080, 1}}},
	{"个工作日", []multiple{{"个工作日", 1, 1}}},
	{"个月", []multiple{{"个月", 1, 1}, {"年", 12, 1}}},
	{"分", []multiple{{"分", 1, 1}}}, // Scores.
}

// counters are the words that count things. Each is a dimension of its own, with its 万-multiple.
var counters = []string{
	"个", "家", "项", "件", "人", "名", "人次", "次", "场", "套", "类", "条", "幢", "栋", "所", "层", "户", "座", "处", "村", "台", "辆", "艘", "架",
	"位", "支", "部", "批", "宗", "块", "片", "起", "篇", "间", "张", "标箱", "个方面", "个街道", "个小区", "个村", "平台",
}

var (
	symbols = table()
	// spellings are how people write units that have a symbol here.
	spellings = map[string]string{
		"％": "%", "百分点": "个百分点", "pp": "个百分点",
		"平方千米": "平方公里", "km2": "平方公里", "km²": "平方公里", "ha": "公顷", "m2": "平方米", "m²": "平方米", "㎡": "平方米",
		"平米": "平方米", "万平米": "万平方米", "万㎡": "万平方米", "千米": "公里", "km": "公里",
		"CNY": "元", "RMB": "元", "万元人民币": "万元", "亿元人民币": "亿元", "USD": "美元",
		"MW": "兆瓦", "kW": "千瓦", "度": "千瓦时", "kWh": "千瓦时", "亿千瓦小时": "亿千瓦时",
		"吨标煤": "吨标准煤", "万吨标煤": "万吨标准煤", "日": "天", "工作日": "个工作日",
	}
)

func table() map[string]unit {
	t := make(map[string]unit)
	for _, f := range families {
		for _, m := range f.units {
			t[m.symbol] = unit{f.dimension, big.NewRat(m.num, m.denom)}
		}
	}
	for _, w := range counters {
		t[w] = unit{w, big.NewRat(1, 1)}
		t["万"+w] = unit{w, big.NewRat(10_000, 1)}
	}
	return t
}

// UnknownUnitError says that a symbol is no unit.
type UnknownUnitError struct {
	Unit string
	Near string // the unit it may have been meant for, empty when none is near
}

// Error names the symbol and what it may have been meant for.
func (e *UnknownUnitError) Error() string {
	if e.Near != "" {
		return fmt.Sprintf("unit %q is not known; did you mean %q?", clip(e.Unit), e.Near)
	}
	return fmt.Sprintf("unit %q is not known; use the symbol of a unit such as 亿元, %%, 亩 or 家", clip(e.Unit))
}

// IncompatibleUnitError says that two units measure different things.
type IncompatibleUnitError struct {
	From, To string
	Fits     []string // the units that do convert to To
	Why      string   // empty when there is nothing to say beyond that
}

// Error names both units, why they differ and what fits.
func (e *IncompatibleUnitError) Error() string {
	s := fmt.Sprintf("%s does not convert to %s", named(e.From), named(e.To))
	if e.Why != "" {
		s += ": " + e.Why
	}
	if len(e.Fits) == 0 {
		return s + "; leave the unit empty"
	}
	return s + "; units that do: " + strings.Join(e.Fits, ", ")
}

func named(symbol string) string {
	if symbol == "" {
		return "a value without unit"
	}
	return symbol
}

// InexactError says that a value has no finite decimal in the other unit.
type InexactError struct {
	Number, From, To string
	Value            *big.Rat // the exact value in To
}

// Error shows the exact fraction and a rounded value, marked as such.
func (e *InexactError) Error() string {
	return fmt.Sprintf("%s %s is exactly %s %s, about %s, which no decimal states exactly; state it in a unit in which it is exact",
		e.Number, e.From, e.Value.RatString(), e.To, Round(e.Value, 3))
}

// lookup finds a unit. A slash makes a new one of two: 万元/亩, 吨标准煤/万元.
func lookup(symbol string) (unit, error) {
	if u, ok := symbols[symbol]; ok {
		return u, nil
	}
	if symbol == "" {
		return unit{"", big.NewRat(1, 1)}, nil
	}
	if over, under, ok := strings.Cut(symbol, "/"); ok {
		a, aok := symbols[over]
		b, bok := symbols[under]
		if aok && bok && a.dimension != b.dimension {
			return unit{a.dimension + "/" + b.dimension, new(big.Rat).Quo(a.factor, b.factor)}, nil
		}
		if near := spelled(over) + "/" + spelled(under); near != symbol {
			if u, err := lookup(near); err == nil && u.dimension != "" {
				return unit{}, &UnknownUnitError{Unit: symbol, Near: near}
			}
		}
		return unit{}, &UnknownUnitError{Unit: symbol}
	}
	if near := spelled(symbol); near != symbol {
		return unit{}, &UnknownUnitError{Unit: symbol, Near: near}
	}
	return unit{}, &UnknownUnitError{Unit: symbol, Near: nearest.Word(symbol, Symbols())}
}

func spelled(s string) string {
	s = strings.TrimSpace(s)
	if known, ok := spellings[s]; ok {
		return known
	}
	return s
}

// Check says why a symbol is not a unit; nil when it is one. The empty symbol is the unit of what has none.
func Check(symbol string) error {
	_, err := lookup(symbol)
	return err
}

// Symbols lists every unit, ordered by symbol. Any two of different dimension make another one with a slash between.
func Symbols() []string { return slices.Sorted(maps.Keys(symbols)) }

// Fits lists the units that convert to a unit, itself among them, from small to large.
// For a unit with a slash it lists the usual ones of that dimension.
func Fits(symbol string) []string {
	u, err := lookup(symbol)
	if err != nil || symbol == "" {
		return nil
	}
	type sized struct {
		symbol string
		factor *big.Rat
	}
	var fits []sized
	add := func(s string, v unit) {
		if v.dimension == u.dimension {
			fits = append(fits, sized{s, v.factor})
		}
	}
	if over, under, ok := strings.Cut(u.dimension, "/"); ok {
		for s, v := range symbols {
			if v.dimension != over {
				continue
			}
			for t, w := range symbols {
				if w.dimension == under {
					add(s+"/"+t, unit{u.dimension, new(big.Rat).Quo(v.factor, w.factor)})
				}
			}
		}
	} else {
		for s, v := range symbols {
			add(s, v)
		}
	}
	slices.SortFunc(fits, func(a, b sized) int { return cmp.Or(a.factor.Cmp(b.factor), cmp.Compare(a.symbol, b.symbol)) })
	out := make([]string, len(fits))
	for i, f := range fits {
		out[i] = f.symbol
	}
	return out
}

// Compatible says why values in one unit cannot be stated in another: an
// unknown unit, or another dimension. Nil when they can, exactly or not.
func Compatible(from, to string) error {
	_, err := ratio(from, to)
	return err
}

// ratio is how many units `to` one unit `from` is.
func ratio(from, to string) (*big.Rat, error) {
	a, err := lookup(from)
	if err != nil {
		return nil, err
	}
	b, err := lookup(to)
	if err != nil {
		return nil, err
	}
	if a.dimension != b.dimension {
		return nil, &IncompatibleUnitError{From: from, To: to, Fits: Fits(to), Why: why(a.dimension, b.dimension)}
	}
	return new(big.Rat).Quo(a.factor, b.factor), nil
}

func why(from, to string) string {
	is := func(a, b string) bool { return from == a && to == b || from == b && to == a }
	switch {
	case is(yuan, dollar):
		return "that needs an exchange rate of a stated date, which the figure does not have"
	case is(percent, point):
		return "a percentage point is a difference of two percentages"
	case slices.Contains(counters, from) && slices.Contains(counters, to):
		return "each counter word counts its own things"
	case is("千瓦", "千瓦时"):
		return "one is power, the other energy"
	case is("吨", "吨标准煤"):
		return "that needs the coefficient of the fuel"
	case is("分钟", "个工作日"), is("个工作日", "个月"), is("分钟", "个月"):
		return "it has no fixed length in the other unit"
	case from == "" || to == "":
		return "one has a unit and the other has none"
	default:
		return "they measure different things"
	}
}

// In is a number in another unit as an exact fraction.
func In(number, from, to string) (*big.Rat, error) {
	d, err := Parse(number)
	if err != nil {
		return nil, err
	}
	f, err := ratio(from, to)
	if err != nil {
		return nil, err
	}
	return f.Mul(f, d.Rat()), nil
}

// Convert states a number in another unit, exactly, or says why it cannot: the
// number is not a decimal, a unit is unknown (*UnknownUnitError), they measure
// different things (*IncompatibleUnitError), or no decimal is exact
// (*InexactError).
//
// Where only the point moves, decimals that were printed stay: 2.70‰ is
// 0.270%, and 3800 万美元 is 0.38 亿美元.
func Convert(number, from, to string) (string, error) {
	d, err := Parse(number)
	if err != nil {
		return "", err
	}
	f, err := ratio(from, to)
	if err != nil {
		return "", err
	}
	if f.IsInt() && f.Num().Cmp(big.NewInt(1)) == 0 {
		return d.String(), nil
	}
	if places, ok := powerOfTen(f); ok && d.decimals > 0 {
		if d.decimals+places <= MaxDigits {
			return shift(d, places).String(), nil
		}
	}
	value := f.Mul(f, d.Rat())
	exact, ok := Exact(value)
	if !ok {
		return "", &InexactError{Number: number, From: from, To: to, Value: value}
	}
	return exact.String(), nil
}

// powerOfTen says by how many places to the left a factor moves the point; negative: to the right.
func powerOfTen(f *big.Rat) (places int, ok bool) {
	n, sign := f.Denom(), 1
	if f.IsInt() {
		n, sign = f.Num(), -1
	} else if f.Num().Cmp(big.NewInt(1)) != 0 {
		return 0, false
	}
	digits := n.String()
	if digits[0] != '1' || strings.Trim(digits[1:], "0") != "" {
		return 0, false
	}
	return sign * (len(digits) - 1), true
}

func shift(d Decimal, places int) Decimal {
	if decimals := d.decimals + places; decimals >= 0 {
		return Decimal{unscaled: d.unscaled, decimals: decimals}
	}
	return Decimal{unscaled: new(big.Int).Mul(d.int(), pow10(-d.decimals-places))}
}

// CompareIn compares two values in units of one dimension, exactly, also where
// no decimal states the one in the unit of the other.
func CompareIn(a, unitA, b, unitB string) (int, error) {
	x, err := In(a, unitA, unitB)
	if err != nil {
		return 0, err
	}
	y, err := Parse(b)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y.Rat()), nil
}

// Rounded states a number in another unit with so many decimals, for display only.
func Rounded(number, from, to string, decimals int) (string, error) {
	value, err := In(number, from, to)
	if err != nil {
		return "", err
	}
	return Round(value, min(max(decimals, 0), MaxDigits)).String(), nil
}
