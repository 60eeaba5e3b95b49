package index

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/tabular"
)

// inputs names the files of an index.
type inputs struct {
	data, meta, recipe string
}

// load reads the three files and the tables that the recipe names.
func (in *inputs) load() (*composite.Recipe, *composite.Tree, *composite.Data, composite.Attachments, error) {
	fail := func(err error) (*composite.Recipe, *composite.Tree, *composite.Data, composite.Attachments, error) {
		return nil, nil, nil, nil, err
	}
	recipe, files, err := readRecipe(in.recipe)
	if err != nil {
		return fail(err)
	}
	meta, err := readGrid(in.meta)
	if err != nil {
		return fail(err)
	}
	data, err := readGrid(in.data)
	if err != nil {
		return fail(err)
	}
	types, nodes, err := readMeta(meta)
	if err != nil {
		return fail(err)
	}
	tree, err := composite.NewTree(nodes)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", in.meta, err))
	}
	table, err := readData(data, types)
	if err != nil {
		return fail(err)
	}
	return recipe, tree, table, files, nil
}

// compile loads the files and makes an index of them.
func (in *inputs) compile() (*composite.Index, error) {
	recipe, tree, data, files, err := in.load()
	if err != nil {
		return nil, err
	}
	x, err := composite.Compile(recipe, tree, data, files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.recipe, err)
	}
	return x, nil
}

func readGrid(path string) (*tabular.Grid, error) {
	content, err := os.ReadFile(path) //nolint:gosec // a recipe may name any table that who runs the program may read
	if err != nil {
		return nil, err
	}
	return tabular.ReadGrid(path, content)
}

// readRecipe reads a recipe, YAML or JSON, and the tables it names; relative
// paths start at the recipe's directory. No path, no recipe: the zero one.
func readRecipe(path string) (*composite.Recipe, composite.Attachments, error) {
	if path == "" {
		return &composite.Recipe{}, nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	recipe, err := ParseRecipe(content)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	files := composite.Attachments{}
	for _, p := range recipe.Paths() {
		at := p
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		g, err := readGrid(at)
		if err != nil {
			return nil, nil, fmt.Errorf("%s names a table: %w", path, err)
		}
		files[p] = composite.Table{Header: g.Header, Rows: g.Rows}
	}
	return recipe, files, nil
}

// ParseRecipe reads a recipe from YAML, of which JSON is a part.
func ParseRecipe(content []byte) (*composite.Recipe, error) {
	text, err := JSON(content)
	if err != nil {
		return nil, err
	}
	return composite.ParseRecipe(text)
}

// JSON turns YAML into JSON, with keys and numbers as they are written; JSON
// stays as it is, and an empty document is an empty object.
func JSON(content []byte) ([]byte, error) {
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

// converter turns YAML into JSON with the keys in their order, so that the strict
// reader of recipes sees what was written.
type converter struct {
	out *bytes.Buffer
	// seen bounds the nodes, against aliases of aliases.
	seen int
}

func (c *converter) node(n *yaml.Node, depth int) error {
	c.seen++
	if depth > 64 || c.seen > 100_000 {
		return fmt.Errorf("line %d: it is nested too deep or too large", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.node(n.Alias, depth+1)
	case yaml.DocumentNode: // the parser nests none
	case yaml.SequenceNode:
		c.out.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				c.out.WriteByte(',')
			}
			if err := c.node(e, depth+1); err != nil {
				return err
			}
		}
		c.out.WriteByte(']')
		return nil
	case yaml.MappingNode:
		c.out.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return fmt.Errorf("line %d: a key is a plain word", key.Line)
			}
			if i > 0 {
				c.out.WriteByte(',')
			}
			c.text(key.Value)
			c.out.WriteByte(':')
			if err := c.node(n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		c.out.WriteByte('}')
		return nil
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			c.out.WriteString("null")
		case "!!bool":
			var b bool
			if err := n.Decode(&b); err != nil {
				return err
			}
			c.out.WriteString(strconv.FormatBool(b))
		case "!!int", "!!float":
			if json.Valid([]byte(n.Value)) {
				c.out.WriteString(n.Value)
				return nil
			}
			var v float64
			if err := n.Decode(&v); err != nil {
				return fmt.Errorf("line %d: %q is not a number", n.Line, n.Value)
			}
			if math.IsInf(v, 0) || math.IsNaN(v) {
				return fmt.Errorf("line %d: %s is not a finite number", n.Line, n.Value)
			}
			c.out.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		default:
			c.text(n.Value)
		}
		return nil
	}
	return fmt.Errorf("line %d: not understood", n.Line)
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always marshals
	}
	return string(b)
}

