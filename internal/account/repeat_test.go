package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent/session"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

func repeat(text string, n int) string { return strings.Repeat(text, n) }

// requireSameLogin wants the answer that was given before: all of it but the access token, which is
// made anew.
func (w *world) requireSameLogin(t testing.TB, want, got *account.Login) {
	t.Helper()
	require.Equal(t, w.caller(t, want), w.caller(t, got))
	require.Equal(t, want.RefreshToken, got.RefreshToken)
	require.Equal(t, want.IsNewUser, got.IsNewUser)
	require.Equal(t, want.User.ID, got.User.ID)
}

func TestRepeatedLoginGetsTheSameAnswerForFiveMinutes(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		proof := w.proof(shop, "ann", "phone")
		first, err := w.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
		require.True(t, first.IsNewUser)
		for _, replica := range w.replicas(t) {
			again, err := replica.SilentLogin(t.Context(), proof)
			require.NoError(t, err)
			w.requireSameLogin(t, first, again)
		}
		w.clock.advance(5*time.Minute - time.Microsecond)
		again, err := w.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
		w.requireSameLogin(t, first, again)
		require.Equal(t, 1, w.wechat.Calls("jscode2session"))

		w.clock.advance(time.Microsecond)
		_, err = w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.LoginCodeInvalid, err)
		require.Equal(t, 1, w.wechat.Calls("jscode2session"))

		w.clock.advance(time.Second)
		require.NoError(t, w.Sweep(t.Context()))
		_, err = w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.LoginCodeInvalid, err)
		require.Equal(t, 2, w.wechat.Calls("jscode2session"), "with the claim swept away WeChat itself refuses the code")
		w.requireRows(t, 1, 1)
	})
}

func TestRepeatIsRefusedWithoutTheNonce(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		other := uuid.NewString()
		for name, nonces := range map[string][2]*string{
			"another nonce":     {new(uuid.NewString()), &other},
			"no nonce":          {new(uuid.NewString()), nil},
			"a nonce too late":  {nil, &other},
			"never a nonce":     {nil, nil},
			"part of the nonce": {new(other + "x"), &other},
		} {
			proof := w.proof(shop, "ann", "phone")
			proof.Nonce = nonces[0]
			_, err := w.SilentLogin(t.Context(), proof)
			require.NoError(t, err, name)
			calls, audited := w.wechat.Calls("jscode2session"), count(w.actions(t), "login.nonce")

			proof.Nonce = nonces[1]
			_, err = w.SilentLogin(t.Context(), proof)
			require.Equal(t, fault.LoginCodeInvalid, fault.CodeOf(err), "%s: %v", name, err)
			require.Equal(t, calls, w.wechat.Calls("jscode2session"), name)
			require.Equal(t, audited+1, count(w.actions(t), "login.nonce"), name)
		}
	})
}

func count(all []string, one string) (n int) {
	for _, each := range all {
		if each == one {
			n++
		}
	}
	return n
}

// A code is exchanged once, however many copies of the request arrive at once, and wherever.
func TestConcurrentCopiesOfALoginAreOneLogin(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		replicas := w.replicas(t)
		proof := w.proof(shop, "ann", "phone")
		logins, failures := together(32, func(i int) (*account.Login, error) {
			return replicas[i%len(replicas)].SilentLogin(t.Context(), proof)
		})
		for i, login := range logins {
			require.NoError(t, failures[i])
			w.requireSameLogin(t, logins[0], login)
			require.True(t, login.IsNewUser)
		}
		require.Equal(t, 1, w.wechat.Calls("jscode2session"))
		w.requireRows(t, 1, 1)
		require.ElementsMatch(t, []string{"register", "login"}, w.actions(t))
	})
}

// Copies that cannot prove to be the same client share nothing, not even while the first is under way.
func TestConcurrentCopiesWithoutANonceAreRefused(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		held := newGate(w.WeChat)
		w = w.variant(t, func(o *account.Options) { o.WeChat = held })
		proof := w.proof(shop, "ann", "phone")
		proof.Nonce = nil
		first := make(chan error, 1)
		go func() {
			_, err := w.SilentLogin(t.Context(), proof)
			first <- err
		}()
		<-held.asked
		for _, nonce := range []*string{nil, new(uuid.NewString())} {
			proof.Nonce = nonce
			impatient, leave := context.WithTimeout(t.Context(), time.Minute)
			_, err := w.SilentLogin(impatient, proof)
			leave()
			requireFault(t, fault.LoginCodeInvalid, err)
		}
		close(held.open)
		require.NoError(t, <-first)
		w.requireRows(t, 1, 1)
	})
}

