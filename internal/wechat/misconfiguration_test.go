package wechat_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

// told is a client of v with all that it has told of misconfigurations.
func told(v *vendor) (*wechat.Client, *[]wechat.Misconfiguration) {
	var seen []wechat.Misconfiguration
	return v.client(func(o *wechat.Options) {
		o.Misconfigured = func(_ context.Context, m wechat.Misconfiguration) { seen = append(seen, m) }
	}), &seen
}

func TestWrongAppSecretIsToldOnceAndStandsInTheStatusUntilItIsMended(t *testing.T) {
	t.Parallel()
	const wrong = `{"errcode":40125,"errmsg":"invalid appsecret ` + secret + `, rid: 617833f5-4d39a245-36d3a896"}`
	v := newVendor(t)
	client, seen := told(v)
	login := func(answer string) {
		t.Helper()
		v.says(code2Session, answer)
		_, _ = client.Code2Session(t.Context(), appID, code)
	}
	status := func() *wechat.Misconfiguration {
		t.Helper()
		require.Len(t, client.Status(appID).Endpoints, 1)
		return client.Status(appID).Endpoints[0].Wrong
	}
	login(goodSession)
	require.Nil(t, status())
	login(wrong)
	login(wrong)
	login(`{"errcode":40029,"errmsg":"invalid code"}`) // does not show that the AppSecret is right
	login(wrong)
	require.Len(t, *seen, 1)
	news := (*seen)[0]
	require.Equal(t, wechat.Misconfiguration{
		API: "jscode2session", AppID: appID, Errcode: 40125,
		Errmsg: "invalid appsecret [redacted], rid: 617833f5-4d39a245-36d3a896", Remedy: news.Remedy,
	}, news)
	require.Contains(t, news.Remedy, "AppSecret is wrong")
	require.Equal(t, news, *status())
	require.Nil(t, client.Status(otherAppID).Endpoints, "another app")

	login(`{"errcode":40164,"errmsg":"invalid ip 1.2.3.4, not in whitelist"}`)
	require.Len(t, *seen, 2, "something else is wrong now")
	require.Contains(t, status().Remedy, "IP whitelist")
	login(goodSession)
	require.Nil(t, status())
	login(wrong)
	require.Len(t, *seen, 3, "it was mended in between")
}

// An access_token that cannot be had stops the calls that need one; it is told once for all of them.
func TestWrongAppSecretIsToldOfTheTokenAndNotOfEachCall(t *testing.T) {
	t.Parallel()
	for _, errcode := range []int{40001, 40013, 40125, 40164, 40243, 50004, 50007, 89503, 89506, 89507} {
		v := newVendor(t)
		v.says(stableToken, fmt.Sprintf(`{"errcode":%d,"errmsg":"no"}`, errcode))
		client, seen := told(v)
		_, err := client.PhoneNumber(t.Context(), appID, code, openID)
		require.Equal(t, wechat.KindMisconfigured, failureOf(t, err).Kind)
		_, err = client.CheckText(t.Context(), appID, openID, "Band")
		require.Equal(t, wechat.KindMisconfigured, failureOf(t, err).Kind)
		require.Len(t, *seen, 1, errcode)
		require.Equal(t, "stable_token", (*seen)[0].API)
		require.NotContains(t, (*seen)[0].Remedy, "defect", errcode)
	}
}

// What people can bring about with a code or an old session says nothing about the configuration.
func TestWhatPeopleBringAboutIsNoMisconfiguration(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	client, seen := told(v)
	for _, errcode := range []int{-1, 40013, 40029, 45011, 40001, 42001} {
		v.says(phoneNumber, fmt.Sprintf(`{"errcode":%d}`, errcode))
		_, err := client.PhoneNumber(t.Context(), appID, code, openID)
		require.Error(t, err)
	}
	for _, errcode := range []int{61010, 43104, 40003, 87014} {
		v.says(textCheck, fmt.Sprintf(`{"errcode":%d}`, errcode))
		require.Error(t, checkText(t.Context(), client))
	}
	for _, e := range client.Status(appID).Endpoints {
		require.Nil(t, e.Wrong, e.Name)
	}
	require.Empty(t, *seen)
}
