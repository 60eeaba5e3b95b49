package indicator

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"zonebench.internal/pkg/civil"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/quantity"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// say is a text in both languages.
func say(zh, en string) *typev1.Localized { return &typev1.Localized{Zh: zh, En: en} }

func english(l *typev1.Localized) string {
	if l.GetEn() != "" {
		return l.GetEn()
	}
	return l.GetZh()
}

// exact is a fraction as a decimal: exact if it has one, else to ten significant digits.
func exact(r *big.Rat) string {
	if d, ok := quantity.Exact(r); ok && d.Decimals() <= 20 {
		return d.String()
	}
	return quantity.Significant(r, 10).String()
}

// signed is an exact decimal with its sign, for gaps in words.
func signed(r *big.Rat) string {
	if r.Sign() > 0 {
		return "+" + exact(r)
	}
	return exact(r)
}

// percent is a fraction in percent with two decimals, for words.
func percent(r *big.Rat) string {
	return quantity.Round(new(big.Rat).Mul(r, big.NewRat(100, 1)), 2).Reduced().String() + "%"
}

// of is a number with its unit.
func of(number, unit string) string { return number + unit }

// ofEn is a number with its unit in an English sentence, where a percent sign alone stands close.
func ofEn(number, unit string) string {
	if unit == "%" || unit == "‰" || unit == "" {
		return number + unit
	}
	return number + " " + unit
}

func scopeText(s *typev1.Scope) *typev1.Localized {
	var zh, en string
	switch s.GetStatisticalClass() {
	case typev1.StatisticalClass_STATISTICAL_CLASS_FULL:
		zh, en = "全口径", "full coverage"
	case typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE:
		zh, en = "规上", "above scale"
	case typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_TRADE:
		zh, en = "限上（贸易企业）", "above limit (trade)"
	case typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT:
		zh, en = "限上（投资项目）", "above limit (investment)"
	default:
		zh, en = "未注统计范围", "no class printed"
	}
	if e := s.GetExtent(); e != "" {
		zh, en = zh+"、"+e, en+", "+e
	}
	return say(zh, en)
}

func comparatorText(c typev1.Comparator) string {
	switch c {
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return "≥"
	case typev1.Comparator_COMPARATOR_MORE_THAN:
		return ">"
	case typev1.Comparator_COMPARATOR_AT_MOST:
		return "≤"
	case typev1.Comparator_COMPARATOR_LESS_THAN:
		return "<"
	case typev1.Comparator_COMPARATOR_ABOUT:
		return "≈"
	default:
		return ""
	}
}

func stageText(s indicatorv1.ListStage) *typev1.Localized {
	switch s {
	case indicatorv1.ListStage_LIST_STAGE_PLANNED:
		return say("谋划", "planned")
	case indicatorv1.ListStage_LIST_STAGE_APPLIED:
		return say("申报", "applied")
	case indicatorv1.ListStage_LIST_STAGE_NURTURED:
		return say("培育", "nurtured")
	case indicatorv1.ListStage_LIST_STAGE_RECOGNISED:
		return say("认定", "recognised")
	case indicatorv1.ListStage_LIST_STAGE_LEFT:
		return say("退出", "left")
	default:
		return say("未记录", "not recorded")
	}
}

func ambitionText(a indicatorv1.Ambition) *typev1.Localized {
	switch a {
	case indicatorv1.Ambition_AMBITION_MUST:
		return say("确保", "must")
	case indicatorv1.Ambition_AMBITION_STRIVE:
		return say("力争", "strive")
	case indicatorv1.Ambition_AMBITION_EXPECTED:
		return say("预期", "expected")
	default:
		return say("未注力度", "no ambition stated")
	}
}

func periodText(text string) *typev1.Localized {
	p, err := period.Parse(text)
	if err != nil {
		return say(text, text)
	}
	return p.Text()
}

func dateText(t time.Time) *typev1.Localized {
	return say(fmt.Sprintf("%d年%d月%d日", t.Year(), t.Month(), t.Day()), civil.String(dateOf(t)))
}

// list strings texts together.
func listText(parts []*typev1.Localized) *typev1.Localized {
	var zhs, ens []string
	for _, p := range parts {
		zhs, ens = append(zhs, p.GetZh()), append(ens, english(p))
	}
	return say(strings.Join(zhs, "、"), strings.Join(ens, ", "))
}
