package figures_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// book folds transactions one commit each and keeps every state.
type book struct {
	t      testing.TB
	states []*figures.State
}

func newBook(t testing.TB) *book {
	t.Helper()
	b := &book{t: t, states: []*figures.State{figures.New()}}
	b.commit(
		fact(&indicatorv1.Indicator{
			Name: "indicators/fixed-asset-investment-growth", Unit: "%", Nature: indicatorv1.Nature_NATURE_GROWTH,
			DisplayName: &typev1.Localized{Zh: "固定资产投资", En: "Growth of fixed-asset investment"}, Aliases: []string{"固定资产投资 增速"},
		}),
		fact(&indicatorv1.Indicator{
			Name: "indicators/fixed-asset-investment", Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW,
			DisplayName: &typev1.Localized{Zh: "固定资产投资", En: "Fixed-asset investment"},
		}),
		source("template", indicatorv1.Reliability_RELIABILITY_TEMPLATE, "2021-08-31"),
		source("official-old", indicatorv1.Reliability_RELIABILITY_OFFICIAL, "2020-01-01"),
		source("official-new", indicatorv1.Reliability_RELIABILITY_OFFICIAL, "2020-06-01"),
		source("official-undated", indicatorv1.Reliability_RELIABILITY_OFFICIAL, ""),
		source("press", indicatorv1.Reliability_RELIABILITY_PRESS, "2022-01-01"),
		source("re-post", indicatorv1.Reliability_RELIABILITY_RE_POST, "2022-01-01"),
		source("self", indicatorv1.Reliability_RELIABILITY_SELF_REPORTED, "2022-01-01"),
	)
	return b
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (b *book) state() *figures.State { return b.states[len(b.states)-1] }
func (b *book) view() figures.View    { return b.state().View(0) }

func (b *book) try(facts ...*ledgerv1.Fact) error {
	next := b.state().Clone()
	n := int64(len(b.states))
	at := ledger.Position{Revision: n, CommitTime: start.Add(time.Duration(n) * time.Minute), Lane: ledger.LaneIndicator, LaneSequence: n}
	if err := next.Apply(at, &ledgerv1.Transaction{Actor: fmt.Sprintf("local:%d", n), Facts: facts}); err != nil {
		return err
	}
	b.states = append(b.states, next)
	return nil
}

func (b *book) commit(facts ...*ledgerv1.Fact) int64 {
	b.t.Helper()
	if err := b.try(facts...); err != nil {
		b.t.Fatal(err)
	}
	return int64(len(b.states) - 1)
}

func fact(m proto.Message) *ledgerv1.Fact {
	switch m := m.(type) {
	case *indicatorv1.Indicator:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Indicator{Indicator: m}}
	case *indicatorv1.Source:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Source{Source: m}}
	case *indicatorv1.Statement:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Statement{Statement: m}}
	case *ledgerv1.StatementWithdrawn:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_StatementWithdrawn{StatementWithdrawn: m}}
	case *ledgerv1.FigurePinned:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_FigurePinned{FigurePinned: m}}
	case *ledgerv1.FigureUnpinned:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_FigureUnpinned{FigureUnpinned: m}}
	case *ledgerv1.StagedStatements:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_StagedStatements{StagedStatements: m}}
	case *ledgerv1.ImportCommitted:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_ImportCommitted{ImportCommitted: m}}
	}
	return nil
}

func source(id string, r indicatorv1.Reliability, date string) *ledgerv1.Fact {
	s := &indicatorv1.Source{Name: "sources/" + id, Title: &typev1.Localized{Zh: id}, Reliability: r}
	if date != "" {
		s.PublishDate = &typev1.Date{}
		_, _ = fmt.Sscanf(date, "%d-%d-%d", &s.PublishDate.Year, &s.PublishDate.Month, &s.PublishDate.Day)
	}
	return fact(s)
}

func key(ambition indicatorv1.Ambition) *indicatorv1.FigureKey {
	return &indicatorv1.FigureKey{
		Subject: "zones/wenzhou-etdz", Indicator: "indicators/fixed-asset-investment-growth", Period: "2018",
		Scope: &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT},
		Kind:  indicatorv1.Kind_KIND_TARGET, Ambition: ambition,
	}
}

const (
	expected = indicatorv1.Ambition_AMBITION_EXPECTED
	strive   = indicatorv1.Ambition_AMBITION_STRIVE
	equal    = typev1.Comparator_COMPARATOR_EQUAL
	atLeast  = typev1.Comparator_COMPARATOR_AT_LEAST
)

