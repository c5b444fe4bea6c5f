package revocation_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/revocation"
)

// naive is how one must not read the events: by ids greater than the last one seen.
type naive struct {
	db   *database.DB
	last int64
	seen map[uuid.UUID]bool
}

func (n *naive) look(t testing.TB) {
	t.Helper()
	rows, err := n.db.SQL.QueryContext(t.Context(),
		"SELECT id, session_id FROM audit_events WHERE revokes IS NOT NULL AND id > $1 ORDER BY id", n.last)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var session uuid.UUID
		require.NoError(t, rows.Scan(&n.last, &session))
		n.seen[session] = true
	}
	require.NoError(t, rows.Err())
}

// Ids are given before commits, so a reader that remembers the last id misses what commits late. The
// feed does not; the naive reader beside it does, which shows that the test can tell.
func TestRevocationCursorHasNoGaps(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	c := newClock()
	f, control := newFeed(db, c.Now, nil), &naive{db: db, seen: map[uuid.UUID]bool{}}
	look := func() {
		require.NoError(t, f.Look(t.Context()))
		control.look(t)
	}
	look()

	const open = 8
	var sessions []uuid.UUID
	for range 25 {
		var begun []*ent.Tx
		for range open {
			tx, err := db.Ent().Tx(t.Context())
			require.NoError(t, err)
			session := uuid.New()
			endSession(t, tx.AuditEvent, session, c.Now())
			begun, sessions = append(begun, tx), append(sessions, session)
		}
		for i, at := range rand.Perm(open) {
			if i == open-1 && len(sessions)%3 == 0 {
				require.NoError(t, begun[at].Rollback())
				continue
			}
			require.NoError(t, begun[at].Commit())
			look()
		}
	}
	look()
	committed := db.Ent().AuditEvent.Query().AllX(t.Context())
	missed := 0
	for _, e := range committed {
		c.requireEnded(t, f, *e.SessionID, true)
		if !control.seen[*e.SessionID] {
			missed++
		}
	}
	require.Less(t, len(committed), len(sessions))
	require.Positive(t, missed, "the control must miss some, or nothing was shown")
	t.Logf("%d events, the naive reader missed %d", len(committed), missed)
}

