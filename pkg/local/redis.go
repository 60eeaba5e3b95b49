package local

import (
	"context"
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
			Dialer:          func(context.Context, string, string) (net.Conn, error) { return mini.Dial() },
			DisableIdentity: true, // the server does not know CLIENT SETINFO
			// Whoever gives a call a deadline does not wait any longer.
			ContextTimeoutEnabled: true,
		}),
		quit: make(chan struct{}),
	}
	r.ended.Go(r.tick)
	return r
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
