package tracing_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/telemetry"
	"mpauth/internal/tracing"
	"mpauth/internal/wechat"
)

// receiver is an OTLP/HTTP receiver that can be told to fail.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int // of the next answers; 200 when there are none
	spans    []*tracepb.Span
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.statuses) > 0 {
			w.WriteHeader(r.statuses[0])
			r.statuses = r.statuses[1:]
			return
		}
		var batch tracepb.TracesData
		if err != nil || request.URL.Path != "/v1/traces" || request.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &batch) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// names are those of the spans, each with that of its parent.
func (r *receiver) names() map[string]string {
	names := map[string]string{}
	for _, span := range r.spans {
		parent := ""
		for _, other := range r.spans {
			if bytes.Equal(span.GetParentSpanId(), other.GetSpanId()) {
				parent = other.GetName()
			}
		}
		names[span.GetName()] = parent
	}
	return names
}

// attributes are those of the one span of a name, as text.
func (r *receiver) attributes(t testing.TB, name string) map[string]string {
	t.Helper()
	for _, span := range r.spans {
		if span.GetName() == name {
			found := map[string]string{}
			for _, a := range span.GetAttributes() {
				found[a.GetKey()] = a.GetValue().GetStringValue()
			}
			return found
		}
	}
	require.Fail(t, "no such span", name)
	return nil
}

type setup struct {
	*tracing.Tracer
	log bytes.Buffer
}

func newTracer(endpoint string, change ...func(*tracing.Options)) *setup {
	s := &setup{}
	o := tracing.Options{
		Endpoint: endpoint, OneIn: 1, Trusted: func(r *http.Request) bool { return r.RemoteAddr == "proxy" },
		Pseudonym: func(string) string { return "hashed" }, Now: time.Now, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	s.Tracer = tracing.New(o)
	return s
}

const (
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

func request(peer, parent string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql?secret=inTheURL", nil)
	r.RemoteAddr = peer
	r.Header.Set("Traceparent", parent)
	return r
}

// login is what the packages tell while somebody logs in.
func (s *setup) login(r *http.Request) {
	ctx, ended := s.HTTP(r)
	inField, resolved := s.Field(ctx, "silentLogin")
	s.Database(inField, database.Call{SQL: "INSERT INTO login_codes VALUES ($1)", Duration: time.Millisecond, Err: errors.New("secret in a text")})
	s.WeChat(inField, wechat.Call{API: "jscode2session", AppID: "wx1", OpenID: "oPrivate", Outcome: wechat.OutcomeErrcode, Errcode: 40029})
	resolved(fault.LoginCodeInvalid)
	ended(telemetry.Ended{Route: "POST /graphql", Status: 200, Notes: []slog.Attr{
		slog.String("user_id", "u1"), slog.String("error_code", "LOGIN_CODE_INVALID"), slog.String("private_note", "not exported"),
	}})
}

func TestOneRequestIsOneTrace(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := newTracer(r.URL)
	s.login(request("proxy", traceparent))
	require.NoError(t, s.Close(t.Context()))

	require.Equal(t, map[string]string{
		"POST /graphql": "", "silentLogin": "POST /graphql", "insert": "silentLogin", "jscode2session": "silentLogin",
	}, r.names())
	for _, span := range r.spans {
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", hex.EncodeToString(span.GetTraceId()))
		require.NotContains(t, span.String(), "oPrivate")
		require.NotContains(t, span.String(), "secret")
		require.NotContains(t, span.String(), "not exported")
		if span.GetName() == "insert" {
			require.Equal(t, uint64(time.Millisecond), span.GetEndTimeUnixNano()-span.GetStartTimeUnixNano())
		}
	}
	require.Equal(t, "b7ad6b7169203331", hex.EncodeToString(r.spans[len(r.spans)-1].GetParentSpanId()))
	require.Equal(t, "u1", r.attributes(t, "POST /graphql")["user.id"])
	require.Equal(t, "hashed", r.attributes(t, "jscode2session")["user.hash"])
	require.Equal(t, "other", r.attributes(t, "insert")["error.type"])
	require.Equal(t, "LOGIN_CODE_INVALID", r.attributes(t, "silentLogin")["mpauth.error_code"])
}

func TestWhoDecidesWhatIsTraced(t *testing.T) {
	t.Parallel()
	never := func(o *tracing.Options) { o.OneIn = 1 << 40 }
	cases := map[string]struct {
		request *http.Request
		change  func(*tracing.Options)
		spans   int
		adopted bool
	}{
		"a trusted proxy that traces":               {request("proxy", traceparent), never, 4, true},
		"a trusted proxy that does not":             {request("proxy", unsampled), func(*tracing.Options) {}, 0, false},
		"anybody else is traced in a trace of ours": {request("stranger", traceparent), func(*tracing.Options) {}, 4, false},
		"and as seldom as the operator says":        {request("stranger", traceparent), never, 0, false},
		"a header that is none":                     {request("proxy", "00-x"), func(*tracing.Options) {}, 4, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			s := newTracer(r.URL, c.change)
			s.login(c.request)
			require.NoError(t, s.Close(t.Context()))
			require.Len(t, r.spans, c.spans)
			for _, span := range r.spans {
				require.Equal(t, c.adopted, hex.EncodeToString(span.GetTraceId()) == "0af7651916cd43dd8448eb211c80319c")
			}
		})
	}
}

// TestWorkOfNobodyLeavesNoSpan: the feed alone asks the database four times a second.
func TestWorkOfNobodyLeavesNoSpan(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := newTracer(r.URL)
	s.Database(t.Context(), database.Call{SQL: "SELECT 1"})
	s.WeChat(context.Background(), wechat.Call{API: "stable_token"})
	require.NoError(t, s.Close(t.Context()))
	require.Empty(t, r.spans)
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	t.Parallel()
	s := newTracer("")
	s.login(request("stranger", traceparent))
	require.NoError(t, s.Close(t.Context()))
	require.Empty(t, s.log.String())
}

func TestABusyReceiverIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.statuses = []int{http.StatusServiceUnavailable}
	s := newTracer(r.URL)
	s.login(request("proxy", traceparent))
	require.NoError(t, s.Close(t.Context()))
	require.Len(t, r.spans, 4)
	require.Empty(t, s.log.String())
}

func TestAReceiverThatIsAwayCostsALogLineAndTheSpans(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.statuses = []int{http.StatusBadRequest}
	s := newTracer(r.URL)
	s.login(request("proxy", traceparent))
	require.NoError(t, s.Close(t.Context()))
	require.Empty(t, r.spans)
	require.Contains(t, s.log.String(), "traces cannot be exported")
	require.Contains(t, s.log.String(), "status 400")
}
