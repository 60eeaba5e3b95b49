package tabular

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/nearest"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// FormError says why a cell does not have the form of its column, and how to mend it.
type FormError struct {
	Message, Remedy string
}

// Error gives both halves.
func (e *FormError) Error() string { return e.Message + ": " + e.Remedy }

func formErrorf(remedy, format string, args ...any) *FormError {
	return &FormError{Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

var (
	decimal      = regexp.MustCompile(`^-?[0-9]{1,30}([.][0-9]{1,20})?$`)
	thousands    = regexp.MustCompile(`^-?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?$`)
	decimalComma = regexp.MustCompile(`^-?[0-9]+,[0-9]+$`)
	spaced       = regexp.MustCompile(`^-?[0-9]{1,3}([ '\x{00A0}\x{2009}\x{202F}][0-9]{3})+([.][0-9]+)?$`)
	exponent     = regexp.MustCompile(`^-?[0-9]+([.][0-9]+)?[eE][+-]?[0-9]+$`)
	withUnit     = regexp.MustCompile(`^(-?[0-9]+(?:[.][0-9]+)?)\s*(\D.*)$`)
)

// CheckNumber says why a cell is not an exact decimal, nil when it is one.
func CheckNumber(cell string) *FormError {
	if decimal.MatchString(cell) {
		return nil
	}
	if narrow := narrowed(cell); narrow != cell {
		return formErrorf(fmt.Sprintf("write it with half-width characters: %s", narrow), "the number has full-width characters")
	}
	switch {
	// A group of three behind one comma is both a thousand and a decimal fraction: say so and let the author decide.
	case thousands.MatchString(cell) && strings.Count(cell, ",") == 1 && !strings.Contains(cell, "."):
		return formErrorf(
			fmt.Sprintf("write %s or %s, whichever is meant", strings.ReplaceAll(cell, ",", ""), strings.Replace(cell, ",", ".", 1)),
			"the comma may separate thousands or decimals")
	case thousands.MatchString(cell):
		return formErrorf(fmt.Sprintf("write %s", strings.ReplaceAll(cell, ",", "")), "the number has thousands separators")
	case decimalComma.MatchString(cell):
		return formErrorf(fmt.Sprintf("write %s", strings.Replace(cell, ",", ".", 1)), "the number has a decimal comma")
	case spaced.MatchString(cell):
		return formErrorf("write it without separators", "the number has thousands separators")
	case exponent.MatchString(cell):
		return formErrorf("write all digits; format the column as a number before saving", "the number is in scientific notation and may have lost digits")
	case strings.HasPrefix(cell, "+") && decimal.MatchString(cell[1:]):
		return formErrorf(fmt.Sprintf("write %s", cell[1:]), "the number has a plus sign")
	case slices.Contains(noNumber, strings.ToLower(cell)):
		return formErrorf("leave the cell empty: missing is not zero, and it is not a text", "%q stands for no number", cell)
	case strings.Contains(cell, "#"):
		return formErrorf("correct the formula in the spreadsheet", "a spreadsheet error instead of a number")
	}
	if m := withUnit.FindStringSubmatch(cell); m != nil && !strings.ContainsAny(m[2], ".,0123456789") {
		return formErrorf(fmt.Sprintf("write %s here and %s in the column of the unit", m[1], m[2]), "the number is followed by %q", m[2])
	}
	return formErrorf("write an exact decimal such as 12, -0.5 or 2.70: at most 30 digits before the point and 20 behind it", "not a number")
}

var noNumber = []string{"-", "--", "—", "——", "n/a", "na", "null", "none", "无", "…", "/"}

// narrowed replaces full-width characters of a number by their half-width ones.
func narrowed(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '−', r == '–':
			return '-'
		case r == '。', r == '．':
			return '.'
		default:
			return r
		}
	}, s)
}

var (
	isoDate   = regexp.MustCompile(`^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?$`)
	otherDate = regexp.MustCompile(`^([0-9]{4})[-/.年]([0-9]{1,2})(?:[-/.月]([0-9]{1,2})?日?)?$`)
)

// ParseDate reads a civil date: 2020, 2020-05 or 2020-05-07.
func ParseDate(cell string) (*typev1.Date, *FormError) {
	m := isoDate.FindStringSubmatch(cell)
	if m == nil {
		const remedy = "write 2020, 2020-05 or 2020-05-07"
		narrow := narrowed(cell)
		if o := otherDate.FindStringSubmatch(narrow); o != nil {
			parts := []string{o[1]}
			for _, p := range o[2:] {
				if p != "" {
					parts = append(parts, fmt.Sprintf("%02s", p))
				}
			}
			return nil, formErrorf("write "+strings.Join(parts, "-"), "the date is not in the order and punctuation of ISO 8601")
		}
		if narrow != cell {
			return nil, formErrorf(remedy+" with half-width characters", "the date has full-width characters")
		}
		return nil, formErrorf(remedy, "not a date")
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2])
	day, _ := strconv.Atoi(m[3])
	switch {
	case year == 0:
		return nil, formErrorf("write a year from 0001 to 9999", "there is no year 0000")
	case m[2] != "" && (month < 1 || month > 12):
		return nil, formErrorf("write a month from 01 to 12", "there is no month %s", m[2])
	case m[3] != "" && (day < 1 || day > daysIn(year, month)):
		return nil, formErrorf(fmt.Sprintf("that month has days 01 to %d", daysIn(year, month)), "there is no day %s", cell)
	}
	return &typev1.Date{Year: int32(year), Month: int32(month), Day: int32(day)}, nil
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// ParseBoolean reads true or false.
func ParseBoolean(cell string) (bool, *FormError) {
	switch strings.ToLower(cell) { // Spreadsheets shout.
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	default:
		return false, formErrorf("write true or false", "neither true nor false")
	}
}

// ParseEnum reads a value of an enum by the part of its name that is its own,
// in lower case with `_` or `-`: `above_scale`. Empty is the unspecified value.
func ParseEnum[E interface {
	~int32
	protoreflect.Enum
}](cell string) (E, *FormError) {
	var zero E
	if cell == "" {
		return zero, nil
	}
	values := zero.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
	word := strings.ReplaceAll(strings.ToLower(cell), "-", "_")
	known := make([]string, 0, values.Len())
	for i := range values.Len() {
		v := values.Get(i)
		if v.Number() == 0 {
			continue
		}
		own := strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))
		if own == word {
			return E(v.Number()), nil
		}
		known = append(known, own)
	}
	remedy := "write one of " + strings.Join(known, ", ")
	if near := nearest.Word(word, known); near != "" {
		remedy = fmt.Sprintf("did you mean %q? Known are %s", near, strings.Join(known, ", "))
	}
	return zero, formErrorf(remedy, "not a value of this column")
}

// SplitList splits the entries of one cell, which are separated by semicolons; empty ones are dropped.
func SplitList(cell string) []string {
	var out []string
	for entry := range strings.SplitSeq(cell, ";") {
		if entry = trim(entry); entry != "" {
			out = append(out, entry)
		}
	}
	return out
}
