package wechatfake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func TestIndexListsEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get("/", url.Values{})
	require.Equal(t, "text/plain; charset=utf-8", a.contentType)
	for _, path := range []string{"/sns/jscode2session", "/wxa/media_check_async", "/_control/login-code", "/_control/reset"} {
		require.Contains(t, a.text, path)
	}
}

func TestUnknownPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/cgi-bin/user/get", "/sns/jscode2session/", "//sns/jscode2session"} {
		a := b.get(path, url.Values{})
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, 40066, a.errcode(), path)
	}
}

func TestMountedUnderAPrefix(t *testing.T) {
	t.Parallel()
	fake := wechatfake.New(wechatfake.Options{AcceptUnknownApps: true})
	for _, prefix := range []string{"/fakewechat", "/fakewechat/"} {
		mux := http.NewServeMux()
		mux.Handle("/fakewechat/", http.StripPrefix(prefix, fake))
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		b := bundle{t: t, fake: fake, url: server.URL + "/fakewechat"}
		b.login("wxany", "alice")
		require.NotEmpty(t, b.control("login-code", map[string]any{"appid": "wxany", "user": "alice"}).str("code"))
		require.Contains(t, b.get("/", url.Values{}).text, "/sns/jscode2session")
	}
}

func TestCallsAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, seen := b.fake.LastCall("getuserphonenumber")
	require.False(t, seen)
	require.Zero(t, b.fake.Calls("getuserphonenumber"))

	token, openID := b.stableToken(shopApp), b.fake.OpenID(shopApp, "alice")
	b.phone(token, map[string]any{"code": b.fake.PhoneCode(shopApp, "alice", ""), "openid": openID})
	last, seen := b.fake.LastCall("getuserphonenumber")
	require.True(t, seen)
	require.Equal(t, wechatfake.Call{
		Endpoint: "getuserphonenumber", Method: http.MethodPost, AppID: shopApp, User: "alice",
		Fields: map[string]string{"openid": openID, "code": "(hidden)", "access_token": "(hidden)"},
	}, last)
	require.Equal(t, 1, b.fake.Calls("getuserphonenumber"))
	require.Equal(t, 1, b.fake.Calls("stable_token"))
}

func TestNothingSecretIsLoggedOrPrinted(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	app := wechatfake.App{ID: shopApp, Secret: secretOf(shopApp), Token: pushToken, EncodingAESKey: aesKey}
	options := wechatfake.Options{Apps: []wechatfake.App{app}, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	b := setupWith(t, options)
	code := b.fake.LoginCode("", "alice")
	session := b.exchange(shopApp, code)
	token := b.stableToken(shopApp)
	phoneCode := b.fake.PhoneCode("", "alice", "")
	b.phone(token, map[string]any{"code": phoneCode, "openid": session.str("openid")})
	require.Contains(t, log.String(), `"endpoint":"getuserphonenumber"`)

	asJSON, err := json.Marshal(app)
	require.NoError(t, err)
	slog.New(slog.NewTextHandler(&log, nil)).Info("app", "app", app)
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %+v", app, app, app, asJSON, options)
	for _, secret := range []string{
		secretOf(shopApp), pushToken, aesKey, code, session.str("session_key"), session.str("openid"), token, phoneCode,
		b.fake.PhoneNumber("alice"), "alice",
	} {
		require.NotContains(t, text, secret)
	}
}

// lockedBuffer is a log that several requests may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Of many copies of one code exactly one is exchanged, whatever else goes on.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	code, tap := b.fake.LoginCode(shopApp, "alice"), b.fake.PhoneCode(shopApp, "alice", "")
	var group sync.WaitGroup
	logins, phones := make(chan int, 32), make(chan int, 32)
	for i := range 32 {
		group.Go(func() { logins <- b.exchange(shopApp, code).errcode() })
		group.Go(func() { phones <- b.phone(token, map[string]any{"code": tap}).errcode() })
		group.Go(func() {
			user := fmt.Sprint("user", i)
			b.login(shopApp, user)
			b.fake.RotateKey(shopApp, user)
			_, _ = b.fake.Encrypt(shopApp, user, wechatfake.KindPhone, nil)
			_ = b.fake.SetFault(wechatfake.Fault{Endpoint: "token", Kind: wechatfake.FaultEmpty, Count: 1})
			b.control("state", map[string]any{"appid": shopApp, "user": user})
			b.control("calls", nil)
			b.control("settings", map[string]any{"riskyWords": []string{user}})
			b.text(token, textRequest(b.fake.OpenID(shopApp, user), "hello"))
		})
	}
	group.Wait()
	close(logins)
	close(phones)
	count := func(codes chan int) map[int]int {
		seen := map[int]int{}
		for c := range codes {
			seen[c]++
		}
		return seen
	}
	require.Equal(t, map[int]int{0: 1, 40163: 31}, count(logins))
	require.Equal(t, map[int]int{0: 1, 40029: 31}, count(phones))
}
