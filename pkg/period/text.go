package period

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Text is the period in words.
func (p Period) Text() *typev1.Localized {
	var zh, en string
	switch p.kind {
	case NotStated:
		zh, en = "未载明", "not stated"
	case Day:
		zh, en = fmt.Sprintf("%d年%d月%d日", p.year, p.part, p.day), fmt.Sprintf("%04d-%02d-%02d", p.year, p.part, p.day)
		if !p.cumulative {
			zh, en = "截至"+zh, "as of "+en
		}
	case Week:
		zh, en = fmt.Sprintf("%d年第%d周", p.year, p.part), fmt.Sprintf("week %d of %d", p.part, p.year)
	case Month:
		zh, en = fmt.Sprintf("%d年%d月", p.year, p.part), fmt.Sprintf("%s %d", englishMonths[p.part-1], p.year)
		if p.cumulative {
			return &typev1.Localized{Zh: fmt.Sprintf("%d年1-%d月", p.year, p.part), En: "January to " + en}
		}
	case Quarter:
		zh, en = fmt.Sprintf("%d年%s季度", p.year, numerals[p.part]), fmt.Sprintf("Q%d %d", p.part, p.year)
		if p.cumulative {
			return &typev1.Localized{Zh: fmt.Sprintf("%d年前%s季度", p.year, numerals[p.part]), En: "Q1 to " + en}
		}
	case Half:
		zh, en = fmt.Sprintf("%d年%s半年", p.year, []string{"上", "下"}[p.part-1]), fmt.Sprintf("%s half of %d", []string{"first", "second"}[p.part-1], p.year)
	case Year:
		zh, en = fmt.Sprintf("%d年", p.year), strconv.Itoa(p.year)
	case Months:
		zh, en = fmt.Sprintf("%d年%d-%d月", p.year, p.part, p.lastPart), fmt.Sprintf("%s to %s %d", englishMonths[p.part-1], englishMonths[p.lastPart-1], p.year)
		if p.year != p.lastYear {
			zh = fmt.Sprintf("%d年%d月-%d年%d月", p.year, p.part, p.lastYear, p.lastPart)
			en = fmt.Sprintf("%s %d to %s %d", englishMonths[p.part-1], p.year, englishMonths[p.lastPart-1], p.lastYear)
		}
	case Years:
		zh, en = fmt.Sprintf("%d-%d年", p.year, p.lastYear), fmt.Sprintf("%d to %d", p.year, p.lastYear)
	case OpenYears:
		zh, en = fmt.Sprintf("%d年（起始年份未载明）", p.part), fmt.Sprintf("%d years, start not stated", p.part)
	case Seasons:
		zh, en = fmt.Sprintf("%d年%s", p.year, seasons[p.part-21].zh), fmt.Sprintf("%s %d", seasons[p.part-21].en, p.year)
		if p.year != p.lastYear || p.part != p.lastPart {
			zh += fmt.Sprintf("至%d年%s", p.lastYear, seasons[p.lastPart-21].zh)
			en += fmt.Sprintf(" to %s %d", seasons[p.lastPart-21].en, p.lastYear)
		}
	}
	switch {
	case p.cumulative:
		zh, en = zh+"止（累计）", en+", cumulative"
	case p.each != NotStated:
		zh, en = zh+"每"+eachZh[p.each], "each "+p.each.String()+" of "+en
	}
	return &typev1.Localized{Zh: zh, En: en}
}

var (
	numerals      = [...]string{1: "一", 2: "二", 3: "三", 4: "四"}
	englishMonths = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	seasons       = [...]struct{ zh, en string }{{"春季", "spring"}, {"夏季", "summer"}, {"秋季", "autumn"}, {"冬季", "winter"}}
	eachZh        = map[Kind]string{Day: "日", Week: "周", Month: "月", Quarter: "季度", Half: "半年", Year: "年"}
)

// rewrites turn what people write into the notation. Each is tried on the text
// without spaces and in half-width characters; the first whose result parses is suggested.
var rewrites = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^(\d{4})年?(?:全年|年度)?$`), "$1"},
	{regexp.MustCompile(`^(\d{4})年?-?上半年$`), "$1-S1"},
	{regexp.MustCompile(`^(\d{4})年?-?下半年$`), "$1-S2"},
	{regexp.MustCompile(`^(\d{4})年?-?[HhSs]([12])$`), "$1-S$2"},
	{regexp.MustCompile(`^(\d{4})年?-?[Qq]?第?([1-4])季度?$`), "$1-Q$2"},
	{regexp.MustCompile(`^(\d{4})年?-?[Qq]([1-4])$`), "$1-Q$2"},
	{regexp.MustCompile(`^(\d{4})年?-?第?(\d)周$`), "$1-W0$2"},
	{regexp.MustCompile(`^(\d{4})年?-?[Ww](\d)$`), "$1-W0$2"},
	{regexp.MustCompile(`^(\d{4})年?-?第?(\d\d)周$`), "$1-W$2"},
	{regexp.MustCompile(`^(\d{4})年?-?[Ww](\d\d)$`), "$1-W$2"},
	{regexp.MustCompile(`^(\d{4})年0?1(?:-|~|至)0?2月$`), "$1-01/$1-02"},
	{regexp.MustCompile(`^(\d{4})年0?1(?:-|~|至)(\d)月$`), "$1-0$2;cumulative"},
	{regexp.MustCompile(`^(\d{4})年0?1(?:-|~|至)(\d\d)月$`), "$1-$2;cumulative"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d)月?$`), "$1-0$2"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d\d)月?$`), "$1-$2"},
	{regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)$`), "$1-$2-$3"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d)[月./-](\d)日?$`), "$1-0$2-0$3"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d)[月./-](\d\d)日?$`), "$1-0$2-$3"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d\d)[月./-](\d)日?$`), "$1-$2-0$3"},
	{regexp.MustCompile(`^(\d{4})[年./-](\d\d)[月./-](\d\d)日?$`), "$1-$2-$3"},
	{regexp.MustCompile(`^(\d{4})年?(?:-|~|至|–|—)(\d{4})年?$`), "$1/$2"},
	{regexp.MustCompile(`^(\d{1,2})-?(?:年|[Yy]ears?|[Yy])(?:;.*)?$`), "P${1}Y"},
	{regexp.MustCompile(`^(?i:not[-_ ]?stated|unknown|n/?a|none)$|^(?:未载明|未说明|未注明|不详|未知)$`), "not-stated"},
}

var chineseNumerals = strings.NewReplacer("第一季", "第1季", "第二季", "第2季", "第三季", "第3季", "第四季", "第4季",
	"一季", "1季", "二季", "2季", "三季", "3季", "四季", "4季", "三年", "3年", "两年", "2年", "五年", "5年", "—", "-", "–", "-", "～", "~")

// mend guesses the period that a text was meant for.
func mend(text string) (string, bool) {
	if len(text) > 100 {
		return "", false
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '　':
			return -1
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		default:
			return r
		}
	}, text)
	s = chineseNumerals.Replace(s)
	candidates := []string{s}
	for _, r := range rewrites {
		if r.from.MatchString(s) {
			candidates = append(candidates, r.from.ReplaceAllString(s, r.to))
		}
	}
	for _, c := range candidates {
		if p, err := parse(c); err == nil {
			return p.String(), true
		}
	}
	return "", false
}
