package zone_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/revision"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/zone"
)

const (
	invalidField = typev1.ErrorReason_ERROR_REASON_INVALID_FIELD
	noReference  = typev1.ErrorReason_ERROR_REASON_REFERENCE_NOT_FOUND
	contradicts  = typev1.ErrorReason_ERROR_REASON_CONTRADICTS_HISTORY
	notFound     = typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND

	partOf  = zonev1.RelationType_RELATION_TYPE_PART_OF
	merged  = zonev1.RelationType_RELATION_TYPE_MERGED_INTO
	split   = zonev1.RelationType_RELATION_TYPE_SPLIT_FROM
	renamed = zonev1.RelationType_RELATION_TYPE_RENAMED
	title   = zonev1.RelationType_RELATION_TYPE_HOLDS_TITLE

	nation     = zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_NATION
	province   = zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PROVINCE
	prefecture = zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_PREFECTURE
	county     = zonev1.ReferenceUnitType_REFERENCE_UNIT_TYPE_COUNTY
)

func TestAZoneIsRegisteredReadAndChanged(t *testing.T) {
	s, ctx := start(t), t.Context()
	made, err := s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "jinhua-etdz", Zone: zoneOf(" 金华开发区 ", func(z *zonev1.Zone) {
		z.Name, z.Etag, z.Revision = "zones/another", "mine", 77 // output fields are ours
		z.Level = zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL
	})})
	if err != nil {
		t.Fatal(err)
	}
	z := made.GetZone()
	if z.GetName() != "zones/jinhua-etdz" || z.GetDisplayName().GetZh() != "金华开发区" || z.GetEtag() == "mine" ||
		z.GetRevision() != made.GetState().GetRevision() || z.GetCreateTime() == nil || made.GetState().GetToken() == "" {
		t.Errorf("created %v in %v", z, made.GetState())
	}
	var header metadata.MD
	updated, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{
		Zone: &zonev1.Zone{Name: z.GetName(), Etag: z.GetEtag(), Note: "注"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"note", "level", "etag"}},
	}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(z)
	want.Note, want.Level = "注", zonev1.ZoneLevel_ZONE_LEVEL_UNSPECIFIED
	want.Etag, want.Revision, want.UpdateTime = updated.GetZone().GetEtag(), updated.GetZone().GetRevision(), updated.GetZone().GetUpdateTime()
	if !proto.Equal(updated.GetZone(), want) || updated.GetZone().GetEtag() == z.GetEtag() {
		t.Errorf("got %v\nwant %v", updated.GetZone(), want)
	}
	if got := header.Get(revision.RevisionKey); len(got) != 1 || got[0] != fmt.Sprint(updated.GetState().GetRevision()) {
		t.Errorf("the header says revision %v, the answer %d", got, updated.GetState().GetRevision())
	}
	// The past is read as it was.
	then, err := s.GetZone(ctx, &zonev1.GetZoneRequest{Name: z.GetName(), Consistency: exact(z.GetRevision())})
	if err != nil || !proto.Equal(then.GetZone(), z) || then.GetState().GetRevision() != z.GetRevision() {
		t.Errorf("at revision %d: %v, %v", z.GetRevision(), then, err)
	}
	// What changes nothing is not written.
	again, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: z.GetName(), Note: "注"}})
	if err != nil || !proto.Equal(again.GetZone(), updated.GetZone()) || again.GetState().GetRevision() != updated.GetState().GetRevision() {
		t.Errorf("an update without a change: %v, %v", again, err)
	}
}

