package indicator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/fault"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	indicators = indicatorv1.FigureTable_FIGURE_TABLE_INDICATORS
	sources    = indicatorv1.FigureTable_FIGURE_TABLE_SOURCES
	lists      = indicatorv1.FigureTable_FIGURE_TABLE_LISTS
	statements = indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS
)

func table(kind indicatorv1.FigureTable, content string) *indicatorv1.ImportFiguresRequest {
	return &indicatorv1.ImportFiguresRequest{Kind: kind, Table: &typev1.Table{Content: []byte(content)}}
}

func (b *bench) load(t testing.TB, req *indicatorv1.ImportFiguresRequest) *indicatorv1.ImportFiguresResponse {
	t.Helper()
	resp, err := b.ImportFigures(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func counts(r *typev1.ImportReport) string {
	return fmt.Sprintf("rows %d, created %d, updated %d, unchanged %d, rejected %d, committed %v",
		r.GetRows(), r.GetCreated(), r.GetUpdated(), r.GetUnchanged(), r.GetRejected(), r.GetCommitted())
}

func (b *bench) expect(t testing.TB, req *indicatorv1.ImportFiguresRequest, want string) *indicatorv1.ImportFiguresResponse {
	t.Helper()
	resp := b.load(t, req)
	if got := counts(resp.GetReport()); got != want {
		t.Errorf("%s; want %s", got, want)
		for _, p := range resp.GetReport().GetProblems() {
			t.Logf("line %d, %s: %s; %s", p.GetLine(), p.GetColumn(), p.GetMessage(), p.GetRemedy())
		}
	}
	return resp
}

// published loads the tables that the project ships.
func (b *bench) published(t testing.TB) {
	t.Helper()
	for kind, name := range map[indicatorv1.FigureTable]string{indicators: "indicators.csv", sources: "sources.csv"} {
		if r := b.load(t, table(kind, string(data(t, name)))).GetReport(); !r.GetCommitted() {
			t.Fatalf("%s: %v", name, r)
		}
	}
	if r := b.load(t, table(lists, string(data(t, "lists.csv")))).GetReport(); !r.GetCommitted() { // They name indicators.
		t.Fatalf("lists: %v", r)
	}
}

func TestThe224PublishedFactsAreOneTransactionAndUnchangedTheSecondTime(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.published(t)
	req := table(statements, string(data(t, "statements.csv")))
	req.ValidateOnly = true
	dry := b.expect(t, req, "rows 224, created 224, updated 0, unchanged 0, rejected 0, committed false")
	req.ValidateOnly = false
	done := b.expect(t, req, "rows 224, created 224, updated 0, unchanged 0, rejected 0, committed true")
	if done.GetState().GetRevision() != dry.GetState().GetRevision()+1 {
		t.Errorf("from revision %d to %d", dry.GetState().GetRevision(), done.GetState().GetRevision())
	}
	again := b.expect(t, req, "rows 224, created 0, updated 0, unchanged 224, rejected 0, committed true")
	if again.GetState().GetRevision() != done.GetState().GetRevision() {
		t.Error("an import without news wrote")
	}
	for kind, name := range map[indicatorv1.FigureTable]string{indicators: "indicators.csv", sources: "sources.csv"} {
		r := b.load(t, table(kind, string(data(t, name)))).GetReport()
		if r.GetUnchanged() != r.GetRows() || r.GetCreated()+r.GetUpdated() != 0 {
			t.Errorf("%s again: %s", name, counts(r))
		}
	}
	all, err := b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{PageSize: 1000})
	if err != nil || len(all.GetStatements()) != 224 {
		t.Fatalf("%d statements, %v", len(all.GetStatements()), err)
	}
	for _, s := range all.GetStatements() {
		if s.GetRevision() != done.GetState().GetRevision() {
			t.Errorf("%s at revision %d", s.GetName(), s.GetRevision())
		}
		if (s.GetNumber() == "") != (s.GetNormalizedNumber() == "") {
			t.Errorf("%s %s is not normalised", s.GetNumber(), s.GetUnit())
		}
	}
}

func TestARetriedImportIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.published(t)
	req := table(statements, string(data(t, "statements.csv")))
	req.RequestId = "7a0f0f0e-0000-4000-8000-000000000001"
	first := b.load(t, req)
	second := b.load(t, req)
	if counts(first.GetReport()) != counts(second.GetReport()) || first.GetState().GetRevision() != second.GetState().GetRevision() {
		t.Errorf("%s at %d, then %s at %d", counts(first.GetReport()), first.GetState().GetRevision(), counts(second.GetReport()), second.GetState().GetRevision())
	}
}

