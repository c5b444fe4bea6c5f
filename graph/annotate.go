package graph

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"mpauth/internal/authn"
	"mpauth/internal/telemetry"
)

// annotate tells the request's log event what was asked for and by whom. The names of fields are the
// schema's; names that the client chose are not logged.
func annotate(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	for _, selection := range graphql.GetOperationContext(ctx).Operation.SelectionSet {
		if field, ok := selection.(*ast.Field); ok {
			telemetry.Annotate(ctx, slog.String("operation", field.Name))
			break
		}
	}
	if caller, err := authn.Caller(ctx); err == nil {
		telemetry.Annotate(ctx, slog.String("app_id", caller.AppID), slog.String("user_id", caller.UserID.String()))
	}
	return next(ctx)
}
