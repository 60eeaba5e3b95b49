package standing

import (
	"strings"
	"testing"
	"unicode"

	"zonebench.internal/pkg/composite"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Whatever the engine leaves out is said in both languages: no English sentence
// stands in a Chinese one, and a new cause cannot come without words.
func TestEveryAbsenceIsSaidInBothLanguages(t *testing.T) {
	name := func(string) *typev1.Localized { return text("营业收入", "revenue") }
	said := make(map[string]composite.AbsenceCause)
	for cause := composite.LeftOutByName; !strings.HasPrefix(composite.Absence{Cause: cause}.String(), "AbsenceCause("); cause++ {
		words := absent(composite.Absence{Cause: cause, Have: 3, Of: 12, Column: "r", Value: 4.5, Limit: 0.5}, name)
		zh, en := words.GetZh(), words.GetEn()
		if !strings.ContainsFunc(zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) ||
			strings.ContainsFunc(zh, func(r rune) bool { return r < unicode.MaxASCII && unicode.IsLetter(r) }) {
			t.Errorf("cause %d in Chinese: %q", cause, zh)
		}
		if en == "" || strings.ContainsFunc(en, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("cause %d in English: %q", cause, en)
		}
		if other, twice := said[zh]; twice {
			t.Errorf("causes %d and %d say the same: %q", cause, other, zh)
		}
		said[zh] = cause
	}
	if len(said) != int(composite.PlacelessClass) {
		t.Errorf("%d causes have words, want %d", len(said), composite.PlacelessClass)
	}
}
