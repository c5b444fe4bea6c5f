package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// observedServer is the whole program as an operator sees it: its two ports, its log, and its traces.
type observedServer struct {
	public, operator string
	log              bytes.Buffer // to be read after stop
	spans            []*tracepb.Span
	stop             func()
}

// startObserved runs the program with an operator port and a receiver of traces.
func startObserved(t *testing.T) *observedServer {
	t.Helper()
	s := &observedServer{}
	var mu sync.Mutex
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch tracepb.TracesData
		if err != nil || proto.Unmarshal(body, &batch) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				s.spans = append(s.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(receiver.Close)

	ctx, cancel := context.WithCancel(t.Context())
	banner, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, nil, []string{
			"MPAUTH_LISTEN=127.0.0.1:0", "MPAUTH_OPERATOR_LISTEN=127.0.0.1:0", "MPAUTH_DATA=" + t.TempDir(),
			"MPAUTH_OTLP_ENDPOINT=" + receiver.URL, "MPAUTH_TRUSTED_PROXIES=127.0.0.1", "MPAUTH_LOG_FORMAT=json",
		}, stdout, &s.log)
		_ = stdout.CloseWithError(io.EOF)
		ended <- err
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, banner) }()
		require.NoError(t, <-ended)
	})
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(banner)
	address := regexp.MustCompile(`(GraphQL +|operator port is )(http://[\d.:]+)`)
	for s.operator == "" && lines.Scan() {
		switch found := address.FindStringSubmatch(lines.Text()); {
		case found == nil:
		case strings.HasPrefix(found[1], "GraphQL"):
			s.public = found[2]
		default:
			s.operator = found[2]
		}
	}
	require.NotEmpty(t, s.operator)
	return s
}

// send sends JSON to the public port and returns the answer's JSON.
func (s *observedServer) send(t *testing.T, path, token string, body any) map[string]any {
	t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.public+path, bytes.NewReader(encoded))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", traceOfTheProxy)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	return answer
}

func (s *observedServer) ask(t *testing.T, token, query string) map[string]any {
	t.Helper()
	return s.send(t, "/graphql", token, map[string]any{"query": query})
}

func (s *observedServer) code(t *testing.T, kind string, more map[string]any) string {
	t.Helper()
	request := map[string]any{"user": "ann"}
	maps.Copy(request, more)
	code, _ := s.send(t, "/fakewechat/_control/"+kind, "", request)["code"].(string)
	require.NotEmpty(t, code)
	return code
}

// get reads a path of a port.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(all)
}

const traceOfTheProxy = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestWhatAnOperatorSees has a person log in, give a phone number and leave, and looks at what is left
// of it in metrics, traces and log.
func TestWhatAnOperatorSees(t *testing.T) {
	t.Parallel()
	s := startObserved(t)
	loginCode, phoneCode := s.code(t, "login-code", nil), s.code(t, "phone-code", map[string]any{"phoneNumber": "13800138000"})
	login := s.ask(t, "", fmt.Sprintf(`mutation { silentLogin(input: {code: %q}) { token user { id } } }`, loginCode))
	payload, _ := login["data"].(map[string]any)["silentLogin"].(map[string]any)
	token, _ := payload["token"].(string)
	user, _ := payload["user"].(map[string]any)["id"].(string)
	require.NotContains(t, s.ask(t, token, fmt.Sprintf(`mutation { updatePhone(input: {code: %q}) { user { id } } }`, phoneCode)), "errors")
	require.Contains(t, s.ask(t, token, `mutation { updatePhone(input: {encrypted: {iv: "AAAAAAAAAAAAAAAAAAAAAA==", encryptedData: "AAAA"}}) { user { id } } }`), "errors")
	require.NotContains(t, s.ask(t, token, `mutation { logout { ok } }`), "errors")

	secrets := []string{loginCode, phoneCode, token, "13800138000", "AAAA"}
	t.Run("metrics", func(t *testing.T) { requireMetrics(t, s, append(secrets, user)) })
	s.stop()
	t.Run("traces", func(t *testing.T) { requireTraces(t, s.spans, secrets) })
	t.Run("log", func(t *testing.T) { requireLog(t, s.log.String(), user, secrets) })
}

// TestOperatorIsToldOnceThatTheAppSecretIsWrong has people ask in vain for as long as it takes.
func TestOperatorIsToldOnceThatTheAppSecretIsWrong(t *testing.T) {
	t.Parallel()
	s := startObserved(t)
	s.send(t, "/fakewechat/_control/faults", "", map[string]any{"endpoint": "jscode2session", "kind": "errcode", "errcode": 40125, "count": 0})
	for range 3 {
		login := s.ask(t, "", fmt.Sprintf(`mutation { silentLogin(input: {code: %q}) { token } }`, s.code(t, "login-code", nil)))
		refused, _ := login["errors"].([]any)[0].(map[string]any)["extensions"].(map[string]any)
		require.Equal(t, "INTERNAL", refused["code"])
		require.Equal(t, "NONE", refused["action"], "no request can mend it")
	}
	s.stop()
	var told []string
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			told = append(told, line)
		}
	}
	require.Len(t, told, 1)
	for _, part := range []string{
		"WeChat refuses how an app is set up", `"app_id":"wx0000000000demo00"`, `"api":"jscode2session"`, `"errcode":40125`,
		"the AppSecret is wrong: set the one of this AppID",
	} {
		require.Contains(t, told[0], part)
	}
}

