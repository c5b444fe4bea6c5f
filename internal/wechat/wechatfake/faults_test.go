package wechatfake_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func (b bundle) fault(f wechatfake.Fault) {
	b.t.Helper()
	require.NoError(b.t, b.fake.SetFault(f))
}

// loginFault is a fault for the next exchange.
func loginFault(kind wechatfake.FaultKind) wechatfake.Fault {
	return wechatfake.Fault{Endpoint: "jscode2session", Kind: kind, Count: 1}
}

func TestFaultsBeforeWeChatSeesTheRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault wechatfake.Fault
		check func(*testing.T, answer, error)
	}{
		{"busy", wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: -1}, func(t *testing.T, a answer, _ error) {
			require.Equal(t, -1, a.errcode())
			require.Regexp(t, `^system error, rid: `, a.str("errmsg"))
			require.Equal(t, "text/plain", a.contentType)
		}},
		{"own text", wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: 45011, ErrMsg: "slow down"}, func(t *testing.T, a answer, _ error) {
			require.JSONEq(t, `{"errcode":45011,"errmsg":"slow down"}`, a.text)
		}},
		{"bad gateway", wechatfake.Fault{Kind: wechatfake.FaultHTTP}, func(t *testing.T, a answer, _ error) {
			require.Equal(t, http.StatusBadGateway, a.status)
			require.Equal(t, "text/html", a.contentType)
			require.Contains(t, a.text, "<h1>502 Bad Gateway</h1>")
		}},
		{"any page", wechatfake.Fault{Kind: wechatfake.FaultHTTP, Status: 200, Body: `{"a":1,"a":2}`, ContentType: "x/y"}, func(t *testing.T, a answer, _ error) {
			require.Equal(t, answer{200, "x/y", `{"a":1,"a":2}`, map[string]any{"a": 2.0}}, a)
		}},
		{"empty", wechatfake.Fault{Kind: wechatfake.FaultEmpty}, func(t *testing.T, a answer, _ error) {
			require.Equal(t, answer{status: http.StatusOK}, a)
		}},
		{"empty 412", wechatfake.Fault{Kind: wechatfake.FaultEmpty, Status: 412}, func(t *testing.T, a answer, _ error) {
			require.Equal(t, answer{status: http.StatusPreconditionFailed}, a)
		}},
		{"cut", wechatfake.Fault{Kind: wechatfake.FaultCutBefore}, func(t *testing.T, _ answer, err error) {
			require.Error(t, err)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.fault.Endpoint, tt.fault.Count = "jscode2session", 1
			b.fault(tt.fault)
			code := b.fake.LoginCode(shopApp, "alice")
			a, err := b.try(http.MethodGet, "/sns/jscode2session?"+loginQuery(shopApp, code).Encode(), nil)
			tt.check(t, a, err)
			require.Zero(t, b.exchange(shopApp, code).errcode(), "the code was not consumed, the fault is over")
			require.Equal(t, 2, b.fake.Calls("jscode2session"))
		})
	}
}

func TestFaultsAfterWeChatDidItsWork(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault wechatfake.Fault
		check func(*testing.T, bundle, answer, error)
	}{
		{wechatfake.Fault{Kind: wechatfake.FaultCutAfter}, func(t *testing.T, _ bundle, _ answer, err error) {
			require.Error(t, err)
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultInvalidJSON}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.False(t, json.Valid([]byte(a.text)))
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultTruncated}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.True(t, strings.HasPrefix(a.text, `{"session_key":"`), a.text)
			require.False(t, json.Valid([]byte(a.text)))
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultOversize}, func(t *testing.T, b bundle, a answer, _ error) {
			require.Greater(t, len(a.text), 1<<20)
			require.Equal(t, b.fake.OpenID(shopApp, "alice"), a.str("openid"))
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultMissingField}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.NotContains(t, a.json, "session_key")
			require.Contains(t, a.json, "openid")
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultMissingField, Field: "openid"}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.Contains(t, a.json, "session_key")
			require.NotContains(t, a.json, "openid")
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultBadKey}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.Equal(t, "AAECAwQFBgcICQoLDA0O", a.str("session_key"), "15 bytes")
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultContentType}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.Empty(t, a.contentType)
			require.NotEmpty(t, a.str("session_key"))
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultContentType, ContentType: "text/html"}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.Equal(t, "text/html", a.contentType)
			require.NotEmpty(t, a.str("session_key"))
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultRotateKey}, func(t *testing.T, b bundle, a answer, _ error) {
			require.NotEmpty(t, a.str("session_key"))
			require.Equal(t, 87009, b.checkSession(b.stableToken(shopApp), a.str("openid"), a.str("session_key")), "dead on arrival")
		}},
		{wechatfake.Fault{Kind: wechatfake.FaultLatency, Milliseconds: 1}, func(t *testing.T, _ bundle, a answer, _ error) {
			require.NotEmpty(t, a.str("session_key"))
		}},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault.Kind)+tt.fault.Field+tt.fault.ContentType, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.fault.Endpoint, tt.fault.Count = "jscode2session", 1
			b.fault(tt.fault)
			code := b.fake.LoginCode(shopApp, "alice")
			a, err := b.try(http.MethodGet, "/sns/jscode2session?"+loginQuery(shopApp, code).Encode(), nil)
			tt.check(t, b, a, err)
			require.Equal(t, 40163, b.exchange(shopApp, code).errcode(), "the code was consumed")
		})
	}
}

