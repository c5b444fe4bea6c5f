package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	entmigrate "mpauth/ent/migrate"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// eachEmpty runs a test on a database without tables, of both kinds.
func eachEmpty(t *testing.T, run func(t *testing.T, options database.Options)) {
	t.Helper()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			run(t, databasetest.EmptyOptions(t, dialectName))
		})
	}
}

// chain makes migrations out of the statements of one file each.
func chain(t *testing.T, files ...string) fstest.MapFS {
	t.Helper()
	dir := &atlas.MemDir{}
	for i, text := range files {
		require.NoError(t, dir.WriteFile(fmt.Sprintf("%04d_step.sql", i+1), []byte(text)))
	}
	sum, err := dir.Checksum()
	require.NoError(t, err)
	require.NoError(t, atlas.WriteSumFile(dir, sum))
	result := fstest.MapFS{}
	for i, text := range files {
		result[fmt.Sprintf("%04d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	text, err := sum.MarshalText()
	require.NoError(t, err)
	result["atlas.sum"] = &fstest.MapFile{Data: text}
	return result
}

func TestSixReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start, ended := make(chan struct{}), make(chan error)
		for range 6 {
			go func() {
				<-start
				db, err := database.Open(options)
				if err == nil {
					err = errors.Join(db.Migrate(ctx), db.Close())
				}
				ended <- err
			}()
		}
		close(start)
		for range 6 {
			require.NoError(t, <-ended)
		}
		db := databasetest.OpenWith(t, options)
		state, err := db.SchemaState(ctx)
		require.NoError(t, err)
		require.NoError(t, state.Err())
		n, err := db.Ent().User.Query().Count(ctx)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// A change in ent/schema without a migration fails here: run scripts/new-migration.
func TestMigrationsMatchSchema(t *testing.T) {
	t.Parallel()
	var comparing sync.Mutex // ent compares with a description of the tables that it changes as it goes
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		comparing.Lock()
		defer comparing.Unlock()
		var missing bytes.Buffer
		err := entmigrate.NewSchema(entsql.OpenDB(db.Dialect, db.SQL)).WriteTo(t.Context(), &missing,
			entmigrate.WithDropColumn(true), entmigrate.WithDropIndex(true))
		require.NoError(t, err)
		require.Empty(t, strings.ReplaceAll(strings.ReplaceAll(missing.String(), "BEGIN;", ""), "COMMIT;", ""),
			"these statements lead from the migrations to ent/schema")
	})
}

func TestOlderSchemaRefused(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		db := databasetest.OpenWith(t, options)
		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id int);")))
		state, err := db.SchemaState(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"0001"}, state.Pending)
		require.EqualError(t, state.Err(), "the database has no tables yet: run `mpauth migrate`")
		require.NoError(t, db.Migrate(t.Context()))

		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id int);", "CREATE TABLE b (id int);", "CREATE TABLE c (id int);")))
		state, err = db.SchemaState(t.Context())
		require.NoError(t, err)
		require.Equal(t, database.State{Version: "0001", Pending: []string{"0002", "0003"}}, state)
		_, ok := errors.AsType[*database.OlderSchemaError](state.Err())
		require.True(t, ok)
		require.EqualError(t, state.Err(),
			"the database is older than this program (it is at 0001, this program needs 0003): run `mpauth migrate`")

		require.NoError(t, db.Migrate(t.Context()))
		state, err = db.SchemaState(t.Context())
		require.NoError(t, err)
		require.NoError(t, state.Err())
	})
}

func TestNewerSchemaRefused(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		newer, older := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
		require.NoError(t, database.UseMigrations(newer, chain(t, "CREATE TABLE a (id int);", "CREATE TABLE b (id int);")))
		require.NoError(t, database.UseMigrations(older, chain(t, "CREATE TABLE a (id int);")))
		require.NoError(t, newer.Migrate(t.Context()))

		state, err := older.SchemaState(t.Context())
		require.NoError(t, err)
		for _, err := range []error{state.Err(), older.Migrate(t.Context())} {
			_, ok := errors.AsType[*database.NewerSchemaError](err)
			require.True(t, ok)
			require.ErrorContains(t, err, "the database is newer than this program (it is at 0002, which this program does not know): run the release that migrated it, or a later one")
			require.NotContains(t, err.Error(), "\n")
		}
	})
}

