package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

const (
	ranking = "rankings/bench"
	period  = "2024-10"
)

// province is what the ranking is over: every zone has a figure under every leaf,
// and each write takes the place of one of them.
type province struct {
	options
	conn *grpc.ClientConn
	said map[cell]string // the statement that stands
}

type cell struct{ zone, indicator int }

func words(zh string) *typev1.Localized {
	return &typev1.Localized{Zh: zh + "〔模拟〕", En: zh + " (simulated)"}
}

// fill makes the zones, the indicators, their figures, the scheme and the ranking.
func (p *province) fill(ctx context.Context) error {
	zones, indicators := zonev1.NewZoneServiceClient(p.conn), indicatorv1.NewIndicatorServiceClient(p.conn)
	rankings := rankingv1.NewLiveRankingServiceClient(p.conn)
	list := &zonev1.MemberList{}
	for i := range p.zones {
		list.Members = append(list.Members, &zonev1.Member{Zone: fmt.Sprintf("zones/bench-%03d", i)})
	}
	if err := together(p.zones, func(i int) error {
		_, err := zones.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: fmt.Sprintf("bench-%03d", i), Zone: &zonev1.Zone{
			DisplayName: words(fmt.Sprintf("测试开发区%03d", i)), Type: zonev1.ZoneType_ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE,
			Level: zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL, Certainty: typev1.Certainty_CERTAINTY_STATED, Simulated: true,
		}})
		return err
	}); err != nil {
		return fmt.Errorf("make the zones: %w", err)
	}
	if _, err := zones.CreateGroup(ctx, &zonev1.CreateGroupRequest{GroupId: "bench", Group: &zonev1.Group{
		DisplayName: words("全部"), Members: &zonev1.Group_List{List: list},
	}}); err != nil {
		return fmt.Errorf("make the group: %w", err)
	}
	if _, err := indicators.CreateSource(ctx, &indicatorv1.CreateSourceRequest{SourceId: "bench", Source: &indicatorv1.Source{
		Title: words("月报"), Reliability: indicatorv1.Reliability_RELIABILITY_OFFICIAL, Simulated: true,
	}}); err != nil {
		return fmt.Errorf("make the source: %w", err)
	}
	nodes := []*rankingv1.SchemeNode{{Id: "index", DisplayName: words("综合指数")}}
	for i := range p.indicators {
		id := fmt.Sprintf("bench-%02d", i)
		if _, err := indicators.CreateIndicator(ctx, &indicatorv1.CreateIndicatorRequest{IndicatorId: id, Indicator: &indicatorv1.Indicator{
			DisplayName: words(fmt.Sprintf("指标%02d", i)), Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW,
			Direction: indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER, NationalAuthority: "国家统计局",
		}}); err != nil {
			return fmt.Errorf("make an indicator: %w", err)
		}
		nodes = append(nodes, &rankingv1.SchemeNode{
			Id: id, Parent: "index", Weight: strconv.Itoa(1 + i%5), Leaf: &rankingv1.SchemeLeaf{Indicator: "indicators/" + id},
		})
		if err := p.report(ctx, i); err != nil {
			return fmt.Errorf("report the figures: %w", err)
		}
	}
	if _, err := rankings.CreateScheme(ctx, &rankingv1.CreateSchemeRequest{SchemeId: "bench", Scheme: &rankingv1.Scheme{
		DisplayName: words("考核办法"), Nodes: nodes, Recipe: `{"normalise": {"method": "minmax"}, "place": {"decimals": 2}}`,
	}}); err != nil {
		return fmt.Errorf("make the scheme: %w", err)
	}
	for n := range p.rankings {
		id, month := "bench", period
		if n > 0 {
			id = fmt.Sprintf("bench-before-%d", n)
			month = fmt.Sprintf("%d-%02d", 2023-(n-1)/12, 1+(n-1)%12)
		}
		if _, err := rankings.CreateRanking(ctx, &rankingv1.CreateRankingRequest{RankingId: id, Ranking: &rankingv1.Ranking{
			DisplayName: words(month), Scheme: "schemes/bench", Group: "groups/bench", Period: month,
			Kind: indicatorv1.Kind_KIND_ACTUAL, Audience: rankingv1.Audience_AUDIENCE_INTERNAL,
		}}); err != nil {
			return fmt.Errorf("make a ranking: %w", err)
		}
		if _, err := rankings.UpdateRanking(ctx, &rankingv1.UpdateRankingRequest{
			Ranking: &rankingv1.Ranking{Name: "rankings/" + id, State: rankingv1.RankingState_RANKING_STATE_FLASH},
		}); err != nil {
			return fmt.Errorf("show the places: %w", err)
		}
	}
	return nil
}

