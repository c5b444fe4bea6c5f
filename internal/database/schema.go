package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"mpauth/ent/migrate/migrations"
)

// State is how far the tables of a database are.
type State struct {
	// Version is the newest migration that was applied, such as "0002"; "" in an empty database.
	Version string
	// Pending are the migrations that this program has and the database lacks.
	Pending []string
	// Unknown are the migrations that the database has and this program lacks.
	Unknown []string

	changed string // a file that is no longer what was applied
	failed  *migrate.Revision
}

// OlderSchemaError says that the tables lack migrations.
type OlderSchemaError struct{ State State }

func (e *OlderSchemaError) Error() string {
	if e.State.Version == "" {
		return "the database has no tables yet: run `mpauth migrate`"
	}
	return fmt.Sprintf("the database is older than this program (it is at %s, this program needs %s): run `mpauth migrate`",
		e.State.Version, e.State.Pending[len(e.State.Pending)-1])
}

// NewerSchemaError says that a newer release has migrated the tables.
type NewerSchemaError struct{ State State }

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database is newer than this program (it is at %s, which this program does not know): run the release that migrated it, or a later one",
		e.State.Version)
}

// BrokenSchemaError says that what was applied is not what this program has under the same name.
type BrokenSchemaError struct{ Reason string }

func (e *BrokenSchemaError) Error() string { return e.Reason }

// Err is nil when the tables are what this program expects; otherwise an *OlderSchemaError, a
// *NewerSchemaError or a *BrokenSchemaError, whose text is one line and names the remedy.
func (s State) Err() error {
	switch {
	case len(s.Unknown) > 0:
		return &NewerSchemaError{s}
	case s.failed != nil:
		return &BrokenSchemaError{fmt.Sprintf("migration %s stopped after %d of %d statements (%s): restore the database from its backup, or finish the migration by hand",
			s.failed.Version, s.failed.Applied, s.failed.Total, s.failed.Error)}
	case s.changed != "":
		return &BrokenSchemaError{fmt.Sprintf("migration %s is not the one that built this database: run the release that did, or start with an empty database",
			s.changed)}
	case len(s.Pending) > 0:
		return &OlderSchemaError{s}
	}
	return nil
}

// SchemaState compares the tables with the migrations that this program has. The error is about
// reading them; what was found is judged by State.Err.
func (db *DB) SchemaState(ctx context.Context) (State, error) {
	exists, err := revisionsExist(ctx, db.SQL, db.Dialect)
	if err != nil {
		return State{}, fmt.Errorf("read the schema version: %w", err)
	}
	if !exists {
		return db.schema.compare(nil), nil
	}
	revisions, err := (&revisionStore{db: db.SQL}).ReadRevisions(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read the schema version: %w", err)
	}
	return db.schema.compare(revisions), nil
}

// schemaFiles are the migrations of one database, in order.
type schemaFiles struct {
	dir   migrate.Dir
	files []migrate.File
	sums  migrate.HashFile
}

func embeddedSchema(dialectName string) (schemaFiles, error) {
	folder := "sqlite"
	if dialectName == dialect.Postgres {
		folder = "postgres"
	}
	sub, err := fs.Sub(migrations.Files, folder)
	if err != nil {
		return schemaFiles{}, err
	}
	return readSchema(sub)
}

// readSchema reads migrations with their checksums, which must agree.
func readSchema(files fs.FS) (schemaFiles, error) {
	dir := &migrate.MemDir{}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return schemaFiles{}, fmt.Errorf("read migrations: %w", err)
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return schemaFiles{}, fmt.Errorf("read migrations: %w", err)
		}
		if err := dir.WriteFile(entry.Name(), text); err != nil {
			return schemaFiles{}, fmt.Errorf("read migrations: %w", err)
		}
	}
	if err := migrate.Validate(dir); err != nil {
		return schemaFiles{}, fmt.Errorf("migrations do not match atlas.sum: %w", err)
	}
	schema := schemaFiles{dir: dir}
	if schema.files, err = dir.Files(); err != nil {
		return schemaFiles{}, fmt.Errorf("read migrations: %w", err)
	}
	if schema.sums, err = dir.Checksum(); err != nil {
		return schemaFiles{}, fmt.Errorf("read migrations: %w", err)
	}
	return schema, nil
}

// compare judges the applied revisions, which are in order.
func (s schemaFiles) compare(applied []*migrate.Revision) State {
	var state State
	for _, r := range applied {
		state.Version = r.Version
		file := slices.IndexFunc(s.files, func(f migrate.File) bool { return f.Version() == r.Version })
		switch {
		case file < 0:
			state.Unknown = append(state.Unknown, r.Version)
		case r.Error != "" || r.Applied != r.Total:
			state.failed = r
		case s.sum(s.files[file]) != r.Hash:
			state.changed = s.files[file].Name()
		}
	}
	for _, f := range s.files {
		if !slices.ContainsFunc(applied, func(r *migrate.Revision) bool { return f.Version() == r.Version }) {
			state.Pending = append(state.Pending, f.Version())
		}
	}
	return state
}

func (s schemaFiles) sum(f migrate.File) string {
	sum, err := s.sums.SumByName(f.Name())
	if err != nil {
		return "" // no revision has this sum
	}
	return sum
}

// revisionsExist says whether any migration has ever been applied.
func revisionsExist(ctx context.Context, db executor, dialectName string) (bool, error) {
	query := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
	if dialectName == dialect.Postgres {
		query = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)"
	}
	var n int
	if err := db.QueryRowContext(ctx, query, revisionTable).Scan(&n); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	return n > 0, nil
}
