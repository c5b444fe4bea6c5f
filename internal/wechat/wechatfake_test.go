package wechat_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

// The client against the other description of WeChat: two authors reading the same pages, sharing no struct.

func newFake(t *testing.T) (*wechatfake.Server, *wechat.Client) {
	t.Helper()
	fake := wechatfake.New(wechatfake.Options{Apps: []wechatfake.App{
		{ID: appID, Secret: secret, UnionScope: "acme"},
		{ID: otherAppID, Secret: secret},
	}})
	t.Cleanup(fake.Close)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, newClient(server.URL, func(o *wechat.Options) { o.Now = fake.Now })
}

func login(t *testing.T, fake *wechatfake.Server, client *wechat.Client, user string) wechat.Session {
	t.Helper()
	session, err := client.Code2Session(t.Context(), appID, fake.LoginCode(appID, user))
	require.NoError(t, err)
	return session
}

func TestAgainstFakeLogin(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	session := login(t, fake, client, "alice")
	require.Equal(t, wechat.Session{
		OpenID: fake.OpenID(appID, "alice"), UnionID: fake.UnionID(appID, "alice"), SessionKey: fake.SessionKey(appID, "alice"),
	}, session)
	require.Zero(t, fake.Calls("stable_token"))

	used := fake.LoginCode(appID, "alice")
	_, err := client.Code2Session(t.Context(), appID, used)
	require.NoError(t, err)
	_, err = client.Code2Session(t.Context(), appID, used)
	require.Equal(t, wechat.KindCodeUsed, failureOf(t, err).Kind)
	require.Contains(t, failureOf(t, err).Errmsg, "rid")

	_, err = client.Code2Session(t.Context(), appID, fake.PhoneCode(appID, "alice", ""))
	require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
	_, err = client.Code2Session(t.Context(), otherAppID, fake.LoginCode(appID, "alice"))
	require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
	late := fake.LoginCode(appID, "alice")
	fake.Advance(5*time.Minute + time.Second)
	_, err = client.Code2Session(t.Context(), appID, late)
	require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)

	require.NoError(t, fake.Configure(func(s *wechatfake.Settings) { s.BlockedUsers = []string{"mallory"} }))
	_, err = client.Code2Session(t.Context(), appID, fake.LoginCode(appID, "mallory"))
	require.Equal(t, wechat.KindBlocked, failureOf(t, err).Kind)
}

func TestAgainstFakePhone(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	alice := login(t, fake, client, "alice")

	phone, err := client.PhoneNumber(t.Context(), appID, fake.PhoneCode(appID, "alice", ""), alice.OpenID)
	require.NoError(t, err)
	require.Equal(t, fake.PhoneNumber("alice"), phone.PurePhoneNumber)
	require.Equal(t, "86", phone.CountryCode)
	require.WithinDuration(t, fake.Now(), phone.TappedAt, 2*time.Second)

	require.NoError(t, fake.Configure(func(s *wechatfake.Settings) { s.CountryCodeAsNumber = true }))
	again, err := client.PhoneNumber(t.Context(), appID, fake.PhoneCode(appID, "alice", ""), alice.OpenID)
	require.NoError(t, err)
	require.Equal(t, "86", again.CountryCode)

	_, err = client.PhoneNumber(t.Context(), appID, fake.PhoneCode(appID, "bob", ""), alice.OpenID)
	require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind, "Bob's number must not reach Alice")
	_, err = client.PhoneNumber(t.Context(), otherAppID, fake.PhoneCode(appID, "alice", ""), fake.OpenID(otherAppID, "alice"))
	require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
	_, err = client.PhoneNumber(t.Context(), appID, fake.LoginCode(appID, "alice"), alice.OpenID)
	require.Equal(t, wechat.KindCodeInvalid, failureOf(t, err).Kind)
	require.Equal(t, 2, fake.Calls("stable_token"), "one per app")
}

func TestAgainstFakeSessionKey(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	alice := login(t, fake, client, "alice")

	valid, err := client.CheckSession(t.Context(), appID, alice.OpenID, alice.SessionKey)
	require.NoError(t, err)
	require.True(t, valid)

	replaced, err := client.ResetUserSessionKey(t.Context(), appID, alice.OpenID, alice.SessionKey)
	require.NoError(t, err)
	require.Equal(t, fake.SessionKey(appID, "alice"), replaced)
	require.NotEqual(t, alice.SessionKey, replaced)

	valid, err = client.CheckSession(t.Context(), appID, alice.OpenID, alice.SessionKey)
	require.NoError(t, err)
	require.False(t, valid)
	_, err = client.ResetUserSessionKey(t.Context(), appID, alice.OpenID, alice.SessionKey)
	require.Equal(t, wechat.KindSessionKeyDead, failureOf(t, err).Kind)
}

func TestAgainstFakeText(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	alice := login(t, fake, client, "alice")
	for text, want := range map[string]wechat.Verdict{
		"Band": wechat.VerdictPass, "疑似": wechat.VerdictReview, "违规": wechat.VerdictRisky,
	} {
		verdict, err := client.CheckText(t.Context(), appID, alice.OpenID, text)
		require.NoError(t, err)
		require.Equal(t, want, verdict)
	}
	fake.Advance(2*time.Hour + time.Minute)
	_, err := client.CheckText(t.Context(), appID, alice.OpenID, "Band")
	require.Equal(t, wechat.KindUserInactive, failureOf(t, err).Kind)
}

