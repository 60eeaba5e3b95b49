package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// rate is the load under which things break: writes a second to each service
// that a phase is about.
const rate = 100

// A form says how often each fault comes.
type form struct {
	name                           string
	kills, servers, partitions     int
	pauses, nodes, rounds, redises int
	commits                        int // a second, beside an import; a third of them are refused, as they should
}

var forms = map[string]form{
	"short": {name: "short", kills: 4, servers: 1, partitions: 1, pauses: 1, nodes: 1, rounds: 1, redises: 1, commits: 350},
	"long":  {name: "long", kills: 30, servers: 6, partitions: 6, pauses: 6, nodes: 3, rounds: 3, redises: 5, commits: 350},
}

// An ordeal is one run: an installation, what was asked of it, and what is told of it.
type ordeal struct {
	form    form
	seed    uint64
	random  *rand.Rand
	cluster *harness.Cluster
	js      jetstream.JetStream
	history *history
	report  *report
	loaded  bool // the invented province is there
}

// An installation goes through every fault, one after the other, while it is
// written to. What DESIGN promises is checked after each phase and at the end.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	f, ok := forms[os.Getenv("CHAOS")]
	if !ok {
		t.Skip("breaks an installation for minutes: run make chaos-short or make chaos")
	}
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CHAOS_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CHAOS=%s CHAOS_SEED=%d", f.name, seed)
	o := &ordeal{form: f, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), history: &history{}, report: newReport(f, seed)}
	o.cluster = harness.StartCluster(t, harness.Shape{
		NATS: 3, Replicas: 2, Isolated: true, Redis: true, Env: []string{"ZONEBENCH_LOG_LEVEL=info"},
	})
	var err error
	if o.js, err = jetstream.New(o.cluster.Connect(t)); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"the committer is killed", o.committerKilled},
		{"the committer is frozen", o.committerFrozen},
		{"a NATS server is killed", o.serverKilled},
		{"a NATS server is cut off", o.serverCutOff},
		{"a node is lost", o.nodeLost},
		{"every replica is restarted", o.rollingRestart},
		{"a large import beside many commits", o.largeImport},
		{"Redis is killed", o.redisKilled},
	} {
		if !t.Run(phase.name, phase.run) {
			t.FailNow() // What comes next would only fail too.
		}
	}
	converge(t, o.cluster)
	counts, written := o.history.check(t, o.cluster)
	sound := verify(t, o.cluster)
	o.report.total(counts, written, sound)
	t.Logf("\n%s", o.report)
	o.report.write(t)
}

// under runs a phase under load and tells how the services answered.
func (o *ordeal) under(t *testing.T, rate int, services []string, phase func(l *load)) {
	t.Helper()
	l := startLoad(t, o.cluster, o.history, o.random.Uint64(), rate, services...)
	l.flows(services...)
	phase(l)
	l.flows(services...)
	pulses := l.stop()
	converge(t, o.cluster)
	o.history.check(t, o.cluster)
	for _, service := range services {
		o.report.row(t, service, pulses[service])
	}
}

// away waits until somebody else than a replica commits a lane.
func (o *ordeal) away(t *testing.T, service string, from *harness.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	for {
		for _, r := range o.cluster.Replicas[service] {
			if r != from && r.Lane(ctx, t, service).GetCommitter() {
				return
			}
		}
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatalf("nobody takes over from %s", from.Name)
		}
	}
}

// The active committer is killed under load, again and again, and started again
// as an orchestrator would.
func (o *ordeal) committerKilled(t *testing.T) {
	t.Helper()
	o.under(t, rate, harness.Services, func(l *load) {
		for n := range o.form.kills {
			service := harness.Services[n%len(harness.Services)]
			victim := o.cluster.Committer(t, service)
			begin := time.Now()
			victim.Kill()
			o.away(t, service, victim)
			o.report.takeover("killed", time.Since(begin))
			victim.Start(t)
			victim.Serves(t)
			l.flows(service)
			pause(t.Context(), time.Duration(o.random.IntN(300))*time.Millisecond)
		}
	})
}

// The committer stands still for longer than its lease lives, and then goes on as
// if nothing had happened: the expected sequence refuses what it still had in hand.
func (o *ordeal) committerFrozen(t *testing.T) {
	t.Helper()
	o.under(t, rate, []string{"zone"}, func(l *load) {
		for range o.form.pauses {
			victim := o.cluster.Committer(t, "zone")
			begin := time.Now()
			victim.Pause()
			o.away(t, "zone", victim)
			o.report.takeover("frozen", time.Since(begin))
			pause(t.Context(), time.Duration(o.random.IntN(1000))*time.Millisecond)
			victim.Resume()
			l.flows("zone")
		}
	})
}

