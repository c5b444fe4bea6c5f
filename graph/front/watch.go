package front

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/internal/fault"
)

// Watch follows what is asked for, for metrics and traces. What is nil does not follow.
type Watch struct {
	// Operation is called when a request begins. The function that it returns is called once for each
	// root field, by its name in the schema, when the request has been answered. The field is "" when
	// the request could not be understood so far; the code is "" when the field was fulfilled.
	Operation func() (answered func(field string, code fault.Code))

	// Refused is called once for each request that was answered with an error, with the code of the
	// first. The operation is nil when the request could not be understood so far.
	Refused func(ctx context.Context, operation *graphql.OperationContext, code fault.Code)

	// Field is called before a root field is resolved, and may give it another context. The function
	// that it returns is called afterwards, with "" when the field was fulfilled.
	Field func(ctx context.Context, field string) (_ context.Context, resolved func(fault.Code))
}

// begin tells of a request; what it returns, of the answer.
func (w Watch) begin() func(*graphql.OperationContext, *graphql.Response) {
	if w.Operation == nil {
		return func(*graphql.OperationContext, *graphql.Response) {}
	}
	answered := w.Operation()
	return func(operation *graphql.OperationContext, answer *graphql.Response) {
		fields := RootFields(operation)
		if len(fields) == 0 {
			answered("", codeOf(answer.Errors))
		}
		for _, field := range fields {
			concerns := answer.Errors
			if len(answer.Data) > 0 { // otherwise nothing was begun, whatever the errors point at
				concerns = under(field.Alias, answer.Errors)
			}
			answered(field.Name, codeOf(concerns))
		}
	}
}

// refused tells of an answer with an error.
func (w Watch) refused(ctx context.Context, operation *graphql.OperationContext, answer *graphql.Response) {
	if code := codeOf(answer.Errors); w.Refused != nil && code != "" {
		w.Refused(ctx, operation, code)
	}
}

// aroundRootField is a [graphql.RootFieldMiddleware].
func (w Watch) aroundRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if w.Field == nil {
		return next(ctx)
	}
	field := graphql.GetRootFieldContext(ctx).Field
	ctx, resolved := w.Field(ctx, field.Name)
	value := next(ctx)
	resolved(codeOf(under(field.Alias, graphql.GetErrors(ctx))))
	return value
}

// RootFields are the fields that an operation asks for, with its fragments put in; none as long as it
// has not been found valid.
func RootFields(operation *graphql.OperationContext) []graphql.CollectedField {
	if operation == nil || operation.Operation == nil {
		return nil
	}
	root := "Query"
	if operation.Operation.Operation == ast.Mutation {
		root = "Mutation"
	}
	return graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{root})
}

// under are the errors that lie under a root field, by its name in the answer.
func under(alias string, errors gqlerror.List) gqlerror.List {
	return slices.DeleteFunc(slices.Clone(errors), func(err *gqlerror.Error) bool {
		return len(err.Path) == 0 || err.Path[0] != ast.PathName(alias)
	})
}

// codeOf is the code of the first error; "" if there is none.
func codeOf(errors gqlerror.List) fault.Code {
	if len(errors) == 0 {
		return ""
	}
	code, _ := errors[0].Extensions["code"].(fault.Code)
	return code
}
