package indicator

import (
	"context"
	"slices"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const (
	topic = "figures.changed"
	// maxKeys is how many keys an event names; the rest is to be read.
	maxKeys = 1000
)

// events are the public events of a transaction: one FiguresChanged, or none
// for a chunk of an import that nobody sees yet.
func (s *Service) events(ctx context.Context, tx *ledgerv1.Transaction, at ledger.Position) []event.Event {
	// Facts that take out a statement or commit an import name no keys: the fold knows them, once it has come here.
	if err := s.deps.Ledger.WaitFor(ctx, at.Revision); err != nil {
		return nil // The publisher ends with the ledger and finds this place again.
	}
	state, _ := s.deps.Lane.Current()
	data := changes(state.View(at.Revision), tx, at)
	if data == nil {
		return nil
	}
	data.Token = s.deps.Ledger.Token(at.Revision)
	return []event.Event{{Topic: topic, Data: data}}
}

// changes is what a transaction changed, nil when it is nothing that can be seen.
func changes(view figures.View, tx *ledgerv1.Transaction, at ledger.Position) *eventv1.FiguresChanged {
	data := &eventv1.FiguresChanged{Revision: at.Revision}
	keys := make(map[string]*indicatorv1.FigureKey)
	touch := func(key *indicatorv1.FigureKey) {
		if key != nil {
			keys[figures.KeyText(key)] = key
		}
	}
	statement := func(name string) {
		m, _ := view.Statement(name)
		touch(m.GetKey())
		data.Simulated = data.GetSimulated() || m.GetSimulated()
	}
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Indicator:
			data.Names = append(data.Names, kind.Indicator.GetName())
			data.Simulated = data.GetSimulated() || kind.Indicator.GetSimulated()
		case *ledgerv1.Fact_Source:
			data.Names = append(data.Names, kind.Source.GetName())
			data.Simulated = data.GetSimulated() || kind.Source.GetSimulated()
		case *ledgerv1.Fact_List:
			data.Names = append(data.Names, kind.List.GetName())
			data.Simulated = data.GetSimulated() || kind.List.GetSimulated()
		case *ledgerv1.Fact_Statement:
			statement(kind.Statement.GetName())
		case *ledgerv1.Fact_StatementWithdrawn:
			statement(kind.StatementWithdrawn.GetName())
		case *ledgerv1.Fact_FigurePinned:
			statement(kind.FigurePinned.GetStatement())
		case *ledgerv1.Fact_FigureUnpinned:
			touch(kind.FigureUnpinned.GetKey())
		case *ledgerv1.Fact_ImportCommitted:
			for _, key := range view.RecordedAt(at.Revision) {
				touch(key)
			}
		}
	}
	if len(keys) == 0 && len(data.GetNames()) == 0 {
		return nil
	}
	texts := make([]string, 0, len(keys))
	for text := range keys {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	data.TotalKeys = int32(len(texts))
	for _, text := range texts[:min(len(texts), maxKeys)] {
		data.Keys = append(data.Keys, keys[text])
	}
	return data
}