// server chooses a NATS server: the one that leads the ledger's stream, or in
// every third round another one.
func (o *ordeal) server(t *testing.T, n int) *harness.Node {
	t.Helper()
	leader := o.cluster.Server(t, o.cluster.Leader(t, o.js))
	if n%3 != 2 {
		return leader
	}
	for {
		if other := o.cluster.NATS[o.random.IntN(len(o.cluster.NATS))]; other != leader {
			return other
		}
	}
}

func (o *ordeal) serverKilled(t *testing.T) {
	t.Helper()
	o.under(t, rate, []string{"zone", "indicator"}, func(l *load) {
		for n := range o.form.servers {
			victim := o.server(t, n)
			victim.Kill()
			l.flows("zone", "indicator")
			victim.Start(t)
			o.cluster.Current(t)
			l.flows("zone", "indicator")
		}
	})
}

// A server is cut off from everybody, or only from one other server; it is alive
// all the time and does not know what it misses.
func (o *ordeal) serverCutOff(t *testing.T) {
	t.Helper()
	o.under(t, rate, []string{"zone", "indicator"}, func(l *load) {
		for n := range o.form.partitions {
			victim := o.server(t, n)
			heal := func() { victim.Heal(t) }
			if n%2 == 0 {
				victim.Cut(t)
			} else {
				other := o.cluster.NATS[(slices.Index(o.cluster.NATS, victim)+1)%len(o.cluster.NATS)]
				heal = victim.Part(t, other)
			}
			l.flows("zone", "indicator")
			pause(t.Context(), time.Duration(2000+o.random.IntN(3000))*time.Millisecond)
			heal()
			o.cluster.Current(t)
			l.flows("zone", "indicator")
		}
	})
}

// A machine is lost: a NATS server and one replica of each service at once.
func (o *ordeal) nodeLost(t *testing.T) {
	t.Helper()
	o.under(t, rate, harness.Services, func(l *load) {
		for n := range o.form.nodes {
			place := n % 2
			machine := []*harness.Node{o.cluster.NATS[place]}
			for _, service := range harness.Services {
				machine = append(machine, o.cluster.Replicas[service][place])
			}
			for _, process := range machine {
				process.Cut(t) // Nobody hears of their end.
			}
			for _, process := range machine {
				process.Kill()
			}
			l.flows(harness.Services...)
			for _, process := range machine {
				process.Heal(t)
				process.Start(t)
			}
			for _, process := range machine[1:] {
				process.Serves(t)
			}
			o.cluster.Current(t)
			l.flows(harness.Services...)
		}
	})
}

// Every replica of every service is restarted in turn, as at an upgrade.
func (o *ordeal) rollingRestart(t *testing.T) {
	t.Helper()
	o.under(t, rate, harness.Services, func(l *load) {
		for range o.form.rounds {
			for _, service := range harness.Services {
				for _, r := range o.cluster.Replicas[service] {
					if err := r.Interrupt(t); err != nil {
						t.Errorf("%s did not stop in order: %v", r.Name, err)
					}
					r.Start(t)
					r.Serves(t)
					pause(t.Context(), time.Second) // until every client has found it again
					l.flows(service)
				}
			}
		}
	})
}

// report is what a run has measured.
type report struct {
	form      form
	seed      uint64
	begin     time.Time
	rows      []string
	takeovers map[string][]time.Duration
	notes     []string
	sum       string
}

func newReport(f form, seed uint64) *report {
	return &report{form: f, seed: seed, begin: time.Now(), takeovers: make(map[string][]time.Duration)}
}

// row tells how a service answered during a phase.
func (r *report) row(t *testing.T, service string, p *pulse) {
	t.Helper()
	_, phase, _ := strings.Cut(t.Name(), "/")
	failures := make([]string, 0, len(p.failures))
	for code, n := range p.failures {
		failures = append(failures, fmt.Sprintf("%d %s", n, code))
	}
	slices.Sort(failures)
	told := strings.Join(failures, ", ")
	if told == "" {
		told = "none"
	}
	line := fmt.Sprintf("| %s | %s | %d | %s | %.1f s | %d ms | %.1f s |", strings.ReplaceAll(phase, "_", " "), service, p.asked, told,
		p.longest.Seconds(), p.quantile(0.5).Milliseconds(), p.quantile(1).Seconds())
	r.rows = append(r.rows, line)
	t.Log(line)
	for _, word := range p.words {
		t.Log("  ", word)
	}
}

func (r *report) takeover(how string, took time.Duration) {
	r.takeovers[how] = append(r.takeovers[how], took)
}

func (r *report) notef(t *testing.T, format string, args ...any) {
	t.Helper()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
	t.Log(r.notes[len(r.notes)-1])
}
