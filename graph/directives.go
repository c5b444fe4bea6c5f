package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/authn"
)

// mustAuth is the @mustAuth directive: it runs before the field's resolver. That there is a caller
// was decided before anything ran; whoever only asks for that costs no query.
func (r *Resolver) mustAuth(ctx context.Context, _ any, next graphql.Resolver, step *account.AuthStep, need []account.AuthFact) (any, error) {
	caller, err := authn.Caller(ctx)
	if err != nil {
		return nil, err
	}
	if step == nil || *step > account.StepOne || len(need) > 0 {
		if _, err := r.Account.MustAuth(ctx, caller, step, need); err != nil {
			return nil, err
		}
	}
	return next(ctx)
}

// requireCaller refuses an operation that asks for anything but public fields without a login,
// before any of it is resolved, so that the answer has no data and the client may safely repeat it.
func requireCaller(errors front.Presenter) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		operation := graphql.GetOperationContext(ctx)
		if onlyPublic(operation.Operation.SelectionSet) {
			return next(ctx)
		}
		if _, err := authn.Caller(ctx); err != nil {
			return errors.Refuse(ctx, err)
		}
		return next(ctx)
	}
}

// onlyPublic tells whether all root fields are @public or about the schema itself.
func onlyPublic(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		public := false
		switch s := selection.(type) {
		case *ast.Field:
			public = isIntrospection(s.Name) || s.Definition != nil && s.Definition.Directives.ForName("public") != nil
		case *ast.InlineFragment:
			public = onlyPublic(s.SelectionSet)
		case *ast.FragmentSpread:
			public = s.Definition != nil && onlyPublic(s.Definition.SelectionSet)
		}
		if !public {
			return false
		}
	}
	return true
}

func isIntrospection(name string) bool {
	return name == "__typename" || name == "__schema" || name == "__type"
}
