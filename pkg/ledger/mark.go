package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A mark keeps beside a store which ledger it held and how far this process
// read it. With it a store that lost its stream or its end is told from a new
// or a shorter one: after a cut the server itself counts on from what is left.
//
// The id is synced when it is first written. The revision is not: it is there
// to be compared, and costs a write, not a sync, for each commit.
type mark struct {
	file *os.File // nil: nothing is kept
	last marked
}

type marked struct {
	id       string
	epoch    int64
	revision int64
}

const markFormat = "zonebench ledger mark 1\n%s\n%d\n%020d\n"

func openMark(path string) (*mark, error) {
	if path == "" {
		return &mark{}, nil
	}
	last, err := readMark(path)
	if err != nil {
		return nil, err
	}
	m := &mark{last: last}
	if m.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("ledger: open the mark of the store: %w", err)
	}
	return m, nil
}

// readMark reads what is known; nothing is, without a file.
func readMark(path string) (marked, error) {
	if path == "" {
		return marked{}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return marked{}, fmt.Errorf("ledger: read the mark of the store: %w", err)
	}
	if len(content) == 0 {
		return marked{}, nil
	}
	last, err := parseMark(string(content))
	if err != nil {
		return marked{}, fmt.Errorf("ledger: the mark %s is not readable (%w): verify the store; if it is sound, delete the mark", path, err)
	}
	return last, nil
}

func parseMark(content string) (marked, error) {
	lines := strings.Split(content, "\n")
	if len(lines) != 5 || lines[0] != "zonebench ledger mark 1" || lines[1] == "" {
		return marked{}, errors.New("it does not have the four lines of a mark")
	}
	epoch, err := strconv.ParseInt(lines[2], 10, 64)
	if err != nil {
		return marked{}, err
	}
	revision, err := strconv.ParseInt(lines[3], 10, 64)
	if err != nil {
		return marked{}, err
	}
	return marked{id: lines[1], epoch: epoch, revision: revision}, nil
}

func (m *mark) known() marked { return m.last }

// check compares the stream with what the mark knows, and marks a new ledger.
func (m *mark) check(id string, epoch, last int64) error {
	if m.file == nil {
		return nil
	}
	switch known := m.last; {
	case known.id == "":
		return m.begin(id, epoch)
	case known.id != id:
		return fmt.Errorf("ledger: the store is known to hold ledger %s, but its stream is of ledger %s", known.id, id)
	case epoch < known.epoch:
		return fmt.Errorf("ledger: the store is known to hold epoch %d of ledger %s, but its stream is of epoch %d", known.epoch, id, epoch)
	case epoch > known.epoch: // restored
		return m.begin(id, epoch)
	case last < known.revision:
		return damage(last+1, known.revision, "%s", cutEnd)
	}
	return nil
}

func (m *mark) begin(id string, epoch int64) error {
	m.last = marked{id: id, epoch: epoch}
	if err := m.write(); err != nil {
		return err
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("ledger: sync the mark of the store: %w", err)
	}
	dir, err := os.Open(filepath.Dir(m.file.Name()))
	if err != nil {
		return fmt.Errorf("ledger: sync the mark of the store: %w", err)
	}
	defer func() { _ = dir.Close() }() // opened to sync
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("ledger: sync the mark of the store: %w", err)
	}
	return nil
}

// advance keeps the revision that was read.
func (m *mark) advance(revision int64) error {
	if m.file == nil || revision <= m.last.revision {
		return nil
	}
	m.last.revision = revision
	return m.write()
}

func (m *mark) write() error {
	content := fmt.Sprintf(markFormat, m.last.id, m.last.epoch, m.last.revision)
	if _, err := m.file.WriteAt([]byte(content), 0); err != nil {
		return fmt.Errorf("ledger: write the mark of the store: %w", err)
	}
	return nil
}

func (m *mark) close() error {
	if m.file == nil {
		return nil
	}
	file := m.file
	m.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("ledger: close the mark of the store: %w", err)
	}
	return nil
}
