package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // clients ask for it
	"google.golang.org/grpc/keepalive"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/config"
	"zonebench.internal/pkg/telemetry"
	"zonebench.internal/pkg/tlsfiles"
	"zonebench.internal/services/board"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// settings are read behind ZONEBENCH_BOARD_.
type settings struct {
	Listen string `env:"LISTEN" envDefault:"127.0.0.1:7880" help:"address to serve on; others than loopback ones need TLS"`

	Zone      string `env:"ZONE_ADDRESS" envDefault:"127.0.0.1:7801" help:"the zone service; a name stands for all addresses behind it, in turns"`
	Indicator string `env:"INDICATOR_ADDRESS" envDefault:"127.0.0.1:7802" help:"the indicator service"`
	Ranking   string `env:"RANKING_ADDRESS" envDefault:"127.0.0.1:7803" help:"the ranking service"`

	CertFile string `env:"TLS_CERT_FILE" help:"certificate of the board, PEM, with those between it and its authority; none by default"`
	KeyFile  string `env:"TLS_KEY_FILE" help:"private key of the certificate, PEM"`
	Insecure bool   `env:"INSECURE" help:"serve any address without TLS, where something in front of the board has it"`

	Services struct {
		CAFile   string `env:"CA_FILE" help:"authorities of the services' certificates, PEM; with it only TLS is spoken to them"`
		CertFile string `env:"CERT_FILE" help:"certificate that is shown to the services, PEM; its role is what a browser without a token has"`
		KeyFile  string `env:"KEY_FILE" help:"private key of that certificate, PEM"`
	} `envPrefix:"SERVICES_TLS_"`

	Board board.Config
}

// Settings of other programs that may share the environment.
var others = []string{
	"ADDRESS", "DATA", "LANG", "REDIS_", "NATS_", "LEDGER_", "TLS_", "INSECURE", "AUTH_", "PROBES_", "HOST_", "LEASE_",
	"ZONE_", "INDICATOR_", "RANKING_",
}

// run serves until it is interrupted and returns the exit code.
func run(args, environ []string, out, errOut io.Writer, now func() time.Time) int {
	var mine settings
	var told telemetry.Config
	parts := []config.Part{{Prefix: "BOARD_", Into: &mine}, {Into: &told}}
	if len(args) > 0 {
		return usage(args[0], out, errOut, parts)
	}
	log, err := load(environ, errOut, parts, &told)
	if err != nil {
		fmt.Fprintf(errOut, "board: %v\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, mine, told, log, now); err != nil {
		log.ErrorContext(ctx, "ended", slog.Any("error", err))
		return exitFailed
	}
	return exitOK
}

func usage(arg string, out, errOut io.Writer, parts []config.Part) int {
	if arg != "--help" && arg != "-h" {
		fmt.Fprintf(errOut, "board: unknown argument %q: settings come from the environment, see --help\n", arg)
		return exitUsage
	}
	fmt.Fprint(out, `Serves the board of zonebench over HTTP, in front of the zone, indicator and
ranking services. For everything in one process on one machine, run zonebench
serve.

Settings, from the environment:
`)
	if err := config.Usage(out, parts...); err != nil {
		return exitFailed
	}
	return exitOK
}

func load(environ []string, errOut io.Writer, parts []config.Part, told *telemetry.Config) (*slog.Logger, error) {
	if err := config.Load(environ, others, parts...); err != nil {
		return nil, err //nolint:wrapcheck // it names the variable
	}
	log, err := telemetry.Logger(*told, errOut)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the setting
	}
	return log.With(slog.String("unit", "board")), nil
}

