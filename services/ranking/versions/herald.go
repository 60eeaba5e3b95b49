package versions

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"zonebench.internal/pkg/event"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
)

const (
	// service names the keeper in the source of its events.
	service = "ranking"
	// patience is how long whoever moved the pointer may take to publish, before
	// others look whether it did.
	patience = 2 * time.Second
	// publishTimeout bounds one publication.
	publishTimeout = 5 * time.Second
	// maxChanged bounds the zones that one event names.
	maxChanged = 1000
	heralds    = 2
)

// Topic is the topic of a ranking's events.
func Topic(name string) string { return "ranking.updated." + strings.TrimPrefix(name, "rankings/") }

// A herald puts new versions into Redis and publishes that they are there. When
// versions come faster than it can tell, it tells of the newest.
//
// Whoever moves the pointer in Redis publishes, at once; the others look a
// little later whether it was done. Without Redis everyone tries. In any case an
// event goes behind the last one of its ranking or not at all, so a version has
// one event at most, and the events of a ranking are in order.
type herald struct {
	keeper   *Keeper
	appender *event.Appender // nil: nobody is told
	turns    *schedule

	mu      sync.Mutex
	jobs    map[string]job
	places  map[string]event.Place // of the last event, as far as known
	failing bool
}

// A job is what is to be told of a ranking.
type job struct {
	version int64
	put     bool // into Redis
	look    bool // what the last event is
}

func newHerald(k *Keeper) *herald {
	h := &herald{keeper: k, turns: newSchedule(), jobs: make(map[string]job), places: make(map[string]event.Place)}
	if k.deps.JetStream != nil {
		h.appender = &event.Appender{
			JetStream: k.deps.JetStream, Replicas: k.deps.Replicas,
			LedgerID: k.deps.Ledger.ID(), Epoch: k.deps.Ledger.Epoch(), Service: service,
		}
	}
	return h
}

// proclaim asks for a version to be put and told. Look asks what the last event
// is, for there may be one that this process does not know, or none.
func (h *herald) proclaim(name string, version int64, look bool) {
	h.want(name, job{version: version, put: true, look: look})
}

func (h *herald) want(name string, j job) {
	h.mu.Lock()
	have := h.jobs[name]
	h.jobs[name] = job{version: max(have.version, j.version), put: have.put || j.put, look: have.look || j.look}
	h.mu.Unlock()
	h.turns.mark(name, j.version)
}

func (h *herald) run(ctx context.Context) {
	var group sync.WaitGroup
	for range heralds {
		group.Go(func() { h.work(ctx) })
	}
	group.Wait()
}

func (h *herald) work(ctx context.Context) {
	for {
		name, err := h.turns.next(ctx)
		if err != nil {
			return
		}
		h.mu.Lock()
		j := h.jobs[name]
		delete(h.jobs, name)
		h.mu.Unlock()
		rest := interval
		err = h.tell(ctx, name, j)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, event.ErrOvertaken): // by another process, which may be ahead of this one
			h.forget(name)
			h.want(name, job{version: j.version, look: true})
		case err != nil:
			h.forget(name)
			h.failed(ctx, name, err)
			h.want(name, job{version: j.version, put: j.put, look: true})
			rest = retry
		}
		h.turns.done(name, rest)
	}
}

// tell does one job.
func (h *herald) tell(ctx context.Context, name string, j job) error {
	v, err := h.keeper.obtain(ctx, name, j.version)
	if err != nil {
		return err
	}
	first := true
	if shelf := h.keeper.shelf; shelf != nil && j.put {
		// Without Redis nobody knows who is the first: the stream decides.
		if won, err := shelf.put(ctx, v); err == nil {
			first = won
		}
	}
	if h.appender == nil {
		return nil
	}
	if !first && !j.look {
		time.AfterFunc(patience, func() { h.want(name, job{version: j.version, look: true}) })
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	place, known := h.place(name)
	if !known || j.look {
		if place, err = h.appender.Last(ctx, Topic(name)); err != nil {
			return err
		}
	}
	if place.ID.Revision < j.version {
		if place, err = h.appender.Append(ctx, h.event(ctx, v, place.ID.Revision), place); err != nil {
			return err
		}
		h.keeper.meter.events.WithLabelValues("published").Inc()
	} else {
		h.keeper.meter.events.WithLabelValues("known").Inc()
	}
	h.learn(ctx, name, place)
	return nil
}

// known reports whether the last event of a ranking is of a version, or of a
// newer one.
func (h *herald) known(ctx context.Context, name string, version int64) bool {
	if h.appender == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	place, err := h.appender.Last(ctx, Topic(name))
	if err != nil {
		return false // the one who tells will say why
	}
	h.learn(ctx, name, place)
	return place.ID.Revision >= version
}

func (h *herald) place(name string) (event.Place, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	place, ok := h.places[name]
	return place, ok
}

func (h *herald) learn(ctx context.Context, name string, place event.Place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places[name] = place
	if h.failing {
		h.failing = false
		h.keeper.deps.Log.InfoContext(ctx, "updates of rankings are published again")
	}
}

func (h *herald) forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.places, name)
}

func (h *herald) failed(ctx context.Context, name string, err error) {
	h.keeper.meter.events.WithLabelValues("failed").Inc()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.failing {
		h.failing = true
		h.keeper.deps.Log.WarnContext(ctx, "updates of rankings are delayed", "ranking", name, "error", err)
	}
}

// event says what a version changed since another one, 0 for none.
func (h *herald) event(ctx context.Context, v *Version, since int64) event.Event {
	head := v.Head
	data := &eventv1.RankingUpdated{
		Ranking: head.GetRanking(), Version: head.GetVersion(), PreviousVersion: since,
		State: head.GetState(), Simulated: head.GetSimulated(), Token: h.keeper.deps.Ledger.Token(head.GetVersion()),
	}
	for _, zone := range changed(h.before(ctx, v, since), v) {
		data.TotalChanged++
		if len(data.GetChanged()) < maxChanged {
			data.Changed = append(data.Changed, zone)
		}
	}
	return event.Event{
		ID:    event.ID{Epoch: h.keeper.deps.Ledger.Epoch(), Revision: head.GetVersion()},
		Topic: Topic(head.GetRanking()), Subject: head.GetRanking(), Time: head.GetCommitTime().AsTime(), Data: data,
	}
}

// before is the version that the last event was about; nil, so that everything
// counts as changed, when there is none.
func (h *herald) before(ctx context.Context, v *Version, since int64) *Version {
	if since == 0 {
		return nil
	}
	name := v.Head.GetRanking()
	if at, err := h.keeper.deps.Source.VersionAt(name, since); err != nil || at != since {
		return nil
	}
	old, err := h.keeper.obtain(ctx, name, since)
	if err != nil {
		return nil
	}
	return old
}

// changed are the zones whose rows differ: those of the new version by
// position, then those that left. A nil version has no rows.
func changed(old, v *Version) []string {
	var zones []string
	var before []*rankingv1.Standing
	if old != nil {
		before = old.Rows
	}
	for _, row := range v.Rows {
		if i, ok := old.find(row.GetSubject()); !ok || !same(before[i], row) {
			zones = append(zones, row.GetSubject())
		}
	}
	for _, row := range before {
		if _, ok := v.Row(row.GetSubject()); !ok {
			zones = append(zones, row.GetSubject())
		}
	}
	return zones
}

// find is Row, also of no version.
func (v *Version) find(zone string) (int, bool) {
	if v == nil {
		return 0, false
	}
	return v.Row(zone)
}
