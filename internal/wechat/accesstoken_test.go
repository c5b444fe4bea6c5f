package wechat_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

const goodText = `{"errcode":0,"errmsg":"ok","trace_id":"x","result":{"suggest":"pass","label":100},"detail":[]}`

// accepting answers like WeChat to a call with a token: refusal for any other than the accepted one.
func (v *vendor) accepting(token func() string, refusal, good string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("access_token") != token() {
			fmt.Fprint(w, refusal)
			return
		}
		fmt.Fprint(w, good)
	}
}

func checkText(ctx context.Context, client *wechat.Client) error {
	_, err := client.CheckText(ctx, appID, openID, "Band")
	return err
}

func TestTokenIsFetchedInStableNormalMode(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, goodText)
	require.NoError(t, checkText(t.Context(), v.client()))
	require.Equal(t, map[string]any{"grant_type": "client_credential", "appid": appID, "secret": secret}, v.requests(stableToken)[0].body,
		"force_refresh is rationed and must not be asked for")
	require.Equal(t, "TOKEN-1", v.requests(textCheck)[0].query.Get("access_token"))
}

func TestTokenIsSharedByConcurrentCallersAndKeptPerApp(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, goodText)
	client := v.client()
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if err := checkText(context.Background(), client); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	require.Len(t, v.requests(stableToken), 1)

	_, err := client.CheckText(t.Context(), otherAppID, openID, "Band")
	require.NoError(t, err)
	require.Len(t, v.requests(stableToken), 2)
}

func TestTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	cases := []struct {
		expiresIn  int
		kept, gone time.Duration // after its issue
	}{
		{7200, 7139 * time.Second, 7140 * time.Second},
		{300, 239 * time.Second, 240 * time.Second},
		{60, 9 * time.Second, 10 * time.Second},
		{1, 9 * time.Second, 10 * time.Second},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.expiresIn), func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(textCheck, goodText)
			v.says(stableToken, fmt.Sprintf(`{"access_token":"T","expires_in":%d}`, c.expiresIn))
			now := newClock()
			client := v.client(withClock(now))

			require.NoError(t, checkText(t.Context(), client))
			now.advance(c.kept)
			require.NoError(t, checkText(t.Context(), client))
			require.Len(t, v.requests(stableToken), 1)
			now.advance(c.gone - c.kept)
			require.NoError(t, checkText(t.Context(), client))
			require.Len(t, v.requests(stableToken), 2)
		})
	}
}

func TestRefusedTokenIsReplacedOnceAndTheCallRepeated(t *testing.T) {
	t.Parallel()
	for _, refusal := range []string{
		`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest"}`,
		`{"errcode":40014,"errmsg":"invalid access_token"}`,
		`{"errcode":42001,"errmsg":"access_token expired rid: 1"}`,
	} {
		t.Run(refusal, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			client := v.client()
			v.on(textCheck, v.accepting(func() string { return "TOKEN-1" }, refusal, goodText))
			require.NoError(t, checkText(t.Context(), client))

			// All callers meet the dead token before anyone has a new one.
			var met, callers sync.WaitGroup
			met.Add(20)
			v.on(textCheck, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("access_token") == "TOKEN-1" {
					met.Done()
					met.Wait()
				}
				v.accepting(func() string { return "TOKEN-2" }, refusal, goodText)(w, r)
			})
			for range 20 {
				callers.Go(func() {
					if err := checkText(context.Background(), client); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			require.Len(t, v.requests(stableToken), 2)
		})
	}
}

func TestTokenThatIsRefusedAgainEndsTheCall(t *testing.T) {
	t.Parallel()
	const refusal = `{"errcode":40001,"errmsg":"invalid credential"}`

	v := newVendor(t)
	v.says(textCheck, refusal)
	err := checkText(t.Context(), v.client())
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.Equal(t, 40001, failureOf(t, err).Errcode)
	require.Len(t, v.requests(textCheck), 2)
	require.Len(t, v.requests(stableToken), 2)

	v = newVendor(t)
	v.says(textCheck, refusal)
	v.says(stableToken, `{"access_token":"SAME","expires_in":7200}`)
	err = checkText(t.Context(), v.client())
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.Len(t, v.requests(textCheck), 2)
	require.Len(t, v.requests(stableToken), 2)
}

func TestTokenThatWeChatStandsByIsTriedAgain(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, `{"errcode":40001}`, goodText)
	v.says(stableToken, `{"access_token":"SAME","expires_in":7200}`)
	require.NoError(t, checkText(t.Context(), v.client()))
	require.Len(t, v.requests(stableToken), 2)
}

