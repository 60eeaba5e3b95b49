package ranking

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/composite"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/page"
	"zonebench.internal/pkg/revision"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/standing"
)

// unpublishable refuses to release what is not ready.
func unpublishable(format string, args ...any) error {
	return fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD, format, args...)
}

// CreateRelease implements zonebench.ranking.v1.LiveRankingService. Everything is
// computed before the command is decided; the decision holds it against the
// ledger as it has become.
func (s *Service) CreateRelease(ctx context.Context, req *rankingv1.CreateReleaseRequest) (*rankingv1.CreateReleaseResponse, error) {
	if s.deps.SigningKey == nil {
		return nil, unpublishable("releases are signed and this service has no key: set ZONEBENCH_RANKING_SIGNING_KEY_FILE " +
			"to an Ed25519 key, made by openssl genpkey -algorithm ed25519")
	}
	if req.GetTitle() != nil && req.GetTitle().GetZh() == "" {
		return nil, fault.InvalidField("title.zh", "is missing: give the title in Chinese, or none at all")
	}
	name := req.GetParent()
	draft, err := s.draft(ctx, req)
	if err != nil {
		return nil, err
	}
	c, err := command.New(ctx, rankingv1.LiveRankingService_CreateRelease_FullMethodName, req,
		func(state *Published, _ ledger.Position) (ledger.Proposal, error) {
			return s.decideRelease(state, req, draft)
		})
	if err != nil {
		return nil, err
	}
	receipt, err := s.deps.Lane.Commit(ctx, c)
	if err != nil {
		return nil, err
	}
	if command.ValidateOnly(req) {
		return &rankingv1.CreateReleaseResponse{Release: draft.release, State: revision.State(ctx)}, nil
	}
	state, _ := s.deps.Lane.Current()
	for r := range state.View(receipt.Revision).releases(name) {
		if r.GetRevision() == receipt.Revision && r.GetHead().GetVersion() == req.GetVersion() {
			return &rankingv1.CreateReleaseResponse{Release: r, State: revision.Written(ctx, receipt.Revision)}, nil
		}
	}
	return nil, fault.NotFound(name + "/releases")
}

// maxChanges bounds what a release tells of the one before, so that it fits into
// a commit whatever the group's size.
const maxChanges = 1000

// draft is a release before it is decided.
type draft struct {
	release *rankingv1.Release
	side    side
	rows    []byte
	// refused is why nothing can be published. The command is sent all the same: a
	// retry of one that was carried out is answered with its release.
	refused error
}

// draft computes what would be published.
func (s *Service) draft(ctx context.Context, req *rankingv1.CreateReleaseRequest) (*draft, error) {
	d := &draft{}
	now, err := s.reading(ctx, 0)
	if err != nil {
		return nil, err
	}
	ranking, v, err := s.read(ctx, req.GetParent(), now)
	if err != nil {
		return nil, err
	}
	d.refused = releasable(ranking, v.Head, req.GetVersion())
	if d.refused != nil {
		return d, nil //nolint:nilerr // it is told when the command is decided
	}
	table, err := s.source.table(req.GetParent(), now)
	if err != nil {
		return nil, err
	}
	if d.rows, err = deflated(v.Rows); err != nil {
		return nil, err
	}
	d.side = side{ranking: ranking, head: v.Head, rows: bySubject(v.Rows)}
	d.release = &rankingv1.Release{
		Title: standing.Marked(req.GetTitle(), v.Head.GetSimulated()), Note: req.GetNote(), Ranking: ranking, Head: v.Head,
		Seal: sealed(table, v.Rows, composite.Version), Actor: auth.Actor(ctx),
	}
	return d, nil
}

// releasable says why a version of a ranking is not to be published, nil when it is.
func releasable(r *rankingv1.Ranking, head *rankingv1.VersionHead, version int64) error {
	switch r.GetState() {
	case rankingv1.RankingState_RANKING_STATE_FORMAL, rankingv1.RankingState_RANKING_STATE_FINAL:
	default:
		return unpublishable("%s is %s: a release is made of a FORMAL or FINAL ranking; update its state first", r.GetName(), stateWord(r.GetState()))
	}
	if head.GetVersion() != version {
		return fault.New(codes.Aborted, typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH,
			"version %d of %s is not the newest any more, %d is: look at it and release that one", version, r.GetName(), head.GetVersion()).
			With("resource", r.GetName())
	}
	if head.GetPlaced() == 0 {
		return unpublishable("%s has no places: %s", r.GetName(), english(head.GetReason()))
	}
	return nil
}