func statement(source, locator string, ambition indicatorv1.Ambition, c typev1.Comparator, number string) *indicatorv1.Statement {
	s := &indicatorv1.Statement{
		Source: "sources/" + source, Locator: locator, Key: key(ambition), Comparator: c, Unit: "%",
		Value: &indicatorv1.Statement_Number{Number: number}, Tag: indicatorv1.Tag_TAG_HEADLINE,
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
	}
	s.Name = figures.StatementName(s)
	return s
}

func (b *book) figure(ambition indicatorv1.Ambition) *indicatorv1.Figure {
	b.t.Helper()
	f, ok := b.view().Figure(key(ambition))
	if !ok {
		b.t.Fatal("no figure")
	}
	return f
}

// The conflict of the Wenzhou-like text: 20%、力争25%, and then 20%以上.
func TestThreeStatementsOnOneIndicatorAllLiveAndTheConflictIsShown(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	twenty := statement("template", "增长20%、力争25%", expected, equal, "20")
	more := statement("template", "增长20%以上", expected, atLeast, "20")
	b.commit(fact(twenty), fact(statement("template", "增长20%、力争25%", strive, equal, "25")), fact(more))
	f := b.figure(expected)
	if len(f.GetStatements()) != 2 || f.GetSelected() != "" || f.GetNumber() != "20" || f.GetComparator() != 0 {
		t.Errorf("%v", f)
	}
	if c := f.GetConflict(); c.GetNumberDiffers() || !c.GetComparatorDiffers() || !slices.Equal(c.GetStatements(), []string{twenty.GetName(), more.GetName()}) {
		t.Errorf("conflict %v", c)
	}
	if f := b.figure(strive); f.GetNumber() != "25" || f.GetComparator() != equal || f.GetConflict() != nil || f.GetSelected() == "" {
		t.Errorf("strive: %v", f)
	}
	if n := b.view().CountStatements(false); n != 3 {
		t.Errorf("%d statements stand", n)
	}
}

func TestTheHigherSourceCountsThenTheNewerAndALowerNeverOverwrites(t *testing.T) {
	t.Parallel()
	order := []string{"official-new", "official-old", "official-undated", "press", "re-post", "self", "template"}
	for seed, permutation := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}, {3, 6, 1, 0, 5, 2, 4}} {
		b := newBook(t)
		for _, i := range permutation {
			b.commit(fact(statement(order[i], "p. 1", expected, equal, fmt.Sprint(i))))
		}
		for skip := range order {
			f := b.figure(expected)
			var got []string
			for _, s := range f.GetStatements() {
				got = append(got, strings.TrimPrefix(s.GetSource(), "sources/"))
			}
			if !slices.Equal(got, order[skip:]) || f.GetSelected() != f.GetStatements()[0].GetName() || f.GetNumber() != fmt.Sprint(skip) || f.GetConflict() != nil {
				t.Fatalf("order %d without the first %d: %v, number %s", seed, skip, got, f.GetNumber())
			}
			b.commit(fact(&ledgerv1.StatementWithdrawn{Name: f.GetSelected(), Reason: "typing error"}))
		}
		if f := b.figure(expected); len(f.GetStatements()) != 0 || f.GetNumber() != "" || f.GetRevision() != int64(len(b.states)-1) {
			t.Errorf("nothing stands, yet %v", f)
		}
	}
}

func TestEqualStatementsSelectTheFirstRecordedAndPrintedZerosDoNotMakeAConflict(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	first := statement("official-new", "p. 9", expected, equal, "2.70")
	b.commit(fact(first))
	permille := statement("official-new", "p. 2", expected, equal, "27.0")
	permille.Unit = "‰"
	permille.Name = figures.StatementName(permille)
	b.commit(fact(permille))
	f := b.figure(expected)
	if f.GetSelected() != first.GetName() || f.GetConflict() != nil || f.GetNumber() != "2.70" {
		t.Errorf("%v", f)
	}
	if n := f.GetStatements()[1].GetNormalizedNumber(); n != "2.70" || f.GetStatements()[1].GetNumber() != "27.0" {
		t.Errorf("printed %s, in %%: %s", f.GetStatements()[1].GetNumber(), n)
	}
	b.commit(fact(statement("official-new", "p. 3", expected, equal, "2.8")))
	if f := b.figure(expected); f.GetSelected() != "" || !f.GetConflict().GetNumberDiffers() || f.GetNumber() != "" || f.GetComparator() != equal {
		t.Errorf("a tie that differs: %v", f)
	}
}

