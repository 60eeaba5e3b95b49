package tabular_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zonebench.internal/pkg/tabular"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

var columns = []tabular.Column{
	{Name: "zone", Required: true},
	{Name: "value", Form: tabular.FormNumber},
	{Name: "due_date", Form: tabular.FormDate},
	{Name: "simulated", Form: tabular.FormBoolean},
}

func gbk(t *testing.T, s string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(b)
}

func TestATableIsReadWithTheLinesOfTheFile(t *testing.T) {
	t.Parallel()
	const table = "\uFEFFvalue,zone\r\n2.70,杭州钱塘新区\r\n,\"金安,\"\"金开区\"\"\r\n三十铺镇\"\r\n,,\r\n\r\n 12 ,　嵊州 \r\n"
	sheet, problems := tabular.Read([]byte(table), typev1.Charset_CHARSET_UNSPECIFIED, columns)
	if len(problems) != 0 { // The blank row of commas on line 5 is not a ragged one.
		t.Fatalf("problems: %v", problems)
	}
	if len(sheet.Rows) != 3 || sheet.Read != 3 {
		t.Fatalf("%d rows, %d read", len(sheet.Rows), sheet.Read)
	}
	for i, want := range []struct {
		line        int
		zone, value string
	}{{2, "杭州钱塘新区", "2.70"}, {3, "金安,\"金开区\"\n三十铺镇", ""}, {7, "嵊州", "12"}} {
		row := sheet.Rows[i]
		if row.Line != want.line || row.Cell("zone") != want.zone || row.Cell("value") != want.value || row.Cell("due_date") != "" {
			t.Errorf("row %d: line %d, %q, %q", i, row.Line, row.Cell("zone"), row.Cell("value"))
		}
	}
	if !sheet.Has("zone") || sheet.Has("due_date") {
		t.Error("Has does not follow the header")
	}
}

