//go:build !unix

package database

import "syscall"

// nothingToRead cannot be asked here without a wait: a connection that died while it was idle is
// noticed by the first statement on it, which then fails.
func nothingToRead(syscall.Conn) bool { return true }
