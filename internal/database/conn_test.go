package database_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// database/sql runs a statement again when its driver says that the connection is bad; lib/pq says so
// too when the answer was lost.
func TestStatementIsNotRunTwice(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(ctx context.Context, db *database.DB) error{
		"plain": func(ctx context.Context, db *database.DB) error {
			_, err := db.SQL.ExecContext(ctx, "INSERT INTO marks VALUES (1)")
			return err
		},
		"prepared": func(ctx context.Context, db *database.DB) error {
			_, err := db.SQL.ExecContext(ctx, "INSERT INTO marks VALUES ($1)", 1)
			return err
		},
		"query": func(ctx context.Context, db *database.DB) error {
			var n int
			return db.SQL.QueryRowContext(ctx, "INSERT INTO marks VALUES ($1) RETURNING n", 1).Scan(&n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, options := newProxy(t, databasetest.Options(t, dialect.Postgres))
			db := databasetest.OpenWith(t, options)
			_, err := db.SQL.ExecContext(t.Context(), "CREATE TABLE marks (n int)")
			require.NoError(t, err)
			require.NoError(t, run(t.Context(), db)) // prepares

			p.mode.Store(cut)
			err = run(t.Context(), db)
			require.Error(t, err)
			require.True(t, database.IsUnavailable(err), "%v", err)

			var n int
			require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM marks").Scan(&n))
			require.Equal(t, 2, n)
		})
	}
}

// A server that was restarted has left dead connections in the pool. Nothing has been sent on them,
// so nobody needs to hear of it.
func TestDeadIdleConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	db, administrator := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
	insert := "INSERT INTO marks VALUES ($1)"
	_, err := db.SQL.ExecContext(t.Context(), "CREATE TABLE marks (n int)")
	require.NoError(t, err)
	for range 5 {
		_, err := db.SQL.ExecContext(t.Context(), insert, 1)
		require.NoError(t, err)
		_, err = administrator.SQL.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	}
	_, err = db.SQL.ExecContext(t.Context(), insert, 1)
	require.NoError(t, err)
}

func TestStatementsArePreparedOnce(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	db.SQL.SetMaxOpenConns(1)
	prepared := func() (n int) {
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&n))
		return n
	}
	for range 3 {
		_, err := db.SQL.ExecContext(t.Context(), "SELECT $1::int", 1)
		require.NoError(t, err)
	}
	require.Equal(t, 1, prepared())

	for i := range 3 * database.MaxStatements {
		_, err := db.SQL.ExecContext(t.Context(), fmt.Sprintf("SELECT $1::int AS column%d", i), 1)
		require.NoError(t, err)
	}
	require.Equal(t, database.MaxStatements, prepared(), "what is not used any more is dropped on the server too")
}

// A migration, or somebody else on a shared connection, may take prepared statements away.
func TestStaleStatementIsPreparedAgain(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*database.DB, func(s string)) {
		db := databasetest.Open(t, dialect.Postgres)
		db.SQL.SetMaxOpenConns(1)
		exec := func(s string) {
			_, err := db.SQL.ExecContext(t.Context(), s)
			require.NoError(t, err)
		}
		exec("CREATE TABLE marks (n int)")
		exec("INSERT INTO marks VALUES (7)")
		return db, exec
	}
	const query = "SELECT * FROM marks WHERE n = $1"
	for name, spoil := range map[string]string{
		"changed": "ALTER TABLE marks ADD COLUMN m int",
		"dropped": "DEALLOCATE ALL",
	} {
		t.Run(name+" outside a transaction", func(t *testing.T) {
			t.Parallel()
			db, exec := setUp(t)
			_, err := db.SQL.ExecContext(t.Context(), query, 7)
			require.NoError(t, err)
			exec(spoil)
			result, err := db.SQL.ExecContext(t.Context(), query, 7)
			require.NoError(t, err)
			n, err := result.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		})
		t.Run(name+" inside a transaction", func(t *testing.T) {
			t.Parallel()
			db, exec := setUp(t)
			_, err := db.SQL.ExecContext(t.Context(), query, 7)
			require.NoError(t, err)
			exec(spoil)
			attempt := func() error {
				tx, err := db.SQL.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				_, err = tx.ExecContext(t.Context(), query, 7)
				return errors.Join(err, tx.Rollback())
			}
			require.True(t, database.IsRetryable(attempt()), "the transaction is lost")
			require.NoError(t, attempt(), "but the next attempt succeeds")
		})
	}
}

func TestOpenRowsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	tx, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	rows, err := tx.QueryContext(t.Context(), "SELECT n FROM generate_series(1, $1::int) AS n", 3)
	require.NoError(t, err)
	require.True(t, rows.Next())
	_, err = tx.ExecContext(t.Context(), "SELECT $1::int", 1)
	require.ErrorContains(t, err, "still being read")
	var sum, n int
	for ok := true; ok; ok = rows.Next() {
		require.NoError(t, rows.Scan(&n))
		sum += n
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 6, sum, "the rows are unharmed")
	_, err = tx.ExecContext(t.Context(), "SELECT $1::int", 1)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

// More transactions than connections: whoever prepared on another connection would wait for ever.
func TestTransactionsDoNotDeadlockOnThePool(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	db.SQL.SetMaxOpenConns(2)
	done := make(chan error)
	for range 32 {
		go func() {
			tx, err := db.SQL.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), "SELECT $1::int", 1)
				err = errors.Join(err, tx.Commit())
			}
			done <- err
		}()
	}
	for range 32 {
		require.NoError(t, <-done)
	}
}
