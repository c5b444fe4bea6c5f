package database_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

func TestSQLiteConcurrentWriters(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 100
	db := databasetest.Open(t, dialect.SQLite)
	ctx := t.Context()
	_, err := db.SQL.ExecContext(ctx, "CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)")
	require.NoError(t, err)
	_, err = db.SQL.ExecContext(ctx, "INSERT INTO counters VALUES (1, 0)")
	require.NoError(t, err)

	// Reads before it writes: the order that fails unless the transaction takes its lock first.
	increment := func() error {
		tx, err := db.SQL.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT n FROM counters WHERE id = $1", 1).Scan(&n); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE counters SET n = $2 WHERE id = $1", 1, n+1); err != nil {
			return err
		}
		return tx.Commit()
	}
	var (
		group  sync.WaitGroup
		failed = make(chan error, writers*each)
	)
	for range writers {
		group.Go(func() {
			for range each {
				if err := increment(); err != nil {
					failed <- err
				}
			}
		})
	}
	group.Wait()
	require.Empty(t, failed)
	var n int
	require.NoError(t, db.SQL.QueryRowContext(ctx, "SELECT n FROM counters WHERE id = $1", 1).Scan(&n))
	require.Equal(t, writers*each, n, "no update is lost")
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.SQLite)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "secure_delete": "1"} {
		var got string
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	setting, err := db.LossySetting(t.Context())
	require.NoError(t, err)
	require.Empty(t, setting)
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "odd?name#100%.db")
	db := databasetest.OpenWith(t, database.Options{SQLitePath: path})
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Ping(t.Context()))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), entry.Name())
	}
	require.Equal(t, "odd?name#100%.db", entries[0].Name())
}

func TestSQLitePathThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := database.Open(database.Options{SQLitePath: filepath.Join(file, "mpauth.db")})
	require.EqualError(t, err, "SQLite file "+filepath.Join(file, "mpauth.db")+": make its folder: not a directory")

	_, err = database.Open(database.Options{SQLitePath: filepath.Dir(file)})
	require.EqualError(t, err, "SQLite file "+filepath.Dir(file)+": is a directory")

	require.NoError(t, os.WriteFile(file, []byte("this is not a database, and it is long enough to tell"), 0o600))
	db := databasetest.OpenWith(t, database.Options{SQLitePath: file})
	err = db.Ping(t.Context())
	require.ErrorContains(t, err, "SQLite file "+file+" does not answer: connect: file is not a database")
}

// Who waits inside one process waits for their turn, and not on SQLite's patience.
func TestSQLiteWritersWaitInLine(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.SQLite)
	conn, err := db.SQL.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	require.NoError(t, err)
	holder, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)

	for _, write := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := conn.BeginTx(ctx, nil); return err },
		func(ctx context.Context) error {
			_, err := conn.ExecContext(ctx, "CREATE TABLE marks (n int)")
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		require.ErrorIs(t, write(ctx), context.DeadlineExceeded)
		cancel()
	}
	reader, err := conn.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err, "who only reads waits for nobody")
	require.NoError(t, reader.Rollback())

	require.NoError(t, holder.Rollback())
	next, err := conn.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, next.Commit())
	_, err = conn.ExecContext(t.Context(), "CREATE TABLE marks (n int)")
	require.NoError(t, err)
}
