package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Dir keeps pictures as files in a directory, which several replicas must share. It implements [Store].
type Dir struct{ root *os.Root }

// OpenDir opens the directory, and makes it, for its owner only, when it does not exist.
func OpenDir(name string) (*Dir, error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("open avatar directory: %w", err)
	}
	root, err := os.OpenRoot(name) // nothing outside of it can be reached, whatever a name or a link says
	if err != nil {
		return nil, fmt.Errorf("open avatar directory: %w", err)
	}
	return &Dir{root}, nil
}

// Close lets go of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// A picture is in one of 1024 folders, by the beginning of its key, because tools are slow in folders
// with millions of files. While it is being written it has another name.
func folderOf(key string) string   { return key[:2] }
func fileOf(key string) string     { return path.Join(folderOf(key), key) }
func unfinished(key string) string { return fileOf(key) + ".part" }

// Put implements [Store]: the file is there whole or not at all.
func (d *Dir) Put(_ context.Context, key string, picture []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := d.put(key, picture); err != nil {
		return fmt.Errorf("store avatar: %w", err)
	}
	return nil
}

func (d *Dir) put(key string, picture []byte) error {
	folder := folderOf(key)
	err := d.root.Mkdir(folder, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return err
	default:
		if err := d.sync("."); err != nil {
			return err
		}
	}
	if err := d.write(unfinished(key), picture); err != nil {
		return err
	}
	if err := d.root.Rename(unfinished(key), fileOf(key)); err != nil {
		return err
	}
	return d.sync(folder)
}

// write makes a file whose content is on the disk when it returns.
func (d *Dir) write(name string, content []byte) error {
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// sync has the disk know what names there are in a folder.
func (d *Dir) sync(folder string) error {
	opened, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// Get implements [Store].
func (d *Dir) Get(_ context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	picture, err := d.root.ReadFile(fileOf(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read avatar: %w", err)
	}
	return picture, nil
}

// Delete implements [Store].
func (d *Dir) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	for _, name := range []string{unfinished(key), fileOf(key)} {
		if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove avatar: %w", err)
		}
	}
	return nil
}
