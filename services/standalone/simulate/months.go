package simulate

import (
	"fmt"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/period"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const monthsReported = 11

// Month is what is published with one monthly report.
type Month struct {
	n           int // counted from the first
	Year, Month int
	// Targets are those of the year, in its first report.
	Targets []*indicatorv1.NewStatement
	// Reports are the figures of the month, those of the month before that
	// come late, and corrections of the month before that.
	Reports []*indicatorv1.NewStatement
}

// fate is what becomes of a cell.
type fate int

const (
	onTime fate = iota
	late
	corrected
	missing
)

func (d *Dataset) fate(z, m, n int) fate {
	if d.draws.of("silent", z, m).IntN(100) < 2 { // It never reports that.
		return missing
	}
	switch u := d.draws.of("fate", z, m, n).IntN(1000); {
	case u < 15:
		return missing
	case u < 55:
		return late
	case u < 75:
		return corrected
	default:
		return onTime
	}
}

// dateOf gives year and month of a report, the first of them 0.
func (d *Dataset) dateOf(n int) (year, month int) {
	return d.cfg.From + n/monthsReported, 2 + n%monthsReported
}

// At makes the report of a month, counted from 0. It may lie beyond the
// history: reports go on for ever.
func (d *Dataset) At(n int) (Month, error) {
	out := Month{n: n}
	out.Year, out.Month = d.dateOf(n)
	if out.Month == 2 {
		out.Targets = d.targets(out.Year)
	}
	for z := range d.zones {
		for m := range measures {
			if f := d.fate(z, m, n); f == onTime || f == corrected {
				s, err := d.cell(z, m, n, n, f == corrected)
				if err != nil {
					return Month{}, err
				}
				out.Reports = append(out.Reports, &indicatorv1.NewStatement{Statement: s})
			}
			if n >= 1 && d.fate(z, m, n-1) == late {
				s, err := d.cell(z, m, n-1, n, false)
				if err != nil {
					return Month{}, err
				}
				s.Locator = "补报"
				out.Reports = append(out.Reports, &indicatorv1.NewStatement{Statement: s})
			}
			if n >= 2 && d.fate(z, m, n-2) == corrected {
				wrong, err := d.cell(z, m, n-2, n-2, true)
				if err != nil {
					return Month{}, err
				}
				s, err := d.cell(z, m, n-2, n, false)
				if err != nil {
					return Month{}, err
				}
				s.Locator = "更正"
				out.Reports = append(out.Reports, &indicatorv1.NewStatement{Statement: s, Supersedes: figures.StatementName(wrong)})
			}
		}
	}
	return d.shuffled(out), nil
}

// cell is the statement of one figure of month n as the report of another month prints it.
func (d *Dataset) cell(z, m, n, in int, wrong bool) (*indicatorv1.Statement, error) {
	year, month := d.dateOf(n)
	when, ok := period.OfMonths(year, 1, month)
	if !ok {
		return nil, fmt.Errorf("months 1 to %d of %d are no period", month, year)
	}
	text := when.String()
	if measures[m].nature == stock {
		text = fmt.Sprintf("%04d-%02d-%02d", year, month, when.End().GetDay())
	}
	value := d.truth(z, m, year, month)
	if wrong {
		value = d.mistaken(z, m, year, month)
	}
	s := d.statement(z, m, monthSource(d.dateOf(in)), text, value)
	s.Locator = "月报表"
	s.Key.Kind, s.Comparator, s.Tag = indicatorv1.Kind_KIND_ACTUAL, typev1.Comparator_COMPARATOR_EQUAL, indicatorv1.Tag_TAG_OBSERVED
	s.Reporter, s.Vintage = indicatorv1.Reporter_REPORTER_STATISTICS_BUREAU, indicatorv1.Vintage_VINTAGE_FLASH
	return s, nil
}

// statement is what all statements have.
func (d *Dataset) statement(z, m int, source, when string, value int64) *indicatorv1.Statement {
	spec := &measures[m]
	number, unit := printed(value, spec.decimals), spec.unit
	if d.zones[z].small && unit == "亿元" {
		number, unit = printed(value*one, 0), "万元"
	}
	s := &indicatorv1.Statement{
		Source: "sources/" + source,
		Key:    &indicatorv1.FigureKey{Subject: "zones/" + d.zones[z].id, Indicator: spec.name(), Period: when},
		Value:  &indicatorv1.Statement_Number{Number: number}, Unit: unit,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
		Stage: typev1.Stage_STAGE_RELEASED,
	}
	if spec.class == aboveScale {
		s.Key.Scope = &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE}
	}
	return s
}

