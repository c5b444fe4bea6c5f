package wechat_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

// HMAC-SHA256 of nothing under the text AAECAwQFBgcICQoLDA0ODw==, computed independently.
const emptySignature = "75c022993d64e3ac224c1c9d6f2b4c6eb53f22f6c7aa6be94428577d11d12fd5"

func TestCheckSessionProvesTheKeyAndReadsTheVerdict(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		`{"errcode":0,"errmsg":"ok"}`:                    true,
		`{"errcode":87009,"errmsg":"invalid signature"}`: false,
		`{"errcode":87007}`:                              false,
	}
	for answer, alive := range cases {
		v := newVendor(t)
		v.says(checkSession, answer)
		valid, err := v.client().CheckSession(t.Context(), appID, openID, sessionKey)
		require.NoError(t, err)
		require.Equal(t, alive, valid)
		require.Equal(t, map[string][]string{
			"access_token": {"TOKEN-1"}, "openid": {openID}, "signature": {emptySignature}, "sig_method": {"hmac_sha256"},
		}, map[string][]string(v.requests(checkSession)[0].query))
	}
}

func TestCheckSessionDoesNotTakeFailureForAVerdict(t *testing.T) {
	t.Parallel()
	cases := map[string]wechat.Kind{
		`{"errcode":-1}`:    wechat.KindUnavailable,
		`{"errcode":87008}`: wechat.KindMisconfigured,
		`{"errcode":40003}`: wechat.KindRefused,
		`{"errcode":45011}`: wechat.KindRateLimited,
		`not json`:          wechat.KindUnavailable,
	}
	for answer, kind := range cases {
		v := newVendor(t)
		v.says(checkSession, answer)
		valid, err := v.client().CheckSession(t.Context(), appID, openID, sessionKey)
		require.False(t, valid)
		require.Equal(t, kind, failureOf(t, err).Kind)
	}
}

func TestResetUserSessionKey(t *testing.T) {
	t.Parallel()
	const newKey = "//ECAwQFBgcICQoLDA0ODw=="
	cases := map[string]struct {
		answers  []string
		kind     wechat.Kind // 0: success
		requests int
	}{
		"new key":         {[]string{`{"errcode":0,"errmsg":"ok","openid":"` + openID + `","session_key":"` + newKey + `"}`}, 0, 1},
		"key dead":        {[]string{`{"errcode":87007}`}, wechat.KindSessionKeyDead, 1},
		"wrong signature": {[]string{`{"errcode":87009}`}, wechat.KindSessionKeyDead, 1},
		"busy":            {[]string{`{"errcode":-1}`, `{"errcode":87009}`}, wechat.KindUnavailable, 1},
		"somebody else's": {[]string{`{"errcode":0,"openid":"oX","session_key":"` + newKey + `"}`}, wechat.KindUnavailable, 1},
		"no key":          {[]string{`{"errcode":0,"openid":"` + openID + `"}`}, wechat.KindUnavailable, 1},
		"short key":       {[]string{`{"errcode":0,"openid":"` + openID + `","session_key":"AAEC"}`}, wechat.KindUnavailable, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(resetKey, c.answers...)
			key, err := v.client().ResetUserSessionKey(t.Context(), appID, openID, sessionKey)
			if c.kind == 0 {
				require.NoError(t, err)
				require.Equal(t, newKey, key)
			} else {
				require.Equal(t, c.kind, failureOf(t, err).Kind)
				require.Empty(t, key)
			}
			require.Len(t, v.requests(resetKey), c.requests)
			require.Equal(t, emptySignature, v.requests(resetKey)[0].query.Get("signature"))
		})
	}
}
