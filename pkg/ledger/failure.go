package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// halted tells a caller that the ledger stopped, and where.
func halted(reason error) *fault.Fault {
	f := fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_LEDGER_HALTED,
		"the ledger halted and answers nothing from behind the damage: %v; run zonebench verify", reason).Wrap(reason)
	if d, ok := errors.AsType[*DamageError](reason); ok {
		f = f.With("first_revision", strconv.FormatInt(d.First, 10)).With("last_revision", strconv.FormatInt(d.Last, 10))
	}
	return f
}

func unavailable(cause error) *fault.Fault {
	return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		"the ledger cannot be reached: try again").Wrap(cause)
}

// undecided tells a caller whose time ended in the queue that nothing happened.
func undecided(ctx context.Context) *fault.Fault {
	code := codes.DeadlineExceeded
	if errors.Is(ctx.Err(), context.Canceled) {
		code = codes.Canceled
	}
	return fault.New(code, typev1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		"the call ended before the write was decided: nothing was written").Wrap(ctx.Err())
}

func outcomeUnknown(cause error) *fault.Fault {
	return fault.New(codes.Unavailable, typev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		"it is not known yet whether this was written: send it again with the same request_id").Wrap(cause)
}

func requestIDReused(id string) *fault.Fault {
	return fault.New(codes.AlreadyExists, typev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
		"request_id %s was used with another request: make a new one", id).With("request_id", id)
}

func tooLarge(size int) *fault.Fault {
	return fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_TOO_LARGE,
		"this would write %d bytes and a commit holds %d: send it in parts", size, MaxCommitBytes-envelopeRoom)
}

func diskFull(free float64, cause error) *fault.Fault {
	if cause != nil {
		return unavailable(fmt.Errorf("free space: %w", cause))
	}
	return fault.New(codes.ResourceExhausted, typev1.ErrorReason_ERROR_REASON_LEDGER_DISK_FULL,
		"%.1f %% of the ledger's disk are free: writes stop below %.0f %%; make room", 100*free, 100*minFree)
}
