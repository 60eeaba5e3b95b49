package ranking_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger/ledgertest"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking"
)

func signing(t *testing.T) func(*ranking.Deps) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return func(d *ranking.Deps) { d.SigningKey = key }
}

func (w *world) release(version int64, title string) (*rankingv1.Release, error) {
	w.t.Helper()
	resp, err := w.service.CreateRelease(w.ctx, &rankingv1.CreateReleaseRequest{
		Parent: "rankings/r2025", Version: version, Title: localized(title), RequestId: "release-" + title,
	})
	return resp.GetRelease(), err
}

func (w *world) newest() int64 {
	w.t.Helper()
	return w.get(&rankingv1.GetRankingRequest{Name: "r2025"}).GetHead().GetVersion()
}

func TestReleaseIsWhatWasSeenNumberedSignedAndReplayedForEver(t *testing.T) {
	dir := t.TempDir()
	server := ledgertest.Server(t, dir)
	w := newWorld(t, server, signing(t))
	w.settle()
	w.say("a tax 2025 30", "b tax 2025 20", "c tax 2025 10", "d tax 2025 5")
	if _, err := w.release(w.newest(), "too early"); code(err) != codes.FailedPrecondition {
		t.Errorf("a release of a flash ranking: %v", err)
	}
	w.state("r2025", rankingv1.RankingState_RANKING_STATE_FORMAL)
	seen := w.newest()
	w.say("d tax 2024 7")
	if _, err := w.release(seen, "stale"); code(err) != codes.Aborted {
		t.Errorf("a release of version %d, which is not the newest: %v", seen, err)
	}
	first, err := w.release(w.newest(), "第一次")
	if err != nil {
		t.Fatal(err)
	}
	if first.GetName() != "rankings/r2025/releases/1" || first.GetNumber() != 1 || len(first.GetChanges()) != 0 {
		t.Errorf("first release: %v", first)
	}
	w.say("d tax 2025 50", "d energy 2025 1")
	if _, err := w.service.UpdateRanking(w.ctx, &rankingv1.UpdateRankingRequest{
		Ranking: &rankingv1.Ranking{Name: "rankings/r2025", State: rankingv1.RankingState_RANKING_STATE_FINAL},
	}); err != nil {
		t.Fatal(err)
	}
	// Two statements on d's tax differ now, so d has energy alone.
	second, err := w.release(w.newest(), "第二次")
	if err != nil || second.GetNumber() != 2 || len(second.GetChanges()) == 0 || int(second.GetTotalChanges()) != len(second.GetChanges()) {
		t.Fatalf("second release: %v, %v, want number 2 with what changed", second, err)
	}
	again, err := w.release(first.GetHead().GetVersion(), "第一次")
	if err != nil || !proto.Equal(again, first) {
		t.Errorf("a retry: %v, %v, want the first release", again, err)
	}
	list, err := w.service.ListReleases(w.ctx, &rankingv1.ListReleasesRequest{Parent: "rankings/-"})
	if err != nil || list.GetTotalSize() != 2 || list.GetReleases()[0].GetNumber() != 2 {
		t.Errorf("releases: %v, %v, want the newest of two first", list, err)
	}
	got, err := w.service.GetRelease(w.ctx, &rankingv1.GetReleaseRequest{Name: first.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "as it was published", table(got.GetStandings()), "1.a 100.00, 2.b 60.00, 3.c 20.00, 4.d 0.00")
	if !ed25519.Verify(first.GetSeal().GetPublicKey(), ranking.SignedText(first), first.GetSeal().GetSignature()) {
		t.Error("the signature does not hold")
	}
	forged := proto.CloneOf(first)
	forged.Seal.RowsDigest = second.GetSeal().GetRowsDigest()
	if ed25519.Verify(forged.GetSeal().GetPublicKey(), ranking.SignedText(forged), forged.GetSeal().GetSignature()) {
		t.Error("the signature holds for other rows")
	}
	compared, err := w.service.CompareVersions(w.ctx, &rankingv1.CompareVersionsRequest{
		Before: &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Release{Release: first.GetName()}},
		After:  &rankingv1.VersionReference{Side: &rankingv1.VersionReference_Release{Release: second.GetName()}},
	})
	if err != nil || len(compared.GetMoves()) != len(second.GetChanges()) {
		t.Errorf("the releases compared: %v, %v, want what the second says", compared, err)
	}

	// Another process, which has nothing but the ledger.
	other := newWorld(t, server)
	for _, r := range []*rankingv1.Release{first, second} {
		replay, err := other.service.ReplayRelease(other.ctx, &rankingv1.ReplayReleaseRequest{Name: r.GetName()})
		if err != nil || !replay.GetSignatureValid() || !replay.GetRowsIntact() || !replay.GetReproduced() || len(replay.GetDifferences()) > 0 ||
			replay.GetDigest() != r.GetHead().GetDigest() {
			t.Errorf("replay of %s: %v, %v", r.GetName(), replay, err)
		}
	}
	if _, err := other.release(second.GetHead().GetVersion(), "no key"); code(err) != codes.FailedPrecondition {
		t.Errorf("a release without a key: %v", err)
	}
}

func TestReleaseIsToldAsAnEvent(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	deps := ledgertest.Deps(t, server)
	w := newWorld(t, server, signing(t), func(d *ranking.Deps) { d.JetStream = deps.JetStream })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	w.settle()
	w.say("a tax 2025 30", "b tax 2025 20")
	w.state("r2025", rankingv1.RankingState_RANKING_STATE_FORMAL)
	r, err := w.release(w.newest(), "told")
	if err != nil {
		t.Fatal(err)
	}
	err = event.Subscribe(t.Context(), deps.JetStream, "release.published", event.ID{}, func(e event.Event) error {
		data := &eventv1.ReleasePublished{}
		if err := e.Decode(data); err != nil {
			return err
		}
		if data.GetRelease() != r.GetName() || data.GetVersion() != r.GetHead().GetVersion() || data.GetNumber() != 1 || data.GetRevision() != r.GetRevision() {
			t.Errorf("the event tells %v of %v", data, r)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestKeyOfReleasesIsMadeOnceAndNobodyElsesToRead(t *testing.T) {
	dir := t.TempDir()
	key, err := ranking.OwnSigningKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "release-key.pem")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v, %v, want mode 0600", info, err)
	}
	again, err := ranking.OwnSigningKey(dir)
	if err != nil || !again.Equal(key) {
		t.Errorf("the second time: another key, %v", err)
	}
	for mode, taken := range map[os.FileMode]bool{0o640: true, 0o660: false, 0o644: false} { // A group reads what Kubernetes mounts.
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ranking.SigningKey(path); (err == nil) != taken {
			t.Errorf("a key of mode %04o: %v, want it taken: %v", mode, err, taken)
		}
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ranking.OwnSigningKey(dir); err == nil {
		t.Error("a file that is no key was replaced or taken")
	}
}
