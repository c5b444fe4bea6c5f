package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/graph"
	"mpauth/internal/account"
	"mpauth/internal/authn"
)

// endpoint is the GraphQL endpoint of a service that has one app and nothing behind it: enough for what
// is decided before a verb is called.
func endpoint(t testing.TB, log io.Writer) http.Handler { return newFront(t, log, false) }

// open is the same endpoint with introspection.
func open(t testing.TB) http.Handler { return newFront(t, io.Discard, true) }

func newFront(t testing.TB, log io.Writer, introspection bool) http.Handler {
	t.Helper()
	apps, err := account.NewApps(account.App{AppID: "wx0000000000000000", Flow: account.Flow{account.FactPhone}})
	require.NoError(t, err)
	logger := slog.New(slog.NewTextHandler(log, nil))
	handler := graph.NewHandler(graph.Options{
		Account: account.New(account.Options{Apps: apps, Log: logger}), Introspection: introspection, Log: logger,
	})
	return (&authn.Authenticator{}).Middleware(handler)
}

// answer is what a client reads; Data is nil when the answer has none, and "null" when it has null.
type answer struct {
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

func post(t testing.TB, h http.Handler, body io.Reader, header http.Header) (*httptest.ResponseRecorder, answer) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/graphql", body)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a), "%s", w.Body)
	return w, a
}

const marker = "planted-in-the-body"

func TestRequestIsOnePlainJSONObject(t *testing.T) {
	t.Parallel()
	flow := `{"query":"{authFlow{flow}}"}`
	cases := map[string]struct {
		contentType string
		body        string
		status      int
	}{
		"plain":                       {"application/json", flow, 200},
		"with charset":                {"application/json; charset=UTF-8", flow, 200},
		"other charset":               {"application/json; charset=utf-16", flow, 415},
		"a form":                      {"application/x-www-form-urlencoded", "query=" + marker, 415},
		"multipart":                   {"multipart/form-data; boundary=x", marker, 415},
		"text":                        {"text/plain", flow, 415},
		"none":                        {"", flow, 415},
		"broken media type":           {"application/json; x", flow, 415},
		"not JSON":                    {"application/json", marker, 400},
		"a batch":                     {"application/json", "[" + flow + "]", 400},
		"something behind":            {"application/json", flow + `{"query":"` + marker + `"}`, 400},
		"a name twice":                {"application/json", `{"query":"{authFlow{flow}}","query":"` + marker + `"}`, 400},
		"a name twice but for case":   {"application/json", `{"query":"{authFlow{flow}}","Query":"` + marker + `"}`, 400},
		"a name twice in depth":       {"application/json", `{"query":"{authFlow{flow}}","variables":{"a":[{"` + marker + `":1,"` + marker + `":2}]}}`, 400},
		"not UTF-8":                   {"application/json", `{"query":"{authFlow{flow}} #` + "\xff" + `"}`, 400},
		"nested without end":          {"application/json", `{"query":"{authFlow{flow}}","variables":{"a":` + strings.Repeat("[", 5000), 400},
		"query of the wrong type":     {"application/json", `{"query":["` + marker + `"]}`, 400},
		"empty":                       {"application/json", "", 400},
		"cut":                         {"application/json", flow[:10], 400},
		"longer than 64 KB":           {"application/json", `{"query":"` + strings.Repeat(" ", 65<<10) + `"}`, 413},
		"null is not an object":       {"application/json", "null", 400},
		"no query":                    {"application/json", "{}", 400},
		"a query that does not parse": {"application/json", `{"query":"{!"}`, 200},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := post(t, endpoint(t, io.Discard), strings.NewReader(c.body), http.Header{"Content-Type": {c.contentType}})
			require.Equal(t, c.status, w.Code, "%s", w.Body)
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.NotContains(t, w.Body.String(), marker, "the body is never repeated")
			if len(a.Errors) > 0 {
				require.Nil(t, a.Data)
				require.Equal(t, "BAD_INPUT", a.Errors[0].Extensions["code"])
			}
		})
	}
}

// A body whose length is not announced is bounded all the same.
func TestChunkedOversize413(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(endpoint(t, io.Discard))
	t.Cleanup(server.Close)
	body := io.MultiReader(strings.NewReader(`{"query":"`), bytes.NewReader(bytes.Repeat([]byte(" "), 1<<20)), strings.NewReader(`"}`))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
}

