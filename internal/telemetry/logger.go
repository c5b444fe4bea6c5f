// Package telemetry owns what leaves the process as a log: the handler that redacts, and one event per request.
//
// The code that logs is the first line of defence and passes no secrets. This is the second: whatever an error of a
// library, a value that prints more than one thought, or a mistake brings along, attributes with telling names are blotted
// out and texts that look like a secret, a token or a phone number are masked before they are written. It errs on the side
// of hiding: a masked build number costs a look into the source, a leaked session key costs somebody's phone number.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes to w one redacted event per line, with times in UTC. The format "json" is for
// machines; any other is readable text. Text that came from outside cannot break out of its line in either.
//
// Events that are logged with the context of a request carry its request_id and, if it is traced, its trace_id.
func NewLogger(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "json" {
		return slog.New(withRequestID{slog.NewJSONHandler(w, options)})
	}
	return slog.New(withRequestID{slog.NewTextHandler(w, options)})
}

// withRequestID adds the ids of the request that an event is about, so that no caller has to pass them on.
type withRequestID struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h withRequestID) Handle(ctx context.Context, record slog.Record) error {
	if id := RequestID(ctx); id != "" {
		record.AddAttrs(slog.String(requestIDKey, id))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String(traceIDKey, span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}
