package graph

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"

	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/telemetry"
)

// annotate tells the request's log event what was asked for and by whom. The names of fields are the
// schema's; names that the client chose are not logged.
func annotate(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if fields := front.RootFields(graphql.GetOperationContext(ctx)); len(fields) > 0 {
		telemetry.Annotate(ctx, slog.String("operation", fields[0].Name))
	}
	if caller, err := authn.Caller(ctx); err == nil {
		telemetry.Annotate(ctx, slog.String("app_id", caller.AppID), slog.String("user_id", caller.UserID.String()))
	}
	return next(ctx)
}

// annotateApp tells it the app that somebody comes from, who has no token yet. A name that is not that
// of an app is the client's own word, and not logged.
func annotateApp(ctx context.Context, apps account.Apps, id *string) {
	if app, err := apps.Find(id); err == nil {
		telemetry.Annotate(ctx, slog.String("app_id", app.AppID))
	}
}

// annotateLogin tells it who has logged in.
func annotateLogin(ctx context.Context, login *account.Login) {
	if login != nil {
		telemetry.Annotate(ctx, slog.String("app_id", login.AppID), slog.String("user_id", login.User.ID.String()))
	}
}

// appOf is the app that a request comes from: that of its caller, or the one that it names. The name is
// the client's own word.
func appOf(ctx context.Context, operation *graphql.OperationContext) string {
	if caller, err := authn.Caller(ctx); err == nil {
		return caller.AppID
	}
	for _, field := range front.RootFields(operation) {
		arguments := field.ArgumentMap(operation.Variables)
		if input, ok := arguments["input"].(map[string]any); ok {
			arguments = input
		}
		if appID, ok := arguments["appId"].(string); ok {
			return appID
		}
	}
	return ""
}
