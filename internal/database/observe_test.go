package database_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// TestEveryExchangeIsToldWithItsContextAndOutcome is about what metrics and traces are made of; that
// no exchange is missed is shown by TestCounterSeesEveryRoundTrip.
func TestEveryExchangeIsToldWithItsContextAndOutcome(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			type asker struct{}
			var mu sync.Mutex
			var calls []database.Call
			at := time.Now()
			now := func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				at = at.Add(time.Millisecond)
				return at
			}
			db := databasetest.Open(t, dialectName, database.Observe(now, func(ctx context.Context, call database.Call) {
				if ctx.Value(asker{}) == nil {
					return // migrations, and the pool itself
				}
				mu.Lock()
				defer mu.Unlock()
				require.Equal(t, time.Millisecond, call.Duration)
				calls = append(calls, call)
			}))
			ctx := context.WithValue(t.Context(), asker{}, true)

			tx, err := db.Ent().Tx(ctx)
			require.NoError(t, err)
			_, err = tx.ExecContext(ctx, "UPDATE nothing_of_that_name SET a = $1", "private")
			require.Error(t, err)
			require.NoError(t, tx.Rollback())
			canceled, cancel := context.WithCancel(ctx)
			cancel()
			require.Error(t, db.Ping(canceled))

			var told []string // of the ping nothing was ever sent
			for _, call := range calls {
				told = append(told, call.Verb())
				require.Equal(t, call.Verb() == "update", call.Err != nil, call.SQL)
				require.NotContains(t, call.SQL, "private")
			}
			require.Equal(t, []string{"connect", "begin", "update", "rollback"}, told)
		})
	}
}

func TestVerbIsOneOfAFew(t *testing.T) {
	t.Parallel()
	for sql, verb := range map[string]string{
		"SELECT 1": "select", "\nINSERT INTO a (b) VALUES ($1)": "insert", "BEGIN": "begin", "CONNECT": "connect",
		"PRAGMA x": "other", "": "other", "select\tx": "other",
	} {
		require.Equal(t, verb, database.Call{SQL: sql}.Verb(), sql)
	}
}

func TestClassOfAFailure(t *testing.T) {
	t.Parallel()
	for class, err := range map[string]error{
		"": nil, "canceled": fmt.Errorf("x: %w", context.Canceled), "unavailable": context.DeadlineExceeded,
		"conflict": &pq.Error{Code: "40001"}, "unique": &pq.Error{Code: "23505"}, "other": &pq.Error{Code: "42P01"},
	} {
		require.Equal(t, class, database.Call{Err: err}.Class())
	}
}
