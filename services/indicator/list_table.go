package indicator

import (
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/tabular"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// listTable is the table of lists. One cell holds all criteria, such as
// `industrial-output>=1000 亿元`, one all entries, such as
// `shengzhou-edz:nurtured@2020-05|shengzhou-2020`: zone, stage, first day and
// source, the last two when they are known.
type listTable struct{ rules protovalidate.Validator }

func (*listTable) columns() []tabular.Column {
	return []tabular.Column{
		{Name: "id", Required: true},
		{Name: "name_zh", Required: true},
		{Name: "name_en"},
		{Name: "authority_zh"},
		{Name: "authority_en"},
		{Name: "criteria"},
		{Name: "entries"},
		{Name: "note"},
		{Name: "simulated", Form: tabular.FormBoolean},
	}
}

func (t *listTable) plan(sheet *tabular.Sheet, view figures.View, zones registry.View) *plan {
	p := &plan{}
	c := newCatalog(view)
	lines := map[string]int{}
	for _, cells := range sheet.Rows {
		r := &row{Row: cells, sheet: sheet}
		name := r.id("lists")
		r.twice(name, lines)
		present, ok := view.List(name)
		l := t.read(r, name, present)
		r.contract(t.rules, l, listColumn)
		if len(r.problems) == 0 {
			r.flaws(c.checkList(l, zones), listColumn)
		}
		c.markSimulated(l, zones)
		p.problems = append(p.problems, r.problems...)
		switch {
		case !ok:
			p.created++
		case proto.Equal(storedList(present), l):
			p.unchanged++
			continue
		default:
			p.updated++
		}
		p.facts, p.names = append(p.facts, listFact(l)), append(p.names, name)
	}
	return p
}

// read makes a list of a row. What the table has no column for stays as it is.
func (t *listTable) read(r *row, name string, present *indicatorv1.List) *indicatorv1.List {
	l := &indicatorv1.List{DisplayName: &typev1.Localized{}}
	if present != nil {
		l = storedList(present)
	}
	l.Name = name
	authority := &typev1.Localized{Zh: l.GetAuthority().GetZh(), En: l.GetAuthority().GetEn()}
	r.text("name_zh", func(s string) { l.DisplayName.Zh = s })
	r.text("name_en", func(s string) { l.DisplayName.En = s })
	r.text("authority_zh", func(s string) { authority.Zh = s })
	r.text("authority_en", func(s string) { authority.En = s })
	if l.Authority = authority; authority.GetZh() == "" && authority.GetEn() == "" {
		l.Authority = nil
	}
	r.text("criteria", func(s string) { l.Criteria = r.criteria(s) })
	r.text("entries", func(s string) { l.Entries = r.entries(s) })
	r.text("note", func(s string) { l.Note = s })
	r.boolean("simulated", func(b bool) { l.Simulated = b })
	return l
}

// criteria reads `indicator>=number unit`, separated by semicolons.
func (r *row) criteria(cell string) []*indicatorv1.Criterion {
	const remedy = "write criteria as industrial-output>=1000 亿元, separated by ;"
	var out []*indicatorv1.Criterion
	for _, text := range tabular.SplitList(cell) {
		at := strings.IndexAny(text, "=<>~")
		if at < 0 {
			r.problems = append(r.problems, r.Errorf("criteria", remedy, "%q has no comparator", text))
			continue
		}
		sign := text[at : at+len(text[at:])-len(strings.TrimLeft(text[at:], "=<>~"))]
		c, ok := comparators[sign]
		number, unit, _ := strings.Cut(strings.TrimSpace(text[at+len(sign):]), " ")
		switch {
		case !ok:
			r.problems = append(r.problems, r.Errorf("criteria", "write one of = >= > <= < ~", "%q is not a comparator", sign))
		case tabular.CheckNumber(number) != nil:
			r.problems = append(r.problems, r.Errorf("criteria", remedy+", with a blank before the unit", "%q is not a number", number))
		default:
			out = append(out, &indicatorv1.Criterion{
				Indicator: reference(strings.TrimSpace(text[:at]), "indicators"), Comparator: c, Number: number, Unit: strings.TrimSpace(unit),
			})
		}
	}
	return out
}

// entries reads `zone:stage@since|source`, separated by semicolons.
func (r *row) entries(cell string) []*indicatorv1.ListEntry {
	const remedy = "write entries as shengzhou-edz:nurtured@2020-05|shengzhou-2020, separated by ;"
	var out []*indicatorv1.ListEntry
	for _, text := range tabular.SplitList(cell) {
		rest, source, _ := strings.Cut(text, "|")
		rest, since, dated := strings.Cut(rest, "@")
		zone, word, ok := strings.Cut(rest, ":")
		stage, wrong := tabular.ParseEnum[indicatorv1.ListStage](word)
		e := &indicatorv1.ListEntry{Zone: reference(zone, "zones"), Stage: stage, Source: reference(source, "sources")}
		switch {
		case !ok || stage == 0 && wrong == nil:
			r.problems = append(r.problems, r.Errorf("entries", remedy, "%q has no stage", text))
			continue
		case wrong != nil:
			r.problems = append(r.problems, r.Errorf("entries", wrong.Remedy, "%q is no stage", word))
			continue
		case dated:
			d, bad := tabular.ParseDate(since)
			if bad != nil {
				r.problems = append(r.problems, r.Errorf("entries", bad.Remedy, "%q: %s", since, bad.Message))
				continue
			}
			e.Since = d
		}
		out = append(out, e)
	}
	return out
}

func listColumn(path string) string {
	field, _, _ := strings.Cut(path, "[")
	switch field {
	case "name":
		return "id"
	case "display_name", "display_name.zh":
		return "name_zh"
	case "display_name.en":
		return "name_en"
	case "authority", "authority.zh":
		return "authority_zh"
	case "authority.en":
		return "authority_en"
	}
	return field
}
