package keyfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSize bounds what is read, in bytes; a file of a hundred keys has 20 KB.
const maxSize = 1 << 20

// Load reads a key file. A symbolic link is followed, as in the secret mounts of Kubernetes, and the file it leads to is judged.
//
// It refuses a file that others may read or write. The group may read only a file that belongs to another user than the one this program runs
// as: then the group is how the program is let in (a Kubernetes fsGroup, mode 0440), and otherwise nobody needs it. Where the system has no such
// modes, as on Windows, this is not checked.
//
// It also refuses an unknown version or member, an identifier or secret that stands twice, and a secret of the wrong length. Errors name the
// place of a fault and never show a key. A file that is not there is fs.ErrNotExist.
func Load(path string) (*File, error) {
	raw, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, withoutPath(err))
	}
	return parse(path, raw)
}

func parse(path string, raw []byte) (*File, error) {
	f, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	f.remember(raw)
	return f, nil
}

func (f *File) remember(raw []byte) {
	digest := sha256.Sum256(raw)
	f.digest = &digest
}

func read(path string) ([]byte, error) {
	// Opening a pipe would wait for a writer, so the kind is looked at first; the mode is judged on what was opened.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if err := checkMode(info, path); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxSize {
		return nil, fmt.Errorf("is larger than %d bytes", maxSize)
	}
	return raw, nil
}

// Create writes a key file that must not exist yet, readable by its owner alone; if it exists, the error is fs.ErrExist. What could not be
// written to the end is removed.
func (f *File) Create(path string) error {
	raw, err := f.encode()
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create key file %s: %w", path, withoutPath(err))
	}
	if err := fill(file, raw); err != nil {
		return fmt.Errorf("create key file %s: %w", path, errors.Join(withoutPath(err), os.Remove(path)))
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("create key file %s: %w", path, withoutPath(err))
	}
	f.remember(raw)
	return nil
}

// Save replaces the key file that this content was loaded from (or created as), in one step: a reader, and a crash, finds either the old text or
// the new. It refuses when the file has been changed since, so that two operators who rotate at once do not lose a key, and when the content was
// never on disk: that is for [File.Create]. Owner and mode stay. A symbolic link stays too, and the file it leads to is replaced.
func (f *File) Save(path string) error {
	if err := f.save(path); err != nil {
		return fmt.Errorf("save key file %s: %w", path, withoutPath(err))
	}
	return nil
}

func (f *File) save(path string) error {
	if f.digest == nil {
		return errors.New("these keys are new; create a file for them")
	}
	present, err := read(path)
	if err != nil {
		return err
	}
	if sha256.Sum256(present) != *f.digest {
		return errors.New("it has been changed since it was read; load it again")
	}
	raw, err := f.encode()
	if err != nil {
		return err
	}
	if bytes.Equal(raw, present) {
		return nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if err := replace(target, raw); err != nil {
		return err
	}
	f.remember(raw)
	return syncDirectory(filepath.Dir(target))
}

// replace puts a new file in the place of an old one, in one step.
func replace(target string, raw []byte) (err error) {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	// CreateTemp gives mode 0600. The same directory means the same file system, without which there is no atomic rename.
	temporary, err := os.CreateTemp(filepath.Dir(target), ".keys-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	// An operator who rotates as root must not lock out the server, which runs as somebody else.
	if err := keepOwner(temporary, info); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err := fill(temporary, raw); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), target)
}

// fill writes all and closes the file. A close or sync that fails may have lost data.
func fill(file *os.File, raw []byte) error {
	_, err := file.Write(raw)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// withoutPath drops the operation and path of a file error, which the caller names already.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
