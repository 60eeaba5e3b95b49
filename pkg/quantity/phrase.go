package quantity

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Phrase is a value as a plan words it: 力争25个以上, 约30万平方米, 九成, 前十.
type Phrase struct {
	Number     string // exact decimal in Unit
	Unit       string // a symbol of this package
	Comparator string // = >= > <= < ~ as tables write it
	Ambition   string // must (确保), strive (力争, 争取, 争创) or expected
}

// PhraseError says why a text is not one value, and how to mend it.
type PhraseError struct {
	Text   string
	Why    string
	Remedy string
}

// Error gives all three.
func (e *PhraseError) Error() string { return fmt.Sprintf("%q: %s; %s", clip(e.Text), e.Why, e.Remedy) }

// bound is a word that bounds the number beside it.
type bound struct{ word, comparator string }

// Words before the number, the longer ones first so that 不超过 is not 超过.
var before = []bound{
	{"不得少于", ">="},
	{"不少于", ">="},
	{"不低于", ">="},
	{"不小于", ">="},
	{"至少", ">="},
	{"最少", ">="},
	{"不得超过", "<="},
	{"不超过", "<="},
	{"不高于", "<="},
	{"不多于", "<="},
	{"不大于", "<="},
	{"最多", "<="},
	{"至多", "<="},
	{"控制在", "<="},
	{"降至", "<="},
	{"降到", "<="},
	{"减至", "<="},
	{"压缩至", "<="},
	{"压缩到", "<="},
	{"提升至", ">="},
	{"提高到", ">="},
	{"达到", ">="},
	{"达", ">="},
	{"大于", ">"},
	{"多于", ">"},
	{"高于", ">"},
	{"超过", ">"},
	{"突破", ">"},
	{"超", ">"},
	{"小于", "<"},
	{"少于", "<"},
	{"低于", "<"},
	{"不足", "<"},
	{"不到", "<"},
	{"大约", "~"},
	{"约", "~"},
	{"将近", "~"},
	{"近", "~"},
	{"至", ">="},
}

// Words behind the number and its unit.
var behind = []bound{
	{"及以上", ">="}, {"以上", ">="}, {"及以下", "<="}, {"以下", "<="}, {"以内", "<="}, {"之内", "<="}, {"左右", "~"}, {"上下", "~"}, {"余", ">"}, {"多", ">"},
}

var (
	modals = []struct{ word, ambition string }{
		{"确保", "must"}, {"力争", "strive"}, {"争取", "strive"}, {"争创", "strive"},
	}
	// Names that hold a numeral and no number.
	innocent = []string{"一般", "统一", "一批", "零售", "零部件", "一体", "一次性", "百分", "进一步", "两个方面"}

	quoted  = regexp.MustCompile(`“[^”]*”|"[^"]*"|《[^》]*》`)
	yearOf  = regexp.MustCompile(`(?:19|20)[0-9]{2}年度?`)
	digits  = regexp.MustCompile(`-?[0-9]+(?:[.][0-9]+)?`)
	grouped = regexp.MustCompile(`[0-9],[0-9]{3}`)
	span    = regexp.MustCompile(`[0-9%‰]\s*(?:-|~|—|–|至|到)\s*[0-9]`)
)

const numerals = "〇零一二两三四五六七八九十百千"

// ParsePhrase reads the one value that a phrase holds. It reads what leaves no
// doubt and refuses the rest: two numbers, thresholds (亿元以上项目), names with
// numerals, ranges and words without a number are errors that say how to mend
// the text. Words around the value that do not bound it are passed over.
func ParsePhrase(text string) (Phrase, error) {
	p, err := parsePhrase(text)
	if err != nil {
		err.Text = text
		return Phrase{}, err
	}
	return p, nil
}

func refusal(remedy, format string, args ...any) *PhraseError {
	return &PhraseError{Why: fmt.Sprintf(format, args...), Remedy: remedy}
}

const cut = "cut the text to the number, its unit and the words that bound it, such as 力争25个以上"

