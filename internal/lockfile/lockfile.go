// Package lockfile owns the claim of one process on something that two must not use at once.
//
// The claim is the operating system's lock on a file. It ends with the process, however that ends: a
// killed server leaves nothing behind that somebody would have to remove by hand.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrHeld means that another process holds the lock.
var ErrHeld = errors.New("another process holds the lock")

// Lock is a lock that is held.
type Lock struct{ file *os.File }

// Acquire takes the lock on the file at path, which is made when it is missing and stays when the lock
// is released. It does not wait: the error is [ErrHeld] while another process holds the lock.
//
// On systems without flock, such as Windows, the file is made and nothing is locked.
func Acquire(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Lock{file}, nil
}

// Release ends the lock. It is an error to release a lock twice.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("unlock: %w", withoutPath(err))
	}
	return nil
}

// withoutPath drops what the caller knows.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
