package wechat_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

// rawServer answers on the level of TCP: serve gets each connection.
func rawServer(t *testing.T, serve func(net.Conn)) (baseURL string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return "http://" + listener.Addr().String()
}

const rawOK = "HTTP/1.1 200 OK\r\nContent-Length: "

func writeOK(w io.Writer, body string) {
	_, _ = io.WriteString(w, rawOK+strconv.Itoa(len(body))+"\r\n\r\n"+body)
}

// The trap: a reused connection dies after WeChat has read the request. net/http would send the GET again, and the user would
// be told that the code is used.
func TestSpendingRequestIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	ends := map[string]func(net.Conn){
		"closed": func(net.Conn) {},
		"reset":  func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) },
	}
	calls := map[string]struct {
		path, warm string
		call       func(context.Context, *wechat.Client) error
	}{
		"jscode2session": {code2Session, goodSession, func(ctx context.Context, c *wechat.Client) error {
			_, err := c.Code2Session(ctx, appID, code)
			return err
		}},
		"getuserphonenumber": {phoneNumber, goodPhone, func(ctx context.Context, c *wechat.Client) error {
			_, err := c.PhoneNumber(ctx, appID, code, openID)
			return err
		}},
		"resetusersessionkey": {resetKey, `{"openid":"` + openID + `","session_key":"` + sessionKey + `"}`, func(ctx context.Context, c *wechat.Client) error {
			_, err := c.ResetUserSessionKey(ctx, appID, openID, sessionKey)
			return err
		}},
	}
	for endName, end := range ends {
		for callName, c := range calls {
			t.Run(endName+" "+callName, func(t *testing.T) {
				t.Parallel()
				var read atomic.Int32
				base := rawServer(t, func(conn net.Conn) {
					requests := bufio.NewReader(conn)
					for {
						request, err := http.ReadRequest(requests)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, request.Body)
						switch {
						case request.URL.Path == stableToken:
							writeOK(conn, `{"access_token":"TOKEN-1","expires_in":7200}`)
						case read.Add(1) == 1:
							writeOK(conn, c.warm)
						default:
							end(conn)
							return
						}
					}
				})
				client := newClient(base)
				require.NoError(t, c.call(t.Context(), client), "first call, to have a connection to reuse")

				err := c.call(t.Context(), client)
				require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
				require.EqualValues(t, 2, read.Load(), "the cut request must not come again")
			})
		}
	}
}

func TestAnswerCutHalfwayIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	base := rawServer(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			read.Add(1)
			_, _ = io.WriteString(conn, rawOK+"500\r\n\r\n"+goodSession)
		}
	})
	_, err := newClient(base).Code2Session(t.Context(), appID, code)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.EqualValues(t, 1, read.Load())
}

// WeChat answers 412 to a chunked POST, and a GET should not look as if it had a body.
func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, goodSession)
	v.says(phoneNumber, goodPhone)
	client := v.client()
	_, err := client.Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
	_, err = client.PhoneNumber(t.Context(), appID, code, openID)
	require.NoError(t, err)

	for _, path := range []string{stableToken, phoneNumber} {
		post := v.requests(path)[0]
		require.Equal(t, http.MethodPost, post.method)
		require.Empty(t, post.encoding)
		require.Positive(t, post.length)
		require.Equal(t, "application/json", post.header.Get("Content-Type"))
	}
	get := v.requests(code2Session)[0]
	require.Empty(t, get.encoding)
	require.Zero(t, get.length)
	require.Empty(t, get.header.Get("Content-Length"))
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, goodSession)
	client := v.client()
	for range 10 {
		_, err := client.Code2Session(t.Context(), appID, code)
		require.NoError(t, err)
	}
	connections := map[string]bool{}
	for _, request := range v.requests(code2Session) {
		connections[request.from] = true
	}
	require.Len(t, connections, 1)
}

// failingDials is a transport whose first dials fail before a connection exists.
func failingDials(failures int32) (*http.Transport, *atomic.Int32) {
	var dials atomic.Int32
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) <= failures {
				return nil, errors.New("connection refused")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}, &dials
}

func TestRequestThatNeverLeftIsRetriedOnce(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(code2Session, goodSession)

	transport, dials := failingDials(1)
	_, err := v.client(func(o *wechat.Options) { o.Transport = transport }).Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
	require.EqualValues(t, 2, dials.Load())

	transport, dials = failingDials(100)
	_, err = v.client(func(o *wechat.Options) { o.Transport = transport }).Code2Session(t.Context(), appID, code)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.EqualValues(t, 2, dials.Load())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportThatTellsNothingIsNotTrustedToHaveSentNothing(t *testing.T) {
	t.Parallel()
	calls := 0
	client := newClient("", func(o *wechat.Options) {
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			calls++
			return nil, errors.New("broken")
		})
	})
	_, err := client.Code2Session(t.Context(), appID, code)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
	require.Equal(t, 1, calls)
}

func TestSlowAnswerEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	slow := map[string]http.HandlerFunc{
		"no header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no body": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
	for name, answer := range slow {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			v.on(code2Session, answer)
			var outcome wechat.Outcome
			client := v.client(func(o *wechat.Options) {
				o.Timeout = time.Second
				o.Observe = func(_ context.Context, call wechat.Call) { outcome = call.Outcome }
			})
			_, err := client.Code2Session(t.Context(), appID, code)
			require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, wechat.OutcomeTimeout, outcome)
			require.Len(t, v.requests(code2Session), 1, "the code may be spent")
		})
	}
}

func TestCallerWhoLeavesIsToldSo(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	ctx, leave := context.WithCancel(t.Context())
	v.on(code2Session, func(_ http.ResponseWriter, r *http.Request) {
		leave()
		<-r.Context().Done()
	})
	_, err := v.client().Code2Session(ctx, appID, code)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
}

func TestUntrustedServerSeesNoRequest(t *testing.T) {
	t.Parallel()
	trusting := func(server *httptest.Server, change func(*tls.Config)) *http.Transport {
		transport := server.Client().Transport.(*http.Transport).Clone()
		change(transport.TLSClientConfig)
		return transport
	}
	cases := map[string]struct {
		server    func(*httptest.Server)
		transport func(*httptest.Server) http.RoundTripper
	}{
		"self-signed": {
			func(*httptest.Server) {},
			func(*httptest.Server) http.RoundTripper { return nil },
		},
		"TLS 1.1": {
			func(s *httptest.Server) {
				s.TLS = &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}
			},
			func(*httptest.Server) http.RoundTripper { return nil },
		},
		"another host": {
			func(*httptest.Server) {},
			func(s *httptest.Server) http.RoundTripper {
				return trusting(s, func(c *tls.Config) { c.ServerName = "api.weixin.qq.com" })
			},
		},
		"expired": {
			func(*httptest.Server) {},
			func(s *httptest.Server) http.RoundTripper {
				return trusting(s, func(c *tls.Config) { c.Time = func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) } })
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
			server.Config.ErrorLog = quiet
			c.server(server)
			server.StartTLS()
			t.Cleanup(server.Close)
			var outcome wechat.Outcome
			client := newClient(server.URL, func(o *wechat.Options) {
				o.Transport = c.transport(server)
				o.Observe = func(_ context.Context, call wechat.Call) { outcome = call.Outcome }
			})

			_, err := client.Code2Session(t.Context(), appID, code)
			require.Equal(t, wechat.KindUnavailable, failureOf(t, err).Kind)
			require.Equal(t, wechat.OutcomeTLS, outcome)
			require.Zero(t, requests.Load())
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func TestProvenServerIsTalkedTo(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, goodSession) }))
	t.Cleanup(server.Close)
	client := newClient(server.URL, func(o *wechat.Options) { o.Transport = server.Client().Transport })
	_, err := client.Code2Session(t.Context(), appID, code)
	require.NoError(t, err)
}

func TestEveryRequestIsObservedOnce(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(phoneNumber, `{"errcode":-1}`, goodPhone)
	v.says(code2Session, `{"errcode":40029}`)
	still := newClock()
	var calls []wechat.Call
	client := v.client(withClock(still), func(o *wechat.Options) {
		o.Observe = func(_ context.Context, call wechat.Call) { calls = append(calls, call) }
	})

	_, err := client.PhoneNumber(t.Context(), appID, code, openID)
	require.NoError(t, err)
	_, err = client.Code2Session(t.Context(), otherAppID, code)
	require.Error(t, err)
	require.Equal(t, []wechat.Call{
		{API: "stable_token", AppID: appID, Outcome: wechat.OutcomeOK},
		{API: "getuserphonenumber", AppID: appID, OpenID: openID, Errcode: -1, Outcome: wechat.OutcomeErrcode},
		{API: "getuserphonenumber", AppID: appID, OpenID: openID, Outcome: wechat.OutcomeOK},
		{API: "jscode2session", AppID: otherAppID, Errcode: 40029, Outcome: wechat.OutcomeErrcode},
	}, calls)
}

func TestTimeoutCoversTokenAndCall(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.on(stableToken, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := v.client(func(o *wechat.Options) { o.Timeout = time.Second }).PhoneNumber(t.Context(), appID, code, openID)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, strings.Contains(err.Error(), "stable_token"), err)
	require.Empty(t, v.requests(phoneNumber))
}
