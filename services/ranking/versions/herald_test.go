package versions_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	"zonebench.internal/services/ranking/versions"
	"zonebench.internal/services/ranking/versions/versionstest"
)

// update is one event as a subscriber sees it.
type update struct {
	event.Event
	*eventv1.RankingUpdated
}

// updates reads the events of a ranking until one of a version arrives.
func updates(t *testing.T, js jetstream.JetStream, name string, last int64) []update {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	enough := errors.New("enough")
	var got []update
	err := event.Subscribe(ctx, js, versions.Topic(name), event.ID{}, func(e event.Event) error {
		u := update{Event: e, RankingUpdated: &eventv1.RankingUpdated{}}
		if err := e.Decode(u.RankingUpdated); err != nil {
			return err
		}
		if got = append(got, u); u.GetVersion() >= last {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%d events of %s, none of version %d: %v", len(got), name, last, err)
	}
	return got
}

// stored is how many messages the stream holds, whoever would see them.
func stored(t *testing.T, js jetstream.JetStream) int {
	t.Helper()
	stream, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

// chained holds events against the ledger: in order, each version once, each
// naming the zones that changed since the one before.
func chained(t *testing.T, l *versionstest.Ledger, got []update) {
	t.Helper()
	var previous int64
	for _, u := range got {
		if u.GetPreviousVersion() != previous || u.GetVersion() <= previous || u.ID.Revision != u.GetVersion() || u.ID.Epoch != l.Epoch() {
			t.Errorf("event %v of version %d names %d as the one before, which was %d", u.ID, u.GetVersion(), u.GetPreviousVersion(), previous)
		}
		if u.GetRanking() != u.Event.Subject || u.Source != "/zonebench/"+l.ID()+"/ranking" || u.GetToken() != l.Token(u.GetVersion()) || !u.Time.Equal(l.TimeAt(u.GetVersion())) {
			t.Errorf("event %+v says %v", u.Event, u.RankingUpdated)
		}
		if v, _ := l.VersionAt(u.GetRanking(), u.GetVersion()); v != u.GetVersion() {
			t.Errorf("version %d does not exist", u.GetVersion())
		}
		now := l.Want(t, u.GetRanking(), u.GetVersion())
		var want []string
		if previous == 0 {
			for _, row := range now.Rows {
				want = append(want, row.GetSubject())
			}
		} else {
			delta := versions.Window{}.Delta(l.Want(t, u.GetRanking(), previous), now)
			for _, row := range delta.GetStandings() {
				want = append(want, row.GetSubject())
			}
			want = append(want, delta.GetRemoved()...)
		}
		if int(u.GetTotalChanged()) != len(want) || !slices.Equal(u.GetChanged(), want[:min(len(want), 1000)]) {
			t.Errorf("event of version %d names %d changed zones, want %d", u.GetVersion(), u.GetTotalChanged(), len(want))
		}
		previous = u.GetVersion()
	}
}

// Two processes over one Redis, or none, make versions of one ledger.
func TestAVersionHasOneEventWhoeverMadeIt(t *testing.T) {
	for what, client := range map[string]func(t *testing.T) redis.UniversalClient{
		"with Redis": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			r := local.Redis()
			t.Cleanup(r.Close)
			return r.Client()
		},
		"without Redis": func(*testing.T) redis.UniversalClient { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			r := source(t)
			server := ledgertest.Server(t, t.TempDir())
			js, rdb := ledgertest.Deps(t, server).JetStream, client(t)
			l := newLedger()
			l.Fill(name, 1200)
			one := start(t, l, versions.Deps{Redis: rdb, JetStream: js})
			other := start(t, l, versions.Deps{Redis: rdb, JetStream: ledgertest.Deps(t, server).JetStream})
			updates(t, js, name, 1)
			ticker := time.NewTicker(5 * time.Millisecond)
			defer ticker.Stop()
			for range 300 {
				l.Random(r, name, 1200)
				<-ticker.C
			}
			got := updates(t, js, name, l.Applied())
			chained(t, l, got)
			// Ten a second for 1.5 s, whoever made them.
			if len(got) < 3 || len(got) > 22 || stored(t, js) != len(got) {
				t.Errorf("%d events were read, %d are stored", len(got), stored(t, js))
			}
			if got[0].GetTotalChanged() != 1200 || len(got[0].GetChanged()) != 1000 {
				t.Errorf("the first event names %d of %d zones", len(got[0].GetChanged()), got[0].GetTotalChanged())
			}
			one.stop()
			other.stop()
		})
	}
}

// A process that moved the pointer in Redis and died before it published.
func TestAnEventThatACrashLostIsMadeUpFor(t *testing.T) {
	r := local.Redis()
	defer r.Close()
	js := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir())).JetStream
	l := newLedger()
	l.Fill(name, 5)
	p := start(t, l, versions.Deps{Redis: r.Client(), JetStream: js})
	updates(t, js, name, 1)
	p.stop()

	l.Fill(name, 6)
	dying := prepare(t, l, versions.Deps{Redis: r.Client()})
	if won, err := versions.Put(t.Context(), dying.Keeper, l.Want(t, name, 2)); !won || err != nil {
		t.Fatalf("%v, %v", won, err)
	}
	next := start(t, l, versions.Deps{Redis: r.Client(), JetStream: js})
	chained(t, l, updates(t, js, name, 2))

	// The same while another process lives: it lost the pointer, and looks.
	l.Fill(name, 7)
	if _, err := versions.Put(t.Context(), dying.Keeper, l.Want(t, name, 3)); err != nil {
		t.Fatal(err)
	}
	chained(t, l, updates(t, js, name, 3))
	next.stop()
}

