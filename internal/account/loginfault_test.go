package account_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

// upstream is the replica with a WeChat client of its own: no circuit breaker remembers an earlier case.
func (w *world) upstream(t testing.TB, url string, timeout time.Duration) *world {
	return w.variant(t, func(o *account.Options) {
		o.WeChat = wechat.New(wechat.Options{
			BaseURL: url, Now: w.clock.Now, Timeout: timeout,
			Jitter: func(time.Duration) time.Duration { return 0 },
			Apps:   func(id string) (wechat.App, bool) { return wechat.App{ID: id, Secret: "shop secret"}, id == shop },
		})
	})
}

// Each way in which WeChat can fail a login: what the client is told, that nothing is stored, and what
// a repeat of the same code and nonce gets. Only where the code is certainly unspent may it be tried
// again; a new code always works, and there is never a second user.
func TestWeChatFailsALogin(t *testing.T) {
	t.Parallel()
	const ok fault.Code = ""
	errcode := func(n int) wechatfake.Fault { return wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: n} }
	kind := func(k wechatfake.FaultKind) wechatfake.Fault { return wechatfake.Fault{Kind: k} }
	cases := []struct {
		name         string
		fault        wechatfake.Fault
		told, repeat fault.Code
		asked        int // how often WeChat was asked, the repeat included; 0: once
	}{
		{name: "code invalid", fault: errcode(40029), told: fault.LoginCodeInvalid, repeat: fault.LoginCodeInvalid},
		{name: "code used", fault: errcode(40163), told: fault.LoginCodeInvalid, repeat: fault.LoginCodeInvalid},
		{name: "high-risk", fault: errcode(40226), told: fault.LoginBlocked, repeat: fault.LoginBlocked},
		{name: "too often", fault: errcode(45011), told: fault.RateLimited, repeat: ok, asked: 2},
		{name: "busy once", fault: errcode(-1), told: ok, repeat: ok, asked: 2},
		{name: "busy", fault: wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: -1, Count: 2}, told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid, asked: 2},
		{name: "AppSecret wrong", fault: errcode(40125), told: fault.Internal, repeat: fault.LoginCodeInvalid},
		{name: "AppID wrong", fault: errcode(40013), told: fault.Internal, repeat: fault.LoginCodeInvalid},
		{name: "server's address not allowed", fault: errcode(40164), told: fault.Internal, repeat: fault.LoginCodeInvalid},
		{name: "a number nobody knows", fault: errcode(123456), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "500", fault: wechatfake.Fault{Kind: wechatfake.FaultHTTP, Status: 500}, told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "HTML", fault: wechatfake.Fault{Kind: wechatfake.FaultHTTP, Status: 200}, told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "empty", fault: kind(wechatfake.FaultEmpty), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "cut before", fault: kind(wechatfake.FaultCutBefore), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "cut after the code was spent", fault: kind(wechatfake.FaultCutAfter), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "no answer", fault: kind(wechatfake.FaultHang), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "no JSON", fault: kind(wechatfake.FaultInvalidJSON), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "truncated", fault: kind(wechatfake.FaultTruncated), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "a megabyte", fault: kind(wechatfake.FaultOversize), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "no openid", fault: wechatfake.Fault{Kind: wechatfake.FaultMissingField, Field: "openid"}, told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "no session_key", fault: wechatfake.Fault{Kind: wechatfake.FaultMissingField, Field: "session_key"}, told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "session_key too short", fault: kind(wechatfake.FaultBadKey), told: fault.WechatUnavailable, repeat: fault.LoginCodeInvalid},
		{name: "wrong content type", fault: wechatfake.Fault{Kind: wechatfake.FaultContentType, ContentType: "text/html"}, told: ok, repeat: ok},
	}
	inEachWorld(t, func(t *testing.T, w *world) {
		users := 0
		for _, c := range cases {
			timeout := time.Minute
			if c.fault.Kind == wechatfake.FaultHang {
				timeout = time.Second
			}
			failing := w.upstream(t, w.shared.wechatURL, timeout)
			c.fault.Endpoint, c.fault.Count = "jscode2session", max(c.fault.Count, 1)
			require.NoError(t, w.wechat.SetFault(c.fault), c.name)
			before := w.wechat.Calls("jscode2session")
			proof := w.proof(shop, c.name, "phone")

			_, err := failing.SilentLogin(t.Context(), proof)
			require.Equal(t, c.told, fault.CodeOf(err), "%s: %v", c.name, err)
			requireSafe(t, err, proof.Code, "shop secret")
			if c.told == ok {
				users++
			}
			w.requireRows(t, users, users)
			w.wechat.ClearFaults()
			_, err = failing.SilentLogin(t.Context(), proof)
			require.Equal(t, c.repeat, fault.CodeOf(err), "repeat after %s: %v", c.name, err)
			require.Equal(t, before+max(c.asked, 1), w.wechat.Calls("jscode2session"), c.name)
			if c.told != ok && c.repeat == ok {
				users++
			}
			w.requireRows(t, users, users)

			first := c.told != ok && c.repeat != ok
			login, err := w.SilentLogin(t.Context(), w.proof(shop, c.name, "phone"))
			require.NoError(t, err, c.name)
			require.Equal(t, first, login.IsNewUser, c.name)
			if first {
				users++
			}
			require.Equal(t, users, w.db.Ent().User.Query().CountX(t.Context()), c.name)
		}
		require.Equal(t, 1, count(w.actions(t), "login.block"))
	})
}

// requireSafe wants an error that may be logged.
func requireSafe(t testing.TB, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range secrets {
		require.NotContains(t, err.Error(), secret)
	}
	require.NotContains(t, err.Error(), "http://")
}

func TestRateLimitedLoginSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.SetFault(wechatfake.Fault{Endpoint: "jscode2session", Kind: wechatfake.FaultErrCode, ErrCode: 45011, Count: 1}))
		_, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		requireFault(t, fault.RateLimited, err)
		var limited *fault.Error
		require.ErrorAs(t, err, &limited)
		require.Positive(t, limited.RetryAfter)
		require.LessOrEqual(t, limited.RetryAfter, time.Minute)
	})
}

func TestBlockedUserIsTurnedAwayEveryTime(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.BlockedUsers = []string{"mallory"} }))
		for range 2 {
			_, err := w.SilentLogin(t.Context(), w.proof(shop, "mallory", "phone"))
			requireFault(t, fault.LoginBlocked, err)
		}
		w.requireRows(t, 0, 0)
		require.Equal(t, []string{"login.block", "login.block"}, w.actions(t))
	})
}

// People who are signed in stay signed in while WeChat is away.
func TestWeChatIsDown(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		nowhere, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, nowhere.Close())
		down := w.upstream(t, "http://"+nowhere.Addr().String(), time.Second)

		for i := range 8 { // beyond what opens the circuit breaker
			_, err := down.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
			require.Equal(t, fault.WechatUnavailable, fault.CodeOf(err), "call %d: %v", i, err)
		}
		_, err = down.CheckSessionKey(t.Context(), caller)
		requireFault(t, fault.WechatUnavailable, err)
		down.requireAlive(t, caller)
		for range 10 {
			w.clock.advance(29 * 24 * time.Hour / 10)
			login, err = down.RefreshToken(t.Context(), login.RefreshToken)
			require.NoError(t, err)
		}
		require.NoError(t, down.Logout(t.Context(), caller, account.LogoutThis))
		w.requireRows(t, 1, 0)
	})
}