func TestRefusedTokenAndBusyTogetherAreStillOneRetry(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, `{"errcode":42001}`, `{"errcode":-1}`, goodText)
	err := checkText(t.Context(), v.client())
	require.Equal(t, -1, failureOf(t, err).Errcode)
	require.Len(t, v.requests(textCheck), 2)
}

func TestTokenFailureIsTheCallsFailure(t *testing.T) {
	t.Parallel()
	cases := map[string]wechat.Kind{
		`{"errcode":40001,"errmsg":"invalid credential"}`:        wechat.KindMisconfigured,
		`{"errcode":40125,"errmsg":"invalid appsecret"}`:         wechat.KindMisconfigured,
		`{"errcode":40013,"errmsg":"invalid appid"}`:             wechat.KindMisconfigured,
		`{"errcode":89503}`:                                      wechat.KindMisconfigured,
		`{"access_token":"","expires_in":7200}`:                  wechat.KindUnavailable,
		`{"expires_in":7200}`:                                    wechat.KindUnavailable,
		`{"access_token":"T"}`:                                   wechat.KindUnavailable,
		`{"access_token":"T","expires_in":0}`:                    wechat.KindUnavailable,
		`{"access_token":"T","expires_in":-1}`:                   wechat.KindUnavailable,
		`{"access_token":"T","expires_in":"7200"}`:               wechat.KindUnavailable,
		`{"access_token":"T","expires_in":99999999999}`:          wechat.KindUnavailable,
		`{"access_token":"T x","expires_in":7200}`:               wechat.KindUnavailable,
		`{"access_token":"T","access_token":"U","expires_in":9}`: wechat.KindUnavailable,
	}
	for answer, kind := range cases {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.says(textCheck, goodText)
			v.says(stableToken, answer)
			err := checkText(t.Context(), v.client())
			require.Equal(t, kind, failureOf(t, err).Kind)
			require.Equal(t, "stable_token", failureOf(t, err).API)
			require.Empty(t, v.requests(textCheck))
		})
	}
}

func TestTokenQuotaHoldsFetchesUntilTheMinuteEnds(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, goodText)
	v.says(stableToken, `{"errcode":45011}`, `{"access_token":"T","expires_in":7200}`)
	now := newClock() // 20 seconds into the minute
	client := v.client(withClock(now))
	for range 3 {
		failure := failureOf(t, checkText(t.Context(), client))
		require.Equal(t, wechat.KindRateLimited, failure.Kind)
		require.Equal(t, 40*time.Second, failure.RetryAfter)
	}
	require.Len(t, v.requests(stableToken), 1)
	now.advance(40 * time.Second)
	require.NoError(t, checkText(t.Context(), client))
}

// The fetch serves all who wait: the one who started it may leave, and so may any other, without harm to the rest.
func TestWaitersComeAndGoWithoutEndingTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		client := newClient("", func(o *wechat.Options) {
			o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path != stableToken {
					return answered(http.StatusOK, goodText), nil
				}
				fetches++
				select {
				case <-time.After(2 * time.Second):
					return answered(http.StatusOK, `{"access_token":"T","expires_in":7200}`), nil
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			})
		})
		first, cancelFirst := context.WithCancel(t.Context())
		results := make(map[string]error)
		left := make(map[string]time.Duration)
		start := time.Now()
		var callers sync.WaitGroup
		var mu sync.Mutex
		call := func(name string, ctx context.Context) {
			callers.Go(func() {
				err := checkText(ctx, client)
				mu.Lock()
				defer mu.Unlock()
				results[name], left[name] = err, time.Since(start)
			})
			synctest.Wait()
		}
		call("first", first)
		impatient, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		call("impatient", impatient)
		call("patient", t.Context())
		cancelFirst()
		callers.Wait()

		require.ErrorIs(t, results["first"], context.Canceled)
		require.Zero(t, left["first"])
		require.ErrorIs(t, results["impatient"], context.DeadlineExceeded)
		require.Equal(t, time.Second, left["impatient"])
		require.NoError(t, results["patient"])
		require.Equal(t, 2*time.Second, left["patient"])
		require.Equal(t, 1, fetches)
	})
}
