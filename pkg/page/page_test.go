package page_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/page"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

func TestSizeHasADefaultAndALimit(t *testing.T) {
	for asked, want := range map[int32]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 5000: 1000} {
		if got := page.Size(asked); got != want {
			t.Errorf("Size(%d) = %d, want %d", asked, got, want)
		}
	}
}

func TestPagesTogetherAreTheListOnceAtOneRevision(t *testing.T) {
	var list []string
	for i := range 25 {
		list = append(list, fmt.Sprintf("zones/z%02d", i))
	}
	fits := func(s string) bool { return s != "zones/z07" }
	want := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !fits(s) })

	req := &zonev1.ListZonesRequest{PageSize: 7, Filter: "simulated"}
	var got []string
	for n := 0; ; n++ {
		p, err := page.Open(req, int64(40+n))
		if err != nil {
			t.Fatal(err)
		}
		if p.Revision != 40 {
			t.Errorf("page %d is read at revision %d, want that of the first page", n, p.Revision)
		}
		items, next, total := page.Cut(p, slices.Values(list), func(s string) string { return s }, fits)
		if total != len(want) {
			t.Errorf("page %d says %d items over all, want %d", n, total, len(want))
		}
		got = append(got, items...)
		if next == "" {
			break
		}
		req.PageToken, req.PageSize = next, 5 // the size may change from page to page
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestALastPageThatIsFullHasNoNext(t *testing.T) {
	p, err := page.Open(&zonev1.ListZonesRequest{PageSize: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, next, total := page.Cut(p, slices.Values([]string{"a", "b"}), func(s string) string { return s }, func(string) bool { return true })
	if next != "" || total != 2 {
		t.Errorf("next = %q, total = %d", next, total)
	}
}

func TestATokenOfAnotherRequestIsRefused(t *testing.T) {
	req := &zonev1.ListZonesRequest{Filter: "simulated"}
	p, err := page.Open(req, 12)
	if err != nil {
		t.Fatal(err)
	}
	token := p.Token("zones/金华")

	fresh := &zonev1.ListZonesRequest{
		Filter: "simulated", PageToken: token, PageSize: 3,
		Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_FullyConsistent{FullyConsistent: true}},
	}
	if q, err := page.Open(fresh, 99); err != nil || q.After != "zones/金华" || q.Revision != 12 {
		t.Errorf("with another size and freshness: %+v, %v", q, err)
	}

	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	for what, bad := range map[string]page.Request{
		"another filter":  &zonev1.ListZonesRequest{Filter: "NOT simulated", PageToken: token},
		"another list":    &zonev1.ListGroupsRequest{Filter: "simulated", PageToken: token},
		"one bit changed": &zonev1.ListZonesRequest{Filter: "simulated", PageToken: base64.RawURLEncoding.EncodeToString(raw)},
		"cut short":       &zonev1.ListZonesRequest{Filter: "simulated", PageToken: token[:10]},
		"not base64":      &zonev1.ListZonesRequest{Filter: "simulated", PageToken: "第二页"},
		"one character":   &zonev1.ListZonesRequest{Filter: "simulated", PageToken: "A"},
	} {
		if _, err := page.Open(bad, 99); fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzOpenNeverPanics(f *testing.F) {
	p, err := page.Open(&zonev1.ListZonesRequest{}, 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Token("zones/a"))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		req := &zonev1.ListZonesRequest{PageToken: token}
		before := proto.Clone(req)
		if p, err := page.Open(req, 7); err == nil && token != "" && p.Token(p.After) != token {
			t.Errorf("token %q is accepted and not reproduced", token)
		}
		if !proto.Equal(req, before) {
			t.Error("the request was changed")
		}
	})
}
