package database_test

import (
	"context"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// slack is what an answer may come after its deadline: half a second is promised, but this machine may be
// busy. Without a deadline of ours the driver would wait for minutes.
const slack = 5 * time.Second

func TestDeadlineHonouredWhenDBBlackholed(t *testing.T) {
	t.Parallel()
	const deadline = 300 * time.Millisecond

	// Each case gets a database that answers, prepares something, and returns what is then tried
	// against a server that swallows everything.
	cases := map[string]func(t *testing.T, db *database.DB) func(ctx context.Context) error{
		"ping on a new connection": func(*testing.T, *database.DB) func(context.Context) error {
			return nil
		},
		"ping on an open connection": func(t *testing.T, db *database.DB) func(context.Context) error {
			require.NoError(t, db.Ping(t.Context()))
			return db.Ping
		},
		"statement without parameters": func(t *testing.T, db *database.DB) func(context.Context) error {
			require.NoError(t, db.Ping(t.Context()))
			return func(ctx context.Context) error {
				_, err := db.SQL.ExecContext(ctx, "SELECT 1")
				return err
			}
		},
		"statement that must be prepared": func(t *testing.T, db *database.DB) func(context.Context) error {
			require.NoError(t, db.Ping(t.Context()))
			return func(ctx context.Context) error {
				_, err := db.SQL.ExecContext(ctx, "SELECT $1::int", 1)
				return err
			}
		},
		"statement that is prepared": func(t *testing.T, db *database.DB) func(context.Context) error {
			run := func(ctx context.Context) error {
				_, err := db.SQL.ExecContext(ctx, "SELECT $1::int", 1)
				return err
			}
			require.NoError(t, run(t.Context()))
			return run
		},
		"query through ent": func(t *testing.T, db *database.DB) func(context.Context) error {
			run := func(ctx context.Context) error {
				_, err := db.Ent().User.Query().Count(ctx)
				return err
			}
			require.NoError(t, run(t.Context()))
			return run
		},
		"begin": func(t *testing.T, db *database.DB) func(context.Context) error {
			require.NoError(t, db.Ping(t.Context()))
			return func(ctx context.Context) error {
				_, err := db.SQL.BeginTx(ctx, nil)
				return err
			}
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, options := newProxy(t, databasetest.Options(t, dialect.Postgres))
			db := databasetest.OpenWith(t, options)
			run := prepare(t, db)
			if run == nil {
				run = db.Ping
			}
			p.mode.Store(swallow)

			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			err := run(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(start), deadline+slack)
			require.True(t, database.IsUnavailable(err))

			p.mode.Store(forward)
			require.NoError(t, db.Ping(t.Context()), "the pool must recover by itself")
		})
	}
}

func TestDeadlineHonouredInTransaction(t *testing.T) {
	t.Parallel()
	const deadline = 2 * time.Second // the beginning has to be over by then
	for name, last := range map[string]string{"statement": "SELECT $1::int", "commit": "COMMIT", "rollback": "ROLLBACK"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, options := newProxy(t, databasetest.Options(t, dialect.Postgres))
			db := databasetest.OpenWith(t, options)
			require.NoError(t, db.Ping(t.Context()))

			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			tx, err := db.SQL.BeginTx(ctx, nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(ctx, "SELECT $1::int", 1)
			require.NoError(t, err)
			p.mode.Store(swallow)
			switch last {
			case "COMMIT":
				err = tx.Commit()
			case "ROLLBACK":
				err = tx.Rollback()
			default:
				_, err = tx.ExecContext(ctx, last, 1)
				_ = tx.Rollback()
			}
			require.Error(t, err)
			require.True(t, database.IsUnavailable(err), "%v", err)
			require.Less(t, time.Since(start), deadline+slack)

			p.mode.Store(forward)
			require.NoError(t, db.Ping(t.Context()))
		})
	}
}

// A caller without a deadline is protected by the statement timeout, which the server applies and,
// when the server is the one that is gone, the connection.
func TestSilenceIsBoundedWithoutDeadline(t *testing.T) {
	t.Parallel()
	p, options := newProxy(t, databasetest.Options(t, dialect.Postgres))
	options.StatementTimeout = time.Second
	options.ConnectTimeout = 2 * time.Second
	db := databasetest.OpenWith(t, options)
	require.NoError(t, db.Ping(t.Context()))

	_, err := db.SQL.ExecContext(context.Background(), "SELECT pg_sleep($1)", 30)
	require.ErrorContains(t, err, "statement timeout")
	require.True(t, database.IsUnavailable(err))

	p.mode.Store(swallow)
	start := time.Now()
	_, err = db.SQL.ExecContext(context.Background(), "SELECT $1::int", 5)
	require.True(t, database.IsUnavailable(err), "%v", err)
	require.Less(t, time.Since(start), options.StatementTimeout+time.Second+slack)

	start = time.Now()
	require.True(t, database.IsUnavailable(db.Ping(context.Background())), "the dead connection is gone, a new one is not made")
	require.Less(t, time.Since(start), options.ConnectTimeout+slack)
}

// A caller that goes away ends its statement on the server too, and takes the connection with it: a
// late request to cancel must not hit the next statement.
func TestCancelReachesServer(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{"plain": "SELECT pg_sleep(30)", "prepared": "SELECT pg_sleep($1)"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := databasetest.Options(t, dialect.Postgres)
			options.StatementTimeout = 20 * time.Second
			db := databasetest.OpenWith(t, options)
			watcher := databasetest.OpenWith(t, options)
			running := func() (n int) {
				require.NoError(t, watcher.SQL.QueryRow(`SELECT count(*) FROM pg_stat_activity
					WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'`).Scan(&n))
				return n
			}
			var args []any
			if name == "prepared" {
				args = []any{30}
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := db.SQL.ExecContext(ctx, statement, args...)
				ended <- err
			}()
			require.Eventually(t, func() bool { return running() == 1 }, time.Minute, 5*time.Millisecond)
			cancel()
			start := time.Now()
			err := <-ended
			require.ErrorIs(t, err, context.Canceled)
			require.Less(t, time.Since(start), slack)
			require.False(t, database.IsUnavailable(err), "the caller gave up, not the database")
			require.Eventually(t, func() bool { return running() == 0 }, time.Minute, 5*time.Millisecond)
			require.NoError(t, db.Ping(t.Context()))
		})
	}
}
