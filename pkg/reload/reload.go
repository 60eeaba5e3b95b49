// Package reload keeps a value that is made from files and makes it anew when
// they change, so that certificates, keys and tables of roles are rotated
// without a restart.
//
// A file has changed when its time, size or inode has: a file that was written
// over, renamed into place, or reached through a symbolic link that points
// elsewhere now, as the mounts of Kubernetes do.
package reload

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Every is how often the files are looked at, at most.
const Every = time.Second

// Value is a value made from files. Its methods may be called by many at once.
type Value[T any] struct {
	paths []string
	load  func() (T, error)
	now   func() time.Time
	fail  func(error)

	current atomic.Pointer[T]
	checked atomic.Int64 // when the files were looked at last, in Unix nanoseconds

	mu   sync.Mutex // held while the files are looked at
	seen []os.FileInfo
}

// New makes the value; it is an error when it cannot be made. Later, when the
// files have changed and no value can be made of them, the last good one stays
// and fail is told why, once for each change.
func New[T any](now func() time.Time, fail func(error), load func() (T, error), paths ...string) (*Value[T], error) {
	v := &Value[T]{paths: paths, load: load, now: now, fail: fail}
	v.checked.Store(now().UnixNano())
	seen, err := stat(paths)
	if err != nil {
		return nil, err
	}
	value, err := load()
	if err != nil {
		return nil, err
	}
	v.seen = seen
	v.current.Store(&value)
	return v, nil
}

// Get is the value of the files as they are, or were a second ago at most.
func (v *Value[T]) Get() T {
	if now, last := v.now().UnixNano(), v.checked.Load(); now-last >= int64(Every) && v.checked.CompareAndSwap(last, now) {
		v.refresh()
	}
	return *v.current.Load()
}

// refresh makes the value anew when a file has changed.
func (v *Value[T]) refresh() {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen, err := stat(v.paths)
	if err != nil {
		// It may be on its way: between the removal of a file and its successor there is none.
		v.fail(err)
		return
	}
	if slices.EqualFunc(seen, v.seen, same) {
		return
	}
	value, err := v.load()
	if err != nil {
		// Half of a pair may have been written: look again next time, and complain each time.
		v.fail(fmt.Errorf("the files changed and what they hold now is not used: %w", err))
		return
	}
	v.seen = seen
	v.current.Store(&value)
}

func stat(paths []string) ([]os.FileInfo, error) {
	infos := make([]os.FileInfo, len(paths))
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the path and what is wrong
		}
		infos[i] = info
	}
	return infos, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
