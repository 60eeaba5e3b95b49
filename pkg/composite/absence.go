package composite

import "fmt"

// AbsenceCause is why a row was left out, or why it has no place.
type AbsenceCause int

// Causes. The fields that an Absence fills are in brackets.
const (
	Present         AbsenceCause = iota // it is there, or has a place
	LeftOutByName                       // screen.drop
	TooFewKnown                         // screen.min_known (Have, Of, Limit)
	TooManyZeros                        // screen.min_nonzero (Have, Of, Limit)
	GateMissing                         // a gate asks for a value (Column)
	GateBelow                           // (Column, Value, Limit)
	GateAbove                           // (Column, Value, Limit)
	VetoPlace                           // the score stands, the place is lost
	VetoScore                           // the score is lost
	NoScore                             // nothing could be computed
	PlacelessByName                     // place.without
	PlacelessClass                      // place.without_classes (Column, Class)
)

// Absence says why a row was left out of an index, or has no place in it. The
// zero value says that it is there.
type Absence struct {
	Cause AbsenceCause
	// Indicators that are known, or not zero, out of how many.
	Have, Of int
	// Code of the column of a gate or of a grouping.
	Column string
	Class  string
	// What was held against which limit.
	Value, Limit float64
}

// String is a sentence without its full stop, "" for the zero value.
func (a Absence) String() string {
	switch a.Cause {
	case Present:
		return ""
	case LeftOutByName:
		return "left out by name (screen.drop)"
	case TooFewKnown:
		return fmt.Sprintf("%d of %d indicators known, a share of %.3g; the limit is %v", a.Have, a.Of, ratio(a.Have, a.Of), a.Limit)
	case TooManyZeros:
		return fmt.Sprintf("%d of %d known indicators are not zero, a share of %.3g; the limit is %v",
			a.Have, a.Of, ratio(a.Have, a.Of), a.Limit)
	case GateMissing:
		return fmt.Sprintf("gate on %s: the value is missing", a.Column)
	case GateBelow:
		return fmt.Sprintf("gate on %s: %v is below %v", a.Column, a.Value, a.Limit)
	case GateAbove:
		return fmt.Sprintf("gate on %s: %v is above %v", a.Column, a.Value, a.Limit)
	case VetoPlace:
		return "veto: the score stands without a place"
	case VetoScore:
		return "veto: no score"
	case NoScore:
		return "no score"
	case PlacelessByName:
		return "takes part without a place (place.without)"
	case PlacelessClass:
		return fmt.Sprintf("takes part without a place (%s is %s)", a.Column, a.Class)
	default:
		return fmt.Sprintf("AbsenceCause(%d)", a.Cause)
	}
}
