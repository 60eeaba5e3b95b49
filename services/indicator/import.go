package indicator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/tabular"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// ImportFigures implements zonebench.indicator.v1.IndicatorService.
//
// A table is accepted whole or refused whole. Rows are judged on the committer,
// like every other request, so what the report says of them is what was written.
func (s *Service) ImportFigures(ctx context.Context, req *indicatorv1.ImportFiguresRequest) (*indicatorv1.ImportFiguresResponse, error) {
	caller := auth.From(ctx)
	if err := mayImport(caller, req.GetKind()); err != nil {
		return nil, err
	}
	var t table
	switch req.GetKind() {
	case indicatorv1.FigureTable_FIGURE_TABLE_INDICATORS:
		t = &indicatorTable{rules: s.rules}
	case indicatorv1.FigureTable_FIGURE_TABLE_SOURCES:
		t = &sourceTable{rules: s.rules, caller: caller}
	case indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS:
		t = &statementTable{rules: s.rules, caller: caller}
	case indicatorv1.FigureTable_FIGURE_TABLE_LISTS:
		t = &listTable{rules: s.rules}
	default:
		return nil, fault.InvalidField("kind", "say indicators, sources, lists or statements")
	}
	sheet, problems := tabular.Read(req.GetTable().GetContent(), req.GetTable().GetCharset(), t.columns())
	if req.GetKind() == indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS {
		suggestPhrases(problems)
	}
	i := &importing{service: s, req: req, sheet: sheet, read: problems, table: t}
	receipt, err := i.write(ctx)
	if err != nil {
		return nil, err
	}
	_, state := s.written(ctx, receipt)
	return &indicatorv1.ImportFiguresResponse{Report: i.report(), State: state}, nil
}

// table is one kind of table.
type table interface {
	columns() []tabular.Column
	// plan judges the rows and collects the facts that they come to.
	plan(sheet *tabular.Sheet, view figures.View, zones registry.View) *plan
}

// plan is what rows come to.
type plan struct {
	problems                    []*typev1.RowProblem
	created, updated, unchanged int32
	facts                       []*ledgerv1.Fact
	names                       []string
}

// importing is one import on its way.
type importing struct {
	service *Service
	req     *indicatorv1.ImportFiguresRequest
	sheet   *tabular.Sheet
	read    []*typev1.RowProblem // what reading the sheet found
	table   table
	plan    *plan // of the last judgement
	written bool
}

// errRefused ends a command whose table has problems; the report says which.
var errRefused = errors.New("the table is refused")

// judge plans the import on a state and says whether the table is refused.
func (i *importing) judge(view figures.View, zones registry.View) error {
	i.plan = i.table.plan(i.sheet, view, zones)
	i.plan.problems = firstOfEachCell(append(slices.Clone(i.read), i.plan.problems...))
	if tabular.Refused(i.plan.problems) {
		return errRefused
	}
	return nil
}

// firstOfEachCell leaves one problem for a cell: the later ones follow from it.
func firstOfEachCell(problems []*typev1.RowProblem) []*typev1.RowProblem {
	type cell struct {
		line   int32
		column string
	}
	seen := make(map[cell]bool, len(problems))
	return slices.DeleteFunc(problems, func(p *typev1.RowProblem) bool {
		at := cell{p.GetLine(), p.GetColumn()}
		again := at.column != "" && seen[at]
		seen[at] = true
		return again
	})
}

func (i *importing) report() *typev1.ImportReport {
	r := i.sheet.Report(i.plan.problems)
	if !tabular.Refused(i.plan.problems) {
		r.Created, r.Updated, r.Unchanged = i.plan.created, i.plan.updated, i.plan.unchanged
	}
	r.Committed = i.written
	return r
}

// write writes the import as one transaction, in stages if it is larger than
// one, or refuses it.
func (i *importing) write(ctx context.Context) (ledger.Receipt, error) {
	// A table full of faults is found out here and not on the committer, where everybody waits. Only a retry goes on: it
	// is answered as the first one was, whatever has changed since.
	zones, _ := i.service.deps.Registry.Current()
	if err := i.judge(i.service.at(0), zones.View(0)); err != nil && i.req.GetRequestId() == "" {
		return i.refused(), nil
	}
	receipt, err := i.service.write(ctx, "ImportFigures", i.req, func(view figures.View, zones registry.View) (ledger.Proposal, error) {
		if err := i.judge(view, zones); err != nil {
			return ledger.Proposal{}, err
		}
		if i.large() && !i.req.GetValidateOnly() {
			return ledger.Proposal{}, errLarge
		}
		if i.large() { // A dry run of a large import: nothing is written, so its size does not matter.
			return ledger.Proposal{}, nil
		}
		return ledger.Proposal{Facts: i.plan.facts, Names: i.plan.names}, nil
	})
	switch {
	case errors.Is(err, errRefused):
		return i.refused(), nil
	case errors.Is(err, errLarge):
		return i.writeStaged(ctx)
	case err != nil:
		return ledger.Receipt{}, err
	}
	if receipt.Duplicate {
		// A retry was not judged again: its report is made on the state before the first one.
		if err := i.judge(i.service.at(receipt.Revision-1), zones.View(0)); err != nil {
			return ledger.Receipt{}, fault.Bug("import-retry", err)
		}
	}
	i.written = !i.req.GetValidateOnly()
	return receipt, nil
}

