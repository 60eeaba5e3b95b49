package local_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/local"
)

const messages = 300

func text(n int) string { return strings.Repeat(fmt.Sprintf("<%03d>", n), 200) }

// filled makes a store with a stream S of some blocks, and stops its server.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s := start(t, dir, local.Options{})
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"s.>"}, Metadata: map[string]string{"k": "v"}, MaxMsgsPerSubject: -1,
	}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= messages; n++ {
		// Every other one has headers.
		opts := []jetstream.PublishOpt{jetstream.WithMsgID(fmt.Sprint(n))}
		if _, err := js.Publish(t.Context(), fmt.Sprint("s.", n%7), []byte(text(n)), opts[:n%2]...); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	return dir
}

func blockOf(dir string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", "S", "msgs", "1.blk")
}

func read(t *testing.T, dir string) (sequences map[int64]bool, s *local.Store) {
	t.Helper()
	s, err := local.OpenStore(dir, "S")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sequences = make(map[int64]bool)
	for m, err := range s.Messages() {
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != text(int(m.Sequence)) || m.Subject != fmt.Sprint("s.", m.Sequence%7) {
			t.Errorf("message %d on %s is %.20q", m.Sequence, m.Subject, m.Data)
		}
		sequences[m.Sequence] = true
	}
	return sequences, s
}

func TestStore(t *testing.T) {
	dir := filled(t)
	sequences, s := read(t, dir)
	if len(sequences) != messages || len(s.Damage()) != 0 || s.Torn() != 0 || s.Metadata()["k"] != "v" {
		t.Errorf("%d messages, damage %v, torn %d, metadata %v", len(sequences), s.Damage(), s.Torn(), s.Metadata())
	}
	var locked *local.LockedError
	if _, err := local.NATS(dir, local.Options{}); !errors.As(err, &locked) {
		t.Errorf("a server opened what is being read: %v", err)
	}
	if _, err := local.OpenStore(t.TempDir(), "S"); !errors.Is(err, local.ErrNoStream) {
		t.Errorf("error = %v", err)
	}
}

// Every byte of a store is covered: a bit that is flipped anywhere costs the
// message it is in, and no other.
func TestFlippedBits(t *testing.T) {
	dir := filled(t)
	whole, err := os.ReadFile(blockOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	begin := bytes.Index(whole, []byte(text(9))) - 200 // in message 8
	for at := begin; at < begin+1500; at += 7 {        // to message 9 and 10
		data := bytes.Clone(whole)
		data[at] ^= 0x10
		if err := os.WriteFile(blockOf(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		sequences, s := read(t, dir)
		damage := s.Damage()
		if len(damage) != 1 || len(sequences) != messages-1 {
			t.Fatalf("byte %d: %d messages are left, damage %v", at, len(sequences), damage)
		}
		if d := damage[0]; d.After != d.Before+2 || sequences[d.Before+1] || d.Offset > int64(at) || d.Offset+d.Length <= int64(at) {
			t.Fatalf("byte %d: damage %+v", at, d)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that ends while it makes a stream leaves settings without their
// checksum: nothing is lost, so the next one may start.
func TestProtectHalfMade(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Dir(filepath.Dir(blockOf(dir)))
	if err := os.MkdirAll(filepath.Join(half, "msgs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "meta.inf"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir, local.Options{Protect: []string{"S"}})
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		t.Error(err)
	}
	s.Close()
	full := filled(t)
	if err := os.Remove(filepath.Join(filepath.Dir(filepath.Dir(blockOf(full))), "meta.sum")); err != nil {
		t.Fatal(err)
	}
	if _, err := local.NATS(full, local.Options{Protect: []string{"S"}}); err == nil {
		t.Error("opened a stream whose settings are lost")
	}
}

func TestProtect(t *testing.T) {
	dir := filled(t)
	data, err := os.ReadFile(blockOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte(text(9)))] ^= 1
	if err := os.WriteFile(blockOf(dir), data, 0o600); err != nil {
		t.Fatal(err)
	}
	unclean := time.Now().Add(time.Hour)
	if err := os.Chtimes(blockOf(dir), unclean, unclean); err != nil {
		t.Fatal(err)
	}
	_, err = local.NATS(dir, local.Options{Protect: []string{"S", "T"}})
	var damaged *local.DamagedError
	if !errors.As(err, &damaged) || damaged.Damage.Before != 8 || damaged.Damage.After != 10 {
		t.Fatalf("error = %v", err)
	}
	if sequences, s := read(t, dir); len(sequences) != messages-1 {
		t.Errorf("%d messages are left", len(sequences))
	} else if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// A cut end is what a crash leaves: the server may repair it.
	dir = filled(t)
	if err := os.Truncate(blockOf(dir), int64(len(data)-5)); err != nil {
		t.Fatal(err)
	}
	sequences, s := read(t, dir)
	if len(sequences) != messages-1 || s.Torn() == 0 {
		t.Errorf("%d messages are left, %d bytes torn", len(sequences), s.Torn())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, dir, local.Options{Protect: []string{"S"}})
}
