package indicator

import (
	"strings"

	"zonebench.internal/pkg/quantity"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// suggestPhrases mends what people put into the column of the value as their
// text words it: 力争25个以上 is 25, 个, >= and strive, each in a column of its own.
func suggestPhrases(problems []*typev1.RowProblem) {
	for _, p := range problems {
		if p.GetColumn() != "value" {
			continue
		}
		phrase, err := quantity.ParsePhrase(p.GetFound())
		if err != nil {
			continue // What reading the sheet said of it stands.
		}
		parts := []string{phrase.Unit + " in the column of the unit"}
		if phrase.Comparator != "=" {
			parts = append(parts, phrase.Comparator+" in comparator")
		}
		if phrase.Ambition != "expected" {
			parts = append(parts, phrase.Ambition+" in ambition")
		}
		last := parts[len(parts)-1]
		p.Remedy = "write " + phrase.Number + " here"
		if rest := parts[:len(parts)-1]; len(rest) > 0 {
			p.Remedy += ", " + strings.Join(rest, ", ")
		}
		p.Remedy += " and " + last
	}
}
