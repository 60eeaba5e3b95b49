package service

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

func TestAnUpdateIsHeldToTheRulesOfWhatItWrites(t *testing.T) {
	t.Parallel()
	rules, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{rules: rules}
	long := strings.Repeat("长", 201)
	for name, c := range map[string]struct {
		resource *indicatorv1.Indicator
		paths    []string
		says     string // empty: accepted
	}{
		"no mask, a part":             {&indicatorv1.Indicator{Name: "indicators/a", Note: "n"}, nil, ""},
		"no mask, a part of a part":   {&indicatorv1.Indicator{Name: "indicators/a", DisplayName: &typev1.Localized{En: "n"}}, nil, ""},
		"no mask, wrong":              {&indicatorv1.Indicator{Name: "indicators/a", DisplayName: &typev1.Localized{Zh: long}}, nil, "indicator.display_name.zh"},
		"no mask, no such enum value": {&indicatorv1.Indicator{Name: "indicators/a", Nature: 99}, nil, "indicator.nature"},
		"mask, another field":         {&indicatorv1.Indicator{Name: "indicators/a", Note: "n"}, []string{"note"}, ""},
		"mask clears what must be":    {&indicatorv1.Indicator{Name: "indicators/a"}, []string{"display_name"}, "indicator.display_name"},
		"mask clears below":           {&indicatorv1.Indicator{Name: "indicators/a"}, []string{"display_name.zh"}, "indicator.display_name"},
		"mask, wrong but not written": {&indicatorv1.Indicator{Name: "indicators/a", Definition: strings.Repeat("x", 3000)}, []string{"note"}, ""},
		"mask, wrong and written":     {&indicatorv1.Indicator{Name: "indicators/a", Aliases: []string{""}}, []string{"aliases"}, "indicator.aliases[0]"},
		"the whole resource":          {&indicatorv1.Indicator{Name: "indicators/a"}, []string{"*"}, "indicator.display_name"},
		"no resource":                 {nil, nil, "indicator"},
	} {
		req := &indicatorv1.UpdateIndicatorRequest{Indicator: c.resource}
		if c.paths != nil {
			req.UpdateMask = &fieldmaskpb.FieldMask{Paths: c.paths}
		}
		err := e.check(req)
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says+":") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
