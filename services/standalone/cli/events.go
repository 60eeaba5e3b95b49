package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/event"
	"zonebench.internal/pkg/telemetry"
	eventv1 "zonebench.internal/proto/gen/zonebench/event/v1"
)

// events reads the public events of an installation whose services run as
// processes of their own. The server inside `zonebench serve` opens no port;
// there --print-events does the same.
func (a *app) events() *cobra.Command {
	var url, topic, after string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print the public events of services that run over a NATS server",
		Long: `Reads the stream EVENTS of a NATS server and prints each event as one JSON
object a line, from the oldest that is kept, then as they happen. Give --after
the id of the last one you handled to go on behind it.

An installation in one process (serve, demo) has no NATS port: there, use
--print-events.`,
		Example: `  zonebench events --nats nats://127.0.0.1:4222
  zonebench events --nats nats://127.0.0.1:4222 --topic figures.changed --after 1-7-0
  zonebench events --nats nats://127.0.0.1:4222 --topic 'ranking.updated.*'
  zonebench serve --print-events`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var last event.ID
			if after != "" {
				var err error
				if last, err = event.ParseID(after); err != nil {
					return usage(fmt.Errorf("--after %s: write it as in an event, such as 1-7-0", after))
				}
			}
			log, err := telemetry.Logger(telemetry.Config{}, a.Err)
			if err != nil {
				return err
			}
			conn, js, err := a.jetStream(url, "events", log)
			if err != nil {
				return err
			}
			defer conn.Close()
			return ended(event.Subscribe(cmd.Context(), js, topic, last, a.printEvent))
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "nats", a.env.NATS.URL, "NATS server")
	f.StringVar(&topic, "topic", ">", "zone.changed, figures.changed, published.changed, release.published, ranking.updated.NAME, or > for all")
	f.StringVar(&after, "after", "", "id of the last event that was handled")
	return cmd
}

// ended: whoever listens until interrupted has not failed.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// printedEvent is an event on one line.
type printedEvent struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Source  string          `json:"source"`
	Subject string          `json:"subject,omitempty"`
	Time    time.Time       `json:"time"`
	Data    json.RawMessage `json:"data"`
}

// rankingTopic begins the topics of RankingUpdated; the id of the ranking follows.
const rankingTopic = "ranking.updated."

// ofTopic is an empty message of the kind that a topic carries, nil when it is not known.
func ofTopic(topic string) proto.Message {
	switch {
	case topic == "zone.changed":
		return &eventv1.ZoneChanged{}
	case topic == "figures.changed":
		return &eventv1.FiguresChanged{}
	case topic == "published.changed":
		return &eventv1.PublishedRankingsChanged{}
	case topic == "release.published":
		return &eventv1.ReleasePublished{}
	case strings.HasPrefix(topic, rankingTopic):
		return &eventv1.RankingUpdated{}
	default:
		return nil
	}
}

func (a *app) printEvent(e event.Event) error {
	data := ofTopic(e.Topic)
	if data == nil {
		return nil // Of a later version: what is not known is not ours to print.
	}
	if err := e.Decode(data); err != nil {
		return err
	}
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(data)
	if err != nil {
		return fmt.Errorf("print event %v: %w", e.ID, err)
	}
	line, err := json.Marshal(printedEvent{ID: e.ID.String(), Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time, Data: raw})
	if err != nil {
		return fmt.Errorf("print event %v: %w", e.ID, err)
	}
	fmt.Fprintln(a.Out, string(line))
	return nil
}
