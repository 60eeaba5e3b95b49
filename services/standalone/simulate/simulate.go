// Package simulate makes an invented province with invented zones and what they
// report month by month: levels, growth rates, shares, rates and durations with
// trend, season and noise; reports that come late, cells that stay empty or hold
// what no ranking may use, figures that are corrected later; targets for every
// year, the places that the province published, and the schemes and rankings
// that a bureau would keep of all this.
//
// It is a pure generator: the same configuration gives the same bytes, on every
// machine. Everything it makes is marked as simulated and belongs to a dataset
// of its own, with indicators of its own, so that it cannot stand beside real
// figures by accident. How it gets into an installation is the caller's affair:
// as import tables, or statement by statement.
package simulate

import (
	"fmt"

	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

const (
	mark = registry.SimulatedMark
	// bureau publishes everything; like the province it does not exist.
	bureau = "示例省统计局" + mark
)

// Names that every dataset has.
const (
	// Province is the reference unit that everything lies in.
	Province = "referenceUnits/example-province"
	// Group holds every zone.
	Group = "groups/example-zones"
	// Series is the assessment that the province publishes every year.
	Series = "series/example-assessment"
)

// Config of a dataset. Datasets that differ only in Zones and Months agree in
// all that both have, but for the places of published rankings, which hang on
// who is ranked.
type Config struct {
	Seed       uint64
	Zones      int // 1 to MaxZones
	Indicators int // leaves of the scheme, 1 to MaxIndicators
	From       int // the first year
	Months     int // of history, 2 to MaxMonths; Januaries count and have no report
}

// Default is a province that fits a screen, in the tenth month of its second year.
var Default = Config{Seed: 7, Zones: 24, Indicators: 12, From: 2023, Months: 22}

// MaxMonths is how many months of history a dataset has at most.
const MaxMonths = 360

// Dataset is what a configuration comes to.
type Dataset struct {
	cfg      Config
	draws    draws
	zones    []zone
	measured []int // indices of the measures it has, in their order
}

// zone is an invented zone and how it is disposed.
type zone struct {
	id, zh, en, kind, level string
	region                  region
	size                    int64 // ten thousandths of the usual one
	small                   bool  // prints money in 万元
	young                   bool  // being set up: it reports little
}

type region struct{ id, zh, en, code string }

var regions = []region{
	{"example-east", "示例省东部地区", "Eastern Example Province", "990100"},
	{"example-central", "示例省中部地区", "Central Example Province", "990200"},
	{"example-west", "示例省西部地区", "Western Example Province", "990300"},
}

// New makes a dataset.
func New(cfg Config) (*Dataset, error) {
	switch {
	case cfg.Zones < 1 || cfg.Zones > MaxZones:
		return nil, fmt.Errorf("%d zones: use 1 to %d", cfg.Zones, MaxZones)
	case cfg.Indicators < 1 || cfg.Indicators > MaxIndicators:
		return nil, fmt.Errorf("%d indicators: use 1 to %d", cfg.Indicators, MaxIndicators)
	case cfg.Months < 2 || cfg.Months > MaxMonths:
		return nil, fmt.Errorf("%d months: use 2 to %d", cfg.Months, MaxMonths)
	case cfg.From < 1978 || cfg.From > 2100:
		return nil, fmt.Errorf("from %d: use a year from 1978 to 2100", cfg.From)
	}
	d := &Dataset{cfg: cfg, draws: draws{cfg.Seed}, measured: measuredBy(cfg.Indicators)}
	order := d.draws.of("names").Perm(stems())
	for n := range cfg.Zones {
		d.zones = append(d.zones, d.zone(n, order[n]))
	}
	return d, nil
}

// youngEvery is how many zones there are to one that is being set up.
const youngEvery = 24

func (d *Dataset) zone(n, name int) zone {
	r := d.draws.of("zone", n)
	zh, en := stem(name)
	f := forms[r.IntN(len(forms))]
	z := zone{
		id: fmt.Sprintf("example-zone-%04d", n+1), zh: zh + f.zh, en: en + " " + f.en, kind: f.kind, level: "provincial",
		region: regions[r.IntN(len(regions))], small: r.IntN(100) < 15,
		// Few are large: the product of two.
		size: 5000 + between(r, 0, 1000)*between(r, 0, 1000)*15/1000,
	}
	if r.IntN(100) < 30 {
		z.level, z.size = "national", times(z.size, 15_000)
	}
	if n%youngEvery == youngEvery/2 {
		z.young, z.size, z.level = true, times(z.size, 4000), "provincial"
	}
	return z
}

// Note says on the province which dataset it is of: figures of two would
// contradict each other under the same ids.
func (d *Dataset) Note() string {
	return fmt.Sprintf("模拟数据集:种子%d,自%d年起,考核%d项指标;不对应任何真实地方", d.cfg.Seed, d.cfg.From, d.cfg.Indicators)
}

// Months is how many monthly reports the history has: eleven a year, since
// January alone is not published.
func (d *Dataset) Months() int {
	return d.cfg.Months/12*monthsReported + max(0, d.cfg.Months%12-1)
}

// Zones are the names of the zones' resources.
func (d *Dataset) Zones() []string {
	names := make([]string, len(d.zones))
	for i, z := range d.zones {
		names[i] = "zones/" + z.id
	}
	return names
}

// Indicators are the names of the resources of all indicators with figures.
func (d *Dataset) Indicators() []string {
	names := make([]string, len(d.measured))
	for i, m := range d.measured {
		names[i] = measures[m].name()
	}
	return names
}

// Statements is how many statements a month holds in all, with its targets.
func (m Month) Statements() int { return len(m.Targets) + len(m.Reports) }

// shuffled puts reports in the order in which they come in.
func (d *Dataset) shuffled(purpose string, n int, reports []*indicatorv1.NewStatement) []*indicatorv1.NewStatement {
	d.draws.of(purpose, n).Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
	return reports
}