// targets are the yearly ones. Some are promised, most are planned, and some
// zones strive for more beside the plan; few are set without a number yet.
func (d *Dataset) targets(year int) []*indicatorv1.NewStatement {
	var list []*indicatorv1.NewStatement
	for z := range d.zones {
		for m := range measures {
			if !measures[m].aims {
				continue
			}
			r := d.draws.of("target", z, m, year)
			kind := r.IntN(100)
			if kind < 8 { // Not every zone aims at everything.
				continue
			}
			ambition := indicatorv1.Ambition_AMBITION_EXPECTED
			if r.IntN(100) < 25 {
				ambition = indicatorv1.Ambition_AMBITION_MUST
			}
			aim := d.aim(z, m, year, between(r, -300, 500))
			first := d.target(z, m, year, aim, ambition, r.IntN(100) < 70)
			if kind < 10 {
				first.Value, first.Comparator, first.Qualifier, first.NumberPending = nil, 0, "", true
			}
			list = append(list, &indicatorv1.NewStatement{Statement: first})
			if kind >= 80 {
				further := d.aim(z, m, year, between(r, 600, 900))
				list = append(list, &indicatorv1.NewStatement{
					Statement: d.target(z, m, year, further, indicatorv1.Ambition_AMBITION_STRIVE, true),
				})
			}
		}
	}
	return list
}

// aim is a target so much above what the year will bring, in ten thousandths;
// below it, where lower is better. A growth rate is moved by points and stays above zero.
func (d *Dataset) aim(z, m, year int, above int64) int64 {
	spec := &measures[m]
	value := d.truth(z, m, year, 12)
	switch {
	case spec.nature == growth:
		half := int64(one / 2)
		return max((value+above*30)/half, 1) * half
	case spec.lower:
		return times(value, one-above)
	case spec.nature == share:
		return min(times(value, one+above), 100*one)
	default:
		return times(value, one+above)
	}
}

func (d *Dataset) target(z, m, year int, value int64, ambition indicatorv1.Ambition, bound bool) *indicatorv1.Statement {
	s := d.statement(z, m, planSource(year), fmt.Sprint(year), value)
	s.Locator, s.Tag = "目标表", indicatorv1.Tag_TAG_HEADLINE
	s.Key.Kind, s.Key.Ambition = indicatorv1.Kind_KIND_TARGET, ambition
	s.AssignedBy = "示例省人民政府" + mark
	switch {
	case measures[m].lower:
		s.Comparator, s.Qualifier = typev1.Comparator_COMPARATOR_AT_MOST, "以内"
	case bound:
		s.Comparator, s.Qualifier = typev1.Comparator_COMPARATOR_AT_LEAST, "以上"
	default:
		s.Comparator = typev1.Comparator_COMPARATOR_EQUAL
	}
	return s
}

func monthSource(year, month int) string { return fmt.Sprintf("sim-%04d-%02d", year, month) }

func planSource(year int) string { return fmt.Sprintf("sim-%04d-plan", year) }

// Name is the name that a report gets once it is recorded.
func Name(report *indicatorv1.NewStatement) string {
	return figures.StatementName(report.GetStatement())
}
