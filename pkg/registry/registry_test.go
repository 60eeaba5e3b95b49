package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/versioned"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

const (
	inferred = typev1.Certainty_CERTAINTY_INFERRED
	partOf   = zonev1.RelationType_RELATION_TYPE_PART_OF
	merged   = zonev1.RelationType_RELATION_TYPE_MERGED_INTO
	split    = zonev1.RelationType_RELATION_TYPE_SPLIT_FROM
	renamed  = zonev1.RelationType_RELATION_TYPE_RENAMED
	title    = zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE
)

func day(y, m, d int32) *typev1.Date { return &typev1.Date{Year: y, Month: m, Day: d} }

func text(zh string) *typev1.Localized { return &typev1.Localized{Zh: zh} }

func alias(text string, contexts ...string) *zonev1.Alias {
	return &zonev1.Alias{Text: text, Contexts: contexts}
}

func zone(id, zh, parent string, aliases ...*zonev1.Alias) *ledgerv1.Fact {
	return zoneFact(&zonev1.Zone{Name: "zones/" + id, DisplayName: text(zh), Parent: parent, Aliases: aliases})
}

func zoneFact(z *zonev1.Zone) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: z}}
}

func unit(id, zh, parent, code string, aliases ...*zonev1.Alias) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: &zonev1.ReferenceUnit{
		Name: "referenceUnits/" + id, DisplayName: text(zh), Parent: parent, DivisionCode: code, Aliases: aliases,
	}}}
}

func relation(t zonev1.RelationType, zone, other string, start, end *typev1.Date) *ledgerv1.Fact {
	name := fmt.Sprintf("relations/%s-%d-%s", zone, t, other)
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Relation{Relation: &zonev1.Relation{
		Name: name, Type: t, Zone: "zones/" + zone, Other: "zones/" + other, StartDate: start, EndDate: end,
	}}}
}

func group(g *zonev1.Group) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Group{Group: g}}
}

func at(revision int64) ledger.Position {
	return ledger.Position{
		Revision: revision, Lane: ledger.LaneZone, LaneSequence: revision,
		CommitTime: time.Date(2026, 1, 1, 0, 0, int(revision), 0, time.UTC),
	}
}

