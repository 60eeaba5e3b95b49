package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/simulate"
	"zonebench.internal/test/harness"
)

// Redis is killed and comes back empty while figures come in and the ranking is
// read: not one read fails or is older than it may be, and at the same revision
// both replicas say the same, with Redis and without.
func (o *ordeal) redisKilled(t *testing.T) {
	t.Helper()
	dataset, clients := o.province(t)
	for _, scheme := range dataset.Schemes() {
		if _, err := clients.Live.CreateScheme(t.Context(), &rankingv1.CreateSchemeRequest{
			SchemeId: strings.TrimPrefix(scheme.GetName(), "schemes/"), Scheme: scheme,
		}); err != nil {
			t.Fatal(err)
		}
	}
	name := ""
	for month := range dataset.Months() {
		ranking, err := dataset.Ranking(month)
		if err != nil {
			t.Fatal(err)
		}
		name = ranking.GetName()
		if _, err := clients.Live.CreateRanking(t.Context(), &rankingv1.CreateRankingRequest{
			RankingId: strings.TrimPrefix(name, "rankings/"), Ranking: ranking,
		}); err != nil {
			t.Fatal(err)
		}
	}
	live, err := dataset.Live()
	if err != nil {
		t.Fatal(err)
	}
	sources := live.Sources()
	harness.Import(t, clients, sources.Kind, sources.Content)

	reading, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	var reads atomic.Int64
	var slowest atomic.Int64
	for _, r := range o.cluster.Replicas["ranking"] {
		readers.Go(func() {
			last := int64(0)
			for reading.Err() == nil {
				begin := time.Now()
				resp, err := o.read(reading, t, r, name, nil)
				if reading.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("%s: %v", r.Name, err)
					return
				}
				if at := resp.GetHead().GetVersion(); at < last {
					t.Errorf("%s answered version %d after %d", r.Name, at, last)
				} else {
					last = at
				}
				reads.Add(1)
				slowest.Store(max(slowest.Load(), int64(time.Since(begin))))
				pause(reading, 10*time.Millisecond)
			}
		})
	}
	for range o.form.redises {
		o.move(t, clients, live)
		o.same(t, name, "with Redis")
		o.cluster.Redis.Kill()
		o.move(t, clients, live)
		o.same(t, name, "without Redis")
		o.cluster.Redis.Start(t)
		o.move(t, clients, live)
		o.same(t, name, "with an empty Redis")
	}
	stop()
	readers.Wait()
	o.report.notef(t, "Redis was killed and came back empty %d times: none of %d reads of a ranking of 60 zones failed or went back, the slowest took %d ms.",
		o.form.redises, reads.Load(), time.Duration(slowest.Load()).Milliseconds())
}

// move records figures, each of which moves the newest ranking.
func (o *ordeal) move(t *testing.T, clients harness.Clients, live *simulate.Live) {
	t.Helper()
	for range 20 {
		reports, err := live.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, report := range reports {
			if _, err := clients.Indicator.RecordStatements(t.Context(), &indicatorv1.RecordStatementsRequest{
				Statements: []*indicatorv1.NewStatement{report},
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (o *ordeal) read(ctx context.Context, t *testing.T, r *harness.Node, name string, at *typev1.Consistency) (*rankingv1.GetRankingResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	resp, err := r.Clients(t).Live.GetRanking(ctx, &rankingv1.GetRankingRequest{Name: name, PageSize: 1000, Consistency: at})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return resp, nil
}

// same compares what the replicas say at the same revision.
func (o *ordeal) same(t *testing.T, name, when string) {
	t.Helper()
	var first *rankingv1.GetRankingResponse
	for _, r := range o.cluster.Replicas["ranking"] {
		at := &typev1.Consistency{Requirement: &typev1.Consistency_FullyConsistent{FullyConsistent: true}}
		if first != nil {
			at = &typev1.Consistency{Requirement: &typev1.Consistency_AtExactRevision{AtExactRevision: first.GetState().GetRevision()}}
		}
		resp, err := o.read(t.Context(), t, r, name, at)
		if err != nil {
			t.Fatalf("%s, %s: %v", when, r.Name, err)
		}
		if first == nil {
			first = resp
			if len(resp.GetStandings()) != 60 {
				t.Errorf("%s: %d rows", when, len(resp.GetStandings()))
			}
			continue
		}
		if resp.GetHead().GetVersion() != first.GetHead().GetVersion() || len(resp.GetStandings()) != len(first.GetStandings()) {
			t.Fatalf("%s: versions %d and %d", when, first.GetHead().GetVersion(), resp.GetHead().GetVersion())
		}
		for n, row := range resp.GetStandings() {
			if !proto.Equal(row, first.GetStandings()[n]) {
				t.Fatalf("%s: row %d is %v on one replica and %v on the other", when, n, first.GetStandings()[n], row)
			}
		}
	}
}
