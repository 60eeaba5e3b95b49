package simulate

// The numbers are integers of ten thousandths of the measure's unit. Month
// counts from 1 to 12, and year may be the one before the first.

// worth is what a zone has of a measure in a year: the base by its size, its
// bent for the measure, and the changes of the years, which follow the trend
// with luck of the zone and of the year.
func (d *Dataset) worth(z, m, year int) int64 {
	spec := &measures[m]
	value := spec.base
	bent := int64(3000)
	switch {
	case spec.accrues() || spec.nature == stock:
		value = times(value, d.size(z))
	default:
		bent = 2500 // Intensities do not grow with the zone.
	}
	luck, course := around(d.draws.of("luck", z), 250), int64(300)
	if z == province { // It is what the zones have in common.
		bent, luck, course = 0, 0, 0
	}
	value = times(value, one+around(d.draws.of("bent", z, m), bent))
	for y := d.cfg.From; y <= year; y++ {
		change := spec.trend + around(d.draws.of("year", m, y), 150) + around(d.draws.of("course", z, m, y), course)
		if spec.accrues() {
			change += luck
		}
		value = times(value, one+change)
	}
	return value
}

// provinceSize is that of a province in which some hundred zones fit.
const provinceSize = 350 * one

func (d *Dataset) size(z int) int64 {
	if z == province {
		return provinceSize
	}
	return d.zones[z].size
}

// accrued is what came together from January to a month.
func (d *Dataset) accrued(z, m, year, month int) int64 {
	whole := d.worth(z, m, year)
	sum, noise := int64(0), int64(600)
	if z == province {
		noise = 100
	}
	for i := range month {
		part := times(whole, measures[m].season[i])
		sum += times(part, one+around(d.draws.of("month", z, m, year, i+1), noise))
	}
	return sum
}

// truth is the right number of a cell, whatever was reported first.
func (d *Dataset) truth(z, m, year, month int) int64 {
	switch spec := &measures[m]; spec.nature {
	case flow, count:
		return d.accrued(z, m, year, month)
	case growth:
		return d.growthTo(z, m, year, month, d.accrued(z, places[spec.of], year, month))
	default:
		// On the way from the last year's to this year's, with noise.
		last, next := d.worth(z, m, year-1), d.worth(z, m, year)
		value := last + (next-last)*int64(month)/12
		value = times(value, one+around(d.draws.of("month", z, m, year, month), 120))
		if spec.nature == share {
			value = min(value, 95*one)
		}
		return value
	}
}

// growthTo is the rate of a growth measure to what came together by a month.
func (d *Dataset) growthTo(z, m, year, month int, now int64) int64 {
	before := d.accrued(z, places[measures[m].of], year-1, month)
	if before == 0 {
		return 0
	}
	rate := now*100*one/before - 100*one
	if measures[m].real {
		rate -= between(d.draws.of("prices", year), 0, 2*one)
	}
	return rate
}

// mistaken is a number near the right one, as a first report may have it: the
// printed digits differ.
func (d *Dataset) mistaken(z, m, year, month int) int64 {
	r := d.draws.of("mistake", z, m, year, month)
	value := d.truth(z, m, year, month)
	off := between(r, 40, 200)
	if r.IntN(2) == 0 {
		off = -off
	}
	step := int64(one)
	for range measures[m].decimals {
		step /= 10
	}
	wrong := value + max(times(max(value, -value), max(off, -off)), step)
	if off < 0 {
		wrong = value - max(times(max(value, -value), -off), step)
	}
	return wrong
}
