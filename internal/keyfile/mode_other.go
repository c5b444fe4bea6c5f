//go:build !unix

package keyfile

import (
	"io/fs"
	"os"
)

// checkMode has nothing to look at: these systems guard files by other means than modes.
func checkMode(fs.FileInfo, string) error { return nil }

// syncDirectory has nothing to do: these systems do not sync directories.
func syncDirectory(string) error { return nil }

// keepOwner has nothing to do: a new file takes the rights of its directory.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
