package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/audit"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// trail is an audit trail with a chain over it and a clock that the test moves.
type trail struct {
	t  *testing.T
	db *database.DB
	*audit.Chain
	mu   sync.Mutex
	time time.Time
	log  bytes.Buffer
}

func newTrail(t *testing.T, db *database.DB) *trail {
	tr := &trail{t: t, db: db, time: noon}
	tr.Chain = tr.replica()
	return tr
}

// replica is another process on the same trail, with the same key.
func (tr *trail) replica() *audit.Chain { return tr.keyed(bytes.Repeat([]byte{7}, 32)) }

func (tr *trail) keyed(key []byte) *audit.Chain {
	log := slog.New(slog.NewTextHandler(&tr.log, nil))
	return audit.New(audit.Options{DB: tr.db, Key: key, Now: tr.now, Log: log})
}

func (tr *trail) now() time.Time {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.time
}

func (tr *trail) advance(d time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.time = tr.time.Add(d)
}

// happen records n events, a second apart.
func (tr *trail) happen(n int) {
	tr.t.Helper()
	for i := range n {
		tr.advance(time.Second)
		row := tr.db.Ent().AuditEvent.Create().SetAt(tr.now()).SetAction(fmt.Sprintf("test.%d", i)).SetAppID("wx1").
			SetUserID(uuid.New()).SetSessionID(uuid.New()).SetActor("key:lily").SetReason("she asked").
			SetDetail(map[string]string{"b": "2", "a": "1"})
		require.NoError(tr.t, row.Exec(tr.t.Context()))
	}
}

// sealed has n events happen and seals them.
func (tr *trail) sealed(n int) {
	tr.t.Helper()
	tr.happen(n)
	got, err := tr.Seal(tr.t.Context())
	require.NoError(tr.t, err)
	require.Equal(tr.t, n, got)
}

func (tr *trail) report(expected *audit.Place) *audit.Report {
	tr.t.Helper()
	r, err := tr.Verify(tr.t.Context(), expected)
	require.NoError(tr.t, err)
	return r
}

// attack runs statements as somebody who owns the tables, and has taken the triggers away.
func (tr *trail) attack(statements ...string) {
	tr.t.Helper()
	for _, name := range []string{"audit_events", "audit_seals", "audit_checkpoints"} {
		if tr.db.Dialect == dialect.Postgres {
			statements = append([]string{"ALTER TABLE " + name + " DISABLE TRIGGER ALL"}, statements...)
		}
	}
	if tr.db.Dialect == dialect.SQLite {
		for _, what := range []string{"events", "seals", "checkpoints"} {
			statements = append([]string{
				"DROP TRIGGER IF EXISTS keep_" + what, "DROP TRIGGER IF EXISTS keep_" + what + "_unchanged",
			}, statements...)
		}
	}
	for _, statement := range statements {
		_, err := tr.db.SQL.ExecContext(tr.t.Context(), statement)
		require.NoError(tr.t, err, statement)
	}
}

func TestAnUntouchedTrailHolds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		require.True(t, tr.report(nil).OK(), "an empty trail")
		tr.sealed(7)
		require.NoError(t, tr.Checkpoint(t.Context()))
		tr.sealed(3)
		tr.happen(2)
		r := tr.report(nil)
		require.Empty(t, r.Problems)
		require.EqualValues(t, 10, r.Sealed)
		require.Equal(t, 2, r.Pending, "the newest wait for the next second")
		require.Contains(t, tr.log.String(), "audit checkpoint")
	})
}

