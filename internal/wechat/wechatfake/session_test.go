package wechatfake_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func TestCode2SessionAnswersAsWeChatDoes(t *testing.T) {
	t.Parallel()
	b := setupWith(t, wechatfake.Options{
		Rand: constant(0xff), // a session key full of slashes
		Apps: []wechatfake.App{
			{ID: shopApp, Secret: secretOf(shopApp), UnionScope: "owner"},
			{ID: loneApp, Secret: secretOf(loneApp)},
		},
	})
	code := b.fake.LoginCode(shopApp, "alice")
	require.Regexp(t, `^[0-9A-Za-z]{32}$`, code)

	a := b.exchange(shopApp, code)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "text/plain", a.contentType)
	require.Equal(t, `{"session_key":"\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/w==","openid":"`+b.fake.OpenID(shopApp, "alice")+
		`","unionid":"`+b.fake.UnionID(shopApp, "alice")+`"}`, a.text, "no errcode on success, slashes escaped")

	lone := b.exchange(loneApp, b.fake.LoginCode(loneApp, "alice"))
	require.NotContains(t, lone.json, "unionid")
}

func TestCode2SessionRefusals(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(bundle, url.Values) {
		return func(_ bundle, q url.Values) { q.Set(name, value) }
	}
	tests := []struct {
		name    string
		change  func(bundle, url.Values)
		errcode int
		errmsg  string
	}{
		{"no appid", set("appid", ""), 41002, "appid missing"},
		{"no secret", set("secret", ""), 41004, "appsecret missing"},
		{"no code", set("js_code", ""), 41008, "missing code"},
		{"wrong grant", set("grant_type", "code"), 40002, "invalid grant_type"},
		{"unknown app", set("appid", "wx0"), 40013, "invalid appid"},
		{"appid in the wrong case", set("appid", "WX00000000000000AA"), 40013, "invalid appid"},
		{"wrong secret", set("secret", "guess"), 40125, "invalid appsecret"},
		{"made-up code", set("js_code", "071234567890abcdefABCDEF12345678"), 40029, "invalid code"},
		{"DevTools mock code", set("js_code", "the code is a mock one"), 40029, "invalid code"},
		{"code of another app", func(b bundle, q url.Values) {
			q.Set("js_code", b.fake.LoginCode(clubApp, "alice"))
		}, 40029, "invalid code"},
		{"phone code", func(b bundle, q url.Values) {
			q.Set("js_code", b.fake.PhoneCode(shopApp, "alice", ""))
		}, 40029, "invalid code"},
		{"expired code", func(b bundle, _ url.Values) { b.fake.Advance(5 * time.Minute) }, 40029, "invalid code"},
		{"used code", func(b bundle, q url.Values) { b.get("/sns/jscode2session", q) }, 40163, "code been used"},
		{"used and expired code", func(b bundle, q url.Values) {
			b.get("/sns/jscode2session", q)
			b.fake.Advance(5 * time.Minute)
		}, 40029, "invalid code"},
		{"blocked user", func(b bundle, _ url.Values) {
			b.configure(func(st *wechatfake.Settings) { st.BlockedUsers = []string{"alice"} })
		}, 40226, "code blocked"},
		{"wrong secret before bad code", func(_ bundle, q url.Values) {
			q.Set("secret", "guess")
			q.Set("js_code", "bad")
		}, 40125, "invalid appsecret"},
		{"used before blocked", func(b bundle, q url.Values) {
			b.get("/sns/jscode2session", q)
			b.configure(func(st *wechatfake.Settings) { st.BlockedUsers = []string{"alice"} })
		}, 40163, "code been used"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			q := loginQuery(shopApp, b.fake.LoginCode(shopApp, "alice"))
			tt.change(b, q)
			a := b.get("/sns/jscode2session", q)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, "text/plain", a.contentType)
			require.Equal(t, tt.errcode, a.errcode(), a.text)
			require.Regexp(t, `^`+tt.errmsg+`, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`, a.str("errmsg"))
			require.NotContains(t, a.json, "session_key")
		})
	}
}

func TestCode2SessionIsAGet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 43001, b.post("/sns/jscode2session", map[string]any{"appid": shopApp}).errcode())
}

func TestRequestIDBeginsWithTheTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Contains(t, b.exchange(shopApp, "bad").str("errmsg"), ", rid: 695735a5-", "start() in hexadecimal unix seconds")
}

func TestLoginCodeLivesFiveMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code := b.fake.LoginCode(shopApp, "alice")
	b.fake.Advance(5*time.Minute - time.Second)
	require.Zero(t, b.exchange(shopApp, code).errcode())
}

func TestRefusalDoesNotConsumeTheCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code := b.fake.LoginCode(shopApp, "alice")
	q := loginQuery(shopApp, code)
	q.Set("secret", "guess")
	require.Equal(t, 40125, b.get("/sns/jscode2session", q).errcode())
	require.Zero(t, b.exchange(shopApp, code).errcode())
}

func TestLoginQuotaOfAUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 100 {
		b.login(shopApp, "alice")
	}
	code := b.fake.LoginCode(shopApp, "alice")
	require.Equal(t, 45011, b.exchange(shopApp, code).errcode())
	b.login(shopApp, "bob") // somebody else's minute
	b.fake.Advance(time.Minute)
	require.Zero(t, b.exchange(shopApp, code).errcode(), "next minute, same code")
	b.configure(func(st *wechatfake.Settings) { st.Unlimited = true })
	for range 101 {
		b.login(shopApp, "alice")
	}
}

func TestWhenTheSessionKeyChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, first := b.login(shopApp, "alice")
	require.Equal(t, first, b.fake.SessionKey(shopApp, "alice"))
	_, again := b.login(shopApp, "alice")
	require.Equal(t, first, again, "two logins in a row give the same key")
	_, elsewhere := b.login(clubApp, "alice")
	require.NotEqual(t, first, elsewhere, "each app has its own")

	b.fake.Advance(300 * time.Second)
	_, later := b.login(shopApp, "alice")
	require.NotEqual(t, first, later)

	b.configure(func(st *wechatfake.Settings) { st.RotateOnLogin = true })
	_, hostile := b.login(shopApp, "alice")
	require.NotEqual(t, later, hostile)

	b.fake.RotateKey(shopApp, "alice")
	require.NotEqual(t, hostile, b.fake.SessionKey(shopApp, "alice"))

	b.fake.Advance(72 * time.Hour)
	require.Empty(t, b.fake.SessionKey(shopApp, "alice"), "dead of old age")
}

func TestCheckSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, key := b.login(shopApp, "alice")
	token := b.stableToken(shopApp)
	require.Zero(t, b.checkSession(token, openID, key))
	require.Equal(t, 87009, b.checkSession(token, openID, "AAECAwQFBgcICQoLDA0ODw=="), "another key")
	require.Equal(t, 87009, b.checkSession(token, b.fake.OpenID(shopApp, "nobody"), key), "never seen")
	require.Equal(t, 87009, b.checkSession(b.stableToken(clubApp), openID, key), "another app's user")

	for name, want := range map[string]int{"openid": 40097, "signature": 40097, "sig_method": 87008, "access_token": 41001} {
		q := signedQuery(token, openID, key)
		q.Del(name)
		require.Equal(t, want, b.get("/wxa/checksession", q).errcode(), "without %s", name)
	}
	b.fake.RotateKey(shopApp, "alice")
	require.Equal(t, 87009, b.checkSession(token, openID, key), "replaced")
}

func TestResetUserSessionKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, key := b.login(shopApp, "alice")
	b.fake.Advance(71 * time.Hour)
	token := b.stableToken(shopApp)

	a := b.get("/wxa/resetusersessionkey", signedQuery(token, openID, key))
	require.Zero(t, a.errcode(), a.text)
	require.Equal(t, openID, a.str("openid"))
	fresh := a.str("session_key")
	require.NotEqual(t, key, fresh)
	require.Equal(t, 87009, b.checkSession(token, openID, key), "the old key is dead")
	require.Zero(t, b.checkSession(token, openID, fresh))

	require.Equal(t, 87009, b.get("/wxa/resetusersessionkey", signedQuery(token, openID, key)).errcode())
	require.Equal(t, 87007, b.get("/wxa/resetusersessionkey", signedQuery(token, b.fake.OpenID(shopApp, "nobody"), key)).errcode())

	b.fake.Advance(time.Hour)
	token = b.stableToken(shopApp)
	require.Equal(t, 87009, b.checkSession(token, openID, fresh), "the new key inherited the old expiry")
	require.Equal(t, 87007, b.get("/wxa/resetusersessionkey", signedQuery(token, openID, fresh)).errcode())
}
