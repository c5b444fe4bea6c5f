package wechat_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

func answered(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

// breakerBench counts the requests that get through, in synthetic time. WeChat here is a transport, because real connections
// do not live in synthetic time.
type breakerBench struct {
	client *wechat.Client
	sent   int
	held   int
	answer func(*http.Request) (*http.Response, error)
}

func newBreakerBench() *breakerBench {
	b := &breakerBench{}
	b.client = newClient("", func(o *wechat.Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			b.sent++
			return b.answer(r)
		})
		o.Observe = func(_ context.Context, call wechat.Call) {
			if call.Outcome == wechat.OutcomeHeld {
				b.held++
			}
		}
	})
	b.say(http.StatusBadGateway, "")
	return b
}

func (b *breakerBench) say(status int, body string) {
	b.answer = func(*http.Request) (*http.Response, error) { return answered(status, body), nil }
}

func (b *breakerBench) login(t *testing.T, times int) (last error) {
	for range times {
		_, last = b.client.Code2Session(t.Context(), appID, code)
	}
	return last
}

func TestBreakerOpensAfterFiveFailuresAndProbesAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreakerBench()
		err := b.login(t, 8)
		require.Equal(t, 5, b.sent)
		require.Equal(t, 3, b.held)
		require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
		require.Equal(t, 5*time.Second, failureOf(t, err).RetryAfter)

		time.Sleep(5*time.Second + time.Millisecond)
		require.Error(t, b.login(t, 3))
		require.Equal(t, 6, b.sent, "half-open: one tries, it fails, the others are held")

		time.Sleep(5*time.Second + time.Millisecond)
		b.say(http.StatusOK, goodSession)
		require.NoError(t, b.login(t, 3))
		require.Equal(t, 9, b.sent, "one success closes it")
	})
}

func TestBreakerIsPerAppAndAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreakerBench()
		require.Error(t, b.login(t, 5))
		b.answer = func(r *http.Request) (*http.Response, error) {
			return answered(http.StatusOK, map[string]string{
				code2Session: goodSession, stableToken: `{"access_token":"T","expires_in":7200}`, textCheck: goodText,
			}[r.URL.Path]), nil
		}
		_, err := b.client.Code2Session(t.Context(), otherAppID, code)
		require.NoError(t, err)
		require.NoError(t, checkText(t.Context(), b.client))
		require.Error(t, b.login(t, 1))
	})
}

func TestBreakerIgnoresWhatIsNotTheConnectionsFault(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"errcode":40029}`, `{"errcode":40163}`, `{"errcode":40226}`, `{"errcode":45011}`, `{"errcode":-1}`, `{"errcode":40013}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBreakerBench()
			b.say(http.StatusOK, body)
			require.Error(t, b.login(t, 20))
			require.Zero(t, b.held, body)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBreakerBench()
		for range 20 {
			ctx, leave := context.WithCancel(t.Context())
			b.answer = func(r *http.Request) (*http.Response, error) {
				leave()
				return nil, r.Context().Err()
			}
			_, err := b.client.Code2Session(ctx, appID, code)
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Equal(t, 20, b.sent)
	})
}

func TestBreakerCountsEveryKindOfBrokenConnection(t *testing.T) {
	t.Parallel()
	broken := map[string]func(*http.Request) (*http.Response, error){
		"malformed": func(*http.Request) (*http.Response, error) { return answered(http.StatusOK, "<html>"), nil },
		"cut":       func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"slow": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
	}
	for name, answer := range broken {
		synctest.Test(t, func(t *testing.T) {
			b := newBreakerBench()
			b.client = newClient("", func(o *wechat.Options) {
				o.Timeout = time.Second
				o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					b.sent++
					return answer(r)
				})
			})
			require.Error(t, b.login(t, 9))
			require.Equal(t, 5, b.sent, name)
		})
	}
}

func TestBreakerForgetsFailuresOlderThanTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreakerBench()
		for range 20 {
			require.Error(t, b.login(t, 1))
			time.Sleep(3 * time.Second)
		}
		require.Equal(t, 20, b.sent)
	})
}