func parsePhrase(text string) (Phrase, *PhraseError) {
	const most = 300
	if len(text) > most {
		return Phrase{}, refusal(cut, "it is longer than a phrase")
	}
	s := half(text)
	s = yearOf.ReplaceAllString(quoted.ReplaceAllString(s, "｜"), "｜") // Neither names nor years are values.
	s = strings.ReplaceAll(s, "百分之", "％之")
	switch {
	case grouped.MatchString(s):
		return Phrase{}, refusal("write the number without separators", "a comma may separate thousands or decimals")
	case span.MatchString(s):
		return Phrase{}, refusal("make a statement of each end, one >= and one <=", "it is a range")
	}
	found := digits.FindAllStringIndex(s, -1)
	switch {
	case len(found) > 1:
		return Phrase{}, refusal(cut, "it holds %d numbers", len(found))
	case len(found) == 1:
		return arabic(s, found[0])
	}
	return worded(s)
}

// half turns full-width characters into half-width ones and drops blanks.
func half(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\u3000' || r == '\t':
			return -1
		case r == '％' || r == '，' || r == '；' || r == '：' || r == '？' || r == '！' || r == '（' || r == '）':
			return r
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		default:
			return r
		}
	}, s)
}

// arabic reads a phrase whose number is in digits.
func arabic(s string, at []int) (Phrase, *PhraseError) {
	head, number, tail := s[:at[0]], s[at[0]:at[1]], s[at[1]:]
	if hundredths, ok := strings.CutSuffix(head, "％之"); ok {
		head, tail = hundredths, "%"+tail
	}
	if top, ok := strings.CutSuffix(head, "前"); ok {
		return ranking(top, number, tail)
	}
	if letter(head, tail) {
		return Phrase{}, refusal(cut, "the number is part of a name")
	}
	if err := clean(head, true); err != nil {
		return Phrase{}, err
	}
	d, err := Parse(number)
	if err != nil {
		return Phrase{}, refusal("write digits such as 12, -0.5 or 2.70", "the number is not an exact decimal")
	}
	value := d.String()
	more := ""
	for _, m := range []struct {
		word  string
		zeros int
	}{{"百", 2}, {"千", 3}, {"万", 4}, {"亿", 8}} {
		rest, ok := strings.CutPrefix(tail, m.word)
		if !ok {
			continue
		}
		odd := strings.HasPrefix(rest, "余") || strings.HasPrefix(rest, "多")
		if _, _, known := unitAt(tail); odd || !known {
			exact, fine := Exact(new(big.Rat).Mul(d.Rat(), new(big.Rat).SetInt(pow10(m.zeros))))
			if !fine {
				return Phrase{}, refusal("write all digits", "the number is too long")
			}
			value, tail = exact.String(), rest
		}
		break
	}
	for _, word := range []string{"余", "多"} {
		if rest, ok := strings.CutPrefix(tail, word); ok {
			more, tail = ">", rest
		}
	}
	return finish(head, value, more, tail)
}

// letter says whether a number is glued to Latin letters or to a name: 5G, h7n9, D类, 世界500强, 12号路.
func letter(head, tail string) bool {
	latin := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '+' }
	last, first := lastRune(head), firstRune(tail)
	if latin(last) || latin(first) && !strings.HasPrefix(tail, "km") && !strings.HasPrefix(tail, "m2") && !strings.HasPrefix(tail, "m²") &&
		!strings.HasPrefix(tail, "ha") && !strings.HasPrefix(tail, "MW") && !strings.HasPrefix(tail, "kW") {
		return true
	}
	return first == '强' || first == '号' || first == '、' || first == '/' || last == '第'
}

