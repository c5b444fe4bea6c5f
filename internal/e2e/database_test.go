package e2e_test

import (
	"net"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// onEach runs a test on both databases, each empty, beside each other. The settings name the database
// and the data directory.
func onEach(t *testing.T, test func(t *testing.T, s settings)) {
	t.Helper()
	for name, kind := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, emptyDatabase(t, kind))
		})
	}
}

func emptyDatabase(t testing.TB, kind string) settings {
	t.Helper()
	s := settings{"DATA": t.TempDir()}
	if kind == dialect.Postgres {
		s["DATABASE_URL"] = databasetest.EmptyOptions(t, kind).PostgresURL
	}
	return s
}

// openDatabase looks at the database of a server from outside, beside it.
func openDatabase(t testing.TB, s settings) *database.DB {
	t.Helper()
	options := database.Options{PostgresURL: s["DATABASE_URL"], MaxConns: 2}
	if options.PostgresURL == "" {
		options.SQLitePath = filepath.Join(s["DATA"], "mpauth.db")
	}
	return databasetest.OpenWith(t, options)
}

// count is the one number that a query returns.
func count(t testing.TB, db *database.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.SQL.QueryRowContext(t.Context(), query, args...).Scan(&n), query)
	return n
}

// alter changes the database behind the server's back.
func alter(t testing.TB, db *database.DB, statement string, args ...any) {
	t.Helper()
	_, err := db.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err, statement)
}

// freeAddress is an address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
