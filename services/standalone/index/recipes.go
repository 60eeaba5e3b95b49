package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"zonebench.internal/data/recipes"
	"zonebench.internal/services/standalone/table"
)

// recipesCommand shows the recipes that the program carries.
func recipesCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "recipes [NAME]",
		Short: "List the recipes that come with the program, or print one",
		Long: `List the recipes that come with the program, or print one.

With --dir the recipe and its table of indicators are written as NAME.yaml and
NAME.meta.csv; existing files are not replaced.`,
		Args:          cobra.MaximumNArgs(1),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			if len(args) == 0 {
				t := table.New("name", "what")
				for _, r := range recipes.All() {
					t.Row(r.Name, r.Title)
				}
				t.Write(w, 0)
				return nil
			}
			r, err := recipes.Find(args[0])
			if err != nil {
				return err
			}
			if dir == "" {
				_, err := w.Write(r.YAML)
				return err
			}
			for name, content := range map[string][]byte{r.Name + ".yaml": r.YAML, r.Name + ".meta.csv": r.Meta} {
				path := filepath.Join(dir, name)
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // for others to read, as far as the umask allows
				if err != nil {
					return err
				}
				_, err = f.Write(content)
				if err := errors.Join(err, f.Close()); err != nil {
					return err
				}
				fmt.Fprintln(w, path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory to write the recipe and its table of indicators to")
	return cmd
}
