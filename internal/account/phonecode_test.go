package account_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// impatient is a replica that waits for WeChat only a moment, so that a test of a WeChat that hangs
// does not.
func (w *world) impatient(t testing.TB) *world {
	t.Helper()
	s := w.shared
	s.patience = time.Second
	return s.replica(t)
}

func (w *world) plan(t testing.TB, f wechatfake.Fault) {
	t.Helper()
	f.Endpoint = "getuserphonenumber"
	require.NoError(t, w.wechat.SetFault(f))
}

// holdPhone has WeChat take its time with the next phone code until release is called. asked returns
// when WeChat has the request.
func (w *world) holdPhone(t testing.TB) (asked, release func()) {
	t.Helper()
	before := w.exchanges()
	w.plan(t, wechatfake.Fault{Kind: wechatfake.FaultLatency, Milliseconds: 60_000, Count: 1})
	return func() {
		t.Helper()
		require.Eventually(t, func() bool { return w.exchanges() > before }, time.Minute, time.Millisecond)
	}, w.wechat.ClearFaults
}

func TestRetryOfPhoneCodeGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		other := w.shared.replica(t)
		code := w.wechat.PhoneCode(shop, "ann", "")
		first, err := w.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
		for _, replica := range []*world{w, other, w} {
			w.clock.advance(4 * time.Minute) // WeChat has long forgotten the code at the end
			again, err := replica.UpdatePhone(t.Context(), ann, byCode(code))
			require.NoError(t, err)
			require.Equal(t, first, again)
		}
		require.Equal(t, 1, w.exchanges())
		require.Equal(t, 1, countOf(w.actions(t), "phone.bind"))
	})
}

func TestConcurrentCopiesOfAPhoneCodeCostOneExchange(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		replicas := []*world{w, w.shared.replica(t)}
		for round, spread := range []int{1, 2} {
			code := w.wechat.PhoneCode(shop, "ann", fmt.Sprintf("1380013800%d", round))
			bound, errs := atOnce(32, func(i int) (*account.User, error) {
				return replicas[i%spread].UpdatePhone(t.Context(), ann, byCode(code))
			})
			for i := range bound {
				require.NoError(t, errs[i])
				require.Equal(t, bound[0], bound[i])
			}
			require.Equal(t, round+1, w.exchanges(), "over %d replicas", spread)
			w.clock.advance(time.Second)
		}
	})
}

// Who taps pays. So what WeChat has told is stored even when nobody waits for the answer any more.
func TestPaidCodeIsNotLostWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		code := w.wechat.PhoneCode(shop, "ann", "13800138000")
		asked, release := w.holdPhone(t)
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := w.UpdatePhone(ctx, ann, byCode(code))
			left <- err
		}()
		asked()
		leave()
		requireFault(t, fault.Unavailable, <-left)
		require.Empty(t, w.number(t, ann))
		release()
		w.Close() // returns when the work is done
		require.Equal(t, "+8613800138000", w.number(t, ann))

		again, err := w.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
		require.Equal(t, "+8613800138000", again.Phone.Number)
		require.Equal(t, 1, w.exchanges())
	})
}

func TestPaidCodeIsNotLostWhenTheDatabaseIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	lost := []struct {
		name       string
		skip, fail int
	}{
		{"three times BEGIN", 0, 3},
		{"the number", 1, 1},
		{"the audit event", 2, 1},
		{"the answer of COMMIT", 3, 1},
	}
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		out := new(outage)
		w.shared.options.Wrap = out.Wrap
		w = w.shared.replica(t)
		for i, l := range lost {
			number := fmt.Sprintf("1380013800%d", i)
			code := w.wechat.PhoneCode(shop, "ann", number)
			before := w.exchanges()
			asked, release := w.holdPhone(t)
			done := make(chan error)
			go func() {
				_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
				done <- err
			}()
			asked()
			out.after(l.skip, l.fail)
			release()
			require.NoError(t, <-done, l.name)
			require.True(t, out.over(), l.name)
			require.Equal(t, "+86"+number, w.number(t, ann), l.name)
			require.Equal(t, before+1, w.exchanges(), "%s: WeChat tells a number once", l.name)
			require.Equal(t, i+1, count(w.actions(t), "phone.bind"), "%s: it was bound once", l.name)
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			require.NoError(t, err)
			require.Equal(t, before+1, w.exchanges(), l.name)
			w.clock.advance(time.Second)
		}
	})
}

