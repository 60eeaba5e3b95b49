package index

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/services/standalone/table"
)

func explainCommand() *cobra.Command {
	var in inputs
	var unit, against, node string
	var opt composite.ExplainOptions
	var top int
	var asJSON bool
	cmd := verb("explain --data D.csv --meta M.csv --recipe R.yaml --unit U",
		"Why a unit's score is what it is: contributions, strengths and weaknesses",
		`Split the score of a unit, in the latest period, into contributions that sum to it: exactly
where the index is a weighted sum, by Shapley values elsewhere (see docs/methods.md). --against
splits the distance to another unit instead. Strengths and weaknesses are the indicators by which
the unit gains and loses most over the mean of its period, by gap times effective weight.`,
		`  zonebench index explain --data zones.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a
  zonebench index explain --data zones.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a --against zone-b`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		x, err := in.compile()
		if err != nil {
			return err
		}
		res, err := x.Run()
		if err != nil {
			return err
		}
		row, err := rowOf(x, res, "--unit", unit)
		if err != nil {
			return err
		}
		if against != "" {
			other, err := rowOf(x, res, "--against", against)
			if err != nil {
				return err
			}
			opt.Against = other + 1
		}
		e, err := x.Explain(res, row, node, opt)
		if err != nil {
			return err
		}
		strong, weak := x.Traits(res, row, top)
		if asJSON {
			return printJSON(cmd.OutOrStdout(), reportExplanation(e, strong, weak))
		}
		printExplanation(cmd.OutOrStdout(), e, against, strong, weak)
		return nil
	}
	in.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&unit, "unit", "", "the unit, by its code")
	fl.StringVar(&against, "against", "", "another unit: explain the distance to it")
	fl.StringVar(&node, "node", "", "explain this group instead of the index")
	fl.BoolVar(&opt.Leaves, "leaves", false, "explain by indicators also what is not a weighted sum; sampled if there are more than 12")
	fl.IntVar(&opt.Orders, "orders", 400, "random orders of a sampled explanation")
	fl.Uint64Var(&opt.Seed, "seed", 0, "start of the random numbers")
	fl.IntVar(&top, "top", 5, "number of strengths and weaknesses")
	fl.BoolVar(&asJSON, "json", false, "print the explanation as JSON")
	_ = cmd.MarkFlagRequired("unit") // the flag was added a few lines above
	return cmd
}

// rowOf finds the row of a unit in a result: that of the latest period.
func rowOf(x *composite.Index, res *composite.Result, flag, unit string) (int, error) {
	row := -1
	for r, u := range res.Screened.Units {
		if u.Code == unit && (row < 0 || u.Time > res.Screened.Units[row].Time) {
			row = r
		}
	}
	switch {
	case row >= 0:
		return row, nil
	case hasUnit(x, unit):
		return row, fmt.Errorf("%s: %s was left out by the screen", flag, unit)
	case flag == "--unit":
		return row, unknownUnit(x, unit)
	}
	return row, errors.Join(fmt.Errorf("%s: no such unit", flag), unknownUnit(x, unit))
}

type explanationReport struct {
	Unit       string        `json:"uCode"`
	Node       string        `json:"node"`
	Kind       string        `json:"kind"`
	Start      number        `json:"start"`
	Parts      []partReport  `json:"parts"`
	Groups     []partReport  `json:"groups,omitempty"`
	Base       number        `json:"base"`
	Bonus      number        `json:"bonus"`
	Deduction  number        `json:"deduction"`
	Cut        number        `json:"cut"`
	Score      number        `json:"score"`
	Orders     int           `json:"orders,omitempty"`
	Strengths  []traitReport `json:"strengths"`
	Weaknesses []traitReport `json:"weaknesses"`
}

type partReport struct {
	Code   string `json:"iCode"`
	Score  number `json:"score"`
	Weight number `json:"weight"`
	Points number `json:"points"`
	Error  number `json:"error,omitempty"`
}

type traitReport struct {
	Code   string `json:"iCode"`
	Score  number `json:"score"`
	Mean   number `json:"mean"`
	Points number `json:"points"`
	Place  int    `json:"place"`
	Of     int    `json:"of"`
}

func reportExplanation(e *composite.Explanation, strong, weak []composite.Trait) explanationReport {
	parts := func(list []composite.Part) []partReport {
		out := []partReport{}
		for _, p := range list {
			out = append(out, partReport{p.Code, number(p.Score), number(p.Weight), number(p.Points), number(p.Error)})
		}
		return out
	}
	traits := func(list []composite.Trait) []traitReport {
		out := []traitReport{}
		for _, t := range list {
			out = append(out, traitReport{t.Code, number(t.Score), number(t.Mean), number(t.Points), t.Place, t.Of})
		}
		return out
	}
	return explanationReport{
		Unit: e.Unit.Code, Node: e.Node, Kind: e.Kind, Start: number(e.Start), Parts: parts(e.Parts), Groups: parts(e.Groups),
		Base: number(e.Base), Bonus: number(e.Bonus), Deduction: number(e.Deduction), Cut: number(e.Cut), Score: number(e.Score),
		Orders: e.Orders, Strengths: traits(strong), Weaknesses: traits(weak),
	}
}

func printExplanation(w io.Writer, e *composite.Explanation, against string, strong, weak []composite.Trait) {
	fmt.Fprintf(w, "%s has %s in %s\n", e.Unit.Code, short(e.Base), e.Node)
	switch {
	case against != "":
		fmt.Fprintf(w, "%s has %s; what parts them:\n", against, short(e.Start))
	case e.Kind != composite.Additive:
		fmt.Fprintf(w, "a unit with the mean everywhere has %s; what this one adds to it:\n", short(e.Start))
	}
	heads := []string{"code", ">score", ">points"}
	switch e.Kind {
	case composite.Additive:
		heads = append(heads, ">weight")
	case composite.Sampled:
		heads = append(heads, ">± error")
	}
	t := table.New(heads...)
	row := func(p composite.Part) {
		cells := []string{p.Code, short(p.Score), short(p.Points)}
		switch e.Kind {
		case composite.Additive:
			cells = append(cells, fmt.Sprintf("%.2f%%", 100*p.Weight))
		case composite.Sampled:
			cells = append(cells, short(p.Error))
		}
		t.Row(cells...)
	}
	for _, p := range append(e.Groups, e.Parts...) {
		row(p)
	}
	t.Write(w, 0)
	if e.Bonus != 0 || e.Deduction != 0 || e.Cut != 0 {
		fmt.Fprintf(w, "bonus %s, deductions %s, cut by floor and ceiling %s: %s\n", short(e.Bonus), short(e.Deduction), short(e.Cut), short(e.Score))
	}
	for _, l := range []struct {
		title string
		list  []composite.Trait
	}{{"strengths", strong}, {"weaknesses", weak}} {
		if len(l.list) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := table.New(l.title, ">score", ">mean", ">points over the mean", ">place", ">of")
		for _, tr := range l.list {
			t.Row(tr.Code, short(tr.Score), short(tr.Mean), short(tr.Points), fmt.Sprint(tr.Place), fmt.Sprint(tr.Of))
		}
		t.Write(w, 0)
	}
}
