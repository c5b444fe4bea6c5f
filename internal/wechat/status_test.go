package wechat_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

func TestStatusTellsOfTokenCallsAndQuota(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, goodText, goodText, `{"errcode":45011}`)
	v.says(stableToken, `{"access_token":"T","expires_in":7200}`)
	now := newClock() // 20 seconds into the minute
	client := v.client(withClock(now))
	require.Equal(t, wechat.Status{}, client.Status(appID), "nothing was asked yet")

	require.NoError(t, checkText(t.Context(), client))
	now.advance(30 * time.Second)
	require.NoError(t, checkText(t.Context(), client))
	require.Error(t, checkText(t.Context(), client))
	status := client.Status(appID)
	require.Equal(t, wechat.TokenStatus{Age: 30 * time.Second, Left: 7200*time.Second - time.Minute - 30*time.Second}, *status.Token)
	require.Equal(t, []wechat.EndpointStatus{
		{Name: "msg_sec_check", Breaker: "closed", Calls: 3, HeldBack: 10 * time.Second},
		{Name: "stable_token", Breaker: "closed", Calls: 1},
	}, status.Endpoints)
	require.Equal(t, wechat.Status{}, client.Status(otherAppID), "another app")

	now.advance(10 * time.Second)
	for _, e := range client.Status(appID).Endpoints {
		require.Zero(t, e.Calls, "another minute")
		require.Zero(t, e.HeldBack)
	}
	now.advance(2 * time.Hour)
	require.Nil(t, client.Status(appID).Token, "it is over")
}

func TestStatusTellsOfTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreakerBench()
		breaker := func() string { return b.client.Status(appID).Endpoints[0].Breaker }
		require.Error(t, b.login(t, 4))
		require.Equal(t, "closed", breaker())
		require.Error(t, b.login(t, 3))
		require.Equal(t, "open", breaker())
		require.Equal(t, 5, b.client.Status(appID).Endpoints[0].Calls, "what is held back is not sent")
		time.Sleep(5*time.Second + time.Millisecond)
		require.Equal(t, "half-open", breaker())
		b.say(http.StatusOK, goodSession)
		require.NoError(t, b.login(t, 1))
		require.Equal(t, "closed", breaker())
	})
}
