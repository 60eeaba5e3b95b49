// Package ledgertest gives tests a real ledger in a temporary directory, and a
// small state to fold.
package ledgertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/local"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Open gives an empty ledger over an embedded server in a temporary directory.
// Fold what is to be folded, then Run it. The server stops with the test.
func Open(t testing.TB) *ledger.Ledger {
	t.Helper()
	return OpenAt(t, Server(t, t.TempDir()), ledger.Config{})
}

// Server starts an embedded server over a directory until the test ends.
func Server(t testing.TB, dir string) *local.Server {
	t.Helper()
	server, err := local.NATS(dir, local.Options{Log: Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// OpenAt opens the ledger of a server, as a process of its own would.
func OpenAt(t testing.TB, server *local.Server, config ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), config, Deps(t, server))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Deps of a ledger over an embedded server. The disk is never full.
func Deps(t testing.TB, server *local.Server) ledger.Deps {
	t.Helper()
	conn, err := server.Connect(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Deps{JetStream: js, Durability: server.Durability, Now: time.Now, Log: Log(t)}
}

// Mark is where a ledger in a directory keeps its mark.
func Mark(dir string) string { return filepath.Join(dir, "ledger.mark") }

// Run runs the ledger until the test ends or stop is called, and waits until it
// has caught up. A ledger that halts fails the test, unless it is expected to.
func Run(t testing.TB, l *ledger.Ledger) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	stop = func() {
		cancel()
		if err, ok := <-ended; ok && err != nil {
			t.Errorf("the ledger halted: %v", err)
		}
		// A second stop finds the channel closed.
		select {
		case <-ended:
		default:
			close(ended)
		}
	}
	t.Cleanup(stop)
	select {
	case <-l.CaughtUp():
	case err := <-ended:
		close(ended)
		t.Fatalf("the ledger ended before it caught up: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the ledger did not catch up within 30 s")
	}
	return stop
}

// Log writes the log of a test to its output, warnings and errors only.
func Log(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(output{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type output struct{ t testing.TB }

func (o output) Write(p []byte) (int, error) {
	return o.t.Output().Write(p)
}

// Zones is a state for tests: the display name and the revision of each zone.
type Zones struct {
	byName map[string]Zone
}

// Zone is one zone of Zones.
type Zone struct {
	Display  string
	Revision int64
}

// NewZones is an empty state.
func NewZones() *Zones { return &Zones{byName: map[string]Zone{}} }

// Clone copies everything: test states are small.
func (z *Zones) Clone() *Zones { return &Zones{byName: maps.Clone(z.byName)} }

// Apply takes in the zones of a transaction.
func (z *Zones) Apply(at ledger.Position, tx *ledgerv1.Transaction) error {
	for _, fact := range tx.GetFacts() {
		zone := fact.GetZone()
		if zone == nil {
			return ledger.ErrUnknownFact
		}
		z.byName[zone.GetName()] = Zone{Display: zone.GetNote(), Revision: at.Revision}
	}
	return nil
}

// Get finds a zone.
func (z *Zones) Get(name string) (Zone, bool) {
	zone, ok := z.byName[name]
	return zone, ok
}

// Len is the number of zones.
func (z *Zones) Len() int { return len(z.byName) }

// All is every zone by name.
func (z *Zones) All() map[string]Zone { return maps.Clone(z.byName) }

// ErrChanged says that a zone is not at the revision that a command expects.
var ErrChanged = errors.New("the zone has changed")

// Fact writes a zone.
func Fact(name, display string) *ledgerv1.Fact {
	return &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: &zonev1.Zone{Name: name, Note: display}}}
}

// Put writes zones, whatever they were.
func Put(requestID, display string, names ...string) ledger.Command[*Zones] {
	hash := sha256.New()
	hash.Write([]byte(display))
	for _, name := range names {
		hash.Write([]byte(name))
	}
	return ledger.Command[*Zones]{
		Method: "/test/Put", Actor: "test", RequestID: requestID, RequestHash: hash.Sum(nil),
		Decide: func(*Zones, ledger.Position) (ledger.Proposal, error) {
			p := ledger.Proposal{Names: names}
			for _, name := range names {
				p.Facts = append(p.Facts, Fact(name, display))
			}
			return p, nil
		},
	}
}

// Update writes a zone that must be at a revision, 0 for one that must not be
// there.
func Update(name, display string, at int64) ledger.Command[*Zones] {
	return ledger.Command[*Zones]{
		Method: "/test/Update", Actor: "test",
		Decide: func(z *Zones, _ ledger.Position) (ledger.Proposal, error) {
			if zone := z.byName[name]; zone.Revision != at {
				return ledger.Proposal{}, ErrChanged
			}
			return ledger.Proposal{Facts: []*ledgerv1.Fact{Fact(name, display)}, Names: []string{name}}, nil
		},
	}
}
