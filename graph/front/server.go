// Package front owns how GraphQL comes in and goes out over HTTP, for whichever schema it is.
//
// The users' schema and the administrators' are two servers on two ports; what makes a request
// acceptable, how large it may be and what an error shows is the same at both, and so written once.
package front

import (
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	maxTokens = 600  // of a query; the introspection query of GraphiQL has a quarter of it
	queries   = 1000 // parsed queries that are remembered
)

// Options are what the endpoint of a schema needs.
type Options struct {
	Schema        graphql.ExecutableSchema
	Introspection bool       // whether the schema may be asked for
	Documents     *Documents // nil: anybody may ask for anything that the schema has
	Watch         Watch
	Log           *slog.Logger

	// Around are called around each operation that is valid, the first one outermost; First sees
	// requests before anything looks at the query.
	Around []graphql.OperationMiddleware
	First  graphql.HandlerExtension // nil: none
}

// New is the endpoint: POST only.
func New(o Options) http.Handler {
	errors := Presenter{Log: o.Log}
	server := handler.New(o.Schema)
	server.AddTransport(post{errors, o.Watch, o.Documents})
	known := lru.New[*ast.QueryDocument](queries)
	server.SetQueryCache(known)
	server.SetParserTokenLimit(maxTokens)
	server.SetDisableSuggestion(true)
	for _, around := range o.Around {
		server.AroundOperations(around)
	}
	if o.First != nil {
		server.Use(o.First)
	}
	server.Use(trusted{o.Documents})
	server.Use(shapeLimit{accepted: known})
	server.Use(introspection{open: o.Introspection})
	server.AroundRootFields(o.Watch.aroundRootField)
	server.SetErrorPresenter(errors.Present)
	server.SetRecoverFunc(errors.recovered)
	return server
}
