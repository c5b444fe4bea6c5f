package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/internal/fault"
	"mpauth/internal/telemetry"
)

// Presenter turns every error into what its caller may know.
type Presenter struct {
	Log *slog.Logger
}

// Present is the one exit of errors. A fault is shown with its code, a mistake in the request with
// its text; everything else is logged in full, and shown as INTERNAL without a word of it.
func (p Presenter) Present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		p.logCause(ctx, known)
	case isRequestError(shown) || isArgument(ctx, shown):
		known = fault.New(fault.BadInput, shown.Message)
	default:
		p.Log.ErrorContext(ctx, "an unexpected error was answered with INTERNAL", "error", err, "path", shown.Path.String())
		known = fault.New(fault.Internal, "internal error")
	}
	telemetry.Annotate(ctx, slog.String("error_code", string(known.Code)))
	shown.Message = known.Message
	shown.Err = nil
	shown.Extensions = p.extensions(ctx, known)
	return shown
}

// Refuse answers an operation of which nothing has begun with why it is refused.
func (p Presenter) Refuse(ctx context.Context, err error) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{p.Present(ctx, err)}})
}

// logCause keeps why a fault came about: the caller is not told.
func (p Presenter) logCause(ctx context.Context, known *fault.Error) {
	if known.Err != nil {
		p.Log.WarnContext(ctx, "a request failed", "error_code", string(known.Code), "error", known.Err)
	}
}

// isRequestError tells the errors of gqlgen itself about a query that it cannot parse, validate or
// bind: they wrap nothing, and their text speaks of the request alone.
func isRequestError(shown *gqlerror.Error) bool {
	code, _ := shown.Extensions["code"].(string)
	return shown.Unwrap() == nil || code == errcode.ParseFailed || code == errcode.ValidationFailed
}

// isArgument tells an argument that is not of its type. gqlgen reads arguments before a field has any,
// and its path then goes on from the field to what is wrong.
func isArgument(ctx context.Context, shown *gqlerror.Error) bool {
	field := graphql.GetFieldContext(ctx)
	return field != nil && field.Args == nil && len(shown.Path) > len(field.Path())
}

func (p Presenter) extensions(ctx context.Context, known *fault.Error) map[string]any {
	extensions := map[string]any{
		"code":      known.Code,
		"retryable": known.Code.Retryable(),
		"action":    known.Code.Action(),
		"requestId": telemetry.RequestID(ctx),
	}
	if known.RetryAfter > 0 {
		extensions["retryAfterMs"] = known.RetryAfter.Milliseconds()
	}
	if known.ClosesAt != nil {
		extensions["closesAt"] = known.ClosesAt.UTC().Format(time.RFC3339Nano)
	}
	if known.MergeID != "" {
		extensions["mergeId"] = known.MergeID
	}
	if known.Step != nil {
		extensions["have"], extensions["need"], extensions["next"] = known.Step.Have, known.Step.Need, known.Step.Next
	}
	return extensions
}

// panicked is an error that was a panic; the presenter shows it as INTERNAL.
type panicked struct{ cause any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// recovered keeps the process alive when a resolver panics.
func (p Presenter) recovered(ctx context.Context, cause any) error {
	p.Log.ErrorContext(ctx, "a resolver panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	return fmt.Errorf("resolver: %w", panicked{cause})
}