func TestEveryManipulationShows(t *testing.T) {
	t.Parallel()
	each := func(columns ...string) (edits []string) {
		for _, c := range columns {
			edits = append(edits, "UPDATE audit_events SET "+c+" WHERE id = 4")
		}
		return edits
	}
	edits := each("action = 'other'", "app_id = 'wx2'", "user_id = NULL", "session_id = NULL", "epoch = 9", "actor = NULL",
		"actor = 'key:mary'", "reason = NULL", "reason = ''", "detail = '{\"a\":\"12\"}'", "detail = NULL", "xid = 77",
		"revokes = 'user'", "at = '2026-01-31 12:00:04.000001+00:00'")
	for _, edit := range edits {
		t.Run("edit "+edit, func(t *testing.T) { t.Parallel(); shows(t, "link 4: event 4 was changed", edit) })
	}
	cases := []struct {
		name, problem string
		statements    []string
	}{
		{"delete an event", "link 5: event 5 was deleted", []string{"DELETE FROM audit_events WHERE id = 5"}},
		{"delete an event and its link", "links 5 to 5 are missing",
			[]string{"DELETE FROM audit_events WHERE id = 5", "DELETE FROM audit_seals WHERE id = 5"}},
		{"close the gap", "link 5: event 6 was changed, or does not belong here",
			[]string{
				"DELETE FROM audit_events WHERE id = 5", "DELETE FROM audit_seals WHERE id = 5",
				"UPDATE audit_seals SET id = 5 WHERE id = 6",
			}},
		{"swap two events", "link 3: event 4 was changed, or does not belong here",
			[]string{
				"UPDATE audit_seals SET event_id = -3 WHERE id = 3", "UPDATE audit_seals SET event_id = 3 WHERE id = 4",
				"UPDATE audit_seals SET event_id = 4 WHERE id = 3",
			}},
		{"cut the end off", "the end is cut off: the chain reached link 8",
			[]string{"DELETE FROM audit_events WHERE id > 6", "DELETE FROM audit_seals WHERE id > 6"}},
		{"cut the beginning off", "links 1 to 3 are missing",
			[]string{"DELETE FROM audit_events WHERE id <= 3", "DELETE FROM audit_seals WHERE id <= 3"}},
		{"say that the beginning was removed", "is forged",
			[]string{
				"INSERT INTO audit_checkpoints (kind, seal_id, mac, event_id, at, signature) " +
					"SELECT 'removal', 3, mac, 0, '2026-01-31 13:00:00+00:00', mac FROM audit_seals WHERE id = 3",
				"DELETE FROM audit_events WHERE id <= 3", "DELETE FROM audit_seals WHERE id <= 3",
			}},
		{"forge a link", "link 4: event 4 was changed",
			[]string{"UPDATE audit_events SET action = 'x' WHERE id = 4", "UPDATE audit_seals SET mac = (SELECT mac FROM audit_seals WHERE id = 1) WHERE id = 4"}},
		{"move a checkpoint back", "is forged", []string{"UPDATE audit_checkpoints SET seal_id = 2"}},
		{"empty everything", "the given checkpoint saw link 8, and the chain ends at 0",
			[]string{"DELETE FROM audit_events", "DELETE FROM audit_seals", "DELETE FROM audit_checkpoints"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); shows(t, c.problem, c.statements...) })
	}
}

// shows makes a sealed trail of eight events, attacks it and looks for the problem.
func shows(t *testing.T, problem string, statements ...string) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(8)
		require.NoError(t, tr.Checkpoint(t.Context()))
		before := tr.report(nil)
		require.Empty(t, before.Problems)
		tr.attack(statements...)
		after := tr.report(&before.End)
		require.NotEmpty(t, after.Problems)
		require.Contains(t, fmt.Sprint(after.Problems), problem)
	})
}

func TestAnEventPutInLaterShows(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(3)
		tr.advance(time.Hour)
		require.NoError(t, tr.Checkpoint(t.Context()))
		old := db.Ent().AuditEvent.Create().SetAt(noon).SetAction("alibi").SetAppID("wx1")
		require.NoError(t, old.Exec(t.Context()))
		_, err := tr.Seal(t.Context())
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(tr.report(nil).Problems), "claims to be of 2026-01-31T12:00:00Z and was put in after")
	})
}

func TestAnotherKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(3)
		r, err := tr.keyed(bytes.Repeat([]byte{8}, 32)).Verify(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, r.Problems, 3)
	})
}

func TestManyProblemsAreTold(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(30)
		tr.attack("UPDATE audit_events SET action = 'x'")
		problems := tr.report(nil).Problems
		require.Len(t, problems, 21)
		require.Equal(t, "and 10 more", problems[20])
	})
}

func TestTheDatabaseRefusesChanges(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(3)
		require.NoError(t, tr.Checkpoint(t.Context()))
		statements := []string{}
		for _, table := range []string{"audit_events", "audit_seals", "audit_checkpoints"} {
			statements = append(statements, "DELETE FROM "+table)
			if db.Dialect == dialect.Postgres {
				statements = append(statements, "TRUNCATE "+table)
			}
		}
		statements = append(statements, "UPDATE audit_events SET action = 'x'", "UPDATE audit_seals SET event_id = 99",
			"UPDATE audit_checkpoints SET seal_id = 1")
		for _, statement := range statements {
			_, err := db.SQL.ExecContext(t.Context(), statement)
			require.ErrorContains(t, err, "the audit trail cannot be changed", statement)
		}
		require.True(t, tr.report(nil).OK())
	})
}

