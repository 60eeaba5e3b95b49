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
	Year, Month int
	// Targets are those of the year, in its first report.
	Targets []*indicatorv1.NewStatement
	// Reports are the figures of the month, what was wanting in the month
	// before, and corrections of the month before that.
	Reports []*indicatorv1.NewStatement
}

// dateOf gives year and month of a report, the first of them 0.
func (d *Dataset) dateOf(n int) (year, month int) {
	return d.cfg.From + n/monthsReported, 2 + n%monthsReported
}

// At makes the report of a month, counted from 0. It may lie beyond the
// history: reports go on for ever.
func (d *Dataset) At(n int) (Month, error) {
	out := Month{}
	out.Year, out.Month = d.dateOf(n)
	if out.Month == 2 {
		out.Targets = append(d.targets(out.Year), d.rankTargets(out.Year)...)
	}
	for age, say := range []func(cell) ([]*indicatorv1.NewStatement, error){d.first, d.second, d.third} {
		if age > n {
			break
		}
		fates := d.fates(n - age)
		for z := range d.zones {
			for _, m := range d.measured {
				list, err := say(cell{z, m, n - age, fates.of(z, m)})
				if err != nil {
					return Month{}, err
				}
				out.Reports = append(out.Reports, list...)
			}
		}
	}
	for _, m := range d.measured {
		s, err := d.report(cell{z: province, m: m, n: n}, n, d.truth(province, m, out.Year, out.Month))
		if err != nil {
			return Month{}, err
		}
		out.Reports = append(out.Reports, plain(s))
	}
	out.Reports = d.shuffled("order", n, out.Reports)
	return out, nil
}

// first is what the report of its own month says of a cell.
func (d *Dataset) first(c cell) ([]*indicatorv1.NewStatement, error) {
	year, month := d.dateOf(c.n)
	value := d.truth(c.z, c.m, year, month)
	if c.fate == corrected {
		value = d.mistaken(c.z, c.m, year, month)
	}
	s, err := d.report(c, c.n, value)
	if err != nil {
		return nil, err
	}
	list := []*indicatorv1.NewStatement{plain(s)}
	switch c.fate {
	case missing, late:
		return nil, nil
	case inReview:
		s.Stage, s.Reporter, s.Locator = typev1.Stage_STAGE_SUBMITTED, indicatorv1.Reporter_REPORTER_ZONE, "园区报送,待审"
	case disputed:
		other, err := d.report(c, c.n, d.mistaken(c.z, c.m, year, month))
		if err != nil {
			return nil, err
		}
		other.Locator = "附表"
		list = append(list, plain(other))
	case bound:
		s.Comparator, s.Qualifier, s.Locator = typev1.Comparator_COMPARATOR_AT_LEAST, "以上", "文字说明"
		s.Value = &indicatorv1.Statement_Number{Number: d.number(c.z, c.m, value-max(value, -value)/20)}
		if measures[c.m].lower {
			s.Comparator, s.Qualifier = typev1.Comparator_COMPARATOR_AT_MOST, "以内"
			s.Value = &indicatorv1.Statement_Number{Number: d.number(c.z, c.m, value+value/20)}
		}
	case otherScope:
		s.Key.Scope = &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_FULL}
		if measures[c.m].nature != growth {
			s.Value = &indicatorv1.Statement_Number{Number: d.number(c.z, c.m, times(value, 11_400))}
		}
	case unstated:
		s.PeriodCertainty, s.Locator = typev1.Certainty_CERTAINTY_INFERRED, "简报"
	case onTime, corrected:
	}
	return list, nil
}

// second is what the report of the next month says of a cell: what came late,
// was approved or made clear.
func (d *Dataset) second(c cell) ([]*indicatorv1.NewStatement, error) {
	switch c.fate {
	case onTime, corrected, missing:
		return nil, nil
	default:
	}
	year, month := d.dateOf(c.n)
	s, err := d.report(c, c.n+1, d.truth(c.z, c.m, year, month))
	if err != nil {
		return nil, err
	}
	before, err := d.first(c)
	if err != nil {
		return nil, err
	}
	right := plain(s)
	if s.Locator = "核定"; c.fate == late {
		s.Locator = "补报"
	}
	if len(before) > 0 && c.fate != otherScope {
		right.Supersedes = Name(before[len(before)-1])
	}
	return []*indicatorv1.NewStatement{right}, nil
}

