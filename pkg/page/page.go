// Package page cuts lists into pages (AIP-158). A page token pins the revision
// of the first page, so that all pages together are one consistent list, and is
// bound to the request it came from: the same token with another filter is
// refused.
package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"iter"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Page sizes.
const (
	DefaultSize = 100
	MaxSize     = 1000
)

// Size is the page size to serve when a caller asked for n.
func Size(n int32) int {
	if n <= 0 {
		return DefaultSize
	}
	return min(int(n), MaxSize)
}

// Request is a list request.
type Request interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// Page is what one call has to serve.
type Page struct {
	Revision int64  // to read at
	After    string // key of the last item of the page before, empty on the first
	Size     int
	bound    [sha256.Size]byte
}

// Open reads where a request stands. A first page is read at the given
// revision, later ones at the revision their token pins, which this process may
// not have folded yet: wait for it.
func Open(req Request, revision int64) (Page, error) {
	p := Page{Revision: revision, Size: Size(req.GetPageSize()), bound: bound(req)}
	if req.GetPageToken() == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil || len(raw) < sumSize {
		return Page{}, invalid()
	}
	pinned, n := binary.Uvarint(raw[sumSize:])
	if n <= 0 || int64(pinned) <= 0 {
		return Page{}, invalid()
	}
	p.Revision, p.After = int64(pinned), string(raw[sumSize+n:])
	if p.Token(p.After) != req.GetPageToken() {
		return Page{}, invalid()
	}
	return p, nil
}

func invalid() error {
	return fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN,
		"page_token: not a token of this list with these other fields: send the token as it was received with the "+
			"request otherwise unchanged, or none to start again")
}

// Token is the page token of the page that follows the item with this key.
func (p Page) Token(last string) string {
	body := binary.AppendUvarint(nil, uint64(p.Revision))
	body = append(body, last...)
	sum := sha256.Sum256(append(p.bound[:], body...))
	return base64.RawURLEncoding.EncodeToString(append(sum[:sumSize], body...))
}

// sumSize is enough to refuse what was typed wrongly or belongs elsewhere. A
// token is no secret and gives no right.
const sumSize = 9

// bound is a digest of what must stay the same from page to page: all but the
// position, the size of the page and how fresh the first page had to be.
func bound(req Request) [sha256.Size]byte {
	copied := proto.Clone(req).ProtoReflect()
	fields := copied.Descriptor().Fields()
	for _, name := range []protoreflect.Name{"page_size", "page_token", "consistency"} {
		if f := fields.ByName(name); f != nil {
			copied.Clear(f)
		}
	}
	// It cannot fail for a message that came over the wire; where it did, an
	// empty body would still be a body.
	body, _ := proto.MarshalOptions{Deterministic: true}.Marshal(copied.Interface())
	return sha256.Sum256(append([]byte(copied.Descriptor().FullName()+"\n"), body...))
}

// Cut takes this page from a list in ascending order of its keys: the items
// that fit, the token of the next page (empty on the last) and how many items
// fit over all pages.
func Cut[T any](p Page, list iter.Seq[T], key func(T) string, fits func(T) bool) (items []T, next string, total int) {
	more := false
	for item := range list {
		if !fits(item) {
			continue
		}
		total++
		switch {
		case p.After != "" && key(item) <= p.After:
		case len(items) < p.Size:
			items = append(items, item)
		default:
			more = true
		}
	}
	if more {
		next = p.Token(key(items[len(items)-1]))
	}
	return items, next, total
}