// While WeChat is away nobody pays, so the same code must work afterwards.
func TestPhoneCodeIsGivenBackWhenWeChatIsDown(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		impatient := w.impatient(t)
		downs := []wechatfake.Fault{
			{Kind: wechatfake.FaultErrCode, ErrCode: -1, Count: 2}, // asked twice
			{Kind: wechatfake.FaultHTTP, Status: 502, Count: 1},
			{Kind: wechatfake.FaultHang, Count: 1},
			{Kind: wechatfake.FaultEmpty, Count: 1},
			{Kind: wechatfake.FaultCutBefore, Count: 1},
		}
		for i, down := range downs {
			number := fmt.Sprintf("1380013800%d", i)
			code := w.wechat.PhoneCode(shop, "ann", number)
			before := w.number(t, ann)
			w.plan(t, down)
			replica := w
			if down.Kind == wechatfake.FaultHang {
				replica = impatient
			}
			_, err := replica.UpdatePhone(t.Context(), ann, byCode(code))
			requireFault(t, fault.WechatUnavailable, err)
			require.Equal(t, before, w.number(t, ann))
			w.wechat.ClearFaults()
			bound, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			require.NoError(t, err, "%s", down.Kind)
			require.Equal(t, "+86"+number, bound.Phone.Number)
			w.clock.advance(time.Second)
		}

		code := w.wechat.PhoneCode(shop, "ann", "13900139000")
		w.plan(t, wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: 45011, Count: 1})
		_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
		requireFault(t, fault.RateLimited, err)
		limited, ok := err.(*fault.Error)
		require.True(t, ok)
		require.Positive(t, limited.RetryAfter)
		w.clock.advance(limited.RetryAfter)
		_, err = w.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
	})
}

// Where WeChat has done its work and only the answer was lost, nobody can know the number; the
// person has to tap again, and is told so as soon as WeChat says so.
func TestLostAnswerOfWeChatBindsNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		for _, kind := range []wechatfake.FaultKind{
			wechatfake.FaultCutAfter, wechatfake.FaultTruncated, wechatfake.FaultInvalidJSON, wechatfake.FaultMissingField, wechatfake.FaultOversize,
		} {
			code := w.wechat.PhoneCode(shop, "ann", "")
			w.plan(t, wechatfake.Fault{Kind: kind, Count: 1})
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			requireFault(t, fault.WechatUnavailable, err)
			_, err = w.UpdatePhone(t.Context(), ann, byCode(code))
			requireFault(t, fault.PhoneCodeInvalid, err)
			require.Empty(t, w.number(t, ann), "%s", kind)
		}
	})
}

func TestCodeThatWeChatDoesNotHonour(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, bob := w.login(t, "bob")
		spent := w.wechat.PhoneCode(shop, "bob", "")
		_, err := w.UpdatePhone(t.Context(), bob, byCode(spent))
		require.NoError(t, err)
		expired := w.wechat.PhoneCode(shop, "ann", "")
		w.clock.advance(5 * time.Minute)
		bobs := w.wechat.PhoneCode(shop, "bob", "13800138000")
		login := w.wechat.LoginCode(shop, "ann")
		for name, code := range map[string]string{
			"unknown":           "no such code",
			"expired":           expired,
			"spent by another":  spent,
			"somebody else's":   bobs,
			"of another app":    w.wechat.PhoneCode(club, "ann", ""),
			"a login code":      login,
			"an unheard number": w.wechat.PhoneCode(shop, "ann", "+999 12345678"),
		} {
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			require.Error(t, err, name)
			requireFault(t, fault.PhoneCodeInvalid, err)
			require.NotContains(t, err.Error(), code)
			asked := w.exchanges()
			_, again := w.UpdatePhone(t.Context(), ann, byCode(code))
			requireFault(t, fault.PhoneCodeInvalid, again)
			require.Equal(t, asked, w.exchanges(), "%s: WeChat has been asked", name)
			require.Empty(t, w.number(t, ann), name)
		}

		bound, err := w.UpdatePhone(t.Context(), bob, byCode(bobs))
		require.NoError(t, err, "who sends somebody else's code does not spoil it for them")
		require.Equal(t, "+8613800138000", bound.Phone.Number)
		_, err = w.SilentLogin(t.Context(), account.SilentLoginInput{AppID: new(shop), Code: login})
		require.NoError(t, err, "nor a login code")
	})
}