func TestEveryFaultOfATableIsNamedWithItsPlaceAndARemedy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, table            string
		charset                typev1.Charset
		line                   int32
		column                 string
		found, message, remedy string
	}{
		{name: "empty", table: "", line: 1, message: "empty", remedy: "zone, value"},
		{name: "UTF-16", table: "\xff\xfez\x00", line: 1, message: "UTF-16", remedy: "UTF-8"},
		{name: "workbook", table: "PK\x03\x04....", line: 1, message: "xlsx", remedy: "CSV"},
		{name: "zero byte", table: "zone\na\x00b", line: 2, message: "zero byte", remedy: "UTF-8"},
		{name: "GBK not declared", table: "zone,value\na,1\n" + string(gbk(t, "金华开发区,2\n")), line: 3, found: "金华开发区,2", message: "GBK", remedy: "GB18030"},
		{name: "neither UTF-8 nor GBK", table: "zone\n\xff\xff\xff", line: 2, message: "not UTF-8", remedy: "UTF-8"},
		{name: "UTF-8 declared as GB18030", table: "zone\n金华开发区\n", charset: typev1.Charset_CHARSET_GB18030, line: 1, found: "金华开发区", message: "is UTF-8", remedy: "UTF-8"},
		{name: "damaged", table: "zone\n金\uFFFD\n", line: 2, column: "zone", message: "damaged", remedy: "original"},
		{name: "too few cells", table: "zone,value\na\n", line: 2, found: "a", message: "1 cells, the header has 2", remedy: "missing commas"},
		{name: "too many cells", table: "zone,value\na,1,000\n", line: 2, found: "a,1,000", message: "3 cells, the header has 2", remedy: "double quotes"},
		{name: "bare quote", table: "zone,value\na\"b,1\n", line: 2, message: "double quote", remedy: "twice"},
		{name: "open quote", table: "zone,value\n\"a,1\n", line: 2, message: "closing double quote", remedy: "close"},
		{name: "unknown column", table: "zone,vale\n", line: 1, column: "vale", found: "vale", message: "no column", remedy: `"value"`},
		{name: "unknown column, nothing like it", table: "zone,备注\n", line: 1, column: "备注", message: "no column", remedy: "zone, value, due_date, simulated"},
		{name: "column twice", table: "zone,value,zone\n", line: 1, column: "zone", message: "twice", remedy: "one of them"},
		{name: "column without a name", table: "zone,\n", line: 1, message: "no name", remedy: "remove"},
		{name: "missing column", table: "value\n", line: 1, column: "zone", message: "missing", remedy: `"zone"`},
		{name: "semicolons", table: "zone;value\n", line: 1, message: "semicolons", remedy: "commas"},
		{name: "tabs", table: "zone\tvalue\n", line: 1, message: "tabs", remedy: "commas"},
		{name: "full-width commas", table: "zone，value\n", line: 1, message: "full-width", remedy: "commas"},
		{name: "required cell", table: "zone,value\n,1\n", line: 2, column: "zone", message: "empty", remedy: "fill"},
		{name: "full-width digits", table: "zone,value\na,１２．５\n", line: 2, column: "value", found: "１２．５", message: "full-width", remedy: "12.5"},
		{name: "decimal comma", table: "zone,value\na,\"12,5\"\n", line: 2, column: "value", found: "12,5", message: "decimal comma", remedy: "12.5"},
		{name: "thousands or decimals", table: "zone,value\na,\"1,234\"\n", line: 2, column: "value", message: "may separate", remedy: "1234 or 1.234"},
		{name: "thousands", table: "zone,value\na,\"1,234,567.5\"\n", line: 2, column: "value", message: "thousands", remedy: "1234567.5"},
		{name: "spaces", table: "zone,value\na,1 234\n", line: 2, column: "value", message: "thousands", remedy: "without"},
		{name: "scientific", table: "zone,value\na,1.2E+10\n", line: 2, column: "value", message: "scientific", remedy: "all digits"},
		{name: "plus", table: "zone,value\na,+8\n", line: 2, column: "value", message: "plus", remedy: "write 8"},
		{name: "unit in the number", table: "zone,value\na,8.5%\n", line: 2, column: "value", message: `"%"`, remedy: "8.5 here and % in"},
		{name: "a word for missing", table: "zone,value\na,—\n", line: 2, column: "value", message: "no number", remedy: "missing is not zero"},
		{name: "spreadsheet error", table: "zone,value\na,#DIV/0!\n", line: 2, column: "value", message: "spreadsheet", remedy: "formula"},
		{name: "Chinese numeral", table: "zone,value\na,九成\n", line: 2, column: "value", message: "not a number", remedy: "exact decimal"},
		{name: "date with slashes", table: "zone,due_date\na,2020/5/7\n", line: 2, column: "due_date", message: "ISO", remedy: "2020-05-07"},
		{name: "Chinese date", table: "zone,due_date\na,2020年5月\n", line: 2, column: "due_date", message: "ISO", remedy: "2020-05"},
		{name: "no such month", table: "zone,due_date\na,2020-13\n", line: 2, column: "due_date", message: "month", remedy: "12"},
		{name: "no such day", table: "zone,due_date\na,2019-02-29\n", line: 2, column: "due_date", message: "no day", remedy: "28"},
		{name: "not a boolean", table: "zone,simulated\na,yes\n", line: 2, column: "simulated", message: "true", remedy: "false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sheet, problems := tabular.Read([]byte(tt.table), tt.charset, columns)
			if len(problems) != 1 {
				t.Fatalf("%d problems: %v", len(problems), problems)
			}
			p := problems[0]
			if p.GetLine() != tt.line || p.GetColumn() != tt.column || tt.found != "" && p.GetFound() != tt.found ||
				!strings.Contains(p.GetMessage(), tt.message) || !strings.Contains(p.GetRemedy(), tt.remedy) {
				t.Errorf("line %d, column %q, found %q: %s; %s", p.GetLine(), p.GetColumn(), p.GetFound(), p.GetMessage(), p.GetRemedy())
			}
			if !tabular.Refused(problems) || sheet.Report(problems).GetRejected() != 1 {
				t.Error("the table is not refused")
			}
		})
	}
}

