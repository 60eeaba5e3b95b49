// Package tabular reads the tables that people keep: CSV as spreadsheets save
// it, in UTF-8 or, when declared, in GB18030.
//
// Read looks at a whole file before anybody acts on it and says of everything
// it cannot use where it stands, what was found there and how to mend it. It
// repairs nothing in silence: a full-width digit or a decimal comma is a
// question for the author of the table.
package tabular

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// MaxProblems is how many problems a report lists. Reading goes on behind the
// last one, so that the counts of a report are right.
const MaxProblems = 1000

// Form is what the cells of a column must look like.
type Form int

// The forms. An empty cell has every form; whether it may be empty is Column.Required.
const (
	FormText    Form = iota // anything
	FormNumber              // an exact decimal: 12, -0.5, 2.70
	FormDate                // a civil date: 2020, 2020-05 or 2020-05-07
	FormBoolean             // true or false
)

// Column is a column that a table may have.
type Column struct {
	Name string
	Form Form
	// Required columns stand in the header and have no empty cell.
	Required bool
}

// Sheet is a table that was read.
type Sheet struct {
	// Header has the column names in the order of the file.
	Header []string
	// Rows are the rows with as many cells as the header, in the order of the
	// file; rows without any text, which spreadsheets leave at the end, are not among them.
	Rows []Row
	// Read counts the rows of the file that hold text, the ragged ones too.
	Read int
}

// Row is one row of a sheet.
type Row struct {
	// Line in the file as a text editor counts, the header is 1. A row with a
	// line break in a quoted cell begins here.
	Line  int
	sheet *Sheet
	cells []string
}

// Cell is the text in a column without the spaces around it, empty when the table has no such column.
func (r Row) Cell(column string) string {
	if i := slices.Index(r.sheet.Header, column); i >= 0 {
		return r.cells[i]
	}
	return ""
}

// Has says whether the table has a column of that name, empty or not.
func (s *Sheet) Has(column string) bool { return slices.Contains(s.Header, column) }

// Errorf makes the problem that refuses an import because of this row. Column is empty when the whole row is meant.
func (r Row) Errorf(column, remedy, format string, args ...any) *typev1.RowProblem {
	return problem(typev1.RowProblem_SEVERITY_ERROR, r.Line, column, r.found(column), remedy, format, args...)
}

// Warnf makes a problem that does not refuse the import.
func (r Row) Warnf(column, remedy, format string, args ...any) *typev1.RowProblem {
	return problem(typev1.RowProblem_SEVERITY_WARNING, r.Line, column, r.found(column), remedy, format, args...)
}

func (r Row) found(column string) string {
	if column == "" {
		return strings.Join(r.cells, ",")
	}
	return r.Cell(column)
}

func problem(severity typev1.RowProblem_Severity, line int, column, found, remedy, format string, args ...any) *typev1.RowProblem {
	return &typev1.RowProblem{
		Line: int32(line), Column: column, Found: cut(found), Severity: severity, Remedy: remedy,
		Message: fmt.Sprintf(format, args...),
	}
}

// cut shortens what was found to 200 bytes of valid UTF-8.
func cut(s string) string {
	const most = 200
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	const dots = "…"
	s = s[:most-len(dots)]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + dots
}

// Refused says whether one of the problems refuses the import.
func Refused(problems []*typev1.RowProblem) bool {
	return slices.ContainsFunc(problems, func(p *typev1.RowProblem) bool {
		return p.GetSeverity() == typev1.RowProblem_SEVERITY_ERROR
	})
}

// Report makes the report of an import out of a sheet and everything that was
// found wrong with it: problems in row order, cut to MaxProblems, and the rows
// counted. The caller adds what became of the rows.
func (s *Sheet) Report(problems []*typev1.RowProblem) *typev1.ImportReport {
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b *typev1.RowProblem) int { return cmp.Compare(a.GetLine(), b.GetLine()) })
	rejected := make(map[int32]bool)
	for _, p := range problems {
		if p.GetSeverity() == typev1.RowProblem_SEVERITY_ERROR {
			rejected[p.GetLine()] = true
		}
	}
	return &typev1.ImportReport{
		Rows:     int32(s.Read),
		Rejected: int32(len(rejected)),
		Problems: problems[:min(len(problems), MaxProblems)],
	}
}