// refused is the receipt of a table that was refused: its report is the answer.
func (i *importing) refused() ledger.Receipt {
	return ledger.Receipt{Revision: i.service.deps.Ledger.Applied()}
}

// errLarge ends a command that needs more than one commit.
var errLarge = errors.New("the import is larger than one commit")

// stageBytes is how much of an import goes into one commit: what one can hold, less what stands around it.
const stageBytes = ledger.MaxCommitBytes - 64<<10

func (i *importing) large() bool {
	size := 0
	for _, f := range i.plan.facts {
		size += proto.Size(f) + 8
	}
	for _, n := range i.plan.names {
		size += len(n) + 4
	}
	return size > stageBytes
}

// writeStaged writes a large import: chunks that nobody sees, then the one fact
// that makes them visible together. What fails before it leaves nothing but
// chunks that expire.
func (i *importing) writeStaged(ctx context.Context) (ledger.Receipt, error) {
	chunks, err := i.chunks()
	if err != nil {
		return ledger.Receipt{}, err
	}
	id := rand.Text()
	base := i.service.at(0).Revision()
	digest, count := figures.NewDigest(), int64(0)
	for n, statements := range chunks {
		staged := &ledgerv1.StagedStatements{ImportId: id, Chunk: int32(n + 1), Statements: statements}
		for _, m := range statements {
			digest.Add(m)
			count++
		}
		stage, err := i.service.command(ctx, "ImportFigures", i.req, func(figures.View, registry.View) (ledger.Proposal, error) {
			return ledger.Proposal{Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_StagedStatements{StagedStatements: staged}}}}, nil
		})
		if err != nil {
			return ledger.Receipt{}, err
		}
		stage.RequestID = "" // The request is done with the last commit, not with this one.
		if _, err := i.service.deps.Lane.Commit(ctx, stage); err != nil {
			return ledger.Receipt{}, err //nolint:wrapcheck // faults go to the caller as they are
		}
	}
	commit, err := i.service.command(ctx, "ImportFigures", i.req, nil)
	if err != nil {
		return ledger.Receipt{}, err
	}
	commit.Decide = func(state *figures.State, _ ledger.Position) (ledger.Proposal, error) {
		if state.Staged(id) != len(chunks) {
			return ledger.Proposal{}, fault.New(codes.DeadlineExceeded, typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
				"the import took longer than its stages live, and nothing of it was written: send it again")
		}
		// Others may have written since the rows were judged.
		zones, _ := i.service.deps.Registry.Current()
		if err := i.judge(state.View(0), zones.View(0)); err != nil {
			return ledger.Proposal{}, err
		}
		return ledger.Proposal{Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_ImportCommitted{ImportCommitted: &ledgerv1.ImportCommitted{
			ImportId: id, Count: count, Digest: digest.Sum(), BaseRevision: base,
		}}}}}, nil
	}
	receipt, err := i.service.deps.Lane.Commit(ctx, commit)
	if errors.Is(err, errRefused) {
		return i.refused(), nil
	}
	if err != nil {
		return ledger.Receipt{}, err //nolint:wrapcheck // faults go to the caller as they are
	}
	i.written = true
	return receipt, nil
}

// chunks splits the planned statements into what fits one commit each.
func (i *importing) chunks() ([][]*indicatorv1.Statement, error) {
	var chunks [][]*indicatorv1.Statement
	size := stageBytes
	for _, f := range i.plan.facts {
		m := f.GetStatement()
		if m == nil {
			return nil, fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
				"the table is larger than one commit, and only new statements can be written in stages: "+
					"split it, with the rows that supersede others in a table of their own")
		}
		need := proto.Size(m) + 8
		if size+need > stageBytes {
			chunks, size = append(chunks, nil), 0
		}
		chunks[len(chunks)-1] = append(chunks[len(chunks)-1], m)
		size += need
	}
	return chunks, nil
}

// row reads the cells of one row into a message and gathers what is wrong.
type row struct {
	tabular.Row
	sheet    *tabular.Sheet
	problems []*typev1.RowProblem
}

func (r *row) wrong(column string, err *tabular.FormError) {
	if err != nil {
		r.problems = append(r.problems, r.Errorf(column, err.Remedy, "%s", err.Message))
	}
}

// text sets a field from a column, if the table has it.
func (r *row) text(column string, set func(string)) {
	if r.sheet.Has(column) {
		set(r.Cell(column))
	}
}

func (r *row) boolean(column string, set func(bool)) {
	if r.sheet.Has(column) {
		value, _ := tabular.ParseBoolean(r.Cell(column)) // Reading the sheet has reported what is wrong.
		set(value)
	}
}

