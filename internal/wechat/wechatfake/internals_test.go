package wechatfake

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The known answers need a chosen IV and a chosen key, which the public methods do not take.

func TestKnownAnswerPhone(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	plain := s.phoneInfo(phoneNumber{"86", "13800138000"}, time.Unix(1700000000, 0), "wxf00d00000000f00d")
	key := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	iv := []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}
	sealed, err := encryptCBC(key, iv, plain.json(), 16)
	require.NoError(t, err)
	require.Equal(t, "aLhedzo+Z6es5zW+YHo9susiHnaEYeAkbZXA6vB3xXwsEHApbzM53NsvIVPS8sbzE9Tu3cKoosCIaJ9ReH9c7q8xI4AFlJ8HTHrrdVC0WzSF"+
		"VEG+Q/SUBzVOfvRAiCzg9pRwA0o1X/SBOShf2kiL8/XyPdSkB79Bs0IG5MW9htd56xikaPKeNrDSq+AOeMftAqnYAyaw3N86+mkJv4j0qA==",
		base64.StdEncoding.EncodeToString(sealed))
}

// The official example of a signature over rawData.
func TestKnownAnswerRawData(t *testing.T) {
	t.Parallel()
	raw := `{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN",` +
		`"avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}`
	require.Equal(t, "75e81ceda165f4ffa64f4068af58c64b8f54b88c", signRawData(raw, "HyVFkGl5F5OQWJZZaNzBBg=="))
}

// The official example of a push signature.
func TestKnownAnswerPushSignature(t *testing.T) {
	t.Parallel()
	require.Equal(t, "f464b24fc39322e44b38aa78f5edd27bd1441696", sortedSHA1("AAAAA", "1714036504", "1514711492"))
}

// The key of WeChat's official login-state example, whose HMAC key is its text.
func TestKnownAnswerLoginState(t *testing.T) {
	t.Parallel()
	s := New(Options{Apps: []App{{ID: "wx1"}}})
	a := s.visit("wx1", "alice")
	a.sessionKey, a.keyExpires = "o0q0otL8aEzpcZL/FT9WsQ==", s.now().Add(time.Hour)
	signed := func(signature string) *refusal {
		c := &call{endpoint: s.endpoints["/wxa/checksession"], appID: "wx1", query: map[string][]string{
			"openid": {a.openID}, "signature": {signature}, "sig_method": {"hmac_sha256"},
		}}
		_, no := s.checkSession(c)
		return no
	}
	require.Nil(t, signed("46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128"))
	require.Equal(t, refuse(87009), signed("1eaa0ebfa28615988fb59e6c2d17f75f0f8806b610e8fe78a33da4660208e313"), "the key decoded first")
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := newStore[int](3)
	for i, key := range []string{"a", "b", "c", "a", "d"} {
		s.put(key, i)
	}
	_, ok := s.get("b")
	require.False(t, ok, "written longest ago")
	v, ok := s.get("a")
	require.True(t, ok, "written again")
	require.Equal(t, 3, v)
	require.Equal(t, 3, s.len())
	s.prune(func(v int) bool { return v < 4 })
	require.Equal(t, 1, s.len())

	fake := New(Options{Apps: []App{{ID: "wx1"}}})
	for range maxCodes + 10 {
		fake.LoginCode("", "alice")
	}
	require.Equal(t, maxCodes, fake.loginCodes.len())
	fake.Advance(codeLifetime)
	fake.LoginCode("", "alice")
	require.Equal(t, 1, fake.loginCodes.len(), "expired codes go")
}

// The second lock behind the check of the address: names can resolve to anything.
func TestPushesNeverLeaveTheMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://192.0.2.1/", "http://[2001:db8::1]/", "http://0.0.0.0/"} {
		got := (&letter{method: "GET", url: address}).deliver(t.Context())
		require.Contains(t, got.Error, "address is not on this machine", address)
	}
}
