package admin

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"

	"mpauth/graph/front"
	"mpauth/internal/adminauth"
	"mpauth/internal/fault"
	"mpauth/internal/telemetry"
)

// hasRole is the @hasRole directive: it runs before the field's resolver.
func hasRole(ctx context.Context, _ any, next graphql.Resolver, role adminauth.Role) (any, error) {
	caller, err := adminauth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	if !caller.Has(role) {
		telemetry.Annotate(ctx, slog.String("lacks", string(role)))
		return nil, fault.New(fault.Forbidden, "this needs the role "+string(role))
	}
	return next(ctx)
}

// annotate tells the request's log event what was asked for; who asks is in it already.
func annotate(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if fields := front.RootFields(graphql.GetOperationContext(ctx)); len(fields) > 0 {
		telemetry.Annotate(ctx, slog.String("operation", fields[0].Name))
	}
	return next(ctx)
}
