package cli

import (
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zonebench.internal/pkg/natsconn"
)

// natsSettings is the part of a verb's help that says how it proves itself to NATS.
const natsSettings = `The user's NKey and the authorities of the server come from ZONEBENCH_NATS_NKEY_FILE
and ZONEBENCH_NATS_TLS_CA_FILE, as for the services.`

// jetStream connects to NATS as the user whom the environment names.
func (a *app) jetStream(url, name string, log *slog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	config := a.env.NATS
	config.URL = url
	conn, err := natsconn.Connect(config, name, a.Now, log)
	if err != nil {
		return nil, nil, &failure{code: exitUnavailable, err: err}
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	return conn, js, nil
}
