package wechat_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

func TestPhoneNumberReturnsWhatWeChatVerified(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(phoneNumber, goodPhone)
	phone, err := v.client().PhoneNumber(t.Context(), appID, code, openID)
	require.NoError(t, err)
	require.Equal(t, wechat.PhoneInfo{
		PhoneNumber: "13800138000", PurePhoneNumber: "13800138000", CountryCode: "86", TappedAt: time.Unix(1700000000, 0).UTC(),
	}, phone)
	require.Equal(t, map[string]any{"code": code, "openid": openID}, v.requests(phoneNumber)[0].body,
		"without the openid another user's code would be accepted")
}

func TestPhoneNumberAnswers(t *testing.T) {
	t.Parallel()
	const mark = `,"watermark":{"timestamp":1700000000,"appid":"` + appID + `"}`
	cases := map[string]struct {
		info string
		good bool
	}{
		"country code as a number":     {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":86` + mark, true},
		"foreign":                      {`"phoneNumber":"85291234567","purePhoneNumber":"91234567","countryCode":"852"` + mark, true},
		"foreign in an unknown format": {`"phoneNumber":"(852) 9123.4567","purePhoneNumber":"91234567","countryCode":"852"` + mark, true},
		"unknown field":                {`"phoneNumber":"1","purePhoneNumber":"13800138000","countryCode":"86","new":{}` + mark, true},
		"no number":                    {`"purePhoneNumber":"13800138000","countryCode":"86"` + mark, false},
		"empty number":                 {`"phoneNumber":"","purePhoneNumber":"","countryCode":"86"` + mark, false},
		"no country code":              {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000"` + mark, false},
		"country code is a fraction":   {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":8.6` + mark, false},
		"letters":                      {`"phoneNumber":"13800138000","purePhoneNumber":"1380013800a","countryCode":"86"` + mark, false},
		"no watermark":                 {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86"`, false},
		"watermark without time":       {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86","watermark":{"appid":"` + appID + `"}`, false},
		"watermark of another app":     {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86"` + strings.Replace(mark, appID, otherAppID, 1), false},
		"number twice":                 {`"phoneNumber":"13800138000","purePhoneNumber":"13800138000","purePhoneNumber":"13900139000","countryCode":"86"` + mark, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(phoneNumber, `{"errcode":0,"errmsg":"ok","phone_info":{`+c.info+`}}`)
			phone, err := v.client().PhoneNumber(t.Context(), appID, code, openID)
			if c.good {
				require.NoError(t, err)
				require.NotEmpty(t, phone.PurePhoneNumber)
				require.NotEmpty(t, phone.CountryCode)
				return
			}
			require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
			require.Zero(t, phone)
			require.Len(t, v.requests(phoneNumber), 1)
		})
	}
}

func TestPhoneNumberSortsErrcodes(t *testing.T) {
	t.Parallel()
	cases := map[string]wechat.Kind{
		`{"errcode":40029,"errmsg":"invalid code hint: [mGhbWV0sf-LxnVma] rid: 1"}`: wechat.KindCodeInvalid,
		`{"errcode":40013,"errmsg":"invalid appid"}`:                                wechat.KindCodeInvalid,
		`{"errcode":40003,"errmsg":"invalid openid"}`:                               wechat.KindRefused,
		`{"errcode":47001}`: wechat.KindMisconfigured,
		`{"errcode":48001}`: wechat.KindMisconfigured,
	}
	for answer, kind := range cases {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(phoneNumber, answer)
			_, err := v.client().PhoneNumber(t.Context(), appID, code, openID)
			require.Equal(t, kind, failureOf(t, err).Kind)
			require.Len(t, v.requests(phoneNumber), 1)
		})
	}
}

func TestPhoneNumberRetriesBusyOnce(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(phoneNumber, `{"errcode":-1}`, goodPhone)
	_, err := v.client().PhoneNumber(t.Context(), appID, code, openID)
	require.NoError(t, err)
	require.Len(t, v.requests(phoneNumber), 2)
}

func TestCallsAboutAUserNeedAnOpenID(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	client := v.client()
	for _, bad := range []string{"", "o o", "o\x00", strings.Repeat("o", 129)} {
		_, err := client.PhoneNumber(t.Context(), appID, code, bad)
		require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind)
		_, err = client.CheckSession(t.Context(), appID, bad, sessionKey)
		require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind)
		_, err = client.ResetUserSessionKey(t.Context(), appID, bad, sessionKey)
		require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind)
		_, err = client.CheckText(t.Context(), appID, bad, "Band")
		require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind)
	}
	require.Empty(t, v.seen)
}

func TestMinuteQuotaHoldsTheUserUntilTheMinuteEnds(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(phoneNumber, `{"errcode":45011,"errmsg":"api minute-quota reach limit"}`, goodPhone)
	v.says(checkSession, `{"errcode":0}`)
	now := newClock() // 20 seconds into the minute
	var outcomes []wechat.Outcome
	client := v.client(withClock(now), func(o *wechat.Options) {
		o.Observe = func(_ context.Context, call wechat.Call) {
			if call.API == "getuserphonenumber" {
				outcomes = append(outcomes, call.Outcome)
			}
		}
	})

	for range 3 {
		_, err := client.PhoneNumber(t.Context(), appID, code, openID)
		failure := failureOf(t, err)
		require.Equal(t, wechat.KindRateLimited, failure.Kind)
		require.Equal(t, 40*time.Second, failure.RetryAfter)
	}
	require.Len(t, v.requests(phoneNumber), 1, "no call for this user in this minute")
	require.Equal(t, []wechat.Outcome{wechat.OutcomeErrcode, wechat.OutcomeQuota, wechat.OutcomeQuota}, outcomes)

	_, err := client.PhoneNumber(t.Context(), appID, code, "oSomebodyElse")
	require.NoError(t, err)
	_, err = client.CheckSession(t.Context(), appID, openID, sessionKey)
	require.NoError(t, err, "each endpoint has its own quota")

	now.advance(40 * time.Second)
	_, err = client.PhoneNumber(t.Context(), appID, code, openID)
	require.NoError(t, err)
}

func TestMinuteQuotaOfLoginsHoldsNobody(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, `{"errcode":45011}`, goodSession)
	client := v.client(withClock(newClock()))
	_, err := client.Code2Session(t.Context(), appID, code)
	require.Equal(t, 40*time.Second, failureOf(t, err).RetryAfter)
	_, err = client.Code2Session(t.Context(), appID, code)
	require.NoError(t, err, "whose quota it was is not known, so nobody else may be held for it")
}
