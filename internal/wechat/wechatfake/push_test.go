package wechatfake_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

func sha1OfSorted(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// inbox is a server that receives pushes.
type inbox struct {
	url     string
	mu      sync.Mutex
	methods []string
	queries []url.Values
	bodies  [][]byte
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.methods, in.queries, in.bodies = append(in.methods, r.Method), append(in.queries, r.URL.Query()), append(in.bodies, body)
		if echo := r.URL.Query().Get("echostr"); echo != "" {
			_, _ = io.WriteString(w, echo)
			return
		}
		_, _ = io.WriteString(w, "success")
	}))
	t.Cleanup(server.Close)
	in.url = server.URL + "/wechat/events/x?keep=1"
	return in
}

func TestPlainPush(t *testing.T) {
	t.Parallel()
	b, in := setup(t), newInbox(t)
	got, err := b.fake.Push(t.Context(), wechatfake.Push{
		AppID: shopApp, User: "alice", Event: wechatfake.EventRevoked, URL: in.url, RevokeInfo: "8",
	})
	require.NoError(t, err)
	require.Equal(t, []wechatfake.Delivery{{Status: 200, Body: "success"}}, got)

	q := in.queries[0]
	require.Equal(t, "1", q.Get("keep"))
	require.Equal(t, "1767323045", q.Get("timestamp"))
	require.Equal(t, sha1OfSorted(pushToken, q.Get("timestamp"), q.Get("nonce")), q.Get("signature"))
	var message map[string]any
	require.NoError(t, json.Unmarshal(in.bodies[0], &message))
	require.Equal(t, "user_authorization_revoke", message["Event"])
	require.Equal(t, "event", message["MsgType"])
	require.Equal(t, b.fake.OpenID(shopApp, "alice"), message["OpenID"])
	require.NotEqual(t, message["OpenID"], message["FromUserName"])
	require.Equal(t, shopApp, message["AppID"])
	require.Equal(t, "8", message["RevokeInfo"])
	require.EqualValues(t, 1767323045, message["CreateTime"])
}

func TestSecurePush(t *testing.T) {
	t.Parallel()
	for _, format := range []string{wechatfake.PushJSON, wechatfake.PushXML} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b, in := setup(t), newInbox(t)
			_, err := b.fake.Push(t.Context(), wechatfake.Push{
				AppID: shopApp, User: "alice", Event: wechatfake.EventCancelled, URL: in.url,
				Mode: wechatfake.PushSecure, Format: format,
			})
			require.NoError(t, err)
			var envelope struct{ ToUserName, Encrypt string }
			var message struct{ OpenID, AppID, Event string }
			decode := func(body []byte, into any) {
				if format == wechatfake.PushXML {
					require.NoError(t, xml.Unmarshal(body, into))
				} else {
					require.NoError(t, json.Unmarshal(body, into))
				}
			}
			decode(in.bodies[0], &envelope)
			q := in.queries[0]
			require.Equal(t, "aes", q.Get("encrypt_type"))
			require.Equal(t, sha1OfSorted(pushToken, q.Get("timestamp"), q.Get("nonce"), envelope.Encrypt), q.Get("msg_signature"))

			key, err := base64.StdEncoding.DecodeString(aesKey + "=")
			require.NoError(t, err)
			sealed, err := base64.StdEncoding.DecodeString(envelope.Encrypt)
			require.NoError(t, err)
			require.Zero(t, len(sealed)%32, "padded to 32")
			plain := openCBC(t, key, key[:16], sealed)
			n := binary.BigEndian.Uint32(plain[16:20])
			decode(plain[20:20+n], &message)
			require.Equal(t, shopApp, string(plain[20+n:]))
			require.Equal(t, "user_authorization_cancellation", message.Event)
			require.Equal(t, b.fake.OpenID(shopApp, "alice"), message.OpenID)
		})
	}
}

