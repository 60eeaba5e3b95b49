package index

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/tabular"
	"zonebench.internal/services/standalone/table"
)

func auditCommand() *cobra.Command {
	var in, other inputs
	var out, plot, font string
	var opt composite.AuditOptions
	cmd := verb("audit --data D.csv --meta M.csv --recipe R.yaml [--out DIR]",
		"Examine an index: distributions, gaps, correlations, reliability, leave-one-out",
		`Examine an index: distributions, gaps, correlations with p-values, Cronbach's alpha,
principal components, redundant and opposed indicators, correlation with denominators,
and what leaving out each element does to the places.

With --out these files are written: statistics.csv, correlations.csv and alpha.csv, and
p_values.csv, pca.csv, flags.csv, availability.csv, leave_one_out.csv; with --compare also
compare.csv. Tables are raw (the data as read), treated, normalised and aggregated.`,
		`  zonebench index audit --data zones.csv --meta indicators.csv --recipe recipe.yaml --out audit
  zonebench index audit --data zones.csv --meta indicators.csv --recipe recipe.yaml --compare other.yaml
  zonebench index audit --data zones.csv --meta indicators.csv --recipe recipe.yaml --plot correlations.svg`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		x, err := in.compile()
		if err != nil {
			return err
		}
		res, err := x.Run()
		if err != nil {
			return err
		}
		a, err := x.Audit(res, opt)
		if err != nil {
			return err
		}
		files := auditFiles(x, a)
		var cmp *composite.Comparison
		if other.recipe != "" {
			other.data, other.meta = in.data, in.meta
			y, err := other.compile()
			if err != nil {
				return err
			}
			res2, err := y.Run()
			if err != nil {
				return err
			}
			cmp = composite.Compare(res, res2)
			files = append(files, compareFile(cmp))
		}
		if out != "" {
			if err := writeAll(out, files...); err != nil {
				return err
			}
		}
		if plot != "" {
			if err := plotCorrelations(plot, font, res); err != nil {
				return err
			}
		}
		if out == "" {
			printAudit(cmd.OutOrStdout(), a)
		}
		if cmp != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "compared with %s: places shift by %s on average, by %d at most; rank correlation %s (Kendall %s)\n",
				other.recipe, short(cmp.MeanShift), cmp.MaxShift, short(cmp.Spearman), short(cmp.Kendall))
		}
		return nil
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "directory for the findings as CSV files")
	cmd.Flags().StringVar(&other.recipe, "compare", "", "a second recipe for the same data, to be compared")
	cmd.Flags().Float64Var(&opt.Redundant, "redundant", 0.92, "siblings are redundant above this |correlation|")
	cmd.Flags().Float64Var(&opt.Opposed, "opposed", -0.4, "siblings are opposed below this correlation")
	cmd.Flags().Float64Var(&opt.Denominator, "size", 0.6, "an indicator depends on size above this |correlation| with a denominator")
	plotFlags(cmd, &plot, &font, "a heat map of the correlations of the normalised indicators")
	return cmd
}

func num(v float64) string { return tabular.FormatNumber(v) }

