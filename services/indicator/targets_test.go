package indicator_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/event"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func tenThousand() *indicatorv1.List {
	return &indicatorv1.List{
		DisplayName: zh("“万亩千亿”培育名单"), Authority: zh("浙江省"),
		Criteria: []*indicatorv1.Criterion{{Indicator: "indicators/fai", Comparator: atLeast, Number: "1000", Unit: "万元"}},
		Entries: []*indicatorv1.ListEntry{
			{Zone: "zones/shengzhou-edz", Stage: indicatorv1.ListStage_LIST_STAGE_APPLIED, Since: &typev1.Date{Year: 2020, Month: 2}, Source: "sources/bureau"},
		},
	}
}

func TestListsAreCreatedReadListedAndUpdated(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	made, err := b.targets.CreateList(t.Context(), &indicatorv1.CreateListRequest{ListId: "ten-thousand", List: tenThousand()})
	if err != nil {
		t.Fatal(err)
	}
	l := made.GetList()
	if l.GetName() != "lists/ten-thousand" || l.GetEtag() == "" || l.GetRevision() != made.GetState().GetRevision() || l.GetCreateTime() == nil {
		t.Errorf("%v", made)
	}
	_, err = b.targets.CreateList(t.Context(), &indicatorv1.CreateListRequest{ListId: "ten-thousand", List: tenThousand()})
	refusedWith(t, err, codes.AlreadyExists, typev1.ErrorReason_ERROR_REASON_RESOURCE_EXISTS, "lists/ten-thousand")

	// A mask writes only what it names; the etag guards what it was read as.
	change := proto.CloneOf(l)
	change.Entries = append(change.GetEntries(), &indicatorv1.ListEntry{
		Zone: "zones/shengzhou-edz", Stage: indicatorv1.ListStage_LIST_STAGE_NURTURED, Since: &typev1.Date{Year: 2020, Month: 5},
	})
	change.Note = "not in the mask"
	updated, err := b.targets.UpdateList(t.Context(), &indicatorv1.UpdateListRequest{
		List: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"entries"}},
	})
	if err != nil || len(updated.GetList().GetEntries()) != 2 || updated.GetList().GetNote() != "" || updated.GetList().GetEtag() == l.GetEtag() {
		t.Fatalf("%v, %v", updated, err)
	}
	_, err = b.targets.UpdateList(t.Context(), &indicatorv1.UpdateListRequest{List: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"note"}}})
	refusedWith(t, err, codes.Aborted, typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH, updated.GetList().GetEtag())
	_, err = b.targets.UpdateList(t.Context(), &indicatorv1.UpdateListRequest{List: l, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"entris"}}})
	if err == nil {
		t.Error("a field that is not there is accepted")
	}
	same, err := b.targets.UpdateList(t.Context(), &indicatorv1.UpdateListRequest{List: updated.GetList()})
	if err != nil || same.GetList().GetRevision() != updated.GetList().GetRevision() {
		t.Errorf("nothing new was written: %v, %v", same, err)
	}

	got, err := b.targets.GetList(t.Context(), &indicatorv1.GetListRequest{Name: "lists/ten-thousand"})
	if err != nil || !proto.Equal(got.GetList(), updated.GetList()) {
		t.Errorf("%v, %v", got, err)
	}
	_, err = b.targets.GetList(t.Context(), &indicatorv1.GetListRequest{Name: "lists/none"})
	refusedWith(t, err, codes.NotFound, typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND)
	then, err := b.targets.GetList(t.Context(), &indicatorv1.GetListRequest{
		Name:        "lists/ten-thousand",
		Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: l.GetRevision()}},
	})
	if err != nil || len(then.GetList().GetEntries()) != 1 {
		t.Errorf("as of then: %v, %v", then, err)
	}

	for _, id := range []string{"aa", "zz"} {
		if _, err := b.targets.CreateList(t.Context(), &indicatorv1.CreateListRequest{ListId: id, List: &indicatorv1.List{DisplayName: zh(id)}}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	req := &indicatorv1.ListListsRequest{PageSize: 2}
	for {
		page, err := b.targets.ListLists(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.GetLists() {
			names = append(names, l.GetName())
		}
		if page.GetTotalSize() != 3 {
			t.Errorf("%d lists", page.GetTotalSize())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"lists/aa", "lists/ten-thousand", "lists/zz"}) {
		t.Errorf("%v", names)
	}
	some, err := b.targets.ListLists(t.Context(), &indicatorv1.ListListsRequest{Filter: `display_name.zh : "万亩"`})
	if err != nil || len(some.GetLists()) != 1 {
		t.Errorf("%v, %v", some, err)
	}
}

func TestARetriedListIsOneListAndADryRunIsNone(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	req := &indicatorv1.CreateListRequest{ListId: "ten-thousand", List: tenThousand(), ValidateOnly: true}
	dry, err := b.targets.CreateList(t.Context(), req)
	if err != nil || dry.GetList().GetName() != "lists/ten-thousand" {
		t.Fatalf("%v, %v", dry, err)
	}
	if _, err := b.targets.GetList(t.Context(), &indicatorv1.GetListRequest{Name: "lists/ten-thousand"}); err == nil {
		t.Error("a dry run wrote")
	}
	req.ValidateOnly, req.RequestId = false, "7a0f0f0e-0000-4000-8000-000000000002"
	first, err := b.targets.CreateList(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.targets.CreateList(t.Context(), req)
	if err != nil || !proto.Equal(first, second) {
		t.Errorf("%v\n%v, %v", first, second, err)
	}
	req.List.Note = "another body"
	_, err = b.targets.CreateList(t.Context(), req)
	refusedWith(t, err, codes.AlreadyExists, typev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED)
}

func TestListsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	for name, tc := range map[string]struct {
		change func(*indicatorv1.List)
		reason typev1.ErrorReason
		code   codes.Code
		says   string
	}{
		"indicator":        {func(l *indicatorv1.List) { l.Criteria[0].Indicator = "indicators/faj" }, noReference, codes.FailedPrecondition, "indicators/fai"},
		"status":           {func(l *indicatorv1.List) { l.Criteria[0].Indicator = "indicators/list" }, invalidField, codes.InvalidArgument, "criteria[0].indicator"},
		"unit":             {func(l *indicatorv1.List) { l.Criteria[0].Unit = "亩" }, wrongUnit, codes.InvalidArgument, "万元"},
		"unknown unit":     {func(l *indicatorv1.List) { l.Criteria[0].Unit = "亿元人民币" }, wrongUnit, codes.InvalidArgument, "did you mean"},
		"zone":             {func(l *indicatorv1.List) { l.Entries[0].Zone = "zones/shengzhou-ed" }, noReference, codes.FailedPrecondition, "zones/shengzhou-edz"},
		"source":           {func(l *indicatorv1.List) { l.Entries[0].Source = "sources/buro" }, noReference, codes.FailedPrecondition, "sources/bureau"},
		"date":             {func(l *indicatorv1.List) { l.Entries[0].Since = &typev1.Date{Year: 2020, Month: 2, Day: 31} }, invalidField, codes.InvalidArgument, "entries[0].since"},
		"two stages a day": {func(l *indicatorv1.List) { l.Entries = append(l.GetEntries(), l.GetEntries()[0]) }, invalidField, codes.InvalidArgument, "entries[1].since"},
		"no name":          {func(l *indicatorv1.List) { l.DisplayName = zh(" ") }, invalidField, codes.InvalidArgument, "display_name.zh"},
	} {
		l := tenThousand()
		tc.change(l)
		_, err := b.targets.CreateList(t.Context(), &indicatorv1.CreateListRequest{ListId: "ten-thousand", List: l})
		t.Log(name)
		refusedWith(t, err, tc.code, tc.reason, tc.says)
	}
}

func TestListsAreImported(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	content := "id,name_zh,authority_zh,criteria,entries\n" +
		"ten-thousand,“万亩千亿”培育名单,浙江省,fai>=1000 万元;firms>50 家,shengzhou-edz:applied@2019;shengzhou-edz:nurtured@2020-05|bureau\n" +
		"open,开放名单,,,\n"
	b.expect(t, table(lists, content), "rows 2, created 2, updated 0, unchanged 0, rejected 0, committed true")
	b.expect(t, table(lists, content), "rows 2, created 0, updated 0, unchanged 2, rejected 0, committed true")
	b.expect(t, table(lists, "id,name_zh,note\nopen,开放名单,改\n"), "rows 1, created 0, updated 1, unchanged 0, rejected 0, committed true")
	got, err := b.targets.GetList(t.Context(), &indicatorv1.GetListRequest{Name: "lists/ten-thousand"})
	if err != nil {
		t.Fatal(err)
	}
	l := got.GetList()
	if len(l.GetCriteria()) != 2 || l.GetCriteria()[1].GetNumber() != "50" || l.GetCriteria()[1].GetComparator() != typev1.Comparator_COMPARATOR_MORE_THAN ||
		len(l.GetEntries()) != 2 || l.GetEntries()[1].GetSource() != "sources/bureau" || l.GetEntries()[1].GetSince().GetMonth() != 5 {
		t.Errorf("%v", l)
	}
	bad := b.load(t, table(lists, "id,name_zh,criteria,entries\n"+
		"a,甲,,\n"+
		"aa,甲,fai 1000 万元,\n"+
		"ab,乙,fai>=千 万元,\n"+
		"ac,丙,fai=>1000 万元,\n"+
		"ad,丁,fai>=1000 亩,\n"+
		"ae,戊,,shengzhou-edz\n"+
		"af,己,,shengzhou-edz:nurtred@2020\n"+
		"ag,庚,,shengzhou-edz:applied@2020-13\n"+
		"ah,辛,,shengzhou:applied\n"+
		"ai,,,\n"+
		"aa,甲,,\n")).GetReport()
	want := []string{
		"2 id", "3 criteria", "4 criteria", "5 criteria", "6 criteria", "7 entries", "8 entries", "9 entries", "10 entries", "11 name_zh", "12 id",
	}
	var found []string
	for _, p := range bad.GetProblems() {
		found = append(found, fmt.Sprintf("%d %s", p.GetLine(), p.GetColumn()))
		if p.GetRemedy() == "" {
			t.Errorf("line %d has no remedy: %s", p.GetLine(), p.GetMessage())
		}
	}
	if !slices.Equal(found, want) || bad.GetCommitted() {
		t.Errorf("%v, want %v", found, want)
		for _, p := range bad.GetProblems() {
			t.Log(p)
		}
	}
}

// A list that a target aims at is there before the target; what a list changes is announced by its name.
func TestTargetsAimAtListsAndListsAreAnnounced(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	aim := number("bureau", "p. 1", target("list", strive), 0, "1", "")
	aim.Value, aim.Key.Subject, aim.Key.Period = nil, "zones/shengzhou-edz", "2020"
	aim.ListTarget = &indicatorv1.ListTarget{List: "lists/ten-thousand", Stage: indicatorv1.ListStage_LIST_STAGE_NURTURED}
	_, err := b.RecordStatements(t.Context(), recording(aim))
	refusedWith(t, err, codes.FailedPrecondition, noReference, "lists/ten-thousand")
	made, err := b.targets.CreateList(t.Context(), &indicatorv1.CreateListRequest{ListId: "ten-thousand", List: tenThousand()})
	if err != nil {
		t.Fatal(err)
	}
	b.record(t, aim)
	resp, err := b.targets.ListCompletions(t.Context(), &indicatorv1.ListCompletionsRequest{AsOf: &typev1.Date{Year: 2020, Month: 6, Day: 1}})
	if err != nil || len(resp.GetCompletions()) != 1 || resp.GetCompletions()[0].GetStatus() != indicatorv1.CompletionStatus_COMPLETION_STATUS_PENDING ||
		resp.GetCompletions()[0].GetSubjectName().GetZh() == "" {
		t.Fatalf("%v, %v", resp, err)
	}
	errSeen := errors.New("seen")
	err = event.Subscribe(t.Context(), b.js, "figures.changed", event.ID{}, func(e event.Event) error {
		data := &eventv1.FiguresChanged{}
		if err := e.Decode(data); err != nil {
			return err
		}
		if data.GetRevision() == made.GetState().GetRevision() && slices.Equal(data.GetNames(), []string{"lists/ten-thousand"}) {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Errorf("%v", err)
	}
}

// Pages of completions are one list at one revision, however much is written meanwhile.
func TestPagesOfCompletions(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	if _, err := b.CreateIndicator(t.Context(), &indicatorv1.CreateIndicatorRequest{IndicatorId: "fai-completion", Indicator: &indicatorv1.Indicator{
		DisplayName: zh("固定资产投资完成率"), Unit: "%", Nature: indicatorv1.Nature_NATURE_RATE,
		Direction: indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER, CompletionOf: "indicators/fai",
	}}); err != nil {
		t.Fatal(err)
	}
	actual := func(indicator, value, unit string) *indicatorv1.Statement {
		s := number("bureau", indicator+value, target(indicator, 0), equal, value, unit)
		s.Key.Kind = indicatorv1.Kind_KIND_ACTUAL
		return s
	}
	b.record(t,
		number("bureau", "p. 1", target("fai", strive), atLeast, "50", "亿元"),
		number("bureau", "p. 1", target("fai", expected), atLeast, "46", "亿元"),
		number("bureau", "p. 1", target("fai-growth", expected), atLeast, "20", "%"),
		number("bureau", "p. 1", target("firms", expected), atLeast, "5", "家"),
		actual("fai", "48", "亿元"), actual("fai-completion", "104.3", "%"))
	var got []string
	req := &indicatorv1.ListCompletionsRequest{PageSize: 2, AsOf: &typev1.Date{Year: 2019}}
	for page := 0; ; page++ {
		resp, err := b.targets.ListCompletions(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetTotalSize() != 5 {
			t.Errorf("%d targets", resp.GetTotalSize())
		}
		for _, c := range resp.GetCompletions() {
			got = append(got, strings.TrimPrefix(c.GetIndicator(), "indicators/")+" "+c.GetTargetKey().GetAmbition().String()[len("AMBITION_"):]+" "+
				c.GetTargetBasis().String()[len("TARGET_BASIS_"):]+" "+c.GetStatus().String()[len("COMPLETION_STATUS_"):])
		}
		if page == 0 { // It is not on the later pages.
			b.record(t, number("bureau", "p. 2", target("land", expected), atLeast, "3", "平方公里"))
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	want := []string{
		"fai EXPECTED STATED MET", "fai EXPECTED IMPLIED MET", "fai STRIVE STATED MISSED", "fai-growth EXPECTED STATED UNKNOWN", "firms EXPECTED STATED UNKNOWN",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	req = &indicatorv1.ListCompletionsRequest{
		AsOf: &typev1.Date{Year: 2019}, Subjects: []string{"zones/wenzhou-etdz"}, Indicators: []string{"indicators/firms"}, Period: "2018-12;cumulative",
	}
	if resp, err := b.targets.ListCompletions(t.Context(), req); err != nil || len(resp.GetCompletions()) != 1 {
		t.Errorf("%v, %v", resp, err)
	}
	if _, err := b.targets.ListCompletions(t.Context(), &indicatorv1.ListCompletionsRequest{}); err == nil {
		t.Error("no service reads the clock: as_of is required")
	}
}

// The roll-up through the API.
func TestRollUpThroughTheAPI(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	resp, err := b.targets.RollUp(t.Context(), &indicatorv1.RollUpRequest{
		Zone: "zones/shengzhou-edz", Indicator: "indicators/fai", Period: "2020", Kind: indicatorv1.Kind_KIND_ACTUAL,
	})
	if err != nil || resp.GetComputed() != "" || resp.GetState().GetToken() == "" || resp.GetMessage().GetEn() == "" {
		t.Errorf("%v, %v", resp, err)
	}
	_, err = b.targets.RollUp(t.Context(), &indicatorv1.RollUpRequest{
		Zone: "zones/nowhere", Indicator: "indicators/fai", Period: "2020", Kind: indicatorv1.Kind_KIND_ACTUAL,
	})
	refusedWith(t, err, codes.FailedPrecondition, noReference, "zones/nowhere")
}
