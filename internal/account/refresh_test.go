package account_test

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

const day = 24 * time.Hour

func TestRefreshGoesOnWithTheSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		seen := map[string]bool{login.RefreshToken: true, login.Token: true}
		for range 5 {
			w.clock.advance(10 * time.Minute)
			next, err := w.RefreshToken(t.Context(), login.RefreshToken)
			require.NoError(t, err)
			require.Equal(t, caller, w.caller(t, next))
			require.Equal(t, login.User, next.User)
			require.False(t, next.IsNewUser)
			require.Equal(t, 600, next.ExpiresIn)
			require.False(t, seen[next.RefreshToken] || seen[next.Token], "each token is new")
			seen[next.RefreshToken], seen[next.Token] = true, true
			login = next
		}
		require.Equal(t, 1, w.wechat.Calls("jscode2session"), "a refresh does not need WeChat")
		w.requireRows(t, 1, 1)
	})
}

// The client that lost the answer gets it again, for thirty seconds.
func TestRefreshGraceIsThirtySeconds(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		child, err := w.RefreshToken(t.Context(), login.RefreshToken)
		require.NoError(t, err)
		for range 3 {
			w.clock.advance(10 * time.Second)
			again, err := w.RefreshToken(t.Context(), login.RefreshToken)
			require.NoError(t, err)
			require.Equal(t, child.RefreshToken, again.RefreshToken, "the same child; nor does a repeat prolong the grace")
		}
		w.requireAlive(t, caller)
		w.clock.advance(time.Microsecond)
		_, err = w.RefreshToken(t.Context(), login.RefreshToken)
		requireFault(t, fault.SessionRevoked, err)
		requireEnded(t, w.replicas(t), child)
		require.Equal(t, 1, count(w.actions(t), "session.reuse"))
		w.requireRows(t, 1, 0)
	})
}

// Only the immediate predecessor has a grace. Whoever presents an older token has a copy that somebody
// else has used since, so nobody goes on with the session.
func TestGrandparentRefreshKillsSession(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		grandparent, _ := w.login(t, "ann")
		_, tablet := w.loginFrom(t, "tablet")
		parent, err := w.RefreshToken(t.Context(), grandparent.RefreshToken)
		require.NoError(t, err)
		child, err := w.RefreshToken(t.Context(), parent.RefreshToken)
		require.NoError(t, err)
		_, err = w.RefreshToken(t.Context(), grandparent.RefreshToken)
		requireFault(t, fault.SessionRevoked, err)
		requireEnded(t, w.replicas(t), child)
		w.requireAlive(t, tablet)
		require.Equal(t, 1, count(w.actions(t), "session.reuse"))
	})
}

func TestRefreshRaceSameChild(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		login, caller := w.login(t, "ann")
		for round := range int64(3) {
			next, failures := together(32, func(i int) (*account.Login, error) {
				return replicas[i%len(replicas)].RefreshToken(t.Context(), login.RefreshToken)
			})
			for i := range next {
				require.NoError(t, failures[i])
				require.Equal(t, next[0].RefreshToken, next[i].RefreshToken)
				require.Equal(t, caller, w.caller(t, next[i]))
			}
			login = next[0]
			require.Equal(t, round+1, w.db.Ent().Session.Query().OnlyX(t.Context()).RefreshCounter)
		}
	})
}

func TestRefreshExpiry(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		idle, _ := w.loginFrom(t, "phone")
		w.clock.advance(30 * day)
		_, err := w.RefreshToken(t.Context(), idle.RefreshToken)
		requireFault(t, fault.SessionRevoked, err)
		require.Equal(t, 1, count(w.actions(t), "session.expire"))
		w.requireRows(t, 1, 0)

		busy, _ := w.loginFrom(t, "phone")
		for range 3 {
			w.clock.advance(30*day - time.Microsecond)
			busy, err = w.RefreshToken(t.Context(), busy.RefreshToken)
			require.NoError(t, err)
		}
		w.clock.advance(3 * time.Microsecond) // ninety days since the login
		_, err = w.RefreshToken(t.Context(), busy.RefreshToken)
		requireFault(t, fault.SessionRevoked, err)
		require.Equal(t, 2, count(w.actions(t), "session.expire"))
	})
}

