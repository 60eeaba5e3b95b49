package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A failure ends a command with an exit code of its own.
type failure struct {
	code int
	err  error
	// told: everything was printed already.
	told bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(err error) error { return &failure{code: exitUsage, err: err} }

// within says what was being done when the server refused, and keeps what it said.
func within(doing string, err error) error {
	st := status.Convert(err).Proto()
	st.Message = doing + ": " + st.GetMessage()
	return status.FromProto(st).Err()
}

// report prints why a command ended, to people or as JSON, and returns the exit code.
func (a *app) report(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		if !f.told {
			a.print(problem{Message: f.err.Error()})
			if f.code == exitUsage {
				fmt.Fprintln(a.Err, "Run zonebench --help, or --help behind any command.")
			}
		}
		return f.code
	}
	st, ok := status.FromError(err)
	if !ok && strings.HasPrefix(err.Error(), "required flag(s)") { // Cobra's own, without a type.
		return a.report(usage(err))
	}
	if !ok {
		a.print(problem{Message: err.Error()})
		return exitRefused
	}
	p := read(st)
	code := exitRefused
	switch st.Code() {
	case codes.Unavailable:
		code = exitUnavailable
		if p.Reason == "" { // Not an answer of ours: nobody is there.
			p.Message = "no zonebench server answers at " + a.address +
				": start one with `zonebench serve`, or name another with --address"
		}
	case codes.DeadlineExceeded:
		code = exitUnavailable
		if p.Reason == "" {
			p.Message = fmt.Sprintf("no answer from %s within %v: try again or give it longer with --timeout", a.address, a.timeout)
		}
	case codes.Unimplemented:
		p.Message = "the server at " + a.address + " does not know this call: is it zonebench, of this version? (" + st.Message() + ")"
	default:
	}
	a.print(p)
	return code
}

// problem is an error as people and programs read it.
type problem struct {
	Code     string            `json:"code,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Message  string            `json:"message"`
	Fields   []field           `json:"fields,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func read(st *status.Status) problem {
	p := problem{Code: st.Code().String(), Message: st.Message()}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			p.Reason, p.Metadata = d.GetReason(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				p.Fields = append(p.Fields, field{Field: v.GetField(), Message: v.GetDescription()})
			}
		}
	}
	return p
}

func (a *app) print(p problem) {
	if a.json {
		out, err := json.Marshal(map[string]problem{"error": p})
		if err == nil {
			fmt.Fprintln(a.Err, string(out))
			return
		}
	}
	fmt.Fprintf(a.Err, "zonebench: %s\n", p.Message)
	if len(p.Fields) > 1 { // The first one is in the message.
		for _, f := range p.Fields {
			fmt.Fprintf(a.Err, "  %s: %s\n", f.Field, f.Message)
		}
	}
	if c := p.Metadata["candidates"]; c != "" {
		for _, name := range strings.FieldsFunc(c, func(r rune) bool { return slices.Contains([]rune{',', ';', ' '}, r) }) {
			fmt.Fprintf(a.Err, "  %s\n", name)
		}
	}
}