func lastRune(s string) rune {
	r, size := utf8.DecodeLastRuneInString(s)
	if size == 0 {
		return 0
	}
	return r
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// clean refuses words before a value that may hold another one, or the bound of
// another one.
func clean(head string, digitsFollow bool) *PhraseError {
	rest := head
	for _, word := range innocent {
		rest = strings.ReplaceAll(rest, word, "")
	}
	if at := strings.IndexAny(rest, numerals+"万亿"); at >= 0 && digitsFollow {
		return refusal(cut, "%q may be a number, a threshold or a name", firstWord(rest[at:]))
	}
	for _, b := range behind[:8] {
		if strings.Contains(rest, b.word) {
			return refusal(cut, "%s stands before the number and bounds something else", b.word)
		}
	}
	return nil
}

func firstWord(s string) string {
	n := 0
	for i := range s {
		if n == 4 {
			return s[:i]
		}
		n++
	}
	return s
}

// unitAt finds the longest unit at the beginning of a text.
func unitAt(s string) (symbol, rest string, ok bool) {
	single := func(s string) (string, string, bool) {
		best, size := "", 0
		try := func(word, symbol string) {
			if len(word) > size && strings.HasPrefix(s, word) {
				best, size = symbol, len(word)
			}
		}
		for word := range symbols {
			try(word, word)
		}
		for word, symbol := range spellings {
			try(word, symbol)
		}
		return best, s[size:], size > 0
	}
	symbol, rest, ok = single(s)
	if !ok {
		return "", s, false
	}
	if under, behind, slash := strings.Cut(rest, "/"); slash && under == "" {
		if below, left, ok := single(behind); ok && Check(symbol+"/"+below) == nil {
			return symbol + "/" + below, left, true
		}
	}
	return symbol, rest, true
}

// finish reads unit and bounds around a number.
func finish(head, number, comparator, tail string) (Phrase, *PhraseError) {
	unit, rest, ok := unitAt(tail)
	if !ok {
		return Phrase{}, refusal("write the unit behind the number, such as 25个 or 30亿元", "no unit stands behind %s", number)
	}
	set := func(c string) bool {
		if comparator != "" && comparator != c && c != ">=" {
			return false
		}
		if comparator == "" {
			comparator = c
		}
		return true
	}
	for _, b := range before {
		if strings.HasSuffix(head, b.word) {
			if !set(b.comparator) {
				return Phrase{}, refusal(cut, "its words bound it in two ways")
			}
			head = strings.TrimSuffix(head, b.word)
			break
		}
	}
	for _, b := range behind {
		left, ok := strings.CutPrefix(rest, b.word)
		if !ok {
			continue
		}
		if left != "" && money(unit) && (b.comparator == ">=" || b.comparator == "<=") {
			return Phrase{}, refusal(cut, "%s%s%s may be a threshold of what follows", number, unit, b.word)
		}
		// 达到…以上 and 控制在…以内 say one thing twice; 不超过…以上 says two.
		if comparator != "" && comparator != b.comparator && !(comparator == ">=" && b.comparator == "~") {
			return Phrase{}, refusal(cut, "its words bound it in two ways")
		}
		comparator, rest = b.comparator, left
		break
	}
	if money(unit) && rest != "" && strings.HasPrefix(rest, "企业") {
		return Phrase{}, refusal(cut, "%s%s is the size of what follows, not its number", number, unit)
	}
	if err := clean(rest, true); err != nil {
		return Phrase{}, err
	}
	if strings.Contains(head, "分别") {
		return Phrase{}, refusal("make a statement of each", "several values go with several indicators (分别)")
	}
	if money(unit) && (strings.Contains(head, "亩均") || strings.Contains(head, "人均") || strings.Contains(head, "每")) {
		return Phrase{}, refusal("write the unit with a slash, such as 万元/亩", "the amount is per something")
	}
	if comparator == "" {
		comparator = "="
	}
	return Phrase{Number: number, Unit: unit, Comparator: comparator, Ambition: ambitionOf(head)}, nil
}

func money(unit string) bool {
	u, err := lookup(unit)
	return err == nil && (u.dimension == yuan || u.dimension == dollar)
}

// ambitionOf is the modal of the words before a value; of two the one nearer to it.
func ambitionOf(head string) string {
	best, at := "expected", -1
	for _, m := range modals {
		if i := strings.LastIndex(head, m.word); i > at {
			best, at = m.ambition, i
		}
	}
	return best
}

// ranking reads 前十, 前10名: a place not behind that.
func ranking(head, number, tail string) (Phrase, *PhraseError) {
	for _, unit := range []string{"名", "位"} {
		tail = strings.TrimPrefix(tail, unit)
	}
	if tail != "" && !strings.HasPrefix(tail, "｜") && !strings.ContainsAny(tail[:min(len(tail), 3)], "，。;、") {
		return Phrase{}, refusal(cut, "前%s is followed by %q", number, firstWord(tail))
	}
	if strings.ContainsAny(number, ".-") || strings.Trim(number, "0") == "" {
		return Phrase{}, refusal("write a place such as 前十 or 前10名", "%s is no place", number)
	}
	return Phrase{Number: number, Unit: "名", Comparator: "<=", Ambition: ambitionOf(head)}, nil
}

var wordedNumber = regexp.MustCompile(`[` + numerals + `万亿]+`)

// worded reads a phrase whose number is in Chinese numerals: 九成, 前十, 零增长, 千亩, 三十个.
func worded(s string) (Phrase, *PhraseError) {
	rest := s
	for _, word := range innocent {
		rest = strings.ReplaceAll(rest, word, strings.Repeat("｜", len([]rune(word))))
	}
	rest = strings.ReplaceAll(rest, "％之", "百分之")
	if strings.Contains(rest, "分之") && !strings.Contains(rest, "百分之") {
		return Phrase{}, refusal("write the share in percent", "it is a fraction in words")
	}
	percent := strings.Contains(rest, "百分之")
	rest = strings.ReplaceAll(rest, "百分之", "％之")
	found := wordedNumber.FindAllStringIndex(rest, -1)
	switch {
	case len(found) == 0:
		return Phrase{}, refusal("record it as a status, or give the number", "it holds no number")
	case len(found) > 1:
		return Phrase{}, refusal(cut, "it holds several numerals")
	}
	head, word, tail := rest[:found[0][0]], rest[found[0][0]:found[0][1]], rest[found[0][1]:]
	if word == "零" && strings.HasPrefix(tail, "增长") {
		return Phrase{Number: "0", Unit: "%", Comparator: "=", Ambition: ambitionOf(head)}, nil
	}
	if left, ok := strings.CutSuffix(head, "％之"); ok && percent {
		head, tail = left, "%"+tail
	}
	if err := clean(head, false); err != nil {
		return Phrase{}, err
	}
	// 亿元 is a unit: of 三亿元 the 亿 is given back, for 元 alone would say the same with eight more zeros.
	for _, m := range []string{"万", "亿"} {
		if len(word) > len(m) && strings.HasSuffix(word, m) {
			if _, _, ok := unitAt(m + tail); ok {
				word, tail = strings.TrimSuffix(word, m), m+tail
			}
		}
	}
	size := strings.Trim(word, "百千万亿") == "" // 千亩 and 万亩 are sizes by name.
	if size {
		if u, _, ok := unitAt(tail); !ok || money(u) {
			return Phrase{}, refusal(cut, "%s is a threshold or a name", word+firstWord(tail))
		}
		word = "一" + word
	}
	n, ok := numeral(word)
	if !ok {
		return Phrase{}, refusal("write the number in digits", "%s is not a number in order", word)
	}
	if top, ok := strings.CutSuffix(head, "前"); ok {
		return ranking(top, n.String(), tail)
	}
	if left, ok := strings.CutPrefix(tail, "成"); ok && n.Cmp(big.NewInt(10)) < 0 {
		return finishTenths(head, n, left)
	}
	comparator := ""
	if size {
		comparator = "~"
	}
	return finish(head, n.String(), comparator, tail)
}

// finishTenths reads 九成: about 90%, unless it is bounded.
func finishTenths(head string, n *big.Int, tail string) (Phrase, *PhraseError) {
	p, err := finish(head, new(big.Int).Mul(n, big.NewInt(10)).String(), "", "%"+tail)
	if err == nil && (p.Comparator == "=" || strings.HasSuffix(head, "达") || strings.HasSuffix(head, "达到")) && !strings.HasPrefix(tail, "以上") {
		p.Comparator = "~"
	}
	return p, err
}

// numeral reads a Chinese numeral: 三十五, 一百二十, 两千, 十, 一万二千.
func numeral(word string) (*big.Int, bool) {
	digit := map[rune]int64{'〇': 0, '零': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9}
	scale := map[rune]int64{'十': 10, '百': 100, '千': 1000}
	total, section, pending := new(big.Int), int64(0), int64(-1)
	below := int64(10_000) // scales fall within a section
	large := new(big.Int)
	for i, r := range []rune(word) {
		switch s, isScale := scale[r]; {
		case isScale:
			if pending < 0 {
				if i > 0 && section == 0 && total.Sign() == 0 || i > 0 && s != 10 {
					return nil, false
				}
				pending = 1
			}
			if s >= below || pending == 0 {
				return nil, false
			}
			section, below, pending = section+pending*s, s, -1
		case r == '万' || r == '亿':
			size := big.NewInt(10_000)
			if r == '亿' {
				size = big.NewInt(100_000_000)
			}
			if pending > 0 {
				section += pending
			}
			if section == 0 || large.Sign() != 0 && size.Cmp(large) >= 0 {
				return nil, false
			}
			total.Add(total, new(big.Int).Mul(big.NewInt(section), size))
			large, section, pending, below = size, 0, -1, 10_000
		default:
			d := digit[r]
			if pending > 0 || pending == 0 && d == 0 {
				return nil, false // 一二 is an enumeration, not twelve.
			}
			pending = d
		}
	}
	if pending > 0 {
		section += pending
	}
	return total.Add(total, big.NewInt(section)), true
}
