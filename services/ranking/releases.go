package ranking

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"

	"zonebench.internal/pkg/ledger"
)

// releaseName is `rankings/{ranking}/releases/{number}`.
func releaseName(ranking string, number int32) string {
	return ranking + "/releases/" + strconv.Itoa(int(number))
}

// splitRelease is the ranking and the number that a release's name says.
func splitRelease(name string) (ranking string, number int32) {
	ranking, digits, _ := strings.Cut(name, "/releases/")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return ranking, 0
	}
	return ranking, int32(n)
}

// releaseKey orders releases by ranking, the newest first.
func releaseKey(ranking string, number int32) string {
	return fmt.Sprintf("%s %06d", ranking, 999_999-number)
}

// release takes in what was published.
func (p *Published) release(at ledger.Position, fact *ledgerv1.Released) {
	r := proto.CloneOf(fact.GetRelease())
	r.Revision, r.CreateTime = at.Revision, timestamppb.New(at.CommitTime)
	ranking, number := splitRelease(r.GetName())
	p.releases.Set(releaseKey(ranking, number), &released{release: r, rows: fact.GetRows()})
}

// release gives `rankings/{ranking}/releases/{release}`.
func (v PublishedView) release(name string) (*released, bool) {
	r, ok := v.state.releases.Get(releaseKey(splitRelease(name)))
	if !ok || r.release.GetRevision() > v.revision {
		return nil, false
	}
	return r, true
}

// releases of a ranking, or of all for "", by ranking and the newest first.
func (v PublishedView) releases(ranking string) iter.Seq[*rankingv1.Release] {
	prefix := ""
	if ranking != "" {
		prefix = ranking + " "
	}
	return func(yield func(*rankingv1.Release) bool) {
		v.state.releases.Ascend(prefix, func(key string, r *released) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			return r.release.GetRevision() > v.revision || yield(r.release)
		})
	}
}
