package standing_test

import (
	"fmt"
	"testing"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/ranking/standing"
)

// large is 500 zones by 30 indicators with figures of two years, of which one in
// ten is missing in the second and carried.
func large(b *testing.B) *province {
	b.Helper()
	p := newProvince(b)
	members := &zonev1.MemberList{}
	for z := range 500 {
		id := fmt.Sprintf("z%03d", z)
		p.zone(id, func(*zonev1.Zone) {})
		members.Members = append(members.Members, &zonev1.Member{Zone: "zones/" + id})
	}
	p.apply(p.zones, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: &zonev1.Group{Name: "groups/g", Members: &zonev1.Group_List{List: members}}}})
	p.scheme.Recipe = `{"normalise": "minmax", "place": {"decimals": 2}}`
	p.scheme.Nodes = []*rankingv1.SchemeNode{{Id: "index"}}
	for i := range 30 {
		id := fmt.Sprintf("i%02d", i)
		p.indicator(id, indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER)
		p.leaf(id, "1", carry(rankingv1.Carry_CARRY_SAME_KIND, 12))
		for z := range 500 {
			p.say(fmt.Sprintf("z%03d %s 2024 %d", z, id, z*7919%1000+i))
			if (z+i)%10 > 0 {
				p.say(fmt.Sprintf("z%03d %s 2025 %d", z, id, z*6007%1000+i))
			}
		}
	}
	return p
}

func (p *province) input() standing.Input {
	return standing.Input{Ranking: p.ranking, Scheme: p.scheme, Zones: p.zones.View(0), Figures: p.figures.View(0), Time: noon}
}

// BenchmarkFull gathers and computes a ranking of 500 zones by 30 indicators.
func BenchmarkFull(b *testing.B) {
	p := large(b)
	for b.Loop() {
		t, err := standing.Gather(p.input())
		if err != nil {
			b.Fatal(err)
		}
		if len(t.Rows()) != 500 {
			b.Fatal("rows are missing")
		}
	}
}

// BenchmarkIncremental computes the version after ten figures changed.
func BenchmarkIncremental(b *testing.B) {
	p := large(b)
	t, err := standing.Gather(p.input())
	if err != nil {
		b.Fatal(err)
	}
	var touched []standing.Touch
	for z := range 10 {
		touched = append(touched, standing.Touch{Subject: fmt.Sprintf("zones/z%03d", 50*z), Indicator: fmt.Sprintf("indicators/i%02d", 3*z)})
	}
	for b.Loop() {
		next := t.Renew(p.input(), touched)
		if len(next.Rows()) != 500 {
			b.Fatal("rows are missing")
		}
	}
}

// BenchmarkCells gives the cells of a page of a hundred rows.
func BenchmarkCells(b *testing.B) {
	p := large(b)
	t, err := standing.Gather(p.input())
	if err != nil {
		b.Fatal(err)
	}
	var zones []string
	for _, r := range t.Rows()[:100] {
		zones = append(zones, r.GetSubject())
	}
	for b.Loop() {
		if len(t.Cells(zones)) != 100 {
			b.Fatal("cells are missing")
		}
	}
}