func TestAgainstFakeEncryptedData(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	alice := login(t, fake, client, "alice")

	sealed, err := fake.Encrypt(appID, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	box := wechat.Encrypted{Data: sealed.EncryptedData, IV: sealed.IV}
	phone, err := wechat.DecryptPhone(alice.SessionKey, box, appID, fake.Now())
	require.NoError(t, err)
	require.Equal(t, fake.PhoneNumber("alice"), phone.PurePhoneNumber)
	_, err = wechat.DecryptPhone(alice.SessionKey, box, otherAppID, fake.Now())
	requireRefused(t, err, "watermark")
	_, err = wechat.DecryptProfile(alice.SessionKey, box, appID, fake.Now())
	requireRefused(t, err, "fields")

	sealed, err = fake.Encrypt(appID, "alice", wechatfake.KindProfile, nil)
	require.NoError(t, err)
	box = wechat.Encrypted{Data: sealed.EncryptedData, IV: sealed.IV}
	profile, err := wechat.DecryptProfile(alice.SessionKey, box, appID, fake.Now())
	require.NoError(t, err)
	require.Equal(t, alice.OpenID, profile.OpenID)
	require.Equal(t, alice.UnionID, profile.UnionID)
	require.True(t, wechat.VerifyRawData(sealed.RawData, sealed.Signature, alice.SessionKey))
	_, err = wechat.DecryptPhone(alice.SessionKey, box, appID, fake.Now())
	requireRefused(t, err, "fields")

	fake.RotateKey(appID, "alice")
	sealed, err = fake.Encrypt(appID, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	_, err = wechat.DecryptPhone(alice.SessionKey, wechat.Encrypted{Data: sealed.EncryptedData, IV: sealed.IV}, appID, fake.Now())
	require.ErrorIs(t, err, wechat.ErrDecrypt)
}

func TestAgainstFakeFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault wechatfake.Fault
		kind  wechat.Kind // 0: the login succeeds
		calls int
	}{
		"busy once":      {wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: -1, Count: 1}, 0, 2},
		"busy":           {wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: -1}, wechat.KindUnavailable, 2},
		"minute quota":   {wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: 45011}, wechat.KindRateLimited, 1},
		"blocked":        {wechatfake.Fault{Kind: wechatfake.FaultErrCode, ErrCode: 40226}, wechat.KindBlocked, 1},
		"bad gateway":    {wechatfake.Fault{Kind: wechatfake.FaultHTTP}, wechat.KindUnavailable, 1},
		"412":            {wechatfake.Fault{Kind: wechatfake.FaultEmpty, Status: 412}, wechat.KindUnavailable, 1},
		"empty":          {wechatfake.Fault{Kind: wechatfake.FaultEmpty}, wechat.KindUnavailable, 1},
		"no JSON":        {wechatfake.Fault{Kind: wechatfake.FaultInvalidJSON}, wechat.KindUnavailable, 1},
		"truncated":      {wechatfake.Fault{Kind: wechatfake.FaultTruncated}, wechat.KindUnavailable, 1},
		"oversize":       {wechatfake.Fault{Kind: wechatfake.FaultOversize}, wechat.KindUnavailable, 1},
		"no openid":      {wechatfake.Fault{Kind: wechatfake.FaultMissingField, Field: "openid"}, wechat.KindUnavailable, 1},
		"no session_key": {wechatfake.Fault{Kind: wechatfake.FaultMissingField, Field: "session_key"}, wechat.KindUnavailable, 1},
		"bad key":        {wechatfake.Fault{Kind: wechatfake.FaultBadKey}, wechat.KindUnavailable, 1},
		"cut before":     {wechatfake.Fault{Kind: wechatfake.FaultCutBefore}, wechat.KindUnavailable, 1},
		"cut after":      {wechatfake.Fault{Kind: wechatfake.FaultCutAfter}, wechat.KindUnavailable, 1},
		"text/html":      {wechatfake.Fault{Kind: wechatfake.FaultContentType, ContentType: "text/html"}, 0, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, client := newFake(t)
			login(t, fake, client, "alice") // leaves a connection to reuse
			c.fault.Endpoint = "jscode2session"
			require.NoError(t, fake.SetFault(c.fault))

			session, err := client.Code2Session(t.Context(), appID, fake.LoginCode(appID, "bob"))
			require.Equal(t, 1+c.calls, fake.Calls("jscode2session"))
			if c.kind == 0 {
				require.NoError(t, err)
				require.Equal(t, fake.OpenID(appID, "bob"), session.OpenID)
				return
			}
			require.Equal(t, c.kind, failureOf(t, err).Kind)
			require.Zero(t, session)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

// A code that was consumed while the answer got lost is not sent again by us: sending it again says so.
func TestAgainstFakeCutAfterSpendsTheCodeOnce(t *testing.T) {
	t.Parallel()
	fake, client := newFake(t)
	require.NoError(t, fake.SetFault(wechatfake.Fault{Endpoint: "jscode2session", Kind: wechatfake.FaultCutAfter, Count: 1}))
	lost := fake.LoginCode(appID, "alice")
	_, err := client.Code2Session(t.Context(), appID, lost)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.Equal(t, 1, fake.Calls("jscode2session"))
	_, err = client.Code2Session(t.Context(), appID, lost)
	require.Equal(t, wechat.KindCodeUsed, failureOf(t, err).Kind)
}

func TestAgainstFakeTokenExpiresMidFlight(t *testing.T) {
	t.Parallel()
	fake, _ := newFake(t)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client := newClient(server.URL, withClock(newClock())) // its cache never expires
	alice := login(t, fake, client, "alice")
	check := func() {
		if valid, err := client.CheckSession(t.Context(), appID, alice.OpenID, alice.SessionKey); err != nil || !valid {
			t.Error(valid, err)
		}
	}
	check()
	fake.Advance(3 * time.Hour)

	var callers sync.WaitGroup
	for range 10 {
		callers.Go(check)
	}
	callers.Wait()
	require.Equal(t, 2, fake.Calls("stable_token"), "one refresh for all who met the dead token")
}