func auditFiles(x *composite.Index, a *composite.Audit) []*csvFile {
	stats := &csvFile{name: "statistics.csv", header: strings.Split("table,iCode,min,max,mean,median,sd,skew,kurt,known", ",")}
	for _, s := range a.Statistics {
		stats.row(s.Table, s.Code, num(s.Min), num(s.Max), num(s.Mean), num(s.Median), num(s.Sd), num(s.Skew), num(s.Kurt), strconv.Itoa(s.Known))
	}
	corr := &csvFile{name: "correlations.csv", header: strings.Split("table,method,A,B,r", ",")}
	ps := &csvFile{name: "p_values.csv", header: strings.Split("table,method,A,B,r,p,n", ",")}
	for _, c := range a.Correlations {
		corr.row(c.Table, c.Method, c.A, c.B, num(c.R))
		ps.row(c.Table, c.Method, c.A, c.B, num(c.R), num(c.P), strconv.Itoa(c.N))
	}
	alpha := &csvFile{name: "alpha.csv", header: strings.Split("table,group,alpha", ",")}
	for _, r := range a.Alpha {
		alpha.row(r.Table, r.Group, num(r.Alpha))
	}
	pca := &csvFile{name: "pca.csv", header: strings.Split("group,component,eigenvalue,explained,cumulative,iCode,loading,rows", ",")}
	for _, g := range a.PCA {
		if g.Components == nil {
			continue
		}
		for k := range g.Eigenvalues {
			for j, code := range g.Children {
				pca.row(g.Group, strconv.Itoa(k+1), num(g.Eigenvalues[k]), num(g.Explained[k]), num(g.Cumulative[k]),
					code, num(g.Loadings[k][j]), strconv.Itoa(g.Rows))
			}
		}
	}
	flags := &csvFile{name: "flags.csv", header: strings.Split("flag,A,B,value", ",")}
	for _, s := range a.Statistics {
		if s.Outliers {
			flags.row("outliers_"+s.Table, s.Code, "", num(s.Skew))
		}
		if s.Distinct <= 1 {
			flags.row("constant_"+s.Table, s.Code, "", num(s.Min))
		}
	}
	for _, f := range []struct {
		name string
		list []composite.Correlation
	}{{"redundant", a.Redundant}, {"opposed", a.Opposed}, {"size", a.Denominators}} {
		for _, c := range f.list {
			flags.row(f.name, c.A, c.B, num(c.R))
		}
	}
	avail := &csvFile{name: "availability.csv", header: strings.Split("uCode,Time,group,iCode,known,of,share", ",")}
	for _, v := range a.Availability {
		time := "NA"
		if v.Unit != "" && x.Data().HasTime {
			time = num(v.Time)
		}
		avail.row(v.Unit, time, v.Group, v.Code, strconv.Itoa(v.Known), strconv.Itoa(v.Of), num(v.Share))
	}
	loo := &csvFile{name: "leave_one_out.csv", header: strings.Split("iCode,mean_shift,max_shift,max_unit,lost,spearman", ",")}
	for _, l := range a.LeaveOneOut {
		loo.row(l.Code, num(l.MeanShift), strconv.Itoa(l.MaxShift), l.MaxUnit, strconv.Itoa(l.Lost), num(l.Correlation))
	}
	return []*csvFile{stats, corr, alpha, ps, pca, flags, avail, loo}
}

func compareFile(c *composite.Comparison) *csvFile {
	f := &csvFile{name: "compare.csv", header: strings.Split("uCode,Time,place_a,place_b,shift,score_a,score_b", ",")}
	for _, r := range c.Rows {
		shift := "NA"
		if r.PlaceA != 0 && r.PlaceB != 0 {
			shift = strconv.Itoa(r.PlaceA - r.PlaceB)
		}
		f.row(r.Unit.Code, num(r.Unit.Time), placeText(r.PlaceA, "NA"), placeText(r.PlaceB, "NA"), shift, num(r.ScoreA), num(r.ScoreB))
	}
	return f
}

func printAudit(w io.Writer, a *composite.Audit) {
	t := table.New("indicator", ">known", ">min", ">median", ">max", ">skew", ">kurt", "remark")
	for _, s := range a.Statistics {
		if s.Table != "raw" {
			continue
		}
		remark := ""
		switch {
		case s.Known == 0:
			remark = "nothing known"
		case s.Distinct == 1:
			remark = "constant"
		case s.Outliers:
			remark = "outliers"
		}
		t.Row(s.Code, strconv.Itoa(s.Known), short(s.Min), short(s.Median), short(s.Max), short(s.Skew), short(s.Kurt), remark)
	}
	t.Write(w, 0)
	fmt.Fprintln(w)
	t = table.New("group", "table", ">alpha")
	for _, r := range a.Alpha {
		t.Row(r.Group, r.Table, short(r.Alpha))
	}
	t.Write(w, 0)
	fmt.Fprintln(w)
	for _, f := range []struct {
		text string
		list []composite.Correlation
	}{
		{"redundant siblings", a.Redundant}, {"opposed siblings", a.Opposed}, {"correlated with a denominator", a.Denominators},
	} {
		for _, c := range f.list {
			fmt.Fprintf(w, "%s: %s and %s, r = %s\n", f.text, c.A, c.B, short(c.R))
		}
	}
	fmt.Fprintln(w)
	t = table.New("left out", ">mean shift", ">greatest", "of", ">places lost")
	for _, l := range a.LeaveOneOut {
		t.Row(l.Code, short(l.MeanShift), strconv.Itoa(l.MaxShift), l.MaxUnit, strconv.Itoa(l.Lost))
	}
	t.Write(w, 0)
}
