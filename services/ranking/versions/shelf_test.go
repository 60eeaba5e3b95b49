package versions_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"zonebench.internal/pkg/local"
	"zonebench.internal/services/ranking/versions"
	"zonebench.internal/services/ranking/versions/versionstest"
)

// servers are the kinds of Redis that a keeper must work with.
func servers(t *testing.T, fn func(t *testing.T, client func() redis.UniversalClient)) {
	t.Helper()
	t.Run("inside the process", func(t *testing.T) {
		r := local.Redis()
		t.Cleanup(r.Close)
		fn(t, func() redis.UniversalClient { return r.Client() })
	})
	t.Run("redis-server", func(t *testing.T) { fn(t, versionstest.StartRedis(t).Client) })
}

// shared waits until a version is in Redis.
func shared(t *testing.T, c redis.UniversalClient, l *versionstest.Ledger, name string, version int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s at %d is in Redis", name, version), func() bool {
		pointer, err := c.Get(t.Context(), prefix(l, name)+"pointer").Int64()
		return err == nil && pointer >= version
	})
}

func prefix(l *versionstest.Ledger, name string) string {
	return fmt.Sprintf("zonebench:1:{%s:%d:%s}:", l.ID(), l.Epoch(), strings.TrimPrefix(name, "rankings/"))
}

func pages(t *testing.T, c redis.UniversalClient, l *versionstest.Ledger, name string, version int64) string {
	t.Helper()
	keys, err := c.Keys(t.Context(), prefix(l, name)+fmt.Sprintf("pages:%d:*", version)).Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("pages of %s at %d: %q, %v", name, version, keys, err)
	}
	return keys[0]
}

func TestAVersionIsComputedOnceAndReadFromRedis(t *testing.T) {
	servers(t, func(t *testing.T, client func() redis.UniversalClient) {
		t.Helper()
		r := source(t)
		l := newLedger()
		l.Fill(name, 730) // eight pages, the last one not full
		one := start(t, l, versions.Deps{Redis: client()})
		one.waitFor(t, name, 1)
		for range 5 {
			shared(t, client(), l, name, l.Random(r, name, 730))
		}

		other := start(t, l.Replica(), versions.Deps{Redis: client()})
		other.waitFor(t, name, l.Applied())
		v, err := other.At(t.Context(), name, 0)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, l, v, l.Applied())
		if n := other.Computed(name); n != 0 || other.metric(t, "lookups_total", "redis") != 1 {
			t.Errorf("the other process computed %d versions and read %v", n, other.metric(t, "lookups_total", "redis"))
		}
		for i, row := range v.Rows {
			if at, ok := v.Row(row.GetSubject()); !ok || at != i {
				t.Fatalf("row %d is found at %d, %v", i, at, ok)
			}
		}
		// It also knows what was kept before it began.
		if have, want := other.Kept(name), one.Kept(name); len(have) != len(want) || have[len(have)-1].GetDigest() != want[len(want)-1].GetDigest() {
			t.Errorf("the other process knows %d heads of %d", len(have), len(want))
		}
		one.stop()
		other.stop()
	})
}

func TestOnlyTheNewest64VersionsStayInRedis(t *testing.T) {
	servers(t, func(t *testing.T, client func() redis.UniversalClient) {
		t.Helper()
		l := newLedger()
		c := client()
		p := prepare(t, l, versions.Deps{Redis: c})
		for range versions.Kept + 6 {
			version := l.Commit(name, map[string]int{"zones/z001": int(l.Applied())})
			if won, err := versions.Put(t.Context(), p.Keeper, l.Want(t, name, version)); !won || err != nil {
				t.Fatalf("version %d: %v, %v", version, won, err)
			}
		}
		if n, err := c.HLen(t.Context(), prefix(l, name)+"heads").Result(); err != nil || n != versions.Kept {
			t.Errorf("%d heads are in Redis, %v", n, err)
		}
		first, err := c.PTTL(t.Context(), pages(t, c, l, name, 1)).Result()
		if err != nil || first > time.Minute || first <= 0 {
			t.Errorf("the pages of the first version stay for %v, %v", first, err)
		}
		for _, key := range c.Keys(t.Context(), "*").Val() {
			if life := c.PTTL(t.Context(), key).Val(); life <= 0 {
				t.Errorf("%s stays for ever", key)
			}
		}
	})
}