// Read reads a table whose columns are among those named. When a problem is an
// error, the table must be refused; the rows it could read are returned anyway,
// so that the caller can add what is wrong with their content.
func Read(content []byte, charset typev1.Charset, columns []Column) (*Sheet, []*typev1.RowProblem) {
	sheet := &Sheet{}
	text, wrong := decode(content, charset)
	if wrong != nil {
		return sheet, []*typev1.RowProblem{wrong}
	}
	r := reader{csv: csv.NewReader(strings.NewReader(text)), sheet: sheet, forms: make(map[string]Column, len(columns))}
	r.csv.FieldsPerRecord = -1 // Ragged rows are reported, not fatal.
	for _, c := range columns {
		r.forms[c.Name] = c
	}
	if r.header(columns) {
		r.rows()
	}
	return sheet, r.problems
}

type reader struct {
	csv      *csv.Reader
	sheet    *Sheet
	forms    map[string]Column
	problems []*typev1.RowProblem
}

func (r *reader) errorf(line int, column, found, remedy, format string, args ...any) {
	r.problems = append(r.problems, problem(typev1.RowProblem_SEVERITY_ERROR, line, column, found, remedy, format, args...))
}

// header reads the first line and says whether rows can be read under it.
func (r *reader) header(columns []Column) bool {
	names, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		r.errorf(1, "", "", "begin the file with a line of column names: "+list(columns), "the table is empty")
		return false
	}
	if err != nil {
		r.malformed(err)
		return false
	}
	line, _ := r.csv.FieldPos(0)
	for i, name := range names {
		names[i] = trim(name)
	}
	if len(names) == 1 && len(columns) > 1 {
		for _, s := range separators {
			if strings.Contains(names[0], s.mark) {
				r.errorf(line, "", names[0], "save the table as CSV separated by commas", "the columns are separated by %s", s.called)
				return false
			}
		}
	}
	known := make([]string, len(columns))
	for i, c := range columns {
		known[i] = c.Name
	}
	for i, name := range names {
		switch _, ok := r.forms[name]; {
		case name == "":
			r.errorf(line, "", "", "name the column or remove it", "column %d has no name", i+1)
		case slices.Contains(names[:i], name):
			r.errorf(line, name, name, "keep one of them", "the column %q stands twice in the header", name)
		case !ok:
			remedy := "columns of this table are " + list(columns)
			if near := nearest.Word(strings.ToLower(name), known); near != "" && !slices.Contains(names, near) {
				remedy = fmt.Sprintf("did you mean %q?", near)
			}
			r.errorf(line, name, name, remedy, "this table has no column %q", name)
		}
	}
	for _, c := range columns {
		if c.Required && !slices.Contains(names, c.Name) {
			r.errorf(line, c.Name, "", fmt.Sprintf("add a column named %q", c.Name), "the column %q is missing", c.Name)
		}
	}
	r.sheet.Header = names
	return len(r.problems) == 0
}

var separators = []struct{ mark, called string }{
	{";", "semicolons"}, {"\t", "tabs"}, {"，", "full-width commas"}, {"|", "bars"},
}

func list(columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

func (r *reader) rows() {
	for {
		cells, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.sheet.Read++
			r.malformed(err)
			continue
		}
		line, _ := r.csv.FieldPos(0)
		blank := true
		for i, c := range cells {
			cells[i] = trim(c)
			blank = blank && cells[i] == ""
		}
		if blank {
			continue
		}
		r.sheet.Read++
		if len(cells) != len(r.sheet.Header) {
			r.ragged(line, cells)
			continue
		}
		row := Row{Line: line, sheet: r.sheet, cells: cells}
		r.sheet.Rows = append(r.sheet.Rows, row)
		r.cells(row)
	}
}

func (r *reader) ragged(line int, cells []string) {
	remedy := "put text that holds a comma between double quotes"
	if len(cells) < len(r.sheet.Header) {
		remedy = "add the missing commas; an empty cell needs its comma too"
	}
	r.errorf(line, "", strings.Join(cells, ","), remedy, "the row has %d cells, the header has %d", len(cells), len(r.sheet.Header))
}

// cells checks the form of each cell of a row.
func (r *reader) cells(row Row) {
	for i, name := range r.sheet.Header {
		column, cell := r.forms[name], row.cells[i]
		if cell == "" {
			if column.Required {
				r.problems = append(r.problems, row.Errorf(name, "fill it in", "the cell is empty"))
			}
			continue
		}
		if strings.ContainsRune(cell, utf8.RuneError) {
			r.problems = append(r.problems, row.Errorf(name, "restore the text from the original and save it as UTF-8",
				"the text was damaged by a wrong conversion (it holds U+FFFD)"))
			continue
		}
		var wrong *FormError
		switch column.Form {
		case FormText:
		case FormNumber:
			wrong = CheckNumber(cell)
		case FormDate:
			_, wrong = ParseDate(cell)
		case FormBoolean:
			_, wrong = ParseBoolean(cell)
		}
		if wrong != nil {
			r.problems = append(r.problems, row.Errorf(name, wrong.Remedy, "%s", wrong.Message))
		}
	}
}

