package wechatfake_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

// alice begins a request about a person; names and values of more fields follow.
func alice(more ...any) map[string]any {
	body := map[string]any{"appid": shopApp, "user": "alice"}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

func TestControlOfAPersonsDevice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	session := b.exchange(shopApp, b.control("login-code", alice()).str("code"))
	openID, key := session.str("openid"), session.str("session_key")
	require.NotEmpty(t, key, session.text)

	token := b.stableToken(shopApp)
	code := b.control("phone-code", alice("phoneNumber", "13912345678")).str("code")
	require.Contains(t, b.phone(token, map[string]any{"code": code, "openid": openID}).text, `"phoneNumber":"13912345678"`)

	sealed := b.control("encrypt", alice("kind", "profile", "data", map[string]any{"nickName": "微信用户"}))
	_, profile := decrypt(t, wechatfake.Encrypted{EncryptedData: sealed.str("encryptedData"), IV: sealed.str("iv")}, key)
	require.Equal(t, "微信用户", profile["nickName"])
	require.Contains(t, sealed.str("rawData"), "微信用户")
	require.Len(t, sealed.str("signature"), 40)

	require.Equal(t, map[string]any{"ok": true}, b.control("rotate-key", alice()).json)
	require.Equal(t, 87009, b.checkSession(token, openID, key))

}

func TestControlOfFaultsAndSettings(t *testing.T) {
	t.Parallel()
	b, in := setup(t), newInbox(t)
	require.Equal(t, map[string]any{"ok": true}, b.control("faults", map[string]any{
		"endpoint": "jscode2session", "kind": "errcode", "errcode": 45011,
	}).json)
	require.Equal(t, 45011, b.exchange(shopApp, b.fake.LoginCode(shopApp, "alice")).errcode())
	b.login(shopApp, "alice") // an absent count means once

	b.control("faults", map[string]any{"endpoint": "*", "kind": "errcode", "errcode": -1, "count": 0})
	for range 3 {
		require.Equal(t, -1, b.exchange(shopApp, b.fake.LoginCode(shopApp, "alice")).errcode())
	}
	require.Len(t, b.control("state", nil).json["faults"], 1)
	b.control("clear-faults", nil)
	b.login(shopApp, "alice")

	pushed := b.control("push", alice("event", "user_info_modified", "url", in.url, "mode", "secure", "count", 2))
	require.Equal(t, []any{
		map[string]any{"status": 200.0, "body": "success"}, map[string]any{"status": 200.0, "body": "success"},
	}, pushed.json["deliveries"], pushed.text)

	require.Equal(t, "2026-01-02T04:04:05Z", b.control("clock", map[string]any{"advanceSeconds": 3600}).str("now"))

	set := b.control("settings", map[string]any{"blockedUsers": []string{"alice"}})
	require.Equal(t, []any{"alice"}, set.json["blockedUsers"])
	require.EqualValues(t, 300, set.json["minRefreshInterval"], "the other settings stay")
	require.Equal(t, 40226, b.exchange(shopApp, b.fake.LoginCode(shopApp, "alice")).errcode())

}

func TestControlReadsOutAndResets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, key := b.login(shopApp, "alice")
	token, code := b.stableToken(shopApp), b.fake.PhoneCode(shopApp, "alice", "")
	b.phone(token, map[string]any{"code": code, "openid": openID})

	state := b.control("state", alice())
	require.Equal(t, map[string]any{
		"appid": shopApp, "user": "alice", "openid": openID, "unionid": b.fake.UnionID(shopApp, "alice"),
		"phoneNumber": b.fake.PhoneNumber("alice"), "nickname": b.fake.Nickname("alice"), "avatarUrl": b.fake.AvatarURL("alice"),
		"keyGeneration": 1.0,
	}, state.json["person"])
	require.NotContains(t, state.text, key)

	calls := b.control("calls", map[string]any{"endpoint": "getuserphonenumber"})
	require.Len(t, calls.json, 1)
	last := calls.json["getuserphonenumber"].(map[string]any)["last"].(map[string]any)
	require.Equal(t, openID, last["fields"].(map[string]any)["openid"])
	require.NotContains(t, calls.text, code)
	require.NotContains(t, calls.text, token)

	b.fake.Advance(time.Hour)
	require.Equal(t, map[string]any{"ok": true}, b.control("reset", nil).json)
	fresh := b.control("state", nil)
	require.Equal(t, "2026-01-02T03:04:05Z", fresh.str("now"))
	require.EqualValues(t, 0, fresh.json["users"])
	require.Empty(t, b.control("calls", nil).json)
	require.Equal(t, 40001, b.checkSession(token, openID, key), "tokens are gone too")
	require.Equal(t, openID, b.fake.OpenID(shopApp, "alice"), "people stay who they are")
}

func TestControlRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name, control, body, want string
	}{
		{"no JSON", "login-code", `user=alice`, "body: want a JSON object"},
		{"a list", "login-code", `[]`, "body: want a JSON object"},
		{"half an object", "login-code", `{"user":`, "body: "},
		{"misspelt field", "login-code", `{"appId2":"x","user":"alice"}`, `unknown field "appId2"`},
		{"misspelt setting", "settings", `{"rotate":true}`, `unknown field "rotate"`},
		{"two objects", "login-code", `{"user":"alice"}{}`, "something follows"},
		{"wrong type", "login-code", `{"user":1}`, "body: "},
		{"no user", "login-code", `{"appid":"` + shopApp + `"}`, "user is required"},
		{"no app", "phone-code", `{"user":"alice"}`, "appid is required: 3 apps are configured"},
		{"unknown app", "rotate-key", `{"appid":"wx0","user":"alice"}`, `no app "wx0" is configured`},
		{"bad number", "phone-code", `{"appid":"` + shopApp + `","user":"alice","phoneNumber":"12"}`, "phoneNumber must be"},
		{"bad kind", "encrypt", `{"appid":"` + shopApp + `","user":"alice","kind":"x"}`, "kind must be"},
		{"bad fault", "faults", `{"endpoint":"*","kind":"x"}`, "kind"},
		{"bad push", "push", `{"appid":"` + shopApp + `","user":"alice","event":"user_info_modified","url":"http://192.0.2.1/"}`, "this machine only"},
		{"negative interval", "settings", `{"minRefreshInterval":-1}`, "minRefreshInterval must be"},
		{"bad address", "settings", `{"allowedIPs":["home"]}`, "is not an IP address"},
		{"foreign pushURL", "settings", `{"pushURL":"https://example.org/"}`, "this machine only"},
		{"unknown mode", "settings", `{"pushMode":"x"}`, "mode must be"},
		{"far future", "clock", `{"advanceSeconds":99999999999}`, "advanceSeconds must be"},
	}
	for _, tt := range tests {
		a := b.send(http.MethodPost, "/_control/"+tt.control, strings.NewReader(tt.body))
		require.Equal(t, http.StatusBadRequest, a.status, tt.name)
		require.Equal(t, "application/json", a.contentType)
		require.Contains(t, a.str("error"), tt.want, tt.name)
	}
	require.EqualValues(t, 300, b.fake.Settings().MinRefreshInterval, "a refused change changes nothing")
	require.Equal(t, http.StatusNotFound, b.control("nothing", nil).status)
	require.Equal(t, http.StatusMethodNotAllowed, b.get("/_control/reset", url.Values{}).status)
	huge := b.send(http.MethodPost, "/_control/reset", strings.NewReader(strings.Repeat(" ", 65<<10)))
	require.Equal(t, http.StatusRequestEntityTooLarge, huge.status)
}

func TestControlRefusesPagesFromElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(origin string) int {
		request, err := http.NewRequest(http.MethodPost, b.url+"/_control/reset", nil)
		require.NoError(t, err)
		request.Header.Set("Origin", origin)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusForbidden, post("https://example.org"))
	require.Equal(t, http.StatusOK, post(b.url))
}