func TestARealStatementIsPreferredToASimulatedOne(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	made := statement("official-new", "row 1", expected, equal, "99")
	made.Simulated = true
	b.commit(fact(made), fact(statement("template", "p. 1", expected, equal, "20")))
	if f := b.figure(expected); f.GetNumber() != "20" || len(f.GetStatements()) != 2 || !f.GetStatements()[1].GetSimulated() {
		t.Errorf("%v", f)
	}
}

func TestAPinSelectsAgainstThePrecedenceUntilItsStatementIsTakenOut(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	high, low := statement("official-new", "a", expected, equal, "20"), statement("template", "b", expected, atLeast, "21")
	b.commit(fact(high), fact(low))
	b.commit(fact(&ledgerv1.FigurePinned{Key: key(expected), Statement: low.GetName(), Reason: "checked by phone"}))
	if f := b.figure(expected); !f.GetPinned() || f.GetSelected() != low.GetName() || f.GetPinReason() != "checked by phone" || f.GetNumber() != "21" || f.GetComparator() != atLeast {
		t.Errorf("pinned: %v", f)
	}
	// The same statement with another stage keeps its pin.
	again := proto.CloneOf(low)
	again.Stage = typev1.Stage_STAGE_RELEASED
	b.commit(fact(&ledgerv1.StatementWithdrawn{Name: low.GetName(), Reason: "released", SupersededBy: low.GetName()}), fact(again))
	if f := b.figure(expected); !f.GetPinned() || len(f.GetStatements()) != 2 {
		t.Errorf("restated: %v", f)
	}
	b.commit(fact(&ledgerv1.FigureUnpinned{Key: key(expected), Reason: "settled"}))
	if f := b.figure(expected); f.GetPinned() || f.GetSelected() != high.GetName() {
		t.Errorf("unpinned: %v", f)
	}
	b.commit(fact(&ledgerv1.FigurePinned{Key: key(expected), Statement: low.GetName(), Reason: "again"}))
	b.commit(fact(&ledgerv1.StatementWithdrawn{Name: low.GetName(), Reason: "wrong page"}))
	b.commit(fact(low)) // Recorded again, it comes back without its pin.
	if f := b.figure(expected); f.GetPinned() || f.GetSelected() != high.GetName() || len(f.GetStatements()) != 2 {
		t.Errorf("lapsed: %v", f)
	}
}

func TestTheHistorySaysWhoWhenWhatAndHowOftenTheSelectedValueChanged(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	flash, official := statement("self", "快报", expected, equal, "20"), statement("official-old", "年报", expected, equal, "21.0")
	newer := statement("official-new", "核定", expected, equal, "21")
	b.commit(fact(flash))
	b.commit(fact(official))                                                                              // 第 1 次修订
	b.commit(fact(newer))                                                                                 // the same value from a newer source
	b.commit(fact(&ledgerv1.FigurePinned{Key: key(expected), Statement: flash.GetName(), Reason: "pin"})) // 第 2 次修订
	b.commit(fact(&ledgerv1.FigureUnpinned{Key: key(expected), Reason: "unpin"}))                         // 第 3 次修订
	b.commit(fact(&ledgerv1.StatementWithdrawn{Name: newer.GetName(), Reason: "typo"}))
	changes, ok := b.view().History(key(expected))
	if !ok || len(changes) != 6 {
		t.Fatalf("%v", changes)
	}
	for i, want := range []struct {
		selected string
		revised  int32
		reason   string
	}{{flash.GetName(), 0, ""}, {official.GetName(), 1, ""}, {newer.GetName(), 1, ""}, {flash.GetName(), 2, "pin"}, {newer.GetName(), 3, "unpin"}, {official.GetName(), 3, "typo"}} {
		c := changes[i]
		if c.GetFigure().GetSelected() != want.selected || c.GetFigureRevision() != want.revised || c.GetReason() != want.reason ||
			c.GetRevision() != int64(i+2) || c.GetActor() != fmt.Sprintf("local:%d", i+2) || c.GetCommitTime() == nil || len(c.GetFigure().GetStatements()) != 0 {
			t.Errorf("change %d: %v", i, c)
		}
	}
	if c := changes[5]; !slices.Equal(c.GetWithdrawn(), []string{newer.GetName()}) {
		t.Errorf("withdrawn %v", c.GetWithdrawn())
	}
}