func serve(ctx context.Context, mine settings, told telemetry.Config, log *slog.Logger, now func() time.Time) (err error) {
	if err := mine.check(); err != nil {
		return err
	}
	lis, err := mine.listen(ctx, log, now)
	if err != nil {
		return err
	}
	defer func() { _ = lis.Close() }() // Run has closed it before, if it came so far.
	creds, err := mine.credentials(log, now)
	if err != nil {
		return err
	}
	traces, err := telemetry.OpenTraces(ctx, "board", log)
	if err != nil {
		return err //nolint:wrapcheck // it begins with traces
	}
	defer func() { err = errors.Join(err, traces.Close(ctx)) }()
	var backends []board.Backend
	for _, to := range mine.addresses() {
		conn, err := dial(to.address, creds, traces.Client())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		backends = append(backends, board.Backend{Name: to.name, Conn: conn})
	}
	metrics := telemetry.Metrics()
	deps := board.Deps{Around: traces.HTTP, Listener: lis, Backends: backends, Log: log, Metrics: metrics, Now: now}
	brd, err := board.New(mine.Board, deps) //nolint:contextcheck // it starts nothing
	if err != nil {
		return err //nolint:wrapcheck // it begins with the name of the board
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		err := telemetry.Serve(ctx, told, metrics)
		if err != nil {
			cancel() // An operator who asked for metrics wants to know at once.
		}
		ended <- err
	}()
	err = brd.Run(ctx)
	cancel()
	return errors.Join(err, <-ended)
}

type service struct{ name, address string }

func (s settings) addresses() []service {
	return []service{{"zone", s.Zone}, {"indicator", s.Indicator}, {"ranking", s.Ranking}}
}

// check refuses what would let strangers in. Services without TLS on the
// loopback take every caller there for the operator of the machine, the board
// too: whoever reached the board would be that operator.
func (s settings) check() error {
	if auth.CheckAddress(s.Listen) == nil || s.Insecure {
		return nil
	}
	if s.CertFile == "" {
		return fmt.Errorf("address %q is refused: name a certificate in ZONEBENCH_BOARD_TLS_CERT_FILE and its key, "+
			"or set ZONEBENCH_BOARD_INSECURE=true where something in front of the board has TLS", s.Listen)
	}
	if s.Services.CAFile == "" && slices.ContainsFunc(s.addresses(), func(to service) bool { return auth.CheckAddress(to.address) == nil }) {
		return fmt.Errorf("address %q is refused: a service on this machine's loopback takes every call of the board for its operator's; "+
			"give the services an access file and TLS, and name their authority in ZONEBENCH_BOARD_SERVICES_TLS_CA_FILE", s.Listen)
	}
	return nil
}

func (s settings) listen(ctx context.Context, log *slog.Logger, now func() time.Time) (net.Listener, error) {
	var certificates *tls.Config
	if s.CertFile != "" || s.KeyFile != "" {
		files, err := tlsfiles.Open(tlsfiles.Files{Cert: s.CertFile, Key: s.KeyFile}, now, log)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the file
		}
		if certificates, err = files.Server(false); err != nil {
			return nil, err //nolint:wrapcheck // it names the file
		}
	}
	if s.Insecure {
		log.WarnContext(ctx, "INSECURE: any address is served, whoever reaches it may call the services", slog.Bool("insecure", true))
	}
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.Listen, err)
	}
	if certificates != nil {
		lis = tls.NewListener(lis, certificates)
	}
	return lis, nil
}

func (s settings) credentials(log *slog.Logger, now func() time.Time) (credentials.TransportCredentials, error) {
	if s.Services.CAFile == "" && s.Services.CertFile == "" {
		return insecure.NewCredentials(), nil
	}
	files, err := tlsfiles.Open(tlsfiles.Files{Cert: s.Services.CertFile, Key: s.Services.KeyFile, CA: s.Services.CAFile}, now, log)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	return files.Credentials(), nil
}

// dial connects to all the addresses behind a name and uses them in turns.
func dial(address string, creds credentials.TransportCredentials, traced grpc.DialOption) (*grpc.ClientConn, error) {
	if !strings.Contains(address, ":///") {
		address = "dns:///" + address
	}
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(creds), traced,
		// A replica that starts or stops says so, and is passed over.
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`),
		// A machine that is lost closes no connection; what it does not acknowledge for so long is given up.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 3 * time.Second, PermitWithoutStream: true}),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return conn, nil
}
