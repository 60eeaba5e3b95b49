package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/services/standalone/table"
)

// toJSON turns YAML, of which JSON is a part, into JSON with the keys in order.
func toJSON(content []byte) ([]byte, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if json.Valid(content) {
		return content, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	c := converter{out: &b}
	if err := c.node(doc.Content[0], 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type sensitivityFlags struct {
	draws, sobol, bootstrap, workers      int
	seed                                  uint64
	plan, list, out, unit, plot, font     string
	uncentred, asJSON, replicates, ranges bool
	bands, spread                         float64
}

func sensitivityCommand() *cobra.Command {
	var in inputs
	var f sensitivityFlags
	cmd := verb("sensitivity --data D.csv --meta M.csv --recipe R.yaml [--plan P.yaml] [--draws N] [--seed S]",
		"How far places depend on weights, methods and uncertain figures",
		`Monte Carlo over weights, choices of method and uncertain figures: mean, median and
quantiles of each unit's place, the probability of each place. A draw that cannot be
computed is counted and named. The same plan and seed give the same bits on any machine
and number of cores.

The plan (YAML or JSON) says what is uncertain:

  draws: 1000
  seed: 1
  weights: {method: noise, spread: 0.25}        # noise, dirichlet {concentration} or free; nodes: [groups]
  choices:
    - {name: scaling, key: normalise, among: [{method: minmax}, zscore, rank]}
    - {key: treat.winsorise.max_points, among: [1, 3, 5], chances: [1, 2, 1]}
  data: {rounding: {gdp: 0.1}, relative: {jobs: 0.02}, missing: donor}
  quantiles: [0.05, 0.5, 0.95]
  top: [3, 10]

Without a plan the weights vary by 25 %. --list gives the parameters of each draw instead,
as a CSV file with a row a draw and columns named as nodes (weights; empty keeps the
recipe's) and as choices (the number of the alternative, 0 or empty for the recipe's);
parameters.csv of an earlier run is such a file.

With --out these files are written: summary.csv, probabilities.csv (of each place),
replicate_ranks.csv, replicate_scores.csv (a row a draw, a column a unit),
parameters.csv, failed.csv, and sobol.csv, bands.csv, attainable.csv, ranges.csv if asked for.

Uncertainty of figures and of method answer different questions: for tie bands of a
published list use a plan with data alone, for the robustness of a method one without.`,
		`  zonebench index sensitivity --data zones.csv --meta indicators.csv --recipe recipe.yaml --draws 1000 --seed 1
  zonebench index sensitivity --data zones.csv --meta indicators.csv --recipe recipe.yaml --plan plan.yaml --sobol 256 --out mc
  zonebench index sensitivity --data zones.csv --meta indicators.csv --recipe recipe.yaml --plan plan.yaml --list mc/parameters.csv --out again`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd, in) }
	in.flags(cmd)
	fl := cmd.Flags()
	fl.IntVar(&f.draws, "draws", 0, "number of draws (default: the plan's, else 1000)")
	fl.Uint64Var(&f.seed, "seed", 0, "start of the random numbers (default: the plan's, else 0)")
	fl.StringVar(&f.plan, "plan", "", "what is uncertain, YAML or JSON (default: weights by 25 %)")
	fl.StringVar(&f.list, "list", "", "CSV file with the parameters of each draw")
	fl.StringVar(&f.out, "out", "", "directory for the results as CSV files")
	fl.BoolVar(&f.asJSON, "json", false, "print the results as JSON")
	fl.BoolVar(&f.replicates, "replicates", true, "with --out, write ranks, scores and parameters of every draw")
	fl.StringVar(&f.unit, "unit", "", "show this unit alone; the outcome of --sobol is then its place")
	fl.IntVar(&f.sobol, "sobol", 0, "also Sobol indices of the plan's parts, from so many points")
	fl.IntVar(&f.bootstrap, "bootstrap", 200, "resamples for the intervals of the Sobol indices")
	fl.BoolVar(&f.uncentred, "uncentred", false, "first order by the uncentred estimator, as COINr")
	fl.Float64Var(&f.bands, "bands", 0, "also tie bands: units are parted if one stands before the other in this share of draws, such as 0.95")
	fl.Float64Var(&f.spread, "attainable", 0, "also bounds on the places if every share may change by this part, such as 0.25")
	fl.BoolVar(&f.ranges, "ranges", false, "also the places that missing figures could give")
	fl.IntVar(&f.workers, "workers", 0, "number of threads (default: all processors); no bearing on the results")
	plotFlags(cmd, &f.plot, &f.font, "intervals of the places")
	return cmd
}

// readPlan reads the plan and puts the flags over it.
func (f *sensitivityFlags) readPlan(cmd *cobra.Command) (*composite.Plan, error) {
	half := 0.25
	plan := &composite.Plan{Weights: &composite.WeightDraws{Spread: &half}}
	if f.plan != "" {
		b, err := yamlToJSON(f.plan)
		if err != nil {
			return nil, err
		}
		if plan, err = composite.ParsePlan(b); err != nil {
			return nil, fmt.Errorf("%s: %w", f.plan, err)
		}
	}
	if cmd.Flags().Changed("draws") {
		if f.draws < 1 {
			return nil, fmt.Errorf("--draws: %d; a number from 1 up", f.draws)
		}
		plan.Draws = f.draws
	}
	if cmd.Flags().Changed("seed") {
		plan.Seed = f.seed
	}
	if f.list != "" {
		var err error
		if plan.List, err = readDraws(f.list, plan); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// readDraws reads listed draws.
func readDraws(path string, plan *composite.Plan) ([]composite.Draw, error) {
	g, err := readGrid(path)
	if err != nil {
		return nil, err
	}
	choice := map[string]int{}
	for i, c := range plan.Choices {
		name := c.Name
		if name == "" {
			name = c.Key
		}
		choice[name] = i
	}
	draws := make([]composite.Draw, len(g.Rows))
	for r, row := range g.Rows {
		d := composite.Draw{Weights: map[string]float64{}, Choices: make([]int, len(plan.Choices))}
		for i := range d.Choices {
			d.Choices[i] = -1
		}
		for c, text := range row {
			if text = strings.TrimSpace(text); text == "" || text == "NA" || g.Header[c] == "draw" {
				continue
			}
			if i, ok := choice[g.Header[c]]; ok {
				k, err := strconv.Atoi(text)
				if err != nil || k < 0 || k > len(plan.Choices[i].Among) {
					return nil, fmt.Errorf("%s, row %d, column %s: %q; the number of an alternative is 0 (the recipe's) to %d",
						path, r+2, g.Header[c], text, len(plan.Choices[i].Among))
				}
				d.Choices[i] = k - 1
				continue
			}
			w, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("%s, row %d, column %s: %q is not a number", path, r+2, g.Header[c], text)
			}
			d.Weights[g.Header[c]] = w
		}
		draws[r] = d
	}
	return draws, nil
}

type sensitivityReport struct {
	Draws      int             `json:"draws"`
	Failed     int             `json:"failed"`
	Failures   []string        `json:"failures,omitempty"`
	Units      []unitSummary   `json:"units"`
	Sobol      *sobolReport    `json:"sobol,omitempty"`
	Bands      [][]string      `json:"bands,omitempty"`
	Attainable []attainableRow `json:"attainable,omitempty"`
	Ranges     []rangeRow      `json:"ranges,omitempty"`
}

type unitSummary struct {
	Code      string             `json:"uCode"`
	Time      *float64           `json:"time,omitempty"`
	Place     int                `json:"place"`
	Mean      number             `json:"mean"`
	Sd        number             `json:"sd"`
	Least     int                `json:"least"`
	Greatest  int                `json:"greatest"`
	Quantiles map[string]number  `json:"quantiles"`
	Top       map[string]number  `json:"top"`
	NoPlace   int                `json:"no_place"`
	ScoreMean number             `json:"score_mean"`
	ScoreSd   number             `json:"score_sd"`
	Places    map[string]float64 `json:"places"`
}

type sobolReport struct {
	Outcome  string          `json:"outcome"`
	Runs     int             `json:"runs"`
	Failed   int             `json:"failed"`
	Variance number          `json:"variance"`
	Factors  []sobolOfFactor `json:"factors"`
}

type sobolOfFactor struct {
	Name      string `json:"name"`
	First     number `json:"first"`
	FirstLow  number `json:"first_low"`
	FirstHigh number `json:"first_high"`
	Total     number `json:"total"`
	TotalLow  number `json:"total_low"`
	TotalHigh number `json:"total_high"`
}

type attainableRow struct {
	Code       string `json:"uCode"`
	Place      int    `json:"place"`
	Best       int    `json:"best"`
	FoundBest  int    `json:"found_best"`
	FoundWorst int    `json:"found_worst"`
	Worst      int    `json:"worst"`
}

type rangeRow struct {
	Code  string `json:"uCode"`
	Place int    `json:"place"`
	Best  int    `json:"best"`
	Worst int    `json:"worst"`
	Gaps  int    `json:"gaps"`
	Low   number `json:"low"`
	High  number `json:"high"`
}

func (f *sensitivityFlags) run(cmd *cobra.Command, in inputs) error {
	x, err := in.compile()
	if err != nil {
		return err
	}
	if f.unit != "" && !hasUnit(x, f.unit) {
		return unknownUnit(x, f.unit)
	}
	plan, err := f.readPlan(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	total := plan.Draws
	if total == 0 {
		total = 1000
	}
	if plan.List != nil {
		total = len(plan.List)
	}
	step, end := progress(cmd.ErrOrStderr(), "draws", total)
	keep := f.out != "" && f.replicates
	m, err := x.MonteCarlo(ctx, plan, composite.MonteCarloOptions{Workers: f.workers, Keep: keep, Pairs: f.bands > 0, Progress: step})
	end()
	if err != nil {
		return err
	}
	rep := sensitivityReport{Draws: m.Draws, Failed: m.Failed}
	for _, fail := range m.Failures {
		rep.Failures = append(rep.Failures, fmt.Sprintf("draw %d: %s", fail.Draw+1, fail.Reason))
	}
	files := []*csvFile{summaryFile(x, m), probabilityFile(x, m), failedFile(m)}
	if keep {
		files = append(files, replicateFiles(x, m, plan)...)
	}
	for _, r := range summaryRows(m) {
		if f.unit == "" || m.Units[r].Code == f.unit {
			rep.Units = append(rep.Units, summarise(x, m, r))
		}
	}
	if f.sobol > 0 {
		d := len(plan.Choices)
		if plan.Weights != nil {
			d++
		}
		if plan.Data != nil {
			d++
		}
		step, end := progress(cmd.ErrOrStderr(), "Sobol runs", f.sobol*(d+2))
		s, err := x.Sensitivity(ctx, plan, composite.SensitivityOptions{
			Points: f.sobol, Unit: f.unit, Workers: f.workers, Progress: step,
			Estimate: composite.SobolOptions{Uncentred: f.uncentred, Bootstrap: f.bootstrap},
		})
		end()
		if err != nil {
			return err
		}
		rep.Sobol = reportSobol(s)
		files = append(files, sobolFile(rep.Sobol))
	}
	if f.bands > 0 {
		list, file, err := bands(m, f.bands)
		if err != nil {
			return err
		}
		rep.Bands = list
		files = append(files, file)
	}
	if f.spread > 0 || f.ranges {
		more, err := f.bounds(cmd, x, plan, &rep)
		if err != nil {
			return err
		}
		files = append(files, more...)
	}
	if f.out != "" {
		if err := writeAll(f.out, files...); err != nil {
			return err
		}
	}
	if f.plot != "" {
		if err := plotIntervals(f.plot, f.font, m); err != nil {
			return err
		}
	}
	w := cmd.OutOrStdout()
	if f.asJSON {
		return printJSON(w, rep)
	}
	if f.out == "" {
		printSensitivity(w, m, &rep)
	}
	if m.Failed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %d of %d draws failed; the first: %s\n", m.Failed, m.Draws, rep.Failures[0])
	}
	return nil
}

func (f *sensitivityFlags) bounds(cmd *cobra.Command, x *composite.Index, plan *composite.Plan, rep *sensitivityReport) ([]*csvFile, error) {
	res, err := x.Run()
	if err != nil {
		return nil, err
	}
	var files []*csvFile
	if f.spread > 0 {
		a, err := x.Attainable(cmd.Context(), res, composite.Admissible{Spread: f.spread}, 1000, plan.Seed)
		if err != nil {
			return nil, err
		}
		file := &csvFile{name: "attainable.csv", header: strings.Split("uCode,place,best,found_best,found_worst,worst", ",")}
		for i, u := range a.Units {
			rep.Attainable = append(rep.Attainable, attainableRow{u.Code, a.Nominal[i], a.Best[i], a.FoundBest[i], a.FoundWorst[i], a.Worst[i]})
			file.row(u.Code, strconv.Itoa(a.Nominal[i]), strconv.Itoa(a.Best[i]), strconv.Itoa(a.FoundBest[i]),
				strconv.Itoa(a.FoundWorst[i]), strconv.Itoa(a.Worst[i]))
		}
		files = append(files, file)
	}
	if f.ranges {
		pr, err := x.PlaceRange(res)
		if err != nil {
			return nil, err
		}
		file := &csvFile{name: "ranges.csv", header: strings.Split("uCode,place,best,worst,gaps,low,high", ",")}
		for i, u := range pr.Units {
			rep.Ranges = append(rep.Ranges, rangeRow{u.Code, pr.Nominal[i], pr.Best[i], pr.Worst[i], pr.Gaps[i], number(pr.Low[i]), number(pr.High[i])})
			file.row(u.Code, placeText(pr.Nominal[i], "NA"), strconv.Itoa(pr.Best[i]), strconv.Itoa(pr.Worst[i]), strconv.Itoa(pr.Gaps[i]),
				num(pr.Low[i]), num(pr.High[i]))
		}
		files = append(files, file)
	}
	return files, nil
}

// summaryRows orders rows by period and nominal place.
func summaryRows(m *composite.MonteCarlo) []int {
	rows := make([]int, len(m.Units))
	for i := range rows {
		rows[i] = i
	}
	place := func(r int) int {
		if m.Nominal[r] == 0 {
			return math.MaxInt
		}
		return m.Nominal[r]
	}
	slices.SortStableFunc(rows, func(a, b int) int {
		if m.Units[a].Time != m.Units[b].Time {
			if m.Units[a].Time < m.Units[b].Time {
				return -1
			}
			return 1
		}
		return min(1, max(-1, place(a)-place(b)))
	})
	return rows
}

func summarise(x *composite.Index, m *composite.MonteCarlo, r int) unitSummary {
	s := unitSummary{
		Code: m.Units[r].Code, Place: m.Nominal[r], Mean: number(m.Mean[r]), Sd: number(m.Sd[r]),
		Least: m.Least[r], Greatest: m.Greatest[r], NoPlace: m.NoPlace[r],
		ScoreMean: number(m.ScoreMean[r]), ScoreSd: number(m.ScoreSd[r]),
		Quantiles: map[string]number{}, Top: map[string]number{}, Places: map[string]float64{},
	}
	if x.Data().HasTime {
		s.Time = &m.Units[r].Time
	}
	for q, level := range m.Levels {
		s.Quantiles[num(level)] = number(m.Quantiles[q][r])
	}
	for k, top := range m.TopPlaces {
		s.Top[strconv.Itoa(top)] = number(m.Top[k][r])
	}
	for p := m.Least[r]; p > 0 && p <= m.Greatest[r]; p++ {
		if v := m.Probability(r, p); v > 0 {
			s.Places[strconv.Itoa(p)] = v
		}
	}
	return s
}

func unitHead(x *composite.Index, rest ...string) []string { return head(x.Data().HasTime, rest...) }

func summaryFile(x *composite.Index, m *composite.MonteCarlo) *csvFile {
	f := &csvFile{name: "summary.csv", header: unitHead(x, "place", "mean", "sd", "least")}
	for _, q := range m.Levels {
		f.header = append(f.header, "q"+num(q))
	}
	f.header = append(f.header, "greatest")
	for _, k := range m.TopPlaces {
		f.header = append(f.header, "top"+strconv.Itoa(k))
	}
	f.header = append(f.header, "no_place", "draws", "failed", "score_mean", "score_sd")
	for r, u := range m.Units {
		row := append(lead(u, x.Data().HasTime), placeText(m.Nominal[r], "NA"), num(m.Mean[r]), num(m.Sd[r]), placeText(m.Least[r], "NA"))
		for q := range m.Levels {
			row = append(row, num(m.Quantiles[q][r]))
		}
		row = append(row, placeText(m.Greatest[r], "NA"))
		for k := range m.TopPlaces {
			row = append(row, num(m.Top[k][r]))
		}
		f.row(append(row, strconv.Itoa(m.NoPlace[r]), strconv.Itoa(m.Draws), strconv.Itoa(m.Failed), num(m.ScoreMean[r]), num(m.ScoreSd[r]))...)
	}
	return f
}

func probabilityFile(x *composite.Index, m *composite.MonteCarlo) *csvFile {
	f := &csvFile{name: "probabilities.csv", header: unitHead(x, "place", "probability")}
	for r, u := range m.Units {
		if m.NoPlace[r] > 0 {
			f.row(append(lead(u, x.Data().HasTime), "NA", num(m.Probability(r, 0)))...)
		}
		for p := m.Least[r]; p > 0 && p <= m.Greatest[r]; p++ {
			if v := m.Probability(r, p); v > 0 {
				f.row(append(lead(u, x.Data().HasTime), strconv.Itoa(p), num(v))...)
			}
		}
	}
	return f
}

func failedFile(m *composite.MonteCarlo) *csvFile {
	f := &csvFile{name: "failed.csv", header: []string{"draw", "reason"}}
	for _, fail := range m.Failures {
		f.row(strconv.Itoa(fail.Draw+1), fail.Reason)
	}
	return f
}

// replicateFiles have a row a draw. A unit of a panel is named code@time.
func replicateFiles(x *composite.Index, m *composite.MonteCarlo, plan *composite.Plan) []*csvFile {
	names := []string{"draw"}
	for _, u := range m.Units {
		name := u.Code
		if x.Data().Panel() {
			name += "@" + num(u.Time)
		}
		names = append(names, name)
	}
	ranks := &csvFile{name: "replicate_ranks.csv", header: names}
	scores := &csvFile{name: "replicate_scores.csv", header: names}
	tree := x.Tree()
	par := &csvFile{name: "parameters.csv", header: []string{"draw"}}
	for _, n := range tree.Nodes {
		par.header = append(par.header, n.Code)
	}
	for _, c := range plan.Choices {
		name := c.Name
		if name == "" {
			name = c.Key
		}
		par.header = append(par.header, name)
	}
	for d := range m.Draws {
		no := strconv.Itoa(d + 1)
		rank, score, given := []string{no}, []string{no}, []string{no}
		for r := range m.Units {
			if m.Places[d] == nil {
				rank, score = append(rank, "NA"), append(score, "NA")
				continue
			}
			rank = append(rank, placeText(int(m.Places[d][r]), "NA"))
			score = append(score, num(m.Scores[d][r]))
		}
		for _, n := range tree.Nodes {
			text := ""
			if w, ok := m.Parameters[d].Weights[n.Code]; ok {
				text = num(w)
			}
			given = append(given, text)
		}
		for i := range plan.Choices {
			given = append(given, strconv.Itoa(m.Parameters[d].Choices[i]+1))
		}
		ranks.row(rank...)
		scores.row(score...)
		par.row(given...)
	}
	return []*csvFile{ranks, scores, par}
}

func reportSobol(s *composite.Sensitivity) *sobolReport {
	r := &sobolReport{Outcome: s.Outcome, Runs: s.Runs, Failed: s.FailedRuns, Variance: number(s.Variance)}
	for i, f := range s.Factors {
		r.Factors = append(r.Factors, sobolOfFactor{
			s.Names[i], number(f.First), number(f.FirstLow), number(f.FirstHigh), number(f.Total), number(f.TotalLow), number(f.TotalHigh),
		})
	}
	return r
}

func sobolFile(s *sobolReport) *csvFile {
	f := &csvFile{name: "sobol.csv", header: strings.Split("factor,first,first_low,first_high,total,total_low,total_high", ",")}
	for _, r := range s.Factors {
		row := []string{r.Name}
		for _, v := range []number{r.First, r.FirstLow, r.FirstHigh, r.Total, r.TotalLow, r.TotalHigh} {
			row = append(row, num(float64(v)))
		}
		f.row(row...)
	}
	return f
}

func bands(m *composite.MonteCarlo, sure float64) ([][]string, *csvFile, error) {
	var times []float64
	for _, u := range m.Units {
		if !slices.Contains(times, u.Time) {
			times = append(times, u.Time)
		}
	}
	slices.Sort(times)
	f := &csvFile{name: "bands.csv", header: strings.Split("Time,band,uCode,place,first_before", ",")}
	var list [][]string
	for _, t := range times {
		found, err := m.Bands(t, sure)
		if err != nil {
			return nil, nil, err
		}
		for k, b := range found {
			var codes []string
			for i, r := range b.Rows {
				codes = append(codes, m.Units[r].Code)
				before := math.NaN()
				if i > 0 {
					before = m.Before(b.Rows[0], r)
				}
				f.row(num(t), strconv.Itoa(k+1), m.Units[r].Code, strconv.Itoa(m.Nominal[r]), num(before))
			}
			list = append(list, codes)
		}
	}
	return list, f, nil
}

func printSensitivity(w io.Writer, m *composite.MonteCarlo, rep *sensitivityReport) {
	heads := []string{">place", "code", ">mean", ">sd"}
	for _, q := range m.Levels {
		heads = append(heads, ">"+strings.TrimSuffix(strconv.FormatFloat(100*q, 'f', 1, 64), ".0")+" %")
	}
	for _, k := range m.TopPlaces {
		heads = append(heads, fmt.Sprintf(">top %d", k))
	}
	t := table.New(heads...)
	for _, u := range rep.Units {
		row := []string{placeText(u.Place, "–"), u.Code, short(float64(u.Mean)), short(float64(u.Sd))}
		for _, q := range m.Levels {
			row = append(row, short(float64(u.Quantiles[num(q)])))
		}
		for _, k := range m.TopPlaces {
			row = append(row, fmt.Sprintf("%.0f%%", 100*float64(u.Top[strconv.Itoa(k)])))
		}
		t.Row(row...)
	}
	t.Write(w, 0)
	fmt.Fprintf(w, "%d draws, %d failed\n", m.Draws, m.Failed)
	if s := rep.Sobol; s != nil {
		fmt.Fprintf(w, "\nwhat the %s depends on (%d runs, %d failed)\n", s.Outcome, s.Runs, s.Failed)
		t := table.New("factor", ">first order", ">from", ">to", ">total order", ">from", ">to")
		for _, f := range s.Factors {
			row := []string{f.Name}
			for _, v := range []number{f.First, f.FirstLow, f.FirstHigh, f.Total, f.TotalLow, f.TotalHigh} {
				row = append(row, short(float64(v)))
			}
			t.Row(row...)
		}
		t.Write(w, 0)
	}
	if len(rep.Bands) > 0 {
		fmt.Fprintln(w, "\ntie bands: the first of a band does not stand surely before the others of it")
		for i, b := range rep.Bands {
			fmt.Fprintf(w, "%3d  %s\n", i+1, strings.Join(b, " "))
		}
	}
	if len(rep.Attainable) > 0 {
		fmt.Fprintln(w, "\nplaces attainable: never better than best nor worse than worst; the found ones are attained")
		t := table.New(">place", "code", ">best", ">found", ">found", ">worst")
		for _, a := range rep.Attainable {
			t.Row(strconv.Itoa(a.Place), a.Code, strconv.Itoa(a.Best), strconv.Itoa(a.FoundBest), strconv.Itoa(a.FoundWorst), strconv.Itoa(a.Worst))
		}
		t.Write(w, 0)
	}
	if len(rep.Ranges) > 0 {
		fmt.Fprintln(w, "\nplaces that the missing figures could give")
		t := table.New(">place", "code", ">best", ">worst", ">gaps")
		for _, a := range rep.Ranges {
			t.Row(placeText(a.Place, "–"), a.Code, strconv.Itoa(a.Best), strconv.Itoa(a.Worst), strconv.Itoa(a.Gaps))
		}
		t.Write(w, 0)
	}
}
