package ranking

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/command"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/tabular"
	"zonebench.internal/pkg/versioned"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// The tables that ImportPublishedRankings reads.
var (
	seriesColumns = []tabular.Column{
		{Name: "id", Required: true},
		{Name: "name_zh", Required: true},
		{Name: "name_en"},
		{Name: "authority_zh", Required: true},
		{Name: "authority_en"},
		{Name: "note"},
		{Name: "simulated", Form: tabular.FormBoolean},
	}
	roundColumns = []tabular.Column{
		{Name: "series", Required: true},
		{Name: "id", Required: true},
		{Name: "group_zh", Required: true},
		{Name: "group_en"},
		{Name: "ranking_year", Form: tabular.FormNumber},
		{Name: "data_year", Form: tabular.FormNumber},
		{Name: "publish_date", Form: tabular.FormDate},
		{Name: "units_ranked", Form: tabular.FormNumber},
		{Name: "complete_to", Form: tabular.FormNumber},
		{Name: "method"},
		{Name: "source", Required: true},
		{Name: "reliability", Required: true},
		{Name: "note"},
	}
	placeColumns = []tabular.Column{
		{Name: "round", Required: true},
		{Name: "zone", Required: true},
		{Name: "place", Form: tabular.FormNumber},
		{Name: "listed", Form: tabular.FormNumber},
		{Name: "score", Form: tabular.FormNumber},
		{Name: "note"},
	}
)

// importing is one table on its way into the published rankings.
type importing struct {
	zones    registry.View
	before   PublishedView
	sheet    *tabular.Sheet
	problems []*typev1.RowProblem
	facts    []*ledgerv1.Fact
	names    []string

	created, updated, unchanged int32
}

// ImportPublishedRankings implements zonebench.ranking.v1.PublishedRankingService.
func (s *Service) ImportPublishedRankings(
	ctx context.Context, req *rankingv1.ImportPublishedRankingsRequest,
) (*rankingv1.ImportPublishedRankingsResponse, error) {
	columns, rows := seriesColumns, (*importing).series
	switch req.GetKind() {
	case rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_ROUNDS:
		columns, rows = roundColumns, (*importing).rounds
	case rankingv1.PublishedRankingTable_PUBLISHED_RANKING_TABLE_PLACES:
		columns, rows = placeColumns, (*importing).places
	default: // Series; the contract refuses what is unspecified.
	}
	sheet, problems := tabular.Read(req.GetTable().GetContent(), req.GetTable().GetCharset(), columns)
	if tabular.Refused(problems) {
		return &rankingv1.ImportPublishedRankingsResponse{Report: sheet.Report(problems), State: revision.State(ctx)}, nil
	}
	// The whole import is decided on the state that it will be written to, so a
	// report never speaks of a state that has passed.
	var report *typev1.ImportReport
	c, err := command.New(ctx, rankingv1.PublishedRankingService_ImportPublishedRankings_FullMethodName, req,
		func(state *Published, _ ledger.Position) (ledger.Proposal, error) {
			zones, _ := s.deps.Registry.Current()
			im := &importing{zones: zones.View(0), before: state.View(0), sheet: sheet, problems: slices.Clone(problems)}
			rows(im)
			report = sheet.Report(im.problems)
			if report.GetRejected() > 0 {
				return ledger.Proposal{}, errRefused
			}
			report.Created, report.Updated, report.Unchanged = im.created, im.updated, im.unchanged
			return ledger.Proposal{Facts: im.facts, Names: im.names}, nil
		})
	if err != nil {
		return nil, err
	}
	receipt, err := s.deps.Lane.Commit(ctx, c)
	switch {
	case errors.Is(err, errRefused):
		return &rankingv1.ImportPublishedRankingsResponse{Report: report, State: revision.State(ctx)}, nil
	case err != nil:
		return nil, err
	case command.ValidateOnly(req):
		return &rankingv1.ImportPublishedRankingsResponse{Report: report, State: revision.State(ctx)}, nil
	case report == nil: // A retry of an import that went through: nobody had to decide again.
		n := int32(len(sheet.Rows))
		report = &typev1.ImportReport{Rows: n, Unchanged: n}
	}
	report.Committed = true
	return &rankingv1.ImportPublishedRankingsResponse{Report: report, State: revision.Written(ctx, receipt.Revision)}, nil
}

