package reload_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zonebench.internal/pkg/reload"
)

// clock is one that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(reload.Every)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, c *clock, path string) (value *reload.Value[string], failures func() []error) {
	t.Helper()
	var failed []error
	v, err := reload.New(c.Now, func(err error) { failed = append(failed, err) }, func() (string, error) {
		content, err := os.ReadFile(path)
		if string(content) == "bad" {
			return "", errors.New("bad")
		}
		return string(content), err
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return v, func() []error { return failed }
}

func TestWrittenOverAndRenamedFilesAreTakenUp(t *testing.T) {
	c := &clock{now: time.Unix(1_000_000, 0)}
	path := filepath.Join(t.TempDir(), "x")
	write(t, path, "one")
	v, _ := text(t, c, path)
	write(t, path, "two!")
	if got := v.Get(); got != "one" {
		t.Errorf("within the second: %q", got)
	}
	c.tick()
	if got := v.Get(); got != "two!" {
		t.Errorf("written over: %q", got)
	}
	write(t, path+".new", "2222") // of the same size, and renamed in the same tick of the file system's clock
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	c.tick()
	if got := v.Get(); got != "2222" {
		t.Errorf("renamed: %q", got)
	}
}

// Kubernetes mounts x -> ..data/x and swaps the link ..data.
func TestSwappedSymbolicLinksAreTakenUp(t *testing.T) {
	c := &clock{now: time.Unix(1_000_000, 0)}
	dir := t.TempDir()
	for _, version := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "x"), version)
	}
	link := func(target string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	link("a")
	if err := os.Symlink("..data/x", filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	v, _ := text(t, c, filepath.Join(dir, "x"))
	if got := v.Get(); got != "a" {
		t.Fatalf("at first: %q", got)
	}
	link("b")
	c.tick()
	if got := v.Get(); got != "b" {
		t.Errorf("after the swap: %q", got)
	}
}

func TestABadChangeKeepsTheLastGoodValueAndIsTold(t *testing.T) {
	c := &clock{now: time.Unix(1_000_000, 0)}
	path := filepath.Join(t.TempDir(), "x")
	write(t, path, "good")
	v, failures := text(t, c, path)
	write(t, path, "bad")
	c.tick()
	if got := v.Get(); got != "good" || len(failures()) != 1 {
		t.Errorf("after a bad change: %q, %v", got, failures())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.tick()
	if got := v.Get(); got != "good" || len(failures()) != 2 {
		t.Errorf("after the removal: %q, %v", got, failures())
	}
	write(t, path, "better")
	c.tick()
	if got := v.Get(); got != "better" || len(failures()) != 2 {
		t.Errorf("after the repair: %q, %v", got, failures())
	}
}

func TestWhatIsNotThereAtTheStartIsAnError(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "x")
	_, err := reload.New(time.Now, func(error) {}, func() (string, error) { return "", nil }, missing)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}
