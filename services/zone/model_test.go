package zone_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Callers count in the notes of a few zones, each by reading, adding one and
// writing with the etag that was read. What was acknowledged is what is there.
func TestNoUpdateWithAnEtagIsLost(t *testing.T) {
	const callers, tries, zones = 16, 40, 3
	s := start(t)
	for i := range zones {
		s.zone(t, fmt.Sprintf("z%d", i), "区", func(z *zonev1.Zone) { z.Note = "0" })
	}
	seed := rand.Uint64() //nolint:forbidigo // printed, so that it can be repeated
	t.Logf("seed %d", seed)
	var won [zones]atomic.Int64
	var wg sync.WaitGroup
	for c := range callers {
		random := rand.New(rand.NewPCG(seed, uint64(c)))
		wg.Go(func() {
			seen := int64(0)
			for range tries {
				n := random.IntN(zones)
				read, err := s.GetZone(t.Context(), &zonev1.GetZoneRequest{Name: fmt.Sprintf("zones/z%d", n)})
				if err != nil {
					t.Error(err)
					return
				}
				if at := read.GetState().GetRevision(); at < seen {
					t.Errorf("a read at revision %d after a write at %d", at, seen)
				}
				count, err := strconv.Atoi(read.GetZone().GetNote())
				if err != nil {
					t.Error(err)
					return
				}
				written, err := s.UpdateZone(t.Context(), &zonev1.UpdateZoneRequest{
					Zone: &zonev1.Zone{Name: read.GetZone().GetName(), Etag: read.GetZone().GetEtag(), Note: strconv.Itoa(count + 1)},
				})
				switch {
				case err == nil:
					won[n].Add(1)
					if at := written.GetState().GetRevision(); at <= seen {
						t.Errorf("a write at revision %d after one at %d", at, seen)
					} else {
						seen = at
					}
				case fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for n := range zones {
		got, err := s.GetZone(t.Context(), &zonev1.GetZoneRequest{Name: fmt.Sprintf("zones/z%d", n)})
		if err != nil {
			t.Fatal(err)
		}
		if want := strconv.FormatInt(won[n].Load(), 10); got.GetZone().GetNote() != want {
			t.Errorf("zone %d counts %s, acknowledged were %s", n, got.GetZone().GetNote(), want)
		}
	}
}
