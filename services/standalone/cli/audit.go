package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	"zonebench.internal/services/standalone/table"
)

func (a *app) audit() *cobra.Command {
	req := &systemv1.ListTransactionsRequest{}
	var since, until string
	var limit int
	var oldest bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List who wrote what and when, from the ledger; for administrators",
		Long: `Lists the transactions of the ledger, the newest first: when, who, by which
method and request, and what it wrote. The ledger cannot be changed, so neither
can this list.`,
		Example: `  zonebench audit
  zonebench audit --actor 7f3a1c --since 2026-03-01T00:00:00+08:00
  zonebench audit --resource zones/jinhua-etdz --oldest-first --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for flag, given := range map[string]struct {
				text string
				into **timestamppb.Timestamp
			}{"since": {since, &req.StartTime}, "until": {until, &req.EndTime}} {
				if given.text == "" {
					continue
				}
				at, err := time.Parse(time.RFC3339, given.text)
				if err != nil {
					return usage(fmt.Errorf("--%s %s: write date, time and zone: 2026-03-01T09:00:00+08:00", flag, given.text))
				}
				*given.into = timestamppb.New(at)
			}
			if limit < 1 {
				return usage(fmt.Errorf("--limit %d: at least 1", limit))
			}
			req.Descending = !oldest
			return a.call(cmd.Context(), func(ctx context.Context, conn *grpc.ClientConn) error {
				all, err := transactions(ctx, systemv1.NewAuditServiceClient(conn), req, limit)
				if err != nil {
					return err
				}
				if a.json {
					return a.message(all)
				}
				a.showTransactions(all.GetTransactions())
				if all.GetNextPageToken() != "" {
					a.linef("%s", a.say("还有更多;用 --limit 放宽。", "There are more; raise --limit."))
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.Actor, "actor", "", "id of the subject that wrote")
	flags.StringVar(&req.Method, "method", "", "method, such as RecordStatements")
	flags.StringVar(&req.Resource, "resource", "", "resource that was written, such as zones/jinhua-etdz")
	flags.StringVar(&since, "since", "", "commit times from this one on, 2026-03-01T00:00:00+08:00")
	flags.StringVar(&until, "until", "", "commit times before this one")
	flags.BoolVar(&oldest, "oldest-first", false, "the oldest first")
	flags.IntVar(&limit, "limit", 50, "how many to list")
	return cmd
}

// transactions gathers pages until there are enough, or no more.
func transactions(
	ctx context.Context, client systemv1.AuditServiceClient, req *systemv1.ListTransactionsRequest, limit int,
) (*systemv1.ListTransactionsResponse, error) {
	all := &systemv1.ListTransactionsResponse{}
	for {
		req.PageSize = int32(min(limit-len(all.GetTransactions()), 1000))
		page, err := client.ListTransactions(ctx, req)
		if err != nil {
			return nil, err //nolint:wrapcheck // the server's own words
		}
		all.Transactions, all.State = append(all.GetTransactions(), page.GetTransactions()...), page.GetState()
		all.NextPageToken = page.GetNextPageToken()
		if all.GetNextPageToken() == "" || len(all.GetTransactions()) >= limit {
			return all, nil
		}
		req.PageToken = all.GetNextPageToken()
	}
}

// told is how many names of a transaction a line has.
const told = 3

func (a *app) showTransactions(list []*systemv1.Transaction) {
	t := table.New(a.say("版本", "Revision"), a.say("时间", "Time"), a.say("主体", "Actor"), a.say("方法", "Method"), a.say("写入", "Wrote"))
	beijing := time.FixedZone("Asia/Shanghai", 8*60*60)
	for _, tx := range list {
		names := tx.GetNames()[:min(len(tx.GetNames()), told)]
		wrote := strings.Join(names, " ")
		if more := int(tx.GetTotalNames()) - len(names); more > 0 {
			wrote += fmt.Sprintf(a.say(" 等另 %d 项", " and %d more"), more)
		}
		method := tx.GetMethod()[strings.LastIndex(tx.GetMethod(), "/")+1:]
		t.Row(fmt.Sprint(tx.GetRevision()), tx.GetCommitTime().AsTime().In(beijing).Format("2006-01-02 15:04:05"), tx.GetActor(), method, wrote)
	}
	a.table(t)
}
