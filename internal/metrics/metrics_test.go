package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/metrics"
	"mpauth/internal/sessionkey"
	"mpauth/internal/telemetry"
	"mpauth/internal/wechat"
)

var update = flag.Bool("update", false, "rewrite deploy/prometheus/metrics.txt")

const app = "wx0000000000000000"

func newMetrics() *metrics.Metrics {
	at := time.Unix(1_800_000_000, 0)
	now := func() time.Time { at = at.Add(20 * time.Millisecond); return at }
	return metrics.New(metrics.Options{Apps: []string{app}, Version: "v1", Commit: "c0ffee", Now: now})
}

// scrape reads the metrics as Prometheus does.
func scrape(t testing.TB, m *metrics.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	require.NoError(t, err)
	return families
}

// value is that of the one series with these labels: a counter's, a gauge's, or how many a histogram has seen.
func value(t testing.TB, m *metrics.Metrics, name string, labels ...string) float64 {
	t.Helper()
	want := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	for _, series := range scrape(t, m)[name].GetMetric() {
		have := map[string]string{}
		for _, l := range series.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		if maps.Equal(want, have) {
			return series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	require.Fail(t, "no such series", "%s %v", name, labels)
	return 0
}

func TestWhatIsToldIsCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	ctx := t.Context()

	answered := m.Operation()
	answered("me", "")
	answered("sessions", fault.Unauthenticated)
	require.Equal(t, 1.0, value(t, m, "mpauth_graphql_requests_total", "field", "me", "code", "OK"))
	require.Equal(t, 0.0, value(t, m, "mpauth_graphql_requests_total", "field", "me", "code", "INTERNAL"))
	require.Equal(t, 1.0, value(t, m, "mpauth_graphql_requests_total", "field", "sessions", "code", "UNAUTHENTICATED"))
	require.Equal(t, 1.0, value(t, m, "mpauth_graphql_request_duration_seconds", "field", "me"))

	_, ended := m.HTTP(httptest.NewRequest(http.MethodGet, "/secret-in-the-path", nil))
	ended(telemetry.Ended{Route: "GET /verify", Status: 401, Duration: time.Second})
	require.Equal(t, 1.0, value(t, m, "mpauth_http_requests_total", "route", "GET /verify", "status", "401"))

	call := wechat.Call{API: "jscode2session", AppID: app, OpenID: "oPrivate", Outcome: wechat.OutcomeErrcode, Errcode: 40029}
	m.WeChat(ctx, call)
	call.Outcome, call.Errcode = wechat.OutcomeQuota, 0
	m.WeChat(ctx, call)
	require.Equal(t, 1.0, value(t, m, "mpauth_wechat_calls_total", "app", app, "api", "jscode2session", "outcome", "errcode", "errcode", "40029"))
	require.Equal(t, 1.0, value(t, m, "mpauth_wechat_calls_total", "app", app, "api", "jscode2session", "outcome", "quota", "errcode", ""))
	require.Equal(t, 1.0, value(t, m, "mpauth_wechat_call_duration_seconds", "api", "jscode2session"), "what was held back took no time")

	m.Account(account.Event{AppID: app, Action: account.ActionBindPhone, How: "code", First: true})
	m.Account(account.Event{AppID: app, Action: account.ActionRefuseData, How: "padding"})
	require.Equal(t, 1.0, value(t, m, "mpauth_account_events_total", "app", app, "action", "phone.bind", "how", "code", "first", "yes"))
	require.Equal(t, 0.0, value(t, m, "mpauth_account_events_total", "app", app, "action", "sessionkey.drop", "how", "", "first", ""))
	require.Equal(t, 1.0, value(t, m, "mpauth_decrypt_failures_total", "app", app, "cause", "padding"))
	require.Equal(t, 0.0, value(t, m, "mpauth_decrypt_failures_total", "app", app, "cause", "json"))

	m.Database(ctx, database.Call{SQL: "SELECT 1"})
	m.Database(ctx, database.Call{SQL: "INSERT INTO a", Err: &pq.Error{Code: "23505"}})
	require.Equal(t, 1.0, value(t, m, "mpauth_database_failures_total", "statement", "insert", "class", "unique"))
	require.Equal(t, 1.0, value(t, m, "mpauth_database_statement_duration_seconds", "statement", "select"))

	m.SessionKeyCache(sessionkey.Hit)
	require.Equal(t, 1.0, value(t, m, "mpauth_session_key_cache_lookups_total", "result", "hit"))
	require.Equal(t, 1.0, value(t, m, "mpauth_build_info", "version", "v1", "commit", "c0ffee"))
}

// TestNobodyOutsideMakesSeries: whatever a stranger, or WeChat, comes up with ends in one series.
func TestNobodyOutsideMakesSeries(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	series := func() (n int) {
		for _, family := range scrape(t, m) {
			n += len(family.GetMetric())
		}
		return n
	}
	stranger := func(i int) {
		m.WeChat(t.Context(), wechat.Call{
			API: "checksession", AppID: "wx" + strconv.Itoa(i), OpenID: "o" + strconv.Itoa(i), Outcome: wechat.OutcomeErrcode, Errcode: 90000 + i,
		})
		m.Account(account.Event{AppID: "wx" + strconv.Itoa(i), Action: account.ActionLogout})
		m.Database(t.Context(), database.Call{SQL: fmt.Sprintf("%dSELECT", i), Err: errors.New(strconv.Itoa(i))})
	}
	stranger(0)
	before := series()
	for i := range 100 {
		stranger(i)
	}
	require.Equal(t, before, series())
	require.Equal(t, 101.0, value(t, m, "mpauth_wechat_calls_total", "app", "other", "api", "checksession", "outcome", "errcode", "errcode", "other"))
}

// open are the labels whose values are not known beforehand.
var open = []string{"app", "route", "status", "field", "version", "commit", "db_name"}

// TestCatalogue keeps the list of all metrics, which the dashboard and the alert rules are checked
// against by scripts/tools/queries: a query that names anything else finds nothing, for ever, and in silence.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	exercise(t, m)
	var lines []string
	for name, family := range scrape(t, m) {
		if strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "go_sql_") || strings.HasPrefix(name, "process_") {
			continue // these are the library's, and differ between systems
		}
		labels := map[string][]string{}
		for _, series := range family.GetMetric() {
			for _, l := range series.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		line := name + "\t" + strings.ToLower(family.GetType().String())
		for _, label := range slices.Sorted(maps.Keys(labels)) {
			values := "*"
			if !slices.Contains(open, label) {
				slices.Sort(labels[label])
				values = strings.Join(slices.Compact(labels[label]), "|")
			}
			line += "\t" + label + "=" + values
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "../../deploy/prometheus/metrics.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run go test ./internal/metrics -update, and see what the queries in deploy/ say to it")
}

// exercise has every closed label take all its values.
func exercise(t *testing.T, m *metrics.Metrics) {
	t.Helper()
	ctx := t.Context()
	pool := sql.OpenDB(nil)
	m.Follow(metrics.State{
		Pool: pool, FeedAge: func() time.Duration { return time.Second }, Revoked: func() (int, int) { return 1, 2 },
		Keys: func() map[string]time.Time {
			since := map[string]time.Time{}
			for _, kind := range []string{"signing", "refresh", "session", "phone", "phoneIndex", "audit"} {
				since[kind] = time.Unix(1_800_000_000, 0)
			}
			return since
		},
	})
	_, ended := m.HTTP(httptest.NewRequest(http.MethodGet, "/", nil))
	ended(telemetry.Ended{Route: "unmatched", Status: 404})
	for _, code := range fault.Codes() {
		m.Operation()("me", code)
	}
	m.Operation()("me", "")
	for _, api := range []string{"jscode2session", "stable_token", "getuserphonenumber", "checksession", "resetusersessionkey", "msg_sec_check"} {
		for _, outcome := range []wechat.Outcome{
			wechat.OutcomeOK, wechat.OutcomeErrcode, wechat.OutcomeStatus, wechat.OutcomeMalformed, wechat.OutcomeTimeout,
			wechat.OutcomeCanceled, wechat.OutcomeConnect, wechat.OutcomeTLS, wechat.OutcomeCut, wechat.OutcomeHeld, wechat.OutcomeQuota,
		} {
			m.WeChat(ctx, wechat.Call{API: api, AppID: app, Outcome: outcome})
		}
	}
	for errcode := -1; errcode < 100_000; errcode++ {
		m.WeChat(ctx, wechat.Call{API: "checksession", AppID: app, Outcome: wechat.OutcomeErrcode, Errcode: errcode})
	}
	for _, action := range []account.Action{
		account.ActionReplaced, account.ActionEvicted, account.ActionLogout, account.ActionExpired, account.ActionUnbindPhone, account.ActionRemoveProfile,
	} {
		m.Account(account.Event{AppID: app, Action: action})
	}
	for _, how := range []string{"new", "returning"} {
		m.Account(account.Event{AppID: app, Action: account.ActionLogin, How: how})
	}
	for _, how := range []string{"code", "encryptedData"} {
		m.Account(account.Event{AppID: app, Action: account.ActionBindPhone, How: how, First: true})
	}
	for _, how := range []string{"nickname", "avatar", "nickname and avatar", "encryptedData"} {
		m.Account(account.Event{AppID: app, Action: account.ActionUpdateProfile, How: how})
	}
	for _, sql := range []string{"select", "insert", "update", "delete", "begin", "commit", "rollback", "ping", "connect", "pragma"} {
		for _, err := range []error{
			context.Canceled, context.DeadlineExceeded, &pq.Error{Code: "40001"}, &pq.Error{Code: "23505"}, errors.New("else"),
		} {
			m.Database(ctx, database.Call{SQL: sql, Err: err})
		}
	}
	for _, lookup := range []sessionkey.Lookup{sessionkey.Hit, sessionkey.Miss, sessionkey.Stale} {
		m.SessionKeyCache(lookup)
	}
}