// third is what the report of the month after that says of a cell: corrections.
func (d *Dataset) third(c cell) ([]*indicatorv1.NewStatement, error) {
	if c.fate != corrected {
		return nil, nil
	}
	year, month := d.dateOf(c.n)
	s, err := d.report(c, c.n+2, d.truth(c.z, c.m, year, month))
	if err != nil {
		return nil, err
	}
	wrong, err := d.first(c)
	if err != nil {
		return nil, err
	}
	s.Locator = "更正"
	return []*indicatorv1.NewStatement{{Statement: s, Supersedes: Name(wrong[0])}}, nil
}

func plain(s *indicatorv1.Statement) *indicatorv1.NewStatement {
	return &indicatorv1.NewStatement{Statement: s}
}

// report is the statement of a cell as the report of a month prints it.
func (d *Dataset) report(c cell, in int, value int64) (*indicatorv1.Statement, error) {
	year, month := d.dateOf(c.n)
	when, ok := period.OfMonths(year, 1, month)
	if !ok {
		return nil, fmt.Errorf("months 1 to %d of %d are no period", month, year)
	}
	text := when.String()
	if measures[c.m].nature == stock {
		text = fmt.Sprintf("%04d-%02d-%02d", year, month, when.End().GetDay())
	}
	s := d.statement(c.z, c.m, monthSource(d.dateOf(in)), text, value)
	s.Locator = "月报表"
	s.Key.Kind, s.Comparator, s.Tag = indicatorv1.Kind_KIND_ACTUAL, typev1.Comparator_COMPARATOR_EQUAL, indicatorv1.Tag_TAG_OBSERVED
	s.Reporter, s.Vintage = indicatorv1.Reporter_REPORTER_STATISTICS_BUREAU, indicatorv1.Vintage_VINTAGE_FLASH
	return s, nil
}

// statement is what all statements have.
func (d *Dataset) statement(z, m int, source, when string, value int64) *indicatorv1.Statement {
	spec := &measures[m]
	s := &indicatorv1.Statement{
		Source: "sources/" + source,
		Key:    &indicatorv1.FigureKey{Subject: d.subject(z), Indicator: spec.name(), Period: when},
		Value:  &indicatorv1.Statement_Number{Number: d.number(z, m, value)}, Unit: d.unit(z, m),
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
		Stage: typev1.Stage_STAGE_RELEASED,
	}
	if spec.class == aboveScale {
		s.Key.Scope = &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE}
	}
	return s
}

// province stands where an index of a zone does.
const province = -1

func (d *Dataset) subject(z int) string {
	if z == province {
		return Province
	}
	return "zones/" + d.zones[z].id
}

// unit is the one that a zone prints a measure in.
func (d *Dataset) unit(z, m int) string {
	if d.inWan(z, m) {
		return "万元"
	}
	return measures[m].unit
}

func (d *Dataset) inWan(z, m int) bool {
	return z != province && d.zones[z].small && measures[m].unit == "亿元"
}

// number is a value as a zone prints it.
func (d *Dataset) number(z, m int, value int64) string {
	if d.inWan(z, m) {
		return printed(value*one, 0)
	}
	return printed(value, measures[m].decimals)
}

// targets are the yearly ones. Some are promised, most are planned, and some
// zones strive for more beside the plan; few are set without a number yet.
func (d *Dataset) targets(year int) []*indicatorv1.NewStatement {
	var list []*indicatorv1.NewStatement
	for z := range d.zones {
		for _, m := range d.measured {
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
			list = append(list, plain(first))
			if kind >= 80 {
				further := d.aim(z, m, year, between(r, 600, 900))
				list = append(list, plain(d.target(z, m, year, further, indicatorv1.Ambition_AMBITION_STRIVE, true)))
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

func monthSource(year, month int) string { return fmt.Sprintf("example-%04d-%02d", year, month) }

func planSource(year int) string { return fmt.Sprintf("example-%04d-plan", year) }

// Name is the name that a report gets once it is recorded.
func Name(report *indicatorv1.NewStatement) string {
	return figures.StatementName(report.GetStatement())
}
