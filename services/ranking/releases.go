package ranking

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
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

// rowsOf are the rows of a release as they were published.
func rowsOf(r *released) ([]*rankingv1.Standing, error) {
	content, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(r.rows)), maxRows))
	if err != nil {
		return nil, fmt.Errorf("rows of %s: %w", r.release.GetName(), err)
	}
	stored := &ledgerv1.StoredRows{}
	if err := proto.Unmarshal(content, stored); err != nil {
		return nil, fmt.Errorf("rows of %s: %w", r.release.GetName(), err)
	}
	return stored.GetStandings(), nil
}

// maxRows bounds what rows may inflate to.
const maxRows = 64 << 20

// deflated are rows as the ledger keeps them.
func deflated(rows []*rankingv1.Standing) ([]byte, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(&ledgerv1.StoredRows{Standings: rows})
	if err != nil {
		return nil, fmt.Errorf("encode rows: %w", err)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("deflate rows: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("deflate rows: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflate rows: %w", err)
	}
	return out.Bytes(), nil
}

// lastRelease of a ranking, nil for none.
func (v PublishedView) lastRelease(ranking string) *released {
	for r := range v.releases(ranking) {
		last, _ := v.release(r.GetName())
		return last
	}
	return nil
}
