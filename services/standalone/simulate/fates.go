package simulate

// fate is what becomes of the cell of a zone, a measure and a month.
type fate int

const (
	onTime     fate = iota
	late            // it comes with the next report
	corrected       // wrong at first, put right with the report after the next
	missing         // it never comes
	inReview        // the zone's own number, which the bureau approves later
	disputed        // two tables of one report differ, until it is settled
	bound           // "above x" at first
	otherScope      // for another class of firms at first
	unstated        // the report does not say of what months it is, at first
)

// frequent says how many cells in a thousand meet a fate.
var frequent = []struct {
	fate  fate
	cells int
}{{missing, 15}, {late, 60}, {corrected, 20}, {inReview, 10}, {disputed, 5}, {bound, 5}, {otherScope, 20}, {unstated, 4}}

// cell is one figure of a month, and what becomes of it.
type cell struct {
	z, m, n int
	fate    fate
}

// fates are those of one month.
type fates struct {
	d      *Dataset
	n      int
	chosen map[[2]int]fate
}

// chosenAmong is how many of the first zones share the fates that every month
// has once, so that nothing hangs on chance that a reader is to meet.
const chosenAmong = 12

func (d *Dataset) fates(n int) fates {
	f := fates{d: d, n: n, chosen: make(map[[2]int]fate)}
	for i, each := range frequent {
		r := d.draws.of("chosen", i, n)
		for {
			z, m := r.IntN(chosenAmong), places[twigs[r.IntN(chosenAmong)].measure]
			_, taken := f.chosen[[2]int{z, m}]
			if fits := each.fate != otherScope || measures[m].class != ""; fits && !taken && !measures[m].quarterly {
				f.chosen[[2]int{z, m}] = each.fate
				break
			}
		}
	}
	return f
}

// of is the fate of a cell. Growth shares that of its level: nobody reckons the
// one without the other.
func (f fates) of(z, m int) fate {
	if of := measures[m].of; of != "" {
		m = places[of]
	}
	_, month := f.d.dateOf(f.n)
	switch {
	case measures[m].quarterly && month%3 != 0:
		return missing
	case f.d.zones[z].young && m != places["gdp"] && m != places["fixed-asset-investment"] && m != places["new-projects"]:
		return missing
	}
	if chosen, ok := f.chosen[[2]int{z, m}]; ok {
		return chosen
	}
	if f.d.draws.of("silent", z, m).IntN(100) < 2 { // It never reports that.
		return missing
	}
	u := f.d.draws.of("fate", z, m, f.n).IntN(1000)
	for _, each := range frequent {
		if u -= each.cells; u < 0 {
			if each.fate == otherScope && measures[m].class == "" {
				return onTime
			}
			return each.fate
		}
	}
	return onTime
}
