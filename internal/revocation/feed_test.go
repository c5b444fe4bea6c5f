package revocation_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/revocation"
)

const window = 20 * time.Minute

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newFeed(db *database.DB, now func() time.Time, notify <-chan struct{}) *revocation.Feed {
	return revocation.NewFeed(revocation.Options{DB: db, Window: window, Notify: notify, Now: now, Log: slog.New(slog.DiscardHandler)})
}

// endSession writes the event that a session has ended.
func endSession(t testing.TB, client *ent.AuditEventClient, session uuid.UUID, at time.Time) {
	t.Helper()
	err := client.Create().SetAt(at).SetAction("logout").SetAppID("wx").
		SetUserID(uuid.New()).SetSessionID(session).SetRevokes(auditevent.RevokesSession).Exec(t.Context())
	require.NoError(t, err)
}

func endUser(t testing.TB, client *ent.AuditEventClient, user uuid.UUID, epoch int64, at time.Time) {
	t.Helper()
	err := client.Create().SetAt(at).SetAction("logout").SetAppID("wx").
		SetUserID(user).SetEpoch(epoch).SetRevokes(auditevent.RevokesUser).Exec(t.Context())
	require.NoError(t, err)
}

func (c *clock) requireEnded(t testing.TB, f *revocation.Feed, session uuid.UUID, ended bool) {
	t.Helper()
	err := f.Check(t.Context(), session, uuid.New(), 0)
	if ended {
		require.ErrorIs(t, err, revocation.ErrRevoked)
	} else {
		require.NoError(t, err)
	}
}

func TestFeedKnowsWhatWasEnded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		before, after, untouched, user := uuid.New(), uuid.New(), uuid.New(), uuid.New()
		endSession(t, db.Ent().AuditEvent, before, c.Now())
		f := newFeed(db, c.Now, nil)
		require.NoError(t, f.Look(t.Context()))
		c.requireEnded(t, f, before, true)
		c.requireEnded(t, f, after, false)

		endSession(t, db.Ent().AuditEvent, after, c.Now())
		endUser(t, db.Ent().AuditEvent, user, 5, c.Now())
		endUser(t, db.Ent().AuditEvent, user, 4, c.Now()) // an older end takes nothing back
		require.NoError(t, db.Ent().AuditEvent.Create().SetAt(c.Now()).SetAction("login").SetAppID("wx").
			SetUserID(user).SetSessionID(untouched).Exec(t.Context()))
		require.NoError(t, f.Look(t.Context()))
		c.requireEnded(t, f, after, true)
		c.requireEnded(t, f, untouched, false)
		require.ErrorIs(t, f.Check(t.Context(), uuid.New(), user, 4), revocation.ErrRevoked)
		require.NoError(t, f.Check(t.Context(), uuid.New(), user, 5))
		require.NoError(t, f.Check(t.Context(), uuid.New(), uuid.New(), 0))
	})
}

// What a replica ends itself it refuses without a look.
func TestFeedIsToldByItsOwnReplica(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		f := newFeed(db, c.Now, nil)
		require.NoError(t, f.Look(t.Context()))
		session, user := uuid.New(), uuid.New()
		f.EndSession(session, c.Now())
		f.EndUser(user, 2, c.Now())
		c.requireEnded(t, f, session, true)
		require.ErrorIs(t, f.Check(t.Context(), uuid.New(), user, 1), revocation.ErrRevoked)
		require.NoError(t, f.Check(t.Context(), uuid.New(), user, 2))
	})
}

// Memory holds what a living token can meet, and no more: when all tokens from before have expired,
// their end is forgotten.
func TestFeedForgetsAfterItsWindow(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		f := newFeed(db, c.Now, nil)
		old, user := uuid.New(), uuid.New()
		endSession(t, db.Ent().AuditEvent, old, c.Now())
		endUser(t, db.Ent().AuditEvent, user, 1, c.Now())
		require.NoError(t, f.Look(t.Context()))
		c.advance(window)
		young := uuid.New()
		endSession(t, db.Ent().AuditEvent, young, c.Now())
		require.NoError(t, f.Look(t.Context()))
		c.requireEnded(t, f, old, true)
		requireKnown(t, f, 2, 1)

		c.advance(time.Microsecond)
		require.NoError(t, f.Look(t.Context()))
		requireKnown(t, f, 1, 0)
		c.requireEnded(t, f, old, false)
		require.NoError(t, f.Check(t.Context(), uuid.New(), user, 0))
		c.requireEnded(t, f, young, true)

		// Nor does a replica that starts now read what is over.
		late := newFeed(db, c.Now, nil)
		require.NoError(t, late.Look(t.Context()))
		c.requireEnded(t, late, old, false)
		c.requireEnded(t, late, young, true)
	})
}

func requireKnown(t testing.TB, f *revocation.Feed, sessions, people int) {
	t.Helper()
	knownSessions, knownPeople := f.Known()
	require.Equal(t, [2]int{sessions, people}, [2]int{knownSessions, knownPeople})
}

