package wechat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

const (
	appID      = "wxf00d00000000f00d"
	otherAppID = "wxbeef00000000beef"
	secret     = "PLANTED-SECRET-0123456789abcdef"
	code       = "0a3PLANTEDCODE7x9"
	openID     = "oPLANTED-OpenID_000000000001"
	sessionKey = "AAECAwQFBgcICQoLDA0ODw=="

	code2Session = "/sns/jscode2session"
	stableToken  = "/cgi-bin/stable_token"
	phoneNumber  = "/wxa/business/getuserphonenumber"
	checkSession = "/wxa/checksession"
	resetKey     = "/wxa/resetusersessionkey"
	textCheck    = "/wxa/msg_sec_check"

	goodSession = `{"session_key":"\/\/ECAwQFBgcICQoLDA0ODw==","openid":"` + openID + `","unionid":"oUNION-1"}`
	goodPhone   = `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13800138000","purePhoneNumber":"13800138000",` +
		`"countryCode":"86","watermark":{"timestamp":1700000000,"appid":"` + appID + `"}}}`
)

var apps = map[string]wechat.App{
	appID:      {ID: appID, Secret: secret},
	otherAppID: {ID: otherAppID, Secret: secret},
}

func findApp(id string) (wechat.App, bool) {
	app, ok := apps[id]
	return app, ok
}

// received is what the vendor saw of one request.
type received struct {
	method, path string
	from         string // address and port: one per connection
	query        url.Values
	header       http.Header
	encoding     []string
	length       int64
	body         map[string]any
}

// vendor is WeChat on a loopback port, with answers scripted by the test. It issues tokens TOKEN-1, TOKEN-2 … by itself.
type vendor struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	seen    []received
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{answers: map[string]http.HandlerFunc{}}
	issued := 0
	v.on(stableToken, func(w http.ResponseWriter, _ *http.Request) {
		v.mu.Lock()
		issued++
		number := issued
		v.mu.Unlock()
		fmt.Fprintf(w, `{"access_token":"TOKEN-%d","expires_in":7200}`, number)
	})
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	entry := received{
		method: r.Method, path: r.URL.Path, from: r.RemoteAddr, query: r.URL.Query(), header: r.Header, encoding: r.TransferEncoding, length: r.ContentLength,
	}
	_ = json.Unmarshal(body, &entry.body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	v.mu.Lock()
	v.seen = append(v.seen, entry)
	answer := v.answers[r.URL.Path]
	v.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, r)
}

func (v *vendor) on(path string, answer http.HandlerFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answers[path] = answer
}

// says scripts the bodies of successive answers; the last one repeats.
func (v *vendor) says(path string, bodies ...string) {
	next := 0
	v.on(path, func(w http.ResponseWriter, _ *http.Request) {
		v.mu.Lock()
		body := bodies[min(next, len(bodies)-1)]
		next++
		v.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, body)
	})
}

func (v *vendor) requests(path string) []received {
	v.mu.Lock()
	defer v.mu.Unlock()
	var matching []received
	for _, entry := range v.seen {
		if entry.path == path {
			matching = append(matching, entry)
		}
	}
	return matching
}

// client talks to the vendor without pauses between attempts.
func (v *vendor) client(change ...func(*wechat.Options)) *wechat.Client {
	return newClient(v.URL, change...)
}

func newClient(baseURL string, change ...func(*wechat.Options)) *wechat.Client {
	options := wechat.Options{BaseURL: baseURL, Apps: findApp, Jitter: func(time.Duration) time.Duration { return 0 }, Timeout: time.Minute}
	for _, apply := range change {
		apply(&options)
	}
	return wechat.New(options)
}

func failureOf(t *testing.T, err error) *wechat.Error {
	t.Helper()
	var failure *wechat.Error
	require.ErrorAs(t, err, &failure)
	return failure
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 20, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

func withClock(c *clock) func(*wechat.Options) {
	return func(o *wechat.Options) { o.Now = c.Now }
}
