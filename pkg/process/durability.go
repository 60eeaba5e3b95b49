package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// monitored proves from the monitoring endpoints of the NATS servers that each
// of them syncs a write to the disk before it acknowledges it, and that the
// server we are connected to is one of them.
func monitored(urls []string, connected func() string) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	return func(ctx context.Context) error {
		found := false
		for _, base := range urls {
			id, err := syncs(ctx, client, strings.TrimSpace(base))
			if err != nil {
				return err
			}
			found = found || id == connected()
		}
		if !found {
			return errors.New("none of the monitoring addresses in ZONEBENCH_NATS_MONITOR_URL is of the NATS server that this process is connected to")
		}
		return nil
	}
}

// syncs asks one server for its settings.
func syncs(ctx context.Context, client *http.Client, base string) (id string, err error) {
	address, err := url.JoinPath(base, "varz")
	if err != nil {
		return "", fmt.Errorf("monitoring address %q: %w", base, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("monitoring address %q: %w", base, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("nothing proves that the NATS server syncs its writes: %w: "+
			"start it with `http: 127.0.0.1:8222` and name that in ZONEBENCH_NATS_MONITOR_URL", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var varz struct {
		ServerID  string `json:"server_id"`
		JetStream struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&varz); err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s is not the monitoring address of a NATS server (status %s)", address, resp.Status)
	}
	switch {
	case varz.JetStream.Config == nil:
		return "", fmt.Errorf("the NATS server at %s runs without JetStream", base)
	case !varz.JetStream.Config.SyncAlways:
		return "", fmt.Errorf("the NATS server at %s does not sync every write: set `sync_interval: always` in its jetstream block", base)
	default:
		return varz.ServerID, nil
	}
}