const header = "source,locator,subject,indicator,period,kind,ambition,comparator,value,unit,due_date,status,stage\n"

func TestEachRowThatCannotBeTakenSaysWhereWhatAndHowToMendIt(t *testing.T) {
	b := open(t)
	b.stock(t)
	good := "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,,\n"
	tests := []struct {
		name, row                      string
		column, found, message, remedy string
	}{
		{"ambiguous alias", "bureau,a,金开,fai,2020,target,expected,=,1,亿元,,,", "subject", "金开", "ambiguous", "zones/jinhua-etdz (金华开发区), zones/luan-jinan-edz (金安经济开发区)"},
		{"bare 嵊州", "shengzhou-2020,a,嵊州,fai,2020,target,expected,=,1,亿元,,,", "subject", "嵊州", "ambiguous", "zones/shengzhou-chengnan-na"},
		{"unknown zone", "bureau,a,温洲经济技术开发区,fai,2020,target,expected,=,1,亿元,,,", "subject", "温洲经济技术开发区", "no zone", "zones/wenzhou-etdz"},
		{"unknown zone name", "bureau,a,zones/wenzou-etdz,fai,2020,target,expected,=,1,亿元,,,", "subject", "", "does not exist", "zones/wenzhou-etdz"},
		{"unknown indicator", "bureau,a,wenzhou-etdz,fai-grow,2020,target,expected,=,1,%,,,", "indicator", "fai-grow", "does not exist", "indicators/fai-growth"},
		{"indicator by its name", "bureau,a,wenzhou-etdz,固定资产投资,2020,target,expected,=,1,亿元,,,", "indicator", "固定资产投资", "not an id", "indicators/fai (固定资产投资, flow), indicators/fai-growth (固定资产投资, growth)"},
		{"source by its title", "统计局,a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,,", "source", "统计局", "not an id", "hyphens"},
		{"unknown source", "bureu,a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,,", "source", "bureu", "does not exist", "sources/bureau"},
		{"wrong unit", "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,3800,万美元,,,", "unit", "万美元", "exchange rate", "亿元"},
		{"full-width digits", "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,１２,亿元,,,", "value", "１２", "full-width", "12"},
		{"decimal comma", `bureau,a,wenzhou-etdz,fai,2020,target,expected,=,"12,5",亿元,,,`, "value", "12,5", "decimal comma", "12.5"},
		{"ragged", "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,1,000,亿元,,,", "", "", "14 cells, the header has 13", "double quotes"},
		{"period", "bureau,a,wenzhou-etdz,fai,2020年5月,target,expected,=,1,亿元,,,", "period", "2020年5月", "year of four digits", "2020-05"},
		{"comparator", "bureau,a,wenzhou-etdz,fai,2020,target,expected,≥,1,亿元,,,", "comparator", "≥", "not a comparator", "write >="},
		{"ambition", "bureau,a,wenzhou-etdz,fai,2020,target,baseline,=,1,亿元,,,", "ambition", "baseline", "not a value", "must, expected, strive"},
		{"no ambition", "bureau,a,wenzhou-etdz,fai,2020,target,,=,1,亿元,,,", "ambition", "", "target has an ambition", "确保"},
		{"two values", "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,完成,", "", "", "exclude", "row for each"},
		{"no value", "bureau,a,wenzhou-etdz,fai,2020,target,expected,,,,,,", "value", "", "missing", "number_pending"},
		{"date of an amount", "bureau,a,wenzhou-etdz,fai,2020,target,expected,<=,,,2020-06,,", "value", "", "neither a status nor a due date", "nature is status"},
		{"no such date", "bureau,a,wenzhou-etdz,list,2020,target,expected,<=,,,2020-06-31,,", "due_date", "2020-06-31", "no day", "30"},
		{"empty source", ",a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,,", "source", "", "empty", "fill"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := b.load(t, table(statements, header+good+tt.row+"\n")).GetReport()
			if r.GetRejected() != 1 || r.GetCommitted() || len(r.GetProblems()) != 1 {
				t.Fatalf("%s: %v", counts(r), r.GetProblems())
			}
			p := r.GetProblems()[0]
			if p.GetLine() != 3 || p.GetColumn() != tt.column || tt.found != "" && p.GetFound() != tt.found ||
				!strings.Contains(p.GetMessage(), tt.message) || !strings.Contains(p.GetRemedy(), tt.remedy) {
				t.Errorf("line %d, column %q, found %q: %s; %s", p.GetLine(), p.GetColumn(), p.GetFound(), p.GetMessage(), p.GetRemedy())
			}
		})
	}
	list, err := b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{})
	if err != nil || list.GetTotalSize() != 0 {
		t.Errorf("refused tables left %d statements, %v", list.GetTotalSize(), err)
	}
	// Every fault of a table in one report.
	var all strings.Builder
	for _, tt := range tests {
		fmt.Fprintln(&all, tt.row)
	}
	if r := b.load(t, table(statements, header+all.String())).GetReport(); int(r.GetRejected()) != len(tests) || len(r.GetProblems()) != len(tests) {
		t.Errorf("%s, %d problems; want %d", counts(r), len(r.GetProblems()), len(tests))
	}
}

