package versions

import (
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Dial opens a Redis by its URL, with the settings that a keeper wants: nobody
// waits for one that hangs. It connects when it is used. More addresses in the
// URL (`?addr=host:port`) make it a cluster.
func Dial(url string) (redis.UniversalClient, error) {
	// The client's own logger is one for the whole process and writes to standard
	// error; what it says comes as an error of the call, too.
	logging.Disable()
	if strings.Contains(url, "addr=") {
		options, err := redis.ParseClusterURL(url)
		if err != nil {
			return nil, malformed(err)
		}
		options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, writeTimeout, writeTimeout, readTimeout
		options.ContextTimeoutEnabled, options.DisableIdentity = true, true
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, malformed(err)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = dialTimeout, writeTimeout, writeTimeout, readTimeout
	options.ContextTimeoutEnabled, options.DisableIdentity = true, true
	options.MaxRetries, options.DialerRetries = -1, 1 // who asked has another way by then
	return redis.NewClient(options), nil
}

const dialTimeout = 500 * time.Millisecond

func malformed(err error) error {
	return fmt.Errorf("redis URL: %w: write it as redis://127.0.0.1:6379/0", err)
}
