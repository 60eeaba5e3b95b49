// Package limit bounds how many calls one subject makes and how many streams it
// holds, so that none takes the service away from the others, and tells who is
// over the limit when to try again.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Config is what an operator may set. The zero value is good.
type Config struct {
	Calls   float64 `env:"CALLS" help:"calls a second that one subject may make; 200 by default"`
	Burst   int     `env:"BURST" help:"calls that one subject may make at once after a silence; twice CALLS by default"`
	Streams int     `env:"STREAMS" help:"streams that one subject may hold at once, such as watched rankings; 200 by default"`
}

func (c Config) withDefaults() Config {
	if c.Calls == 0 {
		c.Calls = 200
	}
	if c.Burst == 0 {
		c.Burst = max(1, int(2*c.Calls))
	}
	if c.Streams == 0 {
		c.Streams = 200
	}
	return c
}

const (
	// sweep is how often subjects that are silent are forgotten.
	sweep = time.Minute
	// later is when a stream may be free again; nobody knows.
	later = 10 * time.Second
)

// Limiter keeps count. Its methods may be called by many at once.
type Limiter struct {
	config Config
	now    func() time.Time

	mu       sync.Mutex
	subjects map[string]*subject
	swept    time.Time
}

// subject is one whom we know since it called.
type subject struct {
	bucket  *rate.Limiter
	streams int
}

// New makes a limiter.
func New(config Config, now func() time.Time) *Limiter {
	return &Limiter{config: config.withDefaults(), now: now, subjects: make(map[string]*subject), swept: now()}
}

// Call counts a call of a subject, or refuses it.
func (l *Limiter) Call(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.forget(now)
	bucket := l.of(name).bucket
	turn := bucket.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	turn.CancelAt(now)
	return fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_RATE_LIMITED,
		"%s makes more than %g calls a second: try again in %v", name, l.config.Calls, wait.Round(time.Millisecond)).RetryAfter(wait)
}

// Stream counts a stream of a subject, or refuses it. The stream ends with done.
func (l *Limiter) Stream(name string) (done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of(name)
	if s.streams >= l.config.Streams {
		return nil, fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_RATE_LIMITED,
			"%s holds %d streams, and more are not given: end one first", name, s.streams).RetryAfter(later)
	}
	s.streams++
	var once sync.Once
	return func() {
		once.Do(func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			s.streams--
		})
	}, nil
}

func (l *Limiter) of(name string) *subject {
	s, ok := l.subjects[name]
	if !ok {
		s = &subject{bucket: rate.NewLimiter(rate.Limit(l.config.Calls), l.config.Burst)}
		l.subjects[name] = s
	}
	return s
}

// forget drops who has been silent for so long that nothing is counted.
func (l *Limiter) forget(now time.Time) {
	if now.Sub(l.swept) < sweep {
		return
	}
	l.swept = now
	for name, s := range l.subjects {
		if s.streams == 0 && s.bucket.TokensAt(now) >= float64(l.config.Burst) {
			delete(l.subjects, name)
		}
	}
}
