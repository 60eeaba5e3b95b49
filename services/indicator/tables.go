package indicator

import (
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/tabular"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

type enumOf = protoreflect.Enum

// indicatorTable is the table of indicators.
type indicatorTable struct{ rules protovalidate.Validator }

func (*indicatorTable) columns() []tabular.Column {
	return []tabular.Column{
		{Name: "id", Required: true},
		{Name: "name_zh", Required: true},
		{Name: "name_en"},
		{Name: "aliases"},
		{Name: "definition"},
		{Name: "unit"},
		{Name: "nature", Required: true},
		{Name: "direction", Required: true},
		{Name: "price_basis"},
		{Name: "comparison_base"},
		{Name: "growth_of"},
		{Name: "usual_class"},
		{Name: "national_authority"},
		{Name: "concept"},
		{Name: "contains"},
		{Name: "succeeds"},
		{Name: "qualifier"},
		{Name: "false_friends"},
		{Name: "component_of"},
		{Name: "bundle", Form: tabular.FormBoolean},
		{Name: "bundle_of"},
		{Name: "completion_of"},
		{Name: "numerator"},
		{Name: "denominator"},
		{Name: "size_denominator"},
		{Name: "note"},
		{Name: "simulated", Form: tabular.FormBoolean},
	}
}

func (t *indicatorTable) plan(sheet *tabular.Sheet, view figures.View, _ registry.View) *plan {
	p := &plan{}
	c := newCatalog(view)
	type read struct {
		row       *row
		indicator *indicatorv1.Indicator
		present   *indicatorv1.Indicator
	}
	rows := make([]read, 0, len(sheet.Rows))
	lines := map[string]int{}
	for _, cells := range sheet.Rows {
		r := &row{Row: cells, sheet: sheet}
		name := r.id("indicators")
		r.twice(name, lines)
		present, _ := view.Indicator(name)
		i := t.read(r, name, present)
		c.indicators[name] = i
		rows = append(rows, read{r, i, present})
	}
	// Only now, for rows refer to each other in any order.
	for _, x := range rows {
		x.row.contract(t.rules, x.indicator, indicatorColumn)
		if len(x.row.problems) == 0 {
			x.row.flaws(c.checkIndicator(x.indicator, x.present), indicatorColumn)
		}
		p.problems = append(p.problems, x.row.problems...)
		switch {
		case x.present == nil:
			p.created++
		case same(x.present, x.indicator):
			p.unchanged++
			continue
		default:
			p.updated++
		}
		p.facts = append(p.facts, indicatorFact(x.indicator))
		p.names = append(p.names, x.indicator.GetName())
	}
	return p
}

// read makes an indicator of a row. What the table has no column for stays as it is.
func (t *indicatorTable) read(r *row, name string, present *indicatorv1.Indicator) *indicatorv1.Indicator {
	i := &indicatorv1.Indicator{DisplayName: &typev1.Localized{}}
	if present != nil {
		i = clearOutputs(proto.CloneOf(present))
	}
	i.Name = name
	ref := func(column string, set func(string)) {
		r.text(column, func(s string) { set(reference(s, "indicators")) })
	}
	r.text("name_zh", func(s string) { i.DisplayName.Zh = s })
	r.text("name_en", func(s string) { i.DisplayName.En = s })
	r.text("aliases", func(s string) { i.Aliases = tabular.SplitList(s) })
	r.text("definition", func(s string) { i.Definition = s })
	r.text("unit", func(s string) { i.Unit = s })
	enumCell(r, "nature", func(v indicatorv1.Nature) { i.Nature = v })
	enumCell(r, "direction", func(v indicatorv1.Direction) { i.Direction = v })
	enumCell(r, "price_basis", func(v indicatorv1.PriceBasis) { i.PriceBasis = v })
	enumCell(r, "comparison_base", func(v indicatorv1.ComparisonBase) { i.ComparisonBase = v })
	ref("growth_of", func(s string) { i.GrowthOf = s })
	enumCell(r, "usual_class", func(v typev1.StatisticalClass) { i.UsualClass = v })
	r.text("national_authority", func(s string) { i.NationalAuthority = s })
	ref("concept", func(s string) { i.Concept = s })
	r.text("contains", func(s string) { i.Contains = references(s, "indicators") })
	ref("succeeds", func(s string) { i.Succeeds = s })
	r.text("qualifier", func(s string) { i.Qualifier = s })
	r.text("false_friends", func(s string) { i.FalseFriends = r.falseFriends(s) })
	ref("component_of", func(s string) { i.ComponentOf = s })
	r.boolean("bundle", func(b bool) { i.Bundle = b })
	r.text("bundle_of", func(s string) { i.BundleOf = references(s, "indicators") })
	ref("completion_of", func(s string) { i.CompletionOf = s })
	ref("numerator", func(s string) { i.Numerator = s })
	ref("denominator", func(s string) { i.Denominator = s })
	ref("size_denominator", func(s string) { i.SizeDenominator = s })
	r.text("note", func(s string) { i.Note = s })
	r.boolean("simulated", func(b bool) { i.Simulated = b })
	return i
}

// falseFriends reads `indicator=zh reason|en reason` entries.
func (r *row) falseFriends(cell string) []*indicatorv1.FalseFriend {
	var out []*indicatorv1.FalseFriend
	for _, entry := range tabular.SplitList(cell) {
		name, reason, ok := strings.Cut(entry, "=")
		zh, en, _ := strings.Cut(reason, "|")
		if zh = strings.TrimSpace(zh); !ok || zh == "" {
			r.problems = append(r.problems, r.Errorf("false_friends",
				"write indicator=中文理由|reason in English, entries separated by ;", "%q has no reason", entry))
			continue
		}
		out = append(out, &indicatorv1.FalseFriend{
			Indicator: reference(strings.TrimSpace(name), "indicators"), Reason: &typev1.Localized{Zh: zh, En: strings.TrimSpace(en)},
		})
	}
	return out
}

// indicatorColumn is the column that a field of an indicator stands in.
func indicatorColumn(path string) string {
	field, _, _ := strings.Cut(path, "[")
	switch field {
	case "name":
		return "id"
	case "display_name", "display_name.zh":
		return "name_zh"
	case "display_name.en":
		return "name_en"
	}
	return field
}

// sourceTable is the table of sources.
type sourceTable struct {
	rules  protovalidate.Validator
	caller auth.Caller
}

func (*sourceTable) columns() []tabular.Column {
	return []tabular.Column{
		{Name: "id", Required: true},
		{Name: "title_zh", Required: true},
		{Name: "title_en"},
		{Name: "publisher"},
		{Name: "publish_date", Form: tabular.FormDate},
		{Name: "document_number"},
		{Name: "reliability", Required: true},
		{Name: "note"},
		{Name: "simulated", Form: tabular.FormBoolean},
	}
}

func (t *sourceTable) plan(sheet *tabular.Sheet, view figures.View, _ registry.View) *plan {
	p := &plan{}
	lines := map[string]int{}
	for _, cells := range sheet.Rows {
		r := &row{Row: cells, sheet: sheet}
		m := &indicatorv1.Source{Title: &typev1.Localized{}}
		name := r.id("sources")
		r.twice(name, lines)
		present, ok := view.Source(name)
		if ok {
			m = clearOutputs(proto.CloneOf(present))
		}
		m.Name = name
		r.text("title_zh", func(s string) { m.Title.Zh = s })
		r.text("title_en", func(s string) { m.Title.En = s })
		r.text("publisher", func(s string) { m.Publisher = s })
		r.text("publish_date", func(string) { m.PublishDate = r.date("publish_date") })
		r.text("document_number", func(s string) { m.DocumentNumber = s })
		enumCell(r, "reliability", func(v indicatorv1.Reliability) { m.Reliability = v })
		r.text("note", func(s string) { m.Note = s })
		r.boolean("simulated", func(b bool) { m.Simulated = b })
		r.contract(t.rules, m, sourceColumn)
		if len(r.problems) == 0 {
			r.flaws(checkSource(m), sourceColumn)
		}
		switch {
		case !ok:
			r.flaws(mayAdd(t.caller, m), sourceColumn)
		case !same(present, m) && !edits(t.caller):
			r.problems = append(r.problems, r.Errorf("", "leave the row out", "%s may add sources and not change them", t.caller.Subject))
		}
		p.problems = append(p.problems, r.problems...)
		switch {
		case !ok:
			p.created++
		case same(present, m):
			p.unchanged++
			continue
		default:
			p.updated++
		}
		p.facts = append(p.facts, sourceFact(m))
		p.names = append(p.names, name)
	}
	return p
}

func sourceColumn(path string) string {
	switch path {
	case "name":
		return "id"
	case "title", "title.zh":
		return "title_zh"
	case "title.en":
		return "title_en"
	}
	field, _, _ := strings.Cut(path, ".")
	return field
}

// statementTable is the table of statements.
type statementTable struct {
	rules  protovalidate.Validator
	caller auth.Caller
}

func (*statementTable) columns() []tabular.Column {
	return []tabular.Column{
		{Name: "source", Required: true},
		{Name: "locator"},
		{Name: "subject", Required: true},
		{Name: "indicator", Required: true},
		{Name: "period", Required: true},
		{Name: "class"},
		{Name: "extent"},
		{Name: "kind", Required: true},
		{Name: "ambition"},
		{Name: "comparator"},
		{Name: "value", Form: tabular.FormNumber},
		{Name: "due_date", Form: tabular.FormDate},
		{Name: "status"},
		{Name: "number_pending", Form: tabular.FormBoolean},
		{Name: "unit"},
		{Name: "qualifier"},
		{Name: "tag"},
		{Name: "subject_certainty"},
		{Name: "period_certainty"},
		{Name: "believed_period"},
		{Name: "reporter"},
		{Name: "vintage"},
		{Name: "stage"},
		{Name: "release_time"},
		{Name: "assigned_by"},
		{Name: "part"},
		{Name: "rank_series"},
		{Name: "rank_authority"},
		{Name: "rank_groups"},
		{Name: "rank_data_year", Form: tabular.FormNumber},
		{Name: "better_than_base", Form: tabular.FormBoolean},
		{Name: "list"},
		{Name: "list_stage"},
		{Name: "note"},
		{Name: "supersedes"},
	}
}

func (t *statementTable) plan(sheet *tabular.Sheet, view figures.View, zones registry.View) *plan {
	p := &plan{}
	rec := newRecorder(t.caller, view, zones)
	rec.again = false
	subjects := &resolver{figures: view, zones: zones, known: map[[2]string]resolved{}}
	for _, cells := range sheet.Rows {
		r := &row{Row: cells, sheet: sheet}
		m := t.read(r, subjects)
		r.flaws(canonicalize(m), statementColumn)
		if len(r.problems) == 0 {
			r.contract(t.rules, m, statementColumn)
		}
		if len(r.problems) > 0 {
			p.problems = append(p.problems, r.problems...)
			continue
		}
		result, flaws := rec.add(m, reference(r.Cell("supersedes"), "statements"))
		for i, f := range flaws {
			flaws[i].path = strings.TrimPrefix(f.path, "statement.")
		}
		r.flaws(flaws, statementColumn)
		switch result {
		case refused:
		case toRecord:
			p.created++
		case alreadyOnRecord:
			p.unchanged++
		case onceWithdrawn:
			p.unchanged++
			old, _ := view.Statement(m.GetName())
			r.problems = append(r.problems, r.Warnf("", "record it by RecordStatements if it is to stand again",
				"this statement was withdrawn at revision %d (%s) and is not recorded again", old.GetWithdrawnRevision(), old.GetWithdrawnReason()))
		}
		if k := m.GetKey(); k.GetKind() == indicatorv1.Kind_KIND_ACTUAL && january(k.GetPeriod()) {
			r.problems = append(r.problems, r.Warnf("period", fmt.Sprintf("for 1-2月 write %s/%s-02", k.GetPeriod(), k.GetPeriod()[:4]),
				"January alone is not published"))
		}
		p.problems = append(p.problems, r.problems...)
	}
	p.facts, p.names = rec.facts, rec.names
	return p
}

func january(period string) bool {
	return len(period) == len("2020-01") && strings.HasSuffix(period, "-01")
}

func (t *statementTable) read(r *row, subjects *resolver) *indicatorv1.Statement {
	m := &indicatorv1.Statement{Key: &indicatorv1.FigureKey{Scope: &typev1.Scope{}}}
	m.Source = r.named("source", "sources", nil)
	m.Locator = r.Cell("locator")
	m.Key.Subject = r.subject(subjects, m.GetSource())
	m.Key.Indicator = r.named("indicator", "indicators", subjects.figures.IndicatorByText)
	m.Key.Period = r.Cell("period")
	enumCell(r, "class", func(v typev1.StatisticalClass) { m.Key.Scope.StatisticalClass = v })
	m.Key.Scope.Extent = r.Cell("extent")
	enumCell(r, "kind", func(v indicatorv1.Kind) { m.Key.Kind = v })
	enumCell(r, "ambition", func(v indicatorv1.Ambition) { m.Key.Ambition = v })
	m.Comparator = r.comparator()
	t.value(r, m)
	m.Unit = r.Cell("unit")
	m.Qualifier = r.Cell("qualifier")
	enumCell(r, "tag", func(v indicatorv1.Tag) { m.Tag = v })
	// Whoever fills a cell states what is in it, unless a column says otherwise.
	m.SubjectCertainty, m.PeriodCertainty = typev1.Certainty_CERTAINTY_STATED, typev1.Certainty_CERTAINTY_STATED
	enumCell(r, "subject_certainty", func(v typev1.Certainty) { m.SubjectCertainty = max(v, typev1.Certainty_CERTAINTY_STATED) })
	enumCell(r, "period_certainty", func(v typev1.Certainty) { m.PeriodCertainty = max(v, typev1.Certainty_CERTAINTY_STATED) })
	m.BelievedPeriod = r.Cell("believed_period")
	enumCell(r, "reporter", func(v indicatorv1.Reporter) { m.Reporter = v })
	enumCell(r, "vintage", func(v indicatorv1.Vintage) { m.Vintage = v })
	enumCell(r, "stage", func(v typev1.Stage) { m.Stage = v })
	m.ReleaseTime = r.releaseTime()
	m.AssignedBy = r.Cell("assigned_by")
	m.Part = r.Cell("part")
	m.Note = r.Cell("note")
	t.aims(r, m)
	return m
}

// value reads the one column of value, due_date and status that is filled.
func (t *statementTable) value(r *row, m *indicatorv1.Statement) {
	filled := 0
	// Where reading the sheet has refused a cell, something of the right form stands in, so that the row's other faults are found.
	if v := r.Cell("value"); v != "" {
		if tabular.CheckNumber(v) != nil {
			v = "0"
		}
		m.Value = &indicatorv1.Statement_Number{Number: v}
		filled++
	}
	if r.Cell("due_date") != "" {
		d := r.date("due_date")
		if d == nil {
			d = &typev1.Date{Year: 2000}
		}
		if filled == 0 {
			m.Value = &indicatorv1.Statement_DueDate{DueDate: d}
		}
		filled++
	}
	if v := r.Cell("status"); v != "" {
		if filled == 0 {
			m.Value = &indicatorv1.Statement_Status{Status: v}
		}
		filled++
	}
	if filled > 1 {
		r.problems = append(r.problems, r.Errorf("", "fill one of them, or make a row for each", "value, due_date and status exclude each other"))
	}
	r.boolean("number_pending", func(b bool) { m.NumberPending = b })
}

// aims reads what targets on places and lists aim at.
func (t *statementTable) aims(r *row, m *indicatorv1.Statement) {
	rank := &indicatorv1.RankTarget{
		Series: reference(r.Cell("rank_series"), "series"), Authority: r.Cell("rank_authority"), Groups: tabular.SplitList(r.Cell("rank_groups")),
	}
	if d := r.date("rank_data_year"); d != nil {
		rank.DataYear = d.GetYear()
	}
	r.boolean("better_than_base", func(b bool) { rank.BetterThanBase = b })
	if !proto.Equal(rank, &indicatorv1.RankTarget{}) {
		m.RankTarget = rank
	}
	list := &indicatorv1.ListTarget{List: reference(r.Cell("list"), "lists")}
	enumCell(r, "list_stage", func(v indicatorv1.ListStage) { list.Stage = v })
	if !proto.Equal(list, &indicatorv1.ListTarget{}) {
		m.ListTarget = list
	}
}

// named completes the id of a resource that a row needs. A text in its place is
// answered with what it may mean: an amount and its growth have one name.
func (r *row) named(column, collection string, byText func(string) []*indicatorv1.Indicator) string {
	cell := r.Cell(column)
	name := reference(cell, collection)
	if cell == "" || isID(strings.TrimPrefix(name, collection+"/")) {
		return name
	}
	remedy := "write an id: lower-case letters, digits and hyphens"
	if byText != nil {
		var may []string
		for _, i := range byText(cell) {
			may = append(may, fmt.Sprintf("%s (%s, %s)", i.GetName(), i.GetDisplayName().GetZh(), word(i.GetNature())))
		}
		if len(may) > 0 {
			remedy = "write the id that is meant: " + strings.Join(may, ", ")
		}
	}
	r.problems = append(r.problems, r.Errorf(column, remedy, "not an id"))
	return collection + "/unresolved"
}

// resolver finds subjects by their texts, each once for a table.
type resolver struct {
	figures figures.View
	zones   registry.View
	known   map[[2]string]resolved // by text and source
}

// resolved is what a text came to: a subject, or the reason why not.
type resolved struct{ subject, message, remedy string }

// subject finds the zone or reference unit of a row: a resource name, an id, or
// a text that is resolved in the context of the row's source, never guessed.
func (r *row) subject(subjects *resolver, source string) string {
	cell := r.Cell("subject")
	found, ok := subjects.known[[2]string{cell, source}]
	if !ok {
		found = subjects.find(cell, source)
		subjects.known[[2]string{cell, source}] = found
	}
	if found.message == "" {
		return found.subject
	}
	r.problems = append(r.problems, r.Errorf("subject", found.remedy, "%s", found.message))
	return "zones/unresolved" // Something of the right form, so that the row's other faults are still found.
}

func (s *resolver) find(text, source string) resolved {
	if text == "" || strings.HasPrefix(text, "zones/") || strings.HasPrefix(text, "referenceUnits/") {
		return resolved{subject: text} // What does not exist is found out with the rest of the statement.
	}
	if isID(text) {
		zone, unit := "zones/"+text, "referenceUnits/"+text
		switch z, u := s.zones.Exists(zone), s.zones.Exists(unit); {
		case z && u:
			return resolved{message: "both a zone and a reference unit have this id", remedy: "write " + zone + " or " + unit}
		case z:
			return resolved{subject: zone}
		case u:
			return resolved{subject: unit}
		}
	}
	res := s.zones.Resolve(&zonev1.ZoneQuery{Text: text, Context: source})
	names := make([]string, len(res.GetCandidates()))
	for i, c := range res.GetCandidates() {
		names[i] = c.GetSubject()
	}
	switch res.GetOutcome() {
	case zonev1.Resolution_OUTCOME_RESOLVED:
		return resolved{subject: res.GetSubject()}
	case zonev1.Resolution_OUTCOME_AMBIGUOUS:
		return resolved{
			message: fmt.Sprintf("%q is ambiguous in %s", text, source),
			remedy:  "write one of these resource names: " + candidates(s.zones, names),
		}
	default:
		remedy := "register the zone first, or write its resource name"
		if len(names) > 0 {
			remedy = "did you mean " + candidates(s.zones, names) + "?"
		}
		return resolved{message: fmt.Sprintf("no zone or reference unit is called %q in %s", text, source), remedy: remedy}
	}
}

// statementColumn is the column that a field of a statement stands in.
func statementColumn(path string) string {
	field, _, _ := strings.Cut(path, "[")
	switch field {
	case "number", "value":
		return "value"
	case "key.scope.statistical_class":
		return "class"
	case "key.scope.extent":
		return "extent"
	case "rank_target.series":
		return "rank_series"
	case "rank_target.authority":
		return "rank_authority"
	case "rank_target.groups":
		return "rank_groups"
	case "rank_target", "rank_target.data_year":
		return "rank_data_year"
	case "list_target", "list_target.list":
		return "list"
	case "list_target.stage":
		return "list_stage"
	}
	return strings.TrimPrefix(field, "key.")
}
