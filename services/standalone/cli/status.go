package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) systemStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how a running server is: its build, its ledger, how far it has read, who commits",
		Long: `Shows what a process says of itself: version, services, the ledger with its epoch,
the revision that it has read and checked, and for each lane who commits it. Ends
with 4 when the ledger has halted.`,
		Example: `  zonebench status
  zonebench status --json
  zonebench status --address 127.0.0.1:7803`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				got, err := systemv1.NewSystemServiceClient(conn).GetStatus(ctx, &systemv1.GetStatusRequest{})
				if err != nil {
					return err //nolint:wrapcheck // the server's own words
				}
				if a.json {
					err = a.message(got)
				} else {
					a.showStatus(got)
				}
				if err == nil && got.GetHalted() != "" {
					return &failure{code: exitDamaged, err: errors.New(got.GetHalted()), told: true}
				}
				return err
			})
		},
	}
}

func (a *app) showStatus(s *systemv1.GetStatusResponse) {
	t := table.New(a.say("项", "FIELD"), a.say("内容", "VALUE"))
	t.Row(a.say("版本", "version"), s.GetVersion())
	t.Row(a.say("服务", "services"), strings.Join(s.GetServices(), ", "))
	t.Row(a.say("启动于", "started"), clock(s.GetStartTime().AsTime()))
	t.Row(a.say("账本", "ledger"), s.GetLedgerId())
	t.Row(a.say("世代", "epoch"), fmt.Sprint(s.GetEpoch()))
	t.Row(a.say("数据版本号", "revision"), fmt.Sprintf(a.say("%d(已知最新 %d)", "%d (last known %d)"), s.GetAppliedRevision(), s.GetLastRevision()))
	if s.GetAppliedTime() != nil {
		t.Row(a.say("数据截至", "data up to"), clock(s.GetAppliedTime().AsTime()))
	}
	state := a.say("完好", "sound")
	if s.GetHalted() != "" {
		state = a.say("已停:", "halted: ") + s.GetHalted()
	}
	t.Row(a.say("状态", "state"), state)
	a.table(t)
	fmt.Fprintln(a.Out)
	lanes := table.New(a.say("账道", "LANE"), a.say(">提交数", ">COMMITS"), a.say("提交者", "COMMITTER"))
	for _, l := range s.GetLanes() {
		who := l.GetHolder()
		if l.GetCommitter() {
			who = strings.TrimSpace(a.say("本进程", "this process") + " " + who)
		}
		lanes.Row(l.GetLane(), fmt.Sprint(l.GetLaneSequence()), who)
	}
	a.table(lanes)
}
