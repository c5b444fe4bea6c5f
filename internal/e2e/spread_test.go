package e2e_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// ban is how docs/operations.md shuts a person out.
func ban(t testing.TB, db *database.DB, person string) {
	t.Helper()
	id := uuid.MustParse(person)
	tx, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for _, statement := range []string{
		`UPDATE users SET status = 'disabled', disabled_reason = 'test', epoch = epoch + 1 WHERE id = $1`,
		`DELETE FROM sessions WHERE user_id = $1`,
		`INSERT INTO audit_events (at, action, app_id, user_id, revokes, epoch) SELECT now(), 'account.disable', '', id, 'user', epoch FROM users WHERE id = $1`,
	} {
		_, err := tx.ExecContext(t.Context(), statement, id)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// TestLogoutAndBanAreSeenEverywhereWithinASecond: also when PostgreSQL says nothing, and when the
// connections on which it would are cut again and again.
func TestLogoutAndBanAreSeenEverywhereWithinASecond(t *testing.T) {
	t.Parallel()
	c := startCluster(t, nil)
	db := openDatabase(t, c.settings)
	endings := map[string]func(login){
		"logout": func(person login) {
			must(t, c.url(), person.token, logout, map[string]any{"scope": "THIS"})
		},
		"ban": func(person login) { ban(t, db, person.user) },
	}
	const rounds = 12
	measure := func(way string) {
		for _, ending := range []string{"logout", "ban"} {
			var took []time.Duration
			for i := range rounds {
				took = append(took, c.requireSeenEverywhere(t, fmt.Sprintf("%s %s %d", way, ending, i), endings[ending])...)
			}
			slices.Sort(took)
			t.Logf("%s, %s: p50 %s, max %s", way, ending, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
		}
	}
	measure("as it is")

	stop := cutListeners(t, db)
	measure("listeners cut")
	require.Positive(t, stop(), "nobody was listening")

	alter(t, db, `DROP TRIGGER announce_revocation ON audit_events`)
	measure("no notification")
}

// requireSeenEverywhere ends a session and returns after which time each replica refused it. A request
// that is sent more than a second after the end was acknowledged is not let in by any.
func (c *cluster) requireSeenEverywhere(t *testing.T, name string, end func(login)) []time.Duration {
	t.Helper()
	person := logIn(t, c.url(), c.fake.url(), name)
	for _, p := range c.replicas {
		require.Equal(t, http.StatusNoContent, get(t, p.url()+"/verify", "Authorization", "Bearer "+person.token).status)
	}
	end(person)
	ended := time.Now()
	took := make([]time.Duration, len(c.replicas))
	var asking sync.WaitGroup
	for i, p := range c.replicas {
		asking.Go(func() {
			for took[i] == 0 {
				sent := time.Since(ended)
				switch r, err := tryGet(p.url()+"/verify", "Authorization", "Bearer "+person.token); {
				case err != nil:
					t.Errorf("verify: %v", err)
					return
				case r.status == http.StatusUnauthorized:
					took[i] = time.Since(ended)
				case r.status == http.StatusNoContent && sent > time.Second:
					t.Errorf("%s: let in %s after the end", name, sent)
					return
				case sent > patience:
					t.Errorf("%s: %d after %s", name, r.status, sent)
					return
				}
			}
		})
	}
	asking.Wait()
	require.False(t, t.Failed())
	return took
}

// cutListeners ends the connections on which replicas listen, ten times a second. Stop tells how many
// there were.
func cutListeners(t *testing.T, db *database.DB) (stop func() (cut int)) {
	t.Helper()
	over, total := make(chan struct{}), make(chan int)
	go func() {
		cut := 0
		for {
			var n sql.NullInt64
			err := db.SQL.QueryRowContext(t.Context(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&n)
			if err != nil {
				t.Errorf("cut listeners: %v", err)
			}
			cut += int(n.Int64)
			select {
			case <-over:
				total <- cut
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(over)
		return <-total
	}
}