// Two processes put versions, and the scripts are forgotten now and then, as
// after a restart.
func TestThePointerOnlyMovesForwardAndOneIsTold(t *testing.T) {
	servers(t, func(t *testing.T, client func() redis.UniversalClient) {
		t.Helper()
		l := newLedger()
		for i := range 12 {
			l.Commit(name, map[string]int{"zones/z001": i})
		}
		c := client()
		two := [2]*process{prepare(t, l, versions.Deps{Redis: c}), prepare(t, l, versions.Deps{Redis: client()})}
		for i, step := range []struct {
			process int
			version int64
			won     bool
		}{{0, 3, true}, {1, 3, false}, {1, 5, true}, {0, 4, false}, {0, 5, false}, {0, 10, true}, {1, 9, false}, {1, 11, true}} {
			if i%3 == 2 {
				if err := c.ScriptFlush(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
			}
			won, err := versions.Put(t.Context(), two[step.process].Keeper, l.Want(t, name, step.version))
			if err != nil || won != step.won {
				t.Errorf("step %d, version %d: won = %v, %v", i, step.version, won, err)
			}
		}
		if v := c.Get(t.Context(), prefix(l, name)+"pointer").Val(); v != "11" {
			t.Errorf("the pointer is at %s", v)
		}
		// What they put for one version is the same to the byte.
		at := pages(t, c, l, name, 11)
		before := c.HGetAll(t.Context(), at).Val()
		if _, err := versions.Put(t.Context(), two[0].Keeper, l.Replica().Want(t, name, 11)); err != nil {
			t.Fatal(err)
		}
		if after := c.HGetAll(t.Context(), at).Val(); len(before) < 2 || !maps.Equal(before, after) {
			t.Errorf("%d fields of one process, %d of the other", len(before), len(after))
		}
	})
}

// Whatever is in Redis, it is held against its digest.
func TestForgedPagesAreComputedAnew(t *testing.T) {
	for what, forge := range map[string]func(t *testing.T, c redis.UniversalClient, at string, fields map[string]string){
		"a flipped bit": func(t *testing.T, c redis.UniversalClient, at string, fields map[string]string) {
			t.Helper()
			page := []byte(fields["1"])
			page[len(page)/2] ^= 4
			c.HSet(t.Context(), at, "1", page)
		},
		"a missing page": func(t *testing.T, c redis.UniversalClient, at string, _ map[string]string) {
			t.Helper()
			c.HDel(t.Context(), at, "1")
		},
		"pages in another order": func(t *testing.T, c redis.UniversalClient, at string, fields map[string]string) {
			t.Helper()
			c.HSet(t.Context(), at, "0", fields["1"], "1", fields["0"])
		},
		"no head": func(t *testing.T, c redis.UniversalClient, at string, _ map[string]string) {
			t.Helper()
			c.HDel(t.Context(), at, "head")
		},
		"a cut head": func(t *testing.T, c redis.UniversalClient, at string, f map[string]string) {
			t.Helper()
			c.HSet(t.Context(), at, "head", f["head"][:40])
		},
		"another value": func(t *testing.T, c redis.UniversalClient, at string, _ map[string]string) {
			t.Helper()
			c.HSet(t.Context(), at, "0", "x")
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := local.Redis()
			defer r.Close()
			l := newLedger()
			l.Fill(name, 200)
			one := start(t, l, versions.Deps{Redis: r.Client()})
			one.waitFor(t, name, 1)
			shared(t, r.Client(), l, name, 1)
			one.stop()
			at := pages(t, r.Client(), l, name, 1)
			forge(t, r.Client(), at, r.Client().HGetAll(t.Context(), at).Val())

			other := start(t, l.Replica(), versions.Deps{Redis: r.Client()})
			other.waitFor(t, name, 1)
			v, err := other.At(t.Context(), name, 0)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, l, v, 1)
			if n := other.Computed(name); n != 1 || other.metric(t, "redis_mismatches_total") < 1 || !strings.Contains(other.said(), "not what was put there") {
				t.Errorf("computed %d times, %v mismatches, said %s", n, other.metric(t, "redis_mismatches_total"), other.said())
			}
			other.stop()
		})
	}
}

