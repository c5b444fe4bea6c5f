package telemetry_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/telemetry"
)

// bundle is a handler under Requests, with a clock that takes 250 ms per look and randomness that counts.
type bundle struct {
	log     bytes.Buffer
	handler http.Handler
}

func setup(t *testing.T, routes map[string]http.HandlerFunc) *bundle {
	t.Helper()
	b := &bundle{}
	mux := http.NewServeMux()
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { at = at.Add(250 * time.Millisecond); return at }
	random := strings.NewReader("0123456789ABCDEFGHIJ")
	b.handler = telemetry.Requests(telemetry.NewLogger(&b.log, "json", slog.LevelInfo), now, random, mux)
	return b
}

func (b *bundle) serve(request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, request)
	return recorder
}

// event returns the one event that was logged.
func (b *bundle) event(t *testing.T) map[string]any {
	t.Helper()
	require.Equal(t, 1, strings.Count(b.log.String(), "\n"), b.log.String())
	var event map[string]any
	require.NoError(t, json.Unmarshal(b.log.Bytes(), &event))
	return event
}

func TestOneEventPerRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]http.HandlerFunc{"POST /graphql": func(w http.ResponseWriter, r *http.Request) {
		telemetry.Annotate(r.Context(), slog.String("operation", "me"), slog.String("app_id", "wx4f4bc4dec97d474b"))
		telemetry.Annotate(r.Context(), slog.String("operation", "silentLogin"), slog.String("openid", openID))
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "hello")
	}})
	request := httptest.NewRequest(http.MethodPost, "/graphql?secret="+appSecret, nil)
	request.RemoteAddr = "10.1.2.3:4567"
	reply := b.serve(request)

	event := b.event(t)
	delete(event, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "method": "POST", "route": "POST /graphql", "status": 202.0, "duration_ms": 250.0, "bytes": 5.0,
		"remote": "private", "operation": "silentLogin", "app_id": "wx4f4bc4dec97d474b", "openid": "sha256:8312f09bb3c8", "request_id": "30313233343536373839",
	}, event)
	require.Equal(t, "30313233343536373839", reply.Header().Get("X-Request-Id"))
	requireClean(t, b.log.String())
}

func TestStatusOfQuietHandlers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  float64
		level   string
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 200, "INFO"},
		{"only a body", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, 200, "INFO"},
		{"the first counts", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, 404, "INFO"},
		{"early hints are news", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(503) }, 503, "ERROR"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, map[string]http.HandlerFunc{"/": test.handler})
			b.serve(httptest.NewRequest(http.MethodGet, "/", nil))
			event := b.event(t)
			require.InDelta(t, test.status, event["status"], 0)
			require.Equal(t, test.level, event["level"])
		})
	}
}

// Neither path nor query nor a made-up method of a client reaches the log: a code or a token may be in them.
func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]http.HandlerFunc{"GET /avatars/{key}": func(http.ResponseWriter, *http.Request) {}})
	b.serve(httptest.NewRequest("STEAL", "/hunter2?x=hunter2", nil))
	event := b.event(t)
	require.Equal(t, "unmatched", event["route"])
	require.Equal(t, "other", event["method"])
	require.InDelta(t, 404, event["status"], 0)
	require.NotContains(t, b.log.String(), "hunter2")

	b = setup(t, map[string]http.HandlerFunc{"GET /avatars/{key}": func(http.ResponseWriter, *http.Request) {}})
	b.serve(httptest.NewRequest(http.MethodGet, "/avatars/hunter2", nil))
	require.Equal(t, "GET /avatars/{key}", b.event(t)["route"])
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	const fresh = "30313233343536373839"
	for given, want := range map[string]string{
		"":                                     fresh,
		"abc-123_x.Y":                          "abc-123_x.Y",
		"0123456789abcdef0123456789abcdef":     "0123456789abcdef0123456789abcdef",
		"018f7bfd-7102-7678-abb4-57b99d7cb593": "018f7bfd-7102-7678-abb4-57b99d7cb593",
		"with blank":                           fresh,
		"line\nbreak":                          fresh,
		`"quoted"`:                             fresh,
		"-dash":                                fresh,
		"ünï":                                  fresh,
		strings.Repeat("a", 65):                fresh,
		jwt[:36]:                               fresh,
		phoneCode:                              fresh,
		mobile:                                 fresh,
	} {
		var inside string
		b := setup(t, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) { inside = telemetry.RequestID(r.Context()) }})
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("X-Request-Id", given)
		reply := b.serve(request)
		require.Equal(t, want, inside, given)
		require.Equal(t, want, reply.Header().Get("X-Request-Id"), given)
		require.Equal(t, want, b.event(t)["request_id"], given)
	}
	require.Empty(t, telemetry.RequestID(context.Background()))
	telemetry.Annotate(context.Background(), slog.String("to", "nobody")) // does nothing, and does not panic
}

