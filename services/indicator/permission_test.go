package indicator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/auth/authtest"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	mine         = "zones/wenzhou-etdz"
	other        = "zones/jinhua-etdz"
	notPermitted = typev1.ErrorReason_ERROR_REASON_NOT_PERMITTED

	draft     = typev1.Stage_STAGE_DRAFT
	submitted = typev1.Stage_STAGE_SUBMITTED
	approved  = typev1.Stage_STAGE_APPROVED
	released  = typev1.Stage_STAGE_RELEASED
)

// by makes calls those of somebody with one role; a reporter speaks for mine.
func by(t testing.TB, role auth.Role) context.Context {
	t.Helper()
	if role == auth.Reporter {
		return authtest.As(t.Context(), authtest.Caller(role, mine))
	}
	return authtest.As(t.Context(), authtest.Caller(role))
}

// about is an actual of a subject at a stage.
func about(subject, locator, value string, stage typev1.Stage) *indicatorv1.Statement {
	m := number("bureau", locator, &indicatorv1.FigureKey{
		Subject: subject, Indicator: "indicators/fai", Period: "2018", Kind: indicatorv1.Kind_KIND_ACTUAL,
	}, equal, value, "亿元")
	m.Stage = stage
	return m
}

func TestAReporterRecordsForItsOwnZonesAndUpToSubmitted(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	n := 0
	for _, role := range []auth.Role{auth.Reporter, auth.Reviewer, auth.Publisher, auth.Admin} {
		for _, subject := range []string{mine, other, "referenceUnits/zhejiang"} {
			for _, stage := range []typev1.Stage{0, draft, submitted, approved, released} {
				n++
				may := stage <= submitted || stage == approved && role != auth.Reporter || role == auth.Publisher || role == auth.Admin
				may = may && (role != auth.Reporter || subject == mine)
				m := about(subject, fmt.Sprint("p. ", n), "1", stage)
				_, err := b.RecordStatements(by(t, role), recording(m))
				if may && err != nil {
					t.Errorf("%s, %s, %v: %v", role, subject, stage, err)
				}
				if !may {
					refusedWith(t, err, codes.PermissionDenied, notPermitted, "test:"+string(role))
				}
			}
		}
	}
	// One that is not permitted takes the others of the request with it.
	_, err := b.RecordStatements(by(t, auth.Reporter), recording(about(mine, "good", "1", draft), about(other, "bad", "1", draft)))
	refusedWith(t, err, codes.PermissionDenied, notPermitted, "statements[1].statement.key.subject", other)
	list, err := b.ListStatements(t.Context(), &indicatorv1.ListStatementsRequest{Filter: `key.subject = "` + mine + `"`, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.GetStatements() {
		if m.GetLocator() == "good" {
			t.Error("a part of a refused request is on record")
		}
	}
}

// The zone of a row is known only after its text is resolved, so the row is
// judged where that is done.
func TestRowsOfAnImportAreJudgedAfterTheirZoneIsResolved(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	const head = "source,locator,subject,indicator,period,kind,comparator,value,unit,stage\n"
	row := func(subject, stage string) string {
		return "bureau,1," + subject + ",fai,2018,actual,=,1,亿元," + stage + "\n"
	}
	resp, err := b.ImportFigures(by(t, auth.Reporter), table(statements, head+row("温州经济技术开发区", "draft")))
	if err != nil || !resp.GetReport().GetCommitted() {
		t.Errorf("its own zone by name: %v, %v", resp, err)
	}
	resp, err = b.ImportFigures(by(t, auth.Reporter), table(statements,
		head+row("温州经济技术开发区", "submitted")+row("金华经济技术开发区", "draft")+row("zones/jinhua-etdz", "draft")+row("温州经济技术开发区", "released")))
	if err != nil || resp.GetReport().GetCommitted() {
		t.Fatalf("%v, %v", resp, err)
	}
	for _, want := range []string{"3 subject", "4 subject", "5 stage"} {
		found := false
		for _, p := range resp.GetReport().GetProblems() {
			found = found || fmt.Sprintf("%d %s", p.GetLine(), p.GetColumn()) == want && strings.Contains(p.GetMessage(), "test:reporter")
		}
		if !found {
			t.Errorf("nothing is said of line and column %s: %v", want, resp.GetReport().GetProblems())
		}
	}
	for _, kind := range []indicatorv1.FigureTable{indicators, lists} {
		_, err := b.ImportFigures(by(t, auth.Reporter), table(kind, "id\nx\n"))
		refusedWith(t, err, codes.PermissionDenied, notPermitted)
	}
}

func TestNobodyTakesOutWhatIsNotTheirsOrIsBeyondTheirStage(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	name := map[string]string{}
	put := func(subject string, stage typev1.Stage) *indicatorv1.Statement {
		m := about(subject, fmt.Sprint(subject, stage, len(name)), "1", stage)
		got := b.record(t, m).GetStatements()[0]
		name[fmt.Sprint(subject, stage)] = got.GetName()
		return got
	}
	for _, subject := range []string{mine, other} {
		for _, stage := range []typev1.Stage{draft, submitted, approved, released} {
			put(subject, stage)
		}
	}
	withdraw := func(role auth.Role, subject string, stage typev1.Stage) error {
		_, err := b.WithdrawStatements(by(t, role), &indicatorv1.WithdrawStatementsRequest{
			Names: []string{name[fmt.Sprint(subject, stage)]}, Reason: "wrong", ValidateOnly: true,
		})
		return err
	}
	for _, stage := range []typev1.Stage{draft, submitted, approved, released} {
		for role, last := range map[auth.Role]typev1.Stage{auth.Reporter: submitted, auth.Reviewer: approved, auth.Publisher: released, auth.Admin: released} {
			if err := withdraw(role, mine, stage); stage > last {
				refusedWith(t, err, codes.PermissionDenied, notPermitted)
			} else if err != nil {
				t.Errorf("%s withdraws %v: %v", role, stage, err)
			}
		}
	}
	// What a reporter does not see is not found, and what it sees is not its own.
	refusedWith(t, withdraw(auth.Reporter, other, draft), codes.NotFound, typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND)
	refusedWith(t, withdraw(auth.Reporter, other, released), codes.PermissionDenied, notPermitted)

	supersede := func(role auth.Role, m *indicatorv1.Statement, name string) error {
		req := recording(m)
		req.Statements[0].Supersedes, req.ValidateOnly = name, true
		_, err := b.RecordStatements(by(t, role), req)
		return err
	}
	next := about(mine, "next", "2", draft)
	for stage, may := range map[typev1.Stage]bool{draft: true, submitted: true, approved: false, released: false} {
		if err := supersede(auth.Reporter, next, name[fmt.Sprint(mine, stage)]); may && err != nil {
			t.Errorf("superseding %v: %v", stage, err)
		} else if !may {
			refusedWith(t, err, codes.PermissionDenied, notPermitted, "supersedes")
		}
	}
	err := supersede(auth.Reporter, next, name[fmt.Sprint(other, draft)])
	refusedWith(t, err, codes.PermissionDenied, notPermitted, "supersedes")
	if strings.Contains(err.Error(), other) {
		t.Errorf("the refusal tells whose statement it is: %v", err)
	}
	// Restating a released one as a draft would take it from the public.
	m := proto.CloneOf(put(mine, released))
	again := about(mine, m.GetLocator(), "1", draft)
	refusedWith(t, supersede(auth.Reporter, again, m.GetName()), codes.PermissionDenied, notPermitted, "supersedes")
	refusedWith(t, supersede(auth.Reviewer, again, m.GetName()), codes.PermissionDenied, notPermitted, "supersedes")
	if err := supersede(auth.Publisher, again, m.GetName()); err != nil {
		t.Errorf("a publisher takes back what is released: %v", err)
	}
}

func TestAReporterRegistersSelfReportedSourcesOnly(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	create := func(role auth.Role, r indicatorv1.Reliability) error {
		_, err := b.CreateSource(by(t, role), &indicatorv1.CreateSourceRequest{
			SourceId: "new", Source: &indicatorv1.Source{Title: zh("新"), Reliability: r}, ValidateOnly: true,
		})
		return err
	}
	for r := indicatorv1.Reliability_RELIABILITY_OFFICIAL; r <= indicatorv1.Reliability_RELIABILITY_TEMPLATE; r++ {
		if err := create(auth.Reviewer, r); err != nil {
			t.Errorf("a reviewer, %v: %v", r, err)
		}
		if err := create(auth.Reporter, r); r == indicatorv1.Reliability_RELIABILITY_SELF_REPORTED && err != nil {
			t.Errorf("a reporter: %v", err)
		} else if r != indicatorv1.Reliability_RELIABILITY_SELF_REPORTED {
			refusedWith(t, err, codes.PermissionDenied, notPermitted, "self-reported")
		}
	}
	for rows, column := range map[string]string{
		"new,新,official":       "reliability",
		"bureau,别的名字,official": "",
	} {
		resp, err := b.ImportFigures(by(t, auth.Reporter), table(sources, "id,title_zh,reliability\n"+rows+"\n"))
		if err != nil || resp.GetReport().GetCommitted() || len(resp.GetReport().GetProblems()) != 1 || resp.GetReport().GetProblems()[0].GetColumn() != column {
			t.Errorf("%s: %v, %v", rows, resp, err)
		}
	}
	resp, err := b.ImportFigures(by(t, auth.Reporter), table(sources, "id,title_zh,reliability\nnew,新,self_reported\nbureau,bureau,official\n"))
	if err != nil || !resp.GetReport().GetCommitted() {
		t.Errorf("a new one and one as it is: %v, %v", resp, err)
	}
}

// Every read of figures says what the caller may see and nothing of the rest.
func TestReadsShowACallerOnlyItsStagesAndZones(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	key := func(subject string, kind indicatorv1.Kind) *indicatorv1.FigureKey {
		k := &indicatorv1.FigureKey{Subject: subject, Indicator: "indicators/fai", Period: "2018", Kind: kind}
		if kind == indicatorv1.Kind_KIND_TARGET {
			k.Ambition = expected
		}
		return k
	}
	// For both zones a released target of 100, and a result of 90 that is not released.
	var aims, results []*indicatorv1.Statement
	for _, subject := range []string{mine, other} {
		aim := number("bureau", "target", key(subject, indicatorv1.Kind_KIND_TARGET), atLeast, "100", "亿元")
		aim.Stage = released
		aims = append(aims, aim)
		results = append(results, about(subject, "result", "90", submitted))
	}
	aims, results = b.record(t, aims...).GetStatements(), b.record(t, results...).GetStatements()

	for role, sees := range map[auth.Role]map[string]bool{
		auth.Viewer: {}, auth.Reporter: {mine: true}, auth.Reviewer: {mine: true, other: true}, auth.Publisher: {mine: true, other: true},
		auth.Admin: {mine: true, other: true}, auth.Service: {mine: true, other: true},
	} {
		ctx := by(t, role)
		for i, subject := range []string{mine, other} {
			says := func(what string, shown bool) {
				t.Helper()
				if shown != sees[subject] {
					t.Errorf("%s, %s: %s shows what is not released: %t", role, subject, what, shown)
				}
			}
			if _, err := b.GetStatement(ctx, &indicatorv1.GetStatementRequest{Name: aims[i].GetName()}); err != nil {
				t.Errorf("%s: what is released: %v", role, err)
			}
			_, err := b.GetStatement(ctx, &indicatorv1.GetStatementRequest{Name: results[i].GetName()})
			says("GetStatement", err == nil)
			_, err = b.GetFigure(ctx, &indicatorv1.GetFigureRequest{Key: results[i].GetKey()})
			says("GetFigure", err == nil)
			_, err = b.ListFigureHistory(ctx, &indicatorv1.ListFigureHistoryRequest{Key: results[i].GetKey()})
			says("ListFigureHistory", err == nil)
			filter := `key.subject = "` + subject + `"`
			list, err := b.ListStatements(ctx, &indicatorv1.ListStatementsRequest{Filter: filter})
			if err != nil || int(list.GetTotalSize()) != len(list.GetStatements()) {
				t.Errorf("%s: %v, %v", role, list, err)
			}
			says("ListStatements", len(list.GetStatements()) == 2)
			figures, err := b.ListFigures(ctx, &indicatorv1.ListFiguresRequest{Filter: filter})
			if err != nil || int(figures.GetTotalSize()) != len(figures.GetFigures()) {
				t.Errorf("%s: %v, %v", role, figures, err)
			}
			says("ListFigures", len(figures.GetFigures()) == 2)
			completions, err := b.targets.ListCompletions(ctx, &indicatorv1.ListCompletionsRequest{
				Subjects: []string{subject}, AsOf: &typev1.Date{Year: 2019, Month: 3, Day: 1},
			})
			if err != nil || len(completions.GetCompletions()) != 1 {
				t.Fatalf("%s: %v, %v", role, completions, err)
			}
			says("ListCompletions", strings.Contains(completions.String(), "90"))
		}
		all, err := b.ListStatements(ctx, &indicatorv1.ListStatementsRequest{})
		if err != nil || int(all.GetTotalSize()) != 2+len(sees) {
			t.Errorf("%s: %d statements in all, %v", role, all.GetTotalSize(), err)
		}
	}
}
