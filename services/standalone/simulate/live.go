package simulate

import (
	"errors"
	"fmt"

	"zonebench.internal/data"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
)

// Live is what goes on coming in for the newest month of a dataset, one report
// at a time and for ever: first what is wanting and wrong in it, then revisions
// of its figures, each in place of the one before. The sequence is a function
// of the dataset.
type Live struct {
	d        *Dataset
	n        int
	fixes    []*indicatorv1.NewStatement
	revised  int
	cells    []cell                               // levels that may be revised
	standing map[[2]int]*indicatorv1.NewStatement // the statement that counts, by zone and measure
	rounds   map[[2]int]int
}

// Live starts the sequence.
func (d *Dataset) Live() (*Live, error) {
	l := &Live{
		d: d, n: d.Months() - 1,
		standing: make(map[[2]int]*indicatorv1.NewStatement), rounds: make(map[[2]int]int),
	}
	fates := d.fates(l.n)
	leaves := make(map[int]bool)
	for _, m := range d.leaves() {
		leaves[m] = true
	}
	for z := range d.zones {
		for _, m := range d.measured {
			c := cell{z, m, l.n, fates.of(z, m)}
			for i, say := range []func(cell) ([]*indicatorv1.NewStatement, error){d.first, d.second, d.third} {
				list, err := say(c)
				if err != nil {
					return nil, err
				}
				for _, report := range list {
					l.standing[[2]int{z, m}] = report
				}
				if i > 0 {
					l.fixes = append(l.fixes, list...)
				}
			}
			if leaves[m] && measures[m].nature != growth && c.fate != missing {
				l.cells = append(l.cells, c)
			}
		}
	}
	l.fixes = d.shuffled("fixes", l.n, l.fixes)
	return l, nil
}

// Sources is the table of the sources that the reports name.
func (l *Live) Sources() Table {
	rows := l.d.sourceRows(l.n, l.n+3)
	year, month := l.d.dateOf(l.n)
	rows = append(rows, []string{
		l.source(), fmt.Sprintf("示例省开发区主要指标%d年1—%d月修订数%s", year, month, mark),
		fmt.Sprintf("Revised figures of the zones of Example Province, months 1 to %d of %d%s", month, year, mark),
		bureau, "", "official", "true",
	})
	return split(data.Sources, rows, 0)[0]
}

func (l *Live) source() string { return monthSource(l.d.dateOf(l.n)) + "-revised" }

// Next is the next report: one or two statements that belong together, a level
// and its growth.
func (l *Live) Next() ([]*indicatorv1.NewStatement, error) {
	if len(l.fixes) > 0 {
		report := l.fixes[0]
		l.fixes = l.fixes[1:]
		return []*indicatorv1.NewStatement{report}, nil
	}
	if len(l.cells) == 0 {
		return nil, errors.New("no zone has reported anything that could be revised: use more zones")
	}
	c := l.cells[l.d.draws.of("revise", l.n, l.revised).IntN(len(l.cells))]
	l.revised++
	at := [2]int{c.z, c.m}
	l.rounds[at]++
	year, month := l.d.dateOf(l.n)
	factor := one + around(l.d.draws.of("revision", c.z, c.m, l.n, l.rounds[at]), revisedBy)
	value := times(l.d.truth(c.z, c.m, year, month), factor)
	level, err := l.revision(c, value)
	if err != nil {
		return nil, err
	}
	report := []*indicatorv1.NewStatement{level}
	if g, ok := growthOf[measures[c.m].id]; ok && l.standing[[2]int{c.z, g}] != nil {
		c.m = g
		rate, err := l.revision(c, l.d.growthTo(c.z, g, year, month, value))
		if err != nil {
			return nil, err
		}
		report = append(report, rate)
	}
	return report, nil
}

// Revising says that what was wanting and wrong is through.
func (l *Live) Revising() bool { return len(l.fixes) == 0 }

// revisedBy is the widest change of a revision, in ten thousandths.
const revisedBy = 1500

func (l *Live) revision(c cell, value int64) (*indicatorv1.NewStatement, error) {
	s, err := l.d.report(c, l.n, value)
	if err != nil {
		return nil, err
	}
	at := [2]int{c.z, c.m}
	s.Source = "sources/" + l.source()
	s.Locator = fmt.Sprintf("第%d次修订", l.revisions(c))
	report := &indicatorv1.NewStatement{Statement: s, Supersedes: Name(l.standing[at])}
	l.standing[at] = report
	return report, nil
}

// revisions is how often the level of a cell has been revised.
func (l *Live) revisions(c cell) int {
	m := c.m
	if of := measures[m].of; of != "" {
		m = places[of]
	}
	return l.rounds[[2]int{c.z, m}]
}
