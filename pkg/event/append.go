package event

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOvertaken says that a topic has an event behind the one that was known as
// its last.
var ErrOvertaken = errors.New("another event came first")

// An Appender publishes on topics that several processes write: an event is put
// behind the one that its writer knows as the last, or refused. So a topic has
// the events of all its writers in the order of their ids, and no id twice,
// whatever the writers believe of each other.
type Appender struct {
	JetStream jetstream.JetStream
	Replicas  int    // of the stream, if it is not there yet
	LedgerID  string // the events of another one on the same topic are foreign
	Epoch     int64
	Service   string // the last part of the source
}

// A Place is where the last event of a topic stands.
type Place struct {
	sequence uint64 // in the stream, 0: there is none
	ID       ID     // zero when there is none, or one of another epoch
}

// Last finds the last event of a topic. An event of an earlier epoch counts as
// none: revisions begin anew with a restore.
func (a Appender) Last(ctx context.Context, topic string) (Place, error) {
	stream, err := openStream(ctx, a.JetStream, a.Replicas)
	if err != nil {
		return Place{}, err
	}
	raw, err := stream.GetLastMsgForSubject(ctx, root+topic)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Place{}, nil
	}
	if err != nil {
		return Place{}, fmt.Errorf("find the last event of %s: %w", topic, err)
	}
	e, err := received(raw.Subject, raw.Header, raw.Data)
	if err != nil {
		return Place{}, err
	}
	if want := source(a.LedgerID, a.Service); e.Source != want {
		return Place{}, &foreignError{have: e.Source, want: want}
	}
	place := Place{sequence: raw.Sequence}
	if e.ID.Epoch == a.Epoch {
		place.ID = e.ID
	}
	return place, nil
}

// Append publishes an event without Source behind a place, which Last or Append
// gave, and gives its own place. It returns ErrOvertaken when the topic goes on
// behind that place.
func (a Appender) Append(ctx context.Context, e Event, after Place) (Place, error) {
	e.Source = source(a.LedgerID, a.Service)
	msg, err := e.message()
	if err != nil {
		return Place{}, err
	}
	ack, err := a.JetStream.PublishMsg(ctx, msg, jetstream.WithMsgID(e.ID.String()+"@"+e.Topic),
		jetstream.WithExpectStream(streamName), jetstream.WithExpectLastSequencePerSubject(after.sequence))
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && (api.ErrorCode == wrongLast || api.ErrorCode == wrongLastConstant) {
		return Place{}, fmt.Errorf("publish event %v of %s: %w", e.ID, e.Topic, ErrOvertaken)
	}
	if err != nil {
		return Place{}, fmt.Errorf("publish event %v of %s: %w", e.ID, e.Topic, err)
	}
	return Place{sequence: ack.Sequence, ID: e.ID}, nil
}

// Codes by which the server refuses an event behind another place than the last.
const (
	wrongLast         jetstream.ErrorCode = 10071
	wrongLastConstant jetstream.ErrorCode = 10164
)
