package indicator

import (
	"strings"
	"testing"
	"time"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/period"
	"zonebench.internal/pkg/registry"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// world is a registry and figures that a test fills, folded from facts as the service folds them.
type world struct {
	t        *testing.T
	figures  *figures.State
	zones    *registry.State
	revision int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, figures: figures.New(), zones: registry.New()}
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: &indicatorv1.Source{
		Name: "sources/bureau", Title: say("统计公报", "Bulletin"), Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL,
	}}})
	w.zone("park")
	return w
}

func (w *world) fact(facts ...*ledgerv1.Fact) {
	w.t.Helper()
	w.revision++
	at := ledger.Position{Revision: w.revision, CommitTime: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)}
	tx := &ledgerv1.Transaction{Actor: "test", Facts: facts}
	zone := false
	for _, f := range facts {
		switch f.GetKind().(type) {
		case *ledgerv1.Fact_Zone, *ledgerv1.Fact_Relation, *ledgerv1.Fact_ReferenceUnit:
			zone = true
		}
	}
	var err error
	if zone {
		err = w.zones.Apply(at, tx)
	} else {
		err = w.figures.Apply(at, tx)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) zone(id string) {
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: &zonev1.Zone{Name: "zones/" + id, DisplayName: say(id+"园区", id+" park")}}})
}

func (w *world) partOf(id, of string, start, end *typev1.Date) {
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: &zonev1.Relation{
		Name: "relations/" + id + "-in-" + of, Type: zonev1.RelationType_RELATION_TYPE_PART_OF, Zone: "zones/" + id, Other: "zones/" + of,
		StartDate: start, EndDate: end, Certainty: typev1.Certainty_CERTAINTY_STATED,
	}}})
}

const (
	higher  = indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER
	lower   = indicatorv1.Direction_DIRECTION_LOWER_IS_BETTER
	neither = indicatorv1.Direction_DIRECTION_NEUTRAL
	flow    = indicatorv1.Nature_NATURE_FLOW
	counted = indicatorv1.Nature_NATURE_COUNT
	growth  = indicatorv1.Nature_NATURE_GROWTH
	stock   = indicatorv1.Nature_NATURE_STOCK
	rated   = indicatorv1.Nature_NATURE_RATE
	share   = indicatorv1.Nature_NATURE_SHARE
	lasts   = indicatorv1.Nature_NATURE_DURATION
	status  = indicatorv1.Nature_NATURE_STATUS
	ranked  = indicatorv1.Nature_NATURE_RANK
)

func (w *world) indicator(id string, n indicatorv1.Nature, d indicatorv1.Direction, unit string, change ...func(*indicatorv1.Indicator)) {
	i := &indicatorv1.Indicator{Name: "indicators/" + id, DisplayName: say(id+"指标", id), Nature: n, Direction: d, Unit: unit}
	for _, c := range change {
		c(i)
	}
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: i}})
}

// said records a statement in short: `park flow 2020 >=100亿元 target` with
// must, strive, actual; a class or extent, an aim and the rest are changes.
func (w *world) said(short string, change ...func(*indicatorv1.Statement)) {
	w.t.Helper()
	part := strings.Fields(short)
	s := &indicatorv1.Statement{
		Source: "sources/bureau", Locator: short,
		Key: &indicatorv1.FigureKey{
			Subject: "zones/" + part[0], Indicator: "indicators/" + part[1], Kind: indicatorv1.Kind_KIND_TARGET,
			Ambition: indicatorv1.Ambition_AMBITION_EXPECTED,
		},
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
	}
	p, err := period.Parse(part[2])
	if err != nil {
		w.t.Fatal(err)
	}
	s.Key.Period = p.String()
	if v := part[3]; v != "-" {
		sign := v[:len(v)-len(strings.TrimLeft(v, "=<>~"))]
		s.Comparator = comparators[sign]
		v = v[len(sign):]
		n := len(v) - len(strings.TrimLeft(v, "-0123456789."))
		s.Value, s.Unit = &indicatorv1.Statement_Number{Number: v[:n]}, v[n:]
		if sign == "" {
			s.Comparator = typev1.Comparator_COMPARATOR_EQUAL
		}
	}
	switch part[4] {
	case "actual":
		s.Key.Kind, s.Key.Ambition = indicatorv1.Kind_KIND_ACTUAL, 0
	case "must":
		s.Key.Ambition = indicatorv1.Ambition_AMBITION_MUST
	case "strive":
		s.Key.Ambition = indicatorv1.Ambition_AMBITION_STRIVE
	}
	for _, c := range change {
		c(s)
	}
	s.Name = figures.StatementName(s)
	w.fact(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: s}})
}

func extent(e string) func(*indicatorv1.Statement) {
	return func(s *indicatorv1.Statement) { s.Key.Scope = &typev1.Scope{Extent: e} }
}

func aboveScale(s *indicatorv1.Statement) {
	s.Key.Scope = &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_SCALE}
}

func date(year, month, day int32) *typev1.Date {
	return &typev1.Date{Year: year, Month: month, Day: day}
}

// completions are those of a request, in order.
func (w *world) completions(req *indicatorv1.ListCompletionsRequest) []*indicatorv1.Completion {
	w.t.Helper()
	if req.GetAsOf() == nil {
		req.AsOf = date(2021, 3, 1)
	}
	a := &assessor{figures: w.figures.View(0), registry: w.zones.View(0)}
	wanted, err := a.prepare(req)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []*indicatorv1.Completion
	for t := range a.targets(req, wanted) {
		c := a.assess(t.key)
		if t.rate != nil {
			c = a.imply(t.rate)
		}
		out = append(out, c)
	}
	return out
}

// one is the only completion there is.
func (w *world) one(req *indicatorv1.ListCompletionsRequest) *indicatorv1.Completion {
	w.t.Helper()
	all := w.completions(req)
	if len(all) != 1 {
		w.t.Fatalf("%d completions: %v", len(all), all)
	}
	return all[0]
}

func asOf(year, month, day int32) *indicatorv1.ListCompletionsRequest {
	return &indicatorv1.ListCompletionsRequest{AsOf: date(year, month, day)}
}

// brief is what a table of cases compares: rule, status, rate or gap.
func brief(c *indicatorv1.Completion) string {
	parts := []string{word(c.GetRule()), word(c.GetStatus())}
	if c.GetRate() != "" {
		parts = append(parts, "rate "+c.GetRate())
	}
	if c.GetGap() != "" {
		parts = append(parts, "gap "+c.GetGap())
	}
	if c.GetProgress() != "" {
		parts = append(parts, "progress "+c.GetProgress())
	}
	return strings.Join(parts, ", ")
}

// says reports the texts that do not hold a word, over reason, caveats and derivation.
func says(t *testing.T, c *indicatorv1.Completion, words ...string) {
	t.Helper()
	all := c.GetReason().GetZh() + "\n" + c.GetReason().GetEn() + "\n" + c.GetDerivation().GetZh() + "\n" + c.GetPace().GetMessage().GetZh() +
		"\n" + c.GetComponents().GetMessage().GetZh()
	texts := []string{all}
	for _, v := range c.GetCaveats() {
		texts = append(texts, v.GetZh())
	}
	all = strings.Join(texts, "\n")
	for _, word := range words {
		if !strings.Contains(all, word) {
			t.Errorf("nothing says %q:\n%s", word, all)
		}
	}
}