// report says the first figure of every zone under an indicator.
func (p *province) report(ctx context.Context, indicator int) error {
	req := &indicatorv1.RecordStatementsRequest{}
	for zone := range p.zones {
		at := cell{zone, indicator}
		req.Statements = append(req.Statements, p.statement(at, 100+(zone*37+indicator*53)%900, "1"))
	}
	resp, err := indicatorv1.NewIndicatorServiceClient(p.conn).RecordStatements(ctx, req)
	if err != nil {
		return err
	}
	for zone, s := range resp.GetStatements() {
		p.said[cell{zone, indicator}] = s.GetName()
	}
	return nil
}

func (p *province) statement(at cell, number int, round string) *indicatorv1.NewStatement {
	return &indicatorv1.NewStatement{
		Statement: &indicatorv1.Statement{
			Source: "sources/bench", Locator: fmt.Sprintf("%d,%d,%s", at.zone, at.indicator, round),
			Key: &indicatorv1.FigureKey{
				Subject: fmt.Sprintf("zones/bench-%03d", at.zone), Indicator: fmt.Sprintf("indicators/bench-%02d", at.indicator),
				Period: period, Kind: indicatorv1.Kind_KIND_ACTUAL,
			},
			Value: &indicatorv1.Statement_Number{Number: strconv.Itoa(number)}, Unit: "亿元", Tag: indicatorv1.Tag_TAG_OBSERVED,
			SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED,
			Stage: typev1.Stage_STAGE_APPROVED, Simulated: true,
		},
		Supersedes: p.said[at],
	}
}

// written is one write.
type written struct {
	sent, acked time.Time
	revision    int64
}

// write revises one figure after another, each at its time, whether the ones
// before are answered or not.
func (p *province) write(ctx context.Context) ([]written, error) {
	client := indicatorv1.NewIndicatorServiceClient(p.conn)
	all := make([]written, int(p.lasts.Seconds()*float64(p.rate)))
	failed := make(chan error, len(all))
	var group sync.WaitGroup
	began := time.Now()
	for n := range all {
		due := time.NewTimer(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(p.rate))))
		select {
		case <-due.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-failed:
			return nil, fmt.Errorf("write: %w", err)
		}
		// No cell comes twice before all of them came: 7919 is prime.
		i := n * 7919 % (p.zones * p.indicators)
		at := cell{i % p.zones, i / p.zones}
		req := &indicatorv1.RecordStatementsRequest{Statements: []*indicatorv1.NewStatement{p.statement(at, 100+(n*101)%900, "live"+strconv.Itoa(n))}}
		group.Go(func() {
			all[n].sent = time.Now()
			resp, err := client.RecordStatements(ctx, req)
			all[n].acked = time.Now()
			if err != nil {
				failed <- err
				return
			}
			all[n].revision = resp.GetState().GetRevision()
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return nil, fmt.Errorf("write: %w", err)
	default:
		return all, nil
	}
}

// together does n things, some at a time.
func together(n int, do func(i int) error) error {
	slots, failed := make(chan struct{}, 32), make(chan error, n)
	var group sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := do(i); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
