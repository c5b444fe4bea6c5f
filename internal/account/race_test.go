package account_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
)

// requireOnlyRowsAreAccepted wants every replica to refuse each login whose session has no row any
// more, and to accept each whose session has one.
func requireOnlyRowsAreAccepted(t testing.TB, replicas []*world, logins []*account.Login) {
	t.Helper()
	alive := map[string]bool{}
	for _, id := range replicas[0].db.Ent().Session.Query().IDsX(t.Context()) {
		alive[id.String()] = true
	}
	for _, replica := range replicas {
		require.NoError(t, replica.feed.Look(t.Context()))
		for _, login := range logins {
			caller := replica.caller(t, login)
			require.Equal(t, !alive[caller.SessionID.String()], replica.refuses(t, caller))
		}
	}
}

// 64 first logins of one person at once: one person, and everybody gets in. The device has one
// session in the end, and the tokens of all the others are refused.
func TestFirstLoginRace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		logins, failures := together(64, func(i int) (*account.Login, error) {
			return replicas[i%len(replicas)].SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		})
		created := 0
		for i, login := range logins {
			require.NoError(t, failures[i])
			require.Equal(t, logins[0].User.ID, login.User.ID)
			if login.IsNewUser {
				created++
			}
		}
		require.Equal(t, 1, created, "one of the logins is the first")
		w.requireRows(t, 1, 1)
		require.Equal(t, 1, count(w.actions(t), "register"))
		require.Equal(t, 64, count(w.actions(t), "login"))
		require.Equal(t, 63, count(w.actions(t), "session.replace"))
		requireOnlyRowsAreAccepted(t, replicas, logins)
	})
}

// The same from 64 devices: the cap on sessions holds under a race too.
func TestSessionCapHoldsInARace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		logins, failures := together(64, func(i int) (*account.Login, error) {
			return replicas[i%len(replicas)].SilentLogin(t.Context(), w.proof(shop, "ann", fmt.Sprint("device", i)))
		})
		for i := range logins {
			require.NoError(t, failures[i])
		}
		w.requireRows(t, 1, 10)
		require.Equal(t, 54, count(w.actions(t), "session.evict"))
		requireOnlyRowsAreAccepted(t, replicas, logins)
	})
}

// Logins race with a logout from all devices and with a ban. Whatever was first, in the end a session
// has a row and a token that is accepted, or neither.
func TestLogoutAllAndLoginRace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		for range 5 {
			_, caller := w.login(t, "ann")
			logins, failures := together(8, func(i int) (*account.Login, error) {
				replica := replicas[i%len(replicas)]
				if i < 2 {
					return nil, replica.Logout(t.Context(), caller, account.LogoutAll)
				}
				return replica.SilentLogin(t.Context(), w.proof(shop, "ann", fmt.Sprint("device", i)))
			})
			for i := range failures {
				require.NoError(t, failures[i])
			}
			requireOnlyRowsAreAccepted(t, replicas, logins[2:])
			w.requireKeys(t, w.db.Ent().Session.Query().CountX(t.Context()) > 0)
		}
	})
}

// A logout from the last device races with a login: a session that is left has its session key.
func TestLastLogoutAndLoginRace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		for i := range 20 {
			_, caller := w.login(t, "ann")
			_, failures := together(2, func(i int) (*account.Login, error) {
				if i == 0 {
					return nil, replicas[0].Logout(t.Context(), caller, account.LogoutThis)
				}
				return replicas[len(replicas)-1].SilentLogin(t.Context(), w.proof(shop, "ann", "other"))
			})
			require.NoError(t, failures[0])
			require.NoError(t, failures[1])
			w.requireKeys(t, true)
			require.Positive(t, w.db.Ent().Session.Query().CountX(t.Context()), "round %d", i)
			require.NoError(t, w.Logout(t.Context(), caller, account.LogoutAll))
		}
	})
}

// Nobody gets in by logging in while they are being banned.
func TestBanAndLoginRace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		for range 5 {
			_, caller := w.login(t, "ann")
			logins, _ := together(8, func(i int) (*account.Login, error) {
				replica := replicas[i%len(replicas)]
				if i == 0 {
					return nil, replica.Disable(t.Context(), lily, caller.UserID, "spam", nil)
				}
				return replica.SilentLogin(t.Context(), w.proof(shop, "ann", fmt.Sprint("device", i)))
			})
			w.requireRows(t, 1, 0)
			for _, login := range logins {
				if login != nil {
					requireOnlyRowsAreAccepted(t, replicas, []*account.Login{login})
				}
			}
			require.NoError(t, w.Enable(t.Context(), lily, caller.UserID, "sorry"))
		}
	})
}
