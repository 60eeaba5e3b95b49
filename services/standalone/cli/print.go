package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	"zonebench.internal/services/standalone/table"
)

// message prints an answer as JSON, with the names of the contract.
func (a *app) message(m proto.Message) error {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	// protojson varies its spaces on purpose; programs and people compare output.
	var compact, out bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	fmt.Fprintln(a.Out, out.String())
	return nil
}

// messages prints several answers as one JSON object.
func (a *app) messages(byKey map[string]proto.Message) error {
	out := make(map[string]json.RawMessage, len(byKey))
	for key, m := range byKey {
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return fmt.Errorf("print the answer: %w", err)
		}
		out[key] = raw
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	fmt.Fprintln(a.Out, string(text))
	return nil
}

// width is how many cells a line has: as wide as the terminal; as COLUMNS says
// when the output goes elsewhere; else without a limit.
func (a *app) width() int {
	if f, ok := a.Out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	for _, v := range a.Environ {
		if text, ok := strings.CutPrefix(v, "COLUMNS="); ok {
			if w, err := strconv.Atoi(text); err == nil {
				return w
			}
		}
	}
	return 0
}

func (a *app) table(t *table.Table) { t.Write(a.Out, a.width()) }

// linef prints a paragraph, wrapped to the terminal.
func (a *app) linef(format string, args ...any) {
	for _, l := range table.Wrap(fmt.Sprintf(format, args...), a.width()) {
		fmt.Fprintln(a.Out, l)
	}
}

// say picks the language of a sentence of the command line.
func (a *app) say(zh, en string) string {
	if a.lang == "en" {
		return en
	}
	return zh
}

// text picks the language of a text from the server.
func (a *app) text(l *typev1.Localized) string {
	if a.lang == "en" && l.GetEn() != "" {
		return l.GetEn()
	}
	return l.GetZh()
}

// word is the last part of an enum value's name in lower case: `expected` of
// AMBITION_EXPECTED. Empty for the unspecified value.
func word(e protoreflect.Enum) string {
	d := e.Descriptor()
	v := d.Values().ByNumber(e.Number())
	if v == nil || e.Number() == 0 {
		return ""
	}
	unspecified := string(d.Values().ByNumber(0).Name())
	prefix := strings.TrimSuffix(unspecified, "UNSPECIFIED")
	return strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))
}

// comparator is how a bound is written before its number; `=` is not written.
func comparator(c typev1.Comparator) string {
	switch c {
	case typev1.Comparator_COMPARATOR_AT_LEAST:
		return ">="
	case typev1.Comparator_COMPARATOR_MORE_THAN:
		return ">"
	case typev1.Comparator_COMPARATOR_AT_MOST:
		return "<="
	case typev1.Comparator_COMPARATOR_LESS_THAN:
		return "<"
	case typev1.Comparator_COMPARATOR_ABOUT:
		return "~"
	case typev1.Comparator_COMPARATOR_EQUAL:
		return "="
	default:
		return ""
	}
}

// bounded writes a number with its bound.
func bounded(c typev1.Comparator, number string) string {
	if number == "" || c == typev1.Comparator_COMPARATOR_EQUAL {
		return number
	}
	return comparator(c) + number
}
