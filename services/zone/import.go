package zone

import (
	"context"
	"slices"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/mask"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/tabular"
	"zonebench.internal/pkg/versioned"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// An import is one transaction: the whole table is decided on one state, so
// rows may refer to each other in any order, and either all are written or none.

// maxTable is the size of a table that the contract allows.
const maxTable = 3 << 20

// ImportRegistry imports one table.
func (s *Service) ImportRegistry(ctx context.Context, req *zonev1.ImportRegistryRequest) (*zonev1.ImportRegistryResponse, error) {
	switch size := len(req.GetTable().GetContent()); {
	case size == 0:
		return nil, fault.InvalidField("table.content", "is empty: send the file")
	case size > maxTable:
		return nil, fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
			"table.content: %d bytes, and a table holds %d: send it in parts, each with the header", size, maxTable)
	}
	var report *typev1.ImportReport
	var state *typev1.ReadState
	var err error
	switch req.GetKind() {
	case zonev1.RegistryTable_REGISTRY_TABLE_REFERENCE_UNITS:
		report, state, err = importTable(ctx, s, unitTable, req)
	case zonev1.RegistryTable_REGISTRY_TABLE_ZONES:
		report, state, err = importTable(ctx, s, zoneTable, req)
	case zonev1.RegistryTable_REGISTRY_TABLE_RELATIONS:
		report, state, err = importTable(ctx, s, relationTable, req)
	case zonev1.RegistryTable_REGISTRY_TABLE_GROUPS:
		report, state, err = importTable(ctx, s, groupTable, req)
	default:
		err = fault.InvalidField("kind", "name the table: REGISTRY_TABLE_REFERENCE_UNITS, _ZONES, _RELATIONS or _GROUPS")
	}
	if err != nil {
		return nil, err
	}
	return &zonev1.ImportRegistryResponse{Report: report, State: state}, nil
}

// table is how rows become resources of one kind.
type table[T resource] struct {
	kind    kind[T]
	columns []column
	// read makes the resource that a row describes.
	read func(c *cells) T
	// link completes references that depend on what exists; nil: there are none.
	link func(m T, exists func(name string) bool, c *cells)
}

// column is a column of a table and the fields that it fills.
type column struct {
	tabular.Column
	paths []string
}

func required(name string, paths ...string) column {
	return column{tabular.Column{Name: name, Required: true}, paths}
}

func optional(name string, form tabular.Form, paths ...string) column {
	return column{tabular.Column{Name: name, Form: form}, paths}
}

var unitTable = table[*zonev1.ReferenceUnit]{
	kind: units,
	columns: []column{
		required("id"), required("type", "type"), required("name_zh", "display_name.zh"),
		optional("name_en", tabular.FormText, "display_name.en"), optional("aliases", tabular.FormText, "aliases"),
		optional("parent", tabular.FormText, "parent"), optional("division_code", tabular.FormText, "division_code"),
		optional("note", tabular.FormText, "note"), optional("simulated", tabular.FormBoolean, "simulated"),
	},
	read: func(c *cells) *zonev1.ReferenceUnit {
		return &zonev1.ReferenceUnit{
			DisplayName: c.name(), Aliases: c.aliases(), Type: enum[zonev1.ReferenceUnitType](c, "type"),
			Parent: c.reference("parent", "referenceUnits"), DivisionCode: c.text("division_code"),
			Note: c.text("note"), Simulated: c.boolean("simulated"),
		}
	},
}

var zoneTable = table[*zonev1.Zone]{
	kind: zones,
	columns: []column{
		required("id"), required("type", "type"), optional("level", tabular.FormText, "level"),
		required("name_zh", "display_name.zh"), optional("name_en", tabular.FormText, "display_name.en"),
		optional("aliases", tabular.FormText, "aliases"), optional("parent", tabular.FormText, "parent"),
		optional("division_code", tabular.FormText, "division_code"), optional("certainty", tabular.FormText, "certainty"),
		optional("basis", tabular.FormText, "basis"), optional("note", tabular.FormText, "note"),
		optional("simulated", tabular.FormBoolean, "simulated"),
	},
	read: func(c *cells) *zonev1.Zone {
		return &zonev1.Zone{
			DisplayName: c.name(), Aliases: c.aliases(),
			Type: enum[zonev1.ZoneType](c, "type"), Level: enum[zonev1.ZoneLevel](c, "level"),
			Parent: c.text("parent"), DivisionCode: c.text("division_code"), Certainty: enum[typev1.Certainty](c, "certainty"),
			Basis: c.text("basis"), Note: c.text("note"), Simulated: c.boolean("simulated"),
		}
	},
	link: func(z *zonev1.Zone, exists func(string) bool, c *cells) {
		id := z.GetParent()
		if id == "" || strings.Contains(id, "/") {
			return
		}
		zone, unit := "zones/"+id, "referenceUnits/"+id
		switch {
		case exists(zone) && exists(unit):
			c.wrongf("parent", "write the one that is meant", "both %s and %s exist", zone, unit)
		case exists(zone):
			z.Parent = zone
		case exists(unit):
			z.Parent = unit
		default:
			c.wrongf("parent", "create it first or correct the id", "neither %s nor %s exists", zone, unit)
		}
	},
}

