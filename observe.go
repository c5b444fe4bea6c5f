package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/clientip"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/metrics"
	"mpauth/internal/telemetry"
	"mpauth/internal/tracing"
	"mpauth/internal/wechat"
)

// makeObservers makes what counts, measures and traces. It comes before what is observed.
func (s *server) makeObservers() {
	version, commit := config.Version()
	s.metrics = metrics.New(metrics.Options{Apps: appIDs(s.config), Version: version, Commit: commit, Now: time.Now})
	s.tracer = tracing.New(tracing.Options{
		Endpoint: s.config.OTLPEndpoint, OneIn: s.config.TraceOneIn, Version: version,
		Trusted: clientip.Proxies(s.config.Proxies).Forwards, Pseudonym: telemetry.Pseudonym,
		Now: time.Now, Log: s.log,
	})
}

// followState has the metrics look at what is only known once everything is there.
func (s *server) followState() {
	s.metrics.Follow(metrics.State{
		Pool: s.db.SQL, FeedAge: s.revocations.Age, Revoked: s.revocations.Known, Keys: s.rings.since,
	})
}

// observed is next with its log event, its metrics and its trace.
func (s *server) observed(next http.Handler) http.Handler {
	return telemetry.Requests(s.log, time.Now, rand.Reader, next, s.traceHTTP, s.metrics.HTTP)
}

// observedApart is observed for the administrators' port. Both ports have a POST /graphql; what people
// meet must not look better or worse for what administrators do.
func (s *server) observedApart(next http.Handler) http.Handler {
	apart := func(r *http.Request) (context.Context, func(telemetry.Ended)) {
		ctx, ended := s.metrics.HTTP(r)
		return ctx, func(how telemetry.Ended) {
			how.Route = "administrators: " + how.Route
			ended(how)
		}
	}
	return telemetry.Requests(s.log, time.Now, rand.Reader, next, s.traceHTTP, apart)
}

// traceHTTP traces requests but for probes, which come all day and ask nothing.
func (s *server) traceHTTP(r *http.Request) (context.Context, func(telemetry.Ended)) {
	if r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
		return r.Context(), func(telemetry.Ended) {}
	}
	return s.tracer.HTTP(r)
}

func (s *server) watchGraph() front.Watch {
	return front.Watch{Operation: s.metrics.Operation, Field: s.tracer.Field}
}

func (s *server) observeAccount(e account.Event) {
	s.metrics.Account(e)
	s.stats.Observe(e)
}

func (s *server) watchDatabase(ctx context.Context, call database.Call) {
	s.metrics.Database(ctx, call)
	s.tracer.Database(ctx, call)
}

func (s *server) watchWeChat(ctx context.Context, call wechat.Call) {
	s.metrics.WeChat(ctx, call)
	s.tracer.WeChat(ctx, call)
}

// tellMisconfigured is for whoever runs the server: each request that fails for it says only so much.
func (s *server) tellMisconfigured(ctx context.Context, m wechat.Misconfiguration) {
	s.log.ErrorContext(ctx, "WeChat refuses how an app is set up; the call fails until that is mended",
		"app_id", m.AppID, "api", m.API, "errcode", m.Errcode, "errmsg", m.Errmsg, "remedy", m.Remedy)
}
