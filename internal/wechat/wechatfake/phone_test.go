package wechatfake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func TestPhoneNumberByCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	code := b.fake.PhoneCode(shopApp, "alice", "13800138000")
	require.Regexp(t, `^[0-9a-f]{64}$`, code)
	b.fake.Advance(time.Minute)

	a := b.phone(token, map[string]any{"code": code, "openid": b.fake.OpenID(shopApp, "alice")})
	require.Equal(t, `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13800138000","purePhoneNumber":"13800138000",`+
		`"countryCode":"86","watermark":{"timestamp":1767323045,"appid":"`+shopApp+`"}}}`, a.text, "the time is that of the tap")

	require.Equal(t, 40029, b.phone(token, map[string]any{"code": code}).errcode(), "once")
}

func TestPhoneNumberShapes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	info := func(number string) map[string]any {
		a := b.phone(token, map[string]any{"code": b.fake.PhoneCode(shopApp, "alice", number)})
		got, ok := a.json["phone_info"].(map[string]any)
		require.True(t, ok, a.text)
		delete(got, "watermark")
		return got
	}
	own := b.fake.PhoneNumber("alice")
	require.Equal(t, map[string]any{"phoneNumber": own, "purePhoneNumber": own, "countryCode": "86"}, info(""))
	require.Equal(t, map[string]any{"phoneNumber": "+85261234567", "purePhoneNumber": "61234567", "countryCode": "852"}, info("+852 61234567"))
	b.configure(func(st *wechatfake.Settings) { st.CountryCodeAsNumber = true })
	require.EqualValues(t, 86, info("")["countryCode"])
	for _, bad := range []string{"1380013800", "23800138000", "+85261234567", "abc"} {
		require.Panics(t, func() { b.fake.PhoneCode(shopApp, "alice", bad) }, bad)
	}
}

func TestPhoneCodeRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.stableToken(shopApp)
	tests := []struct {
		name    string
		body    map[string]any
		errcode int
	}{
		{"no code", map[string]any{}, 41008},
		{"code is no text", map[string]any{"code": 1}, 41008},
		{"made-up code", map[string]any{"code": "bad"}, 40029},
		{"login code", map[string]any{"code": b.fake.LoginCode(shopApp, "alice")}, 40029},
		{"code of another app", map[string]any{"code": b.fake.PhoneCode(clubApp, "alice", "")}, 40013},
		{"somebody else's code", map[string]any{
			"code": b.fake.PhoneCode(shopApp, "bob", ""), "openid": b.fake.OpenID(shopApp, "alice"),
		}, 40003},
	}
	for _, tt := range tests {
		a := b.phone(token, tt.body)
		require.Equal(t, tt.errcode, a.errcode(), "%s: %s", tt.name, a.text)
		require.Regexp(t, ` hint: \[[0-9A-Za-z]{16}\] rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`, a.str("errmsg"))
		require.NotContains(t, a.json, "phone_info")
	}
}

func TestMismatchDoesNotConsumeThePhoneCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, code := b.stableToken(shopApp), b.fake.PhoneCode(shopApp, "bob", "")
	require.Equal(t, 40003, b.phone(token, map[string]any{"code": code, "openid": b.fake.OpenID(shopApp, "alice")}).errcode())
	require.Zero(t, b.phone(token, map[string]any{"code": code, "openid": b.fake.OpenID(shopApp, "bob")}).errcode())
}

func TestPhoneCodeLivesFiveMinutesFromTheTap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, early, late := b.stableToken(shopApp), b.fake.PhoneCode(shopApp, "alice", ""), b.fake.PhoneCode(shopApp, "alice", "")
	b.fake.Advance(5*time.Minute - time.Second)
	require.Zero(t, b.phone(token, map[string]any{"code": early}).errcode())
	b.fake.Advance(time.Second)
	require.Equal(t, 40029, b.phone(token, map[string]any{"code": late}).errcode())
}
