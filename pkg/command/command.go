// Package command turns a request that writes into a command for the committer
// of a lane: who asks, under which request id, and a digest that tells a retry
// from another request under the same id.
package command

import (
	"context"
	"crypto/sha256"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/telemetry"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Request is a request that writes (AIP-155).
type Request interface {
	proto.Message
	GetRequestId() string
}

// New makes the command of a request. The method is its full gRPC name.
func New[S any](
	ctx context.Context, method string, req Request, decide func(S, ledger.Position) (ledger.Proposal, error),
) (ledger.Command[S], error) {
	actor := auth.Actor(ctx)
	if actor == "" {
		return ledger.Command[S]{}, fault.New(codes.Unauthenticated, typev1.ErrorReason_ERROR_REASON_NOT_AUTHENTICATED,
			"nobody proved who asks: writes need an identity")
	}
	hash, err := digest(method, req)
	if err != nil {
		return ledger.Command[S]{}, err
	}
	c := ledger.Command[S]{
		Method: method, Actor: actor, RequestID: req.GetRequestId(), RequestHash: hash,
		ValidateOnly: ValidateOnly(req), Decide: decide,
		Traceparent: telemetry.Traceparent(ctx),
	}
	return c, nil
}

// ValidateOnly says whether a request is to be checked and not carried out (AIP-163).
func ValidateOnly(req Request) bool {
	v, ok := req.(interface{ GetValidateOnly() bool })
	return ok && v.GetValidateOnly()
}

// digest is SHA-256 over the method and the request without its request id.
func digest(method string, req Request) ([]byte, error) {
	c := proto.Clone(req).ProtoReflect()
	if f := c.Descriptor().Fields().ByName("request_id"); f != nil {
		c.Clear(f)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.Interface())
	if err != nil {
		return nil, fmt.Errorf("digest of %s: %w", method, err)
	}
	sum := sha256.Sum256(append([]byte(method+"\n"), body...))
	return sum[:], nil
}
