package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/grpc"

	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// Services as processes of their own, two replicas of each, started at once over
// a NATS server that is new, say the same as one process does: what is written
// through one is read from another with its token, whichever replica of it is
// asked.
func TestSeparateProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four commands")
	}
	cluster := harness.StartCluster(t, harness.Shape{NATS: 1, Replicas: 2})
	// One client's interceptor for all three: it keeps the highest token it has seen, from whichever service.
	seen := grpc.WithUnaryInterceptor(new(revision.Client).Unary)
	zones, figures, ranking := cluster.Dial(t, "zone", seen), cluster.Dial(t, "indicator", seen), cluster.Dial(t, "ranking", seen)

	// Each call goes to the service that answers it. Imports refer to what
	// another process wrote a moment ago.
	harness.Load(t, harness.Clients{Zone: zones.Zone, Indicator: figures.Indicator, Ranking: ranking.Ranking, Published: ranking.Published})
	for range 2 { // the next replica in turn
		compared, err := ranking.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{
			Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET,
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(compared.GetStrict()); n != 3 {
			t.Errorf("%d strict comparisons, want 3: %v", n, compared.GetStrict())
		}
	}

	// The events of both services are on the server's stream, and no replica repeats them.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := exec.CommandContext(ctx, os.Args[0], "events", "--nats", cluster.NATSURL())
	events.Env = append(os.Environ(), "HARNESS_MAIN=1")
	out, err := events.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Start(); err != nil {
		t.Fatal(err)
	}
	kinds, ids := make(map[string]bool), make(map[string]bool)
	for d := json.NewDecoder(out); len(kinds) < 2; {
		var e struct {
			ID     string `json:"id"`
			Source string `json:"source"`
			Type   string `json:"type"`
		}
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if kinds[e.Type] = true; ids[e.Source+e.ID] {
			t.Errorf("the event %s of %s came twice", e.ID, e.Source)
		}
		ids[e.Source+e.ID] = true
	}
	cancel()
	_ = events.Wait() // It was ended by us.

	for service, replicas := range cluster.Replicas {
		committer := cluster.Committer(t, service)
		for _, r := range replicas { // Both name the same process.
			if lane := r.Lane(within(t), t, service); lane.GetHolder() == "" || lane.GetCommitter() != (r == committer) ||
				lane.GetHolder() != committer.Lane(within(t), t, service).GetHolder() {
				t.Errorf("%s says %v, and %s commits", r.Name, lane, committer.Name)
			}
		}
	}

	// The committer stops in order and the other replica goes on: not one write fails.
	committer := cluster.Committer(t, "zone")
	stopped := make(chan error, 1)
	for n := range 40 {
		if n == 10 {
			go func() { stopped <- committer.Interrupt(t) }()
		}
		if _, err := zones.Zone.CreateZone(within(t), &zonev1.CreateZoneRequest{
			ZoneId: fmt.Sprintf("invented-%d", n),
			Zone: &zonev1.Zone{
				DisplayName: &typev1.Localized{Zh: fmt.Sprintf("示例%d开发区", n)}, DivisionCode: "330000",
				Type: zonev1.ZoneType_ZONE_TYPE_OTHER, Level: zonev1.ZoneLevel_ZONE_LEVEL_NATIONAL, Simulated: true,
			},
		}); err != nil {
			t.Errorf("write %d: %v", n, err)
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("%s did not stop in order: %v", committer.Name, err)
	}
	if next := cluster.Committer(t, "zone"); next == committer {
		t.Errorf("%s has stopped and commits", next.Name)
	}
	for service, replicas := range cluster.Replicas {
		for _, r := range replicas {
			if r == committer {
				continue
			}
			if err := r.Interrupt(t); err != nil {
				t.Errorf("%s of %s did not stop in order: %v", r.Name, service, err)
			}
		}
	}
}
