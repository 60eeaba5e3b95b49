package zone

import (
	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

const changedTopic = "zone.changed"

// changed makes the event of a transaction: the resources that it wrote.
func (s *Service) changed(tx *ledgerv1.Transaction, at ledger.Position) []event.Event {
	data := &eventv1.ZoneChanged{Revision: at.Revision, Token: s.deps.Ledger.Token(at.Revision)}
	for _, fact := range tx.GetFacts() {
		switch kind := fact.GetKind().(type) {
		case *ledgerv1.Fact_Zone:
			data.Names = append(data.Names, kind.Zone.GetName())
		case *ledgerv1.Fact_ReferenceUnit:
			data.Names = append(data.Names, kind.ReferenceUnit.GetName())
		case *ledgerv1.Fact_Relation:
			data.Names = append(data.Names, kind.Relation.GetName())
		case *ledgerv1.Fact_Group:
			data.Names = append(data.Names, kind.Group.GetName())
		case *ledgerv1.Fact_GroupDeleted:
			data.Names = append(data.Names, kind.GroupDeleted.GetName())
			data.Deleted = append(data.Deleted, kind.GroupDeleted.GetName())
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
