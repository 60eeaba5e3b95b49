package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  zonebench version --json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			if !a.json {
				fmt.Fprintf(a.Out, "zonebench %s (%s, %s/%s)\n", a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return nil
			}
			out, err := json.Marshal(map[string]string{
				"version": a.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
			})
			if err != nil {
				return fmt.Errorf("print the version: %w", err)
			}
			fmt.Fprintln(a.Out, string(out))
			return nil
		},
	}
}
