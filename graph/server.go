package graph

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"mpauth/graph/front"
	"mpauth/graph/generated"
	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// Options are what the GraphQL handler needs.
type Options struct {
	Account       *account.Service
	Introspection bool             // whether the schema may be asked for
	Limits        *Limits          // nil: anybody may ask for anything at any rate
	Documents     *front.Documents // nil: anybody may ask for anything that the schema has
	Log           *slog.Logger
	Watch         front.Watch

	// Refused is called for each request that was answered with an error, with the app that it came
	// from, as far as the caller's token or the request tells; nil: nobody counts them.
	Refused func(appID string, code fault.Code)
}

// NewHandler is the GraphQL endpoint: POST only. It expects [authn.Authenticator.Middleware] and, with
// Limits, [clientip.Proxies.Middleware] in front of it.
func NewHandler(o Options) http.Handler {
	resolver := &Resolver{Account: o.Account}
	errors := front.Presenter{Log: o.Log}
	if o.Refused != nil {
		o.Watch.Refused = func(ctx context.Context, operation *graphql.OperationContext, code fault.Code) {
			o.Refused(appOf(ctx, operation), code)
		}
	}
	return front.New(front.Options{
		Schema: generated.NewExecutableSchema(generated.Config{
			Resolvers:  resolver,
			Directives: generated.DirectiveRoot{MustAuth: resolver.mustAuth},
		}),
		Introspection: o.Introspection, Documents: o.Documents, Watch: o.Watch, Log: o.Log,
		Around: []graphql.OperationMiddleware{annotate, requireCaller(errors)},
		First:  rateLimit{o.Limits, errors},
	})
}
