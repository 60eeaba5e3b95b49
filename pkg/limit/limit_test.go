package limit

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// after is when the error says to try again.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	if status.Code(err) != codes.ResourceExhausted || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_RATE_LIMITED {
		t.Fatalf("error = %v", err)
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	t.Fatalf("the error does not say when to try again: %v", err)
	return 0
}

func TestWhoCallsTooOftenIsToldWhenToTryAgain(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	l := New(Config{Calls: 10, Burst: 3}, c.Now)
	for range 3 {
		if err := l.Call("a"); err != nil {
			t.Fatal(err)
		}
	}
	if wait := after(t, l.Call("a")); wait != 100*time.Millisecond {
		t.Errorf("wait %v", wait)
	}
	if err := l.Call("b"); err != nil {
		t.Errorf("another subject: %v", err)
	}
	c.now = c.now.Add(100 * time.Millisecond) // What was refused costs nothing.
	if err := l.Call("a"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := l.Call("a"); err == nil {
		t.Error("two calls after a wait for one")
	}
}

func TestStreamsOfASubjectAreCounted(t *testing.T) {
	l := New(Config{Streams: 2}, (&clock{time.Unix(1000, 0)}).Now)
	first, err := l.Stream("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Stream("a"); err != nil {
		t.Fatal(err)
	}
	_, err = l.Stream("a")
	if wait := after(t, err); wait <= 0 {
		t.Errorf("wait %v", wait)
	}
	if _, err := l.Stream("b"); err != nil {
		t.Errorf("another subject: %v", err)
	}
	first()
	first() // Ending twice frees one.
	if _, err := l.Stream("a"); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	if _, err := l.Stream("a"); err == nil {
		t.Error("one end freed two")
	}
}

func TestSilentSubjectsAreForgotten(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	l := New(Config{Calls: 1, Burst: 100}, c.Now)
	if _, err := l.Stream("watcher"); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := l.Call(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 90 {
		if err := l.Call("busy"); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(sweep)
	if err := l.Call("new"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"watcher", "busy", "new"} {
		if l.subjects[name] == nil {
			t.Errorf("%s is forgotten", name)
		}
	}
	if len(l.subjects) != 3 {
		t.Errorf("%d subjects are remembered", len(l.subjects))
	}
}
