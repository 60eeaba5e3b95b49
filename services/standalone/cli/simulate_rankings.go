package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"zonebench.internal/pkg/registry"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// keeping is how the rankings of a simulated dataset are kept: as a bureau
// would, month by month, while the figures come in.
type keeping struct {
	*simulation
	client rankingv1.LiveRankingServiceClient
	// made: the schemes are there.
	made bool
	// sealed: the server publishes nothing, and has said why.
	sealed bool
}

func newKeeping(s *simulation) *keeping {
	return &keeping{simulation: s, client: rankingv1.NewLiveRankingServiceClient(s.conn)}
}

// month does what is due once the report of a month, counted from 0, is in: a
// flash ranking of it; the formal one of the month before, whose late reports
// have come, with a release; and the final one of the month before that, with a
// second release where corrections have changed the first.
func (k *keeping) month(ctx context.Context, n int) error {
	if !k.made {
		if err := k.schemes(ctx); err != nil {
			return err
		}
		k.made = true
	}
	for _, due := range []struct {
		month int
		state rankingv1.RankingState
	}{
		{n - 2, rankingv1.RankingState_RANKING_STATE_FINAL},
		{n - 1, rankingv1.RankingState_RANKING_STATE_FORMAL},
		{n, rankingv1.RankingState_RANKING_STATE_FLASH},
	} {
		if due.month < 0 {
			continue
		}
		ranking, err := k.ranking(ctx, due.month)
		if err != nil {
			return within(k.dataset.RankingName(due.month), err)
		}
		if err := k.reach(ctx, ranking, due.state); err != nil {
			return within(ranking.GetName(), err)
		}
	}
	return nil
}

func (k *keeping) schemes(ctx context.Context) error {
	for _, scheme := range k.dataset.Schemes() {
		id := strings.TrimPrefix(scheme.GetName(), "schemes/")
		_, err := k.client.CreateScheme(ctx, &rankingv1.CreateSchemeRequest{SchemeId: id, Scheme: scheme, RequestId: rand.Text()})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return within(scheme.GetName(), err)
		}
	}
	return nil
}

// ranking is the one of a month, made if it is not there.
func (k *keeping) ranking(ctx context.Context, n int) (*rankingv1.Ranking, error) {
	want, err := k.dataset.Ranking(n)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: want.GetName(), PageSize: 1})
	if err == nil {
		k.out.Rankings = max(k.out.Rankings, n+1)
		return resp.GetRanking(), nil
	}
	if status.Code(err) != codes.NotFound {
		return nil, err //nolint:wrapcheck // the server's own words
	}
	id := strings.TrimPrefix(want.GetName(), "rankings/")
	made, err := k.client.CreateRanking(ctx, &rankingv1.CreateRankingRequest{RankingId: id, Ranking: want, RequestId: rand.Text()})
	if err != nil {
		return nil, err //nolint:wrapcheck // the server's own words
	}
	k.out.Rankings, k.out.Revision = max(k.out.Rankings, n+1), made.GetState().GetRevision()
	return made.GetRanking(), nil
}

// reach takes a ranking forward to a state and publishes what is due then. What
// an earlier run has done stays done.
func (k *keeping) reach(ctx context.Context, ranking *rankingv1.Ranking, want rankingv1.RankingState) error {
	if ranking.GetState() == rankingv1.RankingState_RANKING_STATE_FINAL {
		return nil
	}
	for ranking.GetState() < min(want, rankingv1.RankingState_RANKING_STATE_FORMAL) {
		if err := k.step(ctx, ranking); err != nil {
			return err
		}
	}
	if want < rankingv1.RankingState_RANKING_STATE_FORMAL {
		return nil
	}
	released, err := k.client.ListReleases(ctx, &rankingv1.ListReleasesRequest{Parent: ranking.GetName(), PageSize: 1})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	if len(released.GetReleases()) == 0 {
		if err := k.publish(ctx, ranking, "", ""); err != nil {
			return err
		}
	}
	if want < rankingv1.RankingState_RANKING_STATE_FINAL {
		return nil
	}
	if len(released.GetReleases()) > 0 {
		if err := k.correct(ctx, ranking, released.GetReleases()[0]); err != nil {
			return err
		}
	}
	return k.step(ctx, ranking)
}

// step takes a ranking one state forward.
func (k *keeping) step(ctx context.Context, ranking *rankingv1.Ranking) error {
	resp, err := k.client.UpdateRanking(ctx, &rankingv1.UpdateRankingRequest{
		Ranking:    &rankingv1.Ranking{Name: ranking.GetName(), State: max(ranking.GetState(), rankingv1.RankingState_RANKING_STATE_OPEN) + 1},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state"}},
		RequestId:  rand.Text(),
	})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	ranking.State, k.out.Revision = resp.GetRanking().GetState(), resp.GetState().GetRevision()
	return nil
}

// correct publishes again what corrections have changed since the last release.
func (k *keeping) correct(ctx context.Context, ranking *rankingv1.Ranking, last *rankingv1.Release) error {
	resp, err := k.client.CompareVersions(ctx, &rankingv1.CompareVersionsRequest{
		Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Release{Release: last.GetName()}},
		After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Ranking{Ranking: ranking.GetName()}},
	})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	if len(resp.GetMoves()) == 0 {
		return nil
	}
	return k.publish(ctx, ranking, "更正", "corrected")
}

// publish makes a release of what a ranking says now; none while it has no
// places, nor on a server that has no key to sign with.
func (k *keeping) publish(ctx context.Context, ranking *rankingv1.Ranking, zh, en string) error {
	const tries = 5 // Others may write in between: then what was looked at is not the newest.
	var err error
	for range tries {
		if k.sealed {
			return nil
		}
		seen, e := k.client.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: ranking.GetName(), PageSize: 1})
		if e != nil {
			return e //nolint:wrapcheck // the server's own words
		}
		if seen.GetHead().GetPlaced() == 0 {
			return nil
		}
		// The service marks the title.
		title := &typev1.Localized{
			Zh: strings.TrimSuffix(ranking.GetDisplayName().GetZh(), registry.SimulatedMark),
			En: strings.TrimSuffix(ranking.GetDisplayName().GetEn(), registry.SimulatedMark),
		}
		if zh != "" {
			title.Zh, title.En = fmt.Sprintf("%s(%s)", title.GetZh(), zh), fmt.Sprintf("%s (%s)", title.GetEn(), en)
		}
		var resp *rankingv1.CreateReleaseResponse
		resp, err = k.client.CreateRelease(ctx, &rankingv1.CreateReleaseRequest{
			Parent: ranking.GetName(), Version: seen.GetHead().GetVersion(), Title: title, RequestId: rand.Text(),
		})
		if err == nil {
			k.out.Releases++
			k.out.Revision = resp.GetState().GetRevision()
			return nil
		}
		switch status.Code(err) {
		case codes.Aborted:
		case codes.FailedPrecondition: // The rankings are worth having without releases.
			k.sealed = true
			if k.json {
				continue
			}
			k.progress("")
			fmt.Fprintf(k.Err, k.say("未发布:%s\n", "Nothing was published: %s\n"), status.Convert(err).Message())
		default:
			return err //nolint:wrapcheck // the server's own words
		}
	}
	return err //nolint:wrapcheck // the server's own words
}