func requireMetrics(t *testing.T, s *observedServer, secrets []string) {
	t.Helper()
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		status, _ := get(t, s.public+path)
		require.Equal(t, http.StatusNotFound, status, "%s is not for the public", path)
		status, _ = get(t, s.operator+path)
		require.Equal(t, http.StatusOK, status, path)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		for _, port := range []string{s.public, s.operator} {
			status, body := get(t, port+path)
			require.Equal(t, http.StatusOK, status, body)
		}
	}
	_, text := get(t, s.operator+"/metrics")
	for _, secret := range secrets {
		require.NotContains(t, text, secret)
	}
	const app = `app="wx0000000000demo00"`
	for _, series := range []string{
		`mpauth_graphql_requests_total{code="OK",field="silentLogin"} 1`,
		`mpauth_graphql_requests_total{code="DECRYPT_WX_OPEN_DATA_FAIL",field="updatePhone"} 1`,
		`mpauth_http_requests_total{route="POST /graphql",status="200"} 4`,
		`mpauth_wechat_calls_total{api="jscode2session",` + app + `,errcode="",outcome="ok"} 1`,
		`mpauth_wechat_calls_total{api="stable_token",` + app + `,errcode="",outcome="ok"} 1`,
		`mpauth_account_events_total{action="login",` + app + `,first="",how="new"} 1`,
		`mpauth_account_events_total{action="phone.bind",` + app + `,first="yes",how="code"} 1`,
		`mpauth_account_events_total{action="logout",` + app + `,first="",how=""} 1`,
		`mpauth_decrypt_failures_total{` + app + `,cause="length"} 1`,
		`mpauth_session_key_cache_lookups_total{result="hit"} 1`,
		`mpauth_revocations_known{kind="session"} 1`,
		`go_sql_max_open_connections{db_name="mpauth"} 20`,
	} {
		require.Contains(t, text, series+"\n")
	}
	// All that is in the catalogue is there, and nothing else of ours.
	catalogue, err := os.ReadFile("deploy/prometheus/metrics.txt")
	require.NoError(t, err)
	declared := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE ((?:mpauth|go_sql)_\w+) (\w+)$`).FindAllStringSubmatch(text, -1) {
		declared[line[1]+" "+line[2]] = true
	}
	for line := range strings.Lines(string(catalogue)) {
		name := strings.Join(strings.Fields(line)[:2], " ")
		require.True(t, declared[name] || strings.HasPrefix(name, "mpauth_database_failures_total "), "%s is not there", name)
		delete(declared, name)
	}
	require.Empty(t, declared, "not in the catalogue")
}

func requireTraces(t *testing.T, spans []*tracepb.Span, secrets []string) {
	t.Helper()
	byID, names := map[string]*tracepb.Span{}, map[string]int{}
	for _, span := range spans {
		if span.GetName() == "unmatched" {
			continue // the look for /metrics in the wrong place, which no proxy has begun
		}
		byID[string(span.GetSpanId())] = span
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", hex.EncodeToString(span.GetTraceId()))
		for _, secret := range secrets {
			require.NotContains(t, span.String(), secret)
		}
	}
	for _, span := range spans {
		way := span.GetName()
		for parent := byID[string(span.GetParentSpanId())]; parent != nil; parent = byID[string(parent.GetParentSpanId())] {
			way = parent.GetName() + " > " + way
		}
		names[way]++
	}
	for _, way := range []string{
		"POST /graphql > silentLogin > jscode2session", "POST /graphql > silentLogin > insert", "POST /graphql > silentLogin > commit",
		"POST /graphql > updatePhone > stable_token", "POST /graphql > updatePhone > getuserphonenumber", "POST /graphql > logout > delete",
	} {
		require.Contains(t, names, way)
	}
	require.Equal(t, 4, names["POST /graphql"])
	require.NotContains(t, names, "GET /readyz", "probes are not traced")
	require.NotContains(t, names, "select", "the feed and the janitor are nobody's request")
}

func requireLog(t *testing.T, log, user string, secrets []string) {
	t.Helper()
	var events []map[string]any
	for line := range strings.Lines(log) {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		if event["msg"] == "request" && event["route"] == "POST /graphql" {
			events = append(events, event)
		}
	}
	require.Len(t, events, 4)
	for i, operation := range []string{"silentLogin", "updatePhone", "updatePhone", "logout"} {
		require.Equal(t, operation, events[i]["operation"])
		require.Equal(t, "wx0000000000demo00", events[i]["app_id"])
		require.Equal(t, user, events[i]["user_id"])
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", events[i]["trace_id"])
	}
	require.Equal(t, "DECRYPT_WX_OPEN_DATA_FAIL", events[2]["error_code"])
	for _, secret := range secrets {
		require.NotContains(t, log, secret)
	}
}
