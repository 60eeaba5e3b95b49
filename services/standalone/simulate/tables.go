package simulate

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/data"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	// tableBytes bounds one table. The limit of imports is 3 MiB; smaller tables let others write in between.
	tableBytes = 1 << 20
	// correctionRows bounds a table whose rows supersede others, which has to fit one commit.
	correctionRows = 1000
)

// Table is one import table.
type Table struct {
	Kind    data.Kind
	File    string // a name that sorts in the order of loading
	Content []byte
	Rows    int
	// Month is the monthly report it is of, counted from 0; -1 for what all of them need.
	Month int
}

// Tables are the import tables of the whole history, in the order in which they
// can be loaded. They are made as they are asked for, since they may not fit
// the memory together.
func (d *Dataset) Tables() iter.Seq2[Table, error] {
	return func(yield func(Table, error) bool) {
		n, month := 0, -1
		emit := func(kind data.Kind, rows [][]string, most int) bool {
			for _, t := range split(kind, rows, most) {
				n++
				t.File, t.Month = fmt.Sprintf("%04d-%s.csv", n, kind), month
				if !yield(t, nil) {
					return false
				}
			}
			return true
		}
		for _, fixed := range []struct {
			kind data.Kind
			rows [][]string
		}{
			{data.ReferenceUnits, d.unitRows()},
			{data.Zones, d.zoneRows()},
			{data.Groups, groupRows()},
			{data.Sources, d.sourceRows(0, d.Months())},
			{data.Indicators, d.indicatorRows()},
			{data.Series, seriesRows()},
			{data.Rounds, d.roundRows()},
			{data.Places, d.placeRows()},
		} {
			if !emit(fixed.kind, fixed.rows, 0) {
				return
			}
		}
		for i := range d.Months() {
			month = i
			m, err := d.At(i)
			if err != nil {
				yield(Table{}, err)
				return
			}
			plain, corrections := slices.Clone(m.Targets), []*indicatorv1.NewStatement(nil)
			for _, s := range m.Reports {
				if s.GetSupersedes() == "" {
					plain = append(plain, s)
				} else {
					corrections = append(corrections, s)
				}
			}
			if !emit(data.Statements, statementRows(plain), 0) || !emit(data.Statements, statementRows(corrections), correctionRows) {
				return
			}
		}
	}
}

// split writes rows as tables, each with the header, which is the first row.
// A header alone is no table.
func split(kind data.Kind, rows [][]string, most int) []Table {
	var out []Table
	var b bytes.Buffer
	count := 0
	flush := func() {
		if count > 0 {
			out = append(out, Table{Kind: kind, Content: bytes.Clone(b.Bytes()), Rows: count})
		}
		b.Reset()
		count = 0
	}
	write := func(row []string) {
		w := csv.NewWriter(&b)
		_ = w.Write(row) // Into memory.
		w.Flush()
	}
	for _, row := range rows[1:] {
		if count > 0 && (b.Len() > tableBytes || count == most) {
			flush()
		}
		if count == 0 {
			write(rows[0])
		}
		write(row)
		count++
	}
	flush()
	return out
}

func (d *Dataset) unitRows() [][]string {
	rows := [][]string{
		{"id", "type", "name_zh", "name_en", "parent", "division_code", "note", "simulated"},
		{"example-province", "province", "示例省", "Example Province", "", "990000", d.Note(), "true"},
	}
	for _, r := range regions {
		rows = append(rows, []string{r.id, "prefecture", r.zh, r.en, "example-province", r.code, "", "true"})
	}
	return rows
}

func (d *Dataset) zoneRows() [][]string {
	rows := [][]string{{"id", "type", "level", "name_zh", "name_en", "parent", "division_code", "certainty", "basis", "simulated"}}
	for _, z := range d.zones {
		rows = append(rows, []string{z.id, z.kind, z.level, z.zh, z.en, "referenceUnits/" + z.region.id, z.region.code, "stated", "模拟", "true"})
	}
	return rows
}

