// Package fault makes the errors that callers see: a gRPC code, a reason from
// zonebench.type.v1.ErrorReason, a sentence that says what is wrong, where, and
// how to mend it, and the chain behind it for operators only.
//
// A fault is an ordinary error: wrap it, test it with errors.As or Is. It
// implements GRPCStatus, so a handler returns it as it is; what is wrapped
// inside with Wrap never crosses the wire.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Domain is the domain of every ErrorInfo that zonebench sends.
const Domain = "zonebench"

// Fault is an error with a meaning for the caller.
type Fault struct {
	code     codes.Code
	reason   typev1.ErrorReason
	message  string
	fields   []Field
	metadata map[string]string
	retry    time.Duration // 0: not said
	cause    error
}

// Field is one violated field of a request: its path and what to do about it.
type Field struct {
	Path    string // as in the proto: `statements[3].statement.unit`
	Message string // what is wrong and how to mend it
}

// New makes a fault. The message goes over the wire: write a sentence that
// names the thing and the remedy.
func New(code codes.Code, reason typev1.ErrorReason, format string, args ...any) *Fault {
	return &Fault{code: code, reason: reason, message: fmt.Sprintf(format, args...)}
}

// InvalidField refuses one field of a request.
func InvalidField(path, format string, args ...any) *Fault {
	return InvalidFields(Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

// InvalidFields refuses several fields of a request at once.
func InvalidFields(fields ...Field) *Fault {
	f := New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_FIELD, "invalid request")
	if len(fields) > 0 {
		f.message = fields[0].Path + ": " + fields[0].Message
	}
	if more := len(fields) - 1; more > 0 {
		f.message += fmt.Sprintf(" (and %d more)", more)
	}
	f.fields = fields
	return f
}

// NotFound says that a resource does not exist at the revision that was read.
func NotFound(name string) *Fault {
	return New(codes.NotFound, typev1.ErrorReason_ERROR_REASON_RESOURCE_NOT_FOUND, "%s does not exist", name).
		With("resource", name)
}

// Exists says that a resource id is taken.
func Exists(name string) *Fault {
	return New(codes.AlreadyExists, typev1.ErrorReason_ERROR_REASON_RESOURCE_EXISTS,
		"%s exists already: update it or choose another id", name).With("resource", name)
}

// ReferenceNotFound says that a field names a resource that does not exist.
func ReferenceNotFound(path, name string) *Fault {
	f := New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_REFERENCE_NOT_FOUND,
		"%s: %s does not exist: create it first or correct the name", path, name).With("resource", name)
	f.fields = []Field{{Path: path, Message: name + " does not exist"}}
	return f
}

// EtagMismatch says that a resource has changed since the caller read it.
func EtagMismatch(name, present string) *Fault {
	return New(codes.Aborted, typev1.ErrorReason_ERROR_REASON_ETAG_MISMATCH,
		"%s has changed: read it again (its etag is now %s) and repeat the change", name, present).
		With("resource", name).With("etag", present)
}

// Bug is an error that should be impossible. The caller gets the id only.
func Bug(id string, cause error) *Fault {
	return New(codes.Internal, typev1.ErrorReason_ERROR_REASON_BUG,
		"internal error; quote %s when you report it", id).With("id", id).Wrap(cause)
}

// With adds a machine-readable detail to a copy of the fault.
func (f *Fault) With(key, value string) *Fault {
	c := *f
	c.metadata = maps.Clone(f.metadata)
	if c.metadata == nil {
		c.metadata = make(map[string]string, 1)
	}
	c.metadata[key] = value
	return &c
}

// RetryAfter tells the caller, in a copy of the fault, when to try again.
func (f *Fault) RetryAfter(d time.Duration) *Fault {
	c := *f
	c.retry = d
	return &c
}

// Wrap puts the cause behind a copy of the fault, for logs; it is not sent.
func (f *Fault) Wrap(cause error) *Fault {
	c := *f
	c.cause = cause
	return &c
}

// At prefixes the field paths of a copy of the fault, for a caller that handed
// over a part of its request.
func (f *Fault) At(prefix string) *Fault {
	c := *f
	c.fields = make([]Field, len(f.fields))
	for i, field := range f.fields {
		c.fields[i] = Field{Path: prefix + field.Path, Message: field.Message}
	}
	if len(c.fields) > 0 {
		c.message = prefix + f.message
	}
	return &c
}

// Error gives the message and, for operators, the cause behind it.
func (f *Fault) Error() string {
	if f.cause != nil {
		return f.message + ": " + f.cause.Error()
	}
	return f.message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Code is the gRPC code.
func (f *Fault) Code() codes.Code { return f.code }

// Reason is the machine-readable reason.
func (f *Fault) Reason() typev1.ErrorReason { return f.reason }

// Message is what the caller sees.
func (f *Fault) Message() string { return f.message }

// Fields are the violated fields, if the fault is about a request.
func (f *Fault) Fields() []Field { return f.fields }

// Metadata is the machine-readable detail beside the reason.
func (f *Fault) Metadata() map[string]string { return f.metadata }

// GRPCStatus makes the status that crosses the wire. Field violations that do
// not fit into a header frame (the first hundred are kept) are counted instead.
func (f *Fault) GRPCStatus() *status.Status {
	st := status.New(f.code, f.message)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{
		Reason:   f.reason.String()[len("ERROR_REASON_"):],
		Domain:   Domain,
		Metadata: f.metadata,
	}}
	if len(f.fields) > 0 {
		bad := &errdetails.BadRequest{}
		for i, field := range f.fields {
			if i == maxFields {
				break
			}
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field:       field.Path,
				Description: field.Message,
			})
		}
		details = append(details, bad)
	}
	if f.code == codes.Unavailable || f.retry > 0 {
		info := &errdetails.RetryInfo{}
		if f.retry > 0 {
			info.RetryDelay = durationpb.New(f.retry)
		}
		details = append(details, info)
	}
	with, err := st.WithDetails(details...)
	if err != nil { // Only for a code of OK, which New's callers never pass.
		return st
	}
	return with
}

const maxFields = 100

// ReasonOf finds the reason in an error of either side of the wire: a Fault in
// the chain, or a status with our ErrorInfo. Unspecified when there is none.
func ReasonOf(err error) typev1.ErrorReason {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.reason
	}
	if st, ok := status.FromError(err); ok {
		for _, d := range st.Details() {
			if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
				return typev1.ErrorReason(typev1.ErrorReason_value["ERROR_REASON_"+info.GetReason()])
			}
		}
	}
	return typev1.ErrorReason_ERROR_REASON_UNSPECIFIED
}
