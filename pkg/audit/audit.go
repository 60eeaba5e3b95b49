// Package audit tells who wrote what: zonebench.system.v1.AuditService, read
// from the ledger itself, which nobody can change. Every process serves it.
package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/revision"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const (
	// patience is how many revisions are read for one page at most.
	patience = 2000
	// apart is how far the clocks of the lanes' committers are from each other at most.
	apart = time.Hour
	// shown is how many names of a transaction are told.
	shown = 100
)

// Ledger is what is asked of *ledger.Ledger, which documents the methods.
type Ledger interface {
	Applied() int64
	WaitFor(ctx context.Context, revision int64) error
	Token(revision int64) string
	FirstAt(moment time.Time) int64
	CommitAt(ctx context.Context, revision int64) (*ledgerv1.Commit, error)
}

// Service serves AuditService.
type Service struct {
	systemv1.UnsafeAuditServiceServer // A method without a body must not compile.

	ledger Ledger
}

// New makes the service over a ledger.
func New(l Ledger) (*Service, error) {
	if l == nil {
		return nil, errors.New("audit: a ledger is needed")
	}
	return &Service{ledger: l}, nil
}

// Name implements service.Service.
func (s *Service) Name() string { return "audit" }

// Register implements service.Service.
func (s *Service) Register(r grpc.ServiceRegistrar) { systemv1.RegisterAuditServiceServer(r, s) }

// Run implements service.Service: there is nothing to do between calls.
func (s *Service) Run(context.Context) error { return nil }

// place is where a page ends: a transaction, by revision and index.
type place struct {
	revision int64
	index    int
}

func (p place) String() string { return fmt.Sprintf("%d %d", p.revision, p.index) }

// ListTransactions implements zonebench.system.v1.AuditService.
func (s *Service) ListTransactions(ctx context.Context, req *systemv1.ListTransactionsRequest) (*systemv1.ListTransactionsResponse, error) {
	at := revision.At(ctx)
	if at == 0 {
		at = s.ledger.Applied()
	}
	p, err := page.Open(req, at)
	if err != nil {
		return nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	if err := s.ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, err //nolint:wrapcheck // faults go to the caller as they are
	}
	resp := &systemv1.ListTransactionsResponse{State: &typev1.ReadState{Revision: p.Revision, Token: s.ledger.Token(p.Revision)}}
	first, last := s.between(req, p.Revision)
	step, next := int64(1), place{first, -1}
	if req.GetDescending() {
		step, next = -1, place{last, math.MaxInt}
	}
	if p.After != "" {
		if _, err := fmt.Sscan(p.After, &next.revision, &next.index); err != nil {
			return nil, fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN,
				"page_token: not a token of this list: start again without one")
		}
	}
	for read := 0; next.revision >= first && next.revision <= last; read++ {
		if read == patience {
			resp.NextPageToken = p.Token(next.String())
			return resp, nil
		}
		full, err := s.page(ctx, req, resp, p.Size, &next)
		if err != nil {
			return nil, err
		}
		if full {
			resp.NextPageToken = p.Token(next.String())
			return resp, nil
		}
		next = place{next.revision + step, -1}
		if step < 0 {
			next.index = math.MaxInt
		}
	}
	return resp, nil
}

// between are the revisions in which a request may find something.
func (s *Service) between(req *systemv1.ListTransactionsRequest, newest int64) (first, last int64) {
	first, last = 1, newest
	if req.GetStartTime() != nil {
		// The ledger's time never runs backwards, so no later commit time is before its first revision at a moment.
		if first = s.ledger.FirstAt(req.GetStartTime().AsTime()); first == 0 {
			return 1, 0
		}
	}
	if req.GetEndTime() != nil {
		if end := s.ledger.FirstAt(req.GetEndTime().AsTime().Add(apart)); end != 0 {
			last = min(last, end)
		}
	}
	return first, last
}

// page adds the transactions of one commit that are asked for and lie behind
// next, which moves to the last that was added. Full says that no more fit,
// and that there may be more.
func (s *Service) page(
	ctx context.Context, req *systemv1.ListTransactionsRequest, resp *systemv1.ListTransactionsResponse, size int, next *place,
) (full bool, err error) {
	commit, err := s.ledger.CommitAt(ctx, next.revision)
	if err != nil {
		return false, err //nolint:wrapcheck // faults go to the caller as they are
	}
	if commit == nil {
		return false, nil
	}
	if at := commit.GetCommitTime().AsTime(); req.GetStartTime() != nil && at.Before(req.GetStartTime().AsTime()) ||
		req.GetEndTime() != nil && !at.Before(req.GetEndTime().AsTime()) {
		return false, nil
	}
	list, err := ledger.Transactions(commit)
	if err != nil {
		return false, err //nolint:wrapcheck // faults go to the caller as they are
	}
	order := make([]int, 0, len(list))
	for i := range list {
		if i > next.index && !req.GetDescending() || i < next.index && req.GetDescending() {
			order = append(order, i)
		}
	}
	if req.GetDescending() {
		slices.Reverse(order)
	}
	for _, i := range order {
		if !wanted(req, list[i]) {
			continue
		}
		if len(resp.GetTransactions()) == size {
			return true, nil
		}
		resp.Transactions = append(resp.GetTransactions(), told(commit, next.revision, i, list[i]))
		next.index = i
	}
	return false, nil
}

func wanted(req *systemv1.ListTransactionsRequest, tx *ledgerv1.Transaction) bool {
	return (req.GetActor() == "" || req.GetActor() == tx.GetActor()) &&
		(req.GetMethod() == "" || req.GetMethod() == tx.GetMethod() || strings.HasSuffix(tx.GetMethod(), "/"+req.GetMethod())) &&
		(req.GetResource() == "" || slices.Contains(tx.GetNames(), req.GetResource()))
}

func told(commit *ledgerv1.Commit, revision int64, index int, tx *ledgerv1.Transaction) *systemv1.Transaction {
	names := tx.GetNames()
	return &systemv1.Transaction{
		Revision: revision, Index: int32(index), CommitTime: timestamppb.New(commit.GetCommitTime().AsTime()), Lane: commit.GetLane(),
		Actor: tx.GetActor(), Method: tx.GetMethod(), RequestId: tx.GetRequestId(),
		Names: names[:min(len(names), shown)], TotalNames: int32(len(names)), Facts: int32(len(tx.GetFacts())), TraceParent: tx.GetTraceparent(),
	}
}
