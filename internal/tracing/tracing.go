// Package tracing owns the way of single requests through the server, told as OpenTelemetry spans.
//
// A span is named by what the server knows beforehand: route, field of the schema, kind of statement,
// API of WeChat. It carries no argument, no URL, no header and no text of an error, because a
// collector keeps for long what it gets; a person is in it as the server's own id, or as the hash that
// the log has too. Work that belongs to no traced request leaves no span. What is exported is bounded,
// and a collector that is away costs a log line and the spans.
package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const scope = "mpauth"

// Options are what a Tracer needs. Without an Endpoint nothing is traced, and all but Trusted may be
// left out.
type Options struct {
	// Endpoint is the base URL of an OTLP/HTTP receiver; spans go to /v1/traces below it.
	Endpoint string
	// OneIn says how many requests share one that is traced; 1 traces all.
	OneIn int
	// Version of this program.
	Version string
	// Trusted tells whether the traceparent of a request is believed: it decides what is traced.
	Trusted func(*http.Request) bool
	// Pseudonym hashes an openid as the log does.
	Pseudonym func(openID string) string
	Now       func() time.Time
	Log       *slog.Logger
}

// Tracer makes spans. Its methods are made to be handed to the packages that they are named after, and
// are safe for concurrent use.
type Tracer struct {
	Options
	trace.Tracer
	close func(context.Context) error
}

// New makes a Tracer. It does not look for the receiver.
func New(o Options) *Tracer {
	if o.Endpoint == "" {
		return &Tracer{o, noop.NewTracerProvider().Tracer(scope), func(context.Context) error { return nil }}
	}
	exporter := otlptrace.NewUnstarted(&otlp{url: o.Endpoint + "/v1/traces", log: o.Log})
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithExportTimeout(exportTimeout)),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(1/float64(o.OneIn)))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "mpauth"), attribute.String("service.version", o.Version))),
	)
	return &Tracer{o, provider.Tracer(scope), provider.Shutdown}
}

// Close exports what is left, for as long as ctx lasts.
func (t *Tracer) Close(ctx context.Context) error { return t.close(ctx) }

// ended makes a span of work in ctx that has just ended, if it belongs to a request that is traced.
func (t *Tracer) ended(ctx context.Context, name string, took time.Duration) (span trace.Span, end func()) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return noop.Span{}, func() {}
	}
	now := t.Now()
	_, span = t.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(now.Add(-took)))
	return span, func() { span.End(trace.WithTimestamp(now)) }
}
