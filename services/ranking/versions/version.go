// Package versions keeps the versions of live rankings: what their rows were
// after each commit that touched them.
//
// A version is named by the ledger alone: it is the last revision, up to the one
// that is read, whose commit touched what the rows are computed from. So it is
// the same in every process, and its rows can be computed anew by anyone, at any
// time. Whatever holds copies of them (this process, Redis) may lose, forge or
// outlive them without an answer becoming wrong or old: copies are asked for by
// version and checked by digest.
package versions

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A Version is a ranking as it was after one commit. It is shared by everyone
// who reads it: never modify it.
type Version struct {
	Head *rankingv1.VersionHead
	// By position, without cells and history.
	Rows []*rankingv1.Standing

	index map[string]int
	bytes int64 // about what it takes in memory
}

// Seal makes a version of its head and rows, which must not be modified any
// more. It fills in the head's number of rows and its digest.
func Seal(head *rankingv1.VersionHead, rows []*rankingv1.Standing) *Version {
	head.Rows = int32(len(rows))
	v := &Version{Head: head, Rows: rows, index: make(map[string]int, len(rows)), bytes: size(head, rows)}
	for i, row := range rows {
		v.index[row.GetSubject()] = i
	}
	head.Digest = v.Digest()
	return v
}

// Row finds a zone (`zones/{zone}`): its index in Rows.
func (v *Version) Row(zone string) (int, bool) {
	i, ok := v.index[zone]
	return i, ok
}

// Digest is the SHA-256, in hexadecimal, over what the head and the rows say. It
// is spelled out field by field, so that it is the same in every build: first
// the head, without its digest, then the rows in order. Texts are their length
// as 8 bytes, big endian, then their bytes; numbers are 8 bytes, truths are 0 or
// 1, lists begin with their length, and what is absent is as what is empty.
func (v *Version) Digest() string {
	d := digester{sum: sha256.New()}
	h := v.Head
	d.text("zonebench.ranking.v1.Version")
	d.text(h.GetRanking())
	d.number(h.GetVersion())
	d.number(int64(h.GetPlaced()))
	d.text(h.GetCompleteness())
	d.number(int64(len(h.GetLeaves())))
	for _, leaf := range h.GetLeaves() {
		d.text(leaf.GetNode())
		d.number(int64(leaf.GetKnown()))
		d.number(int64(leaf.GetOf()))
		d.text(leaf.GetRequired())
		d.number(int64(leaf.GetCarried()))
	}
	d.truth(h.GetSimulated())
	d.localized(h.GetReason())
	d.number(h.GetCommitTime().GetSeconds())
	d.number(int64(h.GetCommitTime().GetNanos()))
	d.number(int64(h.GetState()))
	d.number(int64(h.GetDataCut().GetYear()))
	d.number(int64(h.GetDataCut().GetMonth()))
	d.number(int64(h.GetDataCut().GetDay()))
	d.number(int64(len(v.Rows)))
	for _, row := range v.Rows {
		d.row(row)
	}
	d.flush()
	return hex.EncodeToString(d.sum.Sum(nil))
}

// A digester gathers what is to be hashed, for a hash is fast over much at once.
type digester struct {
	sum hash.Hash
	buf []byte
}

func (d *digester) row(row *rankingv1.Standing) {
	d.text(row.GetSubject())
	d.localized(row.GetDisplayName())
	d.number(int64(row.GetPosition()))
	d.number(int64(row.GetPlace()))
	d.number(int64(row.GetOf()))
	d.text(row.GetScore())
	d.text(row.GetCompleteness())
	d.truth(row.GetTied())
	d.localized(row.GetReason())
	d.truth(row.GetSimulated())
	d.number(int64(row.GetPreviousPlace()))
	d.text(row.GetGapAhead())
	d.text(row.GetGapBehind())
}

func (d *digester) localized(l *typev1.Localized) {
	d.text(l.GetZh())
	d.text(l.GetEn())
}

func (d *digester) text(s string) {
	d.number(int64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digester) truth(b bool) {
	if b {
		d.number(1)
	} else {
		d.number(0)
	}
}

func (d *digester) number(n int64) {
	if len(d.buf) > 8<<10 {
		d.flush()
	}
	d.buf = binary.BigEndian.AppendUint64(d.buf, uint64(n))
}

func (d *digester) flush() {
	_, _ = d.sum.Write(d.buf) // a hash never fails
	d.buf = d.buf[:0]
}

// A Source computes versions from the folded ledger. Its methods may be called
// by many at once; revisions are applied ones.
type Source interface {
	// Rankings are the names of the rankings at the applied revision.
	Rankings() []string
	// VersionAt is the version that holds at a revision: a function of the ledger
	// up to there. 0: there is no such ranking then.
	VersionAt(name string, revision int64) (int64, error)
	// Compute gives the rows of a version, the same ones whenever it is called. It
	// may be fast when the version follows the one computed before.
	Compute(ctx context.Context, name string, version int64) (*Version, error)
	// Touched names the rankings that a commit made a new version of: those whose
	// VersionAt(revision) is revision.
	Touched(commit *ledgerv1.Commit, revision int64) ([]string, error)
}
