package wechat_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

func TestCode2SessionReturnsWhatWeChatSays(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, goodSession)

	session, err := v.client().Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
	require.Equal(t, wechat.Session{OpenID: openID, UnionID: "oUNION-1", SessionKey: "//ECAwQFBgcICQoLDA0ODw=="}, session)

	requests := v.requests(code2Session)
	require.Len(t, requests, 1)
	require.Equal(t, http.MethodGet, requests[0].method)
	require.Equal(t, map[string][]string{
		"appid": {appID}, "secret": {secret}, "js_code": {code}, "grant_type": {"authorization_code"},
	}, map[string][]string(requests[0].query))
	require.Empty(t, v.requests(stableToken), "a login must not depend on an access_token")
}

func TestCode2SessionDecodesByBodyNotByContentType(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/plain", "text/html; charset=utf-8", "application/json; encoding=utf-8", ""} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.on(code2Session, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if contentType != "" {
					w.Header().Set("Content-Type", contentType)
				}
				_, _ = w.Write([]byte(goodSession))
			})
			_, err := v.client().Code2Session(t.Context(), appID, code)
			require.NoError(t, err)
		})
	}
}

func TestCode2SessionSortsErrcodes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		answer     string
		kind       wechat.Kind
		errcode    int
		errmsg     string
		retryAfter time.Duration
	}{
		{`{"errcode":40029,"errmsg":"invalid code, rid: 617833f5-4d39a245-36d3a896"}`, wechat.KindCodeInvalid, 40029, "invalid code, rid: 617833f5-4d39a245-36d3a896", 0},
		{`{"errcode":40163,"errmsg":"code been used, rid: 680a9de1-5392a330-75f1ca8d"}`, wechat.KindCodeUsed, 40163, "code been used, rid: 680a9de1-5392a330-75f1ca8d", 0},
		{`{"errcode":40226,"errmsg":"code blocked"}`, wechat.KindBlocked, 40226, "code blocked", 0},
		{`{"errcode":45011,"errmsg":"api minute-quota reach limit  mustslower  retry next minute"}`, wechat.KindRateLimited, 45011, "api minute-quota reach limit  mustslower  retry next minute", 40 * time.Second},
		{`{"errcode":45009,"errmsg":"reach max api daily quota limit"}`, wechat.KindRateLimited, 45009, "reach max api daily quota limit", time.Hour},
		{`{"errcode":40013,"errmsg":"invalid appid"}`, wechat.KindMisconfigured, 40013, "invalid appid", 0},
		{`{"errcode":40125,"errmsg":"invalid appsecret"}`, wechat.KindMisconfigured, 40125, "invalid appsecret", 0},
		{`{"errcode":41002}`, wechat.KindMisconfigured, 41002, "", 0},
		{`{"errcode":41008,"errmsg":"missing code"}`, wechat.KindMisconfigured, 41008, "missing code", 0},
		{`{"errcode":40164,"errmsg":"invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist"}`, wechat.KindMisconfigured, 40164, "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist", 0},
		{`{"errcode":99999,"errmsg":"a number of next year"}`, wechat.KindRefused, 99999, "a number of next year", 0},
		{`{"errcode":40029,"errmsg":"a\nline","openid":"` + openID + `"}`, wechat.KindCodeInvalid, 40029, "a line", 0},
	}
	for _, c := range cases {
		t.Run(c.answer, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(code2Session, c.answer)

			session, err := v.client(withClock(newClock())).Code2Session(t.Context(), appID, code)
			failure := failureOf(t, err)
			require.Zero(t, session)
			require.Equal(t, "jscode2session", failure.API)
			require.Equal(t, c.kind, failure.Kind)
			require.Equal(t, c.errcode, failure.Errcode)
			require.Equal(t, c.errmsg, failure.Errmsg)
			require.Equal(t, c.retryAfter, failure.RetryAfter)
			require.Len(t, v.requests(code2Session), 1, "an answered refusal is final")
		})
	}
}

func TestCode2SessionRetriesBusyOnce(t *testing.T) {
	t.Parallel()
	const busy = `{"errcode":-1,"errmsg":"system error"}`

	v := newVendor(t)
	v.says(code2Session, busy, goodSession)
	_, err := v.client().Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
	require.Len(t, v.requests(code2Session), 2)

	v = newVendor(t)
	v.says(code2Session, busy)
	_, err = v.client().Code2Session(t.Context(), appID, code)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.Equal(t, -1, failureOf(t, err).Errcode)
	require.Len(t, v.requests(code2Session), 2)
}

func TestCode2SessionPausesARandomMomentBeforeTheSecondAttempt(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, `{"errcode":-1}`, goodSession)
	var limits []time.Duration
	client := v.client(func(o *wechat.Options) {
		o.Jitter = func(limit time.Duration) time.Duration {
			limits = append(limits, limit)
			return 0
		}
	})
	_, err := client.Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
	require.Equal(t, []time.Duration{200 * time.Millisecond}, limits)
}