// The same with writers, a running feed and real concurrency.
func TestRevocationsOfConcurrentWritersAllArrive(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	f := newFeed(db, time.Now, nil)
	run(t, f)
	var mu sync.Mutex
	var sessions []uuid.UUID
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 25 {
				tx, err := db.Ent().Tx(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				session := uuid.New()
				endSession(t, tx.AuditEvent, session, time.Now())
				_, err = tx.ExecContext(t.Context(), "SELECT pg_sleep(random() * 0.02)")
				assert.NoError(t, err)
				assert.NoError(t, tx.Commit())
				mu.Lock()
				sessions = append(sessions, session)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	require.NoError(t, f.Look(t.Context()))
	for _, session := range sessions {
		require.ErrorIs(t, f.Check(t.Context(), session, uuid.New(), 0), revocation.ErrRevoked)
	}
}

// listen starts to listen to a database and waits until PostgreSQL has agreed.
func listen(t testing.TB, db *database.DB, url string) <-chan struct{} {
	t.Helper()
	wake, stop := revocation.Notifications(url, slog.New(slog.DiscardHandler))
	t.Cleanup(stop)
	require.Eventually(t, func() bool { return listeners(t, db) > 0 }, time.Minute, 5*time.Millisecond)
	return wake
}

const whoListens = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

func listeners(t testing.TB, db *database.DB) (n int) {
	t.Helper()
	require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT count(*) "+whoListens).Scan(&n))
	return n
}

func TestPostgresAnnouncesRevocationsOnly(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	db := databasetest.OpenWith(t, options)
	wake := listen(t, db, options.PostgresURL)
	require.NoError(t, db.Ent().AuditEvent.Create().SetAt(time.Now()).SetAction("login").SetAppID("wx").Exec(t.Context()))
	tx, err := db.Ent().Tx(t.Context())
	require.NoError(t, err)
	endSession(t, tx.AuditEvent, uuid.New(), time.Now())
	require.NoError(t, tx.Rollback())
	endSession(t, db.Ent().AuditEvent, uuid.New(), time.Now())
	select { // messages come in the order of commits, so one from before would come first
	case <-wake:
	case <-time.After(time.Minute):
		t.Fatal("no word of a revocation")
	}
	select {
	case <-wake:
		t.Fatal("a login or something that was rolled back was announced")
	case <-time.After(50 * time.Millisecond):
	}
}

// Connections that listen are cut again and again; the poll and the notices of new connections deliver
// every revocation within a second.
func TestRevocationSurvivesListenerLoss(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	db := databasetest.OpenWith(t, options)
	f := newFeed(db, time.Now, listen(t, db, options.PostgresURL))
	run(t, f)
	cut := 0
	for range 8 {
		var n sql.NullInt64
		err := db.SQL.QueryRowContext(t.Context(),
			"SELECT count(*) FROM (SELECT pg_terminate_backend(pid) "+whoListens+") AS cut").Scan(&n)
		require.NoError(t, err)
		cut += int(n.Int64)
		session := uuid.New()
		endSession(t, db.Ent().AuditEvent, session, time.Now())
		requireSoonEnded(t, f, session, time.Second)
	}
	require.Positive(t, cut, "somebody must have been listening")
	require.Eventually(t, func() bool { return listeners(t, db) > 0 }, time.Minute, 10*time.Millisecond, "the listener comes back")
}

// Not parallel: it counts goroutines.
func TestFeedLeavesNothingBehind(t *testing.T) {
	options := databasetest.Options(t, dialect.Postgres)
	before := goleak.IgnoreCurrent()
	db, err := database.Open(options)
	require.NoError(t, err)
	wake, stopListening := revocation.Notifications(options.PostgresURL, slog.New(slog.DiscardHandler))
	f := newFeed(db, time.Now, wake)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.Run(ctx)
		close(ended)
	}()
	session := uuid.New()
	endSession(t, db.Ent().AuditEvent, session, time.Now())
	requireSoonEnded(t, f, session, 10*time.Second)
	cancel()
	<-ended
	stopListening()
	require.NoError(t, db.Close())
	goleak.VerifyNone(t, before)
	_, unreachable := revocation.Notifications(fmt.Sprintf("postgres://nobody@127.0.0.1:%d/none?sslmode=disable", 1), slog.New(slog.DiscardHandler))
	unreachable() // a listener that was never heard ends too
	goleak.VerifyNone(t, before)
}

// A server that comes back after a crash, and a standby that takes over, gives out again the ids of
// transactions whose traces it never got. Under such an id a revocation lies before the place where
// the feed had got to. The connections that die with the server tell the feed to begin anew.
func TestRevocationOfAServerThatWentBackIsSeen(t *testing.T) {
	t.Parallel()
	options := databasetest.Options(t, dialect.Postgres)
	outside, db := databasetest.OpenWith(t, options), databasetest.OpenWith(t, options)
	c := newClock()
	f := newFeed(db, c.Now, nil)
	require.NoError(t, f.Look(t.Context()))
	session := uuid.New()
	require.NoError(t, outside.Ent().AuditEvent.Create().SetAt(c.Now()).SetAction("logout").SetAppID("wx").SetXid(3).
		SetUserID(uuid.New()).SetSessionID(session).SetRevokes(auditevent.RevokesSession).Exec(t.Context()))
	require.NoError(t, f.Look(t.Context()))
	c.requireEnded(t, f, session, false) // on one connection ids only grow, and nothing old is read twice

	_, err := outside.SQL.ExecContext(t.Context(),
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.Look(t.Context()) == nil }, time.Minute, 5*time.Millisecond)
	c.requireEnded(t, f, session, true)
}

// A look on a new connection reads the whole window. A feed that gave up after the time for which memory is believed
// would then never be fresh again.
func TestALookMayTakeLong(t *testing.T) {
	t.Parallel()
	var said lines
	db := databasetest.Open(t, dialect.Postgres)
	f := revocation.NewFeed(revocation.Options{
		DB: db, Window: window, Now: time.Now, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	run(t, f)
	tx, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	<-time.After(1500 * time.Millisecond) // the database has no other clock than the real one
	require.NoError(t, tx.Rollback())
	require.Eventually(t, func() bool { return f.Age() < time.Second }, time.Minute, time.Millisecond)
	require.Zero(t, said.count("has lost the database"))
}
