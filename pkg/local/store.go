package local

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// Store reads the files of one stream, of which no server runs, without
// changing a byte of them. A server that opens a damaged store cuts its files
// behind the first damage; this finds what lies there.
//
// It knows the format of the block files of the nats-server in go.mod: records
// of a length, a sequence, a time, a subject, headers and data, each with its
// checksum.
type Store struct {
	dir    string // of the stream
	name   string
	config server.StreamConfig
	lock   *os.File
	damage []BlockDamage
	torn   int64
}

// A Message is what a stream holds at one sequence.
type Message struct {
	Sequence int64
	Subject  string
	Data     []byte
}

// BlockDamage is a part of a file that holds no message.
type BlockDamage struct {
	File           string
	Offset, Length int64
	Before, After  int64 // sequences of the messages around it; 0: there is none
	Cause          string
}

func (d BlockDamage) String() string {
	return fmt.Sprintf("%s, %d bytes at offset %d: %s", d.File, d.Length, d.Offset, d.Cause)
}

// ErrNoStream says that a directory holds no such stream.
var ErrNoStream = errors.New("the directory holds no such stream")

// OpenStore locks a directory and opens the files of a stream in it.
func OpenStore(dir, stream string) (*Store, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoStream)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s, err := openStore(dir, stream)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	return s, nil
}

func openStore(dir, stream string) (*Store, error) {
	s := &Store{dir: streamDir(dir, stream), name: stream}
	meta, err := os.ReadFile(filepath.Join(s.dir, server.JetStreamMetaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", s.dir, ErrNoStream)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of stream %s: %w", stream, err)
	}
	sum, err := os.ReadFile(filepath.Join(s.dir, server.JetStreamMetaFileSum))
	if err != nil {
		return nil, fmt.Errorf("read the checksum of the settings of stream %s: %w", stream, err)
	}
	// The server keys this checksum by the name of the directory.
	h, err := digest(stream)
	if err != nil {
		return nil, err
	}
	_, _ = h.Write(meta) // a hash takes everything
	if hex.EncodeToString(h.Sum(nil)) != strings.TrimSpace(string(sum)) {
		return nil, fmt.Errorf("the settings of stream %s do not have their checksum: %s is damaged", stream, filepath.Join(s.dir, server.JetStreamMetaFile))
	}
	var info server.FileStreamInfo
	if err := json.Unmarshal(meta, &info); err != nil {
		return nil, fmt.Errorf("read the settings of stream %s: %w", stream, err)
	}
	if info.Compression != server.NoCompression {
		return nil, fmt.Errorf("stream %s is compressed: its files are not readable here", stream)
	}
	s.config = info.StreamConfig
	return s, nil
}

func streamDir(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream)
}

func digest(key string) (hash.Hash64, error) {
	k := sha256.Sum256([]byte(key))
	h, err := highwayhash.NewDigest64(k[:])
	if err != nil {
		return nil, fmt.Errorf("make a checksum: %w", err)
	}
	return h, nil
}

// Metadata is the metadata of the stream.
func (s *Store) Metadata() map[string]string { return s.config.Metadata }

// Damage is what Messages passed over, known after it has ended.
func (s *Store) Damage() []BlockDamage { return s.damage }

// A DamagedError says that a server must not open a store: it would cut off
// messages that are still there.
type DamagedError struct {
	Stream string
	Damage BlockDamage
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("stream %s is damaged between its messages %d and %d (%v): it is not opened, because that would cut off what follows; "+
		"verify it, and restore it from a copy", e.Stream, e.Damage.Before, e.Damage.After, e.Damage)
}

// protect refuses a store that a server would cut. After a clean stop the server
// trusts its index and cuts nothing; else it reads every block again, and cuts a
// block at its first damage. The end of the last block may be cut: what lies
// there was never acknowledged.
func protect(dir, stream string) error {
	s, err := openStore(dir, stream)
	if errors.Is(err, ErrNoStream) {
		return nil
	}
	if err != nil {
		if empty, lookErr := holdsNothing(dir, stream); lookErr == nil && empty {
			return nil // it was being made when the process ended
		}
		return err
	}
	if clean, err := s.cleanlyStopped(); clean || err != nil {
		return err
	}
	for _, err := range s.Messages() {
		if err != nil {
			return err
		}
	}
	for _, d := range s.damage {
		if d.After != 0 {
			return &DamagedError{Stream: stream, Damage: d}
		}
	}
	return nil
}

// holdsNothing says whether no byte of a message is in a stream's files.
func holdsNothing(dir, stream string) (bool, error) {
	s := &Store{dir: streamDir(dir, stream), name: stream}
	blocks, err := s.blocks()
	if err != nil {
		return false, err
	}
	for _, block := range blocks {
		info, err := os.Stat(block.path)
		if err != nil || info.Size() > 0 {
			return false, err
		}
	}
	return true, nil
}

// cleanlyStopped says whether the index is newer than every block.
func (s *Store) cleanlyStopped() (bool, error) {
	index, err := os.Stat(filepath.Join(s.dir, "msgs", "index.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the index of stream %s: %w", s.name, err)
	}
	blocks, err := s.blocks()
	if err != nil {
		return false, err
	}
	for _, block := range blocks {
		info, err := os.Stat(block.path)
		if err != nil {
			return false, fmt.Errorf("look at a block of stream %s: %w", s.name, err)
		}
		if info.ModTime().After(index.ModTime()) {
			return false, nil
		}
	}
	return true, nil
}