func TestRequestsAreRefusedWithTheFieldAndTheRemedy(t *testing.T) {
	s, ctx := start(t), t.Context()
	s.zone(t, "aa", "甲")
	create := func(id string, z *zonev1.Zone) error {
		_, err := s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: id, Zone: z})
		return err
	}
	for name, c := range map[string]struct {
		err    error
		reason typev1.ErrorReason
		parts  []string
	}{
		"id form":             {create("Jinhua_ETDZ", zoneOf("乙")), invalidField, []string{"zone_id", `"Jinhua_ETDZ"`}},
		"no zone":             {create("bb", nil), invalidField, []string{"zone"}},
		"no name":             {create("bb", zoneOf("")), invalidField, []string{"zone.display_name.zh"}},
		"blank":               {create("bb", zoneOf("　")), invalidField, []string{"zone.display_name.zh"}},
		"line":                {create("bb", zoneOf("甲\n乙")), invalidField, []string{"zone.display_name.zh", "line break"}},
		"id taken":            {create("aa", zoneOf("乙")), typev1.ErrorReason_ERROR_REASON_RESOURCE_EXISTS, []string{"zones/aa"}},
		"no parent":           {create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.Parent = "zones/none" })), noReference, []string{"zone.parent", "zones/none"}},
		"parent form":         {create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.Parent = "金华" })), invalidField, []string{"zone.parent", "referenceUnits/"}},
		"code":                {create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.DivisionCode = "3307" })), invalidField, []string{"zone.division_code"}},
		"code of no province": {create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.DivisionCode = "990000" })), invalidField, []string{"GB/T 2260"}},
		"generic alias": {
			create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.Aliases = []*zonev1.Alias{{Text: "开发区"}} })),
			invalidField,
			[]string{"zone.aliases[0].contexts", "sources or units"},
		},
		"alias context": {
			create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.Aliases = []*zonev1.Alias{{Text: "x", Contexts: []string{"jinhua-2020"}}} })),
			invalidField,
			[]string{"zone.aliases[0].contexts[0]", "sources/"},
		},
		"alias twice": {
			create("bb", zoneOf("乙", func(z *zonev1.Zone) { z.Aliases = []*zonev1.Alias{{Text: "x1"}, {Text: "ｘ１"}} })),
			invalidField,
			[]string{"zone.aliases[1]", "aliases[0]"},
		},
		"update unknown": {
			func() error {
				_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: zoneOf("乙", func(z *zonev1.Zone) { z.Name = "zones/none" })})
				return err
			}(),
			notFound,
			[]string{"zones/none"},
		},
		"mask": {
			func() error {
				_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{
					Zone: zoneOf("乙", func(z *zonev1.Zone) { z.Name = "zones/aa" }), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"levl"}},
				})
				return err
			}(),
			typev1.ErrorReason_ERROR_REASON_INVALID_FILTER,
			[]string{"did you mean level?"},
		},
		"update to nothing": {
			func() error {
				_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{
					Zone: &zonev1.Zone{Name: "zones/aa"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"type"}},
				})
				return err
			}(),
			invalidField,
			[]string{"zone.type", "ZONE_TYPE_NEW_AREA"},
		},
		"update too long": {
			func() error {
				_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: "zones/aa", Note: strings.Repeat("长", 1001)}})
				return err
			}(),
			invalidField,
			[]string{"zone.note", "1000"},
		},
		"get unknown": {func() error { _, err := s.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/none"}); return err }(), notFound, []string{"zones/none"}},
		"filter": {
			func() error {
				_, err := s.ListZones(ctx, &zonev1.ListZonesRequest{Filter: "levl=national"})
				return err
			}(),
			typev1.ErrorReason_ERROR_REASON_INVALID_FILTER,
			[]string{"character 1", "did you mean level?"},
		},
	} {
		t.Run(name, func(t *testing.T) { wantReason(t, c.err, c.reason, c.parts...) })
	}
	if got := s.ledger.Applied(); got != 1 {
		t.Errorf("refused requests wrote: the ledger is at revision %d", got)
	}
}

func TestNilFieldsDoNotCrash(t *testing.T) {
	if _, err := zone.New(zone.Config{}, zone.Deps{}); err == nil {
		t.Error("a service without a ledger is made")
	}
	s, ctx := start(t), t.Context()
	for _, alias := range [][]*zonev1.Alias{{nil}, {{}}} {
		if _, err := s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "aa", Zone: zoneOf("甲", func(z *zonev1.Zone) { z.Aliases = alias })}); err == nil {
			t.Errorf("%v is accepted", alias)
		}
	}
	if _, err := s.CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: "gg", Group: &zonev1.Group{
		DisplayName: &typev1.Localized{Zh: "组"}, Members: &zonev1.Group_List{List: &zonev1.MemberList{Members: []*zonev1.Member{nil}}},
	}}); err == nil {
		t.Error("a member that is not there is accepted")
	}
	if _, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{}); err == nil {
		t.Error("an update of nothing is accepted")
	}
}