func TestEventsOfARequestCarryItsID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	handler := telemetry.Requests(log, time.Now, strings.NewReader("0123456789"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.With("a", 1).InfoContext(r.Context(), "inside")
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, 2, strings.Count(out.String(), `"request_id":"30313233343536373839"`), out.String())

	out.Reset()
	plain := slog.New(slog.NewJSONHandler(&out, nil))
	telemetry.Requests(plain, time.Now, strings.NewReader("0123456789"), http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, 1, strings.Count(out.String(), `"request_id":"30313233343536373839"`), "also with somebody else's logger")
}

func TestRemote(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:1": "loopback", "[::1]:1": "loopback", "[::ffff:127.0.0.1]:1": "loopback", "192.168.1.1:1": "private", "[fd00::1]:1": "private",
		"[fe80::1%eth0]:1": "private", "8.8.8.8:1": "public", "[2001:db8::1]:1": "public", "@": "unknown", "": "unknown",
	} {
		b := setup(t, nil)
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.RemoteAddr = address
		b.serve(request)
		require.Equal(t, want, b.event(t)["remote"], address)
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	for _, failure := range []any{errors.New("boom " + sessionKey), "boom " + sessionKey, struct{ Boom string }{sessionKey}} {
		b := setup(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			telemetry.Annotate(r.Context(), slog.String("operation", "me"))
			panic(failure)
		}})
		reply := b.serve(httptest.NewRequest(http.MethodGet, "/", nil))
		require.Equal(t, http.StatusInternalServerError, reply.Code)
		require.Equal(t, "internal error, request 30313233343536373839\n", reply.Body.String())
		require.Empty(t, reply.Header().Get("Content-Encoding"), "of the answer that was not given")
		require.Equal(t, "30313233343536373839", reply.Header().Get("X-Request-Id"))

		event := b.event(t)
		require.Equal(t, "ERROR", event["level"])
		require.InDelta(t, 500, event["status"], 0)
		require.Equal(t, "me", event["operation"])
		require.Contains(t, event["stack"], "TestPanicIsAnsweredAndLogged")
		require.NotEmpty(t, event["panic"])
		requireClean(t, b.log.String()+reply.Body.String())
	}
}

// After half an answer the connection is cut: net/http does so for ErrAbortHandler, and without a second log line.
func TestPanicAfterTheAnswerBegan(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("boom")
	}})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.serve(httptest.NewRequest(http.MethodGet, "/", nil)) })
	event := b.event(t)
	require.Equal(t, "ERROR", event["level"])
	require.Equal(t, "boom", event["panic"])
	require.InDelta(t, 4, event["bytes"], 0)
}

func TestAbortIsPassedOn(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]http.HandlerFunc{"/": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }})
	recorder := httptest.NewRecorder()
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil)) })
	require.Empty(t, recorder.Body.String())
	event := b.event(t)
	require.InDelta(t, 0, event["status"], 0, "nothing was answered")
	require.NotContains(t, event, "stack")
}

// The process lives on, seen from outside.
func TestServerSurvivesPanics(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var out bytes.Buffer
	log := telemetry.NewLogger(writer(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return out.Write(p) }), "text", slog.LevelInfo)
	server := httptest.NewServer(telemetry.Requests(log, time.Now, endless{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early":
			panic("boom")
		case "/late":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("boom")
		}
	})))
	t.Cleanup(server.Close)
	for range 3 {
		reply, err := http.Get(server.URL + "/early")
		require.NoError(t, err)
		require.NoError(t, reply.Body.Close())
		require.Equal(t, http.StatusInternalServerError, reply.StatusCode)

		reply, err = http.Get(server.URL + "/late")
		require.NoError(t, err)
		_, err = io.ReadAll(bufio.NewReader(reply.Body))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut, not ended")
		require.NoError(t, reply.Body.Close())

		reply, err = http.Get(server.URL + "/fine")
		require.NoError(t, err)
		require.NoError(t, reply.Body.Close())
		require.Equal(t, http.StatusOK, reply.StatusCode)
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 9, strings.Count(out.String(), "msg=request"))
}

func TestAnnotationsFromManyResolvers(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) {
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() { telemetry.Annotate(r.Context(), slog.Int(strings.Repeat("x", i%40+1), i)) })
		}
		group.Wait()
	}})
	b.serve(httptest.NewRequest(http.MethodGet, "/", nil))
	count := 0
	for name := range b.event(t) {
		if strings.Trim(name, "x") == "" {
			count++
		}
	}
	require.Equal(t, 32, count, "bounded")
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
