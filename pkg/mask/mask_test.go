package mask_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/mask"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

func of(paths ...string) *fieldmaskpb.FieldMask {
	if len(paths) == 0 {
		return nil
	}
	return &fieldmaskpb.FieldMask{Paths: paths}
}

func TestApplyWritesWhatTheMaskNames(t *testing.T) {
	old := &zonev1.Zone{
		Name: "zones/a", DisplayName: &typev1.Localized{Zh: "甲", En: "A"}, Note: "note", Etag: "r1",
		Aliases: []*zonev1.Alias{{Text: "x"}}, Level: zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL,
	}
	src := &zonev1.Zone{
		Name: "zones/b", DisplayName: &typev1.Localized{Zh: "乙"}, Etag: "r9", Basis: "basis", Aliases: []*zonev1.Alias{{Text: "y"}, {Text: "z"}},
	}
	for name, c := range map[string]struct {
		mask *fieldmaskpb.FieldMask
		want func(*zonev1.Zone)
	}{
		"absent: what is set": {of(), func(z *zonev1.Zone) {
			z.DisplayName.Zh, z.Basis, z.Aliases = "乙", "basis", src.GetAliases()
		}},
		"one field":     {of("basis"), func(z *zonev1.Zone) { z.Basis = "basis" }},
		"one cleared":   {of("note", "level"), func(z *zonev1.Zone) { z.Note, z.Level = "", 0 }},
		"nested":        {of("display_name.zh"), func(z *zonev1.Zone) { z.DisplayName.Zh = "乙" }},
		"nested clears": {of("display_name.en"), func(z *zonev1.Zone) { z.DisplayName.En = "" }},
		"a message":     {of("display_name"), func(z *zonev1.Zone) { z.DisplayName = src.GetDisplayName() }},
		"kept":          {of("name", "etag"), func(*zonev1.Zone) {}},
		"all": {of("*"), func(z *zonev1.Zone) {
			proto.Reset(z)
			z.Name, z.Etag, z.DisplayName, z.Basis, z.Aliases = "zones/a", "r1", src.GetDisplayName(), "basis", src.GetAliases()
		}},
	} {
		if err := mask.Check(c.mask, old.ProtoReflect().Descriptor()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, want, from := proto.CloneOf(old), proto.CloneOf(old), proto.CloneOf(src)
		c.want(want)
		mask.Apply(c.mask, got, from, "name", "etag")
		if !proto.Equal(got, want) {
			t.Errorf("%s: got %v\nwant %v", name, got, want)
		}
		if !proto.Equal(from, src) {
			t.Errorf("%s: the source was changed", name)
		}
	}
}

func TestOneMemberOfAOneofReplacesTheOther(t *testing.T) {
	for _, paths := range [][]string{{"filter"}, {"list", "filter"}, {"filter", "list"}, {"*"}, nil} {
		g := &zonev1.Group{Members: &zonev1.Group_List{List: &zonev1.MemberList{Members: []*zonev1.Member{{Zone: "zones/a"}}}}}
		mask.Apply(of(paths...), g, &zonev1.Group{Members: &zonev1.Group_Filter{Filter: "simulated"}})
		if g.GetFilter() != "simulated" || g.GetList() != nil {
			t.Errorf("%v: %v", paths, g)
		}
	}
}

func TestAWrongPathIsNamed(t *testing.T) {
	for path, want := range map[string]string{
		"levl": "did you mean level?", "display_name.cn": `no field "display_name.cn"`, "name.x": "not a message", "aliases.text": "a list", "": "has no field",
	} {
		err := mask.Check(of(path), (&zonev1.Zone{}).ProtoReflect().Descriptor())
		if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_INVALID_FILTER || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if mask.Check(of("*", "note"), (&zonev1.Zone{}).ProtoReflect().Descriptor()) == nil {
		t.Error("* beside another path is accepted")
	}
}