func TestPushDuplicatesAndOverrides(t *testing.T) {
	t.Parallel()
	b, in := setup(t), newInbox(t)
	got, err := b.fake.Push(t.Context(), wechatfake.Push{
		AppID: shopApp, User: "alice", Event: wechatfake.EventMediaCheckDone, URL: in.url, Format: wechatfake.PushXML, Count: 3,
		Data: map[string]any{"trace_id": "t]]>1", "errcode": -1008.0, "detail": nil, "result": map[string]any{"label": "100"}},
	})
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, in.bodies[0], in.bodies[2], "the same message")
	require.Equal(t, in.queries[0], in.queries[2])
	var message struct {
		TraceID string `xml:"trace_id"`
		ErrCode string `xml:"errcode"`
		Suggest string `xml:"result>suggest"`
		Label   string `xml:"result>label"`
	}
	require.NoError(t, xml.Unmarshal(in.bodies[0], &message))
	require.Equal(t, "t]]>1", message.TraceID)
	require.Equal(t, "-1008", message.ErrCode)
	require.Equal(t, "pass", message.Suggest)
	require.Equal(t, "100", message.Label)
}

func TestURLVerification(t *testing.T) {
	t.Parallel()
	b, in := setup(t), newInbox(t)
	got, err := b.fake.Push(t.Context(), wechatfake.Push{AppID: shopApp, User: "alice", Event: wechatfake.EventVerifyURL, URL: in.url})
	require.NoError(t, err)
	q := in.queries[0]
	require.Equal(t, http.MethodGet, in.methods[0])
	require.Equal(t, q.Get("echostr"), got[0].Body)
	require.Equal(t, sha1OfSorted(pushToken, q.Get("timestamp"), q.Get("nonce")), q.Get("signature"))
}

func TestPushRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := wechatfake.Push{AppID: shopApp, User: "alice", Event: wechatfake.EventInfoModified, URL: "http://127.0.0.1:1/"}
	tests := []struct {
		name   string
		change func(*wechatfake.Push)
		want   string
	}{
		{"another machine", func(p *wechatfake.Push) { p.URL = "http://192.0.2.1/" }, "this machine only"},
		{"a name", func(p *wechatfake.Push) { p.URL = "http://localhost.example.org/" }, "this machine only"},
		{"a trick", func(p *wechatfake.Push) { p.URL = "http://127.0.0.1@example.org/" }, "http or https URL"},
		{"no HTTP", func(p *wechatfake.Push) { p.URL = "file:///etc/passwd" }, "http or https URL"},
		{"no URL", func(p *wechatfake.Push) { p.URL = "" }, "url is required"},
		{"unknown event", func(p *wechatfake.Push) { p.Event = "kf" }, "event must be one of"},
		{"unknown mode", func(p *wechatfake.Push) { p.Mode = "half" }, "mode must be"},
		{"unknown format", func(p *wechatfake.Push) { p.Format = "yaml" }, "format must be"},
		{"too many", func(p *wechatfake.Push) { p.Count = 11 }, "count must be"},
		{"no user", func(p *wechatfake.Push) { p.User = "" }, "user is required"},
		{"no token", func(p *wechatfake.Push) { p.AppID = clubApp }, "has no push token"},
	}
	for _, tt := range tests {
		p := good
		tt.change(&p)
		_, err := b.fake.Push(t.Context(), p)
		require.ErrorContains(t, err, tt.want, tt.name)
	}
	bare := setupWith(t, wechatfake.Options{Apps: []wechatfake.App{{ID: loneApp, Token: pushToken}}})
	secure := good
	secure.AppID, secure.Mode = loneApp, wechatfake.PushSecure
	_, err := bare.fake.Push(t.Context(), secure)
	require.ErrorContains(t, err, "no valid EncodingAESKey")
}

func TestPushThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	got, err := b.fake.Push(t.Context(), wechatfake.Push{AppID: shopApp, User: "alice", Event: wechatfake.EventInfoModified, URL: closed.URL})
	require.NoError(t, err)
	require.Contains(t, got[0].Error, "connection refused")
	require.NotContains(t, got[0].Error, "signature")
}

func TestPushFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	away := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusTemporaryRedirect))
	t.Cleanup(away.Close)
	got, err := b.fake.Push(t.Context(), wechatfake.Push{AppID: shopApp, User: "alice", Event: wechatfake.EventInfoModified, URL: away.URL})
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, got[0].Status)
}
