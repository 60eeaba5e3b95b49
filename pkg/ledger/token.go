package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"google.golang.org/grpc/codes"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// A token is base64url without padding over: the byte 1; the length of the
// ledger id as a uvarint and the id; the epoch and the revision as uvarints;
// the CRC-32C of all that, big endian. The checksum finds typing errors; a token
// gives no rights.
const tokenVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Token is the opaque form of a revision of this ledger and epoch.
func (l *Ledger) Token(revision int64) string { return encodeToken(l.id, l.epoch, revision) }

func encodeToken(id string, epoch, revision int64) string {
	b := []byte{tokenVersion}
	b = binary.AppendUvarint(b, uint64(len(id)))
	b = append(b, id...)
	b = binary.AppendUvarint(b, uint64(epoch))
	b = binary.AppendUvarint(b, uint64(revision))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Revision reads a token. One that was not made by a ledger is malformed; one of
// another ledger or epoch is foreign. Whether the revision exists is not
// checked.
func (l *Ledger) Revision(token string) (int64, error) {
	id, epoch, revision, err := decodeToken(token)
	if err != nil {
		return 0, fault.New(codes.InvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_TOKEN,
			"this is not a token: use one from an answer as it is, or leave it out").Wrap(err)
	}
	if id != l.id || epoch != l.epoch {
		return 0, foreignToken("the token is of another ledger or from before a restore: leave it out")
	}
	return revision, nil
}

func foreignToken(message string) *fault.Fault {
	return fault.New(codes.FailedPrecondition, typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN, "%s", message)
}

func decodeToken(token string) (id string, epoch, revision int64, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return "", 0, 0, err
	}
	if len(b) < 5 || b[0] != tokenVersion {
		return "", 0, 0, errors.New("it is too short or of another version")
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(b, castagnoli) != sum {
		return "", 0, 0, errors.New("its checksum is wrong")
	}
	b = b[1:]
	var n [3]uint64
	for i := range n {
		v, size := binary.Uvarint(b)
		if size <= 0 || v > 1<<62 {
			return "", 0, 0, errors.New("it is cut")
		}
		n[i], b = v, b[size:]
		if i == 0 {
			if v > uint64(len(b)) {
				return "", 0, 0, errors.New("it is cut")
			}
			id, b = string(b[:v]), b[v:]
		}
	}
	if len(b) != 0 {
		return "", 0, 0, errors.New("it has a rest")
	}
	return id, int64(n[1]), int64(n[2]), nil
}