// A replica that claimed a code and died has asked WeChat, or has not. Only asking tells.
func TestRetrySucceedsAnOwnerWhoDied(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		code := w.wechat.PhoneCode(shop, "ann", "13800138000")
		claimed := w.clock.Now()
		w.db.Ent().PhoneCode.Create().SetID(phoneCodeHash(ann, code)).
			SetClaimedAt(claimed).SetExpiresAt(claimed.Add(5 * time.Minute)).ExecX(t.Context())

		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := w.UpdatePhone(impatient, ann, byCode(code))
		requireFault(t, fault.Unavailable, err) // the owner may be alive
		require.Zero(t, w.exchanges())

		w.clock.advance(17 * time.Second)
		_, err = w.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
		require.Equal(t, "+8613800138000", w.number(t, ann))
		require.Equal(t, 1, w.exchanges())
	})
}

func TestOneOfSeveralSucceedsAnOwnerWhoDied(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		replicas := []*world{w, w.shared.replica(t), w.shared.replica(t), w.shared.replica(t)}
		for round := range 10 {
			number := fmt.Sprintf("1380013800%d", round)
			code := w.wechat.PhoneCode(shop, "ann", number)
			claimed := w.clock.Now()
			w.db.Ent().PhoneCode.Create().SetID(phoneCodeHash(ann, code)).
				SetClaimedAt(claimed).SetExpiresAt(claimed.Add(5 * time.Minute)).ExecX(t.Context())
			w.clock.advance(17 * time.Second)
			bound, errs := atOnce(len(replicas), func(i int) (*account.User, error) {
				return replicas[i].UpdatePhone(t.Context(), ann, byCode(code))
			})
			for i := range bound {
				require.NoError(t, errs[i])
				require.Equal(t, "+86"+number, bound[i].Phone.Number)
			}
			require.Equal(t, round+1, w.exchanges())
		}
	})
}

// phoneCodeHash is the key of a claim.
func phoneCodeHash(caller account.Caller, code string) []byte {
	return hashOf("phone code", caller.AppID, caller.UserID.String(), code)
}

func TestRetryWaitsForTheExchangeOnAnotherReplica(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		other := w.shared.replica(t)
		w.bind(t, ann, "ann", "13700137000")
		w.clock.advance(time.Second)
		code := w.wechat.PhoneCode(shop, "ann", "13800138000")
		asked, release := w.holdPhone(t)
		answers := make(chan error, 2)
		send := func(w *world) {
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			answers <- err
		}
		go send(w)
		asked()
		other.trips.Reset()
		go send(other)
		require.Eventually(t, func() bool { return other.trips.Count() > 6 }, time.Minute, time.Millisecond, "it looks again and again")
		require.Empty(t, answers)
		release()
		require.NoError(t, <-answers)
		require.NoError(t, <-answers)
		require.Equal(t, "+8613800138000", w.number(t, ann))
		require.Equal(t, 2, w.exchanges())
	})
}

func TestRetryAfterTheExchangeWasGivenUpMayBeRepeated(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		other := w.shared.replica(t)
		code := w.wechat.PhoneCode(shop, "ann", "13800138000")
		w.plan(t, wechatfake.Fault{Kind: wechatfake.FaultHang, Count: 1})
		owner, waiting := make(chan error), make(chan error)
		go func() {
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			owner <- err
		}()
		require.Eventually(t, func() bool { return w.exchanges() == 1 }, time.Minute, time.Millisecond)
		other.trips.Reset()
		go func() {
			_, err := other.UpdatePhone(t.Context(), ann, byCode(code))
			waiting <- err
		}()
		require.Eventually(t, func() bool { return other.trips.Count() > 6 }, time.Minute, time.Millisecond)
		w.wechat.ClearFaults() // cuts the connection
		requireFault(t, fault.WechatUnavailable, <-owner)
		err := <-waiting
		requireFault(t, fault.Unavailable, err)
		require.True(t, fault.CodeOf(err).Retryable())

		_, err = other.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
		require.Equal(t, "+8613800138000", w.number(t, ann))
	})
}
