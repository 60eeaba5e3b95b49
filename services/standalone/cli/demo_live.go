package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"google.golang.org/grpc"

	"zonebench.internal/pkg/event"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone"
	"zonebench.internal/services/standalone/simulate"
)

// demoProvince is the invented province of the live ranking: three months are enough to move in.
var demoProvince = simulate.Config{Seed: simulate.Default.Seed, Zones: 12, Indicators: 12, From: 2024, Months: 4}

// demoLeaf is the leaf whose figure the demo corrects, and demoFactor by how
// much: one that lifts a zone over those in front.
const (
	demoLeaf   = "new-projects"
	demoFactor = 3
)

// liveMove is one figure on its way to those who watch.
type liveMove struct {
	ranking  *rankingv1.Ranking
	before   *rankingv1.VersionHead
	rows     []*rankingv1.Standing // as they were
	zone     *rankingv1.Standing   // the one that moves, as it was
	cell     *rankingv1.LeafCell   // its figure, as it was
	leaf     *typev1.Localized     // what the figure is of
	recorded *indicatorv1.Statement
	revision int64
	event    *eventv1.RankingUpdated
	delta    *rankingv1.RankingDelta
}

// playLive runs an installation of its own over a simulated province, watches
// its newest ranking, commits one figure and waits for what comes of it.
func (a *app) playLive(ctx context.Context) (*liveMove, error) {
	dataset, err := simulate.New(demoProvince)
	if err != nil {
		return nil, err
	}
	cluster, err := standalone.Start(ctx, standalone.Config{Log: slog.New(slog.DiscardHandler), Now: a.Now})
	if err != nil {
		return nil, started(err)
	}
	m, err := a.play(ctx, cluster, dataset)
	return m, errors.Join(err, cluster.Stop())
}