var relationTable = table[*zonev1.Relation]{
	kind: relations,
	columns: []column{
		required("id"), required("type", "type"), required("zone", "zone"), required("other", "other"),
		optional("start_date", tabular.FormDate, "start_date"), optional("end_date", tabular.FormDate, "end_date"),
		optional("certainty", tabular.FormText, "certainty"), optional("note", tabular.FormText, "note"),
	},
	read: func(c *cells) *zonev1.Relation {
		return &zonev1.Relation{
			Type: enum[zonev1.RelationType](c, "type"), Zone: c.reference("zone", "zones"), Other: c.reference("other", "zones"),
			StartDate: c.date("start_date"), EndDate: c.date("end_date"),
			Certainty: enum[typev1.Certainty](c, "certainty"), Note: c.text("note"),
		}
	},
}

var groupTable = table[*zonev1.Group]{
	kind: groups,
	columns: []column{
		required("id"), required("name_zh", "display_name.zh"), optional("name_en", tabular.FormText, "display_name.en"),
		optional("filter", tabular.FormText, "filter"), optional("members", tabular.FormText, "list"),
		optional("note", tabular.FormText, "note"),
	},
	read: func(c *cells) *zonev1.Group {
		g := &zonev1.Group{DisplayName: c.name(), Note: c.text("note")}
		members, filter := c.members(), c.text("filter")
		switch {
		case filter != "" && c.text("members") != "":
			c.wrongf("filter", "empty one of the two cells", "a group has a filter or members, not both")
		case filter != "":
			g.Members = &zonev1.Group_Filter{Filter: filter}
		case len(members) > 0:
			g.Members = &zonev1.Group_List{List: &zonev1.MemberList{Members: members}}
		}
		return g
	},
}

// cells reads the cells of a row and keeps what is wrong with them.
type cells struct {
	row      tabular.Row
	problems []*typev1.RowProblem
}

func (c *cells) wrongf(column, remedy, format string, args ...any) {
	c.problems = append(c.problems, c.row.Errorf(column, remedy, format, args...))
}

func (c *cells) text(column string) string { return c.row.Cell(column) }

func (c *cells) name() *typev1.Localized {
	return &typev1.Localized{Zh: c.text("name_zh"), En: c.text("name_en")}
}

// date and boolean are nothing where the sheet has reported the cell already.
func (c *cells) date(column string) *typev1.Date {
	if c.text(column) == "" {
		return nil
	}
	d, _ := tabular.ParseDate(c.text(column))
	return d
}

func (c *cells) boolean(column string) bool {
	b, _ := tabular.ParseBoolean(c.text(column))
	return b
}

func enum[E interface {
	~int32
	protoreflect.Enum
}](c *cells, column string) E {
	e, err := tabular.ParseEnum[E](c.text(column))
	if err != nil {
		c.wrongf(column, err.Remedy, "%s", err.Message)
	}
	return e
}

// reference reads a resource name, or the id alone.
func (c *cells) reference(column, collection string) string { return named(c.text(column), collection) }

func named(text, collection string) string {
	if text == "" || strings.Contains(text, "/") {
		return text
	}
	return collection + "/" + text
}

// aliases reads `text`, `text@context,context`, each with `?` when inferred.
func (c *cells) aliases() []*zonev1.Alias {
	var out []*zonev1.Alias
	for _, entry := range tabular.SplitList(c.text("aliases")) {
		a := &zonev1.Alias{}
		entry, inferred := strings.CutSuffix(entry, "?")
		if inferred {
			a.Certainty = typev1.Certainty_CERTAINTY_INFERRED
		}
		text, contexts, limited := strings.Cut(entry, "@")
		a.Text = strings.TrimSpace(text)
		for context := range strings.SplitSeq(contexts, ",") {
			if context = strings.TrimSpace(context); context != "" {
				a.Contexts = append(a.Contexts, context)
			}
		}
		if limited && len(a.GetContexts()) == 0 {
			c.wrongf("aliases", "write text@sources/…, or the text alone", "%q has no context behind the @", entry)
		}
		out = append(out, a)
	}
	return out
}

