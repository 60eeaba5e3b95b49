package event_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
)

// perZone gives one event for each zone of a transaction.
func perZone(tx *ledgerv1.Transaction, at ledger.Position) []event.Event {
	var events []event.Event
	for _, name := range tx.GetNames() {
		events = append(events, event.Event{
			Topic: "zone.changed", Subject: name,
			Data: &eventv1.ZoneChanged{Revision: at.Revision, Names: []string{name}},
		})
	}
	return events
}

type outbox struct {
	t    *testing.T
	led  *ledger.Ledger
	lane *ledger.Lane[*ledgertest.Zones]
	js   jetstream.JetStream
}

func newOutbox(t *testing.T) outbox {
	t.Helper()
	server := ledgertest.Server(t, t.TempDir())
	l := ledgertest.OpenAt(t, server, ledger.Config{})
	lane := ledger.Fold(l, ledger.LaneZone, ledgertest.NewZones())
	ledgertest.Run(t, l)
	return outbox{t: t, led: l, lane: lane, js: ledgertest.Deps(t, server).JetStream}
}

func (o outbox) put(names ...string) {
	o.t.Helper()
	if _, err := o.lane.Commit(o.t.Context(), ledgertest.Put("", "x", names...)); err != nil {
		o.t.Fatal(err)
	}
}

// publish runs a publisher until stop is called.
func (o outbox) publish() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- event.Publisher{
			Ledger: o.led, JetStream: o.js, Service: "zone", Lane: ledger.LaneZone, Topics: []string{"zone.changed"}, Log: ledgertest.Log(o.t), Make: perZone,
		}.Run(ctx)
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			o.t.Error(err)
		}
	}
}

// read gives the subjects of n events after an id, and the last id.
func (o outbox) read(after event.ID, n int) (subjects []string, last event.ID) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	defer cancel()
	enough := errors.New("enough")
	err := event.Subscribe(ctx, o.js, "zone.*", after, func(e event.Event) error {
		var changed eventv1.ZoneChanged
		if err := e.Decode(&changed); err != nil {
			return err
		}
		if changed.GetRevision() != e.ID.Revision || changed.GetNames()[0] != e.Subject || e.Source != "/zonebench/"+o.led.ID()+"/zone" || e.Time.IsZero() {
			o.t.Errorf("event %+v says %v", e, &changed)
		}
		subjects, last = append(subjects, e.Subject), e.ID
		if len(subjects) == n {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		o.t.Fatalf("after %v: %v", subjects, err)
	}
	return subjects, last
}

func (o outbox) stored() uint64 {
	o.t.Helper()
	stream, err := o.js.Stream(o.t.Context(), "EVENTS")
	if err != nil {
		o.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestPublishAndRead(t *testing.T) {
	o := newOutbox(t)
	o.put("zones/a", "zones/嵊州 %\"")
	stop := o.publish()
	o.put("zones/c")
	subjects, last := o.read(event.ID{}, 3)
	if fmt.Sprint(subjects) != fmt.Sprint([]string{"zones/a", "zones/嵊州 %\"", "zones/c"}) || last.String() != "1-2-0" {
		t.Errorf("read %q up to %v", subjects, last)
	}
	stop()
	o.put("zones/d", "zones/e")
	defer o.publish()()
	if subjects, _ := o.read(last, 2); fmt.Sprint(subjects) != "[zones/d zones/e]" {
		t.Errorf("after the restart: %q", subjects)
	}
	if n := o.stored(); n != 5 {
		t.Errorf("%d events are stored, want 5", n)
	}
}

// A stream that is lost is made again with the same ids, so who read its events
// does not see them twice.
func TestRegenerate(t *testing.T) {
	o := newOutbox(t)
	o.put("zones/a")
	o.put("zones/b", "zones/c")
	stop := o.publish()
	_, last := o.read(event.ID{}, 2)
	stop()
	if err := o.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	defer o.publish()()
	if subjects, _ := o.read(event.ID{}, 3); fmt.Sprint(subjects) != "[zones/a zones/b zones/c]" {
		t.Errorf("regenerated %q", subjects)
	}
	if subjects, _ := o.read(last, 1); fmt.Sprint(subjects) != "[zones/c]" {
		t.Errorf("after %v: %q", last, subjects)
	}
}

// A crash between two events of one transaction: the next publisher goes on with
// the second one.
func TestCutTransaction(t *testing.T) {
	o := newOutbox(t)
	o.put("zones/a", "zones/b", "zones/c")
	stop := o.publish()
	o.read(event.ID{}, 3)
	stop()
	stream, err := o.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	// A new stream that holds the first event only, and has no duplicate window.
	first, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	if err := o.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	msg := &nats.Msg{Subject: first.Subject, Header: first.Header, Data: first.Data}
	msg.Header.Del("Nats-Msg-Id")
	msg.Header.Del("Nats-Expected-Stream")
	if _, err := o.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	defer o.publish()()
	if subjects, _ := o.read(event.ID{}, 3); fmt.Sprint(subjects) != "[zones/a zones/b zones/c]" || o.stored() != 3 {
		t.Errorf("read %q of %d", subjects, o.stored())
	}
}

func TestForeignEvents(t *testing.T) {
	o := newOutbox(t)
	o.put("zones/a")
	stop := o.publish()
	o.read(event.ID{}, 1)
	stop()
	other := newOutbox(t)
	err := event.Publisher{
		Ledger: other.led, JetStream: o.js, Service: "zone", Lane: ledger.LaneZone, Topics: []string{"zone.changed"}, Log: ledgertest.Log(t), Make: perZone,
	}.Run(t.Context())
	if err == nil {
		t.Error("published among the events of another installation")
	}
}

func TestIDs(t *testing.T) {
	for _, s := range []string{"", "1", "1-2", "a-b-c", "1-2-3-4"} {
		if id, err := event.ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %v", s, id)
		}
	}
	ordered := []event.ID{{}, {1, 1, 0}, {1, 1, 1}, {1, 2, 0}, {2, 1, 0}}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.After(b) != (i > j) {
				t.Errorf("%v after %v = %v", a, b, a.After(b))
			}
		}
		if back, err := event.ParseID(a.String()); err != nil || back != a {
			t.Errorf("ParseID(%v) = %v, %v", a, back, err)
		}
	}
}

