package admin

import (
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"mpauth/graph/admin/generated"
	"mpauth/graph/front"
	"mpauth/internal/admin"
	"mpauth/internal/adminauth"
	"mpauth/internal/ratelimit"
)

// Options are what the administrators' GraphQL handler needs.
type Options struct {
	Admin   *admin.Service
	Keys    *adminauth.Keys
	Limiter *ratelimit.Limiter // nil: administrators may ask at any rate
	Log     *slog.Logger
	Watch   front.Watch
}

// NewHandler is the administrators' GraphQL endpoint: POST only. It expects
// [adminauth.Authenticator.Middleware] in front of it. The schema may be asked for, because only an
// administrator gets as far.
func NewHandler(o Options) http.Handler {
	return front.New(front.Options{
		Schema: generated.NewExecutableSchema(generated.Config{
			Resolvers:  &Resolver{Admin: o.Admin, Keys: o.Keys},
			Directives: generated.DirectiveRoot{HasRole: hasRole},
		}),
		Introspection: true, Watch: o.Watch, Log: o.Log,
		Around: []graphql.OperationMiddleware{annotate},
		First:  gate{o.Limiter},
	})
}