func TestReplicasSealTogether(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		const writers, each = 4, 60
		replicas := []*audit.Chain{tr.Chain}
		if db.Dialect == dialect.Postgres { // a SQLite file has one process
			replicas = append(replicas, tr.replica(), tr.replica())
		}
		var writing, sealing sync.WaitGroup
		ctx, done := context.WithCancel(t.Context())
		for range writers {
			writing.Go(func() {
				for range each {
					row := db.Ent().AuditEvent.Create().SetAt(tr.now()).SetAction("test").SetAppID("wx1")
					if err := row.Exec(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for _, r := range replicas {
			sealing.Go(func() {
				// One process seals SQLite, and each second: without a pause it would leave the writers no gap.
				for n := 0; ctx.Err() == nil && (db.Dialect == dialect.Postgres || n < 20); n++ {
					if _, err := r.Seal(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writing.Wait()
		done()
		sealing.Wait()
		_, err := tr.Seal(t.Context())
		require.NoError(t, err)
		r := tr.report(nil)
		require.Empty(t, r.Problems)
		require.EqualValues(t, writers*each, r.Sealed)
		require.Zero(t, r.Pending)
	})
}

func TestAnEventThatCommitsLateIsSealedLate(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	tr := newTrail(t, db)
	late, err := db.Ent().Tx(t.Context()) // has its id before those that follow, and is seen after them
	require.NoError(t, err)
	require.NoError(t, late.AuditEvent.Create().SetAt(tr.now()).SetAction("late").SetAppID("wx1").Exec(t.Context()))
	for range 10 { // long enough for a floor that did not wait for it to rise above it
		tr.sealed(1)
		tr.advance(time.Minute)
	}
	require.NoError(t, tr.Checkpoint(t.Context()))
	require.NoError(t, late.Commit())
	n, err := tr.Seal(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	restarted := tr.replica()
	tr.happen(1)
	n, err = restarted.Seal(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// Nothing that could not be sealed is taken for sealed, however long that went on.
func TestWhatCouldNotBeSealedIsSealedLater(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(1)
		full, free := []string{"CREATE TRIGGER full BEFORE INSERT ON audit_seals BEGIN SELECT RAISE(ABORT, 'full'); END"}, "DROP TRIGGER full"
		if db.Dialect == dialect.Postgres {
			full, free = []string{
				"CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$",
				"CREATE TRIGGER full_up BEFORE INSERT ON audit_seals FOR EACH ROW EXECUTE FUNCTION full_up()",
			}, "DROP TRIGGER full_up ON audit_seals"
		}
		for _, statement := range full {
			_, err := db.SQL.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		tr.happen(3)
		for range 10 {
			_, err := tr.Seal(t.Context())
			require.ErrorContains(t, err, "full")
			tr.advance(time.Minute)
		}
		_, err := db.SQL.ExecContext(t.Context(), free)
		require.NoError(t, err)
		n, err := tr.Seal(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.NoError(t, tr.Checkpoint(t.Context()))
		require.Empty(t, tr.report(nil).Problems)
	})
}

// A replica that only watches another seal does not know what is sealed.
func TestAReplicaThatTakesOverSealsWhatIsLeft(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dialect.Postgres)
	tr := newTrail(t, db)
	tr.happen(3)
	other, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = other.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(470036870500)") // as the one that seals holds it
	require.NoError(t, err)
	for range 10 {
		n, err := tr.Seal(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "the other is at it")
		tr.advance(time.Minute)
		_, err = db.SQL.ExecContext(t.Context(), "SELECT pg_current_xact_id()") // somebody writes
		require.NoError(t, err)
	}
	require.NoError(t, other.Rollback(), "it ended before it was done")
	n, err := tr.Seal(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
}

func TestPlace(t *testing.T) {
	t.Parallel()
	place := audit.Place{Seal: 12, MAC: bytes.Repeat([]byte{0xab}, 32)}
	parsed, err := audit.ParsePlace(place.String())
	require.NoError(t, err)
	require.Equal(t, place, parsed)
	for _, wrong := range []string{"", "12", "12:", "0:" + place.String()[3:], "12:abcd", "x:" + place.String()[3:]} {
		_, err := audit.ParsePlace(wrong)
		require.ErrorContains(t, err, "is not a checkpoint", wrong)
	}
}