// fold applies each list of facts as the transaction of a commit of its own.
func fold(t testing.TB, commits ...[]*ledgerv1.Fact) *registry.State {
	t.Helper()
	s := registry.New()
	for i, facts := range commits {
		if err := s.Apply(at(int64(i+1)), &ledgerv1.Transaction{Facts: facts}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// plans is the part of the real registry that the five work plans make hard.
func plans() []*ledgerv1.Fact {
	return []*ledgerv1.Fact{
		unit("china", "中国", "", ""),
		unit("zhejiang", "浙江省", "referenceUnits/china", "330000", alias("浙江")),
		unit("anhui", "安徽省", "referenceUnits/china", "340000"),
		unit("jinhua", "金华市", "referenceUnits/zhejiang", "330700", alias("我市", "sources/jinhua-2020")),
		unit("shaoxing", "绍兴市", "referenceUnits/zhejiang", "330600"),
		unit("shengzhou", "嵊州市", "referenceUnits/shaoxing", "330683",
			alias("嵊州", "referenceUnits/shengzhou"), alias("我市", "sources/shengzhou-2020")),
		unit("luan", "六安市", "referenceUnits/anhui", "341500"),
		unit("jinan-district", "金安区", "referenceUnits/luan", "341502"),
		zone("jinhua-etdz", "金华开发区", "referenceUnits/jinhua",
			&zonev1.Alias{Text: "金华经济技术开发区", Certainty: inferred}, alias("金开", "sources/jinhua-2020"), alias("开发区", "sources/jinhua-2020")),
		zone("luan-jinan-edz", "金安经济开发区", "referenceUnits/jinan-district",
			alias("金开", "sources/jinan-2020"), alias("开发区", "sources/jinan-2020"), alias("金开区(示范园区)")),
		zoneFact(&zonev1.Zone{
			Name: "zones/shengzhou-edz", DisplayName: text("嵊州经济开发区"), Parent: "referenceUnits/shengzhou", Certainty: inferred,
			Aliases: []*zonev1.Alias{alias("嵊州", "zones/shengzhou-edz"), alias("开发区", "sources/shengzhou-2020")},
		}),
		zone("shengzhou-chengnan-na", "嵊州城南新区", "referenceUnits/shengzhou", alias("嵊州", "zones/shengzhou-chengnan-na")),
		zone("shengzhou-hightech-park", "嵊州高新园区", "referenceUnits/shengzhou", alias("嵊州", "zones/shengzhou-hightech-park")),
		zone("jinhua-huhaitang-na", "湖海塘新区", "zones/jinhua-etdz", alias("新区", "sources/jinhua-2020")),
	}
}

func resolve(v registry.View, text, context string) *zonev1.Resolution {
	return v.Resolve(&zonev1.ZoneQuery{Text: text, Context: context})
}

func subjects(r *zonev1.Resolution) []string {
	var out []string
	for _, c := range r.GetCandidates() {
		out = append(out, c.GetSubject())
	}
	return out
}

func TestBareShengzhouIsAmbiguousWithFourCandidates(t *testing.T) {
	v := fold(t, plans()).View(0)
	want := []string{
		"referenceUnits/shengzhou", "zones/shengzhou-chengnan-na", "zones/shengzhou-edz", "zones/shengzhou-hightech-park",
	}
	for _, context := range []string{"", "sources/qiantang-2020", "referenceUnits/shengzhou", "referenceUnits/zhejiang"} {
		r := resolve(v, "嵊州", context)
		if r.GetOutcome() != zonev1.Resolution_OUTCOME_AMBIGUOUS || !slices.Equal(subjects(r), want) || r.GetSubject() != "" {
			t.Errorf("in %q: %v %v", context, r.GetOutcome(), subjects(r))
		}
		for _, name := range []string{"嵊州市", "嵊州经济开发区", "嵊州城南新区", "嵊州高新园区", "zones/shengzhou-edz"} {
			if !strings.Contains(r.GetMessage().GetZh(), name) {
				t.Errorf("in %q: the message does not name %s: %s", context, name, r.GetMessage().GetZh())
			}
		}
		if !strings.Contains(r.GetMessage().GetEn(), "use a resource name or a full name") {
			t.Errorf("in %q: the message has no remedy: %s", context, r.GetMessage().GetEn())
		}
		// The city's own context holds all four, so it would not help.
		if context == "" && !strings.Contains(r.GetMessage().GetEn(), "(such as zones/shengzhou-chengnan-na)") {
			t.Errorf("the message names a context that does not help: %s", r.GetMessage().GetEn())
		}
	}
}

func TestJinkaiMeansTheZoneOfItsSource(t *testing.T) {
	v := fold(t, plans()).View(0)
	for _, c := range []struct {
		text, context string
		outcome       zonev1.Resolution_Outcome
		candidates    []string
	}{
		{"金开", "", zonev1.Resolution_OUTCOME_AMBIGUOUS, []string{"zones/jinhua-etdz", "zones/luan-jinan-edz"}},
		{"金开", "sources/qiantang-2020", zonev1.Resolution_OUTCOME_AMBIGUOUS, []string{"zones/jinhua-etdz", "zones/luan-jinan-edz"}},
		{"金开", "sources/jinhua-2020", zonev1.Resolution_OUTCOME_RESOLVED, []string{"zones/jinhua-etdz"}},
		{"金开", "sources/jinan-2020", zonev1.Resolution_OUTCOME_RESOLVED, []string{"zones/luan-jinan-edz"}},
		{"金开", "referenceUnits/zhejiang", zonev1.Resolution_OUTCOME_RESOLVED, []string{"zones/jinhua-etdz"}}, // it lies there
		{"金开", "zones/luan-jinan-edz", zonev1.Resolution_OUTCOME_RESOLVED, []string{"zones/luan-jinan-edz"}}, // it is that one
		{"金开", "referenceUnits/china", zonev1.Resolution_OUTCOME_AMBIGUOUS, []string{"zones/jinhua-etdz", "zones/luan-jinan-edz"}},
	} {
		r := resolve(v, c.text, c.context)
		if r.GetOutcome() != c.outcome || !slices.Equal(subjects(r), c.candidates) {
			t.Errorf("%s in %q: %v %v: %s", c.text, c.context, r.GetOutcome(), subjects(r), r.GetMessage().GetZh())
		}
	}
	if got := resolve(v, "金开", "sources/jinhua-2020"); got.GetSubject() != "zones/jinhua-etdz" || got.GetMessage().GetZh() != "“金开”指金华开发区。" {
		t.Errorf("got %v", got)
	}
}

func TestWoshiIsTheCityOfItsSource(t *testing.T) {
	v := fold(t, plans()).View(0)
	for context, want := range map[string]string{
		"sources/jinhua-2020": "referenceUnits/jinhua", "sources/shengzhou-2020": "referenceUnits/shengzhou", "": "",
	} {
		if got := resolve(v, "我市", context); got.GetSubject() != want {
			t.Errorf("in %q: %v", context, got)
		}
	}
}

func TestAnAliasOutsideItsContextIsNotGuessed(t *testing.T) {
	r := resolve(fold(t, plans()).View(0), "新区", "")
	if r.GetOutcome() != zonev1.Resolution_OUTCOME_UNKNOWN || r.GetSubject() != "" || !slices.Equal(subjects(r), []string{"zones/jinhua-huhaitang-na"}) {
		t.Errorf("got %v", r)
	}
	if !strings.Contains(r.GetMessage().GetEn(), "sources/jinhua-2020") {
		t.Errorf("the message does not name the context: %s", r.GetMessage().GetEn())
	}
}

func TestFullNamesAndResourceNamesResolveAnywhere(t *testing.T) {
	v := fold(t, plans()).View(0)
	for text, want := range map[string]string{
		"嵊州经济开发区":           "zones/shengzhou-edz",
		"\u3000嵊州市":         "referenceUnits/shengzhou",
		"金开区（示范园区）":         "zones/luan-jinan-edz", // full-width brackets
		"zones/jinhua-etdz": "zones/jinhua-etdz",
		"ｚｏｎｅｓ/jinhua-etdz": "zones/jinhua-etdz",
		"金华经济技术开发区":         "zones/jinhua-etdz",
	} {
		for _, context := range []string{"", "sources/wenzhou-template", "referenceUnits/anhui"} {
			if got := resolve(v, text, context); got.GetSubject() != want {
				t.Errorf("%q in %q: %v", text, context, got)
			}
		}
	}
	if got := resolve(v, "金华经济技术开发区", "").GetCandidates()[0].GetCertainty(); got != inferred {
		t.Errorf("an inferred alias resolves as %v", got)
	}
	if got := resolve(v, "嵊州经济开发区", "").GetCandidates()[0].GetCertainty(); got != inferred {
		t.Errorf("an inferred zone resolves as %v", got)
	}
}

func TestASharedAliasIsNarrowedOnlyByItsContext(t *testing.T) {
	v := fold(t, []*ledgerv1.Fact{
		unit("a", "甲市", "", ""), unit("b", "乙市", "", ""),
		zone("a-park", "甲园", "referenceUnits/a", alias("滨海")), zone("b-park", "乙园", "referenceUnits/b", alias("滨海")),
		zone("c-park", "滨海", "referenceUnits/b"),
	}).View(0)
	if got := subjects(resolve(v, "滨海", "")); len(got) != 3 {
		t.Errorf("without a context: %v", got)
	}
	// What is called so in full stays a candidate wherever one speaks.
	if got := subjects(resolve(v, "滨海", "referenceUnits/a")); !slices.Equal(got, []string{"zones/a-park", "zones/c-park"}) {
		t.Errorf("in a: %v", got)
	}
}

func TestAnUnknownTextIsAnsweredWithTheNearestNames(t *testing.T) {
	v := fold(t, plans()).View(0)
	r := resolve(v, "嵊州经济开发", "")
	if r.GetOutcome() != zonev1.Resolution_OUTCOME_UNKNOWN || len(r.GetCandidates()) == 0 || subjects(r)[0] != "zones/shengzhou-edz" {
		t.Errorf("got %v", r)
	}
	if r := resolve(v, "QQ", ""); r.GetOutcome() != zonev1.Resolution_OUTCOME_UNKNOWN || len(r.GetCandidates()) != 0 || r.GetMessage().GetZh() == "" {
		t.Errorf("got %v", r)
	}
	if r := v.Resolve(nil); r.GetOutcome() != zonev1.Resolution_OUTCOME_UNKNOWN {
		t.Errorf("a query that is not there: %v", r)
	}
}

func TestProvinceIsFoundByClimbing(t *testing.T) {
	v := fold(t, plans(), []*ledgerv1.Fact{
		zone("loose", "散园", ""), relation(partOf, "loose", "luan-jinan-edz", nil, nil), zone("nowhere", "无处", ""),
	}).View(0)
	for subject, want := range map[string]string{
		"zones/jinhua-huhaitang-na": "330000", "referenceUnits/jinan-district": "340000", "zones/loose": "340000",
		"referenceUnits/china": "", "zones/nowhere": "", "zones/unknown": "",
	} {
		if got := v.Province(subject); got != want {
			t.Errorf("Province(%s) = %q, want %q", subject, got, want)
		}
	}
}

func TestSimulatedNamesEndInTheMark(t *testing.T) {
	v := fold(t, []*ledgerv1.Fact{
		zoneFact(&zonev1.Zone{Name: "zones/s", DisplayName: &typev1.Localized{Zh: "示例开发区", En: "Example zone"}, Simulated: true}),
		zone("r", "真区", ""),
	}).View(0)
	if name, _ := v.DisplayName("zones/s"); name.GetZh() != "示例开发区〔模拟〕" || name.GetEn() != "Example zone〔模拟〕" {
		t.Errorf("got %v", name)
	}
	for _, text := range []string{"示例开发区", "示例开发区〔模拟〕", "Example zone"} {
		if got := resolve(v, text, ""); got.GetSubject() != "zones/s" {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !v.Simulated("zones/s") || v.Simulated("zones/r") || v.Simulated("zones/none") {
		t.Error("simulated is told wrongly")
	}
	if name, _ := v.DisplayName("zones/s"); registry.Unmarked(name).GetZh() != "示例开发区" {
		t.Error("the mark does not come off")
	}
}

func TestAMemberListIsDated(t *testing.T) {
	list := &zonev1.MemberList{Members: []*zonev1.Member{
		{Zone: "zones/b", EndDate: day(2021, 0, 0)},
		{Zone: "zones/a", StartDate: day(2020, 7, 0)},
		{Zone: "zones/c"},
	}}
	v := fold(t, []*ledgerv1.Fact{
		zone("a", "甲", ""), zone("b", "乙", ""), zone("c", "丙", ""), zone("d", "丁", ""),
		relation(merged, "c", "d", day(2021, 6, 1), nil),
		group(&zonev1.Group{Name: "groups/g", Members: &zonev1.Group_List{List: list}}),
	}).View(0)
	for _, c := range []struct {
		asOf *typev1.Date
		want string
	}{
		{day(2020, 6, 30), "zones/b zones/c"},
		{day(2020, 7, 1), "zones/a zones/b zones/c"},
		{day(2020, 0, 0), "zones/a zones/b zones/c"}, // a year means its last day
		{day(2021, 1, 1), "zones/a zones/c"},
		{day(2021, 6, 1), "zones/a"}, // c has ended
	} {
		if got := members(t, v, "groups/g", c.asOf); got != c.want {
			t.Errorf("as of %v: %s, want %s", c.asOf, got, c.want)
		}
	}
	if _, err := v.Members("groups/g", nil); err == nil {
		t.Error("a date that is not there is accepted")
	}
	if _, err := v.Members("groups/none", day(2020, 1, 1)); err == nil {
		t.Error("a group that is not there has members")
	}
}

func TestAFilterGroupHoldsTheZonesThatExistAtTheDate(t *testing.T) {
	v := fold(t, []*ledgerv1.Fact{
		zone("old", "旧名区", ""), zone("new", "新名区", ""), relation(renamed, "new", "old", day(2019, 0, 0), nil),
		zone("child", "分设区", ""), relation(split, "child", "new", day(2021, 0, 0), nil),
		zone("holder", "钱塘", ""), zone("titled", "杭开", ""), relation(title, "holder", "titled", day(2019, 4, 0), nil),
		zoneFact(&zonev1.Zone{Name: "zones/doubt", DisplayName: text("疑"), Certainty: inferred}),
		group(&zonev1.Group{Name: "groups/g", Members: &zonev1.Group_Filter{Filter: "NOT simulated"}}),
	}).View(0)
	for year, want := range map[int32]string{
		2018: "zones/doubt zones/holder zones/old zones/titled",
		2020: "zones/doubt zones/holder zones/new zones/titled",
		2021: "zones/child zones/doubt zones/holder zones/new zones/titled",
	} {
		if got := members(t, v, "groups/g", day(year, 0, 0)); got != want {
			t.Errorf("as of %d: %s, want %s", year, got, want)
		}
	}
}

func members(t *testing.T, v registry.View, group string, asOf *typev1.Date) string {
	t.Helper()
	zones, err := v.Members(group, asOf)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, z := range zones {
		names = append(names, z.GetName())
	}
	return strings.Join(names, " ")
}

func TestAnUnknownFactStopsTheFold(t *testing.T) {
	for _, fact := range []*ledgerv1.Fact{{}, {Kind: &ledgerv1.Fact_FigurePinned{}}, nil} {
		err := registry.New().Apply(at(1), &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{fact}})
		if !errors.Is(err, ledger.ErrUnknownFact) {
			t.Errorf("%v: %v", fact, err)
		}
	}
}

func TestOutputFieldsAreFunctionsOfTheCommit(t *testing.T) {
	s := fold(t, []*ledgerv1.Fact{zone("a", "甲", "")}, []*ledgerv1.Fact{zone("b", "乙", "")}, []*ledgerv1.Fact{zone("a", "甲区", "")})
	z, _ := s.View(0).Zone("zones/a")
	if z.GetRevision() != 3 || z.GetEtag() != versioned.Etag(3) ||
		!z.GetCreateTime().AsTime().Equal(at(1).CommitTime) || !z.GetUpdateTime().AsTime().Equal(at(3).CommitTime) {
		t.Errorf("got %v", z)
	}
}

func TestADeletedGroupIsReadInThePastOnly(t *testing.T) {
	g := group(&zonev1.Group{Name: "groups/g", DisplayName: text("组")})
	gone := &ledgerv1.Fact{Kind: &ledgerv1.Fact_GroupDeleted{GroupDeleted: &ledgerv1.GroupDeleted{Name: "groups/g"}}}
	s := fold(t, []*ledgerv1.Fact{g}, []*ledgerv1.Fact{gone}, []*ledgerv1.Fact{g})
	for revision, want := range map[int64]bool{1: true, 2: false, 3: true} {
		if _, got := s.View(revision).Group("groups/g"); got != want {
			t.Errorf("at revision %d: %v, want %v", revision, got, want)
		}
	}
	if again, _ := s.View(3).Group("groups/g"); !again.GetCreateTime().AsTime().Equal(at(3).CommitTime) {
		t.Error("a group that is made again keeps the time of the deleted one")
	}
}

// Properties.

func genFact(t *rapid.T) *ledgerv1.Fact {
	id := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	name := rapid.SampledFrom([]string{"甲", "乙", "丙区", "金开"})
	start := func() *typev1.Date {
		if rapid.Bool().Draw(t, "dated") {
			return day(rapid.Int32Range(2015, 2025).Draw(t, "year"), 0, 0)
		}
		return nil
	}
	parent := func() string {
		return rapid.SampledFrom([]string{"", "zones/a", "zones/b", "referenceUnits/a", "referenceUnits/c"}).Draw(t, "parent")
	}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		context := rapid.SampledFrom([][]string{nil, {"sources/s"}, {"referenceUnits/a"}}).Draw(t, "contexts")
		return zone(id.Draw(t, "id"), name.Draw(t, "name"), parent(), alias(name.Draw(t, "alias"), context...))
	case 1:
		return unit(id.Draw(t, "id"), name.Draw(t, "name"), parent(), rapid.SampledFrom([]string{"", "330000", "340100"}).Draw(t, "code"))
	case 2:
		return relation(rapid.SampledFrom([]zonev1.RelationType{partOf, merged, split, renamed, title}).Draw(t, "type"),
			id.Draw(t, "zone"), id.Draw(t, "other"), start(), start())
	case 3:
		return group(&zonev1.Group{
			Name: "groups/" + id.Draw(t, "id"), DisplayName: text("组"), Members: &zonev1.Group_Filter{Filter: "NOT simulated"},
		})
	default:
		return &ledgerv1.Fact{Kind: &ledgerv1.Fact_GroupDeleted{GroupDeleted: &ledgerv1.GroupDeleted{Name: "groups/" + id.Draw(t, "id")}}}
	}
}

func genCommits(t *rapid.T) [][]*ledgerv1.Fact {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []*ledgerv1.Fact {
		return rapid.SliceOfN(rapid.Custom(genFact), 1, 4).Draw(t, "facts")
	}), 1, 20).Draw(t, "commits")
}

// picture is everything that a view answers.
func picture(v registry.View) string {
	var b strings.Builder
	write := func(m proto.Message) {
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		fmt.Fprintf(&b, "%x %v\n", body, err)
	}
	for z := range v.Zones() {
		write(z)
		for r := range v.RelationsOf(z.GetName()) {
			write(r)
		}
		fmt.Fprintln(&b, v.Province(z.GetName()), v.Lives(z.GetName(), 20200101), v.LiesIn(z.GetName(), "referenceUnits/a"))
	}
	for u := range v.ReferenceUnits() {
		write(u)
		fmt.Fprintln(&b, slices.Collect(v.Above(u.GetName())))
	}
	for r := range v.Relations() {
		write(r)
	}
	for g := range v.Groups() {
		write(g)
		zones, err := v.Members(g.GetName(), day(2020, 0, 0))
		fmt.Fprintln(&b, len(zones), err)
	}
	for _, text := range []string{"甲", "乙", "丙区", "金开", "丙"} {
		for _, context := range []string{"", "sources/s", "referenceUnits/a", "zones/b"} {
			write(resolve(v, text, context))
		}
	}
	return b.String()
}

func TestFoldingTwiceGivesTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		commits := genCommits(rt)
		a, b := picture(fold(t, commits...).View(0)), picture(fold(t, commits...).View(0))
		if a != b {
			rt.Fatalf("two folds differ:\n%s\n%s", a, b)
		}
	})
}

