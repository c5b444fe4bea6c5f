package graph

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"mpauth/graph/generated"
	"mpauth/internal/account"
)

const (
	maxBody   = 64 << 10 // bytes of a request
	maxTokens = 600      // of a query; the introspection query of GraphiQL has a quarter of it
	queries   = 1000     // parsed queries that are remembered
)

// Options are what the GraphQL handler needs.
type Options struct {
	Account       *account.Service
	Introspection bool // whether the schema may be asked for
	Log           *slog.Logger
	RequestID     func(context.Context) string
}

// NewHandler is the GraphQL endpoint: POST only. It expects [authn.Authenticator.Middleware] in
// front of it.
func NewHandler(o Options) http.Handler {
	resolver := &Resolver{Account: o.Account}
	errors := presenter{log: o.Log, requestID: o.RequestID}
	server := handler.New(generated.NewExecutableSchema(generated.Config{
		Resolvers:  resolver,
		Directives: generated.DirectiveRoot{MustAuth: resolver.mustAuth},
	}))
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](queries))
	server.SetParserTokenLimit(maxTokens)
	server.SetDisableSuggestion(true)
	if o.Introspection {
		server.Use(extension.Introspection{})
	}
	server.AroundOperations(requireCaller)
	server.SetErrorPresenter(errors.present)
	server.SetRecoverFunc(errors.recovered)
	return http.MaxBytesHandler(server, maxBody)
}
