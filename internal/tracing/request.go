package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mpauth/internal/fault"
	"mpauth/internal/telemetry"
)

// noted are the notes about a request that its span takes over, by their names there.
var noted = map[string]attribute.Key{
	"operation": "mpauth.operation", "error_code": "mpauth.error_code", "app_id": "mpauth.app_id", "user_id": "user.id",
}

// HTTP is a [telemetry.Watch]: the span of a request, in the trace of the proxy in front if that is
// trusted.
func (t *Tracer) HTTP(r *http.Request) (context.Context, func(telemetry.Ended)) {
	ctx := r.Context()
	if parent := r.Header.Get("Traceparent"); parent != "" && t.Trusted(r) {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
	}
	ctx, span := t.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(how telemetry.Ended) {
		if !span.IsRecording() {
			return
		}
		span.SetName(how.Route)
		span.SetAttributes(attribute.String("http.route", how.Route), attribute.Int("http.response.status_code", how.Status))
		for _, note := range how.Notes {
			if key, ok := noted[note.Key]; ok {
				span.SetAttributes(key.String(note.Value.String()))
			}
		}
		if how.Status == 0 || how.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Field is for front.Watch: the span of a root field.
func (t *Tracer) Field(ctx context.Context, field string) (context.Context, func(fault.Code)) {
	ctx, span := t.Start(ctx, field)
	return ctx, func(code fault.Code) {
		if code != "" {
			span.SetAttributes(attribute.String("mpauth.error_code", string(code)))
		}
		if code == fault.Internal || code == fault.Unavailable || code == fault.WechatUnavailable {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