// members reads `zone`, `zone@start..end`, either date left out when open.
func (c *cells) members() []*zonev1.Member {
	var out []*zonev1.Member
	for _, entry := range tabular.SplitList(c.text("members")) {
		zone, dates, dated := strings.Cut(entry, "@")
		m := &zonev1.Member{Zone: named(strings.TrimSpace(zone), "zones")}
		start, end, span := strings.Cut(dates, "..")
		if dated && !span {
			c.wrongf("members", "write zone@2019..2021, zone@2019.. or zone@..2021", "%q has no time from and to behind the @", entry)
		}
		m.StartDate, m.EndDate = c.memberDate(entry, start), c.memberDate(entry, end)
		out = append(out, m)
	}
	return out
}

func (c *cells) memberDate(entry, text string) *typev1.Date {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	d, err := tabular.ParseDate(text)
	if err != nil {
		c.wrongf("members", err.Remedy, "%q: %s", entry, err.Message)
	}
	return d
}

// entry is a row that could be read.
type entry[T resource] struct {
	cells
	name string
	body T
}

// plan is what an import comes to on one state.
type plan struct {
	proposal                    ledger.Proposal
	created, updated, unchanged int32
	problems                    []*typev1.RowProblem
}

func importTable[T resource](ctx context.Context, s *Service, t table[T], req *zonev1.ImportRegistryRequest) (*typev1.ImportReport, *typev1.ReadState, error) {
	columns := make([]tabular.Column, len(t.columns))
	for i, c := range t.columns {
		columns[i] = c.Column
	}
	sheet, problems := tabular.Read(req.GetTable().GetContent(), req.GetTable().GetCharset(), columns)
	entries, more := t.entries(sheet)
	problems = append(problems, more...)

	if tabular.Refused(problems) {
		// Whatever the state, nothing is written: no need to hold up the committer.
		state, at := s.deps.Lane.Current()
		p, err := t.plan(s.rules, sheet, entries, problems, state, at)
		if err != nil {
			return nil, nil, err
		}
		return sheet.Report(p.problems), revision.State(ctx), nil
	}
	var decided plan
	receipt, err := s.commit(ctx, zonev1.ZoneService_ImportRegistry_FullMethodName, req,
		func(state *registry.State, at ledger.Position) (ledger.Proposal, error) {
			p, err := t.plan(s.rules, sheet, entries, problems, state, at)
			if err != nil || tabular.Refused(p.problems) {
				p.proposal = ledger.Proposal{}
			}
			decided = p
			return p.proposal, err
		})
	if err != nil {
		return nil, nil, err
	}
	if receipt.Duplicate { // of the first import only what it wrote is known: count on the state before it
		state, _ := s.deps.Lane.Current()
		if decided, err = t.count(sheet, entries, state.View(receipt.Revision-1)); err != nil {
			return nil, nil, err
		}
	}
	report := sheet.Report(decided.problems)
	if report.GetRejected() > 0 {
		return report, revision.State(ctx), nil
	}
	report.Created, report.Updated, report.Unchanged = decided.created, decided.updated, decided.unchanged
	if req.GetValidateOnly() {
		return report, revision.State(ctx), nil
	}
	report.Committed = true
	return report, s.written(ctx, receipt.Revision), nil
}

// entries reads the rows of a sheet, those that the sheet refuses too: others
// may refer to them.
func (t table[T]) entries(sheet *tabular.Sheet) (entries []*entry[T], problems []*typev1.RowProblem) {
	lines := make(map[string]int)
	for _, row := range sheet.Rows {
		e := &entry[T]{cells: cells{row: row}}
		id := strings.TrimPrefix(e.text("id"), t.kind.collection+"/")
		e.name = t.kind.collection + "/" + id
		if id != "" && !idForm.MatchString(id) {
			e.wrongf("id", idRemedy, "not an id")
		}
		if first, ok := lines[id]; ok && id != "" {
			e.wrongf("id", "keep one of the two rows", "line %d has the same id", first)
		} else {
			lines[id] = row.Line
		}
		e.body = t.kind.named(t.read(&e.cells), e.name)
		problems = append(problems, e.problems...)
		e.problems = nil
		entries = append(entries, e)
	}
	return entries, problems
}

