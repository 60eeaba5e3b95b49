package tabular_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"zonebench.internal/pkg/tabular"
)

func TestGridReadsWhatProgramsWrite(t *testing.T) {
	t.Parallel()
	g, err := tabular.ReadGrid("d.csv", []byte("\ufeff\"uCode\",\"x\",y\r\nAUT, 1.5e-3 ,NA\r\n\r\n\"B,EL\",-0.1,NAP\r\n,,\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Rows) != 2 || g.Rows[1][0] != "B,EL" || g.Lines[1] != 4 || g.Column("y") != 2 || g.Column("z") != -1 {
		t.Errorf("%+v", g)
	}
	for _, c := range []struct {
		row, column int
		value       float64
		blank       tabular.Blank
	}{{0, 1, 0.0015, tabular.Value}, {0, 2, math.NaN(), tabular.Missing}, {1, 1, -0.1, tabular.Value}, {1, 2, math.NaN(), tabular.NotApplicable}} {
		v, blank, err := g.Number(c.row, c.column)
		if err != nil || blank != c.blank || v != c.value && !math.IsNaN(c.value) {
			t.Errorf("row %d, column %d: %v, %v, %v", c.row, c.column, v, blank, err)
		}
	}
}

func TestGridSaysWhatIsWrongWhere(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":             "is empty",
		"a,a\n1,2\n":   `two columns are named "a"`,
		"a,b\n1\n":     "line 2: 1 cells under a header of 2",
		"a,b\n\"1,2\n": "line ",
	} {
		if _, err := tabular.ReadGrid("d.csv", []byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
	for cell, want := range map[string]string{
		"abc": `"abc" is not a number`, "1,5": "decimal comma", "１２": "half-width", "Inf": "not a number", "NaN": "not a number",
		"0x1p3": "not a number", "1_000": "not a number", "1e999": "use a larger unit", "#N/A": "missing values are NA",
	} {
		if _, _, err := tabular.ParseNumber(cell); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", cell, err, want)
		}
	}
	g, err := tabular.ReadGrid("d.csv", []byte("a,b\n1,x\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Number(0, 1); err == nil || !strings.HasPrefix(err.Error(), "d.csv, line 2, column b: ") {
		t.Errorf("%v", err)
	}
}

func TestNumbersReadBack(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{0, 0.1, 1. / 3, 1e21, 1e-9, -123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		back, _, err := tabular.ParseNumber(tabular.FormatNumber(v))
		if err != nil || back != v {
			t.Errorf("%v became %v, %v", v, back, err)
		}
	}
	if tabular.FormatNumber(math.NaN()) != "NA" {
		t.Error("NaN is not NA")
	}
}

func FuzzReadGrid(f *testing.F) {
	f.Add([]byte("uCode,x\nAUT,1\n"))
	f.Add([]byte("\ufeffa,\"b\"\"c\"\r\n1,NA\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		g, err := tabular.ReadGrid("f.csv", content)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := tabular.WriteGrid(&b, g.Header, g.Rows); err != nil {
			t.Fatal(err)
		}
		// A single column of empty cells is a blank line, which is no row.
		again, err := tabular.ReadGrid("f.csv", b.Bytes())
		if err != nil {
			t.Fatalf("%q became %q: %v", content, b.Bytes(), err)
		}
		if len(again.Rows) != len(g.Rows) || len(again.Header) != len(g.Header) {
			t.Fatalf("%q became %q", content, b.Bytes())
		}
		for i := range g.Rows {
			for j := range g.Header {
				_, _, _ = g.Number(i, j)
			}
		}
	})
}