func TestAWithdrawnStatementStaysReadableAndASupersededOneNamesItsSuccessor(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	old, corrected := statement("self", "p. 1", expected, equal, "20"), statement("self", "p. 1", expected, equal, "21")
	recorded := b.commit(fact(old))
	out := b.commit(fact(&ledgerv1.StatementWithdrawn{Name: old.GetName(), Reason: "misread", SupersededBy: corrected.GetName()}), fact(corrected))
	s, ok := b.view().Statement(old.GetName())
	if !ok || s.GetRevision() != recorded || s.GetWithdrawnRevision() != out || s.GetWithdrawnReason() != "misread" || s.GetSupersededBy() != corrected.GetName() {
		t.Errorf("%v", s)
	}
	if then, _ := b.state().View(recorded).Statement(old.GetName()); then.GetWithdrawnRevision() != 0 {
		t.Error("the past knows the future")
	}
	if n := len(slices.Collect(b.view().Statements(false))); n != 1 {
		t.Errorf("%d stand", n)
	}
	if n := len(slices.Collect(b.view().Statements(true))); n != 2 {
		t.Errorf("%d on record", n)
	}
	if err := b.try(fact(&ledgerv1.StatementWithdrawn{Name: old.GetName()})); !errors.Is(err, figures.ErrContradiction) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

func TestACorrectedSourceChangesWhatIsSelectedFromThenOn(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	before := b.commit(fact(statement("press", "a", expected, equal, "20")), fact(statement("self", "b", expected, equal, "21")))
	b.commit(source("press", indicatorv1.Reliability_RELIABILITY_TEMPLATE, "2022-01-01"))
	if f := b.figure(expected); f.GetNumber() != "21" {
		t.Errorf("number %s", f.GetNumber())
	}
	if f, _ := b.state().View(before).Figure(key(expected)); f.GetNumber() != "20" {
		t.Errorf("then %s", f.GetNumber())
	}
}

func TestAnUnknownFactHaltsTheFold(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	if err := b.try(&ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: &zonev1.Zone{Name: "zones/a"}}}); !errors.Is(err, ledger.ErrUnknownFact) {
		t.Errorf("%v", err)
	}
	if err := b.try(&ledgerv1.Fact{}); !errors.Is(err, ledger.ErrUnknownFact) {
		t.Errorf("%v", err)
	}
}

func TestStagedStatementsAreSeenWholeWhenTheirImportIsCommittedOrNever(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	first, second := statement("self", "1", expected, equal, "1"), statement("self", "2", strive, equal, "2")
	digest := figures.NewDigest()
	digest.Add(first)
	digest.Add(second)
	b.commit(fact(&ledgerv1.StagedStatements{ImportId: "i", Chunk: 1, Statements: []*indicatorv1.Statement{first}}))
	b.commit(fact(&ledgerv1.StagedStatements{ImportId: "i", Chunk: 2, Statements: []*indicatorv1.Statement{second}}))
	if b.state().Staged("i") != 2 || b.view().CountStatements(true) != 0 {
		t.Error("staged statements are seen")
	}
	if err := b.try(fact(&ledgerv1.StagedStatements{ImportId: "i", Chunk: 4})); !errors.Is(err, figures.ErrContradiction) {
		t.Errorf("a missing chunk: %v", err)
	}
	if err := b.try(fact(&ledgerv1.ImportCommitted{ImportId: "i", Count: 2, Digest: []byte("x")})); !errors.Is(err, figures.ErrContradiction) {
		t.Errorf("another digest: %v", err)
	}
	at := b.commit(fact(&ledgerv1.ImportCommitted{ImportId: "i", Count: 2, Digest: digest.Sum()}))
	s, _ := b.view().Statement(second.GetName())
	if b.view().CountStatements(false) != 2 || s.GetRevision() != at || len(b.view().RecordedAt(at)) != 2 {
		t.Errorf("%v", s)
	}
	// An abandoned import expires by commit time.
	b.commit(fact(&ledgerv1.StagedStatements{ImportId: "j", Chunk: 1, Statements: []*indicatorv1.Statement{first}}))
	late := b.state().Clone()
	if err := late.Apply(ledger.Position{Revision: 99, CommitTime: start.Add(figures.StageLife + 24*time.Hour)}, &ledgerv1.Transaction{}); err != nil || late.Staged("j") != 0 {
		t.Errorf("still staged: %v", err)
	}
}

