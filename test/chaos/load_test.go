package chaos

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/revision"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

const (
	// deadline is what a client gives one call.
	deadline = 10 * time.Second
	// workers write at the same time, to each service, at least.
	workers = 8
)

// numbers makes ids that nothing else in the run has.
var numbers atomic.Int64

// A load writes to services at a rate until it is stopped.
type load struct {
	t       *testing.T
	history *history
	mu      sync.Mutex
	pulses  map[string]*pulse
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// A pulse is how one service answered over time.
type pulse struct {
	last     time.Time // that a write was answered well, zero before the first
	longest  time.Duration
	over     bool
	asked    int
	acked    int
	refusals int // that the request deserved
	failures map[string]int
	words    []string        // of the first failures
	took     []time.Duration // of the ones answered well
}

// startLoad begins to write. The rate is in writes a second, of each service.
func startLoad(t *testing.T, c *harness.Cluster, h *history, seed uint64, rate int, services ...string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{t: t, history: h, pulses: make(map[string]*pulse), cancel: cancel}
	t.Cleanup(func() { l.cancel(); l.running.Wait() })
	for number, service := range services {
		l.pulses[service] = &pulse{failures: make(map[string]int)}
		workers := max(workers, rate/4) // enough to go on at the rate while some calls are slow
		for w := range workers {
			// A client of its own, which reads what it wrote from whichever replica.
			client := c.Dial(t, service, grpc.WithUnaryInterceptor(new(revision.Client).Unary))
			random := rand.New(rand.NewPCG(seed, uint64(number*workers+w)))
			l.running.Go(func() {
				(&worker{load: l, service: service, client: client, random: random}).run(ctx, time.Second*time.Duration(workers)/time.Duration(rate))
			})
		}
	}
	return l
}

// stop lets the calls under way end, and tells how the services answered.
func (l *load) stop() map[string]*pulse {
	l.mu.Lock()
	for _, p := range l.pulses {
		p.pause(time.Now())
		p.over = true // What ends now says nothing about the time in between.
	}
	l.mu.Unlock()
	l.cancel()
	l.running.Wait()
	for _, p := range l.pulses {
		slices.Sort(p.took)
	}
	return l.pulses
}

// answered counts the end of one call.
func (l *load) answered(service string, began time.Time, err error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pulses[service]
	p.asked++
	switch {
	case failed(err):
		p.failures[status.Code(err).String()]++
		if len(p.words) < 5 {
			p.words = append(p.words, now.Format(time.StampMilli)+" "+err.Error())
		}
	case err != nil:
		p.refusals++
		p.pause(now)
	default:
		p.acked++
		p.pause(now)
		p.took = append(p.took, now.Sub(began))
	}
}

// pause notes how long nothing was answered well.
func (p *pulse) pause(now time.Time) {
	if !p.last.IsZero() && !p.over {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.last = now
}

func (p *pulse) quantile(q float64) time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	return p.took[int(q*float64(len(p.took)-1))]
}

// acked is how many writes of a service were answered well so far.
func (l *load) acked(service string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pulses[service].acked
}

// flows waits until a service answers again, several times.
func (l *load) flows(services ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), harness.Patience)
	defer cancel()
	for _, service := range services {
		for target := l.acked(service) + workers; l.acked(service) < target; {
			if !pause(ctx, 10*time.Millisecond) {
				l.t.Fatalf("%s answers no write any more", service)
			}
		}
	}
}

// A worker is one client that writes, one call after the other.
type worker struct {
	*load
	service string
	client  harness.Clients
	random  *rand.Rand
	mine    []string // ids of what it has created for certain
}

