package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

// watching is one run of watch.
type watching struct {
	*app
	req   *rankingv1.WatchRankingRequest
	count int
	seen  int
	// rows are the last known ones by zone, so that a delta can be told as a move.
	rows map[string]*rankingv1.Standing
}

func (a *app) watch() *cobra.Command {
	w := &watching{app: a, req: &rankingv1.WatchRankingRequest{}, rows: make(map[string]*rankingv1.Standing)}
	var first, rows int32
	var around string
	var zones []string
	cmd := &cobra.Command{
		Use:   "watch NAME",
		Short: "Follow a ranking live: its rows now, then what moves in it, version by version",
		Long: `Prints the rows of a ranking, then every change of them as it happens: one line a
row, with the place and the score before and after. It goes on until interrupted.
When the server stops, it waits for it and goes on behind the last version.

With --json each update is one object on a line, as the contract has it. A
watcher that was away gives the last version it handled to --resume, and gets
what changed since if the server still keeps that version, else all rows.`,
		Example: `  zonebench watch example-2024-10
  zonebench watch example-2024-10 --first 10 --rate 1
  zonebench watch example-2024-10 --around example-zone-0001 --rows 2
  zonebench watch example-2024-10 --zone example-zone-0001 --zone example-zone-0002
  zonebench watch example-2024-10 --resume 120 --count 3 --json`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			windows := 0
			for _, set := range []bool{first > 0, around != "", len(zones) > 0} {
				if set {
					windows++
				}
			}
			switch {
			case windows > 1:
				return usage(errors.New("--first, --around and --zone exclude each other: give one"))
			case cmd.Flags().Changed("rows") && around == "":
				return usage(errors.New("--rows counts the rows on each side of a zone: add --around ZONE"))
			case w.count < 0:
				return usage(fmt.Errorf("--count %d: use 1 or more, or leave it out to go on until interrupted", w.count))
			}
			qualify(args, "rankings/")
			w.req.Name = args[0]
			return a.connect(func(conn *grpc.ClientConn) error {
				if first > 0 {
					w.req.Window = &rankingv1.WatchRankingRequest_First{First: first}
				}
				if err := w.window(cmd.Context(), conn, around, rows, zones); err != nil {
					return err
				}
				return ended(w.follow(cmd.Context(), conn))
			})
		},
	}
	f := cmd.Flags()
	f.Int32Var(&first, "first", 0, "only the first rows")
	f.StringVar(&around, "around", "", "only the rows around this zone, wherever it moves")
	f.Int32Var(&rows, "rows", 5, "with --around: rows on each side")
	f.StringArrayVar(&zones, "zone", nil, "only this zone; may be given several times")
	f.Float64Var(&w.req.MaxRate, "rate", 0, "versions a second at most, 0.1 to 10; 10 by default")
	f.Int64Var(&w.req.ResumeVersion, "resume", 0, "go on behind this version")
	f.IntVar(&w.count, "count", 0, "end after so many updates; without it, go on until interrupted")
	return cmd
}

// window finds the zones that were named.
func (w *watching) window(ctx context.Context, conn *grpc.ClientConn, around string, rows int32, zones []string) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	if around != "" {
		zone, err := subject(ctx, conn, around)
		if err != nil {
			return err
		}
		w.req.Window = &rankingv1.WatchRankingRequest_Around{Around: &rankingv1.Around{Zone: zone, Rows: rows}}
	}
	if len(zones) == 0 {
		return nil
	}
	list := &rankingv1.ZoneList{}
	for _, arg := range zones {
		zone, err := subject(ctx, conn, arg)
		if err != nil {
			return err
		}
		list.Zones = append(list.Zones, zone)
	}
	w.req.Window = &rankingv1.WatchRankingRequest_Zones{Zones: list}
	return nil
}

// again is how long to wait before asking a server anew that was gone.
const again = 500 * time.Millisecond

