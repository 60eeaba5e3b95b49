// Package index is the command that computes a composite indicator from two CSV
// files and a recipe, without a server: `zonebench index`.
package index

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/services/standalone/table"
)

// Command is `index` with its verbs.
func Command() *cobra.Command {
	var in inputs
	var out, unit string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "index --data D.csv --meta M.csv --recipe R.yaml",
		Short: "Compute a composite indicator from two CSV files and a recipe",
		Long: `Compute a composite indicator from two CSV files and a recipe.

The data has one row a unit: uName, uCode, Time, then one column for each indicator,
denominator and group. The table of indicators (meta) has one row a code: iCode, iName,
Level, Parent, Direction, Weight, Type, Denominator, Target, Unit. The recipe (YAML or
JSON) says what is done, step by step; docs/methods.md explains the methods.

Without --out and --json the places are printed as a table.`,
		Example: `  zonebench index --data zones.csv --meta indicators.csv --recipe recipe.yaml
  zonebench index --data zones.csv --meta indicators.csv --recipe recipe.yaml --out result
  zonebench index --data zones.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			x, err := in.compile()
			if err != nil {
				return err
			}
			res, err := x.Run()
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeDir(out, x, res); err != nil {
					return err
				}
			}
			w := cmd.OutOrStdout()
			switch {
			case asJSON:
				e := json.NewEncoder(w)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if err := e.Encode(report(x, res, unit)); err != nil {
					return err
				}
			case unit != "":
				if err := printUnit(w, x, res, unit); err != nil {
					return err
				}
			case out == "":
				printPlaces(w, x, res)
			}
			if unit != "" && !hasUnit(x, unit) {
				return unknownUnit(x, unit)
			}
			if !asJSON {
				printWarnings(cmd.ErrOrStderr(), res)
			}
			return nil
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "directory for the stages and results as CSV files")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print places, scores, contributions, completeness and warnings as JSON")
	cmd.Flags().StringVar(&unit, "unit", "", "show one unit in detail, by its code")
	cmd.AddCommand(recipesCommand())
	addVerbs(cmd, &in)
	return cmd
}

// flags adds the three inputs to a command.
func (in *inputs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.data, "data", "", "CSV file of units")
	cmd.Flags().StringVar(&in.meta, "meta", "", "CSV file of indicators and groups")
	cmd.Flags().StringVar(&in.recipe, "recipe", "", "recipe, YAML or JSON")
	for _, name := range []string{"data", "meta", "recipe"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) //nolint:forbidigo // the flag was added a line above
		}
	}
}

func hasUnit(x *composite.Index, code string) bool {
	return slices.ContainsFunc(x.Data().Units, func(u composite.Unit) bool { return u.Code == code })
}

func unknownUnit(x *composite.Index, code string) error {
	var codes []string
	for _, u := range x.Data().Units {
		codes = append(codes, u.Code)
	}
	if near := composite.Nearest(code, codes); near != "" {
		return fmt.Errorf("--unit: no unit %q in the data; did you mean %q?", code, near)
	}
	return fmt.Errorf("--unit: no unit %q in the data", code)
}

// number is a float that is null in JSON where there is no value.
type number float64

// MarshalJSON writes null for NaN.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type reportUnit struct {
	Code                 string                `json:"uCode"`
	Name                 string                `json:"uName"`
	Time                 *float64              `json:"time,omitempty"`
	Place                *int                  `json:"place"`
	GroupPlace           *int                  `json:"group_place,omitempty"`
	Unplaced             string                `json:"unplaced,omitempty"`
	Tier                 string                `json:"tier,omitempty"`
	Score                number                `json:"score"`
	Scores               map[string]number     `json:"scores"`
	Contributions        map[string]number     `json:"contributions,omitempty"`
	ContributionsStart   number                `json:"contributions_start"`
	Adjustment           *composite.Adjustment `json:"adjustment,omitempty"`
	Completeness         number                `json:"completeness"`
	CompletenessByWeight number                `json:"completeness_by_weight"`
}

type reportDropped struct {
	Code   string   `json:"uCode"`
	Time   *float64 `json:"time,omitempty"`
	Reason string   `json:"reason"`
}

type reportAll struct {
	Recipe          string                `json:"recipe,omitempty"`
	SmallerIsBetter bool                  `json:"smaller_is_better,omitempty"`
	Units           []reportUnit          `json:"units"`
	Dropped         []reportDropped       `json:"dropped,omitempty"`
	Treatment       []composite.Treatment `json:"treatment,omitempty"`
	Consistency     map[string]float64    `json:"consistency_ratio,omitempty"`
	Warnings        []composite.Warning   `json:"warnings"`
}

func report(x *composite.Index, res *composite.Result, only string) reportAll {
	all := reportAll{
		Recipe: x.Recipe().Name, SmallerIsBetter: res.SmallerIsBetter, Units: []reportUnit{},
		Consistency: x.Consistency(), Warnings: append([]composite.Warning{}, res.Warnings...),
	}
	panel := x.Data().Panel()
	time := func(u composite.Unit) *float64 {
		if !panel {
			return nil
		}
		return &u.Time
	}
	for _, t := range res.Treatment {
		if t.Method != "none" {
			all.Treatment = append(all.Treatment, t)
		}
	}
	for _, r := range byPlace(res) {
		u := res.Screened.Units[r]
		if only != "" && u.Code != only {
			continue
		}
		one := reportUnit{
			Code: u.Code, Name: u.Name, Time: time(u), Unplaced: res.Unplaced[r].String(), Score: number(res.Scores[r]),
			Scores:       map[string]number{},
			Completeness: number(res.Completeness[r]), CompletenessByWeight: number(res.CompletenessByWeight[r]),
		}
		one.Contributions, one.ContributionsStart = contributions(x, res, r, only != "")
		if res.Places[r] > 0 {
			one.Place = &res.Places[r]
		}
		if res.GroupPlaces != nil && res.GroupPlaces[r] > 0 {
			one.GroupPlace = &res.GroupPlaces[r]
		}
		if res.Tiers != nil {
			one.Tier = res.Tiers[r]
		}
		if res.Adjustments != nil {
			one.Adjustment = &res.Adjustments[r]
		}
		for c, code := range res.Aggregated.Codes {
			one.Scores[code] = number(res.Aggregated.Values[c][r])
		}
		all.Units = append(all.Units, one)
	}
	for _, d := range res.Dropped {
		all.Dropped = append(all.Dropped, reportDropped{Code: d.Unit.Code, Time: time(d.Unit), Reason: d.Reason.String()})
	}
	return all
}

// contributions are the parts of the score before adjustment, by indicator where
// the score is a weighted sum, else by child of the index (Shapley values); with
// start they sum to it. Splitting a flat method compares all units again for each
// unit, so beyond some units it is done for a unit asked for only.
func contributions(x *composite.Index, res *composite.Result, row int, asked bool) (parts map[string]number, start number) {
	const most = 200
	if root := res.Tree.Nodes[res.Tree.Root].Code; !x.Additive() && !asked && len(res.Scores) > most && flatMethod(x.Method(root).Method) {
		return nil, 0
	}
	e, err := x.Explain(res, row, "", composite.ExplainOptions{})
	if err != nil {
		return nil, 0 // no score, nothing to split
	}
	parts = make(map[string]number, len(e.Parts))
	for _, p := range e.Parts {
		parts[p.Code] = number(p.Points)
	}
	return parts, number(e.Start)
}

func flatMethod(method string) bool {
	return slices.Contains([]string{"copeland", "topsis", "vikor", "promethee2", "copras"}, method)
}

// short prints a score for people: four significant places after the point at
// most.
func short(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strconv.FormatFloat(composite.Round(v, 4), 'f', -1, 64)
}

func printPlaces(w io.Writer, x *composite.Index, res *composite.Result) {
	panel := x.Data().Panel()
	heads := []string{">place"}
	if panel {
		heads = append([]string{"time"}, heads...)
	}
	if res.GroupPlaces != nil {
		heads = append(heads, ">in group")
	}
	heads = append(heads, "code", "name")
	if res.Tiers != nil {
		heads = append(heads, "tier")
	}
	heads = append(heads, ">"+res.Tree.Nodes[res.Tree.Root].Code)
	var children []int
	for _, c := range res.Tree.Children[res.Tree.Root] {
		if res.Tree.LeafOf[c] < 0 {
			children = append(children, c)
			heads = append(heads, ">"+res.Tree.Nodes[c].Code)
		}
	}
	heads = append(heads, ">known")
	t := table.New(heads...)
	for _, r := range byPlace(res) {
		u := res.Screened.Units[r]
		var row []string
		if panel {
			row = append(row, strconv.FormatFloat(u.Time, 'g', -1, 64))
		}
		row = append(row, placeText(res.Places[r], "–"))
		if res.GroupPlaces != nil {
			row = append(row, placeText(res.GroupPlaces[r], "–"))
		}
		row = append(row, u.Code, u.Name)
		if res.Tiers != nil {
			row = append(row, res.Tiers[r])
		}
		row = append(row, short(res.Scores[r]))
		for _, c := range children {
			row = append(row, short(res.Score(res.Tree.Nodes[c].Code)[r]))
		}
		row = append(row, fmt.Sprintf("%.0f%%", 100*res.Completeness[r]))
		t.Row(row...)
	}
	t.Write(w, 0)
	for _, d := range res.Dropped {
		fmt.Fprintf(w, "left out: %s%s: %s\n", d.Unit.Code, when(d.Unit, panel), d.Reason)
	}
}

func when(u composite.Unit, panel bool) string {
	if !panel {
		return ""
	}
	return " (" + strconv.FormatFloat(u.Time, 'g', -1, 64) + ")"
}

func printUnit(w io.Writer, x *composite.Index, res *composite.Result, code string) error {
	if !hasUnit(x, code) {
		return unknownUnit(x, code)
	}
	for _, d := range res.Dropped {
		if d.Unit.Code == code {
			fmt.Fprintf(w, "%s%s was left out: %s\n", d.Unit.Code, when(d.Unit, x.Data().Panel()), d.Reason)
		}
	}
	for _, r := range byPlace(res) {
		if res.Screened.Units[r].Code == code {
			printStanding(w, x, res, r)
			printTree(w, x, res, r)
		}
	}
	return nil
}

// printStanding says where a row stands and how the score was adjusted.
func printStanding(w io.Writer, x *composite.Index, res *composite.Result, r int) {
	u := res.Screened.Units[r]
	placed := 0
	for other, v := range res.Screened.Units {
		if v.Time == u.Time && res.Places[other] > 0 {
			placed++
		}
	}
	fmt.Fprintf(w, "%s  %s%s\n", u.Code, u.Name, when(u, x.Data().Panel()))
	if res.Places[r] > 0 {
		fmt.Fprintf(w, "place %d of %d, score %s\n", res.Places[r], placed, short(res.Scores[r]))
	} else {
		fmt.Fprintf(w, "no place: %s; score %s\n", res.Unplaced[r], short(res.Scores[r]))
	}
	if res.Tiers != nil {
		fmt.Fprintf(w, "tier %s\n", res.Tiers[r])
	}
	if a := res.Adjustments; a != nil && (len(a[r].Items) > 0 || a[r].Veto != "") {
		fmt.Fprintf(w, "score before adjustment %s, bonus %s, deductions %s", short(res.Base[r]), short(a[r].Bonus), short(a[r].Deduction))
		if a[r].Veto != "" {
			fmt.Fprintf(w, ", veto: %s", a[r].Veto)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "known %.0f%% of the indicators, %.0f%% by weight\n\n", 100*res.Completeness[r], 100*res.CompletenessByWeight[r])
}

// printTree prints every node of a row with its value, score and contribution.
func printTree(w io.Writer, x *composite.Index, res *composite.Result, r int) {
	parts, start := contributions(x, res, r, true)
	heads := []string{"code", "name", ">value", "state", ">score", ">share of index"}
	if parts != nil {
		heads = append(heads, ">contribution")
	}
	t := table.New(heads...)
	var visit func(n, depth int)
	visit = func(n, depth int) {
		node := res.Tree.Nodes[n]
		row := []string{strings.Repeat("  ", depth) + node.Code, node.Name, "", ""}
		if leaf := res.Tree.LeafOf[n]; leaf >= 0 {
			row[2] = short(res.Raw.Values[leaf][res.RowOf[r]])
			row[3] = res.Screened.State[leaf][r].String()
		}
		row = append(row, short(res.Score(node.Code)[r]), fmt.Sprintf("%.2f%%", 100*res.Weights[res.SetOf[r]].Effective[n]))
		if part, ok := parts[node.Code]; ok {
			row = append(row, short(float64(part)))
		}
		t.Row(row...)
		for _, c := range res.Tree.Children[n] {
			visit(c, depth+1)
		}
	}
	visit(res.Tree.Root, 0)
	t.Write(w, 0)
	if parts != nil && !x.Additive() {
		fmt.Fprintf(w, "contributions add to %s, the score of a unit that is average throughout\n", short(float64(start)))
	}
	fmt.Fprintln(w)
}

// printWarnings lists warnings, the first of each kind of a stage and code.
func printWarnings(w io.Writer, res *composite.Result) {
	const most = 20
	for i, warning := range res.Warnings {
		if i == most {
			fmt.Fprintf(w, "warning: and %d more; --json lists all\n", len(res.Warnings)-most)
			break
		}
		where := strings.TrimSpace(warning.Code + " " + warning.Unit)
		if where != "" {
			where = " (" + where + ")"
		}
		fmt.Fprintf(w, "warning: %s%s: %s\n", warning.Stage, where, warning.Text)
	}
}
