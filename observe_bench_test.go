package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"mpauth/graph"
	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/metrics"
	"mpauth/internal/telemetry"
	"mpauth/internal/tracing"
)

// BenchmarkObservedRequest is what log, metrics and traces cost beside the cheapest request there is, a
// query that reads nothing: one that goes to the database or to WeChat takes tens to thousands of times
// as long. Each request also tells of four statements, as a login would.
func BenchmarkObservedRequest(b *testing.B) {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(receiver.Close)
	for _, c := range []struct {
		name     string
		log      bool
		metrics  bool
		endpoint string
		oneIn    int
	}{
		{"bare", false, false, "", 1},
		{"log", true, false, "", 1},
		{"log+metrics", true, true, "", 1},
		{"log+metrics+traces/1", true, true, receiver.URL, 1},
		{"log+metrics+traces/100", true, true, receiver.URL, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			log := telemetry.NewLogger(io.Discard, "json", slog.LevelInfo)
			s := &server{config: &config.Config{}, log: log}
			s.metrics = metrics.New(metrics.Options{Apps: []string{"wx"}, Now: time.Now})
			s.tracer = tracing.New(tracing.Options{
				Endpoint: c.endpoint, OneIn: c.oneIn, Trusted: func(*http.Request) bool { return false }, Now: time.Now, Log: log,
			})
			apps, err := account.NewApps(account.App{AppID: "wx", Flow: account.Flow{account.FactPhone}})
			if err != nil {
				b.Fatal(err)
			}
			watch := front.Watch{}
			if c.metrics {
				watch = s.watchGraph()
			}
			field := watch.Field
			if c.metrics {
				watch.Field = func(ctx context.Context, name string) (context.Context, func(fault.Code)) {
					ctx, done := field(ctx, name)
					for range 4 {
						s.watchDatabase(ctx, database.Call{SQL: "SELECT 1", Duration: time.Millisecond})
					}
					return ctx, done
				}
			}
			mux := http.NewServeMux()
			mux.Handle("POST /graphql", (&authn.Authenticator{}).Middleware(graph.NewHandler(graph.Options{
				Account: account.New(account.Options{Apps: apps, Log: log}), Log: log, Watch: watch,
			})))
			var h http.Handler = mux
			switch {
			case c.metrics:
				h = s.observed(mux)
			case c.log:
				h = telemetry.Requests(log, time.Now, rand.Reader, mux)
			}
			body := []byte(`{"query":"{ authFlow { flow } }"}`)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Request-Id", "r"+strconv.Itoa(i))
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.StopTimer()
			_ = s.tracer.Close(b.Context())
		})
	}
}
