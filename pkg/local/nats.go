// Package local embeds the servers that a single machine needs, so that one
// process is a whole installation: a NATS server with a JetStream store in a
// directory, reachable from this process only, and a server that speaks the
// Redis protocol.
//
// It is the only package that imports either server. Standalone and tests use
// it; in a cluster the same connections come from the network.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// MaxPayload bounds one message. The ledger keeps its commits to about 1 MiB;
// the rest is room for an answer to a read.
const MaxPayload = 8 << 20

const startTimeout = 30 * time.Second

// Options of an embedded NATS server. The zero value is what standalone uses.
type Options struct {
	// Log receives what the server has to say; nil discards it.
	Log *slog.Logger
	// LazySync leaves writes to the operating system for up to two minutes, so
	// an acknowledged write can be lost with the power. For tests of a refusal.
	LazySync bool
	// Protect names streams that are the only copy of what they hold. A damaged
	// one is refused with a DamagedError where opening it would cut it.
	Protect []string
}

// A LockedError says that another process uses the store.
type LockedError struct {
	Dir string
	PID int // of the holder, 0 if it could not be read
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the store %s is in use by another process: stop it first", e.Dir)
	}
	return fmt.Sprintf("the store %s is in use by process %d: stop it first", e.Dir, e.PID)
}

// Server is an embedded NATS server over a locked store. It opens no port.
type Server struct {
	dir  string
	log  *slog.Logger
	ns   *server.Server
	conn *nats.Conn
	lock *os.File
	stop sync.Once
}

// NATS locks the directory, which it makes when absent, and starts a server
// over it. Every write is synced before it is acknowledged.
func NATS(dir string, opts Options) (*Server, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the store directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, log: opts.Log, lock: lock}
	if err := s.start(opts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(opts Options) error {
	for _, stream := range opts.Protect {
		if err := protect(s.dir, stream); err != nil {
			return err
		}
	}
	ns, err := server.NewServer(&server.Options{
		ServerName: "zonebench",
		DontListen: true,
		JetStream:  true,
		StoreDir:   s.dir,
		SyncAlways: !opts.LazySync,
		NoSigs:     true,
		MaxPayload: MaxPayload,
		// The default is a fraction of the machine's memory; nothing of ours is
		// kept in memory streams except the cursors of consumers.
		JetStreamMaxMemory: 64 << 20,
		// The free-space guard of the ledger is the limit, not a share of the
		// disk that was free when the server started.
		JetStreamMaxStore: 1 << 60,
	})
	if err != nil {
		return fmt.Errorf("configure the embedded NATS server: %w", err)
	}
	ns.SetLoggerV2(natsLog{opts.Log}, false, false, false)
	s.ns = ns
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		return fmt.Errorf("the embedded NATS server over %s was not ready within %v", s.dir, startTimeout)
	}
	if !ns.JetStreamEnabled() {
		return fmt.Errorf("the embedded NATS server could not open the store %s; its log says why", s.dir)
	}
	s.conn, err = s.Connect("zonebench")
	return err
}

// Conn is the connection that this process shares.
func (s *Server) Conn() *nats.Conn { return s.conn }

// Connect makes another connection inside this process.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	conn, err := nats.Connect("", nats.InProcessServer(s.ns), nats.Name(name), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.Warn("a connection to the embedded NATS server", "name", name, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return conn, nil
}

// Dir is the store directory.
func (s *Server) Dir() string { return s.dir }

// Durability proves that a write is on the disk before it is acknowledged: it
// asks the running server, not the options it was given.
func (s *Server) Durability(context.Context) error {
	config := s.ns.JetStreamConfig()
	if config == nil {
		return errors.New("the embedded NATS server runs without JetStream")
	}
	if !config.SyncAlways {
		return errors.New("the embedded NATS server does not sync every write (sync_interval is not always)")
	}
	return nil
}

// FreeSpace is the free part of the disk that holds the store, from 0 to 1, as
// a process without privileges can use it.
func (s *Server) FreeSpace() (float64, error) { return FreeSpace(s.dir) }

// FreeSpace is the free part of the disk that holds a path, from 0 to 1.
func FreeSpace(path string) (float64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	if fs.Blocks == 0 {
		return 0, fmt.Errorf("free space of %s: the file system does not say how large it is", path)
	}
	return float64(fs.Bavail) / float64(fs.Blocks), nil
}

// Close drains the shared connection, stops the server and gives the lock
// back. Closing twice is harmless.
func (s *Server) Close() {
	s.stop.Do(func() {
		if s.conn != nil {
			s.conn.Close()
		}
		if s.ns != nil {
			s.ns.Shutdown()
			s.ns.WaitForShutdown()
		}
		_ = s.lock.Close() // gives it back the lock; nothing was written through it that matters
	})
}

// lockDir takes the lock of a store. The lock is on the open file, so it is
// gone with the process however that ends; the pid in it is for people.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		content, _ := os.ReadFile(f.Name())
		_ = f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the store %s: %w", dir, err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
		return nil, &LockedError{Dir: dir, PID: pid}
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("write the lock of the store: %w", err)
		}
	}
	return f, nil
}

// natsLog hands the server's log to slog.
type natsLog struct{ log *slog.Logger }

func (l natsLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l natsLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l natsLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l natsLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l natsLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }

// Fatalf only logs: the server goes on to stop itself, and NATS reports that it
// is not ready.
func (l natsLog) Fatalf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
