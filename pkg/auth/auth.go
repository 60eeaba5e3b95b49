// Package auth knows who calls. An interceptor proves the caller's identity and
// puts its subject id into the context; handlers and the ledger only ask for it.
//
// A subject id is opaque: names of people live outside the ledger.
package auth

import "context"

// LocalOperator is the subject of every call in standalone mode, where only
// this machine's loopback can call.
const LocalOperator = "local:operator"

type actorKey struct{}

// WithActor puts the proved subject id of the caller into the context.
func WithActor(ctx context.Context, subject string) context.Context {
	return context.WithValue(ctx, actorKey{}, subject)
}

// Actor is the proved subject id of the caller, empty when nobody proved one.
func Actor(ctx context.Context) string {
	subject, _ := ctx.Value(actorKey{}).(string)
	return subject
}
