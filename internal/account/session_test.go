package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// loginFrom logs ann in to the shop from a device.
func (w *world) loginFrom(t testing.TB, device string) (*account.Login, account.Caller) {
	t.Helper()
	login, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", device))
	require.NoError(t, err)
	return login, w.caller(t, login)
}

// requireEnded wants a session to be refused in every way there is, and on each replica.
func requireEnded(t testing.TB, replicas []*world, login *account.Login) {
	t.Helper()
	for i, replica := range replicas {
		if i > 0 {
			require.NoError(t, replica.feed.Look(t.Context()))
		}
		caller := replica.caller(t, login)
		require.True(t, replica.refuses(t, caller))
		_, err := replica.Me(t.Context(), caller)
		requireFault(t, fault.SessionRevoked, err)
		_, err = replica.CheckSessionKey(t.Context(), caller)
		requireFault(t, fault.SessionRevoked, err)
		_, err = replica.RefreshToken(t.Context(), login.RefreshToken)
		requireFault(t, fault.SessionRevoked, err)
	}
}

func (w *world) requireAlive(t testing.TB, callers ...account.Caller) {
	t.Helper()
	for _, caller := range callers {
		require.False(t, w.refuses(t, caller))
		_, err := w.Me(t.Context(), caller)
		require.NoError(t, err)
	}
}

func TestDeviceRenewsItsSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		old, before := w.loginFrom(t, "phone")
		_, after := w.loginFrom(t, "phone")
		require.NotEqual(t, before.SessionID, after.SessionID)
		w.requireRows(t, 1, 1)
		require.Equal(t, 1, count(w.actions(t), "session.replace"))
		requireEnded(t, replicas, old)
		w.requireAlive(t, after)
	})
}

// Devices are told apart within a person: a name that two people use is two devices.
func TestDeviceNameOfSomebodyElseReplacesNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.loginFrom(t, "phone")
		_, err := w.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
		require.NoError(t, err)
		w.requireAlive(t, ann)
		w.requireRows(t, 2, 2)
	})
}

func TestTenSessionsAPersonTheOldestGoes(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		logins := make([]*account.Login, 10)
		callers := make([]account.Caller, 10)
		for i := range logins {
			logins[i], callers[i] = w.loginFrom(t, fmt.Sprint("device", i))
			w.clock.advance(time.Second)
		}
		w.requireAlive(t, callers...)
		_, err := w.RefreshToken(t.Context(), logins[0].RefreshToken) // now the second is the oldest
		require.NoError(t, err)

		w.clock.advance(time.Second)
		_, again := w.loginFrom(t, "device5")
		requireEnded(t, w.replicas(t), logins[5])
		w.requireAlive(t, callers[1], again)
		w.requireRows(t, 1, 10)
		require.Zero(t, count(w.actions(t), "session.evict"), "a device that comes back takes nobody's place")

		w.clock.advance(time.Second)
		_, eleventh := w.loginFrom(t, "device10")
		requireEnded(t, w.replicas(t), logins[1])
		w.requireAlive(t, callers[0], callers[2], eleventh)
		w.requireRows(t, 1, 10)
		require.Equal(t, 1, count(w.actions(t), "session.evict"))

		few := w.variant(t, func(o *account.Options) { o.Limits.MaxSessions = 3 }) // the operator lowers the cap
		_, last := few.loginFrom(t, "device11")
		w.requireAlive(t, last, eleventh, again)
		w.requireRows(t, 1, 3)
	})
}

func TestLoginWithoutADeviceHasItsOwnSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		var callers []account.Caller
		for i := range 12 {
			proof := w.proof(shop, "ann", "")
			proof.Device = nil
			login, err := w.SilentLogin(t.Context(), proof)
			require.NoError(t, err)
			callers = append(callers, w.caller(t, login))
			w.requireAlive(t, callers[max(0, i-9):]...)
			w.clock.advance(time.Second)
		}
		w.requireRows(t, 1, 10)
		require.True(t, w.refuses(t, callers[0]))
		require.True(t, w.refuses(t, callers[1]))
	})
}

func TestSessionsListsTheLatestFirst(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		begin := w.clock.Now()
		proof := w.proof(shop, "ann", "phone")
		proof.Device.Name, proof.Device.Platform, proof.Device.SdkVersion = new("iPhone 15"), new("ios"), new("1.0.0")
		phoneLogin, err := w.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
		w.clock.advance(time.Minute)
		_, tablet := w.loginFrom(t, "tablet")
		w.clock.advance(time.Minute)
		_, err = w.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
		require.NoError(t, err)

		sessions, err := w.Sessions(t.Context(), tablet)
		require.NoError(t, err)
		month := 30 * 24 * time.Hour
		phoneSession := &account.Session{
			ID: w.caller(t, phoneLogin).SessionID, Device: account.Device{Name: "iPhone 15", Platform: "ios", SdkVersion: "1.0.0"},
			CreatedAt: begin, LastSeenAt: begin, ExpiresAt: begin.Add(month),
		}
		tabletSession := &account.Session{
			ID: tablet.SessionID, Current: true,
			CreatedAt: begin.Add(time.Minute), LastSeenAt: begin.Add(time.Minute), ExpiresAt: begin.Add(time.Minute + month),
		}
		require.Equal(t, []*account.Session{tabletSession, phoneSession}, sessions)

		phoneLogin, err = w.RefreshToken(t.Context(), phoneLogin.RefreshToken)
		require.NoError(t, err)
		phoneSession.Current, phoneSession.LastSeenAt, phoneSession.ExpiresAt = true, w.clock.Now(), w.clock.Now().Add(month)
		tabletSession.Current = false
		sessions, err = w.Sessions(t.Context(), w.caller(t, phoneLogin))
		require.NoError(t, err)
		require.Equal(t, []*account.Session{phoneSession, tabletSession}, sessions)

		caller := w.caller(t, phoneLogin)
		w.clock.advance(month - time.Minute) // the tablet did not come back
		sessions, err = w.Sessions(t.Context(), caller)
		require.NoError(t, err)
		require.Equal(t, []*account.Session{phoneSession}, sessions)
	})
}

func TestRevokeSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		phoneLogin, onPhone := w.loginFrom(t, "phone")
		tabletLogin, onTablet := w.loginFrom(t, "tablet")
		bobs, err := w.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
		require.NoError(t, err)
		bob := w.caller(t, bobs)

		foreign := w.RevokeSession(t.Context(), onPhone, bob.SessionID)
		requireFault(t, fault.NotFound, foreign)
		unknown := w.RevokeSession(t.Context(), onPhone, uuid.New())
		requireFault(t, fault.NotFound, unknown)
		require.Equal(t, unknown.Error(), foreign.Error(), "nobody learns that a session of somebody else exists")
		w.requireAlive(t, onPhone, onTablet, bob)

		require.NoError(t, w.RevokeSession(t.Context(), onPhone, onTablet.SessionID))
		requireEnded(t, w.replicas(t), tabletLogin)
		w.requireAlive(t, onPhone, bob)
		requireFault(t, fault.NotFound, w.RevokeSession(t.Context(), onPhone, onTablet.SessionID))

		require.NoError(t, w.RevokeSession(t.Context(), onPhone, onPhone.SessionID))
		requireEnded(t, w.replicas(t), phoneLogin)
	})
}

func TestLogoutScopes(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		devices := func() (logins [3]*account.Login, callers [3]account.Caller) {
			for i := range logins {
				logins[i], callers[i] = w.loginFrom(t, fmt.Sprint("device", i))
			}
			return logins, callers
		}
		bobs, err := w.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
		require.NoError(t, err)
		bob := w.caller(t, bobs)

		logins, callers := devices()
		require.NoError(t, w.Logout(t.Context(), callers[0], account.LogoutThis))
		requireEnded(t, w.replicas(t), logins[0])
		w.requireAlive(t, callers[1], callers[2], bob)
		require.NoError(t, w.Logout(t.Context(), callers[0], account.LogoutThis), "a second time changes nothing")

		logins, callers = devices()
		require.NoError(t, w.Logout(t.Context(), callers[0], account.LogoutOthers))
		requireEnded(t, w.replicas(t), logins[1])
		requireEnded(t, w.replicas(t), logins[2])
		w.requireAlive(t, callers[0], bob)

		logins, callers = devices()
		require.NoError(t, w.Logout(t.Context(), callers[0], account.LogoutAll))
		for _, login := range logins {
			requireEnded(t, w.replicas(t), login)
		}
		w.requireAlive(t, bob)
		w.requireRows(t, 2, 1)
	})
}

// A logout and the next login may fall into the same moment of any clock.
func TestLogoutThenLoginSameSecond(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		for _, scope := range []account.LogoutScope{account.LogoutThis, account.LogoutAll, account.LogoutAll} {
			before, old := w.loginFrom(t, "phone")
			require.NoError(t, w.Logout(t.Context(), old, scope))
			_, caller := w.loginFrom(t, "phone")
			requireEnded(t, replicas, before)
			for _, replica := range replicas {
				replica.requireAlive(t, caller)
			}
		}
	})
}

// The key is of no use to anybody once nobody is logged in, so it goes.
func TestSessionKeysAreErasedWithTheLastSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, onPhone := w.loginFrom(t, "phone")
		_, onTablet := w.loginFrom(t, "tablet")
		require.NoError(t, w.Logout(t.Context(), onPhone, account.LogoutThis))
		w.requireKeys(t, true)
		require.NoError(t, w.RevokeSession(t.Context(), onTablet, onTablet.SessionID))
		w.requireKeys(t, false)

		_, onPhone = w.loginFrom(t, "phone")
		_, _ = w.loginFrom(t, "tablet")
		w.requireKeys(t, true)
		require.NoError(t, w.Logout(t.Context(), onPhone, account.LogoutAll))
		w.requireKeys(t, false)

		login, _ := w.loginFrom(t, "phone")
		w.reuse(t, login)
		w.requireKeys(t, false)
	})
}

// reuse presents a refresh token again that two others have followed.
func (w *world) reuse(t testing.TB, login *account.Login) {
	t.Helper()
	next, err := w.RefreshToken(t.Context(), login.RefreshToken)
	require.NoError(t, err)
	_, err = w.RefreshToken(t.Context(), next.RefreshToken)
	require.NoError(t, err)
	_, err = w.RefreshToken(t.Context(), login.RefreshToken)
	requireFault(t, fault.SessionRevoked, err)
}