func TestMissingFieldReachesInside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	b.fault(wechatfake.Fault{Endpoint: "getuserphonenumber", Kind: wechatfake.FaultMissingField, Field: "phone_info.watermark.appid"})
	a := b.phone(token, map[string]any{"code": b.fake.PhoneCode(shopApp, "alice", "")})
	require.Contains(t, a.text, `"countryCode":"86","watermark":{"timestamp":1767323045}}}`)
}

func TestFaultCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	busy := loginFault(wechatfake.FaultErrCode)
	busy.ErrCode, busy.Count = -1, 2
	blocked := loginFault(wechatfake.FaultErrCode)
	blocked.ErrCode, blocked.Count = 40226, 0
	b.fault(busy)
	b.fault(blocked)
	for _, want := range []int{-1, -1, 40226, 40226, 40226} {
		require.Equal(t, want, b.exchange(shopApp, b.fake.LoginCode(shopApp, "alice")).errcode())
	}
	b.fake.ClearFaults()
	b.login(shopApp, "alice")
}

func TestFaultsCanBeNarrow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	busy := func(f wechatfake.Fault) {
		f.Kind, f.ErrCode = wechatfake.FaultErrCode, -1
		b.fault(f)
	}
	busy(wechatfake.Fault{Endpoint: "*", AppID: clubApp})
	token := b.stableToken(shopApp)
	openID, key := b.login(shopApp, "alice")
	require.Equal(t, -1, b.post("/cgi-bin/stable_token", stableRequest(clubApp)).errcode())
	require.Equal(t, -1, b.exchange(clubApp, b.fake.LoginCode(clubApp, "alice")).errcode())

	busy(wechatfake.Fault{Endpoint: "*", User: "bob"})
	bob := b.fake.OpenID(shopApp, "bob")
	require.Equal(t, -1, b.exchange(shopApp, b.fake.LoginCode(shopApp, "bob")).errcode())
	require.Equal(t, -1, b.phone(token, map[string]any{"code": b.fake.PhoneCode(shopApp, "bob", "")}).errcode())
	require.Equal(t, -1, b.checkSession(token, bob, key))
	require.Equal(t, -1, b.text(token, textRequest(bob, "hello")).errcode())
	require.Zero(t, b.checkSession(token, openID, key), "alice goes on")
	require.Zero(t, b.phone(token, map[string]any{"code": b.fake.PhoneCode(shopApp, "alice", "")}).errcode())
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for want, f := range map[string]wechatfake.Fault{
		"endpoint must be":             {Endpoint: "sns", Kind: wechatfake.FaultEmpty},
		`kind "slow" is unknown`:       {Endpoint: "*", Kind: "slow"},
		"errcode is required":          {Endpoint: "*", Kind: wechatfake.FaultErrCode},
		"ms is required":               {Endpoint: "*", Kind: wechatfake.FaultLatency},
		"ms must be between":           {Endpoint: "*", Kind: wechatfake.FaultLatency, Milliseconds: 1 << 30},
		"count must not be negative":   {Endpoint: "*", Kind: wechatfake.FaultEmpty, Count: -1},
		"status must be between":       {Endpoint: "*", Kind: wechatfake.FaultHTTP, Status: 99},
		"answers without a session":    {Endpoint: "token", Kind: wechatfake.FaultBadKey},
		"calls to stable_token are":    {Endpoint: "stable_token", Kind: wechatfake.FaultRotateKey},
		"calls to token are about no ": {Endpoint: "token", Kind: wechatfake.FaultEmpty, User: "alice"},
	} {
		require.ErrorContains(t, b.fake.SetFault(f), want)
	}
	for range 100 {
		b.fault(loginFault(wechatfake.FaultEmpty))
	}
	require.ErrorContains(t, b.fake.SetFault(loginFault(wechatfake.FaultEmpty)), "100 faults are planned already")
}

