package index

import "github.com/spf13/cobra"

// addVerbs adds the verbs that examine an index, and --plot, to the command that
// computes it.
func addVerbs(cmd *cobra.Command, in *inputs) {
	_, _ = cmd, in
}