// follow watches until it is interrupted or has seen enough. A server that was
// there and went away is waited for.
func (w *watching) follow(ctx context.Context, conn *grpc.ClientConn) error {
	connected := false
	for {
		stream, err := rankingv1.NewLiveRankingServiceClient(conn).WatchRanking(ctx, w.req, grpc.WaitForReady(connected))
		for err == nil {
			var update *rankingv1.WatchRankingResponse
			if update, err = stream.Recv(); err != nil {
				break
			}
			connected = true
			if err := w.show(update); err != nil {
				return err
			}
			if w.count > 0 && w.seen >= w.count {
				return nil
			}
		}
		if ctx.Err() != nil { // Interrupting is how it ends.
			return ctx.Err()
		}
		if !connected || status.Code(err) != codes.Unavailable {
			return err //nolint:wrapcheck // the server's own words
		}
		if !w.json {
			fmt.Fprintf(w.Err, w.say("服务中断,等待恢复后从版本 %d 继续。\n", "The server is gone; going on behind version %d when it is back.\n"), w.req.GetResumeVersion())
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watching) show(update *rankingv1.WatchRankingResponse) error {
	var head *rankingv1.VersionHead
	switch u := update.GetUpdate().(type) {
	case *rankingv1.WatchRankingResponse_Snapshot:
		head = u.Snapshot.GetHead()
	case *rankingv1.WatchRankingResponse_Delta:
		head = u.Delta.GetHead()
	}
	if head != nil {
		w.req.ResumeVersion = head.GetVersion()
		w.seen++
	}
	if w.json {
		return w.line(update)
	}
	switch u := update.GetUpdate().(type) {
	case *rankingv1.WatchRankingResponse_Snapshot:
		clear(w.rows)
		for _, s := range u.Snapshot.GetStandings() {
			w.rows[s.GetSubject()] = s
		}
		w.showHead(u.Snapshot.GetRanking(), head)
		w.showStandings(u.Snapshot.GetStandings(), false)
		fmt.Fprintln(w.Out)
	case *rankingv1.WatchRankingResponse_Delta:
		w.showDelta(u.Delta)
	default: // A heartbeat says that there is nothing to say.
	}
	return nil
}

// line prints an update as one object on a line.
func (a *app) line(update *rankingv1.WatchRankingResponse) error {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(update)
	if err != nil {
		return fmt.Errorf("print the update: %w", err)
	}
	// protojson varies its spaces on purpose; programs and people compare output.
	text, err := json.Marshal(json.RawMessage(raw))
	if err != nil {
		return fmt.Errorf("print the update: %w", err)
	}
	fmt.Fprintln(a.Out, string(text))
	return nil
}

// showDelta prints what a delta changes, one line a row.
func (w *watching) showDelta(d *rankingv1.RankingDelta) {
	for _, line := range w.deltaLines(d) {
		fmt.Fprintln(w.Out, line)
	}
	for _, s := range d.GetStandings() {
		w.rows[s.GetSubject()] = s
	}
	for _, zone := range d.GetRemoved() {
		delete(w.rows, zone)
	}
}

func (w *watching) deltaLines(d *rankingv1.RankingDelta) []string {
	h := d.GetHead()
	what := w.say("所看各行未变", "no row in view changed")
	if n := len(d.GetStandings()) + len(d.GetRemoved()); n > 0 {
		what = fmt.Sprintf(w.say("%d 行有变", "%d rows changed"), n)
	}
	lines := []string{fmt.Sprintf(w.say("版本 %d(%s):%s,完整度 %s", "version %d (%s): %s, completeness %s"),
		h.GetVersion(), clock(h.GetCommitTime().AsTime()), what, percent(h.GetCompleteness()))}
	for _, s := range d.GetStandings() {
		lines = append(lines, "  "+w.deltaLine(w.rows[s.GetSubject()], s))
	}
	for _, zone := range d.GetRemoved() {
		name := zone
		if s := w.rows[zone]; s != nil {
			name = w.text(s.GetDisplayName())
		}
		lines = append(lines, "  "+fmt.Sprintf(w.say("%s 离开所看的范围", "%s left what is watched"), name))
	}
	return lines
}

// deltaLine tells how a row differs from what it was, nil for a row that is new.
func (a *app) deltaLine(before, after *rankingv1.Standing) string {
	name := a.text(after.GetDisplayName())
	if before == nil {
		return fmt.Sprintf(a.say("%s 进入,第 %s,得分 %s", "%s came in, place %s, score %s"), name, orDash(after.GetPlace()), or(after.GetScore(), "-"))
	}
	var parts []string
	if before.GetPlace() != after.GetPlace() {
		part := fmt.Sprintf(a.say("第 %s → %s", "place %s -> %s"), orDash(before.GetPlace()), orDash(after.GetPlace()))
		if move := a.moved(before.GetPlace(), after.GetPlace()); move != "" {
			part += fmt.Sprintf(a.say("(%s)", " (%s)"), move)
		}
		parts = append(parts, part)
	}
	if before.GetScore() != after.GetScore() {
		parts = append(parts, fmt.Sprintf(a.say("得分 %s → %s", "score %s -> %s"), or(before.GetScore(), "-"), or(after.GetScore(), "-")))
	}
	if before.GetCompleteness() != after.GetCompleteness() {
		parts = append(parts, fmt.Sprintf(a.say("完整度 %s → %s", "completeness %s -> %s"), percent(before.GetCompleteness()), percent(after.GetCompleteness())))
	}
	if len(parts) == 0 {
		parts = append(parts, fmt.Sprintf(a.say("第 %s,得分 %s,与前后的差距有变", "place %s, score %s, the gaps around it changed"),
			orDash(after.GetPlace()), or(after.GetScore(), "-")))
	}
	return name + " " + strings.Join(parts, a.say(",", ", "))
}
