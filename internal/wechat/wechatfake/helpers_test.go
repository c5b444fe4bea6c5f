package wechatfake_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

const (
	shopApp   = "wx00000000000000aa"
	clubApp   = "wx00000000000000bb"
	loneApp   = "wx00000000000000cc"
	aesKey    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
	pushToken = "AAAAA"
)

func secretOf(appID string) string { return "secret-of-" + appID }

// start is when every test begins.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// bundle is a fake with two apps of one owner and one app alone, behind a real HTTP server.
type bundle struct {
	t    *testing.T
	fake *wechatfake.Server
	url  string
}

func setup(t *testing.T) bundle {
	t.Helper()
	return setupWith(t, wechatfake.Options{
		Apps: []wechatfake.App{
			{ID: shopApp, Secret: secretOf(shopApp), UnionScope: "owner", Token: pushToken, EncodingAESKey: aesKey},
			{ID: clubApp, Secret: secretOf(clubApp), UnionScope: "owner"},
			{ID: loneApp, Secret: secretOf(loneApp)},
		},
	})
}

func setupWith(t *testing.T, o wechatfake.Options) bundle {
	t.Helper()
	if o.Now == nil {
		o.Now = start
	}
	fake := wechatfake.New(o)
	t.Cleanup(fake.Close)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return bundle{t: t, fake: fake, url: server.URL}
}

// answer is what came back.
type answer struct {
	status      int
	contentType string
	text        string
	json        map[string]any
}

func (a answer) errcode() int {
	code, _ := a.json["errcode"].(float64)
	return int(code)
}

func (a answer) str(name string) string {
	text, _ := a.json[name].(string)
	return text
}

// send makes a request on a connection of its own and fails the test when none comes back.
func (b bundle) send(method, pathAndQuery string, body io.Reader) answer {
	b.t.Helper()
	a, err := b.try(method, pathAndQuery, body)
	require.NoError(b.t, err)
	return a
}

func (b bundle) try(method, pathAndQuery string, body io.Reader) (answer, error) {
	b.t.Helper()
	request, err := http.NewRequest(method, b.url+pathAndQuery, body)
	require.NoError(b.t, err)
	// A reused connection that is cut would be retried by net/http in silence.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), text: string(text)}
	_ = json.Unmarshal(text, &a.json) // some faults are not JSON; their tests look at the text
	return a, nil
}

func (b bundle) get(path string, query url.Values) answer {
	b.t.Helper()
	return b.send(http.MethodGet, path+"?"+query.Encode(), nil)
}

func (b bundle) post(pathAndQuery string, body any) answer {
	b.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(b.t, err)
	return b.send(http.MethodPost, pathAndQuery, bytes.NewReader(text))
}

func loginQuery(appID, code string) url.Values {
	return url.Values{
		"appid": {appID}, "secret": {secretOf(appID)}, "js_code": {code}, "grant_type": {"authorization_code"},
	}
}

func (b bundle) exchange(appID, code string) answer {
	b.t.Helper()
	return b.get("/sns/jscode2session", loginQuery(appID, code))
}

// login signs the user in and returns openid and session key.
func (b bundle) login(appID, user string) (openID, sessionKey string) {
	b.t.Helper()
	a := b.exchange(appID, b.fake.LoginCode(appID, user))
	require.NotEmpty(b.t, a.str("session_key"), a.text)
	return a.str("openid"), a.str("session_key")
}

func stableRequest(appID string) map[string]any {
	return map[string]any{"grant_type": "client_credential", "appid": appID, "secret": secretOf(appID)}
}

func (b bundle) stableToken(appID string) string {
	b.t.Helper()
	a := b.post("/cgi-bin/stable_token", stableRequest(appID))
	require.NotEmpty(b.t, a.str("access_token"), a.text)
	return a.str("access_token")
}

func (b bundle) phone(token string, body map[string]any) answer {
	b.t.Helper()
	return b.post("/wxa/business/getuserphonenumber?access_token="+token, body)
}

func sign(sessionKey string) string {
	return hex.EncodeToString(hmac.New(sha256.New, []byte(sessionKey)).Sum(nil))
}

func signedQuery(token, openID, sessionKey string) url.Values {
	return url.Values{
		"access_token": {token}, "openid": {openID}, "signature": {sign(sessionKey)}, "sig_method": {"hmac_sha256"},
	}
}

func (b bundle) checkSession(token, openID, sessionKey string) int {
	b.t.Helper()
	return b.get("/wxa/checksession", signedQuery(token, openID, sessionKey)).errcode()
}

func (b bundle) configure(change func(*wechatfake.Settings)) {
	b.t.Helper()
	require.NoError(b.t, b.fake.Configure(change))
}

// control steers the fake from outside; nil sends no body at all.
func (b bundle) control(name string, body any) answer {
	b.t.Helper()
	if body == nil {
		return b.send(http.MethodPost, "/_control/"+name, nil)
	}
	return b.post("/_control/"+name, body)
}

// constant is a source of randomness without any.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}
