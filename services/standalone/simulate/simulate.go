// Package simulate makes an invented province with invented zones and what they
// report month by month: levels, growth rates, shares, rates and durations with
// trend, season and noise; reports that come late, cells that stay empty,
// figures that are corrected later; and targets for every year.
//
// It is a pure generator: the same configuration gives the same bytes, on every
// machine. Everything it makes is marked as simulated and belongs to a dataset
// of its own, with indicators of its own, so that it cannot stand beside real
// figures by accident. How it gets into an installation is the caller's affair:
// as import tables, or statement by statement.
package simulate

import (
	"fmt"
	"slices"

	"zonebench.internal/pkg/registry"
)

const (
	mark = registry.SimulatedMark
	// bureau publishes everything; like the province it does not exist.
	bureau = "示例省统计局" + mark
)

// Province is the reference unit that every dataset lies in.
const Province = "referenceUnits/sim-province"

// Config of a dataset. Datasets that differ only in Zones and Years agree in
// all that both have.
type Config struct {
	Seed  uint64
	Zones int // 1 to MaxZones
	From  int // the first year
	Years int // 1 to MaxYears
}

// MaxYears is how many years of history a dataset has at most.
const MaxYears = 30

// Dataset is what a configuration comes to.
type Dataset struct {
	cfg   Config
	draws draws
	zones []zone
}

// zone is an invented zone and how it is disposed.
type zone struct {
	id, zh, en, kind, level string
	region                  region
	size                    int64 // ten thousandths of the usual one
	small                   bool  // prints money in 万元
}

type region struct{ id, zh, en, code string }

var regions = []region{
	{"sim-east", "示例省东部地区", "Eastern Example Province", "990100"},
	{"sim-central", "示例省中部地区", "Central Example Province", "990200"},
	{"sim-west", "示例省西部地区", "Western Example Province", "990300"},
}

// New makes a dataset.
func New(cfg Config) (*Dataset, error) {
	switch {
	case cfg.Zones < 1 || cfg.Zones > MaxZones:
		return nil, fmt.Errorf("%d zones: use 1 to %d", cfg.Zones, MaxZones)
	case cfg.Years < 1 || cfg.Years > MaxYears:
		return nil, fmt.Errorf("%d years: use 1 to %d", cfg.Years, MaxYears)
	case cfg.From < 1978 || cfg.From > 2100:
		return nil, fmt.Errorf("from %d: use a year from 1978 to 2100", cfg.From)
	}
	d := &Dataset{cfg: cfg, draws: draws{cfg.Seed}}
	order := d.draws.of("names").Perm(stems())
	for n := range cfg.Zones {
		d.zones = append(d.zones, d.zone(n, order[n]))
	}
	return d, nil
}

func (d *Dataset) zone(n, name int) zone {
	r := d.draws.of("zone", n)
	zh, en := stem(name)
	f := forms[r.IntN(len(forms))]
	z := zone{
		id: fmt.Sprintf("sim-zone-%04d", n+1), zh: zh + f.zh, en: en + " " + f.en, kind: f.kind, level: "provincial",
		region: regions[r.IntN(len(regions))], small: r.IntN(100) < 15,
		// Few are large: the product of two.
		size: 3000 + between(r, 0, 1000)*between(r, 0, 1000)*3/100,
	}
	if r.IntN(100) < 30 {
		z.level, z.size = "national", times(z.size, 18_000)
	}
	return z
}

// Note says on the province which dataset it is of: figures of two would
// contradict each other under the same ids.
func (d *Dataset) Note() string {
	return fmt.Sprintf("模拟数据集：种子%d，自%d年起；不对应任何真实地方", d.cfg.Seed, d.cfg.From)
}

// Months is how many monthly reports the history has: eleven a year, since
// January alone is not published.
func (d *Dataset) Months() int { return d.cfg.Years * monthsReported }

// Zones are the names of the zones' resources.
func (d *Dataset) Zones() []string {
	names := make([]string, len(d.zones))
	for i, z := range d.zones {
		names[i] = "zones/" + z.id
	}
	return names
}

// Indicators are the names of the indicators' resources.
func Indicators() []string {
	names := make([]string, len(measures))
	for i, m := range measures {
		names[i] = m.name()
	}
	return names
}

// Statements is how many statements a month holds in all, with its targets.
func (m Month) Statements() int { return len(m.Targets) + len(m.Reports) }

// shuffled puts reports in the order in which they come in.
func (d *Dataset) shuffled(m Month) Month {
	r := d.draws.of("order", m.n)
	m.Reports = slices.Clone(m.Reports)
	r.Shuffle(len(m.Reports), func(i, j int) { m.Reports[i], m.Reports[j] = m.Reports[j], m.Reports[i] })
	return m
}