// newSession stores a session with its person and identity.
func newSession(t testing.TB, db *database.DB, epoch int64, at time.Time) (session, user uuid.UUID) {
	t.Helper()
	ctx, client := t.Context(), db.Ent()
	user, session = uuid.New(), uuid.New()
	require.NoError(t, client.User.Create().SetID(user).SetAppGroup("wx").SetEpoch(epoch).SetCreatedAt(at).Exec(ctx))
	identity := client.Identity.Create().SetUserID(user).SetAppID("wx").SetOpenID(user.String()).
		SetCreatedAt(at).SetLastLoginAt(at).SaveX(ctx)
	require.NoError(t, client.Session.Create().SetID(session).SetUserID(user).SetIdentityID(identity.ID).SetAppID("wx").
		SetDeviceID("phone").SetRefreshedAt(at).SetIdleExpiresAt(at.Add(time.Hour)).SetExpiresAt(at.Add(time.Hour)).
		SetCreatedAt(at).SetLoginCodeHash(session[:]).SetFirstLogin(true).Exec(ctx))
	return session, user
}

// A replica that has lost touch with the events asks the tables, and refuses when they cannot answer.
func TestStaleFeedFailsClosed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		f := newFeed(db, c.Now, nil)
		ctx := t.Context()
		live, user := newSession(t, db, 3, c.Now())
		require.NoError(t, f.Check(ctx, live, user, 3), "before the first look too, the tables answer")
		require.ErrorIs(t, f.Check(ctx, uuid.New(), user, 3), revocation.ErrRevoked)

		require.NoError(t, f.Look(ctx))
		require.NoError(t, f.Check(ctx, uuid.New(), user, 3), "a fresh feed does not ask")
		for _, gone := range []time.Duration{time.Second + time.Microsecond, -time.Hour} { // a clock may be set back
			c.advance(gone)
			require.NoError(t, f.Check(ctx, live, user, 3))
			require.ErrorIs(t, f.Check(ctx, uuid.New(), user, 3), revocation.ErrRevoked)
			require.ErrorIs(t, f.Check(ctx, live, uuid.New(), 3), revocation.ErrRevoked)
			require.ErrorIs(t, f.Check(ctx, live, user, 2), revocation.ErrRevoked)
		}

		c.advance(time.Hour)
		ended := uuid.New()
		f.EndSession(ended, c.Now())
		require.NoError(t, f.Look(ctx))
		require.NoError(t, db.SQL.Close())
		require.Error(t, f.Look(ctx))
		require.NoError(t, f.Check(ctx, live, user, 3), "for a second memory is as good as a look")
		c.advance(time.Second + time.Microsecond)
		err := f.Check(ctx, live, user, 3)
		require.ErrorIs(t, err, revocation.ErrStale)
		require.ErrorIs(t, f.Check(ctx, ended, user, 3), revocation.ErrRevoked, "what is known stays known")
	})
}

// The question to the tables comes to an end even if they do not answer.
func TestStaleFeedDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		f := newFeed(db, c.Now, nil)
		db.SQL.SetMaxOpenConns(1)
		only, err := db.SQL.Conn(t.Context())
		require.NoError(t, err)
		defer only.Close()
		require.ErrorIs(t, f.Check(t.Context(), uuid.New(), uuid.New(), 0), revocation.ErrStale)
	})
}

// A replica refuses within a second what another one has ended, by polling alone.
func TestRunFollowsByPolling(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := newFeed(db, time.Now, nil)
		stop := run(t, f)
		for range 3 {
			session := uuid.New()
			endSession(t, db.Ent().AuditEvent, session, time.Now())
			requireSoonEnded(t, f, session, time.Second)
		}
		require.Less(t, f.Age(), time.Second)
		stop()
	})
}

// run starts a feed; stop returns when it has come to its end.
func run(t testing.TB, f *revocation.Feed) (stop func()) {
	t.Helper()
	require.NoError(t, f.Look(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.Run(ctx)
		close(ended)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// requireSoonEnded: whoever asks after that time is not let in, however late the answer comes.
func requireSoonEnded(t testing.TB, f *revocation.Feed, session uuid.UUID, within time.Duration) {
	t.Helper()
	begun := time.Now()
	for asked := time.Duration(0); f.Check(t.Context(), session, uuid.New(), 0) == nil; asked = time.Since(begun) {
		require.LessOrEqual(t, asked, within, "let in")
		<-time.After(2 * time.Millisecond)
	}
}

// A notification makes the feed look at once, however many come.
func TestNotificationWakesTheFeed(t *testing.T) {
	t.Parallel()
	var trips databasetest.Counter
	db := databasetest.Open(t, dialect.SQLite, trips.Wrap)
	notify := make(chan struct{})
	f := newFeed(db, time.Now, notify)
	run(t, f)
	for range 20 {
		select {
		case notify <- struct{}{}:
		case <-time.After(time.Minute):
			t.Fatal("the feed does not listen")
		}
	}
	require.GreaterOrEqual(t, trips.Count(), 20)
}

// The database goes and comes back while the feed runs: it says so once each, and misses nothing.
func TestRunOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	var said lines
	c := newClock()
	db := databasetest.Open(t, dialect.SQLite)
	notify := make(chan struct{})
	f := revocation.NewFeed(revocation.Options{
		DB: db, Window: window, Notify: notify, Now: c.Now, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	run(t, f)
	rename := func(from, to string) {
		_, err := db.SQL.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
		require.NoError(t, err)
	}
	session := uuid.New()
	endSession(t, db.Ent().AuditEvent, session, c.Now())
	rename("audit_events", "hidden")
	for range 3 {
		notify <- struct{}{}
	}
	rename("hidden", "audit_events")
	for range 3 {
		notify <- struct{}{}
	}
	requireSoonEnded(t, f, session, 5*time.Second)
	require.Eventually(t, func() bool { return said.count(`msg="the revocation feed is back"`) == 1 }, time.Minute, time.Millisecond, "%s", &said)
	require.Equal(t, 1, said.count("has lost the database"))
}
