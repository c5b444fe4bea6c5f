// Package metrics owns the numbers that an operator can scrape.
//
// The packages that do the work know nothing of Prometheus: each tells what it does to a function that
// it is given, and this package makes those functions. No number is about a person, and every label
// takes its values from a closed list (routes, fields of the schema, codes, configured apps, WeChat's
// published errcodes), so that nobody outside can make the numbers grow. The registry is the server's
// own; the global one of the library is not used.
package metrics

import (
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mpauth/internal/account"
)

// other stands for every value that is not on the list of its label.
const other = "other"

// Options are what Metrics need; all of them are required.
type Options struct {
	Apps            []string // the AppIDs that are served
	Version, Commit string   // of this program
	Now             func() time.Time
}

// Metrics counts and measures. Its methods are made to be handed to the packages that they are named
// after, and are safe for concurrent use.
type Metrics struct {
	Options
	registry *prometheus.Registry

	httpRequests, graphqlRequests, wechatCalls, accountEvents, decryptFailures *prometheus.CounterVec
	databaseFailures, cacheLookups                                             *prometheus.CounterVec
	httpDuration, graphqlDuration, wechatDuration, databaseDuration            *prometheus.HistogramVec
}

// New makes Metrics in a registry of their own, with those of the process and of the Go runtime.
func New(o Options) *Metrics {
	m := &Metrics{Options: o, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	build := m.gauge("build_info", "What runs here. Always 1.", "version", "commit")
	build.WithLabelValues(o.Version, o.Commit).Set(1)

	requests := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	m.httpRequests = m.counter("http_requests_total",
		"Requests to the ports of people and of administrators, by route and status; status 0 is a connection that was cut before an answer.", "route", "status")
	m.httpDuration = m.histogram("http_request_duration_seconds", "How long requests took, by route.", requests, "route")
	m.graphqlRequests = m.counter("graphql_requests_total",
		"Root fields that were asked for, by error code or OK; no field means that the request could not be understood.", "field", "code")
	m.graphqlDuration = m.histogram("graphql_request_duration_seconds",
		"How long the operations took that asked for a root field.", requests, "field")
	m.wechatCalls = m.counter("wechat_calls_total",
		"Calls of WeChat's server API, by outcome and errcode; held and quota were never sent.", "app", "api", "outcome", "errcode")
	m.wechatDuration = m.histogram("wechat_call_duration_seconds",
		"How long WeChat took to answer, or not to.", []float64{.01, .025, .05, .1, .25, .5, 1, 2, 3}, "api")
	m.accountEvents = m.counter("account_events_total",
		"What happened to accounts, by the names of the audit trail.", "app", "action", "how", "first")
	m.decryptFailures = m.counter("decrypt_failures_total", "Encrypted data that was refused, by cause.", "app", "cause")
	m.databaseDuration = m.histogram("database_statement_duration_seconds", "How long the database took to answer.",
		[]float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3}, "statement")
	m.databaseFailures = m.counter("database_failures_total",
		"Statements that failed, by class; unique is how races are decided, and no defect.", "statement", "class")
	m.cacheLookups = m.counter("session_key_cache_lookups_total", "Uses of the session key cache.", "result")
	m.begin()
	return m
}

// begin has what is rare start at zero: a counter that begins its life with 1 has, to Prometheus, not
// increased.
func (m *Metrics) begin() {
	for _, app := range m.Apps {
		for _, action := range rareActions {
			m.accountEvents.WithLabelValues(app, string(action), "", "")
		}
		for _, cause := range decryptCauses {
			m.decryptFailures.WithLabelValues(app, cause)
		}
	}
}

var rareActions = []account.Action{account.ActionDropKeys, account.ActionReuse, account.ActionForeignNonce, account.ActionBlocked}

// Handler shows the metrics to whoever may ask. That is for the caller to see to.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// app is the label of an app.
func (m *Metrics) app(id string) string {
	if slices.Contains(m.Apps, id) {
		return id
	}
	return other
}

const namespace = "mpauth"

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	o := prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
	v := prometheus.NewHistogramVec(o, labels)
	m.registry.MustRegister(v)
	return v
}
