// Package service runs services: one in a process of its own, or all of them in
// one. A Host puts them behind one gRPC server, with everything around a handler
// that is the same everywhere: identity, rules of the contracts, errors, logs,
// metrics, health, reflection, limits, and stopping in order.
package service

import (
	"context"
	"errors"

	"google.golang.org/grpc"
)

// ErrStopping is the cause (context.Cause) why the context of a stream ended
// when the host stops. A handler that can be resumed says so then.
var ErrStopping = errors.New("the server is stopping")

// Service is one of our services, constructed and not yet running.
type Service interface {
	// Name is the name of the unit in logs and errors: zone, indicator, ranking.
	Name() string
	// Register adds the handlers. It must not block.
	Register(r grpc.ServiceRegistrar)
	// Run does what the service does besides answering calls until ctx is done,
	// and returns when every goroutine it started has ended. It returns early
	// with nil when there is nothing to do, and with an error when the process
	// cannot go on.
	Run(ctx context.Context) error
}

// Task is what services stand on and that runs as long as they do, such as the
// tail of the ledger: started before the services, stopped after them.
type Task struct {
	Name string
	// Run is as Service.Run.
	Run func(ctx context.Context) error
}
