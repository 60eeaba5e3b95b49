package figures

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"strconv"
	"strings"

	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// KeyText is a key as one string. Equal keys have equal texts, and the order of
// the texts is the order of figures: subject, indicator, period, kind,
// ambition, class, extent. The period must be canonical.
func KeyText(k *indicatorv1.FigureKey) string {
	extent := k.GetScope().GetExtent()
	var b strings.Builder
	b.Grow(len(k.GetSubject()) + len(k.GetIndicator()) + len(k.GetPeriod()) + len(extent) + 9)
	// A space sorts before every character of a resource name, so that all figures of a subject stand together. None of
	// the parts before the extent can hold one.
	b.WriteString(k.GetSubject())
	b.WriteByte(' ')
	b.WriteString(k.GetIndicator())
	b.WriteByte(' ')
	b.WriteString(k.GetPeriod())
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(int(k.GetKind())))
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(int(k.GetAmbition())))
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(int(k.GetScope().GetStatisticalClass())))
	b.WriteByte(' ')
	b.WriteString(extent)
	return b.String()
}

// parseKey is the key of a text that KeyText made.
func parseKey(text string) *indicatorv1.FigureKey {
	part := strings.SplitN(text, " ", 7)
	k := &indicatorv1.FigureKey{Subject: part[0], Indicator: part[1], Period: part[2]}
	k.Kind = indicatorv1.Kind(enum(part[3]))
	k.Ambition = indicatorv1.Ambition(enum(part[4]))
	if class := typev1.StatisticalClass(enum(part[5])); class != 0 || part[6] != "" {
		k.Scope = &typev1.Scope{StatisticalClass: class, Extent: part[6]}
	}
	return k
}

func enum(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil { // KeyText wrote it.
		return 0
	}
	return n
}

func indicatorOf(keyText string) string {
	_, rest, _ := strings.Cut(keyText, " ")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// nameID is the part of a statement's name that is its own, as 16 bytes.
type nameID string

const nameBytes = 16

const statementPrefix = "statements/"

// base32 without padding, in lower case: 128 bits are 26 characters.
var nameEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (id nameID) String() string { return statementPrefix + nameEncoding.EncodeToString([]byte(id)) }

func parseName(name string) (id nameID, ok bool) {
	text, ok := strings.CutPrefix(name, statementPrefix)
	if !ok || len(text) != nameEncoding.EncodedLen(nameBytes) {
		return "", false
	}
	raw, err := nameEncoding.DecodeString(text)
	if err != nil || len(raw) != nameBytes {
		return "", false
	}
	return nameID(raw), nameID(raw).String() == name
}

// StatementName is the name of what a statement says: source, locator, part,
// key, comparator, value, unit, reporter and vintage. Whoever sends the same
// statement twice sends one statement. The key's period must be canonical.
func StatementName(s *indicatorv1.Statement) string { return identify(s).String() }

func identify(s *indicatorv1.Statement) nameID {
	h := sha256.New()
	text(h, s.GetSource())
	text(h, s.GetLocator())
	text(h, s.GetPart())
	text(h, KeyText(s.GetKey()))
	number(h, int64(s.GetComparator()))
	switch v := s.GetValue().(type) {
	case *indicatorv1.Statement_Number:
		number(h, 1)
		text(h, v.Number)
	case *indicatorv1.Statement_DueDate:
		number(h, 2)
		date(h, v.DueDate)
	case *indicatorv1.Statement_Status:
		number(h, 3)
		text(h, v.Status)
	default:
		number(h, 0)
	}
	text(h, s.GetUnit())
	number(h, int64(s.GetReporter()))
	number(h, int64(s.GetVintage()))
	// What targets without a number aim at. Absent, it adds nothing, so that later kinds of aims leave earlier names alone.
	if s.GetNumberPending() {
		text(h, "pending")
	}
	if r := s.GetRankTarget(); r != nil {
		text(h, "rank")
		text(h, r.GetSeries())
		text(h, r.GetAuthority())
		number(h, int64(len(r.GetGroups())))
		for _, g := range r.GetGroups() {
			text(h, g)
		}
		number(h, int64(r.GetDataYear()))
		if r.GetBetterThanBase() {
			number(h, 1)
		}
	}
	if l := s.GetListTarget(); l != nil {
		text(h, "list")
		text(h, l.GetList())
		number(h, int64(l.GetStage()))
	}
	return nameID(h.Sum(nil)[:nameBytes])
}

func number(h hash.Hash, n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func text(h hash.Hash, s string) {
	number(h, int64(len(s)))
	h.Write([]byte(s))
}

func date(h hash.Hash, d *typev1.Date) {
	number(h, int64(d.GetYear())*10_000+int64(d.GetMonth())*100+int64(d.GetDay()))
}