func (r *row) date(column string) *typev1.Date {
	cell := r.Cell(column)
	if cell == "" {
		return nil
	}
	d, err := tabular.ParseDate(cell)
	if err != nil { // Reading the sheet has reported it.
		return nil
	}
	return d
}

// reference completes an id to a resource name.
func reference(cell, collection string) string {
	if cell == "" || strings.Contains(cell, "/") {
		return cell
	}
	return collection + "/" + cell
}

func references(cell, collection string) []string {
	var out []string
	for _, entry := range tabular.SplitList(cell) {
		out = append(out, reference(entry, collection))
	}
	return out
}

// flaws turns what is wrong with a message into problems of its row.
func (r *row) flaws(flaws []flaw, columnOf func(string) string) {
	for _, f := range flaws {
		column := columnOf(f.path)
		if !r.sheet.Has(column) {
			// The column is not in the table, so the whole row is at fault and the message has to say the column.
			r.problems = append(r.problems, r.Errorf("", f.remedy, "%s: %s", column, f.message))
			continue
		}
		r.problems = append(r.problems, r.Errorf(column, f.remedy, "%s", f.message))
	}
}

// contract holds a message against the rules of its proto.
func (r *row) contract(rules protovalidate.Validator, m proto.Message, columnOf func(string) string) {
	var invalidMessage *protovalidate.ValidationError
	if !errors.As(rules.Validate(m), &invalidMessage) {
		return
	}
	for _, v := range invalidMessage.Violations {
		path := protovalidate.FieldPathString(v.Proto.GetField())
		r.flaws([]flaw{{path: path, message: v.Proto.GetMessage(), remedy: "see the columns in docs/import.md"}}, columnOf)
	}
}

// id checks the id of a resource row and gives its name.
func (r *row) id(collection string) string {
	id := strings.TrimPrefix(r.Cell("id"), collection+"/")
	if !isID(id) {
		r.problems = append(r.problems, r.Errorf("id", "use 2 to 63 lower-case letters, digits and hyphens, beginning with a letter", "not an id"))
	}
	return collection + "/" + id
}

func isID(id string) bool {
	if len(id) < 2 || len(id) > 63 || id[0] < 'a' || id[0] > 'z' || id[len(id)-1] == '-' {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func enumCell[E interface {
	~int32
	enumOf
}](r *row, column string, set func(E)) {
	if !r.sheet.Has(column) {
		return
	}
	value, err := tabular.ParseEnum[E](r.Cell(column))
	r.wrong(column, err)
	set(value)
}

// comparators as tables write them.
var comparators = map[string]typev1.Comparator{
	"": 0, "=": typev1.Comparator_COMPARATOR_EQUAL, ">=": typev1.Comparator_COMPARATOR_AT_LEAST, ">": typev1.Comparator_COMPARATOR_MORE_THAN,
	"<=": typev1.Comparator_COMPARATOR_AT_MOST, "<": typev1.Comparator_COMPARATOR_LESS_THAN, "~": typev1.Comparator_COMPARATOR_ABOUT,
}

var meantComparators = map[string]string{
	"≥": ">=", "＞=": ">=", "=>": ">=", "以上": ">=", "不少于": ">=", "不低于": ">=", "＞": ">", "超": ">", "余": ">", "多": ">",
	"≤": "<=", "=<": "<=", "以内": "<=", "不超过": "<=", "＜": "<", "＝": "=", "==": "=", "≈": "~", "约": "~", "左右": "~", "～": "~",
}

func (r *row) comparator() typev1.Comparator {
	cell := r.Cell("comparator")
	c, ok := comparators[cell]
	if !ok {
		remedy := "write one of = >= > <= < ~"
		if meant := meantComparators[cell]; meant != "" {
			remedy = "write " + meant
		}
		r.problems = append(r.problems, r.Errorf("comparator", remedy, "not a comparator"))
	}
	return c
}

func (r *row) releaseTime() *timestamppb.Timestamp {
	cell := r.Cell("release_time")
	if cell == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, cell)
	if err != nil {
		r.problems = append(r.problems, r.Errorf("release_time", "write date, time and zone: 2020-05-07T09:00:00+08:00", "not a time"))
		return nil
	}
	return timestamppb.New(t)
}

// twice reports a row whose id stands in an earlier row too.
func (r *row) twice(name string, lines map[string]int) {
	if line, ok := lines[name]; ok {
		r.problems = append(r.problems, r.Errorf("id", "keep one of the rows", "%s stands in line %d too", name, line))
		return
	}
	lines[name] = r.Line
}

// candidates lists what an ambiguous or unknown text may mean.
func candidates(view registry.View, subjects []string) string {
	words := make([]string, len(subjects))
	for i, name := range subjects {
		display, _ := view.DisplayName(name)
		words[i] = fmt.Sprintf("%s (%s)", name, display.GetZh())
	}
	return strings.Join(words, ", ")
}