// decideRelease numbers and signs a draft. It runs on the committer.
func (s *Service) decideRelease(state *Published, req *rankingv1.CreateReleaseRequest, d *draft) (ledger.Proposal, error) {
	if d.refused != nil {
		return ledger.Proposal{}, d.refused
	}
	view := state.View(0)
	ranking, ok := view.Ranking(req.GetParent())
	if !ok {
		return ledger.Proposal{}, fault.NotFound(req.GetParent())
	}
	// What the lane decided since, and what the other lanes have folded since.
	version, err := s.source.VersionAt(req.GetParent(), s.deps.Ledger.Applied())
	if err != nil {
		return ledger.Proposal{}, err
	}
	if ranking.GetRevision() > d.release.GetRanking().GetRevision() {
		version = ranking.GetRevision()
	}
	head := proto.CloneOf(d.release.GetHead())
	head.Version = version
	if err := releasable(ranking, head, req.GetVersion()); err != nil {
		return ledger.Proposal{}, err
	}
	r := proto.CloneOf(d.release)
	r.Number = 1
	if last := view.lastRelease(req.GetParent()); last != nil {
		rows, err := rowsOf(last)
		if err != nil {
			return ledger.Proposal{}, err
		}
		r.Number = last.release.GetNumber() + 1
		changes := moves(side{ranking: last.release.GetRanking(), head: last.release.GetHead(), rows: bySubject(rows)}, d.side)
		r.TotalChanges = int32(len(changes))
		r.Changes = changes[:min(len(changes), maxChanges)]
	}
	r.Name = releaseName(req.GetParent(), r.GetNumber())
	signRelease(r, s.deps.SigningKey)
	return ledger.Proposal{
		Facts: []*ledgerv1.Fact{{Kind: &ledgerv1.Fact_Released{Released: &ledgerv1.Released{Release: r, Rows: d.rows}}}},
		Names: []string{r.GetName()},
	}, nil
}

// releaseOf gives a release that the caller may see, with its rows.
func (s *Service) releaseOf(ctx context.Context, name string, at int64) (*rankingv1.Release, []*rankingv1.Standing, error) {
	state, _ := s.deps.Lane.Current()
	r, ok := state.View(at).release(name)
	if !ok || !visible(ctx, r.release.GetRanking()) {
		return nil, nil, fault.NotFound(name)
	}
	rows, err := rowsOf(r)
	return r.release, rows, err
}

// GetRelease implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetRelease(ctx context.Context, req *rankingv1.GetReleaseRequest) (*rankingv1.GetReleaseResponse, error) {
	r, rows, err := s.releaseOf(ctx, req.GetName(), revision.At(ctx))
	if err != nil {
		return nil, err
	}
	return &rankingv1.GetReleaseResponse{Release: r, Standings: rows, State: revision.State(ctx)}, nil
}

// ListReleases implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) ListReleases(ctx context.Context, req *rankingv1.ListReleasesRequest) (*rankingv1.ListReleasesResponse, error) {
	parent := req.GetParent()
	if parent == "rankings/-" {
		parent = ""
	} else if r, ok := s.published(ctx).Ranking(parent); !ok || !visible(ctx, r) {
		return nil, fault.NotFound(parent)
	}
	now, err := s.reading(ctx, 0)
	if err != nil {
		return nil, err
	}
	p, err := page.Open(req, now)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Ledger.WaitFor(ctx, p.Revision); err != nil {
		return nil, err
	}
	state, _ := s.deps.Lane.Current()
	all := state.View(p.Revision).releases(parent)
	key := func(r *rankingv1.Release) string { return releaseKey(splitRelease(r.GetName())) }
	items, next, total := page.Cut(p, all, key, func(r *rankingv1.Release) bool { return visible(ctx, r.GetRanking()) })
	return &rankingv1.ListReleasesResponse{Releases: items, NextPageToken: next, TotalSize: int32(total), State: s.stateAt(p.Revision)}, nil
}

// ReplayRelease implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) ReplayRelease(ctx context.Context, req *rankingv1.ReplayReleaseRequest) (*rankingv1.ReplayReleaseResponse, error) {
	r, rows, err := s.releaseOf(ctx, req.GetName(), revision.At(ctx))
	if err != nil {
		return nil, err
	}
	// Computed, not looked up: a copy that somebody keeps proves nothing.
	v, err := s.source.Compute(ctx, r.GetRanking().GetName(), r.GetHead().GetVersion())
	if err != nil {
		return nil, err
	}
	return &rankingv1.ReplayReleaseResponse{
		Release: r, SignatureValid: verified(r), RowsIntact: intact(r, rows),
		Reproduced:  v.Head.GetDigest() == r.GetHead().GetDigest(),
		Differences: moves(side{head: r.GetHead(), rows: bySubject(rows)}, side{head: v.Head, rows: bySubject(v.Rows)}),
		Digest:      v.Head.GetDigest(), State: revision.State(ctx),
	}, nil
}
