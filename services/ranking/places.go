package ranking

import (
	"fmt"
	"slices"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// records reads places out of published rankings: what was printed, and what
// an absence, a title or a truncated list allows to say.
type records struct {
	registry  registry.View
	published PublishedView
}

// placesOf lists the places of a zone: its own, and those of the titles that it
// holds or held in the year of the round.
func (r records) placesOf(zone, series string, absences bool) []*rankingv1.PublishedPlace {
	titles := r.titlesOf(zone)
	var list []*rankingv1.PublishedPlace
	for round := range r.published.Rounds() {
		if series != "" && seriesOf(round.GetName()) != series {
			continue
		}
		for _, ranked := range append([]string{zone}, titles...) {
			// A title's place is its holder's only while it is held.
			if ranked != zone && r.holder(ranked, round) != zone {
				continue
			}
			switch place := placeIn(round, ranked); {
			case place != nil:
				list = append(list, r.place(round, place))
			case absences:
				if absent := r.absent(round, ranked); absent != nil {
					list = append(list, absent)
				}
			}
		}
	}
	slices.SortFunc(list, byRound)
	return list
}

// titlesOf lists the zones whose title this zone has held at any time.
func (r records) titlesOf(zone string) []string {
	var list []string
	for rel := range r.registry.RelationsOf(zone) {
		if rel.GetType() == zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE && rel.GetZone() == zone {
			list = append(list, rel.GetOther())
		}
	}
	return list
}

// holder is the zone that held the title of a ranked zone at the end of the
// round's ranking year, or on the day it was published when it has no year;
// empty when nobody did or no day is known.
func (r records) holder(ranked string, round *rankingv1.Round) string {
	day := civil.Last(round.GetPublishDate(), civil.Never)
	if year := round.GetRankingYear(); year != 0 {
		day = civil.Last(&typev1.Date{Year: year}, civil.Never)
	}
	if day == civil.Never {
		return ""
	}
	for rel := range r.registry.RelationsOf(ranked) {
		if rel.GetType() == zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE && rel.GetOther() == ranked &&
			registry.Holds(rel).Contains(day) {
			return rel.GetZone()
		}
	}
	return ""
}

// place is a printed place as a reader may see it.
func (r records) place(round *rankingv1.Round, printed *rankingv1.Place) *rankingv1.PublishedPlace {
	p := r.frame(round, printed.GetZone())
	p.Place, p.Listed, p.Score = printed.GetPlace(), printed.GetListed(), printed.GetScore()
	if p.GetPlace() == 0 {
		p.Caveats = append(p.Caveats, text("只列先后,未印位次", "named in this order; no place is printed"))
	}
	if before := r.before(round); before != nil {
		p.MethodChange = before.GetMethod() != round.GetMethod()
		if earlier := placeIn(before, printed.GetZone()); earlier.GetPlace() > 0 && p.GetPlace() > 0 {
			p.Move = new(earlier.GetPlace() - p.GetPlace())
		}
	}
	if p.GetMethodChange() {
		p.Caveats = append(p.Caveats, text("本轮办法有变,位次升降含办法影响", "the rules changed with this round: a move includes their effect"))
	}
	return p
}

// absent says what it means that a zone is not on a list complete to k: when it
// is known to be ranked in that group, because another round of the series and
// group names it, its place lies behind k. Nil when nothing can be said.
func (r records) absent(round *rankingv1.Round, zone string) *rankingv1.PublishedPlace {
	if round.GetCompleteTo() == 0 || round.GetUnitsRanked() <= round.GetCompleteTo() || !r.rankedIn(round, zone) {
		return nil
	}
	p := r.frame(round, zone)
	p.PlaceAtLeast, p.PlaceAtMost, p.Derived = round.GetCompleteTo()+1, round.GetUnitsRanked(), true
	p.Caveats = append(p.Caveats, text(
		fmt.Sprintf("未列入前%d名,位次在%d至%d之间(推算)", round.GetCompleteTo(), p.GetPlaceAtLeast(), p.GetPlaceAtMost()),
		fmt.Sprintf("not among the first %d: its place is between %d and %d (derived)", round.GetCompleteTo(), p.GetPlaceAtLeast(), p.GetPlaceAtMost())))
	return p
}

func (r records) rankedIn(round *rankingv1.Round, zone string) bool {
	for other := range r.published.Rounds() {
		if other.GetName() != round.GetName() && sameRanking(other, round) && placeIn(other, zone) != nil {
			return true
		}
	}
	return false
}

func sameRanking(a, b *rankingv1.Round) bool {
	return seriesOf(a.GetName()) == seriesOf(b.GetName()) && a.GetGroup().GetZh() == b.GetGroup().GetZh()
}

// before is the round of the ranking year before, in the same series and
// group. A gap of a year has none: a move over a gap is not shown.
func (r records) before(round *rankingv1.Round) *rankingv1.Round {
	if round.GetRankingYear() == 0 {
		return nil
	}
	for other := range r.published.Rounds() {
		if sameRanking(other, round) && other.GetRankingYear() == round.GetRankingYear()-1 {
			return other
		}
	}
	return nil
}

// frame fills in what every place of a round has.
func (r records) frame(round *rankingv1.Round, zone string) *rankingv1.PublishedPlace {
	series, _ := r.published.Series(seriesOf(round.GetName()))
	p := &rankingv1.PublishedPlace{
		Series:      series.GetName(),
		SeriesName:  series.GetDisplayName(),
		Round:       round.GetName(),
		Group:       round.GetGroup(),
		RankingYear: round.GetRankingYear(),
		DataYear:    round.GetDataYear(),
		Zone:        zone,
		ZoneName:    r.name(zone),
		Of:          round.GetUnitsRanked(),
		CompleteTo:  round.GetCompleteTo(),
		Method:      round.GetMethod(),
		Reliability: round.GetReliability(),
		Source:      round.GetSource(),
	}
	if p.Holder = r.holder(zone, round); p.GetHolder() != "" {
		p.HolderName = r.name(p.GetHolder())
		p.Caveats = append(p.Caveats, text(
			"位次属"+p.GetZoneName().GetZh()+"(由"+p.GetHolderName().GetZh()+"持有牌子),考核的地域范围未公布",
			"the place is that of "+english(p.GetZoneName())+", whose title "+english(p.GetHolderName())+" holds; the assessed territory is not published"))
	}
	if zh, en := reliability(round.GetReliability()); zh != "" {
		p.Caveats = append(p.Caveats, text("来源:"+zh, "source: "+en))
	}
	return p
}

func (r records) name(subject string) *typev1.Localized {
	if l, ok := r.registry.DisplayName(subject); ok {
		return l
	}
	return text(subject, subject)
}

// provincialOrder derives the order inside one province from a round: certain
// as far as the list has no gap.
func (r records) provincialOrder(round *rankingv1.Round, province string) ([]*rankingv1.PublishedPlace, *typev1.Localized) {
	var list []*rankingv1.PublishedPlace
	places := slices.Clone(round.GetPlaces())
	slices.SortFunc(places, func(a, b *rankingv1.Place) int { return int(a.GetPlace() - b.GetPlace()) })
	for _, printed := range places {
		if printed.GetPlace() == 0 || printed.GetPlace() > round.GetCompleteTo() || r.registry.Province(printed.GetZone()) != province {
			continue
		}
		p := r.place(round, printed)
		p.Derived, p.Move, p.Of = true, nil, 0
		p.Caveats = append([]*typev1.Localized{text(
			fmt.Sprintf("推算:由%s第%d名得出", round.GetGroup().GetZh(), printed.GetPlace()),
			fmt.Sprintf("derived from place %d in %s", printed.GetPlace(), english(round.GetGroup())))}, p.GetCaveats()...)
		// Equal places in the nation stay equal in the province.
		p.Place = int32(len(list)) + 1
		if n := len(list); n > 0 && placeIn(round, list[n-1].GetZone()).GetPlace() == printed.GetPlace() {
			p.Place = list[n-1].GetPlace()
		}
		list = append(list, p)
	}
	if round.GetCompleteTo() == 0 {
		return nil, text("该轮只公布个别位次,不能推算省内次序", "only single places of this round are known: no order inside a province follows")
	}
	return list, text(
		fmt.Sprintf("推算:名单完整至第%d名,其后的省内次序未知", round.GetCompleteTo()),
		fmt.Sprintf("derived: the list is complete to place %d, the order behind it is not known", round.GetCompleteTo()))
}

// judge says whether a target on a place is met, by the rounds of its series
// and group for the year it is for.
func (r records) judge(s *indicatorv1.Statement, group string, year int32, asOf civil.Day) *rankingv1.RankTargetStatus {
	aim := s.GetRankTarget()
	zone := s.GetKey().GetSubject()
	t := &rankingv1.RankTargetStatus{
		Zone: zone, ZoneName: r.name(zone), Key: s.GetKey(), Comparator: s.GetComparator(),
		BetterThanBase: aim.GetBetterThanBase(), Series: aim.GetSeries(), Authority: aim.GetAuthority(), Group: group,
		Status: indicatorv1.CompletionStatus_COMPLETION_STATUS_UNKNOWN, Statement: s.GetName(),
	}
	if n := s.GetNormalizedNumber(); n != "" {
		_, _ = fmt.Sscan(n, &t.Place)
	}
	if t.GetSeries() == "" || group == "" {
		t.Reason = r.unstated(aim, group, zone)
		return t
	}
	wanted := aim.GetDataYear()
	if wanted == 0 {
		wanted = year
	}
	round := r.roundFor(t.GetSeries(), group, wanted)
	if round == nil {
		t.Reason = text(fmt.Sprintf("%d年度数据的排名尚无记录", wanted), fmt.Sprintf("no round on the data of %d is on record", wanted))
		if asOf <= civil.Last(&typev1.Date{Year: wanted + 1}, civil.Never) {
			t.Status = indicatorv1.CompletionStatus_COMPLETION_STATUS_PENDING
		}
		return t
	}
	aimed := t.GetPlace()
	if s.GetComparator() == typev1.Comparator_COMPARATOR_LESS_THAN {
		aimed--
	}
	if t.GetBetterThanBase() {
		base := r.roundFor(t.GetSeries(), group, wanted-1)
		place := r.find(base, zone)
		if place.GetPlace() == 0 {
			t.Reason = text("上一轮位次未知,不能判断是否进位", "the place of the round before is not known, so a gain cannot be told")
			return t
		}
		aimed = place.GetPlace() - 1
	}
	known := r.find(round, zone)
	t.Known = known
	switch {
	case known.GetPlace() > 0 && known.GetPlace() <= aimed:
		t.Status = indicatorv1.CompletionStatus_COMPLETION_STATUS_MET
		t.Reason = text(fmt.Sprintf("第%d名,达到前%d", known.GetPlace(), aimed), fmt.Sprintf("place %d, within %d", known.GetPlace(), aimed))
	case known.GetPlace() > 0:
		t.Status, t.PlacesToGo = indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED, known.GetPlace()-aimed
		t.Reason = text(fmt.Sprintf("第%d名,距前%d差%d位", known.GetPlace(), aimed, t.GetPlacesToGo()),
			fmt.Sprintf("place %d, %d behind %d", known.GetPlace(), t.GetPlacesToGo(), aimed))
	case known.GetPlaceAtLeast() > aimed:
		t.Status = indicatorv1.CompletionStatus_COMPLETION_STATUS_MISSED
		t.Reason = text(fmt.Sprintf("未列入完整至第%d名的名单,位次不高于%d", known.GetCompleteTo(), known.GetPlaceAtLeast()),
			fmt.Sprintf("not on the list complete to %d: place %d at best", known.GetCompleteTo(), known.GetPlaceAtLeast()))
	default:
		t.Reason = text("该轮未见本区位次,名单不足以判断", "the zone's place in that round is not known and its list does not decide")
	}
	return t
}

// find is a zone's place in a round, its own or, when it is not ranked under
// its own name, that of a title it holds then; what absence means when neither.
func (r records) find(round *rankingv1.Round, zone string) *rankingv1.PublishedPlace {
	if round == nil {
		return nil
	}
	ranked := []string{zone}
	for _, title := range r.titlesOf(zone) {
		if r.holder(title, round) == zone {
			ranked = append(ranked, title)
		}
	}
	for _, name := range ranked {
		if printed := placeIn(round, name); printed != nil {
			return r.place(round, printed)
		}
	}
	for _, name := range ranked {
		if absent := r.absent(round, name); absent != nil {
			return absent
		}
	}
	return nil
}

// roundFor is the round of a series and group on the data of a year; where
// rounds do not say their data year, the one called by that year.
func (r records) roundFor(series, group string, year int32) *rankingv1.Round {
	var called *rankingv1.Round
	for round := range r.published.Rounds() {
		if seriesOf(round.GetName()) != series || round.GetGroup().GetZh() != group {
			continue
		}
		if round.GetDataYear() == year {
			return round
		}
		if round.GetDataYear() == 0 && round.GetRankingYear() == year {
			called = round
		}
	}
	return called
}

// unstated says what the text of a target leaves open, and what is on record of
// the zone all the same.
func (r records) unstated(aim *indicatorv1.RankTarget, group, zone string) *typev1.Localized {
	var open []*typev1.Localized
	if aim.GetSeries() == "" {
		open = append(open, text("哪一项排名", "which ranking"))
	}
	if aim.GetAuthority() == "" {
		open = append(open, text("由谁发布", "whose"))
	}
	if group == "" {
		open = append(open, text("在哪一组", "in which group"))
	}
	if aim.GetDataYear() == 0 {
		open = append(open, text("用哪一年数据", "on the data of which year"))
	}
	what := join(open, "、", ", ")
	n := len(r.placesOf(zone, "", false))
	known := text("也没有已公布的位次记录", "and no published place of the zone is on record")
	if n > 0 {
		known = text(fmt.Sprintf("已有%d条公布的位次可参考", n), fmt.Sprintf("%d published places of the zone are on record", n))
	}
	return text("原文未说明"+what.GetZh()+";"+known.GetZh(), "the text does not say "+english(what)+"; "+english(known))
}
