package quantity_test

import (
	"encoding/csv"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/pkg/quantity"
)

func TestParsePhrase(t *testing.T) {
	for text, want := range map[string]quantity.Phrase{
		"1.55万家":            {"1.55", "万家", "=", "expected"},
		"2.70‰":             {"2.70", "‰", "=", "expected"},
		"九成":                {"90", "%", "~", "expected"},
		"复产率达九成":            {"90", "%", "~", "expected"},
		"九成以上":              {"90", "%", ">=", "expected"},
		"前十":                {"10", "名", "<=", "expected"},
		"确保省级排名进入前十":        {"10", "名", "<=", "must"},
		"前10名":              {"10", "名", "<=", "expected"},
		"40万元/亩":            {"40", "万元/亩", "=", "expected"},
		"达到190万元/亩":         {"190", "万元/亩", ">=", "expected"},
		"力争25个以上":           {"25", "个", ">=", "strive"},
		"争取10个以上":           {"10", "个", ">=", "strive"},
		"争创2个":              {"2", "个", "=", "strive"},
		"确保16个":             {"16", "个", "=", "must"},
		"不少于1个":             {"1", "个", ">=", "expected"},
		"不超过70天":            {"70", "天", "<=", "expected"},
		"最多70天":             {"70", "天", "<=", "expected"},
		"控制在70天以内":          {"70", "天", "<=", "expected"},
		"力争…超30亿元":          {"30", "亿元", ">", "strive"},
		"约30万平方米":           {"30", "万平方米", "~", "expected"},
		"30万平方米左右":          {"30", "万平方米", "~", "expected"},
		"达到30万平方米左右":        {"30", "万平方米", "~", "expected"},
		"187余公顷":            {"187", "公顷", ">", "expected"},
		"20多个":              {"20", "个", ">", "expected"},
		"4500余次":            {"4500", "次", ">", "expected"},
		"3万余家":              {"30000", "家", ">", "expected"},
		"零增长":               {"0", "%", "=", "expected"},
		"增长8%":              {"8", "%", "=", "expected"},
		"增长百分之八":            {"8", "%", "=", "expected"},
		"增长百分之8":            {"8", "%", "=", "expected"},
		"提高0.5个百分点":         {"0.5", "个百分点", "=", "expected"},
		"降低3个百分点以上":         {"3", "个百分点", ">=", "expected"},
		"千亩":                {"1000", "亩", "~", "expected"},
		"百亩":                {"100", "亩", "~", "expected"},
		"万亩":                {"10000", "亩", "~", "expected"},
		"三十五家":              {"35", "家", "=", "expected"},
		"一百二十个":             {"120", "个", "=", "expected"},
		"一百零五个":             {"105", "个", "=", "expected"},
		"两千五百家以上":           {"2500", "家", ">=", "expected"},
		"三万家":               {"3", "万家", "=", "expected"},
		"25 ％":              {"25", "%", "=", "expected"},
		"２５个":               {"25", "个", "=", "expected"},
		"-0.3%":             {"-0.3", "%", "=", "expected"},
		"2020年力争完成180家以上企业": {"180", "家", ">=", "strive"},
		"力争打造“5G+工业互联网”示范厂区10个以上": {"10", "个", ">=", "strive"},
		"3.3平方千米": {"3.3", "平方公里", "=", "expected"},
	} {
		got, err := quantity.ParsePhrase(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// What leaves a doubt is refused, with a way to mend it.
func TestPhrasesThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "完成市下达目标任务", "全覆盖", "增长20%、力争25%", "64亿元,增长9.8%", "10亿元企业3家", "亿元以上项目25个", "1个20亿元以上产业项目",
		"世界500强", "5G", "h7n9", "12号路", "4号线", "D类以上人才75人", "六大类27项", "“152”", "10%-12%", "10至12个", "25", "1,625件", "三分之一",
		"不超过70天以上", "20亿元以上产业项目", "10亿元企业", "第3个", "三四个", "一二三个", "百千个", "千万元税收楼宇", "百亿产业集群", "亿元", "亩均税收40万元", "均分别增长8.5%", "1435家规上企业复产率达九成", "六安", "前三季度增长8%", "30%到50%", "以上", "前0",
		strings.Repeat("9", 200) + "个", strings.Repeat("长", 200), "1.2.3个", "25 %个 30", "8+5", "十十个", "十大细分行业",
	} {
		got, err := quantity.ParsePhrase(text)
		var wrong *quantity.PhraseError
		if !errors.As(err, &wrong) || wrong.Remedy == "" || wrong.Why == "" || wrong.Text != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func phrases(t testing.TB) [][]string {
	t.Helper()
	f, err := os.Open("testdata/phrases.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// Every distinct wording of the five plans: the fragment as printed is read
// right or refused, never wrong; the words around the number, put around it,
// are always read.
func TestWordingsOfThePlans(t *testing.T) {
	right, refused := 0, 0
	for _, r := range phrases(t) {
		fragment, qualifier, value, unit, comparator, ambition, kind := r[0], r[1], r[2], r[3], r[4], r[5], r[6]
		got, err := quantity.ParsePhrase(fragment)
		switch {
		case err != nil:
			refused++
		case value == "":
			t.Errorf("%s has no value and is read as %+v", fragment, got)
		default:
			right++
			if strings.HasPrefix(got.Unit, unit) { // 2个街道 is counted in 个 or in 个街道.
				got.Unit = unit
			}
			same, cerr := quantity.CompareIn(got.Number, got.Unit, value, unit)
			if cerr != nil || same != 0 {
				t.Errorf("%s is read as %+v, and is %s %s", fragment, got, value, unit)
			}
			if !bounds(got.Comparator, comparator, kind, fragment) {
				t.Errorf("%s is read as %s, and is %s", fragment, got.Comparator, comparator)
			}
		}
		if value == "" {
			continue
		}
		head, tail, _ := strings.Cut(qualifier, "…")
		if head == "以上" {
			head, tail = "", head
		}
		if tail == "" || slices.Contains([]string{"达", "达到", "不少于", "实现", "约", "超", "其中", "增长", "至", "完成", "进入前"}, tail) {
			head, tail = head+tail, ""
		}
		if strings.Contains(tail, "…") {
			middle, last, _ := strings.Cut(tail, "…")
			head, tail = head+middle, last
		}
		phrase := head + value + unit + tail
		if tail == "余" || tail == "多" {
			phrase = head + value + tail + unit
		}
		if strings.HasSuffix(head, "前") || strings.Contains(phrase, "零增长") || strings.Contains(phrase, "全覆盖") || strings.Contains(phrase, "三年") || strings.Contains(phrase, "分别") {
			continue // They stand in the tables above.
		}
		p, err := quantity.ParsePhrase(phrase)
		if err != nil || p.Number != value || p.Unit != unit {
			t.Errorf("%s: %+v, %v; want %s %s", phrase, p, err, value, unit)
			continue
		}
		if kind == "target" && !implied(fragment, qualifier) && (p.Ambition != ambition || !bounds(p.Comparator, comparator, kind, fragment)) {
			t.Errorf("%s: %+v; want %s, %s", phrase, p, comparator, ambition)
		}
	}
	t.Logf("%d fragments read, %d refused", right, refused)
	if right < 110 {
		t.Errorf("only %d fragments are read", right)
	}
}

// bounds compares comparators where the phrase alone can tell: the number of a
// rounded size or of a fixed service is bounded by what it is of, not by words.
func bounds(got, want, kind, fragment string) bool {
	switch {
	case got == want:
		return true
	case want == "=" && got == ">=" && strings.Contains(fragment, "达"):
		return true // 达到 is at least for targets; the plans state some as equal.
	default:
		return kind == "actual"
	}
}

// implied are values whose comparator or ambition follows from more than the words beside them.
func implied(fragment, qualifier string) bool {
	return strings.Contains(fragment, "圈") || qualifier == "推动" || qualifier == "联合建设" || qualifier == "达到" || strings.HasSuffix(qualifier, "达")
}

func FuzzParsePhrase(f *testing.F) {
	for _, r := range phrases(f) {
		f.Add(r[0])
		f.Add(r[1] + r[2] + r[3])
	}
	for _, s := range []string{"1.55万家", "2.70‰", "九成", "前十", "40万元/亩", "一万二千亿元", "百分之三十五以上", "％之5%", "前", "｜", "零零零"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := quantity.ParsePhrase(text)
		if err != nil {
			var wrong *quantity.PhraseError
			if !errors.As(err, &wrong) || wrong.Remedy == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		d, err := quantity.Parse(p.Number)
		if err != nil || d.String() != p.Number {
			t.Fatalf("%q gives the number %q: %v", text, p.Number, err)
		}
		if err := quantity.Check(p.Unit); err != nil || p.Unit == "" {
			t.Fatalf("%q gives the unit %q: %v", text, p.Unit, err)
		}
		if !slices.Contains([]string{"=", ">=", ">", "<=", "<", "~"}, p.Comparator) || !slices.Contains([]string{"must", "expected", "strive"}, p.Ambition) {
			t.Fatalf("%q gives %+v", text, p)
		}
	})
}