func (c *converter) text(s string) {
	c.out.WriteString(quoted(s))
}

// The types that the table of indicators gives to columns of the data.
const (
	typeIndicator   = "Indicator"
	typeAggregate   = "Aggregate"
	typeGroup       = "Group"
	typeDenominator = "Denominator"
	typeEvent       = "Event"
	typeOther       = "Other"
)

var columnTypes = []string{typeIndicator, typeAggregate, typeGroup, typeDenominator, typeEvent, typeOther}

// metaTable reads cells of the table of indicators.
type metaTable struct {
	*tabular.Grid
	parents, denominators map[string]bool
}

// text is a cell, "" for one that is missing or has no column.
func (m *metaTable) text(row int, column string) string {
	c := m.Column(column)
	if c < 0 || m.Rows[row][c] == "NA" {
		return ""
	}
	return m.Rows[row][c]
}

func (m *metaTable) number(row int, column string, otherwise float64) (float64, error) {
	c := m.Column(column)
	if c < 0 {
		return otherwise, nil
	}
	v, blank, err := m.Number(row, c)
	if err != nil || blank == tabular.Value {
		return v, err
	}
	return otherwise, nil
}

func (m *metaTable) at(row int, column string) string {
	return fmt.Sprintf("%s, line %d, column %s", m.Name, m.Lines[row], column)
}

// columnType is the type of a row, found by its use where none is given.
func (m *metaTable) columnType(row int, n composite.Node) (string, error) {
	kind := m.text(row, "Type")
	if kind == "" {
		switch {
		case m.parents[n.Code]:
			return typeAggregate, nil
		case m.denominators[n.Code] && n.Parent == "":
			return typeDenominator, nil
		}
		return typeIndicator, nil
	}
	for _, t := range columnTypes {
		if strings.EqualFold(t, kind) {
			return t, nil
		}
	}
	known := strings.Join(columnTypes, ", ")
	if near := composite.Nearest(kind, columnTypes); near != "" {
		return "", fmt.Errorf("%s: unknown type %q; did you mean %q? (types: %s)", m.at(row, "Type"), kind, near, known)
	}
	return "", fmt.Errorf("%s: unknown type %q; types are %s", m.at(row, "Type"), kind, known)
}

// node reads the numbers of an indicator or an aggregate.
func (m *metaTable) node(row int, n composite.Node) (composite.Node, error) {
	level, err := m.number(row, "Level", 0)
	if err != nil {
		return n, err
	}
	if level != math.Trunc(level) || level < 0 || level > 1000 {
		return n, fmt.Errorf("%s: %v; levels count 1, 2, 3, ... from the indicators up", m.at(row, "Level"), level)
	}
	n.Level = int(level)
	if n.Direction, err = m.number(row, "Direction", 1); err != nil {
		return n, err
	}
	if n.Direction != 1 && n.Direction != -1 {
		return n, fmt.Errorf("%s: %v; a direction is 1 (more is better) or -1 (less is better)", m.at(row, "Direction"), n.Direction)
	}
	if n.Weight, err = m.number(row, "Weight", 1); err != nil {
		return n, err
	}
	if n.Weight < 0 {
		return n, fmt.Errorf("%s: %v; weights are from 0 up", m.at(row, "Weight"), n.Weight)
	}
	n.Target, err = m.number(row, "Target", math.NaN())
	return n, err
}

// readMeta reads the table of indicators: iCode,iName,Level,Parent,Direction,
// Weight,Type,Denominator,Target,Unit. Only iCode is needed; further columns are
// ignored. By default the name is the code, direction and weight are 1, and the
// type is Aggregate for what others name as Parent, Denominator for what others
// name so and has no Parent, else Indicator.
func readMeta(g *tabular.Grid) (types map[string]string, nodes []composite.Node, err error) {
	if g.Column("iCode") < 0 {
		return nil, nil, fmt.Errorf("%s has no column iCode (it has %s); give every indicator and group a code", g.Name, strings.Join(g.Header, ", "))
	}
	m := &metaTable{Grid: g, parents: map[string]bool{}, denominators: map[string]bool{}}
	for row := range g.Rows {
		m.parents[m.text(row, "Parent")] = true
		m.denominators[m.text(row, "Denominator")] = true
	}
	types = map[string]string{}
	for row := range g.Rows {
		n := composite.Node{
			Code: m.text(row, "iCode"), Name: m.text(row, "iName"), Parent: m.text(row, "Parent"),
			Denominator: m.text(row, "Denominator"), Unit: m.text(row, "Unit"),
		}
		if n.Code == "" {
			return nil, nil, fmt.Errorf("%s: empty; every row has a code", m.at(row, "iCode"))
		}
		if n.Name == "" {
			n.Name = n.Code
		}
		if _, twice := types[n.Code]; twice {
			return nil, nil, fmt.Errorf("%s: %s is given twice", m.at(row, "iCode"), n.Code)
		}
		if types[n.Code], err = m.columnType(row, n); err != nil {
			return nil, nil, err
		}
		if t := types[n.Code]; t != typeIndicator && t != typeAggregate {
			continue
		}
		n.Aggregate = types[n.Code] == typeAggregate
		if n, err = m.node(row, n); err != nil {
			return nil, nil, err
		}
		nodes = append(nodes, n)
	}
	return types, nodes, nil
}