func TestAnIndicatorTextThatFitsTwoNamesBoth(t *testing.T) {
	t.Parallel()
	v := newBook(t).view()
	if got := v.IndicatorByText("固定资产投资"); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if got := v.IndicatorByText("固定资产投资增速"); len(got) != 1 || got[0].GetUnit() != "%" {
		t.Errorf("%v", got)
	}
	if got := v.IndicatorByText(" "); got != nil {
		t.Errorf("%v", got)
	}
}

// A statement with every field set comes back as it was written: the fold loses nothing.
func TestAStatementComesBackWithEveryField(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := &indicatorv1.Statement{}
		fill(rt, s.ProtoReflect(), 0)
		s.Source, s.Unit = "sources/self", "%"
		s.Key = key(expected)
		s.Key.Scope.Extent = rapid.StringMatching(`[ a-z不含城北]{0,12}`).Draw(rt, "extent")
		if s.GetNumber() != "" {
			s.Value = &indicatorv1.Statement_Number{Number: "12.50"}
		}
		s.NormalizedNumber, s.CreateTime, s.Revision, s.WithdrawnRevision, s.WithdrawnReason, s.SupersededBy = "", nil, 0, 0, "", ""
		s.Name = figures.StatementName(s)
		b := newBook(t)
		at := b.commit(fact(s))
		got, ok := b.view().Statement(s.GetName())
		if !ok {
			rt.Fatal("not on record")
		}
		if got.GetRevision() != at || got.GetCreateTime() == nil || s.GetNumber() != "" && got.GetNormalizedNumber() != "12.50" {
			rt.Fatalf("%v", got)
		}
		got.NormalizedNumber, got.CreateTime, got.Revision = "", nil, 0
		if !proto.Equal(got, s) {
			rt.Fatalf("wrote %v\nread  %v", s, got)
		}
		if figures.StatementName(got) != s.GetName() {
			rt.Fatal("another name")
		}
	})
}

// fill sets every field of a message to something.
func fill(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	chosen := map[protoreflect.Name]protoreflect.Name{}
	for i := range m.Descriptor().Oneofs().Len() {
		o := m.Descriptor().Oneofs().Get(i)
		chosen[o.Name()] = o.Fields().Get(rapid.IntRange(0, o.Fields().Len()-1).Draw(t, string(o.Name()))).Name()
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if o := f.ContainingOneof(); o != nil && chosen[o.Name()] != f.Name() {
			continue
		}
		one := func() protoreflect.Value {
			switch f.Kind() {
			case protoreflect.StringKind:
				return protoreflect.ValueOfString(rapid.StringMatching(`[a-z金开]{1,9}`).Draw(t, string(f.Name())))
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(true)
			case protoreflect.EnumKind:
				return protoreflect.ValueOfEnum(f.Enum().Values().Get(rapid.IntRange(1, f.Enum().Values().Len()-1).Draw(t, string(f.Name()))).Number())
			case protoreflect.Int32Kind:
				return protoreflect.ValueOfInt32(rapid.Int32Range(1, 12).Draw(t, string(f.Name())))
			case protoreflect.Int64Kind:
				return protoreflect.ValueOfInt64(rapid.Int64Range(1, 1<<40).Draw(t, string(f.Name())))
			default:
				return protoreflect.Value{}
			}
		}
		switch {
		case f.IsList():
			m.Mutable(f).List().Append(one())
		case f.Kind() == protoreflect.MessageKind:
			fill(t, m.Mutable(f).Message(), depth+1)
		default:
			m.Set(f, one())
		}
	}
}

// A model of the fold: a list of statements and what became of them.
type model struct {
	recorded, taken int64
	statement       *indicatorv1.Statement
}

func TestEveryRevisionStaysReadableAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		var all []*model
		var digests [][]string
		digests = append(digests, nil, snapshot(b.state().View(1)))
		for range rapid.IntRange(1, 25).Draw(rt, "commits") {
			var facts []*ledgerv1.Fact
			n := int64(len(b.states))
			touched := map[string]bool{}
			for range rapid.IntRange(1, 4).Draw(rt, "facts") {
				var standing []*model
				for _, m := range all {
					if m.taken == 0 && !touched[m.statement.GetName()] {
						standing = append(standing, m)
					}
				}
				if len(standing) > 0 && rapid.IntRange(0, 2).Draw(rt, "withdraw") == 0 {
					m := rapid.SampledFrom(standing).Draw(rt, "which")
					m.taken = n
					touched[m.statement.GetName()] = true
					facts = append(facts, fact(&ledgerv1.StatementWithdrawn{Name: m.statement.GetName(), Reason: "x"}))
					continue
				}
				s := statement(rapid.SampledFrom([]string{"self", "press", "official-old"}).Draw(rt, "source"), rapid.StringMatching(`[ab]`).Draw(rt, "locator"),
					rapid.SampledFrom([]indicatorv1.Ambition{expected, strive}).Draw(rt, "ambition"), rapid.SampledFrom([]typev1.Comparator{equal, atLeast}).Draw(rt, "comparator"),
					rapid.SampledFrom([]string{"1", "1.0", "2"}).Draw(rt, "number"))
				if touched[s.GetName()] {
					continue
				}
				facts = append(facts, fact(s))
				touched[s.GetName()] = true
				if !slices.ContainsFunc(all, func(m *model) bool { return m.taken == 0 && m.statement.GetName() == s.GetName() }) {
					all = append(all, &model{recorded: n, statement: s})
				}
			}
			b.commit(facts...)
			digests = append(digests, snapshot(b.view()))
		}
		last := b.state()
		for n := int64(1); n < int64(len(b.states)); n++ {
			// What the newest state says of the past, what the state of that time said, and what it said when it was new.
			if got := snapshot(last.View(n)); !slices.Equal(got, digests[n]) {
				rt.Fatalf("revision %d read later:\n%s\nthen:\n%s", n, strings.Join(got, "\n"), strings.Join(digests[n], "\n"))
			}
			if got := snapshot(b.states[n].View(0)); !slices.Equal(got, digests[n]) {
				rt.Fatalf("the state of revision %d has changed", n)
			}
			standing := 0
			for _, m := range all {
				if m.recorded <= n && (m.taken == 0 || m.taken > n) {
					standing++
				}
			}
			if got := last.View(n).CountStatements(false); got != standing {
				rt.Fatalf("revision %d: %d statements stand, the model has %d", n, got, standing)
			}
			if got := len(slices.Collect(last.View(n).Statements(false))); got != standing {
				rt.Fatalf("revision %d: %d statements listed, the model has %d", n, got, standing)
			}
		}
	})
}

func snapshot(v figures.View) []string {
	var out []string
	m := proto.MarshalOptions{Deterministic: true}
	for s := range v.Statements(true) {
		raw, _ := m.Marshal(s)
		out = append(out, fmt.Sprintf("%x", raw))
	}
	for f := range v.Figures() {
		raw, _ := m.Marshal(f)
		out = append(out, fmt.Sprintf("%x", raw))
		h, _ := v.History(f.GetKey())
		for _, c := range h {
			raw, _ := m.Marshal(c)
			out = append(out, fmt.Sprintf("%x", raw))
		}
		if last := h[len(h)-1]; last.GetFigure().GetSelected() != f.GetSelected() || last.GetFigure().GetNumber() != f.GetNumber() || last.GetRevision() != f.GetRevision() {
			out = append(out, fmt.Sprintf("the end of the history is not the figure: %v, %v", last, f))
		}
	}
	for s := range v.Sources() {
		out = append(out, s.GetName()+s.GetEtag())
	}
	return out
}

func TestTheHistoryEndsWithTheFigure(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.commit(fact(statement("self", "a", expected, equal, "1")))
	for _, line := range snapshot(b.view()) {
		if strings.Contains(line, "the end of the history") {
			t.Error(line)
		}
	}
}

// Two clones of one state are changed apart from each other, as the committer and the tail do.
func TestClonesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.commit(fact(statement("self", "a", expected, equal, "1")))
	one, two := b.state().Clone(), b.state().Clone()
	done := make(chan error, 2)
	for i, s := range []*figures.State{one, two} {
		go func() {
			var err error
			for n := range 200 {
				tx := &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{fact(statement("self", fmt.Sprint(i, n), expected, equal, fmt.Sprint(i)))}}
				err = errors.Join(err, s.Apply(ledger.Position{Revision: int64(n + 3), CommitTime: start}, tx))
			}
			done <- err
		}()
	}
	for range 100 {
		if n := len(slices.Collect(b.view().Statements(true))); n != 1 {
			t.Fatalf("%d statements", n)
		}
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	for i, s := range []*figures.State{one, two} {
		for st := range s.View(0).Statements(true) {
			if st.GetLocator() != "a" && st.GetNumber() != fmt.Sprint(i) {
				t.Fatalf("clone %d holds %v", i, st)
			}
		}
	}
}
