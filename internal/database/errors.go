package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"os"
	"slices"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsUnique says whether a statement failed because a row with the same unique value exists.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == "23505"
	}
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsRetryable says whether a transaction failed because of another one, or of a migration, that ran
// at the same time: nothing of it has been kept, and the whole of it may be run again.
func IsRetryable(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		// serialization_failure, deadlock_detected, lock_not_available
		return slices.Contains([]string{"40001", "40P01", "55P03"}, string(e.Code)) || isStaleStatement(err)
	}
	code, ok := sqliteCode(err)
	return ok && (code&0xff == sqlite3.SQLITE_BUSY || code&0xff == sqlite3.SQLITE_LOCKED)
}

// IsUnavailable says whether the database could not do its work: not reached, shutting down, out of
// room, or too slow for the deadline. Whether the statement took effect is then unknown. A caller
// that gave up by itself (context.Canceled) is not a case of it.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if e, ok := errors.AsType[*pq.Error](err); ok && isOverload(string(e.Code)) {
		return true
	}
	if code, ok := sqliteCode(err); ok && isStorageFault(code&0xff) {
		return true
	}
	if _, ok := errors.AsType[*connectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*lostError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn)
}

// isOverload tells PostgreSQL's classes 08 (connection), 53 (no disk, memory or connection left), 57
// (cancelled, shutting down, starting) and 58 (input and output), and a server that has become
// read-only, as a standby is. See appendix A of its manual.
func isOverload(code string) bool {
	if len(code) != 5 {
		return false
	}
	return slices.Contains([]string{"08", "53", "57", "58"}, code[:2]) || code == "25006" || code == "25P03"
}

// isStorageFault tells SQLite's result codes for a file or disk that does not do its work.
func isStorageFault(primary int) bool {
	return slices.Contains([]int{
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL,
	}, primary)
}

// sqliteCode is the extended result code of an error of SQLite.
func sqliteCode(err error) (int, bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0, false
	}
	return e.Code(), true
}
