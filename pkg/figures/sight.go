package figures

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"zonebench.internal/pkg/auth"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// sight is what a view shows to whom.
type sight struct {
	caller auth.Caller
	now    time.Time
}

// For is the view as a caller sees it: statements that are released, and of the
// caller's own zones those of every stage. What is not seen is not there: it
// makes no figure, no count and no change in a history. A statement whose time
// of release comes after now is not released yet; now is the ledger's time of
// the revision that is read.
//
// Who sees everything gets the view as it is.
func (v View) For(caller auth.Caller, now time.Time) View {
	if caller.SeesAll() {
		v.sight = nil
		return v
	}
	v.sight = &sight{caller: caller, now: now}
	return v
}

// sees says whether the view shows a statement.
func (v View) sees(r *record) bool {
	return v.sight == nil || v.owns(r.key) || typev1.Stage(r.stage) == typev1.Stage_STAGE_RELEASED && v.sight.released(r)
}

// owns says whether the view shows every stage under a key.
func (v View) owns(key string) bool {
	if v.sight == nil {
		return true
	}
	subject, _, _ := strings.Cut(key, " ")
	return v.sight.caller.Sees(subject)
}

// released says whether the time of release of a released statement has come.
func (s *sight) released(r *record) bool {
	if !r.embargoed {
		return true
	}
	m := &indicatorv1.Statement{}
	_ = proto.Unmarshal([]byte(r.rest), m) // State.record encoded it, so it decodes.
	return !m.GetReleaseTime().AsTime().After(s.now)
}
