package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"mpauth/internal/telemetry"
)

// TestWatchesAreToldHowARequestEnded: first in, last out, and what one puts into the context is there
// for the handler, for the next watch and for the log.
func TestWatchesAreToldHowARequestEnded(t *testing.T) {
	t.Parallel()
	traceID, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	require.NoError(t, err)
	spanID, err := trace.SpanIDFromHex("b7ad6b7169203331")
	require.NoError(t, err)
	var order []string
	var last telemetry.Ended
	outer := func(r *http.Request) (context.Context, func(telemetry.Ended)) {
		span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID})
		return trace.ContextWithSpanContext(r.Context(), span), func(telemetry.Ended) { order = append(order, "outer") }
	}
	inner := func(r *http.Request) (context.Context, func(telemetry.Ended)) {
		require.Equal(t, traceID, trace.SpanContextFromContext(r.Context()).TraceID())
		return r.Context(), func(how telemetry.Ended) { order, last = append(order, "inner"), how }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /noted", func(w http.ResponseWriter, r *http.Request) {
		telemetry.Annotate(r.Context(), slog.String("operation", "me"))
		w.WriteHeader(http.StatusTeapot)
	})
	mux.HandleFunc("GET /panics", func(http.ResponseWriter, *http.Request) { panic("a defect") })
	mux.HandleFunc("GET /cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	at := time.Now()
	now := func() time.Time { at = at.Add(time.Second); return at }

	for path, want := range map[string]telemetry.Ended{
		"/noted":  {Route: "GET /noted", Status: http.StatusTeapot, Notes: []slog.Attr{slog.String("operation", "me")}},
		"/panics": {Route: "GET /panics", Status: http.StatusInternalServerError},
		"/cut":    {Route: "GET /cut", Status: 0},
		"/silent": {Route: "GET /silent", Status: http.StatusOK},
		"/else":   {Route: "unmatched", Status: http.StatusNotFound},
	} {
		order = nil
		var log bytes.Buffer
		handler := telemetry.Requests(telemetry.NewLogger(&log, "json", slog.LevelInfo), now, strings.NewReader("0123456789"), mux, outer, inner)
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		}()
		want.Duration = time.Second
		require.Equal(t, want, last, path)
		require.Equal(t, []string{"inner", "outer"}, order)
		require.Contains(t, log.String(), `"trace_id":"0af7651916cd43dd8448eb211c80319c"`)
	}
}

// TestOnlyATraceIDPassesAsOne: an AppSecret has 32 hexadecimal digits too, so the name counts, and the shape.
func TestOnlyATraceIDPassesAsOne(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, "json", slog.LevelInfo)
	logger.Info("x", "trace_id", "0af7651916cd43dd8448eb211c80319c", "span", "0af7651916cd43dd8448eb211c80319d", "request", slog.GroupValue(slog.String("trace_id", "13800138000")))
	require.Contains(t, log.String(), "0af7651916cd43dd8448eb211c80319c")
	require.NotContains(t, log.String(), "0af7651916cd43dd8448eb211c80319d")
	require.NotContains(t, log.String(), "13800138000")
}
