package wechatfake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func textRequest(openID, content string) map[string]any {
	return map[string]any{"version": 2, "scene": 1, "openid": openID, "content": content}
}

func (b bundle) text(token string, body map[string]any) answer {
	b.t.Helper()
	return b.post("/wxa/msg_sec_check?access_token="+token, body)
}

func TestTextVerdicts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, _ := b.login(shopApp, "alice")
	token := b.stableToken(shopApp)
	suggest := func(content string) string {
		a := b.text(token, textRequest(openID, content))
		require.Zero(t, a.errcode(), a.text)
		require.NotEmpty(t, a.str("trace_id"))
		result, _ := a.json["result"].(map[string]any)
		verdict, _ := result["suggest"].(string)
		return verdict
	}
	require.Equal(t, "pass", suggest("小鹿"))
	require.Equal(t, "risky", suggest("违规的名字"))
	require.Equal(t, "review", suggest("疑似的名字"))
	b.configure(func(st *wechatfake.Settings) { st.RiskyWords = []string{"鹿", ""} })
	require.Equal(t, "risky", suggest("小鹿"))
	require.Equal(t, "pass", suggest("违规的名字"), "an empty word judges nothing")
}

func TestTextCheckRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, _ := b.login(shopApp, "alice")
	elsewhere, _ := b.login(clubApp, "alice")
	token := b.stableToken(shopApp)
	tests := []struct {
		name, field string
		value       any
		errcode     int
	}{
		{"old version", "version", 1, 40097},
		{"no scene", "scene", 0, 40129},
		{"unknown scene", "scene", 5, 40129},
		{"unknown user", "openid", b.fake.OpenID(shopApp, "nobody"), 40003},
		{"user of another app", "openid", elsewhere, 43104},
		{"no content", "content", "", 44002},
		{"long content", "content", strings.Repeat("字", 2501), 45002},
	}
	for _, tt := range tests {
		body := textRequest(openID, "hello")
		body[tt.field] = tt.value
		require.Equal(t, tt.errcode, b.text(token, body).errcode(), tt.name)
	}
	require.Zero(t, b.text(token, textRequest(openID, strings.Repeat("字", 2500))).errcode())
}

func TestTextCheckWantsARecentVisit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, _ := b.login(shopApp, "alice")
	b.fake.Advance(2*time.Hour - time.Minute)
	token := b.stableToken(shopApp)
	require.Zero(t, b.text(token, textRequest(openID, "hello")).errcode())
	b.fake.Advance(2 * time.Minute)
	token = b.stableToken(shopApp)
	require.Equal(t, 61010, b.text(token, textRequest(openID, "hello")).errcode())
	b.fake.LoginCode(shopApp, "alice")
	require.Zero(t, b.text(token, textRequest(openID, "hello")).errcode())
}

func mediaRequest(openID, address string) map[string]any {
	return map[string]any{"version": 2, "scene": 1, "openid": openID, "media_type": 2, "media_url": address}
}

func TestMediaCheckRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID, _ := b.login(shopApp, "alice")
	path := "/wxa/media_check_async?access_token=" + b.stableToken(shopApp)
	for field, want := range map[string]struct {
		value   any
		errcode int
	}{
		"media_type": {3, 40004}, "media_url": {"wxfile://tmp_1.png", 40097}, "openid": {"o", 40003}, "scene": {9, 40129},
	} {
		body := mediaRequest(openID, "https://example.org/a.png")
		body[field] = want.value
		require.Equal(t, want.errcode, b.post(path, body).errcode(), field)
	}
	a := b.post(path, mediaRequest(openID, "https://example.org/a.png"))
	require.Zero(t, a.errcode(), "without a pushURL the verdict goes nowhere")
	require.NotEmpty(t, a.str("trace_id"))
}

func TestMediaVerdictArrivesAsAPush(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := make(chan map[string]any, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var message map[string]any
		_ = json.Unmarshal(body, &message)
		message["path"], message["signature"] = r.URL.Path, r.URL.Query().Get("signature")
		message["expected"] = sha1OfSorted(pushToken, r.URL.Query().Get("timestamp"), r.URL.Query().Get("nonce"))
		got <- message
		_, _ = io.WriteString(w, "success")
	}))
	t.Cleanup(receiver.Close)
	b.configure(func(st *wechatfake.Settings) { st.PushURL = receiver.URL + "/wechat/events/{appid}" })
	openID, _ := b.login(shopApp, "alice")
	token := b.stableToken(shopApp)

	a := b.post("/wxa/media_check_async?access_token="+token, mediaRequest(openID, "https://example.org/risky.png"))
	require.Zero(t, a.errcode(), a.text)
	message := <-got
	require.Equal(t, "/wechat/events/"+shopApp, message["path"])
	require.Equal(t, message["expected"], message["signature"])
	require.Equal(t, "wxa_media_check", message["Event"])
	require.Equal(t, a.str("trace_id"), message["trace_id"])
	require.Equal(t, map[string]any{"suggest": "risky", "label": 20012.0}, message["result"])
}

func TestContentCheckQuota(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	handler := http.Handler(b.fake)
	call := func() string {
		r := httptest.NewRequest(http.MethodPost, "/wxa/media_check_async?access_token="+token, strings.NewReader(`{"version":1}`))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	for range 2000 {
		require.Contains(t, call(), `"errcode":40097`)
	}
	require.Contains(t, call(), `"errcode":44991`)
	b.fake.Advance(time.Minute)
	require.Contains(t, call(), `"errcode":40097`)
}

func TestTextCheckWelcomesBackWhoWasHereBeforeARestart(t *testing.T) {
	t.Parallel()
	app := wechatfake.App{ID: shopApp, Secret: secretOf(shopApp)}
	for welcome, want := range map[bool]int{false: 40003, true: 0} {
		b := setupWith(t, wechatfake.Options{Apps: []wechatfake.App{app}, WelcomeBack: welcome})
		require.Equal(t, want, b.text(b.stableToken(shopApp), textRequest("o-of-before", "hello")).errcode())
	}
}
