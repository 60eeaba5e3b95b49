// Package data carries the curated facts that the product ships with: the zones, indicators and sources of five
// published work plans, the further zones of Zhejiang and Anhui and of the published rankings, and each of the 224
// numbers of the plans as one statement; and the national and provincial rankings of zones that could be read, with
// their places.
//
// The facts are import tables, in the same columns that anyone's tables have, and they enter an installation the same
// way: through the import of the zone and the indicator service. README.md says where they come from, how certain they
// are and how to add to them.
package data

import (
	_ "embed" // The tables are compiled in, so that the binary carries them.
	"slices"
)

// Kind names the table that an import reads, in the words of the import command.
type Kind string

// The kinds of tables. The first four belong to the registry of zones, the next four to the figures, the last three to
// the rankings that authorities publish.
const (
	ReferenceUnits Kind = "reference_units"
	Zones          Kind = "zones"
	Relations      Kind = "relations"
	Groups         Kind = "groups"
	Sources        Kind = "sources"
	Indicators     Kind = "indicators"
	Lists          Kind = "lists"
	Statements     Kind = "statements"
	Series         Kind = "series"
	Rounds         Kind = "rounds"
	Places         Kind = "places"
)

// Table is one import table: UTF-8 CSV, the first line names the columns.
type Table struct {
	Kind    Kind
	File    string // its name in this directory, for messages
	Content []byte
}

var (
	//go:embed reference_units.csv
	referenceUnits []byte
	//go:embed zones.csv
	zones []byte
	//go:embed relations.csv
	relations []byte
	//go:embed groups.csv
	groups []byte
	//go:embed sources.csv
	sources []byte
	//go:embed indicators.csv
	indicators []byte
	//go:embed lists.csv
	lists []byte
	//go:embed statements.csv
	statements []byte
	//go:embed series.csv
	series []byte
	//go:embed rounds.csv
	rounds []byte
	//go:embed places.csv
	places []byte
)

// Tables returns the tables in the order in which they can be imported: none refers to one that comes after it.
// The caller may keep and change what it gets.
func Tables() []Table {
	tables := []Table{
		{ReferenceUnits, "reference_units.csv", referenceUnits},
		{Zones, "zones.csv", zones},
		{Relations, "relations.csv", relations},
		{Groups, "groups.csv", groups},
		{Sources, "sources.csv", sources},
		{Indicators, "indicators.csv", indicators},
		{Lists, "lists.csv", lists},
		{Statements, "statements.csv", statements},
		{Series, "series.csv", series},
		{Rounds, "rounds.csv", rounds},
		{Places, "places.csv", places},
	}
	for i := range tables {
		tables[i].Content = slices.Clone(tables[i].Content)
	}
	return tables
}

// HeadlineConcepts returns the canonical indicators of the eight concepts that more than one of the plans has in the
// same form, so that ranking them can mean something: growth of value added, product, retail sales, industrial and all
// investment and revenue, and two counts. The order is the one in which they are read out.
func HeadlineConcepts() []string {
	return []string{
		"indicators/industrial-value-added-growth",
		"indicators/gdp-growth",
		"indicators/retail-sales-growth",
		"indicators/industrial-investment-growth",
		"indicators/fixed-asset-investment-growth",
		"indicators/fiscal-revenue-growth",
		"indicators/new-100m-projects",
		"indicators/new-high-tech-enterprises",
	}
}
