package databasetest_test

import (
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database/databasetest"
)

func TestCounterSeesEveryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			var counter databasetest.Counter
			db := databasetest.Open(t, dialectName, counter.Wrap)
			ctx := t.Context()
			tx, err := db.SQL.BeginTx(ctx, nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(ctx, "UPDATE users SET epoch = $1", 1)
			require.NoError(t, err)
			prepared, err := tx.PrepareContext(ctx, "UPDATE users SET epoch = $1 + 1")
			require.NoError(t, err)
			_, err = prepared.ExecContext(ctx, 1)
			require.NoError(t, err)
			require.NoError(t, prepared.Close())
			require.NoError(t, tx.Commit())
			tx, err = db.SQL.BeginTx(ctx, nil)
			require.NoError(t, err)
			require.NoError(t, tx.Rollback())
			var n int
			require.NoError(t, db.SQL.QueryRowContext(ctx, "SELECT count(*) FROM users").Scan(&n))
			require.NoError(t, db.Ping(ctx))
			require.Equal(t, []string{
				"BEGIN", "UPDATE users SET epoch = $1", "UPDATE users SET epoch = $1 + 1", "COMMIT",
				"BEGIN", "ROLLBACK", "SELECT count(*) FROM users", "PING",
			}, counter.Calls())
			require.Equal(t, 8, counter.Count())

			counter.Reset()
			_, err = db.Ent().User.Query().All(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, counter.Count(), counter.String())
		})
	}
}
