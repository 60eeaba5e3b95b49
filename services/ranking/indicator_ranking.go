package ranking

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/registry"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

// tableOf is a ranking at a version, or its newest: the revision that is read, the
// rows and what they are computed from.
func (s *Service) tableOf(ctx context.Context, name string, version int64) (at int64, v *versions.Version, table *standing.Table, err error) {
	if at, err = s.reading(ctx, version); err != nil {
		return 0, nil, nil, err
	}
	if _, v, err = s.read(ctx, name, at); err != nil {
		return 0, nil, nil, err
	}
	if table, err = s.source.table(name, at); err != nil {
		return 0, nil, nil, err
	}
	return at, v, table, nil
}

// GetIndicatorRanking implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) GetIndicatorRanking(
	ctx context.Context, req *rankingv1.GetIndicatorRankingRequest,
) (*rankingv1.GetIndicatorRankingResponse, error) {
	at, v, table, err := s.tableOf(ctx, req.GetName(), req.GetVersion())
	if err != nil {
		return nil, err
	}
	column, ok := table.Column(req.GetIndicator())
	if !ok {
		var names []string
		for _, l := range table.Leaves() {
			names = append(names, l.Node.GetLeaf().GetIndicator())
		}
		return nil, fault.InvalidField("indicator", "%s is neither a leaf of %s nor the growth of one: name one of %s, or its growth",
			req.GetIndicator(), table.Scheme().GetName(), strings.Join(names, ", "))
	}
	name := column.Indicator.GetDisplayName()
	if column.Indicator.GetName() == column.Leaf.Node.GetLeaf().GetIndicator() {
		name = column.Leaf.Name()
	} else if isGrowth(column.Indicator) && !strings.Contains(name.GetZh(), "增") {
		// An indicator is named without 增长. The mark of simulated data ends a name, so it comes off and on again.
		bare := func(s string) string { return strings.TrimSuffix(s, registry.SimulatedMark) }
		name = text(bare(name.GetZh())+"增速", bare(english(name))+" growth")
	}
	return &rankingv1.GetIndicatorRankingResponse{
		Head: v.Head, Standings: column.Rows(), References: column.References(""), Unit: column.Indicator.GetUnit(),
		DisplayName: standing.Marked(name, v.Head.GetSimulated()), State: s.stateAt(at),
	}, nil
}

// TryWeights implements zonebench.ranking.v1.LiveRankingService.
func (s *Service) TryWeights(ctx context.Context, req *rankingv1.TryWeightsRequest) (*rankingv1.TryWeightsResponse, error) {
	at, v, table, err := s.tableOf(ctx, req.GetName(), req.GetVersion())
	if err != nil {
		return nil, err
	}
	nodes := table.Scheme().GetNodes()
	for _, id := range slices.Sorted(maps.Keys(req.GetWeights())) {
		if !slices.ContainsFunc(nodes, func(n *rankingv1.SchemeNode) bool { return n.GetId() == id }) {
			var ids []string
			for _, n := range nodes {
				ids = append(ids, n.GetId())
			}
			return nil, fault.InvalidField(fmt.Sprintf("weights[%q]", id), "%s has no such node: name one of %s",
				table.Scheme().GetName(), strings.Join(ids, ", "))
		}
	}
	if !table.Weighs() {
		return nil, fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD,
			"the recipe of %s makes the weights itself, those of the tree are not used: there is nothing to try", table.Scheme().GetName())
	}
	head, rows := table.Try(req.GetWeights())
	head.Version, head.CommitTime = v.Head.GetVersion(), timestamppb.New(s.deps.Ledger.TimeAt(v.Head.GetVersion()))
	return &rankingv1.TryWeightsResponse{Head: head, Standings: rows, State: s.stateAt(at)}, nil
}
