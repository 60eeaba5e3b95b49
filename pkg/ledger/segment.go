package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"os"
	"path/filepath"
)

// A segment is a file of an archive: messages of the stream, commits and what a
// rule ignores alike, without a hole. Integers are big endian.
//
//	header  text "zonebench segment 1\n", 2 bytes length of the ledger id and
//	        the id, 8 bytes epoch, 8 bytes revision of the first record, 32 bytes
//	        digest of the segment before it (zeros: it is the first), 4 bytes
//	        CRC-32C of all that
//	record  4 bytes length of what follows the checksum, 4 bytes CRC-32C of it,
//	        8 bytes revision, 2 bytes length of the subject, the subject, the
//	        message as the stream holds it
//	footer  4 bytes 0, 8 bytes number of records, 8 bytes last revision, 32 bytes
//	        digest: SHA-256 of everything before it
//
// A segment with a footer is never written again.
const (
	segmentMagic = "zonebench segment 1\n"
	segmentTail  = ".segment"
	openSegment  = "open"

	recordBegin = 8  // length and checksum
	recordLeast = 10 // revision and length of the subject
	footerBytes = 4 + 8 + 8 + sha256.Size
)

func segmentName(first int64) string { return fmt.Sprintf("%020d%s", first, segmentTail) }

// A segmentHeader says what a segment belongs to.
type segmentHeader struct {
	id       string
	epoch    int64
	first    int64
	previous [sha256.Size]byte
}

func (h segmentHeader) encode() []byte {
	b := []byte(segmentMagic)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.id)))
	b = append(b, h.id...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.epoch))
	b = binary.BigEndian.AppendUint64(b, uint64(h.first))
	b = append(b, h.previous[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errHeader = errors.New("the header is damaged")

// parseHeader reads the header at the beginning of a segment and tells its size.
func parseHeader(data []byte) (h segmentHeader, size int, err error) {
	if len(data) < len(segmentMagic)+2 || !bytes.HasPrefix(data, []byte(segmentMagic)) {
		return h, 0, errHeader
	}
	at := len(segmentMagic)
	idLength := int(binary.BigEndian.Uint16(data[at:]))
	at += 2
	size = at + idLength + 8 + 8 + sha256.Size + 4
	if len(data) < size || crc32.Checksum(data[:size-4], castagnoli) != binary.BigEndian.Uint32(data[size-4:]) {
		return h, 0, errHeader
	}
	h.id = string(data[at : at+idLength])
	at += idLength
	h.epoch = int64(binary.BigEndian.Uint64(data[at:]))
	h.first = int64(binary.BigEndian.Uint64(data[at+8:]))
	copy(h.previous[:], data[at+16:])
	return h, size, nil
}

func encodeRecord(m message) []byte {
	b := make([]byte, recordBegin, recordBegin+recordLeast+len(m.subject)+len(m.data))
	b = binary.BigEndian.AppendUint64(b, uint64(m.sequence))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.subject)))
	b = append(b, m.subject...)
	b = append(b, m.data...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-recordBegin))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[recordBegin:], castagnoli))
	return b
}

// parseSegmentRecord reads the record at the beginning of b and tells its size.
func parseSegmentRecord(b []byte) (m message, size int, ok bool) {
	if len(b) < recordBegin+recordLeast {
		return m, 0, false
	}
	size = recordBegin + int(binary.BigEndian.Uint32(b))
	subject := recordBegin + recordLeast + int(binary.BigEndian.Uint16(b[recordBegin+8:]))
	if size > len(b) || subject > size {
		return m, 0, false
	}
	if crc32.Checksum(b[recordBegin:size], castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return m, 0, false
	}
	return message{
		sequence: int64(binary.BigEndian.Uint64(b[recordBegin:])),
		subject:  string(b[recordBegin+recordLeast : subject]),
		data:     b[subject:size],
	}, size, true
}

// A segmentFooter closes a segment.
type segmentFooter struct {
	records int64
	last    int64
	digest  [sha256.Size]byte
}

