package ranking

import (
	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const changedTopic = "published.changed"

// changed makes the event of a transaction: the series and rounds that it wrote.
func (s *Service) changed(tx *ledgerv1.Transaction, at ledger.Position) []event.Event {
	data := &eventv1.PublishedRankingsChanged{Revision: at.Revision, Token: s.deps.Ledger.Token(at.Revision)}
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Series:
			data.Names = append(data.Names, kind.Series.GetName())
		case *ledgerv1.Fact_Round:
			data.Names = append(data.Names, kind.Round.GetName())
		}
	}
	if len(data.GetNames()) == 0 {
		return nil
	}
	e := event.Event{Topic: changedTopic, Data: data}
	if len(data.GetNames()) == 1 {
		e.Subject = data.GetNames()[0]
	}
	return []event.Event{e}
}
