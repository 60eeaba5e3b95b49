package index

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/services/standalone/table"
)

func targetCommand() *cobra.Command {
	var in inputs
	var q composite.TargetQuestion
	var costs string
	var locked, only []string
	var asJSON bool
	cmd := verb("target --data D.csv --meta M.csv --recipe R.yaml --unit U --place K",
		"The least change of figures that brings a unit to a place",
		`The least change of a unit's figures, by cost, that brings it to a place or better, with
rivals frozen, on trend (each figure moves once more by its last change between periods) or
at their targets.

--costs names a CSV file iCode,cost,limit,locked: the cost of one natural unit (absent: 1 /
standard deviation), how far the figure may go (absent: the best of any unit), 1 or true to
lock it. The answer is exact for weighted sums on straight scales, else the best found, with
a bound on the cost where the score is concave. If the place cannot be reached the best one
that can is named.`,
		`  zonebench index target --data zones.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a --place 10
  zonebench index target --data zones.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a --place 10 --rivals trend --lock area,staff`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		x, err := in.compile()
		if err != nil {
			return err
		}
		if !hasUnit(x, q.Unit) {
			return unknownUnit(x, q.Unit)
		}
		if q.Levers, err = readLevers(costs); err != nil {
			return err
		}
		q.Locked = splitList(locked)
		if cmd.Flags().Changed("only") {
			q.Only = splitList(only)
		}
		a, err := x.Target(cmd.Context(), q)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), reportTarget(a))
		}
		printTarget(cmd.OutOrStdout(), a)
		return nil
	}
	in.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&q.Unit, "unit", "", "the unit, by its code")
	fl.IntVar(&q.Place, "place", 0, "the place wanted")
	fl.StringVar(&q.Rivals, "rivals", composite.Frozen, "frozen, trend or targets")
	fl.StringVar(&costs, "costs", "", "CSV file iCode,cost,limit,locked")
	fl.StringSliceVar(&locked, "lock", nil, "indicators that stay as they are")
	fl.StringSliceVar(&only, "only", nil, "the only indicators that may move")
	fl.BoolVar(&asJSON, "json", false, "print the answer as JSON")
	for _, name := range []string{"unit", "place"} {
		_ = cmd.MarkFlagRequired(name) // the flag was added a few lines above
	}
	return cmd
}

func readLevers(path string) (map[string]composite.Lever, error) {
	out := map[string]composite.Lever{}
	if path == "" {
		return out, nil
	}
	g, err := readGrid(path)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for c, h := range g.Header {
		if !slices.Contains([]string{"iCode", "cost", "limit", "locked"}, h) {
			return nil, fmt.Errorf("%s: column %q; the columns are iCode, cost, limit and locked", path, h)
		}
		at[h] = c
	}
	if _, ok := at["iCode"]; !ok {
		return nil, fmt.Errorf("%s has no column iCode", path)
	}
	for r, row := range g.Rows {
		cell := func(name string) string {
			c, ok := at[name]
			if !ok || row[c] == "NA" {
				return ""
			}
			return strings.TrimSpace(row[c])
		}
		var l composite.Lever
		var errs []error
		if s := cell("cost"); s != "" {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil || !(v > 0) {
				errs = append(errs, fmt.Errorf("%s, row %d: cost %q; a number above 0", path, r+2, s))
			}
			l.Cost = v
		}
		if s := cell("limit"); s != "" {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, row %d: limit %q is not a number", path, r+2, s))
			}
			l.Limit = &v
		}
		switch s := strings.ToLower(cell("locked")); s {
		case "", "0", "false", "no":
		case "1", "true", "yes":
			l.Locked = true
		default:
			errs = append(errs, fmt.Errorf("%s, row %d: locked %q; 1 or 0", path, r+2, s))
		}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		out[row[at["iCode"]]] = l
	}
	return out, nil
}

