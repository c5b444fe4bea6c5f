package graph

import (
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

	"mpauth/graph/generated"
	"mpauth/internal/account"
)

const (
	maxTokens = 600  // of a query; the introspection query of GraphiQL has a quarter of it
	queries   = 1000 // parsed queries that are remembered
)

// Options are what the GraphQL handler needs.
type Options struct {
	Account       *account.Service
	Introspection bool       // whether the schema may be asked for
	Limits        *Limits    // nil: anybody may ask for anything at any rate
	Documents     *Documents // nil: anybody may ask for anything that the schema has
	Log           *slog.Logger
	Watch         Watch
}

// NewHandler is the GraphQL endpoint: POST only. It expects [authn.Authenticator.Middleware] and, with
// Limits, [clientip.Proxies.Middleware] in front of it.
func NewHandler(o Options) http.Handler {
	resolver := &Resolver{Account: o.Account}
	errors := presenter{log: o.Log}
	server := handler.New(generated.NewExecutableSchema(generated.Config{
		Resolvers:  resolver,
		Directives: generated.DirectiveRoot{MustAuth: resolver.mustAuth},
	}))
	server.AddTransport(post{errors, o.Watch, o.Documents})
	known := lru.New[*ast.QueryDocument](queries)
	server.SetQueryCache(known)
	server.SetParserTokenLimit(maxTokens)
	server.SetDisableSuggestion(true)
	server.AroundOperations(annotate)
	server.AroundOperations(errors.requireCaller)
	server.Use(rateLimit{o.Limits, errors}) // before what looks at the query
	server.Use(trusted{o.Documents})
	server.Use(shapeLimit{accepted: known})
	server.Use(introspection{open: o.Introspection})
	server.AroundRootFields(o.Watch.aroundRootField)
	server.SetErrorPresenter(errors.present)
	server.SetRecoverFunc(errors.recovered)
	return server
}
