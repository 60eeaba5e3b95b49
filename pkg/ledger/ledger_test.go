package ledger_test

import (
	"testing"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
)

func TestCommitIsReadBack(t *testing.T) {
	l := ledgertest.Open(t)
	zones := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)

	receipt, err := zones.Commit(t.Context(), ledgertest.Put("r1", "Jinhua", "zones/jinhua"))
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Revision != 1 || receipt.Duplicate {
		t.Errorf("receipt = %+v", receipt)
	}
	state, at := zones.Current()
	if zone, ok := state.Get("zones/jinhua"); !ok || zone.Display != "Jinhua" || zone.Revision != 1 {
		t.Errorf("zone = %+v, %v", zone, ok)
	}
	if at.Revision != 1 || at.LaneSequence != 1 || l.Applied() != 1 {
		t.Errorf("position = %+v, applied = %d", at, l.Applied())
	}
}
