package wechatfake_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func tokenQuery(appID string) url.Values {
	return url.Values{"appid": {appID}, "secret": {secretOf(appID)}, "grant_type": {"client_credential"}}
}

// use says with which errcode a token is refused; a phone call with a bad code gets as far as 40029.
func (b bundle) use(token string) int {
	b.t.Helper()
	return b.phone(token, map[string]any{"code": "bad"}).errcode()
}

const accepted = 40029

func TestStableTokenStaysTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post("/cgi-bin/stable_token", stableRequest(shopApp))
	require.Equal(t, "application/json; encoding=utf-8", a.contentType)
	require.NotContains(t, a.json, "errcode")
	require.EqualValues(t, 7200, a.json["expires_in"])

	b.fake.Advance(6899 * time.Second)
	same := b.post("/cgi-bin/stable_token", stableRequest(shopApp))
	require.Equal(t, a.str("access_token"), same.str("access_token"))
	require.EqualValues(t, 301, same.json["expires_in"], "the rest of its life")

	b.fake.Advance(time.Second)
	next := b.post("/cgi-bin/stable_token", stableRequest(shopApp))
	require.NotEqual(t, a.str("access_token"), next.str("access_token"), "renewed five minutes early")
	require.EqualValues(t, 7200, next.json["expires_in"])
	require.Equal(t, accepted, b.use(a.str("access_token")), "both work during the handover")
	require.Equal(t, accepted, b.use(next.str("access_token")))

	b.fake.Advance(300 * time.Second)
	require.Equal(t, 42001, b.use(a.str("access_token")), "expired")
}

func TestForcedRefresh(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stableToken(shopApp)
	forced := stableRequest(shopApp)
	forced["force_refresh"] = true

	second := b.post("/cgi-bin/stable_token", forced).str("access_token")
	require.NotEqual(t, first, second)
	require.Equal(t, 40001, b.use(first), "killed at once")
	require.Equal(t, accepted, b.use(second))
	require.Equal(t, second, b.stableToken(shopApp))

	b.fake.Advance(29 * time.Second)
	require.Equal(t, 45011, b.post("/cgi-bin/stable_token", forced).errcode(), "too soon")
	require.Equal(t, accepted, b.use(second), "a refused refresh kills nothing")
	for range 19 {
		b.fake.Advance(30 * time.Second)
		require.Zero(t, b.post("/cgi-bin/stable_token", forced).errcode())
	}
	b.fake.Advance(30 * time.Second)
	require.Equal(t, 45009, b.post("/cgi-bin/stable_token", forced).errcode(), "twenty a day")
	b.fake.Advance(24 * time.Hour)
	require.Zero(t, b.post("/cgi-bin/stable_token", forced).errcode())
}

func TestClassicTokenKillsItsPredecessor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stable := b.stableToken(shopApp)
	first := b.get("/cgi-bin/token", tokenQuery(shopApp)).str("access_token")
	require.Equal(t, accepted, b.use(first))
	second := b.get("/cgi-bin/token", tokenQuery(shopApp)).str("access_token")
	require.Equal(t, 40001, b.use(first))
	require.Equal(t, accepted, b.use(second))
	require.Equal(t, accepted, b.use(stable), "the other token space")

	b.configure(func(st *wechatfake.Settings) { st.TokenOverlap = 300 })
	third := b.get("/cgi-bin/token", tokenQuery(shopApp)).str("access_token")
	b.fake.Advance(299 * time.Second)
	require.Equal(t, accepted, b.use(second), "overlap")
	b.fake.Advance(time.Second)
	require.Equal(t, 40001, b.use(second))
	require.Equal(t, accepted, b.use(third))
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field, value string
		errcode            int
	}{
		{"no appid", "appid", "", 41002},
		{"no secret", "secret", "", 41004},
		{"wrong grant", "grant_type", "authorization_code", 40002},
		{"unknown app", "appid", "wx0", 40013},
		{"wrong secret", "secret", "guess", 40125},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			body := stableRequest(shopApp)
			body[tt.field] = tt.value
			a := b.post("/cgi-bin/stable_token", body)
			require.Equal(t, tt.errcode, a.errcode(), a.text)
			require.Regexp(t, ` rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`, a.str("errmsg"))
			require.NotRegexp(t, `, rid:|hint:`, a.str("errmsg"), "the suffix of this family")

			q := tokenQuery(shopApp)
			q.Set(tt.field, tt.value)
			require.Equal(t, tt.errcode, b.get("/cgi-bin/token", q).errcode())
		})
	}
}

func TestIPWhitelist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.configure(func(st *wechatfake.Settings) { st.AllowedIPs = []string{"192.0.2.1"} })
	a := b.post("/cgi-bin/stable_token", stableRequest(shopApp))
	require.Equal(t, 40164, a.errcode())
	require.Contains(t, a.str("errmsg"), "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ")
	b.login(shopApp, "alice") // the whitelist is about tokens
	b.configure(func(st *wechatfake.Settings) { st.AllowedIPs = append(st.AllowedIPs, "127.0.0.1") })
	b.stableToken(shopApp)
}

func TestTokenIsRequired(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 41001, b.use(""))
	a := b.phone("made-up", map[string]any{"code": "bad"})
	require.Equal(t, 40001, a.errcode())
	require.Contains(t, a.str("errmsg"), "invalid credential, access_token is invalid or not latest")
}

func TestPostEndpoints(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	for _, path := range []string{
		"/cgi-bin/stable_token", "/wxa/business/getuserphonenumber", "/wxa/msg_sec_check", "/wxa/media_check_async",
	} {
		path += "?access_token=" + token
		require.Equal(t, 43002, b.send(http.MethodGet, path, nil).errcode(), path)
		require.Equal(t, 44002, b.send(http.MethodPost, path, nil).errcode(), path)
		for _, body := range []string{"code=1", `[1]`, `{"code":`, `"text"`} {
			require.Equal(t, 47001, b.send(http.MethodPost, path, strings.NewReader(body)).errcode(), "%s %s", path, body)
		}
		// A reader whose length net/http cannot tell is sent in chunks.
		chunked := b.send(http.MethodPost, path, io.MultiReader(bytes.NewReader([]byte(`{"code":"x"}`))))
		require.Equal(t, http.StatusPreconditionFailed, chunked.status, path)
		require.Empty(t, chunked.text)
	}
	huge := b.send(http.MethodPost, "/cgi-bin/stable_token", strings.NewReader(strings.Repeat(" ", 300<<10)))
	require.Equal(t, http.StatusRequestEntityTooLarge, huge.status)
}
