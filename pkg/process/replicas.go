package process

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"zonebench.internal/pkg/forward"
	"zonebench.internal/pkg/lease"
	"zonebench.internal/pkg/ledger"
)

// replicas is by what several processes of a service are one: who of them
// commits, and how the others hand their writes over.
type replicas struct {
	*lease.Leases
	*forward.Forwarder
}

func (p Program) replicas(
	ctx context.Context, common settings, js jetstream.JetStream, led *ledger.Ledger, log *slog.Logger,
	metrics prometheus.Registerer, now func() time.Time,
) (replicas, error) {
	host, err := os.Hostname()
	if err != nil {
		host = p.Name
	}
	leases, err := lease.Open(ctx, common.Lease, lease.Deps{
		JetStream: js, Replicas: common.Replicas, ID: lease.NewID(host), Lanes: []string{p.Name},
		Ready: led.CaughtUp(), Fit: func() bool { return led.Err() == nil },
		Log: log, Metrics: metrics, Now: now,
	})
	if err != nil {
		return replicas{}, err
	}
	// Calls in flight still end while another process takes over.
	context.AfterFunc(ctx, leases.Release)
	forwarder, err := forward.New(forward.Deps{
		Conn: js.Conn(), Lane: p.Name, Leases: leases, Ledger: led, Log: log, Metrics: metrics,
	})
	return replicas{Leases: leases, Forwarder: forwarder}, err
}

// connection is how a process holds on to NATS: a server that does not answer
// is left within seconds, so that another one of the cluster is tried before a
// lease has ended more than once.
func connection(log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2),
		nats.Timeout(2 * time.Second), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to NATS is lost", slog.Any("error", err))
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("connected to NATS again", slog.String("server", c.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Warn("the connection to NATS", slog.String("subject", subject), slog.Any("error", err))
		}),
	}
}