// Most rankings are of years that are over: a start does not compute them all.
func TestAStartComputesNothingThatEverybodyKnows(t *testing.T) {
	js := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir())).JetStream
	l := newLedger()
	l.Fill(name, 5)
	p := start(t, l, versions.Deps{JetStream: js})
	updates(t, js, name, 1)
	p.stop()
	next := start(t, l.Replica(), versions.Deps{JetStream: js})
	next.waitFor(t, name, 1)
	if n := next.Computed(name); n != 0 {
		t.Errorf("%d versions were computed before anybody asked", n)
	}
	v, err := next.At(t.Context(), name, 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, l, v, 1)
	next.waitFor(t, name, next.Fill(name, 6)) // and what comes after is made at once
	chained(t, next.Ledger, updates(t, js, name, 2))
	next.stop()
}

func TestEventsAreLateAndNotLostWhenTheStreamIsAway(t *testing.T) {
	server := ledgertest.Server(t, t.TempDir())
	js := ledgertest.Deps(t, server).JetStream
	l := newLedger()
	l.Fill(name, 5)
	p := start(t, l, versions.Deps{JetStream: js})
	updates(t, js, name, 1)
	if err := js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	l.Fill(name, 6)
	p.waitFor(t, name, 2)
	got := updates(t, js, name, 2)
	if len(got) != 1 || got[0].GetPreviousVersion() != 0 || got[0].GetTotalChanged() != 6 {
		t.Errorf("after the stream was lost: %v", got)
	}
	p.stop()
}

func TestEventsOfARestoredLedgerBeginAnew(t *testing.T) {
	js := ledgertest.Deps(t, ledgertest.Server(t, t.TempDir())).JetStream
	l := newLedger()
	l.Fill(name, 5)
	l.Fill(name, 6)
	p := start(t, l, versions.Deps{JetStream: js})
	updates(t, js, name, 2)
	p.stop()
	restored := versionstest.New(l.ID(), 2, l.TimeAt(0))
	restored.Fill(name, 4)
	p = start(t, restored, versions.Deps{JetStream: js})
	eventually(t, "the event of the new epoch", func() bool { return stored(t, js) == 2 })
	p.stop()
	topic := event.Appender{JetStream: js, LedgerID: l.ID(), Epoch: 2, Service: "ranking"}
	if last, err := topic.Last(t.Context(), versions.Topic(name)); err != nil || last.ID != (event.ID{Epoch: 2, Revision: 1}) {
		t.Errorf("the last event is %v, %v", last.ID, err)
	}
}