// Somebody copied the store of an installation and both went on: id and epoch are
// the same, and what they say of a revision is not.
func TestACopyOfTheLedgerIsNotTakenForIt(t *testing.T) {
	r := local.Redis()
	defer r.Close()
	original := newLedger()
	original.Fill(name, 10)
	copied := versionstest.New(original.ID(), original.Epoch(), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	copied.Commit(name, map[string]int{"zones/z000": 7})
	one := start(t, original, versions.Deps{Redis: r.Client()})
	one.waitFor(t, name, 1)
	shared(t, r.Client(), original, name, 1)
	other := start(t, copied, versions.Deps{Redis: r.Client()})
	other.waitFor(t, name, 1)
	v, err := other.At(t.Context(), name, 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, copied, v, 1)
	if kept := other.Kept(name); len(kept) != 1 || kept[0].GetDigest() != v.Digest() {
		t.Errorf("it keeps %v", kept)
	}
	one.stop()
	other.stop()
}

// Under each trouble writes go on, and every answer of two processes is held
// against the ledger: never a wrong one, never one older than asked. After it,
// Redis has again what it should have, and both processes answer alike.
func TestWhateverHappensToRedisNoAnswerIsWrongOrOld(t *testing.T) {
	for _, trouble := range []struct {
		name string
		// happens does it, and mends what an operator would have to mend.
		happens func(t *testing.T, r *versionstest.Redis, two [2]*process, work func())
		cause   string // how it is counted
	}{
		{"flushed", func(t *testing.T, r *versionstest.Redis, _ [2]*process, work func()) {
			t.Helper()
			if err := r.Client().FlushAll(context.Background()).Err(); err != nil {
				t.Fatal(err)
			}
			work()
		}, "flushed"},
		{"rolled back", func(t *testing.T, r *versionstest.Redis, two [2]*process, work func()) {
			t.Helper()
			copied, then := r.Save(), applied(r)
			work()
			// One that has not looked since the copy was made does not notice, and need not.
			eventually(t, "both have looked at the guard", func() bool { return versions.Mark(two[0].Keeper) > then && versions.Mark(two[1].Keeper) > then })
			r.Restore(copied)
			work()
		}, "rolled_back"},
		{"swapped for another installation's", func(t *testing.T, r *versionstest.Redis, _ [2]*process, work func()) {
			t.Helper()
			other := versionstest.StartRedis(t)
			theirs := versionstest.New("ledger-2", 1, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
			theirs.Fill(name, 10)
			p := start(t, theirs, versions.Deps{Redis: other.Client()})
			p.waitFor(t, name, 1)
			shared(t, other.Client(), theirs, name, 1)
			p.stop()
			r.Restore(other.Save())
			work()
			if err := r.Client().FlushAll(context.Background()).Err(); err != nil { // as the log asks for
				t.Fatal(err)
			}
			work()
		}, "foreign"},
		{"killed", func(_ *testing.T, r *versionstest.Redis, _ [2]*process, work func()) {
			r.Kill()
			work()
			r.Start()
		}, "flushed"},
		{"hanging", func(_ *testing.T, r *versionstest.Redis, _ [2]*process, work func()) {
			r.Hang()
			work()
			r.Wake()
		}, ""},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			rnd := source(t)
			server := versionstest.StartRedis(t)
			l := newLedger()
			l.Fill(name, 120)
			two := [2]*process{start(t, l, versions.Deps{Redis: server.Client()}), start(t, l, versions.Deps{Redis: server.Client()})}
			for _, p := range two {
				p.waitFor(t, name, 1)
			}
			shared(t, server.Client(), l, name, 1)

			work := func() { t.Helper(); readAndWrite(t, rnd, l, two[:]) }
			work()
			trouble.happens(t, server, two, work)
			for _, p := range two {
				eventually(t, "Redis is used again", func() bool { return p.metric(t, "redis_usable") == 1 })
			}
			if trouble.cause != "" {
				eventually(t, "somebody noticed", func() bool {
					return two[0].metric(t, "redis_rebuilds_total", trouble.cause)+two[1].metric(t, "redis_rebuilds_total", trouble.cause) > 0
				})
			}
			work()
			last := l.Fill(name, 5)
			for _, p := range two {
				p.waitFor(t, name, last)
			}
			shared(t, server.Client(), l, name, last)
			third := start(t, l.Replica(), versions.Deps{Redis: server.Client()})
			third.waitFor(t, name, last)
			if n := third.Computed(name); n != 0 {
				t.Errorf("a new process computed %d versions: they are not in Redis", n)
			}
			for _, p := range []*process{two[0], two[1], third} {
				v, err := p.At(t.Context(), name, 0)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, l, v, last)
				p.stop()
			}
		})
	}
}

