//go:build unix

package keyfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkMode refuses a file that more people than need be can use; [Load] states the rule.
func checkMode(info fs.FileInfo, path string) error {
	owner, known := info.Sys().(*syscall.Stat_t)
	if mode := info.Mode().Perm(); tooOpen(mode, known && int(owner.Uid) != os.Geteuid()) {
		return fmt.Errorf("mode %04o lets others than the owner at the keys: chmod 600 %s (in Kubernetes: defaultMode: 0400)", mode, path)
	}
	return nil
}

// tooOpen judges a mode; foreign says that the file belongs to another user than ours.
func tooOpen(mode fs.FileMode, foreign bool) bool {
	const (
		others     = 0o007
		groupRead  = 0o040
		groupWrite = 0o030 // and execute, which no key file has
	)
	return mode&(others|groupWrite) != 0 || mode&groupRead != 0 && !foreign
}

// keepOwner gives a file the owner, group and mode of its predecessor.
func keepOwner(file *os.File, before fs.FileInfo) error {
	if owner, known := before.Sys().(*syscall.Stat_t); known {
		if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("keep the owner: %w", withoutPath(err))
		}
	}
	return file.Chmod(before.Mode().Perm())
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}
