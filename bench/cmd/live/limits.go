package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"zonebench.internal/pkg/composite"
)

// limits prints what the parts of the way take when nothing else is done: no
// design is faster than these.
func limits(ctx context.Context, w io.Writer, o options, dir string, server *process, conn *grpc.ClientConn) error {
	fmt.Fprintln(w, "what the parts take alone:")
	if err := measure(w, "a write of 4 KiB, synced", 300, synced(dir)); err != nil {
		return err
	}
	health := healthv1.NewHealthClient(conn)
	if err := measure(w, "a call of gRPC (health)", 2000, func(int) error {
		_, err := health.Check(ctx, &healthv1.HealthCheckRequest{})
		return err
	}); err != nil {
		return err
	}
	change, anew, err := engine(o)
	if err != nil {
		return err
	}
	if err := measure(w, "the engine, one figure changed", 500, change); err != nil {
		return err
	}
	if err := measure(w, "the engine, everything anew", 500, anew); err != nil {
		return err
	}
	if server == nil {
		return nil
	}
	socket := filepath.Join(dir, "redis")
	client := redis.NewClient(&redis.Options{Addr: socket, Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}, DisableIdentity: true})
	defer func() { _ = client.Close() }()
	page := strings.Repeat("x", 16<<10)
	if err := measure(w, "a page of 16 KiB into Redis", 2000, func(int) error { return client.Set(ctx, "page", page, 0).Err() }); err != nil {
		return err
	}
	return measure(w, "and out of it", 2000, func(int) error { return client.Get(ctx, "page").Err() })
}

func measure(w io.Writer, name string, times int, do func(i int) error) error {
	all := make([]time.Duration, times)
	for i := range all {
		began := time.Now()
		if err := do(i); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all[i] = time.Since(began)
	}
	spread(w, name, all)
	return nil
}

// synced appends to a file and waits for the disk.
func synced(dir string) func(int) error {
	block := make([]byte, 4<<10)
	return func(i int) error {
		f, err := os.OpenFile(filepath.Join(dir, "synced"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // Sync has told.
		if _, err := f.WriteAt(block, int64(i)*int64(len(block))); err != nil {
			return err
		}
		return f.Sync()
	}
}

// engine is a case of the same size as the ranking.
func engine(o options) (change, anew func(int) error, err error) {
	rng := rand.New(rand.NewPCG(1, 1))
	var nodes []composite.Node
	data := &composite.Data{}
	for u := range o.zones {
		data.Units = append(data.Units, composite.Unit{Code: fmt.Sprint("u", u)})
	}
	for i := range o.indicators {
		code := fmt.Sprint("i", i)
		nodes = append(nodes, composite.Node{Code: code, Parent: "index", Weight: 1 + float64(i%5)})
		column := composite.Column{Code: code, Values: make([]float64, o.zones)}
		for u := range column.Values {
			column.Values[u] = 100 * rng.Float64()
		}
		data.Columns = append(data.Columns, column)
	}
	tree, err := composite.NewTree(append(nodes, composite.Node{Code: "index", Weight: 1}))
	if err != nil {
		return nil, nil, fmt.Errorf("the engine's case: %w", err)
	}
	recipe, err := composite.ParseRecipe([]byte(`{"normalise": {"method": "minmax"}}`))
	if err != nil {
		return nil, nil, fmt.Errorf("the engine's case: %w", err)
	}
	index, err := composite.Compile(recipe, tree, data, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("the engine's case: %w", err)
	}
	workspace, err := index.NewWorkspace()
	if err != nil {
		return nil, nil, fmt.Errorf("the engine's case: %w", err)
	}
	change = func(i int) error { return index.SetCell(workspace, i%o.zones, i%o.indicators, 100*rng.Float64()) }
	return change, func(int) error { return index.Recompute(workspace) }, nil
}