func TestGBKMustBeDeclaredAndThenReadsAsUTF8(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	utf8 := header + "bureau,第一页,温州经济技术开发区,fai,2020,target,expected,=,1,亿元,,,\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(utf8)
	if err != nil {
		t.Fatal(err)
	}
	r := b.load(t, table(statements, gbk)).GetReport()
	if p := r.GetProblems(); r.GetCommitted() || len(p) != 1 || p[0].GetLine() != 2 || !strings.Contains(p[0].GetRemedy(), "GB18030") {
		t.Errorf("%v", r)
	}
	req := table(statements, gbk)
	req.Table.Charset = typev1.Charset_CHARSET_GB18030
	b.expect(t, req, "rows 1, created 1, updated 0, unchanged 0, rejected 0, committed true")
	b.expect(t, table(statements, "\uFEFF"+utf8), "rows 1, created 0, updated 0, unchanged 1, rejected 0, committed true")
}

func TestIndicatorsOfOneTableReferToEachOtherInAnyOrder(t *testing.T) {
	t.Parallel()
	b := open(t)
	const head = "id,name_zh,unit,nature,direction,growth_of,concept,contains,succeeds,false_friends\n"
	const rows = `fiscal,财政收入,亿元,flow,higher_is_better,,budget,budget,,
budget-growth,一般公共预算收入,%,growth,higher_is_better,budget,,,,fiscal=口径更宽|wider
budget,一般公共预算收入,亿元,flow,higher_is_better,,budget,,old-budget,
old-budget,公共财政预算收入,亿元,flow,higher_is_better,,budget,,,
`
	b.expect(t, table(indicators, head+rows), "rows 4, created 4, updated 0, unchanged 0, rejected 0, committed true")
	got, err := b.GetIndicator(t.Context(), &indicatorv1.GetIndicatorRequest{Name: "indicators/budget-growth"})
	if i := got.GetIndicator(); err != nil || i.GetGrowthOf() != "indicators/budget" || i.GetFalseFriends()[0].GetReason().GetEn() != "wider" {
		t.Errorf("%v, %v", got, err)
	}
	// A column that the table does not have leaves what is there.
	b.expect(t, table(indicators, "id,name_zh,nature,direction,note\nbudget,一般公共预算收入,flow,higher_is_better,n\n"), "rows 1, created 0, updated 1, unchanged 0, rejected 0, committed true")
	if got, _ := b.GetIndicator(t.Context(), &indicatorv1.GetIndicatorRequest{Name: "indicators/budget"}); got.GetIndicator().GetUnit() != "亿元" || got.GetIndicator().GetNote() != "n" {
		t.Errorf("%v", got)
	}
	for bad, says := range map[string]string{
		"x1,甲,亿元,flow,higher_is_better,,,x2,,\nx2,乙,亿元,flow,higher_is_better,,,x1,,\n": "circle",
		"x1,甲,亿元,flow,higher_is_better,,,,none,\n":                                     "does not exist",
		"x1,甲,亿圆,flow,higher_is_better,,,,,\n":                                         "not known",
		"X1,甲,亿元,flow,higher_is_better,,,,,\n":                                         "not an id",
		"x1,甲,亿元,flows,higher_is_better,,,,,\n":                                        "not a value",
		"x1,甲,亿元,flow,higher_is_better,,,,,fiscal\n":                                   "no reason",
		strings.Repeat("x1,甲,亿元,flow,higher_is_better,,,,,\n", 2):                      "line 2 too",
		"x1," + strings.Repeat("长", 201) + ",亿元,flow,higher_is_better,,,,,\n":          "200",
	} {
		r := b.load(t, table(indicators, head+bad)).GetReport()
		if r.GetRejected() == 0 || r.GetCommitted() || !strings.Contains(r.GetProblems()[0].GetMessage(), says) {
			t.Errorf("%s: %v", bad, r)
		}
	}
}