// Without a login nothing is begun: the answer has no data, so that a client may safely repeat it.
func TestAuthenticationIsDecidedBeforeAnythingIsResolved(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		query   string
		refused bool
	}{
		"public":                   {`{authFlow{flow}}`, false},
		"only the type name":       {`{__typename}`, false},
		"guarded":                  {`{me{id}}`, true},
		"guarded beside public":    {`{authFlow{flow} me{id}}`, true},
		"guarded under an alias":   {`{authFlow:me{id}}`, true},
		"guarded in a fragment":    {`query{...f} fragment f on Query{me{id}}`, true},
		"guarded in an inline one": {`{... on Query{sessions{id}}}`, true},
		"public in a fragment":     {`query{...f} fragment f on Query{authFlow{flow}}`, false},
		"a mutation":               {`mutation{unbindPhone{user{id}}}`, true},
		"skipped all the same":     {`{me @skip(if:true){id} authFlow{flow}}`, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]string{"query": c.query})
			require.NoError(t, err)
			_, a := post(t, endpoint(t, io.Discard), bytes.NewReader(body), http.Header{"Content-Type": {"application/json"}})
			if !c.refused {
				require.NotNil(t, a.Data, "%v", a.Errors)
				return
			}
			require.Nil(t, a.Data)
			require.Len(t, a.Errors, 1)
			require.Equal(t, "UNAUTHENTICATED", a.Errors[0].Extensions["code"])
			require.Equal(t, "RELOGIN", a.Errors[0].Extensions["action"])
			require.Equal(t, false, a.Errors[0].Extensions["retryable"])
		})
	}
}

func TestIntrospectionIsShutUnlessOpened(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`{__schema{types{name}}}`, `{__type(name:\"AuthPayload\"){fields{name}}}`, `{authFlow{flow} ...f} fragment f on Query{__schema{types{name}}}`, `{...{__schema{types{name}}}}`,
	} {
		body := func() io.Reader { return strings.NewReader(`{"query":"` + query + `"}`) }
		_, a := post(t, endpoint(t, io.Discard), body(), http.Header{"Content-Type": {"application/json"}})
		require.Len(t, a.Errors, 1, query)
		require.Equal(t, "BAD_INPUT", a.Errors[0].Extensions["code"], "whoever asks has made a mistake, not the server")
		require.Nil(t, a.Data)
		_, a = post(t, open(t), body(), http.Header{"Content-Type": {"application/json"}})
		require.Empty(t, a.Errors, query)
	}
}

// A resolver that panics, here because there is no service at all, is answered with INTERNAL and
// logged; the process lives on.
func TestPanicIsInternal(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := graph.NewHandler(graph.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	h = (&authn.Authenticator{}).Middleware(h)
	w, a := post(t, h, strings.NewReader(`{"query":"{authFlow{flow}}"}`), http.Header{"Content-Type": {"application/json"}})
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "INTERNAL", a.Errors[0].Extensions["code"])
	require.Equal(t, "internal error", a.Errors[0].Message)
	require.Contains(t, log.String(), "nil pointer", "the log has the cause")
}

// A request whose time is over before it begins is answered, and may be repeated.
func TestLateRequestIsUnavailable(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(late, http.MethodPost, "/graphql", strings.NewReader(`{"query":"{authFlow{flow}}"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	endpoint(t, io.Discard).ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), `"code":"UNAVAILABLE"`)
	require.NotContains(t, w.Body.String(), `"data"`)
}

func TestAnswerTypeIsTheOneAskedFor(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		accept string
		want   string
		status int // for a query that is not valid
	}{
		"nothing":    {"", "application/json; charset=utf-8", 200},
		"anything":   {"*/*", "application/json; charset=utf-8", 200},
		"plain":      {"application/json", "application/json; charset=utf-8", 200},
		"by name":    {"application/graphql-response+json", "application/graphql-response+json; charset=utf-8", 400},
		"among more": {"text/html, application/graphql-response+json;q=0.9", "application/graphql-response+json; charset=utf-8", 400},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Content-Type": {"application/json"}, "Accept": {c.accept}}
			w, _ := post(t, endpoint(t, io.Discard), strings.NewReader(`{"query":"{nope}"}`), header)
			require.Equal(t, c.want, w.Header().Get("Content-Type"))
			require.Equal(t, c.status, w.Code)
		})
	}
}