// The client loses the answer, and may even have left before WeChat gave its own: what WeChat said is
// stored all the same, and a repeat gets it.
func TestRepeatAfterLostAnswer(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		held := newGate(w.WeChat)
		slow := w.variant(t, func(o *account.Options) { o.WeChat = held })
		proof := w.proof(shop, "ann", "phone")
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := slow.SilentLogin(ctx, proof)
			left <- err
		}()
		<-held.asked
		leave()
		err := <-left
		requireFault(t, fault.Unavailable, err)
		require.ErrorIs(t, err, context.Canceled)
		w.requireRows(t, 0, 0)

		close(held.open)
		slow.Close() // waits for what the client has begun
		w.requireRows(t, 1, 1)
		login, err := w.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
		require.True(t, login.IsNewUser)
		require.Equal(t, 1, w.wechat.Calls("jscode2session"))
		w.requireRows(t, 1, 1)
	})
}

// dying is a WeChat whose client brings the exchange down.
type dying struct{ account.WeChat }

func (dying) Code2Session(context.Context, string, string) (wechat.Session, error) {
	panic("exchange brought down")
}

// Whoever claimed a code and died may have spent it: nobody exchanges it again, and the client is told
// to get a new one as soon as no answer can come any more.
func TestCodeOfADeadOwnerIsSpent(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		proof := w.proof(shop, "ann", "phone")
		_, err := w.variant(t, func(o *account.Options) { o.WeChat = dying{} }).SilentLogin(t.Context(), proof)
		requireFault(t, fault.Internal, err)
		require.ErrorContains(t, err, "exchange brought down", "the log needs the cause")

		impatient, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer leave()
		_, err = w.SilentLogin(impatient, proof)
		requireFault(t, fault.Unavailable, err)
		w.clock.advance(16*time.Second + time.Microsecond)
		_, err = w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.LoginCodeInvalid, err)
		require.Zero(t, w.wechat.Calls("jscode2session"))
		w.requireRows(t, 0, 0)

		_, caller := w.login(t, "ann")
		require.False(t, w.refuses(t, caller))
		w.requireRows(t, 1, 1)
	})
}

// A repeat opens no session that has been ended since.
func TestRepeatOfALoginWhoseSessionHasEnded(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for name, end := range map[string]func(caller account.Caller) error{
			"logged out":            func(c account.Caller) error { return w.Logout(t.Context(), c, account.LogoutThis) },
			"logged out everywhere": func(c account.Caller) error { return w.Logout(t.Context(), c, account.LogoutAll) },
			"replaced": func(account.Caller) error {
				_, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
				return err
			},
			"disabled": func(c account.Caller) error { return w.Disable(t.Context(), lily, c.UserID, "spam", nil) },
		} {
			proof := w.proof(shop, "ann", "phone")
			login, err := w.SilentLogin(t.Context(), proof)
			require.NoError(t, err, name)
			caller := w.caller(t, login)
			require.NoError(t, end(caller), name)
			w.clock.advance(17 * time.Second)
			_, err = w.SilentLogin(t.Context(), proof)
			require.Equal(t, fault.LoginCodeInvalid, fault.CodeOf(err), "%s: %v", name, err)
			require.NoError(t, w.Enable(t.Context(), lily, caller.UserID, "sorry"))
		}
	})
}

// The way to the database breaks at each step of a login. Whoever repeats the request gets the session
// if there is one, also if all that was lost is the answer to COMMIT; otherwise they take a new code.
func TestRepeatAfterTheDatabaseWasLostMidway(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		w.login(t, "ann")
		out := new(outage)
		w.shared.options.Wrap = out.Wrap
		broken := w.shared.replica(t)
		stored := 0
		for skip := range 20 {
			proof := w.proof(shop, "ann", "phone")
			out.after(skip, 1)
			_, err := broken.SilentLogin(t.Context(), proof)
			if !out.over() { // it is over before the wire breaks
				require.NoError(t, err)
				require.Greater(t, skip, 4, "a login has more steps than that")
				require.Equal(t, 1, stored, "once, all that is lost is the answer to COMMIT")
				return
			}
			requireFault(t, fault.Unavailable, err)
			ids := w.db.Ent().Session.Query().Where(session.LoginCodeHash(hashOf("login code", shop, proof.Code))).IDsX(t.Context())
			again, err := w.SilentLogin(t.Context(), proof)
			if len(ids) == 0 {
				require.Contains(t, []fault.Code{"", fault.LoginCodeInvalid}, fault.CodeOf(err), "%d: %v", skip, err)
			} else {
				stored++
				require.NoError(t, err, skip)
				require.Equal(t, ids[0], w.caller(t, again).SessionID)
			}
			require.Equal(t, 1, w.db.Ent().User.Query().CountX(t.Context()))
		}
		require.Fail(t, "a login has no end")
	})
}