func (f segmentFooter) encode() []byte {
	b := make([]byte, 4, footerBytes)
	b = binary.BigEndian.AppendUint64(b, uint64(f.records))
	b = binary.BigEndian.AppendUint64(b, uint64(f.last))
	return append(b, f.digest[:]...)
}

// parseFooter reads the footer at the end of a segment; whether its digest is
// the segment's is not checked.
func parseFooter(data []byte) (f segmentFooter, ok bool) {
	if len(data) < footerBytes {
		return f, false
	}
	b := data[len(data)-footerBytes:]
	if binary.BigEndian.Uint32(b) != 0 {
		return f, false
	}
	f.records = int64(binary.BigEndian.Uint64(b[4:]))
	f.last = int64(binary.BigEndian.Uint64(b[12:]))
	copy(f.digest[:], b[20:])
	return f, true
}

// segmentWriter adds to a segment that is not sealed.
type segmentWriter struct {
	file    *os.File
	sum     hash.Hash // of everything in the file
	size    int64
	first   int64
	last    int64 // first-1: it has no record yet
	records int64
}

// createSegment begins the open segment of an archive.
func createSegment(dir string, header segmentHeader) (*segmentWriter, error) {
	file, err := os.OpenFile(filepath.Join(dir, openSegment), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a segment: %w", err)
	}
	w := &segmentWriter{file: file, sum: sha256.New(), first: header.first, last: header.first - 1}
	// The header is on the disk before any record: one that is torn has none behind it.
	err = w.write(header.encode())
	if err == nil {
		err = w.sync()
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// resumeSegment goes on behind what is whole in an open segment.
func resumeSegment(dir string, whole []byte, first, last int64) (*segmentWriter, error) {
	file, err := os.OpenFile(filepath.Join(dir, openSegment), os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("go on with a segment: %w", err)
	}
	w := &segmentWriter{file: file, sum: sha256.New(), size: int64(len(whole)), first: first, last: last, records: last - first + 1}
	_, _ = w.sum.Write(whole) // a hash takes everything
	if err := file.Truncate(w.size); err != nil {
		return nil, errors.Join(fmt.Errorf("cut the torn end of a segment: %w", err), file.Close())
	}
	return w, nil
}

func (w *segmentWriter) write(b []byte) error {
	if _, err := w.file.WriteAt(b, w.size); err != nil {
		return fmt.Errorf("write a segment: %w", err)
	}
	_, _ = w.sum.Write(b) // a hash takes everything
	w.size += int64(len(b))
	return nil
}

func (w *segmentWriter) add(m message) error {
	if m.sequence != w.last+1 {
		return fmt.Errorf("a segment that ends at revision %d was given revision %d", w.last, m.sequence)
	}
	if err := w.write(encodeRecord(m)); err != nil {
		return err
	}
	w.last = m.sequence
	w.records++
	return nil
}

func (w *segmentWriter) sync() error {
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync a segment: %w", err)
	}
	return nil
}

// seal closes the segment with its footer and gives it its name for good.
func (w *segmentWriter) seal(dir string) (digest [sha256.Size]byte, err error) {
	f := segmentFooter{records: w.records, last: w.last}
	b := f.encode()
	_, _ = w.sum.Write(b[:footerBytes-sha256.Size]) // a hash takes everything
	copy(f.digest[:], w.sum.Sum(nil))
	if _, err := w.file.WriteAt(f.encode(), w.size); err != nil {
		return digest, errors.Join(fmt.Errorf("seal a segment: %w", err), w.file.Close())
	}
	if err := errors.Join(w.file.Sync(), w.file.Chmod(0o400), w.file.Close()); err != nil {
		return digest, fmt.Errorf("seal a segment: %w", err)
	}
	name := filepath.Join(dir, segmentName(w.first))
	if err := os.Rename(w.file.Name(), name); err != nil {
		return digest, fmt.Errorf("seal a segment: %w", err)
	}
	return f.digest, syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync a directory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync the directory %s: %w", path, err)
	}
	return nil
}