// serve calls the fake without a network, so that time can be the test's.
func serve(ctx context.Context, fake http.Handler, code string) (w *httptest.ResponseRecorder, aborted bool) {
	w = httptest.NewRecorder()
	defer func() { aborted = recover() != nil }()
	query := url.Values(loginQuery(shopApp, code)).Encode()
	fake.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/sns/jscode2session?"+query, nil))
	return w, false
}

func bareFake() *wechatfake.Server {
	return wechatfake.New(wechatfake.Options{Apps: []wechatfake.App{{ID: shopApp, Secret: secretOf(shopApp)}}})
}

func TestLatencyTakesItsTimeAndHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := bareFake()
		slow := loginFault(wechatfake.FaultLatency)
		slow.Milliseconds, slow.User = 10_000, "slow"
		require.NoError(t, fake.SetFault(slow))
		begin := time.Now()
		finished := make(chan time.Duration)
		code := fake.LoginCode("", "slow")
		go func() {
			w, _ := serve(t.Context(), fake, code)
			if w.Code == http.StatusOK {
				finished <- time.Since(begin)
			}
		}()
		synctest.Wait()
		w, _ := serve(t.Context(), fake, fake.LoginCode("", "quick"))
		require.Contains(t, w.Body.String(), "session_key")
		require.Zero(t, time.Since(begin))
		require.Equal(t, 10*time.Second, <-finished)
	})
}

func TestWaitingEndsWithTheClient(t *testing.T) {
	t.Parallel()
	for _, kind := range []wechatfake.FaultKind{wechatfake.FaultHang, wechatfake.FaultLatency} {
		synctest.Test(t, func(t *testing.T) {
			fake := bareFake()
			f := loginFault(kind)
			f.Milliseconds = 60_000
			require.NoError(t, fake.SetFault(f))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			begin, code := time.Now(), fake.LoginCode("", "alice")
			_, aborted := serve(ctx, fake, code)
			require.True(t, aborted)
			require.Equal(t, 3*time.Second, time.Since(begin))
			w, _ := serve(t.Context(), fake, code)
			require.Contains(t, w.Body.String(), "session_key", "WeChat never saw the first request")
		})
	}
}

func TestClearingFaultsEndsTheWaiting(t *testing.T) {
	t.Parallel()
	for kind, wantAborted := range map[wechatfake.FaultKind]bool{wechatfake.FaultHang: true, wechatfake.FaultLatency: false} {
		synctest.Test(t, func(t *testing.T) {
			fake := bareFake()
			f := loginFault(kind)
			f.Milliseconds = 60_000
			require.NoError(t, fake.SetFault(f))
			code, done := fake.LoginCode("", "alice"), make(chan bool)
			go func() {
				_, aborted := serve(t.Context(), fake, code)
				done <- aborted
			}()
			synctest.Wait()
			fake.ClearFaults()
			require.Equal(t, wantAborted, <-done)
		})
	}
}

// watched is a context that tells when somebody begins to wait for its end.
type watched struct {
	context.Context
	waiting func()
}

func (w watched) Done() <-chan struct{} {
	w.waiting()
	return w.Context.Done()
}

// Over a real connection a client that gives up must free the handler too, also after a POST with a body.
func TestHangEndsWhenTheConnectionDoes(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	fake := bareFake()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		fake.ServeHTTP(w, r.WithContext(watched{r.Context(), leave}))
	}))
	t.Cleanup(server.Close)
	require.NoError(t, fake.SetFault(wechatfake.Fault{Endpoint: "stable_token", Kind: wechatfake.FaultHang}))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/cgi-bin/stable_token", strings.NewReader(`{"a":1}`))
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(request)
	require.ErrorIs(t, err, context.Canceled)
	<-ended
}