func TestOfSixtyFourCallersWithOneEtagExactlyOneWins(t *testing.T) {
	s, ctx := start(t), t.Context()
	z := s.zone(t, "a1", "甲")
	var mu sync.Mutex
	var won []string
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			note := fmt.Sprintf("caller %d", i)
			_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: z.GetName(), Etag: z.GetEtag(), Note: note}})
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, note)
				return
			}
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH, "read it again")
			wantCode(t, err, codes.Aborted)
		})
	}
	wg.Wait()
	got, err := s.GetZone(ctx, &zonev1.GetZoneRequest{Name: z.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	if len(won) != 1 || got.GetZone().GetNote() != won[0] {
		t.Errorf("%d won: %v; the zone says %q", len(won), won, got.GetZone().GetNote())
	}
}

func TestARetryIsHarmlessAndAReusedIdIsNot(t *testing.T) {
	s, ctx := start(t), t.Context()
	req := &zonev1.CreateZoneRequest{ZoneId: "a1", Zone: zoneOf("甲"), RequestId: "0b7f5c9e-1111-4a4a-9c9c-000000000001"}
	first, err := s.CreateZone(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: "zones/a1", Note: "later"}}); err != nil {
		t.Fatal(err)
	}
	again, err := s.CreateZone(ctx, req)
	if err != nil || !proto.Equal(again, first) {
		t.Errorf("the retry gives %v, %v\nwant %v", again, err, first)
	}
	other := proto.CloneOf(req)
	other.Zone.Note = "another"
	_, err = s.CreateZone(ctx, other)
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED)
}

func TestValidateOnlyTakesTheSamePathAndWritesNothing(t *testing.T) {
	s, ctx := start(t), t.Context()
	resp, err := s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "a1", Zone: zoneOf("甲", func(z *zonev1.Zone) { z.Simulated = true }), ValidateOnly: true})
	if err != nil || resp.GetZone().GetDisplayName().GetZh() != "甲〔模拟〕" || resp.GetZone().GetEtag() != "" {
		t.Errorf("got %v, %v", resp, err)
	}
	_, err = s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "a1", Zone: zoneOf("甲", func(z *zonev1.Zone) { z.Parent = "zones/x" }), ValidateOnly: true})
	wantReason(t, err, noReference)
	if s.ledger.Applied() != 0 {
		t.Error("a dry run wrote")
	}
	_, err = s.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/a1"})
	wantCode(t, err, codes.NotFound)
}

func TestParentsFormNoCycle(t *testing.T) {
	s, ctx := start(t), t.Context()
	s.zone(t, "a1", "甲")
	s.zone(t, "b1", "乙", func(z *zonev1.Zone) { z.Parent = "zones/a1" })
	s.zone(t, "c1", "丙", func(z *zonev1.Zone) { z.Parent = "zones/b1" })
	move := func(id, parent string) error {
		_, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: "zones/" + id, Parent: parent}})
		return err
	}
	wantReason(t, move("a1", "zones/c1"), contradicts, "zone.parent", "zones/c1 lies in zones/a1")
	wantReason(t, move("a1", "zones/a1"), contradicts, "zone.parent")
	// Nor together with relations.
	s.zone(t, "d1", "丁")
	if _, err := s.relate(t, "a-in-d", &zonev1.Relation{Type: partOf, Zone: "zones/a1", Other: "zones/d1"}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, move("d1", "zones/c1"), contradicts, "zone.parent")
}

