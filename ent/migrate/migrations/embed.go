// Package migrations owns the history of the tables: for each database the SQL files that built it,
// in order, with a checksum of them all.
//
// They are embedded, so that a binary carries everything it needs to bring a database up to what it
// expects. A file that has been released is never edited; `scripts/new-migration` adds the next one.
// The same number means the same change in both databases; a change that only one of them needs
// leaves a gap in the other.
package migrations

import "embed"

// Files holds one folder for each database, named as in "sqlite" and "postgres".
//
//go:embed sqlite postgres
var Files embed.FS
