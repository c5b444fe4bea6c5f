package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"mpauth/internal/database"
	"mpauth/internal/wechat"
)

// Database is for database.Observe: the span of a statement, with its text, which has no arguments.
func (t *Tracer) Database(ctx context.Context, call database.Call) {
	span, end := t.ended(ctx, call.Verb(), call.Duration)
	defer end()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("db.operation.name", call.Verb()), attribute.String("db.query.text", call.SQL))
	if class := call.Class(); class != "" {
		span.SetAttributes(attribute.String("error.type", class))
		if class != "unique" {
			span.SetStatus(codes.Error, "")
		}
	}
}

// WeChat is for wechat.Options.Observe: the span of a request to WeChat, or of one that was held back.
func (t *Tracer) WeChat(ctx context.Context, call wechat.Call) {
	span, end := t.ended(ctx, call.API, call.Duration)
	defer end()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("mpauth.app_id", call.AppID), attribute.String("wechat.outcome", string(call.Outcome)))
	if call.OpenID != "" {
		span.SetAttributes(attribute.String("user.hash", t.Pseudonym(call.OpenID)))
	}
	if call.Errcode != 0 {
		span.SetAttributes(attribute.Int("wechat.errcode", call.Errcode))
	}
	if call.Outcome != wechat.OutcomeOK && call.Outcome != wechat.OutcomeErrcode {
		span.SetStatus(codes.Error, "")
	}
}
