// Package table prints tables that align in a terminal, with Chinese text that
// takes two cells a character, and that fit its width by wrapping inside cells.
package table

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Characters whose width depends on the terminal count as one cell: everything
// printed here keeps away from them where a column follows.
var cells = &runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}

// Width is the number of terminal cells that a text takes.
func Width(text string) int { return cells.StringWidth(text) }

// A Column has a heading; numbers are set to the right.
type Column struct {
	Head  string
	Right bool
}

// Table collects rows.
type Table struct {
	columns []Column
	rows    [][]string
}

// New starts a table with the headings of its columns; one that begins with `>`
// is set to the right.
func New(heads ...string) *Table {
	t := &Table{columns: make([]Column, len(heads))}
	for i, h := range heads {
		rest, right := strings.CutPrefix(h, ">")
		t.columns[i] = Column{Head: rest, Right: right}
	}
	return t
}

// Row adds a row; missing cells are empty.
func (t *Table) Row(texts ...string) {
	row := make([]string, len(t.columns))
	copy(row, texts)
	t.rows = append(t.rows, row)
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Cells between two columns; many columns that must be narrowed stand closer.
const (
	gap       = 2
	narrowGap = 1
	many      = 6
)

// Write prints the table in at most width cells a line, if it can be done
// without breaking words; 0 sets no limit.
func (t *Table) Write(w io.Writer, width int) {
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.Head
	}
	widths, gap := t.fit(heads, width)
	between := strings.Repeat(" ", gap)
	head := t.lay(heads, widths, between)
	body := make([][]string, len(t.rows))
	loose := false // With wrapped cells, an empty line tells the rows apart.
	for i, row := range t.rows {
		body[i] = t.lay(row, widths, between)
		loose = loose || len(body[i]) > 1
	}
	for _, line := range head {
		fmt.Fprintln(w, line)
	}
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	fmt.Fprintln(w, strings.Join(rule, between))
	for i, lines := range body {
		if loose && i > 0 {
			fmt.Fprintln(w)
		}
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
	}
}

// fit takes from the widest columns until a line fits, never breaking a word.
func (t *Table) fit(heads []string, width int) (widths []int, between int) {
	widths = make([]int, len(heads))
	least := make([]int, len(heads))
	for _, row := range append([][]string{heads}, t.rows...) {
		for i, text := range row {
			for line := range strings.SplitSeq(text, "\n") {
				widths[i] = max(widths[i], Width(line))
			}
			for _, word := range words(text) {
				least[i] = max(least[i], Width(strings.TrimSpace(word)))
			}
		}
	}
	sum := 0
	for _, n := range widths {
		sum += n
	}
	between = gap
	if width <= 0 || sum+between*(len(widths)-1) <= width {
		return widths, between
	}
	if len(widths) > many {
		between = narrowGap
	}
	total := sum + between*(len(widths)-1)
	for total > width {
		widest := -1
		for i, n := range widths {
			if n > least[i] && (widest < 0 || n > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths, between
}

// lay makes the lines of one row.
func (t *Table) lay(row []string, widths []int, between string) []string {
	wrapped := make([][]string, len(row))
	height := 1
	for i, text := range row {
		wrapped[i] = Wrap(text, widths[i])
		height = max(height, len(wrapped[i]))
	}
	lines := make([]string, height)
	for l := range lines {
		var b strings.Builder
		for i := range row {
			text := ""
			if l < len(wrapped[i]) {
				text = wrapped[i][l]
			}
			space := strings.Repeat(" ", max(0, widths[i]-Width(text)))
			if i > 0 {
				b.WriteString(between)
			}
			if t.columns[i].Right {
				b.WriteString(space + text)
			} else {
				b.WriteString(text + space)
			}
		}
		lines[l] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// Wrap breaks a text into lines of at most width cells, between words and
// between Chinese characters; 0 keeps its lines. A word that is wider stands alone.
func Wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		if width <= 0 || Width(paragraph) <= width {
			lines = append(lines, paragraph)
			continue
		}
		line := ""
		for _, word := range words(paragraph) {
			if line != "" && Width(line+strings.TrimRight(word, " ")) > width {
				lines = append(lines, strings.TrimRight(line, " "))
				line = ""
			}
			line += word
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

const (
	closing = ",.;:!?)]}%,。、;:!?)】〕》”’"
	opening = "([{(【〔《“‘"
)

// words splits where a line may break: behind spaces and around each wide
// character, but not before closing nor behind opening punctuation.
func words(text string) []string {
	var out []string
	var word strings.Builder
	last := rune(0)
	for _, r := range text {
		breaks := last != 0 && (last == ' ' || last == '\n' || wide(last) || wide(r)) &&
			r != ' ' && !strings.ContainsRune(closing, r) && !strings.ContainsRune(opening, last)
		if breaks {
			out = append(out, word.String())
			word.Reset()
		}
		word.WriteRune(r)
		last = r
	}
	return append(out, word.String())
}

func wide(r rune) bool { return cells.RuneWidth(r) > 1 }
