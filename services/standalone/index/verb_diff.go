package index

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/services/standalone/table"
)

func diffCommand() *cobra.Command {
	var common inputs
	var units []string
	var from, to float64
	var restated, out string
	var asJSON bool
	cmd := verb("diff A B",
		"Why scores and places changed between two runs",
		`The change of score and place between two runs, split by cause: own values, rivals'
values, own revisions, rivals' revisions, method or weights, membership, new period. The parts
sum to the change; places are rounded by the largest remainder, the fractions are shown.

Each of A and B is one of
  - a directory with data.csv, meta.csv and recipe.yaml (or .yml, .json),
  - a run file, YAML or JSON, with the keys data, meta and recipe (paths, relative to it),
  - a data file (.csv), or a recipe (.yaml, .yml, .json); --data, --meta and --recipe stand
    for what both have in common.

The latest period of each is compared unless --from and --to say otherwise. What the second
run (or the table --restated) knows otherwise about the first run's period is a revision.`,
		`  zonebench index diff june july
  zonebench index diff first.csv second.csv --meta indicators.csv --recipe recipe.yaml --unit zone-a
  zonebench index diff old.yaml new.yaml --data zones.csv --meta indicators.csv --json
  zonebench index diff published.csv now.csv --meta indicators.csv --recipe recipe.yaml --from 2022 --to 2023`)
	cmd.Args = cobra.ExactArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var runs [2]*composite.Index
		for i, arg := range args {
			in, err := runOf(arg, common)
			if err != nil {
				return err
			}
			if runs[i], err = in.compile(); err != nil {
				return fmt.Errorf("%s: %w", arg, err)
			}
		}
		var opt composite.MovementOptions
		if cmd.Flags().Changed("from") {
			opt.From = &from
		}
		if cmd.Flags().Changed("to") {
			opt.To = &to
		}
		if restated != "" {
			in, err := runOf(args[1], common)
			if err != nil {
				return err
			}
			in.data = restated
			if _, _, opt.Restated, _, err = in.load(); err != nil {
				return err
			}
		}
		list := splitList(units)
		for _, u := range list {
			if !hasUnit(runs[1], u) {
				return unknownUnit(runs[1], u)
			}
		}
		moves, err := composite.Movements(cmd.Context(), runs[0], runs[1], list, opt)
		if err != nil {
			return err
		}
		if out != "" {
			if err := writeAll(out, movementFile(moves)); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), reportMoves(moves))
		}
		if out == "" {
			printMoves(cmd.OutOrStdout(), moves)
		}
		return nil
	}
	fl := cmd.Flags()
	fl.StringVar(&common.data, "data", "", "data of both runs")
	fl.StringVar(&common.meta, "meta", "", "table of indicators of both runs")
	fl.StringVar(&common.recipe, "recipe", "", "recipe of both runs")
	fl.StringSliceVar(&units, "unit", nil, "units, by code (default: all with a score in both runs)")
	fl.Float64Var(&from, "from", 0, "period of the first run (default: its latest)")
	fl.Float64Var(&to, "to", 0, "period of the second run (default: its latest)")
	fl.StringVar(&restated, "restated", "", "data file: the first run's period as it is known at the second run")
	fl.StringVar(&out, "out", "", "directory for movement.csv")
	fl.BoolVar(&asJSON, "json", false, "print the parts as JSON")
	return cmd
}

