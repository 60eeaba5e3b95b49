package index

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// addVerbs adds the verbs that examine an index, and --plot, to the command that
// computes it.
func addVerbs(cmd *cobra.Command, in *inputs) {
	cmd.AddCommand(explainCommand(), auditCommand(), sensitivityCommand(), targetCommand(), diffCommand())
	var plot, font string
	plotFlags(cmd, &plot, &font, "bars with contributions")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil || plot == "" {
			return err
		}
		x, err := in.compile()
		if err != nil {
			return err
		}
		res, err := x.Run()
		if err != nil {
			return err
		}
		return plotBars(plot, font, x, res)
	}
}

func plotFlags(cmd *cobra.Command, plot, font *string, what string) {
	cmd.Flags().StringVar(plot, "plot", "", "write a chart, "+what+", as .svg or .png")
	cmd.Flags().StringVar(font, "font", "", "TrueType or OpenType font for a .png whose labels the built-in one does not have (Chinese)")
}

// verb is a command of its own below index, still without what it does.
func verb(use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
	}
}

// printJSON prints for machines.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// csvFile is a CSV file in the making.
type csvFile struct {
	name   string
	header []string
	rows   [][]string
}

func (f *csvFile) row(cells ...string) { f.rows = append(f.rows, cells) }

// writeAll writes files into a directory, which is made if need be.
func writeAll(dir string, files ...*csvFile) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.name), f.header, f.rows); err != nil {
			return err
		}
	}
	return nil
}

// progress prints a bar on a terminal, and nothing elsewhere.
func progress(w io.Writer, what string, total int) (step func(done int), end func()) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, func() {}
	}
	last := -1
	return func(done int) {
			const width = 40
			full := min(width, done*width/max(1, total))
			if full != last {
				last = full
				fmt.Fprintf(w, "\r%s [%s%s] %d/%d", what, strings.Repeat("=", full), strings.Repeat(" ", width-full), min(done, total), total)
			}
		}, func() {
			if last >= 0 {
				fmt.Fprint(w, "\r\033[K")
			}
		}
}

// yamlToJSON turns YAML into JSON with the keys in their order.
func yamlToJSON(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, err := toJSON(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// splitList reads a flag that lists codes.
func splitList(s []string) []string {
	var out []string
	for _, part := range s {
		for code := range strings.SplitSeq(part, ",") {
			if code = strings.TrimSpace(code); code != "" && !slices.Contains(out, code) {
				out = append(out, code)
			}
		}
	}
	return out
}
