package security

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/natsconn"
)

func connect(t *testing.T, address, user, file string) *nats.Conn {
	t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	conn, err := natsconn.Connect(natsconn.Config{URL: "nats://" + address, NKeyFile: file}, user, time.Now, slog.New(slog.DiscardHandler), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// may says whether the server lets a connection publish on a subject: it says
// so before it answers the flush that comes after.
func may(t *testing.T, conn *nats.Conn, act func() error) bool {
	t.Helper()
	before := conn.LastError()
	if err := act(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	after := conn.LastError()
	if after != nil && !errors.Is(after, nats.ErrPermissionViolation) {
		t.Fatal(after)
	}
	// Every refusal is an error of its own.
	return after == before //nolint:errorlint // whether it is the same one is asked
}

// Every user of NATS x every subject and every API of JetStream.
func TestWhatEveryUserOfNATSMayDo(t *testing.T) {
	k := newKeys(t)
	address, _, _ := startNATS(t, k, nil)
	conns := map[string]*nats.Conn{}
	for _, user := range users {
		conns[user] = connect(t, address, user, k.file[user])
	}
	services := []string{"zone", "indicator", "ranking"}
	only := func(user string) []string { return []string{user} }

	// The streams have to be there, or a purge of one would not be tried at all.
	js, err := jetstream.New(conns["zone"])
	if err != nil {
		t.Fatal(err)
	}
	for stream, subject := range map[string]string{"LEDGER": "ledger.v1.>", "EVENTS": "events.v1.>", "KV_LEASES": "$KV.LEASES.>"} {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{subject}}); err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
	}

	publish := map[string][]string{
		// The record: each lane by its owner alone.
		"ledger.v1.zone": only("zone"), "ledger.v1.indicator": only("indicator"), "ledger.v1.ranking": only("ranking"),
		"ledger.v1.other": nil, "ledger.v1.zone.more": nil, "ledger.v2.zone": nil,
		// Events: each topic by the service that it is of.
		"events.v1.zone.changed": only("zone"), "events.v1.figures.changed": only("indicator"), "events.v1.published.changed": only("ranking"),
		"events.v1.release.published": only("ranking"), "events.v1.ranking.updated.example": only("ranking"), "events.v1.other": nil,
		// Calls that are handed over: among the replicas of one service.
		"forward.v1.zone.zone-1": only("zone"), "forward.v1.indicator.indicator-1": only("indicator"), "forward.v1.ranking.ranking-1": only("ranking"),
		// Whether who holds a lease is still there: asked among the replicas of one service.
		"lease.v1.zone.zone-1": only("zone"), "lease.v1.indicator.indicator-1": only("indicator"), "lease.v1.ranking.ranking-1": only("ranking"),
		// Answers: to the own replicas. Nobody puts words into another's mouth.
		"_INBOX.zone.a.b": only("zone"), "_INBOX.indicator.a.b": only("indicator"), "_INBOX.ranking.a.b": only("ranking"), "_INBOX.archive.a": only("archive"),
		"_INBOX.abc": nil,
		// Leases: of the own lane.
		"$KV.LEASES.zone": only("zone"), "$KV.LEASES.indicator": only("indicator"), "$KV.LEASES.ranking": only("ranking"), "$KV.LEASES.other": nil,
		"$KV.OTHER.zone": nil,
		// Questions and consumers.
		"$JS.API.INFO": users, "$JS.API.STREAM.INFO.LEDGER": users, "$JS.API.STREAM.MSG.GET.LEDGER": users,
		"$JS.API.STREAM.INFO.EVENTS": services, "$JS.API.STREAM.INFO.KV_LEASES": services, "$JS.API.STREAM.MSG.GET.EVENTS": services,
		"$JS.API.CONSUMER.CREATE.LEDGER.x": users, "$JS.API.CONSUMER.MSG.NEXT.LEDGER.x": users, "$JS.API.CONSUMER.CREATE.KV_LEASES.x": services,
		"$JS.API.CONSUMER.CREATE.EVENTS.x": nil, "$JS.API.CONSUMER.DURABLE.CREATE.LEDGER.x": nil, "$JS.API.CONSUMER.CREATE.OTHER.x": nil,
		"$JS.API.CONSUMER.PAUSE.LEDGER.x": nil, "$JS.API.CONSUMER.LEADER.STEPDOWN.LEDGER.x": nil,
		"$JS.API.STREAM.NAMES": nil, "$JS.API.STREAM.LIST": nil, "$JS.API.CONSUMER.LIST.LEDGER": nil,
		"$JS.API.STREAM.CREATE.LEDGER": services, "$JS.API.STREAM.CREATE.EVENTS": services, "$JS.API.STREAM.CREATE.KV_LEASES": services,
		"$JS.API.STREAM.CREATE.OTHER": nil,
		// What belongs to the servers.
		"$SYS.REQ.SERVER.PING": nil, "$SYS.REQ.SERVER.PING.JSZ": nil, "$JS.API.META.LEADER.STEPDOWN": nil, "$JS.API.SERVER.REMOVE": nil,
		"$JS.API.ACCOUNT.PURGE.ZONEBENCH": nil, "$JS.ACK.LEDGER.x.1.1.1.1.1": nil, "other": nil,
	}
	// Nothing is taken out of any stream, by anybody.
	for _, stream := range []string{"LEDGER", "EVENTS", "KV_LEASES", "OTHER"} {
		for _, verb := range []string{
			"STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT", "STREAM.RESTORE", "STREAM.PEER.REMOVE",
			"STREAM.LEADER.STEPDOWN",
		} {
			publish["$JS.API."+verb+"."+stream] = nil
		}
	}
	tried := 0
	for subject, allowed := range publish {
		for _, user := range users {
			conn := conns[user]
			got := may(t, conn, func() error { return conn.PublishRequest(subject, "_INBOX."+user+".nobody", nil) })
			if want := slices.Contains(allowed, user); got != want {
				t.Errorf("%s publishes %s: %t", user, subject, got)
			}
			tried++
		}
	}
	subscribe := map[string][]string{
		"_INBOX.zone.>": only("zone"), "_INBOX.indicator.>": only("indicator"), "_INBOX.ranking.>": only("ranking"), "_INBOX.archive.>": only("archive"),
		"forward.v1.zone.zone-1": only("zone"), "forward.v1.indicator.indicator-1": only("indicator"), "forward.v1.ranking.ranking-1": only("ranking"),
		"lease.v1.zone.zone-1": only("zone"), "lease.v1.indicator.indicator-1": only("indicator"), "lease.v1.ranking.ranking-1": only("ranking"),
		"_INBOX.>": nil, "forward.v1.>": nil, "lease.v1.>": nil, ">": nil, "ledger.v1.>": nil, "ledger.v1.zone": nil, "events.v1.>": nil, "$KV.LEASES.>": nil,
		"$JS.API.>": nil, "$SYS.>": nil, "$JS.EVENT.ADVISORY.>": nil,
	}
	for subject, allowed := range subscribe {
		for _, user := range users {
			conn := conns[user]
			got := may(t, conn, func() error { _, err := conn.SubscribeSync(subject); return err })
			if want := slices.Contains(allowed, user); got != want {
				t.Errorf("%s subscribes to %s: %t", user, subject, got)
			}
			tried++
		}
	}
	t.Logf("%d combinations", tried)
	info, err := js.Stream(t.Context(), "LEDGER")
	if err != nil || info.CachedInfo().State.Msgs == 0 {
		t.Errorf("the ledger after all of it: %v, %v", info, err)
	}
}

func TestWhoIsNoUserOfNATSIsNotLetIn(t *testing.T) {
	k, others := newKeys(t), newKeys(t)
	address, _, _ := startNATS(t, k, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for name, config := range map[string]natsconn.Config{
		"without a key":     {},
		"with another key":  {NKeyFile: others.file["zone"]},
		"with no such file": {NKeyFile: k.file["zone"] + "x"},
	} {
		config.URL = "nats://" + address
		conn, err := natsconn.Connect(config, "zone", time.Now, slog.New(slog.DiscardHandler))
		if err == nil {
			conn.Close()
			t.Errorf("%s: let in", name)
			continue
		}
		for _, seed := range append(k.seeds, others.seeds...) {
			if strings.Contains(fmt.Sprint(err), seed) {
				t.Errorf("%s: the error tells the seed", name)
			}
		}
	}
	if ctx.Err() != nil {
		t.Error("it took too long")
	}
}
