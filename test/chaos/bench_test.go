package chaos

import (
	"fmt"
	"sync/atomic"
	"testing"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// Writes over three NATS servers and two replicas, one of which hands every
// write over: a sync on two disks of the one that this machine has, a hop for
// every second call.
func BenchmarkWrites(b *testing.B) {
	client := harness.StartCluster(b, harness.Shape{NATS: 3, Replicas: 2, Services: []string{"zone"}, Env: []string{"ZONEBENCH_LOG_LEVEL=warn"}}).Dial(b, "zone")
	var number atomic.Int64
	create := func(b *testing.B) {
		b.Helper()
		id := fmt.Sprintf("written-%d", number.Add(1))
		if _, err := client.Zone.CreateZone(b.Context(), &zonev1.CreateZoneRequest{
			ZoneId: id, RequestId: id, Zone: &zonev1.Zone{DisplayName: &typev1.Localized{Zh: "示例" + id}, Type: 1, Level: 1, DivisionCode: "330000", Simulated: true},
		}); err != nil {
			b.Error(err)
		}
	}
	b.Run("one caller", func(b *testing.B) {
		for b.Loop() {
			create(b)
		}
	})
	b.Run("64 callers", func(b *testing.B) {
		b.SetParallelism(32) // times two processors
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				create(b)
			}
		})
	})
}
