package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
)

// SyncByMonitoring proves through the monitoring ports of remote servers that
// they sync every write. Name the servers of every replica.
//
// One that answers and does not sync is refused. More than half must answer, so
// that a process can start while a server of a cluster is down: every
// acknowledgement then comes from at least one server that was proved.
func SyncByMonitoring(client *http.Client, servers ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		if len(servers) == 0 {
			return errors.New("no monitoring URL of a NATS server is given, so nothing proves that writes are synced")
		}
		proved := 0
		var silent error
		for _, server := range servers {
			err := askMonitoring(ctx, client, server)
			if err == nil {
				proved++
				continue
			}
			err = fmt.Errorf("NATS server %s: %w", server, err)
			if errors.Is(err, errNotSynced) {
				return err
			}
			silent = errors.Join(silent, err)
		}
		if 2*proved <= len(servers) {
			return silent
		}
		return nil
	}
}

// errNotSynced is in the chain of what a server says that does not sync.
var errNotSynced = errors.New("acknowledged writes may be lost there")

func askMonitoring(ctx context.Context, client *http.Client, server string) error {
	address, err := url.JoinPath(server, "jsz")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?config=true", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("its monitoring answers %s", resp.Status)
	}
	var state jetStreamState
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return fmt.Errorf("its monitoring is not readable: %w", err)
	}
	return state.synced()
}

// jetStreamState is the part of a server's jsz that matters here.
type jetStreamState struct {
	Disabled bool `json:"disabled"`
	Config   *struct {
		SyncAlways bool `json:"sync_always"`
	} `json:"config"`
}

func (s jetStreamState) synced() error {
	switch {
	case s.Disabled || s.Config == nil:
		return fmt.Errorf("it runs without JetStream: %w", errNotSynced)
	case !s.Config.SyncAlways:
		return fmt.Errorf("it does not sync every write: set jetstream.sync_interval to always: %w", errNotSynced)
	}
	return nil
}

// SyncBySystem proves the same by asking all servers of a cluster over a
// connection to the system account. Fewer answers than there must be servers
// with JetStream prove nothing.
func SyncBySystem(system *nats.Conn, servers int) func(context.Context) error {
	return func(ctx context.Context) error {
		inbox := system.NewRespInbox()
		sub, err := system.SubscribeSync(inbox)
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }() // the connection outlives a subscription that does not end
		if err := system.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`)); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		for n := 0; n < servers; {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				return fmt.Errorf("%d of %d servers proved that they sync every write: %w", n, servers, err)
			}
			var answer struct {
				Server struct {
					Name string `json:"name"`
				} `json:"server"`
				Data jetStreamState `json:"data"`
			}
			if err := json.Unmarshal(msg.Data, &answer); err != nil {
				return fmt.Errorf("a server's answer is not readable: %w", err)
			}
			if answer.Data.Disabled {
				continue // it stores nothing
			}
			if err := answer.Data.synced(); err != nil {
				return fmt.Errorf("NATS server %s: %w", answer.Server.Name, err)
			}
			n++
		}
		return nil
	}
}
