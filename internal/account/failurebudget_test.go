package account_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/ent/decryptfailure"
	"mpauth/ent/identity"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// fail sends n pieces of encrypted data that do not decrypt.
func (w *world) fail(t testing.TB, caller account.Caller, n int) {
	t.Helper()
	for range n {
		_, err := w.UpdatePhone(t.Context(), caller, byCiphertext(encoded(nil, nil)))
		requireFault(t, fault.DecryptWxOpenDataFail, err)
	}
}

// try sends genuine encrypted data.
func (w *world) try(t testing.TB, caller account.Caller, user string) error {
	t.Helper()
	_, err := w.UpdatePhone(t.Context(), caller, byCiphertext(w.encrypted(t, user, wechatfake.KindPhone, nil)))
	return err
}

// keyless tells whether the session keys of the caller are gone from the database.
func (w *world) keyless(t testing.TB, caller account.Caller) bool {
	t.Helper()
	row := w.db.Ent().Identity.Query().Where(identity.UserID(caller.UserID)).OnlyX(context.WithoutCancel(t.Context()))
	return len(*row.SessionKey) == 0 && len(*row.SessionKeyPrint) == 0 && len(*row.PreviousKey) == 0
}

func (w *world) resets() int {
	w.Close() // they go on after the answer
	return w.wechat.Calls("resetusersessionkey")
}

func TestFiveFailuresDropTheSessionKeys(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, bob := w.login(t, "bob")
		attacked := w.wechat.SessionKey(shop, "ann")
		w.fail(t, ann, 4)
		require.False(t, w.keyless(t, ann))
		require.NoError(t, w.try(t, ann, "ann"), "four failures are an accident")
		w.fail(t, ann, 1)
		require.True(t, w.keyless(t, ann))
		require.Equal(t, 1, w.resets(), "WeChat has been told to replace the key")
		require.NotEqual(t, attacked, w.wechat.SessionKey(shop, "ann"))
		require.Equal(t, 1, countOf(w.actions(t), "sessionkey.drop"))

		requireFault(t, fault.DecryptWxOpenDataFail, w.try(t, ann, "ann"))
		status, err := w.CheckSessionKey(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, account.SessionKeyAbsent, status)
		_, err = w.UpdatePhone(t.Context(), ann, byCode(w.wechat.PhoneCode(shop, "ann", "")))
		require.NoError(t, err, "a code proves the number without the key")
		require.NoError(t, w.try(t, bob, "bob"), "the failures of one do not touch another")

		attacker := ann
		login, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "another-device"))
		require.NoError(t, err)
		ann = w.caller(t, login)
		require.NoError(t, w.try(t, ann, "ann"), "a new login brings a new key")
		requireFault(t, fault.DecryptWxOpenDataFail, w.try(t, attacker, "ann")) // the session that failed has to wait
		w.clock.advance(10 * time.Minute)
		require.NoError(t, w.try(t, attacker, "ann"))
	})
}

// The windows are counted from each failure, not by the calendar.
func TestFailuresAreForgottenInTime(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		w.fail(t, ann, 2)
		w.clock.advance(5 * time.Minute)
		w.fail(t, ann, 2)
		w.clock.advance(5*time.Minute - time.Microsecond)
		_, bob := w.login(t, "bob")
		w.fail(t, bob, 4)
		w.clock.advance(time.Microsecond) // the first two are ten minutes old
		w.fail(t, ann, 2)
		require.False(t, w.keyless(t, ann))
		require.NoError(t, w.try(t, ann, "ann"))
		w.fail(t, ann, 1)
		require.True(t, w.keyless(t, ann))
		w.clock.advance(10 * time.Minute)
		_, ann = w.login(t, "ann")
		require.NoError(t, w.try(t, ann, "ann"))
	})
}

// Logging in again and again gets nobody more tries than a person has in a day.
func TestTwentyFailuresOfAPersonEndTheDay(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		var ann account.Caller
		for range 5 {
			_, ann = w.login(t, "ann")
			w.fail(t, ann, 4)
			w.clock.advance(time.Hour)
		}
		require.True(t, w.keyless(t, ann), "four a session, but twenty in all")
		require.Equal(t, 1, w.resets())
		for range 2 {
			_, ann = w.login(t, "ann")
			require.False(t, w.keyless(t, ann))
			requireFault(t, fault.DecryptWxOpenDataFail, w.try(t, ann, "ann"))
			w.clock.advance(time.Hour)
		}
		require.NoError(t, w.Sweep(t.Context()), "the sweep forgets nothing that counts")
		w.clock.advance(17*time.Hour - time.Microsecond)
		_, ann = w.login(t, "ann")
		requireFault(t, fault.DecryptWxOpenDataFail, w.try(t, ann, "ann"))
		w.clock.advance(time.Microsecond)
		require.NoError(t, w.try(t, ann, "ann"), "the first four are a day old")
		_, bob := w.login(t, "bob")
		require.NoError(t, w.try(t, bob, "bob"))
	})
}

// Failures of the profile and of the phone come out of one budget: it is the same key.
func TestProfileAndPhoneShareTheFailureBudget(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		w.fail(t, ann, 3)
		for range 2 {
			_, err := w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Encrypted: &account.EncryptedProfileInput{}})
			requireFault(t, fault.DecryptWxOpenDataFail, err)
		}
		require.True(t, w.keyless(t, ann))
	})
}

// Sending all at once does not stretch the budget: of concurrent failures one sees that it is spent.
func TestConcurrentFailuresDropTheSessionKeys(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		for range 5 { // a race that is lost now and then must be lost once
			_, ann = w.login(t, "ann")
			require.False(t, w.keyless(t, ann))
			_, errs := atOnce(5, func(int) (*account.User, error) {
				return w.UpdatePhone(t.Context(), ann, byCiphertext(encoded(nil, nil)))
			})
			for _, err := range errs {
				requireFault(t, fault.DecryptWxOpenDataFail, err)
			}
			require.True(t, w.keyless(t, ann))
			w.clock.advance(24 * time.Hour)
		}
	})
}

// A failure that is answered as one has been counted, wherever the database is lost on the way.
func TestNoFailureIsAnsweredUncounted(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		out := new(outage)
		w.shared.options.Wrap = out.Wrap
		w = w.shared.replica(t)
		answered := 0
		for skip := range 12 {
			_, ann := w.login(t, fmt.Sprintf("ann-%d", skip))
			out.after(skip, 1)
			_, err := w.UpdatePhone(t.Context(), ann, byCiphertext(encoded(nil, nil)))
			out.after(0, 0)
			counted := w.db.Ent().DecryptFailure.Query().Where(decryptfailure.UserID(ann.UserID)).CountX(t.Context())
			if fault.CodeOf(err) == fault.DecryptWxOpenDataFail {
				require.Equal(t, 1, counted, "after %d round trips", skip)
				answered++
			} else {
				requireFault(t, fault.Unavailable, err)
			}
		}
		require.Positive(t, answered)
		require.Less(t, answered, 8)
	})
}

func TestKeysAreDroppedEvenIfWeChatDoesNotResetThem(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		require.NoError(t, w.wechat.SetFault(wechatfake.Fault{Endpoint: "resetusersessionkey", Kind: wechatfake.FaultHTTP}))
		w.fail(t, ann, 5)
		require.Positive(t, w.resets())
		require.True(t, w.keyless(t, ann))
		requireFault(t, fault.DecryptWxOpenDataFail, w.try(t, ann, "ann"))
	})
}
