package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/audit"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// written is a ledger with commits of two people, a minute apart, each with two
// resources, and the service over it.
func written(t *testing.T, n int) *audit.Service {
	t.Helper()
	server := ledgertest.Server(t, t.TempDir())
	deps := ledgertest.Deps(t, server)
	now := start
	deps.Now = func() time.Time { return now }
	l, err := ledger.Open(t.Context(), ledger.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	for i := range n {
		now = start.Add(time.Duration(i) * time.Minute)
		method := "CreateZone"
		if i%3 == 0 {
			method = "UpdateZone"
		}
		names := []string{fmt.Sprintf("zones/z-%d", i), "zones/all"}
		_, err := lane.Commit(t.Context(), ledger.Command[*ledgertest.Zones]{
			Method: "/zonebench.zone.v1.ZoneService/" + method, Actor: fmt.Sprintf("person:%d", i%2), RequestID: fmt.Sprint("request ", i), RequestHash: []byte{1},
			Decide: func(*ledgertest.Zones, ledger.Position) (ledger.Proposal, error) {
				return ledger.Proposal{Names: names, Facts: []*ledgerv1.Fact{ledgertest.Fact(names[0], "x"), ledgertest.Fact(names[1], fmt.Sprint(i))}}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := audit.New(l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all pages of a request, as the numbers of the commits.
func all(t *testing.T, s *audit.Service, req *systemv1.ListTransactionsRequest) []int {
	t.Helper()
	var found []int
	for range 100 {
		resp, err := s.ListTransactions(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range resp.GetTransactions() {
			found = append(found, int(tx.GetRevision())-1)
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return found
		}
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestWhoWroteWhatAndWhen(t *testing.T) {
	s := written(t, 20)
	var everything []int
	for i := range 20 {
		everything = append(everything, i)
	}
	only := func(fits func(int) bool) []int {
		var list []int
		for _, i := range everything {
			if fits(i) {
				list = append(list, i)
			}
		}
		return list
	}
	for name, c := range map[string]struct {
		req  *systemv1.ListTransactionsRequest
		want []int
	}{
		"everything":      {&systemv1.ListTransactionsRequest{}, everything},
		"a person":        {&systemv1.ListTransactionsRequest{Actor: "person:1"}, only(func(i int) bool { return i%2 == 1 })},
		"a method":        {&systemv1.ListTransactionsRequest{Method: "UpdateZone"}, only(func(i int) bool { return i%3 == 0 })},
		"a full method":   {&systemv1.ListTransactionsRequest{Method: "/zonebench.zone.v1.ZoneService/UpdateZone"}, only(func(i int) bool { return i%3 == 0 })},
		"part of a name":  {&systemv1.ListTransactionsRequest{Method: "Zone"}, nil},
		"a resource":      {&systemv1.ListTransactionsRequest{Resource: "zones/z-7"}, []int{7}},
		"another":         {&systemv1.ListTransactionsRequest{Resource: "zones/z"}, nil},
		"from a moment":   {&systemv1.ListTransactionsRequest{StartTime: timestamppb.New(start.Add(15 * time.Minute))}, []int{15, 16, 17, 18, 19}},
		"until a moment":  {&systemv1.ListTransactionsRequest{EndTime: timestamppb.New(start.Add(3 * time.Minute))}, []int{0, 1, 2}},
		"between moments": {&systemv1.ListTransactionsRequest{StartTime: timestamppb.New(start.Add(2*time.Minute - 1)), EndTime: timestamppb.New(start.Add(4*time.Minute + 1))}, []int{2, 3, 4}},
		"in the future":   {&systemv1.ListTransactionsRequest{StartTime: timestamppb.New(start.Add(time.Hour))}, nil},
	} {
		for _, size := range []int32{0, 1, 3} {
			for _, descending := range []bool{false, true} {
				c.req.PageSize, c.req.Descending, c.req.PageToken = size, descending, ""
				got := all(t, s, c.req)
				if descending {
					slices.Reverse(got)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s, pages of %d, newest first %t: %v, want %v", name, size, descending, got, c.want)
				}
			}
		}
	}
	resp, err := s.ListTransactions(t.Context(), &systemv1.ListTransactionsRequest{Resource: "zones/z-7"})
	if err != nil {
		t.Fatal(err)
	}
	tx := resp.GetTransactions()[0]
	if tx.GetActor() != "person:1" || tx.GetMethod() != "/zonebench.zone.v1.ZoneService/CreateZone" || tx.GetRequestId() != "request 7" || tx.GetLane() != "zone" ||
		!slices.Equal(tx.GetNames(), []string{"zones/z-7", "zones/all"}) || tx.GetTotalNames() != 2 || tx.GetFacts() != 2 ||
		!tx.GetCommitTime().AsTime().Equal(start.Add(7*time.Minute)) {
		t.Errorf("%v", tx)
	}
}

func TestATokenOfAnotherRequestIsRefused(t *testing.T) {
	s := written(t, 3)
	resp, err := s.ListTransactions(t.Context(), &systemv1.ListTransactionsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ListTransactions(t.Context(), &systemv1.ListTransactionsRequest{PageToken: resp.GetNextPageToken(), Actor: "person:0"})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("error = %v", err)
	}
}

func TestALongSearchWithoutAFindIsCutIntoPages(t *testing.T) {
	s, err := audit.New(long{})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.ListTransactions(t.Context(), &systemv1.ListTransactionsRequest{Actor: "nobody"})
	if err != nil || len(resp.GetTransactions()) != 0 || resp.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", resp, err)
	}
	if found := all(t, s, &systemv1.ListTransactionsRequest{Actor: "nobody"}); len(found) != 0 {
		t.Errorf("%v", found)
	}
}

// long is a ledger of 10,000 commits that are all passed over.
type long struct{}

func (long) Applied() int64                       { return 10_000 }
func (long) WaitFor(context.Context, int64) error { return nil }
func (long) Token(int64) string                   { return "" }
func (long) FirstAt(time.Time) int64              { return 1 }
func (long) CommitAt(context.Context, int64) (*ledgerv1.Commit, error) {
	return nil, nil //nolint:nilnil // as the ledger says it
}
