// Package event publishes what the ledger says as public events, and reads them.
//
// Events are CloudEvents 1.0 in binary mode: attributes are NATS headers
// `ce-...`, the data is protobuf. They live in the stream EVENTS, which is
// finite and holds nothing that the ledger does not: a Publisher finds its place
// by the last events that are there, and publishes everything anew when there
// are none.
//
// Delivery is at least once, in the order of the ledger for each subject. The id
// of an event is `{epoch}-{revision}-{n}` and is the same however often it is
// published, so a consumer that keeps the last id sees each event once.
package event

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

const (
	streamName = "EVENTS"
	root       = "events.v1."

	// ContentType of every event's data.
	ContentType = "application/protobuf"
)

// An Event is one public event.
type Event struct {
	ID      ID
	Source  string    // `/zonebench/{ledger id}/{service}`
	Subject string    // what it is about: a resource name, or empty
	Time    time.Time // of the commit
	Topic   string    // `zone.changed`: its NATS subject is events.v1.{topic}
	Data    proto.Message
	// Type is the full name of Data's message. A received event has it and Raw,
	// and no Data: Decode gives it.
	Type string
	Raw  []byte
}

// An ID is the identity of an event, in the order of the ledger.
type ID struct {
	Epoch    int64
	Revision int64
	N        int // within the commit, from 0
}

// String is the form on the wire.
func (id ID) String() string { return fmt.Sprintf("%d-%d-%d", id.Epoch, id.Revision, id.N) }

// ParseID reads the form on the wire.
func ParseID(s string) (ID, error) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return ID{}, fmt.Errorf("event id %q does not have three parts", s)
	}
	epoch, err1 := strconv.ParseInt(parts[0], 10, 64)
	revision, err2 := strconv.ParseInt(parts[1], 10, 64)
	n, err3 := strconv.Atoi(parts[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return ID{}, fmt.Errorf("event id %q: %w", s, err)
	}
	return ID{Epoch: epoch, Revision: revision, N: n}, nil
}

// After says whether the event comes after another one.
func (id ID) After(other ID) bool {
	if id.Epoch != other.Epoch {
		return id.Epoch > other.Epoch
	}
	if id.Revision != other.Revision {
		return id.Revision > other.Revision
	}
	return id.N > other.N
}

// Decode fills a message with the event's data. It must be of the event's type.
func (e Event) Decode(into proto.Message) error {
	if name := string(into.ProtoReflect().Descriptor().FullName()); name != e.Type {
		return fmt.Errorf("event %v is a %s, not a %s", e.ID, e.Type, name)
	}
	return proto.Unmarshal(e.Raw, into)
}

// message is the event as it is published.
func (e Event) message() (*nats.Msg, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode event %v: %w", e.ID, err)
	}
	header := nats.Header{}
	set := func(key, value string) {
		if value != "" {
			header["ce-"+key] = []string{encode(value)}
		}
	}
	set("specversion", "1.0")
	set("id", e.ID.String())
	set("source", e.Source)
	set("type", string(e.Data.ProtoReflect().Descriptor().FullName()))
	set("subject", e.Subject)
	set("time", e.Time.UTC().Format(time.RFC3339Nano))
	set("datacontenttype", ContentType)
	return &nats.Msg{Subject: root + e.Topic, Header: header, Data: data}, nil
}

// received reads an event from a message.
func received(subject string, header nats.Header, data []byte) (Event, error) {
	get := func(key string) string {
		// The value is decoded as the NATS protocol binding says; one that is not
		// encoded is taken as it is.
		value := header.Get("ce-" + key)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	if v := get("specversion"); v != "1.0" {
		return Event{}, fmt.Errorf("a message on %s is not a CloudEvent 1.0 in binary mode (ce-specversion %q)", subject, v)
	}
	id, err := ParseID(get("id"))
	if err != nil {
		return Event{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, get("time"))
	if err != nil {
		return Event{}, fmt.Errorf("event %v: %w", id, err)
	}
	return Event{
		ID: id, Source: get("source"), Subject: get("subject"), Time: at, Type: get("type"),
		Topic: strings.TrimPrefix(subject, root), Raw: data,
	}, nil
}

// encode is the percent-encoding of header values in the protocol binding: what
// is not printable ASCII, and space, quote and percent.
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '"' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// openStream makes the stream, or takes it as it is: its limits are the
// operator's to change.
func openStream(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name:        streamName,
			Description: "public events of zonebench, regenerated from the ledger when lost",
			Subjects:    []string{root + ">"},
			Storage:     jetstream.FileStorage,
			Retention:   jetstream.LimitsPolicy,
			Discard:     jetstream.DiscardOld,
			MaxAge:      7 * 24 * time.Hour,
			MaxBytes:    256 << 20,
			Replicas:    max(replicas, 1),
			Duplicates:  2 * time.Minute,
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another publisher was first
			stream, err = js.Stream(ctx, streamName)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the stream of events: %w", err)
	}
	return stream, nil
}

// Subscribe gives the events after an id to fn, in order, each once, until the
// context ends or fn returns an error. Topics may hold wildcards: `zone.*`,
// `>`. A zero id begins with the oldest event that is kept.
func Subscribe(ctx context.Context, js jetstream.JetStream, topic string, after ID, fn func(Event) error) error {
	stream, err := openStream(ctx, js, 1)
	if err != nil {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{root + topic}})
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	iter, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer context.AfterFunc(ctx, iter.Stop)()
	defer iter.Stop()
	// Different topics may overtake each other; within one the order is the ledger's.
	seen := make(map[string]ID)
	for {
		msg, err := iter.Next()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read events: %w", err)
		}
		e, err := received(msg.Subject(), msg.Headers(), msg.Data())
		if err != nil {
			return err
		}
		last, ok := seen[e.Topic]
		if !ok {
			last = after
		}
		if (ok || after != ID{}) && !e.ID.After(last) {
			continue
		}
		seen[e.Topic] = e.ID
		if err := fn(e); err != nil {
			return err
		}
	}
}
