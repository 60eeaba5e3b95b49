package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Grid is a plain CSV table of numbers and codes, as statistical programs
// exchange them: UTF-8 with or without a byte order mark, a header of unique
// names, as many cells in every row. Unlike a [Sheet] it takes floating-point
// notation, since its numbers come from programs.
type Grid struct {
	// Name is the name of the file, for messages.
	Name   string
	Header []string
	Rows   [][]string
	// Lines are the lines of the file at which the rows begin.
	Lines []int
}

// ReadGrid reads a table. Space around cells is taken off, rows without any
// text are left out.
func ReadGrid(name string, content []byte) (*Grid, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = -1
	g := &Grid{Name: name}
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			if parse, ok := errors.AsType[*csv.ParseError](err); ok {
				return nil, fmt.Errorf("%s, line %d: %w; a cell with a quote in it stands in quotes, and its quotes are doubled", name, parse.Line, parse.Err)
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		blank := true
		for i := range record {
			record[i] = strings.TrimSpace(record[i])
			blank = blank && record[i] == ""
		}
		if blank {
			continue
		}
		if g.Header == nil {
			g.Header = record
			for i, h := range record {
				if slices.Index(record, h) != i {
					return nil, fmt.Errorf("%s: two columns are named %q; give each its own name", name, h)
				}
			}
			continue
		}
		if len(record) != len(g.Header) {
			return nil, fmt.Errorf("%s, line %d: %d cells under a header of %d; write NA for a missing value", name, line, len(record), len(g.Header))
		}
		g.Rows = append(g.Rows, record)
		g.Lines = append(g.Lines, line)
	}
	if g.Header == nil {
		return nil, fmt.Errorf("%s is empty; its first line names the columns", name)
	}
	return g, nil
}

// Column returns the number of the column with the name, or -1.
func (g *Grid) Column(name string) int { return slices.Index(g.Header, name) }

// Blank tells why a cell holds no number.
type Blank int

// What a cell can be.
const (
	Value         Blank = iota // a number
	Missing                    // NA, or nothing
	NotApplicable              // NAP, or 不适用: there can be no value
)

// Number reads a cell: a number, NA (or nothing) for a missing one, NAP for one
// that is not applicable; the value is NaN for both. Anything else is an error
// with the place and the remedy.
func (g *Grid) Number(row, column int) (float64, Blank, error) {
	cell := g.Rows[row][column]
	v, blank, err := ParseNumber(cell)
	if err != nil {
		err = fmt.Errorf("%s, line %d, column %s: %w", g.Name, g.Lines[row], g.Header[column], err)
	}
	return v, blank, err
}

// ParseNumber reads the text of a cell as [Grid.Number] does.
func ParseNumber(cell string) (float64, Blank, error) {
	switch cell {
	case "", "NA":
		return math.NaN(), Missing, nil
	case "NAP", "不适用":
		return math.NaN(), NotApplicable, nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case err == nil && !strings.ContainsAny(cell, "xXpP_") && !math.IsInf(v, 0) && !math.IsNaN(v):
		return v, Value, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, Value, fmt.Errorf("%q is too large for a floating-point number; use a larger unit", cell)
	}
	if form := CheckNumber(cell); form != nil {
		return 0, Value, fmt.Errorf("%q is not a number: %w (missing values are NA)", cell, form)
	}
	return 0, Value, fmt.Errorf("%q is not a number; missing values are NA", cell)
}

// FormatNumber writes the shortest text that reads back to the same float64, and
// NA for NaN.
func FormatNumber(v float64) string {
	if math.IsNaN(v) {
		return "NA"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// WriteGrid writes a header and rows as CSV with line feeds.
func WriteGrid(w io.Writer, header []string, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.Write(header); err != nil {
		return err
	}
	return c.WriteAll(rows)
}