// What was never ours is refused without a question to the database.
func TestForgedRefreshTokenCostsNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, _ := w.login(t, "ann")
		good := []byte(login.RefreshToken)
		good[20] ^= 1
		w.trips.Reset()
		for _, raw := range []string{"", "x", repeat("A", 82), repeat("A", 100_000), login.Token, string(good), login.RefreshToken + "="} {
			_, err := w.RefreshToken(t.Context(), raw)
			requireFault(t, fault.Unauthenticated, err)
			require.Less(t, len(err.Error()), 200)
		}
		require.Zero(t, w.trips.Count(), w.trips.String())
		_, err := w.RefreshToken(t.Context(), w.refresh.Mint(uuid.New(), 0))
		requireFault(t, fault.SessionRevoked, err)
	})
}

// A refused access token costs nothing either: memory knows that the session has ended.
func TestRevokedAccessTokenCostsNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, one := w.loginFrom(t, "phone")
		_, all := w.loginFrom(t, "tablet")
		require.NoError(t, w.Logout(t.Context(), one, account.LogoutThis))
		require.NoError(t, w.Logout(t.Context(), all, account.LogoutAll))
		for _, replica := range w.replicas(t) {
			require.NoError(t, replica.feed.Look(t.Context()))
			replica.trips.Reset()
			require.True(t, replica.refuses(t, one))
			require.True(t, replica.refuses(t, all))
			require.Zero(t, replica.trips.Count())
		}
	})
}

// lineage is what a session must be like, for the property test: the tokens it has given, and when.
type lineage struct {
	tokens             []string // the last one is the current one
	refreshed, started time.Time
	alive              bool
	ended              time.Time
}

func (l *lineage) end(now time.Time) {
	if l.alive {
		l.alive, l.ended = false, now
	}
}

func (l *lineage) expired(now time.Time) bool {
	return !now.Before(l.refreshed.Add(30*day)) || !now.Before(l.started.Add(90*day))
}

// Any order of logins, refreshes with any token there ever was, logouts and waiting: a session goes on
// exactly with its current token, repeats its last answer for thirty seconds, and ends for good with
// anything else.
func TestRefreshFollowsTheModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialect.SQLite)
	rapid.Check(t, func(rt *rapid.T) {
		user := uuid.NewString()
		var sessions []*lineage
		callers := map[*lineage]account.Caller{}
		login := func() {
			for _, old := range sessions {
				old.end(w.clock.Now()) // one device
			}
			l, caller := w.login(t, user)
			now := w.clock.Now()
			next := &lineage{tokens: []string{l.RefreshToken}, refreshed: now, started: now, alive: true}
			sessions = append(sessions, next)
			callers[next] = caller
		}
		login()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			s := rapid.SampledFrom(sessions).Draw(rt, "session")
			switch rapid.SampledFrom([]string{"refresh", "refresh", "refresh", "wait", "login", "logout"}).Draw(rt, "action") {
			case "login":
				login()
			case "logout":
				require.NoError(rt, w.Logout(t.Context(), callers[s], account.LogoutThis))
				s.end(w.clock.Now())
			case "wait":
				w.clock.advance(rapid.SampledFrom([]time.Duration{
					time.Second, 29 * time.Second, 30 * time.Second, 31 * time.Second, day, 29 * day, 30 * day,
				}).Draw(rt, "for"))
			case "refresh":
				i := rapid.IntRange(max(0, len(s.tokens)-4), len(s.tokens)-1).Draw(rt, "token")
				got, err := w.RefreshToken(t.Context(), s.tokens[i])
				now, last := w.clock.Now(), len(s.tokens)-1
				switch {
				case s.alive && i == last && !s.expired(now):
					require.NoError(rt, err)
					require.NotContains(rt, s.tokens, got.RefreshToken)
					s.tokens, s.refreshed = append(s.tokens, got.RefreshToken), now
				case s.alive && i == last-1 && now.Sub(s.refreshed) <= 30*time.Second:
					require.NoError(rt, err)
					require.Equal(rt, s.tokens[last], got.RefreshToken)
				default:
					require.Equal(rt, fault.SessionRevoked, fault.CodeOf(err), "%v", err)
					s.end(now)
				}
			}
			for _, each := range sessions {
				c := callers[each]
				require.NoError(rt, w.feed.Look(t.Context()))
				refused := w.feed.Check(t.Context(), c.SessionID, c.UserID, c.Epoch) != nil
				if each.alive || w.clock.Now().Sub(each.ended) < 10*time.Minute { // no access token lives longer
					require.Equal(rt, !each.alive, refused)
				}
			}
		}
	})
}