func TestAnImportDoesNotBringBackWhatWasWithdrawn(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	const row = "bureau,a,wenzhou-etdz,fai,2020,target,expected,=,1,亿元,,,\n"
	b.load(t, table(statements, header+row))
	list, _ := b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{})
	name := list.GetStatements()[0].GetName()
	if _, err := b.WithdrawStatements(t.Context(), &indicatorv1.WithdrawStatementsRequest{Names: []string{name}, Reason: "misread"}); err != nil {
		t.Fatal(err)
	}
	r := b.expect(t, table(statements, header+row), "rows 1, created 0, updated 0, unchanged 1, rejected 0, committed true")
	if p := r.GetReport().GetProblems(); len(p) != 1 || p[0].GetSeverity() != typev1.RowProblem_SEVERITY_WARNING || !strings.Contains(p[0].GetMessage(), "misread") {
		t.Errorf("%v", p)
	}
	// A row may supersede another statement.
	b.load(t, table(statements, header+"bureau,b,wenzhou-etdz,fai,2020,target,expected,=,2,亿元,,,\n"))
	list, _ = b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{})
	withSupersedes := strings.TrimSuffix(header, "\n") + ",supersedes\n" + "bureau,b,wenzhou-etdz,fai,2020,target,expected,=,3,亿元,,,," + list.GetStatements()[0].GetName() + "\n"
	b.expect(t, table(statements, withSupersedes), "rows 1, created 1, updated 0, unchanged 0, rejected 0, committed true")
	b.expect(t, table(statements, withSupersedes), "rows 1, created 0, updated 0, unchanged 1, rejected 0, committed true")
}

func TestAnImportLargerThanACommitIsSeenWholeAtOneRevision(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	var content strings.Builder
	content.WriteString(strings.TrimSuffix(header, "\n") + ",note\n")
	const n = 9000
	note := strings.Repeat("注", 40)
	for i := range n {
		fmt.Fprintf(&content, "bureau,第%d行,wenzhou-etdz,fai,%d-%02d,target,expected,=,%d.50,亿元,,,,%s\n", i, 2000+i%100, i/100%12+1, i, note)
	}
	if content.Len() > 3<<20 || content.Len() < 1<<20 {
		t.Fatalf("%d bytes", content.Len())
	}
	req := table(statements, content.String())
	req.RequestId = "7a0f0f0e-0000-4000-8000-000000000002"
	want := fmt.Sprintf("rows %d, created %d, updated 0, unchanged 0, rejected 0, committed ", n, n)
	req.ValidateOnly = true
	b.expect(t, req, want+"false")
	req.ValidateOnly = false
	resp := b.expect(t, req, want+"true")
	count := func(revision int64) int32 {
		list, err := b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{PageSize: 1, Consistency: &typev1.Consistency{
			Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: revision},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return list.GetTotalSize()
	}
	at := resp.GetState().GetRevision()
	if before, after := count(at-1), count(at); before != 0 || after != n {
		t.Errorf("%d statements before, %d after", before, after)
	}
	if again := b.expect(t, req, want+"true"); again.GetState().GetRevision() != at {
		t.Error("a retry wrote")
	}
	// One event for all of it, and none for its stages.
	errDone := errors.New("done")
	err := event.Subscribe(t.Context(), b.js, "figures.changed", event.ID{}, func(e event.Event) error {
		m := &eventv1.FiguresChanged{}
		if err := e.Decode(m); err != nil || len(m.GetKeys()) == 0 {
			return err
		}
		if m.GetRevision() != at || m.GetTotalKeys() != 1200 || len(m.GetKeys()) != 1000 {
			return fmt.Errorf("revision %d: %d of %d keys", m.GetRevision(), len(m.GetKeys()), m.GetTotalKeys())
		}
		return errDone
	})
	if !errors.Is(err, errDone) {
		t.Error(err)
	}
}

func TestAnOversizedTableIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, err := b.ImportFigures(t.Context(), table(sources, strings.Repeat("x", 3<<20+1)))
	refusedWith(t, err, codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD, "3145728")
	if fault.ReasonOf(err) == 0 {
		t.Error("no reason")
	}
}
