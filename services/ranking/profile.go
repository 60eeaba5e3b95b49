package ranking

import (
	"context"
	"strconv"
	"strings"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

// neighbours is how many rows in front and behind a profile shows.
const neighbours = 3

// topTen is the place that a profile measures the distance to.
const topTen = 10

// GetProfile implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetProfile(ctx context.Context, req *rankingv1.GetProfileRequest) (*rankingv1.GetProfileResponse, error) {
	at, err := s.reading(ctx, req.GetVersion())
	if err != nil {
		return nil, err
	}
	ranking, v, err := s.read(ctx, req.GetName(), at)
	if err != nil {
		return nil, err
	}
	i, ok := v.Row(req.GetZone())
	if !ok {
		return nil, fault.NotFound(req.GetZone() + " in " + req.GetName())
	}
	table, err := s.source.table(req.GetName(), at)
	if err != nil {
		return nil, err
	}
	resp := &rankingv1.GetProfileResponse{Ranking: ranking, Head: v.Head, State: s.stateAt(at)}
	rows, err := s.furnish(ctx, req.GetName(), at, v.Rows[i:i+1], true, req.GetHistory())
	if err != nil {
		return nil, err
	}
	resp.Standing = rows[0]
	placed := int(v.Head.GetPlaced())
	if i < placed {
		resp.Ahead = v.Rows[max(i-neighbours, 0):i]
		resp.Behind = v.Rows[i+1 : min(i+1+neighbours, placed)]
	}
	resp.PointsToTopTen = toTopTen(v, i)
	var before *standing.Table
	if previous := table.Ranking().GetPrevious(); previous != "" {
		if before, err = s.source.table(previous, at); err != nil {
			return nil, err
		}
	}
	for l := range table.Leaves() {
		resp.Headlines = append(resp.Headlines, headline(table, before, l, resp.GetStanding().GetCells()[l], req.GetZone()))
	}
	resp.Sentence = sentence(ranking, table, resp)
	return resp, nil
}

// toTopTen is what a placed row behind the tenth place lacks to its score.
func toTopTen(v *versions.Version, i int) string {
	if v.Rows[i].GetPlace() <= topTen || len(v.Rows) < topTen {
		return ""
	}
	return standing.Difference(v.Rows[topTen-1].GetScore(), v.Rows[i].GetScore())
}

// headline is one leaf of a zone as leaders read it.
func headline(table, before *standing.Table, l int, level *rankingv1.LeafCell, zone string) *rankingv1.Headline {
	leaf := table.Leaves()[l]
	simulated := table.Head().GetSimulated()
	h := &rankingv1.Headline{
		Level: level, DisplayName: standing.Marked(leaf.Name(), simulated), Unit: leaf.Indicator.GetUnit(),
	}
	// A leaf that is a growth itself is its own growth.
	growth, _ := table.Column(leaf.Indicator.GetName())
	if !isGrowth(leaf.Indicator) {
		if growth = table.Growth(l); growth != nil {
			h.Growth = growth.Cell(zone)
		}
	}
	told := h.GetGrowth()
	if isGrowth(leaf.Indicator) {
		told = level
	}
	if told.GetNumber() != "" && growth != nil {
		if units := growth.References(told.GetPeriod()); len(units) > 0 {
			h.Reference = units[0]
			if growth.Indicator.GetUnit() == "%" {
				h.GrowthAboveReference = standing.Difference(told.GetNumber(), units[0].GetNumber())
			}
		}
	}
	h.Sentence = headlineSentence(leaf, growth, table, before, h, told, zone)
	return h
}

func isGrowth(i *indicatorv1.Indicator) bool {
	return i.GetNature() == indicatorv1.Nature_NATURE_GROWTH
}

// clauses gathers a sentence in both languages.
type clauses struct{ zh, en []string }

func (c *clauses) add(zh, en string) {
	c.zh, c.en = append(c.zh, zh), append(c.en, en)
}

func (c *clauses) sentence(simulated bool) *typev1.Localized {
	mark := ""
	if simulated {
		mark = registry.SimulatedMark
	}
	return text(strings.Join(c.zh, ",")+mark, strings.Join(c.en, ", ")+mark)
}

// headlineSentence says how much, how fast, against whom, where and how far it
// moved: of each only what is known. Nil when there is no number.
func headlineSentence(
	leaf standing.Leaf, growth *standing.Column, table, before *standing.Table, h *rankingv1.Headline, told *rankingv1.LeafCell, zone string,
) *typev1.Localized {
	name := leaf.Name()
	var c clauses
	level := h.GetLevel()
	shown := level // whose place is told
	switch {
	case told.GetNumber() != "":
		zh, en := growthWords(told.GetNumber(), growth.Indicator.GetUnit())
		if told == level { // 规上工业增加值增长8.2%
			c.add(name.GetZh()+zh, english(name)+" "+en)
		} else {
			if level.GetNumber() != "" {
				c.add(name.GetZh()+level.GetNumber()+h.GetUnit(), english(name)+" "+level.GetNumber()+" "+h.GetUnit())
				c.add(zh, en)
			} else {
				c.add(name.GetZh()+zh, english(name)+" "+en)
			}
			shown = told
		}
		if zh, en := aboveWords(h, table); zh != "" {
			c.add(zh, en)
		}
	case level.GetNumber() != "":
		c.add(name.GetZh()+level.GetNumber()+h.GetUnit(), english(name)+" "+level.GetNumber()+" "+h.GetUnit())
	default:
		return nil
	}
	if age := shown.GetAgeMonths(); age > 0 {
		when := periodText(shown.GetPeriod())
		c.add("沿用"+when.GetZh()+"数据", "carried from "+english(when))
	}
	if shown.GetPlace() > 0 {
		c.add("居第"+number(shown.GetPlace())+"位", "place "+number(shown.GetPlace())+" of "+number(shown.GetOf()))
		if before != nil {
			if column, ok := before.Column(shown.GetIndicator()); ok {
				if zh, en := moveWords(column.Cell(zone).GetPlace(), shown.GetPlace()); zh != "" {
					c.add(zh, en)
				}
			}
		}
	}
	return c.sentence(level.GetSimulated() || told.GetSimulated() || table.Head().GetSimulated())
}

