package database_test

import (
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                       "open database: set either a PostgreSQL URL or a SQLite file",
		"localhost user hunter2":                 "PostgreSQL URL: it does not look like postgres://user:password@host:5432/name?sslmode=verify-full",
		"postgres://u:hun/ter2@h/name":           "PostgreSQL URL: in the user name or the password, characters such as / ? # % @ and : must be percent-encoded",
		"postgres://u:hun%ter2@h/name":           "PostgreSQL URL: in the user name or the password, characters such as / ? # % @ and : must be percent-encoded",
		"postgres://u:hunter2@h:x/name":          `PostgreSQL URL: invalid port ":x" after host`,
		"postgres://u:hunter2@h/n?sslmode=maybe": `PostgreSQL URL: pq: wrong value for "sslmode"`,
	} {
		_, err := database.Open(database.Options{PostgresURL: url})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "ter2")
	}
	_, err := database.Open(database.Options{PostgresURL: "postgres://h/n", SQLitePath: "x"})
	require.ErrorContains(t, err, "either")
}

func TestPasswordIsNotPrinted(t *testing.T) {
	t.Parallel()
	options := database.Options{PostgresURL: "postgres://u:hunter2@h/name"}
	db := databasetest.OpenWith(t, options)
	for _, value := range []any{options, &options, db} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			require.NotContains(t, fmt.Sprintf(verb, value), "hunter2", verb)
		}
	}
}

func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	options.StatementTimeout = 1500 * time.Millisecond
	db := databasetest.OpenWith(t, options)
	for setting, want := range map[string]string{
		"statement_timeout": "1500ms", "idle_in_transaction_session_timeout": "5s", "TimeZone": "UTC", "application_name": "mpauth",
	} {
		var got string
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT current_setting($1)", setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
}

func TestLossySettingIsFound(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	options.PostgresURL += "&synchronous_commit=off"
	db := databasetest.OpenWith(t, options)
	setting, err := db.LossySetting(t.Context())
	require.NoError(t, err)
	require.Equal(t, "synchronous_commit=off", setting)
}

// After a failover the address may lead to a standby, whose rows are old.
func TestReadOnlyServerIsRefused(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	options.PostgresURL += "&default_transaction_read_only=on"
	db := databasetest.OpenWith(t, options)
	err := db.Ping(t.Context())
	require.ErrorContains(t, err, "read-only")
	require.True(t, database.IsUnavailable(err))
}
