package ledger_test

import (
	"encoding/hex"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// golden is a commit as it is stored. Bytes like these live for ever: this test
// may get more of them, and never other ones.
const golden = "0a1a4142434445464748494a4b4c4d4e4f505152535455565758595a10011a047a6f6e6520022807320243313a0808a691f1cf06100b40014a01ff52" +
	"20da5b12546723a32410ceccea386fb208e97c7d985ce8ed49215f700af58832fd5a205df6b6434c49616ec8628d6bb77c6aed67e4be7b6513f7c987" +
	"07efe365bd248362780a760a0e6c6f63616c3a6f70657261746f72120272311a0301020322292f7a6f6e6562656e63682e7a6f6e652e76312e5a6f6e" +
	"65536572766963652f4372656174655a6f6e652a117a6f6e65732f6a696e6875612d6574647a321d521b0a117a6f6e65732f6a696e6875612d657464" +
	"7a5206e98791e58d8e"

// goldenHash was computed from the package comment by another program too.
const goldenHash = "5df6b6434c49616ec8628d6bb77c6aed67e4be7b6513f7c98707efe365bd2483"

func goldenCommit(t *testing.T) *ledgerv1.Commit {
	t.Helper()
	body, err := proto.Marshal(&ledgerv1.Body{Transactions: []*ledgerv1.Transaction{{
		Actor: "local:operator", RequestId: "r1", RequestHash: []byte{1, 2, 3}, Method: "/zonebench.zone.v1.ZoneService/CreateZone",
		Names: []string{"zones/jinhua-etdz"}, Facts: []*ledgerv1.Fact{ledgertest.Fact("zones/jinhua-etdz", "金华")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return &ledgerv1.Commit{
		LedgerId: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Epoch: 1, Lane: "zone", LaneSequence: 2, PreviousRevision: 7, CommitId: "C1",
		CommitTime:       timestamppb.New(time.Date(2026, 5, 7, 8, 9, 10, 11, time.UTC)),
		TransactionCount: 1, PreviousHash: []byte{0xff}, Body: body,
	}
}

func TestGoldenBytes(t *testing.T) {
	commit := goldenCommit(t)
	data, err := ledger.Seal(commit)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(commit.GetHash()); got != goldenHash {
		t.Errorf("hash = %s, want %s", got, goldenHash)
	}
	if got := hex.EncodeToString(data); got != golden {
		t.Errorf("bytes = %s, want %s", got, golden)
	}
	stored, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	var decoded ledgerv1.Commit
	if err := proto.Unmarshal(stored, &decoded); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&decoded, commit) {
		t.Errorf("decoded %v", &decoded)
	}
	if hex.EncodeToString(ledger.Hash(&decoded)) != goldenHash {
		t.Error("the hash of the stored bytes is another")
	}
	txs, err := ledger.Transactions(&decoded)
	if err != nil || txs[0].GetFacts()[0].GetZone().GetName() != "zones/jinhua-etdz" {
		t.Errorf("transactions = %v, %v", txs, err)
	}
}
