package board_test

import (
	"testing"

	"connectrpc.com/connect"

	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// BenchmarkUnary is one call at a time through the gateway to a service inside the
// process: what the board adds to a call.
func BenchmarkUnary(b *testing.B) {
	for _, name := range []string{"Connect", "Connect JSON", "gRPC-Web"} {
		b.Run(name, func(b *testing.B) {
			f := start(b, &services{})
			client := connect.NewClient[zonev1.GetZoneRequest, zonev1.GetZoneResponse](f.client, f.url+getZone, protocols[name]...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.CallUnary(b.Context(), connect.NewRequest(&zonev1.GetZoneRequest{Name: "zones/a"})); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
