package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"
)

// migrationLock is the key of the advisory lock that one migrating program holds at a time: the
// letters "mpauth".
const migrationLock = 0x6d7061757468

// Migrate applies the migrations that the database lacks. Any number of programs may do so at once:
// each migration is one transaction that first takes a lock and then looks again what is left to do,
// so that one program applies it and the others wait, as long as ctx lets them.
//
// A migration that fails leaves nothing behind. The error is a *NewerSchemaError or a
// *BrokenSchemaError where there is nothing to apply to.
func (db *DB) Migrate(ctx context.Context) (err error) {
	// Connections of its own: a migration may work longer than an everyday statement may.
	pool, err := db.maintain()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	for {
		done, err := db.migrateOnce(ctx, pool)
		switch {
		case err != nil && IsRetryable(err):
			if e := wait(ctx, 50*time.Millisecond); e != nil {
				return fmt.Errorf("migrate %s: %w", db.target.name(), errors.Join(e, err))
			}
		case err != nil:
			return fmt.Errorf("migrate %s: %w", db.target.name(), err)
		case done:
			return nil
		}
	}
}

// wait is for SQLite, which gives up on a lock sooner than ctx may.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// migrateOnce applies the first pending migration, in one transaction with its record.
func (db *DB) migrateOnce(ctx context.Context, pool *sql.DB) (done bool, err error) {
	tx, err := pool.BeginTx(ctx, nil) // in SQLite this takes the lock
	if err != nil {
		return false, err
	}
	defer func() {
		if e := tx.Rollback(); !errors.Is(e, sql.ErrTxDone) && !isLost(err) {
			err = errors.Join(err, e)
		}
	}()
	if db.Dialect == dialect.Postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return false, err
		}
	}
	store := &revisionStore{db: tx}
	if err := store.create(ctx, db.Dialect); err != nil {
		return false, err
	}
	revisions, err := store.ReadRevisions(ctx)
	if err != nil {
		return false, err
	}
	err = db.schema.compare(revisions).Err()
	older, ok := errors.AsType[*OlderSchemaError](err)
	if !ok {
		return true, err
	}
	if err := db.apply(ctx, tx, store, older.State.Pending[0]); err != nil {
		return false, err
	}
	return false, tx.Commit()
}

// isLost says whether the connection is gone, and a rollback with it.
func isLost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

func (db *DB) apply(ctx context.Context, tx *sql.Tx, store *revisionStore, version string) error {
	driver, err := atlasDriver(db.Dialect, tx)
	if err != nil {
		return err
	}
	executor, err := migrate.NewExecutor(driver, db.schema.dir, store, migrate.WithOperatorVersion("mpauth"))
	if err != nil {
		return err
	}
	for _, file := range db.schema.files {
		if file.Version() != version {
			continue
		}
		if err := executor.Execute(ctx, file); err != nil {
			return describe(file, err)
		}
	}
	if db.Dialect == dialect.SQLite {
		return checkReferences(ctx, tx)
	}
	return nil
}

func atlasDriver(dialectName string, db schema.ExecQuerier) (migrate.Driver, error) {
	if dialectName == dialect.Postgres {
		return postgres.Open(db)
	}
	return sqlite.Open(db)
}

// describe says which statement failed. Atlas also reports that it could not write that down, which
// is bound to be so in a transaction that has failed.
func describe(file migrate.File, err error) error {
	failed, ok := errors.AsType[*migrate.StmtExecError](err)
	if !ok {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	first, _, _ := strings.Cut(failed.Stmt.Text, "\n")
	err = fmt.Errorf("%s, nothing of it was kept: %q: %w", file.Name(), first, failed.Err)
	if strings.Contains(failed.Err.Error(), "already exists") {
		return fmt.Errorf("%w (is this database used by another program? mpauth needs one of its own)", err)
	}
	return err
}

// checkReferences does what SQLite would have done, had the migration not been run without it.
func checkReferences(ctx context.Context, tx *sql.Tx) (err error) {
	rows, err := tx.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		return errors.New("the migration leaves rows that refer to rows which do not exist")
	}
	return rows.Err()
}