// paths are the fields that a sheet's columns fill. What the sheet has no column
// for stays as it is.
func (t table[T]) paths(sheet *tabular.Sheet) *fieldmaskpb.FieldMask {
	m := &fieldmaskpb.FieldMask{}
	for _, c := range t.columns {
		if sheet.Has(c.Name) {
			m.Paths = append(m.Paths, c.paths...)
		}
	}
	return m
}

// merged is a row as it would be stored over what is there, if anything.
func (t table[T]) merged(e *entry[T], paths *fieldmaskpb.FieldMask, before registry.View, exists func(string) bool) (old, next T) {
	body := e.body
	if t.link != nil {
		body = proto.CloneOf(body)
		t.link(body, exists, &e.cells)
	}
	old, known := t.kind.get(before, e.name)
	if !known {
		var none T
		return none, body
	}
	next = t.kind.stored(old)
	mask.Apply(paths, next, body, append(slices.Clip(versioned.Outputs), "name")...)
	return old, t.kind.stored(next)
}

// plan decides the table on a state.
func (t table[T]) plan(
	rules protovalidate.Validator, sheet *tabular.Sheet, entries []*entry[T], problems []*typev1.RowProblem, state *registry.State, at ledger.Position,
) (plan, error) {
	p := plan{problems: slices.Clone(problems)}
	bad := make(map[int]bool)
	for _, problem := range problems {
		if problem.GetSeverity() == typev1.RowProblem_SEVERITY_ERROR {
			bad[int(problem.GetLine())] = true
		}
	}
	before, paths := state.View(0), t.paths(sheet)
	inTable := make(map[string]bool, len(entries))
	for _, e := range entries {
		inTable[e.name] = true
	}
	exists := func(name string) bool { return inTable[name] || before.Exists(name) }

	type change struct {
		e         *entry[T]
		old, next T
	}
	var changes []change
	size := 0
	assumed := make(map[string]bool)
	for _, e := range entries {
		e.problems = nil // an earlier decision may have left some
		old, next := t.merged(e, paths, before, exists)
		p.problems = append(p.problems, e.problems...)
		if bad[e.row.Line] || len(e.problems) > 0 {
			assumed[e.name] = true
			continue
		}
		var none T
		switch {
		case old == none:
			p.created++
		case proto.Equal(next, t.kind.stored(old)):
			p.unchanged++
			continue
		default:
			p.updated++
		}
		changes = append(changes, change{e, old, next})
		p.proposal.Facts = append(p.proposal.Facts, t.kind.fact(next))
		p.proposal.Names = append(p.proposal.Names, e.name)
		size += proto.Size(next)
	}
	if len(changes) == 0 || size > ledger.MaxCommitBytes { // the ledger refuses more
		return p, nil
	}
	after, err := outcome(state, at, p.proposal)
	if err != nil {
		return p, err
	}
	for _, ch := range changes {
		c := checker{view: after, assumed: assumed}
		t.kind.check(&c, ch.old, ch.next)
		if err := c.contract(rules, ch.next, t.column); err != nil {
			return p, err
		}
		ch.e.problems = nil
		for _, broken := range c.problems {
			ch.e.wrongf(t.column(broken.path), broken.remedy, "%s", broken.message)
		}
		p.problems = append(p.problems, ch.e.problems...)
	}
	return p, nil
}

// count counts what a table changes against a state, without deciding it.
func (t table[T]) count(sheet *tabular.Sheet, entries []*entry[T], before registry.View) (plan, error) {
	var p plan
	paths := t.paths(sheet)
	for _, e := range entries {
		var none T
		old, next := t.merged(e, paths, before, before.Exists)
		switch {
		case old == none:
			p.created++
		case proto.Equal(next, t.kind.stored(old)):
			p.unchanged++
		default:
			p.updated++
		}
	}
	return p, nil
}

// column is the column that fills the field at a path, empty when none does.
func (t table[T]) column(path string) string {
	best := ""
	for _, c := range t.columns {
		for _, p := range c.paths {
			if path == p || strings.HasPrefix(path, p+".") || strings.HasPrefix(path, p+"[") || strings.HasPrefix(p, path+".") && best == "" {
				best = c.Name
			}
		}
	}
	switch {
	case path == "name":
		return "id"
	case best == "" && path == "members": // the oneof of groups
		return "members"
	}
	return best
}