// readData reads the table of units: uCode, and optionally uName and Time, then
// columns as the table of indicators types them; a column that it does not name is
// ignored. Rows are sorted by code and time.
func readData(g *tabular.Grid, types map[string]string) (*composite.Data, error) {
	units, err := readUnits(g)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(units))
	for row := range order {
		order[row] = row
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(units[a].Code, units[b].Code), cmp.Compare(units[a].Time, units[b].Time))
	})
	d := &composite.Data{HasTime: g.Column("Time") >= 0}
	for i, row := range order {
		d.Units = append(d.Units, units[row])
		if i > 0 && d.Units[i-1].Code == d.Units[i].Code && d.Units[i-1].Time == d.Units[i].Time {
			return nil, fmt.Errorf("%s, line %d: unit %s was given already on line %d for the same time; keep one of them, or fill the Time column",
				g.Name, g.Lines[row], units[row].Code, g.Lines[order[i-1]])
		}
	}
	for c, header := range g.Header {
		switch kind := types[header]; kind {
		case typeGroup:
			group := composite.Grouping{Code: header, Values: make([]string, len(order))}
			for i, row := range order {
				if v := g.Rows[row][c]; v != "NA" {
					group.Values[i] = v
				}
			}
			d.Groups = append(d.Groups, group)
		case typeIndicator, typeDenominator, typeEvent, typeOther:
			col, err := readColumn(g, c, order, kind == typeOther)
			if err != nil {
				return nil, err
			}
			d.Columns = append(d.Columns, col)
		}
	}
	return d, nil
}

// readUnits reads who and when of each row.
func readUnits(g *tabular.Grid) ([]composite.Unit, error) {
	code, name, time := g.Column("uCode"), g.Column("uName"), g.Column("Time")
	if code < 0 {
		return nil, fmt.Errorf("%s has no column uCode (it has %s); give every unit a code", g.Name, strings.Join(g.Header, ", "))
	}
	units := make([]composite.Unit, len(g.Rows))
	timed := 0
	for row, cells := range g.Rows {
		u := composite.Unit{Code: cells[code], Name: cells[code]}
		if u.Code == "" {
			return nil, fmt.Errorf("%s, line %d, column uCode: empty; every unit has a code", g.Name, g.Lines[row])
		}
		if name >= 0 && cells[name] != "" {
			u.Name = cells[name]
		}
		if time >= 0 {
			t, blank, err := g.Number(row, time)
			if err != nil {
				return nil, err
			}
			if blank == tabular.Value {
				u.Time = t
				timed++
			}
			if timed > 0 && timed < row+1 {
				return nil, fmt.Errorf("%s, line %d, column Time: some rows have a time and some have none; give all of them one", g.Name, g.Lines[row])
			}
		}
		units[row] = u
	}
	return units, nil
}

// readColumn reads the numbers of a column in an order of rows. Where text is
// allowed it counts as missing.
func readColumn(g *tabular.Grid, c int, order []int, text bool) (composite.Column, error) {
	col := composite.Column{Code: g.Header[c], Values: make([]float64, len(order)), State: make([]composite.Cell, len(order))}
	for i, row := range order {
		v, blank, err := g.Number(row, c)
		if err != nil {
			if !text {
				return col, err
			}
			v, blank = math.NaN(), tabular.Missing
		}
		col.Values[i] = v
		switch blank {
		case tabular.Value:
		case tabular.Missing:
			col.State[i] = composite.Missing
		case tabular.NotApplicable:
			col.State[i] = composite.NotApplicable
		}
	}
	return col, nil
}
