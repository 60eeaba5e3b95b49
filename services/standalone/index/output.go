package index

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/tabular"
)

// writeDir writes the stages of a run as CSV files. The directory is made if need
// be; files of the same names are replaced.
func writeDir(dir string, x *composite.Index, res *composite.Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for others to read, as far as the umask allows
		return err
	}
	panel := x.Data().Panel()
	for _, f := range []struct {
		name  string
		frame *composite.Frame
	}{
		{"denominated.csv", res.Denominated},
		{"imputed.csv", res.Imputed},
		{"screened.csv", res.Screened},
		{"treated.csv", res.Treated},
		{"normalised.csv", res.Normalised},
		{"aggregated.csv", res.Aggregated},
	} {
		if err := writeFrame(filepath.Join(dir, f.name), f.frame, panel); err != nil {
			return err
		}
	}
	if err := writeTreatment(filepath.Join(dir, "treatment.csv"), res, panel); err != nil {
		return err
	}
	if err := writeResults(filepath.Join(dir, "results.csv"), res, panel); err != nil {
		return err
	}
	return writeWeights(filepath.Join(dir, "weights.csv"), res)
}

func writeFile(path string, header []string, rows [][]string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := tabular.WriteGrid(f, header, rows); err != nil {
		return fmt.Errorf("%s: %w", path, errors.Join(err, f.Close()))
	}
	return f.Close()
}

// head begins a table of units.
func head(panel bool, rest ...string) []string {
	h := []string{"uCode"}
	if panel {
		h = append(h, "Time")
	}
	return append(h, rest...)
}

func lead(u composite.Unit, panel bool) []string {
	l := []string{u.Code}
	if panel {
		l = append(l, tabular.FormatNumber(u.Time))
	}
	return l
}

func writeFrame(path string, f *composite.Frame, panel bool) error {
	rows := make([][]string, len(f.Units))
	for r, u := range f.Units {
		rows[r] = lead(u, panel)
		for c := range f.Codes {
			rows[r] = append(rows[r], tabular.FormatNumber(f.Values[c][r]))
		}
	}
	return writeFile(path, head(panel, f.Codes...), rows)
}

// writeTreatment says of each cell what was done to it, NA for nothing.
func writeTreatment(path string, res *composite.Result, panel bool) error {
	f := res.Treated
	rows := make([][]string, len(f.Units))
	first := 1
	if panel {
		first = 2
	}
	for r, u := range f.Units {
		rows[r] = lead(u, panel)
		for range f.Codes {
			rows[r] = append(rows[r], "NA")
		}
	}
	for _, t := range res.Treatment {
		c := f.Column(t.Code)
		for _, cell := range t.Cells {
			rows[cell.Row][first+c] = cell.How
		}
	}
	return writeFile(path, head(panel, f.Codes...), rows)
}

// byPlace orders rows by time, place and code, those without a place last.
func byPlace(res *composite.Result) []int {
	order := make([]int, len(res.Scores))
	for i := range order {
		order[i] = i
	}
	place := func(r int) int {
		if res.Places[r] == 0 {
			return math.MaxInt
		}
		return res.Places[r]
	}
	units := res.Screened.Units
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(units[a].Time, units[b].Time), cmp.Compare(place(a), place(b)), cmp.Compare(units[a].Code, units[b].Code))
	})
	return order
}

func placeText(place int, otherwise string) string {
	if place == 0 {
		return otherwise
	}
	return strconv.Itoa(place)
}

func writeResults(path string, res *composite.Result, panel bool) error {
	header := append([]string{"place"}, head(panel, "uName")...)
	header = append(header, res.Aggregated.Codes...)
	root := slices.Index(res.Tree.Groups, res.Tree.Root)
	var rows [][]string
	for _, r := range byPlace(res) {
		u := res.Screened.Units[r]
		row := append([]string{placeText(res.Places[r], "NA")}, lead(u, panel)...)
		row = append(row, u.Name)
		for c := range res.Aggregated.Codes {
			v := res.Aggregated.Values[c][r]
			if c == root {
				v = res.Scores[r]
			}
			row = append(row, tabular.FormatNumber(v))
		}
		rows = append(rows, row)
	}
	return writeFile(path, header, rows)
}

func writeWeights(path string, res *composite.Result) error {
	header := []string{"iCode", "Weight", "Effective"}
	classes := len(res.Weights) > 1
	if classes {
		header = append([]string{"Class"}, header...)
	}
	var rows [][]string
	for _, set := range res.Weights {
		for i, n := range res.Tree.Nodes {
			row := []string{n.Code, tabular.FormatNumber(set.Share[i]), tabular.FormatNumber(set.Effective[i])}
			if classes {
				row = append([]string{set.Class}, row...)
			}
			rows = append(rows, row)
		}
	}
	return writeFile(path, header, rows)
}
