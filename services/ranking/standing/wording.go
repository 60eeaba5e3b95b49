package standing

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/registry"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func text(zh, en string) *typev1.Localized { return &typev1.Localized{Zh: zh, En: en} }

func english(l *typev1.Localized) string {
	if l.GetEn() != "" {
		return l.GetEn()
	}
	return l.GetZh()
}

// What a cell or a row without a number or a place says.
var (
	notReported   = text("未报", "not reported")
	inReview      = text("在审:尚未到对本榜开放的阶段", "in review: its stage is not yet for this ranking's audience")
	notStated     = text("未明确:来源未明确主体或时期", "not stated: the source does not state the subject or the period")
	notApplicable = text("不适用", "not applicable")
	pending       = text("数待定", "the number is pending")
	notANumber    = text("不是数值", "it is not a number")
	uncertain     = text("该区身份并非明确,不参加排名", "what zone this is, is not stated: it is not placed")
	noScore       = text("没有得分", "it has no score")
	noMembers     = text("分组在该时期没有成员", "the group has no members in the period")
	mixed         = text("模拟数据与真实数据并存,未声明允许混排,不予排名", "simulated figures stand beside real ones, which the ranking does not ask for: nothing is placed")
	open          = text("收数中,尚无名次", "figures are being collected: there are no places yet")
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func opensAt(moment time.Time) *typev1.Localized {
	when := moment.In(shanghai).Format("2006-01-02 15:04")
	return text("待放行:"+when+"起公开", "embargoed: public from "+when+" (Asia/Shanghai)")
}

var signs = map[typev1.Comparator]string{
	typev1.Comparator_COMPARATOR_AT_LEAST: "≥", typev1.Comparator_COMPARATOR_MORE_THAN: ">", typev1.Comparator_COMPARATOR_AT_MOST: "≤",
	typev1.Comparator_COMPARATOR_LESS_THAN: "<", typev1.Comparator_COMPARATOR_ABOUT: "约",
}

func notAPoint(c typev1.Comparator, number string) *typev1.Localized {
	sign := signs[c]
	return text("只有界限:"+sign+number, "only a bound or an approximate number: "+strings.Replace(sign, "约", "about ", 1)+number)
}

var classes = map[typev1.StatisticalClass]*typev1.Localized{
	typev1.StatisticalClass_STATISTICAL_CLASS_UNSPECIFIED:            text("未注明统计范围", "no class printed"),
	typev1.StatisticalClass_STATISTICAL_CLASS_FULL:                   text("全口径", "full coverage"),
	typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE:            text("规上", "above designated size"),
	typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_TRADE:      text("限上(商贸)", "above limit (trade)"),
	typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT: text("限上(投资)", "above limit (investment)"),
}

func scopeText(s *typev1.Scope) *typev1.Localized {
	c := classes[s.GetStatisticalClass()]
	if s.GetExtent() == "" {
		return c
	}
	return text(c.GetZh()+"、"+s.GetExtent(), c.GetEn()+", "+s.GetExtent())
}

func otherScopes(found []*typev1.Localized) *typev1.Localized {
	var zh, en []string
	for _, f := range found {
		zh, en = append(zh, f.GetZh()), append(en, f.GetEn())
	}
	return text("口径不同:只有"+strings.Join(zh, ";")+"的数", "another scope: there are only figures of "+strings.Join(en, "; "))
}

// absent says in words why a row has no place; name gives the words for a column.
func absent(a composite.Absence, name func(column string) *typev1.Localized) *typev1.Localized {
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	en := a.String()
	switch a.Cause {
	case composite.Present:
		return nil
	case composite.LeftOutByName:
		return text("按考核办法不参加", "left out by the scheme")
	case composite.TooFewKnown:
		return text(fmt.Sprintf("%d项指标只有%d项有数,不足%s%%,不参加排名", a.Of, a.Have, number(100*a.Limit)),
			fmt.Sprintf("%d of %d indicators are known, less than %s%%: it takes no part", a.Have, a.Of, number(100*a.Limit)))
	case composite.TooManyZeros:
		return text(fmt.Sprintf("%d项有数的指标只有%d项不为零,不足%s%%,不参加排名", a.Of, a.Have, number(100*a.Limit)),
			fmt.Sprintf("%d of %d known indicators are not zero, less than %s%%: it takes no part", a.Have, a.Of, number(100*a.Limit)))
	case composite.GateMissing:
		n := name(a.Column)
		return text("入围指标「"+n.GetZh()+"」无数", "its figure of "+english(n)+", on which taking part depends, is missing")
	case composite.GateBelow:
		n := name(a.Column)
		return text(fmt.Sprintf("入围指标「%s」为%s,低于门槛%s", n.GetZh(), number(a.Value), number(a.Limit)),
			fmt.Sprintf("its %s of %s is below the %s that taking part asks for", english(n), number(a.Value), number(a.Limit)))
	case composite.GateAbove:
		n := name(a.Column)
		return text(fmt.Sprintf("入围指标「%s」为%s,高于门槛%s", n.GetZh(), number(a.Value), number(a.Limit)),
			fmt.Sprintf("its %s of %s is above the %s that taking part allows", english(n), number(a.Value), number(a.Limit)))
	case composite.VetoPlace:
		return text("一票否决:保留得分,不排名次", en)
	case composite.VetoScore:
		return text("一票否决:不计得分", en)
	case composite.NoScore:
		return noScore
	case composite.PlacelessByName:
		return text("参加计分,不排名次", "takes part without a place")
	case composite.PlacelessClass:
		return text("该类开发区参加计分,不排名次", "zones of its class take part without a place")
	default:
		return text("没有位次", en)
	}
}

// Marked is a display name that ends in the mark of simulated data when it is so.
func Marked(name *typev1.Localized, simulated bool) *typev1.Localized {
	if !simulated || name == nil || strings.HasSuffix(name.GetZh(), registry.SimulatedMark) {
		return name
	}
	m := proto.CloneOf(name)
	m.Zh += registry.SimulatedMark
	if m.GetEn() != "" {
		m.En += registry.SimulatedMark
	}
	return m
}