func TestAnyRevisionIsReadAsItWasThen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		commits := genCommits(rt)
		whole := fold(t, commits...)
		for n := range len(commits) + 1 {
			if n == 0 {
				continue
			}
			then, now := picture(fold(t, commits[:n]...).View(0)), picture(whole.View(int64(n)))
			if then != now {
				rt.Fatalf("revision %d reads differently later:\n%s\n%s", n, then, now)
			}
		}
	})
}

func TestACloneIsIndependentOfItsOriginal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := fold(t, genCommits(rt)...)
		before := picture(s.View(0))
		left, right := s.Clone(), s.Clone()
		next := at(100)
		if err := left.Apply(next, &ledgerv1.Transaction{Facts: rapid.SliceOfN(rapid.Custom(genFact), 1, 8).Draw(rt, "left")}); err != nil {
			rt.Fatal(err)
		}
		if got := picture(s.View(0)); got != before {
			rt.Fatalf("writing to a copy changed the original")
		}
		if got := picture(right.View(0)); got != before {
			rt.Fatalf("writing to a copy changed another copy")
		}
		if err := s.Apply(next, &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{zone("z", "新", "")}}); err != nil {
			rt.Fatal(err)
		}
		if _, ok := left.View(0).Zone("zones/z"); ok {
			rt.Fatalf("writing to the original changed a copy")
		}
	})
}

