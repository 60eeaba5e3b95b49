package indicator

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

const notPermitted = typev1.ErrorReason_ERROR_REASON_NOT_PERMITTED

func forbidden(path, remedy, format string, args ...any) flaw {
	return flaw{path: path, reason: notPermitted, message: fmt.Sprintf(format, args...), remedy: remedy}
}

// permitted says why a caller may not record a statement: it is about somebody
// that the caller does not speak for, or at a stage that the caller does not give.
func permitted(c auth.Caller, m *indicatorv1.Statement) []flaw {
	if subject := m.GetKey().GetSubject(); !c.SpeaksFor(subject) {
		return []flaw{forbidden("key.subject", "leave the statement out", "%s does not speak for %s", c.Subject, subject)}
	}
	if stage := m.GetStage(); !c.Gives(stage) {
		return []flaw{forbidden("stage", "record it at an earlier stage", "%s may not give statements the stage %s", c.Subject, stageName(stage))}
	}
	return nil
}

// mayTake says why a caller may not take a statement out of its figure.
func mayTake(c auth.Caller, path string, m *indicatorv1.Statement) []flaw {
	if subject := m.GetKey().GetSubject(); !c.SpeaksFor(subject) {
		return []flaw{forbidden(path, "leave it out", "%s does not speak for the subject of %s", c.Subject, m.GetName())}
	}
	if stage := m.GetStage(); !c.Gives(stage) {
		return []flaw{forbidden(path, "ask somebody who gives this stage",
			"%s is %s, and %s may not take out what others have brought that far", m.GetName(), stageName(stage), c.Subject)}
	}
	return nil
}

func stageName(s typev1.Stage) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "STAGE_"))
}

// edits says whether a caller keeps what is measured, and by what.
func edits(c auth.Caller) bool { return c.Is(auth.Reviewer, auth.Admin) }

// mayAdd says why a caller may not register a source: a source that a reporter
// makes is one of self-reported figures, or its word would go before that of others.
func mayAdd(c auth.Caller, m *indicatorv1.Source) []flaw {
	if c.Is(auth.Reviewer, auth.Publisher, auth.Admin) || m.GetReliability() == indicatorv1.Reliability_RELIABILITY_SELF_REPORTED {
		return nil
	}
	return []flaw{forbidden("reliability", "register it as self-reported", "%s may register sources of self-reported figures only", c.Subject)}
}

// mayImport says why a caller may not import a table. Who speaks for somebody
// may send statements and the sources that they rest on.
func mayImport(c auth.Caller, kind indicatorv1.FigureTable) error {
	switch kind {
	case indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS, indicatorv1.FigureTable_FIGURE_TABLE_SOURCES:
		return nil
	default:
		if edits(c) {
			return nil
		}
		return fault.New(codes.PermissionDenied, notPermitted, "%s may import tables of statements and sources only", c.Subject)
	}
}