// errRefused ends a command whose report says why.
var errRefused = fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_TABLE, "the table has rows that cannot be taken in")

var seriesID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$`)

const idRemedy = "use 2 to 63 lower-case letters, digits and hyphens, not beginning or ending with a hyphen"

func (im *importing) series() {
	seen := make(map[string]int)
	for _, row := range im.sheet.Rows {
		id := row.Cell("id")
		if !im.fresh(row, "id", id, seen) {
			continue
		}
		simulated, _ := tabular.ParseBoolean(row.Cell("simulated")) // Its form was checked as it was read.
		take(im, row, seriesKind, &rankingv1.Series{
			Name:        "series/" + id,
			DisplayName: text(row.Cell("name_zh"), row.Cell("name_en")),
			Authority:   text(row.Cell("authority_zh"), row.Cell("authority_en")),
			Note:        row.Cell("note"), Simulated: simulated,
		})
	}
}

func (im *importing) rounds() {
	seen := make(map[string]int)
	for _, row := range im.sheet.Rows {
		series := strings.TrimPrefix(row.Cell("series"), "series/")
		name := "series/" + series + "/rounds/" + row.Cell("id")
		if !im.fresh(row, "id", row.Cell("id"), nil) || !im.fresh(row, "series", series, nil) || !im.once(row, "id", name, seen) {
			continue
		}
		reliability, wrong := tabular.ParseEnum[indicatorv1.Reliability](row.Cell("reliability"))
		if wrong != nil {
			im.problems = append(im.problems, row.Errorf("reliability", wrong.Remedy, "%s", wrong.Message))
			continue
		}
		published, _ := tabular.ParseDate(row.Cell("publish_date")) // Its form was checked as it was read.
		if row.Cell("publish_date") == "" {
			published = nil
		}
		round := &rankingv1.Round{
			Name: name, Group: text(row.Cell("group_zh"), row.Cell("group_en")), PublishDate: published,
			Method: row.Cell("method"), Source: row.Cell("source"), Reliability: reliability, Note: row.Cell("note"),
			RankingYear: im.whole(row, "ranking_year"), DataYear: im.whole(row, "data_year"),
			UnitsRanked: im.whole(row, "units_ranked"), CompleteTo: im.whole(row, "complete_to"),
		}
		if before, ok := im.before.Round(name); ok {
			round.Places = before.GetPlaces() // They have a table of their own.
		}
		take(im, row, roundKind, round)
	}
}

// places merges rows into their rounds: a row replaces what the round says of
// its zone.
func (im *importing) places() {
	changed := make(map[string]*rankingv1.Round)
	last := make(map[string]tabular.Row)
	var order []string
	seen := make(map[string]int)
	for _, row := range im.sheet.Rows {
		name := row.Cell("round")
		if series, id, ok := strings.Cut(name, "/"); ok && !strings.Contains(name, "/rounds/") {
			name = "series/" + series + "/rounds/" + id
		}
		before, ok := im.before.Round(name)
		if !ok {
			im.problems = append(im.problems, row.Errorf("round", "import the round first, or write it as series/round", "no such round"))
			continue
		}
		zone, wrong := im.zone(row)
		if wrong != nil {
			im.problems = append(im.problems, wrong)
			continue
		}
		if !im.once(row, "zone", name+" "+zone, seen) {
			continue
		}
		if changed[name] == nil {
			changed[name] = stored(before, name)
			order = append(order, name)
		}
		last[name] = row
		place := &rankingv1.Place{
			Zone: zone, Place: im.whole(row, "place"), Listed: im.whole(row, "listed"), Score: row.Cell("score"), Note: row.Cell("note"),
		}
		old := placeIn(changed[name], zone)
		switch {
		case old == nil:
			changed[name].Places = append(changed[name].GetPlaces(), place)
			im.created++
		case proto.Equal(old, place):
			im.unchanged++
		default:
			proto.Reset(old)
			proto.Merge(old, place)
			im.updated++
		}
	}
	if tabular.Refused(im.problems) {
		return
	}
	for _, name := range order {
		round := changed[name]
		before, _ := im.before.Round(name)
		if proto.Equal(stored(before, name), round) {
			continue
		}
		if err := checkPlaces(im.zones, round); err != nil {
			im.refuse(last[name], "place", err)
			continue
		}
		im.facts, im.names = append(im.facts, roundKind.fact(round)), append(im.names, name)
	}
}

// take checks one resource and counts what becomes of its row.
func take[R versioned.Resource](im *importing, row tabular.Row, k kind[R], r R) {
	old, exists := k.get(im.before, r.GetName())
	if exists && proto.Equal(stored(old, r.GetName()), r) {
		im.unchanged++
		return
	}
	if err := k.check(im.before, im.zones, r); err != nil {
		im.refuse(row, "", err)
		return
	}
	if exists {
		im.updated++
	} else {
		im.created++
	}
	im.facts, im.names = append(im.facts, k.fact(r)), append(im.names, r.GetName())
}

func (im *importing) refuse(row tabular.Row, column string, err error) {
	im.problems = append(im.problems, row.Errorf(column, "correct the row", "%v", err))
}

// fresh says whether an id has its form and, with seen, did not come before.
func (im *importing) fresh(row tabular.Row, column, id string, seen map[string]int) bool {
	if !seriesID.MatchString(id) {
		im.problems = append(im.problems, row.Errorf(column, idRemedy, "not an id"))
		return false
	}
	return seen == nil || im.once(row, column, id, seen)
}

func (im *importing) once(row tabular.Row, column, key string, seen map[string]int) bool {
	if line, again := seen[key]; again {
		im.problems = append(im.problems, row.Errorf(column, "keep one of the two rows", "line %d says this already", line))
		return false
	}
	seen[key] = row.Line
	return true
}

// whole reads a whole number, 0 for an empty cell or `none`.
func (im *importing) whole(row tabular.Row, column string) int32 {
	cell := row.Cell(column)
	if cell == "" {
		return 0
	}
	n, err := strconv.ParseInt(cell, 10, 32)
	if err != nil || n < 0 {
		im.problems = append(im.problems, row.Errorf(column, "write a whole number, or leave the cell empty when it is not stated", "not a whole number"))
		return 0
	}
	return int32(n)
}

// zone finds the zone of a place: an id, a resource name, or a name that no
// other zone has.
func (im *importing) zone(row tabular.Row) (string, *typev1.RowProblem) {
	cell := row.Cell("zone")
	for _, name := range []string{cell, "zones/" + cell} {
		if _, ok := im.zones.Zone(name); ok {
			return name, nil
		}
	}
	found := im.zones.Resolve(&zonev1.ZoneQuery{Text: cell})
	if found.GetOutcome() == zonev1.Resolution_OUTCOME_RESOLVED && registry.IsZone(found.GetSubject()) {
		return found.GetSubject(), nil
	}
	var names []string
	for _, c := range found.GetCandidates() {
		names = append(names, fmt.Sprintf("%s (%s)", c.GetDisplayName().GetZh(), c.GetSubject()))
	}
	remedy := "register the zone first"
	if len(names) > 0 {
		remedy = "write the id of one of " + strings.Join(names, ", ")
	}
	return "", row.Errorf("zone", remedy, "%s", english(found.GetMessage()))
}