type targetReport struct {
	Unit      string           `json:"uCode"`
	PlaceFrom int              `json:"place_from"`
	ScoreFrom number           `json:"score_from"`
	Place     int              `json:"place"`
	Feasible  bool             `json:"feasible"`
	BestPlace int              `json:"best_place"`
	PlaceTo   int              `json:"place_to"`
	ScoreTo   number           `json:"score_to"`
	Cost      number           `json:"cost"`
	Bound     number           `json:"bound"`
	Gap       number           `json:"gap"`
	Exact     bool             `json:"exact"`
	Why       string           `json:"why,omitempty"`
	Changes   []targetChange   `json:"changes"`
	Marginal  []targetMarginal `json:"marginal"`
}

type targetChange struct {
	Code string  `json:"iCode"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Cost float64 `json:"cost"`
}

type targetMarginal struct {
	Code        string `json:"iCode"`
	Figure      number `json:"figure"`
	Limit       number `json:"limit"`
	Cost        number `json:"cost_per_unit"`
	PerUnit     number `json:"points_per_unit"`
	PerCost     number `json:"points_per_cost"`
	Full        number `json:"points_at_limit"`
	PlaceAtFull int    `json:"place_at_limit"`
}

func reportTarget(a *composite.TargetAnswer) targetReport {
	r := targetReport{
		Unit: a.Unit, PlaceFrom: a.PlaceFrom, ScoreFrom: number(a.ScoreFrom), Place: a.Place, Feasible: a.Feasible, BestPlace: a.BestPlace,
		PlaceTo: a.PlaceTo, ScoreTo: number(a.ScoreTo), Cost: number(a.Cost), Bound: number(a.Bound), Gap: number(a.Gap), Exact: a.Exact, Why: a.Why,
		Changes: []targetChange{}, Marginal: []targetMarginal{},
	}
	for _, c := range a.Changes {
		r.Changes = append(r.Changes, targetChange(c))
	}
	for _, m := range a.Marginal {
		r.Marginal = append(r.Marginal, targetMarginal{
			m.Code, number(m.Figure), number(m.Limit), number(m.Cost), number(m.PerUnit), number(m.PerCost), number(m.Full), m.PlaceAtFull,
		})
	}
	return r
}

func printTarget(w io.Writer, a *composite.TargetAnswer) {
	fmt.Fprintf(w, "%s stands at place %d with %s\n", a.Unit, a.PlaceFrom, short(a.ScoreFrom))
	switch {
	case len(a.Changes) == 0 && a.Feasible:
		fmt.Fprintf(w, "place %d is reached as it is\n", a.Place)
	case !a.Feasible:
		fmt.Fprintf(w, "place %d cannot be reached: with everything at its limit the best is place %d\n", a.Place, a.BestPlace)
	default:
		fmt.Fprintf(w, "place %d is reached with %s, at a cost of %s", a.PlaceTo, short(a.ScoreTo), short(a.Cost))
		switch {
		case a.Exact:
			fmt.Fprintln(w, "; nothing cheaper does")
		case a.Bound == a.Bound:
			fmt.Fprintf(w, "; the best found, no way costs less than %s (%s)\n", short(a.Bound), a.Why)
		default:
			fmt.Fprintf(w, "; the best found (%s)\n", a.Why)
		}
	}
	if len(a.Changes) > 0 {
		t := table.New("indicator", ">from", ">to", ">cost")
		for _, c := range a.Changes {
			t.Row(c.Code, short(c.From), short(c.To), short(c.Cost))
		}
		t.Write(w, 0)
	}
	if len(a.Marginal) > 0 {
		fmt.Fprintln(w, "\nwhat each figure gives, the most for its cost first")
		t := table.New("indicator", ">figure", ">limit", ">points per unit", ">points per cost", ">points at limit", ">place at limit")
		for _, m := range a.Marginal {
			t.Row(m.Code, short(m.Figure), short(m.Limit), brief(m.PerUnit), brief(m.PerCost), short(m.Full), placeText(m.PlaceAtFull, "–"))
		}
		t.Write(w, 0)
	}
}

// brief prints four digits of any size.
func brief(v float64) string {
	if v != v {
		return "–"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