func TestReferenceUnitsLieInHigherOnes(t *testing.T) {
	s, ctx := start(t), t.Context()
	s.unit(t, "china", "中国", nation, "", "")
	s.unit(t, "zhejiang", "浙江省", province, "referenceUnits/china", "330000")
	s.unit(t, "jinhua", "金华市", prefecture, "referenceUnits/zhejiang", "330700")
	s.unit(t, "yiwu", "义乌市", county, "referenceUnits/jinhua", "330782")
	create := func(level zonev1.ReferenceUnitType, parent, code string) error {
		_, err := s.CreateReferenceUnit(ctx, &zonev1.CreateReferenceUnitRequest{ReferenceUnitId: "x1", ReferenceUnit: &zonev1.ReferenceUnit{
			DisplayName: &typev1.Localized{Zh: "某"}, Type: level, Parent: parent, DivisionCode: code,
		}})
		return err
	}
	wantReason(t, create(prefecture, "referenceUnits/yiwu", ""), invalidField, "reference_unit.parent", "not above a prefecture")
	wantReason(t, create(nation, "referenceUnits/zhejiang", ""), invalidField, "has no parent")
	wantReason(t, create(county, "referenceUnits/none", ""), noReference, "referenceUnits/none")
	wantReason(t, create(province, "referenceUnits/china", "330700"), invalidField, "ends in 0000")
	wantReason(t, create(prefecture, "referenceUnits/zhejiang", "330783"), invalidField, "ends in 00")
	wantReason(t, create(county, "referenceUnits/jinhua", "341502"), invalidField, "reference_unit.division_code", "in province 340000", "in 330000")
	_, err := s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "z1", Zone: zoneOf("某区", func(z *zonev1.Zone) {
		z.Parent, z.DivisionCode = "referenceUnits/jinhua", "341502"
	})})
	wantReason(t, err, invalidField, "zone.division_code", "in province 340000")
}

func TestSimulatedStaysSimulated(t *testing.T) {
	s, ctx := start(t), t.Context()
	z := s.zone(t, "sim", "示例开发区", func(z *zonev1.Zone) { z.Simulated = true })
	s.zone(t, "sim2", "示例新区", func(z *zonev1.Zone) { z.Simulated, z.DivisionCode = true, "990100" }) // of an invented province
	if z.GetDisplayName().GetZh() != "示例开发区〔模拟〕" {
		t.Errorf("a simulated zone is called %s", z.GetDisplayName().GetZh())
	}
	// Read, change, write: the mark does not double, and cannot be lost.
	z.Note = "x"
	resp, err := s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: z, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}}})
	if err != nil || resp.GetZone().GetDisplayName().GetZh() != "示例开发区〔模拟〕" {
		t.Errorf("got %v, %v", resp, err)
	}
	_, err = s.UpdateZone(ctx, &zonev1.UpdateZoneRequest{Zone: &zonev1.Zone{Name: z.GetName()}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"simulated"}}})
	wantReason(t, err, invalidField, "zone.simulated")
	_, err = s.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: "real", Zone: zoneOf("真园", func(z *zonev1.Zone) { z.Parent = "zones/sim" })})
	wantReason(t, err, invalidField, "zone.simulated", "zones/sim is simulated")
}

