package test

import (
	"context"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"zonebench.internal/services/standalone/cli"
	"zonebench.internal/test/harness"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zonebench": zonebench})
}

// zonebench is the command's main, run by scripts as a process of its own.
func zonebench() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: "v0.0.0-test", Now: time.Now,
	})
	stop()
	os.Exit(code)
}

// TestScripts runs the command line as people do: flags, exit codes and what
// the errors say. Each script is one sitting; see testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// A free port for the script's own server.
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("ADDR", lis.Addr().String())
			env.Setenv("ZONEBENCH_ADDRESS", lis.Addr().String())
			return lis.Close()
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serving": serving,
			"status":  exitStatus,
		},
	})
}

// serving waits until the server at ZONEBENCH_ADDRESS says that it serves.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: serving")
	}
	conn, err := grpc.NewClient(ts.Getenv("ZONEBENCH_ADDRESS"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	ts.Check(err)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	for {
		resp, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err == nil && resp.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return
		}
		ts.Check(ctx.Err())
	}
}

// exitStatus runs a command that must end with a code: status 2 zonebench ...
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status code command args...")
	}
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = err.Error()
	}
	if got != want && got != "exit status "+want {
		ts.Fatalf("%s ended with %s, want %s", args[1], got, want)
	}
}