// Cause tells what damage explains that the messages of a range are missing, or
// nothing. Known after Messages has ended.
func (s *Store) Cause(first, last int64) string {
	var causes []string
	for _, d := range s.damage {
		if d.Before <= last && (d.After == 0 || d.After > first) {
			causes = append(causes, d.String())
		}
	}
	return strings.Join(causes, "; ")
}

// Torn is the number of bytes at the end of the last file that are no whole
// message, as a write that was cut leaves them. Known after Messages has ended.
func (s *Store) Torn() int64 { return s.torn }

// Close gives the lock back.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// Messages gives every readable message in the order of the files, and passes
// over damage. An error of reading a file ends it.
func (s *Store) Messages() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		s.damage, s.torn = nil, 0
		blocks, err := s.blocks()
		if err != nil {
			yield(Message{}, err)
			return
		}
		var last int64
		for i, block := range blocks {
			data, err := os.ReadFile(block.path)
			if err != nil {
				yield(Message{}, fmt.Errorf("read a block: %w", err))
				return
			}
			h, err := digest(fmt.Sprintf("%s-%d", s.name, block.number))
			if err != nil {
				yield(Message{}, err)
				return
			}
			if !s.block(block.path, data, h, i == len(blocks)-1, &last, yield) {
				return
			}
		}
	}
}

type blockFile struct {
	number int
	path   string
}

func (s *Store) blocks() ([]blockFile, error) {
	dir := filepath.Join(s.dir, "msgs")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the blocks of stream %s: %w", s.name, err)
	}
	var blocks []blockFile
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".blk"); ok {
			if n, err := strconv.Atoi(name); err == nil {
				blocks = append(blocks, blockFile{number: n, path: filepath.Join(dir, e.Name())})
			}
		}
	}
	slices.SortFunc(blocks, func(a, b blockFile) int { return cmp.Compare(a.number, b.number) })
	return blocks, nil
}

// block goes through one file. After a damage it looks for the next record at
// every byte: the length that would tell where it is may be what is damaged.
func (s *Store) block(path string, data []byte, h hash.Hash64, final bool, last *int64, yield func(Message, error) bool) bool {
	bad, cause := -1, "" // where the present damage begins
	for at := 0; at < len(data); {
		r, err := parseRecord(data[at:], h)
		if err != nil {
			if bad < 0 {
				bad, cause = at, err.Error()
			}
			at++
			continue
		}
		if bad >= 0 {
			s.damage = append(s.damage, BlockDamage{
				File: path, Offset: int64(bad), Length: int64(at - bad), Before: *last, After: r.Sequence, Cause: cause,
			})
			bad = -1
		}
		at += r.size
		if r.marker {
			continue
		}
		if n := len(s.damage); n > 0 && s.damage[n-1].After == 0 { // at the end of the file before
			s.damage[n-1].After = r.Sequence
		}
		*last = r.Sequence
		if !yield(r.Message, nil) {
			return false
		}
	}
	switch {
	case bad < 0:
	case final:
		s.torn = int64(len(data) - bad)
		fallthrough
	default:
		s.damage = append(s.damage, BlockDamage{File: path, Offset: int64(bad), Length: int64(len(data) - bad), Before: *last, Cause: cause})
	}
	return true
}

const (
	recordHeader = 22 // length 4, sequence 8, time 8, length of the subject 2
	recordSum    = 8
	maxRecord    = 32 << 20
	withHeaders  = 1 << 31       // in the length
	marker       = 1<<63 | 1<<62 // in the sequence: an erased message or the note of one
	headerLength = 4             // before the headers
)

type record struct {
	Message
	size   int
	marker bool // tells about a message that was removed
}

var (
	errCut      = errors.New("the record is longer than what is left")
	errChecksum = errors.New("the record does not have its checksum")
	errHeaders  = errors.New("the headers of the record do not have their length")
)

// parseRecord reads the record at the beginning of b.
func parseRecord(b []byte, h hash.Hash64) (record, error) {
	if len(b) < recordHeader+recordSum {
		return record{}, errCut
	}
	length := binary.LittleEndian.Uint32(b)
	headers := length&withHeaders != 0
	size := int(length &^ withHeaders)
	subject := int(binary.LittleEndian.Uint16(b[20:]))
	least := recordHeader + subject + recordSum
	if headers {
		least += headerLength
	}
	if size < least || size > len(b) || size > maxRecord {
		return record{}, errCut
	}
	payload := b[recordHeader : size-recordSum]
	content := payload[subject:]
	if headers {
		content = content[headerLength:]
	}
	h.Reset()
	for _, part := range [][]byte{b[4:20], payload[:subject], content} {
		_, _ = h.Write(part) // a hash takes everything
	}
	if !bytes.Equal(h.Sum(nil), b[size-recordSum:size]) {
		return record{}, errChecksum
	}
	if headers {
		n := int(binary.LittleEndian.Uint32(payload[subject:]))
		// The checksum does not cover this length.
		if n < 0 || n > len(content) || !bytes.HasPrefix(content, []byte("NATS/1.0")) || bytes.Index(content, []byte("\r\n\r\n")) != n-4 {
			return record{}, errHeaders
		}
		content = content[n:]
	}
	sequence := binary.LittleEndian.Uint64(b[4:])
	return record{
		Message: Message{Sequence: int64(sequence &^ marker), Subject: string(payload[:subject]), Data: content},
		size:    size, marker: sequence&marker != 0 || sequence == 0,
	}, nil
}
