package mask_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/mask"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func present() *indicatorv1.Source {
	return &indicatorv1.Source{
		Name: "sources/a", Title: &typev1.Localized{Zh: "甲", En: "A"}, Publisher: "p", Note: "n",
		PublishDate: &typev1.Date{Year: 2020}, Reliability: indicatorv1.Reliability_RELIABILITY_PRESS, Etag: "r1", Revision: 1,
	}
}

func TestUpdateWritesTheFieldsOfTheMaskAndNoOthers(t *testing.T) {
	t.Parallel()
	sent := &indicatorv1.Source{Name: "sources/b", Title: &typev1.Localized{Zh: "乙"}, Publisher: "q", Etag: "x", Revision: 9}
	for paths, want := range map[string]*indicatorv1.Source{
		"": {Name: "sources/a", Title: &typev1.Localized{Zh: "乙"}, Publisher: "q", Note: "n", PublishDate: &typev1.Date{Year: 2020},
			Reliability: indicatorv1.Reliability_RELIABILITY_PRESS, Etag: "r1", Revision: 1},
		"*":                  {Name: "sources/a", Title: &typev1.Localized{Zh: "乙"}, Publisher: "q", Etag: "r1", Revision: 1},
		"title.zh,note":      {Name: "sources/a", Title: &typev1.Localized{Zh: "乙", En: "A"}, Publisher: "p", PublishDate: &typev1.Date{Year: 2020}, Reliability: indicatorv1.Reliability_RELIABILITY_PRESS, Etag: "r1", Revision: 1},
		"publish_date":       {Name: "sources/a", Title: &typev1.Localized{Zh: "甲", En: "A"}, Publisher: "p", Note: "n", Reliability: indicatorv1.Reliability_RELIABILITY_PRESS, Etag: "r1", Revision: 1},
		"etag,name,revision": present(),
	} {
		var m *fieldmaskpb.FieldMask
		if paths != "" {
			m = &fieldmaskpb.FieldMask{Paths: strings.Split(paths, ",")}
		}
		before := present()
		got, err := mask.Update(before, sent, m)
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("mask %q: %v, %v", paths, got, err)
		}
		if !proto.Equal(before, present()) {
			t.Errorf("mask %q changed the present resource", paths)
		}
	}
}

func TestAMaskThatNamesNoFieldIsRefused(t *testing.T) {
	t.Parallel()
	for path, says := range map[string]string{"titel": `"title"`, "title.fr": "zh, en", "publisher.x": "no fields of its own", "*,note": "alone", "zzzzzz": "fields are"} {
		_, err := mask.Update(present(), present(), &fieldmaskpb.FieldMask{Paths: strings.Split(path, ",")})
		if err == nil || !strings.Contains(err.Error(), says) && says != "alone" || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_INVALID_FILTER {
			t.Errorf("%s: %v", path, err)
		}
	}
}