func groupRows() [][]string {
	rows := [][]string{
		{"id", "name_zh", "name_en", "filter"},
		{"example-zones", "示例省开发区" + mark, "Zones of Example Province" + mark, "simulated = true"},
		{"example-national", "示例省国家级开发区" + mark, "National zones of Example Province" + mark, "simulated = true AND level = national"},
		{"example-provincial", "示例省省级开发区" + mark, "Provincial zones of Example Province" + mark, "simulated = true AND level = provincial"},
	}
	for _, r := range regions {
		rows = append(rows, []string{
			r.id, r.zh + "开发区" + mark, "Zones of " + r.en + mark, fmt.Sprintf("simulated = true AND parent = %q", "referenceUnits/"+r.id),
		})
	}
	return rows
}

// sourceRows are the monthly reports from one to before another, and the plans
// of the years that begin among them.
func (d *Dataset) sourceRows(from, to int) [][]string {
	rows := [][]string{{"id", "title_zh", "title_en", "publisher", "publish_date", "reliability", "simulated"}}
	for n := from; n < to; n++ {
		year, month := d.dateOf(n)
		if month == 2 {
			rows = append(rows, []string{
				planSource(year), fmt.Sprintf("示例省开发区%d年目标责任书%s", year, mark), fmt.Sprintf("Targets of the zones of Example Province for %d%s", year, mark),
				bureau, fmt.Sprintf("%04d-01-20", year), "official", "true",
			})
		}
		nextYear, next := year, month+1
		if next > 12 {
			nextYear, next = year+1, 1
		}
		rows = append(rows, []string{
			monthSource(year, month), fmt.Sprintf("示例省开发区主要指标%d年1—%d月%s", year, month, mark),
			fmt.Sprintf("Main figures of the zones of Example Province, months 1 to %d of %d%s", month, year, mark),
			bureau, fmt.Sprintf("%04d-%02d-25", nextYear, next), "official", "true",
		})
	}
	return rows
}

var comparators = map[typev1.Comparator]string{
	typev1.Comparator_COMPARATOR_EQUAL: "=", typev1.Comparator_COMPARATOR_AT_LEAST: ">=", typev1.Comparator_COMPARATOR_AT_MOST: "<=",
}

func statementRows(list []*indicatorv1.NewStatement) [][]string {
	rows := [][]string{strings.Split("source,locator,subject,indicator,period,class,kind,ambition,comparator,value,unit,qualifier,number_pending,"+
		"tag,period_certainty,reporter,vintage,stage,assigned_by,rank_series,rank_groups,rank_data_year,better_than_base,supersedes", ",")}
	for _, n := range list {
		s := n.GetStatement()
		rank := s.GetRankTarget()
		dataYear := ""
		if rank != nil {
			dataYear = fmt.Sprint(rank.GetDataYear())
		}
		rows = append(rows, []string{
			strings.TrimPrefix(s.GetSource(), "sources/"), s.GetLocator(), s.GetKey().GetSubject(),
			strings.TrimPrefix(s.GetKey().GetIndicator(), "indicators/"), s.GetKey().GetPeriod(), word(s.GetKey().GetScope().GetStatisticalClass()),
			word(s.GetKey().GetKind()), word(s.GetKey().GetAmbition()),
			comparators[s.GetComparator()], s.GetNumber(), s.GetUnit(), s.GetQualifier(), yes(s.GetNumberPending()),
			word(s.GetTag()), word(s.GetPeriodCertainty()), word(s.GetReporter()), word(s.GetVintage()), word(s.GetStage()), s.GetAssignedBy(),
			strings.TrimPrefix(rank.GetSeries(), "series/"), strings.Join(rank.GetGroups(), ";"), dataYear, yes(rank.GetBetterThanBase()),
			strings.TrimPrefix(n.GetSupersedes(), "statements/"),
		})
	}
	return rows
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// word is an enum value as tables write it, empty for the unspecified one.
func word(e protoreflect.Enum) string {
	if e.Number() == 0 {
		return ""
	}
	values := e.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
	return strings.ToLower(strings.TrimPrefix(string(values.ByNumber(e.Number()).Name()), prefix))
}
