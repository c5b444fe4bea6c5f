package database_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// verdict is what the package says about an error.
type verdict struct{ unique, retryable, unavailable bool }

func judge(err error) verdict {
	return verdict{database.IsUnique(err), database.IsRetryable(err), database.IsUnavailable(err)}
}

func TestUniqueViolation(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		create := func(appGroup string) error {
			_, err := db.Ent().User.Create().SetAppGroup(appGroup).SetPhoneIndex([]byte("x")).SetCreatedAt(moments[0]).Save(t.Context())
			return err
		}
		require.NoError(t, create("g"))
		require.Equal(t, verdict{unique: true}, judge(create("g")))

		id := db.Ent().User.Query().OnlyIDX(t.Context())
		_, err := db.Ent().User.Create().SetID(id).SetAppGroup("h").SetCreatedAt(moments[0]).Save(t.Context())
		require.Equal(t, verdict{unique: true}, judge(err), "the primary key too")

		_, err = db.SQL.ExecContext(t.Context(), "INSERT INTO users (id) VALUES ($1)", id)
		require.Error(t, err)
		require.Equal(t, verdict{}, judge(err), "a missing value is neither")
	})
}

func TestOrdinaryErrors(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		_, err := db.SQL.ExecContext(t.Context(), "SELECT nonsense")
		require.Error(t, err)
		require.Equal(t, verdict{}, judge(err))
	})
	require.Equal(t, verdict{}, judge(nil))
	require.Equal(t, verdict{}, judge(sql.ErrNoRows))
	require.Equal(t, verdict{}, judge(context.Canceled))
	require.Equal(t, verdict{unavailable: true}, judge(context.DeadlineExceeded))
	require.Equal(t, verdict{unavailable: true}, judge(&pq.Error{Code: "53100"}), "disk full")
	require.Equal(t, verdict{unavailable: true}, judge(&pq.Error{Code: "57P03"}), "starting up")
	require.Equal(t, verdict{unavailable: true}, judge(&pq.Error{Code: "25006"}), "a standby")
	require.Equal(t, verdict{retryable: true}, judge(&pq.Error{Code: "55P03"}))
}

func TestSerializationFailureAndDeadlock(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	begin := func(level sql.IsolationLevel) *sql.Tx {
		tx, err := db.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback() })
		return tx
	}
	exec := func(tx *sql.Tx, query string, args ...any) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	}
	_, err := db.SQL.ExecContext(t.Context(), "CREATE TABLE marks (id int, n int)")
	require.NoError(t, err)
	_, err = db.SQL.ExecContext(t.Context(), "INSERT INTO marks VALUES (1, 0), (2, 0)")
	require.NoError(t, err)
	const update = "UPDATE marks SET n = n + 1 WHERE id = $1"

	first, second := begin(sql.LevelRepeatableRead), begin(sql.LevelRepeatableRead)
	require.NoError(t, exec(second, "SELECT n FROM marks"))
	require.NoError(t, exec(first, update, 1))
	require.NoError(t, first.Commit())
	require.Equal(t, verdict{retryable: true}, judge(exec(second, update, 1)))

	first, second = begin(sql.LevelDefault), begin(sql.LevelDefault)
	require.NoError(t, exec(first, update, 1))
	require.NoError(t, exec(second, update, 2))
	blocked := make(chan error, 1)
	go func() { blocked <- exec(first, update, 2) }()
	err = errors.Join(exec(second, update, 1), <-blocked)
	require.Equal(t, verdict{retryable: true}, judge(err))
}

func TestSQLiteBusy(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.SQLite)
	holder, db := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
	tx, err := holder.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()

	conn, err := db.SQL.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	require.NoError(t, err)
	_, err = conn.BeginTx(t.Context(), nil)
	require.Equal(t, verdict{retryable: true, unavailable: true}, judge(err))

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = db.SQL.BeginTx(ctx, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), slack)
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	db := databasetest.OpenWith(t, database.Options{PostgresURL: "postgres://user:hunter2@" + address + "/name?sslmode=disable"})
	err = db.Ping(t.Context())
	require.EqualError(t, err, "PostgreSQL at "+address+", database name does not answer: connect: dial tcp "+address+": connect: connection refused")
	require.Equal(t, verdict{unavailable: true}, judge(err))
}

// What the server says when it refuses to connect is passed on, and counts as unavailable.
func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	options.PostgresURL += "&dbname=nonexistent"
	db := databasetest.OpenWith(t, options)
	err := db.Ping(t.Context())
	require.ErrorContains(t, err, `database "nonexistent" does not exist`)
	require.Equal(t, verdict{unavailable: true}, judge(err))
}

// A transaction that its client forgets is ended by the server, which tells the next statement.
func TestTerminatedConnection(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	db, administrator := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
	tx, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "SELECT $1::int", 1)
	require.NoError(t, err)
	_, err = administrator.SQL.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "SELECT $1::int", 1)
	require.Equal(t, verdict{unavailable: true}, judge(err))
	require.Error(t, tx.Commit())
	require.NoError(t, db.Ping(t.Context()))
}