// applied is the revision in the guard.
func applied(r *versionstest.Redis) int64 {
	n, _ := r.Client().HGet(context.Background(), "zonebench:1:guard", "applied").Int64()
	return n
}

// readAndWrite commits for a while and reads meanwhile, at the newest revision
// and at older ones.
func readAndWrite(t *testing.T, rnd *rand.Rand, l *versionstest.Ledger, processes []*process) {
	t.Helper()
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i, p := range processes {
		random := rand.New(rand.NewPCG(rnd.Uint64(), uint64(i)))
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				revision := l.Applied()
				if random.IntN(4) == 0 {
					revision = 1 + random.Int64N(revision)
				}
				began := time.Now()
				v, err := p.At(t.Context(), name, revision)
				if err != nil {
					t.Error(err)
					return
				}
				if waited := time.Since(began); waited > 2*time.Second {
					t.Errorf("an answer took %v", waited)
				}
				equal(t, l, v, revision)
			}
		})
	}
	ticker := time.NewTicker(4 * time.Millisecond)
	defer ticker.Stop()
	for range 80 {
		l.Random(rnd, name, 120)
		<-ticker.C
	}
	close(done)
	readers.Wait()
}

// Nobody tends the Redis of an installation that is gone: after a while it is
// taken over.
func TestWhatNobodyTendsIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := local.Redis()
		defer r.Close()
		theirs := versionstest.New("ledger-2", 1, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
		theirs.Fill(name, 10)
		gone := start(t, theirs, versions.Deps{Redis: r.Client()})
		gone.waitFor(t, name, 1)
		<-time.After(time.Second)
		gone.stop()

		l := newLedger()
		l.Fill(name, 10)
		p := start(t, l, versions.Deps{Redis: r.Client()})
		p.waitFor(t, name, 1)
		<-time.After(time.Minute)
		if p.metric(t, "redis_usable") != 0 || p.metric(t, "redis_rebuilds_total", "foreign") != 1 || !strings.Contains(p.said(), "ledger-2") {
			t.Errorf("the Redis of another installation is used: %s", p.said())
		}
		<-time.After(10 * time.Minute)
		if p.metric(t, "redis_usable") != 1 {
			t.Errorf("it is not taken over: %s", p.said())
		}
		if v := r.Client().Get(t.Context(), prefix(l, name)+"pointer").Val(); v != "1" {
			t.Errorf("the pointer is %q", v)
		}
		p.stop()
	})
}

// A restore from the archive raises the epoch: what the old one left is not read,
// and a process that still lives in the old one leaves it alone.
func TestAnotherEpochBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := local.Redis()
		defer r.Close()
		l := newLedger()
		l.Fill(name, 10)
		l.Fill(name, 11)
		before := start(t, l, versions.Deps{Redis: r.Client()})
		before.waitFor(t, name, 2)
		<-time.After(time.Second)
		restored := versionstest.New(l.ID(), 2, l.TimeAt(0))
		restored.Fill(name, 9)
		restored.Fill(name, 8)
		after := start(t, restored, versions.Deps{Redis: r.Client()})
		after.waitFor(t, name, 2)
		<-time.After(20 * time.Second)
		v, err := after.At(t.Context(), name, 2)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, restored, v, 2)
		if after.metric(t, "redis_rebuilds_total", "older_epoch") != 1 || after.metric(t, "redis_usable") != 1 {
			t.Errorf("the new epoch says %s", after.said())
		}
		if before.metric(t, "redis_rebuilds_total", "outlived") != 1 || before.metric(t, "redis_usable") != 0 {
			t.Errorf("the old epoch says %s", before.said())
		}
		before.stop()
		after.stop()
	})
}