// periodText is a period in words, or as it is written when it is none.
func periodText(written string) *typev1.Localized {
	p, err := period.Parse(written)
	if err != nil { // It was parsed before it was recorded.
		return text(written, written)
	}
	return p.Text()
}

func number(n int32) string { return strconv.Itoa(int(n)) }

// growthWords are 增长x% or 下降x%.
func growthWords(value, unit string) (zh, en string) {
	switch sign, size := split(value); {
	case sign < 0:
		return "下降" + size + unit, "down " + size + unit
	case sign == 0:
		return "持平", "unchanged"
	default:
		return "增长" + size + unit, "up " + size + unit
	}
}

// split is the sign of a decimal and its size.
func split(value string) (sign int, size string) {
	d, err := quantity.Parse(value)
	if err != nil {
		return 0, value
	}
	return d.Sign(), strings.TrimPrefix(value, "-")
}

// aboveWords are 高于全省平均y个百分点.
func aboveWords(h *rankingv1.Headline, table *standing.Table) (zh, en string) {
	if h.GetGrowthAboveReference() == "" {
		return "", ""
	}
	name := averageOf(table, h.GetReference())
	switch sign, size := split(h.GetGrowthAboveReference()); {
	case sign < 0:
		return "低于" + name.GetZh() + size + "个百分点", size + " percentage points below " + english(name)
	case sign == 0:
		return "与" + name.GetZh() + "持平", "level with " + english(name)
	default:
		return "高于" + name.GetZh() + size + "个百分点", size + " percentage points above " + english(name)
	}
}

// averageOf is what bulletins call a reference unit's figure.
func averageOf(table *standing.Table, r *rankingv1.ReferenceValue) *typev1.Localized {
	unit, _ := table.Input().Zones.ReferenceUnit(r.GetSubject())
	switch unit.GetType() {
	case zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_NATION:
		return text("全国平均", "the national average")
	case zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE:
		return text("全省平均", "the provincial average")
	case zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PREFECTURE:
		return text("全市平均", "the city's average")
	default:
		return registry.Unmarked(r.GetDisplayName())
	}
}

// moveWords are 前移n位; empty when one of the places is not known.
func moveWords(before, after int32) (zh, en string) {
	switch {
	case before == 0 || after == 0:
		return "", ""
	case after < before:
		return "前移" + number(before-after) + "位", "up " + number(before-after)
	case after > before:
		return "后移" + number(after-before) + "位", "down " + number(after-before)
	default:
		return "位次不变", "place unchanged"
	}
}

// sentence is that of the whole: what the zone came to in the ranking.
func sentence(ranking *rankingv1.Ranking, table *standing.Table, p *rankingv1.GetProfileResponse) *typev1.Localized {
	row := p.GetStanding()
	when := table.Period().Text()
	title := registry.Unmarked(ranking.GetDisplayName())
	name := registry.Unmarked(row.GetDisplayName())
	var c clauses
	lead, leadEn := name.GetZh()+"在"+title.GetZh(), english(name)+" in "+english(title)
	if !strings.Contains(title.GetZh(), when.GetZh()) {
		lead, leadEn = lead+"("+when.GetZh()+")", leadEn+" ("+english(when)+")"
	}
	lead += "中"
	if row.GetPlace() == 0 {
		c.add(lead+"暂无名次:"+row.GetReason().GetZh(), leadEn+" has no place: "+english(row.GetReason()))
		return c.sentence(table.Head().GetSimulated())
	}
	tied, tiedEn := "", ""
	if row.GetTied() {
		tied, tiedEn = "并列", "joint "
	}
	c.add(lead+"得"+row.GetScore()+"分", leadEn+" scores "+row.GetScore())
	c.add(tied+"居第"+number(row.GetPlace())+"位(共"+number(row.GetOf())+"个)", tiedEn+"place "+number(row.GetPlace())+" of "+number(row.GetOf()))
	if zh, en := moveWords(row.GetPreviousPlace(), row.GetPlace()); zh != "" {
		c.add("较上期"+zh, en+" from the period before")
	}
	if row.GetPlace() > 1 && row.GetGapAhead() != "" {
		c.add("距前一位"+row.GetGapAhead()+"分", row.GetGapAhead()+" points behind the one ahead")
	}
	if p.GetPointsToTopTen() != "" {
		c.add("距前十"+p.GetPointsToTopTen()+"分", p.GetPointsToTopTen()+" points to the top ten")
	}
	return c.sentence(table.Head().GetSimulated())
}
