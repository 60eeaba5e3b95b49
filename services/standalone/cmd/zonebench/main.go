// Command zonebench compares development zones: an installation on one machine
// and the command line that talks to it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"zonebench.internal/pkg/telemetry"
	"zonebench.internal/services/standalone/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Process{
		Name:    os.Args[0],
		Args:    os.Args[1:],
		Environ: os.Environ(),
		In:      os.Stdin,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Version: telemetry.ThisBuild().Version,
		Now:     time.Now,
	})
	stop()
	os.Exit(code)
}