func TestADeclaredGB18030TableReadsAsItsUTF8Twin(t *testing.T) {
	t.Parallel()
	const table = "zone,value\n金华开发区,12\n嵊州经济开发区,\n"
	want, _ := tabular.Read([]byte(table), typev1.Charset_CHARSET_UTF8, columns)
	got, problems := tabular.Read(gbk(t, table), typev1.Charset_CHARSET_GB18030, columns)
	if len(problems) > 0 || len(got.Rows) != len(want.Rows) {
		t.Fatalf("%v", problems)
	}
	for i := range want.Rows {
		if got.Rows[i].Cell("zone") != want.Rows[i].Cell("zone") {
			t.Errorf("row %d: %q", i, got.Rows[i].Cell("zone"))
		}
	}
}

func TestAReportCountsRowsNotProblemsAndListsAtMostAThousand(t *testing.T) {
	t.Parallel()
	var table bytes.Buffer
	fmt.Fprintln(&table, "zone,value,due_date")
	for range 1200 {
		fmt.Fprintln(&table, "a,x,y")
	}
	sheet, problems := tabular.Read(table.Bytes(), typev1.Charset_CHARSET_UTF8, columns)
	report := sheet.Report(append(problems, sheet.Rows[0].Warnf("zone", "look", "unusual")))
	if report.GetRows() != 1200 || report.GetRejected() != 1200 || len(report.GetProblems()) != tabular.MaxProblems {
		t.Errorf("%d rows, %d rejected, %d problems", report.GetRows(), report.GetRejected(), len(report.GetProblems()))
	}
	if !slicesSorted(report.GetProblems()) {
		t.Error("problems are not in row order")
	}
}

func slicesSorted(ps []*typev1.RowProblem) bool {
	for i := 1; i < len(ps); i++ {
		if ps[i].GetLine() < ps[i-1].GetLine() {
			return false
		}
	}
	return true
}

func TestEnumsAreReadByTheirOwnPartOfTheName(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]indicatorv1.Reliability{
		"re_post": indicatorv1.Reliability_RELIABILITY_RE_POST, "re-post": indicatorv1.Reliability_RELIABILITY_RE_POST,
		"Official": indicatorv1.Reliability_RELIABILITY_OFFICIAL, "": indicatorv1.Reliability_RELIABILITY_UNSPECIFIED,
	} {
		if got, err := tabular.ParseEnum[indicatorv1.Reliability](cell); err != nil || got != want {
			t.Errorf("%q: %v, %v", cell, got, err)
		}
	}
	_, err := tabular.ParseEnum[indicatorv1.Reliability]("offical")
	if err == nil || !strings.Contains(err.Remedy, `"official"`) {
		t.Errorf("offical: %v", err)
	}
	if _, err := tabular.ParseEnum[indicatorv1.Reliability]("unspecified"); err == nil {
		t.Error("unspecified is not a word of a table")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("zone,value\n金华,12\n"), false)
	f.Add([]byte("\uFEFFzone\r\n\"a\"\"b\"\r\n"), false)
	f.Add([]byte("zone,value\n\xbd\xf0\xbb\xaa,2\n"), true)
	f.Add([]byte("zone\n\"open"), false)
	f.Fuzz(func(t *testing.T, content []byte, gb bool) {
		charset := typev1.Charset_CHARSET_UTF8
		if gb {
			charset = typev1.Charset_CHARSET_GB18030
		}
		sheet, problems := tabular.Read(content, charset, columns)
		lines := int32(bytes.Count(content, []byte("\n")) + 1)
		for _, p := range problems {
			if p.GetLine() < 1 || p.GetLine() > lines || p.GetMessage() == "" || p.GetRemedy() == "" ||
				!utf8.ValidString(p.GetFound()) || len(p.GetFound()) > 200 {
				t.Errorf("problem %v in %d lines", p, lines)
			}
		}
		for i, row := range sheet.Rows {
			if i > 0 && row.Line <= sheet.Rows[i-1].Line {
				t.Errorf("row %d on line %d follows line %d", i, row.Line, sheet.Rows[i-1].Line)
			}
			if v := row.Cell("value"); v != "" && !tabular.Refused(problems) && tabular.CheckNumber(v) != nil {
				t.Errorf("accepted %q as a number", v)
			}
		}
		if len(sheet.Rows) > sheet.Read {
			t.Errorf("%d rows of %d", len(sheet.Rows), sheet.Read)
		}
	})
}