func (w *worker) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.step(context.WithoutCancel(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// step does one operation, chosen at random.
func (w *worker) step(ctx context.Context) {
	number := numbers.Add(1)
	id := mark + strconv.FormatInt(number, 10)
	o := operation{requestID: mark + "r" + strconv.FormatInt(number, 10), method: "create"}
	target := id
	chance := w.random.IntN(100)
	switch {
	case chance >= 70 && len(w.mine) > 0:
		target = w.mine[w.random.IntN(len(w.mine))]
		if chance < 85 {
			o.method = "update"
		} else {
			o.method = "create again" // refused: it is there
		}
	case chance >= 96:
		o.method = "update" // refused: it is not there
		target = mark + "never"
	case chance < 14:
		o.requestID = ""
	}
	o.resource = collections[w.service] + target
	persistent := o.requestID != "" && w.random.IntN(2) == 0
	doubt := false
	for begin := time.Now(); ; {
		o.revision, o.err = w.call(ctx, o, target)
		o.outcome = outcomeOf(o.err)
		if c := status.Code(o.err); c == codes.Internal || c == codes.Unknown {
			w.t.Errorf("%s %s: %v", o.method, o.key(), o.err)
		}
		// A client that goes on until it knows. What it was refused as existing may be its own work only if the service lost the request id.
		if !persistent || !failed(o.err) || time.Since(begin) > harness.Patience {
			break
		}
		doubt = doubt || o.outcome == unknown
		pause(ctx, 20*time.Millisecond)
	}
	if o.outcome == refused && doubt {
		o.outcome = unknown // an attempt before may still be on its way
	}
	w.history.add(o)
	switch {
	case o.outcome != acknowledged:
	case o.method == "create again" || target == mark+"never":
		w.t.Errorf("%s of %s was accepted", o.method, o.resource)
	case o.method == "create":
		w.mine = append(w.mine, target)
		w.readBack(ctx, target)
	}
}

var collections = map[string]string{"zone": "zones/", "indicator": "sources/", "ranking": "series/"}

// call sends the operation once.
func (w *worker) call(ctx context.Context, o operation, id string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var header metadata.MD
	var err error
	begin := time.Now()
	title := &typev1.Localized{Zh: "示例" + id}
	create := o.method != "update"
	switch w.service {
	case "zone":
		zone := &zonev1.Zone{DisplayName: title, Type: 1, Level: 1, DivisionCode: "330000", Note: "n"}
		if create {
			_, err = w.client.Zone.CreateZone(ctx, &zonev1.CreateZoneRequest{ZoneId: id, Zone: zone, RequestId: o.requestID}, grpc.Header(&header))
		} else {
			_, err = w.client.Zone.UpdateZone(ctx, &zonev1.UpdateZoneRequest{
				Zone: &zonev1.Zone{Name: o.resource, Note: o.requestID}, RequestId: o.requestID,
			}, grpc.Header(&header))
		}
	case "indicator":
		source := &indicatorv1.Source{Title: title, Reliability: 1, Note: "n", Simulated: true}
		if create {
			_, err = w.client.Indicator.CreateSource(ctx, &indicatorv1.CreateSourceRequest{SourceId: id, Source: source, RequestId: o.requestID}, grpc.Header(&header))
		} else {
			_, err = w.client.Indicator.UpdateSource(ctx, &indicatorv1.UpdateSourceRequest{
				Source: &indicatorv1.Source{Name: o.resource, Note: o.requestID}, RequestId: o.requestID,
			}, grpc.Header(&header))
		}
	case "ranking":
		series := &rankingv1.Series{DisplayName: title, Authority: &typev1.Localized{Zh: "示例"}, Note: "n", Simulated: true}
		if create {
			_, err = w.client.Published.CreateSeries(ctx, &rankingv1.CreateSeriesRequest{SeriesId: id, Series: series, RequestId: o.requestID}, grpc.Header(&header))
		} else {
			_, err = w.client.Published.UpdateSeries(ctx, &rankingv1.UpdateSeriesRequest{
				Series: &rankingv1.Series{Name: o.resource, Note: o.requestID}, RequestId: o.requestID,
			}, grpc.Header(&header))
		}
	}
	w.answered(w.service, begin, err)
	if err != nil {
		return 0, err
	}
	told := header.Get(revision.RevisionKey)
	if len(told) != 1 {
		w.t.Errorf("an acknowledgement tells the revisions %v", told)
		return 0, nil
	}
	at, err := strconv.ParseInt(told[0], 10, 64)
	if err != nil {
		w.t.Error(err)
	}
	return at, nil
}

// readBack reads what was acknowledged, from the next replica in turn. The
// token that the client keeps makes any of them wait for it.
func (w *worker) readBack(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var err error
	switch name := collections[w.service] + id; w.service {
	case "zone":
		_, err = w.client.Zone.GetZone(ctx, &zonev1.GetZoneRequest{Name: name})
	case "indicator":
		_, err = w.client.Indicator.GetSource(ctx, &indicatorv1.GetSourceRequest{Name: name})
	case "ranking":
		_, err = w.client.Published.GetSeries(ctx, &rankingv1.GetSeriesRequest{Name: name})
	}
	if err != nil && !failed(err) {
		w.t.Errorf("what was acknowledged is not read: %v", err)
	}
}
