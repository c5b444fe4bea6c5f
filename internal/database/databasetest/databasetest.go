// Package databasetest owns the databases that tests run on: a fresh one for each test, of both kinds.
//
// A test that reaches the database says so by Each and then holds for SQLite and for PostgreSQL. The
// PostgreSQL server is the one in MPAUTH_TEST_POSTGRES_URL, which scripts/with-postgres provides.
package databasetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mpauth/ent/migrate/migrations"
	"mpauth/internal/database"
)

const urlVariable = "MPAUTH_TEST_POSTGRES_URL"

// Wrap is what database.Options.Wrap takes; see Counter.
type Wrap = func(driver.Connector) driver.Connector

// Each runs a test on an empty, migrated SQLite database and on an empty, migrated PostgreSQL one, in
// parallel subtests named "sqlite" and "postgres".
func Each(t *testing.T, run func(t *testing.T, db *database.DB)) {
	t.Helper()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, Open(t, dialectName))
		})
	}
}

// Open returns an empty, migrated database of the given dialect, which is closed and removed when the
// test ends. Without a PostgreSQL server the test is skipped, but fails where CI=true.
func Open(t testing.TB, dialectName string, wrap ...Wrap) *database.DB {
	t.Helper()
	options := Options(t, dialectName)
	for _, w := range wrap {
		inner := options.Wrap
		options.Wrap = func(c driver.Connector) driver.Connector {
			if inner != nil {
				c = inner(c)
			}
			return w(c)
		}
	}
	return OpenWith(t, options)
}

// OpenWith opens a database as options say and closes it when the test ends.
func OpenWith(t testing.TB, options database.Options) *database.DB {
	t.Helper()
	db, err := database.Open(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// patience is how long a connection may take to be made: a busy machine is no outage.
const patience = time.Minute

// Options names an empty, migrated database that is removed when the test ends, for tests that open
// it themselves.
func Options(t testing.TB, dialectName string) database.Options {
	t.Helper()
	if dialectName == dialect.SQLite {
		path := filepath.Join(t.TempDir(), "mpauth.db")
		text, err := migratedFile()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return database.Options{SQLitePath: path}
	}
	return database.Options{PostgresURL: createDatabase(t, template(t)), ConnectTimeout: patience}
}

// EmptyOptions is Options for a database without tables.
func EmptyOptions(t testing.TB, dialectName string) database.Options {
	t.Helper()
	if dialectName == dialect.SQLite {
		return database.Options{SQLitePath: filepath.Join(t.TempDir(), "mpauth.db")}
	}
	return database.Options{PostgresURL: createDatabase(t, "template0"), ConnectTimeout: patience}
}

// migratedFile is a SQLite database after all migrations.
var migratedFile = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "mpauth-template")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	if err := migrate(context.Background(), database.Options{SQLitePath: path}); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func migrate(ctx context.Context, options database.Options) error {
	db, err := database.Open(options)
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx); err != nil {
		_ = db.Close()
		return err
	}
	return db.Close()
}

// ServerURL is the administrator's URL of the PostgreSQL server to test on.
func ServerURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(urlVariable)
	switch {
	case server != "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not set: run scripts/with-postgres go test ./...", urlVariable)
	default:
		t.Skipf("no PostgreSQL to test on: run scripts/with-postgres go test ./...")
	}
	return server
}

// withPath is the URL of another database on the same server.
func withPath(t testing.TB, server, name string) string {
	t.Helper()
	address, err := url.Parse(server)
	require.NoError(t, err)
	address.Path = "/" + name
	return address.String()
}

func createDatabase(t testing.TB, from string) (address string) {
	t.Helper()
	server := ServerURL(t)
	name := "mpauth_test_" + rand.Text()
	administer(t, server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", pq.QuoteIdentifier(name), pq.QuoteIdentifier(from)))
	t.Cleanup(func() {
		administer(t, server, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", pq.QuoteIdentifier(name)))
	})
	return withPath(t, server, name)
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", server)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(context.Background(), statement)
	require.NoError(t, err)
}

// template returns the name of a migrated database on the server. It is named by what the migrations
// are and stays, so that all test programs of a run, and later runs, share it.
func template(t testing.TB) string {
	t.Helper()
	sum, err := fs.ReadFile(migrations.Files, "postgres/atlas.sum")
	require.NoError(t, err)
	name := fmt.Sprintf("mpauth_template_%x", sha256.Sum256(sum))[:32]

	server := ServerURL(t)
	db, err := sql.Open("postgres", server)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	session, err := db.Conn(ctx) // holds the lock until it is closed
	require.NoError(t, err)
	defer func() { require.NoError(t, session.Close()) }()

	_, err = session.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", name)
	require.NoError(t, err)
	var exists bool
	err = session.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	require.NoError(t, err)
	if exists {
		return name
	}
	raw := "mpauth_template_" + rand.Text()
	_, err = session.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(raw)+" TEMPLATE template0")
	require.NoError(t, err)
	require.NoError(t, migrate(ctx, database.Options{PostgresURL: withPath(t, server, raw)}))
	require.EventuallyWithT(t, func(t *assert.CollectT) { // the migrating connection may take a moment to go
		_, err := session.ExecContext(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", pq.QuoteIdentifier(raw), pq.QuoteIdentifier(name)))
		require.NoError(t, err)
	}, 10*time.Second, 20*time.Millisecond)
	return name
}