func TestChangedMigrationRefused(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		db := databasetest.OpenWith(t, options)
		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id int);")))
		require.NoError(t, db.Migrate(t.Context()))
		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id text);")))
		require.ErrorContains(t, db.Migrate(t.Context()), "migration 0001_step.sql is not the one that built this database")
	})
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		db := databasetest.OpenWith(t, options)
		broken := "CREATE TABLE b (id int);\nCREATE TABLE b (id int);"
		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id int);", broken)))
		err := db.Migrate(t.Context())
		require.ErrorContains(t, err, `0002_step.sql, nothing of it was kept: "CREATE TABLE b (id int);"`)
		require.ErrorContains(t, err, "used by another program?")
		require.NotContains(t, err.Error(), "\n")

		state, err := db.SchemaState(t.Context())
		require.NoError(t, err)
		require.Equal(t, database.State{Version: "0001", Pending: []string{"0002"}}, state)

		require.NoError(t, database.UseMigrations(db, chain(t, "CREATE TABLE a (id int);", "CREATE TABLE b (id int);")))
		require.NoError(t, db.Migrate(t.Context()))
	})
}

func TestHalfAppliedMigrationRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		_, err := db.SQL.ExecContext(t.Context(),
			"UPDATE atlas_schema_revisions SET applied = 1, total = 9, error = 'disk full' WHERE version = $1", "0001")
		require.NoError(t, err)
		require.ErrorContains(t, db.Migrate(t.Context()), "migration 0001 stopped after 1 of 9 statements (disk full): restore")
	})
}

func TestDamagedMigrationsRefused(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.SQLite)
	files := chain(t, "CREATE TABLE a (id int);")
	files["0001_step.sql"].Data = []byte("CREATE TABLE b (id int);")
	require.ErrorContains(t, database.UseMigrations(db, files), "do not match atlas.sum")
}

// SQLite changes a table by building another one and dropping the first, which must not delete the
// rows that refer to it.
func TestRebuildKeepsReferringRows(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenWith(t, databasetest.EmptyOptions(t, dialect.SQLite))
	first := `CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (a int REFERENCES a (id) ON DELETE CASCADE);
INSERT INTO a VALUES (1);
INSERT INTO b VALUES (1);`
	rebuild := `CREATE TABLE new_a (id int PRIMARY KEY, more text);
INSERT INTO new_a SELECT id, '' FROM a;
DROP TABLE a;
ALTER TABLE new_a RENAME TO a;`
	require.NoError(t, database.UseMigrations(db, chain(t, first, rebuild)))
	require.NoError(t, db.Migrate(t.Context()))
	var n int
	require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM b").Scan(&n))
	require.Equal(t, 1, n)

	require.NoError(t, database.UseMigrations(db, chain(t, first, rebuild, "DELETE FROM a;")))
	require.ErrorContains(t, db.Migrate(t.Context()), "refer to rows which do not exist")
}

// A migration may take longer than an everyday statement may, and waits for another one.
func TestMigrationMayTakeItsTime(t *testing.T) {
	t.Parallel()
	options := databasetest.EmptyOptions(t, dialect.Postgres)
	options.StatementTimeout = 500 * time.Millisecond
	db := databasetest.OpenWith(t, options)
	require.NoError(t, database.UseMigrations(db, chain(t, "SELECT pg_sleep(1);")))
	require.NoError(t, db.Migrate(t.Context()))
}

func TestMigrateWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, options database.Options) {
		db, other := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
		tx, err := other.SQL.BeginTx(t.Context(), nil) // locks SQLite
		require.NoError(t, err)
		if db.Dialect == dialect.Postgres {
			_, err = tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock($1)", 0x6d7061757468)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, db.Migrate(ctx), context.DeadlineExceeded)
		require.Less(t, time.Since(start), 200*time.Millisecond+slack)
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Migrate(t.Context()))
	})
}

// PostgreSQL announces each event that ends sessions, and no other.
func TestRevocationIsAnnounced(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	db := databasetest.OpenWith(t, options)
	listener := pq.NewListener(options.PostgresURL, time.Second, time.Second, nil)
	defer func() { require.NoError(t, listener.Close()) }()
	require.NoError(t, listener.Listen("mpauth_revocations"))

	insert := func(revokes any) {
		_, err := db.SQL.ExecContext(t.Context(), `INSERT INTO audit_events (at, action, app_id, user_id, revokes)
			VALUES ($1, 'test', 'wx', gen_random_uuid(), $2)`, time.Now(), revokes)
		require.NoError(t, err)
	}
	insert(nil)
	_, err := db.SQL.ExecContext(t.Context(), "NOTIFY mpauth_revocations, 'marker'")
	require.NoError(t, err)
	insert("user")
	for _, want := range []string{"marker", ""} {
		select {
		case n := <-listener.Notify:
			require.Equal(t, want, n.Extra)
		case <-time.After(time.Minute):
			t.Fatal("no notification")
		}
	}
}
