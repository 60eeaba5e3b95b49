// Package auth knows who calls and what the caller may do. An interceptor proves
// the caller's identity and puts a Caller into the context; handlers, views and
// the ledger only ask for it.
//
// A subject id is opaque: names of people live outside the ledger.
package auth

import (
	"context"
	"slices"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// LocalOperator is the subject of every call in standalone mode, where only
// this machine's loopback can call.
const LocalOperator = "local:operator"

// Role is what somebody may do. Each says what it is for; table.go says which
// methods it opens.
type Role string

// The roles.
const (
	Viewer    Role = "viewer"    // sees what is released
	Reporter  Role = "reporter"  // and reports for its own zones, which it sees whole
	Reviewer  Role = "reviewer"  // sees everything, checks statements, defines what is measured
	Publisher Role = "publisher" // and makes rankings and releases
	Admin     Role = "admin"     // and everything else, the audit too
	Service   Role = "service"   // an internal system: sees everything, changes nothing
)

// Roles lists them all, the weakest first.
func Roles() []Role { return []Role{Viewer, Reporter, Reviewer, Publisher, Admin, Service} }

// Caller is who calls, proved, and what they may do.
type Caller struct {
	// Subject is the opaque id of the caller: what the ledger calls the actor.
	Subject string
	// Roles that the caller has. None: every call is refused.
	Roles []Role
	// Zones are the resource names of the zones that a reporter speaks for, such
	// as zones/jinhua-etdz. Other roles need none.
	Zones []string
}

// Operator is the caller in standalone mode: whoever reaches this machine's
// loopback owns the data directory anyway.
func Operator() Caller { return Caller{Subject: LocalOperator, Roles: []Role{Admin}} }

// Is says whether the caller has one of the roles.
func (c Caller) Is(roles ...Role) bool {
	return slices.ContainsFunc(c.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// SeesAll says whether the caller sees every stage of every zone.
func (c Caller) SeesAll() bool { return c.Is(Reviewer, Publisher, Admin, Service) }

// SpeaksFor says whether the caller may write what a subject (a zone or a
// reference unit, by resource name) reports.
func (c Caller) SpeaksFor(subject string) bool {
	return c.Is(Reviewer, Publisher, Admin) || c.Is(Reporter) && slices.Contains(c.Zones, subject)
}

// Sees says whether the caller sees what a subject has not released yet.
func (c Caller) Sees(subject string) bool {
	return c.SeesAll() || c.Is(Reporter) && slices.Contains(c.Zones, subject)
}

// Gives says whether the caller may give a statement a stage, and so whether it
// may take out one that has it: what a reviewer approved or a publisher
// released is not undone from below.
func (c Caller) Gives(stage typev1.Stage) bool {
	switch stage {
	case typev1.Stage_STAGE_UNSPECIFIED, typev1.Stage_STAGE_DRAFT, typev1.Stage_STAGE_SUBMITTED:
		return c.Is(Reporter, Reviewer, Publisher, Admin)
	case typev1.Stage_STAGE_APPROVED:
		return c.Is(Reviewer, Publisher, Admin)
	case typev1.Stage_STAGE_RELEASED:
		return c.Is(Publisher, Admin)
	default:
		return false
	}
}

type callerKey struct{}

// With puts the proved caller into the context.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is the proved caller, without subject and roles when nobody proved one.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Actor is the proved subject id of the caller, empty when nobody proved one.
func Actor(ctx context.Context) string { return From(ctx).Subject }