func TestCode2SessionRefusesMalformedAnswers(t *testing.T) {
	t.Parallel()
	const key = `"session_key":"AAECAwQFBgcICQoLDA0ODw=="`
	cases := map[string]string{
		"empty":                     ``,
		"html":                      `<html><body>502 Bad Gateway</body></html>`,
		"truncated":                 goodSession[:40],
		"array":                     `[` + goodSession + `]`,
		"null":                      `null`,
		"two objects":               goodSession + goodSession,
		"trailing":                  goodSession + `x`,
		"duplicate name":            `{"openid":"oA",` + key + `,"openid":"oB"}`,
		"duplicate name, escaped":   `{"openid":"oA",` + key + `,"\u006fpenid":"oB"}`,
		"duplicate name, nested":    `{"openid":"oA",` + key + `,"x":{"a":1,"a":2}}`,
		"name in another case":      `{"OpenID":"oA",` + key + `}`,
		"bad utf-8":                 "{\"openid\":\"o\xff\"," + key + "}",
		"no openid":                 `{` + key + `}`,
		"empty openid":              `{"openid":"",` + key + `}`,
		"openid is a number":        `{"openid":12,` + key + `}`,
		"openid with NUL":           `{"openid":"o\u0000",` + key + `}`,
		"openid too long":           `{"openid":"` + strings.Repeat("o", 129) + `",` + key + `}`,
		"no session_key":            `{"openid":"oA"}`,
		"session_key of 15 bytes":   `{"openid":"oA","session_key":"AAECAwQFBgcICQoLDA0O"}`,
		"session_key, url alphabet": `{"openid":"oA","session_key":"__ECAwQFBgcICQoLDA0ODw=="}`,
		"session_key, line break":   `{"openid":"oA","session_key":"AAECAwQFBgcICQoL\nDA0ODw=="}`,
		"session_key, stray bits":   `{"openid":"oA","session_key":"AAECAwQFBgcICQoLDA0ODx=="}`,
		"unionid with space":        `{"openid":"oA",` + key + `,"unionid":"a b"}`,
		"errcode is text":           `{"errcode":"40029","errmsg":"invalid code"}`,
		"errcode is a fraction":     `{"errcode":1.5}`,
		"errcode is huge":           `{"errcode":9999999999}`,
		"nested too deep":           `{"openid":"oA",` + key + `,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"one megabyte":              `{"openid":"oA",` + key + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(code2Session, answer)
			var outcome wechat.Outcome
			client := v.client(func(o *wechat.Options) {
				o.Observe = func(_ context.Context, call wechat.Call) { outcome = call.Outcome }
			})

			session, err := client.Code2Session(t.Context(), appID, code)
			require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
			require.Zero(t, session)
			require.Equal(t, wechat.OutcomeMalformed, outcome)
			require.Len(t, v.requests(code2Session), 1, "the code may be spent")
		})
	}
}

func TestCode2SessionRefusesUnusableStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 204, 301, 302, 307, 308, 400, 412, 500, 502, 503} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			elsewhere := newVendor(t)
			elsewhere.says(code2Session, goodSession)
			v := newVendor(t)
			v.on(code2Session, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", elsewhere.URL+r.URL.String())
				w.WriteHeader(status)
				_, _ = w.Write([]byte(goodSession))
			})
			_, err := v.client().Code2Session(t.Context(), appID, code)
			require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
			require.Len(t, v.requests(code2Session), 1)
			require.Empty(t, elsewhere.requests(code2Session), "a redirect would carry the secret away")
		})
	}
}

func TestCodesThatCannotBeCodesAreNotSent(t *testing.T) {
	t.Parallel()
	for _, useless := range []string{"", "the code is a mock one", "this code is a mock one", strings.Repeat("x", 513)} {
		v := newVendor(t)
		client := v.client()
		_, err := client.Code2Session(t.Context(), appID, useless)
		require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
		_, err = client.PhoneNumber(t.Context(), appID, useless, openID)
		require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
		require.Empty(t, v.seen)
	}
}

func TestUnknownAppIsNotSent(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	for _, client := range []*wechat.Client{v.client(), v.client(func(o *wechat.Options) { o.Apps = nil })} {
		_, err := client.Code2Session(t.Context(), "wx-unknown", code)
		require.Equal(t, wechat.KindMisconfigured, failureOf(t, err).Kind)
	}
	require.Empty(t, v.seen)
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says("/fakewechat"+code2Session, goodSession)
	for _, base := range []string{v.URL + "/fakewechat", v.URL + "/fakewechat/"} {
		_, err := newClient(base).Code2Session(t.Context(), appID, code)
		require.NoError(t, err)
	}
	for _, base := range []string{"::", "api.weixin.qq.com", "ftp://api.weixin.qq.com", "https://"} {
		_, err := newClient(base).Code2Session(t.Context(), appID, code)
		require.Equal(t, wechat.KindMisconfigured, failureOf(t, err).Kind, base)
	}
}