func TestFactsAreNotChangedByTheFold(t *testing.T) {
	facts := plans()
	var before []*ledgerv1.Fact
	for _, f := range facts {
		before = append(before, proto.CloneOf(f))
	}
	fold(t, facts)
	for i := range facts {
		if !proto.Equal(facts[i], before[i]) {
			t.Errorf("the fold changed %v", before[i])
		}
	}
}

func TestStatesAreClonedAndReadByManyAtOnce(t *testing.T) {
	s := fold(t, plans())
	done := make(chan error)
	for i := range 8 {
		go func() {
			for n := range 50 {
				c := s.Clone()
				if err := c.Apply(at(int64(100+n)), &ledgerv1.Transaction{Facts: []*ledgerv1.Fact{zone(fmt.Sprintf("z%d-%d", i, n), "新", "")}}); err != nil {
					done <- err
					return
				}
				resolve(s.View(0), "嵊州经济开发", "")
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	facts := plans()
	for i := range 5000 {
		facts = append(facts, zone(fmt.Sprintf("z%d", i), fmt.Sprintf("示例%d号经济开发区", i), "referenceUnits/zhejiang", alias(fmt.Sprintf("示例%d", i))))
	}
	v := fold(b, facts).View(0)
	for name, q := range map[string]*zonev1.ZoneQuery{
		"full name": {Text: "嵊州经济开发区"}, "in a source": {Text: "金开", Context: "sources/jinhua-2020"},
		"ambiguous": {Text: "嵊州"}, "unknown": {Text: "示例77号经济开发"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Resolve(q)
			}
		})
	}
}

func BenchmarkClone(b *testing.B) {
	s := fold(b, plans())
	b.ReportAllocs()
	for b.Loop() {
		s.Clone()
	}
}
