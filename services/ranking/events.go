package ranking

import (
	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const (
	changedTopic  = "published.changed"
	releasedTopic = "release.published"
)

// changed makes the events of a transaction: the series and rounds that it wrote,
// and what it released.
func (s *Service) changed(tx *ledgerv1.Transaction, at ledger.Position) []event.Event {
	data := &eventv1.PublishedRankingsChanged{Revision: at.Revision, Token: s.deps.Ledger.Token(at.Revision)}
	var events []event.Event
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Series:
			data.Names = append(data.Names, kind.Series.GetName())
		case *ledgerv1.Fact_Round:
			data.Names = append(data.Names, kind.Round.GetName())
		case *ledgerv1.Fact_Released:
			r := kind.Released.GetRelease()
			events = append(events, event.Event{Topic: releasedTopic, Subject: r.GetName(), Data: &eventv1.ReleasePublished{
				Revision: at.Revision, Token: data.GetToken(), Release: r.GetName(), Version: r.GetHead().GetVersion(), Number: r.GetNumber(),
				Simulated: r.GetHead().GetSimulated(),
			}})
		}
	}
	if len(data.GetNames()) == 0 {
		return events
	}
	e := event.Event{Topic: changedTopic, Data: data}
	if len(data.GetNames()) == 1 {
		e.Subject = data.GetNames()[0]
	}
	return append(events, e)
}