// The form on the wire, as other systems read it.
func TestWireFormat(t *testing.T) {
	o := newOutbox(t)
	o.put("zones/嵊州 1")
	defer o.publish()()
	o.read(event.ID{}, 1)
	stream, err := o.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, raw.Header.Get("ce-time"))
	if _, position := o.lane.Current(); err != nil || !at.Equal(position.CommitTime) {
		t.Errorf("ce-time = %q, %v", raw.Header.Get("ce-time"), err)
	}
	for key, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": "1-1-0", "ce-source": "/zonebench/" + o.led.ID() + "/zone", "ce-type": "zonebench.event.v1.ZoneChanged",
		"ce-subject": "zones/%E5%B5%8A%E5%B7%9E%201", "ce-datacontenttype": "application/protobuf",
	} {
		if got := raw.Header.Get(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if want := "\x08\x01\x1a\x0ezones/嵊州 1"; raw.Subject != "events.v1.zone.changed" || string(raw.Data) != want {
		t.Errorf("%s: %q, want %q", raw.Subject, raw.Data, want)
	}
}

// appender is a process that writes a topic which others write too.
func (o outbox) appender() event.Appender {
	return event.Appender{JetStream: o.js, LedgerID: o.led.ID(), Epoch: 1, Service: "ranking"}
}

func updated(revision int64) event.Event {
	return event.Event{
		ID: event.ID{Epoch: 1, Revision: revision}, Topic: "ranking.updated.a", Subject: "rankings/a",
		Data: &eventv1.RankingUpdated{Ranking: "rankings/a", Version: revision},
	}
}

func TestOfTwoWritersOfATopicOneIsOvertaken(t *testing.T) {
	o := newOutbox(t)
	one, two := o.appender(), o.appender()
	start, err := one.Last(t.Context(), "ranking.updated.a")
	if err != nil || start != (event.Place{}) {
		t.Fatalf("the last event of nothing is %+v, %v", start, err)
	}
	place, err := one.Append(t.Context(), updated(7), start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Append(t.Context(), updated(5), start); !errors.Is(err, event.ErrOvertaken) {
		t.Fatalf("an older event behind a place that is not the last: %v", err)
	}
	seen, err := two.Last(t.Context(), "ranking.updated.a")
	if err != nil || seen != place || seen.ID.Revision != 7 {
		t.Fatalf("the last event is %+v, %v, want %+v", seen, err, place)
	}
	if _, err := two.Append(t.Context(), updated(9), seen); err != nil {
		t.Fatal(err)
	}
	// Another topic has places of its own.
	other := updated(1)
	other.Topic = "ranking.updated.b"
	if _, err := two.Append(t.Context(), other, event.Place{}); err != nil {
		t.Fatal(err)
	}
	if n := o.stored(); n != 3 {
		t.Errorf("%d events are stored, want 3", n)
	}
}

// An answer that got lost: the event is there, and its writer may say it again.
func TestAnEventIsRepeatedWithoutHarm(t *testing.T) {
	o := newOutbox(t)
	a := o.appender()
	start, err := a.Last(t.Context(), "ranking.updated.a")
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Append(t.Context(), updated(7), start)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.Append(t.Context(), updated(7), start); err == nil && again != first || err != nil && !errors.Is(err, event.ErrOvertaken) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if n := o.stored(); n != 1 {
		t.Errorf("%d events are stored, want 1", n)
	}
}

func TestATopicOfAnotherEpochBeginsAnew(t *testing.T) {
	o := newOutbox(t)
	start, err := o.appender().Last(t.Context(), "ranking.updated.a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.appender().Append(t.Context(), updated(7), start); err != nil {
		t.Fatal(err)
	}
	restored := o.appender()
	restored.Epoch = 2
	place, err := restored.Last(t.Context(), "ranking.updated.a")
	if err != nil || place.ID != (event.ID{}) {
		t.Fatalf("after a restore the last event is %+v, %v", place, err)
	}
	e := updated(3)
	e.ID.Epoch = 2
	if _, err := restored.Append(t.Context(), e, place); err != nil {
		t.Fatal(err)
	}
	foreign := o.appender()
	foreign.LedgerID = "another"
	if _, err := foreign.Last(t.Context(), "ranking.updated.a"); err == nil {
		t.Error("the events of another installation are taken for ours")
	}
}
