// Package authtest lets tests call a service as anybody.
package authtest

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc/metadata"

	"zonebench.internal/pkg/auth"
)

const key = "test-caller"

// As makes the calls of a context those of a caller, at a server with Identify.
func As(ctx context.Context, c auth.Caller) context.Context {
	encoded, _ := json.Marshal(c) // It is made of texts.
	return metadata.AppendToOutgoingContext(ctx, key, string(encoded))
}

// Caller with one role, and zones if it is a reporter.
func Caller(role auth.Role, zones ...string) auth.Caller {
	return auth.Caller{Subject: "test:" + string(role), Roles: []auth.Role{role}, Zones: zones}
}

// Identify believes who a call says that it is from, and takes the others as
// auth.Loopback does.
func Identify(ctx context.Context) (auth.Caller, error) {
	said := metadata.ValueFromIncomingContext(ctx, key)
	if len(said) == 0 {
		return auth.Loopback(ctx)
	}
	var c auth.Caller
	if err := json.Unmarshal([]byte(said[0]), &c); err != nil {
		return auth.Caller{}, err
	}
	return c, nil
}