func (a *app) play(ctx context.Context, cluster *standalone.Cluster, dataset *simulate.Dataset) (*liveMove, error) {
	conn := cluster.Conn()
	if err := (&simulation{app: a, dataset: dataset, conn: conn}).run(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	name := dataset.RankingName(dataset.Months() - 1)
	m := &liveMove{}
	if err := m.look(ctx, conn, name); err != nil {
		return nil, err
	}
	updates := make(chan *eventv1.RankingUpdated)
	listening := make(chan error, 1)
	go func() {
		listening <- ended(cluster.Events(ctx, func(e event.Event) error {
			update, ok := ofTopic(e.Topic).(*eventv1.RankingUpdated)
			if !ok || e.Subject != name {
				return nil
			}
			if err := e.Decode(update); err != nil {
				return err
			}
			select {
			case updates <- update:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))
	}()
	err := m.move(ctx, conn, updates)
	cancel()
	return m, errors.Join(err, <-listening)
}

// look reads the ranking and chooses the row that is to move: the one in the middle.
func (m *liveMove) look(ctx context.Context, conn *grpc.ClientConn, name string) error {
	client := rankingv1.NewLiveRankingServiceClient(conn)
	got, err := client.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: name, PageSize: 1000, ShowCells: true})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	m.ranking, m.before, m.rows = got.GetRanking(), got.GetHead(), got.GetStandings()
	scheme, err := client.GetScheme(ctx, &rankingv1.GetSchemeRequest{Name: m.ranking.GetScheme()})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	for _, n := range scheme.GetScheme().GetNodes() {
		if n.GetId() == demoLeaf {
			m.leaf = n.GetDisplayName()
		}
	}
	for _, s := range m.rows[len(m.rows)/2:] {
		for _, c := range s.GetCells() {
			if c.GetNode() == demoLeaf && c.GetNumber() != "" && c.GetGap() == rankingv1.GapReason_GAP_REASON_UNSPECIFIED {
				m.zone, m.cell = s, c
				return nil
			}
		}
	}
	return fmt.Errorf("no row of %s has a figure to correct", name)
}

// move watches the ranking, corrects the figure and waits for the event and the delta.
func (m *liveMove) move(ctx context.Context, conn *grpc.ClientConn, updates <-chan *eventv1.RankingUpdated) error {
	stream, err := rankingv1.NewLiveRankingServiceClient(conn).WatchRanking(ctx, &rankingv1.WatchRankingRequest{Name: m.ranking.GetName()})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	// What is watched has come to what was looked at; so have the events.
	for version := int64(0); version < m.before.GetVersion(); {
		update, err := stream.Recv()
		if err != nil {
			return err //nolint:wrapcheck // the server's own words
		}
		version = max(version, update.GetSnapshot().GetHead().GetVersion(), update.GetDelta().GetHead().GetVersion())
	}
	for version := int64(0); version < m.before.GetVersion(); {
		select {
		case update := <-updates:
			version = update.GetVersion()
		case <-ctx.Done():
			return fmt.Errorf("no event of version %d: %w", m.before.GetVersion(), ctx.Err())
		}
	}
	if err := m.correct(ctx, conn); err != nil {
		return err
	}
	for m.delta.GetHead().GetVersion() < m.revision {
		update, err := stream.Recv()
		if err != nil {
			return err //nolint:wrapcheck // the server's own words
		}
		if update.GetDelta() != nil {
			m.delta = update.GetDelta()
		}
	}
	for m.event.GetVersion() < m.revision {
		select {
		case m.event = <-updates:
		case <-ctx.Done():
			return fmt.Errorf("no event of version %d: %w", m.revision, ctx.Err())
		}
	}
	return nil
}

// correct commits a statement in place of the one that the figure stands on.
func (m *liveMove) correct(ctx context.Context, conn *grpc.ClientConn) error {
	client := indicatorv1.NewIndicatorServiceClient(conn)
	found, err := client.ListFigures(ctx, &indicatorv1.ListFiguresRequest{PageSize: 2, Filter: fmt.Sprintf(
		"key.subject = %q AND key.indicator = %q AND key.period = %q AND key.kind = actual", m.zone.GetSubject(), m.cell.GetIndicator(), m.cell.GetPeriod())})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	if len(found.GetFigures()) != 1 {
		return fmt.Errorf("%d figures of %s of %s, want one", len(found.GetFigures()), m.cell.GetIndicator(), m.zone.GetSubject())
	}
	old := found.GetFigures()[0].GetStatements()[0]
	number, err := strconv.Atoi(old.GetNumber())
	if err != nil {
		return fmt.Errorf("%s is no count: %w", old.GetName(), err)
	}
	m.recorded = &indicatorv1.Statement{
		Source: old.GetSource(), Locator: "更正", Key: old.GetKey(), Comparator: old.GetComparator(), Unit: old.GetUnit(), Tag: old.GetTag(),
		Value:            &indicatorv1.Statement_Number{Number: strconv.Itoa(number * demoFactor)},
		SubjectCertainty: old.GetSubjectCertainty(), PeriodCertainty: old.GetPeriodCertainty(),
		Reporter: old.GetReporter(), Vintage: old.GetVintage(), Stage: old.GetStage(),
	}
	resp, err := client.RecordStatements(ctx, &indicatorv1.RecordStatementsRequest{
		Statements: []*indicatorv1.NewStatement{{Statement: m.recorded, Supersedes: old.GetName()}}, RequestId: rand.Text(),
	})
	if err != nil {
		return err //nolint:wrapcheck // the server's own words
	}
	m.revision = resp.GetState().GetRevision()
	return nil
}

// around are the rows near the one that moves.
func (m *liveMove) around() []*rankingv1.Standing {
	const side = 3
	at := int(m.zone.GetPosition()) - 1
	return m.rows[max(0, at-side):min(len(m.rows), at+side+1)]
}

func (a *app) showLive(m *liveMove, section func(string) string) {
	a.heading(section(a.say("实时榜单:示例省〔模拟〕", "A live ranking: Example Province〔模拟〕")))
	a.linef(a.say("另起一个临时的模拟数据集,与上面的事实分开。%s,版本 %d:", "A temporary dataset of its own, apart from the facts above. %s, version %d:"),
		a.text(m.ranking.GetDisplayName()), m.before.GetVersion())
	fmt.Fprintln(a.Out)
	a.showStandings(m.around(), false)
	fmt.Fprintln(a.Out)
	a.linef(a.say("提交一个数:%s,%s,%s → %s(%s)", "A figure is committed: %s, %s, %s -> %s (%s)"), a.text(m.zone.GetDisplayName()),
		a.text(m.leaf), m.cell.GetNumber(), m.recorded.GetNumber(), a.say("更正", "a correction"))
	a.linef(a.say("事件:%s", "The event: %s"), a.eventInWords(m.event))
	a.linef(a.say("增量,版本 %d → %d:", "The delta, version %d -> %d:"), m.delta.GetBaseVersion(), m.delta.GetHead().GetVersion())
	before := make(map[string]*rankingv1.Standing)
	for _, s := range m.rows {
		before[s.GetSubject()] = s
	}
	for _, s := range m.delta.GetStandings() {
		a.linef("  %s", a.deltaLine(before[s.GetSubject()], s))
	}
}

func (a *app) eventInWords(e *eventv1.RankingUpdated) string {
	return fmt.Sprintf(a.say("RankingUpdated %s 版本 %d,%d 行有变", "RankingUpdated %s version %d, %d rows changed"),
		e.GetRanking(), e.GetVersion(), e.GetTotalChanged())
}

type demoLive struct {
	Ranking   string     `json:"ranking"`
	Simulated bool       `json:"simulated"`
	Zone      string     `json:"zone"`
	Indicator string     `json:"indicator"`
	Before    string     `json:"before"`
	After     string     `json:"after"`
	Event     demoEvent  `json:"event"`
	Moves     []demoMove `json:"moves"`
}

type demoEvent struct {
	Type    string   `json:"type"`
	Version string   `json:"version"`
	Changed []string `json:"changed"`
}

type demoMove struct {
	Zone        string  `json:"zone"`
	PlaceBefore *int32  `json:"place_before"`
	PlaceAfter  *int32  `json:"place_after"`
	ScoreBefore *string `json:"score_before"`
	ScoreAfter  *string `json:"score_after"`
}

func (a *app) demoLive(m *liveMove) demoLive {
	out := demoLive{
		Ranking: a.text(m.ranking.GetDisplayName()), Simulated: m.delta.GetHead().GetSimulated(), Zone: a.text(m.zone.GetDisplayName()),
		Indicator: m.cell.GetIndicator(), Before: m.cell.GetNumber(), After: m.recorded.GetNumber(),
		Event: demoEvent{Type: "RankingUpdated", Version: fmt.Sprint(m.event.GetVersion()), Changed: m.event.GetChanged()},
		Moves: []demoMove{},
	}
	before := make(map[string]*rankingv1.Standing)
	for _, s := range m.rows {
		before[s.GetSubject()] = s
	}
	for _, s := range m.delta.GetStandings() {
		old := before[s.GetSubject()]
		out.Moves = append(out.Moves, demoMove{
			Zone: a.text(s.GetDisplayName()), PlaceBefore: nullNumber(old.GetPlace()), PlaceAfter: nullNumber(s.GetPlace()),
			ScoreBefore: null(old.GetScore()), ScoreAfter: null(s.GetScore()),
		})
	}
	return out
}
