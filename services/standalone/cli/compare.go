package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) compare() *cobra.Command {
	req := &rankingv1.CompareZonesRequest{}
	var kind string
	var revision int64
	cmd := &cobra.Command{
		Use:   "compare --period PERIOD",
		Short: "Compare zones under the four verdicts",
		Long: `Compares zones on concepts and says how far each comparison may go:

  严格可比 strict        same definition, class, period and kind: places
  参考比较 reference     something small differs: an order, with the reason on every row
  并列展示 side by side  same concept, otherwise defined: no order
  不可比   refused       with the reason

The matrix shows every zone and concept, and why a cell is empty. Targets are
never compared with results, nor growth with levels.`,
		Example: `  zonebench compare --period 2020
  zonebench compare --period 2020 --indicator industrial-value-added-growth --indicator industrial-investment-growth
  zonebench compare --period 2020 --subject luan-jinan-edz --subject hangzhou-qiantang-na
  zonebench compare --period 2019 --kind actual --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.GetPeriod() == "" {
				return usage(errors.New("--period is missing: the year or other period to compare, such as 2020 or 2020-Q1"))
			}
			switch kind {
			case "target":
				req.Kind = indicatorv1.Kind_KIND_TARGET
			case "actual":
				req.Kind = indicatorv1.Kind_KIND_ACTUAL
			default:
				return usage(fmt.Errorf("--kind %s: use target or actual", kind))
			}
			qualify(req.GetSubjects(), "zones/")
			qualify(req.GetIndicators(), "indicators/")
			if req.GetGroup() != "" {
				group := []string{req.GetGroup()}
				qualify(group, "groups/")
				req.Group = group[0]
			}
			if revision > 0 {
				req.Consistency = &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: revision}}
			}
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				resp, err := rankingv1.NewRankingServiceClient(conn).CompareZones(ctx, req)
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					return a.message(resp)
				}
				a.showComparison(resp)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.Period, "period", "", "period that strict rows must be of, such as 2020, 2020-Q1 or 2020-05")
	flags.StringVar(&kind, "kind", "target", "target or actual")
	flags.StringArrayVar(&req.Subjects, "subject", nil, "zone or reference unit; repeat it; everyone with figures by default")
	flags.StringVar(&req.Group, "group", "", "members of a group, at the end of the period")
	flags.StringArrayVar(&req.Indicators, "indicator", nil, "concept, by any of its indicators; repeat it; all by default")
	flags.BoolVar(&req.AcrossConcepts, "across-concepts", false, "ask for comparisons between the concepts, to be told why not")
	flags.BoolVar(&req.MixSimulated, "mix-simulated", false, "let simulated figures stand beside real ones, marked")
	flags.Int64Var(&revision, "revision", 0, "as of this revision; the present one by default")
	return cmd
}

// qualify puts the collection before bare ids.
func qualify(names []string, collection string) {
	for i, n := range names {
		if !strings.Contains(n, "/") {
			names[i] = collection + n
		}
	}
}

// showComparison prints an answer as people read it: the matrix, the strict
// comparisons, the reference lists, what stands side by side, what was refused,
// and who is in no strict row.
func (a *app) showComparison(resp *rankingv1.CompareZonesResponse) {
	section := numbered(a.say("一二三四五六七八九", "123456789"))
	a.heading(section(a.text(resp.GetTitle())))
	a.showMatrix(resp)

	a.heading(section(a.say("严格可比(排位次)", "Strictly comparable (places)")))
	a.showComparisons(resp.GetStrict(), rankingv1.Verdict_VERDICT_STRICT)
	a.heading(section(a.say("参考比较(不排位次,逐行说明原因)", "For reference (no places, a reason on every row)")))
	a.showComparisons(resp.GetReference(), rankingv1.Verdict_VERDICT_REFERENCE)
	if len(resp.GetSideBySide()) > 0 {
		a.heading(section(a.say("并列展示(不排序)", "Side by side (no order)")))
		a.showComparisons(resp.GetSideBySide(), rankingv1.Verdict_VERDICT_SIDE_BY_SIDE)
	}
	if len(resp.GetRefused()) > 0 {
		a.heading(section(a.say("不可比", "Not comparable")))
		t := table.New(a.say("指标", "INDICATORS"), a.say("原因", "REASON"))
		for _, r := range resp.GetRefused() {
			t.Row(strings.Join(r.GetIndicators(), "\n"), a.text(r.GetReason()))
		}
		a.table(t)
	}
	a.heading(section(a.say("有数据而未进入严格可比的单位", "With figures, and in no strict comparison")))
	if len(resp.GetExcluded()) == 0 {
		a.linef("%s", a.say("没有。", "None."))
	} else {
		t := table.New(a.say("单位", "ZONE"), a.say("原因", "REASON"))
		for _, e := range resp.GetExcluded() {
			t.Row(a.text(e.GetDisplayName()), a.text(e.GetReason()))
		}
		a.table(t)
	}
	fmt.Fprintln(a.Out)
	a.linef(a.say("数据版本号 %d", "Revision %d"), resp.GetState().GetRevision())
}

// numbered numbers headings: 一、 in Chinese, (1) in English.
func numbered(digits string) func(string) string {
	all, n := []rune(digits), 0
	return func(title string) string {
		digit := string(all[min(n, len(all)-1)])
		n++
		if digit < "a" {
			return "(" + digit + ") " + title
		}
		return digit + "、" + title
	}
}

func (a *app) heading(title string) {
	fmt.Fprintln(a.Out)
	fmt.Fprintln(a.Out, title)
	fmt.Fprintln(a.Out)
}

func (a *app) showMatrix(resp *rankingv1.CompareZonesResponse) {
	columns := resp.GetColumns()
	heads := []string{a.say("单位", "ZONE")}
	for _, c := range columns {
		heads = append(heads, a.text(c.GetDisplayName())+"\n"+a.measure(c.GetNature(), c.GetUnit()))
	}
	t := table.New(heads...)
	cells := resp.GetMatrix()
	for i, s := range resp.GetSubjects() {
		name := a.text(s.GetDisplayName())
		if s.GetReferenceUnit() {
			name += a.say("(参照)", " (reference)")
		}
		row := []string{name}
		for j := range columns {
			if at := i*len(columns) + j; at < len(cells) {
				row = append(row, a.cell(cells[at]))
			}
		}
		t.Row(row...)
	}
	a.table(t)
}

// measure is what a column counts in: 增速 %, 个.
func (a *app) measure(nature indicatorv1.Nature, unit string) string {
	if nature == indicatorv1.Nature_NATURE_GROWTH {
		return a.say("增速 ", "growth ") + unit
	}
	return unit
}

func (a *app) cell(c *rankingv1.Cell) string {
	var words []string
	if c.GetNumber() != "" {
		number := bounded(c.GetComparator(), c.GetNumber())
		if ambition := a.ambition(c.GetAmbition()); ambition != "" {
			number += " " + ambition
		}
		words = append(words, number)
	}
	for _, m := range c.GetMissingReasons() {
		words = append(words, a.missing(m))
	}
	return strings.Join(words, "\n")
}

// ambition is what a wording promises beyond the plain target.
func (a *app) ambition(am indicatorv1.Ambition) string {
	switch am {
	case indicatorv1.Ambition_AMBITION_MUST:
		return a.say("确保", "must")
	case indicatorv1.Ambition_AMBITION_STRIVE:
		return a.say("力争", "strive")
	default:
		return ""
	}
}

func (a *app) missing(m rankingv1.MissingReason) string {
	switch m {
	case rankingv1.MissingReason_MISSING_REASON_NOT_PUBLISHED:
		return a.say("未公布", "not published")
	case rankingv1.MissingReason_MISSING_REASON_OTHER_SCOPE:
		return a.say("口径不同", "other scope")
	case rankingv1.MissingReason_MISSING_REASON_OTHER_PERIOD:
		return a.say("年份不同", "other period")
	case rankingv1.MissingReason_MISSING_REASON_OTHER_KIND:
		return a.say("目标与实绩不同", "target or result")
	case rankingv1.MissingReason_MISSING_REASON_CONFLICT:
		return a.say("表述不一", "conflict")
	case rankingv1.MissingReason_MISSING_REASON_NO_NUMBER:
		return a.say("有表述无数值", "no number")
	default:
		return word(m)
	}
}

func (a *app) showComparisons(list []*rankingv1.Comparison, verdict rankingv1.Verdict) {
	if len(list) == 0 {
		a.linef("%s", a.say("没有。", "None."))
		return
	}
	for i, c := range list {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		a.linef("%s", a.title(c))
		switch verdict {
		case rankingv1.Verdict_VERDICT_STRICT:
			t := table.New(a.say("位次", "PLACE"), a.say("开发区", "ZONE"), a.say(">值", ">VALUE"), a.say("说明", "NOTES"))
			for _, r := range c.GetRows() {
				t.Row(a.place(r), a.text(r.GetDisplayName()), a.value(r), a.caveats(r))
			}
			a.table(t)
		case rankingv1.Verdict_VERDICT_REFERENCE:
			t := table.New(a.say(">序", ">ORDER"), a.say("单位", "ZONE"), a.say(">值", ">VALUE"),
				a.say("不排位次的原因", "WHY NO PLACE"), a.say("说明", "NOTES"))
			for _, r := range c.GetRows() {
				t.Row(fmt.Sprint(r.GetOrder()), a.text(r.GetDisplayName()), a.value(r), a.text(r.GetReason()), a.caveats(r))
			}
			a.table(t)
		default:
			t := table.New(a.say("单位", "ZONE"), a.say(">值", ">VALUE"), a.say("为何不可排序", "WHY NO ORDER"), a.say("说明", "NOTES"))
			for _, r := range c.GetRows() {
				value := a.value(r)
				if r.GetUnit() != c.GetUnit() { // Units that do not convert stand beside their numbers.
					value += " " + r.GetUnit()
				}
				t.Row(a.text(r.GetDisplayName()), value, a.text(r.GetReason()), a.caveats(r))
			}
			a.table(t)
		}
	}
}

// title names a comparison: 规上工业增加值 增速(%) 2020年目标.
func (a *app) title(c *rankingv1.Comparison) string {
	when := a.when(c.GetPeriod())
	kind := a.say("目标", "target")
	if c.GetKind() == indicatorv1.Kind_KIND_ACTUAL {
		kind = a.say("实绩", "result")
	}
	return fmt.Sprintf(a.say("%s · %s · %s%s", "%s · %s · %s %s"),
		a.text(c.GetDisplayName()), strings.TrimSpace(a.measure(c.GetNature(), c.GetUnit())), when, kind)
}

func (a *app) place(r *rankingv1.Row) string {
	if r.GetPlace() == 0 { // A reference unit stands beside.
		return "-"
	}
	return fmt.Sprintf(a.say("%d个开发区中第%d", "of %d zones, no. %d"), r.GetOf(), r.GetPlace())
}

func (a *app) value(r *rankingv1.Row) string {
	text := bounded(r.GetComparator(), r.GetNumber())
	if ambition := a.ambition(r.GetKey().GetAmbition()); ambition != "" {
		text += " " + ambition
	}
	return text
}

func (a *app) caveats(r *rankingv1.Row) string {
	texts := make([]string, 0, len(r.GetCaveats()))
	for _, c := range r.GetCaveats() {
		texts = append(texts, a.text(c))
	}
	return strings.Join(texts, a.say(";", "; "))
}
