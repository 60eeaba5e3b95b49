package table_test

import (
	"strings"
	"testing"

	"zonebench.internal/services/standalone/table"
)

func TestAlignsChinese(t *testing.T) {
	tab := table.New("开发区", ">值", "note")
	tab.Row("金安经济开发区", "12", "不含城北现代产业园")
	tab.Row("Qiantang", "8", "-")
	var b strings.Builder
	tab.Write(&b, 0)
	want := `
开发区          值  note
--------------  --  ------------------
金安经济开发区  12  不含城北现代产业园
Qiantang         8  -
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%swant%s", got, want)
	}
}

func TestFitsTheWidth(t *testing.T) {
	tab := table.New("开发区", "规上工业增加值", "地区生产总值")
	tab.Row("六安金安经济开发区", "12", "未公布")
	tab.Row("杭州钱塘新区", "8", "7以上 (确保,不含某园区)")
	for width := 24; width < 80; width++ {
		var b strings.Builder
		tab.Write(&b, width)
		for line := range strings.Lines(b.String()) {
			if n := table.Width(strings.TrimRight(line, "\n")); n > width {
				t.Fatalf("width %d: a line of %d:\n%s", width, n, b.String())
			}
		}
	}
	var b strings.Builder
	tab.Write(&b, 26)
	want := `
开发区   规上工   地区生产
         业增加   总值
         值
-------  -------  --------
六安金   12       未公布
安经济
开发区

杭州钱   8        7以上
塘新区            (确保,不
                  含某园
                  区)
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%swant%s", got, want)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"年份不同", 6, "年份不|同"},
		{"增长8%以上", 7, "增长8%|以上"},
		{"only the year differs", 10, "only the|year|differs"},
		{"甲,乙。", 4, "甲,|乙。"},
		{"(甲乙)丙", 4, "(甲|乙)|丙"},
		{"unbreakable", 4, "unbreakable"},
		{"a\nb", 4, "a|b"},
		{"", 4, ""},
	} {
		if got := strings.Join(table.Wrap(c.text, c.width), "|"); got != c.want {
			t.Errorf("%q in %d: got %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
