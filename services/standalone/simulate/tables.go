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
}

// Tables are the import tables of the whole history, in the order in which they
// can be loaded. They are made as they are asked for, since they may not fit
// the memory together.
func (d *Dataset) Tables() iter.Seq2[Table, error] {
	return func(yield func(Table, error) bool) {
		n := 0
		emit := func(kind data.Kind, rows [][]string, most int) bool {
			for _, t := range split(kind, rows, most) {
				n++
				t.File = fmt.Sprintf("%04d-%s.csv", n, kind)
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
			{data.Indicators, indicatorRows()},
		} {
			if !emit(fixed.kind, fixed.rows, 0) {
				return
			}
		}
		for i := range d.Months() {
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

// Sources is the table of the sources of one month, counted from 0, which its
// statements need.
func (d *Dataset) Sources(n int) Table {
	return split(data.Sources, d.sourceRows(n, n+1), 0)[0]
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
		{"sim-province", "province", "示例省", "Example Province", "", "990000", d.Note(), "true"},
	}
	for _, r := range regions {
		rows = append(rows, []string{r.id, "prefecture", r.zh, r.en, "sim-province", r.code, "", "true"})
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
		{"sim-all", "示例省开发区" + mark, "Zones of Example Province" + mark, "simulated = true"},
		{"sim-national", "示例省国家级开发区" + mark, "National zones of Example Province" + mark, "simulated = true AND level = national"},
		{"sim-provincial", "示例省省级开发区" + mark, "Provincial zones of Example Province" + mark, "simulated = true AND level = provincial"},
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
		"tag,reporter,vintage,stage,assigned_by,supersedes", ",")}
	for _, n := range list {
		s := n.GetStatement()
		pending := ""
		if s.GetNumberPending() {
			pending = "true"
		}
		rows = append(rows, []string{
			strings.TrimPrefix(s.GetSource(), "sources/"), s.GetLocator(), strings.TrimPrefix(s.GetKey().GetSubject(), "zones/"),
			strings.TrimPrefix(s.GetKey().GetIndicator(), "indicators/"), s.GetKey().GetPeriod(), word(s.GetKey().GetScope().GetStatisticalClass()),
			word(s.GetKey().GetKind()), word(s.GetKey().GetAmbition()),
			comparators[s.GetComparator()], s.GetNumber(), s.GetUnit(), s.GetQualifier(), pending,
			word(s.GetTag()), word(s.GetReporter()), word(s.GetVintage()), word(s.GetStage()), s.GetAssignedBy(),
			strings.TrimPrefix(n.GetSupersedes(), "statements/"),
		})
	}
	return rows
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
