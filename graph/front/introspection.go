package front

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// introspection answers or refuses questions about the schema. gqlgen refuses them with an error that
// looks like a defect of this server.
type introspection struct{ open bool }

var (
	_ graphql.HandlerExtension        = introspection{}
	_ graphql.OperationContextMutator = introspection{}
)

// ExtensionName names the extension to gqlgen.
func (introspection) ExtensionName() string { return "Introspection" }

// Validate has nothing to check.
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext opens the schema, or refuses an operation that asks for it.
func (i introspection) MutateOperationContext(_ context.Context, o *graphql.OperationContext) *gqlerror.Error {
	o.DisableIntrospection = !i.open
	if !i.open && asksForSchema(o.Operation.SelectionSet) {
		return gqlerror.Errorf("introspection is switched off; the schema is in the repository")
	}
	return nil
}

// asksForSchema tells whether a root field is about the schema.
func asksForSchema(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		asks := false
		switch s := selection.(type) {
		case *ast.Field:
			asks = s.Name == "__schema" || s.Name == "__type"
		case *ast.InlineFragment:
			asks = asksForSchema(s.SelectionSet)
		case *ast.FragmentSpread:
			asks = s.Definition != nil && asksForSchema(s.Definition.SelectionSet)
		}
		if asks {
			return true
		}
	}
	return false
}
