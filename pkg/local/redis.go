package local

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// tick is how often the clock of the Redis server moves, and so how late a key
// can expire.
const tick = 100 * time.Millisecond

// RedisServer speaks the Redis protocol inside this process.
//
// It is not a Redis: it keeps nothing on disk, sorts a sorted set anew for
// every read of it, and lacks FUNCTION, CLIENT TRACKING, CONFIG, OBJECT and
// clustering. It is good for what can be rebuilt from the ledger and for some
// hundreds of rows; what is larger wants a real server.
type RedisServer struct {
	mini   *miniredis.Miniredis
	client *redis.Client
	quit   chan struct{}
	stop   sync.Once
	ended  sync.WaitGroup
}

// Redis starts a server that no other process can reach, for it opens no port,
// and a client of it.
func Redis() *RedisServer {
	mini := miniredis.NewMiniRedis()
	r := &RedisServer{
		mini: mini,
		client: redis.NewClient(&redis.Options{
			Addr:            "in-process",
			Dialer:          func(context.Context, string, string) (net.Conn, error) { return dial(mini) },
			DisableIdentity: true, // the server does not know CLIENT SETINFO
			// Whoever gives a call a deadline does not wait any longer.
			ContextTimeoutEnabled: true,
		}),
		quit: make(chan struct{}),
	}
	r.ended.Go(r.tick)
	return r
}

// dial connects to the server in memory.
func dial(mini *miniredis.Miniredis) (net.Conn, error) {
	if mini.Server() == nil {
		first, err := mini.Dial() // which starts the server
		if err != nil {
			return nil, fmt.Errorf("start the Redis server in this process: %w", err)
		}
		_ = first.Close()
	}
	client, server := net.Pipe()
	mini.Server().ServeConn(newPatient(server))
	return client, nil
}

// patient is a connection whose writes do not wait for the reader. A pipe has no
// buffer: a client that sends many commands at once reads no answer before it
// has sent them all, and a server that waits for its answers to be read reads no
// command.
type patient struct {
	net.Conn

	mu      sync.Mutex
	more    *sync.Cond
	waiting []byte
	closed  bool
	err     error
}

func newPatient(conn net.Conn) *patient {
	p := &patient{Conn: conn}
	p.more = sync.NewCond(&p.mu)
	go p.deliver()
	return p
}

func (p *patient) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.waiting = append(p.waiting, b...)
	p.more.Signal()
	return len(b), nil
}

func (p *patient) Close() error {
	p.mu.Lock()
	p.closed = true
	p.more.Signal()
	p.mu.Unlock()
	return p.Conn.Close()
}

// deliver hands on what was written until the connection is closed.
func (p *patient) deliver() {
	for {
		p.mu.Lock()
		for len(p.waiting) == 0 && !p.closed {
			p.more.Wait()
		}
		b, closed := p.waiting, p.closed
		p.waiting = nil
		p.mu.Unlock()
		if closed {
			return
		}
		if _, err := p.Conn.Write(b); err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
			return
		}
	}
}

// tick lets time pass: the server does not look at the clock by itself.
func (r *RedisServer) tick() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-r.quit:
			return
		case <-ticker.C:
			r.mini.FastForward(tick)
		}
	}
}

// Client is a client of the server.
func (r *RedisServer) Client() *redis.Client { return r.client }

// Flush forgets everything, as a restart does.
func (r *RedisServer) Flush(ctx context.Context) error { return r.client.FlushAll(ctx).Err() }

// Close stops the clock, the client and the server. Closing twice is harmless.
func (r *RedisServer) Close() {
	r.stop.Do(func() {
		close(r.quit)
		r.ended.Wait()
		_ = r.client.Close() // nothing is left to flush
		r.mini.Close()
	})
}
