package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

var quiet = log.New(io.Discard, "", 0)

// Everything that was sent must stay out of every error, however the other side behaves.
func TestAppSecretNeverInErrors(t *testing.T) {
	t.Parallel()
	phone := "13800138000"
	planted := []string{secret, code, openID, sessionKey, "TOKEN-1", phone, url.QueryEscape(sessionKey)}
	calls := func(client *wechat.Client) []error {
		_, session := client.Code2Session(context.Background(), appID, code)
		_, number := client.PhoneNumber(context.Background(), appID, code, openID)
		_, check := client.CheckSession(context.Background(), appID, openID, sessionKey)
		_, reset := client.ResetUserSessionKey(context.Background(), appID, openID, sessionKey)
		_, text := client.CheckText(context.Background(), appID, openID, phone)
		return []error{session, number, check, reset, text}
	}
	withToken := func(answer http.HandlerFunc) func(*testing.T) string {
		return func(t *testing.T) string {
			v := newVendor(t)
			for _, path := range []string{code2Session, phoneNumber, checkSession, resetKey, textCheck} {
				v.on(path, answer)
			}
			return v.URL
		}
	}
	echo := func(r *http.Request) string {
		said, _ := io.ReadAll(r.Body)
		repeated := r.URL.String() + " " + string(said)
		for _, values := range r.URL.Query() {
			repeated += " " + strings.Join(values, " ")
		}
		asJSON, _ := json.Marshal(repeated)
		return string(asJSON)
	}
	servers := map[string]func(*testing.T) string{
		"errmsg repeats the request": withToken(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"errcode":40029,"errmsg":%s}`, echo(r))
		}),
		"answer repeats the request": withToken(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, echo(r)) }),
		"status repeats the request": withToken(func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), http.StatusBadGateway) }),
		"not HTTP, repeats the request": func(t *testing.T) string {
			return rawServer(t, func(conn net.Conn) {
				buffer := make([]byte, 4096)
				n, _ := conn.Read(buffer)
				_, _ = conn.Write(buffer[:n])
			})
		},
		"nobody listens": func(*testing.T) string { return "http://127.0.0.1:1" },
		"no such host":   func(*testing.T) string { return "http://host.invalid" },
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, err := range calls(newClient(server(t))) {
				requireSilent(t, err, planted)
			}
		})
	}
	t.Run("transport repeats the URL", func(t *testing.T) {
		t.Parallel()
		client := newClient("", func(o *wechat.Options) {
			o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("cannot fetch " + r.URL.String())}
			})
		})
		for _, err := range calls(client) {
			requireSilent(t, err, planted)
		}
	})
}

func requireSilent(t *testing.T, err error, planted []string) {
	t.Helper()
	failureOf(t, err)
	seen := fmt.Sprintf("%s %v %+v %q", err, err, err, err)
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		seen += fmt.Sprintf(" %#v %+v", inner, inner)
	}
	asJSON, _ := json.Marshal(err)
	seen += string(asJSON)
	for _, value := range planted {
		require.NotContains(t, seen, value)
	}
	require.NotContains(t, seen, "://")
	require.NotContains(t, seen, "\n")
}

func TestErrmsgIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	long, err := json.Marshal("a\r\nb\u2028c\x7f" + strings.Repeat("码", 5000))
	require.NoError(t, err)
	v.says(code2Session, `{"errcode":40029,"errmsg":`+string(long)+`}`)
	_, err = v.client().Code2Session(t.Context(), appID, code)
	errmsg := failureOf(t, err).Errmsg
	require.True(t, strings.HasPrefix(errmsg, "a  b c 码"), errmsg)
	require.LessOrEqual(t, len(errmsg), 300)
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for kind := wechat.KindUnavailable; kind <= wechat.KindRefused; kind++ {
		require.NotContains(t, kind.String(), "kind_")
		names[kind.String()] = true
	}
	require.Len(t, names, int(wechat.KindRefused))
}

func TestTypesWithSecretsPrintAsRedacted(t *testing.T) {
	t.Parallel()
	const canary = "CANARY"
	values := []any{
		wechat.App{ID: appID, Secret: canary},
		wechat.Session{OpenID: canary, UnionID: canary, SessionKey: canary},
		wechat.PhoneInfo{PhoneNumber: canary, PurePhoneNumber: canary, CountryCode: "86"},
		wechat.Encrypted{Data: canary, IV: canary},
		wechat.Profile{OpenID: canary, NickName: canary, AvatarURL: canary, UnionID: canary},
	}
	for _, value := range values {
		var seen strings.Builder
		for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&seen, nil)), slog.New(slog.NewJSONHandler(&seen, nil))} {
			logger.Info("x", "value", value, "inside", map[string]any{"v": value})
		}
		fmt.Fprintf(&seen, "%v %+v %#v %s %q", value, value, value, value, value)
		fmt.Fprintf(&seen, "%v %+v", []any{value}, struct{ V any }{value})
		asJSON, err := json.Marshal([]any{value, &value})
		require.NoError(t, err)
		seen.Write(asJSON)
		require.NotContains(t, seen.String(), canary)
		require.Contains(t, seen.String(), "redacted")
	}
}