// malformed reports a fault of quoting. The reader has then read past the line, or to the end for a quote that never closes.
func (r *reader) malformed(err error) {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		r.errorf(1, "", "", "save the table as CSV", "the table cannot be read: %v", err)
		return
	}
	message, remedy := wrong.Err.Error(), "save the table as CSV (RFC 4180)"
	switch {
	case errors.Is(wrong.Err, csv.ErrBareQuote):
		message = `a cell that is not quoted holds the double quote "`
		remedy = `put the whole cell between double quotes and write each double quote inside it twice: ""`
	case errors.Is(wrong.Err, csv.ErrQuote):
		message = `a quoted cell does not end where it should: a closing double quote is missing, or text follows it`
		remedy = `close the cell with a double quote and write each double quote inside it twice: ""`
	}
	r.errorf(wrong.StartLine, "", "", remedy, "%s (line %d, character %d)", message, wrong.Line, wrong.Column)
}

// trim removes spaces, the full-width one too, on both sides.
func trim(s string) string { return strings.TrimFunc(s, unicode.IsSpace) }

var utf8Mark = []byte("\uFEFF")

// decode gives the text of a file, or the reason why its bytes are not what the charset says.
func decode(content []byte, charset typev1.Charset) (string, *typev1.RowProblem) {
	fail := func(line int, found, remedy, format string, args ...any) (string, *typev1.RowProblem) {
		return "", problem(typev1.RowProblem_SEVERITY_ERROR, line, "", found, remedy, format, args...)
	}
	switch {
	case bytes.HasPrefix(content, []byte{0xFF, 0xFE}), bytes.HasPrefix(content, []byte{0xFE, 0xFF}):
		return fail(1, "", "save the table as CSV UTF-8", "the table is in UTF-16 (spreadsheets call it Unicode text)")
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return fail(1, "", "save the sheet as CSV UTF-8", "the file is a workbook (xlsx) or another zip archive, not a CSV table")
	}
	if i := bytes.IndexByte(content, 0); i >= 0 {
		return fail(lineOf(content, i), "", "save the table as CSV UTF-8", "the file holds a zero byte: it is not a text")
	}
	if charset == typev1.Charset_CHARSET_GB18030 {
		if bytes.HasPrefix(content, utf8Mark) || utf8.Valid(content) && bytes.ContainsFunc(content, isHan) {
			return fail(1, firstHan(content), "declare the charset UTF-8, or leave it out", "the table is declared as GB18030 and is UTF-8")
		}
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(content)
		if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
			return fail(lineOf(text, max(0, bytes.IndexRune(text, utf8.RuneError))), "",
				"save the table as CSV UTF-8", "the table is declared as GB18030 and has bytes that are not")
		}
		return string(text), nil
	}
	content = bytes.TrimPrefix(content, utf8Mark)
	if utf8.Valid(content) {
		return string(content), nil
	}
	at := firstInvalid(content)
	line := lineOf(content, at)
	// The line decoded as GBK shows the author whether that guess is right; it stays a guess, so it must be declared.
	if text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(lineAt(content, at)); err == nil && !bytes.ContainsRune(text, utf8.RuneError) {
		return fail(line, string(text), "declare the charset GB18030 if the text shown here is right, or save the table as CSV UTF-8",
			"the table is not UTF-8; it looks like GBK (GB18030)")
	}
	return fail(line, string(lineAt(content, at)), "save the table as CSV UTF-8", "the table is not UTF-8: byte 0x%02X does not fit", content[at])
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func firstHan(content []byte) string {
	if i := bytes.IndexFunc(content, isHan); i >= 0 {
		return string(lineAt(content, i))
	}
	return ""
}

func firstInvalid(content []byte) int {
	for i := 0; i < len(content); {
		r, n := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(content)
}

func lineOf(content []byte, at int) int {
	return 1 + bytes.Count(content[:min(at, len(content))], []byte{'\n'})
}

func lineAt(content []byte, at int) []byte {
	start := bytes.LastIndexByte(content[:at], '\n') + 1
	line := content[start:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	return bytes.TrimSuffix(line, []byte{'\r'})
}