// runOf finds the files of a run.
func runOf(arg string, common inputs) (inputs, error) {
	in := common
	info, err := os.Stat(arg)
	if err != nil {
		return in, err
	}
	need := func() (inputs, error) {
		for _, m := range []struct{ what, path string }{{"data", in.data}, {"meta", in.meta}, {"recipe", in.recipe}} {
			if m.path == "" {
				return in, fmt.Errorf("%s does not say which %s to use; give --%s", arg, m.what, m.what)
			}
		}
		return in, nil
	}
	if info.IsDir() {
		first := func(into *string, names ...string) {
			for _, n := range names {
				if p := filepath.Join(arg, n); fileExists(p) {
					*into = p
					return
				}
			}
		}
		first(&in.data, "data.csv")
		first(&in.meta, "meta.csv")
		first(&in.recipe, "recipe.yaml", "recipe.yml", "recipe.json")
		return need()
	}
	if strings.EqualFold(filepath.Ext(arg), ".csv") {
		in.data = arg
		return need()
	}
	b, err := yamlToJSON(arg)
	if err != nil {
		return in, err
	}
	var run struct {
		Data   json.RawMessage `json:"data"`
		Meta   json.RawMessage `json:"meta"`
		Recipe json.RawMessage `json:"recipe"`
	}
	if err := json.Unmarshal(b, &run); err != nil {
		return in, fmt.Errorf("%s: %w", arg, err)
	}
	if run.Data == nil && run.Meta == nil && run.Recipe == nil {
		in.recipe = arg
		return need()
	}
	for _, k := range []struct {
		raw  json.RawMessage
		into *string
	}{{run.Data, &in.data}, {run.Meta, &in.meta}, {run.Recipe, &in.recipe}} {
		if k.raw == nil {
			continue
		}
		var p string
		if err := json.Unmarshal(k.raw, &p); err != nil {
			return in, fmt.Errorf("%s: data, meta and recipe are paths", arg)
		}
		if !filepath.IsAbs(p) {
			p = filepath.Join(filepath.Dir(arg), p)
		}
		*k.into = p
	}
	return need()
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type movedReport struct {
	Unit      string       `json:"uCode"`
	ScoreFrom number       `json:"score_from"`
	ScoreTo   number       `json:"score_to"`
	PlaceFrom int          `json:"place_from"`
	PlaceTo   int          `json:"place_to"`
	Parts     []movedCause `json:"parts"`
	Mixes     int          `json:"mixes"`
	Undefined int          `json:"undefined,omitempty"`
}

type movedCause struct {
	Cause    string `json:"cause"`
	Score    number `json:"score"`
	Fraction number `json:"places_fraction"`
	Places   int    `json:"places"`
}

func reportMoves(moves []*composite.Moved) []movedReport {
	out := []movedReport{}
	for _, m := range moves {
		r := movedReport{
			Unit: m.Unit, ScoreFrom: number(m.ScoreFrom), ScoreTo: number(m.ScoreTo), PlaceFrom: m.PlaceFrom, PlaceTo: m.PlaceTo,
			Mixes: m.Mixes, Undefined: m.Undefined,
		}
		for _, c := range composite.Causes() {
			r.Parts = append(r.Parts, movedCause{c.String(), number(m.Score[c]), number(m.Fractions[c]), m.Places[c]})
		}
		out = append(out, r)
	}
	return out
}

func movementFile(moves []*composite.Moved) *csvFile {
	f := &csvFile{name: "movement.csv", header: strings.Split("uCode,cause,score,places_fraction,places,score_from,score_to,place_from,place_to", ",")}
	for _, m := range moves {
		for _, c := range composite.Causes() {
			f.row(m.Unit, c.String(), num(m.Score[c]), num(m.Fractions[c]), strconv.Itoa(m.Places[c]),
				num(m.ScoreFrom), num(m.ScoreTo), placeText(m.PlaceFrom, "NA"), placeText(m.PlaceTo, "NA"))
		}
	}
	return f
}

func printMoves(w io.Writer, moves []*composite.Moved) {
	if len(moves) == 1 {
		m := moves[0]
		fmt.Fprintf(w, "%s: place %s to %s, score %s to %s\n",
			m.Unit, placeText(m.PlaceFrom, "–"), placeText(m.PlaceTo, "–"), short(m.ScoreFrom), short(m.ScoreTo))
		t := table.New("cause", ">places", ">exactly", ">points")
		for _, c := range composite.Causes() {
			t.Row(c.String(), fmt.Sprintf("%+d", m.Places[c]), fmt.Sprintf("%+.3f", m.Fractions[c]), fmt.Sprintf("%+.4f", m.Score[c]))
		}
		t.Write(w, 0)
		if m.Undefined > 0 {
			fmt.Fprintf(w, "in %d of %d mixes the unit has no score or place; the first run's stands in\n", m.Undefined, m.Mixes)
		}
		return
	}
	heads := []string{">place", ">was", "code"}
	for _, c := range composite.Causes() {
		heads = append(heads, ">"+c.String())
	}
	t := table.New(heads...)
	for _, m := range moves {
		row := []string{placeText(m.PlaceTo, "–"), placeText(m.PlaceFrom, "–"), m.Unit}
		for _, c := range composite.Causes() {
			if m.Fractions[c] == 0 {
				row = append(row, "")
				continue
			}
			row = append(row, fmt.Sprintf("%+d (%+.2f)", m.Places[c], m.Fractions[c]))
		}
		t.Row(row...)
	}
	t.Write(w, 0)
	fmt.Fprintln(w, "places gained (+) or lost (-) by cause; the exact fractions in brackets")
}