func TestRelationsAreTypedAndDated(t *testing.T) {
	s, ctx := start(t), t.Context()
	for _, id := range []string{"qiantang", "hangzhou-etdz", "dajiangdong", "xiasha", "other"} {
		s.zone(t, id, id)
	}
	z := func(id string) string { return "zones/" + id }
	if _, err := s.relate(t, "title", &zonev1.Relation{Type: title, Zone: z("qiantang"), Other: z("hangzhou-etdz"), StartDate: date(2019, 4, 0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.relate(t, "merge", &zonev1.Relation{Type: merged, Zone: z("dajiangdong"), Other: z("qiantang"), StartDate: date(2019, 4, 0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.relate(t, "part", &zonev1.Relation{Type: partOf, Zone: z("xiasha"), Other: z("qiantang"), StartDate: date(2019, 0, 0), EndDate: date(2021, 4, 9)}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		relation *zonev1.Relation
		reason   typev1.ErrorReason
		parts    []string
	}{
		"unknown zone": {&zonev1.Relation{Type: partOf, Zone: z("none"), Other: z("other")}, noReference, []string{"relation.zone", "zones/none"}},
		"itself":       {&zonev1.Relation{Type: partOf, Zone: z("other"), Other: z("other")}, invalidField, []string{"relation.other"}},
		"no such day":  {&zonev1.Relation{Type: partOf, Zone: z("other"), Other: z("xiasha"), StartDate: date(2019, 2, 29)}, invalidField, []string{"relation.start_date", "28 days"}},
		"ends before it starts": {
			&zonev1.Relation{Type: partOf, Zone: z("other"), Other: z("xiasha"), StartDate: date(2020, 1, 1), EndDate: date(2020, 0, 0)},
			invalidField,
			[]string{"relation.end_date"},
		},
		"the ended zone takes no new relation": {
			&zonev1.Relation{Type: partOf, Zone: z("other"), Other: z("dajiangdong"), StartDate: date(2019, 5, 0)},
			contradicts,
			[]string{"zones/dajiangdong has ended by relations/merge on 2019-04"},
		},
		"a zone ends once": {
			&zonev1.Relation{Type: merged, Zone: z("dajiangdong"), Other: z("other"), StartDate: date(2018, 0, 0)},
			contradicts,
			[]string{"ended by relations/merge"},
		},
		"it would end before its relations begin": {
			&zonev1.Relation{Type: renamed, Zone: z("other"), Other: z("qiantang"), StartDate: date(2018, 0, 0)},
			contradicts,
			[]string{"zones/qiantang would have ended before"},
		},
		"one title, one holder": {
			&zonev1.Relation{Type: title, Zone: z("other"), Other: z("hangzhou-etdz"), StartDate: date(2020, 0, 0)},
			contradicts,
			[]string{"zones/qiantang holds this title"},
		},
		"said already": {
			&zonev1.Relation{Type: partOf, Zone: z("xiasha"), Other: z("qiantang"), StartDate: date(2020, 0, 0)},
			contradicts,
			[]string{"relations/part says the same"},
		},
		"part of its part": {
			&zonev1.Relation{Type: partOf, Zone: z("qiantang"), Other: z("xiasha"), StartDate: date(2021, 4, 8)},
			contradicts,
			[]string{"zones/xiasha is part of zones/qiantang"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.relate(t, "new", c.relation)
			wantReason(t, err, c.reason, c.parts...)
		})
	}
	// What is a cycle at one date is none at another.
	if _, err := s.relate(t, "turned", &zonev1.Relation{Type: partOf, Zone: z("qiantang"), Other: z("xiasha"), StartDate: date(2021, 4, 9)}); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	// The order within the month of the end is not known, so it is not judged.
	if _, err := s.relate(t, "same-month", &zonev1.Relation{Type: split, Zone: z("other"), Other: z("dajiangdong"), StartDate: date(2019, 4, 0)}); err != nil {
		t.Errorf("in the month of the end: %v", err)
	}
	// The titled zone lives on.
	if _, err := s.relate(t, "titled-part", &zonev1.Relation{Type: partOf, Zone: z("other"), Other: z("hangzhou-etdz"), StartDate: date(2022, 0, 0)}); err != nil {
		t.Errorf("a titled zone takes relations: %v", err)
	}
	for _, r := range []*zonev1.Relation{{Name: "relations/title", Type: partOf}, {Name: "relations/title", Other: z("other")}} {
		_, err := s.UpdateRelation(ctx, &zonev1.UpdateRelationRequest{Relation: r, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"type", "other"}}})
		wantCode(t, err, codes.InvalidArgument)
	}
	list := func(req *zonev1.ListRelationsRequest) string {
		resp, err := s.ListRelations(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(names(resp.GetRelations()), "relations/", "")
	}
	if got := list(&zonev1.ListRelationsRequest{Zone: z("xiasha"), AsOf: date(2020, 0, 0)}); got != "part" {
		t.Errorf("as of 2020: %s", got)
	}
	if got := list(&zonev1.ListRelationsRequest{Zone: z("xiasha"), AsOf: date(2021, 0, 0)}); got != "turned" {
		t.Errorf("as of 2021: %s", got)
	}
	if got := list(&zonev1.ListRelationsRequest{Filter: "type=holds_title"}); got != "title" {
		t.Errorf("by type: %s", got)
	}
}

func TestGroupsByListAndByFilter(t *testing.T) {
	s, ctx := start(t), t.Context()
	national := func(z *zonev1.Zone) { z.Level = zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL }
	s.zone(t, "a1", "甲", national)
	s.zone(t, "b1", "乙", national)
	s.zone(t, "c1", "丙")
	create := func(id string, g *zonev1.Group) error {
		g.DisplayName = &typev1.Localized{Zh: "组"}
		_, err := s.CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: id, Group: g})
		return err
	}
	list := func(members ...*zonev1.Member) *zonev1.Group {
		return &zonev1.Group{Members: &zonev1.Group_List{List: &zonev1.MemberList{Members: members}}}
	}
	filtered := func(text string) *zonev1.Group { return &zonev1.Group{Members: &zonev1.Group_Filter{Filter: text}} }
	wantReason(t, create("bad", &zonev1.Group{}), invalidField, "group.members")
	wantReason(t, create("bad", list(&zonev1.Member{Zone: "zones/none"})), noReference, "group.list.members[0].zone")
	wantReason(t, create("bad", list(&zonev1.Member{Zone: "zones/a1"}, &zonev1.Member{Zone: "zones/a1", StartDate: date(2020, 0, 0)})),
		invalidField, "group.list.members[1].zone", "twice")
	wantReason(t, create("bad", list(&zonev1.Member{Zone: "zones/a1", StartDate: date(2020, 0, 0), EndDate: date(2019, 0, 0)})),
		invalidField, "group.list.members[0].end_date")
	wantReason(t, create("bad", filtered("level=natonal")), typev1.ErrorReason_ERROR_REASON_INVALID_FILTER, "group.filter", "did you mean national?")

	if err := create("list", list(&zonev1.Member{Zone: "zones/a1", EndDate: date(2021, 0, 0)}, &zonev1.Member{Zone: "zones/c1"})); err != nil {
		t.Fatal(err)
	}
	if err := create("filter", filtered("level=national")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.relate(t, "end", &zonev1.Relation{Type: merged, Zone: "zones/b1", Other: "zones/a1", StartDate: date(2021, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	members := func(group string, asOf *typev1.Date) string {
		resp, err := s.ListGroupMembers(ctx, &zonev1.ListGroupMembersRequest{Group: group, AsOf: asOf})
		if err != nil {
			t.Fatal(err)
		}
		return names(resp.GetZones())
	}
	for _, c := range []struct {
		group string
		year  int32
		want  string
	}{{"groups/list", 2020, "a1 c1"}, {"groups/list", 2021, "c1"}, {"groups/filter", 2020, "a1 b1"}, {"groups/filter", 2021, "a1"}} {
		if got := members(c.group, date(c.year, 0, 0)); got != c.want {
			t.Errorf("%s in %d: %s, want %s", c.group, c.year, got, c.want)
		}
	}
	_, err := s.ListGroupMembers(ctx, &zonev1.ListGroupMembersRequest{Group: "groups/list"})
	wantReason(t, err, invalidField, "as_of")

	// From a list to a filter, then gone, but readable in the past.
	g, err := s.UpdateGroup(ctx, &zonev1.UpdateGroupRequest{
		Group: &zonev1.Group{Name: "groups/list", Members: &zonev1.Group_Filter{Filter: "simulated"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"filter"}},
	})
	if err != nil || g.GetGroup().GetFilter() != "simulated" || g.GetGroup().GetList() != nil {
		t.Errorf("got %v, %v", g, err)
	}
	_, err = s.DeleteGroup(ctx, &zonev1.DeleteGroupRequest{Name: "groups/list", Etag: "old"})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH)
	if _, err = s.DeleteGroup(ctx, &zonev1.DeleteGroupRequest{Name: "groups/list", Etag: g.GetGroup().GetEtag()}); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetGroup(ctx, &zonev1.GetGroupRequest{Name: "groups/list"})
	wantReason(t, err, notFound)
	if _, err = s.GetGroup(ctx, &zonev1.GetGroupRequest{Name: "groups/list", Consistency: exact(g.GetState().GetRevision())}); err != nil {
		t.Errorf("the deleted group is not readable in the past: %v", err)
	}
}

func TestPagesAreOfOneRevision(t *testing.T) {
	s, ctx := start(t), t.Context()
	for _, id := range []string{"a1", "b1", "c1", "d1", "e1"} {
		s.zone(t, id, id)
	}
	req := &zonev1.ListZonesRequest{PageSize: 2, Filter: "NOT simulated"}
	var got []string
	for n := 0; ; n++ {
		resp, err := s.ListZones(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetTotalSize() != 5 || resp.GetState().GetRevision() != 5 {
			t.Errorf("page %d: %d zones over all at revision %d", n, resp.GetTotalSize(), resp.GetState().GetRevision())
		}
		got = append(got, names(resp.GetZones()))
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
		s.zone(t, fmt.Sprintf("a%d", n+2), "later") // not in this list
	}
	if want := "a1 b1|c1 d1|e1"; strings.Join(got, "|") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	first, err := s.ListZones(ctx, &zonev1.ListZonesRequest{PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ListZones(ctx, &zonev1.ListZonesRequest{PageToken: first.GetNextPageToken(), Filter: "simulated"})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN)
	then, err := s.ListZones(ctx, &zonev1.ListZonesRequest{Consistency: exact(3)})
	if err != nil || names(then.GetZones()) != "a1 b1 c1" {
		t.Errorf("at revision 3: %v, %v", then, err)
	}
}

func TestResolveZonesAnswersInOrder(t *testing.T) {
	s, ctx := start(t), t.Context()
	s.unit(t, "shengzhou", "嵊州市", county, "", "330683")
	in := func(contexts ...string) func(*zonev1.Zone) {
		return func(z *zonev1.Zone) {
			z.Parent, z.Aliases = "referenceUnits/shengzhou", []*zonev1.Alias{{Text: "嵊州", Contexts: contexts}}
		}
	}
	s.zone(t, "shengzhou-edz", "嵊州经济开发区", in("zones/shengzhou-edz")) // in itself: allowed before it exists
	s.zone(t, "shengzhou-chengnan-na", "嵊州城南新区", in("zones/shengzhou-chengnan-na"))
	resp, err := s.ResolveZones(ctx, &zonev1.ResolveZonesRequest{Queries: []*zonev1.ZoneQuery{
		{Text: "嵊州市"}, {Text: "嵊州"}, {Text: "嵊州", Context: "zones/shengzhou-edz"}, {Text: "QQ"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range resp.GetResolutions() {
		got = append(got, fmt.Sprintf("%s %s %d", strings.TrimPrefix(r.GetOutcome().String(), "OUTCOME_"), r.GetSubject(), len(r.GetCandidates())))
	}
	want := "RESOLVED referenceUnits/shengzhou 1|AMBIGUOUS  2|RESOLVED zones/shengzhou-edz 1|UNKNOWN  0"
	if strings.Join(got, "|") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "|"), want)
	}
	_, err = s.ResolveZones(ctx, &zonev1.ResolveZonesRequest{})
	wantReason(t, err, invalidField)
}

func TestEveryTransactionIsPublished(t *testing.T) {
	s, ctx := start(t), t.Context()
	s.zone(t, "a1", "甲")
	s.importTable(t, zonev1.RegistryTable_REGISTRY_TABLE_ZONES, "id,type,name_zh\nb1,new_area,乙\nc1,new_area,丙\n")
	if _, err := s.CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: "gg", Group: &zonev1.Group{
		DisplayName: &typev1.Localized{Zh: "组"}, Members: &zonev1.Group_Filter{Filter: "simulated"},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteGroup(ctx, &zonev1.DeleteGroupRequest{Name: "groups/gg"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"zones/a1 -", "zones/b1 zones/c1 -", "groups/gg -", "groups/gg - groups/gg"}
	var got []string
	done := fmt.Errorf("enough")
	err := event.Subscribe(ctx, s.deps.JetStream, "zone.changed", event.ID{}, func(e event.Event) error {
		var data eventv1.ZoneChanged
		if err := e.Decode(&data); err != nil {
			return err
		}
		if at, err := s.ledger.Revision(data.GetToken()); err != nil || at != data.GetRevision() || data.GetRevision() != e.ID.Revision {
			t.Errorf("event %v has token of revision %d, %v", e.ID, at, err)
		}
		got = append(got, strings.TrimSpace(strings.Join(data.GetNames(), " ")+" - "+strings.Join(data.GetDeleted(), " ")))
		if len(got) == len(want) {
			return done
		}
		return nil
	})
	if err != done || strings.Join(got, "|") != strings.Join(want, "|") { //nolint:errorlint // the very error
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
}

func BenchmarkListZones(b *testing.B) {
	s := start(b)
	var table strings.Builder
	table.WriteString("id,type,level,name_zh\n")
	for i := range 2000 {
		fmt.Fprintf(&table, "z%04d,economic_development_zone,provincial,示例%d号经济开发区\n", i, i)
	}
	s.importTable(b, zonev1.RegistryTable_REGISTRY_TABLE_ZONES, table.String())
	for name, req := range map[string]*zonev1.ListZonesRequest{
		"page of 100": {}, "filtered": {Filter: `level=provincial AND display_name.zh:"77号"`},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.ListZones(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
