package admin_test

import (
	"context"
	"database/sql/driver"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// newCity is a world with so many people, on PostgreSQL. One in four is of the shared group, where the
// stand knows few and the mall the others. One in 50 is disabled, one in 200 closing,
// one in 1000 merged; two in three have a number and a nickname; each has an identity, a session and three
// events.
func newCity(t testing.TB, people int, wrap ...databasetest.Wrap) *world {
	t.Helper()
	options := databasetest.Options(t, dialect.Postgres)
	patient := options
	patient.StatementTimeout = time.Minute
	slow := databasetest.OpenWith(t, patient)
	for _, w := range wrap {
		options.Wrap = w
	}
	w := newWorld(t, databasetest.OpenWith(t, options))
	w.slow = slow
	for _, statement := range []string{
		`INSERT INTO users (id, app_group, status, disabled_reason, closes_at, merged_into, nickname, nickname_key, phone_index, epoch, created_at)
		SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
		  CASE n % 4 WHEN 0 THEN '` + club + `' WHEN 1 THEN 'market' ELSE '` + shop + `' END,
		  CASE WHEN n % 50 = 7 THEN 'disabled' ELSE 'active' END, CASE WHEN n % 50 = 7 THEN 'spam' END,
		  CASE WHEN n % 200 = 3 THEN now() + interval '3 days' END,
		  CASE WHEN n % 1000 = 1 THEN '00000000-0000-4000-8000-000000000002'::uuid END,
		  CASE WHEN n % 3 <> 0 THEN 'Name ' || md5(n::text) END, CASE WHEN n % 3 <> 0 THEN 'name ' || md5(n::text) END,
		  CASE WHEN n % 3 <> 1 THEN sha256(n::text::bytea) END, 0,
		  now() - n * interval '1 minute'
		FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO identities (id, app_id, open_id, union_id, user_id, created_at, last_login_at)
		SELECT gen_random_uuid(), CASE WHEN app_group <> 'market' THEN app_group WHEN merged_into IS NULL THEN '` + mall + `' ELSE '` + stand + `' END, 'o' || md5(id::text), CASE WHEN hashtext(id::text) % 2 = 0 THEN 'u' || md5(id::text) END,
		  id, created_at, created_at FROM users LIMIT $1`,
		`INSERT INTO sessions (id, user_id, app_id, identity_id, device_id, device_name, platform, sdk_version, refresh_counter,
		  refreshed_at, idle_expires_at, expires_at, created_at, login_code_hash, first_login)
		SELECT gen_random_uuid(), user_id, app_id, id, 'd', '', '', '', 0, now(), now() + interval '30 days', now() + interval '90 days',
		  created_at, sha256(id::text::bytea), true FROM identities LIMIT $1`,
		`INSERT INTO audit_events (at, action, app_id, user_id, actor, epoch)
		SELECT now() - (n * 10) * interval '1 second',
		  CASE WHEN n % 500 = 0 THEN 'admin.user.read' WHEN n % 100 = 1 THEN 'account.close' WHEN n % 10 < 6 THEN 'login' ELSE 'session.replace' END,
		  CASE WHEN n % 4 = 0 THEN '` + club + `' ELSE '` + shop + `' END,
		  ('00000000-0000-4000-8000-' || lpad(to_hex(1 + n % $1::int), 12, '0'))::uuid,
		  CASE WHEN n % 500 = 0 THEN 'key:sue' END, 0
		FROM generate_series(1, 3 * $1::int) AS n`,
	} {
		w.fill(t, statement, people)
	}
	w.fill(t, "ANALYZE")
	return w
}

// fill runs a statement that may take longer than one of a request.
func (w *world) fill(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := w.slow.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// statement is what was sent to the database.
type statement struct {
	sql  string
	args []driver.NamedValue
}

// spy keeps the queries that are sent to the database.
type spy struct {
	mu   sync.Mutex
	seen []statement
}

func (s *spy) wrap(inner driver.Connector) driver.Connector { return spyConnector{inner, s} }

// take hands out what was seen since the last time.
func (s *spy) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

type spyConnector struct {
	driver.Connector
	spy *spy
}

func (c spyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return spyConn{conn.(database.Conn), c.spy}, nil
}

type spyConn struct {
	database.Conn
	spy *spy
}

func (c spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.spy.mu.Lock()
	c.spy.seen = append(c.spy.seen, statement{query, args})
	c.spy.mu.Unlock()
	return c.Conn.QueryContext(ctx, query, args)
}
