// Package cli is the zonebench command line: what a person types to run a
// whole installation on one machine and to talk to one that runs.
//
// Commands that serve (serve, demo) start package standalone. All others speak
// gRPC to a running server, except those on a directory (verify, archive,
// restore), which need its lock.
package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/config"
	"zonebench.internal/pkg/natsconn"
	"zonebench.internal/services/standalone/index"
)

// Exit codes of every command.
const (
	exitOK          = 0
	exitRefused     = 1 // the request was refused or failed
	exitUsage       = 2 // the command line or a setting is wrong
	exitUnavailable = 3 // no server answered in time
	exitDamaged     = 4 // the ledger is damaged
)

const defaultAddress = "127.0.0.1:7800"

// Where the board is, and what stands for any free port.
const (
	defaultBoard = "127.0.0.1:7880"
	anyPort      = "127.0.0.1:0"
)

// Process is what the command line needs to know of the process it runs in.
type Process struct {
	Name    string   // by which it was called, for examples of further calls
	Args    []string // without the program's name
	Environ []string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Version string
	Now     func() time.Time
}

// app is one run of the command line.
type app struct {
	Process

	env struct {
		Address string `env:"ADDRESS"`
		Lang    string `env:"LANG"`
		Data    string `env:"DATA"`
		// Of serve, and the same as those of the services that run as processes of their own.
		Entrance auth.Entrance
		// Of the verbs that speak to NATS, and the same again.
		NATS natsconn.Config `envPrefix:"NATS_"`
	}
	address string
	secured secured
	lang    string
	json    bool
	timeout time.Duration
}

// Main runs a command line and returns its exit code.
func Main(ctx context.Context, p Process) int {
	a := &app{Process: p}
	// Settings of services that run as processes of their own share the environment.
	others := []string{
		"NATS_MONITOR_", "REDIS_", "HOST_", "LOG_", "METRICS_", "LISTEN", "LEDGER_", "LEASE_", "PROBES_", "PPROF_",
		"ZONE_", "INDICATOR_", "RANKING_", "BOARD_",
	}
	if err := config.Load(p.Environ, others, config.Part{Into: &a.env}); err != nil {
		return a.report(usage(err))
	}
	root := a.root() //nolint:contextcheck // commands take the context of ExecuteContext
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.report(err)
	}
	return exitOK
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "zonebench",
		Short: "Compare development zones honestly: who stands where, by which source, and what may not be compared",
		Long: `zonebench keeps what development zones (开发区) published, with every source,
scope and revision, and says what of it may be compared and in what order.

First steps:
  zonebench demo                     load the five published work plans and show what they allow
  zonebench serve                    run an installation on this machine
  zonebench zones resolve 金开       ask what a name means
  zonebench compare --period 2020    compare everyone on everything

Environment:
  ZONEBENCH_ADDRESS   server to talk to, ` + defaultAddress + ` by default
  ZONEBENCH_DATA      directory that serve keeps its ledger in
  ZONEBENCH_LANG      zh (default) or en: language of names and reasons in tables

Exit codes:
  0  done
  1  refused or failed; the message says why and what to do
  2  wrong usage
  3  no server answered in time
  4  the ledger is damaged`,
		Args:          a.commands,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          help,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVar(&a.address, "address", or(a.env.Address, defaultAddress), "server to talk to")
	a.secured.flags(flags)
	flags.StringVar(&a.lang, "lang", or(a.env.Lang, "zh"), "language of names and reasons in tables: zh or en")
	flags.BoolVar(&a.json, "json", false, "print JSON instead of tables")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.lang != "zh" && a.lang != "en" {
			return usage(errors.New("--lang " + a.lang + ": use zh or en"))
		}
		return nil
	}
	root.AddCommand(
		a.demo(), a.serve(), a.importTable(), a.simulate(),
		a.zones(), a.compare(), a.targets(), a.completion(), a.history(), a.series(), a.places(),
		a.schemes(), a.rankings(), a.ranking(), a.watch(), a.profile(), a.weights(), a.versions(), a.diff(), a.release(), index.Command(),
		a.events(), a.systemStatus(), a.audit(), a.verify(), a.archive(), a.restore(), a.version(),
	)
	return root
}

// commands is the rule for a command that only has others below it.
func (a *app) commands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := "unknown command " + args[0] + " of " + cmd.CommandPath()
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += ": did you mean " + strings.Join(near, " or ") + "?"
	} else {
		message += ": " + cmd.CommandPath() + " --help lists them"
	}
	return usage(errors.New(message))
}

// exactly wants its arguments named in the error.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(errors.New(names[len(args)] + " is missing: " + cmd.UseLine()))
		case len(args) > len(names):
			return usage(errors.New("too many arguments from " + args[len(names)] + " on: " + cmd.UseLine()))
		default:
			return nil
		}
	}
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
